//! Empties one partition of a day, page by page.

use shared::store::{AuditPartition, EventRef};

use crate::{
    archive::Archive, batches, budget::Budget, failure::Interrupted, state::PruneState, tally::Tally,
};

/// Events in memory per partition; with an archive, also events per object.
const PAGE: u16 = 500;

/// Deletes all events of a partition; with an archive, each only after the object that holds it is stored.
pub(crate) async fn empty(
    prune: &PruneState,
    budget: &Budget,
    tally: &Tally,
    partition: AuditPartition,
) -> Result<(), Interrupted> {
    let store = &prune.state.store;
    let mut after = None;
    loop {
        budget.check()?;
        let page = store.query_partition(partition, after, PAGE).await?;
        match &prune.archive {
            Some(archive) => {
                archive_and_remove(prune, budget, tally, partition, archive, &page.events).await?;
            }
            None => batches::remove(store, budget, tally, &page.events).await?,
        }
        // Not from the start: the index may still show what was just deleted.
        after = page.next;
        if after.is_none() {
            tally.partition();
            return Ok(());
        }
    }
}

async fn archive_and_remove(
    prune: &PruneState,
    budget: &Budget,
    tally: &Tally,
    partition: AuditPartition,
    archive: &Archive,
    events: &[EventRef],
) -> Result<(), Interrupted> {
    let store = &prune.state.store;
    // An index entry without an item belongs to a deleted event: there is nothing to archive or delete.
    let events = batches::read(store, budget, events).await?;
    if events.is_empty() {
        return Ok(());
    }
    budget.check()?;
    let bytes = archive.store(partition.day, &events).await?;
    tally.archived(events.len(), bytes);
    let stored: Vec<_> = events.iter().map(|event| event.key).collect();
    batches::remove(store, budget, tally, &stored).await
}
