//! Options of commands: as registered, or not at all.

use serde_json::{Value, json};
use setai::simulator::world::Bits;

use super::room::{Room, join};

fn option(kind: u8, name: &str, more: &Value) -> Value {
    let mut option = json!({"type": kind, "name": name, "description": "d"});
    for (key, value) in more.as_object().into_iter().flatten() {
        option[key] = value.clone();
    }
    option
}

/// A room with `/do` that takes this option.
async fn taking(kind: u8, more: Value) -> Room {
    Room::with(json!([{"name": "do", "description": "d", "options": [option(kind, "it", &more)]}])).await
}

fn with(value: &Value) -> Value {
    json!({"name": "do", "options": [{"name": "it", "value": value}]})
}

/// These values are taken, as they are; those are not.
async fn takes(kind: u8, more: Value, right: &[Value], wrong: &[(Value, &str)]) {
    let room = taking(kind, more).await;
    for value in right {
        let begun = room.uses(with(value));
        assert_eq!(begun.data["options"], json!([{"type": kind, "name": "it", "value": value}]));
        assert_eq!(begun.data.get("resolved"), None);
    }
    for (value, problem) in wrong {
        assert_eq!(room.refusal(2, with(value)), format!("/do it: {problem}"), "{value}");
    }
}

#[tokio::test]
async fn values_are_of_their_kind_and_within_bounds() {
    let long = "x".repeat(6001);
    let text = "it is a text";
    let wrong = [(json!(1), text), (Value::Null, text), (json!(true), text)];
    takes(3, json!({}), &[json!("a"), json!("7")], &wrong).await;
    let wrong = [(json!(""), "it has 1 to 6000 characters"), (json!(long), "it has 1 to 6000 characters")];
    takes(3, json!({}), &[json!("x".repeat(6000))], &wrong).await;
    let wrong = [(json!("a"), "it has 2 to 3 characters"), (json!("abcd"), "it has 2 to 3 characters")];
    takes(3, json!({"min_length": 2, "max_length": 3}), &[json!("ab"), json!("äöü")], &wrong).await;

    let number = "it is a whole number";
    let wrong = [(json!("1"), number), (json!(1.5), number), (json!((1_i64 << 53)), number)];
    takes(4, json!({}), &[json!(0), json!(-5), json!((1_i64 << 53) - 1)], &wrong).await;
    let wrong = [(json!(0), "it is at least 1"), (json!(10), "it is at most 9")];
    takes(4, json!({"min_value": 1, "max_value": 9}), &[json!(1), json!(9)], &wrong).await;
    let wrong = [(json!("x"), "it is a number"), (json!(0.4), "it is at least 0.5")];
    takes(10, json!({"min_value": 0.5}), &[json!(0.5), json!(3)], &wrong).await;
    takes(5, json!({}), &[json!(true), json!(false)], &[(json!("true"), "it is true or false")]).await;

    let choices =
        |values: [Value; 2]| json!({"choices": [{"name": "a", "value": values[0]}, {"name": "b", "value": values[1]}]});
    let none = "it is none of the choices";
    takes(3, choices([json!("x"), json!("y")]), &[json!("x"), json!("y")], &[(json!("a"), none)]).await;
    takes(4, choices([json!(1), json!(2)]), &[json!(2)], &[(json!(3), none)]).await;
    takes(10, choices([json!(1.5), json!(2.0)]), &[json!(1.5), json!(2)], &[(json!(1), none)]).await;
}

#[tokio::test]
async fn required_options_are_given_and_each_once() {
    let room = Room::with(json!([{"name": "do", "description": "d", "options": [
        option(3, "first", &json!({"required": true})), option(3, "second", &json!({})),
    ]}]))
    .await;
    let given = |names: &[&str]| {
        let options: Vec<Value> = names.iter().map(|name| json!({"name": name, "value": "v"})).collect();
        json!({"name": "do", "options": options})
    };
    room.uses(given(&["first"]));
    room.uses(given(&["second", "first"]));
    assert_eq!(room.refusal(2, json!({"name": "do"})), "/do first: it is required");
    assert_eq!(room.refusal(2, given(&["second"])), "/do first: it is required");
    assert_eq!(room.refusal(2, given(&["first", "first"])), "/do first: it was given twice");
    assert_eq!(room.refusal(2, given(&["first", "third"])), "/do: there is no option `third`");
    let typed = json!({"name": "do", "options": [{"name": "first", "value": "v", "type": 4}]});
    assert_eq!(room.refusal(2, typed), "/do first: its type is 3");
    let focused = json!({"name": "do", "options": [{"name": "first", "value": "v", "focused": true}]});
    assert_eq!(room.refusal(2, focused), "/do first: the application does not complete it");
    assert_eq!(room.refusal(2, json!({"name": "do", "options": "first"})), "/do: options are a list");
}

