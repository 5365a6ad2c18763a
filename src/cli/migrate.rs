//! `setai migrate`: how the tables of the database stand, and bringing them up to date.

use crate::plan::render::Tone;
use crate::store::{self, MigrationState, MigrationStatus};

use super::arguments::{Connection, Migrate, MigrateCommand};
use super::context;
use super::failure::{Exit, Failure};
use super::screen::Screen;

pub(super) async fn run(command: &Migrate, connection: &Connection, screen: Screen) -> Result<Exit, Failure> {
    let url = context::database_url(connection)?;
    let applied = match command.command {
        MigrateCommand::Status => Vec::new(),
        MigrateCommand::Up => store::migrate(&url).await?,
    };
    let all = store::migrations(&url).await?;
    if command.json {
        screen.say(super::json(&all)?);
        return Ok(Exit::Success);
    }
    screen.say(format!("The database is {url}."));
    all.iter().for_each(|migration| row(migration, screen));
    match command.command {
        MigrateCommand::Status if all.iter().any(|m| m.state == MigrationState::Pending) => {
            screen.say("`setai migrate up` applies what is pending; so does every command that needs the database.");
        }
        MigrateCommand::Up if !applied.is_empty() => screen.say(format!("Applied {} migrations.", applied.len())),
        MigrateCommand::Status | MigrateCommand::Up => {}
    }
    Ok(Exit::Success)
}

fn row(migration: &MigrationStatus, screen: Screen) {
    let MigrationStatus { version, description, state, applied_at } = migration;
    let tone = match state {
        MigrationState::Applied => Tone::Plain,
        MigrationState::Pending => Tone::Warn,
        MigrationState::Unfinished | MigrationState::Edited | MigrationState::Unknown => Tone::Refuse,
    };
    let when = applied_at.map_or_else(String::new, |at| at.format("%Y-%m-%d %H:%M:%S").to_string());
    screen.toned(tone, format!("  {state:<10}  {when:<19}  {version}  {description}"));
}
