//! The door to Discord: requests out, snapshots in.
//!
//! Decides how a request is described, sent, paced and repeated, and how Discord's JSON becomes the model and back.
//! Refuses to know what *should* be changed: one [`Operation`](crate::plan::Operation) is one request, taken from a plan
//! as it is. Knows nothing of manifests, stores or terminals.
//!
//! From the outside in: [`Client`] speaks of guilds and operations, a transport below it waits and repeats, [`Limits`]
//! says when, and an [`Exchange`] carries one request to Discord and one answer back.

mod allowance;
mod apply;
mod call;
mod changes;
mod client;
mod convert;
mod error;
mod exchange;
mod form;
pub mod gateway;
mod hint;
mod identity;
mod interaction;
mod limits;
mod lookup;
mod members;
mod message;
mod permit;
mod reason;
mod snapshot;
mod trace;
mod transport;
mod wire;

pub use allowance::Allowance;
pub use apply::{Applied, Resolved, in_words};
pub use changes::Change;
pub use client::{Client, Settings};
pub use error::{Disposition, Error, Refusal};
pub use exchange::{Exchange, ExchangeError, Https};
pub use form::File;
pub use gateway::{Event, Gateway, GatewayError, GatewaySettings, patched};
pub use identity::{Application, GuildSummary, Me};
pub use interaction::InteractionRef;
pub use limits::{
    BucketReading, Budget, Decision, Edits, Facts, Hold, Limits, Major, Notice, Outcome, Quota, Reading, Throttle,
    ThrottleScope, Ticket,
};
pub use lookup::Found;
pub use members::Member;
pub use permit::Permit;
pub use reason::AuditReason;
pub use transport::{Recorder, Sent};
