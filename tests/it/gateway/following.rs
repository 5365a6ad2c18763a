//! What is followed, what is kept of it, and what is worth a look.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::json;
use setai::cache::{Cache, Edit, Error, Memory, Put, Seen, Shelf, Slot, Source, Value};
use setai::controller::{Follower, Nudge, Presence, Subject, Why};
use setai::discord;
use setai::discord::Event;
use setai::discord::gateway::Change;
use setai::model::{ChannelId, ChannelRef, GuildId, Snapshot, UserId};
use setai::simulator::world::{Bits, Snowflake};

use crate::support::harness::Harness;
use crate::support::stage::Stage;

/// A guild that is followed.
pub(super) struct Followed {
    pub(super) stage: Stage,
    pub(super) cache: Cache,
    pub(super) follower: Follower,
}

impl Followed {
    /// A fresh guild that was told.
    async fn new() -> Self {
        let followed = Self::untold(Harness::new()).await;
        let snapshot = followed.live().await;
        followed.hear(Event::Connected { shard: 0, resumed: false }).await;
        followed.hear(Event::Listed { shard: 0, of: 1, guilds: vec![followed.stage.guild()] }).await;
        assert_eq!(followed.whys(Event::Guild(Box::new(snapshot))).await, [Why::Arrived]);
        followed
    }

    /// Nothing was told yet.
    pub(super) async fn untold(discord: Harness) -> Self {
        let clock = discord.clock.clone();
        Self::with(discord, Cache::in_process(clock)).await
    }

    async fn with(discord: Harness, cache: Cache) -> Self {
        let clock = discord.clock.clone();
        let mut stage = Stage::on(discord).await;
        stage.engine = stage.engine.with_cache(cache.clone());
        Self { stage, follower: Follower::new(cache.clone(), clock), cache }
    }

    /// The guild as Discord's REST shows it, some time later.
    pub(super) async fn live(&self) -> Snapshot {
        self.stage.discord.clock.advance(Duration::from_secs(1));
        self.stage.engine.observe(self.stage.guild()).await.expect("a guild")
    }

    /// Somebody looks, as a nudge asks for.
    pub(super) async fn look(&self) -> Snapshot {
        self.stage.discord.clock.advance(Duration::from_secs(1));
        let at = self.stage.discord.clock.now();
        let snapshot = self.live().await;
        self.cache.keep(&Seen { snapshot: snapshot.clone(), at, source: Source::Read }).await.expect("a cache");
        snapshot
    }

    pub(super) async fn hear(&self, event: Event) -> Vec<Nudge> {
        self.stage.discord.clock.advance(Duration::from_millis(1));
        self.follower.hear(event).await
    }

    async fn whys(&self, event: Event) -> Vec<Why> {
        let nudges = self.hear(event).await;
        assert!(nudges.iter().all(|nudge| nudge.guild == self.stage.guild()));
        nudges.into_iter().map(|nudge| nudge.why).collect()
    }

    async fn changed(&self, change: Change) -> Vec<Why> {
        self.whys(Event::Changed { guild: self.stage.guild(), change }).await
    }

    async fn current(&self) -> Option<Snapshot> {
        self.follower.current(self.stage.guild()).await.map(|seen| seen.snapshot)
    }

    fn channel_by_hand(&self, name: &str) -> Snowflake {
        self.stage.discord.channel_by_hand(json!({"name": name}))
    }
}

fn id(channel: Snowflake) -> ChannelId {
    channel.to_string().parse().expect("a snowflake")
}

/// What is told of a channel that is like this.
fn told(snapshot: &Snapshot, channel: Snowflake) -> Change {
    let channel = snapshot.guild.channel(&ChannelRef::Live(id(channel))).expect("the channel");
    Change::Channel(Box::new(channel.clone()))
}

#[tokio::test]
async fn a_guild_that_was_told_is_known_without_asking() {
    let followed = Followed::new().await;
    let live = followed.live().await;
    followed.stage.discord.simulator.forget_requests();
    assert_eq!(followed.current().await, Some(live));
    assert_eq!(followed.follower.presence(followed.stage.guild()), Some(Presence::Followed));
    assert_eq!(followed.stage.discord.simulator.requests().len(), 0);
}

