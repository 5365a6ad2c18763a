//! Requests about who sees a channel or category, and who can only read it.

use std::sync::LazyLock;

use crate::manifest::edit::Subject;
use crate::model::Permissions;

use super::super::clause::{Clause, Context, implied, is_about_contents, place};
use super::super::lexicon::{Phrases, Verb, any_verb_at, verb_at};
use super::people::People;
use super::{Ask, Grant, Reading};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sight {
    Private,
    Hidden,
    Public,
    Visible,
    ReadOnly,
    Writable,
}

static WORDS: LazyLock<Phrases<Sight>> = LazyLock::new(|| {
    Phrases::of([
        (
            Sight::Private,
            "private|privately|secret|confidential|closed|restricted|restrict|exclusive|non public|not public",
        ),
        (Sight::Hidden, "hidden|invisible|not visible|hide|unseen|conceal|no longer visible"),
        (
            Sight::Public,
            "public|open|unhide|publicly visible|unhidden|not private|no longer private|not hidden|no longer hidden",
        ),
        (Sight::Visible, "visible|accessible|available|viewable|show|reveal|shown|readable"),
        (
            Sight::ReadOnly,
            "read only|readonly|lock|locked|lock down|view only|locked down|freeze|frozen|write protected",
        ),
        (
            Sight::Writable,
            "unlock|unlocked|writable|writeable|open for writing|no longer read only|no longer locked|not read only|\
                unfreeze|not locked",
        ),
    ])
});

const VERBS: &[Verb] =
    &[Verb::Make, Verb::Set, Verb::Hide, Verb::Show, Verb::Lock, Verb::Unlock, Verb::Move, Verb::Stop];

pub(super) fn read(mut clause: Clause, context: Context<'_>) -> Option<Reading> {
    let has_verb = any_verb_at(&clause.tokens, 0).is_some();
    let verb = verb_at(&clause.tokens, 0, VERBS);
    let is_creation = clause.tokens[0].is_any("create add new build a an another");
    if (has_verb && verb.is_none()) || is_creation {
        return None;
    }
    let found =
        (0..clause.len()).find_map(|at| WORDS.at(&clause.tokens, at).map(|(sight, length)| (at, sight, length)));
    let (mut sight, mut only) = (None, false);
    if let Some((at, word, length)) = found {
        clause.take(at, at + length);
        sight = Some(word);
    }
    if clause.find("separately apart everything").is_some() {
        return None;
    }
    let start = verb.unwrap_or(0);
    clause.take(0, start);
    clause.take_phrases("one|ones");
    while let Some(at) = clause.find("only exclusively solely just reserved exclusive restricted limited") {
        let counts = !clause.tokens[at].is("just") || clause.tokens.get(at + 1).is_some_and(|t| t.is_any("for to"));
        only |= counts;
        clause.take(at, at + 1);
    }
    // `X-only`
    let limited: Vec<usize> =
        (0..clause.len()).filter(|at| clause.tokens[*at].low.ends_with("-only") && !clause.taken[*at]).collect();
    let mut limited_to = Vec::new();
    for at in limited {
        let text = clause.tokens[at].low.trim_end_matches("-only").to_owned();
        let mut bare = clause.tokens[at].clone();
        bare.text.truncate(text.len());
        bare.low = text;
        let mut probe = clause.clone();
        probe.tokens[at] = bare;
        if let Some(mention) = probe.mention(context, at, &super::super::clause::role) {
            clause = probe;
            clause.take(mention.from, mention.to);
            limited_to.push(mention);
            only = true;
        }
    }
    if sight.is_none() && !only {
        return None;
    }
    let mut people = People::find(&mut clause, context, start, usize::MAX, true);
    limited_to.into_iter().for_each(|mention| people.add(mention, false));
    let places = clause.mentions(context, start, clause.len(), &place);
    people.merge(People::find(&mut clause, context, start, usize::MAX, false));
    let mut reading = Reading::default();
    people.note(&mut reading, &clause);
    if is_about_contents(&clause, &places) {
        return None;
    }
    let is_named = !places.is_empty();
    let mut objects = reading.note(&clause, &places);
    clause.take_phrases("see|seen|by|view|channel|viewing|access|again|eyes|those|with|who|people|members");
    if !is_named {
        reading.assumed = context.about.is_empty();
        objects = implied(context, &place);
        if objects.is_empty() && clause.leftovers(true).is_empty() {
            return None;
        }
    }
    let sight = match sight {
        Some(sight) => sight,
        None if !people.is_empty() || people.has_gaps() => Sight::Private,
        None => return None,
    };
    let is_new = has_verb && clause.tokens[0].is_any("make set put open") && !is_named;
    if is_new && !clause.leftovers(true).is_empty() && clause.tokens.iter().any(|t| t.is_any("called named a an")) {
        return None;
    }
    let lost_people = people.has_gaps();
    let strangers = clause.leftovers(true);
    let is_led =
        |from: usize| clause.tokens[..from].iter().rev().take(3).any(|t| t.is_any("for to from except by and ,"));
    let seeks_people = people.is_empty() && strangers.iter().any(|(from, _)| is_led(*from));
    super::names_or_rest(
        &mut reading,
        &clause,
        is_named && !seeks_people && !strangers.is_empty() && !strangers.iter().any(|(from, _)| is_led(*from)),
    );
    if (people.is_empty() && (lost_people || seeks_people))
        || objects.is_empty()
        || (!is_named && !strangers.is_empty())
    {
        return (!reading.gaps.is_empty()).then_some(reading);
    }
    reading.asks.push(ask(sight, only, &people, objects)?);
    Some(reading)
}

