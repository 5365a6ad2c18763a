//! How Discord's Gateway behaves where reconcilers get it wrong: one test per behaviour.

use serde_json::{Value, json};
use setai::simulator::faults::{Fault, Faults, Rule};
use setai::simulator::world::{Bits, Snowflake};

use super::client::{Client, INTENTS, channel_in, discord, identify, until};
use crate::support::harness::Harness;

/// A denial of everything to everybody who is not an administrator.
fn closed(discord: &Harness) -> Value {
    json!([{"id": discord.guild, "type": 0, "allow": "0", "deny": "1024"}])
}

/// What a hidden channel looks like.
#[track_caller]
fn assert_hidden(channel: &Value, discord: &Harness) {
    assert_eq!((&channel["name"], &channel["flags"]), (&json!("___hidden___"), &json!(1 << 17)));
    assert_eq!(channel["permission_overwrites"], closed(discord));
    assert!(channel["topic"].is_null(), "nothing else is true of it");
}

#[tokio::test]
async fn f01_a_channel_the_bot_cannot_see_arrives_without_its_name() {
    let (discord, served) = discord().await;
    discord.limit_bot(Bits::VIEW_CHANNEL | Bits::MANAGE_CHANNELS);
    let category =
        discord.channel_by_hand(json!({"name": "Staff", "type": 4, "permission_overwrites": closed(&discord)}));
    let body =
        json!({"name": "secrets", "parent_id": category, "topic": "x", "permission_overwrites": closed(&discord)});
    let secret = discord.channel_by_hand(body);
    let (mut client, guild) = Client::in_guild(&served, 1).await;
    for id in [category, secret] {
        assert_hidden(channel_in(&guild, id), &discord);
    }
    let shown = channel_in(&guild, secret);
    assert_eq!((&shown["type"], &shown["parent_id"]), (&json!(0), &json!(category)));
    assert_eq!(shown["position"], json!(discord.channel(secret).position));

    discord.by_hand("PATCH", &format!("/channels/{secret}"), json!({"topic": "y"}));
    client.hears_nothing().await;
    discord.by_hand("PATCH", &format!("/channels/{secret}"), json!({"position": 40}));
    let moved = client.event("CHANNEL_UPDATE").await;
    assert_hidden(&moved, &discord);
    assert_eq!((&moved["position"], &moved["guild_id"]), (&json!(40), &json!(discord.guild)));

    let own = json!({"type": 1, "allow": "1024", "deny": "0"});
    discord.by_hand("PUT", &format!("/channels/{secret}/permissions/{}", discord.bot), own);
    let parent = client.event("CHANNEL_UPDATE").await;
    assert_eq!((&parent["id"], &parent["name"]), (&json!(category), &json!("Staff")), "seen with its child");
    let whole = client.event("CHANNEL_UPDATE").await;
    assert_eq!((&whole["id"], &whole["name"], &whole["topic"]), (&json!(secret), &json!("secrets"), &json!("y")));

    discord.by_hand("DELETE", &format!("/channels/{secret}/permissions/{}", discord.bot), Value::Null);
    for id in [category, secret] {
        let hidden = client.event("CHANNEL_UPDATE").await;
        assert_eq!(hidden["id"], json!(id));
        assert_hidden(&hidden, &discord);
    }
    discord.by_hand("DELETE", &format!("/channels/{secret}"), Value::Null);
    let gone = client.event("CHANNEL_DELETE").await;
    assert_eq!(gone["id"], json!(secret));
    let made = discord.channel_by_hand(json!({"name": "more", "permission_overwrites": closed(&discord)}));
    let made_event = client.event("CHANNEL_CREATE").await;
    assert_eq!(made_event["id"], json!(made));
    assert_hidden(&made_event, &discord);
}

#[tokio::test]
async fn f01_before_the_change_channels_are_whole_unless_the_client_asks() {
    let discord = Harness::switched(|switches| switches.hidden_channels_omitted = false);
    let served = discord.serve().await;
    discord.limit_bot(Bits::VIEW_CHANNEL);
    let secret = discord.channel_by_hand(json!({"name": "secrets", "permission_overwrites": closed(&discord)}));
    let (_, guild) = Client::in_guild(&served, 1).await;
    assert_eq!(channel_in(&guild, secret)["name"], "secrets");
    let mut client = Client::greeted(&served).await;
    let mut data = identify(1);
    data["capabilities"] = json!(1 << 15);
    client.send(2, data).await;
    client.event("READY").await;
    assert_hidden(channel_in(&client.event("GUILD_CREATE").await, secret), &discord);
}

/// A category with one child that follows it and one that does not.
fn family(discord: &Harness) -> [Snowflake; 3] {
    let category = discord.channel_by_hand(json!({"name": "Study", "type": 4}));
    let child = |name: &str, overwrites: Value| {
        let mut body = json!({"name": name, "parent_id": category});
        if !overwrites.is_null() {
            body["permission_overwrites"] = overwrites;
        }
        discord.channel_by_hand(body)
    };
    let synced = child("synced", Value::Null);
    let own = child("own", json!([{"id": discord.bot_role, "type": 0, "allow": "2048", "deny": "0"}]));
    [category, synced, own]
}

