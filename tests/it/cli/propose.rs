//! A request in plain English, as somebody types it: shown, written, refused.

use serde_json::Value;

use super::LAYOUT;
use crate::support::terminal::Terminal;

const REQUEST: &str =
    "Add a study area with two voice rooms only moderators can see, and set the topic of #questions to Ask away";

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_shown_and_written_and_then_planned() {
    let terminal = Terminal::new().await;
    let path = terminal.write("guild.yaml", &format!("# ours\n{LAYOUT}"));
    let before = std::fs::read_to_string(&path).expect("a manifest");
    let shown = terminal.run(&["propose", REQUEST, "guild.yaml"]).await;
    shown.fails(
        3,
        &[
            "Understood (",
            "+ categories.study-area",
            "+ channels.study-room-2 in study-area",
            "nobody can be asked here",
            "--write",
        ],
    );
    assert_eq!(std::fs::read_to_string(&path).expect("a manifest"), before, "nothing was written");

    let written = terminal.run(&["propose", REQUEST, ".", "--write"]).await;
    written.works(&["+      study-room-1:", "~ channels.questions: topic `Ask away`", "Wrote guild.yaml"]);
    let after = std::fs::read_to_string(&path).expect("a manifest");
    assert!(after.contains("# ours") && after.contains("topic: Ask away"), "{after}");
    terminal.run(&["plan", "."]).await.works(&["Study Area", "Study Room 2"]);
    let again = terminal.run(&["propose", "set the topic of #questions to Ask away", ".", "--write"]).await;
    again.works(&["says all of this already"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_understood_is_said_and_the_rest_is_done() {
    let terminal = Terminal::new().await;
    let path = terminal.write("guild.yaml", LAYOUT);
    let request = "make the server faster and rename #questions to answers";
    let told = terminal.run(&["propose", request, ".", "--write"]).await;
    told.fails(
        4,
        &[
            "Not understood:",
            "`make the server faster`: it is no request that is understood",
            "~ channels.questions: name `answers`",
        ],
    );
    assert!(std::fs::read_to_string(&path).expect("a manifest").contains("name: answers"));

    let nothing = terminal.run(&["propose", "write a poem", "."]).await;
    nothing.fails(1, &["`write a poem`: it is no request", "comes to no change; nothing was written", "other words"]);
    let admin = terminal.run(&["propose", "give moderators administrator", ".", "--write"]).await;
    admin.fails(1, &["`administrator`: administrator is never granted"]);
    terminal.write("guild.yaml", "categories: { tea: {} }\nchannels: { tea: {} }\n");
    let which = terminal.run(&["propose", "delete tea", "."]).await;
    which.fails(1, &["`tea`: several objects have this name", "the category tea or the text channel tea"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_get_the_interpretation_as_json() {
    let terminal = Terminal::new().await;
    let path = terminal.write("guild.yaml", LAYOUT);
    let before = std::fs::read_to_string(&path).expect("a manifest");
    let shown = terminal.run(&["propose", "delete #questions tomorrow", ".", "--json"]).await;
    let json: Value = serde_json::from_str(&shown.works(&[]).out).expect("JSON");
    assert_eq!((&json["written"], &json["interpretation"]["intent"]), (&Value::from(false), &Value::from("delete")));
    assert_eq!(json["interpretation"]["edits"][0]["object"], "channels.questions");
    assert_eq!(json["interpretation"]["not_understood"][0]["text"], "tomorrow");
    assert_eq!(json["changed"][0], "guild.yaml");
    assert_eq!(std::fs::read_to_string(&path).expect("a manifest"), before, "it was only shown");
    let written = terminal.run(&["propose", "delete #questions", ".", "--json", "--write"]).await;
    let json: Value = serde_json::from_str(&written.works(&[]).out).expect("JSON");
    assert_eq!(json["written"], true);
    assert!(!std::fs::read_to_string(&path).expect("a manifest").contains("questions"));
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_answered_in_clear_words() {
    let terminal = Terminal::new().await;
    let missing = terminal.run(&["propose", "delete #x", "nowhere.yaml"]).await;
    missing.fails(1, &["cannot read `nowhere.yaml`", "Name a manifest"]);
    terminal.run(&["propose", "delete #x", "."]).await.fails(1, &["no file has a `guild:` key", "setai init"]);
    terminal.write("guild.yaml", LAYOUT);
    terminal.run(&["propose", "  ", "."]).await.fails(1, &["the request is empty", "setai propose"]);
    let long = "a ".repeat(2001) + "b";
    terminal.run(&["propose", &long, "."]).await.fails(1, &["4003 characters; at most 4000"]);
    terminal.run(&["propose"]).await.fails(1, &["TEXT"]);
    let category = terminal.run(&["propose", "delete the study category", "."]).await;
    category
        .fails(3, &["cannot be changed like that", "still has the channels questions, room-1", "Nothing was written"]);
    terminal.write("guild.yaml", "channels: { rules: { topick: x } }\n");
    terminal.run(&["propose", "delete #rules", "."]).await.fails(1, &["topick"]);
    terminal.write("guild.yaml", LAYOUT);
    std::fs::write(terminal.path("other.yaml"), "version: 1\nguild: \"42\"\n").expect("a file");
    let several = terminal.run(&["propose", "delete #questions", "."]).await;
    several.fails(1, &["several manifests here", "guild.yaml, other.yaml"]);
}
