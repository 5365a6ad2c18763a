//! Roles and their hierarchy.

use setai::plan::NoteCode;
use setai::simulator::world::Bits;

use super::{bodies, left_alone, never_refused, role, smoothly, worker};
use crate::support::stage::Stage;

#[tokio::test]
async fn f04_permission_bits_this_build_does_not_know_survive() {
    let stage = Stage::new().await;
    smoothly(&stage, "roles: { crew: { permissions: [send_messages] } }").await;
    let crew = role(&stage, "crew");
    // 48 has a name in this build, 53 and 60 have none.
    let odd = Bits(1 << 53 | 1 << 60);
    stage.discord.edit(|guild| {
        let role = guild.roles.get_mut(&crew).expect("made");
        role.permissions |= odd;
    });
    smoothly(&stage, "roles: { crew: { permissions: [send_messages], hoist: true } }").await;
    assert_eq!(stage.discord.role(crew).permissions & odd, odd);
    let manifest = stage.manifest("roles: { crew: { permissions: [add_reactions], hoist: true } }");
    stage.discord.simulator.forget_requests();
    stage.apply(&manifest).await;
    let sent = &bodies(&stage, "PATCH", &format!("/roles/{crew}"))[0]["permissions"];
    let sent: u64 = sent.as_str().and_then(|text| text.parse().ok()).expect("permissions are sent");
    assert_eq!(sent, odd.0 | 1 << 6, "also when permissions are written");
}

#[tokio::test]
async fn f11_of_two_roles_at_one_position_the_older_is_above() {
    let stage = Stage::new().await;
    stage.discord.limit_bot(worker());
    let elder = stage.discord.role_by_hand("elder", Bits::NONE, 5);
    let ops = stage.discord.role_by_hand("ops", worker(), 5);
    let younger = stage.discord.role_by_hand("younger", Bits::NONE, 5);
    let (bot, own) = (stage.discord.bot, stage.discord.bot_role);
    stage.discord.edit(|guild| {
        guild.members.get_mut(&bot).expect("the bot is a member").roles.push(ops);
        guild.roles.get_mut(&own).expect("the bot has a role").position = 1;
    });
    assert!(elder < ops && ops < younger);
    left_alone(&stage, "roles: { elder: { hoist: true } }", NoteCode::AboveBot).await;
    smoothly(&stage, "roles: { younger: { hoist: true } }").await;
}

#[tokio::test]
async fn f12_only_what_changes_is_sent() {
    let stage = Stage::new().await;
    stage.discord.limit_bot(worker());
    let crew = stage.discord.role_by_hand("crew", Bits::BAN_MEMBERS, 3);
    smoothly(
        &stage,
        "roles: { crew: { name: Crew, permissions: [ban_members], id: \"ID\" } }"
            .replace("ID", &crew.to_string())
            .as_str(),
    )
    .await;
    let sent = bodies(&stage, "PATCH", &format!("/roles/{crew}"));
    assert_eq!(sent.len(), 1);
    assert!(sent[0].get("permissions").is_none(), "{}", sent[0]);
}

#[tokio::test]
async fn f15_new_roles_end_where_the_manifest_has_them() {
    let stage = Stage::new().await;
    smoothly(&stage, "roles: { a: {}, d: {} }").await;
    smoothly(&stage, "roles: { a: {}, b: {}, c: {}, d: {} }").await;
    let positions = ["a", "b", "c", "d"].map(|name| stage.discord.role(role(&stage, name)).position);
    assert!(positions.is_sorted_by(|higher, lower| higher > lower), "{positions:?}");
    for body in bodies(&stage, "POST", "/roles") {
        assert!(body.get("position").is_none(), "{body}");
    }
}

#[tokio::test]
async fn f16_roles_above_the_bot_are_not_moved() {
    let stage = Stage::new().await;
    stage.discord.limit_bot(worker());
    let above = stage.discord.role_by_hand("above", Bits::NONE, 20);
    for (name, position) in [("x", 3), ("y", 4), ("z", 5)] {
        stage.discord.role_by_hand(name, Bits::NONE, position);
    }
    let manifest = stage.manifest("roles: { x: {}, above: {}, y: {}, z: {} }");
    _ = stage.apply(&manifest).await;
    never_refused(&stage);
    assert_eq!(stage.discord.role(above).position, 20);
    let [x, y, z] = ["x", "y", "z"].map(|name| stage.discord.role(role(&stage, name)).position);
    assert!(x > y && y > z, "{x} {y} {z}");
}

#[tokio::test]
async fn f17_a_managed_role_is_never_deleted() {
    let stage = Stage::new().await;
    let policy = "policy: { prune: all, on_remove: delete, max_deletions: 100%, approval: never }\n";
    stage.discord.role_by_hand("theirs", Bits::NONE, 3);
    smoothly(&stage, &format!("{policy}roles: {{ crew: {{}} }}\nchannels: {{ a: {{}} }}")).await;
    let names: Vec<String> = stage.discord.edit(|guild| guild.roles.values().map(|r| r.name.clone()).collect());
    assert!(!names.contains(&"theirs".to_owned()), "{names:?}");
    assert!(stage.discord.edit(|guild| guild.roles.values().any(|r| r.managed)));
}

#[tokio::test]
async fn f31_a_gradient_needs_the_feature() {
    let stage = Stage::new().await;
    let yaml = "roles: { crew: { colors: { primary: '#112233', secondary: '#445566' } } }";
    let manifest = stage.manifest(yaml);
    let plan = stage.propose(&manifest).await.plan;
    assert!(plan.notes.iter().any(|note| note.code == NoteCode::MissingFeature), "{:#?}", plan.notes);
    _ = stage.apply(&manifest).await;
    never_refused(&stage);
    stage.discord.edit(|guild| guild.features.push("ENHANCED_ROLE_COLORS".to_owned()));
    smoothly(&stage, yaml).await;
    assert_eq!(stage.discord.role(role(&stage, "crew")).colors.secondary_color, Some(0x44_55_66));
}
