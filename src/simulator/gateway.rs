//! The Gateway: what clients are told over their websockets, and what they may say.
//!
//! Decides sessions and the numbers of their events, close codes, and which events of a changed world reach whom and in
//! which form. Whoever changes the world lets it [be published](Gateway::publish). Knows of sockets only that there are
//! some, and waits for nothing: `socket` does.

mod change;
mod close;
mod control;
mod intents;
mod line;
mod log;
mod packer;
mod protocol;
mod session;
mod shape;
mod socket;
mod starts;
mod talk;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::client::payload;
use super::faults::FaultPlan;
use super::limits::GatewayLimits;
use super::world::{Snowflake, Switches, World};
use change::Image;
use close::Close;
use line::{Line, Lines};
use session::{Event, Session, Voice};
use shape::Observer;
use starts::Starts;

pub use control::{GatewayOrder, NoSuchGuild};
pub use log::{GatewayRecord, SessionView, Traffic};
pub(super) use socket::{is_asked_for, open};
pub(super) use starts::StartsLeft;

/// What the Gateway looks at and goes by when something happens.
pub(super) struct Scene<'a> {
    pub(super) world: &'a mut World,
    pub(super) plan: &'a mut FaultPlan,
    pub(super) switches: &'a Switches,
    pub(super) now: DateTime<Utc>,
}

/// All connections and sessions.
#[derive(Debug)]
pub(super) struct Gateway {
    limits: GatewayLimits,
    lines: Lines,
    sessions: BTreeMap<String, Session>,
    /// Sessions ever started.
    started: u64,
    starts: Starts,
    /// Guilds as they were last told; kept while there are sessions.
    images: BTreeMap<Snowflake, Image>,
    /// The newest interaction that was told.
    last_interaction: Snowflake,
    /// Guilds nothing is told of.
    outages: BTreeSet<Snowflake>,
    /// Heartbeats are not answered.
    deaf: bool,
}

fn voice<'a>(
    lines: &'a mut Lines,
    plan: &'a mut FaultPlan,
    limits: &'a GatewayLimits,
    now: DateTime<Utc>,
) -> Voice<'a> {
    Voice { lines, plan, limits, now }
}

impl Gateway {
    pub(super) fn new(limits: GatewayLimits) -> Self {
        Self {
            limits,
            lines: Lines::default(),
            sessions: BTreeMap::new(),
            started: 0,
            starts: Starts::default(),
            images: BTreeMap::new(),
            last_interaction: Snowflake::default(),
            outages: BTreeSet::new(),
            deaf: false,
        }
    }

    /// Figures for `GET /gateway/bot`.
    pub(super) fn limits(&self) -> &GatewayLimits {
        &self.limits
    }

    /// What is left of a bot's starts.
    pub(super) fn starts_left(&self, bot: Snowflake, now: DateTime<Utc>) -> StartsLeft {
        self.starts.left(bot, &self.limits, now)
    }

    /// Tells every session what has changed since the last time.
    pub(super) fn publish(&mut self, scene: &mut Scene<'_>) {
        self.forget_ended(scene.now);
        if self.sessions.is_empty() {
            self.images.clear();
            return;
        }
        let guilds: BTreeSet<Snowflake> = self.images.keys().chain(scene.world.guilds.keys()).copied().collect();
        for guild in guilds {
            self.publish_guild(guild, scene);
        }
        self.publish_interactions(scene);
    }

    fn publish_guild(&mut self, id: Snowflake, scene: &mut Scene<'_>) {
        let before = self.images.remove(&id);
        let guild = scene.world.guilds.get_mut(&id);
        let now = match (before, guild) {
            (Some(image), Some(guild)) => {
                if image.is_current(guild) {
                    self.images.insert(id, image);
                    return;
                }
                (Some(image), Some(Image::of(guild)))
            }
            (before, guild) => (before, guild.map(Image::of)),
        };
        let (before, now) = now;
        if !self.outages.contains(&id) {
            let after = scene.world.guilds.get(&id);
            for session in self.sessions.values_mut().filter(|session| session.covers(id)) {
                let observer = Observer::new(session, &scene.world.users, scene.switches, scene.now);
                let events = change::events(before.as_ref(), after, &observer);
                let mut voice = voice(&mut self.lines, scene.plan, &self.limits, scene.now);
                events.into_iter().for_each(|event| session.tell(event, &mut voice));
            }
        }
        self.images.extend(now.map(|image| (id, image)));
        self.forget_ended(scene.now);
    }

    fn publish_interactions(&mut self, scene: &mut Scene<'_>) {
        let range = (std::ops::Bound::Excluded(self.last_interaction), std::ops::Bound::Unbounded);
        let begun: Vec<_> = scene.world.interactions.range(range).map(|(_, begun)| begun.clone()).collect();
        for begun in begun {
            self.last_interaction = begun.id;
            let guild = scene.world.guild_of_channel(begun.channel_id);
            for session in self.sessions.values_mut().filter(|session| guild.is_some_and(|id| session.covers(id))) {
                let application = scene.world.users.get(&session.bot).and_then(|user| user.application.as_ref());
                // One with an endpoint is told there, and nowhere else.
                let told = application.is_some_and(|application| {
                    application.id == begun.application_id && application.interactions_endpoint_url.is_none()
                });
                if !told {
                    continue;
                }
                if let Some(data) = payload(&begun, scene.world, session.bot, scene.switches, scene.now) {
                    let mut voice = voice(&mut self.lines, scene.plan, &self.limits, scene.now);
                    session.tell(Event::new("INTERACTION_CREATE", data), &mut voice);
                }
            }
        }
    }

