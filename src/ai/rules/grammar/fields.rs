//! Requests about a field of roles and channels: slow mode, limits, topics, colours and their like.

use std::sync::LazyLock;

use crate::manifest::edit::{Subject, Value};
use crate::model::{Bucket, ChannelKind};

use super::super::clause::{Clause, Context, Gap, Mention, Why, channel, implied, role, talk};
use super::super::lexicon::{
    ARTICLES, Phrases, Verb, any_verb_at, colour_at, duration_at, kind_at, number_at, verb_at,
};
use super::super::words::{Shape, Token};
use super::settings::take_former;
use super::{Ask, Reading};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Slow,
    Limit,
    Bitrate,
    Nsfw,
    Safe,
    Archive,
    Topic,
    Colour,
    Hoist,
    Mention,
}

static FIELDS: LazyLock<Phrases<Field>> = LazyLock::new(|| {
    Phrases::of([
        (
            Field::Slow,
            "slow mode|slow mode delay|message cooldown|cooldown|cool down|chat delay|slow down|rate limit|slow|\
                slower|post every|posting every|write every|send every|type every|talk every|once every|post once every|\
                write once every|once per|between messages|between posts|between two messages|waiting time|message every|messages every|message per|messages per|message rate limit|slowed down",
        ),
        (
            Field::Limit,
            "user limit|member limit|limit|people limit|capacity|user cap|cap|max users|max people|max members|\
                maximum of|maximum|max|at most|up to|no more than|not more than|limited to|unlimited|limit of|\
                at maximum|limited|voice limit|player limit|member cap|a maximum of|unlimited users|room for|\
                space for",
        ),
        (Field::Bitrate, "bitrate|bit rate|audio quality|sound quality|audio bitrate|voice quality|kbps|kbit|kbits"),
        (
            Field::Nsfw,
            "nsfw|age restricted|age restriction|18+|adults only|adult only|age gate|age gated|over 18|\
                not safe for work|adult|adults|age restrict|18 plus|age limit|age restricted channel",
        ),
        (Field::Safe, "sfw|safe for work"),
        (
            Field::Archive,
            "auto archive|auto archive duration|archive|archived|automatically archive|automatically archived|\
                auto archiving|auto archive time|auto archived|archiving|archive duration|archive time",
        ),
        (Field::Topic, "describe|topic|topics|descriptions|description|channel topic|channel description|about text"),
        (Field::Colour, "colour|color|coloured|colored|uncolored|uncoloured|colourless|colorless"),
        (
            Field::Hoist,
            "hoist|hoisted|shown separately|show separately|displayed separately|display separately|separately|apart|\
                unhoist|unhoisted|listed separately|separate from online members|separate from others|separate from the others|separate from everyone else|\
                separated from others|separately from online members|\
                separately from others|separately from other members|separately from the others|\
                separately in the member list|separate in the member list|separately in the list",
        ),
        (
            Field::Mention,
            "mentionable|pingable|unmentionable|taggable|be mentioned|be pinged|be tagged|not be pinged|\
                mentionable by everyone|mentionable by anyone|pingable by everyone|unpingable|mentioned by everyone|\
                be mentioned by everyone|be pinged by everyone|be mentioned by anyone|be pinged by anyone",
        ),
    ])
});

const OFF: &str = "off no not none isnt arent shouldnt dont cant without never longer disabled removed gone default \
    cannot un stop nobody noone zero";

pub(super) fn read(clause: Clause, context: Context<'_>) -> Option<Reading> {
    topic(clause.clone(), context).or_else(|| several(clause, context))
}

fn setter(clause: &Clause) -> Option<usize> {
    // `new topic for #a: ...`
    if clause.tokens[0].is("new") && FIELDS.at(&clause.tokens, 1).is_some_and(|(field, _)| field != Field::Nsfw) {
        return Some(1);
    }
    if clause.tokens[0].is_any("create new build start") {
        return None;
    }
    let any = any_verb_at(&clause.tokens, 0);
    let own = verb_at(
        &clause.tokens,
        0,
        &[
            Verb::Set,
            Verb::Make,
            Verb::Give,
            Verb::Off,
            Verb::On,
            Verb::Paint,
            Verb::Hoist,
            Verb::Remove,
            Verb::Move,
            Verb::Let,
            Verb::Show,
            Verb::Take,
            Verb::Stop,
        ],
    );
    // `set up a lounge` makes one.
    let made = verb_at(&clause.tokens, 0, &[Verb::Make]);
    match any {
        None => Some(0),
        Some(_) => own.filter(|own| made.is_none_or(|made| made <= *own)),
    }
}

