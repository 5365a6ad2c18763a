//! A change, made on the page.
//!
//! Decides which bytes change: those of the place itself. Lines nobody spoke of keep every byte. What is written in a way
//! that cannot be taken apart is refused, and left to others.

use std::ops::Range;

use crate::manifest::tree::{Node, Value as Tree};

use super::model::{At, Change, Path, Step, get, within};
use super::syntax::{
    Idle, Kind, Page, Pair, Refusal, Syntax, idle_line, indent_of, line_end, line_start, next_line, next_sign,
};
use super::value::{block, flow, respelled, respelled_key, usual_order, yaml_of};

/// A text after a change.
#[derive(Clone, Debug)]
pub(super) struct Patched {
    pub(super) text: String,
    /// Comments that went with what was removed.
    pub(super) gone: Vec<String>,
}

/// What was taken from a page, to be put elsewhere.
#[derive(Clone, Debug)]
pub(super) enum Carried {
    /// Lines, and how far they are indented.
    Lines { text: String, indent: usize },
    /// A key and its value from between brackets.
    Piece(String),
}

/// What is put into a map.
enum Load<'l> {
    New { key: &'l str, value: &'l Node<'static> },
    Carried(&'l Carried),
}

/// Makes a change. `node` is what the text means before.
pub(super) fn patch(text: &str, node: &Node<'_>, change: &Change) -> Result<Patched, Refusal> {
    let scribe = Scribe::of(text, node)?;
    match change {
        Change::Set { path, value } => scribe.set(path, value),
        Change::Insert { map, key, value, at } => scribe.put(map, &Load::New { key, value }, at),
        Change::Remove { path } => scribe.remove(path, false),
        Change::Rekey { path, to } => {
            let pair = scribe.page.pair(path)?;
            let Kind::Scalar(style) = pair.key.kind else { return Err(Refusal::Unusual) };
            Ok(scribe.replaced(pair.key.range.clone(), &respelled_key(to, style)))
        }
        Change::Move { from, map, at } => {
            let (carried, left) = take(text, node, from)?;
            let mut without = super::model::owned(node);
            super::model::make(&mut without, &Change::Remove { path: from.clone() }).map_err(|_| Refusal::Unusual)?;
            put(&left.text, &without, map, &carried, at)
        }
        Change::InsertItem { list, at, value } => scribe.insert_item(list, *at, value),
    }
}

/// Takes an entry from a page, with the comments above it.
pub(super) fn take(text: &str, node: &Node<'_>, from: &Path) -> Result<(Carried, Patched), Refusal> {
    let scribe = Scribe::of(text, node)?;
    let pair = scribe.page.pair(from)?;
    let carried = if scribe.is_in_flow(from) {
        let piece = &text[pair.range()];
        if piece.contains('\n') || scribe.page.has_comment(pair.range()) {
            return Err(Refusal::Unusual);
        }
        Carried::Piece(piece.to_owned())
    } else {
        let lines = scribe.lines(&pair.range())?;
        let mut text = text[lines.lead..lines.end].to_owned();
        if !text.ends_with('\n') {
            text.push_str(scribe.eol);
        }
        Carried::Lines { text, indent: lines.indent }
    };
    Ok((carried, scribe.remove(from, true)?))
}

/// Puts what was taken elsewhere into a map.
pub(super) fn put(text: &str, node: &Node<'_>, map: &Path, carried: &Carried, at: &At) -> Result<Patched, Refusal> {
    Scribe::of(text, node)?.put(map, &Load::Carried(carried), at)
}

/// The lines of an entry or an item.
struct Lines {
    /// Where the comments above it begin.
    lead: usize,
    /// Where it begins itself.
    start: usize,
    /// Where the next line begins, after comments that are indented further.
    end: usize,
    indent: usize,
}

pub(super) struct Scribe<'t> {
    pub(super) text: &'t str,
    pub(super) node: &'t Node<'t>,
    pub(super) page: Page,
    pub(super) eol: &'static str,
}

impl<'t> Scribe<'t> {
    pub(super) fn of(text: &'t str, node: &'t Node<'_>) -> Result<Self, Refusal> {
        let eol = if text.split_once('\n').is_some_and(|(line, _)| line.ends_with('\r')) { "\r\n" } else { "\n" };
        Ok(Self { text, node, page: Page::read(text)?, eol })
    }

