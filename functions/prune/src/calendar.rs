//! Which days a run covers.

use shared::domain::{clock::Millis, day::Day};

/// How many days before the last recorded one a run begins: an event may arrive late, from a machine that was frozen or
/// whose clock was slow, and the index lags behind the table.
const LOOK_BACK: i64 = 2;

/// The newest day whose last millisecond is past retention.
pub(crate) fn newest(now: Millis, retention_days: i64) -> Day {
    Day::containing(now).plus(-retention_days - 1)
}

/// The day a run begins with. `None` if it begins with the table's creation: see [`first_of_table`].
///
/// A record newer than `newest` is right if the retention was raised since, and wrong if a clock was ahead; either way
/// days after `newest` are not done. One from the future can only be wrong, and is ignored.
pub(crate) fn first(recorded: Option<Day>, newest: Day, now: Millis) -> Option<Day> {
    let recorded = recorded.filter(|&day| day < Day::containing(now))?;
    Some(recorded.min(newest).plus(-LOOK_BACK))
}

/// The first day of the first run.
pub(crate) fn first_of_table(created: Millis) -> Day {
    Day::containing(created).plus(-LOOK_BACK)
}

/// Whether to record the finished `day` in place of what is recorded: if it is a step ahead, or if the record promises
/// days that are not past retention.
pub(crate) fn is_news(day: Day, recorded: Option<Day>, newest: Day) -> bool {
    recorded.is_none_or(|recorded| day > recorded || recorded > newest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    /// 2026-03-31, plus milliseconds.
    fn on_the_31st(millis: i64) -> Millis {
        Millis(1_774_915_200_000 + millis)
    }

    const LAST_MILLISECOND: i64 = 86_399_999;

    #[test]
    fn a_day_is_past_retention_when_its_last_millisecond_is() {
        assert_eq!(Day::containing(on_the_31st(0)), day("2026-03-31"));
        for millis in [0, LAST_MILLISECOND] {
            assert_eq!(newest(on_the_31st(millis), 30), day("2026-02-28"));
            assert_eq!(newest(on_the_31st(millis), 1), day("2026-03-29"));
        }
        assert_eq!(newest(on_the_31st(LAST_MILLISECOND + 1), 30), day("2026-03-01"));
    }

    #[test]
    fn a_run_begins_two_days_behind_the_last_one() {
        let newest = day("2026-02-28");
        let first = |recorded: &str| first(Some(day(recorded)), newest, on_the_31st(0));
        assert_eq!(first("2026-02-27"), Some(day("2026-02-25")));
        assert_eq!(
            first("2025-06-01"),
            Some(day("2025-05-30")),
            "it was off for long"
        );
        assert_eq!(
            first("2026-02-28"),
            Some(day("2026-02-26")),
            "a second run on one day"
        );
        assert_eq!(
            first("2026-03-23"),
            Some(day("2026-02-26")),
            "retention was raised"
        );
        assert_eq!(first("2026-03-30"), Some(day("2026-02-26")));
        assert_eq!(first("2026-03-31"), None, "no run records its own day");
        assert_eq!(first("2096-01-01"), None, "from the future");
    }

    #[test]
    fn without_a_record_it_begins_with_the_table() {
        assert_eq!(first(None, day("2026-02-28"), on_the_31st(0)), None);
        assert_eq!(first_of_table(on_the_31st(5)), day("2026-03-29"));
    }

    #[test]
    fn a_record_never_promises_what_is_not_past_retention() {
        let newest = day("2026-02-28");
        let is_news = |done: &str, recorded: Option<&str>| is_news(day(done), recorded.map(day), newest);
        assert!(is_news("2026-02-26", None));
        assert!(!is_news("2026-02-26", Some("2026-02-27")), "only looked back");
        assert!(!is_news("2026-02-27", Some("2026-02-27")));
        assert!(is_news("2026-02-28", Some("2026-02-27")));
        assert!(is_news("2026-02-28", Some("2026-03-23")), "retention was raised");
        assert!(is_news("2025-01-01", Some("2096-01-01")), "from the future");
    }
}
