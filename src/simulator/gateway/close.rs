//! Why the simulated Discord closes a connection.

use serde::Serialize;

/// A close code and its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Close {
    pub(crate) code: u16,
    pub(crate) reason: &'static str,
}

impl Close {
    pub(super) const GOING_AWAY: Self = Self::new(1001, "Going away.");
    pub(super) const UNKNOWN: Self = Self::new(4000, "Unknown error.");
    pub(super) const UNKNOWN_OPCODE: Self = Self::new(4001, "Unknown opcode.");
    pub(super) const DECODE: Self = Self::new(4002, "Error while decoding payload.");
    pub(super) const NOT_AUTHENTICATED: Self = Self::new(4003, "Not authenticated.");
    pub(super) const BAD_TOKEN: Self = Self::new(4004, "Authentication failed.");
    pub(super) const ALREADY_AUTHENTICATED: Self = Self::new(4005, "Already authenticated.");
    pub(super) const BAD_SEQUENCE: Self = Self::new(4007, "Invalid seq.");
    pub(super) const RATE_LIMITED: Self = Self::new(4008, "Rate limited.");
    pub(super) const TIMED_OUT: Self = Self::new(4009, "Session timed out.");
    pub(super) const BAD_SHARD: Self = Self::new(4010, "Invalid shard.");
    pub(super) const SHARDING_REQUIRED: Self = Self::new(4011, "Sharding required.");
    pub(super) const BAD_VERSION: Self = Self::new(4012, "Invalid API version.");
    pub(super) const BAD_INTENTS: Self = Self::new(4013, "Invalid intent(s).");
    pub(super) const DISALLOWED_INTENTS: Self = Self::new(4014, "Disallowed intent(s).");

    const KNOWN: [Self; 15] = [
        Self::GOING_AWAY,
        Self::UNKNOWN,
        Self::UNKNOWN_OPCODE,
        Self::DECODE,
        Self::NOT_AUTHENTICATED,
        Self::BAD_TOKEN,
        Self::ALREADY_AUTHENTICATED,
        Self::BAD_SEQUENCE,
        Self::RATE_LIMITED,
        Self::TIMED_OUT,
        Self::BAD_SHARD,
        Self::SHARDING_REQUIRED,
        Self::BAD_VERSION,
        Self::BAD_INTENTS,
        Self::DISALLOWED_INTENTS,
    ];

    const fn new(code: u16, reason: &'static str) -> Self {
        Self { code, reason }
    }

    /// Any code, for whoever wants one; with Discord's words where it is Discord's.
    pub(super) fn of(code: u16) -> Self {
        Self::KNOWN.into_iter().find(|known| known.code == code).unwrap_or(Self::new(code, ""))
    }

    /// The session is over as well: the client is to start a new one, or to stay away.
    pub(super) fn ends_session(self) -> bool {
        matches!(self.code, 4004 | 4007 | 4009 | 4010..=4014)
    }
}
