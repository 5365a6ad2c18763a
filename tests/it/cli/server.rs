//! What is set for a guild outside of its manifest, as people set it and as it takes effect.

use serde_json::Value;

use super::LAYOUT;
use crate::support::terminal::Terminal;

const ID: &str = "1146231231231231232";

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_shown_and_set() {
    let terminal = Terminal::new().await;
    terminal.run(&["server", "list"]).await.works(&["No guild is known yet."]);
    terminal.run(&["server", "show", ID]).await.fails(1, &["nothing is known of the guild", "setai server list"]);
    let set = ["server", "set", ID, "command_prefix=?", "moderation.restricted_commands=rollback,apply"];
    let shown = terminal.run(&set).await.works(&[]).out.clone();
    assert_eq!(terminal.run(&["server", "show", ID]).await.out, shown);
    let settings = shown.split_once("\n\n").expect("two parts").1;
    insta::assert_snapshot!(settings, @r"
    command_prefix=?
    response_language=en
    feature_flags.natural_language_processing=true
    feature_flags.template_management=true
    feature_flags.audit_logging=true
    feature_flags.advanced_permissions=true
    feature_flags.auto_cleanup=false
    rate_limits.commands_per_user_per_minute=10
    rate_limits.ai_requests_per_hour=100
    moderation.require_admin_approval=false
    moderation.log_channel_id=
    moderation.restricted_commands=apply,rollback
    ");
    let json: Value = serde_json::from_str(&terminal.run(&["server", "show", ID, "--json"]).await.out).expect("JSON");
    assert_eq!((&json["server_id"], &json["settings"]["command_prefix"]), (&Value::from(ID), &Value::from("?")));
    terminal.run(&["server", "list"]).await.works(&[ID, "active", "never applied"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_is_wrong_is_said_at_once_and_nothing_is_set() {
    let terminal = Terminal::new().await;
    let wrong =
        ["server", "set", ID, "command_prefix=two words", "require_admin_approval=true", "response_language=de"];
    let told = terminal.run(&wrong).await;
    told.fails(1, &[]);
    insta::assert_snapshot!(told.err, @r"
    error: 2 of 3 settings cannot be; nothing was changed
      help: command_prefix: `two words` is not a prefix of 1 to 16 characters without spaces. Write `command_prefix=!setai`.
      help: require_admin_approval: there is no such setting. Write `moderation.require_admin_approval=true`.
    ");
    terminal.run(&["server", "list"]).await.works(&["No guild is known yet."]);
    let json = terminal.run(&[&wrong[..], &["--json"]].concat()).await;
    json.fails(1, &[]);
    let json: Value = serde_json::from_str(&json.out).expect("JSON");
    assert_eq!(json.as_array().map(Vec::len), Some(2));
    let keys: Vec<_> = json[0].as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(keys, ["field", "error_message", "suggested_fix", "error_action"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_every_change_needs_an_approval_none_is_made_without() {
    let terminal = Terminal::new().await;
    terminal.write("guild.yaml", LAYOUT);
    let guild = terminal.guild.to_string();
    terminal.run(&["server", "set", &guild, "moderation.require_admin_approval=true"]).await.works(&["=true"]);
    let plan = terminal.run(&["plan", ".", "--json", "-o", "plan.json"]).await;
    plan.works(&["Every change of", "needs an approval", "--approve"]);
    let json: Value = serde_json::from_str(&plan.out).expect("JSON");
    let digest = json["digest"].as_str().expect("a digest");
    for refused in [vec!["apply", ".", "--auto-approve"], vec!["apply", "plan.json"], vec!["apply", "."]] {
        terminal.run(&refused).await.fails(3, &["the plan needs an approval", "--approve"]);
    }
    let written = || terminal.simulator.requests().iter().filter(|request| request.is_write()).count();
    assert_eq!(written(), 0);
    terminal.run(&["apply", ".", "--approve", digest]).await.works(&["Applied: 4 of 4 steps"]);
    assert_eq!(written(), 4);
    // With nothing to do there is nothing to approve.
    terminal.run(&["apply", ".", "--auto-approve"]).await.works(&["Nothing to do."]);
    terminal.run(&["server", "list"]).await.works(&["Rust Study Group", "succeeded", "every change needs an approval"]);

    let runs: Value = serde_json::from_str(&terminal.run(&["history", "--json"]).await.out).expect("JSON");
    let run = runs[0]["id"].as_str().expect("an id");
    let back = terminal.run(&["rollback", run, "--auto-approve"]).await;
    back.fails(3, &["the plan needs an approval", "Look at it above"]);
    assert_eq!(written(), 4);
    let (_, digest) = back.err.split_once("--approve ").expect("it says how");
    let digest = digest.split('`').next().expect("a digest");
    let other = terminal.run(&["rollback", run, "--approve", "0123456789ab"]).await;
    other.fails(3, &["the approval is for another plan", digest]);
    terminal.run(&["rollback", run, "--approve", digest]).await.works(&["Applied: 4 of 4 steps"]);
}
