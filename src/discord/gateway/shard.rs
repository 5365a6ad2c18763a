//! One shard: connects, reads, and connects again.
//!
//! The library speaks the protocol: hello, identify, resume, heartbeat, compression. Each of its shards serves for one
//! connection here, so that it is us who decide when the next one is made and whether the session goes on in it.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::sync::mpsc::Sender;
use tokio_util::sync::CancellationToken;
use twilight_gateway::error::{ReceiveMessageError, ReceiveMessageErrorType};
use twilight_gateway::{CloseFrame, Config, ConfigBuilder, Intents, Message, Session, Shard, ShardId, ShardState};
use uuid::Uuid;

use crate::clock::Clock;
use crate::model::UserId;

use super::event::{Event, Said, read};
use super::is_address;
use super::outbox::Outbox;
use super::pause::Pause;
use super::start::GatewayError;

/// A shard that keeps itself connected.
pub(super) struct Link {
    pub(super) id: ShardId,
    pub(super) config: Config,
    pub(super) events: Sender<Event>,
    pub(super) stop: CancellationToken,
    pub(super) clock: Clock,
    /// How long a connection may be silent: longer than between two heartbeats.
    pub(super) silence: Duration,
    /// What was asked to be told of.
    pub(super) intents: Intents,
}

/// What outlives a connection.
#[derive(Default)]
struct Kept {
    /// The session, and where it can be resumed.
    session: Option<(Session, Option<String>)>,
    me: Option<UserId>,
    outbox: Outbox,
    pause: Pause,
    /// True once a shard said that it was connected, until it says that it is not.
    is_up: bool,
}

/// How a connection ended.
enum End {
    /// Somebody asked to stop, or nobody listens.
    Stopped,
    /// For good.
    Fatal(GatewayError),
    /// It was lost, for this reason.
    Lost {
        why: String,
        /// Whether the session can go on.
        resumable: bool,
        /// Whether Discord said that it cannot.
        was_invalid: bool,
    },
}

impl End {
    fn lost(why: impl Into<String>) -> Self {
        Self::Lost { why: why.into(), resumable: true, was_invalid: false }
    }
}

impl Link {
    /// How long reading stops for whoever listens before events become coarser. Heartbeats are sent between messages.
    const PATIENCE: Duration = Duration::from_secs(5);

    /// Runs until it is stopped, or cannot go on.
    pub(super) async fn run(self) -> Result<(), GatewayError> {
        let mut kept = Kept::default();
        loop {
            let began = self.clock.elapsed();
            let mut shard = Shard::with_config(self.id, self.config_with(kept.session.take()));
            let end = self.connection(&mut shard, &mut kept).await;
            let (why, resumable, was_invalid) = match end {
                End::Stopped => {
                    shard.close(CloseFrame::NORMAL);
                    flush(&mut shard).await;
                    return Ok(());
                }
                End::Fatal(error) => return Err(error),
                End::Lost { why, resumable, was_invalid } => (why, resumable, was_invalid),
            };
            kept.session = shard
                .session()
                .cloned()
                .filter(|_| resumable)
                .map(|session| (session, shard.resume_url().filter(|url| is_address(url)).map(str::to_owned)));
            drop(shard);
            if std::mem::take(&mut kept.is_up) {
                kept.outbox.push(Event::Disconnected { shard: self.id.number(), why: why.clone() });
            }
            let dice = u64::try_from(Uuid::now_v7().as_u128() & u128::from(u32::MAX)).unwrap_or_default();
            let pause = kept.pause.after(self.clock.elapsed().saturating_sub(began), was_invalid, dice);
            tracing::info!(
                shard = self.id.number(),
                why,
                resumable,
                pause = pause.as_secs_f64(),
                "the gateway is connected anew"
            );
            if !self.rest(pause, &mut kept.outbox).await {
                return Ok(());
            }
        }
    }

    fn config_with(&self, session: Option<(Session, Option<String>)>) -> Config {
        let config = ConfigBuilder::from(self.config.clone());
        match session {
            None => config.build(),
            Some((session, None)) => config.session(session).build(),
            Some((session, Some(url))) => config.session(session).resume_url(url).build(),
        }
    }

