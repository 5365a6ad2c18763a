//! Which objects the words of a clause name: by their names, as rows and contents of categories, and by pronouns.
//!
//! Decides what a mention is, and which of several objects it means.

use crate::manifest::edit::Subject;
use crate::model::ChannelKind;

use super::super::guild;
use super::super::lexicon::{ARTICLES, FILLERS, JOINERS, Kind, LINKS, colour_at, kind_at};
use super::super::names::{Fit, is_of};
use super::super::words::{Shape, Token, fold, squeeze};
use super::{Clause, Context, Mention, Wanted, Why, category, channel, longest_at};

impl Clause {
    /// The mention that begins at a word.
    pub(in super::super) fn mention(&self, context: Context<'_>, at: usize, wanted: Wanted<'_>) -> Option<Mention> {
        if !self.is_free(at, at + 1) {
            return None;
        }
        let of_its = self.tokens[at].is_any("its their").then(|| self.of_category(context, at, wanted)).flatten();
        of_its
            .or_else(|| self.pronoun(context, at, wanted))
            .or_else(|| self.whole(context, at, wanted))
            .or_else(|| self.named(context, at, wanted))
    }

    fn pronoun(&self, context: Context<'_>, at: usize, wanted: Wanted<'_>) -> Option<Mention> {
        const ONE: &str = "it|there|here|that one|this one|itself|this|that|its";
        const MANY: &str =
            "them|they|both of them|all of them|each of them|these|those|both|their|all three|the two|they all";
        let longest = |phrases: &str| longest_at(&self.tokens, at, phrases);
        let (length, is_many) = match (longest(ONE), longest(MANY)) {
            (Some(one), many) if many.is_none_or(|many| one >= many) => (one, false),
            (_, Some(many)) => (many, true),
            _ => {
                // `the new channel`, `this category`
                let article = self.tokens[at].is_any("the this that these those");
                let new = usize::from(self.tokens.get(at + 1).is_some_and(|t| t.is("new")));
                let (kind, length, plural) = kind_at(&self.tokens, at + 1 + new).filter(|_| article)?;
                let end = at + 1 + new + length;
                let names_more = self.tokens.get(end).is_some_and(|t| t.is_quote() || t.sigil.is_some());
                let before = context.index.at(&self.tokens, at + 1 + new, wanted).is_some();
                let after = context.index.at(&self.tokens, end, &|object, k| is_of(object, k, kind)).is_some();
                if names_more || before || after {
                    return None;
                }
                let of_kind = |object: &Subject, k: Option<ChannelKind>| wanted(object, k) && is_of(object, k, kind);
                let objects = spoken_of(context, &of_kind, plural)?;
                return Some(Mention { is_pronoun: true, ..Mention::of(at, end, objects) });
            }
        };
        // `this channel` and `that can` are none.
        let next = self.tokens.get(at + length);
        let is_alone = next
            .is_none_or(|next| !next.is_plain() || next.is_any(LINKS) || next.is_any(FILLERS) || next.is_any(JOINERS));
        if length == 1 && self.tokens[at].is_any("this that these those") && !is_alone {
            return None;
        }
        let end = at + length;
        let objects = spoken_of(context, wanted, is_many)?;
        Some(Mention { is_pronoun: true, ..Mention::of(at, end, objects) })
    }

    /// `all voice channels in X`, `every channel of X`.
    fn whole(&self, context: Context<'_>, at: usize, wanted: Wanted<'_>) -> Option<Mention> {
        self.row(context, at, wanted)
            .or_else(|| self.of_category(context, at, wanted))
            .or_else(|| self.every(context, at, wanted))
    }

