//! Reasons to refuse a plan before its first request. One function per reason, all in one list.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::manifest::{Manifest, Policy};
use crate::model::{
    Access, Actor, BindingState, Bindings, Channel, ChannelRef, Guild, Managed, Permissions, Ref, Role, RoleRef,
    Snapshot, Target,
};

use super::adopt::Identities;
use super::operation::{Operation, Step};
use super::remove::Removals;
use super::risk::{is_public, unmet};

/// What a refusal is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalCode {
    /// More would be removed than the policy allows.
    DeletionLimit,
    /// More would be changed than the policy allows.
    UpdateLimit,
    /// The manifest has nothing where there was something.
    EmptyManifest,
    /// More than half of what was managed left the manifest.
    ShrunkenManifest,
    /// The bot would lose a permission it works with.
    BotLosesPermission,
    /// The bot would no longer see a channel it manages.
    BotLosesView,
    /// No role would be administrator any more.
    LastAdministrator,
    /// @everyone would become administrator.
    EveryoneAdministrator,
    /// @everyone would gain a permission of moderators.
    EveryonePower,
    /// Members with a role would become administrators.
    NewAdministrators,
    /// A private channel would become public.
    DoorOpened,
    /// A channel the Community feature needs would go.
    CommunityChannel,
    /// The Community feature would be switched off.
    CommunityOff,
    /// An expectation of the manifest would not hold.
    ExpectationFailed,
    /// The bot is timed out.
    BotTimedOut,
}

/// How a refusal can be lifted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lift {
    /// By an approval of exactly this plan.
    Approval,
    /// Only by changing the manifest or the guild.
    Never,
}

/// A reason to refuse a plan.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Refusal {
    /// What it is about.
    pub code: RefusalCode,
    /// How it can be lifted.
    pub lift: Lift,
    /// A full sentence.
    pub text: String,
    /// What to do.
    pub help: String,
}

impl Refusal {
    fn new(code: RefusalCode, lift: Lift, text: impl Into<String>, help: impl Into<String>) -> Self {
        Self { code, lift, text: text.into(), help: help.into() }
    }
}

/// Everything a guard may look at.
pub(super) struct Scene<'a> {
    pub(super) manifest: &'a Manifest,
    pub(super) policy: &'a Policy,
    pub(super) snapshot: &'a Snapshot,
    pub(super) bindings: &'a Bindings,
    pub(super) ids: &'a Identities,
    pub(super) removals: &'a Removals,
    pub(super) steps: &'a [Step],
    /// Somebody has to decide something first, so what is missing from the plan says nothing yet.
    pub(super) blocked: bool,
    pub(super) before: &'a Guild,
    /// The roles as the manifest wants them, as far as the bot can change them.
    pub(super) wished: &'a Guild,
    pub(super) after: &'a Guild,
}

/// Every channel as it will be, with what it is now; nothing for a new one.
fn channel_pairs<'a>(before: &'a Guild, after: &'a Guild) -> impl Iterator<Item = (Option<&'a Channel>, &'a Channel)> {
    let was = before.channels_by_id();
    after.channels.iter().map(move |channel| (was.get(&channel.id).copied(), channel))
}

