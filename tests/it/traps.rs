//! Mistakes that others made against Discord, one test each: what went wrong, and that it does not here.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use setai::plan::{Consent, Outcome};
use setai::simulator::faults::{Fault, Faults, Rule};
use setai::simulator::limits::{Limits, Scope};
use setai::simulator::world::{Bits, Snowflake};
use setai::simulator::{Act, Record};
use setai::store::Verdict;

use crate::support::harness::Harness;
use crate::support::oracle::impatient;
use crate::support::stage::Stage;

/// Applies; everything must work. Gives the requests of it.
async fn applied(stage: &Stage, yaml: &str) -> Vec<Record> {
    let manifest = stage.manifest(yaml);
    stage.discord.simulator.forget_requests();
    let report = stage.apply(&manifest).await;
    assert_eq!(report.verdict, Verdict::Succeeded, "{:?} {:#?}", report.remark, report.steps);
    stage.discord.simulator.requests()
}

fn writes(records: &[Record]) -> Vec<&Record> {
    records.iter().filter(|r| r.is_write()).collect()
}

fn channel(stage: &Stage, name: &str) -> Snowflake {
    stage.discord.edit(|guild| guild.channel_named(name).unwrap_or_else(|| panic!("no {name}")).id)
}

fn role(stage: &Stage, name: &str) -> Snowflake {
    stage.discord.edit(|guild| guild.role_named(name).unwrap_or_else(|| panic!("no {name}")).id)
}

fn hand_edit(stage: &Stage, path: &str, body: Value) {
    stage.discord.by_hand("PATCH", path, body);
}

#[tokio::test]
async fn zero_empty_and_null_are_values_and_not_silence() {
    let stage = Stage::new().await;
    applied(
        &stage,
        "
roles: { crew: { color: '#112233', hoist: true } }
channels:
  den: { topic: words, rate_limit_per_user: 30, nsfw: true }
  talk: { type: voice, user_limit: 5 }
settings: { system_channel: den }",
    )
    .await;
    applied(
        &stage,
        "
roles: { crew: { color: 0, hoist: false } }
channels:
  den: { topic: null, rate_limit_per_user: 0, nsfw: false }
  talk: { type: voice, user_limit: 0 }
settings: { system_channel: null }",
    )
    .await;
    let (den, talk, crew) = (channel(&stage, "den"), channel(&stage, "talk"), role(&stage, "crew"));
    let (den, talk, crew) = (stage.discord.channel(den), stage.discord.channel(talk), stage.discord.role(crew));
    assert_eq!((den.topic.as_deref().unwrap_or_default(), den.rate_limit_per_user, den.nsfw), ("", 0, false));
    assert_eq!((talk.user_limit, crew.colors.primary_color, crew.hoist), (0, 0, false));
    assert_eq!(stage.discord.edit(|guild| guild.system_channel_id), None);
}

#[tokio::test]
async fn a_position_is_never_part_of_an_edit() {
    let stage = Stage::new().await;
    let mut sent = applied(&stage, "roles: { a: {}, b: {} }\nchannels: { x: {}, y: {} }").await;
    sent.extend(applied(&stage, "roles: { a: { hoist: true }, b: {} }\nchannels: { y: { topic: t }, x: {} }").await);
    let single = |r: &&Record| r.method == "PATCH" && r.body.as_ref().is_some_and(Value::is_object);
    assert_eq!(sent.iter().filter(single).count(), 2);
    for record in sent.iter().filter(single) {
        let body = record.body.as_ref().expect("a body");
        assert!(body.get("position").is_none(), "{} {body}", record.path);
    }
}

#[tokio::test]
async fn an_error_is_not_taken_for_gone() {
    for (status, what) in [(403, "refused"), (500, "broken"), (0, "lost")] {
        let stage = Stage::new().await;
        applied(&stage, "channels: { a: {}, b: {} }").await;
        let fault = match status {
            403 => None,
            500 => Some(Fault::ServerError { status: 500, done: false }),
            _ => Some(Fault::ConnectionLost { done: false }),
        };
        match fault {
            Some(fault) => {
                let rules = vec![Rule::new(fault).on("GET", "*/channels")];
                stage.discord.simulator.set_faults(Faults { seed: 0, rules });
            }
            None => {
                let bot = stage.discord.bot;
                stage.discord.edit(|guild| guild.members.remove(&bot));
            }
        }
        let manifest = stage.manifest("policy: { on_remove: delete }\nchannels: { a: {}, c: {} }");
        stage.discord.simulator.forget_requests();
        let error = stage.engine.propose(&manifest, None).await;
        assert!(error.is_err(), "{what}: what cannot be read is not planned for");
        assert!(stage.writes().is_empty());
    }
}

