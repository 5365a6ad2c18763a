//! One test for each reason to close a connection.

use std::time::Duration;

use serde_json::{Value, json};
use setai::simulator::limits::{GatewayLimits, Window};

use super::client::{Client, Heard, INTENTS, discord, identify, until};
use crate::support::harness::Harness;

/// The code somebody gets for logging in like this.
async fn refused(discord: &Harness, change: impl FnOnce(&mut Value)) -> u16 {
    let served = discord.serve().await;
    let mut client = Client::greeted(&served).await;
    let mut data = identify(INTENTS);
    change(&mut data);
    client.send(2, data).await;
    let code = client.closed().await;
    served.stop().await;
    code
}

#[tokio::test]
async fn c4001_an_operation_there_is_not() {
    let (_discord, served) = discord().await;
    for op in [0, 5, 7, 9, 10, 11, 99] {
        let mut stranger = Client::greeted(&served).await;
        stranger.send(op, Value::Null).await;
        assert_eq!(stranger.closed().await, 4001, "{op}");
        let (mut bot, _) = Client::in_guild(&served, INTENTS).await;
        bot.send(op, Value::Null).await;
        assert_eq!(bot.closed().await, 4001, "{op}");
    }
}

#[tokio::test]
async fn c4002_what_cannot_be_decoded() {
    let (discord, served) = discord().await;
    let long = format!("{{\"op\":1,\"d\":null,\"x\":\"{}\"}}", "x".repeat(4096));
    for text in ["no JSON", "[]", "{}", "{\"op\":\"1\"}", "{\"op\":1,\"d\":\"now\"}", "{\"op\":2,\"d\":{}}", &long] {
        let mut client = Client::greeted(&served).await;
        client.send_text(text).await;
        assert_eq!(client.closed().await, 4002, "{text}");
    }
    let mut client = Client::greeted(&served).await;
    client.send_binary(b"{\"op\":1,\"d\":null}").await;
    assert_eq!(client.closed().await, 4002, "JSON is text");
    for op in [3, 4, 8, 31] {
        let (mut client, _) = Client::in_guild(&served, INTENTS).await;
        client.send(op, json!("nothing")).await;
        assert_eq!(client.closed().await, 4002, "{op}");
    }
    assert_eq!(refused(&discord, |data| data["properties"] = json!({"os": "linux"})).await, 4002);
}

#[tokio::test]
async fn c4003_who_has_not_logged_in_may_only_breathe() {
    let (_discord, served) = discord().await;
    for op in [3, 4, 8, 31, 43] {
        let mut client = Client::greeted(&served).await;
        client.hears_nothing().await;
        client.send(op, json!({})).await;
        assert_eq!(client.closed().await, 4003, "{op}");
    }
}

#[tokio::test]
async fn c4004_a_token_of_nobody() {
    let discord = Harness::new();
    discord.simulator.with_world(|world| {
        let bot = world.users.get_mut(&discord.bot).expect("the bot");
        bot.tokens.push("token".to_owned());
    });
    assert_eq!(refused(&discord, |data| data["token"] = json!("guessed")).await, 4004);
    let served = discord.serve().await;
    let mut client = Client::greeted(&served).await;
    client.send(6, json!({"token": "guessed", "session_id": "x", "seq": 0})).await;
    assert_eq!(client.closed().await, 4004);
    let mut client = Client::greeted(&served).await;
    let mut data = identify(INTENTS);
    data["token"] = json!("Bot token");
    client.send(2, data).await;
    client.event("READY").await;
    let log = discord.simulator.gateway_log();
    let said: Vec<String> = log.iter().filter_map(|record| record.data(2)).map(Value::to_string).collect();
    assert_eq!(said.len(), 2);
    assert!(said.iter().all(|said| said.contains("<token>") && !said.contains("Bot token")), "{said:?}");
}

#[tokio::test]
async fn c4005_logging_in_twice() {
    let (_discord, served) = discord().await;
    for (op, data) in [(2, identify(INTENTS)), (6, json!({"token": "token", "session_id": "x", "seq": 0}))] {
        let (mut client, _) = Client::in_guild(&served, INTENTS).await;
        client.send(op, data).await;
        assert_eq!(client.closed().await, 4005);
    }
}

#[tokio::test]
async fn c4007_going_on_from_an_event_that_never_was() {
    let (discord, served) = discord().await;
    let (client, ready) = Client::ready(&served, INTENTS).await;
    drop(client);
    until(|| discord.simulator.sessions()[0].connection.is_none()).await;
    let mut client = Client::resuming(&served, &ready["session_id"], 1000).await;
    assert_eq!(client.closed().await, 4007);
    assert_eq!(discord.simulator.sessions(), [], "the session is over");
}

#[tokio::test]
async fn c4008_more_than_120_payloads_in_a_minute() {
    let discord = Harness::with(|options| options.limits.gateway.payloads = Some(Window::new(120, 60)));
    let served = discord.serve().await;
    let (mut client, _) = Client::in_guild(&served, INTENTS).await;
    for _ in 0..119 {
        client.hears_nothing().await;
    }
    discord.clock.advance(Duration::from_secs(60));
    for _ in 0..120 {
        client.hears_nothing().await;
    }
    client.send(1, Value::Null).await;
    assert_eq!(client.closed().await, 4008);
    assert_eq!(discord.simulator.sessions().len(), 1, "the session can be resumed");
}

