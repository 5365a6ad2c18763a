//! Answers to interactions, and the commands an application has.
//!
//! The token of an interaction is all the authority there is to answer it, so it stands in no log, error or trace.

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use twilight_http::routing::Route;

use super::call::Call;
use super::client::Client;
use super::error::Error;
use super::form::{File, Form};
use crate::model::{ApplicationId, InteractionId};

/// One use of a command, a button or a form, as its answers have to name it.
#[derive(Clone)]
pub struct InteractionRef {
    /// Which.
    pub id: InteractionId,
    /// Whose command it is.
    pub application: ApplicationId,
    /// What answers it.
    pub token: SecretString,
}

impl fmt::Debug for InteractionRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InteractionRef")
            .field("id", &self.id)
            .field("application", &self.application)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// Answers an interaction for the first time, with a body of Discord's Interaction Response. Discord waits three seconds for
    /// it (its documentation, "Interaction Callback").
    ///
    /// # Errors
    /// [`Error::Gone`] when it came too late, and as of any change.
    pub async fn respond(&self, to: &InteractionRef, response: &Value) -> Result<(), Error> {
        let InteractionRef { id, application: _, token } = to;
        let route = Route::InteractionCallback {
            interaction_id: id.get(),
            interaction_token: token.expose_secret(),
            with_response: false,
        };
        let call = Call::to(&route).json(response);
        self.transport.answer(&call, "POST /interactions/:id/:token/callback").await.map(drop)
    }

    /// Gives the answer that was promised, or changes the one that was given: a message with its files. For a quarter of an hour.
    ///
    /// # Errors
    /// [`Error::Gone`] when it came too late, and as of any change.
    pub async fn edit_response(&self, to: &InteractionRef, message: &Value, files: &[File]) -> Result<(), Error> {
        let InteractionRef { id: _, application, token } = to;
        let route = Route::UpdateInteractionOriginal {
            application_id: application.get(),
            interaction_token: token.expose_secret(),
        };
        let call = Call::to(&route);
        let call = if files.is_empty() { call.json(message) } else { call.form(Form::new(message, files)) };
        self.transport.answer(&call, "PATCH /webhooks/:id/:token/messages/@original").await.map(drop)
    }

    /// The commands the application has everywhere, with what they are called in other languages.
    ///
    /// # Errors
    /// As of any read.
    pub async fn commands(&self, application: ApplicationId) -> Result<Vec<Value>, Error> {
        let route = Route::GetGlobalCommands { application_id: application.get(), with_localizations: Some(true) };
        self.transport.send(&Call::to(&route)).await?.json()
    }

    /// Makes this a command the application has everywhere, in the place of one of the same name and kind.
    ///
    /// # Errors
    /// As of any change.
    pub async fn set_command(&self, application: ApplicationId, command: &Value) -> Result<(), Error> {
        let route = Route::CreateGlobalCommand { application_id: application.get() };
        self.transport.send(&Call::to(&route).json(command)).await.map(drop)
    }
}
