//! Where fetched objects are kept between two looks.
//!
//! Decides when it is better to begin anew, and whose folder it is: nothing is deleted in one that was not made here.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use git2::Repository;
use tokio_util::sync::CancellationToken;

use crate::source::Error;

/// A file that says whose folder it is. Whoever holds a lock on it works there.
const MARK: &str = "setai-source";

/// Each fetch leaves two files. With more than these, reading gets slow, and fetching one revision anew is cheaper.
const MOST_FILES: usize = 100;

/// How long to wait for somebody else who works there.
const PATIENCE: Duration = Duration::from_secs(10);

/// The repository of a cache, which nobody else uses meanwhile.
pub(super) struct Cache {
    pub(super) repository: Repository,
    _lock: File,
}

/// Opens a cache, and makes it where there is none.
///
/// # Errors
/// When the folder cannot be used, or is somebody else's.
pub(super) fn open(path: &Path, stop: &CancellationToken) -> Result<Cache, Error> {
    let lock = lock(path, stop)?;
    let is_tidy = fs::read_dir(path.join("objects/pack")).is_ok_and(|files| files.count() <= MOST_FILES);
    if is_tidy && let Ok(repository) = Repository::open_bare(path) {
        return Ok(Cache { repository, _lock: lock });
    }
    begin_anew(path, lock)
}

/// Throws away what a cache has, because it is damaged or in the way.
///
/// # Errors
/// When the folder cannot be used, or is somebody else's.
pub(super) fn renew(path: &Path, stop: &CancellationToken) -> Result<Cache, Error> {
    let lock = lock(path, stop)?;
    begin_anew(path, lock)
}

fn begin_anew(path: &Path, lock: File) -> Result<Cache, Error> {
    empty(path).map_err(|error| unusable(path, &error.to_string()))?;
    let repository = Repository::init_bare(path).map_err(|error| unusable(path, error.message()))?;
    Ok(Cache { repository, _lock: lock })
}

fn lock(path: &Path, stop: &CancellationToken) -> Result<File, Error> {
    let failed = |error: io::Error| unusable(path, &error.to_string());
    let mark = path.join(MARK);
    if !mark.exists() {
        make_private(path).map_err(failed)?;
        if fs::read_dir(path).map_err(failed)?.next().is_some() {
            return Err(Error::NotACache { path: path.to_owned() });
        }
    }
    let file = File::options().create(true).append(true).open(&mark).map_err(failed)?;
    let began = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            // One that was stopped just now takes a moment to notice.
            Err(TryLockError::WouldBlock) if began.elapsed() < PATIENCE && !stop.is_cancelled() => {
                std::thread::sleep(Duration::from_millis(10));
            }
            Err(TryLockError::WouldBlock) => return Err(unusable(path, "another process is using it")),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
    }
}

fn unusable(path: &Path, why: &str) -> Error {
    Error::Cache { path: path.to_owned(), why: why.to_owned() }
}

/// What is in a private repository is nobody else's to look into.
fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

fn empty(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name() == MARK {
            continue;
        }
        if entry.file_type()?.is_dir() { fs::remove_dir_all(entry.path()) } else { fs::remove_file(entry.path()) }?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_once() -> CancellationToken {
        let stop = CancellationToken::new();
        stop.cancel();
        stop
    }

    fn open(path: &Path) -> Result<Cache, Error> {
        super::open(path, &at_once())
    }

    #[test]
    fn a_folder_of_somebody_else_is_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("diary.txt"), "dear diary").expect("a file");
        assert!(matches!(open(folder.path()), Err(Error::NotACache { .. })));
        assert!(matches!(renew(folder.path(), &at_once()), Err(Error::NotACache { .. })));
        assert!(folder.path().join("diary.txt").exists());
    }

    #[test]
    fn a_cache_is_used_by_one_at_a_time_and_made_anew_when_it_is_broken() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("deep/cache");
        let held = open(&path).expect("a cache");
        assert!(matches!(open(&path), Err(Error::Cache { why, .. }) if why == "another process is using it"));
        drop(held);
        fs::write(path.join("HEAD"), "rubbish").expect("a file");
        fs::remove_dir_all(path.join("refs")).expect("a folder");
        assert!(open(&path).is_ok());
        for number in 0..=MOST_FILES {
            fs::write(path.join("objects/pack").join(number.to_string()), "").expect("a file");
        }
        assert!(open(&path).is_ok());
        assert_eq!(fs::read_dir(path.join("objects/pack")).expect("a folder").count(), 0, "it was begun anew");
    }
}
