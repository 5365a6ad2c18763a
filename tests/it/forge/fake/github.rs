//! GitHub's side: git's own objects one by one, and what it says when it says no.

use git2::build::TreeUpdateBuilder;
use git2::{FileMode, Oid};
use serde_json::{Value, json};

use super::{Call, Inner, Reply};
use crate::forge::world::{FORK, HOME, OTHER, OURS, Pull, Standing, Status, World};

/// Longest texts, in characters.
const LONGEST_TITLE: usize = 256;
const LONGEST_BODY: usize = 65_536;
const LONGEST_DESCRIPTION: usize = 140;

pub(super) fn answer(inner: &mut Inner, call: &Call) -> Reply {
    let is_app = inner.is_app;
    let world = &mut inner.world;
    let (method, path) = (call.operation.0.as_str(), call.operation.1.as_str());
    if path == "/user" {
        return match is_app {
            true => Reply::no(403, "Resource not accessible by integration"),
            false => Reply::ok(json!({ "id": OURS.0, "login": OURS.1 })),
        };
    }
    if (call.path["owner"].as_str(), call.path["repo"].as_str()) != ("team", "guilds") {
        return Reply::no(404, "Not Found");
    }
    match (method, path.strip_prefix("/repos/{owner}/{repo}").expect("below the repository")) {
        ("GET", "") => Reply::ok(json!({
            "id": HOME, "default_branch": "main", "archived": world.is_archived,
            "permissions": { "admin": false, "maintain": false, "push": true, "triage": true, "pull": true },
        })),
        ("GET", "/git/ref/{ref}") => match call.path["ref"].strip_prefix("heads/").and_then(|name| world.tip(name)) {
            Some(tip) => Reply::ok(reference(&call.path["ref"], tip)),
            None => Reply::no(404, "Not Found"),
        },
        ("GET", "/git/commits/{commit_sha}") => commit(world, &call.path["commit_sha"]),
        ("GET", "/git/trees/{tree_sha}") => tree(world, &call.path["tree_sha"]),
        ("POST", "/git/trees") => make_tree(world, call),
        ("POST", "/git/commits") => make_commit(world, call),
        ("POST", "/git/refs") => make_reference(world, call),
        ("PATCH", "/git/refs/{ref}") => move_reference(world, call),
        ("DELETE", "/git/refs/{ref}") => delete_reference(world, call),
        ("GET", "/pulls") => pulls(world, call),
        ("POST", "/pulls") => open(world, call, is_app),
        ("GET", "/pulls/{pull_number}") => match world.pull(call.number("pull_number")) {
            Some(found) => {
                let mut doc = pull(world, found);
                doc["changed_files"] = json!(world.changes(found).len());
                Reply::ok(doc)
            }
            None => Reply::no(404, "Not Found"),
        },
        ("PATCH", "/pulls/{pull_number}") => edit(world, call),
        ("GET", "/pulls/{pull_number}/files") => {
            let found = world.pull(call.number("pull_number")).expect("it was read before");
            let file = |(old, new): (String, String)| match old == new {
                true => json!({ "filename": new }),
                false => json!({ "filename": new, "previous_filename": old }),
            };
            let files = world.changes(found).into_iter().map(file).collect();
            Reply::ok(Value::Array(call.page(files, "per_page", 30, 100)))
        }
        ("GET", "/issues/{issue_number}/comments") => {
            let number = call.number("issue_number");
            if world.pull(number).is_none() {
                return Reply::no(404, "Not Found");
            }
            let of_it = world.comments.iter().filter(|comment| comment.pull == number);
            let comments = of_it.map(|said| comment(said.id, said.author, &said.body, is_app)).collect();
            Reply::ok(Value::Array(call.page(comments, "per_page", 30, 100)))
        }
        ("POST", "/issues/{issue_number}/comments") => {
            let (number, body) = (call.number("issue_number"), call.text("body"));
            match world.pull(number) {
                None => Reply::no(404, "Not Found"),
                Some(_) if body.chars().count() > LONGEST_BODY => too_long("body"),
                Some(_) => {
                    let id = world.say(number, OURS.0, body);
                    Reply::created(comment(id, OURS.0, body, is_app))
                }
            }
        }
        ("PATCH", "/issues/comments/{comment_id}") => {
            let (id, body) = (call.number("comment_id"), call.text("body"));
            match world.comments.iter_mut().find(|comment| comment.id == id) {
                None => Reply::no(404, "Not Found"),
                Some(said) if said.author != OURS.0 => Reply::no(403, "Must have admin rights to Repository."),
                Some(_) if body.chars().count() > LONGEST_BODY => too_long("body"),
                Some(said) => {
                    body.clone_into(&mut said.body);
                    Reply::ok(comment(id, OURS.0, body, is_app))
                }
            }
        }
        ("GET", "/commits/{ref}/status") => {
            let mut latest: Vec<&Status> = Vec::new();
            for status in world.statuses.iter().rev().filter(|status| status.commit == call.path["ref"]) {
                if !latest.iter().any(|known| known.context == status.context) {
                    latest.push(status);
                }
            }
            let doc = |status: &&Status| {
                json!({
                    "context": status.context, "state": status.state, "description": status.description,
                    "target_url": if status.url.is_empty() { Value::Null } else { json!(status.url) },
                })
            };
            Reply::ok(json!({ "statuses": latest.iter().map(doc).collect::<Vec<_>>() }))
        }
        ("POST", "/statuses/{sha}") => {
            if call.text("description").chars().count() > LONGEST_DESCRIPTION {
                return too_long("description");
            }
            let status = Status {
                commit: call.path["sha"].clone(),
                context: call.text("context").to_owned(),
                state: call.text("state").to_owned(),
                description: call.text("description").to_owned(),
                url: call.text("target_url").to_owned(),
            };
            let doc = json!({ "context": status.context, "state": status.state });
            world.statuses.push(status);
            Reply::created(doc)
        }
        other => panic!("{other:?} is published, and nobody plays it"),
    }
}

