//! Requests about the settings of the guild itself.

use crate::manifest::edit::{Subject, Value};

use super::super::clause::{Clause, Context, Why, channel, talk};
use super::super::lexicon::{FILLERS, Phrases, Verb, duration_at, number_at, verb_at};
use super::super::words::Token;
use super::{Ask, Reading};
use std::sync::LazyLock;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Setting {
    Name,
    Description,
    Verification,
    Notifications,
    AfkChannel,
    AfkTimeout,
    SystemChannel,
    RulesChannel,
    UpdatesChannel,
    Filter,
}

static SETTINGS: LazyLock<Phrases<Setting>> = LazyLock::new(|| {
    Phrases::of([
        (
            Setting::Name,
            "server name|guild name|name of the server|name of this server|name of our server|name of the guild|\
                servers name",
        ),
        (
            Setting::Description,
            "server description|guild description|description of the server|description of this server|\
                description of our server|description of the guild|servers description",
        ),
        (
            Setting::Verification,
            "level of verification|verification level|verification|server verification|verification requirement",
        ),
        (
            Setting::Notifications,
            "notifications|default notifications|notification settings|notification level|notification|\
                default notification level|default notification setting|default notification settings|\
                notification setting|notify|notified|get notifications|get notified|be notified|message notifications|default message notifications|server notifications",
        ),
        (
            Setting::AfkChannel,
            "afk channel|afk room|afk voice channel|channel for afk|afk|inactive channel|idle channel",
        ),
        (
            Setting::AfkTimeout,
            "afk timeout|afk time out|afk time|timeout|afk delay|inactivity timeout|inactive timeout|idle timeout",
        ),
        (
            Setting::SystemChannel,
            "system channel|welcome channel|welcome messages|welcome message|join messages|system messages|system messages channel|\
                system message channel|join message|welcome messages channel",
        ),
        (
            Setting::RulesChannel,
            "rules channel|rule channel|channel for rules|channel for the rules|channel of the rules",
        ),
        (
            Setting::UpdatesChannel,
            "public updates channel|community updates channel|community updates|moderator updates channel|\
                discord updates channel|public updates",
        ),
        (
            Setting::Filter,
            "explicit content filter|content filter|media filter|explicit media filter|explicit image filter",
        ),
    ])
});

static LEVELS: LazyLock<Phrases<&'static str>> = LazyLock::new(|| {
    Phrases::of([
        ("none", "none|off|no|nothing|unrestricted|lowest|disabled|turned off|without|not needed"),
        ("low", "low"),
        ("medium", "medium|moderate|middle"),
        ("high", "high"),
        ("very_high", "very high|highest|maximum|very_high|phone|max|strictest|very strict|highest possible"),
    ])
});
static NOTICES: LazyLock<Phrases<&'static str>> = LazyLock::new(|| {
    Phrases::of([
        (
            "only_mentions",
            "only on mentions|only mentions|mentions only|mentions|only for mentions|only when mentioned|\
                only if mentioned|people when mentioned|only people when mentioned|only when they are mentioned|\
                when they are mentioned|only when theyre mentioned|when theyre mentioned|only for @mentions|on mentions|\
                for mentions|if mentioned|when someone is mentioned|only if they are mentioned|only for pings|only on pings|only when pinged|only @mentions|only_mentions|when mentioned|just mentions",
        ),
        (
            "all_messages",
            "all messages|every message|all|everything|on all messages|for all messages|on every message|\
                for every message|all_messages",
        ),
    ])
});
static FILTERS: LazyLock<Phrases<&'static str>> = LazyLock::new(|| {
    Phrases::of([
        ("disabled", "off|disabled|nobody|none|no one"),
        ("members_without_roles", "members without roles|members without a role|people without roles|without roles"),
        ("all_members", "all members|everyone|everybody|all|all messages"),
    ])
});

pub(super) fn read(clause: Clause, context: Context<'_>) -> Option<Reading> {
    if let Some(reading) = away(&clause, context) {
        return Some(reading);
    }
    server_name(clause.clone(), context).or_else(|| setting(clause, context))
}

