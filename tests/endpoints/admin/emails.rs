//! Addresses: their identity, and `change_email`.

use futures_util::future::join_all;
use registry::login;
use serde_json::{Value, json};
use testkit::{Fault, FaultDuration, Injection};
use tests::{Event, PASSWORD, TestService};

use super::{ANNA, event, event_with, ok, refused, trail, world_with_anna};

const NEW: &str = "anna.huber@example.com";

async fn log_in(service: &TestService, email: &str) -> tests::Answer {
    let body = json!({"email": email, "password": event("create_user")["password"]});
    service
        .send(&login::OPERATION, Event::file("login/json").json(&body))
        .await
}

#[tokio::test]
async fn no_spelling_makes_a_twin() {
    let (service, id) = world_with_anna().await;
    for spelling in [
        "\u{200b}anna@example.com",
        "ANNA@example.com",
        "\u{ff41}nna@example.com",
        "an\u{ad}na@exam\u{200b}ple.com",
    ] {
        refused(
            &service
                .admin(event_with("create_user", &json!({"email": spelling})))
                .await,
            "already_exists",
        );
        let shown = ok(service
            .admin(event_with("get_user", &json!({"email": spelling})))
            .await);
        assert_eq!(
            (&shown["user"]["id"], &shown["user"]["email"]),
            (&json!(id), &json!(ANNA))
        );
        log_in(&service, spelling).await.ok();
    }
    log_in(&service, "\u{202e}anna@example.com")
        .await
        .refused_field("email");
    log_in(&service, "<anna@example.com>")
        .await
        .refused_field("email");
}

#[tokio::test]
async fn what_is_shown_has_nothing_invisible() {
    let service = TestService::new().await;
    let typed = "\u{200b} J\u{f6}rg@B\u{fc}cher.Example\u{feff}";
    let created = ok(service
        .admin(event_with("create_user", &json!({"email": typed})))
        .await);
    assert_eq!(created["user"]["email"], "J\u{f6}rg@B\u{fc}cher.Example");
}

