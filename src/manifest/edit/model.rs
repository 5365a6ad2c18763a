//! What a change does to a document, apart from how the document is typed.
//!
//! Decides what a text must mean once it was edited. Knows nothing of lines, quotes and comments, so that it can say
//! whether those who know them did right.

use std::borrow::Cow;

use crate::manifest::diagnostic::Spot;
use crate::manifest::tree::{Entry, Node, Value, is_number};

/// A way from the root of a document to a value.
pub(super) type Path = Vec<Step>;

/// One step of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// Into an entry of a map.
    Key(String),
    /// Into an item of a list.
    Item(usize),
}

/// Where among its siblings something goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum At {
    /// Where a field of its name usually stands.
    Fit,
    First,
    Last,
    Before(String),
    After(String),
}

/// A change of one place.
#[derive(Clone, Debug)]
pub(super) enum Change {
    /// Another value in the place of one that is there.
    Set { path: Path, value: Node<'static> },
    /// A new entry of a map. Maps on the way that are missing are made.
    Insert { map: Path, key: String, value: Node<'static>, at: At },
    /// An entry or an item less.
    Remove { path: Path },
    /// An entry gets another key, in its place.
    Rekey { path: Path, to: String },
    /// An entry goes to another place, perhaps of another map. Maps on the way that are missing are made.
    Move { from: Path, map: Path, at: At },
    /// A new item of a list.
    InsertItem { list: Path, at: usize, value: Node<'static> },
}

/// What a change speaks of is not there, or there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Misfit;

/// A path of keys.
pub(super) fn path<const N: usize>(keys: [&str; N]) -> Path {
    keys.map(|key| Step::Key(key.to_owned())).into()
}

/// A path one key longer.
pub(super) fn within(parent: &[Step], key: &str) -> Path {
    let mut path = parent.to_vec();
    path.push(Step::Key(key.to_owned()));
    path
}

/// A path one item longer.
pub(super) fn item(parent: &[Step], at: usize) -> Path {
    let mut path = parent.to_vec();
    path.push(Step::Item(at));
    path
}

/// The same tree, owned.
pub(super) fn owned(node: &Node<'_>) -> Node<'static> {
    let value = match &node.value {
        Value::Scalar { text, plain } => Value::Scalar { text: Cow::Owned(text.to_string()), plain: *plain },
        Value::List(items) => Value::List(items.iter().map(owned).collect()),
        Value::Map(entries) => Value::Map(
            entries
                .iter()
                .map(|Entry { key, key_spot, node, bare }| Entry {
                    key: Cow::Owned(key.to_string()),
                    key_spot: *key_spot,
                    node: owned(node),
                    bare: *bare,
                })
                .collect(),
        ),
    };
    Node { spot: node.spot, value }
}

/// The value at a path.
pub(super) fn get<'n, 's>(root: &'n Node<'s>, path: &[Step]) -> Option<&'n Node<'s>> {
    path.iter().try_fold(root, |node, step| match (&node.value, step) {
        (Value::Map(entries), Step::Key(key)) => entries.iter().find(|e| e.key == *key).map(|e| &e.node),
        (Value::List(items), Step::Item(at)) => items.get(*at),
        _ => None,
    })
}

fn get_mut<'n, 's>(root: &'n mut Node<'s>, path: &[Step]) -> Option<&'n mut Node<'s>> {
    path.iter().try_fold(root, |node, step| match (&mut node.value, step) {
        (Value::Map(entries), Step::Key(key)) => entries.iter_mut().find(|e| e.key == *key).map(|e| &mut e.node),
        (Value::List(items), Step::Item(at)) => items.get_mut(*at),
        _ => None,
    })
}

/// The entries of a map at a path; what is missing or blank on the way becomes a map.
fn entries_mut<'n>(root: &'n mut Node<'static>, path: &[Step]) -> Option<&'n mut Vec<Entry<'static>>> {
    let mut node = root;
    for step in path {
        let Step::Key(key) = step else { return None };
        let entries = as_map(node)?;
        if !entries.iter().any(|e| e.key == *key) {
            entries.push(entry(key, Node::empty_map(Spot::default())));
        }
        node = entries.iter_mut().find(|e| e.key == *key).map(|e| &mut e.node)?;
    }
    as_map(node)
}

fn as_map<'n>(node: &'n mut Node<'static>) -> Option<&'n mut Vec<Entry<'static>>> {
    if node.is_null() {
        node.value = Value::Map(Vec::new());
    }
    match &mut node.value {
        Value::Map(entries) => Some(entries),
        Value::Scalar { .. } | Value::List(_) => None,
    }
}

/// An entry of its own.
pub(super) fn entry(key: &str, node: Node<'static>) -> Entry<'static> {
    Entry { key: Cow::Owned(key.to_owned()), key_spot: Spot::default(), node, bare: false }
}

/// Makes a change.
pub(super) fn make(root: &mut Node<'static>, change: &Change) -> Result<(), Misfit> {
    match change {
        Change::Set { path, value } => {
            *get_mut(root, path).ok_or(Misfit)? = value.clone();
            Ok(())
        }
        Change::Insert { map, key, value, at } => insert(root, map, entry(key, value.clone()), at),
        Change::Remove { path } => remove(root, path).map(drop),
        Change::Rekey { path, to } => {
            let (last, parent) = path.split_last().ok_or(Misfit)?;
            let (Step::Key(key), Some(Value::Map(entries))) = (last, get_mut(root, parent).map(|n| &mut n.value))
            else {
                return Err(Misfit);
            };
            if entries.iter().any(|e| e.key == *to) {
                return Err(Misfit);
            }
            entries.iter_mut().find(|e| e.key == *key).ok_or(Misfit)?.key = Cow::Owned(to.clone());
            Ok(())
        }
        Change::Move { from, map, at } => {
            let moved = remove(root, from)?.ok_or(Misfit)?;
            insert(root, map, moved, at)
        }
        Change::InsertItem { list, at, value } => match get_mut(root, list).map(|node| &mut node.value) {
            Some(Value::List(items)) if *at <= items.len() => {
                items.insert(*at, value.clone());
                Ok(())
            }
            _ => Err(Misfit),
        },
    }
}

fn insert(root: &mut Node<'static>, map: &[Step], new: Entry<'static>, at: &At) -> Result<(), Misfit> {
    let entries = entries_mut(root, map).ok_or(Misfit)?;
    if entries.iter().any(|e| e.key == new.key) {
        return Err(Misfit);
    }
    let place = |key: &str| entries.iter().position(|e| e.key == key).ok_or(Misfit);
    let index = match at {
        At::First => 0,
        At::Fit | At::Last => entries.len(),
        At::Before(key) => place(key)?,
        At::After(key) => place(key)? + 1,
    };
    entries.insert(index, new);
    Ok(())
}

fn remove(root: &mut Node<'static>, path: &[Step]) -> Result<Option<Entry<'static>>, Misfit> {
    let (last, parent) = path.split_last().ok_or(Misfit)?;
    match (last, get_mut(root, parent).map(|node| &mut node.value)) {
        (Step::Key(key), Some(Value::Map(entries))) => {
            let at = entries.iter().position(|e| e.key == *key).ok_or(Misfit)?;
            Ok(Some(entries.remove(at)))
        }
        (Step::Item(at), Some(Value::List(items))) if *at < items.len() => {
            items.remove(*at);
            Ok(None)
        }
        _ => Err(Misfit),
    }
}

/// True when two documents mean the same: the order counts where it is that of Discord.
pub(super) fn same(a: &Node<'_>, b: &Node<'_>) -> bool {
    same_at(a, b, &mut Vec::new())
}

fn same_at<'n>(a: &'n Node<'_>, b: &Node<'_>, keys: &mut Vec<&'n str>) -> bool {
    match (&a.value, &b.value) {
        (Value::Scalar { text: left, .. }, Value::Scalar { text: right, .. }) => {
            (a.is_null() && b.is_null()) || (left == right && sort_of(a) == sort_of(b))
        }
        (Value::List(left), Value::List(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(a, b)| same_at(a, b, keys))
        }
        (Value::Map(left), Value::Map(right)) => {
            let ordered =
                matches!(keys.as_slice(), ["roles" | "channels" | "categories"] | ["categories", _, "channels"]);
            let in_order = !ordered || left.iter().zip(right).all(|(a, b)| a.key == b.key);
            let mut each = left.iter().map(|entry| {
                let Some(twin) = right.iter().find(|other| other.key == entry.key) else { return false };
                keys.push(&entry.key);
                let same = same_at(&entry.node, &twin.node, keys);
                keys.pop();
                same
            });
            left.len() == right.len() && in_order && each.all(|same| same)
        }
        _ => false,
    }
}

/// How a scalar can be read.
#[derive(PartialEq, Eq)]
enum Sort {
    Nothing,
    Boolean,
    Number,
    Text,
}

fn sort_of(node: &Node<'_>) -> Sort {
    match &node.value {
        _ if node.is_null() => Sort::Nothing,
        Value::Scalar { text, plain: true } if is_number(text) => Sort::Number,
        Value::Scalar { text, plain: true } if is_boolean(text) => Sort::Boolean,
        Value::Scalar { .. } | Value::List(_) | Value::Map(_) => Sort::Text,
    }
}

/// True for the booleans of YAML 1.2.
pub(super) fn is_boolean(text: &str) -> bool {
    matches!(text, "true" | "True" | "TRUE" | "false" | "False" | "FALSE")
}

/// The fewest changes that make one value of another, so that what stays keeps its lines.
pub(super) fn changes_between(place: &Path, old: &Node<'_>, new: &Node<'static>) -> Vec<Change> {
    let mut changes = Vec::new();
    collect(place, old, new, &mut changes);
    changes
}

fn collect(place: &Path, old: &Node<'_>, new: &Node<'static>, changes: &mut Vec<Change>) {
    if same(old, new) {
        return;
    }
    match (&old.value, &new.value) {
        (Value::Map(before), Value::Map(after)) if after.iter().any(|e| before.iter().any(|b| b.key == e.key)) => {
            let gone = before.iter().filter(|b| !after.iter().any(|e| e.key == b.key));
            changes.extend(gone.map(|entry| Change::Remove { path: within(place, &entry.key) }));
            for entry in after {
                match before.iter().find(|b| b.key == entry.key) {
                    Some(old) => collect(&within(place, &entry.key), &old.node, &entry.node, changes),
                    None => changes.push(Change::Insert {
                        map: place.clone(),
                        key: entry.key.to_string(),
                        value: entry.node.clone(),
                        at: At::Fit,
                    }),
                }
            }
        }
        (Value::List(before), Value::List(after)) if after.iter().any(|a| before.iter().any(|b| same(a, b))) => {
            let kept = common(before, after);
            let is_kept = |at: usize| kept.iter().any(|(old, _)| *old == at);
            let gone = (0..before.len()).rev().filter(|at| !is_kept(*at));
            changes.extend(gone.map(|at| Change::Remove { path: item(place, at) }));
            let added = after.iter().enumerate().filter(|(at, _)| !kept.iter().any(|(_, new)| new == at));
            changes.extend(added.map(|(at, value)| Change::InsertItem {
                list: place.clone(),
                at,
                value: value.clone(),
            }));
        }
        _ => changes.push(Change::Set { path: place.clone(), value: new.clone() }),
    }
}

/// The longest run of items both lists have in one order, as pairs of places.
fn common(before: &[Node<'_>], after: &[Node<'_>]) -> Vec<(usize, usize)> {
    let (rows, columns) = (before.len(), after.len());
    let mut longest = vec![vec![0usize; columns + 1]; rows + 1];
    for i in (0..rows).rev() {
        for j in (0..columns).rev() {
            longest[i][j] = if same(&before[i], &after[j]) {
                longest[i + 1][j + 1] + 1
            } else {
                longest[i + 1][j].max(longest[i][j + 1])
            };
        }
    }
    let (mut i, mut j, mut pairs) = (0, 0, Vec::new());
    while i < rows && j < columns {
        if same(&before[i], &after[j]) {
            pairs.push((i, j));
            (i, j) = (i + 1, j + 1);
        } else if longest[i + 1][j] >= longest[i][j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    pairs
}
