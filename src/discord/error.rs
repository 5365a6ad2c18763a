//! What can go wrong between us and Discord, and what follows from it.

use std::fmt;
use std::time::Duration;

use serde_json::Value;

use super::hint;
use super::limits::Hold;

/// What to do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// The same may work after this time.
    RetryAfter(Duration),
    /// This resource has to rest for this time; others need not.
    Parked(Duration),
    /// Discord says no, and will go on saying no until somebody changes something.
    Refused,
    /// The object does not exist any more.
    Gone,
    /// The guild is no longer what the plan was made for.
    Stale,
    /// The request may have been carried out. Look before doing anything else.
    Unknown,
    /// Nothing can work until a person steps in.
    Fatal,
}

/// A failed call to Discord. No text of it holds a token or a body that was sent.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// The token cannot be one.
    #[error("the bot token has characters no token has; copy it again from the Bot page of the Developer Portal")]
    BadToken,
    /// The address cannot be one.
    #[error(
        "`{address}` is not the address of a server; write for example `https://discord.com` or `http://127.0.0.1:7777`"
    )]
    BadAddress {
        /// What was given.
        address: String,
    },
    /// The network cannot be used at all.
    #[error("no connection can be made from this machine: {cause}")]
    NoNetwork {
        /// What the system said.
        cause: String,
    },
    /// The answer was 401.
    #[error(
        "Discord does not know the bot token; it may have been reset or belong to another environment. Copy it again from \
         the Bot page of the Developer Portal into DISCORD_TOKEN"
    )]
    Unauthorized,
    /// The answer was another refusal.
    #[error(transparent)]
    Refused(Box<Refusal>),
    /// The object does not exist.
    #[error("what {request} is about does not exist any more ({message}, code {code})")]
    Gone {
        /// Method and path.
        request: String,
        /// Discord's code.
        code: u64,
        /// Discord's words.
        message: String,
    },
    /// The object is not what it was taken for.
    #[error("{what}; plan again")]
    Stale {
        /// What is different.
        what: String,
    },
    /// A limit holds the request back for longer than is waited.
    #[error("{why}; it can go on in {}", Lapse(*.retry_after))]
    Parked {
        /// For how long.
        retry_after: Duration,
        /// Which limit.
        why: Hold,
    },
    /// Discord cannot be reached or is out of order, and nothing was written.
    #[error("Discord did not answer {request} ({cause}); nothing was changed, try again later")]
    Unavailable {
        /// Method and path.
        request: String,
        /// The last failure.
        cause: String,
    },
    /// A write was not answered, so it may or may not have happened.
    #[error("it is not known whether Discord carried out {request} ({cause}); look at the guild before trying again")]
    Unknown {
        /// Method and path.
        request: String,
        /// The last failure.
        cause: String,
    },
    /// An answer that cannot be understood is not taken for an empty one.
    #[error("Discord's answer to {request} cannot be understood: {problem}")]
    Malformed {
        /// Method and path.
        request: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A request that cannot be put together.
    #[error("{request} cannot be sent: {cause}")]
    Unsendable {
        /// Method and path.
        request: String,
        /// What is wrong with it.
        cause: String,
    },
    /// An operation refers to something that has no snowflake.
    #[error("`{reference}` stands for no {what} that exists; the step that creates it has to succeed first")]
    Unresolved {
        /// The reference.
        reference: String,
        /// What it should stand for.
        what: &'static str,
    },
    /// An operation wants an image back of which only Discord's hash is known.
    #[error("the image `{field}` cannot be written: Discord keeps only its hash, and the file is not at hand")]
    NoImage {
        /// The field.
        field: &'static str,
    },
}

impl Error {
    /// A pause after an outage.
    pub(super) const OUTAGE: Duration = Duration::from_secs(30);

    /// What to do about it.
    pub fn disposition(&self) -> Disposition {
        match self {
            Self::BadToken | Self::BadAddress { .. } | Self::NoNetwork { .. } | Self::Unauthorized => {
                Disposition::Fatal
            }
            Self::Unsendable { .. } | Self::Unresolved { .. } | Self::NoImage { .. } => Disposition::Fatal,
            Self::Refused(_) => Disposition::Refused,
            Self::Gone { .. } => Disposition::Gone,
            Self::Stale { .. } => Disposition::Stale,
            Self::Parked { retry_after, .. } => Disposition::Parked(*retry_after),
            Self::Unavailable { .. } | Self::Malformed { .. } => Disposition::RetryAfter(Self::OUTAGE),
            Self::Unknown { .. } => Disposition::Unknown,
        }
    }

