//! The limits, step by step and at random.

use http::{HeaderMap, Method};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::*;

mod against_a_server;
mod notices;

/// The same cases in every run.
fn repeatable(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, rng_seed: RngSeed::Fixed(0x5e7a1), failure_persistence: None, ..ProptestConfig::default() }
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn channel(method: Method, id: u64) -> Facts {
    Facts::of(&method, &format!("channels/{id}"), Edits::default())
}

fn rename(id: u64) -> Facts {
    Facts { edits: Edits { name: true, topic: false }, ..channel(Method::PATCH, id) }
}

fn bucket(hash: &str, limit: u32, remaining: u32, reset_after: Duration) -> Outcome {
    let bucket = Some(BucketReading { hash: hash.to_owned(), limit, remaining, reset_after });
    Outcome::Answered(Reading { status: 200, bucket, throttle: None })
}

fn plain(status: u16) -> Outcome {
    Outcome::Answered(Reading { status, bucket: None, throttle: None })
}

fn throttled(scope: ThrottleScope, retry_after: Duration) -> Outcome {
    Outcome::Answered(Reading { status: 429, bucket: None, throttle: Some(Throttle { retry_after, scope }) })
}

impl Limits {
    /// Sends now and learns the outcome at once.
    #[track_caller]
    fn pass(&mut self, facts: &Facts, outcome: &Outcome, now: Duration) {
        let ticket = self.ticket(facts, now);
        self.observe(ticket, outcome, now);
    }

    #[track_caller]
    fn ticket(&mut self, facts: &Facts, now: Duration) -> Ticket {
        match self.decide(facts, now) {
            Decision::Send(ticket) => ticket,
            other => panic!("{} at {now:?}: {other:?}", facts.route),
        }
    }
}

#[test]
fn a_request_is_known_by_its_route_and_its_resource() {
    let facts = |method, path| Facts::of(&method, path, Edits::default());
    let role = facts(Method::PATCH, "guilds/12/roles/34");
    assert_eq!((role.route.as_str(), role.major), ("PATCH guilds/:id/roles/:id", Some(Major::Guild(12))));
    let log = facts(Method::GET, "guilds/12/audit-logs?limit=100&action_type=10");
    assert_eq!((log.route.as_str(), log.major), ("GET guilds/:id/audit-logs", Some(Major::Guild(12))));
    let me = facts(Method::GET, "users/@me");
    assert_eq!((me.route.as_str(), me.major), ("GET users/@me", None));
}

#[test]
fn an_unknown_route_is_probed_by_one_request() {
    let mut limits = Limits::new(Budget::default());
    let patch = channel(Method::PATCH, 1);
    let probe = limits.ticket(&patch, secs(0));
    assert_eq!(limits.decide(&patch, secs(0)), Decision::Behind);
    limits.observe(probe, &bucket("a", 5, 4, secs(10)), secs(1));
    for _ in 0..4 {
        drop(limits.ticket(&patch, secs(1)));
    }
    assert_eq!(limits.decide(&patch, secs(1)), Decision::Wait(secs(10) + Duration::from_millis(1)));
}

#[test]
fn a_route_without_a_bucket_is_not_held_up() {
    let mut limits = Limits::new(Budget::default());
    let patch = channel(Method::PATCH, 1);
    limits.pass(&patch, &plain(204), secs(0));
    let tickets: Vec<Ticket> = (0..8).map(|_| limits.ticket(&patch, secs(1))).collect();
    assert_eq!(tickets.len(), 8);
}

#[test]
fn a_failure_without_headers_does_not_say_that_there_is_no_bucket() {
    let mut limits = Limits::new(Budget::default());
    let patch = channel(Method::PATCH, 1);
    limits.pass(&patch, &plain(502), secs(0));
    drop(limits.ticket(&patch, secs(1)));
    assert_eq!(limits.decide(&patch, secs(1)), Decision::Behind);
}

