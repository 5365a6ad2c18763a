//! Sends a described request: waits for its turn, repeats what may be repeated, and says what an answer means.
//!
//! Decides when a failure may be tried again: reads freely, changes that can be made twice a few times, and creates only
//! when they surely were not received. A create whose outcome is unknown comes back as [`Error::Unknown`], and the
//! caller has to look.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, header};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use tokio::sync::Notify;
use tracing::Instrument as _;
use uuid::Uuid;

use crate::clock::Clock;

use super::allowance::Allowance;
use super::call::Call;
use super::error::Error;
use super::exchange::{Exchange, ExchangeError};
use super::hint;
use super::limits::{Budget, Decision, Hold, Limits, Notice, Outcome, Reading, ThrottleScope, Ticket};
use super::permit::{Always, Permit};
use super::trace;

/// A request that was sent, and what came back; without bodies and headers.
#[derive(Clone, Copy, Debug)]
pub struct Sent<'a> {
    /// Method and path with every snowflake replaced: `PATCH channels/:id`.
    pub route: &'a str,
    /// The status; none without an answer.
    pub status: Option<u16>,
    /// Which try of the same request this was, from 1.
    pub attempt: u32,
    /// Whom a 429 was for.
    pub throttled: Option<ThrottleScope>,
    /// Time its turn was waited for.
    pub waited: Duration,
}

/// Is told of every request that was sent.
pub type Recorder = Arc<dyn Fn(&Sent<'_>) + Send + Sync>;

/// The body of an answer that is no error.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) body: Bytes,
    request: String,
}

impl Answer {
    /// The answer as JSON.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        let parsed = serde_json::from_slice(&self.body);
        parsed.map_err(|error| Error::Malformed { request: self.request.clone(), problem: error.to_string() })
    }
}

pub(super) struct Transport {
    exchange: Arc<dyn Exchange>,
    clock: Clock,
    limits: Mutex<Limits>,
    settled: Notify,
    allowance: OnceLock<Arc<dyn Allowance>>,
    authorization: HeaderValue,
    address: String,
    recorder: Option<Recorder>,
}

/// What one call went through so far.
#[derive(Default)]
struct Trials {
    attempts: u32,
    failures: u32,
    throttles: u32,
    throttled_since: Option<Duration>,
    maybe_received: bool,
    /// What the latest failure without a clear answer was.
    failure: Option<String>,
}

enum Verdict {
    Done(Result<Answer, Error>),
    Again(Duration),
}

impl Transport {
    /// The form Discord's API reference asks for.
    const USER_AGENT: &str = concat!("DiscordBot (https://crates.io/crates/setai, ", env!("CARGO_PKG_VERSION"), ")");
    /// Most repetitions of a read after failures.
    const READ_RETRIES: u32 = 4;
    /// Most repetitions of a change after failures.
    const WRITE_RETRIES: u32 = 2;
    /// Pause before the first repetition; each further one is twice as long.
    const BACKOFF: Duration = Duration::from_millis(500);
    /// Most answers of 429 to one call.
    const MAX_THROTTLES: u32 = 5;
    /// A place among the requests of all processes is as good as lost after so long: others have theirs then.
    const PLACE_LASTS: Duration = Duration::from_millis(100);
    /// Longest time one call waits after its first 429.
    const PATIENCE: Duration = Duration::from_mins(2);

