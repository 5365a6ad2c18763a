//! Forges that do not take what is proposed. Everything is as before then, and the button is still there: the same press does it
//! once somebody put it right.

use rstest::rstest;
use setai::store::CommandStatus;

use super::super::office::{HALL, Seen};
use super::super::teams::Team;
use super::{OPEN, changes, failed_with, offers, says, wishes};
use crate::forge::fake::{Play, Token, Wrong};
use crate::forge::stage::Stage;
use crate::support::git::Repository;

const WISH: &str = "add a text channel lounge to hall";

/// More often than anybody asks before giving up.
const EVERY_TIME: u32 = 4;

fn instead(status: u16, message: &str) -> Wrong {
    let body = format!("{{\"message\":\"{message}\"}}");
    Wrong::Instead { status, headers: Vec::new(), body }
}

impl Team {
    /// Everything at the forge, and how often Discord was changed.
    fn everything(&self) -> (String, usize) {
        (self.forge.world(|world| world.digest()), changes(&self.office))
    }

    async fn presses(&self, seen: &Seen) -> Seen {
        self.office.presses(self.office.moderator, seen, OPEN).await
    }

    /// Somebody presses the button; it fails and says this, and nothing is other than before. Gives the answer, which still has the
    /// button.
    async fn fails(&self, seen: &Seen, words: &[&str], why: &str) -> Seen {
        let before = self.everything();
        let failed = self.presses(seen).await;
        says(&failed, &["That did not work"]);
        says(&failed, words);
        assert_eq!(self.everything(), before, "nothing is half-done");
        failed_with(&self.office, why).await;
        failed
    }

    /// The same button does it now: one branch, one pull request.
    async fn works(&self, failed: &Seen) {
        says(failed, &["press the button again"]);
        let opened = self.presses(failed).await;
        says(&opened, &["Proposed: add a text channel lounge", "The pull request"]);
        assert_eq!((self.forge.pulls(), self.proposals().len()), (1, 1), "there is one of each");
        let last = self.office.recorded().await.remove(0);
        assert_eq!((last.status, last.error.as_deref()), (CommandStatus::Completed, None));
    }

