//! Requests for something new.
//!
//! Decides what is to be made, how it is named and where it goes. What else is said of it is a clause of its own, for the
//! other files here.

use super::super::clause::{Clause, Context, Gap, Why};
use super::super::guild::key;
use super::super::lexicon::{
    AREAS, ARTICLES, FILLERS, Kind, Verb, any_verb_at, colour_at, kind_at, number_at, verb_at, wish_at,
};
use super::super::words::{Shape, Token, fold};
use super::moving::{beside_at, edge_at, where_at};
use super::{Ask, Reading, Spot};
use crate::model::ChannelKind;

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

/// Adjectives that are said again of the new thing.
const TRAITS: &str = "private public hidden secret readonly read-only locked nsfw 18+ age-restricted mentionable hoisted pingable unlimited";
/// Adjectives that say nothing.
const EMPTY: &str = "new more extra additional separate dedicated small simple other special nice own little big further following these brand second third";
/// Words that end a name.
const STOPS: &str = "with w/ that which where who whose in inside under into within to for at below above before after behind beneath beside next only visible both all each shown displayed limited max maximum as using having containing including hidden called named from right directly on of about so allowed able mentionable hoisted coloured colored accessible it there up everyone nobody titled underneath should can may restricted private over is be get gets has have reserved same when if next together along holding topic following but not then available readable writable open beginning first last placed located tagged per via by just";
/// Words that begin what is said of something new.
const MODIFIERS: &str = "only shown displayed slowmode slow topic limited max everyone nobody with that which allowed can hidden visible colour color user bitrate tags tag nsfw limit coloured colored hoisted up at no people";
const CALLED: &str = "called named titled labelled labeled entitled";
const CHILDREN: &str = "with w/ containing including having holding has has: plus";

pub(super) fn read(clause: Clause, context: Context<'_>) -> Option<Reading> {
    let mut start = 0;
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
    let mut reader = Reader {
        clause,
        context,
        at: start,
        items: Vec::new(),
        open: Vec::new(),
        category: None,
        further: Vec::new(),
        tail: Vec::new(),
        gaps: Vec::new(),
        is_lost: false,
        is_command,
        after_name: false,
        said: String::new(),
    };
    reader.run();
    let Reader { items, mut further, gaps, is_lost, clause, .. } = reader;
    let has_new_word =
        clause.tokens[0].is_any("new another") || clause.tokens.iter().any(|t| t.is_any("new more another"));
    let is_plain_move = move_in.is_some() && !is_command;
    let is_bare = !is_command && !is_plain_move;
    let first = items.first()?;
    let has_name = items.iter().all(|item| !item.names.is_empty());
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
    let makes_same = clause.tokens[0].is_any("make set") && unsaid(first) && is_there(first);
    if makes_same {
        return None;
    }
    if (is_bare && !has_new_word || is_plain_move) && items.iter().any(|item| is_there(item))
        || (is_bare || is_plain_move) && unsaid(first)
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
    // Bare names are new channels only in a list of channels.
    if items.iter().all(|item| {
        item.kind.is_none()
            && item.names.iter().all(|name| !name.is_literal && !name.text.is_empty())
            && item.noun.is_none()
    }) && !clause.tokens.iter().any(|t| t.sigil.is_some())
        && !is_lost
    {
        return None;
    }
    if items.iter().any(|item| item.kind.is_none() && item.noun.is_some() && item.names.is_empty() && !item.is_many) {
        return None;
    }
    let mut reading = Reading { gaps, ..Reading::default() };
    further.retain(|(_, tokens)| tokens.iter().any(|t| t.shape != Shape::Sign && !t.is_any(FILLERS)));
    if !is_lost {
        reading.asks.push(Ask::Create(items));
        reading.further = further;
    }
    Some(reading)
}

struct Reader<'r> {
    clause: Clause,
    context: Context<'r>,
    at: usize,
    items: Vec<Item>,
    /// The items that are spoken of now.
    open: Vec<usize>,
    /// The item that is a category, for the channels after it.
    category: Option<usize>,
    further: Vec<(Vec<usize>, Vec<Token>)>,
    /// Words about the open items that were read since.
    tail: Vec<Token>,
    gaps: Vec<Gap>,
    /// The place it goes to is not there.
    is_lost: bool,
    is_command: bool,
    after_name: bool,
    /// The kind word that was read last, in the singular.
    said: String,
}

