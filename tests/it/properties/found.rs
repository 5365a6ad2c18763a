//! What random trials have found, each told as a story.

use serde_json::json;
use setai::plan::{NoteCode, Operation, Outcome, Plan};
use setai::simulator::faults::{Fault, Faults, Rule};
use setai::simulator::world::{Bits, Member, Overwrite, Snowflake};
use setai::store::Verdict;

use super::openness::too_open;
use crate::support::harness::Harness;
use crate::support::stage::{Film, Stage, shown};

/// A stage with a film, on which Discord may do what it likes with an empty list.
pub(super) async fn filmed() -> (Stage, Film) {
    Stage::filmed(Harness::switched(|switches| switches.empty_overwrites_inherit = true)).await
}

/// Applies a manifest, step by step; everything is done, nothing is left, and no moment was too open.
pub(super) async fn apply_safely(stage: &Stage, film: &Film, yaml: &str) -> Plan {
    let manifest = stage.manifest(yaml);
    let before = stage.discord.edit(|guild| guild.clone());
    film.lock().expect("nobody panics").clear();
    let plan = stage.propose(&manifest).await.plan;
    let report = stage.apply(&manifest).await;
    assert!(report.steps.iter().all(|(_, o)| *o == Outcome::Done), "{}\n{:#?}", shown(&plan), report.steps);
    let film = film.lock().expect("nobody panics").clone();
    let problems = too_open(&before, &film, stage.discord.bot, stage.discord.clock.now());
    assert!(problems.is_empty(), "{problems:#?}\n{}", shown(&plan));
    let left = stage.propose(&manifest).await.plan;
    assert!(left.is_empty(), "{}\nafter\n{}", shown(&left), shown(&plan));
    plan
}

/// Somebody joins, and gets these roles.
pub(super) fn somebody_with(stage: &Stage, roles: &[Snowflake]) {
    let now = stage.discord.clock.now();
    let user_id = stage.discord.simulator.with_world(|world| world.add_user("somebody", false, now));
    let member = Member { user_id, joined_at: now, roles: roles.to_vec(), ..Member::default() };
    stage.discord.edit(|guild| guild.members.insert(user_id, member));
}

fn role_named(stage: &Stage, name: &str) -> Snowflake {
    stage.discord.edit(|guild| guild.role_named(name).expect("a role").id)
}

pub(super) fn channel_named(stage: &Stage, name: &str) -> Snowflake {
    stage.discord.edit(|guild| guild.channel_named(name).expect("a channel").id)
}

/// The updates of a channel, in order.
pub(super) fn updates(plan: &Plan, name: &str) -> usize {
    let is_it = |o: &Operation| matches!(o, Operation::UpdateChannel { channel, .. } if channel.name == name);
    plan.steps.iter().filter(|step| is_it(&step.operation)).count()
}

const PRIVATE: &str = "
policy: { on_remove: delete, max_deletions: 100% }
roles: { everyone: { permissions: [view_channel] } }
categories:
  cellar:
    permissions: { everyone: { deny: [view_channel] } }
    channels: { diary: {}, wine: {} }
";

#[tokio::test]
async fn a_private_channel_does_not_open_with_its_category_while_it_waits_to_be_deleted() {
    let (stage, film) = filmed().await;
    stage.apply(&stage.manifest(PRIVATE)).await;
    somebody_with(&stage, &[]);
    let opened = PRIVATE.replace("deny: [view_channel]", "allow: [view_channel]").replace("diary: {}, ", "");
    let plan = apply_safely(&stage, &film, &opened).await;
    assert_eq!(updates(&plan, "diary"), 1, "it is made to differ from its category\n{}", shown(&plan));
}

#[tokio::test]
async fn a_channel_that_is_hidden_to_be_deleted_does_not_open_because_its_category_was_as_private() {
    let (stage, film) = filmed().await;
    let own = PRIVATE.replace("diary: {}", "diary: { permissions: { everyone: { deny: [view_channel, connect] } } }");
    let gains = |text: &str| text.replace("permissions: [view_channel] }", "permissions: [view_channel, connect] }");
    stage.apply(&stage.manifest(&own)).await;
    somebody_with(&stage, &[]);
    let opened = PRIVATE.replace("deny: [view_channel]", "allow: [view_channel]").replace("diary: {}, ", "");
    apply_safely(&stage, &film, &gains(&opened)).await;
}

#[tokio::test]
async fn a_channel_is_hidden_before_roles_are_taken_out_of_its_category() {
    let (stage, film) = filmed().await;
    let before = "
policy: { on_remove: delete, max_deletions: 100% }
roles: { gate: { permissions: [] }, guest: { permissions: [] }, everyone: { permissions: [view_channel] } }
categories:
  hall:
    permissions: { gate: { deny: [view_channel] }, guest: { allow: [send_messages] } }
    channels: { desk: {}, sofa: {} }
";
    stage.apply(&stage.manifest(before)).await;
    somebody_with(&stage, &[role_named(&stage, "gate")]);
    let after = "
policy: { on_remove: delete, max_deletions: 100% }
roles: { everyone: { permissions: [view_channel] } }
categories: { hall: { permissions: unmanaged, channels: { sofa: {} } } }
";
    apply_safely(&stage, &film, after).await;
}

