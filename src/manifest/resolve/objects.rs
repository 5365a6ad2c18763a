//! Roles, categories and channels.
//!
//! Decides what is said of each object. Knows nothing of how sets are built.

use indexmap::IndexMap;
use twilight_model::id::Id;

use crate::model::{
    ChannelFlags, ChannelKind, ChannelOverlay, ChannelRef, Colors, Emoji, FlagMask, ForumTag, Key, OverwriteChoice,
    RoleOverlay, TagChoices,
};

use crate::manifest::content::{ChannelSpec, Previously, RoleSpec};
use crate::manifest::diagnostic::{Problem, rule};
use crate::manifest::document::{
    CategoryDoc, ChannelDoc, ChannelPermissions, ColorsDoc, FullTagDoc, GuildDoc, RoleDoc, TagDoc,
};
use crate::manifest::policy::Pattern;
use crate::manifest::read::{Number, Said, Text};
use crate::manifest::scalar::{ArchiveMinutes, EmojiText};

use super::permissions::{AccessSets, PermissionSets};
use super::settings::ROLE_ICON_BYTES;
use super::{Resolver, table};

/// The value of a field that cannot be cleared.
pub(super) fn given<T: Copy>(field: &Option<Said<T>>) -> Option<T> {
    field.as_ref().map(|said| said.value)
}

/// The value of a field that can be cleared, in the model's form.
pub(super) fn clearable<T, U>(field: &Option<Said<Option<T>>>, convert: impl Fn(&T) -> U) -> Option<Option<U>> {
    field.as_ref().map(|said| said.value.as_ref().map(convert))
}

/// What a channel is.
pub(in crate::manifest) fn kind_of(channel: &ChannelDoc) -> ChannelKind {
    given(&channel.r#type).map_or(ChannelKind::Text, ChannelKind::from)
}

/// The model's name of a field as it is spelled in a section of the manifest.
pub(in crate::manifest) fn model_field<'a>(section: &str, spelled: &'a str) -> &'a str {
    match (section, spelled) {
        ("roles", "color") => "colors",
        ("channels" | "categories", "permissions") => "overwrites",
        ("channels", "type") => "kind",
        ("channels", "tags") => "available_tags",
        ("channels", "require_tag" | "hide_media_download_options" | "spoiler") => "flags",
        _ => spelled,
    }
}