    /// True when what is at the path stands between brackets of something around it.
    pub(super) fn is_in_flow(&self, path: &[Step]) -> bool {
        (0..path.len()).any(|depth| {
            let around = self.page.at(&path[..depth]);
            around.is_ok_and(|node| matches!(node.kind, Kind::Map { flow: true, .. } | Kind::List { flow: true, .. }))
        })
    }

    pub(super) fn replaced(&self, range: Range<usize>, with: &str) -> Patched {
        self.cut(&[(range, with.to_owned())])
    }

    /// Replaces ranges, which come in ascending order, and notes the comments in them that are not written again.
    pub(super) fn cut(&self, patches: &[(Range<usize>, String)]) -> Patched {
        let mut text = String::with_capacity(self.text.len() + 64);
        let (mut from, mut gone) = (0, Vec::new());
        for (range, with) in patches {
            text.push_str(&self.text[from..range.start]);
            text.push_str(with);
            from = range.end;
            let inside = self.page.comments.iter().filter(|c| range.contains(&c.start));
            gone.extend(inside.map(|c| self.text[c.clone()].trim_end().to_owned()).filter(|c| !with.contains(c)));
        }
        text.push_str(&self.text[from..]);
        Patched { text, gone }
    }

    /// Puts whole lines where a line begins. A text that ends without a line break still does.
    pub(super) fn with_lines(&self, at: usize, lines: &str) -> Patched {
        if at == self.text.len() && !self.text.is_empty() && !self.text.ends_with('\n') {
            let lines = lines.strip_suffix(self.eol).unwrap_or(lines);
            return self.replaced(at..at, &format!("{}{lines}", self.eol));
        }
        self.replaced(at..at, lines)
    }

    pub(super) fn in_eol(&self, text: &str) -> String {
        if self.eol == "\n" { text.to_owned() } else { text.replace("\r\n", "\n").replace('\n', self.eol) }
    }

    fn is_comment_line(&self, start: usize) -> Option<usize> {
        match idle_line(self.text, start) {
            Some(Idle::Comment(indent)) if self.page.comments.iter().any(|c| c.start == start + indent) => Some(indent),
            _ => None,
        }
    }

    fn lines(&self, range: &Range<usize>) -> Result<Lines, Refusal> {
        let text = self.text;
        let indent = indent_of(text, range.start).ok_or(Refusal::Unusual)?;
        let tail = text[range.end..line_end(text, range.end)].trim();
        if !tail.is_empty() && !tail.starts_with('#') {
            return Err(Refusal::Unusual);
        }
        let start = line_start(text, range.start);
        let mut lead = start;
        while lead > 0 {
            let above = line_start(text, lead - 1);
            if self.is_comment_line(above) != Some(indent) {
                break;
            }
            lead = above;
        }
        let mut end = next_line(text, range.end);
        let mut probe = end;
        while probe < text.len() {
            let is_ours = self.is_comment_line(probe).is_some_and(|deep| deep > indent);
            if !is_ours && idle_line(text, probe) != Some(Idle::Blank) {
                break;
            }
            probe = next_line(text, probe);
            end = if is_ours { probe } else { end };
        }
        Ok(Lines { lead, start, end, indent })
    }

    // ---- setting ----

    pub(super) fn set(&self, path: &Path, value: &Node<'static>) -> Result<Patched, Refusal> {
        let old = self.page.at(path)?;
        let is_flow = self.is_in_flow(path);
        if let (Kind::Scalar(style), Tree::Scalar { .. }, false) = (&old.kind, &value.value, old.is_empty())
            && !matches!(style, granit_parser::ScalarStyle::Literal | granit_parser::ScalarStyle::Folded)
            && !matches!(&value.value, Tree::Scalar { text, .. } if text.contains('\n') && !is_flow)
        {
            return Ok(self.replaced(old.range.clone(), &respelled(value, *style)));
        }
        if is_flow || matches!(path.last(), Some(Step::Item(_))) {
            return self.set_in_flow(path, old, value);
        }
        self.set_in_block(path, self.page.pair(path)?, value, false)
    }

