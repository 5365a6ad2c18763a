//! Requests to remove objects.

use crate::manifest::edit::Subject;

use super::super::clause::{Clause, Context, Why, any, is_about_contents};
use super::super::lexicon::{Verb, verb_at};
use super::{Ask, Reading};

const CONTENTS: &str = "with everything in it|and everything in it|with all its channels|and all its channels|\
    with its channels|and its channels|and all of its channels|with all of its channels|including its channels|\
    with all channels in it|and all channels in it|including all its channels|including everything in it|\
    with all the channels in it|and all the channels in it|with everything inside|and everything inside|\
    with everything inside it|and everything inside it|along with its channels|together with its channels|\
    and the channels in it|with the channels in it|along with everything in it|together with everything in it|\
    and all its contents|with all its contents|and its contents|with its contents|with all channels|and all channels|\
    including all channels|completely with its channels|along with all its channels|together with all its channels|\
    and everything in there|with everything in there|including the channels in it|and all channels inside|\
    with all channels inside|and the channels inside|with the channels inside|and every channel in it|\
    with every channel in it|with all of them in it";

pub(super) fn read(mut clause: Clause, context: Context<'_>) -> Option<Reading> {
    let passive = [
        "can be deleted",
        "can be removed",
        "should be deleted",
        "should be removed",
        "must be deleted",
        "must be removed",
        "has to be deleted",
        "has to be removed",
        "needs to be deleted",
        "needs to be removed",
        "should go away",
        "can go away",
        "has to go",
        "must go",
        "can go",
        "should go",
        "may be deleted",
        "may be removed",
        "can be dropped",
        "are to be deleted",
        "is to be deleted",
        "needs to go",
        "need to go",
        "have to go",
        "is no longer needed",
        "are no longer needed",
        "isnt needed anymore",
        "arent needed anymore",
        "should be gone",
    ]
    .iter()
    .find_map(|phrase| clause.find_phrase(phrase))
    .filter(|(from, to)| {
        *from > 0 && clause.tokens.get(*to).is_none_or(|t| !t.is_any("to in into under above below before after"))
    });
    let verb = match (verb_at(&clause.tokens, 0, &[Verb::Remove]), passive) {
        (Some(verb), _) => verb,
        (None, Some((from, to))) => {
            clause.take(from, to);
            0
        }
        (None, None) => return None,
    };
    clause.take(0, verb);
    let away = clause.len() > 1 && clause.tokens[clause.len() - 1].is_any("completely entirely altogether fully");
    if away {
        clause.take(clause.len() - 1, clause.len());
    }
    let mut reading = Reading::default();
    let everything = clause.find_phrase("everything in").or_else(|| clause.find_phrase("everything inside"));
    let with_channels = clause.take_phrases(CONTENTS);
    if let Some((from, to)) = everything.filter(|_| !with_channels) {
        // `delete everything in X` keeps X, as `delete all channels in X` does.
        let home = clause.mention(context, to, &super::super::clause::category)?;
        clause.take(from, home.to);
        let homes = reading.note(&clause, &[home]);
        let inside = homes.iter().flat_map(|home| context.guild.channels_of(super::super::guild::key(home))).collect();
        reading.asks.push(Ask::Remove { objects: inside, with_channels: false });
        reading.rest(&clause, false, &Why::Leftover);
        return Some(reading);
    }
    let mentions = clause.mentions(context, verb, clause.len(), &any);
    let objects = protected(&mut reading, &clause, context, &mentions, with_channels);
    if is_about_contents(&clause, &mentions) {
        return None;
    }
    let is_named = !mentions.is_empty();
    if !is_named
        && clause.leftovers(true).len() == 1
        && clause
            .tokens
            .iter()
            .any(|t| t.is_any("everything all messages message topic slowmode permission permissions protection"))
    {
        return None;
    }
    super::names_or_rest(&mut reading, &clause, is_named);
    if !objects.is_empty() {
        reading.asks.push(Ask::Remove { objects, with_channels });
    }
    (!reading.asks.is_empty() || !reading.gaps.is_empty()).then_some(reading)
}

/// What may be removed; of what may not, the names.
fn protected(
    reading: &mut Reading,
    clause: &Clause,
    context: Context<'_>,
    mentions: &[super::super::clause::Mention],
    with_channels: bool,
) -> Vec<Subject> {
    let mut removable = Vec::new();
    for mention in mentions {
        let is_protected = |object: &Subject| {
            let inside = match object {
                Subject::Category(key) if with_channels => context.guild.channels_of(key),
                _ => Vec::new(),
            };
            context.guild.is_protected(object) || inside.iter().any(|channel| context.guild.is_protected(channel))
        };
        if mention.why.is_none() && mention.objects.iter().any(is_protected) {
            reading.gaps.push(clause.gap(mention.name.0, mention.name.1, Why::Refused("the policy protects it")));
            continue;
        }
        let everyone = Subject::Role("everyone".to_owned());
        if mention.objects.contains(&everyone) {
            reading.gaps.push(clause.gap(mention.name.0, mention.name.1, Why::Refused("@everyone cannot be removed")));
            continue;
        }
        removable.extend(reading.note(clause, std::slice::from_ref(mention)));
    }
    let mut once = Vec::new();
    removable.into_iter().for_each(|object| {
        if !once.contains(&object) {
            once.push(object);
        }
    });
    once
}
