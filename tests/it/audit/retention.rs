//! The oldest rows are removed, and what is left still proves itself.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use setai::model::{GuildId, ObjectKind, Provenance};
use setai::plan::BindingChange;
use setai::store::{
    ActionType, AuditFilter, AuditRow, Author, Expiry, Finding, Pin, Prunable, Pruning, Rebinding, RunId, open,
};

use super::export::{checked, json_lines, setai};
use super::ground::{Ground, Intruder, Place, two_runs};
use crate::support::stage::Stage;

fn expiry(ground: &Ground, older_than: DateTime<Utc>) -> Expiry {
    let author = Author::Local("ann".to_owned());
    Expiry { guild: ground.guild, older_than, author, at: older_than + TimeDelta::days(400) }
}

/// The rows of the guild, oldest first.
async fn trail(ground: &Ground) -> Vec<AuditRow> {
    let filter = AuditFilter { guild: Some(ground.guild), limit: u32::MAX, ..AuditFilter::default() };
    let mut rows = ground.store.audit(&filter).await.expect("rows");
    rows.reverse();
    rows
}

/// The first and the last run of a trail.
fn runs(rows: &[AuditRow]) -> (RunId, RunId) {
    let mut runs = rows.iter().filter_map(|row| row.correlation_id);
    (runs.next().expect("a run"), runs.next_back().expect("a run"))
}

async fn what_is_left_proves_itself_and_where_the_rest_ended(place: Place) {
    let ground = Ground::at(place).await;
    let all = trail(&ground).await;
    let old = ground.pin().await;
    let (first, second) = runs(&all);
    let end_of_first = all.iter().rposition(|row| row.correlation_id == Some(first)).expect("a row");

    // A time in the middle of the second run: a run goes whole or not at all.
    let middle = all.iter().rfind(|row| row.correlation_id == Some(second)).expect("a row").logged_at;
    let prunable = ground.store.prunable(ground.guild, middle).await.expect("prunable");
    let rows = end_of_first as u64 + 1;
    assert_eq!(prunable, Prunable { rows, through: rows, kept_for: None });
    assert_eq!(trail(&ground).await, all, "looking removes nothing");

    let order = expiry(&ground, middle);
    assert_eq!(ground.store.prune(&order).await.expect("pruned"), prunable);
    assert_eq!(ground.store.prune(&order).await.expect("pruned").rows, 0, "once");
    let left = trail(&ground).await;
    assert_eq!(left[..left.len() - 1], all[end_of_first + 1..]);
    let record = left.last().expect("a record");
    assert_eq!((record.action, &record.author), (ActionType::ConfigurationChanged, &order.author));
    let pruning: Pruning = serde_json::from_value(record.details.action_parameters.clone()).expect("a pruning");
    let gone = &all[end_of_first];
    assert_eq!((pruning.pruned_through, pruning.rows, &pruning.pruned_hash), (rows, rows, &gone.hash));
    assert_eq!(pruning.older_than, middle);

    // The head of the day before is still there; one from before the pruning that is gone cannot be checked.
    assert!(ground.inspect(&[old]).await.is_intact());
    let at_the_cut = Pin { guild: ground.guild, number: rows, hash: gone.hash.clone() };
    assert!(ground.inspect(&[at_the_cut]).await.is_intact(), "what went ended in this hash");
    let forged = Pin { guild: ground.guild, number: rows, hash: "ab".repeat(32) };
    assert!(!ground.inspect(&[forged]).await.is_intact());
    let earlier = Pin { guild: ground.guild, number: 1, hash: all[0].hash.clone() };
    let expected = Finding::PinPruned { number: 1, pruned_through: rows };
    assert_eq!(ground.inspect(&[earlier]).await.findings, [expected]);

    // Again, with everything but the record of this pruning, whose own run is none.
    let later = expiry(&ground, record.logged_at + TimeDelta::seconds(1));
    let pruned = ground.store.prune(&later).await.expect("pruned");
    assert_eq!(pruned.through, record.number);
    assert_eq!(trail(&ground).await.len(), 1);
    let inspection = ground.inspect(&[]).await;
    assert!(inspection.is_intact(), "{:#?}", inspection.findings);
    assert_eq!(inspection.rows, 1);
}

