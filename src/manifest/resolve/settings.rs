//! Settings of the guild, the policy, and images.
//!
//! Decides what a setting refers to. Knows nothing of overwrites.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use crate::model::{
    ChannelKind, ChannelRef, FeatureChoices, Image, ImageSource, SettingsOverlay, SystemChannelFlags, SystemMask,
};

use crate::manifest::diagnostic::{Problem, rule};
use crate::manifest::document::{FeaturesDoc, GuildDoc, PolicyDoc, SettingsDoc, SystemFlagsDoc};
use crate::manifest::policy::{Policy, UpdateLimit};
use crate::manifest::read::{Said, Text};
use crate::manifest::source;

use super::Resolver;
use super::objects::{clearable, given};

/// Most bytes of a role's icon (Discord's role documentation).
pub(super) const ROLE_ICON_BYTES: usize = 256 << 10;
/// Most bytes of a guild's images: what Discord's clients accept.
const GUILD_IMAGE_BYTES: usize = 10 << 20;

impl Resolver<'_, '_, '_> {
    pub(super) fn policy(&mut self, doc: &GuildDoc) -> Policy {
        let Some(said) = &doc.policy else { return Policy::default() };
        let PolicyDoc {
            spot: _,
            drift,
            prune,
            on_remove,
            approval,
            max_deletions,
            max_updates,
            protect,
            ignore,
            windows,
        } = &said.value;
        let standard = Policy::default();
        let protect = protect.iter().flat_map(|list| list.iter()).filter_map(|text| self.pattern(text, false));
        let protect = protect.collect();
        let ignore = ignore.iter().flat_map(|list| list.iter()).filter_map(|text| self.pattern(text, true));
        let ignore = ignore.collect();
        let windows = windows.iter().flat_map(|list| list.iter()).map(|window| window.0.clone());
        Policy {
            drift: given(drift).unwrap_or(standard.drift),
            prune: given(prune).unwrap_or(standard.prune),
            on_remove: given(on_remove).unwrap_or(standard.on_remove),
            approval: given(approval).unwrap_or(standard.approval),
            max_deletions: max_deletions.as_ref().map_or(standard.max_deletions, |limit| limit.0),
            max_updates: UpdateLimit(max_updates.as_ref().map(|limit| limit.0)),
            protect,
            ignore,
            windows: windows.collect(),
        }
    }

    pub(super) fn settings(&mut self, doc: &GuildDoc) -> SettingsOverlay {
        let Some(said) = &doc.settings else { return SettingsOverlay::default() };
        let SettingsDoc {
            spot: _,
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
        } = &said.value;
        const TALK: &[ChannelKind] = &[ChannelKind::Voice];
        const TEXT: &[ChannelKind] = &[ChannelKind::Text];
        const WRITING: &[ChannelKind] = &[ChannelKind::Text, ChannelKind::Announcement];
        SettingsOverlay {
            name: name.as_ref().map(|name| name.0.clone()),
            description: clearable(description, |Text(text)| text.clone()),
            verification_level: given(verification_level),
            default_message_notifications: given(default_message_notifications),
            explicit_content_filter: given(explicit_content_filter),
            afk_channel: self.setting_channel(afk_channel, TALK),
            afk_timeout: afk_timeout.as_ref().map(|seconds| seconds.0),
            system_channel: self.setting_channel(system_channel, WRITING),
            system_channel_flags: system_channel_flags.as_ref().map(|said| system_mask(said)).unwrap_or_default(),
            rules_channel: self.setting_channel(rules_channel, TEXT),
            public_updates_channel: self.setting_channel(public_updates_channel, TEXT),
            safety_alerts_channel: self.setting_channel(safety_alerts_channel, WRITING),
            preferred_locale: preferred_locale.as_ref().map(|locale| locale.0.clone()),
            premium_progress_bar_enabled: given(premium_progress_bar_enabled),
            features: features.as_ref().map(|said| feature_choices(said)).unwrap_or_default(),
            icon: self.image(icon, GUILD_IMAGE_BYTES),
            splash: self.image(splash, GUILD_IMAGE_BYTES),
            discovery_splash: self.image(discovery_splash, GUILD_IMAGE_BYTES),
            banner: self.image(banner, GUILD_IMAGE_BYTES),
        }
    }

    /// A channel of a setting: one of the kinds Discord lets it name.
    fn setting_channel(
        &mut self,
        said: &Option<Said<Option<String>>>,
        kinds: &[ChannelKind],
    ) -> Option<Option<ChannelRef>> {
        let said = said.as_ref()?;
        let Some(name) = &said.value else { return Some(None) };
        let written = Said { value: name.clone(), spot: said.spot, key: said.key };
        let (channel, kind) = self.channel(&written)?;
        if let Some(kind) = kind.filter(|kind| !kinds.contains(kind)) {
            let wanted: Vec<&str> = kinds.iter().map(|kind| kind.noun()).collect();
            let problem = Problem::new(rule::WRONG_CHANNEL_KIND, format!("`{name}` is a {}", kind.noun()));
            self.report(problem.at(said.spot, format!("must be a {}", wanted.join(" or "))));
        }
        Some(Some(channel))
    }

    /// An image: the bytes of the file that is named.
    pub(super) fn image(&mut self, said: &Option<Said<Option<String>>>, most: usize) -> Option<Option<Image>> {
        let said = said.as_ref()?;
        let Some(written) = &said.value else { return Some(None) };
        let from = self.problems.file_name(said.spot.file).to_owned();
        let path = match source::resolve(&from, written) {
            Ok(path) => path,
            Err(error) => {
                self.report(Problem::new(rule::OUTSIDE, error.to_string()).at(said.spot, "not a path inside it"));
                return None;
            }
        };
        self.image_files.push(path.clone());
        let Some(bytes) = self.files.get(&path) else {
            let problem = Problem::new(rule::FILE_MISSING, format!("there is no file `{path}`"));
            let names = self.files.names();
            let guess = self.problems.guess(&path, names);
            let problem = problem.at(said.spot, "named here").did_you_mean(said.spot, guess);
            self.report(problem);
            return None;
        };
        let Some(format) = image_format(bytes).filter(|_| bytes.len() <= most) else {
            let message = format!("`{path}` is not an image that Discord takes");
            let problem =
                Problem::new(rule::BAD_IMAGE, message).at(said.spot, format!("a file of {} bytes", bytes.len()));
            self.report(problem.help(format!("it must be a PNG, JPEG or GIF of at most {} KiB", most >> 10)));
            return None;
        };
        let sha256: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        self.images.push(sha256.clone());
        let data_uri = format!("data:image/{format};base64,{}", STANDARD.encode(bytes));
        Some(Some(Image::Upload(ImageSource { path, sha256, data_uri })))
    }
}

