//! What the store retries, and with which request token, on answers no local engine gives.

use aws_sdk_dynamodb::{
    Client,
    config::{BehaviorVersion, Credentials, Region, retry::RetryConfig},
};
use aws_smithy_http_client::test_util::{ReplayEvent, StaticReplayClient};
use aws_smithy_types::body::SdkBody;
use lambda_http::http;
use serde_json::{Value, json};
use shared::{
    domain::{
        audit::AuditContext,
        clock::{Millis, Seconds},
        ids::Ids,
        session::{Origin, RevokeReason, Session},
    },
    store::{CountOutcome, RateCounters, RecordKind, RevokeError, RevokeRequest, Store, StoreError},
};

fn answer(status: u16, body: &Value) -> ReplayEvent {
    let request = http::Request::builder()
        .uri("http://127.0.0.1/")
        .body(SdkBody::empty())
        .unwrap();
    let response = http::Response::builder()
        .status(status)
        .body(SdkBody::from(body.to_string()))
        .unwrap();
    ReplayEvent::new(request, response)
}

fn cancelled(codes: &[&str]) -> ReplayEvent {
    let reasons: Vec<_> = codes.iter().map(|code| json!({ "Code": code })).collect();
    let name = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException";
    answer(
        400,
        &json!({ "__type": name, "Message": "cancelled", "CancellationReasons": reasons }),
    )
}

fn failed(status: u16, code: &str) -> ReplayEvent {
    answer(
        status,
        &json!({ "__type": format!("com.amazonaws.dynamodb.v20120810#{code}"), "message": code }),
    )
}

/// A store that gets these answers, and its requests.
fn store(answers: Vec<ReplayEvent>) -> (Store, StaticReplayClient) {
    let replay = StaticReplayClient::new(answers);
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::for_tests())
        .retry_config(RetryConfig::standard().with_initial_backoff(std::time::Duration::from_millis(1)))
        .http_client(replay.clone())
        .build();
    (
        Store::new(Client::from_conf(config), "table", Ids::system()),
        replay,
    )
}

/// Revokes a session, given these answers. Returns the result and the request tokens sent.
async fn end_a_session(answers: Vec<ReplayEvent>) -> (Result<usize, RevokeError>, Vec<String>) {
    let (store, replay) = store(answers);
    let ids = Ids::system();
    let session = Session::begin(&ids, ids.user(), Millis(0), 600, 6000);
    let context = AuditContext {
        at: Millis(0),
        origin: Origin::default(),
        request_id: None,
        actor: None,
    };
    let request = RevokeRequest {
        sessions: &[session],
        reason: RevokeReason::Logout,
        context: &context,
        caller: None,
    };
    let outcome = store.revoke_sessions(request).await.map(|ended| ended.len());
    let token = |body: &[u8]| {
        let body: Value = serde_json::from_slice(body).unwrap();
        body["ClientRequestToken"].as_str().unwrap().to_owned()
    };
    let tokens = replay
        .actual_requests()
        .map(|request| token(request.body().bytes().unwrap()))
        .collect();
    (outcome, tokens)
}

#[tokio::test]
async fn a_conflict_is_repeated_with_the_same_token() {
    let conflict = || cancelled(&["TransactionConflict", "None"]);
    let (outcome, tokens) = end_a_session(vec![conflict(), conflict(), answer(200, &json!({}))]).await;
    assert_eq!(outcome.unwrap(), 1);
    assert_eq!(tokens.len(), 3);
    assert!(tokens.iter().all(|token| *token == tokens[0]), "{tokens:?}");
}

#[tokio::test]
async fn a_throttle_and_a_lost_answer_are_repeated_with_the_same_token() {
    for first in [
        failed(400, "ProvisionedThroughputExceededException"),
        failed(500, "InternalServerError"),
        failed(400, "TransactionInProgressException"),
        cancelled(&["ThrottlingError", "None"]),
    ] {
        let (outcome, tokens) = end_a_session(vec![first, answer(200, &json!({}))]).await;
        assert_eq!(outcome.unwrap(), 1);
        assert_eq!((tokens.len(), &tokens[0]), (2, &tokens[1]));
    }
}

