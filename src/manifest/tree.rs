//! YAML as a tree that knows where everything stands.
//!
//! Decides what is YAML, how much of it is too much, and that no key stands twice in a map. Knows nothing of manifests.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use granit_parser::{Event, Options, Parser, ScalarStyle, ScanError, Tag};

use super::diagnostic::{FileId, Problem, Problems, Spot, rule};

/// A value and its place.
#[derive(Clone, Debug)]
pub(crate) struct Node<'s> {
    pub(crate) spot: Spot,
    pub(crate) value: Value<'s>,
}

/// What a value is. The type of a plain scalar is for its reader to decide.
#[derive(Clone, Debug)]
pub(crate) enum Value<'s> {
    /// A scalar: a text with quotes, or anything without.
    Scalar { text: Cow<'s, str>, plain: bool },
    /// A list.
    List(Vec<Node<'s>>),
    /// A map. Keys are unique.
    Map(Vec<Entry<'s>>),
}

/// A key and its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry<'s> {
    pub(crate) key: Cow<'s, str>,
    pub(crate) key_spot: Spot,
    pub(crate) node: Node<'s>,
    /// The key stands alone between two commas of a flow map, without even a colon.
    pub(crate) bare: bool,
}

impl<'s> Node<'s> {
    /// An empty map.
    pub(crate) fn empty_map(spot: Spot) -> Self {
        Self { spot, value: Value::Map(Vec::new()) }
    }

    /// True for `null`, `~` and nothing at all.
    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, plain: true } if matches!(&**text, "" | "~" | "null" | "Null" | "NULL"))
    }

    /// The value of a key, when this is a map that has it.
    pub(crate) fn get(&self, key: &str) -> Option<&Entry<'s>> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|e| e.key == key),
            Value::Scalar { .. } | Value::List(_) => None,
        }
    }

    /// The word for what it is.
    pub(crate) fn noun(&self) -> &'static str {
        match &self.value {
            _ if self.is_null() => "nothing",
            Value::Scalar { plain: true, text } if matches!(&**text, "true" | "false") => "a boolean",
            Value::Scalar { plain: true, text } if is_number(text) && text.contains('.') => "a fraction",
            Value::Scalar { plain: true, text } if is_number(text) => "a number",
            Value::Scalar { .. } => "a text",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }

    fn size(&self) -> usize {
        match &self.value {
            Value::Scalar { .. } => 1,
            Value::List(items) => 1 + items.iter().map(Self::size).sum::<usize>(),
            Value::Map(entries) => 1 + entries.iter().map(|e| 1 + e.node.size()).sum::<usize>(),
        }
    }

    fn depth(&self) -> usize {
        match &self.value {
            Value::Scalar { .. } => 1,
            Value::List(items) => 1 + items.iter().map(Self::depth).max().unwrap_or(0),
            Value::Map(entries) => 1 + entries.iter().map(|e| e.node.depth()).max().unwrap_or(0),
        }
    }
}

/// True for what YAML 1.2 calls a number.
pub(crate) fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let begins = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let radix = digits.starts_with("0x") || digits.starts_with("0o");
    begins && digits != "." && (radix || digits.parse::<f64>().is_ok())
}

/// How much YAML is accepted. A guild of 500 channels with 20 overwrites each, spelled out, stays below half of it.
pub(crate) mod budget {
    /// Bytes of one file.
    pub(crate) const BYTES: usize = 4 << 20;
    /// Values of one file, with aliases expanded.
    pub(crate) const NODES: usize = 300_000;
    /// Values inside values.
    pub(crate) const DEPTH: usize = 32;
}

/// Reads a text. `None` when it is not YAML, is too much, or holds nothing; then that was reported.
pub(crate) fn read<'s>(text: &'s str, file: FileId, problems: &mut Problems) -> Option<Node<'s>> {
    let mut builder =
        Builder { text, file, problems, frames: Vec::new(), anchors: BTreeMap::new(), nodes: 0, root: None };
    let mut documents = 0;
    let mut options = Options::default();
    options.set_emit_comments(false);
    let mut parser = Parser::new_from_str_with_options(text, options);
    while let Some(next) = parser.next_event() {
        let (event, span) = match next {
            Ok(next) => next,
            Err(error) => return builder.refuse_syntax(&error),
        };
        let spot = Spot::new(file, span.byte_range().unwrap_or_default());
        if matches!(event, Event::DocumentStart(..)) {
            documents += 1;
            if documents > 1 {
                let problem = Problem::new(rule::SEVERAL_DOCUMENTS, "a file is one YAML document");
                builder.problems.report(problem.at(spot, "a second document begins here"));
                return None;
            }
        }
        builder.take(event, spot)?;
    }
    let root = builder.root.take().filter(|root| !root.is_null());
    if root.is_none() {
        let problem = Problem::new(rule::EMPTY, format!("`{}` says nothing", problems.file_name(file)));
        let problem = problem.help("an empty file would mean that everything is to be removed, so it is refused");
        problems.report(problem.at(Spot::new(file, 0..0), ""));
    }
    root
}

