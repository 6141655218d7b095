//! How long an answer may take. The clock is paused: it advances when nothing but a timeout is left to wait for, so that
//! the speed of the machine decides nothing.

use std::time::Duration;

use registry::list;
use shared::{
    http::Code,
    runtime::{Timeouts, config::Config, respond},
};
use testkit::{Fault, Injection};
use tests::{Answer, Event, SampleRequest, TestService};
use tokio::time::Instant;

#[tokio::test]
async fn a_handler_that_does_not_end_is_a_503_while_there_is_time_to_say_so() {
    let timeouts = Timeouts::default();
    let config = Config {
        timeouts,
        ..TestService::new().await.state.config
    };
    tokio::time::pause();
    let begun = Instant::now();
    let response = respond(
        &list::FUNCTION,
        &config,
        &(),
        Event::file("list/list").request(),
        |(), _| Box::pin(std::future::pending()),
    );
    let answer = Answer::of(&response.await);
    answer.refused(503, "unavailable");
    assert_eq!(answer.headers["retry-after"], "1");
    assert_eq!(begun.elapsed().as_secs(), timeouts.request.as_secs());
}

#[tokio::test]
async fn a_table_that_never_answers_is_a_503_in_time() {
    let timeouts = Timeouts::default();
    let service = TestService::new().await;
    let login = service.log_in("phone").await;
    tokio::time::pause();
    let mut refused = 0;
    for sample in SampleRequest::all() {
        let instance = service.twin_with(timeouts).await;
        instance.connection.inject(Injection::outage(Fault::Silent));
        let begun = Instant::now();
        let event = sample.event(&service.token_at(sample.token, &login).await);
        let answer = instance.send(sample.operation, event).await;
        let (took, file) = (begun.elapsed(), &sample.file);
        assert!(took < timeouts.request, "{file} took {took:?}");
        if instance.connection.heal() > 0 {
            answer.refused_by(sample.operation, Code::Unavailable);
            assert!(
                took >= timeouts.attempt * 2,
                "{file}: one attempt without an answer is repeated"
            );
            refused += 1;
        }
    }
    assert!(refused >= 9, "only {refused} requests reached for the table");
}

/// A call of the table, a whole request, the function, API Gateway: each times out before the next.
#[test]
fn times_fit_into_one_another() {
    let template = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../template.yaml")).unwrap();
    let timeouts = template
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Timeout: "));
    let function: u64 = timeouts.map(|seconds| seconds.parse().unwrap()).min().unwrap();
    let function = Duration::from_secs(function);
    let timeouts = Timeouts::default();
    assert!(timeouts.connect < timeouts.attempt);
    assert!(
        timeouts.attempt * 2 <= timeouts.call,
        "there is time for a second attempt"
    );
    assert!(timeouts.call < timeouts.request);
    assert!(timeouts.request + Duration::from_secs(1) < function);
    assert!(
        function < Duration::from_secs(30),
        "API Gateway's HTTP APIs wait no longer"
    );
}
