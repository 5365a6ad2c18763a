//! An answer as Discord shows it: a coloured box with a text, a block of lines, buttons, and a file for what does not fit.
//!
//! Pure. Decides how long anything may get, and that a text of somebody else's stays a text: it pings nobody and ends no block.

use serde_json::{Value, json};

use crate::discord::File;

use super::ask::Press;

/// How an answer is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Good,
    Plain,
    Careful,
    Bad,
}

impl Tone {
    /// Discord's own palette.
    fn color(self) -> u32 {
        match self {
            Self::Good => 0x2e_cc71,
            Self::Plain => 0x58_65f2,
            Self::Careful => 0xf1_c40f,
            Self::Bad => 0xe7_4c3c,
        }
    }
}

/// How a button looks, by Discord's numbers (its documentation, "Button Styles").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    Primary = 1,
    Secondary = 2,
    Success = 3,
    Danger = 4,
}

/// A button.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Button {
    pub(super) press: Press,
    pub(super) label: String,
    pub(super) look: Look,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) tone: Tone,
    pub(super) title: String,
    /// Paragraphs, as Markdown of ours.
    pub(super) text: Vec<String>,
    /// Lines that are shown as they are; those with `+` and `-` in colours.
    pub(super) block: Option<String>,
    pub(super) buttons: Vec<Button>,
    /// What is said of a block that is in a file.
    pub(super) elsewhere: String,
}

/// The answer is for the eyes of whoever asked (Discord's documentation, "Message Flags").
pub(super) const EPHEMERAL: u32 = 1 << 6;

/// Most characters of a title and of a text (Discord's documentation, "Embed Limits").
const LONGEST_TITLE: usize = 256;
const LONGEST_TEXT: usize = 4096;

/// Most lines of a block that is shown in the message: more is easier to read in a file.
const MOST_LINES: usize = 60;

/// The file a long block is in.
const FILE: &str = "plan.diff";

/// A message, and the files that go with it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Message {
    pub(super) body: Value,
    pub(super) files: Vec<File>,
}

impl Reply {
    /// An answer that says one thing.
    pub(super) fn new(tone: Tone, title: impl Into<String>) -> Self {
        let (text, buttons) = (Vec::new(), Vec::new());
        Self { tone, title: title.into(), text, block: None, buttons, elsewhere: String::new() }
    }

    /// The same with another paragraph.
    pub(super) fn say(mut self, paragraph: impl Into<String>) -> Self {
        self.text.extend(Some(paragraph.into()).filter(|text| !text.is_empty()));
        self
    }

    /// The same with lines shown as they are; where they do not fit, `elsewhere` says that they are in a file.
    pub(super) fn block(self, block: impl Into<String>, elsewhere: impl Into<String>) -> Self {
        let block = Some(block.into()).filter(|block| !block.trim().is_empty());
        Self { block, elsewhere: elsewhere.into(), ..self }
    }

    /// The same with a button.
    pub(super) fn button(mut self, press: Press, label: impl Into<String>, look: Look) -> Self {
        self.buttons.push(Button { press, label: label.into(), look });
        self
    }

    /// As Discord takes it.
    pub(super) fn message(&self) -> Message {
        let Self { tone, title, text, block, buttons, elsewhere } = self;
        let said = text.join("\n\n");
        let block = block.as_ref().map(|block| fenced(block));
        let fits = |block: &String| {
            let length = units(&said) + units(block) + 2;
            length <= LONGEST_TEXT && block.lines().count() <= MOST_LINES + 2
        };
        let (shown, files) = match block {
            None => (said.clone(), Vec::new()),
            Some(block) if fits(&block) => (joined(&[&said, &block]), Vec::new()),
            Some(_) => {
                let file = File { name: FILE.to_owned(), text: self.block.clone().unwrap_or_default() };
                let beginning =
                    beginning(&file.text, LONGEST_TEXT.saturating_sub(units(&said) + units(elsewhere) + 40));
                (joined(&[&said, &fenced(&beginning), elsewhere]), vec![file])
            }
        };
        let embed = json!({
            "title": cut(title, LONGEST_TITLE),
            "description": cut(&shown, LONGEST_TEXT),
            "color": tone.color(),
        });
        let rows: Vec<Value> = buttons.chunks(5).map(row).collect();
        let body = json!({ "embeds": [embed], "components": rows, "allowed_mentions": { "parse": [] } });
        Message { body, files }
    }
}

