//! What cannot come back holds up nothing else, and nothing is taken for what it is not.

use serde_json::json;
use setai::plan::{NoteCode, Operation};
use setai::simulator::world::{Bits, Member, Overwrite, Snowflake, UnknownBits, User};

use super::{channel, may_list_members, run, taken_back, way_back};
use crate::support::harness::Harness;
use crate::support::stage::{Stage, manifest_with, shown};

/// So many people with a role.
fn people_with(stage: &Stage, role: Snowflake, count: u64) -> Vec<Snowflake> {
    let people: Vec<Snowflake> = (1..=count).map(|n| Snowflake(1_000_000 + n)).collect();
    stage.discord.simulator.with_world(|world| {
        for user in &people {
            world.users.insert(*user, User { id: *user, username: format!("user-{user}"), ..User::default() });
        }
    });
    stage.discord.edit(|guild| {
        for user in &people {
            guild.members.insert(*user, Member { user_id: *user, roles: vec![role], ..Member::default() });
        }
    });
    people
}

/// Who has a role.
fn holders(stage: &Stage, role: Snowflake) -> Vec<Snowflake> {
    stage.discord.edit(|guild| {
        guild.members.values().filter(|member| member.roles.contains(&role)).map(|member| member.user_id).collect()
    })
}

const ALL: &str = "policy: { prune: all, on_remove: delete, max_deletions: 100% }\n";

#[tokio::test]
async fn a_twin_nobody_managed_comes_back_as_itself() {
    let mut stage = Stage::new().await;
    may_list_members(&mut stage);
    for id in stage.discord.edit(|guild| guild.channels.keys().copied().collect::<Vec<_>>()) {
        stage.discord.by_hand("DELETE", &format!("/channels/{id}"), json!(null));
    }
    let yaml = format!("{ALL}roles: {{ mods: {{}} }}\nchannels: {{ lounge: {{ topic: ours }} }}");
    stage.converge(&stage.manifest(&yaml)).await;
    let ours = stage.discord.edit(|guild| guild.role_named("mods").expect("it is there").id);
    let lounge = channel(&stage, "lounge");
    let twin = stage.discord.role_by_hand("mods", setai::simulator::world::Bits::NONE, 1);
    stage.discord.channel_by_hand(json!({ "name": "lounge", "topic": "theirs" }));
    let people = people_with(&stage, twin, 3);
    let run = run(&stage, &yaml).await;
    assert!(stage.discord.edit(|guild| !guild.roles.contains_key(&twin)), "it was deleted");
    taken_back(&stage, run).await;
    assert_eq!(holders(&stage, ours), [], "the role of the manifest is nobody's twin");
    let again = stage.discord.edit(|guild| {
        guild
            .roles
            .values()
            .filter(|role| role.name == "mods" && role.id != ours)
            .map(|role| role.id)
            .collect::<Vec<_>>()
    });
    assert_eq!(again.len(), 1);
    assert_eq!(holders(&stage, again[0]), people);
    let topics = stage.discord.edit(|guild| {
        guild
            .channels
            .values()
            .filter(|c| c.name == "lounge" && c.id != lounge)
            .map(|c| c.topic.clone())
            .collect::<Vec<_>>()
    });
    assert_eq!(topics, [Some("theirs".to_owned())]);
    let plan = way_back(&stage, run).await.plan;
    assert!(plan.is_empty(), "a second way back makes and gives nothing twice: {}", shown(&plan));
}

/// The smallest picture there is.
const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

#[tokio::test]
async fn a_picture_that_is_lost_holds_up_nothing_else() {
    let stage = Stage::new().await;
    stage.discord.edit(|guild| guild.icon = Some("1f2e".to_owned()));
    let yaml = |topic: &str, rest: &str| {
        format!("channels: {{ hall: {{ topic: {topic} }} }}\nsettings: {{ afk_timeout: 300{rest} }}")
    };
    stage.converge(&stage.manifest(&yaml("old", ""))).await;
    let with_icon = yaml("new", ", icon: icon.png").replace("300", "900");
    let manifest = manifest_with(stage.guild(), &with_icon, &[("icon.png", PICTURE)]);
    let run = stage.apply(&manifest).await.run;
    let icon = stage.discord.edit(|guild| guild.icon.clone());
    assert_ne!(icon.as_deref(), Some("1f2e"));
    let (report, notes) = taken_back(&stage, run).await;
    assert_eq!(report.verdict, setai::store::Verdict::Succeeded, "{:?} {:#?}", report.remark, report.steps);
    let (now, timeout) = stage.discord.edit(|guild| (guild.icon.clone(), guild.afk_timeout));
    assert_eq!((now, timeout), (icon, 300));
    assert_eq!(stage.discord.channel(channel(&stage, "hall")).topic.as_deref(), Some("old"));
    let lost: Vec<&str> = notes.iter().filter(|n| n.code == NoteCode::Impossible).map(|n| n.text.as_str()).collect();
    assert_eq!(lost, ["Discord does not give pictures back, so it stays as it is: icon."]);
}

#[tokio::test]
async fn settings_that_name_what_is_gone_hold_up_nothing_else() {
    let stage = Stage::new().await;
    let yaml = |topic: &str, system: &str| {
        format!(
            "channels: {{ hall: {{ topic: {topic} }}, old: {{}}, new: {{}} }}\nsettings: {{ system_channel: {system} }}"
        )
    };
    stage.converge(&stage.manifest(&yaml("one", "old"))).await;
    let run = run(&stage, &yaml("two", "new")).await;
    stage.discord.by_hand("DELETE", &format!("/channels/{}", channel(&stage, "old")), json!(null));
    let (report, notes) = taken_back(&stage, run).await;
    assert_eq!(report.verdict, setai::store::Verdict::Succeeded, "{:?} {:#?}", report.remark, report.steps);
    assert_eq!(stage.discord.channel(channel(&stage, "hall")).topic.as_deref(), Some("one"));
    assert!(notes.iter().any(|note| note.text.ends_with("stays as it is: system_channel.")), "{notes:#?}");
}

