//! What is told of an understood request.
//!
//! Decides on the confidence, the intent and the parts of an [`Interpretation`]. Changes no edit.

use crate::ai::{Command, Entity, EntityKind, Intent, Interpretation, Part, Position};
use crate::manifest::edit::{Edit, Subject};
use crate::model::ChannelKind;

use super::clause::{Gap, Mention, Why};
use super::guild::Guild;
use super::make::Maker;
use super::names::Fit;
use super::{Heard, MODEL};

/// Puts together what came of a request.
pub(super) fn interpretation(request: &str, source: &[char], maker: Maker, heard: Heard) -> Interpretation {
    let typed = |start: usize, end: usize| source.get(start..end).unwrap_or_default().iter().collect::<String>();
    if !heard.is_understood {
        let why = heard.gaps.first().map_or("it is no request that is understood", |gap| told(&gap.why));
        return Interpretation::not_understood(request, MODEL, why);
    }
    let confidence_score = confidence(&maker.edits, &heard);
    let Heard { mut gaps, readings, .. } = heard;
    gaps.sort_by_key(|gap| (gap.start, gap.end));
    gaps.dedup_by_key(|gap| (gap.start, gap.end));
    let part = |gap: &Gap| {
        let Gap { start, end, why } = gap;
        Part { text: typed(*start, *end), position: Position { start: *start, end: *end }, why: told(why).to_owned() }
    };
    let others = readings.iter().flat_map(|reading| &reading.others).map(|(kind, (start, end))| Entity {
        kind: *kind,
        value: typed(*start, *end),
        confidence: 1.0,
        position: Position { start: *start, end: *end },
    });
    let mut entities: Vec<Entity> = readings
        .iter()
        .flat_map(|reading| &reading.mentions)
        .filter(|(mention, _)| !mention.is_pronoun)
        .map(|(mention, (start, end))| entity(mention, typed(*start, *end), *start, *end))
        .chain(others)
        .collect();
    entities.sort_by_key(|entity| (entity.position.start, entity.position.end));
    entities.dedup_by_key(|entity| entity.position);
    Interpretation {
        original_text: request.to_owned(),
        confidence_score,
        intent: Intent::of(&maker.edits),
        entities,
        structured_command: Command::of(&maker.edits),
        alternatives: Vec::new(),
        processing_time: 0.0,
        model_used: MODEL.to_owned(),
        cached: false,
        not_understood: gaps.iter().map(part).collect(),
        edits: maker.edits,
    }
}

fn told(why: &Why) -> &'static str {
    match why {
        Why::Unknown => "it is no request that is understood",
        Why::NotFound => "nothing has this name",
        Why::Ambiguous(_) => "several objects have this name",
        Why::Value(why) | Why::Refused(why) => why,
        Why::Leftover => "it was not taken into account",
    }
}

/// Falls with every doubt; 0 when nothing is done.
fn confidence(edits: &[Edit], heard: &Heard) -> f64 {
    if edits.is_empty() {
        return 0.0;
    }
    let typos = heard
        .readings
        .iter()
        .flat_map(|reading| &reading.mentions)
        .filter(|(mention, _)| mention.fit == Fit::Typo)
        .count();
    let times = |factor: f64, count: usize| factor.powi(i32::try_from(count).unwrap_or(i32::MAX));
    let score = 0.97
        * times(0.9, typos)
        * times(0.95, heard.mended.min(8))
        * times(0.9, heard.assumed)
        * times(0.8, heard.gaps.len());
    ((score * 1000.0).round() / 1000.0).max(0.001)
}

/// What tells an object from others that are called the same.
pub(super) fn meaning(guild: &Guild, object: &Subject) -> String {
    match object {
        Subject::Role(key) => format!("the role {key}"),
        Subject::Category(key) => format!("the category {key}"),
        Subject::Channel(key) => {
            let kind = guild.kind(object).unwrap_or(ChannelKind::Text).noun();
            let inside = guild.category_of(key).map_or_else(String::new, |category| format!(" in {category}"));
            format!("the {kind} {key}{inside}")
        }
        other => other.to_string(),
    }
}

fn entity(mention: &Mention, value: String, start: usize, end: usize) -> Entity {
    let kind = match mention.objects.first() {
        Some(Subject::Role(_)) => EntityKind::RoleName,
        Some(Subject::Category(_)) => EntityKind::Category,
        _ => EntityKind::ChannelName,
    };
    let confidence = match mention.fit {
        Fit::Exact => 1.0,
        Fit::Folded => 0.95,
        Fit::Typo => 0.8,
    };
    Entity { kind, value, confidence, position: Position { start, end } }
}
