//! What people call permissions.
//!
//! Decides which permissions a phrase means. `%` stands for any word for people.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use crate::model::{Permission, Permissions};

use super::lexicon::Phrases;
use super::words::{Token, squeeze};

const PEOPLE: &str = "members|people|users|others|everyone|someone|anyone|them|players|folks|friends|other people|\
    other members|new members|a member|each other|new people";

const PHRASES: &[(Permissions, &str)] = &[
    (
        Permissions::CREATE_INSTANT_INVITE,
        "invite|invite %|create invites|create an invite|create invite links|make invites|send invites|\
            create instant invites|create invitations|invites",
    ),
    (Permissions::KICK_MEMBERS, "kick|kick %"),
    (Permissions::BAN_MEMBERS, "ban|ban %"),
    (
        Permissions::MANAGE_CHANNELS,
        "manage channels|manage the channels|edit channels|create channels|edit the channel|manage the channel|\
            manage this channel|manage it",
    ),
    (Permissions::MANAGE_GUILD, "manage the server|manage server|manage the guild|edit the server"),
    (
        Permissions::ADD_REACTIONS,
        "react|react to messages|react to posts|add reactions|add a reaction|use reactions|react with emojis|\
            react with emoji|reactions|reaction",
    ),
    (
        Permissions::VIEW_AUDIT_LOG,
        "see the audit log|view the audit log|read the audit log|see audit log|audit log|look at the audit log|\
            see audit logs|view audit logs",
    ),
    (
        Permissions::PRIORITY_SPEAKER,
        "be priority speaker|be a priority speaker|use priority speaker|speak with priority|be priority speakers|\
            be heard above others|priority speakers",
    ),
    (
        Permissions::STREAM,
        "stream|stream video|go live|screen share|share screen|share their screen|share their screens|\
            share the screen|turn on video|use video|turn on their camera|use their camera|use cameras|share video|\
            start streams|video|live stream",
    ),
    (
        Permissions::VIEW_CHANNEL,
        "see|read|view|access|look at|see messages|read messages|view messages|see the channel|view the channel|\
            see channels|see the channels|look into|look in|visit|see this|view this|open|read along",
    ),
    (
        Permissions::SEND_MESSAGES,
        "write|post|send|type|message|chat|post messages|write messages|write a message|send a message|\
            write anything|post anything|send anything|comment|reply|respond|write things|post things|post stuff|\
            send text messages|write posts|create posts|make posts|open posts",
    ),
    (Permissions::SEND_TTS_MESSAGES, "use tts|tts|text to speech|use text to speech|send text to speech messages"),
    (
        Permissions::MANAGE_MESSAGES,
        "delete messages|remove messages|delete other peoples messages|delete others messages|edit messages|\
            moderate messages|clear messages|delete posts|delete a message|delete other messages|delete the messages|\
            clean up messages|delete any message",
    ),
    (
        Permissions::EMBED_LINKS,
        "post links|post a link|send links|share links|link|links|embed|embeds|post embeds|use embeds|paste links|\
            embed link",
    ),
    (
        Permissions::ATTACH_FILES,
        "upload files|send files|share files|post files|upload images|post images|share images|send images|\
            post pictures|send pictures|upload pictures|share pictures|upload photos|post photos|share photos|\
            send photos|files|file|upload|attach|attachments|upload attachments|send attachments|images|pictures|\
            photos|attach images|attach pictures|attach a file|upload screenshots|post screenshots|share screenshots|\
            post memes|upload videos|post videos",
    ),
    (
        Permissions::READ_MESSAGE_HISTORY,
        "read history|read the history|see history|see the history|view history|view the history|read old messages|\
            see old messages|read the message history|see the message history|see message history|\
            view the message history|see past messages|read past messages|scroll back|see older messages|\
            read older messages|message history|history|read the chat history|see the chat history|read chat history",
    ),
    (
        Permissions::MENTION_EVERYONE,
        "mention everyone|ping everyone|use everyone|mention all|tag everyone|mention all roles|mention everybody|\
            ping everybody|ping all|ping here|mention here|use everyone mentions|use everyone pings|at everyone|\
            everyone mentions|everyone pings|use everyone and here|mention everyone and here|ping everyone and here|\
            notify everyone|mention all members",
    ),
    (
        Permissions::USE_EXTERNAL_EMOJIS,
        "external emoji|use emojis from other servers|use emoji from other servers|\
            use custom emojis from other servers|use emotes from other servers",
    ),
    (
        Permissions::VIEW_GUILD_INSIGHTS,
        "see server insights|view server insights|see insights|view insights|see the insights",
    ),
    (
        Permissions::CONNECT,
        "connect|join|enter|join voice|connect to voice|join the call|hop into|hop in|join in|come in|get in",
    ),
    (Permissions::SPEAK, "speak|talk|use voice|use their mic|use their microphone|use their microphones|speak up"),
    (Permissions::MUTE_MEMBERS, "mute|voice mute %|server mute %|mute members|mute a member|mute mics|mute each other"),
    (Permissions::DEAFEN_MEMBERS, "deafen|deafen %"),
    (Permissions::MOVE_MEMBERS, "move %|drag %|move members around|move people around"),
    (
        Permissions::USE_VAD,
        "use voice detection|voice activity|voice activation|talk without push to talk|speak without push to talk",
    ),
    (
        Permissions::CHANGE_NICKNAME,
        "change nicknames|change their nickname|change their nicknames|change their own nickname|\
            change their own nicknames|change their name|change their names|change own nickname|change nick|\
            change their nick|set their nickname|set their own nickname|edit their nickname|rename themselves|\
            nickname|change the nickname|change a nickname|pick a nickname|choose a nickname|choose their nickname",
    ),
    (
        Permissions::MANAGE_NICKNAMES,
        "change other peoples nicknames|change others nicknames|rename %|change nicknames of others|edit nicknames|\
            change members nicknames|change the nicknames of others",
    ),
    (
        Permissions::MANAGE_ROLES,
        "edit roles|assign roles|give roles|hand out roles|give out roles|manage the roles|manage lower roles",
    ),
    (Permissions::MANAGE_WEBHOOKS, "create webhooks|edit webhooks|webhooks"),
    (
        Permissions::MANAGE_GUILD_EXPRESSIONS,
        "manage stickers|manage the emojis|manage emoji|manage emojis and stickers|edit emojis|manage sounds",
    ),
    (
        Permissions::USE_APPLICATION_COMMANDS,
        "use bot commands|slash commands|use bots|run commands|run bot commands|run slash commands|use the bot|\
            use slash command|issue commands|commands|bot commands|use apps",
    ),
    (Permissions::REQUEST_TO_SPEAK, "ask to speak|raise their hand|raise their hands|raise a hand|raise hands"),
    (Permissions::MANAGE_EVENTS, "edit events|manage the events|delete events"),
    (
        Permissions::MANAGE_THREADS,
        "delete threads|archive threads|close threads|lock threads|edit threads|moderate threads|manage the threads|\
            manage posts|close posts|lock posts",
    ),
    (
        Permissions::CREATE_PUBLIC_THREADS,
        "create threads|create a thread|start threads|start a thread|open threads|open a thread|make threads|\
            create new threads|threads|start public threads|create public thread",
    ),
    (
        Permissions::CREATE_PRIVATE_THREADS,
        "start private threads|open private threads|make private threads|private threads",
    ),
    (Permissions::USE_EXTERNAL_STICKERS, "use stickers from other servers"),
    (
        Permissions::SEND_MESSAGES_IN_THREADS,
        "write in threads|reply in threads|post in threads|talk in threads|chat in threads|send messages in thread|\
            respond in threads|write messages in threads|reply to threads|reply to posts",
    ),
    (
        Permissions::USE_EMBEDDED_ACTIVITIES,
        "play activities|start activities|launch activities|use activity|play games together",
    ),
    (
        Permissions::MODERATE_MEMBERS,
        "time out|time out %|timeout|timeout %|time % out|mute people|mute users|mute others|mute someone|\
            give timeouts|give time outs|put people in timeout|put members in timeout|moderate|moderate %|timeouts|\
            time outs|issue timeouts|hand out timeouts",
    ),
    (Permissions::USE_SOUNDBOARD, "use the soundboard|play soundboard sounds|use soundboards|soundboard|play sounds"),
    (
        Permissions::CREATE_GUILD_EXPRESSIONS,
        "add emojis|create emojis|upload emojis|add stickers|create stickers|upload stickers|add emoji|make emojis|\
            add emojis and stickers|create emojis and stickers",
    ),
    (
        Permissions::CREATE_EVENTS,
        "schedule events|start events|make events|create an event|create server events|plan events|host events|\
            set up events",
    ),
    (Permissions::SEND_VOICE_MESSAGES, "record voice messages|post voice messages|voice messages"),
    (
        Permissions::SET_VOICE_CHANNEL_STATUS,
        "set voice status|set the voice status|set the channel status|set the voice channel status",
    ),
    (
        Permissions::SEND_POLLS,
        "make polls|start polls|post polls|polls|create a poll|run polls|make a poll|start a poll",
    ),
    (
        Permissions::PIN_MESSAGES,
        "pin|pin posts|pin things|pin a message|pin stuff|pin something|pin anything|pin the messages",
    ),
    (
        Permissions::BYPASS_SLOWMODE,
        "bypass slow mode|ignore slow mode|skip slow mode|ignore the slow mode|bypass the slow mode|\
            skip the slow mode|be exempt from slow mode|write without slow mode|post without slow mode|\
            get around slow mode",
    ),
    (
        Permissions::ADMINISTRATOR,
        "admin|administrator|administrators|admins|admin rights|admin permission|admin permissions|admin perms|\
            admin access|admin powers|admin privileges|admin power|administrator rights|administrator permissions|\
            administrator permission|administrator access|administrator privileges|administrator perms|administrate|\
            all permissions|every permission|all rights|full permissions|full access|full control|be admin|be admins|\
            be administrator|be administrators|do everything|do anything",
    ),
];