    /// `all hobbies channels`, `everything in hobbies`, `its channels`.
    fn of_category(&self, context: Context<'_>, at: usize, wanted: Wanted<'_>) -> Option<Mention> {
        let is = |at: usize, words: &str| self.tokens.get(at).is_some_and(|t| t.is_any(words));
        let (homes, kind, end) = if is(at, "everything") && is(at + 1, "in from inside of within") {
            let home = self.mention(context, at + 2, &category).filter(|home| home.why.is_none())?;
            (home.objects, Kind::Channel, home.to)
        } else {
            let start = (at..at + 3).take_while(|at| is(*at, "all every each the of")).count() + at;
            let its = is(start, "its their");
            let names_kind = (start + 1..start + 7).any(|at| kind_at(&self.tokens, at).is_some_and(|(.., many)| many));
            if !names_kind {
                return None;
            }
            let (homes, next) = match its {
                true => (spoken_of(context, &category, false)?, start + 1),
                false => {
                    let hit = context.index.at(&self.tokens, start, &category).filter(|hit| hit.objects.len() == 1)?;
                    (hit.objects, start + hit.length)
                }
            };
            let (kind, length, plural) = kind_at(&self.tokens, next)?;
            let is_called_so = !its && context.index.at(&self.tokens, start, &channel).is_some();
            if !plural || matches!(kind, Kind::Category | Kind::Role) || is_called_so {
                return None;
            }
            (homes, kind, next + length)
        };
        let inside = homes.iter().flat_map(|home| context.guild.channels_of(guild::key(home)));
        let fits = |object: &Subject| {
            let k = context.guild.kind(object);
            is_of(object, k, kind) && wanted(object, k)
        };
        let objects: Vec<Subject> = inside.filter(fits).collect();
        (!objects.is_empty() && self.is_free(at, end)).then_some(Mention::of(at, end, objects))
    }

