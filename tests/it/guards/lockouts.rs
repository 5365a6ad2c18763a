//! Doors that open one way: each is refused before the first request, with words that help; and a change like it that
//! harms nobody is not.

use serde_json::json;
use setai::plan::{Consent, Lift, RefusalCode, Rejected, judge};
use setai::simulator::world::{Bits, Snowflake};

use crate::support::stage::Stage;

/// A guild in some state, a manifest that was applied, and one that must not be.
struct Door {
    name: &'static str,
    prepare: fn(&Stage),
    before: &'static str,
    harmful: &'static str,
    /// What is refused.
    code: RefusalCode,
    lift: Lift,
    /// As near as can be to the harmful one, and allowed.
    harmless: &'static str,
}

const RANKS: &str = "
roles:
  admin: { permissions: [administrator] }
  crew: { permissions: [kick_members] }
  member: { permissions: [send_messages] }
  everyone: { permissions: [view_channel] }
";

const ROOMS: &str = "
roles: { crew: { permissions: [kick_members] }, everyone: { permissions: [view_channel] } }
categories:
  hall: { permissions: {}, channels: { lobby: {} } }
  office:
    permissions: { everyone: { deny: [view_channel] }, crew: { allow: [view_channel] } }
    channels: { desk: {}, safe: { permissions: { everyone: { deny: [view_channel] } } } }
";

const SQUARE: &str = "
settings: { rules_channel: rules, public_updates_channel: notices }
channels: { rules: {}, notices: {}, town: {}, more: {} }
";

const EIGHT: &str = "channels: { a: {}, b: {}, c: {}, d: {}, e: {}, f: {}, g: {}, h: {} }";

/// What the bot works with when it is no administrator.
fn worker() -> Bits {
    let bits = [
        Bits::MANAGE_ROLES,
        Bits::MANAGE_CHANNELS,
        Bits::MANAGE_GUILD,
        Bits::VIEW_CHANNEL,
        Bits::VIEW_AUDIT_LOG,
        Bits::SEND_MESSAGES,
        Bits::KICK_MEMBERS,
        Bits::CONNECT,
    ];
    bits.into_iter().fold(Bits::NONE, |sum, bit| sum | bit)
}

fn as_it_is(_: &Stage) {}

/// The bot is no administrator, and holds no permission twice.
fn bot_is_a_worker(stage: &Stage) {
    stage.discord.limit_bot(worker());
}

/// The bot has a second role, `ops`, from which alone it has some permissions.
fn bot_has_ops(stage: &Stage, of_its_own: Bits, of_ops: Bits) {
    stage.discord.limit_bot(of_its_own);
    let ops = stage.discord.role_by_hand("ops", of_ops, 5);
    let bot = stage.discord.bot;
    stage.discord.edit(|guild| guild.members.get_mut(&bot).expect("the bot is a member").roles.push(ops));
}

fn manages_channels_by_ops(stage: &Stage) {
    bot_has_ops(stage, worker() & !Bits::MANAGE_CHANNELS, Bits::MANAGE_CHANNELS);
}

fn administrator_by_ops(stage: &Stage) {
    bot_has_ops(stage, worker(), Bits::ADMINISTRATOR);
    // A role that grants more than the bot may give away is still above nobody.
}

fn sees_by_everyone(stage: &Stage) {
    stage.discord.limit_bot(worker() & !Bits::VIEW_CHANNEL);
}

fn manages_roles_by_everyone(stage: &Stage) {
    stage.discord.limit_bot(worker() & !Bits::MANAGE_ROLES);
    let guild = stage.discord.guild;
    stage.discord.edit(|g| {
        let everyone = g.roles.get_mut(&guild).expect("@everyone");
        everyone.permissions |= Bits::MANAGE_ROLES;
    });
}

fn bot_has_plain_ops(stage: &Stage) {
    bot_has_ops(stage, worker(), Bits::NONE);
}

fn bot_is_timed_out(stage: &Stage) {
    let bot = stage.discord.bot;
    let until = stage.discord.clock.now() + chrono::TimeDelta::minutes(30);
    stage.discord.edit(|guild| {
        guild.members.get_mut(&bot).expect("the bot is a member").communication_disabled_until = Some(until);
    });
}

fn nobody_sees_by_default(stage: &Stage) {
    let guild = stage.discord.guild;
    stage.discord.edit(|g| g.roles.get_mut(&guild).expect("@everyone").permissions = Bits::SEND_MESSAGES);
}

