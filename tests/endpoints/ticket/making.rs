//! Making tickets.

use futures_util::future::join_all;
use serde_json::{Value, json};
use testkit::{Fault, FaultDuration, Injection};
use tests::{EMAIL, TestService};

use super::{for_demo, invalid, refused, sessions, stored, with};

#[tokio::test]
async fn a_ticket_is_asked_for_by_id_as_well() {
    let service = TestService::new().await;
    let ticket = service.ticket(json!({ "user_id": service.account.id })).await;
    let body = service.redeem(&ticket, "phone", None).await.ok();
    assert_eq!(body["user"]["id"], service.account.id);
}

#[tokio::test]
async fn what_does_not_fit_is_named() {
    let service = TestService::new().await;
    for (command, code, message) in [
        (json!([]), "invalid_command", "a command is a JSON object"),
        (
            json!({ "mail": EMAIL }),
            "invalid_command",
            "unknown field `mail`",
        ),
        (json!({}), "validation_failed", "email or user_id must say"),
        (
            json!({ "email": EMAIL, "user_id": service.account.id }),
            "validation_failed",
            "email and user_id exclude",
        ),
        (json!({ "email": "anna" }), "validation_failed", "email must be"),
        (json!({ "user_id": "7" }), "validation_failed", "user_id is not"),
        (
            json!({ "email": "nobody@example.com" }),
            "not_found",
            "there is no such account",
        ),
        (
            json!({ "user_id": "01a20b6b-6898-4a1c-9a55-0a3f1f7a2f10" }),
            "not_found",
            "there is no such account",
        ),
        (
            with(for_demo(), "amr", json!(["password"])),
            "validation_failed",
            "amr must be values of RFC 8176",
        ),
        (
            with(for_demo(), "amr", json!(vec!["pwd"; 9])),
            "validation_failed",
            "amr must have at most 8",
        ),
        (
            with(for_demo(), "device_id", json!("a\u{7}b")),
            "validation_failed",
            "device_id must not",
        ),
        (
            with(for_demo(), "expires_in", json!(0)),
            "validation_failed",
            "expires_in must be",
        ),
        (
            with(for_demo(), "expires_in", json!(301)),
            "validation_failed",
            "expires_in must be",
        ),
    ] {
        let answer = service.ask_for_ticket(command).await;
        refused(&answer, code);
        let told = answer["error"]["message"].as_str().unwrap();
        assert!(told.starts_with(message), "{told}");
    }
    assert_eq!(stored(&service).await, [Value::Null; 0]);
}

#[tokio::test]
async fn a_disabled_account_gets_no_ticket() {
    let service = TestService::new().await;
    service
        .admin(json!({ "action": "disable_user", "email": EMAIL }))
        .await;
    let before = service.items().await.len();
    refused(&service.ask_for_ticket(for_demo()).await, "account_inactive");
    assert_eq!(service.items().await.len(), before);
}

#[tokio::test]
async fn of_five_tickets_the_oldest_is_none() {
    let service = TestService::new().await;
    let mut tickets = Vec::new();
    for _ in 0..5 {
        tickets.push(service.ticket(for_demo()).await);
    }
    assert_eq!(stored(&service).await.len(), 4);
    invalid(&service.redeem(&tickets[0], "phone", None).await);
    // In any order.
    for index in [3, 1, 4, 2] {
        service.redeem(&tickets[index], "phone", None).await.ok();
    }
    assert_eq!(sessions(&service).await.len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_tickets_made_at_once_four_are_good() {
    let service = TestService::new().await;
    let made = join_all((0..8).map(|_| service.ticket(for_demo()))).await;
    assert_eq!(stored(&service).await.len(), 4);
    let answers = join_all(made.iter().map(|ticket| service.redeem(ticket, "phone", None))).await;
    let good = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(good, 4, "{answers:?}");
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        invalid(answer);
    }
}

/// A ticket is given to nobody unless it is stored, and one that arrives late is nobody's.
#[tokio::test]
async fn whatever_fails_there_is_a_ticket_or_none() {
    let service = TestService::new().await;
    for fault in Fault::QUICK {
        for lasting in [FaultDuration::Attempt, FaultDuration::Call, FaultDuration::Outage] {
            let instance = service.twin().await;
            instance.connection.inject(Injection {
                fault,
                at: 0,
                lasting,
            });
            let answer = instance.ask_for_ticket(for_demo()).await;
            instance.connection.heal();
            instance.connection.deliver_late().await;
            assert!(stored(&service).await.len() <= 4);
            match answer["ticket"].as_str() {
                Some(ticket) => {
                    service.redeem(ticket, "phone", None).await.ok();
                }
                None => refused(&answer, "unavailable"),
            }
            if lasting == FaultDuration::Attempt {
                assert_eq!(answer["ok"], true, "{fault:?}: {answer}");
            }
        }
    }
}
