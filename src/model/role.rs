//! Roles.

use serde::{Deserialize, Serialize};

use super::record::record;
use super::{Image, Permissions, RoleRef};

/// The colours of a role as 0xRRGGBB; a primary of 0 is no colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Colors {
    /// The colour of the name.
    pub primary: u32,
    /// Makes a gradient; needs the guild feature `ENHANCED_ROLE_COLORS`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secondary: Option<u32>,
    /// Makes the holographic style; only as part of [`Colors::HOLOGRAPHIC`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tertiary: Option<u32>,
}

impl Colors {
    /// The only triple Discord accepts a tertiary colour in (its role documentation).
    pub const HOLOGRAPHIC: Self = Self { primary: 11_127_295, secondary: Some(16_759_788), tertiary: Some(16_761_760) };
}

record! {
    /// What can be set on a role. Its place in the hierarchy is the order of [`super::Guild::roles`].
    RoleAttributes / RoleOverlay / RolePatch {
        /// The name, 1 to 100 characters; not unique.
        name: String => Option<String>,
        /// What everyone with the role may do in the whole guild.
        permissions: Permissions => Option<Permissions>,
        /// The colours.
        colors: Colors => Option<Colors>,
        /// Shown apart in the member list.
        hoist: bool => Option<bool>,
        /// May be mentioned by anyone.
        mentionable: bool => Option<bool>,
        /// The icon image; needs the guild feature `ROLE_ICONS`.
        icon: Option<Image> => Option<Option<Image>>,
        /// An emoji in the place of an icon; needs the guild feature `ROLE_ICONS`.
        unicode_emoji: Option<String> => Option<Option<String>>,
    }
}

impl RoleAttributes {
    /// A new role of which nothing is said but its name: it grants nothing.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            permissions: Permissions::NONE,
            colors: Colors::default(),
            hoist: false,
            mentionable: false,
            icon: None,
            unicode_emoji: None,
        }
    }
}

/// Who decides over a role's existence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Managed {
    /// People do.
    #[default]
    No,
    /// It came with the bot of this user id and goes with it.
    Bot(u64),
    /// An integration, the boosters' role or a subscription: Discord makes and removes it.
    Integration,
}

/// A role.
#[derive(Clone, Debug, PartialEq, Hash, Serialize, Deserialize)]
pub struct Role {
    /// Which role.
    pub id: RoleRef,
    /// Discord's raw position: larger is higher, ties go to the lower id. 0 for a role that does not exist yet.
    pub position: i64,
    /// Who decides over its existence.
    pub managed: Managed,
    /// What can be set.
    pub attributes: RoleAttributes,
}

impl Role {
    /// True when people may create and delete it.
    pub fn is_ours_to_delete(&self) -> bool {
        self.managed == Managed::No
    }
}
