//! What holds at every operation that takes an access token: it checks the token, then the session, then the limit, and
//! does nothing for an unauthenticated caller.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::Value;
use shared::{
    auth::SigningKeys,
    http::{Access, SampleToken},
};
use tests::{SampleRequest, TestService};

/// A request of each such operation.
fn authenticated() -> Vec<SampleRequest> {
    let mut samples = SampleRequest::first_with(SampleToken::AccessInHeader);
    samples.retain(|sample| matches!(sample.operation.route.access, Access::AccessToken { .. }));
    assert!(samples.len() >= 5);
    samples
}

/// The table without counters, since refused requests may be counted.
async fn uncounted(service: &TestService) -> Vec<Value> {
    let mut items = service.items().await;
    items.retain(|item| item["sk"] != "RATE");
    items
}

/// Sends the request, which must be refused so and change nothing.
async fn refused(service: &TestService, sample: &SampleRequest, token: &str, code: &str) {
    let before = uncounted(service).await;
    let answer = service.send(sample.operation, sample.event(token)).await;
    assert_eq!(answer.body["code"], code, "{}: {}", sample.file, answer.body);
    answer.refused(401, code);
    assert_eq!(uncounted(service).await, before, "{}", sample.file);
}

#[tokio::test]
async fn a_session_that_is_over_is_refused_also_above_the_limit() {
    for sample in authenticated() {
        let limits: Vec<_> = sample.operation.route.access.limits().iter().collect();
        let variables: Vec<_> = limits.iter().map(|rule| (rule.variable(), "1")).collect();
        let service = TestService::with(&variables).await;
        let (revoked, expired, gone) = (
            service.log_in("revoked").await,
            service.log_in("expired").await,
            service.log_in("gone").await,
        );
        let other = service.log_in("other").await;
        service.revoke(&other.access, &revoked.session).await.ok();
        let item = service.session_item(&expired.session).await;
        let past = AttributeValue::N(service.clock.now().seconds().0.to_string());
        service.tamper(&item, "expires_at", past).await;
        service
            .delete_item(&service.session_item(&gone.session).await)
            .await;
        for _ in 0..3 {
            refused(&service, &sample, &revoked.access, "session_revoked").await;
            refused(&service, &sample, &expired.access, "session_expired").await;
            refused(&service, &sample, &gone.access, "session_expired").await;
        }
    }
}

#[tokio::test]
async fn a_key_that_was_dropped_is_noticed_within_a_minute() {
    for sample in authenticated() {
        let service = TestService::new().await;
        let login = service.log_in("phone").await;
        let others = SigningKeys::generate(0).unwrap();
        service
            .state
            .store
            .publish_key_set(&others.public())
            .await
            .unwrap();
        service.clock.advance(60);
        refused(&service, &sample, &login.access, "invalid_token").await;
    }
}

#[tokio::test]
async fn counting_and_reading_are_one_round_trip() {
    for sample in authenticated() {
        let limits: Vec<_> = sample.operation.route.access.limits().iter().collect();
        let variables: Vec<_> = limits.iter().map(|rule| (rule.variable(), "30")).collect();
        let service = TestService::with(&variables).await;
        let login = service.log_in("phone").await;
        service.clock.advance(60); // the key set is refreshed alongside
        service.calls.take();
        service.calls.meter.take_most_at_once();
        service.send(sample.operation, sample.event(&login.access)).await;
        let calls = service.calls.take();
        let counted = calls.iter().filter(|call| call.operation == "UpdateItem");
        let keys = calls
            .iter()
            .filter(|call| call.accesses[0].leading_key.as_deref() == Some("KEYS"));
        assert_eq!(
            (counted.count(), keys.count()),
            (1, 1),
            "{}: {calls:?}",
            sample.file
        );
        assert!(
            service.calls.meter.take_most_at_once() >= 3,
            "{}: {calls:?}",
            sample.file
        );
    }
}
