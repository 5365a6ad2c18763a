//! Which commands a client offers to whom, and what the application is told.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::{Value, json};
use setai::simulator::Use;
use setai::simulator::world::Bits;

use super::room::{Room, join};
use crate::simulator_gateway::client::Client;

#[tokio::test]
async fn a_command_is_told_with_everything_discord_tells() {
    let room = Room::new();
    let served = room.discord.serve().await;
    let (mut client, _) = Client::in_guild(&served, 1).await;
    let listed = room.register(json!([{"name": "plan", "description": "d"}])).await;
    room.deny(Bits::ADD_REACTIONS);
    client.event("CHANNEL_UPDATE").await;
    let begun = room.plans();
    let told = client.event("INTERACTION_CREATE").await;
    let held = room.discord.edit(|guild| {
        let channel = &guild.channels[&room.channel];
        guild.permissions_in(room.ann, channel, room.discord.clock.now())
    });
    assert!(held.has(Bits::VIEW_CHANNEL) && !held.has(Bits::ADD_REACTIONS));
    let (guild, bot) = (room.discord.guild, room.discord.bot);
    let expected = json!({
        "id": begun.id, "application_id": bot, "type": 2, "token": begun.token, "version": 1, "guild_id": guild,
        "channel_id": room.channel, "locale": "en-US", "guild_locale": "en-US", "context": 0, "entitlements": [],
        "authorizing_integration_owners": {"0": guild}, "attachment_size_limit": 10_485_760,
        "data": {"id": listed[0]["id"], "name": "plan", "type": 1},
        "guild": {"id": guild, "locale": "en-US", "features": []},
        "app_permissions": (1_u64 << 54) - 1,
    });
    for (key, value) in expected.as_object().expect("an object") {
        let told = if key == "app_permissions" {
            json!(told[key].as_str().expect("a text").parse::<u64>().expect("bits"))
        } else {
            told[key].clone()
        };
        assert_eq!(told, *value, "{key}");
    }
    assert_eq!((&told["channel"]["id"], &told["channel"]["permissions"]), (&json!(room.channel), &json!(held)));
    assert_eq!((&told["member"]["user"]["id"], &told["member"]["permissions"]), (&json!(room.ann), &json!(held)));
    assert!(told.get("message").is_none());
    served.stop().await;
}

#[tokio::test]
async fn only_its_own_application_is_told_and_only_once() {
    let room = Room::with_plan().await;
    let now = room.discord.clock.now();
    let other = room.discord.simulator.with_world(|world| {
        let other = world.add_user("other", true, now);
        world.users.get_mut(&other).expect("there").tokens = vec!["other".to_owned()];
        world.users.get_mut(&room.discord.bot).expect("there").tokens = vec!["token".to_owned()];
        world.install_bot(room.discord.guild, other, Bits::ADMINISTRATOR, now);
        other
    });
    let served = room.discord.serve().await;
    let (mut client, _) = Client::in_guild(&served, 1).await;
    let of_other = Use { application_id: other, ..room.wish(2, json!({"name": "plan"})) };
    let refused = room.discord.simulator.interact(&of_other).expect_err("the other bot has no commands");
    assert_eq!(refused.to_string(), "there is no command `plan` here");
    room.discord.simulator.with_world(|world| world.begin_interaction(other, room.ann, room.channel, now));
    client.hears_nothing().await;
    room.plans();
    client.event("INTERACTION_CREATE").await;
    client.hears_nothing().await;
    let nobody = Use { application_id: 5.into(), ..room.wish(2, json!({"name": "plan"})) };
    let refused = room.discord.simulator.interact(&nobody).expect_err("there is no such application");
    assert_eq!(refused.to_string(), "there is no application `5` here");
    served.stop().await;
}

