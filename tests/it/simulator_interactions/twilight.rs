//! A bot made of the stock twilight clients: it registers, hears what people do, and answers.

use std::time::Duration;

use serde_json::json;
use setai::simulator::world::{Answer, Interaction, Message};
use twilight_gateway::queue::InMemoryQueue;
use twilight_gateway::{ConfigBuilder, Event, EventTypeFlags, Intents, Shard, ShardId, StreamExt as _};
use twilight_http::Client;
use twilight_model::application::command::{Command, CommandOption, CommandOptionType, CommandType};
use twilight_model::application::interaction::application_command::CommandOptionValue;
use twilight_model::application::interaction::modal::ModalInteractionComponent;
use twilight_model::application::interaction::{Interaction as Told, InteractionData};
use twilight_model::channel::message::component::{
    ActionRow, Button, ButtonStyle, Component, TextInput, TextInputStyle,
};
use twilight_model::channel::message::{Embed, MessageFlags};
use twilight_model::http::attachment::Attachment;
use twilight_model::http::interaction::{InteractionResponse, InteractionResponseData, InteractionResponseType};
use twilight_model::id::Id;
use twilight_model::id::marker::ApplicationMarker;

use super::room::{Room, join};
use crate::support::harness::Served;

/// Longest time for an event to arrive.
const PATIENCE: Duration = Duration::from_secs(30);

/// A bot, and the room it is in.
struct Bot {
    client: Client,
    shard: Shard,
    application: Id<ApplicationMarker>,
}

impl Bot {
    async fn log_in(room: &Room, served: &Served) -> Self {
        // Another test may have been first.
        drop(rustls::crypto::ring::default_provider().install_default());
        let proxy = served.address.to_string();
        let client = Client::builder().token("token".to_owned()).proxy(proxy, true).ratelimiter(None).build();
        let config = ConfigBuilder::new("token".to_owned(), Intents::GUILDS | Intents::GUILD_MESSAGES);
        let queue = InMemoryQueue::new(0, 1000, Duration::from_secs(60), 1000);
        let config = config.proxy_url(format!("ws://{}", served.address)).queue(queue).build();
        let shard = Shard::with_config(ShardId::ONE, config);
        let mut bot = Self { client, shard, application: Id::new(room.discord.bot.0) };
        assert!(matches!(bot.next().await, Event::Ready(_)));
        assert!(matches!(bot.next().await, Event::GuildCreate(_)));
        bot
    }

    /// The next event that is no heartbeat.
    async fn next(&mut self) -> Event {
        loop {
            let event = tokio::time::timeout(PATIENCE, self.shard.next_event(EventTypeFlags::all())).await;
            match event.expect("something comes").expect("it never gives up").expect("parses") {
                Event::GatewayHeartbeatAck | Event::GatewayHello(_) => {}
                event => return event,
            }
        }
    }

