//! All integration tests, in one binary, because each binary costs a link.
#![allow(missing_docs, reason = "tests are read, not documented")]
#![allow(clippy::print_stdout, reason = "figures are printed")]

mod architecture;
mod audit;
mod backup;
mod behaviours;
mod bytes;
mod cache;
mod cli;
mod config;
mod controller;
mod convergence;
mod deployment;
mod discord_apply;
mod discord_lookup;
mod discord_script;
mod discord_snapshot;
mod edits;
mod examples;
mod faults;
mod fleet;
mod forge;
mod gateway;
mod guards;
mod interpreter;
mod layers;
mod manifest;
mod notifications;
mod properties;
mod render;
mod replicas;
mod rollback;
mod scenarios;
mod schema;
mod shown;
mod simulator_behaviours;
mod simulator_conformance;
mod simulator_gateway;
mod simulator_properties;
mod simulator_twilight;
mod source;
#[cfg(feature = "otel")]
mod spans;
mod store;
mod storms;
mod support;
mod transport;
mod traps;