fn is_off(clause: &Clause) -> bool {
    let verb = verb_at(&clause.tokens, 0, &[Verb::Off, Verb::Remove, Verb::Take, Verb::Stop]).is_some();
    let word = clause.tokens.iter().zip(&clause.taken).any(|(t, taken)| !taken && t.is_any(OFF));
    let un = clause.tokens.iter().any(|t| {
        t.low.starts_with("un") && FIELDS.at(std::slice::from_ref(t), 0).is_some_and(|(f, _)| f != Field::Limit)
    });
    verb || word
        || un
        || clause.tokens[0].is_any("clear reset unset")
        || clause.tokens.iter().any(|t| t.is_any("colourless colorless"))
}

// ---- topics ----

/// What stands between a topic and its text.
const SEPARATORS: &str = ": to = be -> is say as saying says reads read by with";

/// Where the free text of a topic begins, when a clause sets one without quotes: from there on words are no commands.
pub(in crate::ai::rules) fn free_text(tokens: &[super::super::words::Token]) -> Option<usize> {
    let at = tokens.iter().position(|t| t.is_any("topic description describe"))?;
    let before = at.checked_sub(1).and_then(|at| tokens.get(at));
    if before.is_some_and(|t| t.is("as"))
        || tokens.iter().take(at).any(|t| t.is_any("clear remove delete no without reset unset"))
    {
        return None;
    }
    let next = tokens.get(at + 1)?;
    let is_direct =
        !next.is_any("of in for from and , on should must shall has needs will") && !next.is_any(SEPARATORS);
    let colon =
        tokens.iter().skip(at + 1).take(8).position(|t| t.is_any(": saying says that")).map(|offset| offset + at + 1);
    let to_object =
        next.is("to") && (tokens.get(at + 2)?.sigil.is_some() || tokens.get(at + 2)?.is("the")) && colon.is_some();
    if let Some(colon) = colon.filter(|_| to_object) {
        let from = colon + 1;
        return tokens.get(from).is_some_and(|t| !t.is_quote()).then_some(from);
    }
    if tokens[at].is("describe") {
        let from = tokens.iter().skip(at).position(|t| t.is_any("as :"))? + at + 1;
        return tokens.get(from).is_some_and(|t| !t.is_quote()).then_some(from);
    }
    let from = match is_direct {
        true if tokens.iter().skip(at + 1).take(6).any(|t| t.is_any("to :")) && next.sigil.is_some() => {
            tokens.iter().skip(at).position(|t| t.is_any("to :"))? + at + 1
        }
        true => at + 1,
        false => tokens.iter().skip(at + 1).position(|t| t.is_any(SEPARATORS))? + at + 2,
    };
    let from = (from..tokens.len()).find(|at| !tokens[*at].is_any("be : to say"))?;
    (!tokens.get(from)?.is_quote()).then_some(from)
}

fn posts(object: &Subject, kind: Option<ChannelKind>) -> bool {
    channel(object, kind) && kind.is_some_and(|kind| kind.has_field("topic"))
}

