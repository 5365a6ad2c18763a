//! Rules about keys, ids, former keys, amounts, and fields of roles.

use std::collections::BTreeMap;

use crate::model::{Colors, Guild, Key, ObjectKind};

use crate::manifest::diagnostic::{Problem, Problems, Spot, rule};
use crate::manifest::document::ChannelPermissions;
use crate::manifest::read::{Object, Said};
use crate::manifest::resolve::table;
use crate::manifest::scalar::Snowflake;

use super::{Subject, report_beyond, report_repeated};

pub(super) fn reserved_keys(subject: &Subject<'_>, problems: &mut Problems) {
    let roles =
        table(subject.doc.roles.as_ref()).map(|(key, _)| (key, "use", "names what a map of overwrites starts from"));
    let access = table(subject.doc.access.as_ref())
        .map(|(key, _)| (key, ChannelPermissions::UNMANAGED, "leaves the overwrites of a channel alone"));
    for (key, reserved, meaning) in roles.chain(access).filter(|(key, reserved, _)| key.value == *reserved) {
        let problem = Problem::new(rule::RESERVED_KEY, format!("`{reserved}` cannot be given to anything"));
        problems.report(problem.at(key.spot, format!("this word {meaning}")).help("choose another key"));
    }
}

pub(super) fn fields_of_everyone(subject: &Subject<'_>, problems: &mut Problems) {
    let everyone = table(subject.doc.roles.as_ref()).filter(|(key, _)| key.value == Key::everyone().as_str());
    for (field, spot) in everyone.flat_map(|(_, role)| role.said()).filter(|(field, _)| *field != "permissions") {
        let problem = Problem::new(rule::EVERYONE_FIELD, format!("@everyone has no `{field}`"));
        problems.report(problem.at(spot, "only its `permissions` can be set"));
    }
}

/// A key and its former ones.
type Former<'d> = (&'d Said<String>, Option<&'d Said<Vec<Said<String>>>>);

pub(super) fn former_keys(subject: &Subject<'_>, problems: &mut Problems) {
    let roles = table(subject.doc.roles.as_ref()).map(|(key, role)| (key, role.previously.as_ref()));
    let categories = table(subject.doc.categories.as_ref()).map(|(key, doc)| (key, doc.previously.as_ref()));
    let channels = subject.channels.iter().map(|channel| (channel.key, channel.doc.previously.as_ref()));
    check_former(ObjectKind::Role, &roles.collect::<Vec<_>>(), problems);
    check_former(ObjectKind::Category, &categories.collect::<Vec<_>>(), problems);
    check_former(ObjectKind::Channel, &channels.collect::<Vec<_>>(), problems);
}

