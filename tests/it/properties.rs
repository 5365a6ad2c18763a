//! What must hold whatever a guild and a manifest are: a share of the random trials, or with `SETAI_SEEDS=all` all of them.
#![allow(clippy::print_stdout, reason = "the figures are the result")]

mod backwards;
mod expected;
mod found;
mod granted;
mod imports;
mod openness;
mod poison;
mod promises;
mod protection;
mod resting;
mod trial;

use std::ops::Range;

use crate::support::seeds::{makes_all, seeds, trials};
use trial::{BotKind, Tally, trial};

/// The sum of the trials of so many seeds, the first of which has that number.
fn tally(seeds: Range<u64>, first: u64, bot: BotKind) -> Tally {
    trials(seeds, async |seed| trial(first + seed, bot).await).into_iter().sum()
}

#[test]
fn any_guild_becomes_what_anybody_wants() {
    let tally = tally(seeds(150, 5_300), 0, BotKind::Administrator);
    let Tally { pairs, applied, rejected, requests, moments, cascades, .. } = &tally;
    println!("apply(plan(live, desired)): {applied} of {applied} right; {pairs} pairs, rejected {rejected:?}");
    println!("preview = apply: {applied} plans, {requests} requests, {cascades} cascades");
    println!("every prefix: {moments} moments, none more open than before or after");
    println!("audit: {requests} mutations, each with its rows");
    tally.has_applied(80);
    assert!(!makes_all() || *applied >= 10_000);
}

#[test]
fn a_bot_that_may_do_little_tries_nothing_in_vain() {
    let tally = tally(seeds(100, 5_000), 1_000_000, BotKind::Limited);
    let Tally { pairs, applied, rejected, requests, hidden, .. } = &tally;
    println!("limited bots: {applied} of {pairs} applied, {requests} requests, 0 refused; rejected {rejected:?}");
    println!("hidden channels: {hidden} in all trials, 0 requests about them");
    tally.has_applied(40);
}

#[test]
fn objects_of_the_same_names_that_are_not_ours_are_not_touched() {
    let tally = tally(seeds(100, 11_000), 6_000_000, BotKind::AmongTwins);
    let Tally { among_twins, twins, .. } = &tally;
    println!("ownership: {among_twins} plans applied among {twins} foreign objects of the same names, 0 touched");
    tally.has_applied(80);
    assert!(!makes_all() || *among_twins >= 10_000);
}
