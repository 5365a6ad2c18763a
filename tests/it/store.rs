//! The contract of the store: every database has to pass the same stories.

mod bad_input;
mod chains;
mod controller;
mod desk;
mod indexes;
mod leases;
mod people;
mod schema;
mod server;
mod servers;
mod turns;

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use setai::model::{
    Binding, BindingState, Bindings, BoostTier, Change, Channel, ChannelAttributes, ChannelId, ChannelKind,
    ChannelPatch, ContentFilter, Guild, GuildId, GuildSettings, Image, ImageSource, Key, NameEcho, NotificationLevel,
    ObjectKind, Overwrite, Overwrites, Permissions, Provenance, Role, RoleAttributes, RoleId, RolePatch, SettingsPatch,
    Target, VerificationLevel,
};
use setai::plan::{BindingChange, ChannelSubject, Move, Operation, RoleSubject, StepId};
use setai::store::{
    ActionType, Approval, AuditFilter, Author, Created, DatabaseUrl, Error, ExecutionSource, Fact, Finish, ImpactScope,
    IntendedStep, NewRun, OperationId, Outcome, Phase, Rebinding, RunId, SettledStep, StepCounts, Store, TargetType,
    Trigger, Verdict,
};
use twilight_model::id::Id;
use uuid::Uuid;

use desk::Desk;
use leases::{
    a_lease_is_for_one_guild, many_ask_at_once_and_one_gets_it, one_holder_at_a_time_and_each_guild_for_itself,
    what_has_expired_is_anybodys_and_then_lost, what_is_bound_is_the_same_until_somebody_may_have_changed_it,
    whoever_lost_the_right_writes_nothing_more,
};
use servers::{
    known_guilds_are_listed_with_their_latest_runs, settings_are_set_with_a_row_that_says_before_and_after,
    what_is_set_again_leaves_no_row_and_no_time_goes_back,
};

// ---- the world of these stories ----

/// Larger than 2^63: what Discord may hand out one day must survive a signed column.
const GUILD: GuildId = Id::new(9_300_000_000_000_000_001);
const OTHER_GUILD: GuildId = Id::new(22);

fn key(text: &str) -> Key {
    text.parse().expect("valid key")
}

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_793_000_000, 123_456_000).expect("valid time") + TimeDelta::seconds(second)
}

fn run_id(number: u128) -> RunId {
    RunId(Uuid::from_u128(0x0193_5000_0000_7000_8000_0000_0000_0000 + number))
}

fn operation_id(number: u128) -> OperationId {
    OperationId(Uuid::from_u128(0x0193_5000_0000_7000_9000_0000_0000_0000 + number))
}

fn ada() -> Author {
    Author::Local("ada".to_owned())
}

fn channel(id: u64, name: &str) -> Channel {
    Channel {
        id: ChannelId::new(id).into(),
        position: 0,
        attributes: ChannelAttributes::named(name, ChannelKind::Text),
    }
}

fn guild(id: GuildId, channels: Vec<Channel>) -> Guild {
    Guild {
        id,
        owner: Id::new(1),
        boost_tier: BoostTier(0),
        requires_mfa: false,
        settings: GuildSettings {
            name: "Rust Study Group".to_owned(),
            description: None,
            verification_level: VerificationLevel::Low,
            default_message_notifications: NotificationLevel::OnlyMentions,
            explicit_content_filter: ContentFilter::Disabled,
            afk_channel: None,
            afk_timeout: 300,
            system_channel: None,
            system_channel_flags: Default::default(),
            rules_channel: None,
            public_updates_channel: None,
            safety_alerts_channel: None,
            preferred_locale: "en-US".to_owned(),
            premium_progress_bar_enabled: false,
            features: Default::default(),
            icon: None,
            splash: None,
            discovery_splash: None,
            banner: None,
        },
        roles: vec![Role {
            id: RoleId::new(id.get()).into(),
            position: 0,
            managed: Default::default(),
            attributes: RoleAttributes::named("@everyone"),
        }],
        channels,
    }
}

fn new_run(number: u128, guild: Guild) -> NewRun {
    NewRun {
        id: run_id(number),
        before: guild,
        trigger: Trigger::Person,
        author: ada(),
        revision: Some("4f2a9c1".to_owned()),
        rollback_of: None,
        plan_digest: format!("digest-{number}"),
        plan: json!({ "steps": [1, 2], "note": "größer 🦀" }),
        rests_on_approval: false,
        started_at: at(0),
    }
}

fn create_rules() -> Operation {
    let channel = ChannelAttributes::named("rules", ChannelKind::Text);
    Operation::CreateChannel { key: key("rules"), channel: Box::new(channel) }
}

fn rename(id: u64, from: &str, to: &str) -> Operation {
    let changes =
        ChannelPatch { name: Some(Change { from: from.to_owned(), to: to.to_owned() }), ..ChannelPatch::default() };
    Operation::UpdateChannel { channel: subject(id, from), changes: Box::new(changes) }
}

fn subject(id: u64, name: &str) -> ChannelSubject {
    ChannelSubject { id: Id::new(id), key: None, name: name.to_owned(), kind: ChannelKind::Text, category: None }
}

fn intent(step: u32, operation: Operation) -> IntendedStep {
    IntendedStep {
        operation_id: operation_id(u128::from(step)),
        step: StepId(step),
        operation,
        before: None,
        reason: Some("setai 4f2a9c1 op=1".to_owned()),
        intended_at: at(i64::from(step)),
    }
}

fn settled(outcome: Outcome) -> SettledStep {
    SettledStep { outcome, settled_at: at(50) }
}