/// The format of an image by its first bytes: those Discord's documentation names.
fn image_format(bytes: &[u8]) -> Option<&'static str> {
    let magic: [(&[u8], &str); 4] =
        [(b"\x89PNG\r\n\x1a\n", "png"), (b"\xff\xd8\xff", "jpeg"), (b"GIF87a", "gif"), (b"GIF89a", "gif")];
    magic.into_iter().find(|(start, _)| bytes.starts_with(start)).map(|(_, format)| format)
}

fn feature_choices(doc: &FeaturesDoc) -> FeatureChoices {
    let FeaturesDoc { spot: _, community, discoverable, invites_disabled, raid_alerts_disabled } = doc;
    let choices = [
        ("COMMUNITY", community),
        ("DISCOVERABLE", discoverable),
        ("INVITES_DISABLED", invites_disabled),
        ("RAID_ALERTS_DISABLED", raid_alerts_disabled),
    ];
    FeatureChoices(choices.into_iter().filter_map(|(name, said)| Some((name, given(said)?))).collect())
}

fn system_mask(doc: &SystemFlagsDoc) -> SystemMask {
    let SystemFlagsDoc {
        spot: _,
        join_notifications,
        premium_subscriptions,
        guild_reminder_notifications,
        join_notification_replies,
        role_subscription_purchase_notifications,
        role_subscription_purchase_notification_replies,
    } = doc;
    let said = [
        join_notifications,
        premium_subscriptions,
        guild_reminder_notifications,
        join_notification_replies,
        role_subscription_purchase_notifications,
        role_subscription_purchase_notification_replies,
    ];
    let mut mask = SystemMask::default();
    for ((_, bit), written) in SystemChannelFlags::NAMED.into_iter().zip(said.into_iter().map(given)) {
        match written {
            Some(true) => mask.clear |= bit,
            Some(false) => mask.set |= bit,
            None => {}
        }
    }
    mask
}
