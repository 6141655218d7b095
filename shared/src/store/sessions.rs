//! Reading sessions, and removing records whose time has come.

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

/// How many single deletes are under way at once.
const DELETES_AT_ONCE: usize = 16;

impl Store {
    /// All session records of a user, active or not, oldest first: read consistently, to the last page.
    ///
    /// # Errors
    ///
    /// When the table cannot be read.
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

    /// One session record, read consistently.
    ///
    /// # Errors
    ///
    /// When the table cannot be read.
    pub async fn session(&self, user: UserId, session: SessionId) -> Result<Option<Session>, StoreError> {
        self.get(&ItemKey::session(user, session))
            .await?
            .map(items::session)
            .transpose()
    }

    /// Whose session this is, by the index: eventually consistent, so it only ever explains a refusal.
    ///
    /// # Errors
    ///
    /// When the index cannot be read.
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

    /// Deletes those of the records that have expired by `now`; answers how many there were.
    ///
    /// Each delete has its own condition, so a session that was refreshed meanwhile stays. A repeat finds the
    /// record gone, which the condition refuses: it is not counted twice.
    ///
    /// # Errors
    ///
    /// When the table cannot be written. Some records may be gone by then; a repeat deletes the others.
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

    /// Deletes up to 25 records in one request, without conditions: only for sessions that can never be active
    /// again. What `DynamoDB` leaves unprocessed stays for a later login, or for TTL.
    ///
    /// A repeat deletes what is gone already.
    ///
    /// # Errors
    ///
    /// When the table cannot be written.
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
