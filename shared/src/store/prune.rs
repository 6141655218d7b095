//! What pruning the audit trail needs: the events of a day, their items, their removal, and how far it has come.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    batch::MAX_BATCH_WRITES,
    error::StoreError,
    expression::{Attributes, text},
    item_keys::{self, AUDIT_SHARDS, ItemKey},
    items,
    table::Store,
};
use crate::domain::{
    clock::Millis,
    day::Day,
    ids::{EventId, UserId},
};

/// One of the partitions of the index that hold a day's events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditPartition {
    /// The day.
    pub day: Day,
    shard: u8,
}

impl AuditPartition {
    /// All partitions of a day.
    pub fn all_of_day(day: Day) -> impl Iterator<Item = Self> {
        (0..AUDIT_SHARDS).map(move |shard| Self { day, shard })
    }
}

/// Which event: all that its key is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventRef {
    /// Whose.
    pub user_id: UserId,
    /// Which.
    pub id: EventId,
}

/// A page of a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionPage {
    /// The events, in the order of their ids.
    pub events: Vec<EventRef>,
    /// Where the next page begins, when there is one: it need not exist any more.
    pub next: Option<EventRef>,
}

/// An event as it is stored, for the archive.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredEvent {
    /// Which it is.
    pub key: EventRef,
    /// Its `id` and `user_id` and every attribute under its name, whether or not this version knows it.
    pub attributes: BTreeMap<String, Value>,
}

/// What a batch of reads answered.
#[derive(Clone, Debug)]
pub struct StoredEvents {
    /// The events that exist.
    pub found: Vec<StoredEvent>,
    /// Those that `DynamoDB` did not look at: to be asked for again, after a pause.
    pub unprocessed: Vec<EventRef>,
}

/// What a batch of removals did.
#[derive(Clone, Debug)]
pub struct DeleteOutcome {
    /// Those that `DynamoDB` did not remove: to be sent again, after a pause.
    pub unprocessed: Vec<EventRef>,
    /// The write units that it took, of table and index together.
    pub write_units: f64,
}

/// How far pruning has come.
#[derive(Serialize, Deserialize)]
struct ProgressItem {
    day: Day,
    recorded_at: Millis,
}

impl Store {
    /// How many events one [`Store::read_events`] reads at most: `BatchGetItem`'s own limit.
    pub const MAX_READS: usize = 100;
    /// How many events one [`Store::delete_events`] removes at most: `BatchWriteItem`'s own limit.
    pub const MAX_DELETES: usize = MAX_BATCH_WRITES;

