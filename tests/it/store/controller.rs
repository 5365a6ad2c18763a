//! What a controller has to know when it starts anew: how guilds stand, what waits, what differs, and what was brought back.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use setai::model::{
    Change, ChannelAttributes, ChannelKind, GuildId, Image, ImageSource, RoleAttributes, RoleId, SettingsPatch,
};
use setai::plan::{ChannelSubject, Operation, StepId};
use setai::store::{
    ActionType, Approval, AuditFilter, AuditRow, Author, Closed, Closing, Correction, DriftAnswer, DriftCause,
    DriftChanges, DriftFilter, DriftId, DriftRecord, DriftStatus, DriftSubject, Error, GuildStatus, HeldPlan, Identity,
    IntendedStep, NewRun, ObservedDrift, Outcome, Standing, Store, Suspension, TargetType, Tidied, Trigger, Verdict,
};
use twilight_model::id::Id;

use super::desk::Desk;
use super::{
    GUILD, OTHER_GUILD, ada, approval, approved_run, at, contract, create_rules, done, finish, guild, intent, key,
    new_run, open, operation_id, rebinding, rename, rows, run_id, settled, subject,
};
use crate::support::mariadb::TestDatabase;

contract![
    a_status_is_what_was_seen_last,
    statuses_are_listed_by_their_guilds,
    a_suspension_counts_until_it_ends_or_is_taken_back,
    one_plan_waits_for_each_guild,
    what_became_of_a_plan_is_said_once,
    held_plans_are_found_by_the_beginning_of_their_digest,
    an_approval_counts_until_it_expires,
    the_rows_of_a_run_name_who_approved_it,
    a_difference_is_recorded_once_until_it_is_gone,
    who_made_a_difference_is_added_when_it_becomes_known,
    what_is_ignored_stays_ignored_and_every_answer_has_a_row,
    differences_are_listed_newest_first_and_found_by_part_of_their_id,
    what_was_brought_back_is_counted_by_object,
    what_is_over_is_tidied_away_and_nothing_else,
];

/// Ben, a Discord user.
fn ben() -> Author {
    Author::User(Id::new(80_351_110_224_678_912))
}

// ---- statuses ----

fn status(of: GuildId, state: Standing, reason: &str, second: i64) -> GuildStatus {
    GuildStatus {
        guild: of,
        state,
        reason: reason.to_owned(),
        message: format!("größer 🦀 at {second}"),
        source: Some("guilds".to_owned()),
        attempted_revision: Some("4f2a9c1".to_owned()),
        applied_revision: None,
        applied_manifest: Some("ab".repeat(32)),
        since: at(second),
        updated_at: at(second + 1),
        next_attempt_at: Some(at(second + 60)),
        failures: 2,
        observed_at: at(second),
    }
}

async fn a_status_is_what_was_seen_last(store: &Desk) {
    assert_eq!(store.status(GUILD).await.expect("status"), None);
    let first = status(GUILD, Standing::Stalled, "MissingPermission", 10);
    store.report(&first).await.expect("reported");
    assert_eq!(store.status(GUILD).await.expect("status").as_ref(), Some(&first));

    // The same state and reason began when it began, whatever else is new.
    let again = status(GUILD, Standing::Stalled, "MissingPermission", 20);
    store.report(&again).await.expect("reported");
    let expected = GuildStatus { since: at(10), ..again };
    assert_eq!(store.status(GUILD).await.expect("status").as_ref(), Some(&expected));

    // Another replica that looked earlier and says so later.
    store.report(&status(GUILD, Standing::Ready, "InSync", 15)).await.expect("no failure");
    assert_eq!(store.status(GUILD).await.expect("status").as_ref(), Some(&expected));

    let other_reason = status(GUILD, Standing::Stalled, "LimitExceeded", 30);
    store.report(&other_reason).await.expect("reported");
    assert_eq!(store.status(GUILD).await.expect("status").as_ref(), Some(&other_reason));
    let same_moment = GuildStatus { state: Standing::Ready, failures: 0, source: None, ..other_reason };
    store.report(&same_moment).await.expect("reported");
    assert_eq!(store.status(GUILD).await.expect("status").as_ref(), Some(&same_moment));
    assert_eq!(store.servers().await.expect("servers"), [], "nobody has reached the guild for that");
}

async fn statuses_are_listed_by_their_guilds(store: &Desk) {
    let all = [7, 9, 8].map(|id| status(GuildId::new(id), Standing::Ready, "InSync", 10));
    for status in &all {
        store.report(status).await.expect("reported");
    }
    let [first, last, second] = all;
    assert_eq!(store.statuses().await.expect("statuses"), [first, second, last]);
}

