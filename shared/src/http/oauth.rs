//! Requests and errors of the OAuth endpoints: RFC 6749 (token), RFC 7009 (revocation), RFC 7662 (introspection).

use base64::{Engine, engine::general_purpose::STANDARD};
use lambda_http::http::header;
#[cfg(feature = "openapi")]
use schemars::JsonSchema;
use serde::Serialize;

use super::{code::Code, error::ApiError, input::Input, message::Request};
use crate::domain::error::Error;
#[cfg(feature = "openapi")]
use crate::http::schema;

/// Why a request to an OAuth endpoint was refused or failed (RFC 6749 §5.2).
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(JsonSchema))]
pub struct OAuthError {
    /// What it means, for programs.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::OAuthError"))]
    pub error: &'static str,
    /// What it means, for the developer of the client.
    #[cfg_attr(feature = "openapi", schemars(with = "schema::ErrorDescription"))]
    pub error_description: String,
}

impl OAuthError {
    /// An error with this code, without the request's own details.
    #[must_use]
    pub fn for_code(code: Code) -> Self {
        Self {
            error: code.oauth().1,
            error_description: description(code.detail()),
        }
    }

    pub(super) fn new(error: &ApiError) -> Self {
        let error_description = match error {
            ApiError::Domain(Error::Validation(errors)) => {
                let errors = errors
                    .iter()
                    .map(|error| format!("{} {}", error.field, error.message));
                description(&errors.collect::<Vec<_>>().join("; "))
            }
            other => description(other.detail()),
        };
        Self {
            error_description,
            ..Self::for_code(error.code())
        }
    }
}

/// The characters that RFC 6749 §5.2 allows: ASCII without quotes and backslashes.
fn description(text: &str) -> String {
    let allowed = |c: char| match c {
        '"' => '\'',
        ' '..='~' if c != '\\' => c,
        _ => '?',
    };
    text.chars().map(allowed).collect()
}

/// Reads the form of a public client: one that names itself with `client_id`, if at all, and has no secret
/// (RFC 6749 §3.2.1).
///
/// # Errors
///
/// [`ApiError::InvalidClient`] or [`ApiError::UnknownClient`]; [`ApiError::Malformed`] for a body that is no form.
pub fn public_client_form(request: &Request, client_id: &str) -> Result<Input, ApiError> {
    if request.headers().contains_key(header::AUTHORIZATION) {
        return Err(ApiError::InvalidClient);
    }
    let mut input = Input::from_form(request)?;
    let secrets = ["client_secret", "client_assertion", "client_assertion_type"];
    let is_other = input.optional_text("client_id").is_some_and(|id| id != client_id);
    if is_other || secrets.iter().any(|secret| input.has(secret)) {
        return Err(ApiError::UnknownClient);
    }
    Ok(input)
}

/// A name and a password (RFC 7617 §2).
pub struct BasicCredentials {
    /// The name.
    pub user: String,
    /// What the password may be: as it is, and decoded as a form, which is how OAuth clients send it (RFC 6749 §2.3.1).
    pub passwords: [String; 2],
}

/// The credentials of the `Authorization` header.
///
/// # Errors
///
/// [`ApiError::InvalidClient`] if it carries none.
pub fn basic_credentials(request: &Request) -> Result<BasicCredentials, ApiError> {
    read_basic(request).ok_or(ApiError::InvalidClient)
}

fn read_basic(request: &Request) -> Option<BasicCredentials> {
    let value = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.trim().split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (user, password) = text.split_once(':')?;
    Some(BasicCredentials {
        user: user.to_owned(),
        passwords: [password.to_owned(), form_decoded(password)],
    })
}

fn form_decoded(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_encoding::percent_decode_str(&spaced)
        .decode_utf8_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_have_the_characters_of_the_standard() {
        assert_eq!(description("a \"b\" \\ é\n~"), "a 'b' ? ??~");
        for code in Code::ALL {
            assert!(
                !OAuthError::for_code(*code).error_description.contains('?'),
                "{code:?}"
            );
        }
    }

    #[test]
    fn passwords_are_read_as_they_are_and_as_forms() {
        let authorization = |value: &str| {
            let request = lambda_http::http::Request::builder().header("authorization", value);
            read_basic(&request.body(lambda_http::Body::Empty).unwrap())
        };
        let encoded = |text: &str| authorization(&format!("basic {}", STANDARD.encode(text)));
        let read = encoded("api:a%3Ab+c:d").unwrap();
        assert_eq!(read.user, "api");
        assert_eq!(read.passwords, ["a%3Ab+c:d", "a:b c:d"]);
        for none in [
            "Basic",
            "Basic !",
            "Bearer YTpi",
            &format!("Basic {}", STANDARD.encode("a")),
        ] {
            assert!(authorization(none).is_none(), "{none}");
        }
    }
}
