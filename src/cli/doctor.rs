//! `setai doctor`: checks everything a reconciliation needs, each finding with what to do.

use serde::Serialize;

use crate::discord::Client;
use crate::model::{Bindings, Facet, GuildId, Permissions, Role, Snapshot, Visibility};
use crate::plan::render::Tone;

use super::arguments::{Connection, Doctor};
use super::context;
use super::failure::{Exit, Failure};
use super::screen::Screen;

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Good,
    Doubtful,
    Bad,
}

/// One check.
#[derive(Clone, Debug, Serialize)]
struct Finding {
    state: State,
    about: String,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
}

impl Finding {
    fn good(about: &str, text: impl Into<String>) -> Self {
        Self { state: State::Good, about: about.to_owned(), text: text.into(), help: None }
    }

    fn doubtful(about: &str, text: impl Into<String>, help: impl Into<String>) -> Self {
        Self { state: State::Doubtful, about: about.to_owned(), text: text.into(), help: Some(help.into()) }
    }

    fn bad(about: &str, text: impl Into<String>, help: impl Into<String>) -> Self {
        Self { state: State::Bad, about: about.to_owned(), text: text.into(), help: Some(help.into()) }
    }

    fn of(about: &str, failure: Failure) -> Self {
        Self { state: State::Bad, about: about.to_owned(), text: failure.what, help: Some(failure.help.join(" ")) }
    }
}

pub(super) async fn run(command: &Doctor, connection: &Connection, screen: Screen) -> Result<Exit, Failure> {
    let guild = command.guild.as_deref().map(context::guild_id).transpose()?;
    let mut findings = Vec::new();
    let store = context::store(connection).await;
    match &store {
        Ok(_) => findings.push(Finding::good("database", "opens, and its tables are up to date")),
        Err(failure) => findings.push(Finding::bad("database", failure.what.clone(), failure.help.join(" "))),
    }
    findings.extend(cache(connection).await);
    match context::client(connection) {
        Err(failure) => findings.push(Finding::of("token", failure)),
        Ok(client) => {
            let bindings = match (&store, guild) {
                (Ok(store), Some(guild)) => store.bindings(guild).await.unwrap_or_default(),
                _ => Bindings::default(),
            };
            examine(&client, guild, &bindings, &mut findings).await;
        }
    }
    show(&findings, command.json, screen)?;
    let bad = findings.iter().any(|finding| finding.state == State::Bad);
    Ok(if bad { Exit::Failure } else { Exit::Success })
}

/// Redis is optional: one that is missing is no finding, one that is down is doubtful.
async fn cache(connection: &Connection) -> Option<Finding> {
    let cache = match context::cache(connection) {
        Ok(cache) => cache?,
        Err(failure) => return Some(Finding::of("cache", failure)),
    };
    Some(match cache.reach().await {
        Ok(()) => Finding::good("cache", "Redis answers"),
        Err(error) => {
            let failure = Failure::from(error);
            Finding::doubtful("cache", failure.what, failure.help.join(" "))
        }
    })
}

async fn examine(client: &Client, guild: Option<GuildId>, bindings: &Bindings, findings: &mut Vec<Finding>) {
    match client.me().await {
        Err(error) => return findings.push(Finding::of("token", error.into())),
        Ok(me) if !me.bot => {
            let help = "Use the token of a bot; Discord forbids programs to use people's accounts.";
            return findings.push(Finding::bad("token", format!("belongs to the person {}", me.username), help));
        }
        Ok(me) => findings.push(Finding::good("token", format!("belongs to the bot {} ({})", me.username, me.id))),
    }
    let guilds = match client.guilds().await {
        Err(error) => return findings.push(Finding::of("guilds", error.into())),
        Ok(guilds) => guilds,
    };
    let invite = "Open https://discord.com/oauth2/authorize?client_id=APPLICATION_ID&scope=bot&permissions=8 with the application's id.";
    match guild {
        None if guilds.is_empty() => findings.push(Finding::bad("guilds", "the bot is in no guild", invite)),
        None => {
            for guild in &guilds {
                let admin = guild.owner || guild.permissions.contains(Permissions::ADMINISTRATOR);
                let held = if admin { "administrator" } else { "not administrator" };
                findings.push(Finding::good(
                    "guild",
                    format!("{} ({}), {held}; `--guild {1}` looks closer", guild.name, guild.id),
                ));
            }
        }
        Some(id) if !guilds.iter().any(|guild| guild.id == id) => {
            findings.push(Finding::bad("guild", format!("the bot is not in the guild {id}"), invite));
        }
        Some(id) => match observe(client, id).await {
            Err(failure) => findings.push(Finding::of("guild", failure)),
            Ok(snapshot) => examine_guild(&snapshot, bindings, findings),
        },
    }
}

async fn observe(client: &Client, guild: GuildId) -> Result<Snapshot, Failure> {
    let mut snapshot = client.snapshot(guild).await?;
    client.identify(&mut snapshot).await?;
    Ok(snapshot)
}

