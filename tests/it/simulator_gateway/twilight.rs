//! The stock twilight client logs in, sees what changes, and comes back after every kind of interruption.

use std::time::Duration;

use serde_json::json;
use setai::simulator::gateway::GatewayOrder;
use twilight_gateway::queue::InMemoryQueue;
use twilight_gateway::{ConfigBuilder, Event, EventTypeFlags, Intents, Shard, ShardId, StreamExt as _};
use twilight_model::gateway::payload::incoming::GuildCreate;

use super::client::discord;
use crate::support::harness::Served;

/// Longest time for an event to arrive.
const PATIENCE: Duration = Duration::from_secs(30);

/// A shard that logs in at once. It speaks zlib: no other packing is compiled in.
fn shard(served: &Served) -> Shard {
    // Another test may have been first.
    drop(rustls::crypto::ring::default_provider().install_default());
    let config = ConfigBuilder::new("token".to_owned(), Intents::GUILDS | Intents::GUILD_MODERATION);
    let queue = InMemoryQueue::new(0, 1000, Duration::from_secs(60), 1000);
    let config = config.proxy_url(format!("ws://{}", served.address)).queue(queue).build();
    Shard::with_config(ShardId::ONE, config)
}

/// The next event that is no heartbeat.
async fn next(shard: &mut Shard) -> Event {
    loop {
        let event = tokio::time::timeout(PATIENCE, shard.next_event(EventTypeFlags::all())).await;
        match event.expect("something comes").expect("it never gives up").expect("parses") {
            Event::GatewayHeartbeatAck | Event::GatewayHello(_) => {}
            event => return event,
        }
    }
}

/// The next event, which must be of this kind.
macro_rules! told {
    ($shard:expr, $kind:path) => {
        match next($shard).await {
            $kind(event) => event,
            other => panic!("{other:?}"),
        }
    };
}

/// A shard that is in its guild.
async fn in_guild(served: &Served) -> Shard {
    let mut shard = shard(served);
    told!(&mut shard, Event::Ready);
    told!(&mut shard, Event::GuildCreate);
    shard
}

#[tokio::test]
async fn it_logs_in_and_sees_guilds_channels_roles_and_entries() {
    let (discord, served) = discord().await;
    // Announcement, stage, forum and media channels are not for every guild.
    discord.edit(|guild| guild.features = vec!["COMMUNITY".to_owned(), "NEWS".to_owned()]);
    let mut shard = shard(&served);
    let ready = told!(&mut shard, Event::Ready);
    assert_eq!((ready.user.id.get(), ready.version, ready.guilds.len()), (discord.bot.0, 10, 1));
    let guild = match *told!(&mut shard, Event::GuildCreate) {
        GuildCreate::Available(guild) => guild,
        GuildCreate::Unavailable(guild) => panic!("{guild:?}"),
    };
    assert_eq!((guild.channels.len(), guild.roles.len(), guild.member_count), (4, 2, Some(2)));
    let queries: Vec<String> = discord.simulator.gateway_log().iter().map(|r| format!("{:?}", r.traffic)).collect();
    assert!(queries[0].contains("compress=zlib-stream"), "{}", queries[0]);

    for kind in [0, 2, 4, 5, 13, 15, 16] {
        let id = discord.channel_by_hand(json!({"name": "new", "type": kind}));
        assert_eq!(told!(&mut shard, Event::ChannelCreate).id.get(), id.0);
        told!(&mut shard, Event::GuildAuditLogEntryCreate);
        discord.by_hand("PATCH", &format!("/channels/{id}"), json!({"name": "newer"}));
        assert_eq!(told!(&mut shard, Event::ChannelUpdate).name.as_deref(), Some("newer"));
        told!(&mut shard, Event::GuildAuditLogEntryCreate);
        discord.by_hand("DELETE", &format!("/channels/{id}"), json!(null));
        assert_eq!(told!(&mut shard, Event::ChannelDelete).id.get(), id.0);
        told!(&mut shard, Event::GuildAuditLogEntryCreate);
    }
    let body = json!({"name": "Helper"});
    let role = discord.by_hand("POST", &discord.in_guild("/roles"), body)["id"].as_str().map(str::to_owned);
    let made = told!(&mut shard, Event::RoleCreate);
    assert_eq!((Some(made.role.id.to_string()), made.guild_id.get()), (role.clone(), discord.guild.0));
    told!(&mut shard, Event::GuildAuditLogEntryCreate);
    let path = discord.in_guild(&format!("/roles/{}", role.expect("an id")));
    discord.by_hand("PATCH", &path, json!({"hoist": true}));
    assert!(told!(&mut shard, Event::RoleUpdate).role.hoist);
    told!(&mut shard, Event::GuildAuditLogEntryCreate);
    discord.by_hand("DELETE", &path, json!(null));
    assert_eq!(told!(&mut shard, Event::RoleDelete).role_id, made.role.id);
    told!(&mut shard, Event::GuildAuditLogEntryCreate);
    discord.by_hand("PATCH", &discord.in_guild(""), json!({"name": "Renamed"}));
    assert_eq!(told!(&mut shard, Event::GuildUpdate).name, "Renamed");
    told!(&mut shard, Event::GuildAuditLogEntryCreate);
    discord.simulator.outage(discord.guild).expect("there");
    assert_eq!(told!(&mut shard, Event::GuildDelete).unavailable, Some(true));
}

#[tokio::test]
async fn it_resumes_when_it_is_asked_to_connect_again() {
    let (discord, served) = discord().await;
    let mut shard = in_guild(&served).await;
    discord.simulator.order(&GatewayOrder::Reconnect).expect("no guild to miss");
    discord.channel_by_hand(json!({"name": "meanwhile"}));
    assert!(matches!(next(&mut shard).await, Event::GatewayReconnect));
    resumed_with_the_channel(&mut shard).await;
    assert_eq!(discord.simulator.sessions().len(), 1);
}

#[tokio::test]
async fn it_resumes_after_a_connection_that_broke_or_was_closed() {
    let (discord, served) = discord().await;
    let mut shard = in_guild(&served).await;
    let breaks: [&dyn Fn(); 2] = [&|| discord.simulator.break_gateways(), &|| discord.simulator.close_gateways(4000)];
    for interrupt in breaks {
        interrupt();
        discord.channel_by_hand(json!({"name": "meanwhile"}));
        resumed_with_the_channel(&mut shard).await;
        assert_eq!(discord.simulator.sessions().len(), 1);
    }
}

/// A channel and its audit entry come, wherever the interruption is noticed, and then it goes on.
async fn resumed_with_the_channel(shard: &mut Shard) {
    let mut channels = 0;
    loop {
        match next(shard).await {
            Event::GatewayClose(_) | Event::GuildAuditLogEntryCreate(_) => {}
            Event::ChannelCreate(channel) => {
                assert_eq!(channel.name.as_deref(), Some("meanwhile"));
                channels += 1;
            }
            Event::Resumed => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(channels, 1, "once, and before it goes on");
}

#[tokio::test]
async fn it_logs_in_anew_when_its_session_is_over() {
    let (discord, served) = discord().await;
    let mut shard = in_guild(&served).await;
    discord.simulator.order(&GatewayOrder::InvalidateSessions { resumable: false }).expect("no guild to miss");
    assert!(matches!(next(&mut shard).await, Event::GatewayInvalidateSession(false)));
    loop {
        match next(&mut shard).await {
            Event::GatewayClose(_) => {}
            Event::Ready(_) => break,
            other => panic!("{other:?}"),
        }
    }
    told!(&mut shard, Event::GuildCreate);
}
