//! Holds the right to change a guild for as long as work goes on under it.
//!
//! Losing the right is like dying: the work is dropped where it stands, nothing more is sent, and whoever has the right now
//! finds out what was done, as after a crash.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use crate::discord::Permit;
use crate::model::GuildId;
use crate::store::{self, Lease};

use super::engine::{Engine, Error};
use super::wait::Wait;

/// How long a holder that crashed keeps others waiting, at most.
const DURATION: Duration = Duration::from_secs(30);

/// How often it is renewed: often enough that a database may be away for a moment.
const RHYTHM: Duration = Duration::from_secs(5);

/// The pause after a renewal that somebody waits for has failed.
const PAUSE: Duration = Duration::from_secs(1);

/// The right, for the work that goes on under it: asks whether it still stands.
#[derive(Clone, Debug)]
pub(super) struct Right {
    asks: mpsc::UnboundedSender<oneshot::Sender<()>>,
    is_doubtful: Arc<AtomicBool>,
}

impl Right {
    /// From now on nothing is sent before the database has confirmed the right again.
    pub(super) fn doubt(&self) {
        self.is_doubtful.store(true, Ordering::SeqCst);
    }
}

#[async_trait]
impl Permit for Right {
    fn is_sound(&self) -> bool {
        !self.is_doubtful.load(Ordering::SeqCst)
    }

    /// Returns once the database has confirmed the right. It is not asked from here, because whoever sends may not keep
    /// the driver from it. When the right is lost there is no answer, and the work is dropped.
    async fn granted(&self) {
        let (answer, confirmed) = oneshot::channel();
        let is_asked = self.asks.send(answer).is_ok();
        if !is_asked || confirmed.await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Engine {
    /// The right to change a guild, once nobody else has it. Whatever is done with it goes through [`hold`](Self::hold).
    pub(super) async fn take(&self, guild: GuildId, wait: &mut Wait<'_>) -> Result<Lease, Error> {
        loop {
            match self.store.lease(guild, &self.holder, DURATION).await {
                Ok(lease) => return Ok(lease),
                Err(error) => wait.after(error).await?,
            }
        }
    }

    /// A new right for one that may have expired while the database was away, if nobody else had it in between. It has
    /// another number, so that nothing that was on its way under the old one arrives.
    pub(super) async fn take_anew(&self, lease: Lease, wait: &mut Wait<'_>) -> Result<Lease, Error> {
        let (guild, fence) = (lease.guild(), lease.fence());
        while let Err(error) = self.store.renew(&lease).await {
            wait.after(error).await?;
        }
        self.give_back(lease).await;
        let anew = self.take(guild, wait).await?;
        if anew.previous() == fence {
            return Ok(anew);
        }
        self.give_back(anew).await;
        Err(store::Error::LeaseLost { guild, fence }.into())
    }

    /// Does work that needs the right, and renews the right meanwhile. Ends with the work, or when the right is lost or may
    /// have expired before it can be tried again.
    ///
    /// The renewals go by real time even where everything else goes by a virtual clock, because the database's clock
    /// decides.
    pub(super) async fn hold<T, W>(&self, lease: &Lease, work: impl FnOnce(Right) -> W) -> Result<T, Error>
    where
        W: Future<Output = Result<T, Error>>,
    {
        let (asks, mut asked) = mpsc::unbounded_channel();
        let right = Right { asks, is_doubtful: Arc::default() };
        let mut work = pin!(work(right.clone()));
        let mut asking: Vec<oneshot::Sender<()>> = Vec::new();
        let mut confirmed = Instant::now();
        let mut due = confirmed + RHYTHM;
        loop {
            let limit = confirmed + lease.duration() - RHYTHM;
            // Looked at first, and by the clock: a process that was frozen finds out before it does anything else.
            if Instant::now() >= limit {
                return Err(lost(lease));
            }
            tokio::select! {
                biased;
                () = sleep_until(limit) => return Err(lost(lease)),
                result = &mut work => return result,
                Some(ask) = asked.recv(), if asking.is_empty() => asking.push(ask),
                () = sleep_until(due) => {}
            }
            while let Ok(ask) = asked.try_recv() {
                asking.push(ask);
            }
            let now = Instant::now();
            let mut renewal = pin!(self.store.renew(lease));
            let renewed = tokio::select! {
                biased;
                () = sleep_until(limit) => return Err(lost(lease)),
                result = &mut work => {
                    // To leave a database in the middle of something costs it the connection.
                    drop(renewal.await);
                    return result;
                }
                renewed = &mut renewal => renewed,
            };
            match renewed {
                Ok(()) => {
                    (confirmed, due) = (now, now + RHYTHM);
                    right.is_doubtful.store(false, Ordering::SeqCst);
                    asking.drain(..).for_each(|ask| _ = ask.send(()));
                }
                Err(error @ store::Error::LeaseLost { .. }) => return Err(error.into()),
                Err(error) => {
                    tracing::warn!(%error, "the lease could not be renewed; trying again");
                    right.doubt();
                    due = Instant::now() + if asking.is_empty() { RHYTHM } else { PAUSE };
                }
            }
        }
    }

    /// Gives the right back. When that does not work, it expires by itself.
    pub(super) async fn give_back(&self, lease: Lease) {
        let guild = lease.guild();
        if let Err(error) = self.store.release(lease).await {
            tracing::warn!(%guild, %error, "the lease could not be given back; it expires by itself");
        }
    }
}

fn lost(lease: &Lease) -> Error {
    store::Error::LeaseLost { guild: lease.guild(), fence: lease.fence() }.into()
}