fn done() -> Outcome {
    Outcome::Done { created: None, after: None, bindings: Vec::new(), facts: Vec::new() }
}

fn finish(verdict: Verdict) -> Finish {
    Finish { verdict, remark: None, after: None, finished_at: at(60) }
}

fn bind(kind: ObjectKind, name: &str, id: u64) -> BindingChange {
    BindingChange::Bind { kind, key: key(name), id: id.to_string(), provenance: Provenance::Adopted, protected: false }
}

fn rebinding(changes: Vec<BindingChange>) -> Rebinding {
    Rebinding { guild: GUILD, run: None, author: ada(), at: at(0), changes }
}

async fn rows(store: &dyn Store, filter: AuditFilter) -> Vec<setai::store::AuditRow> {
    let mut rows = store.audit(&filter).await.expect("audit");
    rows.reverse();
    rows
}

// ---- the contract ----

async fn a_guild_never_heard_of_has_nothing(store: &Desk) {
    assert_eq!(store.bindings(GUILD).await.expect("bindings"), Bindings::default());
    assert_eq!(store.history(Some(GUILD), 10).await.expect("history"), []);
    assert_eq!(store.unfinished(GUILD).await.expect("unfinished"), []);
    assert_eq!(store.run(run_id(1)).await.expect("run"), None);
    assert_eq!(store.state_before(run_id(1)).await.expect("state"), None);
    assert_eq!(rows(&**store, AuditFilter::default()).await, []);
}

async fn a_key_is_bound_rebound_archived_and_released(store: &Desk) {
    let changes = vec![
        bind(ObjectKind::Role, "moderator", 100),
        bind(ObjectKind::Category, "info", 200),
        bind(ObjectKind::Channel, "info", 9_300_000_000_000_000_300),
    ];
    store.rebind(&rebinding(changes)).await.expect("bind");
    let bindings = store.bindings(GUILD).await.expect("bindings");
    assert_eq!(bindings.roles[&key("moderator")], Binding::new(Id::new(100), Provenance::Adopted));
    assert_eq!(bindings.categories[&key("info")].id, Id::new(200));
    assert_eq!(bindings.channels[&key("info")].id, Id::new(9_300_000_000_000_000_300));
    assert_eq!(store.bindings(OTHER_GUILD).await.expect("bindings"), Bindings::default());

    // Another object takes the key; the old one loses it.
    store.rebind(&rebinding(vec![bind(ObjectKind::Channel, "info", 301)])).await.expect("rebind");
    let bindings = store.bindings(GUILD).await.expect("bindings");
    assert_eq!(bindings.channels.len(), 1);
    assert_eq!(bindings.channels[&key("info")].id, Id::new(301));

    let archive = BindingChange::Archive { kind: ObjectKind::Channel, key: key("info") };
    store.rebind(&rebinding(vec![archive])).await.expect("archive");
    let archived = store.bindings(GUILD).await.expect("bindings");
    assert_eq!(archived.channels[&key("info")].state, BindingState::Archived);
    assert_eq!(archived.categories[&key("info")].state, BindingState::Active, "the category has the same key");

    store.rebind(&rebinding(vec![bind(ObjectKind::Channel, "info", 301)])).await.expect("return");
    let returned = store.bindings(GUILD).await.expect("bindings");
    assert_eq!(returned.channels[&key("info")].state, BindingState::Active);

    let release = BindingChange::Release { kind: ObjectKind::Role, key: key("moderator") };
    store.rebind(&rebinding(vec![release.clone(), release])).await.expect("releasing twice is releasing once");
    assert!(store.bindings(GUILD).await.expect("bindings").roles.is_empty());
}

async fn two_keys_can_change_places(store: &Desk) {
    let before = vec![bind(ObjectKind::Channel, "a", 1), bind(ObjectKind::Channel, "b", 2)];
    store.rebind(&rebinding(before)).await.expect("bind");
    let after = vec![bind(ObjectKind::Channel, "a", 2), bind(ObjectKind::Channel, "b", 1)];
    store.rebind(&rebinding(after)).await.expect("swap");
    let channels = store.bindings(GUILD).await.expect("bindings").channels;
    let ids: Vec<_> = channels.iter().map(|(key, binding)| (key.as_str(), binding.id.get())).collect();
    assert_eq!(ids, [("a", 2), ("b", 1)]);
}

async fn a_wrong_binding_change_changes_nothing(store: &Desk) {
    let elsewhere = Rebinding { guild: OTHER_GUILD, ..rebinding(vec![bind(ObjectKind::Channel, "theirs", 7)]) };
    store.rebind(&elsewhere).await.expect("bind");

    let attempts = [
        bind(ObjectKind::Channel, "stolen", 7),
        bind(ObjectKind::Channel, "nothing", 0),
        BindingChange::BindCreated { kind: ObjectKind::Role, key: key("new"), protected: false },
    ];
    for attempt in attempts {
        let changes = vec![bind(ObjectKind::Channel, "fine", 8), attempt];
        let error = store.rebind(&rebinding(changes)).await.expect_err("refused");
        let understood = matches!(
            error,
            Error::OtherGuild { id: 7, .. } | Error::NotASnowflake { .. } | Error::NothingCreated { .. }
        );
        assert!(understood, "{error:?}");
        assert_eq!(store.bindings(GUILD).await.expect("bindings"), Bindings::default());
    }
    let trail = rows(&**store, AuditFilter { guild: Some(GUILD), ..AuditFilter::default() }).await;
    assert_eq!(trail, [], "what was rolled back left no row");
}

