//! Why nobody could be asked to interpret a request, and what to do about it.
//!
//! No text holds a key, an address with a key, or more than a line of what a server said.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// Why a request was not interpreted. What a model does not understand is an answer and not among these.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// What was set cannot be used.
    #[error("the language model cannot be asked: {why}")]
    Unusable {
        /// Why.
        why: String,
    },
    /// The request is too long to be one.
    #[error("the request has {characters} characters; at most {most} are read")]
    TooLong {
        /// How many it has.
        characters: usize,
        /// How many it may have.
        most: usize,
    },
    /// The manifest must be mended first.
    #[error("the manifest cannot be read")]
    Unreadable,
    /// There is more to know than the model is told at once.
    #[error("the manifest needs about {tokens} tokens, and the model is told {most} at most")]
    TooMuch {
        /// How many it needs, at least.
        tokens: u64,
        /// How many there may be.
        most: u64,
    },
    /// One request would cost too much.
    #[error("asking could cost {cost}, and one request may cost {most}")]
    TooDear {
        /// What it could cost.
        cost: String,
        /// What it may cost.
        most: String,
    },
    /// The day's money is spent.
    #[error("{spent} of the {most} of this day are spent, which does not leave enough to ask")]
    Spent {
        /// What was spent.
        spent: String,
        /// What may be spent.
        most: String,
        /// When there is money again.
        until: DateTime<Utc>,
    },
    /// There is no connection, or it breaks.
    #[error("the language model cannot be reached: {what}")]
    Unreachable {
        /// What happened.
        what: &'static str,
    },
    /// There was no answer in time.
    #[error("the language model did not answer within {}", seconds(*.after))]
    Slow {
        /// How long was waited.
        after: Duration,
    },
    /// The key is not accepted.
    #[error("the language model does not accept the key (status {status}){}", said(.message))]
    Key {
        /// 401 or 403.
        status: u16,
        /// What the server said of it.
        message: Option<String>,
    },
    /// There is no such model, or no such server.
    #[error("there is no model `{model}` at this address{}", said(.message))]
    NoModel {
        /// What was asked for.
        model: String,
        /// What the server said of it.
        message: Option<String>,
    },
    /// It wants no more requests for a while.
    #[error("the language model takes no more requests for now{}", said(.message))]
    Busy {
        /// How long it wants to be left alone.
        wait: Option<Duration>,
        /// What the server said of it.
        message: Option<String>,
    },
    /// The account has no money left.
    #[error("the account at the language model is used up{}", said(.message))]
    Quota {
        /// What the server said of it.
        message: Option<String>,
    },
    /// It is broken for now.
    #[error("the language model is out of order (status {status}){}", said(.message))]
    Broken {
        /// The status.
        status: u16,
        /// What the server said of it.
        message: Option<String>,
    },
    /// It does not take the request as it is.
    #[error("the language model refused the request (status {status}){}", said(.message))]
    Refused {
        /// The status.
        status: u16,
        /// What the server said of it.
        message: Option<String>,
    },
    /// It sends elsewhere, and a key goes nowhere else.
    #[error("the server of the language model sends elsewhere (status {status}), and that is not followed")]
    Redirected {
        /// The status.
        status: u16,
    },
    /// The answer is no answer of such a server.
    #[error("this is no answer of a language model: {what}")]
    Foreign {
        /// What is wrong with it.
        what: String,
    },
    /// The answer does not end.
    #[error("the answer has more than {most} bytes")]
    Endless {
        /// How many it may have.
        most: usize,
    },
}

impl Error {
    /// What to do next.
    pub fn remedy(&self) -> String {
        match self {
            Self::Unusable { .. } => "Look at `ai` in the configuration.".to_owned(),
            Self::TooLong { .. } => "Make several requests of it.".to_owned(),
            Self::Unreadable => "`setai validate` says what is wrong with it.".to_owned(),
            Self::TooMuch { .. } => {
                "Raise `ai.max_input_tokens` as far as the model can take, or use `provider: rules`.".to_owned()
            }
            Self::TooDear { .. } => {
                "Raise `ai.cost.per_request`, or lower `ai.max_output_tokens` or `ai.max_input_tokens`.".to_owned()
            }
            Self::Spent { until, .. } => {
                format!("Ask again after {}, or raise `ai.cost.per_day`.", until.format("%Y-%m-%d %H:%M UTC"))
            }
            Self::Unreachable { .. } => "Look at `ai.base_url`, and whether the server runs.".to_owned(),
            Self::Slow { .. } => "Ask again, ask for less at once, or raise `ai.timeout`.".to_owned(),
            Self::Key { .. } => "Put a valid key into the file `ai.api_key_file` names.".to_owned(),
            Self::NoModel { .. } => {
                "Look at `ai.model` and `ai.base_url`; a local model has to be pulled first.".to_owned()
            }
            Self::Busy { wait: Some(wait), .. } => format!("Ask again in {}.", seconds(*wait)),
            Self::Busy { wait: None, .. } => "Ask again in a minute.".to_owned(),
            Self::Quota { .. } => "Look at the account's billing; asking again does not help.".to_owned(),
            Self::Broken { .. } => "Ask again in a few minutes; the provider's status page may say more.".to_owned(),
            Self::Refused { .. } => "Look at `ai.model`: it must take a JSON schema, or tools.".to_owned(),
            Self::Redirected { .. } => "Put the final address into `ai.base_url`.".to_owned(),
            Self::Foreign { .. } => {
                "Look at `ai.base_url` and `ai.provider`: another kind of server answers there.".to_owned()
            }
            Self::Endless { .. } => "Ask for less at once, or lower `ai.max_output_tokens`.".to_owned(),
        }
    }
}

fn seconds(duration: Duration) -> String {
    match duration.as_secs_f64().ceil() {
        1.0 => "1 second".to_owned(),
        seconds => format!("{seconds:.0} seconds"),
    }
}

fn said(message: &Option<String>) -> String {
    message.as_ref().map_or_else(String::new, |message| format!(": it said \"{message}\""))
}
