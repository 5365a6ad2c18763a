//! Cuts a request into sentences and clauses.
//!
//! Decides where one request ends and the next begins, and which words around it are mere politeness.

use super::clause::{Clause, Context, any, longest_at};
use super::grammar::free_text;
use super::lexicon::{FILLERS, JOINERS, any_verb_at, kind_at, polite_at, wish_at};
use super::permits::permission_at;
use super::words::{Shape, Token};

/// Words that make a question of a sentence.
const QUESTIONS: &str = "how what whats who whos which why when where is are does did do has was were whose am";

/// Why somebody wants something, to the end of the sentence.
const REASONS: &str = "because since cause cuz bc coz";
const REASON_PHRASES: &str = "so that|in order to|due to|so people|so we|so everyone|so nobody|so they|so everybody|\
    as nobody|as we|as it|so it|as they|so members|so there";

/// What has to be so first.
const CONDITIONS: &str = "if unless until when once whenever till whilst provided";

/// Sentences, without their full stops. A question mark or an exclamation mark stays.
pub(super) fn sentences(tokens: &[Token]) -> Vec<&[Token]> {
    let mut sentences = Vec::new();
    let mut from = 0;
    let mut at = 0;
    while at < tokens.len() {
        let token = &tokens[at];
        let ends = token.shape == Shape::Sign && token.is_any(". ! ? ; \n …");
        if ends {
            let keeps = usize::from(token.is_any("! ?"));
            sentences.push(&tokens[from..at + keeps]);
            from = at + 1;
        }
        at += 1;
    }
    sentences.push(&tokens[from.min(tokens.len())..]);
    sentences.retain(|sentence| sentence.iter().any(|t| t.shape != Shape::Sign));
    sentences.into_iter().map(without_bullet).filter(|sentence| !sentence.is_empty()).collect()
}

/// A list's `-`, `*`, `1)` at the beginning.
fn without_bullet(sentence: &[Token]) -> &[Token] {
    let is_bullet = |t: &Token| {
        (t.shape == Shape::Symbol && t.text.chars().all(|c| matches!(c, '-' | '•' | '‣' | '·' | '>' | '●')))
            || t.is_any("* — – ) +")
    };
    let is_number = |t: &Token| t.is_plain() && t.low.bytes().all(|b| b.is_ascii_digit()) && t.low.len() <= 2;
    let mut from = sentence.iter().position(|t| !is_bullet(t)).unwrap_or(sentence.len());
    if sentence.get(from).is_some_and(is_number)
        && (sentence.get(from + 1).is_some_and(|t| t.is(")")) || sentence.len() == from + 1)
    {
        from += 1;
    }
    let rest = sentence.get(from..).unwrap_or_default();
    let from = rest.iter().position(|t| !is_bullet(t)).unwrap_or(rest.len());
    rest.get(from..).unwrap_or_default()
}

/// True for a question that asks for an answer, not for a change.
pub(super) fn is_question(sentence: &[Token]) -> bool {
    let from = after_politeness(sentence);
    let Some(first) = sentence.get(from) else { return false };
    let about = sentence.get(from + 1).is_some_and(|t| t.is("about")) && first.is_any("how what");
    let negated = first.is("do") && sentence.get(from + 1).is_some_and(|t| t.is_any("not away"));
    let is_asked = sentence.last().is_some_and(|t| t.is("?")) && wish_at(sentence, from).is_none();
    let asks = first.is_any("can could may should will would") && is_asked;
    (first.is_any(QUESTIONS) || asks) && !about && !negated
}

/// True for what is forbidden: `do not delete #memes`.
pub(super) fn is_negated(clause: &[Token]) -> bool {
    let Some(first) = clause.first() else { return false };
    let two = first.is("do") && clause.get(1).is_some_and(|t| t.is("not"));
    let verb = if two { 2 } else { 1 };
    let lets = clause.get(verb).is_some_and(|t| t.is_any("let allow permit give show grant hoist display"));
    (first.is_any("dont never not stop avoid") || two)
        && !lets
        && any_verb_at(clause, verb).is_some()
        && !first.is("stop")
}