fn topic(mut clause: Clause, context: Context<'_>) -> Option<Reading> {
    let verb = setter(&clause)?;
    let (at, length) = (0..clause.len()).find_map(|at| match FIELDS.at(&clause.tokens, at) {
        Some((Field::Topic, length)) => Some((at, length)),
        _ => None,
    })?;
    let free = free_text(&clause.tokens);
    let is_value = |at: &usize| clause.tokens[*at].is_quote() && clause.mention(context, *at, &channel).is_none();
    if (0..clause.len()).filter(is_value).count() > 1 {
        return None;
    }
    clause.take(0, verb);
    clause.take(at, at + length);
    let mut reading = Reading::default();
    let before_as = at > verb && clause.tokens[..at].iter().rev().take(2).any(|t| t.is("as"));
    let as_at = (verb..at).rev().find(|at| clause.tokens[*at].is("as"));
    let text;
    if let Some(from) = free.filter(|_| !clause.tokens.iter().skip(at).any(|t| t.is_quote() && is_last(&clause, t))) {
        let mut to = clause.len();
        while to > from && clause.tokens[to - 1].is_any(". , \n") {
            to -= 1;
        }
        let (start, end) = clause.span(from, to);
        // `should be removed` is no text.
        let is_gone = to == from + 1
            && clause.tokens[from].is_any("removed cleared deleted empty emptied blank gone none erased nothing reset");
        text = if is_gone { Value::Null } else { Value::Text(context.typed(start, end)) };
        clause.take(from, clause.len());
        // What joins the text to what it is the topic of.
        if let Some(joint) = from.checked_sub(1).filter(|at| clause.tokens[*at].is_any(SEPARATORS)) {
            clause.take(joint, joint + 1);
        }
    } else if let Some(as_at) = as_at.filter(|_| before_as && !clause.tokens[verb].is_quote()) {
        let (start, end) = clause.span(verb, as_at);
        text = Value::Text(context.typed(start, end));
        clause.take(verb, as_at + 1);
    } else if let Some(quote) = value_quote(&clause, context) {
        text = Value::Text(clause.tokens[quote].text.clone());
        clause.take(quote, quote + 1);
    } else if is_off(&clause) {
        clause.take_phrases("no|without|off|none");
        text = Value::Null;
    } else {
        return None;
    }
    let mentions = clause.mentions(context, verb, clause.len(), &posts);
    clause.take_phrases(
        "should read|should say|should be|shall be|must be|must read|will be|shall read|has to be|new|following|channel|\
        saying|says|that says|reading|which says|should|read|back",
    );
    let is_named = !mentions.is_empty();
    let mut objects = reading.note(&clause, &mentions);
    if !is_named {
        objects = implied(context, &posts);
    }
    let strangers = super::names_or_rest(&mut reading, &clause, is_named);
    if objects.is_empty() || (!is_named && strangers) {
        return (!reading.gaps.is_empty()).then_some(reading);
    }
    reading.asks.push(Ask::Set { objects, field: "topic", value: text });
    Some(reading)
}

fn is_last(clause: &Clause, token: &super::super::words::Token) -> bool {
    clause.tokens.iter().rev().find(|t| t.shape != Shape::Sign).is_some_and(|last| std::ptr::eq(last, token))
}

/// The quote that is no object's name: the last one.
fn value_quote(clause: &Clause, context: Context<'_>) -> Option<usize> {
    let quotes: Vec<usize> =
        (0..clause.len()).filter(|at| clause.tokens[*at].is_quote() && !clause.taken[*at]).collect();
    let (last, others) = quotes.split_last()?;
    match others.last() {
        Some(first)
            if clause.mention(context, *last, &channel).is_some()
                && clause.mention(context, *first, &channel).is_none() =>
        {
            Some(*first)
        }
        _ => Some(*last),
    }
}

// ---- the others ----

/// What a field is to become.
struct Change {
    field: &'static str,
    value: Value,
    wanted: fn(&Subject, Option<ChannelKind>) -> bool,
}

fn archives(object: &Subject, kind: Option<ChannelKind>) -> bool {
    channel(object, kind) && kind.is_some_and(|kind| kind.bucket() == Bucket::Text)
}

