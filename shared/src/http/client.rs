//! Who is calling, from where, and from what device.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
};

use lambda_http::{RequestExt, request::RequestContext};

use super::{error::ApiError, input::Input, message::Request, route};
use crate::domain::{
    audit::AuditContext,
    clock::Millis,
    device::{self, Device},
    digest,
    error::FieldError,
    session::Origin,
};

/// The header that carries `CLOUDFRONT_SECRET`.
const SECRET_HEADER: &str = "x-origin-verify";

/// Who, besides API Gateway, is trusted on a client's address and place.
#[derive(Clone, PartialEq, Eq)]
pub enum TrustedProxy {
    /// Nobody.
    None,
    /// `CloudFront`, on requests whose `X-Origin-Verify` header is this secret.
    CloudFront {
        /// The value of `CLOUDFRONT_SECRET`.
        secret: String,
    },
}

impl fmt::Debug for TrustedProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::CloudFront { .. } => "CloudFront(…)",
        })
    }
}

/// What audit events record of this request: time, origin and id.
///
/// The address is API Gateway's, never a header's. If a trusted proxy's secret matches, the address, city and country
/// are the proxy's.
#[must_use]
pub fn audit_context(request: &Request, proxy: &TrustedProxy, now: Millis) -> AuditContext {
    let context = match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => Some(context),
        _ => None,
    };
    let source = context.and_then(|context| context.http.source_ip.as_deref()?.parse::<IpAddr>().ok());
    let user_agent = header(request, "user-agent").filter(|agent| !agent.trim().is_empty());
    let mut origin = Origin {
        ip_address: source,
        user_agent,
        city: None,
        country: None,
    };
    if trusted(request, proxy) {
        let viewer =
            header(request, "cloudfront-viewer-address").and_then(|address| viewer_address(&address));
        origin.ip_address = viewer.or(source);
        origin.city = place(request, "cloudfront-viewer-city");
        origin.country = place(request, "cloudfront-viewer-country");
    }
    // One client has one address, however it is written.
    origin.ip_address = origin.ip_address.map(|address| address.to_canonical());
    let request_id = Some(route::request_id(request)).filter(|id| !id.is_empty());
    AuditContext {
        at: now,
        origin,
        request_id,
        actor: None,
    }
}

fn trusted(request: &Request, proxy: &TrustedProxy) -> bool {
    match proxy {
        TrustedProxy::None => false,
        TrustedProxy::CloudFront { secret } => {
            let given = header(request, SECRET_HEADER).unwrap_or_default();
            digest::constant_time_eq(
                &digest::sha256(given.as_bytes()),
                &digest::sha256(secret.as_bytes()),
            )
        }
    }
}

/// `address:port`; `CloudFront` writes IPv6 addresses without brackets.
fn viewer_address(text: &str) -> Option<IpAddr> {
    let socket = text.parse::<SocketAddr>().map(|socket| socket.ip());
    socket.ok().or_else(|| text.rsplit_once(':')?.0.parse().ok())
}

fn place(request: &Request, name: &str) -> Option<String> {
    let text = header(request, name)?;
    let text: String = text
        .trim()
        .chars()
        .filter(|c| !c.is_control())
        .take(100)
        .collect();
    (!text.is_empty()).then_some(text)
}

/// A header's value as text: read as UTF-8, which apps send although HTTP only guarantees ASCII.
fn header(request: &Request, name: &str) -> Option<String> {
    let value = request.headers().get(name)?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// The device as the request describes it; body fields override headers.
///
/// Texts are trimmed; empty ones count as absent. Errors are recorded in `input`.
pub fn device(request: &Request, input: &mut Input) -> Device {
    let mut read = |field: &str, name: &str| {
        let (name, text) = match input.optional_text(field) {
            Some(text) => (field, Some(text)),
            None => (name, header(request, name)),
        };
        let text = text
            .map(|text| text.trim().to_owned())
            .filter(|text| !text.is_empty());
        input.parse(name, text, device::check_text)
    };
    Device {
        name: read("device_name", "X-Device-Name"),
        id: read("device_id", "X-Device-Id"),
    }
}

/// SHA-256 of the `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header), if there is one.
///
/// # Errors
///
/// A 422 if it is not 16 to 128 visible ASCII characters or is given twice.
pub fn idempotency_hash(request: &Request) -> Result<Option<[u8; 32]>, ApiError> {
    const NAME: &str = "Idempotency-Key";
    let mut values = request.headers().get_all(NAME).iter();
    let refuse = |message: &str| Err(ApiError::validation(vec![FieldError::new(NAME, message)]));
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(_), Some(_)) => refuse("must be given once"),
        (Some(value), None) => {
            let key = value.as_bytes();
            if (16..=128).contains(&key.len()) && key.iter().all(u8::is_ascii_graphic) {
                Ok(Some(digest::sha256(key)))
            } else {
                refuse("must be 16 to 128 visible ASCII characters")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn viewer_addresses_come_with_a_port() {
        assert_eq!(viewer_address("198.51.100.7:443"), "198.51.100.7".parse().ok());
        assert_eq!(viewer_address("2001:db8::7:46532"), "2001:db8::7".parse().ok());
        assert_eq!(viewer_address("[2001:db8::7]:443"), "2001:db8::7".parse().ok());
        assert_eq!(viewer_address("nonsense"), None);
    }
}
