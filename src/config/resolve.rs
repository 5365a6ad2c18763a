//! What settings mean together: which exclude each other, which need each other, and what holds when nothing is said.
//!
//! Every problem is reported with its place, and then reading goes on with something harmless in its stead; a configuration with
//! a problem that blocks is never used.

mod ai;
mod source;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::SecretString;

use crate::manifest::diagnostic::{Problem, Problems, Spot};
use crate::manifest::read::{Object as _, Said};
use crate::model::{ChannelId, GuildId, Occasion};

use super::document::{ConfigDoc, GuildDoc, NotificationDoc, OutgoingDoc, ScheduleDoc};
use super::load::Surroundings;
use super::mask::is_like_secret;
use super::scalar::{self, Address, ChannelText, GuildText, PathText, Span};
use super::{
    Approvals, Config, DEFAULT_WORKERS, Discord, Drift, Guild, Http, LogFormat, Logs, Notification, Otel, Recipient,
    Retention, SETTING, Schedule, Secret, Source, duration,
};

/// Longest secret, in bytes. A file that is longer is another file.
const LONGEST_SECRET: usize = 64 << 10;

/// What the file means.
pub(super) fn resolve(doc: &ConfigDoc, surroundings: &Surroundings<'_>, problems: &mut Problems) -> Config {
    Resolver { surroundings, problems }.config(doc)
}

struct Resolver<'a> {
    surroundings: &'a Surroundings<'a>,
    problems: &'a mut Problems,
}

