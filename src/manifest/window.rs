//! Times in which changes may be made, such as `Mon-Fri 09:00-18:00 Europe/Berlin`.
//!
//! Decides what may be written and what it means, also where clocks are put forward or back. Does not know what time it is.
//!
//! A window begins when the clock on its wall first shows the beginning and ends when that clock last shows the end. So
//! an hour that comes twice is in it twice, and one that is left out is no time at all.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, TimeZone, Utc};
use chrono_tz::{GapInfo, TZ_VARIANTS, Tz};
use serde::{Deserialize, Serialize};

/// A time in which changes may be made. Exists only well formed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Window {
    text: String,
    /// By number from Monday: whether the window begins on that day.
    days: [bool; 7],
    from: NaiveTime,
    /// None is the end of the day.
    to: Option<NaiveTime>,
    zone: Tz,
}

/// Why a text is no window.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a window of time: {problem}")]
pub struct InvalidWindow {
    /// What was written.
    pub text: String,
    /// What is wrong with it.
    pub problem: WindowProblem,
}

/// What is wrong with the text of a window.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WindowProblem {
    /// It is not made of days, times and a zone.
    #[error("expected days, times and a time zone")]
    Parts,
    /// A word is no day.
    #[error("`{0}` is no day; there are Mon, Tue, Wed, Thu, Fri, Sat, Sun and daily")]
    Day(String),
    /// A word is no pair of times.
    #[error("`{0}` is no pair of times; write it like `09:00-18:00`")]
    Times(String),
    /// The beginning is the end.
    #[error("it ends when it begins; all day is `00:00-24:00`")]
    Empty,
    /// The zone is unknown.
    #[error("`{0}` is no time zone this build knows")]
    Zone(String),
}

/// The days as they are written, from Monday.
const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// How far ahead the next opening is looked for, in days. Each window opens once a week, unless clocks leave it out.
const HORIZON: u64 = 15;

impl Window {
    /// The text, as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The time zone its times are of.
    pub fn zone(&self) -> Tz {
        self.zone
    }

    /// True when the moment is in the window.
    pub fn is_open(&self, now: DateTime<Utc>) -> bool {
        self.openings(now).any(|(opens, closes)| opens <= now && now < closes)
    }

    /// The first moment in the window that is not before `now`.
    pub fn opens_at(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.openings(now).find(|(_, closes)| now < *closes).map(|(opens, _)| opens.max(now))
    }

    /// Beginning and end of the window, day by day, from the one that may still be open on.
    fn openings(&self, now: DateTime<Utc>) -> impl Iterator<Item = (DateTime<Utc>, DateTime<Utc>)> {
        let today = now.with_timezone(&self.zone).date_naive();
        // A night begins the day before, and a zone can leave out a day.
        let first = today.checked_sub_days(Days::new(2)).unwrap_or(today);
        let days = (0..=HORIZON).filter_map(move |ahead| first.checked_add_days(Days::new(ahead)));
        let begins = |day: &NaiveDate| self.days[day.weekday().num_days_from_monday() as usize];
        days.filter(begins).filter_map(|day| self.opening(day)).filter(|(opens, closes)| opens < closes)
    }

    fn opening(&self, day: NaiveDate) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        let is_later_day = self.to.is_none_or(|to| to <= self.from);
        let last = if is_later_day { day.succ_opt()? } else { day };
        let opens = self.moment(day, self.from, |moments| moments.earliest())?;
        let closes = self.moment(last, self.to.unwrap_or_default(), |moments| moments.latest())?;
        Some((opens, closes))
    }

    /// When the clock on the wall shows this; when it never does, the moment it jumps over it.
    fn moment(
        &self,
        day: NaiveDate,
        time: NaiveTime,
        choose: impl Fn(chrono::LocalResult<DateTime<Tz>>) -> Option<DateTime<Tz>>,
    ) -> Option<DateTime<Utc>> {
        let shown = day.and_time(time);
        let moment = choose(self.zone.from_local_datetime(&shown));
        let moment = moment.or_else(|| GapInfo::new(&shown, &self.zone)?.end);
        moment.map(|moment| moment.with_timezone(&Utc))
    }
}

