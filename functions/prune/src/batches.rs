//! Batches of events, and what `DynamoDB` leaves unprocessed.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use shared::store::{EventRef, Store, StoreError};

use crate::{
    archive::Line,
    budget::Budget,
    failure::{Failure, Interrupted},
    tally::Tally,
};

/// Write units that one deletion takes at least: the event's and its index entry's.
const UNITS_A_REMOVAL: f64 = 2.0;

/// Reads these events as the archive keeps them, in the order of their ids, without those that are gone by now.
pub(crate) async fn read(
    store: &Store,
    budget: &Budget,
    events: &[EventRef],
) -> Result<Vec<Line>, Interrupted> {
    let mut found = Vec::with_capacity(events.len());
    let read = async |batch: &[EventRef]| -> Result<_, Interrupted> {
        let answer = store.read_events(batch).await?;
        found.extend(answer.found.into_iter().map(Line::from));
        Ok(answer.unprocessed)
    };
    in_batches(budget, events, Store::MAX_READS, read).await?;
    found.sort_by_key(|event| event.key.id);
    Ok(found)
}

/// Deletes these events as fast as the budget allows.
pub(crate) async fn remove(
    store: &Store,
    budget: &Budget,
    tally: &Tally,
    events: &[EventRef],
) -> Result<(), Interrupted> {
    let remove = async |batch: &[EventRef]| -> Result<_, Interrupted> {
        let estimate = batch.iter().map(|_| UNITS_A_REMOVAL).sum();
        budget.spend(estimate).await?;
        let removal = store.delete_events(batch).await?;
        budget.settle(estimate, removal.write_units);
        tally.removed(batch.len() - removal.unprocessed.len());
        Ok(removal.unprocessed)
    };
    in_batches(budget, events, Store::MAX_DELETES, remove).await
}

/// Sends events in batches. Pauses and sends again what an attempt left unprocessed, and a batch that `DynamoDB` was too
/// busy for even after the SDK's own retries.
async fn in_batches(
    budget: &Budget,
    events: &[EventRef],
    size: usize,
    mut attempt: impl AsyncFnMut(&[EventRef]) -> Result<Vec<EventRef>, Interrupted>,
) -> Result<(), Interrupted> {
    for batch in events.chunks(size) {
        let mut left = batch.to_vec();
        let mut pauses = pauses();
        while !left.is_empty() {
            budget.check()?;
            let failure = match attempt(&left).await {
                Ok(unprocessed) => {
                    left = unprocessed;
                    Failure::LeftUndone(left.len())
                }
                Err(Interrupted::Failed(Failure::Store(error @ StoreError::Unavailable { .. }))) => {
                    error.into()
                }
                Err(interrupted) => return Err(interrupted),
            };
            if !left.is_empty() {
                budget.pause(pauses.next().ok_or(failure)?).await?;
            }
        }
    }
    Ok(())
}

/// Pauses between retries: 50 ms doubling to 3 s, with jitter, 10 to 20 s in all.
fn pauses() -> ExponentialBackoff {
    ExponentialBuilder::new()
        .with_min_delay(Duration::from_millis(50))
        .with_max_delay(Duration::from_secs(3))
        .with_max_times(9)
        .with_jitter()
        .build()
}
