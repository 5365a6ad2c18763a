//! Sets of permissions and overwrites that several objects share, and names for them.
//!
//! Decides what is worth a name. Whatever occurs once is written where it is used.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Channel, Guild, Overwrite, Overwrites, Permissions, RoleRef, Target};

use crate::manifest::document::ChannelPermissions;

use super::keys::Chosen;
use super::permission_list;
use super::yaml::Yaml;

/// Bits of an overwrite, as something to look up by.
type Bits = (u64, u64);

/// What has a name.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// Sets of overwrites, in the order they are met.
    sets: Vec<(String, Overwrite)>,
    set_names: BTreeMap<Bits, String>,
    /// Entries of `access`, in the order they are met, ready to be written.
    access: Vec<(String, Yaml)>,
    access_names: BTreeMap<Vec<(Target, Bits)>, String>,
    /// What every member may do, when roles build on it.
    basics: Option<Permissions>,
}

/// The name of what every member may do.
const BASICS: &str = "basics";

fn bits(overwrite: &Overwrite) -> Bits {
    (overwrite.allow.bits(), overwrite.deny.bits())
}

fn entries(overwrites: &Overwrites) -> Vec<(Target, Bits)> {
    overwrites.iter().map(|(target, overwrite)| (target.clone(), bits(overwrite))).collect()
}

impl Shared {
    /// Finds what occurs at least twice among the overwrites that have to be written.
    pub(super) fn find(guild: &Guild, channels: &[&Channel], keys: &Chosen) -> Self {
        let written = || {
            let own = channels.iter().filter(|channel| channel.is_category() || !guild.is_synced(channel));
            own.filter(|channel| !is_too_long(&channel.attributes.overwrites))
        };
        let mut shared = Self { basics: basics_of(guild), ..Self::default() };
        let mut names = Unique::new(&[BASICS, ChannelPermissions::UNMANAGED]);
        let mut uses: BTreeMap<Vec<(Target, Bits)>, usize> = BTreeMap::new();
        for channel in written() {
            *uses.entry(entries(&channel.attributes.overwrites)).or_default() += 1;
        }
        let mut counts: BTreeMap<Bits, usize> = BTreeMap::new();
        for (_, bits) in uses.keys().flatten() {
            *counts.entry(*bits).or_default() += 1;
        }
        let all = written().flat_map(|channel| channel.attributes.overwrites.iter());
        for (_, overwrite) in all.filter(|(_, overwrite)| counts.get(&bits(overwrite)).is_some_and(|count| *count > 1))
        {
            if let Entry::Vacant(place) = shared.set_names.entry(bits(overwrite)) {
                let name = place.insert(names.give(&name_of_set(overwrite)));
                shared.sets.push((name.clone(), *overwrite));
            }
        }
        let mut names = Unique::new(&[ChannelPermissions::UNMANAGED]);
        for channel in written() {
            let entries = entries(&channel.attributes.overwrites);
            let is_shared = !entries.is_empty() && uses.get(&entries).is_some_and(|count| *count > 1);
            if is_shared && !shared.access_names.contains_key(&entries) {
                let overwrites = &channel.attributes.overwrites;
                let name = names.give(&name_of_access(guild, overwrites, keys, channel));
                shared.access.push((name.clone(), shared.map_of(overwrites, keys)));
                shared.access_names.insert(entries, name);
            }
        }
        shared
    }

    /// The section `permission_sets`.
    pub(super) fn permission_sets(&self) -> Yaml {
        let basics = self
            .basics
            .map(|permissions| (BASICS.to_owned(), Overwrite { allow: permissions, ..Overwrite::default() }));
        let all = basics.iter().chain(&self.sets);
        Yaml::Map(all.map(|(name, overwrite)| (name.clone(), lists_of(overwrite))).collect())
    }

    /// The section `access`.
    pub(super) fn access(&self) -> Yaml {
        Yaml::Map(self.access.clone())
    }

    /// What a role may do.
    pub(super) fn role(&self, permissions: Permissions) -> Yaml {
        match self.basics {
            Some(basics) if permissions == basics => Yaml::text(BASICS),
            Some(basics) if permissions.contains(basics) => {
                Yaml::map([("use", Yaml::text(BASICS)), ("allow", permission_list(permissions.without(basics)))])
            }
            _ => permission_list(permissions),
        }
    }

    /// What a channel says of its overwrites. Lists no request could carry are left alone.
    pub(super) fn overwrites(&self, overwrites: &Overwrites, keys: &Chosen) -> Yaml {
        if is_too_long(overwrites) {
            return Yaml::text(ChannelPermissions::UNMANAGED);
        }
        match self.access_names.get(&entries(overwrites)) {
            Some(name) => Yaml::text(name),
            None => self.map_of(overwrites, keys),
        }
    }