#[tokio::test]
async fn a_guild_that_is_told_as_it_was_is_no_news() {
    let followed = Followed::new().await;
    let live = followed.live().await;
    assert_eq!(followed.whys(Event::Guild(Box::new(live.clone()))).await, [], "told twice");
    followed.hear(Event::Disconnected { shard: 0, why: "a test".to_owned() }).await;
    followed.hear(Event::Connected { shard: 0, resumed: false }).await;
    assert_eq!(followed.whys(Event::Guild(Box::new(live))).await, [Why::Arrived; 0], "told again after a gap");
}

#[tokio::test]
async fn what_is_told_makes_what_is_kept_as_discord_shows_it() {
    let followed = Followed::new().await;
    let channel = followed.channel_by_hand("rules");
    let live = followed.live().await;
    let why = Why::Changed(Subject::Channel(id(channel)));
    assert_eq!(followed.changed(told(&live, channel)).await, [why]);
    assert_eq!(followed.current().await, Some(live.clone()));
    assert_eq!(followed.changed(told(&live, channel)).await, [], "told twice");
    followed.stage.discord.by_hand("DELETE", &format!("/channels/{channel}"), json!(null));
    assert_eq!(followed.changed(Change::ChannelDeleted(id(channel))).await, [why]);
    assert_eq!(followed.current().await, Some(followed.live().await));
}

#[tokio::test]
async fn something_old_that_is_told_makes_somebody_look_and_nothing_else() {
    let followed = Followed::new().await;
    let channel = followed.channel_by_hand("rules");
    let old = followed.live().await;
    followed.stage.discord.by_hand("PATCH", &format!("/channels/{channel}"), json!({"nsfw": true}));
    let live = followed.look().await;
    assert_eq!(followed.changed(told(&old, channel)).await, [Why::Changed(Subject::Channel(id(channel)))]);
    assert_eq!(followed.look().await, live);
    assert_eq!(followed.current().await, Some(live));
}

#[tokio::test]
async fn an_old_guild_is_not_taken_for_a_new_one() {
    let followed = Followed::new().await;
    let old = followed.live().await;
    let channel = followed.channel_by_hand("rules");
    let live = followed.live().await;
    followed.changed(told(&live, channel)).await;
    assert_eq!(followed.whys(Event::Guild(Box::new(old))).await, [Why::Unclear]);
    assert_eq!(followed.current().await, None, "nobody knows");
    followed.look().await;
    assert_eq!(followed.current().await, Some(live));
}

#[tokio::test]
async fn after_a_gap_nothing_is_known_until_it_is_told_again() {
    let followed = Followed::new().await;
    let live = followed.live().await;
    followed.hear(Event::Disconnected { shard: 0, why: "a test".to_owned() }).await;
    assert_eq!(followed.current().await, None, "something may be happening");
    followed.hear(Event::Connected { shard: 0, resumed: true }).await;
    assert_eq!(followed.current().await, Some(live), "everything that happened was told");
    followed.hear(Event::Disconnected { shard: 0, why: "a test".to_owned() }).await;
    followed.hear(Event::Connected { shard: 0, resumed: false }).await;
    assert_eq!(followed.current().await, None);
    let channel = followed.channel_by_hand("rules");
    let live = followed.live().await;
    assert_eq!(followed.whys(Event::Guild(Box::new(live.clone()))).await, [Why::Arrived]);
    assert_eq!(followed.current().await, Some(live));
    assert!(
        followed.current().await.is_some_and(|known| known.guild.channel(&ChannelRef::Live(id(channel))).is_some())
    );
}

#[tokio::test]
async fn a_change_that_is_told_before_its_guild_makes_somebody_look() {
    let followed = Followed::new().await;
    followed.hear(Event::Connected { shard: 0, resumed: false }).await;
    let old = followed.live().await;
    let channel = followed.channel_by_hand("rules");
    let live = followed.live().await;
    assert_eq!(followed.changed(told(&live, channel)).await, [], "the guild is yet to be told");
    assert_eq!(followed.whys(Event::Guild(Box::new(old))).await, [Why::Unclear]);
    assert_eq!(followed.current().await, None);
}

