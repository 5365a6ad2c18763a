//! Changes to bodies of requests: exactly the fields that change, each as Discord wants it.

use serde_json::{Map, Value, json};

use crate::discord::apply::Names;
use crate::discord::error::Error;
use crate::model::{
    Change, ChannelAttributes, ChannelPatch, ChannelRef, Colors, ContentFilter, Emoji, ForumLayout, ForumTag, Image,
    ImageSource, NotificationLevel, Overwrite, RoleAttributes, RolePatch, SettingsPatch, SortOrder, TagMatching,
    Target, VerificationLevel, VideoQuality,
};

/// The images a body uploads, by field.
pub(crate) type Images = Vec<(&'static str, ImageSource)>;

/// A body that is being written.
struct Body<'a> {
    fields: Map<String, Value>,
    images: Images,
    names: Names<'a>,
}

impl<'a> Body<'a> {
    fn new(names: Names<'a>) -> Self {
        Self { fields: Map::new(), images: Images::new(), names }
    }

    fn set(&mut self, field: &str, value: Value) {
        self.fields.insert(field.to_owned(), value);
    }

    /// Writes the new value of a field that changes. Empty, zero, false and `null` are values like any other.
    fn put<T>(&mut self, field: &str, change: &Option<Change<T>>, write: impl FnOnce(&T) -> Value) {
        if let Some(Change { from: _, to }) = change {
            self.set(field, write(to));
        }
    }

    fn image(&mut self, field: &'static str, change: &Option<Change<Option<Image>>>) -> Result<(), Error> {
        let Some(Change { from: _, to }) = change else { return Ok(()) };
        match to {
            None => self.set(field, Value::Null),
            Some(Image::Hash(_)) => return Err(Error::NoImage { field }),
            Some(Image::Upload(source)) => {
                self.set(field, json!(source.data_uri));
                self.images.push((field, source.clone()));
            }
        }
        Ok(())
    }

    fn channel(&mut self, field: &str, change: &Option<Change<Option<ChannelRef>>>) -> Result<(), Error> {
        let Some(Change { from: _, to }) = change else { return Ok(()) };
        let id = to.as_ref().map(|channel| self.names.channel(channel)).transpose()?;
        self.set(field, json!(id));
        Ok(())
    }

    fn parent(&mut self, parent: Option<&ChannelRef>) -> Result<(), Error> {
        let id = parent.map(|category| self.names.category(category)).transpose()?;
        self.set("parent_id", json!(id));
        Ok(())
    }

    fn overwrites<'o>(&mut self, entries: impl Iterator<Item = (&'o Target, &'o Overwrite)>) -> Result<(), Error> {
        let mut list = Vec::new();
        for (target, overwrite) in entries {
            let (kind, id) = match target {
                Target::Role(role) => (0, self.names.role(role)?.get()),
                Target::Member(user) => (1, user.get()),
            };
            let (allow, deny) = (overwrite.allow.bits().to_string(), overwrite.deny.bits().to_string());
            list.push(json!({ "id": id.to_string(), "type": kind, "allow": allow, "deny": deny }));
        }
        self.set("permission_overwrites", Value::Array(list));
        Ok(())
    }

    fn done(self) -> (Value, Images) {
        (Value::Object(self.fields), self.images)
    }
}

/// The body that creates a role. What Discord would set by itself is left out, except where that depends on the guild:
/// a role without `permissions` gets those of @everyone.
pub(crate) fn role_body(role: &RoleAttributes, names: Names<'_>) -> Result<(Value, Images), Error> {
    let mut body = Body::new(names);
    body.set("name", json!(role.name));
    body.set("permissions", json!(role.permissions.bits().to_string()));
    let mut plain = RoleAttributes::named(role.name.clone());
    plain.permissions = role.permissions;
    put_role(&mut body, &plain.diff(role))?;
    Ok(body.done())
}

/// The body that changes a role.
pub(crate) fn role_patch(changes: &RolePatch, names: Names<'_>) -> Result<(Value, Images), Error> {
    let mut body = Body::new(names);
    put_role(&mut body, changes)?;
    Ok(body.done())
}

