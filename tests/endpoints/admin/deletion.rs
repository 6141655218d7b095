//! `delete_user`, even if interrupted after any of its writes.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicUsize, Ordering},
};

use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, PutRequest, WriteRequest},
};
use registry::{admin, login};
use serde_json::{Value, json};
use shared::{
    State,
    domain::{audit::EventType, ids::Ids},
};
use testkit::{Fault, FaultyHttpClient, is_write};
use tests::{Event, PASSWORD, TestService};

use crate::guarantees::store::context;

use super::{ANNA, event, event_with, ok, refused, world_with_anna};

/// Lets `admin` die, as seen by the table, after `writes` writes. Returns the answer and whether it did.
async fn dies_after(service: &TestService, writes: usize, command: Value) -> (Value, bool) {
    let seen = AtomicUsize::new(0);
    let connection = FaultyHttpClient::new(move |attempt| {
        let dies = is_write(&attempt.operation) && seen.fetch_add(1, Ordering::SeqCst) >= writes;
        dies.then_some(Fault::Abandoned)
    });
    let config = service.client.config().to_builder();
    let config = config.http_client(connection.clone()).build();
    let state = State::new(
        service.state.config.clone(),
        service.clock.clone(),
        Ids::system(),
        Client::from_conf(config),
    );
    let hasher = service.admin_state().hasher.clone();
    let admin = admin::AdminState { state, hasher };
    let answer = admin::handle(&admin, command, TestService::INVOCATION).await;
    (answer, connection.has_failed())
}

/// Creates `count` sessions, one real and the others copies with their own ids, and as many events.
async fn live(service: &TestService, email: &str, user: &str, count: usize) {
    service.log_in_as(email, "phone").await;
    for (kind, prefix, have) in [("USER", "SESSION#", 1), ("TRAIL", "EVENT#", 2)] {
        let query = service
            .client
            .query()
            .table_name(&service.state.config.table_name)
            .key_condition_expression("pk = :pk AND begins_with(sk, :sk)")
            .expression_attribute_values(":pk", AttributeValue::S(format!("{kind}#{user}")))
            .expression_attribute_values(":sk", AttributeValue::S(prefix.to_owned()));
        let items = query.send().await.unwrap().items.unwrap();
        assert_eq!(items.len(), have);
        let copies: Vec<_> = (have..count).map(|_| copy(&items[0], prefix, service)).collect();
        for batch in copies.chunks(25) {
            let write = service.client.batch_write_item();
            let write = write.request_items(&service.state.config.table_name, batch.to_vec());
            write.send().await.unwrap();
        }
    }
}

fn copy(item: &HashMap<String, AttributeValue>, prefix: &str, service: &TestService) -> WriteRequest {
    let id = Ids::system().session(service.clock.now()).to_string();
    let mut item = item.clone();
    item.insert("sk".to_owned(), AttributeValue::S(format!("{prefix}{id}")));
    if prefix == "SESSION#" {
        item.insert("session_id".to_owned(), AttributeValue::S(id));
    }
    let put = PutRequest::builder().set_item(Some(item)).build().unwrap();
    WriteRequest::builder().put_request(put).build()
}

/// One account's items, and all others.
async fn items(service: &TestService, email: &str, user: &str) -> (Vec<Value>, Vec<Value>) {
    let keys = [
        format!("USER#{user}"),
        format!("TRAIL#{user}"),
        format!("EMAIL#{email}"),
    ];
    let (own, others): (Vec<_>, Vec<_>) = service
        .items()
        .await
        .into_iter()
        .partition(|item| keys.iter().any(|key| item["pk"] == key.as_str()));
    (own, others)
}

async fn attempt(service: &TestService, email: &str) -> u16 {
    let body = json!({"email": email, "password": PASSWORD});
    service
        .send(&login::OPERATION, Event::file("login/json").json(&body))
        .await
        .status
}

#[tokio::test]
async fn everything_of_the_account_goes_and_nothing_of_anybody_elses() {
    let (service, id) = world_with_anna().await;
    let phone = service.log_in_as(ANNA, "phone").await;
    service.log_in("somebody else's").await;
    let (own, others) = items(&service, ANNA, &id).await;
    assert_eq!(own.len(), 5, "profile, credential, session and two events");
    let answer = ok(service.admin(event("delete_user")).await);
    assert_eq!(
        (&answer["user_id"], &answer["sessions_deleted"]),
        (&json!(id), &json!(1))
    );
    assert_eq!(items(&service, ANNA, &id).await, (vec![], others));
    assert!(
        !service
            .items()
            .await
            .iter()
            .any(|item| item.to_string().contains(&id))
    );

    service.list(&phone.access).await.refused(401, "session_expired");
    service
        .refresh(&phone.refresh)
        .await
        .refused(401, "session_expired");
    assert_eq!(attempt(&service, ANNA).await, 401);
    refused(&service.admin(event("delete_user")).await, "not_found");
    refused(&service.admin(event("get_user")).await, "not_found");
    let again = ok(service.admin(event("create_user")).await);
    assert_ne!(again["user"]["id"], id.as_str(), "the address is free");
    assert_eq!(attempt(&service, ANNA).await, 200);
}