#[tokio::test]
async fn overwrites_are_a_set_and_not_a_list() {
    let stage = Stage::new().await;
    let yaml = "
roles: { a: {}, b: {}, c: {} }
channels: { den: { permissions: { a: { allow: [send_messages] }, b: { deny: [send_messages] }, c: { allow: [add_reactions] } } } }";
    applied(&stage, yaml).await;
    let den = channel(&stage, "den");
    stage.discord.edit(|guild| guild.channels.get_mut(&den).expect("made").permission_overwrites.reverse());
    let plan = stage.propose(&stage.manifest(yaml)).await.plan;
    assert!(plan.is_empty(), "{:#?}", plan.steps);
}

#[tokio::test]
async fn an_overwrite_added_by_hand_is_seen() {
    let stage = Stage::new().await;
    let yaml = "roles: { crew: {} }\nchannels: { den: { permissions: { everyone: { deny: [send_messages] } } } }";
    applied(&stage, yaml).await;
    let (den, crew) = (channel(&stage, "den"), role(&stage, "crew"));
    let path = format!("/channels/{den}/permissions/{crew}");
    stage.discord.by_hand("PUT", &path, json!({"type": 0, "allow": Bits::SEND_MESSAGES, "deny": "0"}));
    assert_eq!(writes(&applied(&stage, yaml).await).len(), 1);
    assert!(stage.discord.channel(den).overwrite(crew).is_none());
}

#[tokio::test]
async fn no_mark_of_ours_is_left_in_what_people_read() {
    let stage = Stage::new().await;
    let sent = applied(
        &stage,
        "roles: { crew: {} }\nchannels: { den: { topic: words } }\ncategories: { area: { channels: { x: {} } } }",
    )
    .await;
    for record in writes(&sent) {
        let body = record.body.clone().unwrap_or_default().to_string().to_lowercase();
        assert!(!body.contains("setai") && !body.contains("managed"), "{body}");
        assert!(
            record.reason.as_deref().is_none_or(|reason| reason.starts_with("setai op ")),
            "the log is the place for it"
        );
    }
    assert_eq!(stage.discord.channel(channel(&stage, "den")).topic.as_deref(), Some("words"));
}

#[tokio::test]
async fn a_voice_channel_is_not_mistaken_for_the_text_channel_of_its_name() {
    let stage = Stage::new().await;
    stage.discord.channel_by_hand(json!({"name": "lounge", "type": 2}));
    let yaml =
        "channels: { text: { name: lounge, topic: words }, voice: { name: lounge, type: voice, user_limit: 3 } }";
    applied(&stage, yaml).await;
    let lounges =
        stage.discord.edit(|g| g.channels.values().filter(|c| c.name == "lounge").map(|c| c.kind).collect::<Vec<_>>());
    assert_eq!(lounges.len(), 2, "one of each: {lounges:?}");
    stage.converge(&stage.manifest(yaml)).await;
}

#[tokio::test]
async fn a_private_channel_is_made_private_in_one_request() {
    let stage = Stage::new().await;
    let yaml = "
roles: { crew: {} }
categories: { office: { permissions: { everyone: { deny: [view_channel] }, crew: { allow: [view_channel] } }, channels: { desk: {}, talk: { type: voice } } } }";
    let sent = applied(&stage, yaml).await;
    let made: Vec<_> = sent.iter().filter(|r| r.method == "POST" && r.path.ends_with("/channels")).collect();
    assert_eq!(made.len(), 3);
    for record in &made {
        let answer = record.answer().expect("a channel");
        let hides = |o: &Value| o["id"] == json!(stage.discord.guild) && o["deny"] == json!(Bits::VIEW_CHANNEL);
        let overwrites = answer["permission_overwrites"].as_array().expect("a list");
        assert!(overwrites.iter().any(hides), "it was never public: {answer}");
    }
    assert!(sent.iter().all(|r| !r.path.contains("/permissions/")), "no overwrite comes afterwards");
}

#[tokio::test]
async fn a_429_is_obeyed_and_nothing_is_added_to_it() {
    let stage = Stage::new().await;
    let rules =
        vec![Rule::new(Fault::RateLimit { scope: Scope::User, retry_after: 7_000 }).on("POST", "*/roles").nth(1)];
    stage.discord.simulator.set_faults(Faults { seed: 0, rules });
    let sent = applied(&stage, "roles: { crew: {} }").await;
    let tries: Vec<_> = sent.iter().filter(|r| r.method == "POST").collect();
    assert_eq!(tries.iter().map(|r| r.status).collect::<Vec<_>>(), [429, 200]);
    let waited = (tries[1].time - tries[0].time).num_milliseconds();
    assert!((7_000..7_100).contains(&waited), "{waited} ms: neither less nor a backoff on top");
    assert!(impatient(&sent).is_empty());
}

