//! What the HTTP edge does for every function.

use registry::{jwks, list, login, logout, logout_all, refresh};
use serde_json::json;
use shared::{
    http::{ApiError, Response},
    runtime::respond,
};
use tests::{Answer, EMAIL, Event, PASSWORD, TestService};

#[tokio::test]
async fn a_body_that_cannot_be_read_is_malformed() {
    let service = TestService::new().await;
    let send = async |event: Event| service.send(&login::OPERATION, event).await;
    let event = || Event::file("login/json");
    for body in [
        "",
        "{\"email\": \"demo@exa",
        "[1, 2]",
        "\"text\"",
        "null",
        "email=demo",
    ] {
        send(event().text(body)).await.refused(400, "malformed_request");
    }
    send(event().bytes(b"{\"email\": \"\xff\xfe\"}"))
        .await
        .refused(400, "malformed_request");
    send(Event::file("login/form").text("username=%ff&password=x"))
        .await
        .refused(400, "malformed_request");
}

#[tokio::test]
async fn a_large_body_is_refused_before_it_is_read() {
    let service = TestService::new().await;
    service
        .send(
            &login::OPERATION,
            Event::file("login/json").text(&"x".repeat(1024 * 1024)),
        )
        .await
        .refused(413, "payload_too_large");
    let padded = |size: usize| {
        let body = json!({"email": tests::EMAIL, "password": PASSWORD, "padding": ""}).to_string();
        let padding = " ".repeat(size - body.len());
        Event::file("login/json").text(&format!("{body}{padding}"))
    };
    service.send(&login::OPERATION, padded(16 * 1024)).await.ok();
    service
        .send(&login::OPERATION, padded(16 * 1024 + 1))
        .await
        .refused(413, "payload_too_large");
}

#[tokio::test]
async fn content_types_are_read_as_http_writes_them() {
    let service = TestService::new().await;
    let send = async |value: &str| {
        service
            .send(
                &login::OPERATION,
                Event::file("login/json").header("content-type", value),
            )
            .await
    };
    for value in [
        "application/json; charset=utf-8",
        "Application/JSON;charset=\"UTF-8\"",
        // RFC 8259 §11: no parameter has a say.
        "application/json; charset=utf8",
        "application/json; charset=latin1",
        "application/json;",
    ] {
        send(value).await.ok();
    }
    for value in ["text/plain", "application/xml", "multipart/form-data"] {
        let answer = send(value).await;
        answer.refused(415, "unsupported_media_type");
        assert_eq!(
            answer.headers["accept"],
            "application/json, application/x-www-form-urlencoded"
        );
    }
    service
        .send(
            &login::OPERATION,
            Event::file("login/json").without_header("content-type"),
        )
        .await
        .ok();
}

/// RFC 9110 §15.5.16.
#[tokio::test]
async fn a_compressed_body_is_told_so() {
    let service = TestService::new().await;
    let gzip = &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    for event in [
        Event::file("login/json")
            .bytes(gzip)
            .header("content-encoding", "gzip"),
        Event::file("login/json").bytes(gzip),
        Event::file("login/json").header("content-encoding", "br"),
    ] {
        let answer = service.send(&login::OPERATION, event).await;
        answer.refused(415, "unsupported_media_type");
        assert_eq!(answer.headers["accept-encoding"], "identity");
        assert!(
            answer.body["detail"].as_str().unwrap().contains("compressed"),
            "{}",
            answer.body
        );
    }
    let plain = Event::file("login/json").header("content-encoding", "identity");
    service.send(&login::OPERATION, plain).await.ok();
}