/// The first word that is no politeness.
pub(super) fn after_politeness(tokens: &[Token]) -> usize {
    let mut at = 0;
    while at < tokens.len() {
        let polite = polite_at(tokens, at);
        let wish = wish_at(tokens, at);
        if wish.is_some_and(|wish| polite.is_none_or(|polite| wish >= polite)) {
            break;
        }
        let small = tokens[at].shape == Shape::Sign
            || (tokens[at].shape == Shape::Symbol && tokens.len() > at + 1)
            || tokens[at].is_any(FILLERS) && !is_mid(tokens, at);
        match polite {
            Some(length) => at += length,
            None if small => at += 1,
            None => break,
        }
    }
    at
}

/// `as` and `so` belong to what follows.
fn is_mid(tokens: &[Token], at: usize) -> bool {
    tokens[at].is_any("as right well")
}

/// A clause without what is around it: joining words, politeness, final signs.
pub(super) fn trimmed(tokens: &[Token]) -> &[Token] {
    let mut from = 0;
    loop {
        let rest = &tokens[from..];
        let polite = after_politeness(rest);
        let joined = rest.iter().skip(polite).take_while(|t| t.is_any(JOINERS)).count();
        if polite + joined == 0 {
            break;
        }
        from += polite + joined;
    }
    let mut to = tokens.len();
    let tails = [
        "thank you very much",
        "thank you so much",
        "thank you",
        "for me",
        "for us",
        "many thanks",
        "thanks a lot",
        "as well",
        "if possible",
        "if you can",
    ];
    while to > from {
        let last = &tokens[to - 1];
        let phrase = tails.iter().find_map(|phrase| {
            let words: Vec<&str> = phrase.split(' ').collect();
            let begin = to.checked_sub(words.len()).filter(|begin| *begin >= from)?;
            words.iter().enumerate().all(|(offset, word)| tokens[begin + offset].is(word)).then_some(words.len())
        });
        if let Some(length) = phrase {
            to -= length;
        } else if last.shape == Shape::Sign
            || last.is_any(FILLERS) && !last.is_any("right as so well again already still so yes actually")
            || last.is_any(JOINERS)
        {
            to -= 1;
        } else {
            break;
        }
    }
    &tokens[from..to]
}

/// What is cut off a clause: a reason, which means nothing, or a condition.
pub(super) struct Cut<'t> {
    pub(super) clause: &'t [Token],
    pub(super) condition: Option<&'t [Token]>,
}

/// Cuts reasons and conditions off a sentence.
pub(super) fn cut(sentence: &[Token]) -> Cut<'_> {
    let free = free_text(sentence).unwrap_or(usize::MAX);
    let phrase_at = |at: usize, phrases: &str| longest_at(sentence, at, phrases).is_some();
    let named = |at: usize| at > 0 && sentence[at - 1].is_any("called named to");
    let reason = (1..sentence.len())
        .find(|at| *at < free && !named(*at) && (sentence[*at].is_any(REASONS) || phrase_at(*at, REASON_PHRASES)));
    let sentence = &sentence[..reason.unwrap_or(sentence.len())];
    let polite = phrase_at(0, "if possible|if you can|if you dont mind");
    if sentence.first().is_some_and(|t| t.is_any(CONDITIONS)) && !polite {
        let comma = sentence.iter().position(|t| t.is(","));
        return match comma {
            Some(comma) => Cut { clause: &sentence[comma + 1..], condition: Some(&sentence[..comma]) },
            None => Cut { clause: sentence, condition: None },
        };
    }
    let begins = |at: usize| {
        sentence[at].is_any(CONDITIONS) || phrase_at(at, "as soon as|in case|on condition that|as long as|only if")
    };
    let is_polite =
        |at: usize| phrase_at(at, "if possible|if you can|if you dont mind|when you can|when you have time");
    // `notify people only when mentioned` says how, and not when.
    let notifies = sentence.iter().any(|t| t.is_any("notify notified notifications notification pinged"));
    let is_how =
        |at: usize| notifies && sentence.iter().skip(at).any(|t| t.is_any("mentioned mention mentions pinged"));
    let condition = (1..sentence.len()).find(|at| *at < free && !named(*at) && begins(*at) && !is_how(*at));
    match condition {
        Some(at) if is_polite(at) => Cut { clause: &sentence[..at], condition: None },
        Some(at) => Cut { clause: &sentence[..at], condition: Some(&sentence[at..]) },
        None => Cut { clause: sentence, condition: None },
    }
}