#[tokio::test]
async fn a_new_channel_is_not_given_what_its_category_is_about_to_lose() {
    let (stage, film) = filmed().await;
    let before = "
policy: { on_remove: delete, max_deletions: 100% }
roles: { gate: { permissions: [] }, guest: { permissions: [] }, everyone: { permissions: [view_channel] } }
categories: { hall: { permissions: { gate: { deny: [connect] }, guest: { allow: [send_messages] } } } }
";
    stage.apply(&stage.manifest(before)).await;
    somebody_with(&stage, &[role_named(&stage, "guest")]);
    let after = "
policy: { on_remove: delete, max_deletions: 100% }
roles: { everyone: { permissions: [view_channel] } }
categories: { hall: { permissions: unmanaged, channels: { desk: { permissions: {} } } } }
";
    apply_safely(&stage, &film, after).await;
}

/// A bot with few permissions, one of which it has from @everyone alone.
async fn poor_bot() -> (Stage, Film) {
    let (stage, film) = filmed().await;
    let own = [Bits::MANAGE_ROLES, Bits::MANAGE_CHANNELS, Bits::VIEW_CHANNEL, Bits::SEND_MESSAGES, Bits::CONNECT];
    let everyone = stage.discord.guild;
    stage.discord.edit(|guild| {
        guild.roles.get_mut(&everyone).expect("@everyone").permissions =
            Bits::VIEW_CHANNEL | Bits::PRIORITY_SPEAKER | Bits::CONNECT;
    });
    stage.discord.limit_bot(own.into_iter().fold(Bits::NONE, |sum, bit| sum | bit));
    (stage, film)
}

#[tokio::test]
async fn a_bot_guards_with_what_it_still_holds_when_it_does() {
    let (stage, film) = poor_bot().await;
    let hall = stage.discord.channel_by_hand(json!({"name": "hall", "type": 4}));
    stage.discord.channel_by_hand(json!({"name": "desk", "parent_id": hall}));
    let wish = "
roles: { everyone: { permissions: [view_channel] } }
categories:
  hall:
    permissions: { everyone: { deny: [send_messages] } }
    channels: { desk: { permissions: {} } }
";
    let plan = apply_safely(&stage, &film, wish).await;
    assert_eq!(updates(&plan, "desk"), 2, "it is guarded, and no longer\n{}", shown(&plan));
}

#[tokio::test]
async fn a_bot_never_denies_for_a_moment_what_it_works_with() {
    let (stage, film) = poor_bot().await;
    stage.discord.limit_bot(Bits::MANAGE_ROLES | Bits::MANAGE_CHANNELS | Bits::VIEW_CHANNEL);
    let hall = stage.discord.channel_by_hand(json!({"name": "hall", "type": 4}));
    stage.discord.channel_by_hand(json!({"name": "talk", "type": 2, "parent_id": hall}));
    let wish = "
roles: { everyone: { permissions: [view_channel, connect] } }
categories:
  hall:
    permissions: { everyone: { deny: [connect] } }
    channels: { talk: { type: voice, permissions: {} } }
";
    let plan = apply_safely(&stage, &film, wish).await;
    let kept = plan.notes.iter().any(|n| n.code == NoteCode::MissingPermission && n.subject == "categories.hall");
    assert!(kept, "the category keeps its overwrites, and a note says why\n{}", shown(&plan));
}

#[tokio::test]
async fn a_bot_hides_with_what_it_still_holds_when_it_does() {
    let (stage, film) = poor_bot().await;
    stage.discord.limit_bot(Bits::MANAGE_ROLES | Bits::MANAGE_CHANNELS | Bits::VIEW_CHANNEL | Bits::SEND_MESSAGES);
    let before = "policy: { on_remove: archive, max_deletions: 100% }\nchannels: { desk: { previously: [] }, sofa: { previously: [] } }\n";
    stage.apply(&stage.manifest(before)).await;
    let after = "
policy: { on_remove: archive, max_deletions: 100% }
roles: { everyone: { permissions: [view_channel] } }
channels: { sofa: {} }
";
    apply_safely(&stage, &film, after).await;
    let desk = stage.discord.channel(channel_named(&stage, "desk"));
    let own = desk.overwrite(stage.discord.bot).expect("the bot keeps its way in");
    assert_eq!(own.allow, Bits::VIEW_CHANNEL | Bits::MANAGE_CHANNELS, "connect was taken from @everyone before");
}

