//! The published key set: item `KEYS` / `JWKS`.

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use serde::{Deserialize, Serialize};

use super::{error::StoreError, expression::number, item_keys::ItemKey, items, table::Store};
use crate::domain::key_set::{KeySet, PublishedKeys};

/// Maximum attempts to publish against concurrent writers.
const MAX_ATTEMPTS: u32 = 8;

#[derive(Serialize, Deserialize)]
struct KeySetItem {
    keys: KeySet,
    #[serde(default)]
    epoch: u64,
    #[serde(default)]
    version: u64,
}

impl Store {
    /// The published keys (strongly consistent read); `None` if never published.
    ///
    /// # Errors
    ///
    /// If the table cannot be read.
    pub async fn key_set(&self) -> Result<Option<KeySet>, StoreError> {
        Ok(self.published_keys().await?.map(|published| published.keys))
    }

    /// The published keys with their epoch and version (strongly consistent read); `None` if never published.
    ///
    /// # Errors
    ///
    /// If the table cannot be read.
    pub async fn published_keys(&self) -> Result<Option<PublishedKeys>, StoreError> {
        let Some(item) = self.get(&ItemKey::key_set()).await? else {
            return Ok(None);
        };
        let KeySetItem { keys, epoch, version } = items::read("key set", item)?;
        Ok(Some(PublishedKeys { keys, epoch, version }))
    }

    /// Replaces the keys that were read as `before`. Returns `false`, without a change, if they were replaced
    /// meanwhile.
    ///
    /// A retry after a lost answer returns `false` too; reading again then finds the new keys.
    ///
    /// # Errors
    ///
    /// If the write fails. It may still have been applied.
    pub async fn replace_key_set(
        &self,
        before: Option<&PublishedKeys>,
        keys: &KeySet,
        epoch: u64,
    ) -> Result<bool, StoreError> {
        let version = before.map_or(0, |before| before.version);
        let item = KeySetItem {
            keys: keys.clone(),
            epoch,
            version: version + 1,
        };
        let request = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(items::write(&ItemKey::key_set(), &item)))
            .expression_attribute_names("#version", "version");
        let request = match version {
            0 => request.condition_expression("attribute_not_exists(#version)"),
            _ => request
                .condition_expression("#version = :version")
                .expression_attribute_values(":version", number(version)),
        };
        match request.send().await {
            Ok(_) => Ok(true),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(PutItemError::is_conditional_check_failed_exception) =>
            {
                Ok(false)
            }
            Err(error) => Err(StoreError::from_sdk("PutItem", error)),
        }
    }

    /// Replaces whatever key set is there: for a table whose keys are not rotated.
    ///
    /// A retry publishes the same keys again.
    ///
    /// # Errors
    ///
    /// If the table cannot be read or written.
    pub async fn publish_key_set(&self, keys: &KeySet) -> Result<(), StoreError> {
        for _ in 0..MAX_ATTEMPTS {
            let before = self.published_keys().await?;
            let epoch = before.as_ref().map_or(0, |before| before.epoch);
            if self.replace_key_set(before.as_ref(), keys, epoch).await? {
                return Ok(());
            }
        }
        Err(StoreError::Contended {
            operation: "publishing keys",
        })
    }
}
