//! Reads the files of a folder of this machine.
//!
//! Decides which of them are read, and what a link is worth. Knows nothing of watching, and nothing of revisions.

use std::collections::BTreeSet;
use std::fs::{DirEntry, File, FileType, Metadata};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
#[cfg(unix)]
use std::time::Duration;
use std::time::SystemTime;

use super::limits::Gathering;
use super::{Error, Limits, is_foreign, is_hidden, is_manifest, is_wanted};
use crate::manifest::{Files, glob_name, named_in};

/// Stands in a pattern for any number of folders.
const ANY_FOLDERS: &str = "**";

/// What to do about symbolic links. They are never followed: one could lead anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Links {
    /// They are not there. For somebody who looks at the result before anything happens.
    Skip,
    /// One that might have led to manifests is an error, so that nothing is missing in silence.
    Refuse,
}

/// Reads everything in a folder that a manifest may be or name, and in the folders in it. There may be nothing.
///
/// # Errors
/// When something cannot be read, or there is too much.
pub fn read(root: &Path, links: Links, limits: Limits) -> Result<Files, Error> {
    gather(root, links, limits).map(Gathering::into_files)
}

/// Reads one file, whatever it is called, and then only what it names, and what that names. A pattern is looked for in the
/// folders it names. What is named and not there is not there; links are skipped.
///
/// # Errors
/// When something of that cannot be read, or is too much.
pub fn read_named(root: &Path, entry: &Path, limits: Limits) -> Result<Files, Error> {
    let mut gathering = Gathering::new(limits, place(root));
    let name = relative(root, entry)?;
    keep(entry, &name, &mut gathering)?;
    let mut unread = vec![name];
    while let Some(name) = unread.pop() {
        for named in named_in(gathering.files(), &name) {
            let parts: Vec<&str> = named.split('/').collect();
            let mut search = Search { root, gathering: &mut gathering, unread: &mut unread, seen: BTreeSet::new() };
            search.go_into(root, &parts)?;
        }
    }
    Ok(gathering.into_files())
}

/// A search for the files that match one pattern or path.
struct Search<'a> {
    root: &'a Path,
    gathering: &'a mut Gathering,
    /// Manifests that were found and may name more.
    unread: &'a mut Vec<String>,
    /// Folders, and how much of the pattern was left there: a second way to the same finds nothing else, and there can be
    /// very many.
    seen: BTreeSet<(PathBuf, usize)>,
}

impl Search<'_> {
    /// Keeps what is below a folder and matches the parts that are left of the pattern.
    fn go_into(&mut self, folder: &Path, parts: &[&str]) -> Result<(), Error> {
        let Some((part, rest)) = parts.split_first() else { return Ok(()) };
        if !self.seen.insert((folder.to_owned(), parts.len())) {
            return Ok(());
        }
        if *part == ANY_FOLDERS {
            self.go_into(folder, rest)?;
        }
        let deeper = if *part == ANY_FOLDERS { parts } else { rest };
        for (name, kind) in candidates(folder, part)? {
            self.gathering.visit()?;
            let path = folder.join(&name);
            if kind.is_dir() && !is_foreign(&name) {
                self.go_into(&path, deeper)?;
            } else if kind.is_file() && rest.is_empty() && is_wanted(&name) {
                let name = relative(self.root, &path)?;
                if self.gathering.files().get(&name).is_none() && keep(&path, &name, self.gathering)? {
                    self.unread.extend(is_manifest(&name).then_some(name));
                }
            }
        }
        Ok(())
    }
}

