//! A manifest, a scripted server, and a model that asks it.

use chrono::{TimeZone as _, Utc};
use secrecy::SecretString;
use serde_json::{Value, json};
use setai::ai::models::{Model, Provider, Settings};
use setai::ai::{Error, Interpretation, Interpreter as _, Request};
use setai::clock::Clock;
use setai::manifest::Files;

use super::server::{Act, KEY, MODEL, Server};

/// Both ways of speaking.
pub(super) const BOTH: [Provider; 2] = [Provider::OpenAi, Provider::Anthropic];

/// A small community.
pub(super) const GUILD: &str = r##"version: 1
guild: "1200000000000000001"
policy:
  protect: [roles.moderator, channels.rules, channels.mod-log]
permission_sets:
  owner: { allow: [administrator] }
roles:
  owner: { name: Owner, permissions: owner }
  moderator: { name: Moderator, permissions: [kick_members, manage_messages] }
  helper: { name: Helper, permissions: [add_reactions] }
  everyone: { permissions: [view_channel, send_messages] }
categories:
  information:
    name: Information
    permissions: { everyone: { deny: [send_messages] } }
    channels:
      rules: { topic: Be kind., permissions: { everyone: { deny: [send_messages] } } }
      old-news: { topic: Long ago }
  community:
    name: Community
    channels:
      general: { topic: Everything, permissions: { everyone: { allow: [add_reactions] } } }
      memes: {}
  staff:
    name: Staff
    permissions: { everyone: { deny: [view_channel] }, moderator: { allow: [view_channel] } }
    channels: { mod-log: {}, team: { permissions: { everyone: { deny: [view_channel] }, "user:80351110224678912": { allow: [view_channel] } } } }
expectations:
  - { role: everyone, cannot: [view_channel], in: [staff] }
"##;

pub(super) fn files(text: &str) -> Files {
    Files::single("guild.yaml", text).expect("a path")
}

/// A clock that stands still.
pub(super) fn clock() -> Clock {
    Clock::virtual_at(Utc.with_ymd_and_hms(2026, 3, 1, 12, 0, 0).single().expect("a time"))
}

/// A model at this server.
pub(super) fn settings(server: &Server) -> Settings {
    let mut settings = Settings::of(server.provider, MODEL);
    settings.base_url = server.base_url();
    settings.api_key = Some(SecretString::from(KEY));
    settings
}

/// An answer with these edits and nothing else to say.
pub(super) fn answer(edits: &Value) -> Value {
    json!({ "edits": edits, "confidence": 0.9, "entities": [], "not_understood": [], "alternatives": [] })
}

/// Asks a server once.
pub(super) async fn ask(server: &Server, clock: &Clock, text: &str) -> Result<Interpretation, Error> {
    ask_about(server, clock, &files(GUILD), text).await
}

pub(super) async fn ask_about(
    server: &Server,
    clock: &Clock,
    files: &Files,
    text: &str,
) -> Result<Interpretation, Error> {
    let model = Model::new(settings(server), clock.clone()).expect("a model");
    model.interpret(&Request::about(text, files, "guild.yaml")).await
}

/// A server with one thing to do, and what comes of asking it.
pub(super) async fn asked(
    provider: Provider,
    script: impl IntoIterator<Item = Act>,
    text: &str,
) -> (Server, Result<Interpretation, Error>) {
    let server = Server::of(provider, script).await;
    let came = ask(&server, &clock(), text).await;
    (server, came)
}

/// Every reason for which nothing was understood, in one text.
#[track_caller]
pub(super) fn why(came: &Interpretation) -> String {
    assert!(came.edits.is_empty(), "{:?}", came.edits);
    assert!((came.confidence_score - 0.0).abs() < f64::EPSILON);
    came.not_understood.iter().map(|part| part.why.as_str()).collect::<Vec<_>>().join("\n")
}
