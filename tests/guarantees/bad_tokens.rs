//! Bad tokens (from RFC 8725 and known attacks elsewhere) at every endpoint that takes one. A bad token causes no
//! request to the table, except that an unknown `kid` causes a read of the key set.

mod attacks;

use attacks::{Good, attacks};
use registry::{authorizer, list, login};
use serde_json::json;
use shared::auth::KeyPair;
use shared::http::{Code, ErrorFormat, SampleToken};
use tests::{Answer, EMAIL, Event, PASSWORD, SampleRequest, TestService, claims, forge, mirrored};

/// A request for every operation that takes an access token.
fn with_access_token() -> Vec<SampleRequest> {
    SampleRequest::first_with(SampleToken::AccessInHeader)
}

/// Checks that the token was refused as invalid.
fn refused(place: &SampleRequest, what: &str, answer: Answer) {
    // A revocation has nothing to do (RFC 7009 §2.2), an introspection says so (RFC 7662 §2.2).
    let quiet = match place.operation.id {
        "revokeToken" => Some(json!({})),
        "introspect" => Some(json!({ "active": false })),
        _ => None,
    };
    if let Some(quiet) = quiet {
        assert_eq!(answer.ok(), quiet, "{}: {what}", place.file);
        return;
    }
    let is_oauth = place.operation.route.errors == ErrorFormat::OAuth;
    let status = if is_oauth { 400 } else { 401 };
    assert_eq!(answer.status, status, "{}: {what}: {}", place.file, answer.body);
    answer.refused_by(place.operation, Code::InvalidToken);
    if !is_oauth {
        let challenge = answer.headers["www-authenticate"].as_str().unwrap();
        assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
    }
    if place.operation.route.errors != ErrorFormat::Problem {
        assert_eq!(answer.body["error"], "invalid_grant", "{what}");
    }
}

/// Sends every attack everywhere. The clock is stopped, so all unknown `kid`s together cause one read of the set.
async fn attack(service: &TestService, good: &Good<'_>, places: &[SampleRequest]) {
    let before = service.items().await;
    assert!(attacks(good).len() > 100);
    for place in places {
        service.clock.advance(11);
        service.calls.take();
        let mut reads = 0;
        // A revocation takes either kind.
        let is_good = |what| place.operation.id == "revokeToken" && what == "the other kind's token";
        for (what, token) in attacks(good).into_iter().filter(|(what, _)| !is_good(*what)) {
            let answer = service.send(place.operation, place.event(&token)).await;
            refused(place, what, answer);
            for call in service.calls.take() {
                let key = call.accesses[0].leading_key.as_deref();
                assert_eq!(
                    (call.operation.as_str(), key),
                    ("GetItem", Some("KEYS")),
                    "{}: {what}",
                    place.file
                );
                reads += 1;
            }
        }
        assert!(reads <= 1, "{}: the key set was read {reads} times", place.file);
    }
    assert_eq!(service.items().await, before, "a bad token changes nothing");
}

#[tokio::test]
async fn no_endpoint_takes_a_bad_access_token() {
    let service = TestService::with(&[("RATE_LIMIT_LIST", "30"), ("RATE_LIMIT_REVOKE", "10")]).await;
    let login = service.log_in("phone").await;
    let good = Good::access(&service, &login);
    let as_token = SampleRequest::first_with(SampleToken::AccessAsToken);
    attack(&service, &good, &[with_access_token(), as_token].concat()).await;
    service.list(&login.access).await.ok();
}

#[tokio::test]
async fn no_endpoint_takes_a_bad_refresh_token() {
    let service = TestService::new().await;
    let login = service.log_in("phone").await;
    let good = Good::refresh(&service, &login);
    let in_body = SampleRequest::first_with(SampleToken::RefreshInBody);
    let places = [in_body, SampleRequest::first_with(SampleToken::RefreshAsToken)].concat();
    attack(&service, &good, &places).await;
    service.refresh(&login.refresh).await.ok();
}

/// Claims that device tokens do not have, so that nobody reads them there.
const NOT_IN_DEVICE_TOKENS: [&str; 3] = ["no session", "no time of login", "a session that is no UUID"];

#[tokio::test]
async fn a_bad_device_token_is_as_none() {
    let service = TestService::with(&[
        ("RATE_LIMIT_LOGIN_ACCOUNT_DAY", "100"),
        ("RATE_LIMIT_LOGIN_DEVICE", "5"),
    ])
    .await;
    let login = service.log_in("phone").await;
    let good = Good::device(&service, &login);
    let policy = async |token: &str| {
        let body = json!({"email": EMAIL, "password": PASSWORD, "device_id": "phone", "device_token": token});
        let answer = service
            .send(&login::OPERATION, Event::file("login/json").json(&body))
            .await;
        let policy = answer.headers["ratelimit-policy"].clone();
        answer.ok();
        policy
    };
    assert_eq!(
        policy(good.token()).await,
        "\"device\";q=5;w=60, \"device-day\";q=20;w=86400"
    );
    let attacks = attacks(&good).into_iter();
    for (what, token) in attacks.filter(|(what, _)| !NOT_IN_DEVICE_TOKENS.contains(what)) {
        assert_eq!(policy(&token).await, "\"guesses-day\";q=100;w=86400", "{what}");
    }
}