// ---- suspensions ----

async fn a_suspension_counts_until_it_ends_or_is_taken_back(store: &Desk) {
    assert_eq!(store.suspension(GUILD, at(0)).await.expect("none"), None);
    assert!(!store.resume(GUILD, &ada(), at(0)).await.expect("nothing to take back"));
    let first =
        Suspension { guild: GUILD, by: ben(), reason: "we are moving".to_owned(), at: at(0), until: Some(at(60)) };
    store.suspend(&first).await.expect("suspended");
    assert_eq!(store.suspension(GUILD, at(59)).await.expect("there").as_ref(), Some(&first));
    assert_eq!(store.suspension(GUILD, at(60)).await.expect("over"), None);
    assert_eq!(store.suspension(OTHER_GUILD, at(0)).await.expect("another guild"), None);

    let second = Suspension { by: ada(), at: at(10), until: None, ..first.clone() };
    store.suspend(&second).await.expect("suspended");
    assert_eq!(store.suspensions(at(1_000_000)).await.expect("all"), [second], "until somebody resumes it");
    assert!(store.resume(GUILD, &ben(), at(20)).await.expect("resumed"));
    assert_eq!(store.suspension(GUILD, at(20)).await.expect("none"), None);
    store.suspend(&first).await.expect("suspended");
    assert_eq!(store.suspensions(at(60)).await.expect("all"), []);
    assert!(!store.resume(GUILD, &ben(), at(61)).await.expect("it was over by itself"));

    let trail = rows(&**store, AuditFilter { guild: Some(GUILD), ..AuditFilter::default() }).await;
    let told: Vec<_> = trail.iter().map(|row| (row.author.clone(), row.details.action_parameters.clone())).collect();
    let suspended = |until: serde_json::Value| json!({ "suspended": { "reason": "we are moving", "until": until } });
    let until_60 = suspended(serde_json::to_value(at(60)).expect("json"));
    let expected = [
        (ben(), until_60.clone()),
        (ada(), suspended(json!(null))),
        (ben(), json!({ "resumed": true })),
        (ben(), until_60),
    ];
    assert_eq!(told, expected);
    assert!(trail.iter().all(|row| row.action == ActionType::ConfigurationChanged));
    let (before, after) = (&trail[1].before, &trail[1].after);
    assert_eq!(before.as_ref().map(|said| &said["by"]), Some(&json!(ben().to_string())));
    assert_eq!(after.as_ref().map(|said| &said["by"]), Some(&json!("local:ada")));
    assert!(trail[2].before.is_some() && trail[2].after.is_none());
    super::chains::are_intact(&**store).await;
}

// ---- plans that wait ----

fn held(of: GuildId, digest: &str, second: i64) -> HeldPlan {
    HeldPlan {
        guild: of,
        plan_digest: digest.to_owned(),
        plan: json!({ "digest": digest, "steps": [1, 2], "icon": { "data_uri": "data:image/png;base64,xyz" } }),
        revision: Some("4f2a9c1".to_owned()),
        held_at: at(second),
        expires_at: Some(at(second + 100)),
    }
}

async fn waiting(store: &Desk) -> Vec<(GuildId, String)> {
    let waiting = store.held_plans(None).await.expect("plans");
    waiting.into_iter().map(|held| (held.guild, held.plan_digest)).collect()
}

async fn closed(store: &Desk, digest: &str) -> Option<Closed> {
    store.find_held_plan(digest).await.expect("no failure").expect("known").summary.closed
}

async fn one_plan_waits_for_each_guild(store: &Desk) {
    assert!(store.hold(&held(GUILD, "aa01", 10)).await.expect("held"));
    assert!(!store.hold(&held(GUILD, "aa01", 20)).await.expect("it waits already"));
    assert!(store.hold(&held(OTHER_GUILD, "bb01", 5)).await.expect("held"));
    assert_eq!(waiting(store).await, [(OTHER_GUILD, "bb01".to_owned()), (GUILD, "aa01".to_owned())]);
    let one = store.held_plans(Some(GUILD)).await.expect("plans");
    assert_eq!((one.len(), one[0].held_at, one[0].expires_at, one[0].closed), (1, at(10), Some(at(110)), None));

    assert!(store.hold(&held(GUILD, "aa02", 30)).await.expect("held"));
    assert_eq!(waiting(store).await, [(OTHER_GUILD, "bb01".to_owned()), (GUILD, "aa02".to_owned())]);
    assert_eq!(closed(store, "aa01").await, Some(Closed { how: Closing::Superseded, at: at(30) }));

    // The guild is as it was before, so the first plan is right again; and nobody says anything until its time is over.
    assert!(store.hold(&held(GUILD, "aa01", 40)).await.expect("held"));
    assert_eq!(closed(store, "aa01").await, None);
    assert!(store.hold(&held(GUILD, "aa01", 140)).await.expect("held anew"));
    let again = store.find_held_plan("aa01").await.expect("no failure").expect("known");
    assert_eq!((again.summary.held_at, again.summary.closed), (at(140), None));
    assert!(store.close_held_plan(GUILD, "aa01", Closing::Stale, at(150)).await.expect("closed"));
    assert_eq!(waiting(store).await, [(OTHER_GUILD, "bb01".to_owned())]);
}

