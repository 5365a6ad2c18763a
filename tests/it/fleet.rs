//! The loop over all guilds: what it hears, and what it does when something of its own breaks.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::Utc;
use secrecy::SecretString;
use serde_json::json;
use setai::clock::Clock;
use setai::controller::{Controller, Engine, Handle, Rhythm, Settings, State, Watched};
use setai::discord::{Client, Settings as ClientSettings};
use setai::model::GuildId;
use setai::store::{Approval, Author, Closing, DatabaseUrl, Error, Store, Trigger, open};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::support::harness::Harness;
use crate::support::mortal::{Ask, Hook, MortalStore};
use crate::support::repository::{Repository, View};
use crate::support::stage::InProcess;

/// What happens to the first few who ask how a guild stood.
enum Trouble {
    /// They are told that the database is away.
    Away,
    /// They run into a fault of ours.
    Fault,
}

struct FirstOnes {
    trouble: Trouble,
    left: AtomicUsize,
}

#[async_trait]
impl Hook for FirstOnes {
    async fn before(&self, ask: Ask) -> Result<(), Error> {
        let one_less = |left: usize| left.checked_sub(1);
        if ask != Ask::Status || self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_err() {
            return Ok(());
        }
        match self.trouble {
            Trouble::Away => Err(Error::ConnectionLost { source: sqlx::Error::PoolTimedOut }),
            Trouble::Fault => panic!("a fault that a test makes"),
        }
    }

    async fn after(&self, _: Ask) -> Result<(), Error> {
        Ok(())
    }
}

struct Town {
    discord: Harness,
    store: Arc<dyn Store>,
    repository: Arc<Repository>,
}

struct Run {
    handle: Handle,
    stop: CancellationToken,
    running: JoinHandle<()>,
}

impl Run {
    async fn stop(self) {
        self.stop.cancel();
        self.running.await.expect("no panic");
    }

    fn state(&self) -> Option<State> {
        self.handle.guilds().into_iter().next()?.standing.map(|standing| standing.state)
    }

    fn reason(&self) -> String {
        let standing = self.handle.guilds().into_iter().next().and_then(|view| view.standing);
        standing.map(|standing| standing.reason).unwrap_or_default()
    }
}

impl Town {
    async fn new() -> Self {
        let store = open(&DatabaseUrl::Memory).await.expect("a database");
        Self { discord: Harness::new(), store, repository: Arc::default() }
    }

    fn guild(&self) -> GuildId {
        self.discord.guild.to_string().parse().expect("a snowflake")
    }

    fn commit(&self, yaml: &str) {
        self.repository.commit(&format!("version: 1\nguild: \"{}\"\n{yaml}", self.discord.guild));
    }

    fn slow_mode(&self) -> u32 {
        self.discord.edit(|guild| guild.channel_named("hall").map_or(0, |hall| hall.rate_limit_per_user))
    }

    fn somebody_meddles(&self) {
        let id = self.discord.edit(|guild| guild.channel_named("hall").map(|hall| hall.id)).expect("it is there");
        self.discord.by_hand("PATCH", &format!("/channels/{id}"), json!({ "rate_limit_per_user": 77 }));
    }

    fn writes(&self) -> usize {
        self.discord.simulator.requests().iter().filter(|request| request.is_write()).count()
    }

    /// A controller with one worker, which looks at nothing by itself once it has begun.
    fn run(&self, store: Arc<dyn Store>) -> Run {
        let clock = Clock::system();
        let mut settings = ClientSettings::new(SecretString::from("token"));
        settings.address = format!("https://{}.test", self.discord.guild);
        let exchange = Arc::new(InProcess(self.discord.simulator.router()));
        let client = Client::new(settings, exchange, clock.clone()).expect("a client");
        let hour = Duration::from_secs(3_600);
        let source = Arc::new(View::of(&self.repository));
        let controller = Controller::new(
            Engine::new(Arc::new(client), store, clock),
            Settings {
                sources: vec![Watched { name: "main".to_owned(), source, interval: hour }],
                assign: Arc::new(|_, _, _| Ok(None)),
                sweep: Rhythm::every(hour),
                approval_ends: hour,
                audit: None,
                workers: 1,
                grace: Duration::from_secs(10),
                shares: false,
                gateway: None,
                recorder: None,
            },
        );
        let (handle, stop) = (controller.handle(), CancellationToken::new());
        let running = tokio::spawn(controller.run(stop.clone()));
        Run { handle, stop, running }
    }

