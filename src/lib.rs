//! SetAI keeps Discord servers equal to what is written in git.

pub mod clock;
pub mod model;

pub mod manifest;
pub mod plan;

pub mod discord;
pub mod simulator;
pub mod store;

pub mod controller;

pub mod cli;
