//! Channels: read, create, edit, delete.

use serde_json::{Value, json};

use super::channel_fields::{Fields, blank};
use super::form::{Form, FormErrors, Given};
use super::visit::{Visit, changes};
use super::{ApiError, Call, Reply, overwrite_list, view};
use crate::simulator::world::{
    Bits, Channel, CreatedPosition, ParentMovePosition, Snowflake, Switches, World, action, kind,
};

const MOST_CHANNELS: usize = 500;
const MOST_CATEGORIES: usize = 50;
const MOST_CHILDREN: usize = 50;
const KINDS: [i64; 7] = [0, 2, 4, 5, 13, 15, 16];

/// `GET /guilds/{guild}/channels`, in no promised order; what the caller cannot view is missing.
pub(crate) fn list(world: &mut World, call: &Call<'_>, guild: Snowflake) -> Result<Reply, ApiError> {
    let visit = Visit::to_guild(world, call, guild)?;
    let everything = !call.switches.hidden_channels_omitted || visit.held().has(Bits::ADMINISTRATOR);
    let shown = visit.guild.channels.values().filter(|c| everything || visit.sees(c));
    Reply::ok(shown.map(|c| view::channel(c, visit.guild)).collect::<Value>())
}

/// `GET /channels/{channel}`
pub(crate) fn get(world: &mut World, call: &Call<'_>, id: Snowflake) -> Result<Reply, ApiError> {
    let visit = Visit::to_channel(world, call, id)?;
    let channel = visit.channel(id)?;
    if visit.sees(channel) { Reply::ok(view::channel(channel, visit.guild)) } else { Err(ApiError::missing_access()) }
}

/// `POST /guilds/{guild}/channels`
pub(crate) fn create(world: &mut World, call: &Call<'_>, guild: Snowflake) -> Result<Reply, ApiError> {
    let mut visit = Visit::to_guild(world, call, guild)?;
    visit.require(Bits::MANAGE_CHANNELS)?;
    let mut form = Form::of(call.body, call.switches)?;
    form.require("name");
    let channel_kind = form.choice::<u8>("type", &KINDS).value().unwrap_or(kind::TEXT);
    let fields = Fields::read(&mut form, channel_kind, &visit)?;
    let position = form.int("position", 0..=i64::from(i32::MAX)).value();
    let parent = form.snowflake("parent_id").value();
    let overwrites = overwrite_list::read(&mut form, &visit, &[]);
    form.finish()?;
    judge_kind(&visit, channel_kind)?;
    judge_count(&visit, channel_kind)?;
    judge_parent(&visit, channel_kind, parent, &["parent_id"])?;
    let mut channel = Channel { parent_id: parent, ..blank(channel_kind) };
    let given = overwrites.value().filter(|list| !(list.is_empty() && call.switches.empty_overwrites_inherit));
    channel.permission_overwrites = if let Some(list) = given {
        overwrite_list::judge_new(&visit, &list)?;
        overwrite_list::arranged(list, call.switches)
    } else {
        let parent = parent.and_then(|id| visit.guild.channels.get(&id));
        parent.map(|p| p.permission_overwrites.clone()).unwrap_or_default()
    };
    let obeyed = position.filter(|_| call.switches.position_on_create_obeyed);
    channel.position = obeyed.unwrap_or_else(|| default_position(&visit, &channel));
    channel.id = visit.mint();
    fields.apply(&mut channel, call, || visit.mint())?;
    let id = channel.id;
    let mut noted = changes(&Value::Null, &view::channel(&channel, visit.guild));
    if !channel.permission_overwrites.is_empty() {
        noted.push(json!({"key": "permission_overwrites", "new_value": channel.permission_overwrites}));
    }
    visit.guild.channels.insert(id, channel);
    visit.channels_moved();
    visit.audit(action::CHANNEL_CREATE, id, noted);
    Reply::created(view::channel(visit.channel(id)?, visit.guild))
}

