//! What forges publish about their APIs, as far as it is used: every request and every answer is held against it.

use std::collections::BTreeMap;

use axum::http::Method;
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::Value;

/// The operations of one forge.
#[derive(Deserialize)]
pub(crate) struct Published {
    source: Source,
    operations: Vec<Operation>,
}

#[derive(Deserialize)]
struct Source {
    name: String,
    version: String,
    /// Statuses any operation may answer with.
    everywhere: Vec<u16>,
}

#[derive(Deserialize)]
pub(crate) struct Operation {
    method: String,
    pub(crate) path: String,
    parameters: Vec<Parameter>,
    body: Option<Value>,
    responses: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
struct Parameter {
    name: String,
    #[serde(rename = "in")]
    place: String,
    #[serde(rename = "type")]
    kind: String,
    required: bool,
    #[serde(rename = "enum")]
    words: Option<Vec<Value>>,
}

/// A request as it came.
pub(crate) struct Asked<'r> {
    pub(crate) method: &'r Method,
    /// As it was sent, below the address of the API.
    pub(crate) path: &'r str,
    pub(crate) query: &'r [(String, String)],
    /// Conditions, by the names of their headers.
    pub(crate) conditions: &'r BTreeMap<String, String>,
    pub(crate) body: Option<&'r Value>,
}

/// Parameters in a path that may hold slashes of their own.
const GREEDY: [&str; 3] = ["ref", "branch", "head"];

impl Published {
    pub(crate) fn read(text: &str) -> Self {
        let published: Self = serde_json::from_str(text).expect("facts about an API");
        assert!(!published.source.name.is_empty() && !published.source.version.is_empty());
        published
    }

    /// The operation a request is, with the parameters of its path.
    ///
    /// # Errors
    /// When the forge publishes no such operation, or the request is not what it takes.
    pub(crate) fn operation(&self, asked: &Asked<'_>) -> Result<(&Operation, BTreeMap<String, String>), String> {
        let decoded = |part: &str| percent_decode_str(part).decode_utf8_lossy().into_owned();
        let parts: Vec<String> = asked.path.split('/').filter(|part| !part.is_empty()).map(decoded).collect();
        let fitting = self.operations.iter().filter(|operation| operation.method == asked.method.as_str());
        let fitting = fitting.filter_map(|operation| Some((operation, operation.fits(&parts)?)));
        let literal = |operation: &Operation| operation.path.split('/').filter(|part| !part.starts_with('{')).count();
        let (operation, found) = fitting
            .max_by_key(|(operation, _)| literal(operation))
            .ok_or_else(|| format!("{} {} is not published", asked.method, asked.path))?;
        operation.check(asked)?;
        Ok((operation, found))
    }

    /// Whether an operation may answer so.
    ///
    /// # Errors
    /// When it is not published.
    pub(crate) fn check_answer(&self, operation: &Operation, status: u16, body: &Value) -> Result<(), String> {
        let named = format!("{} {} answers {status}", operation.method, operation.path);
        match operation.responses.get(&status.to_string()) {
            Some(schema) => conforms(schema, body).map_err(|why| format!("{named}: {why}")),
            None if self.source.everywhere.contains(&status) => Ok(()),
            None => Err(format!("{named}, which is not published")),
        }
    }
}

impl Operation {
    fn parameter(&self, name: &str, place: &str) -> Option<&Parameter> {
        self.parameters.iter().find(|parameter| parameter.name == name && parameter.place == place)
    }

    /// The parameters of a path that is this operation's.
    fn fits(&self, parts: &[String]) -> Option<BTreeMap<String, String>> {
        let mut found = BTreeMap::new();
        let template: Vec<&str> = self.path.split('/').filter(|part| !part.is_empty()).collect();
        let mut rest = parts;
        for (at, part) in template.iter().enumerate() {
            let Some(name) = part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) else {
                let (first, others) = rest.split_first()?;
                if first != part {
                    return None;
                }
                rest = others;
                continue;
            };
            let is_last = at + 1 == template.len();
            let take = if is_last && GREEDY.contains(&name) { rest.len() } else { 1 };
            if rest.len() < take || take == 0 {
                return None;
            }
            let (taken, others) = rest.split_at(take);
            let value = taken.join("/");
            let fits = self.parameter(name, "path").is_some_and(|parameter| parameter.takes(&value));
            if !fits {
                return None;
            }
            found.insert(name.to_owned(), value);
            rest = others;
        }
        rest.is_empty().then_some(found)
    }

    fn check(&self, asked: &Asked<'_>) -> Result<(), String> {
        let named = format!("{} {}", self.method, self.path);
        for (name, value) in asked.query {
            match self.parameter(name, "query") {
                None => return Err(format!("{named} has no parameter `{name}`")),
                Some(parameter) if !parameter.takes(value) => {
                    return Err(format!("{named}: `{name}` cannot be `{value}`"));
                }
                Some(_) => {}
            }
            if asked.query.iter().filter(|(other, _)| other == name).count() > 1 {
                return Err(format!("{named}: `{name}` twice"));
            }
        }
        for (name, value) in asked.conditions {
            if !self.parameter(name, "header").is_some_and(|parameter| parameter.takes(value)) {
                return Err(format!("{named} knows no condition `{name}: {value}`"));
            }
        }
        let needed = self.parameters.iter().filter(|parameter| parameter.required && parameter.place == "query");
        for Parameter { name, .. } in needed {
            if !asked.query.iter().any(|(said, _)| said == name) {
                return Err(format!("{named} needs the parameter `{name}`"));
            }
        }
        match (&self.body, asked.body) {
            (None, None) => Ok(()),
            (None, Some(_)) => Err(format!("{named} takes no body")),
            (Some(_), None) => Err(format!("{named} needs a body")),
            (Some(schema), Some(body)) => conforms(schema, body).map_err(|why| format!("{named}: {why}")),
        }
    }
}

