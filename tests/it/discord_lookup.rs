//! Looking for what a lost create made, and at what is about to be deleted.

use std::time::Duration;

use serde_json::{Value, json};
use setai::discord::{AuditReason, Disposition, Found, Resolved};
use setai::model::{
    ChannelAttributes, ChannelId, ChannelKind, ChannelRef, Key, Overwrite, Overwrites, Permissions, RoleAttributes,
    RoleId, RoleRef, Snapshot, Target,
};
use setai::plan::{ChannelSubject, Operation, RoleSubject};

use crate::discord_script::{GUILD, Reply, Script, TOKEN, answer, refusal};
use crate::discord_snapshot::{channel, guild, role};

const ME: &str = "80351110224678912";

fn key(text: &str) -> Key {
    text.parse().expect("a key")
}

fn reason() -> AuditReason {
    AuditReason { operation: "0193-7".into(), revision: None, who: None }
}

/// An entry of the audit log: who made what, and why.
fn entry(user: &str, target: &str, reason: Option<&str>) -> Value {
    json!({ "id": "1", "action_type": 10, "user_id": user, "target_id": target, "reason": reason })
}

fn log(entries: &[Value]) -> Reply {
    answer(200, json!({ "audit_log_entries": entries, "users": [] }))
}

fn no_log() -> Reply {
    refusal(403, 50013, "Missing Permissions")
}

fn create_channel(change: impl FnOnce(&mut ChannelAttributes)) -> Operation {
    let mut channel = ChannelAttributes::named("Mod Log", ChannelKind::Text);
    channel.parent = Some(ChannelRef::Planned(key("staff")));
    change(&mut channel);
    Operation::CreateChannel { key: key("mod-log"), channel: Box::new(channel) }
}

fn names() -> Resolved {
    Resolved { categories: [(key("staff"), ChannelId::new(20))].into(), ..Resolved::default() }
}

/// The guild before the create: a role, a category, a channel of the same name in it, a bot without special permissions.
async fn before() -> Snapshot {
    let member = json!({ "user": { "id": ME }, "roles": [] });
    let script = Script::new([answer(200, guild(&[role("50", "Old", 1)])), live(&[]), answer(200, member)]);
    let client = script.client();
    let mut snapshot = client.snapshot(GUILD).await.expect("a guild");
    client.identify(&mut snapshot).await.expect("a member");
    snapshot
}

/// The channels of that guild, and these.
fn live(more: &[Value]) -> Reply {
    let old = [channel("20", 4, "Staff", 0, None), channel("21", 0, "mod-log", 1, Some("20"))];
    answer(200, old.iter().chain(more).cloned().collect())
}

fn new(id: &str) -> Value {
    channel(id, 0, "mod-log", 9, Some("20"))
}

async fn find(operation: &Operation, names: &Resolved, replies: impl IntoIterator<Item = Reply>) -> (Script, Found) {
    let before = before().await;
    let script = Script::new(replies);
    let found = script.client().find_created(GUILD, operation, names, &reason(), &before).await.expect("answers");
    assert!(script.is_used_up(), "every answer was asked for");
    (script, found)
}

#[tokio::test]
async fn the_audit_log_tells_by_the_operations_id() {
    let foreign = entry(ME, "90", Some("setai op 0193-8 rev a1: create channel"));
    let ours = entry(ME, "91", Some("setai op 0193-7: create text channel Mod Log"));
    let (script, found) = find(&create_channel(|_| {}), &names(), [log(&[foreign, ours])]).await;
    assert_eq!(found, Found::Exactly(91));
    let path = "GET /api/v10/guilds/1146231231231231232/audit-logs?action_type=10&limit=100";
    assert_eq!(script.lines(), [path]);
}

#[tokio::test]
async fn a_reason_somebody_else_wrote_does_not_count() {
    let forged = entry("666", "91", Some("setai op 0193-7: create text channel Mod Log"));
    let again = || [log(std::slice::from_ref(&forged)), live(&[new("91")])];
    let (_, found) = find(&create_channel(|_| {}), &names(), again().into_iter().chain(again())).await;
    assert_eq!(found, Found::No);
}

#[tokio::test]
async fn no_is_said_only_after_a_second_look() {
    let nothing = || [log(&[]), live(&[])];
    let (script, found) = find(&create_channel(|_| {}), &names(), nothing().into_iter().chain(nothing())).await;
    assert_eq!(found, Found::No);
    assert_eq!(script.clock.elapsed(), Duration::from_secs(5));

    let late = entry(ME, "91", Some("setai op 0193-7: create text channel Mod Log"));
    let (_, found) = find(&create_channel(|_| {}), &names(), nothing().into_iter().chain([log(&[late])])).await;
    assert_eq!(found, Found::Exactly(91), "Discord was slower than the connection");
}

#[tokio::test]
async fn without_an_entry_the_one_new_channel_that_fits_is_taken() {
    let others = [
        channel("92", 2, "mod-log", 9, Some("20")),
        channel("93", 0, "mod-logs", 9, Some("20")),
        channel("94", 0, "mod-log", 9, None),
    ];
    for first in [log(&[]), no_log(), refusal(403, 50001, "Missing Access")] {
        let more: Vec<Value> = others.iter().cloned().chain([new("91")]).collect();
        let (_, found) = find(&create_channel(|_| {}), &names(), [first, live(&more)]).await;
        assert_eq!(found, Found::Exactly(91));
    }
}

