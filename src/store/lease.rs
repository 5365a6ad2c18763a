//! The right to change a guild: at any time one holder has it.
//!
//! A holder that dies gives it back: a lock on a file goes with its process, however that ends, so nobody waits for
//! anything to expire and nobody's hand is needed after a crash.

use std::collections::BTreeSet;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::Error;
use crate::model::GuildId;

/// The right to change one guild. It is given back when dropped.
#[derive(Debug)]
#[must_use = "the right is gone as soon as this is dropped"]
pub struct Lease {
    guild: GuildId,
    taken: Taken,
    /// Locked for as long as it is open; none for a database that other processes cannot see.
    _file: Option<File>,
}

impl Lease {
    /// Which guild.
    pub fn guild(&self) -> GuildId {
        self.guild
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.guild);
    }
}

type Taken = Arc<Mutex<BTreeSet<GuildId>>>;

/// Gives out leases for one database.
#[derive(Debug)]
pub(super) struct Leases {
    taken: Taken,
    /// The database's file; none for one in memory.
    database: Option<PathBuf>,
}

impl Leases {
    pub(super) fn of(database: Option<PathBuf>) -> Self {
        Self { taken: Taken::default(), database }
    }

    /// The right to change `guild`, unless somebody else has it. Does not wait.
    pub(super) fn take(&self, guild: GuildId) -> Result<Lease, Error> {
        let file = match &self.database {
            Some(database) => Some(locked(&beside(database, guild), guild)?),
            None => None,
        };
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if !taken.insert(guild) {
            return Err(Error::GuildBusy { guild });
        }
        Ok(Lease { guild, taken: Arc::clone(&self.taken), _file: file })
    }
}

/// `setai.db.1234.lock` beside `setai.db`.
fn beside(database: &Path, guild: GuildId) -> PathBuf {
    let mut name = database.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{guild}.lock"));
    database.with_file_name(name)
}

fn locked(path: &Path, guild: GuildId) -> Result<File, Error> {
    let cannot_open = |source: std::io::Error| Error::CannotOpen { path: path.to_owned(), source: source.into() };
    let file = File::options().create(true).append(true).open(path).map_err(cannot_open)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::GuildBusy { guild }),
        Err(TryLockError::Error(source)) => Err(cannot_open(source)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holder_at_a_time_and_each_guild_for_itself() {
        let directory = tempfile::tempdir().expect("directory");
        let (one, other) = (GuildId::new(22), GuildId::new(23));
        for database in [None, Some(directory.path().join("setai.db"))] {
            let leases = Leases::of(database);
            let held = leases.take(one).expect("nobody has it");
            assert_eq!(held.guild(), one);
            assert!(matches!(leases.take(one), Err(Error::GuildBusy { guild }) if guild == one));
            drop(leases.take(other).expect("another guild"));
            drop(held);
            drop(leases.take(one).expect("given back"));
        }
    }

    #[test]
    fn another_process_at_the_same_file_has_to_wait() {
        let directory = tempfile::tempdir().expect("directory");
        let file = directory.path().join("setai.db");
        let (here, there) = (Leases::of(Some(file.clone())), Leases::of(Some(file)));
        let held = here.take(GuildId::new(22)).expect("nobody has it");
        assert!(matches!(there.take(GuildId::new(22)), Err(Error::GuildBusy { .. })));
        drop(held);
        drop(there.take(GuildId::new(22)).expect("given back"));
    }
}