fn put_role(body: &mut Body<'_>, changes: &RolePatch) -> Result<(), Error> {
    let RolePatch { name, permissions, colors, hoist, mentionable, icon, unicode_emoji } = changes;
    body.put("name", name, |v| json!(v));
    body.put("permissions", permissions, |v| json!(v.bits().to_string()));
    // `color` is what is left of the time before gradients; next to `colors` it could only contradict.
    body.put("colors", colors, |Colors { primary, secondary, tertiary }| {
        json!({ "primary_color": primary, "secondary_color": secondary, "tertiary_color": tertiary })
    });
    body.put("hoist", hoist, |v| json!(v));
    body.put("mentionable", mentionable, |v| json!(v));
    body.image("icon", icon)?;
    body.put("unicode_emoji", unicode_emoji, |v| json!(v));
    Ok(())
}

/// The body that creates a channel, its overwrites included: it is never open for a moment. They are written even when
/// there are none, because a channel without that field would inherit its category's.
pub(crate) fn channel_body(channel: &ChannelAttributes, names: Names<'_>) -> Result<(Value, Images), Error> {
    let mut body = Body::new(names);
    body.set("name", json!(channel.name));
    body.set("type", json!(channel.kind.number()));
    let mut plain = ChannelAttributes::named(channel.name.clone(), channel.kind);
    plain.overwrites = channel.overwrites.clone();
    put_channel(&mut body, &plain.diff(channel))?;
    body.overwrites(channel.overwrites.entries())?;
    Ok(body.done())
}

/// The body that changes a channel.
pub(crate) fn channel_patch(changes: &ChannelPatch, names: Names<'_>) -> Result<(Value, Images), Error> {
    let mut body = Body::new(names);
    put_channel(&mut body, changes)?;
    Ok(body.done())
}

fn put_channel(body: &mut Body<'_>, changes: &ChannelPatch) -> Result<(), Error> {
    let ChannelPatch {
        name,
        kind,
        parent,
        topic,
        nsfw,
        rate_limit_per_user,
        bitrate,
        user_limit,
        rtc_region,
        video_quality_mode,
        default_auto_archive_duration,
        default_thread_rate_limit_per_user,
        available_tags,
        default_reaction_emoji,
        default_sort_order,
        default_forum_layout,
        default_tag_setting,
        flags,
        overwrites,
    } = changes;
    body.put("name", name, |v| json!(v));
    body.put("type", kind, |v| json!(v.number()));
    if let Some(Change { from: _, to }) = parent {
        body.parent(to.as_ref())?;
    }
    body.put("topic", topic, |v| json!(v));
    body.put("nsfw", nsfw, |v| json!(v));
    body.put("rate_limit_per_user", rate_limit_per_user, |v| json!(v));
    body.put("bitrate", bitrate, |v| json!(v));
    body.put("user_limit", user_limit, |v| json!(v));
    body.put("rtc_region", rtc_region, |v| json!(v));
    body.put("video_quality_mode", video_quality_mode, |v| match v {
        VideoQuality::Auto => json!(1),
        VideoQuality::Full => json!(2),
    });
    body.put("default_auto_archive_duration", default_auto_archive_duration, |v| json!(v));
    body.put("default_thread_rate_limit_per_user", default_thread_rate_limit_per_user, |v| json!(v));
    body.put("available_tags", available_tags, |v| v.iter().map(tag).collect());
    body.put("default_reaction_emoji", default_reaction_emoji, |v| v.as_ref().map_or(Value::Null, emoji));
    body.put("default_sort_order", default_sort_order, |v| match v {
        None => Value::Null,
        Some(SortOrder::LatestActivity) => json!(0),
        Some(SortOrder::CreationDate) => json!(1),
    });
    body.put("default_forum_layout", default_forum_layout, |v| match v {
        ForumLayout::NotSet => json!(0),
        ForumLayout::ListView => json!(1),
        ForumLayout::GalleryView => json!(2),
    });
    body.put("default_tag_setting", default_tag_setting, |v| match v {
        TagMatching::MatchSome => json!("match_some"),
        TagMatching::MatchAll => json!("match_all"),
    });
    body.put("flags", flags, |v| json!(v.0));
    if let Some(Change { from: _, to }) = overwrites {
        body.overwrites(to.iter())?;
    }
    Ok(())
}