#[tokio::test]
async fn pruning_spares_roles_that_discord_manages() {
    let stage = Stage::new().await;
    let other = stage.discord.role_by_hand("Nitro Booster", Bits::NONE, 4);
    stage.discord.edit(|guild| guild.roles.get_mut(&other).expect("made").managed = true);
    applied(&stage, "policy: { prune: all, on_remove: delete, max_deletions: 100%, approval: never }\nroles: { crew: {} }\nchannels: { a: {} }").await;
    let managed = stage.discord.edit(|guild| guild.roles.values().filter(|r| r.managed).count());
    assert_eq!(managed, 2, "the bot's own and the boosters'");
}

#[tokio::test]
async fn channels_wait_for_the_roles_they_name() {
    let stage = Stage::new().await;
    let sent = applied(
        &stage,
        "roles: { a: {}, b: {}, c: {} }\nchannels: { den: { permissions: { c: { allow: [send_messages] }, a: { deny: [send_messages] } } }, free: {} }",
    )
    .await;
    let at = |end: &str, what: &str| {
        sent.iter()
            .position(|r| r.path.ends_with(end) && r.body.as_ref().is_some_and(|b| b["name"] == what))
            .expect(what)
    };
    assert!(at("/roles", "a") < at("/channels", "den") && at("/roles", "c") < at("/channels", "den"));
    assert_eq!(stage.discord.channel(channel(&stage, "den")).permission_overwrites.len(), 2);
}

#[tokio::test]
async fn nothing_sleeps_between_creates() {
    let stage = Stage::new().await;
    let rooms: Vec<String> = (0..30).map(|n| format!("room-{n}: {{}}")).collect();
    let started = stage.discord.clock.elapsed();
    applied(&stage, &format!("channels: {{ {} }}", rooms.join(", "))).await;
    let took = stage.discord.clock.elapsed() - started;
    assert!(took.as_secs() < 2, "{took:?}: only our own pace of 45 a second, because this Discord has no limits");
}

#[tokio::test]
async fn something_deleted_in_discord_is_drift_and_not_an_error() {
    let stage = Stage::new().await;
    let yaml = "roles: { crew: {} }\nchannels: { a: {}, b: { permissions: { crew: { deny: [send_messages] } } } }";
    applied(&stage, yaml).await;
    stage.discord.by_hand("DELETE", &format!("/channels/{}", channel(&stage, "a")), Value::Null);
    stage.discord.by_hand("DELETE", &stage.discord.in_guild(&format!("/roles/{}", role(&stage, "crew"))), Value::Null);
    applied(&stage, yaml).await;
    stage.converge(&stage.manifest(yaml)).await;
    // And one that goes between the plan and its turn fails alone.
    let b = channel(&stage, "b");
    let act = Act::new(stage.discord.owner, "DELETE", &format!("/channels/{b}"), Value::Null);
    let rules = vec![Rule::new(Fault::Edit { act }).on("PATCH", "*").nth(1)];
    stage.discord.simulator.set_faults(Faults { seed: 0, rules });
    let manifest = stage.manifest("roles: { crew: {} }\nchannels: { a: { topic: x }, b: { topic: y, permissions: { crew: { deny: [send_messages] } } } }");
    let report = stage.apply(&manifest).await;
    let failed = report.steps.iter().filter(|(_, outcome)| matches!(outcome, Outcome::Failed { .. })).count();
    assert_eq!((report.verdict, failed), (Verdict::Partial, 1), "{:#?}", report.steps);
    stage.quiet();
    stage.converge(&manifest).await;
}

#[tokio::test]
async fn a_category_that_changes_is_not_a_400() {
    let stage = Stage::new().await;
    applied(&stage, "categories: { x: { channels: { a: {}, b: {}, c: {} } }, y: {} }").await;
    let sent = applied(&stage, "categories: { x: {}, y: { channels: { c: {}, a: {}, b: {} } } }").await;
    assert!(sent.iter().all(|r| r.status < 400));
    let y = channel(&stage, "y");
    assert_eq!(stage.discord.edit(|guild| guild.children(y).count()), 3);
}

