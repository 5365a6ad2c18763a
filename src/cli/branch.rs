//! A commit on a branch of its own, beside whatever the user has checked out.
//!
//! Decides nothing of what is written. Touches neither the work tree nor the index.

use std::path::{Path, PathBuf};

use git2::build::TreeUpdateBuilder;
use git2::{ErrorCode, FileMode, Repository};
use serde::Serialize;

use super::failure::Failure;

/// A file before and after, by its name below the folder of manifests.
pub(super) struct Change<'c> {
    pub(super) name: &'c str,
    pub(super) before: &'c [u8],
    pub(super) after: &'c [u8],
}

/// Where a commit is.
#[derive(Debug, Serialize)]
pub(super) struct Committed {
    /// The branch, which is new.
    pub(super) branch: String,
    /// The commit's full name.
    pub(super) commit: String,
}

/// Commits changes on a new branch that begins at `HEAD`.
pub(super) fn commit(root: &Path, branch: &str, changes: &[Change<'_>], message: &str) -> Result<Committed, Failure> {
    let git = |what: &str| {
        let what = what.to_owned();
        move |error: git2::Error| Failure::new(format!("git cannot {what}: {}", error.message()))
    };
    let repository = Repository::discover(root).map_err(|error| match error.code() {
        ErrorCode::NotFound => Failure::new(format!("`{}` is in no git repository", root.display()))
            .help("Leave `--branch` out to write the files in place."),
        _ => git("open the repository")(error),
    })?;
    let reference = format!("refs/heads/{branch}");
    if !git2::Reference::is_valid_name(&reference) {
        return Err(Failure::new(format!("`{branch}` cannot be the name of a branch")));
    }
    if repository.find_reference(&reference).is_ok() {
        return Err(Failure::new(format!("the branch `{branch}` is there already"))
            .help("Choose another name, or delete it with `git branch -D`."));
    }
    let head = repository.head().and_then(|head| head.peel_to_commit()).map_err(|error| {
        git("find the commit to begin at")(error).help("A branch begins at a commit: make the first one.")
    })?;
    let tree = head.tree().map_err(git("read its last commit"))?;
    let prefix = prefix(&repository, root)?;
    let mut update = TreeUpdateBuilder::new();
    for Change { name, before, after } in changes {
        let path = prefix.join(name);
        let committed = tree.get_path(&path).ok();
        let is_same = committed.as_ref().is_some_and(|entry| {
            repository
                .find_blob(entry.id())
                .is_ok_and(|blob| without_returns(blob.content()) == without_returns(before))
        });
        if !is_same {
            return Err(Failure::new(format!("`{name}` has changes that are in no commit"))
                .help("Commit or stash them first: they are no part of this change."));
        }
        // What git keeps with plain line breaks stays so.
        let is_plain = committed.as_ref().and_then(|entry| repository.find_blob(entry.id()).ok());
        let is_plain = is_plain.is_some_and(|blob| !blob.content().contains(&b'\r'));
        let after = if is_plain { without_returns(after) } else { after.to_vec() };
        let mode = committed.map_or(FileMode::Blob, |entry| match entry.filemode() {
            0o100_755 => FileMode::BlobExecutable,
            _ => FileMode::Blob,
        });
        let blob = repository.blob(&after).map_err(git("keep a file"))?;
        update.upsert(&path, blob, mode);
    }
    let tree = update.create_updated(&repository, &tree).map_err(git("keep a folder"))?;
    let tree = repository.find_tree(tree).map_err(git("keep a folder"))?;
    let author = repository.signature().map_err(|error| {
        git("tell who you are")(error).help("Set `git config user.name` and `git config user.email`.")
    })?;
    let commit =
        repository.commit(Some(&reference), &author, &author, message, &tree, &[&head]).map_err(git("commit"))?;
    Ok(Committed { branch: branch.to_owned(), commit: commit.to_string() })
}

/// Where the folder of manifests is in the repository.
fn prefix(repository: &Repository, root: &Path) -> Result<PathBuf, Failure> {
    let bare = || Failure::new("the git repository has no work tree");
    let top = repository.workdir().ok_or_else(bare)?;
    let real =
        |path: &Path| path.canonicalize().map_err(|error| Failure::new(format!("`{}`: {error}", path.display())));
    let (top, root) = (real(top)?, real(root)?);
    root.strip_prefix(&top).map(Path::to_owned).map_err(|_| bare())
}

/// Git may keep another kind of line break than the work tree has.
fn without_returns(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().copied().filter(|byte| *byte != b'\r').collect()
}
