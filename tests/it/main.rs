//! All integration tests, in one binary.

mod bytes;
mod manifest;
