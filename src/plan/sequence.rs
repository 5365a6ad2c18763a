//! Puts what has to change into steps, in an order in which no moment is more open than before or after.
//!
//! Why this order is safe is said at [`Phase`]. Knows nothing of what the bot may do or people allow.

mod followers;
mod outlook;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::manifest::Policy;
use crate::model::{
    Change, Channel, ChannelAttributes, ChannelId, ChannelKind, ChannelPatch, ChannelRef, Guild, Index, Key,
    ObjectKind, Overwrite, Overwrites, Permissions, Ref, Role, RoleAttributes, RolePatch, RoleRef, SettingsPatch,
    Snapshot, Target,
};

use super::ability::{Bot, take_long_topic};
use super::arrange::{Placed, RoleMoves, channel_moves, role_moves};
use super::note::{Note, NoteCode, Weight};
use super::operation::{BindingChange, ChannelSubject, Move, Operation, Phase, RoleSubject, Step, StepId};
use super::remove::{Removals, hidden_overwrites};
use super::resolve::{Desired, WantedChannel, WantedRole};
use followers::Followers;
pub(super) use followers::harmless_denial;
use outlook::{remove_from, shaped};

/// The steps of a plan and the guild they lead to.
pub(super) struct Sequence<'a> {
    pub(super) steps: Vec<Step>,
    pub(super) after: Cow<'a, Guild>,
    pub(super) notes: Vec<Note>,
}

/// Everything the order depends on.
pub(super) struct Parts<'a> {
    pub(super) snapshot: &'a Snapshot,
    /// The live guild, without dangling overwrites.
    pub(super) live: &'a Guild,
    pub(super) desired: &'a Desired<'a>,
    pub(super) removals: &'a Removals,
    pub(super) policy: &'a Policy,
    /// None when the bot could not be read.
    pub(super) bot: Option<&'a Bot<'a>>,
}

/// Orders everything.
pub(super) fn sequence<'a>(parts: &Parts<'a>) -> Sequence<'a> {
    let unchanged = parts.desired.is_live(&parts.live.settings) && parts.removals.is_empty();
    let shaped = if unchanged { Cow::Borrowed(parts.live) } else { Cow::Owned(shaped(parts)) };
    let (shaped, after) = match parts.removals.is_empty() {
        true => (None, shaped),
        false => {
            let mut after = shaped.clone();
            remove_from(after.to_mut(), parts);
            (Some(shaped), after)
        }
    };
    let mut builder = Builder {
        parts,
        live: parts.live.channels_by_id(),
        shaped: shaped.as_deref().unwrap_or(&after),
        after: &after,
        drafts: Vec::new(),
        hides: Vec::new(),
        notes: Vec::new(),
    };
    if !unchanged {
        builder.roles();
        builder.channels();
        builder.settings();
    }
    builder.order_of_roles();
    builder.order_of_channels();
    builder.loosen();
    builder.removals();
    let Builder { drafts, notes, .. } = builder;
    Sequence { steps: numbered(drafts), after, notes }
}

/// True when several requests will change who may do what. One alone is atomic and needs no care.
pub(super) fn is_stepwise(desired: &Desired<'_>, removals: &Removals) -> bool {
    let roles = desired.roles.iter().filter(|r| r.from.is_some_and(|f| f.permissions != r.to.permissions));
    let changed = |c: &&WantedChannel| c.from.is_none_or(|f| f.overwrites != c.to.overwrites);
    let channels = desired.categories.iter().chain(&desired.channels).filter(changed);
    roles.count() + channels.count() + removals.deleted_roles.len() + removals.archived.len() > 1
}

/// A step that has no number yet.
struct Draft {
    phase: Phase,
    operation: Operation,
    bindings: Vec<BindingChange>,
    /// Steps it must follow beyond the objects it names, as indices of drafts.
    follows: Vec<usize>,
}

struct Builder<'a> {
    parts: &'a Parts<'a>,
    /// The channels as they are.
    live: Index<&'a ChannelRef, &'a Channel>,
    /// The guild before anything is removed.
    shaped: &'a Guild,
    after: &'a Guild,
    drafts: Vec<Draft>,
    /// Those that hide what is deleted, before anything opens.
    hides: Vec<usize>,
    notes: Vec<Note>,
}

