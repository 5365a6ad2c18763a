//! What the edits of a model must have a ground for in the words of the request.
//!
//! Decides what nobody can have been talked into: whatever removes something, opens something or gives power has to be named by
//! whoever asks, and no text may hold an address or a character nobody asked for. Texts of a manifest can talk to a model; they
//! cannot put words into a request.

use std::collections::BTreeSet;

use crate::manifest::edit::Value;
use crate::model::{Key, ObjectKind, Overwrite, Overwrites, Permissions, RoleRef, Target};

use super::change::Change;

mod words;

pub(super) use words::is_hidden;
use words::{Said, links, names_permission, names_setting};

/// Permissions that give power over others or over the guild. A request in any language can name them as Discord's API
/// does.
const POWERS: Permissions = Permissions::from_bits(
    Permissions::KICK_MEMBERS.bits()
        | Permissions::BAN_MEMBERS.bits()
        | Permissions::MANAGE_CHANNELS.bits()
        | Permissions::MANAGE_GUILD.bits()
        | Permissions::VIEW_AUDIT_LOG.bits()
        | Permissions::MENTION_EVERYONE.bits()
        | Permissions::MANAGE_ROLES.bits()
        | Permissions::MANAGE_WEBHOOKS.bits()
        | Permissions::MODERATE_MEMBERS.bits(),
);

/// Everything edits do that the request does not ask for, in words. `said` is the request, and what was asked for before it.
pub(super) fn ungrounded(said: &[&str], change: &Change<'_>) -> Vec<String> {
    let said = Said::of(said);
    let mut wrong = BTreeSet::new();
    removed(&said, change, &mut wrong);
    roles(&said, change, &mut wrong);
    channels(&said, change, &mut wrong);
    sets(&said, change, &mut wrong);
    settings(&said, change, &mut wrong);
    texts(&said, change, &mut wrong);
    wrong.into_iter().collect()
}

// ---- what goes ----

fn removed(said: &Said, change: &Change<'_>, wrong: &mut BTreeSet<String>) {
    let (old, new) = (&change.old.manifest, &change.new.manifest);
    let mut say = |section: &str, key: &Key| {
        wrong.insert(format!("`{section}.{key}` would be removed, and the request does not name it"));
    };
    for (key, role) in &old.roles {
        let gone = !new.roles.contains_key(change.key(ObjectKind::Role, key));
        if gone && !said.names(key.as_str(), role.attributes.name.as_deref()) {
            say("roles", key);
        }
    }
    for kind in [ObjectKind::Category, ObjectKind::Channel] {
        for (key, _) in change.old.channels(kind) {
            let gone = !change.new.channels(kind).contains_key(change.key(kind, key));
            if gone && !is_named(said, change, kind, key) {
                say(kind.section(), key);
            }
        }
    }
}

/// True when a channel of before is named, or the category it is in.
fn is_named(said: &Said, change: &Change<'_>, kind: ObjectKind, key: &Key) -> bool {
    let Some(spec) = change.old.channels(kind).get(key) else { return false };
    if said.names(key.as_str(), spec.attributes.name.as_deref()) {
        return true;
    }
    let above = spec.attributes.parent.as_ref().and_then(|parent| parent.as_ref()?.key());
    let above = above.and_then(|above| Some((above, change.old.manifest.categories.get(above)?)));
    above.is_some_and(|(above, spec)| said.names(above.as_str(), spec.attributes.name.as_deref()))
}

// ---- what opens ----

fn roles(said: &Said, change: &Change<'_>, wrong: &mut BTreeSet<String>) {
    for (key, role) in &change.new.manifest.roles {
        let former = change.former(ObjectKind::Role, key);
        let was = change.old.manifest.roles.get(former);
        let had = was.and_then(|was| was.attributes.permissions).unwrap_or(Permissions::NONE);
        let gained = role.attributes.permissions.unwrap_or(Permissions::NONE).without(had);
        let names = [role.attributes.name.as_deref(), was.and_then(|was| was.attributes.name.as_deref())];
        let is_named = names.iter().any(|name| said.names(former.as_str(), *name));
        let is_named = is_named || (key.is_everyone() && said.names_everyone());
        if was.is_some() && !gained.is_empty() && !is_named {
            wrong.insert(format!("`roles.{key}` would gain {}, and the request does not name it", list(gained)));
        }
        powers(said, &format!("roles.{key}"), gained, wrong);
    }
}

