//! Problems as people and programs read them.
//!
//! Decides how a diagnostic looks. Knows nothing of how it was found.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Patch, Renderer, Snippet};
use serde::Serialize;

use super::diagnostic::{Diagnostic, Label, Severity, Suggestion};
use super::origin::Lines;
use super::source::Files;

/// The diagnostics as text, each with the lines it is about. `files` are those that were parsed.
pub fn render_diagnostics(diagnostics: &[Diagnostic], files: &Files, color: bool) -> String {
    let texts = texts_of(diagnostics, files);
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.decor_style(DecorStyle::Ascii);
    let blocks = diagnostics.iter().map(|diagnostic| renderer.render(&groups_of(diagnostic, &texts)));
    blocks.map(|block| block.trim_end().to_owned() + "\n").collect::<Vec<_>>().join("\n")
}

fn groups_of<'a>(diagnostic: &'a Diagnostic, texts: &'a BTreeMap<&str, Cow<'a, str>>) -> Vec<Group<'a>> {
    let Diagnostic { code, severity, message, labels, help, suggestion } = diagnostic;
    let level = match severity {
        Severity::Block => Level::ERROR,
        Severity::Warn => Level::WARNING,
        Severity::Log => Level::NOTE,
    };
    let title = level.primary_title(message.as_str());
    // Only problems of manifests have codes.
    let mut group = Group::with_title(if code.is_empty() { title } else { title.id(*code) });
    let mut files: Vec<&str> = labels.iter().map(|label| label.file.as_str()).collect();
    files.dedup();
    for file in files {
        let Some(text) = texts.get(file) else { continue };
        let in_file = labels.iter().filter(|label| label.file == file);
        let annotations = in_file.map(|label| {
            let kind = if label.primary { AnnotationKind::Primary } else { AnnotationKind::Context };
            let annotation = kind.span(first_line(text, &label.range));
            if label.text.is_empty() { annotation } else { annotation.label(label.text.as_str()) }
        });
        group = group.element(Snippet::source(&**text).path(file).annotations(annotations));
    }
    let patch = suggestion.as_ref().and_then(|suggestion| patch_of(suggestion, texts));
    match (help, patch) {
        (help, Some(patch)) => {
            let title = help.as_deref().unwrap_or("this would do");
            vec![group, Level::HELP.secondary_title(title).element(patch)]
        }
        (Some(help), None) => vec![group.element(Level::HELP.message(help.as_str()))],
        (None, None) => vec![group],
    }
}

fn patch_of<'a>(suggestion: &'a Suggestion, texts: &'a BTreeMap<&str, Cow<'a, str>>) -> Option<Snippet<'a, Patch<'a>>> {
    let Suggestion { file, range, replacement } = suggestion;
    let text = texts.get(file.as_str())?;
    Some(Snippet::source(&**text).path(file.as_str()).patch(Patch::new(within(text, range), replacement.as_str())))
}

/// The files the diagnostics point into. Bytes that are no UTF-8 are shown as replacement characters.
fn texts_of<'a>(diagnostics: &'a [Diagnostic], files: &'a Files) -> BTreeMap<&'a str, Cow<'a, str>> {
    let names = diagnostics.iter().flat_map(|d| d.labels.iter().map(|l| l.file.as_str()));
    names.filter_map(|name| Some((name, String::from_utf8_lossy(files.get(name)?)))).collect()
}

/// A range that certainly lies between characters of the text.
fn within(text: &str, range: &Range<usize>) -> Range<usize> {
    let start = text.floor_char_boundary(range.start.min(text.len()));
    start..text.ceil_char_boundary(range.end.clamp(start, text.len()))
}

/// Whole sections would fill the screen: the first line stands for them.
fn first_line(text: &str, range: &Range<usize>) -> Range<usize> {
    let range = within(text, range);
    let line = text[range.clone()].lines().next().unwrap_or_default();
    range.start..range.start + line.len()
}

/// A diagnostic with lines and columns, for programs.
#[derive(Serialize)]
struct Located<'a> {
    code: &'static str,
    severity: Severity,
    message: &'a str,
    #[serde(flatten)]
    place: Option<Place<'a>>,
    help: Option<&'a str>,
    labels: Vec<LocatedLabel<'a>>,
    suggestion: Option<LocatedSuggestion<'a>>,
}

/// Lines and columns count from 1, columns in characters; the end is behind the last character.
#[derive(Serialize)]
struct Place<'a> {
    file: &'a str,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
}

#[derive(Serialize)]
struct LocatedLabel<'a> {
    #[serde(flatten)]
    place: Place<'a>,
    text: &'a str,
    primary: bool,
}

#[derive(Serialize)]
struct LocatedSuggestion<'a> {
    #[serde(flatten)]
    place: Place<'a>,
    replacement: &'a str,
}

/// The diagnostics as a JSON array, with lines and columns.
pub fn diagnostics_to_json(diagnostics: &[Diagnostic], files: &Files) -> serde_json::Value {
    let texts = texts_of(diagnostics, files);
    let lines: BTreeMap<&str, Lines<'_>> = texts.iter().map(|(name, text)| (*name, Lines::of(text))).collect();
    let place = |file: &str, range: &Range<usize>| {
        let at = |offset| lines.get(file).map_or((1, 1), |lines| lines.place(offset));
        let ((line, column), (end_line, end_column)) = (at(range.start), at(range.end));
        (line, column, end_line, end_column)
    };
    let located = |diagnostic| locate(diagnostic, &place);
    serde_json::json!(diagnostics.iter().map(located).collect::<Vec<_>>())
}

fn locate<'a>(
    diagnostic: &'a Diagnostic,
    place: &impl Fn(&str, &Range<usize>) -> (usize, usize, usize, usize),
) -> Located<'a> {
    let place = |file: &'a str, range: &Range<usize>| {
        let (line, column, end_line, end_column) = place(file, range);
        Place { file, line, column, end_line, end_column }
    };
    let Diagnostic { code, severity, message, labels, help, suggestion } = diagnostic;
    let label = |label: &'a Label| LocatedLabel {
        place: place(&label.file, &label.range),
        text: &label.text,
        primary: label.primary,
    };
    Located {
        code,
        severity: *severity,
        message,
        place: labels.first().map(|label| place(&label.file, &label.range)),
        help: help.as_deref(),
        labels: labels.iter().map(label).collect(),
        suggestion: suggestion.as_ref().map(|suggestion| LocatedSuggestion {
            place: place(&suggestion.file, &suggestion.range),
            replacement: &suggestion.replacement,
        }),
    }
}
