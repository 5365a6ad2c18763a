//! The whole way: a simulated Discord's gateway, our client, and a guild that is followed.

use std::collections::BTreeSet;
use std::time::Duration;

use secrecy::SecretString;
use serde_json::json;
use setai::controller::Why;
use setai::discord::{Event, Gateway, GatewayError, GatewaySettings};
use setai::model::{ChannelId, Snapshot};
use setai::simulator::faults::{Fault, Faults, Rule};
use setai::simulator::gateway::GatewayOrder;
use setai::simulator::world::{Bits, Snowflake};
use tokio::sync::mpsc::{Receiver, channel};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::following::Followed;
use crate::support::harness::{Harness, Served};
use crate::support::rng::Rng;
use crate::support::seeds::{seeds, trials};
use crate::support::worlds::{disturb, furnish};

/// Longer than anything takes on a machine that is busy.
const TOO_LONG: Duration = Duration::from_secs(120);

/// A guild that is followed over a socket.
struct Live {
    followed: Followed,
    events: Receiver<Event>,
    stop: CancellationToken,
    running: JoinHandle<Result<(), GatewayError>>,
    served: Served,
}

impl Live {
    async fn on(discord: Harness) -> Self {
        let served = discord.serve().await;
        let followed = Followed::untold(discord).await;
        let mut settings = GatewaySettings::new(SecretString::from("token"));
        settings.url = Some(format!("ws://{}", served.address));
        let gateway = Gateway::new(settings, followed.stage.engine.client().clone());
        let (sender, events) = channel(64);
        let stop = CancellationToken::new();
        let running = tokio::spawn(gateway.run(sender, stop.clone()));
        Self { followed, events, stop, running, served }
    }

    /// Hears one event, and looks where that is asked for.
    async fn hear(&mut self) -> Event {
        let event =
            tokio::time::timeout(TOO_LONG, self.events.recv()).await.expect("something happens").expect("an event");
        let nudges = self.followed.hear(event.clone()).await;
        if nudges.iter().any(|nudge| nudge.why != Why::Arrived) {
            self.followed.look().await;
        }
        event
    }

    /// Hears until the guild is told as a whole.
    async fn arrive(&mut self) -> Snapshot {
        loop {
            if let Event::Guild(snapshot) = self.hear().await {
                return *snapshot;
            }
        }
    }

    /// Hears until what is kept is what is there, without looking.
    async fn told(&mut self) {
        let live = self.followed.live().await;
        loop {
            let event = tokio::time::timeout(TOO_LONG, self.events.recv()).await.expect("something happens");
            self.followed.hear(event.expect("an event")).await;
            if self.kept().await.is_some_and(|kept| kept.guild == live.guild && kept.bot == live.bot) {
                return;
            }
        }
    }

    async fn kept(&self) -> Option<Snapshot> {
        let guild = self.followed.stage.guild();
        self.followed.cache.seen(guild, Duration::MAX).await.expect("a cache").map(|seen| seen.snapshot)
    }

    fn discord(&self) -> &Harness {
        &self.followed.stage.discord
    }

    async fn end(self) {
        self.stop.cancel();
        self.running.await.expect("no panic").expect("no failure");
        self.served.stop().await;
    }
}

#[tokio::test]
async fn a_guild_arrives_as_rest_shows_it() {
    let discord = Harness::new();
    furnish(&discord, &mut Rng::seeded(1));
    let mut live = Live::on(discord).await;
    let told = live.arrive().await;
    assert_eq!(told, live.followed.live().await);
    live.end().await;
}

#[tokio::test]
async fn a_channel_the_bot_may_not_view_is_hidden_and_not_a_channel() {
    let discord = Harness::new();
    discord.limit_bot(Bits::VIEW_CHANNEL);
    let deny = json!([{"id": discord.bot_role, "type": 0, "allow": "0", "deny": "1024"}]);
    let secret = discord.channel_by_hand(json!({"name": "secret", "permission_overwrites": deny}));
    let mut live = Live::on(discord).await;
    let told = live.arrive().await;
    let read = live.followed.live().await;
    assert_eq!((&told.guild, &told.bot), (&read.guild, &read.bot));
    let secret: ChannelId = secret.to_string().parse().expect("a snowflake");
    assert!(told.hidden.contains(&secret), "the gateway knows more");
    assert!(!told.guild.channels.iter().any(|channel| channel.attributes.name.contains("hidden")));
    live.end().await;
}

