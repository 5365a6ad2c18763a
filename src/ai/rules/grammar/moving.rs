//! Requests to put objects elsewhere or in another order.

use crate::manifest::edit::Subject;

use super::super::clause::{Clause, Context, Mention, Why, any, category, is_about_contents, role};
use super::super::guild::key;
use super::super::lexicon::{ARTICLES, FILLERS, JOINERS, Verb, any_verb_at, is_known, number_at, verb_at};
use super::super::words::{Shape, Token};
use super::{Ask, Reading, Spot};

const INTO: &str = "to into in under inside onto within underneath";
const TOPS: &str = "top beginning start front first highest topmost uppermost";
const ENDS: &str = "bottom end last lowest bottommost";

/// Where something goes, as it was said.
#[derive(Clone, Debug, Default)]
pub(super) struct Where {
    pub(super) home: Option<Mention>,
    /// The name of a category that is not there.
    pub(super) lost: Option<(usize, usize)>,
    pub(super) is_outside: bool,
    pub(super) spot: Option<Spot>,
    /// What it stands beside.
    pub(super) beside: Option<Mention>,
    /// Where this ends.
    pub(super) end: usize,
}

/// Words before a neighbour, and on which side of it.
pub(super) fn beside_at(clause: &Clause, at: usize) -> Option<(bool, usize)> {
    const SIDES: &[(&str, bool)] = &[
        ("before", true),
        ("above", true),
        ("on top of", true),
        ("over", true),
        ("ahead of", true),
        ("in front of", true),
        ("just before", true),
        ("right before", true),
        ("after", false),
        ("below", false),
        ("behind", false),
        ("beneath", false),
        ("under", false),
        ("underneath", false),
        ("beside", false),
        ("next to", false),
        ("following", false),
        ("right after", false),
        ("directly after", false),
        ("directly below", false),
        ("right below", false),
        ("right under", false),
        ("directly above", true),
        ("directly before", true),
        ("right above", true),
        ("directly under", false),
        ("just below", false),
        ("just above", true),
        ("just after", false),
        ("just under", false),
        ("immediately after", false),
        ("immediately before", true),
        ("immediately below", false),
        ("immediately above", true),
        ("right behind", false),
        ("directly behind", false),
        ("right next to", false),
        ("to the end after", false),
    ];
    let fits = |phrase: &str| {
        phrase.split(' ').enumerate().all(|(offset, word)| clause.tokens.get(at + offset).is_some_and(|t| t.is(word)))
    };
    SIDES
        .iter()
        .filter(|(phrase, _)| fits(phrase))
        .map(|(phrase, first)| (*first, phrase.split(' ').count()))
        .max_by_key(|(_, n)| *n)
}

/// `at the very top of`, `to the end`, `first`.
pub(super) fn edge_at(clause: &Clause, at: usize) -> Option<(Spot, usize)> {
    let mut end = at;
    while clause.tokens.get(end).is_some_and(|t| t.is_any("right both all directly up down back")) {
        end += 1;
    }
    let prep = clause.tokens.get(end).is_some_and(|t| t.is_any("at to on in as go be come"));
    end += usize::from(prep);
    while clause.tokens.get(end).is_some_and(|t| t.is_any("the very its")) {
        end += 1;
    }
    let word = clause.tokens.get(end)?;
    let spot = match () {
        () if word.is_any(TOPS) => Spot::First,
        () if word.is_any(ENDS) => Spot::Last,
        () => return None,
    };
    end += 1;
    while clause
        .tokens
        .get(end)
        .is_some_and(|t| t.is_any("one place position channel category role section item entry"))
    {
        end += 1;
    }
    if clause.tokens.get(end).is_some_and(|t| t.is("of"))
        && clause.tokens.get(end + 1).is_some_and(|t| t.is_any("the"))
        && clause
            .tokens
            .get(end + 2)
            .is_some_and(|t| t.is_any("list server sidebar channels categories roles category"))
    {
        end += 3;
    }
    Some((spot, end))
}

