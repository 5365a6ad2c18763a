//! The guild as the steps of a way back leave it, one after the other.

use crate::model::{Channel, ChannelRef, Guild, Managed, Overwrites, Ref, Role, RoleRef, Target};
use crate::plan::operation::{Move, Operation};

/// A guild to which operations are done.
pub(super) struct World {
    pub(super) guild: Guild,
}

impl World {
    /// What Discord makes of an operation, as far as it matters for the next ones: it takes channels along with their
    /// category, and with what is deleted everything that is said of it.
    pub(super) fn carry_out(&mut self, operation: &Operation) {
        let Guild { settings, roles, channels, .. } = &mut self.guild;
        match operation {
            Operation::UpdateGuild { changes } => changes.apply(settings),
            Operation::UpdateRole { role, changes } => {
                let role = roles.iter_mut().find(|r| r.id == Ref::Live(role.id));
                role.into_iter().for_each(|role| changes.apply(&mut role.attributes));
            }
            Operation::UpdateChannel { channel, changes } => {
                let id = Ref::Live(channel.id);
                let Some(live) = channels.iter_mut().find(|c| c.id == id) else { return };
                let old = live.attributes.overwrites.clone();
                changes.apply(&mut live.attributes);
                let new = live.attributes.overwrites.clone();
                self.lead(&id, &old, &new);
            }
            Operation::DeleteRole { role, .. } => self.delete_role(&Ref::Live(role.id)),
            Operation::DeleteChannel { channel, .. } => self.delete_channel(&Ref::Live(channel.id)),
            Operation::CreateRole { key, role } => roles.push(Role {
                id: Ref::Planned(key.clone()),
                position: 0,
                managed: Managed::No,
                attributes: (**role).clone(),
            }),
            Operation::CreateChannel { key, channel } => {
                channels.push(Channel { id: Ref::Planned(key.clone()), position: 0, attributes: (**channel).clone() });
            }
            Operation::SetTopic { key, topic, .. } => {
                let channel = channels.iter_mut().find(|c| c.id == Ref::Planned(key.clone()));
                channel.into_iter().for_each(|channel| channel.attributes.topic = Some(topic.clone()));
            }
            Operation::MoveRoles { moves } => {
                for Move { object, to, .. } in moves {
                    roles.iter_mut().filter(|r| r.id == *object).for_each(|role| role.position = *to);
                }
            }
            Operation::MoveChannels { moves } => {
                for Move { object, to, .. } in moves {
                    channels.iter_mut().filter(|c| c.id == *object).for_each(|channel| channel.position = *to);
                }
            }
            Operation::GiveRole { .. } => {}
        }
    }

    /// Channels that say the same as their category change along with it.
    fn lead(&mut self, category: &ChannelRef, old: &Overwrites, new: &Overwrites) {
        for child in &mut self.guild.channels {
            if child.attributes.parent.as_ref() == Some(category) && child.attributes.overwrites == *old {
                child.attributes.overwrites = new.clone();
            }
        }
    }

    fn delete_role(&mut self, role: &RoleRef) {
        self.guild.roles.retain(|r| r.id != *role);
        let target = Target::Role(role.clone());
        for channel in &mut self.guild.channels {
            channel.attributes.overwrites.remove(&target);
        }
    }

    fn delete_channel(&mut self, channel: &ChannelRef) {
        self.guild.channels.retain(|c| c.id != *channel);
        for child in &mut self.guild.channels {
            child.attributes.parent.take_if(|parent| parent == channel);
        }
    }
}