#[tokio::test]
async fn an_outage_freezes_a_guild_and_forgets_nothing() {
    let followed = Followed::new().await;
    let guild = followed.stage.guild();
    let live = followed.live().await;
    assert_eq!(followed.whys(Event::Unavailable(guild)).await, [Why::Unavailable]);
    assert_eq!(followed.whys(Event::Unavailable(guild)).await, [], "told twice");
    assert_eq!(followed.follower.presence(guild), Some(Presence::Unavailable));
    assert_eq!(followed.current().await, None);
    assert!(followed.cache.seen(guild, Duration::MAX).await.expect("a cache").is_some());
    // Nothing changed, but what was put off for the outage can be done now.
    assert_eq!(followed.whys(Event::Guild(Box::new(live.clone()))).await, [Why::Arrived]);
    assert_eq!(followed.current().await, Some(live));
}

#[tokio::test]
async fn a_guild_the_bot_has_left_is_dropped() {
    let followed = Followed::new().await;
    let guild = followed.stage.guild();
    assert_eq!(followed.whys(Event::Removed(guild)).await, [Why::Removed]);
    assert_eq!(followed.whys(Event::Removed(guild)).await, [], "told twice");
    assert_eq!(followed.follower.presence(guild), None);
    assert_eq!(followed.cache.seen(guild, Duration::MAX).await.expect("a cache"), None);
}

#[tokio::test]
async fn a_guild_that_is_not_listed_any_more_was_left_meanwhile() {
    let followed = Followed::new().await;
    let other = GuildId::new(followed.stage.guild().get() + (1 << 22));
    followed.hear(Event::Connected { shard: 0, resumed: false }).await;
    let nudges = followed.whys(Event::Listed { shard: 0, of: 1, guilds: vec![other] }).await;
    assert_eq!(nudges, [Why::Removed]);
    assert_eq!(followed.follower.presence(other), Some(Presence::Awaited));
    let of_two = Event::Listed { shard: 1 - setai::discord::gateway::shard_of(other, 2), of: 2, guilds: vec![] };
    assert_eq!(followed.hear(of_two).await, [], "another shard speaks of its own guilds alone");
}

#[tokio::test]
async fn what_we_do_ourselves_makes_nobody_look() {
    let followed = Followed::new().await;
    let manifest = followed.stage.manifest("roles: { crew: {} }\nchannels: { rules: { topic: Be kind. }, talk: {} }\n");
    followed.stage.apply(&manifest).await;
    let live = followed.live().await;
    for channel in &live.guild.channels {
        assert_eq!(followed.changed(Change::Channel(Box::new(channel.clone()))).await, []);
    }
    for role in &live.guild.roles {
        assert_eq!(followed.changed(Change::Role(Box::new(role.clone()))).await, []);
    }
    assert_eq!(followed.follower.settled(followed.stage.guild()).await, []);
}

#[tokio::test]
async fn what_is_told_during_a_run_counts_when_the_run_has_not_read_it() {
    let followed = Followed::new().await;
    let guild = followed.stage.guild();
    followed.cache.hide(guild).await.expect("a cache");
    let (ours, theirs) = (followed.channel_by_hand("ours"), followed.channel_by_hand("theirs"));
    let live = followed.live().await;
    assert_eq!(followed.changed(told(&live, ours)).await, [], "the run reads it");
    let read = followed.look().await;
    followed.cache.hide(guild).await.expect("a cache");
    followed.stage.discord.by_hand("PATCH", &format!("/channels/{theirs}"), json!({"nsfw": true}));
    let live = followed.live().await;
    assert_eq!(followed.changed(told(&live, theirs)).await, []);
    assert_eq!(followed.current().await, None);
    let at = followed.stage.discord.clock.now() - chrono::TimeDelta::milliseconds(1500);
    followed.cache.keep(&Seen { snapshot: read, at, source: Source::Read }).await.expect("a cache");
    let nudges = followed.follower.settled(guild).await;
    assert_eq!(nudges.iter().map(|n| n.why).collect::<Vec<_>>(), [Why::Changed(Subject::Channel(id(theirs)))]);
    assert_eq!(followed.current().await, Some(live));
}

