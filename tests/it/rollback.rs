//! The way back from a run: what comes back, in a safe order, and an honest list of what cannot.

mod lost;
mod since;

use serde_json::json;
use setai::controller::{Proposal, Report, Request, Silent, StopSignal};
use setai::plan::{Consent, Note, NoteCode, Outcome, Weight, judge};
use setai::simulator::Act;
use setai::simulator::faults::{Fault, Faults, Rule};
use setai::simulator::world::{Channel, Member, Role, Snowflake, User};
use setai::store::{RunId, Verdict};

use crate::support::stage::{Stage, ann, request};

/// The plan that takes a run back, from what the store remembers of it.
async fn way_back(stage: &Stage, run: RunId) -> Proposal {
    stage.engine.way_back(run).await.expect("a plan")
}

async fn taken_back(stage: &Stage, run: RunId) -> (Report, Vec<Note>) {
    let proposal = way_back(stage, run).await;
    // Whoever approves exactly this may have it, as far as anybody may.
    let consent = Consent::Digest(proposal.plan.digest.to_string());
    let approved = judge(proposal.plan.clone(), &consent).expect("a way back is not refused for good");
    if approved.rests_on_approval() {
        stage.engine.approve(&proposal.plan, &ann()).await.expect("an approval");
    }
    let request = Request { rollback_of: Some(run), concurrency: 1, ..request(approved, &proposal, None) };
    let report = stage.engine.apply(request, &Silent, &StopSignal::default()).await.expect("a report");
    (report, proposal.plan.notes)
}

/// Everything that can be set, without ids that a new object cannot keep.
fn looks(stage: &Stage) -> (Vec<Role>, Vec<Channel>) {
    stage.discord.edit(|guild| (guild.roles.values().cloned().collect(), guild.channels.values().cloned().collect()))
}

fn channel(stage: &Stage, name: &str) -> Snowflake {
    stage.discord.edit(|guild| guild.channel_named(name).unwrap_or_else(|| panic!("no {name}")).id)
}

const BEFORE: &str = "
policy: { on_remove: delete, max_deletions: 100% }
settings: { afk_timeout: 300 }
roles: { lead: { hoist: true, permissions: [manage_messages] }, crew: {}, gone: { color: '#123456' } }
categories:
  hall: { permissions: { everyone: { deny: [send_messages] } }, channels: { news: { topic: old }, rules: {}, lost: { topic: words, permissions: { gone: { allow: [send_messages] } } } } }
  rooms: { channels: { a: {}, b: {}, c: {} } }
";

async fn begun() -> Stage {
    let stage = Stage::new().await;
    stage.converge(&stage.manifest(BEFORE)).await;
    stage
}

async fn run(stage: &Stage, yaml: &str) -> RunId {
    let report = stage.apply(&stage.manifest(yaml)).await;
    assert_eq!(report.verdict, Verdict::Succeeded, "{:?} {:#?}", report.remark, report.steps);
    report.run
}

#[tokio::test]
async fn updates_and_moves_come_back_entirely() {
    let stage = begun().await;
    let before = looks(&stage);
    let after = BEFORE
        .replace("afk_timeout: 300", "afk_timeout: 900")
        .replace(
            "lead: { hoist: true, permissions: [manage_messages] }, crew: {}",
            "crew: { hoist: true }, lead: { permissions: [send_messages] }",
        )
        .replace("topic: old", "name: tidings, topic: new")
        .replace("deny: [send_messages] } }, channels", "deny: [add_reactions] } }, channels")
        .replace("{ a: {}, b: {}, c: {} }", "{ c: {}, a: { permissions: { lead: { deny: [view_channel] } } }, b: {} }");
    let run = run(&stage, &after).await;
    assert_ne!(looks(&stage), before);
    let (report, notes) = taken_back(&stage, run).await;
    assert_eq!(report.verdict, Verdict::Succeeded, "{:?} {:#?}", report.remark, report.steps);
    assert!(notes.iter().all(|note| note.weight == Weight::Info), "nothing is lost: {notes:#?}");
    let plan = stage.propose(&stage.manifest(BEFORE)).await.plan;
    assert!(plan.is_empty(), "{}", setai::plan::render::plain(&plan));
    let summary = &stage.engine.store().history(None, 1).await.expect("history")[0];
    assert_eq!(summary.rollback_of, Some(run));
}

