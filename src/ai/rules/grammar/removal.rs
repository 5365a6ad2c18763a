//! Requests to remove objects.

use crate::manifest::edit::Subject;

use super::super::clause::{Clause, Context, Mention, Why, any, is_about_contents, longest_at};
use super::super::lexicon::{FILLERS, JOINERS, Verb, verb_at};
use super::super::words::Shape;
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

/// Says that something goes, behind its name.
const GOES: &str = "should go away|can go away|has to go|must go|can go|should go|needs to go|need to go|have to go|\
    is no longer needed|are no longer needed|isnt needed anymore|arent needed anymore|isnt needed any more|\
    arent needed any more|isnt needed any longer|arent needed any longer|is not needed anymore|is not needed any more|\
    is not needed any longer|are not needed anymore|are not needed any more|are not needed any longer|\
    should be gone|can disappear|should disappear|is obsolete|are obsolete|is not required anymore|\
    is no longer required|are no longer required|is no longer necessary|are no longer necessary|\
    has to disappear|isnt required anymore|may go|should be got rid of|can be got rid of|is now obsolete|\
    are now obsolete|needs removing|needs deleting|need removing|need deleting";
const REMOVED: &str =
    "deleted removed erased scrapped dropped axed ditched binned killed trashed discarded destroyed eliminated";
const PASSIVE: &str = "can be|should be|must be|has to be|needs to be|may be|have to be|need to be|is to be|are to be|\
    could be|ought to be|shall be|gets|get|is being|are being|can get|should get|will be|may get|could get|can now be|\
    should now be|can all be|should all be|can both be|should both be|can therefore be|should please be";
/// What belongs to the words before it: then these are no objects that are to be removed.
const PREPOSITIONS: &str = "from into to onto below above under underneath beneath behind beside of except but with \
    without over unless besides excluding than like as against via for by or in inside on at within out";
/// What may follow the objects, and is left over.
const TIMES: &str = "tomorrow today tonight later soon next this on at by until till after before when if once while \
    during eventually someday sometime again forever immediately permanently first now within asap";

/// Where it says that something goes, behind the name of what goes.
fn goes(clause: &Clause) -> Option<(usize, usize)> {
    let participle =
        |(from, to): (usize, usize)| clause.tokens.get(to).is_some_and(|t| t.is_any(REMOVED)).then_some((from, to + 1));
    let is_last =
        |to: usize| clause.tokens.get(to).is_none_or(|t| !t.is_any("to in into under above below before after from"));
    let passive = PASSIVE.split('|').filter_map(|phrase| clause.find_phrase(phrase)).find_map(participle);
    let other = || GOES.split('|').find_map(|phrase| clause.find_phrase(phrase));
    passive.or_else(other).filter(|(from, to)| *from > 0 && is_last(*to))
}

