//! What the operator decides: which sources there are, and which of them may manage which guild.
//!
//! It comes from a file, the environment and flags, never from a repository that is managed by it. A flag wins over the
//! environment, the environment over the file, the file over the default. All problems of a file are told at once, each with its
//! place. Secrets stand in files of their own and are never shown. Knows neither sources nor databases: only how they are named.

mod assign;
mod document;
mod duration;
mod load;
mod mask;
mod resolve;
mod scalar;
pub mod schema;
mod show;
mod substitute;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::manifest::{Rule, Severity};
use crate::model::{ChannelId, GuildId, Occasion, RoleId, UserId};

pub use assign::{Assignment, Misassigned};
pub use load::{Error, Findings, Loaded, Surroundings, load, read};
pub use mask::is_like_secret;
pub use show::span;

/// The environment variable that names the file.
pub const SETTING_FILE: &str = "SETAI_CONFIG";

/// Every environment variable that is a setting, and what it is the setting of.
pub const VARIABLES: [(&str, &str); 7] = [
    (SETTING_FILE, "the operator's file"),
    ("DISCORD_TOKEN", "the bot's token"),
    ("DISCORD_TOKEN_FILE", "`discord.token_file`"),
    ("SETAI_DISCORD_URL", "`discord.url`"),
    ("SETAI_DATABASE_URL", "`database`"),
    ("SETAI_REDIS_URL", "`redis`"),
    ("SETAI_LOG", "`logs.level`"),
];

/// How many guilds are worked on at a time when nobody says how many.
pub const DEFAULT_WORKERS: u32 = 8;

/// What is logged by what runs on when nobody says what.
pub const DEFAULT_LEVEL: &str = "info";

/// A file with every setting and what it is for.
pub const EXAMPLE: &str = include_str!("config/example.yaml");

/// The kind of problem a setting has that does not fit.
const SETTING: Rule = Rule { code: "", severity: Severity::Block, meaning: "A setting does not fit." };

/// Everything the operator decided, with defaults where nothing was said.
#[derive(Clone, Debug)]
pub struct Config {
    /// The bot.
    pub discord: Discord,
    /// What is remembered; none means the default file in the state directory.
    pub database: Option<SecretString>,
    /// What processes share for a while; none means that each keeps it for itself.
    pub redis: Option<SecretString>,
    /// What is served by HTTP.
    pub http: Http,
    /// How many guilds are worked on at a time.
    pub workers: u32,
    /// Where manifests come from, in the order of the file; names are unique.
    pub sources: Vec<Source>,
    /// What is decided for single guilds.
    pub guilds: BTreeMap<GuildId, Guild>,
    /// How often Discord is compared.
    pub drift: Drift,
    /// Who is told of what.
    pub notifications: Vec<Notification>,
    /// Who may approve, and for how long.
    pub approvals: Approvals,
    /// Who interprets requests in plain language.
    pub ai: Ai,
    /// What is logged, and how.
    pub logs: Logs,
    /// Where spans of what runs on go; none means nowhere.
    pub otel: Option<Otel>,
    /// How long records are kept.
    pub retention: Retention,
    /// Settings that come from a flag or the environment instead of the file, by their names in the file.
    pub overridden: Vec<&'static str>,
}

/// A secret that stands in a file, or was given.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// The secret itself.
    pub fn get(&self) -> &SecretString {
        &self.0
    }
}

impl From<SecretString> for Secret {
    fn from(secret: SecretString) -> Self {
        Self(secret)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(set)")
    }
}

/// The bot.
#[derive(Clone, Debug)]
pub struct Discord {
    /// Its token.
    pub token: Option<Secret>,
    /// Another server than Discord's own.
    pub url: Option<String>,
    /// Whether commands are answered.
    pub commands: bool,
    /// Whether commands are answered that are typed as messages.
    pub messages: bool,
}

/// What is served by HTTP.
#[derive(Clone, Debug)]
pub struct Http {
    /// Where to listen; none means that nothing is served.
    pub listen: Option<SocketAddr>,
    /// Whether webhooks are taken.
    pub webhooks: bool,
}

/// Where manifests come from.
#[derive(Clone, Debug)]
pub struct Source {
    /// What it is called: letters, digits, `-` and `_`.
    pub name: String,
    /// A repository or a folder.
    pub origin: Origin,
    /// The folder inside of it that counts; empty means everything.
    pub path: String,
    /// How often it is looked at.
    pub interval: Duration,
    /// How long one look may take.
    pub timeout: Duration,
    /// How the forge says that something was pushed.
    pub webhook: Option<Webhook>,
    /// Which guilds it may manage.
    pub scope: Scope,
}

