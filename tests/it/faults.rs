//! Everything that goes wrong between us and Discord, and that it comes right once it stops.

mod crashes;
mod footing;
mod limits;
mod processes;
mod weather;

/// How much is tried: `SETAI_SEEDS`, or `usual`. The whole of it is one command:
///
/// `SETAI_SEEDS=10000 cargo nextest run --release -E "test(/^faults::/)"`
fn seeds(usual: u64) -> u64 {
    std::env::var("SETAI_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}
