//! JSON in the answers.

use serde_json::{Value, json};
use shared::domain::{
    account::Credential,
    audit::AuditEvent,
    clock::Millis,
    session::{Session, SessionStatus},
};

pub(crate) fn user(credential: &Credential) -> Value {
    let account = &credential.account;
    json!({
        "id": account.user_id,
        "email": account.email_as_typed,
        "is_active": credential.is_active,
        "is_being_deleted": credential.deletion_began_at.is_some(),
        "created_at": account.created_at.to_string(),
    })
}

/// Omits token ids.
pub(crate) fn session(session: &Session, now: Millis) -> Value {
    let state = match session.status(now) {
        SessionStatus::Active => "active",
        SessionStatus::Expired => "expired",
        SessionStatus::Revoked(_) => "ended",
    };
    json!({
        "id": session.id,
        "state": state,
        "device_name": session.shown_name(),
        "device_id": session.device_id,
        "ip_address": session.origin.ip_address,
        "location_city": session.origin.city,
        "location_country": session.origin.country,
        "last_used_at": session.last_used_at.to_string(),
        "created_at": session.created_at.to_string(),
        "expires_at": session.expires_at.to_string(),
        "ended_at": session.revocation.map(|ended| ended.at.to_string()),
        "ended_reason": session.revocation.map(|ended| ended.reason),
    })
}

pub(crate) fn event(event: &AuditEvent) -> Value {
    json!({
        "id": event.id,
        "type": event.event_type,
        "at": event.at.to_string(),
        "session_id": event.session_id,
        "device_name": event.device_name,
        "ip_address": event.origin.ip_address,
        "location_city": event.origin.city,
        "location_country": event.origin.country,
        "user_agent": event.origin.user_agent,
        "request_id": event.request_id,
        "actor": event.actor,
    })
}
