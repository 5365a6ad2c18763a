//! What a clause asks for.
//!
//! Decides which reading of a clause leaves the least over. Each file below reads one sort of request and knows nothing of
//! the others.

mod access;
mod create;
mod fields;
mod moving;
mod naming;
mod people;
mod removal;
mod settings;
mod sight;
mod tags;

use crate::ai::EntityKind;
use crate::manifest::edit::{Subject, Value};
use crate::model::Permissions;

use super::clause::{Clause, Context, Gap, Mention, Why};
use super::lexicon::{any_verb_at, colour_at, duration_at, number_at};
use super::phrasing::variants;
use super::words::{Shape, Token};

pub(super) use create::{Home, Item, NewName};
pub(super) use fields::free_text;

/// Where something goes.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Spot {
    First,
    Last,
    Before(Subject),
    After(Subject),
}

/// What a role is allowed and denied somewhere.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Grant {
    /// A role's key.
    pub(super) target: String,
    pub(super) allow: Permissions,
    pub(super) deny: Permissions,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Ask {
    Create(Vec<Item>),
    Remove {
        objects: Vec<Subject>,
        with_channels: bool,
    },
    /// A name people see.
    Name {
        object: Subject,
        name: NewName,
    },
    /// `home` is none when it stays where it is.
    Move {
        objects: Vec<Subject>,
        home: Option<Option<String>>,
        spot: Spot,
    },
    Set {
        objects: Vec<Subject>,
        field: &'static str,
        value: Value,
    },
    /// What roles may do in channels; what is `exact` is for these roles alone.
    Access {
        places: Vec<Subject>,
        grants: Vec<Grant>,
        exact: Permissions,
    },
    /// What is denied to everyone is no longer.
    Open {
        places: Vec<Subject>,
        permission: Permissions,
    },
    /// What roles may do everywhere.
    Everywhere {
        grants: Vec<Grant>,
    },
    Tag {
        channels: Vec<Subject>,
        tags: Vec<(String, Option<String>)>,
    },
    Untag {
        channels: Vec<Subject>,
        tags: Vec<(String, usize, usize)>,
    },
}

/// A clause, understood.
#[derive(Clone, Debug, Default)]
pub(super) struct Reading {
    pub(super) asks: Vec<Ask>,
    pub(super) gaps: Vec<Gap>,
    /// Clauses that go on about what was created, with the numbers of its items.
    pub(super) further: Vec<(Vec<usize>, Vec<Token>)>,
    /// What can be spoken of as `it` afterwards, the latest last.
    pub(super) groups: Vec<Vec<Subject>>,
    /// Everything that was named.
    pub(super) mentions: Vec<(Mention, (usize, usize))>,
    /// New names and permissions, in characters.
    pub(super) others: Vec<(EntityKind, (usize, usize))>,
    /// Words that were left over.
    pub(super) loose: usize,
    /// Something was assumed.
    pub(super) assumed: bool,
    /// It would hold in the whole guild, and nobody said so.
    pub(super) nowhere: bool,
}

impl Reading {
    /// Notes mentions with their gaps, and gives what they name.
    pub(super) fn note(&mut self, clause: &Clause, mentions: &[Mention]) -> Vec<Subject> {
        let mut objects: Vec<Subject> = Vec::new();
        for mention in mentions {
            let gap = clause.gap_of(mention);
            let is_clear = gap.is_none();
            self.gaps.extend(gap);
            if is_clear {
                self.mentions.push((mention.clone(), clause.span(mention.name.0, mention.name.1)));
                for object in &mention.objects {
                    if !objects.contains(object) {
                        objects.push(object.clone());
                    }
                }
            }
        }
        if !objects.is_empty() {
            self.groups.push(objects.clone());
        }
        objects
    }

    /// Notes what is left over; true when there is any.
    pub(super) fn rest(&mut self, clause: &Clause, strips: bool, why: &Why) -> bool {
        let runs = clause.leftovers(strips);
        for (from, to) in &runs {
            self.loose += to - from;
            self.gaps.push(clause.gap(*from, *to, why.clone()));
        }
        !runs.is_empty()
    }
}