async fn what_became_of_a_plan_is_said_once(store: &Desk) {
    let close = async |how, second| store.close_held_plan(GUILD, "aa01", how, at(second)).await.expect("no failure");
    assert!(!close(Closing::Applied, 0).await, "it never waited");
    store.hold(&held(GUILD, "aa01", 10)).await.expect("held");
    assert!(!store.close_held_plan(OTHER_GUILD, "aa01", Closing::Stale, at(11)).await.expect("another guild"));
    assert!(close(Closing::Approved, 20).await);
    assert_eq!(waiting(store).await, []);
    assert!(!close(Closing::Approved, 21).await, "that is known");
    assert!(close(Closing::Applied, 30).await, "and now it is applied");
    assert!(!close(Closing::Stale, 40).await, "what is done is done");
    assert_eq!(closed(store, "aa01").await, Some(Closed { how: Closing::Applied, at: at(30) }));
}

async fn held_plans_are_found_by_the_beginning_of_their_digest(store: &Desk) {
    let find = async |part: &str| store.find_held_plan(part).await.expect("no failure").map(|held| held.summary);
    assert_eq!(find("aa").await, None);
    store.hold(&held(GUILD, "aa01ff", 10)).await.expect("held");
    store.hold(&held(OTHER_GUILD, "aa02ff", 20)).await.expect("held");
    let error = store.find_held_plan("aa0").await.expect_err("two begin like this");
    let both = [(OTHER_GUILD, "aa02ff".to_owned()), (GUILD, "aa01ff".to_owned())];
    let Error::AmbiguousPlan { part, mut fitting } = error else { panic!("{error:?}") };
    fitting.sort();
    assert!(part == "aa0" && fitting == both, "{fitting:?}");
    for none in ["", "b", "%", "aa01ffa", "AA0_"] {
        assert_eq!(find(none).await, None, "{none}");
    }
    let record = store.find_held_plan("sha256:AA01").await.expect("no failure").expect("one begins like this");
    assert_eq!((record.summary.guild, record.plan["steps"].clone()), (GUILD, json!([1, 2])));
    assert!(!record.plan.to_string().contains("base64"), "image files are not kept");
    // One that waits is meant rather than one that does not.
    store.close_held_plan(GUILD, "aa01ff", Closing::Expired, at(30)).await.expect("closed");
    assert_eq!(find("aa0").await.map(|held| held.guild), Some(OTHER_GUILD));
    assert_eq!(find("aa01").await.and_then(|held| held.closed).map(|closed| closed.how), Some(Closing::Expired));
}

async fn an_approval_counts_until_it_expires(store: &Desk) {
    let expiring = |second| Approval { expires_at: Some(at(second)), ..approval("abc") };
    assert_eq!(store.approval(GUILD, "abc", at(0)).await.expect("none"), None);
    store.approve(&expiring(0)).await.expect("approve");
    assert_eq!(store.approval(GUILD, "abc", at(0)).await.expect("over"), None);
    let run = approved_run(1, guild(GUILD, Vec::new()), "abc");
    let error = store.begin(&run).await.expect_err("it is over");
    assert!(matches!(error, Error::NotApproved), "{error:?}");
    assert_eq!(store.run(run_id(1)).await.expect("run"), None);

    store.approve(&expiring(1)).await.expect("approve");
    assert_eq!(store.approval(GUILD, "abc", at(0)).await.expect("left"), Some(expiring(1)));
    assert_eq!(store.approval(OTHER_GUILD, "abc", at(0)).await.expect("another guild"), None);
    store.begin(&run).await.expect("a second is left");
    assert_eq!(store.approval(GUILD, "abc", at(0)).await.expect("used"), None);
}