/// Reads where something goes, at one place of a clause.
pub(super) fn where_at(clause: &Clause, context: Context<'_>, at: usize, of_role: Option<bool>) -> Option<Where> {
    let is_homeless = |phrase: &str| {
        phrase.split(' ').enumerate().all(|(offset, word)| clause.tokens.get(at + offset).is_some_and(|t| t.is(word)))
    };
    for phrase in [
        "out of its category",
        "out of their category",
        "out of the category",
        "out of their categories",
        "outside of any category",
        "outside any category",
        "out of any category",
        "to no category",
        "outside the categories",
        "outside all categories",
        "outside of all categories",
        "without a category",
        "outside of the categories",
        "out of the categories",
    ] {
        if is_homeless(phrase) {
            let end = at + phrase.split(' ').count();
            return Some(Where { is_outside: true, end, ..Where::default() });
        }
    }
    if clause.tokens.get(at).is_some_and(|t| t.is("out")) && clause.tokens.get(at + 1).is_some_and(|t| t.is("of")) {
        let home = clause.mention(context, at + 2, &category)?;
        return Some(Where { is_outside: true, end: home.to, ..Where::default() });
    }
    if clause.tokens.get(at).is_some_and(|t| t.is("between")) {
        return between_at(clause, context, at + 1, of_role);
    }
    let into = usize::from(clause.tokens.get(at).is_some_and(|t| t.is_any("in to")));
    if of_role != Some(true) && clause.tokens.get(at + into).is_some_and(|t| t.is_any("there here")) && at > 0 {
        let home = clause.mention(context, at + into, &category)?;
        return Some(Where { end: home.to, home: Some(home), ..Where::default() });
    }
    if let Some((spot, mut end)) = edge_at(clause, at) {
        let mut found = Where { spot: Some(spot), end, ..Where::default() };
        if clause.tokens.get(end).is_some_and(|t| t.is_any("of in inside"))
            && let Some(home) = clause.mention(context, end + 1, &category)
        {
            end = home.to;
            found.home = Some(home);
        }
        found.end = end;
        return Some(found);
    }
    if let Some((is_before, length)) = beside_at(clause, at) {
        let is_under = clause.tokens[at].is_any("under underneath");
        let sibling: &dyn Fn(&Subject, Option<crate::model::ChannelKind>) -> bool = match of_role {
            Some(true) => &role,
            Some(false) => &super::super::clause::place,
            None => &any,
        };
        if let Some(beside) = clause.mention(context, at + length, sibling) {
            let is_home =
                is_under && of_role != Some(true) && matches!(beside.objects.as_slice(), [Subject::Category(_)]);
            return Some(match is_home {
                true => Where { end: beside.to, home: Some(beside), ..Where::default() },
                false => {
                    let spot = beside.objects.first().cloned().map(if is_before { Spot::Before } else { Spot::After });
                    Where { end: beside.to, spot, beside: Some(beside), ..Where::default() }
                }
            });
        }
    }
    if clause.tokens.get(at).is_some_and(|t| t.is_any(INTO)) {
        if let Some(home) = clause.mention(context, at + 1, &category).filter(|_| of_role != Some(true)) {
            return Some(Where { end: home.to, home: Some(home), ..Where::default() });
        }
        return lost_at(clause, at + 1).map(|(from, to, end)| Where {
            lost: Some((from, to)),
            end,
            ..Where::default()
        });
    }
    None
}

/// `between a and b`: after the first of the two.
fn between_at(clause: &Clause, context: Context<'_>, at: usize, of_role: Option<bool>) -> Option<Where> {
    let sibling: &dyn Fn(&Subject, Option<crate::model::ChannelKind>) -> bool = match of_role {
        Some(true) => &role,
        Some(false) => &super::super::clause::place,
        None => &any,
    };
    let one = clause.mention(context, at, sibling)?;
    let and = clause.tokens.get(one.to).is_some_and(|t| t.is("and"));
    let other = clause.mention(context, one.to + 1, sibling).filter(|_| and)?;
    let end = other.to;
    let place = |mention: &Mention| context.guild.objects().position(|object| Some(&object) == mention.objects.first());
    let first = if place(&one) <= place(&other) { one } else { other };
    let spot = first.objects.first().cloned().map(Spot::After);
    Some(Where { end, spot, beside: Some(first), ..Where::default() })
}

/// `the kitchen category`: a category that is not there.
fn lost_at(clause: &Clause, at: usize) -> Option<(usize, usize, usize)> {
    let from = (at..clause.len()).find(|at| !clause.tokens[*at].is_any(ARTICLES))?;
    let token = &clause.tokens[from];
    if token.is_quote() {
        let kind = usize::from(clause.tokens.get(from + 1).is_some_and(|t| t.is_any("category section area")));
        return Some((from, from + 1, from + 1 + kind));
    }
    let kind = (from..clause.len().min(from + 4)).find(|at| clause.tokens[*at].is_any("category section area group"));
    let Some(end) = kind else { return nowhere_at(clause, at, from) };
    let is_before = end > from && clause.tokens[from..end].iter().all(|t| t.is_plain());
    if is_before {
        return Some((from, end, end + 1));
    }
    let is_named = end == from && clause.tokens.get(from + 1).is_some_and(|t| t.is_plain() || t.is_quote());
    is_named.then_some((from + 1, from + 2, from + 2))
}

