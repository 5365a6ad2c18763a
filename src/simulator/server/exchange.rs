//! One request, one answer: the order in which a request meets the parts of the simulator.
//!
//! Faults, then the ban, then who is calling, then limits, then the call itself; everything is logged.

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderName, Response, header};
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::outgoing::Outgoing;
use super::request;
use crate::simulator::faults::{Fault, Verdict};
use crate::simulator::gateway::StartsLeft;
use crate::simulator::limits::{BucketState, Limited};
use crate::simulator::log::{Origin, Record};
use crate::simulator::rest::{ApiError, Call, Reply, Upload, needs_no_token, perform};
use crate::simulator::world::{Overwrite, Snowflake, Switches, World};
use crate::simulator::{Simulator, State};

/// How many guilds a shard is recommended for: observed.
const GUILDS_PER_SHARD: usize = 1000;

impl Simulator {
    pub(super) async fn exchange(&self, parts: Parts, raw: Option<Bytes>) -> Response<Body> {
        let arrived = self.now();
        let path = request::below_version(parts.uri.path());
        let (number, verdict) = {
            let mut state = self.state();
            let number = state.log.number();
            (number, state.faults.judge(parts.method.as_str(), path.unwrap_or(parts.uri.path())))
        };
        if !verdict.latency.is_zero() {
            self.0.clock.sleep(verdict.latency).await;
        }
        let sent = request::body(&parts.headers, path, raw.as_ref()).await;
        let raw = raw.unwrap_or_default();
        let endpoint_verified = self.verify_endpoint(&parts, path, sent.as_ref().ok()).await;
        let mut state = self.state();
        let now = self.now();
        let mut exchange = Exchange::new(&mut state, &parts, &raw, now, &self.0.switches, sent);
        exchange.endpoint_verified = endpoint_verified;
        exchange.let_others_act(&verdict);
        let outgoing = exchange.answer(path, &verdict);
        let record = exchange.record(number, arrived, &outgoing);
        let told = self.0.recorder.as_ref().map(|recorder| (recorder, record.clone()));
        state.log.push(record);
        drop(state);
        self.0.changed.notify_waiters();
        if let Some((recorder, record)) = told {
            recorder.tell(&record);
        }
        outgoing.into_response()
    }

    /// An endpoint somebody wants to set is asked before, as Discord does.
    async fn verify_endpoint(&self, parts: &Parts, path: Option<&str>, sent: Option<&request::Body>) -> bool {
        if (parts.method.as_str(), path) != ("PATCH", Some("/applications/@me")) {
            return false;
        }
        let token = request::bot_token(&parts.headers);
        let bot = token.and_then(|token| self.state().world.user_by_token(token));
        self.endpoint_is_fit(bot, sent.and_then(|sent| sent.json.as_ref())).await
    }
}

/// Why a request gets no regular answer.
enum Stop {
    Refused(ApiError),
    Limited(Limited),
    Banned,
    Failed(u16),
    Lost,
    Stale(Bytes),
}

impl From<ApiError> for Stop {
    fn from(error: ApiError) -> Self {
        Self::Refused(error)
    }
}

/// One request on its way through the simulator.
struct Exchange<'a> {
    state: &'a mut State,
    parts: &'a Parts,
    raw: &'a Bytes,
    now: DateTime<Utc>,
    switches: &'a Switches,
    user_id: Option<Snowflake>,
    body: Option<Value>,
    files: Vec<Upload>,
    unreadable: Option<ApiError>,
    endpoint_verified: bool,
    reason: Option<String>,
    bucket: Option<BucketState>,
    done: bool,
    origin: Origin,
}

impl<'a> Exchange<'a> {
    fn new(
        state: &'a mut State,
        parts: &'a Parts,
        raw: &'a Bytes,
        now: DateTime<Utc>,
        switches: &'a Switches,
        sent: Result<request::Body, ApiError>,
    ) -> Self {
        let (request::Body { json, files }, unreadable) = match sent {
            Ok(sent) => (sent, None),
            Err(error) => (request::Body::default(), Some(error)),
        };
        Self {
            state,
            parts,
            raw,
            now,
            switches,
            user_id: None,
            body: json,
            files,
            unreadable,
            endpoint_verified: false,
            reason: None,
            bucket: None,
            done: false,
            origin: Origin::Api,
        }
    }

