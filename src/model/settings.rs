//! Settings of the guild itself.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::record::record;
use super::{ChannelRef, Image, Overlay};

/// What a new member must have before writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VerificationLevel {
    /// Nothing.
    None,
    /// A verified email.
    Low,
    /// Registered for five minutes.
    Medium,
    /// A member for ten minutes.
    High,
    /// A verified phone.
    VeryHigh,
}

/// What members are notified of who have not chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NotificationLevel {
    /// Every message.
    AllMessages,
    /// Messages that mention them.
    OnlyMentions,
}

/// Whose media Discord scans.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ContentFilter {
    /// Nobody's.
    Disabled,
    /// That of members without a role.
    MembersWithoutRoles,
    /// Everybody's.
    AllMembers,
}

/// What Discord writes into the system channel, as the raw bits that switch a thing off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SystemChannelFlags(pub u64);

impl SystemChannelFlags {
    /// Name in a manifest (where `false` suppresses) and bit of every documented flag.
    pub const NAMED: [(&'static str, u64); 6] = [
        ("join_notifications", 1 << 0),
        ("premium_subscriptions", 1 << 1),
        ("guild_reminder_notifications", 1 << 2),
        ("join_notification_replies", 1 << 3),
        ("role_subscription_purchase_notifications", 1 << 4),
        ("role_subscription_purchase_notification_replies", 1 << 5),
    ];
}

/// System channel flags a manifest sets and clears; the others stay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SystemMask {
    /// Bits to set, that is, things to suppress.
    pub set: u64,
    /// Bits to clear, that is, things to write.
    pub clear: u64,
}

impl Overlay<SystemChannelFlags> for SystemMask {
    fn lay(&self, value: &mut SystemChannelFlags) {
        value.0 = value.0 & !self.clear | self.set;
    }

    fn is_silent(&self) -> bool {
        self.set | self.clear == 0
    }
}

/// The guild's features by Discord's names, the ones nobody can change included.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Features(pub BTreeSet<String>);

impl Features {
    /// Features a bot can switch. Anything else is kept as it is.
    pub const MUTABLE: [&'static str; 4] = ["COMMUNITY", "DISCOVERABLE", "INVITES_DISABLED", "RAID_ALERTS_DISABLED"];

    /// True when the guild has the feature.
    pub fn has(&self, feature: &str) -> bool {
        self.0.contains(feature)
    }
}

/// Features a manifest wants on or off; the others stay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeatureChoices(pub BTreeMap<&'static str, bool>);

impl Overlay<Features> for FeatureChoices {
    fn lay(&self, value: &mut Features) {
        for (feature, on) in &self.0 {
            if *on {
                value.0.insert((*feature).to_owned());
            } else {
                value.0.remove(*feature);
            }
        }
    }

    fn is_silent(&self) -> bool {
        self.0.is_empty()
    }
}

record! {
    /// What can be set on the guild itself.
    GuildSettings / SettingsOverlay / SettingsPatch {
        /// The name, 2 to 100 characters.
        name: String => Option<String>,
        /// What it is about, at most 300 characters.
        description: Option<String> => Option<Option<String>>,
        /// What a new member must have before writing.
        verification_level: VerificationLevel => Option<VerificationLevel>,
        /// What members are notified of.
        default_message_notifications: NotificationLevel => Option<NotificationLevel>,
        /// Whose media is scanned.
        explicit_content_filter: ContentFilter => Option<ContentFilter>,
        /// Where silent members are moved; a voice channel.
        afk_channel: Option<ChannelRef> => Option<Option<ChannelRef>>,
        /// Seconds of silence before that: 60, 300, 900, 1800 or 3600.
        afk_timeout: u32 => Option<u32>,
        /// Where Discord writes its own messages.
        system_channel: Option<ChannelRef> => Option<Option<ChannelRef>>,
        /// Which of them it does not write.
        system_channel_flags: SystemChannelFlags => SystemMask,
        /// Where the rules stand; a Community guild must have one.
        rules_channel: Option<ChannelRef> => Option<Option<ChannelRef>>,
        /// Where moderators get Discord's notices; a Community guild must have one.
        public_updates_channel: Option<ChannelRef> => Option<Option<ChannelRef>>,
        /// Where Discord warns of raids and spam.
        safety_alerts_channel: Option<ChannelRef> => Option<Option<ChannelRef>>,
        /// The language of a Community guild, such as `en-US`.
        preferred_locale: String => Option<String>,
        /// Shows how far the next boost level is.
        premium_progress_bar_enabled: bool => Option<bool>,
        /// Features.
        features: Features => FeatureChoices,
        /// The icon.
        icon: Option<Image> => Option<Option<Image>>,
        /// The picture behind an invite; needs the feature `INVITE_SPLASH`.
        splash: Option<Image> => Option<Option<Image>>,
        /// The picture in Server Discovery; needs the feature `DISCOVERABLE`.
        discovery_splash: Option<Image> => Option<Option<Image>>,
        /// The picture above the channels; needs the feature `BANNER`.
        banner: Option<Image> => Option<Option<Image>>,
    }
}
