//! Modals: opened for somebody, filled in by that somebody, once.

use std::time::Duration;

use serde_json::{Value, json};
use setai::simulator::Use;
use setai::simulator::world::Answer;

use super::room::{Room, errors, join, webhook};

fn input(custom_id: &str, more: &Value) -> Value {
    let mut input = json!({"type": 4, "custom_id": custom_id, "style": 1, "label": "Why?"});
    for (key, value) in more.as_object().into_iter().flatten() {
        input[key] = value.clone();
    }
    input
}

fn modal(inputs: &[Value]) -> Value {
    let rows: Vec<Value> = inputs.iter().map(|input| json!({"type": 1, "components": [input]})).collect();
    json!({"type": 9, "data": {"custom_id": "form", "title": "A form", "components": rows}})
}

fn filled(values: &[(&str, &str)]) -> Value {
    let input = |(custom_id, value): &(&str, &str)| json!({"type": 4, "custom_id": custom_id, "value": value});
    let rows: Vec<Value> = values.iter().map(|value| json!({"type": 1, "components": [input(value)]})).collect();
    json!({"custom_id": "form", "components": rows})
}

#[tokio::test]
async fn what_is_wrong_with_a_modal_is_named_at_its_place() {
    let room = Room::with_plan().await;
    let begun = room.plans();
    let long = |length: usize| "x".repeat(length);
    let with = |key: &str, value: Value| {
        let mut modal = modal(&[input("i", &json!({}))]);
        modal["data"][key] = value;
        modal
    };
    let of = |more: Value| modal(&[input("i", &more)]);
    let first = "components.0.components.0";
    let refused = [
        (with("custom_id", json!(long(101))), "custom_id BASE_TYPE_BAD_LENGTH".to_owned()),
        (with("custom_id", json!("")), "custom_id BASE_TYPE_BAD_LENGTH".to_owned()),
        (with("custom_id", Value::Null), "custom_id BASE_TYPE_REQUIRED".to_owned()),
        (with("title", json!(long(46))), "title BASE_TYPE_BAD_LENGTH".to_owned()),
        (with("title", Value::Null), "title BASE_TYPE_REQUIRED".to_owned()),
        (with("components", json!([])), "components BASE_TYPE_BAD_LENGTH".to_owned()),
        (with("components", json!([input("i", &json!({}))])), "components.0.type BASE_TYPE_CHOICES".to_owned()),
        (modal(&vec![input("i", &json!({})); 6]), "components BASE_TYPE_BAD_LENGTH".to_owned()),
        (
            modal(&vec![input("i", &json!({})); 2]),
            "components.1.components.0.custom_id COMPONENT_CUSTOM_ID_DUPLICATED".to_owned(),
        ),
        (
            with("components", json!([{"type": 1, "components": [input("a", &json!({})), input("b", &json!({}))]}])),
            "components.0.components BASE_TYPE_BAD_LENGTH".to_owned(),
        ),
        (of(json!({"type": 2})), format!("{first}.type BASE_TYPE_CHOICES")),
        (of(json!({"style": 3})), format!("{first}.style BASE_TYPE_CHOICES")),
        (of(json!({"style": null})), format!("{first}.style BASE_TYPE_REQUIRED")),
        (of(json!({"label": long(46)})), format!("{first}.label BASE_TYPE_BAD_LENGTH")),
        (of(json!({"label": null})), format!("{first}.label BASE_TYPE_REQUIRED")),
        (of(json!({"placeholder": long(101)})), format!("{first}.placeholder BASE_TYPE_BAD_LENGTH")),
        (of(json!({"value": long(4001)})), format!("{first}.value BASE_TYPE_BAD_LENGTH")),
        (of(json!({"value": "abc", "max_length": 2})), format!("{first}.value BASE_TYPE_BAD_LENGTH")),
        (of(json!({"max_length": 0})), format!("{first}.max_length NUMBER_TYPE_MIN")),
        (of(json!({"max_length": 4001})), format!("{first}.max_length NUMBER_TYPE_MAX")),
        (of(json!({"min_length": 4001})), format!("{first}.min_length NUMBER_TYPE_MAX")),
        (of(json!({"min_length": 3, "max_length": 2})), format!("{first}.min_length NUMBER_TYPE_MAX")),
    ];
    for (body, error) in refused {
        let found = errors(&room.tries(&begun, body.clone()).await);
        assert!(found.contains(&format!("data.{error}")), "{body}: {found:?}");
    }
    assert_eq!(errors(&room.tries(&begun, json!({"type": 9})).await)[0], "data BASE_TYPE_REQUIRED");
    assert_eq!(room.answer(&begun, modal(&[input("i", &json!({}))])).await.status, 204);
    assert!(matches!(room.seen(&begun).answer, Answer::Modal { modal } if modal["title"] == "A form"));
    let (more, _) = room.without_token("POST", &webhook(&begun, ""), json!({"content": "x"})).await;
    assert_eq!(more.refusal(), (404, 10_015), "a modal is no message to follow");
}

