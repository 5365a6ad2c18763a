//! What somebody asks of the bot, as one of a closed set.
//!
//! Pure. Buttons carry what they are about in their ids, with the digest of the plan they were shown with, so that a press is
//! worth nothing when the plan is another by then.

use serde_json::Value;

use crate::model::UserId;
use crate::store::{CommandId, CommandType};

use super::register::LONGEST_SUSPENSION;
use super::wire::{Data, Given};

/// What everything of ours begins with in ids of buttons and forms.
const PREFIX: &str = "setai";

/// As many digits of a digest as the id of a button has room for: 128 bits.
const DIGITS: usize = 32;

/// Something that is asked by a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// What would be done now.
    Plan,
    /// How the guild stands.
    Status,
    /// What was changed in Discord, and by whom.
    Drift,
    /// A change of the manifest, in plain words; without them a form asks for them.
    Propose {
        /// The words.
        request: Option<String>,
    },
    /// What was applied, or one run of it.
    History {
        /// The run.
        run: Option<String>,
    },
    /// The plan that waits.
    Approve {
        /// Which, when there are several.
        plan: Option<String>,
    },
    /// A run taken back.
    Rollback {
        /// The run.
        run: String,
    },
    /// The guild left alone.
    Suspend {
        /// Why.
        reason: String,
        /// For how long; for ever without.
        hours: Option<u32>,
    },
    /// The guild looked after again.
    Resume,
    /// What somebody prefers, shown, or changed first.
    Preferences(Wishes),
}

/// What somebody wants to prefer from now on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wishes {
    /// The time zone, as it was given.
    pub(super) timezone: Option<String>,
    /// How sure an interpretation must be, in hundredths.
    pub(super) confidence: Option<u32>,
    /// Whether a language model may read their requests.
    pub(super) models: Option<bool>,
}

/// A button that was pressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Press {
    /// Approve a plan: asks whether that is meant.
    Approve(String),
    /// It is meant.
    ApproveForSure(String),
    /// Change back what was changed in Discord: asks whether that is meant.
    Revert(String),
    /// It is meant.
    RevertForSure(String),
    /// It is well as it is.
    Ignore,
    /// Take a run back.
    RollBackForSure {
        /// Which.
        run: String,
        /// By which plan.
        digest: String,
    },
    /// Open a pull request for what was proposed.
    Open(CommandId),
    /// What was meant by a request that could mean several things.
    Mean {
        /// Which request.
        command: CommandId,
        /// Which of its alternatives, from 0.
        number: usize,
    },
    /// Put what was changed in Discord into the manifest, by a pull request.
    Adopt(String),
    /// Show the answer to what this person typed as a message.
    Typed(UserId),
    /// Nothing, after all.
    Never,
}

/// What cannot be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Misuse {
    /// No command of this version.
    UnknownCommand,
    /// A button or form of another version.
    UnknownButton,
    /// Words that are no command.
    UnknownText,
    /// The button is somebody else's.
    NotYours,
}

/// The command that proposes.
pub(super) const PROPOSE: &str = "propose";

/// The command about one's own preferences.
pub(super) const PREFERENCES: &str = "preferences";

/// The id of the form that asks for a request, and of its only field.
pub(super) const FORM: &str = "setai:propose";
pub(super) const FIELD: &str = "request";

impl Ask {
    /// Reads a slash command: `/setai` with one of its subcommands.
    pub(super) fn of(data: &Data) -> Result<Self, Misuse> {
        let chosen = (data.name == PREFIX).then(|| data.options.first()).flatten();
        let Given { name, options, .. } = chosen.ok_or(Misuse::UnknownCommand)?;
        let text = |field: &str| {
            let given = options.iter().find(|given| given.name == field)?;
            given.value.as_str().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let number = |field: &str| options.iter().find(|given| given.name == field)?.value.as_u64()?.try_into().ok();
        Ok(match name.as_str() {
            "plan" => Self::Plan,
            "status" => Self::Status,
            "drift" => Self::Drift,
            PROPOSE => Self::Propose { request: text("request") },
            "history" => Self::History { run: text("run") },
            "approve" => Self::Approve { plan: text("plan") },
            "rollback" => Self::Rollback { run: text("run").ok_or(Misuse::UnknownCommand)? },
            "suspend" => Self::Suspend { reason: text("reason").unwrap_or_default(), hours: number("hours") },
            "resume" => Self::Resume,
            PREFERENCES => Self::Preferences(Wishes {
                timezone: text("timezone"),
                confidence: number("confidence"),
                models: options.iter().find(|given| given.name == "models").and_then(|given| given.value.as_bool()),
            }),
            _ => return Err(Misuse::UnknownCommand),
        })
    }

    /// Reads a command that was typed as a message, without its prefix.
    pub(super) fn of_text(text: &str) -> Result<Self, Misuse> {
        let text = text.trim();
        let (name, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let rest = Some(rest.trim()).filter(|rest| !rest.is_empty()).map(str::to_owned);
        let is_word = rest.as_ref().is_none_or(|rest| !rest.contains(char::is_whitespace));
        Ok(match (name.to_lowercase().as_str(), rest) {
            ("plan", None) => Self::Plan,
            ("status", None) => Self::Status,
            ("drift", None) => Self::Drift,
            (PROPOSE, request) => Self::Propose { request },
            ("history", run) if is_word => Self::History { run },
            ("approve", plan) if is_word => Self::Approve { plan },
            ("rollback", Some(run)) if is_word => Self::Rollback { run },
            ("suspend", reason) => {
                let (hours, reason) = hours(reason.unwrap_or_default());
                Self::Suspend { reason, hours }
            }
            ("resume", None) => Self::Resume,
            (PREFERENCES, None) => Self::Preferences(Wishes::default()),
            _ => return Err(Misuse::UnknownText),
        })
    }

    /// The form that was sent.
    pub(super) fn of_form(data: &Data) -> Result<Self, Misuse> {
        match data.custom_id == FORM {
            true => Ok(Self::Propose { request: Some(data.typed(FIELD).unwrap_or_default().trim().to_owned()) }),
            false => Err(Misuse::UnknownButton),
        }
    }

    /// The name of the command, as the settings of a guild name those that are restricted.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Status => "status",
            Self::Drift => "drift",
            Self::Propose { .. } => PROPOSE,
            Self::History { .. } => "history",
            Self::Approve { .. } => "approve",
            Self::Rollback { .. } => "rollback",
            Self::Suspend { .. } => "suspend",
            Self::Resume => "resume",
            Self::Preferences(_) => PREFERENCES,
        }
    }

