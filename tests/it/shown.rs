//! What people read of a plan: in a terminal, in a pull request, and in a list of refusals.

use proptest::prelude::*;
use serde_json::json;
use setai::model::{ObjectKind, Permissions};
use setai::plan::render::{markdown, plain};
use setai::plan::{AccessChange, Lift, Note, NoteCode, Operation, Plan, Refusal, RefusalCode, Risk, Step, Weight};

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

/// A plan in which everything has this name, so many times.
fn called(plan: &Plan, name: &str, times: usize) -> Plan {
    let name = || name.to_owned();
    let access = AccessChange {
        role: name(),
        gains: Permissions::VIEW_CHANNEL,
        loses: Permissions::NONE,
        channels: vec![name(), name()],
    };
    let risks = [Risk::Deletes { kind: ObjectKind::Role, name: name() }, Risk::Access(access)];
    let note =
        Note { weight: Weight::Warning, code: NoteCode::Dependent, subject: name(), text: name(), help: Some(name()) };
    let refusal = Refusal { code: RefusalCode::DoorOpened, lift: Lift::Approval, text: name(), help: name() };
    let renamed = |step: &Step| match &step.operation {
        Operation::UpdateRole { role, changes } => {
            let (mut role, mut changes) = (role.clone(), changes.clone());
            (role.name, changes.name) = (name(), Some(setai::model::Change { from: name(), to: name() }));
            Step { operation: Operation::UpdateRole { role, changes }, ..step.clone() }
        }
        _ => step.clone(),
    };
    let mut called = plan.clone();
    (called.name, called.revision) = (name(), Some(name()));
    called.risks = risks.iter().cycle().take(2 * times).cloned().collect();
    called.notes = vec![note; times];
    called.refusals = vec![refusal; times];
    called.steps = plan.steps.iter().map(renamed).cycle().take(plan.steps.len() * times).collect();
    called
}

/// What is left of a comment without what SetAI itself writes, code, and characters that are escaped.
fn bare(comment: &str) -> String {
    let (head, rest) = comment.split_once("```diff\n").expect("steps");
    let (steps, foot) = rest.split_once("\n```\n").expect("the steps end");
    assert!(!steps.contains("```"), "{steps}");
    let own = ["<details><summary>Steps</summary>", "<details open><summary>Steps</summary>", "</details>"];
    let mut text = format!("{head}{foot}").replace("<sub>", "").replace("</sub>", "").replace("**", "");
    own.iter().for_each(|own| text = text.replacen(own, "", 1));
    let mut bare = String::new();
    for line in text.lines() {
        let mut chars = line.chars();
        while let Some(c) = chars.next() {
            match c {
                '\\' => _ = chars.next(),
                '`' => assert!(chars.any(|c| c == '`'), "code that does not end: {line}"),
                c => bare.push(c),
            }
        }
        bare.push('\n');
    }
    bare
}

/// Text that wants to be more than text, of pieces that are good at it.
fn hostile() -> impl Strategy<Value = String> {
    let pieces = [
        "`",
        "``",
        "```",
        "@",
        "<",
        ">",
        "[",
        "](",
        ")",
        "&",
        "&#64;",
        "\\",
        "*",
        "_",
        "~~",
        "|",
        "#1",
        "# ",
        "\n",
        "\r",
        "\u{2028}",
        "a",
        "org/team",
        "img src=x",
        "!--",
        "https://x",
        "www.x",
        " ",
        "🦀",
    ];
    prop::collection::vec(prop::sample::select(pieces.to_vec()), 1..40).prop_map(|pieces| pieces.concat())
}

/// Nothing in the comment is more than text.
fn means_nothing(comment: &str) {
    let bare = bare(comment);
    let words: Vec<char> = bare.chars().collect();
    for pair in words.windows(2) {
        let is_mention = pair[0] == '@' && pair[1] != '\u{200b}';
        let is_number = pair[0] == '#' && pair[1].is_ascii_digit();
        assert!(!is_mention && !is_number, "{bare}");
    }
    assert!(!bare.contains(['<', '>', '[', ']', '*', '|', '~', '`', '\r', '\u{2028}']), "{bare}");
    assert!(!bare.contains("://") && !bare.contains("www.") && !bare.contains("&#"), "{bare}");
    assert!(bare.lines().all(|line| line.is_empty() || !line.starts_with("# ")), "{bare}");
}

fn plan_of_today() -> Plan {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(changed())
}

#[test]
fn whatever_things_are_called_a_comment_is_text() {
    let plan = plan_of_today();
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) };
    proptest!(config, |(name in hostile())| means_nothing(&markdown(&called(&plan, &name, 1))));
    means_nothing(&markdown(&called(&plan, "`x` @org/team <img src=x>", 1)));
}

#[test]
fn however_large_a_plan_is_its_comment_can_be_posted_and_says_what_is_left_out() {
    let plan = plan_of_today();
    for name in ["&".repeat(100), "🦀".repeat(100), "`<@".repeat(20_000)] {
        for times in [1, 40, 700] {
            let comment = markdown(&called(&plan, &name, times));
            assert!(comment.len() <= 60_000, "{} bytes", comment.len());
            assert!(comment.contains("</details>\n\n<sub>digest `"), "the end is there: {comment}");
            means_nothing(&comment);
            let more = comment.lines().filter(|line| line.contains("... and ")).count();
            assert!(times < 700 || more == 4, "each section says what it leaves out: {more}");
        }
    }
}
