//! Typed edits of a manifest that leave everything else as it was typed.
//!
//! Decides where an edit is written, and proves that the result means exactly what was asked for. Knows nothing of live
//! guilds, disks and git: files come in as texts and go out as texts.
//!
//! ```text
//! compile   what an edit changes in the document, with everything that refers to it
//! model     what the document must mean afterwards
//! layers    which file says it
//! syntax    what stands where on the page
//! text      the change on the page         (value: how new things are spelled)
//! write     tried, read again, compared; otherwise written anew
//! ```

mod compile;
mod layers;
mod live;
mod model;
mod syntax;
mod text;
mod value;
mod write;

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use similar::TextDiff;

use super::diagnostic::{Diagnostic, Severity};
use super::origin::Lines;
use super::parse::{content_of, parse};
use super::source::Files;

pub use live::Words;
pub use value::Value;

use compile::compile;
use layers::{Layers, Stuck, Task, composed};
use model::{make, same};
use write::{Means, carry, write};

/// What an edit is about. `settings`, `policy`, `roles.admin`, `categories.study`, `channels.rules`,
/// `permission_sets.crew` or `access.staff` in JSON.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// The settings of the guild.
    Settings,
    /// The policy.
    Policy,
    /// The role with this key.
    Role(String),
    /// The category with this key.
    Category(String),
    /// The channel with this key, in whatever category.
    Channel(String),
    /// The permission set with this name.
    PermissionSet(String),
    /// The entry of `access` with this name.
    Access(String),
}

impl Subject {
    fn section(&self) -> &'static str {
        match self {
            Self::Settings => "settings",
            Self::Policy => "policy",
            Self::Role(_) => "roles",
            Self::Category(_) => "categories",
            Self::Channel(_) => "channels",
            Self::PermissionSet(_) => "permission_sets",
            Self::Access(_) => "access",
        }
    }

    fn key(&self) -> Option<&str> {
        match self {
            Self::Settings | Self::Policy => None,
            Self::Role(key)
            | Self::Category(key)
            | Self::Channel(key)
            | Self::PermissionSet(key)
            | Self::Access(key) => Some(key),
        }
    }

    /// The same kind of thing by another name.
    fn named(&self, name: &str) -> Self {
        let name = name.to_owned();
        match self {
            Self::Settings => Self::Settings,
            Self::Policy => Self::Policy,
            Self::Role(_) => Self::Role(name),
            Self::Category(_) => Self::Category(name),
            Self::Channel(_) => Self::Channel(name),
            Self::PermissionSet(_) => Self::PermissionSet(name),
            Self::Access(_) => Self::Access(name),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.key() {
            None => f.write_str(self.section()),
            Some(key) => write!(f, "{}.{key}", self.section()),
        }
    }
}

/// A text that names nothing an edit can be about.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names nothing in a manifest; write `settings`, `roles.KEY`, `categories.KEY` or `channels.KEY`")]
pub struct NoSubject(pub String);

impl FromStr for Subject {
    type Err = NoSubject;

    fn from_str(text: &str) -> Result<Self, NoSubject> {
        let (section, key) = text.split_once('.').unwrap_or((text, ""));
        let keyed = |make: fn(String) -> Self| match key {
            "" => Err(NoSubject(text.to_owned())),
            key => Ok(make(key.to_owned())),
        };
        match section {
            "settings" if key.is_empty() => Ok(Self::Settings),
            "policy" if key.is_empty() => Ok(Self::Policy),
            "roles" => keyed(Self::Role),
            "categories" => keyed(Self::Category),
            "channels" => keyed(Self::Channel),
            "permission_sets" => keyed(Self::PermissionSet),
            "access" => keyed(Self::Access),
            _ => Err(NoSubject(text.to_owned())),
        }
    }
}

impl Serialize for Subject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Subject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Subject {
    fn schema_name() -> Cow<'static, str> {
        "Subject".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "What an edit is about, such as `settings`, `roles.admin`, `categories.study`, `channels.rules`, \
                `permission_sets.crew` or `access.staff`.",
            "type": "string",
            "pattern": "^(settings|policy|(roles|categories|channels|permission_sets|access)[.].+)$",
        })
    }
}

/// Where among its siblings something stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// Before all others.
    First,
    /// After all others.
    #[default]
    Last,
    /// Directly before the sibling with this key.
    Before(String),
    /// Directly after the sibling with this key.
    After(String),
}

