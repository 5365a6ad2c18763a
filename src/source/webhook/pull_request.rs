//! Messages that somebody opened a pull request, or put other commits into one.
//!
//! Decides which messages say that. What they say is looked up at the forge before anything is done about it.

use serde_json::Value;

use super::Kind;

/// What happened to a pull request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PullRequestAction {
    /// It is new.
    Opened,
    /// It was closed, and is open again.
    Reopened,
    /// It holds other commits than before.
    Updated,
}

/// A pull request that is new, or holds other commits than before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRequestEvent {
    /// Its number in the repository.
    pub number: u64,
    /// What happened.
    pub action: PullRequestAction,
    /// The commit of its branch, in hexadecimal digits.
    pub head: String,
    /// True when its branch is in another repository, or it is not known in which.
    pub is_fork: bool,
}

impl PullRequestEvent {
    /// Reads a message by the forge's name for the event, and its body. None when it is about anything else: other events, and
    /// changes of titles and labels too.
    pub(super) fn read(kind: Kind, event: &str, body: &Value) -> Option<Self> {
        match (kind, event) {
            // The last is what older servers of Gitea's call new commits.
            (Kind::GitHub | Kind::Gitea, "pull_request") | (Kind::Gitea, "pull_request_sync") => Self::of(body),
            (Kind::GitLab, "Merge Request Hook") => Self::of_gitlab(body.get("object_attributes")?),
            _ => None,
        }
    }

    fn of(body: &Value) -> Option<Self> {
        let pull = body.get("pull_request")?;
        let repository = |side: &str| pull.get(side)?.get("repo")?.get("id")?.as_u64();
        let home = repository("base");
        Some(Self {
            number: pull.get("number").or_else(|| body.get("number"))?.as_u64()?,
            action: action(body, &PULL_REQUEST)?,
            head: commit(pull.get("head")?.get("sha")?)?,
            is_fork: home.is_none() || repository("head") != home,
        })
    }

    fn of_gitlab(request: &Value) -> Option<Self> {
        let action = action(request, &MERGE_REQUEST)?;
        // An update without it changed a title, a label, a reviewer.
        if action == PullRequestAction::Updated && request.get("oldrev").and_then(Value::as_str).is_none() {
            return None;
        }
        let project = |side: &str| request.get(side).and_then(Value::as_u64);
        let home = project("target_project_id");
        Some(Self {
            number: request.get("iid")?.as_u64()?,
            action,
            head: commit(request.get("last_commit")?.get("id")?)?,
            is_fork: home.is_none() || project("source_project_id") != home,
        })
    }
}

const PULL_REQUEST: [(&str, PullRequestAction); 4] = [
    ("opened", PullRequestAction::Opened),
    ("reopened", PullRequestAction::Reopened),
    ("synchronize", PullRequestAction::Updated),
    // Gitea's and Forgejo's word.
    ("synchronized", PullRequestAction::Updated),
];

const MERGE_REQUEST: [(&str, PullRequestAction); 3] = [
    ("open", PullRequestAction::Opened),
    ("reopen", PullRequestAction::Reopened),
    ("update", PullRequestAction::Updated),
];

fn action(said: &Value, actions: &[(&str, PullRequestAction)]) -> Option<PullRequestAction> {
    let word = said.get("action")?.as_str()?;
    actions.iter().find(|(known, _)| *known == word).map(|(_, action)| *action)
}

/// A whole id of a commit, and nothing else.
fn commit(value: &Value) -> Option<String> {
    let id = value.as_str()?;
    let is_id = [40, 64].contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_id.then(|| id.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const HEAD: &str = "ec26c3e57ca3a959ca5aad62de7213c562f8c821";

    fn pull_request(action: &str, head_repository: &Value) -> Value {
        json!({
            "action": action,
            "number": 7,
            "pull_request": {
                "number": 7,
                "head": { "ref": "rooms", "sha": HEAD, "repo": head_repository },
                "base": { "ref": "main", "sha": HEAD, "repo": { "id": 1 } },
            },
        })
    }

    fn merge_request(action: &str, oldrev: &Value, source: u64) -> Value {
        json!({
            "object_kind": "merge_request",
            "object_attributes": {
                "iid": 7, "action": action, "oldrev": oldrev, "source_project_id": source, "target_project_id": 1,
                "last_commit": { "id": HEAD },
            },
        })
    }

    fn event(action: PullRequestAction, is_fork: bool) -> Option<PullRequestEvent> {
        Some(PullRequestEvent { number: 7, action, head: HEAD.to_owned(), is_fork })
    }

    #[test]
    fn new_pull_requests_and_new_commits_are_told_by_every_forge() {
        use PullRequestAction::{Opened, Reopened, Updated};
        let (home, fork) = (json!({ "id": 1 }), json!({ "id": 2 }));
        for (kind, updated) in [(Kind::GitHub, "synchronize"), (Kind::Gitea, "synchronized")] {
            for (word, action) in [("opened", Opened), ("reopened", Reopened), (updated, Updated)] {
                let read = |from: &Value| PullRequestEvent::read(kind, "pull_request", &pull_request(word, from));
                assert_eq!(read(&home), event(action, false));
                assert_eq!(read(&fork), event(action, true));
                assert_eq!(read(&Value::Null), event(action, true), "the fork was deleted");
            }
        }
        let read = |action: &str, oldrev: &Value, source| {
            PullRequestEvent::read(Kind::GitLab, "Merge Request Hook", &merge_request(action, oldrev, source))
        };
        assert_eq!(read("open", &Value::Null, 1), event(Opened, false));
        assert_eq!(read("reopen", &Value::Null, 2), event(Reopened, true));
        assert_eq!(read("update", &json!(HEAD), 1), event(Updated, false));
        assert_eq!(read("update", &Value::Null, 1), None, "somebody wrote another title");
    }

    #[test]
    fn everything_else_is_no_such_message() {
        let opened = pull_request("opened", &json!({ "id": 1 }));
        for (kind, name) in
            [(Kind::GitHub, "push"), (Kind::GitHub, ""), (Kind::Generic, "pull_request"), (Kind::GitLab, "Push Hook")]
        {
            assert_eq!(PullRequestEvent::read(kind, name, &opened), None, "{kind:?} {name}");
        }
        for action in ["closed", "labeled", "edited", "assigned"] {
            let body = pull_request(action, &json!({ "id": 1 }));
            assert_eq!(PullRequestEvent::read(Kind::GitHub, "pull_request", &body), None, "{action}");
        }
        for body in [Value::Null, json!([]), json!({ "action": "opened", "pull_request": { "number": -1 } })] {
            assert_eq!(PullRequestEvent::read(Kind::GitHub, "pull_request", &body), None);
        }
        let mut hostile = opened;
        hostile["pull_request"]["head"]["sha"] = json!("main; rm -rf");
        assert_eq!(PullRequestEvent::read(Kind::GitHub, "pull_request", &hostile), None);
    }
}
