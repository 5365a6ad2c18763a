//! Tells people and servers what happens: hears the controller's news, and sends what is due.
//!
//! What is news, in which words, how often and when it is tried again is decided in [`super::notify`]. Here is only what has to
//! wait for somebody: the way to Discord and to servers, and the settings that name a guild's log channel. Each recipient has a
//! task of its own, so none holds up another, and none of them the controller.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::future::join_all;
use secrecy::SecretString;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Notify, broadcast};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::discord::{self, Client, Disposition};
use crate::model::{ChannelId, GuildId, Occasion};
use crate::store::{self, Store};
use crate::telemetry::metrics;
use crate::telemetry::{Outbound, OutboundError};

use super::engine::Engine;
use super::fleet::{GuildView, Handle, News};
use super::notify::{Dependency, Desk, Event, Herald, Message, Outbox, Outcome, Settled, Sight};
use super::servers::Servers;
use super::standing::Standing;

/// Longest time one try to write into a channel may take, with what Discord's limits make it wait.
const CHANNEL_PATIENCE: Duration = Duration::from_secs(180);

/// Longest time the database is asked for a guild's log channel.
const SETTINGS_PATIENCE: Duration = Duration::from_secs(2);

/// Longest time the database is asked how guilds stood before.
const RECALL_PATIENCE: Duration = Duration::from_secs(5);

/// Longest time for what is still to be sent when the process ends.
const FAREWELL: Duration = Duration::from_secs(10);

/// The source the controller's news name for Discord's gateway.
const GATEWAY: &str = "discord";

/// Somebody who is told of something.
#[derive(Clone, Debug)]
pub struct Subscription {
    /// Who.
    pub to: Address,
    /// Of what.
    pub on: Vec<Occasion>,
    /// Of which guilds; none means all.
    pub guilds: Vec<GuildId>,
}

/// Where messages go.
#[derive(Clone)]
pub enum Address {
    /// Into a channel, for those who read it.
    Channel {
        /// The guild it is in.
        guild: GuildId,
        /// The channel.
        channel: ChannelId,
    },
    /// To a server.
    Webhook {
        /// Its address, which may be the very secret.
        url: SecretString,
        /// What messages are signed by.
        secret: Option<SecretString>,
    },
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Channel { guild, channel } => write!(f, "Channel({guild}/{channel})"),
            Self::Webhook { url: _, secret: _ } => f.write_str("Webhook"),
        }
    }
}

/// What is asked where the news do not say enough.
pub trait Informant: Send + Sync {
    /// What is wrong with a source now.
    fn problems(&self, source: &str) -> Vec<String>;

    /// How every guild stands.
    fn guilds(&self) -> Vec<GuildView>;
}

impl Informant for Handle {
    fn problems(&self, source: &str) -> Vec<String> {
        Self::problems(self, source)
    }

    fn guilds(&self) -> Vec<GuildView> {
        Self::guilds(self)
    }
}

/// Tells whoever wants to hear it.
pub struct Notifier {
    client: Arc<Client>,
    store: Arc<dyn Store>,
    servers: Servers,
    clock: Clock,
    outbound: Outbound,
    informant: Arc<dyn Informant>,
    herald: Mutex<Herald>,
    asked_for: Vec<Arc<Mailbox>>,
    /// Guilds whose settings were read, with the log channel they name.
    own: Mutex<BTreeMap<GuildId, Option<Arc<Mailbox>>>>,
}

impl fmt::Debug for Notifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notifier").field("asked_for", &self.asked_for.len()).finish_non_exhaustive()
    }
}

/// A recipient with what waits for it.
struct Mailbox {
    to: Address,
    /// The word for its kind in metrics.
    kind: &'static str,
    /// What it is called in logs, and what messages to it are told apart by. Holds no secret.
    label: String,
    outbox: Mutex<Outbox>,
    /// Something may be due sooner than was known.
    stirred: Notify,
    /// A task looks after it.
    is_served: AtomicBool,
    /// Nobody wants to be told there any more.
    retired: CancellationToken,
}

impl Mailbox {
    fn new(to: Address, kind: &'static str, label: String, desk: Desk) -> Arc<Self> {
        let (outbox, stirred, retired) = (Mutex::new(Outbox::new(desk)), Notify::new(), CancellationToken::new());
        Arc::new(Self { to, kind, label, outbox, stirred, is_served: AtomicBool::default(), retired })
    }

    fn outbox(&self) -> MutexGuard<'_, Outbox> {
        // Each change of it is whole.
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn channel(&self) -> Option<ChannelId> {
        match &self.to {
            Address::Channel { guild: _, channel } => Some(*channel),
            Address::Webhook { .. } => None,
        }
    }
}

