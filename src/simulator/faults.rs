//! Faults on demand: what goes wrong with which request.
//!
//! Rules are data, so that a run can be repeated from a file and a seed. Decides which rules hit; the server carries
//! them out.
//!
//! ```yaml
//! seed: 7
//! rules:
//!   - { fault: latency, milliseconds: 20, jitter: 30 }
//!   - { method: PATCH, path: "/channels/*", nth: 3, fault: rate_limit, scope: shared, retry_after: 1500 }
//!   - { method: POST, probability: 0.01, fault: connection_lost, done: true }
//!   - { path: "/guilds/*/channels", first: 1, fault: refused, status: 400, code: 20031, message: Contains words not allowed }
//!   - { nth: 12, fault: edit, act: { user_id: "5", method: DELETE, path: /channels/9 } }
//!   - { event: "CHANNEL_*", probability: 0.1, fault: event_dropped }
//!   - { event: GUILD_ROLE_UPDATE, nth: 2, fault: gateway_closed, code: 4000 }
//!   - { event: HEARTBEAT_ACK, fault: event_dropped }
//! ```

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Act;
use super::limits::Scope;
use crate::manifest::diagnostic::nearest;

/// Rules, and the seed that decides those with a probability.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// Equal seeds and equal requests give equal faults.
    pub seed: u64,
    /// All that hit, hit; of those that replace the answer, the first.
    pub rules: Vec<Rule>,
}

impl Faults {
    /// One rule that hits every request.
    pub fn always(fault: Fault) -> Self {
        Self { seed: 0, rules: vec![Rule::new(fault)] }
    }
}

/// What goes wrong, and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Map<String, Value>")]
pub struct Rule {
    /// Only requests with this method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Only paths (below the API's version) like this; `*` stands for any text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Only events of a name like this, for faults of the Gateway. Without it they hit everything a changed guild makes
    /// known. `HELLO`, `READY`, `RESUMED` and `HEARTBEAT_ACK` have to be named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// Only the n-th that fits, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nth: Option<u64>,
    /// Only the first so many that fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<u64>,
    /// Only this share of them, 0 to 1, by the seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// What goes wrong.
    #[serde(flatten)]
    pub fault: Fault,
}

impl Rule {
    /// A rule that hits every request; narrow it by setting fields.
    pub fn new(fault: Fault) -> Self {
        Self { method: None, path: None, event: None, nth: None, first: None, probability: None, fault }
    }

    /// Only requests with this method and a path like this.
    #[must_use]
    pub fn on(mut self, method: &str, path: &str) -> Self {
        (self.method, self.path) = (Some(method.to_owned()), Some(path.to_owned()));
        self
    }

    /// Only events of a name like this.
    #[must_use]
    pub fn on_event(mut self, event: &str) -> Self {
        self.event = Some(event.to_owned());
        self
    }

    /// Only the n-th that fits, from 1.
    #[must_use]
    pub fn nth(mut self, nth: u64) -> Self {
        self.nth = Some(nth);
        self
    }

    /// What says when it hits.
    const NARROWING: [&str; 6] = ["method", "path", "event", "nth", "first", "probability"];

    fn fits(&self, method: &str, path: &str) -> bool {
        !self.fault.is_of_gateway()
            && self.method.as_ref().is_none_or(|m| m.eq_ignore_ascii_case(method))
            && self.path.as_ref().is_none_or(|pattern| like(pattern, path))
    }

    fn fits_event(&self, event: &str) -> bool {
        let unnamed = !UNASKED.contains(&event);
        self.fault.is_of_gateway() && self.event.as_ref().map_or(unnamed, |pattern| like(pattern, event))
    }
}

/// Why something is no rule.
#[derive(Debug, thiserror::Error)]
pub enum WrongRule {
    /// A word that means nothing would leave a rule that hits everything.
    #[error("a rule of the fault `{fault}` has no `{key}`{}", near.as_ref().map_or_else(String::new, |near| format!("; did you mean `{near}`?")))]
    UnknownKey {
        /// What goes wrong by the rule.
        fault: String,
        /// The word.
        key: String,
        /// One that is known and looks like it.
        near: Option<String>,
    },
    /// A share is from 0 to 1.
    #[error("the `probability` {0} is none; it is a share, from 0 to 1")]
    Probability(f64),
    /// Requests are counted from 1.
    #[error("`nth` counts from 1")]
    Nth,
    /// A value is not of its kind, or missing.
    #[error(transparent)]
    Shape(#[from] serde_json::Error),
}

impl TryFrom<Map<String, Value>> for Rule {
    type Error = WrongRule;

