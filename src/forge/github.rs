//! GitHub, and GitHub Enterprise Server, over the REST API.
//!
//! A commit is made of git's own objects (tree, commit, reference), so that no push is needed and a branch moves in one step.
//! <https://docs.github.com/rest>, version 2022-11-28.

use async_trait::async_trait;
use reqwest::header::AUTHORIZATION;
use reqwest::{Method, StatusCode};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::http::{Api, Call, Dialect};
use super::name::{BranchName, CommitId};
use super::pull_request::{Changed, Head, PullRequest, PullRequestState};
use super::remote::{Comment, Commit, Draft, Entry, EntryKind, Pull, Remote, Repository, Write};
use super::{Address, Error, Permitted, Right, State, Status};
use crate::clock::Clock;

/// Entries of a page; GitHub gives no more.
const PAGE: usize = 100;
/// Most pages of changed files: GitHub names 3,000.
const MOST_PAGES: u32 = 30;
/// Most pages of comments.
const MOST_COMMENT_PAGES: u32 = 100;

const ROLE: &str =
    "give the token's account the role Write in the repository's settings, under Collaborators and teams";
const SCOPE: &str = "give the classic token the scope `repo`, or use a fine-grained one";

/// A repository at GitHub.
#[derive(Debug)]
pub(super) struct GitHub {
    api: Api,
    account: OnceCell<Account>,
}

/// Whose token it is.
#[derive(Clone, Debug)]
enum Account {
    User {
        id: u64,
        login: String,
    },
    /// An app's token does not tell whose it is.
    App,
}

#[derive(Deserialize)]
struct User {
    id: u64,
    login: String,
}

#[derive(Deserialize)]
struct RepositoryDoc {
    default_branch: String,
    archived: bool,
    permissions: Option<Permissions>,
}

#[derive(Deserialize)]
struct Permissions {
    push: bool,
}

#[derive(Deserialize)]
struct Reference {
    object: Object,
}

#[derive(Deserialize)]
struct Object {
    sha: String,
}

#[derive(Deserialize)]
struct CommitDoc {
    tree: Object,
    parents: Vec<Object>,
    message: String,
}

#[derive(Deserialize)]
struct TreeDoc {
    tree: Vec<TreeEntry>,
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
struct PullDoc {
    number: u64,
    state: String,
    title: String,
    body: Option<String>,
    html_url: String,
    user: Option<Login>,
    merged_at: Option<String>,
    head: BranchDoc,
    base: BranchDoc,
    changed_files: Option<usize>,
}

#[derive(Deserialize)]
struct Login {
    login: String,
}

#[derive(Deserialize)]
struct BranchDoc {
    #[serde(rename = "ref")]
    name: String,
    sha: String,
    repo: Option<Id>,
}

#[derive(Deserialize)]
struct Id {
    id: u64,
}

#[derive(Deserialize)]
struct FileDoc {
    filename: String,
    previous_filename: Option<String>,
}

#[derive(Deserialize)]
struct CommentDoc {
    id: u64,
    body: Option<String>,
    user: Option<Writer>,
}

#[derive(Deserialize)]
struct Writer {
    id: u64,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct Statuses {
    statuses: Vec<StatusDoc>,
}

#[derive(Deserialize)]
struct StatusDoc {
    context: String,
    state: String,
    description: Option<String>,
    target_url: Option<String>,
}

impl PullDoc {
    fn standing(&self) -> PullRequestState {
        match (self.state.as_str(), &self.merged_at) {
            (_, Some(_)) => PullRequestState::Merged,
            ("open", None) => PullRequestState::Open,
            (_, None) => PullRequestState::Closed,
        }
    }

    /// True when its branch is in this very repository.
    fn is_at_home(&self) -> bool {
        let home = self.base.repo.as_ref().map(|repo| repo.id);
        home.is_some() && self.head.repo.as_ref().map(|repo| repo.id) == home
    }

