//! Discord tells to wait at random, for longer than anybody waits with everything else: no moment is more open than before
//! and after for it, and all that was planned is done in the end.

use setai::plan::Consent;
use setai::simulator::faults::{Fault, Faults, Rule};
use setai::simulator::limits::Scope;
use setai::store::Verdict;

use super::openness::{Filmed, too_open};
use crate::support::rng::Rng;
use crate::support::seeds::{makes_all, seeds, trials};
use crate::support::stage::{Stage, shown};
use crate::support::wish::{Wish, Wisher};

/// A share of all writes has to wait for a minute or several.
fn waits(seed: u64, rng: &mut Rng) -> Faults {
    let rule = |method: &str, minutes: usize| {
        let fault = Fault::RateLimit { scope: Scope::User, retry_after: 60_000 * minutes as u64 };
        Rule { probability: Some(0.15), ..Rule::new(fault).on(method, "*") }
    };
    let rules = ["PATCH", "POST", "DELETE"].map(|method| rule(method, rng.between(1, 3)));
    Faults { seed, rules: rules.to_vec() }
}

/// Applies a wish while Discord tells to wait. True when all of it was done; none when it was rejected.
async fn carried_out(stage: &Stage, film: &crate::support::stage::Film, wish: &Wish) -> Option<bool> {
    let manifest = stage.manifest(&wish.yaml());
    let before = stage.discord.edit(|guild| guild.clone());
    let proposal = stage.propose(&manifest).await;
    film.lock().expect("nobody panics").clear();
    let consent = Consent::Digest(proposal.plan.digest.to_string());
    let report = stage.attempt(&manifest, &proposal, &consent, 4).await.ok()?;
    let film = film.lock().expect("nobody panics").clone();
    let problems = too_open(&before, &film, stage.discord.bot, stage.discord.clock.now());
    assert!(problems.is_empty(), "{}\n{}", problems.join("\n"), shown(&proposal.plan));
    Some(report.verdict == Verdict::Succeeded)
}

#[test]
fn what_has_to_wait_leaves_nothing_open_meanwhile() {
    let trial = async |seed| {
        let mut rng = Rng::seeded(12_000_000 + seed);
        let Filmed { stage, film, users, features } = Filmed::new(seed, &mut rng).await;
        let live = stage.discord.edit(|guild| guild.clone());
        let mut wisher = Wisher { rng: &mut rng, count: 0, users, features };
        let first = wisher.about(&live);
        let second = wisher.next(&first);
        stage.discord.simulator.set_faults(waits(seed, &mut rng));
        [carried_out(&stage, &film, &first).await, carried_out(&stage, &film, &second).await]
    };
    let done: Vec<bool> = trials(seeds(80, 3_000), trial).into_iter().flatten().flatten().collect();
    let whole = done.iter().filter(|done| **done).count();
    println!("waits: {} plans applied while Discord told to wait, {whole} done entirely", done.len());
    assert!(whole * 10 >= done.len() * 7 && whole > 0 && (!makes_all() || done.len() >= 3_000), "{whole}");
}
