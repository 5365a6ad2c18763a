//! Which looks this replica took from all of them, and what became of them.
//!
//! Pure bookkeeping: a look is done when a visit that began after it was taken is over. What is taken during a visit waits for
//! another one.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::cache::Entry;
use crate::model::GuildId;
use crate::store::Trigger;

/// How long it is remembered what was asked of others: they may have died with it, and Redis too.
const MEMORY: Duration = Duration::from_secs(60);

/// Looks that were taken and are not done.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    guilds: BTreeMap<GuildId, Account>,
}

/// The looks at one guild.
#[derive(Debug, Default)]
struct Account {
    /// No visit has begun since they were taken.
    waiting: Vec<(Entry, Trigger)>,
    /// The visit under way is about them.
    under_way: Vec<(Entry, Trigger)>,
}

impl Ledger {
    /// A look was taken.
    pub(super) fn take(&mut self, guild: GuildId, entry: Entry, trigger: Trigger) {
        self.guilds.entry(guild).or_default().waiting.push((entry, trigger));
    }

    /// A visit begins. True when it is about something that was taken.
    pub(super) fn begin(&mut self, guild: GuildId) -> bool {
        let Some(account) = self.guilds.get_mut(&guild) else { return false };
        account.under_way.append(&mut account.waiting);
        true
    }

    /// The visit is over, and this is done.
    pub(super) fn end(&mut self, guild: GuildId) -> Vec<Entry> {
        let Some(account) = self.guilds.get_mut(&guild) else { return Vec::new() };
        let done = std::mem::take(&mut account.under_way);
        if account.waiting.is_empty() {
            self.guilds.remove(&guild);
        }
        done.into_iter().map(|(entry, _)| entry).collect()
    }

    /// The visit came to nothing, and another is about the same.
    pub(super) fn put_back(&mut self, guild: GuildId) {
        if let Some(account) = self.guilds.get_mut(&guild) {
            account.waiting.append(&mut account.under_way);
        }
    }

    /// Gives up everything no visit has begun for, for others to take.
    pub(super) fn give_up(&mut self) -> Vec<(GuildId, Trigger, Entry)> {
        let mut given_up = Vec::new();
        for (guild, account) in &mut self.guilds {
            given_up.extend(account.waiting.drain(..).map(|(entry, trigger)| (*guild, trigger, entry)));
        }
        self.guilds.retain(|_, account| !account.under_way.is_empty());
        given_up
    }

    /// Forgets everything: others have taken it over.
    pub(super) fn clear(&mut self) {
        self.guilds.clear();
    }

    /// Everything that is not done.
    pub(super) fn entries(&self) -> Vec<Entry> {
        let looks = |account: &Account| {
            let Account { waiting, under_way } = account;
            waiting.iter().chain(under_way).map(|(entry, _)| entry.clone()).collect::<Vec<_>>()
        };
        self.guilds.values().flat_map(looks).collect()
    }

    /// At how many guilds.
    pub(super) fn len(&self) -> usize {
        self.guilds.len()
    }
}

/// What was asked of other replicas lately.
#[derive(Debug, Default)]
pub(super) struct Asked {
    lately: VecDeque<(Duration, GuildId, Trigger)>,
}

impl Asked {
    /// Notes that looks are asked for.
    pub(super) fn note(&mut self, now: Duration, guilds: impl IntoIterator<Item = GuildId>, trigger: Trigger) {
        self.forget(now);
        self.lately.extend(guilds.into_iter().map(|guild| (now, guild, trigger)));
    }

    /// Everything that was asked for lately, once.
    pub(super) fn recall(&mut self, now: Duration) -> BTreeMap<GuildId, Trigger> {
        self.forget(now);
        self.lately.drain(..).map(|(_, guild, trigger)| (guild, trigger)).collect()
    }

    fn forget(&mut self, now: Duration) {
        while self.lately.front().is_some_and(|(at, _, _)| *at + MEMORY < now) {
            self.lately.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::Lane;

    fn guild(id: u64) -> GuildId {
        GuildId::new_checked(id).expect("a snowflake")
    }

    fn entry(id: &str) -> Entry {
        Entry::at(Lane::Rest, id)
    }

    #[test]
    fn a_look_is_done_with_the_first_visit_that_began_after_it_was_taken() {
        let mut ledger = Ledger::default();
        let one = guild(1);
        assert!(!ledger.begin(one), "nothing was taken");
        ledger.take(one, entry("1"), Trigger::Event);
        assert!(ledger.begin(one));
        ledger.take(one, entry("2"), Trigger::Event);
        assert_eq!(ledger.end(one), [entry("1")]);
        assert_eq!(ledger.entries(), [entry("2")]);
        assert!(ledger.begin(one));
        assert_eq!(ledger.end(one), [entry("2")]);
        assert_eq!((ledger.len(), ledger.end(one).len()), (0, 0));
    }

    #[test]
    fn a_visit_that_came_to_nothing_leaves_its_looks() {
        let mut ledger = Ledger::default();
        ledger.take(guild(1), entry("1"), Trigger::Person);
        ledger.begin(guild(1));
        ledger.put_back(guild(1));
        assert_eq!(ledger.end(guild(1)), []);
        assert_eq!(ledger.entries(), [entry("1")]);
    }

    #[test]
    fn who_leaves_gives_up_what_it_did_not_begin() {
        let mut ledger = Ledger::default();
        ledger.take(guild(1), entry("1"), Trigger::Person);
        ledger.begin(guild(1));
        ledger.take(guild(1), entry("2"), Trigger::Event);
        ledger.take(guild(2), entry("3"), Trigger::Revision);
        let given_up = [(guild(1), Trigger::Event, entry("2")), (guild(2), Trigger::Revision, entry("3"))];
        assert_eq!(ledger.give_up(), given_up);
        assert_eq!(ledger.entries(), [entry("1")], "the visit under way goes on");
        assert_eq!(ledger.end(guild(1)), [entry("1")]);
        assert_eq!(ledger.len(), 0);
    }

    #[test]
    fn what_was_asked_of_others_is_recalled_once_and_for_a_minute() {
        let mut asked = Asked::default();
        asked.note(Duration::ZERO, [guild(1)], Trigger::Event);
        asked.note(Duration::from_secs(30), [guild(2)], Trigger::Person);
        let recalled = asked.recall(Duration::from_secs(61));
        assert_eq!(recalled.into_iter().collect::<Vec<_>>(), [(guild(2), Trigger::Person)]);
        assert!(asked.recall(Duration::from_secs(61)).is_empty());
    }
}
