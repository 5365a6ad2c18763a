//! Watches one source: looks at it in its time, when it says something, and when somebody else does.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::manifest::Files;
use crate::source::{self, Class, Content, Look, Revision};
use crate::store::Trigger;
use crate::telemetry::metrics;

use super::super::desired::{Obstacle, Reading, Touched};
use super::super::standing::back_off;
use super::{Assign, Looks, News, Shared, Watched};

/// Watches one source.
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
            let looked = tokio::select! {
                () = stop.cancelled() => return,
                looked = self.watched.source.look(known.as_ref()) => looked,
            };
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
        let result = match looked {
            Ok(Look::New(_)) => "new",
            Ok(Look::Unchanged) => "unchanged",
            Err(error) => error.reason(),
        };
        metrics::SOURCE_LOOKS.count(&[&self.watched.name, result]);
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
        let mut touched = Touched { changed: inner.desired.reachable(name), same: BTreeSet::new() };
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
        // To say at which revision they are; nothing else is new.
        self.shared.ask(touched.same, Trigger::Schedule);
    }

    /// Reads a revision, which may take a while, and holds nobody up meanwhile. None when the process is about to end.
    async fn read(&self, revision: &str, files: Files) -> Option<Reading> {
        let known = self.shared.inner().desired.known(&self.watched.name);
        let (assign, revision) = (Arc::clone(&self.assign), revision.to_owned());
        let reading = tokio::task::spawn_blocking(move || known.read(&revision, files, &*assign));
        reading.await.inspect_err(|error| tracing::error!(%error, "a revision could not be read to its end")).ok()
    }

    fn complain(&self, error: &crate::source::Error) {
        let name = &self.watched.name;
        let is_passing = error.class() == Class::Waiting;
        let message = format!("the source `{name}` ({}): {error}", self.watched.source.describe());
        tracing::warn!(source = name, reason = error.reason(), %error, "a source cannot be read");
        let why = Obstacle { reason: error.reason(), message: message.clone(), attempted: None, is_passing };
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
