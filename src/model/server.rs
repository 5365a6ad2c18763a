//! What is set for a guild outside of its manifest: the data model's `ServerConfiguration` and `ServerSettings`.
//!
//! Decides which settings there are, what each may be and what to say of a value that cannot be. A manifest says how a guild
//! should look; these say how SetAI behaves in it.

use std::collections::BTreeSet;
use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{ChannelId, GuildId, Permissions, UserId};

/// A guild as it is known, and what is set for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerConfiguration {
    /// Which guild.
    pub server_id: GuildId,
    /// Its name as last seen; none before that.
    pub name: Option<String>,
    /// Its icon as last seen, when it has one.
    pub icon_hash: Option<String>,
    /// Its owner as last seen; none before that.
    pub owner_id: Option<UserId>,
    /// What the bot may do there; none while nobody has looked.
    pub bot_permissions: Option<Permissions>,
    /// What is set.
    pub settings: ServerSettings,
    /// Whether the bot is still there.
    pub status: ServerStatus,
    /// When it was first heard of.
    pub joined_at: DateTime<Utc>,
    /// When the settings were changed last, or else when the guild was first heard of. Never goes back.
    pub updated_at: DateTime<Utc>,
}

/// Whether the bot is in a guild.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServerStatus {
    /// It is.
    #[default]
    Active,
    /// It is, and does nothing there.
    Inactive,
    /// It is not any more.
    Removed,
}

impl fmt::Display for ServerStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
            Self::Removed => "removed",
        })
    }
}

/// What is set for a guild.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServerSettings {
    /// What a command in a message begins with.
    pub command_prefix: String,
    /// The language of answers: an ISO 639 code such as `en`, with a region where it matters, such as `pt-BR`.
    pub response_language: String,
    /// What is switched on.
    pub feature_flags: FeatureFlags,
    /// How much people may ask for.
    pub rate_limits: ServerRateLimits,
    /// Who has to agree, and who is told.
    pub moderation: Moderation,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            command_prefix: "!setai".to_owned(),
            response_language: "en".to_owned(),
            feature_flags: FeatureFlags::default(),
            rate_limits: ServerRateLimits::default(),
            moderation: Moderation::default(),
        }
    }
}

/// What is switched on in a guild.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FeatureFlags {
    /// Requests in plain language are understood.
    pub natural_language_processing: bool,
    /// Templates can be used.
    pub template_management: bool,
    /// Uses of commands are recorded.
    pub audit_logging: bool,
    /// Permissions of single channels can be asked for.
    pub advanced_permissions: bool,
    /// What nobody uses any more is tidied up.
    pub auto_cleanup: bool,
}

impl Default for FeatureFlags {
    /// Everything but what removes something.
    fn default() -> Self {
        Self {
            natural_language_processing: true,
            template_management: true,
            audit_logging: true,
            advanced_permissions: true,
            auto_cleanup: false,
        }
    }
}

/// How much people may ask for in a guild.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServerRateLimits {
    /// Commands of one person in a minute.
    pub commands_per_user_per_minute: u32,
    /// Requests to a language model in an hour, of everybody together.
    pub ai_requests_per_hour: u32,
}

impl Default for ServerRateLimits {
    fn default() -> Self {
        Self { commands_per_user_per_minute: 10, ai_requests_per_hour: 100 }
    }
}

/// Who has to agree to what happens in a guild, and who is told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Moderation {
    /// Every plan that changes something needs somebody's approval of exactly that plan, whatever its manifest says.
    pub require_admin_approval: bool,
    /// Where people are told what happened.
    pub log_channel_id: Option<ChannelId>,
    /// Commands that only administrators may use, in order.
    pub restricted_commands: Vec<String>,
}

/// One setting with a value it may have.
#[derive(Clone, Debug)]
pub struct Setting(Given);

