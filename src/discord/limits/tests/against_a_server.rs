//! The limits against a server that counts for itself, in simulated time.

use std::collections::BTreeMap;

use super::*;

/// A window of the server.
#[derive(Clone, Copy, Default)]
struct Window {
    used: u32,
    ends: Duration,
}

/// A server with one bucket for each kind of request, and perhaps a hidden limit below it.
struct Server {
    limits: Vec<(u32, Duration)>,
    hidden: Option<(u32, Duration)>,
    /// Every so many requests, everything has to be quiet for so long.
    global: Option<(usize, Duration)>,
    arrived: usize,
    windows: BTreeMap<(usize, u64), Window>,
    hidden_windows: BTreeMap<(usize, u64), Window>,
}

impl Server {
    /// Counts a request at the time it arrives, and answers.
    fn answer(&mut self, kind: usize, major: u64, now: Duration) -> Outcome {
        self.arrived += 1;
        if let Some((_, retry_after)) = self.global.filter(|(every, _)| self.arrived.is_multiple_of(*every)) {
            return throttled(ThrottleScope::Global, retry_after);
        }
        let (limit, length) = self.limits[kind];
        let window = self.windows.entry((kind, major)).or_default();
        if window.ends <= now {
            *window = Window { used: 0, ends: now + length };
        }
        let full = window.used >= limit;
        let mut retry_after = full.then(|| window.ends - now);
        if !full {
            window.used += 1;
            if let Some((limit, length)) = self.hidden {
                let hidden = self.hidden_windows.entry((kind, major)).or_default();
                if hidden.ends <= now {
                    *hidden = Window { used: 0, ends: now + length };
                }
                if hidden.used >= limit {
                    retry_after = Some(hidden.ends - now);
                } else {
                    hidden.used += 1;
                }
            }
        }
        let seen = BucketReading {
            hash: format!("kind-{kind}"),
            limit,
            remaining: limit - window.used,
            reset_after: Duration::from_millis(u64::try_from((window.ends - now).as_millis()).expect("short")),
        };
        let throttle = retry_after.map(|retry_after| Throttle { retry_after, scope: ThrottleScope::User });
        let status = if throttle.is_some() { 429 } else { 200 };
        Outcome::Answered(Reading { status, bucket: Some(seen), throttle })
    }
}

/// One request of a run: what it is for, when it is first wanted, and how long it travels each way.
#[derive(Clone, Debug)]
struct Job {
    kind: usize,
    major: u64,
    from: Duration,
    there: Duration,
    back: Duration,
}

/// When somebody asks again who waits for an outcome.
const BEHIND: Duration = Duration::MAX;

enum Event {
    Arrives(usize, Ticket),
    Returns(usize, Ticket, Outcome),
}

#[derive(Default)]
struct Run {
    sends: Vec<(Duration, usize)>,
    arrivals: Vec<Duration>,
    throttles: Vec<(Duration, usize, Duration)>,
    finished: Vec<Option<Duration>>,
}

