//! From what is asked to edits.
//!
//! Decides what an edit says, given what the manifest says now: also what the edits before it made of it. Knows nothing of
//! words.

mod access;
mod contradiction;
mod create;

use crate::manifest::edit::{Edit, Place, Subject, Value};
use crate::model::{Bucket, ChannelKind, Permission, Permissions, normalise_channel_name};

use super::clause::{Gap, Why};
use super::grammar::{Ask, NewName, Spot};
use super::guild::{Fields, Guild, key};
use super::names::Index;

pub(super) use create::MOST;

/// The edits of a request, as they come.
pub(super) struct Maker {
    pub(super) guild: Guild,
    pub(super) index: Index,
    pub(super) edits: Vec<Edit>,
    /// The category that was made last.
    category: Option<String>,
    /// What was asked for so far.
    asked: Vec<Ask>,
}

/// What making came to.
#[derive(Default)]
pub(super) struct Made {
    pub(super) gaps: Vec<Gap>,
    /// The objects of each item that was created.
    pub(super) items: Vec<Vec<Subject>>,
    /// Too much was asked: nothing of the clause is done.
    pub(super) is_refused: Option<&'static str>,
}

impl Maker {
    pub(super) fn new(guild: Guild) -> Self {
        Self { index: Index::of(&guild), guild, edits: Vec::new(), category: None, asked: Vec::new() }
    }

    /// True for what this request made.
    pub(super) fn is_new(&self, object: &Subject) -> bool {
        self.edits.iter().any(|edit| matches!(edit, Edit::Add { object: added, .. } if added == object))
    }

    fn push(&mut self, edit: Edit) {
        // Said twice, done once.
        if self.edits.last() == Some(&edit) && !matches!(edit, Edit::Add { .. }) {
            return;
        }
        self.guild.follow(&edit);
        self.edits.push(edit);
    }

    /// Fields of something that this request adds.
    fn added(&mut self, object: &Subject) -> Option<&mut Fields> {
        self.edits.iter_mut().find_map(|edit| match edit {
            Edit::Add { object: added, fields, .. } if added == object => Some(fields),
            _ => None,
        })
    }

    fn set(&mut self, object: &Subject, field: &str, value: Value) {
        let edit = Edit::Set { object: object.clone(), field: field.to_owned(), value: value.clone() };
        match self.added(object) {
            Some(fields) => {
                fields.insert(field.to_owned(), value);
                self.guild.follow(&edit);
            }
            None => self.push(edit),
        }
    }

    /// Makes one thing that is asked.
    pub(super) fn make(&mut self, ask: Ask) -> Made {
        let mut made = Made::default();
        self.asked.push(ask.clone());
        match ask {
            Ask::Create(items) => return self.create(items),
            Ask::Remove { objects, with_channels } => {
                objects.iter().for_each(|object| self.remove(object, with_channels));
            }
            Ask::Name { object, name } => self.name(&object, &name),
            Ask::Move { objects, home, spot } => self.shift(&objects, home, &spot),
            Ask::Set { objects, field, value } => {
                objects.iter().for_each(|object| self.set(object, field, value.clone()));
            }
            Ask::Access { places, grants, exact } => {
                places.iter().for_each(|place| self.access(place, &grants, exact));
            }
            Ask::Open { places, permission } => places.iter().for_each(|place| self.open(place, permission)),
            Ask::Everywhere { grants } => grants.iter().for_each(|grant| self.everywhere(grant)),
            Ask::Tag { channels, tags } => {
                for channel in &channels {
                    tags.iter().for_each(|(tag, emoji)| self.tag(channel, tag, emoji.as_deref()));
                }
            }
            Ask::Untag { channels, tags } => {
                for channel in &channels {
                    for (tag, start, end) in &tags {
                        match self.guild.tag(key(channel), tag) {
                            Some(tag) => self.push(Edit::UnsetTag { channel: key(channel).to_owned(), tag }),
                            None => made.gaps.push(Gap { start: *start, end: *end, why: Why::NotFound }),
                        }
                    }
                }
            }
        }
        self.index = Index::of(&self.guild);
        made
    }

    fn remove(&mut self, object: &Subject, with_channels: bool) {
        // `nobody needs #a, delete it` says it twice.
        if self.guild.fields(object).is_none() {
            return;
        }
        if let (Subject::Category(category), true) = (object, with_channels) {
            for channel in self.guild.channels_of(category) {
                self.push(Edit::Remove { object: channel });
            }
        }
        // What this request made and takes back is not made at all.
        if self.is_new(object) {
            self.edits.retain(|edit| !matches!(edit, Edit::Add { object: added, .. } if added == object));
            return self.guild.follow(&Edit::Remove { object: object.clone() });
        }
        self.push(Edit::Remove { object: object.clone() });
    }

    /// Makes something new, and what is in it, not at all: what was said of it would have closed it, and cannot be done.
    pub(super) fn withdraw(&mut self, object: &Subject) {
        let mut gone = vec![object.clone()];
        if let Subject::Category(category) = object {
            gone.extend(self.guild.channels_of(category));
        }
        gone.retain(|object| self.is_new(object));
        for object in gone.iter().rev() {
            self.edits.retain(|edit| !edit.is_about(object));
            self.guild.follow(&Edit::Remove { object: object.clone() });
        }
        self.index = Index::of(&self.guild);
    }

