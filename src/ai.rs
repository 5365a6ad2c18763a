//! Requests in plain language become typed edits of a manifest.
//!
//! Decides what an interpretation is, whoever made it: rules that need no network, or a language model. It never speaks to
//! Discord: its edits are looked at, planned and judged like everybody else's, and [`guard`] says what none of them may do.

mod change;
mod error;
mod ground;
pub mod guard;
mod interpreter;
pub mod models;
mod revision;
pub mod rules;
pub mod told;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::manifest::edit::{Edit, Subject, Value};

pub use error::Error;
pub use interpreter::{Earlier, Interpreter, Name, Request, Rules, allowed, remembered_as};
pub use revision::{Revision, revise};

/// What a request was understood to mean.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interpretation {
    /// The request as it was written.
    pub original_text: String,
    /// 0 when nothing was understood, 1 when nothing is in doubt.
    pub confidence_score: f64,
    /// What sort of request it is.
    pub intent: Intent,
    /// What was named in it.
    pub entities: Vec<Entity>,
    /// The request as data.
    pub structured_command: Command,
    /// What else it could mean.
    pub alternatives: Vec<Alternative>,
    /// Milliseconds it took.
    pub processing_time: f64,
    /// Who interpreted it.
    pub model_used: String,
    /// It was interpreted before.
    pub cached: bool,
    /// The edits it comes to, in the order of the request.
    pub edits: Vec<Edit>,
    /// What gave no edit, and why.
    pub not_understood: Vec<Part>,
}

/// What sort of request it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Intent {
    /// Something new.
    Create,
    /// Something goes.
    Delete,
    /// Something is called otherwise.
    Rename,
    /// Something goes elsewhere.
    Move,
    /// A field changes.
    Configure,
    /// Who may do what.
    Permissions,
    /// The guild's own settings.
    Settings,
    /// Several of these.
    Several,
    /// None of these.
    Unknown,
}

/// Something that was named.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entity {
    /// What it is.
    #[serde(rename = "type")]
    pub kind: EntityKind,
    /// As it was typed.
    pub value: String,
    /// How well the name fits.
    pub confidence: f64,
    /// Where.
    pub position: Position,
}

/// What was named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EntityKind {
    /// A channel.
    ChannelName,
    /// A role.
    RoleName,
    /// A permission.
    Permission,
    /// A number of things.
    Quantity,
    /// A category.
    Category,
}

/// Where something stands in the request, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Its first character.
    pub start: usize,
    /// The character after its last.
    pub end: usize,
}

/// A request as data.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Command {
    /// What is to be done.
    pub action: String,
    /// To what.
    pub targets: Vec<Target>,
    /// How.
    pub modifiers: Vec<Modifier>,
    /// Under which conditions: what whoever interpreted the request was not told.
    pub conditions: Vec<String>,
}

/// Another meaning of a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alternative {
    /// What tells it from the others, in a few words.
    pub meaning: String,
    /// The request as data, when this is what it means.
    #[serde(flatten)]
    pub command: Command,
    /// From 0 to 1, when this is what it means.
    pub confidence_score: f64,
    /// The edits it comes to.
    pub edits: Vec<Edit>,
    /// What gives no edit then, and why.
    pub not_understood: Vec<Part>,
}

impl Alternative {
    /// What a request comes to when something particular is meant; none when that is nothing.
    pub fn of(meaning: String, other: Interpretation) -> Option<Self> {
        let Interpretation { confidence_score, structured_command: command, edits, not_understood, .. } = other;
        (!edits.is_empty()).then_some(Self { meaning, command, confidence_score, edits, not_understood })
    }
}

/// What a command is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// `role`, `category`, `channel` or `setting`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What people see.
    pub name: String,
    /// As edits name it, such as `channels.rules`.
    pub object: String,
}

/// A value a command gives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Modifier {
    /// Of what.
    pub name: String,
    /// The value.
    pub value: Value,
}

/// A part of a request that gave no edit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// As it was typed.
    pub text: String,
    /// Where.
    pub position: Position,
    /// Why, in a few words.
    pub why: String,
}

impl Interpretation {
    /// The same request when one of its alternatives is what it means.
    #[must_use]
    pub fn meaning(self, alternative: Alternative) -> Self {
        let Alternative { meaning: _, command, confidence_score, edits, not_understood } = alternative;
        let intent = Intent::of(&edits);
        let (structured_command, alternatives) = (command, Vec::new());
        Self { intent, structured_command, confidence_score, edits, not_understood, alternatives, ..self }
    }

