//! Channels that a manifest names and that stay as they are, for whatever reason: their category does not open them.

use setai::plan::{NoteCode, Plan};
use setai::simulator::world::{Bits, Snowflake};

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

/// Members of whom a category says something, one overwrite each.
fn a_crowd(stage: &Stage, category: Snowflake, children: &[Snowflake], count: u64) {
    use setai::simulator::world::Overwrite;
    let entry = |at: u64| Overwrite {
        id: Snowflake(700_000_000_000_000_000 + at),
        kind: Overwrite::MEMBER,
        allow: Bits::NONE,
        deny: Bits::SEND_MESSAGES,
    };
    let crowd: Vec<Overwrite> = (0..count).map(entry).collect();
    stage.discord.edit(|guild| {
        for id in [&[category], children].concat() {
            guild.channels.get_mut(&id).expect("made").permission_overwrites = crowd.clone();
        }
    });
}

const HALL: &str = "categories: { hall: { permissions: unmanaged, channels: { desk: { permissions: unmanaged } } } }";

#[tokio::test]
async fn a_category_keeps_its_overwrites_where_a_channel_in_it_has_too_many_to_be_guarded() {
    let (stage, film) = filmed().await;
    stage.apply(&stage.manifest(HALL)).await;
    let [hall, desk] = ["hall", "desk"].map(|name| channel_named(&stage, name));
    // With an entry for @everyone it would be one more than Discord takes in one request.
    a_crowd(&stage, hall, &[desk], 100);
    let plan = apply_safely(&stage, &film, &HALL.replacen("unmanaged", "{ everyone: { deny: [connect] } }", 1)).await;
    let kept = plan.notes.iter().any(|note| note.code == NoteCode::OverLimit && note.subject == "categories.hall");
    assert!(kept && plan.is_empty(), "{}", shown(&plan));
    // One less, and it fits.
    a_crowd(&stage, hall, &[desk], 99);
    let plan = apply_safely(&stage, &film, &HALL.replacen("unmanaged", "{ everyone: { deny: [connect] } }", 1)).await;
    assert_eq!(updates(&plan, "desk"), 2, "{}", shown(&plan));
    assert_eq!(stage.discord.channel(desk).permission_overwrites.len(), 99);
}

#[tokio::test]
async fn more_overwrites_than_one_request_takes_are_not_asked_for() {
    let (stage, film) = filmed().await;
    let wish = HALL.replace("desk: { permissions: unmanaged }", "desk: {}");
    stage.apply(&stage.manifest(&wish)).await;
    let hall = channel_named(&stage, "hall");
    a_crowd(&stage, hall, &[], 101);
    // Both are wanted as the category is: the one cannot become so, the other cannot be made so.
    let plan = apply_safely(&stage, &film, &wish.replace("desk: {}", "desk: { topic: Here }, sofa: {}")).await;
    let told = |key: &str| plan.notes.iter().any(|n| n.code == NoteCode::OverLimit && n.subject == key);
    assert!(told("channels.desk") && told("channels.sofa"), "{}", shown(&plan));
    assert_eq!(plan.steps.len(), 1, "the topic is written all the same\n{}", shown(&plan));
    assert_eq!(stage.discord.channel(channel_named(&stage, "desk")).topic.as_deref(), Some("Here"));
}

#[tokio::test]
async fn roles_stay_where_they_cannot_be_taken_out_of_a_channel_before_they_go() {
    use setai::simulator::world::Overwrite;
    let (stage, film) = filmed().await;
    let before = "
policy: { on_remove: delete, max_deletions: 100% }
roles: { gate: {}, guest: {} }
channels: { desk: {} }
";
    stage.apply(&stage.manifest(before)).await;
    let theirs = stage.discord.channel_by_hand(serde_json::json!({"name": "theirs"}));
    a_crowd(&stage, theirs, &[], 101);
    let [gate, guest] = ["gate", "guest"].map(|name| stage.discord.edit(|g| g.role_named(name).expect("made").id));
    stage.discord.edit(|guild| {
        let list = &mut guild.channels.get_mut(&theirs).expect("made").permission_overwrites;
        list.push(Overwrite { id: gate, kind: Overwrite::ROLE, allow: Bits::NONE, deny: Bits::SEND_MESSAGES });
        list.push(Overwrite { id: guest, kind: Overwrite::ROLE, allow: Bits::SEND_MESSAGES, deny: Bits::NONE });
    });
    somebody_with(&stage, &[gate, guest]);
    // Were the one gone that denies, the other would let in whoever had both.
    let plan = apply_safely(&stage, &film, &before.replace("roles: { gate: {}, guest: {} }", "")).await;
    let kept = |key: &str| plan.notes.iter().any(|n| n.code == NoteCode::OverLimit && n.subject == key);
    assert!(kept("roles.gate") && kept("roles.guest") && plan.is_empty(), "{}", shown(&plan));
    // The one that allows may go alone, and then the other.
    for wish in [before.replace(", guest: {}", ""), before.replace("gate: {}, guest: {}", "")] {
        apply_safely(&stage, &film, &wish).await;
    }
    assert!(stage.discord.edit(|guild| !guild.roles.contains_key(&guest) && !guild.roles.contains_key(&gate)));
}

#[tokio::test]
async fn a_channel_that_finds_no_room_elsewhere_is_not_guarded_with_one_overwrite_too_many() {
    let (stage, film) = filmed().await;
    let before = HALL.replace("} } } }", "} } }, full: { permissions: unmanaged } }");
    stage.apply(&stage.manifest(&before)).await;
    let [hall, desk, full] = ["hall", "desk", "full"].map(|name| channel_named(&stage, name));
    a_crowd(&stage, hall, &[desk], 100);
    for at in 0..50 {
        stage.discord.channel_by_hand(serde_json::json!({"name": format!("box-{at}"), "parent_id": full}));
    }
    let wish = "
categories:
  hall: { permissions: { everyone: { deny: [connect] } } }
  full: { permissions: unmanaged, channels: { desk: { permissions: unmanaged } } }
";
    let plan = apply_safely(&stage, &film, wish).await;
    let told = |subject: &str| plan.notes.iter().any(|n| n.code == NoteCode::OverLimit && n.subject == subject);
    assert!(told("channels.desk") && told("categories.hall") && plan.is_empty(), "{}", shown(&plan));
}
