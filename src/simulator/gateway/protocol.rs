//! What payloads look like: operation codes, frames, and the two ways to log in.

use serde_json::{Value, json};

use super::close::Close;
use super::intents::Intents;
use crate::simulator::world::Snowflake;

/// Largest payload a client may send, bytes: documented.
const LARGEST_PAYLOAD: usize = 4096;
/// Guilds with more members are "large" by default: documented.
const LARGE_THRESHOLD: u64 = 50;

/// Discord's operation codes.
pub(super) mod op {
    pub(in super::super) const DISPATCH: u64 = 0;
    pub(in super::super) const HEARTBEAT: u64 = 1;
    pub(in super::super) const IDENTIFY: u64 = 2;
    pub(in super::super) const PRESENCE: u64 = 3;
    pub(in super::super) const VOICE_STATE: u64 = 4;
    pub(in super::super) const RESUME: u64 = 6;
    pub(in super::super) const RECONNECT: u64 = 7;
    pub(in super::super) const REQUEST_MEMBERS: u64 = 8;
    pub(in super::super) const INVALID_SESSION: u64 = 9;
    pub(in super::super) const HELLO: u64 = 10;
    pub(in super::super) const HEARTBEAT_ACK: u64 = 11;
    pub(in super::super) const REQUEST_SOUNDS: u64 = 31;
    pub(in super::super) const REQUEST_CHANNEL_INFO: u64 = 43;
}

/// A payload for a client; `s` and `t` are null but for dispatches.
pub(super) fn frame(op: u64, data: Value) -> Value {
    json!({"t": null, "s": null, "op": op, "d": data})
}

/// An event for a client.
pub(super) fn dispatch(name: &str, sequence: u64, data: &Value) -> Value {
    json!({"t": name, "s": sequence, "op": op::DISPATCH, "d": data})
}

/// A payload of a client.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) op: u64,
    pub(super) data: Value,
}

impl Incoming {
    /// Reads a payload. One that is too long or not as documented cannot be decoded.
    pub(super) fn read(text: &str) -> Result<Self, Close> {
        if text.len() > LARGEST_PAYLOAD {
            return Err(Close::DECODE);
        }
        let mut value: Value = serde_json::from_str(text).map_err(|_| Close::DECODE)?;
        let op = value.get("op").and_then(Value::as_u64).ok_or(Close::DECODE)?;
        let data = value.get_mut("d").map(Value::take).unwrap_or_default();
        Ok(Self { op, data })
    }
}

/// A client logs in.
#[derive(Debug)]
pub(super) struct Identify {
    pub(super) token: String,
    pub(super) intents: Intents,
    pub(super) compress: bool,
    pub(super) large_threshold: u64,
    pub(super) shard: Option<[u64; 2]>,
    pub(super) capabilities: u64,
}

impl Identify {
    pub(super) fn read(data: &Value) -> Result<Self, Close> {
        let token = token(data)?;
        let properties = data["properties"].as_object().ok_or(Close::DECODE)?;
        if !["os", "browser", "device"].iter().all(|key| properties.get(*key).is_some_and(Value::is_string)) {
            return Err(Close::DECODE);
        }
        let large_threshold = optional(&data["large_threshold"], Value::as_u64)?.unwrap_or(LARGE_THRESHOLD);
        if !(50..=250).contains(&large_threshold) {
            return Err(Close::DECODE);
        }
        Ok(Self {
            token,
            intents: Intents::read(&data["intents"])?,
            compress: optional(&data["compress"], Value::as_bool)?.unwrap_or(false),
            large_threshold,
            shard: shard(&data["shard"])?,
            capabilities: optional(&data["capabilities"], Value::as_u64)?.unwrap_or(0),
        })
    }
}

/// A client goes on with a session.
#[derive(Debug)]
pub(super) struct Resume {
    pub(super) token: String,
    pub(super) session_id: String,
    pub(super) sequence: u64,
}

impl Resume {
    pub(super) fn read(data: &Value) -> Result<Self, Close> {
        let session_id = data["session_id"].as_str().ok_or(Close::DECODE)?.to_owned();
        let sequence = data["seq"].as_u64().ok_or(Close::DECODE)?;
        Ok(Self { token: token(data)?, session_id, sequence })
    }
}

/// Clients may put `Bot ` in front of their token.
fn token(data: &Value) -> Result<String, Close> {
    let token = data["token"].as_str().ok_or(Close::DECODE)?;
    Ok(token.strip_prefix("Bot ").unwrap_or(token).to_owned())
}

/// Absent and null are none; anything of another type cannot be decoded.
fn optional<T>(value: &Value, read: impl Fn(&Value) -> Option<T>) -> Result<Option<T>, Close> {
    if value.is_null() { Ok(None) } else { read(value).map(Some).ok_or(Close::DECODE) }
}

fn shard(value: &Value) -> Result<Option<[u64; 2]>, Close> {
    if value.is_null() {
        return Ok(None);
    }
    let numbers: [u64; 2] = serde_json::from_value(value.clone()).map_err(|_| Close::BAD_SHARD)?;
    if numbers[0] < numbers[1] { Ok(Some(numbers)) } else { Err(Close::BAD_SHARD) }
}

/// The shard a guild belongs to.
pub(super) fn shard_of(guild: Snowflake, shards: u64) -> u64 {
    (guild.0 >> 22) % shards.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identify(key: &str, value: Value) -> Result<Identify, Close> {
        let properties = json!({"os": "linux", "browser": "test", "device": "test"});
        let mut data = json!({"token": "Bot secret", "intents": 1, "properties": properties});
        data[key] = value;
        Identify::read(&data)
    }

    #[test]
    fn what_is_left_out_has_discords_default() {
        let read = identify("shard", Value::Null).expect("enough");
        assert_eq!((read.token.as_str(), read.intents.0, read.compress), ("secret", 1, false));
        assert_eq!((read.large_threshold, read.shard, read.capabilities), (50, None, 0));
    }

    #[test]
    fn what_is_wrong_has_its_code() {
        let said = |key: &str, value| identify(key, value).expect_err("wrong").code;
        assert_eq!(said("token", Value::Null), 4002);
        assert_eq!(said("properties", json!({"os": "linux"})), 4002);
        assert_eq!(said("large_threshold", json!(49)), 4002);
        assert_eq!(said("compress", json!("yes")), 4002);
        for shard in [json!([1, 1]), json!([0, 0]), json!([0]), json!(0), json!(["0", "1"]), json!([-1, 2])] {
            assert_eq!(said("shard", shard), 4010);
        }
        for intents in [json!(1 << 17), json!(-1), json!("1"), Value::Null] {
            assert_eq!(said("intents", intents), 4013);
        }
    }

    #[test]
    fn payloads_end_at_4096_bytes() {
        let text = |length: usize| format!("{{\"op\":1,\"d\":\"{}\"}}", "x".repeat(length - 15));
        assert_eq!(text(4096).len(), 4096);
        assert_eq!(Incoming::read(&text(4096)).expect("fits").op, 1);
        assert_eq!(Incoming::read(&text(4097)).expect_err("too long"), Close::DECODE);
        for wrong in ["", "[]", "{}", "{\"op\":\"1\"}", "\"op\""] {
            assert_eq!(Incoming::read(wrong).expect_err("nonsense"), Close::DECODE);
        }
    }

    #[test]
    fn guilds_are_spread_by_the_time_in_their_ids() {
        let guild = Snowflake(5 << 22 | 3);
        assert_eq!([1, 2, 3, 5].map(|shards| shard_of(guild, shards)), [0, 1, 2, 0]);
    }
}
