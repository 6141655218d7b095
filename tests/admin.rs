//! `admin`: creating and showing accounts.

use serde_json::{Value, json};
use tests::{PASSWORD, World};

fn event(name: &str) -> Value {
    let path = format!("{}/../events/admin/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[tokio::test]
async fn an_account_is_created_once_and_shown() {
    let world = World::new().await;
    let created = world.admin(event("create_user")).await;
    assert_eq!(created["ok"], true, "{created}");
    let shown = world.admin(event("get_user")).await;
    assert_eq!(shown, created);
    assert_eq!(shown["user"]["email"], "anna@example.com");
    assert!(!shown.to_string().contains("argon2"));
    let again = world
        .admin(json!({"action": "create_user", "email": " ANNA@example.com", "password": PASSWORD}))
        .await;
    assert_eq!(
        (&again["ok"], &again["error"]["code"]),
        (&json!(false), &json!("already_exists"))
    );
    world.log_in_as("anna@example.com", "phone").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_creations_at_once_make_one_account() {
    let world = World::new().await;
    for round in 0..10 {
        let create = |email: String| {
            world.admin(json!({"action": "create_user", "email": email, "password": PASSWORD}))
        };
        let (a, b) = tokio::join!(
            create(format!("u{round}@example.com")),
            create(format!("U{round}@EXAMPLE.com"))
        );
        assert_ne!(a["ok"], b["ok"], "{a} {b}");
    }
}

#[tokio::test]
async fn what_is_no_command_is_explained() {
    let world = World::new().await;
    for (command, hint) in [
        (json!({"action": "drop_table"}), "create_user"),
        (json!({"action": "get_user", "mail": "x"}), "email"),
        (json!({}), "action"),
    ] {
        let answer = world.admin(command).await;
        assert_eq!(answer["error"]["code"], "invalid_command", "{answer}");
        assert!(
            answer["error"]["message"].as_str().unwrap().contains(hint),
            "{answer}"
        );
    }
    let short = world
        .admin(json!({"action": "create_user", "email": "b@example.com", "password": "short"}))
        .await;
    assert_eq!(
        short["error"]["message"],
        "password must be at least 8 characters long"
    );
}
