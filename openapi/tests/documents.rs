//! The description and the documentation say the same as the code: routes as the template has them, codes as the one
//! list has them.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::Value;
use shared::http::{ClientAction, Code};

fn file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The codes that a text names in backticks, in its order.
fn codes_in(text: &str) -> Vec<Code> {
    let named = |word: &str| Code::ALL.iter().copied().find(|code| code.as_str() == word);
    text.split('`').skip(1).step_by(2).filter_map(named).collect()
}

/// The rows of the tables of a document, cell by cell.
fn rows(document: &str) -> impl Iterator<Item = Vec<&str>> {
    let cells = |line| {
        str::split(str::trim_matches(line, '|'), '|')
            .map(str::trim)
            .collect()
    };
    document.lines().filter(|line| line.starts_with('|')).map(cells)
}

#[test]
fn the_file_is_what_the_code_says() {
    assert!(
        file("openapi.yaml") == openapi::yaml(),
        "openapi.yaml differs: run `make openapi` and commit the file"
    );
}

#[test]
fn what_is_described_is_what_the_template_routes() {
    let template = file("template.yaml");
    let routed: BTreeSet<_> = template
        .lines()
        .filter_map(|line| line.trim().strip_prefix("RouteKey: "))
        .collect();
    let described = openapi::operations();
    let described: BTreeSet<_> = described
        .iter()
        .map(|operation| format!("{} {}", operation.route.method, operation.route.path))
        .collect();
    assert_eq!(
        described.iter().map(String::as_str).collect::<BTreeSet<_>>(),
        routed
    );
}

#[test]
fn every_code_but_the_edges_own_is_some_operations() {
    let of_operations: BTreeSet<_> = openapi::operations()
        .iter()
        .flat_map(shared::http::Operation::codes)
        .collect();
    let edge = BTreeSet::from([Code::NotFound, Code::MethodNotAllowed]);
    let all: BTreeSet<_> = Code::ALL.iter().copied().collect();
    assert_eq!(&all - &of_operations, edge);
}

#[test]
fn operation_ids_and_codes_are_unique() {
    let operations = openapi::operations();
    let ids: BTreeSet<_> = operations.iter().map(|operation| operation.id).collect();
    assert_eq!(ids.len(), operations.len());
    let names: BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(names.len(), Code::ALL.len());
}

#[test]
fn api_md_lists_every_code_with_its_status() {
    let document = file("docs/api.md");
    let mut listed = BTreeSet::new();
    for row in rows(&document) {
        let statuses: Vec<u16> = row[0]
            .split(',')
            .filter_map(|text| text.trim().parse().ok())
            .collect();
        for code in codes_in(row.get(1).copied().unwrap_or_default()) {
            assert!(statuses.contains(&code.status()), "{} in {row:?}", code.as_str());
            listed.insert(code);
        }
    }
    assert_eq!(listed, Code::ALL.iter().copied().collect());
}

#[test]
fn mobile_md_gives_every_code_its_advice() {
    let document = file("docs/mobile.md");
    let mut advised = BTreeSet::new();
    for row in rows(&document) {
        for code in codes_in(row[0]) {
            assert_eq!(row[1], code.advice().text(), "{}", code.as_str());
            assert!(advised.insert(code), "{} is there twice", code.as_str());
        }
    }
    assert_eq!(advised, Code::ALL.iter().copied().collect());
}

#[test]
fn the_samples_log_in_again_for_exactly_these_codes() {
    let document = file("docs/mobile.md");
    let with = |advice: ClientAction| Code::ALL.iter().filter(move |code| code.advice() == advice);
    let quoted =
        |line: &str| -> BTreeSet<String> { line.split('"').skip(1).step_by(2).map(str::to_owned).collect() };
    let names = |codes: &[ClientAction]| -> BTreeSet<String> {
        let codes = codes.iter().flat_map(|advice| with(*advice));
        codes.map(|code| code.as_str().to_owned()).collect()
    };
    let line = |start: &str| document.lines().find(|line| line.trim().starts_with(start));
    let over = line("private val over").expect("the Kotlin sample has `over`");
    assert_eq!(quoted(over), names(&[ClientAction::LogIn]));
    let renewable = line("private val renewable").expect("the Kotlin sample has `renewable`");
    assert_eq!(quoted(renewable), names(&[ClientAction::Refresh]));
    let swift = line("\"session_expired\", ").expect("the Swift sample has `logIn`");
    assert_eq!(
        quoted(swift),
        names(&[ClientAction::LogIn, ClientAction::Refresh])
    );
}

#[test]
fn every_text_number_and_list_is_bounded() {
    let document = openapi::document();
    let mut unbounded = Vec::new();
    walk(&document, "", &mut unbounded);
    assert!(unbounded.is_empty(), "{unbounded:?}");
}

fn walk(value: &Value, place: &str, unbounded: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            let is = |name: &str| match &map.get("type") {
                Some(Value::String(one)) => one == name,
                Some(Value::Array(several)) => several.iter().any(|one| one == name),
                _ => false,
            };
            let has = |name: &str| map.contains_key(name);
            let free = is("string") && !has("maxLength") && !has("enum")
                || is("integer") && !(has("minimum") && has("maximum"))
                || is("array") && !has("maxItems");
            if free {
                unbounded.push(place.to_owned());
            }
            let instances = ["example", "examples"];
            for (name, value) in map.iter().filter(|(name, _)| !instances.contains(&name.as_str())) {
                walk(value, &format!("{place}/{name}"), unbounded);
            }
        }
        Value::Array(list) => list.iter().for_each(|value| walk(value, place, unbounded)),
        _ => {}
    }
}
