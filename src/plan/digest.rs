//! A number for everything a plan rests on, so that an approval is for this plan in this world and no other.

use std::hash::{Hash, Hasher};

use blake3::Hasher as Blake3;
use serde::{Deserialize, Serialize};

use crate::model::{Bindings, Channel, Guild, Role, Snapshot};

use super::operation::{BindingChange, Step};

/// A BLAKE3, in hex: a plan for a large guild says a megabyte of itself, and not every processor is fast at SHA-256.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(String);

impl Digest {
    /// The digest of a plan that rests on nothing, because it does nothing.
    pub(super) fn of_nothing() -> Self {
        Feed::default().digest()
    }

    /// All 64 hex digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first twelve digits, enough to tell plans apart.
    pub fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }

    /// True when `text` is the digest or a beginning of it with at least twelve digits.
    pub fn matches(&self, text: &str) -> bool {
        text.len() >= 12 && self.0.starts_with(text)
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The version of this build; a plan of another version is stale.
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Everything that was compared: the live guild apart from raw positions, what could be seen, and the bindings.
pub(super) fn fingerprint(snapshot: &Snapshot, bindings: &Bindings) -> Digest {
    let Snapshot { guild, bot, hidden } = snapshot;
    let Guild { id, owner, boost_tier, requires_mfa, settings, roles, channels } = guild;
    let mut feed = Feed::default();
    (id, owner, boost_tier, requires_mfa, settings, bot, hidden, bindings).hash(&mut feed);
    for Role { id, position: _, managed, attributes } in roles {
        (id, managed, attributes).hash(&mut feed);
    }
    for Channel { id, position: _, attributes } in channels {
        (id, attributes).hash(&mut feed);
    }
    feed.digest()
}

/// What an approval is bound to.
pub(super) fn digest(base: &Digest, revision: Option<&str>, steps: &[Step], changes: &[BindingChange]) -> Digest {
    let mut feed = Feed::default();
    (VERSION, base, revision, steps, changes).hash(&mut feed);
    feed.digest()
}

/// Makes a BLAKE3 of what values say of themselves. Digests are compared within one version of one build only, so the
/// form of what is said may change with the next.
#[derive(Default)]
struct Feed {
    hash: Blake3,
    /// Values speak a few bytes at a time, and the hash is fastest with many.
    waiting: Vec<u8>,
}

impl Feed {
    const BLOCK: usize = 16_384;

    fn digest(mut self) -> Digest {
        self.hash.update(&self.waiting);
        Digest(self.hash.finalize().to_hex().to_string())
    }
}

impl Hasher for Feed {
    fn write(&mut self, bytes: &[u8]) {
        self.waiting.extend_from_slice(bytes);
        if self.waiting.len() >= Self::BLOCK {
            self.hash.update(&self.waiting);
            self.waiting.clear();
        }
    }

    fn finish(&self) -> u64 {
        // Only the digest of everything is asked for.
        0
    }
}
