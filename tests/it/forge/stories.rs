//! What happens to proposals, at every forge alike.

use setai::forge::{
    Author, BranchName, Class, Commented, CommitId, Error, LONGEST_BODY, Marker, Proposed, PullRequestState, RepoPath,
    State, Status,
};

use super::stage::{Stage, branch, change, change_with, words};

macro_rules! stories {
    ($($story:ident)*) => {
        stories!(@ github { Stage::served(crate::forge::fake::Play::GitHub).await } $($story)*);
        stories!(@ gitlab { Stage::served(crate::forge::fake::Play::GitLab).await } $($story)*);
        stories!(@ gitea { Stage::served(crate::forge::fake::Play::Gitea).await } $($story)*);
        stories!(@ forgejo { Stage::served(crate::forge::fake::Play::Forgejo).await } $($story)*);
        stories!(@ this_machine { Stage::on_this_machine() } $($story)*);
    };
    (@ $forge:ident { $stage:expr } $($story:ident)*) => {
        mod $forge {
            use super::*;
            $(
                #[tokio::test]
                async fn $story() {
                    super::$story(&$stage).await;
                }
            )*
        }
    };
}

stories! {
    a_proposal_is_one_branch_one_commit_and_one_pull_request
    asked_again_with_something_else_it_is_still_one
    asked_again_with_the_same_nothing_is_written
    a_proposal_follows_its_base
    what_the_base_has_already_needs_no_proposal
    a_file_that_changed_meanwhile_is_a_conflict
    after_a_closed_pull_request_there_is_another_branch
    after_a_merged_pull_request_there_is_another_branch
    a_commit_of_somebody_else_is_left_alone
    a_branch_that_was_left_without_a_pull_request_is_used
    files_are_deleted_and_keep_their_modes
    what_is_no_file_is_not_replaced
    names_and_texts_of_every_kind_arrive
    the_longest_body_is_cut_with_a_note
    a_hostile_text_is_no_order
    the_sticky_comment_is_one_and_says_what_is_true_now
    a_status_is_set_once
    a_pull_request_is_read
    what_is_not_there_is_said
    the_token_is_looked_at
}

const ROOMS: &[(&str, Option<&str>)] =
    &[("guild.yaml", Some("version: 1\nname: Rooms\n")), ("parts/rooms.yaml", Some("channels: {}\n"))];

async fn a_proposal_is_one_branch_one_commit_and_one_pull_request(stage: &Stage) {
    let main = stage.tip("main").expect("a branch");
    let by = Author::new("Ada Lovelace", "ada@example.org").expect("an author");
    let proposal = stage.opened(&change(ROOMS).by(by)).await;
    assert_eq!((proposal.number, proposal.base.as_str(), proposal.branch.as_str()), (1, "main", "setai/rooms"));
    assert_eq!(stage.tip("setai/rooms").as_deref(), Some(proposal.commit.as_str()));
    let (parents, message, author) = stage.last("setai/rooms");
    assert_eq!((parents, author.as_str()), (vec![main.clone()], "Ada Lovelace <ada@example.org>"));
    assert!(message.starts_with("Add rooms\n\nFor everybody.\n\nSetAI-Change: "), "{message}");
    for (path, content) in ROOMS {
        assert_eq!(stage.file("setai/rooms", path).as_deref(), *content);
    }
    assert_eq!(stage.file("setai/rooms", "parts/roles.yaml").as_deref(), Some("roles: {}\n"), "the rest is as it was");
    assert_eq!(stage.says(1), ("Add rooms".to_owned(), "For everybody.".to_owned()));
    assert_eq!(stage.tip("main"), Some(main), "the base branch is the team's");
    assert_eq!(proposal.url.is_some(), stage.fake.is_some());
}