fn several(mut clause: Clause, context: Context<'_>) -> Option<Reading> {
    let verb = setter(&clause)?;
    // `a duo voice channel, limit 2` is something new.
    let names_kind = (1..clause.len().min(5)).any(|at| {
        kind_at(&clause.tokens, at).is_some() && FIELDS.at(&clause.tokens, at).is_none() && is_plain_run(&clause, at)
    });
    if clause.tokens[0].is_any("a an another") && names_kind && context.about.is_empty() {
        return None;
    }
    let mut found: Vec<(usize, Field, usize)> = Vec::new();
    let mut at = 0;
    let paints = verb_at(&clause.tokens, 0, &[Verb::Paint]).is_some();
    while at < clause.len() {
        match FIELDS.at(&clause.tokens, at) {
            Some((field, length))
                if field != Field::Topic && !(paints && at == 0) && !is_name(&clause, context, at, field) =>
            {
                found.push((at, field, length));
                at += length;
            }
            _ => at += 1,
        }
    }
    // `one message every 30 seconds` is no limit of members.
    let is_pace = found.iter().any(|(at, field, _)| {
        *field == Field::Slow
            && clause.tokens[*at].is_any("message messages post posting write send type talk once between")
    });
    if is_pace {
        found.retain(|(_, field, _)| *field != Field::Limit);
        clause.take_phrases("limit|one|to|1|a|should|only|able|post|write|send|wait|has|have|must");
    }
    take_former(&mut clause, |tokens, at| {
        let duration = duration_at(tokens, at).map(|(_, length)| length);
        let colour = || colour_at(tokens, at).map(|(_, length)| length);
        let number = || number_at(tokens, at).map(|(_, length)| length);
        duration.or_else(colour).or_else(number)
    });
    let is_rate = |t: &Token| t.low.ends_with("kbps") && t.low.starts_with(|c: char| c.is_ascii_digit());
    if let Some(at) =
        clause.tokens.iter().position(is_rate).filter(|_| !found.iter().any(|(_, field, _)| *field == Field::Bitrate))
    {
        found.insert(0, (at, Field::Bitrate, 0));
    }
    let crowd = (0..clause.len()).find(|at| counts_people(&clause, *at));
    if let Some(at) = crowd.filter(|_| !is_pace && !found.iter().any(|(_, field, _)| *field == Field::Limit)) {
        found.push((at, Field::Limit, 0));
    }
    let off = is_off(&clause);
    let mentions_role = mentioned_role(&mut clause, context);
    clause.take(0, verb.min(clause.len()));
    for (at, _, length) in &found {
        clause.take(*at, at + length);
    }
    let mut reading = Reading::default();
    let mut changes: Vec<Change> = Vec::new();
    let mut bad: Vec<Gap> = Vec::new();
    let wanted = wanted_by(&clause, &found, paints, mentions_role.is_some());
    let mut mentions: Vec<Mention> = clause.mentions(context, verb, clause.len(), &wanted);
    if let Some(mention) = &mentions_role {
        mentions = vec![mention.clone()];
    }
    let mut seen = Vec::new();
    for (_, field, _) in &found {
        if seen.contains(field) {
            continue;
        }
        seen.push(*field);
        if !value_of(&mut clause, *field, off, &mut changes, &mut bad) {
            return None;
        }
    }
    if mentions_role.is_some() {
        changes.push(Change { field: "mentionable", value: Value::Bool(!off), wanted: role });
        clause.take_phrases("everyone|anyone|everybody|anybody|people|members|all|nobody");
    }
    let is_about_roles = paints
        || found.is_empty()
        || found.iter().any(|(_, f, _)| matches!(f, Field::Hoist | Field::Mention | Field::Colour));
    let has_colour = changes.iter().any(|change| change.field == "color");
    if is_about_roles && !has_colour {
        let colours: Vec<(usize, String, usize)> = (0..clause.len())
            .filter_map(|at| colour_at(&clause.tokens, at).map(|(hex, length)| (at, hex, length)))
            .filter(|(at, _, length)| clause.is_free(*at, at + length))
            .collect();
        if let Some((at, hex, length)) = colours.into_iter().next() {
            clause.take(at, at + length);
            changes.insert(0, Change { field: "color", value: Value::Text(hex), wanted: role });
        }
    }
    if changes.is_empty()
        && bad.is_empty()
        && !mentions.is_empty()
        && (paints || clause.tokens[0].is_any("make turn set"))
    {
        return no_such_colour(clause, &mentions, context);
    }
    if changes.is_empty() && bad.is_empty() {
        return None;
    }
    // `after #b` is where something is, and not what changes.
    let beside = |mention: &Mention| {
        let before = mention.from.checked_sub(1).map(|at| &clause.tokens[at]);
        !mention.is_pronoun && before.is_some_and(|t| t.is_any("after before below above behind beneath beside next"))
    };
    if mentions.iter().any(beside) {
        return None;
    }
    // Another value is another request.
    let has_value = changes.iter().any(|change| matches!(change.value, Value::Number(1..)));
    let is_more = (0..clause.len()).any(|at| {
        !clause.taken[at]
            && (clause.tokens[at].is_any("none zero off unlimited") && found.len() == 1 && mentions.len() > 1
                || duration_at(&clause.tokens, at).is_some()
                || counts_people(&clause, at))
    });
    // `#a and #b, none for #c`
    let begins_again = (1..clause.len()).any(|at| {
        let is_value =
            clause.tokens[at].is_any("none off zero unlimited no") || duration_at(&clause.tokens, at).is_some();
        let led = clause.tokens[at - 1].is_any(", and but ;");
        let around = mentions.iter().any(|m| m.to < at) && mentions.iter().any(|m| m.from > at);
        is_value && led && around && found.len() == 1
    });
    // `#a as 18+, #b not`
    let ends_in_no = mentions.len() > 1
        && clause.tokens.last().is_some_and(|t| t.is_any("not no off"))
        && clause.tokens.iter().any(|t| t.is_any(", and but"))
        && mentions.iter().any(|m| found.first().is_some_and(|(at, ..)| m.from > *at))
        && mentions.iter().any(|m| found.first().is_some_and(|(at, ..)| m.to <= *at));
    // `#a pingable, but not #b`
    let not_both = (1..clause.len()).any(|at| {
        clause.tokens[at].is_any("not except")
            && mentions.iter().any(|m| m.to <= at)
            && mentions.iter().any(|m| m.from == at + 1)
    });
    if has_value && is_more || begins_again || ends_in_no || not_both {
        reading.loose += 1;
    }
    if changes.iter().any(|change| change.field == "user_limit") {
        clause.take_phrases(
            "man|slots|seats|slot|seat|folks|listeners|join|enter|connect|be in|be inside|fit in|get in|go in|at once|at a time|at the same time|inside|in each|\
            simultaneously|may|should|be|able|to|in there|in it|there|each|apiece|per room|per channel|total|in total|\
            room|more|than|than that|there is|space|hold up|allowed",
        );
    }
    clause.take_phrases(
        "from online members|from others|from other members|from the others|from the rest|\
        from everyone else|in the member list|showing|displaying|listing|hoisting",
    );
    clause.take_phrases(
        "no more|off|on|no|not|longer|disabled|enabled|without|separately|each|mode|members list|member list|\
        dont|cant|shouldnt|isnt|arent|people|users|members|players|person|can|may|anymore|any more|again|messages|\
        message|threads|posts|thread|post|after|inactivity|of inactivity|colour|color|none|seconds|voice|able|\
        channel|role|removed|limit|show|shown|display|displayed|default|it|cannot|never|allow|allowed|let|mention|\
        only|guests|participants|one|between|delay|everyone|everybody|hold|holds|fit|fits|take|takes|every|have|quality|bit|kind|a|\
        value|listed|up|down",
    );
    let is_named = !mentions.is_empty();
    let mut objects = reading.note(&clause, &mentions);
    if !is_named {
        reading.assumed = context.about.is_empty();
        let first = changes.first().map_or(wanted, |change| change.wanted);
        objects = implied(context, &first);
    }
    let has_bad = !bad.is_empty();
    reading.gaps.extend(bad);
    let strangers = super::names_or_rest(&mut reading, &clause, is_named);
    if !is_named && (strangers || objects.is_empty()) {
        return (!objects.is_empty() || strangers || has_bad).then_some(reading);
    }
    if objects.is_empty() {
        return (!reading.gaps.is_empty()).then_some(reading);
    }
    for Change { field, value, wanted } in changes {
        let objects: Vec<Subject> = objects.iter().filter(|o| wanted(o, context.guild.kind(o))).cloned().collect();
        if !objects.is_empty() {
            reading.asks.push(Ask::Set { objects, field, value });
        }
    }
    (!reading.asks.is_empty() || !reading.gaps.is_empty()).then_some(reading)
}