async fn the_rows_of_a_run_name_who_approved_it(store: &Desk) {
    store.approve(&Approval { granted_by: ben(), ..approval("abc") }).await.expect("approve");
    store.begin(&approved_run(1, guild(GUILD, Vec::new()), "abc")).await.expect("begin");
    store.intend(run_id(1), &intent(1, create_rules())).await.expect("intend");
    store.settle(run_id(1), StepId(1), &settled(done())).await.expect("settle");
    let changes = vec![super::bind(setai::model::ObjectKind::Channel, "rules", 5)];
    let of_the_run = setai::store::Rebinding { run: Some(run_id(1)), ..rebinding(changes.clone()) };
    store.rebind(&of_the_run).await.expect("rebind");
    store.rebind(&rebinding(changes)).await.expect("rebind");
    store.begin(&new_run(2, guild(GUILD, Vec::new()))).await.expect("begin");
    let free = IntendedStep { operation_id: operation_id(99), ..intent(1, create_rules()) };
    store.intend(run_id(2), &free).await.expect("intend");

    let approver = |row: &AuditRow| row.metadata.as_ref().expect("it has metadata").approved_by.clone();
    let trail = rows(&**store, AuditFilter { guild: Some(GUILD), ..AuditFilter::default() }).await;
    let told: Vec<_> = trail.iter().map(|row| (row.author.clone(), approver(row))).collect();
    let by_ben = (ada(), Some(ben().to_string()));
    assert_eq!(told, [by_ben.clone(), by_ben.clone(), by_ben, (ada(), None), (ada(), None)]);
    let history = store.history(Some(GUILD), 10).await.expect("history");
    let approvers: Vec<_> = history.iter().map(|run| (run.id, run.approved_by.clone())).collect();
    assert!(approvers.contains(&(run_id(1), Some(ben()))) && approvers.contains(&(run_id(2), None)), "{approvers:?}");
    super::chains::are_intact(&**store).await;
}

// ---- differences ----

fn renamed(id: u64, to: &str) -> ObservedDrift {
    ObservedDrift {
        subject: DriftSubject::Channel,
        target_id: Some(id),
        key: Some(key("rules")),
        summary: format!("channel rules is called {to}"),
        operation: rename(id, to, "rules"),
        cause: None,
    }
}

async fn seen(store: &Desk, observed: &[ObservedDrift], second: i64) -> DriftChanges {
    store.record_drift(GUILD, observed, at(second)).await.expect("recorded")
}

async fn record_of(store: &Desk, id: DriftId) -> DriftRecord {
    store.drift_record(id).await.expect("no failure").expect("recorded")
}

async fn a_difference_is_recorded_once_until_it_is_gone(store: &Desk) {
    assert_eq!(seen(store, &[], 0).await, DriftChanges::default());
    // What is said twice differs once.
    let first = seen(store, &[renamed(u64::MAX - 1, "a"), renamed(6, "b"), renamed(6, "b")], 10).await;
    let [a, b] = first.opened[..] else { panic!("{first:?}") };
    assert_eq!(first, DriftChanges { opened: vec![a, b], ..DriftChanges::default() });
    let record = record_of(store, a).await;
    let observed = renamed(u64::MAX - 1, "a");
    let expected = DriftRecord {
        id: a,
        guild: GUILD,
        subject: DriftSubject::Channel,
        target_id: Some(u64::MAX - 1),
        key: Some(key("rules")),
        summary: "channel rules is called a".to_owned(),
        fingerprint: observed.fingerprint().expect("a fingerprint"),
        operation: observed.operation,
        cause: None,
        first_seen_at: at(10),
        last_seen_at: at(10),
        status: DriftStatus::Open,
        resolved_at: None,
        resolved_by: None,
    };
    assert_eq!(record, expected);

    // The same is still there, told in other words; a machine whose clock is behind takes no time back.
    let told = ObservedDrift { summary: "in other words".to_owned(), ..renamed(6, "b") };
    let again = seen(store, &[renamed(u64::MAX - 1, "a"), told], 20).await;
    assert_eq!(again, DriftChanges { seen_again: vec![a, b], ..DriftChanges::default() });
    seen(store, &[renamed(u64::MAX - 1, "a"), renamed(6, "b")], 15).await;
    let record = record_of(store, a).await;
    assert_eq!((record.first_seen_at, record.last_seen_at), (at(10), at(20)));

    // It differs in another way now, and that is another difference.
    let other = seen(store, &[renamed(6, "c")], 30).await;
    let [c] = other.opened[..] else { panic!("{other:?}") };
    assert!(other.gone.len() == 2 && other.gone.contains(&a) && other.gone.contains(&b), "{other:?}");
    let record = record_of(store, b).await;
    assert_eq!((record.status, record.resolved_at, record.resolved_by), (DriftStatus::Gone, Some(at(30)), None));
    assert_eq!(record.last_seen_at, at(20));
    let back = seen(store, &[renamed(6, "b"), renamed(6, "c")], 40).await;
    assert_eq!(back.seen_again, [c]);
    assert!(back.opened.len() == 1 && back.opened[0] != b, "it came back, and is news: {back:?}");

    let elsewhere = store.record_drift(OTHER_GUILD, &[renamed(6, "c")], at(50)).await.expect("recorded");
    assert_eq!((elsewhere.opened.len(), elsewhere.gone.len()), (1, 0), "each guild for itself");
}

