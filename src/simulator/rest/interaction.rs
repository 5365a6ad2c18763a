//! The first answer to an interaction. The token in the path is all the authority there is.

use serde_json::{Value, json};

use super::command_option::kind as option_kind;
use super::form::Form;
use super::mention::AllowedMentions;
use super::said::{Place, Said, Writer, refuse_unsimulated};
use super::{ApiError, Call, Reply, modal, view};
use crate::simulator::world::{Answer, Deed, Guild, Interaction, Message, Snowflake, Step, World, flag};

/// Kinds of interaction.
pub(crate) mod kind {
    pub(crate) const COMMAND: u8 = 2;
    pub(crate) const COMPONENT: u8 = 3;
    pub(crate) const AUTOCOMPLETE: u8 = 4;
    pub(crate) const MODAL: u8 = 5;
}

/// Kinds of answer.
mod callback_kind {
    pub(super) const MESSAGE: u8 = 4;
    pub(super) const DEFERRED: u8 = 5;
    pub(super) const DEFERRED_UPDATE: u8 = 6;
    pub(super) const UPDATE: u8 = 7;
    pub(super) const CHOICES: u8 = 8;
    pub(super) const MODAL: u8 = 9;
}

/// Kinds of message that answer something.
const REPLY: u8 = 19;
const CHAT_INPUT_COMMAND: u8 = 20;
const CONTEXT_MENU_COMMAND: u8 = 23;

/// Most suggestions: documented.
const MOST_CHOICES: usize = 25;

/// Paths that need no bot token.
pub(crate) fn needs_no_token(path: &str) -> bool {
    match path.split('/').skip(1).collect::<Vec<_>>().as_slice() {
        ["interactions", _, _, "callback"] => true,
        ["webhooks", _, token, ..] => !token.is_empty(),
        _ => false,
    }
}

/// `POST /interactions/{interaction}/{token}/callback`
pub(crate) fn callback(world: &mut World, call: &Call<'_>, id: Snowflake, token: &str) -> Result<Reply, ApiError> {
    let found = world.interactions.get(&id).filter(|i| i.token == token).ok_or_else(ApiError::unknown_interaction)?;
    if found.is_acknowledged() {
        return Err(ApiError::already_acknowledged());
    }
    if found.is_late(call.now) {
        return Err(ApiError::unknown_interaction());
    }
    let interaction = found.clone();
    let sent = Sent::read(call, &interaction)?;
    let (kind, answer, original) = sent.carry_out(world, call, &interaction)?;
    if let Some(interaction) = world.interactions.get_mut(&id) {
        (interaction.answer, interaction.original) = (answer, original);
    }
    note(world, call, id, Deed::Callback, original);
    if call.query_flag("with_response") { shown(world, &interaction, kind, original) } else { Reply::empty() }
}

/// What an answer says, by its kind.
enum Sent {
    Message(Said),
    Promise { ephemeral: bool },
    UpdatePromise,
    Update(Said),
    Choices(Vec<Value>),
    Modal(Value),
}

impl Sent {
    fn read(call: &Call<'_>, interaction: &Interaction) -> Result<Self, ApiError> {
        let none = json!({});
        let data = call.body.map(|body| &body["data"]).filter(|data| !data.is_null());
        refuse_unsimulated(data)?;
        let mut form = Form::of(call.body, call.switches)?;
        form.require("type");
        let kind = form.choice::<u8>("type", kinds_for(interaction)).value();
        if data.is_none() && matches!(kind, Some(callback_kind::CHOICES | callback_kind::MODAL)) {
            form.require("data");
            form.finish()?;
            return Err(ApiError::unknown_interaction());
        }
        let data = data.unwrap_or(&none);
        let mut said = |place| form.inside(&["data"], data, |form| Said::read(form, place));
        let sent = match kind {
            Some(callback_kind::MESSAGE) => said(Place::Callback).map(Self::Message),
            Some(callback_kind::DEFERRED) => {
                said(Place::Promise).map(|said| Self::Promise { ephemeral: said.is_ephemeral() })
            }
            Some(callback_kind::DEFERRED_UPDATE) => Some(Self::UpdatePromise),
            Some(callback_kind::UPDATE) => said(Place::Edit).map(Self::Update),
            Some(callback_kind::CHOICES) => {
                let focused = focused_kind(interaction);
                form.inside(&["data"], data, |form| Self::Choices(read_choices(form, focused)))
            }
            Some(callback_kind::MODAL) => form.inside(&["data"], data, |form| Self::Modal(modal::read_modal(form))),
            _ => None,
        };
        form.finish()?;
        // Whatever could not be read was noted by the form.
        sent.ok_or_else(ApiError::unknown_interaction)
    }

