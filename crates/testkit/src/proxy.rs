//! A proxy between a function's process and `DynamoDB`: records requests, their times and units, and holds answers.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse as _, Response},
};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::Value;
use tokio::{
    net::TcpListener,
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

use crate::{dynamodb, outcome::Outcome};

/// How long to wait for a call.
const MAX_WAIT: Duration = Duration::from_mins(10);

/// One request.
#[derive(Clone, Debug)]
pub struct RecordedRequest {
    /// `GetItem`, `TransactWriteItems` …
    pub operation: String,
    /// When it arrived.
    pub from: Instant,
    /// When it was answered.
    pub until: Instant,
    /// The body's length.
    pub sent: usize,
    /// The answer's length.
    pub received: usize,
    /// Read request units.
    pub reads: f64,
    /// Write request units.
    pub writes: f64,
}

/// A server that forwards requests to `DynamoDB`, records them while it is recording, and holds the answers that it is
/// told to.
#[derive(Debug)]
pub struct RecordingProxy {
    side: Arc<Side>,
    address: SocketAddr,
    server: JoinHandle<std::io::Result<()>>,
    held: UnboundedReceiver<()>,
}

#[derive(Debug)]
struct Side {
    upstream: Uri,
    client: Client<HttpConnector, Body>,
    /// Delay of each answer while recording, in milliseconds; 0 when not recording.
    delay: AtomicU64,
    requests: Mutex<Vec<RecordedRequest>>,
    holding: Mutex<Option<&'static str>>,
    holds: UnboundedSender<()>,
}

impl RecordingProxy {
    /// Serves on a free loopback port in front of the table at `upstream`, a URL.
    ///
    /// # Errors
    ///
    /// If it cannot listen.
    pub async fn start(upstream: &str) -> Outcome<Self> {
        let (holds, held) = unbounded_channel();
        let side = Arc::new(Side {
            upstream: upstream.parse()?,
            client: Client::builder(TokioExecutor::new()).build_http(),
            delay: AtomicU64::new(0),
            requests: Mutex::default(),
            holding: Mutex::default(),
            holds,
        });
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let api = Router::new().fallback(pass).with_state(Arc::clone(&side));
        let server = tokio::spawn(async { axum::serve(listener, api).await });
        Ok(Self {
            side,
            address,
            server,
            held,
        })
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Records from now on, and delays each answer by `delay`, which shows the requests that run concurrently.
    pub fn record(&self, delay: Duration) {
        let milliseconds = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        self.side.delay.store(milliseconds, Ordering::SeqCst);
    }

    /// Stops recording. Returns the requests in the order of their answers.
    #[must_use]
    pub fn stop(&self) -> Vec<RecordedRequest> {
        self.side.delay.store(0, Ordering::SeqCst);
        std::mem::take(&mut lock(&self.side.requests))
    }

    /// From now on, holds the answers to this operation: the table has executed it, but nobody is told.
    pub fn hold(&self, operation: Option<&'static str>) {
        *lock(&self.side.holding) = operation;
    }

    /// Returns once an answer is held.
    ///
    /// # Errors
    ///
    /// If none is held within half a minute.
    pub async fn has_held(&mut self) -> Outcome<()> {
        let held = timeout(MAX_WAIT, self.held.recv()).await?;
        Ok(held.ok_or("the proxy has ended")?)
    }
}

impl Drop for RecordingProxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn pass(State(side): State<Arc<Side>>, headers: HeaderMap, body: Bytes) -> Response {
    let delay = side.delay.load(Ordering::SeqCst);
    let is_held = *lock(&side.holding) == Some(operation(&headers));
    let answered = if delay == 0 {
        forward(&side, &headers, body).await
    } else {
        record(&side, &headers, body, Duration::from_millis(delay)).await
    };
    if is_held && answered.is_ok() {
        let _ = side.holds.send(());
        return std::future::pending().await;
    }
    answered.unwrap_or_else(|error| (StatusCode::BAD_GATEWAY, error.to_string()).into_response())
}

fn operation(headers: &HeaderMap) -> &str {
    let target = headers.get("x-amz-target");
    dynamodb::operation(target.and_then(|target| target.to_str().ok()).unwrap_or_default())
}

async fn record(side: &Side, headers: &HeaderMap, body: Bytes, delay: Duration) -> Outcome<Response> {
    let (from, sent) = (Instant::now(), body.len());
    let request = dynamodb::with_capacity(&body)?;
    let (parts, answer) = forward(side, headers, request.into()).await?.into_parts();
    let answer = axum::body::to_bytes(answer, usize::MAX).await?;
    sleep(delay).await;

    let operation = operation(headers).to_owned();
    let units = units(&serde_json::from_slice(&answer)?)
        .ok_or_else(|| format!("{operation}: no consumed capacity"))?;
    let (reads, writes) = if dynamodb::is_write(&operation) {
        (0.0, units)
    } else {
        (units, 0.0)
    };
    let request = RecordedRequest {
        operation,
        from,
        until: Instant::now(),
        sent,
        received: answer.len(),
        reads,
        writes,
    };
    lock(&side.requests).push(request);
    Ok(Response::from_parts(parts, answer.into()))
}

/// The units consumed. A failed condition reports none but is charged: one unit per KB of the item, and ours have one.
/// `None` if units are missing.
fn units(answer: &Value) -> Option<f64> {
    let error = answer["__type"].as_str().unwrap_or_default();
    if error.ends_with("ConditionalCheckFailedException") {
        return Some(1.0);
    }
    dynamodb::consumed_capacity(answer)
}

async fn forward(side: &Side, headers: &HeaderMap, body: Bytes) -> Outcome<Response> {
    let mut request = axum::http::Request::post(side.upstream.clone());
    for name in ["content-type", "x-amz-target", "x-amz-date", "authorization"] {
        if let Some(value) = headers.get(name) {
            request = request.header(name, value);
        }
    }
    let answer = side.client.request(request.body(Body::from(body))?).await?;
    Ok(answer.map(Body::new))
}