impl Builder<'_> {
    fn push(&mut self, phase: Phase, operation: Operation) -> usize {
        self.drafts.push(Draft { phase, operation, bindings: Vec::new(), follows: Vec::new() });
        self.drafts.len() - 1
    }

    fn roles(&mut self) {
        let stepwise = is_stepwise(self.parts.desired, self.parts.removals);
        let desired = self.parts.desired;
        for role in &desired.roles {
            match role.from {
                None => self.create_role(role),
                Some(from) => self.update_role(role, from, stepwise),
            }
        }
        if stepwise {
            for (key, role) in &self.parts.removals.deleted_roles {
                self.strip(key.as_ref(), role);
            }
        }
    }

    fn create_role(&mut self, role: &WantedRole<'_>) {
        let index = self.push(
            Phase::Prepare,
            Operation::CreateRole { key: role.key.clone(), role: Box::new(role.to.clone().into_owned()) },
        );
        let bound = self.binds_created(ObjectKind::Role, &role.key);
        self.drafts[index].bindings.push(bound);
    }

    fn binds_created(&self, kind: ObjectKind, key: &Key) -> BindingChange {
        let protected = self.parts.policy.protects(kind.section(), key.as_str());
        BindingChange::BindCreated { kind, key: key.clone(), protected }
    }

    fn update_role(&mut self, role: &WantedRole<'_>, from: &RoleAttributes, stepwise: bool) {
        let patch = from.diff(&role.to);
        let Some(id) = role.id.id().filter(|_| !patch.is_empty()) else { return };
        let subject = RoleSubject { id, key: Some(role.key.clone()), name: from.name.clone() };
        let (lost, gained) =
            (from.permissions.without(role.to.permissions), role.to.permissions.without(from.permissions));
        let update = |changes: RolePatch| Operation::UpdateRole { role: subject.clone(), changes: Box::new(changes) };
        if stepwise && !lost.is_empty() && !gained.is_empty() {
            let kept = from.permissions & role.to.permissions;
            let closing =
                RolePatch { permissions: Some(Change { from: from.permissions, to: kept }), ..RolePatch::default() };
            let opening = RolePatch { permissions: Some(Change { from: kept, to: role.to.permissions }), ..patch };
            self.push(Phase::Close, update(closing));
            self.push(Phase::Open, update(opening));
            return;
        }
        let phase = match (lost.is_empty(), gained.is_empty()) {
            (true, true) => Phase::Prepare,
            (false, true) => Phase::Close,
            (_, false) => Phase::Open,
        };
        self.push(phase, update(patch));
    }

    /// A role that is deleted in the end loses its permissions first, so that no other step can make them count.
    fn strip(&mut self, key: Option<&Key>, role: &Role) {
        let Some(id) = role.id.id().filter(|_| !role.attributes.permissions.is_empty()) else { return };
        let subject = RoleSubject { id, key: key.cloned(), name: role.attributes.name.clone() };
        let change = Change { from: role.attributes.permissions, to: Permissions::NONE };
        let changes = Box::new(RolePatch { permissions: Some(change), ..RolePatch::default() });
        self.push(Phase::Close, Operation::UpdateRole { role: subject, changes });
    }

    fn order_of_roles(&mut self) {
        if self.parts.policy.ignores("roles", "*", "position") {
            return;
        }
        let ceiling = self.parts.bot.and_then(|bot| bot.ceiling);
        let desired = self.parts.desired;
        let wanted: Vec<RoleRef> =
            desired.roles.iter().filter(|r| !r.key.is_everyone()).map(|r| r.id.clone()).collect();
        let created: Vec<(Key, String)> =
            desired.roles.iter().filter(|r| r.from.is_none()).map(|r| (r.key.clone(), r.to.name.clone())).collect();
        match role_moves(self.parts.live, ceiling, &created, &wanted) {
            RoleMoves::Moves(moves) if moves.is_empty() => {}
            RoleMoves::Moves(_) if self.parts.bot.is_some_and(|bot| !bot.orders_roles()) => {
                let text = "The roles stay in their order, because the bot lacks manage_roles.";
                let note = Note::new(Weight::Warning, NoteCode::MissingPermission, "roles", text);
                self.notes.push(note.help("Give the bot's role manage_roles."));
            }
            RoleMoves::Moves(moves) => {
                self.push(Phase::Prepare, Operation::MoveRoles { moves });
            }
            RoleMoves::NoRoom => {
                let text =
                    "The roles cannot be put in order: there are too few positions below the bot's highest role.";
                let note = Note::new(Weight::Warning, NoteCode::AboveBot, "roles", text);
                self.notes.push(note.help("Drag the bot's role to the top of the list in Discord, then plan again."));
            }
        }
    }

    fn channels(&mut self) {
        let desired = self.parts.desired;
        for category in desired.categories.iter().filter(|c| c.from.is_none()) {
            self.create_channel(category);
        }
        self.create_archive();
        self.make_room();
        let followers = Followers::of(self.parts);
        let keys = desired.keys();
        let led = followers.unmanaged.iter().filter_map(|(category, child)| self.cascade_note(&keys, category, child));
        let led: Vec<Note> = led.collect();
        self.notes.extend(led);
        let before = self.before_categories(&followers);
        for category in &desired.categories {
            let patch = category.from.map(|from| from.diff(&category.to)).unwrap_or_default();
            if let Some(index) = self.update_channel(category, patch) {
                self.drafts[index].follows.clone_from(&before);
            }
        }
        self.after_categories(&followers);
        for channel in desired.channels.iter().filter(|c| c.from.is_none() && !self.parts.is_late(c.to.kind)) {
            self.create_channel(channel);
        }
    }

    /// Everything that must not follow its category when that changes: what is removed, what leaves, what stays as it is.
    fn before_categories(&mut self, followers: &Followers) -> Vec<usize> {
        let archived = self.parts.removals.archived.iter();
        let mut before: Vec<usize> =
            archived.filter_map(|(key, channel)| self.archive(key.as_ref(), channel)).collect();
        self.hide_what_is_deleted(followers);
        before.extend(&self.hides);
        let channels = &self.parts.desired.channels;
        for channel in channels.iter().filter(|c| followers.leave_first.contains(&c.id)) {
            let mut patch = channel.from.map(|from| from.diff(&channel.to)).unwrap_or_default();
            if let Some(from) = channel.from.filter(|_| followers.arrive.contains(&channel.id)) {
                let to = self.guarded_overwrites(&channel.to.overwrites);
                patch.overwrites = Some(Change { from: from.overwrites.clone(), to });
            }
            before.extend(self.update_channel(channel, patch));
        }
        for channel in channels.iter().filter(|c| followers.guarded.contains(&c.id)) {
            before.extend(self.guard(channel));
        }
        before
    }

    /// The other channels, and those that were guarded as they should be in the end.
    fn after_categories(&mut self, followers: &Followers) {
        let categories: Vec<usize> = self.updates_of_categories();
        for channel in &self.parts.desired.channels {
            let Some(from) = channel.from else { continue };
            let is_guarded = followers.guarded.contains(&channel.id);
            let patch = if followers.arrive.contains(&channel.id) {
                self.unguard(&channel.to.overwrites, channel)
            } else if followers.leave_first.contains(&channel.id) {
                continue;
            } else if is_guarded {
                ChannelPatch {
                    overwrites: self.unguard(&from.overwrites, channel).overwrites,
                    ..from.diff(&channel.to)
                }
            } else if followers.follow.contains(&channel.id) {
                ChannelPatch { overwrites: None, ..from.diff(&channel.to) }
            } else {
                from.diff(&channel.to)
            };
            if let Some(index) = self.update_channel(channel, patch)
                && (is_guarded || followers.arrive.contains(&channel.id))
            {
                self.drafts[index].follows.clone_from(&categories);
            }
        }
    }

    /// From `guarded`, under guard, to what the channel should have.
    fn unguard(&self, guarded: &Overwrites, channel: &WantedChannel<'_>) -> ChannelPatch {
        let change = Change { from: self.guarded_overwrites(guarded), to: channel.to.overwrites.clone() };
        ChannelPatch { overwrites: Some(change), ..ChannelPatch::default() }
    }

    fn subject(&self, id: ChannelId, key: Option<&Key>, from: &ChannelAttributes) -> ChannelSubject {
        let category = from.parent.as_ref().and_then(|parent| self.live.get(parent));
        let category = category.map(|category| category.attributes.name.clone());
        ChannelSubject { id, key: key.cloned(), name: from.name.clone(), kind: from.kind, category }
    }

    fn updates_of_categories(&self) -> Vec<usize> {
        let is_category = |draft: &Draft| matches!(&draft.operation, Operation::UpdateChannel { channel, .. } if channel.kind == ChannelKind::Category);
        self.drafts.iter().enumerate().filter(|(_, d)| is_category(d)).map(|(index, _)| index).collect()
    }

    fn create_channel(&mut self, channel: &WantedChannel<'_>) -> usize {
        let kind = if channel.to.kind == ChannelKind::Category { ObjectKind::Category } else { ObjectKind::Channel };
        let mut to = channel.to.clone().into_owned();
        to.overwrites = to.overwrites.iter().map(|(target, overwrite)| (target.clone(), *overwrite)).collect();
        if to.overwrites.is_empty() && self.is_in_category_with_overwrites(&to) {
            // Nobody documents whether an empty list means "none" or "those of the category".
            let everyone = Target::Role(RoleRef::Live(self.parts.live.everyone_id()));
            to.overwrites.set(everyone, Overwrite::default());
        }
        let topic = take_long_topic(&mut to);
        let (key, name, of_kind) = (channel.key.clone(), to.name.clone(), to.kind);
        let operation = Operation::CreateChannel { key: key.clone(), channel: Box::new(to) };
        let index = self.push(Phase::Shape, operation);
        let bound = self.binds_created(kind, &channel.key);
        self.drafts[index].bindings.push(bound);
        if let Some(topic) = topic {
            self.push(Phase::Shape, Operation::SetTopic { key, name, kind: of_kind, topic });
        }
        index
    }

    /// True when the channel's category has overwrites at some time, were it of roles that are gone or about to go.
    fn is_in_category_with_overwrites(&self, channel: &ChannelAttributes) -> bool {
        let Some(parent) = channel.parent.as_ref() else { return false };
        let times = [&self.parts.snapshot.guild, self.shaped, self.after];
        times
            .iter()
            .filter_map(|guild| guild.channel(parent))
            .any(|category| !category.attributes.overwrites.is_empty())
    }

    fn update_channel(&mut self, channel: &WantedChannel<'_>, changes: ChannelPatch) -> Option<usize> {
        let (id, from) = (channel.id.id()?, channel.from?);
        // What the guild cannot have yet waits for the settings.
        let is_late = changes.kind.as_ref().is_some_and(|kind| self.parts.is_late(kind.to));
        let changes = if is_late { ChannelPatch { kind: None, ..changes } } else { changes };
        if changes.is_empty() {
            return None;
        }
        let subject = self.subject(id, Some(&channel.key), from);
        Some(self.push(Phase::Shape, Operation::UpdateChannel { channel: subject, changes: Box::new(changes) }))
    }

    /// Takes channels out of a category that are about to leave it, where others could not enter before.
    fn make_room(&mut self) {
        let removals = self.parts.removals;
        let mut there: BTreeMap<&ChannelRef, usize> = BTreeMap::new();
        let mut arrivals: BTreeMap<&ChannelRef, usize> = BTreeMap::new();
        for parent in self.parts.live.channels.iter().filter_map(|c| c.attributes.parent.as_ref()) {
            *there.entry(parent).or_default() += 1;
        }
        let mut leavers: Vec<(&Channel, Option<&Key>)> = Vec::new();
        for wanted in &self.parts.desired.channels {
            let from = wanted.from.map(|from| &from.parent);
            if from == Some(&wanted.to.parent) {
                continue;
            }
            if let Some(to) = &wanted.to.parent {
                *arrivals.entry(to).or_default() += 1;
            }
            leavers.extend(self.live.get(&wanted.id).map(|live| (*live, Some(&wanted.key))));
        }
        if let Some(archive) = &removals.archive {
            *arrivals.entry(archive).or_default() += removals.archived.len();
        }
        let removed = removals.archived.iter().chain(&removals.deleted_channels);
        leavers.extend(removed.map(|(key, channel)| (channel, key.as_ref())));
        for (channel, key) in leavers {
            let Some((id, parent)) = channel.id.id().zip(channel.attributes.parent.as_ref()) else { continue };
            let count = there.get(parent).copied().unwrap_or_default();
            let enter = arrivals.get(parent).copied().unwrap_or_default();
            if enter == 0 || count + enter <= Guild::MAX_CHANNELS_PER_CATEGORY {
                continue;
            }
            there.insert(parent, count - 1);
            let change = Change { from: Some(parent.clone()), to: None };
            let changes = Box::new(ChannelPatch { parent: Some(change), ..ChannelPatch::default() });
            let subject = self.subject(id, key, &channel.attributes);
            self.push(Phase::Shape, Operation::UpdateChannel { channel: subject, changes });
        }
    }

    /// Makes a channel differ from its category by one harmless denial, so that it does not follow the category's change.
    fn guard(&mut self, channel: &WantedChannel<'_>) -> Option<usize> {
        let (id, from) = (channel.id.id()?, channel.from?);
        let to = self.guarded_overwrites(&from.overwrites);
        let change = Change { from: from.overwrites.clone(), to };
        let changes = Box::new(ChannelPatch { overwrites: Some(change), ..ChannelPatch::default() });
        let subject = self.subject(id, Some(&channel.key), from);
        Some(self.push(Phase::Close, Operation::UpdateChannel { channel: subject, changes }))
    }

    fn guarded_overwrites(&self, overwrites: &Overwrites) -> Overwrites {
        let everyone = Target::Role(RoleRef::Live(self.parts.live.everyone_id()));
        let said = overwrites.get(&everyone);
        let bit = self.parts.bot.and_then(|bot| harmless_denial(bot, said));
        let mut guarded = overwrites.clone();
        let mut entry = said;
        // Of what it works with, the bot keeps this one in channels it hides, by an entry of its own.
        entry.deny |= bit.unwrap_or(Permissions::MANAGE_CHANNELS);
        guarded.set(everyone, entry);
        guarded
    }

    fn create_archive(&mut self) {
        let Some(Ref::Planned(key)) = &self.parts.removals.archive else { return };
        if self.parts.desired.categories.iter().any(|c| c.key == *key) {
            return;
        }
        let to = self.parts.archive_category();
        self.create_channel(&WantedChannel {
            key: key.clone(),
            id: Ref::Planned(key.clone()),
            from: None,
            to: Cow::Owned(to),
        });
    }

    fn archive(&mut self, key: Option<&Key>, channel: &Channel) -> Option<usize> {
        let id = channel.id.id()?;
        let mut to = channel.attributes.clone();
        to.parent.clone_from(&self.parts.removals.archive);
        to.overwrites = self.parts.hidden();
        if self.will_change_from(to.parent.as_ref(), &to.overwrites) {
            to.overwrites = self.guarded_overwrites(&to.overwrites);
        }
        let changes = Box::new(channel.attributes.diff(&to));
        let subject = self.subject(id, key, &channel.attributes);
        let index = self.push(Phase::Shape, Operation::UpdateChannel { channel: subject, changes });
        if let Some(key) = key {
            self.drafts[index].bindings.push(BindingChange::Archive { kind: ObjectKind::Channel, key: key.clone() });
        }
        Some(index)
    }

    /// True when these overwrites in that category are what the category is about to change from.
    fn will_change_from(&self, category: Option<&ChannelRef>, overwrites: &Overwrites) -> bool {
        let category = self.parts.desired.categories.iter().find(|c| Some(&c.id) == category);
        let changes = |c: &WantedChannel| {
            c.from.is_some_and(|from| from.overwrites == *overwrites) && c.to.overwrites != *overwrites
        };
        category.is_some_and(changes)
    }

    /// Nobody may gain anything in a channel that is about to be deleted, neither because a role gains nor because its
    /// category opens, however short its life.
    fn hide_what_is_deleted(&mut self, followers: &Followers) {
        let roles_gain = self.roles_gain();
        let hidden = self.parts.hidden();
        for (key, channel) in &self.parts.removals.deleted_channels {
            let Some(id) = channel.id.id() else { continue };
            if !(roles_gain || followers.removed.contains(&channel.id) || self.is_loosened_along(channel)) {
                continue;
            }
            let (parent, from) = (channel.attributes.parent.as_ref(), &channel.attributes.overwrites);
            // What looks like a category that is about to open would open with it, hidden or not.
            let opens = self.will_change_from(parent, &hidden);
            let to = if opens { self.guarded_overwrites(&hidden) } else { hidden.clone() };
            if *from == to {
                continue;
            }
            let change = Change { from: from.clone(), to };
            let changes = Box::new(ChannelPatch { overwrites: Some(change), ..ChannelPatch::default() });
            let subject = self.subject(id, key.as_ref(), &channel.attributes);
            let index = self.push(Phase::Shape, Operation::UpdateChannel { channel: subject, changes });
            self.hides.push(index);
        }
    }

    /// Tells of a channel that changes along with its category although nobody manages it.
    fn cascade_note(&self, keys: &Index<&ChannelRef, &Key>, category: &ChannelRef, child: &ChannelRef) -> Option<Note> {
        let name = |channel: &ChannelRef| Some(self.live.get(channel)?.attributes.name.clone());
        let subject = keys.get(category).map(|key| key.to_string()).or_else(|| name(category))?;
        let text = format!("#{} is not managed but follows this category, so it changes along.", name(child)?);
        Some(Note::new(Weight::Info, NoteCode::Cascade, format!("categories.{subject}"), text))
    }

    fn roles_gain(&self) -> bool {
        self.drafts.iter().any(|draft| draft.phase == Phase::Open)
    }

    /// True when the channel is like its category in the end, and that loses roles that will be deleted.
    fn is_loosened_along(&self, channel: &Channel) -> bool {
        let overwrites = &channel.attributes.overwrites;
        let category = channel.attributes.parent.as_ref().and_then(|parent| self.after.channel(parent));
        let shaped = category.and_then(|category| self.shaped.channel(&category.id));
        shaped.is_some_and(|category| category.attributes.overwrites == *overwrites)
            && interferes(overwrites, &self.parts.removals.deleted_targets(), self.roles_gain())
    }

    /// Takes roles that will be deleted out of channels in which they interfere.
    fn loosen(&mut self) {
        let removals = self.parts.removals;
        if removals.deleted_roles.is_empty() {
            return;
        }
        let gone = removals.deleted_targets();
        let keys = self.parts.desired.keys();
        let roles_gain = self.roles_gain();
        let (categories, others): (Vec<&Channel>, Vec<&Channel>) =
            self.shaped.channels.iter().partition(|channel| channel.is_category());
        let removed = [&removals.archived, &removals.deleted_channels, &removals.deleted_categories];
        let removed: BTreeSet<&ChannelRef> = removed.into_iter().flatten().map(|(_, c)| &c.id).collect();
        let mut leaders: BTreeMap<&ChannelRef, &Overwrites> = BTreeMap::new();
        for channel in categories.into_iter().chain(others).filter(|c| !removed.contains(&c.id)) {
            let from = &channel.attributes.overwrites;
            let Some(live) = self.live.get(&channel.id).copied() else { continue };
            if !interferes(from, &gone, roles_gain) {
                continue;
            }
            let key = keys.get(&channel.id).copied();
            let leader = channel.attributes.parent.as_ref().filter(|p| leaders.get(p) == Some(&from));
            if let Some(leader) = leader {
                if key.is_none() {
                    self.notes.extend(self.cascade_note(&keys, leader, &channel.id));
                }
                continue;
            }
            let Some(id) = channel.id.id() else { continue };
            if channel.is_category() {
                leaders.insert(&channel.id, from);
            }
            let change = Change { from: from.clone(), to: from.without(&gone) };
            let changes = Box::new(ChannelPatch { overwrites: Some(change), ..ChannelPatch::default() });
            let subject = self.subject(id, key, &live.attributes);
            if key.is_none() {
                self.notes.push(taken_out_note(&subject));
            }
            let index = self.push(Phase::Shape, Operation::UpdateChannel { channel: subject, changes });
            if channel.is_category() {
                self.drafts[index].follows.clone_from(&self.hides);
            }
        }
    }

    /// Settings, and after them the channels that have to wait for them. Who can no longer be what it is then changes before.
    fn settings(&mut self) {
        let patch = self.parts.settings();
        let update =
            (!patch.is_empty()).then(|| self.push(Phase::Shape, Operation::UpdateGuild { changes: Box::new(patch) }));
        if let Some(update) = update.filter(|_| self.parts.leaves_community()) {
            let turns = |draft: &Draft| matches!(&draft.operation, Operation::UpdateChannel { changes, .. } if changes.kind.is_some());
            let turning = self.drafts.iter().enumerate().filter(|(_, draft)| turns(draft)).map(|(index, _)| index);
            self.drafts[update].follows = turning.collect();
        }
        let desired = self.parts.desired;
        for channel in desired.channels.iter().filter(|c| c.from.is_none() && self.parts.is_late(c.to.kind)) {
            let index = self.create_channel(channel);
            self.drafts[index].follows.extend(update);
        }
        for channel in desired.channels.iter().filter(|c| self.parts.is_late(c.to.kind)) {
            let (Some(id), Some(from)) = (channel.id.id(), channel.from) else { continue };
            if from.kind == channel.to.kind {
                continue;
            }
            let change = Change { from: from.kind, to: channel.to.kind };
            let changes = Box::new(ChannelPatch { kind: Some(change), ..ChannelPatch::default() });
            let subject = self.subject(id, Some(&channel.key), from);
            let index = self.push(Phase::Shape, Operation::UpdateChannel { channel: subject, changes });
            self.drafts[index].follows.extend(update);
        }
    }

    fn order_of_channels(&mut self) {
        if self.parts.policy.ignores("channels", "*", "position") {
            return;
        }
        let desired = self.parts.desired;
        let archived: BTreeSet<&ChannelRef> = self.parts.removals.archived.iter().map(|(_, c)| &c.id).collect();
        let placed = self.after.channels.iter().filter(|c| !archived.contains(&c.id)).map(|channel| {
            let arrives =
                self.live.get(&channel.id).is_some_and(|was| was.attributes.parent != channel.attributes.parent);
            Placed { channel, arrives }
        });
        let placed: Vec<Placed<'_>> = placed.collect();
        let wanted: Vec<ChannelRef> =
            desired.categories.iter().chain(&desired.channels).map(|c| c.id.clone()).collect();
        let mut moves = channel_moves(&placed, &wanted, |channel| self.parts.is_late(channel.attributes.kind));
        if moves.is_empty() {
            return;
        }
        let after = self.after.channels_by_id();
        let may = |m: &Move<ChannelRef>| {
            let parent = after.get(&m.object).and_then(|c| c.attributes.parent.as_ref());
            let category = parent.and_then(|parent| self.live.get(parent)).copied();
            self.parts.bot.is_none_or(|bot| bot.orders_channels(category))
        };
        let all = moves.len();
        moves.retain(may);
        if moves.len() < all {
            let text = "Some channels stay in their order, because the bot lacks manage_channels there.";
            let note = Note::new(Weight::Warning, NoteCode::MissingPermission, "channels", text);
            self.notes.push(note.help("Give the bot's role manage_channels."));
        }
        if moves.is_empty() {
            return;
        }
        // A place among others means nothing before the channel is there.
        let arrives = |draft: &Draft| match &draft.operation {
            Operation::UpdateChannel { channel, changes } if changes.parent.is_some() => {
                moves.iter().any(|m| m.object == Ref::Live(channel.id))
            }
            _ => false,
        };
        let arrivals =
            self.drafts.iter().enumerate().filter(|(_, draft)| arrives(draft)).map(|(index, _)| index).collect();
        let index = self.push(Phase::Shape, Operation::MoveChannels { moves });
        self.drafts[index].follows = arrivals;
    }

    fn removals(&mut self) {
        let removals = self.parts.removals;
        for (key, channel) in removals.deleted_channels.iter().chain(&removals.deleted_categories) {
            let Some(id) = channel.id.id() else { continue };
            let attributes = &channel.attributes;
            let subject = self.subject(id, key.as_ref(), attributes);
            let kind = if channel.is_category() { ObjectKind::Category } else { ObjectKind::Channel };
            let was = Box::new(attributes.clone());
            let index = self.push(Phase::Remove, Operation::DeleteChannel { channel: subject, was });
            self.drafts[index].bindings.extend(key.clone().map(|key| BindingChange::Release { kind, key }));
        }
        for (key, role) in &removals.deleted_roles {
            let Some(id) = role.id.id() else { continue };
            let subject = RoleSubject { id, key: key.clone(), name: role.attributes.name.clone() };
            let was = Box::new(role.attributes.clone());
            let index = self.push(Phase::Remove, Operation::DeleteRole { role: subject, was });
            let released = key.clone().map(|key| BindingChange::Release { kind: ObjectKind::Role, key });
            self.drafts[index].bindings.extend(released);
        }
    }
}

