//! Images: Discord takes the bytes and gives back a hash of its own, so the two can only be joined by remembering.

use serde::{Deserialize, Serialize};

/// An image of a role or a guild.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Image {
    /// What Discord has, by the hash it reports.
    Hash(String),
    /// What a manifest wants and Discord does not have yet.
    Upload(ImageSource),
}

/// An image file a manifest names.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ImageSource {
    /// The file, as the manifest names it.
    pub path: String,
    /// SHA-256 of the file's bytes, in hex.
    pub sha256: String,
    /// `data:image/png;base64,...`, as Discord wants it.
    pub data_uri: String,
}
