//! Turns the user-agent patterns under `data/` into tables that need no parsing at run time.
//!
//! Compiling all 1280 patterns takes 100 ms, so `src/patterns.rs` compiles only those that can match. For that, this
//! computes each pattern's needs: strings without which it cannot match. The tables refer to each other by position,
//! not by reference, so that nothing is relocated when a process starts.
//!
//! `ua-parser` rewrites a pattern before compiling it: `\d` and `\w` become ASCII, and upper bounds of three or more
//! digits are dropped. The needs hold for the rewritten form: [`pattern`] narrows `\d` alike, and otherwise only what
//! the rewriting keeps is analyzed: small classes and small bounds.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;

use regex_syntax::hir::{Class, ClassUnicode, Hir, HirKind, Look, Repetition};
use saphyr::{LoadableYamlNode, Yaml};

/// The pattern files, in the order they are tried.
const FILES: [&str; 2] = ["data/uap-core/regexes.yaml", "data/native-apps.yaml"];

/// Kept of each list: its name in the files, its table's name, the replacements.
const LISTS: [(&str, &str, [&str; 2]); 3] = [
    (
        "device_parsers",
        "DEVICES",
        ["brand_replacement", "model_replacement"],
    ),
    ("os_parsers", "SYSTEMS", ["os_replacement", ""]),
    ("user_agent_parsers", "PROGRAMS", ["family_replacement", ""]),
];

fn main() -> Result<(), Box<dyn Error>> {
    let mut lists = LISTS.map(|_| Vec::new());
    println!("cargo::rerun-if-changed=build.rs");
    for file in FILES {
        println!("cargo::rerun-if-changed={file}");
        let source = std::fs::read_to_string(file)?;
        let documents = Yaml::load_from_str(&source)?;
        let document = documents.first().ok_or_else(|| format!("{file} is empty"))?;
        for ((name, _, replacements), list) in LISTS.iter().zip(&mut lists) {
            let entries = document.as_mapping_get(name).and_then(Yaml::as_sequence);
            for entry in entries.ok_or_else(|| format!("{file}: no {name}"))? {
                list.push(pattern(entry, *replacements).map_err(|error| format!("{file}: {name}: {error}"))?);
            }
        }
    }
    let out = std::env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?;
    std::fs::write(Path::new(&out).join("user_agent_patterns.rs"), tables(&lists)?)?;
    Ok(())
}

struct Pattern {
    regex: String,
    ignore_case: bool,
    replacements: [String; 2],
    needs: Vec<Strings>,
}

fn pattern(entry: &Yaml, replacements: [&str; 2]) -> Result<Pattern, Box<dyn Error>> {
    let regex = text(entry, "regex")?.ok_or("an entry without a regex")?;
    let ignore_case = match text(entry, "regex_flag")?.as_deref() {
        None => false,
        Some("i") => true,
        Some(flag) => return Err(format!("{regex}: unknown flag {flag}").into()),
    };
    let ascii_digits = regex
        .replace(r"\\", "\0")
        .replace(r"\d", "[0-9]")
        .replace('\0', r"\\");
    let hir = regex_syntax::ParserBuilder::new()
        .case_insensitive(ignore_case)
        .build()
        .parse(&ascii_digits)?;
    let [first, second] = replacements.map(|key| text(entry, key));
    Ok(Pattern {
        needs: Known::of(&hir, if ignore_case { fold } else { |c| c }).needs(),
        regex,
        ignore_case,
        // The library ignores empty replacements.
        replacements: [first?.unwrap_or_default(), second?.unwrap_or_default()],
    })
}

fn text(entry: &Yaml, key: &str) -> Result<Option<String>, Box<dyn Error>> {
    match entry.as_mapping_get(key) {
        None => Ok(None),
        Some(value) => Ok(Some(
            value
                .as_str()
                .ok_or_else(|| format!("{key} is not a string"))?
                .to_owned(),
        )),
    }
}

type Strings = BTreeSet<String>;

/// If part of a pattern allows more strings than this, fewer are kept, so that tables stay small.
const MANY: usize = 16;

/// Shorter strings are in nearly every user agent.
const SHORTEST: usize = 2;

/// Mark a user agent's start and end, and so `^` and `$`.
const START: &str = "\u{2}";
const END: &str = "\u{3}";

/// What holds for any text that part of a pattern matches.
#[derive(Clone)]
struct Known {
    /// It begins with one of these.
    starts: Strings,
    /// It ends with one of these.
    ends: Strings,
    /// It is one of these (`starts` and `ends` are the same then).
    whole: bool,
    /// It contains one of each of these sets.
    contains: Vec<Strings>,
}

