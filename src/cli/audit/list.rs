//! `setai audit list`: rows that fit, one line each.

use crate::clock::Clock;
use crate::plan::render::Tone;
use crate::store::{AuditFilter, AuditRow, Author, Phase, Store};

use super::super::arguments::AuditList;
use super::super::context;
use super::super::failure::{Exit, Failure};
use super::super::history;
use super::super::screen::Screen;

pub(super) async fn run(command: &AuditList, store: &dyn Store, screen: Screen) -> Result<Exit, Failure> {
    let AuditList { guild, run, action, actor, since, until, limit, json } = command;
    let now = Clock::system().now();
    let run = match run {
        Some(part) => Some(history::find(store, part).await?.summary.id),
        None => None,
    };
    let filter = AuditFilter {
        guild: guild.as_deref().map(context::guild_id).transpose()?,
        run,
        action: *action,
        author: actor.as_deref().map(author),
        since: since.map(|moment| moment.time(now)),
        until: until.map(|moment| moment.time(now)),
        limit: *limit,
        ..AuditFilter::default()
    };
    let rows = store.audit(&filter).await?;
    if *json {
        screen.say(crate::cli::json(&rows)?);
    } else if rows.is_empty() {
        screen.say("There is no such row.");
    } else {
        rows.iter().for_each(|row| screen.toned(tone(row), line(row)));
    }
    Ok(Exit::Success)
}

/// A name without anything before it is one at a command line.
fn author(text: &str) -> Author {
    text.parse().unwrap_or_else(|_| Author::Local(text.to_owned()))
}

fn tone(row: &AuditRow) -> Tone {
    match row.phase {
        Phase::Intended => Tone::Faint,
        Phase::Done => Tone::Plain,
        Phase::Failed => Tone::Refuse,
        Phase::Withdrawn => Tone::Warn,
    }
}

/// What a row is called here and can be asked for by.
pub(super) fn name(row: &AuditRow) -> String {
    format!("{}:{}", row.guild, row.number)
}

fn line(row: &AuditRow) -> String {
    let run = row.correlation_id.map_or_else(String::new, |run| format!("  run {}", run.short()));
    format!(
        "{:<25}  {}  {:<21}  {:<9}  {}  by {}{run}",
        name(row),
        row.logged_at.format("%Y-%m-%d %H:%M:%S"),
        row.action,
        row.phase,
        object(row),
        row.author,
    )
}

/// What a row is about, in words.
pub(super) fn object(row: &AuditRow) -> String {
    let details = &row.details;
    let several = || format!("{} {}s", details.affected_entities.len(), details.target_type);
    match (&details.target_name, &details.target_id) {
        (Some(name), _) => format!("{} {name}", details.target_type),
        (None, Some(id)) => format!("{} {id}", details.target_type),
        (None, None) if details.affected_entities.is_empty() => "settings of the guild".to_owned(),
        (None, None) => several(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::audit::show::tests::renamed;

    #[test]
    fn a_row_is_a_line() {
        insta::assert_snapshot!(line(&renamed()), @"9300000000000000001:42     2026-11-22 10:00:00  channel_modified       done       channel rules  by local:ada  run 456789ab");
    }

    #[test]
    fn a_bare_name_is_one_at_a_command_line() {
        assert_eq!(author("ada"), Author::Local("ada".to_owned()));
        assert_eq!(author("local:ada"), Author::Local("ada".to_owned()));
        assert_eq!(author("controller"), Author::Controller);
    }
}
