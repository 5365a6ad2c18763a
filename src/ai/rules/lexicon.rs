//! The words the interpreter knows.
//!
//! Decides which words mean the same. Tables only, and the little it takes to look things up in them: what sentences are
//! made of these words is for the grammar.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use crate::model::ChannelKind;

use super::words::{Token, fold, squeeze};

/// Commands. A clause begins with one, or has none at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Make,
    Remove,
    Rename,
    Move,
    Set,
    Order,
    Let,
    Stop,
    Give,
    Take,
    Hide,
    Show,
    Lock,
    Unlock,
    Off,
    On,
    Paint,
    Hoist,
}

pub(super) const VERBS: &[(Verb, &str)] = &[
    (
        Verb::Make,
        "create|add|make|set up|open up|build|start|introduce|put up|new|construct|generate|insert|prepare|spin up|\
            throw in|put in|establish|launch|spawn|whip up|stick in|pop in|chuck in|get us|get me|form|craft|slot in|found",
    ),
    (
        Verb::Remove,
        "delete|remove|drop|get rid of|erase|scrap|trash|destroy|kill|discard|axe|bin|ditch|purge|nuke|take down|wipe|\
            throw out|throw away|kill off|do away with|wipe out|toss|toss out|say goodbye to|dissolve|eliminate|chuck|chuck out|\
            take out|lose|obliterate|dump|demolish|dismantle|close down|get shot of",
    ),
    (Verb::Rename, "rename|call|retitle|relabel|title|name"),
    (
        Verb::Move,
        "move|put|place|shift|relocate|drag|transfer|push|take|bring|stick|slide|\
            drop|throw|shove|pull|send|nest|stash|reposition|tuck|shuffle|hoist up",
    ),
    (
        Verb::Set,
        "describe|set|change|update|adjust|use|apply|limit|restrict|cap|raise|lower|increase|decrease|reduce|edit|\
            configure|modify|replace|switch|auto archive|archive|notify|mark|flag|tag|turn|send|post|show|put|make|\
            clear|reset|require|bump|bump up|boost|turn up|turn down|crank up|bring up|bring down|cut|double|fix|\
            tighten|loosen|tweak|swap|keep|empty|blank|enforce|impose|pick|choose|assign",
    ),
    (Verb::Order, "order|sort|reorder|arrange"),
    (Verb::Let, "let|allow|permit|enable|grant|authorize|authorise"),
    (Verb::Stop, "stop|prevent|forbid|prohibit|disallow|deny|block|ban|bar|keep|exclude|disable"),
    (Verb::Give, "give|grant"),
    (Verb::Take, "take away|revoke|remove|take|strip|withdraw"),
    (Verb::Hide, "hide|conceal"),
    (Verb::Show, "show|unhide|reveal|open"),
    (Verb::Lock, "lock|lock down|freeze"),
    (Verb::Unlock, "unlock|unfreeze"),
    (Verb::Off, "turn off|switch off|disable|deactivate"),
    (Verb::On, "turn on|switch on|enable|activate"),
    (Verb::Paint, "colour|color|paint|recolor|recolour"),
    (Verb::Hoist, "hoist|unhoist|display|show"),
];

/// What a kind word can stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Role,
    Category,
    /// A channel of whatever kind.
    Channel,
    Of(ChannelKind),
}

const KINDS: &[(Kind, &str)] = &[
    (Kind::Role, "role|rank"),
    (Kind::Category, "category|section|channel group|channel category"),
    (Kind::Channel, "channel|chan|chat"),
    (Kind::Of(ChannelKind::Text), "text channel|text chat|chat channel|text|text room|chat room|chatroom"),
    (
        Kind::Of(ChannelKind::Voice),
        "voice channel|voice room|voice chat|voice|vc|room|talk channel|voice call|voice lounge|audio channel",
    ),
    (Kind::Of(ChannelKind::Stage), "stage|stage channel"),
    (Kind::Of(ChannelKind::Forum), "forum|forum channel"),
    (Kind::Of(ChannelKind::Announcement), "announcement channel|news channel|announcements channel|announcement"),
    (Kind::Of(ChannelKind::Media), "media channel|media|gallery channel"),
];

