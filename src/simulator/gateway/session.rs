//! One session: its numbered events, what is kept to be replayed, and what faults hold back.

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::close::Close;
use super::intents::Intents;
use super::line::{Lines, Wire};
use super::log::{SessionView, Traffic};
use super::protocol::{dispatch, frame, op, shard_of};
use crate::simulator::faults::{Fault, FaultPlan};
use crate::simulator::limits::GatewayLimits;
use crate::simulator::world::Snowflake;

/// Something to be told.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Event {
    pub(super) name: &'static str,
    pub(super) data: Value,
    /// What stood under `permission_overwrites` before.
    pub(super) old_overwrites: Option<Value>,
}

impl Event {
    pub(super) fn new(name: &'static str, data: Value) -> Self {
        Self { name, data, old_overwrites: None }
    }
}

/// An event that was sent, or would have been to a client that was there.
#[derive(Debug)]
struct Told {
    sequence: u64,
    name: &'static str,
    data: Value,
}

/// An event a fault holds back.
#[derive(Debug)]
struct Held {
    /// Until then; without it, until the next event or heartbeat.
    due: Option<DateTime<Utc>>,
    event: Event,
}

/// A session.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) id: String,
    pub(super) bot: Snowflake,
    pub(super) shard: [u64; 2],
    pub(super) intents: Intents,
    pub(super) capabilities: u64,
    pub(super) large_threshold: u64,
    /// The connection it is on.
    pub(super) line: Option<u64>,
    /// Since when it has none.
    left_at: DateTime<Utc>,
    sequence: u64,
    history: VecDeque<Told>,
    held: Vec<Held>,
    /// It was invalidated.
    ended: bool,
    /// When all members of a guild were asked for last.
    pub(super) members_asked: BTreeMap<Snowflake, DateTime<Utc>>,
}

/// What a session needs to say something.
pub(super) struct Voice<'a> {
    pub(super) lines: &'a mut Lines,
    pub(super) plan: &'a mut FaultPlan,
    pub(super) limits: &'a GatewayLimits,
    pub(super) now: DateTime<Utc>,
}

/// What a session asked for when it was started.
pub(super) struct Wishes {
    pub(super) shard: [u64; 2],
    pub(super) intents: Intents,
    pub(super) capabilities: u64,
    pub(super) large_threshold: u64,
}

impl Session {
    pub(super) fn new(id: String, bot: Snowflake, wishes: &Wishes, line: u64, now: DateTime<Utc>) -> Self {
        let Wishes { shard, intents, capabilities, large_threshold } = *wishes;
        Self {
            id,
            bot,
            shard,
            intents,
            capabilities,
            large_threshold,
            line: Some(line),
            left_at: now,
            sequence: 0,
            history: VecDeque::new(),
            held: Vec::new(),
            ended: false,
            members_asked: BTreeMap::new(),
        }
    }

    /// Is told about that guild.
    pub(super) fn covers(&self, guild: Snowflake) -> bool {
        shard_of(guild, self.shard[1]) == self.shard[0]
    }

    /// Loses its connection, and can be resumed for a while.
    pub(super) fn leave(&mut self, now: DateTime<Utc>) {
        (self.line, self.left_at) = (None, now);
    }

    /// It was invalidated, or nobody came back in time.
    pub(super) fn is_over(&self, limits: &GatewayLimits, now: DateTime<Utc>) -> bool {
        self.ended || self.line.is_none() && now > self.left_at + TimeDelta::seconds(i64::from(limits.resume_seconds))
    }

    /// When the next held event is due.
    pub(super) fn next_due(&self) -> Option<DateTime<Utc>> {
        self.held.iter().filter_map(|held| held.due).min()
    }

    /// Every event after a number can be replayed.
    pub(super) fn remembers(&self, sequence: u64) -> bool {
        self.history.front().is_none_or(|oldest| oldest.sequence <= sequence + 1) || sequence == self.sequence
    }

    /// Goes on on another connection: replays what came after a number, then says that it did.
    pub(super) fn resume(&mut self, line: u64, sequence: u64, voice: &mut Voice<'_>) {
        self.line = Some(line);
        for told in self.history.iter().filter(|told| told.sequence > sequence) {
            voice.lines.send(line, dispatch(told.name, told.sequence, &told.data), voice.now);
        }
        self.tell(Event::new("RESUMED", serde_json::json!({"_trace": []})), voice);
    }