/// Wherever a body is optional.
#[tokio::test]
async fn an_optional_body_may_be_empty_blank_or_null() {
    for body in ["", "  \r\n", "null", " null\n"] {
        let service = TestService::new().await;
        let (own, other) = (service.log_in("a").await, service.log_in("b").await);
        let event = Event::file("logout/access-token").text(body).bearer(&own.access);
        service.send(&logout::OPERATION, event).await.ok();
        service.list(&own.access).await.refused(401, "session_revoked");
        let event = Event::file("logout-all/all").text(body).bearer(&other.access);
        let answer = service.send(&logout_all::OPERATION, event).await.ok();
        assert_eq!(answer["count"], 1, "{body:?}");
    }
    let service = TestService::new().await;
    for body in ["null", "[]"] {
        let event = Event::file("login/json").text(body);
        service
            .send(&login::OPERATION, event)
            .await
            .refused(400, "malformed_request");
    }
}

#[tokio::test]
async fn what_nobody_reads_refuses_nothing_and_what_is_read_is_named() {
    let service = TestService::new().await;
    let (email, password) = (json!(EMAIL), json!(PASSWORD));
    let send = async |extra: &str| {
        let body = format!(r#"{{"email":{email},"password":{password}{extra}}}"#);
        service
            .send(&login::OPERATION, Event::file("login/json").text(&body))
            .await
    };
    for extra in [r#","note":"\ud83d""#, r#","note":["\udc00"]"#, r#","note":1e999"#] {
        send(extra).await.ok();
    }
    let answer = send(r#","device_name":"\ud83d""#).await;
    answer.refused_field("device_name");
    assert!(answer.body.to_string().contains("surrogate"), "{}", answer.body);
    let answer = send(r#","\ud83d":1"#).await;
    answer.refused(400, "malformed_request");
    assert!(
        answer.body["detail"].as_str().unwrap().contains("surrogate"),
        "{}",
        answer.body
    );
}

#[tokio::test]
async fn a_device_name_never_refuses_a_request() {
    let service = TestService::new().await;
    let login = service.log_in("phone").await;
    let long = "ä".repeat(300);
    let event = Event::file("refresh/json")
        .json(&json!({ "refresh_token": login.refresh }))
        .header("x-device-name", &long)
        .header("x-device-id", &long);
    service.send(&refresh::OPERATION, event).await.ok();
    let item = service.session_item(&login.session).await;
    assert_eq!(item["device_name"], "ä".repeat(255));

    let named = async |name: &str| {
        let body = json!({"email": EMAIL, "password": PASSWORD, "device_name": name});
        let event = Event::file("login/json")
            .json(&body)
            .header("user-agent", "okhttp/4.12.0");
        let answer = service.send(&login::OPERATION, event).await.ok();
        service.session_item(answer["session_id"].as_str().unwrap()).await["device_name"].clone()
    };
    assert_eq!(named(&long).await, "ä".repeat(255));
    assert_eq!(named("\u{202e}my\u{200b} phone\u{7}").await, "my phone");
    assert_eq!(
        named("\u{200b}\u{2066}").await,
        "okhttp",
        "nothing is left, so it is made from the user agent"
    );

    let event = Event::file("login/device-headers").header("x-device-name", "Annas%20T%C3%BCr");
    let answer = service.send(&login::OPERATION, event).await.ok();
    let item = service.session_item(answer["session_id"].as_str().unwrap()).await;
    assert_eq!(item["device_name"], "Annas Tür");
}

#[tokio::test]
async fn an_empty_query_parameter_is_as_none() {
    let service = TestService::new().await;
    let login = service.log_in("phone").await;
    service.activity(&login.access, "cursor=&limit=").await.ok();
    let page = service.activity(&login.access, "limit=1&cursor=").await.ok();
    assert_eq!(page["events"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn header_names_come_in_any_case() {
    let service = TestService::new().await;
    let login = service.log_in("phone").await;
    let event = Event::file("list/list").without_header("authorization");
    service
        .send(
            &list::OPERATION,
            event.header("AUTHORIZATION", &format!("Bearer {}", login.access)),
        )
        .await
        .ok();
}

#[tokio::test]
async fn another_method_or_path_is_told_apart() {
    let service = TestService::new().await;
    let answer = service
        .send(&login::OPERATION, Event::file("login/json").method("PUT"))
        .await;
    answer.refused(405, "method_not_allowed");
    assert_eq!(answer.headers["allow"], "POST");
    service
        .send(
            &login::OPERATION,
            Event::file("login/json").path("/api/v1/auth/other"),
        )
        .await
        .refused(404, "not_found");
    service
        .send(&logout_all::OPERATION, Event::file("list/list"))
        .await
        .refused(404, "not_found");
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let service = TestService::with(&[("RATE_LIMIT_LIST", "1")]).await;
    let login = service.log_in("phone").await;
    let list = || Event::file("list/list").bearer(&login.access);
    let answers = [
        (
            200,
            service.send(&login::OPERATION, Event::file("login/json")).await,
        ),
        (
            400,
            service
                .send(&login::OPERATION, Event::file("login/json").text(""))
                .await,
        ),
        (
            404,
            service
                .send(&login::OPERATION, Event::file("login/json").path("/api/v1/other"))
                .await,
        ),
        (
            405,
            service
                .send(&login::OPERATION, Event::file("login/json").method("PUT"))
                .await,
        ),
        (401, service.list("token").await),
        (422, service.revoke(&login.access, "session").await),
        (200, service.send(&list::OPERATION, list()).await),
        (429, service.send(&list::OPERATION, list()).await),
        (
            200,
            service.send(&jwks::PUBLIC_KEYS, Event::file("jwks/jwks")).await,
        ),
    ];
    service.lose_table().await;
    let failed = (500, service.send(&list::OPERATION, list()).await);
    for (status, answer) in answers.into_iter().chain([failed]) {
        assert_eq!(answer.status, status, "{}", answer.body);
        let public = answer.body["keys"].is_array();
        let cache = if public { "public, max-age=300" } else { "no-store" };
        assert_eq!(answer.headers["cache-control"], cache);
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        assert_eq!(
            answer.headers["strict-transport-security"],
            "max-age=63072000; includeSubDomains"
        );
    }
}

#[tokio::test]
async fn no_other_origin_is_allowed_unless_configured() {
    let service = TestService::new().await;
    for method in ["POST", "OPTIONS"] {
        let event = Event::file("login/json")
            .method(method)
            .header("origin", "https://evil.example");
        let answer = service
            .send(
                &login::OPERATION,
                event.header("access-control-request-method", "POST"),
            )
            .await;
        let headers = answer.headers.as_object().unwrap();
        assert!(
            !headers.keys().any(|name| name.starts_with("access-control-")),
            "{headers:?}"
        );
    }
    let template = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../template.yaml")).unwrap();
    let origins = template.split("  AllowedOrigins:\n").nth(1).unwrap();
    let default = origins
        .lines()
        .find(|line| line.trim().starts_with("Default:"))
        .unwrap();
    assert_eq!(default.trim(), "Default: ''", "off unless origins are configured");
    let cors: Vec<_> = template.split("CorsConfiguration:").collect();
    assert_eq!(cors.len(), 2, "one API");
    let words: Vec<_> = cors[1].split_whitespace().take(6).collect();
    assert_eq!(
        words,
        ["!If", "-", "HasAllowedOrigins", "-", "AllowOrigins:", "!Ref"]
    );
}

#[tokio::test]
async fn a_panic_is_a_500_and_the_function_lives_on() {
    let service = TestService::new().await;
    let response = respond(
        &list::FUNCTION,
        &service.state.config,
        &(),
        Event::file("list/list").request(),
        |(), _| Box::pin(async { Err::<Response, ApiError>(explode()) }),
    );
    let answer = Answer::of(&response.await);
    answer.refused(500, "internal");
    assert!(!answer.body.to_string().contains("secret detail"));
}

fn explode() -> ApiError {
    panic!("a secret detail")
}
