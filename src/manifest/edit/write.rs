//! A change, made in a file so that it means exactly what was wanted, or not at all.
//!
//! Decides how far one has to go: a change in its place; with aliases and merge keys written out; with an object or a
//! section written anew. Every attempt is read again and compared before it counts.

use std::collections::BTreeMap;

use crate::manifest::diagnostic::{FileId, Problems};
use crate::manifest::tree::{self, Node, Value as Tree};

use super::model::{Change, Path, Step, get, item, make, owned, same, within};
use super::syntax::{Kind, Page, Refusal, Syntax};
use super::text::{Carried, Patched, Scribe, patch, put, take};
use super::value::flow;

/// How something came to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Means {
    /// In its place.
    InPlace,
    /// After aliases were written out.
    WrittenOut,
    /// As a part of what was written anew.
    Anew(Path),
}

/// What a text means, apart from everything that is wrong with it.
pub(super) fn meaning(text: &str) -> Option<Node<'static>> {
    let mut ignored = Problems::default();
    let file = ignored.add_file("");
    debug_assert_eq!(file, FileId::default());
    tree::read(text, file, &mut ignored).filter(|_| !ignored.are_blocking()).map(|node| owned(&node))
}

/// Makes a change in a file. None when no way leads to a text that means what is wanted and keeps every comment.
pub(super) fn write(text: &str, change: &Change) -> Option<(String, Means)> {
    let before = meaning(text)?;
    let mut after = before.clone();
    make(&mut after, change).ok()?;
    let goal = Goal { text, after: &after, may_go: going(text, &before, change) };
    let in_place = |text: &str, node: &Node<'_>| goal.reached(patch(text, node, change).ok()?);
    if let Some(done) = in_place(text, &before) {
        return Some((done, Means::InPlace));
    }
    let written_out = dissolve(text, &before);
    if let Some(text) = &written_out
        && let Some(done) = in_place(text, &before)
    {
        return Some((done, Means::WrittenOut));
    }
    for scope in scopes(change) {
        for text in [Some(text), written_out.as_deref()].into_iter().flatten() {
            if let Some(done) = rewrite(text, &before, &after, &scope).and_then(|patched| goal.reached(patched)) {
                return Some((done, Means::Anew(scope.into_iter().next().unwrap_or_default())));
            }
        }
    }
    None
}

/// Takes an entry from one file and puts it into another, with its comments.
pub(super) fn carry(
    from_text: &str,
    from: &Path,
    to_text: &str,
    map: &Path,
    at: &super::model::At,
) -> Option<(String, String)> {
    let (source, target) = (meaning(from_text)?, meaning(to_text)?);
    let (Step::Key(key), value) = (from.last()?, get(&source, from)?) else { return None };
    let (carried, left) = take(from_text, &source, from).ok()?;
    let (mut without, mut with) = (source.clone(), target.clone());
    make(&mut without, &Change::Remove { path: from.clone() }).ok()?;
    let new = Change::Insert { map: map.clone(), key: key.clone(), value: value.clone(), at: at.clone() };
    make(&mut with, &new).ok()?;
    let goal = Goal { text: to_text, after: &with, may_go: BTreeMap::new() };
    let there = goal.reached(put(to_text, &target, map, &carried, at).ok()?)?;
    let is_left = meaning(&left.text).is_some_and(|node| same(&node, &without));
    let taken = match &carried {
        Carried::Lines { text, .. } | Carried::Piece(text) => text,
    };
    let is_kept = left.gone.iter().all(|comment| taken.contains(comment));
    (is_left && is_kept).then_some((left.text, there))
}

/// What has to come out.
struct Goal<'g> {
    text: &'g str,
    after: &'g Node<'static>,
    /// Comments of what is removed, and how often.
    may_go: BTreeMap<String, usize>,
}

impl Goal<'_> {
    /// The text, when it means what it should and no comment is lost.
    fn reached(&self, patched: Patched) -> Option<String> {
        let is_right = meaning(&patched.text).is_some_and(|node| same(&node, self.after));
        let mut left = comments_of(&patched.text)?;
        let is_whole = comments_of(self.text)?.into_iter().all(|(comment, times)| {
            let may_go = self.may_go.get(&comment).copied().unwrap_or_default();
            left.remove(&comment).unwrap_or_default() + may_go >= times
        });
        (is_right && is_whole).then_some(patched.text)
    }
}

/// Every comment of a text, and how often it stands there.
pub(super) fn comments_of(text: &str) -> Option<BTreeMap<String, usize>> {
    let page = Page::read(text).ok()?;
    let mut found = BTreeMap::new();
    for comment in page.comments {
        *found.entry(text[comment].trim_end().to_owned()).or_default() += 1;
    }
    Some(found)
}

