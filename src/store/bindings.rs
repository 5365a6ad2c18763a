//! Statements about bindings. They live in the rows of their objects: a channel or role is managed while it has a key.

use chrono::{DateTime, Utc};

use super::column::{get, id, parsed, word, word_of};
use super::sql::{Connection, Row, Statement, Value, sql};
use super::{Created, Error, Fact};
use crate::model::{Binding, Bindings, ChannelId, GuildId, Key, NameEcho, ObjectKind, Provenance, RoleId};
use crate::plan::BindingChange;

/// Everything that is bound in a guild, in one statement: it is asked for more often than anything else, and one statement
/// sees one moment without a transaction around it.
const ALL: &str = "SELECT 'role' AS kind, manifest_key, role_id AS id, provenance, binding_state, is_protected,
            name_asked, name_got
     FROM roles WHERE server_id = ? AND manifest_key IS NOT NULL
     UNION ALL
     SELECT key_kind, manifest_key, channel_id, provenance, binding_state, is_protected, name_asked, name_got
     FROM channels WHERE server_id = ? AND manifest_key IS NOT NULL
     UNION ALL
     SELECT 'image', sha256, server_id, NULL, NULL, NULL, NULL, hash FROM image_hashes WHERE server_id = ?";

/// Everything that is bound in a guild.
pub(super) async fn read(connection: &mut Connection<'_>, guild: GuildId) -> Result<Bindings, Error> {
    let mut bindings = Bindings::default();
    for row in sql(ALL).bind(guild).bind(guild).bind(guild).fetch_all(connection).await? {
        match get(&row, "kind")? {
            "role" => _ = bindings.roles.insert(parsed(&row, "manifest_key")?, binding(&row, id(&row, "id")?)?),
            "category" => {
                _ = bindings.categories.insert(parsed(&row, "manifest_key")?, binding(&row, id(&row, "id")?)?);
            }
            "image" => _ = bindings.images.insert(get(&row, "manifest_key")?, get(&row, "name_got")?),
            _ => _ = bindings.channels.insert(parsed(&row, "manifest_key")?, binding(&row, id(&row, "id")?)?),
        }
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

/// Gives a statement its last parameter, if it is one about channels.
fn of_kind(statement: Statement, kind: ObjectKind) -> Result<Statement, Error> {
    Ok(match kind {
        ObjectKind::Role => statement,
        ObjectKind::Category | ObjectKind::Channel => statement.bind(word_of(&kind)?),
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
    pub(super) async fn change(&self, connection: &mut Connection<'_>, change: &BindingChange) -> Result<(), Error> {
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
        connection: &mut Connection<'_>,
        kind: ObjectKind,
        key: &Key,
        object: u64,
        (provenance, protected): (Provenance, bool),
    ) -> Result<(), Error> {
        let table = table(kind);
        let owner = sql(table.owner).bind(Value::Snowflake(object)).fetch_optional(connection).await?;
        match owner.map(|row| id(&row, "server_id")).transpose()? {
            Some(guild) if guild != self.guild => {
                return Err(Error::OtherGuild { key: key.clone(), id: object, guild });
            }
            Some(_) => {}
            None => {
                let insert = sql(table.insert).bind(Value::Snowflake(object)).bind(self.guild);
                let insert = insert.bind(self.at).bind(self.at);
                of_kind(insert, kind)?.execute(connection).await?;
            }
        }
        self.touch(connection, table.release, kind, key).await?;
        sql(table.bind)
            .bind(key)
            .bind(word_of(&provenance)?)
            .bind(protected)
            .bind(self.at)
            .bind(Value::Snowflake(object))
            .execute(connection)
            .await?;
        Ok(())
    }

    async fn touch(
        &self,
        connection: &mut Connection<'_>,
        statement: &'static str,
        kind: ObjectKind,
        key: &Key,
    ) -> Result<(), Error> {
        let query = sql(statement).bind(self.at).bind(self.guild).bind(key);
        of_kind(query, kind)?.execute(connection).await?;
        Ok(())
    }

    /// Remembers something Discord's answer told.
    pub(super) async fn remember(&self, connection: &mut Connection<'_>, fact: &Fact) -> Result<(), Error> {
        match fact {
            Fact::Name { kind, key, echo } => {
                let query = sql(table(*kind).name).bind(&echo.asked).bind(&echo.got);
                let query = query.bind(self.guild).bind(key);
                of_kind(query, *kind)?.execute(connection).await?;
            }
            Fact::Image { sha256, hash } => {
                sql("DELETE FROM image_hashes WHERE server_id = ? AND sha256 = ?")
                    .bind(self.guild)
                    .bind(sha256)
                    .execute(connection)
                    .await?;
                sql("INSERT INTO image_hashes (server_id, sha256, hash) VALUES (?, ?, ?)")
                    .bind(self.guild)
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
pub(super) async fn forget_role(connection: &mut Connection<'_>, role: RoleId) -> Result<(), Error> {
    sql("DELETE FROM roles WHERE role_id = ?").bind(role).execute(connection).await?;
    Ok(())
}

/// Drops the row of a channel that no longer exists.
pub(super) async fn forget_channel(connection: &mut Connection<'_>, channel: ChannelId) -> Result<(), Error> {
    sql("DELETE FROM channels WHERE channel_id = ?").bind(channel).execute(connection).await?;
    Ok(())
}
