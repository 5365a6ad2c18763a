//! The loop over all guilds: what it hears, and what it does when something of its own breaks.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use chrono::Utc;
use setai::controller::State;
use setai::store::{Approval, Author, Closing, DatabaseUrl, Error, Store, Trigger, open};

use crate::support::hall::{Hall, Run, until};
use crate::support::mortal::{Ask, Hook, MortalStore};

/// What happens to the first few who ask how a guild stood.
enum Trouble {
    /// They are told that the database is away.
    Away,
    /// They run into a fault of ours.
    Fault,
}

struct FirstOnes {
    trouble: Trouble,
    left: AtomicUsize,
}

#[async_trait]
impl Hook for FirstOnes {
    async fn before(&self, ask: Ask) -> Result<(), Error> {
        let one_less = |left: usize| left.checked_sub(1);
        if ask != Ask::Status || self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_err() {
            return Ok(());
        }
        match self.trouble {
            Trouble::Away => Err(Error::ConnectionLost { source: sqlx::Error::PoolTimedOut }),
            Trouble::Fault => panic!("a fault that a test makes"),
        }
    }

    async fn after(&self, _: Ask) -> Result<(), Error> {
        Ok(())
    }
}

struct Town {
    hall: Hall,
    store: Arc<dyn Store>,
}

impl Town {
    async fn new() -> Self {
        Self { hall: Hall::new(), store: open(&DatabaseUrl::Memory).await.expect("a database") }
    }

    /// A controller with one worker.
    fn run(&self, store: Arc<dyn Store>) -> Run {
        self.hall.run(self.hall.engine(store), 1, false)
    }

    fn troubled(&self, trouble: Trouble, times: usize) -> Arc<dyn Store> {
        let fate = Arc::new(FirstOnes { trouble, left: AtomicUsize::new(times) });
        Arc::new(MortalStore { inner: Arc::clone(&self.store), fate })
    }
}

fn state(run: &Run) -> Option<State> {
    run.standing().map(|standing| standing.state)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_approves_while_it_runs_is_applied_without_waiting_for_the_next_sweep() {
    let town = Town::new().await;
    town.hall.commit("approval: always", 5);
    let run = town.run(Arc::clone(&town.store));
    until("that it asks", || state(&run) == Some(State::AwaitingApproval)).await;
    let held = town.store.held_plans(None).await.expect("a database").pop().expect("a plan waits");

    let (guild, plan_digest, granted_at) = (town.hall.guild(), held.plan_digest.clone(), Utc::now());
    let granted_by = Author::Local("ann".to_owned());
    let approval = Approval { guild, plan_digest, granted_by, granted_at, expires_at: None };
    town.store.approve(&approval).await.expect("an approval");
    // As `setai approve` does right after it.
    assert!(town.store.close_held_plan(guild, &held.plan_digest, Closing::Approved, granted_at).await.expect("closed"));
    until("that it is applied", || town.hall.pace() == Some(5) && state(&run) == Some(State::Ready)).await;
    run.stop().await;
    let found = town.store.find_held_plan(&held.plan_digest).await.expect("a database").expect("it is remembered");
    assert_eq!(found.summary.closed.map(|closed| closed.how), Some(Closing::Applied));
    assert_eq!(town.store.approved_plans(Utc::now()).await.expect("a database"), BTreeSet::new(), "it is used up");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guild_whose_past_cannot_be_read_is_not_taken_for_a_new_one() {
    let town = Town::new().await;
    town.hall.commit("drift: report", 5);
    let run = town.run(Arc::clone(&town.store));
    until("the first revision", || town.hall.pace() == Some(5) && state(&run) == Some(State::Ready)).await;
    run.stop().await;

    town.hall.somebody_meddles();
    town.hall.discord.simulator.forget_requests();
    let run = town.run(town.troubled(Trouble::Away, 2));
    until("that the database is missed", || {
        run.standing().is_some_and(|standing| standing.reason == "DatabaseUnavailable")
    })
    .await;
    until("that it tells of the drift", || state(&run) == Some(State::Drifted)).await;
    run.stop().await;
    assert_eq!((town.hall.pace(), town.hall.writes()), (Some(77), 0), "the policy says to report, and nothing else");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visit_that_breaks_down_takes_neither_its_guild_nor_its_worker_with_it() {
    let town = Town::new().await;
    town.hall.commit("drift: heal", 5);
    let run = town.run(town.troubled(Trouble::Fault, 1));
    // The only worker meets the fault, and comes again for whoever asks.
    until("that somebody who asks is heard", || {
        run.handle.look_at(town.hall.guild(), Trigger::Person);
        town.hall.pace() == Some(5)
    })
    .await;
    run.stop().await;
}
