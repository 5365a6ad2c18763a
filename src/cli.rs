//! The command line: the only place that sees everything.
//!
//! Decides what commands there are, what they print and how they end. Each command is one file.

mod apply;
mod arguments;
mod check;
mod context;
mod demo;
mod doctor;
mod drift;
mod failure;
mod history;
mod import;
mod init;
mod manifests;
mod plan;
mod progress;
mod rollback;
mod screen;
mod simulate;

use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use serde::Serialize;
use tracing_subscriber::EnvFilter;

use arguments::{Arguments, Command};
use failure::{Exit, Failure};
use screen::Screen;

/// Parses the arguments, does what they say, and says how it went. The exit codes: 0 as asked, 1 an error, 2 something to
/// do (only with `--detailed-exitcode`), 3 refused or waiting for a decision, 4 applied in part, 130 stopped by the user.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    log_to_stderr();
    let screen = Screen;
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            screen.failure(&Failure::new(format!("cannot start: {error}")));
            return ExitCode::FAILURE;
        }
    };
    let exit = runtime.block_on(dispatch(&arguments, screen)).unwrap_or_else(|failure| {
        screen.failure(&failure);
        failure.exit
    });
    ExitCode::from(exit.code())
}

/// Logs what `SETAI_LOG` asks for, such as `setai=debug`; nothing by default.
fn log_to_stderr() {
    let filter = EnvFilter::try_from_env("SETAI_LOG").unwrap_or_else(|_| EnvFilter::new("off"));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    drop(subscriber.try_init());
}

async fn dispatch(arguments: &Arguments, screen: Screen) -> Result<Exit, Failure> {
    let Arguments { command, connection } = arguments;
    match command {
        Command::Init(command) => init::run(command, screen),
        Command::Import(command) => import::run(command, connection, screen).await,
        Command::Validate(command) => check::run(command, false, screen),
        Command::Lint(command) => check::run(command, true, screen),
        Command::Plan(command) => plan::run(command, connection, screen).await,
        Command::Apply(command) => apply::run(command, connection, screen).await,
        Command::Drift(command) => drift::run(command, connection, screen).await,
        Command::History(command) => history::run(command, connection, screen).await,
        Command::Rollback(command) => rollback::run(command, connection, screen).await,
        Command::Schema => {
            screen.say(crate::manifest::schema::schema_text().trim_end());
            Ok(Exit::Success)
        }
        Command::Doctor(command) => doctor::run(command, connection, screen).await,
        Command::Simulate(command) => simulate::run(command, screen).await,
        Command::Demo(command) => demo::run(command, screen).await,
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Arguments::command(), "setai", &mut script);
            screen.print(String::from_utf8_lossy(&script));
            Ok(Exit::Success)
        }
    }
}

/// A value as people and programs can read it.
fn json(value: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string_pretty(value).map_err(|error| Failure::new(format!("cannot be written as JSON: {error}")))
}

/// Writes a file so that it is either whole or not there: a full disk leaves no half of it.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    use std::io::Write as _;
    let failed = |error: &dyn std::fmt::Display| Failure::new(format!("cannot write `{}`: {error}", path.display()));
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(|error| failed(&error))?;
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(|error| failed(&error))?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(|error| failed(&error))?;
    share(&file, path).map_err(|error| failed(&error))?;
    file.persist(path).map_err(|error| failed(&error))?;
    Ok(())
}

/// A new file is for the team, as the user's other files are; one that is replaced keeps its permissions.
#[cfg(unix)]
fn share(file: &tempfile::NamedTempFile, path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let permissions = match std::fs::metadata(path) {
        Ok(metadata) => metadata.permissions(),
        Err(_) => std::fs::Permissions::from_mode(0o644),
    };
    file.as_file().set_permissions(permissions)
}

#[cfg(not(unix))]
fn share(_: &tempfile::NamedTempFile, _: &Path) -> std::io::Result<()> {
    Ok(())
}
