//! Replaces both keys at once and drops all others, in case a private key may have leaked.

use serde_json::{Value, json};
use shared::auth::SigningKeys;

use crate::{
    error::RotationError,
    rotation::{MAX_ATTEMPTS, Rotation},
};

/// Replaces all keys with two new.
///
/// First it publishes them beside the old ones, then signers get them, then the old ones are dropped, so logins never
/// stop working. The new epoch keeps a rotation under way from publishing old keys again; that rotation also loses its
/// pending label. If cut short, it is repeated with yet newer keys. Of two at once, the label's order decides: the later
/// one has the higher epoch, and its keys remain.
pub(crate) async fn replace_keys(rotation: &Rotation) -> Result<Value, RotationError> {
    let (store, secret) = (&rotation.state.store, &rotation.secret);
    for _ in 0..MAX_ATTEMPTS {
        let published = store.published_keys().await?;
        let current = secret.versions().await?.current().map(str::to_owned);
        let old = published.clone().unwrap_or_default();

        let epoch = old.epoch.max(read_epoch(rotation, current.as_deref()).await?) + 1;
        let keys = SigningKeys::generate(epoch)?;
        let version = rotation.state.ids.request_token();
        secret.put_pending(&version, &keys).await?;
        let both = old.keys.and(&keys.public());
        if !store
            .replace_key_set(published.as_ref(), &both, old.epoch)
            .await?
            || !secret.make_current(&version, current.as_deref()).await?
        {
            continue;
        }
        drop_others(rotation, &keys).await?;
        secret.no_longer_pending(&version).await?;

        let dropped: Vec<_> = old.keys.kids().collect();
        tracing::warn!(
            version,
            ?dropped,
            "the signing keys were replaced in an emergency"
        );
        return Ok(json!({
            "ok": true,
            "current": keys.current.public().kid,
            "next": keys.next.public().kid,
            "dropped": dropped,
        }));
    }
    Err(RotationError::Contended)
}

/// The epoch of what signers read now; 0 if that is unreadable, which an emergency repairs.
async fn read_epoch(rotation: &Rotation, version: Option<&str>) -> Result<u64, RotationError> {
    let Some(version) = version else { return Ok(0) };
    match rotation.secret.read(version).await {
        Ok(keys) => Ok(keys.map_or(0, |keys| keys.epoch)),
        Err(RotationError::Unreadable { .. }) => Ok(0),
        Err(error) => Err(error),
    }
}

/// Publishes only `keys`, unless a later emergency has published already.
async fn drop_others(rotation: &Rotation, keys: &SigningKeys) -> Result<(), RotationError> {
    let store = &rotation.state.store;
    for _ in 0..MAX_ATTEMPTS {
        let published = store.published_keys().await?.unwrap_or_default();
        if published.epoch >= keys.epoch
            || store
                .replace_key_set(Some(&published), &keys.public(), keys.epoch)
                .await?
        {
            return Ok(());
        }
    }
    Err(RotationError::Contended)
}
