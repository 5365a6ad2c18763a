//! What the library's errors mean to people.
//!
//! Decides by what was seen on the way first, because the library only sees that the way ended.

use std::path::Path;

use git2::{ErrorClass, ErrorCode};

use super::remote::{Failed, Phase};
use super::way::Trouble;
use crate::source::Error;
use crate::source::address::Address;

/// Longest part of a library's message that is passed on.
const LONGEST: usize = 300;

/// Why a look came to nothing.
pub(super) fn explain(
    failed: Failed,
    trouble: Option<Trouble>,
    address: &Address,
    key: Option<&Path>,
    cache: &Path,
) -> Error {
    let (place, host) = (address.to_string(), address.host().unwrap_or("this machine").to_owned());
    let (phase, error) = match failed {
        Failed::Said(error) => return error,
        Failed::Library(phase, error) => (phase, error),
    };
    if phase == Phase::Reading {
        return Error::Cache { path: cache.to_owned(), why: clean(error.message()) };
    }
    match trouble {
        Some(Trouble::Unreachable(why)) => Error::Unreachable { host, why },
        Some(Trouble::BadCertificate(why)) => Error::BadCertificate { host, why },
        Some(Trouble::Refused { status, with_credentials }) => refused(status, with_credentials, host, place),
        Some(Trouble::Moved(to)) => Error::Moved { place, to },
        Some(Trouble::NotGit(why)) => Error::NotGit { place, why },
        Some(Trouble::Broken(why)) => Error::Interrupted { place, why },
        None => said_by_library(phase, &error, address, key, place),
    }
}

fn refused(status: u16, with_credentials: bool, host: String, place: String) -> Error {
    match status {
        401 | 403 | 407 if with_credentials => Error::AuthenticationFailed { host, place },
        401 | 403 | 407 => Error::AuthenticationRequired { host, place },
        404 | 410 => Error::RepositoryNotFound { place },
        408 | 425 | 429 | 500.. => Error::ServerFailed { host, status },
        _ => Error::NotGit { place, why: format!("it answers with the status {status}") },
    }
}

fn said_by_library(phase: Phase, error: &git2::Error, address: &Address, key: Option<&Path>, place: String) -> Error {
    let message = error.message();
    let why = clean(message);
    if let Address::Local(_) = address
        && phase == Phase::Connecting
    {
        return Error::RepositoryNotFound { place };
    }
    if matches!(address, Address::Ssh { .. }) && phase == Phase::Connecting {
        let lower = message.to_lowercase();
        if let Some(path) = key
            && (lower.contains("private key") || lower.contains("passphrase"))
        {
            return Error::UnusableKey { path: path.to_owned(), why };
        }
        if error.code() == ErrorCode::Auth || message.contains("authenticate SSH session") {
            let host = address.host().unwrap_or_default().to_owned();
            return Error::AuthenticationFailed { host, place };
        }
        if ["not found", "does not appear to be a git repository", "does not exist", "no such"]
            .iter()
            .any(|said| lower.contains(said))
        {
            return Error::RepositoryNotFound { place };
        }
    }
    match error.class() {
        ErrorClass::Os
        | ErrorClass::Net
        | ErrorClass::Http
        | ErrorClass::Ssh
        | ErrorClass::Indexer
        | ErrorClass::Odb => Error::Interrupted { place, why },
        _ if error.code() == ErrorCode::Eof => Error::Interrupted { place, why },
        _ => Error::Git { place, why },
    }
}

/// A message of a library, of which nobody knows what it holds: in one line, not too long, and without what stands before
/// the `@` of an address.
pub(super) fn clean(message: &str) -> String {
    let words = message.split_whitespace().map(|word| {
        let Some((before, rest)) = word.split_once("://") else { return word.to_owned() };
        let end = rest.find('/').unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        format!("{before}://{host}{path}")
    });
    words.collect::<Vec<_>>().join(" ").chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_tells_no_secret() {
        let message = "failed to resolve\n 'https://setai:hunter2@git.example/g': no";
        assert_eq!(clean(message), "failed to resolve 'https://git.example/g': no");
        assert_eq!(clean("https://a@hunter2@git.example"), "https://git.example");
        assert_eq!(clean(&"x".repeat(5000)).len(), LONGEST);
    }

    #[test]
    fn a_refusal_says_whether_credentials_were_shown() {
        let explained = |status, shown| {
            let trouble = Some(Trouble::Refused { status, with_credentials: shown });
            let address = Address::parse("https://git.example/g").expect("an address");
            let failed = Failed::Library(Phase::Connecting, git2::Error::from_str("x"));
            explain(failed, trouble, &address, None, Path::new("none")).reason()
        };
        assert_eq!(explained(401, false), "AuthenticationRequired");
        assert_eq!(explained(401, true), "AuthenticationFailed");
        assert_eq!(explained(403, true), "AuthenticationFailed");
        assert_eq!(explained(404, true), "RepositoryNotFound");
        assert_eq!(explained(503, true), "ServerFailed");
        assert_eq!(explained(429, true), "ServerFailed");
        assert_eq!(explained(418, true), "NotGit");
    }
}