    fn carry_out(
        self,
        world: &mut World,
        call: &Call<'_>,
        interaction: &Interaction,
    ) -> Result<(u8, Answer, Option<Snowflake>), ApiError> {
        Ok(match self {
            Self::Message(said) => {
                let id = post(world, call, interaction, said)?;
                (callback_kind::MESSAGE, Answer::Message, Some(id))
            }
            Self::Promise { ephemeral } => {
                let mut message = blank(world, call, interaction);
                message.flags = flag::LOADING | if ephemeral { flag::EPHEMERAL } else { 0 };
                (callback_kind::DEFERRED, Answer::Deferred, Some(store(world, interaction, message)?))
            }
            Self::UpdatePromise => (callback_kind::DEFERRED_UPDATE, Answer::DeferredUpdate, interaction.message_id),
            Self::Update(said) => {
                let id = interaction.message_id.ok_or_else(ApiError::unknown_message)?;
                edit(world, call, interaction, id, said)?;
                (callback_kind::UPDATE, Answer::Update, Some(id))
            }
            Self::Choices(choices) => (callback_kind::CHOICES, Answer::Choices { choices }, None),
            Self::Modal(modal) => (callback_kind::MODAL, Answer::Modal { modal }, None),
        })
    }
}

/// Which kinds of answer fit: suggestions answer typing alone, a modal opens no modal, and only what was done on a message
/// changes one.
fn kinds_for(interaction: &Interaction) -> &'static [i64] {
    match (interaction.kind, interaction.message_id) {
        (kind::COMMAND, _) => &[4, 5, 9],
        (kind::COMPONENT, _) => &[4, 5, 6, 7, 9],
        (kind::AUTOCOMPLETE, _) => &[8],
        (kind::MODAL, None) => &[4, 5],
        (kind::MODAL, Some(_)) => &[4, 5, 6, 7],
        _ => &[1],
    }
}

/// The kind of the option somebody is typing.
fn focused_kind(interaction: &Interaction) -> u64 {
    fn focused(options: &Value) -> Option<u64> {
        options.as_array()?.iter().find_map(|option| match option["focused"].as_bool() {
            Some(true) => option["type"].as_u64(),
            _ => focused(&option["options"]),
        })
    }
    focused(&interaction.data["options"]).unwrap_or(option_kind::STRING)
}

fn read_choices(form: &mut Form<'_>, option: u64) -> Vec<Value> {
    form.require("choices");
    let list = form.list("choices", MOST_CHOICES).value().unwrap_or_default();
    for (index, choice) in list.iter().enumerate() {
        form.inside(&["choices", &index.to_string()], choice, |choice| {
            choice.require("name");
            choice.text("name", 1..=100);
            super::command_option::read_value(choice, option);
        });
    }
    list.to_vec()
}

/// Posts a new message about an interaction, where its user or everybody sees it.
pub(crate) fn post(
    world: &mut World,
    call: &Call<'_>,
    interaction: &Interaction,
    said: Said,
) -> Result<Snowflake, ApiError> {
    let mut message = blank(world, call, interaction);
    write(world, call, interaction, &mut message, said)?;
    store(world, interaction, message)
}

/// Changes a message. One that was promised is there then; who sees it stays.
pub(crate) fn edit(
    world: &mut World,
    call: &Call<'_>,
    interaction: &Interaction,
    id: Snowflake,
    said: Said,
) -> Result<(), ApiError> {
    let before = world.message_seen_by(interaction.user_id, interaction.channel_id, id);
    let before = before.ok_or_else(ApiError::unknown_message)?;
    let (mut message, seen, promised) = (before.clone(), before.flags & flag::EPHEMERAL, before.is(flag::LOADING));
    write(world, call, interaction, &mut message, said)?;
    message.flags = message.flags & !flag::EPHEMERAL | seen;
    if promised {
        message.edited_timestamp = None;
    }
    let kept = world.message_mut(interaction.user_id, interaction.channel_id, id);
    *kept.ok_or_else(ApiError::unknown_message)? = message;
    Ok(())
}

