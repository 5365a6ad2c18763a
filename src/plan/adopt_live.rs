//! The other way round: what has to be edited so that the manifest says what the guild is.
//!
//! Decides which edits make a plan's steps needless. What a manifest cannot say, and what it never said, is left and told.
//! Knows nothing of how an edit is written.

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;
use serde::Serialize;

use crate::manifest::edit::{Edit, Place, Subject, Value, Words};
use crate::manifest::render::fresh_key;
use crate::manifest::{ChannelSpec, Manifest};
use crate::model::{
    Binding, Bindings, Bucket, Channel, ChannelAttributes, ChannelFlags, ChannelId, ChannelKind, ChannelPatch,
    ChannelRef, Colors, Emoji, Features, ForumTag, Guild, GuildSettings, Image, Key, ObjectKind, OverwriteChoice,
    Overwrites, Ref, Role, RoleAttributes, RoleId, RoleRef, Snapshot, SystemChannelFlags, Target,
};

use super::Plan;
use super::note::NoteCode;
use super::operation::{BindingChange, Operation, Step};

/// What to do so that the manifest says what the guild is.
#[derive(Clone, Debug, Default)]
pub struct Adoption {
    /// Edits, to be made in this order.
    pub edits: Vec<Edit>,
    /// What is adopted: `settings`, `roles.admin`, `channels.rules`, and `roles` and `channels` for their order.
    pub objects: BTreeSet<String>,
    /// What is not, and why.
    pub left: Vec<Left>,
}

/// Something that cannot be adopted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Left {
    /// What.
    pub object: String,
    /// Why not, as a sentence.
    pub why: String,
}

/// Finds the edits after which a plan has nothing to do for the objects that are `wanted`, by the names of
/// [`Adoption::objects`].
pub fn adopt_live(
    manifest: &Manifest,
    words: Words,
    plan: &Plan,
    snapshot: &Snapshot,
    bindings: &Bindings,
    wanted: impl Fn(&str) -> bool,
) -> Adoption {
    let live = snapshot.guild.without_dangling();
    let keys = Known::of(&live, bindings, plan);
    let mut adopter = Adopter { manifest, words, live: &live, keys, adoption: Adoption::default(), wanted: &wanted };
    adopter.gone(plan);
    adopter.came(plan);
    adopter.changed(plan);
    adopter.ordered(plan);
    adopter.remove_gone();
    adopter.adoption
}

/// The objects that have keys.
struct Known {
    roles: BTreeMap<RoleId, Key>,
    categories: BTreeMap<ChannelId, Key>,
    channels: BTreeMap<ChannelId, Key>,
}

impl Known {
    fn of(live: &Guild, bindings: &Bindings, plan: &Plan) -> Self {
        let by_id = |bound: &BTreeMap<Key, Binding<ChannelId>>| bound.iter().map(|(k, b)| (b.id, k.clone())).collect();
        let mut known = Self {
            roles: bindings.roles.iter().map(|(key, binding)| (binding.id, key.clone())).collect(),
            categories: by_id(&bindings.categories),
            channels: by_id(&bindings.channels),
        };
        known.roles.insert(live.everyone_id(), Key::everyone());
        let steps = plan.steps.iter().flat_map(|step| &step.bindings);
        for change in plan.bindings.iter().chain(steps) {
            let BindingChange::Bind { kind, key, id, .. } = change else { continue };
            match kind {
                ObjectKind::Role => drop(id.parse().map(|id| known.roles.insert(id, key.clone()))),
                ObjectKind::Category => drop(id.parse().map(|id| known.categories.insert(id, key.clone()))),
                ObjectKind::Channel => drop(id.parse().map(|id| known.channels.insert(id, key.clone()))),
            }
        }
        known
    }

    fn role(&self, role: &RoleRef) -> Option<Key> {
        match role {
            Ref::Planned(key) => Some(key.clone()),
            Ref::Live(id) => self.roles.get(id).cloned(),
        }
    }

    fn category(&self, category: &ChannelRef) -> Option<Key> {
        match category {
            Ref::Planned(key) => Some(key.clone()),
            Ref::Live(id) => self.categories.get(id).cloned(),
        }
    }
}

struct Adopter<'a> {
    manifest: &'a Manifest,
    words: Words,
    live: &'a Guild,
    keys: Known,
    adoption: Adoption,
    wanted: &'a dyn Fn(&str) -> bool,
}