/// A tag that has a snowflake keeps it, and with it the posts that carry it.
fn tag(tag: &ForumTag) -> Value {
    let ForumTag { id, name, moderated, emoji } = tag;
    let mut fields = Map::new();
    if let Some(id) = id {
        fields.insert("id".to_owned(), json!(id));
    }
    fields.insert("name".to_owned(), json!(name));
    fields.insert("moderated".to_owned(), json!(moderated));
    let (emoji_id, emoji_name) = emoji_parts(emoji.as_ref());
    fields.insert("emoji_id".to_owned(), emoji_id);
    fields.insert("emoji_name".to_owned(), emoji_name);
    Value::Object(fields)
}

fn emoji(emoji: &Emoji) -> Value {
    let (emoji_id, emoji_name) = emoji_parts(Some(emoji));
    json!({ "emoji_id": emoji_id, "emoji_name": emoji_name })
}

fn emoji_parts(emoji: Option<&Emoji>) -> (Value, Value) {
    match emoji {
        None => (Value::Null, Value::Null),
        Some(Emoji::Unicode(characters)) => (Value::Null, json!(characters)),
        Some(Emoji::Custom(id)) => (json!(id), Value::Null),
    }
}

/// The body that changes the guild itself.
pub(crate) fn settings_patch(changes: &SettingsPatch, names: Names<'_>) -> Result<(Value, Images), Error> {
    let SettingsPatch {
        name,
        description,
        verification_level,
        default_message_notifications,
        explicit_content_filter,
        afk_channel,
        afk_timeout,
        system_channel,
        system_channel_flags,
        rules_channel,
        public_updates_channel,
        safety_alerts_channel,
        preferred_locale,
        premium_progress_bar_enabled,
        features,
        icon,
        splash,
        discovery_splash,
        banner,
    } = changes;
    let mut body = Body::new(names);
    body.put("name", name, |v| json!(v));
    body.put("description", description, |v| json!(v));
    body.put("verification_level", verification_level, |v| match v {
        VerificationLevel::None => json!(0),
        VerificationLevel::Low => json!(1),
        VerificationLevel::Medium => json!(2),
        VerificationLevel::High => json!(3),
        VerificationLevel::VeryHigh => json!(4),
    });
    body.put("default_message_notifications", default_message_notifications, |v| match v {
        NotificationLevel::AllMessages => json!(0),
        NotificationLevel::OnlyMentions => json!(1),
    });
    body.put("explicit_content_filter", explicit_content_filter, |v| match v {
        ContentFilter::Disabled => json!(0),
        ContentFilter::MembersWithoutRoles => json!(1),
        ContentFilter::AllMembers => json!(2),
    });
    body.channel("afk_channel_id", afk_channel)?;
    body.put("afk_timeout", afk_timeout, |v| json!(v));
    body.channel("system_channel_id", system_channel)?;
    body.put("system_channel_flags", system_channel_flags, |v| json!(v.0));
    body.channel("rules_channel_id", rules_channel)?;
    body.channel("public_updates_channel_id", public_updates_channel)?;
    body.channel("safety_alerts_channel_id", safety_alerts_channel)?;
    body.put("preferred_locale", preferred_locale, |v| json!(v));
    body.put("premium_progress_bar_enabled", premium_progress_bar_enabled, |v| json!(v));
    body.put("features", features, |v| json!(v.0));
    body.image("icon", icon)?;
    body.image("splash", splash)?;
    body.image("discovery_splash", discovery_splash)?;
    body.image("banner", banner)?;
    Ok(body.done())
}

/// The body of a bulk move.
pub(crate) fn moves(entries: impl Iterator<Item = Result<(u64, i64), Error>>) -> Result<Value, Error> {
    entries.map(|entry| entry.map(|(id, position)| json!({ "id": id.to_string(), "position": position }))).collect()
}
