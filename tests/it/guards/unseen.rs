//! What cannot be seen is neither absent nor empty: nothing is removed, made again or moved on the ground of not seeing it.

use serde_json::json;
use setai::plan::{Consent, NoteCode, Operation, Plan};
use setai::simulator::world::{Bits, Snowflake};
use setai::store::Verdict;

use crate::support::stage::{Stage, shown};

fn worker() -> Bits {
    [Bits::MANAGE_ROLES, Bits::MANAGE_CHANNELS, Bits::VIEW_CHANNEL, Bits::VIEW_AUDIT_LOG, Bits::CONNECT]
        .into_iter()
        .fold(Bits::NONE, |sum, bit| sum | bit)
}

fn channel(stage: &Stage, name: &str) -> Snowflake {
    stage.discord.edit(|guild| guild.channel_named(name).unwrap_or_else(|| panic!("no {name}")).id)
}

#[track_caller]
fn told(plan: &Plan, code: NoteCode, subject: &str) {
    let is_told = plan.notes.iter().any(|note| note.code == code && note.subject == subject);
    assert!(is_told, "no {code:?} about {subject}\n{}", shown(plan));
}

/// Plans, applies with somebody's consent; nothing may fail.
async fn applied(stage: &Stage, yaml: &str) -> Plan {
    let manifest = stage.manifest(yaml);
    let proposal = stage.propose(&manifest).await;
    let plan = proposal.plan.clone();
    if !plan.is_empty() {
        let consent = Consent::Digest(plan.digest.to_string());
        let report = stage.apply_proposal(&manifest, &proposal, &consent).await;
        assert_eq!(report.verdict, Verdict::Succeeded, "{}\n{:#?}", shown(&plan), report.steps);
    }
    plan
}

const DELETES: &str = "policy: { on_remove: delete, max_deletions: 100% }\n";

#[tokio::test]
async fn a_category_is_not_deleted_while_a_channel_in_it_may_be_hidden() {
    let stage = Stage::new().await;
    applied(&stage, &format!("{DELETES}categories: {{ area: {{}} }}\nchannels: {{ hall: {{}} }}")).await;
    let (area, guild) = (channel(&stage, "area"), stage.discord.guild);
    let hide = json!([{"id": guild, "type": 0, "allow": "0", "deny": Bits::VIEW_CHANNEL}]);
    let secret =
        stage.discord.channel_by_hand(json!({"name": "secret", "parent_id": area, "permission_overwrites": hide}));
    stage.discord.limit_bot(worker());
    let without = format!("{DELETES}channels: {{ hall: {{}} }}");
    let plan = applied(&stage, &without).await;
    told(&plan, NoteCode::Hidden, "categories.area");
    assert_eq!(stage.discord.channel(secret).parent_id, Some(area), "{}", shown(&plan));
    // Whoever sees everything sees who is in it; and once it is empty, it goes.
    stage.discord.limit_bot(Bits::ADMINISTRATOR);
    told(&applied(&stage, &without).await, NoteCode::ForeignChildren, "categories.area");
    stage.discord.by_hand("DELETE", &format!("/channels/{secret}"), json!(null));
    applied(&stage, &without).await;
    assert!(stage.discord.edit(|guild| !guild.channels.contains_key(&area)));
}

#[tokio::test]
async fn a_hidden_archive_is_not_made_a_second_time() {
    let stage = Stage::new().await;
    let rooms = |list: &str| {
        format!(
            "policy: {{ max_deletions: 100% }}\nchannels: {{ {list} }}\ncategories: {{ area: {{ channels: {{ den: {{}} }} }} }}"
        )
    };
    applied(&stage, &rooms("a: {}, b: {}, c: {}")).await;
    applied(&stage, &rooms("a: {}, b: {}")).await;
    let archive = channel(&stage, "Archive");
    stage.discord.limit_bot(worker());
    let without = rooms("a: {}").replace("den: {}", "");
    let plan = applied(&stage, &without).await;
    assert!(plan.is_empty(), "{}", shown(&plan));
    told(&plan, NoteCode::Hidden, "categories.archive");
    assert!(plan.notes.iter().all(|note| note.code != NoteCode::Archived), "nothing moves\n{}", shown(&plan));
    let bound = stage.engine.store().bindings(stage.guild()).await.expect("bindings");
    let bound = bound.categories.values().any(|binding| binding.id.get() == archive.0);
    assert!(bound, "what was archived can still be found");
    // Somebody who sees it goes on with the same one.
    stage.discord.limit_bot(Bits::ADMINISTRATOR);
    applied(&stage, &without).await;
    for name in ["b", "den"] {
        assert_eq!(stage.discord.channel(channel(&stage, name)).parent_id, Some(archive));
    }
}

