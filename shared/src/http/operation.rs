//! What each function says of itself, beside its handler, for the API's description and the tests.
//!
//! Data that no handler reads: none of it is in a Lambda binary.

use super::{code::Code, route::Route};
use crate::domain::rate::Rule;

/// One operation of the API.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    /// Method and path.
    pub route: Route,
    /// Its `operationId`: what generated clients call it.
    pub id: &'static str,
    /// What it does, in a line.
    pub summary: &'static str,
    /// What its caller should know.
    pub description: &'static str,
    /// Which token it asks for.
    pub access: Access,
    /// Whether it reads a body.
    pub reads_body: bool,
    /// What its requests are counted against.
    pub limits: &'static [Rule],
    /// The codes of its own problems, beside those that every operation has: [`Operation::codes`] lists all.
    pub refusals: &'static [Code],
}

/// Which token an operation asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// None.
    Public,
    /// An access token.
    Bearer,
    /// An access token, or a refresh token in the body.
    BearerOrBody,
}

impl Access {
    /// Problems of access tokens and their sessions.
    const fn refusals(self) -> &'static [Code] {
        match self {
            Self::Public => &[],
            Self::BearerOrBody => &[Code::MissingToken, Code::InvalidToken, Code::TokenExpired],
            Self::Bearer => &[
                Code::MissingToken,
                Code::InvalidToken,
                Code::TokenExpired,
                Code::SessionExpired,
                Code::SessionRevoked,
            ],
        }
    }
}

/// Problems of a body: not readable, of another type, or with fields that do not fit.
const BODY: [Code; 3] = [
    Code::MalformedRequest,
    Code::UnsupportedMediaType,
    Code::ValidationFailed,
];

impl Operation {
    /// Every code that this operation answers with, by status.
    #[must_use]
    pub fn codes(&self) -> Vec<Code> {
        // A body that is too large is refused also where none is read.
        let everywhere = [Code::PayloadTooLarge, Code::Internal, Code::Unavailable];
        let own = self.access.refusals().iter().chain(self.refusals);
        let body = BODY.iter().filter(|_| self.reads_body);
        let limited = [Code::RateLimited].iter().filter(|_| !self.limits.is_empty());
        let all = own.chain(body).chain(limited).chain(&everywhere);
        let mut codes: Vec<_> = all.copied().collect();
        codes.sort_unstable();
        codes.dedup();
        codes
    }
}
