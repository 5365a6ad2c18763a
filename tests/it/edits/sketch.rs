//! Manifests as people type them: any quotes, any mixture of blocks and brackets, comments, blank lines, anchors.
//!
//! A sketch is a document as JSON; its page is one of the many ways to type it, with every line and comment labelled by
//! what it belongs to.

use serde_json::{Map, Value, json};

use crate::support::rng::Rng;

/// A document as it was typed.
pub(super) struct Page {
    pub(super) text: String,
    /// Every line without its break, and the path of what it belongs to.
    pub(super) lines: Vec<(String, String)>,
    /// Every comment and the path of what it belongs to.
    pub(super) comments: Vec<(String, String)>,
}

const TEXTS: [&str; 12] = [
    "Be kind.",
    "it's fine",
    "a: b # c",
    "Ask anything",
    "null",
    "12",
    "- dash",
    "\u{1f4e2} News",
    "say \"hi\"",
    "one\ntwo: #x\n\nthree",
    "trailing {brace}",
    "yes",
];
const PERMISSIONS: [&str; 5] = ["view_channel", "send_messages", "manage_messages", "kick_members", "connect"];

pub(super) fn some_text(rng: &mut Rng) -> Value {
    json!(rng.pick(&TEXTS))
}

pub(super) fn some_permissions(rng: &mut Rng) -> Value {
    json!(rng.some(&PERMISSIONS, 40))
}

pub(super) fn some_overwrite(rng: &mut Rng) -> Value {
    match rng.below(4) {
        0 => json!("hidden"),
        1 => json!({ "use": "hidden", "allow": ["send_messages"] }),
        2 => json!({ "deny": ["send_messages"] }),
        _ => json!({ "allow": ["view_channel", "send_messages"] }),
    }
}

fn some_overwrites(rng: &mut Rng, roles: usize) -> Value {
    if rng.percent(25) {
        return json!("staff");
    }
    let mut map = Map::new();
    if rng.percent(20) {
        map.insert("use".to_owned(), json!("staff"));
    }
    map.insert("everyone".to_owned(), some_overwrite(rng));
    for at in 0..roles {
        if rng.percent(30) {
            map.insert(format!("r{at}"), some_overwrite(rng));
        }
    }
    Value::Object(map)
}

fn some_channel(rng: &mut Rng, roles: usize) -> Value {
    let mut fields = Map::new();
    let mut say = |rng: &mut Rng, percent: usize, field: &str, value: Value| {
        if rng.percent(percent) {
            fields.insert(field.to_owned(), value);
        }
    };
    let is_forum = rng.percent(20);
    let text = some_text(rng);
    say(rng, 20, "name", json!("room"));
    say(rng, if is_forum { 100 } else { 0 }, "type", json!("forum"));
    say(rng, 50, "topic", text);
    say(rng, 20, "nsfw", json!(true));
    say(rng, 20, "rate_limit_per_user", json!(30));
    let tags = json!(["open", { "name": "done", "moderated": true }, { "name": "old" }]);
    say(rng, if is_forum { 70 } else { 0 }, "tags", tags);
    let overwrites = some_overwrites(rng, roles);
    say(rng, 40, "permissions", overwrites);
    Value::Object(fields)
}

