//! Wishes that cannot be understood or granted.

use rstest::rstest;
use setai::ai::models::Provider;
use setai::store::CommandStatus;

use super::super::office::{HALL, Office};
use super::{OPEN, changes, failed_with, offers, says, wishes};
use crate::models::server::{Act, MODEL, Server};

/// As long as a wish may be: Discord's client sends no longer one.
const LONGEST: usize = 4000;

/// Branches of proposals.
fn branches(office: &Office) -> String {
    office.repository.git_bare(&["branch", "--list", "setai/*", "--format=%(refname:short)"])
}

/// A wish of the greatest length, in many lines, that begins like this.
fn longest(beginning: &str, line: &str) -> String {
    let text = format!("{beginning}\n{}", line.repeat(LONGEST));
    text.chars().take(LONGEST - 1).chain(['.']).collect()
}

/// The guild, the branches and every answer are as before.
#[track_caller]
fn nothing_happened(office: &Office, before: usize) {
    assert_eq!(branches(office), "", "nothing is proposed");
    assert_eq!(changes(office), before, "nothing reaches Discord");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_form_says_what_belongs_into_it() {
    let office = Office::new().await;
    let before = changes(&office);
    let form = office.asks(office.moderator, "propose", &[]).await;
    let seen = office.fills(office.moderator, &form, " \n\n ").await;
    says(&seen, &["The request is empty", "Say what should change, such as"]);
    assert!(seen.buttons.is_empty(), "{seen:#?}");
    failed_with(&office, "empty").await;
    nothing_happened(&office, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_longest_form_is_read_to_its_end() {
    let office = Office::new().await;
    let before = changes(&office);
    let form = office.asks(office.moderator, "propose", &[]).await;
    let nothing = longest("", &"x".repeat(79));
    let seen = office.fills(office.moderator, &form, &nothing).await;
    says(&seen, &["That comes to no change", "Say it in other words"]);
    let record = failed_with(&office, "no change").await;
    assert_eq!(record.text.chars().count(), "/setai propose ".len() + LONGEST - 1, "but for the line break before it");

    // What was not understood leaves room for what would happen.
    let form = office.asks(office.moderator, "propose", &[]).await;
    let much = longest(
        "delete the chat channel",
        "and it would be so very nice for each and every one of us here to have it\n",
    );
    let seen = office.fills(office.moderator, &form, &much).await;
    says(&seen, &["Understood", "channels.chat", "Not understood", "… +", "no longer sees", "Is this what you mean?"]);
    assert!(offers(&seen, OPEN), "{seen:#?}");
    nothing_happened(&office, before);

    // The end of a wish counts as much as its beginning.
    let form = office.asks(office.moderator, "propose", &[]).await;
    let ending = "rename #chat to talk";
    let spread = format!("add a text channel lounge to hall{}{ending}", "\n".repeat(LONGEST - 33 - ending.len()));
    assert_eq!(spread.chars().count(), LONGEST);
    let seen = office.fills(office.moderator, &form, &spread).await;
    says(&seen, &["channels.lounge", "talk"]);
    let opened = office.presses(office.moderator, &seen, OPEN).await;
    says(&opened, &["Proposed: add a text channel lounge to hall"]);
    assert!(branches(&office).starts_with("setai/add-a-text-channel-lounge"), "{}", branches(&office));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wish_in_another_language_is_told_which_one_is_understood() {
    let office = Office::new().await;
    let before = changes(&office);
    for (language, wish, words) in [
        ("en", "チャンネルを作って", ["That comes to no change", "in English"]),
        ("de", "füge einen Textkanal lounge hinzu", ["keine Änderung", "auf Englisch"]),
        ("es", "añade un canal de texto lounge", ["ningún cambio", "en inglés"]),
        ("uk", "додай текстовий канал lounge", ["жодної зміни", "англійською"]),
    ] {
        office.set(&format!("response_language={language}")).await;
        let seen = wishes(&office, wish).await;
        says(&seen, &words);
        says(&seen, &[wish]);
        assert!(seen.buttons.is_empty(), "{seen:#?}");
        failed_with(&office, words[0]).await;
    }
    nothing_happened(&office, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_back_what_they_ask_for_is_asked_what_they_mean() {
    let office = Office::new().await;
    let before = changes(&office);
    let taken_back = "takes back what the same request asks for before; the last word counts";
    for (wish, words) in [
        ("make #news private and let everybody see #news", vec![taken_back, "let everybody see \\#news"]),
        ("let everybody see #news and make #news private", vec![taken_back, "make \\#news private"]),
        ("rename #chat to talk and delete #chat", vec![taken_back, "delete \\#chat", "no longer sees"]),
        ("set slow mode of #chat to 30s and turn off slow mode in #chat", vec![taken_back]),
        // What is gone has no name any more.
        ("delete #chat and rename #chat to talk", vec!["nothing has this name", "no longer sees"]),
    ] {
        let seen = wishes(&office, wish).await;
        says(&seen, &words);
        says(&seen, &["Not understood", "Is this what you mean?"]);
        let last = office.recorded().await.remove(0);
        assert_eq!(last.status, CommandStatus::Completed, "a proposal was shown: {last:#?}");
    }
    // Both together are nothing, so nothing is offered.
    let seen = wishes(&office, "add a text channel lounge and delete lounge").await;
    says(&seen, &["That comes to no change", "delete lounge", taken_back]);
    assert!(seen.buttons.is_empty(), "{seen:#?}");
    failed_with(&office, "no change").await;
    // What only sounds like it is no contradiction.
    let seen = wishes(&office, "make #news private and let everybody see #chat").await;
    assert!(!seen.text.contains("Not understood") && offers(&seen, OPEN), "{seen:#?}");
    nothing_happened(&office, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_discord_cannot_do_is_not_proposed() {
    let office = Office::new().await;
    let before = changes(&office);
    let rooms: String = (0..49).map(|n| format!("add a text channel room-{n} to hall. ")).collect();
    for (wish, words, why) in [
        (
            "set slow mode of #chat to 3 days",
            vec!["slow mode goes up to six hours", "Say it in other words"],
            "no change",
        ),
        ("send everybody a message every morning", vec!["it is no request that is understood"], "no change"),
        ("make the bot play music in #chat", vec!["it is no request that is understood"], "no change"),
        (
            &rooms,
            vec!["This cannot be proposed", "51 channels", "Discord allows 50", "Ask for less"],
            "Discord allows 50",
        ),
    ] {
        let seen = wishes(&office, wish).await;
        says(&seen, &words);
        assert!(seen.buttons.is_empty(), "{seen:#?}");
        failed_with(&office, why).await;
    }
    nothing_happened(&office, before);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_talks_nonsense_for_ever_is_given_up(
    #[values(Act::Chat("Bananas!"), Act::Say(serde_json::json!({ "edits": "all of them" })))] nonsense: Act,
) {
    let server = Server::of(Provider::OpenAi, [nonsense]).await;
    let office = Office::with(HALL, &asks_a_model(&server.base_url())).await;
    let before = changes(&office);
    let seen = wishes(&office, "add a text channel lounge to hall").await;
    says(&seen, &["That comes to no change", "Not understood", "no answer that can be used", "Say it in other words"]);
    assert!(!seen.text.contains("in English"), "a model knows more: {seen:#?}");
    assert!(seen.buttons.is_empty(), "{seen:#?}");
    assert_eq!(server.asked().len(), 3, "once, and twice with what was wrong");
    failed_with(&office, "no change").await;
    nothing_happened(&office, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_cannot_be_asked_says_what_to_do() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port");
    let office = Office::with(HALL, &asks_a_model(&format!("http://{silent}/v1"))).await;
    let before = changes(&office);
    let seen = wishes(&office, "add a text channel lounge to hall").await;
    says(&seen, &["That did not work", "cannot be reached", "whether the server runs"]);
    failed_with(&office, "cannot be reached").await;
    nothing_happened(&office, before);
}

/// The end of an operator's file that asks a model at this address.
fn asks_a_model(address: &str) -> String {
    format!("ai: {{ provider: openai, model: {MODEL}, base_url: \"{address}\", retries: 0 }}\n")
}