/// Nothing but words stands before it.
fn is_plain_run(clause: &Clause, to: usize) -> bool {
    clause.tokens[..to].iter().all(|t| t.is_plain() && !t.is_any("of for in on with to from should is be"))
        && (0..to).all(|at| FIELDS.at(&clause.tokens, at).is_none() && number_at(&clause.tokens, at.max(1)).is_none())
}

/// `10 players`
fn counts_people(clause: &Clause, at: usize) -> bool {
    let number = number_at(&clause.tokens, at).filter(|_| !clause.tokens[at].is_any("a an no another one"));
    let is_each = |next: usize| {
        clause.tokens.get(next).is_some_and(Token::is_plain)
            && clause.tokens.get(next + 1).is_some_and(|t| t.is("each"))
    };
    let is_led = at > 0 && clause.tokens[at - 1].is("for");
    if number.is_some_and(|(_, length)| is_led && is_each(at + length) && clause.is_free(at, at + length)) {
        return true;
    }
    number.is_some_and(|(_, length)| {
        clause.tokens.get(at + length).is_some_and(|t| {
            t.is_any(
                "man people persons person users members player players guests participants seats slots folks listeners",
            )
        }) && clause.is_free(at, at + length)
    })
}

/// A field's word that is part of an object's name, such as `archive`.
fn is_name(clause: &Clause, context: Context<'_>, at: usize, field: Field) -> bool {
    let led = at > 0 && clause.tokens[at - 1].is_any("the to in of into from");
    let named = || {
        clause
            .mention(context, at, &super::super::clause::any)
            .is_some_and(|m| m.fit == super::super::names::Fit::Exact && !m.is_pronoun)
    };
    clause.tokens[at].sigil.is_some()
        || clause.tokens[at].is_quote()
        || (matches!(field, Field::Archive) && led && named())
}

