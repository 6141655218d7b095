//! Calendar days.

use std::{fmt, str::FromStr};

use chrono::{DateTime, NaiveDate};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::domain::clock::{DAY, Millis};

/// A calendar day in UTC, written `yyyy-mm-dd`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(i64);

/// Not a valid day.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a day (yyyy-mm-dd)")]
pub struct NotADay;

impl Day {
    /// The day that contains `at`.
    #[must_use]
    pub const fn containing(at: Millis) -> Self {
        Self(at.seconds().0.div_euclid(DAY))
    }

    /// Adds `days`, which may be negative.
    #[must_use]
    pub const fn plus(self, days: i64) -> Self {
        Self(self.0.saturating_add(days))
    }

    /// How many days this one is after `earlier`; negative if it is before.
    #[must_use]
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// All days from this one to `last`, inclusive.
    pub fn up_to(self, last: Self) -> impl Iterator<Item = Self> {
        (self.0..=last.0).map(Self)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = DateTime::from_timestamp(self.0.saturating_mul(DAY), 0).unwrap_or(DateTime::UNIX_EPOCH);
        start.format("%Y-%m-%d").fmt(f)
    }
}

impl FromStr for Day {
    type Err = NotADay;

    /// Accepts only the format that [`Display`](fmt::Display) writes.
    fn from_str(text: &str) -> Result<Self, NotADay> {
        let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").map_err(|_| NotADay)?;
        let days = date.signed_duration_since(NaiveDate::default()).num_days();
        Some(Self(days))
            .filter(|day| day.to_string() == text)
            .ok_or(NotADay)
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_ends_with_its_last_millisecond() {
        assert_eq!(
            Day::containing(Millis(1_700_006_399_999)).to_string(),
            "2023-11-14"
        );
        assert_eq!(
            Day::containing(Millis(1_700_006_400_000)).to_string(),
            "2023-11-15"
        );
        assert_eq!(Day::containing(Millis(0)).to_string(), "1970-01-01");
        assert_eq!(Day::containing(Millis(-1)).to_string(), "1969-12-31");
    }

    #[test]
    fn days_are_read_as_they_are_written() {
        for text in ["1970-01-01", "2024-02-29", "2026-11-24", "2096-10-02"] {
            assert_eq!(text.parse::<Day>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "2024-2-29",
            "2023-02-29",
            "2024-02-29T00:00:00Z",
            " 2024-02-29",
            "20240229",
        ] {
            assert_eq!(text.parse::<Day>(), Err(NotADay), "{text}");
        }
    }

    #[test]
    fn days_are_counted_over_the_ends_of_months_and_years() {
        let day = |text: &str| text.parse::<Day>().unwrap();
        assert_eq!(day("2024-02-28").plus(2), day("2024-03-01"));
        assert_eq!(day("2025-01-01").plus(-1), day("2024-12-31"));
        assert_eq!(day("2025-03-01").since(day("2024-03-01")), 365);
        let days: Vec<_> = day("2023-12-31").up_to(day("2024-01-01")).collect();
        assert_eq!(days, [day("2023-12-31"), day("2024-01-01")]);
        assert_eq!(day("2024-01-02").up_to(day("2024-01-01")).count(), 0);
    }
}
