//! What people did since a run is theirs: a rollback leaves it, says so, and asks before it opens anything.

use serde_json::{Value, json};
use setai::plan::{Consent, NoteCode, Operation, RefusalCode, judge};
use setai::simulator::world::Bits;

use super::{channel, run, taken_back, way_back};
use crate::support::stage::{Stage, shown};

fn everyone_denied(stage: &Stage, bits: Bits) -> Value {
    let everyone = stage.discord.guild;
    json!({ "permission_overwrites": [{ "id": everyone.to_string(), "type": 0, "allow": "0", "deny": bits.0.to_string() }] })
}

#[tokio::test]
async fn a_room_somebody_made_private_since_stays_private() {
    let stage = Stage::new().await;
    let yaml = |lab: &str| format!("roles: {{ beta: {{}} }}\nchannels: {{ lab: {lab}, hall: {{ topic: old }} }}");
    stage.converge(&stage.manifest(&yaml("{ permissions: {} }"))).await;
    let after = yaml("{ topic: new, permissions: { beta: { allow: [view_channel] } } }").replace("old", "new");
    let run = run(&stage, &after).await;
    let lab = channel(&stage, "lab");
    stage.discord.by_hand("PATCH", &format!("/channels/{lab}"), everyone_denied(&stage, Bits::VIEW_CHANNEL));
    let private = stage.discord.channel(lab).permission_overwrites;
    let (_, notes) = taken_back(&stage, run).await;
    let lab = stage.discord.channel(lab);
    assert_eq!((lab.permission_overwrites, lab.topic.unwrap_or_default()), (private, String::new()), "only the topic");
    assert_eq!(stage.discord.channel(channel(&stage, "hall")).topic.as_deref(), Some("old"));
    let said: Vec<_> = notes.iter().filter(|note| note.code == NoteCode::ChangedSince).collect();
    insta::assert_snapshot!(
        said.iter().map(|note| format!("{}: {}", note.subject, note.text)).collect::<Vec<_>>().join("\n"),
        @"channels.lab: Somebody changed this since, so it stays as it is: overwrites."
    );
}

#[tokio::test]
async fn what_a_role_was_given_by_hand_since_it_keeps() {
    let stage = Stage::new().await;
    // One step takes and another gives, because a second role changes along.
    let yaml = |crew: &str, lead: &str| {
        format!("roles: {{ crew: {{ permissions: [{crew}] }}, lead: {{ permissions: [{lead}] }} }}")
    };
    stage.converge(&stage.manifest(&yaml("send_messages", ""))).await;
    let run = run(&stage, &yaml("add_reactions", "add_reactions")).await;
    let crew = stage.discord.edit(|guild| guild.role_named("crew").expect("it is there").id);
    let given = Bits::CONNECT;
    let path = stage.discord.in_guild(&format!("/roles/{crew}"));
    stage.discord.by_hand("PATCH", &path, json!({ "permissions": given.0.to_string() }));
    taken_back(&stage, run).await;
    assert_eq!(stage.discord.role(crew).permissions, given);
    let lead = stage.discord.edit(|guild| guild.role_named("lead").expect("it is there").permissions);
    assert_eq!(lead, Bits::NONE, "the other one goes back");
}

#[tokio::test]
async fn an_order_somebody_made_since_stays() {
    let stage = Stage::new().await;
    let yaml = |rooms: &str| format!("categories: {{ hall: {{ channels: {{ {rooms} }} }} }}");
    stage.converge(&stage.manifest(&yaml("a: {}, b: {}, c: {}"))).await;
    let run = run(&stage, &yaml("c: {}, b: {}, a: {}")).await;
    let [a, b, c] = ["a", "b", "c"].map(|name| channel(&stage, name).to_string());
    let by_hand = json!([{ "id": b, "position": 11 }, { "id": c, "position": 12 }, { "id": a, "position": 13 }]);
    stage.discord.by_hand("PATCH", &stage.discord.in_guild("/channels"), by_hand);
    let plan = way_back(&stage, run).await.plan;
    assert!(plan.is_empty(), "{}", shown(&plan));
    let codes: Vec<_> = plan.notes.iter().map(|note| (note.code, note.subject.as_str())).collect();
    assert_eq!(codes, [(NoteCode::ChangedSince, "channels")]);
}