/// True when changes may be made now: in any of the windows, or always when there are none.
pub fn is_open(windows: &[Window], now: DateTime<Utc>) -> bool {
    windows.is_empty() || windows.iter().any(|window| window.is_open(now))
}

/// The first moment not before `now` in which changes may be made. None when no window opens within two weeks.
pub fn opens_at(windows: &[Window], now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    if windows.is_empty() {
        return Some(now);
    }
    windows.iter().filter_map(|window| window.opens_at(now)).min()
}

/// The names of all time zones.
pub(super) fn zones() -> impl Iterator<Item = &'static str> {
    TZ_VARIANTS.iter().map(|zone| zone.name())
}

impl FromStr for Window {
    type Err = InvalidWindow;

    fn from_str(text: &str) -> Result<Self, InvalidWindow> {
        read(text).map_err(|problem| InvalidWindow { text: text.to_owned(), problem })
    }
}

fn read(text: &str) -> Result<Window, WindowProblem> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let [days, times, zone] = words[..] else { return Err(WindowProblem::Parts) };
    let days = read_days(days)?;
    let bad_times = || WindowProblem::Times(times.to_owned());
    let (from, to) = times.split_once('-').ok_or_else(bad_times)?;
    if from == to {
        return Err(WindowProblem::Empty);
    }
    let from = read_time(from).ok_or_else(bad_times)?;
    let to = if to == "24:00" { None } else { Some(read_time(to).ok_or_else(bad_times)?) };
    let zone = zone.parse::<Tz>().map_err(|_| WindowProblem::Zone(zone.to_owned()))?;
    Ok(Window { text: text.to_owned(), days, from, to, zone })
}

fn read_days(text: &str) -> Result<[bool; 7], WindowProblem> {
    if text == "daily" {
        return Ok([true; 7]);
    }
    let number =
        |day: &str| DAYS.iter().position(|name| *name == day).ok_or_else(|| WindowProblem::Day(day.to_owned()));
    let mut days = [false; 7];
    for range in text.split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last) = (number(first)?, number(last)?);
        // `Sat-Mon` goes over the end of the week.
        let length = (last + 7 - first) % 7;
        (first..=first + length).for_each(|day| days[day % 7] = true);
    }
    Ok(days)
}

/// Hours and minutes, two digits each.
fn read_time(text: &str) -> Option<NaiveTime> {
    let (hours, minutes) = text.split_once(':')?;
    let digits = |part: &str| if part.len() == 2 { part.parse::<u8>().ok() } else { None };
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b':');
    NaiveTime::from_hms_opt(digits(hours)?.into(), digits(minutes)?.into(), 0).filter(|_| is_plain)
}

impl TryFrom<String> for Window {
    type Error = InvalidWindow;

    fn try_from(text: String) -> Result<Self, InvalidWindow> {
        text.parse()
    }
}

