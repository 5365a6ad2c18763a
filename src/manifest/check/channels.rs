//! Rules about channels: what fits their kind, and what becomes of their names.

use crate::model::{ChannelKind, normalise_channel_name};

use crate::manifest::diagnostic::{Problem, Problems, Spot, rule};
use crate::manifest::read::{Object, Said};
use crate::manifest::resolve::{model_field, table};

use super::{ChannelView, Subject, report_beyond, report_repeated};

/// True when Discord lets a channel of this kind have the field, as it is spelled in a manifest.
fn has_field(kind: ChannelKind, spelled: &str) -> bool {
    match spelled {
        "id" | "previously" => true,
        "require_tag" => matches!(kind, ChannelKind::Forum | ChannelKind::Media),
        "hide_media_download_options" => kind == ChannelKind::Media,
        "spoiler" => kind != ChannelKind::Stage,
        _ => kind.has_field(model_field("channels", spelled)),
    }
}

pub(super) fn fields_of_kind(subject: &Subject<'_>, problems: &mut Problems) {
    for ChannelView { doc, kind, .. } in &subject.channels {
        for (field, spot) in doc.said().into_iter().filter(|(field, _)| !has_field(*kind, field)) {
            let noun = kind.noun();
            let article = if noun.starts_with('a') { "an" } else { "a" };
            let having = ChannelKind::NAMED.into_iter().filter(|k| *k != ChannelKind::Category && has_field(*k, field));
            let list = having.map(ChannelKind::name).collect::<Vec<_>>().join(", ");
            let problem = Problem::new(rule::FIELD_OF_OTHER_KIND, format!("{article} {noun} has no `{field}`"));
            problems.report(problem.at(spot, "not for this kind").help(format!("channels that have it: {list}")));
        }
    }
}

pub(super) fn limits_of_kind(subject: &Subject<'_>, problems: &mut Problems) {
    /// Longest topic outside forums and media channels (Discord's channel documentation).
    const TOPIC: usize = 1024;
    /// Highest bitrate of a stage channel (Discord's channel documentation).
    const STAGE_BITRATE: u32 = 64_000;
    /// Most members a voice channel can be limited to (Discord's channel documentation).
    const VOICE_USERS: u32 = 99;
    for ChannelView { doc, kind, .. } in &subject.channels {
        let noun = kind.noun();
        let is_forum = matches!(kind, ChannelKind::Forum | ChannelKind::Media);
        if let Some(said) = doc.topic.as_ref().filter(|_| !is_forum) {
            let length = said.value.as_ref().map_or(0, |topic| topic.0.chars().count());
            if length > TOPIC {
                let message = format!("the topic of a {noun} has at most {TOPIC} characters");
                problems.report(Problem::new(rule::BAD_LENGTH, message).at(said.spot, format!("these are {length}")));
            }
        }
        let limits = [
            (doc.bitrate.as_ref().map(|said| (said.0, said.spot)), ChannelKind::Stage, STAGE_BITRATE),
            (doc.user_limit.as_ref().map(|said| (said.0, said.spot)), ChannelKind::Voice, VOICE_USERS),
        ];
        for (said, of_kind, most) in limits {
            if let Some((_, spot)) = said.filter(|(number, _)| *kind == of_kind && *number > most) {
                let problem = Problem::new(rule::OUT_OF_RANGE, format!("Discord takes at most {most} in a {noun}"));
                problems.report(problem.at(spot, "out of range"));
            }
        }
    }
}

pub(super) fn spoilers(subject: &Subject<'_>, problems: &mut Problems) {
    let is_on = |said: &Option<Said<bool>>| said.as_ref().filter(|said| said.value).map(|said| said.key);
    for ChannelView { doc, .. } in &subject.channels {
        if let (Some(spoiler), Some(nsfw)) = (is_on(&doc.spoiler), is_on(&doc.nsfw)) {
            let message = "an age-restricted channel cannot be behind a spoiler";
            let problem = Problem::new(rule::FLAG_CONFLICT, message);
            problems.report(problem.at(spoiler, "one of them").at(nsfw, "the other"));
        }
    }
}

pub(super) fn tags(subject: &Subject<'_>, problems: &mut Problems) {
    /// Most tags of a forum (error 30048 beyond).
    const MOST: usize = 20;
    for tags in subject.channels.iter().filter_map(|channel| channel.doc.tags.as_ref()) {
        report_beyond(tags.iter().map(|tag| tag.spot), MOST, problems, rule::TOO_MANY_TAGS, |count| {
            format!("{count} tags; Discord allows {MOST}")
        });
        let names = tags.iter().filter_map(|tag| tag.0.name.as_ref()).map(|name| (name.0.as_str(), name.spot));
        report_repeated(names, problems, rule::TAG_TWICE, |name| format!("two tags are called `{name}`"));
    }
}

