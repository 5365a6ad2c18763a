//! One use of the bot from the beginning to its end: who asks, whether they may, what comes of it, and that it is recorded.
//!
//! Discord wants a first answer within three seconds, so the first one only promises another and needs nobody: no database, no
//! Discord, no source.

use std::sync::PoisonError;
use std::time::Duration;

use chrono::TimeDelta;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::controller::Trouble;
use crate::discord::{self, InteractionRef};
use crate::model::{GuildId, Permissions, ServerConfiguration, ServerSettings, UserId, UserPreferences};
use crate::store::{Author, CommandEnd, CommandId, CommandStatus, Membership, NewCommand, Person};

use super::ask::{Ask, FIELD, FORM, Misuse, PREFERENCES, PROPOSE, Press, sort_of};
use super::permit::{Caller, Level, permitted};
use super::propose::once_more;
use super::register::LONGEST_REQUEST;
use super::reply::{EPHEMERAL, Message, Reply};
use super::tell;
use super::wire::{Heard, Kind, Member};
use super::words::Words;
use super::{Bot, Turn};

/// Discord's kinds of first answers (its documentation, "Interaction Callback Type").
const PONG: u8 = 1;
const MESSAGE: u8 = 4;
const PROMISE: u8 = 5;
const PROMISE_OF_UPDATE: u8 = 6;
pub(super) const CHOICES: u8 = 8;
const FORM_ASKED: u8 = 9;

/// How often an answer is tried to be given that Discord does not know of yet, and the pause between.
const TRIES: u32 = 4;
const SOON: Duration = Duration::from_millis(500);

/// How many runs are listed.
const MOST_RUNS: u32 = 10;

/// Something that was asked for, with everything it takes to answer.
pub(super) struct Visitor {
    pub(super) guild: GuildId,
    pub(super) member: Member,
    pub(super) words: Words,
    pub(super) settings: ServerSettings,
    pub(super) preferences: UserPreferences,
    /// What people call the guild.
    pub(super) name: String,
    pub(super) command: CommandId,
}

impl Visitor {
    pub(super) fn author(&self) -> Author {
        Author::User(self.member.user.id)
    }
}

/// What came of it.
pub(super) struct Outcome {
    pub(super) reply: Reply,
    pub(super) status: CommandStatus,
    pub(super) interpretation: Option<Value>,
    pub(super) details: Value,
    pub(super) error: Option<String>,
}

impl From<Reply> for Outcome {
    fn from(reply: Reply) -> Self {
        Self { reply, status: CommandStatus::Completed, interpretation: None, details: Value::Null, error: None }
    }
}

/// A command or a button.
#[derive(Clone, Debug)]
pub(super) enum Wanted {
    Command(Ask),
    Button(Press),
}

impl Wanted {
    fn name(&self) -> &'static str {
        match self {
            Self::Command(ask) => ask.name(),
            Self::Button(press) => press.name(),
        }
    }

    fn level(&self) -> Level {
        match self {
            Self::Command(ask) => ask.level(),
            Self::Button(press) => press.level(),
        }
    }

    fn typed(&self) -> String {
        match self {
            Self::Command(ask) => ask.typed(),
            Self::Button(press) => press.id(),
        }
    }
}

impl Bot {
    /// The answer to one use of a command, a button or a form.
    pub(super) async fn turn(&self, heard: Heard) -> Option<Turn> {
        if !self.0.heard.lock().unwrap_or_else(PoisonError::into_inner).is_new(heard.id) {
            return None;
        }
        let data = heard.data.clone().unwrap_or_default();
        let Some((guild, member)) = heard.place().filter(|_| heard.kind != Kind::Ping) else {
            return Some(Turn { first: without_a_guild(heard.kind), then: None });
        };
        match heard.kind {
            Kind::Ping | Kind::Other => Some(Turn { first: json!({ "type": PONG }), then: None }),
            Kind::Autocomplete => Some(Turn { first: self.choices(guild, &member, &data).await, then: None }),
            Kind::Command => Some(match Ask::of(&data) {
                Ok(Ask::Propose { request: None }) => Turn { first: self.form(guild).await, then: None },
                asked => self.promised(heard, guild, member, asked.map(Wanted::Command), PROMISE),
            }),
            Kind::Modal => {
                let asked = Ask::of_form(&data).map(Wanted::Command);
                Some(self.promised(heard, guild, member, asked, PROMISE))
            }
            Kind::Component => Some(match Press::of(&data.custom_id) {
                Ok(Press::Typed(user)) => self.typed(heard, guild, member, user).await,
                pressed => self.promised(heard, guild, member, pressed.map(Wanted::Button), PROMISE_OF_UPDATE),
            }),
        }
    }

