//! A repository of this machine as a forge, bare or not.
//!
//! A branch is a branch, and merging is `git merge`. What a forge keeps besides branches stands in files under one reference, where
//! each change is a commit: pull requests with their comments, and statuses. Whether one is merged or closed is asked of the
//! branches, never of the record. Work trees, indexes and branches that are checked out are not touched.

mod record;

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use git2::build::TreeUpdateBuilder;
use git2::{ErrorCode, FileMode, Oid, Repository, Signature, Time};

use super::change::Author;
use super::name::{BranchName, CommitId};
use super::pull_request::{Changed, Head, PullRequest, PullRequestState};
use super::remote::{self, Comment, Commit, Draft, Entry, EntryKind, Pull, Remote, Write};
use super::{Error, Permitted, Status};
use crate::clock::Clock;
use record::{Record, Records};

/// Who writes when nobody else is named, here and in the repository's own settings.
const NAME: &str = "SetAI";
const EMAIL: &str = "setai@localhost";

/// A repository of this machine.
#[derive(Debug)]
pub(super) struct Local {
    path: PathBuf,
    clock: Clock,
}

impl Local {
    /// Opens one.
    ///
    /// # Errors
    /// When there is none at that path.
    pub(super) fn open(path: &Path, clock: Clock) -> Result<Self, Error> {
        let local = Self { path: path.to_owned(), clock };
        local.git().open()?;
        Ok(local)
    }

    fn git(&self) -> Git {
        Git { path: self.path.clone(), seconds: self.clock.now().timestamp() }
    }

    /// Does something with the repository where waiting for a disk holds nobody up.
    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Git, &Repository) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let git = self.git();
        let failed = git.failed("work");
        let done = tokio::task::spawn_blocking(move || {
            let repository = git.open()?;
            work(&git, &repository)
        });
        done.await.map_err(|error| failed(git2::Error::from_str(&error.to_string())))?
    }
}

/// What is known of a repository before it is opened.
struct Git {
    path: PathBuf,
    seconds: i64,
}

impl Git {
    fn place(&self) -> String {
        format!("the repository {}", self.path.display())
    }

    fn failed(&self, what: &'static str) -> impl Fn(git2::Error) -> Error + Send + 'static {
        let place = self.place();
        move |error| Error::Git { place: place.clone(), why: format!("git cannot {what}: {}", error.message()) }
    }

    fn open(&self) -> Result<Repository, Error> {
        Repository::open(&self.path).map_err(self.failed("open it"))
    }

    fn oid(&self, id: &str) -> Result<Oid, Error> {
        Oid::from_str(id).map_err(self.failed("read an id"))
    }

    fn id(&self, oid: Oid) -> Result<CommitId, Error> {
        CommitId::new(&oid.to_string()).map_err(|bad| Error::Git { place: self.place(), why: bad.to_string() })
    }

    fn tip(&self, repository: &Repository, branch: &str) -> Result<Option<Oid>, Error> {
        match repository.find_reference(&format!("refs/heads/{branch}")) {
            Ok(reference) => reference.peel_to_commit().map(|tip| Some(tip.id())).map_err(self.failed("read a branch")),
            Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
            Err(error) => Err(self.failed("find a branch")(error)),
        }
    }

    fn signature(&self, repository: &Repository, author: Option<&Author>) -> Result<Signature<'static>, Error> {
        let own = repository.signature().ok();
        let own = own.as_ref().and_then(|own| Some((own.name().ok()?, own.email().ok()?)));
        let (name, email) = match author {
            Some(author) => (author.name(), author.email()),
            None => own.unwrap_or((NAME, EMAIL)),
        };
        Signature::new(name, email, &Time::new(self.seconds, 0)).map_err(self.failed("sign a commit"))
    }

    /// Where a recorded pull request stands, and where its branch is or was.
    fn standing(&self, repository: &Repository, record: &Record) -> Result<(PullRequestState, Oid), Error> {
        let tip = self.tip(repository, &record.branch)?;
        let head = tip.map_or_else(|| self.oid(&record.head), Ok)?;
        let base = self.tip(repository, &record.base)?;
        let is_merged = match base {
            Some(base) if base == head => true,
            // A head that was thrown away is on no branch.
            Some(base) => repository.graph_descendant_of(base, head).unwrap_or(false),
            None => false,
        };
        let state = match (is_merged, tip) {
            (true, _) => PullRequestState::Merged,
            (false, Some(_)) => PullRequestState::Open,
            (false, None) => PullRequestState::Closed,
        };
        Ok((state, head))
    }