/// Words that are left over, as names that were not found when nothing was named, or as what is beside the request.
pub(super) fn names_or_rest(reading: &mut Reading, clause: &Clause, is_named: bool) -> bool {
    match is_named {
        true => reading.rest(clause, false, &Why::Leftover),
        false => reading.rest(clause, true, &Why::NotFound),
    }
}

type Frame = fn(Clause, Context<'_>) -> Option<Reading>;

const FRAMES: &[Frame] = &[
    settings::read,
    tags::read,
    naming::read,
    moving::order,
    moving::read,
    sight::read,
    fields::read,
    access::read,
    removal::read,
    create::read,
];

/// Most words of a clause that is taken apart further.
const LONG: usize = 160;

/// Most words of a clause that is read at all, apart from a topic's text.
const LONGEST: usize = 300;

/// The best reading of a clause, if it has any: as it stands, or said in other words.
pub(super) fn read(tokens: &[Token], context: Context<'_>) -> Option<Vec<Reading>> {
    let doubt = |readings: &Option<Vec<Reading>>| match readings {
        Some(readings) => readings.iter().map(|reading| reading.loose + reading.gaps.len()).sum::<usize>(),
        None => usize::MAX,
    };
    let mut best = as_it_stands(tokens, context);
    if doubt(&best) == 0 || tokens.len() > LONG {
        return best;
    }
    for other in variants(tokens) {
        let readings = as_it_stands(&other, context);
        if doubt(&readings) < doubt(&best) {
            best = readings;
        }
    }
    best
}

fn as_it_stands(tokens: &[Token], context: Context<'_>) -> Option<Vec<Reading>> {
    if tokens.len() > LONGEST {
        let is_text = free_text(tokens).is_some_and(|from| from < LONGEST);
        return is_text
            .then(|| fields::read(Clause::new(tokens.to_vec()), context))
            .flatten()
            .map(|reading| vec![reading]);
    }
    let mut budget = 60;
    let whole = once(tokens, context);
    if whole.as_ref().is_some_and(|reading| reading.loose == 0 && reading.gaps.is_empty()) || tokens.len() > LONG {
        return whole.map(|reading| vec![reading]);
    }
    let parts = apart(tokens, context, &mut budget, 0);
    let loose = |readings: &[Reading]| readings.iter().map(|reading| reading.loose + reading.gaps.len()).sum::<usize>();
    match (whole, parts) {
        (Some(whole), Some(parts)) if loose(&parts) < whole.loose + whole.gaps.len() => Some(parts),
        (Some(whole), _) => Some(vec![whole]),
        (None, parts) => parts,
    }
}

fn once(tokens: &[Token], context: Context<'_>) -> Option<Reading> {
    let clause = Clause::new(tokens.to_vec());
    let mut best: Option<Reading> = None;
    for frame in FRAMES {
        let Some(reading) = frame(clause.clone(), context) else { continue };
        let rank = |reading: &Reading| (reading.loose, reading.asks.is_empty() && !reading.nowhere, reading.gaps.len());
        if best.as_ref().is_none_or(|best| rank(&reading) < rank(best)) {
            best = Some(reading);
        }
    }
    best
}

/// A list of requests that share their verb: `rename a to b and c to d`.
fn apart(tokens: &[Token], context: Context<'_>, budget: &mut usize, depth: usize) -> Option<Vec<Reading>> {
    if depth > 24 {
        return None;
    }
    let joiners: Vec<usize> = (1..tokens.len()).filter(|at| is_joint(tokens, *at)).collect();
    let mut fallback: Option<(usize, Vec<Reading>)> = None;
    for joint in joiners {
        if *budget == 0 {
            return None;
        }
        *budget -= 1;
        let left = &tokens[..joint];
        let Some(first) = once(left, context).filter(|r| r.loose == 0 && r.gaps.is_empty() && !r.asks.is_empty())
        else {
            continue;
        };
        let after = (joint..tokens.len()).find(|at| !is_joint(tokens, *at))?;
        let right = &tokens[after..];
        let groups = [context.groups, &first.groups].concat();
        let context = Context { groups: &groups, ..context };
        for right in carried(left, right, context) {
            let whole = once(&right, context);
            if let Some(reading) = whole.filter(|r| r.loose == 0 && r.gaps.is_empty() && !r.asks.is_empty()) {
                return Some(vec![first, reading]);
            }
            if let Some(more) = apart(&right, context, budget, depth + 1) {
                return Some([vec![first], more].concat());
            }
        }
        // Whatever is wrong with the second half, the first is fine.
        let is_named = right.iter().any(|t| t.shape != Shape::Sign) && depth == 0;
        let second = carried(left, right, context).into_iter().find_map(|right| once(&right, context));
        if let Some(reading) = second.filter(|_| is_named) {
            let doubt = reading.loose + reading.gaps.len();
            if fallback.as_ref().is_none_or(|(least, _)| doubt < *least) {
                fallback = Some((doubt, vec![first, reading]));
            }
        }
    }
    match (depth, fallback) {
        (_, Some((_, readings))) => Some(readings),
        (0, None) => after_unknown(tokens, context),
        _ => None,
    }
}

/// `rename #nowhere to a and #b to c`: nothing is done about the first, all about the second.
fn after_unknown(tokens: &[Token], context: Context<'_>) -> Option<Vec<Reading>> {
    (1..tokens.len()).filter(|at| is_joint(tokens, *at)).take(20).find_map(|joint| {
        let left = &tokens[..joint];
        let unknown = |reading: &Reading| reading.loose == 0 && reading.asks.is_empty() && !reading.gaps.is_empty();
        let first = once(left, context).filter(unknown)?;
        let after = (joint..tokens.len()).find(|at| !is_joint(tokens, *at))?;
        let fine = |reading: &Reading| reading.loose == 0 && reading.gaps.is_empty() && !reading.asks.is_empty();
        let second = carried(left, &tokens[after..], context)
            .into_iter()
            .find_map(|right| once(&right, context).filter(fine))?;
        Some(vec![first, second])
    })
}

fn is_joint(tokens: &[Token], at: usize) -> bool {
    tokens.get(at).is_some_and(|token| token.is_any(", and & plus but then while ; also with"))
}

/// The second half with what it takes from the first: its verb, or all of it but the objects.
fn carried(left: &[Token], right: &[Token], context: Context<'_>) -> Vec<Vec<Token>> {
    let clause = Clause::new(left.to_vec());
    let begins = |at: usize| {
        let is_value =
            duration_at(left, at).is_some() || colour_at(left, at).is_some() || left[at].shape == Shape::Quote;
        let is_number = number_at(left, at).is_some() && !left[at].is_any("a an no one");
        is_value || is_number || clause.mention(context, at, &super::clause::any).is_some()
    };
    let verb = any_verb_at(left, 0).unwrap_or(0);
    let head = (verb..left.len()).find(|at| begins(*at)).unwrap_or(verb);
    let mut all = vec![right.to_vec()];
    if any_verb_at(right, 0).is_none() {
        all.insert(0, [&left[..head], right].concat());
    }
    let is_quoted = right.iter().any(Token::is_quote);
    // `it should be yellow and be able to …`: the same subject.
    if let Some(modal) = left.iter().position(|t| t.is_any("should can may must needs shall")) {
        all.push([&left[..=modal], right].concat());
    }
    // `robotics too`: the rest of the sentence is said again.
    let mut rest = Clause::new(left.to_vec());
    rest.take(0, verb);
    rest.mentions(context, 0, left.len(), &super::clause::any);
    let said: Vec<Token> = left
        .iter()
        .zip(&rest.taken)
        .filter(|(t, taken)| !(**taken || t.is_any("and ,") || t.is_quote() && is_quoted))
        .map(|(t, _)| t.clone())
        .collect();
    all.push([right, &said].concat());
    all
}
