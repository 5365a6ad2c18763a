//! The door to Discord: requests out, snapshots in.
