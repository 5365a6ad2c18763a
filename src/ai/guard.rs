//! What no proposal may do, whoever interpreted the request: a person, rules, or a model that was talked into it.
//!
//! Decides by what the manifest means before and after. Whatever is found is told in words, all of it at once.

use std::collections::BTreeSet;

use crate::manifest::edit::{Edit, Subject};
use crate::manifest::{Expectation, Files, Pattern, Policy, guild_files, head_of, is_guild_file, parse};
use crate::model::{Key, ObjectKind, Overwrites, Permissions, Target};

use super::change::{Change, Side};

/// Most objects one proposal touches.
pub const MOST: usize = 50;

/// Something a proposal may not do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Breach {
    /// The manifest cannot be read before or after, so nothing is known of what the edits do.
    #[error("the manifest cannot be read, so nothing is known of what this would do")]
    Unreadable,
    /// Somebody may do everything who may not now.
    #[error("`{place}` would get the permission `administrator`")]
    Administrator {
        /// Who, or where.
        place: String,
    },
    /// The policy says something else.
    #[error("it would change `policy.{field}`")]
    Policy {
        /// What of it.
        field: &'static str,
    },
    /// What has to be true is something else.
    #[error("it would change what is expected of the permissions that result (`expectations`)")]
    Expectations,
    /// The manifest is about another guild, or of other files.
    #[error("it would change `{field}` in `{file}`")]
    Head {
        /// In which file.
        file: String,
        /// What of it.
        field: String,
    },
    /// A file of another guild changes.
    #[error("it would change `{file}`, which is about another guild")]
    OtherGuild {
        /// Which file.
        file: String,
    },
    /// Another guild is built on a file that changes.
    #[error("it would change the guild in `{entry}` too, which shares files with this one")]
    Shared {
        /// The manifest of the other guild.
        entry: String,
    },
    /// A file changes that is no part of the manifest.
    #[error("it would change `{file}`, which is no part of this manifest")]
    Outside {
        /// Which file.
        file: String,
    },
    /// Something protected is gone.
    #[error("`{object}` is protected by `policy.protect` and would be removed")]
    Removed {
        /// What.
        object: String,
    },
    /// Something protected is not as it was.
    #[error("`{object}` is protected by `policy.protect`, and its {what} would change")]
    Changed {
        /// What.
        object: String,
        /// What of it.
        what: String,
    },
    /// Somebody stands above a protected role who did not, or the other way round.
    #[error("`roles.{role}` is protected by `policy.protect`, and `roles.{other}` would change places with it")]
    Reordered {
        /// The protected role.
        role: String,
        /// The other one.
        other: String,
    },
    /// A key stands for an object of Discord that somebody chose.
    #[error("`{object}` would be bound to an id of Discord")]
    Pinned {
        /// Which key.
        object: String,
    },
    /// It is more than anybody looks through.
    #[error("it would touch {objects} objects, and one request may touch {MOST}")]
    TooMany {
        /// How many.
        objects: usize,
    },
}

impl Breach {
    /// True for what nobody may propose. What is protected can be changed by those who say so themselves, and their team looks
    /// at it; a model may have been talked into it.
    pub fn is_for_everybody(&self) -> bool {
        !matches!(self, Self::Changed { .. })
    }
}

/// Everything that edits do to the manifest of the file `entry` and may not, in a fixed order.
pub fn breaches(before: &Files, after: &Files, entry: &str, edits: &[Edit]) -> Vec<Breach> {
    let (Some(old), Some(new)) = (Side::of(before, entry), Side::of(after, entry)) else {
        return vec![Breach::Unreadable];
    };
    let change = Change::between(&old, &new);
    let mut found = BTreeSet::new();
    in_files(before, after, entry, &old.own, &mut found);
    found.extend(administrators(&change));
    found.extend(policy(&change));
    found.extend(protected(&change, edits));
    found.extend(pinned(&change));
    let mut touched = change.touched();
    touched.extend(edits.iter().filter_map(|edit| match edit {
        Edit::Move { object, .. } => Some(object.to_string()),
        _ => None,
    }));
    let objects = touched.len();
    if objects > MOST {
        found.insert(Breach::TooMany { objects });
    }
    found.into_iter().collect()
}

// ---- files ----

