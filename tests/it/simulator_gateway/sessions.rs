//! How sessions begin, go on, and end.

use std::time::Duration;

use serde_json::{Value, json};
use setai::simulator::gateway::{GatewayOrder, Traffic};
use setai::simulator::limits::GatewayLimits;
use setai::simulator::world::Member;

use super::client::{Client, Heard, INTENTS, discord, identify, until};
use crate::support::harness::Harness;

#[tokio::test]
async fn a_session_begins_with_who_we_are_and_where() {
    let (discord, served) = discord().await;
    let (mut client, ready) = Client::ready(&served, INTENTS).await;
    assert_eq!((&ready["v"], &ready["user"]["id"]), (&json!(10), &json!(discord.bot)));
    assert_eq!(ready["guilds"], json!([{"id": discord.guild, "unavailable": true}]));
    assert_eq!(ready["application"], json!({"id": discord.bot, "flags": 0}));
    assert_eq!(ready["resume_gateway_url"], json!(format!("ws://{}", served.address)));
    assert_eq!(ready.get("shard"), None, "nobody asked for shards");
    let guild = client.payload().await;
    assert_eq!((&guild["t"], &guild["s"]), (&json!("GUILD_CREATE"), &json!(2)));
    let guild = &guild["d"];
    assert_eq!(
        (&guild["id"], &guild["unavailable"], &guild["large"]),
        (&json!(discord.guild), &json!(false), &json!(false))
    );
    assert_eq!(
        (guild["channels"].as_array().map(Vec::len), guild["roles"].as_array().map(Vec::len)),
        (Some(4), Some(2))
    );
    assert_eq!(guild["channels"][0].get("guild_id"), None, "it is known whose they are");
    let members: Vec<&Value> = guild["members"].as_array().expect("a list").iter().map(|m| &m["user"]["id"]).collect();
    assert_eq!((members, &guild["member_count"]), (vec![&json!(discord.bot)], &json!(2)));
    client.hears_nothing().await;

    let [session] = &discord.simulator.sessions()[..] else { panic!("one session") };
    assert_eq!((json!(session.id), session.user_id, session.shard), (ready["session_id"].clone(), discord.bot, [0, 1]));
    assert_eq!((session.intents, session.sequence, session.connection), (INTENTS, 2, Some(1)));
    let log = discord.simulator.gateway_log();
    let events: Vec<&str> = log.iter().filter_map(|record| record.event()).collect();
    assert_eq!(events, ["READY", "GUILD_CREATE"]);
    assert!(matches!(&log[0].traffic, Traffic::Opened { query } if query == "v=10&encoding=json"));
    discord.simulator.forget_gateway();
    assert_eq!(discord.simulator.gateway_log(), []);
}

#[tokio::test]
async fn without_the_intent_guilds_are_only_named() {
    let (discord, served) = discord().await;
    let (mut client, ready) = Client::ready(&served, 1 << 2).await;
    assert_eq!(ready["guilds"].as_array().map(Vec::len), Some(1));
    discord.channel_by_hand(json!({"name": "quiet"}));
    client.hears_nothing().await;
}

#[tokio::test]
async fn shards_that_start_too_soon_are_told_to_try_again() {
    let discord = Harness::with(|options| options.limits.gateway = GatewayLimits::default());
    let served = discord.serve().await;
    Client::ready(&served, INTENTS).await;
    let mut early = Client::greeted(&served).await;
    early.send(2, identify(INTENTS)).await;
    assert_eq!(early.payload().await, json!({"op": 9, "d": false, "s": null, "t": null}));
    discord.clock.advance(Duration::from_secs(5));
    early.send(2, identify(INTENTS)).await;
    early.event("READY").await;
}

#[tokio::test]
async fn what_was_missed_is_replayed_in_order_with_its_numbers() {
    let (discord, served) = discord().await;
    let (client, ready) = Client::ready(&served, INTENTS).await;
    drop(client);
    until(|| discord.simulator.sessions()[0].connection.is_none()).await;
    for name in ["one", "two"] {
        discord.channel_by_hand(json!({"name": name}));
    }
    let mut client = Client::resuming(&served, &ready["session_id"], 1).await;
    let mut seen = Vec::new();
    for _ in 0..6 {
        let payload = client.payload().await;
        seen.push((
            payload["t"].as_str().unwrap_or_default().to_owned(),
            payload["s"].as_u64(),
            payload["d"]["name"].clone(),
        ));
    }
    let named = |name: &str, sequence, channel: Value| (name.to_owned(), Some(sequence), channel);
    assert_eq!(
        seen,
        [
            named("GUILD_CREATE", 2, json!("Rust Study Group")),
            named("CHANNEL_CREATE", 3, json!("one")),
            named("GUILD_AUDIT_LOG_ENTRY_CREATE", 4, Value::Null),
            named("CHANNEL_CREATE", 5, json!("two")),
            named("GUILD_AUDIT_LOG_ENTRY_CREATE", 6, Value::Null),
            named("RESUMED", 7, Value::Null),
        ]
    );
    client.hears_nothing().await;
}