/// `AFK after half an hour`, `afk: library, 15 min`: how long, and perhaps where to.
fn away(clause: &Clause, context: Context<'_>) -> Option<Reading> {
    let mut clause = clause.clone();
    let at = (0..clause.len().min(6)).find(|at| {
        clause.tokens[*at].is_any("afk inactive idle away-from-keyboard inactivity")
            || super::super::clause::longest_at(&clause.tokens, *at, "away from keyboard").is_some()
    })?;
    let (from, seconds, length) =
        (0..clause.len()).find_map(|at| duration_at(&clause.tokens, at).map(|(value, length)| (at, value, length)))?;
    let says_after = clause.tokens.iter().any(|t| t.is_any("after : , timeout in with"));
    if !says_after || clause.tokens[at].sigil.is_some() {
        return None;
    }
    clause.take(at, at + 1);
    clause.take(from, from + length);
    clause.take_phrases(
        "afk channel|after|timeout|time out|of inactivity|members|people|users|everyone|go|goes|become|becomes|are|is|\
        considered|counts as|count as|as|set|put|make|somebody|someone|moved|move|to|into|in|with|a|of|should|be|kick in|\
        kicks in|start|starts|begins|channel|mark|marks|who|from keyboard|when|time|for|mode|status|use|the|get|gets|sent|send|them|they",
    );
    let mut reading = Reading::default();
    let mentions = clause.mentions(context, 0, clause.len(), &talk);
    let is_named = !mentions.is_empty();
    let objects = reading.note(&clause, &mentions);
    if is_named && objects.len() != 1 || !clause.leftovers(true).is_empty() {
        return None;
    }
    let mut set = |field, value| reading.asks.push(Ask::Set { objects: vec![Subject::Settings], field, value });
    if let [one] = objects.as_slice() {
        set("afk_channel", Value::from(super::super::guild::key(one)));
    }
    match TIMEOUTS.contains(&seconds) {
        true => set("afk_timeout", Value::Number(seconds)),
        false => reading.gaps.push(clause.gap(from, from + length, Why::Value(TIMEOUT))),
    }
    Some(reading)
}

/// Seconds Discord waits before somebody is away.
const TIMEOUTS: [i64; 5] = [60, 300, 900, 1800, 3600];
const TIMEOUT: &str = "Discord takes 1, 5, 15 or 30 minutes, or an hour";

/// `rename the server to X`, `call our server X`.
fn server_name(mut clause: Clause, context: Context<'_>) -> Option<Reading> {
    let verb = verb_at(&clause.tokens, 0, &[Verb::Rename])?;
    let server = (verb..clause.len().min(verb + 4)).find(|at| clause.tokens[*at].is_any("server guild discord"))?;
    let small =
        clause.tokens[verb..server].iter().all(|t| t.is_any(super::super::lexicon::ARTICLES) || t.is_any("discord"));
    if !small {
        return None;
    }
    let from = (server + 1..clause.len()).find(|at| !clause.tokens[*at].is_any("to into as : -> ="))?;
    let name = text(&clause, context, from)?;
    clause.take(0, clause.len());
    Some(set("name", Value::Text(name)))
}

fn set(field: &'static str, value: Value) -> Reading {
    let ask = Ask::Set { objects: vec![Subject::Settings], field, value };
    Reading { asks: vec![ask], ..Reading::default() }
}

/// What is in quotes, or the rest.
fn text(clause: &Clause, context: Context<'_>, from: usize) -> Option<String> {
    if let Some(quote) = clause.tokens.get(from).filter(|t| t.is_quote()) {
        return Some(quote.text.clone());
    }
    let mut to = clause.len();
    while to > from && (clause.tokens[to - 1].is_any(FILLERS) || clause.tokens[to - 1].is_any(". ! , ?")) {
        to -= 1;
    }
    let (start, end) = clause.span(from, to);
    Some(context.typed(start, end)).filter(|text| !text.is_empty())
}

