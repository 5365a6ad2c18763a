//! Requests for something new.
//!
//! Decides what is to be made, how it is named and where it goes. What else is said of it is a clause of its own, for the
//! other files here.

mod item;
mod reader;

use crate::ai::EntityKind;

use super::super::clause::{Clause, Context, any};
use super::super::lexicon::{FILLERS, Kind, Verb, any_verb_at, is_value_at, kind_at, verb_at, wish_at};
use super::super::names::Fit;
use super::super::words::Shape;
use super::{Ask, Reading, Spot};
use reader::Reader;

/// A name for something.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct NewName {
    pub(crate) text: String,
    /// It is in quotes, so that it stays as it is.
    pub(crate) is_literal: bool,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl NewName {
    /// What was typed in these words.
    pub(super) fn of(clause: &Clause, context: Context<'_>, from: usize, to: usize) -> Option<Self> {
        let mut to = to.min(clause.len());
        while to > from && clause.tokens[to - 1].shape == Shape::Sign {
            to -= 1;
        }
        let first = clause.tokens.get(from).filter(|_| to > from)?;
        let (start, end) = clause.span(from, to);
        if to == from + 1 && first.is_quote() {
            return Some(Self { text: first.text.clone(), is_literal: true, start, end });
        }
        let begin = start + usize::from(first.sigil.is_some());
        let text = context.typed(begin, end).trim().to_owned();
        (!text.is_empty()).then_some(Self { text, is_literal: false, start, end })
    }
}

/// Where something new goes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Home {
    /// Nobody said: the category of the same request, or none.
    #[default]
    Unsaid,
    /// Into the category with this key.
    Category(String),
    /// Into the category that is the item of this number.
    Item(usize),
}

/// Something new, perhaps several.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Item {
    pub(crate) kind: Option<Kind>,
    pub(crate) names: Vec<NewName>,
    /// Words that name it when nothing else does.
    pub(crate) noun: Option<String>,
    /// The kind word, in the singular.
    pub(crate) said: String,
    pub(crate) count: usize,
    pub(crate) is_many: bool,
    pub(crate) home: Home,
    pub(crate) spot: Option<Spot>,
    /// Beside the item of this number.
    pub(crate) beside: Option<(bool, usize)>,
    /// Where it was said.
    pub(crate) start: usize,
    pub(crate) end: usize,
}

