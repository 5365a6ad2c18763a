//! Which channels and categories the bot can make and change, and what would follow what.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::model::{
    Channel, ChannelAttributes, ChannelKind, ChannelRef, Index, Overwrites, Permissions, Ref, RoleRef, Target,
};
use crate::plan::note::{Note, NoteCode, Weight};
use crate::plan::resolve::{Desired, WantedChannel};
use crate::plan::sequence::harmless_denial;

use super::{GIVE_MANAGE_CHANNELS, GIVE_ROLES, GIVE_THESE, Limiter, bits_of, lacking_to_change};

/// Most UTF-16 units in the topic of a channel that is being made. The documentation says so, the API description does not;
/// both hold for whoever gives a longer one to the channel that is there.
const MOST_OF_NEW_TOPIC: usize = 1024;

/// Takes out a topic that can only be given to a channel that is there.
pub(in crate::plan) fn take_long_topic(channel: &mut ChannelAttributes) -> Option<String> {
    channel.topic.take_if(|topic| topic.encode_utf16().count() > MOST_OF_NEW_TOPIC)
}

impl Limiter<'_> {
    pub(super) fn channel(
        &mut self,
        section: &str,
        channel: &mut WantedChannel<'_>,
        roles: &BTreeSet<RoleRef>,
        categories: Option<&BTreeSet<ChannelRef>>,
    ) -> bool {
        if channel.is_settled() {
            return true;
        }
        let subject = format!("{section}.{}", channel.key);
        if let Some(missing) = missing_reference(channel, roles, categories) {
            let text = format!("Not planned, because {missing} is not.");
            self.notes.push(Note::new(Weight::Warning, NoteCode::Dependent, subject, text));
            let Some(from) = channel.from else { return false };
            // What exists stays in the plan, so that it is kept from following its category.
            channel.to = Cow::Borrowed(from);
            return true;
        }
        if !self.takes_overwrites(&subject, channel) {
            return false;
        }
        match channel.from {
            None => self.new_channel(&subject, channel),
            Some(from) => self.changed_channel(&subject, from, channel),
        }
    }

    /// Takes back overwrites that do not go into one request; false when there is nothing to take them back to.
    fn takes_overwrites(&mut self, subject: &str, channel: &mut WantedChannel<'_>) -> bool {
        let count = channel.to.overwrites.len();
        let is_sent = channel.from.is_none_or(|from| from.overwrites != channel.to.overwrites);
        if !is_sent || count <= Overwrites::MAX_PER_REQUEST {
            return true;
        }
        let what = if channel.from.is_some() { "The permissions stay as they are" } else { "Not created" };
        let most = Overwrites::MAX_PER_REQUEST;
        let text = format!("{what}: they would be {count} overwrites, and Discord takes {most} in one request.");
        self.warn(NoteCode::OverLimit, subject, text, GIVE_ROLES);
        if let Some(from) = channel.from {
            channel.to.to_mut().overwrites.clone_from(&from.overwrites);
        }
        channel.from.is_some()
    }

    fn new_channel(&mut self, subject: &str, channel: &mut WantedChannel<'_>) -> bool {
        if !self.bot.permissions.contains(Permissions::MANAGE_CHANNELS) {
            self.warn(
                NoteCode::MissingPermission,
                subject,
                "The bot lacks manage_channels, so this is not created.",
                GIVE_MANAGE_CHANNELS,
            );
            return false;
        }
        if let Some(note) = self.missing_kind(subject, channel.to.kind) {
            self.notes.push(note);
            return false;
        }
        let bits = bits_of(&channel.to.overwrites);
        if !self.bot.permissions.contains(bits) {
            let lacking = bits.without(self.bot.permissions).names().join(", ");
            let text = format!("Not created, because its overwrites name permissions the bot itself lacks: {lacking}.");
            self.warn(NoteCode::MissingPermission, subject, text, GIVE_THESE);
            return false;
        }
        if bits.contains(Permissions::MANAGE_ROLES) && !self.bot.is_administrator() {
            let text =
                "Not created, because only an administrator may put manage_roles into the overwrites of a new channel.";
            self.warn(NoteCode::MissingPermission, subject, text, "Give the bot's role Administrator.");
            return false;
        }
        self.channel_fields(subject, None, channel.to.to_mut());
        true
    }

    fn changed_channel<'c>(
        &mut self,
        subject: &str,
        from: &'c ChannelAttributes,
        channel: &mut WantedChannel<'c>,
    ) -> bool {
        let Some(live) = self.channels.get(&channel.id) else { return false };
        let held = self.bot.in_channel(live);
        if let Some(lacking) = lacking_to_change(held, from.kind) {
            let text = format!("The bot lacks {lacking} here, so nothing is changed.");
            self.warn(
                NoteCode::MissingPermission,
                subject,
                text,
                "Give the bot's role this permission here, or Administrator.",
            );
            channel.to = Cow::Borrowed(from);
            return true;
        }
        if from.kind != channel.to.kind && !self.features.contains("NEWS") {
            let text = "The guild has no announcement channels (feature NEWS, which Community guilds have).";
            self.warn(NoteCode::MissingFeature, subject, text, "Enable Community, or leave the type as it is.");
            channel.to.to_mut().kind = from.kind;
        }
        self.overwrites(subject, from, held, channel);
        let destination = channel.to.parent.as_ref().and_then(|p| self.channels.get(p));
        let needed = Permissions::MANAGE_CHANNELS | Permissions::VIEW_CHANNEL;
        if from.parent != channel.to.parent && destination.is_some_and(|d| !self.bot.in_channel(d).contains(needed)) {
            let text =
                "Not moved, because the bot lacks view_channel or manage_channels in the category it should go to.";
            self.warn(NoteCode::MissingPermission, subject, text, "Give the bot's role these permissions there.");
            channel.to.to_mut().parent.clone_from(&from.parent);
        }
        self.channel_fields(subject, Some(from), channel.to.to_mut());
        true
    }

    fn overwrites(
        &mut self,
        subject: &str,
        from: &ChannelAttributes,
        held: Permissions,
        channel: &mut WantedChannel<'_>,
    ) {
        if from.overwrites == channel.to.overwrites || self.bot.is_administrator() {
            return;
        }
        // Discord may check the whole list and not only what differs.
        let bits = bits_of(&from.overwrites) | bits_of(&channel.to.overwrites);
        let own = Target::Member(self.bot.actor.user);
        let trusted = from.overwrites.get(&own).allow.contains(Permissions::MANAGE_ROLES);
        let problem = if !held.contains(Permissions::MANAGE_ROLES) {
            Some("the bot lacks manage_roles here".to_owned())
        } else if bits.contains(Permissions::MANAGE_ROLES) && !trusted {
            Some("only an administrator may set manage_roles in a channel".to_owned())
        } else if !self.bot.permissions.contains(bits) && !trusted {
            Some(format!("the bot itself lacks {}", bits.without(self.bot.permissions).names().join(", ")))
        } else {
            None
        };
        if let Some(problem) = problem {
            let text = format!("The permissions stay as they are, because {problem}.");
            self.warn(NoteCode::MissingPermission, subject, text, GIVE_THESE);
            channel.to.to_mut().overwrites = from.overwrites.clone();
        }
    }

    /// A category takes along the channels that are like it. Where one must not follow and the bot cannot see to that, the
    /// category keeps its overwrites.
    pub(super) fn leading(&mut self, desired: &mut Desired<'_>) {
        let changes = |c: &WantedChannel<'_>| c.from.is_some_and(|from| from.overwrites != c.to.overwrites);
        if !desired.categories.iter().any(changes) {
            return;
        }
        let wanted: Index<&ChannelRef, &WantedChannel<'_>> = desired.channels.iter().map(|c| (&c.id, c)).collect();
        let everyone = Target::Role(Ref::Live(self.live.everyone_id()));
        for category in &mut desired.categories {
            let Some(from) = category.from.filter(|from| from.overwrites != category.to.overwrites) else {
                continue;
            };
            let is_free = harmless_denial(self.bot, from.overwrites.get(&everyone)).is_some();
            let holds_back = |child: &&Channel| {
                let is_alike = child.attributes.overwrites == from.overwrites;
                let goes_along = match wanted.get(&child.id) {
                    Some(w) => w.to.parent.as_ref() == Some(&category.id) && w.to.overwrites == category.to.overwrites,
                    None => true,
                };
                is_alike && !goes_along && !(is_free && self.can_rewrite(child))
            };
            // Whoever has, or comes to have, what the category is about to lose, needs one entry more meanwhile.
            let is_guarded = |w: &&WantedChannel<'_>| {
                w.from.is_some() && w.to.parent.as_ref() == Some(&category.id) && w.to.overwrites == from.overwrites
            };
            let held_back = match self.bot.is_administrator() {
                true => None,
                false => self.live.children(&category.id).find(holds_back),
            };
            let crowded = match guard_fits(&from.overwrites, &everyone) {
                true => None,
                false => desired.channels.iter().find(is_guarded),
            };
            let (code, text) = match (held_back, crowded) {
                (Some(child), _) => (
                    NoteCode::MissingPermission,
                    format!(
                        "The permissions stay as they are: #{} would follow, and the bot cannot keep it from that.",
                        child.attributes.name
                    ),
                ),
                (None, Some(channel)) => (
                    NoteCode::OverLimit,
                    format!(
                        "The permissions stay as they are: #{} would follow, and has too many overwrites for one request to \
                         keep it from that.",
                        channel.to.name
                    ),
                ),
                (None, None) => continue,
            };
            let help = if code == NoteCode::OverLimit { GIVE_ROLES } else { GIVE_THESE };
            let subject = format!("categories.{}", category.key);
            self.notes.push(Note::new(Weight::Warning, code, subject, text).help(help));
            category.to.to_mut().overwrites = from.overwrites.clone();
        }
    }

    /// True when the bot may write the overwrites the channel has, whatever it changes in them.
    pub(super) fn can_rewrite(&self, channel: &Channel) -> bool {
        let held = self.bot.in_channel(channel);
        lacking_to_change(held, channel.attributes.kind).is_none()
            && held.contains(Permissions::MANAGE_ROLES)
            && self.bot.permissions.without(Permissions::MANAGE_ROLES).contains(bits_of(&channel.attributes.overwrites))
    }

    fn missing_kind(&self, subject: &str, kind: ChannelKind) -> Option<Note> {
        let feature = match kind {
            ChannelKind::Announcement => "NEWS",
            ChannelKind::Stage => "COMMUNITY",
            _ => return None,
        };
        let text = format!("The guild has no {}s, which need Community.", kind.noun());
        let note = Note::new(Weight::Warning, NoteCode::MissingFeature, subject, text);
        let help = "Enable Community in Discord, or with `settings: { features: { community: true } }`.";
        (!self.features.contains(feature)).then(|| note.help(help))
    }

    /// Takes back values the guild's boosts do not allow.
    fn channel_fields(&mut self, subject: &str, from: Option<&ChannelAttributes>, to: &mut ChannelAttributes) {
        let vip = self.features.contains("VIP_REGIONS");
        let most = if vip { 384_000 } else { self.live.boost_tier.max_bitrate() };
        if to.kind == ChannelKind::Voice && to.bitrate > most && from.is_none_or(|f| f.bitrate != to.bitrate) {
            let text = format!("A bitrate of {} needs more boosts; this guild allows {most}.", to.bitrate);
            self.warn(NoteCode::MissingFeature, subject, text, "Boost the guild, or write a lower bitrate.");
            to.bitrate = from.map_or(ChannelAttributes::DEFAULT_BITRATE, |f| f.bitrate);
        }
    }
}

/// True when one request takes the overwrites with what keeps a channel from following its category.
fn guard_fits(overwrites: &Overwrites, everyone: &Target) -> bool {
    let more = usize::from(overwrites.get(everyone).is_neutral());
    overwrites.len() + more <= Overwrites::MAX_PER_REQUEST
}

/// The first planned object the channel refers to that is not in the plan.
fn missing_reference(
    channel: &WantedChannel<'_>,
    roles: &BTreeSet<RoleRef>,
    categories: Option<&BTreeSet<ChannelRef>>,
) -> Option<String> {
    let role = channel.to.overwrites.iter().find_map(|(target, _)| match target {
        Target::Role(role @ Ref::Planned(key)) if !roles.contains(role) => Some(format!("roles.{key}")),
        _ => None,
    });
    let parent = channel.to.parent.as_ref().and_then(|parent| match parent {
        Ref::Planned(key) if !categories.is_some_and(|c| c.contains(parent)) => Some(format!("categories.{key}")),
        _ => None,
    });
    role.or(parent)
}
