//! The words a manifest already has for what a guild is.
//!
//! Decides how a live value is written so that a reader finds the names they know: a permission set or an entry of
//! `access` that says exactly the same, and else what differs. Knows nothing of how a guild came to be so.

use indexmap::IndexMap;

use crate::manifest::diagnostic::Problems;
use crate::manifest::document::GuildDoc;
use crate::manifest::read::Read as _;
use crate::manifest::resolve::resolve;
use crate::manifest::source::Files;
use crate::manifest::tree::{Node, Value as Tree, is_number};
use crate::model::{Key, Overwrite, Overwrites, Permission, Permissions, RoleRef, Target};

use super::layers::{composed, places_of_channel};
use super::model::{Path, get, is_boolean, path, within};
use super::{Subject, Value};

/// What is written in a manifest, to be looked up.
#[derive(Clone, Debug)]
pub struct Words {
    root: Node<'static>,
    sets: Vec<(String, Overwrite)>,
    access: Vec<(String, Overwrites)>,
}

impl Words {
    /// Those of the manifest in the file `entry`; none when it cannot be read.
    pub fn of(files: &Files, entry: &str) -> Option<Self> {
        let (root, names) = composed(files, entry)?;
        let mut problems = Problems::default();
        for name in &names {
            problems.add_file(name);
        }
        let doc = GuildDoc::read(&root, &mut problems)?;
        let resolved = resolve(&doc, files, &mut problems);
        let sets = resolved.sets.all().map(|(name, set)| (name.to_owned(), *set)).collect();
        let access = resolved.access.all().map(|(name, set)| (name.to_owned(), set.clone())).collect();
        Some(Self { sets, access, root })
    }

    /// Forgets what named entries give a role, because it is about to leave the manifest.
    pub fn forget_role(&mut self, key: &Key) {
        let target = [Target::Role(RoleRef::Planned(key.clone()))];
        for (_, overwrites) in &mut self.access {
            *overwrites = overwrites.without(&target);
        }
    }

    fn place(&self, object: &Subject) -> Option<Path> {
        match (object, object.key()) {
            (Subject::Channel(key), _) => places_of_channel(&self.root, key).into_iter().next(),
            (_, Some(key)) => Some(path([object.section(), key])),
            (_, None) => Some(path([object.section()])),
        }
    }

    fn node(&self, object: &Subject, field: &str) -> Option<&Node<'static>> {
        get(&self.root, &within(&self.place(object)?, field))
    }

    /// True when something is said of a field.
    pub fn says(&self, object: &Subject, field: &str) -> bool {
        self.node(object, field).is_some()
    }

    /// What a role's `permissions` are to say when it may do exactly this.
    pub fn role_permissions(&self, object: &Subject, live: Permissions) -> Value {
        let written = self.node(object, "permissions");
        let (used, listed) = match written.map(|node| &node.value) {
            Some(Tree::List(_)) => (Vec::new(), texts(written)),
            Some(Tree::Map(_)) => (texts(self.inside(object, "use")), texts(self.inside(object, "allow"))),
            Some(Tree::Scalar { .. }) => (texts(written), Vec::new()),
            None => (Vec::new(), Vec::new()),
        };
        let bits: Permissions = used
            .iter()
            .filter_map(|name| self.set(name))
            .fold(Permissions::NONE, |sum, set| sum.without(set.deny).with(set.allow));
        if used.is_empty() || !live.contains(bits) {
            return Value::texts(listed_names(&listed, live));
        }
        let more = listed_names(&listed, live.without(bits));
        let is_map = matches!(written.map(|node| &node.value), Some(Tree::Map(_)));
        match used.as_slice() {
            [only] if more.is_empty() && !is_map => only.as_str().into(),
            [only] => Value::map([("use", only.as_str().into()), ("allow", Value::texts(more))]),
            several => Value::map([("use", Value::texts(several)), ("allow", Value::texts(more))]),
        }
    }

    fn inside(&self, object: &Subject, field: &str) -> Option<&Node<'static>> {
        let place = within(&within(&self.place(object)?, "permissions"), field);
        get(&self.root, &place)
    }

    /// The whole document as a value, with what it includes and extends.
    pub fn document(&self) -> Value {
        value_of(&self.root)
    }

    /// What a permission set allows and denies.
    pub fn set(&self, name: &str) -> Option<Overwrite> {
        self.sets.iter().find(|(set, _)| set == name).map(|(_, overwrite)| *overwrite)
    }

    /// Every permission set, with what it allows and denies.
    pub fn all_sets(&self) -> impl Iterator<Item = (&str, &Overwrite)> {
        self.sets.iter().map(|(name, set)| (name.as_str(), set))
    }

    /// Every entry of `access`, with what its targets have.
    pub fn all_access(&self) -> impl Iterator<Item = (&str, &Overwrites)> {
        self.access.iter().map(|(name, overwrites)| (name.as_str(), overwrites))
    }

    fn access(&self, name: &str) -> Option<&Overwrites> {
        self.access.iter().find(|(entry, _)| entry == name).map(|(_, overwrites)| overwrites)
    }

    /// What the `permissions` of a channel or category are to say when its overwrites are exactly `live`. Roles with keys
    /// stand in it by their keys; `now` is what the manifest says so far.
    pub fn overwrites(&self, object: &Subject, live: &Overwrites, now: &Overwrites) -> Value {
        if let Some((name, _)) = self.access.iter().find(|(_, entry)| entry == live && !entry.is_empty()) {
            return name.as_str().into();
        }
        let written = self.node(object, "permissions");
        let base = match written.map(|node| &node.value) {
            Some(Tree::Scalar { text, .. }) => Some(text.to_string()),
            Some(Tree::Map(_)) => texts(self.inside(object, "use")).into_iter().next(),
            _ => None,
        };
        // What everybody has of a named entry is not written again, as long as nothing has to be taken from it.
        let base = base.and_then(|name| Some((self.access(&name)?, name)));
        let base = base.filter(|(entry, _)| {
            let kept = entry.iter().filter(|(target, overwrite)| live.get(target) == **overwrite).count();
            entry.iter().all(|(target, _)| !live.get(target).is_neutral()) && kept * 2 >= entry.len()
        });
        let mut entries = IndexMap::new();
        if let Some((_, name)) = &base {
            entries.insert("use".to_owned(), name.as_str().into());
        }
        let of_base = |target: &Target| base.as_ref().map(|(entry, _)| entry.get(target)).unwrap_or_default();
        let mut targets: Vec<(&Target, &Overwrite)> = live.iter().filter(|(t, o)| of_base(t) != **o).collect();
        // What everyone has comes first, because the rest are exceptions from it.
        targets.sort_by_key(|(target, _)| name_of(target) != "everyone");
        for (target, overwrite) in targets {
            let name = name_of(target);
            let as_written = self.inside(object, &name).filter(|_| now.get(target) == *overwrite).map(value_of);
            entries.insert(name, as_written.unwrap_or_else(|| self.overwrite(overwrite)));
        }
        Value::Map(entries)
    }

    /// What one target has: the permission set that says exactly this, or lists.
    pub fn overwrite(&self, overwrite: &Overwrite) -> Value {
        if let Some((name, _)) = self.sets.iter().find(|(_, set)| set == overwrite && !set.is_neutral()) {
            return name.as_str().into();
        }
        let list = |permissions: Permissions| Value::texts(permissions.names());
        let lists = [("allow", overwrite.allow), ("deny", overwrite.deny)];
        let said = lists.into_iter().filter(|(_, bits)| !bits.is_empty());
        Value::Map(said.map(|(name, bits)| (name.to_owned(), list(bits))).collect())
    }
}