/// Where a setting is, and its value.
#[derive(Clone, Debug)]
enum Given {
    Text(At<String>, String),
    Switch(At<bool>, bool),
    Number(At<u32>, u32),
    Channel(At<Option<ChannelId>>, Option<ChannelId>),
    Words(At<Vec<String>>, Vec<String>),
}

type At<T> = fn(&mut ServerSettings) -> &mut T;

/// What a setting may be.
enum Kind {
    /// A text that fits, what fits in words, and one that does.
    Text(At<String>, fn(&str) -> bool, &'static str, &'static str),
    /// `true` or `false`.
    Switch(At<bool>),
    /// A number from and to.
    Number(At<u32>, u32, u32),
    /// A channel, or nothing.
    Channel(At<Option<ChannelId>>),
    /// Names of commands, or nothing.
    Words(At<Vec<String>>),
}

/// Every setting by its place in [`ServerSettings`].
const SETTINGS: [(&str, Kind); 12] = [
    (
        "command_prefix",
        Kind::Text(|s| &mut s.command_prefix, is_prefix, "a prefix of 1 to 16 characters without spaces", "!setai"),
    ),
    (
        "response_language",
        Kind::Text(|s| &mut s.response_language, is_language, "an ISO 639 code such as `de` or `pt-BR`", "en"),
    ),
    ("feature_flags.natural_language_processing", Kind::Switch(|s| &mut s.feature_flags.natural_language_processing)),
    ("feature_flags.template_management", Kind::Switch(|s| &mut s.feature_flags.template_management)),
    ("feature_flags.audit_logging", Kind::Switch(|s| &mut s.feature_flags.audit_logging)),
    ("feature_flags.advanced_permissions", Kind::Switch(|s| &mut s.feature_flags.advanced_permissions)),
    ("feature_flags.auto_cleanup", Kind::Switch(|s| &mut s.feature_flags.auto_cleanup)),
    (
        "rate_limits.commands_per_user_per_minute",
        Kind::Number(|s| &mut s.rate_limits.commands_per_user_per_minute, 1, 1000),
    ),
    ("rate_limits.ai_requests_per_hour", Kind::Number(|s| &mut s.rate_limits.ai_requests_per_hour, 0, 100_000)),
    ("moderation.require_admin_approval", Kind::Switch(|s| &mut s.moderation.require_admin_approval)),
    ("moderation.log_channel_id", Kind::Channel(|s| &mut s.moderation.log_channel_id)),
    ("moderation.restricted_commands", Kind::Words(|s| &mut s.moderation.restricted_commands)),
];

/// As many characters as the database keeps.
fn is_prefix(text: &str) -> bool {
    (1..=16).contains(&text.chars().count()) && !text.chars().any(|c| c.is_whitespace() || c.is_control())
}

fn is_language(text: &str) -> bool {
    let (language, region) = text.split_once('-').map_or((text, None), |(language, region)| (language, Some(region)));
    let is_region = |region: &str| region.len() == 2 && region.bytes().all(|b| b.is_ascii_uppercase());
    (2..=3).contains(&language.len())
        && language.bytes().all(|b| b.is_ascii_lowercase())
        && region.is_none_or(is_region)
}

/// As Discord has the names of slash commands (its application command documentation), without capitals.
fn is_command(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    (1..=32).contains(&text.len()) && text.chars().all(fits)
}

/// What is wrong with a setting: the data model's `ValidationResult` of one that is not valid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{field}: {error_message}")]
pub struct InvalidSetting {
    /// Which setting.
    pub field: String,
    /// What is wrong.
    pub error_message: String,
    /// What to write instead.
    pub suggested_fix: String,
}

