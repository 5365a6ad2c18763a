//! How much a reconciliation may do by itself.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::source::glob_name as glob;
use super::window::Window;

/// What happens when Discord differs and nobody's commit explains it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DriftMode {
    /// It is reported.
    #[default]
    Report,
    /// It is undone.
    Heal,
}

/// Which objects are removed that the manifest does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Prune {
    /// Those a key was bound to.
    #[default]
    Managed,
    /// None.
    None,
    /// All, also those no key was ever bound to.
    All,
}

/// What removing a channel means. Roles cannot be archived: for them `archive` means `forget`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnRemove {
    /// It is moved to the archive category, where only administrators see it.
    #[default]
    Archive,
    /// It is deleted, with its messages, for ever.
    Delete,
    /// It stays as it is and is no longer managed.
    Forget,
}

/// Which plans wait for somebody's approval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalMode {
    /// None.
    Never,
    /// Those that delete, archive, or open something.
    #[default]
    Destructive,
    /// All.
    Always,
}

/// How much of a guild one plan may remove without an approval of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeletionLimit {
    /// So many objects.
    Count(u32),
    /// So many percent of the objects of a kind, and of all objects.
    Percent(u8),
}

impl DeletionLimit {
    /// However small a guild is, a percentage above 0 allows this many.
    pub const FLOOR: usize = 1;

    /// How many of `total` objects may be removed.
    pub fn allowed(self, total: usize) -> usize {
        match self {
            Self::Count(count) => count as usize,
            Self::Percent(0) => 0,
            Self::Percent(percent) => (total * usize::from(percent) / 100).max(Self::FLOOR.min(total)),
        }
    }
}

impl Default for DeletionLimit {
    fn default() -> Self {
        Self::Percent(10)
    }
}

impl fmt::Display for DeletionLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

/// How much of a guild one plan may change without an approval of its own. Unlimited by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UpdateLimit(pub Option<DeletionLimit>);

/// `roles.admin`, `channels.*.topic`: a section, a key and perhaps a field; `*` stands for any run of characters.
/// The section `settings` has fields only: `settings.icon`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pattern {
    /// `roles`, `categories`, `channels` or `settings`.
    pub section: String,
    /// A key, perhaps with `*`; `*` for the section `settings`.
    pub key: String,
    /// A field, perhaps with `*`; none means the whole object.
    pub field: Option<String>,
}

impl Pattern {
    /// True when the pattern names the object itself.
    pub fn matches_object(&self, section: &str, key: &str) -> bool {
        self.field.is_none() && self.section == section && glob(&self.key, key)
    }

    /// True when the pattern names the field, or the whole object it is in.
    pub fn matches_field(&self, section: &str, key: &str, field: &str) -> bool {
        self.section == section && glob(&self.key, key) && self.field.as_deref().is_none_or(|f| glob(f, field))
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.field, self.section.as_str()) {
            (Some(field), "settings") => write!(f, "settings.{field}"),
            (Some(field), section) => write!(f, "{section}.{}.{field}", self.key),
            (None, section) => write!(f, "{section}.{}", self.key),
        }
    }
}

/// How much a reconciliation may do by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// What happens on drift.
    pub drift: DriftMode,
    /// Which objects are removed.
    pub prune: Prune,
    /// What removing means.
    pub on_remove: OnRemove,
    /// Which plans wait.
    pub approval: ApprovalMode,
    /// How much one plan may remove.
    pub max_deletions: DeletionLimit,
    /// How much one plan may change.
    pub max_updates: UpdateLimit,
    /// Objects that are never removed.
    pub protect: Vec<Pattern>,
    /// Fields that are neither compared nor written.
    pub ignore: Vec<Pattern>,
    /// When changes may be made; always when empty.
    pub windows: Vec<Window>,
}

impl Policy {
    /// True when the object is protected from removal.
    pub fn protects(&self, section: &str, key: &str) -> bool {
        self.protect.iter().any(|p| p.matches_object(section, key))
    }

    /// True when the field is left alone.
    pub fn ignores(&self, section: &str, key: &str, field: &str) -> bool {
        self.ignore.iter().any(|p| p.matches_field(section, key, field))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_whole_texts() {
        let cases = [
            ("*", "x", true),
            ("a*", "ab", true),
            ("a*c", "abbc", true),
            ("a*c", "abd", false),
            ("ab", "abc", false),
            ("*b*", "abc", true),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(glob(pattern, text), expected, "{pattern} ~ {text}");
        }
    }

    #[test]
    fn small_guilds_have_a_floor() {
        let limit = DeletionLimit::Percent(10);
        assert_eq!([0, 1, 5, 10, 19, 20, 100].map(|n| limit.allowed(n)), [0, 1, 1, 1, 1, 2, 10]);
        assert_eq!(DeletionLimit::Count(0).allowed(50), 0);
    }
}
