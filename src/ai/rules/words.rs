//! A request as words.
//!
//! Decides where words begin and end and which characters belong to none. Positions count characters, as people do.
//! Knows nothing of what words mean.

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Letters and digits, with what may stand inside a word.
    Word,
    /// Something in quotes or backticks: it is meant literally.
    Quote,
    /// A sign that joins or ends: `,` `.` `:` and their like.
    Sign,
    /// Anything else, such as an emoji.
    Symbol,
}

/// A word or a sign.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub(super) shape: Shape,
    /// What was typed, without quotes and `#` or `@`.
    pub(super) text: String,
    /// How it is compared: lower case without apostrophes; mended when it was misspelt.
    pub(super) low: String,
    /// `#` or `@` before it.
    pub(super) sigil: Option<char>,
    /// Where it begins, in characters, with its sigil or quote.
    pub(super) start: usize,
    /// Where it ends.
    pub(super) end: usize,
    /// A spelling mistake was mended.
    pub(super) mended: bool,
}

impl Token {
    /// True for this word or sign, not in quotes.
    pub(super) fn is(&self, word: &str) -> bool {
        self.shape != Shape::Quote && self.sigil.is_none() && self.low == word
    }

    /// True for one of these words, which have spaces between them.
    pub(super) fn is_any(&self, words: &str) -> bool {
        self.shape != Shape::Quote && self.sigil.is_none() && words.split(' ').any(|word| word == self.low)
    }

    pub(super) fn is_quote(&self) -> bool {
        self.shape == Shape::Quote
    }

    /// True when nothing but its letters decides what it is.
    pub(super) fn is_plain(&self) -> bool {
        self.shape == Shape::Word && self.sigil.is_none()
    }
}

/// The letters and digits of a text in lower case: how names are compared.
pub(super) fn squeeze(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The singular of a squeezed word, as far as its ending shows it.
pub(super) fn fold(word: &str) -> String {
    let long = word.chars().count() > 3;
    if let Some(stem) = word.strip_suffix("ies").filter(|_| long && word.len() > 4) {
        return format!("{stem}y");
    }
    for ending in ["sses", "shes", "ches", "xes"] {
        if long && word.ends_with(ending) {
            return word[..word.len() - 2].to_owned();
        }
    }
    match word.strip_suffix('s') {
        Some(stem) if long && !stem.ends_with('s') => stem.to_owned(),
        _ => word.to_owned(),
    }
}

/// What ends with `'s` and is no possessive.
const WHOLE: &str = "let's it's that's there's who's what's here's how's where's she's he's";

const QUOTES: &[(char, char)] = &[('"', '"'), ('“', '”'), ('„', '“'), ('«', '»'), ('`', '`'), ('\'', '\''), ('‘', '’')];

/// Takes a text apart.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let mut reader = Reader { chars: &chars, at: 0, tokens: Vec::new(), no_quote: [usize::MAX; QUOTES.len()] };
    while reader.at < chars.len() {
        reader.step();
    }
    reader.tokens
}

struct Reader<'t> {
    chars: &'t [char],
    at: usize,
    tokens: Vec<Token>,
    /// From where on no closing quote of a kind is left, so that each is looked for once.
    no_quote: [usize; QUOTES.len()],
}

