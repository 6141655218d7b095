//! The description's layout: names in reading order, and integers without formats that are specific to Rust.

use serde_json::Value;
use yaml_serde::Mapping;

/// Names that come first, in this order; others follow alphabetically.
const FIRST: &[&str] = &[
    "openapi",
    "info",
    "servers",
    "operationId",
    "name",
    "in",
    "title",
    "tags",
    "summary",
    "description",
    "version",
    "license",
    "url",
    "variables",
    "get",
    "post",
    "delete",
    "security",
    "x-rate-limit",
    "x-problem-codes",
    "parameters",
    "requestBody",
    "responses",
    "$ref",
    "type",
    "format",
    "scheme",
    "required",
    "headers",
    "content",
    "schema",
    "example",
    "examples",
    "value",
    "links",
];
/// Names that come last.
const LAST: &[&str] = &["properties", "items", "paths", "components"];

/// Returns the document with its names in order: paths as given, members as their types declare them, with required
/// ones first.
pub fn ordered(value: &Value, paths: &[&str]) -> yaml_serde::Value {
    ordered_within(value, &[], paths)
}

fn ordered_within(value: &Value, declared: &[&str], paths: &[&str]) -> yaml_serde::Value {
    match value {
        Value::Object(map) => {
            let mut names: Vec<_> = map.keys().map(String::as_str).collect();
            names.sort_by_key(|name| (rank(name, declared), *name));
            let required = map.get("required").and_then(Value::as_array);
            let required: Vec<_> = required.into_iter().flatten().filter_map(Value::as_str).collect();
            let member = |name: &str| {
                let declared = match name {
                    "paths" => paths,
                    "properties" => &required,
                    _ => &[],
                };
                (name.into(), ordered_within(&map[name], declared, paths))
            };
            yaml_serde::Value::Mapping(names.into_iter().map(member).collect::<Mapping>())
        }
        Value::Array(list) => {
            let item = |item| ordered_within(item, &[], paths);
            list.iter().map(item).collect::<Vec<_>>().into()
        }
        Value::Null => yaml_serde::Value::Null,
        Value::Bool(flag) => (*flag).into(),
        Value::String(text) => text.as_str().into(),
        Value::Number(number) => number.as_i64().map_or_else(
            || number.as_f64().unwrap_or_default().into(),
            yaml_serde::Value::from,
        ),
    }
}

fn rank(name: &str, declared: &[&str]) -> usize {
    let position = |list: &[&str]| list.iter().position(|known| *known == name);
    if !declared.is_empty() {
        return position(declared).unwrap_or(declared.len());
    }
    position(FIRST)
        .or_else(|| position(LAST).map(|at| FIRST.len() + 1 + at))
        .unwrap_or(FIRST.len())
}

/// Quotes times, because YAML 1.1 readers would not parse them as strings.
pub fn quote_times(yaml: &str) -> String {
    let quoted = |line: &str| match line.rsplit_once(": ") {
        Some((name, value)) if is_time(value) => format!("{name}: '{value}'\n"),
        _ => format!("{line}\n"),
    };
    yaml.lines().map(quoted).collect()
}

fn is_time(text: &str) -> bool {
    let form = text
        .bytes()
        .map(|byte| if byte.is_ascii_digit() { b'0' } else { byte });
    form.eq("0000-00-00T00:00:00Z".bytes())
}

/// Removes formats of Rust's unsigned integers, unknown to OpenAPI: the bounds say more.
pub fn plain_integers(value: &mut Value) {
    match value {
        Value::Object(map) => {
            let unsigned = |format: &Value| format.as_str().is_some_and(|format| format.starts_with("uint"));
            if map.get("format").is_some_and(unsigned) {
                map.insert("format".to_owned(), "int32".into());
            }
            map.values_mut().for_each(plain_integers);
        }
        Value::Array(list) => list.iter_mut().for_each(plain_integers),
        _ => {}
    }
}
