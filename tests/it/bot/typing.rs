//! Commands typed as messages: answered with a button that only whoever typed it can use.

use serde_json::json;
use setai::simulator::Act;
use setai::simulator::gateway::GatewayOrder;
use setai::simulator::world::{Message, Snowflake};

use super::office::{HALL, Office};
use crate::support::git::Repository;
use crate::support::keeper::Keeper;
use crate::support::terminal::Terminal;

/// The application may read what people write (Discord's documentation, "Application Flags").
const MESSAGE_CONTENT: u64 = 1 << 18;

const READS: &str = "discord: { messages: true }\n";

/// An office whose bot reads along, as far as Discord lets it.
async fn office(flags: u64) -> Office {
    let (terminal, repository) = (Terminal::new().await, Repository::empty());
    terminal.simulator.with_world(|world| {
        for application in world.users.values_mut().filter_map(|user| user.application.as_mut()) {
            application.flags |= flags;
        }
    });
    let source = format!("git: \"{}\"", repository.bare().display());
    Office::of(terminal, repository, &source, HALL, READS).await
}

impl Office {
    fn types_message(&self, user: Snowflake, content: &str) {
        let path = format!("/channels/{}/messages", self.channel);
        self.terminal
            .simulator
            .act(&Act::new(user, "POST", &path, json!({ "content": content })))
            .expect("they may write");
    }

    /// What the bot wrote in the channel, for everybody to see.
    fn said_aloud(&self) -> Vec<Message> {
        self.terminal.simulator.with_world(|world| {
            let guild = world.guilds.get(&self.terminal.guild).expect("the guild");
            let channel = guild.channels.get(&self.channel).expect("the channel");
            let is_by_the_bot = |message: &&Message| world.users.get(&message.author_id).is_some_and(|user| user.bot);
            channel.messages.iter().filter(is_by_the_bot).cloned().collect()
        })
    }

    /// The so manieth message of the bot in the channel.
    async fn hears(&self, count: usize) -> Message {
        self.keeper.until("an answer in the channel", || self.said_aloud().len() >= count).await;
        self.said_aloud().remove(count - 1)
    }
}

fn words(message: &Message) -> String {
    let embed = message.embeds.first().cloned().unwrap_or_default();
    let text = |field: &str| embed[field].as_str().unwrap_or_default().to_owned();
    format!("{}\n{}", text("title"), text("description"))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_is_answered_to_whoever_typed_it_and_to_nobody_else() {
    let office = office(MESSAGE_CONTENT).await;
    office.types_message(office.moderator, "hello, is !setai plan how it goes?");
    office.types_message(office.moderator, "!setaiplan");
    office.types_message(office.moderator, "!setai plan");
    let aloud = office.hears(1).await;
    assert_eq!(words(&aloud), "mo, press to see the answer. Only you will.\nplan");

    let seen = office.presses_on(office.member, &aloud, "Show the answer").await;
    assert!(seen.text.contains("Somebody else typed this"), "{seen:#?}");
    let seen = office.presses_on(office.moderator, &aloud, "Show the answer").await;
    assert_eq!(seen.title, "Rust Study Group is as its manifest says");
    assert!(seen.message.expect("a message").is(1 << 6), "it is for the eyes of whoever asked");
    let [again] = &office.said_aloud()[..] else { panic!("one message, and it stays as it is") };
    assert_eq!(words(again), words(&aloud));

    // A member may type it, too; whether they may see it is decided when they press.
    office.types_message(office.member, "!SetAI status");
    let aloud = office.hears(2).await;
    let seen = office.presses_on(office.member, &aloud, "Show the answer").await;
    assert_eq!(seen.title, "You may not do that");
    let recorded: Vec<String> = office.recorded().await.into_iter().map(|command| command.text).collect();
    assert_eq!(recorded, ["/setai status", "/setai plan"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_twice_is_answered_once() {
    let office = office(MESSAGE_CONTENT).await;
    office.types_message(office.moderator, "!setai plan");
    office.hears(1).await;
    office.terminal.simulator.order(&GatewayOrder::Resend { events: 5 }).expect("it is done");
    office.types_message(office.moderator, "!setai status");
    assert!(words(&office.hears(2).await).ends_with("status"));
    assert_eq!(office.said_aloud().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sentence_can_be_typed_as_a_message() {
    let office = office(MESSAGE_CONTENT).await;
    office.set("command_prefix=?").await;
    office.types_message(office.moderator, "?propose add a text channel lounge\nto hall");
    let aloud = office.hears(1).await;
    let shown = office.presses_on(office.moderator, &aloud, "Show the answer").await;
    assert!(shown.text.contains("channels.lounge"), "{shown:#?}");
    let opened = office.presses(office.moderator, &shown, "Open a pull request").await;
    assert!(opened.title.starts_with("Proposed: add a text channel lounge"), "{opened:#?}");

    // Without words a form asks for them, as it does for the slash command.
    office.types_message(office.moderator, "?propose");
    let aloud = office.hears(2).await;
    let form = office.presses_on(office.moderator, &aloud, "Show the answer").await;
    let shown = office.fills(office.moderator, &form, "rename chat to talk").await;
    assert!(shown.text.contains("channels.chat"), "{shown:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_command_is_answered_with_those_there_are_and_nobody_fills_the_channel() {
    let office = office(MESSAGE_CONTENT).await;
    office.set("rate_limits.commands_per_user_per_minute=2").await;
    office.types_message(office.member, "!setai dance <@&1> @everyone");
    let said = office.hears(1).await;
    for line in ["That is no command", "- `!setai plan`", "- `!setai propose …`"] {
        assert!(words(&said).contains(line), "{line}: {said:#?}");
    }
    assert!(said.components.is_empty() && !words(&said).contains("dance"), "{said:#?}");
    (0..5).for_each(|_| office.types_message(office.member, "!setai"));
    office.types_message(office.moderator, "!setai plan");
    let answered = || office.said_aloud().iter().any(|message| words(message).starts_with("mo,"));
    office.keeper.until("an answer to somebody else", answered).await;
    assert_eq!(office.said_aloud().len(), 3, "two of them were answered, and somebody else");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_discords_leave_it_is_said_what_to_do() {
    let (terminal, repository) = (Terminal::new().await, Repository::empty());
    let guild = terminal.guild;
    repository.write("guild.yaml", format!("version: 1\nguild: \"{guild}\"\n{HALL}"));
    repository.push("Write the guild down");
    let source = format!("name: main, git: \"{}\", interval: 1h, guilds: all", repository.bare().display());
    let keeper = Keeper::start_with(&terminal, &[source], READS);
    keeper.until("what to do", || keeper.has_said("close code 4014")).await;
    assert!(keeper.has_said("or leave out what needs them (`discord: { messages: true }`)"));
    // It goes on without being told: guilds are looked at on schedule.
    keeper.until("`ready`", || keeper.standing(guild)["state"] == json!("ready")).await;
}
