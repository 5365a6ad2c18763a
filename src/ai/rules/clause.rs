//! One clause of a request while it is read: which words are accounted for, and what is left over.
//!
//! Which objects its words name is found in `mention`. Knows nothing of what is to be done.

mod mention;

use crate::manifest::edit::Subject;
use crate::model::{Bucket, ChannelKind};

use super::guild::Guild;
use super::lexicon::{ARTICLES, FILLERS, JOINERS, Kind, LINKS};
use super::names::{Fit, Index};
use super::words::{Shape, Token};

/// What a clause is read against.
#[derive(Clone, Copy)]
pub(super) struct Context<'c> {
    /// The request, by characters.
    pub(super) source: &'c [char],
    pub(super) guild: &'c Guild,
    pub(super) index: &'c Index,
    /// What was spoken of, in groups, the latest last.
    pub(super) groups: &'c [Vec<Subject>],
    /// What the clause is about when it names nothing, because it goes on about something new.
    pub(super) about: &'c [Subject],
    /// What somebody said they mean by words that fit several objects.
    pub(super) meant: Option<&'c Meant>,
}

/// That the words at this place, in characters, mean this object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Meant {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) object: Subject,
}

impl Context<'_> {
    /// What was typed between two places.
    pub(super) fn typed(self, start: usize, end: usize) -> String {
        self.source.get(start..end).unwrap_or_default().iter().collect()
    }
}

/// Why a part of a request gave nothing.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Why {
    /// It is no request, or one the language has no words for.
    Unknown,
    /// Nothing has this name.
    NotFound,
    /// Several objects have this name.
    Ambiguous(Vec<Subject>),
    /// Discord does not take the value, or there is no such value.
    Value(&'static str),
    /// It is never done on request.
    Refused(&'static str),
    /// Words beside what was understood.
    Leftover,
}

/// A part that was not understood, in characters.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Gap {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) why: Why,
}

/// Objects that are named in a clause.
#[derive(Clone, Debug)]
pub(super) struct Mention {
    /// The words it has, with its article and kind word.
    pub(super) from: usize,
    pub(super) to: usize,
    /// The words of the name alone.
    pub(super) name: (usize, usize),
    pub(super) objects: Vec<Subject>,
    pub(super) why: Option<Why>,
    pub(super) fit: Fit,
    pub(super) is_pronoun: bool,
    /// A kind word in the plural stands behind it, or before it.
    plural: Option<Kind>,
}

impl Mention {
    /// Words that name these objects.
    fn of(from: usize, to: usize, objects: Vec<Subject>) -> Self {
        let name = (from, to);
        Self { from, to, name, objects, why: None, fit: Fit::Exact, is_pronoun: false, plural: None }
    }

    /// A word that stands for these objects.
    pub(super) fn standing_for(at: usize, objects: Vec<Subject>) -> Self {
        Self { is_pronoun: true, ..Self::of(at, at + 1, objects) }
    }
}

/// Which objects are looked for.
pub(super) type Wanted<'w> = &'w dyn Fn(&Subject, Option<ChannelKind>) -> bool;

pub(super) fn any(_: &Subject, _: Option<ChannelKind>) -> bool {
    true
}

pub(super) fn role(object: &Subject, _: Option<ChannelKind>) -> bool {
    matches!(object, Subject::Role(_))
}

pub(super) fn category(object: &Subject, _: Option<ChannelKind>) -> bool {
    matches!(object, Subject::Category(_))
}

pub(super) fn channel(object: &Subject, _: Option<ChannelKind>) -> bool {
    matches!(object, Subject::Channel(_))
}

pub(super) fn place(object: &Subject, _: Option<ChannelKind>) -> bool {
    matches!(object, Subject::Channel(_) | Subject::Category(_))
}

pub(super) fn talk(object: &Subject, kind: Option<ChannelKind>) -> bool {
    channel(object, kind) && kind.is_some_and(|kind| kind.bucket() == Bucket::Voice)
}

/// A clause.
#[derive(Clone, Debug)]
pub(super) struct Clause {
    pub(super) tokens: Vec<Token>,
    /// Words that are accounted for.
    pub(super) taken: Vec<bool>,
}

impl Clause {
    pub(super) fn new(tokens: Vec<Token>) -> Self {
        Self { taken: vec![false; tokens.len()], tokens }
    }

    pub(super) fn len(&self) -> usize {
        self.tokens.len()
    }

    pub(super) fn take(&mut self, from: usize, to: usize) {
        let to = to.min(self.taken.len());
        if let Some(taken) = self.taken.get_mut(from..to) {
            taken.fill(true);
        }
    }

    pub(super) fn is_free(&self, from: usize, to: usize) -> bool {
        self.taken.get(from..to).is_some_and(|taken| taken.iter().all(|taken| !taken))
    }

    /// The place of the first free word that is one of these.
    pub(super) fn find(&self, words: &str) -> Option<usize> {
        (0..self.len()).find(|at| !self.taken[*at] && self.tokens[*at].is_any(words))
    }

