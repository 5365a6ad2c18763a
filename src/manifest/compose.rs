//! From files to one tree: what a manifest includes is added, what it extends is laid under it.
//!
//! Decides which files belong to a manifest and who wins where two speak of one thing. Knows sections and keys, not
//! what fields mean.

mod overlay;

use std::collections::BTreeMap;

use super::diagnostic::{FileId, Problem, Problems, Spot, rule};
use super::document::VERSION;
use super::source::{Asked, Files, is_pattern, resolve};
use super::tree::{self, Entry, Node, Value, budget};

use overlay::Overlay;

/// Sections whose entries are objects or sets with keys of their own.
const KEYED: [&str; 5] = ["permission_sets", "access", "roles", "channels", "categories"];
/// Sections whose entries are fields.
const FIELDED: [&str; 2] = ["policy", "settings"];

/// What the files of a manifest say together.
pub(super) struct Composed<'s> {
    /// The tree, without `include` and `extends`.
    pub(super) root: Node<'s>,
    /// False when something could not be read, so that what is missing is unknown.
    pub(super) complete: bool,
}

/// Reads a manifest with everything it names. `None` when not even its own file can be read.
pub(super) fn compose<'s>(files: &'s Files, entry: &str, loader: &mut Loader<'s, '_>) -> Option<Composed<'s>> {
    let mut composer = Composer { files, loader, stack: Vec::new(), complete: true };
    let entries = composer.manifest(entry, None)?;
    let complete = composer.complete;
    let start = loader.file_ids.get(entry).copied().unwrap_or_default();
    Some(Composed { root: Node { spot: Spot::new(start, 0..0), value: Value::Map(entries) }, complete })
}

/// Gives files numbers and remembers their texts.
pub(super) struct Loader<'s, 'p> {
    pub(super) problems: &'p mut Problems,
    pub(super) texts: Vec<&'s str>,
    pub(super) asked: Asked,
    file_ids: BTreeMap<String, FileId>,
}

impl<'s, 'p> Loader<'s, 'p> {
    /// A loader that has seen nothing.
    pub(super) fn new(problems: &'p mut Problems) -> Self {
        Self { problems, texts: Vec::new(), asked: Asked::default(), file_ids: BTreeMap::new() }
    }

    /// Reads one file; `named` is where its name was written.
    pub(super) fn load(&mut self, files: &'s Files, path: &str, named: Option<Spot>) -> Option<Node<'s>> {
        self.asked.name(path);
        let Some(bytes) = files.get(path) else {
            let problem = Problem::new(rule::FILE_MISSING, format!("there is no file `{path}`"));
            let names = files.names();
            self.problems.report(match named {
                Some(spot) => problem.at(spot, "named here").did_you_mean(spot, self.problems.guess(path, names)),
                None => problem,
            });
            return None;
        };
        let file = self.problems.add_file(path);
        self.file_ids.insert(path.to_owned(), file);
        let text = std::str::from_utf8(bytes);
        self.texts.push(text.unwrap_or_default());
        if bytes.len() > budget::BYTES {
            let message = format!("`{path}` has {} bytes; {} is the most", bytes.len(), budget::BYTES);
            self.problems.report(Problem::new(rule::TOO_LARGE, message).at(Spot::new(file, 0..0), ""));
            return None;
        }
        match text {
            Ok(text) => tree::read(text, file, self.problems),
            Err(error) => {
                let at = error.valid_up_to();
                let problem = Problem::new(rule::NOT_UTF8, format!("`{path}` is not UTF-8 text"));
                self.problems.report(problem.at(Spot::new(file, at..at + 1), "from here on"));
                None
            }
        }
    }
}

struct Composer<'s, 'l, 'p> {
    files: &'s Files,
    loader: &'l mut Loader<'s, 'p>,
    /// Files being read, from the entry inwards.
    stack: Vec<String>,
    complete: bool,
}

impl<'s> Composer<'s, '_, '_> {
    fn report(&mut self, problem: Problem) {
        self.loader.problems.report(problem);
    }