async fn who_made_a_difference_is_added_when_it_becomes_known(store: &Desk) {
    let cause = |name: &str| DriftCause {
        by: Some(Id::new(9_300_000_000_000_000_777)),
        by_name: Some(name.to_owned()),
        at: Some(at(5)),
        reason: Some("größer 🦀".to_owned()),
        audit_entry_id: Some(9_300_000_000_000_000_888),
    };
    let unknown = seen(store, &[renamed(5, "a")], 10).await.opened[0];
    let by = |name: &str| ObservedDrift { cause: Some(cause(name)), ..renamed(5, "a") };
    assert_eq!(seen(store, &[by("mallory")], 20).await.seen_again, [unknown], "it is the same difference");
    assert_eq!(record_of(store, unknown).await.cause, Some(cause("mallory")));
    for later in [renamed(5, "a"), by("somebody else")] {
        seen(store, &[later], 30).await;
        assert_eq!(record_of(store, unknown).await.cause, Some(cause("mallory")), "what is known stays");
    }
    let known = ObservedDrift { cause: Some(cause("mallory")), ..renamed(6, "b") };
    let known = seen(store, &[renamed(5, "a"), known], 40).await.opened[0];
    assert_eq!(record_of(store, known).await.cause, Some(cause("mallory")));
}

async fn what_is_ignored_stays_ignored_and_every_answer_has_a_row(store: &Desk) {
    let answer = async |id, answer, second| store.resolve_drift(id, answer, &ben(), at(second)).await;
    let both = [renamed(5, "a"), renamed(6, "b")];
    let first = seen(store, &both, 10).await;
    let [a, b] = first.opened[..] else { panic!("{first:?}") };
    answer(a, DriftAnswer::Ignored, 20).await.expect("ignored");
    answer(b, DriftAnswer::Adopted, 20).await.expect("adopted");
    let record = record_of(store, a).await;
    assert_eq!(
        (record.status, record.resolved_at, record.resolved_by),
        (DriftStatus::Ignored, Some(at(20)), Some(ben()))
    );

    let second = seen(store, &[renamed(5, "a")], 30).await;
    assert_eq!(second, DriftChanges { ignored: vec![a], ..DriftChanges::default() });
    assert_eq!(seen(store, &[], 40).await, DriftChanges::default(), "it is no news that it is gone");
    assert_eq!(seen(store, &[renamed(5, "a")], 50).await.ignored, [a], "nor that it is back");
    let record = record_of(store, a).await;
    assert_eq!((record.status, record.resolved_at, record.last_seen_at), (DriftStatus::Ignored, Some(at(20)), at(50)));

    let error = answer(b, DriftAnswer::Reverted, 60).await.expect_err("answered");
    assert!(matches!(error, Error::DriftSettled { id, status: DriftStatus::Adopted } if id == b), "{error:?}");
    let error = answer(a, DriftAnswer::Ignored, 60).await.expect_err("answered like this");
    assert!(matches!(error, Error::DriftSettled { status: DriftStatus::Ignored, .. }), "{error:?}");
    let nobodys = DriftId(uuid::Uuid::from_u128(1));
    let error = answer(nobodys, DriftAnswer::Ignored, 60).await.expect_err("unknown");
    assert!(matches!(error, Error::UnknownDrift { id } if id == nobodys), "{error:?}");
    answer(a, DriftAnswer::Reverted, 70).await.expect("somebody thought better of it");
    assert_eq!(seen(store, &[renamed(5, "a")], 80).await.opened.len(), 1, "and it came back all the same");

    let trail = rows(&**store, AuditFilter { guild: Some(GUILD), ..AuditFilter::default() }).await;
    let told: Vec<_> = trail.iter().map(|row| row.details.action_parameters["answer"].clone()).collect();
    assert_eq!(told, [json!("ignored"), json!("adopted"), json!("reverted")]);
    let row = &trail[0];
    assert_eq!((row.action, row.author.clone()), (ActionType::ConfigurationChanged, ben()));
    assert_eq!((row.details.target_type, row.details.target_id.as_deref()), (TargetType::Channel, Some("5")));
    assert_eq!(row.details.action_parameters["drift"], json!(a));
    super::chains::are_intact(&**store).await;
}

