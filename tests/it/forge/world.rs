//! A repository with pull requests: what every forge keeps, on top of a real git repository, so that what an API says and what git
//! has agree.

use std::path::{Path, PathBuf};

use git2::build::TreeUpdateBuilder;
use git2::{FileMode, Oid, Repository, Signature, Time};

/// The account of the token.
pub(crate) const OURS: (u64, &str) = (7, "setai-bot");
/// Somebody else.
pub(crate) const OTHER: (u64, &str) = (8, "mallory");
/// The repository, and one that was forked from it.
pub(crate) const HOME: u64 = 1;
pub(crate) const FORK: u64 = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Open,
    Closed,
    Merged,
}

#[derive(Clone, Debug)]
pub(crate) struct Pull {
    pub(crate) number: u64,
    pub(crate) title: String,
    pub(crate) body: String,
    pub(crate) branch: String,
    pub(crate) base: String,
    pub(crate) standing: Standing,
    pub(crate) author: &'static str,
    /// None when the fork was deleted.
    pub(crate) from: Option<u64>,
    /// Where its branch was when that was looked at last.
    pub(crate) head: Oid,
}

#[derive(Clone, Debug)]
pub(crate) struct Comment {
    pub(crate) id: u64,
    pub(crate) pull: u64,
    pub(crate) author: u64,
    pub(crate) body: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) commit: String,
    pub(crate) context: String,
    pub(crate) state: String,
    pub(crate) description: String,
    pub(crate) url: String,
}

/// Everything there is.
pub(crate) struct World {
    pub(crate) path: PathBuf,
    pub(crate) pulls: Vec<Pull>,
    pub(crate) comments: Vec<Comment>,
    pub(crate) statuses: Vec<Status>,
    /// Branches nobody may write to; `setai/*` stands for all that begin so, as in forges' rules.
    pub(crate) protected: Vec<String>,
    pub(crate) is_archived: bool,
}

impl World {
    /// A bare repository with one commit on `main`.
    pub(crate) fn new(path: &Path) -> Self {
        let mut options = git2::RepositoryInitOptions::new();
        Repository::init_opts(path, options.bare(true).initial_head("main")).expect("a repository");
        let world = Self {
            path: path.to_owned(),
            pulls: Vec::new(),
            comments: Vec::new(),
            statuses: Vec::new(),
            protected: Vec::new(),
            is_archived: false,
        };
        world.commit(
            "main",
            &[("guild.yaml", Some("version: 1\n")), ("parts/roles.yaml", Some("roles: {}\n")), ("run.sh", Some("#!"))],
        );
        world
    }

    pub(crate) fn git(&self) -> Repository {
        Repository::open(&self.path).expect("the repository")
    }

    pub(crate) fn tip(&self, branch: &str) -> Option<Oid> {
        self.git().find_reference(&format!("refs/heads/{branch}")).ok().and_then(|found| found.target())
    }

    /// Somebody commits files on a branch, and gets the commit.
    pub(crate) fn commit(&self, branch: &str, files: &[(&str, Option<&str>)]) -> Oid {
        let parent = self.tip(branch);
        let oid = self.make(parent, files, "Somebody's commit\n", None).expect("a commit");
        self.git().reference(&format!("refs/heads/{branch}"), oid, true, "test").expect("a branch");
        oid
    }

    /// Makes a commit that is on no branch.
    pub(crate) fn make(
        &self,
        parent: Option<Oid>,
        files: &[(&str, Option<&str>)],
        message: &str,
        author: Option<(&str, &str)>,
    ) -> Result<Oid, git2::Error> {
        let git = self.git();
        let parent = parent.map(|parent| git.find_commit(parent)).transpose()?;
        let empty = git.find_tree(git.treebuilder(None)?.write()?)?;
        let before = parent.as_ref().map_or(Ok(empty), git2::Commit::tree)?;
        let mut update = TreeUpdateBuilder::new();
        for (path, content) in files {
            match content {
                Some(content) => {
                    let mode = match before.get_path(Path::new(path)).map(|entry| entry.filemode()) {
                        Ok(0o100_755) => FileMode::BlobExecutable,
                        Err(_) if *path == "run.sh" => FileMode::BlobExecutable,
                        _ => FileMode::Blob,
                    };
                    update.upsert(*path, git.blob(content.as_bytes())?, mode);
                }
                None => {
                    update.remove(*path);
                }
            }
        }
        let tree = git.find_tree(update.create_updated(&git, &before)?)?;
        self.make_of_tree(parent.map(|parent| parent.id()), tree.id(), message, author)
    }

    pub(crate) fn make_of_tree(
        &self,
        parent: Option<Oid>,
        tree: Oid,
        message: &str,
        author: Option<(&str, &str)>,
    ) -> Result<Oid, git2::Error> {
        let git = self.git();
        let parent = parent.map(|parent| git.find_commit(parent)).transpose()?;
        // No two commits are the same, as no two are made in the same second.
        let made = git.odb().map_or(0, |odb| {
            let mut count = 0;
            let counted = odb.foreach(|_| {
                count += 1;
                true
            });
            counted.map_or(0, |()| count)
        });
        let time = Time::new(1_700_000_000 + made, 0);
        let (name, email) = author.unwrap_or((OURS.1, "bot@forge"));
        let author = Signature::new(name, email, &time)?;
        let committer = Signature::new(OURS.1, "bot@forge", &time)?;
        let parents: Vec<_> = parent.iter().collect();
        git.commit(None, &author, &committer, message, &git.find_tree(tree)?, &parents)
    }

