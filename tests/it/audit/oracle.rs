//! The trail against the simulated Discord's request log.

use std::collections::BTreeSet;
use std::sync::Arc;

use setai::store::{ActionType, AuditFilter, Phase, open};

use super::ground::{Place, two_runs};
use crate::support::oracle::audited;

/// Every mutation has one intent and one outcome, and no row is about anything else.
async fn one_pair_of_rows_for_each_mutation_and_none_without(place: Place) {
    let store = open(&place.url()).await.expect("open");
    let stage = two_runs(Arc::clone(&store)).await;
    let log = stage.discord.simulator.requests();
    let writes = log.iter().filter(|record| record.is_write() && record.done).count();
    let rows = store.audit(&AuditFilter { limit: u32::MAX, ..AuditFilter::default() }).await.expect("rows");
    let of = |phase| rows.iter().filter(|row| row.phase == phase && row.operation_id.is_some()).count();
    let operations: BTreeSet<_> = rows.iter().filter_map(|row| row.operation_id).map(|id| id.0).collect();
    assert_eq!((of(Phase::Intended), of(Phase::Done), operations.len()), (writes, writes, writes));
    assert!(writes >= 20, "{writes}");
    let without = rows.iter().filter(|row| row.operation_id.is_none());
    assert!(without.clone().all(|row| row.action == ActionType::ConfigurationChanged), "bindings cost no request");
    audited(&log, &*store).await;
    let kinds: BTreeSet<_> = rows.iter().map(|row| row.action.word()).collect();
    let expected = [
        "channel_created",
        "channel_modified",
        "channel_deleted",
        "role_created",
        "role_modified",
        "role_deleted",
        "permission_granted",
        "permission_revoked",
    ];
    assert!(expected.iter().all(|kind| kinds.contains(kind)), "{kinds:?}");
    println!("audit against the request log: {writes} mutations, {writes} pairs of rows, {} rows in all", rows.len());
}

#[tokio::test]
async fn one_pair_of_rows_for_each_mutation_in_a_file() {
    one_pair_of_rows_for_each_mutation_and_none_without(Place::file()).await;
}

#[tokio::test]
async fn one_pair_of_rows_for_each_mutation_at_a_server() {
    one_pair_of_rows_for_each_mutation_and_none_without(Place::server().await).await;
}