#[tokio::test]
async fn c4009_silence() {
    let (discord, served) = discord().await;
    let (mut client, _) = Client::in_guild(&served, INTENTS).await;
    let mut stranger = Client::greeted(&served).await;
    discord.clock.advance(Duration::from_millis(61_874));
    client.hears_nothing().await;
    discord.clock.advance(Duration::from_millis(1));
    assert_eq!(stranger.closed().await, 4009);
    client.hears_nothing().await;
    discord.clock.advance(Duration::from_millis(61_875));
    assert_eq!(client.closed().await, 4009);
    assert_eq!(discord.simulator.sessions(), [], "the session is over");
}

#[tokio::test]
async fn c4010_a_shard_there_is_not() {
    let discord = Harness::new();
    for shard in [json!([1, 1]), json!([0, 0]), json!([0]), json!("0")] {
        assert_eq!(refused(&discord, |data| data["shard"] = shard).await, 4010);
    }
}

#[tokio::test]
async fn c4011_too_many_guilds_for_one_shard() {
    let discord = Harness::with(|options| {
        options.limits.gateway = GatewayLimits { guilds_per_shard: 1, ..GatewayLimits::none() };
    });
    let now = discord.clock.now();
    discord.clock.advance(Duration::from_millis(1));
    let other = discord.simulator.with_world(|world| world.fresh_guild("Another", None, discord.clock.now()).guild);
    assert!(other.time() > now);
    assert_eq!(refused(&discord, |_| {}).await, 4011);
    let odd = u64::from((other.0 >> 22) % 2 == (discord.guild.0 >> 22) % 2);
    assert_eq!(odd, 0, "a millisecond apart, they are in different shards of two");
    let served = discord.serve().await;
    for shard in [0, 1] {
        let mut client = Client::greeted(&served).await;
        let mut data = identify(INTENTS);
        data["shard"] = json!([shard, 2]);
        client.send(2, data).await;
        let ready = client.event("READY").await;
        assert_eq!((&ready["shard"], ready["guilds"].as_array().map(Vec::len)), (&json!([shard, 2]), Some(1)));
        let guild = client.event("GUILD_CREATE").await;
        let id: u64 = guild["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
        assert_eq!((id >> 22) % 2, shard);
    }
}

#[tokio::test]
async fn c4012_another_version() {
    let (_discord, served) = discord().await;
    for query in ["v=9&encoding=json", "encoding=json", "v=ten&encoding=json", ""] {
        let mut client = Client::connect(&served, query).await;
        assert_eq!(client.next().await, Heard::Closed(4012), "{query}: and not a word before");
    }
}

#[tokio::test]
async fn c4013_intents_there_are_not() {
    let discord = Harness::new();
    for intents in [json!(1 << 17), json!(1_u64 << 40), json!(-1), json!("1"), Value::Null] {
        assert_eq!(refused(&discord, |data| data["intents"] = intents).await, 4013);
    }
}

#[tokio::test]
async fn c4014_privileged_intents_nobody_switched_on() {
    let discord = Harness::new();
    for (intent, flag) in [(1 << 1, 1 << 15), (1 << 8, 1 << 13), (1 << 15, 1 << 19)] {
        assert_eq!(refused(&discord, |data| data["intents"] = json!(1 | intent)).await, 4014);
        discord.simulator.with_world(|world| {
            let bot = world.users.get_mut(&discord.bot).and_then(|bot| bot.application.as_mut());
            bot.expect("the bot's application").flags |= flag;
        });
        let served = discord.serve().await;
        Client::ready(&served, 1 | intent).await;
        served.stop().await;
    }
}

#[tokio::test]
async fn other_encodings_and_packings_are_refused_before_a_connection_is_made() {
    let (_discord, served) = discord().await;
    for query in ["v=10&encoding=etf", "v=10&encoding=json&compress=lzma"] {
        let uri = format!("ws://{}/?{query}", served.address);
        let refused = tokio_websockets::ClientBuilder::new().uri(&uri).expect("an address").connect().await;
        assert!(refused.is_err(), "{query}");
    }
}

#[tokio::test]
async fn a_thousand_sessions_in_a_day_cost_all_of_them_and_the_token() {
    let discord = Harness::with(|options| {
        options.limits.gateway = GatewayLimits { session_starts: 2, ..GatewayLimits::none() };
    });
    let served = discord.serve().await;
    let left = async || discord.get("/gateway/bot").await.ok()["session_start_limit"].clone();
    assert_eq!(left().await, json!({"total": 2, "remaining": 2, "reset_after": 0, "max_concurrency": 1}));
    let (mut first, _) = Client::ready(&served, INTENTS).await;
    let (_second, _) = Client::ready(&served, INTENTS).await;
    assert_eq!(left().await, json!({"total": 2, "remaining": 0, "reset_after": 86_400_000, "max_concurrency": 1}));
    let mut third = Client::greeted(&served).await;
    third.send(2, identify(INTENTS)).await;
    assert_eq!(third.closed().await, 4004);
    assert_eq!(first.closed().await, 4004);
    assert_eq!(discord.simulator.sessions(), []);
    discord.clock.advance(Duration::from_secs(86_400));
    Client::ready(&served, INTENTS).await;
}
