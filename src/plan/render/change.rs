//! A step as a headline and the fields it changes.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::model::{
    ChannelAttributes, ChannelKind, FieldChange, Overwrite, Overwrites, Permissions, RoleAttributes, Target,
};

use super::super::Plan;
use super::super::operation::{BindingChange, Operation, Step};

/// What a step does, by the sign it is shown with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// `+`
    Create,
    /// `~`
    Update,
    /// `-`
    Delete,
    /// `>`
    Move,
}

impl Sign {
    pub(super) fn symbol(self) -> char {
        match self {
            Self::Create => '+',
            Self::Update => '~',
            Self::Delete => '-',
            Self::Move => '>',
        }
    }
}

/// A step, described.
pub(super) struct Described {
    pub(super) sign: Sign,
    pub(super) headline: String,
    pub(super) details: Vec<Detail>,
}

/// One line below a headline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    /// A field of a new object, or words.
    Said(String, String),
    /// A field that changes.
    Changed(String, String, String),
    /// Something a field gains.
    Gains(String, String),
    /// Something a field loses.
    Loses(String, String),
    /// Lines of a long text that changes, each with `+`, `-` or a space before it.
    Text(String, Vec<String>),
}

/// What no request brings back.
const LOST_WITH_A_CHANNEL: &str = "all its messages, threads, invites and webhooks, for ever";

/// What is lost for good once a step is done, as a sentence; none when another request can undo it.
pub fn loss(operation: &Operation) -> Option<String> {
    match operation {
        Operation::DeleteChannel { channel, .. } if channel.kind != ChannelKind::Category => {
            Some(format!("#{} is gone, with {LOST_WITH_A_CHANNEL}.", channel.name))
        }
        Operation::DeleteRole { role, .. } => {
            Some(format!("The role {} is gone; who had it is known only if it could be written down.", role.name))
        }
        _ => None,
    }
}

/// Describes a step.
pub(super) fn describe(plan: &Plan, step: &Step) -> Described {
    let archives = step.bindings.iter().any(|b| matches!(b, BindingChange::Archive { .. }));
    match &step.operation {
        Operation::UpdateGuild { changes } => {
            Described { sign: Sign::Update, headline: "settings".to_owned(), details: fields(plan, changes.changes()) }
        }
        Operation::CreateRole { role, .. } => {
            let blank = RoleAttributes::named(role.name.clone());
            let details = new_fields(plan, blank.diff(role).changes());
            Described { sign: Sign::Create, headline: format!("role {}", role.name), details }
        }
        Operation::UpdateRole { role, changes } => {
            let details = fields(plan, changes.changes());
            Described { sign: Sign::Update, headline: format!("role {}", role.name), details }
        }
        Operation::DeleteRole { role, .. } => Described {
            sign: Sign::Delete,
            headline: format!("role {}", role.name),
            details: vec![Detail::Said("lost".to_owned(), "who had the role".to_owned())],
        },
        Operation::GiveRole { name, user, .. } => {
            let details = vec![Detail::Gains("role".to_owned(), name.clone())];
            Described { sign: Sign::Update, headline: format!("member {user}"), details }
        }
        Operation::MoveRoles { moves } => {
            let names: Vec<&str> = moves.iter().map(|m| m.name.as_str()).collect();
            let details = vec![Detail::Said("from the top".to_owned(), names.join(", "))];
            Described { sign: Sign::Move, headline: format!("order of {} roles", moves.len()), details }
        }
        Operation::CreateChannel { channel, .. } => {
            let mut blank = ChannelAttributes::named(channel.name.clone(), channel.kind);
            blank.parent.clone_from(&channel.parent);
            let details = new_fields(plan, blank.diff(channel).changes());
            let place = channel.parent.as_ref().map(|p| name_of(plan, "channel", &p.to_string()));
            Described { sign: Sign::Create, headline: headline(channel.kind, &channel.name, place.as_deref()), details }
        }
        Operation::UpdateChannel { channel, changes } => {
            let mut details = fields(plan, changes.changes());
            if archives {
                details.insert(
                    0,
                    Detail::Said("archived".to_owned(), "only administrators see it; nothing is lost".to_owned()),
                );
            }
            let headline = headline(channel.kind, &channel.name, channel.category.as_deref());
            Described { sign: Sign::Update, headline, details }
        }
        Operation::SetTopic { name, kind, topic, .. } => {
            let change = FieldChange { field: "topic", from: Value::Null, to: Value::String(topic.clone()) };
            Described { sign: Sign::Update, headline: headline(*kind, name, None), details: field(plan, &change) }
        }
        Operation::DeleteChannel { channel, .. } => {
            let lost = if channel.kind == ChannelKind::Category {
                Vec::new()
            } else {
                vec![Detail::Said("lost".to_owned(), LOST_WITH_A_CHANNEL.to_owned())]
            };
            let headline = headline(channel.kind, &channel.name, channel.category.as_deref());
            Described { sign: Sign::Delete, headline, details: lost }
        }
        Operation::MoveChannels { moves } => {
            let names: Vec<&str> = moves.iter().map(|m| m.name.as_str()).collect();
            let details = vec![Detail::Said("in order".to_owned(), names.join(", "))];
            Described { sign: Sign::Move, headline: format!("order of {} channels", moves.len()), details }
        }
    }
}