    /// What somebody typed as a message. The message everybody sees stays as it is.
    async fn typed(&self, heard: Heard, guild: GuildId, member: Member, user: UserId) -> Turn {
        let typed = heard.text_beside().ok_or(Misuse::UnknownButton).and_then(Ask::of_text);
        match typed {
            _ if user != member.user.id => self.promised(heard, guild, member, Err(Misuse::NotYours), PROMISE),
            Ok(Ask::Propose { request: None }) => Turn { first: self.form(guild).await, then: None },
            asked => self.promised(heard, guild, member, asked.map(Wanted::Command), PROMISE),
        }
    }

    /// Promises an answer, which is given when it is there.
    fn promised(
        &self,
        heard: Heard,
        guild: GuildId,
        member: Member,
        wanted: Result<Wanted, Misuse>,
        promise: u8,
    ) -> Turn {
        let first = match promise {
            PROMISE => json!({ "type": PROMISE, "data": { "flags": EPHEMERAL } }),
            other => json!({ "type": other }),
        };
        let (bot, to) = (self.clone(), heard.reference());
        let then = async move {
            let reply = bot.served(guild, member, wanted).await;
            let message = reply.message();
            if let Err(error) = bot.give(&to, &message).await {
                tracing::warn!(%guild, %error, "an answer could not be given");
            }
        };
        Turn { first, then: Some(Box::pin(then)) }
    }

    /// Gives the answer that was promised. Where the promise went by HTTP, Discord may not have taken it yet.
    async fn give(&self, to: &InteractionRef, message: &Message) -> Result<(), discord::Error> {
        let client = self.0.console.engine().client();
        let mut tries = 0;
        loop {
            tries += 1;
            match client.edit_response(to, &message.body, &message.files).await {
                Err(discord::Error::Gone { .. }) if tries < TRIES => self.0.clock.sleep(SOON).await,
                given => return given,
            }
        }
    }

    /// The answer to what somebody wants.
    async fn served(&self, guild: GuildId, member: Member, wanted: Result<Wanted, Misuse>) -> Reply {
        let configuration = match self.0.console.engine().servers().get(guild).await {
            Ok(configuration) => configuration,
            Err(error) => return tell::trouble(&Words::of("en"), &error.into()),
        };
        let settings = configuration.as_ref().map(|known| known.settings.clone()).unwrap_or_default();
        let words = Words::of(&settings.response_language);
        let wanted = match wanted {
            Ok(wanted) => wanted,
            Err(misuse) => return tell::misused(&words, misuse),
        };
        let (command, at) = (CommandId(Uuid::now_v7()), self.0.clock.now());
        let name = configuration.as_ref().and_then(|known| known.name.clone()).unwrap_or_else(|| guild.to_string());
        let person = person(&member, configuration.as_ref());
        let store = self.0.console.engine().store();
        let preferences = match store.preferences(member.user.id).await {
            Ok(preferences) => preferences,
            Err(error) => return tell::trouble(&words, &error.into()),
        };
        let visitor = Visitor { guild, member, words, settings, preferences, name, command };
        // A proposal is opened from its record, and its asker is known by it. And who is known can prefer something.
        let is_needed = [PROPOSE, PREFERENCES].contains(&wanted.name());
        let is_recorded = visitor.settings.feature_flags.audit_logging || is_needed;
        let begun = NewCommand {
            id: command,
            guild,
            person,
            kind: sort_of(wanted.name()),
            text: wanted.typed(),
            parameters: json!({ "command": wanted.name(), "execution_source": "discord_command" }),
            at,
        };
        if is_recorded && let Err(error) = store.begin_command(&begun).await {
            return tell::trouble(&visitor.words, &error.into());
        }
        let Outcome { reply, status, interpretation, details, error } = self.decided(&visitor, &wanted).await;
        let now = self.0.clock.now();
        let took = (now - at).to_std().unwrap_or_default();
        let is_done = status == CommandStatus::Completed;
        let results = json!([{
            "action": wanted.name(),
            "target_type": "setting",
            "target_id": guild,
            "success": is_done,
            "details": details,
            "error_message": error,
            "execution_time": took.as_secs_f64(),
        }]);
        let end = CommandEnd { status, interpretation, results: Some(results), error, took, at: now };
        if is_recorded && let Err(error) = store.end_command(command, &end).await {
            tracing::warn!(%guild, %error, "what came of a command could not be recorded");
        }
        reply
    }