pub(super) fn read(mut clause: Clause, context: Context<'_>) -> Option<Reading> {
    let verb = match (verb_at(&clause.tokens, 0, &[Verb::Remove]), goes(&clause)) {
        (Some(verb), _) => verb,
        (None, Some((from, to))) => {
            clause.take(from, to);
            clause.take_phrases("away|now");
            0
        }
        (None, None) => return None,
    };
    // What is wiped or purged may well be the messages.
    let is_emptying = clause.tokens[0].is_any("wipe purge") && verb == 1;
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
        let spared = spared(&mut clause, context)?;
        let homes = reading.note(&clause, &[home]);
        let inside = homes.iter().flat_map(|home| context.guild.channels_of(super::super::guild::key(home)));
        let objects = inside.filter(|object| !spared.contains(object)).collect();
        reading.asks.push(Ask::Remove { objects, with_channels: false });
        reading.rest(&clause, false, &Why::Leftover);
        return Some(reading);
    }
    let spared = spared(&mut clause, context)?;
    let mentions = clause.mentions(context, verb, clause.len(), &any);
    if is_about_others(&clause, &mentions, verb) {
        return None;
    }
    let mut objects = protected(&mut reading, &clause, context, &mentions, with_channels, &spared);
    objects.retain(|object| !spared.contains(object));
    if is_about_contents(&clause, &mentions) || is_emptying && objects.iter().any(|o| matches!(o, Subject::Channel(_)))
    {
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

/// What follows `except`; none when nobody can say what that is.
fn spared(clause: &mut Clause, context: Context<'_>) -> Option<Vec<Subject>> {
    const EXCEPT: &str = "except for|except|but not|but|apart from|other than|besides|aside from|excluding|save for";
    let Some((at, length)) = (1..clause.len()).find_map(|at| longest_at(&clause.tokens, at, EXCEPT).map(|n| (at, n)))
    else {
        return Some(Vec::new());
    };
    let is_many = clause.tokens[..at].iter().any(|t| t.is_any("all every everything each any"));
    clause.take(at, at + length);
    let end = clause.len();
    let mentions = clause.mentions(context, at + length, end, &any);
    clause.take_phrases("the one|one|channel|channels");
    let is_clear = mentions.iter().all(|mention| mention.why.is_none()) && !mentions.is_empty();
    let rest = clause.leftovers(true).iter().any(|(from, _)| *from >= at);
    (is_many && is_clear && !rest).then(|| mentions.into_iter().flat_map(|mention| mention.objects).collect())
}

/// True when an object is named only to say what of it, or which others: `the limit of #a`, `#a from the archive`. What is
/// in doubt is not removed.
fn is_about_others(clause: &Clause, mentions: &[Mention], verb: usize) -> bool {
    let Some(last) = mentions.iter().map(|mention| mention.to).max() else { return false };
    let led = |mention: &Mention| {
        mention.from.checked_sub(1).is_some_and(|at| at >= verb && clause.tokens[at].is_any(PREPOSITIONS))
    };
    let is_time = |at: usize| clause.tokens.get(at).is_some_and(|t| t.is_any(TIMES));
    let is_end = |at: usize| {
        clause
            .tokens
            .get(at)
            .is_none_or(|t| t.shape == Shape::Sign && !t.is("'s") || t.is_any(FILLERS) || t.is_any(JOINERS))
    };
    // `the music bot`, `memes to the bottom`
    let compound = |mention: &Mention| {
        let next = mention.to;
        let is_range = clause.tokens.get(next).is_some_and(|t| t.is_any("through until – -"));
        !is_end(next) && !clause.taken[next] && !is_time(next) && !is_range && !mention_follows(mentions, next)
    };
    // `the empty channels in X`: nobody knows which ones these are.
    let chosen = |mention: &Mention| {
        let whole = mention.objects.len() > 1 && mention.why.is_none() && !mention.is_pronoun;
        let before = mention.from.checked_sub(1).filter(|at| *at >= verb);
        whole && before.is_some_and(|at| !clause.taken[at] && clause.tokens[at].is_plain() && !is_end(at))
    };
    let trails = clause.is_free(last, last + 1)
        && clause.tokens.get(last).is_some_and(|t| t.is_any("from into to onto below above under behind of except"));
    mentions.iter().any(|mention| led(mention) || compound(mention) || chosen(mention)) || trails
}

fn mention_follows(mentions: &[Mention], at: usize) -> bool {
    mentions.iter().any(|mention| mention.from <= at && at < mention.to)
}

/// What may be removed; of what may not, the names.
fn protected(
    reading: &mut Reading,
    clause: &Clause,
    context: Context<'_>,
    mentions: &[Mention],
    with_channels: bool,
    spared: &[Subject],
) -> Vec<Subject> {
    let mut removable = Vec::new();
    for mention in mentions {
        let is_protected = |object: &Subject| {
            let inside = match object {
                Subject::Category(key) if with_channels => context.guild.channels_of(key),
                _ => Vec::new(),
            };
            !spared.contains(object) && context.guild.is_protected(object)
                || inside.iter().any(|channel| context.guild.is_protected(channel))
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
