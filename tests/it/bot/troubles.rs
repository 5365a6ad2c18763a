//! What people read when something goes wrong: the reply says what it was and what to do next, nothing is half-done, and the
//! attempt is recorded. What the forge layer does about each fault is tried there; here it is what somebody in Discord sees.

mod forges;
mod wishes;

use serde_json::json;
use setai::store::{CommandRecord, CommandStatus};

use super::office::{Office, Seen};

/// The button under every proposal.
const OPEN: &str = "Open a pull request";

/// How many requests changed something in Discord; answers to people are none.
fn changes(office: &Office) -> usize {
    let is_answer = |route: &str| route.starts_with("/interactions/") || route.starts_with("/webhooks/");
    office.terminal.writes().iter().filter(|record| !is_answer(record.route())).count()
}

/// Somebody asks for something in plain words.
async fn wishes(office: &Office, wish: &str) -> Seen {
    office.asks(office.moderator, "propose", &[("request", json!(wish))]).await
}

/// The last use of a command failed, and its record says why.
async fn failed_with(office: &Office, why: &str) -> CommandRecord {
    let last = office.recorded().await.remove(0);
    assert_eq!(last.status, CommandStatus::Failed, "{last:#?}");
    assert!(last.error.as_deref().is_some_and(|error| error.contains(why)), "`{why}`: {last:#?}");
    let results = last.results.as_ref().expect("results");
    assert_eq!((&results[0]["success"], &results[0]["error_message"]), (&json!(false), &json!(last.error)));
    last
}

/// The answer says all of this.
#[track_caller]
fn says(seen: &Seen, words: &[&str]) {
    for words in words {
        let is_said = seen.title.contains(words) || seen.text.contains(words);
        assert!(is_said, "`{words}` is not said: {seen:#?}");
    }
}

/// Whether an answer has a button that is labelled so.
fn offers(seen: &Seen, label: &str) -> bool {
    seen.buttons.iter().any(|(text, _)| text.contains(label))
}