#[test]
fn an_empty_bucket_holds_its_own_resource_and_every_route_that_shares_it() {
    let mut limits = Limits::new(Budget::default());
    let (patch, delete) = (channel(Method::PATCH, 1), channel(Method::DELETE, 1));
    limits.pass(&delete, &bucket("shared", 5, 4, secs(5)), secs(0));
    limits.pass(&patch, &bucket("shared", 5, 0, secs(5)), secs(0));
    let five = Decision::Wait(secs(5) + Duration::from_millis(1));
    assert_eq!(
        (limits.decide(&patch, secs(0)), limits.decide(&delete, secs(0))),
        (five, Decision::Wait(Duration::from_millis(5001)))
    );
    limits.pass(&channel(Method::PATCH, 2), &plain(200), secs(0));
    limits.pass(&channel(Method::GET, 1), &plain(200), secs(0));
    limits.pass(&patch, &bucket("shared", 5, 4, secs(5)), secs(6));
}

#[test]
fn a_429_wins_over_a_bucket_that_looks_full() {
    let mut limits = Limits::new(Budget::default());
    let patch = channel(Method::PATCH, 1);
    limits.pass(&patch, &bucket("a", 10, 9, secs(15)), secs(0));
    let hidden = Reading {
        status: 429,
        bucket: Some(BucketReading { hash: "a".into(), limit: 10, remaining: 8, reset_after: secs(1) }),
        throttle: Some(Throttle { retry_after: Duration::from_millis(583_413), scope: ThrottleScope::User }),
    };
    limits.pass(&patch, &Outcome::Answered(hidden), secs(1));
    let until = secs(1) + Duration::from_millis(583_413);
    assert_eq!(limits.decide(&patch, secs(2)), Decision::Park { until, why: Hold::Resource });
    assert_eq!(limits.decide(&patch, until - secs(3)), Decision::Wait(secs(3)));
    limits.pass(&channel(Method::PATCH, 2), &plain(200), secs(2));
    limits.pass(&patch, &plain(200), until);
}

#[test]
fn a_global_429_holds_everything_and_a_block_in_front_of_discord_too() {
    for (scope, why) in [(ThrottleScope::Global, Hold::Everything), (ThrottleScope::Edge, Hold::Edge)] {
        let mut limits = Limits::new(Budget::default());
        limits.pass(&channel(Method::PATCH, 1), &throttled(scope, secs(60)), secs(0));
        assert_eq!(limits.decide(&channel(Method::GET, 2), secs(10)), Decision::Park { until: secs(60), why });
        assert_eq!(limits.decide(&channel(Method::GET, 2), secs(50)), Decision::Wait(secs(10)));
        limits.pass(&channel(Method::GET, 2), &plain(200), secs(60));
    }
}

#[test]
fn the_third_rename_in_ten_minutes_is_parked_before_it_is_sent() {
    let mut limits = Limits::new(Budget::default());
    limits.pass(&rename(1), &plain(200), secs(0));
    limits.pass(&rename(1), &plain(200), secs(100));
    let park = Decision::Park { until: secs(600), why: Hold::Renames };
    assert_eq!(limits.decide(&rename(1), secs(101)), park);
    // Its other fields, its topic, and the names of other channels are free.
    limits.pass(&channel(Method::PATCH, 1), &plain(200), secs(101));
    limits.pass(&Facts { edits: Edits { name: false, topic: true }, ..rename(1) }, &plain(200), secs(101));
    limits.pass(&rename(2), &plain(200), secs(101));
    limits.pass(&rename(1), &plain(200), secs(600));
    assert_eq!(limits.decide(&rename(1), secs(601)), Decision::Park { until: secs(700), why: Hold::Renames });
}

#[test]
fn a_rename_that_discord_did_not_count_is_not_counted() {
    let mut limits = Limits::new(Budget::default());
    for n in 0..5 {
        limits.pass(&rename(1), &Outcome::NotSent, secs(n));
        limits.pass(&rename(1), &throttled(ThrottleScope::User, secs(0)), secs(n));
    }
    limits.pass(&rename(1), &Outcome::Lost, secs(5));
    limits.pass(&rename(1), &plain(200), secs(6));
    assert_eq!(limits.decide(&rename(1), secs(7)), Decision::Park { until: secs(605), why: Hold::Renames });
}

