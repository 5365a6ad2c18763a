//! `setai server`: the guilds that are known, and what is set for them outside of their manifests.

use serde_json::json;

use crate::clock::Clock;
use crate::controller::Servers;
use crate::model::{InvalidSetting, ServerConfiguration, Setting};
use crate::plan::render::Tone;
use crate::store::{Reconfiguration, ServerSummary};

use super::arguments::{Connection, Server, ServerCommand};
use super::context;
use super::failure::{Exit, Failure};
use super::screen::Screen;

pub(super) async fn run(command: &Server, connection: &Connection, screen: Screen) -> Result<Exit, Failure> {
    match &command.command {
        ServerCommand::List => list(&context::servers(connection).await?, command.json, screen).await,
        ServerCommand::Show { guild } => {
            let guild = context::guild_id(guild)?;
            let known = context::servers(connection).await?.get(guild).await?;
            let configuration = known.ok_or_else(|| {
                Failure::new(format!("nothing is known of the guild {guild}")).help(
                    "`setai server list` lists the guilds that are known; `apply` and `server set` make one known.",
                )
            })?;
            show(&configuration, command.json, screen)
        }
        ServerCommand::Set { guild, settings } => {
            let guild = context::guild_id(guild)?;
            let Some(settings) = read(settings, command.json, screen)? else { return Ok(Exit::Failure) };
            let servers = context::servers(connection).await?;
            let change = Reconfiguration { guild, author: context::author(), at: Clock::system().now(), settings };
            show(&servers.set(&change).await?, command.json, screen)
        }
    }
}

/// Reads settings; nothing when some are wrong, and then all that are were shown.
fn read(said: &[String], as_json: bool, screen: Screen) -> Result<Option<Vec<Setting>>, Failure> {
    let (mut settings, mut wrong) = (Vec::new(), Vec::new());
    for text in said {
        match Setting::parse(text) {
            Ok(setting) => settings.push(setting),
            Err(invalid) => wrong.push(invalid),
        }
    }
    if wrong.is_empty() {
        return Ok(Some(settings));
    }
    if as_json {
        let told = |invalid: &InvalidSetting| {
            json!({
                "field": invalid.field,
                "error_message": invalid.error_message,
                "suggested_fix": invalid.suggested_fix,
                "error_action": "block",
            })
        };
        screen.say(super::json(&wrong.iter().map(told).collect::<Vec<_>>())?);
        return Ok(None);
    }
    let all = Failure::new(format!("{} of {} settings cannot be; nothing was changed", wrong.len(), said.len()));
    Err(wrong
        .into_iter()
        .fold(all, |failure, invalid| failure.help(format!("{invalid}. Write `{}`.", invalid.suggested_fix))))
}

fn show(configuration: &ServerConfiguration, as_json: bool, screen: Screen) -> Result<Exit, Failure> {
    if as_json {
        screen.say(super::json(configuration)?);
        return Ok(Exit::Success);
    }
    let ServerConfiguration { server_id, name, owner_id, settings, status, joined_at, .. } = configuration;
    let name = name.as_deref().unwrap_or("no name seen yet");
    screen.toned(Tone::Strong, format!("{name} ({server_id}), {status}"));
    let owner = owner_id.map_or_else(String::new, |owner| format!(", owned by {owner}"));
    screen.say(format!("known since {}{owner}", joined_at.format("%Y-%m-%d %H:%M:%S")));
    screen.say("");
    Setting::all_of(settings).iter().for_each(|(name, value)| screen.say(format!("{name}={value}")));
    Ok(Exit::Success)
}

async fn list(servers: &Servers, as_json: bool, screen: Screen) -> Result<Exit, Failure> {
    let servers = servers.list().await?;
    if as_json {
        screen.say(super::json(&servers)?);
    } else if servers.is_empty() {
        screen.say("No guild is known yet.");
    }
    for ServerSummary { guild, name, status, requires_approval, last_run } in servers.iter().filter(|_| !as_json) {
        let run = last_run.as_ref().map_or_else(
            || "never applied".to_owned(),
            |run| {
                let how = run.verdict.map_or("not finished", |verdict| verdict.word());
                format!("{} {how}, run {}", run.started_at.format("%Y-%m-%d %H:%M:%S"), run.id.short())
            },
        );
        let approval = if *requires_approval { "  every change needs an approval" } else { "" };
        let name = name.as_deref().unwrap_or("?");
        screen.say(format!("{guild:<20}  {status:<8}  {name:<24}  {run}{approval}"));
    }
    Ok(Exit::Success)
}