#[tokio::test]
async fn a_failed_condition_is_an_outcome_and_not_repeated() {
    let (outcome, tokens) = end_a_session(vec![cancelled(&["ConditionalCheckFailed", "None"])]).await;
    assert_eq!((outcome.unwrap(), tokens.len()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn conflicts_that_do_not_end_are_reported_as_contention() {
    let conflicts = (0..50)
        .map(|_| cancelled(&["TransactionConflict", "None"]))
        .collect();
    let (outcome, tokens) = end_a_session(conflicts).await;
    assert!(
        matches!(outcome, Err(RevokeError::Store(StoreError::Contended { .. }))),
        "{outcome:?}"
    );
    assert_eq!(tokens.len(), 10);
}

#[tokio::test]
async fn a_missing_table_is_our_fault_and_not_repeated() {
    let (outcome, tokens) = end_a_session(vec![failed(400, "ResourceNotFoundException")]).await;
    assert!(
        matches!(outcome, Err(RevokeError::Store(StoreError::Refused { .. }))),
        "{outcome:?}"
    );
    assert_eq!(tokens.len(), 1);
}

fn tally() -> RateCounters {
    RateCounters {
        rule: "guesses",
        key: "somebody".to_owned(),
        part: None,
        ends_at: Seconds(60),
        counters: vec![("count".to_owned(), 5)],
    }
}

#[tokio::test]
async fn a_request_that_cannot_be_counted_fails() {
    let (store, _) = store((0..3).map(|_| failed(500, "InternalServerError")).collect());
    let counted = store.count(&tally()).await;
    assert!(
        matches!(counted, Err(StoreError::Unavailable { .. })),
        "{counted:?}"
    );
}

#[tokio::test]
async fn counting_is_repeated_and_giving_back_is_not() {
    let counted = answer(200, &json!({ "Attributes": { "count": { "N": "2" } } }));
    let (store, replay) = store(vec![
        failed(500, "InternalServerError"),
        counted,
        failed(500, "InternalServerError"),
        answer(200, &json!({})),
    ]);
    assert_eq!(
        store.count(&tally()).await.unwrap(),
        CountOutcome::Counted(vec![2])
    );
    assert!(store.refund(&tally()).await.is_err());
    assert_eq!(
        replay.actual_requests().count(),
        3,
        "a double refund would allow an extra guess"
    );
}

fn bodies(replay: &StaticReplayClient) -> Vec<Value> {
    let body = |bytes: &[u8]| serde_json::from_slice(bytes).unwrap();
    replay
        .actual_requests()
        .map(|request| body(request.body().bytes().unwrap()))
        .collect()
}

const CONFLICT: &str = "TransactionConflictException";

/// The only key of a trail, and the query that finds it.
fn one_event() -> (Value, ReplayEvent) {
    let key = json!({ "pk": { "S": "TRAIL#x" }, "sk": { "S": "EVENT#a" } });
    let found = answer(200, &json!({ "Items": [key] }));
    (key, found)
}

/// An event's id is new, so only the same transaction can have put it there.
#[tokio::test(start_paused = true)]
async fn a_transaction_whose_event_is_there_was_applied_before() {
    for reasons in [["None", "ConditionalCheckFailed"], ["ConditionalCheckFailed"; 2]] {
        let (ended, tokens) = end_a_session(vec![cancelled(&reasons)]).await;
        assert_eq!((ended.unwrap(), tokens.len()), (1, 1), "{reasons:?}");
    }
    let (ended, _) = end_a_session(vec![cancelled(&["ConditionalCheckFailed", "None"])]).await;
    assert_eq!(ended.unwrap(), 0, "the session was over");
}

#[tokio::test(start_paused = true)]
async fn a_delete_that_collides_is_repeated() {
    let (key, found) = one_event();
    let (store, replay) = store(vec![found, failed(400, CONFLICT), answer(200, &json!({}))]);
    let erased = store.delete_some(Ids::system().user(), RecordKind::Events).await;
    assert_eq!(erased.unwrap(), 1);
    let deletes = bodies(&replay).split_off(1);
    assert_eq!(deletes.len(), 2);
    assert!(deletes.iter().all(|body| body["Key"] == key));
}

#[tokio::test(start_paused = true)]
async fn a_delete_that_collides_for_ever_is_reported() {
    let (_, found) = one_event();
    let mut answers = vec![found];
    answers.extend((0..50).map(|_| failed(400, CONFLICT)));
    let (store, replay) = store(answers);
    let erased = store.delete_some(Ids::system().user(), RecordKind::Events).await;
    assert!(erased.is_err(), "{erased:?}");
    assert_eq!(replay.actual_requests().count(), 11);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_comes_up_after_the_first_look_ends_as_well() {
    let ids = Ids::system();
    let (user, session) = (ids.user(), ids.session(Millis(0)));
    let text = |value: &dyn std::fmt::Display| json!({ "S": value.to_string() });
    let number = |value: i64| json!({ "N": value.to_string() });
    let item = json!({
        "pk": text(&format!("USER#{user}")), "sk": text(&format!("SESSION#{session}")),
        "user_id": text(&user), "session_id": text(&session), "refresh_jti": text(&ids.token().as_str()),
        "rotation_count": number(0), "device_name": text(&"phone"), "created_at": number(0),
        "last_used_at": number(0), "expires_at": number(600), "absolute_expires_at": number(6000),
    });
    let found = |items: &[&Value]| answer(200, &json!({ "Items": items }));
    let (store, replay) = store(vec![
        found(&[]),
        found(&[&item]),
        answer(200, &json!({})),
        found(&[]),
        found(&[]),
    ]);
    let context = AuditContext {
        at: Millis(0),
        origin: Origin::default(),
        request_id: None,
        actor: None,
    };
    let ended = store
        .revoke_all(user, RevokeReason::AccountDisabled, &context)
        .await;
    assert_eq!(ended.unwrap(), 1);
    assert_eq!(replay.actual_requests().count(), 5);
}