/// A document that is a manifest without problems.
pub(super) fn document(rng: &mut Rng) -> Value {
    let roles = rng.between(1, 4);
    let role = |rng: &mut Rng| {
        let mut fields = Map::new();
        let text = some_text(rng);
        for (percent, field, value) in [
            (50, "name", text),
            (40, "color", json!("#3498db")),
            (30, "hoist", json!(rng.percent(50))),
            (60, "permissions", some_permissions(rng)),
        ] {
            if rng.percent(percent) {
                fields.insert(field.to_owned(), value);
            }
        }
        Value::Object(fields)
    };
    let role_map: Map<String, Value> = (0..roles).map(|at| (format!("r{at}"), role(rng))).collect();
    let mut number = 0;
    let mut some_channels = |rng: &mut Rng, most: usize| {
        let mut map = Map::new();
        for _ in 0..rng.between(0, most) {
            map.insert(format!("c{number}"), some_channel(rng, roles));
            number += 1;
        }
        map
    };
    let mut outside = some_channels(rng, 3);
    outside.insert("lobby".to_owned(), json!({ "topic": "Start here" }));
    let mut categories = Map::new();
    for at in 0..rng.between(1, 3) {
        let mut fields = Map::new();
        if rng.percent(40) {
            fields.insert("name".to_owned(), some_text_of_one_line(rng));
        }
        if rng.percent(40) {
            fields.insert("permissions".to_owned(), some_overwrites(rng, roles));
        }
        let inside = some_channels(rng, 4);
        if !inside.is_empty() || rng.percent(20) {
            fields.insert("channels".to_owned(), Value::Object(inside));
        }
        categories.insert(format!("k{at}"), Value::Object(fields));
    }
    let mut document = json!({
        "version": 1,
        "guild": "900000000000000000",
        "policy": { "protect": ["roles.r0", "channels.lobby"], "approval": "never" },
        "settings": { "verification_level": "high", "system_channel": "lobby", "features": { "community": false } },
        "permission_sets": { "hidden": { "deny": ["view_channel"] } },
        "access": { "staff": { "everyone": "hidden", "r0": { "allow": ["view_channel"] } } },
        "roles": role_map,
        "channels": outside,
        "categories": categories,
        "expectations": [
            { "role": "everyone", "cannot": ["administrator"], "in": ["lobby"] },
            { "role": "r0", "can": ["view_channel"], "in": ["lobby", "k0"] },
        ],
    });
    for section in ["policy", "settings"] {
        if rng.percent(25) {
            document.as_object_mut().expect("a map").shift_remove(section);
        }
    }
    document
}

pub(super) fn some_text_of_one_line(rng: &mut Rng) -> Value {
    loop {
        let text = some_text(rng);
        if !text.as_str().unwrap_or_default().contains('\n') {
            return text;
        }
    }
}

/// Types a document.
pub(super) fn typed(document: &Value, rng: &mut Rng) -> Page {
    let style = Style {
        step: *rng.pick(&[2, 2, 2, 4]),
        comments: *rng.pick(&[0, 15, 30]),
        blanks: *rng.pick(&[0, 10, 25]),
        brackets: *rng.pick(&[10, 50, 90]),
        anchors: *rng.pick(&[0, 0, 40]),
        quotes: *rng.pick(&[10, 60]),
    };
    let mut typist = Typist { style, rng, lines: Vec::new(), comments: Vec::new(), anchors: Vec::new() };
    if typist.rng.percent(30) {
        typist.lines.push(("# yaml-language-server: $schema=x".to_owned(), String::new()));
        typist.lines.push((String::new(), String::new()));
    }
    typist.map(document.as_object().expect("a map"), 0, "");
    if typist.rng.percent(30) {
        typist.comment_line(0, "");
    }
    let Typist { lines, comments, .. } = typist;
    let eol = if rng.percent(20) { "\r\n" } else { "\n" };
    let mut text: String = lines.iter().map(|(line, _)| format!("{line}{eol}")).collect();
    if rng.percent(20) && !text.trim_end().ends_with('|') {
        text.truncate(text.trim_end().len());
    }
    Page { text, lines, comments }
}

struct Style {
    step: usize,
    comments: usize,
    blanks: usize,
    brackets: usize,
    anchors: usize,
    quotes: usize,
}

struct Typist<'r> {
    style: Style,
    rng: &'r mut Rng,
    lines: Vec<(String, String)>,
    comments: Vec<(String, String)>,
    /// What has a name, and can be written by it.
    anchors: Vec<(Value, String)>,
}

