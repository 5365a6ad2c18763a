//! Reads a revision of a source, of which most is as it was before.
//!
//! Decides what each file says, and which of them count. What is written as it was is not read again, so that a commit to
//! one guild costs what one guild costs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::manifest::{Asked, Diagnostic, Files, Severity, is_guild_file, parse};
use crate::model::GuildId;

use super::super::rhythm::Rhythm;
use super::packed::{Packed, pack};
use super::written::{Shelf, Wanted};
use super::{Obstacle, Permission};

/// A revision of a source that was read.
#[derive(Clone, Debug)]
pub(super) struct Read {
    pub(super) revision: String,
    files: Files<Packed>,
    /// The files in which manifests begin, and what came of reading each.
    entries: BTreeMap<String, Arc<Entry>>,
}

/// What came of reading a manifest.
#[derive(Debug)]
struct Entry {
    asked: Asked,
    found: Result<Found, Complaint>,
}

/// A manifest, apart from what it says.
#[derive(Debug)]
struct Found {
    guild: GuildId,
    name: Option<String>,
    fingerprint: String,
}

/// Why a file is no manifest.
#[derive(Debug)]
struct Complaint {
    /// The guild it is about all the same, when it says so.
    guild: Option<GuildId>,
    first: String,
    more: usize,
}

/// What was read of a source before.
#[derive(Debug)]
pub struct Known {
    source: String,
    good: BTreeMap<GuildId, Arc<Wanted>>,
    newest: Option<Read>,
    shelf: Arc<Shelf>,
}

/// What a revision says.
#[derive(Debug)]
pub enum Reading {
    /// What the one before said, at the same revision.
    Unchanged,
    /// This.
    New(Box<New>),
}

/// What a new revision says.
#[derive(Debug)]
pub struct New {
    pub(super) good: BTreeMap<GuildId, Arc<Wanted>>,
    /// Those of them of which the same is wanted as before.
    pub(super) same: BTreeSet<GuildId>,
    pub(super) obstacles: BTreeMap<GuildId, Obstacle>,
    pub(super) refused: BTreeMap<GuildId, Obstacle>,
    pub(super) strays: Vec<String>,
    pub(super) read: Read,
}

impl Known {
    pub(super) fn new(
        source: &str,
        good: BTreeMap<GuildId, Arc<Wanted>>,
        newest: Option<Read>,
        shelf: Arc<Shelf>,
    ) -> Self {
        Self { source: source.to_owned(), good, newest, shelf }
    }

    /// Reads what the source holds at a revision.
    pub fn read(self, revision: &str, files: Files, may: Permission<'_>) -> Reading {
        let packed = pack(&files, self.newest.as_ref().map(|before| &before.files));
        if self.newest.as_ref().is_some_and(|before| before.revision == revision && before.files == packed) {
            return Reading::Unchanged;
        }
        let entries = self.entries(&files, &packed);
        drop(files);
        let read = Read { revision: revision.to_owned(), files: packed, entries };
        let mut reader = Reader { known: &self, read: &read, may, said: Said::default() };
        read.entries.iter().for_each(|(path, entry)| reader.entry(path, entry));
        reader.miss();
        let Said { good, same, obstacles, refused, mut strays, describers: _ } = reader.said;
        if read.entries.is_empty() {
            strays.push("no file has a `guild:` key".to_owned());
        }
        Reading::New(Box::new(New { good, same, obstacles, refused, strays, read }))
    }

    fn entries(&self, files: &Files, packed: &Files<Packed>) -> BTreeMap<String, Arc<Entry>> {
        let entries = files.names().filter_map(|path| {
            let before = self.newest.as_ref();
            let was_read = before.is_some_and(|before| before.files.kept(path) == packed.kept(path));
            let known = before.and_then(|before| before.entries.get(path));
            let is_entry = if was_read { known.is_some() } else { is_guild_file(files, path) };
            let still =
                known.filter(|known| before.is_some_and(|before| known.asked.is_same_in(&before.files, packed)));
            let entry = || still.cloned().unwrap_or_else(|| Arc::new(self.entry(files, packed, path)));
            is_entry.then(|| (path.to_owned(), entry()))
        });
        entries.collect()
    }

    fn entry(&self, files: &Files, packed: &Files<Packed>, path: &str) -> Entry {
        let parsed = parse(files, path);
        let found = match parsed.manifest {
            Some(manifest) => {
                let (guild, name) = (manifest.guild, manifest.name.clone());
                let fingerprint = manifest.fingerprint().to_owned();
                self.shelf.put(&parsed.asked.among(packed), path, &Arc::new(manifest));
                Ok(Found { guild, name, fingerprint })
            }
            None => Err(Complaint::of(&parsed.diagnostics, self.guild_of(files, path))),
        };
        Entry { asked: parsed.asked, found }
    }

    /// The guild a file is about although it is no manifest, so that its state can say so: the one it was about when it
    /// could be read, or the one it names.
    fn guild_of(&self, files: &Files, path: &str) -> Option<GuildId> {
        let before = self.good.iter().find(|(_, wanted)| wanted.entry == path).map(|(guild, _)| *guild);
        before.or_else(|| written_guild(files, path))
    }
}