    fn set_in_flow(&self, path: &Path, old: &Syntax, value: &Node<'static>) -> Result<Patched, Refusal> {
        if self.page.has_comment(old.range.clone()) {
            return Err(Refusal::Unusual);
        }
        let written = flow(value);
        if !old.is_empty() {
            return Ok(self.replaced(old.range.clone(), &written));
        }
        let pair = self.page.pair(path)?;
        let at = pair.range().end;
        let colon = if pair.colon.is_none() { ":" } else { "" };
        Ok(self.replaced(at..at, &format!("{colon} {written}")))
    }

    /// Writes a value anew, on as many lines as it takes. Comments inside the old one go above its key.
    pub(super) fn set_in_block(
        &self,
        path: &Path,
        pair: &Pair,
        value: &Node<'static>,
        in_block: bool,
    ) -> Result<Patched, Refusal> {
        let text = self.text;
        let indent = indent_of(text, pair.key.range.start).ok_or(Refusal::Unusual)?;
        let colon = pair.colon.ok_or(Refusal::Unusual)?;
        let head_end = self.after_props(colon + 1, &pair.value);
        let value_end = pair.value.range.end.max(head_end);
        let key_line_end = line_end(text, head_end);
        let is_short = !pair.value.is_block() && !text[head_end..value_end].contains('\n');
        let (mut heading, mut inside) = (None, Vec::new());
        // What stands behind the value on its last line belongs to that line, not to what is inside.
        let last = if is_short { value_end } else { line_end(text, value_end) };
        for comment in self.page.comments.iter().filter(|c| (head_end..last).contains(&c.start)) {
            let words = text[comment.clone()].trim_end();
            match comment.start < key_line_end && heading.is_none() {
                true => heading = Some(words),
                false => inside.push(words),
            }
        }
        let (head, rest) = block(&pair.name, value, path, in_block, indent);
        let mut patches = Vec::new();
        if !inside.is_empty() {
            let at = line_start(text, pair.key.range.start);
            let lines = inside.iter().map(|comment| format!("{:indent$}{comment}{}", "", self.eol)).collect();
            patches.push((at..at, lines));
        }
        let heading = heading.map_or_else(String::new, |words| format!(" {words}"));
        if is_short {
            patches.push((head_end..value_end, format!("{head}{heading}")));
            let below = next_line(text, value_end);
            if !rest.is_empty() {
                let rest = self.in_eol(&rest);
                let is_last = below == text.len() && !text.ends_with('\n');
                let lines = if is_last { format!("{}{}", self.eol, rest.trim_end_matches(['\r', '\n'])) } else { rest };
                patches.push((below..below, lines));
            }
        } else {
            let rest = self.in_eol(rest.strip_suffix('\n').unwrap_or(&rest));
            let below = if rest.is_empty() { String::new() } else { format!("{}{rest}", self.eol) };
            patches.push((head_end..last, format!("{head}{heading}{below}")));
        }
        let mut patched = self.cut(&patches);
        patched.gone.retain(|comment| !inside.iter().any(|kept| kept == comment) && !heading.contains(comment));
        Ok(patched)
    }

    /// After the anchor and the tag that stand behind a colon.
    fn after_props(&self, colon: usize, value: &Syntax) -> usize {
        let mut at = colon;
        loop {
            let rest = &self.text[at..];
            let spaces = rest.len() - rest.trim_start_matches(' ').len();
            let is_value = !value.is_empty() && at + spaces >= value.range.start;
            if is_value || !rest[spaces..].starts_with(['&', '!']) {
                return at;
            }
            at += spaces;
            at += self.text[at..].find(char::is_whitespace).unwrap_or(self.text.len() - at);
        }
    }

    // ---- putting into maps ----

    fn put(&self, map: &[Step], load: &Load<'_>, at: &At) -> Result<Patched, Refusal> {
        let Some(known) = get(self.node, map) else { return self.put_with_parents(map, load) };
        let parent = self.page.at(map)?;
        match &parent.kind {
            Kind::Alias => Err(Refusal::Shared),
            Kind::Map { flow, pairs } if !pairs.is_empty() => {
                let index = index_for(pairs, load, map, at)?;
                if *flow { self.put_in_flow(parent, index, load) } else { self.put_in_block(map, pairs, index, load) }
            }
            _ if matches!(&known.value, Tree::Map(entries) if !entries.is_empty()) => Err(Refusal::Shared),
            _ if self.page.has_comment(parent.range.clone()) => Err(Refusal::Unusual),
            _ => self.put_into_nothing(map, load),
        }
    }