impl Setting {
    /// Reads `field=value`.
    ///
    /// # Errors
    /// [`InvalidSetting`] when there is no such field or it cannot have the value.
    pub fn parse(text: &str) -> Result<Self, InvalidSetting> {
        let invalid = |field: &str, error_message: String, suggested_fix: String| InvalidSetting {
            field: field.to_owned(),
            error_message,
            suggested_fix,
        };
        let Some((path, value)) = text.split_once('=').map(|(path, value)| (path.trim(), value.trim())) else {
            return Err(invalid(
                text,
                "a setting is written as `field=value`".to_owned(),
                format!("{}=VALUE", nearest(text)),
            ));
        };
        let Some((_, kind)) = SETTINGS.iter().find(|(name, _)| *name == path) else {
            return Err(invalid(path, "there is no such setting".to_owned(), format!("{}={value}", nearest(path))));
        };
        let read = kind.read(value).map(Self);
        read.map_err(|(wanted, instead)| {
            invalid(path, format!("`{value}` is not {wanted}"), format!("{path}={instead}"))
        })
    }

    /// Every setting by its place, with what it is set to, as it would be written.
    pub fn all_of(settings: &ServerSettings) -> Vec<(&'static str, String)> {
        let mut settings = settings.clone();
        SETTINGS.iter().map(|(name, kind)| (*name, kind.written(&mut settings))).collect()
    }

    /// Sets it.
    pub fn apply(&self, settings: &mut ServerSettings) {
        match &self.0 {
            Given::Text(at, text) => at(settings).clone_from(text),
            Given::Switch(at, on) => *at(settings) = *on,
            Given::Number(at, number) => *at(settings) = *number,
            Given::Channel(at, channel) => *at(settings) = *channel,
            Given::Words(at, words) => at(settings).clone_from(words),
        }
    }
}

/// The setting that is probably meant: one that ends so, or else the one that looks most like it.
fn nearest(path: &str) -> &'static str {
    let names = || SETTINGS.iter().map(|(name, _)| *name);
    let last = format!(".{path}");
    let similar = || names().min_by_key(|name| strsim::damerau_levenshtein(path, name));
    names().find(|name| name.ends_with(&last)).or_else(similar).unwrap_or_default()
}

impl Kind {
    /// The value a text stands for, or what is wanted in words, and a text that would do.
    fn read(&self, text: &str) -> Result<Given, (String, String)> {
        let wrong = |wanted: String, instead: &str| Err((wanted, instead.to_owned()));
        match *self {
            Self::Text(at, fits, ..) if fits(text) => Ok(Given::Text(at, text.to_owned())),
            Self::Text(_, _, wanted, instead) => wrong(wanted.to_owned(), instead),
            Self::Switch(at) => match text {
                "true" | "on" | "yes" => Ok(Given::Switch(at, true)),
                "false" | "off" | "no" => Ok(Given::Switch(at, false)),
                _ => wrong("`true` or `false`".to_owned(), "true"),
            },
            Self::Number(at, least, most) => match text.parse::<u32>() {
                Ok(number) if (least..=most).contains(&number) => Ok(Given::Number(at, number)),
                Ok(number) if number < least => wrong(format!("between {least} and {most}"), &least.to_string()),
                Ok(_) => wrong(format!("between {least} and {most}"), &most.to_string()),
                Err(_) => wrong(format!("a number between {least} and {most}"), &least.to_string()),
            },
            Self::Channel(at) if text.is_empty() => Ok(Given::Channel(at, None)),
            Self::Channel(at) => match text.parse::<u64>().ok().and_then(ChannelId::new_checked) {
                Some(channel) => Ok(Given::Channel(at, Some(channel))),
                None => wrong("the id of a channel, which is a number".to_owned(), "1146231231231231300"),
            },
            Self::Words(at) => {
                let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
                let words: BTreeSet<String> = words.map(str::to_owned).collect();
                if !words.iter().all(|word| is_command(word)) {
                    return wrong("a list of names of commands, with commas between them".to_owned(), "apply,rollback");
                }
                Ok(Given::Words(at, words.into_iter().collect()))
            }
        }
    }

