//! Why a run of pruning stops early.

use shared::{domain::day::Day, store::StoreError};

use crate::budget::TimeIsUp;

/// Why a partition was not finished.
#[derive(Debug)]
pub(crate) enum Interrupted {
    /// The time is up; the next run goes on.
    TimeIsUp,
    /// Something failed.
    Failed(Failure),
}

/// Errors during a run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The table.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// `DynamoDB` kept leaving events unread.
    #[error("DynamoDB left {0} events of a batch unread, however often it was asked for them")]
    LeftUnread(usize),
    /// The table's creation time is unknown.
    #[error(
        "nothing was pruned so far, and DynamoDB does not tell when the table was created: record a day to begin after \
         (item PRUNE / PROGRESS)"
    )]
    NoCreationTime,
    /// No partition of a day could be emptied.
    #[error("no partition of {0} could be emptied")]
    WholeDay(Day),
    /// The archive.
    #[error("s3://{bucket}/{key} could not be stored")]
    Archive {
        /// The bucket.
        bucket: String,
        /// The object.
        key: String,
        /// The SDK's error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl From<TimeIsUp> for Interrupted {
    fn from(_: TimeIsUp) -> Self {
        Self::TimeIsUp
    }
}

impl<E: Into<Failure>> From<E> for Interrupted {
    fn from(failure: E) -> Self {
        Self::Failed(failure.into())
    }
}
