//! The fields of a channel body: what each kind of channel takes, and what null means.

use super::form::{Form, FormErrors, Given};
use super::forum::{self, TagDraft};
use super::visit::Visit;
use super::{ApiError, Call};
use crate::simulator::world::{Channel, Snowflake, TagEmoji, kind, stored_name};

/// Bitrate of voice channels by boost tier.
const VOICE_BITRATE: [u32; 4] = [96_000, 128_000, 256_000, 384_000];
const STAGE_BITRATE: u32 = 64_000;
const DEFAULT_BITRATE: u32 = 64_000;
const STAGE_SEATS: u32 = 10_000;
const SLOWEST: i64 = 21_600;

const REQUIRE_TAG: u64 = 1 << 4;
const HIDE_DOWNLOADS: u64 = 1 << 15;
const SPOILER: u64 = 1 << 21;

/// What a body says about a channel's own fields. Fields its kind does not have are ignored, as Discord does.
pub(crate) struct Fields {
    name: Given<String>,
    topic: Given<String>,
    nsfw: Given<bool>,
    rate_limit_per_user: Given<u32>,
    bitrate: Given<u32>,
    user_limit: Given<u32>,
    rtc_region: Given<String>,
    video_quality_mode: Given<u8>,
    default_auto_archive_duration: Given<u32>,
    default_thread_rate_limit_per_user: Given<u32>,
    tags: Given<Vec<TagDraft>>,
    default_reaction_emoji: Given<TagEmoji>,
    default_sort_order: Given<u8>,
    default_forum_layout: Given<u8>,
    default_tag_setting: Given<String>,
    flags: Given<u64>,
}

impl Fields {
    /// Reads and checks; `channel_kind` is what the channel will be.
    pub(crate) fn read(form: &mut Form<'_>, channel_kind: u8, visit: &Visit<'_>) -> Result<Self, ApiError> {
        let switches = visit.call.switches;
        let vocal = matches!(channel_kind, kind::VOICE | kind::STAGE);
        let forum = matches!(channel_kind, kind::FORUM | kind::MEDIA);
        form.not_null("name");
        let longest_topic = if forum { 4096 } else { 1024 };
        let seats = if channel_kind == kind::STAGE { i64::from(STAGE_SEATS) } else { 99 };
        let fields = Self {
            name: form.text("name", 1..=100),
            topic: form.text("topic", 0..=longest_topic),
            nsfw: form.flag("nsfw"),
            rate_limit_per_user: form.small("rate_limit_per_user", 0..=SLOWEST),
            bitrate: form.small("bitrate", 8000..=i64::from(u32::MAX)),
            user_limit: form.small("user_limit", 0..=if vocal { seats } else { i64::from(u32::MAX) }),
            rtc_region: form.text("rtc_region", 0..=100),
            video_quality_mode: form.choice("video_quality_mode", &[1, 2]),
            default_auto_archive_duration: form.choice("default_auto_archive_duration", &[60, 1440, 4320, 10_080]),
            default_thread_rate_limit_per_user: form.small("default_thread_rate_limit_per_user", 0..=SLOWEST),
            tags: forum::read_tags(form, switches.longest_tag_name),
            default_reaction_emoji: forum::read_reaction(form),
            default_sort_order: form.choice("default_sort_order", &[0, 1]),
            default_forum_layout: form.choice("default_forum_layout", &[0, 1, 2]),
            default_tag_setting: form.text("default_tag_setting", 0..=20),
            flags: form.flags("flags"),
        };
        if let Given::Value(setting) = &fields.default_tag_setting
            && !matches!(setting.as_str(), "match_some" | "match_all")
        {
            let message = "Value must be one of {'match_some', 'match_all'}.";
            form.wrong("default_tag_setting", "BASE_TYPE_CHOICES", message);
        }
        if let Given::Value(name) = &fields.name
            && stored_name(name, channel_kind, switches.slug).is_empty()
        {
            form.wrong("name", "BASE_TYPE_REQUIRED", "This field is required");
        }
        if vocal {
            fields.judge_bitrate(form, channel_kind, visit)?;
        }
        Ok(fields)
    }