fn channels(said: &Said, change: &Change<'_>, wrong: &mut BTreeSet<String>) {
    for kind in [ObjectKind::Category, ObjectKind::Channel] {
        for (key, spec) in change.new.channels(kind) {
            let former = change.former(kind, key);
            let was = change.old.channels(kind).get(former);
            let empty = Overwrites::default();
            let had = was.and_then(|was| change.old.overwrites(was)).map(|overwrites| change.overwrites(overwrites));
            let Some(has) = change.new.overwrites(spec) else { continue };
            for (target, before, now) in had.as_ref().unwrap_or(&empty).beside(has) {
                let opened = opened(before, now);
                let place = format!("{}.{key}", kind.section());
                if was.is_some() && !opened.is_empty() && !is_named(said, change, kind, former) {
                    let who = told(target);
                    wrong.insert(format!(
                        "{who} would gain {} in `{place}`, and the request does not name that place",
                        list(opened)
                    ));
                }
                powers(said, &format!("{place}: {}", told(target)), now.allow.without(before.allow), wrong);
            }
        }
    }
}

fn sets(said: &Said, change: &Change<'_>, wrong: &mut BTreeSet<String>) {
    for (name, set) in change.new.words.all_sets() {
        let was = change.old.words.set(name).unwrap_or_default();
        powers(said, &format!("permission_sets.{name}"), set.allow.without(was.allow), wrong);
    }
    for (name, overwrites) in change.new.words.all_access() {
        let was = change.old.words.all_access().find(|(other, _)| *other == name);
        let was = was.map(|(_, was)| change.overwrites(was)).unwrap_or_default();
        for (target, before, now) in was.beside(overwrites) {
            powers(said, &format!("access.{name}: {}", told(target)), now.allow.without(before.allow), wrong);
        }
    }
}

/// Settings that keep the guild safe.
fn settings(said: &Said, change: &Change<'_>, wrong: &mut BTreeSet<String>) {
    let differing = change.old.manifest.settings.differing(&change.new.manifest.settings);
    for field in differing.into_iter().filter(|field| !names_setting(said, field)) {
        wrong.insert(format!("`settings.{field}` would change, and the request does not name that setting"));
    }
}

/// What somebody may do afterwards and might not before.
fn opened(before: Overwrite, now: Overwrite) -> Permissions {
    now.allow.without(before.allow).with(before.deny.without(now.deny))
}

fn powers(said: &Said, place: &str, gained: Permissions, wrong: &mut BTreeSet<String>) {
    for name in gained.names() {
        let Ok(bit) = crate::model::Permission::parse(&name) else { continue };
        if POWERS.contains(bit) && !names_permission(said, &name) {
            wrong.insert(format!("`{place}` would get `{name}`, and the request does not name that permission"));
        }
    }
}

fn list(permissions: Permissions) -> String {
    let names: Vec<String> = permissions.names().iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

fn told(target: &Target) -> String {
    match target {
        Target::Role(RoleRef::Planned(key)) => format!("`{key}`"),
        Target::Role(RoleRef::Live(_)) | Target::Member(_) => format!("`{target}`"),
    }
}

// ---- what is written ----

fn texts(said: &Said, change: &Change<'_>, wrong: &mut BTreeSet<String>) {
    let (mut old, mut new) = (BTreeSet::new(), Vec::new());
    let document = change.old.words.document();
    gather(&document, &mut |text| _ = old.insert(text.to_owned()));
    let document = change.new.words.document();
    gather(&document, &mut |text| new.push(text.to_owned()));
    for text in new.iter().filter(|text| !old.contains(*text)) {
        if text.chars().any(is_hidden) {
            let shown: String = text.chars().map(|c| if is_hidden(c) { '\u{fffd}' } else { c }).collect();
            wrong.insert(format!("there are characters nobody sees in `{}`", shorter(&shown)));
        }
        for link in links(text).filter(|link| !said.holds(link)) {
            wrong.insert(format!("the address `{}` does not stand in the request", shorter(link)));
        }
    }
}

fn shorter(text: &str) -> String {
    let mut short: String = text.chars().take(60).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// Every text of a document, keys too.
fn gather(value: &Value, take: &mut impl FnMut(&str)) {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
        Value::Text(text) => take(text),
        Value::List(items) => items.iter().for_each(|item| gather(item, take)),
        Value::Map(entries) => {
            for (key, value) in entries {
                take(key);
                gather(value, take);
            }
        }
    }
}
