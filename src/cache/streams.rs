//! What replicas ask of each other: looks at guilds, each of which one of them takes, and calls that all of them hear.
//!
//! A look says "look again" and nothing else, so one that is lost, late or taken twice costs time and no more. It is taken by
//! one member of a group and stays that member's until it says that it is done; what a member leaves untouched for a while
//! another takes over. Needs a Redis of its own kind of streams (6.2 or newer). Knows nothing of why anybody should look.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::streams::{StreamAutoClaimReply, StreamId, StreamInfoConsumersReply, StreamReadReply};
use redis::{AsyncConnectionConfig, Cmd, Pipeline, cmd};

use super::redis::{PATIENCE, Redis};
use super::{Cache, Error};
use crate::model::GuildId;

/// Asks for a look, unless one that is at least as urgent is asked for and has not begun. So ten replicas that hear the same
/// make one look.
const TELL: &str = "
local asked = redis.call('TYPE', KEYS[2]).ok == 'string' and redis.call('GET', KEYS[2]) or ''
local urgency = tonumber(string.match(asked, '^(%d+)$'))
if urgency and urgency <= tonumber(ARGV[1]) then return 0 end
redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[4], '*', 'guild', ARGV[2], 'why', ARGV[3])
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[5])
return 1";

/// Whoever takes looks belongs to it.
const GROUP: &str = "replicas";

/// About so many looks wait at most; the oldest go, and sweeps find what they were about.
const MOST: usize = 10_000;

/// So many calls are kept for whoever was not listening for a moment.
const MOST_CALLS: usize = 1_000;

/// So long at most a look that was asked for keeps others from being asked for: when it is lost, nobody else says that it is.
const ASKED: Duration = Duration::from_secs(60);

/// How long somebody who listens waits in one go.
const LISTEN: Duration = Duration::from_millis(500);

/// A member that neither took nor did anything for so long does not come back.
const GONE: Duration = Duration::from_secs(3_600);

/// Which queue a look stands in: nobody who waits for an answer stands behind a thousand guilds that do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// Somebody waits for it.
    People,
    /// Nobody does.
    Rest,
}

impl Lane {
    /// Both.
    pub const ALL: [Self; 2] = [Self::People, Self::Rest];

    fn urgency(self) -> u8 {
        match self {
            Self::People => 0,
            Self::Rest => 1,
        }
    }
}

/// That a guild should be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// Which.
    pub guild: GuildId,
    /// Why, in a word that whoever asks and whoever takes agree on.
    pub why: String,
}

/// The place of a look that was taken, to say that it is done.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    lane: Lane,
    id: String,
}

impl Entry {
    /// The place in a lane of that name, as Redis names places.
    pub fn at(lane: Lane, id: &str) -> Self {
        Self { lane, id: id.to_owned() }
    }
}

/// A look that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Its place.
    pub entry: Entry,
    /// What is to be done; none when that cannot be read, and then nobody can do it.
    pub look: Option<Look>,
}

/// What everybody should hear: a source may have something new.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The source, by the name the operator gave it.
    pub source: String,
    /// The revision that somebody has read there, if anybody has.
    pub revision: Option<String>,
}

/// The streams of the replicas of one bot.
#[derive(Clone)]
pub struct Streams {
    redis: Arc<Redis>,
    name: String,
    member: String,
}

impl fmt::Debug for Streams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { redis, name, member } = self;
        f.debug_struct("Streams").field("redis", redis).field("name", name).field("member", member).finish()
    }
}

impl Cache {
    /// The streams of the replicas that go by a name, as one of their members; none where the cache is this process's own.
    pub fn streams(&self, name: &str, member: &str) -> Option<Streams> {
        let redis = Arc::clone(self.redis.as_ref()?);
        Some(Streams { redis, name: name.to_owned(), member: member.to_owned() })
    }
}

impl Streams {
    fn key(&self, lane: Lane) -> String {
        match lane {
            Lane::People => format!("stream:people:{}", self.name),
            Lane::Rest => format!("stream:looks:{}", self.name),
        }
    }

    fn calls(&self) -> String {
        format!("stream:calls:{}", self.name)
    }

    fn asked(&self, guild: GuildId) -> String {
        format!("stream:asked:{}:{guild}", self.name)
    }

    /// Makes what has to be there before anybody takes a look. Does no harm when it is there.
    ///
    /// # Errors
    /// When Redis cannot be reached, knows no streams, or has something else in their places.
    pub async fn make_ready(&self) -> Result<(), Error> {
        for lane in Lane::ALL {
            let mut create = cmd("XGROUP");
            create.arg("CREATE").arg(self.key(lane)).arg(GROUP).arg("0").arg("MKSTREAM");
            match self.redis.ask::<()>(&create).await {
                Err(Error::Redis(error)) if error.code() == Some("BUSYGROUP") => {}
                made => made?,
            }
            // An old Redis has groups and cannot take over what a member left.
            self.take_over(lane, GONE).await?;
        }
        let mut length = cmd("XLEN");
        self.redis.ask::<u64>(length.arg(self.calls())).await.map(drop)
    }

