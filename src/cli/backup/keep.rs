//! Which backups are old enough to go. A backup goes when enough newer ones hold all that it holds, so the last ones of a
//! guild that was left, or of a database that moved, stay whatever comes after them.

use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};

use crate::cli::failure::Failure;

use super::folder::{Found, list, name_of, remove};
use super::record::{Record, begun_at};
use super::verify;

/// What became of old backups.
#[derive(Debug, Default)]
pub(super) struct Pruned {
    /// Names of those that are gone.
    pub(super) removed: Vec<String>,
    /// Why others are still there, in words.
    pub(super) left: Vec<String>,
}

/// Removes every backup that so many newer ones make superfluous, each of which was just proved to be whole. Damaged ones
/// count for nothing and are left for somebody to look at; what was never finished goes after a day.
pub(super) async fn prune(place: &Path, keep: u32, now: DateTime<Utc>) -> Result<Pruned, Failure> {
    let (found, unfinished) = list(place)?;
    let mut pruned = Pruned::default();
    let mut proved: Vec<Record> = Vec::new();
    for Found { path, state } in found {
        let outcome = match state {
            Ok(backup) if is_superfluous(&backup.record, &proved, keep) => remove(&path).map_err(|e| e.to_string()),
            Ok(_) => match verify::prove(&path).await {
                Ok(backup) => {
                    proved.push(backup.record);
                    continue;
                }
                Err(problems) => Err(format!("it is damaged ({})", problems.join("; "))),
            },
            Err(problems) => Err(format!("it is damaged ({})", problems.join("; "))),
        };
        match outcome {
            Ok(()) => pruned.removed.push(name_of(&path)),
            Err(why) => pruned.left.push(format!("{} was left where it is: {why}", name_of(&path))),
        }
    }
    for path in unfinished {
        let name = name_of(&path);
        if begun_at(&name).is_some_and(|at| now.signed_duration_since(at) > TimeDelta::days(1)) {
            match remove(&path) {
                Ok(()) => pruned.removed.push(name),
                Err(error) => pruned.left.push(format!("{name} was left where it is: {error}")),
            }
        }
    }
    Ok(pruned)
}

/// True when at least so many of the newer backups hold everything it holds.
fn is_superfluous(record: &Record, newer: &[Record], keep: u32) -> bool {
    newer.iter().filter(|newer| newer.covers(record)).count() as u64 >= u64::from(keep.max(1))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::cli::backup::record::{FORMAT, GuildRecord, Stored};
    use crate::model::GuildId;

    fn backup(store: bool, guilds: &[u64]) -> Record {
        let guild = |id: &u64| GuildRecord {
            guild: GuildId::new(*id),
            name: id.to_string(),
            roles: 1,
            channels: 1,
            unsaid: Vec::new(),
        };
        let store = match store {
            true => Stored::Here { schema: "1".to_owned(), rows: BTreeMap::new() },
            false => Stored::Elsewhere { server: "db".to_owned() },
        };
        let guilds = guilds.iter().map(guild).collect();
        let (setai, created_at, missing) = ("1".to_owned(), DateTime::UNIX_EPOCH, Vec::new());
        Record { format: FORMAT, setai, created_at, store, guilds, missing }
    }

    #[test]
    fn a_backup_goes_when_enough_newer_ones_hold_what_it_holds() {
        let newer = [backup(true, &[1, 2]), backup(true, &[1]), backup(false, &[1, 2, 3])];
        let cases = [
            (backup(true, &[1]), 2, true),
            (backup(true, &[1]), 3, false),
            (backup(true, &[1, 2]), 1, true),
            (backup(true, &[1, 2]), 2, false),
            (backup(false, &[1]), 3, true),
            (backup(true, &[3]), 1, false),
            (backup(true, &[]), 2, true),
            // To keep none is not a wish anybody can have.
            (backup(true, &[4]), 0, false),
        ];
        for (record, keep, expected) in cases {
            assert_eq!(is_superfluous(&record, &newer, keep), expected, "{record:?} {keep}");
        }
        assert!(!is_superfluous(&backup(true, &[]), &[], 0), "the last one stays");
    }
}
