//! How an operation is described, beyond what its function declares.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Value, json};
use shared::http::Operation;

pub const JSON: &str = "application/json";
pub const FORM: &str = "application/x-www-form-urlencoded";
const NO_STORE: &str = "no-store";

/// Generates a type's schema.
pub type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// One operation and its details.
pub struct Entry {
    pub operation: Operation,
    pub tag: &'static str,
    pub parameters: Vec<Parameter>,
    pub body: Option<Body>,
    pub success: Success,
}

/// A header, path or query parameter.
pub struct Parameter {
    pub name: &'static str,
    pub place: &'static str,
    pub description: &'static str,
    pub schema: SchemaOf,
    pub example: Value,
}

/// A body in one or more forms.
pub struct Body {
    pub required: bool,
    pub forms: Vec<Form>,
}

/// One form of a body. The contract tests send each example: one named after a problem code must get that problem, any
/// other must succeed.
pub struct Form {
    pub media_type: &'static str,
    pub schema: SchemaOf,
    pub examples: Vec<Example>,
}

/// The 200.
pub struct Success {
    pub description: &'static str,
    pub cache_control: &'static str,
    pub schema: SchemaOf,
    pub example: Value,
    pub links: Vec<Link>,
}

/// A follow-up operation that uses the answer.
pub struct Link {
    pub name: &'static str,
    pub target: Operation,
    pub with: With,
}

/// What the follow-up operation gets of the answer.
pub enum With {
    Nothing,
    Parameter(&'static str, &'static str),
    RefreshToken,
}

impl Link {
    pub fn value(&self) -> Value {
        let mut link = json!({ "operationId": self.target.id, "description": self.target.summary });
        match self.with {
            With::Nothing => {}
            With::Parameter(name, expression) => link["parameters"] = json!({ name: expression }),
            With::RefreshToken => {
                // A string, because some OpenAPI readers accept nothing else here.
                let body = json!({ "refresh_token": "$response.body#/refresh_token" });
                link["requestBody"] = body.to_string().into();
            }
        }
        link
    }
}

/// A type's schema.
pub fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// A 200 with this type of body.
pub fn success<T: JsonSchema>(description: &'static str, example: Value) -> Success {
    Success {
        description,
        cache_control: NO_STORE,
        schema: of::<T>,
        example,
        links: Vec::new(),
    }
}

/// An example of a body: the code of its answer (or `success`), what it shows, and the body.
pub type Example = (&'static str, &'static str, Value);

/// A required body, as JSON or as a form.
pub fn json_or_form<J: JsonSchema, F: JsonSchema>(json: Vec<Example>, form: Example) -> Body {
    Body {
        required: true,
        forms: vec![
            Form {
                media_type: JSON,
                schema: of::<J>,
                examples: json,
            },
            Form {
                media_type: FORM,
                schema: of::<F>,
                examples: vec![form],
            },
        ],
    }
}

/// A required form.
pub fn form<F: JsonSchema>(example: Example) -> Body {
    Body {
        required: true,
        forms: vec![Form {
            media_type: FORM,
            schema: of::<F>,
            examples: vec![example],
        }],
    }
}

pub fn json_body<T: JsonSchema>(examples: Vec<Example>) -> Body {
    Body {
        required: false,
        forms: vec![Form {
            media_type: JSON,
            schema: of::<Option<T>>,
            examples,
        }],
    }
}
