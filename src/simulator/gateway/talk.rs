//! What a client says, and what is done about it.

use chrono::TimeDelta;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::close::Close;
use super::intents::Intents;
use super::line::Wire;
use super::log::{Traffic, without_token};
use super::protocol::{Identify, Incoming, Resume, frame, op};
use super::session::{Event, Session, Wishes};
use super::shape::Observer;
use super::starts::Admission;
use super::{Gateway, Scene};
use crate::simulator::faults::Fault;
use crate::simulator::rest::view;
use crate::simulator::world::{Guild, Snowflake};

/// Members in one chunk: documented.
const CHUNK: usize = 1000;
/// How often all members of a guild may be asked for.
const ALL_MEMBERS: TimeDelta = TimeDelta::seconds(30);

impl Gateway {
    /// A client has connected.
    pub(super) fn greet(&mut self, line: u64, scene: &mut Scene<'_>) {
        let interval = self.limits.heartbeat_interval;
        let hello = frame(op::HELLO, json!({"heartbeat_interval": interval, "_trace": ["[\"simulated\"]"]}));
        self.say(line, "HELLO", hello, scene);
    }

    /// A client has sent a payload.
    pub(super) fn hear(&mut self, line: u64, text: &str, scene: &mut Scene<'_>) {
        let (limit, now) = (self.limits.payloads, scene.now);
        let Some(speaker) = self.lines.get_mut(line) else { return };
        let admitted = speaker.admit(limit, now);
        let session = speaker.session.clone();
        self.lines.log.note(line, Traffic::Received { payload: without_token(text) }, now);
        let heard = if admitted { self.obey(line, session, text, scene) } else { Err(Close::RATE_LIMITED) };
        if let Err(close) = heard {
            self.close(line, close, now);
        }
    }

    fn obey(&mut self, line: u64, session: Option<String>, text: &str, scene: &mut Scene<'_>) -> Result<(), Close> {
        let Incoming { op, data } = Incoming::read(text)?;
        match (op, session) {
            (op::HEARTBEAT, session) => self.heartbeat(line, session, &data, scene),
            (op::IDENTIFY | op::RESUME, Some(_)) => Err(Close::ALREADY_AUTHENTICATED),
            (op::IDENTIFY, None) => self.identify(line, Identify::read(&data)?, scene),
            (op::RESUME, None) => self.resume(line, &Resume::read(&data)?, scene),
            (
                op::PRESENCE | op::VOICE_STATE | op::REQUEST_MEMBERS | op::REQUEST_SOUNDS | op::REQUEST_CHANNEL_INFO,
                None,
            ) => Err(Close::NOT_AUTHENTICATED),
            (op::PRESENCE | op::VOICE_STATE | op::REQUEST_CHANNEL_INFO, Some(_)) => {
                if data.is_object() {
                    Ok(())
                } else {
                    Err(Close::DECODE)
                }
            }
            (op::REQUEST_MEMBERS, Some(session)) => self.members(&session, &data, scene),
            (op::REQUEST_SOUNDS, Some(session)) => self.sounds(&session, &data, scene),
            _ => Err(Close::UNKNOWN_OPCODE),
        }
    }

    /// The client is alive. What a fault held back until now is told first.
    fn heartbeat(
        &mut self,
        line: u64,
        session: Option<String>,
        data: &Value,
        scene: &mut Scene<'_>,
    ) -> Result<(), Close> {
        if !data.is_null() && !data.is_u64() {
            return Err(Close::DECODE);
        }
        if let Some(line) = self.lines.get_mut(line) {
            line.heard = scene.now;
        }
        if let Some(session) = session {
            self.with_session(&session, scene, Session::catch_up);
        }
        if !self.deaf {
            self.say(line, "HEARTBEAT_ACK", frame(op::HEARTBEAT_ACK, Value::Null), scene);
        }
        Ok(())
    }

    /// Says something that is no event, unless faults will have it otherwise.
    fn say(&mut self, line: u64, name: &'static str, payload: Value, scene: &mut Scene<'_>) {
        let mut times = 1;
        for fault in scene.plan.judge_event(name) {
            match fault {
                Fault::EventDropped => times = 0,
                Fault::EventRepeated => times *= 2,
                Fault::GatewayClosed { code } => self.close(line, Close::of(code), scene.now),
                Fault::GatewayBroken => self.cut(line, scene.now),
                Fault::GatewayReconnect => self.lines.send(line, frame(op::RECONNECT, Value::Null), scene.now),
                Fault::SessionInvalidated { resumable } => self.invalidate(line, resumable, scene),
                _ => {}
            }
        }
        if times == 0 {
            self.lines.log.note(line, Traffic::Withheld { event: name.to_owned() }, scene.now);
        }
        for _ in 0..times {
            self.lines.send(line, payload.clone(), scene.now);
        }
    }

