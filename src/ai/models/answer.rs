//! What a model may answer, and whether it did.
//!
//! Decides which answers can be used: they have the form, their edits fit the manifest and do nothing that is never done or that
//! nobody asked for. Places in the request are put right where that is possible, and left out where it is not.

use std::sync::LazyLock;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Deserialize;
use serde_json::Value;

use crate::ai::ground::is_hidden;
use crate::ai::{
    Alternative, Command, Entity, EntityKind, Intent, Interpretation, Part, Position, Request, allowed, told,
};
use crate::manifest::edit::Edit;

/// Most edits of one answer; what they touch is limited besides.
const MOST_EDITS: usize = 200;

/// Most of everything else.
const MOST: usize = 100;

/// Longest reason, in characters.
const LONGEST: usize = 200;

/// What a request comes to.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Answer {
    /// The edits the request comes to, in its order; none when nothing was understood.
    edits: Vec<Edit>,
    /// How sure you are that this is what was wanted, from 0 to 1.
    confidence: f64,
    /// What is named in the request, each as it stands there.
    entities: Vec<Named>,
    /// Parts of the request that gave no edit, and why.
    not_understood: Vec<Left>,
    /// What else the request could mean, when that is in doubt.
    alternatives: Vec<Other>,
}

/// Something that is named in the request.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Named {
    /// What it is.
    r#type: EntityKind,
    /// As it stands in the request, letter by letter.
    value: String,
    /// How sure you are, from 0 to 1.
    confidence: f64,
    /// The number of its first character in the request, from 0.
    start: usize,
    /// The number of the character after its last.
    end: usize,
}

/// A part of the request that gave no edit.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Left {
    /// As it stands in the request, letter by letter.
    text: String,
    /// The number of its first character in the request, from 0.
    start: usize,
    /// The number of the character after its last.
    end: usize,
    /// Why, in a few words, in the language of the answer.
    why: String,
}

/// Another meaning of the request.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Other {
    /// The edits it would come to.
    edits: Vec<Edit>,
}

/// An answer that can be used.
pub(super) struct Answered {
    pub(super) interpretation: Interpretation,
}

/// What a model may answer, as JSON Schema.
pub fn schema() -> &'static Value {
    static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
        let generator = SchemaSettings::draft2020_12().into_generator();
        let mut schema = generator.into_root_schema_for::<Answer>();
        schema.remove("$schema");
        schema.remove("title");
        schema.to_value()
    });
    &SCHEMA
}

/// An answer, when it can be used; else everything that is wrong with it, to be told to the model.
pub(super) fn checked(text: &str, request: &Request<'_>) -> Result<Answered, Vec<String>> {
    let answer: Answer = serde_json::from_str(unfenced(text)).map_err(|error| vec![not_of_the_form(text, &error)])?;
    let Answer { edits, confidence, entities, not_understood, alternatives } = answer;
    let mut wrong = Vec::new();
    let shares = std::iter::once(confidence).chain(entities.iter().map(|entity| entity.confidence));
    if shares.into_iter().any(|share| !(0.0..=1.0).contains(&share)) {
        wrong.push("every `confidence` must be from 0 to 1".to_owned());
    }
    let counts = [
        ("edits", edits.len(), MOST_EDITS),
        ("entities", entities.len(), MOST),
        ("not_understood", not_understood.len(), MOST),
        ("alternatives", alternatives.len(), MOST),
    ];
    let long = counts.into_iter().filter(|(_, count, most)| count > most);
    wrong.extend(long.map(|(field, count, most)| format!("`{field}` has {count} items; {most} are the most")));
    if wrong.is_empty()
        && let Err(found) = allowed(request, &edits)
    {
        wrong = found;
    }
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let source = Source::of(request.text);
    let mut parts: Vec<Part> = not_understood.into_iter().filter_map(|left| part(left, &source)).collect();
    if edits.is_empty() && parts.is_empty() {
        let nothing = Interpretation::not_understood(request.text, "", "it comes to no change of the manifest");
        parts = nothing.not_understood;
    }
    let others = alternatives.into_iter().map(|other| other.edits);
    let others = others.filter(|edits| !edits.is_empty() && allowed(request, edits).is_ok());
    let interpretation = Interpretation {
        original_text: request.text.to_owned(),
        confidence_score: if edits.is_empty() { 0.0 } else { confidence },
        intent: Intent::of(&edits),
        entities: entities.into_iter().filter_map(|named| entity(named, &source)).collect(),
        structured_command: Command::of(&edits),
        alternatives: others.map(|edits| another(edits, confidence)).collect(),
        processing_time: 0.0,
        model_used: String::new(),
        cached: false,
        edits,
        not_understood: parts,
    };
    Ok(Answered { interpretation })
}

