//! The bot: slash commands, buttons and forms in Discord.
//!
//! Decides who may ask for what, and what is shown. Everything it does goes through the controller's
//! [`Console`](crate::controller::Console), and everything it changes needs a word that names exactly one plan. It answers by
//! the gateway or by HTTP alike: [`Bot::hear`] gives the first answer and what comes after it.
//!
//! | part | decides |
//! |---|---|
//! | `wire` | what of a message of Discord's is read |
//! | `ask` | what is asked |
//! | `permit` | who may |
//! | `choices` | what is offered while they type |
//! | `serve` | what comes of it, and that it is recorded |
//! | `propose` | what becomes of plain words |
//! | `prefer` | what becomes of what somebody prefers |
//! | `tell`, `words` | what is shown, in which language |
//! | `reply` | how long anything gets |
//! | `register` | which commands there are |
//! | `typed` | what is answered to commands that are typed as messages |

mod ask;
mod choices;
mod permit;
mod prefer;
mod propose;
mod register;
mod reply;
mod serve;
mod tell;
mod typed;
mod wire;
mod words;

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::Approver;
use crate::controller::Console;
use crate::discord;
use crate::model::{ApplicationId, InteractionId};
use typed::Prefixes;
use wire::Heard;

/// How long answers under way may take when the process is asked to stop.
const GRACE: Duration = Duration::from_secs(30);

/// How many people are served at once. Who comes when all are busy is answered when somebody is done.
const MOST_AT_ONCE: usize = 64;

/// The bot of one application. Clones are the same bot.
#[derive(Clone)]
pub struct Bot(Arc<Parts>);

struct Parts {
    console: Console,
    approvers: Vec<Approver>,
    /// Below this confidence somebody is asked whether it is meant.
    sure: f64,
    clock: Clock,
    heard: Mutex<Lately>,
    prefixes: Mutex<Prefixes>,
}

/// What was heard lately: the same interaction must not be carried out twice, whoever brings it again.
#[derive(Debug, Default)]
struct Lately(VecDeque<InteractionId>);

impl Lately {
    /// More than can come in the three seconds in which Discord takes an answer.
    const MOST: usize = 4096;

    /// True for one that was not heard before.
    fn is_new(&mut self, id: InteractionId) -> bool {
        let is_new = !self.0.contains(&id);
        if is_new {
            self.0.push_back(id);
            self.0.drain(..self.0.len().saturating_sub(Self::MOST));
        }
        is_new
    }
}

impl fmt::Debug for Bot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bot").field("approvers", &self.0.approvers).finish_non_exhaustive()
    }
}

/// An answer: what is said at once, and what follows.
pub struct Turn {
    /// The body of Discord's Interaction Response.
    pub first: Value,
    /// What comes after it was taken.
    pub then: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl fmt::Debug for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turn").field("first", &self.first).field("is_all", &self.then.is_none()).finish()
    }
}

impl Bot {
    /// A bot that speaks for a controller. `approvers` may change guilds through it besides administrators.
    /// Interpretations that are less sure than `sure`, between 0 and 1, are asked about.
    pub fn new(console: Console, approvers: Vec<Approver>, sure: f64, clock: Clock) -> Self {
        let (heard, prefixes) = (Mutex::default(), Mutex::default());
        Self(Arc::new(Parts { console, approvers, sure, clock, heard, prefixes }))
    }

    /// Sees to it that Discord knows the command of this version. Nothing is sent when it does, and other commands of the
    /// same application stay as they are.
    ///
    /// # Errors
    /// When Discord cannot be asked, or does not take the command.
    pub async fn register(&self) -> Result<(), discord::Error> {
        let client = self.0.console.engine().client();
        let id = client.application().await?.id;
        let malformed = |_| discord::Error::Malformed {
            request: "GET /applications/@me".to_owned(),
            problem: format!("`{id}` is no id"),
        };
        let application: ApplicationId = id.parse().map_err(malformed)?;
        let wanted = register::command();
        if register::is_there(&wanted, &client.commands(application).await?) {
            return Ok(());
        }
        client.set_command(application, &wanted).await
    }

    /// Answers everything that is told until it is stopped or nothing more can come.
    pub async fn listen(self, mut told: mpsc::Receiver<Value>, stop: CancellationToken) {
        let mut served = JoinSet::new();
        loop {
            while served.len() >= MOST_AT_ONCE {
                served.join_next().await;
            }
            let told = tokio::select! {
                () = stop.cancelled() => break,
                Some(_) = served.join_next() => continue,
                told = told.recv() => told,
            };
            let Some(told) = told else { break };
            let bot = self.clone();
            served.spawn(async move { bot.answer(&told).await });
        }
        // Whoever waits for an answer gets it, unless that takes too long: what is left of a run is looked up at the next start.
        if timeout(GRACE, async { while served.join_next().await.is_some() {} }).await.is_err() {
            served.shutdown().await;
        }
    }

    /// The key Discord signs interactions with that it brings by HTTP, in hexadecimal digits.
    ///
    /// # Errors
    /// When Discord cannot be asked.
    pub async fn key(&self) -> Result<String, discord::Error> {
        Ok(self.0.console.engine().client().application().await?.verify_key)
    }

    /// Takes what Discord told of one use of a command, a button or a form. None for what nobody could answer, and for what was
    /// heard before.
    pub async fn hear(&self, told: &Value) -> Option<Turn> {
        self.turn(Heard::read(told)?).await
    }

    async fn answer(&self, told: &Value) {
        let Some(heard) = Heard::read(told) else { return };
        let to = heard.reference();
        let Some(Turn { first, then }) = self.turn(heard).await else { return };
        let client = self.0.console.engine().client();
        if let Err(error) = client.respond(&to, &first).await {
            tracing::warn!(%error, "somebody could not be answered in time");
            return;
        }
        if let Some(then) = then {
            then.await;
        }
    }
}
