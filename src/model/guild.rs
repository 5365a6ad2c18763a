//! A whole guild.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{
    Bucket, Channel, ChannelRef, GuildId, GuildSettings, Index, Indexed, Role, RoleId, RoleRef, Target, UserId,
};

/// How far a guild has been boosted, 0 to 3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BoostTier(pub u8);

impl BoostTier {
    /// Highest bitrate of a voice channel at this tier, in bits per second (Discord's channel documentation).
    pub fn max_bitrate(self) -> u32 {
        match self.0 {
            0 => 96_000,
            1 => 128_000,
            2 => 256_000,
            _ => 384_000,
        }
    }
}

/// The layout of a guild: live, wanted, or expected after a plan.
#[derive(Clone, Debug, PartialEq, Hash, Serialize, Deserialize)]
pub struct Guild {
    /// Which guild.
    pub id: GuildId,
    /// Whose it is; the owner may do everything.
    pub owner: UserId,
    /// How far it is boosted.
    pub boost_tier: BoostTier,
    /// True when moderators need two-factor authentication.
    pub requires_mfa: bool,
    /// Settings.
    pub settings: GuildSettings,
    /// Roles, highest first; @everyone is the last.
    pub roles: Vec<Role>,
    /// Channels and categories; inside one place ([`Channel::place`]) in sidebar order.
    pub channels: Vec<Channel>,
}

impl Guild {
    /// Most roles of a guild, @everyone included (error 30005 beyond).
    pub const MAX_ROLES: usize = 250;
    /// Most channels of a guild, categories included (error 30013 beyond).
    pub const MAX_CHANNELS: usize = 500;
    /// Most channels of a category (error 50035, `CHANNEL_PARENT_MAX_CHANNELS`, beyond).
    pub const MAX_CHANNELS_PER_CATEGORY: usize = 50;

    /// The snowflake of @everyone: the guild's own.
    pub fn everyone_id(&self) -> RoleId {
        self.id.cast()
    }

    /// The @everyone role.
    pub fn everyone(&self) -> Option<&Role> {
        let everyone = RoleRef::Live(self.everyone_id());
        // It is the last one.
        self.roles.iter().rev().find(|role| role.id == everyone)
    }

    /// A role.
    pub fn role(&self, role: &RoleRef) -> Option<&Role> {
        self.roles.iter().find(|r| r.id == *role)
    }

    /// A channel or category.
    pub fn channel(&self, channel: &ChannelRef) -> Option<&Channel> {
        self.channels.iter().find(|c| c.id == *channel)
    }

    /// All channels and categories by reference, for whoever asks for many.
    pub fn channels_by_id(&self) -> Index<&ChannelRef, &Channel> {
        self.channels.iter().map(|channel| (&channel.id, channel)).collect()
    }

    /// All roles by reference, for whoever asks for many.
    pub fn roles_by_id(&self) -> Index<&RoleRef, &Role> {
        self.roles.iter().map(|role| (&role.id, role)).collect()
    }

    /// The channels of one place, in order.
    pub fn in_place<'a>(&'a self, parent: Option<&'a ChannelRef>, bucket: Bucket) -> impl Iterator<Item = &'a Channel> {
        self.channels.iter().filter(move |c| c.place() == (parent, bucket))
    }

    /// The channels of a category, in no particular order between text and voice.
    pub fn children<'a>(&'a self, category: &'a ChannelRef) -> impl Iterator<Item = &'a Channel> {
        self.channels.iter().filter(move |c| c.attributes.parent.as_ref() == Some(category))
    }

    /// True when the category's and the channel's overwrites say the same.
    pub fn is_synced(&self, channel: &Channel) -> bool {
        let parent = channel.attributes.parent.as_ref().and_then(|p| self.channel(p));
        parent.is_some_and(|p| p.attributes.overwrites == channel.attributes.overwrites)
    }

    /// The guild without overwrites of roles that are gone. Discord leaves such behind at times; they concern nobody.
    pub fn without_dangling(&self) -> Cow<'_, Self> {
        let roles: Indexed<&RoleRef> = self.roles.iter().map(|r| &r.id).collect();
        let dangling = |target: &Target| matches!(target, Target::Role(role) if !roles.contains(role));
        let has_dangling = |c: &Channel| c.attributes.overwrites.iter().any(|(target, _)| dangling(target));
        if !self.channels.iter().any(has_dangling) {
            return Cow::Borrowed(self);
        }
        let mut guild = self.clone();
        for overwrites in guild.channels.iter_mut().map(|c| &mut c.attributes.overwrites) {
            let kept = overwrites.iter().filter(|(target, _)| !dangling(target));
            *overwrites = kept.map(|(target, overwrite)| (target.clone(), *overwrite)).collect();
        }
        Cow::Owned(guild)
    }

    /// Puts roles and channels into canonical order: roles from the top of the hierarchy, channels as the sidebar shows
    /// them. Ties in position go to the lower snowflake, which for roles is the higher role.
    pub fn sort(&mut self) {
        let everyone = self.everyone_id();
        self.roles.sort_by_key(|r| (r.id == RoleRef::Live(everyone), -r.position, r.id.clone()));
        self.channels.sort_by_key(|c| (c.attributes.kind.bucket(), c.position, c.id.clone()));
    }
}
