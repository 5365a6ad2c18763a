//! The files of a commit, read from the database of objects.
//!
//! Decides nothing about names that folders do not decide too. Links and submodules lead out of the tree, so they are
//! refused, also the ones that look harmless.

use git2::{Commit, ObjectType, Odb, Oid, Repository, Tree, TreeEntry};
use tokio_util::sync::CancellationToken;

use crate::manifest::Files;
use crate::source::limits::Gathering;
use crate::source::{Error, Limits, is_foreign, is_hidden, is_wanted};

/// What git writes down as the mode of a link.
const LINK: i32 = 0o120_000;

/// Deepest folder that is read. Trees can be made that have no end in practice.
const DEEPEST: usize = 64;

/// Why files could not be read.
#[derive(Debug)]
pub(super) enum Failed {
    /// We know why.
    Said(Error),
    /// The library does.
    Library(git2::Error),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Said(error)
    }
}

impl From<git2::Error> for Failed {
    fn from(error: git2::Error) -> Self {
        Self::Library(error)
    }
}

/// Reads everything below a folder that a manifest may be or name.
pub(super) fn files(
    repository: &Repository,
    commit: &Commit<'_>,
    folder: &[String],
    shown: &str,
    limits: Limits,
    stop: &CancellationToken,
) -> Result<Files, Failed> {
    let place = if folder.is_empty() { shown.to_owned() } else { format!("`{}` at {shown}", folder.join("/")) };
    let tree = descend(repository, commit.tree()?, folder, shown)?;
    let odb = repository.odb()?;
    let mut reader =
        Reader { repository, odb: &odb, place: place.clone(), gathering: Gathering::new(limits, place), stop };
    reader.read(&tree, "", 0)?;
    Ok(reader.gathering.finish()?)
}

fn descend<'r>(
    repository: &'r Repository,
    mut tree: Tree<'r>,
    folder: &[String],
    shown: &str,
) -> Result<Tree<'r>, Failed> {
    for (depth, name) in folder.iter().enumerate() {
        let mut id = None;
        if let Some(entry) = tree.get_name(name) {
            refuse_exits(&entry, &folder[..=depth].join("/"))?;
            id = (entry.kind() == Some(ObjectType::Tree)).then(|| entry.id());
        }
        let gone = || Error::FolderNotFound { folder: folder.join("/"), revision: shown.to_owned() };
        tree = repository.find_tree(id.ok_or_else(gone)?)?;
    }
    Ok(tree)
}

/// Links and submodules are not part of a tree.
fn refuse_exits(entry: &TreeEntry<'_>, path: &str) -> Result<(), Error> {
    let path = path.to_owned();
    match entry.kind() {
        Some(ObjectType::Commit) => Err(Error::Submodule { path }),
        _ if entry.filemode() == LINK => Err(Error::SymbolicLink { path }),
        _ => Ok(()),
    }
}

struct Reader<'r> {
    repository: &'r Repository,
    odb: &'r Odb<'r>,
    place: String,
    gathering: Gathering,
    /// Cancelled when nobody waits any more.
    stop: &'r CancellationToken,
}

impl Reader<'_> {
    fn read(&mut self, tree: &Tree<'_>, folder: &str, depth: usize) -> Result<(), Failed> {
        for entry in tree {
            self.gathering.visit()?;
            if self.stop.is_cancelled() {
                return Err(Error::Interrupted { place: self.place.clone(), why: "it was stopped".to_owned() }.into());
            }
            let Ok(name) = std::str::from_utf8(entry.name_bytes()) else {
                let name = String::from_utf8_lossy(entry.name_bytes()).into_owned();
                if is_hidden(&name) || (entry.kind() == Some(ObjectType::Blob) && !is_wanted(&name)) {
                    continue;
                }
                return Err(Error::NotText { place: self.place.clone(), name }.into());
            };
            if is_hidden(name) {
                continue;
            }
            let path = format!("{folder}{name}");
            refuse_exits(&entry, &path)?;
            match entry.kind() {
                Some(ObjectType::Tree) if !is_foreign(name) => {
                    if depth >= DEEPEST {
                        return Err(Error::NotText { place: self.place.clone(), name: path }.into());
                    }
                    let inside = self.repository.find_tree(entry.id())?;
                    self.read(&inside, &format!("{path}/"), depth + 1)?;
                }
                Some(ObjectType::Blob) if is_wanted(name) => self.read_file(&path, entry.id())?,
                _ => {}
            }
        }
        Ok(())
    }

    fn read_file(&mut self, path: &str, id: Oid) -> Result<(), Failed> {
        // Its size is known before it is unpacked: a small fetch can hold a large file.
        let (bytes, _) = self.odb.read_header(id)?;
        self.gathering.admit(path, bytes as u64)?;
        let object = self.odb.read(id)?;
        Ok(self.gathering.keep(path, object.data().to_vec())?)
    }
}
