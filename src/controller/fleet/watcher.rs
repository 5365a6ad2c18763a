//! Watches one source: looks at it in its time, when it says something, and when somebody else does.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::manifest::Files;
use crate::source::{self, Class, Content, Look, Revision};
use crate::store::Trigger;
use crate::telemetry::metrics;

use super::super::desired::{Obstacle, Reading, Touched};
use super::super::standing::back_off;
use super::super::{measure, trace};
use super::{Assign, Looks, News, Shared, Watched};

/// Watches one source.
#[derive(Clone)]
pub(super) struct Watcher {
    pub(super) shared: Arc<Shared>,
    pub(super) watched: Watched,
    pub(super) assign: Assign,
}

impl Watcher {
    pub(super) async fn watch(self, stop: CancellationToken) {
        let mut known: Option<Revision> = None;
        let mut failures = 0;
        while !stop.is_cancelled() {
            self.count(|looks| looks.begun += 1);
            let span = trace::look(&self.watched.name);
            let looked = tokio::select! {
                () = stop.cancelled() => return,
                looked = self.watched.source.look(known.as_ref()).instrument(span.clone()) => looked,
            };
            trace::seen(&span, &looked);
            // It is over, and what follows is no part of it.
            drop(span);
            self.measure(&looked);
            let pause = match looked {
                Ok(look) => {
                    failures = 0;
                    self.take_in(look, &mut known).await;
                    self.watched.interval
                }
                Err(error) => {
                    failures += 1;
                    self.complain(&error);
                    back_off(failures, 1.0).min(self.watched.interval.max(Duration::from_secs(60)))
                }
            };
            self.count(|looks| looks.ended = looks.begun);
            let poke = self.shared.pokes.get(&self.watched.name);
            let poked = async {
                match poke {
                    Some(poke) => poke.notified().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = poked => {}
                () = self.watched.source.changed() => {}
                () = self.shared.engine.clock.sleep(pause) => {}
            }
        }
    }

    fn measure(&self, looked: &Result<Look, source::Error>) {
        metrics::SOURCE_LOOKS.count(&[&self.watched.name, measure::looked(looked)]);
        metrics::SOURCE_READ.set(f64::from(u8::from(looked.is_ok())), &[&self.watched.name]);
    }

    fn count(&self, change: impl FnOnce(&mut Looks)) {
        if let Some(looks) = self.shared.looks.get(&self.watched.name) {
            looks.send_modify(change);
        }
    }

    async fn take_in(&self, look: Look, known: &mut Option<Revision>) {
        let name = &self.watched.name;
        let new = match look {
            Look::Unchanged => None,
            Look::New(content) => {
                let Content { revision, files } = *content;
                let Some(reading) = self.read(&revision.short(), files).await else { return };
                Some((revision, reading))
            }
        };
        let mut inner = self.shared.inner();
        inner.looked_at.insert(name.clone());
        let is_over = inner.in_trouble.remove(name);
        let back = inner.desired.reachable(name);
        let mut touched = Touched::default();
        let (mut news, mut is_first) = (Vec::new(), true);
        if is_over {
            news.push(News::Trouble { source: name.clone(), problem: None });
        }
        if let Some((revision, reading)) = new {
            inner.outdate(name, &revision.short());
            is_first = known.is_none();
            let Touched { changed, same } = inner.desired.take_in(name, reading);
            touched.changed.extend(changed);
            touched.same.extend(same);
            let problems = inner.desired.problems(name);
            news.push(News::Revision { source: name.clone(), revision: revision.short(), problems });
            *known = Some(revision);
        }
        let newest = inner.desired.revision(name).filter(|_| !is_first).map(str::to_owned);
        // Whoever sees the state sees the news as well.
        news.into_iter().for_each(|news| drop(self.shared.news.send(news)));
        drop(inner);
        newest.iter().for_each(|newest| self.shared.call_replicas(name, Some(newest)));
        self.shared.ask(touched.changed, Trigger::Revision);
        // Nothing else is wanted of them, so nothing that is under way has to end for it.
        self.shared.ask(back, Trigger::Event);
        // To say at which revision they are; nothing else is new.
        self.shared.ask(touched.same, Trigger::Schedule);
    }

    /// Reads a revision, which may take a while, and holds nobody up meanwhile. None when the process is about to end.
    async fn read(&self, revision: &str, files: Files) -> Option<Reading> {
        let known = self.shared.inner().desired.known(&self.watched.name);
        let (assign, revision) = (Arc::clone(&self.assign), revision.to_owned());
        let reading = tokio::task::spawn_blocking(move || known.read(&revision, files, &*assign));
        match reading.await {
            Ok(reading) => Some(reading),
            Err(error) if error.is_panic() => {
                let why = "reading it broke down, which is a fault of this program; the log says more".to_owned();
                self.hold_back("Unreadable", why, false);
                None
            }
            Err(_) => None,
        }
    }

    fn complain(&self, error: &crate::source::Error) {
        tracing::warn!(source = self.watched.name, reason = error.reason(), %error, "a source cannot be read");
        self.hold_back(error.reason(), error.to_string(), error.class() == Class::Waiting);
    }

    /// Says of all guilds of the source why nothing new counts for them.
    fn hold_back(&self, reason: &'static str, why: String, is_passing: bool) {
        let name = &self.watched.name;
        let message = format!("the source `{name}` ({}): {why}", self.watched.source.describe());
        let why = Obstacle { reason, message: message.clone(), attempted: None, is_passing };
        let mut inner = self.shared.inner();
        inner.looked_at.insert(name.clone());
        let touched = inner.desired.failed(name, why);
        let is_new = inner.in_trouble.insert(name.clone());
        drop(inner);
        if is_new {
            drop(self.shared.news.send(News::Trouble { source: name.clone(), problem: Some(message) }));
        }
        self.shared.ask(touched, Trigger::Event);
    }
}
