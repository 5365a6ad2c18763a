//! A guild with a running SetAI, people with different permissions, and a repository its manifest is in.

use serde_json::{Value, json};
use setai::simulator::world::{Answer, Answers, Bits, Interaction, Member, Message, Snowflake};
use setai::simulator::{Act, Use, UseRefused};
use setai::store::{CommandRecord, DatabaseUrl, Store, open};

use crate::support::git::Repository;
use crate::support::keeper::{Keeper, PATIENCE};
use crate::support::terminal::Terminal;

/// The office, and everybody in it.
pub(super) struct Office {
    pub(super) terminal: Terminal,
    pub(super) repository: Repository,
    pub(super) keeper: Keeper,
    /// Whose guild it is.
    pub(super) owner: Snowflake,
    /// May manage channels.
    pub(super) moderator: Snowflake,
    /// May use commands, and nothing more.
    pub(super) member: Snowflake,
    pub(super) channel: Snowflake,
}

/// What somebody sees of an answer.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) title: String,
    pub(super) text: String,
    /// Labels with the ids behind them.
    pub(super) buttons: Vec<(String, String)>,
    pub(super) file: Option<String>,
    pub(super) message: Option<Message>,
    pub(super) begun: Interaction,
}

/// A manifest with a hall; the rest is whatever the test says.
pub(super) const HALL: &str = "categories: { hall: { channels: { news: { topic: What is new }, chat: {} } } }\n";

impl Office {
    /// A guild that is as its manifest says.
    pub(super) async fn new() -> Self {
        Self::with(HALL, "").await
    }

    /// A guild with this manifest, and more for the operator's file.
    pub(super) async fn with(manifest: &str, more: &str) -> Self {
        let repository = Repository::empty();
        let source = format!("git: \"{}\"", repository.bare().display());
        Self::of(Terminal::new().await, repository, &source, manifest, more).await
    }

    /// A guild whose source is described like this in the operator's file.
    pub(super) async fn of(
        terminal: Terminal,
        repository: Repository,
        source: &str,
        manifest: &str,
        more: &str,
    ) -> Self {
        let owner = terminal.owner;
        let channel = by_hand(&terminal, "POST", "channels", json!({ "name": "office", "type": 0 }));
        let (moderator, member) = (join(&terminal, "mo"), join(&terminal, "ann"));
        let role = json!({ "name": "moderators", "permissions": Bits::MANAGE_CHANNELS });
        let role = by_hand(&terminal, "POST", "roles", role);
        by_hand(&terminal, "PUT", &format!("members/{moderator}/roles/{role}"), json!(null));
        // Everybody sees the command, so that it is the bot that refuses.
        let manifest = format!("version: 1\nguild: \"{}\"\n{manifest}", terminal.guild);
        repository.write("guild.yaml", manifest);
        repository.push("Write the guild down");
        let source = format!("name: main, {source}, interval: 1h, guilds: all");
        let keeper = Keeper::start_with(&terminal, &[source], more);
        let office = Self { terminal, repository, keeper, owner, moderator, member, channel };
        office.comes_to("ready").await;
        office.offers_its_command().await;
        office
    }

    /// Waits until the guild stands like this.
    pub(super) async fn comes_to(&self, state: &str) {
        let guild = self.terminal.guild;
        self.keeper.until(&format!("`{state}`"), || self.keeper.standing(guild)["state"] == state).await;
    }

    async fn offers_its_command(&self) {
        let is_there = || {
            self.terminal.simulator.with_world(|world| {
                let mut applications = world.users.values().filter_map(|user| user.application.as_ref());
                applications.any(|application| application.commands.iter().any(|command| command.name == "setai"))
            })
        };
        self.keeper.until("the command", is_there).await;
        // Whoever runs the guild shows it to everybody: who may do what is the bot's to say.
        self.terminal.simulator.with_world(|world| {
            for application in world.users.values_mut().filter_map(|user| user.application.as_mut()) {
                for command in &mut application.commands {
                    command.fields["default_member_permissions"] = json!(null);
                }
            }
        });
    }