    /// The place of the first free run of these words.
    pub(super) fn find_phrase(&self, phrase: &str) -> Option<(usize, usize)> {
        let words: Vec<&str> = phrase.split(' ').collect();
        let fits = |at: usize| {
            self.is_free(at, at + words.len())
                && words.iter().enumerate().all(|(offset, word)| self.tokens[at + offset].is(word))
        };
        (0..self.len()).find(|at| fits(*at)).map(|at| (at, at + words.len()))
    }

    /// Takes these phrases, which have bars between them, wherever they stand.
    pub(super) fn take_phrases(&mut self, phrases: &str) -> bool {
        let mut found = false;
        for phrase in phrases.split('|') {
            while let Some((from, to)) = self.find_phrase(phrase) {
                self.take(from, to);
                found = true;
            }
        }
        found
    }

    /// Characters of a run of words.
    pub(super) fn span(&self, from: usize, to: usize) -> (usize, usize) {
        let start = self.tokens.get(from).map_or(0, |token| token.start);
        let end = to.checked_sub(1).and_then(|last| self.tokens.get(last)).map_or(start, |token| token.end);
        (start, end.max(start))
    }

    /// A part that gave nothing.
    pub(super) fn gap(&self, from: usize, to: usize, why: Why) -> Gap {
        let (start, end) = self.span(from, to);
        Gap { start, end, why }
    }

    /// What of a mention gave nothing.
    pub(super) fn gap_of(&self, mention: &Mention) -> Option<Gap> {
        mention.why.clone().map(|why| self.gap(mention.name.0, mention.name.1, why))
    }

    /// Runs of free words that mean something, without what joins them to the rest. `strips` says that prepositions before
    /// them belong to what was looked for.
    pub(super) fn leftovers(&self, strips: bool) -> Vec<(usize, usize)> {
        let is_soft = |at: usize| {
            let token = &self.tokens[at];
            let is_small =
                token.shape == Shape::Sign || token.is_any(FILLERS) || token.is_any(ARTICLES) || token.is_any(JOINERS);
            let is_link = token.is_any(LINKS)
                || token.is_any("channel channels category role roles section server me us not all both");
            token.shape != Shape::Quote && token.sigil.is_none() && (is_small || is_link)
        };
        let mut runs = Vec::new();
        let mut at = 0;
        while at < self.len() {
            if self.taken[at] {
                at += 1;
                continue;
            }
            let contiguous = |next: usize| self.tokens[next].start >= self.tokens[next - 1].end;
            let splits = |next: usize| strips && self.tokens[next].is_any(JOINERS);
            let end = (at + 1..self.len())
                .find(|next| self.taken[*next] || !contiguous(*next) || splits(*next))
                .unwrap_or(self.len());
            let hard = (at..end).filter(|at| !is_soft(*at));
            if let (Some(first), Some(last)) = (hard.clone().next(), hard.clone().next_back()) {
                let keeps = |at: usize| {
                    let token = &self.tokens[at];
                    !strips && token.shape == Shape::Word && !token.is_any(FILLERS) && !token.is_any(JOINERS)
                };
                let mut from = first;
                while from > at && keeps(from - 1) {
                    from -= 1;
                }
                while from < first && self.tokens[from].is_any(ARTICLES) {
                    from += 1;
                }
                runs.push((from, last + 1));
            }
            at = end;
        }
        runs
    }
}

/// True when what is spoken of is something in the first object, and not the object: `delete the messages in #general`.
pub(super) fn is_about_contents(clause: &Clause, mentions: &[Mention]) -> bool {
    let Some(first) = mentions.iter().map(|mention| mention.from).min() else { return false };
    let led = first
        .checked_sub(1)
        .and_then(|at| clause.tokens.get(at))
        .is_some_and(|t| t.is_any("in of from inside on within at into"));
    led && clause.leftovers(true).iter().any(|(_, end)| *end <= first)
}

/// What a clause is about that names nothing.
pub(super) fn implied(context: Context<'_>, wanted: Wanted<'_>) -> Vec<Subject> {
    let fits = |object: &&Subject| wanted(object, context.guild.kind(object));
    if !context.about.is_empty() {
        return context.about.iter().filter(fits).cloned().collect();
    }
    let groups = context.groups.iter().rev().map(|group| group.iter().filter(fits).cloned().collect::<Vec<_>>());
    groups.into_iter().find(|group| !group.is_empty()).unwrap_or_default()
}

/// How long the longest of these phrases is that stands here; they have bars between them.
pub(super) fn longest_at(tokens: &[Token], at: usize, phrases: &str) -> Option<usize> {
    let fits = |phrase: &&str| {
        phrase.split(' ').enumerate().all(|(offset, word)| tokens.get(at + offset).is_some_and(|token| token.is(word)))
    };
    phrases.split('|').filter(fits).map(|phrase| phrase.split(' ').count()).max()
}
