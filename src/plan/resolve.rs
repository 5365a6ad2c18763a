//! What every object should look like: the live one with the manifest laid over it.
//!
//! A field nobody spoke of keeps its live value, so comparing whole objects later compares exactly what is managed.

use std::borrow::Cow;

use crate::manifest::{ChannelSpec, Manifest, Policy, RoleSpec};
use crate::model::{
    Binding, BindingState, Bindings, Channel, ChannelAttributes, ChannelId, ChannelKind, ChannelRef, Guild,
    GuildSettings, Image, Index, Key, KindBindings, Overlay as _, Overwrite, OverwriteChoice, Overwrites, Permissions,
    Ref, Role, RoleAttributes, RoleRef, Target, normalise_channel_name, same_channel_name,
};

use super::adopt::Identities;
use super::note::{Note, NoteCode, Weight};

/// An object as it is and as it should be.
#[derive(Clone, Debug)]
pub(super) struct Wanted<'a, R, A: Clone> {
    pub(super) key: Key,
    pub(super) id: R,
    /// None for what is to be created.
    pub(super) from: Option<&'a A>,
    /// The same, borrowed, where nothing changes: the usual case.
    pub(super) to: Cow<'a, A>,
}

impl<R, A: Clone + PartialEq> Wanted<'_, R, A> {
    /// True when it is as it should be.
    pub(super) fn is_settled(&self) -> bool {
        match &self.to {
            Cow::Borrowed(_) => true,
            Cow::Owned(to) => self.from == Some(to),
        }
    }
}

pub(super) type WantedRole<'a> = Wanted<'a, RoleRef, RoleAttributes>;
pub(super) type WantedChannel<'a> = Wanted<'a, ChannelRef, ChannelAttributes>;

/// Everything a manifest asks for, in manifest order.
#[derive(Clone, Debug)]
pub(super) struct Desired<'a> {
    pub(super) settings: GuildSettings,
    pub(super) roles: Vec<WantedRole<'a>>,
    pub(super) categories: Vec<WantedChannel<'a>>,
    pub(super) channels: Vec<WantedChannel<'a>>,
    pub(super) notes: Vec<Note>,
}

impl Desired<'_> {
    /// Takes roles that will be deleted out of all overwrites that are written anyway, such as those of a category.
    pub(super) fn leave_out(&mut self, gone: &[Target]) {
        if gone.is_empty() {
            return;
        }
        for channel in self.categories.iter_mut().chain(&mut self.channels) {
            if channel.from.is_none_or(|from| from.overwrites != channel.to.overwrites) {
                channel.to.to_mut().overwrites = channel.to.overwrites.without(gone);
            }
        }
    }

    /// The key of every category and channel.
    pub(super) fn keys(&self) -> Index<&ChannelRef, &Key> {
        self.categories.iter().chain(&self.channels).map(|c| (&c.id, &c.key)).collect()
    }

    /// True when everything is as it should be, apart from its order.
    pub(super) fn is_live(&self, settings: &GuildSettings) -> bool {
        let Self { settings: wanted, roles, categories, channels, notes: _ } = self;
        wanted == settings
            && roles.iter().all(Wanted::is_settled)
            && categories.iter().chain(channels).all(Wanted::is_settled)
    }
}

/// Lays the manifest over the live guild.
pub(super) fn resolve<'a>(
    manifest: &Manifest,
    live: &'a Guild,
    ids: &Identities,
    bindings: &Bindings,
    policy: &Policy,
) -> Desired<'a> {
    let mut resolver = Resolver {
        ids,
        bindings,
        policy,
        roles: live.roles_by_id(),
        channels: live.channels_by_id(),
        notes: Vec::new(),
    };
    let roles: Vec<_> = manifest.roles.iter().filter_map(|(key, spec)| resolver.role(key, spec)).collect();
    let categories: Vec<_> =
        manifest.categories.iter().filter_map(|(key, spec)| resolver.category(key, spec)).collect();
    let parents: Index<ChannelRef, Overwrites> =
        categories.iter().map(|c| (c.id.clone(), c.to.overwrites.clone())).collect();
    let channels: Vec<_> =
        manifest.channels.iter().filter_map(|(key, spec)| resolver.channel(key, spec, &parents)).collect();
    let settings = resolver.settings(manifest, &live.settings);
    Desired { settings, roles, categories, channels, notes: resolver.notes }
}

struct Resolver<'a, 'b> {
    ids: &'b Identities,
    bindings: &'b Bindings,
    policy: &'b Policy,
    roles: Index<&'a RoleRef, &'a Role>,
    channels: Index<&'a ChannelRef, &'a Channel>,
    notes: Vec<Note>,
}