/// `to the attic`: nothing is called so.
fn nowhere_at(clause: &Clause, at: usize, from: usize) -> Option<(usize, usize, usize)> {
    const NO_PLACES: &str = "time advance private public general total addition case order need use there here it chat \
        talk evening morning meantime future end middle beginning top bottom list sidebar server guild discord \
        voice text role roles channel channels members member everyone everybody users people bold caps \
        english last first same one ones other others next new way colour color permissions limit name meanwhile \
        slowmode slow topic both all each them they this that these those me us you";
    let is_free = |at: usize| clause.tokens.get(at).is_some_and(|t| t.is_plain() && !clause.taken[at]);
    let is_end = |at: usize| {
        clause.tokens.get(at).is_none_or(|t| t.shape == Shape::Sign || t.is_any(JOINERS) || t.is_any(FILLERS))
    };
    let has_article = from > at && clause.tokens[at].is_any("the our");
    let length = (from..from + 3).take_while(|at| is_free(*at) && !is_end(*at)).count();
    let first = clause.tokens.get(from)?;
    let is_word =
        |t: &Token| t.is_any(NO_PLACES) || is_known(&t.low) || t.low.starts_with(|c: char| c.is_ascii_digit());
    let ends = length > 0 && is_end(from + length);
    let is_doubtful = clause.tokens.get(from..from + length).is_none_or(|words| words.iter().any(is_word));
    let is_name =
        has_article || length == 1 && (first.text.starts_with(char::is_uppercase) || !clause.tokens[at - 1].is("to"));
    (ends && is_name && !is_doubtful && at > 0).then_some((from, from + length, from + length))
}

pub(super) fn read(mut clause: Clause, context: Context<'_>) -> Option<Reading> {
    let verb = verb_at(&clause.tokens, 0, &[Verb::Move]);
    let made = verb_at(&clause.tokens, 0, &[Verb::Make]);
    let goes = [
        "should go",
        "should be moved",
        "should be",
        "belongs",
        "belong",
        "goes",
        "must go",
        "should move",
        "should come",
        "needs to go",
        "should stand",
        "should sit",
        "has to go",
        "go",
        "stand",
        "sit",
        "come",
    ]
    .iter()
    .filter_map(|phrase| clause.find_phrase(phrase))
    .find(|(from, _)| *from > 0)
    .or_else(|| clause.tokens[0].is_any("stand sit come go be stands sits goes").then_some((0, 1)));
    // `the information category to the bottom`
    let is_bare = verb.is_none() && made.is_none() && goes.is_none() && context.about.is_empty();
    let is_named_first = || clause.mention(context, 0, &any).is_some_and(|m| !m.is_pronoun && m.why.is_none());
    if is_bare
        && (any_verb_at(&clause.tokens, 0).is_some()
            || !is_named_first()
            || clause.tokens.iter().any(|t| t.is_any("in under inside can may should with and for : private -> =")))
    {
        return None;
    }
    // `add a channel for …` is something new.
    let is_new = made.filter(|_| verb.is_none()).is_some_and(|made| {
        let next = clause.tokens.get(made);
        next.is_some_and(|t| t.is_any("a an new another") || number_at(&clause.tokens, made).is_some() && !t.is("no"))
    });
    if is_new {
        return None;
    }
    let start = match (verb, made) {
        (Some(verb), _) | (None, Some(verb)) => {
            clause.take(0, verb);
            verb
        }
        _ => 0,
    };
    if let Some((from, to)) = goes {
        clause.take(from, to);
    }
    clause.take_phrases("up|down|over|back");
    let mut reading = Reading::default();
    // The objects stand before the place they go to.
    let mut found: Option<(usize, Where)> = None;
    let mut at = start;
    let mut named = Vec::new();
    while at < clause.len() {
        if clause.taken[at] {
            at += 1;
            continue;
        }
        let of_role = objects_are_roles(&named);
        if let Some(place) = where_at(&clause, context, at, of_role) {
            found = Some((at, place));
            break;
        }
        let before = named.len();
        named.extend(clause.mentions(context, at, at + 1, &any));
        if named.len() == before {
            let end = (at + 1..=clause.len().min(at + 10)).rev().find_map(|to| {
                let mut probe = clause.clone();
                let mentions = probe.mentions(context, at, to, &any);
                mentions.first().filter(|m| m.from == at).cloned()
            });
            match end {
                Some(mention) => {
                    clause.take(mention.from, mention.to);
                    at = mention.to;
                    clause.narrow(context, &mut named, &mention);
                    named.push(mention);
                }
                None => at += 1,
            }
        }
    }
    let (from, mut place) = found?;
    clause.take(from, place.end);
    // More about the place: `into X, right at the top`.
    while let Some((at, more)) = (place.end..clause.len()).find_map(|at| {
        let free = !clause.taken[at];
        let small = clause.tokens[place.end..at].iter().all(|t| t.is_any(FILLERS) || t.is_any(", and it both all"));
        (free && small)
            .then(|| where_at(&clause, context, at, objects_are_roles(&named)).map(|more| (at, more)))
            .flatten()
    }) {
        clause.take(place.end, at);
        clause.take(at, more.end);
        let Where { home, lost, is_outside, spot, beside, end } = more;
        place = Where {
            home: home.or(place.home),
            lost: lost.or(place.lost),
            is_outside: is_outside || place.is_outside,
            spot: spot.or(place.spot),
            beside: beside.or(place.beside),
            end,
        };
    }
    if is_about_contents(&clause, &named) || is_bare && !clause.leftovers(true).is_empty() {
        return None;
    }
    // Beside a category stands a category.
    let is_beside_category =
        place.beside.as_ref().is_some_and(|b| matches!(b.objects.as_slice(), [Subject::Category(_)]));
    for mention in named.iter_mut().filter(|m| is_beside_category && matches!(m.why, Some(Why::Ambiguous(_)))) {
        let categories: Vec<Subject> =
            mention.objects.iter().filter(|o| matches!(o, Subject::Category(_))).cloned().collect();
        if categories.len() == 1 {
            mention.objects = categories;
            mention.why = None;
        }
    }
    let is_named = !named.is_empty();
    let mut objects = reading.note(&clause, &named);
    if !is_named {
        objects = super::super::clause::implied(context, &any);
        if !clause.leftovers(true).is_empty() {
            objects.clear();
        }
    }
    super::names_or_rest(&mut reading, &clause, is_named || !objects.is_empty());
    let home = place.home.as_ref().map(|home| reading.note(&clause, std::slice::from_ref(home)));
    let groups = reading.groups.clone();
    reading.groups = groups.into_iter().rev().collect();
    let mut lost = false;
    if let Some((from, to)) = place.lost {
        reading.gaps.push(clause.gap(from, to, Why::NotFound));
        lost = true;
    }
    if let Some(beside) = &place.beside {
        let found = reading.note(&clause, std::slice::from_ref(beside));
        reading.groups.pop();
        lost |= found.is_empty();
    }
    lost |= home.as_ref().is_some_and(Vec::is_empty);
    if objects.is_empty() && reading.gaps.is_empty() {
        return None;
    }
    if !objects.is_empty() && !lost {
        let home = match (home.as_deref(), place.is_outside) {
            (Some([home, ..]), _) => Some(Some(key(home).to_owned())),
            (_, true) => Some(None),
            _ => None,
        };
        reading.asks.push(Ask::Move { objects, home, spot: place.spot.unwrap_or(Spot::Last) });
    }
    Some(reading)
}

