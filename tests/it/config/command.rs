//! `setai config`, and the file in front of every other command.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::git::Repository;
use crate::support::terminal::{Terminal, finished};

fn write(terminal: &Terminal, name: &str, text: &str) {
    std::fs::write(terminal.path(name), text).expect("a file");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_sees_what_is_in_force() {
    let terminal = Terminal::new().await;
    write(&terminal, "token", "hunter2-token");
    write(&terminal, "setai.yaml", "discord: { token_file: token }\nworkers: 9\n");
    let ran = terminal.run(&["config", "check", "setai.yaml"]).await;
    ran.works(&["token: (set)", "workers: 9", "interval: 10m", "`database` is what a flag or the environment says"]);
    let ran = terminal.run(&["config", "check", "setai.yaml", "--json"]).await;
    let json: Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!(json["in_force"]["workers"], 9);
    assert!(!ran.out.contains("hunter2"), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_with_problems_is_refused_with_all_of_them() {
    let terminal = Terminal::new().await;
    write(&terminal, "setai.yaml", "workrs: 9\ndrift: { jitter: much }\n");
    let problems = ["did you mean `workers`?", "--> setai.yaml:1:1", "`much` is not a share", "2 problem(s)"];
    terminal.run(&["config", "check", "setai.yaml"]).await.fails(1, &problems);
    let ran = terminal.run(&["config", "check", "setai.yaml", "--json"]).await;
    let json: Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!((json["problems"][1]["line"].as_u64(), ran.code), (Some(2), 1));
    terminal
        .run(&["--config", "setai.yaml", "history"])
        .await
        .fails(1, &["has 2 problem(s)", "did you mean `workers`?"]);
    terminal.run(&["--config", "nowhere.yaml", "history"]).await.fails(1, &["`nowhere.yaml` cannot be read"]);
    terminal.run(&["config", "check"]).await.fails(1, &["no file is named"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_finds_discord_and_the_database_in_the_file() {
    let terminal = Terminal::new().await;
    let mut command = terminal.command(&["--config", "setai.yaml", "doctor"]);
    let address =
        command.get_envs().find(|(name, _)| *name == "SETAI_DISCORD_URL").and_then(|(_, value)| value?.to_str());
    let address = address.expect("an address").to_owned();
    let text = format!("discord: {{ url: \"{address}\", token_file: token }}\ndatabase: sqlite:from-the-file.db\n");
    write(&terminal, "token", "a-token");
    write(&terminal, "setai.yaml", &text);
    command.env_remove("DISCORD_TOKEN").env_remove("SETAI_DISCORD_URL").env_remove("SETAI_DATABASE_URL");
    finished(command).await.works(&["Rust Study Group"]);
    assert!(terminal.folder.path().join("from-the-file.db").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_file_is_printed() {
    let terminal = Terminal::new().await;
    terminal.run(&["config", "example"]).await.works(&["token_file: secrets/discord-token"]);
    terminal.run(&["config", "schema"]).await.works(&["The configuration of SetAI, version 1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_logged_is_what_the_environment_or_the_file_says() {
    let terminal = Terminal::new().await;
    terminal.write("m/guild.yaml", "roles: { crew: {} }\n");
    let logged = async |level: &str, variable: &str, arguments: &[&str]| {
        write(&terminal, "setai.yaml", &format!("logs: {{ format: json{level} }}\n"));
        let mut command = terminal.command(&[&["--config", "setai.yaml"], arguments].concat());
        command.env("SETAI_LOG", variable);
        let ran = finished(command).await;
        let records = ran.err.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let levels: BTreeSet<String> =
            records.filter_map(|record| Some(record["level"].as_str()?.to_owned())).collect();
        levels.into_iter().collect::<Vec<_>>().join(" ")
    };
    let plan = ["plan", "m"];
    assert_eq!(logged("", "", &plan).await, "", "commands that end say what there is to say");
    assert!(logged(", level: debug", "", &plan).await.contains("DEBUG"), "the file asks for it");
    assert_eq!(logged(", level: debug", "off", &plan).await, "", "the environment wins");
    assert!(logged("", "debug", &plan).await.contains("DEBUG"), "the environment asks for it");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_controller_logs_what_is_worth_knowing_unless_the_file_says_otherwise() {
    let terminal = Terminal::new().await;
    let repository = Repository::new();
    repository.write("guild.yaml", format!("version: 1\nguild: \"{}\"\nroles: {{ crew: {{}} }}\n", terminal.guild));
    let revision = repository.push("Say who is there");
    let logged = async |level: &str| {
        let source = format!("sources: [{{ name: here, git: \"{}\", guilds: all }}]\n", repository.bare().display());
        write(&terminal, "setai.yaml", &format!("logs: {{ format: json{level} }}\n{source}"));
        let ran = terminal.run(&["--config", "setai.yaml", "run", "--once"]).await;
        ran.works(&["ready"]);
        ran.err
    };
    let err = logged("").await;
    assert!(err.contains("a new revision") && err.contains(&revision), "{err}");
    let err = logged(", level: warn").await;
    assert!(!err.contains("a new revision"), "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_every_command_would_refuse_is_said_by_the_check() {
    let terminal = Terminal::new().await;
    let cases = [
        (
            format!("sources: [{{ name: here, git: \"https://h/x\", commit: {}, guilds: all }}]\n", "a".repeat(64)),
            "40 digits",
        ),
        ("sources: [{ name: here, git: \"git@h:x\", guilds: all }]\n".to_owned(), "name the file of a private key"),
    ];
    for (text, why) in cases {
        write(&terminal, "setai.yaml", &text);
        terminal.run(&["config", "check", "setai.yaml"]).await.fails(1, &["the source `here` cannot be used", why]);
    }
    write(&terminal, "setai.yaml", "database: \"foo:hunter2\"\nredis: \"foo:hunter2\"\n");
    let mut command = terminal.command(&["config", "check", "setai.yaml", "--json"]);
    command.env_remove("SETAI_DATABASE_URL");
    let ran = finished(command).await;
    let json: Value = serde_json::from_str(&ran.out).expect("JSON");
    let unusable: Vec<_> =
        json["unusable"].as_array().expect("a list").iter().map(|it| it["setting"].as_str()).collect();
    assert_eq!((unusable, ran.code), (vec![Some("`database`"), Some("`redis`")], 1), "{ran:#?}");
    assert!(!ran.out.contains("hunter2"), "{ran:#?}");
}