#[tokio::test]
async fn a_command_with_subcommands_is_used_with_one_of_them() {
    let sub = |name: &str, options: Value| json!({"type": 1, "name": name, "description": "d", "options": options});
    let room = Room::with(json!([{"name": "setai", "description": "d", "options": [
        sub("plan", json!([option(3, "guild", &json!({"required": true}))])), sub("status", json!([])),
        {"type": 2, "name": "drift", "description": "d", "options": [sub("show", json!([])), sub("adopt", json!([]))]},
    ]}]))
    .await;
    let used = |options: Value| json!({"name": "setai", "options": options});
    let begun = room.uses(used(json!([{"name": "plan", "options": [{"name": "guild", "value": "x"}]}])));
    let told = json!([{"type": 1, "name": "plan", "options": [{"type": 3, "name": "guild", "value": "x"}]}]);
    assert_eq!(begun.data["options"], told);
    let begun = room.uses(used(json!([{"name": "drift", "options": [{"name": "show"}]}])));
    let told = json!([{"type": 2, "name": "drift", "options": [{"type": 1, "name": "show", "options": []}]}]);
    assert_eq!(begun.data["options"], told);
    let refused = |options: Value| room.refusal(2, used(options));
    assert_eq!(refused(json!([])), "/setai: it is used with one of plan, status, drift");
    assert_eq!(
        refused(json!([{"name": "status"}, {"name": "plan"}])),
        "/setai: it is used with one of plan, status, drift"
    );
    assert_eq!(refused(json!([{"name": "drift"}])), "/setai drift: it is used with one of show, adopt");
    assert_eq!(refused(json!([{"name": "plan"}])), "/setai plan guild: it is required");
    assert_eq!(refused(json!([{"name": "nothing"}])), "/setai: there is no option `nothing`");
    assert_eq!(
        refused(json!([{"name": "status", "options": [{"name": "x", "value": 1}]}])),
        "/setai status: there is no option `x`"
    );
}

#[tokio::test]
async fn ids_are_told_with_what_they_stand_for() {
    let room = Room::new();
    let (guild, bob) = (room.discord.guild, join(&room.discord, "bob"));
    let kinds = [(6, "user"), (7, "channel"), (8, "role"), (9, "anybody")];
    let options: Vec<Value> = kinds.iter().map(|(kind, name)| option(*kind, name, &json!({}))).collect();
    room.register(json!([{"name": "do", "description": "d", "options": options}])).await;
    let given = |name: &str, id: Value| json!({"name": "do", "options": [{"name": name, "value": id}]});
    let begun = room.uses(given("user", json!(bob)));
    assert_eq!(begun.data["resolved"]["users"][bob.to_string()]["username"], "bob");
    assert!(begun.data["resolved"]["members"][bob.to_string()]["permissions"].is_string());
    let begun = room.uses(given("channel", json!(room.channel)));
    let channel = &begun.data["resolved"]["channels"][room.channel.to_string()];
    assert_eq!((&channel["name"], channel.get("permission_overwrites")), (&json!("plans"), None));
    assert!(channel["permissions"].is_string() && channel["app_permissions"].is_string());
    let begun = room.uses(given("role", json!(guild)));
    assert_eq!(begun.data["resolved"]["roles"][guild.to_string()]["name"], "@everyone");
    for (id, kind) in [(bob, "users"), (guild, "roles")] {
        assert!(room.uses(given("anybody", json!(id))).data["resolved"][kind][id.to_string()].is_object());
    }
    for (name, what) in [("user", "user"), ("channel", "channel"), ("role", "role"), ("anybody", "user")] {
        assert_eq!(room.refusal(2, given(name, json!("5"))), format!("there is no {what} `5` here"));
        assert_eq!(room.refusal(2, given(name, json!("x"))), format!("/do {name}: it is an id"));
    }
    let hidden = json!([{"id": guild, "type": 0, "allow": "0", "deny": Bits::VIEW_CHANNEL}]);
    let hidden = room.discord.channel_by_hand(json!({"name": "hidden", "permission_overwrites": hidden}));
    assert_eq!(room.refusal(2, given("channel", json!(hidden))), format!("there is no channel `{hidden}` here"));
}

#[tokio::test]
async fn a_channel_is_of_a_type_that_was_asked_for() {
    let room = taking(7, json!({"channel_types": [2]})).await;
    let voice = room.discord.edit(|guild| guild.channel_named("General").expect("there").id);
    room.uses(with(&json!(voice)));
    assert_eq!(room.refusal(2, with(&json!(room.channel))), "plans: it is not of a type that can be chosen");
}
