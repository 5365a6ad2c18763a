//! A simulated Discord, stricter than the real one: something to try things out on, and the judge of the engine.
//!
//! | part | decides |
//! |---|---|
//! | [`world`] | what is stored and who may do what |
//! | [`rest`] | what each REST call does to a world, and what it answers |
//! | [`limits`] | how many requests pass |
//! | [`client`] | what people may do with applications |
//! | [`gateway`] | what is told of changes over websockets: sessions, events, close codes |
//! | [`faults`] | what goes wrong on demand |
//! | `server` | HTTP: who is calling, and what goes on the wire |
//!
//! Nothing here uses the engine's model: both were written from Discord's documentation, and disagree where one is wrong.
//! Where the documentation is silent there is a [switch](world::Switches).

pub mod client;
pub mod faults;
pub mod gateway;
pub mod limits;
pub mod rest;
pub mod world;

mod act;
mod endpoint;
mod log;
mod server;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use tokio::sync::Notify;

use crate::clock::Clock;
pub use act::Act;
pub use client::{Use, UseRefused};
use faults::{FaultPlan, Faults};
use gateway::{Gateway, Scene};
use limits::{Limiter, Limits, Refusals};
use log::Log;
pub use log::{Origin, Record, Recorder};
use rest::{ApiError, Reply};
use world::{Switches, World};

/// How a simulator behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// Equal seeds and equal requests give equal answers.
    pub seed: u64,
    /// What time it is, and how latency is waited for.
    pub clock: Clock,
    /// How many requests pass.
    pub limits: Limits,
    /// How open questions are answered.
    pub switches: Switches,
    /// What goes wrong.
    pub faults: Faults,
    /// Is told of every request once it is answered, and of an endpoint's answer as the callback it stands for.
    pub recorder: Option<Recorder>,
}

impl Default for Options {
    /// The system's clock, Discord's limits, the likely switches, no faults and nobody who listens.
    fn default() -> Self {
        Self {
            seed: 0,
            clock: Clock::system(),
            limits: Limits::default(),
            switches: Switches::default(),
            faults: Faults::default(),
            recorder: None,
        }
    }
}

/// A simulated Discord. Clones share one world.
#[derive(Clone, Debug)]
pub struct Simulator(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    clock: Clock,
    switches: Switches,
    recorder: Option<Recorder>,
    state: Mutex<State>,
    /// Something may have changed.
    changed: Notify,
}

#[derive(Debug)]
struct State {
    world: World,
    log: Log,
    limiter: Limiter,
    faults: FaultPlan,
    gateway: Gateway,
}

impl State {
    /// The Gateway, and what it looks at.
    fn gateway<'a>(&'a mut self, switches: &'a Switches, now: DateTime<Utc>) -> (&'a mut Gateway, Scene<'a>) {
        let Self { world, log: _, limiter: _, faults, gateway } = self;
        (gateway, Scene { world, plan: faults, switches, now })
    }

    /// Tells whoever listens what has changed. Called after every change of the world.
    fn publish(&mut self, switches: &Switches, now: DateTime<Utc>) {
        let (gateway, mut scene) = self.gateway(switches, now);
        gateway.publish(&mut scene);
    }
}

impl Simulator {
    /// A simulator of that world.
    pub fn new(world: World, options: Options) -> Self {
        let Options { seed, clock, limits, switches, faults, recorder } = options;
        let gateway = Gateway::new(limits.gateway.clone());
        let (limiter, faults) = (Limiter::new(limits, seed), FaultPlan::new(faults));
        let state = Mutex::new(State { world, log: Log::default(), limiter, faults, gateway });
        Self(Arc::new(Shared { clock, switches, recorder, state, changed: Notify::new() }))
    }

    /// A copy of the world as it is.
    pub fn world(&self) -> World {
        self.state().world.clone()
    }

    /// Looks at or changes the world behind everybody's back; the Gateway tells what is changed.
    pub fn with_world<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        let mut state = self.state();
        let looked = look(&mut state.world);
        state.publish(&self.0.switches, self.now());
        self.0.changed.notify_waiters();
        looked
    }

    /// All requests since the start or the last [`forget_requests`](Self::forget_requests), oldest first.
    pub fn requests(&self) -> Vec<Record> {
        self.state().log.records()
    }

    /// The newest request.
    pub fn last_request(&self) -> Option<Record> {
        self.state().log.last()
    }

    /// Empties the request log.
    pub fn forget_requests(&self) {
        self.state().log.clear();
    }

    /// How many 429s were given out since the start.
    pub fn refusals(&self) -> Refusals {
        self.state().limiter.refusals()
    }

    /// From now on this goes wrong, and nothing that was set before.
    pub fn set_faults(&self, faults: Faults) {
        self.state().faults = FaultPlan::new(faults);
    }

    /// Somebody else does a REST call. It meets no limits and no faults, and is not in the request log.
    ///
    /// # Errors
    /// As Discord would refuse that user.
    pub fn act(&self, act: &Act) -> Result<Reply, ApiError> {
        let (mut state, now) = (self.state(), self.now());
        let reply = act.perform(&mut state.world, now, &self.0.switches);
        state.publish(&self.0.switches, now);
        reply
    }

    fn with_gateway<T>(&self, change: impl FnOnce(&mut Gateway, &mut Scene<'_>) -> T) -> T {
        let mut state = self.state();
        let (gateway, mut scene) = state.gateway(&self.0.switches, self.now());
        change(gateway, &mut scene)
    }

    fn clock(&self) -> &Clock {
        &self.0.clock
    }

    fn now(&self) -> DateTime<Utc> {
        self.0.clock.now()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
