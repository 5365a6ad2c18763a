//! What is bound in guilds, as far as this process remembers it: a guild is looked at again and again while nothing changes.
//!
//! Only for glances. Whoever changes something reads it anew under the lease.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::model::{Bindings, GuildId};
use crate::store::Bound;

use super::engine::{Engine, Error};

/// Most bindings that are remembered, of all guilds together: some megabytes.
const MOST: usize = 32_768;

/// The bindings of guilds, each with the moment they are of.
#[derive(Debug, Default)]
struct Memory {
    guilds: BTreeMap<GuildId, Bound>,
    /// How many there are.
    size: usize,
}

impl Memory {
    fn keep(&mut self, guild: GuildId, bound: &Bound) {
        if let Some(old) = self.guilds.remove(&guild) {
            self.size -= size(&old.bindings);
        }
        let more = size(&bound.bindings);
        if bound.mark.is_none() || more > MOST {
            return;
        }
        while self.size + more > MOST {
            // Guilds come in turn, so of more than there is room for the one that was used last is as good as any.
            let Some((_, other)) = self.guilds.pop_first() else { break };
            self.size -= size(&other.bindings);
        }
        self.size += more;
        self.guilds.insert(guild, bound.clone());
    }
}

fn size(bindings: &Bindings) -> usize {
    let Bindings { roles, categories, channels, images } = bindings;
    1 + roles.len() + categories.len() + channels.len() + images.len()
}

impl Engine {
    /// What is bound in a guild, from memory while nobody had the right to change it since.
    pub(super) async fn bound(&self, guild: GuildId) -> Result<Arc<Bindings>, Error> {
        let known = self.bound.lock().guilds.get(&guild).cloned();
        let bound = self.store.bindings_since(guild, known).await?;
        self.bound.lock().keep(guild, &bound);
        Ok(bound.bindings)
    }
}

/// The same for all clones of an engine.
#[derive(Clone, Debug, Default)]
pub(super) struct Shared(Arc<Mutex<Memory>>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use twilight_model::id::Id;

    use super::*;
    use crate::model::{Binding, Provenance};
    use crate::store::Mark;

    fn many(count: usize, mark: Option<Mark>) -> Bound {
        let mut bindings = Bindings::default();
        for n in 1..=count {
            let key = format!("role-{n}").parse().expect("a key");
            bindings.roles.insert(key, Binding::new(Id::new(n as u64), Provenance::Adopted));
        }
        Bound { bindings: Arc::new(bindings), mark }
    }

    #[test]
    fn no_more_is_remembered_than_there_is_room_for() {
        let mut memory = Memory::default();
        let free = Some(Mark::default());
        let some = many(MOST / 4, free);
        for guild in 1..=9 {
            memory.keep(Id::new(guild), &some);
            assert!(memory.size <= MOST, "{}", memory.size);
        }
        let knows = |memory: &Memory, guild| memory.guilds.contains_key(&Id::new(guild));
        assert!(knows(&memory, 9) && !knows(&memory, 1));
        memory.keep(Id::new(9), &many(MOST / 4, None));
        assert!(!knows(&memory, 9), "they were being changed");
        memory.keep(Id::new(8), &many(MOST, free));
        assert!(!knows(&memory, 8), "they are too many");
        let left: usize = memory.guilds.values().map(|bound| size(&bound.bindings)).sum();
        assert_eq!(memory.size, left);
    }
}