    fn written(&self, settings: &mut ServerSettings) -> String {
        match self {
            Self::Text(at, ..) => at(settings).clone(),
            Self::Switch(at) => at(settings).to_string(),
            Self::Number(at, ..) => at(settings).to_string(),
            Self::Channel(at) => at(settings).map_or_else(String::new, |channel| channel.to_string()),
            Self::Words(at) => at(settings).join(","),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_read_as_it_is_written() {
        let mut settings = ServerSettings::default();
        let said = [
            "command_prefix = ?",
            "response_language=pt-BR",
            "feature_flags.natural_language_processing=off",
            "feature_flags.template_management=no",
            "feature_flags.audit_logging=false",
            "feature_flags.advanced_permissions=false",
            "feature_flags.auto_cleanup=on",
            "rate_limits.commands_per_user_per_minute=1000",
            "rate_limits.ai_requests_per_hour=0",
            "moderation.require_admin_approval=yes",
            "moderation.log_channel_id=1146231231231231300",
            "moderation.restricted_commands=rollback, apply,apply",
        ];
        said.iter().for_each(|text| Setting::parse(text).expect(text).apply(&mut settings));
        let before = Setting::all_of(&ServerSettings::default());
        let after = Setting::all_of(&settings);
        assert_eq!(after.len(), said.len());
        assert!(
            before.iter().zip(&after).all(|(before, after)| before.0 == after.0 && before.1 != after.1),
            "{after:?}"
        );
        // And in the form of JSON, where what is not said is as by default.
        let json = serde_json::to_value(&settings).expect("JSON");
        assert_eq!(serde_json::from_value::<ServerSettings>(json).expect("the same"), settings);
        assert_eq!(serde_json::from_str::<ServerSettings>("{}").expect("nothing said"), ServerSettings::default());
        let again = after.iter().map(|(name, value)| Setting::parse(&format!("{name}={value}")).expect(name));
        let mut copy = ServerSettings::default();
        again.for_each(|setting| setting.apply(&mut copy));
        assert_eq!(copy, settings);
    }

    #[test]
    fn what_cannot_be_is_said_with_what_could() {
        let said = [
            "command_prefix=",
            "command_prefix=two words",
            "response_language=english",
            "feature_flags.auto_cleanup=maybe",
            "rate_limits.commands_per_user_per_minute=0",
            "rate_limits.ai_requests_per_hour=many",
            "moderation.log_channel_id=#general",
            "moderation.restricted_commands=/apply",
            "require_admin_approval=true",
            "comand_prefix=!",
            "prefix",
        ];
        let told = said.map(|text| {
            let InvalidSetting { field, error_message, suggested_fix } = Setting::parse(text).expect_err(text);
            format!("{field}: {error_message}; {suggested_fix}")
        });
        insta::assert_snapshot!(told.join("\n"), @r"
        command_prefix: `` is not a prefix of 1 to 16 characters without spaces; command_prefix=!setai
        command_prefix: `two words` is not a prefix of 1 to 16 characters without spaces; command_prefix=!setai
        response_language: `english` is not an ISO 639 code such as `de` or `pt-BR`; response_language=en
        feature_flags.auto_cleanup: `maybe` is not `true` or `false`; feature_flags.auto_cleanup=true
        rate_limits.commands_per_user_per_minute: `0` is not between 1 and 1000; rate_limits.commands_per_user_per_minute=1
        rate_limits.ai_requests_per_hour: `many` is not a number between 0 and 100000; rate_limits.ai_requests_per_hour=0
        moderation.log_channel_id: `#general` is not the id of a channel, which is a number; moderation.log_channel_id=1146231231231231300
        moderation.restricted_commands: `/apply` is not a list of names of commands, with commas between them; moderation.restricted_commands=apply,rollback
        require_admin_approval: there is no such setting; moderation.require_admin_approval=true
        comand_prefix: there is no such setting; command_prefix=!
        prefix: a setting is written as `field=value`; command_prefix=VALUE
        ");
    }
}
