//! Gitea's and Forgejo's side: one commit in one request with the ids of the files before, comments all at once.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use git2::Oid;
use serde_json::{Value, json};

use super::{Call, Inner, Play, Reply};
use crate::forge::world::{FORK, HOME, OURS, Pull, Standing, Status, World};

const LONGEST_TITLE: usize = 255;
/// Entries of a page, unless fewer are asked for; no more are given.
const PAGE: usize = 50;

pub(super) fn answer(inner: &mut Inner, call: &Call, play: Play) -> Reply {
    let moves = inner.moves_branches;
    let world = &mut inner.world;
    let (method, path) = (call.operation.0.as_str(), call.operation.1.as_str());
    match path {
        "/version" if play == Play::Forgejo => return Reply::ok(json!({ "version": "15.0.1+gitea-1.22.0" })),
        "/version" => return Reply::ok(json!({ "version": "1.27.0" })),
        "/user" => return Reply::ok(user(OURS)),
        _ if (call.path["owner"].as_str(), call.path["repo"].as_str()) != ("team", "guilds") => {
            return Reply::no(404, "The target couldn't be found.");
        }
        _ => {}
    }
    match (method, path.strip_prefix("/repos/{owner}/{repo}").expect("below the repository")) {
        ("GET", "") => Reply::ok(json!({
            "id": HOME, "default_branch": "main", "archived": world.is_archived, "has_pull_requests": true,
            "permissions": { "admin": false, "push": true, "pull": true },
        })),
        ("GET", "/branches/{branch}") => {
            let name = &call.path["branch"];
            match world.tip(name) {
                Some(tip) => Reply::ok(json!({ "name": name, "commit": { "id": tip.to_string() } })),
                None => Reply::no(404, "The target couldn't be found."),
            }
        }
        ("DELETE", "/branches/{branch}") => delete_branch(world, &call.path["branch"]),
        ("GET", "/git/commits/{sha}") => commit(world, &call.path["sha"]),
        ("GET", "/git/trees/{sha}") => {
            let entry = |(path, sha, mode, kind): (String, String, String, &str)| json!({ "path": path, "sha": sha, "mode": mode, "type": kind });
            let all: Vec<Value> =
                world.entries(Oid::from_str(&call.path["sha"]).expect("an id")).into_iter().map(entry).collect();
            // In pages of three, so that there is a second one.
            let page: usize = call.query.get("page").map_or(1, |page| page.parse().expect("a number"));
            let is_more = all.len() > page * 3;
            let some: Vec<Value> = all.into_iter().skip((page - 1) * 3).take(3).collect();
            Reply::ok(json!({ "sha": call.path["sha"], "tree": some, "truncated": is_more }))
        }
        ("POST", "/contents") => write(world, call, play, moves),
        ("GET", "/pulls/{base}/{head}") => {
            let is_it = |pull: &&Pull| {
                pull.base == call.path["base"] && pull.branch == call.path["head"] && pull.from == Some(HOME)
            };
            match world.pulls.iter().find(is_it) {
                Some(found) => Reply::ok(pull(world, found)),
                None => Reply::no(404, "The target couldn't be found."),
            }
        }
        ("GET", "/pulls") => {
            let is_asked = |pull: &&Pull| {
                call.query.get("state").is_some_and(|state| state == "all") || pull.standing == Standing::Open
            };
            let found = world.pulls.iter().rev().filter(is_asked).map(|found| pull(world, found)).collect();
            Reply::ok(Value::Array(call.page(found, "limit", PAGE, PAGE)))
        }
        ("POST", "/pulls") => open(world, call),
        ("GET", "/pulls/{index}") => match world.pull(call.number("index")) {
            Some(found) => {
                let mut doc = pull(world, found);
                doc["changed_files"] = json!(world.changes(found).len());
                Reply::ok(doc)
            }
            None => Reply::no(404, "The target couldn't be found."),
        },
        ("PATCH", "/pulls/{index}") => edit(world, call),
        ("GET", "/pulls/{index}/files") => {
            let found = world.pull(call.number("index")).expect("it was read before");
            let file = |(old, new): (String, String)| match old == new {
                true => json!({ "filename": new }),
                false => json!({ "filename": new, "previous_filename": old }),
            };
            let files = world.changes(found).into_iter().map(file).collect();
            Reply::ok(Value::Array(call.page(files, "limit", PAGE, PAGE)))
        }
        ("GET", "/issues/{index}/comments") => {
            let number = call.number("index");
            if world.pull(number).is_none() {
                return Reply::no(404, "The target couldn't be found.");
            }
            let of_it = world.comments.iter().filter(|comment| comment.pull == number);
            Reply::ok(Value::Array(of_it.map(|said| comment(said.id, said.author, &said.body)).collect()))
        }
        ("POST", "/issues/{index}/comments") => {
            let (number, body) = (call.number("index"), call.text("body"));
            if world.pull(number).is_none() {
                return Reply::no(404, "The target couldn't be found.");
            }
            let id = world.say(number, OURS.0, body);
            Reply::created(comment(id, OURS.0, body))
        }
        ("PATCH", "/issues/comments/{id}") => {
            let (id, body) = (call.number("id"), call.text("body"));
            match world.comments.iter_mut().find(|comment| comment.id == id) {
                Some(said) if said.author == OURS.0 => {
                    body.clone_into(&mut said.body);
                    Reply::ok(comment(id, OURS.0, body))
                }
                Some(_) => Reply::no(403, "user is not the poster"),
                None => Reply::no(404, "The target couldn't be found."),
            }
        }
        ("GET", "/commits/{ref}/statuses") => {
            let of_it = world.statuses.iter().rev().filter(|status| status.commit == call.path["ref"]);
            let doc = |status: &Status| json!({ "context": status.context, "status": status.state, "description": status.description, "target_url": status.url });
            Reply::ok(Value::Array(call.page(of_it.map(doc).collect(), "limit", PAGE, PAGE)))
        }
        ("POST", "/statuses/{sha}") => {
            let status = Status {
                commit: call.path["sha"].clone(),
                context: call.text("context").to_owned(),
                state: call.text("state").to_owned(),
                description: call.text("description").to_owned(),
                url: call.text("target_url").to_owned(),
            };
            let doc = json!({ "context": status.context, "status": status.state });
            world.statuses.push(status);
            Reply::created(doc)
        }
        other => panic!("{other:?} is published, and nobody plays it"),
    }
}

