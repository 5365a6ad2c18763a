//! Gitea and Forgejo, over their API v1.
//!
//! A commit with all its files is one request. A branch that is there already is moved by the same request, which Gitea and Forgejo
//! call by different names and older servers do not know. <https://docs.gitea.com/api>, <https://codeberg.org/api/swagger>

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::AUTHORIZATION;
use reqwest::{Method, StatusCode};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::http::{Api, Call, Dialect};
use super::name::{BranchName, CommitId};
use super::pull_request::{Changed, Head, PullRequest, PullRequestState};
use super::remote::{Comment, Commit, Draft, Edit, Entry, EntryKind, Pull, Remote, Repository, Write};
use super::{Address, Error, Permitted, Right, State, Status};
use crate::clock::Clock;

/// Entries of a page. Servers give 50 unless they are told otherwise, and fewer when they are told so.
const PAGE: &str = "50";
/// Most pages of anything.
const MOST_PAGES: u32 = 200;

const ROLE: &str = "give the token's account the permission Write in the repository's settings, under Collaborators";

/// A repository at Gitea or Forgejo.
#[derive(Debug)]
pub(super) struct Gitea {
    api: Api,
    account: OnceCell<User>,
    /// What the option that moves a branch is called there.
    moving: OnceCell<&'static str>,
}

#[derive(Clone, Debug, Deserialize)]
struct User {
    id: u64,
    login: String,
}

#[derive(Deserialize)]
struct Version {
    version: String,
}

#[derive(Deserialize)]
struct RepositoryDoc {
    default_branch: String,
    archived: bool,
    permissions: Option<Permissions>,
    #[serde(default = "yes")]
    has_pull_requests: bool,
}

fn yes() -> bool {
    true
}

#[derive(Deserialize)]
struct Permissions {
    push: bool,
}

#[derive(Deserialize)]
struct Branch {
    commit: BranchCommit,
}

#[derive(Deserialize)]
struct BranchCommit {
    id: String,
}

#[derive(Deserialize)]
struct CommitDoc {
    parents: Option<Vec<Object>>,
    commit: CommitWords,
}

#[derive(Deserialize)]
struct CommitWords {
    message: String,
}

#[derive(Deserialize)]
struct Object {
    sha: String,
}

#[derive(Deserialize)]
struct TreeDoc {
    tree: Option<Vec<TreeEntry>>,
    truncated: bool,
}

#[derive(Deserialize)]
struct TreeEntry {
    path: String,
    mode: String,
    #[serde(rename = "type")]
    kind: String,
    sha: String,
}

#[derive(Deserialize)]
struct Written {
    commit: Object,
}

#[derive(Deserialize)]
struct PullDoc {
    number: u64,
    state: String,
    title: String,
    body: String,
    html_url: String,
    user: User,
    merged: bool,
    head: BranchDoc,
    base: BranchDoc,
    changed_files: Option<usize>,
}

#[derive(Deserialize)]
struct BranchDoc {
    #[serde(rename = "ref")]
    name: String,
    sha: String,
    repo_id: i64,
}

#[derive(Deserialize)]
struct FileDoc {
    filename: String,
    previous_filename: Option<String>,
}

#[derive(Deserialize)]
struct CommentDoc {
    id: u64,
    body: String,
    user: Option<Writer>,
}

#[derive(Deserialize)]
struct Writer {
    id: i64,
}

#[derive(Deserialize)]
struct StatusDoc {
    context: String,
    status: String,
    description: String,
    target_url: String,
}

impl PullDoc {
    fn standing(&self) -> PullRequestState {
        match (self.merged, self.state.as_str()) {
            (true, _) => PullRequestState::Merged,
            (false, "open") => PullRequestState::Open,
            (false, _) => PullRequestState::Closed,
        }
    }

    /// True when its branch is in this very repository.
    fn is_at_home(&self) -> bool {
        self.head.repo_id == self.base.repo_id
    }

    fn pull(self) -> Pull {
        Pull {
            number: self.number,
            state: self.standing(),
            url: Some(self.html_url),
            title: self.title,
            body: self.body,
            base: self.base.name,
        }
    }
}

impl Gitea {
    /// # Errors
    /// When the token cannot be one, or the system's certificates cannot be used.
    pub(super) fn new(address: Address, token: SecretString, clock: Clock) -> Result<Self, Error> {
        let dialect = Dialect {
            token: (AUTHORIZATION, "token "),
            headers: &[("accept", "application/json")],
            tokens: "/user/settings/applications (scopes `write:repository`, `write:issue` and `read:user`)",
        };
        let api = Api::new(address, token, clock, &dialect)?;
        Ok(Self { api, account: OnceCell::new(), moving: OnceCell::new() })
    }

