//! Somebody else doing something: a REST call by a user, without HTTP.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::rest::{ApiError, Call, Reply, perform};
use super::server::split_query;
use super::world::{Snowflake, Switches, World};

/// A call by a user.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Act {
    /// Who.
    pub user_id: Snowflake,
    /// `GET`, `POST`, ...
    pub method: String,
    /// Path below the API's version, with query: `/channels/1`.
    pub path: String,
    /// The JSON body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// For the audit log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Act {
    /// A call without a reason. A null body is none.
    pub fn new(user_id: Snowflake, method: &str, path: &str, body: Value) -> Self {
        let body = Some(body).filter(|body| !body.is_null());
        Self { user_id, method: method.to_owned(), path: path.to_owned(), body, reason: None }
    }

    pub(crate) fn perform(
        &self,
        world: &mut World,
        now: DateTime<Utc>,
        switches: &Switches,
    ) -> Result<Reply, ApiError> {
        let (path, query) = split_query(&self.path);
        let call = Call {
            method: &self.method,
            path,
            query: &query,
            body: self.body.as_ref(),
            files: &[],
            endpoint_verified: false,
            reason: self.reason.as_deref(),
            actor: self.user_id,
            now,
            switches,
        };
        perform(world, &call)
    }
}
