//! The client's IP address: only API Gateway and a trusted proxy are believed.

use registry::login;
use serde_json::Value;
use shared::http::{Code, SampleToken};
use tests::{EMAIL, PASSWORD, SampleRequest, TestService};

use super::{STRANGER, attempt};

#[tokio::test]
async fn only_the_requests_context_tells_the_address() {
    let service = TestService::with(&[("RATE_LIMIT_LOGIN_IP", "4")]).await;
    let forged = |number: usize| {
        let address = format!("192.0.2.{number}");
        attempt(EMAIL, PASSWORD, STRANGER)
            .header("x-forwarded-for", &address)
            .header("forwarded", &format!("for={address}"))
            .header("x-real-ip", &address)
            .header("true-client-ip", &address)
            .header("cloudfront-viewer-address", &format!("{address}:443"))
            .header("cloudfront-viewer-country", "CH")
            .header("cloudfront-viewer-city", "Bern")
            .header("x-origin-verify", "")
    };
    for number in 0..4 {
        let body = service.send(&login::OPERATION, forged(number)).await.ok();
        let session = service.session_item(body["session_id"].as_str().unwrap()).await;
        assert_eq!(session["ip_address"], STRANGER);
        assert_eq!(
            (&session["location_city"], &session["location_country"]),
            (&Value::Null, &Value::Null)
        );
    }
    service
        .send(&login::OPERATION, forged(4))
        .await
        .refused(429, "rate_limited");
    assert!(
        !service
            .items()
            .await
            .iter()
            .any(|item| item.to_string().contains("192.0.2."))
    );
}

#[tokio::test]
async fn a_trusted_proxy_tells_the_address_and_nobody_bypasses_it() {
    let secret = "a secret of some length";
    let service = TestService::with(&[
        ("TRUSTED_PROXY", "cloudfront"),
        ("CLOUDFRONT_SECRET", secret),
        ("RATE_LIMIT_LOGIN_IP", "1"),
    ])
    .await;
    let through = |viewer: &str, given: &str| {
        let event = attempt(EMAIL, PASSWORD, STRANGER).header("cloudfront-viewer-address", viewer);
        event.header("x-origin-verify", given)
    };
    service
        .send(&login::OPERATION, through("192.0.2.1:443", secret))
        .await
        .ok();
    service
        .send(&login::OPERATION, through("192.0.2.2:443", secret))
        .await
        .ok();
    service
        .send(&login::OPERATION, through("192.0.2.2:444", secret))
        .await
        .refused(429, "rate_limited");
    for wrong in [
        "",
        "A secret of some length",
        "a secret of some length ",
        "a secret",
    ] {
        service
            .send(&login::OPERATION, through("192.0.2.3:443", wrong))
            .await
            .refused(403, "forbidden");
    }
    let items = service.items().await;
    let of = |address: &str| items.iter().any(|item| item.to_string().contains(address));
    assert!(
        of("192.0.2.2") && !of(STRANGER) && !of("192.0.2.3"),
        "the others reached nothing"
    );
}

/// Whatever the operation, and before anything is read.
#[tokio::test]
async fn requests_that_bypass_the_trusted_proxy_are_refused_unread() {
    let (old, new) = ("the-old-secret-of-cloudfront", "the-new-secret-of-cloudfront");
    let both = format!("{old},{new}");
    let service = TestService::with(&[("TRUSTED_PROXY", "cloudfront"), ("CLOUDFRONT_SECRET", &both)]).await;
    for token in [
        SampleToken::None,
        SampleToken::AccessInHeader,
        SampleToken::RefreshInBody,
        SampleToken::TicketInBody,
        SampleToken::RefreshAsToken,
        SampleToken::AccessAsToken,
    ] {
        for sample in SampleRequest::first_with(token) {
            let event = sample.event("x");
            service.calls.take();
            for secret in ["", "another-secret-of-this-length", &both] {
                let event = event.clone().header("x-origin-verify", secret);
                let answer = service.send(sample.operation, event).await;
                answer.refused_by(sample.operation, Code::Forbidden);
            }
            assert_eq!(service.calls.take(), [], "{}", sample.file);
            for secret in [old, new] {
                let event = event.clone().header("x-origin-verify", secret);
                let answer = service.send(sample.operation, event).await;
                assert_ne!(answer.status, 403, "{}: {}", sample.file, answer.body);
            }
        }
    }
}

#[tokio::test]
async fn cloudfronts_places_are_decoded() {
    let secret = "a secret of some length";
    let service = TestService::with(&[("TRUSTED_PROXY", "cloudfront"), ("CLOUDFRONT_SECRET", secret)]).await;
    let event = attempt(EMAIL, PASSWORD, STRANGER)
        .header("x-origin-verify", secret)
        .header("cloudfront-viewer-city", "Z%C3%BCrich")
        .header("cloudfront-viewer-country", "CH");
    let body = service.send(&login::OPERATION, event).await.ok();
    let session = service.session_item(body["session_id"].as_str().unwrap()).await;
    assert_eq!(
        (&session["location_city"], &session["location_country"]),
        (&"Zürich".into(), &"CH".into())
    );
}

#[tokio::test]
async fn ipv6_counts_by_its_64_and_a_mapped_address_as_its_ipv4() {
    let service = TestService::with(&[("RATE_LIMIT_LOGIN_IP", "2")]).await;
    let from = async |address: &str| {
        service
            .send(&login::OPERATION, attempt(EMAIL, PASSWORD, address))
            .await
    };
    from("2001:db8:1:2::1").await.ok();
    from("2001:db8:1:2:ffff:ffff:ffff:ffff").await.ok();
    from("2001:db8:1:2::3").await.refused(429, "rate_limited");
    from("2001:db8:1:3::1").await.ok();
    from("203.0.113.9").await.ok();
    let mapped = from("::ffff:203.0.113.9").await.ok();
    from("203.0.113.9").await.refused(429, "rate_limited");
    let session = service.session_item(mapped["session_id"].as_str().unwrap()).await;
    assert_eq!(session["ip_address"], "203.0.113.9", "one client has one address");
}

#[tokio::test]
async fn a_request_without_an_address_is_counted_all_the_same() {
    let service = TestService::with(&[("RATE_LIMIT_LOGIN_IP", "1")]).await;
    service
        .send(&login::OPERATION, attempt(EMAIL, PASSWORD, ""))
        .await
        .ok();
    service
        .send(&login::OPERATION, attempt(EMAIL, PASSWORD, "not an address"))
        .await
        .refused(429, "rate_limited");
}