impl Resolver<'_, '_, '_> {
    pub(super) fn roles(&mut self, doc: &GuildDoc, sets: &mut PermissionSets<'_>) -> IndexMap<Key, RoleSpec> {
        let written = table(doc.roles.as_ref());
        let roles = written.filter_map(|(key, role)| {
            let spec = self.role_spec(key, role, sets);
            Some((self.key(key)?, spec))
        });
        roles.collect()
    }

    fn role_spec(&mut self, key: &str, doc: &RoleDoc, sets: &mut PermissionSets<'_>) -> RoleSpec {
        let RoleDoc {
            spot: _,
            id,
            previously,
            name,
            color,
            colors,
            hoist,
            mentionable,
            permissions,
            icon,
            unicode_emoji,
        } = doc;
        let id = id.as_ref().and_then(|said| Id::new_checked(said.0));
        let has_own_name = id.is_some() || key == "everyone";
        let default_name = (!has_own_name).then(|| key.to_owned());
        let blend = colors.as_ref().map(|said| said.value.as_ref().map(blend).unwrap_or_default());
        let plain = color.as_ref().map(|said| Colors { primary: said.map_or(0, |c| c.0), ..Colors::default() });
        let attributes = RoleOverlay {
            name: name.as_ref().map(|name| name.0.clone()).or(default_name),
            permissions: permissions.as_ref().map(|said| sets.of_role(said, self.problems)),
            colors: blend.or(plain),
            hoist: given(hoist),
            mentionable: given(mentionable),
            icon: self.image(icon, ROLE_ICON_BYTES),
            unicode_emoji: self.unicode_emoji(unicode_emoji),
        };
        RoleSpec { id, previously: self.previously(previously), attributes }
    }

    /// The emoji of a role, which cannot be a custom one.
    fn unicode_emoji(&mut self, said: &Option<Said<Option<EmojiText>>>) -> Option<Option<String>> {
        let said = said.as_ref()?;
        match &said.value {
            None => Some(None),
            Some(EmojiText(Emoji::Unicode(characters))) => Some(Some(characters.clone())),
            Some(EmojiText(Emoji::Custom(_))) => {
                let problem = Problem::new(rule::NOT_AN_EMOJI, "a role can only have a Unicode emoji");
                self.report(problem.at(said.spot, "a custom emoji").help("give the role an `icon` instead"));
                None
            }
        }
    }

    fn previously(&mut self, said: &Option<Said<Vec<Said<String>>>>) -> Previously {
        let Some(said) = said else { return Previously::Unsaid };
        Previously::Keys(said.iter().filter_map(|key| self.key(key)).collect())
    }

    pub(super) fn categories(
        &mut self,
        doc: &GuildDoc,
        sets: &mut PermissionSets<'_>,
        access: &mut AccessSets<'_>,
    ) -> IndexMap<Key, ChannelSpec> {
        let written = table(doc.categories.as_ref());
        let categories = written.filter_map(|(key, category)| {
            let CategoryDoc { spot: _, id, previously, name, permissions, channels: _ } = category;
            let attributes = ChannelOverlay {
                name: Some(name.as_ref().map_or_else(|| key.value.clone(), |name| name.0.clone())),
                kind: Some(ChannelKind::Category),
                parent: Some(None),
                overwrites: self.overwrites(permissions, OverwriteChoice::Unmanaged, sets, access),
                ..ChannelOverlay::default()
            };
            let id = id.as_ref().and_then(|said| Id::new_checked(said.0));
            let spec = ChannelSpec { id, previously: self.previously(previously), attributes };
            Some((self.key(key)?, spec))
        });
        categories.collect()
    }

    pub(super) fn channels(
        &mut self,
        doc: &GuildDoc,
        sets: &mut PermissionSets<'_>,
        access: &mut AccessSets<'_>,
    ) -> IndexMap<Key, ChannelSpec> {
        let mut channels = IndexMap::new();
        let outside = table(doc.channels.as_ref()).map(|(key, channel)| (None, key, channel));
        let inside = table(doc.categories.as_ref()).flat_map(|(category, doc)| {
            table(doc.channels.as_ref()).map(move |(key, channel)| (Some(category), key, channel))
        });
        for (category, key, channel) in outside.chain(inside) {
            let parent = category.map(|category| category.parse().map(ChannelRef::Planned));
            let spec = self.channel_spec(key, parent.and_then(Result::ok), channel, sets, access);
            if let Some(key) = self.key(key) {
                channels.insert(key, spec);
            }
        }
        channels
    }

    fn channel_spec(
        &mut self,
        key: &str,
        parent: Option<ChannelRef>,
        doc: &ChannelDoc,
        sets: &mut PermissionSets<'_>,
        access: &mut AccessSets<'_>,
    ) -> ChannelSpec {
        let ChannelDoc {
            spot: _,
            id,
            previously,
            name,
            r#type: _,
            topic,
            nsfw,
            rate_limit_per_user,
            bitrate,
            user_limit,
            rtc_region,
            video_quality_mode,
            default_auto_archive_duration,
            default_thread_rate_limit_per_user,
            tags,
            default_reaction_emoji,
            default_sort_order,
            default_forum_layout,
            default_tag_setting,
            require_tag,
            hide_media_download_options,
            spoiler,
            permissions,
        } = doc;
        let silence = if parent.is_some() { OverwriteChoice::Synced } else { OverwriteChoice::Unmanaged };
        let mut flags = FlagMask::default();
        flags.say(ChannelFlags::REQUIRE_TAG, given(require_tag));
        flags.say(ChannelFlags::HIDE_MEDIA_DOWNLOAD_OPTIONS, given(hide_media_download_options));
        flags.say(ChannelFlags::SPOILER, given(spoiler));
        let attributes = ChannelOverlay {
            name: Some(name.as_ref().map_or_else(|| key.to_owned(), |name| name.0.clone())),
            kind: Some(kind_of(doc)),
            parent: Some(parent),
            // An empty topic is what Discord calls none.
            topic: clearable(topic, |Text(text)| text.clone()).map(|topic| topic.filter(|text| !text.is_empty())),
            nsfw: given(nsfw),
            rate_limit_per_user: number(rate_limit_per_user),
            bitrate: number(bitrate),
            user_limit: number(user_limit),
            rtc_region: clearable(rtc_region, |Text(text)| text.clone()),
            video_quality_mode: given(video_quality_mode),
            default_auto_archive_duration: clearable(default_auto_archive_duration, |ArchiveMinutes(minutes)| *minutes),
            default_thread_rate_limit_per_user: number(default_thread_rate_limit_per_user),
            available_tags: TagChoices(tags.as_ref().map(|said| self.tags(said))),
            default_reaction_emoji: clearable(default_reaction_emoji, |EmojiText(emoji)| emoji.clone()),
            default_sort_order: clearable(default_sort_order, |order| *order),
            default_forum_layout: given(default_forum_layout),
            default_tag_setting: given(default_tag_setting),
            flags,
            overwrites: self.overwrites(permissions, silence, sets, access),
        };
        let id = id.as_ref().and_then(|said| Id::new_checked(said.0));
        ChannelSpec { id, previously: self.previously(previously), attributes }
    }

    fn overwrites(
        &mut self,
        said: &Option<Said<ChannelPermissions>>,
        silence: OverwriteChoice,
        sets: &mut PermissionSets<'_>,
        access: &mut AccessSets<'_>,
    ) -> OverwriteChoice {
        said.as_ref().map_or(silence, |said| access.of_channel(said, self, sets))
    }

    fn tags(&mut self, tags: &[Said<TagDoc>]) -> Vec<ForumTag> {
        let read = tags.iter().filter_map(|said| {
            let FullTagDoc { spot, name, moderated, emoji } = &said.value.0;
            let Some(name) = name else {
                self.report(Problem::new(rule::MISSING_FIELD, "the tag has no name").at(*spot, "`name` is missing"));
                return None;
            };
            Some(ForumTag {
                id: None,
                name: name.0.clone(),
                moderated: given(moderated).unwrap_or(false),
                emoji: emoji.as_ref().and_then(|said| said.value.clone()).map(|emoji| emoji.0),
            })
        });
        read.collect()
    }

    /// An entry of `protect` or `ignore`.
    pub(super) fn pattern(&mut self, written: &Said<String>, with_fields: bool) -> Option<Pattern> {
        let form = if with_fields { "`channels.*.topic` or `settings.icon`" } else { "`roles.admin` or `channels.*`" };
        let refuse = |why: String| Problem::new(rule::BAD_PATTERN, why).at(written.spot, format!("expected {form}"));
        let mut parts = written.split('.');
        let (section, first, second) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
        if parts.next().is_some() {
            self.report(refuse(format!("`{}` has too many parts", written.value)));
            return None;
        }
        let (key, field) = match (section, first, second) {
            ("settings", Some(field), None) if with_fields => ("*", Some(field)),
            ("roles" | "categories" | "channels", Some(key), None) => (key, None),
            ("roles" | "categories" | "channels", Some(key), Some(field)) if with_fields => (key, Some(field)),
            _ => {
                let sections = ["roles", "categories", "channels", "settings"];
                let problem = refuse(format!("`{}` names nothing a manifest has", written.value));
                let near = self.problems.guess(section, sections).filter(|near| *near != section);
                self.report(match near {
                    Some(near) => problem.help(format!("did you mean `{near}`?")),
                    None => problem,
                });
                return None;
            }
        };
        let field = field.map(|field| model_field(section, field).to_owned());
        Some(Pattern { section: section.to_owned(), key: key.to_owned(), field })
    }
}

fn number<const MIN: u32, const MAX: u32>(field: &Option<Said<Number<MIN, MAX>>>) -> Option<u32> {
    field.as_ref().map(|said| said.0)
}

fn blend(doc: &ColorsDoc) -> Colors {
    let ColorsDoc { spot: _, primary, secondary, tertiary } = doc;
    Colors {
        primary: given(primary).map_or(0, |c| c.0),
        secondary: given(secondary).map(|c| c.0),
        tertiary: given(tertiary).map(|c| c.0),
    }
}
