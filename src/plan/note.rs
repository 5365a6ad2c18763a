//! What a plan leaves alone, and why.

use serde::{Deserialize, Serialize};

/// How much a note weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// Good to know.
    Info,
    /// Something that is wanted is not planned.
    Warning,
    /// Nothing may be applied before somebody decides.
    Blocking,
}

/// What a note is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoteCode {
    /// The bot's own roles could not be read.
    BotUnknown,
    /// A key was joined to an object that was there already.
    Adopted,
    /// A key took over the object of another key.
    Renamed,
    /// A key vanished while a similar one appeared.
    PossibleRename,
    /// Several live objects fit one key, or several keys one object.
    Ambiguous,
    /// A pinned snowflake is not there, or is something else.
    BadPin,
    /// The bot may not have been shown the object.
    Hidden,
    /// Somebody deleted a managed object in Discord.
    DeletedByHand,
    /// A key left the manifest and its object stays.
    Forgotten,
    /// A key left the manifest and its channel goes to the archive.
    Archived,
    /// The policy keeps the object.
    Protected,
    /// The object is at or above the bot's highest role.
    AboveBot,
    /// Discord makes and removes the role.
    ManagedRole,
    /// The bot lacks a permission.
    MissingPermission,
    /// The guild lacks a feature or a boost level.
    MissingFeature,
    /// A limit of Discord's would be exceeded.
    OverLimit,
    /// Something Discord does not let anybody change.
    Impossible,
    /// Discord will change more than is asked for.
    Cascade,
    /// Something depends on an object that is not planned.
    Dependent,
    /// Discord limits how often this may be done.
    Quota,
    /// A category stays because somebody else's channels are in it.
    ForeignChildren,
    /// Somebody changed what a rollback would take back.
    ChangedSince,
}

/// Something a plan leaves alone, or people should know about it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Note {
    /// How much it weighs.
    pub weight: Weight,
    /// What it is about.
    pub code: NoteCode,
    /// The object, as `channels.rules`; empty for the guild.
    pub subject: String,
    /// A full sentence or two.
    pub text: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

impl Note {
    /// A note without help.
    pub(super) fn new(weight: Weight, code: NoteCode, subject: impl Into<String>, text: impl Into<String>) -> Self {
        Self { weight, code, subject: subject.into(), text: text.into(), help: None }
    }

    /// What becomes of those who have a role that is deleted.
    pub fn of_holders(subject: String, is_recorded: bool) -> Self {
        let text = match is_recorded {
            true => "Who has the role is written down before it is deleted, and a rollback gives it back to them.",
            false => {
                "Nobody will know who had the role: the bot may not list members, so a rollback can make the role \
                 again but give it to nobody."
            }
        };
        let weight = if is_recorded { Weight::Info } else { Weight::Warning };
        let note = Self::new(weight, NoteCode::Impossible, subject, text);
        let help = "Switch on the Server Members Intent on the Bot page of Discord's Developer Portal.";
        if is_recorded { note } else { note.help(help) }
    }

    /// The same note with what to do.
    #[must_use]
    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}
