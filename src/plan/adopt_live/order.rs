//! The order of roles and channels, with the fewest lines moved.

use std::collections::BTreeSet;

use crate::manifest::ChannelSpec;
use crate::manifest::edit::{Edit, Place, Subject};
use crate::model::{Bucket, Channel, ChannelRef, Key, Ref};
use crate::plan::Plan;
use crate::plan::operation::Operation;

use super::{Adopter, section};

impl Adopter<'_> {
    pub(super) fn ordered(&mut self, plan: &Plan) {
        let (mut roles, mut places) = (self.adoption.objects.contains("roles"), BTreeSet::new());
        for step in &plan.steps {
            match &step.operation {
                Operation::MoveRoles { moves } => {
                    let named = moves.iter().filter_map(|m| self.keys.role(&m.object));
                    roles |=
                        self.is_wanted("roles") || named.into_iter().any(|key| self.is_wanted(&format!("roles.{key}")));
                }
                Operation::MoveChannels { moves } => {
                    let moved = moves.iter().filter_map(|m| self.live.channel(&m.object));
                    places.extend(moved.filter(|channel| self.is_wanted_order(channel)).map(place_of));
                }
                _ => {}
            }
        }
        if self.adoption.edits.iter().any(|edit| matches!(edit, Edit::Add { object: Subject::Category(_), .. })) {
            places.insert((None, Bucket::Category));
        }
        for edit in &self.adoption.edits {
            let (Edit::Move { object: Subject::Channel(key), .. } | Edit::Add { object: Subject::Channel(key), .. }) =
                edit
            else {
                continue;
            };
            let id = self.keys.channels.iter().find(|(_, k)| k.as_str() == key).map(|(id, _)| ChannelRef::Live(*id));
            places.extend(id.and_then(|id| self.live.channel(&id)).map(place_of));
        }
        if roles {
            self.order_roles();
        }
        for (parent, bucket) in places {
            self.order_channels(parent.as_ref(), bucket);
        }
    }

    fn is_wanted_order(&self, channel: &Channel) -> bool {
        let known = if channel.is_category() { &self.keys.categories } else { &self.keys.channels };
        let key = channel.id.id().and_then(|id| known.get(&id));
        self.is_wanted("channels")
            || key.is_some_and(|key| self.is_wanted(&format!("{}.{key}", section(channel.attributes.kind))))
    }

    fn order_roles(&mut self) {
        let live: Vec<Key> = self.live.roles.iter().filter_map(|role| self.keys.role(&role.id)).collect();
        let added = self.added(|object| matches!(object, Subject::Role(_)), None);
        let written: Vec<Key> = self.manifest.roles.keys().cloned().chain(added).collect();
        let moves = moves_between(&written, &live, |key| !key.is_everyone());
        let edit =
            |(key, place): (Key, Place)| Edit::Move { object: Subject::Role(key.to_string()), category: None, place };
        self.adopt("roles", moves.into_iter().map(edit));
    }

    fn order_channels(&mut self, parent: Option<&ChannelRef>, bucket: Bucket) {
        let known = if bucket == Bucket::Category { &self.keys.categories } else { &self.keys.channels };
        let live: Vec<Key> =
            self.live.in_place(parent, bucket).filter_map(|c| known.get(&c.id.id()?).cloned()).collect();
        let category = parent.and_then(|parent| self.keys.category(parent));
        if parent.is_some() && category.is_none() {
            return;
        }
        let written: Vec<Key> = if bucket == Bucket::Category {
            let added = self.added(|object| matches!(object, Subject::Category(_)), None);
            self.manifest.categories.keys().cloned().chain(added).collect()
        } else {
            self.written_in(category.as_ref())
        };
        let moves = moves_between(&written, &live, |_| true);
        let category = category.map(|key| key.to_string());
        let make = |key: &Key| match bucket {
            Bucket::Category => Subject::Category(key.to_string()),
            Bucket::Text | Bucket::Voice => Subject::Channel(key.to_string()),
        };
        let edit = |(key, place): (Key, Place)| Edit::Move { object: make(&key), category: category.clone(), place };
        let edits: Vec<Edit> = moves.into_iter().map(edit).collect();
        self.adopt("channels", edits);
    }

    /// The channels of a category in the order of the manifest, as it is after the edits so far.
    fn written_in(&self, category: Option<&Key>) -> Vec<Key> {
        let own = |spec: &ChannelSpec| spec.attributes.parent.clone().flatten() == category.cloned().map(Ref::Planned);
        let mut keys: Vec<Key> =
            self.manifest.channels.iter().filter(|(_, spec)| own(spec)).map(|(key, _)| key.clone()).collect();
        for edit in &self.adoption.edits {
            let (Edit::Move { object: Subject::Channel(key), category: to, place: Place::Last }
            | Edit::Add { object: Subject::Channel(key), category: to, .. }) = edit
            else {
                continue;
            };
            keys.retain(|other| other.as_str() != key);
            if to.as_deref() == category.map(Key::as_str) {
                keys.extend(key.parse::<Key>());
            }
        }
        keys
    }

    fn added(&self, is: impl Fn(&Subject) -> bool, category: Option<&str>) -> Vec<Key> {
        let added = self.adoption.edits.iter().filter_map(|edit| match edit {
            Edit::Add { object, category: to, .. } if is(object) && to.as_deref() == category => {
                object.to_string().split_once('.').and_then(|(_, key)| key.parse().ok())
            }
            _ => None,
        });
        added.collect()
    }
}