fn user((id, login): (u64, &str)) -> Value {
    json!({ "id": id, "login": login })
}

fn commit(world: &World, id: &str) -> Reply {
    let git = world.git();
    let Some(commit) = Oid::from_str(id).ok().and_then(|oid| git.find_commit(oid).ok()) else {
        return Reply::no(404, "The target couldn't be found.");
    };
    let parents: Vec<Value> = commit.parent_ids().map(|id| json!({ "sha": id.to_string() })).collect();
    Reply::ok(json!({ "sha": id, "parents": parents, "commit": { "message": commit.message().expect("text") } }))
}

fn write(world: &World, call: &Call, play: Play, moves: bool) -> Reply {
    let (base, branch) = (call.text("branch"), call.text("new_branch"));
    let flag = if play == Play::Forgejo { "force_overwrite_new_branch" } else { "force_push" };
    let is_forced = moves && call.body[flag] == json!(true);
    if world.is_protected(branch) {
        return Reply::no(403, "user should have a permission to write to the target branch");
    }
    if world.tip(branch).is_some() && !is_forced {
        return Reply::no(422, format!("branch already exists [name: {branch}]"));
    }
    let start = world.tip(base).expect("a base branch");
    let tree = world.git().find_commit(start).expect("a commit").tree_id();
    let mut files: Vec<(String, Option<String>)> = Vec::new();
    for file in call.body["files"].as_array().expect("a list, as it is published") {
        let path = file["path"].as_str().expect("a path");
        let git = world.git();
        let there = git.find_tree(tree).expect("a tree").get_path(std::path::Path::new(path)).ok();
        let there = there.map(|entry| entry.id().to_string());
        let content = file["content"]
            .as_str()
            .map(|content| String::from_utf8(STANDARD.decode(content).expect("base64")).expect("text"));
        match (file["operation"].as_str().expect("an operation"), &there) {
            ("create", Some(_)) => return Reply::no(422, format!("repository file already exists [path: {path}]")),
            ("create", None) => {}
            (_, None) => return Reply::no(422, format!("path does not exist [path: {path}]")),
            (_, Some(there)) if file["sha"] != json!(there) => {
                return Reply::no(422, format!("sha does not match [given: {}, expected: {there}]", file["sha"]));
            }
            _ => {}
        }
        files.push((path.to_owned(), content));
    }
    let files: Vec<(&str, Option<&str>)> =
        files.iter().map(|(path, content)| (path.as_str(), content.as_deref())).collect();
    let author = call.body.get("author").map(|author| {
        (author["name"].as_str().expect("a name").to_owned(), author["email"].as_str().expect("an address").to_owned())
    });
    let author = author.as_ref().map(|(name, email)| (name.as_str(), email.as_str()));
    match world.make(Some(start), &files, call.text("message"), author) {
        Ok(commit) => {
            world.set_branch(branch, commit);
            Reply::created(json!({ "commit": { "sha": commit.to_string() } }))
        }
        Err(error) => Reply::no(422, error.message()),
    }
}

