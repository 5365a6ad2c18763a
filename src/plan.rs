//! From a manifest and a snapshot to an ordered list of operations, and nothing left to decide.
//!
//! Decides what would change, in which order, what is risky and what is refused. Knows nothing of requests, stores or
//! time.

mod operation;

pub use operation::{BindingChange, ChannelSubject, Move, Operation, RoleSubject, Step, StepId};