async fn changes_without_a_request_leave_a_row_each(store: &Desk) {
    store.begin(&new_run(1, guild(GUILD, Vec::new()))).await.expect("begin");
    let changes = vec![
        bind(ObjectKind::Role, "moderator", 100),
        BindingChange::Release { kind: ObjectKind::Channel, key: key("gone") },
    ];
    store.rebind(&Rebinding { run: Some(run_id(1)), ..rebinding(changes) }).await.expect("rebind");
    let trail = rows(&**store, AuditFilter { run: Some(run_id(1)), ..AuditFilter::default() }).await;
    assert_eq!(trail.len(), 2);
    assert!(trail.iter().all(|row| row.action == ActionType::ConfigurationChanged && row.phase == Phase::Done));
    assert!(trail.iter().all(|row| row.operation_id.is_none()), "they are no requests");
    assert!(trail.iter().all(|row| row.revision.as_deref() == Some("4f2a9c1")), "they are of the run");
    assert_eq!(trail[0].details.target_id.as_deref(), Some("100"));
    assert_eq!(trail[1].details.target_name.as_deref(), Some("gone"));
}

async fn a_run_is_recorded_from_plan_to_verdict(store: &Desk) {
    let before = guild(GUILD, vec![channel(5, "chat")]);
    store.begin(&new_run(1, before.clone())).await.expect("begin");

    let step = IntendedStep { before: Some(json!({ "name": "chat" })), ..intent(1, rename(5, "chat", "talk")) };
    store.intend(run_id(1), &step).await.expect("intend");
    let outcome = Outcome::Done {
        created: None,
        after: Some(json!({ "name": "talk" })),
        bindings: Vec::new(),
        facts: Vec::new(),
    };
    store.settle(run_id(1), StepId(1), &settled(outcome.clone())).await.expect("settle");

    store.intend(run_id(1), &intent(2, create_rules())).await.expect("intend");
    let failed = Outcome::Failed { error: "Missing Permissions".to_owned() };
    store.settle(run_id(1), StepId(2), &settled(failed.clone())).await.expect("settle");

    let after = guild(GUILD, vec![channel(5, "talk")]);
    let end = Finish { remark: Some("1 step left".to_owned()), after: Some(after.clone()), ..finish(Verdict::Partial) };
    store.finish(run_id(1), &end).await.expect("finish");

    let record = store.run(run_id(1)).await.expect("run").expect("recorded");
    assert_eq!(record.plan, json!({ "steps": [1, 2], "note": "größer 🦀" }));
    assert_eq!(record.summary.guild_name, "Rust Study Group");
    assert_eq!(record.summary.steps, StepCounts { open: 0, done: 1, failed: 1, withdrawn: 0 });
    assert_eq!((record.summary.started_at, &record.summary.author), (at(0), &ada()));
    let finished = record.summary.finished.clone().expect("finished");
    assert_eq!(
        (finished.verdict, finished.remark.as_deref(), finished.at),
        (Verdict::Partial, Some("1 step left"), at(60))
    );
    assert_eq!(record.steps[0].operation, step.operation);
    assert_eq!(record.steps[0].before, step.before);
    assert_eq!(record.steps[0].intended_at, at(1));
    let outcomes: Vec<_> = record.steps.iter().map(|step| step.settled.clone().expect("settled").outcome).collect();
    assert_eq!(outcomes, [outcome, failed]);

    assert_eq!(store.history(Some(GUILD), 10).await.expect("history"), [record.summary]);
    assert_eq!(store.state_before(run_id(1)).await.expect("state").expect("kept").guild, before);
    assert_eq!(store.unfinished(GUILD).await.expect("unfinished"), []);
}

async fn every_request_has_a_row_before_and_a_row_after(store: &Desk) {
    store.begin(&new_run(1, guild(GUILD, Vec::new()))).await.expect("begin");
    let operation = create_rules();
    store.intend(run_id(1), &intent(1, operation.clone())).await.expect("intend");

    let trail = rows(&**store, AuditFilter::default()).await;
    assert_eq!(trail.len(), 1);
    assert_eq!((trail[0].phase, trail[0].action), (Phase::Intended, ActionType::ChannelCreated));
    assert_eq!(trail[0].details.target_id, None, "it has no snowflake yet");

    let created = Outcome::Done {
        created: Some(Created::Channel(Id::new(77))),
        after: Some(json!({ "id": "77" })),
        bindings: Vec::new(),
        facts: Vec::new(),
    };
    store.settle(run_id(1), StepId(1), &settled(created)).await.expect("settle");
    let after = rows(&**store, AuditFilter::default()).await;
    assert_eq!(after.len(), 2);
    assert_eq!(after[0], trail[0], "the first row is as it was");
    let row = &after[1];
    assert_eq!((row.phase, row.action, row.number), (Phase::Done, ActionType::ChannelCreated, 2));
    assert_eq!((row.correlation_id, row.operation_id), (Some(run_id(1)), Some(operation_id(1))));
    assert_eq!((row.author.clone(), row.logged_at), (ada(), at(50)));
    assert_eq!(row.reason.as_deref(), Some("setai 4f2a9c1 op=1"));
    assert_eq!(row.revision.as_deref(), Some("4f2a9c1"));
    let metadata = row.metadata.clone().expect("it is known");
    assert_eq!(metadata.execution_source, ExecutionSource::CommandLine);
    assert_eq!((metadata.correlation_id, metadata.ip_address, metadata.user_agent), (run_id(1).0, None, None));
    assert_eq!(row.previous_hash, trail[0].hash);
    assert_eq!(row.details.target_id.as_deref(), Some("77"));
    assert_eq!(row.details.target_name.as_deref(), Some("rules"));
    assert_eq!((row.details.target_type, row.details.impact_scope), (TargetType::Channel, ImpactScope::Channel));
    assert_eq!(row.details.affected_entities, ["77"]);
    assert_eq!(row.details.action_parameters, serde_json::to_value(&operation).expect("json"));
    assert_eq!(row.after, Some(json!({ "id": "77" })));
}

