//! Statements about guilds: which there are, what was last seen of what is bound in them, and states to return to.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::column::{get, id, id_if, json, json_if, json_text, json_value};
use super::migration::hex;
use super::sql::{Connection, sql};
use super::{Error, GuildState, RunId, bindings};
use crate::model::{Channel, ChannelId, Guild, GuildId, Image, Ref, Role, RoleId, UserId};

/// Makes sure that there is a row others can refer to.
pub(super) async fn ensure(connection: &mut Connection<'_>, guild: GuildId, at: DateTime<Utc>) -> Result<(), Error> {
    let known = sql("SELECT server_id FROM servers WHERE server_id = ?").bind(guild).fetch_optional(connection).await?;
    if known.is_none() {
        let insert = sql("INSERT INTO servers (server_id, joined_at, updated_at) VALUES (?, ?, ?)");
        insert.bind(guild).bind(at).bind(at).unless_there("server_id").execute(connection).await?;
    }
    Ok(())
}

/// Keeps everybody else who does this waiting until the transaction ends.
pub(super) async fn lock(connection: &mut Connection<'_>, guild: GuildId, at: DateTime<Utc>) -> Result<(), Error> {
    ensure(connection, guild, at).await?;
    sql("SELECT server_id FROM servers WHERE server_id = ?").bind(guild).locked().fetch_one(connection).await?;
    Ok(())
}

/// Makes sure that there is a row others can refer to. Who it is, other than a number, is not known yet.
pub(super) async fn ensure_user(connection: &mut Connection<'_>, user: UserId, at: DateTime<Utc>) -> Result<(), Error> {
    let known = sql("SELECT user_id FROM users WHERE user_id = ?").bind(user).fetch_optional(connection).await?;
    if known.is_none() {
        let insert = sql("INSERT INTO users (user_id, created_at, updated_at) VALUES (?, ?, ?)");
        insert.bind(user).bind(at).bind(at).unless_there("user_id").execute(connection).await?;
    }
    Ok(())
}

/// Notes what a guild and everything bound in it looked like.
pub(super) async fn note_seen(connection: &mut Connection<'_>, guild: &Guild, at: DateTime<Utc>) -> Result<(), Error> {
    ensure(connection, guild.id, at).await?;
    ensure_user(connection, guild.owner, at).await?;
    let icon = match &guild.settings.icon {
        Some(Image::Hash(hash)) => Some(hash),
        Some(Image::Upload(_)) | None => None,
    };
    sql("UPDATE servers SET name = ?, icon_hash = ?, owner_id = ?, updated_at = ? WHERE server_id = ?")
        .bind(&guild.settings.name)
        .bind(icon)
        .bind(guild.owner)
        .bind(at)
        .bind(guild.id)
        .execute(connection)
        .await?;
    note_roles(connection, guild, at).await?;
    note_channels(connection, guild, at).await
}

/// What a role looked like.
#[derive(PartialEq)]
struct RoleLook {
    name: Option<String>,
    color: Option<String>,
    permissions: Option<Value>,
    position: Option<i64>,
}

/// What a channel looked like.
#[derive(PartialEq)]
struct ChannelLook {
    name: Option<String>,
    kind: Option<String>,
    category: Option<ChannelId>,
    permissions: Option<Value>,
}

/// Writes only what is news: most looks find everything as it was, and a statement for each object would hold up all who
/// wait for the guild.
async fn note_roles(connection: &mut Connection<'_>, guild: &Guild, at: DateTime<Utc>) -> Result<(), Error> {
    let noted = sql("SELECT role_id, name, color, permissions, position FROM roles WHERE server_id = ?");
    let mut known: BTreeMap<RoleId, RoleLook> = BTreeMap::new();
    for row in noted.bind(guild.id).fetch_all(connection).await? {
        let look = RoleLook {
            name: get(&row, "name")?,
            color: get(&row, "color")?,
            permissions: json_if(&row, "permissions")?,
            position: get(&row, "position")?,
        };
        known.insert(id(&row, "role_id")?, look);
    }
    for role in &guild.roles {
        let Role { id, position, managed: _, attributes } = role;
        let Some((id, known)) = id.id().and_then(|id| Some((id, known.get(&id)?))) else { continue };
        let look = RoleLook {
            name: Some(attributes.name.clone()),
            color: Some(format!("#{:06x}", attributes.colors.primary)),
            permissions: Some(json_value(&attributes.permissions)?),
            position: Some(*position),
        };
        if look != *known {
            note_role(connection, guild.id, id, &look, at).await?;
        }
    }
    Ok(())
}

