//! Which live object each key stands for. Knows nothing of what should change in them.
//!
//! A binding decides; then what the manifest says (`id`, `previously`); then, for a key nobody has seen before, the one
//! live object of the same kind, parent and name. An object that could merely not be seen is never taken for absent.

use std::collections::{BTreeMap, BTreeSet};

use twilight_model::id::Id;

use crate::manifest::{ChannelSpec, Manifest, Policy, Previously, RoleSpec};
use crate::model::{
    Binding, BindingState, Bindings, ChannelId, ChannelKind, ChannelRef, Key, KindBindings, ObjectKind, Provenance,
    Ref, RoleId, RoleRef, Snapshot, Visibility, normalise_channel_name,
};

use super::note::{Note, NoteCode, Weight};
use super::operation::BindingChange;

/// The answer for a whole guild. A key that is missing here is not planned, and a note says why.
#[derive(Clone, Debug, Default)]
pub(super) struct Identities {
    pub(super) roles: BTreeMap<Key, RoleRef>,
    pub(super) categories: BTreeMap<Key, ChannelRef>,
    pub(super) channels: BTreeMap<Key, ChannelRef>,
    /// Keys that left the manifest while their objects live on.
    pub(super) vanished_roles: Vec<Vanished<RoleId>>,
    pub(super) vanished_categories: Vec<Vanished<ChannelId>>,
    pub(super) vanished_channels: Vec<Vanished<ChannelId>>,
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
    let mut found = Identities::default();

    let roles = role_space(manifest, snapshot, bindings, policy);
    let (ids, vanished) = roles.join(&mut found);
    found.roles = ids;
    found.roles.insert(Key::everyone(), Ref::Live(snapshot.guild.everyone_id()));
    found.vanished_roles = vanished;

    let categories = channel_space(ObjectKind::Category, manifest, snapshot, bindings, policy, &found.categories);
    let (ids, vanished) = categories.join(&mut found);
    found.categories = ids;
    found.vanished_categories = vanished;

    let channels = channel_space(ObjectKind::Channel, manifest, snapshot, bindings, policy, &found.categories);
    let (ids, vanished) = channels.join(&mut found);
    found.channels = ids;
    found.vanished_channels = vanished;

    found
}

/// What each key stands for, and the keys that are gone.
type Joined<M> = (BTreeMap<Key, Ref<M>>, Vec<Vanished<Id<M>>>);

/// What tells objects apart that nobody has bound: the same slot means the same object.
type Slot = (String, String);

/// One name space while its keys are joined.
struct Space<'a, I> {
    kind: ObjectKind,
    bindings: &'a KindBindings<I>,
    policy: &'a Policy,
    wanted: Vec<Wanted<I>>,
    live: BTreeMap<I, Live>,
    /// Every object of this kind was shown.
    complete: bool,
}

/// What the manifest says of a key.
struct Wanted<I> {
    key: Key,
    pin: Option<I>,
    previously: Previously,
    /// None when its parent is itself not settled.
    slot: Option<Slot>,
    /// Its parent does not exist yet, so it cannot exist either.
    parent_is_new: bool,
}

/// A live object that could be bound.
struct Live {
    slot: Slot,
    adoptable: bool,
    called: String,
}