    pub(super) fn new(
        exchange: Arc<dyn Exchange>,
        clock: Clock,
        token: &SecretString,
        address: &str,
        budget: Budget,
        recorder: Option<Recorder>,
    ) -> Result<Self, Error> {
        let token = bare(token.expose_secret());
        let is_plausible = !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic());
        let authorization = is_plausible.then(|| HeaderValue::try_from(format!("Bot {token}")).ok()).flatten();
        let mut authorization = authorization.ok_or(Error::BadToken)?;
        authorization.set_sensitive(true);
        let address = address.trim().trim_end_matches('/').to_owned();
        let is_server = address.parse::<http::Uri>().is_ok_and(|uri| {
            matches!(uri.scheme_str(), Some("http" | "https")) && uri.authority().is_some() && uri.query().is_none()
        });
        if !is_server {
            return Err(Error::BadAddress { address });
        }
        let limits = Mutex::new(Limits::of(Uuid::now_v7().to_string(), budget));
        let (settled, allowance) = (Notify::new(), OnceLock::new());
        Ok(Self { exchange, clock, limits, settled, allowance, authorization, address, recorder })
    }

    /// From now on every request takes a place there. Only the first allowance counts.
    pub(super) fn share(&self, allowance: Arc<dyn Allowance>) {
        drop(self.allowance.set(allowance));
    }

    /// How many requests there may be in any second.
    pub(super) fn per_second(&self) -> u32 {
        self.limits().per_second()
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// What was learned of limits since this was last asked.
    pub(super) fn notices(&self) -> Vec<Notice> {
        self.limits().notices(self.clock.elapsed())
    }

    /// The same, once there is something.
    pub(super) async fn news(&self) -> Vec<Notice> {
        loop {
            let settled = self.settled.notified();
            tokio::pin!(settled);
            settled.as_mut().enable();
            let notices = self.notices();
            if !notices.is_empty() {
                return notices;
            }
            settled.await;
        }
    }

    /// Takes what other processes learned of limits.
    pub(super) fn take(&self, notices: &[Notice]) {
        let now = self.clock.elapsed();
        let mut limits = self.limits();
        notices.iter().for_each(|notice| limits.take(notice, now));
    }

    /// Sends `call` and brings the answer, if it is no error.
    pub(super) async fn send(&self, call: &Call) -> Result<Answer, Error> {
        self.send_with(call, &Always).await
    }

    /// The same, with leave for whatever is not sent at once.
    pub(super) async fn send_with(&self, call: &Call, permit: &dyn Permit) -> Result<Answer, Error> {
        let request = self.request(call)?;
        let mut trials = Trials::default();
        match self.try_until_done(call, &request, &mut trials, permit).await {
            // That the first try may have worked matters more than why the last one did not.
            Err(last) if trials.maybe_received && call.method != Method::GET => {
                let cause = trials.failure.unwrap_or_else(|| last.to_string());
                Err(Error::Unknown { request: call.label(), cause })
            }
            result => result,
        }
    }

    async fn try_until_done(
        &self,
        call: &Call,
        request: &http::Request<Bytes>,
        trials: &mut Trials,
        permit: &dyn Permit,
    ) -> Result<Answer, Error> {
        loop {
            let asked = self.clock.elapsed();
            let pending = self.turn(call, trials, permit).await?;
            trials.attempts += 1;
            let waited = self.clock.elapsed().saturating_sub(asked);
            let result = self.carry(call, request.clone(), pending, trials.attempts, waited).await;
            match self.judge(call, result, trials) {
                Verdict::Done(result) => return result,
                Verdict::Again(pause) if pause.is_zero() => {}
                Verdict::Again(pause) => self.clock.sleep(pause).await,
            }
        }
    }

    /// Waits until the limits let the call pass, and has leave for it when it comes late.
    async fn turn(&self, call: &Call, trials: &Trials, permit: &dyn Permit) -> Result<Pending<'_>, Error> {
        let mut late = trials.attempts > 0;
        // Until when a place among the requests of all processes counts.
        let mut placed_until = None;
        loop {
            // Asked before the turn comes, because others may learn of a limit meanwhile.
            if std::mem::take(&mut late) || !permit.is_sound() {
                permit.granted().await;
            }
            if let Some(allowance) = self.allowance.get()
                && placed_until.is_none_or(|until| until < self.clock.elapsed())
                && self.limits().is_free(&call.facts, self.clock.elapsed())
            {
                let wait = allowance.next_place().await.unwrap_or_default();
                if !wait.is_zero() {
                    self.clock.sleep(wait).await;
                    // Here and not at the next turn: a place does not last as long as it may take to ask.
                    permit.granted().await;
                }
                // Asked once more, because limits may have changed meanwhile.
                placed_until = Some(self.clock.elapsed() + Self::PLACE_LASTS);
                continue;
            }
            let settled = self.settled.notified();
            tokio::pin!(settled);
            settled.as_mut().enable();
            let now = self.clock.elapsed();
            let decision = self.limits().decide(&call.facts, now);
            match decision {
                Decision::Send(ticket) => return Ok(Pending { transport: self, ticket: Some(ticket) }),
                Decision::Behind => {
                    settled.await;
                    late = true;
                }
                Decision::Park { until, why } => {
                    return Err(Error::Parked { retry_after: until.saturating_sub(now), why });
                }
                Decision::Wait(wait) => {
                    if trials.throttled_since.is_some_and(|since| now + wait > since + Self::PATIENCE) {
                        return Err(Error::Parked { retry_after: wait, why: Hold::Resource });
                    }
                    self.clock.sleep(wait).await;
                    late = true;
                }
            }
        }
    }

    /// Sends once and tells limits, recorder and log what came of it.
    async fn carry(
        &self,
        call: &Call,
        request: http::Request<Bytes>,
        pending: Pending<'_>,
        attempt: u32,
        waited: Duration,
    ) -> Result<http::Response<Bytes>, ExchangeError> {
        let (started, span) = (self.clock.elapsed(), trace::request(&call.facts.route, attempt, waited));
        let result = self.exchange.exchange(request).instrument(span.clone()).await;
        trace::answered(&span, &result);
        // It is over, and what follows is no part of it.
        drop(span);
        let took = self.clock.elapsed().saturating_sub(started);
        let outcome = match &result {
            Ok(answer) => Outcome::Answered(Reading::of(answer.status().as_u16(), answer.headers(), answer.body())),
            Err(ExchangeError::NotSent(_)) => Outcome::NotSent,
            Err(ExchangeError::Lost(_)) => Outcome::Lost,
        };
        let throttle = match &outcome {
            Outcome::Answered(reading) => reading.throttle.clone(),
            Outcome::NotSent | Outcome::Lost => None,
        };
        pending.settle(&outcome);
        let label = call.label();
        let status = result.as_ref().ok().map(|answer| answer.status().as_u16());
        tracing::debug!(request = label, status, attempt, took_ms = took.as_millis(), "asked Discord");
        if throttle.as_ref().is_some_and(|t| t.scope == ThrottleScope::Edge) {
            tracing::error!(
                request = label,
                "this address is blocked in front of Discord's API; every request is held back"
            );
        }
        if let Some(recorder) = &self.recorder {
            let throttled = throttle.map(|t| t.scope);
            recorder(&Sent { route: &call.facts.route, status, attempt, throttled, waited });
        }
        result
    }

    fn request(&self, call: &Call) -> Result<http::Request<Bytes>, Error> {
        let mut request = http::Request::builder()
            .method(call.method.clone())
            .uri(format!("{}/api/v10/{}", self.address, call.path))
            .header(header::AUTHORIZATION, self.authorization.clone())
            .header(header::USER_AGENT, Self::USER_AGENT);
        if let Some(reason) = &call.reason {
            request = request.header("x-audit-log-reason", reason);
        }
        if call.body.is_some() {
            request = request.header(header::CONTENT_TYPE, call.content_type.clone());
        }
        let body = call.body.clone().unwrap_or_default();
        request.body(body).map_err(|error| Error::Unsendable { request: call.label(), cause: error.to_string() })
    }

    /// Sends what is answered for the token in its path alone: an answer to somebody who is waiting. Discord counts it neither
    /// among the bot's requests nor against anything else (its documentation, "Receiving and Responding to Interactions"), so it
    /// waits for nobody. `shown` stands for the path in messages, because the token must not.
    pub(super) async fn answer(&self, call: &Call, shown: &str) -> Result<Answer, Error> {
        let mut request = self.request(call)?;
        request.headers_mut().remove(header::AUTHORIZATION);
        let mut tries = 0;
        loop {
            tries += 1;
            let result = self.exchange.exchange(request.clone()).await;
            let status = result.as_ref().ok().map(|answer| answer.status().as_u16());
            tracing::debug!(request = shown, status, attempt = tries, "answered an interaction");
            let wait = match result {
                Ok(answer) if answer.status().is_success() => {
                    return Ok(Answer { body: answer.into_body(), request: shown.to_owned() });
                }
                Ok(answer) if answer.status() == StatusCode::TOO_MANY_REQUESTS => retry_after(answer.headers()),
                Ok(answer) if answer.status().is_server_error() && call.method != Method::POST => Self::BACKOFF,
                Ok(answer) => return Err(Error::of_answer(shown.to_owned(), answer.status().as_u16(), answer.body())),
                Err(ExchangeError::NotSent(_)) => Self::BACKOFF,
                Err(ExchangeError::Lost(_)) if call.method != Method::POST => Self::BACKOFF,
                Err(ExchangeError::Lost(cause)) => return Err(Error::Unknown { request: shown.to_owned(), cause }),
            };
            if tries > Self::WRITE_RETRIES || wait > Self::BACKOFF * 4 {
                let cause = status.map_or_else(|| "no answer".to_owned(), |status| format!("status {status}"));
                return Err(Error::Unavailable { request: shown.to_owned(), cause });
            }
            self.clock.sleep(wait).await;
        }
    }

    fn judge(&self, call: &Call, result: Result<http::Response<Bytes>, ExchangeError>, trials: &mut Trials) -> Verdict {
        let answer = match result {
            Ok(answer) => answer,
            Err(ExchangeError::NotSent(cause)) => return Self::failed(call, trials, cause, true, Duration::ZERO),
            Err(ExchangeError::Lost(cause)) => {
                trials.maybe_received = true;
                return Self::failed(call, trials, cause, call.method != Method::POST, Duration::ZERO);
            }
        };
        let status = answer.status();
        if status.is_success() {
            return Verdict::Done(Ok(Answer { body: answer.into_body(), request: call.label() }));
        }
        if status == StatusCode::TOO_MANY_REQUESTS {
            return self.throttled(trials);
        }
        if status.is_server_error() {
            trials.maybe_received = true;
            let passing = matches!(status.as_u16(), 502..=504);
            let may_repeat = call.method == Method::GET || passing && call.method != Method::POST;
            let asked = answer.headers().get(header::RETRY_AFTER).and_then(|v| v.to_str().ok()?.parse().ok());
            let asked = asked.map_or(Duration::ZERO, Duration::from_secs);
            return Self::failed(call, trials, format!("status {}", status.as_u16()), may_repeat, asked);
        }
        let error = Error::of_answer(call.label(), status.as_u16(), answer.body());
        let deleted_before = call.method == Method::DELETE && trials.maybe_received;
        match error {
            Error::Gone { code, .. } if deleted_before && hint::says_gone(code) => {
                Verdict::Done(Ok(Answer { body: Bytes::new(), request: call.label() }))
            }
            error => Verdict::Done(Err(error)),
        }
    }

    /// The limits have learned from the 429 how long to wait; here it is only bounded.
    fn throttled(&self, trials: &mut Trials) -> Verdict {
        trials.throttles += 1;
        trials.throttled_since.get_or_insert(self.clock.elapsed());
        if trials.throttles > Self::MAX_THROTTLES {
            let retry_after = Reading::DEFAULT_RETRY;
            return Verdict::Done(Err(Error::Parked { retry_after, why: Hold::Resource }));
        }
        Verdict::Again(Duration::ZERO)
    }

    fn failed(call: &Call, trials: &mut Trials, cause: String, may_repeat: bool, asked: Duration) -> Verdict {
        trials.failure = Some(cause.clone());
        let most = if call.method == Method::GET { Self::READ_RETRIES } else { Self::WRITE_RETRIES };
        if may_repeat && trials.failures < most && asked <= Self::PATIENCE {
            let backoff = Self::BACKOFF * 2u32.pow(trials.failures);
            trials.failures += 1;
            return Verdict::Again(backoff.max(asked));
        }
        Verdict::Done(Err(Error::Unavailable { request: call.label(), cause }))
    }

    fn limits(&self) -> MutexGuard<'_, Limits> {
        // A panic while the lock was held leaves counters that are at worst too careful.
        self.limits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").field("address", &self.address).finish_non_exhaustive()
    }
}

/// How long an answer of 429 says to wait; a second when it says nothing.
fn retry_after(headers: &http::HeaderMap) -> Duration {
    let seconds = headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    seconds.map_or(Duration::from_secs(1), Duration::from_secs)
}

/// A token without what people copy along with it.
pub(super) fn bare(token: &str) -> &str {
    let token = token.trim();
    token.strip_prefix("Bot").filter(|rest| rest.is_empty() || rest.starts_with(' ')).unwrap_or(token).trim()
}

/// A ticket that is given back even when the caller stops waiting for the answer.
struct Pending<'a> {
    transport: &'a Transport,
    ticket: Option<Ticket>,
}

impl Pending<'_> {
    fn settle(mut self, outcome: &Outcome) {
        self.give_back(outcome);
    }

    fn give_back(&mut self, outcome: &Outcome) {
        if let Some(ticket) = self.ticket.take() {
            self.transport.limits().observe(ticket, outcome, self.transport.clock.elapsed());
            self.transport.settled.notify_waiters();
        }
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        self.give_back(&Outcome::Lost);
    }
}
