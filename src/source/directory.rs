//! A folder of this machine as a source.
//!
//! Decides when a folder is at rest, because somebody may be writing into it: what is read counts when nothing of it was
//! changed for a while, or when it is read twice alike.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;

use super::digest::digest;
use super::folder::{Links, gather, identity};
use super::watch::Watch;
use super::{Content, Error, Limits, Look, Revision, Source, elsewhere};
use crate::clock::Clock;
use crate::manifest::Files;

/// How long to wait between two readings that have to agree. An editor writes a file in far less.
const BREATH: Duration = Duration::from_millis(100);

/// A folder of this machine in which nothing was changed for so long is at rest.
const QUIET: Duration = Duration::from_secs(2);

/// How often a folder is read to find it at rest.
const READINGS: usize = 20;

/// A folder of this machine.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    name: String,
    clock: Clock,
    limits: Limits,
    watch: Watch,
    /// True when its times are of the same clock as ours.
    is_here: bool,
}

impl Directory {
    /// The folder at a path. It may come later, and may be replaced by another; the system is asked to tell of changes, where
    /// it knows of them.
    ///
    /// # Errors
    /// When the path can be that of no folder.
    pub fn new(path: &Path, clock: Clock) -> Result<Self, Error> {
        if elsewhere::may_be(path) { Self::polled(path, clock) } else { Self::with(path, clock, Watch::new, true) }
    }

    /// The same, without asking the system to tell of changes: of folders on other machines (NFS, SMB) it does not know
    /// them. They are looked at now and then.
    ///
    /// # Errors
    /// When the path can be that of no folder.
    pub fn polled(path: &Path, clock: Clock) -> Result<Self, Error> {
        Self::with(path, clock, |_| Watch::none(), false)
    }

    fn with(path: &Path, clock: Clock, watch: fn(&Path) -> Watch, is_here: bool) -> Result<Self, Error> {
        let unreadable = |source| Error::Unreadable { path: path.to_owned(), source };
        let path = std::path::absolute(path).map_err(unreadable)?;
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        Ok(Self { watch: watch(&path), path, name, clock, limits: Limits::default(), is_here })
    }

    /// The same with other limits.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    async fn read(&self) -> Result<Reading, Error> {
        let (path, limits, is_here) = (self.path.clone(), self.limits, self.is_here);
        let reading = tokio::task::spawn_blocking(move || {
            let (began, root) = (SystemTime::from(Clock::system().now()), identity(&path));
            let gathered = gather(&path, Links::Refuse, limits)?;
            // A link on the way there that is turned to another folder changes nothing in either.
            let is_the_same = root.is_some() && root == identity(&path);
            let is_at_rest = is_here && is_the_same && was_quiet(gathered.changed(), began);
            let files = gathered.finish()?;
            Ok(Reading { id: digest(&files), files, is_at_rest })
        });
        reading.await.unwrap_or_else(|_| Err(Error::Unsettled { path: self.path.clone() }))
    }

    fn judge(&self, known: Option<&Revision>, reading: Reading) -> Look {
        if known.is_some_and(|known| known.id == reading.id && known.name == self.name) {
            return Look::Unchanged;
        }
        let name = self.name.clone();
        let revision = Revision { name, id: reading.id, subject: None, author: None, at: None, signed_by: None };
        Look::New(Box::new(Content { revision, files: reading.files }))
    }
}

struct Reading {
    id: String,
    files: Files,
    is_at_rest: bool,
}

/// True when nothing was changed for a while before `now`. A change that is yet to come means that somebody set the clock.
fn was_quiet(changed: Option<SystemTime>, now: SystemTime) -> bool {
    changed.and_then(|changed| now.duration_since(changed).ok()).is_some_and(|age| age >= QUIET)
}

/// True when two readings say the same, be it the same trouble.
fn agree(one: &Result<Reading, Error>, other: &Result<Reading, Error>) -> bool {
    match (one, other) {
        (Ok(one), Ok(other)) => one.id == other.id,
        (Err(one), Err(other)) => one.reason() == other.reason(),
        _ => false,
    }
}

#[async_trait]
impl Source for Directory {
    fn describe(&self) -> String {
        self.path.display().to_string()
    }

    async fn look(&self, known: Option<&Revision>) -> Result<Look, Error> {
        // Before anything is read, so that no change is missed between the two.
        self.watch.renew();
        let mut before = self.read().await;
        // What was at rest once need not be read twice.
        let was_known = |reading: &Reading| known.is_some_and(|known| reading.id == known.id);
        if before.as_ref().is_ok_and(|reading| reading.is_at_rest || was_known(reading)) {
            return before.map(|reading| self.judge(known, reading));
        }
        for _ in 1..READINGS {
            self.clock.sleep(BREATH).await;
            let after = self.read().await;
            if agree(&before, &after) {
                return after.map(|reading| self.judge(known, reading));
            }
            before = after;
        }
        Err(Error::Unsettled { path: self.path.clone() })
    }

    async fn at(&self, _: &str) -> Result<Option<Content>, Error> {
        Ok(None)
    }

    async fn changed(&self) {
        self.watch.changed(&self.clock).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_at_rest_when_nothing_was_changed_for_a_while() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
        assert!(was_quiet(Some(now - QUIET), now));
        assert!(!was_quiet(Some(now - QUIET + Duration::from_millis(1)), now), "somebody may be writing");
        assert!(!was_quiet(Some(now + Duration::from_secs(60)), now), "somebody set the clock");
        assert!(!was_quiet(None, now), "nobody says");
    }
}
