//! How many random trials a test makes, on which threads, and how one that fails is found again.
//!
//! Each test has a share for every day and the number that all of its trials are. `SETAI_SEEDS=all` makes all of them,
//! `SETAI_SEEDS=20` that many in every test, `SETAI_SEEDS=5000..10000` those of these seeds, as far as the test has them, so that
//! several machines or evenings share the work, and `SETAI_SEED=7` the one of that seed.

use std::env;
use std::num::NonZero;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use tokio::runtime;

/// True when every test makes all of its trials.
pub(crate) fn makes_all() -> bool {
    env::var("SETAI_SEEDS").is_ok_and(|text| text == "all")
}

/// True when somebody asks for a number of trials, and not only for the share of every day.
pub(crate) fn is_told() -> bool {
    env::var_os("SETAI_SEEDS").is_some() || env::var_os("SETAI_SEED").is_some()
}

/// The seeds of a test: a share of them, or `all`, or as the environment has it.
pub(crate) fn seeds(share: u64, all: u64) -> Range<u64> {
    let one = env::var("SETAI_SEED").ok().and_then(|text| text.parse::<u64>().ok());
    let told = env::var("SETAI_SEEDS").ok();
    match (one, told.as_deref()) {
        (Some(one), _) => one..one + 1,
        (None, Some("all")) => 0..all,
        (None, Some(told)) => {
            range(told, all).unwrap_or_else(|| panic!("SETAI_SEEDS={told} is no number and no range"))
        }
        (None, None) => 0..share,
    }
}

/// `20` or `5000..10000`; of a range what there is up to `all`.
fn range(told: &str, all: u64) -> Option<Range<u64>> {
    let Some((from, to)) = told.split_once("..") else { return Some(0..told.parse().ok()?) };
    let (from, to) = (from.parse::<u64>().ok()?, to.parse::<u64>().ok()?);
    Some(from.min(all)..to.min(all))
}

/// Makes the trial of every seed, on all cores, and gives what they came to in the order of the seeds.
///
/// A trial that panics is told at once, with what repeats it; the others go on, and in the end the test fails.
pub(crate) fn trials<T: Send>(seeds: Range<u64>, trial: impl AsyncFn(u64) -> T + Sync) -> Vec<T> {
    let next = AtomicU64::new(seeds.start);
    let test = thread::current().name().unwrap_or("the test").to_owned();
    let work = || {
        let mut made = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return made;
            }
            made.push((seed, caught(seed, &test, &trial)));
        }
    };
    let workers = thread::available_parallelism().map_or(1, NonZero::get);
    let mut made: Vec<(u64, Option<T>)> = thread::scope(|scope| {
        let start = |_| thread::Builder::new().name(test.clone()).spawn_scoped(scope, work).expect("a thread");
        let workers: Vec<_> = (0..workers).map(start).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("trials are caught")).collect()
    });
    made.sort_by_key(|(seed, _)| *seed);
    let failed: Vec<u64> = made.iter().filter(|(_, result)| result.is_none()).map(|(seed, _)| *seed).collect();
    assert!(failed.is_empty(), "{} of {} trials failed, those of the seeds {failed:?}", failed.len(), made.len());
    made.into_iter().filter_map(|(_, result)| result).collect()
}

/// One trial in a runtime of its own; none when it fails.
fn caught<T>(seed: u64, test: &str, trial: &impl AsyncFn(u64) -> T) -> Option<T> {
    let run = || {
        let runtime = runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(trial(seed))
    };
    let result = catch_unwind(AssertUnwindSafe(run)).ok();
    if result.is_none() {
        println!("Seed {seed} failed. Repeat it: SETAI_SEED={seed} cargo test --test it -- --nocapture {test}");
    }
    result
}