impl Notifier {
    /// Tells these, and each guild's own log channel where its settings name one.
    pub fn new(
        engine: &Engine,
        subscriptions: Vec<Subscription>,
        outbound: Outbound,
        informant: Arc<dyn Informant>,
    ) -> Self {
        let mailbox = |(index, subscription): (usize, Subscription)| {
            let Subscription { to, on, guilds } = subscription;
            let (kind, what) = match &to {
                Address::Channel { guild, channel } => {
                    ("discord_channel", format!("channel {channel} of guild {guild}"))
                }
                Address::Webhook { .. } => ("webhook", "a webhook".to_owned()),
            };
            // Two entries may name the same place.
            let label = format!("entry {} of `notifications`, {what}", index + 1);
            Mailbox::new(to, kind, label, Desk::new(on, guilds))
        };
        Self {
            client: Arc::clone(&engine.client),
            store: Arc::clone(&engine.store),
            servers: engine.servers(),
            clock: engine.clock.clone(),
            outbound,
            informant,
            herald: Mutex::default(),
            asked_for: subscriptions.into_iter().enumerate().map(mailbox).collect(),
            own: Mutex::default(),
        }
    }

    /// Tells what there is to tell until asked to stop, which should be after the controller ended. What still waits then is
    /// tried once more.
    pub async fn run(self, mut news: broadcast::Receiver<News>, stop: CancellationToken) {
        let (this, farewell) = (Arc::new(self), CancellationToken::new());
        let mut tasks = JoinSet::new();
        loop {
            this.serve_everybody(&mut tasks, &farewell);
            let heard = tokio::select! {
                () = stop.cancelled() => break,
                heard = news.recv() => heard,
            };
            match heard {
                Ok(heard) => this.hear(&heard).await,
                Err(RecvError::Lagged(missed)) => this.catch_up(missed).await,
                Err(RecvError::Closed) => break,
            }
        }
        let all = async {
            while let Ok(heard) = news.try_recv() {
                this.hear(&heard).await;
            }
            this.serve_everybody(&mut tasks, &farewell);
            farewell.cancel();
            while tasks.join_next().await.is_some() {}
        };
        if timeout(FAREWELL, all).await.is_err() {
            tracing::warn!("not everybody could be told in time what happened last");
            tasks.shutdown().await;
        }
    }

    /// Gives a task to each recipient that has none.
    fn serve_everybody(self: &Arc<Self>, tasks: &mut JoinSet<()>, farewell: &CancellationToken) {
        for mailbox in self.mailboxes(None) {
            if !mailbox.is_served.swap(true, Ordering::Relaxed) {
                tasks.spawn(Arc::clone(self).serve(mailbox, farewell.clone()));
            }
        }
        // Of those that ended, nobody wants to know how.
        while tasks.try_join_next().is_some() {}
    }

