//! Whom `setai run` tells what happens, by the operator's file.

use serde_json::json;
use setai::simulator::Act;
use setai::simulator::world::Snowflake;

use crate::support::terminal::Terminal;

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_of_the_operators_file_is_told() {
    let terminal = Terminal::new().await;
    let desk = desk(&terminal);
    let channel = format!("{}/{desk}", terminal.guild);
    let config = format!(
        "sources: [{{ name: here, directory: m, guilds: all }}]\nnotifications: [{{ discord_channel: \"{channel}\" }}]\n"
    );
    std::fs::write(terminal.path("setai.yaml"), config).expect("a file");
    terminal.write("m/guild.yaml", "roles: 7\n");
    let ran = terminal.run(&["--config", "setai.yaml", "run", "--once"]).await;
    ran.fails(4, &["stalled"]);
    assert!(!ran.err.contains("does not heed"), "{ran:#?}");
    let said = said(&terminal, desk);
    assert!(said.len() == 1 && said[0].contains("waits for somebody to change something"), "{said:#?}");

    terminal.write("m/guild.yaml", "roles: { crew: {} }\n");
    terminal.run(&["--config", "setai.yaml", "run", "--once"]).await.works(&["ready"]);
    let said = self::said(&terminal, desk);
    assert!(said.len() == 2 && said[1].contains("is in order again"), "{said:#?}");
}

fn desk(terminal: &Terminal) -> Snowflake {
    let path = format!("/guilds/{}/channels", terminal.guild);
    let act = Act::new(terminal.owner, "POST", &path, json!({ "name": "desk" }));
    let made = terminal.simulator.act(&act).expect("the owner may do anything").body.unwrap_or_default();
    made["id"].as_str().and_then(|id| id.parse().ok()).expect("an id")
}

fn said(terminal: &Terminal, channel: Snowflake) -> Vec<String> {
    terminal.simulator.with_world(|world| {
        let channel = world.guilds.get(&terminal.guild).and_then(|guild| guild.channels.get(&channel));
        channel.map(|channel| channel.messages.iter().map(|said| said.content.clone()).collect()).unwrap_or_default()
    })
}
