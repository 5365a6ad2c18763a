//! Who signed a commit.
//!
//! Decides whether a signature is right, and whether its signer is one of those the operator names. Who may sign is a
//! setting of the operator and never a file of the repository it guards.

mod openpgp;
mod ssh;

use std::path::PathBuf;

use chrono::{DateTime, Utc};

use super::Error;

/// Signatures are required, and these people may sign.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signatures {
    /// Those who may sign with SSH: a file of allowed signers as `ssh-keygen` reads it.
    pub allowed_signers: Option<PathBuf>,
    /// Those who may sign with OpenPGP: a file of public keys, armoured or not.
    pub openpgp_keyring: Option<PathBuf>,
}

/// A commit as it is signed.
#[derive(Clone, Debug)]
pub(super) struct Signed {
    /// The commit, for messages.
    pub(super) commit: String,
    /// When it was made, as it says itself.
    pub(super) at: DateTime<Utc>,
    /// The signature, and what it is about; none when there is no signature.
    pub(super) signature: Option<(Vec<u8>, Vec<u8>)>,
}

/// Who signed.
///
/// # Errors
/// When nobody did, or nobody who may, or when it is not right.
pub(super) async fn verify(signed: &Signed, signatures: &Signatures) -> Result<String, Error> {
    let commit = || signed.commit.clone();
    let Some((signature, data)) = &signed.signature else { return Err(Error::Unsigned { commit: commit() }) };
    let text = String::from_utf8_lossy(signature);
    let unlisted = |kind: &str, setting: &str| Error::UnknownSigner {
        commit: commit(),
        key: format!("a key of {kind}"),
        why: format!("nobody may sign with: no {setting} is set"),
    };
    match text.lines().next().unwrap_or_default().trim() {
        "-----BEGIN SSH SIGNATURE-----" => match &signatures.allowed_signers {
            Some(file) => ssh::verify(signed, &text, data, file).await,
            None => Err(unlisted("SSH", "file of allowed signers")),
        },
        "-----BEGIN PGP SIGNATURE-----" | "-----BEGIN PGP MESSAGE-----" => match &signatures.openpgp_keyring {
            Some(file) => openpgp::verify(signed, signature, data, file).await,
            None => Err(unlisted("OpenPGP", "keyring")),
        },
        other => Err(Error::UnsupportedSignature { commit: commit(), kind: other.trim_matches('-').to_owned() }),
    }
}
