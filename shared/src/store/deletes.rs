//! Deleting items one by one: no role has `BatchWriteItem`, which puts and deletes without conditions.

use aws_sdk_dynamodb::{
    operation::delete_item::DeleteItemError,
    types::{ConsumedCapacity, ReturnConsumedCapacity},
};
use backon::Retryable;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::{
    error::{StoreError, collided},
    expression::Attributes,
    retry::pauses,
    table::Store,
};

/// Maximum number of concurrent deletes.
const AT_ONCE: usize = 16;

impl Store {
    /// Deletes an item if it is there. Returns the write units consumed, table and indexes together.
    ///
    /// A retry finds nothing to delete.
    pub(super) async fn delete(&self, key: Attributes) -> Result<f64, StoreError> {
        let request = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(key))
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer = (|| request.clone().send()).retry(pauses()).when(collided).await;
        let answer = answer.map_err(|error| StoreError::from_sdk("DeleteItem", error))?;
        let units = answer
            .consumed_capacity()
            .and_then(ConsumedCapacity::capacity_units);
        Ok(units.unwrap_or_default())
    }

    /// Deletes an item if it is there and `condition` holds of it. Returns how many were deleted: 1 or 0.
    ///
    /// A retry finds nothing to delete.
    pub(super) async fn delete_if(
        &self,
        key: Attributes,
        condition: &'static str,
        values: Attributes,
    ) -> Result<usize, StoreError> {
        let request = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(key))
            .condition_expression(condition)
            .set_expression_attribute_values(Some(values));
        match (|| request.clone().send()).retry(pauses()).when(collided).await {
            Ok(_) => Ok(1),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(DeleteItemError::is_conditional_check_failed_exception) =>
            {
                Ok(0)
            }
            Err(error) => Err(StoreError::from_sdk("DeleteItem", error)),
        }
    }

    /// Does `delete` with each of `items`, several at once, and adds up what it returns.
    pub(super) async fn delete_each<I, D: Future<Output = Result<usize, StoreError>>>(
        items: impl IntoIterator<Item = I>,
        delete: impl Fn(I) -> D,
    ) -> Result<usize, StoreError> {
        stream::iter(items)
            .map(delete)
            .buffer_unordered(AT_ONCE)
            .try_fold(0, async |count, deleted| Ok(count + deleted))
            .await
    }
}