/// What in a folder is called as a part of a pattern says. Only for a real pattern is the folder listed, so that what lies
/// beside a file that is named need not be readable.
fn candidates(folder: &Path, part: &str) -> Result<Vec<(String, FileType)>, Error> {
    if !part.contains('*') {
        let path = folder.join(part);
        let there = found(std::fs::symlink_metadata(&path)).map_err(|source| unreadable(&path, source))?;
        let there = there.filter(|_| !is_hidden(part)).map(|there| (part.to_owned(), there.file_type()));
        return Ok(there.into_iter().collect());
    }
    let entries = match sorted_entries(folder) {
        Err(Error::FolderMissing { .. }) => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut candidates = Vec::new();
    for entry in entries {
        let lossy = entry.file_name().to_string_lossy().into_owned();
        if is_hidden(&lossy) || !glob_name(part, &lossy) {
            continue;
        }
        let Some(name) = entry.file_name().to_str().map(str::to_owned) else {
            if is_wanted(&lossy) {
                return Err(Error::NotText { place: place(folder), name: lossy });
            }
            continue;
        };
        let kind = found(entry.file_type()).map_err(|source| unreadable(&entry.path(), source))?;
        candidates.extend(kind.map(|kind| (name, kind)));
    }
    Ok(candidates)
}

/// Keeps a file; false when it is gone by now.
fn keep(path: &Path, name: &str, gathering: &mut Gathering) -> Result<bool, Error> {
    let Some(bytes) = read_within(path, name, gathering)? else { return Ok(false) };
    gathering.keep(name, bytes)?;
    Ok(true)
}

pub(super) fn gather(root: &Path, links: Links, limits: Limits) -> Result<Gathering, Error> {
    let mut gathering = Gathering::new(limits, place(root));
    gather_folder(root, root, links, &mut gathering)?;
    Ok(gathering)
}

fn place(root: &Path) -> String {
    format!("`{}`", root.display())
}

fn gather_folder(root: &Path, folder: &Path, links: Links, gathering: &mut Gathering) -> Result<(), Error> {
    for entry in sorted_entries(folder)? {
        gathering.visit()?;
        let path = entry.path();
        let Some(name) = entry.file_name().to_str().map(str::to_owned) else {
            // What nobody wants may be called anything.
            let lossy = entry.file_name().to_string_lossy().into_owned();
            if is_hidden(&lossy) || !is_wanted(&lossy) {
                continue;
            }
            return Err(Error::NotText { place: place(folder), name: lossy });
        };
        if is_hidden(&name) {
            continue;
        }
        // Somebody else's files come and go while we look, a database's journal for one.
        let Some(kind) = found(entry.file_type()).map_err(|source| unreadable(&path, source))? else { continue };
        if kind.is_dir() && !is_foreign(&name) {
            gather_folder(root, &path, links, gathering)?;
        } else if kind.is_file() && is_wanted(&name) {
            keep(&path, &relative(root, &path)?, gathering)?;
        } else if kind.is_symlink() && links == Links::Refuse && may_lead_to_manifests(&path, &name) {
            return Err(Error::SymbolicLink { path: relative(root, &path)? });
        }
    }
    // Asked last: whatever came or went while it was read has changed it by now.
    let is = std::fs::metadata(folder).map_err(|source| unreadable(folder, source))?;
    gathering.was_changed(changed_at(&is));
    Ok(())
}

fn sorted_entries(folder: &Path) -> Result<Vec<DirEntry>, Error> {
    let entries = std::fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let mut entries = entries.map_err(|source| match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Error::FolderMissing { path: folder.to_owned() },
        _ => unreadable(folder, source),
    })?;
    entries.sort_by_key(DirEntry::path);
    Ok(entries)
}

/// The bytes of a file, or nothing when it is gone by now.
fn read_within(path: &Path, name: &str, gathering: &mut Gathering) -> Result<Option<Vec<u8>>, Error> {
    let Some(file) = found(File::open(path)).map_err(|source| unreadable(path, source))? else { return Ok(None) };
    let is = file.metadata().map_err(|source| unreadable(path, source))?;
    gathering.was_changed(changed_at(&is));
    let announced = is.len();
    // It may grow meanwhile, but not for ever.
    let mut bytes = Vec::new();
    file.take(gathering.most_of_a_file() + 1).read_to_end(&mut bytes).map_err(|source| unreadable(path, source))?;
    gathering.admit(name, announced.max(bytes.len() as u64))?;
    Ok(Some(bytes))
}

