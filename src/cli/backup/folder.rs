//! The folder of a backup: sealing one, proving that it is what was sealed, listing them, and taking one away.
//!
//! Trusts nothing it finds. Only names a backup can have are read or removed, links are never followed, and what does not
//! belong is a finding.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::record::{self, FORMAT, RECORD, Record, SUMS};
use crate::cli::failure::Failure;

/// More than the sums of the largest backup take; a longer file is something else.
const MOST_SUMS: u64 = 16 << 20;
/// More than a record or the layout of a guild takes.
const MOST_TEXT: u64 = 64 << 20;

/// A backup of which every byte is as it was sealed.
#[derive(Clone, Debug)]
pub(super) struct Backup {
    pub(super) path: PathBuf,
    pub(super) record: Record,
    /// The SHA-256 of each file by its name.
    pub(super) sums: BTreeMap<String, String>,
    pub(super) bytes: u64,
}

/// A folder that looks like a backup, by its name, and what was found in it.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) state: Result<Backup, Vec<String>>,
}

impl Found {
    pub(super) fn name(&self) -> String {
        name_of(&self.path)
    }
}

/// The last part of a path.
pub(super) fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Makes a folder that is nobody else's to look into, and everything above it.
pub(super) fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

/// Keeps others from reading a file.
pub(super) fn make_file_private(file: &File) -> io::Result<()> {
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    file.sync_all()
}

/// Writes a new file for nobody else's eyes, down to the disk.
pub(super) fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes sure that a folder still has its entries after a power failure.
pub(super) fn sync(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// Writes the sums of everything in a folder. Nothing is added to it afterwards.
pub(super) fn seal(folder: &Path, record: &Record) -> io::Result<()> {
    let mut sums = String::new();
    for name in record.files() {
        let (sum, _) = sum_of(&folder.join(&name), &mut io::sink())?;
        sums.push_str(&format!("{sum}  {name}\n"));
    }
    write_private(&folder.join(SUMS), sums.as_bytes())?;
    for guild in &record.guilds {
        sync(&folder.join("guilds").join(guild.guild.to_string()))?;
    }
    if !record.guilds.is_empty() {
        sync(&folder.join("guilds"))?;
    }
    sync(folder)
}

/// Reads a file to its end, writes it on, and tells its SHA-256 and its length.
pub(super) fn sum_of(path: &Path, copy: &mut dyn io::Write) -> io::Result<(String, u64)> {
    let mut file = open(path)?;
    let (mut hasher, mut buffer, mut length) = (Sha256::new(), vec![0; 1 << 16], 0);
    loop {
        let read = match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hasher.update(&buffer[..read]);
        copy.write_all(&buffer[..read])?;
        length += read as u64;
    }
    Ok((hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect(), length))
}

/// Opens a file that is one, and no link to another.
fn open(path: &Path) -> io::Result<File> {
    if fs::symlink_metadata(path)?.is_file() {
        return File::open(path);
    }
    Err(io::Error::other("it is not a plain file"))
}

/// A text that is not too long to be one.
fn text(path: &Path, most: u64) -> io::Result<String> {
    let mut text = String::new();
    open(path)?.take(most + 1).read_to_string(&mut text)?;
    if text.len() as u64 > most { Err(io::Error::other("it is far too long")) } else { Ok(text) }
}

/// A text of a backup.
pub(super) fn read_text(folder: &Path, name: &str) -> Result<String, String> {
    text(&folder.join(name), MOST_TEXT).map_err(|error| format!("{name}: {error}"))
}

/// Proves that a folder is a backup and that every byte of it is as it was sealed; or says everything that is wrong.
pub(super) fn check(folder: &Path) -> Result<Backup, Vec<String>> {
    let sums = sums(folder).map_err(|problem| vec![problem])?;
    let mut problems = Vec::new();
    let mut bytes = 0;
    for (name, expected) in &sums {
        match sum_of(&folder.join(name), &mut io::sink()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => problems.push(format!("{name}: it is missing")),
            Err(error) => problems.push(format!("{name}: {error}")),
            Ok((sum, _)) if sum != *expected => problems.push(format!("{name}: it is not what was written")),
            Ok((_, length)) => bytes += length,
        }
    }
    let mut entries = Vec::new();
    if let Err(error) = list_entries(folder, "", &mut entries) {
        problems.push(format!("the folder cannot be read: {error}"));
    }
    let foreign = entries.iter().filter(|name| *name != SUMS && !sums.contains_key(*name));
    problems.extend(foreign.map(|name| format!("{name}: it does not belong to the backup")));
    if !problems.is_empty() {
        return Err(problems);
    }
    let record = record(folder).map_err(|problem| vec![problem])?;
    if record.files().iter().ne(sums.keys()) {
        return Err(vec![format!("{SUMS}: it has not the files that {RECORD} names")]);
    }
    Ok(Backup { path: folder.to_owned(), record, sums, bytes })
}

/// The sums by name, when every line is one.
fn sums(folder: &Path) -> Result<BTreeMap<String, String>, String> {
    let text = match text(&folder.join(SUMS), MOST_SUMS) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(format!("there is no {SUMS} in it, so it is no backup, or not a whole one"));
        }
        Err(error) => return Err(format!("{SUMS}: {error}")),
    };
    let is_sum = |sum: &str| sum.len() == 64 && sum.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let mut sums = BTreeMap::new();
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let line = rest.split_once('\n').and_then(|(line, after)| Some((line.split_once("  ")?, after)));
        match line {
            Some(((sum, name), after)) if is_sum(sum) && record::is_name(name) && name != SUMS => {
                sums.insert(name.to_owned(), sum.to_owned());
                rest = after;
            }
            _ => return Err(format!("{SUMS}: line {} is not the sum of a backup's file", sums.len() + 1)),
        }
    }
    if !sums.contains_key(RECORD) {
        return Err(format!("{SUMS}: it does not name {RECORD}"));
    }
    Ok(sums)
}

