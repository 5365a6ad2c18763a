//! A simulated Discord with one guild, and a sender that talks raw HTTP to it without a socket.

use std::io;
use std::net::SocketAddr;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request};
use chrono::DateTime;
use serde_json::{Value, json};
use setai::clock::Clock;
use setai::simulator::limits::Limits;
use setai::simulator::world::{Bits, Channel, FreshGuild, Guild, Role, Snowflake, Switches, World};
use setai::simulator::{Act, Options, Simulator};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tower::ServiceExt;

use super::inspection::Inspection;
use super::openapi::{Judgement, description};

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    /// HTTP status; 0 when the connection was lost.
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// JSON; null when empty, a text when not JSON.
    pub(crate) body: Value,
}

impl Answer {
    /// Status and Discord's error code.
    pub(crate) fn refusal(&self) -> (u16, u64) {
        (self.status, self.body["code"].as_u64().unwrap_or(0))
    }

    /// The body of a success.
    #[track_caller]
    pub(crate) fn ok(self) -> Value {
        assert!((200..300).contains(&self.status), "{} {}", self.status, self.body);
        self.body
    }

    /// The id in the body of a success.
    #[track_caller]
    pub(crate) fn id(self) -> Snowflake {
        let body = self.ok();
        body["id"].as_str().and_then(|id| id.parse().ok()).expect("an id")
    }

    /// A header as text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// A simulator with a fresh guild, in virtual time.
pub(crate) struct Harness {
    pub(crate) simulator: Simulator,
    pub(crate) clock: Clock,
    pub(crate) guild: Snowflake,
    pub(crate) owner: Snowflake,
    pub(crate) bot: Snowflake,
    pub(crate) bot_role: Snowflake,
    router: Router,
    inspection: Inspection,
}

impl Harness {
    /// Likely switches, no limits, no faults.
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    /// With other switches.
    pub(crate) fn switched(change: impl FnOnce(&mut Switches)) -> Self {
        Self::with(|options| change(&mut options.switches))
    }

    /// With other options.
    pub(crate) fn with(change: impl FnOnce(&mut Options)) -> Self {
        Self::from(0, change)
    }

    /// From another day on, so that nothing has an id that something of another day has.
    pub(crate) fn from(day: u32, change: impl FnOnce(&mut Options)) -> Self {
        let seconds = 1_795_000_000 + 86_400 * i64::from(day);
        let clock = Clock::virtual_at(DateTime::from_timestamp(seconds, 0).expect("a valid time"));
        let mut options = Options { clock: clock.clone(), limits: Limits::none(), ..Options::default() };
        change(&mut options);
        let mut world = World::new(options.seed);
        let FreshGuild { guild, owner, bot, bot_role } = world.fresh_guild("Rust Study Group", None, clock.now());
        let (simulator, inspection) = Inspection::simulator(world, options);
        let router = simulator.router();
        Self { simulator, clock, guild, owner, bot, bot_role, router, inspection }
    }

    /// Sends one request, with everything that can be chosen. A null body is none.
    ///
    /// Request and answer must be as Discord's description has them, when it is at hand.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        body: Value,
        token: &str,
        reason: Option<&str>,
    ) -> Answer {
        let (answer, judgement) = self.send_judged(method, path, body, token, reason).await;
        assert!(judgement.is_clean(), "{judgement:#?}");
        answer
    }

    /// A request no client should send: Discord's description must not have it, while it must have the answer.
    pub(crate) async fn nonsense(&self, method: &str, path: &str, body: Value) -> Answer {
        let (answer, judgement) = self.send_judged(method, path, body, "token", None).await;
        if description().is_some() {
            assert!(!judgement.request.is_empty(), "the description has this request: it is no nonsense");
        }
        assert_eq!(judgement.answer, Vec::<String>::new());
        answer
    }

    /// Forgives what a client does that nobody here can mend.
    pub(crate) fn forgive_all(&self, faults: &[&str]) {
        self.inspection.forgive_all(faults);
    }

    /// The same as [`send`](Self::send), and leaves it to the caller what to make of the description's judgement.
    pub(crate) async fn send_judged(
        &self,
        method: &str,
        path: &str,
        body: Value,
        token: &str,
        reason: Option<&str>,
    ) -> (Answer, Judgement) {
        let mut request = Request::builder().method(method).uri(format!("/api/v10{path}"));
        request = request.header("authorization", format!("Bot {token}")).header("user-agent", "DiscordBot (x, 1)");
        if let Some(reason) = reason {
            request = request.header("x-audit-log-reason", reason);
        }
        let body = if body.is_null() {
            Body::empty()
        } else {
            request = request.header("content-type", "application/json");
            Body::from(body.to_string())
        };
        self.send_raw(request.body(body).expect("a request")).await
    }

