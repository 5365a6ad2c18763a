//! The steps of a way back, each as far as there is anything to take back.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{
    Bindings, Change, Channel, ChannelAttributes, ChannelKind, ChannelPatch, ChannelRef, Facet, Guild, Image, Key,
    ObjectKind, Overwrite, Overwrites, Permissions, Provenance, Ref, RoleAttributes, RolePatch, RoleRef, SettingsPatch,
    Snapshot, Target,
};
use crate::plan::Plan;
use crate::plan::ability::{Bot, take_long_topic};
use crate::plan::note::{Note, NoteCode, Weight};
use crate::plan::operation::{BindingChange, ChannelSubject, Move, Operation, Phase, RoleSubject, Step, StepId};
use crate::plan::remove::hidden_overwrites;
use crate::plan::sequence::harmless_denial;

use super::names::{Names, channels_of, images_of};
use super::order::ordered;
use super::since::{Patch, Since, since};
use super::world::World;
use super::{DoneStep, Holders};

/// Most members a role is given back to. Each is a request, and Discord allows few of them in a second.
const MOST_GIVEN: usize = 1000;

/// A way back.
pub(super) struct Made {
    pub(super) steps: Vec<Step>,
    pub(super) notes: Vec<Note>,
    /// The guild it leads to.
    pub(super) after: Guild,
    /// The roles that are made again and given back, each with the snowflake it had.
    pub(super) given: BTreeMap<RoleRef, u64>,
}

/// A way back in the making.
pub(super) struct Way<'a> {
    snapshot: &'a Snapshot,
    bindings: &'a Bindings,
    done: &'a BTreeMap<StepId, DoneStep>,
    /// The guild before the plan, where it was written down.
    origin: Option<&'a Guild>,
    /// The steps that were done, in the order of the plan.
    plan: Vec<&'a Step>,
    /// The snowflakes of what they deleted.
    deleted: BTreeSet<u64>,
    names: Names<'a>,
    world: World,
    steps: Vec<Step>,
    notes: Vec<Note>,
    /// Roles that members get back.
    gifts: Vec<Operation>,
    given: BTreeMap<RoleRef, u64>,
}

impl<'a> Way<'a> {
    /// Goes back all the way.
    pub(super) fn back(
        plan: &'a Plan,
        done: &'a BTreeMap<StepId, DoneStep>,
        origin: Option<&'a Guild>,
        snapshot: &'a Snapshot,
        bindings: &'a Bindings,
    ) -> Made {
        let steps: Vec<&Step> = plan.steps.iter().filter(|step| done.contains_key(&step.id)).collect();
        let mut way = Self {
            snapshot,
            bindings,
            done,
            origin,
            deleted: steps
                .iter()
                .filter(|s| s.operation.is_irreversible())
                .filter_map(|s| s.operation.target())
                .collect(),
            plan: steps,
            names: Names::of(plan, done, bindings),
            world: World { guild: snapshot.guild.without_dangling().into_owned() },
            steps: Vec::new(),
            notes: Vec::new(),
            gifts: Vec::new(),
            given: BTreeMap::new(),
        };
        way.strip_created_roles();
        for step in ordered(plan, done, &snapshot.guild) {
            way.step(step);
        }
        // Last, when everything that restricts the roles is in its place again.
        for gift in std::mem::take(&mut way.gifts) {
            way.push(Phase::Open, gift, Vec::new());
        }
        Made { steps: way.steps, notes: way.notes, after: way.world.guild, given: way.given }
    }

    /// Every step waits for the one before.
    fn push(&mut self, phase: Phase, operation: Operation, bindings: Vec<BindingChange>) {
        let id = StepId(u32::try_from(self.steps.len()).unwrap_or(u32::MAX).saturating_add(1));
        let after = self.steps.last().map(|last| last.id).into_iter().collect();
        self.world.carry_out(&operation);
        self.steps.push(Step { id, phase, after, operation, bindings });
    }

