//! Every function has what it needs outside its code. If you add a function, these tests tell you what is missing.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use shared::{
    domain::audit::EventType,
    runtime::{Function, Trigger},
};
use tests::Event;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn text(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Names in a folder, without extensions.
fn names(folder: &str) -> BTreeSet<String> {
    let entries = std::fs::read_dir(root().join(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
    let name = |path: PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
    entries.map(|entry| name(entry.unwrap().path())).collect()
}

fn samples(function: &Function) -> BTreeSet<String> {
    let events: Vec<_> = match function.trigger {
        Trigger::Api(operations) => operations
            .iter()
            .flat_map(|operation| operation.samples)
            .map(|sample| sample.event)
            .collect(),
        Trigger::Invoked { samples, .. } => samples.to_vec(),
    };
    events.into_iter().map(str::to_owned).collect()
}

#[test]
fn every_folder_of_functions_is_in_the_registry() {
    let registered: BTreeSet<_> = registry::ALL
        .iter()
        .map(|function| function.name.to_owned())
        .collect();
    assert_eq!(
        names("functions"),
        registered,
        "list each function in crates/registry/src/lib.rs"
    );
    assert_eq!(
        names("events"),
        registered,
        "each function has sample events under events/"
    );
}

#[test]
fn every_function_has_tests_of_its_own() {
    let tests = names("tests/endpoints");
    for function in registry::ALL {
        let name = function.name.replace('-', "_");
        assert!(
            tests.contains(&name),
            "{} has no tests: tests/endpoints/{name}.rs",
            function.name
        );
    }
}

#[test]
fn every_sample_event_is_declared() {
    for function in registry::ALL {
        let name = function.name;
        assert_eq!(
            names(&format!("events/{name}")),
            samples(function),
            "functions/{name}/src/lib.rs declares the files of events/{name} as samples"
        );
    }
}

#[test]
fn every_operation_has_a_sample_of_its_route() {
    for endpoint in registry::endpoints() {
        let (id, route) = (endpoint.operation.id, endpoint.operation.route);
        assert!(
            !endpoint.operation.samples.is_empty(),
            "{id} needs a sample request"
        );
        for sample in endpoint.operation.samples {
            let file = format!("{}/{}", endpoint.function.name, sample.event);
            let event = Event::file(&file);
            assert_eq!(
                event.value()["routeKey"],
                format!("{} {}", route.method, route.path),
                "events/{file}.json has another route than {id}"
            );
        }
    }
}

#[test]
fn the_development_server_has_every_route() {
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let router = metadata["metadata"]["lambda"]["watch"]["router"]
        .as_object()
        .unwrap();
    let found: BTreeSet<_> = router
        .iter()
        .flat_map(|(path, targets)| {
            let target =
                move |target: &Value| (path.clone(), target["method"].clone(), target["function"].clone());
            targets.as_array().unwrap().iter().map(target)
        })
        .map(|(path, method, function)| format!("{method} {path} {function}"))
        .collect();
    let declared: BTreeSet<_> = registry::endpoints()
        .map(|endpoint| {
            let (route, function) = (endpoint.operation.route, endpoint.function.name);
            format!("{:?} {} {function:?}", route.method, route.path)
        })
        .collect();
    assert_eq!(
        found, declared,
        "Cargo.toml: [workspace.metadata.lambda.watch.router]"
    );
}

#[test]
fn the_readme_lists_every_route() {
    let readme = text("README.md");
    for endpoint in registry::endpoints() {
        let route = endpoint.operation.route;
        let row = format!("| {} `{}` |", route.method, route.path);
        assert!(readme.contains(&row), "README.md lacks a row that begins: {row}");
    }
}

#[test]
fn every_event_type_is_documented() {
    let page = text("docs/audit.md");
    // The error lists all types in backquotes: `login_succeeded`, `login_failed` …
    let all = serde_json::from_value::<EventType>("".into())
        .unwrap_err()
        .to_string();
    let types: Vec<_> = all.split('`').filter(|name| name.contains('_')).collect();
    assert!(types.len() > 10, "{all}");
    for name in types {
        assert!(
            page.contains(&format!("`{name}`")),
            "docs/audit.md does not say when {name} is recorded"
        );
    }
}
