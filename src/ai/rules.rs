//! The embedded interpreter: a request in plain English becomes edits of a manifest, by rules alone.
//!
//! Decides in which order a request is understood, and what to do with what is not. The same request of the same manifest
//! is always understood alike; nothing is asked of anybody.
//!
//! ```text
//! words      where words begin and end        lexicon   which words mean the same
//! names      which objects a name fits        permits   what people call permissions
//! clauses    where one request ends           clause    what its words name
//! phrasing   other words for the same
//! grammar    what a clause asks for           make      the edits, given what the manifest says now
//! ```

mod clause;
mod clauses;
mod grammar;
mod guild;
mod lexicon;
mod make;
mod names;
mod permits;
mod phrasing;
mod report;
mod words;

use crate::manifest::Files;
use crate::manifest::edit::Subject;

use super::{Alternative, Interpretation};
use clause::{Context, Gap, Meant, Why};
use clauses::{after_politeness, clauses, cut, is_negated, is_question, sentences, trimmed};
use grammar::Reading;
use guild::Guild;
use make::Maker;
use words::{Shape, Token, tokens};

/// Longest request, in characters.
pub const LONGEST: usize = 4000;

/// Most objects one request makes.
pub const MOST: usize = make::MOST;

/// How this interpreter is called where an AI's model would be named.
pub const MODEL: &str = "setai-rules-1";

/// Most clauses of one request.
const CLAUSES: usize = 200;

/// Most objects of one name that are told apart.
const MOST_OTHERS: usize = 10;

/// What is never changed on request.
const GUARDED: &str = "approval approvals protection protections protect protected unprotect policy policies drift \
    expectation expectations prune pruning max_deletions max_updates on_remove safeguard safeguards";

/// How people shorten words.
const SHORT: &[(&str, &str)] = &[
    ("u", "you"),
    ("ppl", "people"),
    ("r", "are"),
    ("w", "with"),
    ("chnl", "channel"),
    ("chnls", "channels"),
    ("perms", "permissions"),
    ("perm", "permission"),
    ("cat", "category"),
    ("desc", "description"),
    ("msgs", "messages"),
    ("msg", "message"),
    ("shouldve", "should"),
    ("abt", "about"),
    ("tmrw", "tomorrow"),
];

/// Says of something new that it is not for everybody.
const CLOSING: &str = "private secret hidden invisible confidential restricted closed exclusive locked readonly only";

/// What is said of a part that undoes another: somebody has to look at what is left.
const TAKEN_BACK: &str = "it takes back what the same request asks for before; the last word counts";

/// Understands a request about the manifest in `entry`.
pub fn interpret(request: &str, files: &Files, entry: &str) -> Interpretation {
    let source: Vec<char> = request.chars().collect();
    let whole = |why: &str| Interpretation::not_understood(request, MODEL, why);
    if source.len() > LONGEST {
        return whole("it is longer than 4,000 characters");
    }
    let Some(guild) = Guild::of(files, entry) else { return whole("the manifest cannot be read") };
    let Understood { mut interpretation, doubt } = understood(request, &source, guild.clone(), None);
    let Some((gap, objects)) = doubt else { return interpretation };
    // The request once more for each object that may be meant.
    for object in objects.into_iter().take(MOST_OTHERS) {
        let meaning = report::meaning(&guild, &object);
        let meant = Meant { start: gap.start, end: gap.end, object };
        let other = understood(request, &source, guild.clone(), Some(&meant)).interpretation;
        interpretation.alternatives.extend(Alternative::of(meaning, other));
    }
    interpretation
}

/// A request as it was understood, and the first of its words that fit several objects.
struct Understood {
    interpretation: Interpretation,
    doubt: Option<(Gap, Vec<Subject>)>,
}

/// Understands a request, when somebody said what they mean by some of its words: as they said.
fn understood(request: &str, source: &[char], guild: Guild, meant: Option<&Meant>) -> Understood {
    let mut speaker = Speaker { source, maker: Maker::new(guild), groups: Vec::new(), heard: Heard::default(), meant };
    let mut all = joined(tokens(request));
    speaker.mend(&mut all);
    for sentence in sentences(&all) {
        speaker.sentence(sentence);
    }
    let Speaker { maker, heard, .. } = speaker;
    let ambiguous = |gap: &Gap| match &gap.why {
        Why::Ambiguous(objects) => Some((gap.clone(), objects.clone())),
        _ => None,
    };
    let doubt = heard.gaps.iter().filter_map(ambiguous).min_by_key(|(gap, _)| gap.start);
    Understood { interpretation: report::interpretation(request, source, maker, heard), doubt }
}

