//! What of the controller's news people are told, and in which words: pure.
//!
//! A guild stands somehow after each visit; what is wrong begins with one of them and ends with a later one. Discord or the
//! database being away is one affair of all guilds, however many of them notice. Nothing here asks how often something is told:
//! that is the [`Desk`](super::Desk)'s.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::controller::run::Report;
use crate::controller::standing::{Standing, State};
use crate::discord::in_words;
use crate::model::{GuildId, Occasion};
use crate::plan::{Plan, Step};

use super::Event;

/// Something all guilds depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dependency {
    /// Discord's API.
    Discord,
    /// The database.
    Database,
}

impl Dependency {
    const ALL: [Self; 2] = [Self::Discord, Self::Database];

    /// The word for it, as a reason.
    pub fn word(self) -> &'static str {
        match self {
            Self::Discord => "discord",
            Self::Database => "database",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Discord => "Discord",
            Self::Database => "The database",
        }
    }

    fn what_it_means(self) -> &'static str {
        match self {
            Self::Discord => {
                "Discord does not answer as it should. Nothing is lost, and everything goes on by itself when it is back."
            }
            Self::Database => {
                "Nothing can be recorded, so nothing is changed in any guild meanwhile. Everything goes on by itself when it \
                 is back."
            }
        }
    }

    /// True when a guild could not stand like this if it were away.
    fn is_there(self, sight: &Sight<'_>) -> bool {
        let Standing { state, reason, .. } = sight.standing;
        match self {
            Self::Database => true,
            Self::Discord => {
                let was_asked = sight.plan.is_some() || sight.report.is_some() || REFUSALS.contains(&reason.as_str());
                was_asked || matches!(state, State::Ready | State::Drifted | State::AwaitingApproval)
            }
        }
    }
}

/// Reasons to wait for somebody that only an answer of Discord's gives.
const REFUSALS: [&str; 5] = ["AccessDenied", "GuildNotFound", "MissingPermissions", "DecisionNeeded", "Refused"];

/// Reasons for which a guild that is worked on is not as it should be, through no wait anybody meant.
const FAILURES: [&str; 4] = ["StepsFailed", "NotThereYet", "AnswerLost", "Unsettled"];

/// Most changes that are named.
const MOST_CHANGES: usize = 5;

/// What was found of a guild.
#[derive(Clone, Copy, Debug)]
pub struct Sight<'a> {
    /// Which guild.
    pub guild: GuildId,
    /// What people call it.
    pub name: &'a str,
    /// How it stands.
    pub standing: &'a Standing,
    /// The plan that visit was about.
    pub plan: Option<&'a Plan>,
    /// What was applied on it.
    pub report: Option<&'a Report>,
    /// What is wrong with its source.
    pub problems: &'a [String],
}

/// What a standing means to people.
enum Meaning {
    InOrder,
    Wrong(Occasion),
    Away(Dependency),
    /// It goes by itself, or somebody meant it.
    Nothing,
}

fn meaning(standing: &Standing) -> Meaning {
    match (standing.state, standing.reason.as_str()) {
        (State::Ready, _) => Meaning::InOrder,
        (State::Drifted, _) => Meaning::Wrong(Occasion::Drifted),
        (State::AwaitingApproval, _) => Meaning::Wrong(Occasion::AwaitingApproval),
        (State::Stalled, "DatabaseError") => Meaning::Away(Dependency::Database),
        (State::Stalled, _) => Meaning::Wrong(Occasion::Stalled),
        (State::Reconciling, "DiscordUnavailable") => Meaning::Away(Dependency::Discord),
        (State::Reconciling, "DatabaseUnavailable") => Meaning::Away(Dependency::Database),
        (State::Reconciling, reason) if FAILURES.contains(&reason) => Meaning::Wrong(Occasion::Failed),
        (State::Reconciling | State::Suspended, _) => Meaning::Nothing,
    }
}

/// Tells what happened from what is seen.
#[derive(Clone, Debug, Default)]
pub struct Herald {
    /// What is wrong with each guild, by reason, since it was last in order.
    wrong: BTreeMap<GuildId, BTreeSet<String>>,
    /// The guilds that noticed that something is away. There while it is.
    away: BTreeMap<Dependency, BTreeSet<GuildId>>,
    /// Sources that cannot be used.
    sources: BTreeSet<String>,
}

impl Herald {
    /// What a visit to a guild means.
    pub fn visited(&mut self, sight: &Sight<'_>) -> Vec<Event> {
        let meaning = meaning(sight.standing);
        let away = match meaning {
            Meaning::Away(dependency) => Some(dependency),
            Meaning::InOrder | Meaning::Wrong(_) | Meaning::Nothing => None,
        };
        let mut events = self.back(sight, away);
        match meaning {
            Meaning::Nothing => {}
            Meaning::Away(dependency) => {
                self.away.entry(dependency).or_default().insert(sight.guild);
                events.push(outage(dependency));
            }
            Meaning::Wrong(occasion) => {
                self.wrong.entry(sight.guild).or_default().insert(sight.standing.reason.clone());
                events.push(wrong(occasion, sight));
            }
            Meaning::InOrder => {
                let over = self.wrong.remove(&sight.guild).unwrap_or_default();
                events.extend(over.into_iter().map(|reason| in_order(reason, sight)));
                events.extend(sight.report.map(|report| applied(report, sight)));
            }
        }
        events
    }

