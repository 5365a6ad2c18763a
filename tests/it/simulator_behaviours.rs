//! How Discord behaves where reconcilers get it wrong: one test per behaviour, driven by raw HTTP. Where nobody knows what
//! Discord does, under both settings of the switch.

mod applications;
mod categories;
mod channels;
mod guilds;
mod roles;
mod weather;
