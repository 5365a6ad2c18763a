//! Requests in plain language, with what was found out before and as often as may be asked.
//!
//! Decides whether an interpreter is asked at all. A cache that is away, slow or holds rubbish costs time and changes nothing:
//! what is kept is held against the manifest like a fresh answer, and without a cache this process counts for itself.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::NaiveDate;

use crate::ai::models::{Amount, Book, Ledger};
use crate::ai::rules;
use crate::ai::{Earlier, Error, Interpretation, Interpreter, Request, Rules, allowed, remembered_as};
use crate::cache::Cache;
use crate::clock::Clock;
use crate::model::{GuildId, ServerRateLimits, UserId};

use super::tally::{Tally, tried};

/// How long an answer is kept (the data model's).
const ANSWER: Duration = Duration::from_secs(24 * 60 * 60);

/// How long it is known what somebody asked for before (the data model's).
const CONTEXT: Duration = Duration::from_secs(60 * 60);

/// How long what was spent on a day is known: longer than the day, wherever it began.
const COST: Duration = Duration::from_secs(48 * 60 * 60);

const HOUR: Duration = Duration::from_secs(60 * 60);

/// Who asks, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asker {
    /// Who.
    pub user: UserId,
    /// In which guild.
    pub guild: GuildId,
    /// Whether a language model may read what they ask for.
    pub lets_model_read: bool,
}

/// Why a request was not interpreted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// Somebody asks too often.
    #[error("that is more than {most} requests in a minute; try again in {} s", wait.as_secs().max(1))]
    TooOften {
        /// How often one person may.
        most: u32,
        /// How long until the next one.
        wait: Duration,
    },
    /// The guild has asked the language model often enough.
    #[error("this server has asked the language model {most} times within the hour; try again in {} min", minutes(*wait))]
    HourFull {
        /// How often all together may.
        most: u32,
        /// How long until the next one.
        wait: Duration,
    },
    /// The interpreter could not be asked.
    #[error(transparent)]
    Interpreter(#[from] Error),
}

impl Unanswered {
    /// What to do next.
    pub fn remedy(&self) -> String {
        match self {
            Self::TooOften { .. } => {
                "`rate_limits.commands_per_user_per_minute` says how often; `setai server set` changes it.".to_owned()
            }
            Self::HourFull { .. } => {
                "`rate_limits.ai_requests_per_hour` says how often; `setai server set` changes it.".to_owned()
            }
            Self::Interpreter(error) => error.remedy(),
        }
    }
}

fn minutes(wait: Duration) -> u64 {
    wait.as_secs().div_ceil(60).max(1)
}

/// An interpreter, and what is remembered of its answers.
#[derive(Clone)]
pub struct Interpreting {
    interpreter: Arc<dyn Interpreter>,
    cache: Cache,
    tally: Tally,
    clock: Clock,
}

impl Interpreting {
    /// Asks this interpreter and remembers in this cache.
    pub fn new(interpreter: Arc<dyn Interpreter>, cache: Cache, clock: Clock) -> Self {
        let tally = Tally::new(cache.clone(), clock.clone());
        Self { interpreter, cache, tally, clock }
    }

    /// Understands a request of somebody, or of nobody in particular: then nothing is counted and nothing known of before.
    ///
    /// # Errors
    /// When too much was asked, or the interpreter could not be.
    pub async fn interpret(
        &self,
        asker: Option<Asker>,
        limits: &ServerRateLimits,
        request: &Request<'_>,
    ) -> Result<Interpretation, Unanswered> {
        let begun = self.clock.elapsed();
        if let Some(Asker { user, .. }) = asker {
            let most = limits.commands_per_user_per_minute;
            let counted = self.tally.use_of_command(user, most).await;
            counted.map_err(|wait| Unanswered::TooOften { most, wait })?;
        }
        if asker.is_some_and(|asker| !asker.lets_model_read) {
            return Ok(Rules::new(self.clock.clone()).interpret(request).await?);
        }
        if self.interpreter.model() == rules::MODEL {
            return Ok(self.interpreter.interpret(request).await?);
        }
        let context = asker.map(|Asker { user, guild, .. }| format!("ai:context:{user}:{guild}"));
        let earlier = match (&context, request.earlier) {
            (Some(key), None) => tried(self.cache.remembered::<Earlier>(key)).await.flatten(),
            _ => None,
        };
        let request = Request { earlier: request.earlier.or(earlier.as_ref()), ..*request };
        let answer = remembered_as(self.interpreter.model(), &request).map(|hash| format!("ai:response:{hash}"));
        let kept = match &answer {
            Some(key) => self.kept(key, &request).await,
            None => None,
        };
        let interpretation = match kept {
            Some(mut kept) => {
                kept.cached = true;
                kept.processing_time = self.clock.elapsed().saturating_sub(begun).as_secs_f64() * 1000.0;
                kept
            }
            None => self.fresh(asker, limits, &request, answer.as_deref()).await?,
        };
        if let Some(key) = context.filter(|_| !interpretation.edits.is_empty()) {
            let now = Earlier { text: request.text.to_owned(), edits: interpretation.edits.clone() };
            tried(self.cache.remember(&key, &now, CONTEXT)).await;
        }
        Ok(interpretation)
    }

    /// An answer that was kept, when it is one to this very request and may be used as things are now.
    async fn kept(&self, key: &str, request: &Request<'_>) -> Option<Interpretation> {
        let kept = tried(self.cache.remembered::<Interpretation>(key)).await??;
        let is_its_own = kept.original_text == request.text && kept.model_used == self.interpreter.model();
        (is_its_own && !kept.edits.is_empty() && allowed(request, &kept.edits).is_ok()).then_some(kept)
    }

    async fn fresh(
        &self,
        asker: Option<Asker>,
        limits: &ServerRateLimits,
        request: &Request<'_>,
        key: Option<&str>,
    ) -> Result<Interpretation, Unanswered> {
        if let Some(Asker { guild, .. }) = asker {
            let most = limits.ai_requests_per_hour;
            let counted = self.tally.count(&format!("ratelimit:ai:{guild}"), most, HOUR).await;
            counted.map_err(|wait| Unanswered::HourFull { most, wait })?;
        }
        let interpretation = self.interpreter.interpret(request).await?;
        // What was not understood may be the next time.
        if let Some(key) = key.filter(|_| !interpretation.edits.is_empty()) {
            tried(self.cache.remember(key, &interpretation, ANSWER)).await;
        }
        Ok(interpretation)
    }
}

/// What was spent on models, by all processes that share a cache.
#[derive(Debug)]
pub struct SharedLedger {
    cache: Cache,
    own: Book,
}

impl SharedLedger {
    /// Writes into this cache, and into a book of its own besides.
    pub fn new(cache: Cache) -> Self {
        Self { cache, own: Book::default() }
    }
}

#[async_trait]
impl Ledger for SharedLedger {
    async fn add(&self, day: NaiveDate, amount: Amount) -> Amount {
        let own = self.own.add(day, amount).await;
        let key = format!("ai:cost:{day}");
        let counted = self.cache.count(&key, amount.in_millionths(), u64::MAX, COST);
        let shared = tried(counted).await.map(|counted| Amount::millionths(counted.sum));
        own.max(shared.unwrap_or_default())
    }
}
