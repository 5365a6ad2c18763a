//! A whole stage: the engine with its real client and store, in front of a simulated Discord, in virtual time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use bytes::Bytes;
use secrecy::SecretString;
use setai::controller::{Engine, Error, Proposal, Recovered, Report, Request, Silent, StopSignal};
use setai::discord::{Client, Exchange, ExchangeError, Settings};
use setai::manifest::{Files, Manifest, parse, render_diagnostics};
use setai::model::GuildId;
use setai::plan::{Approved, Consent, Plan, Rejected, judge};
use setai::simulator::Simulator;
use setai::simulator::faults::{Fault, Faults, Rule};
use setai::simulator::world::{Guild, Snowflake};
use setai::store::{Author, DatabaseUrl, Store, Trigger, open};
use tower::ServiceExt;

use super::harness::Harness;

/// Carries requests to a simulator's router, without a socket.
pub(crate) struct InProcess(pub(crate) Router);

#[async_trait]
impl Exchange for InProcess {
    async fn exchange(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, ExchangeError> {
        let response = self.0.clone().oneshot(request.map(Body::from)).await.expect("routers do not fail");
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.map_err(|e| ExchangeError::Lost(e.to_string()))?;
        Ok(http::Response::from_parts(parts, bytes))
    }
}

/// The guild after every write, in order.
pub(crate) type Film = Arc<Mutex<Vec<Guild>>>;

/// Carries requests, and takes a picture of the guild after each that is not a read.
struct Filming {
    carrier: InProcess,
    simulator: Simulator,
    guild: Snowflake,
    film: Film,
}

#[async_trait]
impl Exchange for Filming {
    async fn exchange(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, ExchangeError> {
        let reads = request.method() == http::Method::GET;
        let answer = self.carrier.exchange(request).await;
        if !reads {
            let picture = self.simulator.with_world(|world| {
                let guild = world.guilds.get(&self.guild).expect("the guild is there");
                Guild { audit_log: Vec::new(), ..guild.clone() }
            });
            self.film.lock().expect("nobody panics").push(picture);
        }
        answer
    }
}

/// The engine and the simulated Discord it works on.
pub(crate) struct Stage {
    pub(crate) discord: Harness,
    pub(crate) engine: Engine,
}

impl Stage {
    /// A fresh guild in which the bot is administrator, and an empty database.
    pub(crate) async fn new() -> Self {
        Self::on(Harness::new()).await
    }

    /// On a simulator that was prepared.
    pub(crate) async fn on(discord: Harness) -> Self {
        let exchange = InProcess(discord.simulator.router());
        Self::through(discord, exchange).await
    }

    /// On a simulator that was prepared, with a film of what happens to the guild.
    pub(crate) async fn filmed(discord: Harness) -> (Self, Film) {
        let film = Film::default();
        let carrier = InProcess(discord.simulator.router());
        let (simulator, guild) = (discord.simulator.clone(), discord.guild);
        let exchange = Filming { carrier, simulator, guild, film: film.clone() };
        (Self::through(discord, exchange).await, film)
    }

    async fn through(discord: Harness, exchange: impl Exchange + 'static) -> Self {
        let store = open(&DatabaseUrl::Memory).await.expect("a database");
        let engine = engine(&discord, exchange, store);
        Self { discord, engine }
    }

    /// The guild's id in the engine's terms.
    pub(crate) fn guild(&self) -> GuildId {
        self.discord.guild.to_string().parse().expect("a snowflake")
    }

    /// A manifest of this guild: the header is added, the rest is YAML.
    #[track_caller]
    pub(crate) fn manifest(&self, yaml: &str) -> Manifest {
        manifest(self.guild(), yaml)
    }

    /// The plan for a manifest.
    pub(crate) async fn propose(&self, manifest: &Manifest) -> Proposal {
        self.engine.propose(manifest, None).await.expect("a plan")
    }

    /// The engine as after a restart: the same database and bot, and nothing else remembered.
    pub(crate) fn restart(&mut self) {
        // Whoever starts it again needs a moment; what Discord asked the old process to wait for is not remembered.
        self.discord.clock.advance(Duration::from_secs(5));
        let store = Arc::clone(self.engine.store());
        self.engine = engine(&self.discord, InProcess(self.discord.simulator.router()), store);
    }

    /// Settles what is open; it must work.
    pub(crate) async fn recover(&self) -> Vec<Recovered> {
        self.engine.recover(self.guild(), &Silent, &StopSignal::default()).await.expect("recovers")
    }

    /// What a person does who only ever runs `apply` again: settles what is open, plans, agrees and applies.
    ///
    /// # Errors
    /// As the engine's; a plan that waits for a decision is none.
    pub(crate) async fn reconcile(&self, manifest: &Manifest) -> Result<Option<Report>, Error> {
        self.engine.recover(self.guild(), &Silent, &StopSignal::default()).await?;
        let proposal = self.engine.propose(manifest, None).await?;
        if proposal.plan.is_empty() {
            self.engine.rebind(self.guild(), &proposal.plan.bindings, &ann()).await?;
            return Ok(None);
        }
        let Ok(approved) = judge(proposal.plan.clone(), &Consent::Digest(proposal.plan.digest.to_string())) else {
            return Ok(None);
        };
        if approved.rests_on_approval() {
            self.engine.approve(&proposal.plan, &ann()).await?;
        }
        let request = request(approved, &proposal, Some(manifest));
        self.engine.apply(request, &Silent, &StopSignal::default()).await.map(Some)
    }

