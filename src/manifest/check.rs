//! The rules a manifest has to satisfy once it is understood.
//!
//! Decides what Discord would refuse, and what is probably not meant. One function per rule, all in one list. Knows
//! nothing of live guilds: what depends on one is the planner's to say.

mod channels;
mod objects;
mod permissions;
mod policy;

use std::collections::BTreeMap;

use crate::model::{ChannelKind, Key};

use super::content::{ChannelSpec, Content};
use super::diagnostic::{Problem, Problems, Rule, Spot};
use super::document::{CategoryDoc, ChannelDoc, GuildDoc};
use super::read::Said;
use super::resolve::{Resolved, kind_of, table};

/// Every rule.
const CHECKS: &[fn(&Subject<'_>, &mut Problems)] = &[
    objects::reserved_keys,
    objects::fields_of_everyone,
    objects::former_keys,
    objects::pinned_ids,
    objects::colors,
    objects::amounts,
    channels::fields_of_kind,
    channels::limits_of_kind,
    channels::spoilers,
    channels::tags,
    channels::same_names,
    channels::rewritten_names,
    channels::community_kinds,
    channels::community_settings,
    permissions::administrators,
    permissions::old_habits,
    permissions::unknown_bits,
    permissions::useless_bits,
    permissions::public_children,
    permissions::amounts,
    permissions::unused_sets,
    policy::patterns,
    policy::expectations,
];

/// Applies every rule.
pub(super) fn check(doc: &GuildDoc, resolved: &Resolved<'_>, problems: &mut Problems) {
    let subject = Subject::of(doc, resolved);
    CHECKS.iter().for_each(|check| check(&subject, problems));
}

/// What the rules look at.
struct Subject<'d> {
    doc: &'d GuildDoc,
    resolved: &'d Resolved<'d>,
    content: &'d Content,
    channels: Vec<ChannelView<'d>>,
}

/// A channel as it is written and as it is meant.
struct ChannelView<'d> {
    key: &'d Said<String>,
    category: Option<(&'d Said<String>, &'d CategoryDoc)>,
    doc: &'d ChannelDoc,
    kind: ChannelKind,
    spec: Option<&'d ChannelSpec>,
}

impl<'d> Subject<'d> {
    fn of(doc: &'d GuildDoc, resolved: &'d Resolved<'d>) -> Self {
        let content = &resolved.content;
        let outside = table(doc.channels.as_ref()).map(|(key, channel)| (None, key, channel));
        let inside = table(doc.categories.as_ref()).flat_map(|(category, doc)| {
            table(doc.channels.as_ref()).map(move |(key, channel)| (Some((category, doc)), key, channel))
        });
        let view = |(category, key, doc): (_, &'d Said<String>, &'d ChannelDoc)| {
            let spec = key.parse::<Key>().ok().and_then(|key| content.channels.get(&key));
            ChannelView { key, category, doc, kind: kind_of(doc), spec }
        };
        Self { doc, resolved, content, channels: outside.chain(inside).map(view).collect() }
    }
}

/// Reports every place whose key was seen before.
fn report_repeated<K: Ord>(
    places: impl IntoIterator<Item = (K, Spot)>,
    problems: &mut Problems,
    rule: Rule,
    message: impl Fn(&K) -> String,
) {
    let mut seen: BTreeMap<K, Spot> = BTreeMap::new();
    let mut places: Vec<(K, Spot)> = places.into_iter().collect();
    places.sort_by_key(|(_, spot)| *spot);
    for (key, spot) in places {
        match seen.get(&key) {
            Some(first) => {
                let problem = Problem::new(rule, message(&key));
                problems.report(problem.at(spot, "again here").at(*first, "first here"));
            }
            None => {
                seen.insert(key, spot);
            }
        }
    }
}

/// Reports the first thing beyond a limit.
fn report_beyond(
    places: impl IntoIterator<Item = Spot>,
    limit: usize,
    problems: &mut Problems,
    rule: Rule,
    message: impl Fn(usize) -> String,
) {
    let mut places = places.into_iter();
    let Some(beyond) = places.nth(limit) else { return };
    let count = limit + 1 + places.count();
    problems.report(Problem::new(rule, message(count)).at(beyond, "the first one too many"));
}
