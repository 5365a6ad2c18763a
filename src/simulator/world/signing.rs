//! The key of an application, with which its interactions are signed.

use ring::signature::{Ed25519KeyPair, KeyPair as _};
use sha2::{Digest, Sha256};

use super::Application;

impl Application {
    /// The public half, in hexadecimal, as Discord's developer portal shows it.
    pub fn verify_key(&self) -> String {
        self.key().map_or_else(String::new, |key| hexadecimal(key.public_key().as_ref()))
    }

    /// The signature of a message, in hexadecimal.
    pub(crate) fn sign(&self, message: &[u8]) -> String {
        self.key().map_or_else(String::new, |key| hexadecimal(key.sign(message).as_ref()))
    }

    /// A key that repeats when a world is used again. It is no secret: this Discord has none.
    fn key(&self) -> Option<Ed25519KeyPair> {
        let seed = Sha256::digest(format!("simulated application {}", self.id));
        Ed25519KeyPair::from_seed_unchecked(&seed).ok()
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
