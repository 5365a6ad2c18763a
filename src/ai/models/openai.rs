//! Chat completions as `OpenAI` describes them (openai/openai-openapi, `CreateChatCompletionRequest`), in the part that Ollama,
//! vLLM and llama.cpp share.
//!
//! Decides the spelling. The schema is not `strict`: that is a subset in which nothing can be a map with any keys, and fields of
//! an edit are one. So what a server does not enforce is checked here.

use serde_json::{Value, json};

use crate::ai::Error;

use super::talk::{Reply, Said, Talk, Turn};
use super::{Settings, answer};

/// Name of the schema.
const NAME: &str = "setai_answer";

/// A request.
pub(super) fn body(settings: &Settings, talk: &Talk) -> Value {
    let mut messages = vec![json!({ "role": "system", "content": talk.system })];
    for turn in &talk.turns {
        match turn {
            Turn::Ours(text) => messages.push(json!({ "role": "user", "content": text })),
            Turn::Theirs(Said::Text { text, .. } | Said::Nothing(text), complaint) => {
                messages.push(json!({ "role": "assistant", "content": text }));
                messages.push(json!({ "role": "user", "content": complaint }));
            }
            Turn::Theirs(Said::CutOff | Said::Declined, _) => {}
        }
    }
    let mut body = json!({
        "model": settings.model,
        "messages": messages,
        "response_format": {
            "type": "json_schema",
            "json_schema": { "name": NAME, "strict": false, "schema": answer::schema() },
        },
    });
    body[most_tokens(&settings.base_url)] = json!(settings.max_output_tokens);
    body
}

/// The field that limits an answer: `OpenAI`'s own server calls the old one deprecated and newer models refuse it; others know
/// the old one only.
fn most_tokens(base_url: &str) -> &'static str {
    let host = url::Url::parse(base_url).ok().and_then(|url| url.host_str().map(str::to_owned));
    if host.as_deref() == Some("api.openai.com") { "max_completion_tokens" } else { "max_tokens" }
}

/// What a response says.
pub(super) fn read(response: &Value) -> Result<Reply, Error> {
    let foreign = |what: &str| Error::Foreign { what: what.to_owned() };
    let choices = response.get("choices").and_then(Value::as_array).ok_or_else(|| foreign("it has no `choices`"))?;
    let choice = choices.first().ok_or_else(|| foreign("its `choices` are empty"))?;
    let message = choice.get("message").ok_or_else(|| foreign("its choice has no `message`"))?;
    let text = |field: &str| message.get(field).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
    let said = match choice.get("finish_reason").and_then(Value::as_str) {
        Some("length") => Said::CutOff,
        Some("content_filter") => Said::Declined,
        _ if text("refusal").is_some() => Said::Declined,
        _ => match text("content") {
            Some(text) => Said::Text { text: text.to_owned(), call: None },
            None => Said::Nothing(String::new()),
        },
    };
    let count = |field: &str| response.get("usage")?.get(field)?.as_u64();
    Ok(Reply { said, usage: count("prompt_tokens").zip(count("completion_tokens")) })
}