fn wanted_by(
    clause: &Clause,
    found: &[(usize, Field, usize)],
    paints: bool,
    mentions_role: bool,
) -> fn(&Subject, Option<ChannelKind>) -> bool {
    let _ = clause;
    match found.first().map(|(_, field, _)| *field) {
        _ if paints || mentions_role => role,
        Some(Field::Slow | Field::Nsfw | Field::Safe) => channel,
        Some(Field::Limit | Field::Bitrate) => talk,
        Some(Field::Archive) => archives,
        Some(Field::Topic) => posts,
        Some(Field::Colour | Field::Hoist | Field::Mention) | None => role,
    }
}

/// `anyone can mention helpers`: the role that is mentioned.
fn mentioned_role(clause: &mut Clause, context: Context<'_>) -> Option<Mention> {
    let at = (1..clause.len()).find(|at| clause.tokens[*at].is_any("mention ping tag"))?;
    let all = "anyone everyone everybody anybody people nobody members noone anyone all";
    let subject = clause.tokens[..at].iter().any(|t| t.is_any(all));
    let may = clause.tokens[..at].iter().any(|t| t.is_any("can may let allow able should cant cannot nobody stop"));
    // `a role which anybody can mention`
    let is_last = at + 1 == clause.len() || clause.tokens[at + 1..].iter().all(|t| t.shape == Shape::Sign);
    let new: Vec<Subject> = implied(context, &role);
    if is_last && subject && may && !context.about.is_empty() && !new.is_empty() {
        let mention = Mention::standing_for(at, new);
        clause.take(at, at + 1);
        return Some(mention);
    }
    let mention = clause.mention(context, at + 1, &role).filter(|m| subject && may && m.why.is_none())?;
    if mention.objects.contains(&Subject::Role("everyone".to_owned()))
        || clause.tokens.get(mention.to).is_some_and(|t| t.is_any("in"))
    {
        return None;
    }
    clause.take(at, mention.to);
    Some(mention)
}

/// `make newcomers chartreuse`
fn no_such_colour(clause: Clause, mentions: &[Mention], context: Context<'_>) -> Option<Reading> {
    if mentions.iter().any(|mention| mention.why.is_some()) {
        return None;
    }
    let is_role = mentions.iter().flat_map(|m| &m.objects).all(|o| role(o, context.guild.kind(o)));
    let runs = clause.leftovers(true);
    let [(from, to)] = runs.as_slice() else { return None };
    if !is_role || to - from > 2 || clause.tokens[*from].is_any("mentionable private public admin administrator") {
        return None;
    }
    let mut reading = Reading::default();
    reading.note(&clause, mentions);
    reading.gaps.push(clause.gap(*from, *to, Why::Value("there is no such colour")));
    reading.loose = 1;
    Some(reading)
}

