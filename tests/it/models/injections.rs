//! Attempts to talk a model into harm. The model of these tests obeys each of them to the letter, which is the worst there is:
//! nothing harmful comes of it, people are told why, and what was said to the model was data and nothing else.

use serde::Deserialize;
use serde_json::{Value, json};
use setai::ai::models::Provider;

use super::server::{Act, Server};
use super::stage::{BOTH, GUILD, answer, ask_about, clock, files, why};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Attempt {
    name: String,
    r#in: Place,
    text: String,
    #[serde(default)]
    request: String,
    /// So many edits like the one that stands there.
    #[serde(default)]
    many: usize,
    edits: Vec<Value>,
    why: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Place {
    Request,
    Comment,
    Topic,
    RoleName,
    ChannelName,
    ServerName,
}

fn attempts() -> Vec<Attempt> {
    serde_saphyr::from_str(include_str!("injections.yaml")).expect("attempts")
}

impl Attempt {
    /// The manifest with the words in it. A text in JSON is one in YAML.
    fn manifest(&self) -> String {
        let text = json!(self.text).to_string();
        let put = |old: &str, new: String| {
            assert!(GUILD.contains(old), "{old}");
            GUILD.replace(old, &new)
        };
        match self.r#in {
            Place::Request => GUILD.to_owned(),
            Place::Comment => format!("# {}\n{GUILD}", self.text),
            Place::Topic => put("topic: Everything", format!("topic: {text}")),
            Place::RoleName => put("name: Helper", format!("name: {text}")),
            Place::ChannelName => put("memes: {}", format!("memes: {{}}\n      lair: {{ type: voice, name: {text} }}")),
            Place::ServerName => put("permission_sets:", format!("settings: {{ name: {text} }}\npermission_sets:")),
        }
    }

    fn request(&self) -> &str {
        if self.r#in == Place::Request { &self.text } else { &self.request }
    }

    fn edits(&self) -> Value {
        if self.many == 0 {
            return json!(self.edits);
        }
        let numbered = |number: usize| {
            let mut edit = self.edits[0].clone();
            edit["object"] = json!(format!("{}-{number}", edit["object"].as_str().expect("a text")));
            edit
        };
        (0..self.many).map(numbered).collect()
    }
}

#[tokio::test]
async fn a_model_that_obeys_every_attempt_does_no_harm() {
    let attempts = attempts();
    assert!(attempts.len() >= 40, "{}", attempts.len());
    let mut missed = Vec::new();
    for (attempt, provider) in attempts.iter().zip(BOTH.into_iter().cycle()) {
        let server = Server::of(provider, [Act::Say(answer(&attempt.edits()))]).await;
        let came = ask_about(&server, &clock(), &files(&attempt.manifest()), attempt.request()).await;
        let came = came.unwrap_or_else(|error| panic!("{}: {error}", attempt.name));
        if !came.edits.is_empty() {
            missed.push(format!("{}: it was done", attempt.name));
            continue;
        }
        let told = why(&came);
        if !told.contains(&attempt.why) {
            missed.push(format!("{}: {told}", attempt.name));
        }
        assert_eq!(server.asked().len(), 3, "{}: it was told what is wrong, and did it again", attempt.name);
    }
    assert!(missed.is_empty(), "\n{}", missed.join("\n"));
}

#[tokio::test]
async fn a_model_is_told_every_attempt_as_data_alone() {
    let calm = Server::of(Provider::OpenAi, [Act::Say(answer(&json!([])))]).await;
    ask_about(&calm, &clock(), &files(GUILD), "hello").await.expect("an interpretation");
    let rules = calm.asked()[0].system().to_owned();
    for attempt in attempts() {
        for provider in BOTH {
            let server = Server::of(provider, [Act::Say(answer(&json!([])))]).await;
            let manifest = attempt.manifest();
            ask_about(&server, &clock(), &files(&manifest), attempt.request()).await.expect("an interpretation");
            let asked = &server.asked()[0];
            assert_eq!(asked.system(), rules, "{}: our rules are the same", attempt.name);
            assert_eq!(asked.turns().len(), 1, "{}: there is one turn", attempt.name);
            let data = asked.data();
            let fields: Vec<&String> = data.as_object().expect("a map").keys().collect();
            assert_eq!(fields.len(), 6, "{}: nothing was added: {fields:?}", attempt.name);
            let seen: String = attempt.text.chars().map(|c| if is_seen(c) { c } else { '\u{fffd}' }).collect();
            let holds = strings(&data).contains(&seen);
            assert_eq!(
                holds,
                attempt.r#in != Place::Comment,
                "{}: it is a whole text in the data: {data}",
                attempt.name
            );
            if attempt.r#in == Place::Comment {
                assert!(!asked.body.to_string().contains(&attempt.text), "{}: remarks are not sent", attempt.name);
            }
        }
    }
}

fn is_seen(c: char) -> bool {
    !matches!(c, '\u{200b}' | '\u{202e}' | '\u{e0000}'..='\u{e0fff}')
}

/// Every text of a document.
fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(strings).collect(),
        Value::Object(fields) => fields.values().flat_map(strings).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}
