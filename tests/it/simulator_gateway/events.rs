//! What sessions are told of changes, whoever makes them.

use serde_json::json;
use setai::simulator::Act;
use setai::simulator::world::{Bits, Member, Message, Overwrite, Snowflake};

use super::client::{Client, INTENTS, discord};
use crate::support::harness::Harness;

#[tokio::test]
async fn channels_and_roles_come_change_and_go() {
    let (discord, served) = discord().await;
    let (mut client, _) = Client::in_guild(&served, 1).await;
    let channel = discord.post(&discord.in_guild("/channels"), json!({"name": "plans"})).await.id();
    let made = client.event("CHANNEL_CREATE").await;
    assert_eq!(
        (&made["id"], &made["guild_id"], &made["name"]),
        (&json!(channel), &json!(discord.guild), &json!("plans"))
    );
    discord.patch(&format!("/channels/{channel}"), json!({"topic": "what next"})).await.ok();
    assert_eq!(client.event("CHANNEL_UPDATE").await["topic"], "what next");
    discord.delete(&format!("/channels/{channel}")).await.ok();
    assert_eq!(client.event("CHANNEL_DELETE").await["id"], json!(channel));

    let role = discord.post(&discord.in_guild("/roles"), json!({"name": "Helper"})).await.id();
    let made = client.event("GUILD_ROLE_CREATE").await;
    assert_eq!((&made["guild_id"], &made["role"]["name"]), (&json!(discord.guild), &json!("Helper")));
    assert!(made["role"]["colors"].is_object(), "clients cannot do without");
    discord.patch(&discord.in_guild("/roles"), json!([{"id": role, "position": 5}])).await.ok();
    assert_eq!(client.event("GUILD_ROLE_UPDATE").await["role"]["position"], 5);
    discord.delete(&discord.in_guild(&format!("/roles/{role}"))).await.ok();
    assert_eq!(client.event("GUILD_ROLE_DELETE").await, json!({"guild_id": discord.guild, "role_id": role}));
    client.hears_nothing().await;
}

#[tokio::test]
async fn reading_and_changing_nothing_is_no_news() {
    let (discord, served) = discord().await;
    let (mut client, _) = Client::in_guild(&served, INTENTS).await;
    let channel = discord.channel(first_text(&discord));
    discord.get(&discord.in_guild("/channels")).await.ok();
    discord.patch(&discord.in_guild("/channels"), json!([{"id": channel.id, "position": channel.position}])).await.ok();
    discord.nonsense("POST", &discord.in_guild("/roles"), json!({"name": "x".repeat(200)})).await;
    discord.edit(|_| {});
    client.hears_nothing().await;
    discord.post(&format!("/channels/{}/messages", channel.id), json!({"content": "hello"})).await.ok();
    client.hears_nothing().await;
}

fn first_text(discord: &Harness) -> Snowflake {
    discord.edit(|guild| guild.channel_named("general").expect("a fresh guild has one").id)
}

#[tokio::test]
async fn audit_entries_are_for_those_who_may_read_the_log() {
    let (discord, served) = discord().await;
    let (mut client, _) = Client::in_guild(&served, INTENTS).await;
    let path = discord.in_guild("/channels");
    discord.send("POST", &path, json!({"name": "a"}), "token", Some("why%20not")).await.ok();
    client.event("CHANNEL_CREATE").await;
    let entry = client.event("GUILD_AUDIT_LOG_ENTRY_CREATE").await;
    assert_eq!((&entry["guild_id"], &entry["user_id"]), (&json!(discord.guild), &json!(discord.bot)));
    assert_eq!((&entry["action_type"], &entry["reason"]), (&json!(10), &json!("why not")));

    discord.limit_bot(Bits::VIEW_CHANNEL);
    client.event("GUILD_ROLE_UPDATE").await;
    discord.channel_by_hand(json!({"name": "b"}));
    client.event("CHANNEL_CREATE").await;
    client.hears_nothing().await;
    discord.limit_bot(Bits::VIEW_CHANNEL | Bits::VIEW_AUDIT_LOG);
    client.event("GUILD_ROLE_UPDATE").await;
    discord.channel_by_hand(json!({"name": "c"}));
    assert_eq!(client.events().await, ["CHANNEL_CREATE", "GUILD_AUDIT_LOG_ENTRY_CREATE"]);
}

#[tokio::test]
async fn a_role_that_goes_takes_its_overwrites_with_it() {
    let (discord, served) = discord().await;
    let role = discord.role_by_hand("Helper", Bits::NONE, 3);
    let overwrites = json!([{"id": role, "type": 0, "allow": "1024", "deny": "0"}]);
    discord.channel_by_hand(json!({"name": "help", "permission_overwrites": overwrites}));
    let (mut client, _) = Client::in_guild(&served, 1).await;
    discord.delete(&discord.in_guild(&format!("/roles/{role}"))).await.ok();
    client.event("GUILD_ROLE_DELETE").await;
    assert_eq!(client.event("CHANNEL_UPDATE").await["permission_overwrites"], json!([]));
    client.hears_nothing().await;
}