async fn rows_go_only_through_a_pruning(place: Place) {
    let ground = Ground::at(place).await;
    let mut intruder = ground.place.intruder().await;
    let rows = trail(&ground).await;
    let end = rows.last().expect("a row").logged_at + TimeDelta::seconds(1);
    let forbidden = [
        "DELETE FROM audit_logs",
        "DELETE FROM audit_logs WHERE number = 1",
        "UPDATE audit_logs SET actor = 'local:eve' WHERE number = 1",
        "UPDATE audit_chains SET length = length - 1",
        "DELETE FROM audit_chains",
    ];
    let refused = async |intruder: &mut Intruder| {
        for sql in forbidden {
            let error = intruder.attempt(sql).await.expect_err(sql);
            assert!(error.to_string().contains("append-only"), "{error}");
        }
    };
    refused(&mut intruder).await;
    ground.store.prune(&expiry(&ground, end)).await.expect("pruned");
    for sql in
        ["DELETE FROM audit_logs", "UPDATE audit_chains SET pruned_through = 0, pruned_at = NULL, pruned_by = NULL"]
    {
        let error = intruder.attempt(sql).await.expect_err(sql);
        assert!(error.to_string().contains("append-only"), "{error}");
    }
    ground.pin().await;

    // Somebody removes the beginning and makes the head say that it was pruned: no row of the chain does.
    intruder.execute("DROP TRIGGER audit_chains_only_grow").await;
    intruder.execute("DROP TRIGGER audit_logs_are_only_pruned").await;
    intruder.execute("UPDATE audit_chains SET pruned_through = length, pruned_hash = hash").await;
    intruder.execute("DELETE FROM audit_logs").await;
    let through = rows.len() as u64 + 1;
    assert_eq!(ground.inspect(&[]).await.findings, [Finding::CheckpointChanged { pruned_through: through }]);
}

async fn an_unfinished_run_keeps_its_rows_and_all_after_it(place: Place) {
    let ground = Ground::at(place).await;
    let rows = trail(&ground).await;
    let end = rows.last().expect("a row").logged_at + TimeDelta::seconds(1);
    let (first, second) = runs(&rows);
    let mut intruder = ground.place.intruder().await;

    // An outcome nobody knows, in a run that is over; and a run that is not.
    let forget = format!(
        "UPDATE operations SET phase = 'intended', outcome = NULL, settled_at = NULL
         WHERE reconciliation_id = '{second}' AND step = 1"
    );
    intruder.execute(&forget).await;
    let prunable = ground.store.prunable(ground.guild, end).await.expect("prunable");
    let before = rows.iter().position(|row| row.correlation_id == Some(second)).expect("a row") as u64;
    assert_eq!(prunable, Prunable { rows: before, through: before, kept_for: Some(second) });

    let reopen =
        format!("UPDATE reconciliations SET verdict = NULL, finished_at = NULL WHERE reconciliation_id = '{first}'");
    intruder.execute(&reopen).await;
    let before = rows.iter().position(|row| row.correlation_id == Some(first)).expect("a row") as u64;
    let prunable = Prunable { rows: before, through: before, kept_for: Some(first) };
    assert_eq!(ground.store.prune(&expiry(&ground, end)).await.expect("pruned"), prunable);
    ground.pin().await;
}

/// A channel is bound, at this time.
pub(super) fn bound(guild: GuildId, key: &str, id: u64, at: DateTime<Utc>) -> Rebinding {
    let change = BindingChange::Bind {
        kind: ObjectKind::Channel,
        key: key.parse().expect("a key"),
        id: id.to_string(),
        provenance: Provenance::Adopted,
        protected: false,
    };
    Rebinding { guild, run: None, author: Author::Local("ada".to_owned()), at, changes: vec![change] }
}

