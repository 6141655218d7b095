//! What each function declares beside its handler: its routes, access, limits and answers. The runtime serves requests
//! by it; the API's description, the tests and the benchmark iterate over it.

use super::code::Code;
use crate::domain::rate::Rule;

/// How an operation is reached and by whom: read for every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// The method.
    pub method: &'static str,
    /// The path as API Gateway writes it, parameters in braces.
    pub path: &'static str,
    /// Which token it requires.
    pub access: Access,
    /// Whether its outcomes are a metric of logging in and staying logged in. Lambda and API Gateway count everything
    /// else.
    pub is_counted: bool,
    /// The format of its errors.
    pub errors: ErrorFormat,
}

/// Which token an operation requires, and its rate limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// None.
    Public {
        /// The limits its handler applies.
        limits: &'static [Rule],
    },
    /// An access token, whose session is rate-limited and confirmed.
    AccessToken {
        /// The limit.
        limit: Rule,
    },
    /// An access token, or a refresh token in the body.
    AccessOrRefreshToken,
    /// No token but HTTP Basic with one of the introspection secrets (RFC 7662 §2.1).
    IntrospectionSecret,
}

/// An error's format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorFormat {
    /// `application/problem+json` (RFC 9457).
    Problem,
    /// The same, with RFC 6749's `error` (§5.2) as a member.
    ProblemWithGrantError,
    /// `application/json` with `error` and `error_description` (RFC 6749 §5.2).
    OAuth,
}

/// One operation of the API.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    /// How it is reached.
    pub route: Route,
    /// Its `operationId`: what generated clients call it.
    pub id: &'static str,
    /// What it does, in a line.
    pub summary: &'static str,
    /// What callers should know.
    pub description: &'static str,
    /// Whether it reads a body.
    pub reads_body: bool,
    /// Whether it writes to the table, counters aside: if so, it is tested for crashes and lost answers.
    pub writes: bool,
    /// Its own problem codes, besides those that every operation has; [`Operation::codes`] lists all.
    pub refusals: &'static [Code],
    /// Sample requests, under `events/`.
    pub samples: &'static [Sample],
}

/// A request that succeeds once it carries a valid token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The file `events/<function>/<event>.json`.
    pub event: &'static str,
    /// Where a token goes.
    pub token: SampleToken,
}

/// Where a sample request carries a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SampleToken {
    /// Nowhere.
    None,
    /// An access token in the `Authorization` header.
    AccessInHeader,
    /// A refresh token, as the body's `refresh_token`.
    RefreshInBody,
    /// A ticket in the body.
    TicketInBody,
    /// A refresh token, as the form's `token`.
    RefreshAsToken,
    /// An access token, as the form's `token`.
    AccessAsToken,
}

impl Access {
    /// The limits on its requests.
    #[must_use]
    pub const fn limits(&self) -> &[Rule] {
        match self {
            Self::Public { limits } => limits,
            Self::AccessToken { limit } => std::slice::from_ref(limit),
            Self::AccessOrRefreshToken | Self::IntrospectionSecret => &[],
        }
    }

    /// Problems of access tokens and their sessions.
    const fn refusals(self) -> &'static [Code] {
        match self {
            Self::Public { .. } => &[],
            Self::IntrospectionSecret => &[Code::InvalidClient],
            Self::AccessOrRefreshToken => &[Code::MissingToken, Code::InvalidToken, Code::TokenExpired],
            Self::AccessToken { .. } => &[
                Code::MissingToken,
                Code::InvalidToken,
                Code::TokenExpired,
                Code::SessionExpired,
                Code::SessionRevoked,
            ],
        }
    }
}

/// Problems of a body: unreadable, of an unsupported type, or with invalid fields.
const BODY: [Code; 3] = [
    Code::MalformedRequest,
    Code::UnsupportedMediaType,
    Code::ValidationFailed,
];

impl Operation {
    /// All codes this operation may answer with, by status.
    #[must_use]
    pub fn codes(&self) -> Vec<Code> {
        // A body that is too large is refused even where none is read, and so is a request that bypasses a trusted proxy.
        let everywhere = [
            Code::Forbidden,
            Code::PayloadTooLarge,
            Code::Internal,
            Code::Unavailable,
        ];
        let own = self.route.access.refusals().iter().chain(self.refusals);
        let body = BODY.iter().filter(|_| self.reads_body);
        let is_limited = !self.route.access.limits().is_empty();
        let limited = [Code::RateLimited].iter().filter(|_| is_limited);
        let all = own.chain(body).chain(limited).chain(&everywhere);
        let mut codes: Vec<_> = all.copied().collect();
        codes.sort_unstable();
        codes.dedup();
        codes
    }
}
