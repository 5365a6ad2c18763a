//! Proposals at every forge: the same stories for each of them, against a server that is held against what the forge publishes and
//! keeps a real git repository, and against a repository of this machine.

pub(crate) mod fake;
mod local;
mod published;
mod refused;
mod served;
pub(crate) mod stage;
mod stories;
pub(crate) mod world;
