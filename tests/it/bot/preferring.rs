//! What somebody prefers, on every server: the zone of times, how sure a proposal must be, and who may read requests.

use serde_json::json;
use setai::ai::models::Provider;
use setai::simulator::world::Snowflake;
use setai::store::CommandStatus;

use super::office::{HALL, Office};
use crate::models::server::{Act, MODEL, Server};

const WISH: &str = "add a text channel lounge to hall";

#[tokio::test(flavor = "multi_thread")]
async fn who_wants_to_be_surer_is_asked_and_nobody_else_is() {
    let office = Office::new().await;
    let shown = office.asks(office.moderator, "preferences", &[]).await;
    assert_eq!(shown.title, "What you prefer");
    for words in ["for UTC", "less than 50 % sure", "A language model may read"] {
        assert!(shown.text.contains(words), "{words}: {shown:#?}");
    }
    let saved = office.asks(office.moderator, "preferences", &[("confidence", json!(99))]).await;
    assert!(saved.title == "Saved" && saved.text.contains("less than 99 % sure"), "{saved:#?}");
    let (moderators, owners) = (proposes(&office, office.moderator).await, proposes(&office, office.owner).await);
    assert!(moderators.contains("Is this what you mean?"), "{moderators}");
    assert!(!owners.contains("Is this what you mean?"), "{owners}");
}

async fn proposes(office: &Office, user: Snowflake) -> String {
    office.asks(user, "propose", &[("request", json!(WISH))]).await.text
}

#[tokio::test(flavor = "multi_thread")]
async fn times_are_told_in_the_zone_somebody_lives_in() {
    let office = Office::new().await;
    let named = |choices: &[serde_json::Value]| -> Vec<String> {
        choices.iter().map(|choice| choice["name"].as_str().unwrap_or_default().to_owned()).collect()
    };
    let zones = office.types(office.moderator, "preferences", "timezone", "america/new y").await;
    assert_eq!(zones[0], json!({ "name": "America/New York", "value": "America/New_York" }));
    let before = named(&office.types(office.moderator, "history", "run", "").await);
    assert!(before[0].contains(" UTC"), "{before:?}");
    let saved = office.asks(office.moderator, "preferences", &[("timezone", json!("asia/kolkata"))]).await;
    assert!(saved.text.contains("for Asia/Kolkata"), "{saved:#?}");
    let after = named(&office.types(office.moderator, "history", "run", "").await);
    assert!(after[0].contains(" IST"), "{after:?}");
    let others = named(&office.types(office.owner, "history", "run", "").await);
    assert_eq!(others, before);

    let nowhere = office.asks(office.moderator, "preferences", &[("timezone", json!("Europe/Atlantis"))]).await;
    assert!(nowhere.title.contains("no time zone “Europe/Atlantis”"), "{nowhere:#?}");
    assert_eq!(office.recorded().await[0].status, CommandStatus::Failed);
    let shown = office.asks(office.moderator, "preferences", &[]).await;
    assert!(shown.text.contains("for Asia/Kolkata"), "nothing was changed: {shown:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_model_reads_what_somebody_does_not_want_it_to() {
    let server = Server::of(Provider::OpenAi, [Act::Chat("Bananas!")]).await;
    let ai = format!("ai: {{ provider: openai, model: {MODEL}, base_url: \"{}\", retries: 0 }}\n", server.base_url());
    let office = Office::with(HALL, &ai).await;
    let saved = office.asks(office.moderator, "preferences", &[("models", json!(false))]).await;
    assert!(saved.text.contains("No language model reads your requests"), "{saved:#?}");
    assert!(proposes(&office, office.moderator).await.contains("channels.lounge"));
    let foreign = office.asks(office.moderator, "propose", &[("request", json!("створи канал"))]).await;
    assert!(foreign.text.contains("you prefer that no language model reads it"), "{foreign:#?}");
    assert_eq!(server.asked().len(), 0);
    proposes(&office, office.owner).await;
    assert_ne!(server.asked().len(), 0, "others are read by it");
}
