//! Buttons and menus: how they are made, who may use them, and what becomes of the message they are on.

use serde_json::{Value, json};
use setai::simulator::world::{Answer, Bits};

use super::room::{Room, errors, join};
use crate::simulator_gateway::client::Client;

fn button(custom_id: &str) -> Value {
    json!({"type": 2, "style": 1, "label": "Go", "custom_id": custom_id})
}

fn rows(components: &[Value]) -> Value {
    components.iter().map(|component| json!({"type": 1, "components": [component]})).collect()
}

fn menu(more: &Value) -> Value {
    let options: Vec<Value> = ["a", "b", "c"].iter().map(|v| json!({"label": v, "value": v})).collect();
    let mut menu = json!({"type": 3, "custom_id": "menu", "options": options});
    for (key, value) in more.as_object().into_iter().flatten() {
        menu[key] = value.clone();
    }
    menu
}

#[tokio::test]
async fn what_is_wrong_with_a_component_is_named_at_its_place() {
    let room = Room::with_plan().await;
    let begun = room.plans();
    let long = |length: usize| "x".repeat(length);
    let option = |value: &str| json!({"label": "l", "value": value});
    let place = "data.components.0.components.0";
    let refused = [
        (json!({"type": 2, "style": 1, "label": "l"}), "custom_id BUTTON_COMPONENT_CUSTOM_ID_REQUIRED"),
        (json!({"type": 2, "style": 1, "label": "l", "custom_id": long(101)}), "custom_id BASE_TYPE_BAD_LENGTH"),
        (json!({"type": 2, "style": 1, "label": "l", "custom_id": ""}), "custom_id BASE_TYPE_BAD_LENGTH"),
        (
            json!({"type": 2, "style": 1, "label": long(81), "emoji": {"name": "🦀"}, "custom_id": "c"}),
            "label BASE_TYPE_BAD_LENGTH",
        ),
        (json!({"type": 2, "style": 1, "custom_id": "c"}), "label BUTTON_COMPONENT_LABEL_REQUIRED"),
        (json!({"type": 2, "label": "l", "custom_id": "c"}), "style BASE_TYPE_REQUIRED"),
        (json!({"type": 2, "style": 7, "label": "l", "custom_id": "c"}), "style BASE_TYPE_CHOICES"),
        (json!({"type": 2, "style": 5, "label": "l"}), "url BUTTON_COMPONENT_URL_REQUIRED"),
        (json!({"type": 2, "style": 5, "label": "l", "url": "x"}), "url URL_TYPE_INVALID_URL"),
        (
            json!({"type": 2, "style": 5, "label": "l", "url": "https://example.org", "custom_id": "c"}),
            "custom_id BUTTON_COMPONENT_CUSTOM_ID_URL_MUTUALLY_EXCLUSIVE",
        ),
        (
            json!({"type": 2, "style": 1, "label": "l", "url": "https://example.org", "custom_id": "c"}),
            "custom_id BUTTON_COMPONENT_CUSTOM_ID_URL_MUTUALLY_EXCLUSIVE",
        ),
        (json!({"type": 4, "style": 1, "label": "l", "custom_id": "c"}), "type BASE_TYPE_CHOICES"),
        (json!({"type": 3, "custom_id": "c"}), "options BASE_TYPE_REQUIRED"),
        (json!({"type": 3, "custom_id": "c", "options": []}), "options BASE_TYPE_BAD_LENGTH"),
        (json!({"type": 3, "custom_id": "c", "options": vec![option("v"); 26]}), "options BASE_TYPE_BAD_LENGTH"),
        (json!({"type": 3, "options": [option("v")]}), "custom_id BASE_TYPE_REQUIRED"),
        (
            menu(&json!({"options": [option("v"), option("v")]})),
            "options.1.value SELECT_COMPONENT_OPTION_VALUE_DUPLICATED",
        ),
        (menu(&json!({"options": [option(&long(101))]})), "options.0.value BASE_TYPE_BAD_LENGTH"),
        (menu(&json!({"options": [{"label": "", "value": "v"}]})), "options.0.label BASE_TYPE_BAD_LENGTH"),
        (menu(&json!({"placeholder": long(151)})), "placeholder BASE_TYPE_BAD_LENGTH"),
        (menu(&json!({"min_values": 3, "max_values": 2})), "min_values NUMBER_TYPE_MAX"),
        (menu(&json!({"max_values": 4})), "options BASE_TYPE_BAD_LENGTH"),
        (menu(&json!({"max_values": 26})), "max_values NUMBER_TYPE_MAX"),
    ];
    for (component, error) in refused {
        let answer = room
            .tries(&begun, json!({"type": 4, "data": {"components": rows(std::slice::from_ref(&component))}}))
            .await;
        let found = errors(&answer);
        assert!(found.contains(&format!("{place}.{error}")), "{component}: {found:?}");
    }
}

