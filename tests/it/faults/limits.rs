//! Discord's limits, real ones: the largest guild is built without a scolding, and a long wait holds up one channel only.

use std::cell::Cell;
use std::fmt::Write as _;
use std::time::Duration;

use chrono::{DateTime, Utc};
use setai::cache::Cache;
use setai::manifest::Manifest;
use setai::simulator::faults::{Fault, Faults, Rule};
use setai::simulator::limits::{Limits, Scope};
use setai::simulator::world::Snowflake;
use setai::store::Verdict;

use crate::support::harness::Harness;
use crate::support::oracle::{audited, busiest_second, impatient, throttled};
use crate::support::stage::{Stage, manifest};

async fn limited() -> Stage {
    Stage::on(Harness::with(|options| options.limits = Limits::default())).await
}

/// 250 roles and 500 channels of which 20 are categories, three overwrites each.
fn largest() -> String {
    let mut yaml = "policy: { on_remove: delete, max_deletions: 100% }\nroles:\n".to_owned();
    // @everyone and the bot's own role are there already.
    (0..248).for_each(|n| _ = writeln!(yaml, "  role-{n}: {{ permissions: [send_messages] }}"));
    yaml.push_str("  everyone: { permissions: [view_channel] }\ncategories:\n");
    for category in 0..20 {
        let overwrites = |n: usize| {
            format!(
                "{{ everyone: {{ deny: [send_messages] }}, role-{n}: {{ allow: [send_messages] }}, role-{}: {{ deny: [add_reactions] }} }}",
                n + 1
            )
        };
        _ = writeln!(yaml, "  area-{category}:\n    permissions: {}\n    channels:", overwrites(category));
        for channel in 0..24 {
            let number = category * 24 + channel;
            _ = writeln!(yaml, "      room-{number}: {{ permissions: {} }}", overwrites(number % 200));
        }
    }
    yaml
}

/// Manifests that ask nothing of 50 other guilds of the bot.
fn other_guilds(stage: &Stage) -> Vec<Manifest> {
    let now = stage.discord.clock.now();
    let found =
        |n: usize| stage.discord.simulator.with_world(|world| world.fresh_guild(&format!("Guild {n}"), None, now));
    (0..50).map(|n| manifest(found(n).guild.to_string().parse().expect("a snowflake"), "")).collect()
}

/// Looks at one guild after the other until it is told to stop; gives how often.
async fn sweep(stage: &Stage, guilds: &[Manifest], stop: &Cell<bool>) -> usize {
    let mut looks = 0;
    for guild in guilds.iter().cycle().take_while(|_| !stop.get()) {
        assert!(stage.propose(guild).await.plan.is_settled());
        looks += 1;
    }
    looks
}

#[tokio::test]
async fn the_largest_guild_is_built_without_a_scolding_while_fifty_others_are_swept() {
    let stage = limited().await;
    let others = other_guilds(&stage);
    for channel in stage.discord.edit(|guild| guild.channels.keys().copied().collect::<Vec<_>>()) {
        stage.discord.by_hand("DELETE", &format!("/channels/{channel}"), serde_json::Value::Null);
    }
    let started = stage.discord.clock.elapsed();
    let manifest = stage.manifest(&largest());
    let built = Cell::new(false);
    let build = async {
        let report = stage.apply(&manifest).await;
        built.set(true);
        report
    };
    let (report, looks) = tokio::join!(build, sweep(&stage, &others, &built));
    assert_eq!(report.verdict, Verdict::Succeeded, "{:?}", report.remark);
    assert!(looks >= others.len(), "{looks}");
    let took = stage.discord.clock.elapsed() - started;
    let records = stage.discord.simulator.requests();
    let hasty = impatient(&records);
    assert!(hasty.is_empty(), "{hasty:#?}");
    let (refused, all) = throttled(&records);
    assert!(refused * 1000 <= all, "{refused} of {all}");
    let busiest = busiest_second(&records);
    assert!(busiest <= 45, "{busiest}");
    let (roles, channels) = stage.discord.edit(|guild| (guild.roles.len(), guild.channels.len()));
    assert_eq!((roles, channels), (250, 500));
    let writes = records.iter().filter(|r| r.is_write()).count();
    // A look is two requests.
    let own = all - 2 * looks;
    let operations = audited(&records, stage.engine.store().as_ref()).await;
    println!(
        "acceptance 4 and 22: {roles} roles and {channels} channels in {own} requests ({writes} writes, {operations} \
         audited), {looks} looks at 50 other guilds, and {} s of virtual time; {refused} answers of 429, 0 requests inside a Retry-After window, at most \
         {busiest} requests in a second",
        took.as_secs()
    );
    assert!(own <= 760, "{own}");
}

