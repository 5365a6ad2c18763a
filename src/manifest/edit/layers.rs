//! Which file says what, when a manifest is made of several.
//!
//! Decides where an author would write a change: in the file that has the object; in the including manifest when it is
//! inherited, never in what it extends.

use std::collections::BTreeSet;

use crate::manifest::compose::{Loader, compose};
use crate::manifest::diagnostic::{Problems, Spot};
use crate::manifest::source::{Files, is_pattern, resolve};
use crate::manifest::tree::{Node, Value as Tree};

use super::model::{At, Change, Path, Step, get, item, owned, path, within};
use super::value::null_node;
use super::write::meaning;

/// The files of a manifest apart from those it extends, and what those say.
pub(super) struct Layers {
    /// By name, in the order in which they are added up.
    own: Vec<(String, Node<'static>)>,
    /// What is inherited, and the name of the file it is inherited from.
    base: Option<(String, Node<'static>)>,
}

/// Why a change cannot be written in these files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stuck {
    /// What is inherited from the named file cannot be changed in this way from here.
    Inherited(String),
    /// There is no such place.
    Nowhere,
}

/// A change of one file, or of two.
#[derive(Clone, Debug)]
pub(super) enum Task {
    Change { file: String, change: Change },
    Carry { from: (String, Path), to: (String, Path), at: At },
}

/// The manifest in `entry` with everything it includes and extends, and the names of its files in the order of their numbers.
pub(super) fn composed(files: &Files, entry: &str) -> Option<(Node<'static>, Vec<String>)> {
    let mut problems = Problems::default();
    let mut loader = Loader::new(&mut problems);
    let composed = compose(files, entry, &mut loader).filter(|composed| composed.complete);
    let root = composed.map(|composed| owned(&composed.root));
    root.map(|root| (root, problems.file_names().to_vec()))
}

impl Layers {
    /// Finds the files of a manifest that can be read.
    pub(super) fn of(files: &Files, entry: &str) -> Option<Self> {
        let mut own = Vec::new();
        gather(files, entry, &mut BTreeSet::new(), &mut own)?;
        let extends = own.first().and_then(|(_, node)| text_at(node, &path(["extends"])));
        let base = match extends {
            None => None,
            Some(name) => {
                let name = resolve(entry, &name).ok()?;
                let (node, _) = composed(files, &name)?;
                Some((name, node))
            }
        };
        Some(Self { own, base })
    }

    /// The file the manifest extends.
    pub(super) fn base(&self) -> Option<&str> {
        self.base.as_ref().map(|(name, _)| name.as_str())
    }

    /// True when what is at the path is inherited, whatever is said of it here.
    pub(super) fn is_inherited(&self, place: &[Step]) -> bool {
        self.inherited(place).is_some()
    }

    fn inherited(&self, place: &[Step]) -> Option<&str> {
        let (name, base) = self.base.as_ref()?;
        let is_there = match channel_key(place) {
            Some((key, field)) => {
                places_of_channel(base, key).iter().any(|at| get(base, &[at, field].concat()).is_some())
            }
            None => get(base, place).is_some(),
        };
        is_there.then_some(name.as_str())
    }

    fn entry(&self) -> &str {
        self.own.first().map_or("", |(name, _)| name.as_str())
    }

    /// The file that says something at a path.
    fn holder(&self, place: &[Step]) -> Option<&str> {
        self.own.iter().find(|(_, node)| get(node, place).is_some()).map(|(name, _)| name.as_str())
    }

    fn says(&self, file: &str, place: &[Step]) -> bool {
        self.own.iter().any(|(name, node)| name == file && get(node, place).is_some())
    }

    /// The file a new entry of a map goes into: beside its neighbour, into the map, into the section, or into the first.
    fn home(&self, map: &[Step], at: &At) -> &str {
        let beside = match at {
            At::Before(key) | At::After(key) => self.holder(&within(map, key)),
            At::Last => {
                let has_some =
                    |node: &Node<'_>| matches!(get(node, map).map(|n| &n.value), Some(Tree::Map(e)) if !e.is_empty());
                self.own.iter().rev().find(|(_, node)| has_some(node)).map(|(name, _)| name.as_str())
            }
            At::Fit | At::First => None,
        };
        let around = || (1..=map.len()).rev().find_map(|depth| self.holder(&map[..depth]));
        beside.or_else(around).unwrap_or_else(|| self.entry())
    }