#[tokio::test]
async fn a_new_address_keeps_the_sessions_and_takes_the_logins() {
    let (service, id) = world_with_anna().await;
    let phone = service.log_in_as(ANNA, "phone").await;
    let changed = ok(service.admin(event("change_email")).await);
    assert_eq!(
        (&changed["user"]["id"], &changed["user"]["email"]),
        (&json!(id), &json!(NEW))
    );
    service.list(&phone.access).await.ok();
    service.refresh(&phone.refresh).await.ok();
    log_in(&service, ANNA).await.refused(401, "invalid_credentials");
    let answer = log_in(&service, "Anna.Huber@example.com").await.ok();
    assert_eq!(
        (&answer["user"]["id"], &answer["user"]["email"]),
        (&json!(id), &json!(NEW))
    );
    refused(&service.admin(event("get_user")).await, "not_found");

    let by_id = |action: &str| json!({"action": action, "user_id": id, "limit": if action == "activity" { json!(100) } else { Value::Null }});
    let mut activity = by_id("activity");
    activity["actor"] = "support".into();
    let events = ok(service.admin(activity).await);
    let told: Vec<_> = events["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["type"].clone())
        .collect();
    assert_eq!(told.iter().filter(|name| **name == "email_changed").count(), 1);
    assert!(!events.to_string().contains(NEW) && !events.to_string().contains(ANNA));

    // The old address is free again.
    let other = ok(service.admin(event("create_user")).await);
    assert_ne!(other["user"]["id"], json!(id));
}

#[tokio::test]
async fn a_repeat_by_id_changes_nothing_and_another_spelling_changes_what_is_shown() {
    let (service, id) = world_with_anna().await;
    let to = |address: &str| {
        event_with(
            "change_email",
            &json!({"email": null, "user_id": id, "new_email": address}),
        )
    };
    for _ in 0..2 {
        ok(service.admin(to(NEW)).await);
    }
    let told = async || {
        let items = service.items().await;
        items
            .iter()
            .filter(|item| item["type"] == "email_changed")
            .count()
    };
    assert_eq!(told().await, 1);
    let shown = ok(service.admin(to("Anna.Huber@Example.com")).await);
    assert_eq!(shown["user"]["email"], "Anna.Huber@Example.com");
    assert_eq!(told().await, 2);
    assert_eq!(
        log_in(&service, NEW).await.ok()["user"]["email"],
        "Anna.Huber@Example.com"
    );
    let shown = ok(service.admin(json!({"action": "get_user", "user_id": id})).await);
    assert_eq!(shown["user"]["email"], "Anna.Huber@Example.com");
}

#[tokio::test]
async fn a_taken_or_wrong_address_changes_nothing() {
    let (service, _) = world_with_anna().await;
    service.create_user(NEW).await;
    let before = service.items().await;
    refused(&service.admin(event("change_email")).await, "already_exists");
    refused(
        &service
            .admin(event_with("change_email", &json!({"new_email": "no address"})))
            .await,
        "validation_failed",
    );
    refused(
        &service
            .admin(event_with(
                "change_email",
                &json!({"email": "nobody@example.com"}),
            ))
            .await,
        "not_found",
    );
    assert_eq!(service.items().await, before);
    assert!(!trail(&service).await.is_empty());
}

#[tokio::test]
async fn whatever_fails_a_repeat_by_id_finishes_the_change_once() {
    let (service, id) = world_with_anna().await;
    let mut old = ANNA.to_owned();
    let mut cases = 0;
    for fault in Fault::QUICK {
        for lasting in [FaultDuration::Attempt, FaultDuration::Call, FaultDuration::Outage] {
            for at in 0.. {
                let phone = service.log_in_as(&old, "phone").await;
                let new = format!("anna{cases}@example.com");
                let change = event_with(
                    "change_email",
                    &json!({"email": null, "user_id": id, "new_email": new}),
                );
                let instance = service.twin().await;
                instance.connection.inject(Injection { fault, at, lasting });
                let first = instance.admin(change.clone()).await;
                if first["ok"] != true {
                    refused(&first, "unavailable");
                }
                let has_failed = instance.connection.heal() > 0;
                instance.connection.deliver_late().await;
                ok(service.admin(change).await);
                let case = format!("{fault:?} {lasting:?} at call {at}");
                service.list(&phone.access).await.ok();
                log_in(&service, &old).await.refused(401, "invalid_credentials");
                let items = service.items().await;
                let count = |name: &str, value: &str| items.iter().filter(|item| item[name] == value).count();
                assert_eq!(count("sk", "CREDENTIAL"), 2, "{case}");
                cases += 1;
                assert_eq!(count("type", "email_changed"), cases, "{case}");
                old = new;
                if !has_failed {
                    break;
                }
            }
        }
    }
    assert!(cases > 60, "only {cases} cases");
    log_in(&service, &old).await.ok();
}

/// Whatever runs beside it: in the end the account has one address, and a login with it works.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn changes_and_logins_at_once_leave_one_address() {
    let (service, id) = world_with_anna().await;
    for round in 0..5 {
        let addresses = [format!("a{round}@example.com"), format!("b{round}@example.com")];
        let change = |address: &String| {
            let command = event_with(
                "change_email",
                &json!({"email": null, "user_id": id, "new_email": address}),
            );
            service.admin(command)
        };
        let password = event("create_user")["password"].clone();
        let set = json!({"action": "set_password", "user_id": id, "password": password});
        let current = ok(service.admin(json!({"action": "get_user", "user_id": id})).await);
        let current = current["user"]["email"].as_str().unwrap().to_owned();
        let (changed, _, logins) = tokio::join!(
            join_all(addresses.iter().map(change)),
            service.admin(set),
            join_all((0..3).map(|_| log_in(&service, &current)))
        );
        for answer in changed {
            ok(answer);
        }
        for answer in logins {
            assert!(answer.status == 200 || answer.status == 401, "{}", answer.body);
        }
        let items = service.items().await;
        let credentials: Vec<_> = items
            .iter()
            .filter(|item| item["sk"] == "CREDENTIAL" && item["user_id"] == id.as_str())
            .collect();
        assert_eq!(credentials.len(), 1, "{credentials:?}");
        let email = credentials[0]["email"].as_str().unwrap();
        let profile = items
            .iter()
            .find(|item| item["sk"] == "PROFILE" && item["user_id"] == id.as_str());
        assert_eq!(profile.unwrap()["email"], email);
        log_in(&service, email).await.ok();
    }
}

