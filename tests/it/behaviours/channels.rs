//! Channels, categories and their overwrites.

use std::fmt::Write as _;

use serde_json::json;
use setai::plan::{Consent, NoteCode};
use setai::simulator::faults::{Fault, Faults, Rule};
use setai::simulator::world::{Bits, SlugRule, UnknownBits};

use super::{bodies, channel, left_alone, never_refused, overwrite, role, smoothly, worker};
use crate::support::harness::Harness;
use crate::support::stage::{Stage, shown};

#[tokio::test]
async fn f01_a_hidden_channel_is_neither_made_again_nor_changed_nor_deleted() {
    let stage = Stage::new().await;
    smoothly(&stage, "channels: { den: { topic: ours }, hall: {} }").await;
    let (den, guild) = (channel(&stage, "den"), stage.discord.guild);
    stage.discord.by_hand(
        "PATCH",
        &format!("/channels/{den}"),
        json!({"permission_overwrites": [overwrite(guild, Bits::NONE, Bits::VIEW_CHANNEL)]}),
    );
    stage.discord.limit_bot(worker());
    left_alone(&stage, "channels: { den: { topic: theirs }, hall: {} }", NoteCode::Hidden).await;
    let gone = stage.propose(&stage.manifest("policy: { on_remove: delete }\nchannels: { hall: {} }")).await;
    assert!(gone.plan.is_empty(), "{:#?}", gone.plan.steps);
    assert_eq!(stage.discord.channel(den).topic.as_deref(), Some("ours"));
}

/// Two descriptions of Discord disagree about new forums. What holds for both: the topic is set when the forum is there.
#[tokio::test]
async fn a_long_topic_is_given_to_a_forum_that_is_there() {
    let yaml =
        format!("policy: {{ on_remove: delete }}\nchannels: {{ ask: {{ type: forum, topic: {} }} }}", "x".repeat(1025));
    for long_on_create in [false, true] {
        let stage = Stage::on(Harness::switched(|s| s.long_topics_on_create = long_on_create)).await;
        let manifest = stage.manifest(&yaml);
        let proposal = stage.propose(&manifest).await;
        let steps: Vec<String> = proposal.plan.steps.iter().map(|step| step.operation.subject()).collect();
        assert_eq!(steps, ["channels.ask", "#ask"], "{}", shown(&proposal.plan));
        stage.converge(&manifest).await;
        let topic = || stage.discord.channel(channel(&stage, "ask")).topic.map(|topic| topic.len());
        assert_eq!(topic(), Some(1025));

        // Made again by a rollback, it gets its topic in the same way.
        let gone = stage.apply(&stage.manifest("policy: { on_remove: delete }\nchannels: { hall: {} }")).await;
        let back = stage.engine.way_back(gone.run).await.expect("a plan");
        let digest = back.plan.digest.to_string();
        stage.apply_proposal(&manifest, &back, &Consent::Digest(digest)).await;
        assert_eq!(topic(), Some(1025));
    }
}

#[tokio::test]
async fn f02_a_name_that_discord_rewrites_is_no_drift() {
    let stage = Stage::new().await;
    stage.converge(&stage.manifest("channels: { chat: { name: General Chat! } }")).await;
    stage.converge(&stage.manifest("channels: { chat: { name: Großes ÄRGERNIS_2 } }")).await;
}

/// Which names Discord rewrites, and how, is not documented; whatever it made of one is left as it is.
#[tokio::test]
async fn f02_no_reading_of_the_rule_makes_drift() {
    for slug in [SlugRule::Likely, SlugRule::KeepPunctuation, SlugRule::KeepDashes, SlugRule::ForumsKeepNames] {
        let stage = Stage::on(Harness::switched(|switches| switches.slug = slug)).await;
        for (name, kind) in [("General -- Chat!", 0), ("Rust Help?", 15)] {
            stage.discord.channel_by_hand(json!({"name": name, "type": kind}));
        }
        let yaml = "channels: { chat: { name: General -- Chat! }, help: { name: Rust Help?, type: forum } }";
        let proposal = stage.propose(&stage.manifest(yaml)).await;
        assert!(proposal.plan.is_empty(), "{slug:?}:\n{}", shown(&proposal.plan));
        assert_eq!(proposal.plan.bindings.len(), 2, "{slug:?}: both are adopted");
        stage.converge(&stage.manifest(&yaml.replace("Rust Help?", "Rust's Answers"))).await;
    }
}

