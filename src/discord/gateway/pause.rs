//! How long a shard waits before it connects again.
//!
//! The library below connects at once after a connection is lost, for ever, also when Discord hangs up each time. So each
//! connection that did not last is followed by a longer pause; after one that lasted there is none.

use std::time::Duration;

/// How it went lately.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pause {
    failures: u32,
}

impl Pause {
    /// A connection that lasted so long was a good one.
    pub(super) const LASTED: Duration = Duration::from_secs(60);
    /// The longest pause: a session that cannot be resumed by then is gone anyway.
    const LONGEST: Duration = Duration::from_mins(5);
    /// Before a session begins anew after it was declared invalid, at least (Discord's documentation, "Invalid Session").
    const INVALID: Duration = Duration::from_secs(1);

    /// The pause after a connection that lasted so long. `dice` is any number, so that shards do not all come at once.
    pub(super) fn after(&mut self, lasted: Duration, was_invalid: bool, dice: u64) -> Duration {
        self.failures = if lasted >= Self::LASTED { 0 } else { self.failures.saturating_add(1) };
        let doubled = Duration::from_secs(1 << self.failures.saturating_sub(2).min(9));
        let pause = if self.failures <= 1 { Duration::ZERO } else { doubled.min(Self::LONGEST) };
        let part = Duration::from_millis(dice % 1000);
        let most = pause + if was_invalid { 4 * Self::INVALID } else { Duration::ZERO };
        let least = pause / 2 + if was_invalid { Self::INVALID } else { Duration::ZERO };
        // Somewhere between half of it and all of it.
        least + (most.saturating_sub(least)).mul_f64(part.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_secs(1);

    #[test]
    fn a_connection_that_lasted_is_made_again_at_once() {
        let mut pause = Pause::default();
        for _ in 0..100 {
            assert_eq!(pause.after(Pause::LASTED, false, 999), Duration::ZERO);
        }
    }

    #[test]
    fn connections_that_do_not_last_become_rare() {
        let mut pause = Pause::default();
        let pauses: Vec<u64> = (0..12).map(|_| pause.after(SHORT, false, 999).as_secs()).collect();
        assert_eq!(pauses, [0, 0, 1, 3, 7, 15, 31, 63, 127, 255, 299, 299]);
        assert_eq!(pause.after(Pause::LASTED, false, 999), Duration::ZERO, "all is well again");
    }

    #[test]
    fn an_invalid_session_is_not_begun_anew_at_once() {
        for dice in [0, 1, 500, 999, u64::MAX] {
            let wait = Pause::default().after(Pause::LASTED, true, dice);
            assert!((Duration::from_secs(1)..=Duration::from_secs(5)).contains(&wait), "{wait:?}");
        }
    }

    #[test]
    fn nothing_overflows_however_often_it_fails() {
        let mut pause = Pause { failures: u32::MAX - 1 };
        assert!(pause.after(SHORT, true, 7) <= Pause::LONGEST + Duration::from_secs(4));
    }
}
