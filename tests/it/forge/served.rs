//! What can go wrong with a server, at every forge that is one.

use std::time::Duration;

use rstest::rstest;
use setai::forge::{Class, Commented, Error, Marker, Proposed, Right, State, Status};

use super::fake::{Play, TOKEN, Token, Wrong};
use super::stage::{Stage, change, id};
use super::world::OTHER;

const ROOMS: &[(&str, Option<&str>)] = &[("guild.yaml", Some("version: 1\nname: Rooms\n"))];

fn plan() -> Marker {
    Marker::new("plan").expect("a marker")
}

/// The requests that make a branch, a pull request and a comment.
fn creates(play: Play) -> [(&'static str, &'static str); 3] {
    match play {
        Play::GitHub => [("POST", "/git/refs"), ("POST", "/pulls"), ("POST", "/comments")],
        Play::GitLab => [("POST", "/repository/commits"), ("POST", "/merge_requests"), ("POST", "/notes")],
        Play::Gitea | Play::Forgejo => [("POST", "/contents"), ("POST", "/pulls"), ("POST", "/comments")],
    }
}

fn instead(status: u16, headers: &[(&'static str, &str)], body: &str) -> Wrong {
    let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    Wrong::Instead { status, headers, body: body.to_owned() }
}

#[rstest]
#[tokio::test]
async fn an_answer_that_is_lost_makes_nothing_twice(
    #[values(Play::GitHub, Play::GitLab, Play::Gitea, Play::Forgejo)] play: Play,
) {
    let stage = Stage::served(play).await;
    for (method, path) in creates(play) {
        stage.fault(method, path, 1, Wrong::AnswerLost);
    }
    let proposal = match stage.propose(&change(ROOMS)).await {
        Proposed::Opened(proposal) => proposal,
        other => panic!("{other:?}"),
    };
    assert_eq!((proposal.number, stage.pulls()), (1, 1), "there is one pull request");
    assert_eq!(stage.tip("setai/rooms").as_deref(), Some(proposal.commit.as_str()));
    assert_eq!(stage.forge.comment(1, &plan(), "Hello").await, Ok(Commented::Created));
    assert_eq!(stage.comments(1).len(), 1, "there is one comment");
    let (method, path) = creates(play)[0];
    stage.fault(if play == Play::GitHub { "PATCH" } else { method }, path, 1, Wrong::AnswerLost);
    let other = change(&[("guild.yaml", None)]);
    assert!(matches!(stage.propose(&other).await, Proposed::Updated(_)));
    assert_eq!(stage.file("setai/rooms", "guild.yaml"), None);
}

#[rstest]
#[tokio::test]
async fn a_forge_that_is_away_is_asked_again_and_comes_back(
    #[values(Play::GitHub, Play::GitLab, Play::Gitea, Play::Forgejo)] play: Play,
) {
    let stage = Stage::served(play).await;
    stage.fault("GET", "", 2, instead(502, &[], "<html>Bad gateway</html>"));
    for (method, path) in creates(play) {
        stage.fault(method, path, 1, instead(503, &[], "{}"));
    }
    stage.opened(&change(ROOMS)).await;
    assert_eq!(stage.pulls(), 1);
    assert_eq!(stage.forge.comment(1, &plan(), "Hello").await, Ok(Commented::Created));
    stage.fault("GET", "", 4, instead(500, &[], "{\"message\":\"hunter2-token\"}"));
    let before = stage.clock.elapsed();
    let error = stage.forge.propose(&change(ROOMS)).await.expect_err("it is away");
    assert!(matches!(&error, Error::Away { maybe_done: false, .. }), "{error}");
    assert_eq!(error.class(), Class::Waiting);
    assert!(stage.clock.elapsed() - before < Duration::from_mins(1), "there is an end to it");
    assert!(!format!("{error} {error:?}").contains(TOKEN));
    assert!(matches!(stage.propose(&change(ROOMS)).await, Proposed::Unchanged(_)), "it is back");
    let (method, path) = creates(play)[1];
    stage.world(|world| world.pulls.clear());
    stage.fault(method, path, 4, instead(503, &[], ""));
    let error = stage.forge.propose(&change(ROOMS)).await.expect_err("it is away");
    assert!(matches!(&error, Error::Away { maybe_done: true, .. }), "{error}");
}

#[rstest]
#[tokio::test]
async fn a_forge_nobody_answers_for_is_away(#[values(Play::GitHub, Play::GitLab, Play::Gitea)] play: Play) {
    let stage = Stage::served(play).await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let api = format!("http://{}{}", listener.local_addr().expect("an address"), play.prefix());
    drop(listener);
    let error = Stage::open(play, &api, &stage.clock, TOKEN).permitted().await.expect_err("nobody is there");
    assert!(matches!(&error, Error::Away { why, .. } if why.contains("no connection")), "{error}");
}

#[rstest]
#[tokio::test]
async fn a_forge_that_wants_to_be_left_alone_is_left_alone(
    #[values(Play::GitHub, Play::GitLab, Play::Gitea, Play::Forgejo)] play: Play,
) {
    let stage = Stage::served(play).await;
    let now = u64::try_from(stage.clock.now().timestamp()).expect("a time");
    let soon = (now + 20).to_string();
    let limited = match play {
        Play::GitHub => instead(403, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", &soon)], "{}"),
        Play::GitLab => instead(429, &[("ratelimit-reset", &soon)], "Retry later"),
        Play::Gitea | Play::Forgejo => instead(429, &[("retry-after", "21")], ""),
    };
    stage.fault("POST", creates(play)[1].1, 1, limited);
    let before = stage.clock.elapsed();
    stage.opened(&change(ROOMS)).await;
    assert_eq!((stage.clock.elapsed() - before, stage.pulls()), (Duration::from_secs(21), 1));
    stage.fault("GET", "", 1, instead(429, &[("retry-after", "3600")], ""));
    let error = stage.forge.pull_request(1).await.expect_err("that is too long");
    let until = stage.clock.now() + Duration::from_hours(1);
    assert!(matches!(&error, Error::RateLimited { until: said, .. } if *said == until), "{error}");
    assert_eq!(error.class(), Class::Waiting);
    stage.fault("GET", "", 9, instead(429, &[("retry-after", "25")], ""));
    let error = stage.forge.pull_request(1).await.expect_err("again and again");
    assert!(matches!(error, Error::RateLimited { .. }), "{error}");
}

#[rstest]
#[tokio::test]
async fn a_token_that_was_revoked_or_lacks_a_right_is_said(
    #[values(Play::GitHub, Play::GitLab, Play::Gitea, Play::Forgejo)] play: Play,
) {
    let stage = Stage::served(play).await;
    stage.fake().lock().token = Token::ReadOnly;
    let before = stage.world(|world| world.digest());
    let error = stage.forge.propose(&change(ROOMS)).await.expect_err("it may not");
    assert!(matches!(&error, Error::MissingRight { right: Right::Contents, .. }), "{error}");
    let said = error.to_string();
    let remedy = match play {
        Play::GitHub => "contents=write",
        Play::GitLab => "insufficient_scope",
        Play::Gitea | Play::Forgejo => "required=[write:repository]",
    };
    assert!(said.contains("may not write branches and commits") && said.contains(remedy), "{said}");
    stage.fake().lock().token = Token::Good;
    let proposal = stage.opened(&change(ROOMS)).await;
    stage.fake().lock().token = Token::ReadOnly;
    let status = Status { state: State::Success, context: "c".into(), description: String::new(), url: None };
    let refused = [
        (Right::Comments, stage.forge.comment(1, &plan(), "x").await.expect_err("it may not")),
        (Right::Statuses, stage.forge.status(&proposal.commit, &status).await.expect_err("it may not")),
    ];
    for (right, error) in refused {
        assert!(matches!(&error, Error::MissingRight { right: named, .. } if *named == right), "{error}");
    }
    stage.fake().lock().token = Token::Revoked;
    let marker = plan();
    let errors = [
        stage.forge.propose(&change(ROOMS)).await.expect_err("revoked"),
        stage.forge.permitted().await.expect_err("revoked"),
        stage.forge.pull_request(1).await.expect_err("revoked"),
        stage.forge.comment(1, &marker, "x").await.expect_err("revoked"),
    ];
    for error in errors {
        assert!(matches!(&error, Error::Unauthorized { .. }), "{error}");
        assert!(error.to_string().contains("make another at http://127.0.0.1"), "{error}");
        assert!(!format!("{error} {error:?} {:?}", stage.forge).contains(TOKEN), "{error}");
    }
    assert_ne!(stage.world(|world| world.digest()), before);
}

#[rstest]
#[tokio::test]
async fn a_protected_branch_and_an_archived_repository_are_said(
    #[values(Play::GitHub, Play::GitLab, Play::Gitea, Play::Forgejo)] play: Play,
) {
    let stage = Stage::served(play).await;
    stage.world(|world| world.protected.push("setai/rooms".to_owned()));
    let protected = |error: Error| {
        assert!(matches!(&error, Error::Protected { branch, .. } if branch.as_str() == "setai/rooms"), "{error}");
    };
    protected(stage.forge.propose(&change(ROOMS)).await.expect_err("it is protected"));
    assert_eq!((stage.tip("setai/rooms"), stage.pulls()), (None, 0));
    stage.world(|world| world.protected.clear());
    let proposal = stage.opened(&change(ROOMS)).await;
    stage.world(|world| world.protected.push("setai/rooms".to_owned()));
    protected(stage.forge.propose(&change(&[("guild.yaml", None)])).await.expect_err("it is protected"));
    assert_eq!(stage.tip("setai/rooms").as_deref(), Some(proposal.commit.as_str()));
    stage.world(|world| world.is_archived = true);
    let error = stage.forge.propose(&change(ROOMS)).await.expect_err("it is archived");
    assert!(matches!(error, Error::ReadOnly { .. }), "{error}");
}

#[rstest]
#[tokio::test]
async fn the_sticky_comment_is_found_among_many_and_nobody_else_s_is_taken(
    #[values(Play::GitHub, Play::GitLab, Play::Gitea, Play::Forgejo)] play: Play,
) {
    let stage = Stage::served(play).await;
    stage.opened(&change(ROOMS)).await;
    let forged = "<!-- setai:plan -->\nAll is well.";
    stage.world(|world| world.say(1, OTHER.0, forged));
    for number in 0..130 {
        stage.world(|world| world.say(1, OTHER.0, &format!("me too {number}\n<!-- setai:plan -->")));
    }
    assert_eq!(stage.forge.comment(1, &plan(), "One.").await, Ok(Commented::Created));
    for number in 0..130 {
        stage.world(|world| world.say(1, OTHER.0, &format!("and me {number}")));
    }
    let all = stage.comments(1).len();
    assert_eq!(stage.forge.comment(1, &plan(), "Two.").await, Ok(Commented::Updated));
    assert_eq!(stage.forge.comment(1, &plan(), "Two.").await, Ok(Commented::Unchanged));
    let comments = stage.comments(1);
    assert_eq!((comments.len(), comments[0].as_str()), (all, forged), "what others wrote stays");
    assert!(comments.iter().any(|comment| comment == "<!-- setai:plan -->\nTwo."));
}

#[rstest]
#[tokio::test]
async fn a_fork_is_known_and_its_branch_is_not_taken_for_ours(
    #[values(Play::GitHub, Play::GitLab, Play::Gitea, Play::Forgejo)] play: Play,
    #[values(false, true)] is_gone: bool,
) {
    let stage = Stage::served(play).await;
    let theirs = stage.propose_from_fork(is_gone, "setai/rooms");
    let pull = stage.forge.pull_request(theirs).await.expect("it is there");
    let head = stage.world(|world| id(world.pull(theirs).expect("it is there").head));
    assert_eq!((pull.head.is_fork, pull.head.commit), (true, head));
    assert_eq!((pull.author.as_str(), pull.title.as_str()), (OTHER.1, "Take <this>"));
    assert_eq!(pull.changed.paths, ["guild.yaml", "moved.yaml", "parts/evil.yaml"], "the old and the new path");
    let ours = stage.opened(&change(ROOMS)).await;
    assert_eq!((ours.number, ours.branch.as_str()), (2, "setai/rooms"));
    assert_eq!(stage.world(|world| world.pull(theirs).expect("it is there").title.clone()), "Take <this>");
}

#[rstest]
#[tokio::test]
async fn a_pull_request_of_many_files_is_read_whole(#[values(Play::GitHub, Play::GitLab, Play::Gitea)] play: Play) {
    let stage = Stage::served(play).await;
    let paths: Vec<String> = (0..230).map(|number| format!("f/{number:03}.yaml")).collect();
    let files: Vec<(&str, Option<&str>)> = paths.iter().map(|path| (path.as_str(), Some(path.as_str()))).collect();
    stage.opened(&change(&files)).await;
    let changed = stage.forge.pull_request(1).await.expect("it is there").changed;
    assert_eq!((changed.paths, changed.is_complete), (paths, true));
    let one = change(&[("f/229.yaml", Some("other"))]);
    stage.world(|world| world.merge("setai/rooms", "main"));
    stage.world(|world| world.pulls.clear());
    stage.world(|world| world.delete_branch("setai/rooms"));
    stage.opened(&one).await;
    assert_eq!(stage.file("setai/rooms", "f/229.yaml").as_deref(), Some("other"), "the last of a long folder");
}

#[rstest]
#[tokio::test]
async fn an_answer_that_is_none_is_said(#[values(Play::GitHub, Play::GitLab, Play::Gitea)] play: Play) {
    let stage = Stage::served(play).await;
    for body in ["<html>Welcome!</html>", "{}", "[]", "{\"number\":\"one\"}", "null"] {
        stage.fault("GET", "/{", 1, instead(200, &[], body));
        let error = stage.forge.pull_request(1).await.expect_err(body);
        assert!(matches!(&error, Error::NotUnderstood { .. }), "{body}: {error}");
    }
    stage.fault("GET", "/{", 1, instead(200, &[], &"x".repeat(17 << 20)));
    let error = stage.forge.pull_request(1).await.expect_err("it is too large");
    assert!(matches!(&error, Error::NotUnderstood { why, .. } if why.contains("more than")), "{error}");
    stage.fault("GET", "/{", 1, instead(418, &[], "{\"message\":\"a teapot\"}"));
    let error = stage.forge.pull_request(1).await.expect_err("it refuses");
    assert!(matches!(&error, Error::Refused { status: 418, why, .. } if why == "a teapot"), "{error}");
}

#[rstest]
#[tokio::test]
async fn the_token_follows_no_redirect(#[values(Play::GitHub, Play::GitLab, Play::Gitea)] play: Play) {
    let (stage, elsewhere) = (Stage::served(play).await, Stage::served(play).await);
    let to = format!("{}/repositories/1?token=hunter2", elsewhere.api);
    for status in [301, 302, 307, 308] {
        stage.fault("GET", "/{", 1, instead(status, &[("location", &to)], ""));
        let error = stage.forge.pull_request(1).await.expect_err("it moved");
        let Error::Moved { to: Some(named), .. } = &error else { panic!("{error}") };
        assert_eq!(*named, format!("{}/repositories/1", elsewhere.api));
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
    assert!(elsewhere.fake().lock().log.is_empty(), "nobody asked there");
}

#[tokio::test]
async fn a_token_that_cannot_be_one_is_refused_and_not_shown() {
    for token in ["", " ", "hunter2 x", "hunter2\nx", "hunter2-ü"] {
        let address = setai::forge::Address::new(setai::forge::Kind::GitHub, "https://api.github.com", "a/b");
        let error = setai::forge::open(address.expect("an address"), token.into(), super::stage::clock());
        let error = error.expect_err(token);
        assert!(matches!(error, Error::NoToken { .. }) && !format!("{error} {error:?}").contains("hunter2"));
    }
}

#[tokio::test]
async fn an_app_s_token_finds_its_comment_too() {
    let stage = Stage::served(Play::GitHub).await;
    stage.fake().lock().is_app = true;
    stage.opened(&change(ROOMS)).await;
    stage.world(|world| world.say(1, OTHER.0, "<!-- setai:plan -->\nForged."));
    assert_eq!(stage.forge.comment(1, &plan(), "One.").await, Ok(Commented::Created));
    assert_eq!(stage.forge.comment(1, &plan(), "Two.").await, Ok(Commented::Updated));
    let permitted = stage.forge.permitted().await.expect("it works");
    assert_eq!((permitted.account, permitted.unsure.len()), (None, 4));
}

#[rstest]
#[tokio::test]
async fn a_server_that_cannot_move_a_branch_is_said(#[values(Play::Gitea, Play::Forgejo)] play: Play) {
    let stage = Stage::served(play).await;
    stage.fake().lock().moves_branches = false;
    let first = stage.opened(&change(ROOMS)).await;
    let error = stage.forge.propose(&change(&[("guild.yaml", None)])).await.expect_err("it cannot");
    assert!(matches!(&error, Error::CannotMove { .. }), "{error}");
    assert_eq!(stage.tip("setai/rooms").as_deref(), Some(first.commit.as_str()));
}