impl<'a> Resolver<'a, '_> {
    fn role(&mut self, key: &Key, spec: &RoleSpec) -> Option<WantedRole<'a>> {
        let id = self.ids.roles.get(key)?.clone();
        let from = self.roles.get(&id).map(|role| &role.attributes);
        if let Some(from) = from.filter(|from| spec.attributes.agrees(from, |_| false)) {
            return Some(Wanted { key: key.clone(), id, from: Some(from), to: Cow::Borrowed(from) });
        }
        let mut to = from.cloned().unwrap_or_else(|| RoleAttributes::named(key.as_str()));
        spec.attributes.lay(&mut to);
        to.icon = self.settled_image(to.icon, from.and_then(|from| from.icon.as_ref()));
        if let Some(from) = from {
            to.permissions |= from.permissions.unnamed();
        }
        if let Some(from) = from.filter(|_| !self.policy.ignore.is_empty()) {
            let mut patch = from.diff(&to);
            patch.without(|field| self.policy.ignores("roles", key.as_str(), field));
            to = from.clone();
            patch.apply(&mut to);
        }
        Some(Wanted { key: key.clone(), id, from, to: Cow::Owned(to) })
    }

    fn category(&mut self, key: &Key, spec: &ChannelSpec) -> Option<WantedChannel<'a>> {
        let id = self.ids.categories.get(key)?.clone();
        let bound = &self.bindings.categories;
        let planned = self.object("categories", key, spec, id.clone(), ChannelKind::Category, bound, None);
        planned.or_else(|| self.as_it_is(key, id))
    }

    fn channel(
        &mut self,
        key: &Key,
        spec: &ChannelSpec,
        parents: &Index<ChannelRef, Overwrites>,
    ) -> Option<WantedChannel<'a>> {
        let id = self.ids.channels.get(key)?.clone();
        let parent = match spec.attributes.parent.as_ref().and_then(Option::as_ref) {
            None => None,
            Some(Ref::Live(id)) => Some(Ref::Live(*id)),
            Some(Ref::Planned(category)) => {
                let Some(settled) = self.ids.categories.get(category) else {
                    self.depends("channels", key, &format!("categories.{category}"));
                    return self.as_it_is(key, id);
                };
                Some(settled.clone())
            }
        };
        let synced = match &parent {
            Some(parent) => parents.get(parent).or_else(|| self.channels.get(parent).map(|c| &c.attributes.overwrites)),
            None => None,
        };
        let kind = spec.attributes.kind.unwrap_or(ChannelKind::Text);
        let planned = self.object("channels", key, spec, id.clone(), kind, &self.bindings.channels, synced);
        let Some(mut wanted) = planned else { return self.as_it_is(key, id) };
        let parent_ignored = self.policy.ignores("channels", key.as_str(), "parent");
        let moves = wanted.to.parent != parent && !(parent_ignored && wanted.from.is_some());
        if spec.attributes.parent.is_some() && moves {
            wanted.to.to_mut().parent = parent;
        }
        self.tell_still_hidden(spec, &wanted);
        Some(wanted)
    }

    /// What comes back from the archive is as hidden as it was there, unless something is said of its permissions.
    fn tell_still_hidden(&mut self, spec: &ChannelSpec, wanted: &WantedChannel<'_>) {
        let key = &wanted.key;
        let is_archived = |b: &Binding<ChannelId>| b.state == BindingState::Archived && wanted.id.id() == Some(b.id);
        let comes_back = self.bindings.channels.get(key).is_some_and(is_archived);
        let is_silent =
            spec.attributes.overwrites.is_silent() || self.policy.ignores("channels", key.as_str(), "overwrites");
        if comes_back && is_silent {
            let text =
                "Comes back from the archive, and stays as hidden as it was there: nothing is said of its permissions.";
            let note = Note::new(Weight::Warning, NoteCode::Archived, format!("channels.{key}"), text);
            self.notes.push(note.help("Write `permissions` to say who sees it."));
        }
    }

    /// None when it cannot be as it should; a note says why.
    #[expect(clippy::too_many_arguments, reason = "the one place where everything about a channel meets")]
    fn object(
        &mut self,
        section: &str,
        key: &Key,
        spec: &ChannelSpec,
        id: ChannelRef,
        kind: ChannelKind,
        bound: &KindBindings<ChannelId>,
        category: Option<&Overwrites>,
    ) -> Option<WantedChannel<'a>> {
        let from = self.channels.get(&id).map(|channel| &channel.attributes);
        let mut to = match from {
            Some(from) => Cow::Borrowed(from),
            None => Cow::Owned(ChannelAttributes::named(key.as_str(), kind)),
        };
        if !spec.attributes.agrees(&to, |field| field == "parent") {
            let laid = to.to_mut();
            let parent = laid.parent.take();
            spec.attributes.lay(laid);
            laid.parent = parent;
        }
        // A name that is there already needs no second look.
        if from.is_none_or(|from| from.name != to.name) {
            to.to_mut().name = wanted_name(key, &to, from, bound);
        }
        let overwrites = match &spec.attributes.overwrites {
            OverwriteChoice::Unmanaged => to.overwrites.clone(),
            OverwriteChoice::Synced => match (category, from) {
                (None, _) => to.overwrites.clone(),
                (Some(category), Some(from)) if from.overwrites != *category => {
                    with_unknown(documented(category), &from.overwrites)
                }
                (Some(category), _) => category.clone(),
            },
            OverwriteChoice::Exactly(exactly) => {
                let settled = self.settled_overwrites(section, key, exactly, from.map(|from| &from.overwrites))?;
                match from {
                    Some(from) if from.overwrites != settled => with_unknown(settled, &from.overwrites),
                    _ => settled,
                }
            }
        };
        if overwrites != to.overwrites {
            to.to_mut().overwrites = overwrites;
        }
        if let Some(from) = from {
            if !may_become(from.kind, to.kind) {
                let text = format!("Discord cannot turn a {} into a {}.", from.kind.noun(), to.kind.noun());
                let note = Note::new(Weight::Warning, NoteCode::Impossible, format!("{section}.{key}"), text);
                self.notes.push(note.help("Give the new channel a new key, and decide what becomes of the old one."));
                return None;
            }
            if !self.policy.ignore.is_empty() {
                let mut patch = from.diff(&to);
                patch.without(|field| self.policy.ignores(section, key.as_str(), field));
                let mut kept = from.clone();
                patch.apply(&mut kept);
                to = Cow::Owned(kept);
            }
        }
        Some(Wanted { key: key.clone(), id, from, to })
    }

    /// What cannot be as it should stays in the plan as it is, so that it is kept from following its category. None for
    /// what does not exist.
    fn as_it_is(&self, key: &Key, id: ChannelRef) -> Option<WantedChannel<'a>> {
        let from = self.channels.get(&id).map(|channel| &channel.attributes)?;
        Some(Wanted { key: key.clone(), id, from: Some(from), to: Cow::Borrowed(from) })
    }

    /// Overwrites with every role key replaced by the role it stands for.
    fn settled_overwrites(
        &mut self,
        section: &str,
        key: &Key,
        exactly: &Overwrites,
        live: Option<&Overwrites>,
    ) -> Option<Overwrites> {
        if let Some(live) = live.filter(|live| self.says_the_same(exactly, live)) {
            return Some(live.clone());
        }
        let role_keys = exactly.iter().filter_map(|(target, _)| match target {
            Target::Role(role) => role.key(),
            Target::Member(_) => None,
        });
        if let Some(missing) = role_keys.into_iter().find(|role| !self.ids.roles.contains_key(*role)) {
            let missing = format!("roles.{missing}");
            self.depends(section, key, &missing);
            return None;
        }
        let strangers = self.strangers(section, key, exactly);
        let settled = exactly.map_roles(|role| role.key().and_then(|k| self.ids.roles.get(k)).unwrap_or(role).clone());
        Some(if strangers.is_empty() { settled } else { settled.without(&strangers) })
    }

    /// Roles that are named by an id nothing in the guild has: Discord would keep no overwrite of theirs.
    fn strangers(&mut self, section: &str, key: &Key, exactly: &Overwrites) -> Vec<Target> {
        let is_stranger = |role: &RoleRef| role.id().is_some() && !self.roles.contains_key(role);
        let targets = exactly.iter().map(|(target, _)| target);
        let strangers: Vec<Target> =
            targets.filter(|target| matches!(target, Target::Role(role) if is_stranger(role))).cloned().collect();
        for stranger in &strangers {
            let text = format!("`{stranger}` is no role of this guild, so its overwrite is left out.");
            let note = Note::new(Weight::Warning, NoteCode::BadPin, format!("{section}.{key}"), text);
            self.notes.push(note.help("Correct the id, or remove it; a role of the manifest is named by its key."));
        }
        strangers
    }

    /// True when the manifest says what is there already: the usual case, told without building anything.
    fn says_the_same(&self, exactly: &Overwrites, live: &Overwrites) -> bool {
        let same = |(target, wanted): (&Target, &Overwrite)| match target {
            Target::Role(Ref::Planned(key)) => {
                let role = self.ids.roles.get(key).and_then(Ref::id);
                role.is_some_and(|id| live.get(&Target::Role(Ref::Live(id))) == *wanted)
            }
            target => live.get(target) == *wanted,
        };
        exactly.len() == live.len() && exactly.iter().all(same)
    }

    fn settings(&mut self, manifest: &Manifest, live: &GuildSettings) -> GuildSettings {
        let mut to = live.clone();
        manifest.settings.lay(&mut to);
        to.afk_channel = self.settled_channel("afk_channel", to.afk_channel, live.afk_channel.as_ref());
        to.system_channel = self.settled_channel("system_channel", to.system_channel, live.system_channel.as_ref());
        to.rules_channel = self.settled_channel("rules_channel", to.rules_channel, live.rules_channel.as_ref());
        to.public_updates_channel = self.settled_channel(
            "public_updates_channel",
            to.public_updates_channel,
            live.public_updates_channel.as_ref(),
        );
        to.safety_alerts_channel = self.settled_channel(
            "safety_alerts_channel",
            to.safety_alerts_channel,
            live.safety_alerts_channel.as_ref(),
        );
        to.icon = self.settled_image(to.icon, live.icon.as_ref());
        to.splash = self.settled_image(to.splash, live.splash.as_ref());
        to.discovery_splash = self.settled_image(to.discovery_splash, live.discovery_splash.as_ref());
        to.banner = self.settled_image(to.banner, live.banner.as_ref());
        let mut patch = live.diff(&to);
        patch.without(|field| self.policy.ignores("settings", "*", field));
        let mut settled = live.clone();
        patch.apply(&mut settled);
        settled
    }

    fn settled_channel(
        &mut self,
        field: &str,
        wanted: Option<ChannelRef>,
        live: Option<&ChannelRef>,
    ) -> Option<ChannelRef> {
        match wanted {
            Some(Ref::Planned(key)) => {
                let settled = self.ids.channels.get(&key).cloned();
                if settled.is_none() {
                    let text = format!("`{field}` stays as it is, because channels.{key} is not planned.");
                    let subject = format!("settings.{field}");
                    self.notes.push(Note::new(Weight::Warning, NoteCode::Dependent, subject, text));
                }
                settled.or_else(|| live.cloned())
            }
            other => other,
        }
    }

    /// A file that was uploaded before is the hash Discord gave for it.
    fn settled_image(&self, wanted: Option<Image>, live: Option<&Image>) -> Option<Image> {
        match (&wanted, live) {
            (Some(Image::Upload(source)), Some(Image::Hash(hash)))
                if self.bindings.images.get(&source.sha256) == Some(hash) =>
            {
                live.cloned()
            }
            _ => wanted,
        }
    }

    fn depends(&mut self, section: &str, key: &Key, on: &str) {
        let text = format!("Not planned, because {on} is not.");
        self.notes.push(Note::new(Weight::Warning, NoteCode::Dependent, format!("{section}.{key}"), text));
    }
}