    fn pull(self) -> Pull {
        Pull {
            number: self.number,
            state: self.standing(),
            url: Some(self.html_url),
            title: self.title,
            body: self.body.unwrap_or_default(),
            base: self.base.name,
        }
    }
}

impl GitHub {
    /// # Errors
    /// When the token cannot be one, or the system's certificates cannot be used.
    pub(super) fn new(address: Address, token: SecretString, clock: Clock) -> Result<Self, Error> {
        let dialect = Dialect {
            token: (AUTHORIZATION, "Bearer "),
            headers: &[("accept", "application/vnd.github+json"), ("x-github-api-version", "2022-11-28")],
            tokens: "/settings/personal-access-tokens",
        };
        Ok(Self { api: Api::new(address, token, clock, &dialect)?, account: OnceCell::new() })
    }

    /// A question about the repository.
    fn about(&self, what: impl Into<String>, path: &str) -> Call {
        let path = path.split('/').filter(|part| !part.is_empty());
        Call::get(what, ["repos"].into_iter().chain(self.api.repository().split('/')).chain(path))
    }

    fn id(&self, what: &str, text: &str) -> Result<CommitId, Error> {
        CommitId::new(text).map_err(|bad| self.api.not_understood(what, &bad.to_string()))
    }

    async fn account(&self) -> Result<&Account, Error> {
        let ask = || async {
            let answer = self.api.send(Call::get("the token's account", ["user"])).await?;
            if answer.status == StatusCode::FORBIDDEN {
                return Ok(Account::App);
            }
            let User { id, login } = answer.json()?;
            Ok(Account::User { id, login })
        };
        self.account.get_or_try_init(ask).await
    }

    async fn read_commit(&self, id: &CommitId) -> Result<Option<CommitDoc>, Error> {
        let call = self.about(format!("commit {id}"), &format!("git/commits/{id}"));
        self.api.send(call).await?.found().map_err(|error| match error {
            // An id that is in no repository of the network is said so otherwise.
            Error::Refused { status: 422, .. } => {
                Error::NotFound { place: self.api.place(), what: format!("commit {id}") }
            }
            other => other,
        })
    }

    /// Everything on pages that are as long as can be, and whether that is all.
    async fn pages<T: for<'d> Deserialize<'d>>(&self, call: &Call, most: u32) -> Result<(Vec<T>, bool), Error> {
        let mut all = Vec::new();
        for page in 1..=most {
            let call = call.clone().query("per_page", PAGE.to_string()).query("page", page.to_string());
            let some: Vec<T> = self.api.send(call).await?.json()?;
            let is_last = some.len() < PAGE;
            all.extend(some);
            if is_last {
                return Ok((all, true));
            }
        }
        Ok((all, false))
    }

    /// The tree of the commit to come.
    async fn make_tree(&self, write: &Write<'_>) -> Result<String, Error> {
        let what = format!("commit {}", write.on);
        let on = self.read_commit(write.on).await?;
        let on = on.ok_or_else(|| Error::NotFound { place: self.api.place(), what })?;
        let entry = |edit: &super::remote::Edit<'_>| {
            let mode = edit.before.as_ref().map_or("100644", |before| before.mode.as_str());
            let mut entry = json!({ "path": edit.path.as_str(), "mode": mode, "type": "blob" });
            match edit.after {
                Some(content) => entry["content"] = json!(content),
                None => entry["sha"] = Value::Null,
            }
            entry
        };
        let entries: Vec<Value> = write.edits.iter().map(entry).collect();
        let body = json!({ "base_tree": on.tree.sha, "tree": entries });
        let call = self.about("a tree", "git/trees").write(Method::POST, Right::Contents, body);
        let Object { sha } = self.api.send(call).await?.json()?;
        Ok(sha)
    }

    async fn make_commit(&self, write: &Write<'_>, tree: &str) -> Result<CommitId, Error> {
        let mut body = json!({ "message": write.message, "tree": tree, "parents": [write.on.as_str()] });
        if let Some(author) = write.author {
            body["author"] = json!({ "name": author.name(), "email": author.email() });
        }
        let call = self.about("a commit", "git/commits").write(Method::POST, Right::Contents, body);
        let Object { sha } = self.api.send(call).await?.json()?;
        self.id("a commit", &sha)
    }