/// The clauses of a sentence, in order.
pub(super) fn clauses<'t>(sentence: &'t [Token], context: Context<'_>) -> Vec<&'t [Token]> {
    let free = free_text(sentence);
    let looked = Clause::new(sentence.to_vec());
    let mut clauses = Vec::new();
    let mut from = 0;
    let mut at = 1;
    while at < sentence.len() {
        let is_joint = sentence[at].is_any(JOINERS) || sentence[at].is_any("then — –");
        if !is_joint {
            at += 1;
            continue;
        }
        let here = &sentence[from..];
        let text = free_text(here.get(..200).unwrap_or(here)).map(|free| free + from).or(free);
        let after =
            (at..sentence.len()).find(|at| !sentence[*at].is_any(JOINERS) && !sentence[*at].is_any("then also — –"));
        let Some(after) = after else { break };
        let next = after + after_politeness(&sentence[after..]);
        if text.is_none_or(|text| at < text || text < from) && begins(sentence, &looked, from, at, next, context) {
            clauses.push(&sentence[from..at]);
            from = after;
        }
        at = after.max(at + 1);
    }
    clauses.push(&sentence[from..]);
    clauses
}

/// Words that make a clause of what comes before a joining word.
const MODALS: &str = "can may should must cannot cant shouldnt mustnt could will wont needs gets get is are";
const PROPERTIES: &str = "slowmode slow topic bitrate afk verification notifications timeout";
const STARTERS: &str = "only dont never let nobody noone";

fn begins(sentence: &[Token], looked: &Clause, from: usize, joint: usize, next: usize, context: Context<'_>) -> bool {
    let Some(token) = sentence.get(next) else { return false };
    let before = &sentence[from..joint];
    let before = before.get(..80).unwrap_or(before);
    if token.is_quote() || token.sigil.is_some() && !subject_of_modal(sentence, looked, next, context) {
        return false;
    }
    let has_command = (0..before.len().min(9)).any(|at| any_verb_at(before, at).is_some())
        || before.iter().any(|t| t.is_any(MODALS) || t.is_any(PROPERTIES));
    let may_do = before.iter().any(|t| {
        t.is_any(
            "let allow allowed can may permission permissions able stop from cannot cant give grant prevent \
            take remove revoke should forbid with permit",
        )
    });
    let is_else = sentence.iter().skip(next).take(3).any(|t| t.is("else"));
    if token.is_any(STARTERS) && next + 1 < sentence.len() && !(is_else && sentence.len() - next <= 4) {
        return has_command || token.is("let") || any_verb_at(sentence, next).is_some() && token.is("let");
    }
    if token.is("do") && sentence.get(next + 1).is_some_and(|t| t.is("not")) {
        return true;
    }
    if let Some(length) = any_verb_at(sentence, next) {
        // `kick people and delete messages` are two permissions.
        let is_permission = permission_at(sentence, next).is_some_and(|(_, words)| words >= length);
        if is_permission && may_do {
            return false;
        }
        let ends =
            sentence.get(next + length).is_none_or(|t| t.is_any(JOINERS) || t.shape == Shape::Sign && !t.is(":"));
        let named = looked.mention(context, next, &any).is_some_and(|m| {
            !m.is_pronoun
                && m.to >= next + length
                && sentence
                    .get(m.to)
                    .is_none_or(|t| t.is_any(JOINERS) || t.is_any("to -> from in") || t.shape == Shape::Sign)
        });
        let is_noun = sentence.get(next + length).is_some_and(|t| t.is_any("channel channels role roles room rooms"))
            && kind_at(sentence, next).is_none()
            && !context.index.has_piece(&token.low)
            && !token.is_any("create add delete remove make rename move new");
        let of_colour = token.is_any("colour color") && super::lexicon::colour_at(sentence, next + length).is_some();
        if of_colour {
            return false;
        }
        let noun_words = token
            .is_any("limit cap tag title label order place post colour color text open use show new start build name")
            && !followed_by_object(sentence, looked, next + length, context);
        let is_new = token.is("new") && before.iter().any(|t| t.is_any("create add make new"));
        let is_doubtful = token.mended && !followed_by_object(sentence, looked, next + length, context);
        return !is_doubtful
            && !ends
            && !named
            && !is_noun
            && (!noun_words || (token.is("use") || token.is("limit") && has_command))
            && !is_new
            && (!token.is("show") || has_command);
    }
    if wish_at(sentence, next).is_some() {
        return true;
    }
    let article = usize::from(token.is_any("the its their our a"));
    let next = next + article;
    let Some(token) = sentence.get(next) else { return false };
    let is_described = before.iter().any(|t| t.is_any("with w/"))
        && before.iter().take(6).any(|t| t.is_any("create add make new need want"));
    let is_named_later = is_described
        || before.iter().any(|t| t.is("with")) && sentence[next..].iter().any(|t| t.is_any("called named"));
    if is_named_later {
        return false;
    }
    let is_property =
        token.is_any(PROPERTIES) || (token.is("user") && sentence.get(next + 1).is_some_and(|t| t.is("limit")));
    if is_property && !token.is("slow") || (token.is("slow") && sentence.get(next + 1).is_some_and(|t| t.is("mode"))) {
        return has_command && !before.iter().any(|t| t.is_any("with"))
            || before.iter().any(|t| t.is_any("channel called add create to"))
                && token.is_any("topic slow slowmode user")
            || before.iter().any(|t| t.is_any(PROPERTIES));
    }
    // `but newcomers may not` says nothing of its own.
    let says_no = sentence.len() - next <= 6
        && sentence[next..].iter().skip(1).all(|t| {
            t.shape == Shape::Sign
                || t.is_any(MODALS)
                || t.is_any("not be able to allowed")
                || !t.is_any(JOINERS) && permission_at(std::slice::from_ref(t), 0).is_none()
        })
        && sentence[next..].iter().any(|t| t.is_any("not cannot cant mustnt shouldnt"))
        && sentence[joint].is("but");
    has_command
        && !says_no
        && !is_subject_list(before, looked, from, context)
        && subject_of_modal(sentence, looked, next - article, context)
}