const BEFORE: &str = "
channels: { door: { name: a }, hall: { topic: x }, wall: {} }
roles: { crew: {} }
";

const AFTER: &str = "
channels: { door: { name: d }, hall: { topic: y }, wall: { topic: z }, yard: { previously: [] } }
roles: { crew: { hoist: true } }
";

/// Renames `door` twice, so that a third time has to wait for ten minutes.
async fn twice_renamed(stage: &Stage) {
    stage.converge(&stage.manifest(BEFORE)).await;
    for name in ["b", "c"] {
        stage.converge(&stage.manifest(&BEFORE.replace("name: a", &format!("name: {name}")))).await;
    }
    stage.discord.simulator.forget_requests();
}

/// The rename comes last, and everything else is done long before it.
async fn only_the_rename_waits(stage: &Stage, most_throttles: usize) {
    let started = stage.discord.clock.now();
    let report = stage.apply(&stage.manifest(AFTER)).await;
    assert_eq!(report.verdict, Verdict::Succeeded, "{:?}", report.remark);
    let records = stage.discord.simulator.requests();
    let renames = |r: &&setai::simulator::Record| r.body.as_ref().is_some_and(|b| b["name"] == "d");
    let renamed = records.iter().rev().find(renames).expect("it was renamed");
    let others: Vec<_> = records.iter().filter(|r| r.is_write() && !renames(r)).collect();
    assert_eq!(others.len(), 4, "{others:#?}");
    let last = others.iter().map(|r| r.time).max().expect("there are some");
    let (waited, meanwhile) = ((renamed.time - started).num_seconds(), (last - started).num_seconds());
    assert!(waited >= 590 && meanwhile <= 30, "the rename came after {waited} s, all others within {meanwhile} s");
    assert!(impatient(&records).is_empty());
    let (refused, all) = throttled(&records);
    assert!(refused <= most_throttles, "{refused} of {all}");
    println!(
        "acceptance 22: the third rename waited for {waited} s, everything else was done within {meanwhile} s; {refused} \
         answers of 429 among {all}"
    );
}

#[tokio::test]
async fn a_rename_too_many_parks_that_channel_only() {
    let stage = limited().await;
    twice_renamed(&stage).await;
    only_the_rename_waits(&stage, 0).await;
}

#[tokio::test]
async fn a_process_that_knows_nothing_of_the_renames_learns_it_from_one_answer() {
    let mut stage = limited().await;
    twice_renamed(&stage).await;
    stage.restart();
    only_the_rename_waits(&stage, 1).await;
}

#[tokio::test]
async fn a_process_that_is_told_of_the_renames_parks_the_third_one_without_asking() {
    let mut stage = limited().await;
    let cache = Cache::in_process(stage.discord.clock.clone());
    stage.engine = stage.engine.clone().with_cache(cache.clone());
    twice_renamed(&stage).await;
    stage.restart();
    stage.engine = stage.engine.clone().with_cache(cache);
    only_the_rename_waits(&stage, 0).await;
}

/// Discord tells to wait for ten minutes, once, when this is asked for.
fn told_to_wait(stage: &Stage, method: &str, path: &str) {
    let fault = Fault::RateLimit { scope: Scope::User, retry_after: 600_000 };
    stage.discord.simulator.set_faults(Faults { seed: 0, rules: vec![Rule::new(fault).on(method, path).nth(1)] });
}

/// When each write that Discord carried out was sent, in seconds since then.
fn carried_out(stage: &Stage, since: DateTime<Utc>) -> Vec<(String, i64)> {
    let records = stage.discord.simulator.requests();
    let done = records.iter().filter(|r| r.is_write() && (200..300).contains(&r.status));
    done.map(|r| (format!("{} {}", r.method, r.path), (r.time - since).num_seconds())).collect()
}

