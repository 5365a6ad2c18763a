//! Requests about the tags of forums.

use crate::manifest::edit::Subject;
use crate::model::ChannelKind;

use super::super::clause::{Clause, Context};
use super::super::lexicon::{ARTICLES, FILLERS, JOINERS, Verb, verb_at};
use super::super::words::Shape;
use super::{Ask, Reading};

/// A tag's name, and the emoji beside it.
type Tag = (String, Option<String>);

fn forum(object: &Subject, kind: Option<ChannelKind>) -> bool {
    matches!(object, Subject::Channel(_)) && matches!(kind, Some(ChannelKind::Forum | ChannelKind::Media))
}

const STOPS: &str = "to from in on for of with : at into as using emoji out";

pub(super) fn read(mut clause: Clause, context: Context<'_>) -> Option<Reading> {
    let tag = clause.find("tag tags");
    // `#a no longer needs the tag b`
    let unneeded = clause.take_phrases(
        "no longer needs|no longer need|doesnt need|dont need|does not need|do not need|no longer has|no longer have|\
        shouldnt have|should not have|should no longer have|no longer uses|no longer use|needs no|need no",
    );
    if unneeded {
        clause.take_phrases("anymore|any more|any longer");
    }
    let is_negated = clause.tokens.iter().any(|t| t.is_any("not dont doesnt never without longer")) && !unneeded;
    if is_negated && tag.is_some() {
        return None;
    }
    // `ideas: delete the tag x`
    let colon = clause.tokens.iter().position(|t| t.is(":")).filter(|at| tag.is_some_and(|tag| *at < tag));
    let after = colon.and_then(|at| verb_at(&clause.tokens, at + 1, &[Verb::Remove, Verb::Take]).map(|n| (at, n)));
    if let Some((at, length)) = after {
        clause.take(at + 1, at + 1 + length);
    }
    let from = after.map_or(0, |(at, length)| at + 1 + length);
    let unneeded = unneeded || after.is_some();
    let adds_too = unneeded && clause.tokens[from..].iter().any(|t| t.is_any("add create put"));
    if adds_too {
        return None;
    }
    let is_removal = unneeded || verb_at(&clause.tokens, 0, &[Verb::Remove, Verb::Take]).is_some();
    let is_addition = verb_at(&clause.tokens, 0, &[Verb::Make, Verb::Set, Verb::Give, Verb::Move]).is_some();
    // `drop dps`, after the tags of a forum were spoken of
    let Some(tag) = tag else { return again(clause, context, is_removal, is_addition) };
    let verb = verb_at(&clause.tokens, 0, &[Verb::Remove, Verb::Take, Verb::Make, Verb::Set, Verb::Give, Verb::Move]);
    let verb = verb.filter(|verb| *verb <= tag);
    let needs = clause.tokens.iter().any(|t| t.is_any("needs need gets should with has have get"));
    let is_headed = clause.tokens[..tag].iter().any(|t| t.is(":"));
    if clause.tokens.iter().any(|t| t.is_any("require required requires")) {
        return None;
    }
    if verb.is_none() && !needs && !is_headed && context.about.is_empty() && tag > 1 {
        return None;
    }
    let is_new_forum = is_addition
        && super::super::lexicon::kind_at(
            &clause.tokens,
            verb.unwrap_or(0) + usize::from(clause.tokens.get(verb.unwrap_or(0)).is_some_and(|t| t.is_any(ARTICLES))),
        )
        .is_some();
    if is_new_forum
        && !clause.tokens[tag - 1].is("the")
        && clause.tokens[..tag].iter().any(|t| t.is_any("with w/"))
        && context.about.is_empty()
    {
        return None;
    }
    clause.take(0, verb.unwrap_or(0));
    clause.take(tag, tag + 1);
    let mut reading = Reading::default();
    let mut body = clause.clone();
    // Tags may be called like channels, so forums are looked for where they are expected.
    let mut mentions = Vec::new();
    for at in 0..clause.len() {
        let led = at > 0 && clause.tokens[at - 1].is_any("to from in on for of into out");
        let early = at < tag && verb.is_none_or(|verb| at >= verb);
        if (led || early) && body.is_free(at, at + 1) {
            let end = clause.mention(context, at, &forum).map(|m| m.to);
            if let Some(end) = end {
                mentions.extend(body.mentions(context, at, end, &forum));
            }
        }
    }
    let clause = &mut body;
    let from = if mentions.iter().all(|m| m.from < tag) || mentions.is_empty() { tag + 1 } else { verb.unwrap_or(0) };
    let (tags, gaps) = tags_in(clause, from.max(verb.unwrap_or(0)), context);
    let before = tags.is_empty().then(|| tags_in(clause, verb.unwrap_or(0), context));
    let (tags, gaps) = before.unwrap_or((tags, gaps));
    let is_command = |tag: &str| {
        let first = tag.split(' ').next().unwrap_or_default().to_lowercase();
        tag.contains(' ') && matches!(first.as_str(), "add" | "drop" | "remove" | "delete" | "put" | "create" | "not")
    };
    if tags.is_empty() || tags.iter().any(|(tag, _)| is_command(tag)) {
        return None;
    }
    let all = is_removal && tags.iter().all(|(tag, _)| tag == "all");
    let is_named = !mentions.is_empty();
    let mut objects = reading.note(clause, &mentions);
    if !is_named {
        objects = super::super::clause::implied(context, &forum);
    }
    if objects.is_empty() && reading.gaps.is_empty() {
        return None;
    }
    if all {
        let names = objects.iter().flat_map(|forum| context.guild.tags(super::super::guild::key(forum)));
        let tags: Vec<Tag> = names.map(|name| (name, None)).collect();
        let gaps = vec![gaps.first().copied().unwrap_or_default(); tags.len()];
        return finish(reading, clause, objects, tags, gaps, is_removal);
    }
    finish(reading, clause, objects, tags, gaps, is_removal)
}

