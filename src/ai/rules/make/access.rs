//! What targets have in channels and categories, and what roles may do everywhere.

use indexmap::IndexMap;

use crate::manifest::edit::{Edit, Subject, Value};
use crate::model::Permissions;

use super::super::grammar::Grant;
use super::{Maker, bits_of, is_text_like, listed, names_of};

/// What a place says of its overwrites.
enum Said {
    /// Its own map or name: targets are set one by one.
    Own,
    /// Nothing: this is what holds instead, with all of it to be written.
    Whole(IndexMap<String, Value>),
}

impl Maker {
    fn said(&self, place: &Subject) -> Said {
        let own = self.guild.fields(place).and_then(|fields| fields.get("permissions"));
        match own {
            Some(Value::Map(_)) => Said::Own,
            Some(Value::Text(name)) if name != "unmanaged" => Said::Own,
            Some(Value::Text(_)) => Said::Whole(IndexMap::new()),
            _ => {
                let home = match place {
                    Subject::Channel(channel) => {
                        self.guild.category_of(channel).map(|home| Subject::Category(home.to_owned()))
                    }
                    _ => None,
                };
                let above = home.and_then(|home| self.guild.fields(&home)).and_then(|fields| fields.get("permissions"));
                Said::Whole(match above {
                    Some(Value::Map(targets)) => targets.clone(),
                    Some(Value::Text(name)) if name != "unmanaged" => {
                        [("use".to_owned(), Value::from(name.as_str()))].into()
                    }
                    _ => IndexMap::new(),
                })
            }
        }
    }

    /// What a target has in a map, or in the entry of `access` that is used.
    fn has(&self, permissions: Option<&Value>, target: &str) -> Option<Value> {
        match permissions {
            Some(Value::Map(targets)) => {
                let used =
                    || names_of(targets.get("use")).iter().find_map(|name| self.guild.access(name, target).cloned());
                targets.get(target).cloned().or_else(used)
            }
            Some(Value::Text(name)) => self.guild.access(name, target).cloned(),
            _ => None,
        }
    }

    /// Gives and takes in one place. What is `exact` is allowed to nobody else there afterwards.
    pub(super) fn access(&mut self, place: &Subject, grants: &[Grant], exact: Permissions) {
        let is_text = is_text_like(self.guild.kind(place));
        let heard = |bits: Permissions| match is_text && bits.contains(Permissions::SPEAK) {
            true => bits.without(Permissions::SPEAK).with(Permissions::SEND_MESSAGES),
            false => bits,
        };
        let granted = |bits: Permissions| heard(bits).without(Permissions::ADMINISTRATOR);
        let grants: Vec<(String, Permissions, Permissions)> =
            grants.iter().map(|grant| (grant.target.clone(), granted(grant.allow), heard(grant.deny))).collect();
        let is_meant = |target: &str| grants.iter().any(|(granted, ..)| granted == target);
        match self.said(place) {
            Said::Own => {
                let now = self.guild.fields(place).and_then(|fields| fields.get("permissions")).cloned();
                let others = self.others(now.as_ref(), heard(exact), is_meant);
                for (target, allow, deny) in grants {
                    let now = self.guild.fields(place).and_then(|fields| fields.get("permissions"));
                    let value = merged(self.has(now, &target).as_ref(), allow, deny);
                    self.overwrite(place, &target, value);
                }
                for (target, left) in others {
                    match left {
                        Some(value) => self.overwrite(place, &target, value),
                        None => self.no_overwrite(place, &target),
                    }
                }
            }
            Said::Whole(mut targets) => {
                let others = self.others(Some(&Value::Map(targets.clone())), heard(exact), is_meant);
                for (target, allow, deny) in grants {
                    let now = self.has(Some(&Value::Map(targets.clone())), &target);
                    targets.insert(target, merged(now.as_ref(), allow, deny));
                }
                for (target, left) in others {
                    match left {
                        Some(value) => drop(targets.insert(target, value)),
                        None => drop(targets.shift_remove(&target)),
                    }
                }
                self.set(place, "permissions", Value::Map(targets));
            }
        }
    }

