//! Where measures are gathered, and how they are handed out: as text, when somebody asks.

use std::fmt;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use super::guilds::Guilds;
use super::metrics::METRICS;

/// Seconds. From a look that found nothing to a guild that is built while Discord's limits are waited for.
const BUCKETS: [f64; 14] = [0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3_600.0];

/// Why measures cannot be gathered.
#[derive(Debug, thiserror::Error)]
#[error("metrics cannot be gathered: {0}")]
pub struct InstallError(#[from] BuildError);

/// What was measured. Clones share it.
#[derive(Clone)]
pub struct Recorder {
    handle: PrometheusHandle,
    guilds: Guilds,
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").finish_non_exhaustive()
    }
}

impl Recorder {
    /// Gathers what this process measures. Nothing listens: [`Recorder::render`] hands it out.
    ///
    /// # Errors
    /// When something else gathers already.
    pub fn install() -> Result<Self, InstallError> {
        let handle = builder()?.install_recorder()?;
        METRICS.iter().for_each(super::metrics::Metric::describe);
        Ok(Self { handle, guilds: Guilds::default() })
    }

    /// The same for a part of a process: it gathers what is measured while it is the local recorder.
    ///
    /// # Errors
    /// Never, as long as there are buckets.
    pub fn local() -> Result<(PrometheusRecorder, Self), InstallError> {
        let recorder = builder()?.build_recorder();
        ::metrics::with_local_recorder(&recorder, || METRICS.iter().for_each(super::metrics::Metric::describe));
        let handle = recorder.handle();
        Ok((recorder, Self { handle, guilds: Guilds::default() }))
    }

    /// Measures of single guilds.
    pub fn guilds(&self) -> &Guilds {
        &self.guilds
    }

    /// Everything, in Prometheus' text form.
    pub fn render(&self) -> String {
        self.handle.render() + &self.guilds.render()
    }

    /// Puts what histograms were told where it belongs. To be called every few seconds, or they grow.
    pub fn keep_up(&self) {
        self.handle.run_upkeep();
    }
}

fn builder() -> Result<PrometheusBuilder, BuildError> {
    PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &BUCKETS)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::metrics::{DISCORD_REQUESTS, QUEUE_DEPTH, RATE_LIMIT_WAIT};
    use super::*;

    #[test]
    fn what_is_measured_is_handed_out() {
        let (recorder, measured) = Recorder::local().expect("a recorder");
        ::metrics::with_local_recorder(&recorder, || {
            DISCORD_REQUESTS.count(&["GET /channels", "200"]);
            QUEUE_DEPTH.set(3.0, &[]);
            RATE_LIMIT_WAIT.observe(Duration::from_millis(700), &[]);
        });
        measured.keep_up();
        let text = measured.render();
        assert!(text.contains("setai_discord_requests_total{route=\"GET /channels\",code=\"200\"} 1"), "{text}");
        assert!(text.contains("setai_queue_depth 3"), "{text}");
        assert!(text.contains("setai_discord_rate_limit_wait_seconds_bucket{le=\"1\"} 1"), "{text}");
        assert!(text.contains("# HELP setai_queue_depth Guilds that are due"), "{text}");
    }
}
