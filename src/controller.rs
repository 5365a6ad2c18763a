//! One reconciliation at a time per guild.
