//! A request, described but not sent.

use bytes::Bytes;
use http::{HeaderValue, Method};
use serde_json::Value;
use twilight_http::request::Request;
use twilight_http::routing::Route;

use super::form::Form;
use super::limits::{Edits, Facts};
use crate::model::GuildId;

/// Method, path and body of one request, and what the limits have to know of it.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) method: Method,
    /// Path and query below `/api/v10/`.
    pub(super) path: String,
    pub(super) body: Option<Bytes>,
    /// What the body is.
    pub(super) content_type: HeaderValue,
    /// What is written into the audit log, percent-encoded.
    pub(super) reason: Option<String>,
    pub(super) facts: Facts,
}

impl Call {
    /// A request for one of Discord's routes.
    pub(super) fn to(route: &Route<'_>) -> Self {
        let request = Request::from_route(route);
        // Every method has a name that parses; reading would be the harmless guess.
        let method = request.method().name().parse().unwrap_or(Method::GET);
        let facts = Facts::of(&method, request.path(), Edits::default());
        let content_type = HeaderValue::from_static("application/json");
        Self { method, path: request.path().to_owned(), body: None, content_type, reason: None, facts }
    }

    /// The same with a body.
    pub(super) fn json(self, body: &Value) -> Self {
        Self { body: Some(Bytes::from(body.to_string())), ..self }
    }

    /// The same with a body of several parts.
    pub(super) fn form(self, form: Form) -> Self {
        let Form { body, content_type } = form;
        Self { body: Some(body), content_type, ..self }
    }

    /// The same, editing fields that have a limit of their own.
    pub(super) fn editing(mut self, edits: Edits) -> Self {
        self.facts.edits = edits;
        self
    }

    /// The same, about something in a guild that its path does not name.
    pub(super) fn within(mut self, guild: GuildId) -> Self {
        self.facts.guild = Some(guild.get());
        self
    }

    /// The same with a reason for the audit log.
    pub(super) fn because(self, reason: String) -> Self {
        Self { reason: Some(reason), ..self }
    }

    /// Method and path for messages.
    pub(super) fn label(&self) -> String {
        let path = self.path.split('?').next().unwrap_or_default();
        format!("{} /{path}", self.method)
    }
}