    /// The file an expectation is in, and its number there.
    fn expectation(&self, number: usize) -> Result<(&str, usize), Stuck> {
        let count = |node: &Node<'_>| match get(node, &path(["expectations"])).map(|node| &node.value) {
            Some(Tree::List(items)) => items.len(),
            _ => 0,
        };
        let inherited = self.base.as_ref().map_or(0, |(_, node)| count(node));
        let Some(mut number) = number.checked_sub(inherited) else {
            return Err(Stuck::Inherited(self.base.as_ref().map_or_else(String::new, |(name, _)| name.clone())));
        };
        for (name, node) in &self.own {
            if number < count(node) {
                return Ok((name, number));
            }
            number -= count(node);
        }
        Err(Stuck::Nowhere)
    }

    /// The same change in the coordinates of the file that has to say it. `wanted` is what all files are to mean together.
    pub(super) fn task(&self, change: &Change, wanted: &Node<'static>) -> Result<Task, Stuck> {
        let in_file = |file: &str, change: Change| Ok(Task::Change { file: file.to_owned(), change });
        match change {
            Change::Set { path, value } if is_expectation(path) => {
                let (file, path) = self.in_expectation(path)?;
                in_file(file, Change::Set { path, value: value.clone() })
            }
            Change::Remove { path } if is_expectation(path) => {
                let (file, path) = self.in_expectation(path)?;
                in_file(file, Change::Remove { path })
            }
            Change::InsertItem { list, at, value } if is_expectation(list) && list.len() > 1 => {
                let (file, list) = self.in_expectation(list)?;
                in_file(file, Change::InsertItem { list, at: *at, value: value.clone() })
            }
            Change::InsertItem { list, at, value } if is_expectation(list) => {
                let (file, number) = match at.checked_sub(1).map(|last| self.expectation(last)) {
                    Some(Ok((file, number))) => (file, number + 1),
                    Some(Err(Stuck::Nowhere)) => return Err(Stuck::Nowhere),
                    _ => (self.holder(list).unwrap_or_else(|| self.entry()), 0),
                };
                if !self.says(file, list) {
                    let value = Node { spot: Spot::default(), value: Tree::List(vec![value.clone()]) };
                    return in_file(file, insert(list, value).ok_or(Stuck::Nowhere)?);
                }
                in_file(file, Change::InsertItem { list: list.clone(), at: number, value: value.clone() })
            }
            Change::Set { path, .. } => match self.holder(path) {
                Some(file) => in_file(file, change.clone()),
                None => self.lifted(path, wanted),
            },
            Change::Remove { path } => self.removal(path, change, wanted),
            Change::Rekey { path, .. } => {
                let object = object_of(path).unwrap_or(path);
                if object == path.as_slice()
                    && let Some(base) = self.inherited(path)
                {
                    return Err(Stuck::Inherited(base.to_owned()));
                }
                match self.holder(path) {
                    Some(file) => in_file(file, change.clone()),
                    None => self.lifted(path, wanted),
                }
            }
            Change::Insert { map, key, value, at } => {
                let place = within(map, key);
                // A place where something inherited is removed already.
                if let Some(file) = self.holder(&place) {
                    return in_file(file, Change::Set { path: place, value: value.clone() });
                }
                let field = field_of(&place).unwrap_or(&place);
                let is_whole = field.len() == place.len() || is_switch(field);
                if !is_whole && self.holder(field).is_none() {
                    return self.lifted(&place, wanted);
                }
                let at = self.place(map, at)?;
                let file = self.home(map, &at);
                in_file(file, Change::Insert { map: map.clone(), key: key.clone(), value: value.clone(), at })
            }
            Change::InsertItem { list, .. } => match self.holder(list) {
                Some(file) => in_file(file, change.clone()),
                None => self.lifted(list, wanted),
            },
            Change::Move { from, map, at } => self.movement(from, map, &self.place(map, at)?),
        }
    }

