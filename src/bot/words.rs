//! What the bot says in people's languages.
//!
//! Messages are in Project Fluent's files beside this one, all of them in every language: a test holds that. What comes from
//! plans, manifests and Discord stays as it is.

use std::fmt;
use std::sync::{Arc, LazyLock};

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use unic_langid::LanguageIdentifier;

/// Every language with its messages. The first is spoken where no other fits.
const LANGUAGES: [(&str, &str); 4] = [
    ("en", include_str!("words/en.ftl")),
    ("de", include_str!("words/de.ftl")),
    ("es", include_str!("words/es.ftl")),
    ("uk", include_str!("words/uk.ftl")),
];

type Bundle = FluentBundle<FluentResource>;

static SPOKEN: LazyLock<Vec<(&'static str, Arc<Bundle>)>> =
    LazyLock::new(|| LANGUAGES.iter().map(|(code, text)| (*code, Arc::new(bundle(code, text)))).collect());

fn bundle(code: &str, text: &str) -> Bundle {
    let language: LanguageIdentifier = code.parse().unwrap_or_default();
    let mut bundle = Bundle::new_concurrent(vec![language]);
    // Marks of direction around what is filled in would stand in names and codes that people copy.
    bundle.set_use_isolating(false);
    // A message that cannot be read is missing, and a test says so.
    let resource = FluentResource::try_new(text.to_owned()).unwrap_or_else(|(read, _)| read);
    drop(bundle.add_resource(resource));
    bundle
}

/// The words of one language.
#[derive(Clone)]
pub(super) struct Words(Arc<Bundle>);

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Words({:?})", self.0.locales)
    }
}

impl Words {
    /// Those of a language such as `de` or `pt-BR`; English where it is not spoken.
    pub(super) fn of(language: &str) -> Self {
        let primary = language.split(['-', '_']).next().unwrap_or_default();
        let found = SPOKEN.iter().find(|(code, _)| *code == primary).or(SPOKEN.first());
        let found = found.map_or_else(|| Arc::new(bundle("en", "")), |(_, bundle)| Arc::clone(bundle));
        Self(found)
    }

    /// A message.
    pub(super) fn say(&self, id: &str) -> String {
        self.with(id, &[])
    }

    /// A message with what belongs into it.
    pub(super) fn with(&self, id: &str, values: &[(&str, Filling<'_>)]) -> String {
        let mut args = FluentArgs::new();
        for (name, value) in values {
            match value {
                Filling::Text(text) => args.set(*name, FluentValue::from(*text)),
                Filling::Number(number) => args.set(*name, FluentValue::from(*number)),
            }
        }
        let Some(pattern) = self.0.get_message(id).and_then(|message| message.value()) else { return id.to_owned() };
        self.0.format_pattern(pattern, Some(&args), &mut Vec::new()).into_owned()
    }
}

/// What is filled into a message.
#[derive(Clone, Copy, Debug)]
pub(super) enum Filling<'a> {
    Text(&'a str),
    Number(usize),
}

impl<'a> From<&'a str> for Filling<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a String> for Filling<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(text)
    }
}

impl From<usize> for Filling<'_> {
    fn from(number: usize) -> Self {
        Self::Number(number)
    }
}

#[cfg(test)]
mod tests;