#[tokio::test]
async fn the_authorizer_takes_no_bad_access_token() {
    let service = TestService::new().await;
    let login = service.log_in("phone").await;
    let authorizer = authorizer::Authorizer::new(service.state.clone());
    let ask = async |token: &str| {
        let event = serde_json::from_value(Event::file("authorizer/request").bearer(token).into()).unwrap();
        authorizer::handle(&authorizer, &event).await.unwrap()
    };
    let good = Good::access(&service, &login);
    service.list(&login.access).await.ok();
    service.clock.advance(11);
    service.calls.take();
    for (what, token) in attacks(&good) {
        let answer = ask(&token).await;
        assert!(!answer.is_authorized && answer.context.is_none(), "{what}");
    }
    let calls = service.calls.take();
    assert!(
        calls.len() <= 1,
        "an unknown kid causes one read of the set: {calls:?}"
    );
    assert!(ask(&login.access).await.is_authorized);
}

#[tokio::test]
async fn a_token_that_is_missing_or_in_another_scheme_is_missing() {
    let service = TestService::new().await;
    for place in with_access_token() {
        let bare = Event::file(&place.file).without_header("authorization");
        let answer = service.send(place.operation, bare.clone()).await;
        answer.refused(401, "missing_token");
        assert_eq!(answer.headers["www-authenticate"], "Bearer realm=\"holdfast\"");
        for value in ["Basic ZGVtbzpkZW1v", "Bearer", "Bearer ", "", "DPoP token"] {
            let answer = service
                .send(place.operation, bare.clone().header("authorization", value))
                .await;
            answer.refused(401, "missing_token");
        }
    }
    assert_eq!(service.calls.take(), []);
}

#[tokio::test]
async fn an_expired_token_is_told_so_by_its_issuer_only() {
    let service = TestService::new().await;
    let login = service.log_in("phone").await;
    let mut past = claims(&login.access);
    past["exp"] = json!(3_999_999_999_i64);
    let expired = forge(
        &service.keys.current,
        &service.keys.current.public().kid,
        "at+jwt",
        &past,
    );
    let another = KeyPair::generate().unwrap();
    let forged = forge(&another, &service.keys.current.public().kid, "at+jwt", &past);
    service.calls.take();
    for place in with_access_token() {
        let answer = service.send(place.operation, place.event(&expired)).await;
        answer.refused(401, "token_expired");
        let answer = service.send(place.operation, place.event(&forged)).await;
        answer.refused(401, "invalid_token");
    }
    assert!(service.calls.take().len() <= 1);
}

#[tokio::test]
async fn an_access_token_ends_on_its_second() {
    let service = TestService::new().await;
    let login = service.log_in("phone").await;
    service.clock.advance(899);
    service.list(&login.access).await.ok();
    service.clock.advance(1);
    service.list(&login.access).await.refused(401, "token_expired");
}

#[tokio::test]
async fn the_schemes_case_does_not_matter() {
    let service = TestService::new().await;
    let login = service.log_in("phone").await;
    let event = Event::file("list/list").header("authorization", &format!("bEARER  {}", login.access));
    service.send(&list::OPERATION, event).await.ok();
}

/// Good tokens that look odd: one with extra header members, and one signed by the next key.
#[tokio::test]
async fn a_token_of_ours_is_taken_whatever_else_its_header_says() {
    let service = TestService::new().await;
    let login = service.log_in("phone").await;
    let good = Good::access(&service, &login);
    for (member, value) in [
        ("jku", json!("https://evil.example")),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
    ] {
        service.list(&good.with_header(member, value)).await.ok();
    }
    let next = forge(
        &service.keys.next,
        &service.keys.next.public().kid,
        "at+jwt",
        &claims(&login.access),
    );
    service.list(&next).await.ok();
}

/// Anybody can turn an ECDSA signature (r, s) into (r, -s), which is also valid. Tokens are not identified by their
/// text: the mirrored one has the same `jti`, so it is the same token.
#[tokio::test]
async fn a_mirrored_signature_makes_no_second_token() {
    let service = TestService::new().await;
    let login = service.log_in("phone").await;
    service.refresh(&login.refresh).await.ok();
    service.clock.advance(3600);
    service
        .refresh(&mirrored(&login.refresh))
        .await
        .refused(401, "refresh_token_reused");
}
