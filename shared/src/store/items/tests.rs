use aws_sdk_dynamodb::types::AttributeValue;

use super::*;
use crate::domain::{
    audit::{AuditEvent, EventType},
    auth_method::AuthMethod,
    clock::{Millis, Seconds},
    email::Email,
    ids::Ids,
    session::{
        Origin, Redemption, Revocation, RevokeReason, Rotation, Session, tests::session as plain_session,
    },
};

#[test]
fn a_session_survives_its_item() {
    let ids = Ids::sequence(50);
    let rotation = Rotation {
        previous_jti: ids.token(),
        at: Millis(1_500_000),
        idempotency_hash: Some([7; 32]),
    };
    let full = Session {
        rotation: Some(rotation),
        rotation_count: 3,
        device_id: Some("device-1".into()),
        origin: Origin {
            ip_address: Some("2001:db8::1".parse().unwrap()),
            user_agent: Some("Agent/1".into()),
            city: Some("Bern".into()),
            country: Some("CH".into()),
        },
        amr: vec![AuthMethod::Otp],
        redemption: Some(Redemption {
            hash: [8; 32],
            expires_at: Seconds(1300),
            idempotency_hash: None,
        }),
        revocation: Some(Revocation {
            at: Millis(1_600_000),
            reason: RevokeReason::SessionLimit,
        }),
        ..plain_session()
    };
    let redeemed = Session {
        redemption: Some(Redemption {
            hash: [8; 32],
            expires_at: Seconds(1300),
            idempotency_hash: Some([9; 32]),
        }),
        ..plain_session()
    };
    for expected in [plain_session(), redeemed, full] {
        assert_eq!(session(session_item(&expected)).unwrap(), expected);
    }
}

#[test]
fn absent_values_are_absent_attributes() {
    let item = session_item(&plain_session());
    for name in [
        "previous_jti",
        "rotated_at",
        "rotation_key",
        "ticket_hash",
        "ticket_expires_at",
        "revoked_at",
        "revoked_reason",
        "ip_address",
    ] {
        assert!(!item.contains_key(name), "{name}");
    }
    assert_eq!(item["expires_at"], AttributeValue::N("2000".into()));
    assert_eq!(item["gsi1sk"], AttributeValue::S("SESSION".into()));
}

#[test]
fn a_corrupt_item_is_named_with_its_attribute() {
    let mut item = session_item(&plain_session());
    item.insert("expires_at".into(), AttributeValue::S("soon".into()));
    let message = session(item).unwrap_err().to_string();
    assert!(
        message.contains("SESSION#") && message.contains("expires_at"),
        "{message}"
    );

    let mut item = session_item(&plain_session());
    item.remove("refresh_jti");
    let message = session(item).unwrap_err().to_string();
    assert!(message.contains("refresh_jti"), "{message}");

    let mut item = session_item(&plain_session());
    item.insert("revoked_at".into(), AttributeValue::N("5".into()));
    assert!(session(item).unwrap_err().to_string().contains("revoked_at"));
}

#[test]
fn a_session_keeps_whole_characters_of_the_user_agent() {
    let agent = |text: &str| {
        session_agent(&Origin {
            user_agent: Some(text.to_owned()),
            ..Origin::default()
        })
        .unwrap()
    };
    assert_eq!(agent("short"), "short");
    assert_eq!(agent(&"a".repeat(300)).len(), 256);
    let cut = agent(&format!("a{}", "ü".repeat(200)));
    assert_eq!(cut.len(), 255);
}

#[test]
fn an_unknown_login_is_in_no_index_and_expires() {
    let ids = Ids::sequence(1);
    let event = AuditEvent {
        id: ids.event(Millis(5)),
        user_id: ids.user(),
        event_type: EventType::LoginFailed,
        at: Millis(5),
        session_id: None,
        device_name: None,
        amr: None,
        origin: Origin::default(),
        request_id: None,
        actor: None,
    };
    let item = unknown_login_item(&Email::parse("a@example.com").unwrap(), &event, Seconds(9));
    assert!(!item.contains_key("gsi1pk"));
    assert_eq!(item["expires_at"], AttributeValue::N("9".into()));
    assert_eq!(item["type"], AttributeValue::S("login_failed".into()));
    assert!(event_item(&event).contains_key("gsi1pk") && !event_item(&event).contains_key("expires_at"));
}

#[test]
fn an_event_survives_its_item_and_one_of_nobody_is_corrupt() {
    let ids = Ids::sequence(70);
    let expected = AuditEvent {
        id: ids.event(Millis(1_000_000)),
        user_id: ids.user(),
        event_type: EventType::SessionMoved,
        at: Millis(1_000_000),
        session_id: Some(ids.session(Millis(0))),
        device_name: Some("Apple iPhone".into()),
        amr: Some(vec![AuthMethod::Hwk, AuthMethod::User]),
        origin: Origin {
            ip_address: Some("192.0.2.7".parse().unwrap()),
            user_agent: Some("Agent/1".into()),
            city: Some("Bern".into()),
            country: Some("CH".into()),
        },
        request_id: Some("request-1".into()),
        actor: Some("support".into()),
    };
    let item = event_item(&expected);
    assert_eq!(event(item.clone()).unwrap(), expected);
    for (name, value) in [("pk", "EMAIL#x"), ("sk", "EVENT#7"), ("sk", "PROFILE")] {
        let mut item = item.clone();
        item.insert(name.into(), AttributeValue::S(value.into()));
        let message = event(item).unwrap_err().to_string();
        assert!(message.contains(name), "{message}");
    }
}