    /// A question about the repository. No part of the path has a slash that is its own, except where it is said.
    fn about<'p>(&'p self, what: impl Into<String>, path: impl IntoIterator<Item = &'p str>) -> Call {
        Call::get(what, ["repos"].into_iter().chain(self.api.repository().split('/')).chain(path))
    }

    fn id(&self, what: &str, text: &str) -> Result<CommitId, Error> {
        CommitId::new(text).map_err(|bad| self.api.not_understood(what, &bad.to_string()))
    }

    async fn account(&self) -> Result<&User, Error> {
        let ask = || async { self.api.send(Call::get("the token's account", ["user"])).await?.json() };
        self.account.get_or_try_init(ask).await
    }

    async fn moving(&self) -> Result<&'static str, Error> {
        let ask = || async {
            let Version { version } =
                self.api.send(Call::get("the version of the server", ["version"])).await?.json()?;
            // Forgejo names the Gitea it is compatible with behind its own version.
            Ok(if version.contains("+gitea-") { "force_overwrite_new_branch" } else { "force_push" })
        };
        self.moving.get_or_try_init(ask).await.copied()
    }

    async fn read_repository(&self) -> Result<(RepositoryDoc, BranchName), Error> {
        let doc: RepositoryDoc = self.api.send(self.about("such repository", [])).await?.json()?;
        let branch = BranchName::new(&doc.default_branch);
        let branch = branch.map_err(|bad| self.api.not_understood("the repository", &bad.to_string()))?;
        Ok((doc, branch))
    }

    /// Everything on pages, until there is an empty one, and whether that is all.
    async fn pages<T: for<'d> Deserialize<'d>>(&self, call: &Call) -> Result<(Vec<T>, bool), Error> {
        let mut all = Vec::new();
        for page in 1..=MOST_PAGES {
            let call = call.clone().query("limit", PAGE).query("page", page.to_string());
            let some: Option<Vec<T>> = self.api.send(call).await?.json()?;
            let some = some.unwrap_or_default();
            if some.is_empty() {
                return Ok((all, true));
            }
            all.extend(some);
        }
        Ok((all, false))
    }
}

fn operation(edit: &Edit<'_>) -> Value {
    let mut operation = match edit.after {
        Some(content) => json!({ "path": edit.path.as_str(), "content": STANDARD.encode(content) }),
        None => json!({ "path": edit.path.as_str() }),
    };
    operation["operation"] = json!(match (&edit.before, edit.after) {
        (None, Some(_)) => "create",
        (Some(_), Some(_)) => "update",
        (_, None) => "delete",
    });
    if let Some(before) = &edit.before {
        operation["sha"] = json!(before.id);
    }
    operation
}

#[async_trait]
impl Remote for Gitea {
    fn place(&self) -> String {
        self.api.place()
    }

    fn clock(&self) -> &Clock {
        &self.api.clock
    }

    async fn repository(&self) -> Result<Repository, Error> {
        let (doc, default_branch) = self.read_repository().await?;
        Ok(Repository { default_branch, is_archived: doc.archived })
    }

    async fn tip(&self, branch: &BranchName) -> Result<Option<CommitId>, Error> {
        let what = format!("branch `{branch}`");
        // The route takes the rest of the path as the name.
        let path = ["branches"].into_iter().chain(branch.as_str().split('/'));
        let found: Option<Branch> = self.api.send(self.about(&what, path)).await?.found()?;
        found.map(|branch| self.id(&what, &branch.commit.id)).transpose()
    }

    async fn commit(&self, id: &CommitId) -> Result<Option<Commit>, Error> {
        let call = self.about(format!("commit {id}"), ["git", "commits", id.as_str()]);
        let call = call.query("stat", "false").query("verification", "false").query("files", "false");
        let found: Option<CommitDoc> = self.api.send(call).await?.found()?;
        let parents = |parents: Option<Vec<Object>>| parents.into_iter().flatten().map(|parent| parent.sha).collect();
        Ok(found.map(|CommitDoc { parents: of, commit }| Commit { parents: parents(of), message: commit.message }))
    }

