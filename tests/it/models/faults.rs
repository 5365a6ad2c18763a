//! Servers that refuse, break, dawdle and lie: what is tried again, what is not, and what people are told.

use std::time::Duration;

use secrecy::SecretString;
use serde_json::json;
use setai::ai::models::{Amount, Limits, Model, Prices, Provider, Settings};
use setai::ai::{Error, Interpreter as _, Request};

use super::server::{Act, KEY, MODEL, Server};
use super::stage::{BOTH, GUILD, answer, ask, asked, clock, files, settings};

/// Whether an error is the one that is meant.
type IsIt = fn(&Error) -> bool;

fn good() -> Act {
    Act::Say(answer(&json!([{ "edit": "remove", "object": "channels.memes" }])))
}

/// Asks, with these things happening one after the other; what came, how often it was asked, and how many seconds passed.
async fn told(provider: Provider, script: Vec<Act>) -> (Result<usize, Error>, usize, u64) {
    let server = Server::of(provider, script).await;
    let clock = clock();
    let came = ask(&server, &clock, "delete memes").await;
    (came.map(|came| came.edits.len()), server.asked().len(), clock.elapsed().as_secs())
}

#[tokio::test]
async fn what_cannot_get_better_is_not_tried_again() {
    for provider in BOTH {
        let cases: [(Act, IsIt, &str); 9] = [
            (Act::Error(401, vec![], "bad key"), |e| matches!(e, Error::Key { status: 401, .. }), "api_key_file"),
            (Act::Error(403, vec![], "not you"), |e| matches!(e, Error::Key { status: 403, .. }), "api_key_file"),
            (
                Act::Error(404, vec![], "no such model"),
                |e| matches!(e, Error::NoModel { model, .. } if model == MODEL),
                "ai.model",
            ),
            (Act::Error(400, vec![], "bad schema"), |e| matches!(e, Error::Refused { status: 400, .. }), "JSON schema"),
            (Act::Error(402, vec![], "pay"), |e| matches!(e, Error::Quota { .. }), "billing"),
            (
                Act::Raw(302, vec![("location", "http://127.0.0.1:9/".to_owned())], String::new()),
                |e| matches!(e, Error::Redirected { status: 302 }),
                "final address",
            ),
            (
                Act::Raw(200, vec![], "<html>".to_owned()),
                |e| matches!(e, Error::Foreign { .. }),
                "another kind of server",
            ),
            (Act::Raw(200, vec![], "{}".to_owned()), |e| matches!(e, Error::Foreign { .. }), "another kind of server"),
            (Act::Endless, |e| matches!(e, Error::Endless { .. }), "max_output_tokens"),
        ];
        for (act, is_it, remedy) in cases {
            let name = format!("{provider:?} {act:?}");
            let (came, asked, seconds) = told(provider, vec![act]).await;
            let error = came.expect_err("an error");
            assert!(is_it(&error), "{name}: {error:?}");
            assert!(error.remedy().contains(remedy), "{name}: {}", error.remedy());
            assert_eq!((asked, seconds), (1, 0), "{name}");
        }
    }
}

#[tokio::test]
async fn an_account_without_money_is_not_asked_again() {
    let body = json!({ "error": { "message": "You exceeded your current quota", "type": "insufficient_quota", "param": null, "code": "insufficient_quota" } });
    let (came, asked, _) = told(Provider::OpenAi, vec![Act::Raw(429, vec![], body.to_string())]).await;
    assert!(matches!(came, Err(Error::Quota { .. })) && asked == 1, "{came:?}");
}

#[tokio::test]
async fn choices_that_are_empty_are_no_answer() {
    let (came, asked, _) = told(Provider::OpenAi, vec![Act::Raw(200, vec![], "{\"choices\":[]}".to_owned())]).await;
    assert_eq!(
        came.expect_err("an error").to_string(),
        "this is no answer of a language model: its `choices` are empty"
    );
    assert_eq!(asked, 1);
}