    /// Discord's code, when it gave one.
    pub fn code(&self) -> Option<u64> {
        match self {
            Self::Refused(refusal) => Some(refusal.code),
            Self::Gone { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// The error an answer with a status from 300 to 499 stands for.
    pub(super) fn of_answer(request: String, status: u16, body: &[u8]) -> Self {
        let refusal = Refusal::read(request, status, body);
        match (status, refusal.code) {
            (401, _) => Self::Unauthorized,
            (404, code) if hint::says_gone(code) => {
                Self::Gone { request: refusal.request, code, message: refusal.message }
            }
            (_, hint::WRONG_CHANNEL_TYPE) => {
                Self::Stale { what: format!("{} is about a channel of another type now", refusal.request) }
            }
            _ => Self::Refused(Box::new(refusal)),
        }
    }
}

/// Discord's no, with its reasons.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Refusal {
    /// Method and path.
    pub request: String,
    /// The status.
    pub status: u16,
    /// Discord's code; 0 when it gave none.
    pub code: u64,
    /// Discord's words.
    pub message: String,
    /// What is wrong with each field: `name: Must be between 1 and 100 in length.`
    pub problems: Vec<String>,
}

impl Refusal {
    /// Longest text of an answer that is repeated to the user, in characters.
    const MAX_TEXT: usize = 200;

    fn read(request: String, status: u16, body: &[u8]) -> Self {
        let Ok(answer) = serde_json::from_slice::<Value>(body) else {
            let message = "the answer did not come from Discord's API".to_owned();
            return Self { request, status, code: 0, message, problems: Vec::new() };
        };
        let message = answer["message"].as_str().unwrap_or("no reason given");
        let mut problems = Vec::new();
        collect_problems("", &answer["errors"], &mut problems);
        let code = answer["code"].as_u64().unwrap_or(0);
        Self { request, status, code, message: shorten(message), problems }
    }

    /// What can be done about it, where that is known.
    pub fn hint(&self) -> Option<&'static str> {
        hint::of(self.status, self.code)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { request, status, code, message, problems } = self;
        write!(f, "Discord refused {request}: {message} (status {status}, code {code})")?;
        problems.iter().try_for_each(|problem| write!(f, "\n  {problem}"))?;
        self.hint().map_or(Ok(()), |hint| write!(f, "\n  {hint}"))
    }
}

fn shorten(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(Refusal::MAX_TEXT).collect()
}

/// Discord nests the problems of a form by field and index; each becomes a line.
fn collect_problems(path: &str, node: &Value, problems: &mut Vec<String>) {
    let Some(fields) = node.as_object() else { return };
    for (field, inner) in fields {
        if field == "_errors" {
            let messages = inner.as_array().into_iter().flatten().filter_map(|e| e["message"].as_str());
            problems
                .extend(messages.map(|m| if path.is_empty() { shorten(m) } else { format!("{path}: {}", shorten(m)) }));
        } else {
            let path = if path.is_empty() { field.clone() } else { format!("{path}.{field}") };
            collect_problems(&path, inner, problems);
        }
    }
}

/// A time as people say it: `8 s`, `9 min 43 s`, `28 h 19 min`. Rounded up, so that it is not too early.
struct Lapse(Duration);

impl fmt::Display for Lapse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs() + u64::from(self.0.subsec_nanos() > 0);
        match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
            (0, 0, s) => write!(f, "{s} s"),
            (0, m, 0) => write!(f, "{m} min"),
            (0, m, s) => write!(f, "{m} min {s} s"),
            (h, 0, _) => write!(f, "{h} h"),
            (h, m, _) => write!(f, "{h} h {m} min"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_form_errors_become_lines() {
        let body = br#"{"code":50035,"message":"Invalid Form Body","errors":{
            "name":{"_errors":[{"code":"BASE_TYPE_BAD_LENGTH","message":"Must be between 1 and 100 in length."}]},
            "permission_overwrites":{"0":{"allow":{"_errors":[{"code":"NUMBER_TYPE_COERCE","message":"Value \"x\" is not int."}]}}},
            "_errors":[{"code":"APPLICATION_COMMAND_TOO_LARGE","message":"Too large."}]}}"#;
        let error = Error::of_answer("POST /guilds/1/channels".to_owned(), 400, body);
        insta::assert_snapshot!(error, @r#"
        Discord refused POST /guilds/1/channels: Invalid Form Body (status 400, code 50035)
          name: Must be between 1 and 100 in length.
          permission_overwrites.0.allow: Value "x" is not int.
          Too large.
        "#);
        assert_eq!(error.disposition(), Disposition::Refused);
    }

    #[test]
    fn only_an_unknown_object_is_gone() {
        let gone = |status, body: &str| Error::of_answer("GET /channels/1".to_owned(), status, body.as_bytes());
        assert_eq!(gone(404, r#"{"message":"Unknown Channel","code":10003}"#).disposition(), Disposition::Gone);
        assert_eq!(gone(404, r#"{"message":"Unknown Role","code":10011}"#).disposition(), Disposition::Gone);
        for (status, body) in [
            (404, r#"{"message":"Unknown Guild","code":10004}"#),
            (404, r#"{"message":"404: Not Found","code":0}"#),
            (404, "<html>"),
            (403, r#"{"message":"Missing Access","code":50001}"#),
        ] {
            assert_eq!(gone(status, body).disposition(), Disposition::Refused, "{status} {body}");
        }
    }

    #[test]
    fn times_are_said_as_people_say_them() {
        let said = [7.2, 60.0, 583.413, 7200.0, 101_995.0].map(|s| Lapse(Duration::from_secs_f64(s)).to_string());
        assert_eq!(said, ["8 s", "1 min", "9 min 44 s", "2 h", "28 h 19 min"]);
    }
}
