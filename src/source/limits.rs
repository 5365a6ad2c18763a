//! How much a source may hold, and the only way to gather its files.
//!
//! Decides when there is too much, and when there is nothing. Knows nothing of where files come from.

use std::time::SystemTime;

use super::{Error, is_manifest};
use crate::manifest::Files;

/// How much a source may hold. Whoever writes into it could otherwise fill the memory of the process that reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes of one file. What is larger is no manifest, and no image Discord takes.
    pub file: u64,
    /// Most bytes of all files together.
    pub total: u64,
    /// Most files.
    pub files: usize,
    /// Most entries of all folders, also those that are not read. A tree of git that names the same tree ten times takes a
    /// line, and ten of them one in another have more entries than anybody can visit.
    pub entries: usize,
    /// Most bytes that are fetched from a git server in one go: everything of a revision, also what is not read.
    pub fetched: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { file: 16 << 20, total: 64 << 20, files: 10_000, entries: 200_000, fetched: 1 << 30 }
    }
}

/// Files that are being gathered.
#[derive(Debug)]
pub(super) struct Gathering {
    limits: Limits,
    /// What people call the place, for messages.
    place: String,
    files: Files,
    count: usize,
    entries: usize,
    total: u64,
    has_manifest: bool,
    /// When something of it was changed last; none when the system does not say.
    changed: Option<SystemTime>,
}

impl Gathering {
    pub(super) fn new(limits: Limits, place: String) -> Self {
        let changed = Some(SystemTime::UNIX_EPOCH);
        Self { limits, place, files: Files::default(), count: 0, entries: 0, total: 0, has_manifest: false, changed }
    }

    /// Most bytes a file may have.
    pub(super) fn most_of_a_file(&self) -> u64 {
        self.limits.file
    }

    /// Counts an entry of a folder, whatever it is.
    ///
    /// # Errors
    /// When there were enough.
    pub(super) fn visit(&mut self) -> Result<(), Error> {
        self.entries += 1;
        if self.entries > self.limits.entries {
            return Err(Error::TooManyEntries { place: self.place.clone(), most: self.limits.entries });
        }
        Ok(())
    }

    /// Makes room for a file of so many bytes.
    ///
    /// # Errors
    /// When there is no room.
    pub(super) fn admit(&mut self, path: &str, bytes: u64) -> Result<(), Error> {
        if bytes > self.limits.file {
            return Err(Error::FileTooLarge { path: path.to_owned(), bytes, most: self.limits.file });
        }
        self.total += bytes;
        if self.total > self.limits.total {
            return Err(Error::TooLarge { place: self.place.clone(), most: self.limits.total });
        }
        self.count += 1;
        if self.count > self.limits.files {
            return Err(Error::TooManyFiles { place: self.place.clone(), most: self.limits.files });
        }
        Ok(())
    }

    /// Keeps a file that was admitted.
    ///
    /// # Errors
    /// When its path is none a manifest could name.
    pub(super) fn keep(&mut self, path: &str, bytes: Vec<u8>) -> Result<(), Error> {
        self.has_manifest |= is_manifest(path.rsplit('/').next().unwrap_or(path));
        self.files.insert(path, bytes).map_err(|source| Error::UnusableName { source })
    }

    /// Notes when a file or folder was changed; none when the system does not say.
    pub(super) fn was_changed(&mut self, at: Option<SystemTime>) {
        self.changed = self.changed.zip(at).map(|(before, at)| before.max(at));
    }

    /// When something of it was changed last; none when the system does not say.
    pub(super) fn changed(&self) -> Option<SystemTime> {
        self.changed
    }

    /// What was gathered so far.
    pub(super) fn files(&self) -> &Files {
        &self.files
    }

    /// All files.
    ///
    /// # Errors
    /// When there is no manifest among them: nothing is never what somebody wants their guild to be.
    pub(super) fn finish(self) -> Result<Files, Error> {
        if self.has_manifest { Ok(self.files) } else { Err(Error::NoManifest { place: self.place }) }
    }

    /// All files, whatever they are.
    pub(super) fn into_files(self) -> Files {
        self.files
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { file: 10, total: 25, files: 3, entries: 4, fetched: 0 };

    fn gather(sizes: &[u64]) -> Result<Files, Error> {
        let mut gathering = Gathering::new(LIMITS, "the folder".to_owned());
        for (number, size) in sizes.iter().enumerate() {
            let path = format!("{number}.yaml");
            gathering.admit(&path, *size)?;
            gathering.keep(&path, vec![b'x'; usize::try_from(*size).expect("small")])?;
        }
        gathering.finish()
    }

    #[test]
    fn limits_are_exact() {
        assert_eq!(gather(&[10]).expect("room").iter().count(), 1);
        assert!(matches!(gather(&[11]), Err(Error::FileTooLarge { bytes: 11, most: 10, .. })));
        assert!(gather(&[10, 10, 5]).is_ok());
        assert!(matches!(gather(&[10, 10, 6]), Err(Error::TooLarge { most: 25, .. })));
        assert!(gather(&[1, 1, 1]).is_ok());
        assert!(matches!(gather(&[1, 1, 1, 1]), Err(Error::TooManyFiles { most: 3, .. })));
    }

    #[test]
    fn what_is_not_read_is_counted_too() {
        let mut gathering = Gathering::new(LIMITS, "the folder".to_owned());
        for _ in 0..4 {
            gathering.visit().expect("room");
        }
        assert!(matches!(gathering.visit(), Err(Error::TooManyEntries { most: 4, .. })));
    }

    #[test]
    fn nothing_is_an_error() {
        assert!(matches!(gather(&[]), Err(Error::NoManifest { place }) if place == "the folder"));
        let mut images = Gathering::new(LIMITS, "the folder".to_owned());
        images.keep("icon.png", vec![1]).expect("a name");
        assert!(matches!(images.finish(), Err(Error::NoManifest { .. })));
    }
}