impl From<Window> for String {
    fn from(window: Window) -> Self {
        window.text
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use proptest::prelude::*;

    use super::*;

    fn window(text: &str) -> Window {
        text.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    fn moment(text: &str) -> DateTime<Utc> {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn opens(text: &str, now: &str) -> String {
        let opens = window(text).opens_at(moment(now)).expect("it opens");
        opens.format("%FT%RZ").to_string()
    }

    #[test]
    fn windows_have_days_times_and_a_zone() {
        for good in [
            "Mon-Fri 09:00-18:00 Europe/Berlin",
            "Sat,Sun 00:00-24:00 UTC",
            "daily 22:00-04:00 Etc/GMT+1",
            "Fri-Mon,Wed 09:00-10:00 America/New_York",
        ] {
            assert_eq!(window(good).to_string(), good);
        }
        let problem = |text: &str| text.parse::<Window>().expect_err("it is none").problem;
        let day = |text: &str| WindowProblem::Day(text.to_owned());
        let times = |text: &str| WindowProblem::Times(text.to_owned());
        assert_eq!(problem(""), WindowProblem::Parts);
        assert_eq!(problem("Mon-Fri 09:00-18:00"), WindowProblem::Parts);
        assert_eq!(problem("Mo 09:00-10:00 UTC"), day("Mo"));
        assert_eq!(problem("Mon,,Tue 09:00-10:00 UTC"), day(""));
        assert_eq!(problem("Mon-Tue-Wed 09:00-10:00 UTC"), day("Tue-Wed"));
        assert_eq!(problem("Mon 9:00-18:00 UTC"), times("9:00-18:00"));
        assert_eq!(problem("Mon 09:00-25:00 UTC"), times("09:00-25:00"));
        assert_eq!(problem("Mon 24:00-04:00 UTC"), times("24:00-04:00"));
        assert_eq!(problem("Mon +9:00-10:00 UTC"), times("+9:00-10:00"));
        assert_eq!(problem("Mon 09:00-09:00 UTC"), WindowProblem::Empty);
        assert_eq!(problem("Mon 09:00-18:00 Europe/Berlln"), WindowProblem::Zone("Europe/Berlln".to_owned()));
    }

    #[test]
    fn a_window_is_open_from_its_beginning_until_just_before_its_end() {
        let office = window("Mon-Fri 09:00-18:00 Europe/Berlin");
        let cases = [
            ("2026-11-27T07:59:59Z", false),
            ("2026-11-27T08:00:00Z", true),
            ("2026-11-27T16:59:59Z", true),
            ("2026-11-27T17:00:00Z", false),
            ("2026-11-28T10:00:00Z", false),
        ];
        for (now, expected) in cases {
            assert_eq!(office.is_open(moment(now)), expected, "{now}");
        }
    }

    #[test]
    fn a_closed_window_opens_on_its_next_day() {
        let office = "Mon-Fri 09:00-18:00 Europe/Berlin";
        assert_eq!(opens(office, "2026-11-27T17:00:00Z"), "2026-11-30T08:00Z");
        assert_eq!(opens(office, "2026-11-27T12:34:00Z"), "2026-11-27T12:34Z", "it is open");
        assert_eq!(opens("Mon 09:00-10:00 UTC", "2026-11-30T10:00:00Z"), "2026-12-07T09:00Z");
    }

    #[test]
    fn a_night_belongs_to_the_day_it_begins_on() {
        let night = window("Fri 22:00-02:00 UTC");
        assert!(night.is_open(moment("2026-11-28T01:59:00Z")), "Saturday, before two");
        assert!(!night.is_open(moment("2026-11-27T01:00:00Z")), "Friday, before two");
        assert!(!night.is_open(moment("2026-11-28T02:00:00Z")));
        assert!(!night.is_open(moment("2026-11-28T22:30:00Z")));
    }

    #[test]
    fn a_whole_day_has_no_last_minute() {
        let weekend = window("Sat,Sun 00:00-24:00 Asia/Tokyo");
        assert!(weekend.is_open(moment("2026-11-29T14:59:59Z")));
        assert!(!weekend.is_open(moment("2026-11-29T15:00:00Z")));
        assert!(weekend.is_open(moment("2026-11-28T15:00:00Z")), "from Saturday into Sunday");
    }

    #[test]
    fn an_hour_that_clocks_leave_out_is_no_time_at_all() {
        // Berlin, 29 March 2026: after 01:59 comes 03:00, which is 01:00 UTC.
        let night = "daily 02:00-03:00 Europe/Berlin";
        assert_eq!(opens(night, "2026-03-28T12:00:00Z"), "2026-03-30T00:00Z");
        assert_eq!(opens("Sun 02:30-04:00 Europe/Berlin", "2026-03-28T12:00:00Z"), "2026-03-29T01:00Z");
        assert_eq!(opens("Sun 02:15-02:45 Europe/Berlin", "2026-03-28T12:00:00Z"), "2026-04-05T00:15Z");
    }

    #[test]
    fn an_hour_that_comes_twice_is_in_the_window_twice() {
        // Berlin, 25 October 2026: after 02:59 comes 02:00 once more, which is 01:00 UTC.
        let night = window("Sun 02:30-03:00 Europe/Berlin");
        for (now, expected) in [("00:29", false), ("00:30", true), ("01:15", true), ("01:59", true), ("02:00", false)] {
            assert_eq!(night.is_open(moment(&format!("2026-10-25T{now}:00Z"))), expected, "{now}");
        }
    }

    #[test]
    fn a_day_that_a_zone_leaves_out_opens_nothing() {
        // Samoa went from 29 to 31 December 2011: there was no Friday.
        assert_eq!(opens("Fri 09:00-10:00 Pacific/Apia", "2011-12-29T12:00:00Z"), "2012-01-05T19:00Z");
    }

    #[test]
    fn any_of_several_windows_will_do_and_none_is_always() {
        let windows = [window("Mon 09:00-10:00 UTC"), window("Sat 20:00-21:00 UTC")];
        let now = moment("2026-11-28T12:00:00Z");
        assert_eq!(opens_at(&windows, now), Some(moment("2026-11-28T20:00:00Z")));
        assert!(!is_open(&windows, now) && is_open(&[], now));
        assert_eq!(opens_at(&[], now), Some(now));
    }

    #[test]
    fn a_window_is_stored_as_it_was_written() {
        let office = window("Mon-Fri 09:00-18:00 Europe/Berlin");
        let json = serde_json::to_string(&office).expect("it can be written");
        assert_eq!(json, r#""Mon-Fri 09:00-18:00 Europe/Berlin""#);
        assert_eq!(serde_json::from_str::<Window>(&json).ok(), Some(office));
        assert!(serde_json::from_str::<Window>(r#""always""#).is_err());
    }

    prop_compose! {
        fn any_window()(
            days in prop::collection::vec(0..7_usize, 1..4),
            from in 0..24_u8, to in 0..=24_u8, minute in 0..60_u8,
            zone in prop::sample::select(&TZ_VARIANTS[..]),
        ) -> Option<Window> {
            let days: Vec<&str> = days.into_iter().map(|day| DAYS[day]).collect();
            let to = if to == 24 { "24:00".to_owned() } else { format!("{to:02}:30") };
            format!("{} {from:02}:{minute:02}-{to} {}", days.join(","), zone.name()).parse().ok()
        }
    }

    proptest! {
        #[test]
        fn a_window_opens_when_it_says_and_not_before(
            window in any_window(),
            // 1970 to 2100, so that rules of old times are among them.
            seconds in 0..4_102_444_800_i64,
        ) {
            let Some(window) = window else { return Ok(()) };
            let Some(now) = DateTime::from_timestamp(seconds, 0) else { return Ok(()) };
            let Some(opens) = window.opens_at(now) else {
                return Err(TestCaseError::fail(format!("{window} never opens after {now}")));
            };
            prop_assert!(opens >= now && window.is_open(opens), "{window} at {now}: {opens}");
            prop_assert_eq!(window.is_open(now), opens == now, "{} at {}", window, now);
            if opens > now {
                let before = opens - TimeDelta::seconds(1);
                prop_assert!(!window.is_open(before), "{window} at {now}: open before {opens}");
                let middle = now + (opens - now) / 2;
                prop_assert!(!window.is_open(middle), "{window}: open at {middle}");
            }
        }

        #[test]
        fn no_text_is_too_strange(text in "\\PC{0,40}") {
            if let Ok(window) = text.parse::<Window>() {
                prop_assert_eq!(window.as_str(), text);
            }
        }
    }
}
