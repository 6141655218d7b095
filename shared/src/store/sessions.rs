//! Reading sessions and deleting expired records.

use super::{
    error::StoreError,
    expression::{Attributes, number, text},
    item_keys::{self, ItemKey},
    items,
    table::Store,
};
use crate::domain::{
    clock::Millis,
    ids::{SessionId, UserId},
    session::Session,
};

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
        let values = Attributes::from([(":now".to_owned(), number(now.seconds().0))]);
        let delete = |session| {
            let key = ItemKey::session(user, session).attributes();
            self.delete_if(key, "expires_at <= :now", values.clone())
        };
        Self::delete_each(sessions.to_vec(), delete).await
    }

    /// Deletes records of sessions that have ended or expired by `now`, and can never be active again.
    ///
    /// A retry finds the record gone.
    ///
    /// # Errors
    ///
    /// If the table cannot be written. What is left goes with a later login or by TTL.
    pub async fn delete_stale(
        &self,
        user: UserId,
        sessions: &[SessionId],
        now: Millis,
    ) -> Result<(), StoreError> {
        let values = Attributes::from([(":now".to_owned(), number(now.seconds().0))]);
        let condition = "attribute_exists(revoked_at) OR expires_at <= :now";
        let delete = |session| {
            let key = ItemKey::session(user, session).attributes();
            self.delete_if(key, condition, values.clone())
        };
        Self::delete_each(sessions.to_vec(), delete).await.map(drop)
    }
}