pub(super) fn read(clause: Clause, context: Context<'_>) -> Option<Reading> {
    let mut start = 0;
    if clause.find_phrase("for each").or(clause.find_phrase("for every")).is_some() {
        return None;
    }
    let gives_us = clause.tokens[0].is("give") && clause.tokens.get(1).is_some_and(|t| t.is_any("us me it"));
    let verb = verb_at(&clause.tokens, 0, &[Verb::Make]).or(gives_us.then_some(1));
    let wish = wish_at(&clause.tokens, 0);
    let move_in = verb_at(&clause.tokens, 0, &[Verb::Move]);
    let is_command = verb.is_some() || wish.is_some();
    if let Some(length) = verb.max(wish).or(move_in) {
        start = length;
    }
    // Another command makes nothing.
    if !is_command && move_in.is_none() && any_verb_at(&clause.tokens, 0).is_some() {
        return None;
    }
    if clause.tokens.get(start).is_some_and(|t| t.is_any("me us")) {
        start += 1;
    }
    // What has this name is there already: `room 7a max 20` makes nothing.
    let looked = clause.clone();
    let names_something = |at: usize| looked.mention(context, at, &any).filter(|m| !m.is_pronoun && m.fit != Fit::Typo);
    let is_said_new = |at: usize| {
        clause.tokens.get(at).is_some_and(|t| t.is_any("a an") || t.is_any("new another more") || t.is_quote())
    };
    if !is_command && !is_said_new(start) && names_something(start).is_some() {
        return None;
    }
    if is_value_at(&clause.tokens, start) {
        return None;
    }
    let mut reader = Reader::new(clause, context, start, is_command);
    reader.run();
    let is_named_there = names_something(start).is_some();
    let Reader { items, mut further, gaps, mentions, is_lost, clause, .. } = reader;
    let has_new_word =
        clause.tokens[0].is_any("new another") || clause.tokens.iter().any(|t| t.is_any("new more another"));
    let is_plain_move = move_in.is_some() && !is_command;
    let is_bare = !is_command && !is_plain_move;
    let first = items.first()?;
    // `two categories with a channel each`: one would be made for one of them only.
    let categories = items.iter().filter(|item| item.kind == Some(Kind::Category));
    let homes: usize = categories.map(|item| item.names.len().max(item.count)).sum();
    let has_child = items.iter().any(|item| item.kind != Some(Kind::Category));
    let each_kind = (1..clause.len()).any(|at| {
        let is_kind = |length: usize| {
            at.checked_sub(length).and_then(|at| kind_at(&clause.tokens, at)).is_some_and(|(_, n, _)| n == length)
        };
        clause.tokens[at].is("each") && (is_kind(1) || is_kind(2))
    });
    let is_for_each =
        each_kind || has_child && homes > 1 && clause.tokens.iter().any(|t| t.is_any("each both every all"));
    if is_for_each {
        return None;
    }
    let has_name = items.iter().all(|item| !item.names.is_empty());
    // `a category X with two voice rooms`: what is in it needs no name.
    let has_name = has_name || first.kind == Some(Kind::Category) && !first.names.is_empty();
    if is_bare
        && !(has_name && first.kind.is_some() && first.start <= clause.tokens[0].end + 12
            || has_new_word
            || first.count > 1)
    {
        return None;
    }
    // What is there already is not meant to be made without a word that says so.
    let is_there = |item: &Item| {
        let named = |name: &NewName| context.index.has_name(&name.text, item.kind);
        item.names.iter().any(named)
    };
    let unsaid = |item: &Item| item.said.is_empty() && item.noun.is_none();
    let is_definite = clause.tokens[0].is_any("make set") && clause.tokens.get(start).is_some_and(|t| t.is("the"));
    if is_definite && (is_there(first) || is_named_there) {
        return None;
    }
    let makes_same =
        !has_new_word && (wish.is_some() || clause.tokens[0].is_any("make set")) && unsaid(first) && is_there(first);
    if makes_same {
        return None;
    }
    if (is_bare && !has_new_word || is_plain_move) && items.iter().any(is_there)
        || (is_bare || is_plain_move) && unsaid(first) && !(clause.tokens[0].is_any("a an") && first.kind.is_some())
    {
        return None;
    }
    if is_plain_move
        && !(first.kind.is_some()
            && has_name
            && (first.is_many || items.len() > 1 || clause.tokens[start].is_any("a an")))
    {
        return None;
    }
    let is_mere_word =
        |item: &Item| item.kind.is_none() && item.noun.is_none() && item.names.iter().any(|name| !name.is_literal);
    // `create tea-time in hobbies`: a category says what it is, unless something is called so.
    let names_new = |item: &Item| {
        let is_free = item.names.iter().all(|name| !context.index.has_name(&name.text, None));
        matches!(item.home, Home::Category(_)) && is_free
    };
    let adds = clause.tokens[0].is_any("create add");
    if !is_lost && items.iter().any(|item| is_mere_word(item) && !(adds && names_new(item))) {
        return None;
    }
    if items.iter().any(|item| item.kind.is_none() && item.noun.is_some() && item.names.is_empty() && !item.is_many) {
        return None;
    }
    if items.iter().any(|item| item.names.iter().any(|name| !name.is_literal && is_no_name(&clause, name))) {
        return None;
    }
    let mut reading = Reading { gaps, ..Reading::default() };
    further.retain(|(_, tokens)| tokens.iter().any(|t| t.shape != Shape::Sign && !t.is_any(FILLERS)));
    if !is_lost {
        let clear = mentions.into_iter().filter(|mention| mention.why.is_none());
        reading.mentions.extend(clear.map(|mention| (mention.clone(), clause.span(mention.name.0, mention.name.1))));
        for item in &items {
            let kind = match item.kind {
                Some(Kind::Role) => EntityKind::RoleName,
                Some(Kind::Category) => EntityKind::Category,
                _ => EntityKind::ChannelName,
            };
            reading.others.extend(item.names.iter().map(|name| (kind, (name.start, name.end))));
        }
        reading.asks.push(Ask::Create(items));
        reading.further = further;
    }
    Some(reading)
}

/// `64 kbps`, `channels a`, `topic hello`: words that say something else than a name.
fn is_no_name(clause: &Clause, name: &NewName) -> bool {
    let Some(at) = clause.tokens.iter().position(|t| t.start == name.start) else { return false };
    let is_called = at > 0 && clause.tokens[at - 1].is_any(reader::CALLED);
    if is_called || clause.tokens[at].sigil.is_some() {
        return false;
    }
    let says_kind = kind_at(&clause.tokens, at).is_some_and(|(.., plural)| plural);
    let says_field = clause.tokens[at].is_any("slowmode topic bitrate nsfw limit max tags");
    is_value_at(&clause.tokens, at) || says_kind || says_field
}
