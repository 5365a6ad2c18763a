//! Which settings the bot can change, and what the guild has once they are as wanted.

use std::collections::BTreeSet;

use crate::model::{ChannelRef, Guild, Permissions};
use crate::plan::note::{Note, NoteCode, Weight};
use crate::plan::resolve::Desired;

use super::Limiter;

pub(super) fn features_after(live: &Guild, desired: &Desired<'_>) -> BTreeSet<String> {
    let mut features = live.settings.features.0.clone();
    features.extend(desired.settings.features.0.iter().cloned());
    if desired.settings.features.has("COMMUNITY") {
        // Discord gives every Community guild announcement channels.
        features.insert("NEWS".to_owned());
    }
    features
}

impl Limiter<'_> {
    /// Takes back settings the bot may not change.
    pub(super) fn settings(&mut self, desired: &mut Desired<'_>) {
        let live = &self.live.settings;
        if desired.settings == *live {
            return;
        }
        if !self.bot.permissions.contains(Permissions::MANAGE_GUILD) {
            self.warn(
                NoteCode::MissingPermission,
                "settings",
                "The bot lacks manage_guild, so the settings stay as they are.",
                "Give the bot's role manage_guild.",
            );
            desired.settings = live.clone();
            return;
        }
        let toggled = |feature: &str| desired.settings.features.has(feature) != live.features.has(feature);
        if (toggled("COMMUNITY") || toggled("DISCOVERABLE")) && !self.bot.is_administrator() {
            self.warn(
                NoteCode::MissingPermission,
                "settings.features",
                "Only an administrator may switch community or discoverable.",
                "Give the bot's role Administrator.",
            );
            desired.settings.features = live.features.clone();
        }
    }

    /// Channels the settings name stay as they are where the new ones are not planned.
    pub(super) fn chosen_channels(&mut self, desired: &mut Desired<'_>) {
        let live = &self.live.settings;
        if desired.settings == *live {
            return;
        }
        let channels: BTreeSet<ChannelRef> = desired
            .channels
            .iter()
            .map(|c| c.id.clone())
            .chain(self.live.channels.iter().map(|c| c.id.clone()))
            .collect();
        let settings = &mut desired.settings;
        let fields = [
            (&mut settings.afk_channel, &live.afk_channel, "afk_channel"),
            (&mut settings.system_channel, &live.system_channel, "system_channel"),
            (&mut settings.rules_channel, &live.rules_channel, "rules_channel"),
            (&mut settings.public_updates_channel, &live.public_updates_channel, "public_updates_channel"),
            (&mut settings.safety_alerts_channel, &live.safety_alerts_channel, "safety_alerts_channel"),
        ];
        for (wanted, live, field) in fields {
            if wanted.as_ref().is_some_and(|channel| channel.key().is_some() && !channels.contains(channel)) {
                let text = format!("`{field}` stays as it is, because the channel is not planned.");
                self.notes.push(Note::new(Weight::Warning, NoteCode::Dependent, format!("settings.{field}"), text));
                wanted.clone_from(live);
            }
        }
    }
}
