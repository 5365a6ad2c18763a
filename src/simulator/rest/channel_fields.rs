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
    general: General,
    voice: Voice,
    threads: Threads,
    forum: Forum,
}

struct General {
    name: Given<String>,
    topic: Given<String>,
    nsfw: Given<bool>,
    rate_limit_per_user: Given<u32>,
    flags: Given<u64>,
}

struct Voice {
    bitrate: Given<u32>,
    user_limit: Given<u32>,
    rtc_region: Given<String>,
    video_quality_mode: Given<u8>,
}

struct Threads {
    archive_duration: Given<u32>,
    rate_limit_per_user: Given<u32>,
}

struct Forum {
    tags: Given<Vec<TagDraft>>,
    reaction: Given<TagEmoji>,
    sort_order: Given<u8>,
    layout: Given<u8>,
    tag_setting: Given<String>,
}

impl Fields {
    /// Reads and checks; `channel_kind` is what the channel will be.
    pub(crate) fn read(form: &mut Form<'_>, channel_kind: u8, visit: &Visit<'_>) -> Result<Self, ApiError> {
        Ok(Self {
            general: General::read(form, channel_kind, visit),
            voice: Voice::read(form, channel_kind, visit)?,
            threads: Threads {
                archive_duration: form.choice("default_auto_archive_duration", &[60, 1440, 4320, 10_080]),
                rate_limit_per_user: form.small("default_thread_rate_limit_per_user", 0..=SLOWEST),
            },
            forum: Forum::read(form, visit),
        })
    }

    /// Writes the fields into the channel.
    pub(crate) fn apply(
        self,
        channel: &mut Channel,
        call: &Call<'_>,
        mint: impl FnMut() -> Snowflake,
    ) -> Result<(), ApiError> {
        let Self { general, voice, threads, forum } = self;
        if channel.is_forum() {
            forum.apply(channel, call, mint)?;
        }
        if channel.is_forum() || matches!(channel.kind, kind::TEXT | kind::ANNOUNCEMENT) {
            threads.archive_duration.store_option(&mut channel.default_auto_archive_duration);
            threads.rate_limit_per_user.store_option(&mut channel.default_thread_rate_limit_per_user);
        }
        if channel.is_vocal() {
            voice.apply(channel);
        }
        general.apply(channel, call)
    }
}

impl General {
    fn read(form: &mut Form<'_>, channel_kind: u8, visit: &Visit<'_>) -> Self {
        let Call { method, switches, .. } = visit.call;
        let takes_long =
            matches!(channel_kind, kind::FORUM | kind::MEDIA) && (*method != "POST" || switches.long_topics_on_create);
        form.not_null("name");
        let name = form.text("name", 1..=100);
        if let Given::Value(name) = &name
            && stored_name(name, channel_kind, visit.call.switches.slug).is_empty()
        {
            form.wrong("name", "BASE_TYPE_REQUIRED", "This field is required");
        }
        Self {
            name,
            topic: form.text("topic", 0..=if takes_long { 4096 } else { 1024 }),
            nsfw: form.flag("nsfw"),
            rate_limit_per_user: form.small("rate_limit_per_user", 0..=SLOWEST),
            flags: form.flags("flags"),
        }
    }

    fn apply(self, channel: &mut Channel, call: &Call<'_>) -> Result<(), ApiError> {
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

impl Voice {
    fn read(form: &mut Form<'_>, channel_kind: u8, visit: &Visit<'_>) -> Result<Self, ApiError> {
        let (vocal, most_seats) = match channel_kind {
            kind::VOICE => (true, 99),
            kind::STAGE => (true, i64::from(STAGE_SEATS)),
            _ => (false, i64::from(u32::MAX)),
        };
        let voice = Self {
            bitrate: form.small("bitrate", 8000..=i64::from(u32::MAX)),
            user_limit: form.small("user_limit", 0..=most_seats),
            rtc_region: form.text("rtc_region", 0..=100),
            video_quality_mode: form.choice("video_quality_mode", &[1, 2]),
        };
        let most = most_bitrate(channel_kind, visit);
        match voice.bitrate {
            Given::Value(bitrate) if vocal && bitrate > most => {
                if !visit.call.switches.bitrate_is_form_error {
                    return Err(ApiError::bitrate_too_high());
                }
                let message = format!("int value should be less than or equal to {most}.");
                form.wrong("bitrate", "NUMBER_TYPE_MAX", &message);
            }
            _ => {}
        }
        Ok(voice)
    }

    /// A stage cannot be without a limit: none is the highest.
    fn apply(self, channel: &mut Channel) {
        self.bitrate.store(&mut channel.bitrate, DEFAULT_BITRATE);
        self.user_limit.store(&mut channel.user_limit, 0);
        self.rtc_region.store_option(&mut channel.rtc_region);
        self.video_quality_mode.store_option(&mut channel.video_quality_mode);
        if channel.kind == kind::STAGE && channel.user_limit == 0 {
            channel.user_limit = STAGE_SEATS;
        }
    }
}

impl Forum {
    fn read(form: &mut Form<'_>, visit: &Visit<'_>) -> Self {
        let tag_setting = form.text("default_tag_setting", 0..=20);
        if let Given::Value(setting) = &tag_setting
            && !matches!(setting.as_str(), "match_some" | "match_all")
        {
            let message = "Value must be one of {'match_some', 'match_all'}.";
            form.wrong("default_tag_setting", "BASE_TYPE_CHOICES", message);
        }
        Self {
            tags: forum::read_tags(form, visit.call.switches.longest_tag_name),
            reaction: forum::read_reaction(form),
            sort_order: form.choice("default_sort_order", &[0, 1]),
            layout: form.choice("default_forum_layout", &[0, 1, 2]),
            tag_setting,
        }
    }

    fn apply(self, channel: &mut Channel, call: &Call<'_>, mint: impl FnMut() -> Snowflake) -> Result<(), ApiError> {
        if let Given::Value(tags) = self.tags {
            channel.available_tags = forum::settle_tags(tags, &channel.available_tags, call, mint)?;
        }
        self.reaction.store_option(&mut channel.default_reaction_emoji);
        self.sort_order.store_option(&mut channel.default_sort_order);
        self.tag_setting.store_option(&mut channel.default_tag_setting);
        if channel.kind == kind::FORUM {
            self.layout.store(&mut channel.default_forum_layout, 0);
        }
        Ok(())
    }
}

fn most_bitrate(channel_kind: u8, visit: &Visit<'_>) -> u32 {
    if channel_kind == kind::STAGE {
        return STAGE_BITRATE;
    }
    let tier = if visit.guild.has_feature("VIP_REGIONS") { 3 } else { usize::from(visit.guild.premium_tier) };
    VOICE_BITRATE.get(tier).copied().unwrap_or(VOICE_BITRATE[3])
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
    let (bitrate, user_limit) = match channel_kind {
        kind::VOICE => (DEFAULT_BITRATE, 0),
        kind::STAGE => (DEFAULT_BITRATE, STAGE_SEATS),
        _ => (0, 0),
    };
    Channel { kind: channel_kind, bitrate, user_limit, ..Channel::default() }
}
