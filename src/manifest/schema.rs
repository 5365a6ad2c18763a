//! The language as JSON Schema, for editors and for whoever checks manifests without this program.
//!
//! Decides nothing: reader and schema come from one list of fields.

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::document::GuildDoc;

/// The schema of a manifest, and of a part that a manifest includes.
pub fn schema() -> Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<GuildDoc>();
    schema.insert("title".to_owned(), json!("A SetAI manifest, version 1"));
    schema.to_value()
}

/// The schema as it stands in `schemas/guild.v1.json`.
pub fn schema_text() -> String {
    format!("{:#}\n", schema())
}
