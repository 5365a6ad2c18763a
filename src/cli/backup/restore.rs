//! `setai backup restore`: puts the database of a backup in the place of the present one, or a layout where it can be planned.
//!
//! Nothing is destroyed: what is replaced is moved aside first. Nothing is sent to Discord either.

mod difference;

use std::fs::File;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::cli::arguments::{BackupRestore, Connection};
use crate::cli::failure::{Exit, Failure, chain};
use crate::cli::screen::Screen;
use crate::cli::{cannot_write, context, write_whole};
use crate::clock::Clock;
use crate::manifest::schema;
use crate::plan::render::Tone;
use crate::store::{self, DatabaseUrl};

use super::folder::{Backup, make_file_private, make_private, read_text, sum_of};
use super::record::{STORE, Stored, aside, layout_of};
use super::{damaged, find, show, verify, whole};
use difference::Difference;

pub(super) async fn run(
    command: &BackupRestore,
    place: &Path,
    connection: &Connection,
    as_json: bool,
    screen: Screen,
) -> Result<Exit, Failure> {
    let path = find(&command.backup, place)?;
    match &command.layout {
        Some(guild) => layout(&whole(&path)?, guild, command, as_json, screen),
        None => database(&path, command, connection, as_json, screen).await,
    }
}

/// Writes the manifest of one guild, for `plan` and `apply`.
fn layout(
    backup: &Backup,
    guild: &str,
    command: &BackupRestore,
    as_json: bool,
    screen: Screen,
) -> Result<Exit, Failure> {
    let id = context::guild_id(guild)?;
    let Some(recorded) = backup.record.guilds.iter().find(|recorded| recorded.guild == id) else {
        let failure = Failure::new(format!("the backup has no layout of the guild {id}"));
        let missing = backup.record.missing.iter().filter(|missing| missing.guild == id);
        return Err(missing
            .fold(failure, |failure, missing| failure.help(format!("It could not be read then: {}", missing.why))));
    };
    let file = command.output.join("guild.yaml");
    if file.exists() && !command.force {
        return Err(Failure::new(format!("`{}` is there already", file.display()))
            .help("Choose another folder with `--output`, or overwrite it with `--force`."));
    }
    let text = read_text(&backup.path, &layout_of(id)).map_err(Failure::new)?;
    write_whole(&file, text.as_bytes())?;
    write_whole(&command.output.join("schemas/guild.v1.json"), schema::schema_text().as_bytes())?;
    if as_json {
        screen.say(crate::cli::json(&json!({ "guild": id, "wrote": file, "unsaid": recorded.unsaid }))?);
        return Ok(Exit::Success);
    }
    let at = backup.record.created_at.format("%Y-%m-%d %H:%M:%S UTC");
    screen.say(format!("Wrote {}: {} as it was at {at}. Nothing was sent to Discord.", file.display(), recorded.name));
    for what in &recorded.unsaid {
        screen.toned(Tone::Warn, format!("  It does not say: {what}"));
    }
    let folder = command.output.display();
    screen.say(format!("`setai plan {folder}` shows the way back, and `setai apply {folder}` goes it."));
    for line in [
        "It makes deleted channels and roles again. Their messages, threads, webhooks and invites, and who had a role, do not",
        "come back. What was made since is not in it, so a plan proposes to archive that. If you have a manifest of your own, copy",
        "what you miss from here to there: it has your policies and expectations too, which this has not.",
    ] {
        screen.say(line);
    }
    Ok(Exit::Success)
}

/// Puts the database in its place.
async fn database(
    path: &Path,
    command: &BackupRestore,
    connection: &Connection,
    as_json: bool,
    screen: Screen,
) -> Result<Exit, Failure> {
    let place = match context::database_url(connection)? {
        DatabaseUrl::File(place) => resolved(place),
        url @ (DatabaseUrl::Memory | DatabaseUrl::Server(_)) => return Err(elsewhere(&url)),
    };
    let backup = verify::prove(path).await.map_err(|problems| damaged(path, problems))?;
    let Stored::Here { schema, .. } = &backup.record.store else {
        return Err(Failure::new("the backup holds no database")
            .help("`--layout GUILD` restores the layout of a guild from it."));
    };
    let now = Clock::system().now();
    let aside = aside(&place, now);
    let staged = Staged::beside(&place, &backup).await?;
    if !as_json {
        show::record(&backup.record, now, screen);
        preview(&place, &aside, schema, &staged, screen);
    }
    if !command.auto_approve {
        ask(screen)?;
    }
    let replaced = store::replace(&place, &staged.file, &aside).await.map_err(in_use)?;
    if as_json {
        let (aside, difference) = (replaced.then_some(&aside), &staged.difference);
        screen.say(crate::cli::json(&json!({ "restored": place, "moved_aside": aside, "difference": difference }))?);
        return Ok(Exit::Success);
    }
    screen.toned(Tone::Create, format!("Restored {}.", place.display()));
    screen.say(
        "Next: `setai plan` shows what the guilds and the manifests differ in. Read it before anything is applied.",
    );
    Ok(Exit::Success)
}

