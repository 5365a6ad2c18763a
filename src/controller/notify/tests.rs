//! What is told, when, and how often.

use super::*;

pub(super) fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_000_000 + seconds, 0).unwrap_or_default()
}

pub(super) fn event(guild: u64, occasion: Occasion, reason: &str) -> Event {
    let guild = GuildId::new_checked(guild);
    Event {
        guild,
        name: "Rust Study Group".to_owned(),
        occasion,
        reason: reason.to_owned(),
        revision: None,
        mark: None,
        plan: None,
        text: format!("{occasion} because of {reason}"),
        next: None,
        part_of: None,
    }
}

fn desk() -> Desk {
    Desk::new(Occasion::ALL.to_vec(), Vec::new())
}

fn occasions(message: Option<Message>) -> Vec<Occasion> {
    message.into_iter().flat_map(|message| message.notices).map(|notice| notice.occasion).collect()
}

#[test]
fn one_thing_is_told_once_whatever_its_words() {
    let mut desk = desk();
    desk.hear(event(7, Occasion::Failed, "permission"), at(0));
    assert_eq!(desk.due(at(1)), None, "what happens next may go with it");
    assert_eq!(occasions(desk.due(at(20))), [Occasion::Failed]);
    for look in 1..100 {
        let text = format!("failed for the {look}th time after {look} s");
        desk.hear(Event { text, ..event(7, Occasion::Failed, "permission") }, at(60 * look));
    }
    assert_eq!((desk.due(at(9_000)), desk.next_due()), (None, None));
}

#[test]
fn an_outage_has_one_message_and_its_end_another() {
    let mut desk = desk();
    for look in 0..50 {
        desk.hear(event(0, Occasion::Outage, "database"), at(look));
    }
    assert_eq!(occasions(desk.due(at(60))), [Occasion::Outage]);
    desk.hear(event(0, Occasion::Recovered, "database"), at(600));
    desk.hear(event(0, Occasion::Recovered, "database"), at(601));
    assert_eq!(occasions(desk.due(at(700))), [Occasion::Recovered]);
    desk.hear(event(0, Occasion::Outage, "database"), at(800));
    assert_eq!(occasions(desk.due(at(900))), [Occasion::Outage], "the next one is another");
}

#[test]
fn what_ended_before_anybody_was_told_is_not_told() {
    let mut desk = desk();
    desk.hear(event(7, Occasion::Failed, "timeout"), at(0));
    desk.hear(event(7, Occasion::Recovered, "timeout"), at(5));
    assert_eq!(desk.due(at(100)), None);
    desk.hear(event(7, Occasion::Recovered, "never heard of"), at(200));
    assert_eq!(desk.due(at(300)), None, "an end without a beginning");
}

#[test]
fn another_revision_is_news() {
    let mut desk = desk();
    let of = |revision: &str| Event {
        revision: Some(revision.to_owned()),
        ..event(7, Occasion::AwaitingApproval, "destructive")
    };
    desk.hear(of("aaa"), at(0));
    desk.hear(of("bbb"), at(5));
    let message = desk.due(at(30)).expect("a message");
    assert_eq!(message.notices.len(), 1, "of the earlier one nobody was told");
    assert_eq!(message.notices[0].revision.as_deref(), Some("bbb"));
    desk.hear(of("bbb"), at(60));
    assert_eq!(desk.due(at(90)), None);
    desk.hear(of("ccc"), at(100));
    assert_eq!(desk.due(at(200)).map(|message| message.notices.len()), Some(1));
}

#[test]
fn there_are_only_so_many_messages_and_nothing_is_lost_between() {
    let mut desk = desk();
    let mut told = 0;
    let mut messages = Vec::new();
    for guild in 1..=120 {
        let now = at(guild * 30);
        desk.hear(event(u64::try_from(guild).unwrap_or(1), Occasion::Drifted, "by hand"), now);
        if let Some(message) = desk.due(now + Desk::TOGETHER) {
            told += message.notices.len();
            messages.push(now + Desk::TOGETHER);
        }
    }
    told += desk.due(at(100_000)).map_or(0, |message| message.notices.len());
    assert_eq!(told, 120);
    for window in messages.windows(Desk::MOST + 1) {
        assert!(window[Desk::MOST] - window[0] >= Desk::SPAN, "{window:?}");
    }
}

#[test]
fn a_flood_is_counted() {
    let mut desk = desk();
    for guild in 1..=Desk::MOST_WAITING as u64 + 50 {
        desk.hear(event(guild, Occasion::Stalled, "permission"), at(0));
    }
    let message = desk.due(at(60)).expect("a message");
    assert_eq!((message.notices.len(), message.dropped), (Desk::MOST_WAITING, 50));
    let content = message.for_discord("an id")["content"].as_str().unwrap_or_default().to_owned();
    assert!(content.chars().count() <= Message::LONGEST, "{}", content.chars().count());
    let shown = content.matches("🛑").count();
    assert!(content.ends_with(&format!("and {} more", Desk::MOST_WAITING + 50 - shown)), "{content}");
}

