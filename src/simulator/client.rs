//! People's side of applications: what Discord's client lets a member do with commands, buttons, menus and forms.
//!
//! Decides who may use what, checks and completes what is chosen or typed, and what an application is told of it. What a
//! client would not offer is refused here: an application never hears of it.

mod command;
mod component;
mod lookup;
mod modal;
mod payload;
mod resolved;
mod say;
mod shown;
mod value;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use super::Simulator;
use super::rest::kind;
use super::world::{
    Answer, Answers, Application, Bits, Channel, FIRST_ANSWER, Guild, Interaction, Snowflake, Switches, World,
};

pub(crate) use payload::payload;
pub use say::Ask;
pub(crate) use say::Wish;
pub use shown::text_of;

/// Somebody uses a command, a button, a menu or a form of an application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Use {
    /// Whose command it is.
    pub application_id: Snowflake,
    /// Who.
    pub user_id: Snowflake,
    /// Where.
    pub channel_id: Snowflake,
    /// 2 command, 3 component, 4 autocomplete, 5 modal.
    #[serde(rename = "type")]
    pub kind: u8,
    /// What was chosen or typed: of a command its name or id, and options with names and values; of a component its
    /// `custom_id`, of a menu the values as well; of a modal its `custom_id` and components. Types and everything else
    /// Discord tells is completed. Of a command that is being typed, one option is `focused`.
    #[serde(default)]
    pub data: Value,
    /// The message a component is on.
    #[serde(default)]
    pub message_id: Option<Snowflake>,
}

/// What a client does not let its user do.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UseRefused {
    /// It is not there, or not for that user to see.
    #[error("there is no {what} `{name}` here")]
    Nothing {
        /// What was looked for.
        what: &'static str,
        /// Its name or id.
        name: String,
    },
    /// The member lacks a permission.
    #[error("the member may not: {0}")]
    NotAllowed(String),
    /// Something chosen or typed is not as the application wants it.
    #[error("{place}: {problem}")]
    Wrong {
        /// Which part.
        place: String,
        /// What is wrong with it.
        problem: String,
    },
}

impl UseRefused {
    fn nothing(what: &'static str, name: impl ToString) -> Self {
        Self::Nothing { what, name: name.to_string() }
    }

    fn wrong(place: &str, problem: impl Into<String>) -> Self {
        Self::Wrong { place: place.to_owned(), problem: problem.into() }
    }

    fn not_allowed(why: impl Into<String>) -> Self {
        Self::NotAllowed(why.into())
    }
}

/// A member in front of a channel.
#[derive(Clone, Copy)]
struct Spot<'a> {
    world: &'a World,
    guild: &'a Guild,
    channel: &'a Channel,
    application: &'a Application,
    user: Snowflake,
    bot: Snowflake,
    now: DateTime<Utc>,
    switches: &'a Switches,
}

impl<'a> Spot<'a> {
    /// Where somebody wants to use something. Whoever cannot see the channel is nowhere.
    fn of(
        world: &'a World,
        application: Snowflake,
        user: Snowflake,
        channel: Snowflake,
        now: DateTime<Utc>,
        switches: &'a Switches,
    ) -> Result<Self, UseRefused> {
        let no_channel = || UseRefused::nothing("channel", channel);
        let guild = world.guild_of_channel(channel).and_then(|id| world.guilds.get(&id)).ok_or_else(no_channel)?;
        let found = guild.channels.get(&channel).ok_or_else(no_channel)?;
        if !guild.members.contains_key(&user) {
            return Err(UseRefused::nothing("member", user));
        }
        if world.users.get(&user).is_none_or(|user| user.bot) {
            return Err(UseRefused::not_allowed("applications are for people"));
        }
        let bot = world.bot_of(application).filter(|bot| guild.members.contains_key(&bot.id));
        let bot = bot.ok_or_else(|| UseRefused::nothing("application", application))?;
        let Some(application) = &bot.application else { return Err(no_channel()) };
        let spot = Self { world, guild, channel: found, application, user, bot: bot.id, now, switches };
        if found.is_category() || found.is_forum() || !spot.held_by(user).has(Bits::VIEW_CHANNEL) {
            return Err(no_channel());
        }
        Ok(spot)
    }