#[tokio::test]
async fn sessions_that_were_given_up_or_forgotten_cannot_be_resumed() {
    let (discord, served) = discord().await;
    let (client, given_up) = Client::ready(&served, INTENTS).await;
    client.leave(1000).await;
    until(|| discord.simulator.sessions().is_empty()).await;
    let (client, kept) = Client::ready(&served, INTENTS).await;
    client.leave(4900).await;
    until(|| discord.simulator.sessions()[0].connection.is_none()).await;

    for unknown in [&given_up["session_id"], &json!("never was")] {
        let mut client = Client::resuming(&served, unknown, 1).await;
        assert_eq!(client.payload().await, json!({"op": 9, "d": false, "s": null, "t": null}));
        client.send(2, identify(INTENTS)).await;
        client.event("READY").await;
        client.leave(1000).await;
    }
    discord.clock.advance(Duration::from_secs(180));
    let mut client = Client::resuming(&served, &kept["session_id"], 2).await;
    client.event("RESUMED").await;
    client.leave(4900).await;
    until(|| discord.simulator.sessions().iter().all(|session| session.connection.is_none())).await;
    discord.clock.advance(Duration::from_secs(181));
    let mut client = Client::resuming(&served, &kept["session_id"], 2).await;
    assert_eq!(client.payload().await["op"], 9);
}

#[tokio::test]
async fn what_is_no_longer_remembered_cannot_be_replayed() {
    let discord = Harness::with(|options| options.limits.gateway.replayed_events = 2);
    let served = discord.serve().await;
    let (client, ready) = Client::ready(&served, 1).await;
    client.leave(4900).await;
    until(|| discord.simulator.sessions()[0].connection.is_none()).await;
    for name in ["one", "two", "three"] {
        discord.channel_by_hand(json!({"name": name}));
    }
    let mut client = Client::resuming(&served, &ready["session_id"], 2).await;
    assert_eq!(client.payload().await, json!({"op": 9, "d": false, "s": null, "t": null}));
    assert_eq!(discord.simulator.sessions(), []);
}

#[tokio::test]
async fn whoever_resumes_takes_the_session_from_whoever_has_it() {
    let (_discord, served) = discord().await;
    let (mut first, ready) = Client::ready(&served, INTENTS).await;
    let mut second = Client::resuming(&served, &ready["session_id"], 2).await;
    second.event("RESUMED").await;
    assert_eq!(first.closed().await, 4000);
    second.hears_nothing().await;
}

#[tokio::test]
async fn the_simulator_asks_orders_and_breaks_off_when_told_to() {
    let (discord, served) = discord().await;
    let (mut client, ready) = Client::in_session(&served, INTENTS).await;
    let order = |order: GatewayOrder| discord.simulator.order(&order).expect("carried out");
    order(GatewayOrder::RequestHeartbeats);
    assert_eq!(client.payload().await["op"], 1);
    order(GatewayOrder::Reconnect);
    assert_eq!(client.payload().await, json!({"op": 7, "d": null, "s": null, "t": null}));
    order(GatewayOrder::InvalidateSessions { resumable: true });
    assert_eq!(client.payload().await, json!({"op": 9, "d": true, "s": null, "t": null}));
    assert_eq!(discord.simulator.sessions().len(), 1);
    order(GatewayOrder::IgnoreHeartbeats { ignored: true });
    client.send(1, json!(2)).await;
    order(GatewayOrder::Break);
    assert_eq!(client.next().await, Heard::Broken, "and no heartbeat was answered before");
    order(GatewayOrder::IgnoreHeartbeats { ignored: false });

    let mut client = Client::resuming(&served, &ready["session_id"], 2).await;
    client.event("RESUMED").await;
    order(GatewayOrder::InvalidateSessions { resumable: false });
    assert_eq!(client.payload().await["d"], false);
    assert_eq!(discord.simulator.sessions(), []);
    client.send(2, identify(INTENTS)).await;
    client.event("READY").await;
    discord.simulator.close_gateways(4000);
    assert_eq!(client.closed().await, 4000);
}

