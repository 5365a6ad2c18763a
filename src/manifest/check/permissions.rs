//! Rules about permissions, sets and overwrites.

use crate::model::{Key, OverwriteChoice, Overwrites, Permission, Permissions, RoleRef, Target};

use crate::manifest::diagnostic::{Problem, Problems, rule};
use crate::manifest::document::{ChannelPermissions, OverwritesDoc, PermissionNames, RolePermissions};
use crate::manifest::read::Said;
use crate::manifest::resolve::table;
use crate::manifest::scalar::PermissionName;

use super::Subject;

/// What a list of permissions is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// Granted to a role in the whole guild.
    Role,
    /// Granted by a set.
    Set,
    /// Granted in a channel.
    Allowed,
    /// Taken away, by a set or in a channel.
    Denied,
}

type List<'d> = (Purpose, &'d [Said<PermissionName>]);

/// Every list of permissions that is written, except those of expectations.
fn lists<'d>(subject: &Subject<'d>) -> Vec<List<'d>> {
    let mut lists = Vec::new();
    let mut add = |purpose, said: &'d Option<Said<PermissionNames>>| {
        lists.extend(said.as_ref().map(|said| (purpose, said.as_slice())));
    };
    for (_, set) in table(subject.doc.permission_sets.as_ref()) {
        add(Purpose::Set, &set.allow);
        add(Purpose::Denied, &set.deny);
    }
    for (_, overwrite) in overwrite_maps(subject).into_iter().flat_map(|map| &map.targets) {
        add(Purpose::Allowed, &overwrite.allow);
        add(Purpose::Denied, &overwrite.deny);
    }
    for permissions in table(subject.doc.roles.as_ref()).filter_map(|(_, role)| role.permissions.as_ref()) {
        match &permissions.value {
            RolePermissions::List(list) => lists.push((Purpose::Role, list.as_slice())),
            RolePermissions::Built(built) => lists.extend(built.allow.as_ref().map(|l| (Purpose::Role, l.as_slice()))),
        }
    }
    lists
}

/// Every map of overwrites that is written.
fn overwrite_maps<'d>(subject: &Subject<'d>) -> Vec<&'d OverwritesDoc> {
    let access = table(subject.doc.access.as_ref()).map(|(_, map)| map);
    let categories = table(subject.doc.categories.as_ref()).filter_map(|(_, doc)| doc.permissions.as_ref());
    let channels = subject.channels.iter().filter_map(|channel| channel.doc.permissions.as_ref());
    let own = categories.chain(channels).filter_map(|said| match &said.value {
        ChannelPermissions::Exactly(map) => Some(map),
        ChannelPermissions::Named(_) | ChannelPermissions::Unmanaged => None,
    });
    access.chain(own).collect()
}

fn everyone() -> Target {
    Target::Role(RoleRef::Planned(Key::everyone()))
}

pub(super) fn administrators(subject: &Subject<'_>, problems: &mut Problems) {
    let permissions = subject.content.roles.get(&Key::everyone()).and_then(|role| role.attributes.permissions);
    if !permissions.is_some_and(|bits| bits.contains(Permissions::ADMINISTRATOR)) {
        return;
    }
    let everyone = table(subject.doc.roles.as_ref()).find(|(key, _)| key.value == Key::everyone().as_str());
    if let Some(said) = everyone.and_then(|(_, role)| role.permissions.as_ref()) {
        let problem = Problem::new(rule::EVERYONE_ADMINISTRATOR, "@everyone gets `administrator`");
        let problem = problem.at(said.spot, "every member could do everything");
        problems.report(problem.help("give `administrator` to a role of its own"));
    }
}

pub(super) fn old_habits(subject: &Subject<'_>, problems: &mut Problems) {
    /// What was split off from what on 2026-02-23 (Discord's change log).
    const SPLITS: [(Permissions, Permissions); 3] = [
        (Permissions::MANAGE_MESSAGES, Permissions::PIN_MESSAGES),
        (Permissions::MANAGE_GUILD_EXPRESSIONS, Permissions::CREATE_GUILD_EXPRESSIONS),
        (Permissions::MANAGE_EVENTS, Permissions::CREATE_EVENTS),
    ];
    for (_, list) in lists(subject).into_iter().filter(|(purpose, _)| *purpose != Purpose::Denied) {
        let all: Permissions = list.iter().map(|name| name.0).collect();
        if all.contains(Permissions::ADMINISTRATOR) {
            continue;
        }
        for (whole, part) in SPLITS.into_iter().filter(|(whole, part)| all.contains(*whole) && !all.contains(*part)) {
            let Some(name) = list.iter().find(|name| name.0 == whole) else { continue };
            let (whole, part) = (whole.names().join(""), part.names().join(""));
            let problem = Problem::new(rule::OLD_HABIT, format!("`{whole}` no longer implies `{part}`"));
            problems.report(problem.at(name.spot, "").help(format!("add `{part}` if it is meant")));
        }
    }
}