    async fn folder(&self, at: &CommitId, path: &str, tree: Option<&str>) -> Result<Vec<Entry>, Error> {
        let what = format!("folder `{path}`");
        let mut all = Vec::new();
        for page in 1..=MOST_PAGES {
            let call = self.about(&what, ["git", "trees", tree.unwrap_or(at.as_str())]);
            let TreeDoc { tree, truncated } = self.api.send(call.query("page", page.to_string())).await?.json()?;
            let some = tree.unwrap_or_default();
            let is_last = !truncated || some.is_empty();
            all.extend(some.into_iter().map(|TreeEntry { path, mode, kind, sha }| Entry {
                kind: EntryKind::of(&mode, &kind),
                name: path,
                id: sha,
                mode,
            }));
            if is_last {
                return Ok(all);
            }
        }
        Err(self.api.not_understood(&what, "it has more entries than can be looked through"))
    }

    async fn write(&self, write: &Write<'_>) -> Result<CommitId, Error> {
        let mut body = json!({
            "branch": write.base.as_str(),
            "new_branch": write.branch.as_str(),
            "message": write.message,
            "files": write.edits.iter().map(operation).collect::<Vec<_>>(),
        });
        if write.from.is_some() {
            body[self.moving().await?] = json!(true);
        }
        if let Some(author) = write.author {
            body["author"] = json!({ "name": author.name(), "email": author.email() });
        }
        let what = format!("branch `{}`", write.branch);
        let call = self.about(&what, ["contents"]).write(Method::POST, Right::Contents, body).once();
        let answer = self.api.send(call).await?;
        // An older server does not know the option, and says what it would say without it.
        let is_old = write.from.is_some() && answer.said().to_lowercase().contains("branch already exists");
        match answer.status {
            StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY if is_old => {
                Err(Error::CannotMove { place: self.api.place(), branch: write.branch.clone() })
            }
            status if !status.is_success() => Err(answer.refused_branch(write.branch)),
            _ => {
                let Written { commit } = answer.json()?;
                self.id("a commit", &commit.sha)
            }
        }
    }

    async fn delete_branch(&self, branch: &BranchName, _: &CommitId) -> Result<(), Error> {
        let path = ["branches"].into_iter().chain(branch.as_str().split('/'));
        let call = self.about(format!("branch `{branch}`"), path).delete(Right::Contents);
        let answer = self.api.send(call).await?;
        if answer.status.is_success() { Ok(()) } else { Err(answer.refused_branch(branch)) }
    }

    async fn pulls(&self, branch: &BranchName, base: &BranchName) -> Result<Vec<Pull>, Error> {
        let of_branch = |pull: &PullDoc| pull.head.name == branch.as_str() && pull.is_at_home();
        let path = ["pulls", base.as_str()].into_iter().chain(branch.as_str().split('/'));
        let call = self.about("pull requests", path).needs(Right::PullRequests);
        let any: Option<PullDoc> = self.api.send(call).await?.found()?;
        let any = any.filter(of_branch);
        if any.as_ref().is_some_and(|pull| pull.standing() == PullRequestState::Open) {
            return Ok(any.into_iter().map(PullDoc::pull).collect());
        }
        // There may be one that is open, of the same name, or for another branch.
        let call = self.about("pull requests", ["pulls"]).needs(Right::PullRequests).query("state", "open");
        let (open, _): (Vec<PullDoc>, bool) = self.pages(&call).await?;
        Ok(any.into_iter().chain(open.into_iter().filter(of_branch)).map(PullDoc::pull).collect())
    }

    async fn open_pull(&self, draft: &Draft<'_>) -> Result<Pull, Error> {
        let Draft { branch, base, title, body } = draft;
        let body = json!({ "title": title, "body": body, "head": branch.as_str(), "base": base.as_str() });
        let call = self.about("a pull request", ["pulls"]).write(Method::POST, Right::PullRequests, body).once();
        let pull: PullDoc = self.api.send(call).await?.json()?;
        Ok(pull.pull())
    }

    async fn edit_pull(&self, number: u64, draft: &Draft<'_>) -> Result<(), Error> {
        let Draft { branch: _, base, title, body } = draft;
        let body = json!({ "title": title, "body": body, "base": base.as_str() });
        let call = self.about(format!("pull request {number}"), ["pulls", &number.to_string()]);
        self.api.send(call.write(Method::PATCH, Right::PullRequests, body)).await?.done().map(drop)
    }

