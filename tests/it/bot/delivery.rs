//! Interactions that Discord brings by HTTP, and commands it knows already.

use serde_json::{Value, json};
use setai::simulator::Act;

use super::office::Office;
use crate::support::keeper::Keeper;

#[tokio::test(flavor = "multi_thread")]
async fn discord_brings_interactions_by_http_where_it_is_told_to() {
    let office = Office::new().await;
    let address = format!("http://{}/interactions", office.keeper.door());
    let client = setai::tls::client().expect("certificates").build().expect("a client");
    // Discord asks the endpoint first: it must answer a ping, and refuse a wrong signature.
    let taken = client
        .patch(format!("{}/api/v10/applications/@me", office.terminal.address()))
        .header("authorization", "Bot token")
        .header("user-agent", "DiscordBot (https://example.org, 1)")
        .header("content-type", "application/json")
        .body(json!({ "interactions_endpoint_url": address }).to_string())
        .send()
        .await
        .expect("an answer");
    let status = taken.status().as_u16();
    assert_eq!(status, 200, "{}", taken.text().await.unwrap_or_default());

    let seen = office.asks(office.moderator, "status", &[]).await;
    assert_eq!(seen.title, "Rust Study Group: in order");
    let callbacks = office.terminal.writes().iter().filter(|request| request.path.ends_with("/callback")).count();
    assert_eq!(callbacks, 0, "the first answer is that of the endpoint");

    for signature in [None, Some("00".repeat(64)), Some("nonsense".to_owned())] {
        let mut request = client.post(&address).body("{\"type\":1}").header("x-signature-timestamp", "1");
        if let Some(signature) = signature {
            request = request.header("x-signature-ed25519", signature);
        }
        assert_eq!(request.send().await.expect("an answer").status().as_u16(), 401);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_is_there_is_not_sent_again_and_others_stay() {
    let office = Office::new().await;
    let commands = || {
        let requests = office.terminal.simulator.requests();
        requests.iter().filter(|request| request.path.ends_with("/commands") && request.method == "POST").count()
    };
    assert_eq!(commands(), 1);
    let bot = office
        .terminal
        .simulator
        .with_world(|world| world.users.values().find(|user| user.application.is_some()).expect("the bot").clone());
    let application = bot.application.expect("an application").id;
    let path = format!("/applications/{application}/commands");
    let other = json!({ "name": "other", "description": "Somebody else's" });
    office.terminal.simulator.act(&Act::new(bot.id, "POST", &path, other)).expect("it is taken");
    // As the client shows it, nothing differs.
    office.terminal.simulator.with_world(|world| {
        for application in world.users.values_mut().filter_map(|user| user.application.as_mut()) {
            for command in application.commands.iter_mut().filter(|command| command.name == "setai") {
                command.fields["default_member_permissions"] = json!("16");
            }
        }
    });
    let Office { terminal, repository, keeper, .. } = office;
    keeper.end().await;
    let looks = || {
        let requests = terminal.simulator.requests();
        requests.iter().filter(|request| request.path.ends_with("/commands") && request.method == "GET").count()
    };
    let before = looks();
    let source = format!("name: main, git: \"{}\", interval: 1h, guilds: all", repository.bare().display());
    let keeper = Keeper::start(&terminal, &[source]);
    keeper.until("a look at the commands", || looks() > before).await;
    keeper.end().await;
    let sent = terminal.simulator.requests().into_iter();
    let sent = sent.filter(|request| request.path.ends_with("/commands") && request.method == "POST").count();
    assert_eq!(sent, 1, "once for both starts");
    let names: Vec<Value> = terminal.simulator.with_world(|world| {
        let applications = world.users.values().filter_map(|user| user.application.as_ref());
        applications.flat_map(|application| application.commands.iter().map(|command| json!(command.name))).collect()
    });
    assert!(names.contains(&json!("other")) && names.contains(&json!("setai")), "{names:?}");
}
