//! One thing that is asked for: how many, of what kind, by which name.

use super::super::super::clause::Clause;
use super::super::super::lexicon::{AREAS, ARTICLES, FILLERS, Kind, colour_at, is_value_at, kind_at, number_at};
use super::super::super::words::{Shape, Token, fold};
use super::reader::{CALLED, EMPTY, Reader, STOPS, TRAITS};
use super::{Home, Item, NewName};
use crate::manifest::edit::Subject;
use crate::model::ChannelKind;

impl Reader<'_> {
    pub(super) fn item(&mut self, from: usize, is_child: bool) {
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
            number_at(&self.clause.tokens, at).filter(|_| !self.is_size(at) && !self.is(at, "no"))
        {
            count = usize::try_from(number).unwrap_or(0);
            is_counted = true;
            at += length;
        }
        if is_counted && count == 1 && self.is(at, "one") {
            at += 1;
        }
        // `10 players` are none to be made.
        if is_counted && is_value_at(&self.clause.tokens, from) {
            self.at = from;
            return self.modifier();
        }
        let more = usize::from(self.is(at, "more"));
        let row = self.token(at + more).map(|t| fold(&t.low)).filter(|noun| self.has_row(noun));
        if let Some(noun) = row.filter(|_| {
            is_counted
                && count == 1
                && self.token(at + more + 1).is_none_or(|t| t.is_any(STOPS) || t.shape == Shape::Sign)
        }) {
            let end = at + more + 1;
            return self.push(
                Item { noun: Some(noun), ..blank(None, 1, true, &self.clause, from, end) },
                Vec::new(),
                end,
            );
        }
        if is_counted && count == 1 && self.is(at, "for about called named") {
            let kind = self.items.last().map(|item| item.kind).unwrap_or_else(|| self.kind_before());
            return self.named(from, at, kind, false, 1, Vec::new());
        }
        let mut traits: Vec<Token> = Vec::new();
        loop {
            let compound = self.is(at, "read") && self.is(at + 1, "only");
            let only = self.token(at).is_some_and(|t| t.low.ends_with("-only") && t.is_plain());
            if self.is(at, TRAITS) || compound || only {
                let length = 1 + usize::from(compound);
                traits.extend(self.clause.tokens[at..at + length].iter().cloned());
                at += length;
            } else if self.is(at, EMPTY)
                || (self.is(at, "and ,") && !traits.is_empty() && self.is(at + 1, TRAITS))
                || (is_counted && self.is(at, ARTICLES))
            {
                at += 1;
            } else if self.is_size(at) {
                traits.extend(self.clause.tokens[at..at + 2].iter().cloned());
                at += 2;
            } else if let Some((_, length)) =
                colour_at(&self.clause.tokens, at).filter(|(_, n)| self.leads_to_role(at + n))
            {
                traits.extend(self.clause.tokens[at..at + length].iter().cloned());
                at += length;
            } else {
                break;
            }
        }
        // `with chat, clips and …`: a name, and not what it is.
        let is_chat = is_list_of_children
            && self.is(at, "chat")
            && self.token(at + 1).is_none_or(|t| t.shape == Shape::Sign || t.is("and"));
        if let Some((kind, length, plural)) = kind_at(&self.clause.tokens, at).filter(|_| !is_chat) {
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
            let is_article = end > begins && token_is_article(&self.clause.tokens[end]);
            let is_end = is_article
                || end > begins
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
            // `a study group category` is one thing.
            let again = kind_at(&self.clause.tokens, end + length)
                .filter(|(kind, ..)| is_area && *kind == Kind::Category)
                .map_or(0, |(_, length, _)| length);
            let next = end + length + again;
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
                let room = if self.is(end, "rooms room") { " room" } else { "" };
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
            let is_listed = (at..self.clause.len()).any(|at| self.is(at, ":"));
            if !token.is_some_and(|t| self.has_row(&fold(&t.low)) || is_listed) {
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

    /// `5 player` before `voice channel`.
    fn is_size(&self, at: usize) -> bool {
        let is_one = self.is(at + 1, "man person player user people seat");
        is_one && is_value_at(&self.clause.tokens, at) && kind_at(&self.clause.tokens, at + 2).is_some()
    }

    /// An item without a name.
    pub(super) fn like(&self, kind: Option<Kind>, count: usize, from: usize, end: usize) -> Item {
        blank(kind, count, true, &self.clause, from, end)
    }

    /// True when channels of this noun are numbered.
    fn has_row(&self, noun: &str) -> bool {
        !noun.is_empty()
            && self
                .context
                .guild
                .channels
                .keys()
                .any(|key| key.strip_prefix(noun).is_some_and(|rest| rest.starts_with('-')))
    }

    pub(super) fn say(&mut self, at: usize, length: usize) {
        let words = self.clause.tokens.iter().skip(at).take(length).map(|t| t.low.as_str());
        let words: Vec<&str> = words.collect();
        self.said = words
            .iter()
            .enumerate()
            .map(|(n, word)| if n + 1 == length { fold(word) } else { (*word).to_owned() })
            .collect::<Vec<_>>()
            .join(" ");
    }

    pub(super) fn leads_to_role(&self, at: usize) -> bool {
        (at..(at + 3).min(self.clause.len()))
            .any(|at| kind_at(&self.clause.tokens, at).is_some_and(|(kind, ..)| kind == Kind::Role))
    }

    /// The kind of what was spoken of last, for `one called X`.
    pub(super) fn kind_before(&self) -> Option<Kind> {
        match self.context.groups.iter().rev().flatten().next() {
            Some(Subject::Role(_)) => Some(Kind::Role),
            Some(Subject::Category(_)) => Some(Kind::Category),
            Some(Subject::Channel(_)) => Some(Kind::Channel),
            _ => None,
        }
    }

    /// The name that follows a kind.
    pub(super) fn named(
        &mut self,
        from: usize,
        at: usize,
        kind: Option<Kind>,
        plural: bool,
        count: usize,
        traits: Vec<Token>,
    ) {
        let mut start = at;
        let mut is_said = false;
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
    pub(super) fn names_purpose(&self, at: usize, kind: Option<Kind>) -> bool {
        let mut next = at + 1;
        while self.is(next, ARTICLES) {
            next += 1;
        }
        let named_later = (next..self.clause.len()).any(|at| self.is(at, CALLED));
        let is_room_for = number_at(&self.clause.tokens, next).is_some();
        let is_people = is_room_for
            || self.clause.mention(self.context, at + 1, &super::super::super::clause::role).is_some()
            || self.is(next, "everyone members people all up at max me us only")
            || number_at(&self.clause.tokens, next).is_some();
        self.token(next).is_some_and(|t| t.shape != Shape::Sign)
            && (!is_people || kind == Some(Kind::Role))
            && (!named_later || kind == Some(Kind::Role))
    }

    pub(super) fn push(&mut self, item: Item, traits: Vec<Token>, end: usize) {
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
    pub(super) fn names(&self, from: usize, is_list: bool) -> (Vec<NewName>, usize) {
        let mut names = Vec::new();
        let mut at = from;
        let mut end = from;
        while let Some(stop) = self.name_end(at) {
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
            if !goes_on || (other && !signs) {
                break;
            }
            at = next;
        }
        (names, end)
    }

    /// Where the name that begins here ends.
    pub(super) fn name_end(&self, from: usize) -> Option<usize> {
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
    pub(super) fn plain_amp(&self, at: usize) -> bool {
        // `the voice channels Alpha & Bravo`
        let is_many = (0..at).rev().take(6).any(|at| {
            (1..=3).any(|back| {
                at.checked_sub(back).and_then(|at| kind_at(&self.clause.tokens, at)).is_some_and(|(.., plural)| plural)
            })
        });
        if is_many {
            return false;
        }
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

/// `newcomer the lowest role` names nothing new.
fn token_is_article(token: &Token) -> bool {
    token.is_any("the a an")
}