impl Complaint {
    fn of(diagnostics: &[Diagnostic], guild: Option<GuildId>) -> Self {
        let mut blocking = diagnostics.iter().filter(|d| d.severity == Severity::Block);
        let first = blocking.next().map_or_else(|| "it cannot be read".to_owned(), |first| first.message.clone());
        Self { guild, first, more: blocking.count() }
    }

    fn text(&self, path: &str, revision: &str) -> String {
        let Self { guild: _, first, more } = self;
        let more = if *more == 0 { String::new() } else { format!(" (and {more} more)") };
        format!("`{path}` at {revision} is no valid manifest: {first}{more}. `setai validate` shows every problem")
    }
}

/// What was found out so far.
#[derive(Debug, Default)]
struct Said {
    good: BTreeMap<GuildId, Arc<Wanted>>,
    same: BTreeSet<GuildId>,
    obstacles: BTreeMap<GuildId, Obstacle>,
    refused: BTreeMap<GuildId, Obstacle>,
    strays: Vec<String>,
    /// The files that may and do describe each guild.
    describers: BTreeMap<GuildId, String>,
}

struct Reader<'a> {
    known: &'a Known,
    read: &'a Read,
    may: Permission<'a>,
    said: Said,
}

impl Reader<'_> {
    fn entry(&mut self, path: &str, entry: &Entry) {
        let revision = &self.read.revision;
        let guild = match &entry.found {
            Ok(found) => Some(found.guild),
            Err(complaint) => complaint.guild,
        };
        let Some(guild) = guild else {
            self.said.strays.extend(entry.found.as_ref().err().map(|complaint| complaint.text(path, revision)));
            return;
        };
        // Whoever may not manage a guild cannot stop it either, by a second manifest or by a broken one.
        let rhythm = match (self.may)(&self.known.source, guild, path) {
            Ok(rhythm) => rhythm,
            Err(why) => return self.refuse(guild, why),
        };
        if let Some(other) = self.said.describers.insert(guild, path.to_owned()) {
            let message =
                format!("`{other}` and `{path}` both describe this guild at {revision}. Take one of them out");
            return self.stop(guild, "DescribedTwice", message);
        }
        match &entry.found {
            Ok(found) => self.accept(path, entry, found, rhythm),
            Err(complaint) => self.stop(guild, "InvalidManifest", complaint.text(path, revision)),
        }
    }

    fn accept(&mut self, path: &str, entry: &Entry, found: &Found, rhythm: Option<Rhythm>) {
        let Found { guild, name, fingerprint } = found;
        let wanted = Wanted {
            guild: *guild,
            name: name.clone(),
            fingerprint: fingerprint.clone(),
            source: self.known.source.clone(),
            entry: path.to_owned(),
            revision: self.read.revision.clone(),
            rhythm,
            files: entry.asked.among(&self.read.files),
            shelf: Arc::clone(&self.known.shelf),
        };
        if self.known.good.get(guild).is_some_and(|before| is_same_wish(before, &wanted)) {
            self.said.same.insert(*guild);
        }
        self.said.good.insert(*guild, Arc::new(wanted));
    }

    fn refuse(&mut self, guild: GuildId, why: String) {
        let revision = self.read.revision.clone();
        self.said.strays.push(why.clone());
        let obstacle = Obstacle { reason: "NotAssigned", message: why, attempted: Some(revision), is_passing: false };
        self.said.refused.insert(guild, obstacle);
    }

    /// Says of guilds that had a manifest and have none any more that nothing is removed for that.
    fn miss(&mut self) {
        for (guild, wanted) in &self.known.good {
            if self.said.describers.contains_key(guild) {
                continue;
            }
            if let Some(refused) = self.said.refused.remove(guild) {
                self.said.obstacles.insert(*guild, refused);
                continue;
            }
            let message = format!(
                "{} has no manifest of this guild any more; `{}` was the last one. Nothing is removed for that: put the file \
                 back, or leave the guild alone with `setai suspend`",
                self.read.revision, wanted.entry
            );
            self.stop(*guild, "ManifestGone", message);
        }
    }

    fn stop(&mut self, guild: GuildId, reason: &'static str, message: String) {
        self.said.good.remove(&guild);
        let obstacle = Obstacle { reason, message, attempted: Some(self.read.revision.clone()), is_passing: false };
        self.said.obstacles.insert(guild, obstacle);
    }
}

/// True when the same is wanted with the same care. What is written the same need not be read for that.
fn is_same_wish(before: &Wanted, now: &Wanted) -> bool {
    if before.entry == now.entry && before.files == now.files {
        return true;
    }
    match (before.manifest(), now.manifest()) {
        (Ok(before), Ok(now)) => before.wants_the_same(&now),
        _ => false,
    }
}

fn written_guild(files: &Files, path: &str) -> Option<GuildId> {
    let text = std::str::from_utf8(files.get(path)?).ok()?;
    let written = text.lines().find_map(|line| line.strip_prefix("guild:"))?;
    let digits: String = written.chars().filter(char::is_ascii_digit).collect();
    digits.parse().ok().and_then(GuildId::new_checked)
}
