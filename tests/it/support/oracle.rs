//! What the simulator's request log proves about the engine.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use setai::discord::AuditReason;
use setai::model::GuildId;
use setai::simulator::Record;
use setai::store::{AuditFilter, Phase, Store};

/// Requests that were sent although an answer of 429 had asked for quiet, as sentences.
///
/// A 429 of the whole bot forbids everything, another one the same call on the same resource. When it is about one
/// field of a channel (name or topic), calls that do not touch the field are free.
pub(crate) fn impatient(records: &[Record]) -> Vec<String> {
    let mut found = Vec::new();
    for (index, refused) in records.iter().enumerate().filter(|(_, r)| r.status == 429) {
        let Some(body) = refused.answer() else { continue };
        let Some(seconds) = body["retry_after"].as_f64() else { continue };
        let until = refused.time + TimeDelta::milliseconds((seconds * 1000.0) as i64);
        let everything = body["global"] == true;
        // What came in before, or in the same moment, was under way already.
        let after = records[index + 1..].iter().filter(|later| later.arrived > refused.time && later.arrived < until);
        for later in after {
            let same = later.method == refused.method && route(later) == route(refused);
            let frees = seconds > 60.0 && fields(later).iter().all(|field| !fields(refused).contains(field));
            if everything || same && !frees {
                found.push(format!(
                    "{} {} at {} within the {seconds} s that {} {} was told at {}",
                    later.method, later.path, later.arrived, refused.method, refused.path, refused.time
                ));
            }
        }
    }
    found
}

/// The fields with a limit of their own that a call edits.
fn fields(record: &Record) -> Vec<&'static str> {
    let body = record.body.as_ref();
    ["name", "topic"].into_iter().filter(|field| body.is_some_and(|b| b.get(field).is_some())).collect()
}

/// Method-less route with the resource the limit is counted for.
fn route(record: &Record) -> String {
    let segments: Vec<&str> = record.route().trim_matches('/').split('/').collect();
    let is_id = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    let named =
        |(at, segment): (usize, &&str)| if at > 1 && is_id(segment) { ":id".to_owned() } else { (*segment).to_owned() };
    segments.iter().enumerate().map(named).collect::<Vec<_>>().join("/")
}

/// Most requests in any second.
pub(crate) fn busiest_second(records: &[Record]) -> usize {
    let times: Vec<DateTime<Utc>> = records.iter().map(|r| r.time).collect();
    let in_second = |(at, time): (usize, &DateTime<Utc>)| {
        times[at..].iter().take_while(|t| **t - *time < TimeDelta::seconds(1)).count()
    };
    times.iter().enumerate().map(in_second).max().unwrap_or(0)
}

/// Share of requests that were answered with 429, as how many of how many.
pub(crate) fn throttled(records: &[Record]) -> (usize, usize) {
    (records.iter().filter(|r| r.status == 429).count(), records.len())
}

/// Compares what Discord carried out for us with what the audit trail says of it, and gives the number of operations.
///
/// Every operation that Discord carried out has exactly one outcome, and it is "done"; every operation that is said to
/// be done was carried out, or left nothing to be carried out.
pub(crate) async fn audited(records: &[Record], store: &dyn Store) -> usize {
    audited_in(records, store, None).await
}

/// The same where other guilds have their records in the same store.
pub(crate) async fn audited_in(records: &[Record], store: &dyn Store, guild: Option<GuildId>) -> usize {
    let mut carried_out: BTreeMap<String, usize> = BTreeMap::new();
    for record in records.iter().filter(|r| r.done && r.is_write()) {
        // Moves take no reason and leave no trace in Discord's log.
        if let Some(reason) = record.reason.as_deref().and_then(|text| text.parse::<AuditReason>().ok()) {
            *carried_out.entry(reason.operation).or_default() += 1;
        }
    }
    let rows =
        store.audit(&AuditFilter { guild, limit: 1_000_000, ..AuditFilter::default() }).await.expect("the trail");
    for (operation, times) in &carried_out {
        let of_it: Vec<_> =
            rows.iter().filter(|row| row.operation_id.is_some_and(|o| o.to_string() == *operation)).collect();
        let count = |phase| of_it.iter().filter(|row| row.phase == phase).count();
        assert_eq!(count(Phase::Intended), 1, "one intent for {operation}, carried out {times} times: {of_it:#?}");
        assert_eq!(of_it.len(), 2, "one outcome for {operation}: {of_it:#?}");
        assert_eq!(count(Phase::Done), 1, "Discord did {operation}: {of_it:#?}");
    }
    carried_out.len()
}
