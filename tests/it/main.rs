//! All integration tests, in one binary.

mod discord_apply;
mod discord_lookup;
mod discord_script;
mod discord_snapshot;
mod transport;
