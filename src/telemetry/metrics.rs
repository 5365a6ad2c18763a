//! The measures there are: what they are called, what they mean, and who may raise them.
//!
//! Names are a contract with dashboards. Labels come from closed lists, so that no text of a person becomes a series; what is
//! told of single guilds is kept in [`Guilds`](super::guilds::Guilds), where it goes when the guild goes.

use std::time::Duration;

use ::metrics::Label;

/// What a measure does over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
    /// Many values, by size.
    Histogram,
}

impl Kind {
    /// The word Prometheus has for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// A measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// What it is called.
    pub name: &'static str,
    /// What it does over time.
    pub kind: Kind,
    /// What tells its series apart.
    pub labels: &'static [&'static str],
    /// What it means, in a sentence.
    pub meaning: &'static str,
}

macro_rules! metrics {
    ($( $name:ident $text:literal $kind:ident [$($label:literal),*] $meaning:literal; )*) => {
        $(
            #[doc = $meaning]
            pub const $name: Metric =
                Metric { name: $text, kind: Kind::$kind, labels: &[$($label),*], meaning: $meaning };
        )*

        /// Every measure there is.
        pub const METRICS: &[Metric] = &[$($name),*];
    };
}

metrics! {
    RECONCILES "setai_reconcile_total" Counter ["guild", "result"] "Looks at a guild, by how they ended.";
    RECONCILE_SECONDS "setai_reconcile_duration_seconds" Histogram ["result"] "How long one look at a guild took.";
    LAST_SUCCESS "setai_reconcile_last_success_timestamp_seconds" Gauge ["guild"] "When a guild was last found or made equal to its manifest.";
    DRIFT_OBJECTS "setai_drift_objects" Gauge ["guild", "kind"] "Objects of a guild that differ and that no commit explains.";
    DRIFT_AGE "setai_drift_age_seconds" Gauge [] "How long the oldest difference that nobody decided on has been known.";
    PLAN_OPERATIONS "setai_plan_operations" Gauge ["guild", "action"] "Operations of the latest plan of a guild.";
    GUARD_REFUSALS "setai_guard_refusals_total" Counter ["guard"] "Plans a guard refused.";
    APPLY_OPERATIONS "setai_apply_operations_total" Counter ["kind", "action", "outcome"] "Operations that were sent, by how they ended.";
    CIRCUIT_OPEN "setai_circuit_open" Gauge ["guild"] "1 while a guild is left alone because somebody keeps undoing what is applied.";
    SUSPENDED "setai_suspended" Gauge ["guild"] "1 while a guild is suspended by the operator.";
    QUEUE_DEPTH "setai_queue_depth" Gauge [] "Guilds that are due and wait for a worker.";
    QUEUE_OLDEST "setai_queue_oldest_seconds" Gauge [] "How long the guild that waits longest has been due.";
    DISCORD_REQUESTS "setai_discord_requests_total" Counter ["route", "code"] "Requests to Discord, by route and status; 0 without an answer.";
    RATE_LIMIT_WAIT "setai_discord_rate_limit_wait_seconds" Histogram [] "How long requests waited for one of Discord's limits.";
    CACHE_REQUESTS "setai_cache_requests_total" Counter ["result"] "Questions to the cache: hit, miss or error.";
    CACHE_AGE "setai_cache_age_seconds" Histogram [] "How old what the cache answered was.";
    SOURCE_LOOKS "setai_source_looks_total" Counter ["source", "result"] "Looks at a source: new, unchanged, or the word for what was wrong.";
    SOURCE_READ "setai_source_read" Gauge ["source"] "1 while a source can be read and believed; 0 while its last good revision counts.";
    AUDIT_WRITE_SECONDS "setai_audit_write_seconds" Histogram [] "How long an audit row took to be written.";
    REPLICAS_HEARD "setai_replicas_heard" Gauge [] "1 while work is shared with other replicas through Redis.";
    GATEWAY_CONNECTED "setai_gateway_connected" Gauge [] "1 while Discord's events arrive.";
    GUILDS_WITHOUT_SERIES "setai_guilds_without_series" Gauge [] "Guilds beyond the most that have series of their own.";
    NOTIFICATIONS "setai_notifications_total" Counter ["recipient", "result"] "Messages to people and servers, by how sending them ended.";
    WEBHOOKS "setai_webhooks_total" Counter ["result"] "Webhooks that arrived: accepted, repeated, ping, refused, unknown or too_large.";
}

impl Metric {
    /// Adds one to a counter. `values` belong to the labels, in their order.
    pub fn count(&self, values: &[&str]) {
        self.add(1, values);
    }

    /// Adds to a counter.
    pub fn add(&self, number: u64, values: &[&str]) {
        ::metrics::counter!(self.name, self.labelled(values)).increment(number);
    }

    /// Sets a gauge.
    pub fn set(&self, value: f64, values: &[&str]) {
        ::metrics::gauge!(self.name, self.labelled(values)).set(value);
    }

    /// Adds a value to a histogram, in seconds.
    pub fn observe(&self, took: Duration, values: &[&str]) {
        ::metrics::histogram!(self.name, self.labelled(values)).record(took.as_secs_f64());
    }

    fn labelled(&self, values: &[&str]) -> Vec<Label> {
        debug_assert_eq!(self.labels.len(), values.len(), "{}", self.name);
        self.labels.iter().zip(values).map(|(label, value)| Label::new(*label, (*value).to_owned())).collect()
    }

    /// Tells the recorder what the measure means.
    pub(super) fn describe(&self) {
        match self.kind {
            Kind::Counter => ::metrics::describe_counter!(self.name, self.meaning),
            Kind::Gauge => ::metrics::describe_gauge!(self.name, self.meaning),
            Kind::Histogram => ::metrics::describe_histogram!(self.name, self.meaning),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_prometheus_expects() {
        for Metric { name, kind, .. } in METRICS {
            assert!(
                name.starts_with("setai_")
                    && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
            );
            assert_eq!(name.ends_with("_total"), *kind == Kind::Counter, "{name}");
        }
    }

    #[test]
    fn the_documentation_is_what_the_constants_say() {
        let mut table = "| metric | type | labels | meaning |\n|---|---|---|---|\n".to_owned();
        for Metric { name, kind, labels, meaning } in METRICS {
            let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
            table += &format!("| `{name}` | {} | {} | {meaning} |\n", kind.word(), labels.join(", "));
        }
        let documentation = include_str!("../../docs/metrics.md");
        assert!(documentation.contains(&table), "docs/metrics.md does not hold\n{table}");
    }
}
