//! YAML as a person writes it: short things on one line, quotes only where they are needed.
//!
//! Decides about lines and quotes. Knows nothing of guilds.

use std::fmt::Write;

use serde::Serialize;

use crate::manifest::tree::is_number;

/// A value to be written.
#[derive(Clone, Debug)]
pub(in crate::manifest) enum Yaml {
    /// A scalar, already spelled, and the text it stands for when that could also fill several lines.
    Scalar { spelled: String, lines: Option<String> },
    /// `true` or `false`.
    Bool(bool),
    /// A list, on one line or wrapped between brackets.
    List(Vec<Self>),
    /// A map, on one line when it fits.
    Map(Vec<(String, Self)>),
    /// A map with each entry on a line of its own.
    Block(Vec<(String, Self)>),
}

/// Longest line, in characters.
const WIDTH: usize = 120;

impl Yaml {
    /// A text, with quotes when it needs them.
    pub(in crate::manifest) fn text(text: &str) -> Self {
        Self::Scalar { spelled: spell(text), lines: None }
    }

    /// A text that reads best with its own line breaks, when it has any.
    pub(in crate::manifest) fn prose(text: &str) -> Self {
        Self::Scalar { spelled: spell(text), lines: is_fit_for_lines(text).then(|| text.to_owned()) }
    }

    /// A number.
    pub(in crate::manifest) fn number(number: u32) -> Self {
        Self::Scalar { spelled: number.to_string(), lines: None }
    }

    /// A word that is no text: a number, a boolean or `null`, as it is spelled.
    pub(in crate::manifest) fn plain(word: &str) -> Self {
        Self::Scalar { spelled: word.to_owned(), lines: None }
    }

    /// An id: digits in quotes, because other readers would round a number.
    pub(super) fn quoted(id: u64) -> Self {
        Self::Scalar { spelled: format!("\"{id}\""), lines: None }
    }

    /// A value of an enumeration by its name.
    pub(super) fn word(word: &impl Serialize) -> Self {
        let name = serde_json::to_value(word).ok().and_then(|value| value.as_str().map(str::to_owned));
        Self::text(&name.unwrap_or_default())
    }

