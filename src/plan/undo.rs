//! The way back from what a reconciliation did, and what cannot come back.

use std::collections::BTreeMap;

use crate::model::{
    Bindings, Change, ChannelKind, ChannelPatch, ChannelRef, Facet, Guild, Key, ObjectKind, Overwrites, Ref, RoleRef,
    Snapshot, Target, UserId,
};

use super::ability::{LONG_TOPIC, drop_long_topic};
use super::digest;
use super::note::{Note, NoteCode, Weight};
use super::operation::{BindingChange, Move, Operation, Phase, Step, StepId};
use super::remove::{Removals, hidden_overwrites};
use super::{FORMAT, Plan, guard, risk};

/// Who had a role that was deleted, as far as it can be given back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holders {
    /// They are to have it again.
    pub to_give: Vec<UserId>,
    /// So many had it and have left the guild.
    pub left: usize,
}

/// Most members a role is given back to. Each is a request, and Discord allows few of them in a second.
const MOST_GIVEN: usize = 1000;

/// The plan that undoes the steps of `plan` that were done, in reverse order.
///
/// Going back the same way is as safe as the way there: every moment is one the guild has been in already. What has
/// changed since is left as it is, with a note; created channels are archived, because people may have written in them.
/// `holders` says for the deletions of roles who had them.
pub fn undo(
    plan: &Plan,
    done: &[StepId],
    holders: &BTreeMap<StepId, Facet<Holders>>,
    snapshot: &Snapshot,
    bindings: &Bindings,
) -> Plan {
    let mut undoer = Undoer {
        snapshot,
        bindings,
        holders,
        steps: Vec::new(),
        notes: Vec::new(),
        given: Vec::new(),
        remade_roles: BTreeMap::new(),
        remade_channels: BTreeMap::new(),
    };
    for step in plan.steps.iter().rev().filter(|step| done.contains(&step.id)) {
        undoer.step(step);
    }
    // Last, when everything that restricts the roles is in its place again.
    for give in std::mem::take(&mut undoer.given) {
        undoer.push(give, Vec::new());
    }
    let Undoer { steps, mut notes, .. } = undoer;
    notes.sort_by(|a, b| (b.weight, &a.subject).cmp(&(a.weight, &b.subject)));
    let base = digest::fingerprint(snapshot, bindings);
    let after = changed(&snapshot.guild, &steps);
    Plan {
        digest: digest::digest(&base, None, &steps, &[]),
        base,
        format: FORMAT,
        version: digest::VERSION.to_owned(),
        guild: plan.guild,
        name: plan.name.clone(),
        revision: None,
        names: super::names(&snapshot.guild, &snapshot.guild),
        risks: risk::risks(&snapshot.guild, &after, &Removals::default()),
        refusals: guard::lockouts(snapshot, &snapshot.guild, &after),
        steps,
        bindings: Vec::new(),
        notes,
        approval: plan.approval,
    }
}

/// The guild once the steps have changed and removed what is there. What they create is new to everybody.
fn changed(live: &Guild, steps: &[Step]) -> Guild {
    let mut guild = live.clone();
    for step in steps {
        match &step.operation {
            Operation::UpdateGuild { changes } => changes.apply(&mut guild.settings),
            Operation::UpdateRole { role, changes } => {
                let role = guild.roles.iter_mut().find(|r| r.id == Ref::Live(role.id));
                role.into_iter().for_each(|role| changes.apply(&mut role.attributes));
            }
            Operation::UpdateChannel { channel, changes } => {
                let channel = guild.channels.iter_mut().find(|c| c.id == Ref::Live(channel.id));
                channel.into_iter().for_each(|channel| changes.apply(&mut channel.attributes));
            }
            Operation::DeleteRole { role, .. } => guild.roles.retain(|r| r.id != Ref::Live(role.id)),
            Operation::DeleteChannel { channel, .. } => guild.channels.retain(|c| c.id != Ref::Live(channel.id)),
            Operation::CreateRole { .. }
            | Operation::CreateChannel { .. }
            | Operation::GiveRole { .. }
            | Operation::MoveRoles { .. }
            | Operation::MoveChannels { .. } => {}
        }
    }
    guild
}

