//! `/setai` as people in Discord use it: pressed in the simulated Discord, answered by `setai run`.

mod approvals;
mod asking;
mod delivery;
mod office;
mod preferring;
mod proposals;
mod repairs;
mod teams;
mod troubles;
mod typing;
