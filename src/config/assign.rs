//! Who may manage which guild.
//!
//! A repository says what it would like; the operator said what it may. A manifest that describes a guild without leave has no
//! say in it, and that is an error with a text. Looks at one manifest at a time: whether others describe the guild as well is
//! not asked here.

use crate::model::GuildId;

use super::{Config, Guild};

/// What the operator decided for a guild that a manifest may manage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// Whether it is left alone.
    pub suspended: bool,
}

/// Why a manifest may not manage a guild.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misassigned {
    /// No source is called so.
    #[error("there is no source `{0}`")]
    NoSuchSource(String),
    /// The source may manage other guilds only.
    #[error(
        "`{path}` of the source `{source_name}` describes the guild {guild}, which that source may not manage; \
        add it to the `guilds` of the source in the configuration, if it should"
    )]
    NotAllowed {
        /// The source.
        source_name: String,
        /// The manifest.
        path: String,
        /// The guild.
        guild: GuildId,
    },
    /// The guild was given to another source.
    #[error(
        "`{path}` of the source `{source_name}` describes the guild {guild}, which the configuration gives to the \
        source `{owner}`"
    )]
    GivenToAnother {
        /// The source.
        source_name: String,
        /// The manifest.
        path: String,
        /// The guild.
        guild: GuildId,
        /// The source it was given to.
        owner: String,
    },
    /// Another manifest was named for the guild.
    #[error(
        "`{path}` of the source `{source_name}` describes the guild {guild}, for which the configuration names `{expected}`"
    )]
    OtherPath {
        /// The source.
        source_name: String,
        /// The manifest.
        path: String,
        /// The guild.
        guild: GuildId,
        /// The manifest, or the folder, that was named.
        expected: String,
    },
}

impl Assignment {
    /// What holds when a manifest of a source describes a guild.
    ///
    /// # Errors
    /// When the operator did not allow it.
    pub fn of(config: &Config, source: &str, guild: GuildId, path: &str) -> Result<Self, Misassigned> {
        let found = config.source(source).ok_or_else(|| Misassigned::NoSuchSource(source.to_owned()))?;
        let (source_name, path) = (source.to_owned(), path.to_owned());
        if !found.scope.covers(guild) {
            return Err(Misassigned::NotAllowed { source_name, path, guild });
        }
        let decided = config.guilds.get(&guild).cloned().unwrap_or_default();
        // When a guild is compared is no matter of leave.
        let Guild { source: owner, path: expected, drift_interval: _, schedule: _, suspended } = decided;
        if let Some(owner) = owner.filter(|owner| *owner != source_name) {
            return Err(Misassigned::GivenToAnother { source_name, path, guild, owner });
        }
        if let Some(expected) = expected.filter(|expected| !is_at(&path, expected)) {
            return Err(Misassigned::OtherPath { source_name, path, guild, expected });
        }
        Ok(Self { suspended })
    }
}

/// True for the path itself, and for everything in it when it is a folder.
fn is_at(path: &str, expected: &str) -> bool {
    let rest = path.strip_prefix(expected);
    expected.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