fn in_files(before: &Files, after: &Files, entry: &str, own: &BTreeSet<String>, found: &mut BTreeSet<Breach>) {
    let names: BTreeSet<&str> = before.names().chain(after.names()).collect();
    let changed: Vec<&str> = names.into_iter().filter(|name| before.get(name) != after.get(name)).collect();
    if changed.is_empty() {
        return;
    }
    for name in changed {
        let file = name.to_owned();
        if name != entry && (is_guild_file(before, name) || is_guild_file(after, name)) {
            found.insert(Breach::OtherGuild { file });
        } else if !own.contains(name) || after.get(name).is_none() {
            found.insert(Breach::Outside { file });
        }
        let (was, is) = (head_of(before, name), head_of(after, name));
        let fields = was.keys().chain(is.keys()).filter(|field| was.get(*field) != is.get(*field));
        found.extend(fields.map(|field| Breach::Head { file: name.to_owned(), field: (*field).to_owned() }));
    }
    for other in guild_files(before).0.into_iter().filter(|other| other != entry) {
        let was = parse(before, &other);
        if was.asked.is_same_in(before, after) {
            continue;
        }
        let same = match (was.manifest, parse(after, &other).manifest) {
            (Some(was), Some(is)) => was.wants_the_same(&is),
            (None, _) => true,
            (Some(_), None) => false,
        };
        if !same {
            found.insert(Breach::Shared { entry: other });
        }
    }
}

// ---- administrators ----

fn administrators(change: &Change<'_>) -> Vec<Breach> {
    let mut found = Vec::new();
    let mut say = |place: String| found.push(Breach::Administrator { place });
    let is = |permissions: Permissions| permissions.contains(Permissions::ADMINISTRATOR);
    let (old, new) = (change.old, change.new);
    for (key, role) in &new.manifest.roles {
        let was = old.manifest.roles.get(change.former(ObjectKind::Role, key));
        let had = was.and_then(|role| role.attributes.permissions).is_some_and(is);
        if role.attributes.permissions.is_some_and(is) && !had {
            say(format!("roles.{key}"));
        }
    }
    for kind in [ObjectKind::Category, ObjectKind::Channel] {
        for (key, spec) in new.channels(kind) {
            let was = old.channels(kind).get(change.former(kind, key)).and_then(|was| old.overwrites(was));
            let was = was.map(|overwrites| change.overwrites(overwrites)).unwrap_or_default();
            let is = new.overwrites(spec).cloned().unwrap_or_default();
            granted(&was, &is).for_each(|target| say(format!("{}.{key}: {target}", kind.section())));
        }
    }
    for (name, _) in new.words.all_sets().filter(|(_, set)| is(set.allow)) {
        if !old.words.all_sets().any(|(other, was)| other == name && is(was.allow)) {
            say(format!("permission_sets.{name}"));
        }
    }
    for (name, overwrites) in new.words.all_access() {
        let was = old.words.all_access().find(|(other, _)| *other == name).map(|(_, was)| change.overwrites(was));
        granted(&was.unwrap_or_default(), overwrites).for_each(|target| say(format!("access.{name}: {target}")));
    }
    found
}

/// The targets that are allowed to do everything and were not.
fn granted(old: &Overwrites, new: &Overwrites) -> impl Iterator<Item = Target> {
    let is = |permissions: Permissions| permissions.contains(Permissions::ADMINISTRATOR);
    let gained = new.iter().filter(move |(target, now)| is(now.allow) && !is(old.get(target).allow));
    gained.map(|(target, _)| target.clone()).collect::<Vec<_>>().into_iter()
}

// ---- what says how careful a run is ----

fn policy(change: &Change<'_>) -> Vec<Breach> {
    let (old, new) = (&change.old.manifest, &change.new.manifest);
    let Policy { drift, prune, on_remove, approval, max_deletions, max_updates, protect, ignore, windows } =
        &old.policy;
    let fields = [
        ("drift", *drift == new.policy.drift),
        ("prune", *prune == new.policy.prune),
        ("on_remove", *on_remove == new.policy.on_remove),
        ("approval", *approval == new.policy.approval),
        ("max_deletions", *max_deletions == new.policy.max_deletions),
        ("max_updates", *max_updates == new.policy.max_updates),
        ("protect", patterns(change, protect, false) == new.policy.protect),
        ("ignore", patterns(change, ignore, true) == new.policy.ignore),
        ("windows", *windows == new.policy.windows),
    ];
    let mut found: Vec<Breach> =
        fields.into_iter().filter(|(_, same)| !same).map(|(field, _)| Breach::Policy { field }).collect();
    let expected: Vec<Expectation> = old.expectations.iter().map(|it| expectation(change, it)).collect();
    if expected != new.expectations {
        found.push(Breach::Expectations);
    }
    found
}

/// Patterns of before in the keys of afterwards. One that names what is gone may go with it.
fn patterns(change: &Change<'_>, patterns: &[Pattern], may_go: bool) -> Vec<Pattern> {
    let kinds = [ObjectKind::Role, ObjectKind::Category, ObjectKind::Channel];
    let followed = |pattern: &Pattern| {
        let mut pattern = pattern.clone();
        let Some(kind) = kinds.into_iter().find(|kind| kind.section() == pattern.section) else { return Some(pattern) };
        let Ok(key) = pattern.key.parse::<Key>() else { return Some(pattern) };
        let (was, is) = (has(change.old, kind, &key), has(change.new, kind, change.key(kind, &key)));
        change.key(kind, &key).as_str().clone_into(&mut pattern.key);
        (is || !was || !may_go).then_some(pattern)
    };
    patterns.iter().filter_map(followed).collect()
}