    /// Sends a request as it is, and leaves its judgement to the caller as well.
    pub(crate) async fn send_raw(&self, request: Request<Body>) -> (Answer, Judgement) {
        let answer = self.exchange(request).await;
        let newest = self.simulator.last_request();
        (answer, newest.map(|record| self.inspection.forgive(record.number)).unwrap_or_default())
    }

    async fn exchange(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.expect("routers do not fail");
        let (parts, body) = response.into_parts();
        let Ok(bytes) = to_bytes(body, usize::MAX).await else {
            return Answer { status: 0, headers: HeaderMap::new(), body: Value::Null };
        };
        let text = || Value::String(String::from_utf8_lossy(&bytes).into_owned());
        let body =
            if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap_or_else(|_| text()) };
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, Value::Null, "token", None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send("POST", path, body, "token", None).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send("PATCH", path, body, "token", None).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.send("PUT", path, body, "token", None).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, Value::Null, "token", None).await
    }

    /// Serves the simulator on a port of its own, for clients that need a socket.
    pub(crate) async fn serve(&self) -> Served {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = oneshot::channel();
        let simulator = self.simulator.clone();
        let shutdown = async { drop(stopped.await) };
        let server = tokio::spawn(async move { simulator.serve(listener, shutdown).await });
        Served { address, stop, server }
    }

    /// A path below the guild.
    pub(crate) fn in_guild(&self, rest: &str) -> String {
        format!("/guilds/{}{rest}", self.guild)
    }

    /// The owner does something by hand; it must work.
    #[track_caller]
    pub(crate) fn by_hand(&self, method: &str, path: &str, body: Value) -> Value {
        let act = Act::new(self.owner, method, path, body);
        self.simulator.act(&act).expect("the owner may do anything").body.unwrap_or_default()
    }

    /// The owner makes a channel.
    #[track_caller]
    pub(crate) fn channel_by_hand(&self, body: Value) -> Snowflake {
        id_of(&self.by_hand("POST", &self.in_guild("/channels"), body))
    }

    /// The owner makes a role and puts it at a position.
    #[track_caller]
    pub(crate) fn role_by_hand(&self, name: &str, permissions: Bits, position: i64) -> Snowflake {
        let id =
            id_of(&self.by_hand("POST", &self.in_guild("/roles"), json!({"name": name, "permissions": permissions})));
        self.edit(|guild| guild.roles.get_mut(&id).expect("just made").position = position);
        id
    }

    /// The bot's role holds exactly these permissions from now on, and stands at position 10.
    pub(crate) fn limit_bot(&self, permissions: Bits) {
        let role = self.bot_role;
        self.edit(|guild| {
            let role = guild.roles.get_mut(&role).expect("the bot has a role");
            (role.permissions, role.position) = (permissions, 10);
        });
    }

    /// Changes the guild behind everybody's back.
    pub(crate) fn edit<T>(&self, change: impl FnOnce(&mut Guild) -> T) -> T {
        let guild = self.guild;
        self.simulator.with_world(|world| change(world.guilds.get_mut(&guild).expect("the guild is there")))
    }

    /// What the audit log holds, oldest first: action and reason.
    pub(crate) fn audited(&self) -> Vec<(u32, Option<String>)> {
        self.edit(|guild| guild.audit_log.iter().map(|e| (e.action_type, e.reason.clone())).collect())
    }

    /// A channel as it is stored.
    pub(crate) fn channel(&self, id: Snowflake) -> Channel {
        self.edit(|guild| guild.channels.get(&id).cloned().expect("the channel is there"))
    }

    /// A role as it is stored.
    pub(crate) fn role(&self, id: Snowflake) -> Role {
        self.edit(|guild| guild.roles.get(&id).cloned().expect("the role is there"))
    }
}

/// A simulator behind a socket.
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    stop: oneshot::Sender<()>,
    server: JoinHandle<io::Result<()>>,
}

impl Served {
    /// Stops serving; the server must not have failed before.
    pub(crate) async fn stop(self) {
        self.stop.send(()).expect("the server still runs");
        self.server.await.expect("no panic").expect("no failure");
    }
}

#[track_caller]
fn id_of(body: &Value) -> Snowflake {
    body["id"].as_str().and_then(|id| id.parse().ok()).expect("an id")
}
