//! Somebody changes a guild by hand, and the manifest takes it over.

use std::process::Command;

use serde_json::{Value, json};
use setai::simulator::Act;
use setai::simulator::world::Snowflake;

use crate::support::terminal::Terminal;

const LAYOUT: &str = r##"
# What the team agreed on.
policy: { approval: never, max_deletions: 100%, on_remove: delete }

settings:
  verification_level: medium   # not higher
  system_channel: welcome

permission_sets:
  hidden: { deny: [view_channel] }

access:
  staff: { everyone: hidden, moderator: { allow: [view_channel] } }

roles:
  # The boss.
  admin: { name: Admin, color: "#e74c3c" }  # red
  moderator: { name: Moderator, permissions: [manage_messages] }
  guest: {}

channels:
  welcome: { topic: Start here }

categories:
  study:
    channels:
      questions:
        topic: Ask    # anything
      staff-room: { permissions: staff }
      old-room: {}
      archive-room: {}
  lounge:
    channels:
      sofa: {}

expectations:
  - { role: everyone, cannot: [administrator], in: [old-room, questions] }
"##;

/// A guild that is as the manifest says.
async fn applied() -> Terminal {
    let terminal = Terminal::new().await;
    terminal.write("guild.yaml", LAYOUT);
    terminal.run(&["apply", ".", "--auto-approve"]).await.works(&["equals its manifest"]);
    terminal
}

fn channel(terminal: &Terminal, name: &str) -> Snowflake {
    terminal.simulator.with_world(|world| {
        let guild = world.guilds.get(&terminal.guild).expect("the guild");
        guild.channels.iter().find(|(_, c)| c.name == name).map(|(id, _)| *id).expect("the channel")
    })
}

fn role(terminal: &Terminal, name: &str) -> Snowflake {
    terminal.simulator.with_world(|world| {
        let guild = world.guilds.get(&terminal.guild).expect("the guild");
        guild.roles.iter().find(|(_, r)| r.name == name).map(|(id, _)| *id).expect("the role")
    })
}

#[track_caller]
fn by_hand(terminal: &Terminal, method: &str, path: &str, body: Value) {
    let act = Act::new(terminal.owner, method, path, body);
    terminal.simulator.act(&act).unwrap_or_else(|error| panic!("the owner may {method} {path}: {error:?}"));
}

fn manifest(terminal: &Terminal) -> String {
    std::fs::read_to_string(terminal.path("guild.yaml")).expect("the manifest")
}

