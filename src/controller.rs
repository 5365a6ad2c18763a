//! One reconciliation at a time per guild: read, propose, apply, verify, record.
//!
//! Decides nothing about a guild; the plan did. Knows neither manifests' spelling nor terminals.

mod attempt;
mod back;
mod breaker;
mod decision;
mod desired;
mod drive;
mod engine;
mod fleet;
mod follow;
mod front;
mod glance;
mod hold;
mod measure;
mod note;
mod notify;
mod progress;
pub mod queue;
mod rate;
mod recover;
mod remember;
mod rhythm;
mod run;
mod send;
mod servers;
mod share;
mod spread;
mod standing;
mod tell;
mod upkeep;
mod visit;
mod wait;

pub use breaker::Fights;
pub use desired::{Desired, Obstacle, Permission, Touched, Wanted, Wish};
pub use engine::{Engine, Error, Proposal};
pub use fleet::{Assign, Controller, GuildView, Handle, News, Settings, Watched};
pub use follow::{Follower, Nudge, Presence, Subject, Why};
pub use front::{Front, Health};
pub use glance::Glance;
pub use notify::{Dependency, Desk, Event, Herald, Message, Notice, Outbox, Outcome, Settled, Sight};
pub use progress::{Pause, Progress, Silent, StopSignal};
pub use recover::Recovered;
pub use rhythm::{Rhythm, Times};
pub use run::{Report, Request};
pub use servers::Servers;
pub use standing::{Again, Standing, State};
pub use tell::{Address, Informant, Notifier, Subscription};
pub use visit::{Errand, Visited};
pub use wait::Patience;