/// A channel the bot sees only through an overwrite of its own, written by hand.
fn bot_has_a_key(stage: &Stage) {
    bot_is_a_worker(stage);
    let (guild, bot) = (stage.discord.guild, stage.discord.bot);
    stage.discord.channel_by_hand(json!({"name": "vault", "permission_overwrites": [
        {"id": guild, "type": 0, "deny": Bits::VIEW_CHANNEL, "allow": "0"},
        {"id": bot, "type": 1, "allow": Bits::VIEW_CHANNEL, "deny": "0"},
    ]}));
}

fn ops_has_a_key(stage: &Stage) {
    bot_has_plain_ops(stage);
    let guild = stage.discord.guild;
    let ops: Snowflake = stage.discord.edit(|g| g.role_named("ops").expect("made").id);
    stage.discord.channel_by_hand(json!({"name": "vault", "permission_overwrites": [
        {"id": guild, "type": 0, "deny": Bits::VIEW_CHANNEL, "allow": "0"},
        {"id": ops, "type": 0, "allow": Bits::VIEW_CHANNEL, "deny": "0"},
    ]}));
}

fn community(stage: &Stage) {
    let [rules, notices] = ["rules", "notices"].map(|name| stage.discord.channel_by_hand(json!({"name": name})));
    stage.discord.edit(|guild| {
        guild.features.extend(["COMMUNITY", "NEWS"].map(str::to_owned));
        (guild.rules_channel_id, guild.public_updates_channel_id) = (Some(rules), Some(notices));
        (guild.verification_level, guild.explicit_content_filter) = (1, 2);
    });
}