async fn differences_are_listed_newest_first_and_found_by_part_of_their_id(store: &Desk) {
    let first = seen(store, &[renamed(5, "a"), renamed(6, "b")], 10).await.opened;
    let gone = first[0];
    let last = seen(store, &[renamed(6, "b"), renamed(7, "c")], 20).await.opened[0];
    let elsewhere = store.record_drift(OTHER_GUILD, &[renamed(8, "d")], at(30)).await.expect("recorded").opened[0];
    let list = async |of, filter, limit| {
        let list = store.drift(of, filter, limit).await.expect("list");
        list.iter().map(|drift| drift.id).collect::<Vec<_>>()
    };
    assert_eq!(list(None, DriftFilter::Open, 10).await, [elsewhere, last, first[1]]);
    assert_eq!(list(Some(GUILD), DriftFilter::Open, 10).await, [last, first[1]]);
    let all = list(Some(GUILD), DriftFilter::All, 10).await;
    assert!(all.len() == 3 && all[0] == last && all.contains(&gone), "{all:?}");
    assert_eq!(list(None, DriftFilter::All, 2).await, [elsewhere, last]);

    let text = last.to_string();
    for part in [&text, &text[text.len() - 8..], &text.to_uppercase(), &text[..18]] {
        assert_eq!(store.find_drift(part).await.expect("no failure"), Some(last), "{part}");
    }
    for none in ["", "%", "____", "zz"] {
        assert_eq!(store.find_drift(none).await.expect("no failure"), None, "{none}");
    }
    let error = store.find_drift(&first[0].to_string()[..13]).await.expect_err("both began in the same moment");
    assert!(matches!(&error, Error::AmbiguousDrift { fitting, .. } if fitting.len() == 2), "{error:?}");
}

// ---- corrections ----

/// A run for which these operations were done, each at its second; none of what was not done.
async fn ran(store: &Desk, number: u128, trigger: Trigger, steps: Vec<(i64, Operation, Option<Outcome>)>) {
    let run = NewRun { trigger, ..new_run(number, guild(GUILD, Vec::new())) };
    store.begin(&run).await.expect("begin");
    for (step, (second, operation, outcome)) in (1..).zip(steps) {
        let operation_id = operation_id(number * 1_000 + u128::from(step));
        let intended = IntendedStep { operation_id, intended_at: at(second), ..intent(step, operation) };
        store.intend(run.id, &intended).await.expect("intend");
        if let Some(outcome) = outcome {
            store.settle(run.id, StepId(step), &settled(outcome)).await.expect("settle");
        }
    }
    store.finish(run.id, &finish(Verdict::Partial)).await.expect("finish");
}

async fn what_was_brought_back_is_counted_by_object(store: &Desk) {
    let keyed = |id| match rename(id, "a", "rules") {
        Operation::UpdateChannel { channel, changes } => {
            Operation::UpdateChannel { channel: ChannelSubject { key: Some(key("rules")), ..channel }, changes }
        }
        other => other,
    };
    let create_role = || {
        let role = Box::new(RoleAttributes::named("Staff"));
        Operation::CreateRole { key: key("rules"), role }
    };
    let stray = || Operation::DeleteChannel {
        channel: subject(7, "stray"),
        was: Box::new(ChannelAttributes::named("stray", ChannelKind::Text)),
    };
    let failed = || Outcome::Failed { error: "Missing Permissions".to_owned() };
    let withdrawn = || Outcome::Withdrawn { why: "later".to_owned() };
    assert_eq!(store.corrections(GUILD, at(0)).await.expect("none"), []);

    ran(store, 1, Trigger::Event, vec![(100, keyed(5), Some(done())), (101, create_role(), Some(done()))]).await;
    // Somebody deleted it, so it is made anew, and changed again: by its key it is the same.
    ran(store, 2, Trigger::Schedule, vec![(200, create_rules(), Some(done())), (201, stray(), Some(done()))]).await;
    let order = Operation::MoveRoles { moves: Vec::new() };
    ran(store, 3, Trigger::Retry, vec![(300, keyed(6), None), (301, order, Some(done()))]).await;
    ran(store, 4, Trigger::StartUp, vec![(400, keyed(6), Some(failed())), (401, keyed(6), Some(withdrawn()))]).await;
    ran(store, 5, Trigger::Person, vec![(500, keyed(6), Some(done()))]).await;
    ran(store, 6, Trigger::Revision, vec![(600, keyed(6), Some(done()))]).await;

    let corrections = async |second| {
        let corrections = store.corrections(GUILD, at(second)).await.expect("corrections");
        let told = |c: Correction| (c.object.subject, c.object.identity, c.target_id, c.name, c.times.len());
        corrections.into_iter().map(told).collect::<Vec<_>>()
    };
    let of_role = (DriftSubject::Role, Identity::Key(key("rules")), None, "Staff".to_owned(), 1);
    let of_stray = (DriftSubject::Channel, Identity::Snowflake(7), Some(7), "stray".to_owned(), 1);
    let of_order = (DriftSubject::Order, Identity::Whole("roles"), None, "roles".to_owned(), 1);
    let of_rules = |count| (DriftSubject::Channel, Identity::Key(key("rules")), Some(6), "a".to_owned(), count);
    assert_eq!(corrections(0).await, [of_role.clone(), of_rules(3), of_stray.clone(), of_order.clone()]);
    assert_eq!(corrections(101).await, [of_role, of_rules(2), of_stray, of_order.clone()], "from then on");
    assert_eq!(corrections(300).await, [of_rules(1), of_order]);
    assert_eq!(corrections(302).await, []);
    assert_eq!(store.corrections(OTHER_GUILD, at(0)).await.expect("another guild"), []);
}

