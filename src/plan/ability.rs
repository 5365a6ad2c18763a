//! What the bot is able to do, and what the guild allows anybody. What is not possible is taken out of the plan with a note.
//!
//! Discord answers a dozen causes with the same 403, so the cause is found here, before anything is sent.

mod room;

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::model::{
    Access, Actor, Channel, ChannelAttributes, ChannelKind, ChannelRef, Guild, Index, Key, Overwrites, Permissions,
    Ref, Role, RoleAttributes, RoleRef, Snapshot, Target,
};

use super::arrange::outranks;
use super::note::{Note, NoteCode, Weight};
use super::remove::Removals;
use super::resolve::{Desired, Wanted, WantedChannel, WantedRole};
use super::sequence::{harmless_denial, interferes, is_stepwise};
use room::Room;

/// The bot, ready to be asked.
pub(super) struct Bot<'a> {
    guild: &'a Guild,
    actor: Actor,
    /// What it holds in the guild.
    pub(super) permissions: Permissions,
    /// Its highest role; none for the owner.
    pub(super) ceiling: Option<&'a Role>,
}

impl<'a> Bot<'a> {
    /// None when the bot could not be read.
    pub(super) fn of(snapshot: &Snapshot, live: &'a Guild) -> Option<Self> {
        let bot = snapshot.bot.known()?;
        let roles: Vec<RoleRef> = bot.roles.iter().map(|id| Ref::Live(*id)).collect();
        let highest =
            live.roles.iter().filter(|r| roles.contains(&r.id)).reduce(|a, b| if outranks(b, a) { b } else { a });
        // Without any role, @everyone is the bot's highest: nothing is below it.
        let ceiling = if bot.user == live.owner { None } else { highest.or_else(|| live.everyone()) };
        let actor = Actor::Member { user: bot.user, roles };
        let permissions = Access::of(live).in_guild(&actor);
        Some(Self { guild: live, actor, permissions, ceiling })
    }

    pub(super) fn is_administrator(&self) -> bool {
        self.permissions.contains(Permissions::ADMINISTRATOR)
    }

    /// True when the bot has the role; everybody has @everyone.
    fn holds(&self, role: &RoleRef) -> bool {
        let has = matches!(&self.actor, Actor::Member { roles, .. } if roles.contains(role));
        has || *role == RoleRef::Live(self.guild.everyone_id())
    }

    fn outranks(&self, role: &Role) -> bool {
        self.ceiling.is_none_or(|top| outranks(top, role))
    }

    /// True when the bot may put roles in order.
    pub(super) fn orders_roles(&self) -> bool {
        self.permissions.contains(Permissions::MANAGE_ROLES)
    }

    /// True when the bot may put the channels of a category in order, or with none those outside.
    pub(super) fn orders_channels(&self, category: Option<&Channel>) -> bool {
        let needed = Permissions::MANAGE_CHANNELS;
        self.permissions.contains(needed) || category.is_some_and(|c| self.in_channel(c).contains(needed))
    }

    fn in_channel(&self, channel: &Channel) -> Permissions {
        let ChannelAttributes { kind, overwrites, .. } = &channel.attributes;
        Access::of(self.guild).beyond(self.permissions, &self.actor, *kind, overwrites)
    }
}

/// The roles of a guild as a plan would have them. Channels are left out: whoever asks names one.
pub(super) struct RoleViews {
    /// When the bot can do least: every role holds only what it holds both before and after, because roles lose before
    /// anything else happens and gain after it.
    pub(super) lowest: Guild,
    /// As the manifest wants them, as far as the bot can change them.
    pub(super) wished: Guild,
}

