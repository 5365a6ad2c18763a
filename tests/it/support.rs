//! What integration tests share.

pub(crate) mod git;
pub(crate) mod guilds;
pub(crate) mod hall;
pub(crate) mod harness;
pub(crate) mod inspection;
pub(crate) mod keeper;
pub(crate) mod layouts;
pub(crate) mod mariadb;
pub(crate) mod mortal;
pub(crate) mod mortal_mariadb;
pub(crate) mod openapi;
pub(crate) mod oracle;
pub(crate) mod own_mariadb;
pub(crate) mod redis;
pub(crate) mod repository;
pub(crate) mod rng;
pub(crate) mod seeds;
pub(crate) mod skew;
pub(crate) mod sshd;
pub(crate) mod stage;
pub(crate) mod terminal;
pub(crate) mod wish;
pub(crate) mod worlds;