    fn in_expectation(&self, place: &Path) -> Result<(&str, Path), Stuck> {
        let [section, Step::Item(number), rest @ ..] = place.as_slice() else { return Err(Stuck::Nowhere) };
        let (file, number) = self.expectation(*number)?;
        let mut place = item(std::slice::from_ref(section), number);
        place.extend_from_slice(rest);
        Ok((file, place))
    }

    /// A whole field, said again here because it is inherited.
    fn lifted(&self, place: &[Step], wanted: &Node<'static>) -> Result<Task, Stuck> {
        let field = field_of(place).ok_or(Stuck::Nowhere)?;
        let value = get(wanted, field).ok_or(Stuck::Nowhere)?.clone();
        let (_, map) = field.split_last().ok_or(Stuck::Nowhere)?;
        let file = self.holder(field).unwrap_or_else(|| self.home(map, &At::Fit)).to_owned();
        let change = if self.says(&file, field) {
            Change::Set { path: field.to_vec(), value }
        } else {
            insert(field, value).ok_or(Stuck::Nowhere)?
        };
        Ok(Task::Change { file, change })
    }

    fn removal(&self, place: &Path, change: &Change, wanted: &Node<'static>) -> Result<Task, Stuck> {
        let (inherited, holder) = (self.inherited(place), self.holder(place));
        let is_object = object_of(place) == Some(place);
        match (inherited, holder) {
            (None, Some(file)) => Ok(Task::Change { file: file.to_owned(), change: change.clone() }),
            (Some(_), Some(file)) if is_object => {
                let change = Change::Set { path: place.clone(), value: null_node(Spot::default()) };
                Ok(Task::Change { file: file.to_owned(), change })
            }
            (Some(_), None) if is_object => {
                let (_, map) = place.split_last().ok_or(Stuck::Nowhere)?;
                let file = self.home(map, &At::Fit).to_owned();
                let change = insert(place, null_node(Spot::default())).ok_or(Stuck::Nowhere)?;
                Ok(Task::Change { file, change })
            }
            _ if field_of(place).is_some_and(|field| field.len() < place.len() && !is_switch(field)) => match holder {
                Some(file) => Ok(Task::Change { file: file.to_owned(), change: change.clone() }),
                None => self.lifted(place, wanted),
            },
            (Some(base), _) => Err(Stuck::Inherited(base.to_owned())),
            (None, None) => Err(Stuck::Nowhere),
        }
    }

    /// The same place as far as it can be said from here: what is inherited stands before everything else.
    fn place(&self, map: &[Step], at: &At) -> Result<At, Stuck> {
        let (At::Before(key) | At::After(key)) = at else { return Ok(at.clone()) };
        let neighbour = within(map, key);
        match (self.holder(&neighbour), self.inherited(&neighbour), at) {
            (None, Some(_), At::After(_)) => Ok(At::Last),
            (None, Some(base), _) => Err(Stuck::Inherited(base.to_owned())),
            _ => Ok(at.clone()),
        }
    }

    fn movement(&self, from: &Path, map: &Path, at: &At) -> Result<Task, Stuck> {
        let (Some(Step::Key(key)), around) = (from.last(), &from[..from.len() - 1]) else { return Err(Stuck::Nowhere) };
        let inherited = self.inherited(from);
        match (self.holder(from), inherited) {
            (Some(file), None) => {
                let home = match self.home(map, at) {
                    // Nobody has the map yet, so it is made where the entry is.
                    _ if self.holder(map).is_none() && self.holder(&map[..map.len() - 1]).is_none() => file,
                    home => home,
                };
                if home == file {
                    let change = Change::Move { from: from.clone(), map: map.clone(), at: at.clone() };
                    return Ok(Task::Change { file: file.to_owned(), change });
                }
                let (from, to) = ((file.to_owned(), from.clone()), (home.to_owned(), map.clone()));
                Ok(Task::Carry { from, to, at: at.clone() })
            }
            (None, Some(base)) if around == map.as_slice() => Err(Stuck::Inherited(base.to_owned())),
            (None, Some(_)) => {
                let file = self.home(map, at).to_owned();
                let value = Node::empty_map(Spot::default());
                Ok(Task::Change {
                    file,
                    change: Change::Insert { map: map.clone(), key: key.clone(), value, at: At::Last },
                })
            }
            (Some(_), Some(base)) => Err(Stuck::Inherited(base.to_owned())),
            (None, None) => Err(Stuck::Nowhere),
        }
    }
}