#[tokio::test]
async fn a_renamed_object_stays_the_same_object() {
    let stage = Stage::new().await;
    applied(&stage, "roles: { crew: {} }\nchannels: { den: {} }").await;
    let before = (channel(&stage, "den"), role(&stage, "crew"));
    hand_edit(&stage, &format!("/channels/{}", before.0), json!({"name": "cave"}));
    hand_edit(&stage, &stage.discord.in_guild(&format!("/roles/{}", before.1)), json!({"name": "Band"}));
    let sent = applied(&stage, "roles: { crew: { name: Team } }\nchannels: { den: { name: house } }").await;
    assert!(sent.iter().all(|r| r.method != "POST" && r.method != "DELETE"));
    assert_eq!((channel(&stage, "house"), role(&stage, "Team")), before);
}

#[tokio::test]
async fn an_unsaid_grant_is_never_given_to_a_slot_that_was_there() {
    let stage = Stage::new().await;
    let chief = stage.discord.role_by_hand("Chief", Bits::ADMINISTRATOR, 6);
    applied(&stage, "roles: { member: { name: Member } }").await;
    assert_ne!(role(&stage, "Member"), chief, "another role of power is not taken for a new one");
    assert_eq!(stage.discord.role(role(&stage, "Member")).permissions, Bits::NONE);
}

#[tokio::test]
async fn opening_and_closing_never_leave_a_moment_open() {
    let stage = Stage::new().await;
    let yaml = |crew: &str, everyone: &str| {
        format!(
            "roles: {{ crew: {{ permissions: [{crew}] }}, everyone: {{ permissions: [{everyone}] }} }}\nchannels: {{ a: {{ permissions: {{ everyone: {{ deny: [view_channel] }} }} }} }}"
        )
    };
    applied(&stage, &yaml("kick_members", "view_channel, send_messages")).await;
    let sent = applied(&stage, &yaml("ban_members", "view_channel")).await;
    // Everybody loses before anybody gains.
    let last = |id: Snowflake| sent.iter().rposition(|r| r.method == "PATCH" && r.path.ends_with(&id.to_string()));
    let (everyone, crew) =
        (last(stage.discord.guild).expect("it loses"), last(role(&stage, "crew")).expect("it gains"));
    assert!(everyone < crew, "{everyone} {crew}");
}

#[tokio::test]
async fn a_library_cache_never_drives_a_write() {
    // Whatever was read last time, a plan reads anew.
    let stage = Stage::new().await;
    let manifest = stage.manifest("channels: { den: { topic: ours } }");
    stage.converge(&manifest).await;
    hand_edit(&stage, &format!("/channels/{}", channel(&stage, "den")), json!({"topic": "theirs"}));
    let proposal = stage.propose(&manifest).await;
    assert_eq!(proposal.plan.steps.len(), 1);
    hand_edit(&stage, &format!("/channels/{}", channel(&stage, "den")), json!({"topic": "ours"}));
    assert!(stage.propose(&manifest).await.plan.is_empty());
}

#[tokio::test]
async fn a_refused_request_is_not_repeated() {
    let stage = Stage::on(Harness::with(|options| options.limits = Limits::default())).await;
    applied(&stage, "roles: { crew: {} }").await;
    let path = stage.discord.in_guild(&format!("/roles/{}", stage.discord.bot_role));
    let act = Act::new(stage.discord.owner, "PATCH", &path, json!({"permissions": "0"}));
    stage
        .discord
        .simulator
        .set_faults(Faults { seed: 0, rules: vec![Rule::new(Fault::Edit { act }).on("PATCH", "*").nth(1)] });
    stage.discord.simulator.forget_requests();
    let manifest = stage.manifest("roles: { crew: { hoist: true } }");
    let proposal = stage.propose(&manifest).await;
    let report = stage.apply_proposal(&manifest, &proposal, &Consent::Seen).await;
    assert_eq!(report.verdict, Verdict::Failed);
    assert_eq!(stage.writes().len(), 1, "a 403 is an answer: {:?}", stage.writes());
}

#[tokio::test]
async fn everything_is_read_in_two_requests() {
    let stage = Stage::new().await;
    let rooms: Vec<String> = (0..40).map(|n| format!("room-{n}: {{ topic: t }}")).collect();
    let yaml = format!("roles: {{ a: {{}}, b: {{}} }}\nchannels: {{ {} }}", rooms.join(", "));
    applied(&stage, &yaml).await;
    stage.discord.simulator.forget_requests();
    assert!(stage.propose(&stage.manifest(&yaml)).await.plan.is_empty());
    let paths: BTreeSet<String> = stage.discord.simulator.requests().iter().map(|r| r.path.clone()).collect();
    assert_eq!(paths.len(), 2, "{paths:?}");
    assert_eq!(stage.discord.simulator.requests().len(), 2);
}
