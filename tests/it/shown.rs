//! What people read of a plan: in a terminal, in a pull request, and in a list of refusals.

use serde_json::json;
use setai::plan::render::{markdown, plain};

use crate::support::stage::Stage;

const BEFORE: &str = r##"
policy: { max_deletions: 100%, on_remove: delete }
permission_sets:
  hidden: { deny: [view_channel] }
roles:
  moderator: { name: Moderator, permissions: [manage_messages, view_channel] }
  helper: { name: Helper }
categories:
  study:
    name: 🦀 Study
    channels:
      questions: { topic: Ask anything. }
      staff: { permissions: { everyone: hidden, moderator: { allow: [view_channel] } } }
      old-room: {}
      room-1: { type: voice }
"##;

const AFTER: &str = r##"
policy: { max_deletions: 1, on_remove: delete }
roles:
  moderator: { name: Moderators, color: "#3498db", permissions: [view_channel, kick_members] }
categories:
  study:
    name: 🦀 Study
    channels:
      staff: { permissions: { moderator: { allow: [view_channel, send_messages] } } }
      questions: { topic: "Ask anything, one thing at a time, and say what you have tried already.\nThen wait.", rate_limit_per_user: 30 }
      room-1: { type: voice, user_limit: 8 }
      help-desk: { type: forum, previously: [], tags: [{ name: open, emoji: "🟢" }, done] }
expectations:
  - { role: everyone, cannot: [view_channel], in: [staff] }
"##;

async fn changed() -> setai::plan::Plan {
    let stage = Stage::new().await;
    stage.converge(&stage.manifest(BEFORE)).await;
    let foreign = json!({ "name": "not-ours" });
    stage.discord.channel_by_hand(foreign);
    let mut plan = stage.engine.propose(&stage.manifest(AFTER), Some("3f9c2e1ab04d")).await.expect("a plan").plan;
    // Snowflakes and digests are those of one moment.
    plan.guild = twilight_model::id::Id::new(1_146_231_231_231_231_232);
    plan
}

fn without_digest(text: &str, digest: &str) -> String {
    text.replace(digest, "DIGEST")
}

#[tokio::test]
async fn a_plan_in_a_terminal() {
    let plan = changed().await;
    insta::assert_snapshot!("plan_in_a_terminal", without_digest(&plain(&plan), plan.digest.short()));
}

#[tokio::test]
async fn a_plan_in_a_pull_request() {
    let plan = changed().await;
    insta::assert_snapshot!("plan_in_a_pull_request", without_digest(&markdown(&plan), plan.digest.short()));
}

#[tokio::test]
async fn a_plan_is_the_same_after_a_way_through_json() {
    let plan = changed().await;
    let text = serde_json::to_string(&plan).expect("JSON");
    assert_eq!(serde_json::from_str::<setai::plan::Plan>(&text).expect("a plan"), plan);
}

#[tokio::test]
async fn names_cannot_break_out_of_a_comment() {
    let stage = Stage::new().await;
    let manifest =
        stage.manifest("name: \"<b>@everyone</b> `x`\"\nchannels: { a: { topic: \"```\\n# heading @here\" } }\n");
    let text = markdown(&stage.propose(&manifest).await.plan);
    assert!(!text.contains("<b>") && !text.contains("@everyone"), "{text}");
    assert_eq!(text.matches("```").count(), 2, "only our own fence opens and closes:\n{text}");
}
