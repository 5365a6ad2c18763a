//! The database server: MySQL 8 or MariaDB.
//!
//! Decides how a server is spoken to: what a session assumes, how long anything may take, and what is known when the
//! connection breaks. Writers lock first what they are about to change and read nothing older than that, which is what
//! READ COMMITTED gives with the fewest locks and deadlocks; readers see one moment (REPEATABLE READ).

use std::future::Future;
use std::time::Duration;

use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlPoolOptions};
use sqlx::{ConnectOptions, Connection as _, Executor as _, MySql, Row as _, Transaction};

use super::database::{Database, Opened, Pool};
use super::migration::{self, MigrationStatus, migrate, migrations};
use super::sign::Signs;
use super::sql::{Connection, Dialect};
use super::{Error, ServerUrl, error};

/// Connections of one process. Each run writes one transaction at a time; the rest are readers.
const CONNECTIONS: u32 = 10;

/// Longest wait for a connection.
const TO_CONNECT: Duration = Duration::from_secs(10);

/// Longest duration of a transaction, as seen from here: a network that swallows packets does not say so.
const TO_WORK: Duration = Duration::from_secs(30);

/// How long a statement waits for a row somebody else has locked, in seconds. Their transactions take milliseconds.
const TO_LOCK: u32 = 10;

/// How long the server works on a statement before it gives up, in seconds.
const TO_EXECUTE: u32 = 20;

/// How long a transaction may do nothing before the server takes it back, in seconds: that of a process that is frozen in the
/// middle would keep everybody else from the rows it has locked, and from taking over what it had.
const TO_GO_ON: u32 = 10;

/// Starts a transaction that sees the database as it is at its first statement.
pub(super) const BEGIN_READING: &str = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; START TRANSACTION READ ONLY";

/// What is too wrong to be worked with is an error, not a warning.
const SQL_MODE: &str =
    "STRICT_ALL_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION";

/// A pool of connections to the server, whose tables are up to date.
pub(super) async fn open(url: &ServerUrl) -> Result<Opened, Error> {
    let (mut connection, flavour) = connect(url).await?;
    let migrated = migrate(&mut Connection::MySql(&mut connection), migrations(Dialect::MySql)).await?;
    drop(connection.close().await);
    let pool = MySqlPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(TO_CONNECT)
        .idle_timeout(flavour.idle_time())
        .after_connect(move |connection, _| {
            Box::pin(async move {
                prepare(connection).await?;
                connection.execute(sqlx::AssertSqlSafe(flavour.time_limit())).await?;
                Ok(())
            })
        })
        .connect_lazy_with(options(url)?);
    Ok(Opened { database: Database { pool: Pool::MySql(pool), signs: Signs::Nowhere }, migrated })
}

/// How the tables stand. Nothing is changed.
pub(super) async fn status(url: &ServerUrl) -> Result<Vec<MigrationStatus>, Error> {
    let (mut connection, _) = connect(url).await?;
    let status = migration::status(&mut Connection::MySql(&mut connection), migrations(Dialect::MySql)).await;
    drop(connection.close().await);
    status
}

fn options(url: &ServerUrl) -> Result<MySqlConnectOptions, Error> {
    Ok(url.options()?.pipes_as_concat(false).no_engine_substitution(false).charset("utf8mb4"))
}

/// One connection, on which statements may take as long as they need. A pool would keep trying, and say no more than that
/// it took too long.
async fn connect(url: &ServerUrl) -> Result<(MySqlConnection, Flavour), Error> {
    let options = options(url)?;
    let first_look = tokio::time::timeout(TO_CONNECT, async {
        let mut connection = options.connect().await?;
        let version: String = sqlx::query("SELECT VERSION()").fetch_one(&mut connection).await?.try_get(0)?;
        let flavour = Flavour::of(&version).ok_or(Error::OldServer { version })?;
        prepare(&mut connection).await?;
        Ok::<_, Error>((connection, flavour))
    });
    let no_answer = |_| Error::Unreachable { server: url.to_string(), source: "it does not answer".into() };
    first_look.await.map_err(no_answer)?.map_err(|error| error.at_server(url))
}

