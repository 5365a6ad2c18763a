//! Which live object each key stands for. Knows nothing of what should change in them.
//!
//! A binding decides; then what the manifest says (`id`, `previously`); then, for a key nobody has seen before, the one
//! live object of the same kind, parent and name. An object that could merely not be seen is never taken for absent.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hash;

use twilight_model::id::Id;

use crate::manifest::{ChannelSpec, Manifest, Policy, Previously, RoleSpec};
use crate::model::{
    Binding, BindingState, Bindings, ChannelId, ChannelKind, ChannelRef, Index, Indexed, Key, KindBindings, ObjectKind,
    Provenance, Ref, RoleId, RoleRef, Snapshot, Visibility, normalise_channel_name,
};

use super::note::{Note, NoteCode, Weight};
use super::operation::BindingChange;

/// The answer for a whole guild. A key that is missing here is not planned, and a note says why.
#[derive(Clone, Debug, Default)]
pub(super) struct Identities {
    pub(super) roles: Index<Key, RoleRef>,
    pub(super) categories: Index<Key, ChannelRef>,
    pub(super) channels: Index<Key, ChannelRef>,
    /// Keys that left the manifest while their objects live on.
    pub(super) vanished_roles: Vec<Vanished<RoleId>>,
    pub(super) vanished_categories: Vec<Vanished<ChannelId>>,
    pub(super) vanished_channels: Vec<Vanished<ChannelId>>,
    /// Where archived channels go; none while that is in doubt.
    pub(super) archive: Option<ChannelRef>,
    /// Every channel was shown.
    pub(super) sees_all: bool,
    /// What is newly bound or released without a request.
    pub(super) changes: Vec<BindingChange>,
    pub(super) notes: Vec<Note>,
}

/// A key that left the manifest.
#[derive(Clone, Debug)]
pub(super) struct Vanished<I> {
    pub(super) key: Key,
    pub(super) id: I,
    pub(super) protected: bool,
}

/// Joins keys to objects.
pub(super) fn adopt(manifest: &Manifest, snapshot: &Snapshot, bindings: &Bindings, policy: &Policy) -> Identities {
    let mut found = Identities { sees_all: snapshot.visibility() == Visibility::Complete, ..Identities::default() };

    let roles = role_space(manifest, snapshot, bindings, policy);
    let (ids, vanished) = roles.join(&mut found);
    found.roles = ids;
    found.roles.insert(Key::everyone(), Ref::Live(snapshot.guild.everyone_id()));
    found.vanished_roles = vanished;

    let categories = channel_space(ObjectKind::Category, manifest, snapshot, bindings, policy, &found.categories);
    let (ids, vanished) = categories.join(&mut found);
    found.categories = ids;
    found.vanished_categories = vanished;
    found.archive = archive(manifest, snapshot, bindings, &found);

    let channels = channel_space(ObjectKind::Channel, manifest, snapshot, bindings, policy, &found.categories);
    let (ids, vanished) = channels.join(&mut found);
    found.channels = ids;
    found.vanished_channels = vanished;

    found
}

/// The archive: the manifest's, the one an earlier plan made, or a new one. None where there may be one that was not shown.
fn archive(manifest: &Manifest, snapshot: &Snapshot, bindings: &Bindings, found: &Identities) -> Option<ChannelRef> {
    let key = Key::archive();
    if manifest.categories.contains_key(&key) {
        return found.categories.get(&key).cloned();
    }
    let made_before = bindings.categories.get(&key).map(|binding| Ref::Live(binding.id));
    match made_before {
        Some(archive) if snapshot.guild.channel(&archive).is_some() => Some(archive),
        Some(_) if !found.sees_all => None,
        Some(_) | None => Some(Ref::Planned(key)),
    }
}

/// What each key stands for, and the keys that are gone.
type Joined<M> = (Index<Key, Ref<M>>, Vec<Vanished<Id<M>>>);

/// One name space while its keys are joined.
struct Space<'a, I> {
    kind: ObjectKind,
    bindings: &'a KindBindings<I>,
    policy: &'a Policy,
    wanted: Vec<Wanted<'a, I>>,
    live: Index<I, Live<'a>>,
    /// Every object of this kind was shown.
    complete: bool,
}

/// What the manifest says of a key.
struct Wanted<'a, I> {
    key: &'a Key,
    pin: Option<I>,
    previously: &'a Previously,
    /// None when its parent is itself not settled.
    seat: Option<Seat<'a>>,
}

