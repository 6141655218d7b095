//! An account's records in the table, compared with the model.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use shared::domain::clock::Millis;
use tests::TestService;

use super::{
    operations::Label,
    phone::Phones,
    state::{Entry, Model, Session},
};

/// The records of one account.
#[derive(Clone, Debug, PartialEq)]
pub struct Records {
    pub sessions: BTreeMap<Label, Value>,
    pub trail: Vec<Entry>,
}

impl Records {
    pub async fn read(service: &TestService) -> Self {
        let of = async |kind: &str| service.partition(&format!("{kind}#{}", service.account.id)).await;
        let items = [of("USER").await, of("TRAIL").await].concat();
        let (mut sessions, mut trail) = (BTreeMap::new(), Vec::new());
        for item in &items {
            if item["sk"].as_str().is_some_and(|sk| sk.starts_with("SESSION#")) {
                sessions.insert(label(&item["device_name"]), item.clone());
            }
        }
        for item in items.iter().filter(|item| !item["type"].is_null()) {
            let what = item["type"].as_str().unwrap_or_default().to_owned();
            if what != "account_created" {
                let at = Millis(item["at"].as_i64().unwrap_or_default());
                let session = Some(&item["device_name"])
                    .filter(|name| !name.is_null())
                    .map(label);
                trail.push(Entry { at, what, session });
            }
        }
        trail.sort();
        Self { sessions, trail }
    }

    /// Compares them with the model's.
    ///
    /// With `about`, harmless differences are accepted: a record that a login should have swept may remain, and one
    /// that was ended concurrently may expire earlier.
    pub fn check(&self, model: &Model, phones: &Phones, about: bool) -> Result<(), String> {
        let expected: BTreeSet<_> = model.sessions.keys().copied().collect();
        let mut found: BTreeSet<_> = self.sessions.keys().copied().collect();
        if about {
            found.retain(|label| expected.contains(label) || !model.swept.contains(label));
        }
        if found != expected {
            return Err(format!("the sessions are {found:?} instead of {expected:?}"));
        }
        for (label, session) in &model.sessions {
            check_session(*label, &self.sessions[label], session, phones, about)?;
        }
        let mut expected = model.trail.clone();
        expected.sort();
        if self.trail != expected {
            return Err(format!("the trail is {:?} instead of {expected:?}", self.trail));
        }
        Ok(())
    }
}

/// A login's label is in its device name, and in any that its owner gives it.
fn label(name: &Value) -> Label {
    let name = name.as_str().unwrap_or_default();
    let label = name
        .rsplit_once("login ")
        .and_then(|(_, number)| number.parse().ok());
    label.unwrap_or_else(|| panic!("{name:?} is no login's name"))
}

fn check_session(
    label: Label,
    item: &Value,
    session: &Session,
    phones: &Phones,
    about: bool,
) -> Result<(), String> {
    let stored_end = item["expires_at"].as_i64().unwrap_or_default();
    let goes_earlier = about && session.revocation.is_some() && stored_end <= session.expires_at.0;
    let expires_at = if goes_earlier {
        stored_end
    } else {
        session.expires_at.0
    };
    let jti = |generation: usize| phones.generation(label, generation).map(|jti| json!(jti));
    let previous = session.generation.checked_sub(1);
    let expected = [
        ("session_id", phones.session(label).map(|id| json!(id))),
        (
            "device_id",
            Some(
                session
                    .device
                    .map_or(Value::Null, |device| json!(format!("device {device}"))),
            ),
        ),
        ("rotation_count", Some(json!(session.generation))),
        ("refresh_jti", jti(session.generation)),
        ("previous_jti", previous.map_or(Some(Value::Null), jti)),
        (
            "rotated_at",
            Some(
                session
                    .rotation
                    .map_or(Value::Null, |rotation| json!(rotation.at.0)),
            ),
        ),
        ("created_at", Some(json!(session.created_at.0))),
        ("last_used_at", Some(json!(session.last_used_at.0))),
        ("expires_at", Some(json!(expires_at))),
        ("absolute_expires_at", Some(json!(session.absolute_expires_at.0))),
        (
            "revoked_at",
            Some(session.revocation.map_or(Value::Null, |(at, _)| json!(at.0))),
        ),
        (
            "revoked_reason",
            Some(
                session
                    .revocation
                    .map_or(Value::Null, |(_, reason)| json!(reason.as_str())),
            ),
        ),
    ];
    for (attribute, expected) in expected {
        // Unknown if no answer told it.
        let Some(expected) = expected else { continue };
        if item[attribute] != expected {
            let is = &item[attribute];
            return Err(format!(
                "{attribute} of session {label} is {is} instead of {expected}"
            ));
        }
    }
    // Before the first rotation, that of the request that redeemed the ticket.
    let key = match session.rotation {
        Some(rotation) => rotation.key,
        None => session.redeemed.and_then(|redeemed| redeemed.key),
    };
    let has_key = key.is_some();
    if item["rotation_key"].is_null() == has_key {
        return Err(format!(
            "rotation_key of session {label} is {}",
            item["rotation_key"]
        ));
    }
    Ok(())
}