fn headline(kind: ChannelKind, name: &str, place: Option<&str>) -> String {
    let place = place.map_or_else(String::new, |place| format!("{place} / "));
    match kind {
        ChannelKind::Category => format!("category {name}"),
        ChannelKind::Text => format!("{place}#{name}"),
        kind => format!("{place}#{name} ({})", kind.name()),
    }
}

fn name_of(plan: &Plan, space: &str, reference: &str) -> String {
    plan.names.get(&format!("{space}:{reference}")).cloned().unwrap_or_else(|| reference.to_owned())
}

fn new_fields(plan: &Plan, changes: Vec<FieldChange>) -> Vec<Detail> {
    let detail = |change: FieldChange| match change.field {
        "overwrites" => overwrites(plan, &Value::Object(serde_json::Map::new()), &change.to),
        "permissions" => vec![Detail::Said("permissions".to_owned(), words(plan, "permissions", &change.to))],
        field => vec![Detail::Said(spelled(field).to_owned(), words(plan, field, &change.to))],
    };
    changes.into_iter().flat_map(detail).collect()
}

fn fields(plan: &Plan, changes: Vec<FieldChange>) -> Vec<Detail> {
    changes.into_iter().flat_map(|change| field(plan, &change)).collect()
}

fn field(plan: &Plan, change: &FieldChange) -> Vec<Detail> {
    let FieldChange { field, from, to } = change;
    match *field {
        "overwrites" => overwrites(plan, from, to),
        "permissions" => set("permissions", &strings(from), &strings(to)),
        "features" => set("features", &strings(from), &strings(to)),
        "topic" | "description" if is_long(from) || is_long(to) => {
            let (from, to) = (from.as_str().unwrap_or_default(), to.as_str().unwrap_or_default());
            let diff = similar::TextDiff::from_lines(from, to);
            let line =
                |change: similar::Change<&str>| format!("{}{}", change.tag(), change.value().trim_end_matches('\n'));
            vec![Detail::Text(spelled(field).to_owned(), diff.iter_all_changes().map(line).collect())]
        }
        field => vec![Detail::Changed(spelled(field).to_owned(), words(plan, field, from), words(plan, field, to))],
    }
}

fn is_long(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.contains('\n') || text.len() > 60)
}

/// Field names as manifests spell them.
fn spelled(field: &str) -> &str {
    match field {
        "overwrites" => "permissions",
        "kind" => "type",
        "parent" => "category",
        "available_tags" => "tags",
        field => field,
    }
}

