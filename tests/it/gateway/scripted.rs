//! What happens to connections: each end of one is followed by what Discord's documentation asks for.

use std::time::Duration;

use secrecy::SecretString;
use serde_json::json;
use setai::discord::{Event, Gateway, GatewayError, GatewaySettings};
use setai::model::GuildId;
use tokio::sync::mpsc::{Receiver, channel};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::lines::{Gate, Line, dispatch, hello, ready};
use crate::support::stage::Stage;

const GUILD: GuildId = GuildId::new(1_146_231_231_231_231_232);

/// A gateway's client that runs.
struct Heard {
    stage: Stage,
    events: Receiver<Event>,
    stop: CancellationToken,
    running: JoinHandle<Result<(), GatewayError>>,
}

impl Heard {
    async fn at(url: &str) -> Self {
        Self::with(url, |_| {}).await
    }

    async fn with(url: &str, change: impl FnOnce(&mut GatewaySettings)) -> Self {
        let stage = Stage::new().await;
        let mut settings = GatewaySettings::new(SecretString::from("Bot a-token"));
        settings.url = Some(url.to_owned());
        change(&mut settings);
        let gateway = Gateway::new(settings, stage.engine.client().clone());
        let (sender, events) = channel(16);
        let stop = CancellationToken::new();
        let running = tokio::spawn(gateway.run(sender, stop.clone()));
        Self { stage, events, stop, running }
    }

    /// The next event.
    async fn next(&mut self) -> Event {
        self.events.recv().await.expect("an event")
    }

    /// The next connection, and whether its session went on.
    async fn connected(&mut self) -> bool {
        loop {
            if let Event::Connected { shard: 0, resumed } = self.next().await {
                return resumed;
            }
        }
    }

    /// Stops it; it must not have failed.
    async fn stop(self) {
        self.stop.cancel();
        self.running.await.expect("no panic").expect("no failure");
    }

    /// How it ends by itself.
    async fn end(self) -> GatewayError {
        self.running.await.expect("no panic").expect_err("it ends")
    }
}

/// A session that begins and stays.
fn calm(url: &str) -> Vec<Line> {
    vec![hello(), Line::Hear(2), ready(url), Line::Hold]
}

/// Whatever comes: a session goes on, or a new one begins.
fn resumed() -> Vec<Line> {
    vec![hello(), Line::Hear(6), dispatch(3, "RESUMED", json!({})), Line::Hold]
}

#[tokio::test]
async fn a_session_begins_with_what_we_are_and_want_to_know() {
    let gate = Gate::open(|url| vec![calm(url)]).await;
    let mut heard = Heard::at(&gate.url).await;
    assert_eq!(heard.next().await, Event::Connected { shard: 0, resumed: false });
    assert_eq!(heard.next().await, Event::Listed { shard: 0, of: 1, guilds: vec![GUILD] });
    heard.stop().await;
    let [identify] = &gate.heard()[..] else { panic!("one message: {:?}", gate.heard()) };
    let said = &identify["d"];
    assert_eq!((&said["token"], &said["intents"], &said["shard"]), (&json!("Bot a-token"), &json!(5), &json!([0, 1])));
    assert_eq!(said["properties"]["browser"], "setai");
}

#[tokio::test]
async fn what_is_told_is_passed_on() {
    let gone = dispatch(2, "GUILD_DELETE", json!({"id": GUILD.to_string()}));
    let noise = dispatch(3, "MESSAGE_CREATE", json!({"guild_id": GUILD.to_string()}));
    let command = dispatch(4, "INTERACTION_CREATE", json!({"id": "5"}));
    let gate = Gate::open(|url| {
        let mut lines = vec![hello(), Line::Hear(2), ready(url), Line::Mumble("{}"), Line::Mumble("no JSON")];
        lines.extend([gone, noise, command]);
        vec![lines]
    })
    .await;
    let mut heard = Heard::at(&gate.url).await;
    heard.connected().await;
    assert!(matches!(heard.next().await, Event::Listed { .. }));
    assert_eq!(heard.next().await, Event::Removed(GUILD));
    assert_eq!(heard.next().await, Event::Interaction(Box::new(json!({"id": "5"}))));
    heard.stop().await;
}

#[tokio::test]
async fn a_session_goes_on_after_whatever_it_survives() {
    let op = |number: u64, what| Line::Say(json!({"op": number, "d": what, "s": null, "t": null}));
    let ends = [4000, 4001, 4002, 4003, 4005, 4008, 4999].map(Line::Close);
    let ends = ends.into_iter().chain([Line::Break, op(7, json!(null)), op(9, json!(true))]);
    for end in ends {
        let gate = Gate::open(|url| {
            let told = dispatch(2, "RATE_LIMITED", json!({}));
            vec![vec![hello(), Line::Hear(2), ready(url), told, end.clone()], resumed()]
        })
        .await;
        let mut heard = Heard::at(&gate.url).await;
        assert!(!heard.connected().await);
        assert!(matches!(heard.next().await, Event::Listed { .. }));
        assert!(matches!(heard.next().await, Event::Disconnected { shard: 0, .. }), "{end:?}");
        assert!(heard.connected().await, "{end:?}");
        heard.stop().await;
        let resume = &gate.heard()[1];
        assert_eq!((&resume["d"]["session_id"], &resume["d"]["seq"]), (&json!("abc"), &json!(2)), "{end:?}");
    }
}

