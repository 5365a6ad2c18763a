//! Limits and faults, as they look from outside.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use setai::simulator::Act;
use setai::simulator::faults::{Fault, Faults, Rule};
use setai::simulator::limits::{Limits, RouteLimit, Scope, Window};
use setai::simulator::world::{Bits, action};

use crate::support::harness::Harness;

fn limited(change: impl FnOnce(&mut Limits)) -> Harness {
    Harness::with(|options| change(&mut options.limits))
}

fn faulty(rules: Vec<Rule>) -> Harness {
    Harness::with(|options| options.faults = Faults { seed: 1, rules })
}

#[tokio::test]
async fn f03_the_third_rename_waits_for_ten_minutes_while_the_headers_look_fine() {
    for scope in [Scope::User, Scope::Shared] {
        let discord = limited(|limits| *limits = Limits { channel_scope: scope, ..Limits::default() });
        let channel = discord.channel_by_hand(json!({"name": "a"}));
        let path = format!("/channels/{channel}");
        for name in ["b", "c"] {
            discord.patch(&path, json!({"name": name})).await.ok();
        }
        let answer = discord.patch(&path, json!({"name": "d"})).await;
        assert_eq!(answer.status, 429);
        assert!(answer.body["retry_after"].as_f64().is_some_and(|s| s > 15.0));
        assert_eq!(
            (answer.body["global"].as_bool(), answer.header("x-ratelimit-scope")),
            (Some(false), Some(scope.word()))
        );
        assert_eq!(answer.header("retry-after"), Some("600"));
        assert_eq!(answer.header("x-ratelimit-remaining"), Some("7"));
        let reset = answer.header("x-ratelimit-reset-after").and_then(|s| s.parse::<f64>().ok());
        assert!(reset.is_some_and(|s| s <= 15.0));
        assert_eq!(discord.channel(channel).name, "c", "a limited call does nothing");

        discord.patch(&path, json!({"nsfw": true})).await.ok();
        discord.patch(&path, json!({"topic": "counted apart"})).await.ok();
        discord.clock.advance(Duration::from_secs(600));
        discord.patch(&path, json!({"name": "d"})).await.ok();
    }
}

#[tokio::test]
async fn buckets_are_told_in_headers_and_kept_apart_by_channel() {
    let discord = limited(|limits| limits.writes = Some(Window::new(2, 10)));
    let [a, b] = ["a", "b"].map(|name| discord.channel_by_hand(json!({"name": name})));
    let put = async |channel| {
        let path = format!("/channels/{channel}/permissions/{}", discord.guild);
        discord.put(&path, json!({"type": 0})).await
    };
    let first = put(a).await;
    let told =
        ["limit", "remaining", "reset-after"].map(|h| first.header(&format!("x-ratelimit-{h}")).map(str::to_owned));
    assert_eq!(told, ["2", "1", "10.000"].map(|text| Some(text.to_owned())));
    put(a).await.ok();
    let refused = put(a).await;
    assert_eq!((refused.status, refused.header("x-ratelimit-scope")), (429, Some("user")));
    let other = put(b).await;
    assert_eq!(other.status, 204);
    assert_eq!(other.header("x-ratelimit-bucket"), first.header("x-ratelimit-bucket"));
    discord.clock.advance(Duration::from_secs(10));
    put(a).await.ok();
}

#[tokio::test]
async fn f25_global_limits_stop_everything_and_shared_ones_are_not_invalid() {
    let discord = limited(|limits| {
        limits.global = Some(Window::new(50, 1));
        limits.invalid = Some(Window::new(20, 600));
        let window = Window::new(1, 60);
        limits.routes.push(RouteLimit { route: "GET /guilds/:id/roles".to_owned(), window, scope: Scope::Shared });
    });
    for _ in 0..40 {
        discord.get(&discord.in_guild("/roles")).await;
    }
    assert_eq!(discord.simulator.refusals().shared, 39);
    for _ in 0..10 {
        discord.get("/users/@me").await.ok();
    }
    let stopped = discord.get(&discord.in_guild("/channels")).await;
    let told = ["retry-after", "x-ratelimit-global", "x-ratelimit-scope"].map(|name| stopped.header(name));
    assert_eq!((stopped.status, told), (429, [Some("1"), Some("true"), Some("global")]));
    assert_eq!(stopped.body["global"], true);
    discord.clock.advance(Duration::from_secs(1));
    discord.get(&discord.in_guild("/channels")).await.ok();
}

