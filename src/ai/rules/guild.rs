//! What a manifest says now, with the edits of a request made in it one after the other.
//!
//! Decides what an object has at the moment a clause speaks of it. Knows nothing of words and nothing of YAML.

use indexmap::IndexMap;

use crate::manifest::edit::{Edit, Place, Subject, Value, Words};
use crate::manifest::{Files, Pattern, parse};
use crate::model::{ChannelKind, Overwrite};

/// What is said of an object.
pub(super) type Fields = IndexMap<String, Value>;

/// The objects of a manifest.
#[derive(Clone)]
pub(super) struct Guild {
    words: Words,
    protected: Vec<Pattern>,
    pub(super) roles: IndexMap<String, Fields>,
    pub(super) categories: IndexMap<String, Fields>,
    /// Channels with the category each is in; those outside come first.
    pub(super) channels: IndexMap<String, (Option<String>, Fields)>,
    access: Fields,
}

impl Guild {
    /// Those of the manifest in `entry`; none when it cannot be read.
    pub(super) fn of(files: &Files, entry: &str) -> Option<Self> {
        let manifest = parse(files, entry).manifest?;
        let words = Words::of(files, entry)?;
        let mut document = map(words.document());
        let mut section = |name: &str| document.shift_remove(name).map(map).unwrap_or_default();
        let roles = section("roles").into_iter().map(|(key, role)| (key, map(role))).collect();
        let outside = section("channels").into_iter().map(|(key, channel)| (key, (None, map(channel))));
        let mut channels: IndexMap<_, _> = outside.collect();
        let mut categories = IndexMap::new();
        for (key, category) in section("categories") {
            let mut fields = map(category);
            let inside = fields.shift_remove("channels").map(map).unwrap_or_default();
            channels.extend(inside.into_iter().map(|(channel, said)| (channel, (Some(key.clone()), map(said)))));
            categories.insert(key, fields);
        }
        let access = section("access");
        Some(Self { words, protected: manifest.policy.protect.clone(), roles, categories, channels, access })
    }

    /// What is said of an object.
    pub(super) fn fields(&self, object: &Subject) -> Option<&Fields> {
        match object {
            Subject::Role(key) => self.roles.get(key),
            Subject::Category(key) => self.categories.get(key),
            Subject::Channel(key) => self.channels.get(key).map(|(_, fields)| fields),
            Subject::Settings | Subject::Policy | Subject::PermissionSet(_) | Subject::Access(_) => None,
        }
    }

    fn fields_mut(&mut self, object: &Subject) -> Option<&mut Fields> {
        match object {
            Subject::Role(key) => self.roles.get_mut(key),
            Subject::Category(key) => self.categories.get_mut(key),
            Subject::Channel(key) => self.channels.get_mut(key).map(|(_, fields)| fields),
            Subject::Settings | Subject::Policy | Subject::PermissionSet(_) | Subject::Access(_) => None,
        }
    }

    /// The name people see.
    pub(super) fn name<'g>(&'g self, object: &'g Subject) -> &'g str {
        match self.fields(object).and_then(|fields| fields.get("name")) {
            Some(Value::Text(name)) => name,
            _ => key(object),
        }
    }

    /// What a channel is.
    pub(super) fn kind(&self, object: &Subject) -> Option<ChannelKind> {
        let kind = |fields: &Fields| match fields.get("type") {
            Some(Value::Text(kind)) => {
                ChannelKind::NAMED.into_iter().find(|k| k.name() == kind).unwrap_or(ChannelKind::Text)
            }
            _ => ChannelKind::Text,
        };
        match object {
            Subject::Channel(key) => self.channels.get(key).map(|(_, fields)| kind(fields)),
            Subject::Category(_) => Some(ChannelKind::Category),
            _ => None,
        }
    }

    /// The category a channel is in.
    pub(super) fn category_of(&self, channel: &str) -> Option<&str> {
        self.channels.get(channel).and_then(|(category, _)| category.as_deref())
    }

    /// The channels of a category, in order.
    pub(super) fn channels_of(&self, category: &str) -> Vec<Subject> {
        let inside = self.channels.iter().filter(|(_, (home, _))| home.as_deref() == Some(category));
        inside.map(|(key, _)| Subject::Channel(key.clone())).collect()
    }

    /// All objects: roles, then categories, then channels.
    pub(super) fn objects(&self) -> impl Iterator<Item = Subject> {
        let roles = self.roles.keys().map(|key| Subject::Role(key.clone()));
        let categories = self.categories.keys().map(|key| Subject::Category(key.clone()));
        roles.chain(categories).chain(self.channels.keys().map(|key| Subject::Channel(key.clone())))
    }

    /// True when the policy protects an object from being removed.
    pub(super) fn is_protected(&self, object: &Subject) -> bool {
        let section = match object {
            Subject::Role(_) => "roles",
            Subject::Category(_) => "categories",
            _ => "channels",
        };
        self.protected.iter().any(|pattern| pattern.matches_object(section, key(object)))
    }

    /// What a permission set says.
    pub(super) fn set(&self, name: &str) -> Overwrite {
        self.words.set(name).unwrap_or_default()
    }

    /// What an entry of `access` gives a target.
    pub(super) fn access(&self, name: &str, target: &str) -> Option<&Value> {
        match self.access.get(name) {
            Some(Value::Map(targets)) => targets.get(target),
            _ => None,
        }
    }

