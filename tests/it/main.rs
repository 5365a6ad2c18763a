//! All integration tests, in one binary.
#![allow(missing_docs, reason = "tests are read, not documented")]

mod simulator_behaviours;
mod simulator_conformance;
mod simulator_properties;
mod simulator_twilight;
mod support;
