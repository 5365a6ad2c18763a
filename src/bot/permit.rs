//! Who may ask for what: by what Discord lets them do, by who the operator named, and by what is set for the guild.
//!
//! Pure. The bot can do more in a guild than most of those who talk to it, so nobody gets more through it than they have: to
//! make or approve changes takes `administrator`, or the operator's word.

use crate::config::Approver;
use crate::model::{Moderation, Permissions, RoleId, UserId};

use super::ask::{Ask, Press};

/// How much trust something takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// To see how the guild is and should be, and to propose changes that somebody else has to agree to.
    Look,
    /// To change the guild, or what SetAI does in it.
    Operate,
}

/// Who asks.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) user: UserId,
    pub(super) roles: Vec<RoleId>,
    pub(super) permissions: Permissions,
}

/// Why somebody may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It takes `manage_channels` or more.
    NotTrusted,
    /// It takes `administrator`, or the operator's word.
    NoOperator,
    /// What is set for the guild leaves it to administrators.
    NoAdministrator,
}

/// Any of these lets somebody see what the bot shows: whoever may change channels, roles or the guild sees all of it anyway.
const MAY_LOOK: Permissions =
    Permissions::MANAGE_CHANNELS.with(Permissions::MANAGE_ROLES).with(Permissions::MANAGE_GUILD);

impl Caller {
    fn is_administrator(&self) -> bool {
        self.permissions.contains(Permissions::ADMINISTRATOR)
    }

    fn is_named(&self, approvers: &[Approver]) -> bool {
        approvers.iter().any(|approver| match approver {
            Approver::User(user) => *user == self.user,
            Approver::Role(role) => self.roles.contains(role),
        })
    }
}

/// Decides whether somebody may use the command of this name for something that takes this much trust.
pub(super) fn permitted(
    caller: &Caller,
    command: &str,
    level: Level,
    approvers: &[Approver],
    moderation: &Moderation,
) -> Result<(), Refusal> {
    if caller.is_administrator() {
        return Ok(());
    }
    if moderation.restricted_commands.iter().any(|restricted| restricted == command) {
        return Err(Refusal::NoAdministrator);
    }
    if caller.is_named(approvers) {
        return Ok(());
    }
    match level {
        Level::Look if caller.permissions.intersects(MAY_LOOK) => Ok(()),
        Level::Look => Err(Refusal::NotTrusted),
        Level::Operate => Err(Refusal::NoOperator),
    }
}

impl Ask {
    pub(super) fn level(&self) -> Level {
        match self {
            Self::Plan
            | Self::Status
            | Self::Drift
            | Self::History { .. }
            | Self::Propose { .. }
            | Self::Preferences(_) => Level::Look,
            Self::Approve { .. } | Self::Rollback { .. } | Self::Suspend { .. } | Self::Resume => Level::Operate,
        }
    }
}

impl Press {
    pub(super) fn level(&self) -> Level {
        match self {
            Self::Open(_) | Self::Mean { .. } | Self::Adopt(_) | Self::Typed(_) | Self::Never => Level::Look,
            Self::Approve(_)
            | Self::ApproveForSure(_)
            | Self::Revert(_)
            | Self::RevertForSure(_)
            | Self::Ignore
            | Self::RollBackForSure { .. } => Level::Operate,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn somebody(permissions: Permissions) -> Caller {
        Caller { user: UserId::new(7), roles: vec![RoleId::new(70), RoleId::new(71)], permissions }
    }

    fn asks(caller: &Caller, level: Level, approvers: &[Approver], restricted: &[&str]) -> Result<(), Refusal> {
        let restricted_commands = restricted.iter().map(|name| (*name).to_owned()).collect();
        let moderation = Moderation { restricted_commands, ..Moderation::default() };
        permitted(caller, "plan", level, approvers, &moderation)
    }

    #[test]
    fn whoever_manages_channels_may_look_and_only_administrators_may_change() {
        let member = somebody(Permissions::SEND_MESSAGES);
        let moderator = somebody(Permissions::MANAGE_CHANNELS | Permissions::KICK_MEMBERS);
        let manager = somebody(Permissions::MANAGE_GUILD);
        let administrator = somebody(Permissions::ADMINISTRATOR);
        assert_eq!(asks(&member, Level::Look, &[], &[]), Err(Refusal::NotTrusted));
        assert_eq!(asks(&moderator, Level::Look, &[], &[]), Ok(()));
        assert_eq!(asks(&moderator, Level::Operate, &[], &[]), Err(Refusal::NoOperator));
        assert_eq!(asks(&manager, Level::Operate, &[], &[]), Err(Refusal::NoOperator));
        assert_eq!(asks(&administrator, Level::Operate, &[], &["plan"]), Ok(()));
    }

    #[test]
    fn the_operator_can_name_others() {
        let member = somebody(Permissions::SEND_MESSAGES);
        for approver in [Approver::User(UserId::new(7)), Approver::Role(RoleId::new(71))] {
            assert_eq!(asks(&member, Level::Operate, &[approver], &[]), Ok(()));
        }
        for approver in [Approver::User(UserId::new(8)), Approver::Role(RoleId::new(7))] {
            assert_eq!(asks(&member, Level::Operate, &[approver], &[]), Err(Refusal::NoOperator));
        }
    }

    #[test]
    fn what_is_restricted_is_left_to_administrators() {
        let moderator = somebody(Permissions::MANAGE_CHANNELS);
        let approver = [Approver::User(UserId::new(7))];
        assert_eq!(asks(&moderator, Level::Look, &approver, &["plan"]), Err(Refusal::NoAdministrator));
        assert_eq!(asks(&moderator, Level::Look, &approver, &["propose"]), Ok(()));
    }
}
