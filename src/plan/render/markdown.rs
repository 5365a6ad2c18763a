//! A plan as the comment of a pull request.
//!
//! Names and texts come from whoever may edit a manifest or a guild. Here they are text and nothing else: no Markdown, no
//! HTML, no mention of anybody; and however many there are, the comment can be posted.

use super::super::note::{Note, Weight};
use super::super::risk::Risk;
use super::super::{Plan, Step};
use super::change::{Detail, Sign, describe};
use super::text::{sentence, summary};

/// Longest comment, in bytes; GitHub takes 65,536 characters.
const MOST: usize = 60_000;

/// Most bytes of one section before the steps, so that each of them has room.
const MOST_OF_SECTION: usize = 12_000;

/// Most characters of one text.
const MOST_OF_TEXT: usize = 1_000;

/// Room for what ends the steps: how many more there are, and the fence.
const END_OF_STEPS: usize = 100;

/// The plan as Markdown: the sentence first, then what people must see, then every step, folded.
pub fn markdown(plan: &Plan) -> String {
    let mut out = format!("### {}: {}\n\n", escaped(&plan.name), summary(plan));
    section(
        &mut out,
        "Refused",
        plan.refusals.iter().map(|r| format!("**{}** {}", escaped(&r.text), escaped(&r.help))),
    );
    section(&mut out, "What it means for people", plan.risks.iter().map(risk_text));
    let noted = plan.notes.iter().filter(|note| note.weight != Weight::Info);
    section(&mut out, "Notes", noted.map(note_text));
    if !plan.is_empty() {
        let footer = footer(plan);
        steps(&mut out, plan, MOST - END_OF_STEPS - footer.len());
        out.push_str(&footer);
    }
    out
}

fn risk_text(risk: &Risk) -> String {
    match risk {
        Risk::Deletes { kind, name } => format!("{} {} is gone for ever", kind.noun(), code(name)),
        Risk::Access(_) => escaped(&sentence(risk)),
    }
}

fn note_text(note: &Note) -> String {
    let subject = if note.subject.is_empty() { String::new() } else { format!("{}: ", code(&note.subject)) };
    let help = note.help.as_deref().unwrap_or_default();
    format!("{subject}{} {}", escaped(&note.text), escaped(help))
}

fn footer(plan: &Plan) -> String {
    let revision = plan.revision.as_ref().map_or_else(String::new, |r| format!(", revision {}", code(r)));
    format!("\n<sub>digest {}{revision}</sub>\n", code(plan.digest.short()))
}

/// A list under a title, as far as there is room for it.
fn section(out: &mut String, title: &str, items: impl Iterator<Item = String>) {
    let items: Vec<String> = items.collect();
    if items.is_empty() {
        return;
    }
    out.push_str(&format!("**{title}**\n\n"));
    let most = out.len() + MOST_OF_SECTION;
    for (index, item) in items.iter().enumerate() {
        if out.len() + item.len() > most {
            out.push_str(&format!("- ... and {} more\n", items.len() - index));
            break;
        }
        out.push_str(&format!("- {}\n", item.trim_end()));
    }
    out.push('\n');
}

fn steps(out: &mut String, plan: &Plan, most: usize) {
    out.push_str(&format!(
        "<details{}><summary>Steps</summary>\n\n```diff\n",
        if plan.steps.len() <= 20 { " open" } else { "" }
    ));
    for (index, step) in plan.steps.iter().enumerate() {
        let text = step_text(plan, step);
        if out.len() + text.len() > most {
            out.push_str(&format!("# ... and {} more steps\n", plan.steps.len() - index));
            break;
        }
        out.push_str(&text);
    }
    out.push_str("```\n\n</details>\n");
}

/// Every step, in lines that a block of a diff colours.
pub fn diff(plan: &Plan) -> String {
    plan.steps.iter().map(|step| step_text(plan, step)).collect()
}

fn step_text(plan: &Plan, step: &Step) -> String {
    let described = describe(plan, step);
    let sign = match described.sign {
        Sign::Create => '+',
        Sign::Delete => '-',
        Sign::Update | Sign::Move => '!',
    };
    let mut text = format!("{sign} {}\n", fenced(&described.headline));
    for detail in &described.details {
        match detail {
            Detail::Said(field, value) => text.push_str(&format!("    {field}: {}\n", fenced(value))),
            Detail::Changed(field, from, to) => {
                text.push_str(&format!("    {field}: {} -> {}\n", fenced(from), fenced(to)));
            }
            Detail::Gains(field, what) => text.push_str(&format!("+   {field}: {}\n", fenced(what))),
            Detail::Loses(field, what) => text.push_str(&format!("-   {field}: {}\n", fenced(what))),
            Detail::Text(field, lines) => {
                text.push_str(&format!("    {field}:\n"));
                lines.iter().for_each(|line| text.push_str(&format!("{}\n", fenced(line))));
            }
        }
    }
    text
}

/// The text on one line, and not longer than anybody reads.
fn clipped(text: &str) -> String {
    let on_one_line = |c: char| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c };
    let mut clipped: String = text.chars().take(MOST_OF_TEXT).map(on_one_line).collect();
    if text.chars().nth(MOST_OF_TEXT).is_some() {
        clipped.push_str(" ...");
    }
    clipped
}

/// Text that cannot end the code block it stands in.
fn fenced(text: &str) -> String {
    clipped(text).replace("```", "'''")
}

/// Text between backticks that it cannot end.
fn code(text: &str) -> String {
    format!("`{}`", clipped(text).replace('`', "'"))
}

/// Text in which nothing is Markdown, a mention, a link or HTML.
pub fn escaped(text: &str) -> String {
    let text = clipped(text);
    let mut escaped = String::with_capacity(text.len());
    let mut before = None;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let after = rest.peek().copied();
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            // Whom and what GitHub finds by itself is broken up by a space without width.
            '@' => escaped.push_str("@\u{200b}"),
            '#' if after.is_some_and(|c| c.is_ascii_digit()) => escaped.push_str("#\u{200b}"),
            ':' if after == Some('/') => escaped.push_str(":\u{200b}"),
            '.' if escaped.ends_with("www") => escaped.push_str("\u{200b}."),
            '\\' | '*' | '`' | '[' | ']' | '|' | '~' => escaped.extend(['\\', c]),
            // Inside of a word, as in names of permissions, it means nothing.
            '_' if !(is_of_word(before) && is_of_word(after)) => escaped.push_str("\\_"),
            '#' | '+' | '-' if before.is_none() && after == Some(' ') => escaped.extend(['\\', c]),
            c => escaped.push(c),
        }
        before = Some(c);
    }
    escaped
}

fn is_of_word(c: Option<char>) -> bool {
    c.is_some_and(char::is_alphanumeric)
}