    /// The entries of a manifest, composed with all it includes and laid over all it extends.
    fn manifest(&mut self, path: &str, named: Option<Spot>) -> Option<Vec<Entry<'s>>> {
        let mut sum = Sum::default();
        let extends = self.part(path, named, &mut sum, true)?;
        let own = sum.entries;
        self.check_places(&own);
        let Some(Entry { node, .. }) = extends else { return Some(own) };
        let base = self.path_of(&node, path).and_then(|base| {
            self.stack.push(path.to_owned());
            let entries = self.manifest(&base, Some(node.spot));
            self.stack.pop();
            entries
        });
        let Some(base) = base else {
            self.complete = false;
            return Some(own);
        };
        Some(Overlay { problems: self.loader.problems }.lay(base, own))
    }

    /// Adds a file and what it includes to `sum`; hands back its `extends`.
    fn part(&mut self, path: &str, named: Option<Spot>, sum: &mut Sum<'s>, is_root: bool) -> Option<Option<Entry<'s>>> {
        if self.stack.iter().any(|open| open == path) {
            let problem = Problem::new(rule::CIRCLE, format!("`{path}` is already being read"));
            self.report(problem.at(named.unwrap_or_default(), "leads back to it"));
            self.complete = false;
            return None;
        }
        let Some(node) = self.loader.load(self.files, path, named) else {
            self.complete = false;
            return None;
        };
        let Value::Map(entries) = node.value else {
            let problem = Problem::new(rule::WRONG_TYPE, format!("expected a map, found {}", node.noun()));
            self.report(problem.at(node.spot, "a manifest is a map of sections"));
            self.complete = false;
            return None;
        };
        self.check_version(&entries)?;
        self.check_amount(&entries)?;
        let (mut includes, mut extends) = (Vec::new(), None);
        for entry in entries {
            match &*entry.key {
                "include" => includes.push(entry.node),
                "extends" if is_root => extends = Some(entry),
                "extends" | "guild" | "name" if !is_root => {
                    let problem = Problem::new(rule::MISPLACED, format!("`{}` stands in an included file", entry.key));
                    self.report(problem.at(entry.key_spot, "belongs into the file with the `guild:` key"));
                }
                "version" if !is_root => {}
                _ => sum.add(entry, self.loader.problems),
            }
        }
        self.stack.push(path.to_owned());
        includes.iter().for_each(|node| self.include(node, path, sum));
        self.stack.pop();
        Some(extends)
    }

    /// Channel keys are unique in a guild, whatever their category.
    fn check_places(&mut self, own: &[Entry<'s>]) {
        let mut places: BTreeMap<&str, Spot> = BTreeMap::new();
        for (channel, _) in channels_in(own) {
            match places.get(&*channel.key) {
                Some(first) => report_twice(&channel.key, channel.key_spot, *first, self.loader.problems),
                None => {
                    places.insert(&channel.key, channel.key_spot);
                }
            }
        }
    }

    /// Far more objects than Discord allows are refused before they are compared with each other.
    fn check_amount(&mut self, entries: &[Entry<'s>]) -> Option<()> {
        const MOST: usize = 5_000;
        let maps = entries.iter().filter_map(|e| match &e.node.value {
            Value::Map(fields) => Some(fields.len()),
            Value::List(items) => Some(items.len()),
            Value::Scalar { .. } => None,
        });
        if maps.sum::<usize>() + channels_in(entries).count() <= MOST {
            return Some(());
        }
        let spot = entries.first().map_or_else(Spot::default, |e| e.key_spot);
        let message = format!("the file has more than {MOST} objects; Discord allows no more than 750 in a guild");
        self.report(Problem::new(rule::TOO_LARGE, message).at(spot, "in this file"));
        self.complete = false;
        None
    }

    /// A manifest of another version is not read any further: its words may mean something else.
    fn check_version(&mut self, entries: &[Entry<'s>]) -> Option<()> {
        let version = entries.iter().find(|e| e.key == "version");
        let Some(Entry { node, .. }) = version else { return Some(()) };
        if matches!(&node.value, Value::Scalar { text, .. } if *text == VERSION.to_string()) {
            return Some(());
        }
        let written = match &node.value {
            Value::Scalar { text, .. } => text.as_ref(),
            Value::List(_) | Value::Map(_) => node.noun(),
        };
        let problem = Problem::new(rule::WRONG_VERSION, format!("this build reads version {VERSION}, not {written}"));
        let problem = problem.at(node.spot, "not known").suggest(node.spot, VERSION.to_string());
        self.complete = false;
        self.report(problem);
        None
    }

    fn include(&mut self, node: &Node<'s>, from: &str, sum: &mut Sum<'s>) {
        let Value::List(items) = &node.value else {
            let problem = Problem::new(rule::WRONG_TYPE, format!("expected a list, found {}", node.noun()));
            self.report(problem.at(node.spot, "write `include: [...]`"));
            self.complete = false;
            return;
        };
        for item in items {
            let Some(path) = self.path_of(item, from) else {
                self.complete = false;
                continue;
            };
            let files = self.files;
            if is_pattern(&path) {
                self.loader.asked.pattern(&path);
            }
            let found: Vec<&str> = match is_pattern(&path) {
                true => files.matching(&path).filter(|f| self.stack.iter().all(|open| open != f)).collect(),
                false => vec![path.as_str()],
            };
            if found.is_empty() {
                let problem = Problem::new(rule::NOTHING_INCLUDED, format!("no file matches `{path}`"));
                self.report(problem.at(item.spot, "matches nothing"));
                self.complete = false;
            }
            for file in found {
                if sum.files.insert(file.to_owned(), item.spot).is_none() {
                    self.part(file, Some(item.spot), sum, false);
                }
            }
        }
    }

    fn path_of(&mut self, node: &Node<'s>, from: &str) -> Option<String> {
        let text = super::read::text(node, self.loader.problems)?;
        match resolve(from, text) {
            Ok(path) => Some(path),
            Err(error) => {
                self.report(Problem::new(rule::OUTSIDE, error.to_string()).at(node.spot, "not a path inside it"));
                None
            }
        }
    }
}

/// What several files say, added up. Nothing may be said twice.
#[derive(Default)]
struct Sum<'s> {
    entries: Vec<Entry<'s>>,
    places: BTreeMap<(String, String), Spot>,
    files: BTreeMap<String, Spot>,
}

impl<'s> Sum<'s> {
    fn add(&mut self, entry: Entry<'s>, problems: &mut Problems) {
        let section = entry.key.clone();
        let Some(at) = self.entries.iter().position(|e| e.key == section) else {
            if let Value::Map(fields) = &entry.node.value {
                for field in fields {
                    self.places.insert((section.to_string(), field.key.to_string()), field.key_spot);
                }
            }
            return self.entries.push(entry);
        };
        let keyed = KEYED.contains(&&*section) || FIELDED.contains(&&*section);
        let first = self.entries[at].key_spot;
        match (&mut self.entries[at].node.value, entry.node.value) {
            (Value::Map(present), Value::Map(more)) if keyed => {
                for field in more {
                    let place = (section.to_string(), field.key.to_string());
                    match self.places.get(&place) {
                        Some(first) => report_twice(&field.key, field.key_spot, *first, problems),
                        None => {
                            self.places.insert(place, field.key_spot);
                            present.push(field);
                        }
                    }
                }
            }
            (Value::List(present), Value::List(more)) if section == "expectations" => present.extend(more),
            _ => report_twice(&section, entry.key_spot, first, problems),
        }
    }
}

fn report_twice(key: &str, again: Spot, first: Spot, problems: &mut Problems) {
    let problem = Problem::new(rule::DUPLICATE_OBJECT, format!("`{key}` is written in two places"));
    problems.report(problem.at(again, "again here").at(first, "first here"));
}

/// Every channel of a layer, with its category.
fn channels_in<'a, 's>(entries: &'a [Entry<'s>]) -> impl Iterator<Item = (&'a Entry<'s>, Option<&'a str>)> {
    fn inside<'a, 's>(node: &'a Node<'s>) -> &'a [Entry<'s>] {
        match &node.value {
            Value::Map(entries) => entries,
            Value::Scalar { .. } | Value::List(_) => &[],
        }
    }
    let outside = entries.iter().filter(|e| e.key == "channels").flat_map(|e| inside(&e.node)).map(|c| (c, None));
    let categories = entries.iter().filter(|e| e.key == "categories").flat_map(|e| inside(&e.node));
    outside.chain(categories.flat_map(|category| {
        let channels = inside(&category.node).iter().filter(|e| e.key == "channels").flat_map(|e| inside(&e.node));
        channels.map(|channel| (channel, Some(&*category.key)))
    }))
}