#[tokio::test]
async fn a_command_is_offered_only_where_and_to_whom_discord_offers_it() {
    let room = Room::with_plan().await;
    let plan = || json!({"name": "plan"});
    room.plans();
    assert_eq!(room.refusal(2, json!({"name": "apply"})), "there is no command `apply` here");
    assert_eq!(room.refusal(2, json!({})), "there is no command `null` here");
    assert_eq!(room.refusal(2, json!({"name": "plan", "id": "5"})), "there is no command `plan` here");
    assert_eq!(room.refusal(2, json!({"name": "plan", "type": 2})), "there is no command `plan` here");
    assert_eq!(room.refusal(7, plan()), "there is no kind of interaction `7` here");

    let stranger = Use { user_id: 5.into(), ..room.wish(2, plan()) };
    let said = room.discord.simulator.interact(&stranger).expect_err("not a member").to_string();
    assert_eq!(said, "there is no member `5` here");
    let bot = Use { user_id: room.discord.bot, ..room.wish(2, plan()) };
    let said = room.discord.simulator.interact(&bot).expect_err("a bot").to_string();
    assert_eq!(said, "the member may not: applications are for people");
    let nowhere = Use { channel_id: 5.into(), ..room.wish(2, plan()) };
    let said = room.discord.simulator.interact(&nowhere).expect_err("no channel").to_string();
    assert_eq!(said, "there is no channel `5` here");

    let (category, forum) = room.discord.edit(|guild| {
        let category = guild.channel_named("Text Channels").expect("there").id;
        (category, guild.channels[&room.channel].clone())
    });
    let posts = room.discord.edit(|guild| {
        let posts = setai::simulator::world::Channel { id: 77.into(), kind: 15, ..forum };
        guild.channels.insert(posts.id, posts.clone());
        posts.id
    });
    for silent in [category, posts] {
        let there = Use { channel_id: silent, ..room.wish(2, plan()) };
        room.discord.simulator.interact(&there).expect_err("nobody writes there");
    }
    room.deny(Bits::USE_APPLICATION_COMMANDS);
    let missing = "the member may not: USE_APPLICATION_COMMANDS is missing in this channel";
    assert_eq!(room.refusal(2, plan()), missing);
    room.deny(Bits::VIEW_CHANNEL);
    assert_eq!(room.refusal(2, plan()), format!("there is no channel `{}` here", room.channel));
    room.deny(Bits::SEND_MESSAGES);
    room.plans();
}

#[tokio::test]
async fn somebody_in_a_timeout_uses_nothing() {
    let room = Room::with_plan().await;
    let until = room.discord.clock.now() + TimeDelta::minutes(5);
    let time_out = |until| {
        room.discord
            .edit(|guild| guild.members.get_mut(&room.ann).expect("there").communication_disabled_until = until);
    };
    time_out(Some(until));
    assert_eq!(room.refusal(2, json!({"name": "plan"})), "the member may not: a timeout is in force");
    let begun = {
        time_out(None);
        room.plans()
    };
    let row = json!([{"type": 1, "components": [{"type": 2, "style": 1, "label": "Go", "custom_id": "go"}]}]);
    let message = room.says(&begun, json!({"content": "?", "components": row})).await;
    time_out(Some(until));
    let said = room.press(room.ann, message.id, json!({"custom_id": "go"})).expect_err("timed out").to_string();
    assert_eq!(said, "the member may not: a timeout is in force");
    room.discord.clock.advance(Duration::from_mins(5));
    room.press(room.ann, message.id, json!({"custom_id": "go"})).expect("it is over");
}