#[tokio::test]
async fn what_may_get_better_is_tried_again_after_a_pause() {
    for provider in BOTH {
        let busy = |wait: &str| Act::Error(429, vec![("retry-after", wait.to_owned())], "slow down");
        let cases = [
            (Act::Error(429, vec![], "slow down"), 1),
            (busy("7"), 7),
            (busy("0.4"), 1),
            (busy("Sun, 01 Mar 2026 12:00:09 GMT"), 9),
            (busy("Sun, 01 Mar 2026 11:00:00 GMT"), 0),
            (busy("soon"), 1),
            (Act::Error(500, vec![], "oops"), 1),
            (Act::Error(503, vec![("retry-after", "3".to_owned())], "loading"), 3),
            (Act::Error(529, vec![], "Overloaded"), 1),
            (Act::Cut, 1),
        ];
        for (act, pause) in cases {
            let name = format!("{provider:?} {act:?}");
            let (came, asked, seconds) = told(provider, vec![act, good()]).await;
            assert_eq!((came, asked, seconds), (Ok(1), 2, pause), "{name}");
        }
    }
}

#[tokio::test]
async fn nobody_is_asked_for_ever() {
    let cases: [(Act, usize, u64, &str); 6] = [
        (Act::Error(429, vec![], "slow down"), 3, 3, "Ask again in a minute."),
        (Act::Error(429, vec![("retry-after", "20".to_owned())], "slow down"), 3, 40, "Ask again in 20 seconds."),
        (Act::Error(429, vec![("retry-after", "3600".to_owned())], "slow down"), 1, 0, "Ask again in 3600 seconds."),
        (Act::Error(500, vec![], "oops"), 3, 3, "Ask again in a few minutes"),
        (Act::Error(529, vec![], "Overloaded"), 3, 3, "Ask again in a few minutes"),
        (Act::Cut, 3, 3, "ai.base_url"),
    ];
    for provider in BOTH {
        for (act, times, pauses, remedy) in &cases {
            let (came, asked, seconds) = told(provider, vec![act.clone()]).await;
            let error = came.expect_err("an error");
            assert!(error.remedy().contains(remedy), "{act:?}: {}", error.remedy());
            assert_eq!((asked, seconds), (*times, *pauses), "{act:?}");
        }
    }
}