impl Adopter<'_> {
    fn leave(&mut self, object: &str, why: impl Into<String>) {
        let left = Left { object: object.to_owned(), why: why.into() };
        if !self.adoption.left.contains(&left) {
            self.adoption.left.push(left);
        }
    }

    fn adopt(&mut self, object: &str, edits: impl IntoIterator<Item = Edit>) {
        self.adoption.objects.insert(object.to_owned());
        self.adoption.edits.extend(edits);
    }

    fn is_wanted(&self, object: &str) -> bool {
        (self.wanted)(object)
    }

    // ---- what is gone ----

    /// Finds what was deleted by hand; it leaves the manifest last, when nothing stands in it any more.
    fn gone(&mut self, plan: &Plan) {
        let deleted: BTreeSet<&str> =
            plan.notes.iter().filter(|n| n.code == NoteCode::DeletedByHand).map(|n| n.subject.as_str()).collect();
        for step in &plan.steps {
            let object = match &step.operation {
                Operation::CreateRole { key, .. } => format!("roles.{key}"),
                Operation::CreateChannel { key, channel } => format!("{}.{key}", section(channel.kind)),
                _ => continue,
            };
            if !self.is_wanted(&object) {
                continue;
            }
            if !deleted.contains(object.as_str()) {
                self.leave(&object, "It was never in Discord: apply it, or take it out of the manifest.");
                continue;
            }
            if let Operation::CreateRole { key, .. } = &step.operation {
                self.words.forget_role(key);
            }
            self.adoption.objects.insert(object);
        }
    }

    /// The removals, channels before their categories.
    fn remove_gone(&mut self) {
        let is_gone = |object: &str, has: bool| self.adoption.objects.contains(object) && has;
        let mut edits = Vec::new();
        let roles = self.manifest.roles.keys().filter(|key| {
            !self.keys.roles.iter().any(|(id, k)| k == *key && self.live.role(&RoleRef::Live(*id)).is_some())
        });
        edits.extend(roles.map(|key| Subject::Role(key.to_string())));
        let lives = |bound: &BTreeMap<ChannelId, Key>, key: &Key| {
            bound.iter().any(|(id, k)| k == key && self.live.channel(&ChannelRef::Live(*id)).is_some())
        };
        let channels = self.manifest.channels.keys().filter(|key| !lives(&self.keys.channels, key));
        edits.extend(channels.map(|key| Subject::Channel(key.to_string())));
        let categories = self.manifest.categories.keys().filter(|key| !lives(&self.keys.categories, key));
        edits.extend(categories.map(|key| Subject::Category(key.to_string())));
        edits.retain(|object| is_gone(&object.to_string(), true));
        self.adoption.edits.extend(edits.into_iter().map(|object| Edit::Remove { object }));
    }

    // ---- what came ----

    /// Objects somebody made by hand, where the policy would remove them.
    fn came(&mut self, plan: &Plan) {
        let removals = plan.steps.iter().filter_map(removed);
        let mut channels: Vec<&Channel> = Vec::new();
        for (key, id) in removals {
            match (key, id) {
                (Some(object), _) if self.is_wanted(&object) => {
                    self.leave(&object, "Its key left the manifest: apply that, or take the key back from git.");
                }
                (None, Removed::Role(id)) => {
                    if let Some(role) = self.live.role(&RoleRef::Live(id)) {
                        self.role_came(role, id);
                    }
                }
                (None, Removed::Channel(id)) => channels.extend(self.live.channel(&ChannelRef::Live(id))),
                _ => {}
            }
        }
        channels.sort_by_key(|channel| !channel.is_category());
        for channel in channels {
            self.channel_came(channel);
        }
    }

    fn role_came(&mut self, role: &Role, id: RoleId) {
        let name = &role.attributes.name;
        let key = fresh_key(name, "role", self.manifest.roles.keys().chain(self.keys.roles.values()));
        let object = format!("roles.{key}");
        if !self.is_wanted(&object) && !self.is_wanted(&format!("role:{id}")) {
            return;
        }
        let new = RoleAttributes::named(key.as_str());
        let changed = fields(new.diff(&role.attributes).changes());
        let subject = Subject::Role(key.to_string());
        let (said, _) = self.role_fields(&subject, &key, &role.attributes, &changed);
        let twins = self.live.roles.iter().filter(|other| other.attributes.name == *name).count();
        let mut fields = pinned(twins > 1, id.get());
        fields.extend(said.into_iter().filter(|(_, value)| *value != Value::Null));
        self.keys.roles.insert(id, key);
        self.adopt(&object, [Edit::Add { object: subject, category: None, fields, place: Place::Last }]);
        self.adoption.objects.insert("roles".to_owned());
    }

    fn channel_came(&mut self, channel: &Channel) {
        let Some(id) = channel.id.id() else { return };
        let attributes = &channel.attributes;
        let is_category = channel.is_category();
        let taken = if is_category { self.manifest.categories.keys() } else { self.manifest.channels.keys() };
        let known = if is_category { self.keys.categories.values() } else { self.keys.channels.values() };
        let key = fresh_key(&attributes.name, if is_category { "category" } else { "channel" }, taken.chain(known));
        let object = format!("{}.{key}", section(attributes.kind));
        if !self.is_wanted(&object) && !self.is_wanted(&format!("channel:{id}")) {
            return;
        }
        let category = match &attributes.parent {
            None => None,
            Some(parent) => match self.keys.category(parent) {
                Some(key) => Some(key.to_string()),
                None => return self.leave(&object, "Its category is in no manifest."),
            },
        };
        if matches!(attributes.kind, ChannelKind::Other(_)) {
            return self.leave(&object, "It is of a kind this build does not know.");
        }
        let new = ChannelAttributes::named(key.as_str(), attributes.kind);
        let mut changed = fields(new.diff(attributes).changes());
        changed.extend(["overwrites"].into_iter().filter(|_| !self.live.is_synced(channel)));
        changed.extend(
            ["kind"].into_iter().filter(|_| !matches!(attributes.kind, ChannelKind::Text | ChannelKind::Category)),
        );
        changed.retain(|field| *field != "overwrites" || !self.live.is_synced(channel));
        let subject = subject_of(attributes.kind, &key);
        let said = self.channel_fields(&subject, &key, channel, &changed, true);
        let twins = self
            .live
            .channels
            .iter()
            .filter(|other| other.place() == channel.place() && other.attributes.name == attributes.name);
        let mut fields = pinned(twins.count() > 1, id.get());
        fields.extend(
            said.into_iter().filter(|(_, value)| *value != Some(Value::Null)).filter_map(|(f, v)| Some((f, v?))),
        );
        match is_category {
            true => self.keys.categories.insert(id, key),
            false => self.keys.channels.insert(id, key),
        };
        self.adopt(&object, [Edit::Add { object: subject, category, fields, place: Place::Last }]);
        self.adoption.objects.insert("channels".to_owned());
    }

    // ---- what changed ----

    /// Every field a step would change, said as it is. Several steps can concern one object, so the guild is asked and not
    /// the steps.
    fn changed(&mut self, plan: &Plan) {
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
    fn role_fields(
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
    fn channel_fields(
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

    fn settings(&mut self, changed: &BTreeSet<&'static str>) {
        if !self.is_wanted("settings") {
            return;
        }
        let GuildSettings {
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
        } = &self.live.settings;
        let channel = |said: &Option<ChannelRef>| Some(said.as_ref().map_or(Value::Null, |id| self.channel_name(id)));
        let all = [
            ("name", Some(Value::from(name.as_str()))),
            ("description", Some(description.as_deref().map_or(Value::Null, Value::from))),
            ("verification_level", Some(word(verification_level))),
            ("default_message_notifications", Some(word(default_message_notifications))),
            ("explicit_content_filter", Some(word(explicit_content_filter))),
            ("afk_channel", channel(afk_channel)),
            ("afk_timeout", Some(Value::Number(i64::from(*afk_timeout)))),
            ("system_channel", channel(system_channel)),
            ("rules_channel", channel(rules_channel)),
            ("public_updates_channel", channel(public_updates_channel)),
            ("safety_alerts_channel", channel(safety_alerts_channel)),
            ("preferred_locale", Some(Value::from(preferred_locale.as_str()))),
            ("premium_progress_bar_enabled", Some(Value::Bool(*premium_progress_bar_enabled))),
            ("icon", image(icon)),
            ("splash", image(splash)),
            ("discovery_splash", image(discovery_splash)),
            ("banner", image(banner)),
        ];
        let mut said: Vec<(String, Option<Value>)> =
            all.into_iter().filter(|(f, _)| changed.contains(f)).map(|(f, value)| (f.to_owned(), value)).collect();
        if changed.contains("system_channel_flags") {
            said.extend(self.switched_flags(*system_channel_flags));
        }
        if changed.contains("features") {
            said.extend(self.switched_features(features));
        }
        let mut edits = Vec::new();
        let mut images = Vec::new();
        for (field, value) in said {
            match value {
                Some(value) => edits.push(Edit::Set { object: Subject::Settings, field, value }),
                None => images.push(field),
            }
        }
        for field in images {
            self.leave(&format!("settings.{field}"), IMAGE);
        }
        self.adopt("settings", edits);
    }

    /// A channel as a setting names it.
    fn channel_name(&self, channel: &ChannelRef) -> Value {
        let key = channel.id().and_then(|id| self.keys.channels.get(&id));
        key.map_or_else(|| Value::Text(format!("channel:{channel}")), |key| Value::from(key.as_str()))
    }

    fn switched_flags(&self, live: SystemChannelFlags) -> Vec<(String, Option<Value>)> {
        let said = self.manifest.settings.system_channel_flags;
        let differs = |bit: u64| {
            let is_on = live.0 & bit != 0;
            (said.set & bit != 0 && !is_on) || (said.clear & bit != 0 && is_on)
        };
        let named = SystemChannelFlags::NAMED.into_iter().filter(|(_, bit)| differs(*bit));
        named
            .map(|(name, bit)| (format!("system_channel_flags.{name}"), Some(Value::Bool(live.0 & bit == 0))))
            .collect()
    }

    fn switched_features(&self, live: &Features) -> Vec<(String, Option<Value>)> {
        let said = self.manifest.settings.features.0.iter();
        let differs = said.filter(|(feature, on)| live.has(feature) != **on);
        differs.map(|(f, on)| (format!("features.{}", f.to_lowercase()), Some(Value::Bool(!on)))).collect()
    }

    // ---- order ----

    fn ordered(&mut self, plan: &Plan) {
        let (mut roles, mut places) = (self.adoption.objects.contains("roles"), BTreeSet::new());
        for step in &plan.steps {
            match &step.operation {
                Operation::MoveRoles { moves } => {
                    let named = moves.iter().filter_map(|m| self.keys.role(&m.object));
                    roles |=
                        self.is_wanted("roles") || named.into_iter().any(|key| self.is_wanted(&format!("roles.{key}")));
                }
                Operation::MoveChannels { moves } => {
                    let moved = moves.iter().filter_map(|m| self.live.channel(&m.object));
                    places.extend(moved.filter(|channel| self.is_wanted_order(channel)).map(place_of));
                }
                _ => {}
            }
        }
        if self.adoption.edits.iter().any(|edit| matches!(edit, Edit::Add { object: Subject::Category(_), .. })) {
            places.insert((None, Bucket::Category));
        }
        for edit in &self.adoption.edits {
            let (Edit::Move { object: Subject::Channel(key), .. } | Edit::Add { object: Subject::Channel(key), .. }) =
                edit
            else {
                continue;
            };
            let id = self.keys.channels.iter().find(|(_, k)| k.as_str() == key).map(|(id, _)| ChannelRef::Live(*id));
            places.extend(id.and_then(|id| self.live.channel(&id)).map(place_of));
        }
        if roles {
            self.order_roles();
        }
        for (parent, bucket) in places {
            self.order_channels(parent.as_ref(), bucket);
        }
    }

    fn is_wanted_order(&self, channel: &Channel) -> bool {
        let known = if channel.is_category() { &self.keys.categories } else { &self.keys.channels };
        let key = channel.id.id().and_then(|id| known.get(&id));
        self.is_wanted("channels")
            || key.is_some_and(|key| self.is_wanted(&format!("{}.{key}", section(channel.attributes.kind))))
    }

    fn order_roles(&mut self) {
        let live: Vec<Key> = self.live.roles.iter().filter_map(|role| self.keys.role(&role.id)).collect();
        let added = self.added(|object| matches!(object, Subject::Role(_)), None);
        let written: Vec<Key> = self.manifest.roles.keys().cloned().chain(added).collect();
        let moves = moves_between(&written, &live, |key| !key.is_everyone());
        let edit =
            |(key, place): (Key, Place)| Edit::Move { object: Subject::Role(key.to_string()), category: None, place };
        self.adopt("roles", moves.into_iter().map(edit));
    }

    fn order_channels(&mut self, parent: Option<&ChannelRef>, bucket: Bucket) {
        let known = if bucket == Bucket::Category { &self.keys.categories } else { &self.keys.channels };
        let live: Vec<Key> =
            self.live.in_place(parent, bucket).filter_map(|c| known.get(&c.id.id()?).cloned()).collect();
        let category = parent.and_then(|parent| self.keys.category(parent));
        if parent.is_some() && category.is_none() {
            return;
        }
        let written: Vec<Key> = if bucket == Bucket::Category {
            let added = self.added(|object| matches!(object, Subject::Category(_)), None);
            self.manifest.categories.keys().cloned().chain(added).collect()
        } else {
            self.written_in(category.as_ref())
        };
        let moves = moves_between(&written, &live, |_| true);
        let category = category.map(|key| key.to_string());
        let make = |key: &Key| match bucket {
            Bucket::Category => Subject::Category(key.to_string()),
            Bucket::Text | Bucket::Voice => Subject::Channel(key.to_string()),
        };
        let edit = |(key, place): (Key, Place)| Edit::Move { object: make(&key), category: category.clone(), place };
        let edits: Vec<Edit> = moves.into_iter().map(edit).collect();
        self.adopt("channels", edits);
    }

    /// The channels of a category in the order of the manifest, as it is after the edits so far.
    fn written_in(&self, category: Option<&Key>) -> Vec<Key> {
        let own = |spec: &ChannelSpec| spec.attributes.parent.clone().flatten() == category.cloned().map(Ref::Planned);
        let mut keys: Vec<Key> =
            self.manifest.channels.iter().filter(|(_, spec)| own(spec)).map(|(key, _)| key.clone()).collect();
        for edit in &self.adoption.edits {
            let (Edit::Move { object: Subject::Channel(key), category: to, place: Place::Last }
            | Edit::Add { object: Subject::Channel(key), category: to, .. }) = edit
            else {
                continue;
            };
            keys.retain(|other| other.as_str() != key);
            if to.as_deref() == category.map(Key::as_str) {
                keys.extend(key.parse::<Key>());
            }
        }
        keys
    }

    fn added(&self, is: impl Fn(&Subject) -> bool, category: Option<&str>) -> Vec<Key> {
        let added = self.adoption.edits.iter().filter_map(|edit| match edit {
            Edit::Add { object, category: to, .. } if is(object) && to.as_deref() == category => {
                object.to_string().split_once('.').and_then(|(_, key)| key.parse().ok())
            }
            _ => None,
        });
        added.collect()
    }
}

/// Why an image is left.
const IMAGE: &str =
    "Discord tells only a hash of an image, and a manifest names files: put the file beside it by hand.";

enum Removed {
    Role(RoleId),
    Channel(ChannelId),
}

/// What a step removes or archives: its path when it has a key, and which it is.
fn removed(step: &Step) -> Option<(Option<String>, Removed)> {
    let archives = step.bindings.iter().any(|b| matches!(b, BindingChange::Archive { .. }));
    match &step.operation {
        Operation::DeleteRole { role, .. } => {
            Some((role.key.as_ref().map(|key| format!("roles.{key}")), Removed::Role(role.id)))
        }
        Operation::DeleteChannel { channel, .. } => {
            let key = channel.key.as_ref().map(|key| format!("{}.{key}", section(channel.kind)));
            Some((key, Removed::Channel(channel.id)))
        }
        // Nothing binds a channel without a key; the only category it is ever moved into is the archive.
        Operation::UpdateChannel { channel, changes } if archives || channel.key.is_none() && enters(changes) => {
            let key = channel.key.as_ref().map(|key| format!("{}.{key}", section(channel.kind)));
            Some((key, Removed::Channel(channel.id)))
        }
        _ => None,
    }
}

/// True when a channel is moved into a category.
fn enters(changes: &ChannelPatch) -> bool {
    changes.parent.as_ref().is_some_and(|parent| parent.to.is_some())
}

fn section(kind: ChannelKind) -> &'static str {
    if kind == ChannelKind::Category { "categories" } else { "channels" }
}

fn subject_of(kind: ChannelKind, key: &Key) -> Subject {
    match kind {
        ChannelKind::Category => Subject::Category(key.to_string()),
        _ => Subject::Channel(key.to_string()),
    }
}

fn place_of(channel: &Channel) -> (Option<ChannelRef>, Bucket) {
    let (parent, bucket) = channel.place();
    (parent.cloned(), bucket)
}

fn fields(changes: Vec<crate::model::FieldChange>) -> BTreeSet<&'static str> {
    changes.into_iter().map(|change| change.field).collect()
}