    /// The first entry of a map that is empty.
    fn put_into_nothing(&self, map: &[Step], load: &Load<'_>) -> Result<Patched, Refusal> {
        let map = map.to_vec();
        match load {
            Load::New { key, value } => {
                let mut node = Node::empty_map(value.spot);
                node.value = Tree::Map(vec![super::model::entry(key, (*value).clone())]);
                self.set(&map, &node)
            }
            Load::Carried(carried) => {
                let pair = self.page.pair(&map)?;
                if self.is_in_flow(&map) {
                    let Carried::Piece(piece) = carried else { return Err(Refusal::Unusual) };
                    let range = pair.value.range.clone();
                    return Ok(self.replaced(range, &format!("{{ {piece} }}")));
                }
                let indent = indent_of(self.text, pair.key.range.start).ok_or(Refusal::Unusual)?;
                let colon = pair.colon.ok_or(Refusal::Unusual)?;
                let head = self.after_props(colon + 1, &pair.value);
                let lines = self.carried_lines(carried, indent + 2)?;
                let emptied = self.replaced(head..pair.value.range.end.max(head), "");
                let below = next_line(&emptied.text, head);
                let text = with_lines(&emptied.text, below, &lines, self.eol);
                Ok(Patched { text, gone: emptied.gone })
            }
        }
    }

    /// The maps on the way to an entry, and the entry in them.
    fn put_with_parents(&self, map: &[Step], load: &Load<'_>) -> Result<Patched, Refusal> {
        let Some((Step::Key(name), around)) = map.split_last() else { return Err(Refusal::Unusual) };
        match load {
            Load::New { key, value } => {
                let mut node = Node::empty_map(value.spot);
                node.value = Tree::Map(vec![super::model::entry(key, (*value).clone())]);
                self.put(around, &Load::New { key: name, value: &node }, &At::Fit)
            }
            Load::Carried(carried) => {
                let lines = self.carried_lines(carried, 2)?;
                let text = format!("{name}:{}{lines}", self.eol);
                self.put(around, &Load::Carried(&Carried::Lines { text, indent: 0 }), &At::Fit)
            }
        }
    }

    fn carried_lines(&self, carried: &Carried, indent: usize) -> Result<String, Refusal> {
        match carried {
            Carried::Lines { text, indent: was } => Ok(self.in_eol(&shifted(text, *was, indent))),
            Carried::Piece(piece) => Ok(format!("{:indent$}{piece}{}", "", self.eol)),
        }
    }

    fn put_in_block(&self, map: &[Step], pairs: &[Pair], index: usize, load: &Load<'_>) -> Result<Patched, Refusal> {
        let indent = indent_of(self.text, pairs[0].key.range.start).ok_or(Refusal::Unusual)?;
        let lines = match load {
            Load::New { key, value } => {
                let path = within(map, key);
                // A new object looks like its neighbours.
                let neighbour = pairs.get(index.saturating_sub(1)).map(|pair| &pair.value);
                let is_map = matches!(&value.value, Tree::Map(entries) if !entries.is_empty());
                let in_block = is_map && is_object(map) && neighbour.is_some_and(Syntax::is_block);
                let (head, rest) = block(key, value, &path, in_block, indent);
                let spelled = super::super::render::yaml::spell(key);
                self.in_eol(&format!("{:indent$}{spelled}:{head}\n{rest}", ""))
            }
            Load::Carried(carried) => self.carried_lines(carried, indent)?,
        };
        let is_gap = |at: usize| at > 0 && idle_line(self.text, line_start(self.text, at - 1)) == Some(Idle::Blank);
        let gap_above = |pair: &Pair| self.lines(&pair.range()).is_ok_and(|lines| is_gap(lines.lead));
        let Some(above) = index.checked_sub(1).map(|above| &pairs[above]) else {
            let first = self.lines(&pairs[0].range())?;
            let gap = if pairs.get(1).is_some_and(gap_above) { self.eol } else { "" };
            return Ok(self.with_lines(first.lead, &format!("{lines}{gap}")));
        };
        let neighbour = if index > 1 { Some(above) } else { pairs.get(index) };
        let gap = if neighbour.is_some_and(gap_above) || map.is_empty() { self.eol } else { "" };
        let end = self.lines(&above.range())?.end;
        Ok(self.with_lines(end, &format!("{gap}{lines}")))
    }