const DOORS: &[Door] = &[
    Door {
        name: "the bot's second role loses what the bot works with",
        prepare: manages_channels_by_ops,
        before: "roles: { ops: { hoist: true } }",
        harmful: "roles: { ops: { permissions: [] } }",
        code: RefusalCode::BotLosesPermission,
        lift: Lift::Never,
        harmless: "roles: { ops: { permissions: [manage_channels], hoist: false } }",
    },
    Door {
        name: "the bot's second role is deleted",
        prepare: manages_channels_by_ops,
        before: "policy: { on_remove: delete }\nroles: { ops: {}, a: {}, b: {}, c: {} }",
        harmful: "policy: { on_remove: delete }\nroles: { a: {}, b: {}, c: {} }",
        code: RefusalCode::BotLosesPermission,
        lift: Lift::Never,
        harmless: "policy: { on_remove: delete }\nroles: { ops: {}, a: {}, b: {} }",
    },
    Door {
        name: "the role that makes the bot administrator stops doing so",
        prepare: administrator_by_ops,
        before: "roles: { ops: { hoist: true } }",
        harmful: "roles: { ops: { permissions: [manage_channels] } }",
        code: RefusalCode::BotLosesPermission,
        lift: Lift::Never,
        harmless: "roles: { ops: { permissions: [administrator], hoist: false } }",
    },
    Door {
        name: "@everyone no longer gives the bot its view",
        prepare: sees_by_everyone,
        before: "roles: { everyone: { permissions: [view_channel, send_messages] } }",
        harmful: "roles: { everyone: { permissions: [send_messages] } }",
        code: RefusalCode::BotLosesPermission,
        lift: Lift::Never,
        harmless: "roles: { everyone: { permissions: [view_channel] } }",
    },
    Door {
        name: "@everyone no longer lets the bot manage roles",
        prepare: manages_roles_by_everyone,
        before: "roles: { everyone: { permissions: [view_channel, manage_roles] } }",
        harmful: "roles: { everyone: { permissions: [view_channel] } }",
        code: RefusalCode::BotLosesPermission,
        lift: Lift::Never,
        harmless: "roles: { everyone: { permissions: [manage_roles, view_channel, send_messages] } }",
    },
    Door {
        name: "the bot's own overwrite goes",
        prepare: bot_has_a_key,
        before: "channels: { vault: { topic: here } }",
        harmful: "channels: { vault: { permissions: { everyone: { deny: [view_channel] } } } }",
        code: RefusalCode::BotLosesView,
        lift: Lift::Never,
        harmless: "channels: { vault: { topic: there } }",
    },
    Door {
        name: "the overwrite of the bot's role goes",
        prepare: ops_has_a_key,
        before: "roles: { ops: {} }\nchannels: { vault: { topic: here } }",
        harmful: "roles: { ops: {} }\nchannels: { vault: { permissions: { everyone: { deny: [view_channel] } } } }",
        code: RefusalCode::BotLosesView,
        lift: Lift::Never,
        harmless: "
roles: { ops: {} }
channels: { vault: { permissions: { everyone: { deny: [view_channel] }, ops: { allow: [view_channel, send_messages] } } } }",
    },
    Door {
        name: "a channel is closed to the bot by @everyone",
        prepare: bot_is_a_worker,
        before: "channels: { room: { previously: [], permissions: {} } }",
        harmful: "channels: { room: { permissions: { everyone: { deny: [view_channel] } } } }",
        code: RefusalCode::BotLosesView,
        lift: Lift::Never,
        harmless: "channels: { room: { permissions: { everyone: { deny: [send_messages] } } } }",
    },
    Door {
        name: "a category is closed to the bot, and its channels follow",
        prepare: bot_is_a_worker,
        before: "
categories: { house: { previously: [], permissions: {}, channels: { room: { previously: [] }, den: { previously: [] } } } }",
        harmful: "categories: { house: { permissions: { everyone: { deny: [view_channel] } }, channels: { room: {}, den: {} } } }",
        code: RefusalCode::BotLosesView,
        lift: Lift::Never,
        harmless: "categories: { house: { permissions: { everyone: { deny: [send_messages] } }, channels: { room: {}, den: {} } } }",
    },
    Door {
        name: "a channel is closed by a deny for the bot's role",
        prepare: bot_has_plain_ops,
        before: "roles: { ops: {} }\nchannels: { room: { previously: [], permissions: {} } }",
        harmful: "roles: { ops: {} }\nchannels: { room: { permissions: { ops: { deny: [view_channel] } } } }",
        code: RefusalCode::BotLosesView,
        lift: Lift::Never,
        harmless: "roles: { ops: {} }\nchannels: { room: { permissions: { ops: { deny: [send_messages] } } } }",
    },
    Door {
        name: "a new channel would be closed to the bot from the start",
        prepare: bot_is_a_worker,
        before: "channels: { room: { previously: [] } }",
        harmful: "channels: { room: {}, den: { previously: [], permissions: { everyone: { deny: [view_channel] } } } }",
        code: RefusalCode::BotLosesView,
        lift: Lift::Never,
        harmless: "channels: { room: {}, den: { previously: [], permissions: { everyone: { deny: [send_messages] } } } }",
    },
    Door {
        name: "the bot is timed out",
        prepare: bot_is_timed_out,
        before: "",
        harmful: "roles: { crew: {} }",
        code: RefusalCode::BotTimedOut,
        lift: Lift::Never,
        harmless: "",
    },
    Door {
        name: "the last administrator stops being one",
        prepare: as_it_is,
        before: RANKS,
        harmful: "roles: { admin: { permissions: [ban_members] }, crew: {}, member: {} }",
        code: RefusalCode::LastAdministrator,
        lift: Lift::Approval,
        harmless: "roles: { admin: { permissions: [administrator, ban_members] }, crew: {}, member: {} }",
    },
    Door {
        name: "the last administrator is deleted",
        prepare: as_it_is,
        before: RANKS,
        harmful: "policy: { on_remove: delete }\nroles: { crew: {}, member: {} }",
        code: RefusalCode::LastAdministrator,
        lift: Lift::Approval,
        harmless: "policy: { on_remove: delete }\nroles: { admin: {}, crew: {} }",
    },
    Door {
        name: "@everyone becomes administrator",
        prepare: as_it_is,
        before: RANKS,
        harmful: "roles: { admin: {}, crew: {}, member: {}, everyone: { permissions: [administrator] } }",
        code: RefusalCode::EveryoneAdministrator,
        lift: Lift::Never,
        harmless: "roles: { admin: {}, crew: {}, member: {}, everyone: { permissions: [view_channel, send_messages] } }",
    },
    Door {
        name: "@everyone may ban",
        prepare: as_it_is,
        before: RANKS,
        harmful: "roles: { admin: {}, crew: {}, member: {}, everyone: { permissions: [view_channel, ban_members] } }",
        code: RefusalCode::EveryonePower,
        lift: Lift::Approval,
        harmless: "roles: { admin: {}, crew: { permissions: [ban_members] }, member: {}, everyone: { permissions: [view_channel] } }",
    },
    Door {
        name: "@everyone may manage roles and webhooks",
        prepare: as_it_is,
        before: RANKS,
        harmful: "roles: { admin: {}, crew: {}, member: {}, everyone: { permissions: [view_channel, manage_roles, manage_webhooks] } }",
        code: RefusalCode::EveryonePower,
        lift: Lift::Approval,
        harmless: "roles: { admin: {}, crew: {}, member: {}, everyone: { permissions: [view_channel, add_reactions] } }",
    },
    Door {
        name: "@everyone gains it through a named set",
        prepare: as_it_is,
        before: RANKS,
        harmful: "
permission_sets: { nice: { allow: [view_channel, add_reactions] }, wild: { extends: [nice], allow: [moderate_members] } }
roles: { admin: {}, crew: {}, member: {}, everyone: { permissions: wild } }",
        code: RefusalCode::EveryonePower,
        lift: Lift::Approval,
        harmless: "
permission_sets: { nice: { allow: [view_channel, add_reactions] } }
roles: { admin: {}, crew: {}, member: {}, everyone: { permissions: nice } }",
    },
    Door {
        name: "@everyone may moderate in one channel",
        prepare: as_it_is,
        before: "channels: { den: { permissions: {} } }",
        harmful: "channels: { den: { permissions: { everyone: { allow: [manage_messages, manage_roles] } } } }",
        code: RefusalCode::EveryonePower,
        lift: Lift::Approval,
        harmless: "channels: { den: { permissions: { everyone: { allow: [add_reactions] } } } }",
    },
    Door {
        name: "everyone with a role becomes administrator",
        prepare: as_it_is,
        before: RANKS,
        harmful: "roles: { admin: {}, crew: { permissions: [administrator] }, member: {} }",
        code: RefusalCode::NewAdministrators,
        lift: Lift::Approval,
        harmless: "roles: { admin: {}, crew: {}, member: {}, boss: { permissions: [administrator] } }",
    },
    Door {
        name: "a private channel loses its overwrites",
        prepare: as_it_is,
        before: ROOMS,
        harmful: "
roles: { crew: {}, everyone: {} }
categories:
  hall: { channels: { lobby: {} } }
  office: { channels: { desk: {}, safe: { permissions: {} } } }",
        code: RefusalCode::DoorOpened,
        lift: Lift::Approval,
        harmless: "
roles: { crew: {}, everyone: {} }
categories:
  hall: { channels: { lobby: {} } }
  office: { channels: { desk: {}, safe: { permissions: { everyone: { deny: [view_channel, connect] } } } } }",
    },
    Door {
        name: "a private channel is opened in words",
        prepare: nobody_sees_by_default,
        before: "channels: { den: { permissions: {} } }",
        harmful: "channels: { den: { permissions: { everyone: { allow: [view_channel] } } } }",
        code: RefusalCode::DoorOpened,
        lift: Lift::Approval,
        harmless: "channels: { den: { permissions: { everyone: { allow: [add_reactions] } } } }",
    },
    Door {
        name: "a private category opens, and its channels follow",
        prepare: as_it_is,
        before: ROOMS,
        harmful: "
roles: { crew: {}, everyone: {} }
categories:
  hall: { channels: { lobby: {} } }
  office: { permissions: { crew: { allow: [view_channel] } }, channels: { desk: {}, safe: { permissions: unmanaged } } }",
        code: RefusalCode::DoorOpened,
        lift: Lift::Approval,
        harmless: "
roles: { crew: {}, everyone: {} }
categories:
  hall: { channels: { lobby: {} } }
  office:
    permissions: { everyone: { deny: [view_channel] }, crew: { allow: [view_channel, send_messages] } }
    channels: { desk: {}, safe: { permissions: unmanaged } }",
    },
    Door {
        name: "a private channel opens because @everyone sees all",
        prepare: nobody_sees_by_default,
        before: "roles: { everyone: { permissions: [send_messages] } }\nchannels: { den: {} }",
        harmful: "roles: { everyone: { permissions: [send_messages, view_channel] } }\nchannels: { den: {} }",
        code: RefusalCode::DoorOpened,
        lift: Lift::Approval,
        harmless: "roles: { everyone: { permissions: [send_messages, add_reactions] } }\nchannels: { den: {} }",
    },
    Door {
        name: "a private channel moves to a public category",
        prepare: as_it_is,
        before: ROOMS,
        harmful: "
roles: { crew: {}, everyone: {} }
categories: { hall: { channels: { lobby: {}, desk: {} } }, office: { channels: { safe: { permissions: unmanaged } } } }",
        code: RefusalCode::DoorOpened,
        lift: Lift::Approval,
        harmless: "
roles: { crew: {}, everyone: {} }
categories:
  hall: { channels: { lobby: {}, desk: { permissions: { everyone: { deny: [view_channel] } } } } }
  office: { channels: { safe: { permissions: unmanaged } } }",
    },
    Door {
        name: "the rules channel of a Community is deleted",
        prepare: community,
        before: SQUARE,
        harmful: "policy: { on_remove: delete }\nchannels: { notices: {}, town: {}, more: {} }",
        code: RefusalCode::CommunityChannel,
        lift: Lift::Never,
        harmless: "
policy: { on_remove: delete }
settings: { rules_channel: town }
channels: { notices: {}, town: {}, more: {} }",
    },
    Door {
        name: "the notices channel of a Community is archived",
        prepare: community,
        before: SQUARE,
        harmful: "channels: { rules: {}, town: {}, more: {} }",
        code: RefusalCode::CommunityChannel,
        lift: Lift::Never,
        harmless: "channels: { rules: {}, notices: {}, town: {} }",
    },
    Door {
        name: "a Community would have no rules channel",
        prepare: community,
        before: SQUARE,
        harmful: "settings: { rules_channel: null }\nchannels: { rules: {}, notices: {}, town: {}, more: {} }",
        code: RefusalCode::CommunityChannel,
        lift: Lift::Never,
        harmless: "settings: { rules_channel: more }\nchannels: { rules: {}, notices: {}, town: {}, more: {} }",
    },
    Door {
        name: "a Community would have no notices channel",
        prepare: community,
        before: SQUARE,
        harmful: "settings: { public_updates_channel: null }\nchannels: { rules: {}, notices: {}, town: {}, more: {} }",
        code: RefusalCode::CommunityChannel,
        lift: Lift::Never,
        harmless: "settings: { public_updates_channel: more }\nchannels: { rules: {}, notices: {}, town: {}, more: {} }",
    },
    Door {
        name: "Community is switched off",
        prepare: community,
        before: SQUARE,
        harmful: "settings: { features: { community: false } }\nchannels: { rules: {}, notices: {}, town: {}, more: {} }",
        code: RefusalCode::CommunityOff,
        lift: Lift::Approval,
        harmless: "settings: { features: { invites_disabled: true } }\nchannels: { rules: {}, notices: {}, town: {}, more: {} }",
    },
    Door {
        name: "the manifest is empty",
        prepare: as_it_is,
        before: EIGHT,
        harmful: "",
        code: RefusalCode::EmptyManifest,
        lift: Lift::Never,
        harmless: "policy: { prune: none }\nroles: { a: {} }",
    },
    Door {
        name: "most of the manifest is gone",
        prepare: as_it_is,
        before: EIGHT,
        harmful: "policy: { max_deletions: 100% }\nchannels: { a: {}, b: {}, c: {} }",
        code: RefusalCode::ShrunkenManifest,
        lift: Lift::Approval,
        harmless: "policy: { max_deletions: 100% }\nchannels: { a: {}, b: {}, c: {}, d: {} }",
    },
    Door {
        name: "more is removed than the policy allows",
        prepare: as_it_is,
        before: EIGHT,
        harmful: "channels: { a: {}, b: {}, c: {}, d: {}, e: {}, f: {} }",
        code: RefusalCode::DeletionLimit,
        lift: Lift::Approval,
        harmless: "channels: { a: {}, b: {}, c: {}, d: {}, e: {}, f: {}, g: {} }",
    },
    Door {
        name: "more is changed than the policy allows",
        prepare: as_it_is,
        before: EIGHT,
        harmful: "
policy: { max_updates: 2 }
channels: { a: { topic: x }, b: { topic: x }, c: { topic: x }, d: {}, e: {}, f: {}, g: {}, h: {} }",
        code: RefusalCode::UpdateLimit,
        lift: Lift::Approval,
        harmless: "
policy: { max_updates: 2 }
channels: { a: { topic: x }, b: { topic: x }, c: {}, d: {}, e: {}, f: {}, g: {}, h: {} }",
    },
    Door {
        name: "an expectation of a channel does not hold",
        prepare: as_it_is,
        before: ROOMS,
        harmful: "
roles: { crew: { permissions: [kick_members, add_reactions] }, everyone: {} }
categories: { hall: { channels: { lobby: {} } }, office: { channels: { desk: {}, safe: {} } } }
expectations: [{ role: everyone, cannot: [view_channel], in: [lobby] }]",
        code: RefusalCode::ExpectationFailed,
        lift: Lift::Never,
        harmless: "
roles: { crew: { permissions: [kick_members, add_reactions] }, everyone: {} }
categories: { hall: { channels: { lobby: {} } }, office: { channels: { desk: {}, safe: { permissions: unmanaged } } } }
expectations: [{ role: everyone, can: [view_channel], in: [lobby] }, { role: crew, can: [view_channel], in: [desk] }]",
    },
    Door {
        name: "an expectation of the whole guild does not hold",
        prepare: as_it_is,
        before: RANKS,
        harmful: "
roles: { admin: {}, crew: { permissions: [ban_members] }, member: {} }
expectations: [{ role: crew, can: [kick_members] }]",
        code: RefusalCode::ExpectationFailed,
        lift: Lift::Never,
        harmless: "
roles: { admin: {}, crew: { permissions: [ban_members] }, member: {} }
expectations: [{ role: crew, can: [ban_members], cannot: [administrator] }]",
    },
];

