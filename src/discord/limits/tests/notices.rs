//! What one process learned of limits, told to another whose clock began at another time.

use super::*;

fn process(origin: &str) -> Limits {
    Limits::of(origin.to_owned(), Budget::default())
}

/// Tells everything, through JSON as it would be kept.
fn tell(from: &mut Limits, at: Duration, to: &mut Limits, now: Duration) -> usize {
    let notices = from.notices(at);
    let kept = serde_json::to_string(&notices).expect("JSON");
    let read: Vec<Notice> = serde_json::from_str(&kept).expect("the same");
    assert_eq!(read, notices);
    read.iter().for_each(|notice| to.take(notice, now));
    read.len()
}

#[test]
fn a_window_a_429_told_of_is_closed_to_everybody_for_what_is_left_of_it() {
    let (mut old, mut new) = (process("old"), process("new"));
    let (patch, delete) = (channel(Method::PATCH, 1), channel(Method::DELETE, 1));
    old.pass(&delete, &bucket("shared", 5, 4, secs(1)), secs(100));
    let seen = BucketReading { hash: "shared".into(), limit: 5, remaining: 3, reset_after: secs(1) };
    let throttle = Throttle { retry_after: secs(40), scope: ThrottleScope::User };
    let answer = Reading { status: 429, bucket: Some(seen), throttle: Some(throttle) };
    old.pass(&patch, &Outcome::Answered(answer), secs(101));
    assert_eq!(tell(&mut old, secs(111), &mut new, secs(5)), 2, "the window and the refusal");
    let park = Decision::Park { until: secs(35), why: Hold::Resource };
    assert_eq!(new.decide(&patch, secs(5)), park);
    assert_eq!(new.decide(&delete, secs(5)), park, "a route that shares the bucket");
    new.pass(&channel(Method::PATCH, 2), &plain(200), secs(5));
    new.pass(&patch, &plain(200), secs(35));
}

#[test]
fn a_429_of_a_route_without_a_bucket_is_told_too() {
    let (mut old, mut new) = (process("old"), process("new"));
    let patch = channel(Method::PATCH, 1);
    old.pass(&patch, &throttled(ThrottleScope::Shared, secs(40)), secs(0));
    tell(&mut old, secs(0), &mut new, secs(0));
    assert_eq!(new.decide(&patch, secs(0)), Decision::Park { until: secs(40), why: Hold::Resource });
}

#[test]
fn a_pause_holds_everybody_and_the_longest_counts() {
    let (mut old, mut new) = (process("old"), process("new"));
    let any = channel(Method::GET, 2);
    new.pass(&any, &throttled(ThrottleScope::Global, secs(30)), secs(0));
    old.pass(&any, &throttled(ThrottleScope::Edge, secs(600)), secs(0));
    tell(&mut old, secs(100), &mut new, secs(0));
    assert_eq!(new.decide(&any, secs(0)), Decision::Park { until: secs(500), why: Hold::Edge });
    let mut third = process("third");
    third.pass(&any, &throttled(ThrottleScope::Global, secs(20)), secs(0));
    tell(&mut third, secs(0), &mut new, secs(0));
    assert_eq!(new.decide(&any, secs(0)), Decision::Park { until: secs(500), why: Hold::Edge });
}

#[test]
fn a_bucket_that_is_used_up_is_waited_for() {
    let (mut old, mut new) = (process("old"), process("new"));
    let patch = channel(Method::PATCH, 1);
    old.pass(&patch, &bucket("a", 5, 0, secs(12)), secs(0));
    tell(&mut old, secs(2), &mut new, secs(50));
    assert_eq!(new.decide(&patch, secs(50)), Decision::Wait(secs(10) + Duration::from_millis(1)));
    for _ in 0..5 {
        drop(new.ticket(&patch, secs(61)));
    }
}

#[test]
fn renames_count_wherever_they_were_made_and_once() {
    let (mut old, mut new) = (process("old"), process("new"));
    old.pass(&rename(1), &plain(200), secs(1000));
    let first = old.notices(secs(1100));
    old.pass(&rename(1), &plain(200), secs(1100));
    let second = old.notices(secs(1100));
    // Every look at the cache brings all of them again, one's own too.
    for _ in 0..3 {
        first.iter().chain(&second).for_each(|notice| new.take(notice, secs(7)));
        first.iter().chain(&second).for_each(|notice| old.take(notice, secs(1100)));
    }
    assert_eq!(new.decide(&rename(1), secs(7)), Decision::Park { until: secs(507), why: Hold::Renames });
    drop(new.ticket(&rename(2), secs(7)));
    new.pass(&rename(1), &plain(200), secs(507));
    old.pass(&rename(1), &plain(200), secs(1600));
}

#[test]
fn refusals_add_up_over_processes() {
    let budget = || Budget { invalid: 4, ..Budget::default() };
    let mut new = Limits::of("new".to_owned(), budget());
    for origin in ["one", "two"] {
        let mut old = Limits::of(origin.to_owned(), budget());
        old.pass(&channel(Method::GET, 1), &plain(403), secs(0));
        old.pass(&channel(Method::GET, 1), &plain(401), secs(1));
        assert_eq!(tell(&mut old, secs(60), &mut new, secs(0)), 2);
    }
    let park = Decision::Park { until: secs(540), why: Hold::Refusals };
    assert_eq!(new.decide(&channel(Method::DELETE, 2), secs(0)), park);
}

#[test]
fn what_holds_nothing_back_is_not_told() {
    let (mut old, mut new) = (process("old"), process("new"));
    old.pass(&channel(Method::PATCH, 1), &bucket("a", 5, 4, secs(10)), secs(0));
    old.pass(&channel(Method::PATCH, 2), &bucket("a", 5, 0, Duration::from_millis(300)), secs(0));
    old.pass(&channel(Method::PATCH, 3), &plain(404), secs(0));
    assert_eq!(tell(&mut old, secs(0), &mut new, secs(0)), 0);
    old.pass(&rename(1), &plain(200), secs(0));
    assert_eq!(tell(&mut old, secs(600), &mut new, secs(0)), 0, "it is over");
    // And where nobody ever asks, not more and more of them wait to be told.
    for n in 0..5000 {
        old.pass(&rename(n), &plain(200), secs(1000 + n));
    }
    assert!(old.notices(secs(6000)).len() <= 1024);
}

#[test]
fn what_is_told_says_which_guild_it_is_about() {
    let mut old = process("old");
    let in_guild = Facts { guild: Some(77), ..rename(1) };
    old.pass(&in_guild, &plain(200), secs(0));
    let roles = Facts::of(&Method::POST, "guilds/88/roles", Edits::default());
    old.pass(&roles, &throttled(ThrottleScope::User, secs(9)), secs(0));
    let guilds: Vec<_> = old.notices(secs(0)).into_iter().map(|notice| notice.guild).collect();
    assert_eq!(guilds, [Some(77), Some(88), None], "a refusal is everybody's");
}