#[tokio::test]
async fn f26_too_many_invalid_requests_ban_everybody_at_the_address() {
    let discord = limited(|limits| {
        limits.invalid = Some(Window::new(10_000, 600));
        limits.ban_seconds = 60;
    });
    discord.limit_bot(Bits::VIEW_CHANNEL);
    for _ in 0..9_999 {
        discord.post(&discord.in_guild("/roles"), json!({})).await;
    }
    assert_eq!(discord.get("/users/@me").await.status, 200);
    assert_eq!(discord.post(&discord.in_guild("/roles"), json!({})).await.refusal(), (403, 50_013));
    let banned = discord.get("/users/@me").await;
    assert_eq!((banned.status, banned.header("via")), (429, None));
    assert!(banned.body.as_str().is_some_and(|page| page.starts_with("<!DOCTYPE html>")));
    discord.clock.advance(Duration::from_secs(60));
    assert_eq!(discord.get("/users/@me").await.status, 200);
}

#[tokio::test]
async fn f20_an_overwrite_right_after_the_create_may_be_answered_and_lost() {
    for lost in [true, false] {
        let rules = if lost { vec![Rule::new(Fault::LostOverwrites { milliseconds: 1000 })] } else { Vec::new() };
        let discord = faulty(rules);
        let channel = discord.post(&discord.in_guild("/channels"), json!({"name": "a"})).await.id();
        let path = format!("/channels/{channel}/permissions/{}", discord.guild);
        assert_eq!(discord.put(&path, json!({"type": 0, "deny": "1024"})).await.status, 204);
        let read = discord.get(&format!("/channels/{channel}")).await.ok();
        assert_eq!(read["permission_overwrites"].as_array().map(Vec::is_empty), Some(lost));
        assert_eq!(discord.audited().last().map(|(kind, _)| *kind), Some(action::OVERWRITE_CREATE));
        discord.clock.advance(Duration::from_secs(2));
        assert_eq!(discord.put(&path, json!({"type": 0, "deny": "1024"})).await.status, 204);
        assert_eq!(discord.channel(channel).permission_overwrites.len(), 1, "the next pass is not lost");
    }
}

#[tokio::test]
async fn f21_a_read_may_be_older_than_the_last_write() {
    let discord = faulty(vec![Rule::new(Fault::Stale).on("GET", "/channels/*").nth(2)]);
    let channel = discord.channel_by_hand(json!({"name": "a"}));
    let path = format!("/channels/{channel}");
    discord.get(&path).await.ok();
    discord.patch(&path, json!({"topic": "new"})).await.ok();
    assert_eq!(discord.get(&path).await.ok()["topic"], Value::Null);
    assert_eq!(discord.get(&path).await.ok()["topic"], "new");
}

#[tokio::test]
async fn answers_get_lost_with_and_without_the_write_done() {
    for done in [true, false] {
        let discord = faulty(vec![
            Rule::new(Fault::ConnectionLost { done }).on("POST", "/guilds/*/channels").nth(1),
            Rule::new(Fault::ServerError { status: 502, done }).on("POST", "/guilds/*/channels").nth(2),
        ]);
        let count = || discord.edit(|guild| guild.channels.len());
        let before = count();
        let path = discord.in_guild("/channels");
        assert_eq!(discord.post(&path, json!({"name": "a"})).await.status, 0);
        assert_eq!(count() - before, usize::from(done));
        assert_eq!(discord.post(&path, json!({"name": "a"})).await.status, 502);
        assert_eq!(count() - before, 2 * usize::from(done));
        assert_eq!(discord.post(&path, json!({"name": "a"})).await.status, 201);
        let told: Vec<_> = discord.simulator.requests().iter().map(|r| (r.status, r.done)).collect();
        assert_eq!(told, [(0, done), (502, done), (201, true)]);
    }
}

