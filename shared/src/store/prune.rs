//! Pruning the audit trail: finding a day's events, reading and deleting them, and recording progress.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
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

/// One of the index partitions that hold a day's events.
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

/// Identifies an event: its key's parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventRef {
    /// Owner.
    pub user_id: UserId,
    /// Id.
    pub id: EventId,
}

/// A page of a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionPage {
    /// The events, ordered by id.
    pub events: Vec<EventRef>,
    /// Cursor of the next page, if there is one; the event may be gone by now.
    pub next: Option<EventRef>,
}

/// An event as stored, for the archive.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredEvent {
    /// Its key.
    pub key: EventRef,
    /// Its `id`, `user_id` and all attributes, including those unknown to this version.
    pub attributes: BTreeMap<String, Value>,
}

/// The result of a batch read.
#[derive(Clone, Debug)]
pub struct StoredEvents {
    /// The events that exist.
    pub found: Vec<StoredEvent>,
    /// Those that `DynamoDB` did not read; retry them after a pause.
    pub unprocessed: Vec<EventRef>,
}

/// How far pruning has come.
#[derive(Serialize, Deserialize)]
struct ProgressItem {
    day: Day,
    recorded_at: Millis,
}

impl Store {
    /// Maximum events per [`Store::read_events`]: `BatchGetItem`'s own limit.
    pub const MAX_READS: usize = 100;

    /// Up to `limit` events of a partition, starting after `after`: one index query, hence eventually consistent.
    ///
    /// # Errors
    ///
    /// If the index cannot be read or holds an entry that is not an event.
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

    /// Reads up to [`Store::MAX_READS`] events (strongly consistent).
    ///
    /// # Errors
    ///
    /// If the table cannot be read.
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

    /// Deletes an event if it is there. Returns the write units consumed, table and index together.
    ///
    /// A retry finds nothing to delete.
    ///
    /// # Errors
    ///
    /// If the table cannot be written.
    pub async fn delete_event(&self, event: EventRef) -> Result<f64, StoreError> {
        self.delete(event.key().attributes()).await
    }

    /// The last day up to which all events are deleted, as the last pruning run recorded.
    ///
    /// # Errors
    ///
    /// If the table cannot be read.
    pub async fn pruned_up_to(&self) -> Result<Option<Day>, StoreError> {
        let item = self.get(&ItemKey::prune_progress()).await?;
        item.map(|item| Ok(items::read::<ProgressItem>("prune progress", item)?.day))
            .transpose()
    }

    /// Records that events up to `day` inclusive are gone.
    ///
    /// A retry writes the same again. If two runs overlap, the later write wins; an earlier day only makes the next run
    /// query empty partitions again.
    ///
    /// # Errors
    ///
    /// If the table cannot be written.
    pub async fn record_pruned_up_to(&self, day: Day, now: Millis) -> Result<(), StoreError> {
        let progress = ProgressItem {
            day,
            recorded_at: now,
        };
        self.put(items::write(&ItemKey::prune_progress(), &progress))
            .await
    }

    /// When the table was created; `None` if `DynamoDB` does not say.
    ///
    /// # Errors
    ///
    /// If the table cannot be described.
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

/// The event that an item, index entry or key belongs to.
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