fn check_former(kind: ObjectKind, objects: &[Former<'_>], problems: &mut Problems) {
    let present: BTreeMap<&str, Spot> = objects.iter().map(|(key, _)| (key.as_str(), key.spot)).collect();
    let claims = || objects.iter().flat_map(|(_, former)| former.iter().flat_map(|list| list.iter()));
    for claim in claims() {
        if let Some(user) = present.get(claim.as_str()) {
            let message = format!("the key `{}` still belongs to a {}", claim.value, kind.noun());
            let problem = Problem::new(rule::PREVIOUSLY_TAKEN, message);
            problems.report(problem.at(claim.spot, "not a former key").at(*user, "in use here"));
        }
    }
    let places = claims().map(|claim| (claim.as_str(), claim.spot));
    report_repeated(places, problems, rule::PREVIOUSLY_TAKEN, |key| {
        format!("two objects claim to have been the {} `{key}`", kind.noun())
    });
}

pub(super) fn pinned_ids(subject: &Subject<'_>, problems: &mut Problems) {
    let place = |id: &Said<Snowflake>| (id.0, id.spot);
    let roles = || table(subject.doc.roles.as_ref()).filter_map(|(_, role)| role.id.as_ref().map(place));
    let categories = table(subject.doc.categories.as_ref()).filter_map(|(_, doc)| doc.id.as_ref().map(place));
    let channels = subject.channels.iter().filter_map(|channel| channel.doc.id.as_ref().map(place));
    let message = |id: &u64| format!("two objects are pinned to the id {id}");
    report_repeated(roles(), problems, rule::ID_TWICE, message);
    report_repeated(categories.chain(channels), problems, rule::ID_TWICE, message);
    for (_, spot) in roles().filter(|(id, _)| *id == subject.content.guild.get()) {
        let problem = Problem::new(rule::ID_TWICE, "the id of the guild is also that of @everyone");
        problems.report(problem.at(spot, "not a role of its own").help("write the role under the key `everyone`"));
    }
}

pub(super) fn colors(subject: &Subject<'_>, problems: &mut Problems) {
    for (_, role) in table(subject.doc.roles.as_ref()) {
        let Some(said) = &role.colors else { continue };
        if let Some(color) = &role.color {
            let problem = Problem::new(rule::FLAG_CONFLICT, "a role has `color` or `colors`, not both");
            problems.report(problem.at(color.key, "one of them").at(said.key, "the other"));
        }
        let Some(doc) = &said.value else { continue };
        let value = |color: &Option<Said<crate::manifest::scalar::Color>>| color.as_ref().map(|c| c.0);
        let colors = (value(&doc.primary), value(&doc.secondary), value(&doc.tertiary));
        let Colors { primary, secondary, tertiary } = Colors::HOLOGRAPHIC;
        let problem = match colors {
            (None, _, _) => Problem::new(rule::BAD_GRADIENT, "`colors` needs a `primary`"),
            (_, _, Some(_)) if colors != (Some(primary), secondary, tertiary) => {
                let holographic = [Some(primary), secondary, tertiary].into_iter().flatten();
                let list = holographic.map(|color| format!("\"#{color:06x}\"")).collect::<Vec<_>>().join(", ");
                let problem = Problem::new(rule::BAD_GRADIENT, "Discord takes a tertiary colour in one triple only");
                problem.help(format!("the holographic style is {list}"))
            }
            _ => continue,
        };
        problems.report(problem.at(said.spot, "in these colours"));
    }
}

pub(super) fn amounts(subject: &Subject<'_>, problems: &mut Problems) {
    /// As many as guilds have been seen to hold (gathered by users; Discord does not document it).
    const CATEGORIES: usize = 50;
    let is_everyone = |key: &Said<String>| key.value == Key::everyone().as_str();
    let roles = table(subject.doc.roles.as_ref()).filter(|(key, _)| !is_everyone(key)).map(|(key, _)| key.spot);
    report_beyond(roles, Guild::MAX_ROLES - 1, problems, rule::TOO_MANY_ROLES, |count| {
        format!("{} roles, @everyone included; Discord allows {}", count + 1, Guild::MAX_ROLES)
    });
    let categories = || table(subject.doc.categories.as_ref());
    let spots = subject.channels.iter().map(|channel| channel.key.spot);
    let all = spots.chain(categories().map(|(key, _)| key.spot));
    report_beyond(all, Guild::MAX_CHANNELS, problems, rule::TOO_MANY_CHANNELS, |count| {
        format!("{count} channels and categories; Discord allows {}", Guild::MAX_CHANNELS)
    });
    for (key, category) in categories() {
        let children = table(category.channels.as_ref()).map(|(key, _)| key.spot);
        report_beyond(children, Guild::MAX_CHANNELS_PER_CATEGORY, problems, rule::TOO_MANY_CHILDREN, |count| {
            format!("{count} channels in `{}`; Discord allows {}", key.value, Guild::MAX_CHANNELS_PER_CATEGORY)
        });
    }
    let spots = categories().map(|(key, _)| key.spot);
    report_beyond(spots, CATEGORIES, problems, rule::TOO_MANY_CATEGORIES, |count| {
        format!("{count} categories; more than {CATEGORIES} have not been seen to work")
    });
}
