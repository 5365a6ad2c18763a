//! All integration tests, in one binary, because each binary costs a link.
#![allow(missing_docs, reason = "tests are read, not documented")]

mod architecture;
mod convergence;
mod examples;
mod manifest;
mod simulator_behaviours;
mod simulator_twilight;
mod store;
mod support;
mod transport;
