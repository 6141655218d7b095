//! The table itself, and the calls that several kinds of items share.

use std::time::Duration;

use aws_sdk_dynamodb::{
    Client,
    operation::{put_item::PutItemError, query::builders::QueryFluentBuilder},
};
use backon::Retryable;

use super::{
    error::{StoreError, collided},
    expression::{ABSENT, Attributes, text},
    item_keys::ItemKey,
    retry::pauses,
};
use crate::domain::ids::Ids;

/// How long a query may miss some items of a committed transaction. Generous: `DynamoDB` applies them one by one within
/// milliseconds but guarantees no time (its queries are read-committed).
const SETTLING: Duration = Duration::from_millis(100);

/// The table, through the AWS SDK's client. Clones share the client.
#[derive(Clone, Debug)]
pub struct Store {
    pub(super) client: Client,
    pub(super) table: String,
    pub(super) ids: Ids,
}

impl Store {
    /// The table named `table`; `ids` generates transactions' request tokens.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>, ids: Ids) -> Self {
        Self {
            client,
            table: table.into(),
            ids,
        }
    }

    /// Waits until queries see all that is committed.
    pub async fn wait_for_queries(&self) {
        tokio::time::sleep(SETTLING).await;
    }

    /// Strongly consistent read.
    pub(super) async fn get(&self, key: &ItemKey) -> Result<Option<Attributes>, StoreError> {
        let request = self
            .client
            .get_item()
            .table_name(&self.table)
            .consistent_read(true);
        let answer = request.set_key(Some(key.attributes())).send().await;
        Ok(answer
            .map_err(|error| StoreError::from_sdk("GetItem", error))?
            .item)
    }

    /// Puts an item, replacing any other.
    pub(super) async fn put(&self, item: Attributes) -> Result<(), StoreError> {
        let request = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item));
        (|| request.clone().send())
            .retry(pauses())
            .when(collided)
            .await
            .map_err(|error| StoreError::from_sdk("PutItem", error))?;
        Ok(())
    }

    /// Puts an item, unless there is one already: then it stays as it is.
    pub(super) async fn put_new(&self, item: Attributes) -> Result<(), StoreError> {
        let request = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression(ABSENT);
        let outcome = (|| request.clone().send()).retry(pauses()).when(collided).await;
        match outcome {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(_)) => Ok(()),
                _ => Err(StoreError::from_sdk("PutItem", error)),
            },
        }
    }

    /// A strongly consistent query of a partition for sort keys that begin with `prefix`.
    pub(super) fn query(&self, pk: impl Into<String>, prefix: &str) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":pk", text(pk))
            .expression_attribute_values(":prefix", text(prefix))
    }
}