async fn note_channels(connection: &mut Connection<'_>, guild: &Guild, at: DateTime<Utc>) -> Result<(), Error> {
    let noted = sql("SELECT channel_id, name, type, category_id, permissions FROM channels WHERE server_id = ?");
    let mut known: BTreeMap<ChannelId, ChannelLook> = BTreeMap::new();
    for row in noted.bind(guild.id).fetch_all(connection).await? {
        let look = ChannelLook {
            name: get(&row, "name")?,
            kind: get(&row, "type")?,
            category: id_if(&row, "category_id")?,
            permissions: json_if(&row, "permissions")?,
        };
        known.insert(id(&row, "channel_id")?, look);
    }
    for channel in &guild.channels {
        let Channel { id, position: _, attributes } = channel;
        let Some((id, known)) = id.id().and_then(|id| Some((id, known.get(&id)?))) else { continue };
        let look = ChannelLook {
            name: Some(attributes.name.clone()),
            kind: Some(attributes.kind.name().to_owned()),
            category: attributes.parent.as_ref().and_then(Ref::id),
            permissions: Some(json_value(&attributes.overwrites)?),
        };
        if look != *known {
            note_channel(connection, guild.id, id, &look, at).await?;
        }
    }
    Ok(())
}

async fn note_role(
    connection: &mut Connection<'_>,
    guild: GuildId,
    id: RoleId,
    look: &RoleLook,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let RoleLook { name, color, permissions, position } = look;
    sql("UPDATE roles SET name = ?, color = ?, permissions = ?, position = ?, updated_at = ?
         WHERE role_id = ? AND server_id = ?")
    .bind(name.as_deref())
    .bind(color.as_deref())
    .bind(json_text(permissions)?)
    .bind(*position)
    .bind(at)
    .bind(id)
    .bind(guild)
    .execute(connection)
    .await?;
    Ok(())
}

async fn note_channel(
    connection: &mut Connection<'_>,
    guild: GuildId,
    id: ChannelId,
    look: &ChannelLook,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let ChannelLook { name, kind, category, permissions } = look;
    sql("UPDATE channels SET name = ?, type = ?, category_id = ?, permissions = ?, updated_at = ?
         WHERE channel_id = ? AND server_id = ?")
    .bind(name.as_deref())
    .bind(kind.as_deref())
    .bind(*category)
    .bind(json_text(permissions)?)
    .bind(at)
    .bind(id)
    .bind(guild)
    .execute(connection)
    .await?;
    Ok(())
}

/// Keeps a guild together with what is bound in it now; the same state is kept once. Returns its digest.
pub(super) async fn keep_state(
    connection: &mut Connection<'_>,
    guild: &Guild,
    at: DateTime<Utc>,
) -> Result<String, Error> {
    let state = GuildState { guild: guild.clone(), bindings: bindings::read(connection, guild.id).await? };
    let text = json_text(&state)?;
    let digest = hex(&Sha256::digest(&text));
    let insert = sql("INSERT INTO guild_states (digest, server_id, state, recorded_at) VALUES (?, ?, ?, ?)");
    insert.bind(&digest).bind(guild.id).bind(text).bind(at).unless_there("digest").execute(connection).await?;
    Ok(digest)
}

pub(super) async fn state_before(connection: &mut Connection<'_>, run: RunId) -> Result<Option<GuildState>, Error> {
    let row = sql("SELECT s.state FROM reconciliations r JOIN guild_states s ON s.digest = r.state_before
         WHERE r.reconciliation_id = ?")
    .bind(run)
    .fetch_optional(connection)
    .await?;
    row.map(|row| json(&row, "state")).transpose()
}