impl Resolver<'_> {
    fn config(&mut self, doc: &ConfigDoc) -> Config {
        let sources = self.sources(doc);
        let guilds = self.guilds(doc, &sources);
        let discord = doc.discord.as_ref();
        let http = doc.http.as_ref();
        let drift = doc.drift.as_ref();
        let approvals = doc.approvals.as_ref();
        let logs = doc.logs.as_ref();
        let minute = Duration::from_mins(1);
        let interval = drift.and_then(|drift| drift.interval.as_ref());
        Config {
            discord: Discord {
                token: discord.and_then(|discord| self.secret(discord.token_file.as_ref())),
                url: discord.and_then(|discord| Some(discord.url.as_ref()?.value.0.clone())),
                commands: discord.and_then(|discord| Some(discord.commands.as_ref()?.value)).unwrap_or(true),
                messages: discord.and_then(|discord| Some(discord.messages.as_ref()?.value)).unwrap_or(false),
            },
            database: self.address(doc.database.as_ref(), doc.database_file.as_ref(), "database"),
            redis: self.address(doc.redis.as_ref(), doc.redis_file.as_ref(), "redis"),
            http: Http {
                listen: http.and_then(|http| Some(http.listen.as_ref()?.0)),
                webhooks: http.and_then(|http| Some(http.webhooks.as_ref()?.value)).unwrap_or(true),
            },
            workers: doc.workers.as_ref().map_or(DEFAULT_WORKERS, |workers| workers.0),
            sources,
            guilds,
            drift: Drift {
                interval: self.span(interval, 10 * minute, minute),
                jitter: drift.and_then(|drift| Some(drift.jitter.as_ref()?.0)).unwrap_or(10),
            },
            notifications: self.notifications(doc),
            approvals: Approvals {
                expire_after: self.span(
                    approvals.and_then(|approvals| approvals.expire_after.as_ref()),
                    Duration::from_hours(24),
                    minute,
                ),
                approvers: approvals
                    .and_then(|approvals| approvals.approvers.as_ref())
                    .map(|approvers| approvers.iter().map(|approver| approver.0).collect())
                    .unwrap_or_default(),
            },
            ai: self.ai(doc.ai.as_ref()),
            logs: Logs {
                format: logs.and_then(|logs| logs.format.as_ref()).map_or(LogFormat::Text, |format| format.value),
                level: logs.and_then(|logs| Some(logs.level.as_ref()?.0.clone())),
            },
            otel: doc.otel.as_ref().and_then(|otel| self.otel(otel)),
            retention: Retention {
                audit: doc.retention.as_ref().and_then(|retention| retention.audit.as_ref()).map(|span| {
                    let day = Duration::from_hours(24);
                    self.span(Some(span), day, day)
                }),
            },
            overridden: Vec::new(),
        }
    }

    fn otel(&mut self, otel: &Said<super::document::OtelDoc>) -> Option<Otel> {
        let endpoint = self.needed(otel.endpoint.as_ref(), "endpoint", otel.spot(), "`otel`")?;
        Some(Otel { endpoint: endpoint.0.clone() })
    }

    fn guilds(&mut self, doc: &ConfigDoc, sources: &[Source]) -> BTreeMap<GuildId, Guild> {
        let mut guilds = BTreeMap::new();
        for (key, guild) in doc.guilds.iter().flat_map(|guilds| &guilds.value.0) {
            let Some(id) = scalar::id(key).and_then(GuildId::new_checked) else {
                self.wrong(key.spot, format!("`{}` is not the id of a guild", key.value), "expected Discord's id");
                continue;
            };
            let decided = self.guild(id, guild, sources);
            if guilds.insert(id, decided).is_some() {
                self.wrong(key.spot, format!("the guild {id} stands here twice"), "again here");
            }
        }
        guilds
    }

    fn guild(&mut self, id: GuildId, doc: &GuildDoc, sources: &[Source]) -> Guild {
        if let Some(named) = &doc.source {
            let name = &named.value.0;
            match sources.iter().find(|source| source.name == *name) {
                None => {
                    let problem = Problem::new(SETTING, format!("there is no source `{name}`"));
                    let problem = problem.at(named.spot, "not one of `sources`");
                    let guess = self.problems.guess(name, sources.iter().map(|source| source.name.as_str()));
                    self.problems.report(problem.did_you_mean(named.spot, guess));
                }
                Some(source) if !source.scope.covers(id) => {
                    let problem = Problem::new(SETTING, format!("the source `{name}` may not manage the guild {id}"));
                    let problem = problem.at(named.spot, "its `guilds` do not list it");
                    self.problems.report(problem.help("add the guild to the `guilds` of the source"));
                }
                Some(_) => {}
            }
        }
        Guild {
            source: doc.source.as_ref().map(|source| source.value.0.clone()),
            path: doc.path.as_ref().and_then(|path| self.inner_path(path)),
            drift_interval: doc.drift_interval.as_ref().map(|span| {
                let minute = Duration::from_mins(1);
                self.span(Some(span), minute, minute)
            }),
            schedule: doc.schedule.as_ref().and_then(|schedule| self.schedule(schedule)),
            suspended: doc.suspended.as_ref().is_some_and(|suspended| suspended.value),
        }
    }

    fn schedule(&mut self, doc: &Said<ScheduleDoc>) -> Option<Schedule> {
        let cron = self.needed(doc.cron.as_ref(), "cron", doc.spot(), "`schedule`")?;
        let timezone = doc.timezone.as_ref().map_or(chrono_tz::UTC, |zone| zone.0);
        Some(Schedule { cron: cron.0.clone(), timezone })
    }

    fn notifications(&mut self, doc: &ConfigDoc) -> Vec<Notification> {
        let docs = doc.notifications.iter().flat_map(|notifications| notifications.iter());
        docs.filter_map(|doc| self.notification(doc)).collect()
    }

    fn notification(&mut self, doc: &NotificationDoc) -> Option<Notification> {
        let NotificationDoc { spot, discord_channel, webhook, on, guilds } = doc;
        let to = match (discord_channel, webhook) {
            (Some(channel), None) => {
                let ChannelText(guild, channel) = channel.value;
                ChannelId::new_checked(channel).map(|channel| Recipient::Channel { guild, channel })
            }
            (None, Some(webhook)) => self.outgoing(webhook),
            (Some(_), Some(second)) => {
                self.wrong(second.key, "a notification goes to one place", "the second one; write another entry");
                None
            }
            (None, None) => {
                self.missing("discord_channel` or `webhook", *spot, "a notification");
                None
            }
        };
        let everything = || Occasion::ALL.into_iter().filter(|occasion| *occasion != Occasion::Applied).collect();
        let on = on.as_ref().map_or_else(everything, |on| on.value.clone());
        Some(Notification { to: to?, on, guilds: ids(guilds.as_ref()) })
    }

    fn outgoing(&mut self, doc: &OutgoingDoc) -> Option<Recipient> {
        let file = self.needed(doc.url_file.as_ref(), "url_file", doc.spot(), "`webhook`");
        let secret = self.secret(doc.secret_file.as_ref());
        let url = self.secret(file)?;
        let is_url = url::Url::parse(secrecy::ExposeSecret::expose_secret(url.get()))
            .is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
        if !is_url {
            let spot = file.map_or(doc.spot(), |file| file.spot);
            self.wrong(spot, "the file does not hold the address of an HTTP server", "this file");
            return None;
        }
        Some(Recipient::Webhook { url, secret })
    }

    // ---- what many need ----

    /// Reports a setting that does not fit.
    fn wrong(&mut self, spot: Spot, message: impl Into<String>, label: impl Into<String>) {
        self.problems.report(Problem::new(SETTING, message).at(spot, label));
    }

    /// Reports a setting that is missing, unless something else is wrong there, which may be the cause.
    fn missing(&mut self, field: &str, spot: Spot, noun: &str) {
        if !self.problems.are_blocking_within(spot) {
            self.wrong(spot, format!("{noun} has no `{field}`"), "in here");
        }
    }

    fn needed<'d, T>(&mut self, said: Option<&'d Said<T>>, field: &str, spot: Spot, noun: &str) -> Option<&'d Said<T>> {
        if said.is_none() {
            self.missing(field, spot, noun);
        }
        said
    }

    /// A span of time that is at least `least`.
    fn span(&mut self, said: Option<&Said<Span>>, default: Duration, least: Duration) -> Duration {
        let Some(said) = said else { return default };
        if said.0 < least {
            let message = format!("`{}` is too short", duration::show(said.0));
            self.wrong(said.spot, message, format!("at least `{}`", duration::show(least)));
        }
        said.0
    }

    /// The whole path of a file that is named.
    fn path(&self, said: &PathText) -> PathBuf {
        self.surroundings.folder.join(Path::new(&said.0))
    }

    /// A file that is there and can be read; its path.
    fn readable(&mut self, said: Option<&Said<PathText>>) -> Option<PathBuf> {
        let said = said?;
        let path = self.path(said);
        match (self.surroundings.read)(&path) {
            Ok(_) => Some(path),
            Err(error) => {
                self.wrong(said.spot, unreadable(said, &path, &error), "named here");
                None
            }
        }
    }

    /// What a file holds, without the line break at its end.
    fn secret(&mut self, said: Option<&Said<PathText>>) -> Option<Secret> {
        let said = said?;
        let path = self.path(said);
        let shown = path.display();
        let text = match (self.surroundings.read)(&path) {
            Err(error) => Err(unreadable(said, &path, &error)),
            Ok(bytes) if bytes.len() > LONGEST_SECRET => Err(format!("`{shown}` is too long for a secret")),
            Ok(bytes) => String::from_utf8(bytes).map_err(|_| format!("`{shown}` is not UTF-8 text")),
        };
        let text = text.map(|text| text.trim_end_matches(['\n', '\r']).to_owned());
        match text {
            Ok(text) if text.trim().is_empty() => {
                self.wrong(said.spot, format!("`{shown}` is empty"), "named here");
                None
            }
            Ok(text) => Some(Secret(SecretString::from(text))),
            Err(message) => {
                self.wrong(said.spot, message, "named here");
                None
            }
        }
    }

    /// An address that is written, or that stands in a file.
    fn address(
        &mut self,
        written: Option<&Said<Address>>,
        file: Option<&Said<PathText>>,
        field: &str,
    ) -> Option<SecretString> {
        match (written, file) {
            (Some(_), Some(file)) => {
                self.wrong(file.key, format!("`{field}` is said twice"), "remove this, or the other");
                None
            }
            (Some(written), None) => Some(written.value.0.clone()),
            (None, file) => self.secret(file).map(|Secret(secret)| secret),
        }
    }

    /// A path inside of a source, in one spelling: without `./`, without a slash at its ends.
    fn inner_path(&mut self, said: &Said<String>) -> Option<String> {
        let trimmed = said.value.trim_end_matches('/');
        if matches!(trimmed, "" | ".") {
            return Some(String::new());
        }
        match crate::manifest::Files::single(trimmed, []) {
            Ok(files) => files.iter().next().map(|(path, _)| path.to_owned()),
            Err(error) => {
                self.wrong(said.spot, error.to_string(), "a path inside of the source");
                None
            }
        }
    }
}

/// What is said of a file that cannot be read. What was pasted there instead of a path is not repeated.
fn unreadable(said: &PathText, path: &Path, error: &std::io::Error) -> String {
    match error.kind() == std::io::ErrorKind::NotFound && is_like_secret(&said.0) {
        true => "this is not a path: it looks like the secret itself, which belongs into a file".to_owned(),
        false => format!("`{}` cannot be read: {error}", path.display()),
    }
}

fn ids(guilds: Option<&Said<Vec<Said<GuildText>>>>) -> Vec<GuildId> {
    let mut ids: Vec<GuildId> =
        guilds.map(|guilds| guilds.iter().map(|guild| guild.value.0).collect()).unwrap_or_default();
    ids.sort();
    ids.dedup();
    ids
}