#[tokio::test]
async fn a_category_stays_with_the_channel_that_found_no_room_in_the_archive() {
    let stage = Stage::new().await;
    let before =
        "policy: { max_deletions: 100% }\nchannels: { a: {}, b: {} }\ncategories: { old: { channels: { x: {} } } }";
    applied(&stage, before).await;
    applied(&stage, &before.replace("b: {}", "")).await;
    let archive = channel(&stage, "Archive");
    for at in 1..50 {
        stage.discord.channel_by_hand(json!({"name": format!("box-{at}"), "parent_id": archive}));
    }
    let (old, x) = (channel(&stage, "old"), channel(&stage, "x"));
    let plan = applied(&stage, "policy: { max_deletions: 100% }\nchannels: { a: {} }").await;
    assert_eq!(stage.discord.channel(x).parent_id, Some(old), "{}", shown(&plan));
    told(&plan, NoteCode::OverLimit, "channels.x");
    told(&plan, NoteCode::ForeignChildren, "categories.old");
    assert!(plan.notes.iter().all(|note| note.code != NoteCode::Archived), "it does not move\n{}", shown(&plan));
}

#[tokio::test]
async fn a_category_stays_with_the_channel_that_found_no_room_in_another() {
    let stage = Stage::new().await;
    let before = "policy: { max_deletions: 100% }\ncategories: { old: { channels: { x: {} } }, new: {} }";
    applied(&stage, before).await;
    let (old, new, x) = (channel(&stage, "old"), channel(&stage, "new"), channel(&stage, "x"));
    for at in 0..50 {
        stage.discord.channel_by_hand(json!({"name": format!("box-{at}"), "parent_id": new}));
    }
    let after = "policy: { max_deletions: 100% }\ncategories: { new: { channels: { x: {} } } }";
    let plan = applied(&stage, after).await;
    assert_eq!(stage.discord.channel(x).parent_id, Some(old), "{}", shown(&plan));
    told(&plan, NoteCode::ForeignChildren, "categories.old");
}

#[tokio::test]
async fn who_comes_back_from_the_archive_is_told_that_nobody_sees_it() {
    let stage = Stage::new().await;
    let rooms = |b: &str| format!("policy: {{ max_deletions: 100% }}\nchannels: {{ a: {{}}, {b} }}");
    for (b, is_seen) in [("b: {}", false), ("b: { permissions: { everyone: { allow: [view_channel] } } }", true)] {
        applied(&stage, &rooms("b: {}")).await;
        applied(&stage, &rooms("")).await;
        let plan = applied(&stage, &rooms(b)).await;
        let notes = plan.notes.iter().filter(|note| note.code == NoteCode::Archived && note.subject == "channels.b");
        assert_eq!(notes.count(), usize::from(!is_seen), "{}", shown(&plan));
        let everyone =
            stage.discord.channel(channel(&stage, "b")).overwrite(stage.discord.guild).expect("its own").deny;
        assert_eq!(everyone.has(Bits::VIEW_CHANNEL), !is_seen);
        // Said once is enough.
        assert!(stage.propose(&stage.manifest(&rooms(b))).await.plan.notes.is_empty());
    }
}

fn is_made(plan: &Plan, name: &str) -> bool {
    plan.steps.iter().any(|step| match &step.operation {
        Operation::CreateChannel { channel, .. } => channel.name == name,
        Operation::CreateRole { role, .. } => role.name == name,
        _ => false,
    })
}

/// So many roles that there is room for so many more.
fn roles_but(stage: &Stage, room: usize) {
    let missing = stage.discord.edit(|guild| 250 - room - guild.roles.len());
    (0..missing).for_each(|at| _ = stage.discord.role_by_hand(&format!("rank {at}"), Bits::NONE, 1));
}

/// So many channels that there is room for so many more.
fn channels_but(stage: &Stage, room: usize) {
    let missing = stage.discord.edit(|guild| 500 - room - guild.channels.len());
    (0..missing).for_each(|at| _ = stage.discord.channel_by_hand(json!({"name": format!("hole-{at}"), "type": 2})));
}

