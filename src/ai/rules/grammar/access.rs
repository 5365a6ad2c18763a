//! Requests about who may do what, in a channel or everywhere.

use crate::ai::EntityKind;
use crate::model::Permissions;

use super::super::clause::{Clause, Context, Mention, Why, implied, place, role};
use super::super::lexicon::{Verb, is_value_at, verb_at};
use super::super::permits::{NOUNS, permission_at};
use super::people::People;
use super::{Ask, Grant, Reading};

/// Says yes.
const MAY: &str = "can may could able allowed permitted gets get has have free";
/// Says no.
const NOT: &str = "not cannot cant never mustnt shouldnt wont couldnt arent isnt dont doesnt without forbidden \
    longer unable neither no disallowed prohibited nor blocked banned barred prevented \
    stopped excluded kept denied refused hardly";
const IN: &str = "in inside into on to within under from at";

/// Says in words that the whole guild is meant.
const EVERYWHERE: &str = "on the whole server|on the entire server|in the whole server|in the entire server|\
    across the whole server|across the entire server|across the server|throughout the server|for the whole server|\
    on this server|on the server|in the server|in this server|on our server|guild-wide|guildwide|guild wide|\
    server-wide|serverwide|server wide|in every channel|in all channels|in any channel|in all the channels|\
    in every single channel|everywhere|anywhere|by default|globally|on all channels|in the guild|on the guild";

/// A permission, where it stands and whether it is given.
struct Said {
    bits: Permissions,
    from: usize,
    to: usize,
    is_given: bool,
}