/// A stage on which the manifest before was applied; an empty one is not.
async fn at(door: &Door) -> Stage {
    let stage = Stage::new().await;
    (door.prepare)(&stage);
    if !door.before.is_empty() {
        stage.converge(&stage.manifest(door.before)).await;
    }
    stage.discord.simulator.forget_requests();
    stage
}

#[tokio::test]
async fn every_door_is_refused_before_the_first_request() {
    let mut words = String::new();
    let (mut never, mut by_approval) = (0, 0);
    for door in DOORS {
        let stage = at(door).await;
        let proposal = stage.propose(&stage.manifest(door.harmful)).await;
        let plan = &proposal.plan;
        assert!(!plan.is_empty(), "{}: there is something to refuse", door.name);
        let found = plan.refusals.iter().find(|refusal| refusal.code == door.code);
        let refusal = found.unwrap_or_else(|| panic!("{}: {:#?}\n{:#?}", door.name, plan.refusals, plan.notes));
        assert_eq!(refusal.lift, door.lift, "{}", door.name);
        words.push_str(&format!("{}\n  {}\n  {}\n", door.name, refusal.text, refusal.help));
        for consent in [Consent::Nobody, Consent::Seen] {
            let rejected = judge(plan.clone(), &consent).expect_err(door.name);
            assert!(matches!(*rejected, Rejected::Refused(_) | Rejected::Blocked(_)), "{}: {rejected:?}", door.name);
        }
        let by_digest = judge(plan.clone(), &Consent::Digest(plan.digest.to_string()));
        match door.lift {
            Lift::Never => {
                assert!(by_digest.is_err(), "{}: no approval lifts it", door.name);
                never += 1;
            }
            Lift::Approval => {
                let blocked = by_digest.err().filter(|rejected| !matches!(**rejected, Rejected::Blocked(_)));
                assert!(blocked.is_none(), "{}: {blocked:?}", door.name);
                by_approval += 1;
            }
        }
        assert!(stage.writes().is_empty(), "{}: nothing was sent", door.name);
    }
    println!(
        "acceptance 11: {} doors refused before the first request ({never} never, {by_approval} by approval)",
        DOORS.len()
    );
    assert!(DOORS.len() >= 25);
    insta::assert_snapshot!(words);
}