impl Typist<'_> {
    fn comment(&mut self, owner: &str) -> String {
        let comment = format!("# note {}", self.comments.len());
        self.comments.push((comment.clone(), owner.to_owned()));
        comment
    }

    fn comment_line(&mut self, indent: usize, owner: &str) {
        let comment = self.comment(owner);
        self.line(indent, &comment, owner);
    }

    fn line(&mut self, indent: usize, text: &str, owner: &str) {
        self.lines.push((format!("{:indent$}{text}", ""), owner.to_owned()));
    }

    fn map(&mut self, map: &Map<String, Value>, indent: usize, path: &str) {
        let mut is_first = true;
        let merged = self.merged(map, path);
        if let Some((name, _)) = &merged {
            let line = format!("<<: *{name}");
            self.line(indent, &line, path);
        }
        for (key, value) in map {
            if merged.as_ref().is_some_and(|(_, keys)| keys.contains(key)) {
                continue;
            }
            let place = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            if !is_first && self.rng.percent(self.style.blanks) {
                self.line(0, "", path);
            }
            if self.rng.percent(self.style.comments) {
                // One above the first may be about all of them.
                let owner = if is_first { path } else { &place };
                self.comment_line(indent, owner);
            }
            is_first = false;
            let head = format!("{}:", self.key(key));
            self.entry(&head, value, indent, &place);
        }
    }

    /// A named map that is a part of this one.
    fn merged(&mut self, map: &Map<String, Value>, path: &str) -> Option<(String, Vec<String>)> {
        let is_object =
            matches!(path.split('.').collect::<Vec<_>>().as_slice(), ["roles" | "channels", _] | [_, _, _, _]);
        if !is_object || !self.rng.percent(self.style.anchors) {
            return None;
        }
        self.anchors.iter().find_map(|(value, name)| {
            let part = value.as_object()?;
            let is_part = !part.is_empty() && part.len() < map.len() && part.iter().all(|(k, v)| map.get(k) == Some(v));
            is_part.then(|| (name.clone(), part.keys().cloned().collect::<Vec<_>>()))
        })
    }

    fn key(&mut self, key: &str) -> String {
        match self.rng.below(100) {
            0..=2 => format!("'{key}'"),
            3..=5 => format!("\"{key}\""),
            _ => key.to_owned(),
        }
    }

    fn entry(&mut self, head: &str, value: &Value, indent: usize, place: &str) {
        let depth = place.split('.').count();
        let mut head = head.to_owned();
        let is_anchored = depth >= 2 && !place.starts_with("version") && self.rng.percent(self.style.anchors);
        if is_anchored && let Some((_, name)) = self.anchors.iter().find(|(known, _)| known == value) {
            let line = format!("{head} *{name}");
            return self.with_remark(indent, &line, place);
        }
        if is_anchored && !matches!(value, Value::Bool(_) | Value::Number(_)) && !is_empty(value) {
            let name = format!("a{}", self.anchors.len());
            head = format!("{head} &{name}");
            self.anchors.push((value.clone(), name));
        }
        match value {
            Value::Object(map) if map.is_empty() && is_object(place) && !head.contains('&') && self.rng.percent(50) => {
                self.with_remark(indent, &head, place);
            }
            Value::String(text) if text.contains('\n') && self.rng.percent(60) => {
                self.line(indent, &format!("{head} |-"), place);
                for line in text.split('\n') {
                    let inner = if line.is_empty() { 0 } else { indent + self.style.step };
                    self.line(inner, line, place);
                }
            }
            Value::Object(map) if !map.is_empty() && !self.is_short(value, depth) => {
                self.with_remark(indent, &head, place);
                self.map(map, indent + self.style.step, place);
            }
            Value::Object(map) if !map.is_empty() && self.rng.percent(20) => {
                let pieces = map.iter().map(|(key, value)| (key.clone(), format!("{key}: {}", self.flow(value))));
                let pieces: Vec<(String, String)> = pieces.collect();
                self.brackets(&head, '{', '}', &pieces, indent, place);
            }
            Value::Array(items) if !items.is_empty() && self.rng.percent(25) => {
                self.with_remark(indent, &head, place);
                let deeper = if self.rng.percent(30) { indent } else { indent + self.style.step };
                for (at, item) in items.iter().enumerate() {
                    let own = format!("{place}.{at}");
                    if at > 0 && self.rng.percent(self.style.comments) {
                        self.comment_line(deeper, &own);
                    }
                    let line = format!("- {}", self.flow(item));
                    self.with_remark(deeper, &line, &own);
                }
            }
            Value::Array(items) if !items.is_empty() && self.rng.percent(20) => {
                let pieces = items.iter().enumerate().map(|(at, item)| (at.to_string(), self.flow(item)));
                let pieces: Vec<(String, String)> = pieces.collect();
                self.brackets(&head, '[', ']', &pieces, indent, place);
            }
            _ => {
                let line = format!("{head} {}", self.flow(value));
                self.with_remark(indent, &line, place);
            }
        }
    }

    /// Brackets over several lines, with comments.
    fn brackets(
        &mut self,
        head: &str,
        open: char,
        close: char,
        pieces: &[(String, String)],
        indent: usize,
        place: &str,
    ) {
        self.line(indent, &format!("{head} {open}"), place);
        for (at, (key, piece)) in pieces.iter().enumerate() {
            let comma = if at + 1 < pieces.len() || self.rng.percent(40) { "," } else { "" };
            let line = format!("{piece}{comma}");
            self.with_remark(indent + self.style.step, &line, &format!("{place}.{key}"));
        }
        self.line(indent, &close.to_string(), place);
    }

    fn with_remark(&mut self, indent: usize, line: &str, place: &str) {
        let remark = if self.rng.percent(self.style.comments / 2) {
            format!("  {}", self.comment(place))
        } else {
            String::new()
        };
        self.line(indent, &format!("{line}{remark}"), place);
    }

    /// True when something is written between brackets.
    fn is_short(&mut self, value: &Value, depth: usize) -> bool {
        let has_lines = value.to_string().contains("\\n");
        depth >= 2 && !has_lines && value.to_string().len() < 160 && self.rng.percent(self.style.brackets)
    }

    fn flow(&mut self, value: &Value) -> String {
        let space = *self.rng.pick(&["", " "]);
        match value {
            Value::Array(items) => {
                let items: Vec<String> = items.iter().map(|item| self.flow(item)).collect();
                format!("[{space}{}{space}]", items.join(", "))
            }
            Value::Object(map) if map.is_empty() => "{}".to_owned(),
            Value::Object(map) => {
                let pieces: Vec<String> =
                    map.iter().map(|(key, value)| format!("{}: {}", self.key(key), self.flow(value))).collect();
                format!("{{{space}{}{space}}}", pieces.join(", "))
            }
            Value::String(text) => self.text(text),
            other => other.to_string(),
        }
    }

    fn text(&mut self, text: &str) -> String {
        let is_word = text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, ' ' | '_' | '.'));
        let is_plain =
            is_word && !["null", "yes", "12"].contains(&text) && !text.starts_with(|c: char| c.is_ascii_digit());
        match self.rng.percent(self.style.quotes) {
            false if is_plain => text.to_owned(),
            _ if self.rng.percent(50) && !text.contains('\n') => format!("'{}'", text.replace('\'', "''")),
            _ => json!(text).to_string(),
        }
    }
}

fn is_empty(value: &Value) -> bool {
    matches!(value, Value::Object(map) if map.is_empty()) || matches!(value, Value::Array(list) if list.is_empty())
}

/// True for an object of which nothing may be said.
fn is_object(place: &str) -> bool {
    matches!(
        place.split('.').collect::<Vec<_>>().as_slice(),
        ["roles" | "channels" | "categories", _] | ["categories", _, "channels", _]
    )
}
