//! The command line: the only place that sees everything.
//!
//! Decides what commands there are, what they print and how they end. Each command is one file.

mod apply;
mod arguments;
mod audit;
mod backup;
mod branch;
mod check;
mod config;
mod context;
mod demo;
mod doctor;
mod drift;
mod failure;
mod history;
mod import;
mod init;
mod interrupt;
mod manifests;
mod migrate;
mod plan;
mod progress;
mod propose;
mod rewrite;
mod rollback;
mod run;
mod say;
mod screen;
mod server;
mod simulate;
mod whole;

use std::ffi::OsStr;
use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory as _, FromArgMatches as _};
use serde::Serialize;
use tokio::runtime::Handle;

use crate::config::{DEFAULT_LEVEL, LogFormat, Logs, Otel};
use crate::telemetry::Spans;
use crate::telemetry::logs::{self, Format};

use arguments::{Arguments, Command};
use failure::{Exit, Failure};
use screen::Screen;
use whole::{WholeFile, cannot_write, write_whole};

/// How long the end of the process waits for what cannot be told to stop, such as a disk of another machine.
const LAST_WAIT: Duration = Duration::from_secs(2);

/// How long the end of the process waits for a collector to take the last spans.
const LAST_SPANS: Duration = Duration::from_secs(5);

/// Parses the arguments, does what they say, and says how it went. The exit codes: 0 as asked, 1 an error, 2 something to
/// do (only with `--detailed-exitcode`), 3 refused or waiting for a decision, 4 applied in part, 130 stopped by the user.
pub fn main() -> ExitCode {
    let mut arguments = match parsed() {
        Ok(arguments) => arguments,
        Err(error) => return said_wrong(&error),
    };
    let screen = Screen;
    let logging = match configure(&mut arguments) {
        Ok(logging) => logging,
        Err(failure) => {
            screen.failure(&failure);
            return ExitCode::from(failure.exit.code());
        }
    };
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            screen.failure(&Failure::new(format!("cannot start: {error}")));
            return ExitCode::FAILURE;
        }
    };
    let shown = |failure: Failure| {
        screen.failure(&failure);
        failure.exit
    };
    let work = || runtime.block_on(heeded(&arguments, screen)).unwrap_or_else(shown);
    let exit = told(&logging, runtime.handle(), work).unwrap_or_else(shown);
    // Nobody waits any more for what cannot be told to stop, such as the look-up of a server's name or a dead disk.
    runtime.shutdown_timeout(if exit == Exit::Interrupted { Duration::ZERO } else { LAST_WAIT });
    ExitCode::from(exit.code())
}

/// Does something while logs are written and spans are sent.
fn told(logging: &Logging, runtime: &Handle, work: impl FnOnce() -> Exit) -> Result<Exit, Failure> {
    let Logging { format, filter, collector } = logging;
    let spans = collector.as_deref().map(|collector| Spans::begin(collector, runtime)).transpose();
    let spans = spans.map_err(Failure::new)?;
    logs::install(*format, filter, spans.as_ref());
    let exit = work();
    if let Some(spans) = spans {
        spans.end(LAST_SPANS);
    }
    Ok(exit)
}

/// What was said on the command line and by the environment.
fn parsed() -> Result<Arguments, clap::Error> {
    let matches = without_empty_variables(Arguments::command()).try_get_matches()?;
    let mut arguments =
        Arguments::from_arg_matches(&matches).map_err(|error| error.format(&mut Arguments::command()))?;
    arguments.connection.prefer_flags(&matches);
    Ok(arguments)
}

/// Shows help, a version, or what is wrong with what was said. clap's own exit code of an error, 2, means changes here.
fn said_wrong(error: &clap::Error) -> ExitCode {
    // Whoever closed the pipe has seen enough.
    drop(error.print());
    let exit = if error.use_stderr() { Exit::Failure } else { Exit::Success };
    ExitCode::from(exit.code())
}

/// A variable that is set to nothing is not set: a service file or a compose file can often not leave one out.
fn without_empty_variables(command: clap::Command) -> clap::Command {
    let is_empty = |name: &OsStr| std::env::var_os(name).is_some_and(|value| value.is_empty());
    let command = command.mut_args(|argument| match argument.get_env().is_some_and(is_empty) {
        true => argument.env(None::<&'static str>),
        false => argument,
    });
    command.mut_subcommands(without_empty_variables)
}

/// Lays the operator's file, where there is one, under flags and environment, and says what is logged and who is sent spans.
/// Commands that ask neither Discord nor a database do not look at it, nor does the one that says what is wrong with it.
fn configure(arguments: &mut Arguments) -> Result<Logging, Failure> {
    let asked = std::env::var("SETAI_LOG").ok().filter(|asked| !asked.trim().is_empty());
    let runs_on = matches!(arguments.command, Command::Run(_));
    let by_default = if runs_on { DEFAULT_LEVEL } else { "off" };
    let logging = |format, level: Option<String>, otel: Option<Otel>| {
        let filter = asked.or(level).unwrap_or_else(|| by_default.to_owned());
        Logging { format, filter, collector: otel.filter(|_| runs_on).map(|Otel { endpoint }| endpoint) }
    };
    let Some(config) =
        arguments.command.needs_connection().then(|| config::in_force(&arguments.connection)).transpose()?.flatten()
    else {
        return Ok(logging(Format::Text, None, None));
    };
    arguments.connection = context::completed(&arguments.connection, &config);
    let Logs { format, level } = config.logs;
    Ok(match format {
        LogFormat::Text => logging(Format::Text, level, config.otel),
        LogFormat::Json => logging(Format::Json, level, config.otel),
    })
}

/// How to log, and what: a level, or levels of parts, such as `info` or `warn,setai::discord=debug`.
struct Logging {
    format: Format,
    filter: String,
    /// Who is sent spans besides.
    collector: Option<String>,
}

/// Does what was said. Ctrl-C ends it, but for the commands that run until it comes: these end by themselves then.
async fn heeded(arguments: &Arguments, screen: Screen) -> Result<Exit, Failure> {
    match arguments.command {
        Command::Run(_) | Command::Simulate(_) => dispatch(arguments, screen).await,
        _ => interrupt::heeding(dispatch(arguments, screen), screen).await,
    }
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
        Command::Propose(command) => propose::run(command, connection, screen).await,
        Command::Run(command) => run::run(command, connection, screen).await,
        Command::Status(command) => say::status(command, connection, screen).await,
        Command::Approve(command) => say::approve(command, connection, screen).await,
        Command::Suspend(command) => say::suspend(command, connection, screen).await,
        Command::Resume(command) => say::resume(command, connection, screen).await,
        Command::Drift(command) => drift::run(command, connection, screen).await,
        Command::History(command) => history::run(command, connection, screen).await,
        Command::Rollback(command) => rollback::run(command, connection, screen).await,
        Command::Audit(command) => audit::run(command, connection, screen).await,
        Command::Migrate(command) => migrate::run(command, connection, screen).await,
        Command::Server(command) => server::run(command, connection, screen).await,
        Command::Backup(command) => backup::run(command, connection, screen).await,
        Command::Schema => {
            screen.say(crate::manifest::schema::schema_text().trim_end());
            Ok(Exit::Success)
        }
        Command::Config(command) => config::run(command, connection, screen),
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