    fn name(&mut self, object: &Subject, name: &NewName) {
        let kind = self.guild.kind(object);
        let text = match kind {
            Some(kind) if kind.bucket() == Bucket::Text => normalise_channel_name(kind, &name.text),
            _ => name.text.clone(),
        };
        if !text.is_empty() {
            self.set(object, "name", Value::Text(text));
        }
    }

    fn shift(&mut self, objects: &[Subject], home: Option<Option<String>>, spot: &Spot) {
        let mut place = match spot {
            Spot::First => Place::First,
            Spot::Last => Place::Last,
            Spot::Before(other) => Place::Before(key(other).to_owned()),
            Spot::After(other) => Place::After(key(other).to_owned()),
        };
        let beside = match spot {
            Spot::Before(Subject::Channel(other)) | Spot::After(Subject::Channel(other)) => {
                Some(self.guild.category_of(other).map(str::to_owned))
            }
            _ => None,
        };
        for object in objects {
            let category = match object {
                Subject::Channel(channel) => {
                    let now = || self.guild.category_of(channel).map(str::to_owned);
                    beside.clone().or_else(|| home.clone()).unwrap_or_else(now)
                }
                _ => None,
            };
            self.put(object, category, place.clone());
            if place != Place::Last {
                place = Place::After(key(object).to_owned());
            }
        }
    }

    fn put(&mut self, object: &Subject, category: Option<String>, place: Place) {
        let edit = Edit::Move { object: object.clone(), category: category.clone(), place: place.clone() };
        self.guild.follow(&edit);
        let added = self.edits.iter_mut().find_map(|edit| match edit {
            Edit::Add { object: added, category, place, .. } if added == object => Some((category, place)),
            _ => None,
        });
        match added {
            Some((old_category, old_place)) => {
                *old_category = category;
                *old_place = place;
            }
            None => self.edits.push(edit),
        }
    }

    fn tag(&mut self, channel: &Subject, tag: &str, emoji: Option<&str>) {
        let value = match emoji {
            None => Value::from(tag),
            Some(emoji) => Value::map([("name", tag.into()), ("emoji", emoji.into())]),
        };
        let edit = Edit::SetTag { channel: key(channel).to_owned(), tag: tag.to_owned(), value: value.clone() };
        match self.added(channel) {
            Some(fields) => {
                let tags = fields.entry("tags".to_owned()).or_insert_with(|| Value::List(Vec::new()));
                if let Value::List(tags) = tags {
                    tags.push(value);
                }
                self.guild.follow(&edit);
            }
            None => self.push(edit),
        }
    }
}

/// Letters, digits and dashes, in lower case.
fn slug(text: &str) -> String {
    let mut slug = String::new();
    for c in text.chars().flat_map(char::to_lowercase) {
        match c {
            c if c.is_alphanumeric() => slug.push(c),
            c if (c.is_whitespace() || matches!(c, '-' | '_' | '/' | '+' | '&' | '.' | '|'))
                && !slug.ends_with('-') =>
            {
                slug.push('-');
            }
            _ => {}
        }
    }
    let slug: String = slug.trim_matches('-').chars().take(60).collect();
    slug.trim_matches('-').to_owned()
}

/// Every word with a capital, unless the person put some already.
fn titled(name: &NewName) -> String {
    match name.is_literal || name.text.chars().any(char::is_uppercase) {
        true => name.text.clone(),
        false => title(&name.text),
    }
}

fn title(text: &str) -> String {
    let mut begins = true;
    let mut titled = String::new();
    for c in text.chars() {
        match begins && c.is_alphanumeric() {
            true => titled.extend(c.to_uppercase()),
            false => titled.push(c),
        }
        begins = c.is_whitespace() || c == '-' || (begins && !c.is_alphanumeric());
    }
    titled
}

/// Names of permissions as a value, in the order of their bits.
fn listed(permissions: Permissions) -> Value {
    Value::texts(permissions.names())
}

fn bits_of(value: Option<&Value>) -> Permissions {
    match value {
        Some(Value::List(names)) => {
            let named = names.iter().filter_map(|name| match name {
                Value::Text(name) => Permission::parse(name).ok(),
                _ => None,
            });
            named.fold(Permissions::NONE, Permissions::with)
        }
        _ => Permissions::NONE,
    }
}

/// The names of one permission set, or of several.
fn names_of(value: Option<&Value>) -> Vec<String> {
    let text = |value: &Value| match value {
        Value::Text(name) => Some(name.clone()),
        _ => None,
    };
    match value {
        Some(Value::List(names)) => names.iter().filter_map(text).collect(),
        Some(value) => text(value).into_iter().collect(),
        None => Vec::new(),
    }
}

/// True for what has messages.
fn is_text_like(kind: Option<ChannelKind>) -> bool {
    kind.is_some_and(|kind| kind.bucket() == Bucket::Text)
}
