//! Messages as Anthropic describes them (anthropics/anthropic-sdk-python, `MessageCreateParams` and `Message`): the answer is the
//! input of a tool that has to be used.
//!
//! Decides the spelling.

use serde_json::{Value, json};

use crate::ai::Error;

use super::talk::{Reply, Said, Talk, Turn};
use super::{Settings, answer};

/// The version of the form, in a header of every request.
pub(super) const VERSION: &str = "2023-06-01";

/// Name of the tool.
const TOOL: &str = "propose_edits";

/// A request.
pub(super) fn body(settings: &Settings, talk: &Talk) -> Value {
    let mut messages = Vec::new();
    for turn in &talk.turns {
        match turn {
            Turn::Ours(text) => messages.push(json!({ "role": "user", "content": text })),
            Turn::Theirs(Said::Text { text, call }, complaint) => {
                let input: Value = serde_json::from_str(text).unwrap_or_default();
                let id = call.as_deref().unwrap_or_default();
                messages.push(json!({
                    "role": "assistant",
                    "content": [{ "type": "tool_use", "id": id, "name": TOOL, "input": input }],
                }));
                messages.push(json!({
                    "role": "user",
                    "content": [{ "type": "tool_result", "tool_use_id": id, "is_error": true, "content": complaint }],
                }));
            }
            // Turns of one side are joined, and none may be empty.
            Turn::Theirs(Said::Nothing(text), complaint) => {
                if !text.is_empty() {
                    messages.push(json!({ "role": "assistant", "content": text }));
                }
                messages.push(json!({ "role": "user", "content": complaint }));
            }
            Turn::Theirs(Said::CutOff | Said::Declined, _) => {}
        }
    }
    json!({
        "model": settings.model,
        "max_tokens": settings.max_output_tokens,
        "system": talk.system,
        "messages": messages,
        "tools": [{
            "name": TOOL,
            "description": "Takes the edits a request comes to. To be called once, with all of them.",
            "input_schema": answer::schema(),
        }],
        "tool_choice": { "type": "tool", "name": TOOL, "disable_parallel_tool_use": true },
    })
}

/// What a response says.
pub(super) fn read(response: &Value) -> Result<Reply, Error> {
    let foreign = |what: &str| Error::Foreign { what: what.to_owned() };
    let content = response.get("content").and_then(Value::as_array).ok_or_else(|| foreign("it has no `content`"))?;
    let is = |block: &Value, field: &str, value: &str| block.get(field).and_then(Value::as_str) == Some(value);
    let said = match response.get("stop_reason").and_then(Value::as_str) {
        Some("max_tokens" | "model_context_window_exceeded") => Said::CutOff,
        Some("refusal") => Said::Declined,
        _ => match content.iter().find(|block| is(block, "type", "tool_use") && is(block, "name", TOOL)) {
            Some(block) => Said::Text {
                text: block.get("input").unwrap_or(&Value::Null).to_string(),
                call: block.get("id").and_then(Value::as_str).map(str::to_owned),
            },
            None => {
                let texts = content.iter().filter_map(|block| block.get("text").and_then(Value::as_str));
                Said::Nothing(texts.collect::<Vec<_>>().join("\n").trim().to_owned())
            }
        },
    };
    // What was read from a cache and what was written into it are counted apart.
    let usage = response.get("usage");
    let count = |field: &str| usage.and_then(|usage| usage.get(field)).and_then(Value::as_u64);
    let cached = count("cache_creation_input_tokens").unwrap_or(0) + count("cache_read_input_tokens").unwrap_or(0);
    let usage = count("input_tokens").map(|input| input + cached).zip(count("output_tokens"));
    Ok(Reply { said, usage })
}
