//! Reading bodies (JSON objects and HTML forms) and query strings, field by field.

use std::collections::HashMap;

use lambda_http::{Body, http::header};
use serde::de::IgnoredAny;
use serde_json::{Value, value::RawValue};

use super::{error::ApiError, message::Request};
use crate::domain::error::FieldError;

/// The fields of a body or query string, and the errors found so far.
pub struct Input {
    fields: HashMap<String, Field>,
    is_form: bool,
    errors: Vec<FieldError>,
}

/// A field that nobody has read yet. JSON is parsed when it is read: whatever is wrong with a member that nobody needs
/// refuses no request.
enum Field {
    Json(Box<RawValue>),
    Text(String),
}

/// The values of a query parameter that may repeat, without empty ones.
#[must_use]
pub fn query_values(request: &Request, name: &str) -> Vec<String> {
    let query = request.uri().query().unwrap_or_default();
    form_urlencoded::parse(query.as_bytes())
        .filter(|(key, value)| key == name && !value.is_empty())
        .map(|(_, value)| value.into_owned())
        .collect()
}

impl Input {
    /// Reads a required body.
    ///
    /// # Errors
    ///
    /// [`ApiError::UnsupportedMediaType`] or [`ApiError::Malformed`].
    pub fn from_body(request: &Request) -> Result<Self, ApiError> {
        let fields = Self::read(request)?;
        fields.ok_or(ApiError::Malformed(
            "The body is empty: send a JSON object or a form.",
        ))
    }

    /// Reads a required form.
    ///
    /// # Errors
    ///
    /// [`ApiError::Malformed`] for another body or none, or for a parameter that is given twice.
    pub fn from_form(request: &Request) -> Result<Self, ApiError> {
        match is_form(request) {
            Ok(true) => Self::from_body(request),
            Ok(false) | Err(_) => Err(ApiError::Malformed(
                "The body is no form: send application/x-www-form-urlencoded.",
            )),
        }
    }

    /// Reads an optional body; an empty or blank one has no fields, and neither has `null`.
    ///
    /// # Errors
    ///
    /// [`ApiError::UnsupportedMediaType`] or [`ApiError::Malformed`].
    pub fn from_optional_body(request: &Request) -> Result<Self, ApiError> {
        if bytes(request).trim_ascii() == b"null" {
            return Ok(Self::empty());
        }
        Ok(Self::read(request)?.unwrap_or_else(Self::empty))
    }

    /// No fields, for requests read from headers alone.
    #[must_use]
    pub fn empty() -> Self {
        Self {
            fields: HashMap::new(),
            is_form: false,
            errors: Vec::new(),
        }
    }

    /// Reads these query parameters and ignores all others. An empty one is as none; giving one more than once is an error.
    #[must_use]
    pub fn from_query(request: &Request, names: &[&str]) -> Self {
        let mut input = Self::empty();
        let query = request.uri().query().unwrap_or_default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if value.is_empty() || !names.contains(&&*name) {
                continue;
            }
            let field = Field::Text(value.into_owned());
            if input.fields.insert(name.clone().into_owned(), field).is_some() {
                input.add_error(&name, "must be given once");
            }
        }
        input
    }

    fn read(request: &Request) -> Result<Option<Self>, ApiError> {
        let bytes = bytes(request);
        if bytes.trim_ascii().is_empty() {
            return Ok(None);
        }
        if is_compressed(request, bytes) {
            return Err(ApiError::UnsupportedContentCoding);
        }
        let is_form = is_form(request)?;
        let text = std::str::from_utf8(bytes).map_err(|_| ApiError::Malformed("The body is not UTF-8."))?;
        let fields = if is_form { form(text)? } else { object(text)? };
        Ok(Some(Self {
            fields,
            is_form,
            errors: Vec::new(),
        }))
    }

    /// Whether the body is a form, whose fields have OAuth's names.
    #[must_use]
    pub const fn is_form(&self) -> bool {
        self.is_form
    }

    /// Whether there is such a field, and not `null`.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        match self.fields.get(name) {
            None => false,
            Some(Field::Json(json)) => json.get() != "null",
            Some(Field::Text(_)) => true,
        }
    }

    /// A text field; `None` if missing or `null`.
    pub fn optional_text(&mut self, name: &str) -> Option<String> {
        match self.take(name) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text),
            Some(_) => {
                self.add_error(name, "must be a string");
                None
            }
        }
    }

    /// A required text field.
    pub fn required_text(&mut self, name: &str) -> Option<String> {
        if !self.has(name) {
            self.add_error(name, "is required");
        }
        self.optional_text(name)
    }

    /// A required text field that may be `null`; `None` if it is missing or no text, with an error.
    pub fn nullable_text(&mut self, name: &str) -> Option<Option<String>> {
        match self.take(name) {
            Some(Value::Null) => Some(None),
            Some(Value::String(text)) => Some(Some(text)),
            Some(_) => {
                self.add_error(name, "must be a string or null");
                None
            }
            None => {
                self.add_error(name, "is required: a string or null");
                None
            }
        }
    }

    /// A boolean field; `false` if missing or `null`.
    pub fn flag(&mut self, name: &str) -> bool {
        match self.take(name) {
            None | Some(Value::Null) => false,
            Some(Value::Bool(flag)) => flag,
            Some(Value::String(text)) if self.is_form && (text == "true" || text == "false") => {
                text == "true"
            }
            Some(_) => {
                self.add_error(name, "must be true or false");
                false
            }
        }
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        match self.fields.remove(name)? {
            Field::Text(text) => Some(Value::String(text)),
            Field::Json(json) => match serde_json::from_str(json.get()) {
                Ok(value) => Some(value),
                // It is JSON by its grammar, but means nothing (RFC 8259 §8.2, §6).
                Err(_) if json.get().starts_with('"') => {
                    self.add_error(
                        name,
                        "must be text: half of a surrogate pair (\\ud800 to \\udfff) is none",
                    );
                    None
                }
                Err(_) => {
                    self.add_error(
                        name,
                        "cannot be read: a part of it is no text, too large a number or nested too deep",
                    );
                    None
                }
            },
        }
    }

    /// Parses the text, if there is any; an error is recorded under the field's name.
    pub fn parse<T, E: ToString>(
        &mut self,
        name: &str,
        text: Option<String>,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<T> {
        match parse(&text?) {
            Ok(value) => Some(value),
            Err(error) => {
                self.add_error(name, error.to_string());
                None
            }
        }
    }

    /// Records a field's first error; later ones are dropped, so that a field is named once.
    pub fn add_error(&mut self, name: &str, message: impl Into<String>) {
        if self.errors.iter().all(|error| error.field != name) {
            self.errors.push(FieldError::new(name, message));
        }
    }

    /// Finishes reading: returns what `build` makes if there were no errors.
    ///
    /// # Errors
    ///
    /// A 422 with all errors found.
    pub fn finish<T>(self, build: impl FnOnce() -> Option<T>) -> Result<T, ApiError> {
        let value = if self.errors.is_empty() { build() } else { None };
        value.ok_or_else(|| ApiError::validation(self.errors))
    }
}