/// The comments that go with what a change removes: those inside it, behind it, and directly above it.
fn going(text: &str, before: &Node<'_>, change: &Change) -> BTreeMap<String, usize> {
    let mut going = BTreeMap::new();
    if let Change::Remove { .. } = change
        && let Ok(patched) = patch(text, before, change)
    {
        for comment in patched.gone {
            *going.entry(comment).or_default() += 1;
        }
    }
    going
}

/// What could be written anew, from small to large. Each scope is a list of entries.
fn scopes(change: &Change) -> Vec<Vec<Path>> {
    let touched: Vec<&[Step]> = match change {
        Change::Set { path, .. } | Change::Remove { path } | Change::Rekey { path, .. } => vec![path],
        Change::Insert { map, .. } => vec![map],
        Change::InsertItem { list, .. } => vec![list],
        Change::Move { from, map, .. } => vec![from, map],
    };
    let cut = |depth: usize| -> Option<Vec<Path>> {
        let mut paths: Vec<Path> =
            touched.iter().map(|path| path.get(..depth).map(<[Step]>::to_vec)).collect::<Option<_>>()?;
        paths.dedup();
        Some(paths)
    };
    let depths = [5, 4, 3, 2, 1];
    let own = depths.into_iter().filter_map(cut);
    own.filter(|paths| paths.iter().flatten().all(|step| matches!(step, Step::Key(_)))).collect()
}

/// Writes some entries anew, as they are wanted.
fn rewrite(text: &str, before: &Node<'_>, after: &Node<'static>, scope: &[Path]) -> Option<Patched> {
    let mut patched = Patched { text: text.to_owned(), gone: Vec::new() };
    let mut node = owned(before);
    for path in scope {
        let value = get(after, path)?.clone();
        let is_there = get(&node, path).is_some();
        patched = match is_there {
            true => Scribe::of(&patched.text, &node).ok()?.rewrite(path, &value).ok()?,
            false => {
                let (Step::Key(key), map) = path.split_last()? else { return None };
                let new = Change::Insert { map: map.to_vec(), key: key.clone(), value, at: super::model::At::Fit };
                patch(&patched.text, &node, &new).ok()?
            }
        };
        node = meaning(&patched.text)?;
    }
    Some(patched)
}

/// The same text with every alias and merge key written out. None when there are none, or they cannot be.
fn dissolve(text: &str, node: &Node<'_>) -> Option<String> {
    let mut text = text.to_owned();
    let mut any = false;
    // One at a time: what is written out can hold others.
    for _ in 0..1_000 {
        let page = Page::read(&text).ok()?;
        let Some(found) = first_alias(&page.root, &Vec::new()) else { return any.then_some(text) };
        let scribe = Scribe::of(&text, node).ok()?;
        text = written_out(&scribe, &found).ok()?.text;
        any = true;
    }
    None
}

/// Where an alias or a merge key stands.
enum Found {
    Alias(Path),
    Merge(Path),
}

fn first_alias(node: &Syntax, path: &Path) -> Option<Found> {
    match &node.kind {
        Kind::Alias => Some(Found::Alias(path.clone())),
        Kind::Scalar(_) => None,
        Kind::List { items, .. } => items.iter().enumerate().find_map(|(at, node)| first_alias(node, &item(path, at))),
        Kind::Map { pairs, .. } => pairs.iter().find_map(|pair| match pair.name.as_str() {
            "<<" => Some(Found::Merge(path.clone())),
            name => first_alias(&pair.value, &within(path, name)),
        }),
    }
}

fn written_out(scribe: &Scribe<'_>, found: &Found) -> Result<Patched, Refusal> {
    match found {
        Found::Alias(path) => {
            let value = get(scribe.node, path).ok_or(Refusal::Unusual)?;
            Ok(scribe.replaced(scribe.page.at(path)?.range.clone(), &flow(value)))
        }
        Found::Merge(path) => {
            let map = scribe.page.at(path)?;
            let Kind::Map { flow: is_flow, pairs } = &map.kind else { return Err(Refusal::Unusual) };
            let pair = map.pair("<<")?;
            let Some(Tree::Map(entries)) = get(scribe.node, path).map(|node| &node.value) else {
                return Err(Refusal::Unusual);
            };
            let merged = entries.iter().filter(|e| !pairs.iter().any(|pair| pair.name == e.key));
            let spelled =
                merged.map(|e| format!("{}: {}", crate::manifest::render::yaml::spell(&e.key), flow(&e.node)));
            let spelled: Vec<String> = spelled.collect();
            if spelled.is_empty() || scribe.page.has_comment(pair.range()) {
                return Err(Refusal::Unusual);
            }
            let column = super::syntax::indent_of(scribe.text, pair.key.range.start);
            let separator = match (is_flow, column) {
                (true, _) => ", ".to_owned(),
                (false, Some(indent)) => format!("{}{:indent$}", scribe.eol, ""),
                (false, None) => return Err(Refusal::Unusual),
            };
            Ok(scribe.replaced(pair.range(), &spelled.join(&separator)))
        }
    }
}
