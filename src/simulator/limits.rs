//! Rate limits: how many requests pass, and what the rest are told.
//!
//! Decides from figures and the moment alone; knows nothing of worlds and sockets. Most figures are folklore: see the
//! fields of [`Limits`] for what each default rests on.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::world::Snowflake;

/// So many requests in so many seconds. The window opens with the first request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Requests.
    pub limit: u32,
    /// Seconds.
    pub seconds: u32,
}

impl Window {
    /// A window.
    pub const fn new(limit: u32, seconds: u32) -> Self {
        Self { limit, seconds }
    }
}

/// Whom a limit concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// The caller, on one route.
    User,
    /// Everybody who uses the resource; does not count as an invalid request.
    Shared,
    /// The caller, everywhere.
    Global,
}

impl Scope {
    /// The word in `X-RateLimit-Scope`.
    pub fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Shared => "shared",
            Self::Global => "global",
        }
    }
}

/// The limit of one route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteLimit {
    /// Method and path with `:id` for ids: `POST /guilds/:id/roles`.
    pub route: String,
    /// How many.
    #[serde(flatten)]
    pub window: Window,
    /// Whom it concerns.
    #[serde(default = "user")]
    pub scope: Scope,
}

fn user() -> Scope {
    Scope::User
}

/// All figures. Each can be switched off with none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Routes with figures of their own; the first that fits counts.
    pub routes: Vec<RouteLimit>,
    /// Any other route that reads. Unknown outside Discord.
    pub reads: Option<Window>,
    /// Any other route that writes. Unknown outside Discord.
    pub writes: Option<Window>,
    /// Edits of one channel's name, which the headers do not show: staff, 2020.
    pub channel_names: Option<Window>,
    /// Edits of one channel's topic, counted apart from its name.
    pub channel_topics: Option<Window>,
    /// What the 429 of those two calls itself.
    pub channel_scope: Scope,
    /// Requests of one bot in all: 50 per second, documented.
    pub global: Option<Window>,
    /// 401, 403 and 429 (except shared ones) before everybody at this address is banned: documented.
    pub invalid: Option<Window>,
    /// How long the ban lasts, seconds: a day by observation.
    pub ban_seconds: u32,
    /// Of websockets.
    pub gateway: GatewayLimits,
}

/// Figures of the Gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GatewayLimits {
    /// How often clients shall send a heartbeat, milliseconds. Half as much again is waited for one.
    pub heartbeat_interval: u32,
    /// Payloads of one connection: 120 per minute, documented.
    pub payloads: Option<Window>,
    /// New sessions of one bot in a day: 1000, documented. Who needs more loses all sessions and the token.
    pub session_starts: u32,
    /// How many shards may start at once: documented to be 1 for most bots.
    pub max_concurrency: u32,
    /// For how long after a start others of the same number have to wait, seconds: 5, documented. 0 is no wait.
    pub start_seconds: u32,
    /// Most guilds of one shard: 2500, documented.
    pub guilds_per_shard: usize,
    /// How long a session without a connection can be resumed, seconds. Unknown outside Discord.
    pub resume_seconds: u32,
    /// How many events are kept to be replayed. Unknown outside Discord.
    pub replayed_events: usize,
}

impl Default for GatewayLimits {
    fn default() -> Self {
        Self {
            heartbeat_interval: 41_250,
            payloads: Some(Window::new(120, 60)),
            session_starts: 1000,
            max_concurrency: 1,
            start_seconds: 5,
            guilds_per_shard: 2500,
            resume_seconds: 180,
            replayed_events: 5000,
        }
    }
}

impl GatewayLimits {
    /// Every payload and every start passes.
    pub fn none() -> Self {
        Self { payloads: None, session_starts: 1_000_000, start_seconds: 0, ..Self::default() }
    }
}

