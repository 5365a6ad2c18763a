//! What was told and nobody has taken yet.
//!
//! Decides what happens when events come faster than they are taken: they become coarser, and none is lost. Of a guild of
//! which too much is waiting, it is said at the end that it is worth a look.

use std::collections::{BTreeSet, VecDeque};

use tokio::sync::mpsc::Sender;

use crate::model::GuildId;

use super::event::{Change, Event};

/// Events on their way to whoever listens.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    waiting: VecDeque<Event>,
    coarse: BTreeSet<GuildId>,
}

/// Nobody listens any more.
#[derive(Debug)]
pub(super) struct Closed;

impl Outbox {
    /// Most events that wait as they are. A whole guild takes some hundred kilobytes.
    const MOST: usize = 64;
    /// Most commands that wait; each has to be answered within three seconds anyway.
    const MOST_INTERACTIONS: usize = 1024;

    pub(super) fn push(&mut self, event: Event) {
        let most = match &event {
            Event::Interaction(_) => Self::MOST_INTERACTIONS,
            _ => Self::MOST,
        };
        match event.guild() {
            _ if self.waiting.len() < most => self.waiting.push_back(event),
            // Whether a guild is there is kept as it is: it says which guilds there are to look at.
            Some(_) if matches!(event, Event::Unavailable(_) | Event::Removed(_)) => self.waiting.push_back(event),
            Some(guild) => _ = self.coarse.insert(guild),
            None if matches!(event, Event::Interaction(_)) => {
                tracing::warn!("commands come faster than they are taken; one is left unanswered");
            }
            // Hardly any of them is for us, and whoever wrote one can write it again.
            None if matches!(event, Event::Message(_)) => {}
            None => self.waiting.push_back(event),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.coarse.is_empty()
    }

    /// True when what comes next becomes coarser.
    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= Self::MOST
    }

    /// Hands one event over. Nothing is lost when this is not waited for to its end.
    pub(super) async fn deliver(&mut self, to: &Sender<Event>) -> Result<(), Closed> {
        let Ok(permit) = to.reserve().await else { return Err(Closed) };
        let coarse = || Some(Event::Changed { guild: self.coarse.pop_first()?, change: Change::Other });
        if let Some(event) = self.waiting.pop_front().or_else(coarse) {
            permit.send(event);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn what_is_too_much_becomes_coarser_and_is_not_lost() {
        let mut outbox = Outbox::default();
        let changed = |guild| Event::Changed {
            guild: GuildId::new(guild),
            change: Change::RoleDeleted(crate::model::RoleId::new(7)),
        };
        (0..Outbox::MOST).for_each(|_| outbox.push(changed(1)));
        assert!(outbox.is_full());
        (0..1000).for_each(|at| outbox.push(changed(2 + at % 2)));
        outbox.push(Event::Removed(GuildId::new(4)));
        let (sender, mut receiver) = mpsc::channel(1000);
        while !outbox.is_empty() {
            outbox.deliver(&sender).await.expect("somebody listens");
        }
        drop(sender);
        let mut told = Vec::new();
        while let Some(event) = receiver.recv().await {
            told.push(event);
        }
        let coarse = |guild| Event::Changed { guild: GuildId::new(guild), change: Change::Other };
        assert_eq!(told.len(), Outbox::MOST + 3);
        assert_eq!(told[Outbox::MOST..], [Event::Removed(GuildId::new(4)), coarse(2), coarse(3)]);
    }
}
