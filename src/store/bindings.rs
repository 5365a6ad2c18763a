//! Statements about bindings. They live in the rows of their objects: a channel or role is managed while it has a key.

use chrono::{DateTime, Utc};

use super::column::{Connection, Row, get, id, moment, parsed, stored, word, word_of};
use super::{Created, Error, Fact};
use crate::model::{Binding, Bindings, ChannelId, GuildId, Key, NameEcho, ObjectKind, Provenance, RoleId};
use crate::plan::BindingChange;

/// Everything that is bound in a guild.
pub(super) async fn read(connection: &mut Connection, guild: GuildId) -> Result<Bindings, Error> {
    let mut bindings = Bindings::default();
    let roles = sqlx::query(
        "SELECT role_id, manifest_key, provenance, binding_state, is_protected, name_asked, name_got
         FROM roles WHERE server_id = ? AND manifest_key IS NOT NULL",
    );
    for row in roles.bind(stored(guild)).fetch_all(&mut *connection).await? {
        bindings.roles.insert(parsed(&row, "manifest_key")?, binding(&row, id(&row, "role_id")?)?);
    }
    let channels = sqlx::query(
        "SELECT channel_id, key_kind, manifest_key, provenance, binding_state, is_protected, name_asked, name_got
         FROM channels WHERE server_id = ? AND manifest_key IS NOT NULL",
    );
    for row in channels.bind(stored(guild)).fetch_all(&mut *connection).await? {
        let of_kind = match get(&row, "key_kind")? {
            "category" => &mut bindings.categories,
            _ => &mut bindings.channels,
        };
        of_kind.insert(parsed(&row, "manifest_key")?, binding(&row, id(&row, "channel_id")?)?);
    }
    let images = sqlx::query("SELECT sha256, hash FROM image_hashes WHERE server_id = ?");
    for row in images.bind(stored(guild)).fetch_all(connection).await? {
        bindings.images.insert(get(&row, "sha256")?, get(&row, "hash")?);
    }
    Ok(bindings)
}

fn binding<I>(row: &Row, id: I) -> Result<Binding<I>, Error> {
    let echo = get::<Option<String>>(row, "name_asked")?.zip(get::<Option<String>>(row, "name_got")?);
    Ok(Binding {
        id,
        provenance: word(row, "provenance")?,
        state: word(row, "binding_state")?,
        protected: get(row, "is_protected")?,
        name_echo: echo.map(|(asked, got)| NameEcho { asked, got }),
    })
}

/// The statements of one of the two tables bindings live in. Where a key is looked for, the kind is the last parameter
/// of those about channels, which share their table with categories.
struct Table {
    owner: &'static str,
    insert: &'static str,
    bind: &'static str,
    archive: &'static str,
    release: &'static str,
    name: &'static str,
}

const ROLES: Table = Table {
    owner: "SELECT server_id FROM roles WHERE role_id = ?",
    insert: "INSERT INTO roles
             (role_id, server_id, is_managed, provenance, binding_state, is_protected, created_at, updated_at)
             VALUES (?, ?, FALSE, 'adopted', 'active', FALSE, ?, ?)",
    bind: "UPDATE roles SET is_managed = TRUE, manifest_key = ?, provenance = ?, binding_state = 'active',
           is_protected = ?, updated_at = ? WHERE role_id = ?",
    archive: "UPDATE roles SET binding_state = 'archived', updated_at = ? WHERE server_id = ? AND manifest_key = ?",
    release: "UPDATE roles SET is_managed = FALSE, manifest_key = NULL, updated_at = ?
              WHERE server_id = ? AND manifest_key = ?",
    name: "UPDATE roles SET name_asked = ?, name_got = ? WHERE server_id = ? AND manifest_key = ?",
};

const CHANNELS: Table = Table {
    owner: "SELECT server_id FROM channels WHERE channel_id = ?",
    insert: "INSERT INTO channels
             (channel_id, server_id, is_managed, provenance, binding_state, is_protected, created_at, updated_at,
              key_kind)
             VALUES (?, ?, FALSE, 'adopted', 'active', FALSE, ?, ?, ?)",
    bind: "UPDATE channels SET is_managed = TRUE, manifest_key = ?, provenance = ?, binding_state = 'active',
           is_protected = ?, updated_at = ? WHERE channel_id = ?",
    archive: "UPDATE channels SET binding_state = 'archived', updated_at = ?
              WHERE server_id = ? AND manifest_key = ? AND key_kind = ?",
    release: "UPDATE channels SET is_managed = FALSE, manifest_key = NULL, updated_at = ?
              WHERE server_id = ? AND manifest_key = ? AND key_kind = ?",
    name: "UPDATE channels SET name_asked = ?, name_got = ? WHERE server_id = ? AND manifest_key = ? AND key_kind = ?",
};

type Query = sqlx::query::Query<'static, sqlx::Sqlite, sqlx::sqlite::SqliteArguments>;

/// Gives a statement its last parameter, if it is one about channels.
fn of_kind(query: Query, kind: ObjectKind) -> Result<Query, Error> {
    Ok(match kind {
        ObjectKind::Role => query,
        ObjectKind::Category | ObjectKind::Channel => query.bind(word_of(&kind)?),
    })
}