impl Default for Limits {
    fn default() -> Self {
        let route = |route: &str, limit, seconds| RouteLimit {
            route: route.to_owned(),
            window: Window::new(limit, seconds),
            scope: Scope::User,
        };
        Self {
            routes: vec![
                route("PATCH /channels/:id", 10, 15),
                route("POST /guilds/:id/roles", 250, 48 * 3600),
                route("POST /guilds/:id/emojis", 50, 3600),
                route("POST /channels/:id/messages", 5, 5),
            ],
            reads: Some(Window::new(50, 5)),
            writes: Some(Window::new(10, 10)),
            channel_names: Some(Window::new(2, 600)),
            channel_topics: Some(Window::new(2, 600)),
            channel_scope: Scope::User,
            global: Some(Window::new(50, 1)),
            invalid: Some(Window::new(10_000, 600)),
            ban_seconds: 24 * 3600,
            gateway: GatewayLimits::default(),
        }
    }
}

impl Limits {
    /// Everything passes.
    pub fn none() -> Self {
        Self {
            routes: Vec::new(),
            reads: None,
            writes: None,
            channel_names: None,
            channel_topics: None,
            global: None,
            invalid: None,
            gateway: GatewayLimits::none(),
            ..Self::default()
        }
    }
}

/// How many 429s were given out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Refusals {
    /// Scope user.
    pub user: u64,
    /// Scope shared.
    pub shared: u64,
    /// Scope global.
    pub global: u64,
    /// By the ban.
    pub banned: u64,
}

/// What the headers say about the bucket of a request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct BucketState {
    pub(crate) hash: String,
    pub(crate) limit: u32,
    pub(crate) remaining: u32,
    pub(crate) reset: DateTime<Utc>,
}

/// A request that must wait.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Limited {
    pub(crate) scope: Scope,
    pub(crate) wait: TimeDelta,
    pub(crate) bucket: Option<BucketState>,
}

/// What a request counts against: the route without ids, and the one id that buckets are kept apart by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Route {
    template: String,
    major: String,
}

impl Route {
    fn of(method: &str, path: &str) -> Self {
        let segments: Vec<&str> = path.split('/').filter(|s| !s.is_empty()).collect();
        let is_id = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        let shape = segments.iter().map(|s| if is_id(s) { "/:id".to_owned() } else { format!("/{s}") });
        let major = match segments.as_slice() {
            ["channels" | "guilds", id, ..] => (*id).to_owned(),
            ["webhooks", id, rest @ ..] => format!("{id}/{}", rest.first().unwrap_or(&"")),
            _ => String::new(),
        };
        Self { template: format!("{method} {}", shape.collect::<String>()), major }
    }

    /// Interactions and webhooks do not count globally.
    fn is_exempt(&self) -> bool {
        self.template.contains(" /interactions/") || self.template.contains(" /webhooks/")
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    used: u32,
    ends: DateTime<Utc>,
}

impl Bucket {
    fn renew(&mut self, window: Window, now: DateTime<Utc>) {
        if now >= self.ends {
            *self = Self { used: 0, ends: now + TimeDelta::seconds(i64::from(window.seconds)) };
        }
    }

    fn is_empty(&self, window: Window) -> bool {
        self.used >= window.limit
    }
}

/// Counts requests.
#[derive(Debug)]
pub(crate) struct Limiter {
    limits: Limits,
    seed: u64,
    routes: BTreeMap<(Option<Snowflake>, Route), Bucket>,
    channels: BTreeMap<(String, &'static str), Bucket>,
    bots: BTreeMap<Snowflake, Bucket>,
    invalid: Bucket,
    banned_until: Option<DateTime<Utc>>,
    refusals: Refusals,
}

impl Limiter {
    pub(crate) fn new(limits: Limits, seed: u64) -> Self {
        Self {
            limits,
            seed,
            routes: BTreeMap::new(),
            channels: BTreeMap::new(),
            bots: BTreeMap::new(),
            invalid: Bucket::default(),
            banned_until: None,
            refusals: Refusals::default(),
        }
    }

    pub(crate) fn refusals(&self) -> Refusals {
        self.refusals
    }

    /// The address is banned now. Asking counts as one refusal when it is.
    pub(crate) fn is_banned(&mut self, now: DateTime<Utc>) -> bool {
        let banned = self.banned_until.is_some_and(|until| now < until);
        self.refusals.banned += u64::from(banned);
        banned
    }