impl Known {
    fn of(hir: &Hir, fold: fn(char) -> char) -> Self {
        match hir.kind() {
            HirKind::Look(Look::Start) => Self::text(START),
            HirKind::Look(Look::End) => Self::text(END),
            HirKind::Empty | HirKind::Look(_) => Self::text(""),
            HirKind::Literal(literal) => match str::from_utf8(&literal.0) {
                Ok(text) => Self::text(&text.chars().map(fold).collect::<String>()),
                Err(_) => Self::nothing(),
            },
            HirKind::Class(Class::Unicode(class)) => Self::class(class, fold),
            HirKind::Class(Class::Bytes(_)) => Self::nothing(),
            HirKind::Capture(capture) => Self::of(&capture.sub, fold),
            HirKind::Concat(parts) => Self::all(parts.iter().map(|part| Self::of(part, fold))),
            HirKind::Alternation(parts) => Self::any(parts.iter().map(|part| Self::of(part, fold)).collect()),
            HirKind::Repetition(repetition) => Self::repeated(repetition, fold),
        }
    }

    fn nothing() -> Self {
        Self {
            whole: false,
            ..Self::text("")
        }
    }

    fn text(text: &str) -> Self {
        Self::one_of(Strings::from([text.to_owned()]))
    }

    fn one_of(strings: Strings) -> Self {
        Self {
            starts: strings.clone(),
            ends: strings,
            whole: true,
            contains: Vec::new(),
        }
    }

    fn class(class: &ClassUnicode, fold: fn(char) -> char) -> Self {
        let mut chars = class.iter().flat_map(|range| range.start()..=range.end());
        let few: Strings = chars.by_ref().take(MANY).map(|c| fold(c).to_string()).collect();
        if few.is_empty() || chars.next().is_some() {
            Self::nothing()
        } else {
            Self::one_of(few)
        }
    }

    fn repeated(repetition: &Repetition, fold: fn(char) -> char) -> Self {
        const FEW: usize = 3;
        let part = Self::of(&repetition.sub, fold);
        let times = |count| Self::all(std::iter::repeat_n(part.clone(), count));
        let min = repetition.min as usize;
        match repetition.max {
            Some(max) if max as usize <= FEW => Self::any((min..=max as usize).map(times).collect()),
            _ if min == 0 => Self::nothing(),
            _ => Self {
                ends: part.ends.clone(),
                ..times(min.min(FEW)).then(Self::nothing())
            },
        }
    }

    /// One part after the other.
    fn all(parts: impl Iterator<Item = Self>) -> Self {
        parts.fold(Self::text(""), Self::then)
    }

    fn then(mut self, next: Self) -> Self {
        let seam = joined(&self.ends, &next.starts, MANY);
        if let (true, true, Some(whole)) = (self.whole, next.whole, &seam) {
            return Self::one_of(whole.clone());
        }
        let last = self
            .ends
            .iter()
            .map(|end| end.chars().next_back().map(String::from).unwrap_or_default());
        let narrow = || joined(&last.collect(), &next.starts, 4 * MANY);
        self.contains.extend(next.contains);
        match seam.clone().or_else(narrow) {
            Some(seam) => self.contains.push(seam),
            None => self.contains.extend([self.ends, next.starts]),
        }
        let starts = if self.whole {
            seam.clone().unwrap_or(self.starts)
        } else {
            self.starts
        };
        let ends = if next.whole {
            seam.unwrap_or(next.ends)
        } else {
            next.ends
        };
        Self {
            starts,
            ends,
            whole: false,
            contains: self.contains,
        }
    }

    /// One part or another.
    fn any(parts: Vec<Self>) -> Self {
        let whole = parts.iter().all(|part| part.whole);
        let starts = parts.iter().flat_map(|part| &part.starts).cloned().collect();
        let ends = parts.iter().flat_map(|part| &part.ends).cloned().collect();
        // Whichever part matches, its needs are met, so one need of each makes one of the whole.
        let needs: Vec<Vec<Strings>> = parts.into_iter().map(Self::needs).collect();
        let choices = if needs.iter().any(Vec::is_empty) {
            0
        } else {
            needs.iter().map(Vec::len).max().unwrap_or(0)
        };
        let choice = |n| {
            needs
                .iter()
                .flat_map(|needs| &needs[usize::min(n, needs.len() - 1)])
                .cloned()
                .collect()
        };
        Self {
            starts,
            ends,
            whole,
            contains: (0..choices).map(choice).collect(),
        }
    }