    fn wish(&self, user_id: Snowflake, kind: u8, data: Value) -> Use {
        let application_id = self.terminal.simulator.with_world(|world| {
            let mut applications = world.users.values().filter_map(|user| user.application.as_ref());
            applications.next().expect("the bot has one").id
        });
        Use { application_id, user_id, channel_id: self.channel, kind, data, message_id: None }
    }

    /// Somebody uses `/setai` with this subcommand, and sees the answer.
    pub(super) async fn asks(&self, user: Snowflake, command: &str, options: &[(&str, Value)]) -> Seen {
        let begun = self.uses(user, 2, command, options).expect("the client offers it");
        self.sees(begun).await
    }

    /// Somebody begins to use something.
    pub(super) fn uses(
        &self,
        user: Snowflake,
        kind: u8,
        command: &str,
        options: &[(&str, Value)],
    ) -> Result<Interaction, UseRefused> {
        let options: Vec<Value> = options.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
        let data = json!({ "name": "setai", "options": [{ "name": command, "options": options }] });
        self.terminal.simulator.interact(&self.wish(user, kind, data))
    }

    /// Somebody presses the button of an answer that is labelled like this.
    pub(super) async fn presses(&self, user: Snowflake, seen: &Seen, label: &str) -> Seen {
        self.presses_on(user, seen.message.as_ref().expect("a message"), label).await
    }

    /// Somebody presses the button of a message that is labelled like this.
    pub(super) async fn presses_on(&self, user: Snowflake, message: &Message, label: &str) -> Seen {
        let buttons = buttons(message);
        let found = buttons.iter().find(|(text, _)| text.contains(label));
        let (_, id) = found.unwrap_or_else(|| panic!("there is no button `{label}`: {message:#?}"));
        let wish = Use { message_id: Some(message.id), ..self.wish(user, 3, json!({ "custom_id": id })) };
        let begun = self.terminal.simulator.interact(&wish).expect("the client offers it");
        self.sees(begun).await
    }

    /// Somebody sends the form that was asked for.
    pub(super) async fn fills(&self, user: Snowflake, form: &Seen, text: &str) -> Seen {
        let Some(Answer::Modal { modal }) = self.terminal.simulator.answers(form.begun.id).map(|a| a.answer) else {
            panic!("no form was asked for: {form:#?}")
        };
        let rows = json!([{ "type": 1, "components": [{ "type": 4, "custom_id": "request", "value": text }] }]);
        let data = json!({ "custom_id": modal["custom_id"], "components": rows });
        let begun = self.terminal.simulator.interact(&self.wish(user, 5, data)).expect("the client sends it");
        self.sees(begun).await
    }

    /// What is offered while somebody types.
    pub(super) async fn types(&self, user: Snowflake, command: &str, option: &str, so_far: &str) -> Vec<Value> {
        let options = json!([{ "name": option, "value": so_far, "focused": true }]);
        let data = json!({ "name": "setai", "options": [{ "name": command, "options": options }] });
        let begun = self.terminal.simulator.interact(&self.wish(user, 4, data)).expect("the client asks");
        let answers = self.terminal.simulator.settled(begun.id, PATIENCE).await.expect("an answer");
        let Answer::Choices { choices } = answers.answer else { panic!("{answers:#?}") };
        choices
    }

    /// What came of something that was begun.
    pub(super) async fn sees(&self, begun: Interaction) -> Seen {
        let answers = self.terminal.simulator.settled(begun.id, PATIENCE).await.expect("it was begun");
        assert!(answers.failure.is_none() && answers.answer != Answer::Nothing, "{answers:#?}");
        assert!(!answers.is_promised(), "the promise is not kept: {answers:#?}");
        seen(begun, &answers)
    }

    /// Discord changes because somebody wants it to.
    pub(super) fn by_hand(&self, method: &str, path: &str, body: Value) -> Snowflake {
        by_hand(&self.terminal, method, path, body)
    }