async fn asked_again_with_something_else_it_is_still_one(stage: &Stage) {
    let first = stage.opened(&change(ROOMS)).await;
    let other = [("guild.yaml", Some("version: 1\nname: Others\n"))];
    let again = change_with(&other, words("Name it", "Better.\n\nMuch.", "Name it"));
    let Proposed::Updated(second) = stage.propose(&again).await else { panic!("it is updated") };
    assert_eq!((second.number, &second.branch), (first.number, &first.branch));
    assert_ne!(second.commit, first.commit);
    let (parents, message, _) = stage.last("setai/rooms");
    assert_eq!(parents, [stage.tip("main").expect("a branch")], "one commit, not two");
    assert!(message.starts_with("Name it\n\nSetAI-Change: "), "{message}");
    assert_eq!(stage.file("setai/rooms", "parts/rooms.yaml"), None, "nothing of the first is left");
    assert_eq!(stage.says(1), ("Name it".to_owned(), "Better.\n\nMuch.".to_owned()));
    let title = change_with(&other, words("Call it so", "Better.", "Name it"));
    let Proposed::Updated(third) = stage.propose(&title).await else { panic!("it is updated") };
    assert_eq!(third.commit, second.commit, "other words need no other commit");
    assert_eq!(stage.says(1), ("Call it so".to_owned(), "Better.".to_owned()));
}

async fn asked_again_with_the_same_nothing_is_written(stage: &Stage) {
    let proposal = stage.opened(&change(ROOMS)).await;
    let before = stage.everything();
    for _ in 0..2 {
        assert_eq!(stage.propose(&change(ROOMS)).await, Proposed::Unchanged(proposal.clone()));
    }
    assert_eq!(stage.everything(), before);
}

async fn a_proposal_follows_its_base(stage: &Stage) {
    stage.opened(&change(ROOMS)).await;
    let main = stage.commit("main", &[("other.yaml", Some("x"))]);
    let Proposed::Updated(proposal) = stage.propose(&change(ROOMS)).await else { panic!("it is updated") };
    let (parents, ..) = stage.last("setai/rooms");
    assert_eq!((proposal.number, parents), (1, vec![main.to_string()]));
    assert_eq!(stage.file("setai/rooms", "other.yaml").as_deref(), Some("x"));
    stage.commit("live", &[("guild.yaml", Some("old\n"))]);
    let for_live = change(ROOMS).onto(branch("live"));
    let Proposed::Updated(proposal) = stage.propose(&for_live).await else { panic!("it is updated") };
    assert_eq!((proposal.number, proposal.base.as_str()), (1, "live"), "it is for another branch now");
    let itself = stage.forge.propose(&change(ROOMS).onto(branch("setai/rooms"))).await;
    assert_eq!(itself, Err(Error::OnItself { branch: branch("setai/rooms") }));
}

async fn what_the_base_has_already_needs_no_proposal(stage: &Stage) {
    let before = stage.everything();
    let same = change(&[("guild.yaml", Some("version: 1\n")), ("nowhere.yaml", None)]);
    let Proposed::Already { commit } = stage.propose(&same).await else { panic!("there is nothing to do") };
    assert_eq!(Some(commit.to_string()), stage.tip("main"));
    assert_eq!(stage.everything(), before);
}

async fn a_file_that_changed_meanwhile_is_a_conflict(stage: &Stage) {
    let read_at = CommitId::new(&stage.tip("main").expect("a branch")).expect("an id");
    stage.commit("main", &[("unrelated.yaml", Some("x"))]);
    let based = change(ROOMS).read_at(read_at.clone());
    stage.opened(&based).await;
    let now =
        stage.commit("main", &[("guild.yaml", Some("version: 1\nname: Theirs\n")), ("parts/rooms.yaml", Some("y"))]);
    let before = stage.everything();
    let files = ["guild.yaml", "parts/rooms.yaml"].map(|path| RepoPath::new(path).expect("a path")).to_vec();
    let error = stage.forge.propose(&based).await.expect_err("a conflict");
    assert_eq!(error, Error::Conflict { base: branch("main"), commit: now, files });
    assert!(error.to_string().starts_with("`guild.yaml`, `parts/rooms.yaml` changed on `main`"), "{error}");
    assert_eq!((stage.everything(), error.class()), (before, Class::Stalled));
    stage.commit("main", ROOMS);
    assert!(matches!(stage.propose(&based).await, Proposed::Already { .. }), "they did the same");
    let lost = CommitId::new(&"0".repeat(40)).expect("an id");
    let error = stage.forge.propose(&change(ROOMS).read_at(lost.clone())).await.expect_err("it is gone");
    assert!(matches!(&error, Error::NotFound { what, .. } if *what == format!("commit {lost}")), "{error}");
}