#[tokio::test]
async fn f05_a_channel_made_without_overwrites_gets_those_of_its_category() {
    let stage = Stage::new().await;
    let yaml = "categories: { area: { permissions: { everyone: { deny: [send_messages] } }, channels: { den: {} } } }";
    smoothly(&stage, yaml).await;
    let [area, den] = ["area", "den"].map(|name| stage.discord.channel(channel(&stage, name)));
    assert!(!area.permission_overwrites.is_empty());
    assert_eq!(area.permission_overwrites, den.permission_overwrites);
    stage.converge(&stage.manifest(&yaml.replace("den: {}", "den: { topic: x }"))).await;
}

/// Bits without a name cannot be written where they are not yet: Discord drops them or refuses, and few bots hold them.
#[tokio::test]
async fn a_synced_channel_follows_its_category_in_all_but_the_bits_nobody_knows() {
    let yaml = |bit: &str, den: &str, more: &str| {
        format!(
            "categories: {{ area: {{ permissions: {{ everyone: {{ deny: [{bit}] }} }}, channels: {{ den: {den}{more} }} }} }}"
        )
    };
    for (unknown_bits, administrator) in [
        (UnknownBits::Mask, true),
        (UnknownBits::Mask, false),
        (UnknownBits::Refuse, true),
        (UnknownBits::Refuse, false),
    ] {
        let stage = Stage::on(Harness::switched(|switches| switches.unknown_bits = unknown_bits)).await;
        stage.converge(&stage.manifest(&yaml("send_messages", "{}", ""))).await;
        let [area, den] = ["area", "den"].map(|name| channel(&stage, name));
        stage.discord.edit(|guild| {
            let area = guild.channels.get_mut(&area).expect("made");
            area.permission_overwrites[0].deny |= Bits(1 << 60);
        });
        if !administrator {
            stage.discord.limit_bot(worker());
        }
        let unchanged = stage.propose(&stage.manifest(&yaml("send_messages", "{}", ""))).await;
        assert!(unchanged.plan.is_empty(), "no drift:\n{}", shown(&unchanged.plan));

        // An administrator may name any bit; whether a new channel can have this one is for Discord to know.
        let more = if administrator && unknown_bits == UnknownBits::Mask { ", nook: {}" } else { "" };
        let changed = stage.manifest(&yaml("connect", "{ topic: x }", more));
        stage.converge(&changed).await;
        never_refused(&stage);
        let denied = |id| stage.discord.channel(id).permission_overwrites[0].deny;
        // Whoever lacks a bit may not send it, so the category stays as it is, with a note.
        let category = if administrator { Bits::CONNECT } else { Bits::SEND_MESSAGES };
        assert_eq!((denied(area), denied(den)), (category | Bits(1 << 60), Bits::CONNECT), "{unknown_bits:?}");
    }
}

#[tokio::test]
async fn f06_an_edit_of_a_category_is_one_write_and_leaves_channels_of_their_own_alone() {
    let stage = Stage::new().await;
    let yaml = |bit: &str| {
        format!(
            "categories: {{ area: {{ permissions: {{ everyone: {{ deny: [{bit}] }} }}, channels: {{ a: {{}}, b: {{}}, own: {{ permissions: \
             {{ everyone: {{ deny: [add_reactions] }} }} }} }} }} }}"
        )
    };
    smoothly(&stage, &yaml("send_messages")).await;
    let own = stage.discord.channel(channel(&stage, "own"));
    smoothly(&stage, &yaml("attach_files")).await;
    assert_eq!(stage.writes().len(), 1, "Discord carries it to the children: {:?}", stage.writes());
    assert_eq!(stage.discord.channel(own.id), own);
    let [area, a] = ["area", "a"].map(|name| stage.discord.channel(channel(&stage, name)).permission_overwrites);
    assert_eq!(area, a);
}

