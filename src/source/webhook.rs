//! Messages of forges that something was pushed, or that somebody proposes something.
//!
//! Decides whether one comes from who it says. Nothing in it is believed beyond that it is time to look again: the rest of
//! it only helps to find out at what.

mod pull_request;

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::sync::{Mutex, PoisonError};

use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use sha2::Sha256;

pub use pull_request::{PullRequestAction, PullRequestEvent};

pub use super::digest::from_hex;

/// Longest id of a delivery that is remembered, and longest name that is passed on. Forges use a few dozen characters.
const LONGEST: usize = 512;

/// Who sends messages, and how they are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// GitHub: `X-Hub-Signature-256`.
    GitHub,
    /// GitLab: the secret itself in `X-Gitlab-Token`.
    GitLab,
    /// Gitea and Forgejo: `X-Gitea-Signature`, or `X-Forgejo-Signature`.
    Gitea,
    /// Anything else: the HMAC with SHA-256 of the body in `X-Signature-256`, in hexadecimal digits.
    Generic,
}

/// A message that comes from who it says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    /// Its number, to know it again. It is not signed.
    pub id: Option<String>,
    /// The repository it says it is about, as `owner/name`.
    pub repository: Option<String>,
    /// The branch or tag it says it is about, as `refs/heads/main`.
    pub reference: Option<String>,
    /// True when it only tries whether anybody is there.
    pub is_ping: bool,
    /// The pull request it says is new or holds other commits than before. None for everything else, pushes included.
    pub pull_request: Option<PullRequestEvent>,
}

/// Why a message is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// Without a secret anybody could sign.
    #[error("there is no secret to check messages with")]
    NoSecret,
    /// It is not signed.
    #[error("the message has no header `{0}`; set the secret at the sender")]
    Unsigned(&'static str),
    /// It is signed with something else, or was changed.
    #[error("the header `{0}` does not fit the message; the secret at the sender must be the one that is set here")]
    BadSignature(&'static str),
}

/// Judges a message by its headers, which are asked for by name in lower case, and its body.
///
/// # Errors
/// When it does not come from somebody who knows the secret.
pub fn verify<'h>(
    kind: Kind,
    secret: &SecretString,
    header: impl Fn(&str) -> Option<&'h str>,
    body: &[u8],
) -> Result<Delivery, Rejected> {
    let secret = secret.expose_secret().as_bytes();
    if secret.is_empty() {
        return Err(Rejected::NoSecret);
    }
    let signatures: &[&'static str] = match kind {
        Kind::GitHub => &["x-hub-signature-256"],
        Kind::GitLab => &["x-gitlab-token"],
        Kind::Gitea => &["x-gitea-signature", "x-forgejo-signature"],
        Kind::Generic => &["x-signature-256"],
    };
    let found = signatures.iter().find_map(|name| header(name).map(|value| (*name, value)));
    let (name, value) = found.ok_or(Rejected::Unsigned(signatures[0]))?;
    let is_right = match kind {
        Kind::GitLab => is_same(secret, value.as_bytes()),
        Kind::GitHub | Kind::Gitea | Kind::Generic => is_signature(secret, value, body),
    };
    if !is_right {
        return Err(Rejected::BadSignature(name));
    }
    let first = |names: &[&str]| names.iter().find_map(|name| header(name)).map(str::to_owned);
    let (ids, events): (&[&str], &[&str]) = match kind {
        Kind::GitHub => (&["x-github-delivery"], &["x-github-event"]),
        // The first stays the same when a message is sent again.
        Kind::GitLab => (&["idempotency-key", "x-gitlab-event-uuid"], &["x-gitlab-event"]),
        Kind::Gitea => (&["x-gitea-delivery", "x-forgejo-delivery"], &["x-gitea-event", "x-forgejo-event"]),
        Kind::Generic => (&["x-delivery-id"], &["x-event"]),
    };
    let body = serde_json::from_slice(body).unwrap_or(Value::Null);
    let (repository, reference) = hints(&body);
    let id = first(ids).filter(|id| id.len() <= LONGEST);
    let event = first(events).unwrap_or_default();
    let is_ping = event.eq_ignore_ascii_case("ping");
    let pull_request = PullRequestEvent::read(kind, &event, &body);
    Ok(Delivery { id, repository, reference, is_ping, pull_request })
}

