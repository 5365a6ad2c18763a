//! Goes through what is asked for from left to right: things, where they go, and what else is said of them.

use super::super::super::clause::{Clause, Context, Gap, Mention, Why};
use super::super::super::guild::key;
use super::super::super::lexicon::{AREAS, ARTICLES, FILLERS, Kind, colour_at, is_value_at, kind_at, number_at};
use super::super::super::permits::permission_at;
use super::super::super::words::{Shape, Token};
use super::super::Spot;
use super::super::moving::{beside_at, edge_at, where_at};
use super::{Home, Item};

/// Adjectives that are said again of the new thing.
pub(super) const TRAITS: &str = "private public hidden secret readonly read-only locked nsfw 18+ age-restricted \
    mentionable hoisted pingable unlimited";
/// Adjectives that say nothing.
pub(super) const EMPTY: &str = "new more extra additional separate dedicated small simple other special nice own \
    little big further following these brand second third";
/// Words that end a name.
pub(super) const STOPS: &str = "thats whos between with w/ that which where who whose in inside under into within to for at below above \
    before after behind beneath beside next only visible both all each shown displayed limited max maximum as using \
    having containing including hidden called named from right directly on of about so allowed able mentionable \
    hoisted coloured colored accessible it there up everyone nobody titled underneath should can may restricted \
    private over is be get gets has have reserved same when if next together along holding topic following but not \
    then available readable writable open beginning first last placed located tagged per via by just";
/// Words that begin what is said of something new.
pub(super) const MODIFIERS: &str = "only shown displayed slowmode slow topic limited max everyone nobody with that \
    which allowed can hidden visible colour color user bitrate tags tag nsfw limit coloured colored hoisted up at no \
    people";
pub(super) const CALLED: &str = "called named titled labelled labeled entitled";
pub(super) const CHILDREN: &str = "with w/ containing including having holding has has: plus";
pub(super) struct Reader<'r> {
    pub(super) clause: Clause,
    pub(super) context: Context<'r>,
    pub(super) at: usize,
    pub(super) items: Vec<Item>,
    /// The items that are spoken of now.
    pub(super) open: Vec<usize>,
    /// The item that is a category, for the channels after it.
    pub(super) category: Option<usize>,
    pub(super) further: Vec<(Vec<usize>, Vec<Token>)>,
    /// Words about the open items that were read since.
    pub(super) tail: Vec<Token>,
    pub(super) gaps: Vec<Gap>,
    /// What is there and was named.
    pub(super) mentions: Vec<Mention>,
    /// The place it goes to is not there.
    pub(super) is_lost: bool,
    pub(super) is_command: bool,
    /// The kind word that was read last, in the singular.
    pub(super) said: String,
}

impl<'r> Reader<'r> {
    pub(super) fn new(clause: Clause, context: Context<'r>, at: usize, is_command: bool) -> Self {
        Self {
            clause,
            context,
            at,
            items: Vec::new(),
            open: Vec::new(),
            category: None,
            further: Vec::new(),
            tail: Vec::new(),
            gaps: Vec::new(),
            mentions: Vec::new(),
            is_lost: false,
            is_command,
            said: String::new(),
        }
    }

    pub(super) fn token(&self, at: usize) -> Option<&Token> {
        self.clause.tokens.get(at)
    }

    pub(super) fn is(&self, at: usize, words: &str) -> bool {
        self.token(at).is_some_and(|t| t.is_any(words))
    }

    pub(super) fn run(&mut self) {
        while self.at < self.clause.len() {
            let before = self.at;
            self.step();
            if self.at == before {
                self.at += 1;
            }
        }
        self.close();
    }