#[tokio::test]
async fn rows_are_few_and_what_is_in_them_is_told_apart() {
    let room = Room::with_plan().await;
    let begun = room.plans();
    let tried = async |rows: Value| errors(&room.tries(&begun, json!({"type": 4, "data": {"components": rows}})).await);
    let row = |components: Vec<Value>| json!({"type": 1, "components": components});
    let buttons = |from: usize, count: usize| (from..from + count).map(|n| button(&n.to_string())).collect::<Vec<_>>();
    let six = (0..6).map(|n| row(buttons(n, 1))).collect::<Value>();
    assert_eq!(tried(six).await, ["data.components BASE_TYPE_BAD_LENGTH"]);
    let row_place = "data.components.0.components";
    assert!(tried(json!([row(buttons(0, 6))])).await.contains(&format!("{row_place} BASE_TYPE_BAD_LENGTH")));
    assert_eq!(tried(json!([row(vec![])])).await, [format!("{row_place} BASE_TYPE_BAD_LENGTH")]);
    let wide = json!([row(vec![menu(&json!({})), button("b")])]);
    assert_eq!(tried(wide).await, [format!("{row_place} COMPONENT_LAYOUT_WIDTH_EXCEEDED")]);
    let same = tried(json!([row(buttons(0, 1)), row(buttons(0, 1))])).await;
    assert_eq!(same, ["data.components.1.components.0.custom_id COMPONENT_CUSTOM_ID_DUPLICATED"]);
    assert_eq!(tried(json!([button("b")])).await[0], "data.components.0.type BASE_TYPE_CHOICES");
    let full = (0..5).map(|n| row(buttons(n * 5, 5))).collect::<Value>();
    assert_eq!(room.says(&begun, json!({"components": full})).await.components.len(), 5);
    assert!(room.contents()[0].is_empty(), "buttons alone are a message");
}

