//! GitLab, gitlab.com and one's own, over the REST API v4.
//!
//! A commit with all its files is one request, which moves the branch too. A pull request is called a merge request there.
//! <https://docs.gitlab.com/api/rest>

use async_trait::async_trait;
use chrono::DateTime;
use reqwest::header::{HeaderName, IF_UNMODIFIED_SINCE};
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

/// Entries of a page; GitLab gives no more.
const PAGE: usize = 100;
/// Most pages of anything.
const MOST_PAGES: u32 = 100;
/// The role that may write branches and merge requests: Developer.
const DEVELOPER: u64 = 30;

const ROLE: &str = "give the token the role Developer in the project, or make a project access token with it";
const SCOPE: &str = "make a token with the scope `api`";

/// A project at GitLab.
#[derive(Debug)]
pub(super) struct GitLab {
    api: Api,
    account: OnceCell<User>,
}

#[derive(Clone, Debug, Deserialize)]
struct User {
    id: u64,
    username: String,
}

#[derive(Deserialize)]
struct Project {
    default_branch: Option<String>,
    #[serde(default)]
    archived: bool,
    permissions: Option<Permissions>,
}

#[derive(Deserialize)]
struct Permissions {
    project_access: Option<Access>,
    group_access: Option<Access>,
}

#[derive(Deserialize)]
struct Access {
    access_level: u64,
}

#[derive(Deserialize)]
struct Branch {
    commit: Tip,
}

#[derive(Deserialize)]
struct Tip {
    id: String,
    authored_date: Option<String>,
}

#[derive(Deserialize)]
struct Id {
    id: String,
}

#[derive(Deserialize)]
struct CommitDoc {
    parent_ids: Vec<String>,
    message: String,
}

#[derive(Deserialize)]
struct TreeEntry {
    id: String,
    name: String,
    #[serde(rename = "type")]
    kind: String,
    mode: String,
}

#[derive(Deserialize)]
struct MergeRequest {
    iid: u64,
    state: String,
    title: String,
    description: Option<String>,
    web_url: String,
    source_branch: String,
    target_branch: String,
    source_project_id: Option<u64>,
    target_project_id: u64,
    sha: Option<String>,
    author: Author,
}

#[derive(Deserialize)]
struct Author {
    username: String,
}

#[derive(Deserialize)]
struct DiffDoc {
    new_path: String,
    old_path: String,
}

#[derive(Deserialize)]
struct Note {
    id: u64,
    body: String,
    author: NoteAuthor,
    system: bool,
}

#[derive(Deserialize)]
struct NoteAuthor {
    id: u64,
}

#[derive(Deserialize)]
struct StatusDoc {
    name: String,
    status: String,
    description: Option<String>,
    target_url: Option<String>,
}

#[derive(Deserialize)]
struct TokenDoc {
    scopes: Vec<String>,
}

impl MergeRequest {
    fn standing(&self) -> PullRequestState {
        match self.state.as_str() {
            // While it is being merged it is locked.
            "opened" | "locked" => PullRequestState::Open,
            "merged" => PullRequestState::Merged,
            _ => PullRequestState::Closed,
        }
    }

    /// True when its branch is in this very project.
    fn is_at_home(&self) -> bool {
        self.source_project_id == Some(self.target_project_id)
    }

    fn pull(self) -> Pull {
        Pull {
            number: self.iid,
            state: self.standing(),
            url: Some(self.web_url),
            title: self.title,
            body: self.description.unwrap_or_default(),
            base: self.target_branch,
        }
    }
}

impl GitLab {
    /// # Errors
    /// When the token cannot be one, or the system's certificates cannot be used.
    pub(super) fn new(address: Address, token: SecretString, clock: Clock) -> Result<Self, Error> {
        let dialect = Dialect {
            token: (HeaderName::from_static("private-token"), ""),
            headers: &[("accept", "application/json")],
            tokens: "/-/user_settings/personal_access_tokens, or in the settings of the project,",
        };
        Ok(Self { api: Api::new(address, token, clock, &dialect)?, account: OnceCell::new() })
    }

