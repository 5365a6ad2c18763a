//! GitLab's side: one commit in one request, merge requests, notes newest first.

use chrono::{DateTime, FixedOffset};
use git2::Oid;
use serde_json::{Value, json};

use super::{Call, Inner, Reply};
use crate::forge::world::{HOME, OURS, Pull, Standing, Status, World};

const LONGEST_TITLE: usize = 255;
const LONGEST_TEXT: usize = 1_048_576;

pub(super) fn answer(inner: &mut Inner, call: &Call) -> Reply {
    let world = &mut inner.world;
    let (method, path) = (call.operation.0.as_str(), call.operation.1.as_str());
    match path {
        "/user" => return Reply::ok(json!({ "id": OURS.0, "username": OURS.1 })),
        "/personal_access_tokens/self" => return Reply::ok(json!({ "scopes": ["api"] })),
        _ if call.path["id"] != "team/guilds" => return Reply::no(404, "404 Project Not Found"),
        _ => {}
    }
    match (method, path.strip_prefix("/projects/{id}").expect("below the project")) {
        ("GET", "") => Reply::ok(json!({
            "id": HOME, "default_branch": "main", "archived": world.is_archived,
            "permissions": { "project_access": { "access_level": 30, "notification_level": 3 }, "group_access": null },
        })),
        ("GET", "/repository/branches/{branch}") => {
            let name = &call.path["branch"];
            match world.tip(name) {
                Some(tip) => {
                    let date = authored(world, tip).to_rfc3339();
                    Reply::ok(json!({ "name": name, "commit": { "id": tip.to_string(), "authored_date": date } }))
                }
                None => Reply::no(404, "404 Branch Not Found"),
            }
        }
        ("DELETE", "/repository/branches/{branch}") => delete_branch(world, call),
        ("GET", "/repository/commits/{sha}") => commit(world, &call.path["sha"]),
        ("GET", "/repository/tree") => tree(world, call),
        ("POST", "/repository/commits") => make_commit(world, call),
        ("GET", "/merge_requests") => {
            let is_asked = |pull: &&Pull| {
                call.query.get("source_branch").is_none_or(|branch| *branch == pull.branch)
                    && call.query.get("state").is_some_and(|state| state == "all")
            };
            let found = world.pulls.iter().rev().filter(is_asked).map(|found| merge_request(world, found)).collect();
            Reply::ok(Value::Array(call.page(found, "per_page", 20, 100)))
        }
        ("POST", "/merge_requests") => open(world, call),
        ("GET", "/merge_requests/{merge_request_iid}") => match world.pull(call.number("merge_request_iid")) {
            Some(found) => Reply::ok(merge_request(world, found)),
            None => Reply::no(404, "404 Not found"),
        },
        ("PUT", "/merge_requests/{merge_request_iid}") => edit(world, call),
        ("GET", "/merge_requests/{merge_request_iid}/diffs") => {
            let found = world.pull(call.number("merge_request_iid")).expect("it was read before");
            let file = |(old, new): (String, String)| json!({ "old_path": old, "new_path": new });
            let files = world.changes(found).into_iter().map(file).collect();
            Reply::ok(Value::Array(call.page(files, "per_page", 20, 100)))
        }
        (_, path) if path.contains("/notes") => notes(world, call, method),
        ("GET", "/repository/commits/{sha}/statuses") => {
            let is_asked = |status: &&Status| {
                status.commit == call.path["sha"] && call.query.get("name").is_none_or(|name| *name == status.context)
            };
            let doc = |status: &Status| {
                json!({
                    "name": status.context, "status": status.state, "description": status.description,
                    "target_url": if status.url.is_empty() { Value::Null } else { json!(status.url) },
                })
            };
            Reply::ok(Value::Array(world.statuses.iter().filter(is_asked).map(doc).collect()))
        }
        ("POST", "/statuses/{sha}") => status(world, call),
        other => panic!("{other:?} is published, and nobody plays it"),
    }
}

/// As the author's clock had it, which need not be GMT.
fn authored(world: &World, commit: Oid) -> DateTime<FixedOffset> {
    let git = world.git();
    let seconds = git.find_commit(commit).expect("a commit").author().when().seconds();
    let east = FixedOffset::east_opt(2 * 3600).expect("a zone");
    DateTime::from_timestamp(seconds, 0).expect("a time").with_timezone(&east)
}

