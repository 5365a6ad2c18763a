//! Everything the loop listens to while it goes round: sources, people at other processes, Discord; and the house it keeps.
//!
//! Whatever is heard only asks for a look. What breaks down by a fault of ours is begun anew.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::discord::gateway::{Event, Gateway, GatewaySettings};
use crate::model::GuildId;
use crate::store::{self, Trigger};
use crate::telemetry::metrics;

use super::super::engine::Engine;
use super::super::follow::Nudge;
use super::super::upkeep;
use super::watcher::Watcher;
use super::{Controller, News, Shared};

/// How many events of Discord's may wait to be heard.
const EVENTS: usize = 1024;

/// How often the database is asked for what people said to other processes.
const MAILBOX: Duration = Duration::from_secs(5);

/// When a task is begun anew that broke down.
const ANEW: Duration = Duration::from_secs(30);

impl Controller {
    /// Begins to listen to everything.
    pub(super) fn begin_to_listen(&self, stop: &CancellationToken) -> JoinSet<()> {
        let mut watchers = JoinSet::new();
        for watched in &self.settings.sources {
            let watcher = Watcher {
                shared: Arc::clone(&self.shared),
                watched: watched.clone(),
                assign: Arc::clone(&self.settings.assign),
            };
            let (clock, stop) = (self.engine.clock.clone(), stop.clone());
            watchers.spawn(async move {
                kept_up("watching a source", clock, || watcher.clone().watch(stop.clone())).await;
            });
        }
        let (shared, clock, ends) = (Arc::clone(&self.shared), self.engine.clock.clone(), stop.clone());
        watchers.spawn(async move {
            kept_up("listening to people", clock, || Arc::clone(&shared).listen_to_people(ends.clone())).await;
        });
        let (engine, audit, ends) = (self.engine.clone(), self.settings.audit, stop.clone());
        watchers.spawn(async move {
            kept_up("keeping house", engine.clock.clone(), || keep_house(engine.clone(), audit, ends.clone())).await;
        });
        if let Some(gateway) = self.settings.gateway.clone() {
            let (shared, clock, ends) = (Arc::clone(&self.shared), self.engine.clock.clone(), stop.clone());
            let (interactions, messages) = (self.settings.interactions.clone(), self.settings.messages.clone());
            let people = People { interactions, messages };
            watchers.spawn(async move {
                let listen = || Arc::clone(&shared).listen_to_discord(gateway.clone(), people.clone(), ends.clone());
                kept_up("listening to Discord", clock, listen).await;
            });
        }
        watchers
    }
}

impl Shared {
    /// Hears what happens in guilds, and asks for looks at those that are worth it.
    async fn listen_to_discord(self: Arc<Self>, settings: GatewaySettings, people: People, stop: CancellationToken) {
        let (events, mut heard) = mpsc::channel(EVENTS);
        let gateway = Gateway::new(settings, Arc::clone(self.engine.client()));
        let connection = gateway.run(events, stop.clone());
        let hearing = async {
            while let Some(event) = heard.recv().await {
                self.note_connection(&event);
                let Some(event) = people.handed_over(event) else { continue };
                let nudges = self.follower.hear(event).await;
                self.nudge(nudges);
            }
        };
        let (ended, ()) = tokio::join!(connection, hearing);
        if let Err(error) = ended {
            tracing::error!(%error, "Discord's gateway cannot be used; guilds are looked at on schedule only");
            self.inner().deaf = Some(error.to_string());
            drop(self.news.send(News::Trouble { source: "discord".to_owned(), problem: Some(error.to_string()) }));
        }
    }

    fn note_connection(&self, event: &Event) {
        match event {
            Event::Connected { .. } => metrics::GATEWAY_CONNECTED.set(1.0, &[]),
            Event::Disconnected { .. } => metrics::GATEWAY_CONNECTED.set(0.0, &[]),
            _ => {}
        }
    }