#[tokio::test]
async fn every_scope_of_429_comes_on_demand() {
    for scope in [Scope::User, Scope::Shared, Scope::Global] {
        let discord = faulty(vec![Rule::new(Fault::RateLimit { scope, retry_after: 1500 }).nth(1)]);
        let answer = discord.get("/users/@me").await;
        assert_eq!((answer.status, answer.header("retry-after")), (429, Some("2")));
        assert_eq!(answer.header("x-ratelimit-scope"), Some(scope.word()));
        assert_eq!(
            (&answer.body["retry_after"], &answer.body["global"]),
            (&json!(1.5), &json!(scope == Scope::Global))
        );
        discord.get("/users/@me").await.ok();
    }
}

#[tokio::test]
async fn refusals_without_a_cause_come_on_demand() {
    let fault = Fault::Refused { status: 400, code: 20_031, message: "Contains words not allowed".to_owned() };
    let discord = faulty(vec![Rule::new(fault).on("POST", "*").nth(1)]);
    let before = discord.simulator.world();
    let path = discord.in_guild("/channels");
    assert_eq!(discord.post(&path, json!({"name": "a"})).await.refusal(), (400, 20_031));
    assert_eq!(discord.simulator.world(), before);
    assert_eq!(discord.post(&path, json!({"name": "a"})).await.status, 201);
}

#[tokio::test]
async fn somebody_edits_in_between() {
    let discord = Harness::new();
    let channel = discord.channel_by_hand(json!({"name": "a"}));
    let path = format!("/channels/{channel}");
    let act = Act::new(discord.owner, "DELETE", &path, Value::Null);
    discord
        .simulator
        .set_faults(Faults { seed: 0, rules: vec![Rule::new(Fault::Edit { act }).on("PATCH", "*").nth(2)] });
    discord.patch(&path, json!({"topic": "t"})).await.ok();
    assert_eq!(discord.patch(&path, json!({"topic": "u"})).await.refusal(), (404, 10_003));
}

#[tokio::test]
async fn latency_passes_on_the_simulators_clock() {
    let discord = faulty(vec![Rule::new(Fault::Latency { milliseconds: 20_000, jitter: 10_000 })]);
    discord.get("/users/@me").await.ok();
    let waited = discord.clock.elapsed();
    assert!((Duration::from_secs(20)..Duration::from_secs(30)).contains(&waited), "{waited:?}");
}

#[tokio::test]
async fn the_operator_reads_the_log_and_replaces_world_and_faults() {
    let discord = Harness::new();
    discord.send("PATCH", &discord.in_guild(""), json!({"name": "Renamed"}), "t", Some("why%20not")).await.ok();
    let admin = async |method: &str, path: &str, body: String| {
        let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
        discord.send_raw(request.body(Body::from(body)).expect("a request")).await.0
    };
    let log = admin("GET", "/_sim/requests", String::new()).await.ok();
    let first = &log[0];
    assert_eq!((&first["method"], &first["status"]), (&json!("PATCH"), &json!(200)));
    assert_eq!((&first["body"], &first["reason"]), (&json!({"name": "Renamed"}), &json!("why not")));
    assert_eq!(first["path"], format!("/api/v10/guilds/{}", discord.guild));
    assert_eq!(first["time"], json!(discord.clock.now()));
    assert_eq!(admin("DELETE", "/_sim/requests", String::new()).await.status, 204);
    assert_eq!(admin("GET", "/_sim/requests", String::new()).await.ok(), json!([]));

    let world = admin("GET", "/_sim/world", String::new()).await.ok();
    let before = discord.simulator.world();
    discord.edit(|guild| guild.channels.clear());
    assert_eq!(admin("PUT", "/_sim/world", world.to_string()).await.status, 204);
    assert_eq!(discord.simulator.world(), before);
    assert_eq!(admin("PUT", "/_sim/world", "[]".to_owned()).await.status, 400);

    let act =
        json!({"user_id": discord.owner, "method": "POST", "path": discord.in_guild("/roles"), "body": {"name": "x"}});
    assert_eq!(admin("POST", "/_sim/act", act.to_string()).await.ok()["name"], "x");
    let faults = "rules: [{ fault: server_error, status: 503 }]";
    assert_eq!(admin("PUT", "/_sim/faults", faults.to_owned()).await.status, 204);
    assert_eq!(discord.get("/users/@me").await.status, 503);
    assert_eq!(admin("DELETE", "/_sim/faults", String::new()).await.status, 204);
    assert_eq!(discord.get("/users/@me").await.status, 200);
}
