//! The guild as a whole, its log, and Discord's limits.

use serde_json::json;
use setai::plan::{NoteCode, RefusalCode};
use setai::simulator::faults::{Fault, Faults, Rule};
use setai::simulator::limits::{Limits, Scope, Window};
use setai::simulator::world::Bits;
use setai::store::Verdict;

use super::{bodies, channel, smoothly, worker};
use crate::support::harness::Harness;
use crate::support::oracle::impatient;
use crate::support::stage::{Stage, shown};

#[tokio::test]
async fn f03_the_third_rename_is_waited_for_whatever_the_429_calls_itself() {
    for scope in [Scope::User, Scope::Shared] {
        let limits = Limits { channel_scope: scope, ..Limits::default() };
        let mut stage = Stage::on(Harness::with(|options| options.limits = limits)).await;
        for name in ["a", "b", "c"] {
            smoothly(&stage, &format!("channels: {{ den: {{ name: {name} }} }}")).await;
        }
        // A process that has not seen the renames learns of them from the answer.
        stage.restart();
        stage.discord.simulator.forget_requests();
        let report = stage.apply(&stage.manifest("channels: { den: { name: d }, other: { previously: [] } }")).await;
        assert_eq!(report.verdict, Verdict::Succeeded, "{:?}", report.remark);
        let records = stage.discord.simulator.requests();
        assert_eq!(records.iter().filter(|r| r.status == 429).count(), 1);
        assert!(impatient(&records).is_empty());
    }
}

#[tokio::test]
async fn f22_the_log_says_who_and_why_and_moves_leave_no_trace() {
    let stage = Stage::new().await;
    smoothly(&stage, "roles: { crew: {} }\nchannels: { a: {}, b: {} }").await;
    let before = stage.discord.audited().len();
    smoothly(&stage, "roles: { crew: {} }\nchannels: { b: {}, a: {} }").await;
    assert_eq!(stage.discord.audited().len(), before);
    smoothly(&stage, "roles: { crew: { hoist: true } }\nchannels: { b: {}, a: { topic: x } }").await;
    let news = &stage.discord.audited()[before..];
    assert_eq!(news.len(), 2);
    for (_, reason) in news {
        let reason = reason.as_deref().expect("a reason");
        assert!(reason.starts_with("setai op ") && reason.contains(" by local ann: change "), "{reason}");
    }
}

#[tokio::test]
async fn f25_a_global_429_stops_everything_and_a_shared_one_only_its_resource() {
    for scope in [Scope::Global, Scope::Shared, Scope::User] {
        let stage = Stage::new().await;
        let refused = Rule::new(Fault::RateLimit { scope, retry_after: 9_000 }).on("POST", "*/channels").nth(1);
        stage.discord.simulator.set_faults(Faults { seed: 0, rules: vec![refused] });
        let manifest = stage.manifest("roles: { crew: {} }\nchannels: { a: {}, b: {} }");
        let report = stage.apply(&manifest).await;
        assert_eq!(report.verdict, Verdict::Succeeded, "{:?}", report.remark);
        let records = stage.discord.simulator.requests();
        assert_eq!(records.iter().filter(|r| r.status == 429).count(), 1, "{scope:?}");
        assert!(impatient(&records).is_empty(), "{scope:?}");
    }
}

#[tokio::test]
async fn f26_a_block_in_front_of_the_api_is_not_hammered() {
    let limits = Limits { invalid: Some(Window::new(1, 600)), ban_seconds: 86_400, ..Limits::default() };
    let mut stage = Stage::on(Harness::with(|options| options.limits = limits)).await;
    for name in ["a", "b", "c"] {
        smoothly(&stage, &format!("channels: {{ den: {{ name: {name} }} }}")).await;
    }
    // A process that knows nothing of the renames earns a 429, and with it the block.
    stage.restart();
    stage.discord.simulator.forget_requests();
    let manifest = stage.manifest("channels: { den: { name: d }, x: { previously: [] }, y: { previously: [] } }");
    let started = stage.discord.clock.elapsed();
    let report = stage.apply(&manifest).await;
    assert_ne!(report.verdict, Verdict::Succeeded, "nobody waits for a whole day: {:?}", report.remark);
    let records = stage.discord.simulator.requests();
    let blocked = records.iter().filter(|r| r.status == 429 && r.answer().is_some_and(|a| a.is_string())).count();
    let minutes = (stage.discord.clock.elapsed() - started).as_secs() / 60;
    // Each step that waits asks again once in ten minutes, and the last read of the guild once more.
    assert!(minutes < 60 && blocked <= 8, "{blocked} in {minutes} minutes");
    println!("F26: {blocked} requests met the block in {minutes} minutes, and the run ended");
}

