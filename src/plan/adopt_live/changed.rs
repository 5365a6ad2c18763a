//! What was changed by hand of roles and channels.
//!
//! Decides which fields a manifest has to say, and leaves out what goes without saying.

use std::collections::BTreeSet;

use indexmap::IndexMap;

use crate::manifest::ChannelSpec;
use crate::manifest::edit::{Edit, Place, Subject, Value};
use crate::model::{
    Channel, ChannelAttributes, ChannelFlags, ChannelId, ChannelKind, ChannelRef, Key, OverwriteChoice, Overwrites,
    Ref, RoleAttributes, RoleId, RoleRef, Target,
};
use crate::plan::Plan;
use crate::plan::operation::{Operation, Step};

use super::came::removed;
use super::say::{color, emoji, image, tag, word};
use super::{Adopter, IMAGE, fields, section, subject_of};

impl Adopter<'_> {
    /// Every field a step would change, said as it is. Several steps can concern one object, so the guild is asked and not
    /// the steps.
    pub(super) fn changed(&mut self, plan: &Plan) {
        let mut roles: IndexMap<RoleId, BTreeSet<&'static str>> = IndexMap::new();
        let mut channels: IndexMap<ChannelId, BTreeSet<&'static str>> = IndexMap::new();
        // What is removed is nothing to be said of, whatever else happens to it on its way out.
        let going = plan.steps.iter().filter(|step| removed(step).is_some());
        let going: BTreeSet<u64> = going.filter_map(|step| step.operation.target()).collect();
        let stays = |step: &&Step| step.operation.target().is_none_or(|id| !going.contains(&id));
        for step in plan.steps.iter().filter(stays) {
            match &step.operation {
                Operation::UpdateGuild { changes } => self.settings(&fields(changes.changes())),
                Operation::UpdateRole { role, changes } => {
                    roles.entry(role.id).or_default().extend(fields(changes.changes()));
                }
                Operation::UpdateChannel { channel, changes } => {
                    channels.entry(channel.id).or_default().extend(fields(changes.changes()));
                }
                Operation::CreateRole { .. }
                | Operation::DeleteRole { .. }
                | Operation::GiveRole { .. }
                | Operation::MoveRoles { .. }
                | Operation::CreateChannel { .. }
                | Operation::SetTopic { .. }
                | Operation::DeleteChannel { .. }
                | Operation::MoveChannels { .. } => {}
            }
        }
        for (id, changed) in roles {
            self.role_changed(id, &changed);
        }
        // Whoever leaves a category does so before it goes.
        self.orphans(&mut channels);
        for (id, changed) in channels {
            self.channel_changed(id, &changed);
        }
    }

    /// The channels of a category that is gone are outside now, also when nobody asked for them.
    fn orphans(&mut self, channels: &mut IndexMap<ChannelId, BTreeSet<&'static str>>) {
        for (id, key) in &self.keys.channels {
            let parent = self.manifest.channels.get(key).and_then(|spec| spec.attributes.parent.clone().flatten());
            let Some(Ref::Planned(parent)) = parent else { continue };
            let is_gone = self.adoption.objects.contains(&format!("categories.{parent}"));
            if !is_gone {
                continue;
            }
            if self.live.channel(&ChannelRef::Live(*id)).is_some() {
                channels.entry(*id).or_default().insert("parent");
            }
            self.adoption.objects.insert(format!("channels.{key}"));
        }
    }

    fn role_changed(&mut self, id: RoleId, changed: &BTreeSet<&'static str>) {
        let Some(role) = self.live.role(&RoleRef::Live(id)) else { return };
        let Some(key) = self.keys.roles.get(&id).cloned() else { return };
        let object = format!("roles.{key}");
        if !self.is_wanted(&object) {
            return;
        }
        let subject = Subject::Role(key.to_string());
        let (said, whole) = self.role_fields(&subject, &key, &role.attributes, changed);
        if !whole {
            self.leave(&format!("{object}.icon"), IMAGE);
        }
        let blend = [("color", "colors"), ("colors", "color")];
        let mut edits = Vec::new();
        for (field, value) in said {
            let other = blend.iter().find(|(one, _)| *one == field).map(|(_, other)| *other);
            if let Some(other) = other.filter(|other| self.words.says(&subject, other)) {
                edits.push(Edit::Unset { object: subject.clone(), field: other.to_owned() });
            }
            edits.push(Edit::Set { object: subject.clone(), field, value });
        }
        self.adopt(&object, edits);
    }

    /// The fields of a role as a manifest says them; false when its icon cannot be said.
    pub(super) fn role_fields(
        &self,
        subject: &Subject,
        key: &Key,
        attributes: &RoleAttributes,
        changed: &BTreeSet<&'static str>,
    ) -> (Vec<(String, Value)>, bool) {
        let RoleAttributes { name, permissions, colors, hoist, mentionable, icon, unicode_emoji } = attributes;
        let (color_field, color_value) = color(colors, self.words.says(subject, "colors"));
        let icon = image(icon);
        let is_whole = icon.is_some() || !changed.contains("icon");
        let emoji = unicode_emoji.as_deref().map_or(Value::Null, Value::from);
        let is_named = name != key.as_str() || self.words.says(subject, "name");
        let all = [
            ("name", "name", is_named.then(|| Value::from(name.as_str()))),
            ("colors", color_field, Some(color_value)),
            ("hoist", "hoist", Some(Value::Bool(*hoist))),
            ("mentionable", "mentionable", Some(Value::Bool(*mentionable))),
            ("icon", "icon", icon),
            ("unicode_emoji", "unicode_emoji", Some(emoji)),
            ("permissions", "permissions", Some(self.words.role_permissions(subject, *permissions))),
        ];
        let said = all.into_iter().filter(|(model, _, _)| changed.contains(model));
        (said.filter_map(|(_, field, value)| Some((field.to_owned(), value?))).collect(), is_whole)
    }

    fn channel_changed(&mut self, id: ChannelId, changed: &BTreeSet<&'static str>) {
        let Some(channel) = self.live.channel(&ChannelRef::Live(id)) else { return };
        let known = if channel.is_category() { &self.keys.categories } else { &self.keys.channels };
        let Some(key) = known.get(&id).cloned() else { return };
        let object = format!("{}.{key}", section(channel.attributes.kind));
        if !self.is_wanted(&object) && !self.adoption.objects.contains(&object) {
            return;
        }
        let subject = subject_of(channel.attributes.kind, &key);
        let mut edits = Vec::new();
        if changed.contains("parent") {
            let category = match &channel.attributes.parent {
                None => None,
                Some(parent) => match self.keys.category(parent) {
                    Some(category) => Some(category.to_string()),
                    None => return self.leave(&object, "It stands in a category that is in no manifest."),
                },
            };
            self.adoption.objects.insert("channels".to_owned());
            edits.push(Edit::Move { object: subject.clone(), category, place: Place::Last });
        }
        for (field, value) in self.channel_fields(&subject, &key, channel, changed, false) {
            let object = subject.clone();
            match value {
                Some(value) => edits.push(Edit::Set { object, field, value }),
                None if self.words.says(&subject, &field) => edits.push(Edit::Unset { object, field }),
                None => {}
            }
        }
        self.adopt(&object, edits);
    }

    fn spec(&self, kind: ChannelKind, key: &Key) -> Option<&ChannelSpec> {
        if kind == ChannelKind::Category { self.manifest.categories.get(key) } else { self.manifest.channels.get(key) }
    }

    /// The fields of a channel as a manifest says them; nothing for what goes without saying.
    pub(super) fn channel_fields(
        &self,
        subject: &Subject,
        key: &Key,
        channel: &Channel,
        changed: &BTreeSet<&'static str>,
        is_new: bool,
    ) -> Vec<(String, Option<Value>)> {
        let ChannelAttributes {
            name,
            kind,
            parent: _,
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
        } = &channel.attributes;
        let number = |number: u32| Some(Value::Number(i64::from(number)));
        let text = |text: &Option<String>| Some(text.as_deref().map_or(Value::Null, Value::from));
        let flag = |field: &str, bit: u64| {
            let is_said = is_new && flags.has(bit) || self.words.says(subject, field);
            is_said.then(|| Value::Bool(flags.has(bit)))
        };
        let all = [
            ("name", "name", (name != key.as_str()).then(|| Value::from(name.as_str()))),
            ("kind", "type", (*kind != ChannelKind::Text).then(|| Value::from(kind.name()))),
            ("topic", "topic", text(topic)),
            ("nsfw", "nsfw", Some(Value::Bool(*nsfw))),
            ("rate_limit_per_user", "rate_limit_per_user", number(*rate_limit_per_user)),
            ("bitrate", "bitrate", number(*bitrate)),
            ("user_limit", "user_limit", number(*user_limit)),
            ("rtc_region", "rtc_region", text(rtc_region)),
            ("video_quality_mode", "video_quality_mode", Some(word(video_quality_mode))),
            (
                "default_auto_archive_duration",
                "default_auto_archive_duration",
                Some(default_auto_archive_duration.map_or(Value::Null, |minutes| Value::Number(i64::from(minutes)))),
            ),
            (
                "default_thread_rate_limit_per_user",
                "default_thread_rate_limit_per_user",
                number(*default_thread_rate_limit_per_user),
            ),
            ("available_tags", "tags", Some(Value::List(available_tags.iter().map(tag).collect()))),
            (
                "default_reaction_emoji",
                "default_reaction_emoji",
                Some(default_reaction_emoji.as_ref().map_or(Value::Null, emoji)),
            ),
            ("default_sort_order", "default_sort_order", Some(default_sort_order.as_ref().map_or(Value::Null, word))),
            ("default_forum_layout", "default_forum_layout", Some(word(default_forum_layout))),
            ("default_tag_setting", "default_tag_setting", Some(word(default_tag_setting))),
            ("flags", "require_tag", flag("require_tag", ChannelFlags::REQUIRE_TAG)),
            (
                "flags",
                "hide_media_download_options",
                flag("hide_media_download_options", ChannelFlags::HIDE_MEDIA_DOWNLOAD_OPTIONS),
            ),
            ("flags", "spoiler", flag("spoiler", ChannelFlags::SPOILER)),
        ];
        let said = all.into_iter().filter(|(model, _, _)| changed.contains(model));
        let mut said: Vec<_> = said.map(|(_, field, value)| (field.to_owned(), value)).collect();
        if changed.contains("overwrites")
            && let Some(value) = self.permissions(subject, key, channel, overwrites)
        {
            said.push(("permissions".to_owned(), Some(value)));
        }
        said
    }

    /// What a channel has to say of its overwrites; none when it says it already.
    fn permissions(&self, subject: &Subject, key: &Key, channel: &Channel, live: &Overwrites) -> Option<Value> {
        let live = live.map_roles(|role| self.keys.role(role).map_or_else(|| role.clone(), Ref::Planned));
        let spec = self.spec(channel.attributes.kind, key);
        let now = match spec.map(|spec| &spec.attributes.overwrites) {
            Some(OverwriteChoice::Exactly(now)) => now.clone(),
            _ => Overwrites::default(),
        };
        let is_synced = matches!(spec.map(|spec| &spec.attributes.overwrites), Some(OverwriteChoice::Synced));
        if is_synced && self.live.is_synced(channel) {
            return None;
        }
        let gone: Vec<Target> = self.gone_roles().map(|key| Target::Role(Ref::Planned(key))).collect();
        let is_said = self.words.says(subject, "permissions");
        if is_said && now.without(&gone) == live {
            return None;
        }
        Some(self.words.overwrites(subject, &live, &now))
    }

    /// The roles that are about to leave the manifest.
    fn gone_roles(&self) -> impl Iterator<Item = Key> {
        let lives =
            |key: &Key| self.keys.roles.iter().any(|(id, k)| k == key && self.live.role(&RoleRef::Live(*id)).is_some());
        let keys = self.manifest.roles.keys().filter(|key| self.adoption.objects.contains(&format!("roles.{key}")));
        keys.filter(|key| !lives(key)).cloned().collect::<Vec<_>>().into_iter()
    }
}
