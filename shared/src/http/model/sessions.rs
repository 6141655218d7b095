//! Sessions, and what became of them.

use std::net::IpAddr;

#[cfg(feature = "openapi")]
use schemars::JsonSchema;
use serde::Serialize;

use crate::domain::{ids::SessionId, session::Session};
#[cfg(feature = "openapi")]
use crate::http::schema;

/// The account's active sessions.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(JsonSchema))]
pub struct Sessions {
    /// The sessions, last used first.
    #[cfg_attr(feature = "openapi", schemars(with = "SessionList"))]
    pub sessions: Vec<SessionView>,
    /// How many there are.
    #[cfg_attr(feature = "openapi", schemars(range(min = 1, max = 1000)))]
    pub total: usize,
}

impl Sessions {
    /// What the owner sees of sessions, looking from the session `own`.
    #[must_use]
    pub fn new(sessions: Vec<Session>, own: SessionId) -> Self {
        let view = |session: Session| {
            let is_current = session.id == own;
            SessionView::new(session, is_current)
        };
        Self {
            total: sessions.len(),
            sessions: sessions.into_iter().map(view).collect(),
        }
    }
}

/// Sessions, as many as an account can have.
#[cfg(feature = "openapi")]
type SessionList = schema::Bounded<SessionView, 1000>;

/// One device that is logged in.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(JsonSchema))]
#[cfg_attr(feature = "openapi", schemars(rename = "Session"))]
pub struct SessionView {
    /// The session's id.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::Id"))]
    pub id: SessionId,
    /// The device's name: what its owner calls it, else what the app sent, else one made from the user agent.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::DeviceText"))]
    pub device_name: String,
    /// The device's own id, when the app sent one.
    #[cfg_attr(feature = "openapi", schemars(with = "Option<schema::DeviceText>"))]
    pub device_id: Option<String>,
    /// The address that it was last refreshed from.
    #[cfg_attr(feature = "openapi", schemars(with = "Option<schema::Address>"))]
    pub ip_address: Option<IpAddr>,
    /// The city, when a trusted proxy told it.
    #[cfg_attr(feature = "openapi", schemars(with = "Option<schema::Place>"))]
    pub location_city: Option<String>,
    /// The country, when a trusted proxy told it.
    #[cfg_attr(feature = "openapi", schemars(with = "Option<schema::Place>"))]
    pub location_country: Option<String>,
    /// When it was last refreshed, or else created.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::Time"))]
    pub last_used_at: String,
    /// When its owner logged in.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::Time"))]
    pub created_at: String,
    /// When it ends unless it is refreshed before.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::Time"))]
    pub expires_at: String,
    /// Whether it is the session of the presented access token.
    pub is_current: bool,
}

impl SessionView {
    /// What the owner sees of a session.
    #[must_use]
    pub fn new(session: Session, is_current: bool) -> Self {
        Self {
            id: session.id,
            device_name: session.shown_name().to_owned(),
            device_id: session.device_id,
            ip_address: session.origin.ip_address,
            location_city: session.origin.city,
            location_country: session.origin.country,
            last_used_at: session.last_used_at.to_string(),
            created_at: session.created_at.to_string(),
            expires_at: session.expires_at.to_string(),
            is_current,
        }
    }
}

/// It is done.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(JsonSchema))]
pub struct Done {
    /// Always true.
    pub success: bool,
    /// What was done, for people.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::Sentence"))]
    pub message: String,
}

/// Sessions were ended.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(JsonSchema))]
pub struct LoggedOut {
    /// Always true.
    pub success: bool,
    /// What was done, for people.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::Sentence"))]
    pub message: String,
    /// How many sessions were ended.
    #[cfg_attr(feature = "openapi", schemars(range(min = 0, max = 1000)))]
    pub count: usize,
}