    fn let_others_act(&mut self, verdict: &Verdict) {
        for act in &verdict.edits {
            if let Err(error) = act.perform(&mut self.state.world, self.now, self.switches) {
                tracing::warn!(method = act.method, path = act.path, %error, "a scripted edit was refused");
            }
            self.state.publish(self.switches, self.now);
        }
    }

    /// The answer, with the headers and the count that go with it.
    fn answer(&mut self, path: Option<&str>, verdict: &Verdict) -> Outgoing {
        let result = self.run(path, verdict);
        let scope = match &result {
            Err(Stop::Limited(limited)) => Some(limited.scope),
            _ => None,
        };
        self.origin = match &result {
            Err(Stop::Failed(_) | Stop::Lost) => Origin::Fault,
            Err(Stop::Banned) => Origin::Edge,
            Ok(_) | Err(Stop::Refused(_) | Stop::Limited(_) | Stop::Stale(_)) => Origin::Api,
        };
        let outgoing = match result {
            Ok(reply) => Outgoing::reply(&reply),
            Err(Stop::Refused(error)) => Outgoing::refusal(&error),
            Err(Stop::Limited(limited)) => {
                self.bucket.clone_from(&limited.bucket);
                Outgoing::limited(&limited)
            }
            Err(Stop::Banned) => return Outgoing::Cloudflare,
            Err(Stop::Failed(status)) => Outgoing::failure(status),
            Err(Stop::Lost) => return Outgoing::Lost,
            Err(Stop::Stale(body)) => Outgoing::stale(body),
        };
        self.state.limiter.note(outgoing.logged().0, scope, self.now);
        outgoing.with_bucket(self.bucket.as_ref(), self.now)
    }

    fn run(&mut self, path: Option<&str>, verdict: &Verdict) -> Result<Reply, Stop> {
        self.fail_before(verdict)?;
        if self.state.limiter.is_banned(self.now) {
            return Err(Stop::Banned);
        }
        let path = path.ok_or_else(ApiError::not_found)?;
        // discord.py answers interactions without saying who it is, and Discord takes it.
        let agent = self.header(header::USER_AGENT);
        if !agent.as_deref().is_some_and(|agent| request::is_agent_of_a_bot(agent) || needs_no_token(path)) {
            return Err(ApiError::cloudflare_block().into());
        }
        let method = self.parts.method.as_str();
        if (method, path) == ("GET", "/gateway") {
            return Ok(ok(json!({"url": self.gateway_url()})));
        }
        let actor = self.caller(path)?;
        let drawn = self.state.limiter.draw(actor, method, path, self.body.as_ref(), self.now);
        self.bucket = drawn.map_err(Stop::Limited)?;
        self.unreadable.take().map_or(Ok(()), Err)?;
        self.reason = request::reason(&self.parts.headers)?;
        if (method, path) == ("GET", "/gateway/bot") {
            return Ok(ok(self.gateway_for(actor)));
        }
        let reply = self.perform(path, actor, verdict)?;
        self.done = true;
        self.fail_after(actor, verdict)?;
        Ok(reply)
    }

    /// Who calls. Without a token, where none is needed, it is nobody.
    fn caller(&mut self, path: &str) -> Result<Snowflake, ApiError> {
        self.user_id = match request::bot_token(&self.parts.headers) {
            Some(token) => Some(self.state.world.user_by_token(token).ok_or_else(ApiError::unauthorized)?),
            None if needs_no_token(path) => None,
            None => return Err(ApiError::unauthorized()),
        };
        Ok(self.user_id.unwrap_or_default())
    }

    /// Faults in place of the call.
    fn fail_before(&self, verdict: &Verdict) -> Result<(), Stop> {
        match &verdict.replaced {
            Some(Fault::RateLimit { scope, retry_after }) => {
                let wait = TimeDelta::milliseconds(i64::try_from(*retry_after).unwrap_or(i64::MAX));
                Err(Stop::Limited(Limited { scope: *scope, wait, bucket: None }))
            }
            Some(Fault::Refused { status, code, message }) => Err(ApiError::new(*status, *code, message).into()),
            Some(Fault::ServerError { status, done: false }) => Err(Stop::Failed(*status)),
            Some(Fault::ConnectionLost { done: false }) => Err(Stop::Lost),
            _ => Ok(()),
        }
    }

