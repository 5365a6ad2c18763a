//! What a backup says of itself: `backup.json`, and the names of its files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::model::{Bindings, GuildId, Snapshot};

/// The format this build writes. It reads older ones, of which there are none yet.
pub(super) const FORMAT: u32 = 1;

/// The file with the [`Record`].
pub(super) const RECORD: &str = "backup.json";
/// The file with the sums of all others, as `sha256sum --check` reads them.
pub(super) const SUMS: &str = "SHA256SUMS";
/// The copy of the embedded database.
pub(super) const STORE: &str = "store.db";

/// Where the manifest of a guild is, below the backup's folder.
pub(super) fn layout_of(guild: GuildId) -> String {
    format!("guilds/{guild}/guild.yaml")
}

/// Where exactly what was seen of a guild is.
pub(super) fn snapshot_of(guild: GuildId) -> String {
    format!("guilds/{guild}/snapshot.json")
}

/// True for the names a file of a backup may have. No other is ever read, written or removed.
pub(super) fn is_name(name: &str) -> bool {
    if [RECORD, SUMS, STORE].contains(&name) {
        return true;
    }
    let guild = name.split('/').nth(1).and_then(|id| id.parse().ok()).and_then(GuildId::new_checked);
    guild.is_some_and(|guild| name == layout_of(guild) || name == snapshot_of(guild))
}

/// What a backup is and what it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) format: u32,
    /// The version that made it.
    pub(super) setai: String,
    pub(super) created_at: DateTime<Utc>,
    pub(super) store: Stored,
    pub(super) guilds: Vec<GuildRecord>,
    /// Guilds that should be in it and could not be read.
    pub(super) missing: Vec<Missing>,
}

/// What became of the records of setai.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kept", rename_all = "snake_case")]
pub(super) enum Stored {
    /// They are in the backup.
    Here {
        /// The last migration of its tables.
        schema: String,
        /// How many rows each table has.
        rows: BTreeMap<String, u64>,
    },
    /// They are at a server, which is backed up by `deploy/backup/`.
    Elsewhere {
        /// Which, without its password.
        server: String,
    },
    /// There were none yet.
    Nowhere,
}

/// A guild in a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct GuildRecord {
    pub(super) guild: GuildId,
    pub(super) name: String,
    pub(super) roles: usize,
    pub(super) channels: usize,
    /// What its manifest does not say.
    pub(super) unsaid: Vec<String>,
}

/// A guild that is not in a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Missing {
    pub(super) guild: GuildId,
    pub(super) name: String,
    pub(super) why: String,
}

/// Exactly what was seen of a guild, and what was bound in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Layout {
    pub(super) snapshot: Snapshot,
    pub(super) bindings: Bindings,
}

impl Record {
    pub(super) fn has_store(&self) -> bool {
        matches!(self.store, Stored::Here { .. })
    }

    /// The names of the files it must have, in order; the sums are not among them.
    pub(super) fn files(&self) -> Vec<String> {
        let guilds = self.guilds.iter().flat_map(|g| [layout_of(g.guild), snapshot_of(g.guild)]);
        let store = self.has_store().then(|| STORE.to_owned());
        let mut files: Vec<String> = guilds.chain(store).chain([RECORD.to_owned()]).collect();
        files.sort();
        files
    }

    /// True when whoever has this one need not keep the other.
    pub(super) fn covers(&self, other: &Self) -> bool {
        let has = |guild: &GuildRecord| self.guilds.iter().any(|mine| mine.guild == guild.guild);
        (self.has_store() || !other.has_store()) && other.guilds.iter().all(has)
    }
}

/// The time in a name, to the millisecond, without colons, which some disks cannot keep.
const STAMP: &str = "%Y%m%dT%H%M%S%.3fZ";

/// The folder of a backup: `setai-20261122T020000.000Z`. Names sort by time.
pub(super) fn folder_name(at: DateTime<Utc>) -> String {
    format!("setai-{}", at.format(STAMP))
}

/// The folder of a backup that is being made. Left behind when that is killed.
pub(super) fn unfinished_name(at: DateTime<Utc>) -> String {
    format!(".{}.unfinished", folder_name(at))
}

/// When a backup was made, by the name of its folder.
pub(super) fn made_at(folder: &str) -> Option<DateTime<Utc>> {
    let stamp = folder.strip_prefix("setai-")?;
    let at = NaiveDateTime::parse_from_str(stamp, STAMP).ok()?.and_utc();
    (folder_name(at) == folder).then_some(at)
}

/// The same for one that was never finished.
pub(super) fn begun_at(folder: &str) -> Option<DateTime<Utc>> {
    made_at(folder.strip_prefix('.')?.strip_suffix(".unfinished")?)
}

/// Where a database is moved that a restored one takes the place of.
pub(super) fn aside(database: &Path, at: DateTime<Utc>) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(format!(".replaced-{}", at.format(STAMP)));
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_files_of_a_backup_have_names() {
        for name in ["backup.json", "SHA256SUMS", "store.db", "guilds/7/guild.yaml", "guilds/7/snapshot.json"] {
            assert!(is_name(name), "{name}");
        }
        let foreign = [
            "",
            "..",
            "/etc/passwd",
            "../store.db",
            "./store.db",
            "guilds/../store.db",
            "guilds/7/../../x",
            "guilds/07/guild.yaml",
            "guilds/0/guild.yaml",
            "guilds/7/guild.yaml/x",
            "guilds//guild.yaml",
            "guilds/7/other.yaml",
            "store.db-wal",
        ];
        for name in foreign {
            assert!(!is_name(name), "{name}");
        }
    }

    #[test]
    fn a_folder_is_named_after_its_time() {
        let at = DateTime::from_timestamp_millis(1_795_000_000_042).expect("a time");
        assert_eq!(folder_name(at), "setai-20261118T110640.042Z");
        assert_eq!(made_at(&folder_name(at)), Some(at));
        assert_eq!(begun_at(&unfinished_name(at)), Some(at));
        for foreign in ["setai-20261118", "setai-2026111T110640.042Z", "other", ".setai-20261118T110640.042Z"] {
            assert_eq!((made_at(foreign), begun_at(foreign)), (None, None), "{foreign}");
        }
    }
}
