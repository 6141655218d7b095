//! `import_users`.

use registry::admin;
use serde_json::{Value, json};
use shared::domain::clock::Millis;
use tests::{EMAIL, PASSWORD, TestService};

use super::{event, event_with, ok, refused};

const BCRYPT: &str = "$2b$05$iX65k7tksf3FNXZbsnxfVeUmEK4OI.M6UOPtKlaU42JMH0kDAQqmu";

fn import(users: &Value) -> Value {
    event_with("import_users", &json!({"users": users}))
}

fn counts(answer: &Value) -> (u64, u64, usize) {
    let refused = answer["refused"].as_array().unwrap().len();
    (
        answer["created"].as_u64().unwrap(),
        answer["existed"].as_u64().unwrap(),
        refused,
    )
}

#[tokio::test]
async fn accounts_are_imported_once_and_can_log_in() {
    let service = TestService::new().await;
    let first = ok(service.admin(event("import_users")).await);
    assert_eq!(counts(&first), (2, 0, 0), "{first}");
    let again = ok(service.admin(event("import_users")).await);
    assert_eq!(counts(&again), (0, 2, 0), "{again}");
    service.log_in_as("berta@example.com", "phone").await;
    service.log_in_as("clara@example.com", "phone").await;
    let items = service.items().await;
    let created: Vec<_> = items
        .iter()
        .filter(|item| item["type"] == "account_created")
        .map(|item| item["actor"].as_str().unwrap())
        .collect();
    assert_eq!(created.iter().filter(|actor| **actor == "migration").count(), 2);
}

#[tokio::test]
async fn each_refused_line_is_reported_and_stops_no_other() {
    let service = TestService::new().await;
    let users = json!([
        {"email": "a@example.com", "password_hash": BCRYPT},
        {"email": "no address", "password_hash": BCRYPT},
        {"email": EMAIL, "password_hash": BCRYPT},
        {"email": "b@example.com", "password_hash": "md5:5f4dcc3b"},
        {"email": "c@example.com", "password_hash": BCRYPT.replace("$05$", "$31$")},
        {"email": "d@example.com", "passwort": PASSWORD},
        ["e@example.com", PASSWORD],
        {"password_hash": BCRYPT},
        {"email": "f@example.com"},
        {"email": "g@example.com", "password": 31_415_926},
        {"email": "A@EXAMPLE.COM", "password_hash": BCRYPT},
        {"email": "z@example.com", "password": PASSWORD},
        {"email": "passkey@example.com", "password": null},
    ]);
    let answer = ok(service.admin(import(&users)).await);
    assert_eq!(counts(&answer), (3, 2, 8), "{answer}");
    let told: Vec<_> = answer["refused"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| {
            assert!(
                line["message"]
                    .as_str()
                    .is_some_and(|text| !text.contains("31415926")),
                "{line}"
            );
            (
                line["line"].as_u64().unwrap(),
                line["email"].as_str(),
                line["code"].as_str().unwrap(),
            )
        })
        .collect();
    let expected = [
        (2, Some("no address"), "validation_failed"),
        (4, Some("b@example.com"), "validation_failed"),
        (5, Some("c@example.com"), "validation_failed"),
        (6, Some("d@example.com"), "invalid_command"),
        (7, None, "invalid_command"),
        (8, None, "invalid_command"),
        (9, Some("f@example.com"), "validation_failed"),
        (10, Some("g@example.com"), "invalid_command"),
    ];
    assert_eq!(told, expected);
    let outcomes: Vec<_> = answer["lines"].as_array().unwrap().iter().collect();
    let of = |line: u64| outcomes.iter().find(|outcome| outcome["line"] == line).unwrap();
    assert_eq!(outcomes.len(), 5);
    let shown = ok(service
        .admin(json!({"action": "get_user", "email": "a@example.com"}))
        .await);
    assert_eq!(
        (&of(1)["outcome"], &of(1)["user_id"]),
        (&json!("created"), &shown["user"]["id"])
    );
    assert_eq!(
        (&of(3)["outcome"], &of(3)["user_id"]),
        (&json!("existed"), &json!(service.account.id))
    );
    assert_eq!(of(3)["email"], EMAIL);
    let repeated = json!({"line": 11, "email": "A@EXAMPLE.COM", "outcome": "existed", "same_as_line": 1});
    assert_eq!(**of(11), repeated);
    service.log_in_as("a@example.com", "phone").await;
    service.log_in_as("z@example.com", "phone").await;
}

#[tokio::test]
async fn five_hundred_accounts_fit_into_one_call_and_no_more() {
    let service = TestService::new().await;
    let users = |count: usize| -> Value {
        let user = |number| json!({"email": format!("u{number}@example.com"), "password_hash": BCRYPT});
        (0..count).map(user).collect::<Vec<_>>().into()
    };
    for wrong in [users(501), json!([])] {
        refused(&service.admin(import(&wrong)).await, "validation_failed");
    }
    refused(&service.admin(import(&json!({}))).await, "invalid_command");
    assert_eq!(counts(&ok(service.admin(import(&users(500))).await)), (500, 0, 0));
    let profiles = service.items().await;
    assert_eq!(
        profiles.iter().filter(|item| item["sk"] == "PROFILE").count(),
        501
    );
    assert_eq!(counts(&ok(service.admin(import(&users(500))).await)), (0, 500, 0));
}

#[tokio::test]
async fn what_there_was_no_time_for_is_reported_and_left_for_a_repeat() {
    let service = TestService::new().await;
    let now = service.clock.now();
    for (left, expected) in [(10_000, (0, 0, 2)), (10_001, (2, 0, 0)), (60_000, (0, 2, 0))] {
        let invocation = admin::Invocation {
            deadline: Some(Millis(now.0 + left)),
            ..TestService::INVOCATION
        };
        let answer = ok(admin::handle(service.admin_state(), event("import_users"), invocation).await);
        assert_eq!(counts(&answer), expected, "{answer}");
        for line in answer["refused"].as_array().unwrap() {
            assert_eq!(line["code"], "unfinished");
        }
    }
}

/// Several spellings of one address: no line counts as an account that there is not.
#[tokio::test]
async fn if_the_first_line_of_an_address_is_refused_so_are_the_others() {
    let service = TestService::new().await;
    let users = json!([
        {"email": "anna@example.com", "password": "password1"},
        {"email": "Anna@Example.com", "password": PASSWORD},
    ]);
    let answer = ok(service.admin(import(&users)).await);
    assert_eq!(counts(&answer), (0, 0, 2), "{answer}");
    assert!(
        answer["refused"][1]["message"]
            .as_str()
            .unwrap()
            .contains("line 1"),
        "{answer}"
    );
    let found = service
        .admin(json!({"action": "get_user", "email": "anna@example.com"}))
        .await;
    refused(&found, "not_found");
}