#[tokio::test]
async fn what_names_a_role_there_is_no_room_for_waits_with_it() {
    let stage = Stage::new().await;
    applied(&stage, "channels: { a: {} }").await;
    roles_but(&stage, 1);
    let names = |role: &str| format!("{{ permissions: {{ {role}: {{ deny: [send_messages] }} }} }}");
    let yaml = format!(
        "roles: {{ first: {{}}, second: {{}} }}\nchannels: {{ a: {}, b: {}, c: {} }}",
        names("second"),
        names("second"),
        names("first")
    );
    let plan = applied(&stage, &yaml).await;
    told(&plan, NoteCode::OverLimit, "roles.second");
    told(&plan, NoteCode::Dependent, "channels.a");
    told(&plan, NoteCode::Dependent, "channels.b");
    assert_eq!(["first", "second", "c", "b"].map(|name| is_made(&plan, name)), [true, false, true, false]);
}

#[tokio::test]
async fn what_stands_in_a_category_there_is_no_room_for_waits_with_it() {
    let stage = Stage::new().await;
    applied(&stage, "channels: { a: {} }").await;
    channels_but(&stage, 1);
    let yaml = "channels: { z: {} }\ncategories: { one: {}, two: { channels: { a: {}, b: {} } } }";
    let plan = applied(&stage, yaml).await;
    told(&plan, NoteCode::OverLimit, "categories.two");
    told(&plan, NoteCode::OverLimit, "channels.z");
    told(&plan, NoteCode::Dependent, "channels.a");
    told(&plan, NoteCode::Dependent, "channels.b");
    assert_eq!(["one", "two", "b", "z"].map(|name| is_made(&plan, name)), [true, false, false, false]);
    assert_eq!(stage.discord.channel(channel(&stage, "a")).parent_id, None);
}

#[tokio::test]
async fn nothing_is_archived_where_there_is_no_room_for_an_archive() {
    let stage = Stage::new().await;
    let before = "policy: { max_deletions: 100% }\nchannels: { a: {} }\ncategories: { old: { channels: { x: {} } } }";
    applied(&stage, before).await;
    channels_but(&stage, 0);
    let plan = applied(&stage, "policy: { max_deletions: 100% }\nchannels: { a: {} }").await;
    assert!(plan.is_empty(), "{}", shown(&plan));
    told(&plan, NoteCode::OverLimit, "categories.archive");
    told(&plan, NoteCode::ForeignChildren, "categories.old");
    assert!(plan.notes.iter().all(|note| note.code != NoteCode::Archived), "nothing moves\n{}", shown(&plan));
}

#[tokio::test]
async fn what_goes_to_an_archive_of_the_manifest_waits_until_that_is_made() {
    let stage = Stage::new().await;
    let rooms = |more: &str| format!("policy: {{ max_deletions: 100% }}\nchannels: {{ a: {{}}, b: {{}} {more} }}\n");
    applied(&stage, &rooms(", x: {}")).await;
    channels_but(&stage, 0);
    let plan = applied(&stage, &format!("{}categories: {{ archive: {{ permissions: {{}} }} }}", rooms(""))).await;
    assert!(plan.is_empty(), "{}", shown(&plan));
    told(&plan, NoteCode::OverLimit, "categories.archive");
    told(&plan, NoteCode::Dependent, "channels.x");
}

#[tokio::test]
async fn hidden_channels_take_room_as_well() {
    let stage = Stage::new().await;
    let guild = stage.discord.guild;
    let hide = json!([{"id": guild, "type": 0, "allow": "0", "deny": Bits::VIEW_CHANNEL}]);
    let secret = stage.discord.channel_by_hand(json!({"name": "secret", "permission_overwrites": hide}));
    // The settings name it, so the bot knows that it is there.
    stage.discord.edit(|guild| guild.system_channel_id = Some(secret));
    channels_but(&stage, 1);
    stage.discord.limit_bot(worker());
    let plan = applied(&stage, "channels: { a: { previously: [] }, b: { previously: [] } }").await;
    told(&plan, NoteCode::OverLimit, "channels.b");
    assert_eq!((is_made(&plan, "a"), is_made(&plan, "b")), (true, false), "{}", shown(&plan));
}
