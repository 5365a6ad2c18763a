//! What is left of an approved plan after it was broken off: whether a fresh plan wants anything else.

use crate::model::{Bindings, ChannelAttributes, ChannelRef, GuildSettings, Key, ObjectKind, Ref, RoleRef, Snapshot};

use super::Plan;
use super::operation::{Move, Operation};

/// True when the plan `now` does nothing that the approved plan did not speak of, made as it is for the guild and bindings
/// that the approved one left behind. Every new step is one of the old ones, or a part of it.
pub(super) fn is_rest(now: &Plan, approved: &Plan, snapshot: &Snapshot, bindings: &Bindings) -> bool {
    let rest = Rest { approved, snapshot, bindings };
    let is_known = |code| approved.refusals.iter().any(|refusal| refusal.code == code);
    let old_bindings = || approved.bindings.iter().chain(approved.steps.iter().flat_map(|step| &step.bindings));
    let mut new_bindings = now.bindings.iter().chain(now.steps.iter().flat_map(|step| &step.bindings));
    now.guild == approved.guild
        && now.version == approved.version
        && now.revision == approved.revision
        && now.blocking().next().is_none()
        && now.refusals.iter().all(|refusal| is_known(refusal.code))
        && new_bindings.all(|new| old_bindings().any(|old| old == new))
        && now.steps.iter().all(|step| rest.speaks_of(&step.operation))
}

struct Rest<'a> {
    approved: &'a Plan,
    snapshot: &'a Snapshot,
    bindings: &'a Bindings,
}

impl Rest<'_> {
    fn speaks_of(&self, new: &Operation) -> bool {
        let guild = &self.snapshot.guild;
        self.approved.steps.iter().any(|step| match (&step.operation, new) {
            (Operation::CreateRole { key, role }, Operation::CreateRole { key: again, role: anew }) => {
                key == again && role == anew
            }
            (Operation::CreateChannel { key, channel }, Operation::CreateChannel { key: again, channel: anew }) => {
                key == again && self.settled(channel) == self.settled(anew)
            }
            (Operation::UpdateGuild { changes }, Operation::UpdateGuild { changes: more }) => {
                let mut once = guild.settings.clone();
                changes.apply(&mut once);
                let mut twice = once.clone();
                more.apply(&mut twice);
                self.settled_settings(once) == self.settled_settings(twice)
            }
            (Operation::UpdateRole { role, changes }, Operation::UpdateRole { role: again, changes: more }) => {
                role.id == again.id
                    && guild.role(&Ref::Live(role.id)).is_some_and(|live| {
                        let mut once = live.attributes.clone();
                        changes.apply(&mut once);
                        let mut twice = once.clone();
                        more.apply(&mut twice);
                        once == twice
                    })
            }
            (
                Operation::UpdateChannel { channel, changes },
                Operation::UpdateChannel { channel: again, changes: more },
            ) => {
                channel.id == again.id
                    && guild.channel(&Ref::Live(channel.id)).is_some_and(|live| {
                        let mut once = live.attributes.clone();
                        changes.apply(&mut once);
                        let mut twice = once.clone();
                        more.apply(&mut twice);
                        self.settled(&once) == self.settled(&twice)
                    })
            }
            (Operation::SetTopic { key, topic, .. }, Operation::SetTopic { key: again, topic: anew, .. }) => {
                key == again && topic == anew
            }
            // The channel is there by now, so the topic is a change like any other.
            (Operation::SetTopic { key, topic, .. }, Operation::UpdateChannel { channel, changes }) => {
                let alone = changes.changes().len() == 1;
                let is_it = self.channel(ObjectKind::Channel, &Ref::Planned(key.clone())) == Ref::Live(channel.id);
                alone && is_it && changes.topic.as_ref().is_some_and(|change| change.to.as_ref() == Some(topic))
            }
            (Operation::DeleteRole { role, .. }, Operation::DeleteRole { role: again, .. }) => role.id == again.id,
            (Operation::DeleteChannel { channel, .. }, Operation::DeleteChannel { channel: again, .. }) => {
                channel.id == again.id
            }
            (Operation::GiveRole { role, user, .. }, Operation::GiveRole { role: again, user: one, .. }) => {
                user == one && self.role(role) == self.role(again)
            }
            (Operation::MoveRoles { .. }, Operation::MoveRoles { moves }) => {
                moves.iter().all(|m| self.moves_role(&m.object))
            }
            (Operation::MoveChannels { .. }, Operation::MoveChannels { moves }) => {
                moves.iter().all(|m| self.moves_channel(m))
            }
            _ => false,
        })
    }

    /// True when the approved plan moves or makes the role.
    fn moves_role(&self, role: &RoleRef) -> bool {
        let role = self.role(role);
        self.approved.steps.iter().any(|step| match &step.operation {
            Operation::MoveRoles { moves } => moves.iter().any(|m| self.role(&m.object) == role),
            Operation::CreateRole { key, .. } => self.role(&Ref::Planned(key.clone())) == role,
            _ => false,
        })
    }

    fn moves_channel(&self, moved: &Move<ChannelRef>) -> bool {
        let kind = |is_category| if is_category { ObjectKind::Category } else { ObjectKind::Channel };
        let channel = self.channel(kind(moved.is_category), &moved.object);
        self.approved.steps.iter().any(|step| match &step.operation {
            Operation::MoveChannels { moves } => {
                moves.iter().any(|m| self.channel(kind(m.is_category), &m.object) == channel)
            }
            Operation::CreateChannel { key, .. } => {
                self.channel(kind(moved.is_category), &Ref::Planned(key.clone())) == channel
            }
            _ => false,
        })
    }

    /// What the reference stands for by now.
    fn role(&self, role: &RoleRef) -> RoleRef {
        let bound = role.key().and_then(|key| self.bindings.roles.get(key));
        bound.map_or_else(|| role.clone(), |bound| Ref::Live(bound.id))
    }

    fn channel(&self, kind: ObjectKind, channel: &ChannelRef) -> ChannelRef {
        let of_kind = if kind == ObjectKind::Category { &self.bindings.categories } else { &self.bindings.channels };
        let bound = channel.key().and_then(|key: &Key| of_kind.get(key));
        bound.map_or_else(|| channel.clone(), |bound| Ref::Live(bound.id))
    }

    /// A channel with what its references stand for by now. Tags are told by their names, as everywhere.
    fn settled(&self, channel: &ChannelAttributes) -> ChannelAttributes {
        let mut channel = channel.clone();
        channel.parent = channel.parent.map(|parent| self.channel(ObjectKind::Category, &parent));
        channel.overwrites = channel.overwrites.map_roles(|role| self.role(role));
        channel.available_tags.iter_mut().for_each(|tag| tag.id = None);
        channel
    }

    fn settled_settings(&self, mut settings: GuildSettings) -> GuildSettings {
        let GuildSettings {
            afk_channel,
            system_channel,
            rules_channel,
            public_updates_channel,
            safety_alerts_channel,
            ..
        } = &mut settings;
        let channels = [afk_channel, system_channel, rules_channel, public_updates_channel, safety_alerts_channel];
        for channel in channels.into_iter().flatten() {
            *channel = self.channel(ObjectKind::Channel, channel);
        }
        settings
    }
}