async fn what_a_step_created_is_bound_and_remembered(store: &Desk) {
    store.begin(&new_run(1, guild(GUILD, Vec::new()))).await.expect("begin");
    store.intend(run_id(1), &intent(1, create_rules())).await.expect("intend");
    let echo = NameEcho { asked: "Rules!".to_owned(), got: "rules".to_owned() };
    let outcome = Outcome::Done {
        created: Some(Created::Channel(Id::new(77))),
        after: None,
        bindings: vec![BindingChange::BindCreated { kind: ObjectKind::Channel, key: key("rules"), protected: true }],
        facts: vec![
            Fact::Name { kind: ObjectKind::Channel, key: key("rules"), echo: echo.clone() },
            Fact::Image { sha256: "aa".to_owned(), hash: "old".to_owned() },
            Fact::Image { sha256: "aa".to_owned(), hash: "a_1".to_owned() },
        ],
    };
    store.settle(run_id(1), StepId(1), &settled(outcome)).await.expect("settle");
    let bindings = store.bindings(GUILD).await.expect("bindings");
    let expected = Binding {
        id: Id::new(77),
        provenance: Provenance::Created,
        state: BindingState::Active,
        protected: true,
        name_echo: Some(echo.clone()),
    };
    assert_eq!(bindings.channels[&key("rules")], expected);
    assert_eq!(bindings.images[&"aa".to_owned()], "a_1");

    // A new key for the same object: what Discord made of its name is still known.
    store.rebind(&rebinding(vec![bind(ObjectKind::Channel, "law", 77)])).await.expect("rebind");
    let bindings = store.bindings(GUILD).await.expect("bindings");
    assert_eq!(bindings.channels.len(), 1);
    assert_eq!(bindings.channels[&key("law")].name_echo, Some(echo));
}

async fn a_failed_step_binds_nothing_even_when_it_said_so_wrongly(store: &Desk) {
    store.begin(&new_run(1, guild(GUILD, Vec::new()))).await.expect("begin");
    store.intend(run_id(1), &intent(1, create_rules())).await.expect("intend");
    let nonsense = Outcome::Done {
        created: Some(Created::Role(Id::new(77))),
        after: None,
        bindings: vec![BindingChange::BindCreated { kind: ObjectKind::Channel, key: key("rules"), protected: false }],
        facts: Vec::new(),
    };
    let error = store.settle(run_id(1), StepId(1), &settled(nonsense)).await.expect_err("a role is no channel");
    assert!(matches!(error, Error::NothingCreated { .. }), "{error:?}");
    let open = store.unfinished(GUILD).await.expect("unfinished");
    assert_eq!(open[0].open.len(), 1, "the step still waits for its outcome");
    assert_eq!(store.bindings(GUILD).await.expect("bindings"), Bindings::default());
}

async fn what_is_deleted_is_forgotten(store: &Desk) {
    let changes = vec![bind(ObjectKind::Channel, "old", 5), bind(ObjectKind::Role, "gone", 6)];
    store.rebind(&rebinding(changes)).await.expect("bind");
    store.begin(&new_run(1, guild(GUILD, vec![channel(5, "old")]))).await.expect("begin");
    let delete_channel = Operation::DeleteChannel {
        channel: subject(5, "old"),
        was: Box::new(ChannelAttributes::named("old", ChannelKind::Text)),
    };
    let delete_role = Operation::DeleteRole {
        role: RoleSubject { id: Id::new(6), key: None, name: "gone".to_owned() },
        was: Box::new(RoleAttributes::named("gone")),
    };
    for (step, kind, name, operation) in
        [(1, ObjectKind::Channel, "old", delete_channel), (2, ObjectKind::Role, "gone", delete_role)]
    {
        store.intend(run_id(1), &intent(step, operation)).await.expect("intend");
        let bindings = vec![BindingChange::Release { kind, key: key(name) }];
        let outcome = Outcome::Done { created: None, after: None, bindings, facts: Vec::new() };
        store.settle(run_id(1), StepId(step), &settled(outcome)).await.expect("settle");
    }
    assert_eq!(store.bindings(GUILD).await.expect("bindings"), Bindings::default());
    // The snowflake is nobody's now; in the row of another guild it would have been refused.
    let elsewhere = Rebinding { guild: OTHER_GUILD, ..rebinding(vec![bind(ObjectKind::Channel, "new", 5)]) };
    store.rebind(&elsewhere).await.expect("bind");

    let state = store.state_before(run_id(1)).await.expect("state").expect("kept");
    assert_eq!(state.bindings.channels[&key("old")].id, Id::new(5), "the way back is known");
}

