//! A file as it is typed: which bytes are which key, value and comment, with aliases left as they stand.
//!
//! Decides what belongs to what on the page. Knows nothing of what the words mean.

use std::ops::Range;

use granit_parser::{Event, Options, Parser, ScalarStyle};

use super::model::{Path, Step};

/// A value on the page.
#[derive(Clone, Debug)]
pub(super) struct Syntax {
    /// Its bytes, without anchor and tag; from the first to the last of a block, with the header of a block of text.
    pub(super) range: Range<usize>,
    pub(super) kind: Kind,
}

/// What stands there.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    Scalar(ScalarStyle),
    Alias,
    List { flow: bool, items: Vec<Syntax> },
    Map { flow: bool, pairs: Vec<Pair> },
}

/// A key and its value on the page.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    pub(super) name: String,
    pub(super) key: Syntax,
    /// Where the colon is; none for a key that stands alone in a flow map.
    pub(super) colon: Option<usize>,
    pub(super) value: Syntax,
}

impl Pair {
    /// From the key to the end of the value.
    pub(super) fn range(&self) -> Range<usize> {
        let colon = self.colon.map_or(self.key.range.end, |at| at + 1);
        self.key.range.start..self.value.range.end.max(colon)
    }
}

/// Why something cannot be changed in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It is written elsewhere: behind an alias or a merge key.
    Shared,
    /// It is written in a way that is not taken apart here.
    Unusual,
}

/// A whole file.
#[derive(Clone, Debug)]
pub(super) struct Page {
    pub(super) root: Syntax,
    /// Every comment, from its `#` to the end of its line.
    pub(super) comments: Vec<Range<usize>>,
}

enum Frame {
    List { start: usize, flow: bool, items: Vec<Syntax> },
    Map { start: usize, flow: bool, pairs: Vec<Pair>, key: Option<(String, Syntax)> },
}

impl Page {
    /// Takes a text apart that is known to be one YAML document.
    pub(super) fn read(text: &str) -> Result<Self, Refusal> {
        let mut reader = Reader { text, frames: Vec::new(), comments: Vec::new(), root: None };
        let mut options = Options::default();
        options.set_emit_comments(true);
        let mut parser = Parser::new_from_str_with_options(text, options);
        while let Some(next) = parser.next_event() {
            let (event, span) = next.map_err(|_| Refusal::Unusual)?;
            reader.take(event, span.byte_range().unwrap_or_default())?;
        }
        let Reader { comments, root, .. } = reader;
        Ok(Self { root: root.ok_or(Refusal::Unusual)?, comments })
    }

    /// The value at a path.
    pub(super) fn at(&self, path: &[Step]) -> Result<&Syntax, Refusal> {
        path.iter().try_fold(&self.root, |node, step| node.child(step))
    }

    /// The pair at a path that ends with a key.
    pub(super) fn pair(&self, path: &Path) -> Result<&Pair, Refusal> {
        let Some((Step::Key(key), parent)) = path.split_last() else { return Err(Refusal::Unusual) };
        self.at(parent)?.pair(key)
    }

    /// True when a comment begins in the range.
    pub(super) fn has_comment(&self, range: Range<usize>) -> bool {
        self.comments.iter().any(|comment| range.contains(&comment.start))
    }
}

impl Syntax {
    pub(super) fn child(&self, step: &Step) -> Result<&Self, Refusal> {
        match (&self.kind, step) {
            (Kind::Map { .. }, Step::Key(key)) => self.pair(key).map(|pair| &pair.value),
            (Kind::List { items, .. }, Step::Item(at)) => items.get(*at).ok_or(Refusal::Unusual),
            (Kind::Alias, _) => Err(Refusal::Shared),
            _ => Err(Refusal::Unusual),
        }
    }

    pub(super) fn pair(&self, key: &str) -> Result<&Pair, Refusal> {
        match &self.kind {
            Kind::Map { pairs, .. } => pairs.iter().find(|pair| pair.name == key).ok_or(Refusal::Shared),
            Kind::Alias => Err(Refusal::Shared),
            Kind::Scalar(_) | Kind::List { .. } => Err(Refusal::Unusual),
        }
    }

    /// True for a block map or list with something in it.
    pub(super) fn is_block(&self) -> bool {
        matches!(self.kind, Kind::Map { flow: false, .. } | Kind::List { flow: false, .. })
    }

    /// True where nothing is written.
    pub(super) fn is_empty(&self) -> bool {
        self.range.is_empty()
    }
}

struct Reader<'t> {
    text: &'t str,
    frames: Vec<Frame>,
    comments: Vec<Range<usize>>,
    root: Option<Syntax>,
}