/// What a channel takes over from its category: bits without a name are not ours to give, and Discord may not take them.
fn documented(category: &Overwrites) -> Overwrites {
    let named = |permissions: Permissions| permissions & Permissions::documented();
    let entry = |(target, overwrite): (&Target, &Overwrite)| {
        (target.clone(), Overwrite { allow: named(overwrite.allow), deny: named(overwrite.deny) })
    };
    category.iter().map(entry).collect()
}

/// The wanted overwrites with the unknown bits the same targets have now, where nothing is said of them.
fn with_unknown(wanted: Overwrites, live: &Overwrites) -> Overwrites {
    if live.iter().all(|(_, live)| (live.allow | live.deny).unnamed().is_empty()) {
        return wanted;
    }
    let kept = |(target, wanted): (&Target, &Overwrite)| {
        let live = live.get(target);
        let said = wanted.allow | wanted.deny;
        let allow = wanted.allow | live.allow.unnamed().without(said);
        let deny = wanted.deny | live.deny.unnamed().without(said);
        (target.clone(), Overwrite { allow, deny })
    };
    wanted.iter().map(kept).collect()
}

/// The live name where Discord would make, or has made, the same of the wanted one.
fn wanted_name(
    key: &Key,
    to: &ChannelAttributes,
    from: Option<&ChannelAttributes>,
    bound: &KindBindings<ChannelId>,
) -> String {
    let asked = normalise_channel_name(to.kind, &to.name);
    let Some(from) = from.filter(|from| from.name != asked) else { return asked };
    // Nobody knows the rule to the last letter: what is the same by ours needs no second opinion of Discord's.
    if same_channel_name(to.kind, &from.name, &asked) {
        return from.name.clone();
    }
    let echo = bound.get(key).filter(|b| b.state == BindingState::Active).and_then(|b| b.name_echo.as_ref());
    match echo {
        Some(echo) if echo.asked == asked && echo.got == from.name => from.name.clone(),
        _ => asked,
    }
}

fn may_become(from: ChannelKind, to: ChannelKind) -> bool {
    use ChannelKind::{Announcement, Text};
    from == to || matches!((from, to), (Text, Announcement) | (Announcement, Text))
}
