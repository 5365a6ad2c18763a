//! What a team wrote, read and checked.
//!
//! Decides whether a text is a manifest and what it means. Knows nothing of live guilds, disks or HTTP: files come in
//! as texts, and every problem goes out as a [`Diagnostic`] with a place and a suggestion.

mod content;
mod policy;

pub use content::{ChannelSpec, Content, Expectation, Manifest, Origin, Previously, RoleSpec};
pub use policy::{ApprovalMode, DeletionLimit, DriftMode, OnRemove, Pattern, Policy, Prune, UpdateLimit, Window};
