//! What people and servers are told of what happens, as Discord and a server of theirs get it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Redirect;
use axum::routing::post;
use bytes::Bytes;
use chrono::TimeDelta;
use secrecy::SecretString;
use serde_json::{Value, json};
use setai::controller::{
    Address, Again, Fights, GuildView, Informant, News, Notifier, Standing, State, Subscription, Visited,
};
use setai::model::{ChannelId, GuildId, Occasion, Setting};
use setai::simulator::faults::{Fault, Faults, Rule};
use setai::simulator::world::{Bits, Snowflake};
use setai::store::Reconfiguration;
use setai::telemetry::{Outbound, Recorder, sign};
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use crate::controller::Warden;
use crate::support::stage::ann;

const LAYOUT: &str = "
roles: { crew: { permissions: [send_messages] } }
categories: { hall: { channels: { news: { topic: What is new }, chat: {} } } }
";

/// What is wrong with sources, as a test says.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<String>>>);

impl Informant for Told {
    fn problems(&self, source: &str) -> Vec<String> {
        if source == "main" { self.0.lock().expect("nobody panics").clone() } else { Vec::new() }
    }

    fn guilds(&self) -> Vec<GuildView> {
        Vec::new()
    }
}

/// A guild that is looked after, with a channel for messages that no manifest speaks of.
struct Office {
    warden: Warden,
    desk: Snowflake,
    sources: Told,
}

impl Office {
    async fn new() -> Self {
        let warden = Warden::new().await;
        let desk = warden.stage.discord.channel_by_hand(json!({ "name": "desk" }));
        Self { warden, desk, sources: Told::default() }
    }

    fn channel(&self, channel: Snowflake) -> Subscription {
        let (guild, channel) = (self.warden.guild(), id(channel));
        Subscription { to: Address::Channel { guild, channel }, on: everything(), guilds: Vec::new() }
    }

    /// Tells these.
    fn notifier(&self, subscriptions: Vec<Subscription>) -> Notifier {
        let outbound = Outbound::new().expect("a client");
        Notifier::new(&self.warden.stage.engine, subscriptions, outbound, Arc::new(self.sources.clone()))
    }

    /// Visits the guild, tells what came of it, and lets a minute pass.
    async fn visits(&mut self, notifier: &Notifier) {
        let visited = self.warden.visits().await;
        notifier.hear(&news(self.warden.guild(), visited)).await;
        self.minutes(notifier, 1).await;
    }

    async fn minutes(&self, notifier: &Notifier, minutes: u64) {
        self.warden.stage.discord.clock.advance(Duration::from_mins(minutes));
        notifier.send_due().await;
    }

    /// What was said in a channel.
    fn said(&self, channel: Snowflake) -> Vec<String> {
        let messages = |guild: &mut setai::simulator::world::Guild| {
            let messages = guild.channels.get(&channel).map(|channel| channel.messages.clone());
            messages.unwrap_or_default().into_iter().map(|message| message.content).collect()
        };
        self.warden.stage.discord.edit(messages)
    }

    /// Method, status and body of every message that was tried.
    fn tried(&self) -> Vec<(u16, Value)> {
        let requests = self.warden.stage.discord.simulator.requests();
        let tried = requests.into_iter().filter(|record| record.method == "POST" && record.path.ends_with("/messages"));
        tried.map(|record| (record.status, record.body.unwrap_or_default())).collect()
    }

    fn writing_fails(&self, fault: Fault) {
        let rules = vec![Rule::new(fault).on("POST", "*/messages")];
        self.warden.stage.discord.simulator.set_faults(Faults { seed: 0, rules });
    }

    fn somebody_deletes(&self, name: &str) {
        let channel = self.warden.channel(name).expect("the channel is there");
        self.warden.stage.discord.by_hand("DELETE", &format!("/channels/{channel}"), json!(null));
    }

    async fn set(&self, setting: &str) {
        let settings = vec![Setting::parse(setting).expect("a setting")];
        let (guild, at) = (self.warden.guild(), self.warden.stage.discord.clock.now());
        let change = Reconfiguration { guild, author: ann(), at, settings };
        self.warden.stage.engine.servers().set(&change).await.expect("it is set");
    }
}

fn everything() -> Vec<Occasion> {
    Occasion::ALL.to_vec()
}

fn id(channel: Snowflake) -> ChannelId {
    channel.to_string().parse().expect("a snowflake")
}

fn news(guild: GuildId, visited: Visited) -> News {
    let view = GuildView {
        guild,
        name: "Rust Study Group".to_owned(),
        source: Some("main".to_owned()),
        standing: Some(visited.standing.clone()),
        visited_at: None,
    };
    News::Guild { view, visited: Box::new(visited) }
}

