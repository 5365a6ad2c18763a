//! Requests to give an object another name.

use super::super::clause::{Clause, Context, any, is_about_contents};
use super::super::lexicon::{ARTICLES, FILLERS, JOINERS, Verb, colour_at, is_value_at, verb_at};
use super::create::NewName;
use super::{Ask, Reading};

/// What stands between an object and its new name.
const INTO: &str = "to into as -> = be";

pub(super) fn read(mut clause: Clause, context: Context<'_>) -> Option<Reading> {
    let verb = verb_at(&clause.tokens, 0, &[Verb::Rename, Verb::Set]);
    let is_rename = verb_at(&clause.tokens, 0, &[Verb::Rename]).is_some();
    let about_name = clause.find("name");
    let should = clause
        .find_phrase("should be called")
        .or(clause.find_phrase("should be named"))
        .or(clause.find_phrase("should be renamed to"))
        .or(clause.find_phrase("is now called"));
    // `lounge -> Living Room`
    let arrow = verb.is_none().then(|| clause.find("->")).flatten();
    let arrow = arrow.filter(|at| {
        let object = clause.mention(context, 0, &any).filter(|m| !m.is_pronoun && m.why.is_none() && m.to == *at);
        let is_value = colour_at(&clause.tokens, at + 1).is_some() || is_value_at(&clause.tokens, at + 1);
        object.is_some() && !is_value && clause.mention(context, at + 1, &any).is_none() && clause.len() > at + 1
    });
    let should = should.or(arrow.map(|at| (at, at + 1)));
    let is_called = should.is_some();
    if !(is_rename || is_called || about_name.is_some_and(|_| verb.is_some())) {
        return None;
    }
    if let (Some(at), false) = (about_name, is_rename) {
        // `change the name of X to Y`, `set X's name to Y`
        let before_is_create = clause.tokens[..at].iter().any(|t| t.is_any("with channel"))
            && !clause.tokens.get(at + 1).is_some_and(|t| t.is_any("of to for"));
        if before_is_create {
            return None;
        }
        clause.take(at, at + 1);
    }
    if clause.tokens.iter().take(4).any(|t| t.is_any("tag tags")) {
        return None;
    }
    clause.take(0, verb.unwrap_or(0));
    let start = verb.unwrap_or(0);
    let (into, after) = match should {
        Some((from, to)) => (from, to),
        None => separator(&clause, start).or_else(|| is_called_so(&clause, context, start))?,
    };
    if into <= start && !is_called {
        return None;
    }
    let mut reading = Reading::default();
    let mentions = clause.mentions(context, start, into, &any);
    clause.take(into, after);
    let (from, mut to) = (after, clause.len());
    while to > from && clause.tokens[to - 1].is_any(FILLERS) && !clause.tokens[to - 1].is_quote() && to - from > 1 {
        to -= 1;
    }
    let from = (from..to).find(|at| !clause.tokens[*at].is_any("be :")).unwrap_or(from);
    let name = NewName::of(
        &clause,
        context,
        from,
        if clause.tokens.get(from).is_some_and(|t| t.is_quote()) { from + 1 } else { to },
    )?;
    // Another `to` belongs to another request.
    if !clause.tokens[from].is_quote()
        && (from..to).any(|at| {
            at > from && clause.tokens[at].is_any("to ->") && (from..at).any(|at| clause.tokens[at].is_any(JOINERS))
        })
    {
        return None;
    }
    match clause.tokens[from].is_quote() {
        true => clause.take(from, from + 1),
        false => clause.take(from, clause.len()),
    }
    if is_about_contents(&clause, &mentions) {
        return None;
    }
    let is_named = !mentions.is_empty();
    let objects = reading.note(&clause, &mentions);
    super::names_or_rest(&mut reading, &clause, is_named);
    let [object] = objects.as_slice() else {
        return (objects.is_empty() && !reading.gaps.is_empty()).then_some(reading);
    };
    reading.asks.push(Ask::Name { object: object.clone(), name });
    Some(reading)
}

fn separator(clause: &Clause, start: usize) -> Option<(usize, usize)> {
    let is_into = |at: usize| clause.tokens[at].is_any(INTO) && at > start;
    (start..clause.len()).find(|at| is_into(*at)).map(|at| (at, at + 1))
}

/// `call #general town-square`
fn is_called_so(clause: &Clause, context: Context<'_>, start: usize) -> Option<(usize, usize)> {
    let first = (start..clause.len()).find(|at| !clause.tokens[*at].is_any(ARTICLES) || clause.tokens[*at].is("it"))?;
    let mention = clause.mention(context, first, &any).or_else(|| clause.mention(context, start, &any))?;
    (mention.to < clause.len()).then_some((mention.to, mention.to))
}