    fn put_in_flow(&self, parent: &Syntax, index: usize, load: &Load<'_>) -> Result<Patched, Refusal> {
        let piece = match load {
            Load::New { key, value } => format!("{}: {}", super::super::render::yaml::spell(key), flow(value)),
            Load::Carried(Carried::Piece(piece)) => piece.clone(),
            Load::Carried(Carried::Lines { text, .. }) => {
                let only = text.trim_end().trim_start();
                // One line without a comment can stand between brackets when its value does already.
                let is_piece = !only.contains('\n') && !only.contains('#') && only.ends_with(['}', ']', '"', '\'']);
                if !is_piece {
                    return Err(Refusal::Unusual);
                }
                only.to_owned()
            }
        };
        self.insert_between(&cells(parent), index, &piece)
    }

    /// A new piece between brackets, of a list or a map that has some.
    fn insert_between(&self, cells: &[Range<usize>], index: usize, piece: &str) -> Result<Patched, Refusal> {
        let text = self.text;
        let Some(above) = index.checked_sub(1).map(|above| &cells[above]) else {
            let first = &cells[0];
            let separator = match indent_of(text, first.start) {
                Some(indent) => format!(",{}{:indent$}", self.eol, ""),
                _ => ", ".to_owned(),
            };
            return Ok(self.replaced(first.start..first.start, &format!("{piece}{separator}")));
        };
        let comma = next_sign(text, above.end, &self.page.comments).filter(|at| text[*at..].starts_with(','));
        let Some(indent) = indent_of(text, above.start) else {
            return Ok(self.replaced(above.end..above.end, &format!(", {piece}")));
        };
        let end = line_end(text, comma.map_or(above.end, |comma| comma + 1));
        let behind = comma.map_or(above.end, |comma| comma + 1);
        let is_alone = match text[behind..end].trim() {
            "" => true,
            rest => rest.starts_with('#') && self.page.comments.iter().any(|c| (behind..end).contains(&c.start)),
        };
        if !is_alone {
            return Ok(self.replaced(above.end..above.end, &format!(", {piece}")));
        }
        let line = format!("{}{:indent$}{piece}", self.eol, "");
        Ok(match comma {
            Some(_) => self.replaced(end..end, &format!("{line},")),
            None => self.cut(&[(above.end..above.end, ",".to_owned()), (end..end, line)]),
        })
    }

    // ---- lists ----

    fn insert_item(&self, list: &Path, at: usize, value: &Node<'static>) -> Result<Patched, Refusal> {
        let Ok(parent) = self.page.at(list) else {
            return Err(if get(self.node, list).is_some() { Refusal::Shared } else { Refusal::Unusual });
        };
        match &parent.kind {
            Kind::Alias => Err(Refusal::Shared),
            Kind::List { items, .. } if items.is_empty() && !self.page.has_comment(parent.range.clone()) => {
                let node = Node { spot: value.spot, value: Tree::List(vec![value.clone()]) };
                self.set(list, &node)
            }
            Kind::List { items, flow: true } if at <= items.len() => {
                self.insert_between(&cells(parent), at, &flow(value))
            }
            Kind::List { items, flow: false } if at <= items.len() => {
                let dashes = self.dashes(items)?;
                let indent = indent_of(self.text, dashes[0].start).ok_or(Refusal::Unusual)?;
                let line = format!("{:indent$}- {}{}", "", flow(value), self.eol);
                let place = match at.checked_sub(1) {
                    Some(above) => self.lines(&dashes[above])?.end,
                    None => self.lines(&dashes[0])?.lead,
                };
                Ok(self.with_lines(place, &line))
            }
            _ => Err(Refusal::Unusual),
        }
    }

    /// The items of a block list, each from its dash.
    fn dashes(&self, items: &[Syntax]) -> Result<Vec<Range<usize>>, Refusal> {
        let dash = |item: &Syntax| {
            let before = &self.text[..item.range.start];
            let at = before.rfind('-').ok_or(Refusal::Unusual)?;
            let between = before[at + 1..].trim_start();
            let is_dash = between.is_empty() || between.starts_with(['&', '!']);
            (is_dash && !item.is_empty()).then_some(at..item.range.end).ok_or(Refusal::Unusual)
        };
        items.iter().map(dash).collect()
    }

    // ---- removing ----