async fn after_a_closed_pull_request_there_is_another_branch(stage: &Stage) {
    let first = stage.opened(&change(ROOMS)).await;
    stage.close(&first);
    let second = stage.opened(&change(ROOMS)).await;
    assert_eq!((second.number, second.branch.as_str()), (2, "setai/rooms-2"));
    assert_eq!(stage.propose(&change(ROOMS)).await, Proposed::Unchanged(second.clone()));
    stage.close(&second);
    let third = stage.opened(&change(ROOMS)).await;
    assert_eq!((third.number, third.branch.as_str()), (3, "setai/rooms-3"));
    let state = stage.forge.pull_request(1).await.expect("it is there").state;
    assert_eq!(state, PullRequestState::Closed, "what somebody closed stays closed");
}

async fn after_a_merged_pull_request_there_is_another_branch(stage: &Stage) {
    let first = stage.opened(&change(ROOMS)).await;
    stage.merge(&first);
    assert!(matches!(stage.propose(&change(ROOMS)).await, Proposed::Already { .. }));
    let other = change(&[("guild.yaml", Some("version: 1\nname: Again\n"))]);
    let second = stage.opened(&other).await;
    assert_eq!((second.number, second.branch.as_str()), (2, "setai/rooms-2"));
    assert_eq!(stage.tip("setai/rooms").as_deref(), Some(first.commit.as_str()), "the merged branch is as it was");
    assert_eq!(stage.forge.pull_request(1).await.expect("it is there").state, PullRequestState::Merged);
    stage.merge(&second);
    stage.world(|world| world.delete_branch("setai/rooms-2"));
    let third = stage.opened(&change(&[("guild.yaml", None)])).await;
    assert_eq!(third.branch.as_str(), "setai/rooms-3", "a branch that was tidied away is not made again");
}

async fn a_commit_of_somebody_else_is_left_alone(stage: &Stage) {
    let proposal = stage.opened(&change(ROOMS)).await;
    let theirs = stage.commit("setai/rooms", &[("guild.yaml", Some("version: 1\nname: Better\n"))]);
    let before = stage.everything();
    for change in [change(ROOMS), change(&[("guild.yaml", None)])] {
        let error = stage.forge.propose(&change).await.expect_err("it is somebody's");
        assert!(matches!(&error, Error::BranchTaken { branch, .. } if *branch == proposal.branch), "{error}");
    }
    assert_eq!(stage.everything(), before);
    assert_eq!(stage.tip("setai/rooms"), Some(theirs.to_string()));
}

async fn a_branch_that_was_left_without_a_pull_request_is_used(stage: &Stage) {
    let main = stage.tip("main").expect("a branch");
    let left = stage.world(|world| {
        let message = "Add rooms\n\nSetAI-Change: 00\n";
        let commit = world.make(world.tip("main"), &[("left.yaml", Some("x"))], message, None).expect("a commit");
        world.set_branch("setai/rooms", commit);
        commit.to_string()
    });
    let proposal = stage.opened(&change(ROOMS)).await;
    assert_eq!((proposal.number, stage.last("setai/rooms").0), (1, vec![main]));
    assert_ne!(proposal.commit.as_str(), left);
    assert_eq!(stage.file("setai/rooms", "left.yaml"), None);
    let theirs = stage.commit("theirs", &[("x.yaml", Some("x"))]);
    let words = words("t", "", "m");
    let file = setai::forge::File { path: RepoPath::new("a.yaml").expect("a path"), content: Some("a".to_owned()) };
    let on_theirs = setai::forge::Change::new(branch("theirs"), vec![file], words).expect("a change");
    assert!(matches!(stage.forge.propose(&on_theirs).await, Err(Error::BranchTaken { .. })));
    assert_eq!(stage.tip("theirs"), Some(theirs.to_string()));
}

async fn files_are_deleted_and_keep_their_modes(stage: &Stage) {
    let files = [
        ("parts/roles.yaml", None),
        ("run.sh", Some("#!/bin/sh\n")),
        ("nothing.yaml", None),
        ("new/deep/a.yaml", Some("")),
    ];
    stage.opened(&change(&files)).await;
    assert_eq!(stage.file("setai/rooms", "parts/roles.yaml"), None);
    assert_eq!(stage.file("setai/rooms", "new/deep/a.yaml").as_deref(), Some(""));
    let mode = stage.world(|world| {
        let git = world.git();
        let commit = git.find_commit(world.tip("setai/rooms").expect("a branch")).expect("a commit");
        commit.tree().expect("a tree").get_name("run.sh").expect("a file").filemode()
    });
    assert_eq!(mode, 0o100_755, "what could be run still can");
}

