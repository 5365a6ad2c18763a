//! A shelf in Redis.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, Cmd, IntoConnectionInfo, Pipeline, RedisResult};

use super::{Edit, Error, Put, Shape, Shelf, Slot, Value};

/// How long Redis may take to answer. Asking Discord instead takes a few hundred milliseconds, so waiting longer saves
/// nobody anything; but a busy machine should not make a cache useless.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// Puts a text unless one of a later version is there. What is there may be anything.
const PUT_LATER: &str = "
local there = redis.call('TYPE', KEYS[1]).ok == 'string' and redis.call('GET', KEYS[1]) or ''
local version = tonumber(string.match(there, '^(%d+) '))
if not version or version <= tonumber(string.match(ARGV[1], '^(%d+) ')) then
    redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
end";

/// Adds fields to a hash, and lets it stay longer when they have to. What is there may be anything.
const ADD: &str = "
if redis.call('TYPE', KEYS[1]).ok ~= 'hash' then redis.call('DEL', KEYS[1]) end
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end";

/// Makes edits when a text is as expected. They come as JSON; what they leave as it is stays longer.
const SWAP: &str = "
if redis.call('TYPE', KEYS[1]).ok ~= 'string' or redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
for index, edit in ipairs(cjson.decode(ARGV[2])) do
    local key = KEYS[1 + index]
    if edit.text then redis.call('SET', key, edit.text) end
    for field, text in pairs(edit.set) do redis.call('HSET', key, field, text) end
    for _, field in ipairs(edit.gone) do redis.call('HDEL', key, field) end
    redis.call('PEXPIRE', key, edit.ttl)
end
return 1";

/// Most fields in one call of [`ADD`]: Lua takes so many arguments and no more.
const MOST_FIELDS: usize = 1000;

/// The address of a Redis: `redis://`, `rediss://` (TLS) or `redis+unix://`.
#[derive(Clone)]
pub struct RedisUrl(redis::ConnectionInfo);

impl fmt::Debug for RedisUrl {
    /// Without user and password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisUrl({})", self.0.addr())
    }
}

impl FromStr for RedisUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let info = text.trim().into_connection_info();
        // The library's message may quote the address, and that may hold a password.
        let reason = || "write `redis://host:6379/0`, `rediss://...` for TLS, or `redis+unix:///path`".to_owned();
        info.map(Self).map_err(|_| Error::Address { reason: reason() })
    }
}

/// Values in a Redis that may come and go.
pub struct Redis {
    client: Client,
    connection: ConnectionManager,
    url: RedisUrl,
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Redis").field(&self.url).finish()
    }
}

impl Redis {
    /// The Redis of that address. Connects when something is asked of it, and again whenever that is needed.
    ///
    /// # Errors
    /// For an address that cannot be used.
    pub fn at(url: &RedisUrl) -> Result<Self, Error> {
        let client = Client::open(url.0.clone()).map_err(Error::Redis)?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE))
            .set_number_of_retries(1);
        let connection = ConnectionManager::new_lazy_with_config(client.clone(), config).map_err(Error::Redis)?;
        Ok(Self { client, connection, url: url.clone() })
    }

    /// For connections of one's own.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    pub(super) async fn ask<T: redis::FromRedisValue>(&self, command: &Cmd) -> Result<T, Error> {
        command.query_async(&mut self.connection.clone()).await.map_err(Error::Redis)
    }

    pub(super) async fn all<T: redis::FromRedisValue>(&self, pipeline: &Pipeline) -> Result<T, Error> {
        pipeline.query_async(&mut self.connection.clone()).await.map_err(Error::Redis)
    }
}

#[async_trait]
impl Shelf for Redis {
    async fn fetch(&self, slots: &[Slot]) -> Result<Vec<Option<Value>>, Error> {
        let mut pipeline = redis::pipe();
        for slot in slots {
            let command = match slot.shape {
                Shape::Text => "GET",
                Shape::Hash => "HGETALL",
            };
            pipeline.cmd(command).arg(&slot.key);
        }
        // Of a slot with something of another type there is an error, which concerns that slot alone.
        let answers: Vec<RedisResult<redis::Value>> = self.all(pipeline.ignore_errors()).await?;
        let mut answers = answers.into_iter().map(Result::ok);
        Ok(slots.iter().map(|slot| value(slot.shape, answers.next().flatten()?)).collect())
    }

