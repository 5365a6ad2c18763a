//! Statements that remove the oldest part of a trail, and record that they did.
//!
//! Only whole runs go, none of which is still open, and only from the beginning. The chain goes on to prove what is left, and
//! that what was removed ended in the hash that is recorded: in the head, and in a row of the chain itself. Taking a run back
//! needs its reconciliation and its operations, which stay; nothing reads audit rows but people.

use chrono::{DateTime, Utc};

use super::audit::Pruning;
use super::column::{get, json_value, number, parsed};
use super::sql::{Connection, sql};
use super::trail::{self, End, Entry, Occasion};
use super::{ActionDetails, ActionType, Author, Error, Phase, RunId};
use crate::model::GuildId;

/// Rows that are removed in one transaction, if they can be told from the rest there.
const BATCH: i64 = 10_000;

/// An order to remove rows of a trail.
#[derive(Clone, Debug)]
pub struct Expiry {
    /// Whose trail.
    pub guild: GuildId,
    /// Rows from before this.
    pub older_than: DateTime<Utc>,
    /// On whose word.
    pub author: Author,
    /// When.
    pub at: DateTime<Utc>,
}

/// The oldest part of a trail, which may be removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prunable {
    /// How many rows; 0 when there is nothing to remove.
    pub rows: u64,
    /// The number of the last of them.
    pub through: u64,
    /// An unfinished run that keeps more from being removed.
    pub kept_for: Option<RunId>,
}

/// Where a cut would be, and the run that keeps it from being further on.
#[derive(Clone, Copy)]
struct Cut {
    through: i64,
    kept_for: Option<RunId>,
}

/// What may be removed.
pub(super) async fn prunable(
    connection: &mut Connection<'_>,
    guild: GuildId,
    older_than: DateTime<Utc>,
) -> Result<Prunable, Error> {
    let Some(head) = trail::head(connection, guild).await? else {
        return Ok(Prunable { rows: 0, through: 0, kept_for: None });
    };
    let begin = i64::try_from(head.pruned_through).unwrap_or(i64::MAX);
    let expired = expired(connection, guild, older_than).await?;
    let cut = whole_runs(connection, guild, expired).await?;
    Ok(prunable_between(begin, cut))
}

fn prunable_between(begin: i64, Cut { through, kept_for }: Cut) -> Prunable {
    let rows = u64::try_from(through - begin).unwrap_or(0);
    Prunable { rows, through: u64::try_from(through.max(begin)).unwrap_or(0), kept_for }
}

/// Removes a batch of what may be removed, and says what it was.
pub(super) async fn prune(connection: &mut Connection<'_>, expiry: &Expiry) -> Result<Prunable, Error> {
    let Expiry { guild, older_than, author, at } = expiry;
    if let Some(user) = author.user() {
        super::guilds::ensure_user(connection, user, *at).await?;
    }
    // Nobody writes to the chain from here on.
    End::of(connection, *guild).await?;
    let head = sql("SELECT pruned_through FROM audit_chains WHERE server_id = ?").bind(*guild);
    let begin: i64 = get(&head.fetch_one(connection).await?, "pruned_through")?;
    let expired = expired(connection, *guild, *older_than).await?;
    let mut cut = whole_runs(connection, *guild, expired.min(begin + BATCH)).await?;
    if cut.through <= begin && expired > begin + BATCH {
        cut = whole_runs(connection, *guild, expired).await?;
    }
    let prunable = prunable_between(begin, cut);
    if prunable.rows == 0 {
        return Ok(prunable);
    }
    let last = sql("SELECT hash FROM audit_logs WHERE server_id = ? AND number = ?").bind(*guild).bind(cut.through);
    let hash: String = get(&last.fetch_one(connection).await?, "hash")?;
    let pruning = Pruning::new(prunable.through, hash.clone(), prunable.rows, *older_than);
    let entry = Entry {
        action: ActionType::ConfigurationChanged,
        phase: Phase::Done,
        operation: None,
        details: ActionDetails::of_pruning(json_value(&pruning)?),
        before: None,
        after: None,
        reason: None,
    };
    let occasion = Occasion::alone(*guild, author, *at);
    trail::add(connection, &occasion, vec![entry]).await?;
    sql(
        "UPDATE audit_chains SET pruned_through = ?, pruned_hash = ?, pruned_at = ?, pruned_by = ? WHERE server_id = ?",
    )
    .bind(cut.through)
    .bind(hash)
    .bind(*at)
    .bind(author)
    .bind(*guild)
    .execute(connection)
    .await?;
    let delete = sql("DELETE FROM audit_logs WHERE server_id = ? AND number <= ?");
    delete.bind(*guild).bind(cut.through).execute(connection).await?;
    Ok(prunable)
}

/// The last row of those at the beginning that are all old enough.
async fn expired(connection: &mut Connection<'_>, guild: GuildId, older_than: DateTime<Utc>) -> Result<i64, Error> {
    let kept = sql("SELECT number FROM audit_logs WHERE server_id = ? AND logged_at >= ? ORDER BY number LIMIT 1");
    if let Some(row) = kept.bind(guild).bind(older_than).fetch_optional(connection).await? {
        return Ok(number::<i64>(&row, "number")? - 1);
    }
    let end = sql("SELECT COALESCE(MAX(length), 0) AS length FROM audit_chains WHERE server_id = ?");
    get(&end.bind(guild).fetch_one(connection).await?, "length")
}

/// The last place not after this one at which no run is cut in two and none before it is open.
async fn whole_runs(connection: &mut Connection<'_>, guild: GuildId, through: i64) -> Result<Cut, Error> {
    let mut cut = Cut { through, kept_for: None };
    let open = sql("SELECT a.number, a.correlation_id FROM audit_logs a
         JOIN reconciliations r ON r.reconciliation_id = a.correlation_id
         WHERE a.server_id = ? AND a.number <= ? AND (r.finished_at IS NULL OR EXISTS (
             SELECT 1 FROM operations o WHERE o.reconciliation_id = r.reconciliation_id AND o.phase = 'intended'))
         ORDER BY a.number LIMIT 1");
    if let Some(row) = open.bind(guild).bind(through).fetch_optional(connection).await? {
        cut = Cut { through: number::<i64>(&row, "number")? - 1, kept_for: Some(parsed(&row, "correlation_id")?) };
    }
    loop {
        let halved = sql("SELECT a.number FROM audit_logs a WHERE a.server_id = ? AND a.number <= ? AND EXISTS (
                 SELECT 1 FROM audit_logs b WHERE b.correlation_id = a.correlation_id AND b.number > ?)
             ORDER BY a.number LIMIT 1");
        let halved = halved.bind(guild).bind(cut.through).bind(cut.through).fetch_optional(connection).await?;
        let Some(row) = halved else { return Ok(cut) };
        cut.through = number::<i64>(&row, "number")? - 1;
    }
}
