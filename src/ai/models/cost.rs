//! What asking a model costs, and what it may.
//!
//! Decides by prices the operator wrote down and by the tokens the provider counted; before anything is asked, by the most it
//! could come to. An amount has the currency of the prices, whatever that is.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use chrono::{Days, NaiveDate, NaiveTime};

use crate::ai::Error;
use crate::clock::Clock;

/// An amount of money, in millionths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amount(u64);

impl Amount {
    /// So many millionths.
    pub const fn millionths(millionths: u64) -> Self {
        Self(millionths)
    }

    /// How many millionths it is.
    pub const fn in_millionths(self) -> u64 {
        self.0
    }

    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.0 / 1_000_000, self.0 % 1_000_000);
        let digits = format!("{part:06}");
        let digits = digits.trim_end_matches('0');
        write!(f, "{whole}.{digits:0<2}")
    }
}

/// A text that is no amount.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an amount such as `0.25`, with six digits after the point at most")]
pub struct NoAmount(String);

impl FromStr for Amount {
    type Err = NoAmount;

    fn from_str(text: &str) -> Result<Self, NoAmount> {
        let no = || NoAmount(text.to_owned());
        let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
        let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number(whole) || !is_number(part) || part.len() > 6 {
            return Err(no());
        }
        let whole: u64 = whole.parse().map_err(|_| no())?;
        let part: u64 = format!("{part:0<6}").parse().map_err(|_| no())?;
        whole.checked_mul(1_000_000).and_then(|whole| whole.checked_add(part)).map(Self).ok_or_else(no)
    }
}

/// What a million tokens cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prices {
    /// That a model is told.
    pub input: Amount,
    /// That it answers with.
    pub output: Amount,
}

/// What tokens cost, and what may be spent. Without prices nothing costs anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// What a million tokens cost.
    pub prices: Option<Prices>,
    /// Most that one request may cost, with all that is asked again because of it.
    pub per_request: Option<Amount>,
    /// Most that may be spent in a day of UTC.
    pub per_day: Option<Amount>,
}

/// Where it is written down what was spent.
#[async_trait]
pub trait Ledger: fmt::Debug + Send + Sync {
    /// Adds to what was spent on a day, and says what it comes to.
    async fn add(&self, day: NaiveDate, amount: Amount) -> Amount;
}

/// A ledger of this process.
#[derive(Debug, Default)]
pub struct Book(Mutex<Option<(NaiveDate, Amount)>>);

#[async_trait]
impl Ledger for Book {
    async fn add(&self, day: NaiveDate, amount: Amount) -> Amount {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = kept.filter(|(of, _)| *of == day).map(|(_, spent)| spent).unwrap_or_default();
        let sum = before.plus(amount);
        *kept = Some((day, sum));
        sum
    }
}

/// Pays for what is asked.
#[derive(Clone, Debug)]
pub(super) struct Purse {
    limits: Limits,
    clock: Clock,
    ledger: Arc<dyn Ledger>,
}

impl Purse {
    pub(super) fn new(limits: Limits, clock: Clock, ledger: Arc<dyn Ledger>) -> Self {
        Self { limits, clock, ledger }
    }

    /// What so many tokens cost, rounded up.
    pub(super) fn cost(&self, input: u64, output: u64) -> Amount {
        let Some(Prices { input: of_input, output: of_output }) = self.limits.prices else { return Amount::default() };
        let sum = u128::from(input) * u128::from(of_input.0) + u128::from(output) * u128::from(of_output.0);
        Amount(u64::try_from(sum.div_ceil(1_000_000)).unwrap_or(u64::MAX))
    }

    /// That asking once more is allowed, when the same request has cost `spent` so far and asking costs `worst` at most.
    pub(super) async fn allows(&self, spent: Amount, worst: Amount) -> Result<(), Error> {
        let Limits { prices: _, per_request, per_day } = &self.limits;
        if let Some(most) = per_request.filter(|most| spent.plus(worst) > *most) {
            return Err(Error::TooDear { cost: spent.plus(worst).to_string(), most: most.to_string() });
        }
        if let Some(most) = *per_day {
            let day = self.clock.now().date_naive();
            let today = self.ledger.add(day, Amount::default()).await;
            if today.plus(worst) > most {
                let until = day.checked_add_days(Days::new(1)).unwrap_or(day).and_time(NaiveTime::MIN).and_utc();
                return Err(Error::Spent { spent: today.to_string(), most: most.to_string(), until });
            }
        }
        Ok(())
    }

    /// Writes down what so many tokens cost, and says it.
    pub(super) async fn pay(&self, input: u64, output: u64) -> Amount {
        let cost = self.cost(input, output);
        if cost > Amount::default() {
            self.ledger.add(self.clock.now().date_naive(), cost).await;
        }
        cost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_and_written() {
        for (text, millionths, shown) in
            [("2.50", 2_500_000, "2.50"), ("0", 0, "0.00"), ("0.000001", 1, "0.000001"), ("15", 15_000_000, "15.00")]
        {
            let amount: Amount = text.parse().expect("an amount");
            assert_eq!((amount.in_millionths(), amount.to_string().as_str()), (millionths, shown));
        }
        for bad in ["", ".5", "1.", "-1", "1,5", "0.0000001", "1e3", "99999999999999999999"] {
            assert!(bad.parse::<Amount>().is_err(), "{bad}");
        }
    }
}