#[tokio::test]
async fn f06_an_edited_category_comes_before_each_child_that_followed_it() {
    let (discord, served) = discord().await;
    let [category, synced, _] = family(&discord);
    let (mut client, _) = Client::in_guild(&served, 1).await;
    let overwrites = json!([{"id": discord.guild, "type": 0, "allow": "0", "deny": "2048"}]);
    discord.patch(&format!("/channels/{category}"), json!({"permission_overwrites": overwrites})).await.ok();
    for id in [category, synced] {
        let event = client.event("CHANNEL_UPDATE").await;
        assert_eq!((&event["id"], &event["permission_overwrites"]), (&json!(id), &overwrites));
    }
    client.hears_nothing().await;
}

#[tokio::test]
async fn f18_a_deleted_category_is_followed_by_one_update_for_each_child() {
    let (discord, served) = discord().await;
    let [category, synced, own] = family(&discord);
    let (mut client, _) = Client::in_guild(&served, 1).await;
    discord.delete(&format!("/channels/{category}")).await.ok();
    assert_eq!(client.event("CHANNEL_DELETE").await["id"], json!(category));
    for id in [synced, own] {
        let event = client.event("CHANNEL_UPDATE").await;
        assert_eq!((&event["id"], &event["parent_id"]), (&json!(id), &Value::Null));
    }
    client.hears_nothing().await;
}

#[tokio::test]
async fn f21_an_update_may_carry_older_overwrites_than_the_channel_has() {
    let (discord, served) = discord().await;
    let channel = discord.channel_by_hand(json!({"name": "a"}));
    let (mut client, _) = Client::in_guild(&served, 1).await;
    let rules = vec![Rule::new(Fault::OldOverwrites).on_event("CHANNEL_UPDATE").nth(1)];
    discord.simulator.set_faults(Faults { seed: 0, rules });
    let put = async |deny: &str| {
        let path = format!("/channels/{channel}/permissions/{}", discord.guild);
        discord.put(&path, json!({"type": 0, "allow": "0", "deny": deny})).await.ok();
    };
    put("2048").await;
    assert_eq!(client.event("CHANNEL_UPDATE").await["permission_overwrites"], json!([]), "what was before");
    let read = discord.get(&format!("/channels/{channel}")).await.ok();
    assert_eq!(read["permission_overwrites"][0]["deny"], "2048", "reading tells the truth");
    put("4096").await;
    assert_eq!(client.event("CHANNEL_UPDATE").await["permission_overwrites"][0]["deny"], "4096");
}

#[tokio::test]
async fn f23_an_outage_is_not_the_end_of_a_guild() {
    let (discord, served) = discord().await;
    let (mut client, _) = Client::in_guild(&served, INTENTS).await;
    discord.simulator.outage(discord.guild).expect("there");
    assert_eq!(client.event("GUILD_DELETE").await, json!({"id": discord.guild, "unavailable": true}));
    discord.simulator.outage(discord.guild).expect("there");
    let channel = discord.channel_by_hand(json!({"name": "meanwhile"}));
    client.hears_nothing().await;
    let (mut late, ready) = Client::ready(&served, INTENTS).await;
    assert_eq!(ready["guilds"], json!([{"id": discord.guild, "unavailable": true}]));
    late.hears_nothing().await;
    discord.simulator.end_outage(discord.guild).expect("there");
    for client in [&mut client, &mut late] {
        let guild = client.event("GUILD_CREATE").await;
        assert_eq!(channel_in(&guild, channel)["name"], "meanwhile");
        client.hears_nothing().await;
    }

    discord.simulator.remove_bot(discord.guild).expect("there");
    assert_eq!(client.event("GUILD_DELETE").await, json!({"id": discord.guild}), "and no word of an outage");
    discord.channel_by_hand(json!({"name": "after"}));
    client.hears_nothing().await;
    assert!(discord.simulator.outage(5.into()).is_err());
}

#[tokio::test]
async fn f24_a_gap_is_replayed_once_and_an_invalid_session_starts_anew() {
    let (discord, served) = discord().await;
    let (mut client, ready) = Client::in_session(&served, 1).await;
    discord.simulator.break_gateways();
    assert_eq!(client.next().await, super::client::Heard::Broken);
    let channel = discord.channel_by_hand(json!({"name": "missed"}));
    discord.by_hand("PATCH", &format!("/channels/{channel}"), json!({"topic": "too"}));
    let mut client = Client::resuming(&served, &ready["session_id"], 2).await;
    assert_eq!(client.events().await, ["CHANNEL_CREATE", "CHANNEL_UPDATE", "RESUMED"]);
    client.leave(4900).await;
    until(|| discord.simulator.sessions()[0].connection.is_none()).await;
    let mut client = Client::resuming(&served, &ready["session_id"], 4).await;
    client.event("RESUMED").await;
    client.hears_nothing().await;

    let fault = Fault::SessionInvalidated { resumable: false };
    discord.simulator.set_faults(Faults { seed: 0, rules: vec![Rule::new(fault).on_event("CHANNEL_UPDATE")] });
    discord.by_hand("PATCH", &format!("/channels/{channel}"), json!({"topic": "again"}));
    client.event("CHANNEL_UPDATE").await;
    assert_eq!(client.payload().await, json!({"op": 9, "d": false, "s": null, "t": null}));
    client.leave(1000).await;
    let mut client = Client::resuming(&served, &ready["session_id"], 6).await;
    assert_eq!(client.payload().await["op"], 9, "it is over");
    client.send(2, identify(1)).await;
    client.event("READY").await;
    assert_eq!(client.event("GUILD_CREATE").await["id"], json!(discord.guild));
}