fn objects_are_roles(named: &[Mention]) -> Option<bool> {
    let first = named.iter().flat_map(|mention| &mention.objects).next()?;
    Some(matches!(first, Subject::Role(_)))
}

/// `order the categories: a, b, c`.
pub(super) fn order(mut clause: Clause, context: Context<'_>) -> Option<Reading> {
    let by_word = clause.find("order").filter(|at| *at > 0);
    let verb = verb_at(&clause.tokens, 0, &[Verb::Order])
        .or_else(|| by_word.and_then(|_| verb_at(&clause.tokens, 0, &[Verb::Move, Verb::Make, Verb::Set])))?;
    clause.take(0, verb);
    if let Some(at) = by_word {
        clause.take(at, at + 1);
    }
    let colon = (verb..clause.len()).find(|at| clause.tokens[*at].is_any(": like as"))?;
    let mut reading = Reading::default();
    let mut head = clause.clone();
    head.take(colon, clause.len());
    let homes = head.mentions(context, verb, colon, &category);
    if !head.leftovers(true).iter().all(|(from, to)| {
        clause.tokens[*from..*to].iter().all(|t| t.is_any("categories channels roles category channel order"))
    }) {
        return None;
    }
    let kind = (verb..colon).find_map(|at| super::super::lexicon::kind_at(&clause.tokens, at)).map(|(kind, _, _)| kind);
    clause.take(verb, colon + 1);
    clause.take_phrases("this|so|follows");
    let wanted = |object: &Subject, k: Option<crate::model::ChannelKind>| match homes.first() {
        Some(_) => matches!(object, Subject::Channel(_)),
        None => kind.is_none_or(|kind| super::super::names::is_of(object, k, kind)),
    };
    let mentions = clause.mentions(context, colon + 1, clause.len(), &wanted);
    let objects = reading.note(&clause, &mentions);
    super::names_or_rest(&mut reading, &clause, false);
    let home = homes.first().and_then(|home| home.objects.first()).map(|home| Some(key(home).to_owned()));
    if !objects.is_empty() {
        reading.asks.push(Ask::Move { objects, home, spot: Spot::First });
    }
    Some(reading)
}
