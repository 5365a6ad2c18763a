//! Finds the objects a text names.
//!
//! Decides which objects a name fits: its letters count, then singular and plural, then one letter too many, too few or
//! wrong. Knows nothing of sentences.

use std::collections::BTreeMap;

use crate::manifest::edit::Subject;
use crate::model::ChannelKind;

use super::guild::{Guild, key};
use super::lexicon::Kind;
use super::words::{Shape, Token, fold, squeeze};

/// Longest name, in words.
const LONGEST: usize = 7;

/// How well a name fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fit {
    /// Letter by letter.
    Exact,
    /// Singular for plural.
    Folded,
    /// But for one letter.
    Typo,
}

/// Objects of a name.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Hit {
    /// How many words it has.
    pub(super) length: usize,
    pub(super) fit: Fit,
    /// All objects it fits, in the order of the manifest.
    pub(super) objects: Vec<Subject>,
}

/// Objects by their names.
#[derive(Default)]
pub(super) struct Index {
    objects: Vec<(Subject, Option<ChannelKind>)>,
    exact: BTreeMap<String, Vec<usize>>,
    folded: BTreeMap<String, Vec<usize>>,
    /// By what is left when one letter is left out.
    near: BTreeMap<String, Vec<(String, usize)>>,
    /// Every word of a name, so that none is taken for a misspelt command.
    pieces: std::collections::BTreeSet<String>,
    longest: usize,
}

impl Index {
    pub(super) fn of(guild: &Guild) -> Self {
        let mut index = Self::default();
        for object in guild.objects() {
            let at = index.objects.len();
            index.objects.push((object.clone(), guild.kind(&object)));
            let mut names = vec![squeeze(key(&object)), squeeze(guild.name(&object))];
            names.retain(|name| !name.is_empty());
            names.dedup();
            for text in [key(&object), guild.name(&object)] {
                let words = text.split(|c: char| !c.is_alphanumeric()).map(squeeze);
                index.pieces.extend(words.filter(|word| !word.is_empty()));
            }
            for name in names {
                index.longest = index.longest.max(name.len() + 2);
                index.folded.entry(fold(&name)).or_default().push(at);
                if name.chars().count() >= 5 {
                    for less in shortened(&name) {
                        index.near.entry(less).or_default().push((name.clone(), at));
                    }
                }
                index.exact.entry(name).or_default().push(at);
            }
        }
        index
    }

    /// True when an object of this kind has the name.
    pub(super) fn has_name(&self, text: &str, kind: Option<Kind>) -> bool {
        let letters = squeeze(text);
        let found = self.exact.get(&letters).into_iter().chain(self.folded.get(&fold(&letters))).flatten();
        found.filter_map(|at| self.objects.get(*at)).any(|(object, k)| kind.is_none_or(|kind| is_of(object, *k, kind)))
    }

    /// The one object with exactly these letters in its name.
    pub(super) fn only(
        &self,
        letters: &str,
        wanted: &dyn Fn(&Subject, Option<ChannelKind>) -> bool,
    ) -> Option<Subject> {
        let found = self.exact.get(letters)?.iter().filter_map(|at| self.objects.get(*at));
        let mut fitting = found.filter(|(object, kind)| wanted(object, *kind)).map(|(object, _)| object);
        let first = fitting.next()?;
        fitting.all(|other| other == first).then(|| first.clone())
    }

    /// True for a word of some name.
    pub(super) fn has_piece(&self, low: &str) -> bool {
        self.pieces.contains(&squeeze(low)) || self.pieces.contains(&fold(&squeeze(low)))
    }

    /// The longest name that begins here and fits an object that is wanted. A whole fit beats a folded one, and that a typo.
    pub(super) fn at(
        &self,
        tokens: &[Token],
        at: usize,
        wanted: &dyn Fn(&Subject, Option<ChannelKind>) -> bool,
    ) -> Option<Hit> {
        let spans = self.spans(tokens, at);
        let numbered = spans.iter().rev().find_map(|(length, letters)| {
            let found = self.numbered(letters)?.iter().filter_map(|at| self.objects.get(*at));
            let objects: Vec<Subject> = found.filter(|(o, kind)| wanted(o, *kind)).map(|(o, _)| o.clone()).collect();
            (*length > 1 && !objects.is_empty()).then_some(Hit { length: *length, fit: Fit::Folded, objects })
        });
        if numbered.is_some() {
            return numbered;
        }
        [Fit::Exact, Fit::Folded, Fit::Typo].into_iter().find_map(|fit| {
            spans.iter().rev().find_map(|(length, letters)| {
                let mut found = self.fitting(letters, fit);
                found.retain(|at| self.objects.get(*at).is_some_and(|(object, kind)| wanted(object, *kind)));
                found.sort_unstable();
                found.dedup();
                let sigil = tokens.get(at).and_then(|token| token.sigil);
                let found = self.of_sigil(found, sigil);
                let objects: Vec<Subject> =
                    found.iter().filter_map(|at| self.objects.get(*at)).map(|(object, _)| object.clone()).collect();
                let is_found = !objects.is_empty() && (fit != Fit::Typo || objects.len() == 1);
                is_found.then_some(Hit { length: *length, fit, objects })
            })
        })
    }

