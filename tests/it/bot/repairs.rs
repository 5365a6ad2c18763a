//! What was changed by hand, and what a run did: changed back, kept, left as it is, taken back.

use serde_json::json;
use setai::store::{Author, DriftFilter, DriftStatus};

use super::office::{HALL, Office};

/// A guild whose manifest only reports what is changed by hand.
async fn reporting() -> Office {
    Office::with(&format!("policy: {{ drift: report }}\n{HALL}"), "").await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_changed_by_hand_is_shown_with_who_and_changed_back() {
    let office = reporting().await;
    let news = office.channel_named("news").expect("the channel");
    office.by_hand("PATCH", &format!("/channels/{news}"), json!({ "topic": "Mine" }));
    office.comes_to("drifted").await;

    let shown = office.asks(office.owner, "drift", &[]).await;
    assert_eq!(shown.title, "Rust Study Group differs from its manifest");
    for words in ["Mine", "What is new", "owner"] {
        assert!(shown.text.contains(words), "{words}: {shown:#?}");
    }
    let sure = office.presses(office.owner, &shown, "Change back").await;
    assert_eq!(office.topic_of("news").as_deref(), Some("Mine"), "nothing happens before it is meant");
    let done = office.presses(office.owner, &sure, "Yes, change it back").await;
    assert_eq!(done.title, "Done: 1 of 1 steps");
    assert_eq!(office.topic_of("news").as_deref(), Some("What is new"));
    let guild = office.terminal.guild.to_string().parse().expect("a snowflake");
    let store = office.store().await;
    let owner = Author::User(office.owner.to_string().parse().expect("a snowflake"));
    assert_eq!(store.history(Some(guild), 1).await.expect("runs")[0].author, owner);
    office.comes_to("ready").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_press_about_another_plan_does_nothing() {
    let office = reporting().await;
    let news = office.channel_named("news").expect("the channel");
    office.by_hand("PATCH", &format!("/channels/{news}"), json!({ "topic": "Mine" }));
    office.comes_to("drifted").await;
    let shown = office.asks(office.owner, "drift", &[]).await;
    let sure = office.presses(office.owner, &shown, "Change back").await;
    office.by_hand("PATCH", &format!("/channels/{news}"), json!({ "topic": "Yours" }));
    let refused = office.presses(office.owner, &sure, "Yes, change it back").await;
    assert!(refused.text.contains("changed since this was shown"), "{refused:#?}");
    assert_eq!(office.topic_of("news").as_deref(), Some("Yours"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_left_a_guild_alone_has_to_resume_it_before_anything_is_changed_back() {
    let office = reporting().await;
    let news = office.channel_named("news").expect("the channel");
    office.by_hand("PATCH", &format!("/channels/{news}"), json!({ "topic": "Mine" }));
    office.comes_to("drifted").await;
    let shown = office.asks(office.owner, "drift", &[]).await;
    office.asks(office.owner, "suspend", &[("reason", json!("a raid"))]).await;
    let sure = office.presses(office.owner, &shown, "Change back").await;
    let refused = office.presses(office.owner, &sure, "Yes, change it back").await;
    assert!(refused.text.contains("left alone (a raid)") && refused.text.contains("/setai resume"), "{refused:#?}");
    assert_eq!(office.topic_of("news").as_deref(), Some("Mine"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_fine_is_not_reported_again() {
    let office = reporting().await;
    let news = office.channel_named("news").expect("the channel");
    office.by_hand("PATCH", &format!("/channels/{news}"), json!({ "topic": "Mine" }));
    office.comes_to("drifted").await;
    let shown = office.asks(office.owner, "drift", &[]).await;
    assert_eq!(office.presses(office.owner, &shown, "It is fine").await.title, "The difference is well as it is now");
    let guild = office.terminal.guild.to_string().parse().expect("a snowflake");
    let store = office.store().await;
    assert_eq!(store.drift(Some(guild), DriftFilter::Open, 10).await.expect("differences").len(), 0);
    let all = store.drift(Some(guild), DriftFilter::All, 10).await.expect("differences");
    assert_eq!(all[0].status, DriftStatus::Ignored);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_taken_back_and_the_guild_left_alone_until_somebody_says_otherwise() {
    let heals = format!("policy: {{ drift: heal }}\n{HALL}");
    let office = Office::with(&heals, "").await;
    office.commits(&heals.replace("chat: {}", "chat: { rate_limit_per_user: 7 }")).await;
    let changed = || office.pace_of("chat") == Some(7);
    office.keeper.until("the slow mode", changed).await;
    office.comes_to("ready").await;
    let run = office.types(office.owner, "rollback", "run", "").await[0]["value"].clone();

    let shown = office.asks(office.owner, "rollback", &[("run", run)]).await;
    assert!(shown.title.starts_with("Take back run "), "{shown:#?}");
    let done = office.presses(office.owner, &shown, "Yes, take it back").await;
    assert_eq!(done.title, "Done: 1 of 1 steps", "{done:#?}");
    assert_eq!(office.pace_of("chat"), Some(0));
    office.comes_to("suspended").await;
    let status = office.asks(office.moderator, "status", &[]).await;
    assert_eq!(status.title, "Rust Study Group: left alone");

    assert_eq!(office.asks(office.owner, "resume", &[]).await.title, "Rust Study Group is looked after again");
    office.keeper.until("the slow mode of the manifest", changed).await;
    assert_eq!(office.asks(office.owner, "resume", &[]).await.title, "Rust Study Group was not left alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guild_is_left_alone_for_a_while() {
    let office = Office::new().await;
    let options = [("reason", json!("an event")), ("hours", json!(3))];
    let seen = office.asks(office.owner, "suspend", &options).await;
    assert_eq!(seen.title, "Rust Study Group is left alone");
    assert!(seen.text.starts_with("Until <t:"), "{seen:#?}");
    office.comes_to("suspended").await;
    let refused = office.uses(office.owner, 2, "suspend", &[("reason", json!("x")), ("hours", json!(0))]);
    refused.expect_err("Discord's client takes no such number");
}
