//! What becomes of live objects the manifest does not have.

use std::collections::BTreeSet;

use crate::manifest::{OnRemove, Policy, Prune};
use crate::model::{
    Channel, ChannelId, ChannelRef, Guild, Key, ObjectKind, Overwrite, Overwrites, Permissions, Ref, Role, RoleId,
    RoleRef, Snapshot, Target,
};

use super::adopt::{Identities, Vanished};
use super::note::{Note, NoteCode, Weight};
use super::operation::BindingChange;
use super::resolve::Desired;

/// Everything that is removed, archived or let go.
#[derive(Clone, Debug, Default)]
pub(super) struct Removals {
    pub(super) archived: Vec<(Option<Key>, Channel)>,
    pub(super) deleted_channels: Vec<(Option<Key>, Channel)>,
    pub(super) deleted_categories: Vec<(Option<Key>, Channel)>,
    pub(super) deleted_roles: Vec<(Option<Key>, Role)>,
    /// Where archived channels go; it is created when it is only planned.
    pub(super) archive: Option<ChannelRef>,
    pub(super) changes: Vec<BindingChange>,
    pub(super) notes: Vec<Note>,
}

impl Removals {
    /// The roles that are deleted, as overwrites name them.
    pub(super) fn deleted_targets(&self) -> Vec<Target> {
        self.deleted_roles.iter().map(|(_, role)| Target::Role(role.id.clone())).collect()
    }

    /// True when a channel stays in the category after the plan.
    pub(super) fn keeps_children(&self, category: &Channel, live: &Guild, desired: &Desired<'_>) -> bool {
        let leaves = |child: &Channel| {
            let removed = [&self.archived, &self.deleted_channels];
            let is_removed = removed.into_iter().flatten().any(|(_, c)| c.id == child.id);
            let wanted = desired.channels.iter().find(|w| w.id == child.id);
            is_removed || wanted.is_some_and(|w| w.to.parent.as_ref() != Some(&category.id))
        };
        live.children(&category.id).any(|child| !leaves(child))
    }

    /// Tells of every channel that goes to the archive.
    pub(super) fn tell_archived(&mut self) {
        let text = "Moves to the archive, where only administrators see it. Nothing is lost.";
        let note = |(key, channel): &(Option<Key>, Channel)| {
            let name = key.as_ref().map_or(channel.attributes.name.as_str(), Key::as_str);
            Note::new(Weight::Info, NoteCode::Archived, format!("channels.{name}"), text)
        };
        self.notes.extend(self.archived.iter().map(note));
    }

    /// True when nothing is removed or archived.
    pub(super) fn is_empty(&self) -> bool {
        self.archived.is_empty()
            && self.deleted_channels.is_empty()
            && self.deleted_categories.is_empty()
            && self.deleted_roles.is_empty()
    }
}

/// Overwrites under which only administrators and the bot see a channel. `held` is what the bot holds in the guild when it
/// writes them: it can give nothing else.
pub(super) fn hidden_overwrites(snapshot: &Snapshot, held: Permissions) -> Overwrites {
    let everyone = Target::Role(RoleRef::Live(snapshot.guild.everyone_id()));
    let hide = Overwrite { allow: Permissions::NONE, deny: Permissions::VIEW_CHANNEL };
    let mut overwrites = Overwrites::from_iter([(everyone, hide)]);
    if let Some(bot) = snapshot.bot.known()
        && !held.contains(Permissions::ADMINISTRATOR)
    {
        // Without this the bot could never touch the channel again.
        let keep = Permissions::VIEW_CHANNEL | Permissions::CONNECT | Permissions::MANAGE_CHANNELS;
        overwrites.set(Target::Member(bot.user), Overwrite { allow: keep & held, deny: Permissions::NONE });
    }
    overwrites
}

