//! Who used which command, and what they prefer.

use std::time::Duration;

use serde_json::json;
use setai::model::{AiPreferences, Permissions, UserId, UserPreferences};
use setai::store::{CommandEnd, CommandId, CommandRecord, CommandStatus, CommandType, Membership, NewCommand, Person};
use uuid::Uuid;

use super::desk::Desk;
use super::{GUILD, OTHER_GUILD, at, contract, open};

contract![
    commands_are_recorded_with_who_used_them_and_what_came_of_them,
    what_somebody_prefers_stays_when_they_are_met_again,
];

const ANN: UserId = UserId::new(80_351_110_224_678_912);

fn ann(locale: Option<&str>) -> Person {
    Person {
        user: ANN,
        username: "ann".to_owned(),
        discriminator: "0".to_owned(),
        avatar: Some("a_1".to_owned()),
        locale: locale.map(str::to_owned),
        permissions: Permissions::MANAGE_CHANNELS,
        membership: Membership::Member,
    }
}

fn command(number: u128, second: i64, person: Person) -> NewCommand {
    NewCommand {
        id: CommandId(Uuid::from_u128(number)),
        guild: GUILD,
        person,
        kind: CommandType::BulkOperations,
        text: format!("/setai propose {number}"),
        parameters: json!({ "command": "propose" }),
        at: at(second),
    }
}

async fn commands_are_recorded_with_who_used_them_and_what_came_of_them(store: &Desk) {
    let (first, second) =
        (command(1, 0, ann(None)), command(2, 5, Person { username: "anna".to_owned(), ..ann(None) }));
    store.begin_command(&first).await.expect("recorded");
    store.begin_command(&second).await.expect("recorded");
    let end = CommandEnd {
        status: CommandStatus::Failed,
        interpretation: Some(json!({ "confidence_score": 0.5 })),
        results: Some(json!([{ "success": false }])),
        error: Some("the forge is away".to_owned()),
        took: Duration::from_millis(1500),
        at: at(7),
    };
    store.end_command(second.id, &end).await.expect("recorded");

    let latest = store.commands(GUILD, 10).await.expect("read");
    let [CommandRecord { status, interpretation, results, error, completed_at, .. }, begun] = &latest[..] else {
        panic!("two, the newest first: {latest:#?}")
    };
    assert_eq!((*status, interpretation, results), (end.status, &end.interpretation, &end.results));
    assert_eq!((error, *completed_at), (&end.error, Some(end.at)));
    assert_eq!(
        (begun.status, begun.completed_at, &begun.parameters),
        (CommandStatus::InProgress, None, &first.parameters)
    );
    assert_eq!(begun.username.as_deref(), Some("anna"), "by the name they have now");
    assert_eq!(store.command(first.id).await.expect("read").as_ref(), Some(begun));
    assert_eq!(store.commands(OTHER_GUILD, 10).await.expect("read"), []);
    assert_eq!(store.commands(GUILD, 1).await.expect("read").len(), 1);
}

async fn what_somebody_prefers_stays_when_they_are_met_again(store: &Desk) {
    assert_eq!(store.preferences(ANN).await.expect("read"), UserPreferences::default(), "nobody was met");
    store.begin_command(&command(1, 0, ann(Some("de")))).await.expect("recorded");
    let met = UserPreferences { preferred_language: Some("de".to_owned()), ..UserPreferences::default() };
    assert_eq!(store.preferences(ANN).await.expect("read"), met);

    let preferred = UserPreferences {
        timezone: Some("Europe/Kyiv".to_owned()),
        ai_settings: AiPreferences { use_ai_interpretation: false, ai_confidence_threshold: Some(0.8) },
        ..met
    };
    store.prefer(ANN, &preferred, at(1)).await.expect("recorded");
    // Their Discord speaks another language by now; and once it does not say which.
    store.begin_command(&command(2, 2, ann(Some("uk")))).await.expect("recorded");
    store.begin_command(&command(3, 3, ann(None))).await.expect("recorded");
    let expected = UserPreferences { preferred_language: Some("uk".to_owned()), ..preferred };
    assert_eq!(store.preferences(ANN).await.expect("read"), expected);
}
