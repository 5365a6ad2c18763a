//! What was changed by hand of the guild itself.

use std::collections::BTreeSet;

use crate::manifest::edit::{Edit, Subject, Value};
use crate::model::{ChannelRef, Features, GuildSettings, SystemChannelFlags};

use super::say::{image, word};
use super::{Adopter, IMAGE};

impl Adopter<'_> {
    pub(super) fn settings(&mut self, changed: &BTreeSet<&'static str>) {
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
}
