//! What a queue promises, by example and for anything that is done to it.

use proptest::prelude::*;

use super::*;

fn guild(number: u64) -> GuildId {
    GuildId::new(number + 1)
}

fn at(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const NOW: Duration = Duration::ZERO;

/// Takes everything that is due, and is done with it at once.
fn drain(queue: &mut Queue, now: Duration) -> Vec<GuildId> {
    let mut taken = Vec::new();
    while let Some(work) = queue.pop(now) {
        queue.done(now, work.guild, None);
        taken.push(work.guild);
    }
    taken
}

/// True when something is kept of a guild.
fn knows(queue: &Queue, of: GuildId) -> bool {
    queue.slots.contains_key(&of)
}

#[test]
fn who_is_hastened_is_due_at_once_for_what_was_asked_before() {
    let mut queue = Queue::new(1);
    queue.push(NOW, guild(1), Trigger::Revision, at(500));
    queue.hasten(at(3), guild(1));
    queue.hasten(at(3), guild(2));
    let work = queue.pop(at(3)).expect("its turn");
    assert_eq!((work.guild, work.trigger), (guild(1), Trigger::Revision));
    queue.done(at(4), guild(1), None);
    assert!(!knows(&queue, guild(2)), "nobody asked for it");
}

#[test]
fn a_guild_asked_for_twice_is_looked_at_once_at_the_earlier_time() {
    let mut queue = Queue::new(1);
    queue.push(NOW, guild(1), Trigger::Schedule, at(60_000));
    queue.push(at(5), guild(1), Trigger::Revision, at(2_000));
    queue.push(at(10), guild(1), Trigger::Retry, at(30_000));
    assert_eq!(queue.next_due(), Some(at(2_000)));
    assert_eq!(queue.pop(at(1_999)), None);
    let work = queue.pop(at(2_000)).expect("it is due");
    assert_eq!(work.trigger, Trigger::Revision);
    assert_eq!(work.triggers, [Trigger::Revision, Trigger::Schedule, Trigger::Retry]);
    queue.done(at(2_500), guild(1), None);
    assert_eq!((queue.next_due(), knows(&queue, guild(1))), (None, false));
}

#[test]
fn a_guild_that_is_asked_for_while_it_is_looked_at_is_looked_at_once_more() {
    let mut queue = Queue::new(8);
    queue.push(NOW, guild(1), Trigger::Person, NOW);
    assert!(queue.pop(NOW).is_some());
    for millis in 1..1_000 {
        queue.push(at(millis), guild(1), Trigger::Revision, NOW);
        assert_eq!(queue.pop(at(millis)), None, "never two at once");
    }
    queue.done(at(1_000), guild(1), Some((Trigger::Schedule, at(600_000))));
    let again = queue.pop(at(1_000)).expect("it was asked for");
    assert_eq!(again.triggers, [Trigger::Revision, Trigger::Schedule]);
    queue.done(at(1_001), guild(1), None);
    assert_eq!(queue.pop(at(9_999_999)), None, "and only once");
}

#[test]
fn no_more_are_looked_at_than_there_are_workers() {
    let mut queue = Queue::new(2);
    (0..3).for_each(|number| queue.push(NOW, guild(number), Trigger::StartUp, NOW));
    assert!(queue.pop(NOW).is_some() && queue.pop(NOW).is_some());
    assert_eq!((queue.pop(NOW), queue.next_due(), queue.depth(NOW)), (None, None, 1));
    queue.done(NOW, guild(0), None);
    assert_eq!(queue.pop(NOW).map(|work| work.guild), Some(guild(2)));
}

#[test]
fn people_come_before_revisions_before_events_before_sweeps() {
    let mut queue = Queue::new(1);
    queue.push(NOW, guild(1), Trigger::Schedule, NOW);
    queue.push(NOW, guild(2), Trigger::Event, NOW);
    queue.push(at(QUIET.as_millis() as u64), guild(3), Trigger::Revision, NOW);
    queue.push(at(QUIET.as_millis() as u64), guild(4), Trigger::Person, NOW);
    assert_eq!(drain(&mut queue, QUIET), [4, 3, 2, 1].map(guild));
}

#[test]
fn a_guild_that_waits_becomes_more_urgent_and_keeps_its_place() {
    let mut queue = Queue::new(1);
    queue.push(NOW, guild(1), Trigger::Schedule, NOW);
    queue.push(at(1), guild(2), Trigger::Person, NOW);
    queue.push(at(2), guild(1), Trigger::Person, NOW);
    assert_eq!(drain(&mut queue, at(2)), [1, 2].map(guild));
}

#[test]
fn events_that_keep_coming_are_one_look_but_cannot_postpone_it_for_ever() {
    let mut queue = Queue::new(1);
    queue.push(NOW, guild(1), Trigger::Event, NOW);
    queue.push(at(40), guild(1), Trigger::Event, NOW);
    assert_eq!(queue.next_due(), Some(at(40) + QUIET));
    for millis in (50..=6_000).step_by(10) {
        queue.push(at(millis), guild(1), Trigger::Event, NOW);
    }
    assert_eq!(queue.next_due(), Some(LONGEST_PATIENCE));
    assert!(queue.pop(at(6_000)).is_some());
}

#[test]
fn a_person_does_not_wait_until_events_stop() {
    let mut queue = Queue::new(1);
    queue.push(NOW, guild(1), Trigger::Event, NOW);
    queue.push(at(10), guild(1), Trigger::Person, NOW);
    let work = queue.pop(at(10)).expect("a person asked");
    assert_eq!(work.triggers, [Trigger::Person, Trigger::Event]);
}

#[test]
fn a_guild_that_is_always_asked_for_takes_turns_with_others() {
    let mut queue = Queue::new(1);
    (1..=50).for_each(|number| queue.push(NOW, guild(number), Trigger::Schedule, NOW));
    let mut taken = Vec::new();
    for millis in 0..100 {
        queue.push(at(millis), guild(0), Trigger::Person, NOW);
        let work = queue.pop(at(millis)).expect("somebody is due");
        queue.push(at(millis), guild(0), Trigger::Person, NOW);
        queue.done(at(millis), work.guild, None);
        taken.push(work.guild);
    }
    let others = taken.iter().filter(|taken| **taken != guild(0)).count();
    assert_eq!(others, 50, "every second turn was another's");
}

#[test]
fn a_sweep_that_has_waited_long_overtakes_people() {
    let mut queue = Queue::new(1);
    queue.push(NOW, guild(0), Trigger::Schedule, NOW);
    let start = AGED.as_millis() as u64;
    for turn in 0..u64::from(FAIR_TURN) {
        queue.push(at(start), guild(100 + 2 * turn), Trigger::Person, NOW);
        queue.push(at(start), guild(101 + 2 * turn), Trigger::Person, NOW);
        let work = queue.pop(at(start)).expect("somebody is due");
        queue.done(at(start), work.guild, None);
        if work.guild == guild(0) {
            return;
        }
    }
    panic!("it never had its turn");
}

#[test]
fn a_forgotten_guild_is_not_looked_at_again() {
    let mut queue = Queue::new(1);
    queue.push(NOW, guild(1), Trigger::Person, NOW);
    queue.push(NOW, guild(2), Trigger::Person, NOW);
    assert_eq!(queue.pop(NOW).map(|work| work.guild), Some(guild(1)));
    queue.push(NOW, guild(1), Trigger::Person, NOW);
    queue.forget(guild(1));
    queue.forget(guild(2));
    queue.done(NOW, guild(1), None);
    assert_eq!((queue.pop(NOW), knows(&queue, guild(1)), knows(&queue, guild(2))), (None, false, false));
}

#[test]
fn ten_thousand_guilds_are_each_looked_at_once() {
    let mut queue = Queue::new(10);
    for round in 0..3 {
        (0..10_000).for_each(|number| queue.push(at(round), guild(number), Trigger::StartUp, at(number)));
    }
    assert_eq!((queue.depth(at(20_000)), queue.oldest(at(20_000))), (10_000, Some(at(20_000))));
    assert_eq!(drain(&mut queue, at(20_000)), (0..10_000).map(guild).collect::<Vec<_>>());
}

/// What can be done to a queue.
#[derive(Clone, Debug)]
enum Act {
    Push(u64, Trigger, u64),
    Pop,
    Done(usize, Option<(Trigger, u64)>),
    Hasten(u64),
    Forget(u64),
    Pass(u64),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let trigger = || prop::sample::select(Trigger::ALL);
    let guild = 0..6_u64;
    let act = prop_oneof![
        6 => (guild.clone(), trigger(), 0..3_000_u64).prop_map(|(g, t, wait)| Act::Push(g, t, wait)),
        6 => Just(Act::Pop),
        4 => (any::<prop::sample::Index>(), prop::option::of((trigger(), 0..3_000_u64)))
            .prop_map(|(i, again)| Act::Done(i.index(64), again)),
        1 => guild.clone().prop_map(Act::Hasten),
        1 => guild.prop_map(Act::Forget),
        4 => (0..2_000_u64).prop_map(Act::Pass),
    ];
    prop::collection::vec(act, 1..120)
}

/// A queue beside a plain account of what it owes.
struct Account {
    queue: Queue,
    now: Duration,
    running: Vec<GuildId>,
    owed: BTreeMap<GuildId, Owed>,
}

/// A look that is owed to a guild.
struct Owed {
    /// Every reason since it was last taken.
    reasons: BTreeSet<Trigger>,
    /// The moments between which it becomes due.
    earliest: Duration,
    latest: Duration,
}

impl Account {
    fn new(workers: usize) -> Self {
        Self { queue: Queue::new(workers), now: NOW, running: Vec::new(), owed: BTreeMap::new() }
    }

    fn owe(&mut self, guild: GuildId, trigger: Trigger, not_before: Duration) {
        let asked = self.now.max(not_before);
        // Events are looked at when they stop, and none puts anything off for longer than patience lasts.
        let (earliest, latest) = match trigger {
            Trigger::Event => (asked + QUIET, asked + LONGEST_PATIENCE),
            _ => (asked, asked),
        };
        let owed = self.owed.entry(guild).or_insert(Owed { reasons: BTreeSet::new(), earliest, latest });
        owed.reasons.insert(trigger);
        owed.earliest = owed.earliest.min(earliest);
        owed.latest = owed.latest.min(latest);
    }

    fn take(&mut self) -> Option<Work> {
        let work = self.queue.pop(self.now)?;
        assert!(!self.running.contains(&work.guild), "two looks at one guild");
        let Owed { reasons, earliest, latest: _ } = self.owed.remove(&work.guild).expect("somebody asked for it");
        assert!(earliest <= self.now, "too early");
        assert_eq!(work.triggers.iter().copied().collect::<BTreeSet<_>>(), reasons, "reasons were lost or made up");
        self.running.push(work.guild);
        Some(work)
    }

    fn act(&mut self, act: &Act, workers: usize) {
        match *act {
            Act::Push(number, trigger, wait) => {
                self.queue.push(self.now, guild(number), trigger, self.now + at(wait));
                self.owe(guild(number), trigger, self.now + at(wait));
            }
            Act::Pop => {
                let taken = self.take();
                let is_overdue = |(of, owed): (&GuildId, &Owed)| owed.latest <= self.now && !self.running.contains(of);
                let waits = self.owed.iter().any(is_overdue) && self.running.len() < workers;
                assert!(taken.is_some() || !waits, "somebody waits and nobody is taken");
            }
            Act::Done(index, again) if !self.running.is_empty() => {
                let done = self.running.swap_remove(index % self.running.len());
                let again = again.map(|(trigger, wait)| (trigger, self.now + at(wait)));
                self.queue.done(self.now, done, again);
                if let Some((trigger, not_before)) = again {
                    self.owe(done, trigger, not_before);
                }
            }
            Act::Done(..) => {}
            Act::Hasten(number) => {
                self.queue.hasten(self.now, guild(number));
                if let Some(owed) = self.owed.get_mut(&guild(number)) {
                    owed.earliest = owed.earliest.min(self.now);
                    owed.latest = owed.latest.min(self.now);
                }
            }
            Act::Forget(number) => {
                self.queue.forget(guild(number));
                self.owed.remove(&guild(number));
            }
            Act::Pass(millis) => self.now += at(millis),
        }
        assert!(self.running.len() <= workers);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn nothing_is_lost_doubled_or_early(acts in acts(), workers in 1..4_usize) {
        let mut account = Account::new(workers);
        acts.iter().for_each(|act| account.act(act, workers));
        // Then quiet: all are done, and everything that is owed is looked at.
        for done in std::mem::take(&mut account.running) {
            account.queue.done(account.now, done, None);
        }
        account.now += at(10_000);
        while let Some(work) = account.take() {
            account.queue.done(account.now, work.guild, None);
            account.running.clear();
        }
        prop_assert!(account.owed.is_empty(), "never looked at: {:?}", account.owed.keys());
        prop_assert!((0..6).all(|number| !knows(&account.queue, guild(number))));
        prop_assert_eq!(account.queue.next_due(), None);
    }

    #[test]
    fn whoever_is_due_is_looked_at_within_a_bounded_number_of_turns(
        urgent in prop::collection::vec((1..20_u64, prop::sample::select(Trigger::ALL)), 200),
        before in 0..10_u64,
    ) {
        let mut queue = Queue::new(1);
        (100..100 + before).for_each(|number| queue.push(NOW, guild(number), Trigger::Schedule, NOW));
        queue.push(at(1), guild(0), Trigger::Schedule, NOW);
        let mut now = at(1) + AGED;
        let mut turns = 0;
        for (number, trigger) in urgent {
            queue.push(now, guild(number), trigger, now);
            let Some(work) = queue.pop(now) else { continue };
            queue.done(now, work.guild, None);
            turns += 1;
            now += at(20);
            if work.guild == guild(0) {
                break;
            }
        }
        prop_assert!(!knows(&queue, guild(0)), "still waiting after {turns} turns");
        prop_assert!(turns <= u64::from(FAIR_TURN) * (before + 2), "{turns} turns with {before} before it");
    }

    #[test]
    fn it_says_when_to_come_back(acts in acts()) {
        let mut account = Account::new(2);
        for act in &acts {
            account.act(act, 2);
            if let Some(due) = account.queue.next_due() {
                let mut early = account.queue.clone();
                if let Some(before) = due.checked_sub(at(1)).filter(|before| *before >= account.now) {
                    prop_assert_eq!(early.pop(before), None);
                }
                prop_assert!(early.pop(due.max(account.now)).is_some());
            } else {
                prop_assert_eq!(account.queue.clone().pop(account.now), None);
            }
        }
    }
}
