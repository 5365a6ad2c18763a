//! A guild as Discord makes one.

use chrono::{DateTime, Utc};
use serde_json::{Map, json};

use super::{Application, Bits, Channel, Guild, Member, Role, Snowflake, User, World, kind};

/// What a new guild grants @everyone.
const EVERYONE: [Bits; 29] = [
    Bits::CREATE_INSTANT_INVITE,
    Bits::ADD_REACTIONS,
    Bits::STREAM,
    Bits::VIEW_CHANNEL,
    Bits::SEND_MESSAGES,
    Bits::EMBED_LINKS,
    Bits::ATTACH_FILES,
    Bits::READ_MESSAGE_HISTORY,
    Bits::MENTION_EVERYONE,
    Bits::USE_EXTERNAL_EMOJIS,
    Bits::CONNECT,
    Bits::SPEAK,
    Bits::USE_VAD,
    Bits::CHANGE_NICKNAME,
    Bits::USE_APPLICATION_COMMANDS,
    Bits::REQUEST_TO_SPEAK,
    Bits::CREATE_PUBLIC_THREADS,
    Bits::CREATE_PRIVATE_THREADS,
    Bits::USE_EXTERNAL_STICKERS,
    Bits::SEND_MESSAGES_IN_THREADS,
    Bits::USE_EMBEDDED_ACTIVITIES,
    Bits::USE_SOUNDBOARD,
    Bits::CREATE_GUILD_EXPRESSIONS,
    Bits::CREATE_EVENTS,
    Bits::USE_EXTERNAL_SOUNDS,
    Bits::SEND_VOICE_MESSAGES,
    Bits::SET_VOICE_CHANNEL_STATUS,
    Bits::SEND_POLLS,
    Bits::USE_EXTERNAL_APPS,
];

/// Where a bot's managed role stands at least. A person has pulled it up and left room: new roles appear at position 1,
/// and a bot can order roles only below its own.
pub(super) const BOT_ROLE_POSITION: i64 = 250;

/// Who is who in a guild made by [`World::fresh_guild`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FreshGuild {
    /// The guild.
    pub guild: Snowflake,
    /// Its owner, a person.
    pub owner: Snowflake,
    /// The bot.
    pub bot: Snowflake,
    /// The bot's managed role.
    pub bot_role: Snowflake,
}

impl World {
    /// Adds a guild with the channels Discord gives to a new one, owned by a person, with the world's first bot
    /// installed as administrator through a managed role. Owner and bot are made when there are none.
    ///
    /// `id` is minted when absent.
    pub fn fresh_guild(&mut self, name: &str, id: Option<Snowflake>, now: DateTime<Utc>) -> FreshGuild {
        let owner = self.first_user(false, "owner", now);
        let bot = self.first_user(true, "setai", now);
        let id = id.unwrap_or_else(|| self.mint(now));
        let mut guild = Guild { id, name: name.to_owned(), owner_id: owner, ..Guild::default() };
        let permissions = EVERYONE.into_iter().fold(Bits::NONE, |sum, bit| sum | bit);
        guild.roles.insert(id, Role { id, name: "@everyone".to_owned(), permissions, ..Role::default() });
        for user_id in [owner, bot] {
            guild.members.insert(user_id, Member { user_id, joined_at: now, ..Member::default() });
        }
        self.furnish(&mut guild, now);
        self.guilds.insert(id, guild);
        let bot_role = self.install_bot(id, bot, Bits::ADMINISTRATOR, now);
        FreshGuild { guild: id, owner, bot, bot_role }
    }

    /// Makes a bot a member of a guild, with a managed role holding those permissions, above all roles of today.
    pub fn install_bot(
        &mut self,
        guild: Snowflake,
        bot: Snowflake,
        permissions: Bits,
        now: DateTime<Utc>,
    ) -> Snowflake {
        let id = self.mint(now);
        let name = self.users.get(&bot).map_or_else(String::new, |user| user.username.clone());
        if let Some(guild) = self.guilds.get_mut(&guild) {
            let top = guild.roles.values().map(|r| r.position).max().unwrap_or(0);
            let position = BOT_ROLE_POSITION.max(top + 1);
            let tags = Map::from_iter([("bot_id".to_owned(), json!(bot))]);
            let role = Role { id, name, permissions, managed: true, tags: Some(tags), position, ..Role::default() };
            guild.roles.insert(id, role);
            let member = Member { user_id: bot, joined_at: now, ..Member::default() };
            guild.members.entry(bot).or_insert(member).roles.push(id);
        }
        id
    }

    /// Adds an account.
    pub fn add_user(&mut self, name: &str, bot: bool, now: DateTime<Utc>) -> Snowflake {
        let id = self.mint(now);
        let application = bot.then(|| Application {
            id,
            name: name.to_owned(),
            description: String::new(),
            flags: 0,
            owner_id: self.users.values().find(|u| !u.bot).map_or(id, |u| u.id),
            owner_mfa: true,
            interactions_endpoint_url: None,
            commands: Vec::new(),
            command_creates: Vec::new(),
        });
        self.users.insert(id, User { id, username: name.to_owned(), bot, application, ..User::default() });
        id
    }

    fn first_user(&mut self, bot: bool, name: &str, now: DateTime<Utc>) -> Snowflake {
        let found = self.users.values().find(|u| u.bot == bot).map(|u| u.id);
        found.unwrap_or_else(|| self.add_user(name, bot, now))
    }

    fn furnish(&mut self, guild: &mut Guild, now: DateTime<Utc>) {
        let mut add = |name: &str, kind, position, parent_id| {
            let id = self.mint(now);
            let bitrate = if kind == kind::VOICE { 64_000 } else { 0 };
            let channel =
                Channel { id, kind, name: name.to_owned(), position, parent_id, bitrate, ..Channel::default() };
            guild.channels.insert(id, channel);
            id
        };
        let texts = add("Text Channels", kind::CATEGORY, 0, None);
        let voices = add("Voice Channels", kind::CATEGORY, 0, None);
        let general = add("general", kind::TEXT, 0, Some(texts));
        add("General", kind::VOICE, 0, Some(voices));
        guild.system_channel_id = Some(general);
    }
}
