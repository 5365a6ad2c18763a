//! Commands that are being typed, and what applications suggest.

use serde_json::{Value, json};
use setai::simulator::world::{Answer, Interaction};

use super::room::{Room, errors, webhook};

async fn room() -> Room {
    let option = |kind: u8, name: &str, completes: bool| json!({"type": kind, "name": name, "description": "d", "autocomplete": completes});
    Room::with(json!([{"name": "do", "description": "d", "options": [
        {"type": 5, "name": "sure", "description": "d", "required": true},
        option(3, "text", true), option(4, "whole", true), option(10, "number", true), option(3, "plain", false),
    ]}]))
    .await
}

fn typing(name: &str, value: Value) -> Value {
    json!({"name": "do", "options": [{"name": name, "value": value, "focused": true}]})
}

fn suggest(values: &[Value]) -> Value {
    let choices: Vec<Value> = values.iter().map(|value| json!({"name": "n", "value": value})).collect();
    json!({"type": 8, "data": {"choices": choices}})
}

#[tokio::test]
async fn what_is_typed_is_told_as_it_is_and_not_judged() {
    let room = room().await;
    let begun = room.try_use(4, typing("whole", json!("12x"))).expect("it is being typed");
    assert_eq!((begun.kind, &begun.data["type"]), (4, &json!(1)));
    assert_eq!(begun.data["options"], json!([{"type": 4, "name": "whole", "value": "12x", "focused": true}]));
    let begun = room.try_use(4, typing("text", Value::Null)).expect("nothing was typed so far");
    assert_eq!(begun.data["options"][0]["value"], "");

    assert_eq!(room.refusal(4, typing("plain", json!("x"))), "/do plain: the application does not complete it");
    let twice = json!({"name": "do", "options": [
        {"name": "text", "value": "", "focused": true}, {"name": "whole", "value": "", "focused": true},
    ]});
    for wrong in [json!({"name": "do"}), twice] {
        assert_eq!(room.refusal(4, wrong), "/do: exactly one option is focused while it is typed");
    }
    let mut other = typing("text", json!("a"));
    other["options"].as_array_mut().expect("a list").push(json!({"name": "sure", "value": "maybe"}));
    assert_eq!(room.refusal(4, other), "/do sure: it is true or false", "what is finished is judged");
}

#[tokio::test]
async fn suggestions_are_of_the_kind_of_the_option() {
    let room = room().await;
    let begin = |name: &str| room.try_use(4, typing(name, json!("1"))).expect("it is being typed");
    let [text, whole, number] = [json!("a"), json!(1), json!(1.5)];
    for (name, right, wrong) in
        [("text", &text, vec![&whole]), ("whole", &whole, vec![&text, &number]), ("number", &number, vec![&text])]
    {
        let begun = begin(name);
        for wrong in wrong {
            let code = errors(&room.tries(&begun, suggest(std::slice::from_ref(wrong))).await);
            assert!(code[0].starts_with("data.choices.0.value "), "{name} {wrong}: {code:?}");
        }
        assert_eq!(room.answer(&begun, suggest(std::slice::from_ref(right))).await.status, 204);
        assert_eq!(room.seen(&begun).answer, Answer::Choices { choices: vec![json!({"name": "n", "value": right})] });
    }
}

#[tokio::test]
async fn suggestions_are_few_and_short() {
    let room = room().await;
    let begun = room.try_use(4, typing("text", json!("1"))).expect("it is being typed");
    let tried = async |body: Value| errors(&room.tries(&begun, body).await);
    assert_eq!(tried(suggest(&vec![json!("x"); 26])).await, ["data.choices BASE_TYPE_BAD_LENGTH"]);
    assert_eq!(tried(suggest(&[json!("x".repeat(101))])).await, ["data.choices.0.value BASE_TYPE_BAD_LENGTH"]);
    let named = |name: &str| json!({"type": 8, "data": {"choices": [{"name": name, "value": "v"}]}});
    assert_eq!(tried(named("")).await, ["data.choices.0.name BASE_TYPE_BAD_LENGTH"]);
    assert_eq!(tried(named(&"x".repeat(101))).await, ["data.choices.0.name BASE_TYPE_BAD_LENGTH"]);
    assert_eq!(tried(json!({"type": 8})).await, ["data BASE_TYPE_REQUIRED"]);
    assert_eq!(tried(json!({"type": 8, "data": {}})).await, ["data.choices BASE_TYPE_REQUIRED"]);
    assert_eq!(room.answer(&begun, suggest(&vec![json!("x".repeat(100)); 25])).await.status, 204);
    assert_eq!(room.answer(&begun, suggest(&[])).await.refusal(), (400, 40_060));
}

#[tokio::test]
async fn typing_is_answered_with_suggestions_and_nothing_else_is() {
    let room = room().await;
    let typed = room.try_use(4, typing("text", json!("1"))).expect("it is being typed");
    let used = room.uses(json!({"name": "do", "options": [{"name": "sure", "value": true}]}));
    let wrong_type = async |begun: &Interaction, body: Value| errors(&room.tries(begun, body).await);
    assert_eq!(wrong_type(&typed, json!({"type": 4, "data": {"content": "x"}})).await, ["type BASE_TYPE_CHOICES"]);
    assert_eq!(wrong_type(&used, suggest(&[json!("a")])).await, ["type BASE_TYPE_CHOICES"]);
    room.answer(&typed, suggest(&[])).await;
    let (more, _) = room.without_token("POST", &webhook(&typed, ""), json!({"content": "more"})).await;
    assert_eq!(more.refusal(), (404, 10_015), "suggestions have no webhook");
}