    /// The next interaction, whatever messages come before.
    async fn told(&mut self) -> Told {
        loop {
            match self.next().await {
                Event::InteractionCreate(told) => return told.0,
                Event::MessageCreate(_) | Event::MessageUpdate(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    async fn answer(&self, told: &Told, kind: InteractionResponseType, data: InteractionResponseData) {
        let response = InteractionResponse { kind, data: Some(data) };
        self.client
            .interaction(self.application)
            .create_response(told.id, &told.token, &response)
            .await
            .expect("taken");
    }
}

fn plan() -> Command {
    let option = CommandOption {
        autocomplete: None,
        channel_types: None,
        choices: None,
        description: "Of which guild".to_owned(),
        description_localizations: None,
        file_types: None,
        kind: CommandOptionType::String,
        max_length: None,
        max_value: None,
        min_length: None,
        min_value: None,
        name: "guild".to_owned(),
        name_localizations: None,
        options: None,
        required: Some(true),
    };
    let sub = CommandOption {
        description: "Shows the plan".to_owned(),
        kind: CommandOptionType::SubCommand,
        name: "plan".to_owned(),
        options: Some(vec![option.clone()]),
        required: None,
        ..option
    };
    #[expect(deprecated, reason = "the struct cannot be made without it")]
    Command {
        application_id: None,
        contexts: None,
        default_member_permissions: None,
        dm_permission: None,
        description: "SetAI".to_owned(),
        description_localizations: None,
        guild_id: None,
        id: None,
        integration_types: None,
        kind: CommandType::ChatInput,
        name: "setai".to_owned(),
        name_localizations: None,
        nsfw: None,
        options: vec![sub],
        version: Id::new(1),
    }
}

fn row(component: Component) -> Component {
    Component::ActionRow(ActionRow { id: None, components: vec![component] })
}

fn apply_button() -> Component {
    row(Component::Button(Button {
        id: None,
        custom_id: Some("apply".to_owned()),
        disabled: false,
        emoji: None,
        label: Some("Apply".to_owned()),
        style: ButtonStyle::Success,
        url: None,
        sku_id: None,
    }))
}

#[expect(deprecated, reason = "a row shows the label of its input")]
fn form() -> InteractionResponseData {
    let input = row(Component::TextInput(TextInput {
        id: None,
        custom_id: "why".to_owned(),
        label: Some("Why?".to_owned()),
        max_length: Some(100),
        min_length: Some(2),
        placeholder: None,
        required: Some(true),
        style: TextInputStyle::Short,
        value: None,
    }));
    InteractionResponseData {
        custom_id: Some("form".to_owned()),
        title: Some("Apply".to_owned()),
        components: Some(vec![input]),
        ..InteractionResponseData::default()
    }
}

/// The whole way: a command, a deferred answer with a file, a button, a modal, and the button's message changed at last.
#[tokio::test]
async fn a_plan_is_asked_for_shown_and_applied() {
    let room = Room::new();
    let served = room.discord.serve().await;
    let mut bot = Bot::log_in(&room, &served).await;
    let registered = bot.client.interaction(bot.application).set_global_commands(&[plan()]).await.expect("taken");
    assert_eq!(registered.models().await.expect("parses")[0].name, "setai");

    let options = json!([{"name": "plan", "options": [{"name": "guild", "value": "study"}]}]);
    let begun = room.uses(json!({"name": "setai", "options": options}));
    let told = bot.told().await;
    assert_eq!(told.author_id().map(Id::get), Some(room.ann.0));
    let Some(InteractionData::ApplicationCommand(data)) = &told.data else { panic!("{told:?}") };
    let CommandOptionValue::SubCommand(values) = &data.options[0].value else { panic!("{data:?}") };
    assert_eq!((data.options[0].name.as_str(), values[0].name.as_str()), ("plan", "guild"));
    assert_eq!(values[0].value, CommandOptionValue::String("study".to_owned()));

    let quiet = InteractionResponseData { flags: Some(MessageFlags::EPHEMERAL), ..InteractionResponseData::default() };
    bot.answer(&told, InteractionResponseType::DeferredChannelMessageWithSource, quiet).await;
    assert!(room.seen(&begun).is_promised());
    let embed = Embed { title: Some("Plan".to_owned()), kind: "rich".to_owned(), ..empty_embed() };
    let file = Attachment::from_bytes("plan.diff".to_owned(), b"+ role".to_vec(), 1);
    let client = bot.client.interaction(bot.application);
    let (embeds, rows, files) = ([embed], [apply_button()], [file]);
    let edit = client.update_response(&told.token).content(Some("Two changes"));
    let edited = edit.embeds(Some(&embeds)).components(Some(&rows)).attachments(&files).await.expect("taken");
    assert_eq!(edited.model().await.expect("parses").attachments[0].filename, "plan.diff");
    let shown = original(&room, &begun);
    assert_eq!((shown.content.as_str(), shown.flags), ("Two changes", 64));
    assert_eq!(
        (shown.embeds[0]["title"].as_str(), shown.attachments[0].text.as_deref()),
        (Some("Plan"), Some("+ role"))
    );

    let pressed = room.press(room.ann, shown.id, json!({"custom_id": "apply"})).expect("she sees it");
    let told = bot.told().await;
    let Some(InteractionData::MessageComponent(data)) = &told.data else { panic!("{told:?}") };
    assert_eq!(data.custom_id, "apply");
    assert_eq!(told.message.as_ref().map(|message| message.content.as_str()), Some("Two changes"));
    bot.answer(&told, InteractionResponseType::Modal, form()).await;
    assert!(matches!(room.seen(&pressed).answer, Answer::Modal { .. }));

    let written = json!([{"type": 1, "components": [{"type": 4, "custom_id": "why", "value": "it is time"}]}]);
    let submitted = room.try_use(5, json!({"custom_id": "form", "components": written})).expect("it is open");
    let told = bot.told().await;
    let Some(InteractionData::ModalSubmit(data)) = &told.data else { panic!("{told:?}") };
    let ModalInteractionComponent::ActionRow(row) = &data.components[0] else { panic!("{data:?}") };
    let ModalInteractionComponent::TextInput(input) = &row.components[0] else { panic!("{row:?}") };
    assert_eq!((input.custom_id.as_str(), input.value.as_str()), ("why", "it is time"));
    let applied = InteractionResponseData {
        content: Some("Applied".to_owned()),
        components: Some(Vec::new()),
        ..InteractionResponseData::default()
    };
    bot.answer(&told, InteractionResponseType::UpdateMessage, applied).await;
    assert_eq!(original(&room, &submitted).content, "Applied");
    let client = bot.client.interaction(bot.application);
    client.create_followup(&told.token).content("For everybody").await.expect("taken");
    assert_eq!(room.contents(), ["For everybody"], "all else was for Ann");
    served.stop().await;
    // The library sends back what it is told of commands, and numbers its files with numbers. Discord takes both.
    room.discord.forgive_all(&["unknown property body[].version"]);
    room.discord.forgive_all(&["body/attachments/0/id: 1 is not of type \"string\""]);
}

/// A message that calls the bot is heard with its text, and replied to.
#[tokio::test]
async fn a_mention_is_heard_and_replied_to() {
    let room = Room::new();
    let served = room.discord.serve().await;
    let mut bot = Bot::log_in(&room, &served).await;
    let bob = join(&room.discord, "bob");
    room.writes(bob, json!({"content": "what is new"}));
    let Event::MessageCreate(message) = bot.next().await else { panic!("no message") };
    assert_eq!((message.author.name.as_str(), message.content.as_str()), ("bob", ""));
    room.writes(bob, json!({"content": format!("<@{}> what is new", room.discord.bot)}));
    let Event::MessageCreate(message) = bot.next().await else { panic!("no message") };
    assert!(message.content.ends_with("what is new"), "{message:?}");
    let reply = bot.client.create_message(message.channel_id).reply(message.id).content("nothing");
    let reply = reply.await.expect("taken").model().await.expect("parses");
    assert_eq!(reply.mentions[0].name, "bob");
    served.stop().await;
}

fn original(room: &Room, begun: &Interaction) -> Message {
    room.seen(begun).original.expect("a message")
}

fn empty_embed() -> Embed {
    Embed {
        author: None,
        color: None,
        description: None,
        fields: Vec::new(),
        flags: None,
        footer: None,
        image: None,
        kind: String::new(),
        provider: None,
        thumbnail: None,
        timestamp: None,
        title: None,
        url: None,
        video: None,
    }
}