    async fn place_branch(&self, write: &Write<'_>, commit: &CommitId) -> Result<(), Error> {
        let what = format!("branch `{}`", write.branch);
        let call = match write.from {
            Some(_) => self.about(what, &format!("git/{}", write.branch.reference())).write(
                Method::PATCH,
                Right::Contents,
                json!({ "sha": commit.as_str(), "force": true }),
            ),
            None => self
                .about(what, "git/refs")
                .write(
                    Method::POST,
                    Right::Contents,
                    json!({ "ref": write.branch.reference(), "sha": commit.as_str() }),
                )
                .once(),
        };
        let answer = self.api.send(call).await?;
        if answer.status.is_success() { Ok(()) } else { Err(answer.refused_branch(write.branch)) }
    }

    /// What the scopes of a classic token lack. None when the token has none, as newer ones.
    fn lacking(scopes: Option<&str>) -> Option<Vec<(Right, String)>> {
        let scopes: Vec<&str> = scopes?.split(',').map(str::trim).collect();
        if scopes.iter().any(|scope| ["repo", "public_repo"].contains(scope)) {
            return Some(Vec::new());
        }
        let rights = [Right::Contents, Right::PullRequests, Right::Comments];
        let statuses = (!scopes.contains(&"repo:status")).then_some(Right::Statuses);
        Some(rights.into_iter().chain(statuses).map(|right| (right, SCOPE.to_owned())).collect())
    }
}

#[async_trait]
impl Remote for GitHub {
    fn place(&self) -> String {
        self.api.place()
    }

    fn clock(&self) -> &Clock {
        &self.api.clock
    }

    async fn repository(&self) -> Result<Repository, Error> {
        let doc: RepositoryDoc = self.api.send(self.about("such repository", "")).await?.json()?;
        let default_branch = BranchName::new(&doc.default_branch);
        let default_branch =
            default_branch.map_err(|bad| self.api.not_understood("the repository", &bad.to_string()))?;
        Ok(Repository { default_branch, is_archived: doc.archived })
    }

    async fn tip(&self, branch: &BranchName) -> Result<Option<CommitId>, Error> {
        let what = format!("branch `{branch}`");
        let answer = self.api.send(self.about(&what, &format!("git/ref/heads/{branch}"))).await?;
        // A repository without a commit has no branch, which is a conflict to GitHub.
        if answer.status == StatusCode::CONFLICT {
            return Ok(None);
        }
        let found: Option<Reference> = answer.found()?;
        found.map(|reference| self.id(&what, &reference.object.sha)).transpose()
    }

    async fn commit(&self, id: &CommitId) -> Result<Option<Commit>, Error> {
        let commit = |doc: CommitDoc| Commit {
            parents: doc.parents.into_iter().map(|parent| parent.sha).collect(),
            message: doc.message,
        };
        Ok(self.read_commit(id).await?.map(commit))
    }

    async fn folder(&self, at: &CommitId, path: &str, tree: Option<&str>) -> Result<Vec<Entry>, Error> {
        let what = format!("folder `{path}`");
        let call = self.about(&what, &format!("git/trees/{}", tree.unwrap_or(at.as_str())));
        let TreeDoc { tree, truncated } = self.api.send(call).await?.json()?;
        if truncated {
            return Err(self.api.not_understood(&what, "it has more entries than GitHub names"));
        }
        let entry = |TreeEntry { path, mode, kind, sha }| Entry {
            kind: EntryKind::of(&mode, &kind),
            name: path,
            id: sha,
            mode,
        };
        Ok(tree.into_iter().map(entry).collect())
    }

    async fn write(&self, write: &Write<'_>) -> Result<CommitId, Error> {
        let tree = self.make_tree(write).await?;
        let commit = self.make_commit(write, &tree).await?;
        self.place_branch(write, &commit).await?;
        Ok(commit)
    }

