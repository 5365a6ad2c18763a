//! Guilds: read, edit settings, and the small lists around them.

use serde_json::{Value, json};

use super::form::{Form, FormErrors, Given};
use super::visit::{Visit, changes};
use super::{ApiError, Call, Reply, features, view};
use crate::simulator::world::{Bits, Guild, Snowflake, World, action, kind};

/// In place of a channel that Community needs: make one.
pub(crate) const MAKE_ONE: Snowflake = Snowflake(1);

/// `GET /guilds/{guild}`
pub(crate) fn get(world: &mut World, call: &Call<'_>, id: Snowflake) -> Result<Reply, ApiError> {
    let visit = Visit::to_guild(world, call, id)?;
    let mut body = view::guild(visit.guild);
    if call.query_flag("with_counts") {
        body["approximate_member_count"] = json!(visit.guild.members.len());
        body["approximate_presence_count"] = json!(visit.guild.members.len());
    }
    Reply::ok(body)
}

/// `GET /guilds/{guild}/preview`
pub(crate) fn preview(world: &mut World, call: &Call<'_>, id: Snowflake) -> Result<Reply, ApiError> {
    let visit = Visit::to_guild(world, call, id)?;
    let guild = &visit.guild;
    Reply::ok(json!({
        "id": guild.id, "name": guild.name, "icon": guild.icon, "description": guild.description,
        "home_header": guild.home_header, "splash": guild.splash, "discovery_splash": guild.discovery_splash,
        "features": guild.features, "emojis": [], "stickers": [],
        "approximate_member_count": guild.members.len(), "approximate_presence_count": guild.members.len(),
    }))
}

/// Voice regions, of a guild or of all.
pub(crate) fn regions() -> Result<Reply, ApiError> {
    let region = |(id, name)| json!({"id": id, "name": name, "custom": false, "deprecated": false, "optimal": id == "rotterdam"});
    let regions = [("rotterdam", "Rotterdam"), ("us-east", "US East"), ("singapore", "Singapore"), ("japan", "Japan")];
    Reply::ok(regions.map(region).into_iter().collect::<Value>())
}

/// `GET /guilds/{guild}/widget`
pub(crate) fn widget(world: &mut World, call: &Call<'_>, id: Snowflake) -> Result<Reply, ApiError> {
    let visit = Visit::to_guild(world, call, id)?;
    visit.require(Bits::MANAGE_GUILD)?;
    Reply::ok(json!({"enabled": visit.guild.widget_enabled, "channel_id": visit.guild.widget_channel_id}))
}

/// A list this simulation never fills, for a member who holds `bits`.
pub(crate) fn nothing(
    world: &mut World,
    call: &Call<'_>,
    id: Snowflake,
    bits: Bits,
    body: Value,
) -> Result<Reply, ApiError> {
    Visit::to_guild(world, call, id)?.require(bits)?;
    Reply::ok(body)
}

/// `GET /guilds/{guild}/welcome-screen`: there never is one.
pub(crate) fn welcome_screen(world: &mut World, call: &Call<'_>, id: Snowflake) -> Result<Reply, ApiError> {
    Visit::to_guild(world, call, id)?;
    Err(ApiError::unknown_welcome_screen())
}

/// `PATCH /guilds/{guild}`
pub(crate) fn update(world: &mut World, call: &Call<'_>, id: Snowflake) -> Result<Reply, ApiError> {
    let mut visit = Visit::to_guild(world, call, id)?;
    visit.require(Bits::MANAGE_GUILD)?;
    let mut form = Form::of(call.body, call.switches)?;
    let log = std::mem::take(&mut visit.guild.audit_log);
    let mut draft = visit.guild.clone();
    visit.guild.audit_log = log;
    read_settings(&mut form, &mut draft, visit.guild);
    let channels = read_channels(&mut form, &mut draft);
    let features = features::read(&mut form, visit.guild);
    form.finish()?;
    judge_channels(&draft, visit.guild)?;
    judge_images(&draft, visit.guild)?;
    if let Given::Value(features) = features {
        features::settle(&mut visit, &mut draft, features, channels)?;
    }
    if [draft.rules_channel_id, draft.public_updates_channel_id].contains(&Some(MAKE_ONE)) {
        return Err(FormErrors::single(&["rules_channel_id"], "CHANNEL_INVALID", "Channel does not exist"));
    }
    let noted = changes(&view::settings(visit.guild), &view::settings(&draft));
    draft.audit_log = std::mem::take(&mut visit.guild.audit_log);
    *visit.guild = draft;
    if !noted.is_empty() {
        visit.audit(action::GUILD_UPDATE, id, noted);
    }
    Reply::ok(view::guild(visit.guild))
}