#[test]
fn everybody_hears_what_they_asked_for() {
    let mut desk = Desk::new(vec![Occasion::Failed], vec![GuildId::new(7)]);
    desk.hear(event(8, Occasion::Failed, "x"), at(0));
    desk.hear(event(7, Occasion::Drifted, "x"), at(0));
    desk.hear(event(7, Occasion::Failed, "x"), at(0));
    desk.hear(event(0, Occasion::Failed, "everything"), at(0));
    assert_eq!(occasions(desk.due(at(60))).len(), 2, "its guild, and what concerns all");
    desk.hear(event(7, Occasion::Recovered, "x"), at(70));
    assert_eq!(desk.due(at(200)), None, "of ends nobody asked to hear");
}

#[test]
fn whatever_a_text_holds_nobody_is_pinged() {
    let text = format!("@everyone\n✅ all is well\n{}", "ä".repeat(5_000));
    let mut desk = desk();
    desk.hear(Event { text, ..event(7, Occasion::Failed, "x") }, at(0));
    let message = desk.due(at(60)).expect("a message");
    let body = message.for_discord("an id");
    assert_eq!(body["allowed_mentions"], serde_json::json!({ "parse": [] }));
    let content = body["content"].as_str().unwrap_or_default();
    assert!(!content.contains("@everyone"), "{content}");
    assert_eq!(content.lines().count(), 3, "what happened, why, and when; no line of somebody else's");
    let server: serde_json::Value = serde_json::from_slice(&message.for_server("an id")).expect("JSON");
    assert_eq!((&server["version"], &server["id"]), (&1.into(), &"an id".into()));
    assert_eq!((&server["notices"][0]["occasion"], &server["notices"][0]["guild"]), (&"failed".into(), &"7".into()));
}

#[test]
fn whoever_was_told_of_an_earlier_stage_is_told_of_the_end() {
    let mut desk = desk();
    let of = |mark: &str| Event { mark: Some(mark.to_owned()), ..event(7, Occasion::Drifted, "by hand") };
    desk.hear(of("one"), at(0));
    assert_eq!(occasions(desk.due(at(20))), [Occasion::Drifted]);
    desk.hear(of("two"), at(30));
    desk.hear(event(7, Occasion::Recovered, "by hand"), at(31));
    assert_eq!(occasions(desk.due(at(100))), [Occasion::Recovered]);
}

#[test]
fn what_one_message_tells_of_all_guilds_is_not_told_of_each_again() {
    let of =
        |guild| Event { part_of: Some(Occasion::SourceFailed), ..event(guild, Occasion::Stalled, "BranchNotFound") };
    let mut both = desk();
    both.hear(event(0, Occasion::SourceFailed, "main"), at(0));
    (1..50).for_each(|guild| both.hear(of(guild), at(1)));
    assert_eq!(occasions(both.due(at(60))), [Occasion::SourceFailed]);
    let mut one = Desk::new(vec![Occasion::Stalled], Vec::new());
    one.hear(event(0, Occasion::SourceFailed, "main"), at(0));
    one.hear(of(7), at(1));
    assert_eq!(occasions(one.due(at(60))), [Occasion::Stalled], "nobody else tells it");
}

#[test]
fn what_an_earlier_process_knew_is_told_once_more_and_its_end_in_any_case() {
    let mut desk = desk();
    desk.recall(&event(7, Occasion::Stalled, "permission"));
    desk.recall(&event(8, Occasion::Stalled, "permission"));
    desk.recall(&event(9, Occasion::Applied, "applied"));
    assert_eq!(desk.due(at(60)), None, "by itself it is no news");
    desk.hear(event(7, Occasion::Stalled, "permission"), at(100));
    desk.hear(event(7, Occasion::Stalled, "permission"), at(101));
    desk.hear(event(8, Occasion::Recovered, "permission"), at(102));
    assert_eq!(occasions(desk.due(at(200))), [Occasion::Stalled, Occasion::Recovered]);
}

#[test]
fn every_application_is_told_once() {
    let mut desk = desk();
    let of = |run: &str| Event { mark: Some(run.to_owned()), ..event(7, Occasion::Applied, "Applied") };
    for run in ["one", "one", "two"] {
        desk.hear(of(run), at(0));
    }
    assert_eq!(occasions(desk.due(at(60))).len(), 2);
}
