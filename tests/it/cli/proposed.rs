//! From a sentence typed at a command line to the guild, by way of a branch that somebody merges. Nothing is configured but git.

use std::process::Command;

use crate::support::git::Repository;
use crate::support::terminal::Terminal;

use super::LAYOUT;

const REQUEST: &str = "Add a text channel lounge to study with the topic Sit down";

/// What git says in the folder somebody works in.
fn git(terminal: &Terminal, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command.arg("-C").arg(terminal.folder.path()).args(arguments);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", terminal.folder.path());
    let output = command.output().expect("git");
    assert!(output.status.success(), "git {arguments:?}: {output:?}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn topic_of_the_lounge(terminal: &Terminal) -> Option<String> {
    terminal.simulator.with_world(|world| {
        let guild = world.guilds.get(&terminal.guild).expect("the guild");
        guild.channel_named("lounge").and_then(|channel| channel.topic.clone())
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sentence_becomes_a_branch_and_what_is_merged_is_applied_and_audited_with_the_askers_name() {
    let terminal = Terminal::new().await;
    terminal.write("guild.yaml", LAYOUT);
    git(&terminal, &["init", "-q", "-b", "main"]);
    git(&terminal, &["config", "user.name", "Ann"]);
    git(&terminal, &["config", "user.email", "ann@example.org"]);
    git(&terminal, &["add", "guild.yaml"]);
    git(&terminal, &["commit", "-q", "-m", "Begin"]);
    terminal.run(&["apply", ".", "--auto-approve"]).await.works(&["equals its manifest"]);

    let proposed = terminal.run(&["propose", REQUEST, ".", "--write", "--branch", "setai/lounge"]).await;
    proposed.works(&["+ channels.lounge in study", "+ study / #lounge", "setai/lounge"]);
    assert_eq!(topic_of_the_lounge(&terminal), None, "nothing reaches Discord before it is merged");
    let commit = git(&terminal, &["log", "-1", "--format=%an%n%B", "setai/lounge"]);
    assert!(commit.starts_with("Ann\n") && commit.contains("lounge"), "{commit}");
    assert_eq!(git(&terminal, &["log", "--format=%s"]), "Begin", "the branch somebody works on stays as it was");

    git(&terminal, &["merge", "-q", "setai/lounge"]);
    terminal.run(&["apply", ".", "--auto-approve"]).await.works(&["equals its manifest"]);
    assert_eq!(topic_of_the_lounge(&terminal).as_deref(), Some("Sit down"));
    let guild = terminal.guild.to_string();
    let trail = terminal.run(&["audit", "list", "--guild", &guild, "--actor", "ann"]).await;
    trail.works(&["lounge", "ann"]);
    terminal.run(&["plan", ".", "--detailed-exitcode"]).await.works(&["Nothing to do."]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_of_this_machine_is_a_forge_by_itself() {
    let (terminal, repository) = (Terminal::new().await, Repository::empty());
    repository.write("guild.yaml", format!("version: 1\nguild: \"{}\"\n{LAYOUT}", terminal.guild));
    repository.push("Begin");
    let source = format!("sources: [{{ name: main, git: \"{}\", guilds: all }}]", repository.bare().display());
    std::fs::write(terminal.path("setai.yaml"), format!("version: 1\n{source}\n")).expect("a file");
    let run = ["--config", "setai.yaml", "run", "--once"];
    terminal.run(&run).await.works(&[]);

    let propose = ["--config", "setai.yaml", "propose", REQUEST, "--pr", "--write"];
    let proposed = terminal.run(&propose).await;
    proposed
        .works(&["+ channels.lounge in study", "is opened. Merging it is `git merge setai/add-a-text-channel-lounge-"]);
    terminal.run(&propose).await.works(&["is unchanged"]);
    let branch = repository.git_bare(&["branch", "--list", "setai/*", "--format=%(refname:short)"]);
    let commit = repository.git_bare(&["log", "-1", "--format=%an%n%B", &branch]);
    assert!(commit.starts_with("ann\nAdd a text channel lounge") && commit.contains("Asked-by: ann"), "{commit}");
    terminal.run(&run).await.works(&[]);
    assert_eq!(topic_of_the_lounge(&terminal), None, "nothing reaches Discord before it is merged");

    repository.git(&["fetch", "-q", "origin"]);
    repository.git(&["merge", "-q", "--no-ff", "--no-edit", &format!("origin/{branch}")]);
    repository.git(&["push", "-q", "origin", "HEAD"]);
    terminal.run(&run).await.works(&[]);
    assert_eq!(topic_of_the_lounge(&terminal).as_deref(), Some("Sit down"));
}
