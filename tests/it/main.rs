//! All integration tests, in one binary, because each binary costs a link.
#![allow(missing_docs, reason = "tests are read, not documented")]
#![allow(clippy::print_stdout, reason = "tests print the figures they prove")]

mod architecture;
mod behaviours;
mod bytes;
mod convergence;
mod examples;
mod faults;
mod guards;
mod manifest;
mod render;
mod rollback;
mod schema;
mod simulator_behaviours;
mod simulator_twilight;
mod store;
mod support;
mod transport;
mod traps;