/// A live object that could be bound.
struct Live<'a> {
    seat: Seat<'a>,
    adoptable: bool,
}

/// Where an object is and what it is called. Only keys nobody has bound yet are looked for by it.
struct Seat<'a> {
    place: Place,
    name: &'a str,
}

/// The kind of an object, as far as it never changes, and its parent.
type Place = (Option<ChannelKind>, Option<ChannelRef>);

/// What tells objects apart that nobody has bound: the same slot means the same object.
type Slot = (Place, String);

impl<'a> Seat<'a> {
    fn role(name: &'a str) -> Self {
        Self { place: (None, None), name }
    }

    /// Text and announcement channels can become each other, so they are told apart by name alone.
    fn channel(kind: ChannelKind, parent: Option<ChannelRef>, name: &'a str) -> Self {
        let family = if kind == ChannelKind::Announcement { ChannelKind::Text } else { kind };
        Self { place: (Some(family), parent), name }
    }

    fn slot(&self) -> Slot {
        let name = self.place.0.map_or_else(|| self.name.to_owned(), |kind| normalise_channel_name(kind, self.name));
        (self.place.clone(), name)
    }

    /// Its parent does not exist yet, so it cannot exist either.
    fn is_in_the_new(&self) -> bool {
        matches!(self.place.1, Some(Ref::Planned(_)))
    }

    /// The name as people know it; only channels have the sign.
    fn called(&self) -> String {
        let sign = if matches!(self.place.0, None | Some(ChannelKind::Category)) { "" } else { "#" };
        format!("{sign}{}", self.name)
    }
}

fn role_space<'a>(
    manifest: &'a Manifest,
    snapshot: &'a Snapshot,
    bindings: &'a Bindings,
    policy: &'a Policy,
) -> Space<'a, RoleId> {
    let everyone = snapshot.guild.everyone_id();
    let wanted = manifest.roles.iter().filter(|(key, _)| !key.is_everyone()).map(|(key, spec)| {
        let RoleSpec { id, previously, attributes } = spec;
        let seat = Seat::role(attributes.name.as_deref().unwrap_or(key.as_str()));
        Wanted { key, pin: *id, previously, seat: Some(seat) }
    });
    let live = snapshot.guild.roles.iter().filter_map(|role| {
        let id = role.id.id().filter(|id| *id != everyone)?;
        Some((id, Live { seat: Seat::role(&role.attributes.name), adoptable: role.is_ours_to_delete() }))
    });
    Space {
        kind: ObjectKind::Role,
        bindings: &bindings.roles,
        policy,
        wanted: wanted.collect(),
        live: live.collect(),
        complete: true,
    }
}

fn channel_space<'a>(
    kind: ObjectKind,
    manifest: &'a Manifest,
    snapshot: &'a Snapshot,
    bindings: &'a Bindings,
    policy: &'a Policy,
    categories: &Index<Key, ChannelRef>,
) -> Space<'a, ChannelId> {
    let is_category = kind == ObjectKind::Category;
    let (specs, bound) = if is_category {
        (&manifest.categories, &bindings.categories)
    } else {
        (&manifest.channels, &bindings.channels)
    };
    let wanted = specs.iter().map(|(key, spec)| {
        let ChannelSpec { id, previously, attributes } = spec;
        let kind = attributes.kind.unwrap_or(if is_category { ChannelKind::Category } else { ChannelKind::Text });
        let name = attributes.name.as_deref().unwrap_or(key.as_str());
        let seat = match attributes.parent.as_ref().and_then(Option::as_ref) {
            None => Some(Seat::channel(kind, None, name)),
            Some(parent) => settled(parent, categories).map(|parent| Seat::channel(kind, Some(parent), name)),
        };
        Wanted { key, pin: *id, previously, seat }
    });
    let live = snapshot.guild.channels.iter().filter(|c| c.is_category() == is_category).filter_map(|channel| {
        let attributes = &channel.attributes;
        let seat = Seat::channel(attributes.kind, attributes.parent.clone(), &attributes.name);
        Some((channel.id.id()?, Live { seat, adoptable: true }))
    });
    Space {
        kind,
        bindings: bound,
        policy,
        wanted: wanted.collect(),
        live: live.collect(),
        complete: snapshot.visibility() == Visibility::Complete,
    }
}

fn settled(parent: &ChannelRef, categories: &Index<Key, ChannelRef>) -> Option<ChannelRef> {
    match parent {
        Ref::Live(id) => Some(Ref::Live(*id)),
        Ref::Planned(key) => categories.get(key).cloned(),
    }
}

