//! Stops a fight: when somebody keeps undoing what is corrected, the one that gives in is us, and people are told.
//!
//! Decides for each object by itself, so that a first build of hundreds of objects and the correction of many at once are
//! no fights. Only corrections count: what is applied because the manifest is new is nobody's fight. How often an object was
//! corrected comes from the store, so neither a restart nor another process forgives anything.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use crate::store::{Corrected, Correction};

/// Most corrections of one object within [`SPAN`].
pub(super) const MOST: usize = 5;

/// The time in which corrections are counted.
pub(super) const SPAN: TimeDelta = TimeDelta::minutes(10);

/// After so long in which nobody touched the object, one correction is tried.
pub(super) const REST: TimeDelta = TimeDelta::minutes(10);

/// The reason a guild stands by while objects of it are left alone.
pub(super) const FOUGHT_OVER: &str = "FoughtOver";

/// The objects of a guild that are left alone for the time being.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fights {
    /// What was corrected before counts no more.
    since: DateTime<Utc>,
    open: BTreeMap<Corrected, DateTime<Utc>>,
}

impl Fights {
    /// Forgets everything: the manifest is new, or a person said to leave the guild alone for a while.
    pub(super) fn over(now: DateTime<Utc>) -> Self {
        Self { since: now, open: BTreeMap::new() }
    }

    /// Those that are still left alone when nothing differs any more.
    #[must_use]
    pub(super) fn settled(mut self, now: DateTime<Utc>) -> Self {
        self.open.retain(|_, since| now - (*since).min(now) < REST);
        self
    }

    /// From when on corrections are to be known.
    pub(super) fn counted_from(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        self.since.min(now).max(now - SPAN)
    }

