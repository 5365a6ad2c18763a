//! The right to change a guild: who has it, who gets it next, and what becomes of those who had it before.

use std::time::Duration;

use setai::model::ObjectKind;
use setai::plan::StepId;
use setai::store::{AuditFilter, Bound, Error, Lease, Store, Verdict};

use super::desk::Desk;
use super::{GUILD, OTHER_GUILD, bind, create_rules, done, finish, guild, intent, new_run, rebinding, run_id, settled};

/// Long enough for any test.
const LONG: Duration = Duration::from_secs(600);

/// Over as soon as it is taken.
const NOTHING: Duration = Duration::ZERO;

async fn take(store: &dyn Store, duration: Duration) -> Result<Lease, Error> {
    store.lease(GUILD, "a test", duration).await
}

pub(super) async fn one_holder_at_a_time_and_each_guild_for_itself(desk: &Desk) {
    let store = &*desk.store();
    let held = take(store, LONG).await.expect("nobody has it");
    assert_eq!((held.guild(), held.duration()), (GUILD, LONG));
    let number = held.fence();
    let error = take(store, LONG).await.expect_err("somebody has it");
    let Error::GuildBusy { guild, ref holder, since, until } = error else { panic!("{error:?}") };
    assert!(guild == GUILD && holder == "a test" && until - since == chrono::TimeDelta::seconds(600), "{error:?}");
    assert!(error.is_transient());
    let other = store.lease(OTHER_GUILD, "a test", LONG).await.expect("another guild");
    assert_eq!(other.guild(), OTHER_GUILD);

    store.renew(&held).await.expect("it is still there");
    store.release(held).await.expect("given back");
    let next = take(store, LONG).await.expect("nobody has it any more");
    assert!(next.fence() > number, "it grows each time");
}

pub(super) async fn what_is_bound_is_the_same_until_somebody_may_have_changed_it(desk: &Desk) {
    let store = &*desk.store();
    let read = async |known: Option<&Bound>| store.bindings_since(GUILD, known.cloned()).await.expect("bindings");
    let is_same = |one: &Bound, other: &Bound| std::sync::Arc::ptr_eq(&one.bindings, &other.bindings);
    let empty = read(None).await;
    assert!(empty.mark.is_none() && empty.bindings.roles.is_empty(), "nobody ever had the right to change it");
    let held = take(store, LONG).await.expect("nobody has it");
    store.rebind(&held, &rebinding(vec![bind(ObjectKind::Role, "moderator", 100)])).await.expect("bind");
    let amidst = read(Some(&empty)).await;
    assert_eq!((amidst.bindings.roles.len(), amidst.mark), (1, None), "somebody is at it");
    store.release(held).await.expect("given back");
    let free = read(Some(&amidst)).await;
    assert!(free.mark.is_some() && !is_same(&free, &amidst), "from now on it can be known");
    assert!(is_same(&read(Some(&free)).await, &free) && is_same(&read(Some(&free)).await, &free));

    let held = take(store, NOTHING).await.expect("nobody has it");
    let late = read(Some(&free)).await;
    assert!(late.mark.is_none() && !is_same(&late, &free), "whoever has it may be about to change it, late or not");
    store.release(held).await.expect("given back");
    let later = read(Some(&free)).await;
    assert!(later.mark.is_some() && later.mark != free.mark && !is_same(&later, &free), "somebody had it meanwhile");
    let other = store.bindings_since(OTHER_GUILD, Some(later)).await.expect("bindings");
    assert!(other.mark.is_none() && other.bindings.roles.is_empty(), "of another guild nothing is known by it");
}

pub(super) async fn what_has_expired_is_anybodys_and_then_lost(desk: &Desk) {
    let store = &*desk.store();
    let late = take(store, NOTHING).await.expect("nobody has it");
    store.renew(&late).await.expect("nobody else wanted it");
    let next = take(store, LONG).await.expect("its time is over, by the database's clock");
    let number = late.fence();
    assert!(next.fence() > number);

    for lost in [store.renew(&late).await, store.release(late).await] {
        assert!(matches!(lost, Err(Error::LeaseLost { fence, .. }) if fence == number), "{lost:?}");
    }
    let error = take(store, LONG).await.expect_err("the late one's release released nothing");
    assert!(matches!(error, Error::GuildBusy { .. }), "{error:?}");
    store.renew(&next).await.expect("it is still there");
}

