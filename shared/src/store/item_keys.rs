//! The items' keys.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use crate::domain::{
    clock::Seconds,
    day::Day,
    email::Email,
    ids::{EventId, SessionId, UserId},
};

pub(super) const PK: &str = "pk";
pub(super) const SK: &str = "sk";
pub(super) const GSI1: &str = "gsi1";
pub(super) const GSI1PK: &str = "gsi1pk";
pub(super) const GSI1SK: &str = "gsi1sk";

/// Sort keys of a user's sessions begin with this.
pub(super) const SESSION_PREFIX: &str = "SESSION#";
/// Sort keys of events begin with this.
pub(super) const EVENT_PREFIX: &str = "EVENT#";
/// The index sort key of every session.
pub(super) const SESSION_INDEX_SK: &str = "SESSION";

/// How many index partitions a day's events are spread over.
pub(super) const AUDIT_SHARDS: u8 = 16;

/// An item's full key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ItemKey {
    pub pk: String,
    pub sk: String,
}

impl ItemKey {
    pub fn profile(user: UserId) -> Self {
        Self {
            pk: user_pk(user),
            sk: "PROFILE".to_owned(),
        }
    }

    pub fn credential(email: &Email) -> Self {
        Self {
            pk: format!("EMAIL#{}", email.as_str()),
            sk: "CREDENTIAL".to_owned(),
        }
    }

    pub fn session(user: UserId, session: SessionId) -> Self {
        Self {
            pk: user_pk(user),
            sk: session_index_pk(session),
        }
    }

    /// The trail has partitions of its own, so that roles can tell it from all else.
    pub fn event(user: UserId, event: EventId) -> Self {
        Self {
            pk: trail_pk(user),
            sk: format!("{EVENT_PREFIX}{event}"),
        }
    }

    /// A refused login of an unknown address: stored under its digest, not its text.
    pub fn unknown_login(email: &Email, event: EventId) -> Self {
        Self {
            pk: format!("UNKNOWN#{}", email.digest()),
            sk: format!("{EVENT_PREFIX}{event}"),
        }
    }

    pub fn key_set() -> Self {
        Self {
            pk: "KEYS".to_owned(),
            sk: "JWKS".to_owned(),
        }
    }

    /// The counters of one client, or of a part of it, for one window. All parts begin with the key of the whole.
    pub fn rate(rule: &str, client: &str, window_ends_at: Seconds, part: Option<&str>) -> Self {
        Self {
            pk: format!("RATE#{rule}#{client}#{}", window_ends_at.0),
            sk: part.map_or_else(|| "RATE".to_owned(), |part| format!("RATE#{part}")),
        }
    }

    pub fn prune_progress() -> Self {
        Self {
            pk: "PRUNE".to_owned(),
            sk: "PROGRESS".to_owned(),
        }
    }

    /// In the SDK's form.
    pub fn attributes(&self) -> HashMap<String, AttributeValue> {
        HashMap::from([
            (PK.to_owned(), AttributeValue::S(self.pk.clone())),
            (SK.to_owned(), AttributeValue::S(self.sk.clone())),
        ])
    }
}

pub(super) fn user_pk(user: UserId) -> String {
    format!("USER#{user}")
}

/// The user that a partition key names.
pub(super) fn parse_user_pk(pk: &str) -> Option<UserId> {
    pk.strip_prefix("USER#")?.parse().ok()
}

pub(super) fn trail_pk(user: UserId) -> String {
    format!("TRAIL#{user}")
}

/// The user whose trail a partition key names.
pub(super) fn parse_trail_pk(pk: &str) -> Option<UserId> {
    pk.strip_prefix("TRAIL#")?.parse().ok()
}

pub(super) fn session_index_pk(session: SessionId) -> String {
    format!("{SESSION_PREFIX}{session}")
}

/// An event's shard within its day, from the random end of its id.
pub(super) fn audit_shard(event: EventId) -> u8 {
    event.last_byte() % AUDIT_SHARDS
}

/// An index partition of a day's events.
pub(super) fn audit_partition(day: Day, shard: u8) -> String {
    format!("AUDIT#{day}#{shard}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{clock::Millis, ids::Ids};

    #[test]
    fn keys_are_those_of_the_documented_table() {
        let ids = Ids::sequence(1);
        let (user, session) = (ids.user(), ids.session(Millis(0)));
        let email = Email::parse("Anna@Example.com").unwrap();
        assert_eq!(
            ItemKey::profile(user),
            ItemKey {
                pk: format!("USER#{user}"),
                sk: "PROFILE".into()
            }
        );
        assert_eq!(ItemKey::credential(&email).pk, "EMAIL#anna@example.com");
        assert_eq!(ItemKey::session(user, session).sk, format!("SESSION#{session}"));
        assert_eq!(parse_user_pk(&user_pk(user)), Some(user));
        assert_eq!(parse_user_pk("EMAIL#x"), None);
        let event = ItemKey::event(user, ids.event(Millis(0)));
        assert_eq!(event.pk, format!("TRAIL#{user}"));
        assert_eq!(parse_trail_pk(&event.pk), Some(user));
        assert_eq!(parse_trail_pk(&user_pk(user)), None);
        let unknown = ItemKey::unknown_login(&email, ids.event(Millis(0)));
        assert_eq!(unknown.pk, format!("UNKNOWN#{}", email.digest()));
        assert!(!unknown.pk.contains("anna"));
    }

    #[test]
    fn events_of_a_day_are_spread_over_sixteen_shards() {
        let ids = Ids::system();
        let mut shards: Vec<_> = (0..1000)
            .map(|_| audit_partition(Day::containing(Millis(0)), audit_shard(ids.event(Millis(0)))))
            .collect();
        shards.sort();
        shards.dedup();
        assert_eq!(shards.len(), 16);
        assert!(shards.iter().all(|shard| shard.starts_with("AUDIT#1970-01-01#")));
    }
}
