//! Errors as `application/problem+json` (RFC 9457).

#[cfg(feature = "openapi")]
use schemars::JsonSchema;
use serde::Serialize;

use super::{code::Code, error::ApiError, operation::ErrorFormat};
use crate::domain::error::{Error, FieldError};
#[cfg(feature = "openapi")]
use crate::http::schema;

/// Why a request was refused or failed (RFC 9457).
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(JsonSchema))]
pub struct Problem<'a> {
    /// Always `about:blank`: what it means is in `code`.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "openapi", schemars(with = "schema::AboutBlank"))]
    pub kind: &'static str,
    /// The status, in words.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::Words"))]
    pub title: &'a str,
    /// The status.
    #[cfg_attr(feature = "openapi", schemars(range(min = 400, max = 599)))]
    pub status: u16,
    /// What it means, for programs: new codes may come, so treat one that you do not know by its status.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::ProblemCode"))]
    pub code: Code,
    /// What it means, for the developer of the app.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::Sentence"))]
    pub detail: &'a str,
    /// Always false.
    pub success: bool,
    /// The request's id, to be told to support.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::Words"))]
    pub request_id: &'a str,
    /// The fields that do not fit, with a 422.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[cfg_attr(feature = "openapi", schemars(with = "FieldList"))]
    pub errors: &'a [FieldError],
    /// RFC 6749's code, from the refresh endpoint: `invalid_grant` or `invalid_request`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(with = "schema::OAuthError"))]
    pub error: Option<&'static str>,
}

/// The invalid fields.
#[cfg(feature = "openapi")]
type FieldList = schema::Bounded<FieldProblem, 16>;

/// A field that does not fit, and what would.
#[cfg(feature = "openapi")]
#[derive(JsonSchema)]
pub struct FieldProblem {
    /// The field, header or parameter.
    #[schemars(with = "schema::Words")]
    pub field: String,
    /// What is wrong, continuing a sentence that begins with the field's name.
    #[schemars(with = "schema::Sentence")]
    pub message: String,
}

impl<'a> Problem<'a> {
    pub(super) fn new(error: &'a ApiError, format: ErrorFormat, request_id: &'a str) -> Self {
        let errors = match error {
            ApiError::Domain(Error::Validation(errors)) => errors.as_slice(),
            _ => &[],
        };
        Self {
            detail: error.detail(),
            errors,
            request_id,
            ..Self::for_code(error.code(), format)
        }
    }
}

impl Problem<'_> {
    /// A problem with this code and format, without the request's own details.
    #[must_use]
    pub fn for_code(code: Code, format: ErrorFormat) -> Self {
        let status = code.status();
        Self {
            kind: "about:blank",
            title: title(status),
            status,
            code,
            detail: code.detail(),
            success: false,
            request_id: "",
            errors: &[],
            error: match format {
                ErrorFormat::ProblemWithGrantError if matches!(status, 400 | 401 | 415 | 422) => {
                    Some(code.oauth().1)
                }
                ErrorFormat::Problem | ErrorFormat::ProblemWithGrantError | ErrorFormat::OAuth => None,
            },
        }
    }
}

/// The standard reason phrase (RFC 9457 §4.2.1).
fn title(status: u16) -> &'static str {
    lambda_http::http::StatusCode::from_u16(status)
        .ok()
        .and_then(|s| s.canonical_reason())
        .unwrap_or("Error")
}