/// A target as it is written.
fn name_of(target: &Target) -> String {
    match target {
        Target::Role(RoleRef::Planned(key)) => key.to_string(),
        Target::Role(RoleRef::Live(_)) | Target::Member(_) => target.to_string(),
    }
}

/// One name, or several.
fn texts(node: Option<&Node<'_>>) -> Vec<String> {
    let text = |node: &Node<'_>| match &node.value {
        Tree::Scalar { text, .. } => Some(text.to_string()),
        Tree::List(_) | Tree::Map(_) => None,
    };
    match node.map(|node| &node.value) {
        Some(Tree::List(items)) => items.iter().filter_map(text).collect(),
        _ => node.into_iter().filter_map(text).collect(),
    }
}

/// The names that are written and still hold, and the others after them.
fn listed_names(written: &[String], live: Permissions) -> Vec<String> {
    let mut said = Permissions::NONE;
    let mut names = Vec::new();
    for name in written {
        let Ok(bits) = Permission::parse(name) else { continue };
        if live.contains(bits) && !said.contains(bits) {
            said = said.with(bits);
            names.push(name.clone());
        }
    }
    names.extend(live.without(said).names().iter().map(|name| name.to_string()));
    names
}

/// A tree that was read as a value.
fn value_of(node: &Node<'_>) -> Value {
    match &node.value {
        _ if node.is_null() => Value::Null,
        Tree::Scalar { text, plain: true } if is_boolean(text) => Value::Bool(text.eq_ignore_ascii_case("true")),
        Tree::Scalar { text, plain: true } if is_number(text) => {
            text.parse().map_or_else(|_| Value::Text(text.to_string()), Value::Number)
        }
        Tree::Scalar { text, .. } => Value::Text(text.to_string()),
        Tree::List(items) => Value::List(items.iter().map(value_of).collect()),
        Tree::Map(entries) => Value::Map(entries.iter().map(|e| (e.key.to_string(), value_of(&e.node))).collect()),
    }
}

#[cfg(test)]
mod tests {
    use crate::manifest::diagnostic::Spot;

    use super::*;

    #[test]
    fn what_was_read_is_written_again() {
        let value = Value::map([("a", Value::Null), ("b", Value::List(vec![Value::Number(-3), Value::Bool(true)]))]);
        assert_eq!(value_of(&value.node(Spot::default())), value);
    }
}
