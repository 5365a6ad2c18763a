//! Checks requests and answers against Discord's OpenAPI description, when `DISCORD_OPENAPI` names it.
//!
//! The description calls itself a preview and is wrong in places; `tests/openapi-overlay.json` corrects those, each with
//! its reason. Bit fields are declared as integers although the API and its documentation use strings, so numbers in
//! strings are turned into numbers before a request is judged. The description forbids no unknown property: a check of
//! our own does, for requests.

use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::sync::{Mutex, OnceLock, PoisonError};

use jsonschema::{Draft, Registry, Validator};
use serde_json::{Map, Value};
use setai::simulator::{Origin, Record};

const OVERLAY: &str = include_str!("../../openapi-overlay.json");
/// Most characters of a problem that are shown.
const LONGEST_PROBLEM: usize = 300;
const URI: &str = "https://discord.com/openapi.json";

/// Discord's description, ready to judge.
pub(crate) struct Description {
    document: &'static Value,
    registry: &'static Registry<'static>,
    validators: Mutex<BTreeMap<String, &'static Validator>>,
    /// Exchanges that were judged and found right: most trials say the same thing again and again.
    right: Mutex<HashSet<u64>>,
}

/// What is wrong with one request and its answer.
#[derive(Debug, Default)]
pub(crate) struct Judgement {
    pub(crate) request: Vec<String>,
    pub(crate) answer: Vec<String>,
}

impl Judgement {
    /// True when nothing is.
    pub(crate) fn is_clean(&self) -> bool {
        self.request.is_empty() && self.answer.is_empty()
    }

    /// Everything, in words.
    pub(crate) fn lines(&self) -> impl Iterator<Item = &str> {
        self.request.iter().chain(&self.answer).map(String::as_str)
    }
}

/// The description, when there is one. Says once on stderr that there is none.
pub(crate) fn description() -> Option<&'static Description> {
    static LOADED: OnceLock<Option<Description>> = OnceLock::new();
    LOADED.get_or_init(Description::from_env).as_ref()
}

impl Description {
    fn from_env() -> Option<Self> {
        let Ok(path) = std::env::var("DISCORD_OPENAPI") else {
            let message =
                "DISCORD_OPENAPI is not set: requests and answers are not checked against Discord's description\n";
            // Not `eprintln!`, which the test runner would swallow.
            io::stderr().write_all(message.as_bytes()).expect("stderr is open");
            return None;
        };
        let text = std::fs::read_to_string(&path).expect("DISCORD_OPENAPI names a readable file");
        let mut document: Value = serde_json::from_str(&text).expect("DISCORD_OPENAPI names a JSON file");
        let overlay: Vec<Value> = serde_json::from_str(OVERLAY).expect("the overlay is JSON");
        overlay.iter().for_each(|patch| apply(&mut document, patch));
        let document: &'static Value = Box::leak(Box::new(document));
        let registry = Registry::new().draft(Draft::Draft202012).add(URI, document).and_then(|r| r.prepare());
        let registry = Box::leak(Box::new(registry.expect("the description resolves")));
        Some(Self { document, registry, validators: Mutex::default(), right: Mutex::default() })
    }

    /// Method and path template of everything described.
    pub(crate) fn operations(&self) -> Vec<(String, String)> {
        let paths = self.document["paths"].as_object().expect("paths");
        let methods = ["get", "post", "put", "patch", "delete"];
        let of_path = |(template, item): (&String, &Value)| {
            let present = methods.into_iter().filter(|m| item.get(m).is_some());
            present.map(|m| (m.to_uppercase(), template.clone())).collect::<Vec<_>>()
        };
        paths.iter().flat_map(of_path).collect()
    }

    /// A request, whatever came of it, and its answer, when the API itself gave it.
    pub(crate) fn judge(&self, record: &Record) -> Judgement {
        let Some(operation) = self.operation(&record.method, record.route()) else {
            let problem = format!("{} {}: no such operation", record.method, record.path);
            return Judgement { request: vec![problem], answer: Vec::new() };
        };
        let fingerprint = fingerprint(&operation, record);
        if self.right.lock().unwrap_or_else(PoisonError::into_inner).contains(&fingerprint) {
            return Judgement::default();
        }
        let mut request = self.judge_query(&operation, &record.query);
        request.extend(self.judge_body(&operation, record.body.as_ref()));
        let answer = match record.origin {
            Origin::Api => self.judge_answer(&operation, record.status, &record.answer().unwrap_or_default()),
            // A failing server, a broken connection and the page of a ban are described nowhere.
            Origin::Fault | Origin::Edge => Vec::new(),
        };
        let place =
            |problem: String| format!("{} {} answered {}: {problem}", record.method, record.path, record.status);
        let judgement = Judgement {
            request: request.into_iter().map(place).collect(),
            answer: answer.into_iter().map(place).collect(),
        };
        if judgement.is_clean() {
            self.right.lock().unwrap_or_else(PoisonError::into_inner).insert(fingerprint);
        }
        judgement
    }