async fn an_intent_without_outcome_is_found_again(store: &Desk) {
    store.begin(&new_run(1, guild(GUILD, Vec::new()))).await.expect("begin");
    store.intend(run_id(1), &intent(1, create_rules())).await.expect("intend");
    store.settle(run_id(1), StepId(1), &settled(done())).await.expect("settle");
    store.intend(run_id(1), &intent(2, rename(5, "a", "b"))).await.expect("intend");

    let unfinished = store.unfinished(GUILD).await.expect("unfinished");
    assert_eq!(unfinished.len(), 1);
    assert_eq!(unfinished[0].summary.id, run_id(1));
    assert_eq!(unfinished[0].open.iter().map(|step| step.step).collect::<Vec<_>>(), [StepId(2)]);
    assert_eq!(unfinished[0].open[0].operation_id, operation_id(2));
    assert_eq!(store.unfinished(OTHER_GUILD).await.expect("unfinished"), []);

    // Even a run that was closed in the meantime keeps its open question, and takes the answer.
    store.finish(run_id(1), &finish(Verdict::Interrupted)).await.expect("finish");
    assert_eq!(store.unfinished(GUILD).await.expect("unfinished")[0].open.len(), 1);
    let withdrawn = Outcome::Withdrawn { why: "not in the audit log".to_owned() };
    store.settle(run_id(1), StepId(2), &settled(withdrawn)).await.expect("settle");
    assert_eq!(store.unfinished(GUILD).await.expect("unfinished"), []);
    let row = &rows(&**store, AuditFilter { phase: Some(Phase::Withdrawn), ..AuditFilter::default() }).await[0];
    assert_eq!(row.details.error.as_deref(), Some("not in the audit log"));
}

async fn nothing_is_intended_outside_a_run_or_twice(store: &Desk) {
    let error = store.intend(run_id(1), &intent(1, create_rules())).await.expect_err("no run");
    assert!(matches!(error, Error::RunNotOpen { run } if run == run_id(1)), "{error:?}");

    store.begin(&new_run(1, guild(GUILD, Vec::new()))).await.expect("begin");
    store.intend(run_id(1), &intent(1, create_rules())).await.expect("intend");
    let again = IntendedStep { operation_id: operation_id(9), ..intent(1, create_rules()) };
    let error = store.intend(run_id(1), &again).await.expect_err("twice");
    assert!(matches!(error, Error::AlreadyIntended { step: StepId(1), .. }), "{error:?}");

    let error = store.settle(run_id(1), StepId(2), &settled(done())).await.expect_err("never intended");
    assert!(matches!(error, Error::NotIntended { step: StepId(2), .. }), "{error:?}");
    store.settle(run_id(1), StepId(1), &settled(done())).await.expect("settle");
    let error = store.settle(run_id(1), StepId(1), &settled(done())).await.expect_err("has its outcome");
    assert!(matches!(error, Error::NotIntended { step: StepId(1), .. }), "{error:?}");

    store.finish(run_id(1), &finish(Verdict::Succeeded)).await.expect("finish");
    let error = store.intend(run_id(1), &intent(2, create_rules())).await.expect_err("over");
    assert!(matches!(error, Error::RunNotOpen { .. }), "{error:?}");
    let error = store.finish(run_id(1), &finish(Verdict::Succeeded)).await.expect_err("over");
    assert!(matches!(error, Error::RunNotOpen { .. }), "{error:?}");
    assert_eq!(rows(&**store, AuditFilter::default()).await.len(), 2, "refusals leave no rows");
}

async fn runs_are_listed_newest_first_and_found_by_part_of_their_id(store: &Desk) {
    for number in [1, 2, 0xab] {
        let of = if number == 2 { OTHER_GUILD } else { GUILD };
        let started_at = at(i64::try_from(number).expect("small"));
        store.begin(&NewRun { started_at, ..new_run(number, guild(of, Vec::new())) }).await.expect("begin");
    }
    let ids = |runs: Vec<setai::store::RunSummary>| runs.into_iter().map(|run| run.id).collect::<Vec<_>>();
    assert_eq!(ids(store.history(None, 10).await.expect("history")), [run_id(0xab), run_id(2), run_id(1)]);
    assert_eq!(ids(store.history(Some(GUILD), 10).await.expect("history")), [run_id(0xab), run_id(1)]);
    assert_eq!(ids(store.history(None, 1).await.expect("history")), [run_id(0xab)]);

    assert_eq!(store.find_run(&run_id(0xab).short()).await.expect("find"), Some(run_id(0xab)));
    assert_eq!(store.find_run(&run_id(2).to_string()).await.expect("find"), Some(run_id(2)));
    assert_eq!(store.find_run("00AB").await.expect("find"), Some(run_id(0xab)));
    for part in ["", "%", "_", "feed", "drop table"] {
        assert_eq!(store.find_run(part).await.expect("find"), None, "{part:?}");
    }
    let error = store.find_run("01935").await.expect_err("three");
    assert!(matches!(error, Error::AmbiguousRun { ref fitting, .. } if fitting.len() == 3), "{error:?}");
}

async fn the_trail_is_filtered_by_everything_that_is_said(store: &Desk) {
    store.begin(&new_run(1, guild(GUILD, Vec::new()))).await.expect("begin");
    store.begin(&new_run(2, guild(OTHER_GUILD, Vec::new()))).await.expect("begin");
    store.intend(run_id(1), &intent(1, rename(5, "a", "b"))).await.expect("intend");
    store.settle(run_id(1), StepId(1), &settled(done())).await.expect("settle");
    store.intend(run_id(2), &intent(3, create_rules())).await.expect("intend");

    let all = AuditFilter::default();
    let (ours, theirs) = (|number| (GUILD, number), |number| (OTHER_GUILD, number));
    let cases = [
        (all.clone(), vec![ours(1), theirs(1), ours(2)]),
        (AuditFilter { guild: Some(GUILD), ..all.clone() }, vec![ours(1), ours(2)]),
        (AuditFilter { run: Some(run_id(2)), ..all.clone() }, vec![theirs(1)]),
        (AuditFilter { operation: Some(operation_id(1)), phase: Some(Phase::Done), ..all.clone() }, vec![ours(2)]),
        (AuditFilter { action: Some(ActionType::ChannelCreated), ..all.clone() }, vec![theirs(1)]),
        (AuditFilter { target: Some(5), ..all.clone() }, vec![ours(1), ours(2)]),
        (AuditFilter { author: Some(ada()), ..all.clone() }, vec![ours(1), theirs(1), ours(2)]),
        (AuditFilter { author: Some(Author::Controller), ..all.clone() }, vec![]),
        (AuditFilter { since: Some(at(3)), ..all.clone() }, vec![theirs(1), ours(2)]),
        (AuditFilter { since: Some(at(3)), until: Some(at(50)), ..all.clone() }, vec![theirs(1)]),
        (AuditFilter { limit: 2, ..all.clone() }, vec![theirs(1), ours(2)]),
        (AuditFilter { guild: Some(OTHER_GUILD), target: Some(5), ..all }, vec![]),
    ];
    for (filter, expected) in cases {
        let found: Vec<_> = rows(&**store, filter.clone()).await.iter().map(|row| (row.guild, row.number)).collect();
        assert_eq!(found, expected, "{filter:?}");
    }
}