impl Reader<'_> {
    fn peek(&self, offset: usize) -> Option<char> {
        self.chars.get(self.at + offset).copied()
    }

    fn step(&mut self) {
        let Some(c) = self.peek(0) else { return };
        let start = self.at;
        if c == '\n' {
            self.push(Shape::Sign, "\n".to_owned(), None, start, start + 1);
        } else if c.is_whitespace() {
            self.at += 1;
        } else if let Some(end) = self.quoted(c) {
            let text = self.chars[start + 1..end].iter().collect();
            self.push(Shape::Quote, text, None, start, end + 1);
        } else if matches!(c, '#' | '@') && self.peek(1).is_some_and(|next| !next.is_whitespace() && !is_sign(next)) {
            self.word(start, start + 1, Some(c));
        } else if c.is_alphanumeric() {
            self.word(start, start, None);
        } else if let Some((arrow, length)) = self.arrow() {
            self.push(Shape::Sign, arrow.to_owned(), None, start, start + length);
        } else if is_sign(c) {
            self.push(Shape::Sign, c.to_string(), None, start, start + 1);
        } else {
            let end = (start..self.chars.len())
                .find(|at| {
                    self.chars[*at].is_whitespace() || self.chars[*at].is_alphanumeric() || is_sign(self.chars[*at])
                })
                .unwrap_or(self.chars.len());
            // An emoji and a dash before letters are one name: `🎮-games`.
            let joins = end > start + 1 || c != '-';
            let goes_on = joins && self.chars.get(end).is_some_and(|c| c.is_alphanumeric());
            if goes_on && end > start && matches!(self.chars[end - 1], '-' | '_' | '・' | '│' | '|' | '┃') {
                self.word(start, start, None);
            } else {
                self.push(Shape::Symbol, self.chars[start..end].iter().collect(), None, start, end.max(start + 1));
            }
        }
    }

    fn push(&mut self, shape: Shape, text: String, sigil: Option<char>, start: usize, end: usize) {
        let low = text.to_lowercase().replace(['\'', '’'], "");
        self.tokens.push(Token { shape, text, low, sigil, start, end, mended: false });
        self.at = end;
    }

    /// The place of the closing quote, when a quote begins here.
    fn quoted(&mut self, open: char) -> Option<usize> {
        let (kind, (_, close)) = QUOTES.iter().enumerate().find(|(_, (begin, _))| *begin == open)?;
        let before = self.at.checked_sub(1).and_then(|at| self.chars.get(at));
        let is_apostrophe = matches!(open, '\'' | '‘');
        if (is_apostrophe && before.is_some_and(|c| c.is_alphanumeric())) || self.at >= self.no_quote[kind] {
            return None;
        }
        // An apostrophe inside a word closes nothing.
        let closes = |at: usize| {
            self.chars[at] == *close
                && !(is_apostrophe && self.chars.get(at + 1).is_some_and(|next| next.is_alphanumeric()))
        };
        let end = (self.at + 1..self.chars.len()).find(|at| closes(*at));
        match end {
            Some(end) if end > self.at + 1 => Some(end),
            Some(_) => None,
            None => {
                self.no_quote[kind] = self.at;
                None
            }
        }
    }

    fn arrow(&self) -> Option<(&'static str, usize)> {
        match (self.peek(0)?, self.peek(1)) {
            ('-' | '=', Some('>')) => Some(("->", 2)),
            ('→' | '➔' | '➡' | '⇒', _) => Some(("->", 1)),
            _ => None,
        }
    }

    /// A word from `start`, whose letters begin at `from`.
    fn word(&mut self, start: usize, from: usize, sigil: Option<char>) {
        let mut end = from;
        while let Some(c) = self.chars.get(end).copied() {
            let next = self.chars.get(end + 1).copied();
            let between = next.is_some_and(char::is_alphanumeric);
            let is_arrow = c == '-' && next == Some('>');
            let inside = match c {
                '-' => !is_arrow && (between || next.is_some_and(|n| !n.is_whitespace() && !is_sign(n))),
                '_' => true,
                '\'' | '’' | '.' => between && end > from,
                '+' | '%' => true,
                '/' => {
                    let w = end == from + 1 && self.chars[from].eq_ignore_ascii_case(&'w');
                    w || (between && sigil.is_some())
                }
                ',' => {
                    between
                        && self.chars[end - usize::from(end > from)].is_ascii_digit()
                        && is_thousand(self.chars, end)
                }
                c => !c.is_whitespace() && !is_sign(c) && !is_quote(c),
            };
            if !inside {
                break;
            }
            end += 1;
        }
        let end = end.max(from + 1).min(self.chars.len());
        let text: String = self.chars[from..end].iter().collect();
        let low = text.to_lowercase().replace('’', "'");
        let is_possessive = sigil.is_some() || !WHOLE.split(' ').any(|word| word == low);
        if is_possessive && (low.ends_with("'s")) && end > from + 2 {
            self.push(Shape::Word, self.chars[from..end - 2].iter().collect(), sigil, start, end - 2);
            self.push(Shape::Sign, "'s".to_owned(), None, end - 2, end);
        } else {
            self.push(Shape::Word, text, sigil, start, end);
        }
    }
}

fn is_thousand(chars: &[char], comma: usize) -> bool {
    let digits = chars[comma + 1..].iter().take_while(|c| c.is_ascii_digit()).count();
    digits == 3
}

fn is_quote(c: char) -> bool {
    matches!(c, '"' | '“' | '”' | '„' | '«' | '»' | '`')
}

fn is_sign(c: char) -> bool {
    matches!(
        c,
        ',' | '.'
            | ';'
            | ':'
            | '!'
            | '?'
            | '('
            | ')'
            | '['
            | ']'
            | '{'
            | '}'
            | '='
            | '&'
            | '/'
            | '…'
            | '\\'
            | '<'
            | '>'
            | '—'
            | '–'
            | '+'
            | '*'
    )
}