    /// Makes the one commit, without any branch.
    fn commit(&self, repository: &Repository, order: &Order) -> Result<Oid, Error> {
        let failed = |what| self.failed(what);
        let on = repository.find_commit(self.oid(&order.on)?).map_err(failed("read the base branch"))?;
        let mut update = TreeUpdateBuilder::new();
        for (path, mode, content) in &order.edits {
            match content {
                Some(content) => {
                    let blob = repository.blob(content.as_bytes()).map_err(failed("keep a file"))?;
                    update.upsert(path.as_str(), blob, *mode);
                }
                None => {
                    update.remove(path.as_str());
                }
            }
        }
        let tree = on.tree().map_err(failed("read the base branch"))?;
        let tree = update.create_updated(repository, &tree).map_err(failed("keep a folder"))?;
        let tree = repository.find_tree(tree).map_err(failed("keep a folder"))?;
        let author = self.signature(repository, order.author.as_ref())?;
        repository.commit(None, &author, &author, &order.message, &tree, &[&on]).map_err(failed("commit"))
    }

    /// Puts the branch where the commit is, if it is where it was looked at, and nobody works on it.
    fn place_branch(&self, repository: &Repository, order: &Order, commit: Oid) -> Result<(), Error> {
        let protected =
            |why: &str| Error::Protected { place: self.place(), branch: order.branch.clone(), why: why.to_owned() };
        let reference = order.branch.reference();
        if is_checked_out(repository, &reference) {
            return Err(protected("it is checked out"));
        }
        let log = "setai: propose";
        let placed = match &order.from {
            Some(from) => repository.reference_matching(&reference, commit, true, self.oid(from)?, log),
            None => repository.reference(&reference, commit, false, log),
        };
        placed.map(drop).map_err(self.failed("move the branch"))
    }

    /// Takes a branch away, if it is where it was looked at, and nobody works on it.
    fn delete_branch(&self, repository: &Repository, branch: &BranchName, at: Oid) -> Result<(), Error> {
        let (place, reference) = (self.place(), branch.reference());
        if is_checked_out(repository, &reference) {
            return Err(Error::Protected { place, branch: branch.clone(), why: "it is checked out".to_owned() });
        }
        let mut found = repository.find_reference(&reference).map_err(self.failed("find a branch"))?;
        if found.target() != Some(at) {
            return Err(Error::BranchTaken { place, branch: branch.clone() });
        }
        // Git looks once more, and leaves it when it is not where it was found.
        found.delete().map_err(self.failed("delete the branch"))
    }
}

/// What is to be written, without borrowing it.
struct Order {
    branch: BranchName,
    on: String,
    from: Option<String>,
    edits: Vec<(String, FileMode, Option<String>)>,
    message: String,
    author: Option<Author>,
}

impl Order {
    fn of(write: &Write<'_>) -> Self {
        let edit = |edit: &remote::Edit<'_>| {
            let is_executable = edit.before.as_ref().is_some_and(|before| before.mode.ends_with("755"));
            let mode = if is_executable { FileMode::BlobExecutable } else { FileMode::Blob };
            (edit.path.to_string(), mode, edit.after.map(str::to_owned))
        };
        // A file goes before a folder of its name comes.
        let (gone, kept): (Vec<_>, Vec<_>) = write.edits.iter().map(edit).partition(|(.., content)| content.is_none());
        Self {
            branch: write.branch.clone(),
            on: write.on.to_string(),
            from: write.from.map(ToString::to_string),
            edits: gone.into_iter().chain(kept).collect(),
            message: write.message.to_owned(),
            author: write.author.cloned(),
        }
    }
}

/// True when `HEAD` of the repository, or of any work tree that belongs to it, is on a branch.
fn is_checked_out(repository: &Repository, reference: &str) -> bool {
    let is_there = |of: &Repository| {
        let head = of.find_reference("HEAD");
        head.is_ok_and(|head| head.symbolic_target().ok().flatten() == Some(reference))
    };
    let main = Repository::open(repository.commondir());
    let names = repository.worktrees();
    let names = names.iter().flat_map(|names| names.iter().flatten().flatten().map(str::to_owned).collect::<Vec<_>>());
    let mut linked = names.filter_map(|name| {
        let tree = repository.find_worktree(&name).ok()?;
        Repository::open_from_worktree(&tree).ok()
    });
    is_there(repository) || main.is_ok_and(|main| is_there(&main)) || linked.any(|of| is_there(&of))
}

