//! Deleting an account with everything that belongs to it.

use futures_util::TryFutureExt;

use super::{
    error::StoreError,
    expression::{Attributes, text},
    item_keys::{self, ItemKey},
    table::Store,
    transaction::Action,
};
use crate::domain::{account::Account, ids::UserId};

/// Maximum records one step deletes.
const STEP: i32 = 1000;

/// A kind of record that an account has many of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordKind {
    /// Its sessions; once deleted, they cannot be refreshed or used.
    Sessions,
    /// Its audit trail.
    Events,
}

impl Store {
    /// Deletes some of a user's records, regardless of concurrent use, and returns how many; 0 means none are left.
    ///
    /// A retry deletes what is left.
    ///
    /// # Errors
    ///
    /// If the table cannot be read or written. Some records may be gone by then.
    pub async fn delete_some(&self, user: UserId, records: RecordKind) -> Result<usize, StoreError> {
        let (pk, prefix) = match records {
            RecordKind::Sessions => (item_keys::user_pk(user), item_keys::SESSION_PREFIX),
            RecordKind::Events => (item_keys::trail_pk(user), item_keys::EVENT_PREFIX),
        };
        let answer = self
            .query(pk, prefix)
            .limit(STEP)
            .projection_expression("pk, sk")
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("Query", error))?;
        let found = answer.items.unwrap_or_default();
        Self::delete_each(found, |key| self.delete(key).map_ok(|_| 1)).await
    }

    /// Deletes the credential and profile of an account whose deletion has begun, both or neither, freeing its address.
    /// Its records must be deleted first, since only its id finds them afterwards.
    ///
    /// A retry, or the second of two concurrent deletions, finds nothing and changes nothing.
    ///
    /// # Errors
    ///
    /// If the write fails. It may still have been applied.
    pub async fn delete_account(&self, account: &Account) -> Result<(), StoreError> {
        let user = text(account.user_id.to_string());
        let actions = vec![
            Action::Delete {
                key: ItemKey::credential(&account.email),
                condition: "user_id = :user AND attribute_exists(deletion_began_at)",
                values: Attributes::from([(":user".to_owned(), user)]),
            },
            Action::Delete {
                key: ItemKey::profile(account.user_id),
                condition: "",
                values: Attributes::new(),
            },
        ];
        self.transact("deleting an account", actions).await.map(drop)
    }
}