#[tokio::test]
async fn a_slow_answer_is_not_waited_for_and_not_asked_for_twice() {
    for provider in BOTH {
        let clock = clock();
        let server = Server::of(provider, [Act::Silence(clock.clone(), Duration::from_secs(61))]).await;
        let error = ask(&server, &clock, "delete memes").await.expect_err("it took too long");
        assert_eq!(error.to_string(), "the language model did not answer within 60 seconds");
        assert!(error.remedy().contains("ai.timeout"));
        assert_eq!(server.asked().len(), 1);
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_tried_and_told() {
    let server = Server::of(Provider::OpenAi, [good()]).await;
    let settings = settings(&server);
    drop(server);
    let clock = clock();
    let model = Model::new(settings, clock.clone()).expect("a model");
    // The port is free again once the task is gone.
    let error = loop {
        match model.interpret(&Request::about("delete memes", &files(GUILD), "guild.yaml")).await {
            Err(error) => break error,
            Ok(_) => tokio::task::yield_now().await,
        }
    };
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    assert!(error.remedy().contains("ai.base_url"));
}

#[tokio::test]
async fn no_error_and_no_shown_setting_holds_a_key() {
    let message = format!("Incorrect API key provided: {KEY}. You can find sk-other***cdef at https://x");
    for provider in BOTH {
        for status in [400, 401, 403, 404, 429, 500] {
            let (_server, came) = asked(
                provider,
                [Act::Error(status, vec![("retry-after", "99".to_owned())], leaked(&message))],
                "hello",
            )
            .await;
            let error = came.expect_err("an error");
            let all = format!("{error} {error:?} {}", error.remedy());
            assert!(!all.contains("hunter2") && !all.contains("sk-"), "{all}");
            assert!(all.contains("Incorrect API key provided: ***"), "{all}");
        }
        let (server, came) = asked(provider, [good()], "delete memes").await;
        came.expect("an interpretation");
        let model = Model::new(settings(&server), clock()).expect("a model");
        let all = format!("{model:?} {:?}", settings(&server));
        assert!(!all.contains("hunter2"), "{all}");
    }
}

fn leaked(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

#[test]
fn settings_that_cannot_be_used_are_refused() {
    let with = |url: &str, key: Option<&str>| {
        let mut settings = Settings::of(Provider::OpenAi, MODEL);
        settings.base_url = url.to_owned();
        settings.api_key = key.map(SecretString::from);
        Model::new(settings, clock()).map(drop)
    };
    for (url, key) in [
        ("ftp://x", None),
        ("nonsense", None),
        ("http://10.0.0.1/v1", Some("k")),
        ("http://localhost.evil.example/v1", Some("k")),
        ("https://x/v1", Some("a\nb")),
    ] {
        let error = with(url, key).expect_err("not usable");
        assert!(matches!(error, Error::Unusable { .. }) && error.remedy().contains("`ai`"), "{url}: {error}");
    }
    for (url, key) in [
        ("http://10.0.0.1:11434/v1", None),
        ("http://localhost:11434/v1/", Some("k")),
        ("http://[::1]:1/v1", Some("k")),
        ("https://api.example.org", Some("k")),
    ] {
        with(url, key).unwrap_or_else(|error| panic!("{url}: {error}"));
    }
}

#[tokio::test]
async fn a_request_that_is_none_asks_nobody() {
    let server = Server::of(Provider::OpenAi, [good()]).await;
    let model = Model::new(settings(&server), clock()).expect("a model");
    let (guild, broken) = (files(GUILD), files("guild: ["));
    let came = model.interpret(&Request::about("  ", &guild, "guild.yaml")).await.expect("nothing");
    assert!(came.edits.is_empty());
    let long = "x".repeat(4001);
    let error = model.interpret(&Request::about(&long, &guild, "guild.yaml")).await.expect_err("too long");
    assert_eq!(error, Error::TooLong { characters: 4001, most: 4000 });
    let error = model.interpret(&Request::about("hello", &broken, "guild.yaml")).await.expect_err("no manifest");
    assert_eq!(error, Error::Unreadable);
    assert_eq!(server.asked().len(), 0);
}

#[tokio::test]
async fn nobody_spends_more_than_was_said() {
    for provider in BOTH {
        let server = Server::of(provider, [good()]).await;
        let (clock, guild) = (clock(), files(GUILD));
        let amount = |text: &str| text.parse::<Amount>().expect("an amount");
        let with = |per_request: &str, per_day: &str| {
            let mut settings = settings(&server);
            let prices = Prices { input: amount("3"), output: amount("15") };
            settings.limits =
                Limits { prices: Some(prices), per_request: Some(amount(per_request)), per_day: Some(amount(per_day)) };
            Model::new(settings, clock.clone()).expect("a model")
        };
        let request = Request::about("delete memes", &guild, "guild.yaml");
        let error = with("0.01", "9").interpret(&request).await.expect_err("too dear");
        assert!(matches!(error, Error::TooDear { .. }) && error.remedy().contains("ai.cost.per_request"), "{error:?}");
        assert_eq!(server.asked().len(), 0, "what could be too dear is not asked");
        // 1,000 tokens in and 100 out cost 0.0045; what an answer could cost at most is more than eight hundredths.
        let model = with("1", "0.1");
        let mut answers = 0;
        let error = loop {
            match model.interpret(&request).await {
                Ok(_) => answers += 1,
                Err(error) => break error,
            }
            assert!(answers < 100, "it ends");
        };
        let Error::Spent { spent, most, until } = error else { panic!("{error:?}") };
        assert_eq!((most.as_str(), until.to_rfc3339().as_str()), ("0.10", "2026-03-02T00:00:00+00:00"));
        let spent: Amount = spent.parse().expect("an amount");
        assert_eq!(spent.in_millionths(), 4500 * answers, "what the provider counted was paid");
        assert!(answers > 0);
        clock.advance(Duration::from_secs(12 * 3600));
        model.interpret(&request).await.expect("the next day");
    }
}
