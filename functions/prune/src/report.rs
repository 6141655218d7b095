//! What a run did, and how it is reported.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use shared::{
    domain::{day::Day, error},
    runtime::metrics,
};

use crate::{failure::Failure, tally::Tally};

/// A run's progress.
#[derive(Debug)]
pub(crate) struct Progress {
    /// The newest day that is past retention.
    pub newest: Day,
    /// The day up to which everything is gone, if known.
    pub done: Option<Day>,
    /// Errors so far.
    pub failures: Vec<Failure>,
}

/// What one run did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Events removed.
    pub events_removed: u64,
    /// Events stored in the archive.
    pub events_archived: u64,
    /// Size of their objects.
    pub bytes_archived: u64,
    /// Partitions read to the end, empty ones too.
    pub partitions: u64,
    /// Duration.
    pub seconds: f64,
    /// Whether all events past retention are gone.
    pub complete: bool,
    /// The day up to which everything is gone, if known.
    pub pruned_up_to: Option<Day>,
    /// How many days past retention are not done.
    pub days_behind: Option<u64>,
    /// How many partitions or days failed.
    pub failures: usize,
    /// The first error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Something failed; the next run tries again.
#[derive(Debug, thiserror::Error)]
#[error("pruning failed in {failures} places and goes on at the next run; the first: {first}")]
pub struct Incomplete {
    failures: usize,
    first: String,
}

impl Report {
    pub(crate) fn new(tally: &Tally, progress: &Progress, in_time: bool, took: Duration) -> Self {
        let counts = tally.counts();
        let behind = progress.done.map(|done| progress.newest.since(done));
        Self {
            events_removed: counts.removed,
            events_archived: counts.archived,
            bytes_archived: counts.bytes,
            partitions: counts.partitions,
            seconds: took.as_secs_f64(),
            complete: in_time && progress.failures.is_empty(),
            pruned_up_to: progress.done,
            days_behind: behind.map(|days| u64::try_from(days).unwrap_or_default()),
            failures: progress.failures.len(),
            error: progress.failures.first().map(|failure| error::report(failure)),
        }
    }

    /// Writes one log line and the metrics.
    pub(crate) fn tell(&self) {
        macro_rules! line {
            ($level:ident, $message:literal) => {
                tracing::$level!(
                    events_removed = self.events_removed,
                    events_archived = self.events_archived,
                    bytes_archived = self.bytes_archived,
                    partitions = self.partitions,
                    seconds = self.seconds,
                    complete = self.complete,
                    pruned_up_to = self.pruned_up_to.map(tracing::field::display),
                    days_behind = self.days_behind,
                    failures = self.failures,
                    error = self.error,
                    $message
                )
            };
        }
        let outcome = match (self.complete, self.failures) {
            (true, _) => "complete",
            (false, 0) => "out_of_time",
            (false, _) => "failed",
        };
        if self.failures == 0 {
            line!(info, "pruned");
        } else {
            line!(error, "pruned in part");
        }
        metrics::count(
            &[("Function", "prune"), ("Outcome", outcome)],
            &[
                ("Runs", 1),
                ("EventsRemoved", self.events_removed),
                ("EventsArchived", self.events_archived),
                ("BytesArchived", self.bytes_archived),
                ("Partitions", self.partitions),
            ],
        );
        if let Some(days) = self.days_behind {
            metrics::count(&[("Function", "prune")], &[("DaysBehind", days)]);
        }
    }

    /// The invocation's answer.
    pub(crate) fn answer(self) -> Result<Value, Incomplete> {
        match self.error {
            Some(first) => Err(Incomplete {
                failures: self.failures,
                first,
            }),
            None => Ok(serde_json::to_value(self).unwrap_or_default()),
        }
    }
}