/// Words that mean a category and are part of its name.
pub(super) const AREAS: &str = "area section group zone corner areas sections";

/// Words that mean nothing of themselves.
pub(super) const FILLERS: &str = "please pls plz plss pleas kindly hey hi hello bot thanks thank thx ty ok okay just \
    also now asap too as well instead again right maybe simply then cheers anymore immediately quickly dear yes \
    alright so actually still already therefore finally next afterwards setai additionally furthermore";

/// What may precede a command.
pub(super) const POLITE: &str = "can you please|could you please|would you please|can you|could you|would you|\
    will you|can we get|could we get|can i get|could i get|can we have|could we have|can i have|could i have|\
    may i have|may we have|can we|could we|can i|could i|shall we|we would like you to|i would like you to|\
    i want you to|we want you to|id like you to|wed like you to|i need you to|we need you to|id like to|wed like to|\
    i would like to|we would like to|i want to|we want to|i need to|we need to|we should|you should|you can|lets|\
    let us|would you mind|i wish to|please go ahead and|go ahead and|time to|its time to|good morning|good evening|\
    good afternoon|good day|thank you very much|thank you so much|thank you|thanks a lot|many thanks|\
    thanks in advance|if you can|if possible|if you dont mind|when you have time|for me|for us|please|pls|plz|hey|hi|\
    hello|bot|ok|okay|also|now|just|then|and|to|kindly|dear|thanks|thx|finally|next|first|setai|afterwards|so|yes|yo|\
    hey bot|hi bot|hey there|hi there|hello there|hi all|hello all|hey all|hi everyone|hello everyone|hey everyone|hey guys|hi guys|hello guys|hi team|hey team|hello team|could someone|can someone|can somebody|could somebody|someone|somebody|in addition|additionally|\
    furthermore|besides|instead|after that|at last|guys|folks|uhh|uh|um|umm|hmm|lol|pretty please|oh";

/// What asks for something to be made without a command.
pub(super) const WISHES: &str = "can we get|could we get|can i get|could i get|can we have|could we have|can i have|\
    could i have|may i have|may we have|id like|wed like|i would like|we would like|i want|we want|i need|we need|\
    there should be|there must be|give us|give me|give it|get us|get me|we could use|i could use|lets have|wed love|\
    id love|we also need|we also want|i also want|i also need|i wish for|i would like to have|we would like to have|\
    id like to have|wed like to have|i want to have|we want to have|we need to have|i need to have|id like to see|\
    i would like to see|we also would like|id love to have|it would be nice to have|we should have|there needs to be|\
    we could do with|can there be|could there be|please have|let there be|we are missing|were missing|how about|\
    should have|should get|needs|gets|need|want|wants|gimme|gib|lets get|we want to get|we were hoping for|\
    were hoping for|we would love|i would love|could use|we require|id want|we d like|we are in need of|wed want|\
    we also need|we still need|i still need|we now need|requesting|would love|looking for|we are looking for|what about";

/// Before and after a name, and never part of it.
pub(super) const ARTICLES: &str = "the a an our my your this that these those its their both teh each every";

/// What joins.
pub(super) const JOINERS: &str = ", and & plus + then ; \n / but while whereas or nor — – *";

/// Small words that say how things belong together.
pub(super) const LINKS: &str = "of in to for from on at with into by be is are should has have = : will 's as an a \
    the it its his w/ get gets needs was were it's inside within under -> must shall being would been become becomes \
    every per around about do does";