#[tokio::test]
async fn f36_overwrites_for_roles_that_are_gone_are_told_as_they_are() {
    let (discord, served) = discord().await;
    let (mut client, _) = Client::in_guild(&served, 1).await;
    discord.edit(|guild| {
        let general = guild.channels.values_mut().find(|channel| channel.name == "general").expect("there");
        let nobody = Overwrite { id: 5.into(), kind: Overwrite::ROLE, allow: Bits::NONE, deny: Bits::SEND_MESSAGES };
        general.permission_overwrites.push(nobody);
    });
    assert_eq!(client.event("CHANNEL_UPDATE").await["permission_overwrites"][0]["id"], "5");
}

#[tokio::test]
async fn settings_members_and_messages_are_told_to_those_who_asked() {
    let (discord, served) = discord().await;
    discord.simulator.with_world(|world| {
        let bot = world.users.get_mut(&discord.bot).and_then(|bot| bot.application.as_mut());
        bot.expect("the bot's application").flags |= 1 << 14 | 1 << 18;
    });
    let (mut plain, _) = Client::in_guild(&served, 1 | 1 << 9).await;
    let (mut curious, _) = Client::in_guild(&served, 1 | 1 << 1 | 1 << 9 | 1 << 15).await;
    discord.patch(&discord.in_guild(""), json!({"name": "Renamed"})).await.ok();
    for client in [&mut plain, &mut curious] {
        let guild = client.event("GUILD_UPDATE").await;
        assert_eq!((&guild["name"], guild.get("channels")), (&json!("Renamed"), None));
    }
    discord.patch(&discord.in_guild("/members/@me"), json!({"nick": "Robot"})).await.ok();
    for client in [&mut plain, &mut curious] {
        let member = client.event("GUILD_MEMBER_UPDATE").await;
        assert_eq!((&member["nick"], &member["guild_id"]), (&json!("Robot"), &json!(discord.guild)));
    }
    let owner = discord.owner;
    discord.edit(|guild| guild.members.get_mut(&owner).expect("the owner").nick = Some("Boss".to_owned()));
    assert_eq!(curious.event("GUILD_MEMBER_UPDATE").await["user"]["id"], json!(owner));
    let guest = discord.simulator.with_world(|world| world.add_user("guest", false, discord.clock.now()));
    let member = Member { user_id: guest, ..Default::default() };
    discord.edit(|guild| guild.members.insert(guest, member));
    assert_eq!(curious.event("GUILD_MEMBER_ADD").await["user"]["username"], "guest");
    discord.edit(|guild| guild.members.remove(&guest));
    assert_eq!(curious.event("GUILD_MEMBER_REMOVE").await["user"]["id"], json!(guest));

    let channel = first_text(&discord);
    let (content, timestamp) = ("hello".to_owned(), discord.clock.now());
    let said = Message { id: 77.into(), author_id: owner, content, timestamp, ..Message::default() };
    let write = |messages: Vec<Message>| {
        discord.edit(|guild| guild.channels.get_mut(&channel).expect("there").messages = messages);
    };
    write(vec![said.clone()]);
    assert_eq!(plain.event("MESSAGE_CREATE").await["content"], "", "its content is privileged");
    assert_eq!(curious.event("MESSAGE_CREATE").await["content"], "hello");
    write(vec![Message { content: "hallo".to_owned(), ..said }]);
    write(Vec::new());
    assert_eq!(curious.events().await, ["MESSAGE_UPDATE", "MESSAGE_DELETE"]);
    assert_eq!(plain.events().await, ["MESSAGE_UPDATE", "MESSAGE_DELETE"]);
    plain.hears_nothing().await;
}

#[tokio::test]
async fn guilds_the_bot_joins_and_leaves_are_told_by_shard() {
    let (discord, served) = discord().await;
    let (mut client, _) = Client::in_guild(&served, 1).await;
    let other = discord.simulator.with_world(|world| world.fresh_guild("Another", None, discord.clock.now()).guild);
    let guild = client.event("GUILD_CREATE").await;
    assert_eq!((&guild["id"], &guild["name"]), (&json!(other), &json!("Another")));
    discord.delete(&format!("/users/@me/guilds/{other}")).await.ok();
    assert_eq!(client.event("GUILD_DELETE").await, json!({"id": other}));
    let rename = Act::new(discord.owner, "PATCH", &format!("/guilds/{other}"), json!({"name": "Without us"}));
    discord.simulator.act(&rename).expect("its owner may");
    client.hears_nothing().await;
}

#[tokio::test]
async fn another_world_is_told_as_changes() {
    let (discord, served) = discord().await;
    let (mut client, _) = Client::in_guild(&served, 1).await;
    let mut world = discord.simulator.world();
    let guild = world.guilds.get_mut(&discord.guild).expect("there");
    guild.channels.retain(|_, channel| channel.name != "General");
    guild.name = "Rewritten".to_owned();
    let request = axum::http::Request::builder().method("PUT").uri("/_sim/world");
    let text = world.to_yaml().expect("writes");
    let (answer, _) = discord.send_raw(request.body(axum::body::Body::from(text)).expect("a request")).await;
    assert_eq!(answer.status, 204);
    assert_eq!(client.events().await, ["CHANNEL_DELETE", "GUILD_UPDATE"]);
}
