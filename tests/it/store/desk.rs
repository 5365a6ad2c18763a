//! Somebody who writes: takes the lease of a guild for the first write in it, and shows it from then on.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use setai::model::GuildId;
use setai::plan::StepId;
use setai::store::{Error, Finish, IntendedStep, Lease, NewRun, Rebinding, RunId, SettledStep, Store};
use tokio::sync::Mutex;

/// A store with the leases a test needs.
pub(super) struct Desk {
    store: Arc<dyn Store>,
    leases: Mutex<BTreeMap<GuildId, Arc<Lease>>>,
    runs: Mutex<BTreeMap<RunId, GuildId>>,
}

/// What needs no lease is asked directly.
impl Deref for Desk {
    type Target = dyn Store;

    fn deref(&self) -> &Self::Target {
        &*self.store
    }
}

impl Desk {
    pub(super) fn at(store: Arc<dyn Store>) -> Self {
        Self { store, leases: Mutex::default(), runs: Mutex::default() }
    }

    /// The store itself.
    pub(super) fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store)
    }

    /// Takes the lease now, not at the first write.
    pub(super) async fn take_lease(&self) {
        self.lease_of(super::GUILD).await;
    }

    /// Gives all leases back.
    pub(super) async fn give_back(&self) {
        for (_, lease) in std::mem::take(&mut *self.leases.lock().await) {
            let lease = Arc::into_inner(lease).expect("nobody is writing");
            self.store.release(lease).await.expect("given back");
        }
    }

    async fn lease_of(&self, guild: GuildId) -> Arc<Lease> {
        match self.leases.lock().await.entry(guild) {
            Entry::Occupied(lease) => Arc::clone(lease.get()),
            Entry::Vacant(place) => {
                let lease = self.store.lease(guild, "a test", Duration::from_secs(60)).await.expect("nobody has it");
                Arc::clone(place.insert(Arc::new(lease)))
            }
        }
    }

    /// The lease of a run's guild. A run that began elsewhere is of the guild that most are of.
    async fn lease_for(&self, run: RunId) -> Arc<Lease> {
        let guild = self.runs.lock().await.get(&run).copied();
        self.lease_of(guild.unwrap_or(super::GUILD)).await
    }

    pub(super) async fn rebind(&self, rebinding: &Rebinding) -> Result<(), Error> {
        self.store.rebind(&*self.lease_of(rebinding.guild).await, rebinding).await
    }

    pub(super) async fn begin(&self, run: &NewRun) -> Result<(), Error> {
        self.runs.lock().await.insert(run.id, run.before.id);
        self.store.begin(&*self.lease_of(run.before.id).await, run).await
    }

    pub(super) async fn intend(&self, run: RunId, step: &IntendedStep) -> Result<(), Error> {
        self.store.intend(&*self.lease_for(run).await, run, step).await
    }

    pub(super) async fn settle(&self, run: RunId, step: StepId, settled: &SettledStep) -> Result<(), Error> {
        self.store.settle(&*self.lease_for(run).await, run, step, settled).await
    }

    pub(super) async fn finish(&self, run: RunId, finish: &Finish) -> Result<(), Error> {
        self.store.finish(&*self.lease_for(run).await, run, finish).await
    }
}