/// What a source is.
#[derive(Clone, Debug)]
pub enum Origin {
    /// A git repository.
    Git(Git),
    /// A folder, by its whole path.
    Directory(PathBuf),
}

/// A git repository.
#[derive(Clone, Debug)]
pub struct Git {
    /// Its address, without any secret.
    pub url: String,
    /// What of it is followed.
    pub reference: Reference,
    /// How one gets in; none means that anybody may.
    pub credentials: Option<Credentials>,
    /// The keys of SSH servers; none means those of the user.
    pub known_hosts: Option<PathBuf>,
    /// Whose signature a commit must bear; none means that none is needed.
    pub signatures: Option<Signatures>,
    /// Where changes are proposed to the team; none means nowhere.
    pub forge: Option<Box<Forge>>,
}

/// What of a repository is followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// The branch the repository itself calls its default.
    Default,
    /// A branch.
    Branch(String),
    /// A tag.
    Tag(String),
    /// A commit, by its whole id.
    Commit(String),
}

/// How one gets into a repository.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// An access token, over https.
    Token {
        /// The user it goes with, where that matters.
        user: Option<String>,
        /// The token.
        token: Secret,
    },
    /// A user with a password, over https.
    Password {
        /// The user.
        user: String,
        /// The password.
        password: Secret,
    },
    /// A private key, over SSH. The user stands in the address, or here.
    SshKey {
        /// The user, where the address has none.
        user: Option<String>,
        /// The file with the key.
        file: PathBuf,
        /// The passphrase of the key.
        passphrase: Option<Secret>,
    },
    /// The running SSH agent.
    SshAgent {
        /// The user, where the address has none.
        user: Option<String>,
    },
}

/// Whose signature a commit must bear. At least one of the two is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signatures {
    /// SSH keys.
    pub allowed_signers: Option<PathBuf>,
    /// OpenPGP keys.
    pub openpgp_keyring: Option<PathBuf>,
}

/// How a forge says that something was pushed.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// Which forge.
    pub kind: ForgeKind,
    /// What it proves itself by.
    pub secret: Secret,
}

/// A forge, by how it signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ForgeKind {
    /// GitHub.
    Github,
    /// GitLab.
    Gitlab,
    /// Gitea and Forgejo.
    Gitea,
    /// Anything that signs its messages.
    Generic,
}

/// Where changes are proposed to the team.
#[derive(Clone, Debug)]
pub struct Forge {
    /// At which forge.
    pub at: ForgeAt,
    /// The branch proposals are for; none means the repository's default branch.
    pub base: Option<String>,
}

/// A forge, by how one gets in.
#[derive(Clone, Debug)]
pub enum ForgeAt {
    /// A server.
    Server {
        /// Which.
        kind: ForgeServer,
        /// Where its API is; none means where such a server has it on the host of the repository.
        api: Option<String>,
        /// What the repository is called there; none means the path of its address.
        repository: Option<String>,
        /// The access token.
        token: Secret,
    },
    /// The repository itself, which is on this machine.
    Local,
}

/// A server of a forge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForgeServer {
    /// GitHub, and GitHub Enterprise Server.
    Github,
    /// GitLab.
    Gitlab,
    /// Gitea and Forgejo.
    Gitea,
}

/// How proposals come to a team.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
enum ProposalKind {
    /// Pull requests at GitHub, or GitHub Enterprise Server.
    Github,
    /// Merge requests at GitLab.
    Gitlab,
    /// Pull requests at Gitea or Forgejo.
    Gitea,
    /// Branches of a repository of this machine.
    Local,
}

/// Which guilds a source may manage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Whichever it describes.
    All,
    /// These, by ascending id.
    These(Vec<GuildId>),
}

impl Scope {
    /// True when a guild is among them.
    pub fn covers(&self, guild: GuildId) -> bool {
        match self {
            Self::All => true,
            Self::These(guilds) => guilds.contains(&guild),
        }
    }
}

/// What is decided for one guild.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guild {
    /// The one source that may manage it; none means any that may.
    pub source: Option<String>,
    /// The manifest, or the folder, in the source that may describe it; none means any.
    pub path: Option<String>,
    /// How often it is compared; none means as all guilds.
    pub drift_interval: Option<Duration>,
    /// When it is compared besides.
    pub schedule: Option<Schedule>,
    /// Whether it is left alone.
    pub suspended: bool,
}

/// Times of day and week.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// A cron expression that was found to be one.
    pub cron: String,
    /// Where these times are.
    pub timezone: chrono_tz::Tz,
}