    /// A request that was sent to somebody else than a simulator.
    pub(crate) fn judge_request(&self, method: &str, path: &str, query: &str, body: Option<&Value>) -> Vec<String> {
        let Some(operation) = self.operation(method, path) else { return vec!["no such operation".to_owned()] };
        let mut found = self.judge_query(&operation, query);
        found.extend(self.judge_body(&operation, body));
        found
    }

    /// The pointer to the operation of a path; fixed segments win over variables.
    fn operation(&self, method: &str, path: &str) -> Option<String> {
        let segments: Vec<&str> = path.split('/').collect();
        let paths = self.document["paths"].as_object().expect("paths");
        let fits = |template: &&String| {
            let parts: Vec<&str> = template.split('/').collect();
            parts.len() == segments.len() && parts.iter().zip(&segments).all(|(p, s)| p.starts_with('{') || p == s)
        };
        let template = paths.keys().filter(fits).min_by_key(|template| template.matches('{').count())?;
        let pointer = format!("/paths/{}/{}", escape(template), method.to_lowercase());
        self.document.pointer(&pointer).map(|_| pointer)
    }

    fn judge_answer(&self, operation: &str, status: u16, answer: &Value) -> Vec<String> {
        let exact = format!("{operation}/responses/{status}");
        let group = format!("{operation}/responses/{}XX", status / 100);
        let Some(response) = [exact, group].into_iter().find(|p| self.document.pointer(p).is_some()) else {
            return vec![format!("status {status} is not described")];
        };
        let response = self.resolved(&response);
        let schema = format!("{response}/content/application~1json/schema");
        match self.document.pointer(&schema) {
            None if answer.is_null() => Vec::new(),
            None => vec![format!("status {status} has a body: {answer}")],
            Some(_) => self.problems(&schema, answer, "answer"),
        }
    }

    fn judge_query(&self, operation: &str, query: &str) -> Vec<String> {
        let empty = Vec::new();
        let pointer = format!("{operation}/parameters");
        let described = self.document.pointer(&pointer).and_then(Value::as_array).unwrap_or(&empty);
        let pairs =
            query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let mut found = Vec::new();
        for (key, text) in pairs {
            let Some(index) = described.iter().position(|p| p["in"] == "query" && p["name"] == key) else {
                found.push(format!("unknown query key `{key}`"));
                continue;
            };
            let schema = format!("{pointer}/{index}/schema");
            let text = match text {
                "true" | "True" | "1" if self.accepts(&[&described[index]["schema"]], "boolean") => Value::Bool(true),
                "false" | "False" | "0" if self.accepts(&[&described[index]["schema"]], "boolean") => {
                    Value::Bool(false)
                }
                text => self.coerced(&Value::String(text.to_owned()), &[&described[index]["schema"]]),
            };
            found.extend(self.problems(&schema, &text, key));
        }
        found
    }

    fn judge_body(&self, operation: &str, body: Option<&Value>) -> Vec<String> {
        let pointer = format!("{operation}/requestBody/content/application~1json/schema");
        let (schema, body) = match (self.document.pointer(&pointer), body) {
            (Some(schema), Some(body)) => (schema, body),
            (None, Some(body)) => return vec![format!("no body is described, sent {body}")],
            (Some(_), None) if self.needs_body(operation) => return vec!["there is no body".to_owned()],
            _ => return Vec::new(),
        };
        let mut found = self.problems(&pointer, &self.coerced(body, &[schema]), "body");
        self.find_unknown(body, &[schema], "body", &mut found);
        found
    }

    fn needs_body(&self, operation: &str) -> bool {
        self.document.pointer(&format!("{operation}/requestBody/required")) == Some(&Value::Bool(true))
    }