    fn remove(&self, path: &Path, with_lead: bool) -> Result<Patched, Refusal> {
        let (last, around) = path.split_last().ok_or(Refusal::Unusual)?;
        let parent = self.page.at(around)?;
        let (cells, is_flow, index) = match (&parent.kind, last) {
            (Kind::Map { flow, pairs }, Step::Key(key)) => {
                let index = pairs.iter().position(|pair| pair.name == *key).ok_or(Refusal::Shared)?;
                (cells(parent), *flow, index)
            }
            (Kind::List { flow: true, .. }, Step::Item(at)) => (cells(parent), true, *at),
            (Kind::List { flow: false, items }, Step::Item(at)) => (self.dashes(items)?, false, *at),
            (Kind::Alias, _) => return Err(Refusal::Shared),
            _ => return Err(Refusal::Unusual),
        };
        if is_flow {
            self.remove_between(parent, &cells, index)
        } else {
            self.remove_lines(around, parent, &cells, index, with_lead)
        }
    }

    fn remove_lines(
        &self,
        around: &[Step],
        parent: &Syntax,
        cells: &[Range<usize>],
        index: usize,
        with_lead: bool,
    ) -> Result<Patched, Refusal> {
        let text = self.text;
        let lines = self.lines(cells.get(index).ok_or(Refusal::Unusual)?)?;
        // A comment above the first entry may be about all of them.
        let is_own = index > 0 || with_lead;
        let mut from = if is_own { lines.lead } else { lines.start };
        let mut to = lines.end;
        let is_gap = |at: usize| at < text.len() && idle_line(text, at) == Some(Idle::Blank);
        let above = from.checked_sub(1).map(|before| line_start(text, before));
        if above.is_some_and(is_gap) && (is_gap(to) || to == text.len()) {
            from = above.unwrap_or(from);
        } else if index == 0 && is_gap(to) && cells.len() > 1 {
            to = next_line(text, to);
        }
        if to == text.len() && !text.ends_with('\n') {
            from -= [&b"\r\n"[..], b"\n"]
                .iter()
                .find(|end| text.as_bytes()[..from].ends_with(end))
                .map_or(0, |end| end.len());
        }
        if cells.len() > 1 {
            return Ok(self.cut(&[(from..to, String::new())]));
        }
        let owner = self.page.pair(&around.to_vec())?;
        let colon = owner.colon.ok_or(Refusal::Unusual)?;
        let head = self.after_props(colon + 1, parent);
        let nothing = if matches!(parent.kind, Kind::List { .. }) { " []" } else { " {}" };
        if head > from {
            return Err(Refusal::Unusual);
        }
        Ok(self.cut(&[(head..head, nothing.to_owned()), (from..to, String::new())]))
    }

    fn remove_between(&self, parent: &Syntax, cells: &[Range<usize>], index: usize) -> Result<Patched, Refusal> {
        let text = self.text;
        let cell = cells.get(index).cloned().ok_or(Refusal::Unusual)?;
        let after = next_sign(text, cell.end, &self.page.comments).filter(|at| text[*at..].starts_with(','));
        if cells.len() == 1 && !self.page.has_comment(parent.range.clone()) {
            let brackets = if matches!(parent.kind, Kind::List { .. }) { "[]" } else { "{}" };
            return Ok(self.replaced(parent.range.clone(), brackets));
        }
        if let Some(comma) = after {
            if self.page.has_comment(cell.end..comma) {
                return Err(Refusal::Unusual);
            }
            let end = comma + 1;
            let rest = &text[end..line_end(text, end)];
            // A line of its own goes as a whole, with the comment behind it.
            let is_alone = rest.trim().is_empty() || rest.trim_start().starts_with('#');
            if indent_of(text, cell.start).is_some() && is_alone {
                return Ok(self.replaced(line_start(text, cell.start)..next_line(text, end), ""));
            }
            let spaces = rest.len() - rest.trim_start_matches(' ').len();
            let spaces = if rest.len() == spaces { 0 } else { spaces };
            return Ok(self.replaced(cell.start..end + spaces, ""));
        }
        let line = line_start(text, cell.start)..next_line(text, cell.end);
        let rest = text[cell.end..line_end(text, cell.end)].trim_start();
        let is_alone = indent_of(text, cell.start).is_some() && (rest.is_empty() || rest.starts_with('#'));
        let Some(before) = index.checked_sub(1).map(|before| cells[before].end) else {
            return Ok(self.replaced(if is_alone { line } else { cell }, ""));
        };
        let comma = next_sign(text, before, &self.page.comments).filter(|at| text[*at..].starts_with(','));
        let Some(comma) = comma else { return Err(Refusal::Unusual) };
        // A line of its own goes as a whole, with the comment behind it.
        if is_alone {
            return Ok(self.cut(&[(comma..comma + 1, String::new()), (line, String::new())]));
        }
        if !self.page.has_comment(before..cell.start) {
            return Ok(self.replaced(before..cell.end, ""));
        }
        Ok(self.replaced(cell, ""))
    }

