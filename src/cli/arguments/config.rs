//! `setai config`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Args)]
pub(in crate::cli) struct Configuration {
    #[command(subcommand)]
    pub(in crate::cli) command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum ConfigCommand {
    /// Say what is wrong with the file, or what is in force; no secret is shown
    Check(ConfigCheck),
    /// Print a file with every setting and what it is for
    Example,
    /// Print the JSON Schema of the file
    Schema,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ConfigCheck {
    /// The file [default: the one `--config` or SETAI_CONFIG names]
    #[arg(value_name = "FILE")]
    pub(in crate::cli) file: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}
