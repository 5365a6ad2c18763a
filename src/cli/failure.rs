//! What goes wrong on the command line, told once, with what to do about it.

use std::fmt::Display;

use crate::ai;
use crate::cache;
use crate::controller::{self, Trouble};
use crate::discord;
use crate::plan::Rejected;
use crate::source;
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

/// What holds after every failure of the database.
const CARRIES_ON: &str = "Then run the same command again: it looks at what was done, and carries on.";

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

impl From<cache::Error> for Failure {
    fn from(error: cache::Error) -> Self {
        Self::new(chain(&error))
            .help(format!("{} names it. Without one everything works, only slower.", cache::SETTING))
    }
}

impl From<source::Error> for Failure {
    fn from(error: source::Error) -> Self {
        Self::new(chain(&error))
    }
}

impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Self {
        let failure = Self::new(chain(&error));
        match error {
            store::Error::Full => failure.help(format!(
                "Make room on the disk that holds the database: {} names it, or else it is in the state directory. \
                 {CARRIES_ON}",
                store::SETTING
            )),
            store::Error::ReadOnlyServer { .. } => failure.help(format!(
                "A replica takes no writes: name the server it copies from. {CARRIES_ON}"
            )),
            store::Error::ConnectionLost { .. } | store::Error::Unsure { .. } => failure.help(format!(
                "Look whether the server that {} names is up. {CARRIES_ON}",
                store::SETTING
            )),
            store::Error::Disk { .. } => failure.help(format!(
                "Look whether that disk is full, or a quota or a limit on file sizes is met (`df`, `quota`, `ulimit -f`). \
                 {CARRIES_ON}"
            )),
            store::Error::GuildBusy { .. } => failure.help(
                "It is still at work: run the command again when it is done, or wait longer with `--lock-timeout \
                 SECONDS`. One that died is out of the way half a minute later.",
            ),
            store::Error::ReadOnly => failure.help(format!(
                "Let this user write the database's file and folder: {} names it, or else it is in the state \
                 directory. {CARRIES_ON}",
                store::SETTING
            )),
            _ => failure,
        }
    }
}

impl From<controller::Error> for Failure {
    fn from(error: controller::Error) -> Self {
        match error {
            controller::Error::Discord(error) => error.into(),
            controller::Error::Store(error) => Self::from(error).help("Nothing more was sent to Discord."),
            error @ controller::Error::Stale => Self::new(error).exit(Exit::Refused),
            error @ controller::Error::Overtaken { .. } => Self::new(error)
                .help("What was done stays, and is recorded. Plan again, and look at what is different.")
                .exit(Exit::Refused),
            error @ (controller::Error::Stopped { .. } | controller::Error::NotBegun) => Self::new(error)
                .help("Run the same command again to go on; it looks at what was done.")
                .exit(Exit::Interrupted),
            error @ controller::Error::UnreadablePlan { .. } => Self::new(error)
                .help("It was made by another version of setai. Go back in git instead, and apply that."),
            error @ controller::Error::NoSuchRun { .. } => Self::new(error).help("`setai history` lists the runs."),
            error @ (controller::Error::NotApproved | controller::Error::ApprovalRequired { .. }) => {
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

impl From<ai::Error> for Failure {
    fn from(error: ai::Error) -> Self {
        Self::new(&error).help(error.remedy())
    }
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Engine(error) => error.into(),
            Trouble::Store(error) => error.into(),
            Trouble::Rejected(rejected) => (*rejected).into(),
            Trouble::Interpreter(unanswered) => Self::new(&unanswered).help(unanswered.remedy()),
            other => Self::new(chain(&other)),
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
            Rejected::OtherPlan(digest) => {
                failure.help(format!("Look at this one; if it is what you want, use `--approve {}`.", digest.short()))
            }
        }
    }
}

/// An error with what caused it.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let said = cause.to_string();
        // Some errors of libraries repeat their source.
        if !text.ends_with(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_says_what_to_do() {
        let failure = Failure::from(controller::Error::Store(store::Error::Full));
        assert_eq!(failure.exit, Exit::Failure);
        insta::assert_snapshot!([vec![failure.what], failure.help].concat().join("\n"), @r"
        the disk of the database is full; nothing can be recorded, so nothing may be changed
        Make room on the disk that holds the database: SETAI_DATABASE_URL names it, or else it is in the state directory. Then run the same command again: it looks at what was done, and carries on.
        Nothing more was sent to Discord.
        ");
    }

    #[test]
    fn a_cause_is_told_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("it refused: {0}")]
        struct Repeating(#[source] std::fmt::Error);
        let error = Repeating(std::fmt::Error);
        let once = "it refused: an error occurred when formatting an argument";
        assert_eq!(chain(&error), once);
    }
}