/// The name of a channel and where it comes from.
fn name_of<'d>(channel: &ChannelView<'d>) -> (&'d str, Spot) {
    match &channel.doc.name {
        Some(name) => (&name.value.0, name.spot),
        None => (channel.key.as_str(), channel.key.spot),
    }
}

pub(super) fn same_names(subject: &Subject<'_>, problems: &mut Problems) {
    let places = subject.channels.iter().map(|channel| {
        let (name, spot) = name_of(channel);
        let category = channel.category.map(|(key, _)| key.as_str());
        ((category, channel.kind.bucket(), normalise_channel_name(channel.kind, name)), spot)
    });
    report_repeated(places, problems, rule::SAME_NAME, |(category, _, name)| match category {
        Some(category) => format!("two channels in `{category}` are called `{name}`"),
        None => format!("two channels outside categories are called `{name}`"),
    });
    let categories = table(subject.doc.categories.as_ref()).map(|(key, doc)| match &doc.name {
        Some(name) => (normalise_channel_name(ChannelKind::Category, &name.value.0), name.spot),
        None => (key.value.clone(), key.spot),
    });
    report_repeated(categories, problems, rule::SAME_NAME, |name| format!("two categories are called `{name}`"));
}

pub(super) fn rewritten_names(subject: &Subject<'_>, problems: &mut Problems) {
    let readable = subject.channels.iter().filter(|channel| channel.spec.is_some());
    for channel in readable.filter(|channel| channel.kind.has_slug_name()) {
        let (name, spot) = name_of(channel);
        let stored = normalise_channel_name(channel.kind, name);
        if stored.is_empty() {
            let message = format!("nothing is left of `{name}` once Discord has made a slug of it");
            let problem = Problem::new(rule::NAME_WITHOUT_REST, message).at(spot, "only punctuation");
            problems.report(problem.help("use letters, digits or emoji"));
        } else if stored != name {
            let message = format!("Discord will show `{name}` as `{stored}`");
            let problem = Problem::new(rule::RENAMED, message).at(spot, "");
            problems.report(match &channel.doc.name {
                Some(_) => problem.help("to write what Discord stores").suggest(spot, stored),
                None => problem,
            });
        }
    }
}

fn wants_community(subject: &Subject<'_>) -> Option<Spot> {
    let features = subject.doc.settings.as_ref()?.features.as_ref()?;
    features.community.as_ref().filter(|said| said.value).map(|said| said.key)
}

pub(super) fn community_kinds(subject: &Subject<'_>, problems: &mut Problems) {
    if wants_community(subject).is_some() {
        return;
    }
    let kinds = subject.channels.iter().filter_map(|channel| Some((channel.kind, channel.doc.r#type.as_ref()?.spot)));
    for (kind, spot) in kinds.filter(|(kind, _)| matches!(kind, ChannelKind::Announcement | ChannelKind::Stage)) {
        let message = format!("{} channels exist only in Community guilds", kind.name());
        let problem = Problem::new(rule::NEEDS_COMMUNITY, message).at(spot, "");
        problems.report(problem.help("if this is to become one, write `features: { community: true }` in `settings`"));
    }
}

pub(super) fn community_settings(subject: &Subject<'_>, problems: &mut Problems) {
    let (Some(spot), Some(settings)) = (wants_community(subject), &subject.doc.settings) else { return };
    let channels =
        [("rules_channel", &settings.rules_channel), ("public_updates_channel", &settings.public_updates_channel)];
    let is_missing = |said: &Option<Said<Option<String>>>| said.as_ref().is_none_or(|said| said.value.is_none());
    for (name, _) in channels.into_iter().filter(|(_, said)| is_missing(said)) {
        let problem = Problem::new(rule::COMMUNITY_CHANNELS, format!("Community needs a `{name}`"));
        problems.report(problem.at(spot, "asked for here").help(format!("name a text channel as `{name}`")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_has_a_kind() {
        for field in crate::manifest::document::ChannelDoc::FIELDS {
            assert!(ChannelKind::NAMED.into_iter().any(|kind| has_field(kind, field)), "{field}");
        }
    }
}
