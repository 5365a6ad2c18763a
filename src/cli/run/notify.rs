//! Whom `setai run` tells what happens: what the operator's file says, in the controller's terms.

use std::sync::Arc;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::cli::failure::Failure;
use crate::config::{Config, Notification, Recipient};
use crate::controller::{Address, Engine, Handle, Notifier, Subscription};
use crate::telemetry::Outbound;

/// Somebody who tells, until told to end.
pub(super) struct Telling {
    task: JoinHandle<()>,
    stop: CancellationToken,
}

/// Begins to tell what a controller does from now on. To be called before it runs.
pub(super) async fn begin(engine: &Engine, config: Option<&Config>, handle: &Handle) -> Result<Telling, Failure> {
    let subscriptions = config.iter().flat_map(|config| &config.notifications).map(subscription).collect();
    let outbound = Outbound::new()
        .map_err(|_| Failure::new("no server can be told anything: the system's certificates cannot be used"))?;
    let notifier = Notifier::new(engine, subscriptions, outbound, Arc::new(handle.clone()));
    notifier.recall().await;
    let stop = CancellationToken::new();
    Ok(Telling { task: tokio::spawn(notifier.run(handle.news(), stop.clone())), stop })
}

impl Telling {
    /// Tells what still waits, as far as that does not take long. To be called when the controller has ended.
    pub(super) async fn end(self) {
        self.stop.cancel();
        if let Err(error) = self.task.await {
            tracing::error!(%error, "telling people what happened broke down");
        }
    }
}

fn subscription(notification: &Notification) -> Subscription {
    let Notification { to, on, guilds } = notification.clone();
    let to = match to {
        Recipient::Channel { guild, channel } => Address::Channel { guild, channel },
        Recipient::Webhook { url, secret } => {
            Address::Webhook { url: url.get().clone(), secret: secret.map(|secret| secret.get().clone()) }
        }
    };
    Subscription { to, on, guilds }
}