/// News of a guild that stands like this.
fn standing(office: &Office, guild: u64, state: State, reason: &str) -> News {
    let standing = Standing {
        state,
        reason: reason.to_owned(),
        message: format!("because of {reason}"),
        attempted: None,
        applied: None,
        applied_manifest: None,
        since: office.warden.stage.discord.clock.now(),
        failures: 1,
    };
    news(
        GuildId::new(guild),
        Visited {
            standing,
            again: Again::AtSweep,
            plan: None,
            report: None,
            has_begun: false,
            fights: Fights::default(),
        },
    )
}

/// A server that answers with this status, and what it gets.
struct Server {
    url: String,
    heard: Arc<Mutex<Vec<(HeaderMap, Bytes)>>>,
}

impl Server {
    async fn answering(status: StatusCode) -> Self {
        let heard: Arc<Mutex<Vec<(HeaderMap, Bytes)>>> = Arc::default();
        let noted = Arc::clone(&heard);
        let note = move |headers: HeaderMap, body: Bytes| async move {
            noted.lock().expect("nobody panics").push((headers, body));
            status
        };
        let router = Router::new()
            .route("/hunter2", post(note))
            .route("/moved-hunter2", post(|| async { Redirect::temporary("/hunter2") }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, heard }
    }

    fn at(&self, path: &str) -> Subscription {
        let (url, secret) = (SecretString::from(format!("{}/{path}", self.url)), Some(SecretString::from("a secret")));
        Subscription { to: Address::Webhook { url, secret }, on: everything(), guilds: Vec::new() }
    }

    fn heard(&self) -> Vec<(HeaderMap, Bytes)> {
        self.heard.lock().expect("nobody panics").clone()
    }
}

#[tokio::test]
async fn a_channel_hears_of_drift_once_and_of_its_end_once() {
    let mut office = Office::new().await;
    let notifier = office.notifier(vec![office.channel(office.desk)]);
    office.warden.reads(LAYOUT);
    office.visits(&notifier).await;
    let applied = office.said(office.desk);
    assert!(applied[0].contains("**Rust Study Group** was changed as its manifest says"), "{applied:?}");
    assert!(applied[0].contains("4 changes were made: create role crew"), "{applied:?}");

    office.warden.somebody_says("news", "by hand");
    for _ in 0..5 {
        office.visits(&notifier).await;
    }
    let said = office.said(office.desk);
    assert_eq!(said.len(), 2, "{said:#?}");
    assert!(said[1].contains("was changed in Discord by hand") && said[1].contains("`setai drift`"), "{}", said[1]);

    office.warden.somebody_says("news", "What is new");
    for _ in 0..5 {
        office.visits(&notifier).await;
    }
    let said = office.said(office.desk);
    assert_eq!(said.len(), 3, "{said:#?}");
    assert!(said[2].starts_with("✅ **Rust Study Group** is in order again"), "{}", said[2]);

    office.warden.somebody_says("news", "something else by hand");
    office.visits(&notifier).await;
    office.somebody_deletes("chat");
    office.visits(&notifier).await;
    assert_eq!(office.said(office.desk).len(), 5, "another difference is news");
}

#[tokio::test]
async fn who_has_to_approve_is_told_how() {
    let mut office = Office::new().await;
    let notifier = office.notifier(vec![office.channel(office.desk)]);
    office.warden.reads(LAYOUT);
    office.visits(&notifier).await;
    let policy = "policy: { on_remove: delete, max_deletions: 100% }";
    office.warden.reads(&format!("{policy}{}", LAYOUT.replace(", chat: {}", "")));
    office.visits(&notifier).await;
    office.visits(&notifier).await;
    let said = office.said(office.desk);
    assert_eq!(said.len(), 2, "{said:#?}");
    assert!(said[1].starts_with("👀 **Rust Study Group** waits for an approval\n> "), "{}", said[1]);
    assert!(said[1].contains("`setai approve ") && said[1].contains("`main@2`"), "{}", said[1]);
}

#[tokio::test]
async fn an_outage_of_many_guilds_is_one_message_and_one_at_its_end() {
    let office = Office::new().await;
    let notifier = office.notifier(vec![office.channel(office.desk)]);
    for round in 0..5 {
        for guild in 1..=40 {
            notifier.hear(&standing(&office, guild, State::Reconciling, "DatabaseUnavailable")).await;
        }
        office.minutes(&notifier, round + 1).await;
    }
    let said = office.said(office.desk);
    assert_eq!(said.len(), 1, "{said:#?}");
    assert!(said[0].starts_with("🛑 **The database** cannot be used at the moment"), "{}", said[0]);
    assert_eq!(said[0].matches('🛑').count(), 1, "{}", said[0]);
    for guild in 1..=40 {
        notifier.hear(&standing(&office, guild, State::Ready, "InOrder")).await;
        office.minutes(&notifier, 1).await;
    }
    let said = office.said(office.desk);
    assert_eq!(said.len(), 2, "{said:#?}");
    assert!(said[1].starts_with("✅ **The database** can be used again"), "{}", said[1]);
}

#[tokio::test]
async fn while_discord_is_away_messages_wait_and_none_is_said_twice() {
    let mut office = Office::new().await;
    let notifier = office.notifier(vec![office.channel(office.desk)]);
    office.warden.reads(LAYOUT);
    office.visits(&notifier).await;
    for (done, before) in [(false, 1), (true, 2)] {
        office.writing_fails(Fault::ServerError { status: 503, done });
        notifier.hear(&standing(&office, 5, State::Reconciling, "DiscordUnavailable")).await;
        office.minutes(&notifier, 1).await;
        office.minutes(&notifier, 1).await;
        assert_eq!(office.said(office.desk).len(), before + usize::from(done), "{done}");
        office.warden.stage.discord.simulator.set_faults(Faults::default());
        notifier.hear(&standing(&office, 5, State::Ready, "InOrder")).await;
        notifier.send_due().await;
        let said = office.said(office.desk);
        assert_eq!(said.len(), before + 1, "{said:#?}");
        assert!(said[before].contains("**Discord** cannot be used at the moment"), "{said:#?}");
        office.minutes(&notifier, 10).await;
        let said = office.said(office.desk);
        assert!(said.last().is_some_and(|last| last.contains("**Discord** can be used again")), "{said:#?}");
        // For the second round.
        office.warden.stage.discord.edit(|guild| {
            guild.channels.get_mut(&office.desk).expect("the channel").messages.pop();
        });
    }
}

#[tokio::test]
async fn a_server_gets_what_the_documentation_says_and_can_prove_from_whom() {
    let mut office = Office::new().await;
    let server = Server::answering(StatusCode::NO_CONTENT).await;
    let notifier = office.notifier(vec![server.at("hunter2")]);
    office.warden.reads(LAYOUT);
    office.visits(&notifier).await;
    office.warden.somebody_says("news", "by hand");
    office.visits(&notifier).await;
    let heard = server.heard();
    assert_eq!(heard.len(), 2);
    for (headers, body) in &heard {
        assert_eq!(headers[Outbound::SIGNATURE], sign(&SecretString::from("a secret"), body));
        assert_eq!(headers["content-type"], "application/json");
    }
    let bodies: Vec<Value> = heard.iter().map(|(_, body)| serde_json::from_slice(body).expect("JSON")).collect();
    let example = include_str!("../../docs/notifications.md");
    let example = example.split("```json\n").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
    let example: Value = serde_json::from_str(example).expect("JSON");
    let fields = |value: &Value| value.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
    for body in &bodies {
        assert_eq!(fields(body), fields(&example));
        assert_eq!(fields(&body["notices"][0]), fields(&example["notices"][0]));
        assert_eq!(body["version"], 1);
    }
    assert_ne!(bodies[0]["id"], bodies[1]["id"]);
    let drifted = &bodies[1]["notices"][0];
    assert_eq!(drifted["guild"], office.warden.guild().to_string());
    assert_eq!((&drifted["occasion"], &drifted["reason"]), (&json!("drifted"), &json!("ChangedInDiscord")));
    assert_eq!((&drifted["revision"], &drifted["next"]), (&json!("main@1"), &json!("setai drift")));
    assert_eq!(drifted["plan"].as_str().map(str::len), Some(64));
}

#[tokio::test]
async fn who_cannot_be_told_stops_nobody_else_and_is_given_up_in_the_end() {
    let (recorder, measured) = Recorder::local().expect("a recorder");
    let _recording = metrics::set_default_local_recorder(&recorder);
    let office = Office::new().await;
    let broken = Server::answering(StatusCode::INTERNAL_SERVER_ERROR).await;
    let elsewhere = Server::answering(StatusCode::OK).await;
    let unused = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    let nobody = SecretString::from(format!("http://{unused}/"));
    let nobody = Address::Webhook { url: nobody, secret: None };
    let gone = office.channel(office.warden.stage.discord.guild);
    let notifier = office.notifier(vec![
        Subscription { to: nobody, on: everything(), guilds: Vec::new() },
        broken.at("hunter2"),
        elsewhere.at("moved-hunter2"),
        gone,
        office.channel(office.desk),
    ]);
    notifier.hear(&standing(&office, 7, State::Stalled, "Refused")).await;
    office.minutes(&notifier, 1).await;
    assert_eq!(office.said(office.desk).len(), 1, "whoever can be told is told at once");
    for _ in 0..60 {
        office.minutes(&notifier, 1).await;
    }
    assert_eq!(broken.heard().len(), 6, "tried so many times, and then no more");
    let ids: Vec<Value> = broken
        .heard()
        .iter()
        .map(|(_, body)| serde_json::from_slice::<Value>(body).expect("JSON")["id"].clone())
        .collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "the same message each time: {ids:?}");
    assert_eq!(elsewhere.heard().len(), 0, "a redirection is not followed");
    let refused = office.tried().iter().filter(|(status, _)| *status == 404).count();
    assert_eq!(refused, 1, "a channel that is gone is not asked again");
    let counted = measured.render();
    for (recipient, result, count) in [
        ("webhook", "retried", 10),
        ("webhook", "lost", 3),
        ("discord_channel", "lost", 1),
        ("discord_channel", "delivered", 1),
    ] {
        let line = format!("setai_notifications_total{{recipient=\"{recipient}\",result=\"{result}\"}} {count}\n");
        assert!(counted.contains(&line), "{line}{counted}");
    }
    notifier.hear(&standing(&office, 8, State::Stalled, "Refused")).await;
    office.minutes(&notifier, 1).await;
    assert_eq!(
        (office.said(office.desk).len(), broken.heard().len()),
        (2, 7),
        "and the next message goes to all again"
    );
}

