//! How a call of the table fails.

use std::{
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

/// What happens to an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// It never leaves: the connection is refused.
    Refused,
    /// It is lost on its way, and waited for in vain.
    Lost,
    /// It is waited for in vain, and arrives after all when nobody waits any more: see `Line::deliver_late`.
    Late,
    /// It arrives; the connection is reset before the answer comes.
    Reset,
    /// It arrives; the answer is waited for in vain.
    AnswerLost,
    /// It arrives; the answer breaks off in the middle.
    AnswerCut,
    /// It arrives; the answer is a 500.
    AppliedBut500,
    /// A 500, and nothing is done.
    ServerError,
    /// Throttled.
    Throttled,
    /// It collides with a transaction (writes only).
    Conflict,
    /// Nothing of it is processed (batches only).
    Unprocessed,
    /// It arrives; the answer takes two seconds.
    Slow,
    /// It never leaves, and the answer never comes: only the caller's own time-outs end the waiting.
    Silent,
}

impl Fault {
    /// Those that cost no time.
    pub const QUICK: [Self; 11] = [
        Self::Refused,
        Self::Lost,
        Self::Late,
        Self::Reset,
        Self::AnswerLost,
        Self::AnswerCut,
        Self::AppliedBut500,
        Self::ServerError,
        Self::Throttled,
        Self::Conflict,
        Self::Unprocessed,
    ];

    /// Whether it can happen to this kind of call.
    #[must_use]
    pub fn fits(self, action: &str) -> bool {
        match self {
            Self::Conflict => ["TransactWriteItems", "UpdateItem", "PutItem", "DeleteItem"].contains(&action),
            Self::Unprocessed => action == "BatchWriteItem",
            _ => true,
        }
    }

    /// Whether the request reaches the table.
    pub(super) const fn arrives(self) -> bool {
        matches!(
            self,
            Self::Reset | Self::AnswerLost | Self::AnswerCut | Self::AppliedBut500 | Self::Slow
        )
    }

    /// What comes back for a request that the table answered, or for one that is lost.
    pub(super) async fn answer(self, answer: Option<HttpResponse>) -> Result<HttpResponse, ConnectorError> {
        match (self, answer) {
            (Self::AnswerCut, Some(answer)) => Ok(cut(&answer)),
            (Self::AppliedBut500, Some(_)) => Ok(error(500, "InternalServerError")),
            (Self::Slow, Some(answer)) => {
                tokio::time::sleep(Duration::from_secs(2)).await;
                Ok(answer)
            }
            (Self::Silent, _) => std::future::pending().await,
            (Self::Reset, _) => Err(ConnectorError::io(
                io::Error::from(io::ErrorKind::ConnectionReset).into(),
            )),
            _ => Err(ConnectorError::timeout(
                io::Error::from(io::ErrorKind::TimedOut).into(),
            )),
        }
    }

    /// What comes back for a request that never arrives.
    pub(super) async fn refuse(self, request: &HttpRequest) -> Result<HttpResponse, ConnectorError> {
        match self {
            Self::Refused => Err(ConnectorError::io(
                io::Error::from(io::ErrorKind::ConnectionRefused).into(),
            )),
            Self::ServerError => Ok(error(500, "InternalServerError")),
            Self::Throttled => Ok(error(400, "ThrottlingException")),
            Self::Conflict => Ok(conflict(&content(request))),
            Self::Unprocessed => {
                let items = content(request)["RequestItems"].take();
                Ok(respond(200, &json!({ "UnprocessedItems": items })))
            }
            _ => self.answer(None).await,
        }
    }
}

/// Which attempts fail, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Injection {
    /// How.
    pub fault: Fault,
    /// The first call that is struck: 0 for the first of all.
    pub at: usize,
    /// For how long.
    pub lasting: Lasting,
}

/// How long a fault lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lasting {
    /// One attempt: the next one of the same call gets through.
    Attempt,
    /// All attempts of one call.
    Call,
    /// Every call from there on.
    Outage,
}

impl Injection {
    pub(super) fn strikes(self, call: usize, first_attempt: bool) -> bool {
        match self.lasting {
            Lasting::Attempt => call == self.at && first_attempt,
            Lasting::Call => call == self.at,
            Lasting::Outage => call >= self.at,
        }
    }
}

fn content(request: &HttpRequest) -> Value {
    let bytes = request.body().bytes().unwrap_or_default();
    serde_json::from_slice(bytes).unwrap_or_default()
}

pub(super) fn reads_key_set(request: &HttpRequest) -> bool {
    content(request)["Key"]["pk"]["S"] == "KEYS"
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

fn respond(status: u16, body: &Value) -> HttpResponse {
    let status = StatusCode::try_from(status).expect("it is a status");
    HttpResponse::new(status, SdkBody::from(body.to_string()))
}

/// Some bytes of the answer, and then the end of the connection.
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
