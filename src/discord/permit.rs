//! Leave to send what has waited.
//!
//! Whoever asks for a change has made sure of their right to it, but a request can wait long for its turn or be sent again,
//! and the right may be gone by then.

use async_trait::async_trait;

/// Knows whether a change may still be sent.
#[async_trait]
pub trait Permit: Send + Sync {
    /// True while there is no reason to doubt it. Whoever sends without having waited looks at this alone.
    fn is_sound(&self) -> bool;

    /// Returns once it is sure that it may. When it may not, the caller is to be dropped meanwhile.
    async fn granted(&self);
}

/// For changes nobody could take the right to away.
pub(super) struct Always;

#[async_trait]
impl Permit for Always {
    fn is_sound(&self) -> bool {
        true
    }

    async fn granted(&self) {}
}