#[tokio::test]
async fn a_run_that_takes_long_hears_much_and_nothing_of_it_is_lost() {
    let followed = Followed::new().await;
    let guild = followed.stage.guild();
    let channel = followed.channel_by_hand("rules");
    let live = followed.look().await;
    followed.cache.hide(guild).await.expect("a cache");
    for _ in 0..100 {
        assert_eq!(followed.changed(told(&live, channel)).await, []);
    }
    followed.look().await;
    assert_eq!(followed.follower.settled(guild).await, [], "the run has read all of it");
    assert_eq!(followed.current().await, Some(live));
}

#[tokio::test]
async fn the_audit_log_says_who_did_it() {
    let followed = Followed::new().await;
    let guild = followed.stage.guild();
    let channel = followed.channel_by_hand("rules");
    let live = followed.live().await;
    let entry = |ours: bool, action: u64| discord::Change {
        action,
        target: Some(id(channel).get()),
        who: "user:1".to_owned(),
        user: Some(UserId::new(1)),
        reason: None,
        ours,
        at: followed.stage.discord.clock.now(),
    };
    let logged = |ours, action| Event::AuditEntry { guild, entry: entry(ours, action) };
    assert_eq!(followed.whys(logged(true, 10)).await, [], "our own");
    assert_eq!(followed.whys(logged(false, 24)).await, [], "somebody's nickname");
    let nudges = followed.hear(logged(false, 10)).await;
    assert_eq!(nudges[0].why, Why::Logged);
    let by = nudges[0].actor.clone().expect("somebody");
    assert_eq!(by.user, Some(UserId::new(1)));
    let nudges = followed.hear(Event::Changed { guild, change: told(&live, channel) }).await;
    assert_eq!(nudges[0].actor, Some(by));
}

#[tokio::test]
async fn what_the_bot_sees_now_is_read_and_not_guessed() {
    let followed = Followed::untold(Harness::new()).await;
    followed.stage.discord.limit_bot(Bits::VIEW_CHANNEL);
    followed.channel_by_hand("rules");
    let live = followed.live().await;
    let guild = followed.stage.guild();
    followed.hear(Event::Connected { shard: 0, resumed: false }).await;
    followed.hear(Event::Listed { shard: 0, of: 1, guilds: vec![guild] }).await;
    followed.hear(Event::Guild(Box::new(live.clone()))).await;
    let mut bot = live.bot.known().expect("the bot").clone();
    bot.roles.clear();
    let mut everyone = live.guild.everyone().expect("everyone").clone();
    everyone.attributes.permissions = setai::model::Permissions::NONE;
    assert_eq!(followed.changed(Change::OwnMember(bot)).await, [Why::Changed(Subject::Bot)], "everyone may view");
    assert_eq!(followed.changed(Change::Role(Box::new(everyone))).await, [Why::Unclear]);
    assert_eq!(followed.current().await, None);
}

#[tokio::test]
async fn a_guild_in_which_nothing_happens_stays_known() {
    let followed = Followed::new().await;
    let live = followed.live().await;
    for _ in 0..20 {
        followed.stage.discord.clock.advance(Duration::from_mins(10));
        assert_eq!(followed.current().await, Some(live.clone()));
    }
    followed.stage.discord.clock.advance(Duration::from_hours(2));
    assert_eq!(followed.current().await, None, "nobody asked for too long");
}

/// A shelf that can be away.
#[derive(Debug)]
struct Shaky(Memory, Arc<AtomicBool>);

impl Shaky {
    fn there(&self) -> Result<&Memory, Error> {
        if self.1.load(Ordering::SeqCst) { Err(Error::Clock { seconds: 0 }) } else { Ok(&self.0) }
    }
}

