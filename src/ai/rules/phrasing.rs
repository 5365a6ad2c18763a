//! Other words for the same request.
//!
//! Decides how a clause is said in the words the grammar knows: the passive, wishes, praise, `loses` and `keep out of`. A
//! clause that is understood as it stands is never said again. Every word keeps its place in the request.

use super::clause::longest_at;
use super::lexicon::{VERBS, any_verb_at, wish_at};
use super::words::{Shape, Token};

type Step = fn(&[Token]) -> Option<Vec<Token>>;

/// The clause said otherwise, step by step: each begins with what the one before came to.
pub(super) fn variants(tokens: &[Token]) -> Vec<Vec<Token>> {
    const STEPS: &[Step] = &[
        without_praise,
        without_wish,
        from_gerund,
        without_emphasis,
        from_passive,
        from_going,
        from_naming,
        from_losing,
        from_keeping_out,
        from_emptying,
        from_purpose,
    ];
    let mut all: Vec<Vec<Token>> = Vec::new();
    for step in STEPS {
        let now = all.last().map_or(tokens, Vec::as_slice);
        if let Some(next) = step(now).filter(|next| !next.is_empty()) {
            all.push(next);
        }
    }
    all
}

/// A sentence without what leads to the request and means nothing: `it would be nice if you could`.
pub(super) fn without_preamble(sentence: &[Token]) -> Vec<Token> {
    const ASKS: &str = "if you could|if you would|if we could|if someone could|if somebody could|to|if you can|if youd";
    const HAS: &str = "to have|if we had|if there was|if there were|if we could have|if we could get|to get|if we got";
    const JUDGED: &str =
        "it would be|itd be|it would be very|it would be really|it might be|would be|it is|it would also be";
    let praised = || {
        let length = longest_at(sentence, 0, JUDGED)?;
        sentence.get(length).filter(|t| t.is_any(PRAISE))?;
        Some(length + 1)
    };
    if let Some(from) = praised() {
        if let Some(length) = longest_at(sentence, from, HAS) {
            let rest = sentence.get(from + length..).unwrap_or_default();
            return [&[word(&sentence[0], "we"), word(&sentence[1], "want")], rest].concat();
        }
        if let Some(length) = longest_at(sentence, from, ASKS) {
            return sentence.get(from + length..).unwrap_or_default().to_vec();
        }
    }
    match longest_at(sentence, 0, PREAMBLES) {
        Some(length) if length < sentence.len() => sentence[length..].to_vec(),
        _ => sentence.to_vec(),
    }
}

const PRAISE: &str = "good nice great cool lovely awesome helpful better best useful ideal perfect handy appreciated \
    wonderful amazing fine sweet brilliant fantastic neat welcome";

const PREAMBLES: &str = "i was wondering if you could|i was wondering whether you could|i wonder if you could|\
    would it be possible to|is it possible to|is there any chance you could|is there a chance you could|\
    any chance you could|any chance you can|any chance we could|any chance we can|could you be so kind as to|\
    would you be so kind as to|please be so kind as to|be so kind as to|be so kind and|i would appreciate it if you could|\
    id appreciate it if you could|wed appreciate it if you could|id be grateful if you could|\
    i would be grateful if you could|please make sure that|please make sure|make sure that|make sure|ensure that|\
    please ensure that|please ensure|ensure|see to it that|i think we should|i think you should|we think we should|\
    maybe we should|perhaps we should|maybe you could|perhaps you could|maybe|perhaps|feel free to|\
    do me a favor and|do me a favour and|do us a favor and|do us a favour and|quick one|one more thing|quick request|\
    small request|request|id rather|i would rather|wed rather|the plan is to|the idea is to|what we need is|\
    all we need is|what i need is|what we want is|what i want is|i need someone to|we need someone to|\
    im asking you to|it is time to|its about time to|it is about time to|please can you|pls can you|please could you|\
    can you please also|help me|please help me|your task|task|todo|to do|as discussed|as agreed|as we agreed|\
    from now on|as of now|as of today|starting today|starting now|effective immediately|i suggest we|i suggest you|\
    i propose we|i propose to|we decided to|weve decided to|we have decided to|we agreed to|our team wants to|\
    the team wants to|the mods want to|the team would like to|mods want to|im going to need you to|i am trying to|\
    im trying to|we are trying to|need you to|want you to|gonna need you to|try to|go on and|be a dear and";

