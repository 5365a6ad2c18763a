//! `setai audit prune`: removes the oldest rows, after showing which, and with a record of it in the trail.

use chrono::{DateTime, Utc};

use crate::clock::Clock;
use crate::model::GuildId;
use crate::plan::render::Tone;
use crate::store::{Expiry, Prunable, Store, inspect, prune_all};

use super::super::arguments::AuditPrune;
use super::super::context;
use super::super::failure::{Exit, Failure};
use super::super::screen::Screen;

pub(super) async fn run(command: &AuditPrune, store: &dyn Store, screen: Screen) -> Result<Exit, Failure> {
    let AuditPrune { older_than, guild, dry_run, auto_approve } = command;
    let now = Clock::system().now();
    let older_than = older_than.before(now);
    let mut chosen = Vec::new();
    for guild in super::guilds(guild.as_deref(), store).await? {
        let prunable = store.prunable(guild, older_than).await?;
        if prunable.rows > 0 {
            is_whole(guild, store).await?;
            chosen.push(guild);
        }
        if let Some(line) = line(guild, &prunable, older_than) {
            screen.toned(Tone::Delete, line);
        }
    }
    if chosen.is_empty() {
        screen.say(format!("No row from before {} can be removed.", older_than.format("%Y-%m-%d %H:%M:%S UTC")));
        return Ok(Exit::Success);
    }
    if *dry_run {
        return Ok(Exit::Success);
    }
    if !auto_approve {
        ask(screen)?;
    }
    for guild in chosen {
        let expiry = Expiry { guild, older_than, author: context::author(), at: now };
        let rows = prune_all(store, &expiry).await?;
        screen.say(format!("{guild}: removed {rows} rows; the trail says so."));
    }
    screen
        .remark("`setai audit verify` prints the heads to keep from now on; earlier ones cannot be checked any more.");
    Ok(Exit::Success)
}

/// Rows that somebody changed are evidence, and the oldest of them are not to be removed.
async fn is_whole(guild: GuildId, store: &dyn Store) -> Result<(), Failure> {
    let inspection = inspect(store, guild, &[]).await?;
    match inspection.findings.first() {
        None => Ok(()),
        Some(finding) => {
            Err(Failure::new(format!("the trail of {guild} is not as it was written; nothing was removed"))
                .help(format!("First of what was found: {finding}."))
                .help("`setai audit verify` lists all of it, and says what to do.")
                .exit(Exit::Refused))
        }
    }
}

/// What would be removed, and what would be but for an unfinished run.
fn line(guild: GuildId, prunable: &Prunable, older_than: DateTime<Utc>) -> Option<String> {
    let Prunable { rows, through, kept_for } = prunable;
    let kept = kept_for.map_or_else(String::new, |run| {
        format!(" Run {} is not finished, so it and everything after it is kept.", run.short())
    });
    let before = older_than.format("%Y-%m-%d");
    match rows {
        0 if kept.is_empty() => None,
        0 => Some(format!("{guild}: no row can be removed.{kept}")),
        rows => Some(format!("{guild}: {rows} rows from before {before}, through row {through}.{kept}")),
    }
}

fn ask(screen: Screen) -> Result<(), Failure> {
    if !screen.is_interactive() {
        return Err(Failure::new("nobody can be asked here, so nothing was removed")
            .help("Look at what would be with `--dry-run`, then use `--auto-approve`.")
            .exit(Exit::Refused));
    }
    let question = "Remove these rows for ever? An export keeps them (`setai audit export`).";
    screen.confirm(question, "nothing was removed")
}