pub(super) const COLOURS: &[(&str, &str)] = &[
    ("dark red", "#992d22"),
    ("dark blue", "#206694"),
    ("dark green", "#1f8b4c"),
    ("red", "#e74c3c"),
    ("blue", "#3498db"),
    ("green", "#2ecc71"),
    ("yellow", "#f1c40f"),
    ("orange", "#e67e22"),
    ("purple", "#9b59b6"),
    ("pink", "#e91e63"),
    ("teal", "#1abc9c"),
    ("turquoise", "#1abc9c"),
    ("gold", "#f1c40f"),
    ("golden", "#f1c40f"),
    ("grey", "#95a5a6"),
    ("gray", "#95a5a6"),
    ("black", "#010101"),
    ("white", "#ffffff"),
    ("navy", "#34495e"),
    ("navy blue", "#34495e"),
    ("violet", "#9b59b6"),
];

const NUMBERS: &[(&str, i64)] = &[
    ("zero", 0),
    ("no", 0),
    ("a", 1),
    ("an", 1),
    ("one", 1),
    ("two", 2),
    ("three", 3),
    ("four", 4),
    ("five", 5),
    ("six", 6),
    ("seven", 7),
    ("eight", 8),
    ("nine", 9),
    ("ten", 10),
    ("eleven", 11),
    ("twelve", 12),
    ("dozen", 12),
    ("thirteen", 13),
    ("fourteen", 14),
    ("fifteen", 15),
    ("sixteen", 16),
    ("seventeen", 17),
    ("eighteen", 18),
    ("nineteen", 19),
    ("twenty", 20),
    ("twentyfive", 25),
    ("thirty", 30),
    ("forty", 40),
    ("fortyfive", 45),
    ("fifty", 50),
    ("sixty", 60),
    ("seventy", 70),
    ("eighty", 80),
    ("ninety", 90),
    ("hundred", 100),
    ("couple", 2),
    ("pair", 2),
    ("single", 1),
    ("another", 1),
];

const UNITS: &[(&str, i64)] = &[
    ("s", 1),
    ("sec", 1),
    ("secs", 1),
    ("second", 1),
    ("seconds", 1),
    ("m", 60),
    ("min", 60),
    ("mins", 60),
    ("minute", 60),
    ("minutes", 60),
    ("h", 3600),
    ("hr", 3600),
    ("hrs", 3600),
    ("hour", 3600),
    ("hours", 3600),
    ("d", 86_400),
    ("day", 86_400),
    ("days", 86_400),
    ("w", 604_800),
    ("week", 604_800),
    ("weeks", 604_800),
    ("month", 2_592_000),
    ("months", 2_592_000),
    ("year", 31_536_000),
    ("years", 31_536_000),
];

/// Phrases by their letters.
pub(super) struct Phrases<T: 'static> {
    by_letters: BTreeMap<String, T>,
    longest: usize,
}

impl<T: Copy> Phrases<T> {
    /// `a|b c` each mean their value.
    pub(super) fn of<'p>(entries: impl IntoIterator<Item = (T, &'p str)>) -> Self {
        let mut by_letters = BTreeMap::new();
        let mut longest = 0;
        for (value, phrases) in entries {
            for phrase in phrases.split('|') {
                longest = longest.max(phrase.split(' ').count() + 1);
                by_letters.entry(letters(phrase)).or_insert(value);
            }
        }
        Self { by_letters, longest }
    }

    /// The first phrase that begins with these letters: when there is none, no further word makes one of them.
    fn beginning_with(&self, letters: &str) -> Option<(&String, &T)> {
        let from = (std::ops::Bound::Included(letters), std::ops::Bound::Unbounded);
        self.by_letters.range::<str, _>(from).next().filter(|(phrase, _)| phrase.starts_with(letters))
    }

    /// The longest phrase at a place, with how many words it has.
    pub(super) fn at(&self, tokens: &[Token], at: usize) -> Option<(T, usize)> {
        let mut squeezed = String::new();
        let mut best = None;
        for (count, token) in tokens.iter().skip(at).take(self.longest).enumerate() {
            let is_everyone = token.sigil == Some('@') && matches!(token.low.as_str(), "everyone" | "here");
            let joins =
                token.shape == super::words::Shape::Word && (token.sigil.is_none() || (is_everyone && count > 0));
            let is_first_sign = count == 0 && token.shape == super::words::Shape::Sign;
            if !joins && !is_first_sign {
                break;
            }
            squeezed.push_str(&letters(&token.low));
            let Some((first, value)) = self.beginning_with(&squeezed) else { break };
            if *first == squeezed {
                best = Some((*value, count + 1));
            }
        }
        best
    }
}