    /// Plans and applies with somebody's consent; the plan must not be rejected.
    pub(crate) async fn apply(&self, manifest: &Manifest) -> Report {
        let proposal = self.propose(manifest).await;
        let digest = proposal.plan.digest.to_string();
        self.apply_proposal(manifest, &proposal, &Consent::Digest(digest)).await
    }

    /// Applies a plan that was proposed before.
    pub(crate) async fn apply_proposal(&self, manifest: &Manifest, proposal: &Proposal, consent: &Consent) -> Report {
        match self.attempt(manifest, proposal, consent, 4).await {
            Ok(report) => report,
            Err(rejected) => panic!("rejected: {rejected:?}"),
        }
    }

    /// Applies a plan that was proposed before, unless it is rejected, with so many requests at once.
    pub(crate) async fn attempt(
        &self,
        manifest: &Manifest,
        proposal: &Proposal,
        consent: &Consent,
        concurrency: usize,
    ) -> Result<Report, Box<Rejected>> {
        let approved = judge(proposal.plan.clone(), consent)?;
        if approved.rests_on_approval() {
            self.engine.approve(&proposal.plan, &ann()).await.expect("an approval");
        }
        let request = Request { concurrency, ..request(approved, proposal, Some(manifest)) };
        Ok(self.engine.apply(request, &Silent, &StopSignal::default()).await.expect("a report"))
    }

    /// Applies a manifest and proves that nothing is left: the second plan is empty and sends no write.
    pub(crate) async fn converge(&self, manifest: &Manifest) -> Report {
        let report = self.apply(manifest).await;
        assert!(report.steps.iter().all(|(_, o)| *o == setai::plan::Outcome::Done), "{:#?}", report.steps);
        self.discord.simulator.forget_requests();
        let again = self.propose(manifest).await;
        assert!(again.plan.is_empty(), "left to do:\n{}", setai::plan::render::plain(&again.plan));
        assert!(self.writes().is_empty(), "a plan writes nothing");
        report
    }

    /// From now on Discord carries nothing out and answers every write with 503.
    pub(crate) fn everything_fails(&self) {
        let fault = || Fault::ServerError { status: 503, done: false };
        let rules = ["POST", "PATCH", "PUT", "DELETE"].map(|method| Rule::new(fault()).on(method, "*"));
        self.discord.simulator.set_faults(Faults { seed: 0, rules: rules.to_vec() });
    }

    /// Nothing goes wrong any more, and the request log is empty.
    pub(crate) fn quiet(&self) {
        self.discord.simulator.set_faults(Faults::default());
        self.discord.simulator.forget_requests();
    }

    /// Method and path of every write since the log was last emptied.
    pub(crate) fn writes(&self) -> Vec<String> {
        let records = self.discord.simulator.requests();
        records.iter().filter(|r| r.method != "GET").map(|r| format!("{} {}", r.method, r.path)).collect()
    }
}

/// An engine with a fresh client.
pub(crate) fn engine(discord: &Harness, exchange: impl Exchange + 'static, store: Arc<dyn Store>) -> Engine {
    let mut settings = Settings::new(SecretString::from("token"));
    // Each simulated Discord is one of its own, also where bots tell each other of its limits.
    settings.address = format!("https://{}.test", discord.guild);
    let client = Client::new(settings, Arc::new(exchange), discord.clock.clone()).expect("a client");
    Engine::new(Arc::new(client), store, discord.clock.clone())
}

/// What Ann asks for when she applies a plan.
pub(crate) fn request<'a>(approved: Approved, proposal: &'a Proposal, manifest: Option<&'a Manifest>) -> Request<'a> {
    Request {
        approved,
        proposal,
        manifest,
        trigger: Trigger::Person,
        author: ann(),
        rollback_of: None,
        patience: Duration::from_secs(900),
        concurrency: 4,
    }
}

/// On whose word everything is done here.
pub(crate) fn ann() -> Author {
    Author::Local("ann".to_owned())
}

/// Parses a manifest that must be right.
#[track_caller]
pub(crate) fn manifest(guild: GuildId, yaml: &str) -> Manifest {
    manifest_with(guild, yaml, &[])
}

/// The same with other files beside it.
#[track_caller]
pub(crate) fn manifest_with(guild: GuildId, yaml: &str, beside: &[(&str, &[u8])]) -> Manifest {
    let text = format!("version: 1\nguild: \"{guild}\"\n{yaml}");
    let mut files = Files::single("guild.yaml", text).expect("a path");
    beside.iter().for_each(|(path, bytes)| files.insert(path, *bytes).expect("a path"));
    let parsed = parse(&files, "guild.yaml");
    match parsed.manifest {
        Some(manifest) => manifest,
        None => panic!("{}", render_diagnostics(&parsed.diagnostics, &files, false)),
    }
}

/// The plan as people read it.
pub(crate) fn shown(plan: &Plan) -> String {
    setai::plan::render::plain(plan)
}