#[tokio::test]
async fn default_permissions_are_looked_up_in_the_channel() {
    let room = Room::with(json!([
        {"name": "apply", "description": "d", "default_member_permissions": (Bits::MANAGE_GUILD | Bits::MANAGE_ROLES)},
        {"name": "secret", "description": "d", "default_member_permissions": "0"},
        {"name": "old", "description": "d", "nsfw": true},
    ]))
    .await;
    let (apply, secret, old) = (json!({"name": "apply"}), json!({"name": "secret"}), json!({"name": "old"}));
    let needed = (Bits::MANAGE_GUILD | Bits::MANAGE_ROLES).to_string();
    let missing = format!("the member may not: the command needs the permissions {needed}");
    assert_eq!(room.refusal(2, apply.clone()), missing);
    assert_eq!(room.refusal(2, secret.clone()), "the member may not: the command is for administrators");
    assert_eq!(room.refusal(2, old.clone()), "the member may not: the command is for age-restricted channels");

    let half = room.discord.role_by_hand("half", Bits::MANAGE_GUILD, 2);
    room.discord.edit(|guild| guild.members.get_mut(&room.ann).expect("there").roles = vec![half]);
    assert_eq!(room.refusal(2, apply.clone()), missing, "all of them are needed");
    let other_half = json!({"type": 0, "allow": Bits::MANAGE_ROLES, "deny": "0"});
    room.discord.by_hand("PUT", &format!("/channels/{}/permissions/{half}", room.channel), other_half);
    room.uses(apply.clone());
    assert_eq!(room.refusal(2, secret.clone()), "the member may not: the command is for administrators");

    let admin = room.discord.role_by_hand("admin", Bits::ADMINISTRATOR, 3);
    room.discord.edit(|guild| guild.members.get_mut(&room.ann).expect("there").roles = vec![admin]);
    room.uses(secret);
    assert_eq!(room.refusal(2, old.clone()), "the member may not: the command is for age-restricted channels");
    room.discord.by_hand("PATCH", &format!("/channels/{}", room.channel), json!({"nsfw": true}));
    room.uses(old);
}

#[tokio::test]
async fn contexts_and_guilds_decide_where_a_command_is() {
    let room = Room::with(json!([
        {"name": "here", "description": "d", "contexts": [0, 1]},
        {"name": "elsewhere", "description": "d", "contexts": [1]},
        {"name": "both", "description": "of everybody"},
    ]))
    .await;
    let own = format!("/applications/{}/guilds/{}/commands", room.discord.bot, room.discord.guild);
    let own = room.discord.post(&own, json!({"name": "both", "description": "of this guild"})).await.ok();
    room.uses(json!({"name": "here"}));
    assert_eq!(room.refusal(2, json!({"name": "elsewhere"})), "there is no command `elsewhere` here");
    let begun = room.uses(json!({"name": "both"}));
    assert_eq!(begun.data, json!({"id": own["id"], "name": "both", "type": 1, "guild_id": room.discord.guild}));

    let now = room.discord.clock.now();
    let (other, channel) = room.discord.simulator.with_world(|world| {
        let other = world.fresh_guild("Another", None, now);
        let channel = world.guilds[&other.guild].channel_named("general").expect("there").id;
        (other, channel)
    });
    let there = |data: Value| Use { user_id: other.owner, channel_id: channel, ..room.wish(2, data) };
    let begun = room.discord.simulator.interact(&there(json!({"name": "both"}))).expect("there as well");
    assert_eq!(begun.data.get("guild_id"), None, "the other guild has the one of everybody");
    let by_id = there(json!({"id": own["id"]}));
    room.discord.simulator.interact(&by_id).expect_err("a guild's command is in that guild alone");
}

#[tokio::test]
async fn entries_of_context_menus_are_clicked_on_somebody_or_something() {
    let room = Room::with(json!([{"name": "Who is this", "type": 2}, {"name": "Quote", "type": 3}])).await;
    let bob = join(&room.discord, "bob");
    let begun = room.uses(json!({"name": "Who is this", "type": 2, "target_id": bob}));
    let resolved = &begun.data["resolved"];
    assert_eq!((&begun.data["target_id"], &begun.data["type"]), (&json!(bob), &json!(2)));
    assert_eq!(resolved["users"][bob.to_string()]["username"], "bob");
    let member = &resolved["members"][bob.to_string()];
    assert!(member["permissions"].is_string() && member.get("user").is_none() && member.get("mute").is_none());
    let message = room.writes(bob, json!({"content": "hello"}));
    let begun = room.uses(json!({"name": "Quote", "type": 3, "target_id": message["id"]}));
    let id = message["id"].as_str().expect("an id");
    assert_eq!(begun.data["resolved"]["messages"][id]["content"], "hello");
    let answer = room.says(&begun, json!({"content": "> hello"})).await;
    assert_eq!(answer.kind, 23);
    for (kind, name) in [(2, "Who is this"), (3, "Quote")] {
        room.refusal(2, json!({"name": name, "type": kind, "target_id": "5"}));
        assert!(room.refusal(2, json!({"name": name, "type": kind})).ends_with("it needs a `target_id`"));
    }
}
