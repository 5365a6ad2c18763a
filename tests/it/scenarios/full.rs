//! Categories at their limit of 50 channels.

use std::fmt::Write;

use setai::plan::{NoteCode, Outcome};
use setai::store::Verdict;

use super::groups::bare;
use crate::support::harness::Harness;
use crate::support::stage::Stage;

async fn stage() -> Stage {
    let discord = Harness::new();
    bare(&discord);
    Stage::on(discord).await
}

/// Categories with channels of those numbers.
fn yaml(policy: &str, categories: &[(&str, Vec<usize>)]) -> String {
    let mut text = format!("policy: {{ max_deletions: 100%, {policy} }}\ncategories:\n");
    for (name, channels) in categories {
        let opening = if channels.is_empty() { "{}" } else { "\n    channels:" };
        writeln!(text, "  {name}: {opening}").expect("memory");
        for channel in channels {
            writeln!(text, "      room-{channel}: {{}}").expect("memory");
        }
    }
    text
}

#[tokio::test]
async fn two_full_categories_exchange_a_channel() {
    let stage = stage().await;
    let manifest = |a: Vec<usize>, b: Vec<usize>| stage.manifest(&yaml("", &[("a", a), ("b", b)]));
    stage.converge(&manifest((0..50).collect(), (50..100).collect())).await;
    let exchanged = manifest((1..51).collect(), std::iter::once(0).chain(51..100).collect());
    let report = stage.converge(&exchanged).await;
    assert_eq!(report.verdict, Verdict::Succeeded);
}

#[tokio::test]
async fn a_full_category_takes_a_new_channel_for_one_that_is_deleted() {
    let stage = stage().await;
    let manifest = |a: Vec<usize>| stage.manifest(&yaml("on_remove: delete", &[("a", a)]));
    stage.converge(&manifest((0..50).collect())).await;
    let next =
        yaml("on_remove: delete", &[("a", (1..51).collect())]).replace("room-50: {}", "room-50: { previously: [] }");
    stage.converge(&stage.manifest(&next)).await;
}

#[tokio::test]
async fn a_channel_too_many_is_left_where_it_is() {
    let stage = stage().await;
    let full = yaml("", &[("a", (0..50).collect()), ("b", vec![60])]);
    stage.converge(&stage.manifest(&full)).await;
    let info = stage.discord.edit(|guild| guild.channel_named("a").expect("a category").id);
    // Somebody's own channel takes the place of one that goes.
    let gone = stage.discord.edit(|guild| guild.channel_named("room-49").expect("a channel").id);
    stage.discord.by_hand("DELETE", &format!("/channels/{gone}"), serde_json::Value::Null);
    stage.discord.channel_by_hand(serde_json::json!({"name": "theirs", "parent_id": info}));
    let next = stage.manifest(&yaml("", &[("a", (0..49).chain([60]).collect()), ("b", vec![])]));
    let plan = stage.propose(&next).await.plan;
    assert!(
        plan.notes.iter().any(|n| n.code == NoteCode::OverLimit && n.subject == "channels.room-60"),
        "{:?}",
        plan.notes
    );
    let report = stage.apply(&next).await;
    assert!(report.steps.iter().all(|(_, outcome)| *outcome == Outcome::Done), "{:?}", report.steps);
}

#[tokio::test]
async fn what_has_no_place_in_the_archive_stays_where_it_is() {
    let stage = stage().await;
    stage
        .converge(&stage.manifest(&yaml("", &[("a", (0..30).collect()), ("b", (30..60).collect()), ("c", vec![99])])))
        .await;
    let next = stage.manifest(&yaml("", &[("c", vec![99])]));
    let report = stage.apply(&next).await;
    assert!(report.steps.iter().all(|(_, outcome)| *outcome == Outcome::Done), "{:?}", report.steps);
    let archived = stage.discord.edit(|guild| {
        let archive = guild.channel_named("Archive").expect("an archive").id;
        guild.children(archive).count()
    });
    assert_eq!(archived, 50);
    let left = stage.propose(&next).await.plan;
    assert!(left.is_empty(), "{}", crate::support::stage::shown(&left));
    assert_eq!(left.notes.iter().filter(|n| n.code == NoteCode::OverLimit).count(), 10);
}

#[tokio::test]
async fn who_cannot_leave_keeps_a_place_from_who_would_come() {
    let stage = stage().await;
    stage.converge(&stage.manifest(&yaml("", &[("a", (0..50).collect()), ("b", (50..99).collect())]))).await;
    let b = stage.discord.edit(|guild| guild.channel_named("b").expect("a category").id);
    stage.discord.channel_by_hand(serde_json::json!({"name": "theirs", "parent_id": b}));
    let next = yaml("", &[("a", (1..50).chain([100]).collect()), ("b", (50..99).chain([0]).collect())]);
    let next = stage.manifest(&next.replace("room-100: {}", "room-100: { previously: [] }"));
    let plan = stage.propose(&next).await.plan;
    let over: Vec<&str> =
        plan.notes.iter().filter(|n| n.code == NoteCode::OverLimit).map(|n| n.subject.as_str()).collect();
    assert_eq!(over, ["channels.room-0", "channels.room-100"]);
    let report = stage.apply(&next).await;
    assert!(report.steps.iter().all(|(_, outcome)| *outcome == Outcome::Done), "{:?}", report.steps);
}
