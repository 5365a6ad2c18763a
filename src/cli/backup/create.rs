//! `setai backup create`: copies what there is, proves the copy, and only then gives it its name.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::json;

use crate::cli::arguments::{BackupCreate, Connection};
use crate::cli::failure::{Exit, Failure, chain};
use crate::cli::import::{bound_by, known_keys, prove};
use crate::cli::screen::Screen;
use crate::cli::{cannot_write, context};
use crate::clock::Clock;
use crate::controller::Engine;
use crate::manifest::render::{Rendered, Style, render};
use crate::model::{Bindings, GuildId, Snapshot, Visibility};
use crate::plan::render::Tone;
use crate::store::{self, DatabaseUrl, MigrationState, Store};

use super::folder::{self, make_file_private, make_private, seal, write_private};
use super::record::{
    FORMAT, GuildRecord, Layout, Missing, RECORD, Record, STORE, Stored, folder_name, layout_of, snapshot_of,
    unfinished_name,
};
use super::{keep, show, verify};

pub(super) async fn run(
    command: &BackupCreate,
    place: &Path,
    connection: &Connection,
    as_json: bool,
    screen: Screen,
) -> Result<Exit, Failure> {
    let url = context::database_url(connection)?;
    let wanted = command.guild.iter().map(|id| context::guild_id(id)).collect::<Result<Vec<_>, _>>()?;
    let at = Clock::system().now();
    make_private(place).map_err(|error| cannot_write(place, &error))?;
    let unfinished = Unfinished::new(place.join(unfinished_name(at)))?;
    let work = &unfinished.0;
    let store = copy_store(&url, work).await?;
    let (guilds, missing) = match (command.no_layouts, &store) {
        (true, Stored::Here { .. }) => (Vec::new(), Vec::new()),
        (true, Stored::Elsewhere { .. } | Stored::Nowhere) => return Err(nothing_to_keep(&url)),
        (false, store) => layouts(connection, wanted, bound_store(&url, store, work).await?, work).await?,
    };
    let setai = env!("CARGO_PKG_VERSION").to_owned();
    let record = Record { format: FORMAT, setai, created_at: at, store, guilds, missing };
    let path = finish(&record, unfinished, &place.join(folder_name(at))).await?;
    let removed = match command.keep {
        Some(keep) => keep::prune(place, keep, at).await?,
        None => keep::Pruned::default(),
    };
    tell(&record, &path, &removed, at, as_json, screen)
}

/// A folder that goes with this value, unless it is finished.
struct Unfinished(PathBuf);