    /// A question about the project.
    fn about<'p>(&'p self, what: impl Into<String>, path: impl IntoIterator<Item = &'p str>) -> Call {
        // The name is one part of the path, and its slashes are written otherwise.
        Call::get(what, ["projects", self.api.repository()].into_iter().chain(path))
    }

    fn about_merge_request(&self, number: u64, path: &[&str]) -> Call {
        let number = number.to_string();
        let parts = ["merge_requests", &number].into_iter().chain(path.iter().copied());
        self.about(format!("merge request {number}"), parts).needs(Right::PullRequests)
    }

    fn id(&self, what: &str, text: &str) -> Result<CommitId, Error> {
        CommitId::new(text).map_err(|bad| self.api.not_understood(what, &bad.to_string()))
    }

    async fn project(&self) -> Result<(Project, BranchName), Error> {
        let project: Project = self.api.send(self.about("such project", [])).await?.json()?;
        let Some(name) = &project.default_branch else {
            return Err(Error::NotFound { place: self.api.place(), what: "branch at all".to_owned() });
        };
        let branch = BranchName::new(name).map_err(|bad| self.api.not_understood("the project", &bad.to_string()))?;
        Ok((project, branch))
    }

    async fn account(&self) -> Result<&User, Error> {
        let ask = || async { self.api.send(Call::get("the token's account", ["user"])).await?.json() };
        self.account.get_or_try_init(ask).await
    }

    /// Everything on pages that are as long as can be, and whether that is all.
    async fn pages<T: for<'d> Deserialize<'d>>(&self, call: &Call) -> Result<(Vec<T>, bool), Error> {
        let mut all = Vec::new();
        for page in 1..=MOST_PAGES {
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
}

fn action(edit: &Edit<'_>) -> Value {
    let path = edit.path.as_str();
    match (&edit.before, edit.after) {
        (Some(_), Some(content)) => json!({ "action": "update", "file_path": path, "content": content }),
        (None, Some(content)) => json!({ "action": "create", "file_path": path, "content": content }),
        (_, None) => json!({ "action": "delete", "file_path": path }),
    }
}

/// A time as conditions have it. GitLab holds it against the date the last commit of a branch was authored at, and deletes none whose
/// commit is younger.
fn http_date(date: &str) -> Result<String, String> {
    let date = DateTime::parse_from_rfc3339(date).map_err(|error| error.to_string())?;
    Ok(date.to_utc().format("%a, %d %b %Y %H:%M:%S GMT").to_string())
}

/// GitLab knows no check that could not be made.
fn word(state: State) -> &'static str {
    match state {
        State::Pending => "pending",
        State::Success => "success",
        State::Failure => "failed",
        State::Error => "canceled",
    }
}

#[async_trait]
impl Remote for GitLab {
    fn place(&self) -> String {
        self.api.place()
    }

    fn clock(&self) -> &Clock {
        &self.api.clock
    }

    async fn repository(&self) -> Result<Repository, Error> {
        let (project, default_branch) = self.project().await?;
        Ok(Repository { default_branch, is_archived: project.archived })
    }

    async fn tip(&self, branch: &BranchName) -> Result<Option<CommitId>, Error> {
        let what = format!("branch `{branch}`");
        let found: Option<Branch> =
            self.api.send(self.about(&what, ["repository", "branches", branch.as_str()])).await?.found()?;
        found.map(|branch| self.id(&what, &branch.commit.id)).transpose()
    }

    async fn commit(&self, id: &CommitId) -> Result<Option<Commit>, Error> {
        let call = self.about(format!("commit {id}"), ["repository", "commits", id.as_str()]).query("stats", "false");
        let found: Option<CommitDoc> = self.api.send(call).await?.found()?;
        Ok(found.map(|CommitDoc { parent_ids, message }| Commit { parents: parent_ids, message }))
    }

    async fn folder(&self, at: &CommitId, path: &str, _: Option<&str>) -> Result<Vec<Entry>, Error> {
        let what = format!("folder `{path}`");
        let call = self.about(&what, ["repository", "tree"]).query("ref", at.as_str());
        let call = if path.is_empty() { call } else { call.query("path", path) };
        let (entries, is_last): (Vec<TreeEntry>, bool) = self.pages(&call).await?;
        if !is_last {
            return Err(self.api.not_understood(&what, "it has more entries than can be looked through"));
        }
        let entry = |TreeEntry { id, name, kind, mode }| Entry { name, id, kind: EntryKind::of(&mode, &kind), mode };
        Ok(entries.into_iter().map(entry).collect())
    }