    /// What comes of it, when it may be done at all.
    async fn decided(&self, visitor: &Visitor, wanted: &Wanted) -> Outcome {
        let Member { user, roles, permissions, locale: _ } = visitor.member.clone();
        let caller = Caller { user: user.id, roles, permissions };
        let moderation = &visitor.settings.moderation;
        if let Err(refusal) = permitted(&caller, wanted.name(), wanted.level(), &self.0.approvers, moderation) {
            let reply = tell::refused(&visitor.words, refusal);
            let error = Some(format!("{refusal:?}"));
            return Outcome { status: CommandStatus::Cancelled, error, ..reply.into() };
        }
        // Whoever understands plain words counts them.
        let most = visitor.settings.rate_limits.commands_per_user_per_minute;
        if !matches!(wanted, Wanted::Command(Ask::Propose { .. }))
            && let Err(wait) = self.0.console.counts(caller.user, most).await
        {
            let until = self.0.clock.now() + TimeDelta::from_std(wait).unwrap_or_default();
            let error = Some(format!("more than {most} commands in a minute"));
            let reply = tell::limited(&visitor.words, until);
            return Outcome { status: CommandStatus::Cancelled, error, ..reply.into() };
        }
        let done = match wanted {
            Wanted::Command(ask) => self.asked(visitor, ask).await,
            Wanted::Button(press) => self.pressed(visitor, press).await,
        };
        done.unwrap_or_else(|trouble| {
            let mut reply = tell::trouble(&visitor.words, &trouble);
            if let Wanted::Button(press) = wanted {
                reply = once_more(&visitor.words, reply, press, &trouble);
            }
            Outcome { status: CommandStatus::Failed, error: Some(trouble.to_string()), ..reply.into() }
        })
    }

    async fn asked(&self, visitor: &Visitor, ask: &Ask) -> Result<Outcome, Trouble> {
        let (console, words, guild) = (&self.0.console, &visitor.words, visitor.guild);
        Ok(match ask {
            Ask::Plan => tell::plan(words, &console.view(guild).await?).into(),
            Ask::Status => tell::status(words, &visitor.name, &console.stand(guild).await?).into(),
            Ask::Drift => {
                let plan = console.view(guild).await?.proposal.plan;
                tell::drift(words, &plan, &console.culprits(&plan).await).into()
            }
            Ask::Propose { request } => self.propose(visitor, request.as_deref().unwrap_or_default()).await?,
            Ask::History { run: None } => {
                tell::history(words, &visitor.name, &console.history(guild, MOST_RUNS).await?).into()
            }
            Ask::History { run: Some(run) } => tell::run(words, &console.run(guild, run).await?).into(),
            Ask::Approve { plan } => match console.waiting(guild, plan.as_deref()).await {
                Ok((held, plan)) => tell::approval(words, &held, &plan).into(),
                Err(Trouble::NoSuchPlan(_)) if plan.is_none() => tell::nothing_waits(words, &visitor.name).into(),
                Err(trouble) => return Err(trouble),
            },
            Ask::Rollback { run } => {
                let (record, back) = console.way_back(guild, run).await?;
                tell::rollback(words, &record, &back.plan).into()
            }
            Ask::Suspend { reason, hours } => {
                let until = hours.map(|hours| self.0.clock.now() + TimeDelta::hours(i64::from(hours)));
                let none = words.say("suspend-reason-missing");
                let reason = if reason.is_empty() { &none } else { reason };
                console.suspend(guild, reason, until, &visitor.author()).await?;
                tell::suspended(words, &visitor.name, until).into()
            }
            Ask::Resume => {
                let was_suspended = console.resume(guild, &visitor.author()).await?;
                tell::resumed(words, &visitor.name, was_suspended).into()
            }
            Ask::Preferences(wishes) => self.prefer(visitor, wishes).await?,
        })
    }