fn has(side: &Side, kind: ObjectKind, key: &Key) -> bool {
    match kind {
        ObjectKind::Role => side.manifest.roles.contains_key(key),
        ObjectKind::Category | ObjectKind::Channel => side.channels(kind).contains_key(key),
    }
}

/// What was expected, in the keys of afterwards.
fn expectation(change: &Change<'_>, old: &Expectation) -> Expectation {
    let Expectation { role, can, cannot, channels } = old;
    let place = |key: &Key| {
        // A key means the channel where a category has the same.
        let kind = if has(change.old, ObjectKind::Channel, key) { ObjectKind::Channel } else { ObjectKind::Category };
        change.key(kind, key).clone()
    };
    Expectation {
        role: change.key(ObjectKind::Role, role).clone(),
        can: *can,
        cannot: *cannot,
        channels: channels.iter().map(place).collect(),
    }
}

// ---- what is protected ----

fn protected(change: &Change<'_>, edits: &[Edit]) -> Vec<Breach> {
    let policy = &change.old.manifest.policy;
    let mut found = Vec::new();
    for (key, role) in &change.old.manifest.roles {
        if policy.protects("roles", key.as_str()) {
            let after = change.key(ObjectKind::Role, key);
            let now = change.new.manifest.roles.get(after);
            let fields = now.map(|now| change.role_fields(role, now));
            found.extend(told("roles", key, after, fields));
            found.extend(now.into_iter().flat_map(|_| overtaken(change, key)));
        }
    }
    for kind in [ObjectKind::Category, ObjectKind::Channel] {
        for (key, spec) in change.old.channels(kind) {
            if policy.protects(kind.section(), key.as_str()) {
                let after = change.key(kind, key);
                let now = change.new.channels(kind).get(after);
                found.extend(told(kind.section(), key, after, now.map(|now| change.channel_fields(spec, now))));
            }
        }
    }
    // The place among siblings is said by edits alone.
    for edit in edits {
        let Edit::Move { object, .. } = edit else { continue };
        let (section, key) = match object {
            Subject::Role(key) => ("roles", key),
            Subject::Category(key) => ("categories", key),
            Subject::Channel(key) => ("channels", key),
            _ => continue,
        };
        if policy.protects(section, key) {
            found.push(Breach::Changed { object: object.to_string(), what: "place".to_owned() });
        }
    }
    found
}

fn told(section: &str, key: &Key, after: &Key, fields: Option<Vec<&'static str>>) -> Option<Breach> {
    let object = format!("{section}.{key}");
    let Some(mut fields) = fields else { return Some(Breach::Removed { object }) };
    if key != after {
        fields.insert(0, "key");
    }
    (!fields.is_empty()).then(|| Breach::Changed { object, what: fields.join(", ") })
}

/// Roles that were on one side of a protected role and are on the other.
fn overtaken(change: &Change<'_>, role: &Key) -> Vec<Breach> {
    let (old, new) = (&change.old.manifest.roles, &change.new.manifest.roles);
    let place = |other: &Key| Some((old.get_index_of(other)?, new.get_index_of(change.key(ObjectKind::Role, other))?));
    let Some((was, is)) = place(role) else { return Vec::new() };
    let others = old.keys().filter(|other| *other != role && !other.is_everyone() && !role.is_everyone());
    let moved = others.filter(|other| place(other).is_some_and(|(there, now)| (there < was) != (now < is)));
    moved.map(|other| Breach::Reordered { role: role.to_string(), other: other.to_string() }).collect()
}

// ---- ids ----

fn pinned(change: &Change<'_>) -> Vec<Breach> {
    let (old, new) = (change.old, change.new);
    let mut found = Vec::new();
    for (key, role) in &new.manifest.roles {
        let was = old.manifest.roles.get(change.former(ObjectKind::Role, key)).and_then(|was| was.id);
        if role.id.is_some() && role.id != was {
            found.push(Breach::Pinned { object: format!("roles.{key}") });
        }
    }
    for kind in [ObjectKind::Category, ObjectKind::Channel] {
        for (key, spec) in new.channels(kind) {
            let was = old.channels(kind).get(change.former(kind, key)).and_then(|was| was.id);
            if spec.id.is_some() && spec.id != was {
                found.push(Breach::Pinned { object: format!("{}.{key}", kind.section()) });
            }
        }
    }
    found
}
