//! A language model somebody runs elsewhere interprets requests.
//!
//! Decides how often it is asked, what is made of its answers and when to give up. An answer that does not fit the manifest, or
//! does what is never done, goes back with everything that is wrong, twice at most; then nothing was understood.
//!
//! ```text
//! prompt      what a model is told           answer      what it may answer, and whether it did
//! openai, anthropic   how either is written down         wire   one exchange, and when it is tried again
//! cost        what it costs, and what it may
//! ```

mod answer;
mod anthropic;
mod cost;
mod openai;
mod prompt;
mod talk;
mod wire;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;

use crate::clock::Clock;

use super::interpreter::milliseconds;
use super::{Error, Interpretation, Interpreter, Request, rules};
use answer::Answered;
use cost::Purse;
use prompt::Prompt;
use talk::{Said, Talk};
use wire::Wire;

pub use answer::schema;
pub use cost::{Amount, Book, Ledger, Limits, Prices};
pub use prompt::VERSION as PROMPT_VERSION;

/// How often an answer goes back.
const REPAIRS: usize = 2;

/// Most complaints that go back at once.
const COMPLAINTS: usize = 20;

/// How a model is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    /// As `OpenAI`'s chat completions with a JSON schema: `OpenAI`, Ollama, vLLM, llama.cpp.
    OpenAi,
    /// As Anthropic's messages, with a tool that has to be used.
    Anthropic,
}

impl Provider {
    /// Where it is when nothing else is said. With the version for `OpenAI`, as its own libraries have it.
    pub fn base_url(self) -> &'static str {
        match self {
            Self::OpenAi => "https://api.openai.com/v1",
            Self::Anthropic => "https://api.anthropic.com",
        }
    }
}

/// Which model is asked, and how much of it is wanted.
#[derive(Clone)]
pub struct Settings {
    /// How it is spoken to.
    pub provider: Provider,
    /// Where; [`Provider::base_url`] for the provider's own.
    pub base_url: String,
    /// Its name there.
    pub model: String,
    /// What one gets in by; local servers need none.
    pub api_key: Option<SecretString>,
    /// How long one answer may take.
    pub timeout: Duration,
    /// How often a request is sent again that may be answered the next time.
    pub retries: u32,
    /// Most tokens it is told, as estimated.
    pub max_input_tokens: u64,
    /// Most tokens it answers with.
    pub max_output_tokens: u64,
    /// What tokens cost, and what may be spent.
    pub limits: Limits,
}

impl Settings {
    /// A model with everything else as usual: a minute for an answer, two repetitions, 32,000 tokens in and 4,096 out.
    pub fn of(provider: Provider, model: &str) -> Self {
        Self {
            provider,
            base_url: provider.base_url().to_owned(),
            model: model.to_owned(),
            api_key: None,
            timeout: Duration::from_secs(60),
            retries: 2,
            max_input_tokens: 32_000,
            max_output_tokens: 4_096,
            limits: Limits::default(),
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { provider, base_url, model, api_key, timeout, retries, max_input_tokens, max_output_tokens, limits } =
            self;
        f.debug_struct("Settings")
            .field("provider", provider)
            .field("base_url", base_url)
            .field("model", model)
            .field("api_key", &api_key.as_ref().map(|_| "(set)"))
            .field("timeout", timeout)
            .field("retries", retries)
            .field("max_input_tokens", max_input_tokens)
            .field("max_output_tokens", max_output_tokens)
            .field("limits", limits)
            .finish()
    }
}

/// A language model.
#[derive(Clone, Debug)]
pub struct Model {
    settings: Settings,
    wire: Wire,
    clock: Clock,
    purse: Purse,
}

impl Model {
    /// A model of which nothing is asked yet. What it costs is written down in this process alone.
    ///
    /// # Errors
    /// When the address is none, would carry a key where others can read it, or the system's certificates cannot be used.
    pub fn new(settings: Settings, clock: Clock) -> Result<Self, Error> {
        Self::with_ledger(settings, clock, Arc::new(Book::default()))
    }

    /// The same, where what it costs is written down by somebody else.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_ledger(settings: Settings, clock: Clock, ledger: Arc<dyn Ledger>) -> Result<Self, Error> {
        let wire = Wire::new(&settings, clock.clone())?;
        let purse = Purse::new(settings.limits.clone(), clock.clone(), ledger);
        Ok(Self { settings, wire, clock, purse })
    }

    /// Asks, and goes on asking until there is something that can be used or no use in it.
    async fn ask(&self, request: &Request<'_>) -> Result<Interpretation, Error> {
        let Settings { provider, model, max_input_tokens, max_output_tokens, .. } = &self.settings;
        let Prompt { system, data, left_out } = prompt::prompt(request, *max_input_tokens)?;
        let mut talk = Talk::begin(system, data);
        let mut spent = Amount::default();
        let mut wrong = Vec::new();
        for round in 0..=REPAIRS {
            let worst = self.purse.cost(talk.tokens(), *max_output_tokens);
            match self.purse.allows(spent, worst).await {
                Err(error) if round == 0 => return Err(error),
                Err(error) => {
                    wrong.push(format!("it was not asked again: {error}"));
                    break;
                }
                Ok(()) => {}
            }
            let body = match provider {
                Provider::OpenAi => openai::body(&self.settings, &talk),
                Provider::Anthropic => anthropic::body(&self.settings, &talk),
            };
            let reply = self.wire.ask(&body).await?;
            let reply = match provider {
                Provider::OpenAi => openai::read(&reply),
                Provider::Anthropic => anthropic::read(&reply),
            }?;
            let (input, output) = reply.usage.unwrap_or_else(|| (talk.tokens(), reply.said.tokens()));
            spent = spent.plus(self.purse.pay(input, output).await);
            wrong = match &reply.said {
                Said::Declined => return Ok(self.nothing(request, "the model declined to answer")),
                Said::CutOff => {
                    let why = format!("the answer was longer than {max_output_tokens} tokens; ask for less at once");
                    return Ok(self.nothing(request, &why));
                }
                Said::Nothing(_) => vec!["there is no answer in the form that was asked for".to_owned()],
                Said::Text { text, .. } => match answer::checked(text, request) {
                    Ok(Answered { mut interpretation }) => {
                        interpretation.model_used.clone_from(model);
                        interpretation.structured_command.conditions = left_out;
                        return Ok(interpretation);
                    }
                    Err(wrong) => wrong,
                },
            };
            wrong.truncate(COMPLAINTS);
            talk.send_back(reply.said, prompt::complaint(&wrong));
        }
        let why = format!("the model gave no answer that can be used: {}", wrong.join("; "));
        Ok(self.nothing(request, &why))
    }

    fn nothing(&self, request: &Request<'_>, why: &str) -> Interpretation {
        Interpretation::not_understood(request.text, &self.settings.model, why)
    }
}

#[async_trait]
impl Interpreter for Model {
    async fn interpret(&self, request: &Request<'_>) -> Result<Interpretation, Error> {
        let begun = self.clock.elapsed();
        let characters = request.text.chars().count();
        if characters > rules::LONGEST {
            return Err(Error::TooLong { characters, most: rules::LONGEST });
        }
        let mut interpretation = if request.text.trim().is_empty() {
            self.nothing(request, "there is no request")
        } else {
            self.ask(request).await?
        };
        interpretation.processing_time = milliseconds(&self.clock, begun);
        Ok(interpretation)
    }

    fn model(&self) -> &str {
        &self.settings.model
    }
}