    async fn delete_branch(&self, branch: &BranchName, _: &CommitId) -> Result<(), Error> {
        let call = self.about(format!("branch `{branch}`"), &format!("git/{}", branch.reference()));
        let answer = self.api.send(call.delete(Right::Contents)).await?;
        if answer.status.is_success() { Ok(()) } else { Err(answer.refused_branch(branch)) }
    }

    async fn pulls(&self, branch: &BranchName, _: &BranchName) -> Result<Vec<Pull>, Error> {
        let owner = self.api.repository().split('/').next().unwrap_or_default();
        let call = self
            .about("pull requests", "pulls")
            .needs(Right::PullRequests)
            .query("state", "all")
            .query("head", format!("{owner}:{branch}"))
            .query("per_page", PAGE.to_string());
        let pulls: Vec<PullDoc> = self.api.send(call).await?.json()?;
        // A filter GitHub does not understand is no filter.
        let of_branch = pulls.into_iter().filter(|pull| pull.head.name == branch.as_str() && pull.is_at_home());
        Ok(of_branch.map(PullDoc::pull).collect())
    }

    async fn open_pull(&self, draft: &Draft<'_>) -> Result<Pull, Error> {
        let Draft { branch, base, title, body } = draft;
        let body = json!({ "title": title, "body": body, "head": branch.as_str(), "base": base.as_str() });
        let call = self.about("a pull request", "pulls").write(Method::POST, Right::PullRequests, body).once();
        let pull: PullDoc = self.api.send(call).await?.json()?;
        Ok(pull.pull())
    }

    async fn edit_pull(&self, number: u64, draft: &Draft<'_>) -> Result<(), Error> {
        let Draft { branch: _, base, title, body } = draft;
        let body = json!({ "title": title, "body": body, "base": base.as_str() });
        let call = self.about(format!("pull request {number}"), &format!("pulls/{number}"));
        self.api.send(call.write(Method::PATCH, Right::PullRequests, body)).await?.done().map(drop)
    }

    async fn read_pull_request(&self, number: u64) -> Result<PullRequest, Error> {
        let what = format!("pull request {number}");
        let call = self.about(&what, &format!("pulls/{number}")).needs(Right::PullRequests);
        let pull: PullDoc = self.api.send(call).await?.json()?;
        let call = self.about(&what, &format!("pulls/{number}/files")).needs(Right::PullRequests);
        let (files, is_last): (Vec<FileDoc>, bool) = self.pages(&call, MOST_PAGES).await?;
        let is_complete = is_last && pull.changed_files.is_none_or(|all| all <= files.len());
        let paths = files.into_iter().flat_map(|file| [Some(file.filename), file.previous_filename]);
        Ok(PullRequest {
            number,
            state: pull.standing(),
            head: Head { commit: self.id(&what, &pull.head.sha)?, is_fork: !pull.is_at_home(), branch: pull.head.name },
            url: Some(pull.html_url),
            title: pull.title,
            // Whoever deleted their account is `ghost` to GitHub.
            author: pull.user.map_or_else(|| "ghost".to_owned(), |user| user.login),
            base: pull.base.name,
            changed: Changed::new(paths.flatten().collect(), is_complete),
        })
    }

    async fn comments(&self, number: u64) -> Result<Vec<Comment>, Error> {
        let account = self.account().await?;
        let call = self.about(format!("pull request {number}"), &format!("issues/{number}/comments"));
        let (comments, is_last): (Vec<CommentDoc>, bool) =
            self.pages(&call.needs(Right::Comments), MOST_COMMENT_PAGES).await?;
        if !is_last {
            return Err(self.api.not_understood("the comments", "there are more than can be looked through"));
        }
        let is_ours = |user: Option<&Writer>| match account {
            Account::User { id, .. } => user.is_some_and(|user| user.id == *id),
            Account::App => user.is_some_and(|user| user.kind == "Bot"),
        };
        let comment = |doc: CommentDoc| Comment {
            id: doc.id,
            is_ours: is_ours(doc.user.as_ref()),
            body: doc.body.unwrap_or_default(),
        };
        Ok(comments.into_iter().map(comment).collect())
    }