    pub(crate) fn set_branch(&self, branch: &str, to: Oid) {
        self.git().reference(&format!("refs/heads/{branch}"), to, true, "api").expect("a branch");
    }

    pub(crate) fn delete_branch(&self, branch: &str) {
        self.git().find_reference(&format!("refs/heads/{branch}")).expect("a branch").delete().expect("it goes");
    }

    /// Takes a branch away as forges do: what was proposed from it is closed. False when there is no such branch.
    pub(crate) fn withdraw_branch(&mut self, branch: &str) -> bool {
        let Some(head) = self.tip(branch) else { return false };
        self.delete_branch(branch);
        for pull in self.pulls.iter_mut().filter(|pull| pull.branch == branch && pull.from == Some(HOME)) {
            if pull.standing == Standing::Open {
                (pull.standing, pull.head) = (Standing::Closed, head);
            }
        }
        true
    }

    /// What a file holds at a commit.
    pub(crate) fn file(&self, at: Oid, path: &str) -> Option<String> {
        let git = self.git();
        let tree = git.find_commit(at).expect("a commit").tree().expect("a tree");
        let blob = git.find_blob(tree.get_path(Path::new(path)).ok()?.id()).expect("a file");
        Some(String::from_utf8(blob.content().to_vec()).expect("text"))
    }

    /// True when a rule keeps a branch as it is.
    pub(crate) fn is_protected(&self, branch: &str) -> bool {
        let fits = |rule: &String| rule.strip_suffix('*').map_or(rule == branch, |begin| branch.starts_with(begin));
        self.protected.iter().any(fits)
    }

    /// Merges one branch into another, with a commit, as forges do.
    pub(crate) fn merge(&self, branch: &str, into: &str) -> Oid {
        let git = self.git();
        let find = |name: &str| git.find_commit(self.tip(name).expect("a branch")).expect("a commit");
        let (ours, theirs) = (find(into), find(branch));
        let tree = git.merge_commits(&ours, &theirs, None).expect("a merge").write_tree_to(&git).expect("a tree");
        let who = Signature::new(OTHER.1, "m@forge", &Time::new(1_800_000_000, 0)).expect("somebody");
        let tree = git.find_tree(tree).expect("a tree");
        let oid = git.commit(None, &who, &who, "Merge\n", &tree, &[&ours, &theirs]).expect("a commit");
        self.set_branch(into, oid);
        oid
    }

    /// Where the branch of a pull request is.
    pub(crate) fn head(&self, pull: &Pull) -> Oid {
        match (pull.from, pull.standing) {
            (Some(HOME), Standing::Open) => self.tip(&pull.branch).unwrap_or(pull.head),
            _ => pull.head,
        }
    }

    pub(crate) fn open(&mut self, pull: Pull) -> u64 {
        let number = self.pulls.len() as u64 + 1;
        self.pulls.push(Pull { number, ..pull });
        number
    }

    pub(crate) fn pull(&self, number: u64) -> Option<&Pull> {
        self.pulls.iter().find(|pull| pull.number == number)
    }

    pub(crate) fn pull_mut(&mut self, number: u64) -> Option<&mut Pull> {
        self.pulls.iter_mut().find(|pull| pull.number == number)
    }

    /// The old and the new paths of what a pull request changes.
    pub(crate) fn changes(&self, pull: &Pull) -> Vec<(String, String)> {
        let git = self.git();
        let head = self.head(pull);
        let base = self.tip(&pull.base).expect("a base branch");
        let since = git.merge_base(base, head).expect("a common commit");
        let tree = |oid| git.find_commit(oid).and_then(|commit| commit.tree()).expect("a tree");
        let mut difference = git.diff_tree_to_tree(Some(&tree(since)), Some(&tree(head)), None).expect("a diff");
        difference.find_similar(None).expect("renames");
        let name = |file: git2::DiffFile<'_>| file.path().expect("a path").to_str().expect("text").to_owned();
        difference.deltas().map(|delta| (name(delta.old_file()), name(delta.new_file()))).collect()
    }

    pub(crate) fn say(&mut self, pull: u64, author: u64, body: &str) -> u64 {
        let id = 1000 + self.comments.len() as u64;
        self.comments.push(Comment { id, pull, author, body: body.to_owned() });
        id
    }

    /// Entries of a folder: name, id, mode and type.
    pub(crate) fn entries(&self, tree: Oid) -> Vec<(String, String, String, &'static str)> {
        let git = self.git();
        let tree = git.find_object(tree, None).and_then(|object| object.peel_to_tree()).expect("a tree");
        let entry = |entry: git2::TreeEntry<'_>| {
            let kind = match entry.kind() {
                Some(git2::ObjectType::Tree) => "tree",
                Some(git2::ObjectType::Commit) => "commit",
                _ => "blob",
            };
            let name = entry.name().expect("text").to_owned();
            (name, entry.id().to_string(), format!("{:06o}", entry.filemode()), kind)
        };
        tree.iter().map(entry).collect()
    }

    /// Everything, to see whether anything changed.
    pub(crate) fn digest(&self) -> String {
        let git = self.git();
        let references = git.references().expect("references").map(|reference| {
            let reference = reference.expect("a reference");
            format!("{} {:?}", reference.name().expect("text"), reference.target())
        });
        let references: Vec<String> = references.collect();
        format!("{references:?} {:?} {:?} {:?}", self.pulls, self.comments, self.statuses)
    }
}