pub(super) fn unknown_bits(subject: &Subject<'_>, problems: &mut Problems) {
    let names = lists(subject).into_iter().flat_map(|(_, list)| list);
    for name in names.filter(|name| !Permissions::documented().contains(name.0)) {
        let message = format!("this build has no name for `{}`", name.0.names().join(""));
        problems.report(Problem::new(rule::UNKNOWN_BIT, message).at(name.spot, "sent to Discord as it is"));
    }
}

pub(super) fn useless_bits(subject: &Subject<'_>, problems: &mut Problems) {
    let channel_wide: Permissions =
        Permission::ALL.iter().filter(|p| p.scope.in_channels()).map(|p| Permissions::from_bits(1 << p.bit)).collect();
    let useless = Permissions::documented().without(channel_wide);
    let targets = overwrite_maps(subject).into_iter().flat_map(|map| &map.targets);
    let lists = targets.flat_map(|(_, overwrite)| [&overwrite.allow, &overwrite.deny]);
    let names = lists.flat_map(|said| said.iter().flat_map(|said| said.iter()));
    for name in names.filter(|name| useless.intersects(name.0)) {
        let message = format!("`{}` has no meaning in a channel", name.0.names().join(""));
        problems.report(Problem::new(rule::USELESS_BIT, message).at(name.spot, "only roles can have it"));
    }
}

pub(super) fn public_children(subject: &Subject<'_>, problems: &mut Problems) {
    let base = subject.content.roles.get(&Key::everyone()).and_then(|role| role.attributes.permissions);
    let is_public = |overwrites: &Overwrites| {
        let permissions = overwrites.get(&everyone()).over(base.unwrap_or(Permissions::VIEW_CHANNEL));
        permissions.contains(Permissions::VIEW_CHANNEL)
    };
    for channel in &subject.channels {
        let Some((category_key, category)) = channel.category else { continue };
        let category_spec = category_key.parse::<Key>().ok().and_then(|key| subject.content.categories.get(&key));
        let overwrites = (
            category_spec.map(|spec| &spec.attributes.overwrites),
            channel.spec.map(|spec| &spec.attributes.overwrites),
        );
        let (Some(OverwriteChoice::Exactly(above)), Some(OverwriteChoice::Exactly(own))) = overwrites else { continue };
        let places = (&category.permissions, &channel.doc.permissions);
        if let (false, true, (Some(category), Some(own))) = (is_public(above), is_public(own), places) {
            let message = format!("`{}` is public in a private category", channel.key.value);
            let problem = Problem::new(rule::PUBLIC_CHILD, message);
            problems.report(problem.at(own.spot, "everyone sees this").at(category.spot, "but not the others"));
        }
    }
}

pub(super) fn amounts(subject: &Subject<'_>, problems: &mut Problems) {
    let categories = table(subject.doc.categories.as_ref()).map(|(key, doc)| {
        let spec = key.parse::<Key>().ok().and_then(|key| subject.content.categories.get(&key));
        (spec, doc.permissions.as_ref())
    });
    let channels = subject.channels.iter().map(|channel| (channel.spec, channel.doc.permissions.as_ref()));
    for (spec, said) in categories.chain(channels) {
        let (Some(spec), Some(said)) = (spec, said) else { continue };
        let OverwriteChoice::Exactly(overwrites) = &spec.attributes.overwrites else { continue };
        let count = overwrites.len();
        if count > Overwrites::MAX_PER_REQUEST {
            let message = format!("{count} overwrites; Discord takes {} in one request", Overwrites::MAX_PER_REQUEST);
            let problem = Problem::new(rule::TOO_MANY_OVERWRITES, message).at(said.spot, "");
            problems.report(problem.help("give the members a role, and the role an overwrite"));
        }
    }
}

pub(super) fn unused_sets(subject: &Subject<'_>, problems: &mut Problems) {
    let sets = subject.resolved.sets.unused().map(|name| (name, "permission set"));
    let access = subject.resolved.access.unused().map(|name| (name, "entry of `access`"));
    for (name, noun) in sets.chain(access) {
        let problem = Problem::new(rule::UNUSED, format!("the {noun} `{}` is not used", name.value));
        problems.report(problem.at(name.spot, ""));
    }
}
