//! How many requests the largest guild takes.

use std::fmt::Write;

use super::groups::bare;
use crate::support::harness::Harness;
use crate::support::stage::Stage;

const ROLES: usize = 248;
const CATEGORIES: usize = 20;
const CHANNELS_EACH: usize = 24;

/// The largest guild: with @everyone and the bot's role 250 roles, 500 channels, and 3 overwrites on each.
struct Largest {
    /// The channels of each category, by number.
    channels: Vec<Vec<usize>>,
    topic: &'static str,
}

impl Largest {
    fn new() -> Self {
        let channels = (0..CATEGORIES).map(|c| (c * CHANNELS_EACH..(c + 1) * CHANNELS_EACH).collect()).collect();
        Self { channels, topic: "What it is about" }
    }

    fn yaml(&self) -> String {
        let mut text = String::from("roles:\n");
        for role in 0..ROLES {
            writeln!(text, "  rank-{role}: {{ permissions: [view_channel, send_messages] }}").expect("memory");
        }
        text.push_str("  everyone: { permissions: [view_channel] }\ncategories:\n");
        for (category, channels) in self.channels.iter().enumerate() {
            let (a, b) = (category * 3 % ROLES, (category * 7 + 1) % ROLES);
            writeln!(text, "  area-{category}:\n    permissions: {{ everyone: {{ deny: [view_channel] }}, rank-{a}: {{ allow: [view_channel] }}, rank-{b}: {{ allow: [manage_messages] }} }}\n    channels:").expect("memory");
            for channel in channels {
                let topic = if *channel == 7 { self.topic } else { "What it is about" };
                writeln!(text, "      room-{channel}: {{ topic: {topic} }}").expect("memory");
            }
        }
        text
    }
}

#[tokio::test]
async fn the_largest_guild_takes_no_request_too_many() {
    let discord = Harness::new();
    bare(&discord);
    let stage = Stage::on(discord).await;
    let mut wanted = Largest::new();
    let (all, _) = requests(&stage, &wanted).await;
    println!("MAX, first apply: {all} requests in all, at most 754");
    assert!(all <= 754, "{all} requests");
    let (roles, channels) = stage.discord.edit(|guild| (guild.roles.len(), guild.channels.len()));
    assert_eq!((roles, channels), (250, 500));

    stage.discord.simulator.forget_requests();
    assert!(stage.propose(&stage.manifest(&wanted.yaml())).await.plan.is_empty());
    let reads = stage.discord.simulator.requests().len();
    println!("MAX, nothing to do: {reads} requests");
    assert_eq!(reads, 2);

    wanted.topic = "Something else";
    let (_, writes) = requests(&stage, &wanted).await;
    println!("MAX, one topic: {writes} write");
    assert_eq!(writes, 1);

    for category in [3, 4, 5] {
        wanted.channels[category].reverse();
    }
    let (_, writes) = requests(&stage, &wanted).await;
    println!("MAX, 72 channels in another order: {writes} write");
    assert_eq!(writes, 1);

    for at in 0..10 {
        let moved = wanted.channels[at].remove(5);
        wanted.channels[19 - at].insert(3, moved);
    }
    let (_, writes) = requests(&stage, &wanted).await;
    println!("MAX, 10 channels to other categories: {writes} writes, at most 11");
    assert!(writes <= 11, "{writes} writes");
}

/// All requests and the writes of planning and applying.
async fn requests(stage: &Stage, wanted: &Largest) -> (usize, usize) {
    let manifest = stage.manifest(&wanted.yaml());
    stage.discord.simulator.forget_requests();
    let report = stage.apply(&manifest).await;
    assert_eq!(report.verdict, setai::store::Verdict::Succeeded, "{:?}", report.remark);
    let log = stage.discord.simulator.requests();
    (log.len(), log.iter().filter(|r| r.is_write()).count())
}
