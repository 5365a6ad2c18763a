//! The spelling of the operator's file: which settings there are and what they are called.
//!
//! Decides the shape of the file; its comments are the descriptions an editor shows. Knows nothing of what settings mean
//! together.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::manifest::diagnostic::{Problems, Spot};
use crate::manifest::read::{Object, Read, Said, Table, object_schema, objects, unknown_fields, wrong_type};
use crate::manifest::tree::{Node, Value};
use crate::model::Occasion;

use super::scalar::{
    Address, ApproverText, ChannelText, CollectorUrl, Count, CronText, GuildText, HttpUrl, LevelText, Listen, Money,
    Name, PathText, Percent, ScopeDoc, Span, ZoneText,
};
use super::{AiProvider, ForgeKind, LogFormat, ProposalKind};

objects! {
    /// What the operator of SetAI decides. In every value `${NAME}` is an environment variable, `${NAME:-default}` one with a
    /// default. Secrets stand in files of their own, whose paths begin at the folder of this file.
    ConfigDoc = "the configuration" {
        /// The version of this file's form: 1.
        version: Count<1, 1>,
        /// The bot.
        discord: DiscordDoc,
        /// What is remembered: `sqlite:PATH` or `mysql://USER:PASSWORD@HOST/DATABASE`.
        database: Address,
        /// A file that holds the same, where it has a password in it.
        database_file: PathText,
        /// What processes share for a while: `redis://HOST:PORT/DB`. Without it each process keeps it for itself.
        redis: Address,
        /// A file that holds the same, where it has a password in it.
        redis_file: PathText,
        /// What is served by HTTP.
        http: HttpDoc,
        /// How many guilds are worked on at a time; 8 by default.
        workers: Count<1, 64>,
        /// Where manifests come from.
        sources: Vec<SourceDoc>,
        /// What is decided for single guilds, by their ids. A guild needs no entry.
        guilds: Table<GuildDoc>,
        /// How often Discord is compared with the manifests although nothing is known to have changed.
        drift: DriftDoc,
        /// Who is told of what.
        notifications: Vec<NotificationDoc>,
        /// Who may approve plans, and for how long an approval holds.
        approvals: ApprovalsDoc,
        /// Who interprets requests in plain language; the embedded rules by default, which ask nobody.
        ai: AiDoc,
        /// What is logged, and how.
        logs: LogsDoc,
        /// Spans of `setai run` for an OpenTelemetry collector; none by default.
        otel: OtelDoc,
        /// How long records are kept; for ever by default.
        retention: RetentionDoc,
    }

    /// The bot.
    DiscordDoc = "`discord`" {
        /// A file that holds nothing but the bot's token.
        token_file: PathText,
        /// Another server than Discord's own, such as a simulated one.
        url: HttpUrl,
        /// Whether `setai run` answers commands in Discord; true by default.
        commands: bool,
        /// Whether `setai run` answers commands that are typed as messages, such as `!setai plan`, too; false by default. It takes
        /// the privileged intent "Message Content".
        messages: bool,
    }

    /// What is served by HTTP: health, metrics and webhooks.
    HttpDoc = "`http`" {
        /// Where to listen. Nothing is served when it is missing.
        listen: Listen,
        /// Whether webhooks are taken; true by default.
        webhooks: bool,
    }

    /// Where manifests come from: a git repository or a folder.
    SourceDoc = "a source" {
        /// What the source is called, also in the address of its webhook.
        name: Name,
        /// The address of a git repository: `https://HOST/PATH`, `ssh://USER@HOST/PATH`, `USER@HOST:PATH` or a path.
        git: String,
        /// A folder.
        directory: PathText,
        /// The branch that is followed; the repository's default branch when nothing else is said.
        branch: String,
        /// A tag instead of a branch.
        tag: String,
        /// A commit instead of a branch, by its whole id.
        commit: String,
        /// The folder of the manifests, inside of the repository or folder.
        path: String,
        /// How often the source is looked at; `1m` by default, `10s` at least.
        interval: Span,
        /// How long one look may take; `1m` by default.
        timeout: Span,
        /// How one gets in.
        credentials: CredentialsDoc,
        /// The keys of SSH servers, in the form of OpenSSH's `known_hosts`.
        known_hosts: PathText,
        /// Whose signature a commit must bear.
        signatures: SignaturesDoc,
        /// How the forge says that something was pushed.
        webhook: WebhookDoc,
        /// Where changes are proposed to the team, as pull requests.
        forge: ForgeDoc,
        /// Which guilds the source may manage: their ids, or `all` that it describes.
        guilds: ScopeDoc,
    }

    /// How one gets into a repository: one of a token, a password, a key, or an agent.
    CredentialsDoc = "`credentials`" {
        /// A file with an access token, for https.
        token_file: PathText,
        /// The user of a password or a key, or of a token where it matters.
        user: String,
        /// A file with the user's password, for https.
        password_file: PathText,
        /// A private key, for SSH.
        ssh_key_file: PathText,
        /// A file with the passphrase of the key.
        passphrase_file: PathText,
        /// Whether the running SSH agent is asked.
        ssh_agent: bool,
    }

    /// Whose signature a commit must bear.
    SignaturesDoc = "`signatures`" {
        /// SSH keys, in the form of OpenSSH's `allowed_signers`.
        allowed_signers: PathText,
        /// OpenPGP keys.
        openpgp_keyring: PathText,
    }

    /// How a forge says that something was pushed, at `/webhooks/NAME`.
    WebhookDoc = "`webhook`" {
        /// Which forge.
        kind: ForgeKind,
        /// A file with the secret the forge proves itself by.
        secret_file: PathText,
    }

    /// Where changes of a git repository are proposed to the team.
    ForgeDoc = "`forge`" {
        /// Which forge; `gitea` for Forgejo too, and `local` for branches of a repository of this machine.
        kind: ProposalKind,
        /// Where its API is, such as `https://git.example.org/api/v4`; where the forge has it on the host of `git` by default.
        api: HttpUrl,
        /// What the repository is called there, such as `owner/name`; the path of `git` by default.
        repository: String,
        /// A file with an access token that may write branches, pull requests, comments and statuses.
        token_file: PathText,
        /// The branch proposals are for; the branch that is followed by default.
        base: String,
    }

    /// What is decided for one guild.
    GuildDoc = "a guild" {
        /// The one source that may manage it.
        source: Name,
        /// The manifest, or the folder, in the source that may describe it.
        path: String,
        /// How often it is compared although nothing is known to have changed.
        drift_interval: Span,
        /// When it is compared besides.
        schedule: ScheduleDoc,
        /// Whether it is left alone.
        suspended: bool,
    }

    /// Times of day and week.
    ScheduleDoc = "`schedule`" {
        /// Minute, hour, day of the month, month, day of the week.
        cron: CronText,
        /// Where these times are; `UTC` by default.
        timezone: ZoneText,
    }

    /// How often Discord is compared with the manifests although nothing is known to have changed.
    DriftDoc = "`drift`" {
        /// How often; `10m` by default, `1m` at least.
        interval: Span,
        /// How much sooner or later that may be, so that guilds do not all come at once; `10%` by default.
        jitter: Percent,
    }

    /// Who is told of what.
    NotificationDoc = "a notification" {
        /// A channel the bot writes to: `"GUILD/CHANNEL"`.
        discord_channel: ChannelText,
        /// A server that is sent JSON.
        webhook: OutgoingDoc,
        /// Of what; of everything but `applied` by default.
        on: Vec<Occasion>,
        /// Of which guilds; of all by default.
        guilds: Vec<Said<GuildText>>,
    }

    /// A server that is sent JSON.
    OutgoingDoc = "`webhook`" {
        /// A file with its address, which may be secret.
        url_file: PathText,
        /// A file with the secret messages are signed by.
        secret_file: PathText,
    }

    /// Who may approve plans, and for how long an approval holds.
    ApprovalsDoc = "`approvals`" {
        /// How long a plan waits for its approval; `24h` by default.
        expire_after: Span,
        /// Discord's users and roles who may approve: `user:ID`, `role:ID`. Nobody in Discord by default.
        approvers: Vec<ApproverText>,
    }

    /// Who interprets requests in plain language.
    AiDoc = "`ai`" {
        /// The embedded `rules`, a server that speaks as `openai` does (OpenAI, Ollama, vLLM, llama.cpp), or `anthropic`.
        provider: AiProvider,
        /// Where the server is; the provider's own by default. With the version for `openai`: `http://localhost:11434/v1`.
        base_url: HttpUrl,
        /// The name of the model there.
        model: String,
        /// A file with the key one gets in by. A server of one's own may need none.
        api_key_file: PathText,
        /// How long one answer may take; `1m` by default, `1s` at least.
        timeout: Span,
        /// How often a request is sent again that may be answered the next time; 2 by default.
        retries: Count<0, 5>,
        /// Most tokens a model is told, as estimated; 32000 by default. What does not fit is left out, and said.
        max_input_tokens: Count<1_000, 2_000_000>,
        /// Most tokens it answers with; 4096 by default.
        max_output_tokens: Count<256, 200_000>,
        /// How sure an interpretation must be to be offered where nobody says otherwise; `50%` by default.
        confidence_threshold: Percent,
        /// What tokens cost, and what may be spent.
        cost: AiCostDoc,
    }

    /// What tokens cost, and what may be spent, all in one currency.
    AiCostDoc = "`cost`" {
        /// The price of a million tokens a model is told.
        input: Money,
        /// The price of a million tokens it answers with.
        output: Money,
        /// Most that one request may cost.
        per_request: Money,
        /// Most that may be spent in a day of UTC.
        per_day: Money,
    }

    /// What is logged, and how.
    LogsDoc = "`logs`" {
        /// For people or for programs; `text` by default.
        format: LogFormat,
        /// How much: `info` by default; parts of the program by name, such as `warn,setai::discord=debug`.
        level: LevelText,
    }

    /// Spans for an OpenTelemetry collector.
    OtelDoc = "`otel`" {
        /// Where the collector takes OTLP over HTTP, such as `http://localhost:4318`; spans go to `/v1/traces` below it.
        endpoint: CollectorUrl,
    }

    /// How long records are kept; for ever by default.
    RetentionDoc = "`retention`" {
        /// Rows of the audit trails.
        audit: Span,
    }
}