/// What a verb looks like after `from` and `stop`.
fn gerunds(verb: &str) -> Vec<String> {
    let mut forms = vec![format!("{verb}ing")];
    if let Some(stem) = verb.strip_suffix('e') {
        forms.push(format!("{stem}ing"));
    }
    if let Some(last) = verb.chars().next_back() {
        forms.push(format!("{verb}{last}ing"));
    }
    forms
}

static TABLE: LazyLock<Phrases<Permissions>> = LazyLock::new(|| {
    let mut all: Vec<(Permissions, String)> = Vec::new();
    let mut add = |bits: Permissions, phrase: &str| {
        let (verb, rest) = phrase.split_once(' ').unwrap_or((phrase, ""));
        all.push((bits, phrase.to_owned()));
        all.extend(gerunds(verb).into_iter().map(|verb| (bits, format!("{verb} {rest}").trim_end().to_owned())));
    };
    for permission in Permission::ALL {
        let spellings = permission.spellings().filter(|spelling| *spelling != "read_messages");
        spellings.for_each(|name| add(Permissions::from_bits(1 << permission.bit), &name.replace('_', " ")));
    }
    for (bits, phrases) in PHRASES {
        for phrase in phrases.split('|') {
            match phrase.contains('%') {
                true => PEOPLE.split('|').for_each(|people| add(*bits, &phrase.replace('%', people))),
                false => add(*bits, phrase),
            }
        }
    }
    Phrases::of(all.iter().map(|(bits, phrase)| (*bits, phrase.as_str())))
});

/// The permissions a phrase here means, and how long it is.
pub(super) fn permission_at(tokens: &[Token], at: usize) -> Option<(Permissions, usize)> {
    let token = tokens.get(at)?;
    if token.is_quote() {
        return named(&token.low).map(|bits| (bits, 1));
    }
    TABLE.at(tokens, at)
}

fn named(low: &str) -> Option<Permissions> {
    Permission::parse(&squeeze(low)).ok()
}

/// True for a word of some phrase.
pub(super) fn is_word(word: &str) -> bool {
    WORDS.contains(word)
}

static WORDS: LazyLock<BTreeSet<&'static str>> =
    LazyLock::new(|| PHRASES.iter().flat_map(|(_, phrases)| phrases.split(['|', ' '])).collect());

/// What follows a permission and means nothing more.
pub(super) const NOUNS: &str =
    "permission permissions rights right privilege privileges perms perm ability access power powers";
