//! Who may do what: Discord's algorithm for effective permissions.

use super::{Channel, ChannelKind, Guild, Overwrite, Overwrites, Permissions, RoleRef, Target, UserId};

/// A member whose permissions are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// Who.
    pub user: UserId,
    /// Their roles besides @everyone.
    pub roles: Vec<RoleRef>,
}

/// Answers questions about one guild.
#[derive(Clone, Copy, Debug)]
pub struct Access<'a> {
    guild: &'a Guild,
}

impl<'a> Access<'a> {
    /// For this guild.
    pub fn of(guild: &'a Guild) -> Self {
        Self { guild }
    }

    /// What `actor` may do in the whole guild, before channels have their say.
    pub fn in_guild(&self, actor: &Actor) -> Permissions {
        if actor.user == self.guild.owner {
            return Permissions::EVERY;
        }
        let everyone = RoleRef::Live(self.guild.everyone_id());
        let held = self.guild.roles.iter().filter(|r| r.id == everyone || actor.roles.contains(&r.id));
        let base: Permissions = held.map(|r| r.attributes.permissions).collect();
        if base.contains(Permissions::ADMINISTRATOR) { Permissions::EVERY } else { base }
    }

    /// What `actor` may do in `channel`.
    pub fn in_channel(&self, actor: &Actor, channel: &Channel) -> Permissions {
        self.with_overwrites(actor, channel.attributes.kind, &channel.attributes.overwrites)
    }

    /// What `actor` may do in a channel of this kind that has these overwrites.
    pub fn with_overwrites(&self, actor: &Actor, kind: ChannelKind, overwrites: &Overwrites) -> Permissions {
        self.beyond(self.in_guild(actor), actor, kind, overwrites)
    }

    /// The same for an actor whose permissions in the guild are known to be `base`.
    pub fn beyond(&self, base: Permissions, actor: &Actor, kind: ChannelKind, overwrites: &Overwrites) -> Permissions {
        if base == Permissions::EVERY {
            return base;
        }
        let everyone = Target::Role(RoleRef::Live(self.guild.everyone_id()));
        let of_everyone = overwrites.get(&everyone).over(base);
        let of_roles = overwrites.iter().filter(|(target, _)| {
            **target != everyone && matches!(target, Target::Role(role) if actor.roles.contains(role))
        });
        let (mut allow, mut deny) = (Permissions::NONE, Permissions::NONE);
        for (_, overwrite) in of_roles {
            allow |= overwrite.allow;
            deny |= overwrite.deny;
        }
        let of_roles = of_everyone.without(deny).with(allow);
        implied(overwrites.get(&Target::Member(actor.user)).over(of_roles), kind)
    }
}

/// What a member with one role besides @everyone may do in a channel of this kind, given what both roles grant together in
/// the guild and what the channel's overwrites say of each.
pub fn role_access(base: Permissions, everyone: Overwrite, role: Overwrite, kind: ChannelKind) -> Permissions {
    if base.contains(Permissions::ADMINISTRATOR) {
        return Permissions::EVERY;
    }
    implied(role.over(everyone.over(base)), kind)
}

/// Takes away what other missing permissions make useless (Discord's permission documentation, "Implicit Permissions").
fn implied(permissions: Permissions, kind: ChannelKind) -> Permissions {
    let talk = matches!(kind, ChannelKind::Voice | ChannelKind::Stage);
    if !permissions.contains(Permissions::VIEW_CHANNEL) {
        return Permissions::NONE;
    }
    if talk && !permissions.contains(Permissions::CONNECT) {
        return permissions & Permissions::VIEW_CHANNEL;
    }
    if !permissions.contains(Permissions::SEND_MESSAGES) && !talk {
        let writing = Permissions::MENTION_EVERYONE
            | Permissions::SEND_TTS_MESSAGES
            | Permissions::ATTACH_FILES
            | Permissions::EMBED_LINKS;
        return permissions.without(writing);
    }
    permissions
}