async fn what_is_no_file_is_not_replaced(stage: &Stage) {
    stage.world(|world| {
        let git = world.git();
        let tip = git.find_commit(world.tip("main").expect("a branch")).expect("a commit");
        let mut tree = git.treebuilder(Some(&tip.tree().expect("a tree"))).expect("a tree");
        tree.insert("link", git.blob(b"/etc/passwd").expect("a blob"), 0o120_000).expect("a link");
        tree.insert("module", tip.id(), 0o160_000).expect("a submodule");
        let tree = tree.write().expect("a tree");
        let commit = world.make_of_tree(Some(tip.id()), tree, "Links\n", None).expect("a commit");
        world.set_branch("main", commit);
    });
    let before = stage.everything();
    for (path, found) in [
        ("link", "a symbolic link"),
        ("link/x", "a symbolic link"),
        ("module", "a submodule"),
        ("module/x", "a submodule"),
        ("parts", "a folder"),
        ("guild.yaml/x", "a file where a folder is needed"),
    ] {
        let error = stage.forge.propose(&change(&[(path, Some("x"))])).await.expect_err(path);
        assert!(matches!(&error, Error::NotAFile { found: named, .. } if *named == found), "{path}: {error}");
    }
    assert_eq!(stage.everything(), before);
}

async fn names_and_texts_of_every_kind_arrive(stage: &Stage) {
    let files = [
        ("gilden/größe 名.yaml", Some("name: \"📢 Ünïcode\"\nquote: \"\\\"'`$&?#%2F\"\n")),
        ("a b/c+d&e=f?g#h%2Fi.yaml", Some("tab:\tx\n\nno line break at the end")),
        ("-rf", Some("--\n")),
    ];
    let said = words(
        "📢 \"Größe\" & <b>\n名",
        "**Fett** | a\u{301}\n\n```yaml\nx: 1\n```",
        "Füge 名 hinzu\n\n\"q\" 'r' $x `y`\n",
    );
    let by = Author::new("Ünï 名", "u@example.org").expect("an author");
    let wanted = change_with(&files, said).by(by);
    let proposal = stage.opened(&wanted).await;
    for (path, content) in files {
        assert_eq!(stage.file("setai/rooms", path).as_deref(), content, "{path}");
    }
    let (_, message, author) = stage.last("setai/rooms");
    assert!(message.starts_with("Füge 名 hinzu\n\n\"q\" 'r' $x `y`\n\nSetAI-Change: "), "{message}");
    assert_eq!(author, "Ünï 名 <u@example.org>");
    assert_eq!(stage.says(1).0, "📢 \"Größe\" & <b> 名");
    assert_eq!(stage.propose(&wanted).await, Proposed::Unchanged(proposal));
    let mut changed = stage.forge.pull_request(1).await.expect("it is there").changed.paths;
    changed.sort();
    let mut expected = files.map(|(path, _)| path.to_owned()).to_vec();
    expected.sort();
    assert_eq!(changed, expected);
}

async fn the_longest_body_is_cut_with_a_note(stage: &Stage) {
    let line = "- a line of a very long plan\n";
    let long = line.repeat(5_000);
    let wanted = change_with(ROOMS, words(&"title ".repeat(100), &long, "m"));
    let proposal = stage.opened(&wanted).await;
    let (title, body) = stage.says(1);
    assert!(title.chars().count() <= 250 && title.ends_with('…'), "{title}");
    assert!(body.chars().count() <= LONGEST_BODY && body.len() > LONGEST_BODY - 500, "{}", body.len());
    assert!(body.ends_with("plan\n\n_The rest is cut: a forge takes no longer text._"));
    assert_eq!(stage.propose(&wanted).await, Proposed::Unchanged(proposal), "it is cut at the same place");
    let marker = Marker::new("plan").expect("a marker");
    assert_eq!(stage.forge.comment(1, &marker, &long).await, Ok(Commented::Created));
    assert_eq!(stage.forge.comment(1, &marker, &long).await, Ok(Commented::Unchanged));
    assert!(stage.comments(1)[0].chars().count() <= LONGEST_BODY);
}

async fn a_hostile_text_is_no_order(stage: &Stage) {
    let body = "Hello\n/approve\n  /close\n/merge now";
    stage.opened(&change_with(ROOMS, words("t", body, "m"))).await;
    assert_eq!(stage.says(1).1, "Hello\n\\/approve\n  \\/close\n\\/merge now");
    let marker = Marker::new("plan").expect("a marker");
    stage.forge.comment(1, &marker, body).await.expect("a comment");
    assert_eq!(stage.comments(1), ["<!-- setai:plan -->\nHello\n\\/approve\n  \\/close\n\\/merge now"]);
}

