//! Roles: read, create, edit, delete.

use serde_json::{Value, json};

use super::form::{Form, Given};
use super::visit::{Visit, changes};
use super::{ApiError, Call, Reply, features, view};
use crate::simulator::world::{Bits, Colors, Role, Snowflake, World, action};

/// Most roles in a guild.
const MOST_ROLES: usize = 250;

/// `GET /guilds/{guild}/roles`
pub(crate) fn list(world: &mut World, call: &Call<'_>, guild: Snowflake) -> Result<Reply, ApiError> {
    let visit = Visit::to_guild(world, call, guild)?;
    Reply::ok(view::roles(visit.guild))
}

/// `GET /guilds/{guild}/roles/{role}`
pub(crate) fn get(world: &mut World, call: &Call<'_>, guild: Snowflake, role: Snowflake) -> Result<Reply, ApiError> {
    let visit = Visit::to_guild(world, call, guild)?;
    Reply::ok(view::role(visit.guild.roles.get(&role).ok_or_else(ApiError::unknown_role)?))
}

/// `GET /guilds/{guild}/roles/member-counts`
pub(crate) fn member_counts(world: &mut World, call: &Call<'_>, guild: Snowflake) -> Result<Reply, ApiError> {
    let visit = Visit::to_guild(world, call, guild)?;
    let mut counts: Value = json!({});
    for id in visit.guild.roles.keys().filter(|id| **id != guild) {
        let count = visit.guild.members.values().filter(|m| m.roles.contains(id)).count();
        counts[id.to_string()] = json!(count);
    }
    Reply::ok(counts)
}

/// `POST /guilds/{guild}/roles`. A `position` in the body is ignored.
pub(crate) fn create(world: &mut World, call: &Call<'_>, guild: Snowflake) -> Result<Reply, ApiError> {
    let mut visit = Visit::to_guild(world, call, guild)?;
    visit.require(Bits::MANAGE_ROLES)?;
    let everyone = usize::from(!call.switches.role_limit_counts_everyone);
    if visit.guild.roles.len() >= MOST_ROLES + everyone {
        let status = call.switches.statuses.max_roles;
        return Err(ApiError::new(status, 30_005, "Maximum number of guild roles reached (250)"));
    }
    let default = visit.guild.roles.get(&guild).map_or(Bits::NONE, |everyone| everyone.permissions);
    let mut role = Role { name: "new role".to_owned(), permissions: default, position: 1, ..Role::default() };
    let empty = json!({});
    let fields = Fields::read(call.body.unwrap_or(&empty), call, &visit, &role)?;
    if let Given::Value(bits) = fields.permissions {
        refuse_unheld(visit.held(), Bits(bits))?;
    }
    fields.apply(&mut role, default);
    role.id = visit.mint();
    if call.switches.new_role_renumbers {
        visit.guild.roles.values_mut().filter(|r| r.id != guild).for_each(|r| r.position += 1);
    }
    let id = role.id;
    let noted = changes(&Value::Null, &view::role(&role));
    visit.guild.roles.insert(id, role);
    visit.roles_moved();
    visit.audit(action::ROLE_CREATE, id, noted);
    Reply::ok(view::role(visit.guild.roles.get(&id).ok_or_else(ApiError::unknown_role)?))
}

/// `PATCH /guilds/{guild}/roles/{role}`. A `position` in the body is ignored.
pub(crate) fn update(world: &mut World, call: &Call<'_>, guild: Snowflake, id: Snowflake) -> Result<Reply, ApiError> {
    let mut visit = Visit::to_guild(world, call, guild)?;
    visit.require(Bits::MANAGE_ROLES)?;
    let mut role = visit.guild.roles.get(&id).ok_or_else(ApiError::unknown_role)?.clone();
    if !visit.guild.outranks(call.actor, role.rank()) {
        return Err(ApiError::missing_permissions());
    }
    let before = view::role(&role);
    let empty = json!({});
    let fields = Fields::read(call.body.unwrap_or(&empty), call, &visit, &role)?;
    if id == guild && matches!(&fields.name, Given::Value(name) if *name != role.name) {
        return Err(ApiError::invalid_role());
    }
    if let Given::Value(bits) = fields.permissions {
        judge_permissions(visit.held(), role.permissions, Bits(bits), call)?;
    }
    let kept = role.permissions;
    fields.apply(&mut role, kept);
    let body = view::role(&role);
    visit.guild.roles.insert(id, role);
    let changes = changes(&before, &body);
    if !changes.is_empty() {
        visit.audit(action::ROLE_UPDATE, id, changes);
    }
    Reply::ok(body)
}

