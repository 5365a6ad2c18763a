//! Our own changes that are yet to be told to us.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use crate::discord::gateway::Change;
use crate::model::{Channel, Guild, GuildId, Role};

use super::Subject;

/// What each object is about to become by our doing.
#[derive(Debug, Default)]
pub(super) struct Expected(BTreeMap<(GuildId, Subject), Vec<(Duration, u64)>>);

impl Expected {
    /// How long after a write it may be told.
    const WAITS: Duration = Duration::from_mins(2);

    pub(super) fn add(&mut self, guild: GuildId, change: &Change, now: Duration) {
        self.0.retain(|_, expected| {
            expected.retain(|(until, _)| *until > now);
            !expected.is_empty()
        });
        let expected = self.0.entry((guild, Subject::of(change))).or_default();
        expected.push((now + Self::WAITS, value(change)));
    }

    /// True when it was expected, which it is not any more then.
    pub(super) fn take(&mut self, guild: GuildId, change: &Change, now: Duration) -> bool {
        let Some(expected) = self.0.get_mut(&(guild, Subject::of(change))) else { return false };
        let value = value(change);
        let found = expected.iter().position(|(until, expected)| *until > now && *expected == value);
        found.map(|at| expected.remove(at)).is_some()
    }

    pub(super) fn forget(&mut self, guild: GuildId, subject: Subject) {
        self.0.remove(&(guild, subject));
    }

    pub(super) fn forget_guild(&mut self, guild: GuildId) {
        self.0.retain(|(of, _), _| *of != guild);
    }
}

/// A number for what an object becomes, apart from its place.
fn value(change: &Change) -> u64 {
    let mut hasher = DefaultHasher::new();
    match change {
        Change::Settings(guild) => {
            let Guild { id: _, owner, boost_tier, requires_mfa, settings, roles: _, channels: _ } = &**guild;
            (0, owner, boost_tier, requires_mfa, settings).hash(&mut hasher);
        }
        Change::Channel(channel) => {
            let Channel { id, position: _, attributes } = &**channel;
            (1, id, attributes).hash(&mut hasher);
        }
        Change::Hidden(channel) => (2, channel).hash(&mut hasher),
        Change::ChannelDeleted(channel) => (3, channel).hash(&mut hasher),
        Change::Role(role) => {
            let Role { id, position: _, managed, attributes } = &**role;
            (4, id, managed, attributes).hash(&mut hasher);
        }
        Change::RoleDeleted(role) => (5, role).hash(&mut hasher),
        Change::OwnMember(bot) => (6, bot).hash(&mut hasher),
        Change::Other => 7.hash(&mut hasher),
    }
    hasher.finish()
}