impl Reader<'_> {
    fn take(&mut self, event: Event<'_>, range: Range<usize>) -> Result<(), Refusal> {
        match event {
            Event::Comment(..) => self.comments.push(range),
            Event::Scalar(text, style, _, _) => {
                let range = self.scalar_range(style, range);
                self.complete(Syntax { range, kind: Kind::Scalar(style) }, &text)?;
            }
            Event::Alias(_) => self.complete(Syntax { range, kind: Kind::Alias }, "")?,
            Event::SequenceStart(..) => {
                let flow = self.text[range.clone()].starts_with('[');
                self.frames.push(Frame::List { start: range.start, flow, items: Vec::new() });
            }
            Event::MappingStart(..) => {
                let flow = self.text[range.clone()].starts_with('{');
                self.frames.push(Frame::Map { start: range.start, flow, pairs: Vec::new(), key: None });
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(range.end)?,
            _ => {}
        }
        Ok(())
    }

    /// With the header of a block of text, and without the blank lines after it that do not count.
    fn scalar_range(&self, style: ScalarStyle, range: Range<usize>) -> Range<usize> {
        if !matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) {
            return range;
        }
        let before = &self.text[..range.start];
        let header = before.rfind(['|', '>']).unwrap_or(range.start);
        let keeps =
            self.text[header..].lines().next().is_some_and(|line| line.split('#').next().unwrap_or(line).contains('+'));
        let body = &self.text[header..range.end];
        let end = if keeps { body.strip_suffix('\n').unwrap_or(body) } else { body.trim_end() };
        header..header + end.len()
    }

    fn close(&mut self, end: usize) -> Result<(), Refusal> {
        let node = match self.frames.pop().ok_or(Refusal::Unusual)? {
            Frame::List { start, flow, items } => {
                let end = if flow { end } else { items.last().map_or(start, |item| item.range.end) };
                Syntax { range: start..end, kind: Kind::List { flow, items } }
            }
            Frame::Map { start, flow, pairs, key: _ } => {
                let end = if flow { end } else { pairs.last().map_or(start, |pair| pair.range().end) };
                Syntax { range: start..end, kind: Kind::Map { flow, pairs } }
            }
        };
        self.complete(node, "")
    }

    fn complete(&mut self, mut node: Syntax, text: &str) -> Result<(), Refusal> {
        match self.frames.last_mut() {
            None => self.root = Some(node),
            Some(Frame::List { items, .. }) => items.push(node),
            Some(Frame::Map { key, pairs, .. }) => match key.take() {
                None if matches!(node.kind, Kind::Scalar(_)) => *key = Some((text.to_owned(), node)),
                None => return Err(Refusal::Unusual),
                Some((name, key)) => {
                    let colon = colon_after(self.text, key.range.end, &self.comments);
                    let colon = colon.filter(|at| node.is_empty() || *at < node.range.start);
                    if node.is_empty() {
                        let at = colon.map_or(key.range.end, |at| at + 1);
                        node.range = at..at;
                    }
                    pairs.push(Pair { name, key, colon, value: node });
                }
            },
        }
        Ok(())
    }
}

/// The colon that follows a key, over spaces, lines and comments.
fn colon_after(text: &str, from: usize, comments: &[Range<usize>]) -> Option<usize> {
    next_sign(text, from, comments).filter(|at| text[*at..].starts_with(':'))
}

/// The next character that is no space and in no comment.
pub(super) fn next_sign(text: &str, mut from: usize, comments: &[Range<usize>]) -> Option<usize> {
    loop {
        let at = from + text[from..].find(|c: char| !c.is_whitespace())?;
        match comments.iter().find(|comment| comment.start == at) {
            Some(comment) => from = comment.end.max(at + 1),
            None => return Some(at),
        }
    }
}

// ---- lines ----

/// Where the line of a byte begins.
pub(super) fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

/// Where the line of a byte ends, before its line break.
pub(super) fn line_end(text: &str, at: usize) -> usize {
    let newline = text[at..].find('\n').map_or(text.len(), |newline| at + newline);
    if text[at..newline].ends_with('\r') { newline - 1 } else { newline }
}

/// Where the line after that of a byte begins; the end of the text when there is none.
pub(super) fn next_line(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |newline| at + newline + 1)
}

/// How far something is indented that is the first on its line; none when it is not.
pub(super) fn indent_of(text: &str, at: usize) -> Option<usize> {
    let before = &text[line_start(text, at)..at];
    before.bytes().all(|byte| byte == b' ').then_some(before.len())
}

/// A line that holds nothing, or nothing but a comment, and how far that is indented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Idle {
    Blank,
    Comment(usize),
}

/// What the line that begins at `start` is, when nothing of the document stands on it.
pub(super) fn idle_line(text: &str, start: usize) -> Option<Idle> {
    let line = &text[start..line_end(text, start)];
    let said = line.trim_start_matches(' ');
    match said.trim_start() {
        "" => Some(Idle::Blank),
        comment if comment.starts_with('#') => Some(Idle::Comment(line.len() - said.len())),
        _ => None,
    }
}
