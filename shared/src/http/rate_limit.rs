//! The rate limit headers (draft-ietf-httpapi-ratelimit-headers-10): structured-field lists, one item per rule.

use lambda_http::http::{HeaderMap, HeaderName, HeaderValue};

use super::message::Request;
use crate::domain::rate::{Quota, Quotas, Rule};

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// Where a handler records its request's quotas.
#[must_use]
pub fn quotas(request: &Request) -> Quotas {
    request.extensions().get().cloned().unwrap_or_default()
}

/// Writes the headers of an answer whose request was counted: `RateLimit-Policy: "list";q=30;w=60` and
/// `RateLimit: "list";r=29;t=42`.
pub(crate) fn write_headers(quotas: &Quotas, headers: &mut HeaderMap) {
    let quotas = quotas.all();
    let policy = |quota: &Quota| {
        let (name, window) = (quota.rule.name(), quota.rule.window_seconds());
        format!("\"{name}\";q={};w={window}", quota.limit)
    };
    let limit = |quota: &Quota| {
        format!(
            "\"{}\";r={};t={}",
            quota.rule.name(),
            quota.remaining,
            quota.resets_in
        )
    };
    let policies: Vec<_> = quotas.iter().map(policy).collect();
    let limits: Vec<_> = quotas.iter().filter(|quota| is_shown(quota)).map(limit).collect();
    for (name, items) in [(POLICY, policies), (LIMIT, limits)] {
        if let (false, Ok(value)) = (items.is_empty(), HeaderValue::from_str(&items.join(", "))) {
            headers.insert(name, value);
        }
    }
}

/// Guesses from everywhere: what is left would reveal other people's attempts, so it is shown only at zero.
fn is_shown(quota: &Quota) -> bool {
    !matches!(quota.rule, Rule::GuessesEverywhere | Rule::GuessesDay) || quota.remaining == 0
}
