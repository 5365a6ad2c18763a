//! Signs of life: how holders of leases at one machine know of each other that they are gone.
//!
//! A lease expires, but nobody at a terminal wants to wait for that after a crash. A lock on a file goes with its process,
//! however that ends, so whoever finds the lock free knows that the holder is dead and need not wait. It is no more than a
//! shortcut: a lease that has expired is taken from the living too, and the fencing number decides. A database server has
//! clients on many machines and no such files; there the expiry is all there is.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::Error;
use crate::model::GuildId;

/// Shown for as long as it exists.
#[derive(Debug)]
pub(super) enum Sign {
    /// A locked file.
    File { _lock: File },
    /// Something in this process.
    Memory { _life: Arc<()> },
    /// Nobody can see this one.
    None,
}

/// Where signs are shown.
#[derive(Debug)]
pub(super) enum Signs {
    /// In files beside that of the database.
    Beside(PathBuf),
    /// In this process, which is the only one that sees the database.
    Here(Mutex<BTreeMap<GuildId, Weak<()>>>),
    /// Nowhere.
    Nowhere,
}

impl Signs {
    /// Shows a sign, or nothing when somebody else shows theirs. With `is_free` nobody has a right to be waited for.
    pub(super) fn raise(&self, guild: GuildId, is_free: bool) -> Result<Option<Sign>, Error> {
        match self {
            Self::Beside(database) => locked(&beside(database, guild), is_free),
            Self::Here(signs) => {
                let mut signs = signs.lock().unwrap_or_else(PoisonError::into_inner);
                if !is_free && signs.get(&guild).is_some_and(|sign| sign.upgrade().is_some()) {
                    return Ok(None);
                }
                let life = Arc::new(());
                signs.insert(guild, Arc::downgrade(&life));
                Ok(Some(Sign::Memory { _life: life }))
            }
            Self::Nowhere => Ok(is_free.then_some(Sign::None)),
        }
    }
}

/// `setai.db.1234.lock` beside `setai.db`.
fn beside(database: &Path, guild: GuildId) -> PathBuf {
    let mut name = database.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{guild}.lock"));
    database.with_file_name(name)
}

/// Shows the signs of all guilds beside a database, so that no process at this machine gets a lease as long as they exist.
///
/// Fails with [`Error::Locked`] while somebody else shows one.
pub(super) fn claim_all(database: &Path) -> Result<Vec<Sign>, Error> {
    let cannot_read = |source: std::io::Error| Error::CannotOpen { path: database.to_owned(), source: source.into() };
    let folder = database.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let prefix = format!("{}.", database.file_name().unwrap_or_default().to_string_lossy());
    let mut signs = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(cannot_read)? {
        let name = entry.map_err(cannot_read)?.file_name().to_string_lossy().into_owned();
        let guild = name.strip_prefix(&prefix).and_then(|rest| rest.strip_suffix(".lock"));
        let Some(guild) = guild.and_then(|id| id.parse().ok()).and_then(GuildId::new_checked) else { continue };
        signs.push(locked(&beside(database, guild), false)?.ok_or(Error::Locked)?);
    }
    Ok(signs)
}

/// The lock on a file. Whoever holds it without a right keeps the file they have, and everybody after sees another one.
/// Nobody else gets in between: a transaction that writes has the database for itself.
fn locked(path: &Path, is_free: bool) -> Result<Option<Sign>, Error> {
    let cannot_open = |source: std::io::Error| Error::CannotOpen { path: path.to_owned(), source: source.into() };
    let open = || File::options().create(true).append(true).open(path).map_err(cannot_open);
    let mut file = open()?;
    let mut attempt = file.try_lock();
    if matches!(attempt, Err(TryLockError::WouldBlock)) && is_free {
        std::fs::remove_file(path).map_err(cannot_open)?;
        file = open()?;
        attempt = file.try_lock();
    }
    match attempt {
        Ok(()) => Ok(Some(Sign::File { _lock: file })),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(source)) => Err(cannot_open(source)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_living_are_waited_for_unless_their_time_is_over() {
        let directory = tempfile::tempdir().expect("directory");
        let (one, other) = (GuildId::new(22), GuildId::new(23));
        for signs in [Signs::Here(Mutex::default()), Signs::Beside(directory.path().join("setai.db"))] {
            let first = signs.raise(one, false).expect("no failure").expect("nobody is there");
            assert!(signs.raise(one, false).expect("no failure").is_none(), "the first one lives: {signs:?}");
            assert!(signs.raise(other, false).expect("no failure").is_some(), "each guild for itself");
            let second = signs.raise(one, true).expect("no failure").expect("the first one has no right any more");
            drop(first);
            assert!(signs.raise(one, false).expect("no failure").is_none(), "the second one lives: {signs:?}");
            drop(second);
            assert!(signs.raise(one, false).expect("no failure").is_some(), "everybody is gone: {signs:?}");
        }
    }

    #[test]
    fn where_nobody_sees_signs_only_time_tells() {
        assert!(Signs::Nowhere.raise(GuildId::new(22), false).expect("no failure").is_none());
        assert!(Signs::Nowhere.raise(GuildId::new(22), true).expect("no failure").is_some());
    }
}
