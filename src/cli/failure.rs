//! What goes wrong on the command line, told once, with what to do about it.

use std::fmt::Display;

use crate::controller;
use crate::discord;
use crate::plan::Rejected;
use crate::store;

/// How a command ended. The numbers are documented in the README.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// 0: as asked.
    Success,
    /// 1: an error.
    Failure,
    /// 2: there is something to do (only with `--detailed-exitcode`).
    Changes,
    /// 3: a plan was refused, or waits for a decision or an approval.
    Refused,
    /// 4: applied in part.
    Partial,
    /// 130: stopped by the user.
    Interrupted,
}

impl Exit {
    pub(super) fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failure => 1,
            Self::Changes => 2,
            Self::Refused => 3,
            Self::Partial => 4,
            Self::Interrupted => 130,
        }
    }
}

/// An error for people: what, and what to do.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) exit: Exit,
    pub(super) what: String,
    pub(super) help: Vec<String>,
}

impl Failure {
    pub(super) fn new(what: impl Display) -> Self {
        Self { exit: Exit::Failure, what: what.to_string(), help: Vec::new() }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    pub(super) fn exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }
}

impl From<discord::Error> for Failure {
    fn from(error: discord::Error) -> Self {
        let failure = Self::new(&error);
        match error {
            discord::Error::Unauthorized => failure.help("`setai doctor` checks the token and everything else."),
            discord::Error::Unavailable { .. } => failure.help("Is SETAI_DISCORD_URL right, and the network up?"),
            _ => failure,
        }
    }
}

impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Self {
        Self::new(chain(&error))
    }
}

impl From<controller::Error> for Failure {
    fn from(error: controller::Error) -> Self {
        match error {
            controller::Error::Discord(error) => error.into(),
            controller::Error::Store(error) => Self::from(error).help("Nothing more was sent to Discord."),
            error @ controller::Error::Stale => Self::new(error).exit(Exit::Refused),
            error @ controller::Error::NotApproved => {
                Self::new(error).help("Look at the plan, then apply with `--approve DIGEST`.").exit(Exit::Refused)
            }
            error @ controller::Error::ApprovalSpent { .. } => Self::new(error)
                .help("The guild is again as it was then, so somebody undid the plan: find out who and why.")
                .help("If it is to be done again, commit again: a plan of another revision has a digest of its own.")
                .exit(Exit::Refused),
            error @ controller::Error::Unsettled { .. } => Self::new(error)
                .help("Look for it in Discord. If it is there, give its id to the manifest (`id:`), or delete the surplus.")
                .exit(Exit::Refused),
        }
    }
}

impl From<Rejected> for Failure {
    fn from(rejected: Rejected) -> Self {
        let failure = Self::new(format!("{rejected}; nothing was changed")).exit(Exit::Refused);
        match rejected {
            Rejected::Blocked(notes) => notes.into_iter().fold(failure, |failure, note| {
                let help = note.help.unwrap_or_default();
                failure.help(format!("{}: {} {help}", note.subject, note.text))
            }),
            Rejected::Refused(refusals) => {
                refusals.into_iter().fold(failure, |failure, r| failure.help(format!("{} {}", r.text, r.help)))
            }
            Rejected::NeedsApproval(digest) => {
                failure.help(format!("Look at it with `setai plan`, then apply with `--approve {}`.", digest.short()))
            }
        }
    }
}

/// An error with what caused it.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
