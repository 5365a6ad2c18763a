//! Who may manage which guild.
//!
//! A repository says what it would like; the operator said what it may. A guild that is claimed without leave, or twice, is
//! managed by nobody until somebody decides, and that is an error with a text, never a choice of ours.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::GuildId;

use super::{Config, Guild, Schedule};

/// A manifest that describes a guild.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Claim {
    /// The source it is in.
    pub source: String,
    /// The guild it describes.
    pub guild: GuildId,
    /// Its path in the source.
    pub path: String,
}

/// A guild, and who manages it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The guild.
    pub guild: GuildId,
    /// The source.
    pub source: String,
    /// The manifest in the source.
    pub path: String,
    /// How often it is compared although nothing is known to have changed.
    pub drift_interval: Duration,
    /// When it is compared besides.
    pub schedule: Option<Schedule>,
    /// Whether it is left alone.
    pub suspended: bool,
}

/// Why nobody manages a guild.
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
    /// Several manifests may and do describe the guild.
    #[error(
        "the guild {guild} is described by {}; remove all but one, or name one in the `guilds` of the configuration",
        listed(claims)
    )]
    Contested {
        /// The guild.
        guild: GuildId,
        /// All that describe it, ascending.
        claims: Vec<Claim>,
    },
}

fn listed(claims: &[Claim]) -> String {
    let each: Vec<String> = claims.iter().map(|claim| format!("`{}` of `{}`", claim.path, claim.source)).collect();
    each.join(" and by ")
}

impl Assignment {
    /// What holds when a manifest of a source describes a guild, and nothing else does.
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
        let Guild { source: owner, path: expected, drift_interval, schedule, suspended } = decided;
        if let Some(owner) = owner.filter(|owner| *owner != source_name) {
            return Err(Misassigned::GivenToAnother { source_name, path, guild, owner });
        }
        if let Some(expected) = expected.filter(|expected| !is_at(&path, expected)) {
            return Err(Misassigned::OtherPath { source_name, path, guild, expected });
        }
        let drift_interval = drift_interval.unwrap_or(config.drift.interval);
        Ok(Self { guild, source: source_name, path, drift_interval, schedule, suspended })
    }
}

/// True for the path itself, and for everything in it when it is a folder.
fn is_at(path: &str, expected: &str) -> bool {
    let rest = path.strip_prefix(expected);
    expected.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Who manages which guild, of everything all sources describe.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assignments {
    /// Guilds that are managed.
    pub managed: BTreeMap<GuildId, Assignment>,
    /// What is wrong, in the order of guilds.
    pub wrong: Vec<Misassigned>,
}

impl Assignments {
    /// Judges all claims together. The order they come in does not matter.
    pub fn of(config: &Config, claims: impl IntoIterator<Item = Claim>) -> Self {
        let mut by_guild: BTreeMap<GuildId, Vec<Claim>> = BTreeMap::new();
        for claim in claims {
            by_guild.entry(claim.guild).or_default().push(claim);
        }
        let mut assignments = Self::default();
        for (guild, mut claims) in by_guild {
            claims.sort();
            claims.dedup();
            let judged = claims.iter().map(|claim| Assignment::of(config, &claim.source, guild, &claim.path));
            let (allowed, refused): (Vec<_>, Vec<_>) = judged.partition(Result::is_ok);
            assignments.wrong.extend(refused.into_iter().filter_map(Result::err));
            let mut allowed: Vec<Assignment> = allowed.into_iter().filter_map(Result::ok).collect();
            match (allowed.pop(), allowed.is_empty()) {
                (Some(only), true) => {
                    assignments.managed.insert(guild, only);
                }
                (Some(last), false) => {
                    allowed.push(last);
                    let claims = allowed.into_iter().map(|a| Claim { source: a.source, guild, path: a.path }).collect();
                    assignments.wrong.push(Misassigned::Contested { guild, claims });
                }
                (None, _) => {}
            }
        }
        assignments
    }
}