#[tokio::test]
async fn a_channel_nobody_may_write_into_is_tried_once_for_each_message() {
    let office = Office::new().await;
    office.warden.stage.discord.limit_bot(Bits::VIEW_CHANNEL);
    let notifier = office.notifier(vec![office.channel(office.desk)]);
    office.warden.stage.discord.edit(|guild| {
        let everyone = guild.id;
        let role = guild.roles.get_mut(&everyone).expect("@everyone");
        role.permissions = Bits::VIEW_CHANNEL;
    });
    notifier.hear(&standing(&office, 7, State::Stalled, "Refused")).await;
    for _ in 0..10 {
        office.minutes(&notifier, 10).await;
    }
    assert_eq!(office.tried().iter().map(|(status, _)| *status).collect::<Vec<_>>(), [403]);
}

#[tokio::test]
async fn nobody_is_mentioned_whatever_is_told() {
    let mut office = Office::new().await;
    let notifier = office.notifier(vec![office.channel(office.desk)]);
    office.warden.reads(LAYOUT);
    office.visits(&notifier).await;
    let nasty = "@everyone <@1> <@&2> @here **big** [click](https://example.org) \n# heading";
    *office.sources.0.lock().expect("nobody panics") = vec![nasty.to_owned()];
    notifier.hear(&News::Trouble { source: "main".to_owned(), problem: Some(nasty.to_owned()) }).await;
    office.minutes(&notifier, 1).await;
    let tried = office.tried();
    assert_eq!(tried.len(), 2);
    for (_, body) in &tried {
        assert_eq!(body["allowed_mentions"], json!({ "parse": [] }));
        let content = body["content"].as_str().expect("a text");
        let pings = ["@everyone", "@here", " <@"].iter().any(|ping| content.contains(ping));
        assert!(!pings && content.chars().count() <= 2_000, "{content}");
    }
}

