//! A number for everything a plan rests on, so that an approval is for this plan in this world and no other.

use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::model::{Bindings, Guild, Snapshot};

use super::operation::{BindingChange, Step};

/// A SHA-256, in hex.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(String);

impl Digest {
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
        let text = text.strip_prefix("sha256:").unwrap_or(text);
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
    let mut hasher = Hashing::default();
    (id.get(), owner.get(), boost_tier.0, requires_mfa).hash(&mut hasher);
    hasher.json(settings);
    for role in roles {
        role.id.hash(&mut hasher);
        hasher.json(&role.managed);
        hasher.json(&role.attributes);
    }
    for channel in channels {
        channel.id.hash(&mut hasher);
        hasher.json(&channel.attributes);
    }
    hasher.json(bot);
    hasher.json(hidden);
    hasher.json(bindings);
    hasher.finished()
}

/// What an approval is bound to.
pub(super) fn digest(base: &Digest, revision: Option<&str>, steps: &[Step], changes: &[BindingChange]) -> Digest {
    let mut hasher = Hashing::default();
    hasher.json(&(VERSION, base, revision, steps, changes));
    hasher.finished()
}

/// Feeds a SHA-256 from serialised values and from `Hash`.
#[derive(Default)]
struct Hashing(Sha256);

impl Hashing {
    fn json(&mut self, value: &impl Serialize) {
        // Serialising plain data with string keys cannot fail; were it to, the error's text would still be fed.
        let written = serde_json::to_writer(&mut *self, value);
        if let Err(error) = written {
            self.write(error.to_string().as_bytes());
        }
        self.write(b"\0");
    }

    fn finished(self) -> Digest {
        use std::fmt::Write as _;
        let mut text = String::with_capacity(64);
        for byte in self.0.finalize() {
            _ = write!(text, "{byte:02x}");
        }
        Digest(text)
    }
}

impl Hasher for Hashing {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        0
    }
}

impl std::io::Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