    /// What is back, now that a guild was seen that is not without it.
    fn back(&mut self, sight: &Sight<'_>, away: Option<Dependency>) -> Vec<Event> {
        let mut events = Vec::new();
        for dependency in Dependency::ALL.into_iter().filter(|dependency| Some(*dependency) != away) {
            let Some(noticed) = self.away.get_mut(&dependency) else { continue };
            noticed.remove(&sight.guild);
            // As long as a single guild still notices, it is not over: a part of Discord may be away.
            if noticed.is_empty() && dependency.is_there(sight) {
                self.away.remove(&dependency);
                events.push(Event {
                    occasion: Occasion::Recovered,
                    text: "It is there again, and everything goes on.".to_owned(),
                    next: None,
                    ..outage(dependency)
                });
            }
        }
        events
    }

    /// What is wrong with a source now, all of it; nothing when it can be used.
    pub fn looked_at_source(&mut self, source: &str, problems: &[String]) -> Option<Event> {
        let told = |occasion, text| Event {
            guild: None,
            name: format!("The source {source}"),
            occasion,
            reason: source.to_owned(),
            revision: None,
            mark: None,
            plan: None,
            text,
            next: None,
            part_of: None,
        };
        let Some((first, others)) = problems.split_first() else {
            let was_wrong = self.sources.remove(source);
            return was_wrong
                .then(|| told(Occasion::Recovered, "It was read, and nothing is wrong with it.".to_owned()));
        };
        self.sources.insert(source.to_owned());
        Some(told(Occasion::SourceFailed, and_more(first.clone(), others.len())))
    }

    /// That Discord's gateway tells nothing, and will not before somebody changes a setting.
    pub fn deaf(&self, problem: &str) -> Event {
        Event {
            guild: None,
            name: "Discord's gateway".to_owned(),
            occasion: Occasion::Outage,
            reason: "gateway".to_owned(),
            revision: None,
            mark: None,
            plan: None,
            text: format!("{problem}. Until setai is started again, guilds are looked at on schedule only"),
            next: Some("setai doctor".to_owned()),
            part_of: None,
        }
    }
}

fn outage(dependency: Dependency) -> Event {
    Event {
        guild: None,
        name: dependency.name().to_owned(),
        occasion: Occasion::Outage,
        reason: dependency.word().to_owned(),
        revision: None,
        mark: None,
        plan: None,
        text: dependency.what_it_means().to_owned(),
        next: Some("setai status".to_owned()),
        part_of: None,
    }
}

fn wrong(occasion: Occasion, sight: &Sight<'_>) -> Event {
    let Sight { guild, name, standing, plan, report, problems } = sight;
    let next = match occasion {
        Occasion::Drifted => "setai drift".to_owned(),
        Occasion::AwaitingApproval => {
            plan.map_or_else(|| "setai approve".to_owned(), |plan| format!("setai approve {}", plan.digest.short()))
        }
        _ => report.map_or_else(|| "setai status".to_owned(), |report| format!("setai history {}", report.run.short())),
    };
    Event {
        guild: Some(*guild),
        name: (*name).to_owned(),
        occasion,
        reason: standing.reason.clone(),
        revision: standing.attempted.clone(),
        // A failure is the same whatever is left of the plan; a difference or a request for approval is not.
        mark: plan.filter(|_| report.is_none()).map(differences),
        plan: plan.map(|plan| plan.digest.to_string()),
        text: standing.message.clone(),
        next: Some(next),
        part_of: problems.contains(&standing.message).then_some(Occasion::SourceFailed),
    }
}

fn in_order(reason: String, sight: &Sight<'_>) -> Event {
    let Sight { guild, name, standing, plan: _, report: _, problems: _ } = sight;
    Event {
        guild: Some(*guild),
        name: (*name).to_owned(),
        occasion: Occasion::Recovered,
        reason,
        revision: standing.applied.clone(),
        mark: None,
        plan: None,
        text: standing.message.clone(),
        next: None,
        part_of: None,
    }
}

fn applied(report: &Report, sight: &Sight<'_>) -> Event {
    let Sight { guild, name, standing, plan, report: _, problems: _ } = sight;
    let done: Vec<&Step> = report.done().collect();
    let (named, rest) = done.split_at(done.len().min(MOST_CHANGES));
    let named: Vec<String> = named.iter().map(|step| in_words(&step.operation)).collect();
    let changes = if named.is_empty() { String::new() } else { format!(": {}", named.join("; ")) };
    Event {
        guild: Some(*guild),
        name: (*name).to_owned(),
        occasion: Occasion::Applied,
        reason: standing.reason.clone(),
        revision: standing.applied.clone(),
        mark: Some(report.run.to_string()),
        plan: plan.map(|plan| plan.digest.to_string()),
        text: and_more(format!("{}{changes}", standing.message), rest.len()),
        next: Some(format!("setai history {}", report.run.short())),
        part_of: None,
    }
}

fn and_more(text: String, more: usize) -> String {
    if more == 0 { text } else { format!("{text} (and {more} more)") }
}

/// What differs, apart from everything else the plan's digest rests on: a guild in which people do other things is not news.
fn differences(plan: &Plan) -> String {
    let operations: Vec<_> = plan.steps.iter().map(|step| &step.operation).collect();
    let digest = Sha256::digest(json!(operations).to_string());
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
