//! The branch is taken, and the pull request is not: nothing half-done is left, and nothing of anybody else is lost.

use std::time::Duration;

use axum::http::Method;
use rstest::rstest;
use setai::forge::{Class, Error, Proposed, Right};

use super::fake::{Play, Token, Wrong};
use super::stage::{Stage, change};
use super::world::{HOME, OTHER, Pull, Standing, World};

const ROOMS: &[(&str, Option<&str>)] = &[("guild.yaml", Some("version: 1\nname: Rooms\n"))];
const LEFT: &str = "the branch `setai/rooms` is left there; delete it, or ask again";

/// More often than anybody asks before giving up.
const EVERY_TIME: u32 = 4;

/// Where pull requests are opened.
fn pulls(play: Play) -> &'static str {
    if play == Play::GitLab { "/merge_requests" } else { "/pulls" }
}

fn instead(status: u16, headers: &[(&'static str, &str)]) -> Wrong {
    let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    Wrong::Instead { status, headers, body: "{\"message\":\"not now\"}".to_owned() }
}

fn somebody_commits(world: &mut World) {
    world.commit("setai/rooms", &[("theirs.yaml", Some("x"))]);
}

fn somebody_proposes_it(world: &mut World) {
    let head = world.tip("setai/rooms").expect("a branch");
    world.open(Pull {
        number: 0,
        title: "Mine".to_owned(),
        body: String::new(),
        branch: "setai/rooms".to_owned(),
        base: "main".to_owned(),
        standing: Standing::Open,
        author: OTHER.1,
        from: Some(HOME),
        head,
    });
}

/// A forge whose token may write branches, and open no pull requests.
async fn strict(play: Play) -> Stage {
    let stage = Stage::served(play).await;
    stage.fake().lock().token = Token::NoPulls;
    stage
}

impl Stage {
    /// It is not taken for want of a right, whatever else is told.
    async fn refuses(&self) -> Error {
        let error = self.forge.propose(&change(ROOMS)).await.expect_err("it is refused");
        assert!(
            error.to_string().starts_with("the token may not open and change pull requests in team/guilds"),
            "{error}"
        );
        assert_eq!(error.class(), Class::Stalled);
        error
    }

    /// Once the right is given, one branch and one pull request.
    async fn works(&self) {
        self.fake().lock().token = Token::Good;
        let opened = self.opened(&change(ROOMS)).await;
        assert_eq!((opened.branch.as_str(), self.pulls()), ("setai/rooms", 1));
        assert_eq!(self.tip("setai/rooms").as_deref(), Some(opened.commit.as_str()));
    }

    /// How often somebody wanted a branch gone, each time right after a look at it.
    fn deletions(&self) -> usize {
        let log = self.fake().lock().log.clone();
        let name = |path: &str| path.rsplit('/').next().map(str::to_owned);
        let pairs = log.windows(2).filter(|pair| pair[1].0 == Method::DELETE);
        let looked = |pair: &&[(Method, String)]| pair[0].0 == Method::GET && name(&pair[0].1) == name(&pair[1].1);
        let (looked, blind): (Vec<_>, Vec<_>) = pairs.partition(looked);
        assert!(blind.is_empty(), "nobody looked: {blind:?}");
        looked.len()
    }
}

#[rstest]
#[tokio::test]
async fn a_refused_pull_request_leaves_no_branch(
    #[values(Play::GitHub, Play::GitLab, Play::Gitea, Play::Forgejo)] play: Play,
) {
    let stage = strict(play).await;
    let before = stage.everything().1;
    let error = stage.refuses().await;
    assert!(matches!(&error, Error::MissingRight { right: Right::PullRequests, .. }), "{error}");
    let remedy = match play {
        Play::GitHub => "give the token the permission pull_requests=write",
        Play::GitLab | Play::Gitea | Play::Forgejo => "make another at http://127.0.0.1",
    };
    let said = error.to_string();
    assert!(said.contains(remedy) && !said.contains("is left"), "{said}");
    assert_eq!((stage.everything().1, stage.deletions()), (before, 1), "everything is as it was");
    stage.works().await;
}

/// The name is taken by a pull request that was closed, so the branch has another.
#[rstest]
#[tokio::test]
async fn the_branch_that_goes_is_the_one_that_was_made(
    #[values(Play::GitHub, Play::GitLab, Play::Gitea, Play::Forgejo)] play: Play,
) {
    let stage = Stage::served(play).await;
    let closed = stage.opened(&change(ROOMS)).await;
    stage.close(&closed);
    let before = stage.everything().1;
    stage.fake().lock().token = Token::NoPulls;
    stage.refuses().await;
    assert_eq!(stage.everything().1, before, "`setai/rooms-2` is gone, and `setai/rooms` stays");
    assert_eq!(stage.tip("setai/rooms").as_deref(), Some(closed.commit.as_str()));
}

#[rstest]
#[tokio::test]
async fn a_branch_that_was_there_before_stays(
    #[values(Play::GitHub, Play::GitLab, Play::Gitea, Play::Forgejo)] play: Play,
    #[values(false, true)] is_the_same: bool,
) {
    let stage = Stage::served(play).await;
    stage.opened(&change(if is_the_same { ROOMS } else { &[("guild.yaml", None)] })).await;
    stage.world(|world| world.pulls.clear());
    stage.fake().lock().token = Token::NoPulls;
    let error = stage.refuses().await;
    assert!(matches!(&error, Error::MissingRight { .. }), "{error}");
    assert_eq!((stage.tip("setai/rooms").is_some(), stage.deletions()), (true, 0));
    stage.works().await;
}

#[rstest]
#[tokio::test]
async fn a_branch_somebody_changed_meanwhile_stays_and_is_named(
    #[values(Play::GitHub, Play::GitLab, Play::Gitea, Play::Forgejo)] play: Play,
) {
    let stage = strict(play).await;
    stage.fault("POST", pulls(play), 1, Wrong::Meanwhile(somebody_commits));
    let error = stage.refuses().await;
    assert!(matches!(&error, Error::Left { is_changed: true, .. }), "{error:?}");
    let left =
        "the branch `setai/rooms` is left there, for somebody changed it meanwhile; look at it before you delete it";
    assert!(error.to_string().ends_with(left), "{error}");
    assert_eq!(stage.deletions(), 0, "nobody asks for it to go");
    assert_eq!(stage.file("setai/rooms", "theirs.yaml").as_deref(), Some("x"));
}

/// Between the look and the request. No other forge knows a condition.
#[tokio::test]
async fn gitlab_deletes_no_branch_that_has_a_younger_commit() {
    let stage = strict(Play::GitLab).await;
    stage.fault("DELETE", "", 1, Wrong::Meanwhile(somebody_commits));
    let error = stage.refuses().await;
    assert!(matches!(&error, Error::Left { is_changed: true, .. }), "{error:?}");
    assert_eq!(stage.file("setai/rooms", "theirs.yaml").as_deref(), Some("x"));
}

#[rstest]
#[tokio::test]
async fn a_branch_somebody_proposes_meanwhile_stays(
    #[values(Play::GitHub, Play::GitLab, Play::Gitea, Play::Forgejo)] play: Play,
) {
    let stage = Stage::served(play).await;
    stage.fault("POST", pulls(play), 1, Wrong::Meanwhile(somebody_proposes_it));
    let error = stage.forge.propose(&change(ROOMS)).await.expect_err("there is one already");
    assert!(matches!(&error, Error::Refused { status: 409 | 422, .. }), "{error}");
    let standing = stage.world(|world| world.pull(1).expect("a pull request").standing);
    assert_eq!((standing, stage.deletions()), (Standing::Open, 0));
    assert!(matches!(stage.propose(&change(ROOMS)).await, Proposed::Updated(_)), "it is gone on with");
}

/// Whether the pull request is there is not known then.
#[rstest]
#[tokio::test]
async fn an_answer_nobody_understands_is_no_refusal(#[values(Play::GitHub, Play::GitLab, Play::Gitea)] play: Play) {
    let stage = Stage::served(play).await;
    stage.fault("POST", pulls(play), 1, instead(200, &[]));
    let error = stage.forge.propose(&change(ROOMS)).await.expect_err("it is no answer");
    assert!(matches!(&error, Error::NotUnderstood { .. }), "{error}");
    assert_eq!((stage.tip("setai/rooms").is_some(), stage.deletions()), (true, 0));
    stage.works().await;
}

#[rstest]
#[case(instead(403, &[]), 1)]
#[case(instead(422, &[]), 1)]
#[case(instead(503, &[]), EVERY_TIME)]
#[case(instead(429, &[("retry-after", "3600")]), 1)]
#[case(Wrong::Meanwhile(|world| world.protected.push("setai/*".to_owned())), 1)]
#[tokio::test]
async fn a_branch_that_cannot_be_deleted_is_named(
    #[values(Play::GitHub, Play::GitLab, Play::Gitea, Play::Forgejo)] play: Play,
    #[case] fault: Wrong,
    #[case] times: u32,
) {
    let stage = strict(play).await;
    stage.fault("DELETE", "", times, fault);
    let error = stage.refuses().await;
    let Error::Left { refused, branch, is_changed: false } = &error else { panic!("{error:?}") };
    assert!(matches!(&**refused, Error::MissingRight { right: Right::PullRequests, .. }), "{refused}");
    assert_eq!((branch.as_str(), stage.pulls()), ("setai/rooms", 0));
    assert!(error.to_string().ends_with(LEFT), "{error}");
    assert_eq!(u32::try_from(stage.deletions()), Ok(times), "there is an end to it");
    assert!(stage.tip("setai/rooms").is_some());
    stage.world(|world| world.protected.clear());
    stage.works().await;
}

/// What is not seen is not deleted.
#[rstest]
#[tokio::test]
async fn a_branch_that_cannot_be_looked_at_is_named(
    #[values(Play::GitHub, Play::GitLab, Play::Gitea, Play::Forgejo)] play: Play,
) {
    let stage = Stage::served(play).await;
    stage.fault("POST", pulls(play), 1, Wrong::Revoked);
    let error = stage.forge.propose(&change(ROOMS)).await.expect_err("it is revoked");
    let Error::Left { refused, .. } = &error else { panic!("{error:?}") };
    assert!(matches!(&**refused, Error::Unauthorized { .. }), "{refused}");
    assert!(error.to_string().ends_with(LEFT), "{error}");
    assert_eq!(stage.deletions(), 0);
    stage.works().await;
}

/// It is looked at again before each request, so that nothing is deleted that came in between.
#[rstest]
#[case(Wrong::AnswerLost, 1, 1)]
#[case(instead(503, &[]), 2, 4)]
#[case(instead(429, &[("retry-after", "21")]), 1, 21)]
#[case(Wrong::Meanwhile(|world| world.delete_branch("setai/rooms")), 1, 0)]
#[tokio::test]
async fn deleting_is_gone_on_with(
    #[values(Play::GitHub, Play::GitLab, Play::Gitea, Play::Forgejo)] play: Play,
    #[case] fault: Wrong,
    #[case] times: u32,
    #[case] seconds: u64,
) {
    let stage = strict(play).await;
    stage.fault("DELETE", "", times, fault);
    let before = stage.clock.elapsed();
    let error = stage.refuses().await;
    assert!(matches!(&error, Error::MissingRight { .. }), "{error:?}");
    assert_eq!((stage.tip("setai/rooms"), stage.deletions() > 0), (None, true));
    assert_eq!(stage.clock.elapsed() - before, Duration::from_secs(seconds));
    stage.works().await;
}

#[rstest]
#[tokio::test]
async fn a_forge_that_is_away_after_the_branch_is_gone_on_with(
    #[values(Play::GitHub, Play::GitLab, Play::Gitea, Play::Forgejo)] play: Play,
) {
    let stage = Stage::served(play).await;
    stage.fault("POST", pulls(play), EVERY_TIME, instead(503, &[]));
    let error = stage.forge.propose(&change(ROOMS)).await.expect_err("it is away");
    assert_eq!((error.class(), stage.pulls(), stage.deletions()), (Class::Waiting, 0, 0));
    let left = stage.tip("setai/rooms").expect("the branch stays");
    let opened = stage.opened(&change(ROOMS)).await;
    assert_eq!((opened.commit.as_str(), stage.pulls()), (left.as_str(), 1), "the same commit, one pull request");
}

/// The place where records are kept is locked, as by a git that was killed.
#[tokio::test]
async fn a_repository_of_this_machine_is_as_before_too() {
    let stage = Stage::on_this_machine();
    let before = stage.everything();
    let lock = stage.path().join("refs/notes/setai.lock");
    std::fs::create_dir_all(lock.parent().expect("a folder")).expect("a folder");
    std::fs::write(&lock, "").expect("a file");
    let error = stage.forge.propose(&change(ROOMS)).await.expect_err("nothing can be kept");
    assert!(
        matches!(&error, Error::Git { why, .. } if why.starts_with("git cannot keep its pull requests")),
        "{error}"
    );
    assert_eq!(stage.everything(), before, "no branch is left");
    std::fs::remove_file(&lock).expect("it goes");
    assert_eq!(stage.opened(&change(ROOMS)).await.branch.as_str(), "setai/rooms");
}