    /// `all squads`, where there are `squad-1` and `squad-2`.
    fn row(&self, context: Context<'_>, at: usize, wanted: Wanted<'_>) -> Option<Mention> {
        let words = ["all", "of", "the", "three", "two", "four", "five"];
        let skipped = (at..at + 4)
            .take_while(|at| {
                self.tokens.get(*at).is_some_and(|t| words.iter().any(|word| t.is(word)) || t.is_any("each every"))
            })
            .count();
        let noun = self.tokens.get(at + skipped).filter(|t| t.is_plain())?;
        if skipped == 0 || !self.tokens[at].is_any("all each every") || kind_at(&self.tokens, at + skipped).is_some() {
            return None;
        }
        let kind = kind_at(&self.tokens, at + skipped + 1);
        let stem = fold(&noun.low);
        let is_row = |object: &Subject| {
            let rest = guild::key(object).strip_prefix(stem.as_str()).and_then(|rest| rest.strip_prefix('-'));
            rest.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()))
        };
        let fits = |object: &Subject| {
            let k = context.guild.kind(object);
            wanted(object, k) && is_row(object) && kind.is_none_or(|(kind, ..)| is_of(object, k, kind))
        };
        let objects: Vec<Subject> = context.guild.objects().filter(fits).collect();
        let end = at + skipped + 1 + kind.map_or(0, |(_, length, _)| length);
        (objects.len() > 1 && self.is_free(at, end)).then_some(Mention::of(at, end, objects))
    }

    fn every(&self, context: Context<'_>, at: usize, wanted: Wanted<'_>) -> Option<Mention> {
        let skip =
            |from: usize, words: &str| from + usize::from(self.tokens.get(from).is_some_and(|t| t.is_any(words)));
        let after_all = skip(at, "all every each any");
        let start = skip(skip(after_all, "of"), "the our these single");
        let has_all = after_all > at;
        let everywhere = self.tokens.get(at).is_some_and(|t| t.is("everywhere"));
        let (kind, length, plural) = match everywhere {
            true => (Kind::Channel, 1, true),
            false => kind_at(&self.tokens, start)?,
        };
        let start = if everywhere { at } else { start };
        if kind == Kind::Category || !(has_all || plural) {
            return None;
        }
        let mut end = start + length;
        if self.tokens.get(end).is_some_and(|t| t.is_any("there here")) && has_all {
            let home = spoken_of(context, &category, false)?;
            let inside = home.iter().flat_map(|home| context.guild.channels_of(guild::key(home)));
            let objects = inside.filter(|object| is_of(object, context.guild.kind(object), kind)).collect();
            return Some(Mention::of(at, end + 1, objects));
        }
        let mut homes = None;
        if self.tokens.get(end).is_some_and(|t| t.is_any("in of inside under within from")) {
            let home = self.mention(context, end + 1, &category).filter(|home| home.why.is_none());
            if let Some(home) = home {
                end = home.to;
                homes = Some(home.objects);
            }
        }
        if homes.is_none() && (!has_all || self.tokens.get(end).is_some_and(|t| t.is_any("in of inside"))) {
            return None;
        }
        let is_home = |object: &Subject| match (object, &homes) {
            (Subject::Channel(key), Some(homes)) => {
                homes.iter().any(|home| context.guild.category_of(key) == Some(guild::key(home)))
            }
            _ => homes.is_none(),
        };
        let fits = |object: &Subject| {
            let k = context.guild.kind(object);
            is_of(object, k, kind) && wanted(object, k) && is_home(object)
        };
        let objects: Vec<Subject> = context.guild.objects().filter(fits).collect();
        (!objects.is_empty()).then_some(Mention::of(at, end, objects))
    }

    fn named(&self, context: Context<'_>, at: usize, wanted: Wanted<'_>) -> Option<Mention> {
        let mut start = at;
        // An article may be the beginning of a name, so the name is looked for first.
        if context.index.at(&self.tokens, start, wanted).is_none_or(|hit| hit.fit == Fit::Typo) {
            while self
                .tokens
                .get(start)
                .is_some_and(|t| t.is_any(ARTICLES) || t.is_any("existing old current new") && t.low != "a")
                && !self.starts_name(context, start, wanted)
                && start < at + 4
            {
                start += 1;
            }
        }
        // `roles` is no misspelt `rules`.
        let is_kind = kind_at(&self.tokens, start).is_some();
        let own = context.index.at(&self.tokens, start, wanted).filter(|hit| {
            self.is_free(start, start + hit.length) && !(is_kind && hit.fit == Fit::Typo && hit.length == 1)
        });
        let before = kind_word_at(&self.tokens, start).and_then(|(kind, length, plural)| {
            let called = usize::from(self.tokens.get(start + length).is_some_and(|t| t.is_any("called named :")));
            let from = start + length + called;
            let of_kind = |object: &Subject, k: Option<ChannelKind>| wanted(object, k) && is_of(object, k, kind);
            let hit = context.index.at(&self.tokens, from, &of_kind)?;
            Some((from, hit, kind, plural))
        });
        let (from, mut hit, mut plural) = match (own, before) {
            (Some(own), before) if before.as_ref().is_none_or(|(_, hit, ..)| hit.fit >= own.fit) => (start, own, None),
            (_, Some((from, hit, kind, plural))) => (from, hit, plural.then_some(kind)),
            (own, None) => (start, own?, None),
        };
        let mut end = from + hit.length;
        if let Some((kind, length, is_plural)) = kind_word_at(&self.tokens, end) {
            let of_kind = |object: &Subject, k: Option<ChannelKind>| wanted(object, k) && is_of(object, k, kind);
            let narrowed: Vec<Subject> =
                hit.objects.iter().filter(|o| of_kind(o, context.guild.kind(o))).cloned().collect();
            let other = || context.index.at(&self.tokens, from, &of_kind).filter(|other| from + other.length == end);
            if !narrowed.is_empty() {
                hit.objects = narrowed;
                end += length;
                plural = is_plural.then_some(kind).or(plural);
            } else if let Some(other) = other() {
                hit = other;
                end += length;
                plural = is_plural.then_some(kind).or(plural);
            } else {
                // `the officers category` is no role, though there is one of this name.
                let says_other = |object: &Subject, k: Option<ChannelKind>| is_of(object, k, kind);
                if context.index.at(&self.tokens, from, &says_other).is_some_and(|other| from + other.length == end) {
                    return None;
                }
            }
        }
        if let Some((inside, to)) = self.inside(context, &hit.objects, end) {
            hit.objects = inside;
            end = to;
        }
        if !self.is_free(at, end) {
            return None;
        }
        let name = (from, from + hit.length);
        if let Some(meant) = context.meant.filter(|meant| (meant.start, meant.end) == self.span(name.0, name.1)) {
            hit.objects.retain(|object| *object == meant.object);
        }
        let why = (hit.objects.len() > 1).then(|| Why::Ambiguous(hit.objects.clone()));
        Some(Mention { from: at, to: end, name, objects: hit.objects, why, fit: hit.fit, is_pronoun: false, plural })
    }

    /// `art in the hobbies category`: where it is says which one it is.
    fn inside(&self, context: Context<'_>, objects: &[Subject], at: usize) -> Option<(Vec<Subject>, usize)> {
        self.tokens.get(at).filter(|t| t.is_any("in of inside under within"))?;
        if !objects.iter().any(|object| matches!(object, Subject::Channel(_))) {
            return None;
        }
        let home = self.mention(context, at + 1, &category).filter(|home| home.why.is_none() && !home.is_pronoun)?;
        let is_inside = |object: &Subject| match object {
            Subject::Channel(key) => {
                home.objects.iter().any(|home| context.guild.category_of(key) == Some(guild::key(home)))
            }
            _ => false,
        };
        let inside: Vec<Subject> = objects.iter().filter(|object| is_inside(object)).cloned().collect();
        (!inside.is_empty()).then_some((inside, home.to))
    }

    fn starts_name(&self, context: Context<'_>, at: usize, wanted: Wanted<'_>) -> bool {
        context.index.at(&self.tokens, at, wanted).is_some_and(|hit| hit.fit != Fit::Typo)
    }

    /// All mentions among the free words of a range, which are accounted for then.
    pub(in super::super) fn mentions(
        &mut self,
        context: Context<'_>,
        from: usize,
        to: usize,
        wanted: Wanted<'_>,
    ) -> Vec<Mention> {
        let mut found: Vec<Mention> = Vec::new();
        let mut at = from;
        let to_end = to.min(self.len());
        while at < to_end {
            let token = &self.tokens[at];
            let is_link = token.is_any(LINKS) && !token.is_any("it its the a an every");
            let is_word = token.shape != Shape::Sign && !is_link;
            let mention = is_word.then(|| self.mention(context, at, wanted)).flatten().filter(|m| m.to <= to);
            match mention {
                Some(mention) => {
                    let (from, to) = (mention.from, mention.to);
                    self.take(from, to);
                    self.narrow(context, &mut found, &mention);
                    at = mention.to.max(at + 1);
                    let more = self.numbered(context, &mention, to_end, wanted);
                    found.push(mention);
                    for (number, objects) in more {
                        self.take(at, number + 1);
                        at = at.max(number + 1);
                        found.push(Mention::of(number, number + 1, objects));
                    }
                }
                None => {
                    let stranger = &self.tokens[at];
                    let is_named = stranger.sigil.is_some_and(|sigil| sigil == '#' || sigil == '@');
                    if is_named && !self.taken[at] && colour_at(&self.tokens, at).is_none() {
                        self.take(at, at + 1);
                        let why = Some(Why::NotFound);
                        found.push(Mention { why, ..Mention::of(at, at + 1, Vec::new()) });
                    }
                    at += 1;
                }
            }
        }
        found
    }

    /// A name as it was typed, in one word.
    fn squeezed(&self, mention: &Mention) -> String {
        let words = self.tokens.get(mention.name.0..mention.name.1).unwrap_or_default();
        words.iter().map(|token| squeeze(&token.text)).collect()
    }

    /// How many words from here on only join what is listed.
    fn joints(&self, from: usize, to: usize) -> usize {
        (from..to).take_while(|at| self.tokens[*at].is_any(", and & or")).count()
    }

    /// `squads 1, 2 and 3`, `squad 1 through 3`: numbers that stand for names like the one before them.
    fn numbered(
        &self,
        context: Context<'_>,
        first: &Mention,
        end: usize,
        wanted: Wanted<'_>,
    ) -> Vec<(usize, Vec<Subject>)> {
        let number = |at: usize| {
            let token = self.tokens.get(at).filter(|t| t.is_plain() && t.low.len() <= 3 && !self.taken[at])?;
            token.low.parse::<u32>().ok()
        };
        let mut more = Vec::new();
        let name = self.tokens.get(first.name.1.wrapping_sub(1)).map(|t| t.low.as_str()).unwrap_or_default();
        if first.why.is_none()
            && name.ends_with(|c: char| c.is_ascii_lowercase())
            && name.contains(|c: char| c.is_ascii_digit())
        {
            return self.lettered(context, first, end, wanted);
        }
        let digits = name.len() - name.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        let (true, Ok(mut last)) = (digits > 0 && first.why.is_none(), name[name.len() - digits..].parse::<u32>())
        else {
            return more;
        };
        let letters = |number: u32| {
            let all = self.squeezed(first);
            let stem = all.trim_end_matches(|c: char| c.is_ascii_digit());
            [format!("{stem}{number}"), format!("{}{number}", fold(stem))]
        };
        let object = |number: u32| letters(number).iter().find_map(|letters| context.index.only(letters, wanted));
        let mut at = first.to;
        while at < end {
            let joints = self.joints(at, end);
            let is_range = joints == 0 && self.tokens[at].is_any("through until - –");
            let next = at + joints + usize::from(is_range);
            let Some(found) = number(next).filter(|_| joints > 0 || is_range) else { break };
            let wanted_numbers =
                if is_range { last + 1..found.saturating_add(1).min(last + 60) } else { found..found + 1 };
            let objects: Vec<Subject> = wanted_numbers.filter_map(object).collect();
            if objects.is_empty() {
                break;
            }
            more.push((next, objects));
            last = found;
            at = next + 1;
        }
        more
    }

    /// `rooms 7a and 7b`: the same with a letter behind the number.
    fn lettered(
        &self,
        context: Context<'_>,
        first: &Mention,
        end: usize,
        wanted: Wanted<'_>,
    ) -> Vec<(usize, Vec<Subject>)> {
        let all = self.squeezed(first);
        let stem = all.split(|c: char| c.is_ascii_digit()).next().unwrap_or_default();
        let mut more = Vec::new();
        let mut at = first.to;
        while at < end {
            let joints = self.joints(at, end);
            let next = at + joints;
            let is_like = self.tokens.get(next).is_some_and(|t| {
                t.is_plain() && t.low.len() <= 4 && t.low.starts_with(|c: char| c.is_ascii_digit()) && !self.taken[next]
            });
            let found = [stem.to_owned(), fold(stem)].into_iter().filter(|_| joints > 0 && is_like && !stem.is_empty());
            let object = found
                .map(|stem| format!("{stem}{}", self.tokens[next].low))
                .find_map(|letters| context.index.only(&letters, wanted));
            let Some(object) = object else { break };
            more.push((next, vec![object]));
            at = next + 1;
        }
        more
    }

    /// `the staff and general channels`, `the roles a and b`: the kind word is about all of a list.
    pub(in super::super) fn narrow(&self, context: Context<'_>, found: &mut [Mention], last: &Mention) {
        let Some(kind) = last.plural else { return };
        for earlier in found.iter_mut().filter(|m| matches!(m.why, Some(Why::Ambiguous(_)))) {
            let of_kind: Vec<Subject> =
                earlier.objects.iter().filter(|o| is_of(o, context.guild.kind(o), kind)).cloned().collect();
            if !of_kind.is_empty() {
                earlier.why = (of_kind.len() > 1).then(|| Why::Ambiguous(of_kind.clone()));
                earlier.objects = of_kind;
            }
        }
    }
}

/// A kind word where a name stands beside it: there `area` is one, too.
fn kind_word_at(tokens: &[Token], at: usize) -> Option<(Kind, usize, bool)> {
    let area = tokens.get(at).is_some_and(|t| t.is_any("area areas"));
    kind_at(tokens, at).or(area.then_some((Kind::Category, 1, false)))
}

/// What was spoken of last and fits.
fn spoken_of(context: Context<'_>, wanted: Wanted<'_>, is_many: bool) -> Option<Vec<Subject>> {
    let about = (!context.about.is_empty()).then_some(context.about);
    let groups = context.groups.iter().rev().map(Vec::as_slice);
    let fitting = |group: &[Subject]| -> Vec<Subject> {
        group.iter().filter(|object| wanted(object, context.guild.kind(object))).cloned().collect()
    };
    let groups: Vec<Vec<Subject>> =
        about.into_iter().chain(groups).map(fitting).filter(|group| !group.is_empty()).collect();
    let is_apt = |group: &&Vec<Subject>| if is_many { group.len() > 1 } else { group.len() == 1 };
    groups.iter().find(is_apt).or(groups.first()).cloned()
}