fn word(like: &Token, low: &str) -> Token {
    Token { low: low.to_owned(), text: low.to_owned(), shape: Shape::Word, sigil: None, ..like.clone() }
}

/// `a slow mode of 10 seconds would be good in #a`
pub(super) fn without_praise(tokens: &[Token]) -> Option<Vec<Token>> {
    const WOULD: &str =
        "would be|would be really|would be very|might be|would be so|would also be|would really be|will be";
    const ENOUGH: &str = "is needed|are needed|is wanted|are wanted|is required|are required|would help|would do|\
        will do|is missing|are missing|would be much appreciated|would be a good idea|would be a nice touch|\
        is what we need|are what we need|is called for|is overdue";
    (1..tokens.len()).find_map(|at| {
        let praised = longest_at(tokens, at, WOULD)
            .filter(|length| tokens.get(at + length).is_some_and(|t| t.is_any(PRAISE)))
            .map(|length| length + 1);
        let length = praised.or_else(|| longest_at(tokens, at, ENOUGH))?;
        let more = longest_at(tokens, at + length, "to have|to see|please|for us").unwrap_or(0);
        Some([&tokens[..at], &tokens[at + length + more..]].concat())
    })
}

/// `we want to rename …`, `how about renaming …`
fn without_wish(tokens: &[Token]) -> Option<Vec<Token>> {
    let wish = wish_at(tokens, 0)?;
    let next = tokens.get(wish)?;
    let is_verb = base_of(next).is_some() || any_verb_at(tokens, wish).is_some();
    let is_field = tokens[wish..].iter().take(4).any(|t| t.is_any("slowmode slow limit cap bitrate topic"));
    if is_field {
        return Some(tokens[wish..].to_vec());
    }
    (is_verb && !next.is_any("new set open media text show bar cap title name place post tag use mark kick"))
        .then(|| tokens[wish..].to_vec())
}

/// `renaming #a to b`
fn from_gerund(tokens: &[Token]) -> Option<Vec<Token>> {
    let base = base_of(tokens.first()?)?;
    Some([&[word(&tokens[0], &base)], &tokens[1..]].concat())
}

/// The command of `renaming`.
fn base_of(token: &Token) -> Option<String> {
    let stem = token.low.strip_suffix("ing").filter(|stem| token.is_plain() && stem.len() >= 2)?;
    let doubled = stem.char_indices().next_back().map(|(at, _)| &stem[..at]).unwrap_or_default();
    let is_verb = |word: &str| {
        VERBS.iter().flat_map(|(_, words)| words.split('|')).any(|verb| verb.split(' ').next() == Some(word))
    };
    [stem.to_owned(), format!("{stem}e"), doubled.to_owned()].into_iter().find(|word| is_verb(word))
}

/// `the whole tournament category`
fn without_emphasis(tokens: &[Token]) -> Option<Vec<Token>> {
    let is_empty = |at: usize| {
        let named = at > 0 && tokens[at - 1].is_any("called named titled to");
        let counts = tokens.get(at + 1).is_some_and(|t| t.shape != Shape::Sign);
        tokens[at].is_any("whole entire complete actual respective corresponding said") && !named && counts
    };
    let kept: Vec<Token> = (0..tokens.len()).filter(|at| !is_empty(*at)).map(|at| tokens[at].clone()).collect();
    (kept.len() < tokens.len()).then_some(kept)
}