    /// Reads a rule, and refuses every word that is not one of it.
    fn try_from(written: Map<String, Value>) -> Result<Self, WrongRule> {
        let fault: Fault = serde_json::from_value(Value::Object(written.clone()))?;
        let own = serde_json::to_value(&fault)?;
        let own = own.as_object().into_iter().flat_map(Map::keys).map(String::as_str);
        let known: Vec<&str> = Self::NARROWING.into_iter().chain(own).collect();
        if let Some(key) = written.keys().find(|key| !known.contains(&key.as_str())) {
            let near = nearest(key, known).map(str::to_owned);
            let fault = written.get("fault").and_then(Value::as_str).unwrap_or_default().to_owned();
            return Err(WrongRule::UnknownKey { fault, key: key.clone(), near });
        }
        let rule = Self {
            method: field(&written, "method")?,
            path: field(&written, "path")?,
            event: field(&written, "event")?,
            nth: field(&written, "nth")?,
            first: field(&written, "first")?,
            probability: field(&written, "probability")?,
            fault,
        };
        match rule {
            Self { probability: Some(share), .. } if !(0.0..=1.0).contains(&share) => {
                Err(WrongRule::Probability(share))
            }
            Self { nth: Some(0), .. } => Err(WrongRule::Nth),
            rule => Ok(rule),
        }
    }
}

fn field<T: DeserializeOwned>(written: &Map<String, Value>, key: &str) -> Result<Option<T>, serde_json::Error> {
    written.get(key).map_or(Ok(None), |value| serde_json::from_value(value.clone()))
}

/// What rules without a name of an event leave alone: who cannot log in learns nothing about events.
const UNASKED: [&str; 4] = ["HELLO", "READY", "RESUMED", "HEARTBEAT_ACK"];

/// Something that goes wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum Fault {
    /// The answer takes longer.
    Latency {
        /// At least this, milliseconds.
        milliseconds: u64,
        /// And up to this more, by the seed.
        #[serde(default)]
        jitter: u64,
    },
    /// A 429; the call is not carried out.
    RateLimit {
        /// Whom it claims to concern.
        scope: Scope,
        /// How long it says to wait, milliseconds.
        retry_after: u64,
    },
    /// A refusal that has no other cause; the call is not carried out.
    Refused {
        /// The status.
        status: u16,
        /// Discord's error code.
        code: u32,
        /// Discord's words.
        message: String,
    },
    /// A 5xx.
    ServerError {
        /// The status.
        status: u16,
        /// The call was carried out all the same.
        #[serde(default)]
        done: bool,
    },
    /// No answer at all.
    ConnectionLost {
        /// The call was carried out all the same.
        #[serde(default)]
        done: bool,
    },
    /// An edit of overwrites is answered and audited, but lost, when its channel is younger than this.
    LostOverwrites {
        /// Age of the channel, milliseconds.
        milliseconds: u64,
    },
    /// A read is answered with what the same caller last got for it.
    Stale,
    /// Somebody else does something just before.
    Edit {
        /// What.
        act: Act,
    },
    /// An event is not sent, now or later.
    EventDropped,
    /// An event is sent twice.
    EventRepeated,
    /// An event is sent later, and others meanwhile.
    EventDelayed {
        /// How much, milliseconds.
        milliseconds: u64,
    },
    /// An event is sent after the one that follows it, or with the next heartbeat.
    EventHeldBack,
    /// An update of a channel carries the overwrites from before the change.
    OldOverwrites,
    /// After an event, the newest ones are sent once more.
    EventsResent {
        /// How many.
        events: usize,
    },
    /// Instead of an event the connection is closed; a resume replays it.
    GatewayClosed {
        /// The close code.
        code: u16,
    },
    /// Instead of an event the connection breaks; a resume replays it.
    GatewayBroken,
    /// After an event the client is told to connect again.
    GatewayReconnect,
    /// After an event the session is over.
    SessionInvalidated {
        /// It can be resumed.
        #[serde(default)]
        resumable: bool,
    },
}