#[tokio::test]
async fn what_harms_nobody_is_not_refused() {
    let mut passed = 0;
    for door in DOORS.iter().filter(|door| !door.harmless.is_empty()) {
        let stage = at(door).await;
        let manifest = stage.manifest(door.harmless);
        let proposal = stage.propose(&manifest).await;
        let refusals = &proposal.plan.refusals;
        assert!(
            refusals.is_empty() && !proposal.plan.is_empty(),
            "{}: {refusals:#?} {:#?}",
            door.name,
            proposal.plan.notes
        );
        let report = stage.apply_proposal(&manifest, &proposal, &Consent::Seen).await;
        assert_eq!(
            report.verdict,
            setai::store::Verdict::Succeeded,
            "{}: {:?} {:#?}",
            door.name,
            report.remark,
            report.steps
        );
        passed += 1;
    }
    println!("acceptance 11: {passed} of {passed} harmless neighbours pass");
}

#[tokio::test]
async fn the_bot_works_again_when_its_timeout_is_over() {
    let stage = Stage::new().await;
    bot_is_timed_out(&stage);
    let manifest = stage.manifest("roles: { crew: {} }");
    assert!(!stage.propose(&manifest).await.plan.refusals.is_empty());
    stage.discord.clock.advance(std::time::Duration::from_secs(1800));
    stage.converge(&manifest).await;
}
