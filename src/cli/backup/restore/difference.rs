//! What a database would forget and what it would remember again, compared with the present one: above all, which keys would
//! stand for other objects than now.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Serialize;

use crate::cli::failure::chain;
use crate::model::{Bindings, GuildId, KindBindings};
use crate::plan::render::Tone;
use crate::store::{self, DatabaseUrl, Examination, Store};

/// The difference, as far as it is known.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Difference {
    /// There is nothing to compare with.
    Nothing,
    /// The present database cannot be read.
    Unknown(String),
    /// What differs.
    Known { runs: (u64, u64), audit_rows: (u64, u64), guilds: Vec<Changed> },
}

/// Keys of one guild that would not stand for what they stand for now.
#[derive(Debug, Serialize)]
pub(super) struct Changed {
    guild: GuildId,
    /// Bound now and not then.
    forgotten: Vec<String>,
    /// Bound then and not now.
    bound_again: Vec<String>,
    /// Bound to something else.
    other_object: Vec<String>,
}

impl Difference {
    /// Compares the database at `place` with the one that would take its place. Neither is changed.
    pub(super) async fn between(place: &Path, staged: &Path, work: &Path) -> Self {
        if !place.exists() {
            return Self::Nothing;
        }
        Self::read(place, staged, work).await.unwrap_or_else(|error| Self::Unknown(chain(&error)))
    }

    async fn read(place: &Path, staged: &Path, work: &Path) -> Result<Self, store::Error> {
        // Opening brings tables up to date, so both are read as copies.
        let (now, then) = (work.join("now.db"), work.join("then.db"));
        store::copy(place, &now).await?;
        store::copy(staged, &then).await?;
        let (was, will) = (store::examine(&now).await?, store::examine(&then).await?);
        let both: BTreeSet<GuildId> = was.guilds.iter().chain(&will.guilds).copied().collect();
        let (now, then) = (store::open(&DatabaseUrl::File(now)).await?, store::open(&DatabaseUrl::File(then)).await?);
        let guilds = changed(&*now, &*then, both).await;
        now.close().await;
        then.close().await;
        let rows = |of: &Examination, table| of.rows.get(table).copied().unwrap_or_default();
        let both = |table| (rows(&was, table), rows(&will, table));
        Ok(Self::Known { runs: both("reconciliations"), audit_rows: both("audit_logs"), guilds: guilds? })
    }

    /// The difference in words.
    pub(super) fn lines(&self) -> Vec<(Tone, String)> {
        match self {
            Self::Nothing => Vec::new(),
            Self::Unknown(why) => {
                vec![(Tone::Warn, format!("The present one cannot be read ({why}), so what is lost is not known."))]
            }
            Self::Known { runs, audit_rows, guilds } => {
                let counts = format!(
                    "Runs: {} now, {} then. Audit rows: {} now, {} then.",
                    runs.0, runs.1, audit_rows.0, audit_rows.1
                );
                let guilds = guilds.iter().flat_map(Changed::lines);
                std::iter::once((Tone::Plain, counts)).chain(guilds).collect()
            }
        }
    }
}

impl Changed {
    fn lines(&self) -> Vec<(Tone, String)> {
        let Self { guild, forgotten, bound_again, other_object } = self;
        let kinds = [
            (forgotten, "are bound now and will not be"),
            (bound_again, "are bound to nothing now and will be bound again"),
            (other_object, "will be bound to another object than now"),
        ];
        let kinds = kinds.iter().filter(|(keys, _)| !keys.is_empty());
        kinds
            .map(|(keys, what)| (Tone::Warn, format!("  guild {guild}: {} key(s) {what}: {}", keys.len(), some(keys))))
            .collect()
    }
}

/// As many as people want to read.
fn some(keys: &[String]) -> String {
    const FIRST: usize = 8;
    let first = keys.iter().take(FIRST).cloned().collect::<Vec<_>>().join(", ");
    if keys.len() > FIRST { format!("{first} and {} more", keys.len() - FIRST) } else { first }
}

async fn changed(now: &dyn Store, then: &dyn Store, guilds: BTreeSet<GuildId>) -> Result<Vec<Changed>, store::Error> {
    let mut all = Vec::new();
    for guild in guilds {
        let (was, will) = (now.bindings(guild).await?, then.bindings(guild).await?);
        let mut changed = Changed { guild, forgotten: Vec::new(), bound_again: Vec::new(), other_object: Vec::new() };
        let Bindings { roles, categories, channels, images: _ } = &was;
        changed.compare("roles", roles, &will.roles);
        changed.compare("categories", categories, &will.categories);
        changed.compare("channels", channels, &will.channels);
        let Changed { guild: _, forgotten, bound_again, other_object } = &changed;
        if [forgotten, bound_again, other_object].iter().any(|keys| !keys.is_empty()) {
            all.push(changed);
        }
    }
    Ok(all)
}

impl Changed {
    fn compare<I: PartialEq>(&mut self, kind: &str, was: &KindBindings<I>, will: &KindBindings<I>) {
        for (key, binding) in was {
            match will.get(key) {
                None => self.forgotten.push(format!("{kind}.{key}")),
                Some(other) if other.id != binding.id => self.other_object.push(format!("{kind}.{key}")),
                Some(_) => {}
            }
        }
        let again = will.keys().filter(|key| !was.contains_key(*key));
        self.bound_again.extend(again.map(|key| format!("{kind}.{key}")));
    }
}