fn place_of(channel: &Channel) -> (Option<ChannelRef>, Bucket) {
    let (parent, bucket) = channel.place();
    (parent.cloned(), bucket)
}

/// The fewest moves that bring keys into an order; others keep their neighbours.
fn moves_between(written: &[Key], wanted: &[Key], counts: impl Fn(&Key) -> bool) -> Vec<(Key, Place)> {
    let wanted: Vec<&Key> = wanted.iter().filter(|key| counts(key) && written.contains(key)).collect();
    let ranks: Vec<usize> = written.iter().filter_map(|key| wanted.iter().position(|other| *other == key)).collect();
    let still = longest_rise(&ranks);
    let mut moves = Vec::new();
    for (rank, key) in wanted.iter().enumerate() {
        if still.contains(&rank) {
            continue;
        }
        let place = match rank.checked_sub(1) {
            Some(above) => Place::After(wanted[above].to_string()),
            // Before the first that stays, or before all.
            None => wanted.get(1).map_or(Place::First, |_| {
                still.first().map_or(Place::First, |first| Place::Before(wanted[*first].to_string()))
            }),
        };
        moves.push(((*key).clone(), place));
    }
    moves
}

/// The longest ascending part of some different numbers.
fn longest_rise(numbers: &[usize]) -> Vec<usize> {
    let mut best: Vec<Vec<usize>> = Vec::with_capacity(numbers.len());
    for (at, number) in numbers.iter().enumerate() {
        let before = (0..at).filter(|before| numbers[*before] < *number).map(|before| &best[before]);
        let mut rise = before.max_by_key(|rise| rise.len()).cloned().unwrap_or_default();
        rise.push(*number);
        best.push(rise);
    }
    best.into_iter().max_by_key(Vec::len).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(words: &str) -> Vec<Key> {
        words.split_whitespace().map(|word| word.parse().expect("a key")).collect()
    }

    #[test]
    fn as_few_move_as_possible() {
        let moves = |written: &str, wanted: &str| {
            let moves = moves_between(&keys(written), &keys(wanted), |_| true);
            moves.into_iter().map(|(key, place)| format!("{key} {place:?}")).collect::<Vec<_>>().join(", ")
        };
        assert_eq!(moves("a b c d", "a b c d"), "");
        assert_eq!(moves("a b c d", "b c d a"), "a After(\"d\")");
        assert_eq!(moves("a b c d", "d a b c"), "d Before(\"a\")");
        assert_eq!(moves("a x b", "b a"), "a After(\"b\")");
        assert_eq!(moves("a", "b a"), "");
    }
}
