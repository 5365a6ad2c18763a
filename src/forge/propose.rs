//! How a change becomes a branch with one commit and a pull request.
//!
//! Decides what is looked at before anything is written, and what is left alone. The same for every forge. Whatever may have been
//! done although nobody said so is looked for before it is done again.

use std::collections::BTreeMap;
use std::time::Duration;

use super::change::{Change, File, is_ours};
use super::name::{BranchName, CommitId, RepoPath};
use super::pull_request::PullRequestState;
use super::remote::{Draft, Edit, Entry, EntryKind, Pull, Remote, Write};
use super::withdraw::withdraw;
use super::{Error, Proposal, Proposed, text};

/// How many branches are tried after the one that was named: `-2` to `-20`.
const MORE_BRANCHES: u32 = 19;

/// How long to wait before looking whether something was done after all; one after the other.
pub(super) const LOOKS: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(3), Duration::from_secs(9)];

/// Brings a change before the team.
pub(super) async fn propose(remote: &impl Remote, change: &Change) -> Result<Proposed, Error> {
    let repository = remote.repository().await?;
    if repository.is_archived {
        return Err(Error::ReadOnly { place: remote.place() });
    }
    let base = change.base.as_ref().unwrap_or(&repository.default_branch);
    if change.branch == *base {
        return Err(Error::OnItself { branch: base.clone() });
    }
    let on = remote.tip(base).await?;
    let on = on.ok_or_else(|| Error::NotFound { place: remote.place(), what: format!("branch `{base}`") })?;
    let mut tree = Tree { remote, folders: BTreeMap::new() };
    if let Some(read_at) = change.read_at.as_ref().filter(|read_at| **read_at != on) {
        refuse_conflicts(&mut tree, change, base, read_at, &on).await?;
    }
    let edits = edits(&mut tree, change, &on).await?;
    if edits.is_empty() {
        return Ok(Proposed::Already { commit: on });
    }
    let (branch, pull) = fresh_branch(remote, change, base).await?;
    let (commit, placed) = commit(remote, change, base, &on, &branch, &edits).await?;
    let title = text::title(&change.words.title);
    let body = text::body("", &change.words.body);
    let draft = Draft { branch: &branch, base, title: &title, body: &body };
    let proposal = |pull: &Pull| Proposal {
        number: pull.number,
        url: pull.url.clone(),
        branch: branch.clone(),
        base: base.clone(),
        commit: commit.clone(),
    };
    let Some(pull) = pull else {
        let pull = match open(remote, &draft).await {
            Err(refused) if placed == Placed::Made && refused.is_refusal() => {
                return Err(withdraw(remote, &draft, &commit, refused).await);
            }
            done => done?,
        };
        tracing::info!(repository = %remote.place(), number = pull.number, %branch, %commit, "a pull request was opened");
        return Ok(Proposed::Opened(proposal(&pull)));
    };
    let says_so = says(&pull, &draft);
    if !says_so {
        remote.edit_pull(pull.number, &draft).await?;
    }
    if says_so && placed == Placed::Already {
        return Ok(Proposed::Unchanged(proposal(&pull)));
    }
    tracing::info!(repository = %remote.place(), number = pull.number, %branch, %commit, "a pull request was updated");
    Ok(Proposed::Updated(proposal(&pull)))
}

/// True when a pull request says what it should.
fn says(pull: &Pull, draft: &Draft<'_>) -> bool {
    // Forges trim texts, each in its own way.
    pull.title.trim() == draft.title.trim()
        && pull.body.replace("\r\n", "\n").trim() == draft.body.trim()
        && pull.base == draft.base.as_str()
}

/// Refuses a change of files that are not what it was made from.
async fn refuse_conflicts<R: Remote>(
    tree: &mut Tree<'_, R>,
    change: &Change,
    base: &BranchName,
    read_at: &CommitId,
    on: &CommitId,
) -> Result<(), Error> {
    if tree.remote.commit(read_at).await?.is_none() {
        return Err(Error::NotFound { place: tree.remote.place(), what: format!("commit {read_at}") });
    }
    let mut files = Vec::new();
    for file in &change.files {
        let now = tree.entry(on, &file.path).await?;
        let then = tree.entry(read_at, &file.path).await?;
        if now != then && !is_as_wanted(now.as_ref(), file, on) {
            files.push(file.path.clone());
        }
    }
    if files.is_empty() { Ok(()) } else { Err(Error::Conflict { base: base.clone(), commit: on.clone(), files }) }
}

