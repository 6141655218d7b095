//! How sessions are stored.

use std::net::IpAddr;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use super::codec::{corrupt, read, write};
use crate::{
    domain::{
        auth_method::AuthMethod,
        clock::{Millis, Seconds},
        ids::{SessionId, TokenId, UserId},
        session::{Origin, Redemption, Revocation, RevokeReason, Rotation, Session},
    },
    store::{
        error::StoreError,
        expression::Attributes,
        item_keys::{self, ItemKey},
    },
};

/// A session keeps this many bytes of the user agent, so that a refresh costs one write unit.
const SESSION_AGENT_BYTES: usize = 256;

/// A session's attributes.
#[derive(Serialize, Deserialize)]
struct SessionItem {
    #[serde(skip_serializing_if = "Option::is_none")]
    gsi1pk: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gsi1sk: Option<String>,
    user_id: UserId,
    session_id: SessionId,
    refresh_jti: TokenId,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_jti: Option<TokenId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rotated_at: Option<Millis>,
    /// Before the first rotation, that of the redemption, if there was one: a rotation replaces it.
    #[serde(skip_serializing_if = "Option::is_none")]
    rotation_key: Option<String>,
    rotation_count: u64,
    device_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    given_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ip_address: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    location_city: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    location_country: Option<String>,
    created_at: Millis,
    /// Absent in records of version 0.1, whose sessions were all opened with a password.
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_time: Option<Millis>,
    #[serde(skip_serializing_if = "Option::is_none")]
    amr: Option<Vec<AuthMethod>>,
    last_used_at: Millis,
    expires_at: Seconds,
    absolute_expires_at: Seconds,
    #[serde(skip_serializing_if = "Option::is_none")]
    ticket_hash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ticket_expires_at: Option<Seconds>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<Millis>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_reason: Option<RevokeReason>,
}

pub(in crate::store) fn session_item(session: &Session) -> Attributes {
    let redemption = session.redemption.as_ref();
    let item = SessionItem {
        gsi1pk: Some(item_keys::session_index_pk(session.id)),
        gsi1sk: Some(item_keys::SESSION_INDEX_SK.to_owned()),
        user_id: session.user_id,
        session_id: session.id,
        refresh_jti: session.refresh_jti.clone(),
        previous_jti: session
            .rotation
            .as_ref()
            .map(|rotation| rotation.previous_jti.clone()),
        rotated_at: session.rotation.as_ref().map(|rotation| rotation.at),
        rotation_key: session
            .rotation
            .as_ref()
            .map_or_else(
                || redemption.and_then(|redemption| redemption.idempotency_hash),
                |rotation| rotation.idempotency_hash,
            )
            .map(|hash| encode_hash(&hash)),
        rotation_count: session.rotation_count,
        device_name: session.device_name.clone(),
        given_name: session.given_name.clone(),
        device_id: session.device_id.clone(),
        ip_address: session.origin.ip_address,
        user_agent: session_agent(&session.origin),
        location_city: session.origin.city.clone(),
        location_country: session.origin.country.clone(),
        created_at: session.created_at,
        auth_time: Some(session.auth_time),
        amr: Some(session.amr.clone()),
        last_used_at: session.last_used_at,
        expires_at: session.expires_at,
        absolute_expires_at: session.absolute_expires_at,
        ticket_hash: redemption.map(|redemption| encode_hash(&redemption.hash)),
        ticket_expires_at: redemption.map(|redemption| redemption.expires_at),
        revoked_at: session.revocation.map(|ended| ended.at),
        revoked_reason: session.revocation.map(|ended| ended.reason),
    };
    write(&ItemKey::session(session.user_id, session.id), &item)
}

pub(in crate::store) fn session(attributes: Attributes) -> Result<Session, StoreError> {
    let item: SessionItem = read("session", attributes)?;
    let name = format!("session {}", item.session_id);
    let hash = |attribute: &str, text: Option<&str>| {
        let hash = text.map(decode_hash).transpose();
        hash.map_err(|reason| corrupt(&name, attribute, reason))
    };
    let key = hash("rotation_key", item.rotation_key.as_deref())?;
    let rotated = both(
        &name,
        ["rotated_at", "previous_jti"],
        item.rotated_at,
        item.previous_jti,
    )?;
    let rotation = rotated.map(|(at, previous_jti)| Rotation {
        previous_jti,
        at,
        idempotency_hash: key,
    });
    let ticket = hash("ticket_hash", item.ticket_hash.as_deref())?;
    let redeemed = both(
        &name,
        ["ticket_hash", "ticket_expires_at"],
        ticket,
        item.ticket_expires_at,
    )?;
    let redemption = redeemed.map(|(hash, expires_at)| Redemption {
        hash,
        expires_at,
        idempotency_hash: key.filter(|_| rotation.is_none()),
    });
    let revoked = both(
        &name,
        ["revoked_at", "revoked_reason"],
        item.revoked_at,
        item.revoked_reason,
    )?;
    let revocation = revoked.map(|(at, reason)| Revocation { at, reason });
    Ok(Session {
        user_id: item.user_id,
        id: item.session_id,
        refresh_jti: item.refresh_jti,
        rotation,
        rotation_count: item.rotation_count,
        device_name: item.device_name,
        given_name: item.given_name,
        device_id: item.device_id,
        origin: Origin {
            ip_address: item.ip_address,
            user_agent: item.user_agent,
            city: item.location_city,
            country: item.location_country,
        },
        created_at: item.created_at,
        auth_time: item.auth_time.unwrap_or(item.created_at),
        amr: item.amr.unwrap_or_else(|| vec![AuthMethod::Pwd]),
        last_used_at: item.last_used_at,
        expires_at: item.expires_at,
        absolute_expires_at: item.absolute_expires_at,
        redemption,
        revocation,
    })
}

/// Two attributes that stand together or not at all.
fn both<A, B>(
    item: &str,
    [first, second]: [&str; 2],
    a: Option<A>,
    b: Option<B>,
) -> Result<Option<(A, B)>, StoreError> {
    match (a, b) {
        (Some(a), Some(b)) => Ok(Some((a, b))),
        (None, None) => Ok(None),
        _ => {
            let reason = format!("present without {second}, or the reverse");
            Err(corrupt(item, first, reason))
        }
    }
}

/// The user agent as sessions store it.
pub(in crate::store) fn session_agent(origin: &Origin) -> Option<String> {
    let agent = origin.user_agent.as_deref()?;
    let end = (0..=SESSION_AGENT_BYTES.min(agent.len()))
        .rev()
        .find(|&end| agent.is_char_boundary(end));
    Some(agent[..end.unwrap_or(0)].to_owned())
}

pub(in crate::store) fn encode_hash(hash: &[u8; 32]) -> String {
    URL_SAFE_NO_PAD.encode(hash)
}

pub(in crate::store) fn decode_hash(text: &str) -> Result<[u8; 32], &'static str> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| "not base64url")?;
    bytes.try_into().map_err(|_| "not 32 bytes")
}