pub(super) fn read(mut clause: Clause, context: Context<'_>) -> Option<Reading> {
    let tokens = &clause.tokens;
    let gives = verb_at(tokens, 0, &[Verb::Let, Verb::Give, Verb::On]);
    let stops = verb_at(tokens, 0, &[Verb::Stop, Verb::Off, Verb::Take]);
    // `5 people may join` and `post every 10 seconds` are fields.
    let is_pace = (0..tokens.len()).any(|at| is_value_at(tokens, at));
    if tokens[0].is_any("we i you me us") || is_pace {
        return None;
    }
    let dont = tokens[0].is_any("dont never") || (tokens[0].is("do") && tokens.get(1).is_some_and(|t| t.is("not")));
    let after_dont = if tokens[0].is("do") { 2 } else { 1 };
    let dont_let =
        dont.then(|| verb_at(tokens, after_dont, &[Verb::Let, Verb::Give])).flatten().map(|length| length + after_dont);
    if dont && dont_let.is_none() {
        return None;
    }
    let adds = tokens[0].is("add") && tokens.iter().any(|t| t.is_any("to for")) && {
        let from = (1..tokens.len()).find(|at| !tokens[*at].is_any("the a an")).unwrap_or(1);
        let next =
            |length: usize| tokens.get(from + length).is_some_and(|t| t.is_any("to for and ,") || t.is_any(NOUNS));
        permission_at(tokens, from).is_some_and(|(_, length)| next(length))
    };
    let makes_able = tokens[0].is("make") && tokens.iter().any(|t| t.is_any("able unable"));
    let gives = gives.or((adds || makes_able).then_some(1));
    let only_let =
        tokens[0].is("only").then(|| verb_at(tokens, 1, &[Verb::Let, Verb::Give])).flatten().map(|length| length + 1);
    let modal = tokens.iter().any(|t| {
        t.is_any(
            "can may should cannot cant must mustnt shouldnt could allowed able permitted forbidden may gets \
            get has wont shall permission permissions have need needs rights unable",
        )
    });
    let nobody = tokens.iter().any(|t| t.is_any("nobody noone")) || clause.find_phrase("no one").is_some();
    let is_about_new = !context.about.is_empty();
    let no_links = (tokens[0].is("no") && !tokens.get(1).is_some_and(|t| t.is("one")))
        || (tokens[0].is("only") && tokens.len() > 1);
    let bare = is_about_new || no_links || tokens.iter().any(|t| t.is("not"));
    if gives.is_none() && stops.is_none() && dont_let.is_none() && only_let.is_none() && !modal && !nobody && !bare {
        return None;
    }
    let needs_from = tokens[0].is_any("ban block keep bar exclude");
    if needs_from && !tokens.iter().any(|t| t.is("from")) {
        return None;
    }
    let verb = [dont_let, only_let, gives, stops].into_iter().flatten().max().unwrap_or(0);
    let base = dont_let.is_none() && (only_let.is_some() || gives.is_some() || stops.is_none());
    let base = base && !(no_links && tokens[0].is("no"));
    clause.take(0, verb);
    if no_links && only_let.is_none() {
        clause.take(0, usize::from(clause.tokens[0].is("no")));
    }
    let else_nobody = clause.take_phrases(
        "and nobody else|and no one else|nobody else|no one else|but nobody else|but no one else|noone else",
    );
    let only = only_let.is_some() || else_nobody || is_only(&clause);
    clause.take_phrases("away from");
    let is_everywhere = takes_everywhere(&mut clause);
    // Channels that follow `in` are places, whatever they are called.
    let mut places: Vec<Mention> = Vec::new();
    for at in verb..clause.len().saturating_sub(1) {
        let looks = clause.tokens[at].is("at") && at > 0 && clause.tokens[at - 1].is("look");
        if looks || !clause.tokens[at].is_any(IN) || clause.taken[at] || permission_at(&clause.tokens, at).is_some() {
            continue;
        }
        let is_somebody = |m: &Mention| {
            let somebody = clause.mention(context, at + 1, &role).is_some_and(|r| !r.is_pronoun || m.is_pronoun);
            clause.tokens[at].is_any("to from") && m.why.is_none() && somebody
        };
        let found = clause.mention(context, at + 1, &place).filter(|m| !is_somebody(m));
        if let Some(mention) = found {
            places.extend(clause.mentions(context, at + 1, mention.to, &place));
            clause.take(at, at + 1);
            rest_of_list(&mut clause, context, mention.to, &mut places);
        }
    }
    // `recruits can't see officers`: what is seen is a place, though a role is called so.
    for at in verb..clause.len().saturating_sub(1) {
        let sees = clause.tokens[at].is_any("see view read access join enter visit") && !clause.taken[at];
        let both = || {
            let somebody = clause.mention(context, at + 1, &role).filter(|m| !m.is_pronoun);
            clause.mention(context, at + 1, &place).filter(|m| !m.is_pronoun && somebody.is_some())
        };
        if let Some(mention) = sees.then(both).flatten() {
            clause.take(mention.from, mention.to);
            places.push(mention);
        }
    }
    let others = but_others(&mut clause, context, verb);
    let said = permissions(&mut clause, context, verb, base);
    let mut people = People::find(&mut clause, context, verb, usize::MAX, false);
    // `let a write and b read`: each has its own.
    let interleaved = |mention: &Mention| {
        let led = mention.from.checked_sub(1).and_then(|at| clause.tokens.get(at));
        let led = led.is_some_and(|t| t.is_any("from for to by of except but than"));
        let before = said.iter().any(|said| said.to <= mention.from);
        let after = said.iter().any(|said| said.from >= mention.to);
        !led && before && after
    };
    if people.mentions.iter().any(interleaved) {
        return None;
    }
    people.merge(others);
    places.extend(clause.mentions(context, verb, clause.len(), &place));
    clause.take_phrases(
        "blocked|banned|barred|prevented|stopped|excluded|kept|denied|refused|permission|permissions|rights|right|access|ability|only|able|unable|allowed|permitted|not|can|may|\
        should|cannot|cant|must|mustnt|shouldnt|could|longer|no longer|forbidden|away|without|has|have|gets|get|but|\
        be|anymore|any more|new|themselves|there|also|neither|nor|who|which|that|do|possible|never|shall|wont|\
        anything|any|following|everywhere|no|need|needs|to",
    );
    let has_noun = clause.tokens.iter().any(|t| t.is_any(NOUNS));
    let names_all = clause.tokens.iter().any(|t| t.is_any("nothing everything"));
    let shuts_out = needs_from || clause.tokens[0].is_any("exclude keep");
    if said.is_empty() && shuts_out && !places.is_empty() && !people.is_empty() && clause.leftovers(true).is_empty() {
        let mut reading = Reading::default();
        people.note(&mut reading, &clause);
        let objects = reading.note(&clause, &places);
        let shut = Said { bits: Permissions::VIEW_CHANNEL, from: 0, to: 1, is_given: false };
        let grants = grants(&[shut], &people, false);
        reading.asks.push(Ask::Access { places: objects, grants, exact: Permissions::NONE });
        return Some(reading);
    }
    if said.is_empty() {
        let strangers = clause.leftovers(true);
        let gives_things = gives.is_some() && clause.tokens[0].is_any("give grant");
        let is_speech = (gives.is_some() || dont_let.is_some() || only_let.is_some() || (modal && stops.is_none()))
            && !people.is_empty();
        if names_all || !is_speech || (gives_things && !has_noun) || strangers.is_empty() {
            return None;
        }
        let mut reading = Reading::default();
        people.note(&mut reading, &clause);
        reading.note(&clause, &places);
        reading.rest(&clause, true, &Why::Value("there is no such permission"));
        reading.loose = 1;
        return Some(reading);
    }
    if names_all {
        return None;
    }
    let mut reading = Reading::default();
    let is_refused = |said: &Said| said.bits.contains(Permissions::ADMINISTRATOR) && said.is_given;
    for refused in said.iter().filter(|said| is_refused(said)) {
        reading.gaps.push(clause.gap(refused.from, refused.to, Why::Refused("administrator is never granted")));
    }
    let spans = said.iter().map(|said| (EntityKind::Permission, clause.span(said.from, said.to)));
    reading.others.extend(spans);
    let is_named = !people.is_empty() || people.has_gaps();
    if !is_named && !only {
        let roles = implied(context, &role);
        let is_apt = is_about_new && !roles.is_empty();
        if is_apt {
            people.roles = roles.iter().map(|role| super::super::guild::key(role).to_owned()).collect();
        } else if clause.leftovers(true).is_empty()
            && (stops.is_some() || gives.is_some() || no_links || !places.is_empty())
            && !is_about_new
        {
            people.everyone = true;
        }
    }
    let seeks_people = people.is_empty();
    people.note(&mut reading, &clause);
    let mut objects = reading.note(&clause, &places);
    // A later clause about something new: `recruits can read it`.
    if places.is_empty() {
        let made = implied(context, &place);
        let is_new = is_about_new && !made.is_empty();
        if is_new {
            objects = made;
        }
    }
    let strangers = clause.leftovers(true);
    // `substitute teachers` are no teachers, and nobody knows what a word between them and what they may do changes.
    let part_of_name = people.mentions.iter().find_map(|mention| {
        let (from, _) = strangers.iter().find(|(_, to)| *to == mention.from && *to == mention.name.0)?;
        Some((*from, mention.name.1))
    });
    if let Some((from, to)) = part_of_name {
        let gaps = vec![clause.gap(from, to, Why::NotFound)];
        return Some(Reading { gaps, loose: 1, ..Reading::default() });
    }
    let lost = if seeks_people || !strangers.is_empty() && is_list_like(&clause, &strangers) {
        Why::NotFound
    } else {
        Why::Leftover
    };
    match lost {
        Why::NotFound => reading.rest(&clause, true, &lost),
        _ => reading.rest(&clause, false, &lost),
    };
    let lost_place = !places.is_empty() && objects.is_empty();
    let said = read_only(&clause, said);
    let exact = exact(&said, &people, only);
    let grants = grants(&said, &people, only);
    if grants.is_empty() || lost_place {
        return (!reading.gaps.is_empty()).then_some(reading);
    }
    // Nobody opens or closes the whole guild by leaving a place out.
    let is_everywhere = is_everywhere || names_everyone_role(&clause);
    let is_for_all = only || grants.iter().any(|grant| grant.target == "everyone");
    let is_of_channels = said.iter().all(|said| CHANNELS.contains(said.bits));
    let is_general = has_noun || clause.tokens[0].is_any("give grant revoke take strip withdraw add remove");
    if objects.is_empty() && !is_everywhere && (is_for_all || is_of_channels && !is_general) {
        objects = implied(context, &place);
        if objects.is_empty() && is_for_all {
            reading.nowhere = true;
            return Some(reading);
        }
    }
    reading.asks.push(match objects.is_empty() {
        true => Ask::Everywhere { grants },
        false => Ask::Access { places: objects, grants, exact },
    });
    Some(reading)
}