#[tokio::test]
async fn a_new_session_begins_where_the_old_one_is_over() {
    let invalid = Line::Say(json!({"op": 9, "d": false, "s": null, "t": null}));
    let ends = [1000, 1001, 4007, 4009].map(Line::Close).into_iter().chain([invalid]);
    let trial = async |end: Line| {
        let gate = Gate::open(|url| vec![vec![hello(), Line::Hear(2), ready(url), end.clone()], calm(url)]).await;
        let mut heard = Heard::at(&gate.url).await;
        assert!(!heard.connected().await);
        assert!(!heard.connected().await, "{end:?}");
        heard.stop().await;
        assert_eq!(gate.numbers(), [2, 2], "{end:?}");
    };
    futures_util::future::join_all(ends.map(trial)).await;
}

#[tokio::test]
async fn what_nobody_recovers_from_says_what_to_change() {
    for code in [4004, 4010, 4011, 4012, 4013, 4014] {
        let gate = Gate::open(|_| vec![vec![hello(), Line::Hear(2), Line::Close(code)]]).await;
        let error = Heard::at(&gate.url).await.end().await;
        let said = match code {
            4004 => GatewayError::BadToken,
            4010 => GatewayError::BadShard { shard: 0, of: 1 },
            4011 => GatewayError::TooFewShards { of: 1 },
            4012 => GatewayError::OldVersion,
            4013 => GatewayError::BadIntents { intents: 5 },
            _ => GatewayError::DisallowedIntents { intents: 5 },
        };
        assert_eq!(error, said);
        assert!(!error.to_string().contains("a-token"));
    }
}

#[tokio::test]
async fn a_gateway_that_hangs_up_at_once_is_not_asked_again_and_again() {
    let gate = Gate::open(|url| {
        let hangs_up = vec![hello(), Line::Hear(2), ready(url), Line::Close(4000)];
        let again = vec![hello(), Line::Hear(6), dispatch(2, "RESUMED", json!({})), Line::Close(4000)];
        let mut conversations = vec![hangs_up];
        conversations.extend(vec![again; 8]);
        conversations.push(resumed());
        conversations
    })
    .await;
    let mut heard = Heard::at(&gate.url).await;
    for _ in 0..10 {
        heard.connected().await;
    }
    let waited = heard.stage.discord.clock.elapsed();
    assert!(waited > Duration::from_secs(60), "{waited:?} for nine connections that did not last");
    heard.stop().await;
}

#[tokio::test]
async fn a_gateway_that_cannot_be_reached_is_tried_until_it_can() {
    let gate = Gate::open(|url| vec![vec![Line::Refuse], vec![Line::Refuse], vec![Line::Refuse], calm(url)]).await;
    let mut heard = Heard::at(&gate.url).await;
    assert_eq!(heard.next().await, Event::Connected { shard: 0, resumed: false }, "nothing was lost before");
    heard.stop().await;
}

#[tokio::test]
async fn a_gateway_that_says_nothing_is_left() {
    let gate = Gate::open(|url| vec![vec![Line::Hold], calm(url)]).await;
    let mut heard = Heard::with(&gate.url, |settings| settings.silence = Duration::from_secs(2)).await;
    heard.connected().await;
    heard.stop().await;
}

#[tokio::test]
async fn each_shard_is_one_of_all() {
    let gate = Gate::open(|url| vec![calm(url)]).await;
    let mut heard = Heard::with(&gate.url, |settings| settings.shards = Some(2)).await;
    let mut shards = Vec::new();
    while shards.len() < 2 {
        if let Event::Listed { shard, of: 2, .. } = heard.next().await {
            shards.push(shard);
        }
    }
    shards.sort_unstable();
    assert_eq!(shards, [0, 1]);
    heard.stop().await;
}

#[tokio::test]
async fn one_shard_that_cannot_go_on_ends_all() {
    let gate = Gate::open(|url| vec![calm(url), vec![hello(), Line::Hear(2), Line::Close(4011)]]).await;
    let heard = Heard::with(&gate.url, |settings| settings.shards = Some(2)).await;
    assert_eq!(heard.end().await, GatewayError::TooFewShards { of: 2 });
}

#[tokio::test]
async fn an_address_that_is_none_is_said_and_nothing_of_it_is_shown() {
    for url in ["", "http://example.org", "ws://", "ws://user:secret@example.org?x=1", "wss:// x"] {
        let error = Heard::at(url).await.end().await;
        assert_eq!(error, GatewayError::BadAddress, "{url}");
        assert!(!error.to_string().contains("secret"));
    }
}

#[tokio::test]
async fn stopping_says_goodbye() {
    let gate = Gate::open(|_| vec![vec![Line::Hold]]).await;
    Heard::at(&gate.url).await.stop().await;
    assert_eq!(gate.numbers(), Vec::<u64>::new());
}