/// What has to be done to the files of the base branch.
async fn edits<'c, R: Remote>(
    tree: &mut Tree<'_, R>,
    change: &'c Change,
    on: &CommitId,
) -> Result<Vec<Edit<'c>>, Error> {
    let mut edits = Vec::new();
    for file in &change.files {
        let before = tree.entry(on, &file.path).await?;
        if let Some(entry) = before.as_ref().filter(|entry| entry.kind != EntryKind::File) {
            return Err(Error::NotAFile { path: file.path.to_string(), found: entry.kind.named() });
        }
        if is_as_wanted(before.as_ref(), file, on) {
            continue;
        }
        if let Some(parent) = tree.file_above(on, &file.path).await?.filter(|parent| !change.removes(parent)) {
            return Err(Error::NotAFile { path: parent, found: "a file where a folder is needed" });
        }
        edits.push(Edit { path: &file.path, before, after: file.content.as_deref() });
    }
    Ok(edits)
}

/// True when a file is what the change would make of it.
fn is_as_wanted(entry: Option<&Entry>, file: &File, at: &CommitId) -> bool {
    match (entry, &file.content) {
        (None, None) => true,
        (Some(entry), Some(content)) => entry.kind == EntryKind::File && entry.id == blob_id(content, at),
        (None, Some(_)) | (Some(_), None) => false,
    }
}

/// The id git gives a file, by the kind of ids its repository has.
fn blob_id(content: &str, at: &CommitId) -> String {
    fn digits(bytes: impl AsRef<[u8]>) -> String {
        bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }
    let header = format!("blob {}\0", content.len());
    match at.as_str().len() {
        64 => {
            use sha2::Digest as _;
            digits(sha2::Sha256::new().chain_update(header).chain_update(content).finalize())
        }
        _ => {
            use sha1::Digest as _;
            digits(sha1::Sha1::new().chain_update(header).chain_update(content).finalize())
        }
    }
}

/// The branch to use and its open pull request: the named one, or the next of its name that no pull request was closed or merged of.
async fn fresh_branch(
    remote: &impl Remote,
    change: &Change,
    base: &BranchName,
) -> Result<(BranchName, Option<Pull>), Error> {
    let exhausted = || Error::NoFreshBranch { branch: change.branch.clone(), tried: MORE_BRANCHES };
    for number in 1..=1 + MORE_BRANCHES {
        let branch = change.branch.numbered(number).map_err(|_| exhausted())?;
        if branch == *base {
            return Err(Error::OnItself { branch });
        }
        let pulls = remote.pulls(&branch, base).await?;
        let is_used_up = !pulls.is_empty();
        let mut open: Vec<Pull> = pulls.into_iter().filter(|pull| pull.state == PullRequestState::Open).collect();
        // One for another base is taken only when there is none for this one.
        open.sort_by_key(|pull| (pull.base != base.as_str(), pull.number));
        if let Some(pull) = open.into_iter().next() {
            return Ok((branch, Some(pull)));
        }
        if !is_used_up {
            return Ok((branch, None));
        }
    }
    Err(exhausted())
}

/// What had to be done for a branch to be what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Placed {
    Already,
    Moved,
    /// There was none before.
    Made,
}

