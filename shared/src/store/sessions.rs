//! Reading sessions and deleting expired records.

use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use backon::Retryable;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::{
    batch::MAX_BATCH_WRITES,
    error::{StoreError, collided},
    expression::{Attributes, number, text},
    item_keys::{self, ItemKey},
    items,
    retry::pauses,
    table::Store,
};
use crate::domain::{
    clock::Millis,
    ids::{SessionId, UserId},
    session::Session,
};

/// Maximum number of concurrent deletes.
const DELETES_AT_ONCE: usize = 16;

impl Store {
    /// All session records of a user, active or not, oldest first (strongly consistent, all pages).
    ///
    /// # Errors
    ///
    /// If the table cannot be read.
    pub async fn sessions(&self, user: UserId) -> Result<Vec<Session>, StoreError> {
        let query = self.query(item_keys::user_pk(user), item_keys::SESSION_PREFIX);
        let mut found = query.into_paginator().items().send();
        let mut sessions = Vec::new();
        while let Some(item) = found.next().await {
            let item = item.map_err(|error| StoreError::from_sdk("Query", error))?;
            sessions.push(items::session(item)?);
        }
        Ok(sessions)
    }

    /// A session (strongly consistent read).
    ///
    /// # Errors
    ///
    /// If the table cannot be read.
    pub async fn session(&self, user: UserId, session: SessionId) -> Result<Option<Session>, StoreError> {
        self.get(&ItemKey::session(user, session))
            .await?
            .map(items::session)
            .transpose()
    }

    /// The session's owner by the index: eventually consistent, so use it only to explain a refusal.
    ///
    /// # Errors
    ///
    /// If the index cannot be read.
    pub async fn session_owner(&self, session: SessionId) -> Result<Option<UserId>, StoreError> {
        let answer = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(item_keys::GSI1)
            .key_condition_expression("gsi1pk = :pk AND gsi1sk = :sk")
            .expression_attribute_values(":pk", text(item_keys::session_index_pk(session)))
            .expression_attribute_values(":sk", text(item_keys::SESSION_INDEX_SK))
            .limit(1)
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("Query", error))?;
        let owner = |item: &Attributes| item_keys::parse_user_pk(item.get(item_keys::PK)?.as_s().ok()?);
        Ok(answer.items().first().and_then(owner))
    }

    /// Deletes those sessions that have expired by `now`. Returns how many were deleted.
    ///
    /// Each delete is conditional, so a session refreshed meanwhile stays. A retry finds the record gone and fails the
    /// condition, so nothing is counted twice.
    ///
    /// # Errors
    ///
    /// If the table cannot be written. Some records may be gone by then; a retry deletes the rest.
    pub async fn delete_expired(
        &self,
        user: UserId,
        sessions: &[SessionId],
        now: Millis,
    ) -> Result<usize, StoreError> {
        stream::iter(sessions.to_vec())
            .map(|session| self.delete_if_expired(user, session, now))
            .buffer_unordered(DELETES_AT_ONCE)
            .try_fold(0, async |count, deleted| Ok(count + usize::from(deleted)))
            .await
    }

    async fn delete_if_expired(
        &self,
        user: UserId,
        session: SessionId,
        now: Millis,
    ) -> Result<bool, StoreError> {
        let request = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(ItemKey::session(user, session).attributes()))
            .condition_expression("expires_at <= :now")
            .expression_attribute_values(":now", number(now.seconds().0));
        match (|| request.clone().send()).retry(pauses()).when(collided).await {
            Ok(_) => Ok(true),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(DeleteItemError::is_conditional_check_failed_exception) =>
            {
                Ok(false)
            }
            Err(error) => Err(StoreError::from_sdk("DeleteItem", error)),
        }
    }

    /// Deletes up to 25 records in one request, without conditions: only for sessions that can never be active again.
    /// Whatever `DynamoDB` leaves unprocessed is left to a later login or TTL.
    ///
    /// Deleting a record twice is harmless.
    ///
    /// # Errors
    ///
    /// If the table cannot be written.
    pub async fn delete_stale(&self, user: UserId, sessions: &[SessionId]) -> Result<(), StoreError> {
        let keys = sessions
            .iter()
            .map(|&session| ItemKey::session(user, session).attributes());
        if !sessions.is_empty() {
            self.remove(keys.take(MAX_BATCH_WRITES)).await?;
        }
        Ok(())
    }
}
