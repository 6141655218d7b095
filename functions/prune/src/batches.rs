//! Many events: reading them in batches, deleting them one by one, and trying again what `DynamoDB` was too busy for.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use futures_util::{StreamExt, stream};
use shared::store::{EventRef, Store, StoreError};

use crate::{
    archive::Line,
    budget::Budget,
    failure::{Failure, Interrupted},
    tally::Tally,
};

/// Write units that one deletion takes at least: the event's and its index entry's.
const UNITS_A_REMOVAL: f64 = 2.0;
/// How many events of a partition are deleted at once.
const AT_ONCE: usize = 4;

/// Reads these events as the archive keeps them, in the order of their ids, without those that are gone by now.
pub(crate) async fn read(
    store: &Store,
    budget: &Budget,
    events: &[EventRef],
) -> Result<Vec<Line>, Interrupted> {
    let mut found = Vec::with_capacity(events.len());
    for batch in events.chunks(Store::MAX_READS) {
        let mut left = batch.to_vec();
        patiently(budget, async || {
            let answer = store.read_events(&left).await?;
            found.extend(answer.found.into_iter().map(Line::from));
            left = answer.unprocessed;
            match left.len() {
                0 => Ok(()),
                count => Err(Failure::LeftUnread(count).into()),
            }
        })
        .await?;
    }
    found.sort_by_key(|event| event.key.id);
    Ok(found)
}

/// Deletes these events as fast as the budget allows. After an interruption nothing new begins, but what is under way is
/// finished, and so counted.
pub(crate) async fn remove(
    store: &Store,
    budget: &Budget,
    tally: &Tally,
    events: &[EventRef],
) -> Result<(), Interrupted> {
    let is_interrupted = AtomicBool::new(false);
    let remove = async |event: EventRef| {
        if is_interrupted.load(Ordering::Relaxed) {
            return Ok(());
        }
        let removed = patiently(budget, async || {
            budget.spend(UNITS_A_REMOVAL).await?;
            let units = store.delete_event(event).await?;
            budget.settle(UNITS_A_REMOVAL, units);
            tally.removed(1);
            Ok(())
        });
        let outcome = removed.await;
        is_interrupted.fetch_or(outcome.is_err(), Ordering::Relaxed);
        outcome
    };
    let removals = stream::iter(events.to_vec()).map(remove);
    let outcomes: Vec<_> = removals.buffer_unordered(AT_ONCE).collect().await;
    outcomes.into_iter().collect()
}

/// Tries until it succeeds, with pauses, as long as `DynamoDB` is too busy even for the SDK's own retries, or leaves
/// something unread.
async fn patiently(
    budget: &Budget,
    mut attempt: impl AsyncFnMut() -> Result<(), Interrupted>,
) -> Result<(), Interrupted> {
    let mut pauses = pauses();
    loop {
        budget.check()?;
        let failure = match attempt().await {
            Err(Interrupted::Failed(
                failure @ (Failure::LeftUnread(_) | Failure::Store(StoreError::Unavailable { .. })),
            )) => failure,
            outcome => return outcome,
        };
        budget.pause(pauses.next().ok_or(failure)?).await?;
    }
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