/// A key that waits for its value. One that is no word was reported, and its value is dropped.
type Key<'s> = (Option<Cow<'s, str>>, Spot);

enum Frame<'s> {
    List { start: Spot, anchor: usize, items: Vec<Node<'s>> },
    Map { start: Spot, anchor: usize, entries: Vec<Entry<'s>>, merged: Vec<Node<'s>>, key: Option<Key<'s>> },
}

struct Builder<'s, 'p> {
    text: &'s str,
    file: FileId,
    problems: &'p mut Problems,
    frames: Vec<Frame<'s>>,
    anchors: BTreeMap<usize, Node<'s>>,
    nodes: usize,
    root: Option<Node<'s>>,
}

impl<'s> Builder<'s, '_> {
    /// Takes the next event; `None` when reading cannot go on.
    fn take(&mut self, event: Event<'s>, spot: Spot) -> Option<()> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain && !self.is_text_tag(tag.as_deref(), spot);
                self.count(1, spot)?;
                self.complete(Node { spot, value: Value::Scalar { text, plain } }, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.is_text_tag(tag.as_deref(), spot);
                self.open(Frame::List { start: spot, anchor, items: Vec::new() }, spot)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.is_text_tag(tag.as_deref(), spot);
                let frame = Frame::Map { start: spot, anchor, entries: Vec::new(), merged: Vec::new(), key: None };
                self.open(frame, spot)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(spot),
            Event::Alias(id) => self.expand(id, spot),
            _ => Some(()),
        }
    }

    fn is_text_tag(&mut self, tag: Option<&Tag>, spot: Spot) -> bool {
        let Some(tag) = tag else { return false };
        let tag = format!("{}{}", tag.handle(), tag.suffix());
        let is_text = tag == "tag:yaml.org,2002:str";
        if !is_text {
            let problem = Problem::new(rule::YAML_TAG, format!("the YAML tag `{tag}` has no meaning here"));
            self.problems.report(problem.at(spot, "remove the tag"));
        }
        is_text
    }

    fn count(&mut self, nodes: usize, spot: Spot) -> Option<()> {
        self.nodes += nodes;
        if self.nodes <= budget::NODES {
            return Some(());
        }
        let message = format!("the file expands to more than {} values", budget::NODES);
        self.problems.report(Problem::new(rule::TOO_LARGE, message).at(spot, "reading stopped here"));
        None
    }

    fn open(&mut self, frame: Frame<'s>, spot: Spot) -> Option<()> {
        self.count(1, spot)?;
        self.frames.push(frame);
        self.check_depth(self.frames.len(), spot)
    }

    fn check_depth(&mut self, depth: usize, spot: Spot) -> Option<()> {
        if depth <= budget::DEPTH {
            return Some(());
        }
        let message = format!("values are nested more than {} deep", budget::DEPTH);
        self.problems.report(Problem::new(rule::TOO_LARGE, message).at(spot, "reading stopped here"));
        None
    }

    fn expand(&mut self, id: usize, spot: Spot) -> Option<()> {
        let Some(node) = self.anchors.get(&id) else {
            let problem = Problem::new(rule::NOT_YAML, "an alias stands inside the value it names");
            self.problems.report(problem.at(spot, "refers to itself"));
            return None;
        };
        let (size, depth) = (node.size(), node.depth());
        self.count(size, spot)?;
        self.check_depth(self.frames.len() + depth, spot)?;
        let value = self.anchors.get(&id)?.value.clone();
        self.complete(Node { spot, value }, 0)
    }

    fn close(&mut self, end: Spot) -> Option<()> {
        match self.frames.pop()? {
            Frame::List { start, anchor, items } => {
                let spot = self.hull(start, end);
                self.complete(Node { spot, value: Value::List(items) }, anchor)
            }
            Frame::Map { start, anchor, mut entries, merged, key: _ } => {
                self.report_duplicates(&mut entries);
                if !merged.is_empty() {
                    let mut said = entries.iter().map(|e| e.key.clone()).collect();
                    merged.into_iter().for_each(|node| self.merge(&mut entries, &mut said, node));
                }
                let spot = self.hull(start, end);
                self.complete(Node { spot, value: Value::Map(entries) }, anchor)
            }
        }
    }

    /// From the start of a collection to its end, without the blank lines a block collection ends after.
    fn hull(&self, start: Spot, end: Spot) -> Spot {
        let range = start.start as usize..(end.end.max(start.end)) as usize;
        let text = self.text.get(range.clone()).unwrap_or_default();
        Spot::new(self.file, range.start..range.start + text.trim_end().len())
    }

    /// Puts a finished value where it belongs.
    fn complete(&mut self, node: Node<'s>, anchor: usize) -> Option<()> {
        if anchor != 0 {
            self.count(node.size(), node.spot)?;
            self.anchors.insert(anchor, node.clone());
        }
        self.report_lost_value(&node);
        match self.frames.last_mut() {
            None => self.root = Some(node),
            Some(Frame::List { items, .. }) => items.push(node),
            Some(Frame::Map { key, entries, merged, .. }) => match key.take() {
                Some((None, _)) => {}
                Some((Some(name), _)) if name == "<<" => merged.push(node),
                Some((Some(name), key_spot)) => {
                    let after = || self.text.get(key_spot.end as usize..).unwrap_or_default().trim_start();
                    let bare = node.is_null() && after().starts_with([',', '}']);
                    entries.push(Entry { key: name, key_spot, node, bare });
                }
                None => match node.value {
                    Value::Scalar { text, plain: _ } => *key = Some((Some(text), node.spot)),
                    Value::List(_) | Value::Map(_) => {
                        let problem = Problem::new(rule::BAD_KEY, "a key is a word, not a list or a map");
                        let problem = problem.help("a text that begins with `{` or `[` needs quotes");
                        self.problems.report(problem.at(node.spot, "stands where a key is expected"));
                        *key = Some((None, node.spot));
                    }
                },
            },
        }
        Some(())
    }

    /// `color: #fff` is nothing and a comment. A comment that is meant as one has a space after its `#`.
    fn report_lost_value(&mut self, node: &Node<'s>) {
        let Some(Frame::Map { key: Some((_, key)), .. }) = self.frames.last() else { return };
        let after_key = self.text.get(key.end as usize..).unwrap_or_default().lines().next().unwrap_or_default();
        let Some((between, comment)) = after_key.split_once('#').filter(|_| node.is_null()) else { return };
        let comment = comment.trim_end();
        if between.trim() != ":" || !between.ends_with(' ') || comment.is_empty() || comment.starts_with([' ', '#']) {
            return;
        }
        let at = key.end as usize + between.len();
        let spot = Spot::new(self.file, at..at + 1 + comment.len());
        let problem = Problem::new(rule::COMMENTED_OUT, "a `#` without quotes begins a comment, so there is no value");
        let problem = problem.at(spot, "a comment to YAML").help("put quotes around it, or a space after the `#`");
        let quoted = comment.replace('\\', "\\\\").replace('"', "\\\"");
        self.problems.report(problem.suggest(spot, format!("\"#{quoted}\"")));
    }

    /// Keeps the first of equal keys.
    fn report_duplicates(&mut self, entries: &mut Vec<Entry<'s>>) {
        let mut seen: BTreeMap<Cow<'s, str>, Spot> = BTreeMap::new();
        let problems = &mut *self.problems;
        entries.retain(|entry| match seen.get(&entry.key) {
            None => {
                seen.insert(entry.key.clone(), entry.key_spot);
                true
            }
            Some(first) => {
                let problem = Problem::new(rule::DUPLICATE_KEY, format!("the key `{}` stands here twice", entry.key));
                problems.report(problem.at(entry.key_spot, "again here").at(*first, "first here"));
                false
            }
        });
    }

    /// Adds what a merge key brings, where the map itself says nothing.
    fn merge(&mut self, entries: &mut Vec<Entry<'s>>, said: &mut BTreeSet<Cow<'s, str>>, node: Node<'s>) {
        match node.value {
            Value::Map(more) => entries.extend(more.into_iter().filter(|entry| said.insert(entry.key.clone()))),
            Value::List(maps) if maps.iter().all(|m| matches!(m.value, Value::Map(_))) => {
                maps.into_iter().for_each(|map| self.merge(entries, said, map));
            }
            Value::List(_) | Value::Scalar { .. } => {
                let problem = Problem::new(rule::BAD_MERGE, "`<<` merges a map, or a list of maps");
                self.problems.report(problem.at(node.spot, "is neither"));
            }
        }
    }

    fn refuse_syntax(&mut self, error: &ScanError) -> Option<Node<'s>> {
        let at = error.marker().byte_offset().unwrap_or(0).min(self.text.len());
        let (before, after) = self.text.split_at_checked(at).unwrap_or_default();
        let width = after.chars().next().filter(|c| *c != '\n').map_or(0, char::len_utf8);
        let problem = Problem::new(rule::NOT_YAML, format!("this is not YAML: {}", error.kind()));
        let problem = problem.at(Spot::new(self.file, at..at + width), "");
        let mut lines = before.rsplit('\n');
        let line = [lines.next(), after.split('\n').next()].map(Option::unwrap_or_default).concat();
        let above = lines.next().unwrap_or_default();
        self.problems.report(match syntax_hint(&line, above) {
            Some(hint) => problem.help(hint),
            None => problem,
        });
        None
    }
}

/// What is often wrong with a line that is no YAML, or with the one above it.
fn syntax_hint(line: &str, above: &str) -> Option<&'static str> {
    let swallows = |line: &str| {
        let comment = line.split_once(": #").map(|(_, comment)| comment);
        comment.is_some_and(|comment| !comment.starts_with([' ', '#']))
    };
    if line.contains('\t') {
        Some("YAML is indented with spaces, never with tabs")
    } else if swallows(line) || swallows(above) {
        Some("a `#` after a space begins a comment, even before a `}`: a colour needs quotes")
    } else {
        None
    }
}
