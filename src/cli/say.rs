//! What people say to a controller that runs elsewhere, and what it says to them: both go through the database.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::from_value;

use crate::clock::Clock;
use crate::model::GuildId;
use crate::plan::Plan;
use crate::plan::render::{self, Line, Tone};
use crate::store::{Approval, Closing, DriftFilter, GuildStatus, HeldSummary, Store, Suspension};

use super::apply::ask;
use super::arguments::{Approve, Connection, Resume, Status, Suspend};
use super::context::{author, guild_id, store};
use super::failure::{Exit, Failure};
use super::run::{in_words, tone};
use super::screen::Screen;

/// Most differences that are listed with a guild.
const MOST_DIFFERENCES: u32 = 20;

pub(super) async fn status(command: &Status, connection: &Connection, screen: Screen) -> Result<Exit, Failure> {
    let store = store(connection).await?;
    let only = command.guild.as_deref().map(guild_id).transpose()?;
    let mut statuses = store.statuses().await?;
    statuses.retain(|status| only.is_none_or(|only| status.guild == only));
    if command.json {
        screen.say(super::json(&statuses)?);
        return Ok(Exit::Success);
    }
    if statuses.is_empty() {
        screen.say("No guild was looked after yet. `setai run` does so.");
    }
    for status in &statuses {
        show(&*store, status, screen).await?;
    }
    Ok(Exit::Success)
}

async fn show(store: &dyn Store, status: &GuildStatus, screen: Screen) -> Result<(), Failure> {
    let GuildStatus { guild, state, reason, message, source, since, updated_at, .. } = status;
    let head = vec![
        (Tone::Strong, format!("{guild}  ")),
        (tone(*state), in_words(*state).to_owned()),
        (Tone::Faint, format!("  {reason}, since {}, seen {}", minute(*since), minute(*updated_at))),
    ];
    screen.line(&Line(head));
    screen.say(format!("    {message}"));
    let revision = status.applied_revision.as_deref().unwrap_or("no revision");
    let source = source.as_deref().map_or_else(String::new, |source| format!(" from {source}"));
    screen.toned(Tone::Faint, format!("    at {revision}{source}"));
    for record in store.drift(Some(*guild), DriftFilter::Open, MOST_DIFFERENCES).await? {
        let by = record.cause.map_or_else(String::new, |cause| {
            let who = cause.by_name.unwrap_or_else(|| "somebody".to_owned());
            let why = cause.reason.map_or_else(String::new, |reason| format!(" ({reason})"));
            cause.at.map_or_else(String::new, |at| format!(", by {who} at {}{why}", minute(at)))
        });
        screen.toned(Tone::Update, format!("    ~ {}{by}", record.summary));
    }
    Ok(())
}

pub(super) async fn approve(command: &Approve, connection: &Connection, screen: Screen) -> Result<Exit, Failure> {
    let store = store(connection).await?;
    let Some(part) = &command.plan else {
        let waiting = store.held_plans(None).await?;
        if waiting.is_empty() {
            screen.say("No plan waits for an approval.");
        }
        waiting.iter().for_each(|held| list(held, screen));
        return Ok(Exit::Success);
    };
    let Some(held) = store.find_held_plan(part).await? else {
        return Err(Failure::new(format!("no plan whose digest begins with `{part}` waits"))
            .help("`setai approve` lists those that do.")
            .exit(Exit::Refused));
    };
    if let Some(closed) = &held.summary.closed {
        return Err(Failure::new(format!("this plan waits no more: it is {}", closed.how))
            .help("`setai approve` lists those that wait.")
            .exit(Exit::Refused));
    }
    let plan: Plan = from_value(held.plan).map_err(|error| {
        Failure::new(format!("the plan cannot be read: {error}")).help("Another version of setai may have made it.")
    })?;
    render::lines(&plan).iter().for_each(|line| screen.line(line));
    if !command.yes {
        ask(&plan, screen)?;
    }
    let now = Clock::system().now();
    let approval = Approval {
        guild: plan.guild,
        plan_digest: held.summary.plan_digest.clone(),
        granted_by: author(),
        granted_at: now,
        expires_at: Some(now + TimeDelta::hours(i64::from(command.hours))),
    };
    store.approve(&approval).await?;
    store.close_held_plan(plan.guild, &held.summary.plan_digest, Closing::Approved, now).await?;
    screen.toned(Tone::Create, "Approved. The controller applies it if nothing changed meanwhile.");
    Ok(Exit::Success)
}

fn list(held: &HeldSummary, screen: Screen) {
    let until = held.expires_at.map_or_else(String::new, |until| format!(", until {}", minute(until)));
    let digest = held.plan_digest.get(..12).unwrap_or(&held.plan_digest);
    screen.say(format!("{digest}  {}  since {}{until}", held.guild_name, minute(held.held_at)));
}

pub(super) async fn suspend(command: &Suspend, connection: &Connection, screen: Screen) -> Result<Exit, Failure> {
    let (store, guild, now) = (store(connection).await?, guild_id(&command.guild)?, Clock::system().now());
    let until = command.hours.map(|hours| now + TimeDelta::hours(i64::from(hours)));
    let suspension = Suspension { guild, by: author(), reason: command.reason.clone(), at: now, until };
    store.suspend(&suspension).await?;
    let until = until.map_or_else(|| "until `setai resume`".to_owned(), |until| format!("until {}", minute(until)));
    screen.say(format!("{guild} is left alone {until}. A request that is under way is not stopped."));
    Ok(Exit::Success)
}

pub(super) async fn resume(command: &Resume, connection: &Connection, screen: Screen) -> Result<Exit, Failure> {
    let (store, guild): (_, GuildId) = (store(connection).await?, guild_id(&command.guild)?);
    let was_suspended = store.resume(guild, &author(), Clock::system().now()).await?;
    screen.say(match was_suspended {
        true => format!("{guild} is looked after again."),
        false => format!("{guild} was not suspended."),
    });
    Ok(Exit::Success)
}

fn minute(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}