    fn judge_bitrate(&self, form: &mut Form<'_>, channel_kind: u8, visit: &Visit<'_>) -> Result<(), ApiError> {
        let tier = if visit.guild.has_feature("VIP_REGIONS") { 3 } else { usize::from(visit.guild.premium_tier) };
        let voice = VOICE_BITRATE.get(tier).copied().unwrap_or(VOICE_BITRATE[3]);
        let most = if channel_kind == kind::STAGE { STAGE_BITRATE } else { voice };
        match self.bitrate {
            Given::Value(bitrate) if bitrate > most && visit.call.switches.bitrate_is_form_error => {
                let message = format!("int value should be less than or equal to {most}.");
                form.wrong("bitrate", "NUMBER_TYPE_MAX", &message);
                Ok(())
            }
            Given::Value(bitrate) if bitrate > most => Err(ApiError::bitrate_too_high()),
            _ => Ok(()),
        }
    }

    /// Writes the fields into the channel.
    pub(crate) fn apply(
        self,
        channel: &mut Channel,
        call: &Call<'_>,
        mint: impl FnMut() -> Snowflake,
    ) -> Result<(), ApiError> {
        let forum = channel.is_forum();
        let threads = forum || matches!(channel.kind, kind::TEXT | kind::ANNOUNCEMENT);
        if let (true, Given::Value(tags)) = (forum, self.tags) {
            channel.available_tags = forum::settle_tags(tags, &channel.available_tags, call, mint)?;
        }
        if let Given::Value(name) = self.name {
            channel.name = stored_name(&name, channel.kind, call.switches.slug);
        }
        if !channel.is_category() {
            self.nsfw.store(&mut channel.nsfw, false);
            self.rate_limit_per_user.store(&mut channel.rate_limit_per_user, 0);
        }
        if !channel.is_category() && channel.kind != kind::VOICE && self.topic.is_present() {
            let topic = self.topic.value().filter(|topic| !topic.is_empty());
            channel.topic = topic.or_else(|| call.switches.cleared_topic_is_empty.then(String::new));
        }
        if channel.is_vocal() {
            self.bitrate.store(&mut channel.bitrate, DEFAULT_BITRATE);
            self.user_limit.store(&mut channel.user_limit, 0);
            self.rtc_region.store_option(&mut channel.rtc_region);
            self.video_quality_mode.store_option(&mut channel.video_quality_mode);
        }
        if channel.kind == kind::STAGE && channel.user_limit == 0 {
            channel.user_limit = STAGE_SEATS;
        }
        if threads {
            self.default_auto_archive_duration.store_option(&mut channel.default_auto_archive_duration);
            self.default_thread_rate_limit_per_user.store_option(&mut channel.default_thread_rate_limit_per_user);
        }
        if forum {
            self.default_reaction_emoji.store_option(&mut channel.default_reaction_emoji);
            self.default_sort_order.store_option(&mut channel.default_sort_order);
            self.default_tag_setting.store_option(&mut channel.default_tag_setting);
        }
        if channel.kind == kind::FORUM {
            self.default_forum_layout.store(&mut channel.default_forum_layout, 0);
        }
        if let Given::Value(flags) = self.flags {
            let settable = settable_flags(channel.kind);
            channel.flags = channel.flags & !settable | flags & settable;
        }
        if channel.flags & SPOILER != 0 && channel.nsfw {
            let message = "A spoiler channel cannot be age-restricted.";
            return Err(FormErrors::single(&["flags"], "BASE_TYPE_CHOICES", message));
        }
        Ok(())
    }
}

/// Flags a caller may set; all others stay as they are.
fn settable_flags(channel_kind: u8) -> u64 {
    match channel_kind {
        kind::FORUM => REQUIRE_TAG | SPOILER,
        kind::MEDIA => REQUIRE_TAG | HIDE_DOWNLOADS | SPOILER,
        kind::STAGE | kind::CATEGORY => 0,
        _ => SPOILER,
    }
}

/// Fields a new channel of that kind starts with.
pub(crate) fn blank(channel_kind: u8) -> Channel {
    let vocal = matches!(channel_kind, kind::VOICE | kind::STAGE);
    Channel { kind: channel_kind, bitrate: if vocal { DEFAULT_BITRATE } else { 0 }, ..Channel::default() }
}