    /// Draws on everything the request counts against.
    pub(crate) fn draw(
        &mut self,
        caller: Snowflake,
        method: &str,
        path: &str,
        body: Option<&Value>,
        now: DateTime<Utc>,
    ) -> Result<Option<BucketState>, Limited> {
        let route = Route::of(method, path);
        if !route.is_exempt() {
            self.draw_global(caller, now)?;
        }
        let bucket = self.draw_route(caller, &route, now)?;
        if route.template == "PATCH /channels/:id" {
            self.draw_channel(&route.major, body, now, bucket.as_ref())?;
        }
        Ok(bucket)
    }

    /// Notes an answer: too many of the wrong kind lead to the ban. `limited` is the scope of a 429.
    pub(crate) fn note(&mut self, status: u16, limited: Option<Scope>, now: DateTime<Utc>) {
        match limited {
            Some(Scope::User) => self.refusals.user += 1,
            Some(Scope::Shared) => self.refusals.shared += 1,
            Some(Scope::Global) => self.refusals.global += 1,
            None => {}
        }
        let counts = matches!(status, 401 | 403 | 429) && limited != Some(Scope::Shared);
        if let (true, Some(window)) = (counts, self.limits.invalid) {
            self.invalid.renew(window, now);
            self.invalid.used += 1;
            if self.invalid.is_empty(window) {
                self.banned_until = Some(now + TimeDelta::seconds(i64::from(self.limits.ban_seconds)));
            }
        }
    }

    fn draw_global(&mut self, caller: Snowflake, now: DateTime<Utc>) -> Result<(), Limited> {
        let Some(window) = self.limits.global else { return Ok(()) };
        let bucket = self.bots.entry(caller).or_default();
        bucket.renew(window, now);
        if bucket.is_empty(window) {
            return Err(Limited { scope: Scope::Global, wait: bucket.ends - now, bucket: None });
        }
        bucket.used += 1;
        Ok(())
    }

    fn draw_route(
        &mut self,
        caller: Snowflake,
        route: &Route,
        now: DateTime<Utc>,
    ) -> Result<Option<BucketState>, Limited> {
        let own = self.limits.routes.iter().find(|limit| limit.route == route.template);
        let other = if route.template.starts_with("GET ") { self.limits.reads } else { self.limits.writes };
        let scope = own.map_or(Scope::User, |limit| limit.scope);
        let Some(window) = own.map(|limit| limit.window).or(other) else { return Ok(None) };
        let whose = (scope != Scope::Shared).then_some(caller);
        let bucket = self.routes.entry((whose, route.clone())).or_default();
        bucket.renew(window, now);
        let empty = bucket.is_empty(window);
        bucket.used += u32::from(!empty);
        let (remaining, reset) = (window.limit - bucket.used.min(window.limit), bucket.ends);
        let state = BucketState { hash: self.hash(route), limit: window.limit, remaining, reset };
        if empty { Err(Limited { scope, wait: reset - now, bucket: Some(state) }) } else { Ok(Some(state)) }
    }

    /// The limits the headers do not show. An edit of both name and topic draws on both, or on none.
    fn draw_channel(
        &mut self,
        channel: &str,
        body: Option<&Value>,
        now: DateTime<Utc>,
        shown: Option<&BucketState>,
    ) -> Result<(), Limited> {
        let hidden = [("name", self.limits.channel_names), ("topic", self.limits.channel_topics)];
        let given = |key: &str| body.is_some_and(|body| body.get(key).is_some());
        let drawn: Vec<_> =
            hidden.into_iter().filter_map(|(key, w)| w.filter(|_| given(key)).map(|w| (key, w))).collect();
        let mut longest = None;
        for (key, window) in &drawn {
            let bucket = self.channels.entry((channel.to_owned(), key)).or_default();
            bucket.renew(*window, now);
            if bucket.is_empty(*window) {
                longest = longest.max(Some(bucket.ends));
            }
        }
        if let Some(ends) = longest {
            let scope = self.limits.channel_scope;
            return Err(Limited { scope, wait: ends - now, bucket: shown.cloned() });
        }
        for (key, _) in drawn {
            self.channels.entry((channel.to_owned(), key)).or_default().used += 1;
        }
        Ok(())
    }

    /// The opaque name of a bucket, without its major parameter.
    fn hash(&self, route: &Route) -> String {
        let digest = Sha256::digest(format!("{} {}", self.seed, route.template));
        digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const BOT: Snowflake = Snowflake(1);

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000 + seconds, 0).expect("a valid time")
    }

