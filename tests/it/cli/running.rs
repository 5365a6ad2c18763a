//! A run that is under way, or was until its process was killed, as others see it.

use std::process::Stdio;

use serde_json::Value;
use setai::cache::Cache;
use setai::clock::Clock;
use setai::simulator::faults::{Fault, Faults, Rule};
use setai::store::{DatabaseUrl, open};

use crate::support::redis::RedisServer;
use crate::support::terminal::Terminal;

#[tokio::test(flavor = "multi_thread")]
async fn history_shows_how_far_a_run_is() {
    let server = RedisServer::start();
    let mut terminal = Terminal::new().await;
    terminal.use_redis(server.address());
    terminal.write("guild.yaml", "channels: { room-1: {}, room-2: {}, room-3: {}, room-4: {} }\n");
    // The third room takes Discord longer than anybody waits.
    let slow = Fault::Latency { milliseconds: 3_600_000, jitter: 0 };
    terminal.simulator.set_faults(Faults { seed: 0, rules: vec![Rule::new(slow).on("POST", "*").nth(3)] });
    let mut command = terminal.command(&["apply", ".", "--auto-approve"]);
    let mut process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a process");
    let cache = Cache::in_redis(&server.url(), Clock::system()).expect("an address");
    let run = loop {
        assert!(process.try_wait().is_ok_and(|ended| ended.is_none()), "it waits for the third room");
        let store = open(&DatabaseUrl::File(terminal.path("setai.db"))).await.expect("the database");
        let run = store.history(None, 1).await.expect("history").into_iter().next();
        store.close().await;
        let Some(run) = run else { continue };
        let told = cache.executions(&[run.id.0]).await.expect("reachable").remove(0);
        if told.is_some_and(|told| told.done == 2 && told.doing.contains("room-3")) {
            break run;
        }
    };
    let listed = terminal.run(&["history"]).await;
    listed.works(&["not finished", "2 of 4 steps by ", ": create text channel room-3"]);
    terminal.run(&["history", &run.id.to_string()]).await.works(&["2 of 4 steps by "]);
    let json: Value = serde_json::from_str(&terminal.run(&["history", "--json"]).await.out).expect("JSON");
    assert_eq!((&json[0]["progress"]["all"], &json[0]["progress"]["done"]), (&Value::from(4), &Value::from(2)));
    process.kill().expect("it runs");
    process.wait().expect("it ends");
    terminal.use_redis("redis://127.0.0.1:1".to_owned());
    let alone = terminal.run(&["history"]).await;
    alone.works(&["not finished", "2 done, 0 failed"]);
    assert!(!alone.out.contains("2 of 4 steps"), "without Redis the records speak: {}", alone.out);
}