const MOVED: [&str; 2] = [
    "
categories:
  open: { permissions: {}, channels: { a: {}, b: {}, c: {} } }
  shut: { permissions: { everyone: { deny: [send_messages] } }, channels: { d: {} } }",
    "
categories:
  open: { permissions: {}, channels: { c: {} } }
  shut: { permissions: { everyone: { deny: [send_messages] } }, channels: { b: {}, d: {}, a: {} } }",
];

#[tokio::test]
async fn f07_a_channel_that_moves_has_the_overwrites_of_its_new_category() {
    let stage = Stage::new().await;
    smoothly(&stage, MOVED[0]).await;
    smoothly(&stage, MOVED[1]).await;
    let [shut, a] = ["shut", "a"].map(|name| stage.discord.channel(channel(&stage, name)).permission_overwrites);
    assert!(!shut.is_empty());
    assert_eq!(shut, a);
}

#[tokio::test]
async fn f08_channels_change_their_category_one_by_one() {
    let stage = Stage::new().await;
    smoothly(&stage, MOVED[0]).await;
    smoothly(&stage, MOVED[1]).await;
    for body in bodies(&stage, "PATCH", "/channels") {
        let parents = body.as_array().into_iter().flatten().filter(|entry| entry.get("parent_id").is_some()).count();
        assert!(parents <= 1, "{body}");
    }
}

#[tokio::test]
async fn f09_the_order_is_right_after_a_move() {
    let stage = Stage::new().await;
    smoothly(&stage, MOVED[0]).await;
    smoothly(&stage, MOVED[1]).await;
    let [b, d, a] = ["b", "d", "a"].map(|name| stage.discord.channel(channel(&stage, name)));
    assert!(b.position < d.position && d.position < a.position, "{} {} {}", b.position, d.position, a.position);
}

#[tokio::test]
async fn f10_odd_positions_in_the_right_order_are_no_drift() {
    let stage = Stage::new().await;
    let manifest = stage.manifest(MOVED[0]);
    stage.converge(&manifest).await;
    stage.discord.edit(|guild| {
        for (name, position) in [("a", 3), ("b", 3), ("c", 97), ("d", 3), ("open", 12), ("shut", 40)] {
            let id = guild.channel_named(name).expect("made").id;
            guild.channels.get_mut(&id).expect("made").position = position;
        }
    });
    let plan = stage.propose(&manifest).await.plan;
    assert!(plan.is_empty(), "{:#?}", plan.steps);
}

#[tokio::test]
async fn f13_f14_overwrites_beyond_the_bots_means_are_not_sent() {
    for bit in ["manage_roles", "ban_members", "mention_everyone"] {
        let stage = Stage::new().await;
        stage.discord.limit_bot(worker());
        let guild = stage.discord.guild;
        stage.discord.edit(|g| g.roles.get_mut(&guild).expect("@everyone").permissions = Bits::VIEW_CHANNEL);
        let yaml = format!(
            "roles: {{ crew: {{}} }}\nchannels: {{ den: {{ previously: [], permissions: {{ crew: {{ allow: [{bit}] }} }} }} }}"
        );
        let manifest = stage.manifest(&yaml);
        _ = stage.apply(&manifest).await;
        never_refused(&stage);
    }
}

#[tokio::test]
async fn f18_a_deleted_category_takes_nobodys_channel_along() {
    let stage = Stage::new().await;
    let policy = "policy: { on_remove: delete, max_deletions: 100% }\nchannels: { x: {}, y: {}, z: {} }\n";
    smoothly(&stage, &format!("{policy}categories: {{ area: {{ channels: {{ a: {{}}, b: {{}} }} }} }}")).await;
    let area = channel(&stage, "area");
    let foreign = stage.discord.channel_by_hand(json!({"name": "theirs", "parent_id": area}));
    smoothly(&stage, policy).await;
    assert_eq!(stage.discord.channel(foreign).parent_id, Some(area), "the category stays around it");
    stage.discord.by_hand("DELETE", &format!("/channels/{foreign}"), json!(null));
    // No key remembers the category any more only if it went too.
    smoothly(&stage, policy).await;
    assert!(stage.discord.edit(|g| g.channel_named("area").is_none()));
}