fn entries(tree: &git2::Tree<'_>) -> Vec<Entry> {
    let entry = |entry: git2::TreeEntry<'_>| {
        let mode = format!("{:06o}", entry.filemode());
        let kind = match entry.kind() {
            Some(git2::ObjectType::Tree) => "tree",
            Some(git2::ObjectType::Commit) => "commit",
            _ => "blob",
        };
        let name = String::from_utf8_lossy(entry.name_bytes()).into_owned();
        Entry { name, id: entry.id().to_string(), kind: EntryKind::of(&mode, kind), mode }
    };
    tree.iter().map(entry).collect()
}

fn pull(record: &Record, state: PullRequestState) -> Pull {
    Pull {
        number: record.number,
        url: None,
        state,
        title: record.title.clone(),
        body: record.body.clone(),
        base: record.base.clone(),
    }
}

#[async_trait]
impl Remote for Local {
    fn place(&self) -> String {
        self.git().place()
    }

    fn clock(&self) -> &Clock {
        &self.clock
    }

    async fn repository(&self) -> Result<remote::Repository, Error> {
        let default_branch = self.with(|git, repository| {
            let head = repository.find_reference("HEAD").map_err(git.failed("read HEAD"))?;
            let target = head.symbolic_target().ok().flatten().and_then(|name| name.strip_prefix("refs/heads/"));
            let name = target.and_then(|name| BranchName::new(name).ok());
            name.ok_or_else(|| Error::Git {
                place: git.place(),
                why: "HEAD is on no branch; name the base branch".to_owned(),
            })
        });
        Ok(remote::Repository { default_branch: default_branch.await?, is_archived: false })
    }

    async fn tip(&self, branch: &BranchName) -> Result<Option<CommitId>, Error> {
        let branch = branch.to_string();
        self.with(move |git, repository| git.tip(repository, &branch)?.map(|oid| git.id(oid)).transpose()).await
    }

    async fn commit(&self, id: &CommitId) -> Result<Option<Commit>, Error> {
        let id = id.to_string();
        self.with(move |git, repository| match repository.find_commit(git.oid(&id)?) {
            Ok(commit) => Ok(Some(Commit {
                parents: commit.parent_ids().map(|id| id.to_string()).collect(),
                message: String::from_utf8_lossy(commit.message_bytes()).into_owned(),
            })),
            Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
            Err(error) => Err(git.failed("read a commit")(error)),
        })
        .await
    }

    async fn folder(&self, at: &CommitId, _: &str, tree: Option<&str>) -> Result<Vec<Entry>, Error> {
        let (at, tree) = (at.to_string(), tree.map(str::to_owned));
        self.with(move |git, repository| {
            let found = match &tree {
                Some(tree) => repository.find_tree(git.oid(tree)?),
                None => repository.find_commit(git.oid(&at)?).and_then(|commit| commit.tree()),
            };
            Ok(entries(&found.map_err(git.failed("read a folder"))?))
        })
        .await
    }

    async fn write(&self, write: &Write<'_>) -> Result<CommitId, Error> {
        let order = Order::of(write);
        self.with(move |git, repository| {
            let commit = git.commit(repository, &order)?;
            git.place_branch(repository, &order, commit)?;
            let (branch, head) = (order.branch.to_string(), commit.to_string());
            Records::change(git, repository, |records| {
                for record in records.pulls.iter_mut().filter(|record| record.branch == branch) {
                    record.head.clone_from(&head);
                }
            })?;
            git.id(commit)
        })
        .await
    }

    async fn delete_branch(&self, branch: &BranchName, at: &CommitId) -> Result<(), Error> {
        let (branch, at) = (branch.clone(), at.to_string());
        self.with(move |git, repository| git.delete_branch(repository, &branch, git.oid(&at)?)).await
    }

    async fn pulls(&self, branch: &BranchName, _: &BranchName) -> Result<Vec<Pull>, Error> {
        let branch = branch.to_string();
        self.with(move |git, repository| {
            let records = Records::read(git, repository)?;
            let of_branch = records.pulls.iter().filter(|record| record.branch == branch);
            of_branch.map(|record| Ok(pull(record, git.standing(repository, record)?.0))).collect()
        })
        .await
    }

    async fn open_pull(&self, draft: &Draft<'_>) -> Result<Pull, Error> {
        let new = Record {
            branch: draft.branch.to_string(),
            base: draft.base.to_string(),
            title: draft.title.to_owned(),
            body: draft.body.to_owned(),
            ..Record::default()
        };
        self.with(move |git, repository| {
            let head = git.tip(repository, &new.branch)?;
            let head = head.map(|head| head.to_string()).unwrap_or_default();
            Records::change(git, repository, move |records| {
                let number = records.pulls.iter().map(|record| record.number).max().unwrap_or(0) + 1;
                let record = Record { number, head: head.clone(), ..new.clone() };
                let opened = pull(&record, PullRequestState::Open);
                records.pulls.push(record);
                opened
            })
        })
        .await
    }