    async fn write_comment(&self, number: u64, body: &str) -> Result<(), Error> {
        let call = self.about(format!("pull request {number}"), &format!("issues/{number}/comments"));
        let call = call.write(Method::POST, Right::Comments, json!({ "body": body })).once();
        self.api.send(call).await?.done().map(drop)
    }

    async fn edit_comment(&self, _: u64, id: u64, body: &str) -> Result<(), Error> {
        let call = self.about(format!("comment {id}"), &format!("issues/comments/{id}"));
        let call = call.write(Method::PATCH, Right::Comments, json!({ "body": body }));
        self.api.send(call).await?.done().map(drop)
    }

    async fn read_status(&self, commit: &CommitId, context: &str) -> Result<Option<Status>, Error> {
        let call = self.about(format!("commit {commit}"), &format!("commits/{commit}/status"));
        let call = call.needs(Right::Statuses).query("per_page", PAGE.to_string());
        let Statuses { statuses } = self.api.send(call).await?.json()?;
        let found = statuses.into_iter().find(|status| status.context == context);
        let state = |word_: &str| {
            let states = [State::Pending, State::Success, State::Failure, State::Error];
            states.into_iter().find(|state| state.word() == word_)
        };
        Ok(found.and_then(|found| {
            Some(Status {
                state: state(&found.state)?,
                context: found.context,
                description: found.description.unwrap_or_default(),
                url: found.target_url.filter(|url| !url.is_empty()),
            })
        }))
    }

    async fn write_status(&self, commit: &CommitId, status: &Status) -> Result<(), Error> {
        let Status { state, context, description, url } = status;
        let mut body = json!({ "state": state.word(), "context": context, "description": description });
        if let Some(url) = url {
            body["target_url"] = json!(url);
        }
        let call = self.about(format!("commit {commit}"), &format!("statuses/{commit}"));
        self.api.send(call.write(Method::POST, Right::Statuses, body)).await?.done().map(drop)
    }

    async fn rights(&self) -> Result<Permitted, Error> {
        let account = match self.account().await? {
            Account::User { login, .. } => Some(login.clone()),
            Account::App => None,
        };
        let answer = self.api.send(self.about("such repository", "")).await?;
        let scopes = answer.headers.get("x-oauth-scopes").and_then(|scopes| scopes.to_str().ok());
        let scopes = scopes.filter(|scopes| !scopes.trim().is_empty()).map(str::to_owned);
        let doc: RepositoryDoc = answer.json()?;
        let default_branch = BranchName::new(&doc.default_branch)
            .map_err(|bad| self.api.not_understood("the repository", &bad.to_string()))?;
        let lacking = Self::lacking(scopes.as_deref());
        let unsure = match lacking {
            Some(_) => Vec::new(),
            None => vec![Right::Contents, Right::PullRequests, Right::Comments, Right::Statuses],
        };
        let mut missing = lacking.unwrap_or_default();
        if doc.permissions.is_some_and(|permissions| !permissions.push) {
            missing.push((Right::Contents, ROLE.to_owned()));
        }
        // What may not be read may not be written either.
        let pulls = self.about("pull requests", "pulls").needs(Right::PullRequests).query("per_page", "1");
        let statuses = self.about("statuses", &format!("commits/{default_branch}/status")).needs(Right::Statuses);
        for call in [pulls, statuses] {
            match self.api.send(call).await?.done() {
                Err(Error::MissingRight { right, remedy, .. }) => missing.push((right, remedy)),
                // There is no commit yet.
                Ok(_) | Err(Error::NotFound { .. } | Error::Refused { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let is_missing = |right: &Right| missing.iter().any(|(missing, _)| missing == right);
        let unsure = unsure.into_iter().filter(|right| !is_missing(right)).collect();
        Ok(Permitted { account, default_branch, missing, unsure })
    }
}
