//! The operator's file: what it says, laid under flags and environment variables.

use std::path::Path;

use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use serde_json::json;

use crate::cache::RedisUrl;
use crate::config::{self, Config, Loaded, Overrides};
use crate::plan::render::Tone;
use crate::store::DatabaseUrl;

use super::arguments::{ConfigCheck, ConfigCommand, Configuration, Connection};
use super::context;
use super::failure::{Exit, Failure, chain};
use super::run::{proposals, sources};
use super::screen::Screen;

/// `setai config`.
pub(super) fn run(command: &Configuration, connection: &Connection, screen: Screen) -> Result<Exit, Failure> {
    match &command.command {
        ConfigCommand::Check(command) => check(command, connection, screen),
        ConfigCommand::Example => {
            screen.print(config::EXAMPLE);
            Ok(Exit::Success)
        }
        ConfigCommand::Schema => {
            screen.print(config::schema::schema_text());
            Ok(Exit::Success)
        }
    }
}

fn check(command: &ConfigCheck, connection: &Connection, screen: Screen) -> Result<Exit, Failure> {
    let Some(file) = command.file.as_deref().or(connection.config.as_deref()) else {
        return Err(Failure::new("no file is named").help(
            "`setai config check FILE`, or SETAI_CONFIG=FILE; `setai config example` prints one to begin with.",
        ));
    };
    let Loaded { config, findings } = match config::load(file) {
        Ok(loaded) => loaded,
        Err(config::Error::Refused { findings, .. }) if command.json => {
            screen.say(super::json(&json!({ "problems": findings.to_json(), "in_force": null }))?);
            return Ok(Exit::Failure);
        }
        Err(config::Error::Refused { findings, .. }) => {
            screen.say(findings.render(screen.has_color()).trim_end());
            screen.say("");
            screen.toned(Tone::Refuse, format!("{} problem(s); nothing of the file is used", findings.count()));
            return Ok(Exit::Failure);
        }
        Err(error) => return Err(error.into()),
    };
    let config = config.overridden_by(overrides(connection)?);
    let unusable = unusable(&config)?;
    let exit = if unusable.is_empty() { Exit::Success } else { Exit::Failure };
    if command.json {
        let answer = json!({ "problems": findings.to_json(), "unusable": unusable, "in_force": config.shown() });
        screen.say(super::json(&answer)?);
        return Ok(exit);
    }
    if findings.count() > 0 {
        screen.say(findings.render(screen.has_color()).trim_end());
        screen.say("");
    }
    let shown = serde_saphyr::to_string(&config.shown());
    screen.say(shown.map_err(|error| Failure::new(format!("cannot be shown: {error}")))?.trim_end());
    for name in &config.overridden {
        screen.remark(format!("`{name}` is what a flag or the environment says, whatever the file says."));
    }
    for Unusable { setting, why } in &unusable {
        screen.toned(Tone::Refuse, format!("{setting} cannot be used: {why}"));
    }
    Ok(exit)
}

/// A setting that is written as it should be, and that whoever needs it refuses at once.
#[derive(Debug, Serialize)]
struct Unusable {
    setting: String,
    why: String,
}

/// What commands would refuse of a file that can be read. Nothing is asked of anybody.
fn unusable(config: &Config) -> Result<Vec<Unusable>, Failure> {
    let setting =
        |setting: &str, error: &dyn std::error::Error| Unusable { setting: setting.to_owned(), why: chain(error) };
    let sources = sources::unusable(&config.sources)?;
    let mut unusable: Vec<Unusable> =
        sources.iter().map(|(name, error)| setting(&format!("the source `{name}`"), error)).collect();
    let forges = proposals::unusable(&config.sources).into_iter();
    unusable.extend(forges.map(|(name, why)| Unusable { setting: format!("the forge of the source `{name}`"), why }));
    if let Some(Err(error)) = config.database.as_ref().map(|url| url.expose_secret().parse::<DatabaseUrl>()) {
        unusable.push(setting("`database`", &error));
    }
    if let Some(Err(error)) = config.redis.as_ref().map(|url| url.expose_secret().parse::<RedisUrl>()) {
        unusable.push(setting("`redis`", &error));
    }
    Ok(unusable)
}

/// What flags and the environment say.
fn overrides(connection: &Connection) -> Result<Overrides, Failure> {
    Ok(Overrides {
        token: if context::says_token(connection) { Some(context::token(connection)?) } else { None },
        discord_url: connection.discord_url.clone(),
        database: connection.database_url.clone().map(SecretString::from),
        redis: connection.redis_url.clone().map(SecretString::from),
        log: std::env::var("SETAI_LOG").ok().filter(|log| !log.is_empty()),
    })
}

/// The file that is named, with flags and environment laid over it; nothing when none is named.
pub(super) fn in_force(connection: &Connection) -> Result<Option<Config>, Failure> {
    let Some(file) = &connection.config else { return Ok(None) };
    let Loaded { config, findings: _ } = config::load(Path::new(file))?;
    Ok(Some(config.overridden_by(overrides(connection)?)))
}

impl From<config::Error> for Failure {
    fn from(error: config::Error) -> Self {
        let text = chain(&error);
        match &error {
            config::Error::Unreadable { .. } => Self::new(text)
                .help("`--config` or SETAI_CONFIG names it; `setai config example` prints one to begin with."),
            config::Error::Refused { path, findings } => {
                let help = format!("`setai config check {}` shows them like this:", path.display());
                Self::new(text).help(format!("{help}\n{}", findings.render(false).trim_end()))
            }
        }
    }
}
