//! The transport against a Discord that says what the test tells it to.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::json;
use setai::discord::{Allowance, Client, Disposition, Error, Exchange, Hold, Recorder, Settings, ThrottleScope};

use crate::discord_script::{Reply, Script, TOKEN, answer, lost, not_sent, refusal, with_headers};

/// What `GET /users/@me` is answered: the smallest read there is.
fn me() -> Reply {
    answer(200, json!({ "id": "80351110224678912", "username": "setai", "bot": true }))
}

#[tokio::test]
async fn a_request_says_who_asks_and_nothing_else_does() {
    let script = Script::new([me()]);
    let client = script.client();
    client.me().await.expect("an answer");
    let requests = script.requests.lock().expect("not poisoned");
    let (_, request) = &requests[0];
    assert_eq!(request.uri(), "http://127.0.0.1:7777/api/v10/users/@me");
    assert_eq!(request.headers()["authorization"], format!("Bot {TOKEN}").as_str());
    let agent = request.headers()["user-agent"].to_str().expect("text");
    assert!(agent.starts_with("DiscordBot (https://") && agent.ends_with(')'), "{agent}");
    assert!(!format!("{request:?} {client:?}").contains("Secret"), "the token is marked as a secret");
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused_before_anything_is_sent() {
    let script = Script::new([]);
    let build = |token: &str, address: &str| {
        let mut settings = Settings::new(token.to_owned().into());
        settings.address = address.to_owned();
        Client::new(settings, Arc::new(script.clone()), script.clock.clone())
    };
    for token in ["", "  ", "two words", "line\nbreak", "ünïcode", "Bot "] {
        assert_eq!(build(token, Settings::DISCORD).expect_err("no token"), Error::BadToken, "{token:?}");
    }
    for address in ["", "discord.com", "ftp://discord.com", "https://", "https://discord.com?x=1"] {
        assert!(matches!(build(TOKEN, address), Err(Error::BadAddress { .. })), "{address:?}");
    }
    assert!(build(&format!(" Bot {TOKEN}\n"), "https://discord.com/").is_ok());
}

#[tokio::test]
async fn no_error_shows_the_token() {
    let replies = [
        refusal(401, 0, "401: Unauthorized"),
        refusal(403, 50001, "Missing Access"),
        lost(),
        answer(200, json!(["not a user"])),
    ];
    for reply in replies {
        let script = Script::new(std::iter::repeat_n(reply, 5));
        let error = script.client().me().await.expect_err("no user");
        assert!(!format!("{error} {error:?}").contains("Secret"), "{error:?}");
    }
}

#[tokio::test]
async fn a_429_is_obeyed_to_the_millisecond_by_its_body_and_not_by_reset_after() {
    let limited = with_headers(
        429,
        &[
            ("x-ratelimit-bucket", "abc"),
            ("x-ratelimit-limit", "10"),
            ("x-ratelimit-remaining", "9"),
            ("x-ratelimit-reset-after", "0.2"),
            ("x-ratelimit-scope", "shared"),
        ],
        r#"{"message":"The resource is being rate limited.","retry_after":1.337,"global":false}"#,
    );
    let script = Script::new([limited, me()]);
    script.client().me().await.expect("an answer");
    assert_eq!(script.times(), [Duration::ZERO, Duration::from_millis(1337)]);
}

#[tokio::test]
async fn every_scope_of_429_holds_back_exactly_what_it_names() {
    let body = r#"{"message":"limited","retry_after":30,"global":false}"#;
    let global = r#"{"message":"limited","retry_after":30,"global":true}"#;
    let limited = |headers: &[(&str, &str)], body: &str| with_headers(429, headers, body);
    let cases = [
        (limited(&[("x-ratelimit-scope", "user")], body), Hold::Resource),
        (limited(&[("x-ratelimit-scope", "shared")], body), Hold::Resource),
        (limited(&[], body), Hold::Resource),
        (limited(&[("x-ratelimit-scope", "global"), ("x-ratelimit-global", "true")], body), Hold::Everything),
        (limited(&[("x-ratelimit-global", "true")], body), Hold::Everything),
        (limited(&[], global), Hold::Everything),
    ];
    for (reply, why) in cases {
        let script = Script::new([reply.clone(), answer(200, json!([]))]);
        let client = script.client();
        let retry_after = Duration::from_secs(30);
        assert_eq!(client.me().await.expect_err("limited"), Error::Parked { retry_after, why }, "{reply:?}");
        assert_eq!(client.guilds().await.is_ok(), why == Hold::Resource, "{reply:?}");
    }
}

#[tokio::test]
async fn a_long_429_parks_the_resource_and_not_the_worker() {
    let limited = with_headers(
        429,
        &[("x-ratelimit-scope", "user"), ("retry-after", "584"), ("x-ratelimit-remaining", "7")],
        r#"{"message":"limited","retry_after":583.413,"global":false}"#,
    );
    let script = Script::new([limited, answer(200, json!([]))]);
    let client = script.client();
    let error = client.me().await.expect_err("parked");
    assert_eq!(error, Error::Parked { retry_after: Duration::from_secs(584), why: Hold::Resource });
    insta::assert_snapshot!(error, @"Discord limits requests for this channel or guild; it can go on in 9 min 44 s");
    assert_eq!(
        client.me().await.expect_err("still parked").disposition(),
        Disposition::Parked(Duration::from_secs(584))
    );
    client.guilds().await.expect("another resource");
    assert_eq!(script.lines(), ["GET /api/v10/users/@me", "GET /api/v10/users/@me/guilds?limit=200"]);
    assert_eq!(script.clock.elapsed(), Duration::ZERO, "nothing was waited for");
}

#[tokio::test]
async fn a_block_in_front_of_the_api_stops_everything_for_long() {
    let html = http::Response::builder().status(429).header("retry-after", "30").body(Bytes::from("<html>1015</html>"));
    let script = Script::new([Ok(html.expect("an answer"))]);
    let client = script.client();
    for _ in 0..3 {
        let error = client.me().await.expect_err("blocked");
        assert_eq!(error, Error::Parked { retry_after: Duration::from_mins(10), why: Hold::Edge });
    }
    assert!(matches!(client.guilds().await, Err(Error::Parked { why: Hold::Edge, .. })));
    assert_eq!(script.lines().len(), 1);
}

#[tokio::test]
async fn a_server_that_always_says_429_is_not_asked_for_ever() {
    let limited = || answer(429, json!({ "message": "limited", "retry_after": 0.0, "global": false }));
    let script = Script::new(std::iter::repeat_with(limited).take(100));
    let error = script.client().me().await.expect_err("limited");
    assert!(matches!(error, Error::Parked { .. }), "{error:?}");
    assert_eq!(script.lines().len(), 6);
}

#[tokio::test]
async fn reads_are_repeated_and_then_given_up() {
    let script = Script::new([lost(), answer(500, json!({})), answer(503, json!({})), me()]);
    script.client().me().await.expect("an answer at last");
    let times: Vec<u128> = script.times().iter().map(Duration::as_millis).collect();
    assert_eq!(times, [0, 500, 1500, 3500]);

    let script = Script::new(std::iter::repeat_with(lost).take(5));
    let error = script.client().me().await.expect_err("no answer");
    insta::assert_snapshot!(error, @"Discord did not answer GET /users/@me (connection reset); nothing was changed, try again later");
    assert!(script.is_used_up());
}

#[tokio::test]
async fn an_outage_that_says_how_long_is_believed() {
    let busy = |seconds| with_headers(503, &[("retry-after", seconds)], "{}");
    let script = Script::new([busy("7"), me()]);
    script.client().me().await.expect("an answer");
    assert_eq!(script.times(), [Duration::ZERO, Duration::from_secs(7)]);

    let script = Script::new([busy("3600")]);
    let error = script.client().me().await.expect_err("too long to wait");
    assert!(matches!(error.disposition(), Disposition::RetryAfter(_)));
    assert_eq!(script.clock.elapsed(), Duration::ZERO);
}

#[tokio::test]
async fn the_recorder_sees_every_request() {
    let limited = with_headers(429, &[("x-ratelimit-scope", "user")], r#"{"retry_after":1.0,"global":false}"#);
    let script = Script::new([limited, not_sent(), me()]);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let recorder: Recorder = {
        let seen = seen.clone();
        Arc::new(move |sent| {
            seen.lock().expect("not poisoned").push((sent.route.to_owned(), sent.status, sent.attempt, sent.throttled));
        })
    };
    script.client_with(|settings| settings.recorder = Some(recorder)).me().await.expect("an answer");
    let route = || "GET users/@me".to_owned();
    assert_eq!(
        *seen.lock().expect("not poisoned"),
        [(route(), Some(429), 1, Some(ThrottleScope::User)), (route(), None, 2, None), (route(), Some(200), 3, None)]
    );
}

#[tokio::test]
async fn many_requests_at_once_stay_below_the_global_limit() {
    let script = Script::new(std::iter::repeat_with(me).take(200));
    let client = Arc::new(script.client());
    let tasks: Vec<_> = (0..200)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.me().await.map(drop) })
        })
        .collect();
    for task in tasks {
        task.await.expect("ran").expect("an answer");
    }
    let times = script.times();
    assert_eq!(times.len(), 200);
    for start in &times {
        let in_second = times.iter().filter(|t| *t >= start && **t <= *start + Duration::from_secs(1)).count();
        assert!(in_second <= 45, "{in_second} requests in the second from {start:?}");
    }
}

