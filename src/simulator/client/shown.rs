//! What people see of an answer, as plain text.

use std::fmt::Write as _;

use serde_json::Value;

use super::modal;
use crate::simulator::world::{Answer, Answers, Message, flag};

/// What a client shows when nothing comes.
const NO_ANSWER: &str = "The application did not respond";

/// All that is to be seen of what became of an interaction.
pub fn text_of(answers: &Answers) -> String {
    let mut text = String::new();
    match &answers.answer {
        Answer::Nothing => {
            let why = answers.failure.as_ref().map_or_else(String::new, |why| format!(" ({why})"));
            let _ = writeln!(text, "{NO_ANSWER}{why}");
        }
        Answer::Choices { choices } => {
            for choice in choices {
                let _ = writeln!(text, "{} = {}", plain(&choice["name"]), plain(&choice["value"]));
            }
        }
        Answer::Modal { modal } => show_modal(&mut text, modal),
        Answer::Message | Answer::Deferred | Answer::DeferredUpdate | Answer::Update => {
            let mut messages = answers.messages().peekable();
            if messages.peek().is_none() {
                text.push_str("(deleted)\n");
            }
            for (index, message) in messages.enumerate() {
                if index > 0 {
                    text.push_str("---\n");
                }
                show_message(&mut text, message);
            }
        }
    }
    text
}

/// A text bare, and everything else as JSON.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn show_modal(text: &mut String, modal: &Value) {
    let _ = writeln!(text, "[form] {}", plain(&modal["title"]));
    for (label, custom_id) in modal::inputs(modal) {
        let _ = writeln!(text, "  {label} ({custom_id}): ____");
    }
}

fn show_message(text: &mut String, message: &Message) {
    if message.is(flag::LOADING) {
        text.push_str("(thinking...)\n");
    }
    if !message.content.is_empty() {
        let _ = writeln!(text, "{}", message.content);
    }
    message.embeds.iter().for_each(|embed| show_embed(text, embed));
    for row in &message.components {
        let inside = row["components"].as_array().into_iter().flatten();
        let shown: Vec<String> = inside.map(component).collect();
        let _ = writeln!(text, "{}", shown.join(" "));
    }
    for file in &message.attachments {
        let _ = writeln!(text, "[file] {} ({} bytes)", file.filename, file.size);
        for line in file.text.iter().flat_map(|inside| inside.lines()) {
            let _ = writeln!(text, "  {line}");
        }
    }
    if message.is(flag::EPHEMERAL) {
        text.push_str("(only you can see this)\n");
    }
}

fn show_embed(text: &mut String, embed: &Value) {
    let parts = [&embed["author"]["name"], &embed["title"], &embed["url"], &embed["description"]];
    let mut lines: Vec<String> = parts.into_iter().filter(|part| part.is_string()).map(plain).collect();
    for field in embed["fields"].as_array().into_iter().flatten() {
        lines.push(format!("{}: {}", plain(&field["name"]), plain(&field["value"])));
    }
    lines.extend([&embed["image"]["url"], &embed["footer"]["text"]].into_iter().filter(|p| p.is_string()).map(plain));
    for line in lines.iter().flat_map(|part| part.lines()) {
        let _ = writeln!(text, "| {line}");
    }
}

fn component(component: &Value) -> String {
    let label = ["label", "placeholder", "custom_id"].into_iter().find_map(|key| component[key].as_str());
    let label = label.or_else(|| component["emoji"]["name"].as_str()).unwrap_or_default();
    let off = if component["disabled"] == true { " off" } else { "" };
    match component["url"].as_str() {
        Some(url) => format!("[{label}]({url})"),
        None => format!("[{label}{off}]"),
    }
}
