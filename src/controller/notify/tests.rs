//! What is told, when, and how often.

use super::*;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_000_000 + seconds, 0).unwrap_or_default()
}

fn event(guild: u64, occasion: Occasion, reason: &str) -> Event {
    let guild = GuildId::new_checked(guild);
    let text = format!("{occasion} because of {reason}");
    Event { guild, occasion, reason: reason.to_owned(), revision: None, text }
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
    let content = message.for_discord()["content"].as_str().unwrap_or_default().to_owned();
    assert!(content.chars().count() <= Message::LONGEST, "{}", content.chars().count());
    let shown = content.lines().count() - 1;
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
fn a_text_pings_nobody_and_stays_one_line() {
    let text = format!("@everyone\n✅ all is well\n{}", "ä".repeat(5_000));
    let mut desk = desk();
    desk.hear(Event { text, ..event(7, Occasion::Failed, "x") }, at(0));
    let message = desk.due(at(60)).expect("a message");
    let body = message.for_discord();
    assert_eq!(body["allowed_mentions"], serde_json::json!({ "parse": [] }));
    let content = body["content"].as_str().unwrap_or_default();
    assert_eq!(content.lines().count(), 1);
    let server: serde_json::Value = serde_json::from_slice(&message.for_server()).expect("JSON");
    assert_eq!((&server["version"], &server["notices"][0]["occasion"]), (&1.into(), &"failed".into()));
}