    /// `#x` is a channel, text-like when one is; `@x` is a role.
    fn of_sigil(&self, mut found: Vec<usize>, sigil: Option<char>) -> Vec<usize> {
        let get = |at: &usize| self.objects.get(*at);
        match sigil {
            Some('#') => {
                found.retain(|at| get(at).is_some_and(|(object, _)| matches!(object, Subject::Channel(_))));
                let is_text =
                    |at: &usize| get(at).is_some_and(|(_, kind)| kind.is_some_and(ChannelKind::has_slug_name));
                if found.iter().any(is_text) {
                    found.retain(is_text);
                }
            }
            Some(_) => found.retain(|at| get(at).is_some_and(|(object, _)| matches!(object, Subject::Role(_)))),
            None => {}
        }
        found
    }

    /// The letters of the first word, of the first two, and so on.
    fn spans(&self, tokens: &[Token], at: usize) -> Vec<(usize, String)> {
        let mut spans = Vec::new();
        let mut letters = String::new();
        for (count, token) in tokens.iter().skip(at).take(LONGEST).enumerate() {
            let stops = match token.shape {
                Shape::Word => count > 0 && token.sigil.is_some(),
                Shape::Quote => count > 0,
                Shape::Symbol => false,
                Shape::Sign => !(token.low == "&" && count > 0),
            };
            letters.push_str(&squeeze(&token.text));
            if stops || letters.len() > self.longest {
                break;
            }
            if token.shape != Shape::Sign && !(token.shape == Shape::Symbol && letters.is_empty()) {
                spans.push((count + 1, letters.clone()));
            }
            if token.is_quote() {
                break;
            }
        }
        spans
    }

    /// `squads 3` is `squad-3`.
    fn numbered(&self, letters: &str) -> Option<&Vec<usize>> {
        let word = letters.split(|c: char| c.is_ascii_digit()).next().unwrap_or_default();
        let number = &letters[word.len()..];
        let is_plural = !number.is_empty() && fold(word) != word;
        self.exact.get(&format!("{}{number}", fold(word))).filter(|_| is_plural)
    }

    fn fitting(&self, letters: &str, fit: Fit) -> Vec<usize> {
        match fit {
            Fit::Exact => self.exact.get(letters).cloned().unwrap_or_default(),
            Fit::Folded => {
                self.folded.get(&fold(letters)).or_else(|| self.numbered(letters)).cloned().unwrap_or_default()
            }
            Fit::Typo if letters.chars().count() < 5 => Vec::new(),
            Fit::Typo => {
                let near = shortened(letters).into_iter().filter_map(|less| self.near.get(&less));
                let is_near = |name: &str| strsim::osa_distance(name, letters) <= 1;
                let plural = fold(letters);
                let is_near = |name: &str| is_near(name) || strsim::osa_distance(name, &plural) <= 1;
                // Another number is another thing.
                let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
                let wanted = digits(letters);
                let fits = |name: &str| is_near(name) && digits(name) == wanted;
                near.flatten().filter(|(name, _)| fits(name)).map(|(_, at)| *at).collect()
            }
        }
    }
}

/// A word, and the word with each of its letters left out.
fn shortened(word: &str) -> Vec<String> {
    let letters: Vec<char> = word.chars().collect();
    let without = |out: usize| letters.iter().enumerate().filter(|(at, _)| *at != out).map(|(_, c)| *c).collect();
    let mut all: Vec<String> = vec![word.to_owned()];
    if letters.len() <= 40 {
        all.extend((0..letters.len()).map(without));
    }
    all
}

/// True when an object is of a kind that was said.
pub(super) fn is_of(object: &Subject, kind: Option<ChannelKind>, said: Kind) -> bool {
    match (object, said) {
        (Subject::Role(_), Kind::Role)
        | (Subject::Category(_), Kind::Category)
        | (Subject::Channel(_), Kind::Channel) => true,
        (Subject::Channel(_), Kind::Of(ChannelKind::Text)) => {
            kind.is_some_and(|kind| kind.bucket() == crate::model::Bucket::Text)
        }
        (Subject::Channel(_), Kind::Of(wanted)) => kind == Some(wanted),
        _ => false,
    }
}