/// Plays all jobs to their end: parked ones come back when their time has come.
fn play(limits: &mut Limits, server: &mut Server, jobs: &[Job]) -> Run {
    let mut run = Run { finished: vec![None; jobs.len()], ..Run::default() };
    let mut wake: BTreeMap<usize, Duration> = jobs.iter().enumerate().map(|(n, job)| (n, job.from)).collect();
    let mut events: BTreeMap<(Duration, u64), Event> = BTreeMap::new();
    let (mut now, mut serial) = (Duration::ZERO, 0);
    let facts =
        |job: &Job| Facts::of(&Method::PATCH, &format!("channels/{}/kind{}", job.major, job.kind), Edits::default());
    while !wake.is_empty() || !events.is_empty() {
        let next_event = events.first_key_value().map(|((at, _), _)| *at);
        let next_wake = wake.values().filter(|at| **at < BEHIND).min().copied();
        now = now.max([next_event, next_wake].into_iter().flatten().min().expect("waiting for something that comes"));
        while let Some(entry) = events.first_entry().filter(|entry| entry.key().0 <= now) {
            serial += 1;
            match entry.remove() {
                Event::Arrives(n, ticket) => {
                    run.arrivals.push(now);
                    let outcome = server.answer(jobs[n].kind, jobs[n].major, now);
                    events.insert((now + jobs[n].back, serial), Event::Returns(n, ticket, outcome));
                }
                Event::Returns(n, ticket, outcome) => {
                    limits.observe(ticket, &outcome, now);
                    let Outcome::Answered(reading) = outcome else { unreachable!("this server always answers") };
                    match reading.throttle {
                        Some(throttle) => {
                            run.throttles.push((now, n, throttle.retry_after));
                            wake.insert(n, now);
                        }
                        None => run.finished[n] = Some(now),
                    }
                    // Those behind it ask again.
                    wake.values_mut().filter(|at| **at == BEHIND).for_each(|at| *at = now);
                }
            }
        }
        let due: Vec<usize> = wake.iter().filter(|(_, at)| **at <= now).map(|(n, _)| *n).collect();
        for n in due {
            match limits.decide(&facts(&jobs[n]), now) {
                Decision::Send(ticket) => {
                    wake.remove(&n);
                    run.sends.push((now, n));
                    serial += 1;
                    events.insert((now + jobs[n].there, serial), Event::Arrives(n, ticket));
                }
                Decision::Wait(wait) => drop(wake.insert(n, now + wait)),
                Decision::Park { until, .. } => drop(wake.insert(n, until)),
                Decision::Behind => {
                    assert!(!events.is_empty(), "behind nothing");
                    wake.insert(n, BEHIND);
                }
            }
        }
    }
    run
}

fn jobs(most: usize) -> impl Strategy<Value = Vec<Job>> {
    let millis = |range: std::ops::Range<u64>| range.prop_map(Duration::from_millis);
    let job = (0usize..3, 1u64..4, millis(0..20_000), millis(1..200), millis(1..200));
    let job = job.prop_map(|(kind, major, from, there, back)| Job { kind, major, from, there, back });
    prop::collection::vec(job, 1..most)
}

fn server(limits: Vec<(u32, u64)>, hidden: Option<(u32, u64)>) -> Server {
    let window = |(count, seconds)| (count, secs(seconds));
    Server {
        limits: limits.into_iter().map(window).collect(),
        hidden: hidden.map(window),
        global: None,
        arrived: 0,
        windows: BTreeMap::new(),
        hidden_windows: BTreeMap::new(),
    }
}

fn never_inside_a_retry_after(run: &Run, jobs: &[Job]) -> Result<(), TestCaseError> {
    for (told, by, retry_after) in &run.throttles {
        let place = (jobs[*by].kind, jobs[*by].major);
        let inside = run
            .sends
            .iter()
            .find(|(at, n)| (jobs[*n].kind, jobs[*n].major) == place && at > told && *at < *told + *retry_after);
        prop_assert!(inside.is_none(), "sent at {:?} though told {:?} at {:?}", inside, retry_after, told);
    }
    Ok(())
}

fn never_above_the_rate(run: &Run, rate: usize) -> Result<(), TestCaseError> {
    for (start, _) in &run.sends {
        let count = run.sends.iter().filter(|(at, _)| at >= start && *at <= *start + secs(1)).count();
        prop_assert!(count <= rate, "{} requests in the second from {:?}", count, start);
    }
    for start in &run.arrivals {
        let count = run.arrivals.iter().filter(|at| *at >= start && **at <= *start + secs(1)).count();
        prop_assert!(count < 50, "{} requests arrive in the second from {:?}", count, start);
    }
    Ok(())
}

