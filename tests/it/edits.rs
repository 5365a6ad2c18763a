//! Edits of manifests: what was asked for is what is meant afterwards, and everything else is as it was typed.

mod adopted;
mod diffs;
mod refused;
mod sketch;
mod trials;