fn row(buttons: &[Button]) -> Value {
    let button = |Button { press, label, look }: &Button| json!({ "type": 2, "style": *look as u8, "label": cut(label, 80), "custom_id": press.id() });
    json!({ "type": 1, "components": buttons.iter().map(button).collect::<Vec<_>>() })
}

fn joined(parts: &[&str]) -> String {
    parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join("\n\n")
}

fn fenced(block: &str) -> String {
    format!("```diff\n{}\n```", block.replace("```", "`\u{200b}``").trim_end())
}

/// The first lines, as far as they fit.
fn beginning(block: &str, most: usize) -> String {
    let mut left = most;
    let lines = block.lines().take(MOST_LINES / 2).take_while(|line| {
        let needs = units(line) + 3;
        let fits = needs <= left;
        left = left.saturating_sub(needs);
        fits
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// How long Discord takes a text to be, in the longer of the two ways of counting.
fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// A text that is no longer than this.
fn cut(text: &str, most: usize) -> String {
    if units(text) <= most {
        return text.to_owned();
    }
    let mut left = most - 1;
    let kept = text.chars().take_while(|c| {
        let fits = c.len_utf16() <= left;
        left = left.saturating_sub(c.len_utf16());
        fits
    });
    kept.chain(['…']).collect()
}

/// Somebody else's text on one line among ours: no Markdown, no mention, no end of a line.
pub(super) fn plain(text: &str) -> String {
    plain_up_to(300, text)
}

/// The same of a reason, which says at its end what to do.
pub(super) fn reason(text: impl ToString) -> String {
    plain_up_to(1000, &text.to_string())
}

fn plain_up_to(most: usize, text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars().take(most) {
        match c {
            '\n' | '\r' | '\t' => plain.push(' '),
            '\\' | '*' | '_' | '`' | '~' | '|' | '>' | '[' | ']' | '(' | ')' | '#' | '-' | '<' => {
                plain.extend(['\\', c]);
            }
            '@' => plain.push_str("@\u{200b}"),
            ':' => plain.push_str(":\u{200b}"),
            c if c.is_control() => {}
            c => plain.push(c),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_in_a_file() {
        let lines: Vec<String> = (0..500).map(|n| format!("+ create the channel number-{n}")).collect();
        let reply =
            Reply::new(Tone::Plain, "A plan").say("Much to do.").block(lines.join("\n"), "All of it is in the file.");
        let Message { body, files } = reply.message();
        let shown = body["embeds"][0]["description"].as_str().expect("a text");
        assert!(units(shown) <= LONGEST_TEXT);
        assert!(shown.starts_with("Much to do.\n\n```diff\n+ create the channel number-0\n"), "{shown}");
        assert!(shown.ends_with("```\n\nAll of it is in the file."), "{shown}");
        let [file] = &files[..] else { panic!("a file") };
        assert_eq!(file.text.lines().count(), 500);
    }

    #[test]
    fn no_text_gets_out_of_its_place() {
        let reply = Reply::new(Tone::Plain, "x".repeat(1000)).block("- ```\n@everyone", "");
        let Message { body, files } = reply.message();
        assert_eq!(body["embeds"][0]["description"], "```diff\n- `\u{200b}``\n@everyone\n```");
        assert_eq!(body["embeds"][0]["title"].as_str().map(units), Some(LONGEST_TITLE));
        assert_eq!(body["allowed_mentions"], json!({ "parse": [] }));
        assert!(files.is_empty());
        assert_eq!(plain("**@everyone**\n<#1>"), "\\*\\*@\u{200b}everyone\\*\\* \\<\\#1\\>");
    }
}
