//! SetAI keeps Discord servers equal to what is written in git.
//!
//! A team writes a guild in YAML. SetAI reads it, compares it with the live guild, shows a plan, applies only what
//! differs, writes down everything it did, and looks afterwards whether the guild is as it should be. This page is the map
//! of the source; the README is the user's view.
//!
//! # The way of a change
//!
//! ```text
//!   YAML ── manifest::parse ──▶ Manifest ─┐
//!                                         ├── plan::propose ──▶ Plan ── plan::judge ──▶ Approved
//!   Discord ── discord::Client ─▶ Snapshot┤                      │                        │
//!   store ───────────────────▶ Bindings  ─┘                  shown, saved          controller::Engine
//!                                                                                         │
//!             intent into the store ◀── step ── plan::Reconciliation ◀── outcome ─────────┘
//! ```
//!
//! One pure function, [`plan::propose`], makes every choice. The command line, tests and everything to come call it;
//! whoever applies a plan decides nothing.
//!
//! # Layers
//!
//! Imports go down only, and adapters never name each other. A test reads the `use` lines and enforces this table.
//!
//! | layer | modules | what is absent there |
//! |---|---|---|
//! | face | [`cli`] | nothing: the only place that sees everything |
//! | web | [`web`] | Discord, databases and manifests: it asks the controller |
//! | behaviour | [`controller`] | YAML, terminals, HTTP |
//! | adapters | [`ai`], [`discord`], [`store`], [`cache`], [`source`], [`forge`], [`config`], [`telemetry`], [`simulator`] | each other; policies |
//! | time, trust | [`clock`], [`tls`] | everything else |
//! | core | [`model`] ← [`manifest`] ← [`plan`] | async, clocks, disks, networks, randomness, logs, hash order |
//!
//! # Invariants
//!
//! They hold at all times; each is stated where it is kept and tested as a property.
//!
//! 1. *What is shown is what is applied.* A plan is one value; its digest is what an approval is bound to
//!    ([`plan::Digest`]).
//! 2. *Unknown is never empty.* What could not be read has a type of its own ([`model::Facet`], [`model::Visibility`]) all
//!    the way to the planner.
//! 3. *Identity is the snowflake.* A key is bound to an object once ([`model::Bindings`]); names are attributes.
//! 4. *Only what we own.* An object without a binding is never changed or deleted, unless the policy says so in words.
//! 5. *No write without its audit row.* [`store::Store::intend`] returns before a request leaves; the rows of a guild are a
//!    chain of hashes, and [`store::inspect`] proves that it is whole.
//! 6. *A cache never justifies a write.* It can say that there is nothing to do ([`controller::Glance`]), and nothing else.
//! 7. *One writer for each guild.* Every record of a run shows the fencing number of its [`store::Lease`], and an outdated
//!    one is refused.
//! 8. *A create happens once.* Its operation id stands in Discord's audit log; after a lost answer the object is looked
//!    for ([`discord::Client::find_created`]), never blindly made again.
//! 9. *Never a moment more open than before or after.* The order of a plan's [`plan::Phase`]s sees to it.
//! 10. *Absent means unmanaged.* Desired objects are live ones with the manifest laid over them ([`model::Overlay`]), so
//!     bits, flags and fields nobody spoke of survive every write.
//! 11. *Determinism.* Same inputs, same bytes of plan.
//! 12. *Secrets* appear in no log, plan, audit row or error.
//!
//! # Where to begin reading
//!
//! [`model::Guild`] is the noun, [`plan::Operation`] the verb. [`model`]'s records are generated from one list of fields
//! each, so that a new field is a compile error wherever it must be known.

pub mod clock;
pub mod tls;

pub mod manifest;
pub mod model;
pub mod plan;

pub mod ai;
pub mod cache;
pub mod config;
pub mod discord;
pub mod forge;
pub mod simulator;
pub mod source;
pub mod store;
pub mod telemetry;

pub mod controller;

pub mod web;

pub mod cli;