    async fn write(&self, write: &Write<'_>) -> Result<CommitId, Error> {
        let mut body = json!({
            "branch": write.branch.as_str(),
            "commit_message": write.message,
            "start_sha": write.on.as_str(),
            "actions": write.edits.iter().map(action).collect::<Vec<_>>(),
            "stats": false,
        });
        if write.from.is_some() {
            body["force"] = json!(true);
        }
        if let Some(author) = write.author {
            body["author_name"] = json!(author.name());
            body["author_email"] = json!(author.email());
        }
        let what = format!("branch `{}`", write.branch);
        let call = self.about(&what, ["repository", "commits"]).write(Method::POST, Right::Contents, body).once();
        let answer = self.api.send(call).await?;
        if !answer.status.is_success() {
            return Err(answer.refused_branch(write.branch));
        }
        let Id { id } = answer.json()?;
        self.id("a commit", &id)
    }

    async fn delete_branch(&self, branch: &BranchName, at: &CommitId) -> Result<(), Error> {
        let what = format!("branch `{branch}`");
        let path = || self.about(&what, ["repository", "branches", branch.as_str()]);
        let Branch { commit } = self.api.send(path()).await?.json()?;
        if commit.id != at.as_str() {
            return Err(Error::BranchTaken { place: self.api.place(), branch: branch.clone() });
        }
        let since = http_date(commit.authored_date.as_deref().unwrap_or_default())
            .map_err(|why| self.api.not_understood(&what, &why))?;
        let call = path().delete(Right::Contents).header(IF_UNMODIFIED_SINCE, since);
        let answer = self.api.send(call).await?;
        if answer.status.is_success() { Ok(()) } else { Err(answer.refused_branch(branch)) }
    }

    async fn pulls(&self, branch: &BranchName, _: &BranchName) -> Result<Vec<Pull>, Error> {
        let call = self
            .about("merge requests", ["merge_requests"])
            .needs(Right::PullRequests)
            .query("state", "all")
            .query("source_branch", branch.as_str())
            .query("per_page", PAGE.to_string());
        let found: Vec<MergeRequest> = self.api.send(call).await?.json()?;
        let of_branch = found.into_iter().filter(|one| one.source_branch == branch.as_str() && one.is_at_home());
        Ok(of_branch.map(MergeRequest::pull).collect())
    }

    async fn open_pull(&self, draft: &Draft<'_>) -> Result<Pull, Error> {
        let Draft { branch, base, title, body } = draft;
        let body = json!({
            "title": title, "description": body, "source_branch": branch.as_str(), "target_branch": base.as_str(),
        });
        let call = self.about("a merge request", ["merge_requests"]);
        let call = call.write(Method::POST, Right::PullRequests, body).once();
        let opened: MergeRequest = self.api.send(call).await?.json()?;
        Ok(opened.pull())
    }

    async fn edit_pull(&self, number: u64, draft: &Draft<'_>) -> Result<(), Error> {
        let Draft { branch: _, base, title, body } = draft;
        let body = json!({ "title": title, "description": body, "target_branch": base.as_str() });
        let call = self.about_merge_request(number, &[]).write(Method::PUT, Right::PullRequests, body);
        self.api.send(call).await?.done().map(drop)
    }

    async fn read_pull_request(&self, number: u64) -> Result<PullRequest, Error> {
        let what = format!("merge request {number}");
        let found: MergeRequest = self.api.send(self.about_merge_request(number, &[])).await?.json()?;
        let (files, is_complete): (Vec<DiffDoc>, bool) =
            self.pages(&self.about_merge_request(number, &["diffs"])).await?;
        let sha = found.sha.as_deref().ok_or_else(|| self.api.not_understood(&what, "it has no commit"))?;
        Ok(PullRequest {
            number,
            state: found.standing(),
            head: Head { commit: self.id(&what, sha)?, is_fork: !found.is_at_home(), branch: found.source_branch },
            url: Some(found.web_url),
            title: found.title,
            author: found.author.username,
            base: found.target_branch,
            changed: Changed::new(
                files.into_iter().flat_map(|file| [file.new_path, file.old_path]).collect(),
                is_complete,
            ),
        })
    }