/// `add bench and alt`, after `tags for raid-plans:`.
fn again(mut clause: Clause, context: Context<'_>, is_removal: bool, is_addition: bool) -> Option<Reading> {
    let verb = verb_at(&clause.tokens, 0, &[Verb::Remove, Verb::Make]).filter(|_| is_removal || is_addition)?;
    let group = context.groups.last()?;
    let is_tags = group.iter().any(|object| matches!(object, Subject::Access(key) if key == "tags"));
    if !is_tags {
        return None;
    }
    let objects: Vec<Subject> = group.iter().filter(|object| matches!(object, Subject::Channel(_))).cloned().collect();
    clause.take(0, verb);
    let mut reading = Reading::default();
    reading.groups.push(group.clone());
    let (tags, gaps) = tags_in(&mut clause, verb, context);
    finish(reading, &clause, objects, tags, gaps, is_removal).filter(|reading| !reading.asks.is_empty())
}

fn finish(
    mut reading: Reading,
    clause: &Clause,
    channels: Vec<Subject>,
    tags: Vec<Tag>,
    spans: Vec<(usize, usize)>,
    is_removal: bool,
) -> Option<Reading> {
    let mut group = channels.clone();
    group.push(Subject::Access("tags".to_owned()));
    reading.groups.push(group);
    if !channels.is_empty() {
        reading.asks.push(match is_removal {
            true => {
                let tags = tags.into_iter().zip(spans).map(|((tag, _), (start, end))| (tag, start, end));
                Ask::Untag { channels, tags: tags.collect() }
            }
            false => Ask::Tag { channels, tags },
        });
    }
    super::names_or_rest(&mut reading, clause, true);
    Some(reading)
}

/// A list of tags, each with an emoji where one stands beside it.
pub(super) fn tags_in(clause: &mut Clause, from: usize, context: Context<'_>) -> (Vec<Tag>, Vec<(usize, usize)>) {
    let (mut tags, mut spans) = (Vec::new(), Vec::new());
    let mut at = from;
    while at < clause.len() {
        let token = &clause.tokens[at];
        if clause.taken[at] {
            if !tags.is_empty() {
                break;
            }
            at += 1;
            continue;
        }
        let is_small =
            token.is_any(JOINERS) || token.is_any(ARTICLES) || token.is_any("called named : new following tag tags");
        if is_small {
            clause.take(at, at + 1);
            at += 1;
            continue;
        }
        let leads = tags.is_empty()
            && (token.is_any(STOPS) || token.is_any("add are should be needs need gets get has have also remove"));
        if leads {
            clause.take(at, at + 1);
            at += 1;
            continue;
        }
        if token.is_any(STOPS) || token.is_any(FILLERS) {
            break;
        }
        let mut end = at + 1;
        let is_one = token.is_quote();
        while !is_one && end < clause.len() && !clause.taken[end] {
            let next = &clause.tokens[end];
            if next.is_any(JOINERS)
                || next.is_any(STOPS)
                || next.shape == Shape::Sign
                || next.is_any(FILLERS)
                || next.is_quote()
                || next.sigil.is_some()
            {
                break;
            }
            end += 1;
        }
        let symbols: Vec<usize> = (at..end).filter(|at| clause.tokens[*at].shape == Shape::Symbol).collect();
        let words: Vec<usize> = (at..end).filter(|at| clause.tokens[*at].shape != Shape::Symbol).collect();
        let mut emoji = symbols.first().map(|at| clause.tokens[*at].text.clone());
        let mut all = end;
        // `Clutch` 🔥, or `with emoji 🔥`
        let with = (end..clause.len().min(end + 5)).take_while(|at| {
            let t = &clause.tokens[*at];
            t.shape == Shape::Symbol || t.is_any("with the emoji an a using w/")
        });
        if let Some(last) = with.last().filter(|last| clause.tokens[*last].shape == Shape::Symbol) {
            emoji = Some(clause.tokens[last].text.clone());
            all = last + 1;
        }
        if let (Some(first), Some(last)) = (words.first(), words.last()) {
            let (start, stop) = clause.span(*first, *last + 1);
            let text = match clause.tokens[*first].is_quote() {
                true => clause.tokens[*first].text.clone(),
                false => context.typed(start, stop).trim_start_matches('#').to_owned(),
            };
            tags.push((text, emoji.map(|emoji| emoji.trim().to_owned())));
            spans.push((start, stop));
        }
        clause.take(at, all);
        at = all;
    }
    (tags, spans)
}
