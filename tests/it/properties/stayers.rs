//! Channels that a manifest names and that stay as they are, for whatever reason: their category does not open them.

use setai::plan::{NoteCode, Plan};
use setai::simulator::world::Bits;

use super::found::{apply_safely, channel_named, filmed, somebody_with, updates};
use crate::support::stage::{Stage, shown};

const CELLAR: &str = "
roles: { everyone: { permissions: [view_channel] } }
categories:
  cellar:
    permissions: { everyone: { deny: [view_channel] } }
    channels: { diary: {}, wine: {} }
";

/// Wine is for everybody from now on, and so is the cellar.
fn opened(diary: &str) -> String {
    CELLAR.replace("deny: [view_channel]", "allow: [view_channel]").replace("diary: {}", diary)
}

/// The diary stayed private, it was guarded, and a note says why it is as it is.
#[track_caller]
fn stayed_private(stage: &Stage, plan: &Plan, why: NoteCode) {
    let diary = stage.discord.channel(channel_named(stage, "diary"));
    let everyone = diary.overwrite(stage.discord.guild).expect("its own").deny;
    assert_eq!(everyone, Bits::VIEW_CHANNEL, "{}", shown(plan));
    assert_eq!(updates(plan, "diary"), 2, "it is guarded, and no longer\n{}", shown(plan));
    let told = plan.notes.iter().any(|note| note.code == why && note.subject == "channels.diary");
    assert!(told, "{}", shown(plan));
    let wine = stage.discord.channel(channel_named(stage, "wine"));
    assert_eq!(wine.overwrite(stage.discord.guild).expect("its own").allow, Bits::VIEW_CHANNEL);
}

#[tokio::test]
async fn a_channel_that_cannot_become_what_is_wanted_does_not_open_with_its_category() {
    let (stage, film) = filmed().await;
    stage.apply(&stage.manifest(CELLAR)).await;
    somebody_with(&stage, &[]);
    let plan = apply_safely(&stage, &film, &opened("diary: { type: voice }")).await;
    stayed_private(&stage, &plan, NoteCode::Impossible);
}

/// So many roles that Discord makes no other.
fn all_the_roles(stage: &Stage) {
    let missing = stage.discord.edit(|guild| 250 - guild.roles.len());
    (0..missing).for_each(|at| _ = stage.discord.role_by_hand(&format!("rank {at}"), Bits::NONE, 1));
}

#[tokio::test]
async fn a_channel_that_names_what_is_not_planned_does_not_open_with_its_category() {
    let (stage, film) = filmed().await;
    stage.apply(&stage.manifest(CELLAR)).await;
    somebody_with(&stage, &[]);
    all_the_roles(&stage);
    let writer = "diary: { permissions: { everyone: { deny: [view_channel] }, writer: { allow: [view_channel] } } }";
    let wish = opened(writer).replace("roles: {", "roles: { writer: {},");
    let plan = apply_safely(&stage, &film, &wish).await;
    stayed_private(&stage, &plan, NoteCode::Dependent);
}

#[tokio::test]
async fn a_channel_whose_new_category_is_in_doubt_does_not_open_with_the_old_one() {
    let (stage, film) = filmed().await;
    let muted = CELLAR.replace("[view_channel] }\n    ch", "[send_messages] }\n    ch");
    stage.apply(&stage.manifest(&muted.replace("view_channel] } }\n    ", "send_messages] } }\n    "))).await;
    somebody_with(&stage, &[]);
    let bits = Bits::MANAGE_ROLES | Bits::MANAGE_CHANNELS | Bits::VIEW_CHANNEL | Bits::SEND_MESSAGES;
    stage.discord.limit_bot(bits | Bits::ADD_REACTIONS);
    // The bot cannot tell whether there is an attic where it may not look.
    let wish = "
categories:
  cellar: { permissions: { everyone: { allow: [send_messages] } }, channels: { wine: {} } }
  attic: { channels: { diary: {} } }
";
    let plan = apply_safely(&stage, &film, wish).await;
    let diary = stage.discord.channel(channel_named(&stage, "diary"));
    assert_eq!(diary.overwrite(stage.discord.guild).expect("its own").deny, Bits::SEND_MESSAGES, "{}", shown(&plan));
    assert_eq!(updates(&plan, "diary"), 2, "{}", shown(&plan));
    let told = plan.notes.iter().any(|note| note.code == NoteCode::Dependent && note.subject == "channels.diary");
    assert!(told, "{}", shown(&plan));
}