    /// Waits, and hands over meanwhile what waits. False when it was stopped.
    async fn rest(&self, pause: Duration, outbox: &mut Outbox) -> bool {
        let over = self.clock.sleep(pause);
        tokio::pin!(over);
        loop {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return false,
                delivered = outbox.deliver(&self.events), if !outbox.is_empty() => if delivered.is_err() { return false },
                () = &mut over => return true,
            }
        }
    }

    /// One connection, from its beginning to its end.
    async fn connection(&self, shard: &mut Shard, kept: &mut Kept) -> End {
        let mut was_connected = false;
        loop {
            if kept.outbox.is_full() {
                // What is not read yet waits at Discord's side.
                let delivered = tokio::time::timeout(Self::PATIENCE, kept.outbox.deliver(&self.events)).await;
                if matches!(delivered, Ok(Err(_))) {
                    return End::Stopped;
                }
            }
            let message = tokio::select! {
                biased;
                () = self.stop.cancelled() => return End::Stopped,
                delivered = kept.outbox.deliver(&self.events), if !kept.outbox.is_empty() => match delivered {
                    Ok(()) => continue,
                    Err(_) => return End::Stopped,
                },
                message = tokio::time::timeout(self.silence, next(shard, &mut was_connected)) => message,
            };
            let end = match message {
                Err(_) => Some(End::lost("it was silent for too long")),
                Ok(None) => Some(End::lost("it broke")),
                Ok(Some(Err(error))) => match error.kind() {
                    ReceiveMessageErrorType::Reconnect => Some(End::lost("no connection could be made")),
                    ReceiveMessageErrorType::Compression => Some(End::lost("what came could not be unpacked")),
                    // A message without the form of one; the library goes on.
                    _ => None,
                },
                Ok(Some(Ok(Message::Close(frame)))) => Some(self.closed(frame.map(|frame| frame.code))),
                Ok(Some(Ok(Message::Text(text)))) => {
                    let end = self.message(&text, kept);
                    if end.is_some() {
                        // The library has taken leave of Discord, and that has to go out.
                        if let Some(text) = flush(shard).await {
                            self.message(&text, kept);
                        }
                    }
                    end
                }
            };
            if let Some(end) = end {
                return end;
            }
        }
    }

    /// What follows from a close code (Discord's documentation, "Gateway Close Event Codes").
    fn closed(&self, code: Option<u16>) -> End {
        let Some(code) = code else { return End::lost("it was closed without a code") };
        if let Some(error) = GatewayError::of_code(code, (self.id.number(), self.id.total()), self.intents.bits()) {
            return End::Fatal(error);
        }
        // Closed for good, with a sequence number that is wrong, or after too long a time: what follows is a new session.
        let resumable = !matches!(code, 1000 | 1001 | 4007 | 4009);
        End::Lost { why: format!("it was closed with code {code}"), resumable, was_invalid: false }
    }

    fn message(&self, text: &str, kept: &mut Kept) -> Option<End> {
        let shard = self.id.number();
        let said = read(text, kept.me, self.clock.now()).unwrap_or_else(|problem| {
            tracing::warn!(shard, problem, "a message of the gateway cannot be understood");
            Said::Nothing
        });
        match said {
            Said::Ready { me, guilds } => {
                (kept.me, kept.is_up) = (Some(me), true);
                kept.outbox.push(Event::Connected { shard, resumed: false });
                kept.outbox.push(Event::Listed { shard, of: self.id.total(), guilds });
            }
            Said::Resumed => {
                kept.is_up = true;
                kept.outbox.push(Event::Connected { shard, resumed: true });
            }
            Said::Event(event) => kept.outbox.push(event),
            Said::Nothing => {}
            Said::Reconnect => return Some(End::lost("Discord asked for a new connection")),
            Said::InvalidSession { resumable } => {
                return Some(End::Lost { why: "the session is invalid".to_owned(), resumable, was_invalid: true });
            }
        }
        None
    }
}

/// The next message; none when the connection is lost. The library makes another one without a word when it breaks, so it is
/// asked each time whether it still has it.
async fn next(shard: &mut Shard, was_connected: &mut bool) -> Option<Result<Message, ReceiveMessageError>> {
    poll_fn(|context| {
        let polled = shard.poll_next_unpin(context);
        let is_connected = !matches!(shard.state(), ShardState::Disconnected { .. });
        let is_lost = polled.is_pending() && *was_connected && !is_connected;
        *was_connected |= is_connected;
        if is_lost { Poll::Ready(None) } else { polled }
    })
    .await
}

/// Lets the library send what it has to send, and waits for nothing. What comes at that moment counts as heard when the session
/// goes on, so nobody will tell it again.
async fn flush(shard: &mut Shard) -> Option<String> {
    let mut next = shard.next();
    match futures_util::poll!(&mut next) {
        Poll::Ready(Some(Ok(Message::Text(text)))) => Some(text),
        Poll::Ready(_) | Poll::Pending => None,
    }
}
