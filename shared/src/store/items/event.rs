//! How audit events are stored.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::codec::{corrupt, read, write};
use crate::{
    domain::{
        audit::{AuditEvent, EventType},
        auth_method::AuthMethod,
        clock::{Millis, Seconds},
        day::Day,
        email::Email,
        ids::{EventId, SessionId, UserId},
        session::Origin,
    },
    store::{
        error::StoreError,
        expression::Attributes,
        item_keys::{self, ItemKey},
    },
};

/// Maximum characters of the user agent.
const EVENT_AGENT_CHARS: usize = 500;

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
    amr: Option<Vec<AuthMethod>>,
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
    fn from_event(event: &AuditEvent) -> Self {
        let agent = event.origin.user_agent.as_deref();
        Self {
            gsi1pk: None,
            gsi1sk: None,
            expires_at: None,
            event_type: event.event_type,
            at: event.at,
            session_id: event.session_id,
            device_name: event.device_name.clone(),
            amr: event.amr.clone(),
            ip_address: event.origin.ip_address,
            user_agent: agent.map(|agent| agent.chars().take(EVENT_AGENT_CHARS).collect()),
            location_city: event.origin.city.clone(),
            location_country: event.origin.country.clone(),
            request_id: event.request_id.clone(),
            actor: event.actor.clone(),
        }
    }
}

pub(in crate::store) fn event_item(event: &AuditEvent) -> Attributes {
    let item = EventItem {
        gsi1pk: Some(item_keys::audit_partition(
            Day::containing(event.at),
            item_keys::audit_shard(event.id),
        )),
        gsi1sk: Some(event.id.to_string()),
        ..EventItem::from_event(event)
    };
    write(&ItemKey::event(event.user_id, event.id), &item)
}

/// An event of a user's trail; its key holds user and event id.
pub(in crate::store) fn event(attributes: Attributes) -> Result<AuditEvent, StoreError> {
    let (user_id, id) = event_owner_and_id(&attributes)?;
    let item: EventItem = read("event", attributes)?;
    Ok(AuditEvent {
        id,
        user_id,
        event_type: item.event_type,
        at: item.at,
        session_id: item.session_id,
        device_name: item.device_name,
        amr: item.amr,
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

/// An event's user and id, both from its key.
pub(in crate::store) fn event_owner_and_id(attributes: &Attributes) -> Result<(UserId, EventId), StoreError> {
    let key = |name: &str| attributes.get(name).and_then(|value| value.as_s().ok());
    let sort_key = key(item_keys::SK).cloned().unwrap_or_default();
    let name = format!("event {sort_key}");
    let user_id = key(item_keys::PK).and_then(|pk| item_keys::parse_trail_pk(pk));
    let user_id = user_id.ok_or_else(|| corrupt(&name, item_keys::PK, "names no user"))?;
    let id = sort_key
        .strip_prefix(item_keys::EVENT_PREFIX)
        .and_then(|id| id.parse().ok());
    let id = id.ok_or_else(|| corrupt(&name, item_keys::SK, "names no event"))?;
    Ok((user_id, id))
}

/// A refused login of an unknown address: in no trail, removed by TTL, not by `prune`.
pub(in crate::store) fn unknown_login_item(
    email: &Email,
    event: &AuditEvent,
    expires_at: Seconds,
) -> Attributes {
    let item = EventItem {
        expires_at: Some(expires_at),
        ..EventItem::from_event(event)
    };
    write(&ItemKey::unknown_login(email, event.id), &item)
}