#[test]
fn what_an_operation_is_about_is_said_in_one_word() {
    let channel = |kind| Box::new(ChannelAttributes::named("area", kind));
    let create = |kind| Operation::CreateChannel { key: key("area"), channel: channel(kind) };
    let source = ImageSource { path: "icon.png".to_owned(), sha256: "ab".repeat(32), data_uri: "data:x".to_owned() };
    let changes = SettingsPatch {
        icon: Some(Change { from: None, to: Some(Image::Upload(source)) }),
        ..SettingsPatch::default()
    };
    let cases = [
        (create(ChannelKind::Category), DriftSubject::Category),
        (create(ChannelKind::Forum), DriftSubject::Channel),
        (rename(5, "a", "b"), DriftSubject::Channel),
        (Operation::MoveChannels { moves: Vec::new() }, DriftSubject::Order),
        (
            Operation::GiveRole { role: RoleId::new(6).into(), name: "r".to_owned(), user: Id::new(7) },
            DriftSubject::Role,
        ),
        (Operation::UpdateGuild { changes: Box::new(changes) }, DriftSubject::Settings),
    ];
    for (operation, expected) in cases {
        assert_eq!(DriftSubject::of(&operation), expected, "{operation:?}");
    }
}

// ---- tidying ----

async fn what_is_over_is_tidied_away_and_nothing_else(store: &Desk) {
    store.report(&status(GUILD, Standing::Ready, "InSync", 10)).await.expect("reported");
    store.report(&status(OTHER_GUILD, Standing::Ready, "InSync", 1_000)).await.expect("reported");
    let reason = "we are moving".to_owned();
    let suspension = Suspension { guild: GUILD, by: ada(), reason, at: at(0), until: Some(at(50)) };
    store.suspend(&suspension).await.expect("suspended");
    store.suspend(&Suspension { guild: OTHER_GUILD, until: None, ..suspension }).await.expect("suspended");
    store.hold(&held(GUILD, "aa01", 10)).await.expect("held");
    store.hold(&held(GUILD, "aa02", 20)).await.expect("held");
    let all = [renamed(5, "a"), renamed(6, "b"), renamed(7, "c"), renamed(8, "d")];
    let opened = seen(store, &all, 10).await.opened;
    for (id, answer) in [(opened[1], DriftAnswer::Ignored), (opened[2], DriftAnswer::Ignored)] {
        store.resolve_drift(id, answer, &ada(), at(11)).await.expect("answered");
    }
    // One is open, one is ignored and still there, one is ignored and was not seen again, and one is gone.
    seen(store, &[renamed(5, "a")], 20).await;
    seen(store, &[renamed(5, "a"), renamed(6, "b")], 1_000).await;

    assert_eq!(store.tidy(at(-1_000)).await.expect("tidied"), Tidied::default());
    let tidied = store.tidy(at(500)).await.expect("tidied");
    let expected = Tidied { held_plans: 1, drift_records: 2, statuses: 1, schedules: 0, suspensions: 1 };
    assert_eq!(tidied, expected);
    assert_eq!(store.tidy(at(500)).await.expect("tidied"), Tidied::default(), "once");
    assert_eq!(waiting(store).await, [(GUILD, "aa02".to_owned())]);
    let kept: Vec<_> = store.drift(None, DriftFilter::All, 10).await.expect("list");
    let mut kept: Vec<_> = kept.iter().map(|drift| drift.id).collect();
    kept.sort();
    let mut expected = vec![opened[0], opened[1]];
    expected.sort();
    assert_eq!(kept, expected);
    assert_eq!(seen(store, &[renamed(6, "b")], 1_010).await.ignored, [opened[1]], "and it is still ignored");
    assert_eq!(store.status(OTHER_GUILD).await.expect("status").map(|status| status.observed_at), Some(at(1_000)));
    assert_eq!(store.suspensions(at(0)).await.expect("all").len(), 1);
}