    /// Tells an event, unless faults will have it otherwise.
    pub(super) fn tell(&mut self, mut event: Event, voice: &mut Voice<'_>) {
        let faults = voice.plan.judge_event(event.name);
        let (mut times, mut after) = (1, Vec::new());
        for fault in faults {
            match fault {
                Fault::EventDropped => times = 0,
                Fault::EventRepeated => times *= 2,
                Fault::OldOverwrites => event.age(),
                Fault::EventDelayed { milliseconds } => {
                    let wait = TimeDelta::milliseconds(i64::try_from(milliseconds).unwrap_or(i64::MAX));
                    return self.hold(event, voice.now.checked_add_signed(wait), voice);
                }
                Fault::EventHeldBack => return self.hold(event, None, voice),
                Fault::GatewayClosed { code } => self.end_line(Some(Close::of(code)), voice),
                Fault::GatewayBroken => self.end_line(None, voice),
                other => after.push(other),
            }
        }
        if times == 0 {
            self.note_withheld(event.name, voice);
        }
        for _ in 0..times {
            self.dispatch(&event, voice);
        }
        self.release(|held| held.due.is_none(), voice);
        for fault in after {
            match fault {
                Fault::EventsResent { events } => self.repeat(events, voice),
                Fault::GatewayReconnect => self.say(op::RECONNECT, Value::Null, voice),
                Fault::SessionInvalidated { resumable } => self.invalidate(resumable, voice),
                _ => {}
            }
        }
    }

    /// Tells what is due, and what waits for anything to happen.
    pub(super) fn catch_up(&mut self, voice: &mut Voice<'_>) {
        let now = voice.now;
        self.release(|held| held.due.is_none_or(|due| due <= now), voice);
    }

    /// Tells what is due.
    pub(super) fn tell_due(&mut self, voice: &mut Voice<'_>) {
        let now = voice.now;
        self.release(|held| held.due.is_some_and(|due| due <= now), voice);
    }

    /// Tells the newest events once more, under new numbers.
    pub(super) fn repeat(&mut self, events: usize, voice: &mut Voice<'_>) {
        let newest = self.history.iter().rev().take(events).map(|told| Event::new(told.name, told.data.clone()));
        let newest: Vec<Event> = newest.collect();
        for event in newest.iter().rev() {
            self.dispatch(event, voice);
        }
    }

    /// Tells the client that its session is invalid. One that cannot be resumed is over.
    pub(super) fn invalidate(&mut self, resumable: bool, voice: &mut Voice<'_>) {
        self.say(op::INVALID_SESSION, resumable.into(), voice);
        self.ended = !resumable;
    }

    /// Says something that is no event.
    pub(super) fn say(&self, op: u64, data: Value, voice: &mut Voice<'_>) {
        if let Some(line) = self.line {
            voice.lines.send(line, frame(op, data), voice.now);
        }
    }

    pub(super) fn view(&self) -> SessionView {
        SessionView {
            id: self.id.clone(),
            user_id: self.bot,
            shard: self.shard,
            intents: self.intents.0,
            sequence: self.sequence,
            connection: self.line,
        }
    }

    /// Loses its connection: with a close code, or without a word.
    fn end_line(&mut self, close: Option<Close>, voice: &mut Voice<'_>) {
        if let Some(line) = self.line {
            match close {
                Some(close) => drop(voice.lines.close(line, close, voice.now)),
                None => drop(voice.lines.cut(line, voice.now)),
            }
            self.leave(voice.now);
        }
    }

    fn dispatch(&mut self, event: &Event, voice: &mut Voice<'_>) {
        self.sequence += 1;
        if let Some(line) = self.line {
            voice.lines.send(line, dispatch(event.name, self.sequence, &event.data), voice.now);
        }
        // Who is resumed twice is not told of the first time.
        if event.name != "RESUMED" {
            self.history.push_back(Told { sequence: self.sequence, name: event.name, data: event.data.clone() });
        }
        if self.history.len() > voice.limits.replayed_events {
            self.history.pop_front();
        }
    }

    fn hold(&mut self, event: Event, due: Option<DateTime<Utc>>, voice: &mut Voice<'_>) {
        self.note_withheld(event.name, voice);
        self.held.push(Held { due, event });
        if let Some(line) = self.line {
            voice.lines.tell(line, Wire::Look);
        }
    }

    fn release(&mut self, free: impl Fn(&Held) -> bool, voice: &mut Voice<'_>) {
        let (free, held) = std::mem::take(&mut self.held).into_iter().partition(free);
        self.held = held;
        for Held { event, due: _ } in free {
            self.dispatch(&event, voice);
        }
    }

    fn note_withheld(&self, event: &str, voice: &mut Voice<'_>) {
        let traffic = Traffic::Withheld { event: event.to_owned() };
        voice.lines.log.note(self.line.unwrap_or_default(), traffic, voice.now);
    }
}

impl Event {
    /// Puts the overwrites from before the change back.
    fn age(&mut self) {
        if let Some(old) = &self.old_overwrites {
            self.data["permission_overwrites"] = old.clone();
        }
    }
}
