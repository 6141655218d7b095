//! The API's description (OpenAPI 3.1), generated from the code: the operations that each function declares beside its
//! handler, the answer types, the constants used in validation, and the list of problem codes.

mod authentication;
mod discovery;
mod entries;
mod entry;
mod examples;
mod headers;
mod layout;
mod limits;
mod oauth;
mod problems;
mod sessions;

use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};
use shared::http::{Access, Code, Operation};

pub use entries::operations;
use entry::{Body, Entry};

/// Header of the file.
const HEADER: &str =
    "# Made by `make openapi` of the functions' declarations and types. Do not edit: `make lint` compares.\n";

/// The description as YAML.
///
/// # Panics
///
/// If a name is not text.
#[must_use]
pub fn yaml() -> String {
    let document = layout::ordered(&document(), &entries::paths());
    let text = yaml_serde::to_string(&document).expect("all names in the description are texts");
    format!("{HEADER}{}", layout::quote_times(&text))
}

/// The description.
#[must_use]
pub fn document() -> Value {
    let settings = || {
        SchemaSettings::draft2020_12().with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        })
    };
    let mut answers = settings().for_serialize().into_generator();
    let mut requests = settings().for_deserialize().into_generator();

    let mut paths = Map::new();
    for entry in entries::all() {
        let route = entry.operation.route;
        let item = paths.entry(route.path).or_insert_with(|| json!({}));
        item[route.method.to_ascii_lowercase()] = operation(&entry, &mut answers, &mut requests);
    }
    let problem = answers.subschema_for::<shared::http::Problem<'static>>();
    debug_assert_eq!(problem.get("$ref"), Some(&json!(problems::SCHEMA)));
    let oauth_error = answers.subschema_for::<shared::http::OAuthError>();
    debug_assert_eq!(oauth_error.get("$ref"), Some(&json!(problems::OAUTH_SCHEMA)));

    let mut schemas = answers.take_definitions(true);
    schemas.extend(requests.take_definitions(true));
    let mut document = json!({
        "openapi": "3.1.0",
        "info": info(),
        "servers": servers(),
        "tags": entries::TAGS.map(|(name, description)| json!({ "name": name, "description": description })),
        "paths": paths,
        "components": {
            "schemas": schemas,
            "headers": headers::components(),
            "securitySchemes": {
                "accessToken": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "The access token of a login or a refresh (RFC 6750 §2.1, RFC 9068).",
                },
                "introspectionSecret": {
                    "type": "http",
                    "scheme": "basic",
                    "description": "A service's name of its own choice, and an introspection secret (RFC 7617).",
                },
            },
        },
    });
    layout::plain_integers(&mut document);
    document
}

fn info() -> Value {
    let mut description = include_str!("introduction.md").trim_end().to_owned();
    for code in Code::ALL {
        let row = format!(
            "\n| {} | `{}` | {} |",
            code.status(),
            code.as_str(),
            code.advice().text()
        );
        description.push_str(&row);
    }
    json!({
        "title": "Holdfast",
        "summary": "Login sessions for mobile apps, one for each device.",
        "description": description,
        "version": env!("CARGO_PKG_VERSION"),
        "license": { "name": "MIT or Apache-2.0", "identifier": env!("CARGO_PKG_LICENSE") },
    })
}

fn servers() -> Value {
    json!([
        {
            "url": "https://{api}.execute-api.{region}.amazonaws.com",
            "description": "A deployment: the stack's output `ApiUrl`.",
            "variables": {
                "api": { "default": "abcdefghij", "description": "The API's id." },
                "region": { "default": "eu-central-1", "description": "Its region." },
            },
        },
        { "url": "http://127.0.0.1:9000", "description": "The development stack, `make dev`." },
    ])
}

fn operation(entry: &Entry, answers: &mut SchemaGenerator, requests: &mut SchemaGenerator) -> Value {
    let Operation {
        id,
        summary,
        description,
        route,
        ..
    } = entry.operation;
    let mut responses = Map::new();
    responses.insert("200".to_owned(), success(entry, answers));
    responses.extend(problems::responses(&entry.operation));
    let mut operation = json!({
        "operationId": id,
        "tags": [entry.tag],
        "summary": summary,
        "description": format!("{description}\n\n{}", limits::text(&entry.operation)),
        "x-rate-limit": limits::extension(&entry.operation),
        "security": security(route.access),
        "responses": responses,
    });
    if !entry.parameters.is_empty() {
        let parameters = entry.parameters.iter().map(|parameter| {
            json!({
                "name": parameter.name,
                "in": parameter.place,
                "required": parameter.place == "path",
                "description": parameter.description,
                "schema": (parameter.schema)(requests),
                "example": parameter.example,
            })
        });
        operation["parameters"] = parameters.collect();
    }
    if let Some(Body { required, forms }) = &entry.body {
        let content = forms.iter().map(|form| {
            let examples = form.examples.iter().map(|(name, summary, value)| {
                ((*name).to_owned(), json!({ "summary": summary, "value": value }))
            });
            let content = json!({
                "schema": (form.schema)(requests),
                "examples": examples.collect::<Map<_, _>>(),
            });
            (form.media_type.to_owned(), content)
        });
        operation["requestBody"] = json!({
            "required": required,
            "content": content.collect::<Map<_, _>>(),
        });
    }
    operation
}

fn security(access: Access) -> Value {
    match access {
        Access::Public { .. } => json!([]),
        Access::AccessToken { .. } => json!([{ "accessToken": [] }]),
        Access::AccessOrRefreshToken => json!([{ "accessToken": [] }, {}]),
        Access::IntrospectionSecret => json!([{ "introspectionSecret": [] }]),
    }
}

fn success(entry: &Entry, answers: &mut SchemaGenerator) -> Value {
    let success = &entry.success;
    let mut response = json!({
        "description": success.description,
        "headers": { "Cache-Control": {
            "description": "How long the answer may be kept.",
            "required": true,
            "schema": { "type": "string", "enum": [success.cache_control] },
        } },
        "content": { "application/json": {
            "schema": (success.schema)(answers),
            "examples": { "success": { "summary": success.description, "value": success.example } },
        } },
    });
    if let Some(all) = response["headers"].as_object_mut() {
        all.extend(headers::of(&entry.operation, 200));
    }
    if !success.links.is_empty() {
        let links = success
            .links
            .iter()
            .map(|link| (link.name.to_owned(), link.value()));
        response["links"] = links.collect::<Map<_, _>>().into();
    }
    response
}