fn ask(sight: Sight, only: bool, people: &People, places: Vec<Subject>) -> Option<Ask> {
    let view = Permissions::VIEW_CHANNEL;
    let send = Permissions::SEND_MESSAGES;
    let allowed = |roles: &[String], bits: Permissions| -> Vec<Grant> {
        roles.iter().map(|role| Grant { target: role.clone(), allow: bits, deny: Permissions::NONE }).collect()
    };
    let denied = |roles: &[String], bits: Permissions| -> Vec<Grant> {
        roles.iter().map(|role| Grant { target: role.clone(), allow: Permissions::NONE, deny: bits }).collect()
    };
    let everyone = ["everyone".to_owned()];
    let names_all = people.everyone || people.nobody;
    let mut exact = Permissions::NONE;
    let grants = match sight {
        Sight::Private | Sight::Visible if sight == Sight::Private || only || people.nobody => {
            let meant = [allowed(&people.roles, view), allowed(&people.exceptions, view)].concat();
            exact = if meant.is_empty() { Permissions::NONE } else { view };
            [denied(&everyone, view), meant].concat()
        }
        Sight::Hidden if people.roles.is_empty() => {
            exact = if people.exceptions.is_empty() { Permissions::NONE } else { view };
            [denied(&everyone, view), allowed(&people.exceptions, view)].concat()
        }
        Sight::Hidden => denied(&people.roles, view),
        Sight::Public | Sight::Visible if people.roles.is_empty() => {
            let opened = Ask::Open { places, permission: view };
            return people.exceptions.is_empty().then_some(opened);
        }
        Sight::Private | Sight::Public | Sight::Visible => allowed(&people.roles, view),
        Sight::ReadOnly if !people.roles.is_empty() && !names_all && only => {
            exact = send;
            [denied(&everyone, send), allowed(&people.roles, send)].concat()
        }
        Sight::ReadOnly if !people.roles.is_empty() && !names_all => denied(&people.roles, send),
        Sight::ReadOnly => {
            exact = if people.exceptions.is_empty() { Permissions::NONE } else { send };
            [denied(&everyone, send), allowed(&people.exceptions, send)].concat()
        }
        Sight::Writable if people.roles.is_empty() => return Some(Ask::Open { places, permission: send }),
        Sight::Writable if only => {
            exact = send;
            [denied(&everyone, send), allowed(&people.roles, send)].concat()
        }
        Sight::Writable => allowed(&people.roles, send),
    };
    Some(Ask::Access { places, grants, exact })
}
