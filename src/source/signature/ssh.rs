//! Signatures of SSH, and the list of those who may sign.
//!
//! Decides as `ssh-keygen -Y verify` does for git: the key has to be on the list, for git, at the time of the commit.
//! Certificates are not used.

use std::path::Path;

use chrono::{DateTime, Local, NaiveDate, NaiveDateTime, NaiveTime, TimeZone as _, Utc};
use ssh_key::public::KeyData;
use ssh_key::{HashAlg, PublicKey, SshSig};

use super::Signed;
use crate::source::Error;
use crate::source::known_hosts::matches;

/// What git's signatures are made for.
const NAMESPACE: &str = "git";

/// What the file is, for messages.
const WHAT: &str = "the list of allowed signers";

pub(super) async fn verify(signed: &Signed, signature: &str, data: &[u8], file: &Path) -> Result<String, Error> {
    let path = || file.to_owned();
    let text = tokio::fs::read_to_string(file).await;
    let text = text.map_err(|source| Error::UnreadableSetting { what: WHAT, path: path(), source })?;
    let allowed = parse(&text).map_err(|why| Error::UnusableSetting { what: WHAT, path: path(), why })?;
    judge(signed, signature, data, &allowed)
}

/// Somebody who may sign.
#[derive(Clone, Debug)]
struct Signer {
    principals: String,
    /// None for all.
    namespaces: Option<String>,
    after: Option<DateTime<Utc>>,
    before: Option<DateTime<Utc>>,
    key: KeyData,
}

impl Signer {
    /// Why it does not count, if it does not.
    fn objection(&self, at: DateTime<Utc>) -> Option<String> {
        if let Some(namespaces) = &self.namespaces
            && !namespaces.split(',').any(|pattern| matches(pattern, NAMESPACE))
        {
            return Some(format!("may sign as `{namespaces}` and not as `{NAMESPACE}`"));
        }
        if let Some(after) = self.after.filter(|after| at < *after) {
            return Some(format!("counts from {after}, and the commit is from {at}"));
        }
        let before = self.before.filter(|before| at >= *before)?;
        Some(format!("counted until {before}, and the commit is from {at}"))
    }
}

fn judge(signed: &Signed, signature: &str, data: &[u8], allowed: &[Signer]) -> Result<String, Error> {
    let bad = |why: String| Error::BadSignature { commit: signed.commit.clone(), why };
    let signature = SshSig::from_pem(signature.trim_end()).map_err(|error| bad(error.to_string()))?;
    let key = PublicKey::new(signature.public_key().clone(), "");
    let shown = format!("the key {} {}", key.algorithm(), key.fingerprint(HashAlg::Sha256));
    let unknown = |why: String| Error::UnknownSigner { commit: signed.commit.clone(), key: shown.clone(), why };
    let mut known = allowed.iter().filter(|signer| signer.key == *signature.public_key()).peekable();
    if known.peek().is_none() {
        return Err(unknown("is not on the list of allowed signers".to_owned()));
    }
    match key.verify(NAMESPACE, data, &signature) {
        Ok(()) => {}
        Err(ssh_key::Error::AlgorithmUnsupported { algorithm }) => {
            let kind = format!("SSH with {algorithm}");
            return Err(Error::UnsupportedSignature { commit: signed.commit.clone(), kind });
        }
        Err(ssh_key::Error::AlgorithmUnknown) => {
            let kind = format!("SSH with {}", key.algorithm());
            return Err(Error::UnsupportedSignature { commit: signed.commit.clone(), kind });
        }
        Err(_) => return Err(bad("it does not belong to what is there".to_owned())),
    }
    let mut objections = Vec::new();
    for signer in known {
        match signer.objection(signed.at) {
            None => return Ok(signer.principals.clone()),
            Some(objection) => objections.push(objection),
        }
    }
    Err(unknown(objections.join("; ")))
}

/// Reads a list of allowed signers. A line nobody can read is an error: it may be the one that forbids something.
fn parse(text: &str) -> Result<Vec<Signer>, String> {
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
    let said = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let mut signers = Vec::new();
    for (at, line) in said {
        signers.extend(parse_line(line).map_err(|why| format!("line {at}: {why}"))?);
    }
    Ok(signers)
}

/// None for an authority of certificates.
fn parse_line(line: &str) -> Result<Option<Signer>, String> {
    let (principals, rest) = next_word(line);
    let (mut word, mut rest) = next_word(rest);
    let (mut namespaces, mut after, mut before, mut is_authority) = (None, None, None, false);
    // Options stand between the names and the key, whose first word is its kind.
    if !is_kind(word) && !word.is_empty() {
        for option in options(word) {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            let value = value.trim_matches('"');
            match name.to_ascii_lowercase().as_str() {
                "namespaces" => namespaces = Some(value.to_owned()),
                "valid-after" => after = Some(time(value)?),
                "valid-before" => before = Some(time(value)?),
                "cert-authority" => is_authority = true,
                other => return Err(format!("`{other}` is no option of an allowed signer")),
            }
        }
        (word, rest) = next_word(rest);
    }
    if is_authority {
        return Ok(None);
    }
    let (blob, _) = next_word(rest);
    let key = PublicKey::from_openssh(&format!("{word} {blob}")).map_err(|error| format!("no public key: {error}"))?;
    let principals = principals.trim_matches('"').to_owned();
    Ok(Some(Signer { principals, namespaces, after, before, key: key.key_data().clone() }))
}