/// Makes a session what everything here assumes. The time zone is UTC and the character set utf8mb4 by then.
async fn prepare(connection: &mut MySqlConnection) -> Result<(), sqlx::Error> {
    connection.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED").await?;
    let settings = format!("SET SESSION sql_mode = '{SQL_MODE}', innodb_lock_wait_timeout = {TO_LOCK}");
    connection.execute(sqlx::AssertSqlSafe(settings)).await?;
    Ok(())
}

/// The two servers that speak the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flavour {
    MySql,
    MariaDb,
}

impl Flavour {
    /// The server that calls itself this, unless it is too old: MySQL checks CHECK constraints since 8.0.16, and MariaDB
    /// before 10.11 is not supported by its makers.
    fn of(version: &str) -> Option<Self> {
        let is_mariadb = version.to_ascii_lowercase().contains("mariadb");
        // MariaDB once called itself "5.5.5-10.11.2-MariaDB", for the sake of old clients.
        let version = version.strip_prefix("5.5.5-").filter(|_| is_mariadb).unwrap_or(version);
        let mut numbers = version.split(|c: char| !c.is_ascii_digit()).map(|number| number.parse().unwrap_or(0));
        let mut next = || numbers.next().unwrap_or(0_u32);
        let version = (next(), next(), next());
        match is_mariadb {
            true => (version >= (10, 11, 0)).then_some(Self::MariaDb),
            false => (version >= (8, 0, 16)).then_some(Self::MySql),
        }
    }

    /// Ends statements and pauses that take too long.
    fn time_limit(self) -> String {
        match self {
            Self::MariaDb => {
                format!("SET SESSION max_statement_time = {TO_EXECUTE}, idle_transaction_timeout = {TO_GO_ON}")
            }
            // In milliseconds, and only for queries. Pauses outside of a transaction count, too.
            Self::MySql => {
                format!("SET SESSION max_execution_time = {}, wait_timeout = {TO_GO_ON}", 1000 * TO_EXECUTE)
            }
        }
    }

    /// How long a connection is kept that nobody uses: less than the server allows.
    fn idle_time(self) -> Duration {
        match self {
            Self::MariaDb => Duration::from_mins(10),
            Self::MySql => Duration::from_secs(u64::from(TO_GO_ON / 2)),
        }
    }
}

/// Work that may not take for ever. Nothing of it is committed.
pub(super) async fn in_time<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let too_late = |_| Error::ConnectionLost { source: sqlx::Error::PoolTimedOut };
    tokio::time::timeout(TO_WORK, work).await.map_err(too_late)?
}

/// Commits. When the connection breaks meanwhile, nobody knows whether the server still did.
pub(super) async fn commit(transaction: Transaction<'_, MySql>) -> Result<(), Error> {
    match tokio::time::timeout(TO_WORK, transaction.commit()).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(source)) if error::is_connection_lost(&source) => Err(Error::Unsure { source }),
        Ok(Err(source)) => Err(source.into()),
        Err(_) => Err(Error::Unsure { source: sqlx::Error::PoolTimedOut }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_told_apart_and_old_ones_refused() {
        let cases = [
            ("10.11.19-MariaDB-0+deb12u1", Some(Flavour::MariaDb)),
            ("5.5.5-10.11.2-MariaDB", Some(Flavour::MariaDb)),
            ("11.4.2-MariaDB-log", Some(Flavour::MariaDb)),
            ("10.6.18-MariaDB", None),
            ("8.0.16", Some(Flavour::MySql)),
            ("8.4.3-commercial", Some(Flavour::MySql)),
            ("8.0.15", None),
            ("5.7.44-log", None),
            ("something else", None),
        ];
        for (version, expected) in cases {
            assert_eq!(Flavour::of(version), expected, "{version}");
        }
    }
}