/// How often Discord is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drift {
    /// How often.
    pub interval: Duration,
    /// How much sooner or later that may be, in percent.
    pub jitter: u8,
}

/// Who is told of what.
#[derive(Clone, Debug)]
pub struct Notification {
    /// Who.
    pub to: Recipient,
    /// Of what.
    pub on: Vec<Occasion>,
    /// Of which guilds; none means all.
    pub guilds: Vec<GuildId>,
}

/// Who is told.
#[derive(Clone, Debug)]
pub enum Recipient {
    /// Those who read a channel.
    Channel {
        /// The guild it is in.
        guild: GuildId,
        /// The channel.
        channel: ChannelId,
    },
    /// A server.
    Webhook {
        /// Its address, which may be secret.
        url: Secret,
        /// What messages are signed by.
        secret: Option<Secret>,
    },
}

/// Who may approve, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approvals {
    /// How long a plan waits for its approval.
    pub expire_after: Duration,
    /// Who may approve in Discord.
    pub approvers: Vec<Approver>,
}

/// Somebody in Discord who may approve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Approver {
    /// A user.
    User(UserId),
    /// Everybody who has a role.
    Role(RoleId),
}

/// Who interprets requests in plain language.
#[derive(Clone, Debug)]
pub struct Ai {
    /// Who.
    pub provider: AiProvider,
    /// Where; none means the provider's own address.
    pub base_url: Option<String>,
    /// The name of the model; always there for a provider that has models.
    pub model: Option<String>,
    /// What one gets in by.
    pub api_key: Option<Secret>,
    /// How long one answer may take.
    pub timeout: Duration,
    /// How often a request is sent again.
    pub retries: u32,
    /// Most tokens a model is told.
    pub max_input_tokens: u32,
    /// Most tokens it answers with.
    pub max_output_tokens: u32,
    /// How sure an interpretation must be to be offered, in percent.
    pub confidence_threshold: u8,
    /// What tokens cost, and what may be spent.
    pub cost: AiCost,
}

/// Who interprets requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AiProvider {
    /// The embedded rules.
    #[default]
    Rules,
    /// A server that speaks as OpenAI's does: OpenAI, Ollama, vLLM, llama.cpp.
    Openai,
    /// Anthropic.
    Anthropic,
}

/// What tokens cost, and what may be spent, in millionths of the one currency they are all in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AiCost {
    /// The prices of a million tokens in and a million tokens out; none means that nothing is counted.
    pub prices: Option<(u64, u64)>,
    /// Most that one request may cost.
    pub per_request: Option<u64>,
    /// Most that may be spent in a day of UTC.
    pub per_day: Option<u64>,
}

/// What is logged, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logs {
    /// For people or for programs.
    pub format: LogFormat,
    /// What, in the form of `RUST_LOG`; none means [`DEFAULT_LEVEL`] for what runs on, and nothing for other commands.
    pub level: Option<String>,
}

/// For whom logs are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For programs: a JSON object on each line.
    Json,
}

/// Where spans go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Otel {
    /// Where the collector takes OTLP over HTTP.
    pub endpoint: String,
}

/// How long records are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Rows of the audit trails; none means for ever.
    pub audit: Option<Duration>,
}

/// What flags and the environment say instead of the file.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// The bot's token.
    pub token: Option<SecretString>,
    /// Another server than Discord's own.
    pub discord_url: Option<String>,
    /// What is remembered.
    pub database: Option<SecretString>,
    /// What processes share for a while.
    pub redis: Option<SecretString>,
    /// What is logged.
    pub log: Option<String>,
}

impl Config {
    /// The name under which a source is known.
    pub fn source(&self, name: &str) -> Option<&Source> {
        self.sources.iter().find(|source| source.name == name)
    }

    /// The same, where flags and the environment win.
    #[must_use]
    pub fn overridden_by(mut self, overrides: Overrides) -> Self {
        let Overrides { token, discord_url, database, redis, log } = overrides;
        let mut note = |name: &'static str| self.overridden.push(name);
        if let Some(token) = token {
            note("discord.token_file");
            self.discord.token = Some(Secret(token));
        }
        if let Some(url) = discord_url {
            note("discord.url");
            self.discord.url = Some(url);
        }
        if let Some(database) = database {
            note("database");
            self.database = Some(database);
        }
        if let Some(redis) = redis {
            note("redis");
            self.redis = Some(redis);
        }
        if let Some(level) = log {
            note("logs.level");
            self.logs.level = Some(level);
        }
        self
    }
}