const PARTICIPLES: &[(&str, &str)] = &[
    ("removed", "remove"),
    ("deleted", "delete"),
    ("dropped", "remove"),
    ("erased", "remove"),
    ("scrapped", "remove"),
    ("renamed", "rename"),
    ("retitled", "rename"),
    ("called", "call"),
    ("named", "call"),
    ("moved", "move"),
    ("shifted", "move"),
    ("relocated", "move"),
    ("transferred", "move"),
    ("put", "put"),
    ("placed", "place"),
    ("brought", "bring"),
    ("positioned", "move"),
    ("dragged", "move"),
    ("created", "create"),
    ("added", "add"),
    ("made", "make"),
    ("set", "set"),
    ("changed", "change"),
    ("limited", "limit"),
    ("restricted", "restrict"),
    ("capped", "cap"),
    ("raised", "raise"),
    ("lowered", "lower"),
    ("increased", "raise"),
    ("reduced", "lower"),
    ("bumped", "raise"),
    ("locked", "lock"),
    ("unlocked", "unlock"),
    ("hidden", "hide"),
    ("unhidden", "unhide"),
    ("opened", "open"),
    ("closed", "close"),
    ("given", "give"),
    ("granted", "give"),
    ("denied", "deny"),
    ("stripped", "strip"),
    ("marked", "mark"),
    ("flagged", "flag"),
    ("turned", "turn"),
    ("switched", "switch"),
    ("sorted", "sort"),
    ("ordered", "order"),
    ("coloured", "colour"),
    ("colored", "colour"),
    ("painted", "paint"),
    ("cleared", "clear"),
    ("emptied", "clear"),
    ("taken", "take"),
    ("disabled", "disable"),
    ("enabled", "enable"),
    ("kept", "keep"),
    ("blocked", "block"),
    ("banned", "ban"),
    ("prevented", "prevent"),
    ("stopped", "stop"),
    ("forbidden", "forbid"),
];

/// `#a should be renamed to b`
fn from_passive(tokens: &[Token]) -> Option<Vec<Token>> {
    const BE: &str = "should be|must be|has to be|have to be|needs to be|need to be|can be|is to be|are to be|gets|get|\
        could be|ought to be|shall be|may be|will be|should get|should now be|can now be|should all be|should both be|\
        should also be|can get|should please be|is now|must now be|wants to be|to be|should be getting|must get|\
        should no longer be|is being|are being|can please be|could please be";
    (1..tokens.len()).find_map(|at| {
        let length = longest_at(tokens, at, BE)?;
        let participle = tokens.get(at + length)?;
        let (_, base) = PARTICIPLES.iter().find(|(word, _)| participle.is(word))?;
        let is_not = tokens[at..at + length].iter().any(|t| t.is_any("no not"));
        if is_not {
            return None;
        }
        let verb = word(participle, base);
        Some([&[verb], &tokens[..at], &tokens[at + length + 1..]].concat())
    })
}

/// `english can go`
fn from_going(tokens: &[Token]) -> Option<Vec<Token>> {
    const GO: &str = "can go|must go|should go|has to go|have to go|needs to go|need to go|may go|can go away";
    let (at, _) = (1..tokens.len())
        .find_map(|at| longest_at(tokens, at, GO).filter(|length| at + length == tokens.len()).map(|n| (at, n)))?;
    Some([&[word(&tokens[at], "remove")], &tokens[..at]].concat())
}

/// `give #a the name b`, `the new name of #a is b`
fn from_naming(tokens: &[Token]) -> Option<Vec<Token>> {
    let name = tokens.iter().position(|t| t.is("name"))?;
    if tokens.iter().take(name + 4).any(|t| t.is_any("server guild")) {
        return None;
    }
    let rename = |object: &[Token], to: &Token, text: &[Token]| {
        let is_whole = !object.is_empty() && !text.is_empty();
        is_whole.then(|| [&[word(&tokens[0], "rename")], object, &[word(to, "to")], text].concat())
    };
    let small = "the a new another its their";
    let before = (0..name).rev().take_while(|at| tokens[*at].is_any(small)).last().unwrap_or(name);
    let after = (name + 1..tokens.len()).find(|at| !tokens[*at].is_any(": of =")).unwrap_or(tokens.len());
    if tokens[0].is_any("give assign") && before > 1 {
        return rename(&tokens[1..before], &tokens[name], &tokens[after..]);
    }
    // `#a should have the name b`, `#a needs the new name b`
    let has = (1..before).find(|at| {
        longest_at(tokens, *at, "should have|should get|gets|needs|shall have|must have")
            .is_some_and(|n| at + n == before)
    });
    if let Some(has) = has {
        return rename(&tokens[..has], &tokens[name], &tokens[after..]);
    }
    // `the new name of #a is b`
    if before == 0 && tokens.get(name + 1).is_some_and(|t| t.is_any("of for")) {
        let is = (name + 2..tokens.len()).find(|at| tokens[*at].is_any("is : = should shall becomes will"))?;
        let text = (is + 1..tokens.len()).find(|at| !tokens[*at].is_any("be :"))?;
        return rename(&tokens[name + 2..is], &tokens[is], &tokens[text..]);
    }
    // `#a's new name is b`
    let of = before.checked_sub(1).filter(|at| tokens[*at].is("'s"))?;
    let text = (name + 1..tokens.len()).find(|at| !tokens[*at].is_any("is : = should shall be will becomes"))?;
    (text > name + 1).then(|| rename(&tokens[..of], &tokens[name], &tokens[text..])).flatten()
}

