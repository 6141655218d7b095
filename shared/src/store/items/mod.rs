//! How sessions, events and accounts stand in the table.

use std::{collections::HashMap, net::IpAddr};

use aws_sdk_dynamodb::types::AttributeValue;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::domain::{
    account::{Account, Credential},
    audit::{Event, EventType},
    clock::{Millis, Seconds},
    day::Day,
    email::Email,
    ids::{EventId, SessionId, TokenId, UserId},
    password::PasswordHash,
    session::{EndReason, Ended, Origin, Rotation, Session},
};
use crate::store::{
    error::StoreError,
    expression::Attributes,
    item_keys::{self, Key},
};

/// A session keeps this many bytes of the user agent, so that a refresh stays one write unit.
const SESSION_AGENT_BYTES: usize = 256;
/// An event keeps this many characters of it.
const EVENT_AGENT_CHARS: usize = 500;

/// Reads an item, naming the attribute that does not fit.
pub(super) fn read<T: DeserializeOwned>(what: &str, item: Attributes) -> Result<T, StoreError> {
    let sort_key = item
        .get(item_keys::SK)
        .and_then(|sk| sk.as_s().ok())
        .cloned()
        .unwrap_or_default();
    let map = serde_dynamo::AttributeValue::from(AttributeValue::M(item));
    serde_path_to_error::deserialize(serde_dynamo::Deserializer::from_attribute_value(map)).map_err(|error| {
        let name = format!("{what} {sort_key}");
        corrupt(&name, &error.path().to_string(), error.inner().to_string())
    })
}

/// Writes an item with its key.
pub(super) fn write<T: Serialize>(key: &Key, value: &T) -> Attributes {
    let fields: HashMap<String, AttributeValue> = serde_dynamo::aws_sdk_dynamodb_1::to_item(value).expect(
        "our item structs hold strings, numbers and options only, all of which have an attribute type",
    );
    let mut item = key.attributes();
    item.extend(fields);
    item
}

fn corrupt(item: &str, attribute: &str, reason: impl Into<String>) -> StoreError {
    StoreError::Corrupt {
        item: item.to_owned(),
        attribute: attribute.to_owned(),
        reason: reason.into(),
    }
}

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
    #[serde(skip_serializing_if = "Option::is_none")]
    rotation_key: Option<String>,
    rotation_count: u64,
    device_name: String,
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
    last_used_at: Millis,
    expires_at: Seconds,
    absolute_expires_at: Seconds,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<Millis>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_reason: Option<EndReason>,
}

pub(super) fn session_item(session: &Session) -> Attributes {
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
            .and_then(|rotation| rotation.key)
            .map(|key| encode_key(&key)),
        rotation_count: session.rotation_count,
        device_name: session.device_name.clone(),
        device_id: session.device_id.clone(),
        ip_address: session.origin.ip_address,
        user_agent: session_agent(&session.origin),
        location_city: session.origin.city.clone(),
        location_country: session.origin.country.clone(),
        created_at: session.created_at,
        last_used_at: session.last_used_at,
        expires_at: session.expires_at,
        absolute_expires_at: session.absolute_expires_at,
        revoked_at: session.ended.map(|ended| ended.at),
        revoked_reason: session.ended.map(|ended| ended.reason),
    };
    write(&Key::session(session.user_id, session.id), &item)
}

pub(super) fn session(attributes: Attributes) -> Result<Session, StoreError> {
    let item: SessionItem = read("session", attributes)?;
    let name = format!("session {}", item.session_id);
    let rotation = match (item.previous_jti, item.rotated_at) {
        (Some(previous_jti), Some(at)) => {
            let key = item.rotation_key.as_deref().map(decode_key).transpose();
            let key = key.map_err(|reason| corrupt(&name, "rotation_key", reason))?;
            Some(Rotation {
                previous_jti,
                at,
                key,
            })
        }
        (None, None) => None,
        _ => {
            return Err(corrupt(
                &name,
                "rotated_at",
                "present without previous_jti, or the reverse",
            ));
        }
    };
    let ended = match (item.revoked_at, item.revoked_reason) {
        (Some(at), Some(reason)) => Some(Ended { at, reason }),
        (None, None) => None,
        _ => {
            return Err(corrupt(
                &name,
                "revoked_at",
                "present without revoked_reason, or the reverse",
            ));
        }
    };
    Ok(Session {
        user_id: item.user_id,
        id: item.session_id,
        refresh_jti: item.refresh_jti,
        rotation,
        rotation_count: item.rotation_count,
        device_name: item.device_name,
        device_id: item.device_id,
        origin: Origin {
            ip_address: item.ip_address,
            user_agent: item.user_agent,
            city: item.location_city,
            country: item.location_country,
        },
        created_at: item.created_at,
        last_used_at: item.last_used_at,
        expires_at: item.expires_at,
        absolute_expires_at: item.absolute_expires_at,
        ended,
    })
}

/// The user agent as a session keeps it.
pub(super) fn session_agent(origin: &Origin) -> Option<String> {
    let agent = origin.user_agent.as_deref()?;
    let end = (0..=SESSION_AGENT_BYTES.min(agent.len()))
        .rev()
        .find(|&end| agent.is_char_boundary(end));
    Some(agent[..end.unwrap_or(0)].to_owned())
}

pub(super) fn encode_key(key: &[u8; 32]) -> String {
    URL_SAFE_NO_PAD.encode(key)
}

fn decode_key(text: &str) -> Result<[u8; 32], &'static str> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| "not base64url")?;
    bytes.try_into().map_err(|_| "not 32 bytes")
}