/// `DELETE /guilds/{guild}/roles/{role}`. Overwrites for it go too.
pub(crate) fn delete(world: &mut World, call: &Call<'_>, guild: Snowflake, id: Snowflake) -> Result<Reply, ApiError> {
    let mut visit = Visit::to_guild(world, call, guild)?;
    visit.require(Bits::MANAGE_ROLES)?;
    let role = visit.guild.roles.get(&id).ok_or_else(ApiError::unknown_role)?;
    if role.managed || id == guild {
        return Err(ApiError::invalid_role());
    }
    if !visit.guild.outranks(call.actor, role.rank()) {
        return Err(ApiError::missing_permissions());
    }
    let before = view::role(role);
    visit.guild.roles.remove(&id);
    visit.guild.members.values_mut().for_each(|m| m.roles.retain(|r| *r != id));
    visit.guild.channels.values_mut().for_each(|c| c.permission_overwrites.retain(|o| o.id != id));
    visit.audit(action::ROLE_DELETE, id, changes(&before, &Value::Null));
    Reply::empty()
}

fn refuse_unheld(held: Bits, wanted: Bits) -> Result<(), ApiError> {
    if held.has(wanted) { Ok(()) } else { Err(ApiError::missing_permissions()) }
}

/// A caller may put into a role only what it holds; whether it may repeat or remove what it does not, is a switch.
fn judge_permissions(held: Bits, old: Bits, new: Bits, call: &Call<'_>) -> Result<(), ApiError> {
    let repeated = if call.switches.repeating_unheld_bits_allowed { old } else { Bits::NONE };
    refuse_unheld(held, new & !repeated)?;
    if !call.switches.removing_unheld_bits_allowed {
        refuse_unheld(held, old & !new)?;
    }
    Ok(())
}

/// The fields of a role body.
struct Fields {
    name: Given<String>,
    permissions: Given<u64>,
    colors: Given<Colors>,
    hoist: Given<bool>,
    mentionable: Given<bool>,
    icon: Given<String>,
    unicode_emoji: Given<String>,
}

impl Fields {
    fn read(body: &Value, call: &Call<'_>, visit: &Visit<'_>, old: &Role) -> Result<Self, ApiError> {
        let mut form = Form::of(Some(body), call.switches)?;
        let color = form.small("color", 0..=0xff_ffff);
        let colors = read_colors(&mut form, body, visit)?;
        let fields = Self {
            name: form.text("name", 1..=100),
            permissions: form.bits("permissions", old.permissions.0),
            colors: if colors.is_present() { colors } else { from_color(color) },
            hoist: form.flag("hoist"),
            mentionable: form.flag("mentionable"),
            icon: features::image(&mut form, "icon"),
            unicode_emoji: form.text("unicode_emoji", 1..=100),
        };
        form.finish()?;
        let picture = matches!(fields.icon, Given::Value(_)) || matches!(fields.unicode_emoji, Given::Value(_));
        if picture && !visit.guild.has_feature("ROLE_ICONS") {
            return Err(ApiError::needs_boosts());
        }
        Ok(fields)
    }

    fn apply(self, role: &mut Role, null_permissions: Bits) {
        let Self { name, permissions, colors, hoist, mentionable, icon, unicode_emoji } = self;
        let kept = role.name.clone();
        name.store(&mut role.name, kept);
        permissions.store(&mut role.permissions.0, null_permissions.0);
        colors.store(&mut role.colors, Colors::default());
        hoist.store(&mut role.hoist, false);
        mentionable.store(&mut role.mentionable, false);
        icon.store_option(&mut role.icon);
        unicode_emoji.store_option(&mut role.unicode_emoji);
    }
}

fn from_color(color: Given<u32>) -> Given<Colors> {
    match color {
        Given::Absent => Given::Absent,
        Given::Null => Given::Null,
        Given::Value(primary_color) => Given::Value(Colors { primary_color, ..Colors::default() }),
    }
}

fn read_colors<'a>(form: &mut Form<'a>, body: &'a Value, visit: &Visit<'_>) -> Result<Given<Colors>, ApiError> {
    let Some(value) = body.get("colors") else { return Ok(Given::Absent) };
    if value.is_null() {
        return Ok(Given::Null);
    }
    let read = form.inside(&["colors"], value, |inner| {
        inner.require("primary_color");
        let all = 0..=0xff_ffff;
        let colors = Colors {
            primary_color: inner.small("primary_color", all.clone()).value().unwrap_or(0),
            secondary_color: inner.small("secondary_color", all.clone()).value(),
            tertiary_color: inner.small("tertiary_color", all).value(),
        };
        if colors.tertiary_color.is_some() && !colors.is_holographic() {
            inner.wrong("tertiary_color", "BASE_TYPE_CHOICES", "Only the holographic colors may have a third color.");
        }
        colors
    });
    let Some(colors) = read else { return Ok(Given::Absent) };
    if colors.secondary_color.is_some() && !visit.guild.has_feature("ENHANCED_ROLE_COLORS") {
        return Err(ApiError::needs_boosts());
    }
    Ok(Given::Value(colors))
}