/// The letters of a phrase; of signs the signs themselves.
fn letters(text: &str) -> String {
    let squeezed = squeeze(text);
    if squeezed.is_empty() {
        text.to_owned()
    } else if text.ends_with('+') {
        format!("{squeezed}+")
    } else {
        squeezed
    }
}

static KIND_PHRASES: LazyLock<Phrases<Kind>> = LazyLock::new(|| Phrases::of(KINDS.iter().copied()));
static COLOUR_PHRASES: LazyLock<Phrases<&'static str>> =
    LazyLock::new(|| Phrases::of(COLOURS.iter().map(|(name, hex)| (*hex, *name))));
static POLITE_PHRASES: LazyLock<Phrases<()>> = LazyLock::new(|| Phrases::of([((), POLITE)]));
static WISH_PHRASES: LazyLock<Phrases<()>> = LazyLock::new(|| Phrases::of([((), WISHES)]));

/// What begins a command, by its letters.
static VERB_PHRASES: LazyLock<Phrases<()>> = LazyLock::new(|| Phrases::of(VERBS.iter().map(|(_, words)| ((), *words))));
static BY_VERB: LazyLock<Vec<(Verb, Phrases<()>)>> =
    LazyLock::new(|| VERBS.iter().map(|(verb, words)| (*verb, Phrases::of([((), *words)]))).collect());

/// How long a kind word is, in its plural or singular.
pub(super) fn kind_at(tokens: &[Token], at: usize) -> Option<(Kind, usize, bool)> {
    let first = squeeze(&tokens.get(at)?.low);
    let begins = |letters: &str| KIND_PHRASES.beginning_with(letters).is_some();
    if !begins(&first) && !begins(&fold(&first)) {
        return None;
    }
    let mut singular: Vec<Token> = tokens.iter().skip(at).take(3).cloned().collect();
    let exact = KIND_PHRASES.at(&singular, 0).map(|(kind, length)| (kind, length, false));
    let mut best = exact;
    for last in 0..singular.len() {
        let low = fold(&singular[last].low);
        if singular[last].is_plain() && low != singular[last].low {
            let kept = std::mem::replace(&mut singular[last].low, low);
            if let Some((kind, length)) = KIND_PHRASES.at(&singular[..=last], 0)
                && length == last + 1
                && best.is_none_or(|(_, longest, _)| length > longest)
            {
                best = Some((kind, length, true));
            }
            singular[last].low = kept;
        }
    }
    best
}

/// The hex code of a colour.
pub(super) fn colour_at(tokens: &[Token], at: usize) -> Option<(String, usize)> {
    let token = tokens.get(at)?;
    let hex = |text: &str| text.chars().all(|c| c.is_ascii_hexdigit());
    if token.sigil == Some('#') && hex(&token.low) {
        match token.low.len() {
            6 => return Some((format!("#{}", token.low), 1)),
            3 => return Some((format!("#{}", token.low.chars().flat_map(|c| [c, c]).collect::<String>()), 1)),
            _ => {}
        }
    }
    if token.is_quote() && token.low.strip_prefix('#').is_some_and(|rest| rest.len() == 6 && hex(rest)) {
        return Some((token.low.clone(), 1));
    }
    if let Some(digits) =
        token.low.strip_prefix("0x").filter(|digits| token.is_plain() && digits.len() == 6 && hex(digits))
    {
        return Some((format!("#{digits}"), 1));
    }
    COLOUR_PHRASES.at(tokens, at).map(|(hex, length)| (hex.to_owned(), length))
}