fn setting(mut clause: Clause, context: Context<'_>) -> Option<Reading> {
    let (at, found, length) =
        (0..clause.len()).find_map(|at| SETTINGS.at(&clause.tokens, at).map(|(s, n)| (at, s, n)))?;
    // A channel may be called so.
    let is_named = clause.tokens[at].is_any("welcome")
        && context.index.at(&clause.tokens, at, &channel).is_some_and(|hit| hit.length < length || hit.length == 1);
    if is_named && clause.tokens.get(at + 1).is_some_and(|t| t.is("channel")) {
        return None;
    }
    let verb = verb_at(&clause.tokens, 0, &[Verb::Set, Verb::Off, Verb::On, Verb::Remove, Verb::Move, Verb::Make]);
    let is_removal = verb_at(&clause.tokens, 0, &[Verb::Remove, Verb::Off]).is_some()
        || clause.tokens[0].is_any("clear unset reset");
    let has_verb = (0..clause.len()).take(1).any(|at| super::super::lexicon::any_verb_at(&clause.tokens, at).is_some());
    if has_verb && verb.is_none() {
        return None;
    }
    clause.take(0, verb.unwrap_or(0));
    clause.take(at, at + length);
    let mut reading = Reading::default();
    let from =
        (at + length..clause.len()).find(|at| !clause.tokens[*at].is_any("to as : = -> be is should into with by"));
    match found {
        Setting::Name | Setting::Description => {
            let name = text(&clause, context, from?)?;
            Some(set(if found == Setting::Name { "name" } else { "description" }, Value::Text(name)))
        }
        Setting::Verification if is_removal => {
            let is_whole = clause.leftovers(true).is_empty();
            is_whole.then(|| set("verification_level", Value::from("none")))
        }
        Setting::Verification => choice(clause, &LEVELS, "verification_level", "there is no such level"),
        Setting::Notifications => {
            let notices = NOTICES.at(&clause.tokens, from.unwrap_or(0));
            let is_plain =
                verb.is_some() || clause.tokens.iter().any(|t| t.is_any("only on to :")) || notices.is_some();
            is_plain
                .then(|| choice(clause, &NOTICES, "default_message_notifications", "there is no such setting"))
                .flatten()
        }
        Setting::Filter => choice(clause, &FILTERS, "explicit_content_filter", "there is no such setting"),
        Setting::AfkTimeout => {
            let is_about_afk = clause.tokens[at].is_any("afk inactivity inactive idle")
                || clause.tokens[at..at + length].iter().any(|t| t.is("afk"));
            let value = (0..clause.len()).find_map(|at| {
                let free = |n: usize| clause.is_free(at, at + n);
                let duration = duration_at(&clause.tokens, at).filter(|(_, n)| free(*n));
                duration
                    .or_else(|| {
                        number_at(&clause.tokens, at).filter(|(_, n)| free(*n) && !clause.tokens[at].is_any("a an no"))
                    })
                    .map(|(v, n)| (at, v, n))
            });
            let (from, seconds, length) = value?;
            clause.take(from, from + length);
            if !is_about_afk && !clause.leftovers(true).is_empty() {
                return None;
            }
            match TIMEOUTS.contains(&seconds) {
                true => reading = set("afk_timeout", Value::Number(seconds)),
                false => reading.gaps.push(clause.gap(from, from + length, Why::Value(TIMEOUT))),
            }
            reading.rest(&clause, false, &Why::Leftover);
            Some(reading)
        }
        Setting::AfkChannel | Setting::SystemChannel | Setting::RulesChannel | Setting::UpdatesChannel => {
            let field = match found {
                Setting::AfkChannel => "afk_channel",
                Setting::SystemChannel => "system_channel",
                Setting::RulesChannel => "rules_channel",
                _ => "public_updates_channel",
            };
            clause.take_phrases("go|goes|belong|appear|post|posted|sent|use|used|move|moved|people|sends|written");
            let none = clause.take_phrases("no|none|nothing|off") || is_removal;
            let mentions = match found {
                Setting::AfkChannel => clause.mentions(context, 0, clause.len(), &talk),
                _ => clause.mentions(context, 0, clause.len(), &channel),
            };
            let objects = reading.note(&clause, &mentions);
            match objects.as_slice() {
                [one] => {
                    let key = Value::from(super::super::guild::key(one));
                    reading.asks.push(Ask::Set { objects: vec![Subject::Settings], field, value: key });
                }
                [] if none && mentions.is_empty() && found != Setting::RulesChannel => {
                    reading.asks.push(Ask::Set { objects: vec![Subject::Settings], field, value: Value::Null });
                }
                [] if mentions.is_empty()
                    && !clause.leftovers(true).is_empty()
                    && (verb.is_some() || has_be(&clause)) =>
                {
                    super::names_or_rest(&mut reading, &clause, false);
                    return Some(reading);
                }
                [] if !reading.gaps.is_empty() => return Some(reading),
                _ => return None,
            }
            reading.rest(&clause, false, &Why::Leftover);
            Some(reading)
        }
    }
}

fn has_be(clause: &Clause) -> bool {
    clause.tokens.iter().any(|t| t.is_any("be is should :"))
}

/// `from low to medium`: the value that was is passed over.
pub(super) fn take_former(clause: &mut Clause, value_at: impl Fn(&[Token], usize) -> Option<usize>) {
    let Some(from) = clause.find("from") else { return };
    let Some(length) = value_at(&clause.tokens, from + 1) else { return };
    if clause.tokens.get(from + 1 + length).is_some_and(|t| t.is("to")) {
        clause.take(from, from + 1 + length);
    }
}

/// One of a few words.
fn choice(
    mut clause: Clause,
    words: &Phrases<&'static str>,
    field: &'static str,
    why: &'static str,
) -> Option<Reading> {
    take_former(&mut clause, |tokens, at| words.at(tokens, at).map(|(_, length)| length));
    let found = (0..clause.len()).find_map(|at| {
        let (value, length) = words.at(&clause.tokens, at)?;
        clause.is_free(at, at + length).then_some((at, value, length))
    });
    let mut reading = Reading::default();
    match found {
        Some((at, value, length)) => {
            clause.take(at, at + length);
            reading = set(field, Value::from(value));
            clause.take_phrases("only|level|on|people|members|everyone|users|default|us|scan|media|new|required");
            reading.rest(&clause, false, &Why::Leftover);
        }
        None => {
            clause.take_phrases("level|default");
            if !reading.rest(&clause, true, &Why::Value(why)) {
                return None;
            }
            reading.loose = 0;
        }
    }
    Some(reading)
}
