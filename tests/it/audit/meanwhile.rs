//! The trail is looked at and pruned while others write to it: nobody is accused of what was never done.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use setai::model::GuildId;
use setai::store::{Author, Expiry, inspect, open};

use super::ground::Place;
use super::retention::bound;

/// Writers, each with a guild and a connection of its own.
const WRITERS: u64 = 2;

/// Rows each writes.
const ROWS: u64 = 400;

async fn verification_is_right_while_others_write_and_prune(place: Place) {
    let start: DateTime<Utc> = "2026-11-22T10:00:00Z".parse().expect("a time");
    let done = Arc::new(AtomicUsize::new(0));
    let url = place.url();
    open(&url).await.expect("tables");
    let mut writers = tokio::task::JoinSet::new();
    for writer in 1..=WRITERS {
        let (url, done) = (url.clone(), Arc::clone(&done));
        writers.spawn(async move {
            let store = open(&url).await.expect("open");
            let guild = GuildId::new(writer);
            let lease = store.lease(guild, "a test", Duration::from_secs(600)).await.expect("nobody has it");
            for row in 1..=ROWS {
                let at = start + TimeDelta::seconds(row.cast_signed());
                // Two rows at a time, which have a transaction and an end in common.
                let mut rebinding = bound(guild, "rules", writer * 10_000 + row, at);
                rebinding.changes.push(rebinding.changes[0].clone());
                store.rebind(&lease, &rebinding).await.expect("bound");
                // One trail is cut again and again; the other grows longer than is read at once.
                if writer == 1 && row % 50 == 0 {
                    let older_than = at - TimeDelta::seconds(30);
                    let expiry = Expiry { guild, older_than, author: Author::Controller, at };
                    store.prune(&expiry).await.expect("pruned");
                }
            }
            done.fetch_add(1, Ordering::SeqCst);
        });
    }
    let store = open(&url).await.expect("open");
    let (mut looks, mut while_writing) = (0, 0);
    let mut longest = 0;
    loop {
        let is_over = done.load(Ordering::SeqCst) == WRITERS as usize;
        for guild in (1..=WRITERS).map(GuildId::new) {
            let inspection = inspect(&*store, guild, &[]).await.expect("inspected");
            assert!(inspection.is_intact(), "{:#?}", inspection.findings);
            looks += 1;
            while_writing += usize::from(!is_over);
            longest = longest.max(inspection.head.map_or(0, |head| head.length));
        }
        if is_over {
            break;
        }
    }
    writers.join_all().await;
    assert_eq!(longest, ROWS * 2 + ROWS / 50, "every row and every record of a pruning");
    assert!(while_writing > 5, "{while_writing}");
    println!("looked at {looks} times, {while_writing} of them while {WRITERS} wrote and one pruned: no false alarm");
}

#[tokio::test(flavor = "multi_thread")]
async fn verification_is_right_while_others_write_and_prune_in_a_file() {
    verification_is_right_while_others_write_and_prune(Place::file()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn verification_is_right_while_others_write_and_prune_at_a_server() {
    verification_is_right_while_others_write_and_prune(Place::server().await).await;
}
