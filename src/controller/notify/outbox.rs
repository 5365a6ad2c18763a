//! What waits for one recipient, and when it is tried again: pure, and told the time.
//!
//! One message is on its way at a time; what happens meanwhile gathers behind it. A recipient that fails gets the same message
//! again after a growing wait, so many times. A recipient nobody can reach at the moment is waited for, up to a day.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Desk, Event, Message};

/// How trying to send a message ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It arrived.
    Delivered,
    /// The whole way there is shut, at least for so long; not this recipient's fault.
    Away(TimeDelta),
    /// It did not arrive, or nobody knows; the same may work later.
    Failed,
    /// It was refused, and will be until somebody changes something.
    Refused,
}

/// What follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It is done.
    Delivered,
    /// It is tried again then.
    Again(DateTime<Utc>),
    /// It is given up.
    Lost,
}

/// A message on its way.
#[derive(Clone, Debug)]
struct Held {
    message: Message,
    /// How often it failed.
    failures: u32,
    /// How often nobody could be reached.
    absences: u32,
    since: DateTime<Utc>,
    next: DateTime<Utc>,
}

/// The messages for one recipient.
#[derive(Clone, Debug)]
pub struct Outbox {
    desk: Desk,
    held: Option<Held>,
}

impl Outbox {
    /// The wait after the first failure; each further one is three times as long.
    pub const FIRST: TimeDelta = TimeDelta::seconds(5);
    /// Most tries of a message that fails.
    pub const TRIES: u32 = 6;
    /// The longest wait for somebody who is away.
    pub const LONGEST: TimeDelta = TimeDelta::minutes(5);
    /// How long somebody who is away is waited for.
    pub const PATIENCE: TimeDelta = TimeDelta::hours(24);

    /// For the recipient this desk is for.
    pub fn new(desk: Desk) -> Self {
        Self { desk, held: None }
    }

    /// Takes an event in.
    pub fn hear(&mut self, event: Event, now: DateTime<Utc>) {
        self.desk.hear(event, now);
    }

    /// Takes in what was wrong when an earlier process ended.
    pub fn recall(&mut self, event: &Event) {
        self.desk.recall(event);
    }

    /// The message that is to be sent now, if any. Whoever takes it says afterwards how it went.
    pub fn due(&mut self, now: DateTime<Utc>) -> Option<Message> {
        if self.held.is_none() {
            self.held = self.desk.due(now).map(|message| Held::new(message, now));
        }
        self.held.as_ref().filter(|held| held.next <= now).map(|held| held.message.clone())
    }

    /// What is to be sent before the end, whether or not it is time.
    pub fn last(&mut self, now: DateTime<Utc>) -> Option<Message> {
        if self.held.is_none() {
            self.held = self.desk.flush(now).map(|message| Held::new(message, now));
        }
        self.held.as_ref().map(|held| held.message.clone())
    }

    /// When something is to be sent, as far as is known.
    pub fn next_due(&self) -> Option<DateTime<Utc>> {
        self.held.as_ref().map(|held| held.next).or_else(|| self.desk.next_due())
    }

    /// Takes in that somebody who was away is back, so that nobody waits for nothing.
    pub fn hasten(&mut self, now: DateTime<Utc>) {
        if let Some(held) = &mut self.held {
            held.next = held.next.min(now);
        }
    }

    /// Takes in how sending the message ended that was taken last.
    pub fn settle(&mut self, outcome: Outcome, now: DateTime<Utc>) -> Settled {
        let Some(mut held) = self.held.take() else { return Settled::Delivered };
        let wait = match outcome {
            Outcome::Delivered => return Settled::Delivered,
            Outcome::Refused => return Settled::Lost,
            Outcome::Away(_) if now - held.since >= Self::PATIENCE => return Settled::Lost,
            Outcome::Away(asked) => {
                held.absences += 1;
                let grown = Self::FIRST * 2_i32.pow(held.absences.saturating_sub(1).min(10));
                grown.min(Self::LONGEST).max(asked)
            }
            Outcome::Failed => {
                held.failures += 1;
                if held.failures >= Self::TRIES {
                    return Settled::Lost;
                }
                Self::FIRST * 3_i32.pow(held.failures - 1)
            }
        };
        held.next = now + wait;
        let next = held.next;
        self.held = Some(held);
        Settled::Again(next)
    }
}

