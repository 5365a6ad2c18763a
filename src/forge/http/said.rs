//! What forges say when they say no, in whatever form, for people to read.

use reqwest::header::HeaderMap;
use serde_json::Value;

/// Longest text of a forge that is passed on, in characters.
const LONGEST: usize = 300;

/// The words in an answer. Forges have them under several names, in lists and maps.
pub(super) fn text(body: &[u8]) -> String {
    let Ok(value) = serde_json::from_slice::<Value>(body) else {
        // A page for people, or of something in between.
        return "it does not say why".to_owned();
    };
    let mut words = Vec::new();
    for field in ["message", "error", "error_description", "errors", "scope"] {
        if let Some(value) = value.get(field) {
            gather(value, &mut words);
        }
    }
    words.dedup();
    if words.is_empty() { "it does not say why".to_owned() } else { words.join(": ") }
}

fn gather(value: &Value, words: &mut Vec<String>) {
    match value {
        Value::String(text) if !text.trim().is_empty() => words.push(text.trim().to_owned()),
        Value::Array(values) => values.iter().for_each(|value| gather(value, words)),
        Value::Object(fields) => fields.values().for_each(|value| gather(value, words)),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A text that can be shown: one line, not too long, and without the token.
pub(super) fn clean(text: &str, token: &str) -> String {
    let text = if token.is_empty() { text.to_owned() } else { text.replace(token, "***") };
    let spaced: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let line = spaced.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= LONGEST {
        return line;
    }
    line.chars().take(LONGEST).chain(['…']).collect()
}

/// True when a rule of the repository keeps a branch as it is.
pub(super) fn is_protection(said: &str) -> bool {
    let said = said.to_lowercase();
    [
        "protected",                                // GitHub, Gitea
        "repository rule violations",               // GitHub's rulesets
        "not allowed to push into this branch",     // GitLab
        "permission to write to the target branch", // Gitea, Forgejo
        "not allowed to force push",                // GitLab, Gitea
    ]
    .iter()
    .any(|words| said.contains(words))
}

/// True when nothing may be written to the repository any more.
pub(super) fn is_archived(said: &str) -> bool {
    said.to_lowercase().contains("archived")
}

/// What GitHub says is missing, in headers.
pub(super) fn remedy(headers: &HeaderMap) -> Option<String> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(sso) = text("x-github-sso").and_then(|sso| sso.split_once("url=")) {
        return Some(format!("the organisation wants the token authorized for single sign-on: {}", sso.1));
    }
    let needed = text("x-accepted-github-permissions").filter(|needed| !needed.is_empty())?;
    Some(format!("give the token the permission {needed}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_wherever_a_forge_has_them() {
        let cases: [(&str, &str); 6] = [
            (r#"{"message":"Not Found","documentation_url":"x"}"#, "Not Found"),
            (
                r#"{"message":"Validation Failed","errors":[{"field":"head","message":"taken"}]}"#,
                "Validation Failed: head: taken",
            ),
            (r#"{"message":{"status":["cannot","now"]}}"#, "cannot: now"),
            (
                r#"{"error":"insufficient_scope","error_description":"needs more","scope":"api"}"#,
                "insufficient_scope: needs more: api",
            ),
            ("<html>", "it does not say why"),
            ("{}", "it does not say why"),
        ];
        for (body, expected) in cases {
            assert_eq!(text(body.as_bytes()), expected);
        }
    }

    #[test]
    fn a_token_that_comes_back_is_not_shown() {
        assert_eq!(clean("no\nsuch\u{1b}[31m token hunter2!", "hunter2"), "no such [31m token ***!");
        assert_eq!(clean(&"a".repeat(1000), "x").chars().count(), LONGEST + 1);
    }
}
