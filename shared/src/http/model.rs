//! What goes out over HTTP, member by member. With the feature `openapi`, each type is a schema of the API's
//! description as well: its doc comments are what callers read there.

use std::net::IpAddr;

#[cfg(feature = "openapi")]
use schemars::JsonSchema;
use serde::Serialize;

use super::code::Code;
#[cfg(feature = "openapi")]
use super::schema;
use crate::{
    account::Credential,
    error::FieldError,
    event::{Event, EventType},
    ids::{EventId, SessionId, UserId},
    session::Session,
    token::Issued,
};

/// A new pair of tokens (RFC 6749 §5.1).
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(JsonSchema))]
pub struct Tokens {
    /// The access token, for `Authorization: Bearer`.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::Token"))]
    pub access_token: String,
    /// The refresh token, good for one refresh.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::Token"))]
    pub refresh_token: String,
    /// Always `bearer`.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::Bearer"))]
    pub token_type: &'static str,
    /// For how many seconds the access token is valid.
    #[cfg_attr(feature = "openapi", schemars(range(min = 0, max = 86_400)))]
    pub expires_in: i64,
    /// For how many seconds the session lives without a refresh.
    #[cfg_attr(feature = "openapi", schemars(range(min = 0, max = 31_536_000)))]
    pub refresh_token_expires_in: i64,
    /// The session that the tokens belong to.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::Id"))]
    pub session_id: SessionId,
}

impl Tokens {
    /// The tokens issued for a session.
    #[must_use]
    pub fn new(issued: Issued, session_id: SessionId) -> Self {
        Self {
            access_token: issued.access_token,
            refresh_token: issued.refresh_token,
            token_type: "bearer",
            expires_in: issued.expires_in,
            refresh_token_expires_in: issued.refresh_token_expires_in,
            session_id,
        }
    }
}

/// What a login answers: a pair of tokens, and who logged in.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(JsonSchema))]
pub struct LoggedIn {
    /// The pair of tokens, whose members stand beside the user.
    #[serde(flatten)]
    pub tokens: Tokens,
    /// Who logged in.
    pub user: User,
}

/// An account, as its owner sees it.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(JsonSchema))]
pub struct User {
    /// The account's id: the access token's `sub`.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::Id"))]
    pub id: UserId,
    /// The address, as it was typed when the account was created.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::EmailAddress"))]
    pub email: String,
    /// Whether the account may log in.
    pub is_active: bool,
    /// When the account was created.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::Time"))]
    pub created_at: String,
}

impl From<&Credential> for User {
    fn from(credential: &Credential) -> Self {
        let account = &credential.account;
        Self {
            id: account.user_id,
            email: account.email_as_typed.clone(),
            is_active: credential.is_active,
            created_at: account.created_at.to_string(),
        }
    }
}

/// The account's active sessions.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(JsonSchema))]
pub struct Sessions {
    /// The sessions, last used first.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::SessionList"))]
    pub sessions: Vec<SessionView>,
    /// How many there are.
    #[cfg_attr(feature = "openapi", schemars(range(min = 1, max = 1000)))]
    pub total: usize,
}

/// One device that is logged in.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(JsonSchema))]
#[cfg_attr(feature = "openapi", schemars(rename = "Session"))]
pub struct SessionView {
    /// The session's id.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::Id"))]
    pub id: SessionId,
    /// The device's name: what the app sent, or else one made from the user agent.
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
            device_name: session.device_name,
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

/// How many events a page of the activity may have.
pub const MOST_EVENTS: u8 = 100;

/// A page of the account's audit trail.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(JsonSchema))]
pub struct Activity {
    /// What happened, newest first.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::EventList"))]
    pub events: Vec<EventView>,
    /// The `cursor` of the next page; none on the last one.
    #[cfg_attr(feature = "openapi", schemars(with = "Option<schema::Cursor>"))]
    pub next_cursor: Option<String>,
}

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
    pub fn new(event: Event, own: SessionId) -> Self {
        Self {
            id: event.id,
            event_type: event.event_type,
            at: event.at.to_string(),
            session_id: event.session_id,
            device_name: event.device_name,
            ip_address: event.origin.ip_address,
            location_city: event.origin.city,
            location_country: event.origin.country,
            is_current: event.session_id == Some(own),
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

/// Authorization server metadata (RFC 8414 §2).
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(JsonSchema))]
pub struct AuthorizationServer {
    /// The tokens' `iss`.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::Url"))]
    pub issuer: String,
    /// Where the public keys are.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::Url"))]
    pub jwks_uri: String,
    /// Where refresh tokens are exchanged.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::Url"))]
    pub token_endpoint: String,
    /// How clients authenticate: not at all.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::Bounded<schema::Name, 1>"))]
    pub token_endpoint_auth_methods_supported: [&'static str; 1],
    /// Refreshing is the one grant.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::Bounded<schema::Name, 1>"))]
    pub grant_types_supported: [&'static str; 1],
    /// None: there is no authorization endpoint.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::Bounded<schema::Name, 0>"))]
    pub response_types_supported: [&'static str; 0],
    /// Where passwords are exchanged for tokens. Not a registered member.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::Url"))]
    pub login_endpoint: String,
    /// Where sessions are ended. Not a registered member.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::Url"))]
    pub logout_endpoint: String,
    /// How access tokens are signed. Not a registered member.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::Bounded<schema::Name, 1>"))]
    pub access_token_signing_alg_values_supported: [&'static str; 1],
}

/// Why a request was refused or failed (RFC 9457).
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(JsonSchema))]
pub struct Problem<'a> {
    /// Always `about:blank`: what it means is in `code`.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "openapi", schemars(with = "schema::AboutBlank"))]
    pub kind: &'static str,
    /// The status, in words.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::Words"))]
    pub title: &'a str,
    /// The status.
    #[cfg_attr(feature = "openapi", schemars(range(min = 400, max = 599)))]
    pub status: u16,
    /// What it means, for programs: new codes may come, so treat one that you do not know by its status.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::ProblemCode"))]
    pub code: Code,
    /// What it means, for the developer of the app.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::Sentence"))]
    pub detail: &'a str,
    /// Always false.
    pub success: bool,
    /// The request's id, to be told to support.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::Words"))]
    pub request_id: &'a str,
    /// The fields that do not fit, with a 422.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[cfg_attr(feature = "openapi", schemars(with = "schema::FieldList"))]
    pub errors: &'a [FieldError],
    /// RFC 6749's code, from the refresh endpoint: `invalid_grant` or `invalid_request`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(with = "schema::OAuthError"))]
    pub error: Option<&'static str>,
}
