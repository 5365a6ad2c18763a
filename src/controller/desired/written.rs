//! Manifests in little room: kept as they were written and packed, and read when somebody needs one.
//!
//! What a manifest means takes many times the room of its text, and a process looks after ten thousand guilds. Those that
//! were needed last stay as they are, so that with few guilds no text is read twice.

use std::sync::{Arc, Mutex, PoisonError};

use crate::manifest::{Files, Manifest, parse};
use crate::model::{GuildId, Index};

use super::super::rhythm::Rhythm;
use super::Obstacle;
use super::packed::{Packed, size, unpack};

/// A manifest with the place it is from.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Of which guild.
    pub guild: GuildId,
    /// What people call the guild, when the manifest says so.
    pub name: Option<String>,
    /// What tells the manifest from one that wants something else ([`Manifest::fingerprint`]).
    pub fingerprint: String,
    /// The source, by the name the operator gave it.
    pub source: String,
    /// The file.
    pub entry: String,
    /// The revision, as people read it.
    pub revision: String,
    /// When the guild is compared besides, when it has a rhythm of its own.
    pub rhythm: Option<Rhythm>,
    /// The files it is made of.
    pub(super) files: Files<Packed>,
    pub(super) shelf: Arc<Shelf>,
}

impl Wanted {
    /// What the guild should equal.
    ///
    /// # Errors
    /// When its text is no manifest, which it was when it was read first.
    pub fn manifest(&self) -> Result<Arc<Manifest>, Obstacle> {
        if let Some(manifest) = self.shelf.take_down(self.guild, &self.files, &self.entry) {
            return Ok(manifest);
        }
        let manifest = parse(&unpack(&self.files), &self.entry).manifest.ok_or_else(|| Obstacle {
            reason: "InvalidManifest",
            message: format!("`{}` at {} is no valid manifest", self.entry, self.revision),
            attempted: Some(self.revision.clone()),
            is_passing: false,
        })?;
        let manifest = Arc::new(manifest);
        self.shelf.put(&self.files, &self.entry, &manifest);
        Ok(manifest)
    }
}

/// The manifests that were needed last.
#[derive(Debug, Default)]
pub(super) struct Shelf(Mutex<Index<GuildId, Open>>);

#[derive(Debug)]
struct Open {
    files: Files<Packed>,
    entry: String,
    manifest: Arc<Manifest>,
}

impl Shelf {
    /// How many bytes all their files may have. What they mean takes about twenty times as much.
    const ROOM: usize = 1 << 20;

    fn take_down(&self, guild: GuildId, files: &Files<Packed>, entry: &str) -> Option<Arc<Manifest>> {
        let mut shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = shelf.get_index_of(&guild)?;
        // The last ones are those that were needed last.
        let last = shelf.len() - 1;
        shelf.move_index(place, last);
        let open = shelf.get(&guild).filter(|open| open.files == *files && open.entry == entry)?;
        Some(Arc::clone(&open.manifest))
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    pub(super) fn put(&self, files: &Files<Packed>, entry: &str, manifest: &Arc<Manifest>) {
        let open = Open { files: files.clone(), entry: entry.to_owned(), manifest: Arc::clone(manifest) };
        let mut shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shelf.shift_remove(&manifest.guild);
        shelf.insert(manifest.guild, open);
        let mut room: usize = shelf.values().map(|open| size(&open.files)).sum();
        // The newest stays, however large it is: somebody is about to use it.
        while room > Self::ROOM
            && shelf.len() > 1
            && let Some((_, oldest)) = shelf.shift_remove_index(0)
        {
            room = room.saturating_sub(size(&oldest.files));
        }
    }
}