/// One edit of a manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "edit", rename_all = "snake_case")]
pub enum Edit {
    /// Something new.
    Add {
        /// What, by a key that is free.
        object: Subject,
        /// The category a channel goes into; none for outside.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        category: Option<String>,
        /// What is said of it, by the names of the language; of an entry of `access`, its targets.
        #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
        fields: IndexMap<String, Value>,
        /// Where among its siblings.
        #[serde(default)]
        place: Place,
    },
    /// Something leaves the manifest, with everything that refers to it. A category must be empty.
    Remove {
        /// What.
        object: Subject,
    },
    /// Something gets another key. What refers to it follows, `previously` remembers the old one, and the name people see
    /// stays.
    Rename {
        /// What.
        object: Subject,
        /// The new key.
        to: String,
    },
    /// A role, a category or a channel goes elsewhere.
    Move {
        /// What.
        object: Subject,
        /// The category a channel stands in afterwards; none for outside.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        category: Option<String>,
        /// Where among its siblings.
        #[serde(default)]
        place: Place,
    },
    /// A field gets a value; `null` clears it.
    Set {
        /// Of what.
        object: Subject,
        /// The field by its name in the language, or one switch such as `features.community`.
        field: String,
        /// The value.
        value: Value,
    },
    /// Nothing is said of a field any more: it is no longer managed.
    Unset {
        /// Of what.
        object: Subject,
        /// The field.
        field: String,
    },
    /// What one target has in a channel, a category or an entry of `access`. Others keep theirs.
    SetOverwrite {
        /// Where.
        object: Subject,
        /// A role's key, `role:ID` or `user:ID`.
        target: String,
        /// A permission set's name, several, or a map with `use`, `allow` and `deny`.
        value: Value,
    },
    /// A target has nothing of its own any more.
    UnsetOverwrite {
        /// Where.
        object: Subject,
        /// A role's key, `role:ID` or `user:ID`, as it is written.
        target: String,
    },
    /// A tag of a forum: the one of this name, or a new one at the end.
    SetTag {
        /// The forum's key.
        channel: String,
        /// The tag's name.
        tag: String,
        /// The tag: its name, or a map with `name`, `moderated` and `emoji`.
        value: Value,
    },
    /// A tag less.
    UnsetTag {
        /// The forum's key.
        channel: String,
        /// The tag's name.
        tag: String,
    },
    /// One more thing that has to be true.
    Expect {
        /// `role`, `can`, `cannot` and `in`.
        expectation: IndexMap<String, Value>,
    },
    /// An expectation less.
    Unexpect {
        /// Its number, from 0, in the order of the manifest.
        index: usize,
    },
}

/// The files after some edits.
#[derive(Clone, Debug)]
pub struct Edited {
    /// All files.
    pub files: Files,
    /// The names of those that changed, ascending.
    pub changed: Vec<String>,
    /// What could not be changed in its place.
    pub rewritten: Vec<Rewritten>,
    /// What referred to a removed object and went with it, such as `expectations.2.in.0`.
    pub dropped: Vec<String>,
}

/// More lines changed than the edit itself needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewritten {
    /// The number of the edit, from 0.
    pub edit: usize,
    /// In which file.
    pub file: String,
    /// What was done.
    pub how: Rewrite,
}

/// How far an edit reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rewrite {
    /// The aliases and merge keys of the file were written out, because what they share no longer is.
    AliasesWrittenOut,
    /// What is at this path was written anew, with its comments gathered above it.
    WrittenAnew(String),
}

impl fmt::Display for Rewritten {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.how {
            Rewrite::AliasesWrittenOut => write!(f, "the aliases of `{}` were written out", self.file),
            Rewrite::WrittenAnew(place) => {
                write!(f, "`{place}` in `{}` was written anew, with its comments gathered above it", self.file)
            }
        }
    }
}

/// Why a list of edits was not made. Then nothing was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{trouble}", .edit.map_or_else(String::new, |at| format!("edit {}: ", at + 1)))]
pub struct EditError {
    /// The number of the edit, from 0; none when it is about all together.
    pub edit: Option<usize>,
    /// What is wrong.
    pub trouble: Trouble,
}

