//! Measures of single guilds, of which there are only so many.
//!
//! A guild that goes takes its series with it, and beyond [`Guilds::MOST`] guilds no further ones get series of their own: each
//! series costs whoever stores them. Counts of guilds without series go to `guild="other"`; what holds at a moment is not told.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::model::GuildId;

use super::metrics::{GUILDS_WITHOUT_SERIES, Kind, Metric};

/// The values of the labels besides `guild`, and the value.
type Series = BTreeMap<(&'static str, Vec<String>), (Metric, f64)>;

/// What is measured of single guilds. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Guilds(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    guilds: BTreeMap<GuildId, Series>,
    other: Series,
    without: std::collections::BTreeSet<GuildId>,
}

impl Guilds {
    /// Most guilds with series of their own.
    pub const MOST: usize = 500;

    /// Adds one to a counter of a guild. `values` belong to the labels after `guild`, in their order.
    pub fn count(&self, metric: &Metric, guild: GuildId, values: &[&str]) {
        let mut known = self.known();
        let series = if known.has_room(guild) { known.guilds.entry(guild).or_default() } else { &mut known.other };
        series.entry(key(metric, values)).or_insert((*metric, 0.0)).1 += 1.0;
    }

    /// Sets what holds now.
    pub fn set(&self, metric: &Metric, guild: GuildId, values: &[&str], value: f64) {
        let mut known = self.known();
        if known.has_room(guild) {
            known.guilds.entry(guild).or_default().insert(key(metric, values), (*metric, value));
        }
    }

    /// Forgets what holds now of a measure, whatever the other labels: the latest plan has other actions than the one before.
    pub fn clear(&self, metric: &Metric, guild: GuildId) {
        if let Some(series) = self.known().guilds.get_mut(&guild) {
            series.retain(|(name, _), _| *name != metric.name);
        }
    }

    /// Forgets a guild.
    pub fn forget(&self, guild: GuildId) {
        let mut known = self.known();
        known.guilds.remove(&guild);
        known.without.remove(&guild);
    }

    /// Everything in Prometheus' text form.
    pub(super) fn render(&self) -> String {
        let known = self.known();
        let mut metrics: BTreeMap<&'static str, (Metric, String)> = BTreeMap::new();
        let named = known.guilds.iter().map(|(guild, series)| (guild.to_string(), series));
        for (guild, series) in named.chain([("other".to_owned(), &known.other)]) {
            for ((name, values), (metric, value)) in series {
                let (_, lines) = metrics.entry(name).or_insert_with(|| (*metric, String::new()));
                let labels = metric.labels.iter().zip(std::iter::once(&guild).chain(values));
                let labels: Vec<String> =
                    labels.map(|(label, value)| format!("{label}=\"{}\"", escaped(value))).collect();
                let _ = writeln!(lines, "{name}{{{}}} {value}", labels.join(","));
            }
        }
        let mut text = String::new();
        for (name, (metric, lines)) in metrics {
            let _ = write!(text, "# HELP {name} {}\n# TYPE {name} {}\n{lines}\n", metric.meaning, metric.kind.word());
        }
        let Metric { name, meaning, kind, labels: _ } = GUILDS_WITHOUT_SERIES;
        let without = known.without.len();
        let _ = write!(text, "# HELP {name} {meaning}\n# TYPE {name} {}\n{name} {without}\n", kind.word());
        text
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // A panic while the lock was held leaves numbers that are at worst a little wrong.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn has_room(&mut self, guild: GuildId) -> bool {
        if self.guilds.contains_key(&guild) {
            return true;
        }
        let has_room = self.guilds.len() < Guilds::MOST;
        if has_room {
            self.without.remove(&guild);
        } else {
            self.without.insert(guild);
        }
        has_room
    }
}

fn key(metric: &Metric, values: &[&str]) -> (&'static str, Vec<String>) {
    debug_assert!(metric.kind != Kind::Histogram && metric.labels.first() == Some(&"guild"), "{}", metric.name);
    debug_assert_eq!(metric.labels.len(), values.len() + 1, "{}", metric.name);
    (metric.name, values.iter().map(|value| (*value).to_owned()).collect())
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::super::metrics::{PLAN_OPERATIONS, RECONCILES, SUSPENDED};
    use super::*;

    #[test]
    fn a_guild_that_goes_takes_its_series_with_it() {
        let guilds = Guilds::default();
        guilds.count(&RECONCILES, GuildId::new(7), &["unchanged"]);
        guilds.count(&RECONCILES, GuildId::new(7), &["unchanged"]);
        guilds.set(&SUSPENDED, GuildId::new(7), &[], 1.0);
        let text = guilds.render();
        assert!(
            text.contains(
                "# TYPE setai_reconcile_total counter\nsetai_reconcile_total{guild=\"7\",result=\"unchanged\"} 2\n"
            ),
            "{text}"
        );
        assert!(text.contains("setai_suspended{guild=\"7\"} 1\n"), "{text}");
        guilds.forget(GuildId::new(7));
        assert!(!guilds.render().contains("guild="));
    }

    #[test]
    fn the_latest_plan_replaces_the_one_before() {
        let guilds = Guilds::default();
        guilds.set(&PLAN_OPERATIONS, GuildId::new(7), &["create"], 3.0);
        guilds.clear(&PLAN_OPERATIONS, GuildId::new(7));
        guilds.set(&PLAN_OPERATIONS, GuildId::new(7), &["delete"], 1.0);
        let text = guilds.render();
        assert!(!text.contains("create") && text.contains("action=\"delete\"} 1"), "{text}");
    }

    #[test]
    fn there_are_only_so_many() {
        let guilds = Guilds::default();
        for id in 1..=Guilds::MOST as u64 + 3 {
            guilds.count(&RECONCILES, GuildId::new(id), &["applied"]);
            guilds.set(&SUSPENDED, GuildId::new(id), &[], 0.0);
        }
        let text = guilds.render();
        assert_eq!(text.matches("setai_suspended{").count(), Guilds::MOST);
        assert!(text.contains("setai_reconcile_total{guild=\"other\",result=\"applied\"} 3\n"), "{text}");
        assert!(text.contains("setai_guilds_without_series 3\n"), "{text}");
    }
}
