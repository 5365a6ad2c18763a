//! Answers that are remembered, requests of before, and how often may be asked; with a cache that lies, breaks or is away.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::json;
use setai::ai::models::{Amount, Ledger as _};
use setai::ai::{Error, Interpretation, Interpreter, Request, Rules};
use setai::cache::{self, Cache, Memory, Put, Shelf, Slot, Value};
use setai::clock::Clock;
use setai::controller::{Asker, Interpreting, SharedLedger, Unanswered};
use setai::manifest::Files;
use setai::model::{GuildId, ServerRateLimits, UserId};

use super::stage::{GUILD, clock, files};

const LIMITS: ServerRateLimits = ServerRateLimits { commands_per_user_per_minute: 10, ai_requests_per_hour: 100 };

fn asker(user: u64) -> Option<Asker> {
    Some(Asker { user: UserId::new(user), guild: GuildId::new(1), lets_model_read: true })
}

/// Deletes memes, and counts how often it was asked and what it knew.
#[derive(Default)]
struct Counting {
    asked: AtomicUsize,
    with_earlier: AtomicUsize,
}

#[async_trait]
impl Interpreter for Counting {
    async fn interpret(&self, request: &Request<'_>) -> Result<Interpretation, Error> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.with_earlier.fetch_add(usize::from(request.earlier.is_some()), Ordering::SeqCst);
        let mut interpretation = Interpretation::not_understood(request.text, self.model(), "");
        if request.text != "hm" {
            interpretation.edits =
                serde_json::from_value(json!([{ "edit": "remove", "object": "channels.memes" }])).expect("edits");
            interpretation.not_understood.clear();
        }
        Ok(interpretation)
    }

    fn model(&self) -> &'static str {
        "counting-1"
    }
}

struct Stage {
    model: Arc<Counting>,
    interpreting: Interpreting,
    clock: Clock,
    files: Files,
}

impl Stage {
    fn on(shelf: impl Fn(Clock) -> Arc<dyn Shelf>) -> Self {
        let clock = clock();
        let (model, cache) = (Arc::new(Counting::default()), Cache::on(shelf(clock.clone()), clock.clone()));
        let interpreting = Interpreting::new(model.clone(), cache, clock.clone());
        Self { model, interpreting, clock, files: files(GUILD) }
    }

    fn new() -> Self {
        Self::on(|clock| Arc::new(Memory::new(clock)))
    }

    async fn ask(&self, asker: Option<Asker>, text: &str) -> Result<Interpretation, Unanswered> {
        self.interpreting.interpret(asker, &LIMITS, &Request::about(text, &self.files, "guild.yaml")).await
    }

