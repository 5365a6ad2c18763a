//! What an edit changes in the document, with everything that refers to what it is about.
//!
//! Decides which places an edit concerns. Knows nothing of files and lines.

use crate::manifest::diagnostic::{Problems, Spot};
use crate::manifest::document::{CategoryDoc, ChannelDoc, PolicyDoc, RoleDoc, SettingsDoc};
use crate::manifest::read::Object as _;
use crate::manifest::tree::{Entry, Node, Value as Tree};

use super::layers::{Layers, places_of_channel};
use super::model::{At, Change, Path, Step, changes_between, get, item, path, within};
use super::value::{Value, null_node, text_node};
use super::{Edit, Place, Subject, Trouble};

/// The changes an edit makes, in order, and the references that go with a removed object.
#[derive(Debug, Default)]
pub(super) struct Compiled {
    pub(super) changes: Vec<Change>,
    pub(super) dropped: Vec<String>,
}

/// Finds what an edit changes in a document.
pub(super) fn compile(edit: &Edit, root: &Node<'static>, layers: &Layers) -> Result<Compiled, Trouble> {
    let compiler = Compiler { root, layers };
    let only = |change: Change| Compiled { changes: vec![change], dropped: Vec::new() };
    let all = |changes: Vec<Change>| Compiled { changes, dropped: Vec::new() };
    Ok(match edit {
        Edit::Add { object, category, fields, place } => {
            only(compiler.add(object, category.as_deref(), fields, place)?)
        }
        Edit::Remove { object } => compiler.remove(object)?,
        Edit::Rename { object, to } => all(compiler.rename(object, to)?),
        Edit::Move { object, category, place } => all(compiler.shift(object, category.as_deref(), place)?),
        Edit::Set { object, field, value } => all(compiler.set(object, field, value)?),
        Edit::Unset { object, field } => only(compiler.unset(object, field)?),
        Edit::SetOverwrite { object, target, value } => all(compiler.set_overwrite(object, target, value)?),
        Edit::UnsetOverwrite { object, target } => only(compiler.unset_overwrite(object, target)?),
        Edit::SetTag { channel, tag, value } => all(compiler.set_tag(channel, tag, value)?),
        Edit::UnsetTag { channel, tag } => only(compiler.unset_tag(channel, tag)?),
        Edit::Expect { expectation } => only(compiler.expect(expectation)),
        Edit::Unexpect { index } => only(compiler.unexpect(*index)?),
    })
}

struct Compiler<'c> {
    root: &'c Node<'static>,
    layers: &'c Layers,
}

/// Something that names an object.
struct Reference {
    place: Path,
    /// The name is the key of an entry there, and not its value.
    is_key: bool,
}

