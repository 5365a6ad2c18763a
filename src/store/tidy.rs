//! Statements that remove what the controller needs no more. The audit trail is not among it.

use chrono::{DateTime, Utc};

use super::Error;
use super::sql::{Connection, sql};

/// How many rows were removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tidied {
    /// Plans that wait no more.
    pub held_plans: u64,
    /// Differences that are no more, or were answered and not seen since.
    pub drift_records: u64,
    /// Statuses of guilds nobody spoke of any more.
    pub statuses: u64,
    /// Schedules of guilds nobody looked at any more.
    pub schedules: u64,
    /// Suspensions that count no more.
    pub suspensions: u64,
}

pub(super) async fn tidy(connection: &mut Connection<'_>, before: DateTime<Utc>) -> Result<Tidied, Error> {
    // A difference that is ignored and still there would be reported anew if it were forgotten.
    let drift = sql("DELETE FROM drift_records WHERE resolved_at < ? AND last_seen_at < ?").bind(before);
    Ok(Tidied {
        held_plans: sql("DELETE FROM held_plans WHERE closed_at < ?").bind(before).execute(connection).await?,
        drift_records: drift.bind(before).execute(connection).await?,
        statuses: sql("DELETE FROM guild_statuses WHERE updated_at < ?").bind(before).execute(connection).await?,
        schedules: sql("DELETE FROM schedules WHERE next_sweep_at < ?").bind(before).execute(connection).await?,
        suspensions: sql("DELETE FROM suspensions WHERE suspended_until < ?").bind(before).execute(connection).await?,
    })
}