#[tokio::test]
async fn a_way_back_that_opens_a_door_needs_an_approval_of_exactly_that() {
    let stage = Stage::new().await;
    let before = "
roles: { admin: { permissions: [administrator] }, chief: { permissions: [administrator] }, everyone: { permissions: [view_channel, manage_messages] } }
channels: { lab: { permissions: {} } }
";
    stage.converge(&stage.manifest(before)).await;
    let after = before
        .replace("chief: { permissions: [administrator] }", "chief: { permissions: [] }")
        .replace("view_channel, manage_messages", "view_channel")
        .replace("lab: { permissions: {} }", "lab: { permissions: { everyone: { deny: [view_channel] } } }");
    let run = run(&stage, &after).await;
    let plan = way_back(&stage, run).await.plan;
    let codes: Vec<_> = plan.refusals.iter().map(|refusal| refusal.code).collect();
    assert_eq!(codes, [RefusalCode::EveryonePower, RefusalCode::DoorOpened, RefusalCode::NewAdministrators]);
    judge(plan.clone(), &Consent::Seen).expect_err("nobody approved it");
    taken_back(&stage, run).await;
    let plan = stage.propose(&stage.manifest(before)).await.plan;
    assert!(plan.is_empty(), "with an approval it goes back: {}", shown(&plan));
}

#[tokio::test]
async fn a_created_role_with_members_never_combines_with_what_others_get_back() {
    let stage = Stage::new().await;
    let before = "
roles: { crew: { permissions: [manage_messages] } }
channels: { desk: {}, hall: { permissions: { everyone: { deny: [view_channel] } } } }
";
    stage.converge(&stage.manifest(before)).await;
    let after =
        before.replace("[manage_messages] }", "[] }, guest: { previously: [], permissions: [mention_everyone] }");
    let run = run(&stage, &after).await;
    let plan = way_back(&stage, run).await.plan;
    let is_of = |operation: &Operation, name: &str| match operation {
        Operation::UpdateRole { role, .. } => role.name == name,
        _ => false,
    };
    let at = |name: &str| plan.steps.iter().position(|step| is_of(&step.operation, name)).expect("it changes");
    assert!(at("guest") < at("crew"), "{}", shown(&plan));
    taken_back(&stage, run).await;
    let plan = stage.propose(&stage.manifest(before)).await.plan;
    assert!(plan.is_empty(), "{}", shown(&plan));
}

#[tokio::test]
async fn a_category_somebody_put_a_channel_into_stays() {
    let stage = Stage::new().await;
    stage.converge(&stage.manifest("channels: { hall: {} }")).await;
    let run = run(&stage, "channels: { hall: {} }\ncategories: { wing: { previously: [] } }").await;
    let wing = channel(&stage, "wing");
    let desk = stage.discord.channel_by_hand(json!({ "name": "desk", "parent_id": wing.to_string() }));
    let (_, notes) = taken_back_if_any(&stage, run).await;
    assert_eq!(stage.discord.channel(desk).parent_id, Some(wing));
    assert!(notes.contains(&NoteCode::ForeignChildren), "{notes:?}");
}

/// Takes a run back when there is anything to take back; gives what the notes are about.
async fn taken_back_if_any(stage: &Stage, run: setai::store::RunId) -> (bool, Vec<NoteCode>) {
    let plan = way_back(stage, run).await.plan;
    if !plan.is_empty() {
        taken_back(stage, run).await;
    }
    (!plan.is_empty(), plan.notes.iter().map(|note| note.code).collect())
}

#[tokio::test]
async fn a_channel_that_is_like_its_category_by_chance_does_not_follow_it_back() {
    let stage = Stage::new().await;
    let open = "{ everyone: { allow: [view_channel] } }";
    let shut = "{ everyone: { deny: [view_channel] } }";
    let yaml = |hall: &str| {
        format!(
            "categories: {{ hall: {{ permissions: {hall}, channels: {{ den: {{ permissions: {shut} }}, bar: {{}} }} }} }}"
        )
    };
    stage.converge(&stage.manifest(&yaml(open))).await;
    let run = run(&stage, &yaml(shut)).await;
    let hall = channel(&stage, "hall");
    stage.discord.channel_by_hand(json!({ "name": "late", "parent_id": hall.to_string() }));
    let of = |name: &str| stage.discord.channel(channel(&stage, name)).permission_overwrites;
    let (den, late) = (of("den"), of("late"));
    taken_back(&stage, run).await;
    assert_eq!((of("den"), of("late")), (den, late), "private before, private now");
    assert_eq!(of("bar"), of("hall"), "the one that followed follows");
    let plan = stage.propose(&stage.manifest(&yaml(open))).await.plan;
    assert!(plan.is_empty(), "{}", shown(&plan));
}