async fn image_files_are_not_kept(store: &Desk) {
    let source = ImageSource {
        path: "icon.png".to_owned(),
        sha256: "aa".to_owned(),
        data_uri: "data:image/png;base64,AAAA".to_owned(),
    };
    let changes = SettingsPatch {
        icon: Some(Change { from: None, to: Some(Image::Upload(source)) }),
        ..SettingsPatch::default()
    };
    let operation = Operation::UpdateGuild { changes: Box::new(changes) };
    let plan = serde_json::to_value(&operation).expect("json");
    store.begin(&NewRun { plan, ..new_run(1, guild(GUILD, Vec::new())) }).await.expect("begin");
    store.intend(run_id(1), &intent(1, operation)).await.expect("intend");
    store.settle(run_id(1), StepId(1), &settled(done())).await.expect("settle");

    let record = store.run(run_id(1)).await.expect("run").expect("recorded");
    let trail = rows(&**store, AuditFilter::default()).await;
    let told = serde_json::to_string(&(record, trail)).expect("json");
    assert!(told.contains("icon.png") && !told.contains("base64"), "{told}");
}

async fn an_approval_is_used_once(store: &Desk) {
    let approval = approval("abc");
    let used = async |number, of, digest: &str| {
        let begun = store.begin(&approved_run(number, guild(of, Vec::new()), digest)).await;
        assert!(matches!(begun, Ok(()) | Err(Error::NotApproved)), "{begun:?}");
        assert_eq!(store.run(run_id(number)).await.expect("run").is_some(), begun.is_ok(), "a run without one is none");
        begun.is_ok()
    };
    assert!(!used(1, GUILD, "abc").await, "nobody approved it yet");
    store.approve(&approval).await.expect("approve");
    assert!(!used(2, OTHER_GUILD, "abc").await, "it is for one guild");
    assert!(!used(3, GUILD, "abd").await, "and for one plan");
    assert!(used(4, GUILD, "abc").await);
    assert!(!used(5, GUILD, "abc").await, "once");
    store.approve(&approval).await.expect("approve again");
    assert!(used(6, GUILD, "abc").await, "the same drift can come back and be approved again");
}

async fn a_rollback_knows_what_it_takes_back(store: &Desk) {
    store.begin(&new_run(1, guild(GUILD, Vec::new()))).await.expect("begin");
    let rollback = NewRun { rollback_of: Some(run_id(1)), ..new_run(2, guild(GUILD, Vec::new())) };
    store.begin(&rollback).await.expect("begin");
    let record = store.run(run_id(2)).await.expect("run").expect("recorded");
    assert_eq!(record.summary.rollback_of, Some(run_id(1)));
}

async fn times_are_kept_with_microseconds(store: &Desk) {
    let started_at = at(0) + TimeDelta::nanoseconds(789);
    store.begin(&NewRun { started_at, ..new_run(1, guild(GUILD, Vec::new())) }).await.expect("begin");
    assert_eq!(store.history(None, 1).await.expect("history")[0].started_at, at(0));
}

/// The stories of the contract, each told to a fresh store of every kind.
macro_rules! contract {
    ($($story:ident),* $(,)?) => {
        mod in_memory {
            $(
                #[tokio::test]
                async fn $story() {
                    let store = setai::store::open(&setai::store::DatabaseUrl::Memory).await.expect("open");
                    super::$story(&super::Desk::at(store)).await;
                }
            )*
        }

        mod in_a_file {
            $(
                #[tokio::test]
                async fn $story() {
                    let directory = tempfile::tempdir().expect("directory");
                    let store = super::open(&directory.path().join("deep/in/setai.db")).await;
                    super::$story(&super::Desk::at(store)).await;
                }
            )*
        }

        mod at_a_server {
            $(
                #[tokio::test]
                async fn $story() {
                    let database = crate::support::mariadb::TestDatabase::new().await;
                    let store = setai::store::open(&database.url()).await.expect("open");
                    super::$story(&super::Desk::at(store)).await;
                }
            )*
        }
    };
}

use contract;

