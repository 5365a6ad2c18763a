//! Where manifests come from: a git repository, or a folder.
//!
//! Decides what was there, at which revision, and whether it may be believed. A source that cannot be read is an error and
//! never an empty set of files. Knows nothing of guilds.

mod address;
mod digest;
mod directory;
mod elsewhere;
mod error;
pub mod folder;
mod git;
mod known_hosts;
mod limits;
mod signature;
mod wanted;
mod watch;
pub mod webhook;

use std::fmt;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

pub use directory::Directory;
pub use error::{Class, Error};
pub use git::{Credentials, Git, GitSettings, Reference};
pub use limits::Limits;
pub use signature::Signatures;
pub use wanted::{is_foreign, is_hidden, is_manifest, is_wanted};

use crate::manifest::Files;

/// How many characters of an id are shown to people.
const SHORT: usize = 12;

/// Where a source was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// The branch, tag or commit that was asked for, or the name of the folder.
    pub name: String,
    /// The commit in full, or of a folder the SHA-256 of what is in it; in hexadecimal digits.
    pub id: String,
    /// The first line of the commit's message.
    pub subject: Option<String>,
    /// Who wrote the commit, as it says itself: without a signature anybody can write any name there.
    pub author: Option<String>,
    /// When it was committed, as it says itself.
    pub at: Option<DateTime<Utc>>,
    /// Who signed it, as the operator's list of signers names them. None when signatures are not required.
    pub signed_by: Option<String>,
}

impl Revision {
    /// For people: `main@3f9c2e1ab04d`.
    pub fn short(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.id.get(..SHORT).unwrap_or(&self.id))
    }
}

/// Everything a source has to say at one revision. There is always a manifest among the files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// Where it was.
    pub revision: Revision,
    /// What was there.
    pub files: Files,
}

/// What came of a look at a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// The source is at the revision that was known.
    Unchanged,
    /// It is at another, and this is what is there.
    New(Box<Content>),
}

/// Something that has manifests.
#[async_trait]
pub trait Source: fmt::Debug + Send + Sync {
    /// Which one it is, for people. No secrets.
    fn describe(&self) -> String;

    /// Looks whether the source is at another revision than the known one, and if so, reads everything that is there.
    ///
    /// Whoever drops this before it is done stops it. What is known must have been read under the same settings: a
    /// revision that was read before signatures were required says nothing about who signed it.
    ///
    /// # Errors
    /// When it cannot be told what is there, or when that may not be used. There is never a part of it, and never nothing.
    async fn look(&self, known: Option<&Revision>) -> Result<Look, Error>;

    /// Reads everything that is there at another commit, of which nobody says that it counts: one that is proposed. Whoever signed
    /// it does not matter. None when there are no commits.
    ///
    /// # Errors
    /// As of [`look`](Self::look).
    async fn at(&self, commit: &str) -> Result<Option<Content>, Error>;

    /// Resolves when it is worth a look. A source that cannot tell never does: it has to be looked at now and then.
    async fn changed(&self);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_is_shown_shortly() {
        let revision = |id: &str| Revision {
            name: "main".to_owned(),
            id: id.to_owned(),
            subject: None,
            author: None,
            at: None,
            signed_by: None,
        };
        let commit = revision("3f9c2e1ab04d0000000000000000000000000000");
        assert_eq!(commit.short(), "main@3f9c2e1ab04d");
        assert_eq!(commit.to_string(), commit.short());
        assert_eq!(revision("abc").short(), "main@abc");
    }
}
