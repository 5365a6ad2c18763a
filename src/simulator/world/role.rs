//! Roles and their ranks.

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::listed::is_default;
use super::{Bits, Snowflake};

/// The three colours that together make a holographic role: the only ones a tertiary colour may be part of.
const HOLOGRAPHIC: [u32; 3] = [11_127_295, 16_759_788, 16_761_760];

/// A role.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Role {
    /// Snowflake; that of the guild for @everyone.
    pub id: Snowflake,
    /// Shown name.
    pub name: String,
    /// Higher stands above. Neither unique nor dense.
    #[serde(default)]
    pub position: i64,
    /// What it grants.
    #[serde(default)]
    pub permissions: Bits,
    /// Colours of the name.
    #[serde(default, skip_serializing_if = "is_default")]
    pub colors: Colors,
    /// Listed apart.
    #[serde(default, skip_serializing_if = "is_default")]
    pub hoist: bool,
    /// Anybody may mention it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub mentionable: bool,
    /// Made by an integration.
    #[serde(default, skip_serializing_if = "is_default")]
    pub managed: bool,
    /// Icon hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icon: Option<String>,
    /// Emoji in place of an icon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unicode_emoji: Option<String>,
    /// Role flags, all bits.
    #[serde(default, skip_serializing_if = "is_default")]
    pub flags: u64,
    /// Whose it is. A key with a null value means "true".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Map<String, Value>>,
    /// Fields this version knows nothing of, given out as they are.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// Colours of a role; primary 0 is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Colors {
    /// The colour, or the first of a gradient.
    #[serde(default)]
    pub primary_color: u32,
    /// The second of a gradient.
    #[serde(default)]
    pub secondary_color: Option<u32>,
    /// Only with the holographic triple.
    #[serde(default)]
    pub tertiary_color: Option<u32>,
}

impl Colors {
    /// The holographic triple.
    pub fn is_holographic(&self) -> bool {
        [Some(self.primary_color), self.secondary_color, self.tertiary_color] == HOLOGRAPHIC.map(Some)
    }
}

/// A place in the hierarchy: greater is higher. Of equal positions, the lower id is higher.
pub type Rank = (i64, Reverse<Snowflake>);

impl Role {
    /// Its place in the hierarchy.
    pub fn rank(&self) -> Rank {
        (self.position, Reverse(self.id))
    }
}