fn community(stage: &Stage) {
    let [rules, notices] = ["rules", "notices"].map(|name| stage.discord.channel_by_hand(json!({"name": name})));
    stage.discord.edit(|guild| {
        guild.features.extend(["COMMUNITY", "NEWS", "INVITE_SPLASH"].map(str::to_owned));
        (guild.rules_channel_id, guild.public_updates_channel_id) = (Some(rules), Some(notices));
        (guild.verification_level, guild.explicit_content_filter) = (1, 2);
    });
}

#[tokio::test]
async fn f28_a_channel_that_community_needs_is_not_deleted() {
    let stage = Stage::new().await;
    community(&stage);
    smoothly(&stage, "channels: { rules: {}, notices: {}, a: {}, b: {} }").await;
    let manifest = stage.manifest("policy: { on_remove: delete }\nchannels: { notices: {}, a: {}, b: {} }");
    let plan = stage.propose(&manifest).await.plan;
    assert!(plan.refusals.iter().any(|r| r.code == RefusalCode::CommunityChannel), "{:#?}", plan.refusals);
    // With another channel in its place it may go, after the settings were changed.
    smoothly(
        &stage,
        "policy: { on_remove: delete }\nsettings: { rules_channel: a }\nchannels: { notices: {}, a: {}, b: {} }",
    )
    .await;
}

#[tokio::test]
async fn f29_features_nobody_can_switch_are_sent_back_as_they_are() {
    let stage = Stage::new().await;
    stage.discord.edit(|guild| guild.features.push("INVITE_SPLASH".to_owned()));
    let yaml = "
settings:
  rules_channel: rules
  public_updates_channel: notices
  verification_level: low
  explicit_content_filter: all_members
  features: { community: true }
channels: { rules: {}, notices: {} }
";
    smoothly(&stage, yaml).await;
    let sent = bodies(&stage, "PATCH", &stage.discord.guild.to_string());
    assert!(
        sent.iter().any(|body| body["features"].as_array().is_some_and(|f| f.contains(&json!("INVITE_SPLASH")))),
        "{sent:#?}"
    );
    let features = stage.discord.edit(|guild| guild.features.clone());
    assert!(["COMMUNITY", "INVITE_SPLASH"].iter().all(|f| features.iter().any(|has| has == f)), "{features:?}");
    assert_eq!(stage.discord.edit(|guild| guild.rules_channel_id), Some(channel(&stage, "rules")));
}

#[tokio::test]
async fn a_bot_that_may_not_switch_community_turns_no_channel_for_it() {
    let stage = Stage::new().await;
    smoothly(&stage, "channels: { rules: {}, updates: {}, news: {} }").await;
    stage.discord.limit_bot(worker() | Bits::MANAGE_GUILD);
    let plan = smoothly(
        &stage,
        "
settings:
  features: { community: true }
  verification_level: low
  explicit_content_filter: all_members
  rules_channel: rules
  public_updates_channel: updates
channels: { rules: {}, updates: {}, news: { type: announcement, topic: Now } }",
    )
    .await;
    let told = |code: NoteCode, subject: &str| plan.notes.iter().any(|n| n.code == code && n.subject == subject);
    assert!(told(NoteCode::MissingPermission, "settings.features"), "{}", shown(&plan));
    assert!(told(NoteCode::MissingFeature, "channels.news"), "{}", shown(&plan));
    assert_eq!(bodies(&stage, "PATCH", &format!("/channels/{}", channel(&stage, "news"))), [json!({"topic": "Now"})]);
}
