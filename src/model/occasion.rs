//! What operators are told of.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Something that happened to a guild, or around it, and that people may want to hear of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Occasion {
    /// A guild was changed, and is now as its manifest has it.
    Applied,
    /// A run failed, or did only a part; it is tried again.
    Failed,
    /// A guild waits for somebody to change something; nothing is tried before.
    Stalled,
    /// Discord differs from the manifest, and nobody's commit explains it.
    Drifted,
    /// A plan waits for an approval.
    AwaitingApproval,
    /// A source cannot be read, or what was read is not believed.
    SourceFailed,
    /// Something everything depends on is away: Discord, or the database.
    Outage,
    /// What somebody was told of as wrong is over.
    Recovered,
}

impl Occasion {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Applied,
        Self::Failed,
        Self::Stalled,
        Self::Drifted,
        Self::AwaitingApproval,
        Self::SourceFailed,
        Self::Outage,
        Self::Recovered,
    ];

    /// The word for it in settings and messages to programs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Failed => "failed",
            Self::Stalled => "stalled",
            Self::Drifted => "drifted",
            Self::AwaitingApproval => "awaiting_approval",
            Self::SourceFailed => "source_failed",
            Self::Outage => "outage",
            Self::Recovered => "recovered",
        }
    }
}

impl fmt::Display for Occasion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_occasion_is_written_as_it_is_read() {
        for occasion in Occasion::ALL {
            let json = serde_json::to_value(occasion).expect("a word");
            assert_eq!(json, occasion.word());
        }
    }
}