    /// Returns sets of strings; a match contains one of each set. The most selective is first.
    fn needs(self) -> Vec<Strings> {
        let mut sets = self.contains;
        sets.extend([self.starts, self.ends]);
        for set in &mut sets {
            // A text with the longer string also has the shorter.
            let all = set.clone();
            set.retain(|long| {
                !all.iter()
                    .any(|short| short != long && long.contains(short.as_str()))
            });
        }
        sets.retain(|set| shortest(set) >= SHORTEST);
        sets.sort_by_key(|set| (Reverse(shortest(set)), set.len()));
        let mut needs: Vec<Strings> = Vec::new();
        for set in sets {
            let implied = |by: &Strings| {
                by.iter()
                    .all(|long| set.iter().any(|short| long.contains(short.as_str())))
            };
            if !needs.iter().any(implied) {
                needs.push(set);
            }
        }
        needs
    }
}

/// Every string of `left` followed by every one of `right`, unless there are too many.
fn joined(left: &Strings, right: &Strings, many: usize) -> Option<Strings> {
    // A text has only one start and end, however often a pattern repeats them.
    let join = |(l, r)| {
        format!("{l}{r}")
            .replace("\u{2}\u{2}", START)
            .replace("\u{3}\u{3}", END)
    };
    let pairs = || left.iter().flat_map(|l| right.iter().map(move |r| (l, r)));
    (left.len() == 1 || right.len() == 1 || left.len() * right.len() <= many)
        .then(|| pairs().map(join).collect())
}

fn shortest(set: &Strings) -> usize {
    set.iter().map(String::len).min().unwrap_or(0)
}

/// Unicode's simple case folding, limited to ASCII results; `patterns.rs` folds user agents alike.
fn fold(c: char) -> char {
    match c {
        'ſ' => 's',
        '\u{212a}' => 'k', // the kelvin sign
        c => c.to_ascii_lowercase(),
    }
}

/// The source of the tables.
fn tables(lists: &[Vec<Pattern>]) -> Result<String, Box<dyn Error>> {
    let literals: BTreeSet<&str> = lists
        .iter()
        .flatten()
        .flat_map(|pattern| &pattern.needs)
        .flatten()
        .map(String::as_str)
        .collect();
    let numbers: HashMap<&str, usize> = literals
        .iter()
        .enumerate()
        .map(|(n, literal)| (*literal, n))
        .collect();

    let mut texts = Texts::default();
    let mut needs: Vec<usize> = Vec::new();
    let mut source = String::new();
    for ((_, table, _), patterns) in LISTS.iter().zip(lists) {
        writeln!(
            source,
            "pub(super) static {table}: [Pattern; {}] = [",
            patterns.len()
        )?;
        for pattern in patterns {
            let start = needs.len();
            for set in &pattern.needs {
                needs.push(set.len());
                needs.extend(set.iter().map(|literal| numbers[literal.as_str()]));
            }
            let needs = format!("Span {{ start: {start}, len: {} }}", needs.len() - start);
            let regex = texts.place(&pattern.regex);
            let [first, second] = pattern.replacements.each_ref().map(|text| texts.place(text));
            let ignore_case = pattern.ignore_case;
            write!(source, "Pattern {{ regex: {regex}, ignore_case: {ignore_case}, ")?;
            writeln!(source, "replacements: [{first}, {second}], needs: {needs} }},")?;
        }
        writeln!(source, "];")?;
    }
    writeln!(
        source,
        "pub(super) static LITERALS: [Literal; {}] = [",
        literals.len()
    )?;
    for literal in &literals {
        let mut starts = (1..literal.len()).rev().filter_map(|end| literal.get(..end));
        let shorter = starts
            .find_map(|start| numbers.get(start))
            .map_or(0, |number| number + 1);
        writeln!(
            source,
            "Literal {{ text: {}, shorter: {shorter} }},",
            texts.place(literal)
        )?;
    }
    writeln!(source, "];")?;
    writeln!(
        source,
        "pub(super) static NEEDS: [u16; {}] = {needs:?};",
        needs.len()
    )?;
    writeln!(source, "pub(super) static TEXT: &str = {:?};", texts.all)?;
    Ok(source)
}

/// All texts concatenated, each once.
#[derive(Default)]
struct Texts {
    all: String,
    spans: HashMap<String, String>,
}

impl Texts {
    fn place(&mut self, text: &str) -> String {
        let Self { all, spans } = self;
        let place = || {
            let start = all.find(text).unwrap_or_else(|| {
                all.push_str(text);
                all.len() - text.len()
            });
            format!("Span {{ start: {start}, len: {} }}", text.len())
        };
        spans.entry(text.to_owned()).or_insert_with(place).clone()
    }
}