#[tokio::test]
async fn what_was_created_goes_and_channels_are_only_hidden() {
    let stage = begun().await;
    let after = BEFORE.replace("crew: {},", "crew: {}, fresh: { previously: [] },").replace(
        "{ a: {}, b: {}, c: {} } }",
        "{ a: {}, b: {}, c: {}, d: { previously: [] } } }\n  annex: { previously: [], channels: { e: { previously: [] } } }",
    );
    let run = run(&stage, &after).await;
    let d = channel(&stage, "d");
    let (report, notes) = taken_back(&stage, run).await;
    assert_eq!(report.verdict, Verdict::Succeeded, "{:?} {:#?}", report.remark, report.steps);
    stage.discord.edit(|guild| {
        assert!(guild.role_named("fresh").is_none() && guild.channel_named("annex").is_none());
        let d = guild.channels.get(&d).expect("people may have written in it");
        assert_eq!((d.parent_id, d.overwrite(guild.id).is_some()), (None, true));
    });
    assert_eq!(notes.iter().filter(|note| note.code == NoteCode::Archived).count(), 2, "{notes:#?}");
    let plan = stage.propose(&stage.manifest(BEFORE)).await.plan;
    assert!(plan.is_empty(), "{}", setai::plan::render::plain(&plan));
}