fn too_long(field: &str) -> Reply {
    let errors = json!([{ "resource": "Issue", "code": "custom", "field": field, "message": format!("{field} is too long (maximum is 65536 characters)") }]);
    Reply { status: 422, headers: Vec::new(), body: json!({ "message": "Validation Failed", "errors": errors }) }
}

fn reference(name: &str, tip: Oid) -> Value {
    json!({ "ref": format!("refs/{name}"), "object": { "type": "commit", "sha": tip.to_string() } })
}

fn commit(world: &World, id: &str) -> Reply {
    let git = world.git();
    let Some(commit) = Oid::from_str(id).ok().and_then(|oid| git.find_commit(oid).ok()) else {
        return Reply::no(404, "Not Found");
    };
    let parents: Vec<Value> = commit.parent_ids().map(|id| json!({ "sha": id.to_string() })).collect();
    Reply::ok(json!({
        "sha": id, "tree": { "sha": commit.tree_id().to_string() }, "parents": parents,
        // GitHub has it without the line break at its end.
        "message": commit.message().expect("text").trim_end(),
    }))
}

fn tree(world: &World, id: &str) -> Reply {
    let Ok(oid) = Oid::from_str(id) else { return Reply::no(422, "not a tree") };
    let entry = |(path, sha, mode, kind): (String, String, String, &str)| json!({ "path": path, "sha": sha, "mode": mode, "type": kind });
    let entries: Vec<Value> = world.entries(oid).into_iter().map(entry).collect();
    Reply::ok(json!({ "sha": id, "tree": entries, "truncated": false }))
}

