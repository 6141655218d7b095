//! Requests as API Gateway sends them, and the answers.

use std::path::Path;

use lambda_http::Body;
use serde_json::{Value, json};
use shared::http::{self, Code, ErrorFormat, OAuthError, Operation, Request, Response};

/// An API Gateway event from `events/` that tests can modify.
#[derive(Clone, Debug)]
pub struct Event(Value);

impl Event {
    /// Reads `events/NAME.json`.
    ///
    /// # Panics
    ///
    /// If there is no such file, or it is not JSON.
    #[must_use]
    pub fn file(name: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../events")
            .join(format!("{name}.json"));
        let text =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self(serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
    }

    /// An invented event.
    #[must_use]
    pub const fn of(event: Value) -> Self {
        Self(event)
    }

    /// Puts a token in the `Authorization` header.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// With this header, unless it has one.
    #[must_use]
    pub fn header_unless_given(self, name: &str, value: &str) -> Self {
        if self.0["headers"][name].is_null() {
            self.header(name, value)
        } else {
            self
        }
    }

    /// Sets a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.0["headers"][name] = value.into();
        self
    }

    /// Removes a header.
    #[must_use]
    pub fn without_header(mut self, name: &str) -> Self {
        if let Value::Object(headers) = &mut self.0["headers"] {
            headers.remove(name);
        }
        self
    }

    /// Replaces the body with text.
    #[must_use]
    pub fn text(mut self, body: &str) -> Self {
        self.0["body"] = body.into();
        self.0["isBase64Encoded"] = false.into();
        if self.0["headers"]["content-type"].is_null() {
            self = self.header("content-type", "application/json");
        }
        self
    }

    /// Replaces the body with JSON.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.text(&body.to_string())
    }

    /// Replaces the body with a form.
    #[must_use]
    pub fn form(self, parameters: &[(&str, &str)]) -> Self {
        let form = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(parameters)
            .finish();
        self.header("content-type", "application/x-www-form-urlencoded")
            .text(&form)
    }

    /// Replaces the refresh token in a form or JSON body.
    #[must_use]
    pub fn refresh_token(self, token: &str) -> Self {
        if self.0["headers"]["content-type"] == "application/x-www-form-urlencoded" {
            self.form(&[("grant_type", "refresh_token"), ("refresh_token", token)])
        } else {
            self.json(&json!({ "refresh_token": token }))
        }
    }

    /// Replaces the body with bytes, encoded as by API Gateway.
    #[must_use]
    pub fn bytes(mut self, body: &[u8]) -> Self {
        use base64::{Engine, engine::general_purpose::STANDARD};
        self.0["body"] = STANDARD.encode(body).into();
        self.0["isBase64Encoded"] = true.into();
        self
    }

    /// Sets the method.
    #[must_use]
    pub fn method(mut self, method: &str) -> Self {
        self.0["requestContext"]["http"]["method"] = method.into();
        self
    }

    /// Sets the path.
    #[must_use]
    pub fn path(mut self, path: &str) -> Self {
        self.0["rawPath"] = path.into();
        self.0["requestContext"]["http"]["path"] = path.into();
        self
    }

    /// Sets the query string.
    #[must_use]
    pub fn query(mut self, query: &str) -> Self {
        self.0["rawQueryString"] = query.into();
        self
    }

    /// Sets the caller's address.
    #[must_use]
    pub fn source_ip(mut self, address: &str) -> Self {
        self.0["requestContext"]["http"]["sourceIp"] = address.into();
        self
    }

    /// The event itself, as Lambda delivers it.
    #[must_use]
    pub const fn value(&self) -> &Value {
        &self.0
    }

    /// The request that `lambda_http` makes of the event.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[must_use]
    pub fn request(&self) -> Request {
        let event = serde_json::from_value(self.0.clone()).expect("the event is one of API Gateway's");
        http::request_from_event(event)
    }
}

impl From<Event> for Value {
    fn from(event: Event) -> Self {
        event.0
    }
}

/// A parsed answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers, names in lower case.
    pub headers: Value,
    /// The body, which is always JSON.
    pub body: Value,
}

impl Answer {
    /// Reads a response.
    ///
    /// # Panics
    ///
    /// If its body is not JSON.
    #[must_use]
    pub fn of(response: &Response) -> Self {
        let Body::Text(text) = response.body() else {
            panic!("the body is not text: {response:?}")
        };
        let mut headers = json!({});
        for (name, value) in response.headers() {
            headers[name.as_str()] = String::from_utf8_lossy(value.as_bytes()).into();
        }
        Self {
            status: response.status().as_u16(),
            headers,
            body: serde_json::from_str(text).expect("the body is JSON"),
        }
    }