/// Everything a person can do at once: each change is adopted, and nothing is left to do.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_was_done_by_hand_is_written_down() {
    let terminal = applied().await;
    let guild = terminal.guild;
    let at = |name: &str| format!("/channels/{}", channel(&terminal, name));
    by_hand(&terminal, "PATCH", &at("questions"), json!({ "topic": "Ask here", "rate_limit_per_user": 5 }));
    by_hand(
        &terminal,
        "PATCH",
        &at("sofa"),
        json!({ "name": "couch", "parent_id": channel(&terminal, "study").to_string(), "position": 9 }),
    );
    by_hand(&terminal, "DELETE", &at("old-room"), Value::Null);
    by_hand(
        &terminal,
        "PATCH",
        &format!("/guilds/{guild}/roles/{}", role(&terminal, "Admin")),
        json!({ "color": 255, "hoist": true }),
    );
    by_hand(
        &terminal,
        "PATCH",
        &format!("/guilds/{guild}/roles/{}", role(&terminal, "Moderator")),
        json!({ "permissions": "1026", "name": "Mods" }),
    );
    by_hand(&terminal, "DELETE", &format!("/guilds/{guild}/roles/{}", role(&terminal, "guest")), Value::Null);
    by_hand(
        &terminal,
        "PATCH",
        &format!("/guilds/{guild}"),
        json!({ "verification_level": 3, "system_channel_id": null }),
    );
    let moderator = role(&terminal, "Mods");
    let overwrites = json!([
        { "id": guild.to_string(), "type": 0, "allow": "0", "deny": "1024" },
        { "id": moderator.to_string(), "type": 0, "allow": "1024", "deny": "0" },
    ]);
    by_hand(&terminal, "PATCH", &at("archive-room"), json!({ "permission_overwrites": overwrites }));
    by_hand(&terminal, "PATCH", &at("welcome"), json!({ "permission_overwrites": [] }));

    let shown = terminal.run(&["drift", ".", "--adopt"]).await;
    shown.fails(3, &["nobody can be asked here, so nothing was written", "--auto-approve", "+++ b/guild.yaml"]);
    assert!(manifest(&terminal).contains("topic: Ask "), "nothing was written");
    terminal.run(&["drift", ".", "--adopt", "--auto-approve"]).await.works(&["Adopted", "expectations.0.in.0"]);
    terminal.run(&["plan", ".", "--detailed-exitcode"]).await.works(&["Nothing to do."]);
    terminal.run(&["drift", ".", "--detailed-exitcode"]).await.works(&["no drift"]);

    let text = manifest(&terminal);
    for comment in ["# What the team agreed on.", "# not higher", "# The boss.", "# red", "# anything"] {
        assert!(text.contains(comment), "{comment} is lost:\n{text}");
    }
    let shown = text.split_once("policy:").map(|(_, rest)| rest).unwrap_or_default();
    insta::assert_snapshot!(shown.trim_start());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_somebody_dragged_is_taken_over() {
    let terminal = applied().await;
    let guild = terminal.guild;
    let order = ["archive-room", "staff-room", "old-room", "questions"];
    let positions: Vec<Value> = order
        .iter()
        .enumerate()
        .map(|(at, name)| json!({ "id": channel(&terminal, name).to_string(), "position": at }))
        .collect();
    by_hand(&terminal, "PATCH", &format!("/guilds/{guild}/channels"), json!(positions));
    let ranks = ["Admin", "Moderator", "guest"];
    let ranks =
        ranks.iter().zip(1..).map(|(name, at)| json!({ "id": role(&terminal, name).to_string(), "position": at }));
    by_hand(&terminal, "PATCH", &format!("/guilds/{guild}/roles"), ranks.collect());
    terminal.run(&["plan", ".", "--detailed-exitcode"]).await.fails(2, &[]);
    terminal.run(&["drift", ".", "--adopt", "--yes"]).await.works(&["Adopted channels, roles"]);
    terminal.run(&["plan", ".", "--detailed-exitcode"]).await.works(&["Nothing to do."]);
    let text = manifest(&terminal);
    let place = |word: &str| text.find(word).unwrap_or_else(|| panic!("{word} is missing"));
    assert!(place("archive-room:") < place("staff-room:") && place("old-room:") < place("questions:"), "{text}");
    assert!(place("guest:") < place("# The boss."), "the comment goes along:\n{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_named_is_adopted() {
    let terminal = applied().await;
    for name in ["questions", "welcome"] {
        by_hand(&terminal, "PATCH", &format!("/channels/{}", channel(&terminal, name)), json!({ "topic": "Other" }));
    }
    let unknown = terminal.run(&["drift", ".", "--adopt", "channels.sofa", "--yes"]).await;
    unknown.fails(1, &["`channels.sofa` does not differ", "`channels.questions`, `channels.welcome`"]);
    terminal
        .run(&["drift", ".", "--adopt", "channels.questions", "--yes"])
        .await
        .works(&["Adopted channels.questions."]);
    let text = manifest(&terminal);
    assert!(text.contains("topic: Other    # anything") && text.contains("topic: Start here"), "{text}");
    terminal.run(&["plan", ".", "--detailed-exitcode"]).await.fails(2, &["welcome"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_made_by_hand_gets_a_key_where_the_policy_would_remove_it() {
    let terminal = applied().await;
    terminal.write("guild.yaml", &LAYOUT.replace("on_remove: delete", "on_remove: delete, prune: all"));
    // What Discord made with the guild is there as well.
    let study = channel(&terminal, "study").to_string();
    let body = json!({ "name": "night-owls", "type": 0, "parent_id": study, "topic": "Late" });
    by_hand(&terminal, "POST", &format!("/guilds/{}/channels", terminal.guild), body);
    terminal.run(&["drift", ".", "--adopt", "--yes"]).await.works(&["Adopted", "channels.night-owls"]);
    terminal.run(&["plan", ".", "--detailed-exitcode"]).await.works(&["Nothing to do."]);
    let text = manifest(&terminal);
    assert!(text.contains("night-owls: { topic: Late }") || text.contains("night-owls:\n"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_category_deleted_by_hand_leaves_its_channels_outside() {
    let terminal = applied().await;
    by_hand(&terminal, "DELETE", &format!("/channels/{}", channel(&terminal, "lounge")), Value::Null);
    terminal.run(&["drift", ".", "--adopt", "--yes"]).await.works(&["Adopted", "categories.lounge"]);
    terminal.run(&["plan", ".", "--detailed-exitcode"]).await.works(&["Nothing to do."]);
    let text = manifest(&terminal);
    assert!(!text.contains("lounge") && text.contains("\n  sofa: {}"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_never_applied_is_no_drift_to_adopt() {
    let terminal = applied().await;
    terminal.write("guild.yaml", &LAYOUT.replace("  guest: {}", "  guest: {}\n  fresh: {}"));
    let said = terminal.run(&["drift", ".", "--adopt", "--yes"]).await;
    said.works(&["There is nothing to adopt.", "Not adopted: roles.fresh. It was never in Discord"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_gets_the_commit_and_the_work_tree_stays() {
    let terminal = applied().await;
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.arg("-C").arg(terminal.folder.path()).args(arguments);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", terminal.folder.path());
        let output = command.output().expect("git");
        assert!(output.status.success(), "git {arguments:?}: {output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    git(&["init", "-q", "-b", "main"]);
    git(&["config", "user.name", "Ann"]);
    git(&["config", "user.email", "ann@example.org"]);
    git(&["add", "guild.yaml"]);
    git(&["commit", "-q", "-m", "Begin"]);
    let path = format!("/channels/{}", channel(&terminal, "questions"));
    by_hand(&terminal, "PATCH", &path, json!({ "topic": "Ask here" }));
    let before = (manifest(&terminal), git(&["status", "--porcelain", "--untracked-files=no"]));
    let adopt = ["drift", ".", "--adopt", "--yes", "--branch", "setai/drift"];
    terminal.run(&adopt).await.works(&["Adopted channels.questions on the branch `setai/drift`"]);
    assert_eq!(
        before,
        (manifest(&terminal), git(&["status", "--porcelain", "--untracked-files=no"])),
        "nothing else is touched"
    );
    assert_eq!(git(&["rev-parse", "--abbrev-ref", "HEAD"]).trim(), "main");
    let commit = git(&["show", "--format=%an <%ae>%n%B", "setai/drift"]);
    for words in [
        "Ann <ann@example.org>",
        "Adopt channels.questions from Discord",
        "Changed last by:",
        "* #questions: ",
        "+        topic: Ask here    # anything",
    ] {
        assert!(commit.contains(words), "`{words}` is missing:\n{commit}");
    }
    terminal.run(&adopt).await.fails(1, &["the branch `setai/drift` is there already"]);
    std::fs::write(terminal.path("guild.yaml"), format!("{}# mine\n", manifest(&terminal))).expect("a file");
    let other = ["drift", ".", "--adopt", "--yes", "--branch", "other"];
    terminal.run(&other).await.fails(1, &["`guild.yaml` has changes that are in no commit"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_of_somebody_else_that_only_changes_along_stays_somebody_elses() {
    let terminal = Terminal::new().await;
    let layout = LAYOUT.replace("  guest: {}\n", "  guest: {}\n  visitor: {}\n");
    terminal.write("guild.yaml", &layout);
    terminal.run(&["apply", ".", "--auto-approve"]).await.works(&["equals its manifest"]);
    let said = |name: &str, allow: &str, deny: &str| json!({ "id": role(&terminal, name).to_string(), "type": 0, "allow": allow, "deny": deny });
    let overwrites = [said("guest", "1024", "0"), said("visitor", "0", "1024")];
    let body = json!({ "name": "foreign", "type": 0, "permission_overwrites": overwrites });
    by_hand(&terminal, "POST", &format!("/guilds/{}/channels", terminal.guild), body);
    by_hand(&terminal, "PATCH", &format!("/channels/{}", channel(&terminal, "welcome")), json!({ "topic": "Other" }));
    // Two roles go, and the channel says of both what must not come apart.
    terminal.write("guild.yaml", &LAYOUT.replace("  guest: {}\n", ""));
    terminal
        .run(&["plan", "."])
        .await
        .works(&["#foreign is not managed, but what it says of deleted roles goes with them."]);
    terminal.run(&["drift", ".", "--adopt", "--yes"]).await.works(&["Adopted channels.welcome."]);
    let text = manifest(&terminal);
    assert!(text.contains("topic: Other") && !text.contains("foreign"), "{text}");
}