fn record(folder: &Path) -> Result<Record, String> {
    #[derive(serde::Deserialize)]
    struct Version {
        format: u32,
    }
    let text = read_text(folder, RECORD)?;
    let unreadable = |error: serde_json::Error| format!("{RECORD}: {error}");
    let Version { format } = serde_json::from_str(&text).map_err(unreadable)?;
    if format > FORMAT {
        return Err(format!("its format is {format}, and this build knows {FORMAT} at most: use a newer setai"));
    }
    serde_json::from_str(&text).map_err(unreadable)
}

/// Everything in a folder that is no folder, and every folder that cannot be of a backup.
fn list_entries(folder: &Path, prefix: &str, into: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let depth = name.matches('/').count();
        if entry.file_type()?.is_dir() && depth < 2 && name.starts_with("guilds") {
            list_entries(&entry.path(), &format!("{name}/"), into)?;
        } else {
            into.push(name);
        }
    }
    Ok(())
}

/// Everything in the folder of backups that has the name of one, newest first, and what was never finished.
pub(super) fn names(backups: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>), Failure> {
    let unreadable = |error| Failure::new(format!("cannot read the backups in `{}`: {error}", backups.display()));
    let entries = match fs::read_dir(backups) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), Vec::new())),
        entries => entries.map_err(unreadable)?,
    };
    let (mut found, mut unfinished) = (Vec::new(), Vec::new());
    for entry in entries {
        let entry = entry.map_err(unreadable)?;
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        if entry.file_type().map_err(unreadable)?.is_symlink() {
            continue;
        }
        if record::made_at(&name).is_some() {
            found.push(path);
        } else if record::begun_at(&name).is_some() {
            unfinished.push(path);
        }
    }
    // Their names sort by time.
    found.sort_by(|one, other| other.cmp(one));
    unfinished.sort();
    Ok((found, unfinished))
}

/// The same, with what is found in each.
pub(super) fn list(backups: &Path) -> Result<(Vec<Found>, Vec<PathBuf>), Failure> {
    let (found, unfinished) = names(backups)?;
    Ok((found.into_iter().map(|path| Found { state: check(&path), path }).collect(), unfinished))
}

/// Removes the files of a backup and nothing else. A folder with anything foreign in it stays, with that in it.
pub(super) fn remove(folder: &Path) -> io::Result<()> {
    let mut entries = Vec::new();
    list_entries(folder, "", &mut entries)?;
    // The sums go first: what is left of a backup after a power failure is not taken for one.
    entries.sort_by_key(|name| name != SUMS);
    let is_ours = |name: &String| record::is_name(name) || name.starts_with("store.db-");
    for name in entries.iter().filter(|name| is_ours(name)) {
        fs::remove_file(folder.join(name))?;
    }
    let guilds = folder.join("guilds");
    if fs::symlink_metadata(&guilds).is_ok_and(|found| found.is_dir()) {
        for guild in fs::read_dir(&guilds)? {
            fs::remove_dir(guild?.path())?;
        }
        fs::remove_dir(&guilds)?;
    }
    fs::remove_dir(folder)
}