/// `PATCH /channels/{channel}`. A new parent does not touch the overwrites.
pub(crate) fn update(world: &mut World, call: &Call<'_>, id: Snowflake) -> Result<Reply, ApiError> {
    let mut visit = Visit::to_channel(world, call, id)?;
    let old = visit.channel(id)?.clone();
    visit.require_in(&old, Bits::MANAGE_CHANNELS)?;
    let mut form = Form::of(call.body, call.switches)?;
    if form.raw("permission_overwrites").is_present() {
        visit.require_in(&old, Bits::MANAGE_ROLES)?;
    }
    let mut new = old.clone();
    new.kind = read_new_kind(&mut form, &visit, &old)?;
    let fields = Fields::read(&mut form, new.kind, &visit)?;
    let position = form.int("position", 0..=i64::from(i32::MAX)).value();
    let parent = form.snowflake("parent_id");
    let overwrites = match overwrite_list::read(&mut form, &visit, &old.permission_overwrites) {
        Given::Null => Given::Value(Vec::new()),
        given => given,
    };
    form.finish()?;
    parent.store_option(&mut new.parent_id);
    if new.parent_id != old.parent_id {
        judge_parent(&visit, old.kind, new.parent_id, &["parent_id"])?;
        judge_destination(&visit, new.parent_id)?;
    }
    place(&mut new, &old, &visit, position);
    if let Given::Value(list) = &overwrites {
        overwrite_list::judge_edit(&visit, &old, list)?;
    }
    fields.apply(&mut new, call, || visit.mint())?;
    let noted = changes(&view::channel(&old, visit.guild), &view::channel(&new, visit.guild));
    visit.guild.channels.insert(id, new);
    visit.channels_moved();
    if !noted.is_empty() {
        visit.audit(action::CHANNEL_UPDATE, id, noted);
    }
    if let Given::Value(list) = overwrites {
        overwrite_list::audit(&mut visit, id, &old.permission_overwrites, &list);
        overwrite_list::replace(&mut visit, id, list)?;
    }
    let channel = visit.channel(id)?;
    Reply::ok(view::channel(channel, visit.guild))
}

/// `DELETE /channels/{channel}`. Children of a category stay, without a parent.
pub(crate) fn delete(world: &mut World, call: &Call<'_>, id: Snowflake) -> Result<Reply, ApiError> {
    let mut visit = Visit::to_channel(world, call, id)?;
    let channel = visit.channel(id)?;
    visit.require_in(channel, Bits::MANAGE_CHANNELS)?;
    let needed = [visit.guild.rules_channel_id, visit.guild.public_updates_channel_id].contains(&Some(id));
    if needed && visit.guild.has_feature("COMMUNITY") {
        let status = call.switches.statuses.community_channel;
        return Err(ApiError::new(status, 50_074, "Cannot delete a channel required for Community guilds"));
    }
    let body = view::channel(channel, visit.guild);
    visit.guild.channels.remove(&id);
    visit.guild.forget_channel(id);
    for child in visit.guild.channels.values_mut().filter(|c| c.parent_id == Some(id)) {
        child.parent_id = None;
    }
    visit.audit(action::CHANNEL_DELETE, id, changes(&body, &Value::Null));
    Reply::ok(body)
}

/// The kind after an edit: text and announcement turn into each other where the guild has NEWS.
fn read_new_kind(form: &mut Form<'_>, visit: &Visit<'_>, old: &Channel) -> Result<u8, ApiError> {
    let Given::Value(wanted) = form.choice::<u8>("type", &KINDS) else { return Ok(old.kind) };
    let turns = matches!((old.kind, wanted), (kind::TEXT, kind::ANNOUNCEMENT) | (kind::ANNOUNCEMENT, kind::TEXT));
    if wanted == old.kind || turns && visit.guild.has_feature("NEWS") {
        return Ok(wanted);
    }
    Err(wrong_kind(visit.call.switches))
}

fn wrong_kind(switches: &Switches) -> ApiError {
    if switches.wrong_type_is_50024 {
        ApiError::wrong_channel_type()
    } else {
        FormErrors::single(&["type"], "BASE_TYPE_CHOICES", "Value must be one of the types this guild allows here.")
    }
}

