//! What can be said on the command line. The comments are the help texts.

mod audit;
mod backup;
mod config;
mod run;

use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Parser, Subcommand, ValueEnum};
use secrecy::SecretString;

pub(super) use audit::{Audit, AuditCommand, AuditExport, AuditList, AuditPrune, AuditShow, AuditVerify, ExportFormat};
pub(super) use backup::{Backup, BackupCommand, BackupCreate, BackupRestore};
pub(super) use config::{ConfigCheck, ConfigCommand, Configuration};
pub(super) use run::{Approve, Resume, Run, Status, Suspend};

/// Keeps Discord servers in git: roles, channels and permissions as YAML, planned and applied.
#[derive(Debug, Parser)]
#[command(name = "setai", version, max_term_width = 100, propagate_version = true, disable_help_subcommand = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,

    #[command(flatten)]
    pub(super) connection: Connection,
}

/// Where Discord and the database are.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Connection")]
pub(super) struct Connection {
    /// The operator's file; flags and environment variables win over it
    #[arg(long, global = true, env = "SETAI_CONFIG", value_name = "FILE")]
    pub(super) config: Option<PathBuf>,

    /// The bot's token
    #[arg(long, global = true, env = "DISCORD_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    pub(super) token: Option<SecretString>,

    /// A file with the bot's token
    #[arg(long, global = true, env = "DISCORD_TOKEN_FILE", value_name = "FILE")]
    pub(super) token_file: Option<PathBuf>,

    /// Another server than Discord's own, such as a simulated one
    #[arg(long, global = true, env = "SETAI_DISCORD_URL", value_name = "URL")]
    pub(super) discord_url: Option<String>,

    /// What is remembered: `sqlite:PATH` or `mysql://USER:PASSWORD@HOST/DATABASE` [default: a file in your state
    /// directory]
    #[arg(long, global = true, env = "SETAI_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub(super) database_url: Option<String>,

    /// What was seen lately, shared between processes: `redis://HOST:PORT/DB` [default: this process]
    #[arg(long, global = true, env = "SETAI_REDIS_URL", hide_env_values = true, value_name = "URL")]
    pub(super) redis_url: Option<String>,

    /// Longest wait for another setai that is changing the same guild; one that died has it for 30 seconds more
    #[arg(long, global = true, env = "SETAI_LOCK_TIMEOUT", default_value_t = 60, value_name = "SECONDS")]
    pub(super) lock_timeout: u64,

    /// Longest wait for a database that went away in the middle; nothing is sent to Discord meanwhile
    #[arg(long, global = true, env = "SETAI_DATABASE_TIMEOUT", default_value_t = 300, value_name = "SECONDS")]
    pub(super) database_timeout: u64,
}