#[tokio::test]
async fn cut_off_after_any_write_it_is_finished_by_a_repeat() {
    let (service, _) = world_with_anna().await;
    service.log_in("somebody else's").await;
    for writes in 0.. {
        let email = format!("user{writes}@example.com");
        let user = service.create_user(&email).await;
        live(&service, &email, &user, 4).await;
        let by_address = json!({"email": email});
        let by_id = json!({"email": null, "user_id": user});
        let (first, second) = if writes % 2 == 0 {
            (&by_address, &by_id)
        } else {
            (&by_id, &by_address)
        };
        let (before, others) = items(&service, &email, &user).await;

        let (answer, died) = dies_after(&service, writes, event_with("delete_user", first)).await;
        if !died {
            ok(answer);
            assert_eq!(items(&service, &email, &user).await, (vec![], others));
            assert!(
                writes > 4 + 4 + 1,
                "mark, sessions, events, and the account: {writes}"
            );
            return;
        }
        assert_eq!(answer["ok"], false, "{answer}");
        let (left, untouched) = items(&service, &email, &user).await;
        assert_eq!(untouched, others);
        if writes == 0 {
            assert_eq!(left, before);
        } else {
            // It cannot log in, is found by both, cannot be revived, and its email stays taken.
            assert_eq!(attempt(&service, &email).await, 401);
            for target in [&by_address, &by_id] {
                let shown = ok(service.admin(event_with("get_user", target)).await);
                assert_eq!(shown["user"]["is_being_deleted"], true);
                for command in ["enable_user", "disable_user", "set_password"] {
                    refused(&service.admin(event_with(command, target)).await, "being_deleted");
                }
            }
            refused(
                &service.admin(event_with("create_user", &by_address)).await,
                "being_deleted",
            );
            assert_eq!(attempt(&service, &email).await, 401);
            assert_eq!(
                items(&service, &email, &user).await.0,
                left,
                "none of that left a trace"
            );
        }
        let others = items(&service, &email, &user).await.1;
        ok(service.admin(event_with("delete_user", second)).await);
        assert_eq!(
            items(&service, &email, &user).await,
            (vec![], others),
            "after {writes} writes"
        );
    }
}

#[tokio::test]
async fn the_other_commands_are_finished_by_a_repeat_as_well() {
    let (service, _) = world_with_anna().await;
    for command in ["disable_user", "set_password", "revoke_all_sessions"] {
        for writes in 0.. {
            let email = format!("{command}{writes}@example.com");
            let user = service.create_user(&email).await;
            live(&service, &email, &user, 50).await;
            let target = json!({"email": email});
            let (answer, died) = dies_after(&service, writes, event_with(command, &target)).await;
            assert_eq!(answer["ok"], !died, "{answer}");
            if writes > 0 && command != "revoke_all_sessions" {
                assert_eq!(attempt(&service, &email).await, 401);
            }
            ok(service.admin(event_with(command, &target)).await);
            let sessions = ok(service.admin(event_with("list_sessions", &target)).await);
            assert_eq!(sessions["active"], 0, "{command} after {writes} writes");
            let (own, _) = items(&service, &email, &user).await;
            let ends = own
                .iter()
                .filter(|item| item["type"] == "sessions_revoked")
                .count();
            assert_eq!(ends, 50, "each end is told once");
            if !died {
                assert!(writes >= 2, "{writes}");
                break;
            }
        }
    }
}

#[tokio::test]
async fn an_event_that_comes_after_the_deletion_goes_by_id() {
    let (service, id) = world_with_anna().await;
    ok(service.admin(event("delete_user")).await);
    let late = context(&service).event(&Ids::system(), id.parse().unwrap(), EventType::LoginFailed);
    service.state.store.record(&late).await.unwrap();
    let by_id = event_with("delete_user", &json!({"email": null, "user_id": id}));
    assert_eq!(ok(service.admin(by_id.clone()).await)["events_deleted"], 1);
    assert!(items(&service, ANNA, &id).await.0.is_empty());
    refused(&service.admin(by_id).await, "not_found");
}

#[tokio::test]
async fn an_account_whose_credential_is_missing_is_not_taken_for_a_deleted_one() {
    let (service, id) = world_with_anna().await;
    service.log_in_as(ANNA, "phone").await;
    let profile = service.items().await;
    let profile = profile
        .iter()
        .find(|item| item["pk"] == format!("USER#{id}") && item["sk"] == "PROFILE");
    let other = AttributeValue::S("other@example.com".to_owned());
    service.tamper(profile.unwrap(), "email", other).await;
    let before = service.items().await;
    for command in ["get_user", "delete_user", "disable_user"] {
        let by_id = event_with(command, &json!({"email": null, "user_id": id}));
        refused(&service.admin(by_id).await, "internal");
    }
    assert_eq!(service.items().await, before);
}

#[tokio::test]
async fn a_deletion_without_time_says_so_and_is_finished_by_a_repeat() {
    let (service, id) = world_with_anna().await;
    let invocation = admin::Invocation {
        deadline: Some(service.clock.now()),
        ..TestService::INVOCATION
    };
    let answer = admin::handle(service.admin_state(), event("delete_user"), invocation).await;
    refused(&answer, "unfinished");
    assert_eq!(attempt(&service, ANNA).await, 401);
    ok(service.admin(event("delete_user")).await);
    assert!(items(&service, ANNA, &id).await.0.is_empty());
}
