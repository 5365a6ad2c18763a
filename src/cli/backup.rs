//! `setai backup`: guild layouts and the embedded database, kept in folders that can be proved to be whole.
//!
//! A backup is a plain folder: manifests people can read and compare, exactly what was seen, a copy of the database, and the
//! sums of all of them, which `sha256sum --check SHA256SUMS` checks too. Nothing is packed, so nothing has to be unpacked.

mod create;
mod folder;
mod keep;
mod record;
mod restore;
mod show;
mod verify;

use std::path::{Path, PathBuf};

use super::arguments::{Backup, BackupCommand, Connection};
use super::context;
use super::failure::{Exit, Failure};
use super::screen::Screen;

pub(super) async fn run(command: &Backup, connection: &Connection, screen: Screen) -> Result<Exit, Failure> {
    let place = match &command.folder {
        Some(folder) => folder.clone(),
        None => context::state_folder()?.join("backups"),
    };
    match &command.command {
        BackupCommand::Create(create) => create::run(create, &place, connection, command.json, screen).await,
        BackupCommand::List => show::run(&place, command.json, screen),
        BackupCommand::Verify { backups } => verify::run(backups, &place, command.json, screen).await,
        BackupCommand::Restore(restore) => restore::run(restore, &place, connection, command.json, screen).await,
    }
}

fn none_in(place: &Path) -> Failure {
    Failure::new(format!("there is no backup in `{}`", place.display()))
        .help("`setai backup create` makes one; `--folder` or SETAI_BACKUPS names another folder.")
}

/// The backup people mean: by its name, by a path, or the newest, whatever state it is in.
fn find(word: &str, place: &Path) -> Result<PathBuf, Failure> {
    if word == "latest" {
        let (found, _) = folder::names(place)?;
        return found.into_iter().next().ok_or_else(|| none_in(place));
    }
    let named = [place.join(word), PathBuf::from(word)].into_iter().find(|path| path.is_dir());
    named.ok_or_else(|| {
        Failure::new(format!("there is no backup `{word}`"))
            .help("`setai backup list` names them; `latest` is the newest, and a path works too.")
    })
}

/// A backup of which every byte is as it was written.
fn whole(path: &Path) -> Result<folder::Backup, Failure> {
    folder::check(path).map_err(|problems| damaged(path, problems))
}

fn damaged(path: &Path, problems: Vec<String>) -> Failure {
    let failure = Failure::new(format!("`{}` is not a whole backup; nothing was changed", path.display()));
    problems.into_iter().fold(failure, Failure::help).help("`setai backup list` shows which ones are whole.")
}