fn make_tree(world: &World, call: &Call) -> Reply {
    let git = world.git();
    let base = Oid::from_str(call.text("base_tree")).and_then(|oid| git.find_tree(oid));
    let Ok(base) = base else { return Reply::no(422, "base_tree is not a valid tree oid") };
    let mut update = TreeUpdateBuilder::new();
    for entry in call.body["tree"].as_array().expect("a list, as it is published") {
        let path = entry["path"].as_str().expect("a path");
        let is_there = base.get_path(std::path::Path::new(path)).is_ok();
        match (entry.get("sha"), entry.get("content")) {
            (Some(Value::Null), None) if !is_there => return Reply::no(422, "GitRPC::BadObjectState"),
            (Some(Value::Null), None) => {
                update.remove(path);
            }
            (None, Some(Value::String(content))) => {
                let mode = match entry["mode"].as_str() {
                    Some("100755") => FileMode::BlobExecutable,
                    Some("100644") => FileMode::Blob,
                    _ => return Reply::no(422, "tree.mode is not supported"),
                };
                update.upsert(path, git.blob(content.as_bytes()).expect("a blob"), mode);
            }
            _ => return Reply::no(422, "Must supply either tree.sha or tree.content"),
        }
    }
    match update.create_updated(&git, &base) {
        Ok(tree) => Reply::created(json!({ "sha": tree.to_string() })),
        Err(error) => Reply::no(422, error.message()),
    }
}

fn make_commit(world: &World, call: &Call) -> Reply {
    let oid = |value: &Value| Oid::from_str(value.as_str().unwrap_or_default()).ok();
    let parents: Vec<Oid> = call.body["parents"].as_array().into_iter().flatten().filter_map(oid).collect();
    let (Some(tree), [parent]) = (oid(&call.body["tree"]), &parents[..]) else {
        return Reply::no(422, "Tree SHA does not exist");
    };
    let author = call.body.get("author").map(|author| {
        (author["name"].as_str().expect("a name").to_owned(), author["email"].as_str().expect("an address").to_owned())
    });
    let author = author.as_ref().map(|(name, email)| (name.as_str(), email.as_str()));
    match world.make_of_tree(Some(*parent), tree, call.text("message"), author) {
        Ok(commit) => Reply::created(json!({ "sha": commit.to_string() })),
        Err(error) => Reply::no(422, error.message()),
    }
}

fn make_reference(world: &World, call: &Call) -> Reply {
    let Some(branch) = call.text("ref").strip_prefix("refs/heads/") else {
        return Reply::no(422, "Reference name must start with 'refs'");
    };
    if world.tip(branch).is_some() {
        return Reply::no(422, "Reference already exists");
    }
    if world.is_protected(branch) {
        let why = "Repository rule violations found\n\nCannot create ref due to creations being restricted.\n\n";
        return Reply::no(422, why);
    }
    let to = Oid::from_str(call.text("sha")).expect("an id");
    world.set_branch(branch, to);
    Reply::created(reference(&format!("heads/{branch}"), to))
}

fn move_reference(world: &World, call: &Call) -> Reply {
    let branch = call.path["ref"].strip_prefix("heads/").expect("a branch");
    let (to, is_forced) = (Oid::from_str(call.text("sha")).expect("an id"), call.body["force"] == json!(true));
    let Some(from) = world.tip(branch) else { return Reply::no(422, "Reference does not exist") };
    if world.is_protected(branch) {
        return Reply::no(422, "Cannot force-push to this protected branch");
    }
    let follows = world.git().graph_descendant_of(to, from).expect("two commits");
    if !follows && !is_forced {
        return Reply::no(422, "Update is not a fast forward");
    }
    world.set_branch(branch, to);
    Reply::ok(reference(&call.path["ref"], to))
}

fn delete_reference(world: &mut World, call: &Call) -> Reply {
    match call.path["ref"].strip_prefix("heads/") {
        Some("main") => Reply::no(422, "Cannot delete the default branch"),
        Some(branch) if world.tip(branch).is_some() && world.is_protected(branch) => {
            Reply::no(422, "Repository rule violations found\n\nCannot delete this branch\n\n")
        }
        Some(branch) if world.withdraw_branch(branch) => Reply::gone(),
        _ => Reply::no(422, "Reference does not exist"),
    }
}