#[tokio::test]
async fn f19_overwrites_somebody_else_made_stay_unless_the_manifest_says_all_of_them() {
    let stage = Stage::new().await;
    smoothly(&stage, "channels: { den: { topic: a } }").await;
    let (den, guild) = (channel(&stage, "den"), stage.discord.guild);
    let theirs = json!([
        overwrite(guild, Bits::NONE, Bits::SEND_MESSAGES),
        overwrite(stage.discord.bot_role, Bits::SEND_MESSAGES, Bits::NONE)
    ]);
    stage.discord.by_hand("PATCH", &format!("/channels/{den}"), json!({ "permission_overwrites": theirs }));
    smoothly(&stage, "channels: { den: { topic: b } }").await;
    assert_eq!(stage.discord.channel(den).permission_overwrites.len(), 2);
    smoothly(&stage, "channels: { den: { topic: b, permissions: { everyone: { deny: [send_messages] } } } }").await;
    assert_eq!(stage.discord.channel(den).permission_overwrites.len(), 1);
}

#[tokio::test]
async fn f20_a_private_channel_is_private_from_its_first_moment() {
    let stage = Stage::new().await;
    let rule = Rule::new(Fault::LostOverwrites { milliseconds: 60_000 });
    stage.discord.simulator.set_faults(Faults { seed: 0, rules: vec![rule] });
    let yaml = |bits: &str| format!("channels: {{ den: {{ permissions: {{ everyone: {{ deny: [{bits}] }} }} }} }}");
    smoothly(&stage, &yaml("view_channel")).await;
    assert!(bodies(&stage, "POST", "/channels")[0]["permission_overwrites"].is_array());
    // An edit right after the create is lost, and seen to be lost.
    let manifest = stage.manifest(&yaml("view_channel, send_messages"));
    let report = stage.apply(&manifest).await;
    assert_eq!(report.verdict, setai::store::Verdict::Partial, "{:?}", report.remark);
    stage.discord.clock.advance(std::time::Duration::from_secs(61));
    stage.converge(&manifest).await;
}

#[tokio::test]
async fn f27_what_would_not_fit_is_not_sent() {
    let stage = Stage::new().await;
    let area = stage.discord.channel_by_hand(json!({"name": "area", "type": 4}));
    (0..49).for_each(|n| _ = stage.discord.channel_by_hand(json!({"name": format!("theirs-{n}"), "parent_id": area})));
    let mut yaml = "categories:\n  area:\n    channels:\n".to_owned();
    (0..3).for_each(|n| _ = writeln!(yaml, "      ours-{n}: {{}}"));
    let manifest = stage.manifest(&yaml);
    let plan = stage.propose(&manifest).await.plan;
    assert!(plan.notes.iter().any(|note| note.code == NoteCode::OverLimit), "{:#?}", plan.notes);
    if plan.blocking().next().is_none() {
        _ = stage.apply(&manifest).await;
    }
    never_refused(&stage);
    let children = stage.discord.edit(|guild| guild.children(area).count());
    assert!(children <= 50, "{children}");
}

#[tokio::test]
async fn f30_tags_keep_their_ids() {
    let stage = Stage::new().await;
    smoothly(&stage, "channels: { ask: { type: forum, tags: [{ name: new }, { name: old }] } }").await;
    let ask = channel(&stage, "ask");
    let ids = |stage: &Stage| {
        let tags = stage.discord.channel(ask).available_tags;
        tags.into_iter().map(|tag| (tag.name, tag.id)).collect::<std::collections::BTreeMap<_, _>>()
    };
    let before = ids(&stage);
    smoothly(&stage, "channels: { ask: { type: forum, tags: [{ name: solved }, { name: new, moderated: true }] } }")
        .await;
    let after = ids(&stage);
    assert_eq!(before["new"], after["new"]);
    assert!(!after.contains_key("old") && after.contains_key("solved"));
}