impl Compiler<'_> {
    /// Where an object is written.
    fn find(&self, object: &Subject) -> Result<Path, Trouble> {
        let found = match object {
            Subject::Channel(key) => places_of_channel(self.root, key).into_iter().next(),
            Subject::Settings | Subject::Policy => Some(section_of(object)),
            Subject::Role(key) | Subject::Category(key) | Subject::PermissionSet(key) | Subject::Access(key) => {
                let place = within(&section_of(object), key);
                get(self.root, &place).map(|_| place)
            }
        };
        found.ok_or_else(|| Trouble::NoSuchObject { object: object.clone(), nearest: self.nearest(object) })
    }

    fn nearest(&self, object: &Subject) -> Option<String> {
        let wanted = object.key()?;
        let known: Vec<String> = match object {
            Subject::Channel(_) => channel_keys(self.root),
            _ => keys_of(get(self.root, &section_of(object))),
        };
        Problems::default().guess(wanted, known.iter().map(String::as_str)).map(str::to_owned)
    }

    fn at(place: &Place) -> At {
        match place {
            Place::First => At::First,
            Place::Last => At::Last,
            Place::Before(key) => At::Before(key.clone()),
            Place::After(key) => At::After(key.clone()),
        }
    }

    /// Where among the entries of a map; a neighbour must be there.
    fn place(&self, map: &[Step], place: &Place, object: &Subject) -> Result<At, Trouble> {
        if let Place::Before(key) | Place::After(key) = place
            && get(self.root, &within(map, key)).is_none()
        {
            return Err(Trouble::NoSuchNeighbour { object: object.clone(), neighbour: key.clone() });
        }
        // The first one goes before the one that is the first now, wherever that is written.
        let first = keys_of(get(self.root, map)).into_iter().find(|key| Some(key.as_str()) != object.key());
        Ok(match (place, first) {
            (Place::First, Some(first)) => At::Before(first),
            _ => Self::at(place),
        })
    }

    /// The map the objects of a kind stand in.
    fn map_for(&self, object: &Subject, category: Option<&str>) -> Result<Path, Trouble> {
        match (object, category) {
            (Subject::Channel(_), Some(category)) => {
                let home = self.find(&Subject::Category(category.to_owned()))?;
                Ok(within(&home, "channels"))
            }
            _ => Ok(section_of(object)),
        }
    }

    fn add(
        &self,
        object: &Subject,
        category: Option<&str>,
        fields: &indexmap::IndexMap<String, Value>,
        place: &Place,
    ) -> Result<Change, Trouble> {
        let Some(key) = object.key() else { return Err(Trouble::Taken { object: object.clone() }) };
        if self.find(object).is_ok() {
            return Err(Trouble::Taken { object: object.clone() });
        }
        fields.keys().try_for_each(|field| Self::check_field(object, field))?;
        let map = self.map_for(object, category)?;
        let at = self.place(&map, place, object)?;
        let value = Value::Map(fields.clone()).node(Spot::default());
        Ok(Change::Insert { map, key: key.to_owned(), value, at })
    }

    fn check_field(object: &Subject, field: &str) -> Result<(), Trouble> {
        let known: &[&str] = match object {
            Subject::Settings => SettingsDoc::FIELDS,
            Subject::Policy => PolicyDoc::FIELDS,
            Subject::Role(_) => RoleDoc::FIELDS,
            Subject::Category(_) => CategoryDoc::FIELDS,
            Subject::Channel(_) => ChannelDoc::FIELDS,
            Subject::PermissionSet(_) => &["extends", "allow", "deny"],
            // Its fields are the targets.
            Subject::Access(_) => return Ok(()),
        };
        let is_children = matches!(object, Subject::Category(_)) && field == "channels";
        if known.contains(&field) && !is_children {
            return Ok(());
        }
        let nearest = Problems::default().guess(field, known.iter().copied()).map(str::to_owned);
        Err(Trouble::NoSuchField { object: object.clone(), field: field.to_owned(), nearest })
    }

    /// A field, or one switch of `features` and `system_channel_flags`.
    fn field(&self, object: &Subject, field: &str) -> Result<Path, Trouble> {
        let home = self.find(object)?;
        match field.split_once('.') {
            Some((switches, switch))
                if matches!((object, switches), (Subject::Settings, "features" | "system_channel_flags")) =>
            {
                Ok(within(&within(&home, switches), switch))
            }
            _ => Self::check_field(object, field).map(|()| within(&home, field)),
        }
    }

    fn set(&self, object: &Subject, field: &str, value: &Value) -> Result<Vec<Change>, Trouble> {
        let place = self.field(object, field)?;
        Ok(self.changes_to(&place, value.node(Spot::default())))
    }

    fn changes_to(&self, place: &Path, value: Node<'static>) -> Vec<Change> {
        match (get(self.root, place), place.split_last()) {
            (Some(old), _) => changes_between(place, old, &value),
            (None, Some((Step::Key(key), map))) => {
                vec![Change::Insert { map: map.to_vec(), key: key.clone(), value, at: At::Fit }]
            }
            (None, _) => Vec::new(),
        }
    }

    fn unset(&self, object: &Subject, field: &str) -> Result<Change, Trouble> {
        let place = self.field(object, field)?;
        match get(self.root, &place) {
            Some(_) => Ok(Change::Remove { path: place }),
            None => Err(Trouble::NotSaid { object: object.clone(), what: field.to_owned() }),
        }
    }

    /// The map of an object's overwrites, as far as it has one.
    fn overwrites_of(&self, object: &Subject) -> Result<Path, Trouble> {
        let home = self.find(object)?;
        match object {
            Subject::Access(_) => Ok(home),
            Subject::Channel(_) | Subject::Category(_) => Ok(within(&home, "permissions")),
            Subject::Settings | Subject::Policy | Subject::Role(_) | Subject::PermissionSet(_) => {
                Err(Trouble::NoOverwrites { object: object.clone() })
            }
        }
    }

    fn set_overwrite(&self, object: &Subject, target: &str, value: &Value) -> Result<Vec<Change>, Trouble> {
        let place = self.overwrites_of(object)?;
        let value = value.node(Spot::default());
        match get(self.root, &place).map(|node| &node.value) {
            Some(Tree::Map(_)) => Ok(self.changes_to(&within(&place, target), value)),
            Some(Tree::Scalar { text, .. }) if text != "unmanaged" => {
                let built =
                    [super::model::entry("use", text_node(text, Spot::default())), super::model::entry(target, value)];
                let value = Node { spot: Spot::default(), value: Tree::Map(built.into()) };
                Ok(vec![Change::Set { path: place, value }])
            }
            _ => Err(Trouble::NoOverwrites { object: object.clone() }),
        }
    }

    fn unset_overwrite(&self, object: &Subject, target: &str) -> Result<Change, Trouble> {
        let place = within(&self.overwrites_of(object)?, target);
        match get(self.root, &place) {
            Some(_) => Ok(Change::Remove { path: place }),
            None => Err(Trouble::NotSaid { object: object.clone(), what: format!("the overwrite of `{target}`") }),
        }
    }

    fn tags(&self, channel: &str) -> Result<(Path, Vec<&Node<'static>>), Trouble> {
        let place = within(&self.find(&Subject::Channel(channel.to_owned()))?, "tags");
        let tags = match get(self.root, &place).map(|node| &node.value) {
            Some(Tree::List(items)) => items.iter().collect(),
            _ => Vec::new(),
        };
        Ok((place, tags))
    }

    fn set_tag(&self, channel: &str, tag: &str, value: &Value) -> Result<Vec<Change>, Trouble> {
        let (place, tags) = self.tags(channel)?;
        let value = value.node(Spot::default());
        let at = tags.iter().position(|node| name_of_tag(node) == Some(tag));
        if let Some(at) = at {
            return Ok(vec![Change::Set { path: item(&place, at), value }]);
        }
        if get(self.root, &place).is_some() {
            return Ok(vec![Change::InsertItem { list: place, at: tags.len(), value }]);
        }
        Ok(self.changes_to(&place, Node { spot: Spot::default(), value: Tree::List(vec![value]) }))
    }

    fn unset_tag(&self, channel: &str, tag: &str) -> Result<Change, Trouble> {
        let (place, tags) = self.tags(channel)?;
        let at = tags.iter().position(|node| name_of_tag(node) == Some(tag)).ok_or_else(|| Trouble::NotSaid {
            object: Subject::Channel(channel.to_owned()),
            what: format!("the tag `{tag}`"),
        })?;
        Ok(Change::Remove { path: item(&place, at) })
    }

    fn expect(&self, expectation: &indexmap::IndexMap<String, Value>) -> Change {
        let list = path(["expectations"]);
        let value = Value::Map(expectation.clone()).node(Spot::default());
        match get(self.root, &list).map(|node| &node.value) {
            Some(Tree::List(items)) => Change::InsertItem { list, at: items.len(), value },
            _ => {
                let value = Node { spot: Spot::default(), value: Tree::List(vec![value]) };
                Change::Insert { map: Vec::new(), key: "expectations".to_owned(), value, at: At::Fit }
            }
        }
    }

    fn unexpect(&self, index: usize) -> Result<Change, Trouble> {
        let place = item(&path(["expectations"]), index);
        get(self.root, &place).map(|_| ()).ok_or(Trouble::NoSuchExpectation { index })?;
        Ok(Change::Remove { path: place })
    }

    fn shift(&self, object: &Subject, category: Option<&str>, place: &Place) -> Result<Vec<Change>, Trouble> {
        let from = self.find(object)?;
        if !matches!(object, Subject::Role(_) | Subject::Category(_) | Subject::Channel(_)) {
            return Err(Trouble::NoOrder { object: object.clone() });
        }
        let map = self.map_for(object, category)?;
        let at = self.place(&map, place, object)?;
        let own = object.key().unwrap_or_default();
        if matches!(&at, At::Before(key) | At::After(key) if key == own) {
            return Ok(Vec::new());
        }
        let is_home = from[..from.len() - 1] == map;
        if is_home && self.stands(&map, own, &at) {
            return Ok(Vec::new());
        }
        let at = match at {
            // Behind the last one, wherever that is written.
            At::Last => keys_of(get(self.root, &map)).into_iter().rfind(|key| key != own).map_or(At::Last, At::After),
            at => at,
        };
        Ok(vec![Change::Move { from, map, at }])
    }

    /// True when an entry is where it is to go.
    fn stands(&self, map: &[Step], own: &str, at: &At) -> bool {
        let keys = keys_of(get(self.root, map));
        let place = |key: &str| keys.iter().position(|other| other == key);
        let Some(here) = place(own) else { return false };
        match at {
            At::First => here == 0,
            At::Last | At::Fit => here + 1 == keys.len(),
            At::Before(key) => place(key) == Some(here + 1),
            At::After(key) => place(key).map(|there| there + 1) == Some(here),
        }
    }

    fn remove(&self, object: &Subject) -> Result<Compiled, Trouble> {
        let place = self.find(object)?;
        if object.key().is_none() {
            return Err(Trouble::NoSuchObject { object: object.clone(), nearest: None });
        }
        let children = keys_of(get(self.root, &within(&place, "channels")));
        if matches!(object, Subject::Category(_)) && !children.is_empty() {
            return Err(Trouble::NotEmpty { object: object.clone(), channels: children });
        }
        let mut compiled = Compiled::default();
        let mut places: Vec<Path> = Vec::new();
        for reference in self.references(object) {
            compiled.dropped.push(told(&reference.place));
            places.push(self.removable(&reference.place));
        }
        // From the back, so that what is left keeps its number.
        places.sort();
        places.dedup();
        while let Some(last) = places.pop() {
            // With the whole goes the part.
            if places.iter().any(|other| last.starts_with(other)) {
                continue;
            }
            let is_clearable = matches!(last.first(), Some(Step::Key(section)) if section == "settings");
            compiled.changes.push(match is_clearable && self.layers.is_inherited(&last) {
                true => Change::Set { path: last, value: null_node(Spot::default()) },
                false => Change::Remove { path: last },
            });
        }
        compiled.changes.push(Change::Remove { path: place });
        Ok(compiled)
    }

    /// An expectation without a role, or without the only channel it is about, would say something else: it goes as a whole.
    fn removable(&self, place: &Path) -> Path {
        match place.as_slice() {
            [section, number, Step::Key(field), rest @ ..] if *section == Step::Key("expectations".to_owned()) => {
                let list = get(self.root, &place[..3]).map(|node| &node.value);
                let is_one_of_several = matches!(list, Some(Tree::List(items)) if items.len() > 1);
                match field == "in" && !rest.is_empty() && is_one_of_several {
                    true => place.clone(),
                    false => vec![section.clone(), number.clone()],
                }
            }
            _ => place.clone(),
        }
    }

    fn rename(&self, object: &Subject, to: &str) -> Result<Vec<Change>, Trouble> {
        let place = self.find(object)?;
        let Some(key) = object.key().filter(|key| *key != to) else { return Ok(Vec::new()) };
        let renamed = object.named(to);
        if self.find(&renamed).is_ok() {
            return Err(Trouble::Taken { object: renamed });
        }
        let mut changes = Vec::new();
        for Reference { place, is_key } in self.references(object) {
            changes.push(match is_key {
                true => Change::Rekey { path: place, to: to.to_owned() },
                false => {
                    let text = scalar_at(self.root, &place).unwrap_or_default().replacen(key, to, 1);
                    Change::Set { path: place, value: text_node(&text, Spot::default()) }
                }
            });
        }
        // What a reference is inside of keeps its key until they are done.
        if matches!(object, Subject::Role(_) | Subject::Category(_) | Subject::Channel(_)) {
            let field = within(&place, "previously");
            let old = text_node(key, Spot::default());
            changes.extend(match get(self.root, &field).map(|node| &node.value) {
                Some(Tree::List(items)) => {
                    vec![Change::InsertItem { list: field, at: items.len(), value: old }]
                }
                _ => self.changes_to(&field, Node { spot: Spot::default(), value: Tree::List(vec![old]) }),
            });
            // Without a name of its own the object is called by its key, and that is not to change.
            let name = within(&place, "name");
            let is_pinned = matches!(object, Subject::Role(_)) && get(self.root, &within(&place, "id")).is_some();
            if get(self.root, &name).is_none() && !is_pinned {
                changes.extend(self.changes_to(&name, text_node(key, Spot::default())));
            }
        }
        changes.push(Change::Rekey { path: place, to: to.to_owned() });
        Ok(changes)
    }

    /// Everything that names an object.
    fn references(&self, object: &Subject) -> Vec<Reference> {
        let mut found = Vec::new();
        match object {
            Subject::Channel(key) => {
                for field in CHANNEL_SETTINGS {
                    self.names(&path(["settings", field]), key, &mut found);
                }
                self.in_expectations("in", key, &mut found);
                self.patterns("channels", key, &mut found);
            }
            Subject::Category(key) => {
                // A channel of the same key is what is meant.
                if places_of_channel(self.root, key).is_empty() {
                    self.in_expectations("in", key, &mut found);
                }
                self.patterns("categories", key, &mut found);
            }
            Subject::Role(key) => {
                for overwrites in self.all_overwrites() {
                    let place = within(&overwrites, key);
                    if get(self.root, &place).is_some() {
                        found.push(Reference { place, is_key: true });
                    }
                }
                self.in_expectations("role", key, &mut found);
                self.patterns("roles", key, &mut found);
            }
            Subject::PermissionSet(key) => self.uses_of_set(key, &mut found),
            Subject::Access(key) => {
                for overwrites in self.all_overwrites() {
                    self.names(&overwrites, key, &mut found);
                    self.names(&within(&overwrites, "use"), key, &mut found);
                }
            }
            Subject::Settings | Subject::Policy => {}
        }
        found
    }

    fn uses_of_set(&self, key: &str, found: &mut Vec<Reference>) {
        for set in keys_of(get(self.root, &path(["permission_sets"]))) {
            self.names(&path(["permission_sets", &set, "extends"]), key, found);
        }
        for role in keys_of(get(self.root, &path(["roles"]))) {
            let place = path(["roles", &role, "permissions"]);
            if scalar_at(self.root, &place).is_some() {
                self.names(&place, key, found);
            }
            self.names(&within(&place, "use"), key, found);
        }
        for overwrites in self.all_overwrites() {
            for target in keys_of(get(self.root, &overwrites)).iter().filter(|target| *target != "use") {
                self.names(&within(&overwrites, target), key, found);
                self.names(&within(&within(&overwrites, target), "use"), key, found);
            }
        }
    }

    /// The scalar at a place, or the items of the list there, that are the key.
    fn names(&self, place: &Path, key: &str, found: &mut Vec<Reference>) {
        let is_key = false;
        match get(self.root, place).map(|node| &node.value) {
            Some(Tree::Scalar { text, .. }) if text == key => found.push(Reference { place: place.clone(), is_key }),
            Some(Tree::List(items)) => {
                let at = items.iter().enumerate().filter(|(_, node)| is_text(node, key));
                found.extend(at.map(|(at, _)| Reference { place: item(place, at), is_key }));
            }
            _ => {}
        }
    }

    fn in_expectations(&self, field: &str, key: &str, found: &mut Vec<Reference>) {
        let list = path(["expectations"]);
        let Some(Tree::List(items)) = get(self.root, &list).map(|node| &node.value) else { return };
        for at in 0..items.len() {
            self.names(&within(&item(&list, at), field), key, found);
        }
    }

    /// The entries of `protect` and `ignore` that name the object.
    fn patterns(&self, section: &str, key: &str, found: &mut Vec<Reference>) {
        let own = format!("{section}.{key}");
        for list in ["protect", "ignore"].map(|list| path(["policy", list])) {
            let Some(Tree::List(items)) = get(self.root, &list).map(|node| &node.value) else { continue };
            for (at, node) in items.iter().enumerate() {
                let Tree::Scalar { text, .. } = &node.value else { continue };
                let rest = text.strip_prefix(own.as_str());
                if rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.')) {
                    found.push(Reference { place: item(&list, at), is_key: false });
                }
            }
        }
    }

    /// The places of all overwrites.
    fn all_overwrites(&self) -> Vec<Path> {
        let keys = |place: &Path| keys_of(get(self.root, place));
        let mut places: Vec<Path> = keys(&path(["access"])).iter().map(|key| path(["access", key])).collect();
        let mut holders: Vec<Path> = keys(&path(["channels"])).iter().map(|key| path(["channels", key])).collect();
        for category in keys(&path(["categories"])) {
            let place = path(["categories", &category]);
            let inside = within(&place, "channels");
            holders.extend(keys(&inside).iter().map(|key| within(&inside, key)));
            holders.push(place);
        }
        places.extend(holders.iter().map(|holder| within(holder, "permissions")));
        places.retain(|place| get(self.root, place).is_some());
        places
    }
}

