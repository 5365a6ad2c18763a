//! The speed of everything together.

use std::collections::VecDeque;
use std::time::Duration;

/// Spaces requests so that no second, wherever it starts, has more than the rate, and no fifth of a second more than a
/// fifth of it: a burst that the network compresses must not look like more than Discord's 50.
#[derive(Debug)]
pub(super) struct Pace {
    per_second: usize,
    /// The latest sends, oldest first; as many as the rate.
    sends: VecDeque<Duration>,
}

impl Pace {
    /// A second, and one millisecond for a server that counts both ends of it.
    const SECOND: Duration = Duration::from_millis(1001);

    pub(super) fn new(per_second: u32) -> Self {
        Self { per_second: per_second.max(1) as usize, sends: VecDeque::new() }
    }

    /// When the next request may be sent, if not now.
    pub(super) fn free_at(&self, now: Duration) -> Option<Duration> {
        let few = (self.per_second / 5).max(1);
        let of_few = Self::SECOND.mul_f64(few as f64 / self.per_second as f64);
        let free = [(self.per_second, Self::SECOND), (few, of_few)].into_iter().filter_map(|(count, window)| {
            let first = self.sends.len().checked_sub(count)?;
            Some(*self.sends.get(first)? + window)
        });
        free.max().filter(|at| *at > now)
    }

    pub(super) fn send(&mut self, now: Duration) {
        if self.sends.len() == self.per_second {
            self.sends.pop_front();
        }
        self.sends.push_back(now);
    }
}
