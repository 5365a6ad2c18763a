//! Commands that are typed as messages, for those who are used to it: `!setai plan`.
//!
//! Everybody in a channel reads what is written there, and a plan names rooms that not everybody may see. So what is typed is
//! answered with a button: pressed by whoever typed it, it shows them alone the answer, and Discord says with the press who they
//! are and what they may do.

use std::collections::HashMap;
use std::sync::PoisonError;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::model::{ChannelId, GuildId, ServerSettings, UserId};

use super::ask::{Ask, Press};
use super::reply::{Look, Reply, Tone, plain};
use super::words::Words;
use super::{Bot, GRACE, tell};

/// How long a guild's prefix is taken to be what it was: messages are too many to look each time.
const FRESH: Duration = Duration::from_mins(1);

/// Most guilds whose prefixes are known at once.
const MOST_KNOWN: usize = 10_000;

/// How many messages are answered at once. Each takes one request.
const MOST_AT_ONCE: usize = 16;

/// Longest command, in characters: what fits into the text of an embed.
const LONGEST: usize = 4000;

/// What somebody wrote.
#[derive(Debug, Deserialize)]
struct Written {
    id: String,
    guild_id: GuildId,
    channel_id: ChannelId,
    author: Who,
    content: String,
}

#[derive(Debug, Deserialize)]
struct Who {
    id: UserId,
    username: String,
}

/// The prefixes of guilds, with the moment each was looked up.
#[derive(Debug, Default)]
pub(super) struct Prefixes(HashMap<GuildId, (Duration, String)>);

impl Prefixes {
    fn get(&self, guild: GuildId, now: Duration) -> Option<String> {
        let (at, prefix) = self.0.get(&guild)?;
        (now.saturating_sub(*at) < FRESH).then(|| prefix.clone())
    }

    fn keep(&mut self, guild: GuildId, prefix: String, now: Duration) {
        if self.0.len() >= MOST_KNOWN {
            self.0.clear();
        }
        self.0.insert(guild, (now, prefix));
    }
}

impl Bot {
    /// Answers the messages that are commands until it is stopped or nothing more can come.
    pub async fn read_along(self, mut written: mpsc::Receiver<Value>, stop: CancellationToken) {
        let mut answered = JoinSet::new();
        loop {
            let message = tokio::select! {
                () = stop.cancelled() => break,
                Some(_) = answered.join_next() => continue,
                message = written.recv(), if answered.len() < MOST_AT_ONCE => message,
            };
            let Some(message) = message else { break };
            let Ok(message) = Written::deserialize(message) else { continue };
            let prefix = self.prefix(message.guild_id).await;
            if let Some(command) = after(&prefix, &message.content).map(str::to_owned) {
                let bot = self.clone();
                answered.spawn(async move { bot.answer_typed(&message, &prefix, &command).await });
            }
        }
        // What is not answered by then can be typed again.
        if timeout(GRACE, async { while answered.join_next().await.is_some() {} }).await.is_err() {
            answered.shutdown().await;
        }
    }

    async fn prefix(&self, guild: GuildId) -> String {
        let now = self.0.clock.elapsed();
        let known = self.0.prefixes.lock().unwrap_or_else(PoisonError::into_inner).get(guild, now);
        if let Some(known) = known {
            return known;
        }
        let prefix = self.set_for(guild).await.command_prefix;
        self.0.prefixes.lock().unwrap_or_else(PoisonError::into_inner).keep(guild, prefix.clone(), now);
        prefix
    }

    /// What is set for a guild now; what is usual while nobody can say.
    async fn set_for(&self, guild: GuildId) -> ServerSettings {
        let known = self.0.console.engine().servers().get(guild).await;
        known.ok().flatten().map(|known| known.settings).unwrap_or_default()
    }

    async fn answer_typed(&self, written: &Written, prefix: &str, command: &str) {
        let Written { id, guild_id: guild, channel_id, author, content: _ } = written;
        let settings = self.set_for(*guild).await;
        // Nobody makes the bot fill a channel, and of several processes that read along one answers.
        let most = settings.rate_limits.commands_per_user_per_minute;
        if !self.0.console.answers_message(id, author.id, most).await {
            return;
        }
        let reply = offered(&Words::of(&settings.response_language), author, prefix, command);
        let mut body = reply.message().body;
        // Discord makes no second message with the number of the first.
        body["nonce"] = json!(id);
        body["enforce_nonce"] = json!(true);
        if let Err(error) = self.0.console.engine().client().say(*guild, *channel_id, &body).await {
            tracing::info!(%guild, channel = %channel_id, %error, "a typed command could not be answered");
        }
    }
}

/// What is answered in the channel: nothing that is not for everybody's eyes.
fn offered(words: &Words, author: &Who, prefix: &str, command: &str) -> Reply {
    if Ask::of_text(command).is_err() || command.chars().count() > LONGEST {
        return tell::typed_wrong(words, prefix);
    }
    let name = plain(&author.username);
    Reply::new(Tone::Plain, words.with("typed-title", &[("name", (&name).into())])).say(command).button(
        Press::Typed(author.id),
        words.say("button-typed"),
        Look::Primary,
    )
}

/// What comes after the prefix, where a message begins with it and goes on with another word or not at all.
fn after<'m>(prefix: &str, message: &'m str) -> Option<&'m str> {
    let message = message.trim();
    let begins = message.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    let rest = begins.then(|| &message[prefix.len()..])?;
    // A sign such as `!` stands before the command itself, a word stands apart from it.
    let is_apart = rest.is_empty() || rest.starts_with(char::is_whitespace);
    let is_sign = prefix.ends_with(|c: char| !c.is_alphanumeric());
    (is_apart || is_sign).then(|| rest.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_begins_with_the_prefix_and_another_word() {
        for (prefix, message, command) in [
            ("!setai", "!setai plan", Some("plan")),
            ("!setai", "  !SetAI   propose add\na channel ", Some("propose add\na channel")),
            ("!setai", "!setai", Some("")),
            ("!setai", "!setaiplan", None),
            ("!setai", "say !setai plan", None),
            ("!", "!plan", Some("plan")),
            ("!", "! plan", Some("plan")),
            ("ü!", "ü!plan", Some("plan")),
            ("ü!", "u", None),
        ] {
            assert_eq!(after(prefix, message), command, "{prefix} {message}");
        }
    }
}