    /// The other targets that are allowed some of these permissions, with what is left to each without them.
    fn others(
        &self,
        now: Option<&Value>,
        exact: Permissions,
        is_meant: impl Fn(&str) -> bool,
    ) -> Vec<(String, Option<Value>)> {
        let (own, used): (Vec<String>, Vec<String>) = match now {
            Some(Value::Map(targets)) => {
                (targets.keys().filter(|key| *key != "use").cloned().collect(), names_of(targets.get("use")))
            }
            Some(name @ Value::Text(_)) => (Vec::new(), names_of(Some(name))),
            _ => return Vec::new(),
        };
        let mut targets = own.clone();
        for target in used.iter().flat_map(|name| self.guild.access_targets(name)) {
            if !targets.contains(&target) {
                targets.push(target);
            }
        }
        // An administrator sees and writes whatever an overwrite says.
        targets.retain(|target| target != "everyone" && !is_meant(target) && !self.is_administrator(target));
        let left = |target: &String| {
            let value = self.has(now, target)?;
            self.without(&value, exact, own.contains(target))
        };
        targets.iter().filter_map(|target| left(target).map(|left| (target.clone(), left))).collect()
    }

    /// What a target has without some permissions; none when it is not allowed them, nothing when nothing is left.
    fn without(&self, value: &Value, exact: Permissions, is_own: bool) -> Option<Option<Value>> {
        let mut fields = match value {
            Value::Map(fields) => fields.clone(),
            sets @ (Value::Text(_) | Value::List(_)) => IndexMap::from([("use".to_owned(), sets.clone())]),
            _ => return None,
        };
        let sets = names_of(fields.get("use"));
        let of_sets = sets.iter().map(|name| self.guild.set(name)).fold(Permissions::NONE, |sum, set| set.over(sum));
        let (allow, deny) = (bits_of(fields.get("allow")), bits_of(fields.get("deny")));
        let by_sets = Permissions::from_bits(of_sets.bits() & exact.bits()).without(deny);
        if !allow.intersects(exact) && by_sets.is_empty() {
            return None;
        }
        let rest = allow.without(exact);
        match rest.is_empty() {
            true => drop(fields.shift_remove("allow")),
            false => drop(fields.insert("allow".to_owned(), listed(rest))),
        }
        // What a set or another entry allows can only be denied beside it.
        let denied = if fields.is_empty() && !is_own { deny.with(exact) } else { deny.with(by_sets) };
        if !denied.is_empty() {
            fields.insert("deny".to_owned(), listed(denied));
        }
        Some((!fields.is_empty()).then_some(Value::Map(fields)))
    }

    fn is_administrator(&self, role: &str) -> bool {
        let said = self.guild.roles.get(role).and_then(|fields| fields.get("permissions"));
        let (sets, own) = match said {
            Some(Value::Map(fields)) => (names_of(fields.get("use")), bits_of(fields.get("allow"))),
            Some(Value::Text(name)) => (vec![name.clone()], Permissions::NONE),
            other => (Vec::new(), bits_of(other)),
        };
        let of_sets = sets.iter().map(|name| self.guild.set(name)).fold(Permissions::NONE, |sum, set| set.over(sum));
        of_sets.with(own).contains(Permissions::ADMINISTRATOR)
    }

    /// A target has nothing of its own any more.
    fn no_overwrite(&mut self, place: &Subject, target: &str) {
        let edit = Edit::UnsetOverwrite { object: place.clone(), target: target.to_owned() };
        match self.is_new(place) {
            false => self.push(edit),
            true => {
                self.guild.follow(&edit);
                if let Some(Value::Map(targets)) = self.added(place).and_then(|fields| fields.get_mut("permissions")) {
                    targets.shift_remove(target);
                }
            }
        }
    }

    fn overwrite(&mut self, place: &Subject, target: &str, value: Value) {
        let edit = Edit::SetOverwrite { object: place.clone(), target: target.to_owned(), value };
        match self.is_new(place) {
            false => self.push(edit),
            true => {
                self.guild.follow(&edit);
                let whole = self.guild.fields(place).and_then(|fields| fields.get("permissions")).cloned();
                if let (Some(fields), Some(whole)) = (self.added(place), whole) {
                    fields.insert("permissions".to_owned(), whole);
                }
            }
        }
    }