#[async_trait]
impl Shelf for Shaky {
    async fn fetch(&self, slots: &[Slot]) -> Result<Vec<Option<Value>>, Error> {
        self.there()?.fetch(slots).await
    }
    async fn put(&self, values: &[Put]) -> Result<(), Error> {
        self.there()?.put(values).await
    }
    async fn put_later(&self, key: &str, text: &str, ttl: Duration) -> Result<(), Error> {
        self.there()?.put_later(key, text, ttl).await
    }
    async fn swap(&self, key: &str, expected: &str, edits: &[Edit]) -> Result<bool, Error> {
        self.there()?.swap(key, expected, edits).await
    }
    async fn add(
        &self,
        key: &str,
        fields: &std::collections::BTreeMap<String, String>,
        ttl: Duration,
    ) -> Result<(), Error> {
        self.there()?.add(key, fields, ttl).await
    }
    async fn take_out(&self, key: &str, fields: &[String]) -> Result<(), Error> {
        self.there()?.take_out(key, fields).await
    }
    async fn remove(&self, slots: &[Slot]) -> Result<(), Error> {
        self.there()?.remove(slots).await
    }
    async fn now(&self) -> Result<DateTime<Utc>, Error> {
        self.there()?.now().await
    }
}

#[tokio::test]
async fn what_the_cache_missed_while_it_was_away_is_not_believed_afterwards() {
    let discord = Harness::new();
    let away = Arc::new(AtomicBool::new(false));
    let shelf = Shaky(Memory::new(discord.clock.clone()), Arc::clone(&away));
    let cache = Cache::on(Arc::new(shelf), discord.clock.clone());
    let followed = Followed::with(discord, cache).await;
    let guild = followed.stage.guild();
    followed.hear(Event::Connected { shard: 0, resumed: false }).await;
    followed.hear(Event::Listed { shard: 0, of: 1, guilds: vec![guild] }).await;
    followed.hear(Event::Guild(Box::new(followed.live().await))).await;
    let (missed, told_later) = (followed.channel_by_hand("missed"), followed.channel_by_hand("told later"));
    let live = followed.live().await;
    away.store(true, Ordering::SeqCst);
    assert_eq!(followed.changed(told(&live, missed)).await, [Why::Unclear]);
    away.store(false, Ordering::SeqCst);
    assert!(followed.cache.seen(guild, Duration::MAX).await.expect("a cache").is_some(), "an old one");
    assert_eq!(followed.current().await, None);
    assert_eq!(followed.changed(told(&live, told_later)).await, [Why::Unclear]);
    assert_eq!(followed.current().await, None);
    followed.look().await;
    assert_eq!(followed.current().await, Some(live));
}

#[tokio::test]
async fn ten_thousand_guilds_take_little_room() {
    const GUILDS: usize = 10_000;
    let followed = Followed::untold(Harness::new()).await;
    let discord = &followed.stage.discord;
    let roles: Vec<Snowflake> =
        (0..48).map(|at| discord.role_by_hand(&format!("Role {at}"), Bits(1 << at), 2)).collect();
    for at in 0..98_usize {
        let overwrite = |nth: usize| {
            let bits: (u64, u64) = (1 << (nth + 10), 1 << (at % 40));
            json!({"id": roles[(at * 7 + nth * 11) % 48], "type": 0, "allow": bits.0.to_string(), "deny": bits.1.to_string()})
        };
        let overwrites: Vec<_> = (0..4).map(overwrite).collect();
        let topic = format!("What is said here is about number {at} of what we talk about");
        discord.channel_by_hand(
            json!({"name": format!("channel-{at}"), "topic": topic, "permission_overwrites": overwrites}),
        );
    }
    let snapshot = followed.live().await;
    let shelf = Arc::new(Memory::new(discord.clock.clone()));
    let cache = Cache::on(Arc::clone(&shelf) as Arc<dyn Shelf>, discord.clock.clone());
    cache
        .keep(&Seen { snapshot: snapshot.clone(), at: discord.clock.now(), source: Source::Told })
        .await
        .expect("a cache");
    let (bytes, plain) = (shelf.bytes(), serde_json::to_string(&snapshot).expect("JSON").len());
    let all = bytes * GUILDS / (1 << 20);
    println!("a guild of 100 channels takes {bytes} bytes in the process ({plain} as JSON); {GUILDS} take {all} MiB");
    assert!(all < 400, "{all} MiB");
}