/// `in all channels`, but not `in all channels of Hobbies`.
fn takes_everywhere(clause: &mut Clause) -> bool {
    let found = EVERYWHERE.split('|').filter_map(|phrase| clause.find_phrase(phrase));
    let is_all = |to: usize| clause.tokens.get(to).is_none_or(|t| !t.is_any("of in inside under within below"));
    let found: Vec<(usize, usize)> = found.filter(|(_, to)| is_all(*to)).collect();
    found.iter().for_each(|(from, to)| clause.take(*from, *to));
    !found.is_empty()
}

/// What is mostly said of a channel.
const CHANNELS: Permissions = Permissions::VIEW_CHANNEL
    .with(Permissions::SEND_MESSAGES)
    .with(Permissions::READ_MESSAGE_HISTORY)
    .with(Permissions::CONNECT)
    .with(Permissions::SPEAK);

/// `@everyone`, `the everyone role`: the role is meant, and not whoever there is.
fn names_everyone_role(clause: &Clause) -> bool {
    let is_all = |at: usize| clause.tokens.get(at).is_some_and(|t| t.low == "everyone" && !t.is_quote());
    (0..clause.len()).any(|at| {
        let is_role = |at: usize| clause.tokens.get(at).is_some_and(|t| t.is("role"));
        let pings = at.checked_sub(1).is_some_and(|at| clause.tokens[at].is_any("mention ping use tag notify at"));
        is_all(at) && (is_role(at + 1) || at > 0 && is_role(at - 1) || clause.tokens[at].sigil.is_some() && !pings)
    })
}