fn pinned(is_needed: bool, id: u64) -> IndexMap<String, Value> {
    is_needed.then(|| ("id".to_owned(), Value::Text(id.to_string()))).into_iter().collect()
}

/// A value of an enumeration by its name.
fn word(word: &impl Serialize) -> Value {
    let name = serde_json::to_value(word).ok().and_then(|value| value.as_str().map(str::to_owned));
    Value::Text(name.unwrap_or_default())
}

/// Discord tells only the hash of an image: of one that is there nothing can be said.
fn image(image: &Option<Image>) -> Option<Value> {
    match image {
        None => Some(Value::Null),
        Some(Image::Upload(source)) => Some(Value::Text(source.path.clone())),
        Some(Image::Hash(_)) => None,
    }
}

fn emoji(emoji: &Emoji) -> Value {
    match emoji {
        Emoji::Unicode(characters) => Value::Text(characters.clone()),
        Emoji::Custom(id) => Value::Text(format!("<:emoji:{id}>")),
    }
}

fn tag(tag: &ForumTag) -> Value {
    let ForumTag { id: _, name, moderated, emoji: sign } = tag;
    if !moderated && sign.is_none() {
        return Value::from(name.as_str());
    }
    let mut fields = IndexMap::from([("name".to_owned(), Value::from(name.as_str()))]);
    fields.extend(moderated.then(|| ("moderated".to_owned(), Value::Bool(true))));
    fields.extend(sign.as_ref().map(|sign| ("emoji".to_owned(), emoji(sign))));
    Value::Map(fields)
}