    pub(super) fn nudge(&self, nudges: Vec<Nudge>) {
        let mut guilds: BTreeSet<GuildId> = nudges.into_iter().map(|nudge| nudge.guild).collect();
        self.keep_known(&mut guilds);
        if !guilds.is_empty() {
            self.ask(guilds, Trigger::Event);
        }
    }

    /// Leaves out guilds no source speaks of.
    fn keep_known(&self, guilds: &mut BTreeSet<GuildId>) {
        let inner = self.inner();
        guilds.retain(|guild| inner.desired.knows(*guild));
    }

    /// Looks now and then for what people said to other processes: approvals, and guilds to leave alone or not any more. So
    /// it is the first to notice that the database is back.
    async fn listen_to_people(self: Arc<Self>, stop: CancellationToken) {
        let (mut heard, mut is_away) = (Heard::default(), false);
        while !stop.is_cancelled() {
            match self.said(&mut heard).await {
                Ok(guilds) => {
                    if std::mem::take(&mut is_away) {
                        self.go_on_with_database();
                    }
                    self.ask(guilds, Trigger::Person);
                }
                Err(error) => {
                    is_away = true;
                    tracing::debug!(%error, "what people said cannot be read; trying again");
                }
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.engine.clock.sleep(MAILBOX) => {}
            }
        }
    }

    /// The guilds somebody said something about since the last time.
    async fn said(&self, heard: &mut Heard) -> Result<BTreeSet<GuildId>, store::Error> {
        let (store, now) = (self.engine.store(), self.engine.clock.now());
        let suspended: BTreeSet<GuildId> = store.suspensions(now).await?.into_iter().map(|said| said.guild).collect();
        let approved = store.approved_plans(now).await?;
        let mut guilds: BTreeSet<GuildId> = suspended.symmetric_difference(&heard.suspended).copied().collect();
        guilds.extend(approved.difference(&heard.approved).map(|(guild, _)| *guild));
        *heard = Heard { suspended, approved };
        self.keep_known(&mut guilds);
        Ok(guilds)
    }
}

/// Who is told of what people do that is nothing about guilds.
#[derive(Clone, Debug)]
struct People {
    interactions: Option<mpsc::Sender<Value>>,
    messages: Option<mpsc::Sender<Value>>,
}

impl People {
    /// Gives uses of commands and messages to whoever answers them; anything else comes back. Guilds must not wait for it: whoever
    /// asked asks again.
    fn handed_over(&self, event: Event) -> Option<Event> {
        let (told, to) = match event {
            Event::Interaction(told) => (told, &self.interactions),
            Event::Message(told) => (told, &self.messages),
            event => return Some(event),
        };
        if to.as_ref().is_some_and(|to| to.try_send(*told).is_err()) {
            tracing::warn!("too many people ask at once; one of them gets no answer");
        }
        None
    }
}

/// What people said to other processes, as far as it was heard.
#[derive(Debug, Default)]
struct Heard {
    suspended: BTreeSet<GuildId>,
    /// Approved plans that are not applied yet, by their digests. Each is heard once: what is in its way may take days.
    approved: BTreeSet<(GuildId, String)>,
}

/// Runs a task to its end, and begins it anew when it breaks down by a fault of ours: what it does is not missed silently.
async fn kept_up<F: Future<Output = ()>>(what: &str, clock: Clock, task: impl Fn() -> F) {
    while AssertUnwindSafe(task()).catch_unwind().await.is_err() {
        tracing::error!(what, "a part of the controller broke down; it is begun anew");
        clock.sleep(ANEW).await;
    }
}

/// Keeps house now and then.
async fn keep_house(engine: Engine, audit: Option<Duration>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        engine.keep_house(audit).await;
        tokio::select! {
            () = stop.cancelled() => {}
            () = engine.clock.sleep(upkeep::RHYTHM) => {}
        }
    }
}
