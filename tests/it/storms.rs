//! `setai run` from the operator's file to the request log of Discord, while what it needs fails around it.

mod clocks;
mod outages;
mod soak;
mod sources;