fn mac(key: &[u8]) -> Hmac<Sha256> {
    // Keys of all lengths are keys.
    Hmac::new_from_slice(key).unwrap_or_else(|_| Hmac::new(&Default::default()))
}

/// True when a header holds the HMAC of a body. Takes the same time whatever it holds.
fn is_signature(secret: &[u8], header: &str, body: &[u8]) -> bool {
    let digits = header.trim();
    let digits = digits.strip_prefix("sha256=").unwrap_or(digits);
    let Some(signature) = from_hex(digits) else { return false };
    mac(secret).chain_update(body).verify_slice(&signature).is_ok()
}

/// True when two texts are the same. Takes the same time wherever they differ.
fn is_same(secret: &[u8], given: &[u8]) -> bool {
    // Under an HMAC a text of any length can be compared without telling how much of it was right.
    let of = |text: &[u8]| mac(b"a token in a header").chain_update(text);
    of(given).verify(&of(secret).finalize().into_bytes()).is_ok()
}

/// Which repository and which branch a body is about, when it says so.
fn hints(body: &Value) -> (Option<String>, Option<String>) {
    let text = |pointer: &str| {
        let text = body.pointer(pointer).and_then(Value::as_str);
        text.filter(|text| !text.is_empty() && text.len() <= LONGEST).map(str::to_owned)
    };
    let repository = text("/repository/full_name").or_else(|| text("/project/path_with_namespace"));
    (repository, text("/ref"))
}

/// The messages of late, so that one that is sent twice is heeded once. Takes bounded memory.
pub struct Deliveries {
    most: usize,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    ids: BTreeSet<String>,
    /// The oldest first.
    order: VecDeque<String>,
}

impl fmt::Debug for Deliveries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deliveries").field("most", &self.most).finish_non_exhaustive()
    }
}

impl Default for Deliveries {
    /// Remembers so many that no forge sends one again later, in less than a mebibyte.
    fn default() -> Self {
        Self::remembering(4096)
    }
}

impl Deliveries {
    /// Remembers so many, and forgets the oldest first.
    pub fn remembering(most: usize) -> Self {
        Self { most, seen: Mutex::default() }
    }

