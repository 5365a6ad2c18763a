//! One speed for all processes of a bot: places for requests, given out by Redis in the order they are asked for.
//!
//! Time is that of Redis, so that the clocks of machines may differ. A place that nobody uses is lost, which costs a few
//! hundredths of a second.

use std::time::Duration;

use redis::cmd;

use super::{Cache, Error};

/// Gives the next place: no second, wherever it starts, has more than the rate, and no fifth of a second more than a fifth of
/// it. Places are kept as microseconds, the latest last. Places that are seconds away are of a clock that was set back.
const PLACE: &str = "
if redis.call('TYPE', KEYS[1]).ok ~= 'list' then redis.call('DEL', KEYS[1]) end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local function free(count, window)
    return (tonumber(redis.call('LINDEX', KEYS[1], -count) or '0') or 0) + window
end
local rate, few = tonumber(ARGV[1]), tonumber(ARGV[2])
local place = math.max(now, free(rate, 1001000), free(few, math.ceil(1001000 * few / rate)))
if place - now > 10000000 then
    redis.call('DEL', KEYS[1])
    place = now
end
redis.call('RPUSH', KEYS[1], string.format('%.0f', place))
redis.call('LTRIM', KEYS[1], -rate, -1)
redis.call('PEXPIRE', KEYS[1], 60000)
return string.format('%.0f', place - now)";

impl Cache {
    /// True when other processes can see it.
    pub fn is_shared(&self) -> bool {
        self.redis.is_some()
    }

    /// Takes the next place for a request among those of all processes that go by a name, at this rate, and says how long it
    /// is until then. None where the cache is this process's own.
    ///
    /// # Errors
    /// When Redis cannot be asked.
    pub async fn next_place(&self, name: &str, per_second: u32) -> Result<Option<Duration>, Error> {
        let Some(redis) = &self.redis else { return Ok(None) };
        let rate = per_second.max(1);
        let mut place = cmd("EVAL");
        place.arg(PLACE).arg(1).arg(format!("ratelimit:rate:{name}")).arg(rate).arg((rate / 5).max(1));
        Ok(Some(Duration::from_micros(redis.ask(&place).await?)))
    }
}
