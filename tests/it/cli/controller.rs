//! `setai run` and what people say to it, each as a process of its own.

use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::support::git::Repository;
use crate::support::terminal::{Terminal, finished, ran};

const LAYOUT: &str = "
roles: { crew: { name: Crew, permissions: [send_messages] } }
categories: { hall: { channels: { news: { topic: What is new }, chat: {} } } }
";

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_kept_equal_and_people_are_asked_before_anything_is_destroyed() {
    let terminal = Terminal::new().await;
    terminal.run(&["status"]).await.works(&["No guild was looked after yet"]);
    terminal.run(&["approve"]).await.works(&["No plan waits"]);
    terminal.write("m/guild.yaml", LAYOUT);
    terminal.run(&["run", "m", "--once"]).await.works(&["ready: 4 changes were made", "+ role Crew"]);
    terminal.run(&["run", "m", "--once"]).await.works(&["ready: the guild is as the manifest says"]);
    terminal.run(&["status"]).await.works(&[&terminal.guild.to_string(), "ready", "InOrder"]);

    let policy = "policy: { on_remove: delete, max_deletions: 100% }\n";
    terminal.write("m/guild.yaml", &format!("{policy}{}", LAYOUT.replace(", chat: {}", "")));
    terminal.run(&["run", "m", "--once"]).await.fails(4, &["waiting for approval", "- hall / #chat"]);
    let listed = terminal.run(&["approve"]).await;
    let digest = listed.out.split_whitespace().next().expect("a digest").to_owned();
    terminal.run(&["approve", &digest]).await.fails(3, &["nobody can be asked here"]);
    terminal.run(&["approve", &digest, "--yes"]).await.works(&["gone for ever", "Approved."]);
    terminal.run(&["approve", &digest, "--yes"]).await.fails(3, &["waits no more"]);
    terminal.run(&["run", "m", "--once"]).await.works(&["ready: one change was made"]);
    terminal.run(&["approve", "nothing"]).await.fails(3, &["no plan whose digest begins with"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guild_is_suspended_and_resumed() {
    let terminal = Terminal::new().await;
    let guild = terminal.guild.to_string();
    terminal.write("m/guild.yaml", LAYOUT);
    terminal.run(&["run", "m", "--once"]).await.works(&[]);
    terminal.run(&["suspend", &guild, "--reason", "spring cleaning"]).await.works(&["is left alone"]);
    let run = terminal.run(&["run", "m", "--once", "--json"]).await;
    let last: Value = run.out.lines().last().and_then(|line| serde_json::from_str(line).ok()).expect("JSON");
    assert_eq!(last["guild"]["standing"]["state"], "suspended", "{run:#?}");
    assert_eq!(run.code, 4);
    terminal.run(&["resume", &guild]).await.works(&["is looked after again"]);
    terminal.run(&["resume", &guild]).await.works(&["was not suspended"]);
    terminal.run(&["run", "m", "--once"]).await.works(&["ready"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_that_hold_nothing_are_a_problem_and_not_an_empty_guild() {
    let terminal = Terminal::new().await;
    terminal.run(&["run", "nowhere", "--once"]).await.fails(4, &["nowhere"]);
    terminal.write("m/guild.yaml", LAYOUT);
    terminal.run(&["run", "m", "--once"]).await.works(&[]);
    terminal.simulator.forget_requests();
    std::fs::write(terminal.path("m/guild.yaml"), "roles: 7\n").expect("a file");
    terminal.run(&["run", "m", "--once"]).await.fails(4, &["guild"]);
    let writes = terminal.simulator.requests().iter().filter(|request| request.is_write()).count();
    assert_eq!(writes, 0);
    terminal.run(&["run", "m", "m", "--once"]).await.fails(1, &["is named twice"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_never_answers_does_not_keep_the_process_from_ending() {
    let terminal = Terminal::new().await;
    let repository = Repository::new();
    // Whoever opens a pipe waits until somebody writes into it, and nobody does.
    let pipe = Command::new("mkfifo").arg(repository.bare().join("packed-refs")).status();
    assert!(pipe.is_ok_and(|made| made.success()));
    let source = format!("name: guilds, git: {}, guilds: all, timeout: 1s", repository.bare().display());
    std::fs::write(terminal.path("setai.yaml"), format!("version: 1\nsources: [{{ {source} }}]\n")).expect("a file");
    let mut command = tokio::process::Command::from(terminal.command(&["--config", "setai.yaml", "run", "--once"]));
    let ending = tokio::time::timeout(Duration::from_secs(60), command.kill_on_drop(true).output()).await;
    let output = ending.expect("the process ends").expect("a process");
    ran(&output).fails(4, &["guilds", "did not give everything within 1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_that_are_named_replace_the_sources_of_the_operators_file_and_nothing_else() {
    let (terminal, guilds) = Terminal::of_guilds(3).await;
    for (name, guild) in ["a", "b", "c"].iter().zip(&guilds) {
        let text = format!("version: 1\nguild: \"{guild}\"\nroles: {{ crew: {{}} }}\n");
        std::fs::create_dir_all(terminal.path("m")).expect("a folder");
        std::fs::write(terminal.path(&format!("m/{name}.yaml")), text).expect("a file");
    }
    let guilds = format!(
        "guilds:\n  \"{}\": {{ suspended: true }}\n  \"{}\": {{ path: elsewhere }}\n  \"{}\": {{}}\n",
        guilds[0], guilds[1], guilds[2]
    );
    let sources = "sources: [{ name: gone, directory: gone, guilds: all }]\n";
    for (file, arguments) in [
        (format!("{sources}{guilds}"), &["--config", "setai.yaml", "run", "m", "--once"][..]),
        (guilds, &["--config", "../setai.yaml", "run", "--once"]),
    ] {
        std::fs::write(terminal.path("setai.yaml"), file).expect("a file");
        let mut command = terminal.command(arguments);
        if arguments[1].starts_with("..") {
            command.current_dir(terminal.path("m"));
        }
        let run = finished(command).await;
        run.fails(4, &["says to leave this guild alone", "for which the configuration names `elsewhere`", "ready"]);
        assert!(!run.out.contains("gone"), "{run:#?}");
    }
    let made = terminal.simulator.requests().iter().filter(|request| request.is_write()).count();
    assert_eq!(made, 1, "only the guild that nobody decided anything about has its role, once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_cannot_be_right_does_not_end_the_others() {
    let terminal = Terminal::new().await;
    terminal.write("m/guild.yaml", LAYOUT);
    let sources = "sources:\n- { name: bad, git: \"git@git.example:guilds.git\", guilds: [\"11\"] }\n- { name: good, directory: \
                   m, guilds: all }\n";
    std::fs::write(terminal.path("setai.yaml"), sources).expect("a file");
    let run = terminal.run(&["--config", "setai.yaml", "run", "--once"]).await;
    run.fails(
        4,
        &["the source `bad`", "name the file of a private key, or an SSH agent", "ready: 4 changes were made"],
    );
}