fn role_space<'a>(
    manifest: &Manifest,
    snapshot: &Snapshot,
    bindings: &'a Bindings,
    policy: &'a Policy,
) -> Space<'a, RoleId> {
    let everyone = snapshot.guild.everyone_id();
    let wanted = manifest.roles.iter().filter(|(key, _)| !key.is_everyone()).map(|(key, spec)| {
        let RoleSpec { id, previously, attributes } = spec;
        let name = attributes.name.as_deref().unwrap_or(key.as_str());
        let slot = Some((String::new(), name.to_owned()));
        Wanted { key: key.clone(), pin: *id, previously: previously.clone(), slot, parent_is_new: false }
    });
    let live = snapshot.guild.roles.iter().filter_map(|role| {
        let id = role.id.id().filter(|id| *id != everyone)?;
        let slot = (String::new(), role.attributes.name.clone());
        Some((id, Live { slot, adoptable: role.is_ours_to_delete(), called: role.attributes.name.clone() }))
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
    manifest: &Manifest,
    snapshot: &Snapshot,
    bindings: &'a Bindings,
    policy: &'a Policy,
    categories: &BTreeMap<Key, ChannelRef>,
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
        let parent_key = attributes.parent.as_ref().and_then(Option::as_ref);
        let parent = parent_key.map(|parent| settled(parent, categories));
        let slot = match &parent {
            None => Some(slot_of(kind, None, name)),
            Some(Some(parent)) => Some(slot_of(kind, Some(parent), name)),
            Some(None) => None,
        };
        let parent_is_new = matches!(parent, Some(Some(Ref::Planned(_))));
        Wanted { key: key.clone(), pin: *id, previously: previously.clone(), slot, parent_is_new }
    });
    let live = snapshot.guild.channels.iter().filter(|c| c.is_category() == is_category).filter_map(|channel| {
        let attributes = &channel.attributes;
        let slot = slot_of(attributes.kind, attributes.parent.as_ref(), &attributes.name);
        let live = Live { slot, adoptable: true, called: format!("#{}", attributes.name) };
        channel.id.id().map(|id| (id, live))
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

fn settled(parent: &ChannelRef, categories: &BTreeMap<Key, ChannelRef>) -> Option<ChannelRef> {
    match parent {
        Ref::Live(id) => Some(Ref::Live(*id)),
        Ref::Planned(key) => categories.get(key).cloned(),
    }
}

/// Text and announcement channels can become each other, so they are told apart by name alone.
fn slot_of(kind: ChannelKind, parent: Option<&ChannelRef>, name: &str) -> Slot {
    let family = if kind == ChannelKind::Announcement { ChannelKind::Text } else { kind };
    let place = format!("{}/{}", family.number(), parent.map_or_else(String::new, ToString::to_string));
    (place, normalise_channel_name(kind, name))
}

impl<M> Space<'_, Id<M>>
where
    Id<M>: Ord + Copy,
{
    fn join(self, found: &mut Identities) -> Joined<M> {
        let mut joined: BTreeMap<Key, Ref<M>> = BTreeMap::new();
        let mut taken: BTreeSet<Id<M>> = BTreeSet::new();
        let mut unbound = Vec::new();
        for wanted in &self.wanted {
            match self.by_word(wanted, &mut found.notes) {
                ByWord::Is(id, provenance) => {
                    taken.insert(id);
                    self.bind(&wanted.key, id, provenance, &mut found.changes);
                    joined.insert(wanted.key.clone(), Ref::Live(id));
                }
                ByWord::Blocked => {}
                ByWord::Unknown => unbound.push(wanted),
            }
        }
        let vanished = self.vanished(&taken, &joined, found);
        let by_slot = self.free_objects(&taken);
        let mut created = Vec::new();
        let mut rivals: BTreeMap<&Slot, usize> = BTreeMap::new();
        for slot in unbound.iter().filter_map(|wanted| wanted.slot.as_ref()) {
            *rivals.entry(slot).or_default() += 1;
        }
        for wanted in &unbound {
            let rivals = wanted.slot.as_ref().and_then(|slot| rivals.get(slot)).copied().unwrap_or_default();
            match self.by_slot(wanted, &by_slot, rivals, &mut found.notes) {
                BySlot::Is(id) => {
                    taken.insert(id);
                    self.bind(&wanted.key, id, Provenance::Adopted, &mut found.changes);
                    self.tell_adoption(wanted, id, &vanished, &mut found.notes);
                    joined.insert(wanted.key.clone(), Ref::Live(id));
                }
                BySlot::New => created.push(*wanted),
                BySlot::Blocked => {}
            }
        }
        let mut vanished: Vec<_> = vanished.into_iter().filter(|v| !taken.contains(&v.id)).collect();
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
    fn by_word(&self, wanted: &Wanted<Id<M>>, notes: &mut Vec<Note>) -> ByWord<M> {
        let subject = self.subject(&wanted.key);
        if let Some(pin) = wanted.pin {
            if self.live.contains_key(&pin) {
                return ByWord::Is(pin, Provenance::Pinned);
            }
            let note = Note::new(
                Weight::Blocking,
                NoteCode::BadPin,
                &subject,
                format!("`id: \"{pin}\"` is no {} the bot can see in this guild.", self.kind.noun()),
            );
            notes.push(note.help("Correct the id, remove it, or let the bot see the object."));
            return ByWord::Blocked;
        }
        let old_keys = match &wanted.previously {
            Previously::Unsaid => &[][..],
            Previously::Keys(keys) => keys,
        };
        let binding = std::iter::once(&wanted.key).chain(old_keys).find_map(|key| self.bindings.get(key));
        let Some(Binding { id, provenance, state: _, protected: _, name_echo: _ }) = binding else {
            return ByWord::Unknown;
        };
        if self.live.contains_key(id) {
            return ByWord::Is(*id, *provenance);
        }
        if !self.complete {
            let text = format!("The {} {id} is hidden from the bot, or gone. It is not made again.", self.kind.noun());
            let help = "Give the bot's role `view_channel` there, or Administrator in the guild.";
            notes.push(Note::new(Weight::Warning, NoteCode::Hidden, subject, text).help(help));
            return ByWord::Blocked;
        }
        let text = format!("The {} {id} was deleted in Discord; a new one takes its place.", self.kind.noun());
        notes.push(Note::new(Weight::Info, NoteCode::DeletedByHand, subject, text));
        ByWord::Unknown
    }

    /// Live objects no key speaks for, by slot.
    fn free_objects(&self, taken: &BTreeSet<Id<M>>) -> BTreeMap<&Slot, Vec<Id<M>>> {
        let archived: BTreeSet<Id<M>> =
            self.bindings.values().filter(|b| b.state == BindingState::Archived).map(|b| b.id).collect();
        let mut by_slot: BTreeMap<&Slot, Vec<Id<M>>> = BTreeMap::new();
        for (id, live) in &self.live {
            if live.adoptable && !taken.contains(id) && !archived.contains(id) {
                by_slot.entry(&live.slot).or_default().push(*id);
            }
        }
        by_slot
    }

    /// What a key nobody has bound yet stands for.
    fn by_slot(
        &self,
        wanted: &Wanted<Id<M>>,
        free: &BTreeMap<&Slot, Vec<Id<M>>>,
        rivals: usize,
        notes: &mut Vec<Note>,
    ) -> BySlot<M> {
        let subject = self.subject(&wanted.key);
        let Some(slot) = &wanted.slot else {
            let text = "Its category is not settled, so neither is this.";
            notes.push(Note::new(Weight::Warning, NoteCode::Dependent, subject, text));
            return BySlot::Blocked;
        };
        let certainly_new = wanted.previously == Previously::Keys(Vec::new());
        match free.get(slot).map_or(&[][..], Vec::as_slice) {
            _ if certainly_new => BySlot::New,
            [] if self.complete || wanted.parent_is_new => BySlot::New,
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

    fn tell_adoption(&self, wanted: &Wanted<Id<M>>, id: Id<M>, vanished: &[Vanished<Id<M>>], notes: &mut Vec<Note>) {
        let called = self.live.get(&id).map_or("", |live| live.called.as_str());
        let (code, text) = match vanished.iter().find(|v| v.id == id) {
            Some(old) => (NoteCode::Renamed, format!("Takes over {called} ({id}) from the key `{}`.", old.key)),
            None => (NoteCode::Adopted, format!("Adopts {called} ({id}), which was there already.")),
        };
        notes.push(Note::new(Weight::Info, code, self.subject(&wanted.key), text));
    }

    /// Bound keys the manifest no longer has, with objects that still live.
    fn vanished(
        &self,
        taken: &BTreeSet<Id<M>>,
        joined: &BTreeMap<Key, Ref<M>>,
        found: &mut Identities,
    ) -> Vec<Vanished<Id<M>>> {
        let wanted: BTreeSet<&Key> = self.wanted.iter().map(|w| &w.key).collect();
        let mut vanished = Vec::new();
        for (key, binding) in self.bindings {
            let Binding { id, provenance: _, state, protected, name_echo: _ } = binding;
            let spoken_for = joined.contains_key(key) || wanted.contains(key) || taken.contains(id);
            match (spoken_for, *state) {
                (true, _) | (_, BindingState::Archived) => {}
                (false, BindingState::Active) if self.is_archive(key) => {}
                (false, BindingState::Active) if self.live.contains_key(id) => {
                    vanished.push(Vanished { key: key.clone(), id: *id, protected: *protected });
                }
                (false, BindingState::Active) if self.complete => {
                    found.changes.push(BindingChange::Release { kind: self.kind, key: key.clone() });
                }
                (false, BindingState::Active) => {
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
        wanted: &Wanted<Id<M>>,
        vanished: &mut Vec<Vanished<Id<M>>>,
        notes: &mut Vec<Note>,
    ) -> bool {
        if wanted.previously != Previously::Unsaid || self.bindings.contains_key(&wanted.key) {
            return false;
        }
        let place = wanted.slot.as_ref().map(|slot| &slot.0);
        let fits = |v: &Vanished<Id<M>>| {
            self.live.get(&v.id).is_some_and(|live| live.adoptable && Some(&live.slot.0) == place)
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
        notes.push(Note::new(Weight::Blocking, NoteCode::PossibleRename, self.subject(&wanted.key), text).help(help));
        true
    }

    /// Writes down a binding that is new or says something new.
    fn bind(&self, key: &Key, id: Id<M>, provenance: Provenance, changes: &mut Vec<BindingChange>) {
        let protected = self.policy.protects(self.kind.section(), key.as_str());
        let known = self
            .bindings
            .get(key)
            .is_some_and(|old| old.id == id && old.protected == protected && old.state == BindingState::Active);
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
    fn release(&self, vanished: &[Vanished<Id<M>>], joined: &BTreeMap<Key, Ref<M>>, changes: &mut Vec<BindingChange>) {
        let ids: BTreeSet<Id<M>> = joined.values().filter_map(Ref::id).collect();
        for (key, binding) in self.bindings {
            let taken_over = ids.contains(&binding.id) && !joined.contains_key(key);
            if taken_over && !vanished.iter().any(|v| v.key == *key) {
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