/// What is wrong with an edit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// The manifest has problems of its own.
    #[error("the manifest must be mended first: {}", .problems.join("; "))]
    Unreadable {
        /// Each with its place.
        problems: Vec<String>,
    },
    /// There is nothing of this name.
    #[error("there is no `{object}`{}", meant(.nearest))]
    NoSuchObject {
        /// What was looked for.
        object: Subject,
        /// A key that looks like it.
        nearest: Option<String>,
    },
    /// Such a thing has no such field.
    #[error("`{object}` has no field `{field}`{}", meant(.nearest))]
    NoSuchField {
        /// Of what.
        object: Subject,
        /// The field.
        field: String,
        /// A field that looks like it.
        nearest: Option<String>,
    },
    /// The key is in use.
    #[error("`{object}` is there already; choose another key")]
    Taken {
        /// What is there.
        object: Subject,
    },
    /// The sibling it is to stand beside is not there.
    #[error("`{object}` cannot stand beside `{neighbour}`, which is not in the same place")]
    NoSuchNeighbour {
        /// What is to stand there.
        object: Subject,
        /// The sibling.
        neighbour: String,
    },
    /// The category still has channels.
    #[error("`{object}` still has the channels {}; move or remove them first", .channels.join(", "))]
    NotEmpty {
        /// The category.
        object: Subject,
        /// Their keys.
        channels: Vec<String>,
    },
    /// Its place among its siblings means nothing.
    #[error("the order of `{object}` and its siblings means nothing, so it cannot be moved")]
    NoOrder {
        /// What.
        object: Subject,
    },
    /// Nothing is said that could be taken back.
    #[error("`{object}` says nothing of {what}")]
    NotSaid {
        /// Of what.
        object: Subject,
        /// What is not said.
        what: String,
    },
    /// Its overwrites are not written one by one.
    #[error("`{object}` has no list of overwrites; set its `permissions` as a whole")]
    NoOverwrites {
        /// Of what.
        object: Subject,
    },
    /// There is no expectation of this number.
    #[error("there is no expectation {index}; the first has the number 0")]
    NoSuchExpectation {
        /// The number.
        index: usize,
    },
    /// It is inherited, and what inherits it cannot say this.
    #[error("it is inherited from `{file}`, and this manifest cannot say it from here; edit that file instead")]
    Inherited {
        /// The file that has it.
        file: String,
    },
    /// No way of writing it was found that keeps the meaning and every comment.
    #[error("`{file}` is written in a way that cannot be edited without harm; edit it by hand")]
    Unwritable {
        /// Which file.
        file: String,
    },
    /// What came out is no manifest.
    #[error("the result would be refused: {}", .problems.join("; "))]
    Invalid {
        /// Each with its place in the result.
        problems: Vec<String>,
    },
    /// What came out means something else.
    #[error("the result would mean something else than was asked for, so nothing was written; edit it by hand")]
    Astray,
}

fn meant(nearest: &Option<String>) -> String {
    nearest.as_ref().map_or_else(String::new, |near| format!("; did you mean `{near}`?"))
}

impl Edit {
    /// True when it is about this object.
    pub fn is_about(&self, about: &Subject) -> bool {
        match self {
            Self::Add { object, .. }
            | Self::Remove { object }
            | Self::Rename { object, .. }
            | Self::Move { object, .. }
            | Self::Set { object, .. }
            | Self::Unset { object, .. }
            | Self::SetOverwrite { object, .. }
            | Self::UnsetOverwrite { object, .. } => object == about,
            Self::SetTag { channel, .. } | Self::UnsetTag { channel, .. } => {
                matches!(about, Subject::Channel(key) if key == channel)
            }
            Self::Expect { .. } | Self::Unexpect { .. } => false,
        }
    }
}

/// The difference of one file, as git shows it.
pub fn difference(before: &Files, after: &Files, name: &str) -> String {
    let text = |files: &Files| String::from_utf8_lossy(files.get(name).unwrap_or_default()).into_owned();
    let (old, new) = (text(before), text(after));
    TextDiff::from_lines(&old, &new).unified_diff().header(&format!("a/{name}"), &format!("b/{name}")).to_string()
}

