//! The three ways to pack payloads.

use serde_json::json;

use super::client::{Client, INTENTS, Unpack, discord, identify};

#[tokio::test]
async fn both_streams_are_one_stream_for_the_whole_connection() {
    let (discord, served) = discord().await;
    for how in ["zlib-stream", "zstd-stream"] {
        let mut client = Client::connect(&served, &format!("v=10&encoding=json&compress={how}")).await;
        assert_eq!(client.payload().await["op"], 10);
        client.send(2, identify(INTENTS)).await;
        client.event("READY").await;
        client.event("GUILD_CREATE").await;
        discord.channel_by_hand(json!({"name": "packed"}));
        assert_eq!(client.event("CHANNEL_CREATE").await["name"], "packed");
        client.event("GUILD_AUDIT_LOG_ENTRY_CREATE").await;
        client.hears_nothing().await;
        assert_eq!(client.packed, 6, "everything is packed");
    }
}

#[tokio::test]
async fn long_payloads_are_packed_one_by_one_for_who_wants_it() {
    let (_discord, served) = discord().await;
    let mut client = Client::greeted(&served).await;
    client.unpack = Unpack::Each;
    let mut data = identify(INTENTS);
    data["compress"] = json!(true);
    client.send(2, data).await;
    client.event("READY").await;
    client.event("GUILD_CREATE").await;
    assert!(client.packed > 0);
    let packed = client.packed;
    client.hears_nothing().await;
    assert_eq!(client.packed, packed, "short ones are text");
}