    /// Branches of proposals.
    fn proposals(&self) -> Vec<String> {
        self.forge.world(|world| {
            let git = world.git();
            let names = git.references_glob("refs/heads/setai/*").expect("branches");
            names.map(|found| found.expect("a branch").shorthand().expect("text").to_owned()).collect()
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forge_that_is_away_is_asked_again_by_the_same_button() {
    let team = Team::at(Play::GitHub).await;
    let shown = wishes(&team.office, WISH).await;
    team.forge.fault("GET", "", EVERY_TIME, instead(502, "Bad gateway"));
    let words = ["is away", "Press the button again in a few minutes"];
    let failed = team.fails(&shown, &words, "is away").await;
    let opened = team.presses(&failed).await;
    says(&opened, &["Proposed: add a text channel lounge"]);
    assert_eq!((team.forge.pulls(), team.proposals().len()), (1, 1), "there is one of each");
}

/// The branch is written, and then the forge is away.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_begun_is_gone_on_with() {
    let team = Team::at(Play::GitHub).await;
    let shown = wishes(&team.office, WISH).await;
    let discord = changes(&team.office);
    team.forge.fault("POST", "/pulls", EVERY_TIME, instead(503, "Down for maintenance"));
    let failed = team.presses(&shown).await;
    let why = "may have done what was asked";
    says(&failed, &["That did not work", why, "othing is made twice"]);
    let left = (team.forge.pulls(), team.proposals().len());
    assert_eq!(left, (0, 1), "as the forge layer says: a branch that the next proposal uses");
    failed_with(&team.office, why).await;
    let opened = team.presses(&failed).await;
    says(&opened, &["Proposed: add a text channel lounge"]);
    assert_eq!((team.forge.pulls(), team.proposals().len()), (1, 1), "nothing is made twice");
    assert_eq!(changes(&team.office), discord, "nothing reaches Discord");
}

/// The branch is written, the pull request is refused, and the branch is taken away again.
#[rstest]
#[case(Play::GitHub, "pull_requests=write")]
#[case(Play::GitLab, "put it into the token's file")]
#[case(Play::Gitea, "write:")]
#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_may_open_no_pull_request_leaves_no_branch(#[case] play: Play, #[case] needed: &str) {
    let team = Team::at(play).await;
    let shown = wishes(&team.office, WISH).await;
    team.forge.fake().lock().token = Token::NoPulls;
    let words = ["may not open and change pull requests", "When you or the operator have put that right"];
    let failed = team.fails(&shown, &words, needed).await;
    assert_eq!((team.forge.pulls(), team.proposals().len()), (0, 0), "nothing is left behind");
    team.forge.fake().lock().token = Token::Good;
    team.works(&failed).await;
}

/// The branch cannot be taken away either.
#[tokio::test(flavor = "multi_thread")]
async fn a_branch_that_is_left_is_named() {
    let team = Team::at(Play::GitHub).await;
    let shown = wishes(&team.office, WISH).await;
    team.forge.fake().lock().token = Token::NoPulls;
    team.forge.fault("DELETE", "", 1, instead(403, "Cannot delete this branch"));
    let failed = team.presses(&shown).await;
    let [branch] = &team.proposals()[..] else { panic!("one branch: {:?}", team.proposals()) };
    says(&failed, &["may not open and change pull requests", "the branch", "is left there; delete it, or ask again"]);
    failed_with(&team.office, &format!("the branch `{branch}` is left there")).await;
    team.forge.fake().lock().token = Token::Good;
    team.works(&failed).await;
}

#[rstest]
#[case(Play::GitHub, "contents=write")]
#[case(Play::GitLab, "put it into the token's file")]
#[case(Play::Gitea, "write:")]
#[tokio::test(flavor = "multi_thread")]
async fn a_token_without_rights_says_which_it_needs(#[case] play: Play, #[case] needed: &str) {
    let team = Team::at(play).await;
    let shown = wishes(&team.office, WISH).await;
    team.forge.fake().lock().token = Token::ReadOnly;
    let words = ["may not write branches and commits", "When you or the operator have put that right"];
    let failed = team.fails(&shown, &words, needed).await;
    team.forge.fake().lock().token = Token::Revoked;
    let words = ["does not take the token", "expired or was revoked", "When you or the operator have put that right"];
    let failed = team.fails(&failed, &words, "make another at").await;
    team.forge.fake().lock().token = Token::Good;
    team.works(&failed).await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_keeps_branches_is_named(#[values(Play::GitHub, Play::GitLab, Play::Forgejo)] play: Play) {
    let team = Team::at(play).await;
    let shown = wishes(&team.office, WISH).await;
    team.forge.world(|world| world.protected.push("setai/*".to_owned()));
    let words = ["is protected", "leave branches of this name out of the rule"];
    let failed = team.fails(&shown, &words, "is protected").await;
    team.forge.world(|world| world.protected.clear());
    team.works(&failed).await;
}

/// The manifest is read from a mirror that lags behind the forge.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_changed_at_the_forge_is_a_conflict() {
    let (mirror, truth) = (Repository::empty(), Repository::empty());
    let forge = Stage::in_front_of(Play::GitHub, &truth.bare()).await;
    let team = Team::of(Play::GitHub, forge, mirror).await;
    team.office.repository.git(&["push", "-q", "--force", &truth.bare().display().to_string(), "HEAD:refs/heads/main"]);
    let shown = wishes(&team.office, WISH).await;
    let theirs = team.manifest(|hall| hall.replace("What is new", "Theirs"));
    team.forge.commit("main", &[("guild.yaml", Some(&theirs))]);
    let words = ["guild.yaml", "changed on", "nothing was written", "Use `/setai propose` again"];
    let failed = team.fails(&shown, &words, "changed on `main`").await;
    assert!(!offers(&failed, OPEN), "it would be the same again: {failed:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_of_somebody_else_on_the_branch_is_left_alone() {
    let team = Team::at(Play::GitHub).await;
    let shown = wishes(&team.office, WISH).await;
    team.presses(&shown).await;
    let branch = team.proposals().remove(0);
    let theirs = team.manifest(|hall| hall.replace("What is new", "Theirs"));
    team.forge.commit(&branch, &[("guild.yaml", Some(&theirs))]);
    let again = wishes(&team.office, WISH).await;
    let words = ["a commit that is not of SetAI", "nothing was written", "merge or delete the branch"];
    team.fails(&again, &words, "not of SetAI").await;
}

/// Main and the pull request change the same lines, so that nobody could merge it.
#[tokio::test(flavor = "multi_thread")]
async fn a_pull_request_that_cannot_be_merged_any_more_is_mended_by_asking_again() {
    let team = Team::at(Play::GitHub).await;
    let shown = wishes(&team.office, WISH).await;
    team.presses(&shown).await;
    team.office.commits(&HALL.replace("What is new", "Other")).await;
    let again = wishes(&team.office, WISH).await;
    let opened = team.presses(&again).await;
    says(&opened, &["It was open already and has the new change now"]);
    let [branch] = &team.proposals()[..] else { panic!("one branch: {:?}", team.proposals()) };
    let main = team.forge.tip("main").expect("a branch");
    assert_eq!(
        (team.forge.pulls(), team.forge.last(branch).0),
        (1, vec![main]),
        "one commit on top of what is there now"
    );
    let manifest = team.forge.file(branch, "guild.yaml").expect("a file");
    assert!(manifest.contains("Other") && manifest.contains("lounge"), "{manifest}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proposal_that_is_outdated_is_not_opened() {
    let team = Team::at(Play::GitHub).await;
    let shown = wishes(&team.office, WISH).await;
    team.office.commits(&HALL.replace("chat: {}", "chat: {}, lounge: {}")).await;
    let before = team.forge.everything();
    let refused = team.presses(&shown).await;
    says(&refused, &["The manifest changed since this was shown", "Use `/setai propose` again"]);
    assert_eq!(team.forge.everything(), before);
    failed_with(&team.office, "changed since this was shown").await;
}