#[tokio::test]
async fn nothing_opens_while_a_role_that_is_to_lose_something_has_to_wait() {
    let stage = Stage::new().await;
    let before = "
roles: { member: { permissions: [send_messages] } }
channels: { rules: { permissions: { everyone: { deny: [send_messages] } } }, hall: {} }
";
    stage.converge(&stage.manifest(before)).await;
    let member = stage.discord.edit(|guild| guild.role_named("member").expect("it is there").id);
    stage.discord.simulator.forget_requests();
    told_to_wait(&stage, "PATCH", "/guilds/*/roles/*");
    let started = stage.discord.clock.now();
    let after = "
roles: { member: { permissions: [] } }
channels: { rules: { permissions: {} }, hall: { topic: of mirrors } }
";
    let report = stage.apply(&stage.manifest(after)).await;
    assert_eq!(report.verdict, Verdict::Succeeded, "{:?}", report.remark);
    let done = carried_out(&stage, started);
    let id = |name: &str| stage.discord.edit(|guild| guild.channel_named(name).expect("it is there").id);
    let at = |path: &str| done.iter().position(|(write, _)| write.ends_with(path)).expect("it was sent");
    let (role, rules) = (at(&format!("/roles/{member}")), at(&format!("/channels/{}", id("rules"))));
    let hall = at(&format!("/channels/{}", id("hall")));
    assert!(hall < role && role < rules, "what opens nothing need not wait: {done:?}");
    assert!(done[hall].1 <= 30 && done[role].1 >= 590, "{done:?}");
}

#[tokio::test]
async fn a_channel_that_waits_before_its_category_holds_up_that_category_only() {
    let stage = Stage::new().await;
    let before = "
categories:
  wing: { permissions: {}, channels: { door: {}, desk: {} } }
channels: { hall: {}, wall: {} }
roles: { crew: {} }
";
    stage.converge(&stage.manifest(before)).await;
    let door = stage.discord.edit(|guild| guild.channel_named("door").expect("it is there").id);
    let wing = stage.discord.edit(|guild| guild.channel_named("wing").expect("it is there").id);
    stage.discord.simulator.forget_requests();
    told_to_wait(&stage, "PATCH", &format!("/channels/{door}"));
    let started = stage.discord.clock.now();
    // The door must not follow its category, so it changes first.
    let after = "
categories:
  wing:
    permissions: { everyone: { deny: [add_reactions] } }
    channels: { door: { name: gate, permissions: { everyone: { deny: [send_messages] } } }, desk: {} }
channels: { hall: { topic: one }, wall: { topic: two } }
roles: { crew: {} }
";
    let report = stage.apply(&stage.manifest(after)).await;
    assert_eq!(report.verdict, Verdict::Succeeded, "{:?}", report.remark);
    let done = carried_out(&stage, started);
    let (early, late): (Vec<_>, Vec<_>) = done.iter().partition(|(_, at)| *at <= 30);
    let of = |id: Snowflake| format!("PATCH /api/v10/channels/{id}");
    let late: Vec<_> = late.into_iter().map(|(write, _)| write.clone()).collect();
    assert_eq!((early.len(), late), (2, vec![of(door), of(wing)]), "{done:?}");
}

#[tokio::test]
async fn what_waits_is_not_sent_any_more_when_discord_refuses_everything_else() {
    let stage = limited().await;
    let yaml = |door: &str, topic: &str| {
        let other = |name: &str| format!("{name}: {{ topic: {topic} }}");
        let others = ["hall", "wall", "yard"].map(other).join(", ");
        format!("channels: {{ door: {{ name: {door} }}, {others} }}")
    };
    for name in ["a", "b", "c"] {
        stage.converge(&stage.manifest(&yaml(name, "old"))).await;
    }
    let door = stage.discord.edit(|guild| guild.channel_named("c").expect("it is there").id);
    let refused = |name: &str| {
        let id = stage.discord.edit(|guild| guild.channel_named(name).expect("it is there").id);
        let fault = Fault::Refused { status: 403, code: 50013, message: "Missing Permissions".to_owned() };
        Rule::new(fault).on("PATCH", &format!("/channels/{id}"))
    };
    let rules = ["hall", "wall", "yard"].map(refused).to_vec();
    stage.discord.simulator.set_faults(Faults { seed: 0, rules });
    stage.discord.simulator.forget_requests();
    let started = stage.discord.clock.elapsed();
    let report = stage.apply(&stage.manifest(&yaml("d", "new"))).await;
    assert_eq!(report.verdict, Verdict::Failed, "{:?}", report.remark);
    assert!(
        stage.discord.clock.elapsed() - started < Duration::from_secs(60),
        "nobody waits for what will not be sent"
    );
    assert_eq!(stage.discord.channel(door).name, "c");
    let writes = stage.writes();
    assert!(!writes.iter().any(|write| write.ends_with(&door.to_string())), "{writes:?}");
}
