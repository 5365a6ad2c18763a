//! A repository of this machine that somebody works in.

use git2::Repository;
use setai::forge::{BranchName, Error, Marker, Proposed, PullRequestState, open_local};

use super::stage::{Stage, change, clock};

const ROOMS: &[(&str, Option<&str>)] = &[("guild.yaml", Some("version: 1\nname: Rooms\n"))];

/// A work tree of its own, cloned from the stage's repository, with a file somebody is at.
fn workplace(stage: &Stage, folder: &tempfile::TempDir) -> Repository {
    let path = folder.path().join("work");
    let git = Repository::clone(stage.path().to_str().expect("a path"), &path).expect("a clone");
    std::fs::write(path.join("guild.yaml"), "half-written").expect("a file");
    git
}

fn state(git: &Repository) -> (Option<git2::Oid>, Vec<(String, git2::Status)>, String) {
    let statuses = git.statuses(None).expect("statuses");
    let statuses = statuses.iter().map(|entry| (entry.path().expect("text").to_owned(), entry.status()));
    let work = std::fs::read_to_string(git.workdir().expect("a work tree").join("guild.yaml")).expect("a file");
    (git.head().expect("a branch").target(), statuses.collect(), work)
}

#[tokio::test]
async fn whoever_works_there_is_not_disturbed() {
    let (stage, folder) = (Stage::on_this_machine(), tempfile::tempdir().expect("a folder"));
    let git = workplace(&stage, &folder);
    let before = state(&git);
    let forge = open_local(git.workdir().expect("a work tree"), clock()).expect("a repository");
    let main = || BranchName::new("main").expect("a name");
    let Ok(Proposed::Opened(proposal)) = forge.propose(&change(ROOMS)).await else { panic!("it is opened") };
    assert_eq!(state(&git), before, "neither the work tree nor the index nor the branch");
    let tip = git.find_reference("refs/heads/setai/rooms").expect("a branch").target().expect("a commit");
    assert_eq!(tip.to_string(), proposal.commit.as_str());
    for work in ["here", "in another work tree"] {
        match work {
            "here" => git.set_head("refs/heads/setai/rooms").expect("it is checked out"),
            _ => {
                git.set_head("refs/heads/main").expect("it is checked out");
                let reference = git.find_reference("refs/heads/setai/rooms").expect("a branch");
                let mut options = git2::WorktreeAddOptions::new();
                options.reference(Some(&reference));
                git.worktree("other", &folder.path().join("other"), Some(&options)).expect("a work tree");
            }
        }
        let error = forge.propose(&change(&[("guild.yaml", None)]).onto(main())).await.expect_err(work);
        assert!(matches!(&error, Error::Protected { why, .. } if why == "it is checked out"), "{work}: {error}");
        assert_eq!(git.find_reference("refs/heads/setai/rooms").expect("a branch").target(), Some(tip), "{work}");
    }
}

#[tokio::test]
async fn a_plain_merge_is_known_wherever_the_branch_is() {
    let stage = Stage::on_this_machine();
    let first = stage.opened(&change(ROOMS)).await;
    stage.world(|world| world.set_branch("main", world.tip("setai/rooms").expect("a branch")));
    let read = |number| stage.forge.pull_request(number);
    assert_eq!(read(1).await.expect("it is there").state, PullRequestState::Merged, "it was fast-forwarded");
    stage.world(|world| world.delete_branch("setai/rooms"));
    let pull = read(1).await.expect("it is there");
    assert_eq!((pull.state, pull.head.commit), (PullRequestState::Merged, first.commit), "and tidied away");
}

#[tokio::test]
async fn what_is_kept_can_be_read_with_git() {
    let stage = Stage::on_this_machine();
    let number = stage.opened(&change(ROOMS)).await.number;
    stage.forge.comment(number, &Marker::new("plan").expect("a marker"), "One change.").await.expect("a comment");
    let record = stage.record(number);
    assert_eq!((record["branch"].as_str(), record["base"].as_str()), (Some("setai/rooms"), Some("main")));
    assert_eq!(record["comments"][0]["body"], "<!-- setai:plan -->\nOne change.");
    let branches = stage.world(|world| {
        let git = world.git();
        let names = git.branches(None).expect("branches").map(|found| found.expect("a branch").0);
        names.map(|branch| branch.name().expect("text").map(str::to_owned)).collect::<Vec<_>>()
    });
    assert_eq!(branches.len(), 2, "{branches:?}: the records are no branch");
}

#[tokio::test]
async fn two_at_once_keep_both_records() {
    let stage = Stage::on_this_machine();
    let number = stage.opened(&change(ROOMS)).await.number;
    let marker = |text: &str| Marker::new(text).expect("a marker");
    let comment = |name: &'static str| {
        let forge = stage.forge.clone();
        tokio::spawn(async move { forge.comment(number, &marker(name), name).await })
    };
    let all = ["a", "b", "c", "d"].map(comment);
    for one in all {
        one.await.expect("nobody panics").expect("a comment");
    }
    assert_eq!(stage.comments(number).len(), 4);
}

#[test]
fn a_folder_without_a_repository_is_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let error = open_local(folder.path(), clock()).map(|forge| forge.describe()).expect_err("there is none");
    assert!(matches!(&error, Error::Git { why, .. } if why.starts_with("git cannot open it")), "{error}");
}
