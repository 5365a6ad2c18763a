//! What goes wrong with events when it is asked to.

use std::time::Duration;

use serde_json::{Value, json};
use setai::simulator::faults::{Fault, Faults, Rule};
use setai::simulator::gateway::{GatewayOrder, Traffic};

use super::client::{Client, Heard, discord, identify};
use crate::support::harness::{Harness, Served};

/// A session that is told of guilds, and this rule from now on.
async fn with_rule(rule: Rule) -> (Harness, Served, Client, Value) {
    let (discord, served) = discord().await;
    let (client, ready) = Client::in_session(&served, 1).await;
    discord.simulator.set_faults(Faults { seed: 3, rules: vec![rule] });
    (discord, served, client, ready)
}

fn make(discord: &Harness, name: &str) {
    discord.channel_by_hand(json!({"name": name}));
}

/// The names in the next events.
async fn names<const N: usize>(client: &mut Client) -> [String; N] {
    let mut names = Vec::new();
    for _ in 0..N {
        let name = client.event("CHANNEL_CREATE").await["name"].as_str().expect("a name").to_owned();
        names.push(name);
    }
    names.try_into().expect("as many as were asked for")
}

#[tokio::test]
async fn a_dropped_event_never_comes_not_even_with_a_resume() {
    let (discord, served, mut client, ready) = with_rule(Rule::new(Fault::EventDropped).nth(1)).await;
    make(&discord, "lost");
    make(&discord, "told");
    let told = client.payload().await;
    assert_eq!((&told["d"]["name"], &told["s"]), (&json!("told"), &json!(3)), "no number was used up");
    let log = discord.simulator.gateway_log();
    assert!(log.iter().any(|r| matches!(&r.traffic, Traffic::Withheld { event } if event == "CHANNEL_CREATE")));
    discord.simulator.break_gateways();
    let mut client = Client::resuming(&served, &ready["session_id"], 2).await;
    assert_eq!(client.events().await, ["CHANNEL_CREATE", "RESUMED"]);
}

#[tokio::test]
async fn events_come_twice_late_and_in_the_wrong_order() {
    let (discord, _served, mut client, _) = with_rule(Rule::new(Fault::EventRepeated).nth(1)).await;
    make(&discord, "twice");
    assert_eq!(names(&mut client).await, ["twice", "twice"]);

    let late = Rule::new(Fault::EventDelayed { milliseconds: 1500 }).nth(1);
    discord.simulator.set_faults(Faults { seed: 0, rules: vec![late] });
    make(&discord, "late");
    make(&discord, "early");
    assert_eq!(names(&mut client).await, ["early"]);
    client.hears_nothing().await;
    discord.clock.advance(Duration::from_millis(1500));
    assert_eq!(names(&mut client).await, ["late"]);

    let held = Rule { first: Some(1), ..Rule::new(Fault::EventHeldBack) };
    discord.simulator.set_faults(Faults { seed: 0, rules: vec![held.clone()] });
    make(&discord, "first");
    make(&discord, "second");
    assert_eq!(names(&mut client).await, ["second", "first"]);
    discord.simulator.set_faults(Faults { seed: 0, rules: vec![held] });
    make(&discord, "alone");
    client.send(1, Value::Null).await;
    assert_eq!(names(&mut client).await, ["alone"], "with the next heartbeat at the latest");
}

#[tokio::test]
async fn old_events_come_again_under_new_numbers() {
    let (discord, _served, mut client, _) = with_rule(Rule::new(Fault::EventsResent { events: 2 }).nth(2)).await;
    make(&discord, "a");
    make(&discord, "b");
    assert_eq!(names(&mut client).await, ["a", "b", "a", "b"]);
    discord.simulator.order(&GatewayOrder::Resend { events: 1 }).expect("no guild to miss");
    let again = client.payload().await;
    assert_eq!((&again["d"]["name"], &again["s"]), (&json!("b"), &json!(7)));
}

#[tokio::test]
async fn a_connection_ends_in_the_middle_of_things_and_a_resume_brings_the_rest() {
    for (fault, ending) in
        [(Fault::GatewayClosed { code: 4000 }, Heard::Closed(4000)), (Fault::GatewayBroken, Heard::Broken)]
    {
        let (discord, served, mut client, ready) = with_rule(Rule::new(fault).on_event("CHANNEL_*").nth(1)).await;
        make(&discord, "missed");
        assert_eq!(client.next().await, ending);
        let mut client = Client::resuming(&served, &ready["session_id"], 2).await;
        assert_eq!(client.events().await, ["CHANNEL_CREATE", "RESUMED"]);
    }
    let (discord, _served, mut client, _) = with_rule(Rule::new(Fault::GatewayReconnect).nth(1)).await;
    make(&discord, "told");
    client.event("CHANNEL_CREATE").await;
    assert_eq!(client.payload().await["op"], 7);
}

#[tokio::test]
async fn logging_in_and_heartbeats_fail_only_when_named() {
    let (discord, served) = discord().await;
    discord.simulator.set_faults(Faults::always(Fault::EventDropped));
    let (mut client, _) = Client::ready(&served, 1).await;
    client.hears_nothing().await;

    let named = |event: &str, fault| Faults { seed: 0, rules: vec![Rule::new(fault).on_event(event).nth(1)] };
    discord.simulator.set_faults(named("HEARTBEAT_ACK", Fault::EventDropped));
    client.send(1, Value::Null).await;
    client.hears_nothing().await;
    discord.simulator.set_faults(named("HELLO", Fault::GatewayReconnect));
    let mut early = Client::connect(&served, "v=10&encoding=json").await;
    assert_eq!(early.payload().await["op"], 7, "even before HELLO");
    assert_eq!(early.payload().await["op"], 10);
    discord.simulator.set_faults(named("READY", Fault::GatewayClosed { code: 4000 }));
    early.send(2, identify(1)).await;
    assert_eq!(early.next().await, Heard::Closed(4000));
}

#[tokio::test]
async fn faults_of_events_are_read_from_yaml_and_leave_requests_alone() {
    let text = "
seed: 7
rules:
  - { event: 'CHANNEL_*', probability: 0.5, fault: event_dropped }
  - { event: READY, fault: session_invalidated, resumable: true }
  - { fault: event_delayed, milliseconds: 5 }
  - { fault: gateway_closed, code: 4000, nth: 9 }
";
    let faults: Faults = serde_saphyr::from_str(text).expect("rules");
    let again: Faults = serde_saphyr::from_str(&serde_saphyr::to_string(&faults).expect("writes")).expect("reads");
    assert_eq!(faults, again);
    let discord = Harness::with(|options| options.faults = faults);
    for _ in 0..20 {
        discord.get("/users/@me").await.ok();
    }
    let some = Faults { seed: 1, rules: vec![Rule { probability: Some(0.5), ..Rule::new(Fault::EventDropped) }] };
    let told = async |seed| {
        let (discord, served) = super::client::discord().await;
        let (mut client, _) = Client::in_guild(&served, 1).await;
        discord.simulator.set_faults(Faults { seed, ..some.clone() });
        for number in 0..20 {
            make(&discord, &format!("c{number}"));
        }
        discord.simulator.set_faults(Faults::default());
        make(&discord, "end");
        let mut told = Vec::new();
        while told.last().is_none_or(|name| name != "end") {
            told.extend(names::<1>(&mut client).await);
        }
        told
    };
    let once = told(1).await;
    assert!((5..=16).contains(&once.len()), "{once:?}");
    assert_eq!(once, told(1).await, "equal seeds, equal faults");
    assert_ne!(once, told(2).await);
}