/// When a file or folder was changed, be it only its name or its rights. Unlike the time of its last writing nobody can set
/// it back, as those do who copy or unpack files.
#[cfg(unix)]
fn changed_at(is: &Metadata) -> Option<SystemTime> {
    use std::os::unix::fs::MetadataExt as _;
    let nanoseconds = u32::try_from(is.ctime_nsec()).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::new(u64::try_from(is.ctime()).ok()?, nanoseconds))
}

#[cfg(not(unix))]
fn changed_at(_: &Metadata) -> Option<SystemTime> {
    None
}

/// Which folder a path leads to; none when the system does not say.
#[cfg(unix)]
pub(super) fn identity(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata(path).ok().map(|is| (is.dev(), is.ino()))
}

#[cfg(not(unix))]
pub(super) fn identity(_: &Path) -> Option<(u64, u64)> {
    None
}

/// A link to nowhere might have led to manifests too.
fn may_lead_to_manifests(link: &Path, name: &str) -> bool {
    is_wanted(name) || (!is_foreign(name) && std::fs::metadata(link).map_or(true, |behind| behind.is_dir()))
}

fn relative(root: &Path, path: &Path) -> Result<String, Error> {
    let relative = path.strip_prefix(root).unwrap_or(path);
    let text = relative
        .to_str()
        .ok_or_else(|| Error::NotText { place: place(root), name: relative.to_string_lossy().into_owned() })?;
    Ok(if cfg!(windows) { text.replace('\\', "/") } else { text.to_owned() })
}

/// What was asked for, or nothing when it is gone by now.
fn found<T>(answer: io::Result<T>) -> io::Result<Option<T>> {
    match answer {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        answer => answer.map(Some),
    }
}

