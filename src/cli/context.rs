//! Opens what a command needs: the way to Discord, and the database.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use crate::cache::Cache;
use crate::clock::Clock;
use crate::config::Config;
use crate::controller::{Engine, Patience, Servers};
use crate::discord::{Client, Sent, Settings};
use crate::model::GuildId;
use crate::store::{Author, DatabaseUrl, Store, default_url, open};
use crate::telemetry::metrics;

use super::arguments::Connection;
use super::failure::Failure;

/// The connection, where a configuration says what neither a flag nor the environment does.
pub(super) fn completed(connection: &Connection, config: &Config) -> Connection {
    let mut completed = connection.clone();
    if !says_token(connection) {
        completed.token = config.discord.token.as_ref().map(|token| token.get().clone());
    }
    let exposed = |secret: &SecretString| secret.expose_secret().to_owned();
    completed.discord_url = completed.discord_url.or_else(|| config.discord.url.clone());
    completed.database_url = completed.database_url.or_else(|| config.database.as_ref().map(exposed));
    completed.redis_url = completed.redis_url.or_else(|| config.redis.as_ref().map(exposed));
    completed
}

/// A client for the bot whose token was given.
pub(super) fn client(connection: &Connection) -> Result<Client, Failure> {
    let mut settings = Settings::new(token(connection)?);
    settings.recorder = Some(Arc::new(measure));
    if let Some(address) = &connection.discord_url {
        settings.address.clone_from(address);
    }
    Ok(Client::connect(settings)?)
}

/// Measures a request, where somebody gathers what is measured.
fn measure(sent: &Sent<'_>) {
    metrics::DISCORD_REQUESTS.count(&[sent.route, &sent.status.unwrap_or_default().to_string()]);
    metrics::RATE_LIMIT_WAIT.observe(sent.waited, &[]);
}

/// True when a flag or the environment says which token, even if wrongly.
pub(super) fn says_token(connection: &Connection) -> bool {
    connection.token.as_ref().is_some_and(|token| !token.expose_secret().trim().is_empty())
        || connection.token_file.is_some()
}

/// The bot's token.
pub(super) fn token(connection: &Connection) -> Result<SecretString, Failure> {
    if let Some(token) = connection.token.as_ref().filter(|token| !token.expose_secret().trim().is_empty()) {
        return Ok(token.clone());
    }
    if let Some(path) = &connection.token_file {
        let text = std::fs::read_to_string(path);
        return text.map(SecretString::from).map_err(|error| no_token_in(path, &error));
    }
    Err(Failure::new("there is no bot token")
        .help("Set DISCORD_TOKEN (or DISCORD_TOKEN_FILE, or `discord.token_file` in the configuration) to the token from the Bot page of Discord's Developer Portal.")
        .help(
            "No bot yet? `setai demo` shows everything without one, and `setai simulate` runs a Discord to try it on.",
        ))
}

/// What is wrong with the file that should hold the token. A token that was pasted there is not repeated.
fn no_token_in(path: &Path, error: &std::io::Error) -> Failure {
    let is_token =
        error.kind() == std::io::ErrorKind::NotFound && path.to_str().is_some_and(crate::config::is_like_secret);
    let failure = match is_token {
        true => {
            Failure::new("cannot read the token: what names its file is not a path, and looks like the token itself")
                .help("DISCORD_TOKEN takes the token itself.")
        }
        false => Failure::new(format!("cannot read the token from `{}`: {error}", path.display())),
    };
    failure.help("DISCORD_TOKEN_FILE and `--token-file` name a file that holds nothing but the token.")
}

/// The database, made where there is none.
pub(super) async fn store(connection: &Connection) -> Result<Arc<dyn Store>, Failure> {
    Ok(open(&database_url(connection)?).await?)
}

/// Where the database is.
pub(super) fn database_url(connection: &Connection) -> Result<DatabaseUrl, Failure> {
    Ok(match &connection.database_url {
        Some(url) => url.parse()?,
        None => default_url(|name| std::env::var_os(name))?,
    })
}

/// True for a database other machines can use, too.
pub(super) fn is_served(connection: &Connection) -> Result<bool, Failure> {
    Ok(match database_url(connection)? {
        DatabaseUrl::Server(_) => true,
        DatabaseUrl::File(_) | DatabaseUrl::Memory => false,
    })
}

/// Where files are kept when nobody says where: the folder of the default database.
pub(super) fn state_folder() -> Result<PathBuf, Failure> {
    match default_url(|name| std::env::var_os(name))? {
        DatabaseUrl::File(path) => Ok(path.parent().map(Path::to_owned).unwrap_or_default()),
        DatabaseUrl::Memory | DatabaseUrl::Server(_) => Ok(PathBuf::new()),
    }
}

/// The cache other processes share; none when no address is given.
pub(super) fn cache(connection: &Connection) -> Result<Option<Cache>, Failure> {
    let Some(url) = &connection.redis_url else { return Ok(None) };
    Ok(Some(Cache::in_redis(&url.parse()?, Clock::system())?))
}

/// What is set for guilds. Needs no way to Discord.
pub(super) async fn servers(connection: &Connection) -> Result<Servers, Failure> {
    let cache = cache(connection)?.unwrap_or_else(|| Cache::in_process(Clock::system()));
    Ok(Servers::new(store(connection).await?, cache))
}

/// Client, database, cache and clock.
pub(super) async fn engine(connection: &Connection) -> Result<Engine, Failure> {
    let client = Arc::new(client(connection)?);
    let cache = cache(connection)?;
    let store = store(connection).await?;
    let patience = Patience {
        lock: Duration::from_secs(connection.lock_timeout),
        outage: Duration::from_secs(connection.database_timeout),
    };
    let engine = Engine::new(client, store, Clock::system()).known_as(&whereabouts()).with_patience(patience);
    Ok(match cache {
        Some(cache) => engine.with_cache(cache).sharing_rate(),
        None => engine,
    })
}

/// By what others know this process while they wait for it.
fn whereabouts() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let host = host.or_else(|| std::env::var("COMPUTERNAME").ok()).unwrap_or_default();
    let Author::Local(who) = author() else { return format!("process {}", std::process::id()) };
    match host.trim() {
        "" => format!("{who}, process {}", std::process::id()),
        host => format!("{who} at {host}, process {}", std::process::id()),
    }
}

/// A guild's id as people type it.
pub(super) fn guild_id(text: &str) -> Result<GuildId, Failure> {
    let id = text.trim_matches('"').parse().ok().and_then(GuildId::new_checked);
    id.ok_or_else(|| {
        Failure::new(format!("`{text}` is not the id of a guild"))
            .help("It is a number of 17 to 20 digits. Switch on developer mode in Discord, then right-click the server and copy its id.")
    })
}

/// Whose word a change is made on.
pub(super) fn author() -> Author {
    let name =
        ["SETAI_AUTHOR", "GITHUB_ACTOR", "USER", "USERNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    Author::Local(name.filter(|name| !name.is_empty()).unwrap_or_else(|| "somebody".to_owned()))
}

/// What the manifests' folder is at, when git knows: the commit, with `+` for changes that are in none.
pub(super) fn git_revision(path: &Path) -> Option<String> {
    let folder = if path.is_dir() {
        path
    } else {
        path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
    };
    let git = |arguments: &[&str]| {
        let output = std::process::Command::new("git").arg("-C").arg(folder).args(arguments).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let commit = git(&["rev-parse", "--short=12", "HEAD"])?;
    let changed = git(&["status", "--porcelain", "--", "."]).is_some_and(|changes| !changes.is_empty());
    Some(if changed { format!("{commit}+") } else { commit })
}
