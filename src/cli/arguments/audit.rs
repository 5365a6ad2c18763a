//! What can be said to `setai audit`. The comments are the help texts.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::cli::audit::{Age, Moment};
use crate::store::{ActionType, Pin};

#[derive(Debug, Args)]
pub(crate) struct Audit {
    #[command(subcommand)]
    pub(crate) command: AuditCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// List rows, newest first
    List(AuditList),
    /// Show one row whole, with what changed
    Show(AuditShow),
    /// Prove that nothing in the trail was changed, removed or added by anybody else
    Verify(AuditVerify),
    /// Write the trail for others to keep and to check
    Export(AuditExport),
    /// Remove the oldest rows, with a record of it
    Prune(AuditPrune),
}

#[derive(Debug, Args)]
pub(crate) struct AuditList {
    /// Only this guild
    #[arg(long, value_name = "ID")]
    pub(crate) guild: Option<String>,
    /// Only this run, as `setai history` names it
    #[arg(long, value_name = "RUN")]
    pub(crate) run: Option<String>,
    /// Only this kind of action, such as `channel_deleted`
    #[arg(long, value_name = "ACTION")]
    pub(crate) action: Option<ActionType>,
    /// Only what this one did: a name at a command line, `user:ID` or `controller`
    #[arg(long, value_name = "WHO")]
    pub(crate) actor: Option<String>,
    /// Not before this time (`2026-11-22`, `2026-11-22 10:00`, in UTC), or this long ago (`7d`, `12h`)
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<Moment>,
    /// Earlier than this time, or this long ago
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<Moment>,
    /// How many
    #[arg(long, short = 'n', default_value_t = 50, value_name = "N")]
    pub(crate) limit: u32,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct AuditShow {
    /// The row: `GUILD:NUMBER`, a number, or the beginning or end of its id with eight digits or more
    #[arg(value_name = "ROW")]
    pub(crate) row: String,
    /// The guild, where a number alone could be several rows
    #[arg(long, value_name = "ID")]
    pub(crate) guild: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct AuditVerify {
    /// Only this guild [default: all]
    #[arg(long, value_name = "ID")]
    pub(crate) guild: Option<String>,
    /// What an earlier `verify` printed: proves that nothing up to there was cut off or rewritten since. Can be repeated
    #[arg(long, value_name = "GUILD:NUMBER:HASH")]
    pub(crate) expect: Vec<Pin>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct AuditExport {
    /// Only this guild [default: all]
    #[arg(long, value_name = "ID")]
    pub(crate) guild: Option<String>,
    /// How the rows are written
    #[arg(long, value_enum, default_value_t = ExportFormat::Jsonl)]
    pub(crate) format: ExportFormat,
    /// Where to write [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// How rows are written for others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// JSON Lines: an object in each line
    Jsonl,
    /// CSV, for spreadsheets
    Csv,
}

#[derive(Debug, Args)]
pub(crate) struct AuditPrune {
    /// Remove rows that are older than this, such as `400d`
    #[arg(long, env = "SETAI_AUDIT_RETENTION", value_name = "AGE")]
    pub(crate) older_than: Age,
    /// Only this guild [default: all]
    #[arg(long, value_name = "ID")]
    pub(crate) guild: Option<String>,
    /// Only say what would be removed
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not ask
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) auto_approve: bool,
}