    /// The targets of an entry of `access`.
    pub(super) fn access_targets(&self, name: &str) -> Vec<String> {
        match self.access.get(name) {
            Some(Value::Map(targets)) => targets.keys().cloned().collect(),
            _ => Vec::new(),
        }
    }

    /// Takes note of an edit.
    pub(super) fn follow(&mut self, edit: &Edit) {
        match edit {
            Edit::Add { object, category, fields, place } => {
                let fields = fields.clone();
                match object {
                    Subject::Role(key) => put(&mut self.roles, key, fields, place),
                    Subject::Category(key) => put(&mut self.categories, key, fields, place),
                    Subject::Channel(key) => put(&mut self.channels, key, (category.clone(), fields), place),
                    _ => {}
                }
            }
            Edit::Remove { object } => match object {
                Subject::Role(key) => drop(self.roles.shift_remove(key)),
                Subject::Category(key) => drop(self.categories.shift_remove(key)),
                Subject::Channel(key) => drop(self.channels.shift_remove(key)),
                _ => {}
            },
            Edit::Move { object, category, place } => match object {
                Subject::Role(key) => shift(&mut self.roles, key, place),
                Subject::Category(key) => shift(&mut self.categories, key, place),
                Subject::Channel(key) => {
                    if let Some((home, _)) = self.channels.get_mut(key) {
                        home.clone_from(category);
                    }
                    shift(&mut self.channels, key, place);
                }
                _ => {}
            },
            Edit::Set { object, field, value } => {
                if let Some(fields) = self.fields_mut(object) {
                    fields.insert(field.clone(), value.clone());
                }
            }
            Edit::SetOverwrite { object, target, value } => {
                let Some(fields) = self.fields_mut(object) else { return };
                let whole = fields.entry("permissions".to_owned()).or_insert_with(|| Value::Map(IndexMap::new()));
                if let Value::Text(name) = whole {
                    *whole = Value::map([("use", Value::Text(std::mem::take(name)))]);
                }
                if let Value::Map(targets) = whole {
                    targets.insert(target.clone(), value.clone());
                }
            }
            Edit::UnsetOverwrite { object, target } => {
                if let Some(Value::Map(targets)) =
                    self.fields_mut(object).and_then(|fields| fields.get_mut("permissions"))
                {
                    targets.shift_remove(target);
                }
            }
            Edit::SetTag { channel, tag, value } => {
                let Some((_, fields)) = self.channels.get_mut(channel) else { return };
                let tags = fields.entry("tags".to_owned()).or_insert_with(|| Value::List(Vec::new()));
                if let Value::List(tags) = tags {
                    tags.retain(|other| tag_name(other) != Some(tag));
                    tags.push(value.clone());
                }
            }
            Edit::UnsetTag { channel, tag } => {
                let tags = self.channels.get_mut(channel).and_then(|(_, fields)| fields.get_mut("tags"));
                if let Some(Value::List(tags)) = tags {
                    tags.retain(|other| tag_name(other) != Some(tag));
                }
            }
            Edit::Rename { .. } | Edit::Unset { .. } | Edit::Expect { .. } | Edit::Unexpect { .. } => {}
        }
    }

    /// The names of a forum's tags.
    pub(super) fn tags(&self, channel: &str) -> Vec<String> {
        match self.channels.get(channel).and_then(|(_, fields)| fields.get("tags")) {
            Some(Value::List(tags)) => tags.iter().filter_map(tag_name).map(str::to_owned).collect(),
            _ => Vec::new(),
        }
    }

    /// The name of a forum's tag as it is written, whatever its case here.
    pub(super) fn tag(&self, channel: &str, tag: &str) -> Option<String> {
        let (_, fields) = self.channels.get(channel)?;
        let Some(Value::List(tags)) = fields.get("tags") else { return None };
        let wanted = super::words::squeeze(tag);
        tags.iter().filter_map(tag_name).find(|name| super::words::squeeze(name) == wanted).map(str::to_owned)
    }
}

fn tag_name(tag: &Value) -> Option<&str> {
    match tag {
        Value::Text(name) => Some(name),
        Value::Map(fields) => match fields.get("name") {
            Some(Value::Text(name)) => Some(name),
            _ => None,
        },
        _ => None,
    }
}

/// The key of an object.
pub(super) fn key(object: &Subject) -> &str {
    match object {
        Subject::Settings => "settings",
        Subject::Policy => "policy",
        Subject::Role(key)
        | Subject::Category(key)
        | Subject::Channel(key)
        | Subject::PermissionSet(key)
        | Subject::Access(key) => key,
    }
}

fn map(value: Value) -> Fields {
    match value {
        Value::Map(fields) => fields,
        _ => Fields::new(),
    }
}

fn put<T>(objects: &mut IndexMap<String, T>, key: &str, object: T, place: &Place) {
    objects.insert(key.to_owned(), object);
    shift(objects, key, place);
}

fn shift<T>(objects: &mut IndexMap<String, T>, key: &str, place: &Place) {
    let Some(from) = objects.get_index_of(key) else { return };
    let beside = |other: &str, after: usize| {
        let to = objects.get_index_of(other).unwrap_or(from);
        if from < to { to - 1 + after } else { to + after }
    };
    let to = match place {
        Place::First => 0,
        Place::Last => objects.len() - 1,
        Place::Before(other) => beside(other, 0),
        Place::After(other) => beside(other, 1),
    };
    objects.move_index(from, to.min(objects.len() - 1));
}