fn set(field: &str, from: &[String], to: &[String]) -> Vec<Detail> {
    let only = |these: &[String], those: &[String]| -> Vec<String> {
        these.iter().filter(|name| !those.contains(name)).cloned().collect()
    };
    let (gains, loses) = (only(to, from), only(from, to));
    let mut details = Vec::new();
    if !gains.is_empty() {
        details.push(Detail::Gains(field.to_owned(), gains.join(", ")));
    }
    if !loses.is_empty() {
        details.push(Detail::Loses(field.to_owned(), loses.join(", ")));
    }
    details
}

fn strings(value: &Value) -> Vec<String> {
    let names = value.as_array().map_or(&[][..], Vec::as_slice);
    names.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// What each target gains and loses: single bits, so that the rest of a long overwrite need not be compared by eye.
fn overwrites(plan: &Plan, from: &Value, to: &Value) -> Vec<Detail> {
    let read = |value: &Value| serde_json::from_value::<Overwrites>(value.clone()).unwrap_or_default();
    let (from, to) = (read(from), read(to));
    let targets: BTreeSet<&Target> = to.iter().chain(from.iter()).map(|(target, _)| target).collect();
    let only = |a: Overwrite, b: Overwrite| Overwrite { allow: a.allow.without(b.allow), deny: a.deny.without(b.deny) };
    let mut details = Vec::new();
    for target in targets {
        let (was, now) = (from.get(target), to.get(target));
        let (gains, loses) = (only(now, was), only(was, now));
        let said = |overwrite: &Overwrite| format!("{}: {}", target_name(plan, target), spoken(overwrite));
        if !gains.is_neutral() {
            details.push(Detail::Gains("permissions".to_owned(), said(&gains)));
        }
        if !loses.is_neutral() {
            details.push(Detail::Loses("permissions".to_owned(), said(&loses)));
        }
    }
    details
}

fn target_name(plan: &Plan, target: &Target) -> String {
    match target {
        Target::Role(role) => name_of(plan, "role", &role.to_string()),
        Target::Member(user) => format!("user:{user}"),
    }
}

fn spoken(overwrite: &Overwrite) -> String {
    let listed = |permissions: Permissions| permissions.names().join(", ");
    match (overwrite.allow.is_empty(), overwrite.deny.is_empty()) {
        (false, true) => format!("allow {}", listed(overwrite.allow)),
        (true, false) => format!("deny {}", listed(overwrite.deny)),
        _ => format!("allow {}; deny {}", listed(overwrite.allow), listed(overwrite.deny)),
    }
}

/// A value in words.
fn words(plan: &Plan, field: &str, value: &Value) -> String {
    match (field, value) {
        (_, Value::Null) => "none".to_owned(),
        (
            "parent"
            | "afk_channel"
            | "system_channel"
            | "rules_channel"
            | "public_updates_channel"
            | "safety_alerts_channel",
            Value::String(reference),
        ) => name_of(plan, "channel", reference),
        ("colors", Value::Object(colors)) => {
            let color = |name: &str| colors.get(name).and_then(Value::as_u64).map(|c| format!("#{c:06x}"));
            let colors: Vec<String> = ["primary", "secondary", "tertiary"].into_iter().filter_map(color).collect();
            if colors == ["#000000"] { "none".to_owned() } else { colors.join(" ") }
        }
        ("available_tags", Value::Array(tags)) => {
            let name = |tag: &Value| tag.get("name").and_then(Value::as_str).map(str::to_owned);
            if tags.is_empty() {
                "none".to_owned()
            } else {
                tags.iter().filter_map(name).collect::<Vec<_>>().join(", ")
            }
        }
        ("icon" | "splash" | "discovery_splash" | "banner", Value::Object(image)) => {
            let path = image.get("upload").and_then(|u| u.get("path")).and_then(Value::as_str);
            path.map_or_else(|| "the present image".to_owned(), str::to_owned)
        }
        ("default_reaction_emoji", Value::Object(emoji)) => {
            emoji.values().next().map_or_else(String::new, |v| v.to_string().trim_matches('"').to_owned())
        }
        (_, Value::String(text)) => format!("{text:?}"),
        (_, Value::Array(_)) => strings(value).join(", "),
        (_, value) => value.to_string(),
    }
}