    fn problems(&self, pointer: &str, value: &Value, what: &str) -> Vec<String> {
        let validator = self.validator(pointer);
        let problem = |e: jsonschema::ValidationError<'_>| {
            // A problem with a list quotes all of it, and what is the matter comes last.
            let said = e.to_string();
            let cut = said.char_indices().rev().nth(LONGEST_PROBLEM).map_or(0, |(at, _)| at);
            format!("{what}{}: {}", e.instance_path(), &said[cut..])
        };
        validator.iter_errors(value).map(problem).collect()
    }

    /// Compiled once per place in the document.
    fn validator(&self, pointer: &str) -> &'static Validator {
        let mut validators = self.validators.lock().unwrap_or_else(PoisonError::into_inner);
        validators.entry(pointer.to_owned()).or_insert_with(|| {
            let fragment = pointer.replace('{', "%7B").replace('}', "%7D");
            let schema = serde_json::json!({"$ref": format!("{URI}#{fragment}")});
            let options = jsonschema::options().with_draft(Draft::Draft202012).with_registry(self.registry);
            Box::leak(Box::new(options.build(&schema).expect("a valid schema")))
        })
    }

    fn resolved(&self, pointer: &str) -> String {
        let target = self.document.pointer(pointer).and_then(|value| value["$ref"].as_str());
        target.map_or_else(|| pointer.to_owned(), |target| target.trim_start_matches('#').to_owned())
    }

    fn deref<'a>(&'a self, schema: &'a Value) -> &'a Value {
        let target = schema["$ref"].as_str().and_then(|target| self.document.pointer(target.trim_start_matches('#')));
        target.unwrap_or(schema)
    }

    /// The schema and all it is put together from.
    fn parts<'a>(&'a self, schema: &'a Value) -> Vec<&'a Value> {
        let schema = self.deref(schema);
        let nested = ["oneOf", "anyOf", "allOf"].into_iter().filter_map(|key| schema[key].as_array()).flatten();
        std::iter::once(schema).chain(nested.flat_map(|part| self.parts(part))).collect()
    }

    /// The same of several forms.
    fn all_parts<'a>(&'a self, schemas: &[&'a Value]) -> Vec<&'a Value> {
        schemas.iter().flat_map(|schema| self.parts(schema)).collect()
    }

    fn accepts(&self, schemas: &[&Value], kind: &str) -> bool {
        let is = |part: &Value| {
            part["type"] == kind || part["type"].as_array().is_some_and(|kinds| kinds.iter().any(|k| k == kind))
        };
        self.all_parts(schemas).into_iter().any(is)
    }

    /// Numbers in strings as numbers, where the description wants numbers.
    fn coerced(&self, value: &Value, schemas: &[&Value]) -> Value {
        match value {
            Value::String(text) if self.accepts(schemas, "integer") && !self.accepts(schemas, "string") => {
                let number = text.parse::<u64>().map(Value::from).or_else(|_| text.parse::<i64>().map(Value::from));
                number.unwrap_or_else(|_| value.clone())
            }
            Value::Array(items) => {
                let inner = self.items(schemas);
                items.iter().map(|item| self.coerced(item, &inner)).collect()
            }
            Value::Object(fields) => {
                let known = self.properties(schemas);
                let coerce = |(key, field): (&String, &Value)| {
                    let field = known.get(key.as_str()).map_or_else(|| field.clone(), |s| self.coerced(field, s));
                    (key.clone(), field)
                };
                Value::Object(fields.iter().map(coerce).collect::<Map<_, _>>())
            }
            other => other.clone(),
        }
    }

    /// What the items of a list may be.
    fn items<'a>(&'a self, schemas: &[&'a Value]) -> Vec<&'a Value> {
        self.all_parts(schemas).into_iter().filter_map(|part| part.get("items")).collect()
    }

    /// What each property may be, in all forms of a body: one form knows what another does not.
    fn properties<'a>(&'a self, schemas: &[&'a Value]) -> BTreeMap<&'a str, Vec<&'a Value>> {
        let mut known: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
        let parts = self.all_parts(schemas).into_iter().filter_map(|part| part["properties"].as_object());
        parts.flatten().for_each(|(key, schema)| known.entry(key).or_default().push(schema));
        known
    }

    /// Properties no form of the body has.
    fn find_unknown(&self, value: &Value, schemas: &[&Value], place: &str, found: &mut Vec<String>) {
        match value {
            Value::Array(items) => {
                let inner = self.items(schemas);
                items.iter().for_each(|item| self.find_unknown(item, &inner, &format!("{place}[]"), found));
            }
            Value::Object(fields) => {
                let known = self.properties(schemas);
                for (key, field) in fields {
                    match known.get(key.as_str()) {
                        Some(schemas) => self.find_unknown(field, schemas, &format!("{place}.{key}"), found),
                        None if known.is_empty() => {}
                        None => found.push(format!("unknown property {place}.{key}")),
                    }
                }
            }
            _ => {}
        }
    }
}

/// Equal for equal exchanges.
fn fingerprint(operation: &str, record: &Record) -> u64 {
    let mut hasher = DefaultHasher::new();
    let body = record.body.as_ref().map(Value::to_string);
    (operation, &record.query, body, record.origin as u8, record.status, record.raw_answer()).hash(&mut hasher);
    hasher.finish()
}

fn escape(segment: &str) -> String {
    segment.replace('~', "~0").replace('/', "~1")
}

/// One `add` or `replace` of the overlay.
fn apply(document: &mut Value, patch: &Value) {
    let path = patch["path"].as_str().expect("a patch has a path");
    let (parent, key) = path.rsplit_once('/').expect("a patch has a parent");
    let exists = document.pointer(path).is_some();
    assert_eq!(exists, patch["op"] == "replace", "the description no longer needs the patch of {path}");
    match document.pointer_mut(parent).unwrap_or_else(|| panic!("nothing at {parent}")) {
        Value::Array(items) if key == "-" => items.push(patch["value"].clone()),
        Value::Object(map) => drop(map.insert(key.to_owned(), patch["value"].clone())),
        other => panic!("{path} leads into {other}"),
    }
}