impl RoleViews {
    /// Of the live guild and everything that is wanted of it. Roles the bot cannot change stay as they are.
    pub(super) fn of(bot: Option<&Bot<'_>>, live: &Guild, desired: &Desired<'_>, removals: &Removals) -> Self {
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

/// What is to be known of all roles that go before one of them may.
struct Going {
    stepwise: bool,
    gains: bool,
    roles: Vec<Target>,
}

impl Going {
    fn of(desired: &Desired<'_>, removals: &Removals) -> Self {
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

/// Those that do not exist yet.
fn planned<R: Clone + Ord, A: Clone>(wanted: &[Wanted<'_, R, A>]) -> BTreeSet<R> {
    wanted.iter().filter(|wanted| wanted.from.is_none()).map(|wanted| wanted.id.clone()).collect()
}

fn features_after(live: &Guild, desired: &Desired<'_>) -> BTreeSet<String> {
    let mut features = live.settings.features.0.clone();
    features.extend(desired.settings.features.0.iter().cloned());
    if desired.settings.features.has("COMMUNITY") {
        // Discord gives every Community guild announcement channels.
        features.insert("NEWS".to_owned());
    }
    features
}

/// Why a topic waits. The documentation says so, the API description does not; both hold for whoever waits.
pub(super) const LONG_TOPIC: &str =
    "because Discord takes more than 1024 characters only for a forum or media channel that is there";

/// Most UTF-16 units in the topic of a channel that is being made.
const MOST_OF_NEW_TOPIC: usize = 1024;

/// Takes away a topic that can only be given to a channel that is there. True when it did.
pub(super) fn drop_long_topic(channel: &mut ChannelAttributes) -> bool {
    let is_long = |topic: &String| topic.encode_utf16().count() > MOST_OF_NEW_TOPIC;
    channel.topic.take_if(|topic| is_long(topic)).is_some()
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

    /// True when the role stays in the plan, perhaps with fewer changes.
    fn role(&mut self, role: &mut WantedRole<'_>) -> bool {
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

    fn role_removal(&mut self, key: Option<&Key>, role: &Role, going: &Going) -> bool {
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

    fn channel(
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
        let to = channel.to.to_mut();
        self.channel_fields(subject, None, to);
        if drop_long_topic(to) {
            let text = format!("It is made without its topic, {LONG_TOPIC}.");
            self.warn(NoteCode::OverLimit, subject, text, "Plan and apply once more when it is there.");
        }
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
        let own = Target::Member(match &self.bot.actor {
            Actor::Member { user, .. } => *user,
            Actor::Role(_) => return,
        });
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
    fn leading(&mut self, desired: &mut Desired<'_>) {
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
    fn can_rewrite(&self, channel: &Channel) -> bool {
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

    /// True when the bot can move channels into the archive, or make one.
    fn can_archive(&self, archive: &ChannelRef) -> bool {
        let needed = Permissions::MANAGE_CHANNELS | Permissions::VIEW_CHANNEL;
        let held = self.channels.get(archive).map_or(self.bot.permissions, |category| self.bot.in_channel(category));
        held.contains(needed)
    }

    fn channel_removal(&mut self, key: Option<&Key>, channel: &Channel, archive: Option<&ChannelRef>) -> bool {
        let section = if channel.is_category() { "categories" } else { "channels" };
        let subject = format!("{section}.{}", key.map_or(channel.attributes.name.as_str(), Key::as_str));
        let held = self.bot.in_channel(channel);
        // Before a channel is deleted it is hidden, should anything else in the plan open it.
        let may_hide = !channel.is_category() && self.bot.permissions.contains(Permissions::MANAGE_ROLES);
        let hides = archive.is_some() || may_hide;
        let kind = channel.attributes.kind;
        let lacking = lacking_to_change(held, kind)
            .or_else(|| (hides && !held.contains(Permissions::MANAGE_ROLES)).then_some("manage_roles"));
        // What hides it leaves the bot what it holds in the guild, whatever the channel's overwrites gave it before.
        let lacking_then = hides.then(|| lacking_to_change(self.bot.permissions, kind)).flatten();
        let problem = match (lacking, lacking_then) {
            (Some(lacking), _) => format!("Not removed, because the bot lacks {lacking} here."),
            (None, Some(lacking)) => format!("Not removed, because the bot lacks {lacking} in the guild."),
            (None, None) if archive.is_none_or(|archive| self.can_archive(archive)) => return true,
            (None, None) => "Not archived, because the bot cannot manage the archive.".to_owned(),
        };
        self.warn(NoteCode::MissingPermission, &subject, problem, GIVE_THESE);
        false
    }

    /// Keeps channels that cannot be removed, and all that would be archived where no archive can be made.
    fn removed_channels(&mut self, is_archive_wanted: bool, removals: &mut Removals) {
        let archive = removals.archive.clone();
        removals.archived.retain(|(key, channel)| self.channel_removal(key.as_ref(), channel, archive.as_ref()));
        removals.deleted_channels.retain(|(key, channel)| self.channel_removal(key.as_ref(), channel, None));
        let is_made = !is_archive_wanted && matches!(archive, Some(Ref::Planned(_)));
        if removals.archived.is_empty() || !is_made {
            return;
        }
        let Some(rest) = self.room.channels.checked_sub(1) else {
            let most = Guild::MAX_CHANNELS;
            let text = format!(
                "Nothing is archived: a guild has at most {most} channels and categories, so no archive can be made."
            );
            self.warn(NoteCode::OverLimit, "categories.archive", text, "Remove others first.");
            removals.archived.clear();
            return;
        };
        self.room.channels = rest;
    }

    /// Keeps what would go to an archive that the manifest wants and that is not made.
    fn archive_of_manifest(&mut self, desired: &Desired<'_>, removals: &mut Removals) {
        let Some(archive) = &removals.archive else { return };
        if desired.categories.iter().any(|category| category.id == *archive) {
            return;
        }
        for (key, channel) in std::mem::take(&mut removals.archived) {
            let name = key.as_ref().map_or(channel.attributes.name.as_str(), Key::as_str);
            let text = "Not archived, because categories.archive is not planned.";
            self.notes.push(Note::new(Weight::Warning, NoteCode::Dependent, format!("channels.{name}"), text));
        }
    }

    /// Keeps categories in which a channel stays after all, and those that cannot be deleted.
    fn left_categories(&mut self, desired: &Desired<'_>, removals: &mut Removals) {
        let mut categories = std::mem::take(&mut removals.deleted_categories);
        categories.retain(|(key, category)| {
            if removals.keeps_children(category, self.live, desired) {
                let name = key.as_ref().map_or(category.attributes.name.as_str(), Key::as_str);
                let text = "Left the manifest, but stays while channels are in it that could not leave.";
                let note = Note::new(Weight::Warning, NoteCode::ForeignChildren, format!("categories.{name}"), text);
                self.notes.push(note);
                return false;
            }
            self.channel_removal(key.as_ref(), category, None)
        });
        removals.deleted_categories = categories;
    }

    /// Takes back settings the bot may not change.
    fn settings(&mut self, desired: &mut Desired<'_>) {
        let live = &self.live.settings;
        if desired.settings == *live {
            return;
        }
        if !self.bot.permissions.contains(Permissions::MANAGE_GUILD) {
            self.warn(
                NoteCode::MissingPermission,
                "settings",
                "The bot lacks manage_guild, so the settings stay as they are.",
                "Give the bot's role manage_guild.",
            );
            desired.settings = live.clone();
            return;
        }
        let toggled = |feature: &str| desired.settings.features.has(feature) != live.features.has(feature);
        if (toggled("COMMUNITY") || toggled("DISCOVERABLE")) && !self.bot.is_administrator() {
            self.warn(
                NoteCode::MissingPermission,
                "settings.features",
                "Only an administrator may switch community or discoverable.",
                "Give the bot's role Administrator.",
            );
            desired.settings.features = live.features.clone();
        }
    }

    /// Channels the settings name stay as they are where the new ones are not planned.
    fn chosen_channels(&mut self, desired: &mut Desired<'_>) {
        let live = &self.live.settings;
        if desired.settings == *live {
            return;
        }
        let channels: BTreeSet<ChannelRef> = desired
            .channels
            .iter()
            .map(|c| c.id.clone())
            .chain(self.live.channels.iter().map(|c| c.id.clone()))
            .collect();
        let settings = &mut desired.settings;
        let fields = [
            (&mut settings.afk_channel, &live.afk_channel, "afk_channel"),
            (&mut settings.system_channel, &live.system_channel, "system_channel"),
            (&mut settings.rules_channel, &live.rules_channel, "rules_channel"),
            (&mut settings.public_updates_channel, &live.public_updates_channel, "public_updates_channel"),
            (&mut settings.safety_alerts_channel, &live.safety_alerts_channel, "safety_alerts_channel"),
        ];
        for (wanted, live, field) in fields {
            if wanted.as_ref().is_some_and(|channel| channel.key().is_some() && !channels.contains(channel)) {
                let text = format!("`{field}` stays as it is, because the channel is not planned.");
                self.notes.push(Note::new(Weight::Warning, NoteCode::Dependent, format!("settings.{field}"), text));
                wanted.clone_from(live);
            }
        }
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

/// True when one request takes the overwrites with what keeps a channel from following its category.
fn guard_fits(overwrites: &Overwrites, everyone: &Target) -> bool {
    let more = usize::from(overwrites.get(everyone).is_neutral());
    overwrites.len() + more <= Overwrites::MAX_PER_REQUEST
}

fn bits_of(overwrites: &Overwrites) -> Permissions {
    overwrites.iter().map(|(_, overwrite)| overwrite.allow | overwrite.deny).collect()
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
