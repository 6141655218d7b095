//! `admin`: every action, through the commands in `events/admin`.

mod accounts;
mod deletion;
mod emails;
mod import;
mod interleavings;
mod sessions;

use serde_json::{Value, json};
use tests::TestService;

/// The email that the sample commands use.
const ANNA: &str = "anna@example.com";

/// A sample command.
fn event(name: &str) -> Value {
    let path = format!("{}/../events/admin/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// A sample command with some fields replaced; `null` removes a field.
fn event_with(name: &str, fields: &Value) -> Value {
    let mut command = event(name);
    for (field, value) in fields.as_object().unwrap() {
        command[field] = value.clone();
    }
    command
        .as_object_mut()
        .unwrap()
        .retain(|_, value| !value.is_null());
    command
}

#[track_caller]
fn ok(answer: Value) -> Value {
    assert_eq!(answer["ok"], true, "{answer}");
    answer
}

#[track_caller]
fn refused(answer: &Value, code: &str) {
    assert_eq!(
        (&answer["ok"], &answer["error"]["code"]),
        (&json!(false), &json!(code)),
        "{answer}"
    );
    assert!(
        answer["error"]["message"]
            .as_str()
            .is_some_and(|text| !text.is_empty()),
        "{answer}"
    );
}

/// A service with the sample commands' account, and its id.
async fn world_with_anna() -> (TestService, String) {
    let service = TestService::with(&[("MAX_SESSIONS_PER_USER", "1000")]).await;
    let created = ok(service.admin(event("create_user")).await);
    service.clock.advance(1);
    let id = created["user"]["id"].as_str().unwrap().to_owned();
    (service, id)
}

/// Anna's audit trail, oldest first.
async fn trail(service: &TestService) -> Vec<Value> {
    let answer = ok(service
        .admin(event_with("activity", &json!({"limit": 100})))
        .await);
    let mut events = answer["events"].as_array().unwrap().clone();
    events.reverse();
    events
}

#[tokio::test]
async fn every_sample_command_works_and_there_is_one_for_each_action() {
    let (service, _) = world_with_anna().await;
    let session = service.log_in_as(ANNA, "phone").await.session;
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../events/admin");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    let order = [
        "get_user",
        "import_users",
        "list_sessions",
        "revoke_session",
        "revoke_all_sessions",
        "set_password",
        "disable_user",
        "enable_user",
        "activity",
        "delete_user",
        "create_user",
        "change_email",
    ];
    let mut names: Vec<_> = order.iter().map(|name| format!("{name}.json")).collect();
    names.sort();
    assert_eq!(files, names);
    let unknown = service.admin(json!({"action": ""})).await;
    let listed = unknown["error"]["message"].as_str().unwrap().matches('`').count() / 2 - 1;
    assert_eq!(listed, order.len(), "{unknown}");
    for name in order {
        let command = match name {
            "revoke_session" => event_with(name, &json!({"session_id": session})),
            _ => event(name),
        };
        assert_eq!(command["action"], name);
        ok(service.admin(command).await);
    }
}

#[tokio::test]
async fn every_event_tells_the_actor_and_the_request() {
    let (service, _) = world_with_anna().await;
    let session = service.log_in_as(ANNA, "phone").await.session;
    service.log_in_as(ANNA, "tablet").await;
    service.clock.advance(1);
    let before = trail(&service).await.len();
    let commands = [
        (
            "revoke_session",
            json!({"session_id": session}),
            "session_revoked",
        ),
        ("revoke_all_sessions", json!({}), "sessions_revoked"),
        ("set_password", json!({}), "password_changed"),
        ("disable_user", json!({}), "account_disabled"),
        (
            "enable_user",
            json!({"actor": "  Zoë, support "}),
            "account_enabled",
        ),
        ("disable_user", json!({"actor": null}), "account_disabled"),
        (
            "change_email",
            json!({"new_email": "ANNA@example.com"}),
            "email_changed",
        ),
    ];
    for (name, fields, _) in &commands {
        ok(service.admin(event_with(name, fields)).await);
        service.clock.advance(1);
    }
    let events = trail(&service).await.split_off(before);
    let told: Vec<_> = events
        .iter()
        .map(|event| {
            assert_eq!(event["request_id"], "admin-request");
            (event["type"].as_str().unwrap(), event["actor"].as_str().unwrap())
        })
        .collect();
    let actors = [
        "support:zoe",
        "support:zoe",
        "support:zoe",
        "support:zoe",
        "Zoë, support",
        "admin",
        "support:zoe",
    ];
    let expected: Vec<_> = commands.iter().map(|command| command.2).zip(actors).collect();
    assert_eq!(told, expected);
    let created = trail(&service).await.remove(0);
    assert_eq!(
        (&created["type"], &created["actor"]),
        (&json!("account_created"), &json!("admin"))
    );
}

#[tokio::test]
async fn an_account_is_named_by_address_or_by_id_and_by_no_more() {
    let (service, id) = world_with_anna().await;
    let by_address = ok(service
        .admin(event_with("get_user", &json!({"email": " ANNA@Example.com"})))
        .await);
    let by_id = ok(service
        .admin(event_with("get_user", &json!({"email": null, "user_id": id})))
        .await);
    assert_eq!(by_address, by_id);
    let nobody = "00000000-0000-4000-8000-000000000000";
    let targeted = [
        "get_user",
        "set_password",
        "disable_user",
        "enable_user",
        "delete_user",
        "list_sessions",
        "revoke_session",
        "revoke_all_sessions",
        "activity",
    ];
    let before = service.items().await;
    for name in targeted {
        for (fields, code) in [
            (json!({"email": null}), "validation_failed"),
            (json!({"user_id": id}), "validation_failed"),
            (json!({"email": "no address"}), "validation_failed"),
            (json!({"email": null, "user_id": "anna"}), "validation_failed"),
            (json!({"email": "nobody@example.com"}), "not_found"),
            (json!({"email": null, "user_id": nobody}), "not_found"),
        ] {
            refused(&service.admin(event_with(name, &fields)).await, code);
        }
    }
    assert_eq!(service.items().await, before);
}
