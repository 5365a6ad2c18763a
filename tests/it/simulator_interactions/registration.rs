//! Registering commands: what Discord takes, so that a client can offer it.

use serde_json::{Value, json};

use super::room::{Room, errors};

async fn tried(room: &Room, command: Value) -> Vec<String> {
    let path = format!("/applications/{}/commands", room.discord.bot);
    let (answer, judgement) = room.discord.send_judged("POST", &path, command, "token", None).await;
    assert_eq!(judgement.answer, Vec::<String>::new());
    if answer.status == 400 { errors(&answer) } else { Vec::new() }
}

#[tokio::test]
async fn options_are_of_a_kind_and_say_what_that_kind_says() {
    let room = Room::new();
    let option = |more: Value| {
        let mut option = json!({"type": 3, "name": "it", "description": "d"});
        for (key, value) in more.as_object().into_iter().flatten() {
            option[key] = value.clone();
        }
        json!({"name": "do", "description": "d", "options": [option]})
    };
    let choice = |value: Value| json!([{"name": "n", "value": value}]);
    let kind = "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID";
    let refused = [
        (json!({"type": null}), "type BASE_TYPE_REQUIRED".to_owned()),
        (json!({"type": 12}), "type BASE_TYPE_CHOICES".to_owned()),
        (json!({"name": "It"}), "name APPLICATION_COMMAND_INVALID_NAME".to_owned()),
        (json!({"name": "x".repeat(33)}), "name BASE_TYPE_BAD_LENGTH".to_owned()),
        (json!({"description": ""}), "description BASE_TYPE_BAD_LENGTH".to_owned()),
        (json!({"choices": choice(json!(1))}), "choices.0.value STRING_TYPE_CONVERT".to_owned()),
        (json!({"choices": choice(json!("x".repeat(101)))}), "choices.0.value BASE_TYPE_BAD_LENGTH".to_owned()),
        (json!({"type": 4, "choices": choice(json!("1"))}), "choices.0.value NUMBER_TYPE_COERCE".to_owned()),
        (json!({"type": 10, "choices": choice(json!("1"))}), "choices.0.value NUMBER_TYPE_COERCE".to_owned()),
        (json!({"type": 6, "choices": choice(json!("1"))}), format!("choices {kind}")),
        (json!({"type": 5, "autocomplete": true}), format!("choices {kind}")),
        (
            json!({"autocomplete": true, "choices": choice(json!("a"))}),
            "autocomplete APPLICATION_COMMAND_AUTOCOMPLETE_CHOICES_EXCLUSIVE".to_owned(),
        ),
        (
            json!({"choices": [{"name": "n", "value": "a"}, {"name": "n", "value": "b"}]}),
            "choices.1.name APPLICATION_COMMAND_OPTIONS_CHOICE_NAME_ALREADY_EXISTS".to_owned(),
        ),
        (json!({"min_value": 1}), format!("min_value {kind}")),
        (json!({"type": 4, "max_length": 1}), format!("max_length {kind}")),
        (json!({"max_length": 0}), "max_length NUMBER_TYPE_MIN".to_owned()),
        (json!({"min_length": 6001}), "min_length NUMBER_TYPE_MAX".to_owned()),
        (json!({"min_length": 2, "max_length": 1}), "min_length NUMBER_TYPE_MAX".to_owned()),
        (json!({"type": 4, "min_value": 1.5}), "min_value NUMBER_TYPE_COERCE".to_owned()),
        (json!({"type": 4, "min_value": 2, "max_value": 1}), "min_value NUMBER_TYPE_MAX".to_owned()),
        (json!({"channel_types": [0]}), format!("channel_types {kind}")),
        (json!({"options": [{"type": 3, "name": "a", "description": "d"}]}), "options BASE_TYPE_BAD_LENGTH".to_owned()),
    ];
    for (more, error) in refused {
        let found = tried(&room, option(more.clone())).await;
        assert!(found.contains(&format!("options.0.{error}")), "{more}: {found:?}");
    }
    assert_eq!(tried(&room, option(json!({}))).await, Vec::<String>::new());
}

#[tokio::test]
async fn options_nest_as_group_and_subcommand_and_no_other_way() {
    let room = Room::new();
    let option = |kind: u8, name: &str, options: Value| json!({"type": kind, "name": name, "description": "d", "options": options});
    let command = |options: Value| json!({"name": "do", "description": "d", "options": options});
    let (value, sub) =
        (|name: &str| json!({"type": 3, "name": name, "description": "d"}), |name: &str| option(1, name, json!([])));
    let mixed = tried(&room, command(json!([sub("a"), value("b")]))).await;
    assert_eq!(mixed, ["options APPLICATION_COMMAND_OPTIONS_TYPE_INVALID"]);
    let twice = tried(&room, command(json!([value("a"), value("a")]))).await;
    assert_eq!(twice, ["options.1 APPLICATION_COMMAND_OPTIONS_NAME_INVALID"]);
    let deep = option(2, "a", json!([option(2, "b", json!([sub("c")]))]));
    assert_eq!(tried(&room, command(json!([deep]))).await, ["options.0.options.0.type BASE_TYPE_CHOICES"]);
    let inside = option(1, "a", json!([sub("b")]));
    assert_eq!(tried(&room, command(json!([inside]))).await, ["options.0.options.0.type BASE_TYPE_CHOICES"]);
    let right = option(2, "a", json!([option(1, "b", json!([value("c")]))]));
    assert_eq!(tried(&room, command(json!([right, sub("d")]))).await, Vec::<String>::new());
    let clicked = json!({"name": "Click", "type": 2, "options": [value("a")]});
    assert_eq!(tried(&room, clicked).await, ["options BASE_TYPE_BAD_LENGTH"]);
}

#[tokio::test]
async fn contexts_are_known_and_only_for_commands_of_everybody() {
    let room = Room::new();
    let command = |contexts: Value| json!({"name": "do", "description": "d", "contexts": contexts});
    for wrong in [json!([]), json!([3]), json!(["0"])] {
        assert_eq!(tried(&room, command(wrong)).await, ["contexts BASE_TYPE_CHOICES"]);
    }
    assert_eq!(tried(&room, command(json!([0, 1, 2]))).await, Vec::<String>::new());
    let own = format!("/applications/{}/guilds/{}/commands", room.discord.bot, room.discord.guild);
    let (refused, _) = room.discord.send_judged("POST", &own, command(json!([0])), "token", None).await;
    assert_eq!(errors(&refused), ["contexts APPLICATION_COMMAND_GUILD_CONTEXTS"]);
}
