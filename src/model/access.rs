//! Who may do what: Discord's algorithm for effective permissions.

use super::{Channel, ChannelKind, Guild, Overwrite, Overwrites, Permissions, RoleRef, Target, UserId};

/// Someone whose permissions are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A member with exactly this role besides @everyone; the @everyone role itself is a member without roles.
    Role(RoleRef),
    /// A member with these roles besides @everyone.
    Member {
        /// Who.
        user: UserId,
        /// Their roles.
        roles: Vec<RoleRef>,
    },
}

impl Actor {
    fn has(&self, role: &RoleRef) -> bool {
        match self {
            Self::Role(only) => only == role,
            Self::Member { roles, .. } => roles.contains(role),
        }
    }

    fn user(&self) -> Option<UserId> {
        match self {
            Self::Role(_) => None,
            Self::Member { user, .. } => Some(*user),
        }
    }
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
        if actor.user() == Some(self.guild.owner) {
            return Permissions::EVERY;
        }
        let everyone = RoleRef::Live(self.guild.everyone_id());
        let held = self.guild.roles.iter().filter(|r| r.id == everyone || actor.has(&r.id));
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
        let mut permissions = overwrites.get(&everyone).over(base);
        let of_roles = overwrites
            .iter()
            .filter(|(target, _)| **target != everyone && matches!(target, Target::Role(role) if actor.has(role)));
        let (mut allow, mut deny) = (Permissions::NONE, Permissions::NONE);
        for (_, overwrite) in of_roles {
            allow |= overwrite.allow;
            deny |= overwrite.deny;
        }
        permissions = permissions.without(deny).with(allow);
        if let Some(user) = actor.user() {
            permissions = overwrites.get(&Target::Member(user)).over(permissions);
        }
        implied(permissions, kind)
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
