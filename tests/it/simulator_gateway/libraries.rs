//! Clients of other languages, which nobody here wrote: they log in, look around, change things, and see their events.
//!
//! The first run installs them below `target/`; later runs need no network.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use setai::simulator::limits::{GatewayLimits, Limits};
use tokio::process::Command;

use crate::support::harness::Harness;

/// Longest time for one story: clients that wait for an event in vain say so earlier.
const PATIENCE: Duration = Duration::from_secs(50);

/// Both libraries repeat the target of an overwrite in its body. Discord's description has it in the path alone.
const TARGET_REPEATED: &[&str] = &["unknown property body.id"];

/// discord.py numbers its files with numbers, and sends what it does not want to change.
const WORDY: &[&str] = &[
    "attachments/0/id: 0 is not of type \"string\"",
    "unknown property body.embeds[].flags",
    "unknown property body.tts",
];

/// Where a client's story and its list of packages are.
fn sources(client: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(client)
}

/// Runs a program to its end: its output, or what it said when it failed.
async fn run(program: &Path, arguments: &[&str], folder: &Path) -> Result<String, String> {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await.map_err(|error| format!("{}: {error}", program.display()))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(said);
    }
    Err(format!(
        "{} {arguments:?}: {}\n{said}{}",
        program.display(),
        output.status,
        String::from_utf8_lossy(&output.stderr)
    ))
}

/// The folder a client is installed in. One that was installed from another list of packages is made anew.
async fn installed(client: &str, list: &str, needed: &str, steps: &[(&str, &[&str])]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clients").join(client);
    let wanted = fs::read_to_string(sources(client).join(list)).expect("a list of packages");
    let done = folder.join("installed");
    if fs::read_to_string(&done).is_ok_and(|installed| installed == wanted) {
        return folder;
    }
    drop(fs::remove_dir_all(&folder));
    fs::create_dir_all(&folder).expect("a folder below target");
    for file in fs::read_dir(sources(client)).expect("the sources").map(|file| file.expect("an entry")) {
        fs::copy(file.path(), folder.join(file.file_name())).expect("copies");
    }
    for (program, arguments) in steps {
        if let Err(error) = run(Path::new(program), arguments, &folder).await {
            panic!("cannot install {client}: this test needs {needed}, and the network once.\n{error}");
        }
    }
    fs::write(done, wanted).expect("writes");
    folder
}

/// Lets a client tell its story to a Discord with Discord's own limits. Its requests are right, but for faults it has.
async fn tells(program: &Path, story: &str, client: &str, faults: &[&str]) {
    let discord = Harness::with(|options| {
        options.limits = Limits { gateway: GatewayLimits::default(), ..Limits::default() };
    });
    let served = discord.serve().await;
    let story = sources(client).join(story);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clients").join(client);
    // Node looks for packages where the story is.
    fs::copy(&story, folder.join(story.file_name().expect("a file"))).expect("copies");
    let story = folder.join(story.file_name().expect("a file"));
    let arguments = [story.to_str().expect("a path in UTF-8"), &served.address.to_string()];
    let told = tokio::time::timeout(PATIENCE, run(program, &arguments, &folder)).await;
    let log = || {
        let records = discord.simulator.gateway_log();
        records.iter().rev().take(10).map(|record| format!("{record:?}\n")).collect::<String>()
    };
    match told {
        Ok(Ok(said)) => assert_eq!(said.lines().last(), Some("the end"), "{said}"),
        Ok(Err(error)) => panic!("{error}\nlast on the wire, newest first:\n{}", log()),
        Err(_) => panic!("{client} did not come to an end\nlast on the wire, newest first:\n{}", log()),
    }
    served.stop().await;
    discord.forgive_all(faults);
    assert_eq!(discord.edit(|guild| (guild.channels.len(), guild.roles.len())), (4, 2), "everything is as it was");
}

#[tokio::test]
async fn discord_py_tells_its_stories() {
    let steps: [(&str, &[&str]); 2] = [
        ("python3", &["-m", "venv", "venv"]),
        ("venv/bin/python", &["-m", "pip", "install", "--quiet", "-r", "requirements.txt"]),
    ];
    let needed = "python3 with venv and pip (Debian: python3-venv)";
    let folder = installed("discord.py", "requirements.txt", needed, &steps).await;
    let python = folder.join("venv/bin/python");
    tells(&python, "story.py", "discord.py", TARGET_REPEATED).await;
    tells(&python, "interactions.py", "discord.py", WORDY).await;
}

#[tokio::test]
async fn discord_js_tells_its_story() {
    let steps: [(&str, &[&str]); 1] = [("npm", &["ci", "--no-audit", "--no-fund", "--loglevel=error"])];
    installed("discord.js", "package-lock.json", "node 18 or later and npm (Debian: npm)", &steps).await;
    tells(Path::new("node"), "story.js", "discord.js", TARGET_REPEATED).await;
}