/// `that only teachers` before `and parents can`: the subject is not complete yet.
fn is_subject_list(before: &[Token], looked: &Clause, from: usize, context: Context<'_>) -> bool {
    let Some(lead) = before.iter().rposition(|t| t.is_any("only that which where who except")) else { return false };
    let mut at = lead + 1;
    while at < before.len() {
        if before[at].is_any("the and , or") || before[at].is_any(FILLERS) {
            at += 1;
        } else if let Some(mention) = looked.mention(context, from + at, &any) {
            at = (mention.to - from).max(at + 1);
        } else {
            return false;
        }
    }
    lead + 1 < before.len()
}

fn followed_by_object(sentence: &[Token], looked: &Clause, at: usize, context: Context<'_>) -> bool {
    let skip = usize::from(sentence.get(at).is_some_and(|t| t.is_any("the a our in to up")));
    sentence
        .get(at + skip)
        .is_some_and(|t| t.sigil.is_some() || t.is_any("it them category channel role slow slowmode"))
        || looked.mention(context, at + skip, &any).is_some()
}

/// `recruits can`, `they should`, `helpers and moderators may`.
fn subject_of_modal(sentence: &[Token], looked: &Clause, at: usize, context: Context<'_>) -> bool {
    let mut next = at;
    let is_all = |t: &Token| t.is_any("everyone everybody they it nobody anyone members people one others");
    for _ in 0..6 {
        let Some(token) = sentence.get(next) else { return false };
        if token.is_any("can may should must cannot cant shouldnt mustnt could is are gets get needs wont") {
            return next > at;
        }
        if is_all(token) || token.is_any("the and no , also only") {
            next += 1;
        } else if let Some(mention) = looked.mention(context, next, &any) {
            next = mention.to;
        } else {
            return false;
        }
    }
    false
}
