//! A plan as the comment of a pull request.

use super::super::Plan;
use super::super::note::Weight;
use super::super::risk::Risk;
use super::change::{Detail, Sign, describe};
use super::text::summary;

/// Longest comment, in bytes; GitHub takes 65,536 characters.
const MOST: usize = 60_000;

/// The plan as Markdown: the sentence first, then what people must see, then every step, folded.
pub fn markdown(plan: &Plan) -> String {
    let mut out = format!("### {}: {}\n\n", escape(&plan.name), summary(plan));
    section(&mut out, "Refused", plan.refusals.iter().map(|r| format!("**{}** {}", escape(&r.text), escape(&r.help))));
    section(
        &mut out,
        "What it means for people",
        plan.risks.iter().map(|risk| match risk {
            Risk::Deletes { kind, name } => format!("{} `{name}` is gone for ever", kind.noun()),
            Risk::Access(change) => escape(&change.sentence()),
        }),
    );
    let noted = plan.notes.iter().filter(|note| note.weight != Weight::Info);
    section(
        &mut out,
        "Notes",
        noted.map(|note| {
            let help = note.help.as_deref().unwrap_or_default();
            format!("`{}`: {} {}", note.subject, escape(&note.text), escape(help))
        }),
    );
    if !plan.is_empty() {
        steps(&mut out, plan);
        out.push_str(&format!("\n<sub>digest `{}`", plan.digest.short()));
        out.push_str(&plan.revision.as_ref().map_or_else(String::new, |r| format!(", revision `{r}`")));
        out.push_str("</sub>\n");
    }
    out
}

fn section(out: &mut String, title: &str, items: impl Iterator<Item = String>) {
    let items: Vec<String> = items.collect();
    if !items.is_empty() {
        out.push_str(&format!("**{title}**\n\n"));
        items.iter().for_each(|item| out.push_str(&format!("- {}\n", item.trim_end())));
        out.push('\n');
    }
}

fn steps(out: &mut String, plan: &Plan) {
    out.push_str(&format!(
        "<details{}><summary>Steps</summary>\n\n```diff\n",
        if plan.steps.len() <= 20 { " open" } else { "" }
    ));
    for (index, step) in plan.steps.iter().enumerate() {
        let text = step_text(plan, step);
        if out.len() + text.len() > MOST {
            out.push_str(&format!("# ... and {} more steps\n", plan.steps.len() - index));
            break;
        }
        out.push_str(&text);
    }
    out.push_str("```\n\n</details>\n");
}

fn step_text(plan: &Plan, step: &super::super::Step) -> String {
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

/// Text that cannot end the code block it stands in.
fn fenced(text: &str) -> String {
    text.replace("```", "'''").replace('\n', " ")
}

/// Text in which nothing is Markdown, a mention or HTML.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '@' => escaped.push_str("@\u{200b}"),
            '*' | '`' | '[' | ']' | '|' => {
                escaped.push('\\');
                escaped.push(c);
            }
            '\n' => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}
