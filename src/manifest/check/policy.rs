//! Rules about the policy and about expectations.

use std::collections::BTreeSet;

use crate::model::{ChannelPatch, RolePatch, SettingsPatch};

use crate::manifest::diagnostic::{Problem, Problems, rule};
use crate::manifest::policy::Pattern;
use crate::manifest::read::Said;
use crate::manifest::resolve::{bits, table};

use super::Subject;

pub(super) fn patterns(subject: &Subject<'_>, problems: &mut Problems) {
    /// No team has more; a hostile file could.
    const MOST: usize = 1000;
    let Some(policy) = &subject.doc.policy else { return };
    let meant = subject.content.policy.protect.iter().chain(&subject.content.policy.ignore);
    let lists = [policy.protect.as_ref(), policy.ignore.as_ref()];
    let written = lists.into_iter().flatten().flat_map(|list| list.iter());
    // Entries that mean nothing were reported and left out, and then the two lists no longer run side by side.
    let written: Vec<&Said<String>> = written.collect();
    let meant: Vec<&Pattern> = meant.collect();
    if written.len() != meant.len() {
        return;
    }
    for (written, pattern) in written.into_iter().zip(meant).take(MOST) {
        if matches(subject, pattern) {
            continue;
        }
        let problem = Problem::new(rule::MATCHES_NOTHING, format!("`{}` matches nothing", written.value));
        problems.report(problem.at(written.spot, "no object, or no field, of this name"));
    }
}

fn matches(subject: &Subject<'_>, pattern: &Pattern) -> bool {
    let content = subject.content;
    let (keys, fields): (Vec<&str>, _) = match pattern.section.as_str() {
        "roles" => (content.roles.keys().map(|key| key.as_str()).collect(), RolePatch::FIELDS),
        "categories" => (content.categories.keys().map(|key| key.as_str()).collect(), ChannelPatch::FIELDS),
        "channels" => (content.channels.keys().map(|key| key.as_str()).collect(), ChannelPatch::FIELDS),
        _ => (vec!["*"], SettingsPatch::FIELDS),
    };
    // An order is of all objects together, so it is ignored for all of them or for none.
    let has_order = matches!(pattern.section.as_str(), "roles" | "channels");
    if has_order && pattern.field.is_some() && pattern.matches_field(&pattern.section, "*", "position") {
        return true;
    }
    keys.into_iter().any(|key| match pattern.field {
        None => pattern.matches_object(&pattern.section, key),
        Some(_) => fields.iter().any(|field| pattern.matches_field(&pattern.section, key, field)),
    })
}

pub(super) fn expectations(subject: &Subject<'_>, problems: &mut Problems) {
    let channels: BTreeSet<&str> = subject.channels.iter().map(|channel| channel.key.as_str()).collect();
    let categories: BTreeSet<&str> = table(subject.doc.categories.as_ref()).map(|(key, _)| key.as_str()).collect();
    for expectation in subject.doc.expectations.iter().flat_map(|list| list.iter()) {
        let (can, cannot) = (bits(expectation.can.as_ref()), bits(expectation.cannot.as_ref()));
        let both = can & cannot;
        if can.is_empty() && cannot.is_empty() && expectation.can.is_none() && expectation.cannot.is_none() {
            let problem = Problem::new(rule::CONTRADICTION, "the expectation expects nothing");
            problems.report(problem.at(expectation.spot, "neither `can` nor `cannot`"));
        } else if !both.is_empty() {
            let message = format!("`{}` cannot be both had and lacked", both.names().join("`, `"));
            problems.report(Problem::new(rule::CONTRADICTION, message).at(expectation.spot, "in this expectation"));
        }
        let places = expectation.r#in.iter().flat_map(|said| said.0.iter());
        for place in places.filter(|place| channels.contains(place.as_str()) && categories.contains(place.as_str())) {
            let problem = Problem::new(rule::AMBIGUOUS, format!("`{}` is a channel and a category", place.value));
            problems.report(problem.at(place.spot, "the channel is taken").help("give one of them another key"));
        }
    }
}