    /// Takes the world as told: the first session is told of it as a whole.
    fn look_around(&mut self, world: &mut World) {
        self.images = world.guilds.iter_mut().map(|(id, guild)| (*id, Image::of(guild))).collect();
        self.last_interaction = world.interactions.keys().next_back().copied().unwrap_or_default();
    }

    /// Tells everybody who is in a guild and is told of it.
    fn tell_members(&mut self, guild: Snowflake, scene: &mut Scene<'_>, event: impl Fn(&Observer<'_>) -> Event) {
        let Some(members) = scene.world.guilds.get(&guild).map(|guild| &guild.members) else { return };
        for session in self.sessions.values_mut() {
            if session.covers(guild)
                && members.contains_key(&session.bot)
                && session.intents.has(intents::Intents::GUILDS)
            {
                let event = event(&Observer::new(session, &scene.world.users, scene.switches, scene.now));
                session.tell(event, &mut voice(&mut self.lines, scene.plan, &self.limits, scene.now));
            }
        }
    }

    fn each_session(&mut self, scene: &mut Scene<'_>, tell: impl Fn(&mut Session, &mut Voice<'_>)) {
        for session in self.sessions.values_mut() {
            tell(session, &mut voice(&mut self.lines, scene.plan, &self.limits, scene.now));
        }
        self.forget_ended(scene.now);
    }

    fn with_session(&mut self, id: &str, scene: &mut Scene<'_>, tell: impl FnOnce(&mut Session, &mut Voice<'_>)) {
        if let Some(session) = self.sessions.get_mut(id) {
            tell(session, &mut voice(&mut self.lines, scene.plan, &self.limits, scene.now));
        }
        self.forget_ended(scene.now);
    }

    /// Forgets sessions that are over; their connections can start new ones.
    fn forget_ended(&mut self, now: DateTime<Utc>) {
        let (limits, lines) = (&self.limits, &mut self.lines);
        self.sessions.retain(|_, session| {
            let over = session.is_over(limits, now);
            if let Some(line) = session.line.filter(|_| over).and_then(|line| lines.get_mut(line)) {
                line.session = None;
            }
            !over
        });
    }

    /// Tells the client on a connection that its session, or its attempt to get one, is invalid.
    fn invalidate(&mut self, line: u64, resumable: bool, scene: &mut Scene<'_>) {
        match self.lines.get_mut(line).and_then(|line| line.session.clone()) {
            Some(session) => self.with_session(&session, scene, |session, voice| session.invalidate(resumable, voice)),
            None => self.lines.send(line, protocol::frame(protocol::op::INVALID_SESSION, resumable.into()), scene.now),
        }
    }

    /// All sessions of a bot are over, and its token with them: what too many starts lead to.
    fn revoke(&mut self, bot: Snowflake, now: DateTime<Utc>) {
        let lines: Vec<u64> = self.sessions.values().filter(|s| s.bot == bot).filter_map(|s| s.line).collect();
        for line in lines {
            self.close(line, Close::BAD_TOKEN, now);
        }
        self.sessions.retain(|_, session| session.bot != bot);
    }

    /// Closes a connection.
    fn close(&mut self, id: u64, close: Close, now: DateTime<Utc>) {
        let line = self.lines.close(id, close, now);
        self.part(line, close.ends_session(), now);
    }

    /// Breaks a connection.
    fn cut(&mut self, id: u64, now: DateTime<Utc>) {
        let line = self.lines.cut(id, now);
        self.part(line, false, now);
    }

    /// A client is gone. One that says so with 1000 or 1001 gives up its session.
    fn leave(&mut self, id: u64, how: Traffic, now: DateTime<Utc>) {
        let given_up = matches!(how, Traffic::Left { code: Some(1000 | 1001) });
        let line = self.lines.end(id, how, now);
        self.part(line, given_up, now);
    }

    fn part(&mut self, line: Option<Line>, over: bool, now: DateTime<Utc>) {
        let Some(session) = line.and_then(|line| line.session) else { return };
        if over {
            self.sessions.remove(&session);
        } else if let Some(session) = self.sessions.get_mut(&session) {
            session.leave(now);
        }
    }

    /// When something is due on a connection if nothing is heard until then.
    fn next_due(&mut self, id: u64) -> Option<DateTime<Utc>> {
        let (patience, line) = (self.patience(), self.lines.get_mut(id)?);
        let silent = line.heard + patience;
        let held = line.session.as_ref().and_then(|id| self.sessions.get(id)).and_then(Session::next_due);
        Some(held.map_or(silent, |held| held.min(silent)))
    }

    /// Does what is due on a connection.
    fn tick(&mut self, id: u64, scene: &mut Scene<'_>) {
        let (patience, now) = (self.patience(), scene.now);
        let Some(line) = self.lines.get_mut(id) else { return };
        if now >= line.heard + patience {
            self.close(id, Close::TIMED_OUT, now);
        } else if let Some(session) = line.session.clone() {
            self.with_session(&session, scene, Session::tell_due);
        }
    }

    /// How long a client may be silent.
    fn patience(&self) -> TimeDelta {
        let interval = i64::from(self.limits.heartbeat_interval);
        TimeDelta::milliseconds(interval + interval / 2)
    }
}
