//! The tests and files that `docs/security.md` names exist.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The names of all tests: functions with a test attribute.
fn tests_in(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            tests_in(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let mut marked = false;
            for line in text.lines().map(str::trim) {
                marked |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
                if let Some((_, rest)) = line.split_once("fn ").filter(|_| marked) {
                    found.extend(rest.split('(').next().map(str::to_owned));
                    marked = false;
                }
            }
        }
    }
}

/// The texts in backquotes.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn every_test_and_file_that_it_names_exists() {
    let text = fs::read_to_string(root().join("docs/security.md")).unwrap();
    let mut tests = BTreeSet::new();
    for folder in ["tests", "shared/src", "functions", "local/src"] {
        tests_in(&root().join(folder), &mut tests);
    }
    let (mut named, mut files) = (0, 0);
    for name in quoted(&text) {
        let is_test = name.matches('_').count() >= 2
            && name
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        let is_file = name.contains('.') && !name.contains(' ') && !name.starts_with('/');
        if is_test {
            assert!(tests.contains(name), "there is no test {name}");
            named += 1;
        } else if is_file {
            assert!(root().join(name).is_file(), "there is no file {name}");
            files += 1;
        }
    }
    assert!(
        named > 50 && files > 5,
        "{named} tests and {files} files were found in the text"
    );
}

#[test]
fn every_row_says_whether_it_is_met_and_what_is_met_is_shown_or_explained() {
    let text = fs::read_to_string(root().join("docs/security.md")).unwrap();
    let rows = text
        .lines()
        .filter(|line| line.starts_with("| ") && line.matches(" | ").count() == 3);
    let mut verdicts = BTreeSet::new();
    for row in rows.filter(|row| !row.contains("| where |")) {
        let cells: Vec<_> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        assert!(["met", "met, but", "app", "no"].contains(&cells[1]), "{row}");
        assert!(!cells[2].is_empty(), "{row}");
        verdicts.insert(cells[1]);
    }
    assert!(verdicts.contains("no"), "a service without gaps was not checked");
}