#[tokio::test]
async fn a_modal_is_filled_in_by_whom_it_was_opened_for() {
    let room = Room::with_plan().await;
    let bob = join(&room.discord, "bob");
    assert_eq!(room.refusal(5, filled(&[("why", "x")])), "there is no open modal `form` here");
    let begun = room.plans();
    let inputs = [input("why", &json!({"min_length": 2, "max_length": 4})), input("more", &json!({"required": false}))];
    assert_eq!(room.answer(&begun, modal(&inputs)).await.status, 204);
    let of_bob = Use { user_id: bob, ..room.wish(5, filled(&[("why", "abc")])) };
    room.discord.simulator.interact(&of_bob).expect_err("it was opened for Ann");
    let other = json!({"custom_id": "other", "components": []});
    assert_eq!(room.refusal(5, other), "there is no open modal `other` here");
    assert_eq!(room.refusal(5, filled(&[("why", "a")])), "why: it has 2 to 4 characters");
    assert_eq!(room.refusal(5, filled(&[("why", "abcde")])), "why: it has 2 to 4 characters");
    assert_eq!(room.refusal(5, filled(&[("more", "x")])), "why: it is required");
    assert_eq!(room.refusal(5, filled(&[("why", "abc"), ("what", "x")])), "there is no text input `what` here");
    assert_eq!(room.refusal(5, filled(&[("why", "abc"), ("why", "abc")])), "why: it was filled in twice");

    let submitted = room.try_use(5, filled(&[("why", "abc")])).expect("as it wants it");
    let told = json!({"custom_id": "form", "components": [
        {"type": 1, "id": 1, "components": [{"type": 4, "id": 2, "custom_id": "why", "value": "abc"}]},
        {"type": 1, "id": 3, "components": [{"type": 4, "id": 4, "custom_id": "more", "value": ""}]},
    ]});
    assert_eq!((submitted.kind, &submitted.data, submitted.opened_by), (5, &told, Some(begun.id)));
    room.try_use(5, filled(&[("why", "abc")])).expect_err("it waits for its answer");
    room.discord.clock.advance(Duration::from_millis(3001));
    let again = room.try_use(5, filled(&[("why", "abcd")])).expect("nobody answered, so it is still open");
    let answered = room.says(&again, json!({"content": "thanks"})).await;
    let metadata = answered.interaction_metadata.expect("an interaction");
    assert_eq!(metadata["triggering_interaction_metadata"]["id"], json!(begun.id));
    room.try_use(5, filled(&[("why", "abcd")])).expect_err("it is closed");
}

#[tokio::test]
async fn a_modal_from_a_button_may_change_the_buttons_message_and_opens_no_other() {
    let room = Room::with_plan().await;
    let row = json!([{"type": 1, "components": [{"type": 2, "style": 1, "label": "Go", "custom_id": "go"}]}]);
    let message = room.says(&room.plans(), json!({"content": "Apply?", "components": row})).await;
    let pressed = room.press(room.ann, message.id, json!({"custom_id": "go"})).expect("it is there");
    room.answer(&pressed, modal(&[input("why", &json!({}))])).await;
    let submitted = room.try_use(5, filled(&[("why", "x")])).expect("filled in");
    assert_eq!(submitted.message_id, Some(message.id));
    assert_eq!(errors(&room.tries(&submitted, modal(&[input("why", &json!({}))])).await), ["type BASE_TYPE_CHOICES"]);
    let update = json!({"type": 7, "data": {"content": "Applied", "components": []}});
    assert_eq!(room.answer(&submitted, update.clone()).await.status, 204);
    assert_eq!(room.contents(), ["Applied"]);

    room.answer(&room.plans(), modal(&[input("why", &json!({}))])).await;
    let submitted = room.try_use(5, filled(&[("why", "x")])).expect("filled in");
    assert_eq!(
        errors(&room.tries(&submitted, update).await),
        ["type BASE_TYPE_CHOICES"],
        "there is no message to change"
    );
}

#[tokio::test]
async fn a_label_holds_a_text_input() {
    let room = Room::with_plan().await;
    let begun = room.plans();
    let label = |more: Value| {
        let mut input = json!({"type": 4, "custom_id": "why", "style": 2});
        for (key, value) in more.as_object().into_iter().flatten() {
            input[key] = value.clone();
        }
        let label = json!({"type": 18, "label": "Why?", "description": "In short", "component": input});
        json!({"type": 9, "data": {"custom_id": "form", "title": "A form", "components": [label]}})
    };
    let own = errors(&room.tries(&begun, label(json!({"label": "Why?"}))).await);
    assert_eq!(own, ["data.components.0.component.label TEXT_INPUT_LABEL_NOT_ALLOWED"]);
    assert_eq!(room.answer(&begun, label(json!({}))).await.status, 204);
    let filled = json!({"custom_id": "form", "components": [
        {"type": 18, "component": {"type": 4, "custom_id": "why", "value": "because"}},
    ]});
    let submitted = room.try_use(5, filled).expect("filled in");
    let told =
        json!([{"type": 18, "id": 1, "component": {"type": 4, "id": 2, "custom_id": "why", "value": "because"}}]);
    assert_eq!(submitted.data["components"], told);
}