#[tokio::test]
async fn one_that_is_bound_or_that_somebody_made_is_not_taken() {
    let mut bound = names();
    bound.channels.insert(key("other"), ChannelId::new(91));
    let again = || [no_log(), live(&[new("91")])];
    let (_, found) = find(&create_channel(|_| {}), &bound, again().into_iter().chain(again())).await;
    assert_eq!(found, Found::No);

    let theirs = || [log(&[entry("42", "91", None)]), live(&[new("91")])];
    let (_, found) = find(&create_channel(|_| {}), &names(), theirs().into_iter().chain(theirs())).await;
    assert_eq!(found, Found::No);
}

#[tokio::test]
async fn several_that_fit_are_for_a_person_to_judge() {
    let (_, found) = find(&create_channel(|_| {}), &names(), [no_log(), live(&[new("91"), new("92")])]).await;
    assert_eq!(found, Found::Uncertain("2 new objects look the same: [91, 92]".into()));
}

#[tokio::test]
async fn a_channel_the_bot_could_not_see_is_never_said_not_to_exist() {
    let hidden = create_channel(|channel| {
        let deny = Overwrite { allow: Permissions::NONE, deny: Permissions::VIEW_CHANNEL };
        channel.overwrites = Overwrites::from_iter([(Target::Role(RoleRef::Live(GUILD.cast())), deny)]);
    });
    let (_, found) = find(&hidden, &names(), [no_log(), live(&[])]).await;
    assert!(matches!(found, Found::Uncertain(_)), "{found:?}");
    // With the log there is no doubt.
    let nothing = || [log(&[]), live(&[])];
    let (_, found) = find(&hidden, &names(), nothing().into_iter().chain(nothing())).await;
    assert_eq!(found, Found::No);
}

#[tokio::test]
async fn a_role_is_looked_for_among_roles() {
    let operation = Operation::CreateRole { key: key("crew"), role: Box::new(RoleAttributes::named("Crew")) };
    let mut managed = role("99", "Crew", 1);
    managed["managed"] = json!(true);
    let roles = answer(200, json!([managed, role("98", "Crew", 1), role("49", "Crew", 1)]));
    let (script, found) = find(&operation, &names(), [no_log(), roles]).await;
    assert_eq!(found, Found::Exactly(98));
    assert!(script.lines()[0].contains("action_type=30"));
}

#[tokio::test]
async fn the_log_that_cannot_be_asked_is_an_error_and_no_answer() {
    let before = before().await;
    let script = Script::new(std::iter::repeat_with(|| answer(500, json!({}))).take(5));
    let result = script.client().find_created(GUILD, &create_channel(|_| {}), &names(), &reason(), &before).await;
    let error = result.expect_err("no answer");
    assert!(matches!(error.disposition(), Disposition::RetryAfter(_)));
    assert!(!format!("{error:?}").contains(TOKEN));
}

async fn is_gone(operation: &Operation, reply: Reply) -> Result<bool, Disposition> {
    let script = Script::new([reply]);
    let gone = script.client().is_gone(GUILD, operation).await;
    assert!(script.is_used_up());
    gone.map_err(|error| error.disposition())
}

#[tokio::test]
async fn a_channel_is_gone_only_when_discord_says_so() {
    let channel_subject = ChannelSubject {
        id: ChannelId::new(21),
        key: None,
        name: "mod-log".into(),
        kind: ChannelKind::Text,
        category: None,
    };
    let was = Box::new(ChannelAttributes::named("mod-log", ChannelKind::Text));
    let delete = Operation::DeleteChannel { channel: channel_subject, was };
    let there = channel("21", 0, "renamed-since", 1, None);
    assert_eq!(is_gone(&delete, answer(200, there)).await, Ok(false));
    assert_eq!(is_gone(&delete, refusal(404, 10003, "Unknown Channel")).await, Ok(true));
    assert_eq!(is_gone(&delete, refusal(403, 50001, "Missing Access")).await, Err(Disposition::Refused));
    assert_eq!(is_gone(&delete, refusal(404, 10004, "Unknown Guild")).await, Err(Disposition::Refused));
    assert_eq!(is_gone(&delete, refusal(404, 0, "404: Not Found")).await, Err(Disposition::Refused));
    let another_kind = channel("21", 5, "mod-log", 1, None);
    assert_eq!(is_gone(&delete, answer(200, another_kind)).await, Err(Disposition::Stale));
    let mut elsewhere = channel("21", 0, "mod-log", 1, None);
    elsewhere["guild_id"] = json!("2");
    assert_eq!(is_gone(&delete, answer(200, elsewhere)).await, Err(Disposition::Stale));
}

#[tokio::test]
async fn a_role_is_gone_only_when_discord_says_so() {
    let subject = RoleSubject { id: RoleId::new(11), key: None, name: "Crew".into() };
    let delete = Operation::DeleteRole { role: subject, was: Box::new(RoleAttributes::named("Crew")) };
    assert_eq!(is_gone(&delete, answer(200, role("11", "Crew", 1))).await, Ok(false));
    assert_eq!(is_gone(&delete, answer(200, role("12", "Crew", 1))).await, Err(Disposition::Stale));
    assert_eq!(is_gone(&delete, refusal(404, 10011, "Unknown Role")).await, Ok(true));
    assert_eq!(is_gone(&delete, refusal(403, 50013, "Missing Permissions")).await, Err(Disposition::Refused));
}