#[tokio::test]
async fn what_was_deleted_is_made_again_and_what_is_lost_is_said() {
    let stage = begun().await;
    let after = BEFORE
        .replace(", gone: { color: '#123456' }", "")
        .replace(", lost: { topic: words, permissions: { gone: { allow: [send_messages] } } }", "");
    let run = run(&stage, &after).await;
    let (report, notes) = taken_back(&stage, run).await;
    assert_eq!(report.verdict, Verdict::Succeeded, "{:?} {:#?}", report.remark, report.steps);
    let said: Vec<String> = notes.iter().map(|note| format!("{}: {}", note.subject, note.text)).collect();
    insta::assert_snapshot!(said.join("\n"), @r"
    channels.lost: The channel is made again, but its messages, threads, invites and webhooks are lost.
    roles.gone: The role is made again, but who had it is lost: the bot has no Server Members Intent.
    roles.gone: What channels said of the role comes back only where the run itself had taken it out.
    ");
    let lost = stage.discord.channel(channel(&stage, "lost"));
    assert_eq!(lost.topic.as_deref(), Some("words"));
    let gone = stage.discord.edit(|guild| guild.role_named("gone").expect("made again").id);
    assert!(lost.overwrite(gone).is_some(), "the overwrite is of the new role");
    // The keys stand for the new objects, so the old manifest finds them.
    let plan = stage.propose(&stage.manifest(BEFORE)).await.plan;
    assert!(plan.steps.iter().all(|step| !step.operation.is_irreversible()), "{}", setai::plan::render::plain(&plan));
    assert!(plan.blocking().next().is_none(), "{:#?}", plan.notes);
}

#[tokio::test]
async fn an_archived_channel_comes_out_of_the_archive() {
    let stage = Stage::new().await;
    let yaml = |rooms: &str| format!("categories: {{ hall: {{ channels: {{ {rooms} }} }} }}");
    let before = yaml("a: { topic: t, permissions: {} }, b: {}, c: {}, d: {}");
    stage.converge(&stage.manifest(&before)).await;
    let a = channel(&stage, "a");
    let run = run(&stage, &yaml("b: {}, c: {}, d: {}")).await;
    assert!(stage.discord.channel(a).overwrite(stage.discord.guild).is_some(), "hidden in the archive");
    let (report, _) = taken_back(&stage, run).await;
    assert_eq!(report.verdict, Verdict::Succeeded, "{:?} {:#?}", report.remark, report.steps);
    let back = stage.discord.channel(a);
    assert_eq!((back.parent_id, back.permission_overwrites.len()), (Some(channel(&stage, "hall")), 0));
    let plan = stage.propose(&stage.manifest(&before)).await.plan;
    assert!(
        !plan.steps.iter().any(|step| matches!(step.operation, setai::plan::Operation::CreateChannel { .. })),
        "{:#?}",
        plan.steps
    );
}

#[tokio::test]
async fn what_somebody_changed_since_is_left_to_them() {
    let stage = begun().await;
    let run = run(&stage, &BEFORE.replace("topic: old", "topic: new, nsfw: true")).await;
    let news = channel(&stage, "news");
    stage.discord.by_hand("PATCH", &format!("/channels/{news}"), json!({"rate_limit_per_user": 30}));
    taken_back(&stage, run).await;
    let news = stage.discord.channel(news);
    assert_eq!((news.topic.as_deref(), news.nsfw, news.rate_limit_per_user), (Some("old"), false, 30));
}

#[tokio::test]
async fn what_is_gone_by_now_is_named_and_the_rest_comes_back() {
    let stage = begun().await;
    let run =
        run(&stage, &BEFORE.replace("topic: old", "topic: new").replace("rules: {}", "rules: { topic: r }")).await;
    stage.discord.by_hand("DELETE", &format!("/channels/{}", channel(&stage, "news")), json!(null));
    let (report, notes) = taken_back(&stage, run).await;
    assert_eq!(report.verdict, Verdict::Succeeded);
    assert!(
        notes.iter().any(|note| note.code == NoteCode::DeletedByHand && note.subject == "channels.news"),
        "{notes:#?}"
    );
    assert_eq!(stage.discord.channel(channel(&stage, "rules")).topic.unwrap_or_default(), "");
}

#[tokio::test]
async fn a_run_that_fails_midway_is_taken_back() {
    let stage = begun().await;
    let before = looks(&stage);
    // A person deletes what a later step is about.
    let act = Act::new(stage.discord.owner, "DELETE", &format!("/channels/{}", channel(&stage, "c")), json!(null));
    stage
        .discord
        .simulator
        .set_faults(Faults { seed: 0, rules: vec![Rule::new(Fault::Edit { act }).on("PATCH", "*").nth(1)] });
    let after = BEFORE
        .replace("topic: old", "topic: new")
        .replace("c: {} }", "c: { topic: x } }")
        .replace("hoist: true", "hoist: false");
    let report = stage.apply(&stage.manifest(&after)).await;
    assert_eq!(report.verdict, Verdict::Partial);
    let failed = report.steps.iter().filter(|(_, outcome)| matches!(outcome, Outcome::Failed { .. })).count();
    assert_eq!(failed, 1, "{:#?}", report.steps);
    stage.quiet();
    let (back, _) = taken_back(&stage, report.run).await;
    assert_eq!(back.verdict, Verdict::Succeeded, "{:?} {:#?}", back.remark, back.steps);
    let (roles, mut channels) = looks(&stage);
    let mut expected = before.1;
    expected.retain(|c| c.name != "c");
    channels.sort_by_key(|c| c.id);
    assert_eq!((roles, channels), (before.0, expected), "everything but what the person did");
}

#[tokio::test]
async fn the_way_there_and_back_and_there_again() {
    let stage = begun().await;
    let after = BEFORE.replace("topic: old", "topic: new").replace("crew: {},", "crew: { hoist: true },");
    let run = run(&stage, &after).await;
    let (there, _) = taken_back(&stage, run).await;
    // A way back is a run like any other.
    taken_back(&stage, there.run).await;
    let plan = stage.propose(&stage.manifest(&after)).await.plan;
    assert!(plan.is_empty(), "{}", setai::plan::render::plain(&plan));
}

#[tokio::test]
async fn a_way_back_says_what_it_means_for_people() {
    let stage = begun().await;
    let shut = BEFORE.replace("rules: {}", "rules: { permissions: { everyone: { deny: [view_channel] } } }");
    let run = run(&stage, &shut).await;
    let plan = way_back(&stage, run).await.plan;
    let words: Vec<String> = plan
        .risks
        .iter()
        .filter_map(|risk| match risk {
            setai::plan::Risk::Access(change) => Some(change.sentence()),
            setai::plan::Risk::Deletes { .. } => None,
        })
        .collect();
    assert!(words.iter().any(|words| words.starts_with("@everyone now sees #rules")), "{words:?}");
}

#[tokio::test]
async fn a_way_back_that_locks_the_bot_out_is_refused() {
    let stage = Stage::new().await;
    let ops = stage.discord.role_by_hand("ops", setai::simulator::world::Bits::NONE, 3);
    let bot = stage.discord.bot;
    stage.discord.edit(|guild| guild.members.get_mut(&bot).expect("the bot is a member").roles.push(ops));
    let run = run(&stage, "roles: { ops: { permissions: [manage_channels] } }").await;
    // Since then it works by that role alone.
    stage.discord.limit_bot(setai::simulator::world::Bits::MANAGE_ROLES);
    let plan = way_back(&stage, run).await.plan;
    assert!(judge(plan.clone(), &Consent::Digest(plan.digest.to_string())).is_err(), "{:#?}", plan.steps);
    assert!(
        plan.refusals.iter().any(|r| r.code == setai::plan::RefusalCode::BotLosesPermission),
        "{:#?}",
        plan.refusals
    );
}

/// The bot may list members.
fn may_list_members(stage: &mut Stage) {
    let bot = stage.discord.bot;
    stage.discord.simulator.with_world(|world| {
        let application = world.users.get_mut(&bot).and_then(|user| user.application.as_mut());
        application.expect("a bot has one").flags |= 1 << 15;
    });
    // Nobody asks twice for what is switched on by hand in a portal.
    stage.restart();
}

/// People with the role `gone`.
fn people(stage: &Stage, count: u64) -> Vec<Snowflake> {
    let people: Vec<Snowflake> = (1..=count).map(|n| Snowflake(1_000_000 + n)).collect();
    stage.discord.simulator.with_world(|world| {
        for user in &people {
            let account = User { id: *user, username: format!("user-{user}"), ..User::default() };
            world.users.insert(*user, account);
        }
    });
    stage.discord.edit(|guild| {
        let gone = guild.role_named("gone").expect("it is there").id;
        for user in &people {
            guild.members.insert(*user, Member { user_id: *user, roles: vec![gone], ..Member::default() });
        }
    });
    people
}

fn with_gone(stage: &Stage) -> Vec<Snowflake> {
    stage.discord.edit(|guild| {
        let gone = guild.role_named("gone").expect("it is there").id;
        guild.members.values().filter(|member| member.roles.contains(&gone)).map(|member| member.user_id).collect()
    })
}

fn without_gone() -> String {
    BEFORE
        .replace(", gone: { color: '#123456' }", "")
        .replace(", lost: { topic: words, permissions: { gone: { allow: [send_messages] } } }", "")
}

#[tokio::test]
async fn a_role_goes_back_to_those_who_had_it_and_are_still_there() {
    let mut stage = begun().await;
    may_list_members(&mut stage);
    let had = people(&stage, 1_203);
    let proposal = stage.propose(&stage.manifest(&without_gone())).await;
    let said: Vec<_> = proposal.plan.notes.iter().filter(|note| note.subject == "roles.gone").collect();
    assert!(said.iter().any(|note| note.text.contains("a rollback gives it back")), "{said:?}");
    let run = run(&stage, &without_gone()).await;
    // Since then three have left.
    let (left, there) = had.split_at(3);
    stage.discord.edit(|guild| guild.members.retain(|user, _| !left.contains(user)));
    let (report, notes) = taken_back(&stage, run).await;
    assert_eq!(report.verdict, Verdict::Succeeded, "{:?}", report.remark);
    // Most of them, and the plan says so.
    assert_eq!(with_gone(&stage), there[..1_000]);
    let note = notes.iter().find(|note| note.subject == "roles.gone").expect("it is said");
    insta::assert_snapshot!(note.text, @"The role is made again, and 1000 members get it back. 200 more had it and do not; the record of the run names them. 3 who had it have left the guild.");
    let given = report.steps.iter().skip_while(|(step, _)| !is_given(step)).count();
    assert_eq!(given, 1_000, "they come last, when everything that restricts the role is in its place");
    println!(
        "rollback: a role went back to 1000 of 1203 members; 3 had left, 200 are over the limit, and both is said"
    );
}

fn is_given(step: &setai::plan::Step) -> bool {
    matches!(step.operation, setai::plan::Operation::GiveRole { .. })
}

#[tokio::test]
async fn who_left_between_the_plan_and_its_end_needs_nothing_back() {
    let mut stage = begun().await;
    may_list_members(&mut stage);
    let had = people(&stage, 3);
    let run = run(&stage, &without_gone()).await;
    let proposal = way_back(&stage, run).await;
    assert_eq!(proposal.plan.steps.iter().filter(|step| is_given(step)).count(), 3);
    stage.discord.edit(|guild| guild.members.retain(|user, _| *user != had[1]));
    let approved = judge(proposal.plan.clone(), &Consent::Seen).expect("a way back is not refused");
    let request = Request { rollback_of: Some(run), concurrency: 1, ..request(approved, &proposal, None) };
    let report = stage.engine.apply(request, &Silent, &StopSignal::default()).await.expect("a report");
    assert_eq!(report.verdict, Verdict::Succeeded, "{:?} {:#?}", report.remark, report.steps);
    assert_eq!(with_gone(&stage), [had[0], had[2]]);
}

#[tokio::test]
async fn a_role_whose_members_cannot_be_read_is_not_deleted() {
    let mut stage = begun().await;
    may_list_members(&mut stage);
    let had = people(&stage, 3);
    let down = Rule::new(Fault::ServerError { status: 503, done: false }).on("GET", "*/members");
    stage.discord.simulator.set_faults(Faults { seed: 0, rules: vec![down] });
    let report = stage.apply(&stage.manifest(&without_gone())).await;
    assert_eq!(report.verdict, Verdict::Partial);
    assert_eq!(with_gone(&stage), had);
    stage.quiet();
    stage.apply(&stage.manifest(&without_gone())).await;
    assert!(stage.discord.edit(|guild| guild.role_named("gone").is_none()));
}

#[tokio::test]
async fn a_rollback_that_was_broken_off_goes_on_where_it_was() {
    let mut stage = begun().await;
    may_list_members(&mut stage);
    let had = people(&stage, 3);
    let run = run(&stage, &without_gone()).await;
    // The second of them cannot be asked for a while.
    let path = stage.discord.in_guild(&format!("/members/{}/roles/*", had[1]));
    let down = Rule::new(Fault::ServerError { status: 503, done: false }).on("PUT", &path);
    stage.discord.simulator.set_faults(Faults { seed: 0, rules: vec![down] });
    let (report, _) = taken_back(&stage, run).await;
    assert_eq!(report.verdict, Verdict::Partial, "{:?}", report.remark);
    stage.quiet();
    stage.recover().await;
    let again = way_back(&stage, run).await.plan;
    assert!(again.steps.iter().all(is_given), "nothing is made twice: {:#?}", again.steps);
    let (report, _) = taken_back(&stage, run).await;
    assert_eq!(report.verdict, Verdict::Succeeded, "{:?}", report.remark);
    assert_eq!(with_gone(&stage), had);
}