#[tokio::test]
async fn an_account_may_keep_what_it_was_in_an_older_system() {
    let service = TestService::new().await;
    let id = "6f1c2d3e-4b5a-4968-8776-655443322110";
    let kept = json!({"user_id": id, "is_active": false, "created_at": "2019-03-31T08:15:00+02:00"});
    let created = ok(service.admin(event_with("create_user", &kept)).await);
    let expected = json!({
        "id": id, "email": ANNA, "is_active": false, "is_being_deleted": false,
        "created_at": "2019-03-31T06:15:00Z",
    });
    assert_eq!(created["user"], expected);
    log_in(&service, ANNA).await.refused(401, "account_inactive");
    // The id is taken, whatever the address.
    let other = json!({"email": "other@example.com", "user_id": id});
    let answer = service.admin(event_with("create_user", &other)).await;
    refused(&answer, "already_exists");
    assert!(
        answer["error"]["message"].as_str().unwrap().contains("user_id"),
        "{answer}"
    );
    for wrong in [
        json!({"user_id": "7"}),
        json!({"created_at": "yesterday"}),
        json!({"created_at": "2999-01-01T00:00:00Z"}),
        json!({"created_at": "1969-12-31T23:59:59Z"}),
    ] {
        let mut fields = wrong;
        fields["email"] = "new@example.com".into();
        refused(
            &service.admin(event_with("create_user", &fields)).await,
            "validation_failed",
        );
    }
}

#[tokio::test]
async fn common_passwords_and_the_own_address_are_refused() {
    let (service, _) = world_with_anna().await;
    for password in ["password1", "PASSWORD1", "1234567890", ANNA, "Anna@Example.com"] {
        let fields = json!({"password": password});
        refused(
            &service.admin(event_with("set_password", &fields)).await,
            "validation_failed",
        );
        let fields = json!({"email": "anna@example.com", "password": password});
        refused(
            &service.admin(event_with("create_user", &fields)).await,
            "validation_failed",
        );
        let users = json!({"users": [{"email": ANNA, "password": password}]});
        let answer = ok(service.admin(event_with("import_users", &users)).await);
        assert_eq!(answer["refused"][0]["code"], "validation_failed", "{answer}");
    }
    let service = TestService::with(&[("PASSWORD_MIN_LENGTH", "15")]).await;
    let answer = service
        .admin(event_with("create_user", &json!({"password": "fourteen chars"})))
        .await;
    refused(&answer, "validation_failed");
    assert!(
        answer["error"]["message"].as_str().unwrap().contains("15"),
        "{answer}"
    );
    let answer = service
        .admin(event_with(
            "create_user",
            &json!({"password": PASSWORD.repeat(2)}),
        ))
        .await;
    ok(answer);
}

/// Commands that read the account before its address changed must neither miss it nor take what is left for remains.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn commands_find_an_account_whose_address_changes_under_them() {
    for action in ["disable_user", "delete_user"] {
        for _ in 0..5 {
            let (service, id) = world_with_anna().await;
            service.log_in_as(ANNA, "phone").await;
            let command = json!({"action": action, "user_id": id});
            let (changed, answer) =
                tokio::join!(service.admin(event("change_email")), service.admin(command));
            ok(answer);
            let found = service.admin(json!({"action": "get_user", "user_id": id})).await;
            if action == "delete_user" {
                refused(&found, "not_found");
                let items = service.items().await;
                assert!(
                    !items.iter().any(|item| item["user_id"] == id.as_str()),
                    "{items:?}"
                );
            } else {
                assert_eq!(ok(found)["user"]["is_active"], false);
                ok(changed);
            }
        }
    }
}