impl Reader<'_> {
    fn token(&self, at: usize) -> Option<&Token> {
        self.clause.tokens.get(at)
    }

    fn is(&self, at: usize, words: &str) -> bool {
        self.token(at).is_some_and(|t| t.is_any(words))
    }

    fn run(&mut self) {
        while self.at < self.clause.len() {
            let before = self.at;
            self.step();
            if self.at == before {
                self.at += 1;
            }
        }
        self.close();
    }

    fn step(&mut self) {
        let at = self.at;
        if let Some((child, next)) = self.child_at(at) {
            self.item(child, next);
        } else if let Some(next) = self.place_at(at) {
            self.at = next;
            self.after_name = false;
        } else if let Some(from) = self.item_begins(at) {
            self.close_if_said();
            self.item(from.0, from.1);
        } else if self.is(at, FILLERS) && self.tail.is_empty() {
            self.at += 1;
        } else {
            self.modifier();
        }
    }

    /// Where the description of an item starts, and whether one may do without a kind.
    fn item_begins(&self, at: usize) -> Option<(usize, bool)> {
        let joint = (at..self.clause.len())
            .take_while(|at| self.is(*at, ", and & plus as well also \n * then another") && !self.is(*at, "another"))
            .count();
        let from = at + joint;
        if self.items.is_empty() {
            return Some((from, self.is_command));
        }
        if joint == 0 && !self.is(at, "a an one two three four five") {
            return None;
        }
        self.is_item(from).then_some((from, false))
    }

    /// True when a new thing is described here: it has a kind, a sign or a quantity.
    fn is_item(&self, from: usize) -> bool {
        let mut at = from;
        let begins = self.is(at, ARTICLES) || number_at(&self.clause.tokens, at).is_some();
        if begins {
            at += number_at(&self.clause.tokens, at).map_or(1, |(_, length)| length);
        }
        while self.is(at, TRAITS) || self.is(at, EMPTY) {
            at += 1;
        }
        if begins && self.is(from, "one") && self.is(at, "for about called named in") {
            return true;
        }
        let sign = self.token(at).is_some_and(|t| t.sigil.is_some()) && colour_at(&self.clause.tokens, at).is_none();
        let kind = kind_at(&self.clause.tokens, at);
        let names_next = kind.is_some_and(|(_, length, _)| {
            let next = at + length;
            if self.is(next, "for") && number_at(&self.clause.tokens, next + 1).is_some() {
                return false;
            }
            self.token(next).is_some_and(|t| {
                t.is_quote()
                    || t.sigil.is_some()
                    || (t.is_plain() && !t.is_any(STOPS) && !t.is_any(", and"))
                    || t.is_any(CALLED)
                    || t.is_any("for about")
            })
        });
        if sign {
            return true;
        }
        if kind.is_some() {
            return begins || names_next;
        }
        let kind_later = (at + 1..(at + 5).min(self.clause.len()))
            .take_while(|at| {
                self.token(*at - 1).is_some_and(|t| t.shape != Shape::Sign && !t.is_any(STOPS) || t.is_quote())
            })
            .any(|at| kind_at(&self.clause.tokens, at).is_some() || self.is(at, AREAS));
        begins && kind_later && !self.is(from, "its their the")
    }

    /// `with the channels a, b and c`: what a category has in it.
    fn child_at(&self, at: usize) -> Option<(usize, bool)> {
        let is_category =
            self.open.iter().any(|item| self.items.get(*item).is_some_and(|i| i.kind == Some(Kind::Category)));
        if !is_category
            || !(self.is(at, CHILDREN) || self.is(at, ":") || self.phrase(at, "and in it") || self.phrase(at, "in it"))
        {
            return None;
        }
        let mut from = at
            + if self.phrase(at, "and in it") {
                3
            } else if self.phrase(at, "in it") {
                2
            } else {
                1
            };
        while self.is(from, "in it : the following inside of be")
            || (self.is(from, "channels") && !self.is(from + 1, ","))
        {
            from += 1;
        }
        let is_trait =
            self.is(from, "only access slow slowmode permission permissions topic everyone") || self.is(from, TRAITS);
        let named = self
            .token(from)
            .is_some_and(|t| t.is_quote() || t.sigil.is_some() || (t.shape != Shape::Sign && !is_trait));
        let has_no_article = self.token(from).is_some_and(|t| !t.is_any(ARTICLES)) && named && !is_trait;
        (self.is_item(from) || has_no_article).then_some((from, true))
    }

    fn phrase(&self, at: usize, phrase: &str) -> bool {
        phrase.split(' ').enumerate().all(|(offset, word)| self.is(at + offset, word))
    }

    /// Where the open items go.
    fn place_at(&mut self, at: usize) -> Option<usize> {
        let about_role =
            self.open.last().and_then(|item| self.items.get(*item)).is_some_and(|i| i.kind == Some(Kind::Role));
        let has_open = !self.open.is_empty();
        let joint = usize::from(self.is(at, ", and"));
        let from = at + joint;
        let small =
            (from..self.clause.len()).take_while(|at| self.is(*at, "put both all right them it place each")).count();
        let from = if edge_at(&self.clause, from + small).is_some() || beside_at(&self.clause, from + small).is_some() {
            from + small
        } else {
            from
        };
        let there = usize::from(self.is(from, "in"));
        if has_open && self.is(from + there, "there here") {
            let home = super::super::clause::implied(self.context, &super::super::clause::category);
            let home = key(home.first()?).to_owned();
            self.each(|item| item.home = Home::Category(home.clone()));
            return Some(from + there + 1);
        }
        // `under it` is beside what was made before.
        if let Some((is_before, length)) = beside_at(&self.clause, from)
            && self.is(from + length, "it that this them")
            && has_open
        {
            let previous = self.open.first().and_then(|open| open.checked_sub(1))?;
            self.each(|item| item.beside = Some((is_before, previous)));
            return Some(from + length + 1);
        }
        let found = where_at(&self.clause, self.context, from, Some(about_role))?;
        if found.is_outside || (joint == 1 && found.home.is_some() && found.spot.is_none() && self.is_item(from)) {
            return None;
        }
        // `in red`, `in gold` are no places.
        if let Some((lost_from, lost_to)) = found.lost {
            if colour_at(&self.clause.tokens, lost_from).is_some() || about_role {
                return None;
            }
            self.gaps.push(self.clause.gap(lost_from, lost_to, Why::NotFound));
            self.is_lost = true;
            return Some(found.end);
        }
        let homes = found.home.as_ref().map(|home| home.objects.clone());
        for mention in found.home.iter().chain(&found.beside) {
            if let Some(gap) = self.clause.gap_of(mention) {
                self.gaps.push(gap);
                self.is_lost = true;
            }
        }
        let home = homes.and_then(|homes| homes.first().map(|home| key(home).to_owned()));
        if !has_open {
            // `in X, a channel y`
            let spot = found.spot.clone();
            self.items.is_empty().then_some(())?;
            let rest = self.read_after(found.end, home, spot);
            return Some(rest);
        }
        self.each(|item| {
            if let Some(home) = &home {
                item.home = Home::Category(home.clone());
            }
            if let Some(spot) = &found.spot {
                item.spot = Some(spot.clone());
            }
        });
        Some(found.end)
    }

    /// The place was said first: it holds for everything that follows.
    fn read_after(&mut self, end: usize, home: Option<String>, spot: Option<Spot>) -> usize {
        self.at = end;
        while self.is(self.at, ", : add create make we need put i want") {
            self.at += 1;
        }
        let before = self.is_command;
        self.is_command = true;
        self.run();
        self.is_command = before;
        for item in &mut self.items {
            if let (Home::Unsaid, Some(home)) = (&item.home, &home) {
                item.home = Home::Category(home.clone());
            }
            if item.spot.is_none() {
                item.spot.clone_from(&spot);
            }
        }
        self.at
    }

    fn each(&mut self, change: impl Fn(&mut Item)) {
        for open in &self.open {
            if let Some(item) = self.items.get_mut(*open) {
                change(item);
            }
        }
    }

    /// Words about the open items: kept for a clause of its own.
    fn modifier(&mut self) {
        let at = self.at;
        let begins_anew = self.is(at, "with w/ , that which where and : ( ) — – ;");
        if self.open.is_empty() {
            if let Some(token) = self.token(at) {
                let gap = !token.is_any(FILLERS) && token.shape != Shape::Sign && !token.is_any(ARTICLES);
                self.is_lost |= gap && self.items.is_empty() && false;
            }
            self.at += 1;
            return;
        }
        // `, voice, ...` says what they are.
        if begins_anew && let Some((kind, length, _)) = kind_at(&self.clause.tokens, at + 1) {
            let ends = self.token(at + 1 + length).is_none_or(|t| t.is_any(", and ."));
            if ends && !self.is(at, "and") {
                self.each(|item| item.kind = Some(kind));
                self.at += 1 + length;
                return;
            }
        }
        let is_unnamed = self.open.iter().all(|item| self.items.get(*item).is_some_and(|i| i.names.is_empty()));
        if self.is(at, CALLED) && is_unnamed {
            let (names, end) = self.names(at + 1, true);
            if !names.is_empty() {
                self.each(|item| {
                    item.count = if names.len() > 1 { names.len() } else { item.count };
                    item.names.clone_from(&names);
                });
                self.at = end;
                return;
            }
        }
        if self.is(at, "for") && self.is(at + 1, "it this that them") {
            self.at += 2;
            return;
        }
        // `two text channels, a and b`
        if self.is(at, ",") && is_unnamed && self.tail.is_empty() {
            let (names, end) = self.names(at + 1, true);
            let wanted =
                self.open.iter().filter_map(|item| self.items.get(*item)).map(|item| item.count).sum::<usize>();
            if names.len() > 1 && names.len() == wanted {
                self.each(|item| item.names.clone_from(&names));
                self.at = end;
                return;
            }
        }
        // `two squads: a and b` are their names.
        let unnamed = self.open.last().and_then(|item| self.items.get(*item)).is_some_and(|i| i.names.is_empty());
        if self.is(at, ":") && unnamed && self.tail.is_empty() {
            let (names, end) = self.names(at + 1, true);
            if !names.is_empty() {
                self.each(|item| {
                    item.names.clone_from(&names);
                    item.count = names.len();
                });
                self.at = end;
                return;
            }
        }
        let is_listing =
            self.tail.iter().any(|t| t.is_any("tag tags")) && self.is(at, ", and") && !self.starts_modifier(at + 1);
        if begins_anew && !is_listing && !(self.is(at, "and") && !self.starts_modifier(at + 1)) {
            if !self.is(at, "and") || self.starts_modifier(at + 1) {
                self.flush();
            }
            if self.is(at, "with w/ , : ( ) and — – ;") || (self.is(at, "that which where")) {
                self.at += 1;
                return;
            }
        }
        if let Some(token) = self.token(at).cloned() {
            self.tail.push(token);
        }
        self.at += 1;
    }

    fn starts_modifier(&self, at: usize) -> bool {
        let ends =
            |at: usize| self.token(at).is_none_or(|t| t.shape == Shape::Sign || t.is_any(STOPS) || t.is_any("and"));
        let is_colour = colour_at(&self.clause.tokens, at).is_some_and(|(_, length)| ends(at + length));
        self.is(at, TRAITS) || self.is(at, MODIFIERS) || is_colour
    }

    fn flush(&mut self) {
        let tokens = std::mem::take(&mut self.tail);
        if tokens.iter().any(|t| t.shape != Shape::Sign) && !self.open.is_empty() {
            // `private … for the moderators` is one thing that is said.
            let joins = tokens.first().is_some_and(|t| t.is_any("for to but except"));
            match self.further.last_mut().filter(|(items, said)| joins && *items == self.open && said.len() == 1) {
                Some((_, said)) => said.extend(tokens),
                None => self.further.push((self.open.clone(), tokens)),
            }
        }
    }

    fn close_if_said(&mut self) {
        let said = !self.tail.is_empty()
            || self
                .open
                .iter()
                .any(|open| self.further.iter().any(|(items, said)| items.contains(open) && said.len() > 1));
        let placed = self
            .open
            .iter()
            .filter_map(|open| self.items.get(*open))
            .any(|item| item.home != Home::Unsaid || item.spot.is_some());
        if said || placed || self.open.iter().any(|open| Some(*open) == self.category) {
            self.close();
        }
    }

    fn close(&mut self) {
        self.flush();
        self.open.clear();
    }

    // ---- one item ----

    fn item(&mut self, from: usize, is_child: bool) {
        let mut at = from;
        let is_list_of_children = is_child && self.category.is_some();
        if is_list_of_children {
            self.close();
        }
        let mut count = 1;
        let mut is_counted = false;
        while self.is(at, ARTICLES) {
            at += 1;
        }
        if let Some((number, length)) =
            number_at(&self.clause.tokens, at).filter(|_| !self.token(at).is_some_and(|t| t.is_any("no")))
        {
            count = usize::try_from(number).unwrap_or(0);
            is_counted = true;
            at += length;
        }
        if is_counted && count == 1 && self.is(at, "for about called named") {
            let kind = self.items.last().map(|item| item.kind).unwrap_or_else(|| self.kind_before());
            return self.named(from, at, kind, false, 1, Vec::new());
        }
        let mut traits: Vec<Token> = Vec::new();
        loop {
            let compound = self.is(at, "read") && self.is(at + 1, "only");
            if self.is(at, TRAITS) || compound {
                let length = 1 + usize::from(compound);
                traits.extend(self.clause.tokens[at..at + length].iter().cloned());
                at += length;
            } else if self.is(at, EMPTY)
                || (self.is(at, "and ,") && !traits.is_empty() && self.is(at + 1, TRAITS))
                || (is_counted && self.is(at, ARTICLES))
            {
                at += 1;
            } else if let Some((_, length)) =
                colour_at(&self.clause.tokens, at).filter(|(_, n)| self.leads_to_role(at + n))
            {
                traits.extend(self.clause.tokens[at..at + length].iter().cloned());
                at += length;
            } else {
                break;
            }
        }
        if let Some((kind, length, plural)) = kind_at(&self.clause.tokens, at) {
            let next = at + length;
            self.say(at, length);
            // `a clips-only voice thing`: the kind is part of something else.
            let noun = self.token(next).is_some_and(|t| t.is_plain() && t.is("thing"));
            if noun {
                self.at = next + 1;
                return;
            }
            return self.named(from, next, Some(kind), plural, count, traits);
        }
        if self.is(at, AREAS) {
            return self.named(from, at + 1, Some(Kind::Category), false, count, traits);
        }
        if is_list_of_children && self.is(at, "channels channel") {
            at += 1;
        }
        // A name, and its kind behind it: `a study area`, `three squad rooms`, `a #loot one`.
        let begins = at;
        let mut end = at;
        while end < self.clause.len() && end < begins + 5 {
            let is_end = end > begins
                && (kind_at(&self.clause.tokens, end).is_some() || self.is(end, AREAS) || self.is(end, "one ones"));
            let token = &self.clause.tokens[end];
            if is_end
                || token.shape == Shape::Sign && token.low != "&"
                || (token.is_any(STOPS) && end > begins)
                || token.is_any("and")
            {
                break;
            }
            end += 1;
        }
        let behind = kind_at(&self.clause.tokens, end);
        if end > begins && (behind.is_some() || self.is(end, AREAS) || self.is(end, "one ones")) {
            let is_area = self.is(end, AREAS);
            let (kind, length, plural) = match behind {
                _ if is_area => (Some(Kind::Category), 1, self.token(end).is_some_and(|t| t.low.ends_with('s'))),
                Some((kind, length, plural)) => (Some(kind), length, plural),
                None => {
                    (self.items.last().map_or_else(|| self.kind_before(), |item| item.kind), 1, self.is(end, "ones"))
                }
            };
            let name_end = if is_area { end + 1 } else { end };
            let Some(name) = NewName::of(&self.clause, self.context, begins, name_end) else {
                self.at = end + length;
                return;
            };
            let next = end + length;
            // The kind is part of something else.
            if self.is(next, "thing stuff bot message user member emoji sticker event webhook server things") {
                self.is_lost = true;
                self.at = next + 1;
                return;
            }
            // `three squad rooms called …` has a name of its own.
            if self.is(next, CALLED) {
                return self.named(from, next, kind, plural, count, traits);
            }
            if plural || count > 1 {
                let words = &self.clause.tokens[begins..end];
                let noun = words.iter().map(|t| t.text.as_str()).collect::<Vec<_>>().join(" ");
                let room = self.is(end, "rooms room").then_some(" room").unwrap_or_default();
                let (more, names_end) = match self.is(next, ":") {
                    true => self.names(next + 1, true),
                    false => (Vec::new(), next),
                };
                let count = if more.is_empty() { count } else { more.len() };
                return self.push(
                    Item {
                        names: more,
                        noun: Some(format!("{noun}{room}")),
                        ..blank(kind, count, true, &self.clause, from, names_end)
                    },
                    traits,
                    names_end,
                );
            }
            if self.is(end, "room") && !name.is_literal {
                let noun = format!("{} room", name.text);
                return self.push(
                    Item { noun: Some(noun), ..blank(kind, 1, false, &self.clause, from, next) },
                    traits,
                    next,
                );
            }
            // `a #loot channel: b` goes on with modifiers.
            return self.push(
                Item { names: vec![name], ..blank(kind, 1, false, &self.clause, from, next) },
                traits,
                next,
            );
        }
        // A name without a kind: `#recipes`, `"help-desk"`, `homework-7c`.
        let token = self.token(at);
        let sign = token.and_then(|t| t.sigil);
        let is_named =
            token.is_some_and(|t| t.is_quote() || t.sigil.is_some()) || is_list_of_children || is_counted && count > 1;
        if is_counted && count > 1 && sign.is_none() && !token.is_some_and(Token::is_quote) {
            let has_row = |noun: &str| {
                self.context
                    .guild
                    .channels
                    .keys()
                    .any(|key| key.strip_prefix(noun).is_some_and(|rest| rest.starts_with('-')))
            };
            let is_listed = (at..self.clause.len()).any(|at| self.is(at, ":"));
            if !token.is_some_and(|t| has_row(&fold(&t.low)) || is_listed) {
                self.is_lost = true;
                self.at = at + 1;
                return;
            }
            let noun = token.map(|t| fold(&t.low)).filter(|_| token.is_some_and(|t| t.is_plain() && !t.is_any(STOPS)));
            return self.push(Item { noun, ..blank(None, count, true, &self.clause, from, at + 1) }, traits, at + 1);
        }
        if !is_named {
            if !self.items.is_empty() {
                self.at = from;
                self.modifier();
                return;
            }
            let (names, end) = self.names(at, false);
            if names.is_empty() {
                self.at = at + 1;
                return;
            }
            return self.push(Item { names, ..blank(None, 1, false, &self.clause, from, end) }, traits, end);
        }
        let (names, end) = self.names(at, true);
        let kind = match sign {
            Some('@') => Some(Kind::Role),
            Some(_) => Some(Kind::Of(ChannelKind::Text)),
            None if is_list_of_children => Some(Kind::Of(ChannelKind::Text)),
            None => None,
        };
        let count = names.len();
        self.push(Item { names, ..blank(kind, count, true, &self.clause, from, end) }, traits, end);
    }

    fn say(&mut self, at: usize, length: usize) {
        let words = self.clause.tokens.iter().skip(at).take(length).map(|t| t.low.as_str());
        let words: Vec<&str> = words.collect();
        self.said = words
            .iter()
            .enumerate()
            .map(|(n, word)| if n + 1 == length { fold(word) } else { (*word).to_owned() })
            .collect::<Vec<_>>()
            .join(" ");
    }

    fn leads_to_role(&self, at: usize) -> bool {
        (at..(at + 3).min(self.clause.len()))
            .any(|at| kind_at(&self.clause.tokens, at).is_some_and(|(kind, ..)| kind == Kind::Role))
    }

    /// The kind of what was spoken of last, for `one called X`.
    fn kind_before(&self) -> Option<Kind> {
        use crate::manifest::edit::Subject;
        match self.context.groups.iter().rev().flatten().next() {
            Some(Subject::Role(_)) => Some(Kind::Role),
            Some(Subject::Category(_)) => Some(Kind::Category),
            Some(Subject::Channel(_)) => Some(Kind::Channel),
            _ => None,
        }
    }

    /// The name that follows a kind.
    fn named(&mut self, from: usize, at: usize, kind: Option<Kind>, plural: bool, count: usize, traits: Vec<Token>) {
        let mut start = at;
        let mut is_said = false;
        while self.is(start, "channel channels")
            && !matches!(kind, Some(Kind::Role | Kind::Category))
            && !self.is(start + 1, ", and")
            && start + 1 < self.clause.len()
            && start == at
            && false
        {
            start += 1;
        }
        for words in [
            "with the name of",
            "with the name",
            "with name",
            "by the name of",
            "with the names",
            "with names",
            "under the name",
            "whose name is",
        ] {
            if self.phrase(start, words) {
                start += words.split(' ').count();
                is_said = true;
            }
        }
        if self.is(start, CALLED)
            || (self.is(start, ":") && (plural || count > 1 || self.token(start + 1).is_some_and(Token::is_quote)))
        {
            start += 1;
            is_said = true;
        }
        while self.is(start, ": the following") && is_said {
            start += 1;
        }
        // `a channel for recipes`
        let is_for = !is_said && self.is(start, "for about on") && self.names_purpose(start, kind);
        if is_for {
            start += 1;
            while self.is(start, ARTICLES) {
                start += 1;
            }
        }
        let starts_name = is_said
            || is_for
            || self.token(start).is_some_and(|t| {
                t.is_quote()
                    || t.sigil.is_some()
                    || (t.shape != Shape::Sign && !t.is_any(STOPS) && !t.is_any("and instead please pls plz"))
            });
        let (names, end) = if starts_name { self.names(start, true) } else { (Vec::new(), at) };
        // `a role for Class 7c, named "Class 7c"`
        let mut names = names;
        let mut end = end;
        if is_for {
            let more = end + usize::from(self.is(end, ","));
            if self.is(more, CALLED) {
                let (better, after) = self.names(more + 1, true);
                if !better.is_empty() {
                    (names, end) = (better, after);
                }
            }
        }
        let is_many = plural || count > 1 || names.len() > 1;
        let count = match names.len() {
            0 => count,
            1 => count,
            many => many,
        };
        self.push(Item { names, ..blank(kind, count, is_many, &self.clause, from, end) }, traits, end);
    }

    /// `for recipes` names it, `for moderators` and `for 8 people` do not.
    fn names_purpose(&self, at: usize, kind: Option<Kind>) -> bool {
        let mut next = at + 1;
        while self.is(next, ARTICLES) {
            next += 1;
        }
        let named_later = (next..self.clause.len()).any(|at| self.is(at, CALLED));
        let is_room_for = number_at(&self.clause.tokens, next).is_some();
        let is_people = is_room_for
            || self.clause.mention(self.context, at + 1, &super::super::clause::role).is_some()
            || self.is(next, "everyone members people all up at max me us only")
            || number_at(&self.clause.tokens, next).is_some();
        self.token(next).is_some_and(|t| t.shape != Shape::Sign)
            && (!is_people || kind == Some(Kind::Role))
            && (!named_later || kind == Some(Kind::Role))
    }

    fn push(&mut self, item: Item, traits: Vec<Token>, end: usize) {
        let number = self.items.len();
        let is_category = item.kind == Some(Kind::Category);
        let mut item = item;
        item.said = std::mem::take(&mut self.said);
        if let (Some(category), false, false) = (self.category, is_category, item.kind == Some(Kind::Role)) {
            item.home = Home::Item(category);
        }
        self.items.push(item);
        if is_category {
            self.close();
            self.category = Some(number);
        }
        self.open.push(number);
        if !traits.is_empty() {
            self.further.push((vec![number], traits));
        }
        self.at = end;
        // `a category X named "Y"` after its place
        if self.is(end, CALLED) && self.items[number].names.is_empty() {
            let (names, after) = self.names(end + 1, true);
            self.items[number].names = names;
            self.at = after;
        }
    }

    // ---- names ----

    /// A list of names, and where it ends.
    fn names(&self, from: usize, is_list: bool) -> (Vec<NewName>, usize) {
        let mut names = Vec::new();
        let mut at = from;
        let mut end = from;
        loop {
            let Some(stop) = self.name_end(at, names.is_empty()) else { break };
            let Some(name) = NewName::of(&self.clause, self.context, at, stop) else { break };
            names.push(name);
            end = stop;
            let joint = (end..self.clause.len()).take_while(|at| self.is(*at, ", and & plus or")).count();
            let next = end + joint;
            let signs = self.token(next).is_some_and(|t| t.sigil.is_some())
                && self.token(at).is_some_and(|t| t.sigil.is_some());
            let goes_on = is_list && (joint > 0 || signs) && self.token(next).is_some_and(|t| t.shape != Shape::Sign);
            let other = self.is(next, STOPS)
                || self.is(next, FILLERS)
                || self.is_item(next)
                || self.starts_modifier(next)
                || self.is(next, ARTICLES)
                || (kind_at(&self.clause.tokens, next)
                    .is_some_and(|(_, length, _)| self.token(next + length).is_none_or(|t| t.is_any(", and")))
                    && self.is(end, ", & and")
                    && self.token(next).is_some_and(|t| !t.is_quote()));
            if !goes_on || other {
                break;
            }
            at = next;
        }
        (names, end)
    }

    /// Where the name that begins here ends.
    fn name_end(&self, from: usize, is_first: bool) -> Option<usize> {
        let first = self.token(from)?;
        if first.is_quote() {
            return Some(from + 1);
        }
        if first.shape == Shape::Sign {
            return None;
        }
        if first.sigil.is_some() {
            return Some(from + 1);
        }
        let _ = is_first;
        let mut end = from + 1;
        while let Some(token) = self.token(end) {
            let joins = token.is_any(", and plus")
                || (token.shape == Shape::Sign && !(token.is("&") && self.plain_amp(end)) && !token.is_any("'s + /"));
            if joins || token.is_any(STOPS) || token.is_quote() || (token.sigil.is_some()) {
                break;
            }
            if token.is_any(FILLERS)
                && !self.token(end + 1).is_some_and(|t| t.is_plain() && !t.is_any(STOPS) && !t.is_any(FILLERS))
            {
                break;
            }
            // `Clubs channel`: the kind ends the name.
            if let Some((kind, length, _)) = kind_at(&self.clause.tokens, end) {
                let closes = self
                    .token(end + length)
                    .is_none_or(|t| t.shape == Shape::Sign || t.is_any(STOPS) || t.is_any("and"));
                if closes
                    && matches!(kind, Kind::Role | Kind::Category | Kind::Channel)
                    && !self.is(end, AREAS)
                    && !self.is(end, "chat")
                {
                    break;
                }
            }
            end += 1;
        }
        Some(end)
    }

    /// `Rock & Roll` is one name, `a & b` two.
    fn plain_amp(&self, at: usize) -> bool {
        let capital = |at: Option<usize>| {
            at.and_then(|at| self.token(at)).is_some_and(|t| t.text.starts_with(char::is_uppercase))
        };
        capital(at.checked_sub(1)) && capital(Some(at + 1))
    }
}

fn blank(kind: Option<Kind>, count: usize, is_many: bool, clause: &Clause, from: usize, end: usize) -> Item {
    let (start, end) = clause.span(from, end.max(from + 1).min(clause.len()));
    Item {
        kind,
        names: Vec::new(),
        noun: None,
        said: String::new(),
        count,
        is_many,
        home: Home::Unsaid,
        spot: None,
        beside: None,
        start,
        end,
    }
}
