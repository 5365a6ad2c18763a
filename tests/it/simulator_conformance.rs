//! The check against Discord's OpenAPI description checks, and every operation in it is answered or openly refused.

use serde_json::{Value, json};

use crate::support::harness::Harness;
use crate::support::openapi::description;
use crate::support::stage::Stage;

#[tokio::test]
async fn the_check_finds_wrong_requests() {
    if description().is_none() {
        return;
    }
    let discord = Harness::new();
    let (roles, positions) = (discord.in_guild("/roles"), discord.in_guild("/channels"));
    let snowflake = json!({"name": "c", "parent_id": null, "permission_overwrites": [{"id": 5, "type": 1}]});
    let sent = [
        ("POST", roles.clone(), json!({"name": "r", "colour": 5}), Some("unknown property body.colour")),
        ("POST", roles.clone(), json!({"name": "r", "permissions": "18014398509481983"}), None),
        ("POST", positions.clone(), snowflake, Some("is not of type \"string\"")),
        ("PATCH", positions.clone(), json!([{"id": "1", "postion": 5}]), Some("unknown property body[].postion")),
        ("GET", format!("{roles}?limt=5"), Value::Null, Some("unknown query key `limt`")),
        ("GET", "/nowhere".to_owned(), Value::Null, Some("no such operation")),
        ("PATCH", positions, json!([]), None),
    ];
    for (method, path, body, problem) in sent {
        let (answer, judgement) = discord.send_judged(method, &path, body, "t", None).await;
        match problem {
            Some(problem) => assert!(judgement.request.iter().any(|f| f.contains(problem)), "{path}: {judgement:?}"),
            None => assert!(judgement.is_clean(), "{path} answered {}: {judgement:?}", answer.status),
        }
        assert_eq!(judgement.answer, Vec::<String>::new(), "{method} {path}");
    }
}

#[tokio::test]
async fn the_check_finds_wrong_answers() {
    if description().is_none() {
        return;
    }
    let discord = Harness::new();
    discord.edit(|guild| drop(guild.extra.insert("preferred_locale".to_owned(), json!(5))));
    discord.get(&discord.in_guild("")).await.ok();
    discord.edit(|guild| drop(guild.extra.insert("approximate_member_count".to_owned(), json!("two"))));
    let (_, judgement) = discord.send_judged("GET", &discord.in_guild(""), Value::Null, "t", None).await;
    assert_eq!((judgement.request.len(), judgement.answer.len()), (0, 1));
}

/// Nobody has to ask what was found: a test that leaves it unasked fails.
#[tokio::test]
async fn what_is_found_fails_the_test_that_does_not_look() {
    if description().is_none() {
        return;
    }
    let test = tokio::spawn(async {
        let stage = Stage::new().await;
        stage.discord.edit(|guild| drop(guild.extra.insert("approximate_member_count".to_owned(), json!("two"))));
        let manifest = stage.manifest("roles: { crew: {} }\n");
        stage.propose(&manifest).await;
    });
    let failure = test.await.expect_err("the test fails").into_panic();
    let text = failure.downcast_ref::<String>().expect("with words");
    assert!(text.contains("approximate_member_count"), "{text}");
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
        // The requests say nothing, and most are not simulated.
        let (answer, _) = discord.send_judged(&method, &path, Value::Null, "t", None).await;
        let nowhere = matches!(answer.status, 404 | 405) && answer.body["code"] == 0;
        assert!(!nowhere, "{method} {template}: {}", answer.body);
    }
}
