//! Ctrl-C and SIGTERM, which reach the whole process.
//!
//! Decides what they do to a command. Listening takes Ctrl-C away from the system for good, so there is one listener, and it
//! is there for as long as the command.

use std::sync::{Mutex, PoisonError};

use crate::controller::StopSignal;

use super::failure::{Exit, Failure};
use super::screen::Screen;

/// How the work under way is told to stop in order, while there is some. Signals are the process's, and so is this.
static IN_ORDER: Mutex<Option<StopSignal>> = Mutex::new(None);

/// Does a command. Ctrl-C stops work that is done within [`stopping_in_order`] in order, and ends everything else at once.
pub(super) async fn heeding(
    command: impl Future<Output = Result<Exit, Failure>>,
    screen: Screen,
) -> Result<Exit, Failure> {
    let mut interrupts = Heard::interrupts();
    let mut command = std::pin::pin!(command);
    loop {
        tokio::select! {
            biased;
            ended = &mut command => return ended,
            () = interrupts.next() => {}
        }
        if !stop_in_order() {
            return Ok(Exit::Interrupted);
        }
        screen.remark("Stopping after the requests under way. What was done stays, and is recorded.");
    }
}

/// Does work that Ctrl-C stops through a signal. Such work is not done within such work.
pub(super) async fn stopping_in_order<T>(work: impl AsyncFnOnce(&StopSignal) -> T) -> T {
    let stop = StopSignal::default();
    let _until_done = InOrder::begin(stop.clone());
    work(&stop).await
}

/// Resolves when somebody asks the process to stop, from the call on. For commands that run until then, which are not done
/// within [`heeding`].
pub(super) fn asked_to_stop() -> impl Future<Output = ()> {
    let (mut interrupts, mut terminations) = (Heard::interrupts(), Heard::terminations());
    async move {
        tokio::select! {
            () = interrupts.next() => {}
            () = terminations.next() => {}
        }
    }
}

/// A signal, heard from the first moment on; none where the system has no such thing.
struct Heard {
    #[cfg(unix)]
    signal: Option<tokio::signal::unix::Signal>,
    #[cfg(windows)]
    signal: Option<tokio::signal::windows::CtrlC>,
}

impl Heard {
    #[cfg(unix)]
    fn interrupts() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        Self { signal: signal(SignalKind::interrupt()).ok() }
    }

    #[cfg(unix)]
    fn terminations() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        Self { signal: signal(SignalKind::terminate()).ok() }
    }

    #[cfg(windows)]
    fn interrupts() -> Self {
        Self { signal: tokio::signal::windows::ctrl_c().ok() }
    }

    #[cfg(windows)]
    fn terminations() -> Self {
        Self { signal: None }
    }

    /// Resolves when it comes.
    async fn next(&mut self) {
        match &mut self.signal {
            Some(signal) => drop(signal.recv().await),
            None => std::future::pending().await,
        }
    }
}

/// Asks the work under way to stop; false when there is none that could.
fn stop_in_order() -> bool {
    let stop = IN_ORDER.lock().unwrap_or_else(PoisonError::into_inner).clone();
    stop.inspect(StopSignal::raise).is_some()
}

struct InOrder;

impl InOrder {
    fn begin(stop: StopSignal) -> Self {
        *IN_ORDER.lock().unwrap_or_else(PoisonError::into_inner) = Some(stop);
        Self
    }
}

impl Drop for InOrder {
    fn drop(&mut self) {
        *IN_ORDER.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
