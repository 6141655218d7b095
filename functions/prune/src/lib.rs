//! `prune`: removes audit events past their retention, day by day, and archives them first if a bucket is set.
//!
//! `EventBridge` Scheduler invokes it daily. It reads only the index partitions of the days that are past retention, so
//! its work grows with what it deletes and never with the table. It may be killed anywhere and run again, even beside
//! itself: an event is deleted only after the object that holds it is stored, and a day is recorded as done only after
//! all its partitions were read to the end.

mod archive;
mod batches;
mod budget;
mod calendar;
mod failure;
mod partition;
mod report;
mod state;
mod tally;
mod walk;

pub use archive::Archive;
pub use report::{Incomplete, Report};
pub use state::PruneState;

use std::time::Duration;

use serde_json::Value;
use shared::{
    domain::clock::Millis,
    runtime::{Function, Settings, Trigger},
};

use budget::Budget;

/// How it is deployed and invoked.
pub const FUNCTION: Function = Function {
    name: env!("CARGO_PKG_NAME"),
    trigger: Trigger::Invoked {
        by: "EventBridge Scheduler",
        samples: &["schedule"],
    },
    settings: &[Settings::Pruning],
    connections: 0,
};

/// How long before its deadline a run stops: enough for the requests under way, with their retries.
const RESERVE: Duration = Duration::from_secs(10);
/// Lambda's maximum run time.
const MAX_SECONDS: Duration = Duration::from_mins(15);
const DAY_MILLIS: i128 = 86_400_000;

/// How long a run may work if Lambda ends it at `deadline` (epoch milliseconds). A deadline more than a day past, which
/// the development server sends, counts as none.
#[must_use]
pub fn time_until(deadline: u64, now: Millis) -> Duration {
    let left = i128::from(deadline) - i128::from(now.0);
    let left = match u64::try_from(left) {
        Ok(left) => Duration::from_millis(left),
        // The clock is ahead.
        Err(_) if left >= -DAY_MILLIS => Duration::ZERO,
        Err(_) => MAX_SECONDS,
    };
    left.saturating_sub(RESERVE)
}

/// Prunes for `time` at most, and reports it in the log, the metrics and the answer.
///
/// # Errors
///
/// If something failed, which the next run tries again. Running out of time is no error.
pub async fn handle(prune: &PruneState, time: Duration) -> Result<Value, Incomplete> {
    let report = run(prune, time).await;
    report.tell();
    report.answer()
}

/// Prunes for at most `time`.
pub async fn run(prune: &PruneState, time: Duration) -> Report {
    let budget = Budget::new(time, prune.state.config.prune_write_units_per_second);
    walk::walk(prune, &budget).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_ends_ten_seconds_before_its_deadline() {
        let now = Millis(1_700_000_000_000);
        assert_eq!(time_until(1_700_000_900_000, now), Duration::from_secs(890));
        assert_eq!(time_until(1_700_000_010_001, now), Duration::from_millis(1));
        for late in [
            1_700_000_010_000,
            1_700_000_000_000,
            1_699_999_999_999,
            1_699_996_400_000,
        ] {
            assert_eq!(time_until(late, now), Duration::ZERO, "{late}");
        }
    }

    #[test]
    fn the_development_server_has_no_deadline() {
        let now = Millis(1_700_000_000_000);
        assert_eq!(time_until(600_000, now), Duration::from_secs(890));
    }
}
