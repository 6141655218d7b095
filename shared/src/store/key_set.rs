//! The published key set: item `KEYS` / `JWKS`.

use serde::{Deserialize, Serialize};

use super::{Store, StoreError, items, keys::Key};
use crate::keys::KeySet;

#[derive(Serialize, Deserialize)]
struct KeySetItem {
    keys: KeySet,
}

impl Store {
    /// The published key set, read consistently; none when nothing was published yet.
    ///
    /// # Errors
    ///
    /// When the table cannot be read.
    pub async fn key_set(&self) -> Result<Option<KeySet>, StoreError> {
        let item = self.item(&Key::key_set()).await?;
        item.map(|item| Ok(items::read::<KeySetItem>("key set", item)?.keys))
            .transpose()
    }

    /// Publishes a key set in place of the present one.
    ///
    /// A repeat writes the same item again.
    ///
    /// # Errors
    ///
    /// When the table cannot be written.
    pub async fn publish_key_set(&self, keys: &KeySet) -> Result<(), StoreError> {
        self.put(items::write(&Key::key_set(), &KeySetItem { keys: keys.clone() }))
            .await
    }
}
