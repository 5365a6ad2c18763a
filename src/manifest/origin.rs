//! Where every object and field of a manifest was written.
//!
//! Decides the paths people point at. Knows nothing of what the fields mean.

use std::collections::BTreeMap;

use super::content::Origin;
use super::diagnostic::{Problems, Spot};
use super::document::GuildDoc;
use super::read::Object;
use super::resolve::{model_field, table};

/// Notes the place of every object and of every field that was written, the latter by the model's name.
pub(super) fn record_origins(
    doc: &GuildDoc,
    texts: &[&str],
    problems: &Problems,
    origins: &mut BTreeMap<String, Origin>,
) {
    let mut locator = Locator { lines: texts.iter().map(|text| Lines::of(text)).collect(), problems };
    let mut note = |path: String, spot: Spot| {
        origins.insert(path, locator.locate(spot));
    };
    let mut note_object = |section: &str, key: &str, spot: Spot, fields: Vec<(&'static str, Spot)>| {
        for (field, spot) in fields {
            note(format!("{section}.{key}.{}", model_field(section, field)), spot);
        }
        note(format!("{section}.{key}"), spot);
    };
    for (key, role) in table(doc.roles.as_ref()) {
        note_object("roles", key, key.spot, role.said());
    }
    for (key, channel) in table(doc.channels.as_ref()) {
        note_object("channels", key, key.spot, channel.said());
    }
    for (key, category) in table(doc.categories.as_ref()) {
        note_object("categories", key, key.spot, without_channels(category.said()));
        for (key, channel) in table(category.channels.as_ref()) {
            note_object("channels", key, key.spot, channel.said());
        }
    }
    for (field, spot) in doc.settings.iter().flat_map(|settings| settings.said()) {
        note(format!("settings.{field}"), spot);
    }
    for (field, spot) in doc.policy.iter().flat_map(|policy| policy.said()) {
        note(format!("policy.{field}"), spot);
    }
    for (index, expectation) in doc.expectations.iter().flat_map(|list| list.iter()).enumerate() {
        note(format!("expectations.{index}"), expectation.spot);
    }
    for (field, spot) in doc.said().into_iter().filter(|(field, _)| matches!(*field, "version" | "guild" | "name")) {
        note(field.to_owned(), spot);
    }
}

/// The channels of a category are objects, not a field of it.
fn without_channels(mut fields: Vec<(&'static str, Spot)>) -> Vec<(&'static str, Spot)> {
    fields.retain(|(field, _)| *field != "channels");
    fields
}

struct Locator<'a> {
    lines: Vec<Lines<'a>>,
    problems: &'a Problems,
}

impl Locator<'_> {
    fn locate(&mut self, spot: Spot) -> Origin {
        let place = self.lines.get(usize::from(spot.file.0)).map(|lines| lines.place(spot.start as usize));
        let (line, column) = place.unwrap_or((1, 1));
        Origin { file: self.problems.file_name(spot.file).to_owned(), line, column }
    }
}

/// A text by lines.
pub(super) struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self { text, starts: std::iter::once(0).chain(breaks).collect() }
    }

    /// Line and column of a byte, both from 1, the column in characters.
    pub(super) fn place(&self, offset: usize) -> (usize, usize) {
        let line = self.starts.partition_point(|start| *start <= offset).max(1);
        let start = self.starts.get(line - 1).copied().unwrap_or(0);
        let before = self.text.as_bytes().get(start..offset.min(self.text.len())).unwrap_or_default();
        // Every byte but a continuation of UTF-8 begins a character.
        let column = before.iter().filter(|byte| (**byte & 0xC0) != 0x80).count() + 1;
        (line, column)
    }
}
