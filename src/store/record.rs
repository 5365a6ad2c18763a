//! What goes into the store and comes out of it.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::words::words;
use crate::model::{Bindings, ChannelId, Guild, GuildId, Key, NameEcho, ObjectKind, RoleId, UserId};
use crate::plan::{BindingChange, Operation, StepId};

/// A text that is not the id of a run or an operation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an id")]
pub struct InvalidId(pub String);

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// The last eight digits, which are random: enough for people to tell two apart.
            pub fn short(self) -> String {
                let text = self.0.simple().to_string();
                text[text.len() - 8..].to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                text.parse().map(Self).map_err(|_| InvalidId(text.to_owned()))
            }
        }
    };
}

id! {
    /// One attempt at one plan. A version 7 UUID, so that ids sort by time.
    RunId
}

id! {
    /// One request that was intended. It stands in Discord's audit log, where the object is looked for after a crash.
    OperationId
}

id! {
    /// A difference that was found. A version 7 UUID, so that ids sort by time.
    DriftId
}

id! {
    /// One use of a command. A version 7 UUID, so that ids sort by time.
    CommandId
}

words! {
    /// Why a run was started.
    Trigger {
        /// Somebody asked for it.
        Person = "person",
        /// The manifest has a new revision.
        Revision = "revision",
        /// Something happened in the guild.
        Event = "event",
        /// It was time.
        Schedule = "schedule",
        /// The process started.
        StartUp = "start_up",
        /// The attempt before did not succeed.
        Retry = "retry",
    }
}

words! {
    /// How a run ended.
    Verdict {
        /// Everything was done, and a fresh read plans to nothing.
        Succeeded = "succeeded",
        /// Something is left.
        Partial = "partial",
        /// Nothing was done.
        Failed = "failed",
        /// The process stopped in the middle.
        Interrupted = "interrupted",
    }
}

words! {
    /// How far an operation is.
    Phase {
        /// About to be sent. Whether Discord did it is not known.
        Intended = "intended",
        /// Discord did it.
        Done = "done",
        /// Discord did not do it.
        Failed = "failed",
        /// It was never sent, or is known not to have arrived.
        Withdrawn = "withdrawn",
    }
}

/// On whose word something is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Author {
    /// Somebody at a command line, by the name of their account there.
    Local(String),
    /// A Discord user.
    User(UserId),
    /// The controller, with nobody asking.
    Controller,
}

impl Author {
    /// What people call them.
    pub fn name(&self) -> String {
        match self {
            Self::Local(name) => name.clone(),
            Self::User(user) => user.to_string(),
            Self::Controller => "SetAI".to_owned(),
        }
    }

    /// The Discord user, when it is one.
    pub fn user(&self) -> Option<UserId> {
        match self {
            Self::User(user) => Some(*user),
            Self::Local(_) | Self::Controller => None,
        }
    }
}

/// `local:ada`, `user:1234` or `controller`.
impl fmt::Display for Author {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(name) => write!(f, "local:{name}"),
            Self::User(user) => write!(f, "user:{user}"),
            Self::Controller => f.write_str("controller"),
        }
    }
}

impl FromStr for Author {
    type Err = super::UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || super::UnknownWord(text.to_owned());
        match text.split_once(':') {
            Some(("local", name)) => Ok(Self::Local(name.to_owned())),
            Some(("user", id)) => id.parse().map(Self::User).map_err(|_| unknown()),
            _ if text == "controller" => Ok(Self::Controller),
            _ => Err(unknown()),
        }
    }
}

/// Binding changes that cost no request.
#[derive(Clone, Debug)]
pub struct Rebinding {
    /// Where.
    pub guild: GuildId,
    /// The run they are part of, if any.
    pub run: Option<RunId>,
    /// On whose word.
    pub author: Author,
    /// When.
    pub at: DateTime<Utc>,
    /// The changes, in order. None may be [`BindingChange::BindCreated`]: nothing is created here.
    pub changes: Vec<BindingChange>,
}

/// A run that starts.
#[derive(Clone, Debug)]
pub struct NewRun {
    /// Its id.
    pub id: RunId,
    /// The guild as it was read for the plan.
    pub before: Guild,
    /// Why it starts.
    pub trigger: Trigger,
    /// On whose word.
    pub author: Author,
    /// The revision of the manifest, when it has one.
    pub revision: Option<String>,
    /// The run this one takes back, if it is a rollback.
    pub rollback_of: Option<RunId>,
    /// The digest of the plan.
    pub plan_digest: String,
    /// The plan. Image files in it are not kept.
    pub plan: Value,
    /// It is applied only because somebody approved exactly this plan. The run uses the approval up.
    pub rests_on_approval: bool,
    /// When.
    pub started_at: DateTime<Utc>,
}

/// A step whose request is about to be sent.
#[derive(Clone, Debug)]
pub struct IntendedStep {
    /// The id that stands in Discord's audit log.
    pub operation_id: OperationId,
    /// Its number in the plan.
    pub step: StepId,
    /// What will be done. Image files in it are not kept.
    pub operation: Operation,
    /// The object as it was read last; none for one that is created.
    pub before: Option<Value>,
    /// What Discord's audit log will give as the reason.
    pub reason: Option<String>,
    /// When.
    pub intended_at: DateTime<Utc>,
}

/// What became of an intended step.
#[derive(Clone, Debug)]
pub struct SettledStep {
    /// What happened.
    pub outcome: Outcome,
    /// When that was known.
    pub settled_at: DateTime<Utc>,
}