    pub(super) fn step(&mut self) {
        let at = self.at;
        if let Some((child, next)) = self.child_at(at) {
            self.item(child, next);
        } else if let Some(next) = self.place_at(at) {
            self.at = next;
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
    pub(super) fn item_begins(&self, at: usize) -> Option<(usize, bool)> {
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
    pub(super) fn is_item(&self, from: usize) -> bool {
        let mut at = from;
        if is_value_at(&self.clause.tokens, from) {
            return false;
        }
        let begins = self.is(at, ARTICLES) || number_at(&self.clause.tokens, at).is_some();
        if begins {
            at += number_at(&self.clause.tokens, at).map_or(1, |(_, length)| length);
        }
        while self.is(at, TRAITS) || self.is(at, EMPTY) {
            at += 1;
        }
        // `a red role`
        if let Some((_, length)) = colour_at(&self.clause.tokens, at).filter(|(_, n)| self.leads_to_role(at + n)) {
            at += length;
        }
        let one = usize::from(self.is(from, "another") && self.is(at, "one"));
        if begins && self.is(from, "one another") && self.is(at + one, "for about called named in") {
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
    pub(super) fn child_at(&self, at: usize) -> Option<(usize, bool)> {
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

    pub(super) fn phrase(&self, at: usize, phrase: &str) -> bool {
        phrase.split(' ').enumerate().all(|(offset, word)| self.is(at + offset, word))
    }

    /// Where the open items go.
    pub(super) fn place_at(&mut self, at: usize) -> Option<usize> {
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
            let home = super::super::super::clause::implied(self.context, &super::super::super::clause::category);
            let home = key(home.first()?).to_owned();
            self.each(|item| item.home = Home::Category(home.clone()));
            return Some(from + there + 1);
        }
        // `under it` is beside what was made before.
        if let Some((is_before, length)) = beside_at(&self.clause, from)
            && self.is(from + length, "it that this them")
            && let Some(previous) = self.open.first().and_then(|open| open.checked_sub(1))
        {
            self.each(|item| item.beside = Some((is_before, previous)));
            return Some(from + length + 1);
        }
        // `visible to officers` is no place, and a category goes into none.
        let about_category =
            self.open.last().and_then(|item| self.items.get(*item)).is_some_and(|i| i.kind == Some(Kind::Category));
        let sees = from.checked_sub(1).is_some_and(|before| {
            self.is(
                before,
                "visible only private accessible \
            available open restricted limited hidden shown exclusive belongs access",
            )
        });
        if self.is(from, "to") && has_open && sees {
            return None;
        }
        let found = where_at(&self.clause, self.context, from, Some(about_role))
            .filter(|found| !(about_category && found.home.is_some() && found.spot.is_none()))?;
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
            self.mentions.push(mention.clone());
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
    pub(super) fn read_after(&mut self, end: usize, home: Option<String>, spot: Option<Spot>) -> usize {
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

    pub(super) fn each(&mut self, change: impl Fn(&mut Item)) {
        for open in &self.open {
            if let Some(item) = self.items.get_mut(*open) {
                change(item);
            }
        }
    }

    /// Words about the open items: kept for a clause of its own.
    pub(super) fn modifier(&mut self) {
        let at = self.at;
        let begins_anew = self.is(at, "with w/ , that thats which where who whos and : ( ) — – ;");
        if self.open.is_empty() {
            self.at += 1;
            return;
        }
        // `, voice, ...` says what they are.
        if begins_anew && let Some((kind, length, _)) = kind_at(&self.clause.tokens, at + 1) {
            let ends = self.token(at + 1 + length).is_none_or(|t| t.is_any(", and . )"));
            if ends && !self.is(at, "and") {
                self.each(|item| item.kind = Some(kind));
                self.at += 1 + length;
                return;
            }
        }
        // `s5-news (announcement), s5-chat`: the list of a category goes on.
        let after_paren = at.checked_sub(1).is_some_and(|before| self.is(before, ")"));
        let is_child =
            self.open.iter().filter_map(|item| self.items.get(*item)).any(|item| matches!(item.home, Home::Item(_)));
        let next_is_name =
            self.token(at + 1).is_some_and(|t| t.is_plain() && !t.is_any(STOPS)) && !self.starts_modifier(at + 1);
        if self.is(at, ",") && after_paren && is_child && next_is_name && self.tail.is_empty() {
            self.item(at + 1, true);
            return;
        }
        // `Alpha (red), Beta (blue)`: the list goes on with others of the kind.
        let listed = self.open.last().and_then(|item| self.items.get(*item)).filter(|item| item.is_many);
        if let Some(kind) = listed.map(|item| item.kind)
            && self.is(at, ", and")
            && after_paren
            && self.tail.is_empty()
        {
            let next = at + 1 + usize::from(self.is(at + 1, "and"));
            let is_name = self.token(next).is_some_and(|t| (t.is_plain() && !t.is_any(STOPS)) || t.is_quote());
            if is_name && !self.starts_modifier(next) && !self.is_item(next) {
                self.close();
                let (names, end) = self.names(next, true);
                let count = names.len().max(1);
                return self.push(Item { names, is_many: true, ..self.like(kind, count, next, end) }, Vec::new(), end);
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
        // `two squads: voice channels a and b` says what they are, too.
        let apposed = kind_at(&self.clause.tokens, at + 1).filter(|(.., plural)| *plural);
        let skipped = apposed.map_or(0, |(_, length, _)| length);
        // `two text channels, a and b`
        if self.is(at, ",") && is_unnamed && self.tail.is_empty() {
            let (names, end) = self.names(at + 1 + skipped, true);
            let wanted =
                self.open.iter().filter_map(|item| self.items.get(*item)).map(|item| item.count).sum::<usize>();
            if names.len() > 1 && names.len() == wanted {
                self.each(|item| {
                    item.names.clone_from(&names);
                    item.kind = apposed.map(|(kind, ..)| kind).or(item.kind);
                });
                self.at = end;
                return;
            }
        }
        // `two squads: a and b` are their names.
        let unnamed = self.open.last().and_then(|item| self.items.get(*item)).is_some_and(|i| i.names.is_empty());
        if self.is(at, ":") && unnamed && self.tail.is_empty() {
            let (names, end) = self.names(at + 1 + skipped, true);
            if !names.is_empty() {
                self.each(|item| {
                    item.names.clone_from(&names);
                    item.kind = apposed.map(|(kind, ..)| kind).or(item.kind);
                    item.count = names.len();
                });
                self.at = end;
                return;
            }
        }
        let is_permitting = (0..self.tail.len()).any(|at| permission_at(&self.tail, at).is_some())
            && self.is(at, ", and")
            && permission_at(&self.clause.tokens, at + 1).is_some();
        // `tags: a, b`
        let is_headed = self.is(at, ":")
            && self.tail.last().is_some_and(|t| {
                t.is_any("tags tag topic limit bitrate slowmode mode colour color description permissions cap")
            });
        let is_listing = is_permitting
            || is_headed
            || self.tail.iter().any(|t| t.is_any("tag tags")) && self.is(at, ", and") && !self.starts_modifier(at + 1);
        if begins_anew && !is_listing && (!self.is(at, "and") || self.starts_modifier(at + 1)) {
            self.flush();
            if self.is(at, "with w/ , : ( ) and — – ;") || self.is(at, "that thats which where who whos") {
                self.at += 1;
                return;
            }
        }
        if let Some(token) = self.token(at).cloned() {
            self.tail.push(token);
        }
        self.at += 1;
    }

    pub(super) fn starts_modifier(&self, at: usize) -> bool {
        let ends =
            |at: usize| self.token(at).is_none_or(|t| t.shape == Shape::Sign || t.is_any(STOPS) || t.is_any("and"));
        let is_colour = colour_at(&self.clause.tokens, at).is_some_and(|(_, length)| ends(at + length));
        self.is(at, TRAITS) || self.is(at, MODIFIERS) || is_colour || is_value_at(&self.clause.tokens, at)
    }

    pub(super) fn flush(&mut self) {
        let tokens = std::mem::take(&mut self.tail);
        if tokens.iter().any(|t| t.shape != Shape::Sign) && !self.open.is_empty() {
            // `private … for the moderators` is one thing that is said, `private … for at most 5 people` are two.
            let is_room = (1..tokens.len().min(4))
                .any(|at| number_at(&tokens, at).is_some() || tokens[at].is_any("most max maximum"));
            let joins = tokens.first().is_some_and(|t| t.is_any("for to but except")) && !is_room;
            match self.further.last_mut().filter(|(items, said)| joins && *items == self.open && said.len() == 1) {
                Some((_, said)) => said.extend(tokens),
                None => self.further.push((self.open.clone(), tokens)),
            }
        }
    }

    pub(super) fn close_if_said(&mut self) {
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

    pub(super) fn close(&mut self) {
        self.flush();
        self.open.clear();
    }
}
