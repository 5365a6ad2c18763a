//! The command line as people and scripts use it, bad input above all: a clear message with the next step, the right exit
//! code, nothing lost, and the next run carries on.

mod bad_database;
mod controller;
#[cfg(unix)]
mod full_disk;
mod propose;
mod proposed;
mod running;
mod server;
#[cfg(unix)]
mod simulated;
mod told;

use std::process::{Command, Stdio};

use serde_json::{Value, json};
use setai::simulator::Act;
use setai::simulator::faults::{Fault, Faults, Rule};
use setai::simulator::world::{Bits, World};

use crate::support::mariadb::TestDatabase;
use crate::support::terminal::{Terminal, finished, ran};

const LAYOUT: &str = "
roles:
  moderator: { name: Moderator, permissions: [manage_messages] }
categories:
  study:
    channels:
      questions: { topic: Ask }
      room-1: { type: voice }
";

#[tokio::test(flavor = "multi_thread")]
async fn a_guild_is_planned_applied_and_looked_at() {
    let terminal = Terminal::new().await;
    terminal.write("guild.yaml", LAYOUT);
    terminal.run(&["validate", "."]).await.works(&["1 roles, 1 categories, 2 channels", "0 error(s)"]);
    terminal.run(&["plan", "."]).await.works(&["+ role Moderator", "+ study / #questions", "4 to create; 4 requests"]);
    terminal.run(&["plan", ".", "--detailed-exitcode"]).await.fails(2, &[]);
    terminal.run(&["apply", ".", "--auto-approve"]).await.works(&["Applied: 4 of 4 steps", "equals its manifest"]);
    terminal.run(&["plan", ".", "--detailed-exitcode"]).await.works(&["Nothing to do."]);
    terminal.run(&["drift", ".", "--detailed-exitcode"]).await.works(&["no drift"]);
    terminal.run(&["history"]).await.works(&["succeeded", "4 done, 0 failed", "local:ann"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_get_json() {
    let terminal = Terminal::new().await;
    terminal.write("guild.yaml", LAYOUT);
    let plan: Value = serde_json::from_str(&terminal.run(&["plan", ".", "--json"]).await.out).expect("JSON");
    assert_eq!(plan["steps"].as_array().map(Vec::len), Some(4));
    let applied = terminal.run(&["apply", ".", "--json", "--auto-approve"]).await;
    let applied: Value = serde_json::from_str(&applied.out).expect("JSON");
    assert_eq!((applied["verdict"].as_str(), applied["left"].as_u64()), (Some("succeeded"), Some(0)));
    let again = terminal.run(&["apply", ".", "--json", "--auto-approve"]).await;
    let again: Value = serde_json::from_str(&again.out).expect("JSON");
    assert_eq!(again["verdict"], "unchanged");
    let drift: Value = serde_json::from_str(&terminal.run(&["drift", ".", "--json"]).await.out).expect("JSON");
    assert_eq!(drift["drifted"], false);
    let markdown = terminal.run(&["plan", ".", "--markdown"]).await;
    markdown.works(&["### Rust Study Group: Nothing to do."]);
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_changes_a_channel_and_drift_says_who() {
    let terminal = Terminal::new().await;
    terminal.write("guild.yaml", LAYOUT);
    terminal.run(&["apply", ".", "--auto-approve"]).await.works(&[]);
    let questions = terminal.simulator.with_world(|world| {
        let guild = world.guilds.get(&terminal.guild).expect("the guild");
        guild.channels.iter().find(|(_, c)| c.name == "questions").map(|(id, _)| *id).expect("the channel")
    });
    let act = Act::new(terminal.owner, "PATCH", &format!("/channels/{questions}"), json!({ "topic": "Shout" }));
    terminal.simulator.act(&act).expect("the owner may");
    let drift = terminal.run(&["drift", ".", "--detailed-exitcode"]).await;
    drift.fails(2, &["#questions", "\"Shout\" -> \"Ask\"", "Changed last by"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_imported_guild_plans_to_nothing() {
    let terminal = Terminal::new().await;
    let guild = terminal.guild.to_string();
    terminal.run(&["import", "--guild", &guild, "--output", "server"]).await.works(&["Wrote server/guild.yaml"]);
    terminal.run(&["plan", "server", "--detailed-exitcode"]).await.works(&["Nothing to do."]);
    terminal.run(&["import", "--guild", &guild, "--output", "server"]).await.fails(1, &["is there already", "--force"]);
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_could_not_be_written_binds_nothing() {
    let terminal = Terminal::new().await;
    let guild = terminal.guild.to_string();
    let import = terminal.run(&["import", "--guild", &guild, "--output", "/proc/nowhere"]).await;
    import.fails(1, &["cannot write `/proc/nowhere"]);
    terminal.write("own/guild.yaml", "channels: { rules: {} }\n");
    let plan = terminal.run(&["plan", "own"]).await;
    plan.works(&["+ #rules", "1 to create; 1 request"]);
    assert!(!plan.out.contains("archive"), "what nobody wrote down is left alone: {plan:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_world_written_by_hand_is_imported() {
    let terminal = Terminal::new().await;
    let world = "
users: [{ username: ann }, { username: setai, bot: true }]
guilds:
  - id: 1146231231231231232
    name: By hand
    owner: ann
    channels:
      - { id: 1146231231231231301, name: Voice, type: category }
      - { id: 1146231231231231302, name: lounge, type: voice, parent: Voice }
      - { id: 1146231231231231303, name: den, type: voice, parent: Voice, user_limit: 5 }
      - { id: 1146231231231231304, name: hall, type: stage }
    members: [{ user: setai, permissions: [administrator] }]
";
    let now = setai::clock::Clock::system().now();
    terminal.simulator.with_world(|old| *old = World::from_yaml(world, now).expect("a world"));
    let import = ["import", "--guild", "1146231231231231232", "--output", "server"];
    terminal.run(&import).await.works(&["Wrote server/guild.yaml"]);
    let manifest = std::fs::read_to_string(terminal.path("server/guild.yaml")).expect("a manifest");
    assert!(manifest.contains("user_limit: 5") && !manifest.contains("bitrate"), "{manifest}");
    terminal.run(&["plan", "server", "--detailed-exitcode"]).await.works(&["Nothing to do."]);

    std::fs::write(terminal.path("world.yaml"), "guilds: [{ name: G, channels: [{ name: v, position: top }] }]\n")
        .expect("a file");
    let simulate = terminal.run(&["simulate", "--world", "world.yaml", "--listen", "127.0.0.1:0"]).await;
    simulate.fails(1, &["cannot use the world `world.yaml`: guild G, channel v, position: invalid type: string"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_plan_is_applied_as_it_is_or_not_at_all() {
    let terminal = Terminal::new().await;
    terminal.write("guild.yaml", LAYOUT);
    terminal.run(&["plan", ".", "-o", "plan.json"]).await.works(&["setai apply plan.json"]);
    terminal.write("guild.yaml", "roles: { other: {} }\n");
    terminal.run(&["apply", "plan.json"]).await.works(&["Applied: 4 of 4 steps"]);
    terminal.run(&["apply", "plan.json"]).await.fails(3, &["stale", "Plan again"]);
    terminal.run(&["plan", ".", "-o", "plan.json"]).await.works(&[]);
    let text = std::fs::read_to_string(terminal.path("plan.json")).expect("a file");
    let mut saved: Value = serde_json::from_str(&text).expect("JSON");
    saved["plan"]["version"] = json!("0.0.9");
    std::fs::write(terminal.path("plan.json"), saved.to_string()).expect("a file");
    let another_version = terminal.run(&["apply", "plan.json"]).await;
    another_version.fails(3, &["setai 0.0.9 made it", "Plan again"]);
    std::fs::write(terminal.path("plan.json"), "{\"setai_plan\": 1, \"plan\": {}}").expect("a file");
    terminal.run(&["apply", "plan.json"]).await.fails(1, &["is damaged", "Plan again"]);
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn links_and_pipes_that_are_written_to_stay_what_they_are() {
    use std::os::unix::fs::FileTypeExt as _;
    let terminal = Terminal::new().await;
    terminal.write("own/guild.yaml", LAYOUT);
    let pipe = terminal.path("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
    // Held open at both ends, it keeps what is written until somebody reads it.
    let mut held = std::fs::File::options().read(true).write(true).open(&pipe).expect("a pipe");
    terminal.run(&["plan", "own", "-o", "pipe"]).await.works(&[]);
    assert!(std::fs::symlink_metadata(&pipe).expect("it is there").file_type().is_fifo());
    let mut begin = [0; 16];
    std::io::Read::read_exact(&mut held, &mut begin).expect("a plan");
    assert!(begin.starts_with(b"{"), "{begin:?}");

    let guild = terminal.guild.to_string();
    std::fs::create_dir(terminal.path("linked")).expect("a folder");
    std::os::unix::fs::symlink("../real.yaml", terminal.path("linked/guild.yaml")).expect("a link");
    for import in
        [&["import", "--guild", &guild, "-o", "linked"][..], &["import", "--guild", &guild, "-o", "linked", "--force"]]
    {
        terminal.run(import).await.works(&["Wrote linked/guild.yaml"]);
        assert!(std::fs::symlink_metadata(terminal.path("linked/guild.yaml")).expect("it is there").is_symlink());
        let real = std::fs::read_to_string(terminal.path("real.yaml")).expect("a manifest");
        assert!(real.contains(&guild), "{real}");
        std::fs::write(terminal.path("real.yaml"), "").expect("a file");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_terminal_nobody_is_asked_and_nothing_happens() {
    let terminal = Terminal::new().await;
    terminal.write("guild.yaml", LAYOUT);
    terminal.run(&["apply", "."]).await.fails(3, &["nobody can be asked here", "--auto-approve"]);
    assert!(terminal.simulator.requests().iter().all(|r| r.method == "GET"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_token_is_named_as_such() {
    let mut terminal = Terminal::new().await;
    terminal.write("guild.yaml", LAYOUT);
    terminal.simulator.with_world(|world| {
        for user in world.users.values_mut().filter(|user| user.bot) {
            user.tokens = vec!["right".to_owned()];
        }
    });
    terminal.use_token("wrong-and-secret");
    let plan = terminal.run(&["plan", "."]).await;
    plan.fails(1, &["does not know the bot token", "DISCORD_TOKEN", "setai doctor"]);
    assert!(!plan.err.contains("wrong-and-secret"), "a token is in no text");
    terminal.run(&["doctor"]).await.fails(1, &["BAD", "token"]);
    terminal.use_token("");
    terminal.run(&["plan", "."]).await.fails(1, &["there is no bot token", "DISCORD_TOKEN", "setai demo"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_was_pasted_for_its_file_is_not_repeated() {
    let mut terminal = Terminal::new().await;
    terminal.use_token("");
    let pasted = "MTk4NjIyNDgzNDcxOTI1MjQ4.Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7kKWs";
    let ran = terminal.run(&["doctor", "--token-file", pasted]).await;
    ran.fails(1, &["is not a path", "looks like the token itself", "DISCORD_TOKEN"]);
    assert!(!ran.err.contains("MTk4") && !ran.out.contains("MTk4"), "{ran:#?}");
    terminal
        .run(&["doctor", "--token-file", "nowhere.txt"])
        .await
        .fails(1, &["cannot read the token from `nowhere.txt`"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flag_wins_over_the_environment_in_whatever_form_it_comes() {
    let mut terminal = Terminal::new().await;
    terminal.write("guild.yaml", LAYOUT);
    terminal.simulator.with_world(|world| {
        world.users.values_mut().filter(|user| user.bot).for_each(|user| user.tokens = vec!["right".to_owned()]);
    });
    std::fs::write(terminal.path("right"), "right").expect("a file");
    std::fs::write(terminal.path("wrong"), "wrong").expect("a file");
    terminal.use_token("wrong");
    terminal.run(&["plan", ".", "--token-file", "right"]).await.works(&["4 to create"]);
    terminal.run(&["--token-file", "right", "plan", "."]).await.works(&["4 to create"]);
    terminal.run(&["plan", "."]).await.fails(1, &["does not know the bot token"]);
    let mut command = terminal.command(&["plan", ".", "--token", "right"]);
    command.env("DISCORD_TOKEN_FILE", "wrong");
    finished(command).await.works(&["4 to create"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_guild_is_named_as_such() {
    let terminal = Terminal::new().await;
    std::fs::write(terminal.path("guild.yaml"), "version: 1\nguild: \"999999999999999999\"\nroles: { a: {} }\n")
        .expect("a file");
    terminal.run(&["plan", "."]).await.fails(1, &["999999999999999999", "Invite the bot"]);
    terminal.run(&["import", "--guild", "my-server"]).await.fails(1, &["is not the id of a guild", "developer mode"]);
    terminal.run(&["doctor", "--guild", "999999999999999999"]).await.fails(1, &["not in the guild", "authorize"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn manifests_of_nonsense_send_nothing() {
    let terminal = Terminal::new().await;
    std::fs::create_dir(terminal.path("empty")).expect("a folder");
    terminal.run(&["plan", "empty"]).await.fails(1, &["no file has a `guild:` key", "setai init"]);
    terminal.run(&["plan", "nowhere"]).await.fails(1, &["cannot read `nowhere`", "Name a manifest"]);
    terminal.write("bad.yaml", "roles: [1, 2\nchannels: {a: {tpic: x}}\n");
    terminal.run(&["plan", "bad.yaml"]).await.fails(1, &["error[SA", "bad.yaml:", "nothing was sent"]);
    terminal.write("typo.yaml", "channels: { a: { tpic: x }, b: { permissions: { ghost: { allow: [fly] } } } }\n");
    terminal.run(&["apply", "typo.yaml", "--auto-approve"]).await.fails(1, &["topic", "ghost", "fly"]);
    assert!(terminal.simulator.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_beside_a_file_that_is_named_is_not_looked_at() {
    let terminal = Terminal::new().await;
    terminal.write("guild.yaml", "include: [channels/*.yaml]\n");
    std::fs::create_dir(terminal.path("channels")).expect("a folder");
    std::fs::write(terminal.path("channels/hall.yaml"), "channels: { hall: {} }\n").expect("a file");
    for number in 0..6 {
        let holiday = std::fs::File::create(terminal.path(&format!("holiday-{number}.png"))).expect("a file");
        holiday.set_len(15 << 20).expect("a large one");
    }
    terminal.run(&["validate", "guild.yaml"]).await.works(&["1 channels", "0 error(s)"]);
    terminal.run(&["plan", "guild.yaml"]).await.works(&["+ #hall"]);
    terminal.run(&["validate", "."]).await.fails(1, &["64"]);
    terminal.write("guild.yaml", "include: [gone.yaml]\n");
    terminal.run(&["validate", "guild.yaml"]).await.fails(1, &["there is no file `gone.yaml`"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_without_the_means_says_what_it_lacks() {
    let terminal = Terminal::new().await;
    terminal.write("guild.yaml", LAYOUT);
    terminal.simulator.with_world(|world| {
        let guild = world.guilds.get_mut(&terminal.guild).expect("the guild");
        guild.roles.get_mut(&terminal.bot_role).expect("the bot's role").permissions = Bits(1 << 10);
    });
    let plan = terminal.run(&["plan", "."]).await;
    plan.works(&[
        "lacks manage_roles",
        "Give the bot's role manage_roles",
        "Nothing to do. It is not all as the manifest says",
    ]);
    let guild = terminal.guild.to_string();
    terminal.run(&["doctor", "--guild", &guild]).await.fails(1, &["manage_channels (for channels and categories)"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_above_the_bot_stays_and_the_note_says_how_to_change_that() {
    let terminal = Terminal::new().await;
    let role =
        Act::new(terminal.owner, "POST", &format!("/guilds/{}/roles", terminal.guild), json!({ "name": "Chief" }));
    let made = terminal.simulator.act(&role).expect("the owner may").body.unwrap_or_default();
    let up = json!([{ "id": made["id"], "position": 900 }]);
    let act = Act::new(terminal.owner, "PATCH", &format!("/guilds/{}/roles", terminal.guild), up);
    terminal.simulator.act(&act).expect("the owner may");
    terminal.write("guild.yaml", "roles: { chief: { name: Chief, hoist: true } }\n");
    terminal.run(&["plan", "."]).await.works(&["not below the bot's highest role", "Drag the bot's role above it"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_needs_community_is_not_tried_without_it() {
    let terminal = Terminal::new().await;
    terminal.write("guild.yaml", "channels: { news: { type: announcement }, talk: { type: stage }, chat: {} }\n");
    terminal.run(&["apply", ".", "--auto-approve"]).await.works(&["need Community", "Applied: 1 of 1 steps"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_channel_and_the_role_too_many_are_left_out_with_a_note() {
    let terminal = Terminal::new().await;
    terminal.simulator.with_world(|world| {
        let now = setai::clock::Clock::system().now();
        let ids: Vec<_> = (0..1_000).map(|_| world.mint(now)).collect();
        let guild = world.guilds.get_mut(&terminal.guild).expect("the guild");
        let (role, channel) =
            (guild.roles[&terminal.bot_role].clone(), guild.channels.values().find(|c| c.kind == 0).cloned());
        let channel = channel.expect("a text channel");
        let mut ids = ids.into_iter();
        while guild.roles.len() < 249 {
            let id = ids.next().expect("enough ids");
            guild.roles.insert(id, setai::simulator::world::Role { id, managed: false, position: 0, ..role.clone() });
        }
        while guild.channels.len() < 499 {
            let id = ids.next().expect("enough ids");
            guild.channels.insert(id, setai::simulator::world::Channel { id, parent_id: None, ..channel.clone() });
        }
    });
    terminal.write("guild.yaml", "roles: { a: {}, b: {} }\nchannels: { x: {}, y: {} }\n");
    let plan = terminal.run(&["plan", "."]).await;
    plan.works(&["a guild has at most 250 roles", "a guild has at most 500 channels", "2 to create"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_cannot_be_opened_names_the_setting() {
    let terminal = Terminal::new().await;
    terminal.write("guild.yaml", LAYOUT);
    for (url, words) in [
        ("sqlite:/proc/nowhere/setai.db", ["cannot open the database", "SETAI_DATABASE_URL"]),
        ("oracle:x", ["SETAI_DATABASE_URL", "sqlite:PATH"]),
        ("sqlite:guild.yaml", ["is not a database", "SETAI_DATABASE_URL"]),
    ] {
        let mut command = terminal.command(&["apply", ".", "--auto-approve"]);
        command.env("SETAI_DATABASE_URL", url);
        finished(command).await.fails(1, &words);
    }
    assert!(
        terminal.simulator.requests().iter().all(|r| r.method == "GET"),
        "nothing is changed that cannot be recorded"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_is_named_as_such() {
    let terminal = Terminal::new().await;
    terminal.write("guild.yaml", LAYOUT);
    let mut command = terminal.command(&["plan", "."]);
    command.env("SETAI_DISCORD_URL", "http://127.0.0.1:9");
    finished(command).await.fails(1, &["did not answer", "nothing was changed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_midway_loses_nothing_and_the_next_run_goes_on() {
    let terminal = Terminal::new().await;
    let channels: String = (0..30).map(|n| format!("  room-{n}: {{ topic: Room {n} }}\n")).collect();
    terminal.write("guild.yaml", &format!("channels:\n{channels}"));
    terminal.simulator.set_faults(Faults::always(Fault::Latency { milliseconds: 40, jitter: 0 }));
    let mut command = terminal.command(&["apply", ".", "--auto-approve"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a process");
    let made = || terminal.simulator.requests().iter().filter(|r| r.method == "POST").count();
    while made() < 5 {
        tokio::task::yield_now().await;
    }
    let interrupt = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill");
    assert!(interrupt.success());
    let output = tokio::task::spawn_blocking(move || child.wait_with_output()).await.expect("no panic");
    ran(&output.expect("its output")).fails(130, &["stopped on request", "Run the same command again"]);
    let first = made();
    assert!((5..30).contains(&first), "{first} channels were made before it stopped");

    terminal.run(&["history"]).await.works(&["interrupted"]);
    terminal.run(&["apply", ".", "--auto-approve"]).await.works(&["equals its manifest"]);
    assert_eq!(made(), 30, "every channel was made once");
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_ends_what_waits_for_discord_at_once() {
    let terminal = Terminal::new().await;
    terminal.write("guild.yaml", LAYOUT);
    terminal.run(&["apply", ".", "--auto-approve"]).await.works(&[]);
    let runs: Value = serde_json::from_str(&terminal.run(&["history", "--json"]).await.out).expect("JSON");
    let run = runs[0]["id"].as_str().expect("an id");
    // Discord takes longer for its second answer than anybody waits.
    let slow = Fault::Latency { milliseconds: 3_600_000, jitter: 0 };
    let commands: [&[&str]; 5] = [
        &["plan", "."],
        &["drift", "."],
        &["apply", ".", "--auto-approve"],
        &["rollback", run, "--auto-approve"],
        &["doctor"],
    ];
    for arguments in commands {
        terminal.simulator.forget_requests();
        terminal.simulator.set_faults(Faults { seed: 0, rules: vec![Rule::new(slow.clone()).on("GET", "*").nth(2)] });
        let mut command = terminal.command(arguments);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a process");
        while terminal.simulator.requests().is_empty() {
            tokio::task::yield_now().await;
        }
        let interrupt = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill");
        assert!(interrupt.success());
        let output = tokio::task::spawn_blocking(move || child.wait_with_output()).await.expect("no panic");
        ran(&output.expect("its output")).fails(130, &[]);
    }
    terminal.simulator.set_faults(Faults::default());
    terminal.run(&["plan", ".", "--detailed-exitcode"]).await.works(&["Nothing to do."]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_taken_back() {
    let terminal = Terminal::new().await;
    terminal.write("guild.yaml", LAYOUT);
    terminal.run(&["apply", ".", "--auto-approve"]).await.works(&[]);
    terminal.write("guild.yaml", &LAYOUT.replace("topic: Ask", "topic: Shout"));
    terminal.run(&["apply", ".", "--auto-approve"]).await.works(&["Applied: 1 of 1 steps"]);
    terminal.write("guild.yaml", &LAYOUT.replace("topic: Ask", "topic: Shout louder"));
    let other = terminal.run(&["apply", ".", "--approve", "0123456789ab"]).await;
    other.fails(3, &["the approval is for another plan", "--approve"]);
    let runs: Value = serde_json::from_str(&terminal.run(&["history", "--json"]).await.out).expect("JSON");
    let run = runs[0]["id"].as_str().expect("an id").to_owned();
    let back = terminal.run(&["rollback", &run, "--auto-approve"]).await;
    back.works(&["\"Shout\" -> \"Ask\"", "Applied: 1 of 1 steps", "The manifest still says"]);
    terminal.run(&["rollback", "ffffffff", "--auto-approve"]).await.fails(1, &["there is no run", "setai history"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_tells_its_whole_story() {
    let terminal = Terminal::new().await;
    let demo = terminal.run(&["demo", "play", "--quick"]).await;
    demo.works(&[
        "finds nothing to do",
        "Nothing to do.",
        "archived",
        "equals its manifest",
        "Discord differs from the manifest",
        "#staff-room: kim",
        "Your turn",
    ]);
    assert!(terminal.path("play/guild.yaml").exists() && terminal.path("play/world.yaml").exists());
    terminal.run(&["demo", "play", "--quick"]).await.fails(1, &["is there already"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn small_commands_do_what_they_say() {
    let terminal = Terminal::new().await;
    terminal.run(&["init", "--guild", "1146231231231231232", "new/guild.yaml"]).await.works(&["Next:"]);
    terminal.run(&["lint", "new"]).await.works(&["0 error(s)"]);
    terminal.run(&["init", "--guild", "1146231231231231232", "new/guild.yaml"]).await.fails(1, &["is there already"]);
    terminal.run(&["schema"]).await.works(&["\"$schema\""]);
    terminal.run(&["completions", "bash"]).await.works(&["_setai"]);
    terminal.run(&["--version"]).await.works(&["setai 0.1.0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_typed_wrong_is_an_error_and_no_change() {
    let terminal = Terminal::new().await;
    terminal.run(&["plam"]).await.fails(1, &["unrecognized subcommand", "plan"]);
    terminal
        .run(&["plan", ".", "--detailed-exit-code"])
        .await
        .fails(1, &["unexpected argument", "--detailed-exitcode"]);
    terminal.run(&["suspend", "1"]).await.fails(1, &["--reason"]);
    terminal.run(&[]).await.fails(1, &["Usage: setai"]);
    terminal.run(&["plan", "--help"]).await.works(&["Show what would change"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_variable_that_is_empty_is_not_set() {
    let terminal = Terminal::new().await;
    terminal.write("guild.yaml", LAYOUT);
    let mut command = terminal.command(&["plan", "."]);
    for name in ["SETAI_CONFIG", "DISCORD_TOKEN_FILE", "SETAI_REDIS_URL", "SETAI_LOCK_TIMEOUT", "SETAI_REVISION"] {
        command.env(name, "");
    }
    finished(command).await.works(&["4 to create"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_are_looked_at_and_brought_up_to_date() {
    let terminal = Terminal::new().await;
    let status = terminal.run(&["migrate", "status"]).await;
    status.works(&["The database is sqlite:", "pending", "2026_11_22_003_complete_the_data_model", "setai migrate up"]);
    assert!(!terminal.path("setai.db").exists(), "looking makes nothing");
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/sqlite");
    let migrations = std::fs::read_dir(folder).expect("the migrations").count();
    terminal.run(&["migrate", "up"]).await.works(&["applied", &format!("Applied {migrations} migrations.")]);
    let again = terminal.run(&["migrate", "up", "--json"]).await;
    let again: Value = serde_json::from_str(&again.out).expect("JSON");
    let states: Vec<_> = again.as_array().expect("a list").iter().map(|m| m["state"].as_str()).collect();
    assert_eq!(states, vec![Some("applied"); migrations]);
    assert!(again[0]["applied_at"].is_string() && again[0]["description"].is_string(), "{again}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_server_is_one_setting_and_its_password_is_never_told() {
    let database = TestDatabase::new().await;
    let terminal = Terminal::new().await;
    terminal.write("guild.yaml", LAYOUT);
    let run = async |arguments: &[&str]| {
        let mut command = terminal.command(arguments);
        command.env("SETAI_DATABASE_URL", database.setting()).env("SETAI_LOG", "trace");
        let ran = finished(command).await;
        assert!(ran.err.contains("sqlx") && !(ran.out.clone() + &ran.err).contains("secret"), "{ran:#?}");
        ran
    };
    run(&["migrate", "status"]).await.works(&["The database is mysql://setai@127.0.0.1:", "pending"]);
    run(&["apply", ".", "--auto-approve"]).await.works(&["Applied: 4 of 4 steps", "equals its manifest"]);
    run(&["history"]).await.works(&["succeeded", "4 done, 0 failed"]);
    run(&["migrate", "status"]).await.works(&["applied", "2026_11_22_002_protect_the_audit_trail"]);
    assert!(!terminal.path("setai.db").exists(), "nothing is kept elsewhere");
}
