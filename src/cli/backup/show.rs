//! `setai backup list`: what there is, newest first.

use std::path::Path;

use chrono::{DateTime, Utc};
use serde_json::json;

use crate::cli::failure::{Exit, Failure};
use crate::cli::screen::Screen;
use crate::plan::render::Tone;

use super::folder::{Found, list, name_of};
use super::record::{Record, Stored};

pub(super) fn run(place: &Path, as_json: bool, screen: Screen) -> Result<Exit, Failure> {
    let (found, unfinished) = list(place)?;
    if as_json {
        let backups: Vec<_> = found.iter().map(as_value).collect();
        screen.say(crate::cli::json(&json!({ "backups": backups, "unfinished": unfinished }))?);
        return Ok(Exit::Success);
    }
    if found.is_empty() {
        screen.say(format!("There is no backup in {}. `setai backup create` makes one.", place.display()));
    }
    found.iter().for_each(|found| row(found, screen));
    for path in unfinished {
        screen.toned(Tone::Warn, format!("{}  is being made, or was never finished", name_of(&path)));
    }
    Ok(Exit::Success)
}

fn as_value(found: &Found) -> serde_json::Value {
    match &found.state {
        Ok(backup) => {
            json!({ "path": backup.path, "whole": true, "bytes": backup.bytes, "backup": backup.record })
        }
        Err(problems) => json!({ "path": found.path, "whole": false, "problems": problems }),
    }
}

fn row(found: &Found, screen: Screen) {
    match &found.state {
        Ok(backup) => {
            let tone = if backup.record.missing.is_empty() { Tone::Plain } else { Tone::Warn };
            let size = backup.bytes.div_ceil(1024);
            screen.toned(tone, format!("{}  {}, {size} KiB", found.name(), holds(&backup.record)));
        }
        Err(problems) => {
            let more = if problems.len() > 1 { format!(" (and {} more)", problems.len() - 1) } else { String::new() };
            let first = problems.first().map_or("", String::as_str);
            screen.toned(Tone::Refuse, format!("{}  damaged: {first}{more}", found.name()));
        }
    }
}

/// What a backup holds, in one line.
fn holds(record: &Record) -> String {
    let store = match &record.store {
        Stored::Here { .. } => "the database",
        Stored::Elsewhere { .. } | Stored::Nowhere => "no database",
    };
    let missing = match record.missing.len() {
        0 => String::new(),
        missing => format!(", {missing} missing"),
    };
    format!("{store} and {} guild(s){missing}, by setai {}", record.guilds.len(), record.setai)
}

/// What a backup holds, in full.
pub(super) fn record(record: &Record, now: DateTime<Utc>, screen: Screen) {
    let age = now.signed_duration_since(record.created_at);
    let age = match (age.num_days(), age.num_hours(), age.num_minutes()) {
        (0, 0, 0) => "now".to_owned(),
        (0, 0, minutes) => format!("{minutes} minute(s) ago"),
        (0, hours, _) => format!("{hours} hour(s) ago"),
        (days, ..) => format!("{days} day(s) ago"),
    };
    let at = record.created_at.format("%Y-%m-%d %H:%M:%S UTC");
    screen.say(format!("Backup of {at}, {age}, by setai {}", record.setai));
    match &record.store {
        Stored::Here { schema, rows } => {
            let all: u64 = rows.values().sum();
            screen.say(format!("  the database: {all} rows in {} tables, at {schema}", rows.len()));
        }
        Stored::Elsewhere { server } => screen.toned(
            Tone::Warn,
            format!("  not the database {server}: deploy/backup/ backs up servers, and this holds layouts only"),
        ),
        Stored::Nowhere => screen.say("  no database: there was none"),
    }
    for guild in &record.guilds {
        let (id, name) = (guild.guild, &guild.name);
        screen.say(format!("  {name} {id}: {} roles, {} channels", guild.roles, guild.channels));
        guild.unsaid.iter().for_each(|what| screen.toned(Tone::Warn, format!("    its manifest does not say: {what}")));
    }
    for missing in &record.missing {
        screen.toned(Tone::Refuse, format!("  missing: {} {}: {}", missing.name, missing.guild, missing.why));
    }
}