async fn a_person_looks_proves_and_prunes(place: Place) {
    let store = open(&place.url()).await.expect("open");
    let guild = GuildId::new(9_300_000_000_000_000_001);
    let lease = store.lease(guild, "a test", Duration::from_secs(60)).await.expect("nobody has it");
    let long_ago = "2020-01-01T10:00:00Z".parse().expect("a time");
    for (key, id, at) in [("rules", 5, long_ago), ("news", 6, long_ago + TimeDelta::days(1)), ("chat", 7, Utc::now())] {
        store.rebind(&lease, &bound(guild, key, id, at)).await.expect("bound");
    }
    store.release(lease).await.expect("given back");
    let ran = |code: i32, arguments: &[&str], words: &[&str]| {
        let (ended, out, err) = setai(&place, arguments);
        assert_eq!(ended, code, "{arguments:?}: {out}{err}");
        assert!(words.iter().all(|word| out.contains(word) || err.contains(word)), "{arguments:?}: {out}{err}");
        out
    };
    let row = |number: u64| format!("{guild}:{number}");

    // Looks.
    let list = ran(0, &["audit", "list"], &["configuration_changed", "channel rules", "by local:ada"]);
    assert_eq!(
        list.lines().map(|line| line.split(' ').next()).collect::<Vec<_>>(),
        [Some(row(3).as_str()), Some(row(2).as_str()), Some(row(1).as_str())]
    );
    for (arguments, count) in [
        (["--since", "2020-01-02"], 2),
        (["--until", "2020-01-02"], 1),
        (["--since", "1d"], 1),
        (["--actor", "ada"], 3),
        (["--action", "configuration_changed"], 3),
        (["-n", "2"], 2),
        (["--guild", "9300000000000000001"], 3),
    ] {
        let list = ran(0, &[&["audit", "list", "--json"][..], &arguments[..]].concat(), &[]);
        let list: Value = serde_json::from_str(&list).expect("JSON");
        assert_eq!(list.as_array().map(Vec::len), Some(count), "{arguments:?}");
    }
    ran(0, &["audit", "list", "--actor", "eve"], &["There is no such row."]);
    ran(1, &["audit", "list", "--action", "nonsense"], &["nonsense"]);
    ran(1, &["audit", "list", "--since", "yesterday"], &["a time is"]);
    let shown = ran(0, &["audit", "show", &row(1)], &["through command_line", "2020-01-01 10:00:00.000000 UTC"]);
    let id = shown.split_whitespace().nth(2).expect("an id");
    for name in ["1", id, &id[..20], &id[id.len() - 8..]] {
        assert_eq!(ran(0, &["audit", "show", name], &[]), shown, "{name}");
    }
    ran(1, &["audit", "show", "9"], &["there is no row `9`", "setai audit list"]);
    ran(1, &["audit", "show", "%%%%%%%%"], &["there is no row"]);

    // Prunes.
    let before = ran(0, &["audit", "export"], &[]);
    let older = ["audit", "prune", "--older-than", "400d"];
    let said = format!("{guild}: 2 rows from before");
    ran(0, &[&older[..], &["--dry-run"]].concat(), &[&said, "through row 2"]);
    ran(3, &older, &["nobody can be asked here, so nothing was removed", "--auto-approve"]);
    ran(1, &["audit", "prune"], &["--older-than"]);
    ran(1, &["audit", "prune", "--older-than", "0d"], &["at least 1"]);
    assert_eq!(ran(0, &["audit", "export"], &[]), before, "nothing was removed");
    ran(0, &[&older[..], &["--auto-approve"]].concat(), &["removed 2 rows; the trail says so"]);
    ran(0, &[&older[..], &["--auto-approve"]].concat(), &["No row from before"]);

    // Proves.
    let out =
        ran(0, &["audit", "verify"], &[&format!("{guild}: intact, 2 rows; 2 older ones were pruned"), "by local:ann"]);
    let pin = out.lines().find_map(|line| line.trim().strip_prefix("--expect ")).expect("a pin").to_owned();
    let after = json_lines(&ran(0, &["audit", "export"], &[]));
    let (number, hash) = &checked(&after)[&guild.to_string()];
    assert_eq!((pin.clone(), *number), (format!("{guild}:{number}:{hash}"), 4));
    ran(0, &["audit", "verify", "--expect", &pin], &["intact"]);
    ran(1, &["audit", "verify", "--expect", &format!("{guild}:5:{hash}")], &["row 5 had the hash", "cut off"]);
    ran(1, &["audit", "verify", "--expect", &format!("22:1:{hash}")], &["22: not intact"]);
    ran(1, &["audit", "verify", "--expect", &format!("{guild}:4:abc")], &["GUILD:NUMBER:HASH"]);

    // Somebody changes a row: it is named, and nothing is pruned any more.
    let mut intruder = place.intruder().await;
    intruder.execute("DROP TRIGGER audit_logs_are_never_changed").await;
    intruder.execute("UPDATE audit_logs SET actor = 'local:eve' WHERE number = 3").await;
    ran(1, &["audit", "verify"], &["not intact", "row 3 (", "first copy"]);
    let report: Value = serde_json::from_str(&ran(1, &["audit", "verify", "--json"], &[])).expect("JSON");
    assert_eq!(
        (&report["intact"], &report["chains"][0]["findings"][0]["number"]),
        (&Value::Bool(false), &Value::from(3))
    );
    // It is from a moment ago, and was never older than that.
    ran(0, &older, &["No row from before"]);
}

