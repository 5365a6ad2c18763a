//! How Discord behaves where reconcilers get it wrong, one test per behaviour, by raw HTTP.

use serde_json::json;

use crate::support::harness::Harness;

#[tokio::test]
async fn f02_text_channel_names_come_back_as_slugs() {
    let discord = Harness::new();
    let made = discord.post(&discord.in_guild("/channels"), json!({"name": "General Chat!"})).await;
    assert_eq!(made.status, 201);
    let id = made.id();
    let read = discord.get(&format!("/channels/{id}")).await.ok();
    assert_eq!(read["name"], "general-chat");
    let voice = discord.post(&discord.in_guild("/channels"), json!({"name": "General Chat!", "type": 2})).await.ok();
    assert_eq!(voice["name"], "General Chat!");
}
