//! The wire between a client and a service, in a test's hand: it counts, cuts, refuses and leaves undone.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use aws_smithy_runtime_api::client::{
    http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
        SharedHttpConnector,
    },
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};
use aws_smithy_types::{body::SdkBody, byte_stream::ByteStream};
use serde_json::{Value, json};
use tokio::sync::Notify;

/// One request, before it is sent.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// How many went before it.
    pub number: usize,
    /// `DynamoDB`'s operation; for S3, the method and the path.
    pub operation: String,
    /// What is sent.
    pub body: String,
}

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is sent, and answered by the service.
    Sent,
    /// The process dies before it is sent: [`Wire::until_death`] ends.
    Death,
    /// It is not sent, and answered with this status and error code.
    Refused(u16, &'static str),
    /// Half of a batch is sent, and the rest comes back as unprocessed. A batch of one is sent.
    HalfDone,
}

/// A wire whose every request meets the fate that a test decides.
#[derive(Clone)]
pub struct Wire(Arc<Inner>);

struct Inner {
    real: SharedHttpClient,
    decide: Box<dyn Fn(&Attempt) -> Fate + Send + Sync>,
    count: AtomicUsize,
    calls: Mutex<Vec<String>>,
    death: Notify,
}

impl Wire {
    /// A wire that asks `decide` about each request.
    #[must_use]
    pub fn new(decide: impl Fn(&Attempt) -> Fate + Send + Sync + 'static) -> Self {
        Self(Arc::new(Inner {
            real: aws_smithy_http_client::Builder::new().build_http(),
            decide: Box::new(decide),
            count: AtomicUsize::new(0),
            calls: Mutex::default(),
            death: Notify::new(),
        }))
    }

    /// A wire that only counts.
    #[must_use]
    pub fn counting() -> Self {
        Self::new(|_| Fate::Sent)
    }

    /// The operations of all requests so far.
    #[must_use]
    pub fn calls(&self) -> Vec<String> {
        self.0
            .calls
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// How many requests of an operation there were so far.
    #[must_use]
    pub fn count(&self, operation: &str) -> usize {
        self.calls().iter().filter(|call| *call == operation).count()
    }

    /// Runs `work` until it ends or dies; none when it died. Nothing of it runs after its death.
    pub async fn until_death<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.0.death.notified() => None,
            outcome = work => Some(outcome),
        }
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire")
    }
}

impl HttpClient for Wire {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Connector {
            wire: self.clone(),
            real: self.0.real.http_connector(settings, components),
        })
    }
}

#[derive(Clone, Debug)]
struct Connector {
    wire: Wire,
    real: SharedHttpConnector,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let inner = &self.wire.0;
        let call = Attempt {
            number: inner.count.fetch_add(1, Ordering::SeqCst),
            operation: operation(&request),
            body: body(&request),
        };
        let fate = (inner.decide)(&call);
        if fate != Fate::Death {
            let mut calls = inner.calls.lock().unwrap_or_else(PoisonError::into_inner);
            calls.push(call.operation.clone());
        }
        let connector = self.clone();
        HttpConnectorFuture::new(async move {
            match fate {
                Fate::Sent => connector.real.call(request).await,
                Fate::Death => {
                    connector.wire.0.death.notify_one();
                    std::future::pending().await
                }
                Fate::Refused(status, code) => Ok(refusal(status, code)),
                Fate::HalfDone => half_done(&connector.real, request, &call).await,
            }
        })
    }
}

fn operation(request: &HttpRequest) -> String {
    if let Some(target) = request.headers().get("x-amz-target") {
        return target.rsplit('.').next().unwrap_or_default().to_owned();
    }
    let path = request.uri().split('?').next().unwrap_or_default();
    format!("{} {path}", request.method())
}

fn body(request: &HttpRequest) -> String {
    String::from_utf8_lossy(request.body().bytes().unwrap_or_default()).into_owned()
}

fn response(status: u16, body: &Value) -> HttpResponse {
    let status = status.try_into().expect("it is a status");
    HttpResponse::new(status, SdkBody::from(body.to_string()))
}

fn refusal(status: u16, code: &str) -> HttpResponse {
    response(
        status,
        &json!({ "__type": format!("com.amazonaws.dynamodb.v20120810#{code}"), "message": code }),
    )
}

/// Sends the first half of a batch (rounded up), and answers the second as unprocessed.
async fn half_done(
    real: &SharedHttpConnector,
    mut request: HttpRequest,
    call: &Attempt,
) -> Result<HttpResponse, ConnectorError> {
    let unprocessed = match call.operation.as_str() {
        "BatchWriteItem" => "UnprocessedItems",
        "BatchGetItem" => "UnprocessedKeys",
        _ => return real.call(request).await,
    };
    let mut sent: Value = serde_json::from_str(&call.body).expect("DynamoDB speaks JSON");
    let mut left = sent["RequestItems"].clone();
    for (table, batch) in sent["RequestItems"].as_object_mut().into_iter().flatten() {
        let (first, second) = (entries(batch), entries(&mut left[table]));
        *second = second.split_off(first.len().div_ceil(2));
        first.truncate(first.len().div_ceil(2));
        if second.is_empty() {
            return real.call(request).await;
        }
    }
    let text = sent.to_string();
    request
        .headers_mut()
        .insert("content-length", text.len().to_string());
    *request.body_mut() = SdkBody::from(text);
    let answer = real.call(request).await?;
    let status = answer.status().as_u16();
    let bytes = ByteStream::new(answer.into_body()).collect().await;
    let bytes = bytes.map_err(|error| ConnectorError::io(error.into()))?;
    let mut body: Value = serde_json::from_slice(&bytes.to_vec()).expect("DynamoDB speaks JSON");
    body[unprocessed] = left;
    Ok(response(status, &body))
}

/// A batch's writes, or its keys.
fn entries(batch: &mut Value) -> &mut Vec<Value> {
    let entries = if batch.is_array() {
        batch
    } else {
        &mut batch["Keys"]
    };
    entries.as_array_mut().expect("a batch has entries")
}
