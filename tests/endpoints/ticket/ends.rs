//! What ends tickets.

use serde_json::{Value, json};
use tests::{EMAIL, TestService};

use super::{KEY, for_demo, invalid, sessions, stored};

#[tokio::test]
async fn what_ends_all_sessions_ends_all_tickets() {
    for action in ["set_password", "disable_user", "revoke_all_sessions"] {
        let service = TestService::new().await;
        let ticket = service.ticket(for_demo()).await;
        let mut command = json!({ "action": action, "email": EMAIL });
        if action == "set_password" {
            command["password"] = json!("a new horse, a new battery");
        }
        let answer = service.admin(command).await;
        assert_eq!(answer["ok"], true, "{answer}");
        assert_eq!(stored(&service).await, [Value::Null; 0], "{action}");
        invalid(&service.redeem(&ticket, "phone", None).await);
        service
            .admin(json!({ "action": "enable_user", "email": EMAIL }))
            .await;
        invalid(&service.redeem(&ticket, "phone", None).await);
        assert_eq!(sessions(&service).await, [Value::Null; 0]);
    }
}

#[tokio::test]
async fn a_ticket_goes_with_its_account_and_its_address() {
    let service = TestService::new().await;
    let (by_id, by_email) = (
        service.ticket(json!({ "user_id": service.account.id })).await,
        service.ticket(for_demo()).await,
    );
    let moved = json!({ "action": "change_email", "email": EMAIL, "new_email": "new@example.com" });
    assert_eq!(service.admin(moved).await["ok"], true);
    invalid(&service.redeem(&by_id, "phone", None).await);
    // Whoever has the address now has none of its tickets.
    service.create_user(EMAIL).await;
    invalid(&service.redeem(&by_email, "phone", None).await);
    let ticket = service.ticket(for_demo()).await;
    let deleted = service
        .admin(json!({ "action": "delete_user", "email": EMAIL }))
        .await;
    assert_eq!(deleted["ok"], true, "{deleted}");
    service.create_user(EMAIL).await;
    invalid(&service.redeem(&ticket, "phone", None).await);
}

/// Whatever order they commit in: no session of the ticket is open once a command that ends all sessions has answered.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_redemption_survives_what_ends_all_sessions() {
    for action in ["set_password", "disable_user", "revoke_all_sessions"] {
        for _ in 0..15 {
            let service = TestService::new().await;
            let ticket = service.ticket(for_demo()).await;
            let mut command = json!({ "action": action, "email": EMAIL });
            if action == "set_password" {
                command["password"] = json!("a new horse, a new battery");
            }
            let (answer, login) = tokio::join!(
                service.admin(command),
                service.redeem(&ticket, "phone", Some(KEY))
            );
            assert_eq!(answer["ok"], true, "{answer}");
            let active = sessions(&service).await;
            assert!(
                active.iter().all(|session| session["state"] != "active"),
                "{action}: {login:?} {active:?}"
            );
            if login.status != 200 {
                invalid(&login);
            }
        }
    }
}