fn insert(place: &[Step], value: Node<'static>) -> Option<Change> {
    let (Step::Key(key), map) = place.split_last()? else { return None };
    Some(Change::Insert { map: map.to_vec(), key: key.clone(), value, at: At::Fit })
}

fn gather(
    files: &Files,
    name: &str,
    seen: &mut BTreeSet<String>,
    own: &mut Vec<(String, Node<'static>)>,
) -> Option<()> {
    if !seen.insert(name.to_owned()) {
        return Some(());
    }
    let text = std::str::from_utf8(files.get(name)?).ok()?;
    let node = meaning(text)?;
    own.push((name.to_owned(), node.clone()));
    let Some(Tree::List(items)) = get(&node, &path(["include"])).map(|node| &node.value) else { return Some(()) };
    for item in items {
        let Tree::Scalar { text, .. } = &item.value else { return None };
        let path = resolve(name, text).ok()?;
        let found: Vec<&str> = if is_pattern(&path) { files.matching(&path).collect() } else { vec![path.as_str()] };
        for file in found {
            gather(files, file, seen, own)?;
        }
    }
    Some(())
}

fn text_at(node: &Node<'_>, place: &[Step]) -> Option<String> {
    match &get(node, place)?.value {
        Tree::Scalar { text, .. } => Some(text.to_string()),
        Tree::List(_) | Tree::Map(_) => None,
    }
}

fn is_expectation(place: &[Step]) -> bool {
    matches!(place, [Step::Key(section), ..] if section == "expectations")
}

/// The path of the object something belongs to.
pub(super) fn object_of(place: &[Step]) -> Option<&[Step]> {
    let key = |at: usize| match place.get(at) {
        Some(Step::Key(key)) => Some(key.as_str()),
        _ => None,
    };
    let depth = match key(0)? {
        "categories" if key(2) == Some("channels") && place.len() >= 4 => 4,
        "roles" | "channels" | "categories" | "permission_sets" | "access" => 2,
        _ => return None,
    };
    place.get(..depth)
}

/// The path of the field something belongs to.
fn field_of(place: &[Step]) -> Option<&[Step]> {
    let depth = match place.first()? {
        // A permission set or an entry of `access` is replaced as a whole.
        Step::Key(section) if matches!(section.as_str(), "permission_sets" | "access" | "settings" | "policy") => 2,
        _ => object_of(place).map_or(1, |object| object.len() + 1),
    };
    place.get(..depth)
}

/// Fields that are laid over each other switch by switch.
fn is_switch(field: &[Step]) -> bool {
    matches!(field.last(), Some(Step::Key(name)) if matches!(name.as_str(), "features" | "system_channel_flags"))
}

/// The key of the channel a path leads to or into, and the rest of the path.
fn channel_key(place: &[Step]) -> Option<(&str, &[Step])> {
    let object = object_of(place)?;
    match object {
        [Step::Key(section), Step::Key(key)] if section == "channels" => Some((key, &place[2..])),
        [_, _, _, Step::Key(key)] => Some((key, &place[4..])),
        _ => None,
    }
}

/// Where a channel with this key is written.
pub(super) fn places_of_channel(root: &Node<'_>, key: &str) -> Vec<Path> {
    let mut places = vec![path(["channels", key])];
    if let Some(Tree::Map(categories)) = get(root, &path(["categories"])).map(|node| &node.value) {
        places.extend(categories.iter().map(|category| path(["categories", &category.key, "channels", key])));
    }
    places.retain(|place| get(root, place).is_some());
    places
}
