//! Whose turn it is to look at a guild without a cause, and what others left behind.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta, Utc};
use setai::store::{Turn, Turns};

use super::desk::Desk;
use super::{GUILD, OTHER_GUILD, contract, open};
use crate::support::mariadb::TestDatabase;

contract![
    one_of_all_takes_the_turn_and_says_when_the_next_is,
    what_is_held_is_nobodys_turn_and_what_is_abandoned_is_told,
    a_guild_nobody_looked_at_any_more_is_forgotten,
];

const HOUR: Duration = Duration::from_secs(3_600);

fn is_about(turn: Turn, time: Duration) -> bool {
    matches!(turn, Turn::Later(left) if left <= time && left + Duration::from_secs(60) > time)
}

async fn one_of_all_takes_the_turn_and_says_when_the_next_is(desk: &Desk) {
    assert_eq!(desk.turns().await.expect("turns"), Turns::default());
    assert_eq!(desk.take_turn(GUILD, HOUR).await.expect("a turn"), Turn::Ours, "nobody ever looked");
    let turn = desk.take_turn(GUILD, HOUR).await.expect("a turn");
    assert!(is_about(turn, HOUR), "{turn:?}");
    assert_eq!(desk.take_turn(OTHER_GUILD, Duration::ZERO).await.expect("a turn"), Turn::Ours, "another guild");
    assert_eq!(desk.turns().await.expect("turns").due, BTreeSet::from([OTHER_GUILD]), "its turn is over");

    desk.plan_turn(GUILD, Duration::ZERO).await.expect("planned");
    assert_eq!(desk.turns().await.expect("turns").due, BTreeSet::from([GUILD, OTHER_GUILD]));
    assert_eq!(desk.take_turn(GUILD, HOUR).await.expect("a turn"), Turn::Ours);
    desk.plan_turn(GUILD, 2 * HOUR).await.expect("planned");
    let turn = desk.take_turn(GUILD, HOUR).await.expect("a turn");
    assert!(is_about(turn, 2 * HOUR), "{turn:?}");
    desk.plan_turn(OTHER_GUILD, Duration::MAX).await.expect("a year is enough");
    assert_eq!(desk.turns().await.expect("turns"), Turns::default());
}

async fn what_is_held_is_nobodys_turn_and_what_is_abandoned_is_told(desk: &Desk) {
    let store = &*desk.store();
    for guild in [GUILD, OTHER_GUILD] {
        store.plan_turn(guild, Duration::ZERO).await.expect("planned");
    }
    let held = store.lease(GUILD, "alive", HOUR).await.expect("nobody has it");
    let dead = store.lease(OTHER_GUILD, "dead", Duration::ZERO).await.expect("nobody has it");
    let Turns { held: at_work, abandoned, due } = store.turns().await.expect("turns");
    assert_eq!(at_work, BTreeSet::from([GUILD]));
    assert_eq!(abandoned.keys().copied().collect::<Vec<_>>(), [OTHER_GUILD]);
    assert_eq!(due, BTreeSet::from([OTHER_GUILD]));
    store.release(held).await.expect("given back");
    store.release(dead).await.expect("given back");
    let Turns { held, abandoned, due } = store.turns().await.expect("turns");
    assert_eq!((held, abandoned), (BTreeSet::new(), BTreeMap::new()));
    assert_eq!(due, BTreeSet::from([GUILD, OTHER_GUILD]));
}

async fn a_guild_nobody_looked_at_any_more_is_forgotten(desk: &Desk) {
    desk.plan_turn(GUILD, Duration::ZERO).await.expect("planned");
    desk.plan_turn(OTHER_GUILD, HOUR).await.expect("planned");
    assert_eq!(desk.turns().await.expect("turns").due, BTreeSet::from([GUILD]));
    let in_half_an_hour = Utc::now() + TimeDelta::minutes(30);
    assert_eq!(desk.tidy(in_half_an_hour).await.expect("tidied").schedules, 1);
    assert_eq!(desk.turns().await.expect("turns"), Turns::default());
    let turn = desk.take_turn(OTHER_GUILD, HOUR).await.expect("a turn");
    assert!(is_about(turn, HOUR), "somebody looks at the other: {turn:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_ask_at_once_one_gets_the_turn() {
    let database = TestDatabase::new().await;
    let store = setai::store::open(&database.url()).await.expect("open");
    for _ in 0..5 {
        let asks: Vec<_> = (0..8)
            .map(|_| {
                let store = std::sync::Arc::clone(&store);
                tokio::spawn(async move { store.take_turn(GUILD, HOUR).await.expect("a turn") })
            })
            .collect();
        let mut ours = 0;
        for ask in asks {
            ours += usize::from(ask.await.expect("no panic") == Turn::Ours);
        }
        assert_eq!(ours, 1);
        store.plan_turn(GUILD, Duration::ZERO).await.expect("planned");
    }
}

#[tokio::test]
async fn when_a_guild_was_looked_at_last_is_still_known_while_somebody_is_at_it() {
    let database = TestDatabase::new().await;
    let store = setai::store::open(&database.url()).await.expect("open");
    let last = async || -> Option<NaiveDateTime> {
        let last = sqlx::query_scalar("SELECT last_sweep_at FROM schedules");
        last.fetch_one(&mut database.connect().await).await.expect("a row")
    };
    assert_eq!(store.take_turn(GUILD, Duration::ZERO).await.expect("a turn"), Turn::Ours);
    assert_eq!(last().await, None, "nobody ever looked");
    store.plan_turn(GUILD, Duration::ZERO).await.expect("planned");
    let looked = last().await;
    assert!(looked.is_some());
    assert_eq!(store.take_turn(GUILD, HOUR).await.expect("a turn"), Turn::Ours);
    assert_eq!(last().await, looked);
}
