//! What is set for guilds: every change with its row, and none lost.

use std::sync::Arc;

use serde_json::json;
use setai::model::{GuildId, ServerSettings, ServerStatus, Setting};
use setai::store::{ActionType, AuditFilter, Author, Phase, Reconfiguration, ServerSummary, TargetType, Verdict, open};

use super::desk::Desk;
use super::{GUILD, OTHER_GUILD, ada, at, finish, guild, new_run, rows, run_id};
use crate::support::mariadb::TestDatabase;

fn change(guild: GuildId, second: i64, settings: &[&str]) -> Reconfiguration {
    let settings = settings.iter().map(|text| Setting::parse(text).expect("a setting")).collect();
    Reconfiguration { guild, author: ada(), at: at(second), settings }
}

pub(super) async fn settings_are_set_with_a_row_that_says_before_and_after(store: &Desk) {
    assert_eq!(store.server(GUILD).await.expect("read"), None);
    let set = change(GUILD, 0, &["moderation.require_admin_approval=true", "response_language=de"]);
    let after = store.configure(&set).await.expect("set");
    assert_eq!((after.server_id, after.status, &after.name), (GUILD, ServerStatus::Active, &None));
    assert_eq!(store.server(GUILD).await.expect("read").as_ref(), Some(&after));
    let mut expected = ServerSettings { response_language: "de".to_owned(), ..ServerSettings::default() };
    expected.moderation.require_admin_approval = true;
    assert_eq!(after.settings, expected);

    let trail = rows(&**store, AuditFilter { guild: Some(GUILD), ..AuditFilter::default() }).await;
    let [row] = &trail[..] else { panic!("{trail:#?}") };
    assert_eq!((row.action, row.phase, &row.author), (ActionType::ConfigurationChanged, Phase::Done, &ada()));
    assert_eq!(row.details.target_type, TargetType::Setting);
    let said = json!({ "set": { "moderation.require_admin_approval": "true", "response_language": "de" } });
    assert_eq!(row.details.action_parameters, said);
    assert_eq!(row.before.as_ref().map(|before| &before["response_language"]), Some(&json!("en")));
    assert_eq!(row.after, Some(serde_json::to_value(&expected).expect("JSON")));
}

pub(super) async fn what_is_set_again_leaves_no_row_and_no_time_goes_back(store: &Desk) {
    let first = store.configure(&change(GUILD, 10, &["command_prefix=?"])).await.expect("set");
    let same = store.configure(&change(GUILD, 20, &["command_prefix=!", "command_prefix=?"])).await.expect("set");
    assert_eq!(same, first);
    // Another machine, whose clock is behind.
    let later = store.configure(&change(GUILD, -50, &["command_prefix=!"])).await.expect("set");
    assert!(later.updated_at > first.updated_at, "{} {}", later.updated_at, first.updated_at);
    assert_eq!(store.server(GUILD).await.expect("read").expect("known"), later);
    assert_eq!(rows(&**store, AuditFilter::default()).await.len(), 2);
    // Somebody who may not be there yet has a row to refer to.
    let by_user = Reconfiguration {
        author: Author::User(setai::model::UserId::new(80_351_110_224_678_912)),
        ..change(OTHER_GUILD, 0, &["moderation.log_channel_id=1146231231231231300"])
    };
    let set = store.configure(&by_user).await.expect("set").settings.moderation.log_channel_id;
    assert_eq!(set.map(|channel| channel.get()), Some(1_146_231_231_231_231_300));
}

pub(super) async fn known_guilds_are_listed_with_their_latest_runs(store: &Desk) {
    assert_eq!(store.servers().await.expect("list"), []);
    store.configure(&change(OTHER_GUILD, 0, &["moderation.require_admin_approval=true"])).await.expect("set");
    for (number, verdict) in [(1, Verdict::Failed), (2, Verdict::Succeeded)] {
        let mut run = new_run(number, guild(GUILD, Vec::new()));
        run.started_at = at(number as i64);
        store.begin(&run).await.expect("begin");
        store.finish(run.id, &finish(verdict)).await.expect("finish");
    }
    let list = store.servers().await.expect("list");
    let told: Vec<_> = list
        .iter()
        .map(|ServerSummary { guild, name, status, requires_approval, last_run }| {
            let run = last_run.as_ref().map(|run| (run.id, run.started_at, run.verdict));
            (*guild, name.as_deref(), *status, *requires_approval, run)
        })
        .collect();
    let second = (run_id(2), at(2), Some(Verdict::Succeeded));
    assert_eq!(
        told,
        [
            (OTHER_GUILD, None, ServerStatus::Active, true, None),
            (GUILD, Some("Rust Study Group"), ServerStatus::Active, false, Some(second)),
        ]
    );
    let configuration = store.server(GUILD).await.expect("read").expect("known");
    assert_eq!(configuration.owner_id.map(|owner| owner.get()), Some(1), "as the run saw it");
}

#[tokio::test]
async fn settings_that_many_change_at_once_are_all_set() {
    let database = TestDatabase::new().await;
    let store = open(&database.url()).await.expect("open");
    let all = [
        "command_prefix=?",
        "response_language=de",
        "feature_flags.natural_language_processing=false",
        "feature_flags.template_management=false",
        "feature_flags.audit_logging=false",
        "feature_flags.auto_cleanup=true",
        "rate_limits.ai_requests_per_hour=7",
        "moderation.require_admin_approval=true",
    ];
    let mut changes = tokio::task::JoinSet::new();
    for text in all {
        let store = Arc::clone(&store);
        changes.spawn(async move { store.configure(&change(GUILD, 0, &[text])).await.expect("set") });
    }
    changes.join_all().await;
    let settings = store.server(GUILD).await.expect("read").expect("known").settings;
    let shown: Vec<String> = Setting::all_of(&settings).iter().map(|(name, value)| format!("{name}={value}")).collect();
    all.iter().for_each(|text| assert!(shown.iter().any(|set| set == text), "{text} was lost: {shown:#?}"));
    assert_eq!(rows(&*store, AuditFilter::default()).await.len(), all.len());
    // What others keep beside ours stays.
    database.execute("UPDATE server_configurations SET custom_settings = '{\"theirs\": 1}'").await;
    store.configure(&change(GUILD, 1, &["moderation.require_admin_approval=true"])).await.expect("set");
    let kept = sqlx::query_scalar::<_, String>("SELECT custom_settings FROM server_configurations");
    let kept = kept.fetch_one(&mut database.connect().await).await.expect("a row");
    assert!(kept.contains("\"theirs\":1") && kept.contains("require_admin_approval"), "{kept}");
}