    fn identify(&mut self, line: u64, wish: Identify, scene: &mut Scene<'_>) -> Result<(), Close> {
        let Identify { token, intents, compress, large_threshold, shard, capabilities } = wish;
        let now = scene.now;
        let bot = scene.world.user_by_token(&token).ok_or(Close::BAD_TOKEN)?;
        let user = scene.world.users.get(&bot).ok_or(Close::BAD_TOKEN)?;
        let application = user.application.as_ref().ok_or(Close::BAD_TOKEN)?;
        let own_shard = shard.unwrap_or([0, 1]);
        let mut ready = json!({
            "v": 10, "user": view::own_user(user), "session_type": "normal", "user_settings": {}, "relationships": [],
            "private_channels": [], "presences": [], "guild_join_requests": [], "geo_ordered_rtc_regions": [],
            "application": {"id": application.id, "flags": application.flags}, "_trace": ["[\"simulated\"]"],
        });
        if !intents.are_allowed(application) {
            return Err(Close::DISALLOWED_INTENTS);
        }
        let wishes = Wishes { shard: own_shard, intents, capabilities, large_threshold };
        let mut session = Session::new(self.new_session_id(), bot, &wishes, line, now);
        let guilds: Vec<Snowflake> =
            scene.world.guilds.values().filter(|g| self.concerns(&session, g)).map(|g| g.id).collect();
        if guilds.len() > self.limits.guilds_per_shard {
            return Err(Close::SHARDING_REQUIRED);
        }
        match self.starts.admit(bot, own_shard[0], &self.limits, now) {
            Admission::Granted => {}
            Admission::TooSoon => {
                self.lines.send(line, frame(op::INVALID_SESSION, json!(false)), now);
                return Ok(());
            }
            Admission::Exhausted => {
                self.revoke(bot, now);
                return Err(Close::BAD_TOKEN);
            }
        }
        if self.sessions.is_empty() {
            self.look_around(scene.world);
        }
        let id = session.id.clone();
        ready["session_id"] = json!(id);
        ready["guilds"] = guilds.iter().map(|id| json!({"id": id, "unavailable": true})).collect();
        if let Some(shard) = shard {
            ready["shard"] = json!(shard);
        }
        if let Some(speaker) = self.lines.get_mut(line) {
            speaker.session = Some(id.clone());
            ready["resume_gateway_url"] = json!(speaker.url);
        }
        if compress {
            self.lines.tell(line, Wire::PackPayloads);
        }
        let observer = Observer::new(&session, &scene.world.users, scene.switches, now);
        let shown = guilds.iter().filter(|id| intents.has(Intents::GUILDS) && !self.outages.contains(id));
        let shown = shown.filter_map(|id| scene.world.guilds.get(id));
        let created: Vec<Event> = shown.map(|guild| Event::new("GUILD_CREATE", observer.whole_guild(guild))).collect();
        let mut voice = super::voice(&mut self.lines, scene.plan, &self.limits, now);
        session.tell(Event::new("READY", ready), &mut voice);
        for event in created {
            session.tell(event, &mut voice);
        }
        self.sessions.insert(id, session);
        self.forget_ended(now);
        Ok(())
    }

    fn concerns(&self, session: &Session, guild: &Guild) -> bool {
        session.covers(guild.id) && guild.members.contains_key(&session.bot)
    }

    /// Ids that repeat when a run is repeated, and tell nothing.
    fn new_session_id(&mut self) -> String {
        self.started += 1;
        let digest = Sha256::digest(format!("session {}", self.started));
        digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }

    fn resume(&mut self, line: u64, wish: &Resume, scene: &mut Scene<'_>) -> Result<(), Close> {
        let Resume { token, session_id, sequence } = wish;
        let now = scene.now;
        let bot = scene.world.user_by_token(token).ok_or(Close::BAD_TOKEN)?;
        self.forget_ended(now);
        let known = self.sessions.get(session_id).filter(|session| session.bot == bot);
        let Some(view) = known.map(Session::view) else {
            self.lines.send(line, frame(op::INVALID_SESSION, json!(false)), now);
            return Ok(());
        };
        if *sequence > view.sequence {
            self.sessions.remove(session_id);
            return Err(Close::BAD_SEQUENCE);
        }
        if let Some(other) = view.connection {
            // Whoever still uses the session loses it to whoever resumes it.
            self.close(other, Close::UNKNOWN, now);
        }
        if let Some(session) = self.sessions.get(session_id).filter(|session| !session.remembers(*sequence)) {
            let id = session.id.clone();
            self.sessions.remove(&id);
            self.lines.send(line, frame(op::INVALID_SESSION, json!(false)), now);
            return Ok(());
        }
        if let Some(speaker) = self.lines.get_mut(line) {
            speaker.session = Some(session_id.clone());
        }
        self.with_session(session_id, scene, |session, voice| session.resume(line, *sequence, voice));
        Ok(())
    }

