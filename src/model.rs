//! The vocabulary: what a Discord guild is, in types.
//!
//! Decides what can be said about a guild and which values are equal. Knows nothing of YAML, HTTP, time or disks.
//!
//! One [`Guild`] type serves both sides of a comparison. What Discord reported is made of [`Ref::Live`] objects; what a
//! team wants mixes those with [`Ref::Planned`] ones, which have a manifest key but no snowflake yet.

mod access;
mod binding;
mod channel;
mod guild;
mod id;
mod image;
mod index;
mod name;
mod occasion;
mod overwrite;
mod permission;
mod record;
mod role;
mod server;
mod settings;
mod snapshot;
mod user;

pub use access::{Access, Actor, role_access};
pub use binding::{Binding, BindingState, Bindings, KindBindings, NameEcho, Provenance};
pub use channel::{
    Bucket, Channel, ChannelAttributes, ChannelFlags, ChannelKind, ChannelOverlay, ChannelPatch, Emoji, FlagMask,
    ForumLayout, ForumTag, SortOrder, TagChoices, TagMatching, VideoQuality,
};
pub use guild::{BoostTier, Guild};
pub use id::{
    ApplicationId, ChannelId, ChannelRef, EmojiId, GuildId, InteractionId, InvalidKey, Key, ObjectKind, Ref, RoleId,
    RoleRef, TagId, UserId,
};
pub use image::{Image, ImageSource};
pub use index::{Index, Indexed};
pub use name::{normalise_channel_name, same_channel_name};
pub use occasion::Occasion;
pub use overwrite::{Overwrite, OverwriteChoice, Overwrites, Target};
pub use permission::{Permission, Permissions, Scope, UnknownPermission};
pub use record::{Change, FieldChange, Overlay};
pub use role::{Colors, Managed, Role, RoleAttributes, RoleOverlay, RolePatch};
pub use server::{
    FeatureFlags, InvalidSetting, Moderation, ServerConfiguration, ServerRateLimits, ServerSettings, ServerStatus,
    Setting,
};
pub use settings::{
    ContentFilter, FeatureChoices, Features, GuildSettings, NotificationLevel, SettingsOverlay, SettingsPatch,
    SystemChannelFlags, SystemMask, VerificationLevel,
};
pub use snapshot::{Bot, Facet, Snapshot, Visibility};
pub use user::{AiPreferences, UserPreferences};