proptest! {
    #![proptest_config(repeatable(200))]

    /// Whoever believes an honest server is never refused, and everything gets done.
    #[test]
    fn an_honest_server_never_has_to_refuse(
        jobs in jobs(150),
        buckets in prop::collection::vec((1u32..12, 1u64..20), 3),
    ) {
        let mut limits = Limits::new(Budget::default());
        let run = play(&mut limits, &mut server(buckets, None), &jobs);
        prop_assert_eq!(run.throttles.len(), 0);
        prop_assert!(run.finished.iter().all(Option::is_some));
        never_above_the_rate(&run, 45)?;
    }

    /// A limit no header shows costs refusals, but each is obeyed, and everything gets done.
    #[test]
    fn every_retry_after_is_obeyed(
        jobs in jobs(60),
        buckets in prop::collection::vec((3u32..12, 1u64..20), 3),
        hidden in (1u32..3, 5u64..600),
    ) {
        let mut limits = Limits::new(Budget { invalid: 10_000, ..Budget::default() });
        let run = play(&mut limits, &mut server(buckets, Some(hidden)), &jobs);
        prop_assert!(run.finished.iter().all(Option::is_some));
        never_inside_a_retry_after(&run, &jobs)?;
        never_above_the_rate(&run, 45)?;
    }

    /// A resource that is parked for minutes does not slow another down at all.
    #[test]
    fn parking_one_resource_does_not_hold_another(
        jobs in jobs(40),
        buckets in prop::collection::vec((3u32..12, 1u64..20), 3),
        retry_after in 20u64..600,
    ) {
        let others: Vec<Job> = jobs.into_iter().map(|job| Job { from: job.from + secs(1), ..job }).collect();
        let mut alone = Limits::new(Budget::default());
        let undisturbed = play(&mut alone, &mut server(buckets.clone(), None), &others);

        let mut limits = Limits::new(Budget::default());
        let parked = Facts::of(&Method::PATCH, "channels/99/kind0", Edits::default());
        limits.pass(&parked, &throttled(ThrottleScope::User, secs(retry_after)), Duration::ZERO);
        let until = secs(retry_after);
        let park = Decision::Park { until, why: Hold::Resource };
        prop_assert_eq!(limits.decide(&parked, Duration::ZERO), park);
        let disturbed = play(&mut limits, &mut server(buckets, None), &others);
        prop_assert_eq!(disturbed.finished, undisturbed.finished);
    }

    /// After a global 429 nothing at all is sent until its time has passed.
    #[test]
    fn a_global_retry_after_is_obeyed_by_everything(
        jobs in jobs(60),
        buckets in prop::collection::vec((3u32..12, 1u64..20), 3),
        global in (5usize..20, 1u64..60),
    ) {
        let mut limits = Limits::new(Budget::default());
        let mut server = server(buckets, None);
        server.global = Some((global.0, secs(global.1)));
        let run = play(&mut limits, &mut server, &jobs);
        prop_assert!(run.finished.iter().all(Option::is_some));
        for (told, _, retry_after) in &run.throttles {
            let inside = run.sends.iter().find(|(at, _)| at > told && *at < *told + *retry_after);
            prop_assert!(inside.is_none(), "sent at {:?} though told {:?} at {:?}", inside, retry_after, told);
        }
    }
}

proptest! {
    #![proptest_config(repeatable(25))]

    /// However long requests are held up on the way, Discord never sees 50 in a second.
    #[test]
    fn a_slow_network_makes_no_crowds(held_up in prop::collection::vec((1u64..3000, 1u64..100), 100..250)) {
        let job = |(n, (there, back)): (usize, (u64, u64))| {
            let (there, back) = (Duration::from_millis(there), Duration::from_millis(back));
            Job { kind: 0, major: n as u64, from: Duration::ZERO, there, back }
        };
        let jobs: Vec<Job> = held_up.into_iter().enumerate().map(job).collect();
        let mut limits = Limits::new(Budget::default());
        let run = play(&mut limits, &mut server(vec![(5, 5)], None), &jobs);
        prop_assert!(run.finished.iter().all(Option::is_some));
        never_above_the_rate(&run, 45)?;
    }
}
