//! Statements about guilds: which there are, what was last seen of what is bound in them, and states to return to.

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::column::{json, json_text};
use super::migration::hex;
use super::sql::{Connection, Row, sql};
use super::{Error, GuildState, RunId, bindings};
use crate::model::{Channel, Guild, GuildId, Image, Ref, Role, UserId};

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
    for role in &guild.roles {
        note_role(connection, guild.id, role, at).await?;
    }
    for channel in &guild.channels {
        note_channel(connection, guild.id, channel, at).await?;
    }
    Ok(())
}

async fn note_role(
    connection: &mut Connection<'_>,
    guild: GuildId,
    role: &Role,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let Ref::Live(id) = role.id else { return Ok(()) };
    sql("UPDATE roles SET name = ?, color = ?, permissions = ?, position = ?, updated_at = ?
         WHERE role_id = ? AND server_id = ?")
    .bind(&role.attributes.name)
    .bind(format!("#{:06x}", role.attributes.colors.primary))
    .bind(json_text(&role.attributes.permissions)?)
    .bind(role.position)
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
    channel: &Channel,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let Ref::Live(id) = channel.id else { return Ok(()) };
    let category = channel.attributes.parent.as_ref().and_then(Ref::id);
    sql("UPDATE channels SET name = ?, type = ?, category_id = ?, permissions = ?, updated_at = ?
         WHERE channel_id = ? AND server_id = ?")
    .bind(&channel.attributes.name)
    .bind(channel.attributes.kind.name())
    .bind(category)
    .bind(json_text(&channel.attributes.overwrites)?)
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
    state(row.as_ref())
}

pub(super) async fn state_after(connection: &mut Connection<'_>, run: RunId) -> Result<Option<GuildState>, Error> {
    let row = sql("SELECT s.state FROM reconciliations r JOIN guild_states s ON s.digest = r.state_after
         WHERE r.reconciliation_id = ?")
    .bind(run)
    .fetch_optional(connection)
    .await?;
    state(row.as_ref())
}

fn state(row: Option<&Row>) -> Result<Option<GuildState>, Error> {
    row.map(|row| json(row, "state")).transpose()
}