    async fn put(&self, values: &[Put]) -> Result<(), Error> {
        let mut pipeline = redis::pipe();
        pipeline.atomic();
        for Put { key, value, ttl } in values {
            pipeline.cmd("DEL").arg(key).ignore();
            match value {
                Value::Text(text) => pipeline.cmd("SET").arg(key).arg(text).ignore(),
                // An empty hash is no hash.
                Value::Hash(fields) if fields.is_empty() => continue,
                Value::Hash(fields) => {
                    let command = pipeline.cmd("HSET").arg(key);
                    fields.iter().for_each(|(field, text)| _ = command.arg(field).arg(text));
                    pipeline.ignore()
                }
            };
            pipeline.cmd("PEXPIRE").arg(key).arg(milliseconds(*ttl)).ignore();
        }
        self.all::<()>(&pipeline).await
    }

    async fn put_later(&self, key: &str, text: &str, ttl: Duration) -> Result<(), Error> {
        let mut pipeline = redis::pipe();
        pipeline.cmd("EVAL").arg(PUT_LATER).arg(1).arg(key).arg(text).arg(milliseconds(ttl)).ignore();
        self.all::<()>(&pipeline).await
    }

    async fn swap(&self, key: &str, expected: &str, edits: &[Edit]) -> Result<bool, Error> {
        let mut pipeline = redis::pipe();
        let script = pipeline.cmd("EVAL").arg(SWAP).arg(1 + edits.len()).arg(key);
        edits.iter().for_each(|edit| _ = script.arg(&edit.key));
        script.arg(expected).arg(serde_json::to_string(edits)?);
        let (done,): (i64,) = self.all(&pipeline).await?;
        Ok(done == 1)
    }

    async fn add(&self, key: &str, fields: &BTreeMap<String, String>, ttl: Duration) -> Result<(), Error> {
        let fields: Vec<(&String, &String)> = fields.iter().collect();
        let mut pipeline = redis::pipe();
        pipeline.atomic();
        for some in fields.chunks(MOST_FIELDS) {
            let script = pipeline.cmd("EVAL").arg(ADD).arg(1).arg(key).arg(milliseconds(ttl));
            some.iter().for_each(|(field, text)| _ = script.arg(field).arg(text));
            script.ignore();
        }
        self.all::<()>(&pipeline).await
    }

    async fn take_out(&self, key: &str, fields: &[String]) -> Result<(), Error> {
        let mut pipeline = redis::pipe();
        pipeline.cmd("HDEL").arg(key).arg(fields).ignore();
        self.all::<()>(&pipeline).await
    }

    async fn now(&self) -> Result<DateTime<Utc>, Error> {
        let mut pipeline = redis::pipe();
        let ((seconds, micros),): ((i64, u32),) = self.all(pipeline.cmd("TIME")).await?;
        DateTime::from_timestamp(seconds, micros.saturating_mul(1000)).ok_or(Error::Clock { seconds })
    }

    async fn remove(&self, slots: &[Slot]) -> Result<(), Error> {
        let mut pipeline = redis::pipe();
        let keys: Vec<&str> = slots.iter().map(|slot| slot.key.as_str()).collect();
        pipeline.cmd("DEL").arg(keys).ignore();
        self.all::<()>(&pipeline).await
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// What Redis said, as a value of the shape that was asked for.
fn value(shape: Shape, answer: redis::Value) -> Option<Value> {
    match shape {
        Shape::Text => redis::from_redis_value::<Option<String>>(answer).ok().flatten().map(Value::Text),
        Shape::Hash => {
            let fields = redis::from_redis_value(answer).map(Value::Hash).ok()?;
            (fields != Value::Hash(Default::default())).then_some(fields)
        }
    }
}