    fn limiter(change: impl FnOnce(&mut Limits)) -> Limiter {
        let mut limits = Limits::none();
        change(&mut limits);
        Limiter::new(limits, 0)
    }

    #[test]
    fn a_bucket_empties_and_fills_at_its_end() {
        let mut limiter = limiter(|l| l.writes = Some(Window::new(2, 10)));
        let mut put =
            |channel: &str, now| limiter.draw(BOT, "PUT", &format!("/channels/{channel}/permissions/9"), None, now);
        let first = put("1", at(0)).expect("passes").expect("has a bucket");
        assert_eq!((first.limit, first.remaining, first.reset), (2, 1, at(10)));
        assert!(put("1", at(9)).is_ok());
        let limited = put("1", at(9)).expect_err("empty");
        assert_eq!((limited.scope, limited.wait), (Scope::User, TimeDelta::seconds(1)));
        let other = put("2", at(9)).expect("another channel").expect("has a bucket");
        assert_eq!(other.hash, first.hash, "the hash does not hold the major parameter");
        assert!(put("1", at(10)).is_ok());
    }

    #[test]
    fn the_third_rename_in_ten_minutes_waits_though_the_bucket_is_not_empty() {
        let mut limiter = Limiter::new(Limits::default(), 0);
        let mut patch = |body: Value, now| limiter.draw(BOT, "PATCH", "/channels/5", Some(&body), now);
        assert!(patch(json!({"name": "a"}), at(0)).is_ok());
        assert!(patch(json!({"name": "b", "topic": "t"}), at(1)).is_ok());
        let limited = patch(json!({"name": "c", "topic": "u"}), at(2)).expect_err("names are used up");
        assert_eq!(limited.wait, TimeDelta::seconds(598));
        assert!(limited.bucket.is_some_and(|b| b.remaining > 0));
        assert!(patch(json!({"topic": "u"}), at(3)).is_ok(), "the refused edit drew no topic");
        assert!(patch(json!({"nsfw": true}), at(3)).is_ok());
        assert!(patch(json!({"name": "c"}), at(600)).is_ok());
    }

    #[test]
    fn global_limits_stop_everything_but_interactions() {
        let mut limiter = limiter(|l| l.global = Some(Window::new(1, 1)));
        assert_eq!(limiter.draw(BOT, "GET", "/users/@me", None, at(0)), Ok(None));
        let limited = limiter.draw(BOT, "GET", "/guilds/1", None, at(0)).expect_err("used up");
        assert_eq!(limited.scope, Scope::Global);
        assert!(limiter.draw(BOT, "POST", "/interactions/1/x/callback", None, at(0)).is_ok());
        assert!(limiter.draw(Snowflake(2), "GET", "/guilds/1", None, at(0)).is_ok(), "another bot");
    }

    #[test]
    fn too_many_invalid_requests_are_a_ban_but_shared_ones_do_not_count() {
        let mut limiter = limiter(|l| {
            l.invalid = Some(Window::new(3, 600));
            l.ban_seconds = 60;
        });
        for _ in 0..9 {
            limiter.note(429, Some(Scope::Shared), at(0));
            limiter.note(404, None, at(0));
        }
        limiter.note(403, None, at(0));
        limiter.note(401, None, at(0));
        assert!(!limiter.is_banned(at(0)));
        limiter.note(429, Some(Scope::User), at(0));
        assert!(limiter.is_banned(at(59)));
        assert!(!limiter.is_banned(at(60)));
        assert_eq!(limiter.refusals(), Refusals { user: 1, shared: 9, global: 0, banned: 1 });
    }

    #[test]
    fn shared_limits_are_shared() {
        let shared =
            RouteLimit { route: "GET /guilds/:id".to_owned(), window: Window::new(1, 5), scope: Scope::Shared };
        let mut limiter = limiter(|l| l.routes.push(shared));
        assert!(limiter.draw(BOT, "GET", "/guilds/1", None, at(0)).is_ok());
        let limited =
            limiter.draw(Snowflake(2), "GET", "/guilds/1", None, at(0)).expect_err("the other bot used it up");
        assert_eq!(limited.scope, Scope::Shared);
    }
}
