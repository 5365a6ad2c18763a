//! What can be said to `setai run`.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
pub(in crate::cli) struct Run {
    /// Folders of manifests to keep guilds equal to, instead of the sources of the operator's file [default: those, or else
    /// this folder]
    #[arg(value_name = "FOLDER")]
    pub(in crate::cli) folders: Vec<PathBuf>,
    /// How often each guild is compared when nothing happens, in seconds [default: 600]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(5..))]
    pub(in crate::cli) every: Option<u64>,
    /// How many guilds are worked on at once [default: 8]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(in crate::cli) workers: Option<u16>,
    /// Do not listen to Discord's gateway; changes by hand are then seen when a guild is compared
    #[arg(long)]
    pub(in crate::cli) no_gateway: bool,
    /// Look at every guild once, say how it stands, and end; exits with 4 when one is not as its manifest says
    #[arg(long)]
    pub(in crate::cli) once: bool,
    /// Print one JSON object per line
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Status {
    /// One guild's id [default: all]
    #[arg(value_name = "GUILD")]
    pub(in crate::cli) guild: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Approve {
    /// The beginning of the digest of a plan that waits [default: list them]
    #[arg(value_name = "DIGEST")]
    pub(in crate::cli) plan: Option<String>,
    /// For how long the word counts, in hours
    #[arg(long, default_value_t = 24, value_name = "HOURS", value_parser = clap::value_parser!(u32).range(1..=720))]
    pub(in crate::cli) hours: u32,
    /// Do not ask
    #[arg(long)]
    pub(in crate::cli) yes: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Suspend {
    /// The guild's id
    #[arg(value_name = "GUILD")]
    pub(in crate::cli) guild: String,
    /// Why, for everybody who wonders
    #[arg(long, value_name = "TEXT")]
    pub(in crate::cli) reason: String,
    /// For how long, in hours [default: until somebody resumes it]
    #[arg(long, value_name = "HOURS", value_parser = clap::value_parser!(u32).range(1..=8760))]
    pub(in crate::cli) hours: Option<u32>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Resume {
    /// The guild's id
    #[arg(value_name = "GUILD")]
    pub(in crate::cli) guild: String,
}
