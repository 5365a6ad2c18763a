//! What time it is: the one place that asks.
//!
//! Adapters take a [`Clock`] instead of asking the system, so that tests and the simulated Discord can share a clock in
//! which sleeping costs nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Notify;

/// A clock. Clones tell the same time.
#[derive(Clone, Debug)]
pub struct Clock(Kind);

#[derive(Clone, Debug)]
enum Kind {
    System { started: Instant },
    Virtual { epoch: DateTime<Utc>, elapsed_nanos: Arc<AtomicU64>, moved: Arc<Notify> },
}

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self(Kind::System { started: Instant::now() })
    }

    /// A clock that starts at `epoch` and only moves when somebody sleeps or [advances](Self::advance) it.
    pub fn virtual_at(epoch: DateTime<Utc>) -> Self {
        Self(Kind::Virtual { epoch, elapsed_nanos: Arc::default(), moved: Arc::default() })
    }

    /// Time since the clock was made; never goes back.
    pub fn elapsed(&self) -> Duration {
        match &self.0 {
            Kind::System { started } => started.elapsed(),
            Kind::Virtual { elapsed_nanos, .. } => Duration::from_nanos(elapsed_nanos.load(Ordering::SeqCst)),
        }
    }

    /// Date and time.
    pub fn now(&self) -> DateTime<Utc> {
        match &self.0 {
            Kind::System { .. } => Utc::now(),
            Kind::Virtual { epoch, .. } => *epoch + TimeDelta::from_std(self.elapsed()).unwrap_or(TimeDelta::MAX),
        }
    }

    /// Waits. A virtual clock jumps ahead instead and lets other tasks run.
    pub async fn sleep(&self, duration: Duration) {
        match &self.0 {
            Kind::System { .. } => tokio::time::sleep(duration).await,
            Kind::Virtual { .. } => {
                self.advance(duration);
                tokio::task::yield_now().await;
            }
        }
    }

    /// Waits for a moment. A virtual clock is not moved thereby: others have to, by sleeping or advancing.
    pub async fn reach(&self, moment: DateTime<Utc>) {
        match &self.0 {
            Kind::System { .. } => {
                // The system's time may be set back meanwhile.
                while let Ok(left) = (moment - self.now()).to_std() {
                    tokio::time::sleep(left.max(Duration::from_millis(1))).await;
                }
            }
            Kind::Virtual { moved, .. } => loop {
                let news = moved.notified();
                if self.now() >= moment {
                    return;
                }
                news.await;
            },
        }
    }

    /// Moves a virtual clock ahead; the system's clock moves by itself.
    pub fn advance(&self, duration: Duration) {
        if let Kind::Virtual { elapsed_nanos, moved, .. } = &self.0 {
            let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
            elapsed_nanos.fetch_add(nanos, Ordering::SeqCst);
            moved.notify_waiters();
        }
    }
}