/// Makes edits, one after the other, in the manifest of the file `entry`.
///
/// The result is a manifest without blocking problems that means exactly what was there with the edits made, or there is
/// none. Lines an edit is not about keep every byte, and no comment is lost but those of what is removed.
///
/// # Errors
/// When the manifest has problems of its own, an edit does not fit it, or the result would not be right.
pub fn apply(files: &Files, entry: &str, edits: &[Edit]) -> Result<Edited, EditError> {
    let whole = |trouble| EditError { edit: None, trouble };
    let before = parse(files, entry);
    if before.manifest.is_none() {
        return Err(whole(Trouble::Unreadable { problems: told(&before.diagnostics, files) }));
    }
    let mut desk = Desk { files: files.clone(), entry, rewritten: Vec::new(), dropped: Vec::new() };
    let (mut wanted, names) = composed(files, entry).ok_or(whole(Trouble::Astray))?;
    for (number, edit) in edits.iter().enumerate() {
        desk.make(number, edit, &mut wanted).map_err(|trouble| EditError { edit: Some(number), trouble })?;
    }
    let after = parse(&desk.files, entry);
    let Some(manifest) = after.manifest else {
        return Err(whole(Trouble::Invalid { problems: told(&after.diagnostics, &desk.files) }));
    };
    let mut meant = content_of(&wanted, &desk.files, &names).ok_or(whole(Trouble::Astray))?;
    meant.origins.clone_from(&manifest.origins);
    if meant != *manifest {
        return Err(whole(Trouble::Astray));
    }
    let Desk { files: new, rewritten, dropped, entry: _ } = desk;
    let changed = new.iter().filter(|(name, bytes)| files.get(name) != Some(*bytes)).map(|(name, _)| name.to_owned());
    Ok(Edited { changed: changed.collect(), files: new, rewritten, dropped })
}

/// The files while they are edited.
struct Desk<'e> {
    files: Files,
    entry: &'e str,
    rewritten: Vec<Rewritten>,
    dropped: Vec<String>,
}

impl Desk<'_> {
    fn make(&mut self, number: usize, edit: &Edit, wanted: &mut super::tree::Node<'static>) -> Result<(), Trouble> {
        let layers = Layers::of(&self.files, self.entry).ok_or(Trouble::Astray)?;
        let compiled = compile(edit, wanted, &layers)?;
        self.dropped.extend(compiled.dropped);
        for change in compiled.changes {
            make(wanted, &change).map_err(|_| Trouble::Astray)?;
            let layers = Layers::of(&self.files, self.entry).ok_or(Trouble::Astray)?;
            let task = layers.task(&change, wanted).map_err(|stuck| match stuck {
                Stuck::Inherited(file) => Trouble::Inherited { file },
                Stuck::Nowhere => Trouble::Astray,
            })?;
            self.perform(number, task)?;
        }
        let is_right = composed(&self.files, self.entry).is_some_and(|(node, _)| same(&node, wanted));
        if is_right { Ok(()) } else { Err(self.astray(&layers)) }
    }

    /// A result that came out otherwise although every file is right: what is inherited has an order of its own.
    fn astray(&self, layers: &Layers) -> Trouble {
        layers.base().map_or(Trouble::Astray, |file| Trouble::Inherited { file: file.to_owned() })
    }

    fn perform(&mut self, number: usize, task: Task) -> Result<(), Trouble> {
        match task {
            Task::Change { file, change } => {
                let unwritable = || Trouble::Unwritable { file: file.clone() };
                let (text, means) = write(&self.text(&file)?, &change).ok_or_else(unwritable)?;
                let how = match means {
                    Means::InPlace => None,
                    Means::WrittenOut => Some(Rewrite::AliasesWrittenOut),
                    Means::Anew(place) => Some(Rewrite::WrittenAnew(compile::told(&place))),
                };
                self.rewritten.extend(how.map(|how| Rewritten { edit: number, file: file.clone(), how }));
                self.keep(&file, text)
            }
            Task::Carry { from: (from, source), to: (to, map), at } => {
                let carried = carry(&self.text(&from)?, &source, &self.text(&to)?, &map, &at);
                let (left, there) = carried.ok_or_else(|| Trouble::Unwritable { file: from.clone() })?;
                self.keep(&from, left)?;
                self.keep(&to, there)
            }
        }
    }

    fn text(&self, file: &str) -> Result<String, Trouble> {
        let bytes = self.files.get(file).ok_or(Trouble::Astray)?;
        String::from_utf8(bytes.to_vec()).map_err(|_| Trouble::Astray)
    }

    fn keep(&mut self, file: &str, text: String) -> Result<(), Trouble> {
        self.files.insert(file, text).map_err(|_| Trouble::Astray)
    }
}

/// Blocking problems as lines with places.
fn told(diagnostics: &[Diagnostic], files: &Files) -> Vec<String> {
    let tell = |Diagnostic { code, message, labels, .. }: &Diagnostic| {
        let Some(label) = labels.first() else { return format!("{code} {message}") };
        let text = files.get(&label.file).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default();
        let (line, column) = Lines::of(text).place(label.range.start);
        format!("{code} {}:{line}:{column}: {message}", label.file)
    };
    diagnostics.iter().filter(|d| d.severity == Severity::Block).map(tell).collect()
}