fn read_settings(form: &mut Form<'_>, draft: &mut Guild, live: &Guild) {
    form.not_null("name");
    if let Given::Value(name) = form.text("name", 0..=1000) {
        name.trim().clone_into(&mut draft.name);
        if !(2..=100).contains(&draft.name.encode_utf16().count()) {
            form.wrong("name", "BASE_TYPE_BAD_LENGTH", "Must be between 2 and 100 in length.");
        }
    }
    form.text("description", 0..=300).store_option(&mut draft.description);
    form.choice("verification_level", &[0, 1, 2, 3, 4]).store(&mut draft.verification_level, 0);
    form.choice("default_message_notifications", &[0, 1]).store(&mut draft.default_message_notifications, 0);
    form.choice("explicit_content_filter", &[0, 1, 2]).store(&mut draft.explicit_content_filter, 0);
    form.choice("afk_timeout", &[60, 300, 900, 1800, 3600]).store(&mut draft.afk_timeout, 300);
    form.flags("system_channel_flags").store(&mut draft.system_channel_flags, live.system_channel_flags);
    form.text("preferred_locale", 2..=10).store(&mut draft.preferred_locale, "en-US".to_owned());
    form.flag("premium_progress_bar_enabled").store(&mut draft.premium_progress_bar_enabled, false);
    features::image(form, "icon").store_option(&mut draft.icon);
    features::image(form, "splash").store_option(&mut draft.splash);
    features::image(form, "discovery_splash").store_option(&mut draft.discovery_splash);
    features::image(form, "banner").store_option(&mut draft.banner);
    features::image(form, "home_header").store_option(&mut draft.home_header);
}

/// The channel settings; answers the two that Community needs, as given.
fn read_channels(form: &mut Form<'_>, draft: &mut Guild) -> [Given<Snowflake>; 2] {
    form.snowflake("afk_channel_id").store_option(&mut draft.afk_channel_id);
    form.snowflake("system_channel_id").store_option(&mut draft.system_channel_id);
    form.snowflake("safety_alerts_channel_id").store_option(&mut draft.safety_alerts_channel_id);
    let community = [form.snowflake("rules_channel_id"), form.snowflake("public_updates_channel_id")];
    community[0].store_option(&mut draft.rules_channel_id);
    community[1].store_option(&mut draft.public_updates_channel_id);
    community
}

/// Channel settings that change must name a channel of the right kind. The id 1 stands for a channel to be made.
fn judge_channels(draft: &Guild, live: &Guild) -> Result<(), ApiError> {
    let checked = [
        ("afk_channel_id", draft.afk_channel_id, live.afk_channel_id, kind::VOICE),
        ("system_channel_id", draft.system_channel_id, live.system_channel_id, kind::TEXT),
        ("rules_channel_id", draft.rules_channel_id, live.rules_channel_id, kind::TEXT),
        ("public_updates_channel_id", draft.public_updates_channel_id, live.public_updates_channel_id, kind::TEXT),
        ("safety_alerts_channel_id", draft.safety_alerts_channel_id, live.safety_alerts_channel_id, kind::TEXT),
    ];
    for (key, new, old, wanted) in checked {
        let Some(id) = new.filter(|_| new != old) else { continue };
        let community = matches!(key, "rules_channel_id" | "public_updates_channel_id");
        if community && id == MAKE_ONE {
            continue;
        }
        match draft.channels.get(&id).map(|c| c.kind) {
            Some(found) if found == wanted => {}
            Some(kind::ANNOUNCEMENT) if key == "system_channel_id" => {}
            Some(_) if community => return Err(ApiError::community_needs_text()),
            Some(_) => return Err(FormErrors::single(&[key], "CHANNEL_TYPE_INVALID", "Invalid channel type")),
            None => return Err(FormErrors::single(&[key], "CHANNEL_INVALID", "Channel does not exist")),
        }
    }
    Ok(())
}

/// Some images need a feature.
fn judge_images(draft: &Guild, live: &Guild) -> Result<(), ApiError> {
    let gated = [
        (&draft.banner, &live.banner, "BANNER"),
        (&draft.splash, &live.splash, "INVITE_SPLASH"),
        (&draft.discovery_splash, &live.discovery_splash, "DISCOVERABLE"),
    ];
    let refused = gated.iter().any(|(new, old, feature)| new.is_some() && new != old && !live.has_feature(feature));
    if refused { Err(ApiError::needs_boosts()) } else { Ok(()) }
}
