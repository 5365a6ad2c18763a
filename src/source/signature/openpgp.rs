//! Signatures of OpenPGP, checked by GnuPG with a keyring of its own.
//!
//! Decides by what `gpg` states for programs, and never by what it says to people. Nothing the user of this machine keeps
//! in their own keyring counts, and nothing is kept in it.

use std::path::Path;
use std::process::{Output, Stdio};

use tempfile::TempDir;
use tokio::process::Command;

use super::Signed;
use crate::source::Error;

/// What the file is, for messages.
const WHAT: &str = "the keyring";

pub(super) async fn verify(signed: &Signed, signature: &[u8], data: &[u8], keyring: &Path) -> Result<String, Error> {
    let path = || keyring.to_owned();
    let keys = tokio::fs::read(keyring).await;
    let keys = keys.map_err(|source| Error::UnreadableSetting { what: WHAT, path: path(), source })?;
    // Only its owner may look into it.
    let home = tempfile::Builder::new().prefix("setai-gpg-").tempdir().map_err(no_home)?;
    let put = |name: &str, bytes: &[u8]| std::fs::write(home.path().join(name), bytes).map_err(no_home);
    put("keys", &keys)?;
    put("signature", signature)?;
    put("data", data)?;
    let imported = gpg(&home, &["--import", "keys"]).await?;
    if !status(&imported).any(|line| line.starts_with("IMPORT_OK ")) {
        let why = "there are no public keys in it; write them with `gpg --export`".to_owned();
        return Err(Error::UnusableSetting { what: WHAT, path: path(), why });
    }
    let verified = gpg(&home, &["--verify", "signature", "data"]).await?;
    judge(&signed.commit, &status(&verified).collect::<Vec<_>>())
}

fn no_home(error: std::io::Error) -> Error {
    Error::Cache { path: std::env::temp_dir(), why: error.to_string() }
}

/// Runs `gpg` as if nothing were set up on this machine. It ends with whoever waits for it.
async fn gpg(home: &TempDir, arguments: &[&str]) -> Result<Output, Error> {
    let mut command = Command::new("gpg");
    // What was trusted by the operator is what is in the keyring: all of it.
    command.args(["--batch", "--no-tty", "--no-autostart", "--no-auto-check-trustdb", "--trust-model", "always"]);
    command.args(["--no-options", "--status-fd", "1"]).args(arguments);
    command.current_dir(home.path()).env("GNUPGHOME", home.path()).env("LC_ALL", "C");
    command.stdin(Stdio::null()).kill_on_drop(true);
    command.output().await.map_err(|source| Error::NoGpg { source })
}

/// What `gpg` states for programs.
fn status(output: &Output) -> impl Iterator<Item = String> {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("[GNUPG:] ").map(str::to_owned)).collect();
    lines.into_iter()
}

fn judge(commit: &str, status: &[String]) -> Result<String, Error> {
    let stated = |word: &str| {
        let mut lines = status.iter().filter_map(|line| line.split_once(' '));
        lines.find(|(first, _)| *first == word).map(|(_, rest)| rest)
    };
    let bad = |why: &str| Err(Error::BadSignature { commit: commit.to_owned(), why: why.to_owned() });
    let unknown = |key: &str, why: &str| {
        Err(Error::UnknownSigner { commit: commit.to_owned(), key: format!("the key {key}"), why: why.to_owned() })
    };
    let first = |rest: &str| rest.split(' ').next().unwrap_or_default().to_owned();
    if stated("BADSIG").is_some() {
        return bad("it does not belong to what is there");
    }
    if let Some(rest) = stated("REVKEYSIG") {
        return unknown(&first(rest), "was revoked");
    }
    if let Some(rest) = stated("EXPKEYSIG") {
        return unknown(&first(rest), "has expired");
    }
    if stated("EXPSIG").is_some() {
        return bad("it has expired");
    }
    if let Some(rest) = stated("NO_PUBKEY") {
        return unknown(&first(rest), "is not in the keyring");
    }
    // Two signatures, one of them good, are not one good signature.
    let signatures = status.iter().filter(|line| line.starts_with("NEWSIG")).count();
    match (stated("GOODSIG"), stated("VALIDSIG"), signatures) {
        (Some(good), Some(valid), 1) => {
            let name = good.split_once(' ').map_or(good, |(_, name)| name);
            Ok(format!("{name} ({})", first(valid)))
        }
        _ => bad("gpg cannot make anything of it"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(lines: &[&str]) -> Result<String, Error> {
        judge("3f9c", &lines.iter().map(|&line| line.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn only_a_good_signature_is_good() {
        let good = ["NEWSIG", "GOODSIG 0123 Anna <anna@example.com>", "VALIDSIG ABCD 2026-01-01 1767225600 0"];
        assert_eq!(judged(&good).expect("good"), "Anna <anna@example.com> (ABCD)");
        assert!(matches!(judged(&[]), Err(Error::BadSignature { .. })));
        assert!(matches!(judged(&good[..2]), Err(Error::BadSignature { .. })));
        assert!(matches!(judged(&[&good[..], &["NEWSIG"]].concat()), Err(Error::BadSignature { .. })));
        assert!(matches!(judged(&["NEWSIG", "BADSIG 0123 Anna"]), Err(Error::BadSignature { .. })));
        assert!(matches!(judged(&[&good[..], &["BADSIG 0123 Anna"]].concat()), Err(Error::BadSignature { .. })));
        for (line, why) in [
            ("NO_PUBKEY 0123456789ABCDEF", "is not in the keyring"),
            ("REVKEYSIG 0123 Anna", "was revoked"),
            ("EXPKEYSIG 0123 Anna", "has expired"),
        ] {
            assert!(matches!(judged(&["NEWSIG", line]), Err(Error::UnknownSigner { why: told, .. }) if told == why));
        }
    }
}