    async fn pressed(&self, visitor: &Visitor, press: &Press) -> Result<Outcome, Trouble> {
        let (console, words, guild, by) = (&self.0.console, &visitor.words, visitor.guild, visitor.author());
        Ok(match press {
            Press::Approve(digest) => {
                let (held, _) = console.waiting(guild, Some(digest)).await?;
                tell::sure_to_approve(words, &held.plan_digest).into()
            }
            Press::ApproveForSure(digest) => {
                let held = console.approve(guild, digest, &by).await?;
                let details = json!({ "plan": held.plan_digest });
                Outcome { details, ..tell::approved(words, &held).into() }
            }
            Press::Revert(digest) => tell::sure_to_revert(words, digest).into(),
            Press::RevertForSure(digest) => {
                let report = console.revert(guild, digest, &by).await?;
                let details = json!({ "run": report.run, "plan": digest });
                Outcome { details, ..tell::report(words, &report).into() }
            }
            Press::Ignore => tell::ignored(words, console.ignore_drift(guild, &by).await?).into(),
            Press::RollBackForSure { run, digest } => {
                let report = console.roll_back(guild, run, digest, &by).await?;
                let details = json!({ "run": report.run, "rollback_of": run });
                Outcome { details, ..tell::report(words, &report).into() }
            }
            Press::Open(command) => self.open(visitor, *command).await?,
            Press::Mean { command, number } => self.mean(visitor, *command, *number).await?,
            Press::Adopt(digest) => self.adopt(visitor, digest).await?,
            // What was typed is asked instead, before it comes to this.
            Press::Never | Press::Typed(_) => tell::nothing_done(words).into(),
        })
    }

    /// A form for what does not fit on a line.
    async fn form(&self, guild: GuildId) -> Value {
        let words = Words::of(&self.settings(guild).await.response_language);
        let field = json!({
            "type": 4,
            "custom_id": FIELD,
            "label": words.say("propose-field"),
            "style": 2,
            "min_length": 1,
            "max_length": LONGEST_REQUEST,
            "required": true,
        });
        let rows = json!([{ "type": 1, "components": [field] }]);
        json!({ "type": FORM_ASKED, "data": { "custom_id": FORM, "title": words.say("propose-form"), "components": rows } })
    }

    /// What is set for a guild, as far as it is remembered: not for decisions about changes.
    pub(super) async fn settings(&self, guild: GuildId) -> ServerSettings {
        let known = self.0.console.engine().servers().remembered(guild).await;
        known.ok().flatten().map(|known| known.settings).unwrap_or_default()
    }
}

/// What is answered where there is no guild.
fn without_a_guild(kind: Kind) -> Value {
    match kind {
        Kind::Ping => json!({ "type": PONG }),
        Kind::Autocomplete => json!({ "type": CHOICES, "data": { "choices": [] } }),
        Kind::Command | Kind::Component | Kind::Modal | Kind::Other => {
            let mut data = tell::private(&Words::of("en")).message().body;
            data["flags"] = json!(EPHEMERAL);
            json!({ "type": MESSAGE, "data": data })
        }
    }
}

fn person(member: &Member, guild: Option<&ServerConfiguration>) -> Person {
    let Member { user, roles: _, permissions, locale } = member.clone();
    let membership = match guild.and_then(|guild| guild.owner_id) {
        Some(owner) if owner == user.id => Membership::Owner,
        _ if permissions.contains(Permissions::ADMINISTRATOR) => Membership::Admin,
        _ => Membership::Member,
    };
    Person {
        user: user.id,
        username: user.username,
        discriminator: user.discriminator.unwrap_or_else(|| "0".to_owned()),
        avatar: user.avatar,
        locale,
        permissions,
        membership,
    }
}
