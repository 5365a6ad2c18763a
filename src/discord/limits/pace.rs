//! The speed of everything together.

use std::collections::VecDeque;
use std::time::Duration;

use super::Turn;

/// Spaces requests so that no second, wherever it starts, has more than the rate, and no fifth of a second more than a
/// fifth of it.
///
/// The network may hold requests up and deliver them all at once. So those under way count, too, as if they arrived
/// together with everything answered in the last second: even then there are fewer than Discord's 50.
#[derive(Debug)]
pub(super) struct Pace {
    per_second: usize,
    /// The latest sends, oldest first; as many as the rate.
    sends: VecDeque<Duration>,
    in_flight: usize,
    /// The answers of the last second, oldest first.
    answers: VecDeque<Duration>,
}

impl Pace {
    /// A second, and one millisecond for a server that counts both ends of it.
    const SECOND: Duration = Duration::from_millis(1001);

    pub(super) fn new(per_second: u32) -> Self {
        let per_second = per_second.max(1) as usize;
        Self { per_second, sends: VecDeque::new(), in_flight: 0, answers: VecDeque::new() }
    }

    /// The most that can arrive in a second at the server, whatever happens on the way: 49 for a rate of 45.
    pub(super) fn most_at_once(&self) -> usize {
        (self.per_second * 10 / 9).saturating_sub(1).max(self.per_second)
    }

    /// When the next request may be sent.
    pub(super) fn turn(&mut self, now: Duration) -> Turn {
        while self.answers.front().is_some_and(|at| *at + Self::SECOND <= now) {
            self.answers.pop_front();
        }
        let crowded = (self.in_flight + self.answers.len()).checked_sub(self.most_at_once());
        let room = match crowded {
            None => now,
            Some(excess) => match self.answers.get(excess) {
                Some(answer) => *answer + Self::SECOND,
                None => return Turn::Behind,
            },
        };
        let few = (self.per_second / 5).max(1);
        let of_few = Self::SECOND.mul_f64(few as f64 / self.per_second as f64);
        let spaced = [(self.per_second, Self::SECOND), (few, of_few)].into_iter().filter_map(|(count, window)| {
            let first = self.sends.len().checked_sub(count)?;
            Some(*self.sends.get(first)? + window)
        });
        Turn::At(spaced.fold(room, Duration::max).max(now))
    }

    pub(super) fn send(&mut self, now: Duration) {
        if self.sends.len() == self.per_second {
            self.sends.pop_front();
        }
        self.sends.push_back(now);
        self.in_flight += 1;
    }

    pub(super) fn settle(&mut self, now: Duration) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.answers.push_back(now);
    }
}
