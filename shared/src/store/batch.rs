//! Deleting items in batches.

use aws_sdk_dynamodb::types::{DeleteRequest, ReturnConsumedCapacity, WriteRequest};

use backon::BackoffBuilder;

use super::{error::StoreError, expression::Attributes, retry::pauses, table::Store};

/// `BatchWriteItem`'s limit on items per request.
pub(super) const MAX_BATCH_WRITES: usize = 25;

/// Result of a `BatchWriteItem`.
pub(super) struct DeleteOutcome {
    /// Keys that were not deleted.
    pub unprocessed: Vec<Attributes>,
    /// Write units consumed, table and indexes together.
    pub write_units: f64,
}

impl Store {
    /// Deletes up to 25 items in one request, without conditions.
    pub(super) async fn remove(
        &self,
        keys: impl IntoIterator<Item = Attributes>,
    ) -> Result<DeleteOutcome, StoreError> {
        let delete = |key: Attributes| {
            let request = DeleteRequest::builder().set_key(Some(key)).build()?;
            Ok(WriteRequest::builder().delete_request(request).build())
        };
        let requests = keys.into_iter().map(delete).collect::<Result<Vec<_>, _>>();
        let requests = requests.map_err(|error| StoreError::from_build("BatchWriteItem", error))?;
        let request = self
            .client
            .batch_write_item()
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .request_items(&self.table, requests);
        let answer = request
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("BatchWriteItem", error))?;
        let consumed = answer.consumed_capacity();
        let write_units = consumed
            .iter()
            .filter_map(|consumed| consumed.capacity_units)
            .sum();
        let left = answer.unprocessed_items.unwrap_or_default();
        let left = left.into_values().flatten();
        Ok(DeleteOutcome {
            unprocessed: left
                .filter_map(|request| Some(request.delete_request?.key))
                .collect(),
            write_units,
        })
    }

    /// Deletes up to 25 items, retrying those left unprocessed.
    pub(super) async fn delete_batch(&self, mut keys: Vec<Attributes>) -> Result<(), StoreError> {
        let mut pauses = pauses().build();
        loop {
            keys = self.remove(keys).await?.unprocessed;
            if keys.is_empty() {
                return Ok(());
            }
            let operation = "deleting records";
            let pause = pauses.next().ok_or(StoreError::Contended { operation })?;
            tokio::time::sleep(pause).await;
        }
    }
}
