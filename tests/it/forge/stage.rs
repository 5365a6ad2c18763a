//! Where a story takes place: a forge, and the people around it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::DateTime;
use git2::Oid;
use setai::clock::Clock;
use setai::forge::{
    Address, BranchName, Change, CommitId, File, Forge, Kind, Proposal, Proposed, RepoPath, Words, open, open_local,
};

use super::fake::{Fake, Fault, Play, TOKEN, Wrong};
use super::world::{FORK, HOME, OTHER, Pull, Standing, World};

pub(crate) struct Stage {
    pub(crate) forge: Arc<dyn Forge>,
    pub(crate) clock: Clock,
    folder: tempfile::TempDir,
    /// None for a repository of this machine.
    pub(crate) fake: Option<Arc<Fake>>,
    /// Where the API is.
    pub(crate) api: String,
}

impl Drop for Stage {
    fn drop(&mut self) {
        let Some(fake) = self.fake.as_ref().filter(|_| !std::thread::panicking()) else { return };
        let violations = fake.lock().violations.clone();
        assert!(violations.is_empty(), "against what is published:\n{}", violations.join("\n"));
    }
}

pub(crate) fn clock() -> Clock {
    Clock::virtual_at(DateTime::from_timestamp(1_800_000_000, 0).expect("a time"))
}

pub(crate) fn branch(name: &str) -> BranchName {
    BranchName::new(name).expect("a name")
}

pub(crate) fn id(oid: Oid) -> CommitId {
    CommitId::new(&oid.to_string()).expect("an id")
}

/// A change of files on the branch `setai/rooms`.
pub(crate) fn change(files: &[(&str, Option<&str>)]) -> Change {
    change_with(files, words("Add rooms", "For everybody.", "Add rooms\n\nFor everybody."))
}

pub(crate) fn words(title: &str, body: &str, message: &str) -> Words {
    Words { title: title.to_owned(), body: body.to_owned(), message: message.to_owned() }
}

pub(crate) fn change_with(files: &[(&str, Option<&str>)], words: Words) -> Change {
    let file = |(path, content): &(&str, Option<&str>)| File {
        path: RepoPath::new(path).expect("a path"),
        content: content.map(str::to_owned),
    };
    Change::new(branch("setai/rooms"), files.iter().map(file).collect(), words).expect("a change")
}