    /// Takes a permission out of what everyone is denied.
    pub(super) fn open(&mut self, place: &Subject, permission: Permissions) {
        let target = "everyone";
        match self.said(place) {
            Said::Own => {
                let now = self.guild.fields(place).and_then(|fields| fields.get("permissions"));
                let is_own = matches!(now, Some(Value::Map(targets)) if targets.contains_key(target));
                let has = self.has(now, target);
                match self.opened(has.as_ref(), permission) {
                    Some(value) => self.overwrite(place, target, value),
                    None if is_own => self.no_overwrite(place, target),
                    None => self.overwrite(place, target, merged(None, permission, Permissions::NONE)),
                }
            }
            Said::Whole(mut targets) => {
                let is_own = targets.contains_key(target);
                let now = self.has(Some(&Value::Map(targets.clone())), target);
                match self.opened(now.as_ref(), permission) {
                    Some(value) => drop(targets.insert(target.to_owned(), value)),
                    None if is_own => drop(targets.shift_remove(target)),
                    None => drop(targets.insert(target.to_owned(), merged(None, permission, Permissions::NONE))),
                }
                self.set(place, "permissions", Value::Map(targets));
            }
        }
    }

    /// What everyone has afterwards; nothing when that is nothing at all.
    fn opened(&self, now: Option<&Value>, permission: Permissions) -> Option<Value> {
        let denied = match now {
            Some(Value::Map(fields)) => bits_of(fields.get("deny")),
            _ => Permissions::NONE,
        };
        if !denied.intersects(permission) {
            return Some(merged(now, permission, Permissions::NONE));
        }
        let Some(Value::Map(fields)) = now else { return None };
        let mut fields = fields.clone();
        let rest = denied.without(permission);
        match rest.is_empty() {
            true => drop(fields.shift_remove("deny")),
            false => drop(fields.insert("deny".to_owned(), listed(rest))),
        }
        // A set may deny it, too.
        let by_sets = names_of(fields.get("use")).iter().any(|name| self.guild.set(name).deny.intersects(permission));
        match (fields.is_empty(), by_sets) {
            (true, _) => None,
            (false, true) => Some(merged(Some(&Value::Map(fields)), permission, Permissions::NONE)),
            (false, false) => Some(Value::Map(fields)),
        }
    }

    /// Gives and takes in the whole guild.
    pub(super) fn everywhere(&mut self, grant: &Grant) {
        let Grant { target, allow, deny } = grant;
        // Whatever was read: this is never given.
        let allow = &allow.without(Permissions::ADMINISTRATOR);
        let role = Subject::Role(target.clone());
        let said = self.guild.fields(&role).and_then(|fields| fields.get("permissions")).cloned();
        let (sets, own) = match &said {
            Some(Value::Map(fields)) => (names_of(fields.get("use")), bits_of(fields.get("allow"))),
            Some(Value::Text(name)) => (vec![name.clone()], Permissions::NONE),
            other => (Vec::new(), bits_of(other.as_ref())),
        };
        let of_sets = sets.iter().map(|name| self.guild.set(name)).fold(Permissions::NONE, |sum, set| set.over(sum));
        let wanted = own.with(*allow).without(*deny);
        let value = if sets.is_empty() {
            listed(wanted)
        } else if of_sets.intersects(*deny) {
            listed(of_sets.with(own).with(*allow).without(*deny))
        } else {
            let used = match &said {
                Some(Value::Map(fields)) => fields.get("use").cloned().unwrap_or(Value::Null),
                Some(other) => other.clone(),
                None => Value::Null,
            };
            let mut fields = IndexMap::from([("use".to_owned(), used)]);
            if !wanted.is_empty() {
                fields.insert("allow".to_owned(), listed(wanted));
            }
            Value::Map(fields)
        };
        self.set(&role, "permissions", value);
    }
}

/// What a target has, with more allowed and more denied.
fn merged(now: Option<&Value>, allow: Permissions, deny: Permissions) -> Value {
    let mut fields = match now {
        Some(Value::Map(fields)) => fields.clone(),
        Some(sets @ (Value::Text(_) | Value::List(_))) => IndexMap::from([("use".to_owned(), sets.clone())]),
        _ => IndexMap::new(),
    };
    let lists = [
        ("allow", bits_of(fields.get("allow")).with(allow).without(deny)),
        ("deny", bits_of(fields.get("deny")).with(deny).without(allow)),
    ];
    for (name, bits) in lists {
        match bits.is_empty() {
            true => drop(fields.shift_remove(name)),
            false => drop(fields.insert(name.to_owned(), listed(bits))),
        }
    }
    Value::Map(fields)
}
