//! The `setai` command.

fn main() {}