contract![
    a_guild_never_heard_of_has_nothing,
    a_key_is_bound_rebound_archived_and_released,
    two_keys_can_change_places,
    a_wrong_binding_change_changes_nothing,
    changes_without_a_request_leave_a_row_each,
    a_run_is_recorded_from_plan_to_verdict,
    every_request_has_a_row_before_and_a_row_after,
    what_a_step_created_is_bound_and_remembered,
    a_failed_step_binds_nothing_even_when_it_said_so_wrongly,
    what_is_deleted_is_forgotten,
    an_intent_without_outcome_is_found_again,
    nothing_is_intended_outside_a_run_or_twice,
    runs_are_listed_newest_first_and_found_by_part_of_their_id,
    the_trail_is_filtered_by_everything_that_is_said,
    image_files_are_not_kept,
    an_approval_is_used_once,
    a_rollback_knows_what_it_takes_back,
    times_are_kept_with_microseconds,
    one_holder_at_a_time_and_each_guild_for_itself,
    what_is_bound_is_the_same_until_somebody_may_have_changed_it,
    what_has_expired_is_anybodys_and_then_lost,
    whoever_lost_the_right_writes_nothing_more,
    a_lease_is_for_one_guild,
    many_ask_at_once_and_one_gets_it,
    settings_are_set_with_a_row_that_says_before_and_after,
    what_is_set_again_leaves_no_row_and_no_time_goes_back,
    known_guilds_are_listed_with_their_latest_runs,
];

// ---- what only a file can go through ----

async fn open(path: &Path) -> Arc<dyn Store> {
    setai::store::open(&DatabaseUrl::File(path.to_owned())).await.expect("open")
}

/// Runs this test again in another process, which finds the database in its environment.
fn same_test_elsewhere(test: &str, database: &Path, child: usize) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this binary"));
    command.args(["--exact", test, "--nocapture"]).env("SETAI_TEST_DATABASE", database);
    command.env("SETAI_TEST_CHILD", child.to_string()).stdout(Stdio::null());
    command
}

/// The database and the number this process got, when it is the other process of a test.
fn elsewhere() -> Option<(std::path::PathBuf, u32)> {
    let child = std::env::var("SETAI_TEST_CHILD").ok()?.parse().ok()?;
    Some((std::env::var_os("SETAI_TEST_DATABASE")?.into(), child))
}

#[tokio::test]
async fn a_closed_database_is_found_as_it_was() {
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("setai.db");
    let store = Desk::at(open(&path).await);
    store.begin(&new_run(1, guild(GUILD, vec![channel(5, "chat")]))).await.expect("begin");
    store.rebind(&rebinding(vec![bind(ObjectKind::Channel, "chat", 5)])).await.expect("bind");
    store.intend(run_id(1), &intent(1, rename(5, "chat", "talk"))).await.expect("intend");
    let (bindings, record) = (store.bindings(GUILD).await, store.run(run_id(1)).await);
    store.close().await;

    let store = open(&path).await;
    assert_eq!(store.bindings(GUILD).await.expect("bindings"), bindings.expect("bindings"));
    assert_eq!(store.run(run_id(1)).await.expect("run"), record.expect("run"));
}

#[tokio::test]
async fn a_process_that_dies_after_its_intent_leaves_the_question_open() {
    if let Some((path, _)) = elsewhere() {
        let store = Desk::at(open(&path).await);
        store.begin(&new_run(1, guild(GUILD, Vec::new()))).await.expect("begin");
        store.intend(run_id(1), &intent(1, create_rules())).await.expect("intend");
        std::process::abort();
    }
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("setai.db");
    let test = "store::a_process_that_dies_after_its_intent_leaves_the_question_open";
    let status = same_test_elsewhere(test, &path, 1).status().expect("spawned");
    assert!(!status.success(), "it died");

    let store = Desk::at(open(&path).await);
    let unfinished = store.unfinished(GUILD).await.expect("unfinished");
    assert_eq!(unfinished[0].open[0].operation, create_rules());
    let found = Outcome::Done {
        created: Some(Created::Channel(Id::new(77))),
        after: None,
        bindings: vec![BindingChange::BindCreated { kind: ObjectKind::Channel, key: key("rules"), protected: false }],
        facts: Vec::new(),
    };
    store.settle(run_id(1), StepId(1), &settled(found)).await.expect("settle");
    store.finish(run_id(1), &finish(Verdict::Interrupted)).await.expect("finish");
    assert_eq!(store.bindings(GUILD).await.expect("bindings").channels[&key("rules")].id, Id::new(77));
    assert_eq!(store.unfinished(GUILD).await.expect("unfinished"), []);
}

#[tokio::test]
async fn several_processes_share_a_file_that_was_not_there() {
    const STEPS: u32 = 20;
    const PROCESSES: u32 = 3;
    if let Some((path, child)) = elsewhere() {
        let store = Desk::at(open(&path).await);
        let run = new_run(u128::from(child), guild(Id::new(u64::from(child)), Vec::new()));
        store.begin(&run).await.expect("begin");
        for step in 1..=STEPS {
            let operation_id = operation_id(u128::from(child * 1000 + step));
            let intent = IntendedStep { operation_id, ..intent(step, create_rules()) };
            store.intend(run.id, &intent).await.expect("intend");
            store.settle(run.id, StepId(step), &settled(done())).await.expect("settle");
        }
        return;
    }
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("setai.db");
    let test = "store::several_processes_share_a_file_that_was_not_there";
    let children: Vec<_> = (1..=PROCESSES)
        .map(|child| same_test_elsewhere(test, &path, child as usize).spawn().expect("spawned"))
        .collect();
    for mut child in children {
        assert!(child.wait().expect("waited").success());
    }
    let store = open(&path).await;
    let history = store.history(None, 10).await.expect("history");
    assert_eq!(history.len(), 3);
    assert!(history.iter().all(|run| run.steps == StepCounts { done: STEPS, ..StepCounts::default() }), "{history:?}");
    let trail = rows(&*store, AuditFilter { limit: 1000, ..AuditFilter::default() }).await;
    assert_eq!(trail.len() as u32, PROCESSES * STEPS * 2);
    chains::are_intact(&*store).await;
}