    fn map_of(&self, overwrites: &Overwrites, keys: &Chosen) -> Yaml {
        let entry = |(target, overwrite): (&Target, &Overwrite)| {
            let target = match target {
                Target::Role(role) => keys.known_role(role).map_or_else(|| target.to_string(), ToString::to_string),
                Target::Member(_) => target.to_string(),
            };
            let value =
                self.set_names.get(&bits(overwrite)).map_or_else(|| lists_of(overwrite), |name| Yaml::text(name));
            (target, value)
        };
        let mut entries: Vec<(String, Yaml)> = overwrites.iter().map(entry).collect();
        // What everyone has comes first, because the rest are exceptions from it.
        entries.sort_by_key(|(target, _)| target != "everyone");
        Yaml::Map(entries)
    }
}

/// True when no single request could carry the overwrites.
pub(super) fn is_too_long(overwrites: &Overwrites) -> bool {
    overwrites.len() > Overwrites::MAX_PER_REQUEST
}

fn lists_of(overwrite: &Overwrite) -> Yaml {
    let list = |permissions: Permissions| (!permissions.is_empty()).then(|| permission_list(permissions));
    Yaml::fields([("allow", list(overwrite.allow)), ("deny", list(overwrite.deny))])
}

/// @everyone's permissions, when they are many and another role has them all.
fn basics_of(guild: &Guild) -> Option<Permissions> {
    /// Below this, a list is as short as a name.
    const FEW: u32 = 4;
    let everyone = guild.everyone()?;
    let basics = everyone.attributes.permissions;
    let builds_on = guild.roles.iter().filter(|role| role.id != everyone.id);
    let is_shared = builds_on.into_iter().any(|role| role.attributes.permissions.contains(basics));
    (is_shared && basics.bits().count_ones() >= FEW).then_some(basics)
}

/// A word for what an overwrite does, by the permissions that matter most to people.
fn name_of_set(overwrite: &Overwrite) -> String {
    let Overwrite { allow, deny } = overwrite;
    let grants = |permission| allow.contains(permission);
    let takes = |permission| deny.contains(permission) && !allow.contains(permission);
    let name = if takes(Permissions::VIEW_CHANNEL) {
        "hidden"
    } else if grants(Permissions::MANAGE_CHANNELS) || grants(Permissions::MANAGE_ROLES) {
        "manage"
    } else if grants(Permissions::MANAGE_MESSAGES) || grants(Permissions::MANAGE_THREADS) {
        "moderate"
    } else if takes(Permissions::SEND_MESSAGES) {
        if takes(Permissions::SEND_MESSAGES_IN_THREADS) || !grants(Permissions::SEND_MESSAGES_IN_THREADS) {
            "read_only"
        } else {
            "write_in_threads"
        }
    } else if grants(Permissions::SEND_MESSAGES) {
        "write"
    } else if takes(Permissions::CONNECT) {
        "locked"
    } else if grants(Permissions::CONNECT) {
        "join"
    } else if grants(Permissions::VIEW_CHANNEL) {
        "see"
    } else {
        let first = |permissions: &Permissions| permissions.names().into_iter().next();
        let allowed = first(allow).map(|name| format!("may_{name}"));
        return allowed
            .or_else(|| first(deny).map(|name| format!("no_{name}")))
            .unwrap_or_else(|| "nothing".to_owned());
    };
    name.to_owned()
}

/// Who gets in when everybody else does not, or else the object that has the set first.
fn name_of_access(guild: &Guild, overwrites: &Overwrites, keys: &Chosen, first: &Channel) -> String {
    let everyone = Target::Role(RoleRef::Live(guild.everyone_id()));
    let of_everyone = overwrites.get(&everyone);
    let is_private = of_everyone.deny.contains(Permissions::VIEW_CHANNEL);
    let word = |key: String| key.replace('-', "_");
    let admitted = overwrites.iter().filter(|(_, overwrite)| overwrite.allow.contains(Permissions::VIEW_CHANNEL));
    let roles = admitted.filter_map(|(target, _)| match target {
        Target::Role(role) => keys.known_role(role).map(ToString::to_string),
        Target::Member(_) => None,
    });
    let roles: Vec<String> = roles.take(3).map(word).collect();
    match (is_private, roles.as_slice()) {
        (true, []) => "nobody".to_owned(),
        (true, [only]) => format!("{only}_only"),
        (true, [one, other]) => format!("{one}_and_{other}"),
        (true, _) => "private".to_owned(),
        (false, _) if of_everyone.deny.contains(Permissions::SEND_MESSAGES) => "read_only".to_owned(),
        (false, _) => format!("like_{}", word(keys.channel(&first.id).to_string())),
    }
}

/// Gives each name once.
struct Unique(BTreeSet<String>);

impl Unique {
    fn new(reserved: &[&str]) -> Self {
        Self(reserved.iter().map(|name| (*name).to_owned()).collect())
    }

    fn give(&mut self, name: &str) -> String {
        let numbered = (2..).map(|number| format!("{name}_{number}"));
        let mut candidates = std::iter::once(name.to_owned()).chain(numbered);
        let free = candidates.find(|candidate| !self.0.contains(candidate)).unwrap_or_else(|| name.to_owned());
        self.0.insert(free.clone());
        free
    }
}
