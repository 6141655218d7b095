//! Who is calling, from where, and from what device.

use std::{
    borrow::Cow,
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
    text,
};

/// The header that carries `CLOUDFRONT_SECRET`.
const SECRET_HEADER: &str = "x-origin-verify";
/// The header that names the device.
const NAME_HEADER: &str = "X-Device-Name";
/// The header that carries the device's id.
const ID_HEADER: &str = "X-Device-Id";

/// Who, besides API Gateway, is trusted on a client's address and place.
#[derive(Clone, PartialEq, Eq)]
pub enum TrustedProxy {
    /// Nobody.
    None,
    /// `CloudFront`, and nobody may bypass it: requests must have an `X-Origin-Verify` header with one of these secrets.
    CloudFront {
        /// The values of `CLOUDFRONT_SECRET`: two, while one is being rotated.
        secrets: Vec<String>,
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

/// Refuses requests that bypass the trusted proxy.
///
/// # Errors
///
/// [`ApiError::Forbidden`] if there is such a proxy and the request does not carry its secret.
pub fn check_proxy(request: &Request, proxy: &TrustedProxy) -> Result<(), ApiError> {
    match proxy {
        TrustedProxy::CloudFront { .. } if !trusted(request, proxy) => Err(ApiError::Forbidden),
        TrustedProxy::CloudFront { .. } | TrustedProxy::None => Ok(()),
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
        TrustedProxy::CloudFront { secrets } => {
            let given = header(request, SECRET_HEADER).unwrap_or_default();
            let given = digest::sha256(given.as_bytes());
            // All are compared, so that the time does not tell which one it is.
            let equals =
                |secret: &String| digest::constant_time_eq(&given, &digest::sha256(secret.as_bytes()));
            secrets.iter().filter(|secret| equals(secret)).count() > 0
        }
    }
}

/// `address:port`; `CloudFront` writes IPv6 addresses without brackets.
fn viewer_address(text: &str) -> Option<IpAddr> {
    let socket = text.parse::<SocketAddr>().map(|socket| socket.ip());
    socket.ok().or_else(|| text.rsplit_once(':')?.0.parse().ok())
}

/// `CloudFront` percent-encodes names.
fn place(request: &Request, name: &str) -> Option<String> {
    text::shown(&percent_decoded(&header(request, name)?), 100)
}

/// A header can only be relied on to carry ASCII, so text outside it comes as percent-encoded UTF-8. What does not decode
/// is no such text and stays as it is: `100% mine`.
fn percent_decoded(value: &str) -> Cow<'_, str> {
    let is_encoded = value.split('%').skip(1).all(|rest| {
        let digits = rest.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    });
    match percent_encoding::percent_decode_str(value).decode_utf8() {
        Ok(decoded) if is_encoded => decoded,
        Ok(_) | Err(_) => Cow::Borrowed(value),
    }
}

/// A header's value as text: read as UTF-8, which apps send although HTTP only guarantees ASCII.
fn header(request: &Request, name: &str) -> Option<String> {
    let value = request.headers().get(name)?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// The device as the request describes it; body fields override headers.
///
/// Texts are trimmed; empty ones count as absent. A name is made to fit; an id that does not fit is recorded in `input`.
pub fn device(request: &Request, input: &mut Input) -> Device {
    let name = match input.optional_text("device_name") {
        Some(name) => device::name(&name),
        None => device_name(request),
    };
    let (field, id) = match input.optional_text("device_id") {
        Some(id) => ("device_id", Some(id)),
        None => (ID_HEADER, header(request, ID_HEADER)),
    };
    let id = id.map(|id| id.trim().to_owned()).filter(|id| !id.is_empty());
    let id = input.parse(field, id, device::check_id);
    Device { name, id }
}

/// The device's name from the request's header; text outside ASCII may be percent-encoded UTF-8.
#[must_use]
pub fn device_name(request: &Request) -> Option<String> {
    device::name(&percent_decoded(&header(request, NAME_HEADER)?))
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
    fn what_is_percent_encoded_is_decoded_and_nothing_else() {
        for (value, text) in [
            ("Z%C3%BCrich", "Zürich"),
            ("Anna%27s%20phone", "Anna's phone"),
            ("Zürich", "Zürich"),
            ("100% mine", "100% mine"),
            ("50%", "50%"),
            ("%FF%FE", "%FF%FE"),
            ("plain", "plain"),
        ] {
            assert_eq!(percent_decoded(value), text);
        }
    }

    #[test]
    fn viewer_addresses_come_with_a_port() {
        assert_eq!(viewer_address("198.51.100.7:443"), "198.51.100.7".parse().ok());
        assert_eq!(viewer_address("2001:db8::7:46532"), "2001:db8::7".parse().ok());
        assert_eq!(viewer_address("[2001:db8::7]:443"), "2001:db8::7".parse().ok());
        assert_eq!(viewer_address("nonsense"), None);
    }
}