/// An approval of a plan, which does not expire.
fn approval(digest: &str) -> Approval {
    let (granted_by, granted_at) = (ada(), at(0));
    Approval { guild: GUILD, plan_digest: digest.to_owned(), granted_by, granted_at, expires_at: None }
}

/// A run that rests on an approval of a plan.
fn approved_run(number: u128, guild: Guild, digest: &str) -> NewRun {
    NewRun { plan_digest: digest.to_owned(), rests_on_approval: true, ..new_run(number, guild) }
}

/// How many of several runs begin, when all rest on the one approval and somebody lends them all the same lease.
async fn begun_on_abc(stores: Vec<Arc<dyn Store>>) -> usize {
    let lease = stores[0].lease(GUILD, "a test", Duration::from_secs(60)).await.expect("nobody has it");
    let lease = Arc::new(lease);
    let mut tries = tokio::task::JoinSet::new();
    for (number, store) in (1..).zip(stores) {
        let lease = Arc::clone(&lease);
        let run = approved_run(number, guild(GUILD, Vec::new()), "abc");
        tries.spawn(async move { store.begin(&lease, &run).await });
    }
    let begun = tries.join_all().await;
    assert!(begun.iter().all(|begun| matches!(begun, Ok(()) | Err(Error::NotApproved))), "{begun:?}");
    begun.iter().filter(|begun| begun.is_ok()).count()
}

async fn approve_abc(store: &dyn Store) {
    store.approve(&approval("abc")).await.expect("approve");
}

#[tokio::test]
async fn an_approval_is_used_once_by_everybody_together() {
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("setai.db");
    approve_abc(&*open(&path).await).await;
    let mut stores = Vec::new();
    for _ in 0..8 {
        stores.push(open(&path).await);
    }
    assert_eq!(begun_on_abc(stores).await, 1);
}

#[tokio::test]
async fn a_place_that_cannot_be_is_named_with_the_setting() {
    let directory = tempfile::tempdir().expect("directory");
    let blocked = directory.path().join("file");
    std::fs::write(&blocked, "in the way").expect("written");
    for path in [blocked.join("setai.db"), directory.path().to_owned()] {
        let error = setai::store::open(&DatabaseUrl::File(path.clone())).await.expect_err("no place");
        assert!(matches!(error, Error::CannotOpen { .. }), "{error:?}");
        let message = error.to_string();
        assert!(message.contains("SETAI_DATABASE_URL") && message.contains(&*path.to_string_lossy()), "{message}");
    }
}

#[tokio::test]
async fn a_file_that_is_something_else_is_left_alone() {
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("holiday.jpg");
    let picture = "not a database ".repeat(500);
    std::fs::write(&path, &picture).expect("written");
    let error = setai::store::open(&DatabaseUrl::File(path.clone())).await.expect_err("no database");
    assert!(matches!(error, Error::NotADatabase { .. }), "{error:?}");
    assert_eq!(std::fs::read_to_string(&path).expect("read"), picture);
}

// ---- kinds of action ----

#[test]
fn an_operation_is_an_action_of_the_data_model() {
    let everyone = Target::Role(RoleId::new(1).into());
    let overwrites = |allow, deny| [(everyone.clone(), Overwrite { allow, deny })].into_iter().collect::<Overwrites>();
    let channel = |changes| Operation::UpdateChannel { channel: subject(5, "a"), changes: Box::new(changes) };
    let opened = |from, to| channel(ChannelPatch { overwrites: Some(Change { from, to }), ..ChannelPatch::default() });
    let role = |from, to| Operation::UpdateRole {
        role: RoleSubject { id: Id::new(6), key: None, name: "r".to_owned() },
        changes: Box::new(RolePatch { permissions: Some(Change { from, to }), ..RolePatch::default() }),
    };
    let (none, send, view) = (Permissions::NONE, Permissions::SEND_MESSAGES, Permissions::VIEW_CHANNEL);
    let renamed_and_opened = ChannelPatch {
        name: Some(Change { from: "a".to_owned(), to: "b".to_owned() }),
        overwrites: Some(Change { from: overwrites(none, none), to: overwrites(send, none) }),
        ..ChannelPatch::default()
    };
    let cases = [
        (create_rules(), ActionType::ChannelCreated),
        (rename(5, "a", "b"), ActionType::ChannelModified),
        (channel(renamed_and_opened), ActionType::ChannelModified),
        (opened(overwrites(none, none), overwrites(send, none)), ActionType::PermissionGranted),
        (opened(overwrites(none, send), Overwrites::default()), ActionType::PermissionGranted),
        (opened(overwrites(send, none), Overwrites::default()), ActionType::PermissionRevoked),
        (opened(overwrites(send, none), overwrites(view, none)), ActionType::ChannelModified),
        (role(none, send), ActionType::PermissionGranted),
        (role(send, none), ActionType::PermissionRevoked),
        (role(send, view), ActionType::RoleModified),
        (Operation::MoveRoles { moves: Vec::new() }, ActionType::RoleModified),
        (
            Operation::MoveChannels {
                moves: vec![Move {
                    object: ChannelId::new(5).into(),
                    name: "a".to_owned(),
                    from: Some(1),
                    to: 2,
                    is_category: false,
                }],
            },
            ActionType::ChannelModified,
        ),
        (Operation::UpdateGuild { changes: Box::default() }, ActionType::ConfigurationChanged),
    ];
    for (operation, expected) in cases {
        assert_eq!(ActionType::of(&operation), expected, "{operation:?}");
    }
}
