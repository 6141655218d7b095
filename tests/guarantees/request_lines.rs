//! What the log says of requests.

use std::io::{self, Read as _};

use registry::list;
use serde_json::Value;
use shared::{
    http::{ApiError, Response},
    runtime::{
        logging::{self, PROBE_AGENT},
        respond,
    },
};
use tests::{Event, TestService};
use tracing::{level_filters::LevelFilter, subscriber::set_default};

/// The lines of a request without a valid token, and of one that fails.
async fn lines(format: &str, agent: &str) -> Vec<String> {
    let service = TestService::with(&[("LOG_FORMAT", format), ("NO_COLOR", "1")]).await;
    let config = &service.state.config;
    let event = Event::file("list/list").header("user-agent", agent);
    let (mut output, writer) = io::pipe().unwrap();
    let log = logging::lines(LevelFilter::INFO, config.log_format, &[], move || {
        writer.try_clone().unwrap()
    });
    let log = set_default(log);
    let answer = service.send(&list::OPERATION, event.clone()).await;
    answer.refused(401, "invalid_token");
    respond(&list::FUNCTION, config, &(), event.request(), |(), _| {
        Box::pin(async { Err::<Response, ApiError>(ApiError::Panicked) })
    })
    .await;
    drop(log);
    let mut text = String::new();
    output.read_to_string(&mut text).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn json_tells_of_every_request() {
    for agent in ["a phone", PROBE_AGENT] {
        let lines = lines("json", agent).await;
        let lines: Vec<Value> = lines
            .iter()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let expected = [(401, "invalid_token"), (500, "internal")];
        assert_eq!(lines.len(), expected.len(), "{lines:?}");
        for (line, (status, code)) in lines.iter().zip(expected) {
            assert_eq!(line["method"], "GET");
            assert_eq!(line["route"], "/api/v1/sessions/me");
            assert_eq!(line["status"], status);
            assert_eq!(line["code"], code);
            assert!(line["ms"].is_u64(), "{line}");
        }
    }
}

#[tokio::test]
async fn text_is_a_line_a_request() {
    let lines = lines("text", "a phone").await;
    let [refused, failed] = lines.as_slice() else {
        panic!("{lines:?}");
    };
    let beginning =
        |line: &str, code: &str| line[9..].starts_with(&format!("GET    /api/v1/sessions/me {code} "));
    assert!(beginning(refused, "401 invalid_token"), "{refused}");
    assert!(beginning(failed, "500 internal"), "{failed}");
}

#[tokio::test]
async fn text_tells_of_a_probe_only_if_it_fails() {
    let lines = lines("text", PROBE_AGENT).await;
    let [failed] = lines.as_slice() else {
        panic!("{lines:?}");
    };
    assert!(failed.contains("500 internal"), "{failed}");
}