    /// Up to `limit` events of a partition, beginning after `after`: one query of the index, eventually consistent as
    /// all of them are.
    ///
    /// # Errors
    ///
    /// When the index cannot be read, or holds an entry that is no event of ours.
    pub async fn query_partition(
        &self,
        partition: AuditPartition,
        after: Option<EventRef>,
        limit: u16,
    ) -> Result<PartitionPage, StoreError> {
        let pk = item_keys::audit_partition(partition.day, partition.shard);
        let start = after.map(|event| {
            let mut start = event.key().attributes();
            start.insert(item_keys::GSI1PK.to_owned(), text(&pk));
            start.insert(item_keys::GSI1SK.to_owned(), text(event.id.to_string()));
            start
        });
        let answer = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(item_keys::GSI1)
            .key_condition_expression("gsi1pk = :pk")
            .expression_attribute_values(":pk", text(&pk))
            .set_exclusive_start_key(start)
            .limit(limit.into())
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("Query", error))?;
        let events = answer.items().iter().map(event_ref);
        let events = events.collect::<Result<Vec<_>, _>>()?;
        let next = answer.last_evaluated_key().map(event_ref).transpose()?;
        Ok(PartitionPage { events, next })
    }

    /// The items of up to [`Store::MAX_READS`] events, read consistently.
    ///
    /// # Errors
    ///
    /// When the table cannot be read.
    pub async fn read_events(&self, events: &[EventRef]) -> Result<StoredEvents, StoreError> {
        let wanted = KeysAndAttributes::builder()
            .consistent_read(true)
            .set_keys(Some(
                events.iter().map(|event| event.key().attributes()).collect(),
            ))
            .build()
            .map_err(|error| StoreError::from_build("BatchGetItem", error))?;
        let request = self.client.batch_get_item().request_items(&self.table, wanted);
        let answer = request
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("BatchGetItem", error))?;
        let unprocessed = answer.unprocessed_keys.unwrap_or_default();
        let unprocessed = unprocessed
            .values()
            .flat_map(KeysAndAttributes::keys)
            .map(event_ref);
        let found = answer.responses.unwrap_or_default();
        Ok(StoredEvents {
            unprocessed: unprocessed.collect::<Result<_, _>>()?,
            found: found
                .into_values()
                .flatten()
                .map(stored_event)
                .collect::<Result<_, _>>()?,
        })
    }

    /// Removes up to [`Store::MAX_DELETES`] events.
    ///
    /// A repeat removes what is gone already.
    ///
    /// # Errors
    ///
    /// When the table cannot be written. Some events may be gone by then.
    pub async fn delete_events(&self, events: &[EventRef]) -> Result<DeleteOutcome, StoreError> {
        let removal = self
            .remove(events.iter().map(|event| event.key().attributes()))
            .await?;
        let unprocessed = removal.unprocessed.iter().map(event_ref);
        Ok(DeleteOutcome {
            unprocessed: unprocessed.collect::<Result<_, _>>()?,
            write_units: removal.write_units,
        })
    }

    /// The newest day up to which all events are gone, as the last run of pruning recorded it.
    ///
    /// # Errors
    ///
    /// When the table cannot be read.
    pub async fn pruned_up_to(&self) -> Result<Option<Day>, StoreError> {
        let item = self.get(&ItemKey::prune_progress()).await?;
        item.map(|item| Ok(items::read::<ProgressItem>("prune progress", item)?.day))
            .transpose()
    }

    /// Records that all events are gone up to and with `day`.
    ///
    /// A repeat writes the same again. Of two runs at once the later write wins: a lower day only makes the next run
    /// look at empty partitions once more.
    ///
    /// # Errors
    ///
    /// When the table cannot be written.
    pub async fn record_pruned_up_to(&self, day: Day, now: Millis) -> Result<(), StoreError> {
        let progress = ProgressItem {
            day,
            recorded_at: now,
        };
        self.put(items::write(&ItemKey::prune_progress(), &progress))
            .await
    }

    /// When the table was created; none when `DynamoDB` does not tell.
    ///
    /// # Errors
    ///
    /// When the table cannot be described.
    pub async fn created_at(&self) -> Result<Option<Millis>, StoreError> {
        let request = self.client.describe_table().table_name(&self.table);
        let answer = request
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("DescribeTable", error))?;
        let created = answer.table.and_then(|table| table.creation_date_time);
        Ok(created.and_then(|at| at.to_millis().ok()).map(Millis))
    }
}

impl EventRef {
    fn key(&self) -> ItemKey {
        ItemKey::event(self.user_id, self.id)
    }
}

/// The event that an item, an index entry or a key is of.
fn event_ref(attributes: &HashMap<String, AttributeValue>) -> Result<EventRef, StoreError> {
    let (user_id, id) = items::event_owner_and_id(attributes)?;
    Ok(EventRef { user_id, id })
}

fn stored_event(mut item: Attributes) -> Result<StoredEvent, StoreError> {
    let key = event_ref(&item)?;
    for name in [item_keys::PK, item_keys::SK, item_keys::GSI1PK, item_keys::GSI1SK] {
        item.remove(name);
    }
    let mut attributes: BTreeMap<String, Value> = items::read("event", item)?;
    attributes.insert("id".to_owned(), key.id.to_string().into());
    attributes.insert("user_id".to_owned(), key.user_id.to_string().into());
    Ok(StoredEvent { key, attributes })
}
