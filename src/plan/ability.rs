//! What the bot is able to do, and what the guild allows anybody. What is not possible is taken out of the plan with a note.
//!
//! Discord answers a dozen causes with the same 403, so the cause is found here, before anything is sent.
//!
//! ```text
//! bot        what the bot holds, now and on the way
//! roles      which roles it can make, change and delete
//! channels   which channels and categories, and what would follow what
//! removals   what it can archive and delete
//! settings   which settings
//! room       how much room Discord leaves
//! ```

mod bot;
mod channels;
mod removals;
mod roles;
mod room;
mod settings;

use std::collections::BTreeSet;

use super::note::{Note, NoteCode, Weight};
use super::remove::Removals;
use super::resolve::{Desired, Wanted};
use crate::model::{Channel, ChannelKind, ChannelRef, Guild, Index, Overwrites, Permissions, Role, RoleRef, Target};
pub(super) use bot::{Bot, RoleViews};
pub(super) use channels::take_long_topic;
use roles::Going;
use room::Room;
use settings::features_after;

/// Takes out of `desired` and `removals` what cannot be done. `hidden` is how many channels the bot is not shown.
///
/// What others refer to comes before them, so that nothing waits for what is not made.
pub(super) fn limit(bot: &Bot<'_>, live: &Guild, hidden: usize, desired: &mut Desired<'_>, removals: &mut Removals) {
    let mut limiter = Limiter {
        bot,
        live,
        roles: live.roles_by_id(),
        channels: live.channels_by_id(),
        features: BTreeSet::new(),
        room: Room {
            roles: Guild::MAX_ROLES.saturating_sub(live.roles.len()),
            channels: Guild::MAX_CHANNELS.saturating_sub(live.channels.len() + hidden),
        },
        notes: Vec::new(),
    };
    limiter.settings(desired);
    limiter.features = features_after(live, desired);
    desired.roles.retain_mut(|role| limiter.role(role) && limiter.has_room_for_role(role));
    let going = Going::of(desired, removals);
    removals.deleted_roles.retain(|(key, role)| limiter.role_removal(key.as_ref(), role, &going));
    let is_archive_wanted = desired.categories.iter().any(|category| Some(&category.id) == removals.archive.as_ref());
    limiter.removed_channels(is_archive_wanted, removals);
    let roles: BTreeSet<RoleRef> = planned(&desired.roles);
    desired.categories.retain_mut(|category| {
        limiter.channel("categories", category, &roles, None) && limiter.has_room_for_channel("categories", category)
    });
    let categories: BTreeSet<ChannelRef> = planned(&desired.categories);
    if is_archive_wanted {
        limiter.archive_of_manifest(desired, removals);
    }
    desired.channels.retain_mut(|channel| limiter.channel("channels", channel, &roles, Some(&categories)));
    limiter.places(desired, removals);
    limiter.leading(desired);
    // Nothing but the settings refers to channels, so those that go for other reasons leave their room to others.
    desired.channels.retain(|channel| limiter.has_room_for_channel("channels", channel));
    limiter.left_categories(desired, removals);
    limiter.chosen_channels(desired);
    if removals.archived.is_empty() {
        removals.archive = None;
    }
    desired.notes.append(&mut limiter.notes);
}

/// Those that do not exist yet.
fn planned<R: Clone + Ord, A: Clone>(wanted: &[Wanted<'_, R, A>]) -> BTreeSet<R> {
    wanted.iter().filter(|wanted| wanted.from.is_none()).map(|wanted| wanted.id.clone()).collect()
}

struct Limiter<'a> {
    bot: &'a Bot<'a>,
    live: &'a Guild,
    roles: Index<&'a RoleRef, &'a Role>,
    channels: Index<&'a ChannelRef, &'a Channel>,
    /// What the guild has once the settings are as wanted.
    features: BTreeSet<String>,
    room: Room,
    notes: Vec<Note>,
}

impl Limiter<'_> {
    fn warn(&mut self, code: NoteCode, subject: &str, text: impl Into<String>, help: &str) {
        self.notes.push(Note::new(Weight::Warning, code, subject, text).help(help));
    }
}

const GIVE_THESE: &str = "Give the bot's role these permissions, or Administrator.";
const GIVE_MANAGE_ROLES: &str = "Give the bot's role manage_roles.";
const GIVE_MANAGE_CHANNELS: &str = "Give the bot's role manage_channels.";
const GIVE_ROLES: &str = "Give roles what single members have now.";
const RAISE_BOT: &str = "Drag the bot's role above it in Discord's role list.";

fn lacking_to_change(held: Permissions, kind: ChannelKind) -> Option<&'static str> {
    let talk = matches!(kind, ChannelKind::Voice | ChannelKind::Stage);
    if !held.contains(Permissions::VIEW_CHANNEL) {
        Some("view_channel")
    } else if talk && !held.contains(Permissions::CONNECT) {
        Some("connect")
    } else if !held.contains(Permissions::MANAGE_CHANNELS) {
        Some("manage_channels")
    } else {
        None
    }
}

/// True when the role is allowed something in the channel.
fn lets_in(role: &Role, channel: &Channel) -> bool {
    !channel.attributes.overwrites.get(&Target::Role(role.id.clone())).allow.is_empty()
}

fn bits_of(overwrites: &Overwrites) -> Permissions {
    overwrites.iter().map(|(_, overwrite)| overwrite.allow | overwrite.deny).collect()
}
