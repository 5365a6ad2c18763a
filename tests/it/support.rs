//! What integration tests share.

pub(crate) mod harness;
pub(crate) mod openapi;
pub(crate) mod stage;
