//! Counts that processes share: nobody's is lost, none is higher than it may be, and all of them end.

use std::time::Duration;

use setai::cache::Cache;
use setai::clock::Clock;

use crate::support::redis::RedisServer;

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn ten_that_count_at_once_count_ten() {
    let server = RedisServer::start();
    let caches: Vec<Cache> =
        (0..10).map(|_| Cache::in_redis(&server.url(), Clock::system()).expect("an address")).collect();
    let counting: Vec<_> = caches
        .iter()
        .cloned()
        .map(|cache| tokio::spawn(async move { cache.count("ratelimit:user:1", 1, 8, MINUTE).await.expect("Redis") }))
        .collect();
    let mut within = 0;
    for counted in counting {
        within += usize::from(counted.await.expect("no panic").is_within);
    }
    assert_eq!(within, 8);
    let counted = caches[0].count("ratelimit:user:1", 1, 8, MINUTE).await.expect("Redis");
    assert!(!counted.is_within && counted.sum == 8 && counted.left <= MINUTE, "{counted:?}");
    let mut connection = server.connect().await;
    let left: i64 = redis::cmd("PTTL").arg("ratelimit:user:1").query_async(&mut connection).await.expect("a number");
    assert!((1..=60_000).contains(&left), "it ends by itself: {left}");
    redis::cmd("SET").arg("ratelimit:user:1").arg("rubbish").exec_async(&mut connection).await.expect("set");
    assert!(
        caches[0].count("ratelimit:user:1", 1, 8, MINUTE).await.expect("Redis").is_within,
        "rubbish counts nothing"
    );
}

#[tokio::test]
async fn what_is_remembered_is_read_where_it_belongs_alone() {
    let server = RedisServer::start();
    let cache = Cache::in_redis(&server.url(), Clock::system()).expect("an address");
    cache.remember("ai:response:a", &vec![1, 2], MINUTE).await.expect("Redis");
    assert_eq!(cache.remembered::<Vec<u8>>("ai:response:a").await.expect("Redis"), Some(vec![1, 2]));
    assert_eq!(cache.remembered::<String>("ai:response:a").await.expect("Redis"), None, "of another type");
    let mut connection = server.connect().await;
    redis::cmd("RENAME").arg("ai:response:a").arg("ai:response:b").exec_async(&mut connection).await.expect("renamed");
    assert_eq!(cache.remembered::<Vec<u8>>("ai:response:b").await.expect("Redis"), None, "at another key");
}