#[tokio::test]
async fn a_source_in_trouble_is_one_message_and_not_one_of_each_guild() {
    let office = Office::new().await;
    let notifier = office.notifier(vec![office.channel(office.desk)]);
    let problem = "because of BranchNotFound".to_owned();
    *office.sources.0.lock().expect("nobody panics") = vec![problem.clone()];
    notifier.hear(&News::Trouble { source: "main".to_owned(), problem: Some(problem) }).await;
    for guild in 1..=20 {
        notifier.hear(&standing(&office, guild, State::Stalled, "BranchNotFound")).await;
    }
    office.minutes(&notifier, 1).await;
    let said = office.said(office.desk);
    assert_eq!(said.len(), 1, "{said:#?}");
    assert!(
        said[0].starts_with("⚠️ **The source main** cannot be used") && said[0].lines().count() == 3,
        "{}",
        said[0]
    );
    office.sources.0.lock().expect("nobody panics").clear();
    notifier
        .hear(&News::Revision { source: "main".to_owned(), revision: "main@2".to_owned(), problems: Vec::new() })
        .await;
    office.minutes(&notifier, 1).await;
    assert!(office.said(office.desk)[1].starts_with("✅ **The source main** can be used again"));
}

#[tokio::test]
async fn a_guilds_own_log_channel_hears_of_that_guild_alone() {
    let mut office = Office::new().await;
    let notifier = office.notifier(Vec::new());
    office.set(&format!("moderation.log_channel_id={}", office.desk)).await;
    office.warden.reads(LAYOUT);
    office.visits(&notifier).await;
    assert_eq!(office.said(office.desk).len(), 1);
    let problem = Some("the branch is gone".to_owned());
    *office.sources.0.lock().expect("nobody panics") = problem.clone().into_iter().collect();
    notifier.hear(&News::Trouble { source: "main".to_owned(), problem }).await;
    notifier.hear(&standing(&office, 7, State::Stalled, "Refused")).await;
    office.minutes(&notifier, 1).await;
    assert_eq!(office.said(office.desk).len(), 1, "what is about others is not its business");

    let other = office.warden.stage.discord.channel_by_hand(json!({ "name": "another" }));
    office.set(&format!("moderation.log_channel_id={other}")).await;
    office.warden.somebody_says("news", "by hand");
    office.visits(&notifier).await;
    assert_eq!((office.said(office.desk).len(), office.said(other).len()), (1, 1), "it is where it was set to be");
    office.set("moderation.log_channel_id=").await;
    office.somebody_deletes("chat");
    office.visits(&notifier).await;
    assert_eq!(office.said(other).len(), 1, "and nobody is told when there is none");
}

