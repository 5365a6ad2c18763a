//! A room with a member and a bot: using its commands, and answering, over plain HTTP.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use setai::simulator::world::{Answers, Bits, Interaction, Member, Message, Snowflake};
use setai::simulator::{Act, Use, UseRefused};

use crate::support::harness::{Answer, Harness};
use crate::support::openapi::Judgement;

/// A guild in which Ann, who holds no role, is in a channel with the bot.
pub(super) struct Room {
    pub(super) discord: Harness,
    pub(super) ann: Snowflake,
    pub(super) channel: Snowflake,
}

impl Room {
    pub(super) fn new() -> Self {
        let discord = Harness::new();
        let ann = join(&discord, "ann");
        let channel = discord.channel_by_hand(json!({"name": "plans"}));
        Self { discord, ann, channel }
    }

    /// The same, with these commands of the application.
    pub(super) async fn with(commands: Value) -> Self {
        let room = Self::new();
        room.register(commands).await;
        room
    }

    /// The same, with one command without options.
    pub(super) async fn with_plan() -> Self {
        Self::with(json!([{"name": "plan", "description": "d"}])).await
    }

    pub(super) async fn register(&self, commands: Value) -> Value {
        self.discord.put(&format!("/applications/{}/commands", self.discord.bot), commands).await.ok()
    }

    /// What Ann would use.
    pub(super) fn wish(&self, kind: u8, data: Value) -> Use {
        let (application_id, user_id, channel_id) = (self.discord.bot, self.ann, self.channel);
        Use { application_id, user_id, channel_id, kind, data, message_id: None }
    }

    /// Ann uses something.
    pub(super) fn try_use(&self, kind: u8, data: Value) -> Result<Interaction, UseRefused> {
        self.discord.simulator.interact(&self.wish(kind, data))
    }

    /// Ann uses a command, and may.
    #[track_caller]
    pub(super) fn uses(&self, data: Value) -> Interaction {
        self.try_use(2, data).expect("the client offers it")
    }

    /// Ann uses `/plan`.
    #[track_caller]
    pub(super) fn plans(&self) -> Interaction {
        self.uses(json!({"name": "plan"}))
    }

    /// What a client says to somebody it does not let.
    #[track_caller]
    pub(super) fn refusal(&self, kind: u8, data: Value) -> String {
        self.try_use(kind, data).expect_err("the client does not offer it").to_string()
    }

    /// Somebody presses a button, or chooses from a menu.
    pub(super) fn press(&self, user: Snowflake, message: Snowflake, data: Value) -> Result<Interaction, UseRefused> {
        let wish = Use { user_id: user, message_id: Some(message), ..self.wish(3, data) };
        self.discord.simulator.interact(&wish)
    }

    /// A first answer, which is as Discord describes it.
    pub(super) async fn answer(&self, begun: &Interaction, body: Value) -> Answer {
        let (answer, judgement) = self.without_token("POST", &callback(begun), body).await;
        assert!(judgement.is_clean(), "{judgement:#?}");
        answer
    }

    /// A first answer of type 4.
    pub(super) async fn says(&self, begun: &Interaction, data: Value) -> Message {
        assert_eq!(self.answer(begun, json!({"type": 4, "data": data})).await.status, 204);
        self.seen(begun).original.expect("a message")
    }

    /// A first answer that may be wrong: only what comes back has to be right.
    pub(super) async fn tries(&self, begun: &Interaction, body: Value) -> Answer {
        let (answer, judgement) = self.without_token("POST", &callback(begun), body).await;
        assert_eq!(judgement.answer, Vec::<String>::new());
        answer
    }

    /// Something about an interaction after its first answer.
    pub(super) async fn follow(&self, method: &str, begun: &Interaction, rest: &str, body: Value) -> Answer {
        let (answer, judgement) = self.without_token(method, &webhook(begun, rest), body).await;
        assert_eq!(judgement.answer, Vec::<String>::new());
        answer
    }

    pub(super) async fn without_token(&self, method: &str, path: &str, body: Value) -> (Answer, Judgement) {
        let request = Request::builder().method(method).uri(format!("/api/v10{path}"));
        let request = request.header("user-agent", "DiscordBot (x, 1)");
        let (request, body) = match body {
            Value::Null => (request, Body::empty()),
            body => (request.header("content-type", "application/json"), Body::from(body.to_string())),
        };
        self.discord.send_raw(request.body(body).expect("a request")).await
    }

    /// What Ann sees of an interaction.
    #[track_caller]
    pub(super) fn seen(&self, begun: &Interaction) -> Answers {
        self.discord.simulator.answers(begun.id).expect("it was begun")
    }

    /// What everybody sees in the channel.
    pub(super) fn contents(&self) -> Vec<String> {
        self.discord.channel(self.channel).messages.iter().map(|message| message.content.clone()).collect()
    }

    /// A member writes something in the channel.
    #[track_caller]
    pub(super) fn writes(&self, user: Snowflake, body: Value) -> Value {
        let act = Act::new(user, "POST", &format!("/channels/{}/messages", self.channel), body);
        self.discord.simulator.act(&act).expect("the member may write").body.expect("a message")
    }

    /// In the channel, everybody loses these permissions.
    pub(super) fn deny(&self, bits: Bits) {
        let body = json!({"type": 0, "allow": "0", "deny": bits});
        let path = format!("/channels/{}/permissions/{}", self.channel, self.discord.guild);
        self.discord.by_hand("PUT", &path, body);
    }
}

/// One more member without roles.
pub(super) fn join(discord: &Harness, name: &str) -> Snowflake {
    let now = discord.clock.now();
    let user_id = discord.simulator.with_world(|world| world.add_user(name, false, now));
    discord.edit(|guild| {
        guild.members.insert(user_id, Member { user_id, joined_at: now, ..Member::default() });
    });
    user_id
}

pub(super) fn callback(begun: &Interaction) -> String {
    format!("/interactions/{}/{}/callback", begun.id, begun.token)
}

pub(super) fn webhook(begun: &Interaction, rest: &str) -> String {
    format!("/webhooks/{}/{}{rest}", begun.application_id, begun.token)
}

/// All form errors, as `place CODE`.
pub(super) fn errors(answer: &Answer) -> Vec<String> {
    fn walk(value: &Value, place: &str, found: &mut Vec<String>) {
        for (key, inside) in value.as_object().into_iter().flatten() {
            if key == "_errors" {
                let codes = inside.as_array().into_iter().flatten().filter_map(|error| error["code"].as_str());
                found.extend(codes.map(|code| format!("{place} {code}")));
            } else {
                let place = if place.is_empty() { key.clone() } else { format!("{place}.{key}") };
                walk(inside, &place, found);
            }
        }
    }
    assert_eq!(answer.refusal(), (400, 50_035), "{}", answer.body);
    let mut found = Vec::new();
    walk(&answer.body["errors"], "", &mut found);
    found
}
