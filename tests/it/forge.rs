//! Proposals at every forge: the same stories for each of them, against a server that is held against what the forge publishes and
//! keeps a real git repository, and against a repository of this machine.

mod fake;
mod local;
mod published;
mod served;
mod stage;
mod stories;
mod world;