fn delete_branch(world: &mut World, call: &Call) -> Reply {
    let branch = &call.path["branch"];
    let Some(tip) = world.tip(branch) else { return Reply::no(404, "404 Branch Not Found") };
    let since = call.conditions.get("if-unmodified-since");
    let since = since.map(|date| DateTime::parse_from_rfc2822(date).expect("a date, as it is published"));
    match branch.as_str() {
        _ if since.is_some_and(|since| authored(world, tip) > since) => Reply::no(412, "412 Precondition Failed"),
        "main" => Reply::no(400, "The default branch of a project cannot be deleted."),
        _ if world.is_protected(branch) => {
            let who = "Only a project maintainer or owner can delete a protected branch.";
            Reply::no(400, format!("You are not allowed to delete protected branches from this project. {who}"))
        }
        _ => {
            world.withdraw_branch(branch);
            Reply::gone()
        }
    }
}

fn commit(world: &World, id: &str) -> Reply {
    let git = world.git();
    let Some(commit) = Oid::from_str(id).ok().and_then(|oid| git.find_commit(oid).ok()) else {
        return Reply::no(404, "404 Commit Not Found");
    };
    let parents: Vec<String> = commit.parent_ids().map(|id| id.to_string()).collect();
    Reply::ok(json!({ "id": id, "parent_ids": parents, "message": commit.message().expect("text") }))
}

fn tree(world: &World, call: &Call) -> Reply {
    let at = Oid::from_str(&call.query["ref"]).expect("a commit");
    let git = world.git();
    let root = git.find_commit(at).and_then(|commit| commit.tree()).expect("a tree");
    let folder = call.query.get("path").cloned().unwrap_or_default();
    let found = match folder.as_str() {
        "" => root.id(),
        folder => match root.get_path(std::path::Path::new(folder)) {
            Ok(entry) => entry.id(),
            Err(_) => return Reply::no(404, "404 invalid revision or path Not Found"),
        },
    };
    let entry = |(name, id, mode, kind): (String, String, String, &str)| {
        let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
        json!({ "id": id, "name": name, "path": path, "mode": mode, "type": kind })
    };
    let entries = world.entries(found).into_iter().map(entry).collect();
    Reply::ok(Value::Array(call.page(entries, "per_page", 20, 100)))
}

fn make_commit(world: &World, call: &Call) -> Reply {
    let branch = call.text("branch");
    let is_forced = call.body["force"] == json!(true);
    if world.is_protected(branch) {
        return Reply::no(400, "You are not allowed to push into this branch");
    }
    if world.tip(branch).is_some() && !is_forced {
        let why = format!("A branch called '{branch}' already exists. Switch to that branch in order to make changes");
        return Reply::no(400, why);
    }
    let start = Oid::from_str(call.text("start_sha")).expect("a commit");
    let mut files: Vec<(&str, Option<&str>)> = Vec::new();
    for action in call.body["actions"].as_array().expect("a list, as it is published") {
        let path = action["file_path"].as_str().expect("a path");
        let is_there = world.file(start, path).is_some();
        let content = action["content"].as_str();
        match (action["action"].as_str().expect("an action"), is_there, content) {
            ("create", false, Some(_)) | ("update", true, Some(_)) | ("delete", true, None) => {
                files.push((path, content));
            }
            ("create", true, _) => return Reply::no(400, "A file with this name already exists"),
            (_, false, _) => return Reply::no(400, "A file with this name doesn't exist"),
            _ => return Reply::no(400, "actions[content] is missing"),
        }
    }
    let author = Some((call.text("author_name"), call.text("author_email"))).filter(|(name, _)| !name.is_empty());
    match world.make(Some(start), &files, call.text("commit_message"), author) {
        Ok(commit) => {
            world.set_branch(branch, commit);
            Reply::created(json!({ "id": commit.to_string() }))
        }
        Err(error) => Reply::no(400, error.message()),
    }
}

fn merge_request(world: &World, pull: &Pull) -> Value {
    json!({
        "iid": pull.number,
        "state": match pull.standing {
            Standing::Open => "opened",
            Standing::Closed => "closed",
            Standing::Merged => "merged",
        },
        "title": pull.title,
        "description": if pull.body.is_empty() { Value::Null } else { json!(pull.body) },
        "web_url": format!("https://gitlab.example/team/guilds/-/merge_requests/{}", pull.number),
        "source_branch": pull.branch,
        "target_branch": pull.base,
        "source_project_id": pull.from,
        "target_project_id": HOME,
        "sha": world.head(pull).to_string(),
        "author": { "username": pull.author },
    })
}