#[tokio::test]
async fn a_caller_that_gives_up_does_not_block_the_next() {
    /// Never answers the first request.
    struct Stuck(Script);
    #[async_trait]
    impl Exchange for Stuck {
        async fn exchange(&self, request: http::Request<Bytes>) -> Reply {
            if self.0.requests.lock().expect("not poisoned").is_empty() {
                self.0.requests.lock().expect("not poisoned").push((Duration::ZERO, request));
                std::future::pending::<()>().await;
            }
            me()
        }
    }
    let script = Script::new([]);
    let settings = Settings::new(TOKEN.to_owned().into());
    let client = Client::new(settings, Arc::new(Stuck(script.clone())), script.clock.clone()).expect("good settings");
    let client = Arc::new(client);
    let first = tokio::spawn({
        let client = client.clone();
        async move { client.me().await.map(drop) }
    });
    while script.requests.lock().expect("not poisoned").is_empty() {
        tokio::task::yield_now().await;
    }
    first.abort();
    drop(first.await);
    client.me().await.expect("an answer");
}

#[tokio::test]
async fn the_network_carries_requests_and_follows_no_redirect() {
    let seen: Arc<Mutex<Vec<http::HeaderMap>>> = Arc::default();
    let elsewhere = seen.clone();
    let routes = axum::Router::new()
        .route("/api/v10/users/@me", axum::routing::get(|| async { axum::Json(json!({ "id": "5", "username": "x" })) }))
        .route("/api/v10/users/@me/guilds", axum::routing::get(|| async { axum::response::Redirect::to("/elsewhere") }))
        .route(
            "/elsewhere",
            axum::routing::get(move |headers: http::HeaderMap| async move {
                elsewhere.lock().expect("not poisoned").push(headers);
            }),
        );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let mut settings = Settings::new(TOKEN.to_owned().into());
    settings.address = format!("http://{}", listener.local_addr().expect("an address"));
    let server = tokio::spawn(async move { axum::serve(listener, routes).await });
    let client = Client::connect(settings).expect("a network");
    assert_eq!(client.me().await.expect("an answer").id.get(), 5);
    let error = client.guilds().await.expect_err("a redirect");
    assert_eq!(error.disposition(), Disposition::Refused);
    assert!(error.to_string().contains("Redirects are not followed"), "{error}");
    assert!(seen.lock().expect("not poisoned").is_empty());
    server.abort();
}

/// Gives out these places, and then nobody can say.
#[derive(Debug)]
struct Places(Mutex<Vec<Duration>>);

#[async_trait]
impl Allowance for Places {
    async fn next_place(&self) -> Option<Duration> {
        self.0.lock().expect("not poisoned").pop()
    }
}

#[tokio::test]
async fn each_request_waits_for_its_place_among_those_of_all_processes() {
    let script = Script::new(std::iter::repeat_n(me(), 4));
    let client = script.client();
    assert_eq!(client.per_second(), 45);
    let places = [Duration::from_millis(700), Duration::ZERO, Duration::from_millis(300)];
    client.share_rate(Arc::new(Places(Mutex::new(places.into()))));
    for _ in 0..4 {
        client.me().await.expect("an answer");
    }
    let times: Vec<u128> = script.times().iter().map(Duration::as_millis).collect();
    assert_eq!(times, [300, 300, 1_000, 1_000], "without a place everybody goes by their own limits");
}