struct Undoer<'a> {
    snapshot: &'a Snapshot,
    bindings: &'a Bindings,
    holders: &'a BTreeMap<StepId, Facet<Holders>>,
    steps: Vec<Step>,
    notes: Vec<Note>,
    /// Roles that members get back.
    given: Vec<Operation>,
    /// What stands for deleted objects that are made again, so that later steps can name them.
    remade_roles: BTreeMap<u64, RoleRef>,
    remade_channels: BTreeMap<u64, ChannelRef>,
}

impl Undoer<'_> {
    fn push(&mut self, operation: Operation, bindings: Vec<BindingChange>) {
        let id = StepId(u32::try_from(self.steps.len()).unwrap_or(u32::MAX).saturating_add(1));
        let after = self.steps.last().map(|last| last.id).into_iter().collect();
        // One phase for all: the order is the reverse of a safe one, so every step waits for the one before.
        self.steps.push(Step { id, phase: Phase::Prepare, after, operation, bindings });
    }

    fn note(&mut self, weight: Weight, code: NoteCode, subject: String, text: &str) {
        self.notes.push(Note::new(weight, code, subject, text));
    }

    fn step(&mut self, step: &Step) {
        match &step.operation {
            Operation::UpdateGuild { changes } => {
                let mut back = changes.clone().inverse();
                let mut wanted = self.snapshot.guild.settings.clone();
                back.apply(&mut wanted);
                back = self.snapshot.guild.settings.diff(&wanted);
                if !back.is_empty() {
                    self.push(Operation::UpdateGuild { changes: Box::new(back) }, Vec::new());
                }
            }
            Operation::CreateRole { key, role } => self.unmake_role(key, &role.name),
            Operation::UpdateRole { role, changes } => {
                let subject = format!("roles.{}", role.key.as_ref().map_or(role.name.as_str(), Key::as_str));
                let Some(live) = self.snapshot.guild.role(&Ref::Live(role.id)) else {
                    return self.note(
                        Weight::Warning,
                        NoteCode::DeletedByHand,
                        subject,
                        "The role is gone, so there is nothing to undo.",
                    );
                };
                let mut wanted = live.attributes.clone();
                changes.clone().inverse().apply(&mut wanted);
                let back = live.attributes.diff(&wanted);
                if !back.is_empty() {
                    self.push(Operation::UpdateRole { role: role.clone(), changes: Box::new(back) }, Vec::new());
                }
            }
            Operation::DeleteRole { role, was } => {
                let Some(key) = self.key_for(role.key.as_ref(), &role.name) else { return };
                let again = self.bindings.roles.get(&key).map(|bound| Ref::Live(bound.id));
                let again = again.filter(|role| self.snapshot.guild.role(role).is_some());
                let is_there = again.is_some();
                let given = again.unwrap_or_else(|| Ref::Planned(key.clone()));
                self.remade_roles.insert(role.id.get(), given.clone());
                let subject = format!("roles.{key}");
                if !is_there {
                    let bound =
                        BindingChange::BindCreated { kind: ObjectKind::Role, key: key.clone(), protected: false };
                    self.push(Operation::CreateRole { key, role: was.clone() }, vec![bound]);
                }
                self.give_back(step.id, subject, &given, &was.name);
            }
            Operation::GiveRole { name, user, .. } => self.note(
                Weight::Info,
                NoteCode::Impossible,
                format!("members.{user}"),
                &format!("They keep the role {name}; it goes with the role itself."),
            ),
            Operation::MoveRoles { moves } => self.move_roles(moves),
            Operation::CreateChannel { key, channel } => self.unmake_channel(key, channel.kind),
            Operation::UpdateChannel { channel, changes } => self.update_channel(step, channel, changes),
            Operation::DeleteChannel { channel, was } => {
                let Some(key) = self.key_for(channel.key.as_ref(), &channel.name) else { return };
                let kind = kind_of(was.kind);
                let of_kind =
                    if kind == ObjectKind::Category { &self.bindings.categories } else { &self.bindings.channels };
                let again = of_kind.get(&key).map(|bound| Ref::Live(bound.id));
                if let Some(again) = again.filter(|channel| self.snapshot.guild.channel(channel).is_some()) {
                    _ = self.remade_channels.insert(channel.id.get(), again);
                    return;
                }
                self.remade_channels.insert(channel.id.get(), Ref::Planned(key.clone()));
                let subject = format!("{}.{key}", kind.section());
                self.note(
                    Weight::Warning,
                    NoteCode::Impossible,
                    subject,
                    "The channel is made again, but its messages, threads, invites and webhooks are lost.",
                );
                let mut channel = was.clone();
                channel.overwrites = self.renamed(&channel.overwrites);
                channel.parent = channel.parent.as_ref().map(|parent| self.renamed_channel(parent));
                if drop_long_topic(&mut channel) {
                    let text = format!("The channel is made again without its topic, {LONG_TOPIC}.");
                    self.note(Weight::Warning, NoteCode::OverLimit, format!("{}.{key}", kind.section()), &text);
                }
                let bound = BindingChange::BindCreated { kind, key: key.clone(), protected: false };
                self.push(Operation::CreateChannel { key, channel }, vec![bound]);
            }
            Operation::MoveChannels { moves } => self.move_channels(moves),
        }
    }

    /// Gives a role back to those who had it, and says who does not get it.
    fn give_back(&mut self, step: StepId, subject: String, role: &RoleRef, name: &str) {
        let nobody_knows = Facet::Unknown("it was not written down".to_owned());
        match self.holders.get(&step).unwrap_or(&nobody_knows).clone() {
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
                let give = |user| Operation::GiveRole { role: role.clone(), name: name.to_owned(), user };
                self.given.extend(to_give.into_iter().take(given).map(give));
            }
        }
    }

    /// A key for an object that never had one is made from its name.
    fn key_for(&self, key: Option<&Key>, name: &str) -> Option<Key> {
        let allowed = |c: char| if c.is_alphanumeric() || c == '_' { c } else { '-' };
        let slug: String = name.chars().take(Key::MAX).map(allowed).collect();
        key.cloned().or_else(|| slug.parse().ok())
    }

    fn unmake_role(&mut self, key: &Key, name: &str) {
        let live =
            self.bindings.roles.get(key).and_then(|b| self.snapshot.guild.role(&Ref::Live(b.id)).map(|r| (b.id, r)));
        let Some((id, role)) = live else {
            return self.note(
                Weight::Info,
                NoteCode::DeletedByHand,
                format!("roles.{key}"),
                "The role is gone already.",
            );
        };
        let subject = super::RoleSubject { id, key: Some(key.clone()), name: name.to_owned() };
        let released = BindingChange::Release { kind: ObjectKind::Role, key: key.clone() };
        self.push(Operation::DeleteRole { role: subject, was: Box::new(role.attributes.clone()) }, vec![released]);
    }

    fn unmake_channel(&mut self, key: &Key, kind: ChannelKind) {
        let kind = kind_of(kind);
        let bound = match kind {
            ObjectKind::Category => &self.bindings.categories,
            ObjectKind::Role | ObjectKind::Channel => &self.bindings.channels,
        };
        let live =
            bound.get(key).and_then(|b| self.snapshot.guild.channel(&Ref::Live(b.id)).map(|c| (b.id, c.clone())));
        let Some((id, channel)) = live else {
            return self.note(
                Weight::Info,
                NoteCode::DeletedByHand,
                format!("{}.{key}", kind.section()),
                "It is gone already.",
            );
        };
        let subject = super::ChannelSubject {
            id,
            key: Some(key.clone()),
            name: channel.attributes.name.clone(),
            kind: channel.attributes.kind,
            category: None,
        };
        let released = BindingChange::Release { kind, key: key.clone() };
        if kind == ObjectKind::Category {
            let was = Box::new(channel.attributes);
            return self.push(Operation::DeleteChannel { channel: subject, was }, vec![released]);
        }
        let text = "The channel is hidden instead of deleted, because people may have written in it.";
        self.note(Weight::Info, NoteCode::Archived, format!("channels.{key}"), text);
        let held = self.snapshot.bot_permissions().unwrap_or_default();
        let hidden = Change { from: channel.attributes.overwrites, to: hidden_overwrites(self.snapshot, held) };
        let parent = channel.attributes.parent.map(|parent| Change { from: Some(parent), to: None });
        let changes = Box::new(ChannelPatch { overwrites: Some(hidden), parent, ..ChannelPatch::default() });
        let archived = BindingChange::Archive { kind, key: key.clone() };
        self.push(Operation::UpdateChannel { channel: subject, changes }, vec![archived]);
    }

    fn update_channel(&mut self, step: &Step, channel: &super::ChannelSubject, changes: &ChannelPatch) {
        let section = kind_of(channel.kind).section();
        let subject = format!("{section}.{}", channel.key.as_ref().map_or(channel.name.as_str(), Key::as_str));
        let Some(live) = self.snapshot.guild.channel(&Ref::Live(channel.id)) else {
            return self.note(
                Weight::Warning,
                NoteCode::DeletedByHand,
                subject,
                "It is gone or hidden, so there is nothing to undo.",
            );
        };
        let mut wanted = live.attributes.clone();
        changes.clone().inverse().apply(&mut wanted);
        wanted.overwrites = self.renamed(&wanted.overwrites);
        wanted.parent = wanted.parent.as_ref().map(|parent| self.renamed_channel(parent));
        let back = live.attributes.diff(&wanted);
        let restored = step.bindings.iter().filter_map(|change| match change {
            BindingChange::Archive { kind, key } => Some(BindingChange::Bind {
                kind: *kind,
                key: key.clone(),
                id: channel.id.to_string(),
                provenance: crate::model::Provenance::Adopted,
                protected: false,
            }),
            _ => None,
        });
        let restored: Vec<BindingChange> = restored.collect();
        if !back.is_empty() {
            self.push(Operation::UpdateChannel { channel: channel.clone(), changes: Box::new(back) }, restored);
        }
    }

    fn move_roles(&mut self, moves: &[Move<RoleRef>]) {
        let live = |object: &RoleRef| self.snapshot.guild.role(object).map(|r| r.position);
        let back = moves.iter().filter_map(|m| back_of(m, live(&m.object)?)).collect::<Vec<_>>();
        if !back.is_empty() {
            self.push(Operation::MoveRoles { moves: back }, Vec::new());
        }
    }

    fn move_channels(&mut self, moves: &[Move<ChannelRef>]) {
        let live = |object: &ChannelRef| self.snapshot.guild.channel(object).map(|c| c.position);
        let back = moves.iter().filter_map(|m| back_of(m, live(&m.object)?)).collect::<Vec<_>>();
        if !back.is_empty() {
            self.push(Operation::MoveChannels { moves: back }, Vec::new());
        }
    }

    fn renamed(&self, overwrites: &Overwrites) -> Overwrites {
        let gone = |target: &Target| match target {
            Target::Role(role) => {
                let live = self.snapshot.guild.role(role).is_some();
                !live && role.id().is_none_or(|id| !self.remade_roles.contains_key(&id.get()))
            }
            Target::Member(_) => false,
        };
        let kept: Overwrites = overwrites.iter().filter(|(t, _)| !gone(t)).map(|(t, o)| (t.clone(), *o)).collect();
        kept.map_roles(|role| role.id().and_then(|id| self.remade_roles.get(&id.get())).unwrap_or(role).clone())
    }

    fn renamed_channel(&self, channel: &ChannelRef) -> ChannelRef {
        channel.id().and_then(|id| self.remade_channels.get(&id.get())).unwrap_or(channel).clone()
    }
}

/// The move back to where the object stood, if it exists and did stand somewhere.
fn back_of<R: Clone>(there: &Move<R>, now: i64) -> Option<Move<R>> {
    let to = there.from.filter(|was| *was != now)?;
    Some(Move { from: Some(now), to, ..there.clone() })
}

fn kind_of(kind: ChannelKind) -> ObjectKind {
    if kind == ChannelKind::Category { ObjectKind::Category } else { ObjectKind::Channel }
}
