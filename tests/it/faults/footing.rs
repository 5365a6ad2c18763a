//! The bot loses its footing in the middle: it stops after a few refusals, says so, and does not try again blindly.

use std::fmt::Write as _;

use serde_json::{Value, json};
use setai::plan::Outcome;
use setai::simulator::Act;
use setai::simulator::faults::{Fault, Faults, Rule};
use setai::simulator::world::Bits;
use setai::store::Verdict;

use crate::support::stage::Stage;

fn manifest() -> String {
    let mut yaml = "roles: { crew: { hoist: true } }\nchannels:\n".to_owned();
    (0..12).for_each(|n| _ = writeln!(yaml, "  room-{n}: {{ previously: [], topic: number {n} }}"));
    yaml
}

/// Something that happens before the fourth write.
async fn midway(what: &str, act: impl FnOnce(&Stage) -> Act) {
    let stage = Stage::new().await;
    let edit = Fault::Edit { act: act(&stage) };
    stage.discord.simulator.set_faults(Faults { seed: 0, rules: vec![Rule::new(edit).on("POST", "*").nth(4)] });
    let manifest = stage.manifest(&manifest());
    let report = stage.apply(&manifest).await;
    assert_eq!(report.verdict, Verdict::Partial, "{what}: {:?}", report.remark);
    let records = stage.discord.simulator.requests();
    let writes: Vec<_> = records.iter().filter(|r| r.is_write()).collect();
    let refused = writes.iter().filter(|r| r.status == 403).count();
    assert!((1..=6).contains(&refused), "{what}: {refused} refusals; three in a row, and what was under way with them");
    let done = report.steps.iter().filter(|(_, outcome)| *outcome == Outcome::Done).count();
    assert_eq!(done, 3, "{what}");
    let skipped = report.steps.iter().filter(|(_, outcome)| matches!(outcome, Outcome::Skipped { .. })).count();
    assert_eq!(writes.len(), done + refused, "{what}: nothing was tried twice");
    assert_eq!(skipped, report.steps.len() - done - refused, "{what}: the rest was not tried");
    // Again, as a person or a schedule would: what cannot be done is seen before it is sent.
    stage.quiet();
    _ = stage.reconcile(&manifest).await;
    let blind = stage.writes();
    assert!(blind.is_empty(), "{what}: {blind:?}");
    println!("F40, {what}: {done} done, {refused} refused, {skipped} not tried; the next run sends 0 writes");
}

#[tokio::test]
async fn f40_the_bot_is_timed_out() {
    midway("timed out", |stage| {
        let until = stage.discord.clock.now() + chrono::TimeDelta::hours(1);
        let path = stage.discord.in_guild(&format!("/members/{}", stage.discord.bot));
        // Administrators cannot be timed out, so this one is no administrator.
        stage.discord.limit_bot(Bits::MANAGE_ROLES | Bits::MANAGE_CHANNELS | Bits::VIEW_CHANNEL | Bits::SEND_MESSAGES);
        Act::new(stage.discord.owner, "PATCH", &path, json!({"communication_disabled_until": until}))
    })
    .await;
}

#[tokio::test]
async fn f40_the_bots_role_loses_its_permissions() {
    midway("role stripped", |stage| {
        let path = stage.discord.in_guild(&format!("/roles/{}", stage.discord.bot_role));
        Act::new(stage.discord.owner, "PATCH", &path, json!({"permissions": "0"}))
    })
    .await;
}

#[tokio::test]
async fn f40_the_bot_loses_its_role() {
    midway("role taken away", |stage| {
        // A bot's own role stays with it, so it has another one that lets it work.
        let (bot, guild) = (stage.discord.bot, stage.discord.guild);
        stage.discord.limit_bot(Bits::NONE);
        let ops = stage.discord.role_by_hand("ops", Bits::ADMINISTRATOR, 20);
        stage.discord.edit(|g| g.members.get_mut(&bot).expect("the bot is a member").roles.push(ops));
        let path = format!("/guilds/{guild}/members/{bot}/roles/{ops}");
        Act::new(stage.discord.owner, "DELETE", &path, Value::Null)
    })
    .await;
}

#[tokio::test]
async fn f40_the_bot_is_moved_below_the_roles_it_manages() {
    let stage = Stage::new().await;
    stage.discord.limit_bot(Bits::MANAGE_ROLES | Bits::MANAGE_CHANNELS | Bits::VIEW_CHANNEL);
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    for (position, name) in names.into_iter().enumerate() {
        stage.discord.role_by_hand(name, Bits::NONE, position as i64 + 1);
    }
    let line = |hoist: bool| names.map(|name| format!("{name}: {{ hoist: {hoist} }}")).join(", ");
    stage
        .converge(&stage.manifest(&format!(
            "roles: {{ {} }}",
            names.iter().rev().map(|n| format!("{n}: {{}}")).collect::<Vec<_>>().join(", ")
        )))
        .await;
    let manifest = stage.manifest(&format!("policy: {{ ignore: [roles.*.position] }}\nroles: {{ {} }}", line(true)));
    let act = Act::new(
        stage.discord.owner,
        "PATCH",
        &stage.discord.in_guild("/roles"),
        json!([{"id": stage.discord.bot_role, "position": 1}]),
    );
    stage
        .discord
        .simulator
        .set_faults(Faults { seed: 0, rules: vec![Rule::new(Fault::Edit { act }).on("PATCH", "*").nth(3)] });
    stage.discord.simulator.forget_requests();
    let report = stage.apply(&manifest).await;
    let records = stage.discord.simulator.requests();
    let refused = records.iter().filter(|r| r.status == 403).count();
    assert_eq!(report.verdict, Verdict::Partial, "{:?} {:#?}", report.remark, report.steps);
    assert!((1..=6).contains(&refused), "{refused}");
    stage.quiet();
    _ = stage.reconcile(&manifest).await;
    assert!(stage.writes().is_empty(), "{:?}", stage.writes());
}