#[tokio::test]
async fn a_button_is_pressed_where_it_is_seen_and_while_it_works() {
    let room = Room::with_plan().await;
    let bob = join(&room.discord, "bob");
    let off = json!({"type": 2, "style": 1, "label": "Off", "custom_id": "off", "disabled": true});
    let link = json!({"type": 2, "style": 5, "label": "Link", "url": "https://example.org"});
    let all = rows(&[button("go"), off, link]);
    let shared = room.says(&room.plans(), json!({"content": "?", "components": all})).await;
    let go = || json!({"custom_id": "go"});
    let begun = room.press(bob, shared.id, go()).expect("everybody sees it");
    assert_eq!(begun.data, json!({"custom_id": "go", "component_type": 2, "id": 2}));
    assert_eq!((begun.kind, begun.message_id, begun.user_id), (3, Some(shared.id), bob));
    let refused = |data: Value| room.press(bob, shared.id, data).expect_err("not to be pressed").to_string();
    assert_eq!(refused(json!({"custom_id": "off"})), "off: it is disabled");
    assert_eq!(refused(json!({"custom_id": "stop"})), "there is no component `stop` here");
    assert_eq!(refused(json!({})), "there is no component `` here");
    assert_eq!(refused(json!({"custom_id": "go", "component_type": 3})), "go: its type is 2");
    assert_eq!(refused(json!({"custom_id": "go", "values": ["a"]})), "go: a button has no values");

    let private =
        room.says(&room.plans(), json!({"content": "?", "flags": 64, "components": rows(&[button("go")])})).await;
    let said = room.press(bob, private.id, go()).expect_err("it is Ann's").to_string();
    assert_eq!(said, format!("there is no message `{}` here", private.id));
    room.press(room.ann, private.id, go()).expect("she sees it");
    let own =
        room.writes(bob, json!({"content": "mine"}))["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
    room.press(bob, own, go()).expect_err("it is no message of the application");
    assert_eq!(room.try_use(3, go()).expect_err("on nothing").to_string(), "message_id: components are on messages");
    room.deny(Bits::USE_APPLICATION_COMMANDS | Bits::SEND_MESSAGES);
    room.press(bob, shared.id, go()).expect("buttons need no permission");
    room.deny(Bits::VIEW_CHANNEL);
    room.press(bob, shared.id, go()).expect_err("whoever does not see the channel sees no button");
}

#[tokio::test]
async fn a_menu_gives_as_many_values_as_it_wants_and_only_its_own() {
    let room = Room::with_plan().await;
    let two = menu(&json!({"min_values": 1, "max_values": 2}));
    let message = room.says(&room.plans(), json!({"components": rows(&[two])})).await;
    let choose = |values: Value| room.press(room.ann, message.id, json!({"custom_id": "menu", "values": values}));
    let begun = choose(json!(["b", "a"])).expect("two of three");
    assert_eq!(begun.data, json!({"custom_id": "menu", "component_type": 3, "id": 2, "values": ["b", "a"]}));
    let refused = |values: Value| choose(values).expect_err("not to be chosen").to_string();
    for count in [json!([]), Value::Null, json!(["a", "b", "c"])] {
        assert_eq!(refused(count), "menu: 1 to 2 values are chosen");
    }
    assert_eq!(refused(json!(["d"])), "menu: it does not offer \"d\"");
    assert_eq!(refused(json!(["a", "a"])), "menu: \"a\" is chosen twice");

    let menus: Vec<Value> = (5..=8).map(|kind| json!({"type": kind, "custom_id": kind.to_string()})).collect();
    let message = room.says(&room.plans(), json!({"components": rows(&menus)})).await;
    let ids = [
        (5, room.ann, "users"),
        (6, room.discord.guild, "roles"),
        (7, room.ann, "users"),
        (8, room.channel, "channels"),
    ];
    for (kind, id, what) in ids {
        let data = json!({"custom_id": kind.to_string(), "values": [id]});
        let begun = room.press(room.ann, message.id, data).expect("it is there");
        assert!(begun.data["resolved"][what][id.to_string()].is_object(), "{}", begun.data);
        let unknown = json!({"custom_id": kind.to_string(), "values": ["5"]});
        room.press(room.ann, message.id, unknown).expect_err("nothing has that id");
    }
}

#[tokio::test]
async fn a_press_changes_the_message_at_once_or_later_or_is_answered_below_it() {
    let room = Room::with_plan().await;
    let served = room.discord.serve().await;
    let (mut client, _) = Client::in_guild(&served, 1).await;
    let message = room.says(&room.plans(), json!({"content": "Apply?", "components": rows(&[button("go")])})).await;
    client.event("INTERACTION_CREATE").await;
    let press = || room.press(room.ann, message.id, json!({"custom_id": "go"})).expect("it is there");

    let begun = press();
    let told = client.event("INTERACTION_CREATE").await;
    assert_eq!((&told["type"], &told["data"]["custom_id"]), (&json!(3), &json!("go")));
    assert_eq!((&told["message"]["id"], &told["message"]["content"]), (&json!(message.id), &json!("Apply?")));
    assert_eq!(room.answer(&begun, json!({"type": 7, "data": {"content": "Applying"}})).await.status, 204);
    let seen = room.seen(&begun);
    let original = seen.original.expect("the button's message");
    assert_eq!((seen.answer, original.id, original.content.as_str()), (Answer::Update, message.id, "Applying"));
    assert_eq!(original.components.len(), 1, "what is not said stays");
    let done = json!({"content": "Applied", "components": []});
    room.follow("PATCH", &begun, "/messages/@original", done).await.ok();
    assert_eq!(room.contents(), ["Applied"]);
    room.press(room.ann, message.id, json!({"custom_id": "go"})).expect_err("the button is gone");
    room.follow("PATCH", &begun, "/messages/@original", json!({"components": rows(&[button("go")])})).await.ok();

    let begun = press();
    assert_eq!(room.answer(&begun, json!({"type": 6})).await.status, 204);
    assert!(room.seen(&begun).is_promised());
    room.follow("PATCH", &begun, "/messages/@original", json!({"content": "Again"})).await.ok();
    assert!(!room.seen(&begun).is_promised());
    assert_eq!(room.contents(), ["Again"]);

    let begun = press();
    let below = room.says(&begun, json!({"content": "Below", "flags": 64})).await;
    assert_eq!((below.kind, below.replies_to), (19, Some(message.id)));
    let more = room.follow("POST", &begun, "", json!({"content": "More"})).await.ok();
    assert_eq!(more["interaction_metadata"]["interacted_message_id"], json!(message.id));
    assert_eq!(room.contents(), ["Again", "More"]);
    let empty = room.tries(&press(), json!({"type": 7, "data": {"content": "", "components": []}})).await;
    assert_eq!(empty.refusal(), (400, 50_006));
    served.stop().await;
}