    fn held_by(&self, user: Snowflake) -> Bits {
        self.guild.permissions_in(user, self.channel, self.now)
    }

    /// Somebody in a timeout looks on.
    fn require_free(&self) -> Result<(), UseRefused> {
        let timed_out = self.guild.members.get(&self.user).is_some_and(|member| member.timed_out(self.now));
        if timed_out && !self.held_by(self.user).has(Bits::ADMINISTRATOR) {
            return Err(UseRefused::not_allowed("a timeout is in force"));
        }
        Ok(())
    }
}

/// What was used, as the application is to be told.
struct Chosen {
    data: Value,
    message_id: Option<Snowflake>,
    opened_by: Option<Snowflake>,
}

impl Chosen {
    fn data(data: Value) -> Self {
        Self { data, message_id: None, opened_by: None }
    }
}

/// Begins an interaction, when a client would let its user.
pub(crate) fn begin(
    world: &mut World,
    wish: &Use,
    now: DateTime<Utc>,
    switches: &Switches,
) -> Result<Interaction, UseRefused> {
    let Use { application_id, user_id, channel_id, kind: number, data, message_id } = wish;
    let spot = Spot::of(world, *application_id, *user_id, *channel_id, now, switches)?;
    let chosen = match *number {
        kind::COMMAND => Chosen::data(command::chosen(&spot, data)?),
        kind::AUTOCOMPLETE => Chosen::data(command::typed(&spot, data)?),
        kind::COMPONENT => component::pressed(&spot, *message_id, data)?,
        kind::MODAL => modal::submitted(&spot, data)?,
        other => return Err(UseRefused::nothing("kind of interaction", other)),
    };
    let Chosen { data, message_id, opened_by } = chosen;
    let begun = world.begin_interaction(*application_id, *user_id, *channel_id, now);
    let begun = Interaction { kind: *number, data, message_id, opened_by, ..begun };
    world.interactions.insert(begun.id, begun.clone());
    Ok(begun)
}

impl Simulator {
    /// Somebody uses a command, a button, a menu or a form, as Discord's client lets people; the application is told.
    ///
    /// # Errors
    /// When the client would not offer it, or not send it off like this. The application is not told then.
    pub fn interact(&self, wish: &Use) -> Result<Interaction, UseRefused> {
        let now = self.now();
        let mut state = self.state();
        let begun = begin(&mut state.world, wish, now, &self.0.switches)?;
        state.publish(&self.0.switches, now);
        drop(state);
        self.deliver(&begun);
        Ok(begun)
    }

    /// What became of an interaction once there is something to see: an answer, and what it promised, or that none came in
    /// time. A promise is waited for no longer than `patience`.
    pub async fn settled(&self, interaction: Snowflake, patience: Duration) -> Option<Answers> {
        let waiting = async {
            loop {
                let mut changed = std::pin::pin!(self.0.changed.notified());
                changed.as_mut().enable();
                let answers = self.answers(interaction)?;
                let is_nothing = answers.answer == Answer::Nothing;
                let is_late = answers.failure.is_some() || self.now() > interaction.time() + FIRST_ANSWER;
                let is_settled = if is_nothing { is_late } else { !answers.is_promised() };
                if is_settled {
                    return Some(answers);
                }
                // One moment later it is too late.
                let late = interaction.time() + FIRST_ANSWER + TimeDelta::milliseconds(1);
                tokio::select! {
                    () = changed => {}
                    () = self.clock().reach(late), if is_nothing => {}
                }
            }
        };
        let first = Duration::from_secs(3);
        tokio::time::timeout(first + patience, waiting).await.unwrap_or_else(|_| self.answers(interaction))
    }

    /// What became of an interaction, as its user sees it now.
    pub fn answers(&self, interaction: Snowflake) -> Option<Answers> {
        self.state().world.answers(interaction)
    }
}
