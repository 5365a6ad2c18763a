//! `setai audit`: what was done, by whom, and the proof that nobody changed the record of it.

mod export;
mod list;
mod prune;
mod show;
mod verify;
mod when;

use crate::model::GuildId;
use crate::store::Store;

use super::arguments::{Audit, AuditCommand, Connection};
use super::context;
use super::failure::{Exit, Failure};
use super::screen::Screen;

pub(super) use when::{Age, Moment};

pub(super) async fn run(command: &Audit, connection: &Connection, screen: Screen) -> Result<Exit, Failure> {
    let store = context::store(connection).await?;
    let store = store.as_ref();
    match &command.command {
        AuditCommand::List(command) => list::run(command, store, screen).await,
        AuditCommand::Show(command) => show::run(command, store, screen).await,
        AuditCommand::Verify(command) => verify::run(command, store, screen).await,
        AuditCommand::Export(command) => export::run(command, store, screen).await,
        AuditCommand::Prune(command) => prune::run(command, store, screen).await,
    }
}

/// The guild that was named, or all that have a trail.
async fn guilds(named: Option<&str>, store: &dyn Store) -> Result<Vec<GuildId>, Failure> {
    match named {
        Some(guild) => Ok(vec![context::guild_id(guild)?]),
        None => Ok(store.audited_guilds().await?),
    }
}
