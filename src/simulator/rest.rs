//! REST calls as functions on a [`World`]: who asks for what, and what Discord answers.
//!
//! Decides permissions, hierarchy, validation, limits of counts, normalisation, inheritance and audit entries. Refuses to
//! know of sockets, headers, rate limits, faults and the clock: a [`Call`] carries its moment.

mod account;
mod attachment;
mod audit_log;
mod catalogue;
mod channel;
mod channel_fields;
mod channel_order;
mod command;
mod command_option;
mod component;
mod embed;
mod error;
mod features;
mod form;
mod forum;
mod guild;
mod interaction;
mod member;
mod mention;
mod message;
mod modal;
mod onboarding;
mod overwrite;
mod overwrite_list;
mod role;
mod role_order;
mod route;
mod said;
pub(crate) mod view;
mod visit;
mod webhook;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::world::{Snowflake, Switches, World};

pub use attachment::Upload;
pub(crate) use attachment::{LARGEST_FILE, file_number};
pub(crate) use command_option::{INT53, kind as option_kind};
pub(crate) use component::kind as component_kind;
pub use error::ApiError;
pub(crate) use form::FormErrors;
pub(crate) use interaction::{kind, needs_no_token};

/// One authenticated request.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    /// `GET`, `POST`, ...
    pub method: &'a str,
    /// Path below the API's version, without query: `/guilds/1/channels`.
    pub path: &'a str,
    /// Query pairs, decoded, in order.
    pub query: &'a [(String, String)],
    /// The JSON body, when there is one.
    pub body: Option<&'a Value>,
    /// The files of a multipart form.
    pub files: &'a [Upload],
    /// The interactions endpoint in the body was asked beforehand, and behaved.
    pub endpoint_verified: bool,
    /// The decoded audit-log reason.
    pub reason: Option<&'a str>,
    /// Who calls.
    pub actor: Snowflake,
    /// When.
    pub now: DateTime<Utc>,
    /// How open questions are answered.
    pub switches: &'a Switches,
}

impl Call<'_> {
    /// The last value of a query key.
    fn query(&self, key: &str) -> Option<&str> {
        self.query.iter().rev().find(|(k, _)| k == key).map(|(_, v)| v.as_str())
    }

    /// A query flag, in Discord's spellings of true.
    fn query_flag(&self, key: &str) -> bool {
        matches!(self.query(key), Some("true" | "True" | "1"))
    }
}

/// A successful answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// JSON; none with 204.
    pub body: Option<Value>,
}

impl Reply {
    fn ok(body: impl Into<Value>) -> Result<Self, ApiError> {
        Ok(Self { status: 200, body: Some(body.into()) })
    }

    fn created(body: Value) -> Result<Self, ApiError> {
        Ok(Self { status: 201, body: Some(body) })
    }

    fn empty() -> Result<Self, ApiError> {
        Ok(Self { status: 204, body: None })
    }
}

/// Carries out a call.
///
/// # Errors
/// Discord's refusal. A refused call changes nothing.
pub fn perform(world: &mut World, call: &Call<'_>) -> Result<Reply, ApiError> {
    route::dispatch(world, call)
}
