//! The four steps of a rotation.

use shared::{
    auth::{
        AccessClaims, Claims, KeyPair, RefreshClaims, Signer, SigningKeys, TokenError, TokenSubject, Verifier,
    },
    domain::{
        auth_method::AuthMethod,
        clock::Millis,
        key_set::{KeySet, PublishedKeys},
    },
};

use crate::{
    command::Step,
    error::RotationError,
    rotation::{MAX_ATTEMPTS, Rotation},
};

/// The state of a rotation's version.
enum Stage {
    /// In progress; `current` is in use.
    Pending { current: Option<String> },
    /// Signers already read it.
    Current,
}

pub(crate) async fn carry_out(rotation: &Rotation, step: Step, token: &str) -> Result<(), RotationError> {
    let outcome = match step {
        Step::CreateSecret => create(rotation, token).await,
        Step::SetSecret => set(rotation, token).await,
        Step::TestSecret => test(rotation, token).await,
        Step::FinishSecret => finish(rotation, token).await,
    };
    if let Err(RotationError::Void(_)) = outcome {
        // Its label would block every later rotation.
        rotation.secret.no_longer_pending(token).await?;
    }
    outcome
}

/// Creates the new version: the next key becomes current, and a new one is next. An empty secret gets its first keys.
///
/// A repeat is harmless because an existing value is kept.
async fn create(rotation: &Rotation, token: &str) -> Result<(), RotationError> {
    let Stage::Pending { current } = stage(rotation, token).await? else {
        return Ok(());
    };
    if rotation.secret.read(token).await?.is_some() {
        return Ok(());
    }
    let keys = if let Some(keys) = present_keys(rotation, current.as_deref()).await? {
        keys.successor()?
    } else {
        let published = rotation.state.store.published_keys().await?;
        SigningKeys::generate(published.map_or(0, |published| published.epoch))?
    };
    rotation.secret.put_pending(token, &keys).await
}

/// Publishes the new version's public keys beside the current ones, which keep signing.
///
/// A repeat finds them published and writes nothing.
async fn set(rotation: &Rotation, token: &str) -> Result<(), RotationError> {
    for _ in 0..MAX_ATTEMPTS {
        let published = rotation.state.store.published_keys().await?;
        let Stage::Pending { current } = stage(rotation, token).await? else {
            return Ok(());
        };
        let pending = read_keys(rotation, token, published.as_ref()).await?;
        let mut active = vec![pending.current.public().clone(), pending.next.public().clone()];
        if let Some(present) = present_keys(rotation, current.as_deref()).await? {
            if present.next.public() != pending.current.public() || present.epoch != pending.epoch {
                return Err(RotationError::Void(token.to_owned()));
            }
            active.insert(0, present.current.public().clone());
        }
        if rotation.publish(published.as_ref(), active).await? {
            return Ok(());
        }
    }
    Err(RotationError::Contended)
}

/// Signs with both new keys and verifies with the published set.
async fn test(rotation: &Rotation, token: &str) -> Result<(), RotationError> {
    let published = rotation.state.store.published_keys().await?;
    let Stage::Pending { .. } = stage(rotation, token).await? else {
        return Ok(());
    };
    let keys = read_keys(rotation, token, published.as_ref()).await?;
    let published = published.unwrap_or_default().keys;
    must_sign(&keys, &published)?;
    try_key(rotation, &keys.current, &published)?;
    try_key(rotation, &keys.next, &published)
}

/// Makes the new version current, then retires the previous signing key. Not earlier, because a retired key soon stops
/// verifying.
///
/// A repeat finishes what is left.
async fn finish(rotation: &Rotation, token: &str) -> Result<(), RotationError> {
    for _ in 0..MAX_ATTEMPTS {
        let published = rotation.state.store.published_keys().await?;
        let stage = stage(rotation, token).await?;
        let keys = read_keys(rotation, token, published.as_ref()).await?;
        if let Stage::Pending { current } = stage {
            must_sign(&keys, &published.clone().unwrap_or_default().keys)?;
            if !rotation.secret.make_current(token, current.as_deref()).await? {
                continue;
            }
        }
        let active = vec![keys.current.public().clone(), keys.next.public().clone()];
        if rotation.publish(published.as_ref(), active).await? {
            return rotation.secret.no_longer_pending(token).await;
        }
    }
    Err(RotationError::Contended)
}

async fn stage(rotation: &Rotation, token: &str) -> Result<Stage, RotationError> {
    let versions = rotation.secret.versions().await?;
    if !versions.rotation_enabled {
        return Err(RotationError::Disabled(rotation.secret.id().to_owned()));
    }
    if versions.is_current(token) {
        return Ok(Stage::Current);
    }
    if !versions.is_pending(token) {
        return Err(RotationError::NotPending(token.to_owned()));
    }
    Ok(Stage::Pending {
        current: versions.current().map(str::to_owned),
    })
}

async fn present_keys(
    rotation: &Rotation,
    current: Option<&str>,
) -> Result<Option<SigningKeys>, RotationError> {
    match current {
        Some(version) => rotation.secret.read(version).await,
        None => Ok(None),
    }
}

/// The keys of the rotation's version, unless an emergency overtook it.
async fn read_keys(
    rotation: &Rotation,
    token: &str,
    published: Option<&PublishedKeys>,
) -> Result<SigningKeys, RotationError> {
    let keys = rotation.secret.read(token).await?;
    let keys = keys.ok_or_else(|| RotationError::NoValue(token.to_owned()))?;
    if published.is_some_and(|published| published.epoch != keys.epoch) {
        return Err(RotationError::Void(token.to_owned()));
    }
    Ok(keys)
}

fn must_sign(keys: &SigningKeys, published: &KeySet) -> Result<(), RotationError> {
    for key in [&keys.current, &keys.next] {
        let kid = &key.public().kid;
        if !published.signs(kid) {
            return Err(RotationError::NotPublished(kid.clone()));
        }
    }
    Ok(())
}

fn try_key(rotation: &Rotation, key: &KeyPair, published: &KeySet) -> Result<(), RotationError> {
    let state = &rotation.state;
    let now = state.clock.now();
    let end = now.seconds().plus(state.config.session_absolute_seconds);
    let subject = TokenSubject {
        user_id: state.ids.user(),
        session_id: state.ids.session(now),
        auth_time: now.seconds(),
        amr: vec![AuthMethod::Pwd],
        expires_at: end,
        absolute_expires_at: end,
    };
    let signer = Signer::new(state.config.tokens.clone(), key, state.ids.clone());
    let tokens = signer.issue(&subject, &state.ids.token(), now.seconds(), now)?;
    let verifier = Verifier::new(&state.config.tokens);
    let tested = verify::<AccessClaims>(&verifier, &tokens.access_token, published, now)
        .and_then(|()| verify::<RefreshClaims>(&verifier, &tokens.refresh_token, published, now));
    tested.map_err(|source| RotationError::Test {
        kid: key.public().kid.clone(),
        source,
    })
}

fn verify<C: Claims>(
    verifier: &Verifier,
    token: &str,
    published: &KeySet,
    now: Millis,
) -> Result<(), TokenError> {
    let candidate = verifier.parse::<C>(token)?;
    verifier.verify::<C>(&candidate, published, now).map(drop)
}
