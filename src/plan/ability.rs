//! What the bot is able to do, and what the guild allows anybody. What is not possible is taken out of the plan with a note.
//!
//! Discord answers a dozen causes with the same 403, so the cause is found here, before anything is sent.

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;

use crate::model::{
    Access, Actor, Channel, ChannelAttributes, ChannelKind, ChannelRef, Guild, Key, Overwrites, Permissions, Ref, Role,
    RoleAttributes, RoleRef, Snapshot, Target,
};

use super::arrange::outranks;
use super::note::{Note, NoteCode, Weight};
use super::remove::Removals;
use super::resolve::{Desired, WantedChannel, WantedRole};
use super::sequence::{harmless_denial, is_stepwise};

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
    pub(super) fn of(bot: Option<&Bot<'_>>, live: &Guild, desired: &Desired, removals: &Removals) -> Self {
        let mut wished = roles_of(live);
        let everyone = live.everyone_id();
        let deleted: BTreeSet<&RoleRef> = removals.deleted_roles.iter().map(|(_, role)| &role.id).collect();
        let wanted: IndexMap<&RoleRef, &WantedRole> = desired.roles.iter().map(|role| (&role.id, role)).collect();
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

/// Takes out of `desired` and `removals` what cannot be done.
pub(super) fn limit(bot: &Bot<'_>, live: &Guild, desired: &mut Desired, removals: &mut Removals) {
    let mut limiter = Limiter {
        bot,
        live,
        roles: live.roles_by_id(),
        channels: live.channels_by_id(),
        features: features_after(live, desired),
        notes: Vec::new(),
    };
    desired.roles.retain_mut(|role| limiter.role(role));
    let stepwise = is_stepwise(desired, removals);
    removals.deleted_roles.retain(|(key, role)| limiter.role_removal(key.as_ref(), role, stepwise));
    let roles: BTreeSet<RoleRef> = desired.roles.iter().map(|r| r.id.clone()).collect();
    desired.categories.retain_mut(|category| limiter.channel("categories", category, &roles, None));
    let categories: BTreeSet<ChannelRef> = desired.categories.iter().map(|c| c.id.clone()).collect();
    desired.channels.retain_mut(|channel| limiter.channel("channels", channel, &roles, Some(&categories)));
    limiter.leading(desired);
    let archive = removals.archive.clone();
    removals.archived.retain(|(key, channel)| limiter.channel_removal(key.as_ref(), channel, archive.as_ref()));
    removals.deleted_channels.retain(|(key, channel)| limiter.channel_removal(key.as_ref(), channel, None));
    removals.deleted_categories.retain(|(key, channel)| limiter.channel_removal(key.as_ref(), channel, None));
    limiter.places(desired, removals);
    if removals.archived.is_empty() {
        removals.archive = None;
    }
    limiter.limits(desired, removals);
    limiter.settings(desired);
    desired.notes.append(&mut limiter.notes);
}

fn features_after(live: &Guild, desired: &Desired) -> BTreeSet<String> {
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
    roles: IndexMap<&'a RoleRef, &'a Role>,
    channels: IndexMap<&'a ChannelRef, &'a Channel>,
    features: BTreeSet<String>,
    notes: Vec<Note>,
}

impl Limiter<'_> {
    fn warn(&mut self, code: NoteCode, subject: &str, text: impl Into<String>, help: &str) {
        self.notes.push(Note::new(Weight::Warning, code, subject, text).help(help));
    }

    /// True when the role stays in the plan, perhaps with fewer changes.
    fn role(&mut self, role: &mut WantedRole) -> bool {
        if role.from.as_ref() == Some(&role.to) {
            return true;
        }
        let subject = format!("roles.{}", role.key);
        let Some(from) = role.from.clone() else { return self.new_role(&subject, role) };
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
            role.to = from;
            return true;
        }
        let own = if self.bot.holds(&role.id) { from.permissions } else { Permissions::NONE };
        self.role_fields(&subject, &from, &mut role.to, own);
        true
    }

    fn new_role(&mut self, subject: &str, role: &mut WantedRole) -> bool {
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
        self.role_fields(subject, &blank, &mut role.to, Permissions::NONE);
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

    fn role_removal(&mut self, key: Option<&Key>, role: &Role, stepwise: bool) -> bool {
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
        if stepwise && !lacking.is_empty() {
            let text = format!("The role is not deleted, because the bot itself lacks {}.", lacking.names().join(", "));
            self.warn(NoteCode::MissingPermission, &subject, text, GIVE_THESE);
            return false;
        }
        if let Some(channel) = self.live.channels.iter().find(|channel| !self.can_take_out(role, channel)) {
            let text = format!("The role is not deleted: the bot cannot change who sees #{}.", channel.attributes.name);
            self.warn(NoteCode::MissingPermission, &subject, text, GIVE_THESE);
            return false;
        }
        true
    }

    /// True when the bot could rewrite the channel's overwrites without the role's, or when there is no need to.
    fn can_take_out(&self, role: &Role, channel: &Channel) -> bool {
        let overwrites = &channel.attributes.overwrites;
        let allows = !overwrites.get(&Target::Role(role.id.clone())).allow.is_empty();
        let held = self.bot.in_channel(channel);
        let writes = lacking_to_change(held, channel.attributes.kind).is_none()
            && held.contains(Permissions::MANAGE_ROLES)
            && self.bot.permissions.without(Permissions::MANAGE_ROLES).contains(bits_of(overwrites));
        self.bot.is_administrator() || !allows || writes
    }

    fn channel(
        &mut self,
        section: &str,
        channel: &mut WantedChannel,
        roles: &BTreeSet<RoleRef>,
        categories: Option<&BTreeSet<ChannelRef>>,
    ) -> bool {
        if channel.from.as_ref() == Some(&channel.to) {
            return true;
        }
        let subject = format!("{section}.{}", channel.key);
        if let Some(missing) = missing_reference(channel, roles, categories) {
            let text = format!("Not planned, because {missing} is not.");
            self.notes.push(Note::new(Weight::Warning, NoteCode::Dependent, subject, text));
            return false;
        }
        match channel.from.clone() {
            None => self.new_channel(&subject, channel),
            Some(from) => self.changed_channel(&subject, &from, channel),
        }
    }

    fn new_channel(&mut self, subject: &str, channel: &mut WantedChannel) -> bool {
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
        self.channel_fields(subject, None, &mut channel.to);
        if drop_long_topic(&mut channel.to) {
            let text = format!("It is made without its topic, {LONG_TOPIC}.");
            self.warn(NoteCode::OverLimit, subject, text, "Plan and apply once more when it is there.");
        }
        true
    }

    fn changed_channel(&mut self, subject: &str, from: &ChannelAttributes, channel: &mut WantedChannel) -> bool {
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
            channel.to = from.clone();
            return true;
        }
        if from.kind != channel.to.kind && !self.features.contains("NEWS") {
            let text = "The guild has no announcement channels (feature NEWS, which Community guilds have).";
            self.warn(NoteCode::MissingFeature, subject, text, "Enable Community, or leave the type as it is.");
            channel.to.kind = from.kind;
        }
        self.overwrites(subject, from, held, channel);
        let destination = channel.to.parent.as_ref().and_then(|p| self.channels.get(p));
        let needed = Permissions::MANAGE_CHANNELS | Permissions::VIEW_CHANNEL;
        if from.parent != channel.to.parent && destination.is_some_and(|d| !self.bot.in_channel(d).contains(needed)) {
            let text =
                "Not moved, because the bot lacks view_channel or manage_channels in the category it should go to.";
            self.warn(NoteCode::MissingPermission, subject, text, "Give the bot's role these permissions there.");
            channel.to.parent.clone_from(&from.parent);
        }
        self.channel_fields(subject, Some(from), &mut channel.to);
        true
    }

    fn overwrites(&mut self, subject: &str, from: &ChannelAttributes, held: Permissions, channel: &mut WantedChannel) {
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
            channel.to.overwrites = from.overwrites.clone();
        }
    }

    /// A category takes along the channels that are like it. Where one must not follow and the bot cannot see to that, the
    /// category keeps its overwrites.
    fn leading(&mut self, desired: &mut Desired) {
        if self.bot.is_administrator() {
            return;
        }
        let wanted: IndexMap<&ChannelRef, &WantedChannel> = desired.channels.iter().map(|c| (&c.id, c)).collect();
        let everyone = Target::Role(Ref::Live(self.live.everyone_id()));
        for category in &mut desired.categories {
            let Some(from) = category.from.as_ref().filter(|from| from.overwrites != category.to.overwrites) else {
                continue;
            };
            let holds_back = |child: &&Channel| {
                let is_alike = child.attributes.overwrites == from.overwrites;
                let goes_along = match wanted.get(&child.id) {
                    Some(w) => w.to.parent.as_ref() == Some(&category.id) && w.to.overwrites == category.to.overwrites,
                    None => true,
                };
                let held = self.bot.in_channel(child);
                let can = lacking_to_change(held, child.attributes.kind).is_none()
                    && harmless_denial(self.bot, from.overwrites.get(&everyone)).is_some()
                    && held.contains(Permissions::MANAGE_ROLES)
                    && self.bot.permissions.without(Permissions::MANAGE_ROLES).contains(bits_of(&from.overwrites));
                is_alike && !goes_along && !can
            };
            let Some(child) = self.live.children(&category.id).find(holds_back) else { continue };
            let text = format!(
                "The permissions stay as they are: #{} would follow, and the bot cannot keep it from that.",
                child.attributes.name
            );
            let subject = format!("categories.{}", category.key);
            self.notes.push(Note::new(Weight::Warning, NoteCode::MissingPermission, subject, text).help(GIVE_THESE));
            category.to.overwrites = from.overwrites.clone();
        }
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

    /// Leaves out what would be one channel too many in its category, the last ones first.
    ///
    /// What cannot move keeps its place, which may be one too few for another: it is asked again until nothing changes.
    fn places(&mut self, desired: &mut Desired, removals: &mut Removals) {
        while self.leave_out_of_full_categories(desired, removals) {}
    }

    /// True when something was left out.
    fn leave_out_of_full_categories(&mut self, desired: &mut Desired, removals: &mut Removals) -> bool {
        let mut taken = self.taken_places(desired, removals);
        let mut enters = |category: &ChannelRef| {
            let taken = taken.entry(category.clone()).or_default();
            *taken += 1;
            *taken <= Guild::MAX_CHANNELS_PER_CATEGORY
        };
        let known = self.notes.len();
        let notes = &mut self.notes;
        let mut tell = |name: &str, what: &str| {
            let text = format!("{what}: a category has at most {} channels.", Guild::MAX_CHANNELS_PER_CATEGORY);
            let note = Note::new(Weight::Warning, NoteCode::OverLimit, format!("channels.{name}"), text);
            notes.push(note.help("Remove others from the category first, or use another one."));
        };
        desired.channels.retain_mut(|channel| {
            let from = channel.from.as_ref().map(|from| &from.parent);
            let Some(to) = channel.to.parent.as_ref().filter(|_| from != Some(&channel.to.parent)) else { return true };
            if enters(to) {
                return true;
            }
            let what = if from.is_some() { "Not moved" } else { "Not created" };
            tell(channel.key.as_str(), what);
            channel.to.parent = from.cloned().flatten();
            channel.from.is_some()
        });
        if let Some(archive) = &removals.archive {
            removals.archived.retain(|(key, channel)| {
                let fits = channel.attributes.parent.as_ref() == Some(archive) || enters(archive);
                if !fits {
                    tell(key.as_ref().map_or(channel.attributes.name.as_str(), Key::as_str), "Not archived");
                }
                fits
            });
        }
        self.notes.len() > known
    }

    /// How many channels stay in each category, whoever manages them.
    fn taken_places(&self, desired: &Desired, removals: &Removals) -> BTreeMap<ChannelRef, usize> {
        let wanted: IndexMap<&ChannelRef, &WantedChannel> = desired.channels.iter().map(|c| (&c.id, c)).collect();
        let removed = [&removals.archived, &removals.deleted_channels];
        let removed: BTreeSet<&ChannelRef> = removed.into_iter().flatten().map(|(_, c)| &c.id).collect();
        let mut taken: BTreeMap<ChannelRef, usize> = BTreeMap::new();
        for child in self.live.channels.iter().filter(|child| !removed.contains(&child.id)) {
            let parent = &child.attributes.parent;
            let leaves = wanted.get(&child.id).is_some_and(|w| w.to.parent != *parent);
            if let Some(parent) = parent.as_ref().filter(|_| !leaves) {
                *taken.entry(parent.clone()).or_default() += 1;
            }
        }
        taken
    }

    /// Drops creations beyond Discord's limits, the last ones first.
    fn limits(&mut self, desired: &mut Desired, removals: &Removals) {
        let archive = usize::from(matches!(removals.archive, Some(Ref::Planned(_))));
        let mut room = Guild::MAX_CHANNELS.saturating_sub(self.live.channels.len() + archive);
        for channels in [&mut desired.categories, &mut desired.channels] {
            let section = if channels.first().is_some_and(|c| c.to.kind == ChannelKind::Category) {
                "categories"
            } else {
                "channels"
            };
            channels.retain(|channel| {
                let fits = channel.from.is_some() || room > 0;
                if !fits {
                    let text =
                        format!("Not created: a guild has at most {} channels and categories.", Guild::MAX_CHANNELS);
                    self.warn(NoteCode::OverLimit, &format!("{section}.{}", channel.key), text, "Remove others first.");
                } else if channel.from.is_none() {
                    room -= 1;
                }
                fits
            });
        }
        let mut room = Guild::MAX_ROLES.saturating_sub(self.live.roles.len());
        desired.roles.retain(|role| {
            let fits = role.from.is_some() || room > 0;
            if !fits {
                let text = format!("Not created: a guild has at most {} roles.", Guild::MAX_ROLES);
                self.warn(NoteCode::OverLimit, &format!("roles.{}", role.key), text, "Remove others first.");
            } else if role.from.is_none() {
                room -= 1;
            }
            fits
        });
    }

    fn settings(&mut self, desired: &mut Desired) {
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

fn bits_of(overwrites: &Overwrites) -> Permissions {
    overwrites.iter().map(|(_, overwrite)| overwrite.allow | overwrite.deny).collect()
}

/// The first planned object the channel refers to that is not in the plan.
fn missing_reference(
    channel: &WantedChannel,
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