fn unreadable(path: &Path, source: io::Error) -> Error {
    Error::Unreadable { path: PathBuf::from(path), source }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for (path, text) in files {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            std::fs::write(path, text).expect("a file");
        }
        folder
    }

    fn names(files: &Files) -> Vec<&str> {
        files.iter().map(|(path, _)| path).collect()
    }

    #[test]
    fn only_what_a_manifest_may_be_or_name_is_read() {
        let folder = folder(&[
            ("guild.yaml", "1"),
            ("roles/staff.yml", "2"),
            ("icons/crew.png", "3"),
            ("README.md", "4"),
            (".git/config.yaml", "5"),
            (".guild.yaml.swp", "6"),
            ("node_modules/x/y.yaml", "7"),
            ("target/z.yaml", "8"),
        ]);
        let files = read(folder.path(), Links::Refuse, Limits::default()).expect("readable");
        assert_eq!(names(&files), ["guild.yaml", "icons/crew.png", "roles/staff.yml"]);
        assert_eq!(files.get("roles/staff.yml"), Some(b"2".as_slice()));
    }

    #[test]
    fn of_a_file_that_is_named_only_what_it_names_is_read() {
        let folder = folder(&[
            ("guild", "include: [roles.yaml, 'channels/*.yaml', 'deep/**/x.yaml', gone.yaml, .hidden.yaml, 'none/*']"),
            ("roles.yaml", "roles: { crew: { icon: icons/crew.png } }"),
            ("icons/crew.png", "1"),
            ("icons/other.png", "2"),
            ("channels/a.yaml", "include: [b/c.yaml]"),
            ("channels/b/c.yaml", "{}"),
            ("channels/b/d.yaml", "{}"),
            ("deep/x.yaml", "{}"),
            ("deep/1/2/x.yaml", "{}"),
            ("deep/1/y.yaml", "{}"),
            (".hidden.yaml", "{}"),
            ("beside.yaml", "{}"),
        ]);
        let files = read_named(folder.path(), &folder.path().join("guild"), Limits::default()).expect("readable");
        let expected = [
            "channels/a.yaml",
            "channels/b/c.yaml",
            "deep/1/2/x.yaml",
            "deep/x.yaml",
            "guild",
            "icons/crew.png",
            "roles.yaml",
        ];
        assert_eq!(names(&files), expected);
    }

    #[test]
    fn a_pattern_with_many_ways_to_match_is_searched_for_once() {
        let deep = "a/".repeat(24);
        let pattern = "**/a/".repeat(12);
        let include = format!("include: ['{pattern}x.yaml', '{}x.yaml']", "**/".repeat(12));
        let folder = folder(&[("guild.yaml", include.as_str()), (format!("{deep}x.yaml").as_str(), "{}")]);
        // Step by step there are thousands of millions of ways.
        let files = read_named(folder.path(), &folder.path().join("guild.yaml"), Limits::default()).expect("readable");
        assert_eq!(names(&files).len(), 2);
    }

    #[cfg(unix)]
    #[test]
    fn what_is_named_is_not_followed_through_links() {
        let elsewhere = folder(&[("secret.yaml", "hunter2")]);
        let folder = folder(&[("guild.yaml", "include: [link.yaml, more/secret.yaml, '*/secret.yaml']")]);
        for (name, to) in [("link.yaml", "secret.yaml"), ("more", "")] {
            std::os::unix::fs::symlink(elsewhere.path().join(to), folder.path().join(name)).expect("a link");
        }
        let files = read_named(folder.path(), &folder.path().join("guild.yaml"), Limits::default()).expect("readable");
        assert_eq!(names(&files), ["guild.yaml"]);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_never_followed() {
        let elsewhere = folder(&[("secret.yaml", "hunter2")]);
        for (name, to) in [("link.yaml", "secret.yaml"), ("more", ""), ("nowhere", "not/there")] {
            let folder = folder(&[("guild.yaml", "1")]);
            std::os::unix::fs::symlink(elsewhere.path().join(to), folder.path().join(name)).expect("a link");
            let files = read(folder.path(), Links::Skip, Limits::default()).expect("readable");
            assert_eq!(names(&files), ["guild.yaml"]);
            let refused = read(folder.path(), Links::Refuse, Limits::default());
            assert!(matches!(&refused, Err(Error::SymbolicLink { path }) if path == name), "{refused:?}");
        }
        let harmless = folder(&[("guild.yaml", "1"), ("a/README.md", "2")]);
        std::os::unix::fs::symlink("a/README.md", harmless.path().join("README")).expect("a link");
        assert!(read(harmless.path(), Links::Refuse, Limits::default()).is_ok(), "a link to something else is nothing");
    }

    #[test]
    fn a_folder_that_is_gone_is_no_empty_folder() {
        let gone = folder(&[]).path().join("gone");
        assert!(
            matches!(read(&gone, Links::Skip, Limits::default()), Err(Error::FolderMissing { path }) if path == gone)
        );
        let folder = folder(&[("guild.yaml", "1")]);
        let file = read(&folder.path().join("guild.yaml"), Links::Skip, Limits::default());
        assert!(matches!(file, Err(Error::FolderMissing { .. })), "a manifest is no folder: {file:?}");
    }

    #[test]
    fn files_of_others_may_come_and_go_while_a_folder_is_read() {
        let folder = folder(&[("guild.yaml", "version: 1")]);
        let journal = folder.path().join("setai.db-wal");
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    std::fs::write(&journal, "pages").expect("a journal");
                    std::fs::remove_file(&journal).expect("its end");
                }
            });
            let read = (0..2_000).map(|_| read(folder.path(), Links::Refuse, Limits::default()));
            let read: Vec<_> = read.map(|files| files.map(|files| files.iter().count())).collect();
            is_over.store(true, Ordering::Relaxed);
            assert!(read.iter().all(|files| matches!(files, Ok(1))), "{:?}", read.iter().find(|files| files.is_err()));
        });
    }
}
