//! Who may ask for what, what they see, in which language, and that it is recorded.

use serde_json::{Value, json};
use setai::simulator::Act;
use setai::store::CommandStatus;

use super::office::{HALL, Office};

#[tokio::test(flavor = "multi_thread")]
async fn a_moderator_sees_the_plan_and_nobody_else_sees_the_answer() {
    let office = Office::new().await;
    let seen = office.asks(office.moderator, "plan", &[]).await;
    assert_eq!(seen.title, "Rust Study Group is as its manifest says");
    let message = seen.message.as_ref().expect("an answer");
    assert_eq!(message.flags & (1 << 6), 1 << 6, "it is for the moderator's eyes only");
    let in_channel = office
        .terminal
        .simulator
        .with_world(|world| world.guilds[&office.terminal.guild].channels[&office.channel].messages.len());
    assert_eq!(in_channel, 0, "nobody else sees it");

    office
        .commits(&format!("policy: {{ approval: always }}\n{}", HALL.replace("chat: {}", "chat: {}, talk: {}")))
        .await;
    office.comes_to("awaiting_approval").await;
    let seen = office.asks(office.moderator, "plan", &[]).await;
    assert_eq!(seen.title, "Plan for Rust Study Group");
    for words in ["```diff", "talk", "This plan waits for somebody’s approval."] {
        assert!(seen.text.contains(words), "{words}: {seen:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_is_told_what_it_takes_and_nothing_happens() {
    let office = Office::new().await;
    let writes = office.terminal.writes().len();
    let seen = office.asks(office.member, "plan", &[]).await;
    assert_eq!(seen.title, "You may not do that");
    assert!(seen.text.contains("manage channels"), "{seen:#?}");
    for (command, options) in [
        ("suspend", vec![("reason", json!("I want to"))]),
        ("resume", vec![]),
        ("approve", vec![]),
        ("rollback", vec![("run", json!("0"))]),
    ] {
        let seen = office.asks(office.moderator, command, &options).await;
        assert!(seen.text.contains("administrator"), "{command}: {seen:#?}");
        assert!(seen.buttons.is_empty());
    }
    assert!(office.types(office.member, "history", "run", "").await.is_empty(), "not even while they type");
    let answers = 6;
    assert_eq!(office.terminal.writes().len(), writes + 2 * 5 + 1, "{answers} answers and nothing else");
    let recorded = office.recorded().await;
    assert_eq!(recorded.len(), 5);
    assert!(recorded.iter().all(|command| command.status == CommandStatus::Cancelled), "{recorded:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_and_the_guild_decide_who_may_more() {
    let office = Office::new().await;
    office.set("moderation.restricted_commands=plan").await;
    let seen = office.asks(office.moderator, "plan", &[]).await;
    assert!(seen.text.contains("leaves it to administrators"), "{seen:#?}");
    assert_eq!(office.asks(office.owner, "plan", &[]).await.title, "Rust Study Group is as its manifest says");
    assert_eq!(office.asks(office.moderator, "status", &[]).await.title, "Rust Study Group: in order");
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_in_the_language_of_the_server() {
    let office = Office::new().await;
    for (language, title) in [
        ("de", "Rust Study Group ist, wie es im Manifest steht"),
        ("es", "Rust Study Group está como dice su manifiesto"),
        ("uk", "Rust Study Group відповідає своєму маніфесту"),
        ("ja", "Rust Study Group is as its manifest says"),
    ] {
        office.set(&format!("response_language={language}")).await;
        assert_eq!(office.asks(office.moderator, "plan", &[]).await.title, title);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_use_is_recorded_with_who_it_was() {
    let office = Office::new().await;
    office.asks(office.moderator, "status", &[]).await;
    office.asks(office.owner, "history", &[("run", json!("nothing-like-it"))]).await;
    let [history, status] = &office.recorded().await[..] else { panic!("two uses") };
    assert_eq!((status.text.as_str(), status.status), ("/setai status", CommandStatus::Completed));
    assert_eq!(status.username.as_deref(), Some("mo"));
    assert_eq!(history.text, "/setai history nothing-like-it");
    assert_eq!(history.status, CommandStatus::Failed);
    assert_eq!(history.user.to_string(), office.owner.to_string());
    assert!(history.error.as_deref().is_some_and(|why| why.contains("nothing-like-it")), "{history:#?}");
    let results = history.results.as_ref().expect("results");
    assert_eq!((&results[0]["action"], &results[0]["success"]), (&json!("history"), &json!(false)));

    office.set("feature_flags.audit_logging=false").await;
    office.asks(office.moderator, "status", &[]).await;
    assert_eq!(office.recorded().await.len(), 2, "the server does not want it recorded");
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_listed_offered_and_shown() {
    let office = Office::new().await;
    let seen = office.asks(office.moderator, "history", &[]).await;
    assert_eq!(seen.title, "What was applied in Rust Study Group");
    assert!(seen.text.contains("done: 3 done, 0 failed, by controller"), "{seen:#?}");
    let offered = office.types(office.moderator, "history", "run", "succ").await;
    let [only] = &offered[..] else { panic!("one run: {offered:#?}") };
    assert!(only["name"].as_str().is_some_and(|name| name.ends_with("succeeded")), "{only}");
    assert_eq!(office.types(office.moderator, "history", "run", "failed").await, Vec::<Value>::new());
    let seen = office.asks(office.moderator, "history", &[("run", only["value"].clone())]).await;
    assert!(seen.title.starts_with("Run ") && seen.title.ends_with(": done"), "{seen:#?}");
    assert!(seen.text.contains("+ create") || seen.text.contains("+ "), "{seen:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_plan_is_shown_in_part_and_is_whole_in_a_file() {
    let office = Office::new().await;
    let many: String = (0..120).map(|n| format!("  room-{n}: {{ topic: Number {n} }}\n")).collect();
    office.commits(&format!("policy: {{ approval: always }}\n{HALL}channels:\n{many}")).await;
    office.comes_to("awaiting_approval").await;
    let seen = office.asks(office.owner, "plan", &[]).await;
    assert!(seen.text.contains("All of it is in the file."), "{seen:#?}");
    let file = seen.file.expect("a file");
    assert_eq!(file.matches("room-").count(), 120, "{file}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guild_nobody_looks_after_says_so() {
    let office = Office::new().await;
    let other = office.terminal.simulator.with_world(|world| {
        let now = setai::clock::Clock::system().now();
        let bot = world.users.values().find(|user| user.application.is_some()).expect("the bot").id;
        world.fresh_guild("Elsewhere", Some(bot), now)
    });
    let channel =
        Act::new(other.owner, "POST", &format!("/guilds/{}/channels", other.guild), json!({ "name": "talk" }));
    let channel = office.terminal.simulator.act(&channel).expect("the owner may").body.expect("a channel");
    let channel = channel["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
    let application = office.terminal.simulator.with_world(|world| {
        world.users.values().find_map(|user| Some(user.application.as_ref()?.id)).expect("the bot's")
    });
    let data = json!({ "name": "setai", "options": [{ "name": "plan", "options": [] }] });
    let wish = setai::simulator::Use {
        application_id: application,
        user_id: other.owner,
        channel_id: channel,
        kind: 2,
        data,
        message_id: None,
    };
    let begun = office.terminal.simulator.interact(&wish).expect("the client offers it");
    let seen = office.sees(begun).await;
    assert!(seen.text.contains("No manifest of this server is known here"), "{seen:#?}");
}