/// An audit event's attributes.
#[derive(Serialize, Deserialize)]
struct EventItem {
    #[serde(skip_serializing_if = "Option::is_none")]
    gsi1pk: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gsi1sk: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Seconds>,
    #[serde(rename = "type")]
    event_type: EventType,
    at: Millis,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<SessionId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ip_address: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    location_city: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    location_country: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<String>,
}

impl EventItem {
    fn of(event: &Event) -> Self {
        let agent = event.origin.user_agent.as_deref();
        Self {
            gsi1pk: None,
            gsi1sk: None,
            expires_at: None,
            event_type: event.event_type,
            at: event.at,
            session_id: event.session_id,
            device_name: event.device_name.clone(),
            ip_address: event.origin.ip_address,
            user_agent: agent.map(|agent| agent.chars().take(EVENT_AGENT_CHARS).collect()),
            location_city: event.origin.city.clone(),
            location_country: event.origin.country.clone(),
            request_id: event.request_id.clone(),
            actor: event.actor.clone(),
        }
    }
}

pub(super) fn event_item(event: &Event) -> Attributes {
    let item = EventItem {
        gsi1pk: Some(item_keys::audit_partition(
            Day::of(event.at),
            item_keys::audit_shard(event.id),
        )),
        gsi1sk: Some(event.id.to_string()),
        ..EventItem::of(event)
    };
    write(&Key::event(event.user_id, event.id), &item)
}

/// An event of a user's trail: whose it is and which is in its key.
pub(super) fn event(attributes: Attributes) -> Result<Event, StoreError> {
    let (user_id, id) = event_owner_and_id(&attributes)?;
    let item: EventItem = read("event", attributes)?;
    Ok(Event {
        id,
        user_id,
        event_type: item.event_type,
        at: item.at,
        session_id: item.session_id,
        device_name: item.device_name,
        origin: Origin {
            ip_address: item.ip_address,
            user_agent: item.user_agent,
            city: item.location_city,
            country: item.location_country,
        },
        request_id: item.request_id,
        actor: item.actor,
    })
}

/// Whose event an item is, and which: both are in its key.
pub(super) fn event_owner_and_id(attributes: &Attributes) -> Result<(UserId, EventId), StoreError> {
    let key = |name: &str| attributes.get(name).and_then(|value| value.as_s().ok());
    let sort_key = key(item_keys::SK).cloned().unwrap_or_default();
    let name = format!("event {sort_key}");
    let user_id = key(item_keys::PK).and_then(|pk| item_keys::user_of(pk));
    let user_id = user_id.ok_or_else(|| corrupt(&name, item_keys::PK, "names no user"))?;
    let id = sort_key
        .strip_prefix(item_keys::EVENT_PREFIX)
        .and_then(|id| id.parse().ok());
    let id = id.ok_or_else(|| corrupt(&name, item_keys::SK, "names no event"))?;
    Ok((user_id, id))
}

/// A refused login of an unknown address: nobody's trail, removed by TTL and not by `prune`.
pub(super) fn unknown_login_item(email: &Email, event: &Event, expires_at: Seconds) -> Attributes {
    let item = EventItem {
        expires_at: Some(expires_at),
        ..EventItem::of(event)
    };
    write(&Key::unknown_login(email, event.id), &item)
}

/// The profile's attributes: what an account is called, and where its credential is.
#[derive(Serialize, Deserialize)]
struct ProfileItem {
    user_id: UserId,
    email: String,
    email_as_typed: String,
    created_at: Millis,
}

pub(super) fn profile_item(account: &Account) -> Attributes {
    let item = ProfileItem {
        user_id: account.user_id,
        email: account.email.as_str().to_owned(),
        email_as_typed: account.email_as_typed.clone(),
        created_at: account.created_at,
    };
    write(&Key::profile(account.user_id), &item)
}

pub(super) fn profile(attributes: Attributes) -> Result<Account, StoreError> {
    let item: ProfileItem = read("account", attributes)?;
    account(item)
}

fn account(item: ProfileItem) -> Result<Account, StoreError> {
    let email = Email::parse(&item.email)
        .map_err(|error| corrupt(&format!("account {}", item.user_id), "email", error.to_string()))?;
    Ok(Account {
        user_id: item.user_id,
        email,
        email_as_typed: item.email_as_typed,
        created_at: item.created_at,
    })
}

/// The credential's attributes: all that a login has to know.
#[derive(Serialize, Deserialize)]
struct CredentialItem {
    user_id: UserId,
    email: String,
    email_as_typed: String,
    created_at: Millis,
    #[serde(skip_serializing_if = "Option::is_none")]
    password_hash: Option<PasswordHash>,
    is_active: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    deletion_began_at: Option<Millis>,
    login_sequence: u64,
}

pub(super) fn credential_item(credential: &Credential) -> Attributes {
    let account = &credential.account;
    let item = CredentialItem {
        user_id: account.user_id,
        email: account.email.as_str().to_owned(),
        email_as_typed: account.email_as_typed.clone(),
        created_at: account.created_at,
        password_hash: credential.password_hash.clone(),
        is_active: credential.is_active,
        deletion_began_at: credential.deletion_began_at,
        login_sequence: credential.login_sequence,
    };
    write(&Key::credential(&account.email), &item)
}

pub(super) fn credential(attributes: Attributes) -> Result<Credential, StoreError> {
    let item: CredentialItem = read("credential", attributes)?;
    Ok(Credential {
        password_hash: item.password_hash,
        is_active: item.is_active,
        deletion_began_at: item.deletion_began_at,
        login_sequence: item.login_sequence,
        account: account(ProfileItem {
            user_id: item.user_id,
            email: item.email,
            email_as_typed: item.email_as_typed,
            created_at: item.created_at,
        })?,
    })
}

#[cfg(test)]
mod tests;