fn pull(world: &World, pull: &Pull) -> Value {
    let name = |id: u64| if id == FORK { "mallory/guilds" } else { "team/guilds" };
    let repository = pull.from.map(|id| json!({ "id": id, "full_name": name(id) }));
    json!({
        "number": pull.number,
        "state": if pull.standing == Standing::Open { "open" } else { "closed" },
        "merged_at": (pull.standing == Standing::Merged).then_some("2026-01-01T00:00:00Z"),
        "title": pull.title,
        "body": if pull.body.is_empty() { Value::Null } else { json!(pull.body) },
        "html_url": format!("https://github.example/team/guilds/pull/{}", pull.number),
        "user": { "login": pull.author },
        "head": { "ref": pull.branch, "sha": world.head(pull).to_string(), "repo": repository },
        "base": { "ref": pull.base, "sha": world.tip(&pull.base).expect("a base").to_string(), "repo": { "id": HOME } },
    })
}

fn pulls(world: &World, call: &Call) -> Reply {
    let head = call.query.get("head").map(|head| head.split_once(':').expect("OWNER:BRANCH"));
    let owner = |pull: &Pull| if pull.from == Some(HOME) { "team" } else { OTHER.1 };
    let is_asked = |pull: &&Pull| {
        head.is_none_or(|(of, branch)| of == owner(pull) && branch == pull.branch)
            && (call.query.get("state").is_some_and(|state| state == "all") || pull.standing == Standing::Open)
    };
    let found = world.pulls.iter().rev().filter(is_asked).map(|found| pull(world, found)).collect();
    Reply::ok(Value::Array(call.page(found, "per_page", 30, 100)))
}

fn open(world: &mut World, call: &Call, is_app: bool) -> Reply {
    let (branch, base) = (call.text("head").to_owned(), call.text("base").to_owned());
    let (Some(head), Some(on)) = (world.tip(&branch), world.tip(&base)) else {
        return Reply::no(422, "Validation Failed");
    };
    if head == on {
        return Reply::no(422, format!("No commits between {base} and {branch}"));
    }
    let is_open = |pull: &&Pull| pull.branch == branch && pull.base == base && is_open_here(pull);
    if world.pulls.iter().find(is_open).is_some() {
        return Reply::no(422, format!("A pull request already exists for team:{branch}."));
    }
    if call.text("title").chars().count() > LONGEST_TITLE || call.text("body").chars().count() > LONGEST_BODY {
        return too_long("body");
    }
    let number = world.open(Pull {
        number: 0,
        title: call.text("title").to_owned(),
        body: call.text("body").to_owned(),
        branch,
        base,
        standing: Standing::Open,
        author: if is_app { "setai[bot]" } else { OURS.1 },
        from: Some(HOME),
        head,
    });
    Reply::created(pull(world, world.pull(number).expect("it is new")))
}

fn is_open_here(pull: &Pull) -> bool {
    pull.standing == Standing::Open && pull.from == Some(HOME)
}

fn edit(world: &mut World, call: &Call) -> Reply {
    let number = call.number("pull_number");
    if call.text("title").chars().count() > LONGEST_TITLE || call.text("body").chars().count() > LONGEST_BODY {
        return too_long("body");
    }
    let Some(found) = world.pull_mut(number) else { return Reply::no(404, "Not Found") };
    for (field, name) in [(&mut found.title, "title"), (&mut found.body, "body"), (&mut found.base, "base")] {
        if let Some(text) = call.body.get(name) {
            text.as_str().expect("text").clone_into(field);
        }
    }
    Reply::ok(pull(world, world.pull(number).expect("it is there")))
}

fn comment(id: u64, author: u64, body: &str, is_app: bool) -> Value {
    let kind = if is_app && author == OURS.0 { "Bot" } else { "User" };
    json!({ "id": id, "body": body, "user": { "id": author, "type": kind } })
}
