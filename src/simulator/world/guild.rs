//! A guild and questions about it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::listed::{self, is_default};
use super::{AuditEntry, Channel, Member, Role, Snowflake};

/// A guild. Field names are those of Discord's guild object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Guild {
    /// Snowflake, also of the @everyone role.
    pub id: Snowflake,
    /// Shown name.
    pub name: String,
    /// Above all roles.
    pub owner_id: Snowflake,
    /// About text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Feature words.
    #[serde(skip_serializing_if = "is_default")]
    pub features: Vec<String>,
    /// Boost tier, 0 to 3.
    #[serde(skip_serializing_if = "is_default")]
    pub premium_tier: u8,
    /// Boosts.
    #[serde(skip_serializing_if = "is_default")]
    pub premium_subscription_count: u32,
    /// Boost bar shown.
    #[serde(skip_serializing_if = "is_default")]
    pub premium_progress_bar_enabled: bool,
    /// 0 to 4.
    #[serde(skip_serializing_if = "is_default")]
    pub verification_level: u8,
    /// 0 all messages, 1 mentions.
    #[serde(skip_serializing_if = "is_default")]
    pub default_message_notifications: u8,
    /// 0 to 2.
    #[serde(skip_serializing_if = "is_default")]
    pub explicit_content_filter: u8,
    /// 1 demands two-factor authentication for powerful actions.
    #[serde(skip_serializing_if = "is_default")]
    pub mfa_level: u8,
    /// Age rating by Discord.
    #[serde(skip_serializing_if = "is_default")]
    pub nsfw_level: u8,
    /// Locale.
    pub preferred_locale: String,
    /// Where idle voice members go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub afk_channel_id: Option<Snowflake>,
    /// After how many seconds.
    pub afk_timeout: u32,
    /// Where Discord posts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_channel_id: Option<Snowflake>,
    /// What it does not post, all bits.
    #[serde(skip_serializing_if = "is_default")]
    pub system_channel_flags: u64,
    /// Community rules.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rules_channel_id: Option<Snowflake>,
    /// Community notices from Discord.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_updates_channel_id: Option<Snowflake>,
    /// Safety notices from Discord.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub safety_alerts_channel_id: Option<Snowflake>,
    /// Widget switched on.
    #[serde(skip_serializing_if = "is_default")]
    pub widget_enabled: bool,
    /// Where its invite leads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub widget_channel_id: Option<Snowflake>,
    /// Onboarding, in the form it is read back in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub onboarding: Option<Value>,
    /// Image hash.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub icon: Option<String>,
    /// Image hash.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub splash: Option<String>,
    /// Image hash.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discovery_splash: Option<String>,
    /// Image hash.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub banner: Option<String>,
    /// Image hash.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub home_header: Option<String>,
    /// Roles, @everyone included.
    #[serde(with = "listed")]
    pub roles: BTreeMap<Snowflake, Role>,
    /// Channels and categories.
    #[serde(with = "listed")]
    pub channels: BTreeMap<Snowflake, Channel>,
    /// Who is in it.
    #[serde(with = "listed")]
    pub members: BTreeMap<Snowflake, Member>,
    /// What was done, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub audit_log: Vec<AuditEntry>,
    /// Fields this version knows nothing of, given out as they are.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Default for Guild {
    fn default() -> Self {
        Self {
            id: Snowflake(0),
            name: String::new(),
            owner_id: Snowflake(0),
            description: None,
            features: Vec::new(),
            premium_tier: 0,
            premium_subscription_count: 0,
            premium_progress_bar_enabled: false,
            verification_level: 0,
            default_message_notifications: 0,
            explicit_content_filter: 0,
            mfa_level: 0,
            nsfw_level: 0,
            preferred_locale: "en-US".to_owned(),
            afk_channel_id: None,
            afk_timeout: 300,
            system_channel_id: None,
            system_channel_flags: 0,
            rules_channel_id: None,
            public_updates_channel_id: None,
            safety_alerts_channel_id: None,
            widget_enabled: false,
            widget_channel_id: None,
            onboarding: None,
            icon: None,
            splash: None,
            discovery_splash: None,
            banner: None,
            home_header: None,
            roles: BTreeMap::new(),
            channels: BTreeMap::new(),
            members: BTreeMap::new(),
            audit_log: Vec::new(),
            extra: Map::new(),
        }
    }
}

impl Guild {
    /// Has that feature word.
    pub fn has_feature(&self, feature: &str) -> bool {
        self.features.iter().any(|f| f == feature)
    }

    /// Children of a category, in no order.
    pub fn children(&self, category: Snowflake) -> impl Iterator<Item = &Channel> {
        self.channels.values().filter(move |c| c.parent_id == Some(category))
    }

    /// The first role with that name.
    pub fn role_named(&self, name: &str) -> Option<&Role> {
        self.roles.values().find(|r| r.name == name)
    }

    /// The first channel with that name.
    pub fn channel_named(&self, name: &str) -> Option<&Channel> {
        self.channels.values().find(|c| c.name == name)
    }

    /// Numbers all channels from 0 up, keeping every order.
    pub(crate) fn renumber_channels(&mut self) {
        let mut order: Vec<_> = self.channels.values().map(|c| (c.position, c.id)).collect();
        order.sort_unstable();
        for (position, (_, id)) in (0..).zip(order) {
            self.channels.entry(id).and_modify(|c| c.position = position);
        }
    }

    /// Numbers all roles from 0 up, keeping every rank.
    pub(crate) fn renumber_roles(&mut self) {
        let everyone = self.id;
        let mut order: Vec<_> = self.roles.values().map(|r| (r.id != everyone, r.rank(), r.id)).collect();
        order.sort_unstable();
        for (position, (_, _, id)) in (0..).zip(order) {
            self.roles.entry(id).and_modify(|r| r.position = position);
        }
    }

    /// Takes back everything that pointed to a channel that is gone.
    pub(crate) fn forget_channel(&mut self, id: Snowflake) {
        for slot in [
            &mut self.afk_channel_id,
            &mut self.system_channel_id,
            &mut self.rules_channel_id,
            &mut self.public_updates_channel_id,
            &mut self.safety_alerts_channel_id,
            &mut self.widget_channel_id,
        ] {
            if *slot == Some(id) {
                *slot = None;
            }
        }
    }
}
