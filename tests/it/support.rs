//! What tests of several topics need.

pub(crate) mod guilds;
pub(crate) mod layouts;
