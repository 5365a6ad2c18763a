//! Discord's JSON and the model, both ways, without losing a bit.
//!
//! Decides what an answer means and how a change is spelled. What this build cannot represent is an error, never a
//! default: a default would be "corrected" by the next plan.

mod body;
mod read;

pub(super) use body::{Images, channel_body, channel_patch, moves, role_body, role_patch, settings_patch};
pub(super) use read::{channel, guild, role};

#[cfg(test)]
mod tests;