    /// Nothing was understood.
    pub fn not_understood(request: &str, model: &str, why: &str) -> Self {
        let trimmed = request.trim();
        let start = request.chars().take_while(|c| c.is_whitespace()).count();
        let position = Position { start, end: start + trimmed.chars().count() };
        let part = Part { text: trimmed.to_owned(), position, why: why.to_owned() };
        Self {
            original_text: request.to_owned(),
            confidence_score: 0.0,
            intent: Intent::Unknown,
            entities: Vec::new(),
            structured_command: Command::of(&[]),
            alternatives: Vec::new(),
            processing_time: 0.0,
            model_used: model.to_owned(),
            cached: false,
            edits: Vec::new(),
            not_understood: if trimmed.is_empty() { Vec::new() } else { vec![part] },
        }
    }
}

impl Intent {
    /// The sort of a list of edits.
    pub fn of(edits: &[Edit]) -> Self {
        let mut sorts = edits.iter().map(Self::of_edit);
        let Some(first) = sorts.next() else { return Self::Unknown };
        if sorts.all(|sort| sort == first) { first } else { Self::Several }
    }

    fn of_edit(edit: &Edit) -> Self {
        match edit {
            Edit::Add { .. } => Self::Create,
            Edit::Remove { .. } => Self::Delete,
            Edit::Rename { .. } => Self::Rename,
            Edit::Move { .. } => Self::Move,
            Edit::Set { object: Subject::Settings, .. } | Edit::Unset { object: Subject::Settings, .. } => {
                Self::Settings
            }
            Edit::Set { field, .. } if field == "name" => Self::Rename,
            Edit::Set { field, .. } if field == "permissions" => Self::Permissions,
            Edit::SetOverwrite { .. } | Edit::UnsetOverwrite { .. } => Self::Permissions,
            Edit::Set { .. } | Edit::Unset { .. } | Edit::SetTag { .. } | Edit::UnsetTag { .. } => Self::Configure,
            Edit::Expect { .. } | Edit::Unexpect { .. } => Self::Configure,
        }
    }

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Delete => "delete",
            Self::Rename => "rename",
            Self::Move => "move",
            Self::Configure => "configure",
            Self::Permissions => "permissions",
            Self::Settings => "settings",
            Self::Several => "several",
            Self::Unknown => "unknown",
        }
    }
}

impl Command {
    /// The command a list of edits carries out.
    pub fn of(edits: &[Edit]) -> Self {
        let mut command = Self { action: Intent::of(edits).word().to_owned(), ..Self::default() };
        for edit in edits {
            command.add(edit);
        }
        command
    }

    fn add(&mut self, edit: &Edit) {
        let mut modify = |name: &str, value: Value| self.modifiers.push(Modifier { name: name.to_owned(), value });
        let object = match edit {
            Edit::Add { object, category, fields, .. } => {
                fields.iter().for_each(|(field, value)| modify(field, value.clone()));
                category.iter().for_each(|category| modify("category", category.as_str().into()));
                object.clone()
            }
            Edit::Move { object, category, .. } => {
                category.iter().for_each(|category| modify("category", category.as_str().into()));
                object.clone()
            }
            Edit::Rename { object, to } => {
                modify("key", to.as_str().into());
                object.clone()
            }
            Edit::Set { object, field, value } => {
                modify(field, value.clone());
                object.clone()
            }
            Edit::Unset { object, field } => {
                modify(field, Value::Null);
                object.clone()
            }
            Edit::SetOverwrite { object, target, value } => {
                modify("permissions", Value::Map(IndexMap::from([(target.clone(), value.clone())])));
                object.clone()
            }
            Edit::UnsetOverwrite { object, target } => {
                modify("permissions", Value::Map(IndexMap::from([(target.clone(), Value::Null)])));
                object.clone()
            }
            Edit::SetTag { channel, value, .. } => {
                modify("tags", value.clone());
                Subject::Channel(channel.clone())
            }
            Edit::UnsetTag { channel, tag } => {
                modify("tags", Value::map([(tag, Value::Null)]));
                Subject::Channel(channel.clone())
            }
            Edit::Remove { object } => object.clone(),
            Edit::Expect { .. } | Edit::Unexpect { .. } => return,
        };
        let (kind, key) = match &object {
            Subject::Role(key) => ("role", key.as_str()),
            Subject::Category(key) => ("category", key.as_str()),
            Subject::Channel(key) => ("channel", key.as_str()),
            _ => ("setting", "server"),
        };
        let target = Target { kind: kind.to_owned(), name: key.to_owned(), object: object.to_string() };
        if !self.targets.contains(&target) {
            self.targets.push(target);
        }
    }
}
