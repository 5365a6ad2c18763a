//! The check against Discord's OpenAPI description checks, and every operation in it is answered or openly refused.

use serde_json::{Value, json};

use crate::support::harness::Harness;
use crate::support::openapi::{description, violations};

#[tokio::test]
async fn the_check_finds_wrong_requests() {
    if description().is_none() {
        return;
    }
    let discord = Harness::new();
    let (roles, positions) = (discord.in_guild("/roles"), discord.in_guild("/channels"));
    let sent = [
        ("POST", roles.clone(), json!({"name": "r", "colour": 5}), Some("unknown property body.colour")),
        ("POST", roles.clone(), json!({"name": "r", "permissions": "18014398509481983"}), None),
        ("PATCH", positions.clone(), json!([{"id": "1", "postion": 5}]), None),
        ("GET", format!("{roles}?limt=5"), Value::Null, Some("unknown query key `limt`")),
        ("PATCH", positions, json!([]), None),
    ];
    for (method, path, body, problem) in sent {
        discord.simulator.forget_requests();
        let answer = discord.send_unchecked(method, &path, body, "t", None).await;
        let found = violations(&discord.simulator.requests());
        match problem {
            Some(problem) => assert!(found.iter().any(|f| f.contains(problem)), "{path}: {found:?}"),
            None => assert!(found.is_empty(), "{path} answered {}: {found:?}", answer.status),
        }
    }
    let lenient = json!({"name": "c", "parent_id": null, "permission_overwrites": [{"id": 5, "type": 1}]});
    discord.simulator.forget_requests();
    discord.send_unchecked("POST", &discord.in_guild("/channels"), lenient, "t", None).await.ok();
    assert!(!violations(&discord.simulator.requests()).is_empty(), "a snowflake is a string");
}

#[tokio::test]
async fn the_check_finds_wrong_answers() {
    if description().is_none() {
        return;
    }
    let discord = Harness::new();
    discord.edit(|guild| drop(guild.extra.insert("preferred_locale".to_owned(), json!(5))));
    discord.send_unchecked("GET", &discord.in_guild(""), Value::Null, "t", None).await.ok();
    assert_eq!(violations(&discord.simulator.requests()), Vec::<String>::new(), "extra fields hide no known one");
    discord.edit(|guild| drop(guild.extra.insert("approximate_member_count".to_owned(), json!("two"))));
    discord.send_unchecked("GET", &discord.in_guild(""), Value::Null, "t", None).await.ok();
    assert_eq!(violations(&discord.simulator.requests()).len(), 1);
}

#[tokio::test]
async fn every_operation_is_answered_or_refused_with_501() {
    let Some(description) = description() else { return };
    let discord = Harness::new();
    let operations = description.operations();
    assert!(operations.len() > 200, "{}", operations.len());
    for (method, template) in operations {
        let steps = template.split('/').map(|step| if step.starts_with('{') { "1" } else { step });
        let path = steps.collect::<Vec<_>>().join("/");
        let answer = discord.send_unchecked(&method, &path, Value::Null, "t", None).await;
        let nowhere = matches!(answer.status, 404 | 405) && answer.body["code"] == 0;
        assert!(!nowhere, "{method} {template}: {}", answer.body);
    }
}