#[tokio::test]
async fn a_channel_that_is_told_already_is_not_told_twice() {
    let mut office = Office::new().await;
    let notifier = office.notifier(vec![office.channel(office.desk)]);
    office.set(&format!("moderation.log_channel_id={}", office.desk)).await;
    office.warden.reads(LAYOUT);
    office.visits(&notifier).await;
    assert_eq!(office.said(office.desk).len(), 1);
}

#[tokio::test]
async fn what_waits_is_told_before_the_process_ends() {
    let office = Office::new().await;
    let notifier = office.notifier(vec![office.channel(office.desk)]);
    let (say, news) = broadcast::channel(16);
    let stop = CancellationToken::new();
    say.send(standing(&office, 7, State::Stalled, "Refused")).expect("somebody listens");
    stop.cancel();
    notifier.run(news, stop).await;
    assert_eq!(office.said(office.desk).len(), 1);
}

#[tokio::test]
async fn while_it_runs_everybody_is_told_in_time() {
    let office = Office::new().await;
    let notifier = office.notifier(vec![office.channel(office.desk)]);
    let (say, news) = broadcast::channel(16);
    let stop = CancellationToken::new();
    let running = tokio::spawn(notifier.run(news, stop.clone()));
    say.send(standing(&office, 7, State::Stalled, "Refused")).expect("somebody listens");
    let clock = office.warden.stage.discord.clock.clone();
    let began = clock.now();
    while office.said(office.desk).is_empty() {
        clock.sleep(Duration::from_secs(1)).await;
        assert!(clock.now() - began < TimeDelta::days(30), "it is told some time");
    }
    stop.cancel();
    running.await.expect("no panic");
    assert_eq!(office.said(office.desk).len(), 1);
}

#[tokio::test]
async fn of_what_an_earlier_process_told_the_end_is_told() {
    let mut office = Office::new().await;
    office.warden.reads(LAYOUT);
    office.warden.visits().await;
    office.warden.somebody_says("news", "by hand");
    let drifted = office.warden.visits().await;
    let status = setai::store::GuildStatus {
        guild: office.warden.guild(),
        state: drifted.standing.state,
        reason: drifted.standing.reason,
        message: drifted.standing.message,
        source: None,
        attempted_revision: None,
        applied_revision: drifted.standing.applied,
        applied_manifest: None,
        since: drifted.standing.since,
        updated_at: drifted.standing.since,
        next_attempt_at: None,
        failures: 0,
        observed_at: office.warden.stage.engine.store().now().await.expect("a time"),
    };
    office.warden.stage.engine.store().report(&status).await.expect("it is written down");
    let notifier = office.notifier(vec![office.channel(office.desk)]);
    notifier.recall().await;
    office.warden.somebody_says("news", "What is new");
    office.visits(&notifier).await;
    let said = office.said(office.desk);
    assert!(said.len() == 1 && said[0].contains("is in order again"), "{said:#?}");
}