    async fn edit_pull(&self, number: u64, draft: &Draft<'_>) -> Result<(), Error> {
        let (base, title, body) = (draft.base.to_string(), draft.title.to_owned(), draft.body.to_owned());
        self.with(move |git, repository| {
            Records::change(git, repository, |records| {
                let record = records.pull_mut(git, number)?;
                record.base.clone_from(&base);
                record.title.clone_from(&title);
                record.body.clone_from(&body);
                Ok(())
            })?
        })
        .await
    }

    async fn read_pull_request(&self, number: u64) -> Result<PullRequest, Error> {
        self.with(move |git, repository| {
            let records = Records::read(git, repository)?;
            let record = records.pull(git, number)?;
            let (state, head) = git.standing(repository, record)?;
            let commit = git.id(head)?;
            let failed = |what| git.failed(what);
            let tree = |id: Oid| repository.find_commit(id).and_then(|commit| commit.tree());
            let since = match git.tip(repository, &record.base)? {
                Some(base) => repository.merge_base(base, head).ok(),
                None => None,
            };
            let before = since.map(tree).transpose().map_err(failed("read a commit"))?;
            let after = tree(head).map_err(failed("read a commit"))?;
            let difference = repository.diff_tree_to_tree(before.as_ref(), Some(&after), None);
            let difference = difference.map_err(failed("compare"))?;
            let name =
                |file: git2::DiffFile<'_>| file.path_bytes().map(|path| String::from_utf8_lossy(path).into_owned());
            let paths = difference.deltas().flat_map(|delta| [name(delta.old_file()), name(delta.new_file())]);
            Ok(PullRequest {
                number,
                url: None,
                state,
                title: record.title.clone(),
                author: NAME.to_owned(),
                base: record.base.clone(),
                head: Head { commit, branch: record.branch.clone(), is_fork: false },
                changed: Changed::new(paths.flatten().collect(), true),
            })
        })
        .await
    }

    async fn comments(&self, number: u64) -> Result<Vec<Comment>, Error> {
        self.with(move |git, repository| {
            let records = Records::read(git, repository)?;
            let said = records.pull(git, number)?.comments.iter();
            let comment =
                |said: &record::Said| Comment { id: said.id, body: said.body.clone(), is_ours: said.author == NAME };
            Ok(said.map(comment).collect())
        })
        .await
    }

    async fn write_comment(&self, number: u64, body: &str) -> Result<(), Error> {
        let body = body.to_owned();
        self.with(move |git, repository| {
            Records::change(git, repository, |records| {
                let comments = &mut records.pull_mut(git, number)?.comments;
                let id = comments.iter().map(|said| said.id).max().unwrap_or(0) + 1;
                comments.push(record::Said { id, author: NAME.to_owned(), body: body.clone() });
                Ok(())
            })?
        })
        .await
    }

    async fn edit_comment(&self, number: u64, id: u64, body: &str) -> Result<(), Error> {
        let body = body.to_owned();
        self.with(move |git, repository| {
            Records::change(git, repository, |records| {
                for said in records.pull_mut(git, number)?.comments.iter_mut().filter(|said| said.id == id) {
                    said.body.clone_from(&body);
                }
                Ok(())
            })?
        })
        .await
    }

    async fn read_status(&self, commit: &CommitId, context: &str) -> Result<Option<Status>, Error> {
        let (commit, context) = (commit.to_string(), context.to_owned());
        self.with(move |git, repository| Ok(Records::read(git, repository)?.status(&commit, &context))).await
    }

    async fn write_status(&self, commit: &CommitId, status: &Status) -> Result<(), Error> {
        let (commit, status) = (commit.to_string(), status.clone());
        self.with(move |git, repository| {
            if repository.find_commit(git.oid(&commit)?).is_err() {
                return Err(Error::NotFound { place: git.place(), what: format!("commit {commit}") });
            }
            Records::change(git, repository, |records| records.set_status(&commit, &status))
        })
        .await
    }

    async fn rights(&self) -> Result<Permitted, Error> {
        let remote::Repository { default_branch, is_archived: _ } = self.repository().await?;
        Ok(Permitted { account: None, default_branch, missing: Vec::new(), unsure: Vec::new() })
    }
}