    /// Takes in how guilds stood when the last process ended: of what was wrong then, people were told. To be asked before the
    /// controller runs, which writes down anew how they stand.
    pub async fn recall(&self) {
        match timeout(RECALL_PATIENCE, self.try_to_recall()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "what people were told before cannot be read"),
            Err(_) => tracing::warn!("what people were told before was not read in time"),
        }
    }

    async fn try_to_recall(&self) -> Result<(), store::Error> {
        for status in self.store.statuses().await? {
            let (guild, name) = (status.guild, status.guild.to_string());
            let standing = Standing::remembered(status);
            let sight = Sight { guild, name: &name, standing: &standing, plan: None, report: None, problems: &[] };
            let events = self.herald().visited(&sight);
            if !events.is_empty() {
                self.see_to_log_channel(guild).await;
            }
            for event in &events {
                self.mailboxes(event.guild).iter().for_each(|mailbox| mailbox.outbox().recall(event));
            }
        }
        Ok(())
    }

    /// Takes in a piece of news.
    pub async fn hear(&self, news: &News) {
        match news {
            News::Guild { view, visited } => {
                let (plan, report) = (visited.plan.as_deref(), visited.report.as_deref());
                let events = self.seen(
                    view,
                    &Sight {
                        guild: view.guild,
                        name: &view.name,
                        standing: &visited.standing,
                        plan,
                        report,
                        problems: &[],
                    },
                );
                self.tell_of(view.guild, events).await;
            }
            News::Revision { source, revision: _, problems: _ } => self.look_at_source(source),
            News::Trouble { source, problem } => match problem {
                Some(problem) if source == GATEWAY && self.informant.problems(source).is_empty() => {
                    let event = self.herald().deaf(problem);
                    self.spread(&[event]);
                }
                _ => self.look_at_source(source),
            },
        }
    }

    /// Looks how everything stands, because some news were missed.
    async fn catch_up(&self, missed: u64) {
        tracing::warn!(missed, "some news were missed; looking how everything stands");
        for view in self.informant.guilds() {
            let Some(standing) = &view.standing else { continue };
            let (guild, name) = (view.guild, view.name.as_str());
            let sight = Sight { guild, name, standing, plan: None, report: None, problems: &[] };
            let events = self.seen(&view, &sight);
            self.tell_of(guild, events).await;
        }
        let sources: BTreeSet<String> = self.informant.guilds().into_iter().filter_map(|view| view.source).collect();
        sources.iter().for_each(|source| self.look_at_source(source));
    }

    fn seen(&self, view: &GuildView, sight: &Sight<'_>) -> Vec<Event> {
        let problems = view.source.as_deref().map(|source| self.informant.problems(source)).unwrap_or_default();
        self.herald().visited(&Sight { problems: &problems, ..*sight })
    }

    async fn tell_of(&self, guild: GuildId, events: Vec<Event>) {
        let is_known = self.own().contains_key(&guild);
        let is_away =
            |event: &Event| (event.occasion, &*event.reason) == (Occasion::Outage, Dependency::Database.word());
        let may_be_read = !events.iter().any(is_away);
        if may_be_read && (!is_known || events.iter().any(|event| event.guild.is_some())) {
            self.see_to_log_channel(guild).await;
        }
        self.spread(&events);
    }

    fn look_at_source(&self, source: &str) {
        let problems = self.informant.problems(source);
        let event = self.herald().looked_at_source(source, &problems);
        self.spread(event.as_slice());
    }

    /// Puts events where they are wanted.
    fn spread(&self, events: &[Event]) {
        let now = self.clock.now();
        for event in events {
            let mailboxes = self.mailboxes(event.guild);
            let is_discord_back = event.occasion == Occasion::Recovered && event.reason == Dependency::Discord.word();
            for mailbox in mailboxes {
                mailbox.outbox().hear(event.clone(), now);
                if is_discord_back && mailbox.channel().is_some() {
                    mailbox.outbox().hasten(now);
                }
                mailbox.stirred.notify_one();
            }
        }
    }

    /// Those who may want to hear of a guild; without one, everybody.
    fn mailboxes(&self, about: Option<GuildId>) -> Vec<Arc<Mailbox>> {
        let own = self.own();
        let own: Vec<Arc<Mailbox>> = match about {
            Some(guild) => own.get(&guild).cloned().flatten().into_iter().collect(),
            None => own.values().flatten().cloned().collect(),
        };
        self.asked_for.iter().cloned().chain(own).collect()
    }

    /// Looks which log channel a guild's settings name. While they cannot be read, it stays what it was.
    async fn see_to_log_channel(&self, guild: GuildId) {
        let configuration = match timeout(SETTINGS_PATIENCE, self.servers.get(guild)).await {
            Ok(Ok(configuration)) => configuration,
            Ok(Err(error)) => return tracing::debug!(%guild, %error, "the log channel of the guild cannot be read"),
            Err(_) => return tracing::debug!(%guild, "the log channel of the guild was not read in time"),
        };
        let named = configuration.and_then(|configuration| configuration.settings.moderation.log_channel_id);
        // Whom the operator tells already is not told twice.
        let named = named.filter(|channel| self.asked_for.iter().all(|mailbox| mailbox.channel() != Some(*channel)));
        let mut own = self.own();
        let before = own.get(&guild).cloned().flatten();
        if before.as_ref().and_then(|mailbox| mailbox.channel()) == named {
            own.entry(guild).or_default();
            return;
        }
        if let Some(before) = before {
            before.retired.cancel();
        }
        own.insert(guild, named.map(|channel| log_channel(guild, channel)));
    }

    /// Sends what one recipient is to be told, each time when it is time.
    async fn serve(self: Arc<Self>, mailbox: Arc<Mailbox>, farewell: CancellationToken) {
        while !farewell.is_cancelled() {
            self.send_to(&mailbox).await;
            let next = mailbox.outbox().next_due();
            let time = async {
                match next {
                    Some(next) => self.clock.reach(next).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = farewell.cancelled() => {}
                () = mailbox.retired.cancelled() => return,
                () = mailbox.stirred.notified() => {}
                () = time => {}
            }
        }
        self.send_last_to(&mailbox).await;
    }

    /// Sends to everybody what is due now. For whoever does not let it [run](Self::run).
    pub async fn send_due(&self) {
        let mailboxes = self.mailboxes(None);
        join_all(mailboxes.iter().map(|mailbox| self.send_to(mailbox))).await;
    }

    async fn send_to(&self, mailbox: &Mailbox) {
        loop {
            let Some(message) = mailbox.outbox().due(self.clock.now()) else { return };
            self.send(mailbox, &message).await;
        }
    }

    async fn send_last_to(&self, mailbox: &Mailbox) {
        // What was under way, and what gathered behind it.
        for _ in 0..2 {
            let Some(message) = mailbox.outbox().last(self.clock.now()) else { return };
            if self.send(mailbox, &message).await != Settled::Delivered {
                return;
            }
        }
    }

    /// One try, with all that has to be noted of it.
    async fn send(&self, mailbox: &Mailbox, message: &Message) -> Settled {
        let (outcome, why) = self.deliver(mailbox, message).await;
        let settled = mailbox.outbox().settle(outcome, self.clock.now());
        let (to, notices) = (&mailbox.label, message.notices.len());
        let result = match settled {
            Settled::Delivered => {
                tracing::debug!(to, notices, "told");
                "delivered"
            }
            Settled::Again(at) => {
                tracing::warn!(to, notices, why, %at, "nobody could be told; it is tried again");
                "retried"
            }
            Settled::Lost => {
                tracing::error!(to, notices, why, "nobody was told, and it is given up");
                "lost"
            }
        };
        metrics::NOTIFICATIONS.count(&[mailbox.kind, result]);
        settled
    }

    async fn deliver(&self, mailbox: &Mailbox, message: &Message) -> (Outcome, String) {
        let id = message.id(&mailbox.label);
        match &mailbox.to {
            Address::Channel { guild, channel } => {
                let body = message.for_discord(&id);
                match timeout(CHANNEL_PATIENCE, self.client.say(*guild, *channel, &body)).await {
                    Ok(said) => of_discord(said),
                    Err(_) => (Outcome::Away(TimeDelta::zero()), "it took too long".to_owned()),
                }
            }
            Address::Webhook { url, secret } => {
                of_server(self.outbound.post(url, message.for_server(&id), secret.as_ref()).await)
            }
        }
    }

    fn herald(&self) -> MutexGuard<'_, Herald> {
        // Each change of it is whole.
        self.herald.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn own(&self) -> MutexGuard<'_, BTreeMap<GuildId, Option<Arc<Mailbox>>>> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The log channel of a guild hears of that guild, and of what everything depends on. What is wrong with sources is the
/// operator's, and may be about other guilds.
fn log_channel(guild: GuildId, channel: ChannelId) -> Arc<Mailbox> {
    let on = Occasion::ALL.into_iter().filter(|occasion| *occasion != Occasion::SourceFailed).collect();
    let label = format!("log channel {channel} of guild {guild}");
    Mailbox::new(Address::Channel { guild, channel }, "log_channel", label, Desk::new(on, vec![guild]))
}

/// What became of a message in Discord. One of which nobody knows is written again: by its id Discord knows it.
fn of_discord(said: Result<(), discord::Error>) -> (Outcome, String) {
    let Err(error) = said else { return (Outcome::Delivered, String::new()) };
    let outcome = match error.disposition() {
        Disposition::RetryAfter(_) | Disposition::Unknown => Outcome::Away(TimeDelta::zero()),
        Disposition::Parked(wait) => Outcome::Away(TimeDelta::from_std(wait).unwrap_or(Outbox::PATIENCE)),
        Disposition::Refused | Disposition::Gone | Disposition::Stale | Disposition::Fatal => Outcome::Refused,
    };
    (outcome, error.to_string())
}

/// What became of a message to a server.
fn of_server(sent: Result<(), OutboundError>) -> (Outcome, String) {
    let Err(error) = sent else { return (Outcome::Delivered, String::new()) };
    let (outcome, hint) = match error {
        OutboundError::NoAnswer(_) => (Outcome::Failed, ""),
        OutboundError::Unsendable => (Outcome::Refused, ""),
        OutboundError::Refused(status) => match status {
            408 | 425 | 429 | 500.. => (Outcome::Failed, ""),
            300..400 => {
                (Outcome::Refused, "; it sends messages elsewhere, which is not followed: name the new address")
            }
            _ => (Outcome::Refused, "; look whether its address and secret are still right"),
        },
    };
    (outcome, format!("{error}{hint}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_answers_says_whether_it_is_asked_again() {
        let of = |status| of_server(Err(OutboundError::Refused(status))).0;
        assert_eq!([429, 500, 503].map(of), [Outcome::Failed; 3]);
        assert_eq!([301, 307, 400, 401, 403, 404, 410].map(of), [Outcome::Refused; 7]);
        assert_eq!(of_server(Err(OutboundError::NoAnswer("no connection".to_owned()))).0, Outcome::Failed);
        assert_eq!(of_server(Err(OutboundError::Unsendable)).0, Outcome::Refused);
        assert_eq!(of_server(Ok(())).0, Outcome::Delivered);
    }

    #[test]
    fn an_address_is_not_shown() {
        let webhook = Address::Webhook { url: SecretString::from("https://host/hunter2"), secret: None };
        assert_eq!(format!("{webhook:?}"), "Webhook");
    }
}