async fn the_sticky_comment_is_one_and_says_what_is_true_now(stage: &Stage) {
    let number = stage.opened(&change(ROOMS)).await.number;
    let marker = |text: &str| Marker::new(text).expect("a marker");
    let (plan, other) = (marker("plan:7"), marker("plan:77"));
    assert_eq!(stage.forge.comment(number, &plan, "One change.").await, Ok(Commented::Created));
    assert_eq!(stage.forge.comment(number, &other, "Another.").await, Ok(Commented::Created));
    let before = stage.everything();
    assert_eq!(stage.forge.comment(number, &plan, "One change.\n").await, Ok(Commented::Unchanged));
    assert_eq!(stage.everything(), before);
    assert_eq!(stage.forge.comment(number, &plan, "Two changes.").await, Ok(Commented::Updated));
    assert_eq!(stage.comments(number), ["<!-- setai:plan:7 -->\nTwo changes.", "<!-- setai:plan:77 -->\nAnother."]);
}

async fn a_status_is_set_once(stage: &Stage) {
    let proposal = stage.opened(&change(ROOMS)).await;
    let status = |state: State, description: &str, url: Option<&str>| Status {
        state,
        context: "setai/plan".to_owned(),
        description: description.to_owned(),
        url: url.map(str::to_owned),
    };
    for state in [State::Pending, State::Success, State::Failure, State::Error] {
        for url in [None, Some("https://setai.example/plan/1")] {
            let status = status(state, &format!("{state:?}\nnow"), url);
            stage.forge.status(&proposal.commit, &status).await.expect("it is set");
            let before = stage.everything().1;
            stage.forge.status(&proposal.commit, &status).await.expect("it is set");
            assert_eq!(stage.everything().1, before, "{status:?}");
        }
    }
    let long = status(State::Success, &"word ".repeat(100), None);
    stage.forge.status(&proposal.commit, &long).await.expect("it is cut");
    let other = Status { context: "setai/other".to_owned(), ..status(State::Pending, "", None) };
    stage.forge.status(&proposal.commit, &other).await.expect("it is another");
}

async fn a_pull_request_is_read(stage: &Stage) {
    let proposal =
        stage.opened(&change(&[("parts/roles.yaml", None), ("b.yaml", Some("b")), ("a.yaml", Some("a"))])).await;
    stage.commit("main", &[("later.yaml", Some("x"))]);
    let pull = stage.forge.pull_request(proposal.number).await.expect("it is there");
    assert_eq!((pull.number, pull.state, pull.title.as_str()), (1, PullRequestState::Open, "Add rooms"));
    assert_eq!((pull.base.as_str(), pull.head.branch.as_str()), ("main", "setai/rooms"));
    assert_eq!((pull.head.commit, pull.head.is_fork), (proposal.commit, false));
    assert_eq!(pull.changed.paths, ["a.yaml", "b.yaml", "parts/roles.yaml"]);
    assert!(pull.changed.is_complete && !pull.author.is_empty());
}

async fn what_is_not_there_is_said(stage: &Stage) {
    let not_found = |error: Error, words: &str| {
        assert!(matches!(&error, Error::NotFound { what, .. } if what.contains(words)), "{error}");
        assert!(error.to_string().contains("looks as if it were not there"), "{error}");
        assert_eq!(error.class(), Class::Stalled);
    };
    not_found(stage.forge.pull_request(99).await.expect_err("none"), "99");
    let marker = Marker::new("plan").expect("a marker");
    not_found(stage.forge.comment(99, &marker, "x").await.expect_err("none"), "99");
    let elsewhere = change(ROOMS).onto(BranchName::new("nowhere").expect("a name"));
    not_found(stage.forge.propose(&elsewhere).await.expect_err("none"), "`nowhere`");
}

async fn the_token_is_looked_at(stage: &Stage) {
    let before = stage.everything();
    let permitted = stage.forge.permitted().await.expect("it works");
    assert_eq!((permitted.default_branch.as_str(), permitted.missing.len()), ("main", 0));
    assert_eq!(permitted.account.is_some(), stage.fake.is_some());
    assert_eq!(stage.everything(), before);
}
