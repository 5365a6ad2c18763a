//! What an answer says about limits.

use std::time::Duration;

use http::HeaderMap;
use serde::Deserialize;

/// Whom a 429 is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThrottleScope {
    /// The bot, for one resource.
    User,
    /// Everybody, for one resource; not counted against us.
    Shared,
    /// The bot, for everything.
    Global,
    /// The address, for everything: the answer did not come from Discord's API but from what stands in front of it.
    Edge,
}

/// A 429.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Throttle {
    /// How long to be quiet.
    pub retry_after: Duration,
    /// For whom.
    pub scope: ThrottleScope,
}

/// The state of a bucket as an answer shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketReading {
    /// Its name.
    pub hash: String,
    /// Requests in a window.
    pub limit: u32,
    /// Requests left in this window.
    pub remaining: u32,
    /// Time to the end of the window.
    pub reset_after: Duration,
}

/// All an answer says about limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The status.
    pub status: u16,
    /// The bucket, when the answer names one.
    pub bucket: Option<BucketReading>,
    /// What a 429 asks for.
    pub throttle: Option<Throttle>,
}

#[derive(Deserialize)]
struct ThrottleBody {
    retry_after: f64,
    #[serde(default)]
    global: bool,
}

impl Reading {
    /// Quiet after a 429 that does not say for how long.
    pub const DEFAULT_RETRY: Duration = Duration::from_secs(5);
    /// Least quiet after a block in front of the API: such blocks last from minutes to a day.
    pub const EDGE_RETRY: Duration = Duration::from_mins(10);
    /// Longest quiet that is believed.
    pub(super) const MAX_RETRY: Duration = Duration::from_hours(24 * 30);

    /// Reads an answer.
    pub fn of(status: u16, headers: &HeaderMap, body: &[u8]) -> Self {
        let throttle = (status == 429).then(|| Self::throttle(headers, body));
        Self { status, bucket: Self::bucket(headers), throttle }
    }

    /// True for the answers whose number Discord limits (its rate limit documentation, "Invalid Request Limit").
    pub fn counts_as_refusal(&self) -> bool {
        let shared = self.throttle.as_ref().is_some_and(|t| t.scope == ThrottleScope::Shared);
        matches!(self.status, 401 | 403 | 429) && !shared
    }

    fn bucket(headers: &HeaderMap) -> Option<BucketReading> {
        let number = |name| text(headers, name)?.parse::<u32>().ok();
        Some(BucketReading {
            hash: text(headers, "x-ratelimit-bucket")?.to_owned(),
            limit: number("x-ratelimit-limit")?,
            remaining: number("x-ratelimit-remaining")?,
            reset_after: seconds(text(headers, "x-ratelimit-reset-after")?.parse().ok()?)?,
        })
    }

    /// Body and header may differ by rounding; the longer time is obeyed. `Reset-After` is about something else.
    fn throttle(headers: &HeaderMap, body: &[u8]) -> Throttle {
        let said = serde_json::from_slice::<ThrottleBody>(body).ok();
        let in_body = said.as_ref().and_then(|b| seconds(b.retry_after));
        let in_header = text(headers, "retry-after").and_then(|t| t.parse().ok()).and_then(seconds);
        let retry_after = in_body.max(in_header).unwrap_or(Self::DEFAULT_RETRY);
        let scope = text(headers, "x-ratelimit-scope").unwrap_or_default();
        let is_global = scope == "global" || headers.contains_key("x-ratelimit-global");
        // Discord's API answers in JSON and through a proxy that leaves its mark; what blocks an address does neither.
        let scope = match said {
            None => ThrottleScope::Edge,
            Some(_) if !headers.contains_key("via") => ThrottleScope::Edge,
            Some(body) if body.global || is_global => ThrottleScope::Global,
            Some(_) if scope == "shared" => ThrottleScope::Shared,
            Some(_) => ThrottleScope::User,
        };
        match scope {
            ThrottleScope::Edge => Throttle { retry_after: retry_after.max(Self::EDGE_RETRY), scope },
            _ => Throttle { retry_after, scope },
        }
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn seconds(number: f64) -> Option<Duration> {
    (number >= 0.0)
        .then(|| Duration::try_from_secs_f64(number).map_or(Reading::MAX_RETRY, |d| d.min(Reading::MAX_RETRY)))
}