    /// True when this one was not there before. One without an id is always new.
    pub fn is_new(&self, delivery: &Delivery) -> bool {
        let Some(id) = &delivery.id else { return true };
        // An id is remembered or it is not; nothing half-done can be seen.
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if !seen.ids.insert(id.clone()) {
            return false;
        }
        seen.order.push_back(id.clone());
        if seen.order.len() > self.most
            && let Some(oldest) = seen.order.pop_front()
        {
            seen.ids.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::digest::to_hex;
    use super::*;

    const PUSH: &[u8] = br#"{"ref":"refs/heads/main","repository":{"full_name":"team/guilds"}}"#;

    fn secret(text: &str) -> SecretString {
        SecretString::from(text.to_owned())
    }

    fn signed(body: &[u8]) -> String {
        to_hex(&mac(b"It's a Secret to Everybody").chain_update(body).finalize().into_bytes())
    }

    fn judge(kind: Kind, headers: &[(&str, &str)], body: &[u8]) -> Result<Delivery, Rejected> {
        let header = |name: &str| headers.iter().find(|(there, _)| *there == name).map(|(_, value)| *value);
        verify(kind, &secret("It's a Secret to Everybody"), header, body)
    }

    #[test]
    fn github_s_own_example_is_believed() {
        let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        let delivery = judge(Kind::GitHub, &[("x-hub-signature-256", signature)], b"Hello, World!");
        assert_eq!(delivery, Ok(Delivery::default()));
    }

    #[test]
    fn every_kind_is_believed_by_its_own_header() {
        let (plain, prefixed) = (signed(PUSH), format!("sha256={}", signed(PUSH)));
        let cases: [(Kind, &str, &str, &str); 5] = [
            (Kind::GitHub, "x-hub-signature-256", &prefixed, "x-github-delivery"),
            (Kind::GitLab, "x-gitlab-token", "It's a Secret to Everybody", "idempotency-key"),
            (Kind::Gitea, "x-gitea-signature", &plain, "x-gitea-delivery"),
            (Kind::Gitea, "x-forgejo-signature", &plain, "x-forgejo-delivery"),
            (Kind::Generic, "x-signature-256", &prefixed, "x-delivery-id"),
        ];
        for (kind, header, value, id) in cases {
            let delivery = judge(kind, &[(header, value), (id, "72d3162e")], PUSH).expect("it is right");
            let expected = Delivery {
                id: Some("72d3162e".to_owned()),
                repository: Some("team/guilds".to_owned()),
                reference: Some("refs/heads/main".to_owned()),
                is_ping: false,
                pull_request: None,
            };
            assert_eq!(delivery, expected);
            assert!(matches!(judge(kind, &[], PUSH), Err(Rejected::Unsigned(_))));
            let wrong = value.replace(['a', 'b', 'c', 't'], "0");
            assert_eq!(judge(kind, &[(header, &wrong)], PUSH), Err(Rejected::BadSignature(header)));
            assert!(judge(kind, &[(header, "")], PUSH).is_err());
            assert!(judge(kind, &[(header, &value[..value.len() - 2])], PUSH).is_err(), "half of it is not it");
        }
    }

    #[test]
    fn a_body_that_was_changed_is_not_believed() {
        let signature = format!("sha256={}", signed(PUSH));
        let forged = String::from_utf8_lossy(PUSH).replace("main", "mine");
        let answer = judge(Kind::GitHub, &[("x-hub-signature-256", &signature)], forged.as_bytes());
        assert_eq!(answer, Err(Rejected::BadSignature("x-hub-signature-256")));
    }

    #[test]
    fn nobody_is_believed_without_a_secret() {
        let signature = to_hex(&mac(b"").chain_update(PUSH).finalize().into_bytes());
        for kind in [Kind::GitHub, Kind::GitLab, Kind::Gitea, Kind::Generic] {
            let header = |_: &str| Some(signature.as_str());
            assert_eq!(verify(kind, &secret(""), header, PUSH), Err(Rejected::NoSecret));
        }
    }

    #[test]
    fn a_ping_is_known_and_a_body_may_be_anything() {
        let body = b"zen=Keep+it+logically+awesome.";
        let signature = format!("sha256={}", signed(body));
        let headers = [("x-hub-signature-256", signature.as_str()), ("x-github-event", "ping")];
        assert_eq!(judge(Kind::GitHub, &headers, body), Ok(Delivery { is_ping: true, ..Delivery::default() }));
        let gitlab = br#"{"ref":"refs/tags/v1","project":{"path_with_namespace":"team/guilds"}}"#;
        let delivery = judge(Kind::GitLab, &[("x-gitlab-token", "It's a Secret to Everybody")], gitlab).expect("right");
        assert_eq!(delivery.repository.as_deref(), Some("team/guilds"));
    }

    #[test]
    fn what_is_sent_twice_is_heeded_once() {
        let delivery = |id: &str| Delivery { id: Some(id.to_owned()), ..Delivery::default() };
        let deliveries = Deliveries::remembering(2);
        assert!(deliveries.is_new(&delivery("a")) && !deliveries.is_new(&delivery("a")));
        assert!(deliveries.is_new(&delivery("b")) && deliveries.is_new(&delivery("c")));
        assert!(!deliveries.is_new(&delivery("b")) && !deliveries.is_new(&delivery("c")));
        assert!(deliveries.is_new(&delivery("a")), "the oldest is forgotten, for memory has an end");
        assert!(deliveries.is_new(&Delivery::default()) && deliveries.is_new(&Delivery::default()));
    }
}