    /// A map of these.
    pub(super) fn map<const N: usize>(entries: [(&str, Self); N]) -> Self {
        Self::Map(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    }

    /// A map of those that have something to say.
    pub(super) fn fields<const N: usize>(entries: [(&str, Option<Self>); N]) -> Self {
        Self::Map(entries.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect())
    }

    /// A map that is never written on one line.
    pub(in crate::manifest) fn in_block(self) -> Self {
        match self {
            Self::Map(entries) => Self::Block(entries),
            other => other,
        }
    }

    /// Nothing, when there is nothing in it.
    pub(super) fn non_empty(self) -> Option<Self> {
        let is_empty = match &self {
            Self::List(items) => items.is_empty(),
            Self::Map(entries) | Self::Block(entries) => entries.is_empty(),
            Self::Scalar { .. } | Self::Bool(_) => false,
        };
        (!is_empty).then_some(self)
    }

    /// Writes a section of the document: its objects have lines of their own.
    pub(super) fn write_section(self, name: &str, out: &mut String) {
        self.in_block().write_entry(name, 0, out);
    }

    /// Writes a key and the value, with everything on lines of its own below.
    pub(in crate::manifest) fn write_entry(&self, key: &str, indent: usize, out: &mut String) {
        let _ = write!(out, "{:indent$}{}:", "", spell(key));
        let room = WIDTH.saturating_sub(indent + key.chars().count() + 2);
        match self {
            Self::Scalar { lines: Some(text), .. } => write_lines(text, indent, out),
            Self::Block(entries) if entries.is_empty() => out.push_str(" {}\n"),
            Self::Block(entries) => write_block(entries, indent, out),
            Self::Map(entries) if !entries.is_empty() && (self.has_lines() || self.flow().chars().count() > room) => {
                write_block(entries, indent, out);
            }
            Self::List(items)
                if items.iter().any(|item| matches!(item, Self::Map(_))) && self.flow().chars().count() > room =>
            {
                out.push('\n');
                for item in items {
                    let _ = writeln!(out, "{:indent$}  - {}", "", item.flow());
                }
            }
            Self::List(items) if self.flow().chars().count() > room => write_wrapped(items, WIDTH - room, indent, out),
            _ => {
                let _ = writeln!(out, " {}", self.flow());
            }
        }
    }

    fn has_lines(&self) -> bool {
        match self {
            Self::Scalar { lines, .. } => lines.is_some(),
            Self::Bool(_) | Self::List(_) => false,
            Self::Map(entries) | Self::Block(entries) => entries.iter().any(|(_, value)| value.has_lines()),
        }
    }

    /// The value on one line, as it can stand inside brackets.
    pub(in crate::manifest) fn flow(&self) -> String {
        match self {
            Self::Scalar { spelled, .. } => spelled.clone(),
            Self::Bool(value) => value.to_string(),
            Self::List(items) => format!("[{}]", items.iter().map(Self::flow).collect::<Vec<_>>().join(", ")),
            Self::Map(entries) | Self::Block(entries) if entries.is_empty() => "{}".to_owned(),
            Self::Map(entries) | Self::Block(entries) => {
                let entries = entries.iter().map(|(key, value)| format!("{}: {}", spell(key), value.flow()));
                format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
            }
        }
    }
}

fn write_block(entries: &[(String, Yaml)], indent: usize, out: &mut String) {
    out.push('\n');
    for (key, value) in entries {
        value.write_entry(key, indent + 2, out);
    }
}

/// A long list between brackets, as many items on a line as fit.
fn write_wrapped(items: &[Yaml], mut column: usize, indent: usize, out: &mut String) {
    out.push_str(" [");
    column += 2;
    for (at, item) in items.iter().enumerate() {
        let item = item.flow();
        let width = item.chars().count();
        if at > 0 && column + width + 2 > WIDTH {
            let _ = write!(out, ",\n{:indent$}  ", "");
            column = indent + 2;
        } else if at > 0 {
            out.push_str(", ");
            column += 2;
        }
        out.push_str(&item);
        column += width;
    }
    out.push_str("]\n");
}

fn write_lines(text: &str, indent: usize, out: &mut String) {
    out.push_str(" |-\n");
    for line in text.split('\n') {
        if line.is_empty() {
            out.push('\n');
        } else {
            let _ = writeln!(out, "{:indent$}  {line}", "");
        }
    }
}

/// True for prose of several lines that survives being written as such.
fn is_fit_for_lines(text: &str) -> bool {
    let is_prose = |line: &str| line.trim_end() == line && line.chars().all(|c| is_printable(c) && c != '\t');
    text.contains('\n')
        && !text.starts_with([' ', '\n', '\t'])
        && !text.ends_with('\n')
        && text.split('\n').all(is_prose)
}

/// What every reader of YAML shows as it is.
pub(in crate::manifest) fn is_printable(c: char) -> bool {
    let breaks = matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{a0}');
    !c.is_control() && !breaks && !matches!(c, '\u{fffe}' | '\u{ffff}')
}

/// Spells a text: plain when no reader could take it for anything else, in double quotes otherwise.
pub(in crate::manifest) fn spell(text: &str) -> String {
    if is_plain(text) { text.to_owned() } else { quote(text) }
}

fn is_plain(text: &str) -> bool {
    const WORDS: [&str; 15] =
        ["null", "true", "false", "yes", "no", "on", "off", "y", "n", "~", "nan", ".nan", ".inf", "inf", "infinity"];
    let starts_well = text.starts_with(|c: char| {
        c.is_alphanumeric() || c == '_' || (!c.is_ascii() && is_printable(c) && !c.is_whitespace())
    });
    let is_safe = |c: char| {
        is_printable(c) && !matches!(c, ',' | '[' | ']' | '{' | '}' | '#' | ':' | '"' | '\\' | '`' | '|' | '>')
    };
    starts_well
        && text.trim() == text
        && text.chars().all(is_safe)
        && !is_number(text)
        && !text.starts_with(|c: char| c.is_ascii_digit() && looks_like_time(text))
        && !WORDS.contains(&text.to_lowercase().as_str())
}

/// True for what older readers take for dates, times or numbers with separators.
fn looks_like_time(text: &str) -> bool {
    text.chars().all(|c| {
        c.is_ascii_digit() || matches!(c, '-' | '_' | '.' | '+' | 'e' | 'E' | 'x' | 'o' | 'b' | 'T' | 'Z' | ' ')
    })
}

/// A text in double quotes.
pub(in crate::manifest) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if is_printable(c) => out.push(c),
            c if u32::from(c) <= 0xFF => {
                let _ = write!(out, "\\x{:02X}", u32::from(c));
            }
            c if u32::from(c) <= 0xFFFF => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => {
                let _ = write!(out, "\\U{:08X}", u32::from(c));
            }
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_stand_only_where_they_are_needed() {
        for plain in ["Be kind.", "📢 Information", "mod-log", "규칙", "it's fine", "a/b (c) & d!", "3rd floor"] {
            assert_eq!(spell(plain), plain);
        }
        for hostile in [
            "",
            " a",
            "a ",
            "null",
            "Yes",
            "NO",
            "~",
            "1",
            "1.5",
            "0x1F",
            "1e3",
            "2026-11-22",
            "1_000",
            "#general",
            "a: b",
            "a #b",
            "- a",
            "? a",
            "*a",
            "&a",
            "!a",
            "%a",
            "@a",
            "`a`",
            "[a]",
            "{a}",
            "a, b",
            "'a'",
            "\"a\"",
            "a\\b",
            "a\u{0}b",
            "|",
            ">",
            "a\u{2028}b",
            "\u{feff}a",
            "---",
            "...",
            "<<",
            "=",
        ] {
            assert!(spell(hostile).starts_with('"'), "{hostile:?} is written {}", spell(hostile));
        }
    }
}