    pub(super) fn channel_named(&self, name: &str) -> Option<Snowflake> {
        self.terminal.simulator.with_world(|world| {
            let guild = world.guilds.get(&self.terminal.guild).expect("the guild");
            guild.channel_named(name).map(|channel| channel.id)
        })
    }

    pub(super) fn topic_of(&self, name: &str) -> Option<String> {
        self.terminal.simulator.with_world(|world| {
            let guild = world.guilds.get(&self.terminal.guild).expect("the guild");
            guild.channel_named(name).and_then(|channel| channel.topic.clone())
        })
    }

    /// Once in how many seconds people may write in a channel.
    pub(super) fn pace_of(&self, name: &str) -> Option<u32> {
        self.terminal.simulator.with_world(|world| {
            let guild = world.guilds.get(&self.terminal.guild).expect("the guild");
            guild.channel_named(name).map(|channel| channel.rate_limit_per_user)
        })
    }

    /// A commit that says this, which SetAI hears of.
    pub(super) async fn commits(&self, manifest: &str) {
        let manifest = format!("version: 1\nguild: \"{}\"\n{manifest}", self.terminal.guild);
        self.repository.write("guild.yaml", manifest);
        self.repository.push("Change the guild");
        self.keeper.hears_of_a_push_to("main").await;
    }

    /// The store `setai run` works on.
    pub(super) async fn store(&self) -> std::sync::Arc<dyn Store> {
        let url: DatabaseUrl =
            format!("sqlite:{}", self.terminal.path("setai.db").display()).parse().expect("a database");
        open(&url).await.expect("a store")
    }

    /// The uses of commands that are recorded, newest first.
    pub(super) async fn recorded(&self) -> Vec<CommandRecord> {
        let guild = self.terminal.guild.to_string().parse().expect("a snowflake");
        self.store().await.commands(guild, 100).await.expect("the history")
    }

    /// Sets something for the guild, as an operator does at the command line.
    pub(super) async fn set(&self, setting: &str) {
        let guild = self.terminal.guild.to_string();
        self.terminal.run(&["server", "set", &guild, setting]).await.works(&[]);
    }
}

fn seen(begun: Interaction, answers: &Answers) -> Seen {
    let message = answers.messages().last().cloned();
    let embed = message.as_ref().and_then(|message| message.embeds.first().cloned()).unwrap_or_default();
    let text = |field: &str| embed[field].as_str().unwrap_or_default().to_owned();
    Seen {
        title: text("title"),
        text: text("description"),
        buttons: message.as_ref().map(buttons).unwrap_or_default(),
        file: message.as_ref().and_then(|message| message.attachments.first()?.text.clone()),
        message,
        begun,
    }
}

fn buttons(message: &Message) -> Vec<(String, String)> {
    let in_rows = message.components.iter().flat_map(|row| row["components"].as_array().cloned().unwrap_or_default());
    let button = |button: Value| {
        let text = |field: &str| button[field].as_str().unwrap_or_default().to_owned();
        (text("label"), text("custom_id"))
    };
    in_rows.map(button).collect()
}

fn join(terminal: &Terminal, name: &str) -> Snowflake {
    let now = setai::clock::Clock::system().now();
    terminal.simulator.with_world(|world| {
        let user_id = world.add_user(name, false, now);
        let guild = world.guilds.get_mut(&terminal.guild).expect("the guild");
        guild.members.insert(user_id, Member { user_id, joined_at: now, ..Member::default() });
        user_id
    })
}

fn by_hand(terminal: &Terminal, method: &str, path: &str, body: Value) -> Snowflake {
    let path = match path.strip_prefix('/') {
        Some(path) => format!("/{path}"),
        None => format!("/guilds/{}/{path}", terminal.guild),
    };
    let reply = terminal.simulator.act(&Act::new(terminal.owner, method, &path, body)).expect("the owner may");
    let id = reply.body.and_then(|body| body["id"].as_str().and_then(|id| id.parse().ok()));
    id.unwrap_or(terminal.guild)
}
