//! The ways an AWS call fails.

use std::{
    borrow::Cow,
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use aws_smithy_runtime_api::{
    client::{
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use serde_json::{Value, json};

use crate::attempt::Attempt;

/// `DynamoDB`'s error code for failures.
const SERVER_ERROR: &str = "InternalServerError";

/// What happens to an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// Never sent: the connection is refused.
    Refused,
    /// Lost on its way: the caller waits in vain.
    Lost,
    /// The caller waits in vain, and it arrives after the caller gave up: see
    /// [`deliver_late`](crate::http_client::FaultyHttpClient::deliver_late).
    Late,
    /// Arrives; the connection is reset before the answer.
    Reset,
    /// Arrives; the answer never comes.
    AnswerLost,
    /// Arrives; the answer breaks off midway.
    AnswerCut,
    /// Arrives; the answer is a 500.
    AppliedBut500,
    /// Nothing is done; the answer is an error with this status and code.
    Error(u16, &'static str),
    /// Conflicts with a transaction (writes only).
    Conflict,
    /// Half processed (batches of reads only; a batch of one is processed).
    HalfProcessed,
    /// Arrives; the answer takes two seconds.
    Slow,
    /// Never sent and never answered: only the caller's own timeouts end the wait.
    Silent,
    /// Never sent, and the SDK does not retry.
    Abandoned,
    /// Arrives; the answer is lost, and the SDK does not retry.
    AnswerAbandoned,
    /// The process dies before sending: see [`until_death`](crate::http_client::FaultyHttpClient::until_death).
    Death,
}

impl Fault {
    /// A 500, and nothing is done.
    pub const SERVER_ERROR: Self = Self::Error(500, SERVER_ERROR);
    /// Throttled.
    pub const THROTTLED: Self = Self::Error(400, "ThrottlingException");

    /// Faults of a single attempt that take no time.
    pub const QUICK: [Self; 10] = [
        Self::Refused,
        Self::Lost,
        Self::Late,
        Self::Reset,
        Self::AnswerLost,
        Self::AnswerCut,
        Self::AppliedBut500,
        Self::SERVER_ERROR,
        Self::THROTTLED,
        Self::Conflict,
    ];

    /// Whether this kind of call can fail this way.
    #[must_use]
    pub fn fits(self, operation: &str) -> bool {
        match self {
            Self::Conflict => {
                ["TransactWriteItems", "UpdateItem", "PutItem", "DeleteItem"].contains(&operation)
            }
            _ => true,
        }
    }

    /// Whether the request reaches the table.
    pub(crate) const fn arrives(self) -> bool {
        matches!(
            self,
            Self::Reset
                | Self::AnswerLost
                | Self::AnswerCut
                | Self::AnswerAbandoned
                | Self::AppliedBut500
                | Self::Slow
        )
    }

    /// The answer to a request that the table answered or that got lost.
    pub(crate) async fn answer(self, answer: Option<HttpResponse>) -> Result<HttpResponse, ConnectorError> {
        match (self, answer) {
            (Self::AnswerCut, Some(answer)) => Ok(cut(&answer)),
            (Self::AppliedBut500, Some(_)) => Ok(error(500, SERVER_ERROR)),
            (Self::Slow, Some(answer)) => {
                tokio::time::sleep(Duration::from_secs(2)).await;
                Ok(answer)
            }
            (Self::Silent, _) => std::future::pending().await,
            (Self::Reset, _) => Err(ConnectorError::io(
                io::Error::from(io::ErrorKind::ConnectionReset).into(),
            )),
            (Self::Abandoned | Self::AnswerAbandoned, _) => {
                Err(ConnectorError::other(format!("{self:?}").into(), None))
            }
            _ => Err(ConnectorError::timeout(
                io::Error::from(io::ErrorKind::TimedOut).into(),
            )),
        }
    }

    /// The answer to a request that never arrives.
    pub(crate) async fn refuse(self, request: &HttpRequest) -> Result<HttpResponse, ConnectorError> {
        match self {
            Self::Refused => Err(ConnectorError::io(
                io::Error::from(io::ErrorKind::ConnectionRefused).into(),
            )),
            Self::Error(status, code) => Ok(error(status, code)),
            Self::Conflict => Ok(conflict(&content(request))),
            _ => self.answer(None).await,
        }
    }
}

/// Which attempts fail, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Injection {
    /// The fault.
    pub fault: Fault,
    /// The first call that fails, counted from 0.
    pub at: usize,
    /// How long it lasts.
    pub lasting: FaultDuration,
}

/// How long a fault lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultDuration {
    /// One attempt: the retry of the same call succeeds.
    Attempt,
    /// All attempts of one call.
    Call,
    /// Every call from then on.
    Outage,
}

impl Injection {
    /// Injects this into every call from now on.
    #[must_use]
    pub const fn outage(fault: Fault) -> Self {
        Self {
            fault,
            at: 0,
            lasting: FaultDuration::Outage,
        }
    }

    pub(crate) fn strikes(self, attempt: &Attempt) -> Option<Fault> {
        let strikes = match self.lasting {
            FaultDuration::Attempt => attempt.call == self.at && !attempt.is_repeat,
            FaultDuration::Call => attempt.call == self.at,
            FaultDuration::Outage => attempt.call >= self.at,
        };
        (strikes && self.fault.fits(&attempt.operation)).then_some(self.fault)
    }
}

pub(crate) fn body(request: &HttpRequest) -> Cow<'_, str> {
    String::from_utf8_lossy(request.body().bytes().unwrap_or_default())
}

pub(crate) fn content(request: &HttpRequest) -> Value {
    serde_json::from_str(&body(request)).unwrap_or_default()
}

fn conflict(request: &Value) -> HttpResponse {
    let Some(items) = request["TransactItems"].as_array() else {
        return error(400, "TransactionConflictException");
    };
    let mut reasons = vec![json!({ "Code": "None" }); items.len()];
    reasons[0] = json!({ "Code": "TransactionConflict" });
    let name = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException";
    let body = json!({ "__type": name, "Message": "cancelled", "CancellationReasons": reasons });
    respond(400, &body)
}

fn error(status: u16, code: &str) -> HttpResponse {
    let name = format!("com.amazonaws.dynamodb.v20120810#{code}");
    respond(status, &json!({ "__type": name, "message": code }))
}

pub(crate) fn respond(status: u16, body: &Value) -> HttpResponse {
    let status = StatusCode::try_from(status).expect("it is a status");
    HttpResponse::new(status, SdkBody::from(body.to_string()))
}

/// Some bytes of the answer, then end of connection.
fn cut(answer: &HttpResponse) -> HttpResponse {
    let mut cut = HttpResponse::new(
        answer.status(),
        SdkBody::from_body_1_x(Broken(Some(Bytes::from_static(b"{")))),
    );
    for (name, value) in answer.headers() {
        cut.headers_mut().insert(name.to_owned(), value.to_owned());
    }
    cut
}

struct Broken(Option<Bytes>);

impl http_body::Body for Broken {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, io::Error>>> {
        Poll::Ready(Some(match self.0.take() {
            Some(bytes) => Ok(http_body::Frame::data(bytes)),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }))
    }
}