/// What was made of a request so far.
#[derive(Default)]
struct Heard {
    gaps: Vec<Gap>,
    readings: Vec<Reading>,
    /// A clause was understood, if only in part.
    is_understood: bool,
    clauses: usize,
    mended: usize,
    /// Clauses whose object nobody named.
    assumed: usize,
}

struct Speaker<'s> {
    source: &'s [char],
    maker: Maker,
    groups: Vec<Vec<Subject>>,
    heard: Heard,
    meant: Option<&'s Meant>,
}

impl Speaker<'_> {
    fn context<'c>(&'c self, about: &'c [Subject]) -> Context<'c> {
        let (source, groups, meant) = (self.source, &self.groups, self.meant);
        Context { source, guild: &self.maker.guild, index: &self.maker.index, groups, about, meant }
    }

    /// Mends misspelt commands. Names are looked for as they are.
    fn mend(&mut self, tokens: &mut [Token]) {
        for token in tokens.iter_mut().filter(|token| token.is_plain()) {
            if self.maker.index.has_piece(&token.low) {
                continue;
            }
            if let Some((_, word)) = SHORT.iter().find(|(short, _)| token.low == *short) {
                (*word).clone_into(&mut token.low);
            }
            if let Some(word) = lexicon::mended(&token.low) {
                word.clone_into(&mut token.low);
                token.mended = true;
                self.heard.mended += 1;
            }
        }
    }

    fn lost(&mut self, tokens: &[Token], why: Why) {
        let trimmed = trimmed(tokens);
        // What is said of something in several places is not always in order.
        let (start, end) = (trimmed.iter().map(|t| t.start).min(), trimmed.iter().map(|t| t.end).max());
        if let (Some(start), Some(end)) = (start, end) {
            self.heard.gaps.push(Gap { start, end, why });
        }
    }

    fn sentence(&mut self, sentence: &[Token]) {
        let polite = after_politeness(sentence);
        let is_asked = sentence.last().is_some_and(|t| t.is("?"));
        let led = phrasing::without_preamble(&sentence[polite..]);
        if led.len() + polite < sentence.len() {
            let end = if is_asked { led.len() - 1 } else { led.len() };
            return self.sentence(&led[..end]);
        }
        if let Some(turned) = self.place_last(&sentence[polite..]) {
            return self.sentence(&turned);
        }
        let is_chatter = sentence.iter().skip(polite).all(|t| t.shape == Shape::Sign || t.is_any(lexicon::FILLERS));
        if is_chatter || is_greeting(sentence) {
            return;
        }
        if is_question(sentence) {
            return self.lost(sentence, Why::Unknown);
        }
        let clauses::Cut { clause, condition } = cut(sentence);
        let before = self.heard.clauses;
        if let Some(condition) =
            condition.filter(|condition| condition.first().map(|t| t.start) < clause.first().map(|t| t.start))
        {
            self.lost(condition, Why::Leftover);
        }
        let parts: Vec<Vec<Token>> = clauses(clause, self.context(&[])).into_iter().map(<[Token]>::to_vec).collect();
        let last = parts.len().saturating_sub(1);
        for (number, part) in parts.into_iter().enumerate() {
            let gaps = self.heard.gaps.len();
            if before + CLAUSES < self.heard.clauses {
                self.lost(&part, Why::Unknown);
                continue;
            }
            self.clause(&part);
            // A reason for nothing is part of it.
            let reason = clause.as_ptr_range().end != sentence.as_ptr_range().end && condition.is_none();
            if let (true, true, Some(gap)) = (reason, number == last, self.heard.gaps.get_mut(gaps))
                && gap.why == Why::Unknown
                && let Some(end) = trimmed(sentence).last()
            {
                gap.end = gap.end.max(end.end);
            }
        }
        if let Some(condition) =
            condition.filter(|condition| condition.first().map(|t| t.start) > clause.first().map(|t| t.start))
        {
            self.lost(condition, Why::Leftover);
        }
    }

    /// `in X, create a channel y` is `create a channel y in X`.
    fn place_last(&self, sentence: &[Token]) -> Option<Vec<Token>> {
        sentence.first().filter(|t| t.is_any("in under inside within"))?;
        let looked = clause::Clause::new(sentence.to_vec());
        let mention = looked.mention(self.context(&[]), 1, &clause::place)?;
        let from = mention.to + usize::from(sentence.get(mention.to).is_some_and(|t| t.is(",")));
        let rest = sentence.get(from..).filter(|rest| !rest.is_empty())?;
        let is_command = lexicon::any_verb_at(rest, after_politeness(rest)).is_some();
        let is_one = clauses(rest, self.context(&[])).len() == 1;
        let ends = rest.iter().all(|t| !t.is_any("! ?"));
        let is_text = grammar::free_text(rest).is_some();
        let makes = lexicon::verb_at(rest, after_politeness(rest), &[lexicon::Verb::Make]).is_some();
        let is_clear = mention.why.is_none()
            || makes && looked.mention(self.context(&[]), 1, &clause::category).is_some_and(|m| m.why.is_none());
        (is_command && is_clear && is_one && ends && !is_text).then(|| [rest, &sentence[..mention.to]].concat())
    }

    fn clause(&mut self, clause: &[Token]) {
        self.heard.clauses += 1;
        let inner = &clause[after_politeness(clause)..];
        let inner: Vec<Token> = inner.to_vec();
        if inner.iter().all(|t| t.shape == Shape::Sign || t.is_any(lexicon::FILLERS)) {
            return;
        }
        let inner = self.wished(inner);
        let is_text = grammar::free_text(&inner).is_some();
        let inner = phrasing::without_praise(&inner).filter(|plain| !is_text && !plain.is_empty()).unwrap_or(inner);
        if is_negated(&inner) {
            return self.lost(clause, Why::Unknown);
        }
        if self.is_guarded(&inner) {
            return self.lost(clause, Why::Refused("policy, protection and expectations are changed by hand only"));
        }
        let Some(readings) = grammar::read(&inner, self.context(&[])) else {
            self.overhear(&inner);
            return self.lost(clause, Why::Unknown);
        };
        let mut named: Vec<Subject> = Vec::new();
        let are_several = readings.len() > 1;
        let says_where = readings.iter().all(|reading| !reading.nowhere);
        if !says_where {
            return self.lost(clause, Why::Refused("say where: in which channel or category, or everywhere"));
        }
        let takes_back = readings.iter().flat_map(|reading| &reading.asks).any(|ask| self.maker.takes_back(ask));
        for reading in readings {
            named.extend(reading.groups.iter().flatten().cloned());
            if let Some(why) = self.follow(reading) {
                return self.lost(clause, Why::Refused(why));
            }
        }
        if takes_back {
            self.lost(clause, Why::Value(TAKEN_BACK));
        }
        // `both` are those of the whole clause.
        if are_several && named.len() > 1 {
            self.groups.push(named);
        }
    }

    /// `I want #chess to be read-only` is `#chess should be read-only`.
    fn wished(&self, inner: Vec<Token>) -> Vec<Token> {
        let Some(wish) = lexicon::wish_at(&inner, 0) else { return inner };
        let looked = clause::Clause::new(inner.clone());
        let context = self.context(&[]);
        let mut subject = looked.mention(context, wish, &clause::any).map(|mention| mention.to);
        // `I'd like a and b to be ...`
        while let Some(to) = subject
            && let Some(joint) = inner.get(to).filter(|t| t.is_any("and , & or")).map(|_| to + 1)
            && let Some(more) = looked.mention(context, joint, &clause::any)
        {
            subject = Some(more.to);
        }
        let all = inner.get(wish).is_some_and(|t| t.is_any("everyone everybody nobody anyone members people"));
        let Some(to) = subject.or(all.then_some(wish + 1)) else { return inner };
        let says = inner.get(to).is_some_and(|t| t.is("to")) && inner.len() > to + 1;
        if !says {
            return inner;
        }
        let mut should = inner[to].clone();
        "should".clone_into(&mut should.low);
        [&inner[wish..to], &[should], &inner[to + 1..]].concat()
    }

    /// What was spoken of in a clause that was not understood can still be meant by `it`.
    fn overhear(&mut self, clause: &[Token]) {
        let clause = clause.get(..60).unwrap_or(clause);
        // `give them a channel of their own, only they can see it`: nobody knows what `it` is.
        let is_kind = |at: usize| lexicon::kind_at(clause, at).is_some();
        let is_new =
            |at: usize| clause[at].is_any("a an new own another") && (at + 1..clause.len().min(at + 5)).any(is_kind);
        let makes =
            lexicon::verb_at(clause, 0, &[lexicon::Verb::Make]).is_some() || lexicon::wish_at(clause, 0).is_some();
        if makes || (0..clause.len()).any(is_new) {
            return self.groups.clear();
        }
        let led = |at: usize| {
            at > 0
                && clause[at - 1].is_any("in to from of under after before below above for into with by inside on at")
        };
        let mut heard = clause::Clause::new(clause.to_vec());
        let mentions = heard.mentions(self.context(&[]), 0, clause.len(), &clause::any);
        let objects: Vec<Subject> = mentions
            .into_iter()
            .filter(|m| m.why.is_none() && !m.is_pronoun && !led(m.from))
            .flat_map(|m| m.objects)
            .collect();
        if !objects.is_empty() {
            self.groups.push(objects);
        }
    }

    fn is_guarded(&self, clause: &[Token]) -> bool {
        let is_name = |at: usize| {
            let called = at > 0 && clause[at - 1].is_any("called named channel role category");
            called || self.maker.index.has_piece(&clause[at].low)
        };
        let free = grammar::free_text(clause).unwrap_or(usize::MAX);
        (0..clause.len()).any(|at| at < free && clause[at].is_any(GUARDED) && !is_name(at))
    }

    /// Makes what a clause asks; why not, when it is too much.
    fn follow(&mut self, reading: Reading) -> Option<&'static str> {
        let mut reading = reading;
        let mut made_items = Vec::new();
        for ask in std::mem::take(&mut reading.asks) {
            let made = self.maker.make(ask);
            if made.is_refused.is_some() {
                return made.is_refused;
            }
            self.heard.gaps.extend(made.gaps);
            made_items.extend(made.items);
        }
        self.heard.is_understood = true;
        self.heard.gaps.append(&mut reading.gaps);
        self.heard.assumed += usize::from(reading.assumed);
        let groups = std::mem::take(&mut reading.groups);
        self.groups.extend(groups);
        self.remember(&made_items);
        for (items, tokens) in std::mem::take(&mut reading.further) {
            self.further(&made_items, &items, &tokens);
        }
        self.heard.readings.push(reading);
        // What was spoken of long ago is not meant by `it`.
        let surplus = self.groups.len().saturating_sub(12);
        self.groups.drain(..surplus);
        None
    }

    /// What was made can be spoken of: the channels together, and then the category they are in.
    fn remember(&mut self, items: &[Vec<Subject>]) {
        let is_category = |object: &&Subject| matches!(object, Subject::Category(_));
        let (categories, others): (Vec<&Subject>, Vec<&Subject>) = items.iter().flatten().partition(is_category);
        for group in [others, categories] {
            if !group.is_empty() {
                self.groups.push(group.into_iter().cloned().collect());
            }
        }
    }

    /// A clause about what was just made.
    fn further(&mut self, made: &[Vec<Subject>], items: &[usize], tokens: &[Token]) {
        let mut about: Vec<Subject> = items.iter().filter_map(|item| made.get(*item)).flatten().cloned().collect();
        let category = made.iter().flatten().find(|object| matches!(object, Subject::Category(_))).cloned();
        // Who sees the channels of a new category is said of the category.
        let is_sight = tokens.iter().any(|t| t.is_any("see view access visible private accessible hidden"))
            && tokens.iter().all(|t| !t.is_any("write post speak talk"))
            && tokens.first().is_some_and(|t| t.is_any("only visible private accessible hidden restricted that"));
        if let (Some(category), true) = (category, is_sight) {
            let is_inside = about.iter().all(|object| match object {
                Subject::Channel(key) => self.maker.guild.category_of(key) == Some(guild::key(&category)),
                _ => false,
            });
            if is_inside {
                about = vec![category];
            }
        }
        let from = tokens
            .iter()
            .position(|t| !(t.shape == Shape::Sign || t.is_any("and with also that which both each having")))
            .unwrap_or(tokens.len());
        let tokens = &tokens[from..];
        if tokens.iter().all(|t| t.shape == Shape::Sign || t.is_any(lexicon::FILLERS)) {
            return;
        }
        let readings = grammar::read(tokens, self.context(&about));
        let free = grammar::free_text(tokens).unwrap_or(tokens.len());
        let closes = tokens.iter().take(free).any(|t| t.is_any(CLOSING));
        let is_access = |ask: &grammar::Ask| matches!(ask, grammar::Ask::Access { .. } | grammar::Ask::Open { .. });
        if closes && !readings.iter().flatten().flat_map(|reading| &reading.asks).any(is_access) {
            // Whoever asked for something closed must not get it open.
            about.iter().for_each(|object| self.maker.withdraw(object));
            return self.lost(tokens, Why::Refused("who may see it is not clear, so it is not made"));
        }
        match readings {
            None => self.lost(tokens, Why::Leftover),
            Some(readings) if readings.iter().any(|reading| reading.nowhere) => {
                self.lost(tokens, Why::Refused("say where: in which channel or category, or everywhere"));
            }
            Some(readings) => {
                for reading in readings {
                    let groups = self.groups.len();
                    self.follow(reading);
                    self.groups.truncate(groups.max(1));
                }
            }
        }
    }
}