    /// As it would be typed, for the record.
    pub(super) fn typed(&self) -> String {
        let given = match self {
            Self::Propose { request } => request.clone(),
            Self::History { run } => run.clone(),
            Self::Approve { plan } => plan.clone(),
            Self::Rollback { run } => Some(run.clone()),
            Self::Suspend { reason, hours: Some(hours) } => Some(format!("{hours} h: {reason}")),
            Self::Suspend { reason, hours: None } => Some(reason.clone()),
            Self::Preferences(Wishes { timezone, confidence, models }) => {
                let said = |name: &str, value: Option<String>| value.map(|value| format!("{name}:{value}"));
                let confidence = confidence.map(|confidence| confidence.to_string());
                let models = models.map(|models| models.to_string());
                let all = [said("timezone", timezone.clone()), said("confidence", confidence), said("models", models)];
                Some(all.into_iter().flatten().collect::<Vec<_>>().join(" "))
            }
            Self::Plan | Self::Status | Self::Drift | Self::Resume => None,
        };
        let given = given.filter(|given| !given.is_empty()).map_or_else(String::new, |given| format!(" {given}"));
        format!("/{PREFIX} {}{given}", self.name())
    }
}

impl Press {
    /// Reads the id of a button.
    pub(super) fn of(id: &str) -> Result<Self, Misuse> {
        let mut parts = id.split(':');
        let is_ours = parts.next() == Some(PREFIX);
        let mut next = || parts.next().filter(|part| !part.is_empty()).map(str::to_owned);
        let press = match (is_ours, next().as_deref(), next(), next()) {
            (true, Some("approve"), Some(digest), None) => Self::Approve(digest),
            (true, Some("approve!"), Some(digest), None) => Self::ApproveForSure(digest),
            (true, Some("revert"), Some(digest), None) => Self::Revert(digest),
            (true, Some("revert!"), Some(digest), None) => Self::RevertForSure(digest),
            (true, Some("adopt"), Some(digest), None) => Self::Adopt(digest),
            (true, Some("ignore"), None, None) => Self::Ignore,
            (true, Some("never"), None, None) => Self::Never,
            (true, Some("typed"), Some(user), None) => Self::Typed(user.parse().map_err(|_| Misuse::UnknownButton)?),
            (true, Some("rollback!"), Some(run), Some(digest)) => Self::RollBackForSure { run, digest },
            (true, Some("open"), Some(command), None) => {
                Self::Open(command.parse().map_err(|_| Misuse::UnknownButton)?)
            }
            (true, Some("mean"), Some(command), Some(number)) => Self::Mean {
                command: command.parse().map_err(|_| Misuse::UnknownButton)?,
                number: number.parse().map_err(|_| Misuse::UnknownButton)?,
            },
            _ => return Err(Misuse::UnknownButton),
        };
        Ok(press)
    }

