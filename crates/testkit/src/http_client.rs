//! The HTTP client between a function and AWS, under a test's control: it counts calls, injects faults, and releases
//! calls one by one if a test decides the order.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
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
use tokio::sync::Notify;

use crate::{
    attempt::Attempt,
    batch, dynamodb,
    fault::{Fault, Injection, body, content},
    turns::Turns,
};

/// The operation of a call that counts for a rate limit: an `UpdateItem` of an item that transactions never touch, so
/// it cannot conflict with one.
const COUNTING: &str = "UpdateItem of a counter";

/// The HTTP client of one instance of the functions, over plain HTTP. Clones share state.
#[derive(Clone)]
pub struct FaultyHttpClient {
    real: SharedHttpClient,
    inner: Arc<Mutex<Inner>>,
    death: Arc<Notify>,
}

type Rule = Box<dyn Fn(&Attempt) -> Option<Fault> + Send>;

#[derive(Default)]
struct Inner {
    rule: Option<Rule>,
    /// The SDK's id of each call, the same for all its attempts, and its operation.
    calls: Vec<(String, String)>,
    /// The operations of all attempts by a living process.
    attempts: Vec<String>,
    failed: usize,
    late: Vec<(SharedHttpConnector, HttpRequest)>,
    turns: Option<Turns>,
}

impl Default for FaultyHttpClient {
    fn default() -> Self {
        Self {
            real: aws_smithy_http_client::Builder::new().build_http(),
            inner: Arc::default(),
            death: Arc::default(),
        }
    }
}

impl FaultyHttpClient {
    /// Creates a client that asks `rule` about each attempt.
    #[must_use]
    pub fn new(rule: impl Fn(&Attempt) -> Option<Fault> + Send + 'static) -> Self {
        let client = Self::default();
        client.with(|inner| inner.rule = Some(Box::new(rule)));
        client
    }

    /// Forgets all calls, and from now on fails as `injection` says.
    pub fn inject(&self, injection: Injection) {
        self.with(|inner| {
            inner.calls.clear();
            inner.attempts.clear();
            inner.failed = 0;
            inner.rule = Some(Box::new(move |attempt| injection.strikes(attempt)));
        });
    }

    /// Stops failing. Returns how often it failed.
    #[expect(clippy::must_use_candidate, reason = "not every test asks")]
    pub fn heal(&self) -> usize {
        self.with(|inner| {
            inner.rule = None;
            std::mem::take(&mut inner.failed)
        })
    }

    /// Whether it failed.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.with(|inner| inner.failed > 0)
    }

    /// Operations of the calls since the last time, in the order they began.
    #[must_use]
    pub fn take_calls(&self) -> Vec<String> {
        let calls = self.with(|inner| std::mem::take(&mut inner.calls));
        calls.into_iter().map(|(_, operation)| operation).collect()
    }

    /// The operations of all attempts so far.
    #[must_use]
    pub fn attempts(&self) -> Vec<String> {
        self.with(|inner| inner.attempts.clone())
    }

    /// The number of attempts of an operation so far.
    #[must_use]
    pub fn count(&self, operation: &str) -> usize {
        self.with(|inner| inner.attempts.iter().filter(|made| *made == operation).count())
    }

    /// From now on, each call waits for its turn.
    pub fn wait_for(&self, turns: Turns) {
        self.with(|inner| inner.turns = Some(turns));
    }

    /// Delivers what [`Fault::Late`] delayed.
    pub async fn deliver_late(&self) {
        for (connector, request) in self.with(|inner| std::mem::take(&mut inner.late)) {
            let _ = connector.call(request).await;
        }
    }

    /// Runs `work` until it ends or dies of [`Fault::Death`]. `None` if it died; nothing of it runs afterwards.
    pub async fn until_death<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.death.notified() => None,
            outcome = work => Some(outcome),
        }
    }

    /// Counts this attempt and returns its fault, if any.
    fn strike(&self, request: &HttpRequest) -> Option<Fault> {
        let invocation = header(request, "amz-sdk-invocation-id").to_owned();
        let (operation, body) = (operation(request), body(request).into_owned());
        self.with(|inner| {
            let known = inner.calls.iter().position(|(id, _)| *id == invocation);
            let attempt = Attempt {
                call: known.unwrap_or(inner.calls.len()),
                is_repeat: known.is_some(),
                operation,
                body,
            };
            let fault = inner.rule.as_ref().and_then(|rule| rule(&attempt));
            inner.failed += usize::from(fault.is_some());
            if !attempt.is_repeat {
                inner.calls.push((invocation, attempt.operation.clone()));
            }
            if fault != Some(Fault::Death) {
                inner.attempts.push(attempt.operation);
            }
            fault
        })
    }

    fn keep(&self, connector: SharedHttpConnector, request: HttpRequest) {
        self.with(|inner| inner.late.push((connector, request)));
    }

    fn turns(&self) -> Option<Turns> {
        self.with(|inner| inner.turns.clone())
    }

    fn with<T>(&self, act: impl FnOnce(&mut Inner) -> T) -> T {
        act(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for FaultyHttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FaultyHttpClient")
    }
}

impl HttpClient for FaultyHttpClient {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Connector {
            real: self.real.http_connector(settings, components),
            client: self.clone(),
        })
    }
}

#[derive(Clone, Debug)]
struct Connector {
    real: SharedHttpConnector,
    client: FaultyHttpClient,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let connector = self.clone();
        HttpConnectorFuture::new(async move {
            // The key set belongs to no user: when it is read does not affect concurrent calls.
            let turn = match connector.client.turns() {
                Some(turns) if !reads_key_set(&request) => Some(turns.take().await),
                _ => None,
            };
            let answer = connector.answer(request).await;
            drop(turn);
            answer
        })
    }
}

impl Connector {
    async fn answer(self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        match self.client.strike(&request) {
            None => self.real.call(request).await,
            Some(Fault::Death) => {
                self.client.death.notify_one();
                std::future::pending().await
            }
            Some(Fault::Late) => {
                let copy = request.try_clone().expect("the SDK's requests can be copied");
                self.client.keep(self.real, copy);
                Fault::Late.answer(None).await
            }
            Some(Fault::HalfProcessed) => batch::half_processed(&self.real, request).await,
            Some(fault) if fault.arrives() => {
                let answer = self.real.call(request).await?;
                fault.answer(Some(answer)).await
            }
            Some(fault) => fault.refuse(&request).await,
        }
    }
}

fn header<'a>(request: &'a HttpRequest, name: &str) -> &'a str {
    request.headers().get(name).unwrap_or_default()
}

fn operation(request: &HttpRequest) -> String {
    let target = header(request, "x-amz-target");
    if target.is_empty() {
        let path = request.uri().split('?').next().unwrap_or_default();
        format!("{} {path}", request.method())
    } else if body(request).contains(r#""RATE#"#) {
        COUNTING.to_owned()
    } else {
        dynamodb::operation(target).to_owned()
    }
}

fn reads_key_set(request: &HttpRequest) -> bool {
    content(request)["Key"]["pk"]["S"] == "KEYS"
}