// ---- many at once ----

/// A fresh database at a server, which many ask at once.
async fn shared() -> (TestDatabase, Arc<dyn Store>) {
    let database = TestDatabase::new().await;
    let store = setai::store::open(&database.url()).await.expect("open");
    (database, store)
}

#[tokio::test(flavor = "multi_thread")]
async fn several_replicas_that_say_the_same_say_it_once() {
    let (_database, store) = shared().await;
    // The guild is known, or making it known would already let them in one after the other.
    store.approve(&approval("abc")).await.expect("approved");
    let mut replicas = tokio::task::JoinSet::new();
    for number in 0..8_i64 {
        let store = Arc::clone(&store);
        replicas.spawn(async move {
            let held = store.hold(&held(GUILD, "aa01", 10)).await.expect("one of them holds it");
            let drift = [renamed(5, "a"), renamed(6, "b")];
            let drift = store.record_drift(GUILD, &drift, at(10)).await.expect("recorded");
            for of in [OTHER_GUILD, GUILD] {
                store.report(&status(of, Standing::Ready, "InSync", number)).await.expect("reported");
            }
            (usize::from(held), drift.opened.len())
        });
    }
    let told = replicas.join_all().await;
    assert_eq!(told.iter().map(|(held, _)| held).sum::<usize>(), 1, "{told:?}");
    assert_eq!(told.iter().map(|(_, opened)| opened).sum::<usize>(), 2, "{told:?}");
    assert_eq!(store.held_plans(None).await.expect("plans").len(), 1);
    assert_eq!(store.drift(None, DriftFilter::All, 100).await.expect("list").len(), 2);
    let latest: Vec<_> = store.statuses().await.expect("statuses").iter().map(|status| status.observed_at).collect();
    assert_eq!(latest, [at(7), at(7)], "whoever looked last is right, in whatever order they came");
}

/// Asks everything once, so that somebody else can see how it is gone about.
pub(super) async fn everything_a_controller_asks(store: &Desk) {
    store.report(&status(GUILD, Standing::Ready, "InSync", 0)).await.expect("reported");
    store.status(GUILD).await.expect("status");
    store.statuses().await.expect("statuses");
    let suspension =
        Suspension { guild: GUILD, by: ada(), reason: "moving".to_owned(), at: at(0), until: Some(at(60)) };
    store.suspend(&suspension).await.expect("suspended");
    store.suspension(GUILD, at(0)).await.expect("suspended");
    store.suspensions(at(0)).await.expect("suspended");
    store.resume(GUILD, &ada(), at(0)).await.expect("resumed");
    for (digest, second) in [("aa01aa01aa01", 10), ("aa02aa02aa02", 20)] {
        store.hold(&held(GUILD, digest, second)).await.expect("held");
        store.find_held_plan(digest).await.expect("found");
    }
    store.find_held_plan("aa01aa01aa01").await.expect("found");
    store.held_plans(None).await.expect("plans");
    store.held_plans(Some(GUILD)).await.expect("plans");
    store.close_held_plan(GUILD, "aa02aa02aa02", Closing::Stale, at(30)).await.expect("closed");
    store.approve(&approval("abc")).await.expect("approved");
    store.approval(GUILD, "abc", at(0)).await.expect("approved");
    store.begin(&approved_run(1, guild(GUILD, Vec::new()), "abc")).await.expect("begin");
    store.corrections(GUILD, at(0)).await.expect("corrections");
    let opened = seen(store, &[renamed(5, "a"), renamed(6, "b")], 10).await.opened;
    store.resolve_drift(opened[0], DriftAnswer::Ignored, &ada(), at(11)).await.expect("answered");
    let cause = DriftCause { by: Some(Id::new(9)), ..DriftCause::default() };
    let known = ObservedDrift { cause: Some(cause), ..renamed(6, "b") };
    seen(store, &[renamed(5, "a"), known], 20).await;
    seen(store, &[], 30).await;
    for of in [None, Some(GUILD)] {
        for filter in [DriftFilter::Open, DriftFilter::All] {
            store.drift(of, filter, 100).await.expect("list");
        }
    }
    store.drift_record(opened[0]).await.expect("read");
    store.find_drift(&opened[0].to_string()).await.expect("found");
    store.take_turn(GUILD, Duration::ZERO).await.expect("a turn");
    store.plan_turn(GUILD, Duration::ZERO).await.expect("planned");
    store.tidy(at(0)).await.expect("tidied");
}