#[tokio::test]
async fn f32_a_bitrate_beyond_the_boost_tier_is_not_sent() {
    let stage = Stage::new().await;
    let manifest = stage.manifest("channels: { talk: { type: voice, bitrate: 384000 } }");
    let plan = stage.propose(&manifest).await.plan;
    assert!(!plan.notes.is_empty());
    _ = stage.apply(&manifest).await;
    never_refused(&stage);
    // When the guild loses its boosts, Discord lowers what it shows; that is said once and not fought over.
    stage.discord.edit(|guild| guild.premium_tier = 3);
    smoothly(&stage, "channels: { talk: { type: voice, bitrate: 384000 } }").await;
    let talk = channel(&stage, "talk");
    stage.discord.edit(|guild| {
        guild.premium_tier = 0;
        guild.channels.get_mut(&talk).expect("made").bitrate = 96_000;
    });
    let plan = stage.propose(&manifest).await.plan;
    assert!(plan.is_empty(), "{:#?}", plan.steps);
}

#[tokio::test]
async fn f33_a_voice_channel_the_bot_may_not_enter_is_left_alone() {
    let stage = Stage::new().await;
    smoothly(&stage, "channels: { talk: { type: voice, user_limit: 2 } }").await;
    let (talk, guild) = (channel(&stage, "talk"), stage.discord.guild);
    stage.discord.by_hand(
        "PATCH",
        &format!("/channels/{talk}"),
        json!({"permission_overwrites": [overwrite(guild, Bits::NONE, Bits::CONNECT)]}),
    );
    stage.discord.limit_bot(worker());
    left_alone(&stage, "channels: { talk: { type: voice, user_limit: 3 } }", NoteCode::MissingPermission).await;
}

#[tokio::test]
async fn f34_channels_nobody_shows_do_not_disturb_the_order() {
    let stage = Stage::new().await;
    smoothly(&stage, "channels: { a: {}, hidden: {}, b: {}, c: {} }").await;
    let (hidden, guild) = (channel(&stage, "hidden"), stage.discord.guild);
    stage.discord.by_hand(
        "PATCH",
        &format!("/channels/{hidden}"),
        json!({"permission_overwrites": [overwrite(guild, Bits::NONE, Bits::VIEW_CHANNEL)]}),
    );
    stage.discord.limit_bot(worker());
    smoothly(&stage, "channels: { c: {}, hidden: {}, b: {}, a: {} }").await;
    let [a, b, c] = ["a", "b", "c"].map(|name| stage.discord.channel(channel(&stage, name)).position);
    assert!(c < b && b < a, "{c} {b} {a}");
}

#[tokio::test]
async fn f35_a_type_that_cannot_be_changed_is_not_tried() {
    let stage = Stage::new().await;
    smoothly(&stage, "channels: { den: {} }").await;
    for kind in ["voice", "announcement", "forum"] {
        let manifest = stage.manifest(&format!("channels: {{ den: {{ type: {kind} }} }}"));
        let plan = stage.propose(&manifest).await.plan;
        assert!(plan.is_empty() && !plan.notes.is_empty(), "{kind}: {:#?}", plan.steps);
    }
    stage.discord.edit(|guild| guild.features.extend(["COMMUNITY", "NEWS"].map(str::to_owned)));
    let (rules, notices) =
        (stage.discord.channel_by_hand(json!({"name": "rules"})), stage.discord.channel_by_hand(json!({"name": "n"})));
    stage
        .discord
        .edit(|guild| (guild.rules_channel_id, guild.public_updates_channel_id) = (Some(rules), Some(notices)));
    smoothly(&stage, "channels: { den: { type: announcement } }").await;
    assert_eq!(stage.discord.channel(channel(&stage, "den")).kind, 5);
}

#[tokio::test]
async fn f36_overwrites_of_roles_that_are_gone_do_no_harm() {
    let stage = Stage::new().await;
    smoothly(&stage, "roles: { crew: {} }\nchannels: { den: { permissions: { crew: { deny: [send_messages] } } } }")
        .await;
    let (den, crew) = (channel(&stage, "den"), role(&stage, "crew"));
    let kept = stage.discord.channel(den).permission_overwrites;
    stage.discord.by_hand("DELETE", &stage.discord.in_guild(&format!("/roles/{crew}")), json!(null));
    stage.discord.edit(|guild| guild.channels.get_mut(&den).expect("made").permission_overwrites = kept);
    stage
        .converge(
            &stage.manifest(
                "roles: { crew: {} }\nchannels: { den: { permissions: { crew: { deny: [send_messages] } } } }",
            ),
        )
        .await;
    never_refused(&stage);
}
