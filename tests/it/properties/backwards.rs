//! A random run is taken back, after people did something or nothing: every request works, no moment is more open than
//! before and after, and where nobody interfered everybody may do what they could before the run.

use std::collections::BTreeMap;

use setai::controller::{Request, Silent, StopSignal};
use setai::model::Permissions;
use setai::plan::{Consent, judge};
use setai::simulator::world::{Bits, Guild, Snowflake};
use setai::store::{RunId, Verdict};

use super::openness::{Filmed, too_open};
use crate::support::rng::Rng;
use crate::support::seeds::{makes_all, seeds, trials};
use crate::support::stage::{Film, Stage, ann, request, shown};
use crate::support::wish::{Wish, Wisher};
use crate::support::worlds::disturb;

/// Applies a wish entirely; none when it is rejected, or some of it is.
async fn applied(stage: &Stage, wish: &Wish) -> Option<RunId> {
    let manifest = stage.manifest(&wish.yaml());
    let proposal = stage.propose(&manifest).await;
    let consent = Consent::Digest(proposal.plan.digest.to_string());
    let report = stage.attempt(&manifest, &proposal, &consent, 4).await.ok()?;
    (report.verdict == Verdict::Succeeded).then_some(report.run)
}

fn now(stage: &Stage) -> Guild {
    stage.discord.edit(|guild| Guild { audit_log: Vec::new(), ..guild.clone() })
}

/// People get roles, those that were created in the run among them.
fn give_roles(stage: &Stage, rng: &mut Rng, users: &[Snowflake]) {
    stage.discord.edit(|guild| {
        let ours: Vec<Snowflake> =
            guild.roles.values().filter(|r| !r.managed && r.id != guild.id).map(|r| r.id).collect();
        for user in users {
            let chosen = rng.some(&ours, 30);
            if let Some(member) = guild.members.get_mut(user) {
                member.roles.extend(chosen.into_iter().filter(|role| !member.roles.contains(role)).collect::<Vec<_>>());
            }
        }
    });
}

/// What everybody may do in each channel that was there before the run and is there after the way back, as far as it has a
/// name: bits without one are given to nobody anew.
fn rights(guild: &Guild, of: &Guild, stage: &Stage) -> BTreeMap<(Snowflake, Snowflake), Bits> {
    let now = stage.discord.clock.now();
    let channels = guild.channels.values().filter(|c| !c.is_category() && of.channels.contains_key(&c.id));
    let users = || guild.members.keys().filter(|user| **user != stage.discord.bot);
    let may = |user, channel| guild.permissions_in(user, channel, now) & Bits(Permissions::documented().bits());
    channels.flat_map(|c| users().map(|user| ((*user, c.id), may(*user, c)))).collect()
}

/// Takes a run back. None when a guard has the last word.
async fn taken_back(stage: &Stage, film: &Film, run: RunId) -> Option<Guild> {
    let before = now(stage);
    let proposal = stage.engine.way_back(run).await.expect("a plan");
    let plan = proposal.plan.clone();
    let approved = judge(plan.clone(), &Consent::Digest(plan.digest.to_string())).ok()?;
    if approved.rests_on_approval() {
        stage.engine.approve(&plan, &ann()).await.expect("an approval");
    }
    film.lock().expect("nobody panics").clear();
    let request = Request { rollback_of: Some(run), concurrency: 1, ..request(approved, &proposal, None) };
    let report = stage.engine.apply(request, &Silent, &StopSignal::default()).await.expect("a report");
    assert_eq!(report.verdict, Verdict::Succeeded, "{:#?}\n{}", report.steps.last(), shown(&plan));
    let film = film.lock().expect("nobody panics").clone();
    let problems = too_open(&before, &film, stage.discord.bot, stage.discord.clock.now());
    assert!(problems.is_empty(), "{}\n{}", problems.join("\n"), shown(&plan));
    Some(now(stage))
}

#[test]
fn a_run_is_taken_back_step_by_step_without_opening_anything_meanwhile() {
    let trial = async |seed| {
        let mut rng = Rng::seeded(13_000_000 + seed);
        let Filmed { stage, film, users, features } = Filmed::new(seed, &mut rng).await;
        let live = now(&stage);
        let mut wisher = Wisher { rng: &mut rng, count: 0, users: users.clone(), features };
        let first = wisher.about(&live);
        let second = wisher.next(&first);
        applied(&stage, &first).await?;
        let origin = now(&stage);
        let run = applied(&stage, &second).await?;
        let reached = now(&stage);
        let interfered = rng.percent(60);
        if interfered {
            give_roles(&stage, &mut rng, &users);
            disturb(&stage.discord, &mut rng, &users);
        }
        let end = taken_back(&stage, &film, run).await?;
        // With a deleted role goes what untouched channels said of it.
        let is_whole = origin.roles.keys().all(|role| reached.roles.contains_key(role));
        if !interfered && is_whole {
            assert_eq!(rights(&end, &origin, &stage), rights(&origin, &end, &stage));
        }
        Some(is_whole && !interfered)
    };
    let back: Vec<bool> = trials(seeds(100, 4_000), trial).into_iter().flatten().collect();
    let compared = back.iter().filter(|compared| **compared).count();
    println!(
        "rollbacks: {} random runs taken back, every moment looked at; {compared} compared with before",
        back.len()
    );
    assert!(compared > 0 && (!makes_all() || back.len() >= 2_000), "{} {compared}", back.len());
}
