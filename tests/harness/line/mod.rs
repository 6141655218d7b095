//! What lies between the functions and the table: it counts the calls, fails as it is told to, and lets them through
//! one by one where a test decides the order.

mod faults;
mod turns;

pub use faults::{Fault, Injection, Lasting};
pub use turns::{Schedule, turns};

use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::client::{
    http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
        SharedHttpConnector,
    },
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};

use turns::Turns;

/// The action of a call that counts for a rate limit: an `UpdateItem` of an item that no transaction ever touches, so
/// that it cannot collide with one.
const COUNTING: &str = "UpdateItem of a counter";

/// The connection of one instance of the functions. Clones are the same line.
#[derive(Clone, Debug)]
pub struct Line {
    real: SharedHttpClient,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    calls: Vec<Call>,
    injection: Option<Injection>,
    strikes: usize,
    late: Vec<(SharedHttpConnector, HttpRequest)>,
    turns: Option<Turns>,
}

/// One call of the table, however often it was attempted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The SDK's id of the call, the same for all attempts.
    invocation: String,
    /// What it asks for, as `UpdateItem`; counting for a rate limit is told apart.
    pub action: String,
}

impl Default for Line {
    fn default() -> Self {
        Self {
            real: aws_smithy_http_client::Builder::new().build_http(),
            inner: Arc::default(),
        }
    }
}

impl Line {
    /// Forgets all calls, and fails from now on as `injection` says.
    pub fn inject(&self, injection: Injection) {
        self.with(|inner| {
            inner.calls.clear();
            inner.strikes = 0;
            inner.injection = Some(injection);
        });
    }

    /// Fails no more; answers how often it did.
    #[expect(clippy::must_use_candidate, reason = "not every test asks")]
    pub fn heal(&self) -> usize {
        self.with(|inner| {
            inner.injection = None;
            std::mem::take(&mut inner.strikes)
        })
    }

    /// The calls since the last time, in the order in which they began.
    #[must_use]
    pub fn take_calls(&self) -> Vec<Call> {
        self.with(|inner| std::mem::take(&mut inner.calls))
    }

    /// From now on, each call waits for its turn.
    pub fn wait_for(&self, turns: Turns) {
        self.with(|inner| inner.turns = Some(turns));
    }

    /// Delivers what [`Fault::Late`] held back.
    pub async fn deliver_late(&self) {
        for (connector, request) in self.with(|inner| std::mem::take(&mut inner.late)) {
            let _ = connector.call(request).await;
        }
    }

    /// What is to happen to this attempt, which is counted.
    fn strike(&self, request: &HttpRequest) -> Option<Fault> {
        let header = |name: &str| request.headers().get(name).unwrap_or_default().to_owned();
        let (invocation, target) = (header("amz-sdk-invocation-id"), header("x-amz-target"));
        let body = request.body().bytes().unwrap_or_default();
        let counts = String::from_utf8_lossy(body).contains(r#""RATE#"#);
        let action = target.rsplit('.').next().unwrap_or_default();
        let action = if counts { COUNTING } else { action }.to_owned();
        self.with(|inner| {
            let known = inner.calls.iter().position(|call| call.invocation == invocation);
            let number = known.unwrap_or(inner.calls.len());
            if known.is_none() {
                let action = action.clone();
                inner.calls.push(Call { invocation, action });
            }
            let injection = inner.injection?;
            let strikes = injection.strikes(number, known.is_none()) && injection.fault.fits(&action);
            inner.strikes += usize::from(strikes);
            strikes.then_some(injection.fault)
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

impl HttpClient for Line {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Connector {
            real: self.real.http_connector(settings, components),
            line: self.clone(),
        })
    }
}

#[derive(Clone, Debug)]
struct Connector {
    real: SharedHttpConnector,
    line: Line,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let connector = self.clone();
        HttpConnectorFuture::new(async move {
            // The key set is nobody's: when it is read makes no difference to what happens at once.
            let turn = match connector.line.turns() {
                Some(turns) if !faults::reads_key_set(&request) => Some(turns.take().await),
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
        match self.line.strike(&request) {
            None => self.real.call(request).await,
            Some(Fault::Late) => {
                let copy = request.try_clone().expect("the SDK's requests can be copied");
                self.line.keep(self.real, copy);
                Fault::Late.answer(None).await
            }
            Some(fault) if fault.arrives() => {
                let answer = self.real.call(request).await?;
                fault.answer(Some(answer)).await
            }
            Some(fault) => fault.refuse(&request).await,
        }
    }
}
