//! What an old store means for a guild that went on without it: nothing is made twice, and nothing is deleted.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use setai::discord::{Exchange, ExchangeError};
use setai::store::{self, DatabaseUrl, open};

use crate::support::harness::Harness;
use crate::support::rng::Rng;
use crate::support::seeds::{seeds, trials};
use crate::support::stage::{InProcess, Stage, engine};

/// Carries requests, and makes a backup of the store just before one of them, when it is recorded and not yet sent.
struct CopyingBefore {
    carrier: InProcess,
    writes_until_then: AtomicUsize,
    from: PathBuf,
    to: PathBuf,
}

#[async_trait]
impl Exchange for CopyingBefore {
    async fn exchange(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, ExchangeError> {
        if request.method() != http::Method::GET && self.writes_until_then.fetch_sub(1, Ordering::SeqCst) == 0 {
            store::copy(&self.from, &self.to).await.expect("a copy");
        }
        self.carrier.exchange(request).await
    }
}

async fn stage_at(discord: Harness, store: &Path, copying: Option<(usize, &Path)>) -> Stage {
    let opened = open(&DatabaseUrl::File(store.to_owned())).await.expect("a database");
    let carrier = InProcess(discord.simulator.router());
    let engine = match copying {
        None => engine(&discord, carrier, opened),
        Some((writes, to)) => {
            let (writes_until_then, from, to) = (AtomicUsize::new(writes), store.to_owned(), to.to_owned());
            engine(&discord, CopyingBefore { carrier, writes_until_then, from, to }, opened)
        }
    };
    Stage { discord, engine }
}

/// Categories of so many rooms, and so many roles.
fn town(rooms: &[usize], roles: usize) -> String {
    let roles: String = (0..roles).map(|n| format!("  role-{n}: {{ hoist: true }}\n")).collect();
    let categories = rooms.iter().enumerate().map(|(n, rooms)| {
        let rooms: Vec<String> = (0..*rooms).map(|room| format!("room-{n}-{room}: {{ topic: Room {room} }}")).collect();
        format!("  floor-{n}: {{ channels: {{ {} }} }}\n", rooms.join(", "))
    });
    format!("roles:\n{roles}categories:\n{}", categories.collect::<String>())
}

/// A town is built, a backup is made before or in the middle of building on, and comes back when everything is done. Gives how
/// many keys the backup did not know.
async fn trial(seed: u64) -> usize {
    let mut rng = Rng::seeded(seed);
    let folder = tempfile::tempdir().expect("a folder");
    let [path, old, aside] = ["setai.db", "old.db", "aside.db"].map(|name| folder.path().join(name));
    let policy = format!(
        "policy: {{ prune: {}, on_remove: {}, max_deletions: 100% }}\n",
        rng.pick(&["managed", "none", "all"]),
        rng.pick(&["archive", "delete", "forget"])
    );
    let (mut rooms, mut roles) = (vec![rng.between(1, 4); 3], rng.between(1, 3));
    let stage = stage_at(Harness::new(), &path, None).await;
    stage.converge(&stage.manifest(&format!("{policy}{}", town(&rooms, roles)))).await;
    stage.engine.store().close().await;

    let stage = stage_at(stage.discord, &path, Some((rng.below(6), &old))).await;
    rooms.iter_mut().for_each(|rooms| *rooms += rng.between(1, 4));
    rooms.extend(vec![2; rng.below(3)]);
    roles += rng.below(4);
    let later = stage.manifest(&format!("{policy}{}", town(&rooms, roles)));
    let before_it = stage.discord.edit(|guild| guild.channels.len());
    stage.reconcile(&later).await.expect("it works");
    let looks = |stage: &Stage| stage.discord.edit(|guild| (guild.channels.clone(), guild.roles.clone()));
    let before = looks(&stage);
    assert!(before.0.len() > before_it, "it was built on");
    stage.engine.store().close().await;

    if !old.exists() {
        store::copy(&path, &old).await.expect("a copy");
    }
    store::revive(&old).await.expect("it is whole");
    assert!(store::replace(&path, &old, &aside).await.expect("nobody has it"), "there was one");
    let stage = stage_at(stage.discord, &path, None).await;
    let guild = stage.guild();
    let known = stage.engine.store().bindings(guild).await.expect("bindings");
    stage.quiet();
    // What a person does who only ever runs `apply` again.
    stage.reconcile(&later).await.expect("it settles what was open, and binds the rest");
    assert_eq!(looks(&stage), before);
    assert_eq!(stage.writes(), Vec::<String>::new());
    let plan = stage.propose(&later).await.plan;
    assert!(plan.is_empty() && plan.bindings.is_empty(), "{}", setai::plan::render::plain(&plan));
    let all = stage.engine.store().bindings(guild).await.expect("bindings");
    let count = |of: &setai::model::Bindings| of.roles.len() + of.categories.len() + of.channels.len();
    count(&all) - count(&known)
}

/// Whatever came later, whatever may be pruned, and whatever was under way.
#[test]
fn an_old_store_never_makes_or_deletes_what_came_later() {
    let found = trials(seeds(30, 500), trial);
    let (all, stores): (usize, usize) = (found.iter().sum(), found.len());
    println!("{stores} old stores found {all} later objects again, and made or deleted none");
    assert!(all > stores, "{found:?}");
}