pub(super) async fn whoever_lost_the_right_writes_nothing_more(desk: &Desk) {
    let store = &*desk.store();
    let late = take(store, NOTHING).await.expect("nobody has it");
    store.begin(&late, &new_run(1, guild(GUILD, Vec::new()))).await.expect("begin");
    store.intend(&late, run_id(1), &intent(1, create_rules())).await.expect("intend");
    let next = take(store, LONG).await.expect("its time is over");
    let before = (store.run(run_id(1)).await.expect("run"), trail(store).await);

    // It was frozen, and wakes up in the middle of its work.
    let late = &late;
    let refused = [
        store.begin(late, &new_run(2, guild(GUILD, Vec::new()))).await,
        store.intend(late, run_id(1), &intent(2, create_rules())).await,
        store.settle(late, run_id(1), StepId(1), &settled(done())).await,
        store.finish(late, run_id(1), &finish(Verdict::Succeeded)).await,
        store.rebind(late, &rebinding(vec![bind(ObjectKind::Channel, "rules", 5)])).await,
    ];
    for refusal in refused {
        assert!(matches!(refusal, Err(Error::LeaseLost { fence, .. }) if fence == late.fence()), "{refusal:?}");
    }
    assert_eq!((store.run(run_id(1)).await.expect("run"), trail(store).await), before, "nothing was written");
    assert_eq!(store.history(None, 10).await.expect("history").len(), 1);
    assert!(store.bindings(GUILD).await.expect("bindings").channels.is_empty());

    // Whoever has the right now finds out and ends what the other one began.
    store.settle(&next, run_id(1), StepId(1), &settled(done())).await.expect("settle");
    store.finish(&next, run_id(1), &finish(Verdict::Interrupted)).await.expect("finish");
}

async fn trail(store: &dyn Store) -> usize {
    store.audit(&AuditFilter::default()).await.expect("audit").len()
}

pub(super) async fn a_lease_is_for_one_guild(desk: &Desk) {
    let store = &*desk.store();
    let ours = take(store, LONG).await.expect("nobody has it");
    let theirs = store.lease(OTHER_GUILD, "a test", LONG).await.expect("nobody has it");
    store.begin(&theirs, &new_run(2, guild(OTHER_GUILD, Vec::new()))).await.expect("begin");
    let refused = [
        store.begin(&ours, &new_run(1, guild(OTHER_GUILD, Vec::new()))).await,
        store.intend(&ours, run_id(2), &intent(1, create_rules())).await,
        store.finish(&ours, run_id(2), &finish(Verdict::Succeeded)).await,
    ];
    for refusal in refused {
        assert!(
            matches!(refusal, Err(Error::WrongLease { lease, guild }) if (lease, guild) == (GUILD, OTHER_GUILD)),
            "{refusal:?}"
        );
    }
    let history = store.history(None, 10).await.expect("history");
    assert!(history.len() == 1 && history[0].finished.is_none(), "{history:?}");
}

pub(super) async fn many_ask_at_once_and_one_gets_it(desk: &Desk) {
    let mut tries = tokio::task::JoinSet::new();
    for _ in 0..12 {
        let store = desk.store();
        tries.spawn(async move { store.lease(GUILD, "a test", LONG).await });
    }
    let leases = tries.join_all().await;
    let busy = leases.iter().filter(|lease| matches!(lease, Err(Error::GuildBusy { .. }))).count();
    assert_eq!((busy, leases.iter().filter(|lease| lease.is_ok()).count()), (11, 1), "{leases:?}");
}

/// A holder that is gone is not waited for where others can see that.
#[tokio::test]
async fn at_one_machine_the_dead_are_not_waited_for() {
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("setai.db");
    let (here, there) = (super::open(&path).await, super::open(&path).await);
    let held = take(&*here, LONG).await.expect("nobody has it");
    let error = take(&*there, LONG).await.expect_err("another process has it");
    assert!(matches!(error, Error::GuildBusy { .. }), "{error:?}");
    let number = held.fence();
    drop(held);
    let next = take(&*there, LONG).await.expect("it is gone without having said anything");
    assert!(next.fence() > number);
}

/// A backup of a database knows only the numbers of its own time.
#[tokio::test]
async fn a_database_put_back_to_an_earlier_state_gives_no_number_twice() {
    let database = crate::support::mariadb::TestDatabase::new().await;
    let store = setai::store::open(&database.url()).await.expect("open");
    let frozen = take(&*store, LONG).await.expect("nobody has it");
    for earlier in ["UPDATE leases SET fence = 0, holder = NULL", "DELETE FROM leases"] {
        database.execute(earlier).await;
        let next = take(&*store, LONG).await.expect("nobody is known to have it");
        assert!(next.fence() > frozen.fence(), "{earlier}");
        let error = store.renew(&frozen).await.expect_err("its number is none of this database's");
        assert!(matches!(error, Error::LeaseLost { .. }), "{error:?}");
    }
}

/// The same where they cannot: only time tells.
#[tokio::test]
async fn at_a_server_the_dead_are_waited_for_until_their_lease_expires() {
    let database = crate::support::mariadb::TestDatabase::new().await;
    let store = setai::store::open(&database.url()).await.expect("open");
    let number = take(&*store, LONG).await.expect("nobody has it").fence();
    let error = take(&*store, LONG).await.expect_err("it may be alive");
    assert!(matches!(error, Error::GuildBusy { .. }), "{error:?}");
    database.expire_leases().await;
    assert!(take(&*store, LONG).await.expect("its time is over").fence() > number);
}