    /// The answer, which must be a 200.
    ///
    /// # Panics
    ///
    /// If it is not.
    #[track_caller]
    #[expect(
        clippy::must_use_candidate,
        reason = "that it is a 200 is what most callers want to know"
    )]
    pub fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        self.body
    }

    /// Asserts that the operation's description lists this answer: a 200 or one of its problems. The edge's answers
    /// to other paths and methods belong to none.
    ///
    /// # Panics
    ///
    /// If it does not.
    #[track_caller]
    pub(crate) fn described_by(&self, operation: &Operation) {
        let mut codes = operation.codes();
        codes.extend([Code::NotFound, Code::MethodNotAllowed]);
        let is_declared = |code: &Code| match operation.route.errors {
            ErrorFormat::Problem | ErrorFormat::ProblemWithGrantError => {
                (self.status, &self.body["code"]) == (code.status(), &code.as_str().into())
            }
            // A path that is not even the operation's has no format.
            ErrorFormat::OAuth if self.body["code"] == Code::NotFound.as_str() => self.status == 404,
            ErrorFormat::OAuth => {
                let (status, error) = code.oauth();
                (self.status, &self.body["error"]) == (status, &error.into())
            }
        };
        assert!(
            self.status == 200 || codes.iter().any(is_declared),
            "{} does not declare this answer: {}",
            operation.id,
            self.body
        );
    }

    /// Asserts that it is a problem with this status and code, in the documented form.
    ///
    /// # Panics
    ///
    /// If it is not.
    #[track_caller]
    pub fn refused(&self, status: u16, code: &str) {
        assert_eq!(
            (self.status, self.body["code"].as_str()),
            (status, Some(code)),
            "{}",
            self.body
        );
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert_eq!(self.body["type"], "about:blank");
        assert_eq!(self.body["status"], status);
        assert_eq!(self.body["success"], false);
        assert_eq!(self.body["request_id"], "JKJaXmPLvHcESHA=");
        for member in ["title", "detail"] {
            assert!(
                self.body[member].as_str().is_some_and(|text| !text.is_empty()),
                "{member}"
            );
        }
        assert_eq!(self.body["errors"].is_array(), status == 422, "{}", self.body);
        let challenge = self.headers["www-authenticate"].as_str().unwrap_or_default();
        assert_eq!(challenge.starts_with("Bearer"), status == 401, "{challenge}");
    }

    /// Asserts that it is an error in RFC 6749's form (§5.2), with this status and `error`.
    ///
    /// # Panics
    ///
    /// If it is not.
    #[track_caller]
    pub fn refused_oauth(&self, status: u16, error: &str) {
        assert_eq!(
            (self.status, self.body["error"].as_str()),
            (status, Some(error)),
            "{}",
            self.body
        );
        assert_eq!(self.headers["content-type"], "application/json");
        assert_eq!(self.headers["cache-control"], "no-store");
        assert_eq!(self.headers["pragma"], "no-cache");
        let description = self.body["error_description"].as_str().unwrap_or_default();
        let is_allowed = |c| matches!(c, ' '..='~') && c != '"' && c != '\\';
        assert!(
            !description.is_empty() && description.chars().all(is_allowed),
            "{description}"
        );
        assert_eq!(
            self.body.as_object().map(serde_json::Map::len),
            Some(2),
            "{}",
            self.body
        );
        let challenge = self.headers["www-authenticate"].as_str();
        assert_eq!(challenge, (status == 401).then_some("Basic realm=\"holdfast\""));
        let retries = matches!(status, 409 | 429 | 503);
        assert_eq!(
            self.headers["retry-after"].is_string(),
            retries,
            "{}",
            self.headers
        );
    }

    /// Asserts that an operation refused the request for this cause, in its own format.
    ///
    /// # Panics
    ///
    /// If it did not.
    #[track_caller]
    pub fn refused_by(&self, operation: &Operation, code: Code) {
        match operation.route.errors {
            ErrorFormat::Problem | ErrorFormat::ProblemWithGrantError => {
                self.refused(code.status(), code.as_str());
            }
            ErrorFormat::OAuth => {
                let (status, error) = code.oauth();
                self.refused_oauth(status, error);
                if code != Code::ValidationFailed && code != Code::MalformedRequest {
                    let expected = OAuthError::for_code(code).error_description;
                    assert_eq!(self.body["error_description"], expected);
                }
            }
        }
    }

    /// Asserts that it is a 422 about this one field.
    ///
    /// # Panics
    ///
    /// If it is not.
    #[track_caller]
    pub fn refused_field(&self, field: &str) {
        self.refused(422, "validation_failed");
        let fields: Vec<_> = self.body["errors"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|error| &error["field"])
            .collect();
        assert_eq!(fields, [field]);
    }
}