/// A whole number, in digits or a word.
pub(super) fn number_at(tokens: &[Token], at: usize) -> Option<(i64, usize)> {
    let token = tokens.get(at).filter(|token| token.is_plain())?;
    let digits = token.low.replace(',', "");
    if let Ok(number) = digits.parse::<i64>().map(|n| n.min(1_000_000_000)) {
        return digits.bytes().all(|b| b.is_ascii_digit()).then_some((number, 1));
    }
    let word = |word: &str| NUMBERS.iter().find(|(name, _)| *name == squeeze(word)).map(|(_, number)| *number);
    let first = word(&token.low)?;
    match tokens.get(at + 1).and_then(|next| word(&next.low)) {
        Some(next) if next >= 10 && first == 1 && matches!(token.low.as_str(), "a" | "one") => Some((next, 2)),
        Some(2) if token.low == "a" => Some((2, 2 + usize::from(tokens.get(at + 2).is_some_and(|of| of.is("of"))))),
        Some(ones @ 1..=9) if first >= 20 && first % 10 == 0 && first < 100 && tokens[at + 1].low != "a" => {
            Some((first + ones, 2))
        }
        _ => Some((first, 1)),
    }
}

/// Seconds, in one of the many ways to say it.
pub(super) fn duration_at(tokens: &[Token], at: usize) -> Option<(i64, usize)> {
    let (mut seconds, mut length) = (0, 0);
    while let Some((more, words)) = one_duration(tokens, at + length) {
        seconds += more;
        length += words;
        let and = usize::from(tokens.get(at + length).is_some_and(|token| token.is("and")));
        if tokens.get(at + length + and).is_some_and(|token| token.is("a"))
            && tokens.get(at + length + and + 1).is_some_and(|t| t.is("half"))
        {
            // `an hour and a half`
            return Some((seconds + seconds / 2, length + and + 2));
        }
        match one_duration(tokens, at + length + and) {
            Some((next, _)) if next < more => length += and,
            _ => break,
        }
    }
    (length > 0).then_some((seconds, length))
}

fn unit(word: &str) -> Option<i64> {
    UNITS.iter().find(|(name, _)| *name == word).map(|(_, seconds)| *seconds)
}

fn one_duration(tokens: &[Token], at: usize) -> Option<(i64, usize)> {
    let token = tokens.get(at).filter(|token| token.is_plain())?;
    let half = usize::from(token.is("half"));
    if half == 1 {
        let article = usize::from(tokens.get(at + 1).is_some_and(|t| t.is_any("a an")));
        let unit = unit(&tokens.get(at + 1 + article)?.low)?;
        return Some((unit / 2, 2 + article));
    }
    // `30s`, `5-minute`, `1h30m`
    let glued = token.low.trim_end_matches('.');
    if glued.starts_with(|c: char| c.is_ascii_digit()) && glued.contains(|c: char| c.is_ascii_alphabetic()) {
        return glued_duration(glued).map(|seconds| (seconds, 1));
    }
    if let Some((number, unit_word)) = token.low.split_once('-')
        && let (Some((_, number)), Some(unit)) = (NUMBERS.iter().find(|(name, _)| *name == number), unit(unit_word))
    {
        return Some((number * unit, 1));
    }
    let (number, words) = number_at(tokens, at)?;
    let seconds = unit(&tokens.get(at + words).filter(|token| token.is_plain())?.low)?;
    Some((number.saturating_mul(seconds), words + 1))
}

fn glued_duration(text: &str) -> Option<i64> {
    let mut rest = text;
    let mut seconds: i64 = 0;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let number: i64 = rest[..digits].parse().ok()?;
        rest = rest[digits..].trim_start_matches('-');
        let word = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
        seconds = seconds.saturating_add(number.saturating_mul(unit(&rest[..word])?));
        rest = &rest[word..];
    }
    Some(seconds)
}

/// True when one of these verbs stands here; how long it is.
pub(super) fn verb_at(tokens: &[Token], at: usize, verbs: &[Verb]) -> Option<usize> {
    let found = BY_VERB.iter().filter(|(verb, _)| verbs.contains(verb));
    found.filter_map(|(_, phrases)| phrases.at(tokens, at)).map(|((), length)| length).max()
}