#[tokio::test]
async fn whatever_somebody_does_by_hand_is_kept_as_rest_shows_it() {
    let mut live = Live::on(Harness::new()).await;
    live.arrive().await;
    let owner_does = |live: &Live, method: &str, path: String, body| live.discord().by_hand(method, &path, body);
    let channels = live.discord().in_guild("/channels");
    let roles = live.discord().in_guild("/roles");
    let made = |body: &serde_json::Value| body["id"].as_str().expect("an id").to_owned();
    let category = made(&owner_does(&live, "POST", channels.clone(), json!({"name": "Study", "type": 4})));
    live.told().await;
    let channel = made(&owner_does(&live, "POST", channels.clone(), json!({"name": "rules", "parent_id": category})));
    live.told().await;
    let role = made(&owner_does(
        &live,
        "POST",
        roles,
        json!({"name": "Crew", "permissions": (1_u64 << 53 | 1 << 11).to_string()}),
    ));
    live.told().await;
    let overwrites = json!([{"id": role, "type": 0, "allow": "2048", "deny": "0"}]);
    for (method, path, body) in [
        ("PATCH", format!("/channels/{channel}"), json!({"topic": "Be kind.", "nsfw": true})),
        ("PATCH", format!("/channels/{channel}"), json!({"permission_overwrites": overwrites})),
        ("PATCH", live.discord().in_guild(&format!("/roles/{role}")), json!({"name": "Team", "hoist": true})),
        ("PATCH", live.discord().in_guild(""), json!({"name": "Rust Circle", "verification_level": 3})),
        ("DELETE", format!("/channels/{category}"), json!(null)),
        ("DELETE", live.discord().in_guild(&format!("/roles/{role}")), json!(null)),
        ("DELETE", format!("/channels/{channel}"), json!(null)),
    ] {
        owner_does(&live, method, path, body);
        live.told().await;
    }
    live.end().await;
}

#[tokio::test]
async fn what_happened_while_the_connection_was_lost_is_told_afterwards() {
    let mut live = Live::on(Harness::new()).await;
    live.arrive().await;
    for order in [
        GatewayOrder::Close { code: 4000 },
        GatewayOrder::Break,
        GatewayOrder::Reconnect,
        GatewayOrder::InvalidateSessions { resumable: true },
        GatewayOrder::InvalidateSessions { resumable: false },
        GatewayOrder::Resend { events: 5 },
    ] {
        live.discord().simulator.order(&order).expect("it is carried out");
        live.discord().channel_by_hand(json!({"name": "meanwhile"}));
        live.told().await;
    }
    live.end().await;
}

#[tokio::test]
async fn an_outage_and_its_end_are_told() {
    let mut live = Live::on(Harness::new()).await;
    live.arrive().await;
    let (guild, id) = (live.discord().guild, live.followed.stage.guild());
    live.discord().simulator.outage(guild).expect("the guild is there");
    while live.hear().await != Event::Unavailable(id) {}
    assert_eq!(live.followed.follower.current(id).await, None);
    live.discord().simulator.end_outage(guild).expect("the guild is there");
    live.arrive().await;
    assert!(live.followed.follower.current(id).await.is_some());
    live.end().await;
}

#[test]
fn whatever_is_lost_or_late_what_is_kept_is_what_is_there_once_somebody_looked() {
    let trial = async |seed| {
        let mut rng = Rng::seeded(11_000_000 + seed);
        let discord = Harness::new();
        let users: Vec<Snowflake> = furnish(&discord, &mut rng);
        let mut live = Live::on(discord).await;
        live.arrive().await;
        let rule = |probability: f64, fault| Rule { probability: Some(probability), ..Rule::new(fault) };
        let rules = vec![
            rule(0.1, Fault::EventDropped),
            rule(0.1, Fault::EventRepeated),
            rule(0.1, Fault::EventHeldBack),
            rule(0.1, Fault::OldOverwrites),
            rule(0.05, Fault::EventsResent { events: 3 }),
            rule(0.03, Fault::GatewayClosed { code: 4000 }),
            rule(0.03, Fault::GatewayBroken),
        ];
        live.discord().simulator.set_faults(Faults { rules, ..Faults::default() });
        for _ in 0..30 {
            disturb(live.discord(), &mut rng, &users);
            while let Ok(event) = live.events.try_recv() {
                if !live.followed.hear(event).await.is_empty() && rng.percent(50) {
                    live.followed.look().await;
                }
            }
            tokio::task::yield_now().await;
        }
        live.discord().simulator.set_faults(Faults::default());
        // One more change, of which everybody hears.
        let last = live.discord().channel_by_hand(json!({"name": "the-last"}));
        let last: ChannelId = last.to_string().parse().expect("a snowflake");
        let hears = |event: &Event| match event {
            Event::Changed { change: setai::discord::gateway::Change::Channel(channel), .. } => {
                channel.id.id() == Some(last)
            }
            Event::Guild(snapshot) => snapshot.guild.channels.iter().any(|channel| channel.id.id() == Some(last)),
            _ => false,
        };
        loop {
            let event = live.hear().await;
            if hears(&event) {
                break;
            }
        }
        let there = live.followed.live().await;
        let kept = live.kept().await.expect("somebody looked");
        assert_eq!(kept.guild, there.guild);
        let hidden: BTreeSet<&ChannelId> = there.hidden.iter().collect();
        assert!(hidden.iter().all(|id| kept.hidden.contains(id)));
        live.end().await;
    };
    let trials = trials(seeds(10, 300), trial).len();
    println!("following with faults: {trials} guilds, what is kept is what is there");
}
