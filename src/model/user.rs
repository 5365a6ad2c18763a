//! What somebody prefers, whichever guild they are in: the data model's `UserPreferences`, as far as it is heeded.

use serde::{Deserialize, Serialize};

/// What somebody prefers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct UserPreferences {
    /// The language of their Discord as last heard, such as `en-GB`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preferred_language: Option<String>,
    /// The IANA time zone times are told in; UTC without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// How their requests are understood.
    pub ai_settings: AiPreferences,
}

/// How somebody's requests are understood.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AiPreferences {
    /// Whether a language model may read them, where the operator has set one.
    pub use_ai_interpretation: bool,
    /// How sure an interpretation must be, from 0 to 1; as the operator says without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ai_confidence_threshold: Option<f64>,
}

impl Default for AiPreferences {
    fn default() -> Self {
        Self { use_ai_interpretation: true, ai_confidence_threshold: None }
    }
}
