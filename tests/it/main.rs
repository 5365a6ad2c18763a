//! All integration tests, in one binary.

mod bytes;
mod layers;
mod manifest;
mod render;
mod schema;
mod support;