fn open(world: &mut World, call: &Call) -> Reply {
    let branch = call.text("source_branch").to_owned();
    let is_open = |pull: &&Pull| pull.branch == branch && pull.standing == Standing::Open && pull.from == Some(HOME);
    if let Some(other) = world.pulls.iter().find(is_open) {
        let why = format!("Another open merge request already exists for this source branch: !{}", other.number);
        return Reply::no(409, json!([why]));
    }
    let Some(head) = world.tip(&branch) else { return Reply::no(422, "Source branch does not exist") };
    if call.text("title").chars().count() > LONGEST_TITLE || call.text("description").chars().count() > LONGEST_TEXT {
        return Reply::no(400, "it is too long");
    }
    // What GitLab would carry out is taken out of the text.
    if call.text("description").lines().any(|line| line.starts_with('/')) {
        return Reply::no(400, "somebody would be obeyed");
    }
    let number = world.open(Pull {
        number: 0,
        title: call.text("title").to_owned(),
        body: call.text("description").to_owned(),
        branch,
        base: call.text("target_branch").to_owned(),
        standing: Standing::Open,
        author: OURS.1,
        from: Some(HOME),
        head,
    });
    Reply::created(merge_request(world, world.pull(number).expect("it is new")))
}

fn edit(world: &mut World, call: &Call) -> Reply {
    let number = call.number("merge_request_iid");
    let Some(found) = world.pull_mut(number) else { return Reply::no(404, "404 Not found") };
    let fields = [(&mut found.title, "title"), (&mut found.body, "description"), (&mut found.base, "target_branch")];
    for (field, name) in fields {
        if let Some(text) = call.body.get(name) {
            text.as_str().expect("text").clone_into(field);
        }
    }
    Reply::ok(merge_request(world, world.pull(number).expect("it is there")))
}

fn notes(world: &mut World, call: &Call, method: &str) -> Reply {
    let number = call.number("merge_request_iid");
    if world.pull(number).is_none() {
        return Reply::no(404, "404 Not found");
    }
    let doc = |id: u64, author: u64, body: &str, is_system: bool| json!({ "id": id, "body": body, "author": { "id": author }, "system": is_system });
    let body = call.text("body");
    match method {
        "GET" => {
            let of_it = world.comments.iter().rev().filter(|comment| comment.pull == number);
            let mut all: Vec<Value> = of_it.map(|said| doc(said.id, said.author, &said.body, false)).collect();
            // What GitLab writes itself is among them, in the name of whoever did it.
            all.push(doc(1, OURS.0, "added 1 commit", true));
            Reply::ok(Value::Array(call.page(all, "per_page", 20, 100)))
        }
        "POST" => {
            let id = world.say(number, OURS.0, body);
            Reply::created(doc(id, OURS.0, body, false))
        }
        _ => {
            let id = call.number("note_id");
            match world.comments.iter_mut().find(|comment| comment.id == id) {
                Some(said) if said.author == OURS.0 => {
                    body.clone_into(&mut said.body);
                    Reply::ok(doc(id, OURS.0, body, false))
                }
                _ => Reply::no(404, "404 Note Not Found"),
            }
        }
    }
}

fn status(world: &mut World, call: &Call) -> Reply {
    let (commit, context, state) = (&call.path["sha"], call.text("name"), call.text("state"));
    let known = world.statuses.iter_mut().find(|known| known.commit == *commit && known.context == context);
    let (description, url) = (call.text("description").to_owned(), call.text("target_url").to_owned());
    match known {
        Some(known) if known.state == state => {
            let why = format!(
                "Cannot transition status via :enqueue from :{state} (Reason(s): Status cannot transition via \"enqueue\")"
            );
            return Reply::no(400, json!({ "status": [why] }));
        }
        Some(known) => (known.state, known.description, known.url) = (state.to_owned(), description, url),
        None => world.statuses.push(Status {
            commit: commit.clone(),
            context: context.to_owned(),
            state: state.to_owned(),
            description,
            url,
        }),
    }
    Reply::created(json!({ "name": context, "status": state }))
}