/// Tells of a channel that is changed although nobody manages it.
fn taken_out_note(channel: &ChannelSubject) -> Note {
    let (section, sign) = if channel.kind == ChannelKind::Category { ("categories", "") } else { ("channels", "#") };
    let text = format!("{sign}{} is not managed, but what it says of deleted roles goes with them.", channel.name);
    Note::new(Weight::Info, NoteCode::Cascade, format!("{section}.{}", channel.name), text)
}

/// True when roles that will be deleted could let somebody do too much on the way: one that denies may go before one that
/// allows, and one that allows lets in whom other roles have just given more.
pub(super) fn interferes(overwrites: &Overwrites, gone: &[Target], roles_gain: bool) -> bool {
    let said = || gone.iter().map(|role| (role, overwrites.get(role)));
    let mut allowing = said().filter(|(_, o)| !o.allow.is_empty());
    allowing.any(|(role, _)| roles_gain || said().any(|(other, o)| other != role && !o.deny.is_empty()))
}

impl Parts<'_> {
    /// What hides a channel. Roles lose what they lose before anything is hidden, and the bot with them.
    fn hidden(&self) -> Overwrites {
        hidden_overwrites(self.snapshot, self.bot.map_or(Permissions::NONE, |bot| bot.permissions))
    }

    fn archive_category(&self) -> ChannelAttributes {
        ChannelAttributes { overwrites: self.hidden(), ..ChannelAttributes::named("Archive", ChannelKind::Category) }
    }

    /// The settings that change. Who becomes a Community names its two channels in the same request, known or not.
    fn settings(&self) -> SettingsPatch {
        let (live, wanted) = (&self.live.settings, &self.desired.settings);
        let mut patch = live.diff(wanted);
        if self.enables_community() {
            let named = |from: &Option<ChannelRef>, to: &Option<ChannelRef>| {
                to.is_some().then(|| Change { from: from.clone(), to: to.clone() })
            };
            patch.rules_channel = named(&live.rules_channel, &wanted.rules_channel);
            patch.public_updates_channel = named(&live.public_updates_channel, &wanted.public_updates_channel);
        }
        patch
    }

    fn enables_community(&self) -> bool {
        self.desired.settings.features.has("COMMUNITY") && !self.live.settings.features.has("COMMUNITY")
    }

    /// True when the guild stops being a Community.
    fn leaves_community(&self) -> bool {
        self.live.settings.features.has("COMMUNITY") && !self.desired.settings.features.has("COMMUNITY")
    }

    /// True for channels only a Community guild may have, while this very plan makes the guild one.
    fn is_late(&self, kind: ChannelKind) -> bool {
        self.enables_community() && matches!(kind, ChannelKind::Announcement | ChannelKind::Stage)
    }
}