/// The field and the value of a role's colours.
fn color(colors: &Colors, is_blend: bool) -> (&'static str, Value) {
    let Colors { primary, secondary, tertiary } = colors;
    let hex = |color: &u32| Value::Text(format!("#{color:06x}"));
    if secondary.is_none() && tertiary.is_none() && !(is_blend && *primary != 0) {
        return ("color", if *primary == 0 { Value::Null } else { hex(primary) });
    }
    let mut fields = IndexMap::from([("primary".to_owned(), hex(primary))]);
    fields.extend(secondary.as_ref().map(|color| ("secondary".to_owned(), hex(color))));
    fields.extend(tertiary.as_ref().map(|color| ("tertiary".to_owned(), hex(color))));
    ("colors", Value::Map(fields))
}

/// The fewest moves that bring keys into an order; others keep their neighbours.
fn moves_between(written: &[Key], wanted: &[Key], counts: impl Fn(&Key) -> bool) -> Vec<(Key, Place)> {
    let wanted: Vec<&Key> = wanted.iter().filter(|key| counts(key) && written.contains(key)).collect();
    let ranks: Vec<usize> = written.iter().filter_map(|key| wanted.iter().position(|other| *other == key)).collect();
    let still = longest_rise(&ranks);
    let mut moves = Vec::new();
    for (rank, key) in wanted.iter().enumerate() {
        if still.contains(&rank) {
            continue;
        }
        let place = match rank.checked_sub(1) {
            Some(above) => Place::After(wanted[above].to_string()),
            // Before the first that stays, or before all.
            None => wanted.get(1).map_or(Place::First, |_| {
                still.first().map_or(Place::First, |first| Place::Before(wanted[*first].to_string()))
            }),
        };
        moves.push(((*key).clone(), place));
    }
    moves
}

