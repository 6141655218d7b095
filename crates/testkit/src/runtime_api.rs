//! Lambda's Runtime API, as one function instance sees it.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, HeaderName, StatusCode},
    routing::{get, post},
};
use tokio::{
    net::TcpListener,
    sync::{
        Mutex,
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    },
    task::JoinHandle,
    time::Instant,
};

use crate::outcome::Outcome;

/// How long an instance has for an event, as Lambda's headers say: the longest that Lambda grants.
const TIMEOUT: Duration = Duration::from_mins(15);

/// What an instance did and when.
#[derive(Debug)]
pub enum Act {
    /// It asked for work.
    Polled(Instant),
    /// It answered.
    Answered(Instant, String),
    /// It reported a failure.
    Failed(String),
}

/// The API for one instance. It stops when dropped.
#[derive(Debug)]
pub struct RuntimeApi {
    address: SocketAddr,
    events: UnboundedSender<String>,
    acts: UnboundedReceiver<Act>,
    server: JoinHandle<std::io::Result<()>>,
}

#[derive(Clone)]
struct Side {
    events: Arc<Mutex<UnboundedReceiver<String>>>,
    acts: UnboundedSender<Act>,
}

impl RuntimeApi {
    /// Serves on a free loopback port.
    ///
    /// # Errors
    ///
    /// If it cannot listen.
    pub async fn start() -> Outcome<Self> {
        let (events, waiting) = unbounded_channel();
        let (acted, acts) = unbounded_channel();
        let side = Side {
            events: Arc::new(Mutex::new(waiting)),
            acts: acted,
        };
        let api = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(failure))
            .route("/2018-06-01/runtime/init/error", post(failure))
            .with_state(side);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let server = tokio::spawn(async { axum::serve(listener, api).await });
        Ok(Self {
            address,
            events,
            acts,
            server,
        })
    }

    /// Its address, in the form of `AWS_LAMBDA_RUNTIME_API`.
    #[must_use]
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Sends an event to the instance, now or at its next poll.
    pub fn send(&self, event: &str) {
        // The receiver lives as long as the server, which lives as long as this.
        let _ = self.events.send(event.to_owned());
    }

    /// Waits for the instance's next act.
    ///
    /// # Errors
    ///
    /// If the server has stopped.
    pub async fn next_act(&mut self) -> Outcome<Act> {
        Ok(self.acts.recv().await.ok_or("the runtime API has ended")?)
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn next(State(side): State<Side>) -> Result<(HeaderMap, String), StatusCode> {
    let _ = side.acts.send(Act::Polled(Instant::now()));
    let event = side.events.lock().await.recv().await;
    let headers = [
        ("content-type", "application/json"),
        (
            "lambda-runtime-aws-request-id",
            "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
        ),
        ("lambda-runtime-deadline-ms", deadline().as_str()),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:eu-central-1:123456789012:function:holdfast",
        ),
    ]
    .map(|(name, value)| (HeaderName::from_static(name), value.parse()));
    let headers = headers
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.ok()?)));
    Ok((headers.collect(), event.ok_or(StatusCode::GONE)?))
}

/// When Lambda would stop the instance, in epoch milliseconds.
#[expect(clippy::disallowed_methods, reason = "Lambda's clock is the system's")]
fn deadline() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (now + TIMEOUT).as_millis().to_string()
}

async fn response(State(side): State<Side>, body: String) -> StatusCode {
    let _ = side.acts.send(Act::Answered(Instant::now(), body));
    StatusCode::ACCEPTED
}

async fn failure(State(side): State<Side>, body: String) -> StatusCode {
    let _ = side.acts.send(Act::Failed(body));
    StatusCode::ACCEPTED
}
