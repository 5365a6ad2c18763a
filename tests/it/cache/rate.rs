//! One speed for all processes of a bot: every request takes a place, and nobody waits for a Redis that is gone.

use std::sync::Arc;
use std::time::Duration;

use setai::cache::Cache;
use setai::controller::Engine;

use crate::support::redis::RedisServer;
use crate::support::stage::{InProcess, Stage, engine};

const MANIFEST: &str = "channels: { a: {}, b: {}, c: {} }";

fn sharing(stage: &Stage, server: &RedisServer) -> Engine {
    let cache = Cache::in_redis(&server.url(), stage.discord.clock.clone()).expect("an address");
    let exchange = InProcess(stage.discord.simulator.router());
    engine(&stage.discord, exchange, Arc::clone(stage.engine.store())).with_cache(cache).sharing_rate()
}

/// The places that are kept, as numbers.
async fn places(server: &RedisServer) -> Vec<u64> {
    let mut connection = server.connect().await;
    let keys: Vec<String> =
        redis::cmd("KEYS").arg("ratelimit:rate:*").query_async(&mut connection).await.expect("keys");
    let Some(key) = keys.first() else { return Vec::new() };
    assert!(!key.contains("token") && keys.len() == 1, "{keys:?}");
    redis::cmd("LRANGE").arg(key).arg(0).arg(-1).query_async(&mut connection).await.expect("a list")
}

#[tokio::test]
async fn every_request_takes_a_place_and_without_redis_none_does() {
    let mut server = RedisServer::start();
    let stage = Stage::new().await;
    let shared = sharing(&stage, &server);
    let manifest = stage.manifest(MANIFEST);
    shared.propose(&manifest, None).await.expect("a plan");
    let asked = stage.discord.simulator.requests().len();
    let taken = places(&server).await;
    assert!(asked >= 2 && taken.len() == asked, "{asked} requests, {taken:?}");
    // Whoever comes behind others waits: five seconds of places are taken, and the clock here is moved by waiting alone.
    let last = taken.last().expect("a place") + 5_000_000;
    let mut connection = server.connect().await;
    let keys: Vec<String> =
        redis::cmd("KEYS").arg("ratelimit:rate:*").query_async(&mut connection).await.expect("keys");
    redis::cmd("RPUSH").arg(&keys[0]).arg(vec![last; 45]).exec_async(&mut connection).await.expect("pushed");
    let before = stage.discord.clock.elapsed();
    shared.propose(&manifest, None).await.expect("a plan");
    let waited = stage.discord.clock.elapsed() - before;
    assert!(waited > Duration::from_secs(4), "{waited:?}");

    server.stop();
    stage.discord.simulator.forget_requests();
    let before = stage.discord.clock.elapsed();
    shared.propose(&manifest, None).await.expect("a plan, without Redis");
    assert!(stage.discord.clock.elapsed() - before < Duration::from_secs(1), "nobody waits for it");
    assert!(!stage.discord.simulator.requests().is_empty());
}
