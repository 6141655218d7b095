//! Time. The service reads the clock only here, so that tests can control it.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

/// Seconds in a day.
pub const DAY: i64 = 86_400;

/// The source of the current time: the system, or a test.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// The operating system's clock.
    #[must_use]
    pub const fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that only [`Clock::advance`] and [`Clock::set`] move. Clones share the time.
    #[must_use]
    pub fn manual(start: Millis) -> Self {
        Self(Source::Manual(Arc::new(AtomicI64::new(start.0))))
    }

    /// The current time, in whole milliseconds.
    #[must_use]
    pub fn now(&self) -> Millis {
        match &self.0 {
            Source::System => {
                #[expect(
                    clippy::disallowed_methods,
                    reason = "the one place that reads the system clock"
                )]
                let now = Utc::now();
                Millis(now.timestamp_millis())
            }
            Source::Manual(at) => Millis(at.load(Ordering::SeqCst)),
        }
    }

    /// Moves a manual clock by `seconds` (may be negative). Does nothing to a system clock.
    pub fn advance(&self, seconds: i64) {
        if let Source::Manual(at) = &self.0 {
            at.fetch_add(seconds * 1000, Ordering::SeqCst);
        }
    }

    /// Sets a manual clock. Does nothing to a system clock.
    pub fn set(&self, now: Millis) {
        if let Source::Manual(at) = &self.0 {
            at.store(now.0, Ordering::SeqCst);
        }
    }
}

/// A moment in milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(pub i64);

/// A moment in whole seconds since the Unix epoch, as JWT (RFC 7519 §2, `NumericDate`) and DynamoDB's TTL count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seconds(pub i64);

impl Millis {
    /// A moment written as RFC 3339 has it; `None` if it is not.
    #[must_use]
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        let time = DateTime::parse_from_rfc3339(text).ok()?;
        Some(Self(time.timestamp_millis()))
    }

    /// The second that contains it.
    #[must_use]
    pub const fn seconds(self) -> Seconds {
        Seconds(self.0.div_euclid(1000))
    }

    /// Whether less than `max_age` milliseconds have passed since, at `now`. If the clock was set back, nobody knows: `false`.
    #[must_use]
    pub const fn is_younger_than(self, max_age: i64, now: Self) -> bool {
        self.0 <= now.0 && now.0 - self.0 < max_age
    }

    /// `hh:mm:ss`, in UTC.
    pub(crate) fn time_of_day(self) -> impl fmt::Display {
        self.utc().format("%H:%M:%S")
    }

    fn utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0).unwrap_or(DateTime::UNIX_EPOCH)
    }
}

impl Seconds {
    /// The first millisecond of this second.
    #[must_use]
    pub const fn millis(self) -> Millis {
        Millis(self.0.saturating_mul(1000))
    }

    /// Adds `seconds`.
    #[must_use]
    pub const fn plus(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// How many seconds this moment is after `earlier`; 0 if it is not.
    #[must_use]
    pub fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0).max(0)
    }
}

/// RFC 3339, UTC, whole seconds, `Z`: the strictest date parsers of mobile platforms accept it.
impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.utc().to_rfc3339_opts(SecondsFormat::Secs, true))
    }
}

/// RFC 3339, UTC, `Z`.
impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.millis().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc3339_in_utc_with_whole_seconds() {
        assert_eq!(Millis(1_700_000_000_999).to_string(), "2023-11-14T22:13:20Z");
        assert_eq!(Seconds(0).to_string(), "1970-01-01T00:00:00Z");
    }

    #[test]
    fn seconds_round_down_and_never_count_backwards() {
        assert_eq!(Millis(1999).seconds(), Seconds(1));
        assert_eq!(Millis(-1).seconds(), Seconds(-1));
        assert_eq!(Seconds(5).since(Seconds(9)), 0);
    }

    #[test]
    fn clones_of_a_manual_clock_share_the_time() {
        let clock = Clock::manual(Millis(1000));
        clock.clone().advance(2);
        assert_eq!(clock.now(), Millis(3000));
    }
}