/// The longest ascending part of some different numbers.
fn longest_rise(numbers: &[usize]) -> Vec<usize> {
    let mut best: Vec<Vec<usize>> = Vec::with_capacity(numbers.len());
    for (at, number) in numbers.iter().enumerate() {
        let before = (0..at).filter(|before| numbers[*before] < *number).map(|before| &best[before]);
        let mut rise = before.max_by_key(|rise| rise.len()).cloned().unwrap_or_default();
        rise.push(*number);
        best.push(rise);
    }
    best.into_iter().max_by_key(Vec::len).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(words: &str) -> Vec<Key> {
        words.split_whitespace().map(|word| word.parse().expect("a key")).collect()
    }

    #[test]
    fn as_few_move_as_possible() {
        let moves = |written: &str, wanted: &str| {
            let moves = moves_between(&keys(written), &keys(wanted), |_| true);
            moves.into_iter().map(|(key, place)| format!("{key} {place:?}")).collect::<Vec<_>>().join(", ")
        };
        assert_eq!(moves("a b c d", "a b c d"), "");
        assert_eq!(moves("a b c d", "b c d a"), "a After(\"d\")");
        assert_eq!(moves("a b c d", "d a b c"), "d Before(\"a\")");
        assert_eq!(moves("a x b", "b a"), "a After(\"b\")");
        assert_eq!(moves("a", "b a"), "");
    }
}
