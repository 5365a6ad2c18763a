//! One reconciliation at a time per guild: read, propose, apply, verify, record.
//!
//! Decides nothing about a guild; the plan did. Knows neither manifests' spelling nor terminals.
//!
//! From the outside inwards:
//!
//! * **The loop** over all guilds is `fleet`: `fleet/listen` hears people and Discord, `fleet/watcher` looks at sources,
//!   `desired` keeps what they want (`desired/reading` reads it, `desired/written` keeps it in little room), `queue` says
//!   whose turn it is, `rhythm` when the next one is (`spread` keeps them apart), `follow` follows guilds by what is heard,
//!   `fleet/replicas` and `fleet/ledger` share the work with other processes and `rate` the speed, `front` answers for health
//!   and webhooks, `upkeep` removes what is over.
//! * **One visit** to a guild is `visit`: `decision` says what is done about a plan, `breaker` what is left alone, `standing`
//!   how the guild stands then; `remember` writes that down, `measure` counts it and `trace` makes spans of it.
//! * **One run** of a plan begins in `run`: `attempt` is one try under a lease, `drive` goes through its steps, `send` sends
//!   one, `note` says what is written down of it, `hold` keeps the right to go on, `wait` waits for what goes by itself,
//!   `progress` and `share` tell people and other processes how far it is. `recover` finds out what a broken-off run did,
//!   `back` takes one back, and `glance` says without asking Discord that there is nothing to do
//!   (`bound` remembers for it what is bound).
//! * **People** ask and say by `console` what a chat brings; `interpret` has their plain words understood, `proposals` puts
//!   them in front of a team, and `review` says of pull requests what they would do. They are told by `tell` what `notify`
//!   decides is news; `servers` is what they set for guilds.

mod attempt;
mod back;
mod bound;
mod breaker;
mod console;
mod decision;
mod desired;
mod drive;
mod engine;
mod fleet;
mod follow;
mod front;
mod glance;
mod hold;
mod interpret;
mod measure;
mod note;
mod notify;
mod progress;
mod proposals;
pub mod queue;
mod rate;
mod recover;
mod remember;
mod review;
mod rhythm;
mod run;
mod send;
mod servers;
mod share;
mod spread;
mod standing;
mod tally;
mod tell;
mod trace;
mod upkeep;
mod visit;
mod wait;

pub use breaker::Fights;
pub use console::{Console, Culprit, Stand, Trouble, View, Written};
pub use desired::{Desired, Known, Obstacle, Permission, Reading, Touched, Wanted, Wish};
pub use engine::{Engine, Error, Proposal};
pub use fleet::{Assign, Controller, GuildView, Handle, News, Settings, Watched};
pub use follow::{Follower, Nudge, Presence, Subject, Why};
pub use front::{Front, Health};
pub use glance::Glance;
pub use interpret::{Asker, Interpreting, SharedLedger, Unanswered};
pub use notify::{Dependency, Desk, Event, Herald, Message, Notice, Outbox, Outcome, Settled, Sight};
pub use progress::{Pause, Progress, Silent, StopSignal};
pub use proposals::{Draft, Drafted, Outlet, Proposals, Proposer};
pub use recover::Recovered;
pub use review::{PullRequestOf, Reviewed};
pub use rhythm::{Rhythm, Times};
pub use run::{Report, Request};
pub use servers::Servers;
pub use standing::{Again, Standing, State};
pub use tell::{Address, Informant, Notifier, Subscription};
pub use visit::{Errand, Visited};
pub use wait::Patience;
