//! Where manifests come from: a git repository, or a folder.
//!
//! Decides what was there, at which revision, and whether it may be believed. A source that cannot be read is an error and
//! never an empty set of files. Knows nothing of guilds.
