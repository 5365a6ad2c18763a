//! A guild with a hall that controllers look after: how often people may write there tells which manifest it follows.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use serde_json::json;
use setai::clock::Clock;
use setai::controller::{Controller, Engine, Handle, Rhythm, Settings, Standing, Watched};
use setai::discord::{Client, Settings as ClientSettings};
use setai::model::GuildId;
use setai::store::Store;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::harness::Harness;
use super::repository::{Repository, View};
use super::stage::InProcess;

/// The guild, and the repository with its manifest.
pub(crate) struct Hall {
    pub(crate) discord: Harness,
    repository: Arc<Repository>,
}

impl Hall {
    pub(crate) fn new() -> Self {
        Self { discord: Harness::new(), repository: Arc::default() }
    }

    pub(crate) fn guild(&self) -> GuildId {
        self.discord.guild.to_string().parse().expect("a snowflake")
    }

    /// A revision with this policy, in which people may write once in so many seconds.
    pub(crate) fn commit(&self, policy: &str, seconds: u32) {
        let hall = format!("channels: {{ hall: {{ rate_limit_per_user: {seconds} }} }}");
        let guild = self.discord.guild;
        self.repository.commit(&format!("version: 1\nguild: \"{guild}\"\npolicy: {{ {policy} }}\n{hall}\n"));
    }

    /// Once in how many seconds people may write; none while there is no hall.
    pub(crate) fn pace(&self) -> Option<u32> {
        self.discord.edit(|guild| guild.channel_named("hall").map(|hall| hall.rate_limit_per_user))
    }

    pub(crate) fn somebody_meddles(&self) {
        let id = self.discord.edit(|guild| guild.channel_named("hall").map(|hall| hall.id)).expect("it is there");
        self.discord.by_hand("PATCH", &format!("/channels/{id}"), json!({ "rate_limit_per_user": 77 }));
    }

    pub(crate) fn writes(&self) -> usize {
        self.discord.simulator.requests().iter().filter(|request| request.is_write()).count()
    }

    pub(crate) fn engine(&self, store: Arc<dyn Store>) -> Engine {
        let clock = Clock::system();
        let mut settings = ClientSettings::new(SecretString::from("token"));
        settings.address = format!("https://{}.test", self.discord.guild);
        let exchange = Arc::new(InProcess(self.discord.simulator.router()));
        let client = Client::new(settings, exchange, clock.clone()).expect("a client");
        Engine::new(Arc::new(client), store, clock)
    }

    /// A controller that looks at nothing by itself once it has begun.
    pub(crate) fn run(&self, engine: Engine, workers: usize, shares: bool) -> Run {
        let hour = Duration::from_secs(3_600);
        let source = Arc::new(View::of(&self.repository));
        let watched = Watched { name: "main".to_owned(), source: source.clone(), interval: hour };
        let settings = Settings {
            sources: vec![watched],
            assign: Arc::new(|_, _, _| Ok(None)),
            sweep: Rhythm::every(hour),
            approval_ends: hour,
            audit: None,
            workers,
            grace: Duration::from_secs(10),
            shares,
            gateway: None,
            interactions: None,
            messages: None,
            reviews: None,
            recorder: None,
        };
        let controller = Controller::new(engine, settings);
        let (handle, stop) = (controller.handle(), CancellationToken::new());
        let running = tokio::spawn(controller.run(stop.clone()));
        Run { handle, source, stop, running }
    }
}

/// A controller that runs.
pub(crate) struct Run {
    pub(crate) handle: Handle,
    source: Arc<View>,
    stop: CancellationToken,
    running: JoinHandle<()>,
}

impl Run {
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.running.await.expect("no panic");
    }

    /// How often it has looked at its source.
    pub(crate) fn looks(&self) -> usize {
        self.source.looks()
    }

    /// How its guild stands, as far as it knows.
    pub(crate) fn standing(&self) -> Option<Standing> {
        self.handle.guilds().into_iter().next()?.standing
    }
}

/// Returns once something is so, which must not take long.
pub(crate) async fn until(what: &str, is_so: impl Fn() -> bool) {
    let clock = Clock::system();
    while !is_so() {
        assert!(clock.elapsed() < Duration::from_secs(30), "{what}");
        clock.sleep(Duration::from_millis(10)).await;
    }
}