impl Stage {
    pub(crate) async fn served(play: Play) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("guilds.git");
        Self::serving(play, folder, &path).await
    }

    /// The same in front of a repository that others keep.
    pub(crate) async fn in_front_of(play: Play, path: &Path) -> Self {
        Self::serving(play, tempfile::tempdir().expect("a folder"), path).await
    }

    async fn serving(play: Play, folder: tempfile::TempDir, path: &Path) -> Self {
        let fake = Fake::new(play, World::new(path));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let router = fake.router();
        tokio::spawn(async move { axum::serve(listener, router).await });
        let api = format!("http://{address}{}", play.prefix());
        let clock = clock();
        let forge = Self::open(play, &api, &clock, TOKEN);
        Self { forge, clock, folder, fake: Some(fake), api }
    }

    pub(crate) fn open(play: Play, api: &str, clock: &Clock, token: &str) -> Arc<dyn Forge> {
        let kind = match play {
            Play::GitHub => Kind::GitHub,
            Play::GitLab => Kind::GitLab,
            Play::Gitea | Play::Forgejo => Kind::Gitea,
        };
        let address = Address::new(kind, api, "team/guilds").expect("an address");
        open(address, token.into(), clock.clone()).expect("a forge")
    }

    pub(crate) fn on_this_machine() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("guilds.git");
        World::new(&path);
        let clock = clock();
        let forge = open_local(&path, clock.clone()).expect("a repository");
        Self { forge, clock, folder, fake: None, api: String::new() }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("guilds.git")
    }

    /// Does something with what is there.
    pub(crate) fn world<T>(&self, with: impl FnOnce(&mut World) -> T) -> T {
        match &self.fake {
            Some(fake) => with(&mut fake.lock().world),
            None => with(&mut self.bare_world()),
        }
    }

    fn bare_world(&self) -> World {
        World {
            path: self.path(),
            pulls: Vec::new(),
            comments: Vec::new(),
            statuses: Vec::new(),
            protected: Vec::new(),
            is_archived: false,
        }
    }

    pub(crate) fn fake(&self) -> &Fake {
        self.fake.as_deref().expect("a server")
    }

    /// The named requests go wrong so many times.
    pub(crate) fn fault(&self, method: &'static str, path: &'static str, times: u32, what: Wrong) {
        self.fake().lock().faults.push(Fault { method, path, times, what });
    }

    /// Whether anything was written, and everything that is there.
    pub(crate) fn everything(&self) -> (usize, String) {
        let writes = self.fake.as_ref().map_or(0, |fake| fake.writes());
        (writes, self.world(|world| world.digest()))
    }

    pub(crate) async fn propose(&self, change: &Change) -> Proposed {
        self.forge.propose(change).await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Proposes what is new, and gets the new pull request.
    pub(crate) async fn opened(&self, change: &Change) -> Proposal {
        match self.propose(change).await {
            Proposed::Opened(proposal) => proposal,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn tip(&self, branch: &str) -> Option<String> {
        self.world(|world| world.tip(branch)).map(|oid| oid.to_string())
    }

    pub(crate) fn commit(&self, branch: &str, files: &[(&str, Option<&str>)]) -> CommitId {
        id(self.world(|world| world.commit(branch, files)))
    }

    /// What a file holds on a branch.
    pub(crate) fn file(&self, branch: &str, path: &str) -> Option<String> {
        self.world(|world| world.file(world.tip(branch).expect("a branch"), path))
    }

    /// The parents, the message and the author of the last commit of a branch.
    pub(crate) fn last(&self, branch: &str) -> (Vec<String>, String, String) {
        self.world(|world| {
            let git = world.git();
            let commit = git.find_commit(world.tip(branch).expect("a branch")).expect("a commit");
            let author = commit.author();
            (
                commit.parent_ids().map(|id| id.to_string()).collect(),
                commit.message().expect("text").to_owned(),
                format!("{} <{}>", author.name().expect("text"), author.email().expect("text")),
            )
        })
    }

    /// Somebody closes a pull request. On this machine that is deleting its branch.
    pub(crate) fn close(&self, proposal: &Proposal) {
        self.world(|world| match self.fake {
            Some(_) => {
                let head = world.tip(proposal.branch.as_str()).expect("a branch");
                let pull = world.pull_mut(proposal.number).expect("a pull request");
                (pull.standing, pull.head) = (Standing::Closed, head);
            }
            None => world.delete_branch(proposal.branch.as_str()),
        });
    }

    /// Somebody merges a pull request.
    pub(crate) fn merge(&self, proposal: &Proposal) {
        self.world(|world| {
            let head = world.tip(proposal.branch.as_str()).expect("a branch");
            world.merge(proposal.branch.as_str(), proposal.base.as_str());
            if let Some(pull) = world.pull_mut(proposal.number) {
                (pull.standing, pull.head) = (Standing::Merged, head);
            }
        });
    }

    /// Title and body of a pull request.
    pub(crate) fn says(&self, number: u64) -> (String, String) {
        if self.fake.is_some() {
            return self.world(|world| {
                let pull = world.pull(number).expect("a pull request");
                (pull.title.clone(), pull.body.clone())
            });
        }
        let record = self.record(number);
        let text = |field: &str| record[field].as_str().expect("text").to_owned();
        (text("title"), text("body"))
    }

    /// What a local forge keeps of a pull request.
    pub(crate) fn record(&self, number: u64) -> serde_json::Value {
        let git = git2::Repository::open(self.path()).expect("the repository");
        let tree = git.find_reference("refs/notes/setai").and_then(|kept| kept.peel_to_tree()).expect("records");
        let entry = tree.get_path(std::path::Path::new(&format!("pulls/{number}.json"))).expect("a record");
        serde_json::from_slice(git.find_blob(entry.id()).expect("a file").content()).expect("JSON")
    }

    /// The texts of the comments on a pull request.
    pub(crate) fn comments(&self, number: u64) -> Vec<String> {
        if self.fake.is_some() {
            return self.world(|world| {
                let of_it = world.comments.iter().filter(|comment| comment.pull == number);
                of_it.map(|comment| comment.body.clone()).collect()
            });
        }
        let record = self.record(number);
        let all = record["comments"].as_array().expect("a list");
        all.iter().map(|said| said["body"].as_str().expect("text").to_owned()).collect()
    }

    /// Somebody else proposes something from a fork of theirs, or from one that is gone.
    pub(crate) fn propose_from_fork(&self, is_gone: bool, name: &str) -> u64 {
        self.world(|world| {
            let base = world.tip("main");
            let files = [("guild.yaml", None), ("moved.yaml", Some("version: 1\n")), ("parts/evil.yaml", Some("x"))];
            let head = world.make(base, &files, "Mine\n", Some((OTHER.1, "m@evil"))).expect("a commit");
            world.open(Pull {
                number: 0,
                title: "Take <this>".to_owned(),
                body: "/approve".to_owned(),
                branch: name.to_owned(),
                base: "main".to_owned(),
                standing: Standing::Open,
                author: OTHER.1,
                from: (!is_gone).then_some(FORK),
                head,
            })
        })
    }

    /// True when nobody but us opened a pull request here.
    pub(crate) fn pulls(&self) -> usize {
        self.world(|world| world.pulls.iter().filter(|pull| pull.from == Some(HOME)).count())
    }
}
