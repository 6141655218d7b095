//! The audit trail, as its owner sees it.

use std::net::IpAddr;

#[cfg(feature = "openapi")]
use schemars::JsonSchema;
use serde::Serialize;

#[cfg(feature = "openapi")]
use crate::domain::audit::MAX_EVENTS_PER_PAGE;
use crate::domain::{
    audit::{AuditEvent, EventType},
    auth_method::AuthMethod,
    ids::{EventId, SessionId},
};
#[cfg(feature = "openapi")]
use crate::http::schema;

/// A page of the account's audit trail.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(JsonSchema))]
pub struct Activity {
    /// What happened, newest first.
    #[cfg_attr(feature = "openapi", schemars(with = "EventList"))]
    pub events: Vec<EventView>,
    /// The `cursor` of the next page; none on the last one.
    #[cfg_attr(feature = "openapi", schemars(with = "Option<schema::Cursor>"))]
    pub next_cursor: Option<String>,
}

/// Events, as many as a page has.
#[cfg(feature = "openapi")]
type EventList = schema::Bounded<EventView, { MAX_EVENTS_PER_PAGE as usize }>;

/// Something that happened to the account.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(JsonSchema))]
#[cfg_attr(feature = "openapi", schemars(rename = "Event"))]
pub struct EventView {
    /// The event's id.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::Id"))]
    pub id: EventId,
    /// What happened: new types may come.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "openapi", schemars(with = "schema::EventKind"))]
    pub event_type: EventType,
    /// When.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::Time"))]
    pub at: String,
    /// To which session, where it concerns one.
    #[cfg_attr(feature = "openapi", schemars(with = "Option<schema::Id>"))]
    pub session_id: Option<SessionId>,
    /// That session's device.
    #[cfg_attr(feature = "openapi", schemars(with = "Option<schema::DeviceText>"))]
    pub device_name: Option<String>,
    /// How the user of a `login_succeeded` proved who they are (RFC 8176): `["pwd"]` with a password; with a ticket,
    /// what the backend said, which may be nothing.
    #[cfg_attr(feature = "openapi", schemars(with = "Option<schema::AuthMethods>"))]
    pub amr: Option<Vec<AuthMethod>>,
    /// The address that it came from.
    #[cfg_attr(feature = "openapi", schemars(with = "Option<schema::Address>"))]
    pub ip_address: Option<IpAddr>,
    /// The city, when a trusted proxy told it.
    #[cfg_attr(feature = "openapi", schemars(with = "Option<schema::Place>"))]
    pub location_city: Option<String>,
    /// The country, when a trusted proxy told it.
    #[cfg_attr(feature = "openapi", schemars(with = "Option<schema::Place>"))]
    pub location_country: Option<String>,
    /// Whether it concerns the session of the presented access token.
    pub is_current: bool,
}

impl EventView {
    /// What the owner sees of an event, looking from the session `own`.
    #[must_use]
    pub fn new(event: AuditEvent, own: SessionId) -> Self {
        Self {
            id: event.id,
            event_type: event.event_type,
            at: event.at.to_string(),
            session_id: event.session_id,
            device_name: event.device_name,
            amr: event.amr,
            ip_address: event.origin.ip_address,
            location_city: event.origin.city,
            location_country: event.origin.country,
            is_current: event.session_id == Some(own),
        }
    }
}