/// `helpers lose manage messages`, `#art loses its topic`
fn from_losing(tokens: &[Token]) -> Option<Vec<Token>> {
    const LOSE: &str = "lose|loses|should lose|must lose|will lose|can lose|shall lose|have to lose|has to lose|\
        should now lose|can now lose|need to lose|needs to lose";
    let (at, length) = (1..tokens.len()).find_map(|at| longest_at(tokens, at, LOSE).map(|length| (at, length)))?;
    let small = (at + length..tokens.len()).take_while(|at| tokens[*at].is_any("its their the")).count();
    let rest = tokens.get(at + length + small..)?;
    let is_field =
        rest.iter().any(|t| t.is_any("topic description slowmode slow limit bitrate colour color tag tags cap"));
    Some(match is_field {
        true => [&[word(&tokens[at], "remove")], rest, &[word(&tokens[at], "from")], &tokens[..at]].concat(),
        false => [&[word(&tokens[at], "deny")], &tokens[..at], rest].concat(),
    })
}

/// `keep newcomers out of #a`, `close #a to newcomers`
fn from_keeping_out(tokens: &[Token]) -> Option<Vec<Token>> {
    let first = tokens.first()?;
    let hide = |object: &[Token], from: &Token, people: &[Token]| {
        let is_whole = !object.is_empty() && !people.is_empty();
        is_whole.then(|| [&[word(first, "hide")], object, &[word(from, "from")], people].concat())
    };
    if first.is_any("keep shut lock leave") {
        let out = (1..tokens.len()).find(|at| longest_at(tokens, *at, "out of|away from").is_some())?;
        return hide(&tokens[out + 2..], &tokens[out], &tokens[1..out]);
    }
    if first.is("close") {
        let to = (1..tokens.len()).find(|at| tokens[*at].is_any("to for from"))?;
        let object = if tokens[to - 1].is("off") { &tokens[1..to - 1] } else { &tokens[1..to] };
        return hide(object, &tokens[to], &tokens[to + 1..]);
    }
    None
}

/// `empty the topic of #a`, `take the tag x out of #a`
fn from_emptying(tokens: &[Token]) -> Option<Vec<Token>> {
    let first = tokens.first()?;
    let is_field = tokens.iter().any(|t| t.is_any("topic description tag tags limit slowmode colour color"));
    if !is_field {
        return None;
    }
    if first.is_any("empty blank erase wipe unset void strip") {
        return Some([&[word(first, "clear")], &tokens[1..]].concat());
    }
    if first.is_any("take pull get strike cross") {
        let (out, length) = (1..tokens.len())
            .find_map(|at| longest_at(tokens, at, "out of|off of|off|away from|out from|out").map(|n| (at, n)))?;
        let verb = word(first, "remove");
        let is_led = tokens[out..out + length].iter().any(|t| t.is_any("of from off"));
        let from = if is_led { vec![word(&tokens[out], "from")] } else { Vec::new() };
        return Some([&[verb], &tokens[1..out], &from, &tokens[out + length..]].concat());
    }
    None
}

/// `the power to kick`, `the chance to write`
fn from_purpose(tokens: &[Token]) -> Option<Vec<Token>> {
    const POWER: &str = "the power to|the ability to|the right to|the rights to|the permission to|the permissions to|\
        permission to|power to|the chance to|the possibility to|the option to|rights to|the freedom to|the means to";
    let (at, length) = (1..tokens.len()).find_map(|at| longest_at(tokens, at, POWER).map(|length| (at, length)))?;
    // The word stays, so that it is known to be a permission of the whole guild.
    let right = word(&tokens[at + length - 1], "permission");
    Some([&tokens[..at], &tokens[at + length..], &[right]].concat())
}