impl<M> Space<'_, Id<M>>
where
    Id<M>: Ord + Copy + Hash,
{
    fn join(self, found: &mut Identities) -> Joined<M> {
        let mut joined: Index<Key, Ref<M>> = Index::with_capacity_and_hasher(self.wanted.len(), Default::default());
        let mut taken: Indexed<Id<M>> = Indexed::with_capacity_and_hasher(self.wanted.len(), Default::default());
        let (mut claims, mut unbound, mut contested) = (Vec::new(), Vec::new(), BTreeSet::new());
        for wanted in &self.wanted {
            let own = self.bindings.get(wanted.key);
            match self.by_word(wanted, own, &mut found.notes) {
                ByWord::Is(id, provenance) => {
                    if !taken.insert(id) {
                        contested.insert(id);
                    }
                    claims.push((wanted.key, own, id, provenance));
                }
                ByWord::Blocked => {}
                ByWord::Unknown => unbound.push(wanted),
            }
        }
        for id in &contested {
            let claimants = claims.iter().filter(|(_, _, claimed, _)| claimed == id).map(|(key, ..)| *key);
            found.notes.push(self.contested_note(*id, claimants.collect()));
        }
        for (key, own, id, provenance) in claims.into_iter().filter(|(_, _, id, _)| !contested.contains(id)) {
            self.bind(key, own, id, provenance, &mut found.changes);
            joined.insert(key.clone(), Ref::Live(id));
        }
        let mut vanished = self.vanished(&taken, &joined, found);
        let mut created = Vec::new();
        if !unbound.is_empty() {
            let slots: Vec<Option<Slot>> = unbound.iter().map(|w| w.seat.as_ref().map(Seat::slot)).collect();
            let mut rivals: BTreeMap<&Slot, usize> = BTreeMap::new();
            slots.iter().flatten().for_each(|slot| *rivals.entry(slot).or_default() += 1);
            let free = self.free_objects(&taken);
            for (wanted, slot) in unbound.into_iter().zip(&slots) {
                let rivals = slot.as_ref().and_then(|slot| rivals.get(slot)).copied().unwrap_or_default();
                let candidates = slot.as_ref().map(|slot| free.get(slot).map_or(&[][..], Vec::as_slice));
                match self.by_slot(wanted, candidates, rivals, &mut found.notes) {
                    BySlot::Is(id) => {
                        taken.insert(id);
                        let own = self.bindings.get(wanted.key);
                        self.bind(wanted.key, own, id, Provenance::Adopted, &mut found.changes);
                        self.tell_adoption(wanted, id, &vanished, &mut found.notes);
                        joined.insert(wanted.key.clone(), Ref::Live(id));
                    }
                    BySlot::New => created.push(wanted),
                    BySlot::Blocked => {}
                }
            }
        }
        vanished.retain(|v| !taken.contains(&v.id));
        for wanted in created {
            if self.is_possible_rename(wanted, &mut vanished, &mut found.notes) {
                continue;
            }
            joined.insert(wanted.key.clone(), Ref::Planned(wanted.key.clone()));
        }
        self.release(&vanished, &joined, &mut found.changes);
        (joined, vanished)
    }

    /// What the manifest or a binding says in words.
    fn by_word(&self, wanted: &Wanted<'_, Id<M>>, own: Option<&Binding<Id<M>>>, notes: &mut Vec<Note>) -> ByWord<M> {
        if let Some(pin) = wanted.pin {
            if self.live.contains_key(&pin) {
                return ByWord::Is(pin, Provenance::Pinned);
            }
            let note = Note::new(
                Weight::Blocking,
                NoteCode::BadPin,
                self.subject(wanted.key),
                format!("`id: \"{pin}\"` is no {} the bot can see in this guild.", self.kind.noun()),
            );
            notes.push(note.help("Correct the id, remove it, or let the bot see the object."));
            return ByWord::Blocked;
        }
        let old_keys = match wanted.previously {
            Previously::Unsaid => &[][..],
            Previously::Keys(keys) => keys,
        };
        let binding = own.or_else(|| old_keys.iter().find_map(|key| self.bindings.get(key)));
        let Some(Binding { id, provenance, state: _, protected: _, name_echo: _ }) = binding else {
            return ByWord::Unknown;
        };
        if self.live.contains_key(id) {
            return ByWord::Is(*id, *provenance);
        }
        if !self.complete {
            let text = format!("The {} {id} is hidden from the bot, or gone. It is not made again.", self.kind.noun());
            let help = "Give the bot's role `view_channel` there, or Administrator in the guild.";
            notes.push(Note::new(Weight::Warning, NoteCode::Hidden, self.subject(wanted.key), text).help(help));
            return ByWord::Blocked;
        }
        let text = format!("The {} {id} was deleted in Discord; a new one takes its place.", self.kind.noun());
        notes.push(Note::new(Weight::Info, NoteCode::DeletedByHand, self.subject(wanted.key), text));
        ByWord::Unknown
    }

    /// Several keys say that they are one object. Whichever came last would decide over it, so none of them has it.
    fn contested_note(&self, id: Id<M>, mut keys: Vec<&Key>) -> Note {
        keys.sort();
        let subject = keys.first().map_or_else(String::new, |key| self.subject(key));
        let named: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
        let text = format!("{} stand for one object, the {} {id}.", named.join(" and "), self.kind.noun());
        let note = Note::new(Weight::Blocking, NoteCode::Ambiguous, subject, text);
        note.help("Leave the object to one key: correct `id` or `previously` of the others, or remove them.")
    }

    /// Live objects no key speaks for, by slot.
    fn free_objects(&self, taken: &Indexed<Id<M>>) -> BTreeMap<Slot, Vec<Id<M>>> {
        let archived: BTreeSet<Id<M>> =
            self.bindings.values().filter(|b| b.state == BindingState::Archived).map(|b| b.id).collect();
        let mut by_slot: BTreeMap<Slot, Vec<Id<M>>> = BTreeMap::new();
        for (id, live) in &self.live {
            if live.adoptable && !taken.contains(id) && !archived.contains(id) {
                by_slot.entry(live.seat.slot()).or_default().push(*id);
            }
        }
        by_slot.values_mut().for_each(|ids| ids.sort());
        by_slot
    }

    /// What a key nobody has bound yet stands for, of the live objects with the same slot.
    fn by_slot(
        &self,
        wanted: &Wanted<'_, Id<M>>,
        candidates: Option<&[Id<M>]>,
        rivals: usize,
        notes: &mut Vec<Note>,
    ) -> BySlot<M> {
        let subject = self.subject(wanted.key);
        let (Some(candidates), Some(seat)) = (candidates, &wanted.seat) else {
            let text = "Its category is not settled, so neither is this.";
            notes.push(Note::new(Weight::Warning, NoteCode::Dependent, subject, text));
            return BySlot::Blocked;
        };
        let certainly_new = *wanted.previously == Previously::Keys(Vec::new());
        match candidates {
            _ if certainly_new => BySlot::New,
            [] if self.complete || seat.is_in_the_new() => BySlot::New,
            [] => {
                let text =
                    format!("The bot cannot tell whether this {} exists where it cannot look.", self.kind.noun());
                let help = "Give the bot Administrator, pin the key with `id`, or say `previously: []` if it is certainly new.";
                notes.push(Note::new(Weight::Warning, NoteCode::Hidden, subject, text).help(help));
                BySlot::Blocked
            }
            [only] if rivals == 1 => BySlot::Is(*only),
            several => {
                let ids = several.iter().map(|id| format!("\"{id}\"")).collect::<Vec<_>>().join(", ");
                let text = format!(
                    "{rivals} key(s) and {} live objects have this kind, place and name: {ids}.",
                    several.len()
                );
                let note = Note::new(Weight::Blocking, NoteCode::Ambiguous, subject, text);
                notes.push(note.help("Pin the key with `id`, or say `previously: []` to make a new one."));
                BySlot::Blocked
            }
        }
    }

    fn tell_adoption(
        &self,
        wanted: &Wanted<'_, Id<M>>,
        id: Id<M>,
        vanished: &[Vanished<Id<M>>],
        notes: &mut Vec<Note>,
    ) {
        let called = self.live.get(&id).map_or_else(String::new, |live| live.seat.called());
        let (code, text) = match vanished.iter().find(|v| v.id == id) {
            Some(old) => (NoteCode::Renamed, format!("Takes over {called} ({id}) from the key `{}`.", old.key)),
            None => (NoteCode::Adopted, format!("Adopts {called} ({id}), which was there already.")),
        };
        notes.push(Note::new(Weight::Info, code, self.subject(wanted.key), text));
    }

    /// Bound keys the manifest no longer has, with objects that still live.
    fn vanished(
        &self,
        taken: &Indexed<Id<M>>,
        joined: &Index<Key, Ref<M>>,
        found: &mut Identities,
    ) -> Vec<Vanished<Id<M>>> {
        let unspoken = |key: &Key, id: &Id<M>| !joined.contains_key(key) && !taken.contains(id);
        let left: Vec<_> = self.bindings.iter().filter(|(key, binding)| unspoken(key, &binding.id)).collect();
        let mut vanished = Vec::new();
        if left.is_empty() {
            return vanished;
        }
        let wanted: BTreeSet<&Key> = self.wanted.iter().map(|w| w.key).collect();
        for (key, binding) in left.into_iter().filter(|(key, _)| !wanted.contains(key)) {
            let Binding { id, provenance: _, state, protected, name_echo: _ } = binding;
            match *state {
                BindingState::Archived => {}
                BindingState::Active if self.is_archive(key) => {}
                BindingState::Active if self.live.contains_key(id) => {
                    vanished.push(Vanished { key: key.clone(), id: *id, protected: *protected });
                }
                BindingState::Active if self.complete => {
                    found.changes.push(BindingChange::Release { kind: self.kind, key: key.clone() });
                }
                BindingState::Active => {
                    let text =
                        format!("The {} {id} left the manifest but is hidden from the bot, or gone.", self.kind.noun());
                    found.notes.push(Note::new(Weight::Warning, NoteCode::Hidden, self.subject(key), text));
                }
            }
        }
        vanished
    }

    /// A new key and a vanished one of the same kind and parent may be one object. Then neither is touched.
    fn is_possible_rename(
        &self,
        wanted: &Wanted<'_, Id<M>>,
        vanished: &mut Vec<Vanished<Id<M>>>,
        notes: &mut Vec<Note>,
    ) -> bool {
        if *wanted.previously != Previously::Unsaid || self.bindings.contains_key(wanted.key) {
            return false;
        }
        let place = wanted.seat.as_ref().map(|seat| &seat.place);
        let fits = |v: &Vanished<Id<M>>| {
            self.live.get(&v.id).is_some_and(|live| live.adoptable && Some(&live.seat.place) == place)
        };
        let twin = vanished.iter().position(fits);
        let Some(twin) = twin.map(|index| vanished.remove(index)) else { return false };
        let text = format!(
            "`{}` is new while `{}` is gone, and both are of one kind and place: a rename?",
            wanted.key, twin.key
        );
        let help = format!(
            "Write `previously: [{}]` under `{}` if it is the same {}, or `previously: []` if it is not.",
            twin.key,
            wanted.key,
            self.kind.noun()
        );
        notes.push(Note::new(Weight::Blocking, NoteCode::PossibleRename, self.subject(wanted.key), text).help(help));
        true
    }

    /// Writes down a binding that is new or says something new. `own` is what the key is bound to so far.
    fn bind(
        &self,
        key: &Key,
        own: Option<&Binding<Id<M>>>,
        id: Id<M>,
        provenance: Provenance,
        changes: &mut Vec<BindingChange>,
    ) {
        let protected = self.policy.protects(self.kind.section(), key.as_str());
        let known =
            own.is_some_and(|old| old.id == id && old.protected == protected && old.state == BindingState::Active);
        if !known {
            changes.push(BindingChange::Bind {
                kind: self.kind,
                key: key.clone(),
                id: id.to_string(),
                provenance,
                protected,
            });
        }
    }

    /// Releases old keys whose objects another key has now.
    fn release(&self, vanished: &[Vanished<Id<M>>], joined: &Index<Key, Ref<M>>, changes: &mut Vec<BindingChange>) {
        let left: Vec<_> = self.bindings.iter().filter(|(key, _)| !joined.contains_key(*key)).collect();
        if left.is_empty() {
            return;
        }
        let ids: BTreeSet<Id<M>> = joined.values().filter_map(Ref::id).collect();
        for (key, binding) in left {
            if ids.contains(&binding.id) && !vanished.iter().any(|v| v.key == *key) {
                changes.push(BindingChange::Release { kind: self.kind, key: key.clone() });
            }
        }
    }

    /// The archive category made by an earlier plan belongs to no manifest and stays.
    fn is_archive(&self, key: &Key) -> bool {
        self.kind == ObjectKind::Category && *key == Key::archive()
    }

    fn subject(&self, key: &Key) -> String {
        format!("{}.{key}", self.kind.section())
    }
}

enum ByWord<M> {
    Is(Id<M>, Provenance),
    Unknown,
    Blocked,
}

enum BySlot<M> {
    Is(Id<M>),
    New,
    Blocked,
}