impl Parameter {
    fn takes(&self, value: &str) -> bool {
        let fits = match self.kind.as_str() {
            "integer" => value.parse::<u64>().is_ok(),
            "boolean" => matches!(value, "true" | "false"),
            "http-date" => value.ends_with(" GMT") && chrono::DateTime::parse_from_rfc2822(value).is_ok(),
            _ => !value.is_empty(),
        };
        fits && self.words.as_ref().is_none_or(|words| words.iter().any(|word| word == value))
    }
}

fn conforms(schema: &Value, value: &Value) -> Result<(), String> {
    let validator = jsonschema::validator_for(schema).map_err(|error| error.to_string())?;
    let errors: Vec<String> = validator.iter_errors(value).map(|e| format!("{} {e}", e.instance_path())).collect();
    if errors.is_empty() { Ok(()) } else { Err(errors.join("; ")) }
}

#[test]
fn what_is_not_published_is_found() {
    let published = Published::read(include_str!("published/github.json"));
    let ask = |method: &Method, path: &str, query: &[(&str, &str)], body: Option<Value>| {
        let query: Vec<(String, String)> = query.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        let asked = Asked { method, path, query: &query, conditions: &BTreeMap::new(), body: body.as_ref() };
        published.operation(&asked).map(|(operation, found)| (operation.path.clone(), found))
    };
    let reference = serde_json::json!({ "ref": "refs/heads/x", "sha": "aa" });
    let (path, found) = ask(&Method::GET, "/repos/a/b/git/ref/heads/x/y", &[], None).expect("it is published");
    assert_eq!((path.as_str(), found["ref"].as_str()), ("/repos/{owner}/{repo}/git/ref/{ref}", "heads/x/y"));
    assert!(ask(&Method::POST, "/repos/a/b/git/refs", &[], Some(reference.clone())).is_ok());
    assert!(ask(&Method::DELETE, "/repos/a/b/git/refs/heads/x", &[], None).is_ok());
    for (method, path, query, body) in [
        (Method::DELETE, "/repos/a/b/git/ref/heads/x", &[][..], None),
        (Method::DELETE, "/repos/a/b/git/refs/heads/x", &[], Some(reference.clone())),
        (Method::DELETE, "/repos/a/b/git/refs/heads/x", &[("force", "true")], None),
        (Method::GET, "/repos/a/b/git/ref", &[], None),
        (Method::GET, "/repos/a/b/pulls/seven", &[], None),
        (Method::GET, "/repos/a/b/pulls", &[("sate", "all")], None),
        (Method::GET, "/repos/a/b/pulls", &[("state", "merged")], None),
        (Method::GET, "/repos/a/b/pulls", &[("page", "x")], None),
        (Method::GET, "/repos/a/b/pulls", &[("page", "1"), ("page", "2")], None),
        (Method::GET, "/repos/a/b/pulls", &[], Some(reference.clone())),
        (Method::POST, "/repos/a/b/git/refs", &[], None),
        (Method::POST, "/repos/a/b/git/refs", &[], Some(serde_json::json!({ "ref": "x" }))),
        (Method::POST, "/repos/a/b/git/refs", &[], Some(serde_json::json!({ "ref": "x", "sha": 7 }))),
        (Method::POST, "/repos/a/b/git/refs", &[], Some(serde_json::json!({ "ref": "x", "sha": "a", "k": 1 }))),
    ] {
        assert!(ask(&method, path, query, body).is_err(), "{method} {path} {query:?}");
    }
    let (operation, _) = {
        let asked = Asked { method: &Method::GET, path: "/user", query: &[], conditions: &BTreeMap::new(), body: None };
        published.operation(&asked).expect("it is published")
    };
    assert!(published.check_answer(operation, 200, &serde_json::json!({ "id": 1, "login": "a" })).is_ok());
    assert!(published.check_answer(operation, 200, &serde_json::json!({ "id": "1", "login": "a" })).is_err());
    assert!(published.check_answer(operation, 201, &Value::Null).is_err());
}

#[test]
fn a_condition_nobody_would_keep_is_found() {
    let ask = |text: &str, path: &str, value: &str| {
        let conditions = BTreeMap::from([("if-unmodified-since".to_owned(), value.to_owned())]);
        let asked = Asked { method: &Method::DELETE, path, query: &[], conditions: &conditions, body: None };
        Published::read(text).operation(&asked).map(drop)
    };
    let (github, gitlab) = (include_str!("published/github.json"), include_str!("published/gitlab.json"));
    let (date, path) = ("Fri, 15 Jan 2027 08:00:30 GMT", "/projects/a%2Fb/repository/branches/x%2Fy");
    assert_eq!(ask(gitlab, path, date), Ok(()));
    assert!(ask(gitlab, path, "2027-01-15T08:00:30Z").is_err(), "it is no date of HTTP");
    assert!(ask(github, "/repos/a/b/git/refs/heads/x", date).is_err(), "GitHub says nothing of conditions");
}
