//! The one way to have a request interpreted, whoever does it.
//!
//! Decides what an interpreter is told and which of its answers may be used. Knows neither models nor networks.

use std::fmt::Write as _;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::clock::Clock;
use crate::manifest::edit::Edit;
use crate::manifest::{Files, parse};

use super::change::{Change, Side};
use super::revision::revise;
use super::{EntityKind, Error, Interpretation, ground, guard, models, rules};

/// A request, and what has to be known to understand it.
#[derive(Clone, Copy, Debug)]
pub struct Request<'r> {
    /// What somebody wrote.
    pub text: &'r str,
    /// The files of the manifest.
    pub files: &'r Files,
    /// The file it begins in.
    pub entry: &'r str,
    /// What Discord has and the manifest does not.
    pub names: &'r [Name],
    /// The language of answers: an ISO 639 code such as `en` or `pt-BR`.
    pub language: &'r str,
    /// What the same person asked for before, and what came of it.
    pub earlier: Option<&'r Earlier>,
}

impl<'r> Request<'r> {
    /// A request about a manifest, with nothing known besides and answers in English.
    pub fn about(text: &'r str, files: &'r Files, entry: &'r str) -> Self {
        Self { text, files, entry, names: &[], language: "en", earlier: None }
    }
}

/// Something Discord has and the manifest does not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Name {
    /// What it is.
    #[serde(rename = "type")]
    pub kind: EntityKind,
    /// What people see.
    pub name: String,
}

/// A request of before, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Earlier {
    /// What was written.
    pub text: String,
    /// The edits it came to.
    pub edits: Vec<Edit>,
}

/// Whoever makes edits of a request.
#[async_trait]
pub trait Interpreter: Send + Sync {
    /// Understands a request. What is not understood is no error. Whoever uses the edits asks [`guard`] about them: a person may
    /// have asked for something that is never done.
    ///
    /// # Errors
    /// When nobody could be asked, or it may not be.
    async fn interpret(&self, request: &Request<'_>) -> Result<Interpretation, Error>;

    /// Who interprets, as [`Interpretation::model_used`] has it.
    fn model(&self) -> &str;
}

/// The embedded rules, which need no network and always answer.
#[derive(Clone, Debug)]
pub struct Rules {
    clock: Clock,
}

impl Rules {
    /// Rules that take their time by this clock.
    pub fn new(clock: Clock) -> Self {
        Self { clock }
    }
}

#[async_trait]
impl Interpreter for Rules {
    async fn interpret(&self, request: &Request<'_>) -> Result<Interpretation, Error> {
        let begun = self.clock.elapsed();
        let mut interpretation = rules::interpret(request.text, request.files, request.entry);
        interpretation.processing_time = milliseconds(&self.clock, begun);
        Ok(interpretation)
    }

    fn model(&self) -> &str {
        rules::MODEL
    }
}

/// Milliseconds since a moment.
pub(super) fn milliseconds(clock: &Clock, begun: std::time::Duration) -> f64 {
    clock.elapsed().saturating_sub(begun).as_secs_f64() * 1000.0
}

/// That edits nobody may be trusted with fit the manifest, do nothing that is never done, and nothing of weight that the
/// request does not ask for. To be asked of every answer of a model, also of one that was kept.
///
/// # Errors
/// Everything that is wrong, in words.
pub fn allowed(request: &Request<'_>, edits: &[Edit]) -> Result<(), Vec<String>> {
    if edits.is_empty() {
        return Ok(());
    }
    let files = revise(request.files, request.entry, edits, |_| true)?.edited.files;
    let sides = Side::of(request.files, request.entry).zip(Side::of(&files, request.entry));
    let Some((old, new)) = sides else { return Err(vec![guard::Breach::Unreadable.to_string()]) };
    let earlier = request.earlier.map(|earlier| earlier.text.as_str());
    let said: Vec<&str> = std::iter::once(request.text).chain(earlier).collect();
    let wrong = ground::ungrounded(&said, &Change::between(&old, &new));
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

/// What tells the answer of a model to a request from all others: SHA-256, in hex, over the model, the way it is asked, the
/// request, what the manifest means, what Discord has besides, the language, and what was asked before. None when the manifest
/// cannot be read.
pub fn remembered_as(model: &str, request: &Request<'_>) -> Option<String> {
    let Request { text, files, entry, names, language, earlier } = request;
    let manifest = parse(files, entry).manifest?;
    let policy = serde_json::to_string(&manifest.policy).ok()?;
    let guild = manifest.guild.to_string();
    let known = serde_json::to_string(&(names, earlier)).ok()?;
    let parts = [model, models::PROMPT_VERSION, text, &guild, manifest.fingerprint(), &policy, language, &known];
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    Some(hash.finalize().iter().fold(String::new(), |mut hex, byte| {
        _ = write!(hex, "{byte:02x}");
        hex
    }))
}