#[tokio::test]
async fn settings_name_a_channel_that_is_made_again() {
    let stage = Stage::new().await;
    let before = format!(
        "{}channels: {{ hall: {{}}, old: {{}} }}\nsettings: {{ system_channel: old }}",
        ALL.replace("all", "managed")
    );
    stage.converge(&stage.manifest(&before)).await;
    let after = before.replace(", old: {}", "").replace("system_channel: old", "system_channel: hall");
    let run = run(&stage, &after).await;
    let (report, _) = taken_back(&stage, run).await;
    assert_eq!(report.verdict, setai::store::Verdict::Succeeded, "{:?} {:#?}", report.remark, report.steps);
    assert_eq!(stage.discord.edit(|guild| guild.system_channel_id), Some(channel(&stage, "old")));
}

#[tokio::test]
async fn a_channel_that_was_guarded_for_a_moment_keeps_nothing_of_it() {
    let stage = Stage::new().await;
    let said = "{ everyone: { deny: [send_messages] } }";
    let yaml = |hall: &str| {
        format!(
            "categories: {{ hall: {{ permissions: {hall}, channels: {{ rules: {{ permissions: {said} }}, more: {{}} }} }} }}"
        )
    };
    stage.converge(&stage.manifest(&yaml(said))).await;
    let rules = channel(&stage, "rules");
    let before = stage.discord.channel(rules);
    let report = stage.apply(&stage.manifest(&yaml("{ everyone: { deny: [add_reactions] } }"))).await;
    let guards = report.steps.iter().filter(|(step, _)| step.operation.target() == Some(rules.0)).count();
    assert_eq!(guards, 2, "guarded, and as it was: {:#?}", report.steps);
    let (back, _) = taken_back(&stage, report.run).await;
    assert_eq!(back.verdict, setai::store::Verdict::Succeeded, "{:?} {:#?}", back.remark, back.steps);
    assert_eq!(stage.discord.channel(rules), before);
    let plan = stage.propose(&stage.manifest(&yaml(said))).await.plan;
    assert!(plan.is_empty(), "{}", shown(&plan));
}

#[tokio::test]
async fn a_permission_without_a_name_that_was_taken_away_holds_up_nothing_else() {
    let discord = Harness::switched(|switches| switches.unknown_bits = UnknownBits::Refuse);
    let stage = Stage::on(discord).await;
    let den = stage.discord.channel_by_hand(json!({"name": "den"}));
    let hall = stage.discord.channel_by_hand(json!({"name": "hall"}));
    let everyone = stage.discord.edit(|guild| guild.id);
    let odd = |id, allow, deny| Overwrite { id, kind: Overwrite::ROLE, allow, deny };
    let crew = stage.discord.role_by_hand("Crew", Bits::NONE, 2);
    stage.discord.edit(|guild| {
        for (id, overwrites) in [
            (den, vec![odd(crew, Bits(1 << 60), Bits::SEND_MESSAGES)]),
            (hall, vec![odd(everyone, Bits::NONE, Bits(1 << 53))]),
        ] {
            guild.channels.get_mut(&id).expect("made above").permission_overwrites = overwrites;
        }
    });
    let run = run(
        &stage,
        &format!("{ALL}roles: {{ crew: {{ name: Crew }} }}\nchannels: {{ den: {{ permissions: {{}}, topic: new }} }}"),
    )
    .await;
    let (back, notes) = taken_back(&stage, run).await;
    assert_eq!(back.verdict, setai::store::Verdict::Succeeded, "{:?} {:#?}", back.remark, back.steps);
    let den = stage.discord.channel(den);
    assert_eq!((den.topic, den.permission_overwrites), (None, vec![odd(crew, Bits::NONE, Bits::SEND_MESSAGES)]));
    assert!(stage.discord.edit(|guild| guild.channel_named("hall").is_some()), "it is made again");
    let said = |subject: &str, bit: &str| {
        notes.iter().any(|note| note.subject.starts_with(subject) && note.text.contains(bit))
    };
    assert!(said("channels.den", "bit_60") && said("channels.hall", "bit_53"), "{notes:#?}");
}

#[tokio::test]
async fn a_deleted_channel_comes_back_when_roles_hold_no_more_than_in_its_time() {
    let stage = Stage::new().await;
    let before = format!(
        "{}roles: {{ crew: {{ permissions: [] }} }}\nchannels: {{ hall: {{}}, den: {{}} }}",
        ALL.replace("all", "managed")
    );
    stage.converge(&stage.manifest(&before)).await;
    let after = before.replace(", den: {}", "").replace("permissions: []", "permissions: [manage_messages]");
    let run = run(&stage, &after).await;
    let plan = way_back(&stage, run).await.plan;
    let at = |is: &dyn Fn(&Operation) -> bool| plan.steps.iter().position(|step| is(&step.operation));
    let loses = at(&|operation| matches!(operation, Operation::UpdateRole { .. })).expect("the role loses it");
    let comes = at(&|operation| matches!(operation, Operation::CreateChannel { .. })).expect("the channel comes back");
    assert!(loses < comes, "{}", shown(&plan));
}