    fn note(&mut self, weight: Weight, code: NoteCode, subject: impl Into<String>, text: &str) {
        let note = Note::new(weight, code, subject, text);
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// Says which fields stay, because somebody changed them.
    fn note_changed(&mut self, subject: &str, changed: &[&'static str]) {
        if !changed.is_empty() {
            let text = format!("Somebody changed this since, so it stays as it is: {}.", changed.join(", "));
            self.note(Weight::Warning, NoteCode::ChangedSince, subject, &text);
        }
    }

    fn step(&mut self, step: &'a Step) {
        match &step.operation {
            Operation::UpdateGuild { changes } => self.update_guild(step, changes),
            Operation::CreateRole { key, role } => self.unmake_role(key, &role.name),
            Operation::UpdateRole { role, changes } => self.update_role(step, role, changes),
            Operation::DeleteRole { role, was } => self.remake_role(step, role, was),
            Operation::GiveRole { name, user, .. } => self.note(
                Weight::Info,
                NoteCode::Impossible,
                format!("members.{user}"),
                &format!("They keep the role {name}; it goes with the role itself."),
            ),
            Operation::MoveRoles { moves } => self.move_roles(moves),
            Operation::CreateChannel { key, channel } => self.unmake_channel(key, channel.kind),
            Operation::UpdateChannel { channel, changes } => self.update_channel(step, channel, changes),
            // It goes with the channel itself.
            Operation::SetTopic { .. } => {}
            Operation::DeleteChannel { channel, was } => self.remake_channel(channel, was),
            Operation::MoveChannels { moves } => self.move_channels(moves),
        }
    }

    /// The operations on the same object that were done before a step.
    fn earlier(&self, step: &Step) -> impl Iterator<Item = &'a Operation> {
        let target = step.operation.target();
        let of_it = self.plan.iter().filter(move |s| s.operation.target() == target);
        let before: Vec<&'a Operation> = of_it.take_while(|s| s.id != step.id).map(|s| &s.operation).collect();
        before.into_iter()
    }

    fn update_guild(&mut self, step: &Step, changes: &SettingsPatch) {
        let live = self.world.guild.settings.clone();
        let changes = self.names.in_settings(changes);
        let earlier = self.earlier(step).filter_map(|operation| match operation {
            Operation::UpdateGuild { changes } => Some(self.names.in_settings(changes)),
            _ => None,
        });
        let Since { away, changed } = since(&live, &changes, &earlier.collect::<Vec<_>>());
        self.note_changed("settings", &changed);
        let mut back = changes.turned();
        back.leave_out(&away);
        let gone = |channel: &ChannelRef| self.world.guild.channel(channel).is_none();
        let dead = channels_of(&mut back)
            .into_iter()
            .filter(|(_, change)| change.as_ref().is_some_and(|change| change.to.as_ref().is_some_and(gone)));
        let dead: Vec<&'static str> = dead.map(|(field, _)| field).collect();
        let lost = images_of(&mut back)
            .into_iter()
            .filter(|(_, change)| change.as_ref().is_some_and(|change| is_lost(change.to.as_ref())));
        let lost: Vec<&'static str> = lost.map(|(field, _)| field).collect();
        back.leave_out(&[&dead[..], &lost].concat());
        if !dead.is_empty() {
            let text = format!("The channel it was is gone, so it stays as it is: {}.", dead.join(", "));
            self.note(Weight::Warning, NoteCode::Impossible, "settings", &text);
        }
        self.note_lost("settings", &lost);
        let back = rebased(&live, &back);
        if !back.is_empty() {
            self.push(mirrored(step.phase), Operation::UpdateGuild { changes: Box::new(back) }, Vec::new());
        }
    }

    /// Says which pictures do not come back.
    fn note_lost(&mut self, subject: &str, lost: &[&'static str]) {
        if !lost.is_empty() {
            let text = format!("Discord does not give pictures back, so it stays as it is: {}.", lost.join(", "));
            self.note(Weight::Warning, NoteCode::Impossible, subject, &text);
        }
    }

    fn update_role(&mut self, step: &Step, role: &RoleSubject, changes: &RolePatch) {
        if self.deleted.contains(&role.id.get()) {
            // It is made again as it was before everything.
            return;
        }
        let subject = format!("roles.{}", role.key.as_ref().map_or(role.name.as_str(), Key::as_str));
        let Some(live) = self.world.guild.role(&Ref::Live(role.id)).map(|role| role.attributes.clone()) else {
            let text = "The role is gone, so there is nothing to undo.";
            return self.note(Weight::Warning, NoteCode::DeletedByHand, subject, text);
        };
        let key = role.key.as_ref();
        let changes = self.names.in_role(key, changes);
        let earlier = self.earlier(step).filter_map(|operation| match operation {
            Operation::UpdateRole { changes, .. } => Some(self.names.in_role(key, changes)),
            _ => None,
        });
        let Since { away, changed } = since(&live, &changes, &earlier.collect::<Vec<_>>());
        self.note_changed(&subject, &changed);
        let mut back = changes.turned();
        back.leave_out(&away);
        if back.icon.as_ref().is_some_and(|icon| is_lost(icon.to.as_ref())) {
            back.icon = None;
            self.note_lost(&subject, &["icon"]);
        }
        let back = rebased(&live, &back);
        if !back.is_empty() {
            let operation = Operation::UpdateRole { role: role.clone(), changes: Box::new(back) };
            self.push(mirrored(step.phase), operation, Vec::new());
        }
    }

    fn update_channel(&mut self, step: &Step, channel: &ChannelSubject, changes: &ChannelPatch) {
        if self.deleted.contains(&channel.id.get()) {
            // It is made again as it was before everything.
            return;
        }
        let section = kind_of(channel.kind).section();
        let subject = format!("{section}.{}", channel.key.as_ref().map_or(channel.name.as_str(), Key::as_str));
        let Some(live) = self.world.guild.channel(&Ref::Live(channel.id)).map(|c| c.attributes.clone()) else {
            let text = "It is gone or hidden, so there is nothing to undo.";
            return self.note(Weight::Warning, NoteCode::DeletedByHand, subject, text);
        };
        let changes = self.said_of(channel, changes, &live);
        let earlier = self.earlier(step).filter_map(|operation| match operation {
            Operation::UpdateChannel { changes, .. } => Some(self.lasting(self.said_of(channel, changes, &live))),
            _ => None,
        });
        let mut now = live.clone();
        now.overwrites = self.names.lasting(&now.overwrites);
        let Since { away, changed } = since(&now, &self.lasting(changes.clone()), &earlier.collect::<Vec<_>>());
        self.note_changed(&subject, &changed);
        let mut back = changes.turned();
        back.leave_out(&away);
        let gone = |category: &ChannelRef| self.world.guild.channel(category).is_none();
        if back.parent.as_ref().is_some_and(|parent| parent.to.as_ref().is_some_and(gone)) {
            back.parent = None;
            let text = "The category it stood in is gone, so it stays where it is.";
            self.note(Weight::Warning, NoteCode::Impossible, subject.clone(), text);
        }
        if let Some(Change { from: _, to }) = &mut back.overwrites {
            *to = self.takeable(&subject, to, &live.overwrites);
        }
        let back = rebased(&live, &back);
        if !back.is_empty() {
            let operation = Operation::UpdateChannel { channel: channel.clone(), changes: Box::new(back) };
            let bystanders = self.bystanders(&operation);
            let guards: Vec<Operation> = bystanders.iter().filter_map(|child| self.guard(child, channel)).collect();
            let kept: Vec<Operation> = guards.iter().filter_map(without_guard).collect();
            guards.into_iter().for_each(|guard| self.push(Phase::Close, guard, Vec::new()));
            self.push(mirrored(step.phase), operation, out_of_archive(step, channel));
            kept.into_iter().for_each(|kept| self.push(Phase::Shape, kept, Vec::new()));
        }
    }

    /// The channels that a change of their category would take along although it did not on the way there: they are like it
    /// by chance, or because somebody made them so.
    fn bystanders(&self, operation: &Operation) -> Vec<Channel> {
        let (Some(origin), Operation::UpdateChannel { channel: category, changes }) = (self.origin, operation) else {
            return Vec::new();
        };
        let Some(change) = &changes.overwrites else { return Vec::new() };
        let category = Ref::Live(category.id);
        let followed = |child: &Channel| {
            let was = origin.channel(&child.id);
            was.is_some_and(|was| was.attributes.parent.as_ref() == Some(&category) && origin.is_synced(was))
        };
        let children = self.world.guild.children(&category);
        children.filter(|child| child.attributes.overwrites == change.from && !followed(child)).cloned().collect()
    }

    /// Makes a channel differ from its category by one harmless denial, so that it stays as it is.
    fn guard(&self, channel: &Channel, category: &ChannelSubject) -> Option<Operation> {
        let id = channel.id.id()?;
        let everyone = Target::Role(Ref::Live(self.world.guild.everyone_id()));
        let from = channel.attributes.overwrites.clone();
        let mut said = from.get(&everyone);
        let bot = Bot::of(self.snapshot, &self.world.guild);
        let bit = bot.and_then(|bot| harmless_denial(&bot, said));
        said.deny |= bit.unwrap_or(Permissions::MANAGE_CHANNELS);
        let mut to = from.clone();
        to.set(everyone, said);
        let subject = ChannelSubject {
            id,
            key: self.bindings.key_of_channel(id).map(|(_, key)| key.clone()),
            name: channel.attributes.name.clone(),
            kind: channel.attributes.kind,
            category: Some(category.name.clone()),
        };
        let changes = ChannelPatch { overwrites: Some(Change { from, to }), ..ChannelPatch::default() };
        Some(Operation::UpdateChannel { channel: subject, changes: Box::new(changes) })
    }

    /// The overwrites without the bits that this build has no name for and that are not there now: Discord may refuse them,
    /// and everything else with them. What is left with nothing in it is left out.
    fn takeable(&mut self, subject: &str, overwrites: &Overwrites, live: &Overwrites) -> Overwrites {
        let mut lost = Permissions::NONE;
        let mut took = Overwrites::default();
        for (target, Overwrite { allow, deny }) in overwrites.entries() {
            let now = live.get(target);
            let mut taken = |to: Permissions, now: Permissions| {
                let new = to.unnamed().without(now);
                lost |= new;
                to.without(new)
            };
            let left = Overwrite { allow: taken(*allow, now.allow), deny: taken(*deny, now.deny) };
            if left != Overwrite::default() || (*allow | *deny).is_empty() {
                took.set(target.clone(), left);
            }
        }
        self.note_unnamed(subject, lost);
        took
    }

    /// Says which bits do not come back.
    fn note_unnamed(&mut self, subject: &str, lost: Permissions) {
        if !lost.is_empty() {
            let names = lost.names().join(", ");
            let text =
                format!("Discord may not take what this version has no name for, so it does not come back: {names}.");
            self.note(Weight::Warning, NoteCode::Impossible, subject, &text);
        }
    }

    fn said_of(&self, channel: &ChannelSubject, changes: &ChannelPatch, live: &ChannelAttributes) -> ChannelPatch {
        let guild = &self.world.guild;
        self.names.in_channel(channel.key.as_ref(), changes, live, |role| guild.role(role).is_some())
    }

    /// What a change comes to in a guild in which roles were deleted after it.
    fn lasting(&self, mut changes: ChannelPatch) -> ChannelPatch {
        if let Some(Change { from, to }) = &mut changes.overwrites {
            *from = self.names.lasting(from);
            *to = self.names.lasting(to);
        }
        changes
    }

    fn remake_role(&mut self, step: &Step, role: &RoleSubject, was: &RoleAttributes) {
        let Some(key) = key_of(role.key.as_ref(), &role.name, role.id.get()) else { return };
        let again = self.bindings.roles.get(&key).map(|bound| Ref::Live(bound.id));
        let again = again.filter(|role| self.world.guild.role(role).is_some());
        let is_there = again.is_some();
        let given = again.unwrap_or_else(|| Ref::Planned(key.clone()));
        self.names.remade_roles.insert(role.id.get(), given.clone());
        let subject = format!("roles.{key}");
        if !is_there {
            let mut was = was.clone();
            if is_lost(was.icon.as_ref()) {
                was.icon = None;
                self.note_lost(&subject, &["icon"]);
            }
            self.note_unnamed(&subject, was.permissions.unnamed());
            was.permissions = was.permissions & Permissions::documented();
            let bound = BindingChange::BindCreated { kind: ObjectKind::Role, key: key.clone(), protected: false };
            self.push(Phase::Prepare, Operation::CreateRole { key, role: Box::new(was) }, vec![bound]);
        }
        self.give_back(step.id, subject.clone(), &given, &was.name, role.id.get());
        if !is_there {
            let text = "What channels said of the role comes back only where the run itself had taken it out.";
            self.note(Weight::Warning, NoteCode::Impossible, subject, text);
        }
    }

    /// Gives a role back to those who had it, and says who does not get it.
    fn give_back(&mut self, step: StepId, subject: String, role: &RoleRef, name: &str, id: u64) {
        let nobody_knows = Facet::Unknown("it was not written down".to_owned());
        let holders = self.done.get(&step).and_then(|done| done.holders.clone());
        match holders.unwrap_or(nobody_knows) {
            Facet::Unknown(why) => {
                let text = format!("The role is made again, but who had it is lost: {why}.");
                self.note(Weight::Warning, NoteCode::Impossible, subject, &text);
            }
            Facet::Known(Holders { to_give, left }) => {
                let given = to_give.len().min(MOST_GIVEN);
                let mut text = format!("The role is made again, and {given} members get it back.");
                if to_give.len() > given {
                    text += &format!(
                        " {} more had it and do not; the record of the run names them.",
                        to_give.len() - given
                    );
                }
                if left > 0 {
                    text += &format!(" {left} who had it have left the guild.");
                }
                let is_whole = to_give.len() == given && left == 0;
                let weight = if is_whole { Weight::Info } else { Weight::Warning };
                self.note(weight, NoteCode::Impossible, subject, &text);
                if given > 0 {
                    self.given.insert(role.clone(), id);
                }
                let give = |user| Operation::GiveRole { role: role.clone(), name: name.to_owned(), user };
                self.gifts.extend(to_give.into_iter().take(given).map(give));
            }
        }
    }

    fn remake_channel(&mut self, channel: &ChannelSubject, was: &ChannelAttributes) {
        let Some(key) = key_of(channel.key.as_ref(), &channel.name, channel.id.get()) else { return };
        let kind = kind_of(was.kind);
        let of_kind = if kind == ObjectKind::Category { &self.bindings.categories } else { &self.bindings.channels };
        let again = of_kind.get(&key).map(|bound| Ref::Live(bound.id));
        if let Some(again) = again.filter(|channel| self.world.guild.channel(channel).is_some()) {
            _ = self.names.remade_channels.insert(channel.id.get(), again);
            return;
        }
        self.names.remade_channels.insert(channel.id.get(), Ref::Planned(key.clone()));
        let text = "The channel is made again, but its messages, threads, invites and webhooks are lost.";
        self.note(Weight::Warning, NoteCode::Impossible, format!("{}.{key}", kind.section()), text);
        let mut channel = Box::new(self.as_new(&format!("{}.{key}", kind.section()), was));
        let topic = take_long_topic(&mut channel);
        let (name, of_kind) = (channel.name.clone(), channel.kind);
        let bound = BindingChange::BindCreated { kind, key: key.clone(), protected: false };
        self.push(Phase::Shape, Operation::CreateChannel { key: key.clone(), channel }, vec![bound]);
        if let Some(topic) = topic {
            self.push(Phase::Shape, Operation::SetTopic { key, name, kind: of_kind, topic }, Vec::new());
        }
    }

    /// A channel that was deleted, as it can be made again.
    fn as_new(&mut self, subject: &str, was: &ChannelAttributes) -> ChannelAttributes {
        let mut channel = was.clone();
        let there = self.names.overwrites(&was.overwrites, |role| self.world.guild.role(role).is_some());
        channel.overwrites = self.takeable(subject, &there, &Overwrites::default());
        let guild = &self.world.guild;
        let parent = was.parent.as_ref().map(|parent| self.names.channel(ObjectKind::Category, parent));
        channel.parent = parent.filter(|parent| guild.channel(parent).is_some());
        channel.available_tags.iter_mut().for_each(|tag| tag.id = None);
        if channel.overwrites.is_empty() && channel.parent.is_some() {
            // Nobody documents whether an empty list means "none" or "those of the category".
            channel.overwrites.set(Target::Role(Ref::Live(guild.everyone_id())), Overwrite::default());
        }
        channel
    }

    /// A role that was created may have members by now. It loses what it grants before anything opens for others, so that
    /// nobody holds both for a moment.
    fn strip_created_roles(&mut self) {
        if !self.plan.iter().any(|step| may_open(&step.operation)) {
            return;
        }
        let held = self.snapshot.bot_permissions().unwrap_or_default();
        let may_take = |bits: Permissions| if held.contains(Permissions::ADMINISTRATOR) { bits } else { bits & held };
        for step in self.plan.clone() {
            let Operation::CreateRole { key, .. } = &step.operation else { continue };
            let Some(live) = self.names.made_role(key).and_then(|role| self.world.guild.role(role)) else { continue };
            let Some(id) = live.id.id() else { continue };
            let from = live.attributes.permissions;
            let taken = may_take(from);
            if taken.is_empty() {
                continue;
            }
            let subject = RoleSubject { id, key: Some(key.clone()), name: live.attributes.name.clone() };
            let permissions = Some(Change { from, to: from.without(taken) });
            let changes = Box::new(RolePatch { permissions, ..RolePatch::default() });
            self.push(Phase::Close, Operation::UpdateRole { role: subject, changes }, Vec::new());
        }
    }

    fn unmake_role(&mut self, key: &Key, name: &str) {
        let live = self.names.made_role(key).and_then(|role| self.snapshot.guild.role(role));
        let Some((id, role)) = live.and_then(|role| Some((role.id.id()?, role))) else {
            let text = "The role is gone already.";
            return self.note(Weight::Info, NoteCode::DeletedByHand, format!("roles.{key}"), text);
        };
        let is_bound = self.bindings.roles.get(key).is_some_and(|bound| bound.id == id);
        let subject = RoleSubject { id, key: is_bound.then(|| key.clone()), name: name.to_owned() };
        let released = is_bound.then(|| BindingChange::Release { kind: ObjectKind::Role, key: key.clone() });
        let operation = Operation::DeleteRole { role: subject, was: Box::new(role.attributes.clone()) };
        self.push(Phase::Prepare, operation, released.into_iter().collect());
    }

    fn unmake_channel(&mut self, key: &Key, kind: ChannelKind) {
        let kind = kind_of(kind);
        let section = kind.section();
        let live = self.names.made_channel(kind, key).and_then(|channel| self.world.guild.channel(channel)).cloned();
        let Some((id, channel)) = live.and_then(|channel| Some((channel.id.id()?, channel.attributes))) else {
            let text = "It is gone already.";
            return self.note(Weight::Info, NoteCode::DeletedByHand, format!("{section}.{key}"), text);
        };
        let bound = if kind == ObjectKind::Category { &self.bindings.categories } else { &self.bindings.channels };
        let is_bound = bound.get(key).is_some_and(|bound| bound.id == id);
        let subject = ChannelSubject {
            id,
            key: is_bound.then(|| key.clone()),
            name: channel.name.clone(),
            kind: channel.kind,
            category: None,
        };
        if kind != ObjectKind::Category {
            return self.hide(key, subject, &channel);
        }
        if self.world.guild.children(&Ref::Live(id)).next().is_some() {
            let text = "The category stays, because somebody else's channels are in it.";
            return self.note(Weight::Warning, NoteCode::ForeignChildren, format!("{section}.{key}"), text);
        }
        let released = is_bound.then(|| BindingChange::Release { kind, key: key.clone() });
        let operation = Operation::DeleteChannel { channel: subject, was: Box::new(channel) };
        self.push(Phase::Shape, operation, released.into_iter().collect());
    }

    /// Puts a created channel out of sight.
    fn hide(&mut self, key: &Key, subject: ChannelSubject, channel: &ChannelAttributes) {
        let text = "The channel is hidden instead of deleted, because people may have written in it.";
        self.note(Weight::Info, NoteCode::Archived, format!("channels.{key}"), text);
        let held = self.snapshot.bot_permissions().unwrap_or_default();
        let hidden =
            ChannelAttributes { overwrites: hidden_overwrites(self.snapshot, held), parent: None, ..channel.clone() };
        let changes = channel.diff(&hidden);
        if !changes.is_empty() {
            let archived = subject.key.clone().map(|key| BindingChange::Archive { kind: ObjectKind::Channel, key });
            let operation = Operation::UpdateChannel { channel: subject, changes: Box::new(changes) };
            self.push(Phase::Shape, operation, archived.into_iter().collect());
        }
    }

    fn move_roles(&mut self, moves: &[Move<RoleRef>]) {
        let now = |role: &RoleRef| self.world.guild.role(role).map(|role| role.position);
        match back_in_order(moves, now) {
            Some(moves) if moves.is_empty() => {}
            Some(moves) => self.push(Phase::Prepare, Operation::MoveRoles { moves }, Vec::new()),
            None => self.note(Weight::Warning, NoteCode::ChangedSince, "roles", REORDERED),
        }
    }

    fn move_channels(&mut self, moves: &[Move<ChannelRef>]) {
        let now = |channel: &ChannelRef| self.world.guild.channel(channel).map(|channel| channel.position);
        match back_in_order(moves, now) {
            Some(moves) if moves.is_empty() => {}
            Some(moves) => self.push(Phase::Shape, Operation::MoveChannels { moves }, Vec::new()),
            None => self.note(Weight::Warning, NoteCode::ChangedSince, "channels", REORDERED),
        }
    }
}

const REORDERED: &str = "Somebody put them in another order since, so they stay in it.";

/// The moves back to where everything stood, as far as it exists and did stand somewhere; none when somebody moved any of it
/// since. `now` gives the position of an object.
fn back_in_order<R: Clone>(moves: &[Move<R>], now: impl Fn(&R) -> Option<i64>) -> Option<Vec<Move<R>>> {
    let there: Vec<(&Move<R>, i64)> = moves.iter().filter_map(|m| Some((m, now(&m.object)?))).collect();
    if there.iter().all(|(m, now)| m.from.is_none_or(|was| was == *now)) {
        return Some(Vec::new());
    }
    if there.iter().any(|(m, now)| m.to != *now) {
        return None;
    }
    let back = |(m, now): &(&Move<R>, i64)| {
        let to = m.from.filter(|was| was != now)?;
        Some(Move { from: Some(*now), to, ..(*m).clone() })
    };
    Some(there.iter().filter_map(back).collect())
}

/// True for an operation that may open something when it is taken back: one about what was there before.
fn may_open(operation: &Operation) -> bool {
    let creates = matches!(operation, Operation::CreateChannel { .. });
    operation.is_irreversible() || operation.changes_access() && !creates
}

/// What takes a guard away again.
fn without_guard(guard: &Operation) -> Option<Operation> {
    let Operation::UpdateChannel { channel, changes } = guard else { return None };
    Some(Operation::UpdateChannel { channel: channel.clone(), changes: Box::new(changes.clone().inverse()) })
}

/// The phase of the step that takes back one of this phase.
fn mirrored(phase: Phase) -> Phase {
    match phase {
        Phase::Close => Phase::Open,
        Phase::Open => Phase::Close,
        Phase::Prepare => Phase::Prepare,
        Phase::Shape | Phase::Remove => Phase::Shape,
    }
}

/// A patch as it is for a record whose fields are other ones than it knows.
fn rebased<P: Patch>(live: &P::Record, patch: &P) -> P {
    let mut wanted = live.clone();
    patch.lay(&mut wanted);
    P::between(live, &wanted)
}

/// True for a picture of which only Discord's hash is left.
fn is_lost(image: Option<&Image>) -> bool {
    matches!(image, Some(Image::Hash(_)))
}

/// What binds a channel again that comes out of the archive.
fn out_of_archive(step: &Step, channel: &ChannelSubject) -> Vec<BindingChange> {
    let bound = |change: &BindingChange| match change {
        BindingChange::Archive { kind, key } => Some(BindingChange::Bind {
            kind: *kind,
            key: key.clone(),
            id: channel.id.to_string(),
            provenance: Provenance::Adopted,
            protected: false,
        }),
        _ => None,
    };
    step.bindings.iter().filter_map(bound).collect()
}

/// The key of a deleted object. One that never had any gets one of its own: of its name, and of the snowflake it had, so
/// that no other object is taken for it, and a second way back finds what the first one made.
pub(super) fn key_of(key: Option<&Key>, name: &str, id: u64) -> Option<Key> {
    let allowed = |c: char| if c.is_alphanumeric() || c == '_' { c } else { '-' };
    let id = id.to_string();
    let slug: String = name.chars().take(Key::MAX - id.len() - 1).map(allowed).collect();
    key.cloned().or_else(|| format!("{slug}-{id}").parse().ok())
}

pub(super) fn kind_of(kind: ChannelKind) -> ObjectKind {
    if kind == ChannelKind::Category { ObjectKind::Category } else { ObjectKind::Channel }
}