    /// Answers a request for members, in chunks.
    fn members(&mut self, session: &str, data: &Value, scene: &mut Scene<'_>) -> Result<(), Close> {
        let id = data["guild_id"].as_str().or(data["guild_id"][0].as_str()).and_then(|id| id.parse().ok());
        let id: Snowflake = id.ok_or(Close::DECODE)?;
        let wanted: Option<Vec<Snowflake>> = match &data["user_ids"] {
            Value::Null => None,
            one @ Value::String(_) => Some(vec![serde_json::from_value(one.clone()).map_err(|_| Close::DECODE)?]),
            list => Some(serde_json::from_value(list.clone()).map_err(|_| Close::DECODE)?),
        };
        let query = data["query"].as_str();
        if query.is_none() == wanted.is_none() {
            return Err(Close::DECODE);
        }
        let limit = data["limit"].as_u64().unwrap_or(0);
        let Some(asker) = self.sessions.get_mut(session) else { return Ok(()) };
        let guild = scene.world.guilds.get(&id).filter(|guild| guild.members.contains_key(&asker.bot));
        let Some(guild) = guild else { return Ok(()) };
        let everybody = query == Some("") && limit == 0;
        let mut voice = super::voice(&mut self.lines, scene.plan, &self.limits, scene.now);
        if everybody {
            if !asker.intents.has(Intents::MEMBERS) {
                // Discord says nothing to those who may not ask.
                return Ok(());
            }
            let last = asker.members_asked.insert(id, scene.now);
            if let Some(wait) = last.map(|last| last + ALL_MEMBERS - scene.now).filter(|wait| *wait > TimeDelta::zero())
            {
                let seconds = wait.num_milliseconds() as f64 / 1000.0;
                let meta = json!({"guild_id": id, "nonce": data["nonce"]});
                let limited = json!({"opcode": op::REQUEST_MEMBERS, "retry_after": seconds, "meta": meta});
                asker.tell(Event::new("RATE_LIMITED", limited), &mut voice);
                return Ok(());
            }
        }
        let named = |user: &Snowflake| {
            let name = scene.world.users.get(user).map_or("", |user| user.username.as_str());
            query.is_some_and(|query| name.to_lowercase().starts_with(&query.to_lowercase()))
        };
        let fits = |user: &Snowflake| wanted.as_ref().map_or_else(|| named(user), |wanted| wanted.contains(user));
        let most = if limit == 0 { usize::MAX } else { usize::try_from(limit).unwrap_or(usize::MAX) };
        let found = guild.members.values().filter(|member| fits(&member.user_id)).take(most);
        let found: Vec<Value> =
            found.map(|member| view::member(member, scene.world.users.get(&member.user_id))).collect();
        let absent = wanted.iter().flatten().filter(|user| !guild.members.contains_key(user));
        let absent: Vec<Snowflake> = absent.copied().collect();
        let count = found.len().div_ceil(CHUNK).max(1);
        for index in 0..count {
            let members: Vec<&Value> = found.iter().skip(index * CHUNK).take(CHUNK).collect();
            let mut chunk = json!({
                "guild_id": id, "members": members, "chunk_index": index, "chunk_count": count, "not_found": absent,
            });
            if !data["nonce"].is_null() {
                chunk["nonce"] = data["nonce"].clone();
            }
            asker.tell(Event::new("GUILD_MEMBERS_CHUNK", chunk), &mut voice);
        }
        Ok(())
    }

    /// No guild of this Discord has sounds.
    fn sounds(&mut self, session: &str, data: &Value, scene: &mut Scene<'_>) -> Result<(), Close> {
        let ids = data["guild_ids"].clone();
        let ids: Vec<Snowflake> = serde_json::from_value(ids).map_err(|_| Close::DECODE)?;
        self.with_session(session, scene, |session, voice| {
            for id in &ids {
                let none = json!({"guild_id": id, "soundboard_sounds": []});
                session.tell(Event::new("SOUNDBOARD_SOUNDS", none), voice);
            }
        });
        Ok(())
    }
}