/// What nobody else has afterwards.
fn exact(said: &[Said], people: &People, only: bool) -> Permissions {
    let bits = |said: &Said| said.bits.without(Permissions::ADMINISTRATOR);
    let all = said.iter().map(bits).fold(Permissions::NONE, Permissions::with);
    let denied = said.iter().filter(|said| !said.is_given).map(bits).fold(Permissions::NONE, Permissions::with);
    let names_some = !people.roles.is_empty() || !people.exceptions.is_empty();
    match () {
        () if only && !people.roles.is_empty() || people.nobody && names_some => all,
        () if people.everyone && !people.exceptions.is_empty() => denied,
        () => Permissions::NONE,
    }
}

/// `but newcomers may not`: for whom the opposite holds.
fn but_others(clause: &mut Clause, context: Context<'_>, from: usize) -> People {
    let Some(but) = (from + 1..clause.len())
        .find(|at| clause.tokens[*at].is_any("but while and") && !clause.taken[*at] && ends_in_no(clause, *at))
    else {
        return People::default();
    };
    let mut others = People::find(clause, context, but + 1, clause.len(), false);
    others.exceptions.append(&mut others.roles);
    clause.take(but, clause.len());
    others
}

fn ends_in_no(clause: &Clause, but: usize) -> bool {
    let rest = &clause.tokens[but + 1..];
    let modal = rest.iter().position(|t| t.is_any("can may cannot cant should shouldnt must mustnt not"));
    modal.is_some_and(|modal| {
        modal > 0
            && rest[modal..].iter().any(|t| t.is_any("not cannot cant shouldnt mustnt"))
            && rest[modal..].iter().all(|t| {
                t.shape == super::super::words::Shape::Sign
                    || t.is_any("can may not cannot cant should shouldnt must mustnt be able to allowed")
            })
    })
}

/// `may only read` is said of what somebody may not.
fn read_only(clause: &Clause, said: Vec<Said>) -> Vec<Said> {
    let [one] = said.as_slice() else { return said };
    let reads = clause.tokens.get(one.from).is_some_and(|t| t.is("read"));
    let only = one.from.checked_sub(1).and_then(|at| clause.tokens.get(at)).is_some_and(|t| t.is_any("only just"));
    match reads && only && one.is_given {
        true => vec![Said { bits: Permissions::SEND_MESSAGES, is_given: false, ..*one }],
        false => said,
    }
}

/// Strangers in a list of roles are names; others are beside the request.
fn is_list_like(clause: &Clause, strangers: &[(usize, usize)]) -> bool {
    strangers.iter().all(|(from, _)| {
        let before = from.checked_sub(1).and_then(|at| clause.tokens.get(at));
        before.is_some_and(|t| t.is_any("and , or & in the to for from"))
    })
}

fn is_only(clause: &Clause) -> bool {
    (0..clause.len()).any(|at| {
        let next_verb = clause.tokens.get(at + 1).is_some_and(|_| permission_at(&clause.tokens, at + 1).is_some());
        clause.tokens[at].is_any("only exclusively") && !next_verb
    })
}