fn bytes(request: &Request) -> &[u8] {
    match request.body() {
        Body::Text(text) => text.as_bytes(),
        Body::Binary(bytes) => bytes,
        _ => &[],
    }
}

/// By its `Content-Encoding` (RFC 9110 §8.4), or by gzip's first two bytes (RFC 1952 §2.3.1), with which no text begins.
fn is_compressed(request: &Request, bytes: &[u8]) -> bool {
    let codings = request.headers().get_all(header::CONTENT_ENCODING).iter();
    let is_identity = |value: &header::HeaderValue| {
        let value = value.as_bytes().trim_ascii();
        value.is_empty() || value.eq_ignore_ascii_case(b"identity")
    };
    !codings.into_iter().all(is_identity) || bytes.starts_with(&[0x1f, 0x8b])
}

/// RFC 9110 §8.3: the media type is case-insensitive and may have parameters, which have no say: JSON and forms are UTF-8
/// (RFC 8259 §8.1 and §11, RFC 6749 appendix B). The default is JSON.
fn is_form(request: &Request) -> Result<bool, ApiError> {
    let Some(value) = request.headers().get(header::CONTENT_TYPE) else {
        return Ok(false);
    };
    let value = value.to_str().map_err(|_| ApiError::UnsupportedMediaType)?;
    let media_type = value.split(';').next().unwrap_or_default().trim();
    match media_type.to_ascii_lowercase().as_str() {
        "application/json" => Ok(false),
        "application/x-www-form-urlencoded" => Ok(true),
        _ => Err(ApiError::UnsupportedMediaType),
    }
}

fn object(text: &str) -> Result<HashMap<String, Field>, ApiError> {
    if let Ok(members) = serde_json::from_str::<HashMap<String, Box<RawValue>>>(text) {
        let field = |(name, json)| (name, Field::Json(json));
        return Ok(members.into_iter().map(field).collect());
    }
    Err(ApiError::Malformed(
        match serde_json::from_str::<IgnoredAny>(text) {
            Err(_) => "The body is not valid JSON.",
            Ok(_) if text.trim_start().starts_with('{') => {
                "A member's name cannot be read: it holds half of a surrogate pair."
            }
            Ok(_) => "The body is JSON but not an object.",
        },
    ))
}

fn form(text: &str) -> Result<HashMap<String, Field>, ApiError> {
    if percent_encoding::percent_decode_str(text).decode_utf8().is_err() {
        return Err(ApiError::Malformed("The form is not UTF-8."));
    }
    let mut fields = HashMap::new();
    for (name, value) in form_urlencoded::parse(text.as_bytes()) {
        // RFC 6749 §3.2: parameters without a value count as omitted, and none may be included more than once.
        if value.is_empty() {
            continue;
        }
        let field = Field::Text(value.into_owned());
        if fields.insert(name.into_owned(), field).is_some() {
            return Err(ApiError::Malformed("A form parameter is given more than once."));
        }
    }
    Ok(fields)
}