/// Where and when bindings change, and what the step created that causes it.
#[derive(Clone, Copy)]
pub(super) struct Scene {
    pub(super) guild: GuildId,
    pub(super) at: DateTime<Utc>,
    pub(super) created: Option<Created>,
}

impl Scene {
    /// The snowflake of what was created, when it is of this kind.
    fn created(&self, kind: ObjectKind) -> Option<u64> {
        match (kind, self.created?) {
            (ObjectKind::Role, Created::Role(id)) => Some(id.get()),
            (ObjectKind::Category | ObjectKind::Channel, Created::Channel(id)) => Some(id.get()),
            _ => None,
        }
    }

    /// Makes one change. Archiving or releasing a key that is not bound changes nothing.
    pub(super) async fn change(&self, connection: &mut Connection, change: &BindingChange) -> Result<(), Error> {
        match change {
            BindingChange::Bind { kind, key, id, provenance, protected } => {
                let snowflake = id.parse().ok().filter(|id| *id != 0);
                let id = snowflake.ok_or_else(|| Error::NotASnowflake { key: key.clone(), id: id.clone() })?;
                self.bind(connection, *kind, key, id, (*provenance, *protected)).await
            }
            BindingChange::BindCreated { kind, key, protected } => {
                let id = self.created(*kind).ok_or_else(|| Error::NothingCreated { key: key.clone() })?;
                self.bind(connection, *kind, key, id, (Provenance::Created, *protected)).await
            }
            BindingChange::Archive { kind, key } => self.touch(connection, table(*kind).archive, *kind, key).await,
            BindingChange::Release { kind, key } => self.touch(connection, table(*kind).release, *kind, key).await,
        }
    }

    async fn bind(
        &self,
        connection: &mut Connection,
        kind: ObjectKind,
        key: &Key,
        object: u64,
        (provenance, protected): (Provenance, bool),
    ) -> Result<(), Error> {
        let table = table(kind);
        let owner = sqlx::query(table.owner).bind(object.cast_signed()).fetch_optional(&mut *connection).await?;
        match owner.map(|row| id(&row, "server_id")).transpose()? {
            Some(guild) if guild != self.guild => {
                return Err(Error::OtherGuild { key: key.clone(), id: object, guild });
            }
            Some(_) => {}
            None => {
                let insert = sqlx::query(table.insert).bind(object.cast_signed()).bind(stored(self.guild));
                let insert = insert.bind(moment(self.at)).bind(moment(self.at));
                of_kind(insert, kind)?.execute(&mut *connection).await?;
            }
        }
        self.touch(connection, table.release, kind, key).await?;
        sqlx::query(table.bind)
            .bind(key.as_str().to_owned())
            .bind(word_of(&provenance)?)
            .bind(protected)
            .bind(moment(self.at))
            .bind(object.cast_signed())
            .execute(connection)
            .await?;
        Ok(())
    }

    async fn touch(
        &self,
        connection: &mut Connection,
        statement: &'static str,
        kind: ObjectKind,
        key: &Key,
    ) -> Result<(), Error> {
        let query = sqlx::query(statement).bind(moment(self.at)).bind(stored(self.guild)).bind(key.to_string());
        of_kind(query, kind)?.execute(connection).await?;
        Ok(())
    }

    /// Remembers something Discord's answer told.
    pub(super) async fn remember(&self, connection: &mut Connection, fact: &Fact) -> Result<(), Error> {
        match fact {
            Fact::Name { kind, key, echo } => {
                let query = sqlx::query(table(*kind).name).bind(echo.asked.clone()).bind(echo.got.clone());
                let query = query.bind(stored(self.guild)).bind(key.to_string());
                of_kind(query, *kind)?.execute(connection).await?;
            }
            Fact::Image { sha256, hash } => {
                sqlx::query("DELETE FROM image_hashes WHERE server_id = ? AND sha256 = ?")
                    .bind(stored(self.guild))
                    .bind(sha256)
                    .execute(&mut *connection)
                    .await?;
                sqlx::query("INSERT INTO image_hashes (server_id, sha256, hash) VALUES (?, ?, ?)")
                    .bind(stored(self.guild))
                    .bind(sha256)
                    .bind(hash)
                    .execute(connection)
                    .await?;
            }
        }
        Ok(())
    }
}

fn table(kind: ObjectKind) -> &'static Table {
    match kind {
        ObjectKind::Role => &ROLES,
        ObjectKind::Category | ObjectKind::Channel => &CHANNELS,
    }
}

/// Drops the row of a role that no longer exists.
pub(super) async fn forget_role(connection: &mut Connection, role: RoleId) -> Result<(), Error> {
    sqlx::query("DELETE FROM roles WHERE role_id = ?").bind(stored(role)).execute(connection).await?;
    Ok(())
}

/// Drops the row of a channel that no longer exists.
pub(super) async fn forget_channel(connection: &mut Connection, channel: ChannelId) -> Result<(), Error> {
    sqlx::query("DELETE FROM channels WHERE channel_id = ?").bind(stored(channel)).execute(connection).await?;
    Ok(())
}