/// `as well as` is one joining word.
fn joined(tokens: Vec<Token>) -> Vec<Token> {
    let mut all: Vec<Token> = Vec::with_capacity(tokens.len());
    let is_short = |at: usize| {
        let before = at.checked_sub(1).and_then(|at| tokens.get(at));
        let after = tokens.get(at + 1);
        tokens[at].is(".")
            && before.is_some_and(|t| t.is_any("max min approx ca incl excl") && t.end == tokens[at].start)
            && after.is_some_and(Token::is_plain)
    };
    // The full stop of `max. 12` ends nothing.
    let kept: Vec<Token> = (0..tokens.len()).filter(|at| !is_short(*at)).map(|at| tokens[at].clone()).collect();
    for token in kept.into_iter().flat_map(range) {
        let [.., first, second] = all.as_mut_slice() else {
            all.push(token);
            continue;
        };
        if first.is("as") && second.is("well") && token.is("as") {
            "and".clone_into(&mut first.low);
            first.end = token.end;
            all.pop();
            continue;
        }
        all.push(token);
    }
    all
}

/// `1-3` is `1 through 3`.
fn range(token: Token) -> Vec<Token> {
    let is_number = |text: &str| (1..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    let parts = token.low.split_once('-').filter(|(from, to)| token.is_plain() && is_number(from) && is_number(to));
    let Some((from, to)) = parts else { return vec![token] };
    let part = |low: &str, start: usize| Token {
        low: low.to_owned(),
        text: low.to_owned(),
        start,
        end: start + low.len().min(token.end - start),
        ..token.clone()
    };
    let dash = Token { end: token.start + from.len() + 1, ..part("through", token.start + from.len()) };
    vec![part(from, token.start), dash, part(to, token.start + from.len() + 1)]
}

/// `Hi team!` and the like.
fn is_greeting(sentence: &[Token]) -> bool {
    let words: Vec<&Token> = sentence.iter().filter(|t| t.shape == Shape::Word).collect();
    let greets =
        words.first().is_some_and(|t| t.is_any("hi hello hey thanks thank cheers greetings thx ty yo dear good"));
    let thanks = words.iter().any(|t| t.is_any("thanks thank thx"));
    greets
        && (words.len() <= 3 || thanks && words.len() <= 6)
        && words.iter().all(|t| t.sigil.is_none())
        && !(0..sentence.len()).any(|at| lexicon::any_verb_at(sentence, at).is_some())
}
