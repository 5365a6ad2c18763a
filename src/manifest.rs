//! What a team wrote, read and checked.
//!
//! Decides whether a text is a manifest and what it means. Knows nothing of live guilds, disks or HTTP: files come in
//! as texts, and every problem goes out as a [`Diagnostic`] with a place and a suggestion.

mod check;
mod compose;
mod content;
pub(crate) mod diagnostic;
mod document;
pub mod edit;
mod fingerprint;
mod named;
mod origin;
mod parse;
mod policy;
pub(crate) mod read;
pub mod render;
mod report;
mod resolve;
mod scalar;
pub mod schema;
mod source;
pub(crate) mod tree;
pub mod window;

pub use content::{ChannelSpec, Content, Expectation, Manifest, Origin, Previously, RoleSpec};
pub use diagnostic::{Diagnostic, Label, RULES, Rule, Severity, Suggestion};
pub use named::{head_of, named_in};
pub use parse::{Parsed, guild_files, is_guild_file, parse};
pub use policy::{ApprovalMode, DeletionLimit, DriftMode, OnRemove, Pattern, Policy, Prune, UpdateLimit};
pub use report::{diagnostics_to_json, render_diagnostics};
pub use source::{Asked, Files, InvalidPath, glob_name};
pub use window::Window;
