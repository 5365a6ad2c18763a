//! One object has one key. Where several claim it, nothing is done before somebody decides.

use serde_json::json;
use setai::plan::{Consent, NoteCode, Plan, Rejected, Weight, judge};
use setai::simulator::world::Bits;

use crate::support::stage::{Stage, shown};

/// The blocking note about an object with several keys; it is the only thing that is planned of it.
#[track_caller]
fn contested(plan: &Plan) -> &str {
    let note = plan.blocking().find(|note| note.code == NoteCode::Ambiguous);
    let note = note.unwrap_or_else(|| panic!("nobody says so:\n{}", shown(plan)));
    assert_eq!(note.weight, Weight::Blocking);
    assert!(plan.is_empty() && plan.bindings.is_empty(), "{}\n{:?}", shown(plan), plan.bindings);
    let judged = judge(plan.clone(), &Consent::Digest(plan.digest.to_string()));
    assert!(judged.is_err_and(|rejected| matches!(*rejected, Rejected::Blocked(_))));
    &note.text
}

const STAFF: &str = "staff: { permissions: { everyone: { deny: [view_channel] } } }";

#[tokio::test]
async fn a_private_channel_is_not_opened_by_a_second_key_that_is_pinned_to_it() {
    let stage = Stage::new().await;
    stage.converge(&stage.manifest(&format!("channels: {{ {STAFF} }}"))).await;
    let staff = stage.discord.edit(|guild| guild.channel_named("staff").expect("made").id);
    let lobby = format!("lobby: {{ id: \"{staff}\", permissions: {{ everyone: {{ allow: [view_channel] }} }} }}");
    for (first, second) in [(&lobby[..], STAFF), (STAFF, &lobby[..])] {
        let plan = stage.propose(&stage.manifest(&format!("channels: {{ {first}, {second} }}"))).await.plan;
        assert_eq!(contested(&plan), format!("`lobby` and `staff` stand for one object, the channel {staff}."));
    }
    // Left to one key, it is one channel with one will.
    let plan = stage.propose(&stage.manifest(&format!("channels: {{ {lobby} }}"))).await.plan;
    assert!(plan.refusals.iter().any(|r| r.code == setai::plan::RefusalCode::DoorOpened), "{}", shown(&plan));
}

#[tokio::test]
async fn a_role_is_not_changed_by_a_second_key_that_is_pinned_to_it() {
    let stage = Stage::new().await;
    let crew = stage.discord.role_by_hand("Crew", Bits::KICK_MEMBERS, 5);
    stage.converge(&stage.manifest("roles: { crew: { name: Crew, permissions: [kick_members] } }")).await;
    let boss = format!("boss: {{ id: \"{crew}\", name: Crew, permissions: [administrator] }}");
    let crew = "crew: { name: Crew, permissions: [kick_members] }";
    for (first, second) in [(&boss[..], crew), (crew, &boss[..])] {
        let plan = stage.propose(&stage.manifest(&format!("roles: {{ {first}, {second} }}"))).await.plan;
        assert!(contested(&plan).starts_with("`boss` and `crew` stand for one object, the role "), "{}", shown(&plan));
    }
}

#[tokio::test]
async fn a_key_does_not_take_over_from_one_that_is_still_there() {
    let stage = Stage::new().await;
    let hall = stage.discord.channel_by_hand(json!({"name": "hall", "type": 4}));
    stage.converge(&stage.manifest("categories: { hall: {} }")).await;
    // Its own binding and its pin agree; another category asks for the same.
    let both = format!("categories: {{ hall: {{}}, house: {{ name: hall, id: \"{hall}\" }} }}");
    let plan = stage.propose(&stage.manifest(&both)).await.plan;
    assert!(contested(&plan).starts_with("`hall` and `house` "), "{}", shown(&plan));
    // Nothing is bound elsewhere by that, and who is asked alone has it as before.
    stage.converge(&stage.manifest("categories: { hall: {} }")).await;
    stage.converge(&stage.manifest(&format!("categories: {{ house: {{ name: hall, id: \"{hall}\" }} }}"))).await;
}
