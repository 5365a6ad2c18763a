//! What is bound in guilds, as far as this process remembers it: a guild is looked at again and again while nothing changes.
//!
//! Only for glances. Whoever changes something reads it anew under the lease.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::model::{Bindings, GuildId};
use crate::store::{Mark, Since};

use super::engine::{Engine, Error};

/// Most bindings that are remembered, of all guilds together: some megabytes.
const MOST: usize = 32_768;

/// The bindings of guilds, each with the moment they are of.
#[derive(Debug, Default)]
pub(super) struct Bound {
    guilds: BTreeMap<GuildId, (Mark, Arc<Bindings>)>,
    /// How many there are.
    size: usize,
}

impl Bound {
    fn of(&self, guild: GuildId) -> Option<(Mark, Arc<Bindings>)> {
        self.guilds.get(&guild).map(|(mark, bindings)| (*mark, Arc::clone(bindings)))
    }

    fn keep(&mut self, guild: GuildId, mark: Option<Mark>, bindings: &Arc<Bindings>) {
        if let Some((_, old)) = self.guilds.remove(&guild) {
            self.size -= size(&old);
        }
        let Some(mark) = mark.filter(|_| size(bindings) <= MOST) else { return };
        while self.size + size(bindings) > MOST {
            // Guilds come in turn, so of more than there is room for the one that was used last is as good as any.
            let Some((_, (_, other))) = self.guilds.pop_first() else { break };
            self.size -= size(&other);
        }
        self.size += size(bindings);
        self.guilds.insert(guild, (mark, Arc::clone(bindings)));
    }
}

fn size(bindings: &Bindings) -> usize {
    let Bindings { roles, categories, channels, images } = bindings;
    1 + roles.len() + categories.len() + channels.len() + images.len()
}

impl Engine {
    /// What is bound in a guild, from memory while nobody had the right to change it since.
    pub(super) async fn bound(&self, guild: GuildId) -> Result<Arc<Bindings>, Error> {
        let remembered = self.bound.lock().of(guild);
        let known = remembered.as_ref().map(|(mark, _)| *mark);
        match (self.store.bindings_since(guild, known).await?, remembered) {
            (Since::Same, Some((_, bindings))) => Ok(bindings),
            (Since::Same, None) => Ok(Arc::new(self.store.bindings(guild).await?)),
            (Since::Read { bindings, mark }, _) => {
                let bindings = Arc::new(bindings);
                self.bound.lock().keep(guild, mark, &bindings);
                Ok(bindings)
            }
        }
    }
}

/// The same for all clones of an engine.
#[derive(Clone, Debug, Default)]
pub(super) struct Shared(Arc<Mutex<Bound>>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Bound> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use twilight_model::id::Id;

    use super::*;
    use crate::model::{Binding, Provenance};

    fn many(count: usize) -> Arc<Bindings> {
        let mut bindings = Bindings::default();
        for n in 1..=count {
            let key = format!("role-{n}").parse().expect("a key");
            bindings.roles.insert(key, Binding::new(Id::new(n as u64), Provenance::Adopted));
        }
        Arc::new(bindings)
    }

    #[test]
    fn no_more_is_remembered_than_there_is_room_for() {
        let mut bound = Bound::default();
        let some = many(MOST / 4);
        for guild in 1..=9 {
            bound.keep(Id::new(guild), Some(Mark::default()), &some);
            assert!(bound.size <= MOST, "{}", bound.size);
        }
        assert!(bound.of(Id::new(9)).is_some() && bound.of(Id::new(1)).is_none());
        bound.keep(Id::new(9), None, &some);
        assert!(bound.of(Id::new(9)).is_none(), "they were being changed");
        bound.keep(Id::new(8), Some(Mark::default()), &many(MOST));
        assert!(bound.of(Id::new(8)).is_none(), "they are too many");
        let left: usize = bound.guilds.values().map(|(_, bindings)| size(bindings)).sum();
        assert_eq!(bound.size, left);
    }
}