impl Unfinished {
    fn new(path: PathBuf) -> Result<Self, Failure> {
        if path.exists() {
            return Err(Failure::new(format!("`{}` is there already", path.display())));
        }
        make_private(&path).map_err(|error| cannot_write(&path, &error))?;
        Ok(Self(path))
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// What the bindings are read from while the backup is made.
const SCRATCH: &str = "store.db-scratch";

fn nothing_to_keep(url: &DatabaseUrl) -> Failure {
    Failure::new(format!("{url} is not a file, so without layouts there is nothing to back up"))
        .help("A database server is backed up by the scripts in deploy/backup/; docs/backup.md says how.")
}

fn not_there(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

/// Copies the embedded database as it is at this moment, whatever version its tables have.
async fn copy_store(url: &DatabaseUrl, work: &Path) -> Result<Stored, Failure> {
    let from = match url {
        DatabaseUrl::Server(server) => return Ok(Stored::Elsewhere { server: server.to_string() }),
        DatabaseUrl::Memory => return Ok(Stored::Nowhere),
        DatabaseUrl::File(path) if !path.exists() => {
            return Err(Failure::new(format!("there is no database `{}`", path.display())).help(format!(
                "No backup was made. Is {} right? Every command but this makes one there.",
                store::SETTING
            )));
        }
        DatabaseUrl::File(path) => path,
    };
    let to = work.join(STORE);
    let failed = |error: store::Error| {
        Failure::new(format!("cannot copy the database `{}` to `{}`: {}", from.display(), to.display(), chain(&error)))
            .help("No backup was made, and nothing is left of it. Is the disk full, or the database damaged?")
    };
    store::copy(from, &to).await.map_err(failed)?;
    let synced = std::fs::File::options().write(true).open(&to).and_then(|file| make_file_private(&file));
    synced.map_err(|error| cannot_write(&to, &error))?;
    let store::Examination { damage, migrations, rows, guilds: _ } = store::examine(&to).await.map_err(failed)?;
    if let Some(damage) = damage.first() {
        return Err(Failure::new(format!("the database `{}` is damaged: {damage}", from.display()))
            .help("No backup was made: it would be as damaged. `setai backup restore` brings back an earlier one."));
    }
    let schema = migrations.iter().rev().find(|m| m.applied_at.is_some()).map(|m| m.version.clone());
    Ok(Stored::Here { schema: schema.unwrap_or_default(), rows })
}

/// The bindings as they are in the copy. It is read in a copy of its own, brought up to date, so that a backup made before
/// an upgrade keeps its tables as they were.
async fn bound_store(url: &DatabaseUrl, stored: &Stored, work: &Path) -> Result<Arc<dyn Store>, Failure> {
    Ok(match stored {
        Stored::Elsewhere { .. } => {
            // Opening would bring a server's tables up to date, and a backup changes nothing.
            let migrations = store::migrations(url).await?;
            let pending = migrations.iter().filter(|migration| migration.state == MigrationState::Pending).count();
            match pending {
                0 => store::open(url).await?,
                all if all == migrations.len() => store::open(&DatabaseUrl::Memory).await?,
                _ => return Err(older(url)),
            }
        }
        Stored::Nowhere => store::open(&DatabaseUrl::Memory).await?,
        Stored::Here { .. } => {
            let scratch = work.join(SCRATCH);
            std::fs::copy(work.join(STORE), &scratch).map_err(|error| cannot_write(&scratch, &error))?;
            store::open(&DatabaseUrl::File(scratch)).await?
        }
    })
}

fn older(url: &DatabaseUrl) -> Failure {
    Failure::new(format!("the tables of {url} are older than this build"))
        .help("No backup was made. Back the server up with deploy/backup/full.sh, then run `setai migrate up`.")
}

/// Writes the layouts of the guilds that are wanted, or of all the bot is in, and tells which could not be read.
async fn layouts(
    connection: &Connection,
    wanted: Vec<GuildId>,
    bound: Arc<dyn Store>,
    work: &Path,
) -> Result<(Vec<GuildRecord>, Vec<Missing>), Failure> {
    let engine = Engine::new(Arc::new(context::client(connection)?), bound, Clock::system());
    let all = engine.client().guilds().await?;
    let name = |id: GuildId| all.iter().find(|guild| guild.id == id).map_or_else(|| id.to_string(), |g| g.name.clone());
    let ids = if wanted.is_empty() { all.iter().map(|guild| guild.id).collect() } else { wanted };
    let (mut guilds, mut missing) = (Vec::new(), Vec::new());
    for id in ids {
        match layout(&engine, id, work).await? {
            Ok(guild) => guilds.push(guild),
            Err(why) => missing.push(Missing { guild: id, name: name(id), why }),
        }
    }
    engine.store().close().await;
    std::fs::remove_file(work.join(SCRATCH)).or_else(not_there).map_err(|error| cannot_write(work, &error))?;
    Ok((guilds, missing))
}

/// Writes the layout of a guild. A guild that cannot be read is no reason to have no backup of the others.
async fn layout(engine: &Engine, guild: GuildId, work: &Path) -> Result<Result<GuildRecord, String>, Failure> {
    let snapshot = match engine.observe(guild).await {
        Ok(snapshot) => snapshot,
        Err(error) => return Ok(Err(chain(&error))),
    };
    let bindings = engine.store().bindings(guild).await?;
    let rendered = render(&snapshot.guild, &Style { keys: known_keys(&bindings), ..Style::default() });
    let unsaid = unsaid(&snapshot, &rendered, &bindings);
    let failed = |error: &dyn std::fmt::Display| cannot_write(work, error);
    make_private(&work.join("guilds").join(guild.to_string())).map_err(|error| failed(&error))?;
    let record = GuildRecord {
        guild,
        name: snapshot.guild.settings.name.clone(),
        roles: snapshot.guild.roles.len(),
        channels: snapshot.guild.channels.len(),
        unsaid,
    };
    let exact = crate::cli::json(&Layout { snapshot, bindings })?;
    write_private(&work.join(layout_of(guild)), rendered.text.as_bytes()).map_err(|error| failed(&error))?;
    write_private(&work.join(snapshot_of(guild)), exact.as_bytes()).map_err(|error| failed(&error))?;
    Ok(Ok(record))
}

/// What the manifest of a layout does not say, in words.
fn unsaid(snapshot: &Snapshot, rendered: &Rendered, bindings: &Bindings) -> Vec<String> {
    let kind = |channel: &_| format!("the channel {channel}, of a kind this build does not know");
    let mut unsaid: Vec<String> = rendered.left_out.iter().map(kind).collect();
    if snapshot.visibility() != Visibility::Complete {
        unsaid.push("channels the bot may not see".to_owned());
    }
    if let Err(failure) = prove(snapshot, rendered, &bound_by(bindings, &rendered.keys)) {
        unsaid.push(failure.what);
    }
    unsaid
}

/// Seals a backup, proves it as `verify` does, and gives it its name. What has a name is whole.
async fn finish(record: &Record, unfinished: Unfinished, path: &Path) -> Result<PathBuf, Failure> {
    let work = &unfinished.0;
    let failed = |error: &dyn std::fmt::Display| cannot_write(path, error);
    let text = crate::cli::json(record)? + "\n";
    write_private(&work.join(RECORD), text.as_bytes()).map_err(|error| failed(&error))?;
    seal(work, record).map_err(|error| failed(&error))?;
    verify::prove(work).await.map_err(|problems| failed(&problems.join("; ")))?;
    if path.exists() {
        return Err(failed(&"it is there already, and no backup is ever overwritten"));
    }
    std::fs::rename(work, path).map_err(|error| failed(&error))?;
    folder::sync(path.parent().unwrap_or(Path::new("."))).map_err(|error| failed(&error))?;
    Ok(path.to_owned())
}

fn tell(
    record: &Record,
    path: &Path,
    pruned: &keep::Pruned,
    now: DateTime<Utc>,
    as_json: bool,
    screen: Screen,
) -> Result<Exit, Failure> {
    let exit = if record.missing.is_empty() { Exit::Success } else { Exit::Partial };
    if as_json {
        let answer = json!({ "path": path, "backup": record, "removed": pruned.removed, "left": pruned.left });
        screen.say(crate::cli::json(&answer)?);
        return Ok(exit);
    }
    show::record(record, now, screen);
    pruned.removed.iter().for_each(|name| screen.say(format!("Removed {name}.")));
    pruned.left.iter().for_each(|left| screen.remark(left));
    screen.toned(Tone::Create, format!("Wrote and verified {}.", path.display()));
    Ok(exit)
}