/// Decides over every object the manifest does not have.
pub(super) fn remove(live: &Guild, ids: &Identities, desired: &Desired<'_>, policy: &Policy) -> Removals {
    let mut remover = Remover { live, ids, policy, removals: Removals::default() };
    if policy.prune == Prune::None {
        remover.let_everything_go();
        return remover.removals;
    }
    let unbound = policy.prune == Prune::All;
    remover.roles(unbound);
    remover.channels(unbound);
    remover.categories(unbound, desired);
    if !remover.removals.archived.is_empty() {
        remover.removals.archive.clone_from(&ids.archive);
    }
    remover.removals
}

const LET_IT_SEE: &str = "Give the bot's role `view_channel` there, or Administrator in the guild.";

struct Remover<'a> {
    live: &'a Guild,
    ids: &'a Identities,
    policy: &'a Policy,
    removals: Removals,
}

impl Remover<'_> {
    fn let_everything_go(&mut self) {
        let vanished = |kind: ObjectKind, keys: Vec<&Key>| -> Vec<(ObjectKind, Key)> {
            keys.into_iter().map(|key| (kind, key.clone())).collect()
        };
        let all = [
            vanished(ObjectKind::Role, self.ids.vanished_roles.iter().map(|v| &v.key).collect()),
            vanished(ObjectKind::Category, self.ids.vanished_categories.iter().map(|v| &v.key).collect()),
            vanished(ObjectKind::Channel, self.ids.vanished_channels.iter().map(|v| &v.key).collect()),
        ];
        for (kind, key) in all.concat() {
            let text = "Left the manifest and stays, because the policy prunes nothing.";
            self.note(Weight::Info, NoteCode::Forgotten, kind, &key, text);
        }
    }

    fn roles(&mut self, unbound: bool) {
        let mut candidates: Vec<(Option<Vanished<RoleId>>, &Role)> = Vec::new();
        let bound: BTreeSet<RoleId> = self.ids.roles.values().filter_map(Ref::id).collect();
        for role in &self.live.roles {
            let Some(id) = role.id.id() else { continue };
            let vanished = self.ids.vanished_roles.iter().find(|v| v.id == id).cloned();
            let prunable = unbound && !bound.contains(&id) && role.is_ours_to_delete();
            if vanished.is_some() || prunable {
                candidates.push((vanished, role));
            }
        }
        for (vanished, role) in candidates {
            let name = vanished.as_ref().map_or(role.attributes.name.as_str(), |v| v.key.as_str()).to_owned();
            let key = vanished.as_ref().map(|v| v.key.clone());
            if self.keeps_protected(ObjectKind::Role, &name, vanished.is_some_and(|v| v.protected)) {
                continue;
            }
            match (self.policy.on_remove, role.is_ours_to_delete()) {
                // Discord makes and removes these, so nobody loses sight of anything.
                (_, false) => {
                    self.removals.changes.extend(key.map(|key| BindingChange::Release { kind: ObjectKind::Role, key }));
                }
                (OnRemove::Delete, true) => self.removals.deleted_roles.push((key, role.clone())),
                (OnRemove::Archive | OnRemove::Forget, true) => {
                    let text = "Left the manifest. The role stays in Discord and is no longer managed (`on_remove: delete` deletes roles).";
                    self.forget(ObjectKind::Role, key, &name, NoteCode::Forgotten, text);
                }
            }
        }
    }

    fn channels(&mut self, unbound: bool) {
        let archive = self.ids.archive.as_ref();
        let mut is_archive_missed = false;
        let bound: BTreeSet<ChannelId> = self.ids.channels.values().filter_map(Ref::id).collect();
        for channel in self.live.channels.iter().filter(|c| !c.is_category()) {
            let Some(id) = channel.id.id() else { continue };
            let vanished = self.ids.vanished_channels.iter().find(|v| v.id == id);
            let is_archived = archive.is_some() && channel.attributes.parent.as_ref() == archive;
            if vanished.is_none() && !(unbound && !bound.contains(&id) && !is_archived) {
                continue;
            }
            let key = vanished.map(|v| v.key.clone());
            let name = key.as_ref().map_or(channel.attributes.name.as_str(), Key::as_str).to_owned();
            if self.keeps_protected(ObjectKind::Channel, &name, vanished.is_some_and(|v| v.protected)) {
                continue;
            }
            match self.policy.on_remove {
                OnRemove::Archive if archive.is_none() => is_archive_missed = true,
                OnRemove::Archive => self.removals.archived.push((key, channel.clone())),
                OnRemove::Delete => self.removals.deleted_channels.push((key, channel.clone())),
                OnRemove::Forget => {
                    let text = "Left the manifest. The channel stays in Discord and is no longer managed.";
                    self.forget(ObjectKind::Channel, key, &name, NoteCode::Forgotten, text);
                }
            }
        }
        if is_archive_missed {
            let text = "Nothing is archived: the archive is hidden from the bot, or gone. It is not made again.";
            let note = Note::new(Weight::Warning, NoteCode::Hidden, "categories.archive", text);
            self.removals.notes.push(note.help(LET_IT_SEE));
        }
    }

    /// Categories hold no messages, so archiving one means deleting it, once nobody else's channels are in it.
    fn categories(&mut self, unbound: bool, desired: &Desired<'_>) {
        let archive = self.ids.archive.as_ref();
        let bound: BTreeSet<ChannelId> = self.ids.categories.values().filter_map(Ref::id).collect();
        for category in self.live.channels.iter().filter(|c| c.is_category() && Some(&c.id) != archive) {
            let Some(id) = category.id.id() else { continue };
            let vanished = self.ids.vanished_categories.iter().find(|v| v.id == id);
            if vanished.is_none() && (bound.contains(&id) || !unbound) {
                continue;
            }
            let key = vanished.map(|v| v.key.clone());
            let name = key.as_ref().map_or(category.attributes.name.as_str(), Key::as_str).to_owned();
            if self.keeps_protected(ObjectKind::Category, &name, vanished.is_some_and(|v| v.protected)) {
                continue;
            }
            if self.policy.on_remove == OnRemove::Forget {
                let text = "Left the manifest. The category stays in Discord and is no longer managed.";
                self.forget(ObjectKind::Category, key, &name, NoteCode::Forgotten, text);
            } else if self.removals.keeps_children(category, self.live, desired) {
                let text = "Left the manifest, but stays while channels that are not managed are in it.";
                self.named_note(Weight::Warning, NoteCode::ForeignChildren, ObjectKind::Category, &name, text);
            } else if !self.ids.sees_all {
                let text = "Left the manifest, but stays: a channel that is hidden from the bot may be in it.";
                let note = Note::new(Weight::Warning, NoteCode::Hidden, format!("categories.{name}"), text);
                self.removals.notes.push(note.help("Give the bot Administrator, or delete the category in Discord."));
            } else {
                self.removals.deleted_categories.push((key, category.clone()));
            }
        }
    }

    fn keeps_protected(&mut self, kind: ObjectKind, name: &str, remembered: bool) -> bool {
        let protected = remembered || self.policy.protects(kind.section(), name);
        if protected {
            let text = "Left the manifest, but is protected, so it stays.";
            let subject = format!("{}.{name}", kind.section());
            let help =
                format!("To remove it, first put it back without `protect: [{subject}]`, apply, then remove it.");
            self.removals.notes.push(Note::new(Weight::Warning, NoteCode::Protected, subject, text).help(help));
        }
        protected
    }

    fn forget(&mut self, kind: ObjectKind, key: Option<Key>, name: &str, code: NoteCode, text: &str) {
        // Without a key there was nothing to forget: the object was never ours.
        if let Some(key) = key {
            self.removals.changes.push(BindingChange::Release { kind, key });
            self.named_note(Weight::Info, code, kind, name, text);
        }
    }

    fn note(&mut self, weight: Weight, code: NoteCode, kind: ObjectKind, key: &Key, text: &str) {
        self.named_note(weight, code, kind, key.as_str(), text);
    }

    fn named_note(&mut self, weight: Weight, code: NoteCode, kind: ObjectKind, name: &str, text: &str) {
        self.removals.notes.push(Note::new(weight, code, format!("{}.{name}", kind.section()), text));
    }
}