/// Another meaning, told by what it would do.
fn another(edits: Vec<Edit>, confidence_score: f64) -> Alternative {
    let told: Vec<String> = edits.iter().map(|edit| told::told(edit).1).collect();
    let (command, not_understood) = (Command::of(&edits), Vec::new());
    Alternative { meaning: told.join("; "), command, confidence_score, edits, not_understood }
}

/// Some models wrap JSON as they would in a message to people.
fn unfenced(text: &str) -> &str {
    let text = text.trim();
    let Some(inner) = text.strip_prefix("```").and_then(|text| text.strip_suffix("```")) else { return text };
    inner.strip_prefix("json").unwrap_or(inner).trim()
}

fn not_of_the_form(text: &str, error: &serde_json::Error) -> String {
    match serde_json::from_str::<Value>(unfenced(text)) {
        Ok(_) => format!("the answer does not have the form of the schema: {error}"),
        Err(_) => format!("the answer is not one JSON document: {error}"),
    }
}

/// The request by its characters.
struct Source(Vec<char>);

impl Source {
    fn of(text: &str) -> Self {
        Self(text.chars().collect())
    }

    /// Where a text stands: where the model says, or the only place where it does.
    fn place(&self, text: &str, start: usize, end: usize) -> Option<Position> {
        let wanted: Vec<char> = text.chars().collect();
        if wanted.is_empty() {
            return None;
        }
        if self.0.get(start..end) == Some(wanted.as_slice()) {
            return Some(Position { start, end });
        }
        let mut places = self.0.windows(wanted.len()).enumerate().filter(|(_, window)| *window == wanted.as_slice());
        let (start, _) = places.next()?;
        if places.next().is_some() { None } else { Some(Position { start, end: start + wanted.len() }) }
    }
}

fn entity(named: Named, source: &Source) -> Option<Entity> {
    let Named { r#type, value, confidence, start, end } = named;
    let position = source.place(&value, start, end)?;
    Some(Entity { kind: r#type, value, confidence, position })
}

fn part(left: Left, source: &Source) -> Option<Part> {
    let Left { text, start, end, why } = left;
    let position = source.place(&text, start, end)?;
    Some(Part { text, position, why: plain(&why) })
}

/// A reason as it may be shown anywhere: one short line, without characters nobody sees, addresses and mentions.
fn plain(text: &str) -> String {
    let seen: String = text.chars().map(|c| if is_hidden(c) { ' ' } else { c }).collect();
    let is_odd = |word: &str| {
        word.contains("://") || word.contains("www.") || word.contains("](") || word.contains("discord.gg")
    };
    let words = seen.split_whitespace().map(|word| if is_odd(word) { "(address)" } else { word });
    let line = words.collect::<Vec<_>>().join(" ").replace('@', "(at)");
    line.chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_put_right_or_left_out() {
        let source = Source::of("ä #a and #b, then #b");
        assert_eq!(source.place("#a", 2, 4), Some(Position { start: 2, end: 4 }));
        assert_eq!(source.place("#a", 3, 5), Some(Position { start: 2, end: 4 }), "bytes were counted");
        assert_eq!(source.place("#b", 0, 2), None, "it stands there twice");
        assert_eq!(source.place("#b", 9, 11), Some(Position { start: 9, end: 11 }));
        assert_eq!(source.place("#c", 0, 2), None);
        assert_eq!(source.place("#b", 9, usize::MAX), None);
        assert_eq!(source.place("", 0, 0), None);
    }

    #[test]
    fn a_reason_shows_nothing_it_should_not() {
        let shown = plain("see\n![x](https://evil.example/?q=1)\u{200b} or ask @everyone");
        assert_eq!(shown, "see (address) or ask (at)everyone");
    }
}
