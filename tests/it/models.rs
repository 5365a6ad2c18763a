//! Interpreters that ask a language model: what no proposal may do, whoever made it, and a scripted server that says what models
//! say, as their providers write it down, the worst of it too.

mod faults;
mod guard;
mod injections;
mod remembering;
pub(crate) mod server;
mod stage;
mod talks;
