//! Reading bodies (JSON objects and HTML forms) and query strings, field by field.

use lambda_http::{Body, http::header};
use serde_json::{Map, Value};

use super::{error::ApiError, message::Request};
use crate::domain::error::FieldError;

/// The fields of a body or query string, and the errors found so far.
pub struct Input {
    values: Map<String, Value>,
    is_form: bool,
    errors: Vec<FieldError>,
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

    /// Reads an optional body; an empty one has no fields.
    ///
    /// # Errors
    ///
    /// [`ApiError::UnsupportedMediaType`] or [`ApiError::Malformed`].
    pub fn from_optional_body(request: &Request) -> Result<Self, ApiError> {
        Ok(Self::read(request)?.unwrap_or_else(Self::empty))
    }

    /// No fields, for requests read from headers alone.
    #[must_use]
    pub fn empty() -> Self {
        Self {
            values: Map::new(),
            is_form: false,
            errors: Vec::new(),
        }
    }

    /// Reads these query parameters and ignores all others. Giving one more than once is an error.
    #[must_use]
    pub fn from_query(request: &Request, names: &[&str]) -> Self {
        let mut fields = Self::empty();
        let query = request.uri().query().unwrap_or_default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let value = Value::String(value.into_owned());
            if names.contains(&&*name) && fields.values.insert(name.clone().into_owned(), value).is_some() {
                fields.add_error(&name, "must be given once");
            }
        }
        fields
    }

    fn read(request: &Request) -> Result<Option<Self>, ApiError> {
        let bytes: &[u8] = match request.body() {
            Body::Text(text) => text.as_bytes(),
            Body::Binary(bytes) => bytes,
            _ => &[],
        };
        if bytes.is_empty() {
            return Ok(None);
        }
        let is_form = is_form(request)?;
        let text = std::str::from_utf8(bytes).map_err(|_| ApiError::Malformed("The body is not UTF-8."))?;
        let values = if is_form { form(text)? } else { object(text)? };
        Ok(Some(Self {
            values,
            is_form,
            errors: Vec::new(),
        }))
    }

    /// Whether the body is a form, whose fields have OAuth's names.
    #[must_use]
    pub const fn is_form(&self) -> bool {
        self.is_form
    }

    /// A text field; `None` if missing or `null`.
    pub fn optional_text(&mut self, name: &str) -> Option<String> {
        match self.values.remove(name) {
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
        let missing = matches!(self.values.get(name), None | Some(Value::Null));
        if missing {
            self.add_error(name, "is required");
        }
        self.optional_text(name)
    }

    /// A boolean field; `false` if missing or `null`.
    pub fn flag(&mut self, name: &str) -> bool {
        match self.values.remove(name) {
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

/// RFC 9110 §8.3: the media type is case-insensitive and may have parameters. The default is JSON.
fn is_form(request: &Request) -> Result<bool, ApiError> {
    let Some(value) = request.headers().get(header::CONTENT_TYPE) else {
        return Ok(false);
    };
    let value = value.to_str().map_err(|_| ApiError::UnsupportedMediaType)?;
    let mut parts = value.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default().to_ascii_lowercase();
    let utf8 = parts.all(|parameter| {
        let parameter = parameter.to_ascii_lowercase();
        !parameter.starts_with("charset=")
            || parameter.trim_start_matches("charset=").trim_matches('"') == "utf-8"
    });
    match media_type.as_str() {
        _ if !utf8 => Err(ApiError::UnsupportedMediaType),
        "application/json" => Ok(false),
        "application/x-www-form-urlencoded" => Ok(true),
        _ => Err(ApiError::UnsupportedMediaType),
    }
}

fn object(text: &str) -> Result<Map<String, Value>, ApiError> {
    match serde_json::from_str(text) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err(ApiError::Malformed("The body is JSON but not an object.")),
        Err(_) => Err(ApiError::Malformed("The body is not valid JSON.")),
    }
}

fn form(text: &str) -> Result<Map<String, Value>, ApiError> {
    if percent_encoding::percent_decode_str(text).decode_utf8().is_err() {
        return Err(ApiError::Malformed("The form is not UTF-8."));
    }
    let mut values = Map::new();
    for (name, value) in form_urlencoded::parse(text.as_bytes()) {
        // RFC 6749 §3.2: request parameters must not be included more than once.
        if values
            .insert(name.into_owned(), Value::String(value.into_owned()))
            .is_some()
        {
            return Err(ApiError::Malformed("A form parameter is given more than once."));
        }
    }
    Ok(values)
}