    /// Those of the objects a plan would correct that are left alone now. `touched` says that somebody changed something in
    /// the guild just now, by which the rest of what differs begins anew.
    pub(super) fn weigh(
        &mut self,
        now: DateTime<Utc>,
        touched: bool,
        objects: &BTreeSet<Corrected>,
        corrections: &[Correction],
    ) -> BTreeSet<Corrected> {
        // What lies in the future was written by a clock that was set back since.
        let times = |object: &Corrected| {
            let known = corrections.iter().find(|correction| correction.object == *object);
            known.into_iter().flat_map(|known| &known.times).map(|at| (*at).min(now)).filter(move |at| now - *at < SPAN)
        };
        self.open.values_mut().for_each(|since| *since = (*since).min(now));
        // One that was corrected a moment ago is not over before that has held.
        self.open
            .retain(|object, since| objects.contains(object) || now - *since < REST || times(object).next().is_some());
        let is_left = |object: &&Corrected| {
            let is_new = times(object).count() >= MOST && !self.open.contains_key(*object);
            if is_new {
                self.open.insert((*object).clone(), now);
            }
            let Some(since) = self.open.get_mut(*object) else { return false };
            // Either somebody is still at it, or the correction that was tried did not hold.
            if touched || times(object).any(|at| at > *since) {
                *since = now;
            }
            now - *since < REST
        };
        objects.iter().filter(is_left).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::{DriftSubject, Identity};

    fn object(key: &str) -> Corrected {
        Corrected { subject: DriftSubject::Channel, identity: Identity::Key(key.parse().expect("it is a key")) }
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::seconds(seconds)
    }

    /// A guild in which objects are corrected whenever they may be.
    #[derive(Default)]
    struct Guild {
        fights: Fights,
        corrected: BTreeMap<Corrected, Vec<i64>>,
    }

    impl Guild {
        /// Finds these objects changed, and says which it leaves alone.
        fn finds(&mut self, second: i64, touched: bool, objects: &[&Corrected]) -> Vec<Corrected> {
            let from = self.fights.counted_from(at(second));
            let correction = |(object, seconds): (&Corrected, &Vec<i64>)| Correction {
                object: object.clone(),
                target_id: None,
                name: "rules".to_owned(),
                times: seconds.iter().map(|second| at(*second)).filter(|time| *time >= from).collect(),
            };
            let corrections: Vec<Correction> = self.corrected.iter().map(correction).collect();
            let objects: BTreeSet<Corrected> = objects.iter().map(|object| (*object).clone()).collect();
            let left = self.fights.weigh(at(second), touched, &objects, &corrections);
            for object in objects.difference(&left) {
                self.corrected.entry(object.clone()).or_default().push(second);
            }
            left.into_iter().collect()
        }

        fn times(&self, object: &Corrected) -> &[i64] {
            self.corrected.get(object).map_or(&[], Vec::as_slice)
        }
    }

    #[test]
    fn after_five_corrections_the_object_is_left_alone_and_no_other() {
        let (mut guild, rules, chat) = (Guild::default(), object("rules"), object("chat"));
        for second in 0..5 {
            assert_eq!(guild.finds(second, true, &[&rules]), []);
        }
        assert_eq!(guild.finds(5, true, &[&rules, &chat]), std::slice::from_ref(&rules));
        assert_eq!((guild.times(&rules).len(), guild.times(&chat).len()), (5, 1));
    }

    #[test]
    fn a_first_build_of_750_objects_and_the_correction_of_all_is_no_fight() {
        let mut guild = Guild::default();
        let all: Vec<Corrected> = (0..750).map(|number| object(&format!("channel-{number}"))).collect();
        let all: Vec<&Corrected> = all.iter().collect();
        for round in 0..MOST as i64 {
            assert_eq!(guild.finds(round, true, &all), []);
        }
        assert_eq!(guild.finds(10, true, &all).len(), 750, "but corrected again and again, each is one");
    }

    #[test]
    fn corrections_now_and_then_are_no_fight() {
        let (mut guild, rules) = (Guild::default(), object("rules"));
        for second in (0..86_400).step_by(150) {
            assert_eq!(guild.finds(second, true, &[&rules]), []);
        }
    }

    #[test]
    fn after_a_rest_one_correction_is_tried_and_a_second_only_after_another_rest() {
        let (mut guild, rules, rest) = (Guild::default(), object("rules"), REST.num_seconds());
        (0..60).for_each(|second| drop(guild.finds(second, true, &[&rules])));
        assert_eq!(guild.finds(59 + rest - 1, false, &[&rules]).len(), 1);
        assert_eq!(guild.finds(59 + rest, false, &[&rules]), []);
        assert_eq!(guild.finds(59 + rest + 5, true, &[&rules]).len(), 1, "it did not hold");
        assert_eq!(guild.finds(59 + rest + 5 + rest, false, &[&rules]), []);
    }

    #[test]
    fn a_correction_that_holds_ends_it() {
        let (mut guild, rules, rest) = (Guild::default(), object("rules"), REST.num_seconds());
        (0..60).for_each(|second| drop(guild.finds(second, true, &[&rules])));
        assert_eq!(guild.finds(59 + rest, false, &[&rules]), []);
        assert_eq!(guild.finds(59 + 2 * rest, false, &[]), []);
        assert_eq!(guild.fights.open, BTreeMap::new());
    }

    #[test]
    fn who_goes_on_changing_it_begins_the_rest_anew() {
        let (mut guild, rules) = (Guild::default(), object("rules"));
        (0..7_200).step_by(60).for_each(|second| drop(guild.finds(second, true, &[&rules])));
        assert_eq!(guild.times(&rules), [0, 60, 120, 180, 240], "not once more in two hours");
    }

    #[test]
    fn a_new_manifest_begins_anew_and_a_restart_does_not() {
        let (mut guild, rules) = (Guild::default(), object("rules"));
        (0..60).for_each(|second| drop(guild.finds(second, true, &[&rules])));
        guild.fights = Fights::default();
        assert_eq!(guild.finds(61, true, &[&rules]).len(), 1);
        guild.fights = Fights::over(at(62));
        assert_eq!(guild.finds(63, true, &[&rules]), []);
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_keep_it_open_for_ever() {
        let (mut guild, rules) = (Guild::default(), object("rules"));
        (1_000_000..1_000_060).for_each(|second| drop(guild.finds(second, true, &[&rules])));
        guild.corrected.clear();
        assert_eq!(guild.finds(0, false, &[&rules]).len(), 1);
        assert_eq!(guild.finds(REST.num_seconds(), false, &[&rules]), []);
    }

    proptest! {
        #[test]
        fn no_object_is_corrected_more_than_five_times_in_ten_minutes(
            steps in prop::collection::vec((0..400_i64, 0..3_usize, any::<bool>(), any::<bool>()), 1..300),
        ) {
            let objects = [object("a"), object("b"), object("c")];
            let (mut guild, mut now) = (Guild::default(), 0);
            for (pause, which, touched, restarted) in steps {
                now += pause;
                if restarted {
                    guild.fights = Fights::default();
                }
                guild.finds(now, touched, &[&objects[which]]);
            }
            for object in &objects {
                for six in guild.times(object).windows(MOST + 1) {
                    prop_assert!(six[MOST] - six[0] >= SPAN.num_seconds(), "{six:?}");
                }
            }
        }
    }
}
