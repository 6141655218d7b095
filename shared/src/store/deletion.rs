//! Deleting an account with everything that belongs to it.

use futures_util::{StreamExt, TryStreamExt, stream};

use super::{
    batch::MAX_BATCH_WRITES,
    error::StoreError,
    expression::{Attributes, text},
    item_keys::{self, ItemKey},
    table::Store,
    transaction::Action,
};
use crate::domain::{account::Account, ids::UserId};

/// How many records one step deletes at most.
const STEP: i32 = 1000;
/// How many batches are under way at once.
const BATCHES_AT_ONCE: usize = 4;

/// A kind of records that an account has many of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordKind {
    /// Its sessions, which nobody can refresh or use once they are gone.
    Sessions,
    /// Its audit trail.
    Events,
}

impl Store {
    /// Deletes some of the records of a user, whoever reads or writes them meanwhile; answers how many. None are left
    /// when it answers 0.
    ///
    /// A repeat deletes what is left.
    ///
    /// # Errors
    ///
    /// When the table cannot be read or written. Some records may be gone by then.
    pub async fn delete_some(&self, user: UserId, records: RecordKind) -> Result<usize, StoreError> {
        let prefix = match records {
            RecordKind::Sessions => item_keys::SESSION_PREFIX,
            RecordKind::Events => item_keys::EVENT_PREFIX,
        };
        let answer = self
            .query(item_keys::user_pk(user), prefix)
            .limit(STEP)
            .projection_expression("pk, sk")
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("Query", error))?;
        let found = answer.items.unwrap_or_default();
        let batches: Vec<Vec<_>> = found.chunks(MAX_BATCH_WRITES).map(<[_]>::to_vec).collect();
        stream::iter(batches)
            .map(|batch| self.delete_batch(batch))
            .buffer_unordered(BATCHES_AT_ONCE)
            .try_collect::<()>()
            .await?;
        Ok(found.len())
    }

    /// Deletes the credential and the profile of an account whose deletion has begun, both or neither: from here on
    /// its address is free. Its records must be gone before, since nothing but its id finds them afterwards.
    ///
    /// A repeat finds nothing and changes nothing, and so does the second of two deletions at once.
    ///
    /// # Errors
    ///
    /// When the table cannot be written. Whether it was is not known then.
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
