//! What was said between us and a model, apart from how either provider writes it down.
//!
//! Decides how many tokens a text has, which is an estimate: no tokenizer of any model is known here.

/// A talk: our rules, then what was said in turns, beginning with us.
#[derive(Clone, Debug)]
pub(super) struct Talk {
    /// Rules of ours that never change.
    pub(super) system: &'static str,
    pub(super) turns: Vec<Turn>,
}

/// Something that was said.
#[derive(Clone, Debug)]
pub(super) enum Turn {
    /// By us.
    Ours(String),
    /// By the model, and what we said to it.
    Theirs(Said, String),
}

/// What a model said.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Said {
    /// An answer as JSON, with the name of the call that has it where there is one.
    Text { text: String, call: Option<String> },
    /// Something else.
    Nothing(String),
    /// The answer stopped in the middle.
    CutOff,
    /// It will not answer.
    Declined,
}

/// What a model said, and how many tokens went in and came out, where that is told.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Reply {
    pub(super) said: Said,
    pub(super) usage: Option<(u64, u64)>,
}

impl Talk {
    pub(super) fn begin(system: &'static str, data: String) -> Self {
        Self { system, turns: vec![Turn::Ours(data)] }
    }

    /// Says of an answer what is wrong with it.
    pub(super) fn send_back(&mut self, said: Said, complaint: String) {
        self.turns.push(Turn::Theirs(said, complaint));
    }

    /// About how many tokens it has.
    pub(super) fn tokens(&self) -> u64 {
        let turn = |turn: &Turn| match turn {
            Turn::Ours(text) => tokens(text),
            Turn::Theirs(said, complaint) => said.tokens() + tokens(complaint),
        };
        tokens(self.system) + self.turns.iter().map(turn).sum::<u64>()
    }
}

impl Said {
    /// About how many tokens it has.
    pub(super) fn tokens(&self) -> u64 {
        match self {
            Self::Text { text, .. } | Self::Nothing(text) => tokens(text),
            Self::CutOff | Self::Declined => 0,
        }
    }
}

/// About how many tokens a text has, rather too many than too few: three letters of English or JSON to a token, and one of
/// any other script.
pub(super) fn tokens(text: &str) -> u64 {
    let (plain, other) = text.chars().fold((0u64, 0u64), |(plain, other), c| match c.is_ascii() {
        true => (plain + 1, other),
        false => (plain, other + 1),
    });
    plain.div_ceil(3) + other
}