impl Held {
    fn new(message: Message, now: DateTime<Utc>) -> Self {
        Self { message, failures: 0, absences: 0, since: now, next: now }
    }
}

#[cfg(test)]
mod tests {
    use crate::model::Occasion;

    use super::super::tests::{at, event};
    use super::*;

    fn outbox() -> Outbox {
        let mut outbox = Outbox::new(Desk::new(Occasion::ALL.to_vec(), Vec::new()));
        outbox.hear(event(7, Occasion::Stalled, "permission"), at(0));
        outbox
    }

    #[test]
    fn a_message_that_fails_is_tried_again_so_many_times_and_later_each_time() {
        let mut outbox = outbox();
        let mut now = at(20);
        let mut waits = Vec::new();
        let first = outbox.due(now).expect("a message");
        loop {
            match outbox.settle(Outcome::Failed, now) {
                Settled::Again(next) => {
                    waits.push((next - now).num_seconds());
                    assert_eq!(outbox.due(next - TimeDelta::milliseconds(1)), None, "not before");
                    now = next;
                    assert_eq!(outbox.due(now).as_ref(), Some(&first), "the same message");
                }
                Settled::Lost => break,
                Settled::Delivered => panic!("it never arrives"),
            }
        }
        assert_eq!(waits, [5, 15, 45, 135, 405]);
        assert_eq!((outbox.due(at(100_000)), outbox.next_due()), (None, None), "and then it is given up");
    }

    #[test]
    fn what_happens_meanwhile_goes_with_the_next_message() {
        let mut outbox = outbox();
        outbox.due(at(20)).expect("a message");
        outbox.settle(Outcome::Failed, at(20));
        outbox.hear(event(8, Occasion::Drifted, "by hand"), at(21));
        let again = outbox.due(at(60)).expect("the first one again");
        assert_eq!(again.notices.len(), 1);
        assert_eq!(outbox.settle(Outcome::Delivered, at(60)), Settled::Delivered);
        assert_eq!(outbox.due(at(60)).map(|next| next.notices[0].occasion), Some(Occasion::Drifted));
    }

    #[test]
    fn who_is_away_is_waited_for_a_day_and_not_after_coming_back() {
        let mut outbox = outbox();
        let mut now = at(20);
        let mut tries = 0;
        outbox.due(now).expect("a message");
        while let Settled::Again(next) = outbox.settle(Outcome::Away(TimeDelta::zero()), now) {
            assert!(next - now <= Outbox::LONGEST, "{}", next - now);
            (now, tries) = (next, tries + 1);
        }
        assert!(now - at(20) >= Outbox::PATIENCE && tries > 200, "{tries} tries");

        let mut outbox = self::outbox();
        outbox.due(at(20)).expect("a message");
        let asked = TimeDelta::hours(1);
        assert_eq!(outbox.settle(Outcome::Away(asked), at(20)), Settled::Again(at(20) + asked));
        outbox.hasten(at(30));
        assert!(outbox.due(at(30)).is_some());
    }

    #[test]
    fn a_refusal_is_not_repeated() {
        let mut outbox = outbox();
        outbox.due(at(20)).expect("a message");
        assert_eq!(outbox.settle(Outcome::Refused, at(20)), Settled::Lost);
        assert_eq!(outbox.next_due(), None);
    }

    #[test]
    fn the_last_message_waits_for_nothing() {
        let mut outbox = outbox();
        assert_eq!(outbox.due(at(1)), None);
        assert!(outbox.last(at(1)).is_some());
        outbox.settle(Outcome::Failed, at(1));
        assert!(outbox.last(at(2)).is_some(), "nor for its next try");
    }
}