/// Finds the value of a field; false when it has none, so that the field was not what is asked about.
fn value_of(clause: &mut Clause, field: Field, off: bool, changes: &mut Vec<Change>, bad: &mut Vec<Gap>) -> bool {
    let mut change = |field, value, wanted| changes.push(Change { field, value, wanted });
    match field {
        Field::Slow => match duration(clause).or_else(|| number(clause)) {
            Some((from, to, seconds)) if seconds > 21_600 => {
                bad.push(clause.gap(from, to, Why::Value("slow mode goes up to six hours")));
            }
            Some((.., seconds)) => change("rate_limit_per_user", Value::Number(seconds), channel),
            None if off => change("rate_limit_per_user", Value::Number(0), channel),
            None => return false,
        },
        Field::Limit => {
            let unlimited = clause.tokens.iter().any(|t| t.is_any("unlimited"));
            match number(clause) {
                Some((from, to, limit)) if limit > 99 => {
                    let people =
                        clause.tokens.get(to).is_some_and(|t| t.is_any("people users members players persons guests"));
                    let to = to + usize::from(people);
                    clause.take(from, to);
                    bad.push(clause.gap(from, to, Why::Value("a voice channel takes up to 99")));
                }
                Some((.., limit)) => change("user_limit", Value::Number(limit), talk),
                None if off || unlimited => change("user_limit", Value::Number(0), talk),
                None => return false,
            }
        }
        Field::Bitrate => {
            let Some((from, to, rate)) = number_glued(clause) else { return false };
            let unit = clause.tokens.get(to).is_some_and(|t| t.is_any("kbps kbit kbits kb k kbit/s kb/s"));
            let end = to + usize::from(unit);
            clause.take(from, end);
            let bits = if rate < 1000 { rate.saturating_mul(1000) } else { rate };
            match (8_000..=384_000).contains(&bits) {
                true => change("bitrate", Value::Number(bits), talk),
                false => bad.push(clause.gap(from, end, Why::Value("Discord takes 8 to 384 kbps"))),
            }
        }
        Field::Nsfw => change("nsfw", Value::Bool(!off), channel),
        Field::Safe => change("nsfw", Value::Bool(off), channel),
        Field::Archive => {
            let Some((from, to, seconds)) = duration(clause) else { return false };
            match [60, 1440, 4320, 10_080].contains(&(seconds / 60)) && seconds % 60 == 0 {
                true => change("default_auto_archive_duration", Value::Number(seconds / 60), archives),
                false => {
                    bad.push(clause.gap(from, to, Why::Value("Discord takes an hour, a day, three days or a week")));
                }
            }
        }
        Field::Topic => return false,
        Field::Colour => {
            let colour = (0..clause.len()).find_map(|at| {
                let (hex, length) = colour_at(&clause.tokens, at)?;
                clause.is_free(at, at + length).then_some((at, hex, length))
            });
            match colour {
                Some((at, hex, length)) => {
                    clause.take(at, at + length);
                    change("color", Value::Text(hex), role);
                }
                None if off => change("color", Value::Null, role),
                None => {
                    let runs = clause.leftovers(true);
                    let Some((from, to)) = runs.last() else { return false };
                    clause.take(*from, *to);
                    bad.push(clause.gap(*from, *to, Why::Value("there is no such colour")));
                }
            }
        }
        Field::Hoist => change("hoist", Value::Bool(!off), role),
        Field::Mention => change("mentionable", Value::Bool(!off), role),
    }
    true
}

fn duration(clause: &mut Clause) -> Option<(usize, usize, i64)> {
    let found = (0..clause.len()).find_map(|at| {
        let (seconds, length) = duration_at(&clause.tokens, at)?;
        clause.is_free(at, at + length).then_some((at, at + length, seconds))
    })?;
    clause.take(found.0, found.1);
    Some(found)
}

fn number(clause: &mut Clause) -> Option<(usize, usize, i64)> {
    let found = (0..clause.len()).find_map(|at| {
        let (number, length) = number_at(&clause.tokens, at)?;
        let is_article = clause.tokens[at].is_any(ARTICLES) || clause.tokens[at].is_any("no another single");
        (clause.is_free(at, at + length) && !is_article).then_some((at, at + length, number))
    })?;
    clause.take(found.0, found.1);
    Some(found)
}

/// A number that may have its unit at its end: `96kbps`.
fn number_glued(clause: &mut Clause) -> Option<(usize, usize, i64)> {
    if let Some(found) = number(clause) {
        return Some(found);
    }
    (0..clause.len()).find_map(|at| {
        let low = &clause.tokens[at].low;
        let digits = low.len() - low.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let is_rate = matches!(&low[digits..], "kbps" | "kbit" | "k" | "kb" | "kbits") && !clause.taken[at];
        let number = low[..digits].parse::<i64>().ok().filter(|_| is_rate)?;
        Some((at, at + 1, number.min(1_000_000)))
    })
}
