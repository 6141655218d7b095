//! The authorizer for the app's other APIs.

use registry::authorizer;
use registry::authorizer::{Authorizer, AuthorizerResponse};
use serde_json::{Value, json};
use shared::{Error, State};
use testkit::{Fault, FaultyHttpClient, Injection};
use tests::{Event, TestService, Tokens, claims, forge, recorded};

async fn ask(authorizer: &Authorizer, event: Event) -> Result<AuthorizerResponse, Error> {
    let event = serde_json::from_value(event.into()).unwrap();
    recorded::by("authorizer", authorizer::handle(authorizer, &event)).await
}

fn with(token: &str) -> Event {
    Event::file("authorizer/request").bearer(token)
}

async fn allows(authorizer: &Authorizer, login: &Tokens) -> bool {
    ask(authorizer, with(&login.access)).await.unwrap().is_authorized
}

#[tokio::test]
async fn a_good_token_is_allowed_and_its_owner_passed_on() {
    let service = TestService::new().await;
    let login = service.log_in("phone").await;
    let authorizer = Authorizer::new(service.state.clone());
    let answer = ask(&authorizer, with(&login.access)).await.unwrap();
    let claims = claims(&login.access);
    let expected = json!({ "isAuthorized": true, "context": {
        "sub": claims["sub"], "sid": login.session, "client_id": "mobile", "auth_time": claims["auth_time"],
        "amr": ["pwd"],
    }});
    assert_eq!(serde_json::to_value(answer).unwrap(), expected);
}

#[tokio::test]
async fn the_header_is_found_in_any_case() {
    let service = TestService::new().await;
    let login = service.log_in("phone").await;
    let authorizer = Authorizer::new(service.state.clone());
    let event =
        Event::file("authorizer/no-token").header("Authorization", &format!("BEARER {}", login.access));
    assert!(ask(&authorizer, event).await.unwrap().is_authorized);
}

#[tokio::test]
async fn a_missing_or_bad_token_is_a_plain_refusal() {
    let service = TestService::new().await;
    let login = service.log_in("phone").await;
    let authorizer = Authorizer::new(service.state.clone());
    let key = &service.keys.current;
    let mut other = claims(&login.access);
    other["aud"] = json!("https://elsewhere.example.com");
    let foreign = forge(key, &key.public().kid, "at+jwt", &other);
    let mut late = claims(&login.access);
    late["exp"] = json!(3_999_999_999_u64);
    let late = forge(key, &key.public().kid, "at+jwt", &late);
    let mut nobodys = claims(&login.access);
    nobodys["sid"] = json!("018f3c5e-7b1a-7c3d-8e4f-5a6b7c8d9e0f");
    let nobodys = forge(key, &key.public().kid, "at+jwt", &nobodys);
    let request = || Event::file("authorizer/request");
    let good = &login.access;
    for event in [
        Event::file("authorizer/no-token"),
        request(),
        request().header("authorization", ""),
        request().header("authorization", good),
        request().header("authorization", &format!("Basic {good}")),
        request().header("authorization", &format!("Bearer {good},Bearer {good}")),
        request().header("x-name", "Zoë ☃"),
        with(&login.refresh),
        with(&format!("{good}x")),
        with(&foreign),
        with(&late),
        with(&nobodys),
    ] {
        let answer = ask(&authorizer, event.clone()).await.unwrap();
        let answer = serde_json::to_value(answer).unwrap();
        assert_eq!(answer, json!({ "isAuthorized": false }), "{event:?}");
    }
}

#[tokio::test]
async fn an_ended_session_is_refused_at_once() {
    let service = TestService::new().await;
    let (phone, tablet) = (service.log_in("phone").await, service.log_in("tablet").await);
    let authorizer = Authorizer::new(service.state.clone());
    assert!(allows(&authorizer, &tablet).await);
    service.revoke(&phone.access, &tablet.session).await.ok();
    assert!(!allows(&authorizer, &tablet).await);
    assert!(allows(&authorizer, &phone).await);
}

