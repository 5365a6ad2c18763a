//! The simulated Discord's Gateway: raw websockets, the stock twilight client, and clients of other languages.

mod behaviours;
pub(crate) mod client;
mod closing;
mod events;
mod faults;
mod libraries;
mod packing;
mod sessions;
mod twilight;