    /// Asks for looks.
    ///
    /// # Errors
    /// When Redis does not take them.
    pub async fn tell(&self, lane: Lane, looks: &[Look]) -> Result<(), Error> {
        let mut pipeline = redis::pipe();
        for Look { guild, why } in looks {
            let script = pipeline.cmd("EVAL").arg(TELL).arg(2).arg(self.key(lane)).arg(self.asked(*guild));
            script.arg(lane.urgency()).arg(guild.get()).arg(why).arg(MOST).arg(milliseconds(ASKED)).ignore();
        }
        self.all(&pipeline).await
    }

    /// A look at these guilds begins: whatever is asked for from now on is another one.
    ///
    /// # Errors
    /// When Redis does not hear it.
    pub async fn begin(&self, guilds: &[GuildId]) -> Result<(), Error> {
        let mut pipeline = redis::pipe();
        guilds.iter().for_each(|guild| _ = pipeline.cmd("DEL").arg(self.asked(*guild)).ignore());
        self.all(&pipeline).await
    }

    /// These looks are done.
    ///
    /// # Errors
    /// When Redis does not hear it.
    pub async fn done(&self, entries: &[Entry]) -> Result<(), Error> {
        let mut pipeline = redis::pipe();
        for (lane, ids) in by_lane(entries) {
            pipeline.cmd("XACK").arg(self.key(lane)).arg(GROUP).arg(&ids).ignore();
            pipeline.cmd("XDEL").arg(self.key(lane)).arg(&ids).ignore();
        }
        self.all(&pipeline).await
    }

    /// These looks are not done, and not forgotten either: nobody else takes them over for now.
    ///
    /// # Errors
    /// When Redis does not hear it.
    pub async fn keep(&self, entries: &[Entry]) -> Result<(), Error> {
        let mut pipeline = redis::pipe();
        for (lane, ids) in by_lane(entries) {
            let claim = pipeline.cmd("XCLAIM").arg(self.key(lane)).arg(GROUP).arg(&self.member).arg(0).arg(&ids);
            claim.arg("JUSTID").ignore();
        }
        self.all(&pipeline).await
    }

    /// Takes over what other members have left untouched for so long.
    ///
    /// # Errors
    /// When Redis cannot be asked.
    pub async fn take_over(&self, lane: Lane, untouched: Duration) -> Result<Vec<Taken>, Error> {
        let mut claim = cmd("XAUTOCLAIM");
        claim.arg(self.key(lane)).arg(GROUP).arg(&self.member).arg(milliseconds(untouched)).arg("0-0");
        let reply: StreamAutoClaimReply = self.redis.ask(claim.arg("COUNT").arg(100)).await?;
        Ok(reply.claimed.into_iter().map(|id| taken(lane, id)).collect())
    }

    /// Strikes members off the list that are gone and left nothing.
    ///
    /// # Errors
    /// When Redis cannot be asked.
    pub async fn tidy(&self) -> Result<(), Error> {
        for lane in Lane::ALL {
            let mut list = cmd("XINFO");
            let list = list.arg("CONSUMERS").arg(self.key(lane)).arg(GROUP);
            let members: StreamInfoConsumersReply = self.redis.ask(list).await?;
            let is_gone = |idle: usize| idle as u64 > milliseconds(GONE);
            for member in members.consumers.iter().filter(|member| member.pending == 0 && is_gone(member.idle)) {
                self.strike_off(lane, &member.name).await?;
            }
        }
        Ok(())
    }

    /// Leaves the group. Whatever this member took and did not say to be done is lost.
    ///
    /// # Errors
    /// When Redis does not hear it.
    pub async fn leave(&self) -> Result<(), Error> {
        for lane in Lane::ALL {
            self.strike_off(lane, &self.member).await?;
        }
        Ok(())
    }

    async fn strike_off(&self, lane: Lane, member: &str) -> Result<(), Error> {
        let mut strike = cmd("XGROUP");
        let strike = strike.arg("DELCONSUMER").arg(self.key(lane)).arg(GROUP).arg(member);
        self.redis.ask::<u64>(strike).await.map(drop)
    }

