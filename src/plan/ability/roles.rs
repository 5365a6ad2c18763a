//! Which roles the bot can make, change and delete.

use std::borrow::Cow;

use crate::model::{Channel, Key, Overwrites, Permissions, Role, RoleAttributes, Target};
use crate::plan::note::NoteCode;
use crate::plan::remove::Removals;
use crate::plan::resolve::{Desired, WantedRole};
use crate::plan::sequence::{interferes, is_stepwise};

use super::{GIVE_MANAGE_ROLES, GIVE_ROLES, GIVE_THESE, Limiter, RAISE_BOT, lets_in};

/// What is to be known of all roles that go before one of them may.
pub(super) struct Going {
    stepwise: bool,
    gains: bool,
    roles: Vec<Target>,
}

impl Going {
    pub(super) fn of(desired: &Desired<'_>, removals: &Removals) -> Self {
        let gains = |role: &WantedRole<'_>| {
            role.from.is_some_and(|from| !role.to.permissions.without(from.permissions).is_empty())
        };
        Self {
            stepwise: is_stepwise(desired, removals),
            gains: desired.roles.iter().any(gains),
            roles: removals.deleted_targets(),
        }
    }

    /// True when the role would have to be taken out of the channel before it goes, and no request takes what remains.
    fn sticks(&self, role: &Role, channel: &Channel) -> bool {
        let overwrites = &channel.attributes.overwrites;
        let is_named = !overwrites.get(&Target::Role(role.id.clone())).is_neutral();
        let is_in_the_way = interferes(overwrites, &self.roles, false) || self.gains && lets_in(role, channel);
        is_named && is_in_the_way && overwrites.without(&self.roles).len() > Overwrites::MAX_PER_REQUEST
    }
}

impl Limiter<'_> {
    /// True when the role stays in the plan, perhaps with fewer changes.
    pub(super) fn role(&mut self, role: &mut WantedRole<'_>) -> bool {
        if role.is_settled() {
            return true;
        }
        let subject = format!("roles.{}", role.key);
        let Some(from) = role.from else { return self.new_role(&subject, role) };
        let live = self.roles.get(&role.id);
        let text = if !self.bot.permissions.contains(Permissions::MANAGE_ROLES) {
            Some((
                NoteCode::MissingPermission,
                "The bot lacks manage_roles, so this role stays as it is.",
                GIVE_MANAGE_ROLES,
            ))
        } else if !role.key.is_everyone() && live.is_some_and(|live| !self.bot.outranks(live)) {
            Some((NoteCode::AboveBot, "The role is not below the bot's highest role, so it stays as it is.", RAISE_BOT))
        } else {
            None
        };
        if let Some((code, text, help)) = text {
            self.warn(code, &subject, text, help);
            role.to = Cow::Borrowed(from);
            return true;
        }
        let own = if self.bot.holds(&role.id) { from.permissions } else { Permissions::NONE };
        self.role_fields(&subject, from, role.to.to_mut(), own);
        true
    }

    fn new_role(&mut self, subject: &str, role: &mut WantedRole<'_>) -> bool {
        if !self.bot.permissions.contains(Permissions::MANAGE_ROLES) {
            self.warn(
                NoteCode::MissingPermission,
                subject,
                "The bot lacks manage_roles, so this role is not created.",
                GIVE_MANAGE_ROLES,
            );
            return false;
        }
        let blank = RoleAttributes::named(role.to.name.clone());
        self.role_fields(subject, &blank, role.to.to_mut(), Permissions::NONE);
        true
    }

    /// Takes back fields the bot or the guild cannot have. `own` is what the bot holds through the very role, until it
    /// changes it.
    fn role_fields(&mut self, subject: &str, from: &RoleAttributes, to: &mut RoleAttributes, own: Permissions) {
        let touched = to.permissions | from.permissions;
        let held = self.bot.permissions | own;
        if to.permissions != from.permissions && !held.contains(touched) {
            let lacking = touched.without(held).names().join(", ");
            let text = format!("The permissions stay as they are, because the bot itself lacks {lacking}.");
            self.warn(NoteCode::MissingPermission, subject, text, GIVE_THESE);
            to.permissions = from.permissions;
        }
        if to.colors.secondary != from.colors.secondary && !self.features.contains("ENHANCED_ROLE_COLORS") {
            self.warn(
                NoteCode::MissingFeature,
                subject,
                "The guild has no gradient colours (feature ENHANCED_ROLE_COLORS).",
                "Boost the guild, or use one colour.",
            );
            to.colors = from.colors;
        }
        let wears = to.icon != from.icon || to.unicode_emoji != from.unicode_emoji;
        if wears && !self.features.contains("ROLE_ICONS") {
            self.warn(
                NoteCode::MissingFeature,
                subject,
                "The guild has no role icons (feature ROLE_ICONS, boost level 2).",
                "Boost the guild, or leave the icon out.",
            );
            to.icon.clone_from(&from.icon);
            to.unicode_emoji.clone_from(&from.unicode_emoji);
        }
    }

    pub(super) fn role_removal(&mut self, key: Option<&Key>, role: &Role, going: &Going) -> bool {
        let subject = format!("roles.{}", key.map_or(role.attributes.name.as_str(), Key::as_str));
        if !self.bot.permissions.contains(Permissions::MANAGE_ROLES) {
            self.warn(
                NoteCode::MissingPermission,
                &subject,
                "The bot lacks manage_roles, so this role is not deleted.",
                GIVE_MANAGE_ROLES,
            );
            return false;
        }
        if !self.bot.outranks(role) {
            self.warn(
                NoteCode::AboveBot,
                &subject,
                "The role is not below the bot's highest role, so it is not deleted.",
                RAISE_BOT,
            );
            return false;
        }
        // A role loses its permissions before other things change, and must not let anybody slip in on the way.
        let lacking = role.attributes.permissions.without(self.bot.permissions);
        if going.stepwise && !lacking.is_empty() {
            let text = format!("The role is not deleted, because the bot itself lacks {}.", lacking.names().join(", "));
            self.warn(NoteCode::MissingPermission, &subject, text, GIVE_THESE);
            return false;
        }
        if let Some(channel) = self.live.channels.iter().find(|channel| !self.can_take_out(role, channel)) {
            let text = format!("The role is not deleted: the bot cannot change who sees #{}.", channel.attributes.name);
            self.warn(NoteCode::MissingPermission, &subject, text, GIVE_THESE);
            return false;
        }
        let crowded = |channel: &&Channel| channel.attributes.overwrites.len() > Overwrites::MAX_PER_REQUEST;
        let mut crowded = self.live.channels.iter().filter(crowded);
        if let Some(channel) = crowded.find(|channel| going.sticks(role, channel)) {
            let text = format!(
                "The role is not deleted: #{} has more overwrites than go into the request that would take its own out.",
                channel.attributes.name
            );
            self.warn(NoteCode::OverLimit, &subject, text, GIVE_ROLES);
            return false;
        }
        true
    }

    /// True when the bot could rewrite the channel's overwrites without the role's, or when there is no need to.
    fn can_take_out(&self, role: &Role, channel: &Channel) -> bool {
        self.bot.is_administrator() || !lets_in(role, channel) || self.can_rewrite(channel)
    }
}