    /// The id that reads so.
    pub(super) fn id(&self) -> String {
        let short = |digest: &str| digest.get(..DIGITS).unwrap_or(digest).to_owned();
        match self {
            Self::Approve(digest) => format!("{PREFIX}:approve:{}", short(digest)),
            Self::ApproveForSure(digest) => format!("{PREFIX}:approve!:{}", short(digest)),
            Self::Revert(digest) => format!("{PREFIX}:revert:{}", short(digest)),
            Self::RevertForSure(digest) => format!("{PREFIX}:revert!:{}", short(digest)),
            Self::Adopt(digest) => format!("{PREFIX}:adopt:{}", short(digest)),
            Self::Ignore => format!("{PREFIX}:ignore"),
            Self::Never => format!("{PREFIX}:never"),
            Self::Typed(user) => format!("{PREFIX}:typed:{user}"),
            Self::RollBackForSure { run, digest } => format!("{PREFIX}:rollback!:{run}:{}", short(digest)),
            Self::Open(command) => format!("{PREFIX}:open:{command}"),
            Self::Mean { command, number } => format!("{PREFIX}:mean:{command}:{number}"),
        }
    }

    /// The command it belongs to, for who may press it and for the record.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Approve(_) | Self::ApproveForSure(_) => "approve",
            Self::Revert(_) | Self::RevertForSure(_) | Self::Ignore => "drift",
            Self::RollBackForSure { .. } => "rollback",
            Self::Open(_) | Self::Mean { .. } | Self::Adopt(_) => PROPOSE,
            Self::Never | Self::Typed(_) => "status",
        }
    }
}

/// How long a suspension lasts, where its reason begins with that: `2h raid`.
fn hours(reason: String) -> (Option<u32>, String) {
    let (first, rest) = reason.split_once(char::is_whitespace).unwrap_or((&reason, ""));
    let hours = first.strip_suffix('h').and_then(|digits| digits.parse().ok());
    match hours.filter(|hours| (1..=LONGEST_SUSPENSION).contains(hours)) {
        Some(hours) => (Some(hours), rest.trim().to_owned()),
        None => (None, reason),
    }
}

/// What sort of command it is, in the words of the data model.
pub(super) fn sort_of(name: &str) -> CommandType {
    match name {
        PROPOSE | "approve" | "drift" | "rollback" => CommandType::BulkOperations,
        _ => CommandType::ServerConfiguration,
    }
}

/// The option that is being typed: of which command, which it is and what there is of it.
pub(super) fn typing(data: &Data) -> Option<(&str, &str, &str)> {
    let chosen = data.options.first()?;
    let focused = chosen.options.iter().find(|given| given.focused)?;
    let so_far = match &focused.value {
        Value::String(text) => text.as_str(),
        _ => "",
    };
    Some((&chosen.name, &focused.name, so_far))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_button_reads_back_as_what_it_is_and_its_id_is_short_enough() {
        let (run, digest) = ("0197f5c2-7c1a-7000-8000-0123456789ab".to_owned(), "f".repeat(64));
        let command: CommandId = run.parse().expect("a UUID");
        let short = "f".repeat(DIGITS);
        for press in [
            Press::Approve(short.clone()),
            Press::ApproveForSure(short.clone()),
            Press::Revert(short.clone()),
            Press::RevertForSure(short.clone()),
            Press::Adopt(short.clone()),
            Press::Ignore,
            Press::Never,
            Press::Typed(UserId::new(7)),
            Press::RollBackForSure { run: run.clone(), digest: short.clone() },
            Press::Open(command),
            Press::Mean { command, number: 9 },
        ] {
            assert_eq!(Press::of(&press.id()).as_ref(), Ok(&press));
            assert!(press.id().len() <= 100, "Discord takes 100 characters: {}", press.id());
        }
        assert_eq!(Press::Approve(digest).id(), Press::Approve(short).id());
    }

    #[test]
    fn typed_commands_read_like_chosen_ones() {
        let text = |text: &str| Some(text.to_owned());
        for (typed, ask) in [
            ("plan", Ask::Plan),
            ("  Status ", Ask::Status),
            ("propose", Ask::Propose { request: None }),
            ("propose add a\nchannel", Ask::Propose { request: text("add a\nchannel") }),
            ("history", Ask::History { run: None }),
            ("history 0197", Ask::History { run: text("0197") }),
            ("approve abc", Ask::Approve { plan: text("abc") }),
            ("rollback 0197", Ask::Rollback { run: "0197".to_owned() }),
            ("suspend", Ask::Suspend { reason: String::new(), hours: None }),
            ("suspend 2h a raid", Ask::Suspend { reason: "a raid".to_owned(), hours: Some(2) }),
            ("suspend 2 days", Ask::Suspend { reason: "2 days".to_owned(), hours: None }),
            ("suspend 99999h", Ask::Suspend { reason: "99999h".to_owned(), hours: None }),
        ] {
            assert_eq!(Ask::of_text(typed), Ok(ask), "{typed}");
        }
        for typed in ["", "plan b", "add a channel", "rollback", "rollback a b", "resume now"] {
            assert_eq!(Ask::of_text(typed), Err(Misuse::UnknownText), "{typed}");
        }
    }

    #[test]
    fn what_is_not_ours_is_not_understood() {
        for id in
            ["", "setai", "setai:", "setai:approve", "setai:approve:", "other:ignore", "setai:ignore:x", "setai:open:x"]
        {
            assert_eq!(Press::of(id), Err(Misuse::UnknownButton), "{id}");
        }
    }
}