    /// Tells every replica that listens.
    ///
    /// # Errors
    /// When Redis does not take it.
    pub async fn call(&self, call: &Call) -> Result<(), Error> {
        let Call { source, revision } = call;
        let mut add = cmd("XADD");
        add.arg(self.calls()).arg("MAXLEN").arg("~").arg(MOST_CALLS).arg("*").arg("from").arg(&self.member);
        add.arg("source").arg(source).arg("revision").arg(revision.as_deref().unwrap_or_default());
        self.redis.ask::<String>(&add).await.map(drop)
    }

    /// An ear for looks and calls. Whoever waits keeps a connection busy, so each ear has one of its own.
    ///
    /// # Errors
    /// When Redis cannot be reached.
    pub async fn listen(&self) -> Result<Ear, Error> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(LISTEN + PATIENCE));
        let connection = self.redis.client().get_multiplexed_async_connection_with_config(&config).await;
        let connection = connection.map_err(Error::Redis)?;
        Ok(Ear { connection, streams: self.clone(), heard: None })
    }

    async fn all(&self, pipeline: &Pipeline) -> Result<(), Error> {
        if pipeline.is_empty() { Ok(()) } else { self.redis.all::<()>(pipeline).await }
    }
}

/// Waits for looks and calls.
pub struct Ear {
    connection: MultiplexedConnection,
    streams: Streams,
    /// The latest call that was heard.
    heard: Option<String>,
}

impl fmt::Debug for Ear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ear").field("streams", &self.streams).finish_non_exhaustive()
    }
}

impl Ear {
    /// Takes looks, at most so many, as soon as there is one. None when there was none for half a second.
    ///
    /// Not to be dropped meanwhile: what is taken and not given to anybody lies until somebody takes it over.
    ///
    /// # Errors
    /// When Redis cannot be asked.
    pub async fn take(&mut self, lane: Lane, most: usize) -> Result<Vec<Taken>, Error> {
        let mut read = cmd("XREADGROUP");
        read.arg("GROUP").arg(GROUP).arg(&self.streams.member).arg("COUNT").arg(most.max(1));
        read.arg("BLOCK").arg(milliseconds(LISTEN)).arg("STREAMS").arg(self.streams.key(lane)).arg(">");
        Ok(self.entries(&read).await?.into_iter().map(|id| taken(lane, id)).collect())
    }

    /// The calls of other members since the last ones, as soon as there is one. None when there was none for half a second. Who
    /// asks for the first time hears those that come from then on.
    ///
    /// # Errors
    /// When Redis cannot be asked.
    pub async fn hear(&mut self) -> Result<Vec<Call>, Error> {
        let since = match self.heard.take() {
            Some(heard) => heard,
            None => self.latest_call().await?,
        };
        let mut read = cmd("XREAD");
        read.arg("COUNT").arg(100).arg("BLOCK").arg(milliseconds(LISTEN));
        let found = self.entries(read.arg("STREAMS").arg(self.streams.calls()).arg(&since)).await?;
        self.heard = Some(found.last().map_or(since, |latest| latest.id.clone()));
        Ok(found.iter().filter_map(|id| self.call(id)).collect())
    }

    fn call(&self, id: &StreamId) -> Option<Call> {
        let (from, source): (String, String) = (id.get("from")?, id.get("source")?);
        let revision = id.get("revision").filter(|revision: &String| !revision.is_empty());
        (from != self.streams.member).then_some(Call { source, revision })
    }

    async fn latest_call(&mut self) -> Result<String, Error> {
        let mut latest = cmd("XREVRANGE");
        latest.arg(self.streams.calls()).arg("+").arg("-").arg("COUNT").arg(1);
        let found: Vec<(String, Vec<String>)> = latest.query_async(&mut self.connection).await.map_err(Error::Redis)?;
        Ok(found.into_iter().next().map_or_else(|| "0-0".to_owned(), |(id, _)| id))
    }

    async fn entries(&mut self, read: &Cmd) -> Result<Vec<StreamId>, Error> {
        let reply: Option<StreamReadReply> = read.query_async(&mut self.connection).await.map_err(Error::Redis)?;
        Ok(reply.into_iter().flat_map(|reply| reply.keys).flat_map(|key| key.ids).collect())
    }
}

fn taken(lane: Lane, id: StreamId) -> Taken {
    let guild = id.get::<u64>("guild").and_then(GuildId::new_checked);
    let look = guild.and_then(|guild| Some(Look { guild, why: id.get("why")? }));
    Taken { entry: Entry { lane, id: id.id }, look }
}

fn by_lane(entries: &[Entry]) -> BTreeMap<Lane, Vec<&str>> {
    let mut lanes: BTreeMap<Lane, Vec<&str>> = BTreeMap::new();
    for Entry { lane, id } in entries {
        lanes.entry(*lane).or_default().push(id);
    }
    lanes
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
