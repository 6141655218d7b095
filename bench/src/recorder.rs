//! Every request to `DynamoDB`, seen between a function and the database: what it was, when, and what it consumed.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
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
    task::JoinHandle,
    time::{Instant, sleep},
};

use crate::Outcome;

/// One request.
#[derive(Clone, Debug)]
pub struct Request {
    /// `GetItem`, `TransactWriteItems` …
    pub operation: String,
    /// When it came.
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

/// A server that passes requests on to `DynamoDB`, and records those that come while it is recording.
#[derive(Debug)]
pub struct Recorder {
    side: Arc<Side>,
    address: SocketAddr,
    server: JoinHandle<std::io::Result<()>>,
}

#[derive(Debug)]
struct Side {
    upstream: Uri,
    client: Client<HttpConnector, Body>,
    /// By how many milliseconds each answer is delayed while it records; 0 when it does not.
    delay: AtomicU64,
    requests: Mutex<Vec<Request>>,
}

impl Recorder {
    /// Serves on a free port of loopback.
    ///
    /// # Errors
    ///
    /// When it cannot listen.
    pub async fn start(upstream: &str) -> Outcome<Self> {
        let side = Arc::new(Side {
            upstream: upstream.parse()?,
            client: Client::builder(TokioExecutor::new()).build_http(),
            delay: AtomicU64::new(0),
            requests: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let api = Router::new().fallback(pass).with_state(Arc::clone(&side));
        let server = tokio::spawn(async { axum::serve(listener, api).await });
        Ok(Self {
            side,
            address,
            server,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Records from now on, and answers each request after `delay`, so that it shows which ones run side by side.
    pub fn record(&self, delay: Duration) {
        let milliseconds = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        self.side.delay.store(milliseconds, Ordering::SeqCst);
    }

    /// Ends recording; the requests, in the order in which they were answered.
    pub fn stop(&self) -> Vec<Request> {
        self.side.delay.store(0, Ordering::SeqCst);
        std::mem::take(&mut self.side.requests.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn pass(State(side): State<Arc<Side>>, headers: HeaderMap, body: Bytes) -> Response {
    let delay = side.delay.load(Ordering::SeqCst);
    let answered = if delay == 0 {
        forward(&side, &headers, body).await
    } else {
        record(&side, &headers, body, Duration::from_millis(delay)).await
    };
    answered.unwrap_or_else(|error| (StatusCode::BAD_GATEWAY, error.to_string()).into_response())
}

async fn record(side: &Side, headers: &HeaderMap, body: Bytes, delay: Duration) -> Outcome<Response> {
    let (from, sent) = (Instant::now(), body.len());
    let mut request: Value = serde_json::from_slice(&body)?;
    request["ReturnConsumedCapacity"] = "TOTAL".into();
    let (parts, answer) = forward(side, headers, request.to_string().into())
        .await?
        .into_parts();
    let answer = axum::body::to_bytes(answer, usize::MAX).await?;
    sleep(delay).await;

    let operation = headers
        .get("x-amz-target")
        .and_then(|target| target.to_str().ok())
        .unwrap_or_default();
    let operation = operation.rsplit('.').next().unwrap_or_default().to_owned();
    let units = units(&serde_json::from_slice(&answer)?)
        .ok_or_else(|| format!("{operation}: no consumed capacity"))?;
    let (reads, writes) = match operation.as_str() {
        "GetItem" | "BatchGetItem" | "Query" | "Scan" | "TransactGetItems" => (units, 0.0),
        _ => (0.0, units),
    };
    let request = Request {
        operation,
        from,
        until: Instant::now(),
        sent,
        received: answer.len(),
        reads,
        writes,
    };
    side.requests
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(request);
    Ok(Response::from_parts(parts, answer.into()))
}

/// What `ReturnConsumedCapacity` brought: of one table, or of each in a list. A failed condition brings none, but is
/// charged: one unit for each KB of the item, and ours have one. None where there should be some.
fn units(answer: &Value) -> Option<f64> {
    let error = answer["__type"].as_str().unwrap_or_default();
    if error.ends_with("ConditionalCheckFailedException") {
        return Some(1.0);
    }
    match &answer["ConsumedCapacity"] {
        Value::Array(tables) if tables.is_empty() => None,
        Value::Array(tables) => tables.iter().map(|table| table["CapacityUnits"].as_f64()).sum(),
        table => table["CapacityUnits"].as_f64(),
    }
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