    fn troubled(&self, trouble: Trouble, times: usize) -> Arc<dyn Store> {
        let fate = Arc::new(FirstOnes { trouble, left: AtomicUsize::new(times) });
        Arc::new(MortalStore { inner: Arc::clone(&self.store), fate })
    }

    async fn until(&self, what: &str, is_so: impl Fn() -> bool) {
        let clock = Clock::system();
        while !is_so() {
            assert!(clock.elapsed() < Duration::from_secs(30), "{what}");
            clock.sleep(Duration::from_millis(10)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_approves_while_it_runs_is_applied_without_waiting_for_the_next_sweep() {
    let town = Town::new().await;
    town.commit("policy: { approval: always }\nchannels: { hall: { rate_limit_per_user: 5 } }\n");
    let run = town.run(Arc::clone(&town.store));
    town.until("that it asks", || run.state() == Some(State::AwaitingApproval)).await;
    let held = town.store.held_plans(None).await.expect("a database").pop().expect("a plan waits");

    let (guild, plan_digest, granted_at) = (town.guild(), held.plan_digest.clone(), Utc::now());
    let granted_by = Author::Local("ann".to_owned());
    let approval = Approval { guild, plan_digest, granted_by, granted_at, expires_at: None };
    town.store.approve(&approval).await.expect("an approval");
    // As `setai approve` does right after it.
    assert!(town.store.close_held_plan(guild, &held.plan_digest, Closing::Approved, granted_at).await.expect("closed"));
    town.until("that it is applied", || town.slow_mode() == 5 && run.state() == Some(State::Ready)).await;
    run.stop().await;
    let found = town.store.find_held_plan(&held.plan_digest).await.expect("a database").expect("it is remembered");
    assert_eq!(found.summary.closed.map(|closed| closed.how), Some(Closing::Applied));
    assert_eq!(town.store.approved_plans(Utc::now()).await.expect("a database"), BTreeSet::new(), "it is used up");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guild_whose_past_cannot_be_read_is_not_taken_for_a_new_one() {
    let town = Town::new().await;
    town.commit("policy: { drift: report }\nchannels: { hall: { rate_limit_per_user: 5 } }\n");
    let run = town.run(Arc::clone(&town.store));
    town.until("the first revision", || town.slow_mode() == 5 && run.state() == Some(State::Ready)).await;
    run.stop().await;

    town.somebody_meddles();
    town.discord.simulator.forget_requests();
    let run = town.run(town.troubled(Trouble::Away, 2));
    town.until("that the database is missed", || run.reason() == "DatabaseUnavailable").await;
    town.until("that it tells of the drift", || run.state() == Some(State::Drifted)).await;
    run.stop().await;
    assert_eq!((town.slow_mode(), town.writes()), (77, 0), "the policy says to report, and nothing else");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visit_that_breaks_down_takes_neither_its_guild_nor_its_worker_with_it() {
    let town = Town::new().await;
    town.commit("channels: { hall: { rate_limit_per_user: 5 } }\n");
    let run = town.run(town.troubled(Trouble::Fault, 1));
    // The only worker meets the fault, and comes again for whoever asks.
    town.until("that somebody who asks is heard", || {
        run.handle.look_at(town.guild(), Trigger::Person);
        town.slow_mode() == 5
    })
    .await;
    run.stop().await;
}
