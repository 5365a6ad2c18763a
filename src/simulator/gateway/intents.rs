//! What a session wants to be told.

use serde_json::Value;

use super::close::Close;
use crate::simulator::world::Application;

/// Bits of the groups of events a session asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Intents(pub(super) u64);

impl Intents {
    pub(super) const GUILDS: Self = Self(1);
    pub(super) const MEMBERS: Self = Self(1 << 1);
    pub(super) const MODERATION: Self = Self(1 << 2);
    pub(super) const PRESENCES: Self = Self(1 << 8);
    pub(super) const MESSAGES: Self = Self(1 << 9);
    pub(super) const CONTENT: Self = Self(1 << 15);
    /// 0 to 16, auto moderation, and polls.
    const KNOWN: Self = Self(((1 << 17) - 1) | 1 << 20 | 1 << 21 | 1 << 24 | 1 << 25);

    /// Privileged intents, each with the application flags that stand for it (Discord's documentation, "Application
    /// Flags").
    const PRIVILEGED: [(Self, u64); 3] =
        [(Self::PRESENCES, 1 << 12 | 1 << 13), (Self::MEMBERS, 1 << 14 | 1 << 15), (Self::CONTENT, 1 << 18 | 1 << 19)];

    /// Intents must be given, and known.
    pub(super) fn read(value: &Value) -> Result<Self, Close> {
        let bits = value.as_u64().filter(|bits| bits & !Self::KNOWN.0 == 0);
        bits.map(Self).ok_or(Close::BAD_INTENTS)
    }

    pub(super) fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Every privileged one is switched on for the application.
    pub(super) fn are_allowed(self, application: &Application) -> bool {
        let refused = |(intent, flags): &(Self, u64)| self.has(*intent) && application.flags & flags == 0;
        !Self::PRIVILEGED.iter().any(refused)
    }
}
