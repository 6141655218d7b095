//! The rooms (layers) of `shared` and their dependencies, read from the sources: `runtime` builds on `auth`; `auth` on
//! `http`, `store` and `domain`; `http` and `store` on `domain` only. No crate has cyclic dependencies between files.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use syn::{
    Attribute, ItemMod, ItemUse, UseTree, Visibility,
    visit::{self, Visit},
};

/// What else each room may use.
const ROOMS: [(&str, &[&str]); 5] = [
    ("domain", &[]),
    ("http", &["domain"]),
    ("store", &["domain"]),
    ("auth", &["http", "store", "domain"]),
    ("runtime", &["auth", "http", "store", "domain"]),
];

/// The crates that must be free of cycles: all with sources.
fn crates() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut crates: Vec<_> = ["shared", "local", "openapi", "bench"].map(str::to_owned).into();
    for folder in ["functions", "crates"] {
        let folders = std::fs::read_dir(root.join(folder)).unwrap();
        crates.extend(
            folders.map(|entry| format!("{folder}/{}", entry.unwrap().file_name().to_str().unwrap())),
        );
    }
    crates
}

/// A crate's sources: the text of each file by its path under `src`.
type Sources = BTreeMap<String, String>;

fn sources(name: &str) -> Sources {
    fn read(folder: &Path, prefix: &str, sources: &mut Sources) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = format!("{prefix}{}", path.file_name().unwrap().to_str().unwrap());
            if path.is_dir() {
                read(&path, &format!("{name}/"), sources);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                sources.insert(name, std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut sources = Sources::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    read(&root.join(name).join("src"), "", &mut sources);
    sources
}

/// A file's module: `store/items/mod.rs` is `store::items`. Next to a library, `main.rs` is a crate of its own.
fn module(file: &str, has_library: bool) -> Vec<String> {
    let name = file.trim_end_matches(".rs");
    let name = name.strip_suffix("/mod").unwrap_or(name);
    match name {
        "main" if has_library => vec!["main.rs".to_owned()],
        "lib" | "main" => Vec::new(),
        name => name.split('/').map(str::to_owned).collect(),
    }
}

/// Finds the paths that a file names.
struct Paths<'a> {
    /// The current module, including those inside the file.
    module: Vec<String>,
    files: &'a BTreeMap<Vec<String>, String>,
    /// The files they lead to.
    found: BTreeSet<String>,
}

impl Paths<'_> {
    /// Notes the file that a path leads to, unless outside the crate.
    fn note(&mut self, path: &[String]) {
        let mut absolute = match path.first().map(String::as_str) {
            Some("crate") => Vec::new(),
            Some("self" | "super") => self.module.clone(),
            Some(first) => {
                let mut child = self.module.clone();
                child.push(first.to_owned());
                if !self.files.contains_key(&child) {
                    return;
                }
                self.module.clone()
            }
            None => return,
        };
        for segment in path {
            match segment.as_str() {
                "crate" | "self" => {}
                "super" => {
                    absolute.pop();
                }
                name => absolute.push(name.to_owned()),
            }
        }
        while !absolute.is_empty() && !self.files.contains_key(&absolute) {
            absolute.pop();
        }
        if let Some(file) = self.files.get(&absolute) {
            self.found.insert(file.clone());
        }
    }

    fn tree(&mut self, before: &[String], tree: &UseTree) {
        let mut path = before.to_vec();
        match tree {
            UseTree::Path(part) => {
                path.push(part.ident.to_string());
                self.tree(&path, &part.tree);
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.tree(&path, tree);
                }
            }
            UseTree::Name(name) => {
                path.push(name.ident.to_string());
                self.note(&path);
            }
            UseTree::Rename(rename) => {
                path.push(rename.ident.to_string());
                self.note(&path);
            }
            UseTree::Glob(_) => self.note(&path),
        }
    }
}

impl<'ast> Visit<'ast> for Paths<'_> {
    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        self.module.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.module.pop();
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.tree(&[], &item.tree);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<_> = path.segments.iter().map(|part| part.ident.to_string()).collect();
        if segments.len() > 1 {
            self.note(&segments);
        }
        visit::visit_path(self, path);
    }

    /// Visibility is not a use.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}

    /// Documentation may link anywhere.
    fn visit_attribute(&mut self, _: &'ast Attribute) {}
}

