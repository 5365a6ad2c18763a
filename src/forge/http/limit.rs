//! When a forge takes requests again.
//!
//! Decides which answers say that it takes none now: `429`, and GitHub's `403` with nothing left or with a time to wait.
//! <https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api>,
//! <https://docs.gitlab.com/administration/settings/user_and_ip_rate_limits>

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};

use crate::forge::Error;

/// How long to wait when nobody says how long, and the longest time that is believed.
const UNSAID: Duration = Duration::from_mins(1);
const LONGEST: Duration = Duration::from_hours(24);

/// How long the forge wants to be left alone. None when that is not what it says.
pub(super) fn pause(status: StatusCode, headers: &HeaderMap, said: &str, now: DateTime<Utc>) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let is_spent = text("x-ratelimit-remaining") == Some("0");
    let is_limit = match status {
        StatusCode::TOO_MANY_REQUESTS => true,
        StatusCode::FORBIDDEN => is_spent || text(RETRY_AFTER.as_str()).is_some() || said.contains("rate limit"),
        _ => false,
    };
    if !is_limit {
        return None;
    }
    let after = text(RETRY_AFTER.as_str()).and_then(|after| retry_after(after, now));
    let reset = || {
        let names = ["x-ratelimit-reset", "ratelimit-reset"];
        names.iter().find_map(|name| text(name)).and_then(|reset| resets(reset, now))
    };
    Some(after.or_else(reset).unwrap_or(UNSAID).clamp(Duration::from_secs(1), LONGEST))
}

/// Seconds, or a date.
fn retry_after(text: &str, now: DateTime<Utc>) -> Option<Duration> {
    let seconds = text.parse().ok().map(Duration::from_secs);
    seconds.or_else(|| Some((DateTime::parse_from_rfc2822(text).ok()?.to_utc() - now).to_std().unwrap_or_default()))
}

/// The second since 1970, or seconds from now where the number is too small for that.
fn resets(text: &str, now: DateTime<Utc>) -> Option<Duration> {
    let number: u64 = text.parse().ok()?;
    if number < 1_000_000_000 {
        return Some(Duration::from_secs(number));
    }
    let at = DateTime::from_timestamp(i64::try_from(number).ok()?, 0)?;
    // To its end: the second it names has to be over.
    Some((at - now).to_std().unwrap_or_default() + Duration::from_secs(1))
}

/// The error that says until when.
pub(super) fn until(place: String, now: DateTime<Utc>, pause: Duration) -> Error {
    let until = now + TimeDelta::from_std(pause).unwrap_or(TimeDelta::MAX);
    Error::RateLimited { place, until }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(status: u16, headers: &[(&'static str, &str)], said: &str) -> Option<u64> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().expect("a value"));
        }
        let now = DateTime::from_timestamp(1_800_000_000, 0).expect("a time");
        pause(StatusCode::from_u16(status).expect("a status"), &map, said, now).map(|pause| pause.as_secs())
    }

    #[test]
    fn each_way_of_saying_when_is_understood() {
        assert_eq!(seconds(429, &[("retry-after", "7")], ""), Some(7));
        assert_eq!(seconds(429, &[("retry-after", "Fri, 15 Jan 2027 08:00:30 GMT")], ""), Some(30));
        assert_eq!(seconds(429, &[("ratelimit-reset", "1800000009")], ""), Some(10));
        assert_eq!(seconds(429, &[("ratelimit-reset", "9")], ""), Some(9));
        assert_eq!(seconds(429, &[], ""), Some(60));
        assert_eq!(seconds(429, &[("retry-after", "99999999999")], ""), Some(86_400));
        let spent = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1800000059")];
        assert_eq!(seconds(403, &spent, ""), Some(60));
        assert_eq!(seconds(403, &[], "You have exceeded a secondary rate limit."), Some(60));
    }

    #[test]
    fn a_refusal_is_none() {
        assert_eq!(seconds(403, &[("x-ratelimit-remaining", "12")], "Resource not accessible"), None);
        assert_eq!(seconds(200, &[("x-ratelimit-remaining", "0")], ""), None);
    }
}