fn rest_of_list(clause: &mut Clause, context: Context<'_>, from: usize, places: &mut Vec<Mention>) {
    let mut at = from;
    loop {
        let joint = (at..clause.len()).take_while(|at| clause.tokens[*at].is_any(", and & or")).count();
        let next = at + joint;
        let more = (joint > 0).then(|| clause.mention(context, next, &place)).flatten();
        // `in #a and members can` goes on with somebody else.
        let is_role = clause.mention(context, next, &role).is_some_and(|m| !m.is_pronoun);
        match more.filter(|m| !m.is_pronoun && !is_role) {
            Some(mention) => {
                let to = mention.to;
                places.extend(clause.mentions(context, next, to, &place));
                at = to;
            }
            None => return,
        }
    }
}

/// All permissions of a clause, each given or taken.
fn permissions(clause: &mut Clause, context: Context<'_>, from: usize, base: bool) -> Vec<Said> {
    let mut all = Vec::new();
    let mut is_given = base;
    let mut since_not = false;
    let mut at = from;
    while at < clause.len() {
        if clause.taken[at] {
            at += 1;
            continue;
        }
        let token = &clause.tokens[at];
        let is_object = token.sigil.is_some() && !token.is("everyone");
        let named = || {
            let mention = clause
                .mention(context, at, &place)
                .filter(|m| !m.is_pronoun && m.fit == super::super::names::Fit::Exact);
            let words = permission_at(&clause.tokens, at).map_or(0, |(_, n)| n);
            // `music` the channel, but `write` the word: a verb after somebody is a verb.
            mention
                .filter(|m| {
                    m.to - m.from >= words
                        && at > from
                        && clause.tokens[at - 1].is_any("the in see read view access join")
                })
                .map(|m| m.to)
        };
        if let Some(end) = named() {
            at = end.max(at + 1);
            continue;
        }
        let found = permission_at(&clause.tokens, at).filter(|(_, n)| clause.is_free(at, at + n) && !is_object);
        if let Some((bits, length)) = found {
            let end = at + length;
            let noun = clause.tokens.get(end).is_some_and(|t| t.is_any(NOUNS));
            let is_admin = bits.contains(Permissions::ADMINISTRATOR);
            all.push(Said { bits, from: at, to: end, is_given });
            clause.take(at, end + usize::from(noun && !is_admin));
            since_not = false;
            at = end + usize::from(noun && !is_admin);
            continue;
        }
        let token = &clause.tokens[at];
        if token.is_any(NOT) {
            is_given = false;
            since_not = true;
        } else if token.is_any("but") || (token.is_any("can may") && !since_not) {
            is_given = token.is("but") || base || !all.is_empty() || token.is_any(MAY);
        }
        at += 1;
    }
    all
}

fn grants(said: &[Said], people: &People, only: bool) -> Vec<Grant> {
    let usable = || said.iter().filter(|said| !(said.is_given && said.bits.contains(Permissions::ADMINISTRATOR)));
    let sum = |is_given: bool| -> Permissions {
        usable()
            .filter(|said| said.is_given == is_given)
            .map(|said| said.bits)
            .fold(Permissions::NONE, Permissions::with)
    };
    let (allow, deny) = (sum(true), sum(false));
    if allow.is_empty() && deny.is_empty() {
        return Vec::new();
    }
    let grant = |target: &str, allow, deny| Grant { target: target.to_owned(), allow, deny };
    let mut grants = Vec::new();
    if only && !people.roles.is_empty() {
        let bits = allow.with(deny);
        grants.push(grant("everyone", Permissions::NONE, bits));
        grants.extend(people.roles.iter().chain(&people.exceptions).map(|role| grant(role, bits, Permissions::NONE)));
        return grants;
    }
    if people.nobody {
        let bits = allow.with(deny);
        grants.push(grant("everyone", Permissions::NONE, bits));
        grants.extend(people.exceptions.iter().chain(&people.roles).map(|role| grant(role, bits, Permissions::NONE)));
        return grants;
    }
    if people.everyone {
        grants.push(grant("everyone", allow, deny));
    }
    grants.extend(people.roles.iter().map(|role| grant(role, allow, deny)));
    grants.extend(people.exceptions.iter().map(|role| grant(role, deny, allow)));
    grants
}