    // ---- writing anew ----

    /// Writes a whole entry anew. Its comments are gathered above it; between brackets, at the end of the file.
    pub(super) fn rewrite(&self, path: &Path, value: &Node<'static>) -> Result<Patched, Refusal> {
        let pair = self.page.pair(path)?;
        if !self.is_in_flow(path) {
            return self.set_in_block(path, pair, value, path.len() == 1);
        }
        let range = pair.value.range.clone();
        let inside = self.page.comments.iter().filter(|c| range.contains(&c.start));
        let comments: Vec<&str> = inside.map(|c| self.text[c.clone()].trim_end()).collect();
        let colon = if pair.colon.is_none() { ": " } else { "" };
        let space = if range.is_empty() { " " } else { "" };
        let mut patched = self.replaced(range, &format!("{colon}{space}{}", yaml_of(value, path).flow()));
        if !comments.is_empty() && !patched.text.ends_with('\n') {
            patched.text.push_str(self.eol);
        }
        for comment in comments {
            patched.text.push_str(comment);
            patched.text.push_str(self.eol);
        }
        patched.gone.clear();
        Ok(patched)
    }
}

/// What stands between brackets, or the entries of a block.
fn cells(parent: &Syntax) -> Vec<Range<usize>> {
    match &parent.kind {
        Kind::Map { pairs, .. } => pairs.iter().map(Pair::range).collect(),
        Kind::List { items, .. } => items.iter().map(|item| item.range.clone()).collect(),
        Kind::Scalar(_) | Kind::Alias => Vec::new(),
    }
}

/// True for a map of objects.
fn is_object(map: &[Step]) -> bool {
    matches!(map, [Step::Key(_)] | [Step::Key(_), Step::Key(_), Step::Key(_)])
}

fn index_for(pairs: &[Pair], load: &Load<'_>, map: &[Step], at: &At) -> Result<usize, Refusal> {
    let place = |key: &str| pairs.iter().position(|pair| pair.name == key).ok_or(Refusal::Shared);
    match at {
        At::First => Ok(0),
        At::Last => Ok(pairs.len()),
        At::Before(key) => place(key),
        At::After(key) => Ok(place(key)? + 1),
        At::Fit => {
            let name = match load {
                Load::New { key, .. } => key,
                Load::Carried(Carried::Lines { text, .. } | Carried::Piece(text)) => {
                    text.split(':').next().unwrap_or_default()
                }
            };
            let order = usual_order(map);
            let rank = |name: &str| order.iter().position(|field| *field == name);
            let Some(own) = rank(name) else { return Ok(pairs.len()) };
            let before = pairs.iter().rposition(|pair| rank(&pair.name).is_some_and(|other| other < own));
            Ok(before.map_or(0, |before| before + 1))
        }
    }
}

/// Puts whole lines where a line begins. A text that ends without a line break still does.
fn with_lines(text: &str, at: usize, lines: &str, eol: &str) -> String {
    let (before, after) = text.split_at(at);
    if after.is_empty() && !before.is_empty() && !before.ends_with('\n') {
        return format!("{before}{eol}{}", lines.strip_suffix(eol).unwrap_or(lines));
    }
    format!("{before}{lines}{after}")
}

/// Lines that are indented otherwise.
fn shifted(text: &str, was: usize, indent: usize) -> String {
    let shift = |line: &str| {
        let spaces = line.len() - line.trim_start_matches(' ').len();
        match line.trim().is_empty() {
            true => line.to_owned(),
            false if indent >= was => format!("{:1$}{line}", "", indent - was),
            false => line[spaces.min(was - indent)..].to_owned(),
        }
    };
    text.split_inclusive('\n').map(shift).collect()
}