/// The controller of a guild whose two runs are forty days old.
async fn forty_days_later(place: Place) -> (Ground, Stage) {
    let store = open(&place.url()).await.expect("open");
    let stage = two_runs(Arc::clone(&store)).await;
    stage.discord.clock.advance(Duration::from_hours(40 * 24));
    (Ground { place, store, guild: stage.guild() }, stage)
}

const MONTH: Duration = Duration::from_hours(30 * 24);

#[tokio::test]
async fn the_controller_removes_what_is_older_than_the_operator_wants_to_keep() {
    let (ground, stage) = forty_days_later(Place::file()).await;
    let all = trail(&ground).await;
    for kept in [None, Some(MONTH * 2)] {
        stage.engine.keep_house(kept).await;
        assert_eq!(trail(&ground).await, all);
    }
    stage.engine.keep_house(Some(MONTH)).await;
    let left = trail(&ground).await;
    assert!(left.len() < all.len(), "{} of {} rows are left", left.len(), all.len());
    assert_eq!(left.last().map(|row| &row.author), Some(&Author::Controller), "the trail says who did it");
    assert!(ground.inspect(&[]).await.is_intact());
}

#[tokio::test]
async fn the_controller_removes_nothing_of_a_trail_somebody_changed() {
    let (ground, stage) = forty_days_later(Place::file()).await;
    let mut intruder = ground.place.intruder().await;
    intruder.execute("DROP TRIGGER audit_logs_are_never_changed").await;
    intruder.execute("UPDATE audit_logs SET actor = 'local:eve' WHERE number = 1").await;
    let all = trail(&ground).await;
    stage.engine.keep_house(Some(MONTH)).await;
    assert_eq!(trail(&ground).await, all, "what was changed is evidence");
}

macro_rules! on_both {
    ($($story:ident in $in_a_file:ident and $at_a_server:ident;)*) => {
        $(
            #[tokio::test]
            async fn $in_a_file() {
                $story(Place::file()).await;
            }

            #[tokio::test]
            async fn $at_a_server() {
                $story(Place::server().await).await;
            }
        )*
    };
}

on_both! {
    what_is_left_proves_itself_and_where_the_rest_ended in what_is_left_proves_itself_in_a_file
        and what_is_left_proves_itself_at_a_server;
    rows_go_only_through_a_pruning in rows_go_only_through_a_pruning_in_a_file
        and rows_go_only_through_a_pruning_at_a_server;
    an_unfinished_run_keeps_its_rows_and_all_after_it in an_unfinished_run_keeps_its_rows_in_a_file
        and an_unfinished_run_keeps_its_rows_at_a_server;
    a_person_looks_proves_and_prunes in a_person_looks_proves_and_prunes_in_a_file
        and a_person_looks_proves_and_prunes_at_a_server;
}