/// A database ready to be put in its place, on the same disk. It goes with this value, unless it was.
struct Staged {
    file: PathBuf,
    migrated: Vec<String>,
    difference: Difference,
    _folder: tempfile::TempDir,
}

impl Staged {
    async fn beside(place: &Path, backup: &Backup) -> Result<Self, Failure> {
        let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        make_private(folder).map_err(|error| cannot_write(folder, &error))?;
        let work = tempfile::Builder::new().prefix(".setai-restore-").tempdir_in(folder);
        let work = work.map_err(|error| cannot_write(folder, &error))?;
        let file = copied(backup, work.path())?;
        let migrated = store::revive(&file).await.map_err(|error| cannot_write(&file, &chain(&error)))?;
        let difference = Difference::between(place, &file, work.path()).await;
        let synced = File::options().write(true).open(&file).and_then(|file| make_file_private(&file));
        synced.map_err(|error| cannot_write(&file, &error))?;
        Ok(Self { file, migrated, difference, _folder: work })
    }
}

/// Where a link leads to, so that what is replaced is the database and not the link.
fn resolved(place: PathBuf) -> PathBuf {
    place.canonicalize().unwrap_or(place)
}

fn elsewhere(url: &DatabaseUrl) -> Failure {
    Failure::new(format!("{url} is not a file, so nothing can be restored there"))
        .help("A database server is restored by deploy/backup/restore.sh; docs/backup.md says how.")
        .help("`--layout GUILD` restores the layout of a guild, whatever the database.")
}

/// A copy of the backup's database on the disk it is going to be on. What is copied is what was sealed.
fn copied(backup: &Backup, work: &Path) -> Result<PathBuf, Failure> {
    let staged = work.join(STORE);
    let mut copy = File::create(&staged).map_err(|error| cannot_write(&staged, &error))?;
    sum_of(&backup.path.join(STORE), &mut copy).map_err(|error| cannot_write(&staged, &error))?;
    let (written, _) = sum_of(&staged, &mut std::io::sink()).map_err(|error| cannot_write(&staged, &error))?;
    if backup.sums.get(STORE) == Some(&written) {
        return Ok(staged);
    }
    Err(cannot_write(&staged, &"it is not what the backup holds; does somebody change that?"))
}

fn preview(place: &Path, aside: &Path, schema: &str, staged: &Staged, screen: Screen) {
    let Staged { migrated, difference, .. } = staged;
    screen.say("");
    if place.exists() {
        screen.say(format!("It takes the place of {},", place.display()));
        screen.say(format!("which is kept as {}.", aside.display()));
    } else {
        screen.say(format!("It becomes {}, where there is nothing now.", place.display()));
    }
    if !migrated.is_empty() {
        screen.say(format!("Its tables were at {schema} and are brought up to date: {} migration(s).", migrated.len()));
    }
    difference.lines().into_iter().for_each(|(tone, line)| screen.toned(tone, line));
    screen.say("");
    for line in [
        "What this means: setai forgets what it did since. Objects made since belong to no key until a plan finds them by name,",
        "kind and category; where several fit it asks, and nothing unbound is deleted unless a policy says `prune: all`. Keys that",
        "were given up since belong to their objects again: if they are not in the manifest, a plan proposes to remove those.",
        "Approvals that were not used are void.",
    ] {
        screen.say(line);
    }
}

fn ask(screen: Screen) -> Result<(), Failure> {
    if !screen.is_interactive() {
        return Err(Failure::new("nobody can be asked here, so nothing was changed")
            .help("Look at what it means, then use `--auto-approve`.")
            .exit(Exit::Refused));
    }
    screen.confirm("Restore this?", "not restored; nothing was changed")
}

fn in_use(error: store::Error) -> Failure {
    let is_in_use = matches!(error, store::Error::Locked);
    let failure = Failure::new(chain(&error));
    if is_in_use {
        let failure = failure.help("Nothing was changed. Stop every setai that uses the database, then restore again.");
        return failure.exit(Exit::Refused);
    }
    failure.help("The database is as it was.")
}