#[tokio::test]
async fn a_bot_with_nothing_to_deny_still_keeps_closed_what_it_is_about_to_delete() {
    let (stage, film) = filmed().await;
    let own = Bits::MANAGE_ROLES | Bits::MANAGE_CHANNELS | Bits::VIEW_CHANNEL;
    let everyone = stage.discord.guild;
    stage.discord.edit(|guild| guild.roles.get_mut(&everyone).expect("@everyone").permissions = Bits::VIEW_CHANNEL);
    stage.discord.limit_bot(own);
    let hall = "
policy: { on_remove: delete, max_deletions: 100% }
categories:
  hall:
    previously: []
    permissions: { everyone: { ACCESS: [view_channel] }, 'user:BOT': { allow: [view_channel, manage_channels] } }
    channels: { DIARY sofa: { previously: [] } }
";
    let hall = hall.replace("BOT", &stage.discord.bot.to_string());
    stage.apply(&stage.manifest(&hall.replace("ACCESS", "deny").replace("DIARY", "diary: { previously: [] },"))).await;
    let plan = apply_safely(&stage, &film, &hall.replace("ACCESS", "allow").replace("DIARY ", "")).await;
    assert_eq!(updates(&plan, "diary"), 1, "{}", shown(&plan));
}

#[tokio::test]
async fn overwrites_of_roles_that_are_gone_are_neither_kept_nor_wanted() {
    let (stage, film) = filmed().await;
    let den = stage.discord.channel_by_hand(json!({"name": "den"}));
    let gone = Snowflake(stage.discord.guild.0 - (1 << 40));
    stage.discord.edit(|guild| {
        let left = Overwrite { id: gone, kind: Overwrite::ROLE, allow: Bits::VIEW_CHANNEL, deny: Bits::NONE };
        guild.channels.get_mut(&den).expect("made above").permission_overwrites.push(left);
    });
    let wish = format!("channels: {{ den: {{ permissions: {{ 'role:{gone}': {{ allow: [view_channel] }} }} }} }}");
    let plan = apply_safely(&stage, &film, &wish).await;
    assert!(plan.is_empty(), "{}", shown(&plan));
    let note = plan.notes.iter().find(|n| n.code == NoteCode::BadPin).expect("a note");
    assert_eq!(note.text, format!("`role:{gone}` is no role of this guild, so its overwrite is left out."));
}

#[tokio::test]
async fn a_channel_that_could_not_move_is_not_put_in_order_and_may_be_approved_again() {
    let (stage, film) = filmed().await;
    let before = "
policy: { max_updates: 0 }
channels: {}
categories: { hall: { channels: { desk: {} } }, yard: { channels: { tree: {} } } }
";
    stage.apply(&stage.manifest(before)).await;
    let after = before.replace("desk: {}", "").replace("tree: {}", "tree: {}, desk: {}");
    let manifest = stage.manifest(&after);
    let down = Rule::new(Fault::ServerError { status: 500, done: false }).on("PATCH", "/channels/*");
    stage.discord.simulator.set_faults(Faults { seed: 0, rules: vec![down] });
    let report = stage.reconcile(&manifest).await.expect("a report").expect("a run");
    let skipped = report.steps.iter().filter(|(_, o)| matches!(o, Outcome::Skipped { .. })).count();
    assert_eq!((report.verdict, skipped), (Verdict::Failed, 1), "{:#?}", report.steps);
    stage.quiet();
    // Nothing was done, so the very same plan may be approved once more.
    stage.recover().await;
    apply_safely(&stage, &film, &after).await;
}

/// Roles that are deleted are taken out of the category alone when a channel in it will follow. One that never came
/// does not.
#[tokio::test]
async fn no_role_gains_anything_where_a_channel_could_not_move() {
    let (stage, film) = filmed().await;
    let before = "
policy: { on_remove: delete, max_deletions: 100% }
roles: { guest: { permissions: [] }, crew: { permissions: [] }, everyone: { permissions: [] } }
categories:
  yard: { permissions: { guest: { allow: [view_channel] } }, channels: { desk: {} } }
  hall: { permissions: { guest: { allow: [view_channel] } }, channels: { sofa: {} } }
";
    stage.apply(&stage.manifest(before)).await;
    somebody_with(&stage, &[role_named(&stage, "guest"), role_named(&stage, "crew")]);
    let after = "
policy: { on_remove: delete, max_deletions: 100% }
roles: { crew: { permissions: [send_messages] }, everyone: { permissions: [] } }
categories:
  yard: { permissions: unmanaged }
  hall: { permissions: unmanaged, channels: { sofa: {}, desk: {} } }
";
    let manifest = stage.manifest(after);
    let live = stage.discord.edit(|guild| guild.clone());
    let plan = stage.propose(&manifest).await.plan;
    let desk = format!("/channels/{}", channel_named(&stage, "desk"));
    let down = Rule::new(Fault::ServerError { status: 500, done: false }).on("PATCH", &desk);
    stage.discord.simulator.set_faults(Faults { seed: 0, rules: vec![down] });
    film.lock().expect("nobody panics").clear();
    let report = stage.reconcile(&manifest).await.expect("a report").expect("a run");
    assert_eq!(report.verdict, Verdict::Partial, "{}\n{:#?}", shown(&plan), report.steps);
    stage.quiet();
    stage.recover().await;
    let rest = stage.apply(&manifest).await;
    assert_eq!(rest.verdict, Verdict::Succeeded, "{:#?}", rest.steps);
    let film = film.lock().expect("nobody panics").clone();
    let problems = too_open(&live, &film, stage.discord.bot, stage.discord.clock.now());
    assert!(problems.is_empty(), "{problems:#?}\n{}", shown(&plan));
}