    fn asked(&self) -> usize {
        self.model.asked.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn an_answer_is_remembered_for_a_day_as_long_as_everything_is_as_it_was() {
    let mut stage = Stage::new();
    let first = stage.ask(None, "delete memes").await.expect("an answer");
    let again = stage.ask(None, "delete memes").await.expect("an answer");
    assert_eq!((first.cached, again.cached, stage.asked()), (false, true, 1));
    assert_eq!((first.edits, first.original_text), (again.edits, again.original_text));
    stage.ask(None, "delete the memes").await.expect("an answer");
    assert_eq!(stage.asked(), 2, "another request");
    let mut request = Request::about("delete memes", &stage.files, "guild.yaml");
    request.language = "de";
    stage.interpreting.interpret(None, &LIMITS, &request).await.expect("an answer");
    assert_eq!(stage.asked(), 3, "another language");
    stage.files = files(&GUILD.replace("topic: Everything", "topic: Nothing"));
    stage.ask(None, "delete memes").await.expect("an answer");
    assert_eq!(stage.asked(), 4, "another manifest");
    stage.files = files(&format!("# a remark\n{}", GUILD.replace("topic: Everything", "topic: Nothing")));
    stage.ask(None, "delete memes").await.expect("an answer");
    assert_eq!(stage.asked(), 4, "a remark changes nothing");
    stage.clock.advance(Duration::from_secs(24 * 3600 + 1));
    stage.ask(None, "delete memes").await.expect("an answer");
    assert_eq!(stage.asked(), 5, "a day later");
}

#[tokio::test]
async fn what_was_protected_meanwhile_is_not_removed_by_memory() {
    let mut stage = Stage::new();
    stage.ask(None, "delete memes").await.expect("an answer");
    stage.files = files(&GUILD.replace("channels.rules,", "channels.rules, channels.memes,"));
    let came = stage.ask(None, "delete memes").await.expect("an answer");
    assert_eq!((came.cached, stage.asked()), (false, 2));
}

#[tokio::test]
async fn what_was_not_understood_is_asked_again() {
    let stage = Stage::new();
    stage.ask(None, "hm").await.expect("an answer");
    stage.ask(None, "hm").await.expect("an answer");
    assert_eq!(stage.asked(), 2);
}

#[tokio::test]
async fn somebody_is_known_for_an_hour_by_what_they_asked_there() {
    let stage = Stage::new();
    let known = || stage.model.with_earlier.load(Ordering::SeqCst);
    stage.ask(asker(7), "delete memes").await.expect("an answer");
    assert_eq!(known(), 0);
    stage.ask(asker(7), "and the memes too").await.expect("an answer");
    assert_eq!(known(), 1);
    stage.ask(asker(8), "now memes").await.expect("an answer");
    assert_eq!(known(), 1, "somebody else");
    let elsewhere = Some(Asker { user: UserId::new(7), guild: GuildId::new(2), lets_model_read: true });
    stage.ask(elsewhere, "away with memes").await.expect("an answer");
    assert_eq!(known(), 1, "in another guild");
    stage.clock.advance(Duration::from_secs(3601));
    stage.ask(asker(7), "memes go").await.expect("an answer");
    assert_eq!(known(), 1, "an hour later");
}

#[tokio::test]
async fn nobody_asks_more_often_than_may_be_and_everybody_is_told_when() {
    for shelf in [|clock| Arc::new(Memory::new(clock)) as Arc<dyn Shelf>, |_| Arc::new(Away) as Arc<dyn Shelf>] {
        let stage = Stage::on(shelf);
        for _ in 0..10 {
            stage.ask(asker(7), "delete memes").await.expect("an answer");
        }
        stage.clock.advance(Duration::from_secs(20));
        let refused = stage.ask(asker(7), "delete memes").await.expect_err("too often");
        assert_eq!(refused, Unanswered::TooOften { most: 10, wait: Duration::from_secs(40) });
        assert_eq!(refused.to_string(), "that is more than 10 requests in a minute; try again in 40 s");
        stage.ask(asker(8), "delete memes").await.expect("somebody else may");
        stage.clock.advance(Duration::from_secs(40));
        stage.ask(asker(7), "delete memes").await.expect("the next minute");

        let few = ServerRateLimits { ai_requests_per_hour: 2, ..LIMITS };
        let stage = Stage::on(shelf);
        let ask = async |user: u64, text: &str| {
            stage.interpreting.interpret(asker(user), &few, &Request::about(text, &stage.files, "guild.yaml")).await
        };
        ask(1, "delete memes").await.expect("an answer");
        ask(2, "remove memes").await.expect("an answer");
        stage.clock.advance(Duration::from_secs(600));
        let refused = ask(3, "drop memes").await.expect_err("too often");
        assert_eq!(refused, Unanswered::HourFull { most: 2, wait: Duration::from_secs(3000) });
        assert!(
            refused.to_string().ends_with("try again in 50 min") && refused.remedy().contains("ai_requests_per_hour")
        );
        stage.clock.advance(Duration::from_secs(3000));
        ask(3, "drop memes").await.expect("the next hour");
    }
}

#[tokio::test]
async fn what_is_remembered_is_not_counted_against_the_model() {
    let stage = Stage::new();
    let few = ServerRateLimits { ai_requests_per_hour: 1, ..LIMITS };
    let request = Request::about("delete memes", &stage.files, "guild.yaml");
    stage.interpreting.interpret(asker(1), &few, &request).await.expect("an answer");
    let again = stage.interpreting.interpret(asker(2), &few, &request).await.expect("an answer");
    assert!(again.cached);
}

#[tokio::test]
async fn rules_are_neither_remembered_nor_counted_as_a_model() {
    let (clock, files) = (clock(), files(GUILD));
    let cache = Cache::in_process(clock.clone());
    let interpreting = Interpreting::new(Arc::new(Rules::new(clock.clone())), cache, clock);
    let none = ServerRateLimits { ai_requests_per_hour: 0, ..LIMITS };
    for _ in 0..2 {
        let came = interpreting
            .interpret(asker(1), &none, &Request::about("delete the memes channel", &files, "guild.yaml"))
            .await;
        let came = came.expect("an answer");
        assert_eq!((came.edits.len(), came.cached), (1, false));
    }
}

/// A cache that is away.
#[derive(Debug)]
struct Away;

fn away<T>() -> Result<T, cache::Error> {
    Err(cache::Error::Clock { seconds: -1 })
}

#[async_trait]
impl Shelf for Away {
    async fn fetch(&self, _: &[Slot]) -> Result<Vec<Option<Value>>, cache::Error> {
        away()
    }

    async fn put(&self, _: &[Put]) -> Result<(), cache::Error> {
        away()
    }

    async fn put_later(&self, _: &str, _: &str, _: Duration) -> Result<(), cache::Error> {
        away()
    }

    async fn swap(&self, _: &str, _: &str, _: &[cache::Edit]) -> Result<bool, cache::Error> {
        away()
    }

    async fn add(&self, _: &str, _: &BTreeMap<String, String>, _: Duration) -> Result<(), cache::Error> {
        away()
    }

    async fn take_out(&self, _: &str, _: &[String]) -> Result<(), cache::Error> {
        away()
    }

    async fn remove(&self, _: &[Slot]) -> Result<(), cache::Error> {
        away()
    }

    async fn now(&self) -> Result<DateTime<Utc>, cache::Error> {
        away()
    }
}

/// A cache in which every text that is read is somebody's rubbish.
#[derive(Debug)]
struct Rubbish(Memory, &'static str);

#[async_trait]
impl Shelf for Rubbish {
    async fn fetch(&self, slots: &[Slot]) -> Result<Vec<Option<Value>>, cache::Error> {
        Ok(slots.iter().map(|_| Some(Value::Text(self.1.to_owned()))).collect())
    }

    async fn put(&self, values: &[Put]) -> Result<(), cache::Error> {
        self.0.put(values).await
    }

    async fn put_later(&self, key: &str, text: &str, ttl: Duration) -> Result<(), cache::Error> {
        self.0.put_later(key, text, ttl).await
    }

    async fn swap(&self, _: &str, _: &str, _: &[cache::Edit]) -> Result<bool, cache::Error> {
        Ok(true)
    }

    async fn add(&self, key: &str, fields: &BTreeMap<String, String>, ttl: Duration) -> Result<(), cache::Error> {
        self.0.add(key, fields, ttl).await
    }

    async fn take_out(&self, key: &str, fields: &[String]) -> Result<(), cache::Error> {
        self.0.take_out(key, fields).await
    }

    async fn remove(&self, slots: &[Slot]) -> Result<(), cache::Error> {
        self.0.remove(slots).await
    }

    async fn now(&self) -> Result<DateTime<Utc>, cache::Error> {
        self.0.now().await
    }
}

#[tokio::test]
async fn a_cache_that_is_away_or_holds_rubbish_changes_nothing() {
    let shelves: [fn(Clock) -> Arc<dyn Shelf>; 4] = [
        |_| Arc::new(Away),
        |clock| Arc::new(Rubbish(Memory::new(clock), "")),
        |clock| {
            Arc::new(Rubbish(Memory::new(clock), "{\"edits\":[{\"edit\":\"remove\",\"object\":\"channels.rules\"}]}"))
        },
        |clock| {
            Arc::new(Rubbish(Memory::new(clock), "setai-2 00000000-0000-0000-0000-000000000007 0123456789abcdef {}"))
        },
    ];
    for shelf in shelves {
        let stage = Stage::on(shelf);
        for round in 1..=3 {
            let came = stage.ask(asker(7), "delete memes").await.expect("an answer");
            assert_eq!((came.edits.len(), came.cached, stage.asked()), (1, false, round));
        }
    }
}

#[tokio::test]
async fn processes_that_share_a_cache_spend_from_one_purse() {
    let clock = clock();
    let cache = Cache::in_process(clock.clone());
    let (one, other) = (SharedLedger::new(cache.clone()), SharedLedger::new(cache));
    let (day, amount) = (clock.now().date_naive(), Amount::millionths(5));
    assert_eq!(one.add(day, amount).await.in_millionths(), 5);
    assert_eq!(other.add(day, amount).await.in_millionths(), 10);
    assert_eq!(one.add(day, Amount::default()).await.in_millionths(), 10);
    let next = day.succ_opt().expect("a day");
    assert_eq!(one.add(next, amount).await.in_millionths(), 5, "another day");
    let alone = SharedLedger::new(Cache::on(Arc::new(Away), clock));
    alone.add(day, amount).await;
    assert_eq!(alone.add(day, amount).await.in_millionths(), 10, "without a cache it counts for itself");
}