    /// Faults in place of the answer.
    fn fail_after(&self, actor: Snowflake, verdict: &Verdict) -> Result<(), Stop> {
        match verdict.replaced {
            Some(Fault::ServerError { status, done: true }) => return Err(Stop::Failed(status)),
            Some(Fault::ConnectionLost { done: true }) => return Err(Stop::Lost),
            _ => {}
        }
        if verdict.stale && self.parts.method == "GET" {
            let query = self.parts.uri.query().unwrap_or_default();
            let last = self.state.log.last_answer(actor, self.parts.uri.path(), query);
            return last.map_or(Ok(()), |body| Err(Stop::Stale(body)));
        }
        Ok(())
    }

    fn perform(&mut self, path: &str, actor: Snowflake, verdict: &Verdict) -> Result<Reply, ApiError> {
        let query = request::read_query(self.parts.uri.query().unwrap_or_default());
        let call = Call {
            method: self.parts.method.as_str(),
            path,
            query: &query,
            body: self.body.as_ref(),
            files: &self.files,
            endpoint_verified: self.endpoint_verified,
            reason: self.reason.as_deref(),
            actor,
            now: self.now,
            switches: self.switches,
        };
        let young = verdict.lost_overwrites.and_then(|age| TimeDelta::from_std(age).ok());
        let kept = young.and_then(|age| young_overwrites(&self.state.world, path, self.now - age));
        let reply = perform(&mut self.state.world, &call)?;
        if let Some((channel, overwrites)) = kept {
            restore_overwrites(&mut self.state.world, channel, overwrites);
        }
        // A look changes nothing, and comparing ten thousand guilds takes longer than it.
        if call.method != "GET" {
            self.state.publish(self.switches, self.now);
        }
        Ok(reply)
    }

    /// Where a bot finds the Gateway, in how many shards, and how often it may start.
    fn gateway_for(&self, bot: Snowflake) -> Value {
        let State { world, gateway, .. } = &*self.state;
        let StartsLeft { remaining, reset_after } = gateway.starts_left(bot, self.now);
        let guilds = world.guilds.values().filter(|guild| guild.members.contains_key(&bot)).count();
        let limits = gateway.limits();
        json!({
            "url": self.gateway_url(), "shards": guilds.div_ceil(GUILDS_PER_SHARD).max(1),
            "session_start_limit": {
                "total": limits.session_starts, "remaining": remaining, "reset_after": reset_after.num_milliseconds(),
                "max_concurrency": limits.max_concurrency,
            },
        })
    }

    fn record(&self, number: u64, arrived: DateTime<Utc>, outgoing: &Outgoing) -> Record {
        let (status, answer) = outgoing.logged();
        let text = || Value::String(String::from_utf8_lossy(self.raw).into_owned());
        let unread = || (!self.raw.is_empty()).then(|| serde_json::from_slice(self.raw).unwrap_or_else(|_| text()));
        Record {
            number,
            arrived,
            time: self.now,
            method: self.parts.method.to_string(),
            path: self.parts.uri.path().to_owned(),
            query: self.parts.uri.query().unwrap_or_default().to_owned(),
            user_id: self.user_id,
            reason: self.reason.clone(),
            user_agent: self.header(header::USER_AGENT),
            body: self.body.clone().or_else(unread),
            status,
            done: self.done,
            origin: self.origin,
            answer,
        }
    }

    fn header(&self, name: HeaderName) -> Option<String> {
        self.parts.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
    }

    fn gateway_url(&self) -> String {
        format!("ws://{}", self.header(header::HOST).unwrap_or_else(|| "localhost".to_owned()))
    }
}

fn ok(body: Value) -> Reply {
    Reply { status: 200, body: Some(body) }
}

/// The overwrites of the channel a path is about, when it was made after `since`.
fn young_overwrites(world: &World, path: &str, since: DateTime<Utc>) -> Option<(Snowflake, Vec<Overwrite>)> {
    let id = path.strip_prefix("/channels/")?.split('/').next()?.parse::<Snowflake>().ok()?;
    let channel = world.guilds.get(&world.guild_of_channel(id)?)?.channels.get(&id)?;
    (id.time() >= since).then(|| (id, channel.permission_overwrites.clone()))
}

fn restore_overwrites(world: &mut World, id: Snowflake, overwrites: Vec<Overwrite>) {
    let guild = world.guild_of_channel(id).and_then(|guild| world.guilds.get_mut(&guild));
    if let Some(channel) = guild.and_then(|guild| guild.channels.get_mut(&id)) {
        channel.permission_overwrites = overwrites;
    }
}
