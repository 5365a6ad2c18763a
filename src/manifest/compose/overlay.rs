//! What a manifest that extends another changes in it.
//!
//! Decides who wins: the later value, and `null` removes. Knows nothing of files.

use std::borrow::Cow;

use crate::manifest::diagnostic::{Problem, Problems, Spot, rule};
use crate::manifest::tree::{Entry, Node, Value};

use super::channels_in;

/// Lays a manifest over the one it extends.
pub(super) struct Overlay<'p> {
    pub(super) problems: &'p mut Problems,
}

impl Overlay<'_> {
    /// What both say together.
    pub(super) fn lay<'s>(&mut self, mut base: Vec<Entry<'s>>, over: Vec<Entry<'s>>) -> Vec<Entry<'s>> {
        for entry in over {
            match &*entry.key {
                "channels" => self.lay_channels(&mut base, None, entry),
                "categories" => self.lay_categories(&mut base, entry),
                "roles" | "permission_sets" | "access" => {
                    let merge_fields = entry.key == "roles";
                    self.lay_objects(&mut base, entry, merge_fields);
                }
                "policy" | "settings" => lay_fields(&mut base, entry),
                "expectations" => match (find(&mut base, "expectations").map(|e| &mut e.node.value), entry) {
                    (Some(Value::List(present)), Entry { node: Node { value: Value::List(more), .. }, .. }) => {
                        present.extend(more);
                    }
                    (_, entry) => put(&mut base, entry),
                },
                _ => put(&mut base, entry),
            }
        }
        base
    }

    fn lay_objects<'s>(&mut self, base: &mut Vec<Entry<'s>>, section: Entry<'s>, merge_fields: bool) {
        let Value::Map(objects) = section.node.value else { return put(base, section) };
        let Some(present) = section_of(base, &section.key, section.key_spot, section.node.spot) else { return };
        for object in objects {
            if object.node.is_null() {
                let removed = take(present, &object.key).is_some();
                self.check_removed(removed, &object);
            } else if merge_fields {
                lay_fields(present, object);
            } else {
                put(present, object);
            }
        }
    }

    fn lay_categories<'s>(&mut self, base: &mut Vec<Entry<'s>>, section: Entry<'s>) {
        let Value::Map(categories) = section.node.value else { return put(base, section) };
        for mut category in categories {
            let Some(present) = section_of(base, "categories", section.key_spot, section.node.spot) else { return };
            if category.node.is_null() {
                let removed = take(present, &category.key).is_some();
                self.check_removed(removed, &category);
                continue;
            }
            let channels = match &mut category.node.value {
                Value::Map(fields) => take(fields, "channels"),
                Value::Scalar { .. } | Value::List(_) => None,
            };
            let key = category.key.clone();
            lay_fields(present, category);
            if let Some(channels) = channels {
                self.lay_channels(base, Some(&key), channels);
            }
        }
    }

    /// Channel keys are unique in a guild, so an inherited channel that is written under another category moves there.
    fn lay_channels<'s>(&mut self, base: &mut Vec<Entry<'s>>, category: Option<&str>, section: Entry<'s>) {
        let Entry { key: _, key_spot, node, bare } = section;
        let Node { spot, value: Value::Map(channels) } = node else {
            let spot = node.spot;
            if let Some(present) = place_of(base, category, key_spot, spot) {
                put(present, Entry { key: Cow::Borrowed("channels"), key_spot, node, bare });
            }
            return;
        };
        for channel in channels {
            let home = home_of(base, &channel.key);
            if channel.node.is_null() {
                let list = home.and_then(|home| channels_of(base, home.as_deref(), key_spot, spot));
                let removed = list.and_then(|list| take(list, &channel.key)).is_some();
                self.check_removed(removed, &channel);
                continue;
            }
            let moved = match home {
                Some(home) if home.as_deref() != category => {
                    channels_of(base, home.as_deref(), key_spot, spot).and_then(|list| take(list, &channel.key))
                }
                _ => None,
            };
            let Some(list) = channels_of(base, category, key_spot, spot) else { return };
            list.extend(moved);
            lay_fields(list, channel);
        }
    }

    fn check_removed(&mut self, removed: bool, object: &Entry<'_>) {
        if removed {
            return;
        }
        let problem = Problem::new(rule::NOTHING_TO_REMOVE, format!("`{}` was not inherited", object.key));
        let problem = problem.at(object.key_spot, "`null` removes what a base manifest has");
        self.problems
            .report(problem.help(format!("for something new with nothing said, write `{}: {{}}`", object.key)));
    }
}

fn find<'a, 's>(entries: &'a mut [Entry<'s>], key: &str) -> Option<&'a mut Entry<'s>> {
    entries.iter_mut().find(|e| e.key == key)
}

fn take<'s>(entries: &mut Vec<Entry<'s>>, key: &str) -> Option<Entry<'s>> {
    let at = entries.iter().position(|e| e.key == key)?;
    Some(entries.remove(at))
}

/// Replaces an entry in its place, or adds it.
fn put<'s>(entries: &mut Vec<Entry<'s>>, entry: Entry<'s>) {
    match find(entries, &entry.key) {
        Some(present) => *present = entry,
        None => entries.push(entry),
    }
}

/// Replaces the fields of an entry that the new one has; maps of switches are laid field by field too.
fn lay_fields<'s>(entries: &mut Vec<Entry<'s>>, entry: Entry<'s>) {
    const SWITCHES: [&str; 2] = ["features", "system_channel_flags"];
    let Some(present) = find(entries, &entry.key) else { return entries.push(entry) };
    match (&mut present.node.value, entry.node.value) {
        (Value::Map(fields), Value::Map(more)) => {
            present.key_spot = entry.key_spot;
            for field in more {
                if SWITCHES.contains(&&*field.key) {
                    lay_fields(fields, field);
                } else {
                    put(fields, field);
                }
            }
        }
        (_, value) => present.node = Node { spot: entry.node.spot, value },
    }
}

/// The entries of a section, made when it is missing; `None` when it is no map.
fn section_of<'a, 's>(
    base: &'a mut Vec<Entry<'s>>,
    key: &str,
    key_spot: Spot,
    spot: Spot,
) -> Option<&'a mut Vec<Entry<'s>>> {
    if find(base, key).is_none() {
        let node = Node::empty_map(spot);
        base.push(Entry { key: Cow::Owned(key.to_owned()), key_spot, node, bare: false });
    }
    match &mut find(base, key)?.node.value {
        Value::Map(entries) => Some(entries),
        Value::Scalar { .. } | Value::List(_) => None,
    }
}

/// What holds the section `channels`: a category, or the manifest itself.
fn place_of<'a, 's>(
    base: &'a mut Vec<Entry<'s>>,
    category: Option<&str>,
    key_spot: Spot,
    spot: Spot,
) -> Option<&'a mut Vec<Entry<'s>>> {
    match category {
        None => Some(base),
        Some(category) => section_of(section_of(base, "categories", key_spot, spot)?, category, key_spot, spot),
    }
}

fn channels_of<'a, 's>(
    base: &'a mut Vec<Entry<'s>>,
    category: Option<&str>,
    key_spot: Spot,
    spot: Spot,
) -> Option<&'a mut Vec<Entry<'s>>> {
    section_of(place_of(base, category, key_spot, spot)?, "channels", key_spot, spot)
}

/// Where an inherited channel stands: outside (`Some(None)`), in a category, or nowhere.
fn home_of(base: &[Entry<'_>], key: &str) -> Option<Option<String>> {
    channels_in(base).find(|(channel, _)| channel.key == key).map(|(_, category)| category.map(str::to_owned))
}
