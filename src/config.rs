//! What the operator decides: which sources there are, and which of them may manage which guild.
//!
//! It comes from a file, the environment and flags, never from a repository that is managed by it.