#[tokio::test]
async fn an_expired_session_is_refused_though_its_record_is_there() {
    let service = TestService::with(&[("REFRESH_IDLE_SECONDS", "60")]).await;
    let login = service.log_in("phone").await;
    let mut long = claims(&login.access);
    long["exp"] = json!(4_000_080_000_u64);
    let key = &service.keys.current;
    let long = forge(key, &key.public().kid, "at+jwt", &long);
    for staleness in ["0", "300"] {
        let mut state = service.state.clone();
        state.config.authorizer_max_staleness_seconds = staleness.parse().unwrap();
        let authorizer = Authorizer::new(state);
        let allows = || async { ask(&authorizer, with(&long)).await.unwrap().is_authorized };
        let started = service.clock.now();
        service.clock.advance(59);
        assert!(allows().await);
        service.clock.advance(1);
        assert!(!allows().await, "staleness {staleness}");
        service.clock.set(started);
    }
}

#[tokio::test]
async fn staleness_is_what_it_was_allowed_to_be_and_no_more() {
    let service = TestService::with(&[("AUTHORIZER_MAX_STALENESS_SECONDS", "5")]).await;
    let (phone, tablet) = (service.log_in("phone").await, service.log_in("tablet").await);
    let authorizer = Authorizer::new(service.state.clone());
    assert!(allows(&authorizer, &tablet).await);
    service.revoke(&phone.access, &tablet.session).await.ok();
    service.clock.advance(4);
    assert!(allows(&authorizer, &tablet).await, "it was looked up 4 s ago");
    service.clock.advance(1);
    assert!(!allows(&authorizer, &tablet).await);
}

#[tokio::test]
async fn what_was_looked_up_lately_is_not_looked_up_again() {
    let service = TestService::with(&[("AUTHORIZER_MAX_STALENESS_SECONDS", "5")]).await;
    let login = service.log_in("phone").await;
    let (authorizer, connection) = fallible(&service);
    assert!(allows(&authorizer, &login).await);
    connection.inject(Injection::outage(Fault::Abandoned));
    service.clock.advance(4);
    assert!(allows(&authorizer, &login).await);
    service.clock.advance(1);
    assert!(ask(&authorizer, with(&login.access)).await.is_err());
}

#[tokio::test]
async fn an_unavailable_table_is_an_error_and_never_an_allow() {
    let service = TestService::new().await;
    let login = service.log_in("phone").await;
    let (authorizer, connection) = fallible(&service);
    assert!(allows(&authorizer, &login).await);
    connection.inject(Injection::outage(Fault::Abandoned));
    let error = ask(&authorizer, with(&login.access)).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable(_)), "{error:?}");
    assert!(error.report().contains("DynamoDB is unavailable"), "{error:?}");
    // Nor one that could never read the keys.
    let (authorizer, connection) = fallible(&service);
    connection.inject(Injection::outage(Fault::Abandoned));
    assert!(ask(&authorizer, with(&login.access)).await.is_err());
}

#[tokio::test]
async fn without_published_keys_it_is_an_error_as_well() {
    let service = TestService::new().await;
    let login = service.log_in("phone").await;
    service.unpublish_keys().await;
    let (authorizer, _) = fallible(&service);
    let error = ask(&authorizer, with(&login.access)).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable(_)), "{error:?}");
    assert!(error.report().contains("holds no key set"), "{error:?}");
}

#[test]
fn an_event_without_headers_has_no_token() {
    assert!(serde_json::from_value::<authorizer::AuthorizerRequest>(json!({ "version": "2.0" })).is_ok());
    assert!(serde_json::from_value::<authorizer::AuthorizerRequest>(Value::Null).is_err());
}

/// An authorizer whose table can fail.
fn fallible(service: &TestService) -> (Authorizer, FaultyHttpClient) {
    let connection = FaultyHttpClient::default();
    let config = service.client.config().to_builder();
    let client = aws_sdk_dynamodb::Client::from_conf(config.http_client(connection.clone()).build());
    let state = State::new(
        service.state.config.clone(),
        service.clock.clone(),
        service.state.ids.clone(),
        client,
    );
    (Authorizer::new(state), connection)
}
