//! `setai simulate` as people use it beside the other commands, with the world a demo leaves behind, too.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use crate::support::terminal::{Ran, Terminal, finished, ran};

const WORLD: &str = "
users: [{ username: ann }, { username: setai, bot: true }]
guilds:
  - id: 1146231231231231232
    name: By hand
    owner: ann
    channels: [{ id: 1146231231231231302, name: lounge, type: voice }]
    members: [{ user: setai, permissions: [administrator] }]
";

/// A simulated Discord that was started as a person starts one.
struct Simulated {
    process: Child,
    /// What it printed to be copied.
    exports: Vec<String>,
}

impl Simulated {
    /// Starts it, and reads what it prints up to the last `export`.
    async fn start(mut command: Command) -> Self {
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a process");
        let out = BufReader::new(process.stdout.take().expect("its output"));
        let read = || out.lines().map_while(Result::ok).filter(|line| line.starts_with("export ")).take(2).collect();
        let exports: Vec<String> = tokio::task::spawn_blocking(read).await.expect("no panic");
        assert_eq!(exports.len(), 2, "it ended: {:?}", process.wait_with_output());
        Self { process, exports }
    }

    /// Asks it to stop, and waits until it did.
    async fn stop(self, signal: &str) -> Ran {
        let sent = Command::new("kill").args([signal, &self.process.id().to_string()]).status().expect("kill");
        assert!(sent.success());
        let output = tokio::task::spawn_blocking(move || self.process.wait_with_output()).await.expect("no panic");
        ran(&output.expect("its output"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guild_of_the_world_stays_as_it_is_and_the_world_is_saved_however_it_ends() {
    let terminal = Terminal::new().await;
    std::fs::write(terminal.path("world.yaml"), WORLD).expect("a file");
    let guilds = ["--guild", "1146231231231231232", "--guild", "1146231231231231999"];
    let world = ["simulate", "--listen", "127.0.0.1:0", "--world", "world.yaml", "--save", "world.yaml"];
    for signal in ["-TERM", "-INT"] {
        let simulated = Simulated::start(terminal.command(&[&world[..], &guilds].concat())).await;
        simulated
            .stop(signal)
            .await
            .works(&["The guild 1146231231231231232 is in the world already", "Saved the world"]);
        let saved = std::fs::read_to_string(terminal.path("world.yaml")).expect("a file");
        assert!(saved.contains("lounge") && saved.contains("1146231231231231999"), "{saved}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_world_of_the_demo_is_played_on_with_the_lines_it_prints() {
    let terminal = Terminal::new().await;
    let demo = terminal.run(&["demo", "play", "--quick"]).await;
    demo.works(&["Your turn"]);
    let (_, turn) = demo.out.split_once("Your turn").expect("the last act");
    let lines: Vec<&str> = turn.lines().filter_map(|line| line.strip_prefix("  ")).collect();
    let [simulate, database, plan] = lines[..] else { panic!("{turn}") };
    // Another test may have the usual port.
    let simulate = shell(&terminal, &format!("exec {simulate} --listen 127.0.0.1:0"));
    let simulated = Simulated::start(simulate).await;
    let exports = simulated.exports.join("\n");
    let plan = finished(shell(&terminal, &format!("{exports}\n{database}\nEDITOR=true\n{plan}"))).await;
    plan.works(&["Rust Study Group  1146231231231231232", "Nothing to do."]);
    simulated.stop("-TERM").await.works(&[]);
}

/// A shell at home, where nobody exported anything yet.
fn shell(terminal: &Terminal, script: &str) -> Command {
    let mut command = terminal.shell(script);
    for name in ["DISCORD_TOKEN", "SETAI_DISCORD_URL", "SETAI_DATABASE_URL"] {
        command.env_remove(name);
    }
    command
}