impl Fault {
    /// Hits events, not requests.
    fn is_of_gateway(&self) -> bool {
        match self {
            Self::Latency { .. }
            | Self::RateLimit { .. }
            | Self::Refused { .. }
            | Self::ServerError { .. }
            | Self::ConnectionLost { .. }
            | Self::LostOverwrites { .. }
            | Self::Stale
            | Self::Edit { .. } => false,
            Self::EventDropped
            | Self::EventRepeated
            | Self::EventDelayed { .. }
            | Self::EventHeldBack
            | Self::OldOverwrites
            | Self::EventsResent { .. }
            | Self::GatewayClosed { .. }
            | Self::GatewayBroken
            | Self::GatewayReconnect
            | Self::SessionInvalidated { .. } => true,
        }
    }
}

/// What is wrong with one request.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Verdict {
    pub(crate) latency: Duration,
    pub(crate) edits: Vec<Act>,
    pub(crate) lost_overwrites: Option<Duration>,
    pub(crate) stale: bool,
    pub(crate) replaced: Option<Fault>,
}

/// Rules at work.
#[derive(Debug, Default)]
pub(crate) struct FaultPlan {
    faults: Faults,
    fitted: Vec<u64>,
    asked: u64,
    told: u64,
}

impl FaultPlan {
    pub(crate) fn new(faults: Faults) -> Self {
        Self { fitted: vec![0; faults.rules.len()], faults, asked: 0, told: 0 }
    }

    /// Which rules hit the next request.
    pub(crate) fn judge(&mut self, method: &str, path: &str) -> Verdict {
        let mut verdict = Verdict::default();
        self.asked += 1;
        self.each_hit(self.asked, |rule| rule.fits(method, path), |fault, chance| verdict.add(fault, chance));
        verdict
    }

    /// Which rules hit the next event of a session.
    pub(crate) fn judge_event(&mut self, event: &str) -> Vec<Fault> {
        let mut faults = Vec::new();
        // Counted apart: who listens changes nothing about requests.
        self.told += 1;
        self.each_hit(self.told, |rule| rule.fits_event(event), |fault, _| faults.push(fault.clone()));
        faults
    }

    fn each_hit(&mut self, number: u64, fits: impl Fn(&Rule) -> bool, mut hit: impl FnMut(&Fault, f64)) {
        for (index, (rule, fitted)) in self.faults.rules.iter().zip(&mut self.fitted).enumerate() {
            if !fits(rule) {
                continue;
            }
            *fitted += 1;
            let chance = chance(self.faults.seed, index, number);
            let in_count = rule.nth.is_none_or(|n| n == *fitted) && rule.first.is_none_or(|n| *fitted <= n);
            if in_count && rule.probability.is_none_or(|p| chance < p) {
                hit(&rule.fault, chance);
            }
        }
    }
}

impl Verdict {
    fn add(&mut self, fault: &Fault, chance: f64) {
        match fault {
            Fault::Latency { milliseconds, jitter } => {
                let base = Duration::from_millis(*milliseconds);
                self.latency += base + Duration::from_millis(*jitter).mul_f64(chance);
            }
            Fault::LostOverwrites { milliseconds } => {
                self.lost_overwrites = Some(Duration::from_millis(*milliseconds));
            }
            Fault::Stale => self.stale = true,
            Fault::Edit { act } => self.edits.push(act.clone()),
            Fault::RateLimit { .. }
            | Fault::Refused { .. }
            | Fault::ServerError { .. }
            | Fault::ConnectionLost { .. } => {
                self.replaced.get_or_insert_with(|| fault.clone());
            }
            Fault::EventDropped
            | Fault::EventRepeated
            | Fault::EventDelayed { .. }
            | Fault::EventHeldBack
            | Fault::OldOverwrites
            | Fault::EventsResent { .. }
            | Fault::GatewayClosed { .. }
            | Fault::GatewayBroken
            | Fault::GatewayReconnect
            | Fault::SessionInvalidated { .. } => {}
        }
    }
}