/// Numbers the steps by phase and turns what they need into numbers.
fn numbered(drafts: Vec<Draft>) -> Vec<Step> {
    let mut order: Vec<usize> = (0..drafts.len()).collect();
    order.sort_by_key(|index| (drafts[*index].phase, *index));
    let mut number = vec![StepId(0); drafts.len()];
    for (index, n) in order.into_iter().zip(1..) {
        number[index] = StepId(n);
    }
    let mut makers: BTreeMap<(ObjectKind, &Key), StepId> = BTreeMap::new();
    for (index, draft) in drafts.iter().enumerate() {
        let made = match &draft.operation {
            Operation::CreateRole { key, .. } => (ObjectKind::Role, key),
            Operation::CreateChannel { key, channel } if channel.kind == ChannelKind::Category => {
                (ObjectKind::Category, key)
            }
            Operation::CreateChannel { key, .. } => (ObjectKind::Channel, key),
            _ => continue,
        };
        makers.insert(made, number[index]);
    }
    let after = |draft: &Draft| -> Vec<StepId> {
        let needed = draft.operation.needs().into_iter().filter_map(|made| makers.get(&made).copied());
        let follows = draft.follows.iter().map(|index| number[*index]);
        needed.chain(follows).collect::<BTreeSet<_>>().into_iter().collect()
    };
    let afters: Vec<Vec<StepId>> = drafts.iter().map(after).collect();
    let mut steps: Vec<Step> = drafts
        .into_iter()
        .zip(afters)
        .enumerate()
        .map(|(index, (draft, after))| Step {
            id: number[index],
            phase: draft.phase,
            after,
            operation: draft.operation,
            bindings: draft.bindings,
        })
        .collect();
    steps.sort_by_key(|step| step.id);
    steps
}