/// What happened to an operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// Discord did it.
    Done {
        /// What came into being.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        created: Option<Created>,
        /// The object as Discord answered; none for one that is gone.
        after: Option<Value>,
        /// What is bound and released with it.
        bindings: Vec<BindingChange>,
        /// What is to be remembered.
        facts: Vec<Fact>,
    },
    /// Discord did not do it.
    Failed {
        /// What Discord answered, without secrets.
        error: String,
    },
    /// It was never sent, or is known not to have arrived.
    Withdrawn {
        /// Why, in words.
        why: String,
    },
}

impl Outcome {
    /// The phase an operation is in with this outcome.
    pub fn phase(&self) -> Phase {
        match self {
            Self::Done { .. } => Phase::Done,
            Self::Failed { .. } => Phase::Failed,
            Self::Withdrawn { .. } => Phase::Withdrawn,
        }
    }
}

/// The object a step created.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Created {
    /// A role.
    Role(RoleId),
    /// A channel or category.
    Channel(ChannelId),
}

/// Something Discord's answer told that no later read will tell again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub enum Fact {
    /// What a name became.
    Name {
        /// The name space.
        kind: ObjectKind,
        /// The key.
        key: Key,
        /// The name asked for and the name got.
        echo: NameEcho,
    },
    /// What hash an uploaded image got.
    Image {
        /// SHA-256 of the file, in hex.
        sha256: String,
        /// Discord's hash.
        hash: String,
    },
}

/// The end of a run.
#[derive(Clone, Debug)]
pub struct Finish {
    /// How it ended.
    pub verdict: Verdict,
    /// What people should know about that, in words.
    pub remark: Option<String>,
    /// The guild as it was read afterwards, when it was.
    pub after: Option<Guild>,
    /// When.
    pub finished_at: DateTime<Utc>,
}

/// How and when a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finished {
    /// How.
    pub verdict: Verdict,
    /// What people should know about that.
    pub remark: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
}

/// How many steps of a run are in which phase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StepCounts {
    /// Without an outcome.
    pub open: u32,
    /// Done by Discord.
    pub done: u32,
    /// Not done.
    pub failed: u32,
    /// Never sent.
    pub withdrawn: u32,
}

/// A run in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RunSummary {
    /// Its id.
    pub id: RunId,
    /// Where.
    pub guild: GuildId,
    /// What the guild is called, as last seen.
    pub guild_name: String,
    /// Why it was started.
    pub trigger: Trigger,
    /// On whose word.
    #[serde(serialize_with = "as_text")]
    pub author: Author,
    /// The revision of the manifest.
    pub revision: Option<String>,
    /// The run it takes back.
    pub rollback_of: Option<RunId>,
    /// The digest of the plan.
    pub plan_digest: String,
    /// Who approved the plan, when it was applied only because somebody did.
    #[serde(serialize_with = "as_text_if", skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<Author>,
    /// Its steps so far.
    pub steps: StepCounts,
    /// When it started.
    pub started_at: DateTime<Utc>,
    /// How it ended; none while it is running or when it crashed.
    pub finished: Option<Finished>,
}

pub(super) fn as_text_if<S: serde::Serializer>(
    value: &Option<impl fmt::Display>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serializer.collect_str(value),
        None => serializer.serialize_none(),
    }
}

pub(super) fn as_text<S: serde::Serializer>(value: &impl fmt::Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// A run in full.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunRecord {
    /// In short.
    pub summary: RunSummary,
    /// The plan, as it was shown.
    pub plan: Value,
    /// The steps that were intended, by number.
    pub steps: Vec<StepRecord>,
}

/// A step that was intended.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StepRecord {
    /// The id that stands in Discord's audit log.
    pub operation_id: OperationId,
    /// Its number in the plan.
    pub step: StepId,
    /// What was to be done.
    pub operation: Operation,
    /// The object before.
    pub before: Option<Value>,
    /// What Discord's audit log gives as the reason.
    pub reason: Option<String>,
    /// When.
    pub intended_at: DateTime<Utc>,
    /// What became of it; none when that is not known.
    pub settled: Option<Settled>,
}

/// What became of a step, and when that was known.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Settled {
    /// What happened.
    pub outcome: Outcome,
    /// When that was known.
    pub at: DateTime<Utc>,
}

/// What a crash left of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct UnfinishedRun {
    /// In short.
    pub summary: RunSummary,
    /// The steps that may or may not have been done: each has to be looked up in Discord and settled.
    pub open: Vec<StepRecord>,
}

/// A guild as it was, with what was bound in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GuildState {
    /// The guild.
    pub guild: Guild,
    /// What was bound.
    pub bindings: Bindings,
}

/// Somebody's word that a plan may be applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// Where.
    pub guild: GuildId,
    /// The digest of the plan.
    pub plan_digest: String,
    /// Whose word.
    pub granted_by: Author,
    /// When.
    pub granted_at: DateTime<Utc>,
    /// From when on it counts no more; none when it does not expire.
    pub expires_at: Option<DateTime<Utc>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authors_keep_their_spelling() {
        for text in ["local:ada", "local:", "user:80351110224678912", "controller"] {
            assert_eq!(text.parse::<Author>().map(|author| author.to_string()), Ok(text.to_owned()));
        }
        for text in ["", "ada", "user:0", "user:ada", "controller:x"] {
            assert!(text.parse::<Author>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn short_ids_are_the_random_end() {
        let id: RunId = "019abcde-0000-7000-8000-0123456789ab".parse().expect("valid id");
        assert_eq!(id.short(), "456789ab");
        assert_eq!("456789ab".parse::<RunId>(), Err(InvalidId("456789ab".to_owned())));
    }
}
