//! What must hold whatever a guild and a manifest are. `SETAI_SEEDS` says how many random trials each test makes, and
//! `SETAI_SEED` picks a single one. A trial is two pairs of a guild and a manifest, so this makes 10,000 of them:
//!
//! ```sh
//! SETAI_SEEDS=5000 cargo test --release --test it properties -- --nocapture
//! ```
#![allow(clippy::print_stdout, reason = "the figures are the result")]

mod expected;
mod openness;
mod promises;
mod trial;

use trial::{BotKind, Tally, trial};

/// How many trials: a share of what the acceptance figures ask for, unless more are wanted.
fn seeds(share: u64) -> std::ops::Range<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    match number("SETAI_SEED") {
        Some(one) => one..one + 1,
        None => 0..number("SETAI_SEEDS").unwrap_or(share),
    }
}

#[tokio::test]
async fn any_guild_becomes_what_anybody_wants() {
    let mut tally = Tally::default();
    for seed in seeds(150) {
        tally.add(trial(seed, BotKind::Administrator).await);
    }
    let Tally { pairs, applied, rejected, requests, moments, cascades, failures, .. } = &tally;
    println!(
        "apply(plan(live, desired)): {} of {applied} right; {pairs} pairs, rejected {rejected:?}",
        applied - failures.len().min(*applied)
    );
    println!("preview = apply: {applied} plans, {requests} requests, {cascades} cascades");
    println!("every prefix: {moments} moments, none more open than before or after");
    println!("audit: {requests} mutations, each with its rows");
    tally.judge(80);
}

#[tokio::test]
async fn a_bot_that_may_do_little_tries_nothing_in_vain() {
    let mut tally = Tally::default();
    for seed in seeds(100) {
        tally.add(trial(1_000_000 + seed, BotKind::Limited).await);
    }
    let Tally { pairs, applied, rejected, requests, hidden, .. } = &tally;
    println!("limited bots: {applied} of {pairs} applied, {requests} requests, 0 refused; rejected {rejected:?}");
    println!("hidden channels: {hidden} in all trials, 0 requests about them");
    tally.judge(40);
}

#[tokio::test]
async fn objects_of_the_same_names_that_are_not_ours_are_not_touched() {
    let mut tally = Tally::default();
    for seed in seeds(100) {
        tally.add(trial(6_000_000 + seed, BotKind::AmongTwins).await);
    }
    let Tally { applied, twins, failures, .. } = &tally;
    println!("ownership: {twins} foreign twins, {applied} plans applied, {} touched", failures.len());
    tally.judge(80);
}