/// Any verb at all.
pub(super) fn any_verb_at(tokens: &[Token], at: usize) -> Option<usize> {
    VERB_PHRASES.at(tokens, at).map(|((), length)| length)
}

/// What precedes a command and means nothing.
pub(super) fn polite_at(tokens: &[Token], at: usize) -> Option<usize> {
    POLITE_PHRASES.at(tokens, at).map(|((), length)| length)
}

/// A wish in the place of a command.
pub(super) fn wish_at(tokens: &[Token], at: usize) -> Option<usize> {
    WISH_PHRASES.at(tokens, at).map(|((), length)| length)
}

/// What a number counts when it is no number of things to make.
pub(super) const PEOPLE: &str = "people persons person users user members member players player guests participants \
    seats seat slots slot folks man attendees listeners kbps kbit kbits kb kbit/s kb/s";

/// True for `64 kbps`, `10 players`, `30s`: a value, and neither a name nor a quantity.
pub(super) fn is_value_at(tokens: &[Token], at: usize) -> bool {
    let is_rate = |t: &Token| {
        let digits = t.low.trim_start_matches(|c: char| c.is_ascii_digit());
        t.is_plain() && digits.len() < t.low.len() && matches!(digits, "kbps" | "kbit" | "kbits" | "kb" | "k")
    };
    let counts = || {
        let (_, length) = number_at(tokens, at)?;
        tokens.get(at + length).filter(|t| t.is_any(PEOPLE))
    };
    duration_at(tokens, at).is_some() || tokens.get(at).is_some_and(is_rate) || counts().is_some()
}

/// Words worth mending: long ones that command something or name a kind or a property.
static SPELLINGS: LazyLock<BTreeSet<&'static str>> = LazyLock::new(|| {
    let verbs = VERBS.iter().map(|(_, words)| *words);
    let kinds = KINDS.iter().map(|(_, words)| *words);
    let more =
        ["slowmode|description|topic|bitrate|private|public|channels|categories|roles|hidden|visible|mentionable|\
            permission|permissions|verification|everyone|moderators|should"];
    verbs.chain(kinds).chain(more).flat_map(|words| words.split(['|', ' '])).filter(|word| word.len() >= 5).collect()
});

/// True for a word of one of the tables, or of a permission.
pub(super) fn is_known(word: &str) -> bool {
    let tables = [FILLERS, LINKS, POLITE, WISHES, ARTICLES, AREAS];
    let in_tables = || tables.iter().any(|table| table.split(['|', ' ']).any(|known| known == word));
    let is_value = COLOURS.iter().any(|(name, _)| name.split(' ').any(|known| known == word))
        || NUMBERS.iter().any(|(name, _)| *name == word)
        || UNITS.iter().any(|(name, _)| *name == word);
    const ORDINARY: &str = "rules rule forms form stars star other older power tower party world games movies plant \
        point share great class press guild plans stories store story water under house event events unable";
    is_value || ORDINARY.split(' ').any(|known| known == word) || in_tables() || super::permits::is_word(word)
}

/// What a word was meant to be, when it is one letter away from exactly one word worth mending.
pub(super) fn mended(word: &str) -> Option<&'static str> {
    let length = word.chars().count();
    if length < 5 || SPELLINGS.contains(word) || SPELLINGS.contains(fold(word).as_str()) {
        return None;
    }
    if is_known(word) {
        return None;
    }
    // Another form of the word is no mistake.
    let form = |other: &str| word.strip_prefix(other).is_some_and(|ending| matches!(ending, "d" | "s" | "r"));
    let near =
        |other: &&&str| !form(other) && other.len().abs_diff(word.len()) <= 1 && strsim::osa_distance(other, word) == 1;
    let mut found = SPELLINGS.iter().filter(near);
    let first = found.next()?;
    // A plural is no other word.
    found.all(|other| fold(other) == fold(first)).then_some(*first)
}
