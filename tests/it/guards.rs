//! What is refused before the first request, how a refusal is lifted, and that nothing else is refused.

mod approvals;
mod identity;
mod limits;
mod lockouts;
mod unseen;