#[test]
fn new_roles_are_counted_until_discord_tells_its_own_limit() {
    let create = |guild: u64| Facts::of(&Method::POST, &format!("guilds/{guild}/roles"), Edits::default());
    let mut limits = Limits::new(Budget::default());
    for n in 0..250 {
        limits.pass(&create(1), &plain(200), secs(n));
    }
    let two_days = secs(48 * 3600);
    assert_eq!(limits.decide(&create(1), secs(300)), Decision::Park { until: two_days, why: Hold::RoleCreates });
    limits.pass(&create(2), &bucket("roles", 1000, 998, secs(10)), secs(300));
    limits.pass(&create(1), &bucket("roles", 1000, 0, secs(101_995)), secs(301));
    let until = secs(301 + 101_995) + Duration::from_millis(1);
    assert_eq!(limits.decide(&create(1), secs(302)), Decision::Park { until, why: Hold::Resource });
}

#[test]
fn refusals_stop_everything_long_before_discord_would() {
    let mut limits = Limits::new(Budget { invalid: 3, ..Budget::default() });
    let any = channel(Method::GET, 1);
    limits.pass(&any, &throttled(ThrottleScope::Shared, secs(0)), secs(0));
    limits.pass(&any, &plain(404), secs(0));
    limits.pass(&any, &plain(403), secs(1));
    limits.pass(&any, &plain(401), secs(2));
    limits.pass(&any, &throttled(ThrottleScope::User, secs(0)), secs(3));
    let other = channel(Method::DELETE, 2);
    assert_eq!(limits.decide(&other, secs(4)), Decision::Park { until: secs(601), why: Hold::Refusals });
    limits.pass(&other, &plain(204), secs(601));
}

#[test]
fn what_holds_nothing_back_is_forgotten() {
    let mut limits = Limits::new(Budget::default());
    for n in 0..20_000u64 {
        let now = secs(n);
        limits.pass(&rename(n), &bucket("a", 10, 9, secs(15)), now);
        limits.pass(&channel(Method::GET, n), &plain(200), now);
    }
    assert!(limits.buckets.len() < 2 * Limits::TIDY_AT_LEAST, "{} buckets", limits.buckets.len());
    assert!(limits.tallies.len() < 2 * Limits::TIDY_AT_LEAST, "{} tallies", limits.tallies.len());
    assert_eq!(limits.limit_of("a"), 10);
}

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value"))).collect()
}