#[tokio::test]
async fn members_are_told_in_chunks_to_those_who_may_ask() {
    let (discord, served) = discord().await;
    let (mut client, _) = Client::in_guild(&served, 1).await;
    client.send(8, json!({"guild_id": discord.guild, "query": "", "limit": 0})).await;
    client.hears_nothing().await;
    let ids = json!([discord.owner, "5"]);
    client.send(8, json!({"guild_id": discord.guild, "user_ids": ids, "nonce": "n"})).await;
    let chunk = client.event("GUILD_MEMBERS_CHUNK").await;
    assert_eq!((&chunk["members"][0]["user"]["id"], &chunk["not_found"]), (&json!(discord.owner), &json!(["5"])));
    assert_eq!((&chunk["chunk_index"], &chunk["chunk_count"], &chunk["nonce"]), (&json!(0), &json!(1), &json!("n")));

    discord.simulator.with_world(|world| {
        let bot = world.users.get_mut(&discord.bot).and_then(|bot| bot.application.as_mut());
        bot.expect("the bot's application").flags |= 1 << 14;
        for number in 0..1000 {
            let user = world.add_user(&format!("user{number}"), false, discord.clock.now());
            let member = Member { user_id: user, ..Default::default() };
            world.guilds.get_mut(&discord.guild).expect("the guild").members.insert(user, member);
        }
    });
    let (mut client, guild) = Client::in_guild(&served, 1 | 1 << 1).await;
    assert_eq!((&guild["large"], &guild["member_count"]), (&json!(true), &json!(1002)));
    client.send(8, json!({"guild_id": discord.guild, "query": "", "limit": 0})).await;
    let sizes = [client.event("GUILD_MEMBERS_CHUNK").await, client.event("GUILD_MEMBERS_CHUNK").await];
    assert_eq!(sizes.map(|chunk| chunk["members"].as_array().map(Vec::len)), [Some(1000), Some(2)]);
    discord.clock.advance(Duration::from_secs(10));
    client.send(8, json!({"guild_id": discord.guild, "query": "", "limit": 0, "nonce": "again"})).await;
    let limited = client.event("RATE_LIMITED").await;
    assert_eq!((&limited["opcode"], &limited["retry_after"]), (&json!(8), &json!(20.0)));
    assert_eq!(limited["meta"], json!({"guild_id": discord.guild, "nonce": "again"}));
    client.send(8, json!({"guild_id": discord.guild, "query": "user99", "limit": 5})).await;
    assert_eq!(client.event("GUILD_MEMBERS_CHUNK").await["members"].as_array().map(Vec::len), Some(5));
    client.send(31, json!({"guild_ids": [discord.guild]})).await;
    assert_eq!(client.event("SOUNDBOARD_SOUNDS").await["soundboard_sounds"], json!([]));
    client.send(3, json!({"status": "online", "since": null, "activities": [], "afk": false})).await;
    client
        .send(4, json!({"guild_id": discord.guild, "channel_id": null, "self_mute": false, "self_deaf": false}))
        .await;
    client.hears_nothing().await;
}

#[tokio::test]
async fn whoever_runs_the_simulator_has_routes_for_all_of_it() {
    let (discord, served) = discord().await;
    let (mut client, _) = Client::in_guild(&served, INTENTS).await;
    let ask = async |method: &str, path: &str, body: Value| {
        let request = axum::http::Request::builder().method(method).uri(path);
        let request = request.header("content-type", "application/json");
        let request = request.body(axum::body::Body::from(body.to_string())).expect("a request");
        discord.send_raw(request).await.0
    };
    assert_eq!(ask("POST", "/_sim/gateway", json!({"order": "reconnect"})).await.status, 204);
    assert_eq!(client.payload().await["op"], 7);
    let unknown = ask("POST", "/_sim/gateway", json!({"order": "outage", "guild_id": "5"})).await;
    let said = "there is no guild 5: `GET /_sim/world` lists those there are";
    assert_eq!((unknown.status, &unknown.body["error"]), (400, &json!(said)));
    assert_eq!(ask("POST", "/_sim/gateway", json!({"order": "close", "code": 4000})).await.status, 204);
    assert_eq!(client.closed().await, 4000);
    let told = ask("GET", "/_sim/gateway", Value::Null).await.body;
    assert_eq!((&told["sessions"][0]["shard"], &told["sessions"][0]["connection"]), (&json!([0, 1]), &Value::Null));
    let log = told["log"].as_array().expect("a list");
    assert_eq!((&log[0]["what"], &log[log.len() - 1]["what"]), (&json!("opened"), &json!("closed")));
    assert_eq!(ask("DELETE", "/_sim/gateway", Value::Null).await.status, 204);
    assert_eq!(ask("GET", "/_sim/gateway", Value::Null).await.body["log"], json!([]));
}