fn write(
    world: &mut World,
    call: &Call<'_>,
    interaction: &Interaction,
    message: &mut Message,
    said: Said,
) -> Result<(), ApiError> {
    let author = message.author_id;
    let World { ids, users, guilds, interactions: _ } = world;
    let guild = guilds.values().find(|guild| guild.channels.contains_key(&interaction.channel_id));
    let guild = guild.ok_or_else(ApiError::unknown_channel)?;
    let channel = guild.channels.get(&interaction.channel_id).ok_or_else(ApiError::unknown_channel)?;
    let default = AllowedMentions::of_answers();
    said.put_into(message, &mut Writer { guild, channel, author, default, users, files: call.files, ids, call })
}

/// A message by the application that says nothing yet.
fn blank(world: &mut World, call: &Call<'_>, interaction: &Interaction) -> Message {
    let author = world.bot_of(interaction.application_id).map_or(interaction.application_id, |bot| bot.id);
    let kind = match (interaction.kind, interaction.original.or(interaction.message_id)) {
        (_, Some(_)) => REPLY,
        (kind::COMMAND, None) if interaction.data["type"].as_u64().unwrap_or(1) != 1 => CONTEXT_MENU_COMMAND,
        (kind::COMMAND, None) => CHAT_INPUT_COMMAND,
        _ => 0,
    };
    Message {
        id: world.mint(call.now),
        author_id: author,
        kind,
        timestamp: call.now,
        replies_to: interaction.original.or(interaction.message_id),
        application_id: Some(interaction.application_id),
        interaction_metadata: Some(metadata(world, interaction)),
        ..Message::default()
    }
}

/// What Discord tells about the interaction a message answers.
fn metadata(world: &World, interaction: &Interaction) -> Value {
    let Interaction { id, kind, user_id, channel_id, message_id, opened_by, original, .. } = interaction;
    let guild = world.guild_of_channel(*channel_id).unwrap_or_default();
    let mut value = json!({
        "id": id, "type": kind, "user": world.users.get(user_id).map(view::user),
        "authorizing_integration_owners": {"0": guild},
    });
    if let Some(original) = original {
        value["original_response_message_id"] = json!(original);
    }
    if *kind == kind::COMPONENT {
        value["interacted_message_id"] = json!(message_id);
    }
    if let Some(opener) = opened_by.and_then(|opener| world.interactions.get(&opener)) {
        value["triggering_interaction_metadata"] = metadata(world, &Interaction { original: None, ..opener.clone() });
    }
    value
}

/// Puts a message where it is seen.
fn store(world: &mut World, interaction: &Interaction, message: Message) -> Result<Snowflake, ApiError> {
    let id = message.id;
    let kept = world.interactions.get_mut(&interaction.id).ok_or_else(ApiError::unknown_interaction)?;
    kept.messages.push(id);
    if message.is(flag::EPHEMERAL) {
        kept.ephemeral.push(message);
        return Ok(id);
    }
    let guild = world.guild_of_channel(interaction.channel_id).and_then(|id| world.guilds.get_mut(&id));
    let channel = guild.and_then(|guild: &mut Guild| guild.channels.get_mut(&interaction.channel_id));
    channel.ok_or_else(ApiError::unknown_channel)?.messages.push(message);
    Ok(id)
}

/// Remembers what was done.
pub(crate) fn note(world: &mut World, call: &Call<'_>, id: Snowflake, deed: Deed, message_id: Option<Snowflake>) {
    if let Some(interaction) = world.interactions.get_mut(&id) {
        let body = call.body.cloned().unwrap_or_default();
        interaction.history.push(Step { at: call.now, deed, message_id, body });
    }
}

/// The answer to an answer, for those who ask for it.
fn shown(world: &World, interaction: &Interaction, kind: u8, original: Option<Snowflake>) -> Result<Reply, ApiError> {
    let mut body =
        json!({"interaction": {"id": interaction.id, "type": interaction.kind, "channel_id": interaction.channel_id}});
    if let Some(id) = original {
        let message = world.message_seen_by(interaction.user_id, interaction.channel_id, id);
        let message = message.ok_or_else(ApiError::unknown_message)?;
        body["interaction"]["response_message_id"] = json!(id);
        body["interaction"]["response_message_loading"] = json!(message.is(flag::LOADING));
        body["interaction"]["response_message_ephemeral"] = json!(message.is(flag::EPHEMERAL));
        if matches!(kind, callback_kind::MESSAGE | callback_kind::UPDATE) {
            let channel = world.channel(interaction.channel_id).ok_or_else(ApiError::unknown_channel)?;
            body["resource"] = json!({"type": kind, "message": view::message(message, channel, &world.users)});
        }
    }
    Reply::ok(body)
}
