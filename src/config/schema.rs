//! The operator's file as JSON Schema, for editors.
//!
//! Decides nothing: reader and schema come from one list of fields.

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::document::ConfigDoc;

/// The schema of the operator's file.
pub fn schema() -> Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<ConfigDoc>();
    schema.insert("title".to_owned(), json!("The configuration of SetAI, version 1"));
    schema.to_value()
}

/// The schema as it stands in `schemas/config.v1.json`.
pub fn schema_text() -> String {
    format!("{:#}\n", schema())
}