/// Some kinds need a feature of the guild.
fn judge_kind(visit: &Visit<'_>, channel_kind: u8) -> Result<(), ApiError> {
    let feature = match channel_kind {
        kind::ANNOUNCEMENT => "NEWS",
        kind::STAGE => "COMMUNITY",
        kind::FORUM | kind::MEDIA if visit.call.switches.forums_need_community => "COMMUNITY",
        _ => return Ok(()),
    };
    if visit.guild.has_feature(feature) { Ok(()) } else { Err(wrong_kind(visit.call.switches)) }
}

fn judge_count(visit: &Visit<'_>, channel_kind: u8) -> Result<(), ApiError> {
    let switches = visit.call.switches;
    let full = |message: &str| Err(ApiError::new(switches.statuses.max_channels, 30_013, message));
    if visit.guild.channels.len() >= MOST_CHANNELS {
        return full("Maximum number of guild channels reached (500)");
    }
    let categories = || visit.guild.channels.values().filter(|c| c.is_category()).count();
    if switches.categories_limited && channel_kind == kind::CATEGORY && categories() >= MOST_CATEGORIES {
        return full("Maximum number of categories reached (50)");
    }
    Ok(())
}

/// A parent is a category of this guild with a free place, and not for categories.
pub(crate) fn judge_parent(
    visit: &Visit<'_>,
    channel_kind: u8,
    parent: Option<Snowflake>,
    path: &[&str],
) -> Result<(), ApiError> {
    let Some(parent) = parent else { return Ok(()) };
    let refuse = |code: &str, message: &str| Err(FormErrors::single(path, code, message));
    let Some(category) = visit.guild.channels.get(&parent) else {
        return refuse("CHANNEL_PARENT_INVALID", "Category does not exist");
    };
    if !category.is_category() {
        return refuse("CHANNEL_PARENT_INVALID_TYPE", "Not a category");
    }
    if channel_kind == kind::CATEGORY {
        return refuse("CHANNEL_PARENT_CANNOT_BE_CATEGORY", "Categories cannot have parents");
    }
    if visit.guild.children(parent).count() >= MOST_CHILDREN {
        let message = "Maximum number of channels in category reached (50)";
        return refuse("CHANNEL_PARENT_MAX_CHANNELS", message);
    }
    Ok(())
}

/// Who moves a channel manages the place it goes to: a category it sees, or the guild.
pub(crate) fn judge_destination(visit: &Visit<'_>, parent: Option<Snowflake>) -> Result<(), ApiError> {
    match parent.and_then(|id| visit.guild.channels.get(&id)) {
        Some(category) => visit.require_in(category, Bits::MANAGE_CHANNELS),
        None => visit.require(Bits::MANAGE_CHANNELS),
    }
}

fn default_position(visit: &Visit<'_>, channel: &Channel) -> i64 {
    let after = |channels: &mut dyn Iterator<Item = &Channel>| channels.map(|c| c.position + 1).max().unwrap_or(0);
    match visit.call.switches.created_channel_position {
        CreatedPosition::LastInGuild => after(&mut visit.guild.channels.values()),
        CreatedPosition::LastInParent => {
            let sibling = |c: &&Channel| c.parent_id == channel.parent_id && c.is_category() == channel.is_category();
            after(&mut visit.guild.channels.values().filter(sibling))
        }
        CreatedPosition::Zero => 0,
    }
}

/// A position alone is stored as sent; together with a new parent it is not honoured.
fn place(new: &mut Channel, old: &Channel, visit: &Visit<'_>, position: Option<i64>) {
    let Some(position) = position else { return };
    if new.parent_id == old.parent_id {
        new.position = position;
        return;
    }
    let siblings = visit.guild.channels.values().filter(|c| c.parent_id == new.parent_id && c.id != new.id);
    let positions = siblings.map(|c| c.position);
    new.position = match visit.call.switches.parent_move_position {
        ParentMovePosition::First => positions.min().map_or(0, |first| (first - 1).max(0)),
        ParentMovePosition::Last => positions.max().map_or(0, |last| last + 1),
    };
}
