//! Copies audit rows from before there were chains into the chain of their guild.
//!
//! A step of a migration that SQL alone cannot take. On a server it goes a page at a time and can be interrupted: what was
//! copied stays, and whoever comes next goes on behind it. What such rows prove begins with the day they are copied.

use sqlx::Connection as _;

use super::Error;
use super::chain::Kind;
use super::column::get;
use super::sql::{Connection, Row, Value, sql};
use super::trail::End;

/// Rows that are copied in one transaction.
const PAGE: u32 = 500;

pub(super) async fn seal(connection: &mut Connection<'_>) -> Result<(), Error> {
    let first = sql("SELECT COALESCE(MIN(u.sequence), 0) AS sequence FROM unsealed_audit_logs u
         WHERE NOT EXISTS (SELECT 1 FROM audit_logs a WHERE a.log_id = u.log_id)");
    let first: i64 = get(&first.fetch_one(connection).await?, "sequence")?;
    if first == 0 {
        return Ok(());
    }
    let mut next = Some(first);
    while let Some(from) = next {
        next = match connection {
            // All of a migration is one transaction there.
            Connection::Sqlite(_) => page(connection, from).await?,
            Connection::MySql(server) => {
                let mut transaction = server.begin().await?;
                let next = page(&mut Connection::MySql(&mut transaction), from).await?;
                transaction.commit().await?;
                next
            }
        };
    }
    Ok(())
}

/// Copies rows from this place on, and gives the place of the next one.
async fn page(connection: &mut Connection<'_>, from: i64) -> Result<Option<i64>, Error> {
    let rows = sql("SELECT log_id, execution_id, server_id, user_id, action_type, action_details, before_state, after_state,
                ip_address, user_agent, logged_at, sequence, correlation_id, operation_id, phase, target_id, actor, reason
         FROM unsealed_audit_logs WHERE sequence >= ? ORDER BY sequence LIMIT ?");
    let rows = rows.bind(from).bind(PAGE).fetch_all(connection).await?;
    for row in &rows {
        let guild = super::column::id(row, "server_id")?;
        let mut end = End::of(connection, guild).await?;
        end.add(connection, |column, kind| old_value(row, column, kind)).await?;
        end.keep(connection).await?;
    }
    let last = rows.last().filter(|_| rows.len() == PAGE as usize);
    last.map(|last| Ok(get::<i64>(last, "sequence")? + 1)).transpose()
}

fn old_value(row: &Row, column: &'static str, kind: Kind) -> Result<Value, Error> {
    Ok(match (column, kind) {
        // Nobody wrote them down.
        ("metadata" | "source_revision", _) => Value::Nothing,
        (_, Kind::Text) => get::<Option<String>>(row, column)?.into(),
        (_, Kind::Number) => get::<Option<i64>>(row, column)?.into(),
        (_, Kind::Snowflake) => super::column::snowflake_if(row, column)?.map_or(Value::Nothing, Value::Snowflake),
        (_, Kind::Time) => get::<Option<chrono::DateTime<chrono::Utc>>>(row, column)?.into(),
    })
}