#[test]
fn a_429_is_read_in_all_its_shapes() {
    let read = |pairs: &[(&'static str, &str)], body: &str| {
        let throttle = Reading::of(429, &headers(pairs), body.as_bytes()).throttle.expect("a 429");
        (throttle.scope, throttle.retry_after.as_millis())
    };
    let via = ("via", "1.1 google");
    let user = r#"{"message":"You are being rate limited.","retry_after":64.57,"global":false}"#;
    assert_eq!(read(&[via, ("retry-after", "65"), ("x-ratelimit-scope", "user")], user), (ThrottleScope::User, 65_000));
    assert_eq!(read(&[via, ("retry-after", "64")], user), (ThrottleScope::User, 64_570));
    assert_eq!(read(&[via, ("x-ratelimit-scope", "shared")], user), (ThrottleScope::Shared, 64_570));
    assert_eq!(read(&[via, ("x-ratelimit-global", "true")], user), (ThrottleScope::Global, 64_570));
    assert_eq!(read(&[via], r#"{"retry_after":1,"global":true}"#), (ThrottleScope::Global, 1000));
    // No mark of Discord's proxy, or no JSON: the API has not seen the request.
    assert_eq!(read(&[("retry-after", "30")], user), (ThrottleScope::Edge, 600_000));
    assert_eq!(read(&[via, ("retry-after", "3600")], "<html>"), (ThrottleScope::Edge, 3_600_000));
    assert_eq!(read(&[], ""), (ThrottleScope::Edge, 600_000));
    // Nonsense neither panics nor is obeyed.
    let nonsense = |number: &str| read(&[via, ("retry-after", "x")], &format!(r#"{{"retry_after":{number}}}"#));
    assert_eq!(nonsense("-5.0"), (ThrottleScope::User, 5000));
    assert_eq!(nonsense("1e300"), (ThrottleScope::User, Reading::MAX_RETRY.as_millis()));
}

#[test]
fn a_bucket_is_read_whole_or_not_at_all() {
    let whole = [
        ("x-ratelimit-bucket", "abcd"),
        ("x-ratelimit-limit", "10"),
        ("x-ratelimit-remaining", "0"),
        ("x-ratelimit-reset-after", "14.999"),
    ];
    let read = |pairs: &[(&'static str, &str)]| Reading::of(200, &headers(pairs), b"").bucket;
    let expected =
        BucketReading { hash: "abcd".into(), limit: 10, remaining: 0, reset_after: Duration::from_millis(14_999) };
    assert_eq!(read(&whole), Some(expected));
    for missing in 0..whole.len() {
        let mut pairs = whole.to_vec();
        pairs.remove(missing);
        assert_eq!(read(&pairs), None);
    }
}

/// Sends as soon as it may, and is answered after `latency`.
fn at_full_speed(per_second: u32, latencies: &[Duration]) -> Vec<(Duration, Duration)> {
    let mut pace = Pace::new(per_second);
    let mut under_way: Vec<Duration> = Vec::new();
    let mut now = Duration::ZERO;
    let mut trips = Vec::new();
    for latency in latencies {
        loop {
            let next_answer = under_way.iter().min().copied();
            let turn = pace.turn(now);
            if turn == Turn::At(now) {
                break;
            }
            now = match (turn, next_answer) {
                (Turn::At(at), Some(answer)) => at.min(answer.max(now)),
                (Turn::At(at), None) => at,
                (Turn::Behind, answer) => answer.expect("behind something"),
            };
            let (answered, rest) = under_way.into_iter().partition::<Vec<_>, _>(|answer| *answer <= now);
            answered.iter().for_each(|_| pace.settle(now));
            under_way = rest;
        }
        pace.send(now);
        under_way.push(now + *latency);
        trips.push((now, now + *latency));
    }
    trips
}

#[test]
fn the_pace_is_no_slower_than_it_must_be() {
    for (latency, seconds) in [(0, 10.01), (20, 10.01), (80, 10.01), (200, 11.1)] {
        let trips = at_full_speed(45, &[Duration::from_millis(latency); 450]);
        let last = trips.last().expect("450 requests").0.as_secs_f64();
        assert!(last < seconds, "450 requests with {latency} ms on the way took {last} s");
    }
}

proptest! {
    #![proptest_config(repeatable(256))]

    #[test]
    fn no_second_has_more_than_the_rate(per_second in 1u32..60, latencies in prop::collection::vec(0u64..3000, 1..300)) {
        let latencies: Vec<Duration> = latencies.into_iter().map(Duration::from_millis).collect();
        let trips = at_full_speed(per_second, &latencies);
        let most = Pace::new(per_second).most_at_once();
        for (start, _) in &trips {
            let end = *start + secs(1);
            let sent = trips.iter().filter(|(at, _)| at >= start && *at <= end).count();
            prop_assert!(sent <= per_second as usize, "{} sent in the second from {:?}", sent, start);
        }
        for start in trips.iter().flat_map(|(sent, answered)| [sent, answered]) {
            // Each may arrive at any time between its sending and its answer.
            let end = *start + secs(1);
            let arriving = trips.iter().filter(|(sent, answered)| *sent <= end && answered >= start).count();
            prop_assert!(arriving <= most, "{} may arrive in the second from {:?}", arriving, start);
        }
    }
}