/// Which files each file uses.
fn arrows(sources: &Sources) -> BTreeMap<String, BTreeSet<String>> {
    let has_library = sources.contains_key("lib.rs");
    let module = |file: &str| module(file, has_library);
    let files = sources.keys().map(|file| (module(file), file.clone())).collect();
    let arrows = sources.iter().map(|(file, text)| {
        let mut paths = Paths {
            module: module(file),
            files: &files,
            found: BTreeSet::new(),
        };
        paths.visit_file(&syn::parse_file(text).unwrap_or_else(|error| panic!("{file}: {error}")));
        paths.found.remove(file);
        (file.clone(), paths.found)
    });
    arrows.collect()
}

/// Forbidden dependencies between rooms of `shared`.
fn wrong_arrows(sources: &Sources) -> Vec<String> {
    let room = |file: &str| file.split_once('/').map_or("", |(room, _)| room).to_owned();
    let mut wrong = Vec::new();
    for (file, used) in arrows(sources) {
        let from = room(&file);
        if file == "lib.rs" {
            continue;
        }
        let (_, allowed) = ROOMS
            .iter()
            .find(|(name, _)| *name == from)
            .unwrap_or_else(|| panic!("shared/src/{file} is in no room"));
        for other in used {
            let to = room(&other);
            if to != from && !allowed.contains(&to.as_str()) {
                let may = match allowed {
                    [] => "nobody".to_owned(),
                    rooms => format!("{} only", rooms.join(", ")),
                };
                wrong.push(format!("shared/src/{file} uses {other}: {from} may use {may}"));
            }
        }
    }
    wrong
}

/// Follows the arrows from `file`, on the `way` so far, until they come back to a file on it.
fn follow<'a>(
    file: &'a str,
    arrows: &'a BTreeMap<String, BTreeSet<String>>,
    way: &mut Vec<&'a str>,
    done: &mut BTreeSet<&'a str>,
) -> Option<String> {
    if let Some(start) = way.iter().position(|passed| *passed == file) {
        let files = way[start..].iter().chain([&file]).copied();
        return Some(files.collect::<Vec<_>>().join(" uses "));
    }
    if done.contains(file) {
        return None;
    }
    way.push(file);
    let found = arrows[file]
        .iter()
        .find_map(|next| follow(next, arrows, way, done));
    way.pop();
    done.insert(file);
    found
}

/// A circle of files, if there is one, spelled out.
fn circle(sources: &Sources) -> Option<String> {
    let arrows = arrows(sources);
    let mut done = BTreeSet::new();
    arrows
        .keys()
        .find_map(|file| follow(file, &arrows, &mut Vec::new(), &mut done))
}

#[test]
fn arrows_run_one_way_between_the_rooms() {
    assert_eq!(wrong_arrows(&sources("shared")), [""; 0]);
}

#[test]
fn no_files_go_in_a_circle() {
    let circles: Vec<_> = crates()
        .into_iter()
        .filter_map(|name| Some(format!("{name}: {}", circle(&sources(&name))?)))
        .collect();
    assert_eq!(circles, [""; 0]);
}

#[test]
fn one_wrong_import_is_named() {
    let mut sources = sources("shared");
    let problem = sources.get_mut("http/problem.rs").unwrap();
    problem.push_str("use crate::store::Store;");
    let wrong = ["shared/src/http/problem.rs uses store/mod.rs: http may use domain only"];
    assert_eq!(wrong_arrows(&sources), wrong);
    let account = sources.get_mut("domain/account.rs").unwrap();
    account.push_str("fn wrong(at: super::super::runtime::State) {}");
    assert_eq!(wrong_arrows(&sources).len(), 2);
}

#[test]
fn one_circle_is_spelled_out() {
    let mut sources = sources("functions/prune");
    let failure = sources.get_mut("failure.rs").unwrap();
    failure.push_str("use crate::batches::read;");
    let found = circle(&sources).unwrap();
    assert!(
        found.contains("batches.rs uses ") && found.contains("failure.rs uses batches.rs"),
        "{found}"
    );
}
