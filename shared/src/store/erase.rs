//! Deleting an account with everything that belongs to it.

use backon::BackoffBuilder;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::{
    SETTLING, Store, StoreError,
    expression::{Attributes, text},
    keys::{self, Key},
    transact::{Action, pauses},
};
use crate::{account::Account, ids::UserId};

/// How many records one step deletes at most.
const STEP: i32 = 1000;
/// How many records `BatchWriteItem` takes.
const BATCH: usize = 25;
/// How many batches are under way at once.
const BATCHES_AT_ONCE: usize = 4;

/// A kind of records that an account has many of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Records {
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
    pub async fn erase_some(&self, user: UserId, records: Records) -> Result<usize, StoreError> {
        let prefix = match records {
            Records::Sessions => keys::SESSION_PREFIX,
            Records::Events => keys::EVENT_PREFIX,
        };
        let answer = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .limit(STEP)
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":pk", text(keys::user_pk(user)))
            .expression_attribute_values(":prefix", text(prefix))
            .projection_expression("pk, sk")
            .send()
            .await
            .map_err(|error| StoreError::of("Query", error))?;
        let found = answer.items.unwrap_or_default();
        let batches: Vec<Vec<_>> = found.chunks(BATCH).map(<[_]>::to_vec).collect();
        stream::iter(batches)
            .map(|batch| self.delete_batch(batch))
            .buffer_unordered(BATCHES_AT_ONCE)
            .try_collect::<()>()
            .await?;
        Ok(found.len())
    }

    /// Deletes up to 25 items, trying again with those that `DynamoDB` put off.
    async fn delete_batch(&self, mut keys: Vec<Attributes>) -> Result<(), StoreError> {
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

    /// Waits until queries see what was committed before.
    pub async fn settle(&self) {
        tokio::time::sleep(SETTLING).await;
    }

    /// Deletes the credential and the profile of an account whose deletion has begun, both or neither: from here on
    /// its address is free. Its records must be gone before, since nothing but its id finds them afterwards.
    ///
    /// A repeat finds nothing and changes nothing, and so does the second of two deletions at once.
    ///
    /// # Errors
    ///
    /// When the table cannot be written. Whether it was is not known then.
    pub async fn remove_account(&self, account: &Account) -> Result<(), StoreError> {
        let user = text(account.user_id.to_string());
        let actions = vec![
            Action::Delete {
                key: Key::credential(&account.email),
                condition: "user_id = :user AND attribute_exists(deletion_began_at)",
                values: Attributes::from([(":user".to_owned(), user)]),
            },
            Action::Delete {
                key: Key::profile(account.user_id),
                condition: "",
                values: Attributes::new(),
            },
        ];
        self.transact("deleting an account", actions).await.map(drop)
    }
}