/// Settings that name a channel.
const CHANNEL_SETTINGS: [&str; 5] =
    ["afk_channel", "system_channel", "rules_channel", "public_updates_channel", "safety_alerts_channel"];

fn section_of(object: &Subject) -> Path {
    path([object.section()])
}

fn keys_of(node: Option<&Node<'_>>) -> Vec<String> {
    match node.map(|node| &node.value) {
        Some(Tree::Map(entries)) => entries.iter().map(|Entry { key, .. }| key.to_string()).collect(),
        _ => Vec::new(),
    }
}

fn channel_keys(root: &Node<'_>) -> Vec<String> {
    let mut keys = keys_of(get(root, &path(["channels"])));
    for category in keys_of(get(root, &path(["categories"]))) {
        keys.extend(keys_of(get(root, &path(["categories", &category, "channels"]))));
    }
    keys
}

fn is_text(node: &Node<'_>, wanted: &str) -> bool {
    matches!(&node.value, Tree::Scalar { text, .. } if text == wanted)
}

fn scalar_at(root: &Node<'_>, place: &[Step]) -> Option<String> {
    match &get(root, place)?.value {
        Tree::Scalar { text, .. } => Some(text.to_string()),
        Tree::List(_) | Tree::Map(_) => None,
    }
}

fn name_of_tag<'n>(node: &'n Node<'static>) -> Option<&'n str> {
    let node = match &node.value {
        Tree::Map(_) => get(node, &path(["name"]))?,
        Tree::Scalar { .. } | Tree::List(_) => node,
    };
    match &node.value {
        Tree::Scalar { text, .. } => Some(text),
        Tree::List(_) | Tree::Map(_) => None,
    }
}

/// A path as people point at things.
pub(super) fn told(place: &[Step]) -> String {
    let step = |step: &Step| match step {
        Step::Key(key) => key.clone(),
        Step::Item(at) => at.to_string(),
    };
    place.iter().map(step).collect::<Vec<_>>().join(".")
}