/// Sees to it that the branch is one commit on top of the base branch.
async fn commit(
    remote: &impl Remote,
    change: &Change,
    base: &BranchName,
    on: &CommitId,
    branch: &BranchName,
    edits: &[Edit<'_>],
) -> Result<(CommitId, Placed), Error> {
    let message = change.message();
    let from = match look(remote, branch, on, &message).await? {
        Tip::None => None,
        Tip::Right(tip) => return Ok((tip, Placed::Already)),
        Tip::Old(tip) => Some(tip),
    };
    let placed = if from.is_some() { Placed::Moved } else { Placed::Made };
    let author = change.author.as_ref();
    let write = Write { base, on, branch, from: from.as_ref(), edits, message: &message, author };
    let mut looks = LOOKS.iter();
    loop {
        match remote.write(&write).await {
            Ok(commit) => return Ok((commit, placed)),
            Err(error) if error.is_maybe_done() => {
                let Some(pause) = looks.next() else { return Err(error) };
                remote.clock().sleep(*pause).await;
                if let Tip::Right(tip) = look(remote, branch, on, &message).await? {
                    return Ok((tip, placed));
                }
            }
            Err(error) => return Err(error),
        }
    }
}

/// Where a branch of ours is.
enum Tip {
    None,
    /// It is exactly what it should be.
    Right(CommitId),
    /// It is an earlier proposal.
    Old(CommitId),
}

async fn look(remote: &impl Remote, branch: &BranchName, on: &CommitId, message: &str) -> Result<Tip, Error> {
    let Some(tip) = remote.tip(branch).await? else { return Ok(Tip::None) };
    let taken = || Error::BranchTaken { place: remote.place(), branch: branch.clone() };
    let commit = remote.commit(&tip).await?.ok_or_else(taken)?;
    if !is_ours(&commit.message) {
        return Err(taken());
    }
    let is_right = commit.parents == [on.as_str()] && commit.message.trim() == message.trim();
    Ok(if is_right { Tip::Right(tip) } else { Tip::Old(tip) })
}

async fn open(remote: &impl Remote, draft: &Draft<'_>) -> Result<Pull, Error> {
    let mut looks = LOOKS.iter();
    loop {
        match remote.open_pull(draft).await {
            Err(error) if error.is_maybe_done() => {
                let Some(pause) = looks.next() else { return Err(error) };
                remote.clock().sleep(*pause).await;
                let pulls = remote.pulls(draft.branch, draft.base).await?;
                if let Some(pull) = pulls.into_iter().find(|pull| pull.state == PullRequestState::Open) {
                    return Ok(pull);
                }
            }
            done => return done,
        }
    }
}

/// The files of commits, of which nothing is read twice.
struct Tree<'r, R> {
    remote: &'r R,
    /// By the id of the tree, and of the root by the id of the commit.
    folders: BTreeMap<String, Vec<Entry>>,
}

impl<R: Remote> Tree<'_, R> {
    /// What is at a path. None when there is nothing.
    async fn entry(&mut self, at: &CommitId, path: &RepoPath) -> Result<Option<Entry>, Error> {
        let (folder, name) = path.split();
        let mut walked = String::new();
        let mut tree: Option<String> = None;
        for part in folder.split('/').filter(|part| !part.is_empty()) {
            let found = self.child(at, &walked, tree.as_deref(), part).await?;
            if !walked.is_empty() {
                walked.push('/');
            }
            walked.push_str(part);
            tree = match found {
                None => return Ok(None),
                Some(entry) if entry.kind == EntryKind::File => return Ok(None),
                Some(entry) if entry.kind == EntryKind::Folder => Some(entry.id),
                Some(entry) => return Err(Error::NotAFile { path: walked, found: entry.kind.named() }),
            };
        }
        self.child(at, &walked, tree.as_deref(), name).await
    }

    /// The file that stands where a path has a folder.
    async fn file_above(&mut self, at: &CommitId, path: &RepoPath) -> Result<Option<String>, Error> {
        for (end, _) in path.as_str().match_indices('/') {
            let Ok(above) = RepoPath::new(&path.as_str()[..end]) else { continue };
            match self.entry(at, &above).await? {
                Some(entry) if entry.kind == EntryKind::File => return Ok(Some(above.to_string())),
                Some(_) => {}
                None => return Ok(None),
            }
        }
        Ok(None)
    }

    async fn child(
        &mut self,
        at: &CommitId,
        folder: &str,
        tree: Option<&str>,
        name: &str,
    ) -> Result<Option<Entry>, Error> {
        let key = tree.unwrap_or(at.as_str());
        if !self.folders.contains_key(key) {
            let entries = self.remote.folder(at, folder, tree).await?;
            self.folders.insert(key.to_owned(), entries);
        }
        Ok(self.folders.get(key).into_iter().flatten().find(|entry| entry.name == name).cloned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_files_are_git_s() {
        let at = |id: &str| CommitId::new(id).expect("an id");
        assert_eq!(blob_id("hello\n", &at(&"0".repeat(40))), "ce013625030ba8dba906f756967f9e9ca394464a");
        let long = "2cf8d83d9ee29543b34a87727421fdecb7e3f3a183d337639025de576db9ebb4";
        assert_eq!(blob_id("hello\n", &at(&"0".repeat(64))), long);
    }
}
