//! All integration tests, in one binary.

mod bytes;
mod manifest;
mod render;
mod schema;
mod support;