/// A number from 0 up to 1, the same for the same three.
fn chance(seed: u64, rule: usize, request: u64) -> f64 {
    let mut x = seed ^ (rule as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ request.wrapping_mul(0xd1b5_4a32_d192_ed03);
    for _ in 0..2 {
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^= x >> 31;
    }
    f64::from(u32::try_from(x >> 32).unwrap_or(0)) / (f64::from(u32::MAX) + 1.0)
}

/// True when the text is the pattern with any text in place of each `*`.
fn like(pattern: &str, text: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else { return pattern == text };
    let Some(rest) = text.strip_prefix(head) else { return false };
    let mut starts = rest.char_indices().map(|(index, _)| index).chain([rest.len()]);
    starts.any(|start| like(tail, &rest[start..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_paths() {
        assert!(like("/channels/*", "/channels/12/permissions/3"));
        assert!(like("/channels/*/permissions/*", "/channels/12/permissions/3"));
        assert!(!like("/channels/*/permissions", "/channels/12/permissions/3"));
        assert!(!like("/channels", "/channels/1"));
    }

    #[test]
    fn counted_rules_hit_exactly_their_requests() {
        let lost = Fault::ConnectionLost { done: true };
        let mut plan =
            FaultPlan::new(Faults { seed: 0, rules: vec![Rule::new(lost.clone()).on("POST", "/guilds/*").nth(2)] });
        let hits: Vec<bool> = (0..4)
            .map(|_| {
                plan.judge("GET", "/guilds/1/roles");
                plan.judge("POST", "/guilds/1/roles").replaced == Some(lost.clone())
            })
            .collect();
        assert_eq!(hits, [false, true, false, false]);
    }

    #[test]
    fn probabilities_are_kept_and_repeat_with_the_seed() {
        let hits = |seed| {
            let rule = Rule { probability: Some(0.2), ..Rule::new(Fault::Stale) };
            let mut plan = FaultPlan::new(Faults { seed, rules: vec![rule] });
            (0..10_000).map(|_| plan.judge("GET", "/x").stale).collect::<Vec<_>>()
        };
        let share = hits(1).iter().filter(|hit| **hit).count();
        assert!((1_800..2_200).contains(&share), "{share}");
        assert_eq!(hits(1), hits(1));
        assert_ne!(hits(1), hits(2));
    }

    #[test]
    fn a_rule_with_a_word_that_means_nothing_is_refused() {
        let refused = |rule: &str| {
            let error = serde_saphyr::from_str::<Faults>(&format!("rules: [{{ {rule} }}]")).expect_err(rule);
            error.to_string()
        };
        for (rule, said) in [
            ("probabilty: 0.01, fault: stale", "the fault `stale` has no `probabilty`; did you mean `probability`?"),
            ("fault: latency, milliseconds: 5, jiter: 3", "has no `jiter`; did you mean `jitter`?"),
            ("fault: stale, done: true", "the fault `stale` has no `done`"),
            ("fault: stale, probability: 5", "the `probability` 5 is none; it is a share, from 0 to 1"),
            ("fault: stale, probability: -0.1", "from 0 to 1"),
            ("fault: stale, nth: 0", "`nth` counts from 1"),
            ("fault: stale, nth: often", "expected u64"),
            ("fault: gremlins", "unknown variant `gremlins`"),
        ] {
            assert!(refused(rule).contains(said), "{rule}: {}", refused(rule));
        }
    }

    #[test]
    fn the_rules_of_the_documentation_are_read_and_written() {
        let source = include_str!("faults.rs");
        let example = source.lines().skip_while(|line| !line.ends_with("```yaml")).skip(1);
        let example: Vec<&str> = example.take_while(|line| !line.ends_with("```")).map(|line| &line[3..]).collect();
        let faults: Faults = serde_saphyr::from_str(&example.join("\n")).expect("valid rules");
        assert_eq!((faults.seed, faults.rules.len()), (7, 8));
        assert_eq!(faults.rules[1].nth, Some(3));
        assert!(matches!(&faults.rules[4].fault, Fault::Edit { act } if act.method == "DELETE"));
        let again = serde_saphyr::to_string(&faults).expect("writes");
        assert_eq!(serde_saphyr::from_str::<Faults>(&again).expect("valid rules"), faults);
    }
}