type Guard = fn(&Scene<'_>) -> Vec<Refusal>;

const GUARDS: &[Guard] = &[
    bot_timed_out,
    empty_manifest,
    shrunken_manifest,
    deletion_limits,
    update_limits,
    view_of_bot,
    means_of_bot,
    last_administrator,
    |scene| power_of_everyone(scene.before, scene.after),
    |scene| new_administrators(scene.before, scene.after),
    |scene| doors(scene.before, scene.after),
    community,
    expectations,
];

/// Asks every guard. A plan without steps harms nobody, but what stands in the way of all steps is said.
pub(super) fn refusals(scene: &Scene<'_>) -> Vec<Refusal> {
    if scene.steps.is_empty() {
        return [means_of_bot(scene), expectations(scene)].concat();
    }
    GUARDS.iter().flat_map(|guard| guard(scene)).collect()
}

fn bot_timed_out(scene: &Scene<'_>) -> Vec<Refusal> {
    let timed_out = scene.snapshot.bot.known().is_some_and(|bot| bot.timed_out);
    let text = "The bot is timed out in this guild, so Discord would refuse everything.";
    let refusal = || {
        Refusal::new(RefusalCode::BotTimedOut, Lift::Never, text, "End the bot's timeout in Discord, then plan again.")
    };
    timed_out.then(refusal).into_iter().collect()
}

fn bound_keys(bindings: &Bindings) -> usize {
    let Bindings { roles, categories, channels, images: _ } = bindings;
    let active = |state: BindingState| state == BindingState::Active;
    roles.values().filter(|b| active(b.state)).count()
        + categories.values().filter(|b| active(b.state)).count()
        + channels.values().filter(|b| active(b.state)).count()
}

fn empty_manifest(scene: &Scene<'_>) -> Vec<Refusal> {
    let named = scene.manifest.roles.keys().filter(|k| !k.is_everyone()).count()
        + scene.manifest.categories.len()
        + scene.manifest.channels.len();
    let bound = bound_keys(scene.bindings);
    if named > 0 || bound == 0 || scene.removals.is_empty() {
        return Vec::new();
    }
    let text = format!("The manifest names no role, category or channel, but {bound} are managed.");
    let help = "If you mean it, say `prune: none` to stop managing them; an empty file by accident removes nothing.";
    vec![Refusal::new(RefusalCode::EmptyManifest, Lift::Never, text, help)]
}

fn shrunken_manifest(scene: &Scene<'_>) -> Vec<Refusal> {
    let Identities { vanished_roles, vanished_categories, vanished_channels, .. } = scene.ids;
    let gone = vanished_roles.len() + vanished_categories.len() + vanished_channels.len();
    let bound = bound_keys(scene.bindings);
    if scene.removals.is_empty() || bound < 4 || gone * 2 <= bound {
        return Vec::new();
    }
    let text = format!("{gone} of {bound} managed objects left the manifest at once.");
    let help = "If a file is missing or cut short, put it back. If you mean it, approve this very plan by its digest.";
    vec![Refusal::new(RefusalCode::ShrunkenManifest, Lift::Approval, text, help)]
}

fn deletion_limits(scene: &Scene<'_>) -> Vec<Refusal> {
    let removals = scene.removals;
    let live = &scene.before.channels;
    let categories = live.iter().filter(|c| c.is_category()).count();
    let roles = scene.before.roles.iter().filter(|r| r.is_ours_to_delete()).count().saturating_sub(1);
    let counts = [
        ("roles", removals.deleted_roles.len(), roles),
        ("categories", removals.deleted_categories.len(), categories),
        ("channels", removals.deleted_channels.len() + removals.archived.len(), live.len() - categories),
    ];
    over_limits(counts, scene.policy.max_deletions, RefusalCode::DeletionLimit, "removed", "max_deletions")
}

fn update_limits(scene: &Scene<'_>) -> Vec<Refusal> {
    let Some(limit) = scene.policy.max_updates.0 else { return Vec::new() };
    let (mut roles, mut categories, mut channels) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for step in scene.steps {
        match &step.operation {
            Operation::UpdateRole { role, .. } => _ = roles.insert(role.id),
            Operation::UpdateChannel { channel, .. } if channel.kind == crate::model::ChannelKind::Category => {
                _ = categories.insert(channel.id);
            }
            Operation::UpdateChannel { channel, .. } => _ = channels.insert(channel.id),
            _ => {}
        }
    }
    let live = &scene.before.channels;
    let live_categories = live.iter().filter(|c| c.is_category()).count();
    let counts = [
        ("roles", roles.len(), scene.before.roles.len()),
        ("categories", categories.len(), live_categories),
        ("channels", channels.len(), live.len() - live_categories),
    ];
    over_limits(counts, limit, RefusalCode::UpdateLimit, "changed", "max_updates")
}

fn over_limits(
    counts: [(&str, usize, usize); 3],
    limit: crate::manifest::DeletionLimit,
    code: RefusalCode,
    verb: &str,
    field: &str,
) -> Vec<Refusal> {
    let total = ("objects", counts.iter().map(|c| c.1).sum(), counts.iter().map(|c| c.2).sum());
    let over = |(what, count, of): (&str, usize, usize)| {
        let allowed = limit.allowed(of);
        let text = format!("{count} of {of} {what} would be {verb}; the policy allows {allowed} (`{field}: {limit}`).");
        let help =
            format!("Look at the plan. If you mean it, approve this very plan by its digest, or raise `{field}`.");
        (count > allowed).then(|| Refusal::new(code, Lift::Approval, text, help))
    };
    counts.into_iter().chain([total]).filter_map(over).collect()
}

fn means_of_bot(scene: &Scene<'_>) -> Vec<Refusal> {
    let actor = bot_actor(scene.snapshot);
    actor.and_then(|actor| bot_permissions(&actor, scene.before, scene.wished)).into_iter().collect()
}

fn view_of_bot(scene: &Scene<'_>) -> Vec<Refusal> {
    let actor = bot_actor(scene.snapshot);
    actor.and_then(|actor| bot_view(&actor, scene.before, scene.after)).into_iter().collect()
}

/// True when the bot could not go on working.
pub(super) fn takes_means(snapshot: &Snapshot, before: &Guild, wished: &Guild) -> bool {
    bot_actor(snapshot).is_some_and(|actor| bot_permissions(&actor, before, wished).is_some())
}

/// The doors that would close behind the bot itself on a way back.
pub(super) fn lockouts(snapshot: &Snapshot, before: &Guild, after: &Guild) -> Vec<Refusal> {
    let Some(actor) = bot_actor(snapshot) else { return Vec::new() };
    [bot_permissions(&actor, before, after), bot_view(&actor, before, after)].into_iter().flatten().collect()
}

fn bot_actor(snapshot: &Snapshot) -> Option<Actor> {
    let bot = snapshot.bot.known()?;
    Some(Actor { user: bot.user, roles: bot.roles.iter().map(|id| Ref::Live(*id)).collect() })
}

fn bot_permissions(actor: &Actor, before: &Guild, after: &Guild) -> Option<Refusal> {
    let working = Permissions::ADMINISTRATOR
        | Permissions::MANAGE_ROLES
        | Permissions::MANAGE_CHANNELS
        | Permissions::MANAGE_GUILD
        | Permissions::VIEW_CHANNEL
        | Permissions::VIEW_AUDIT_LOG;
    let had = Access::of(before).in_guild(actor) & working;
    let has = Access::of(after).in_guild(actor) & working;
    let lost = had.without(has);
    if lost.is_empty() {
        return None;
    }
    let text = format!("The bot itself would lose {}.", lost.names().join(", "));
    let help = "Let the bot's roles or @everyone keep them, or first give them to the bot's own role in Discord.";
    Some(Refusal::new(RefusalCode::BotLosesPermission, Lift::Never, text, help))
}

fn bot_view(actor: &Actor, before: &Guild, after: &Guild) -> Option<Refusal> {
    let (had, has) = (Access::of(before), Access::of(after));
    if has.in_guild(actor).contains(Permissions::ADMINISTRATOR) {
        return None;
    }
    let sees =
        |access: Access<'_>, channel: &Channel| access.in_channel(actor, channel).contains(Permissions::VIEW_CHANNEL);
    let loses =
        |(old, channel): &(Option<&Channel>, &Channel)| old.is_none_or(|old| sees(had, old)) && !sees(has, channel);
    let hidden: Vec<String> = channel_pairs(before, after).filter(loses).map(|(_, channel)| spoken(channel)).collect();
    if hidden.is_empty() {
        return None;
    }
    let text = format!("The bot would no longer see {}, and could never change it again.", hidden.join(", "));
    let help = "Allow view_channel there for one of the bot's roles (or `user:` and the bot's id), or make the bot administrator.";
    Some(Refusal::new(RefusalCode::BotLosesView, Lift::Never, text, help))
}

/// A channel as people know it; only channels have the sign.
fn spoken(channel: &Channel) -> String {
    let sign = if channel.is_category() { "" } else { "#" };
    format!("{sign}{}", channel.attributes.name)
}

fn is_administrator(role: &Role) -> bool {
    role.attributes.permissions.contains(Permissions::ADMINISTRATOR)
}

fn last_administrator(scene: &Scene<'_>) -> Vec<Refusal> {
    let people = |guild: &Guild| {
        let of_people = guild.roles.iter().filter(|r| !matches!(r.managed, Managed::Bot(_)));
        of_people.filter(|r| is_administrator(r)).count()
    };
    if people(scene.before) == 0 || people(scene.after) > 0 {
        return Vec::new();
    }
    let text = "No role of people would be administrator any more; only the owner could repair the guild.";
    let help = "Leave one role its administrator permission, or approve this very plan by its digest.";
    vec![Refusal::new(RefusalCode::LastAdministrator, Lift::Approval, text, help)]
}

pub(super) fn power_of_everyone(before: &Guild, after: &Guild) -> Vec<Refusal> {
    let of = |guild: &Guild| guild.everyone().map_or(Permissions::NONE, |r| r.attributes.permissions);
    let gained = of(after).without(of(before));
    let mut refusals = Vec::new();
    if gained.contains(Permissions::ADMINISTRATOR) {
        let text = "@everyone would become administrator: every member could delete everything.";
        let help = "Give administrator to a role with few members instead.";
        refusals.push(Refusal::new(RefusalCode::EveryoneAdministrator, Lift::Never, text, help));
    }
    let powers = gained & moderation();
    if !powers.is_empty() {
        let text = format!("@everyone would gain {}.", powers.names().join(", "));
        refusals.push(Refusal::new(RefusalCode::EveryonePower, Lift::Approval, text, GIVE_TO_FEW));
    }
    let everyone = Target::Role(RoleRef::Live(before.everyone_id()));
    let allowed = |channel: &Channel| channel.attributes.overwrites.get(&everyone).allow;
    for (old, channel) in channel_pairs(before, after) {
        let had = old.map_or(Permissions::NONE, allowed) | of(before);
        let powers = (allowed(channel) & moderation()).without(had);
        if !powers.is_empty() {
            let text = format!("@everyone would gain {} in {}.", powers.names().join(", "), spoken(channel));
            refusals.push(Refusal::new(RefusalCode::EveryonePower, Lift::Approval, text, GIVE_TO_FEW));
        }
    }
    refusals
}

const GIVE_TO_FEW: &str = "Give it to a role with few members instead, or approve this very plan by its digest.";

/// What moderators can do and other members should not.
fn moderation() -> Permissions {
    [
        Permissions::KICK_MEMBERS,
        Permissions::BAN_MEMBERS,
        Permissions::MANAGE_CHANNELS,
        Permissions::MANAGE_GUILD,
        Permissions::MANAGE_MESSAGES,
        Permissions::MANAGE_ROLES,
        Permissions::MANAGE_WEBHOOKS,
        Permissions::MANAGE_GUILD_EXPRESSIONS,
        Permissions::MANAGE_EVENTS,
        Permissions::MANAGE_THREADS,
        Permissions::MANAGE_NICKNAMES,
        Permissions::MODERATE_MEMBERS,
        Permissions::MOVE_MEMBERS,
        Permissions::MUTE_MEMBERS,
        Permissions::DEAFEN_MEMBERS,
    ]
    .into_iter()
    .collect()
}

pub(super) fn new_administrators(before: &Guild, after: &Guild) -> Vec<Refusal> {
    let everyone = RoleRef::Live(before.everyone_id());
    let was = before.roles_by_id();
    let gains = |role: &&Role| {
        let had = was.get(&role.id).is_some_and(|was| is_administrator(was));
        role.id != everyone && is_administrator(role) && !had
    };
    // A role that is only now created has no members who could gain anything.
    let existing = after.roles.iter().filter(|r| r.id.id().is_some());
    let refusal = |role: &Role| {
        let text = format!("Everyone with the role {} would become administrator.", role.attributes.name);
        let help = "Look who has the role. If you mean it, approve this very plan by its digest.";
        Refusal::new(RefusalCode::NewAdministrators, Lift::Approval, text, help)
    };
    existing.filter(gains).map(refusal).collect()
}

pub(super) fn doors(before: &Guild, after: &Guild) -> Vec<Refusal> {
    let opens = |(old, channel): &(Option<&Channel>, &Channel)| {
        !channel.is_category() && old.is_some_and(|old| !is_public(before, old)) && is_public(after, channel)
    };
    let refusal = |channel: &Channel| {
        let text = format!(
            "#{} is private and would become public, with everything ever written in it.",
            channel.attributes.name
        );
        let help =
            "If you mean it, approve this very plan by its digest; otherwise deny view_channel to everyone there.";
        Refusal::new(RefusalCode::DoorOpened, Lift::Approval, text, help)
    };
    channel_pairs(before, after).filter(opens).map(|(_, channel)| refusal(channel)).collect()
}

fn community(scene: &Scene<'_>) -> Vec<Refusal> {
    let settings = &scene.after.settings;
    let mut refusals = Vec::new();
    if scene.before.settings.features.has("COMMUNITY") && !settings.features.has("COMMUNITY") {
        let text =
            "Community would be switched off, with announcement channels, stages, welcome screen and onboarding.";
        let help = "If you mean it, approve this very plan by its digest.";
        refusals.push(Refusal::new(RefusalCode::CommunityOff, Lift::Approval, text, help));
    }
    if !settings.features.has("COMMUNITY") {
        return refusals;
    }
    let needed =
        [("rules_channel", &settings.rules_channel), ("public_updates_channel", &settings.public_updates_channel)];
    let goes = |channel: &ChannelRef| {
        let lists = [&scene.removals.archived, &scene.removals.deleted_channels];
        lists.into_iter().flatten().any(|(_, c)| c.id == *channel)
    };
    for (field, channel) in needed {
        match channel {
            Some(channel) if !goes(channel) => {}
            Some(_) => {
                let text = format!(
                    "The channel that is the guild's `{field}` would be removed, and a Community guild must have one."
                );
                let help = format!("Set `settings.{field}` to another channel in the same commit.");
                refusals.push(Refusal::new(RefusalCode::CommunityChannel, Lift::Never, text, help));
            }
            None => {
                let text = format!("A Community guild must have a `{field}`.");
                let help = format!("Set `settings.{field}` to a text channel.");
                refusals.push(Refusal::new(RefusalCode::CommunityChannel, Lift::Never, text, help));
            }
        }
    }
    refusals
}

fn expectations(scene: &Scene<'_>) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    if scene.blocked {
        return refusals;
    }
    for (index, expectation) in scene.manifest.expectations.iter().enumerate() {
        let origin = scene.manifest.origins.get(&format!("expectations.{index}"));
        let place = origin.map_or_else(String::new, |o| format!(" ({}:{})", o.file, o.line));
        for problem in unmet(expectation, scene.after, scene.ids) {
            let text = format!("Expectation {} of the manifest{place} does not hold: {problem}", index + 1);
            let help = "Change the permissions, or the expectation if it is wrong.";
            refusals.push(Refusal::new(RefusalCode::ExpectationFailed, Lift::Never, text, help));
        }
    }
    refusals
}
