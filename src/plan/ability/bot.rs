//! The bot: what it holds, what is below it, and how that could change on the way.

use std::collections::BTreeSet;

use crate::model::{
    Access, Actor, Channel, ChannelAttributes, Guild, Index, Permissions, Ref, Role, RoleRef, Snapshot,
};
use crate::plan::arrange::outranks;
use crate::plan::remove::Removals;
use crate::plan::resolve::{Desired, WantedRole};

/// The bot, ready to be asked.
pub(in crate::plan) struct Bot<'a> {
    guild: &'a Guild,
    pub(super) actor: Actor,
    /// What it holds in the guild.
    pub(in crate::plan) permissions: Permissions,
    /// Its highest role; none for the owner.
    pub(in crate::plan) ceiling: Option<&'a Role>,
}

impl<'a> Bot<'a> {
    /// None when the bot could not be read.
    pub(in crate::plan) fn of(snapshot: &Snapshot, live: &'a Guild) -> Option<Self> {
        let bot = snapshot.bot.known()?;
        let roles: Vec<RoleRef> = bot.roles.iter().map(|id| Ref::Live(*id)).collect();
        let highest =
            live.roles.iter().filter(|r| roles.contains(&r.id)).reduce(|a, b| if outranks(b, a) { b } else { a });
        // Without any role, @everyone is the bot's highest: nothing is below it.
        let ceiling = if bot.user == live.owner { None } else { highest.or_else(|| live.everyone()) };
        let actor = Actor { user: bot.user, roles };
        let permissions = Access::of(live).in_guild(&actor);
        Some(Self { guild: live, actor, permissions, ceiling })
    }

    pub(in crate::plan) fn is_administrator(&self) -> bool {
        self.permissions.contains(Permissions::ADMINISTRATOR)
    }

    /// True when the bot has the role; everybody has @everyone.
    pub(super) fn holds(&self, role: &RoleRef) -> bool {
        self.actor.roles.contains(role) || *role == RoleRef::Live(self.guild.everyone_id())
    }

    pub(super) fn outranks(&self, role: &Role) -> bool {
        self.ceiling.is_none_or(|top| outranks(top, role))
    }

    /// True when the bot may put roles in order.
    pub(in crate::plan) fn orders_roles(&self) -> bool {
        self.permissions.contains(Permissions::MANAGE_ROLES)
    }

    /// True when the bot may put the channels of a category in order, or with none those outside.
    pub(in crate::plan) fn orders_channels(&self, category: Option<&Channel>) -> bool {
        let needed = Permissions::MANAGE_CHANNELS;
        self.permissions.contains(needed) || category.is_some_and(|c| self.in_channel(c).contains(needed))
    }

    pub(super) fn in_channel(&self, channel: &Channel) -> Permissions {
        let ChannelAttributes { kind, overwrites, .. } = &channel.attributes;
        Access::of(self.guild).beyond(self.permissions, &self.actor, *kind, overwrites)
    }
}

/// The roles of a guild as a plan would have them. Channels are left out: whoever asks names one.
pub(in crate::plan) struct RoleViews {
    /// When the bot can do least: every role holds only what it holds both before and after, because roles lose before
    /// anything else happens and gain after it.
    pub(in crate::plan) lowest: Guild,
    /// As the manifest wants them, as far as the bot can change them.
    pub(in crate::plan) wished: Guild,
}

impl RoleViews {
    /// Of the live guild and everything that is wanted of it. Roles the bot cannot change stay as they are.
    pub(in crate::plan) fn of(bot: Option<&Bot<'_>>, live: &Guild, desired: &Desired<'_>, removals: &Removals) -> Self {
        let mut wished = roles_of(live);
        let everyone = live.everyone_id();
        let deleted: BTreeSet<&RoleRef> = removals.deleted_roles.iter().map(|(_, role)| &role.id).collect();
        let wanted: Index<&RoleRef, &WantedRole<'_>> = desired.roles.iter().map(|role| (&role.id, role)).collect();
        for role in &mut wished.roles {
            let changeable =
                bot.is_some_and(|bot| bot.orders_roles() && (role.id.id() == Some(everyone) || bot.outranks(role)));
            if !changeable {
                continue;
            }
            if deleted.contains(&role.id) {
                role.attributes.permissions = Permissions::NONE;
            } else if let Some(wanted) = wanted.get(&role.id) {
                role.attributes.permissions = wanted.to.permissions;
            }
        }
        let mut lowest = roles_of(live);
        for (role, wished) in lowest.roles.iter_mut().zip(&wished.roles) {
            role.attributes.permissions = role.attributes.permissions & wished.attributes.permissions;
        }
        Self { lowest, wished }
    }
}

fn roles_of(guild: &Guild) -> Guild {
    let Guild { id, owner, boost_tier, requires_mfa, settings, roles, channels: _ } = guild;
    Guild {
        id: *id,
        owner: *owner,
        boost_tier: *boost_tier,
        requires_mfa: *requires_mfa,
        settings: settings.clone(),
        roles: roles.clone(),
        channels: Vec::new(),
    }
}