fn delete_branch(world: &mut World, branch: &str) -> Reply {
    match branch {
        _ if world.is_archived => Reply::no(423, "This repo is archived. You cannot modify it."),
        _ if world.tip(branch).is_none() => Reply::no(404, "The target couldn't be found."),
        "main" => Reply::no(403, "can not delete default branch"),
        _ if world.is_protected(branch) => Reply::no(403, "branch protected"),
        _ => {
            world.withdraw_branch(branch);
            Reply::gone()
        }
    }
}

fn pull(world: &World, pull: &Pull) -> Value {
    let name = |id: u64| if id == FORK { "mallory/guilds" } else { "team/guilds" };
    json!({
        "number": pull.number,
        "state": if pull.standing == Standing::Open { "open" } else { "closed" },
        "merged": pull.standing == Standing::Merged,
        "title": pull.title,
        "body": pull.body,
        "html_url": format!("https://gitea.example/team/guilds/pulls/{}", pull.number),
        "user": user((if pull.author == OURS.1 { OURS.0 } else { 8 }, pull.author)),
        "head": {
            "ref": pull.branch, "sha": world.head(pull).to_string(), "repo_id": pull.from.unwrap_or(0),
            "repo": pull.from.map(|id| json!({ "full_name": name(id) })),
        },
        "base": { "ref": pull.base, "sha": world.tip(&pull.base).expect("a base").to_string(), "repo_id": HOME },
    })
}

fn open(world: &mut World, call: &Call) -> Reply {
    let (branch, base) = (call.text("head").to_owned(), call.text("base").to_owned());
    let Some(head) = world.tip(&branch) else { return Reply::no(404, "The target couldn't be found.") };
    let is_open = |pull: &&Pull| pull.branch == branch && pull.base == base && is_open_here(pull);
    if let Some(other) = world.pulls.iter().find(is_open) {
        let why = format!("pull request already exists for these targets [id: {}]", other.number);
        return Reply::no(409, why);
    }
    if call.text("title").chars().count() > LONGEST_TITLE {
        return Reply::no(422, "the title is too long");
    }
    let number = world.open(Pull {
        number: 0,
        title: call.text("title").to_owned(),
        body: call.text("body").to_owned(),
        branch,
        base,
        standing: Standing::Open,
        author: OURS.1,
        from: Some(HOME),
        head,
    });
    Reply::created(pull(world, world.pull(number).expect("it is new")))
}

fn is_open_here(pull: &Pull) -> bool {
    pull.standing == Standing::Open && pull.from == Some(HOME)
}

fn edit(world: &mut World, call: &Call) -> Reply {
    let number = call.number("index");
    let Some(found) = world.pull_mut(number) else { return Reply::no(404, "The target couldn't be found.") };
    for (field, name) in [(&mut found.title, "title"), (&mut found.body, "body"), (&mut found.base, "base")] {
        if let Some(text) = call.body.get(name) {
            text.as_str().expect("text").clone_into(field);
        }
    }
    Reply::created(pull(world, world.pull(number).expect("it is there")))
}

fn comment(id: u64, author: u64, body: &str) -> Value {
    json!({ "id": id, "body": body, "user": { "id": author, "login": "somebody" } })
}