    async fn comments(&self, number: u64) -> Result<Vec<Comment>, Error> {
        let account = self.account().await?.id;
        let call = self.about_merge_request(number, &["notes"]).needs(Right::Comments);
        let (notes, is_last): (Vec<Note>, bool) = self.pages(&call).await?;
        if !is_last {
            return Err(self.api.not_understood("the notes", "there are more than can be looked through"));
        }
        let written = notes.into_iter().filter(|note| !note.system);
        let comment = |note: Note| Comment { id: note.id, is_ours: note.author.id == account, body: note.body };
        Ok(written.map(comment).collect())
    }

    async fn write_comment(&self, number: u64, body: &str) -> Result<(), Error> {
        let call = self.about_merge_request(number, &["notes"]);
        let call = call.write(Method::POST, Right::Comments, json!({ "body": body })).once();
        self.api.send(call).await?.done().map(drop)
    }

    async fn edit_comment(&self, number: u64, id: u64, body: &str) -> Result<(), Error> {
        let call = self.about_merge_request(number, &["notes", &id.to_string()]);
        let call = call.write(Method::PUT, Right::Comments, json!({ "body": body }));
        self.api.send(call).await?.done().map(drop)
    }

    async fn read_status(&self, commit: &CommitId, context: &str) -> Result<Option<Status>, Error> {
        let call = self.about(format!("commit {commit}"), ["repository", "commits", commit.as_str(), "statuses"]);
        let call = call.needs(Right::Statuses).query("name", context).query("per_page", PAGE.to_string());
        let found: Vec<StatusDoc> = self.api.send(call).await?.json()?;
        let found = found.into_iter().find(|status| status.name == context);
        let states = [State::Pending, State::Success, State::Failure, State::Error];
        Ok(found.and_then(|found| {
            Some(Status {
                state: states.into_iter().find(|state| word(*state) == found.status)?,
                context: found.name,
                description: found.description.unwrap_or_default(),
                url: found.target_url.filter(|url| !url.is_empty()),
            })
        }))
    }

    async fn write_status(&self, commit: &CommitId, status: &Status) -> Result<(), Error> {
        let Status { state, context, description, url } = status;
        let mut body = json!({ "state": word(*state), "name": context, "description": description });
        if let Some(url) = url {
            body["target_url"] = json!(url);
        }
        let call = self.about(format!("commit {commit}"), ["statuses", commit.as_str()]);
        let answer = self.api.send(call.write(Method::POST, Right::Statuses, body)).await?;
        // A status that is set already cannot be set again, not even to say it in other words.
        if answer.status == StatusCode::BAD_REQUEST && answer.said().contains("Cannot transition status") {
            return Ok(());
        }
        answer.done().map(drop)
    }

    async fn rights(&self) -> Result<Permitted, Error> {
        let account = self.account().await?.username.clone();
        let (project, default_branch) = self.project().await?;
        let all = [Right::Contents, Right::PullRequests, Right::Comments, Right::Statuses];
        let lacking = |remedy: &str| all.into_iter().map(|right| (right, remedy.to_owned())).collect();
        // Tokens that are not of this kind cannot look at themselves.
        let token = self.api.send(Call::get("the token", ["personal_access_tokens", "self"])).await?;
        let scopes = if token.status.is_success() { Some(token.json::<TokenDoc>()?.scopes) } else { None };
        let has_scope = scopes.as_ref().map(|scopes| scopes.iter().any(|scope| scope == "api"));
        let level = project.permissions.map(|permissions| {
            let levels = [permissions.project_access, permissions.group_access].into_iter().flatten();
            levels.map(|access| access.access_level).max().unwrap_or(0)
        });
        let (missing, unsure) = match (has_scope, level) {
            (Some(false), _) => (lacking(SCOPE), Vec::new()),
            (_, Some(level)) if level < DEVELOPER => (lacking(ROLE), Vec::new()),
            (Some(true), Some(_)) => (Vec::new(), Vec::new()),
            (None, _) | (_, None) => (Vec::new(), all.to_vec()),
        };
        Ok(Permitted { account: Some(account), default_branch, missing, unsure })
    }
}