fn is_kind(word: &str) -> bool {
    word.starts_with("ssh-") || word.starts_with("ecdsa-") || word.starts_with("sk-")
}

/// The first word, in which quotes hold spaces together, and what comes after it.
fn next_word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    let mut is_quoted = false;
    let end = text.find(|c: char| {
        is_quoted ^= c == '"';
        c.is_whitespace() && !is_quoted
    });
    text.split_at(end.unwrap_or(text.len()))
}

/// Parts between commas, of which those in quotes separate nothing.
fn options(word: &str) -> impl Iterator<Item = &str> {
    let mut is_quoted = false;
    word.split(move |c: char| {
        is_quoted ^= c == '"';
        c == ',' && !is_quoted
    })
}

/// `YYYYMMDD`, `YYYYMMDDHHMM` or `YYYYMMDDHHMMSS`; with `Z` in UTC, and otherwise as the clocks here go.
fn time(text: &str) -> Result<DateTime<Utc>, String> {
    let wrong = || format!("`{text}` is no time: write `YYYYMMDD` or `YYYYMMDDHHMM[SS]`, with `Z` for UTC");
    let (digits, is_utc) = text.strip_suffix('Z').map_or((text, false), |digits| (digits, true));
    let at = match digits.len() {
        8 => NaiveDate::parse_from_str(digits, "%Y%m%d").map(|day| day.and_time(NaiveTime::MIN)),
        12 => NaiveDateTime::parse_from_str(&format!("{digits}00"), "%Y%m%d%H%M%S"),
        14 => NaiveDateTime::parse_from_str(digits, "%Y%m%d%H%M%S"),
        _ => return Err(wrong()),
    };
    let at = at.map_err(|_| wrong())?;
    if is_utc {
        return Ok(at.and_utc());
    }
    Local.from_local_datetime(&at).earliest().map(|at| at.to_utc()).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJKcTCGTbSGNdxcNcFTq6wA5O9v6rnlSIdaFpQlBcDmd";

    fn at(text: &str) -> DateTime<Utc> {
        time(text).expect("a time")
    }

    #[test]
    fn a_list_of_signers_is_read() {
        let text = format!(
            "# ours\n\nanna@example.com {KEY} Anna\n\
             bert@example.com,b@example.com namespaces=\"file,git\",valid-after=\"20260101Z\" {KEY}\n\
             *@example.com cert-authority {KEY}\n\
             carl@example.com valid-before=\"20260201120000Z\" {KEY}\n"
        );
        let signers = parse(&text).expect("a list");
        let names: Vec<_> = signers.iter().map(|signer| signer.principals.as_str()).collect();
        assert_eq!(names, ["anna@example.com", "bert@example.com,b@example.com", "carl@example.com"]);
        assert_eq!(signers[1].after, Some(at("202601010000Z")));
        assert_eq!(signers[0].objection(at("19990101Z")), None);
        assert!(signers[1].objection(at("20251231235959Z")).is_some_and(|why| why.contains("counts from")));
        assert_eq!(signers[1].objection(at("20260101Z")), None);
        assert_eq!(signers[2].objection(at("20260201115959Z")), None);
        assert!(signers[2].objection(at("20260201120000Z")).is_some_and(|why| why.contains("counted until")));
    }

    #[test]
    fn a_signer_for_something_else_does_not_count() {
        let signers = parse(&format!("anna namespaces=\"file\" {KEY}\nbert namespaces=\"g*\" {KEY}")).expect("a list");
        assert!(signers[0].objection(at("20260101Z")).is_some_and(|why| why.contains("`file`")));
        assert_eq!(signers[1].objection(at("20260101Z")), None);
    }

    #[test]
    fn a_line_nobody_can_read_is_told() {
        let cases = [
            ("anna", "line 1: no public key"),
            (&format!("anna until=\"tomorrow\" {KEY}"), "line 1: `until` is no option"),
            (&format!("# x\nanna valid-before=\"tomorrow\" {KEY}"), "line 2: `tomorrow` is no time"),
            ("anna ssh-ed25519 AAAA", "line 1: no public key"),
        ];
        for (text, why) in cases {
            let error = parse(text).expect_err("a bad line");
            assert!(error.starts_with(why), "{error}");
        }
    }
}