    async fn read_pull_request(&self, number: u64) -> Result<PullRequest, Error> {
        let (what, number_) = (format!("pull request {number}"), number.to_string());
        let call = self.about(&what, ["pulls", &number_]).needs(Right::PullRequests);
        let pull: PullDoc = self.api.send(call).await?.json()?;
        let call = self.about(&what, ["pulls", &number_, "files"]).needs(Right::PullRequests);
        let (files, is_last): (Vec<FileDoc>, bool) = self.pages(&call).await?;
        let is_complete = is_last && pull.changed_files.is_none_or(|all| all <= files.len());
        let paths = files.into_iter().flat_map(|file| [Some(file.filename), file.previous_filename]);
        Ok(PullRequest {
            number,
            state: pull.standing(),
            head: Head { commit: self.id(&what, &pull.head.sha)?, is_fork: !pull.is_at_home(), branch: pull.head.name },
            url: Some(pull.html_url),
            title: pull.title,
            author: pull.user.login,
            base: pull.base.name,
            changed: Changed::new(paths.flatten().filter(|path| !path.is_empty()).collect(), is_complete),
        })
    }

    async fn comments(&self, number: u64) -> Result<Vec<Comment>, Error> {
        let account = i64::try_from(self.account().await?.id).ok();
        // All of them at once: there are no pages here.
        let call = self.about(format!("pull request {number}"), ["issues", &number.to_string(), "comments"]);
        let comments: Option<Vec<CommentDoc>> = self.api.send(call.needs(Right::Comments)).await?.json()?;
        let comment = |doc: CommentDoc| Comment {
            id: doc.id,
            is_ours: account.is_some() && doc.user.map(|user| user.id) == account,
            body: doc.body,
        };
        Ok(comments.into_iter().flatten().map(comment).collect())
    }

    async fn write_comment(&self, number: u64, body: &str) -> Result<(), Error> {
        let call = self.about(format!("pull request {number}"), ["issues", &number.to_string(), "comments"]);
        let call = call.write(Method::POST, Right::Comments, json!({ "body": body })).once();
        self.api.send(call).await?.done().map(drop)
    }

    async fn edit_comment(&self, _: u64, id: u64, body: &str) -> Result<(), Error> {
        let call = self.about(format!("comment {id}"), ["issues", "comments", &id.to_string()]);
        let call = call.write(Method::PATCH, Right::Comments, json!({ "body": body }));
        self.api.send(call).await?.done().map(drop)
    }

    async fn read_status(&self, commit: &CommitId, context: &str) -> Result<Option<Status>, Error> {
        let call = self.about(format!("commit {commit}"), ["commits", commit.as_str(), "statuses"]);
        let call = call.needs(Right::Statuses).query("sort", "recentupdate").query("limit", PAGE);
        let statuses: Option<Vec<StatusDoc>> = self.api.send(call).await?.json()?;
        // The newest counts.
        let found = statuses.into_iter().flatten().find(|status| status.context == context);
        let states = [State::Pending, State::Success, State::Failure, State::Error];
        Ok(found.and_then(|found| {
            Some(Status {
                state: states.into_iter().find(|state| state.word() == found.status)?,
                context: found.context,
                description: found.description,
                url: Some(found.target_url).filter(|url| !url.is_empty()),
            })
        }))
    }

    async fn write_status(&self, commit: &CommitId, status: &Status) -> Result<(), Error> {
        let Status { state, context, description, url } = status;
        let mut body = json!({ "state": state.word(), "context": context, "description": description });
        if let Some(url) = url {
            body["target_url"] = json!(url);
        }
        let call = self.about(format!("commit {commit}"), ["statuses", commit.as_str()]);
        self.api.send(call.write(Method::POST, Right::Statuses, body)).await?.done().map(drop)
    }

    async fn rights(&self) -> Result<Permitted, Error> {
        let account = self.account().await?.login.clone();
        let (doc, default_branch) = self.read_repository().await?;
        let mut missing = Vec::new();
        if !doc.has_pull_requests {
            missing.push((Right::PullRequests, "switch pull requests on in the repository's settings".to_owned()));
        }
        if doc.permissions.is_some_and(|permissions| !permissions.push) {
            missing.push((Right::Contents, ROLE.to_owned()));
        }
        // The scopes of a token are not told; one that may not be read may not be written either.
        let call = self.about("pull requests", ["pulls"]).needs(Right::PullRequests).query("limit", "1");
        match self.api.send(call).await?.done() {
            Ok(_) | Err(Error::NotFound { .. }) => {}
            Err(Error::MissingRight { right, remedy, .. }) => missing.push((right, remedy)),
            Err(error) => return Err(error),
        }
        let all = [Right::Contents, Right::PullRequests, Right::Comments, Right::Statuses];
        let is_missing = |right: &Right| missing.iter().any(|(missing, _)| missing == right);
        let unsure = all.into_iter().filter(|right| !is_missing(right)).collect();
        Ok(Permitted { account: Some(account), default_branch, missing, unsure })
    }
}
