//! What can be said to `setai backup`. The comments are the help texts.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Args)]
pub(in crate::cli) struct Backup {
    #[command(subcommand)]
    pub(in crate::cli) command: BackupCommand,
    /// The folder of the backups [default: `backups` in your state directory]
    #[arg(long, global = true, env = "SETAI_BACKUPS", value_name = "DIR")]
    pub(in crate::cli) folder: Option<PathBuf>,
    /// Print JSON
    #[arg(long, global = true)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum BackupCommand {
    /// Make one, and prove that it can be restored; others may go on writing meanwhile
    Create(BackupCreate),
    /// List them, newest first, and name damaged ones
    List,
    /// Prove every byte, the database and the manifests; exits with 1 when anything is wrong
    Verify {
        /// Names or paths of backups, or `latest` [default: all]
        #[arg(value_name = "BACKUP")]
        backups: Vec<String>,
    },
    /// Put the database back, or write the layout of a guild for `plan` and `apply`
    Restore(BackupRestore),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct BackupCreate {
    /// Only the layout of this guild; may be given several times [default: all the bot is in]
    #[arg(long, value_name = "ID", conflicts_with = "no_layouts")]
    pub(in crate::cli) guild: Vec<String>,
    /// Only the database; needs no token
    #[arg(long)]
    pub(in crate::cli) no_layouts: bool,
    /// Afterwards remove backups of which so many newer ones, proved to be whole, hold all that they hold
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(in crate::cli) keep: Option<u32>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct BackupRestore {
    /// Name or path of a backup, or `latest`
    #[arg(value_name = "BACKUP")]
    pub(in crate::cli) backup: String,
    /// Only write the manifest of this guild; nothing is applied
    #[arg(long, value_name = "GUILD")]
    pub(in crate::cli) layout: Option<String>,
    /// The folder to write the manifest to
    #[arg(long, short, default_value = ".", value_name = "DIR", requires = "layout")]
    pub(in crate::cli) output: PathBuf,
    /// Overwrite a manifest that is there already
    #[arg(long, requires = "layout")]
    pub(in crate::cli) force: bool,
    /// Do not ask
    #[arg(long)]
    pub(in crate::cli) auto_approve: bool,
}
