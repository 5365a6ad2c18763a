//! All integration tests, in one binary, because each binary costs a link.
#![allow(missing_docs, reason = "tests are read, not documented")]

mod architecture;
mod bytes;
mod convergence;
mod examples;
mod manifest;
mod properties;
mod render;
mod scenarios;
mod schema;
mod simulator_behaviours;
mod simulator_twilight;
mod store;
mod support;
mod transport;