fn examine_guild(snapshot: &Snapshot, bindings: &Bindings, findings: &mut Vec<Finding>) {
    let guild = &snapshot.guild;
    let categories = guild.channels.iter().filter(|c| c.is_category()).count();
    let layout = format!(
        "{}: {} roles, {categories} categories, {} channels",
        guild.settings.name,
        guild.roles.len(),
        guild.channels.len() - categories
    );
    findings.push(Finding::good("guild", layout));
    let Facet::Known(bot) = &snapshot.bot else { return };
    if bot.timed_out {
        findings.push(Finding::bad(
            "bot",
            "is timed out, so Discord refuses everything",
            "End its timeout in Discord.",
        ));
    }
    permissions(snapshot, findings);
    hierarchy(snapshot, bindings, findings);
    match snapshot.visibility() {
        Visibility::Complete => findings.push(Finding::good("channels", "all of them are visible to the bot")),
        Visibility::Partial { hidden } => {
            let text = match hidden.len() {
                0 => "some may be hidden from the bot; new ones are only created where it can be sure".to_owned(),
                n => format!("{n} are known to exist and hidden from the bot"),
            };
            let help = "Give the bot's role Administrator, or view_channel in every category.";
            findings.push(Finding::doubtful("channels", text, help));
        }
    }
    if guild.requires_mfa {
        let help = "Switch it on in the settings of the account that owns the bot.";
        findings.push(Finding::doubtful(
            "two-factor",
            "the guild wants it of moderators; the bot's owner must have it",
            help,
        ));
    }
}

/// What a reconciliation uses.
const NEEDED: [(Permissions, &str); 5] = [
    (Permissions::VIEW_CHANNEL, "to see the channels it keeps"),
    (Permissions::MANAGE_CHANNELS, "for channels and categories"),
    (Permissions::MANAGE_ROLES, "for roles and overwrites"),
    (Permissions::MANAGE_GUILD, "for the guild's settings"),
    (Permissions::VIEW_AUDIT_LOG, "to find what it did after a lost answer, and who changed what"),
];

fn permissions(snapshot: &Snapshot, findings: &mut Vec<Finding>) {
    let held = snapshot.bot_permissions().unwrap_or(Permissions::NONE);
    if held.contains(Permissions::ADMINISTRATOR) {
        return findings.push(Finding::good("permissions", "the bot is administrator"));
    }
    let missing: Vec<String> = NEEDED
        .iter()
        .filter(|(permission, _)| !held.contains(*permission))
        .map(|(permission, why)| format!("{} ({why})", permission.names().join(", ")))
        .collect();
    if missing.is_empty() {
        let help = "Overwrites that name manage_roles can only be set by an administrator.";
        findings.push(Finding::doubtful(
            "permissions",
            "the bot has all it usually needs, without being administrator",
            help,
        ));
    } else {
        let text = format!("the bot lacks {}", missing.join(", "));
        findings.push(Finding::bad(
            "permissions",
            text,
            "Give them to the bot's role in Discord: Server Settings, Roles.",
        ));
    }
}

fn hierarchy(snapshot: &Snapshot, bindings: &Bindings, findings: &mut Vec<Finding>) {
    let Facet::Known(bot) = &snapshot.bot else { return };
    let guild = &snapshot.guild;
    let highest = guild.roles.iter().position(|role| role.id.id().is_some_and(|id| bot.roles.contains(&id)));
    let above = &guild.roles[..highest.unwrap_or(guild.roles.len())];
    let managed: Vec<&Role> =
        above.iter().filter(|role| role.id.id().is_some_and(|id| bindings.key_of_role(id).is_some())).collect();
    let names = |roles: &[&Role]| roles.iter().map(|r| r.attributes.name.as_str()).collect::<Vec<_>>().join(", ");
    let help = "Drag the bot's role above them in Discord: Server Settings, Roles.";
    if !managed.is_empty() {
        findings.push(Finding::bad(
            "hierarchy",
            format!("managed roles stand above the bot: {}", names(&managed)),
            help,
        ));
    } else if above.is_empty() {
        findings.push(Finding::good("hierarchy", "the bot's role is the highest"));
    } else {
        let above: Vec<&Role> = above.iter().collect();
        let text =
            format!("{} role(s) stand above the bot and cannot be changed by it: {}", above.len(), names(&above));
        findings.push(Finding::doubtful("hierarchy", text, help));
    }
}

fn show(findings: &[Finding], as_json: bool, screen: Screen) -> Result<(), Failure> {
    if as_json {
        screen.say(super::json(&findings)?);
        return Ok(());
    }
    for Finding { state, about, text, help } in findings {
        let (tone, sign) = match state {
            State::Good => (Tone::Create, "ok  "),
            State::Doubtful => (Tone::Warn, "look"),
            State::Bad => (Tone::Refuse, "BAD "),
        };
        screen.toned(tone, format!("{sign}  {about}: {text}"));
        if let Some(help) = help.as_ref().filter(|help| !help.is_empty()) {
            screen.toned(Tone::Faint, format!("      {help}"));
        }
    }
    Ok(())
}
