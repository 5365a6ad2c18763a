//! What is in force, as people and programs read it. A secret is `(set)`, and nothing else of it.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    Ai, AiCost, Approver, Config, Credentials, DEFAULT_LEVEL, Discord, Drift, Forge, ForgeAt, ForgeServer, Git, Guild,
    Http, LogFormat, Logs, Notification, Origin, Recipient, Reference, Schedule, Scope, Source, Webhook, duration,
};

/// What is said of a secret that is there.
const SET: &str = "(set)";

/// A span of time as the file has it.
pub fn span(duration: Duration) -> String {
    duration::show(duration)
}

impl Config {
    /// Everything that is in force, under the names of the file. Complete: what was not said is there with its default.
    pub fn shown(&self) -> Value {
        let Self {
            discord: Discord { token, url, commands, messages },
            database,
            redis,
            http: Http { listen, webhooks },
            workers,
            sources,
            guilds,
            drift: Drift { interval, jitter },
            notifications,
            approvals,
            ai,
            logs: Logs { format, level },
            otel,
            retention,
            overridden,
        } = self;
        json!({
            "discord": { "token": token.as_ref().map(|_| SET), "url": url, "commands": commands, "messages": messages },
            "database": database.as_ref().map(|_| SET),
            "redis": redis.as_ref().map(|_| SET),
            "http": { "listen": listen.map(|listen| listen.to_string()), "webhooks": webhooks },
            "workers": workers,
            "sources": sources.iter().map(source).collect::<Vec<_>>(),
            "guilds": guilds.iter().map(|(id, decided)| (id.to_string(), guild(decided))).collect::<serde_json::Map<_, _>>(),
            "drift": { "interval": span(*interval), "jitter": format!("{jitter}%") },
            "notifications": notifications.iter().map(notification).collect::<Vec<_>>(),
            "approvals": {
                "expire_after": span(approvals.expire_after),
                "approvers": approvals.approvers.iter().map(approver).collect::<Vec<_>>(),
            },
            "ai": interpreter(ai),
            "logs": {
                "format": match format { LogFormat::Text => "text", LogFormat::Json => "json" },
                "level": level.as_deref().unwrap_or(DEFAULT_LEVEL),
            },
            "otel": otel.as_ref().map(|otel| json!({ "endpoint": otel.endpoint })),
            "retention": { "audit": retention.audit.map(span) },
            "overridden": overridden,
        })
    }
}

fn source(source: &Source) -> Value {
    let Source { name, origin, path, interval, timeout, webhook, scope } = source;
    json!({
        "name": name,
        "from": match origin {
            Origin::Git(git) => repository(git),
            Origin::Directory(folder) => json!({ "directory": folder }),
        },
        "path": path,
        "interval": span(*interval),
        "timeout": span(*timeout),
        "webhook": webhook.as_ref().map(|Webhook { kind, secret: _ }| json!({ "kind": kind, "secret": SET })),
        "guilds": match scope {
            Scope::All => json!("all"),
            Scope::These(guilds) => json!(guilds.iter().map(ToString::to_string).collect::<Vec<_>>()),
        },
    })
}

fn repository(git: &Git) -> Value {
    let Git { url, reference, credentials, known_hosts, signatures, forge } = git;
    json!({
        "git": url,
        "follows": match reference {
            Reference::Default => json!("the default branch"),
            Reference::Branch(name) => json!({ "branch": name }),
            Reference::Tag(name) => json!({ "tag": name }),
            Reference::Commit(id) => json!({ "commit": id }),
        },
        "credentials": credentials.as_ref().map(|credentials| match credentials {
            Credentials::Token { user, token: _ } => json!({ "user": user, "token": SET }),
            Credentials::Password { user, password: _ } => json!({ "user": user, "password": SET }),
            Credentials::SshKey { user, file, passphrase } => {
                json!({ "user": user, "ssh_key_file": file, "passphrase": passphrase.as_ref().map(|_| SET) })
            }
            Credentials::SshAgent { user } => json!({ "user": user, "ssh_agent": true }),
        }),
        "known_hosts": known_hosts,
        "signatures": signatures.as_ref().map(|s| {
            json!({ "allowed_signers": s.allowed_signers, "openpgp_keyring": s.openpgp_keyring })
        }),
        "forge": forge.as_deref().map(self::forge),
    })
}

fn forge(forge: &Forge) -> Value {
    let Forge { at, base } = forge;
    let base = base.as_deref().unwrap_or("the default branch");
    match at {
        ForgeAt::Local => json!({ "kind": "local", "base": base }),
        ForgeAt::Server { kind, api, repository, token: _ } => {
            let kind = match kind {
                ForgeServer::Github => "github",
                ForgeServer::Gitlab => "gitlab",
                ForgeServer::Gitea => "gitea",
            };
            json!({ "kind": kind, "api": api, "repository": repository, "token": SET, "base": base })
        }
    }
}

fn guild(guild: &Guild) -> Value {
    let Guild { source, path, drift_interval, schedule, suspended } = guild;
    let schedule = schedule.as_ref();
    json!({
        "source": source,
        "path": path,
        "drift_interval": drift_interval.map(span),
        "schedule": schedule.map(|Schedule { cron, timezone }| json!({ "cron": cron, "timezone": timezone.name() })),
        "suspended": suspended,
    })
}

fn notification(notification: &Notification) -> Value {
    let Notification { to, on, guilds } = notification;
    let to = match to {
        Recipient::Channel { guild, channel } => json!({ "discord_channel": format!("{guild}/{channel}") }),
        Recipient::Webhook { url: _, secret } => {
            json!({ "webhook": { "url": SET, "secret": secret.as_ref().map(|_| SET) } })
        }
    };
    let guilds = match guilds.is_empty() {
        true => json!("all"),
        false => json!(guilds.iter().map(ToString::to_string).collect::<Vec<_>>()),
    };
    json!({ "to": to, "on": on, "guilds": guilds })
}

fn interpreter(ai: &Ai) -> Value {
    let Ai { provider, base_url, model, api_key, timeout, retries, .. } = ai;
    let Ai { max_input_tokens, max_output_tokens, confidence_threshold, cost, .. } = ai;
    let AiCost { prices, per_request, per_day } = cost;
    let amount = |millionths: u64| format!("{}.{:06}", millionths / 1_000_000, millionths % 1_000_000);
    json!({
        "provider": provider,
        "base_url": base_url,
        "model": model,
        "api_key": api_key.as_ref().map(|_| SET),
        "timeout": span(*timeout),
        "retries": retries,
        "max_input_tokens": max_input_tokens,
        "max_output_tokens": max_output_tokens,
        "confidence_threshold": format!("{confidence_threshold}%"),
        "cost": prices.map(|(input, output)| json!({
            "input": amount(input),
            "output": amount(output),
            "per_request": per_request.map(amount),
            "per_day": per_day.map(amount),
        })),
    })
}

fn approver(approver: &Approver) -> String {
    match approver {
        Approver::User(id) => format!("user:{id}"),
        Approver::Role(id) => format!("role:{id}"),
    }
}
