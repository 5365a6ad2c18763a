//! Sees every request a test's simulator gets and every answer it gives, and fails the test at its end when Discord's
//! description does not have them.
//!
//! A test gets its simulator here and nowhere else, which is a house rule in `architecture`: no suite can forget it. What is
//! wrong on purpose is marked where it is sent ([`Harness::nonsense`](super::harness::Harness::nonsense)), and what a fault
//! answers where it is made ([`Origin`](setai::simulator::Origin)).

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use setai::simulator::world::World;
use setai::simulator::{Options, Recorder, Simulator};

use super::openapi::{Judgement, description};

/// Most findings that are printed.
const MOST_SHOWN: usize = 20;

/// What one simulator was asked and answered, against the description.
#[derive(Default)]
pub(crate) struct Inspection {
    /// By the number of the request.
    found: Arc<Mutex<BTreeMap<u64, Judgement>>>,
}

impl Inspection {
    /// A simulator whose every request is seen.
    pub(crate) fn simulator(world: World, mut options: Options) -> (Simulator, Self) {
        let inspection = Self::default();
        if let Some(description) = description() {
            let found = Arc::clone(&inspection.found);
            options.recorder = Some(Recorder::new(move |record| {
                let judgement = description.judge(record);
                if !judgement.is_clean() {
                    found.lock().unwrap_or_else(PoisonError::into_inner).insert(record.number, judgement);
                }
            }));
        }
        (Simulator::new(world, options), inspection)
    }

    /// Forgives requests that are wrong in these ways alone; one must have come. For clients nobody here can mend.
    pub(crate) fn forgive_all(&self, faults: &[&str]) {
        if description().is_none() {
            return;
        }
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let before = found.len();
        let known = |line: &String| faults.iter().any(|fault| line.ends_with(fault));
        found.retain(|_, judgement| !judgement.answer.is_empty() || !judgement.request.iter().all(known));
        assert!(found.len() < before, "no request has these faults any more: {faults:?}");
    }

    /// What was found of one request, which is forgiven thereby.
    pub(crate) fn forgive(&self, number: u64) -> Judgement {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).remove(&number).unwrap_or_default()
    }
}

impl Drop for Inspection {
    fn drop(&mut self) {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if found.is_empty() {
            return;
        }
        let lines: Vec<&str> = found.values().flat_map(Judgement::lines).take(MOST_SHOWN).collect();
        let text =
            format!("{} requests are not as Discord's description has them:\n{}\n", found.len(), lines.join("\n"));
        if std::thread::panicking() {
            // The test fails for another reason already, of which this may be the cause.
            io::stderr().write_all(text.as_bytes()).expect("stderr is open");
        } else {
            panic!("{text}");
        }
    }
}