impl Connection {
    /// Forgets the token of the environment where a flag names a file with another: a flag wins, also over what is the
    /// same in another form.
    pub(super) fn prefer_flags(&mut self, matches: &ArgMatches) {
        let is_flag = |name| matches.value_source(name) == Some(ValueSource::CommandLine);
        if is_flag("token_file") && !is_flag("token") {
            self.token = None;
        }
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Write a first manifest to start from
    Init(Init),
    /// Write a manifest of a guild as it is now
    Import(Import),
    /// Check manifests without asking Discord
    Validate(Validate),
    /// Check manifests and list everything worth knowing, not only errors
    Lint(Validate),
    /// Show what would change
    Plan(PlanCommand),
    /// Make the guild equal to its manifest
    Apply(Apply),
    /// Change a manifest as a request in plain English says
    Propose(Propose),
    /// Keep guilds equal to their manifests, for as long as it runs
    Run(Run),
    /// Show how the guilds stand that `setai run` looks after
    Status(Status),
    /// Approve a plan that waits
    Approve(Approve),
    /// Leave a guild alone for a while
    Suspend(Suspend),
    /// Look after a guild again
    Resume(Resume),
    /// Show what was changed in Discord by hand
    Drift(Drift),
    /// List what was applied
    History(History),
    /// Take back what a run did
    Rollback(Rollback),
    /// Look at the audit trail, prove it, hand it on
    Audit(Audit),
    /// Show how the tables of the database stand, or bring them up to date
    Migrate(Migrate),
    /// Show or change what is set for a guild outside of its manifest
    Server(Server),
    /// Keep guild layouts and the embedded database where they can be restored from
    Backup(Backup),
    /// Print the JSON Schema of manifests
    Schema,
    /// Check the operator's file, or write a first one
    Config(Configuration),
    /// Check token, permissions, hierarchy, hidden channels and database
    Doctor(Doctor),
    /// Run a simulated Discord
    Simulate(Simulate),
    /// Show everything on a simulated Discord, in under a minute
    Demo(Demo),
    /// Print a completion script for your shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

impl Command {
    /// True for what asks Discord, a database or a cache, whose places the operator's file may name.
    pub(super) fn needs_connection(&self) -> bool {
        match self {
            Self::Import(_)
            | Self::Plan(_)
            | Self::Apply(_)
            | Self::Run(_)
            | Self::Propose(_)
            | Self::Status(_)
            | Self::Approve(_)
            | Self::Suspend(_)
            | Self::Resume(_)
            | Self::Drift(_)
            | Self::History(_)
            | Self::Rollback(_)
            | Self::Audit(_)
            | Self::Migrate(_)
            | Self::Server(_)
            | Self::Backup(_)
            | Self::Doctor(_) => true,
            Self::Init(_)
            | Self::Validate(_)
            | Self::Lint(_)
            | Self::Schema
            | Self::Config(_)
            | Self::Simulate(_)
            | Self::Demo(_)
            | Self::Completions { .. } => false,
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct Init {
    /// The guild's id, as a number in quotes; Discord's developer mode copies it
    #[arg(long, value_name = "ID")]
    pub(super) guild: String,
    /// Where to write
    #[arg(default_value = "guild.yaml", value_name = "FILE")]
    pub(super) file: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct Import {
    /// The guild's id
    #[arg(long, value_name = "ID")]
    pub(super) guild: String,
    /// The folder to write to
    #[arg(long, short, default_value = ".", value_name = "DIR")]
    pub(super) output: PathBuf,
    /// Write `id:` at every object
    #[arg(long)]
    pub(super) pin: bool,
    /// Overwrite a file that is there already
    #[arg(long)]
    pub(super) force: bool,
}

#[derive(Debug, Args)]
pub(super) struct Validate {
    /// A manifest, or a folder of them
    #[arg(default_value = ".", value_name = "PATH")]
    pub(super) path: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// How the manifest's revision is named in the audit log.
#[derive(Clone, Debug, Args)]
pub(super) struct Source {
    /// A manifest, or a folder of them
    #[arg(default_value = ".", value_name = "PATH")]
    pub(super) path: PathBuf,
    /// The manifest's revision [default: git's commit, where there is one]
    #[arg(long, env = "SETAI_REVISION", value_name = "NAME")]
    pub(super) revision: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct PlanCommand {
    #[command(flatten)]
    pub(super) source: Source,
    /// Print JSON
    #[arg(long, conflicts_with = "markdown")]
    pub(super) json: bool,
    /// Print Markdown, for a comment in a pull request
    #[arg(long)]
    pub(super) markdown: bool,
    /// Exit with 2 when there is something to do
    #[arg(long)]
    pub(super) detailed_exitcode: bool,
    /// Save the plan, to apply exactly this one later
    #[arg(long, short, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Apply {
    #[command(flatten)]
    pub(super) source: Source,
    /// Do not ask
    #[arg(long)]
    pub(super) auto_approve: bool,
    /// Approve the plan of this digest, with what it is refused for
    #[arg(long, value_name = "DIGEST")]
    pub(super) approve: Option<String>,
    /// Take everything back when a step fails
    #[arg(long)]
    pub(super) rollback_on_error: bool,
    /// Longest wait for one of Discord's limits, in seconds
    #[arg(long, default_value_t = 900, value_name = "SECONDS")]
    pub(super) patience: u64,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Propose {
    /// What is wanted, such as "add a study area with three voice rooms only members can see"
    #[arg(value_name = "TEXT", allow_hyphen_values = true)]
    pub(super) text: String,
    /// A manifest, or a folder with one
    #[arg(default_value = ".", value_name = "PATH")]
    pub(super) path: PathBuf,
    /// Write without asking: the files, or what `--branch` or `--pr` name
    #[arg(long)]
    pub(super) write: bool,
    /// Commit it to this new branch instead of writing the files
    #[arg(long, value_name = "NAME", conflicts_with = "pr")]
    pub(super) branch: Option<String>,
    /// Open a pull request at the forge of a source of the operator's file; PATH is then a file of that source
    #[arg(long)]
    pub(super) pr: bool,
    /// The source that is meant, when several have a forge
    #[arg(long, value_name = "NAME", requires = "pr")]
    pub(super) source: Option<String>,
    /// Print JSON; nothing is written without `--write`
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Drift {
    #[command(flatten)]
    pub(super) source: Source,
    /// Be content with what was seen at most so long ago, when nothing differed then; needs Redis
    #[arg(long, value_name = "SECONDS")]
    pub(super) max_age: Option<u64>,
    /// Write what Discord has into the manifest: of these objects, such as `channels.rules`, or of all that differ
    #[arg(long, num_args = 0.., value_name = "OBJECT", conflicts_with = "max_age")]
    pub(super) adopt: Option<Vec<String>>,
    /// Commit it to this new branch instead of writing the files
    #[arg(long, value_name = "NAME", requires = "adopt")]
    pub(super) branch: Option<String>,
    /// Do not ask
    #[arg(long, visible_alias = "yes", requires = "adopt")]
    pub(super) auto_approve: bool,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
    /// Exit with 2 when there is drift
    #[arg(long)]
    pub(super) detailed_exitcode: bool,
}

#[derive(Debug, Args)]
pub(super) struct History {
    /// Only this guild
    #[arg(long, value_name = "ID")]
    pub(super) guild: Option<String>,
    /// How many
    #[arg(long, short = 'n', default_value_t = 20, value_name = "N")]
    pub(super) limit: u32,
    /// One run with all its steps
    #[arg(value_name = "RUN")]
    pub(super) run: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Rollback {
    /// The run to take back, as `setai history` names it
    #[arg(value_name = "RUN")]
    pub(super) run: String,
    /// Do not ask
    #[arg(long)]
    pub(super) auto_approve: bool,
    /// Approve the plan of this digest, with what it is refused for; for guilds where every change needs an approval, too
    #[arg(long, value_name = "DIGEST")]
    pub(super) approve: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Migrate {
    #[command(subcommand)]
    pub(super) command: MigrateCommand,
    /// Print JSON
    #[arg(long, global = true)]
    pub(super) json: bool,
}

#[derive(Clone, Copy, Debug, Subcommand)]
pub(super) enum MigrateCommand {
    /// List the migrations; nothing is changed
    Status,
    /// Apply those the database does not have, then list them
    Up,
}

#[derive(Debug, Args)]
pub(super) struct Server {
    #[command(subcommand)]
    pub(super) command: ServerCommand,
    /// Print JSON
    #[arg(long, global = true)]
    pub(super) json: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum ServerCommand {
    /// List the guilds that are known, with their latest runs
    List,
    /// Show what is set for a guild
    Show {
        /// The guild's id
        #[arg(value_name = "ID")]
        guild: String,
    },
    /// Change what is set for a guild; `show` lists the names
    Set {
        /// The guild's id
        #[arg(value_name = "ID")]
        guild: String,
        /// What to set, such as `moderation.require_admin_approval=true`
        #[arg(value_name = "NAME=VALUE", required = true)]
        settings: Vec<String>,
    },
}

#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// A guild to look at closely [default: all the bot is in, briefly]
    #[arg(long, value_name = "ID")]
    pub(super) guild: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Simulate {
    /// Where to listen; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:7777", value_name = "ADDR")]
    pub(super) listen: std::net::SocketAddr,
    /// Add a fresh guild of this id, with the bot as administrator, unless the world has it
    #[arg(long, value_name = "ID")]
    pub(super) guild: Vec<String>,
    /// Start from this world
    #[arg(long, value_name = "FILE")]
    pub(super) world: Option<PathBuf>,
    /// Save the world here at the end
    #[arg(long, value_name = "FILE")]
    pub(super) save: Option<PathBuf>,
    /// Go wrong in these ways
    #[arg(long, value_name = "FILE")]
    pub(super) faults: Option<PathBuf>,
    /// Equal seeds and requests give equal answers
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(super) seed: u64,
    /// Whether Discord's rate limits are simulated
    #[arg(long, value_enum, default_value_t = LimitChoice::Discord)]
    pub(super) limits: LimitChoice,
}

/// Which rate limits a simulated Discord has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum LimitChoice {
    /// Discord's, as far as they are known
    Discord,
    /// None
    None,
}

#[derive(Debug, Args)]
pub(super) struct Demo {
    /// The folder to leave behind
    #[arg(default_value = "setai-demo", value_name = "DIR")]
    pub(super) folder: PathBuf,
    /// Do not pause between the acts
    #[arg(long)]
    pub(super) quick: bool,
}
