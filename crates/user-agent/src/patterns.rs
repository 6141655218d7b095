//! The community's user-agent patterns. Only those that can match are compiled.
//!
//! `build.rs` makes the tables from `data/`. The results equal those of `ua-parser` with all patterns: the first match
//! of each list decides.

use tables::{DEVICES, LITERALS, NEEDS, PROGRAMS, SYSTEMS, TEXT};
use ua_parser::{device, os, user_agent};

/// Maximum patterns compiled per answer. Real agents need at most 9; this bounds a forged one's cost.
const MAX_PATTERNS: usize = 16;

/// A pattern's word for no result.
const OTHER: &str = "Other";

/// A user agent, prepared for matching.
pub(super) struct Agent<'a> {
    text: &'a str,
    present: Present,
}

/// The hardware by the patterns.
#[derive(Debug, PartialEq)]
pub(super) struct Device {
    pub(super) brand: Option<String>,
    pub(super) model: Option<String>,
}

impl<'a> Agent<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text,
            present: Present::new(text),
        }
    }

    pub(super) fn device(&self) -> Option<Device> {
        self.device_that(|_| true)
    }

    /// The first match that is `wanted`.
    pub(super) fn device_that(&self, wanted: impl Fn(&Device) -> bool) -> Option<Device> {
        self.first(&DEVICES, |pattern| {
            let extractor = device::Builder::new().push(pattern.device()).ok()?.build().ok()?;
            let found = extractor.extract(self.text)?.into_owned();
            let (brand, model) = (found.brand, found.model);
            Some(Device { brand, model }).filter(&wanted)
        })
    }

    /// Crawlers say where to read about them; an app called `ChatBot` does not.
    pub(super) fn tells_of_a_page(&self) -> bool {
        self.text.contains("http")
    }

    /// The family of the operating system.
    pub(super) fn system(&self) -> Option<String> {
        self.first(&SYSTEMS, |pattern| {
            let extractor = os::Builder::new().push(pattern.system()).ok()?.build().ok()?;
            Some(extractor.extract(self.text)?.into_owned().os)
        })
        .filter(|family| family != OTHER)
    }

    /// The family of the browser, or of whatever else sent the request.
    pub(super) fn program(&self) -> Option<String> {
        self.first(&PROGRAMS, |pattern| {
            let extractor = user_agent::Builder::new()
                .push(pattern.program())
                .ok()?
                .build()
                .ok()?;
            Some(extractor.extract(self.text)?.into_owned().family)
        })
        .filter(|family| family != OTHER)
    }

    fn first<T>(
        &self,
        patterns: &'static [Pattern],
        extract: impl Fn(&'static Pattern) -> Option<T>,
    ) -> Option<T> {
        patterns
            .iter()
            .filter(|pattern| pattern.can_match(&self.present))
            .take(MAX_PATTERNS)
            .find_map(extract)
    }
}

/// One entry of the pattern files.
struct Pattern {
    regex: Span,
    ignore_case: bool,
    replacements: [Span; 2],
    /// In [`NEEDS`], sets of literals, each its size followed by the literals' numbers: what the pattern matches
    /// contains a literal of every set.
    needs: Span,
}

impl Pattern {
    fn can_match(&self, present: &Present) -> bool {
        let present = if self.ignore_case {
            &present.folded
        } else {
            &present.exact
        };
        let mut needs = &NEEDS[self.needs.range()];
        while let [size, rest @ ..] = needs {
            let (set, others) = rest.split_at(usize::from(*size));
            if !set.iter().any(|literal| present[usize::from(*literal)]) {
                return false;
            }
            needs = others;
        }
        true
    }

    fn device(&self) -> device::Parser<'static> {
        let [brand, model] = self.replacements.map(|text| Some(text.text().into()));
        device::Parser {
            regex: self.regex.text().into(),
            regex_flag: self.ignore_case.then_some(device::Flag::IgnoreCase),
            brand_replacement: brand,
            model_replacement: model,
            ..Default::default()
        }
    }

    fn system(&self) -> os::Parser<'static> {
        let [family, _] = self.replacements.map(|text| Some(text.text().into()));
        os::Parser {
            regex: self.regex.text().into(),
            os_replacement: family,
            ..Default::default()
        }
    }

    fn program(&self) -> user_agent::Parser<'static> {
        let [family, _] = self.replacements.map(|text| Some(text.text().into()));
        user_agent::Parser {
            regex: self.regex.text().into(),
            family_replacement: family,
            ..Default::default()
        }
    }
}

/// A string that patterns need. The list is sorted.
struct Literal {
    text: Span,
    /// The number, plus one, of the longest other literal that this one starts with; 0 if there is none.
    shorter: u16,
}

/// For each literal, whether the user agent contains it: as it is, and with its case folded.
struct Present {
    exact: Vec<bool>,
    folded: Vec<bool>,
}

impl Present {
    fn new(agent: &str) -> Self {
        // Markers of `^` and `$` in literals.
        let exact = format!("\u{2}{agent}\u{3}");
        let folded: String = exact.chars().map(fold).collect();
        Self {
            exact: literals_in(&exact),
            folded: literals_in(&folded),
        }
    }
}

fn literals_in(agent: &str) -> Vec<bool> {
    let mut present = vec![false; LITERALS.len()];
    for (start, _) in agent.char_indices() {
        let rest = &agent[start..];
        // If `rest` starts with a literal, so does all that sorts between them. So the literals that `rest` starts with
        // are the last one before it or shorter ones that this one starts with.
        let mut number = LITERALS.partition_point(|literal| literal.text.text() <= rest);
        while let Some(index) = number.checked_sub(1) {
            let literal = &LITERALS[index];
            present[index] |= rest.starts_with(literal.text.text());
            number = usize::from(literal.shorter);
        }
    }
    present
}

/// Folds like `build.rs`.
fn fold(c: char) -> char {
    match c {
        'ſ' => 's',
        '\u{212a}' => 'k',
        c => c.to_ascii_lowercase(),
    }
}

/// A part of [`TEXT`] or of [`NEEDS`].
#[derive(Clone, Copy)]
struct Span {
    start: u32,
    len: u16,
}

impl Span {
    fn range(self) -> std::ops::Range<usize> {
        let start = self.start as usize;
        start..start + usize::from(self.len)
    }

    fn text(self) -> &'static str {
        &TEXT[self.range()]
    }
}

#[expect(clippy::unreadable_literal, reason = "generated")]
mod tables {
    use super::{Literal, Pattern, Span};

    include!(concat!(env!("OUT_DIR"), "/user_agent_patterns.rs"));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Agents of the community's tests: what to look up, the expected answer, the agent.
    const SAMPLE: &str = include_str!("../data/uap-core/sample.tsv");

    fn sample() -> impl Iterator<Item = [&'static str; 4]> {
        SAMPLE
            .lines()
            .map(|line| line.split('\t').collect::<Vec<_>>().try_into().unwrap())
    }

    fn or_none(expected: &str) -> Option<String> {
        (!expected.is_empty()).then(|| expected.to_owned())
    }

    #[test]
    fn answers_as_the_communitys_tests_expect() {
        for [kind, first, second, text] in sample() {
            let agent = Agent::new(text);
            match kind {
                "device" => {
                    let device = agent.device().unwrap_or(Device {
                        brand: None,
                        model: None,
                    });
                    assert_eq!(
                        device,
                        Device {
                            brand: or_none(first),
                            model: or_none(second)
                        },
                        "{text}"
                    );
                }
                "os" => assert_eq!(agent.system(), or_none(first), "{text}"),
                "user_agent" => assert_eq!(agent.program(), or_none(first), "{text}"),
                kind => panic!("{kind}?"),
            }
        }
    }

    #[test]
    fn passes_over_no_pattern_that_the_whole_library_would_take() {
        let devices = device::Builder::new()
            .push_all(DEVICES.iter().map(Pattern::device))
            .unwrap()
            .build()
            .unwrap();
        let systems = os::Builder::new()
            .push_all(SYSTEMS.iter().map(Pattern::system))
            .unwrap()
            .build()
            .unwrap();
        let programs = user_agent::Builder::new()
            .push_all(PROGRAMS.iter().map(Pattern::program))
            .unwrap()
            .build()
            .unwrap();
        for [.., text] in sample() {
            let agent = Agent::new(text);
            let device = devices.extract(text).map(device::ValueRef::into_owned);
            assert_eq!(
                agent.device(),
                device.map(|d| Device {
                    brand: d.brand,
                    model: d.model
                }),
                "{text}"
            );
            let system = systems.extract(text).map(|system| system.into_owned().os);
            assert_eq!(agent.system(), system.filter(|family| family != OTHER), "{text}");
            let program = programs.extract(text).map(|program| program.into_owned().family);
            assert_eq!(
                agent.program(),
                program.filter(|family| family != OTHER),
                "{text}"
            );
        }
    }

    /// K (the kelvin sign) and ſ match k and s if case is ignored.
    #[test]
    fn folds_case_as_the_library_does() {
        for (unusual, plain) in [("pluc\u{212a}er", "plucker"), ("iriſ", "iris")] {
            let [unusual, plain] = [unusual, plain].map(Agent::new);
            assert_eq!(unusual.present.folded, plain.present.folded);
        }
        assert_eq!(
            Agent::new("pluc\u{212a}er").device(),
            Agent::new("plucker").device()
        );
        assert!(Agent::new("plucker").device().is_some());
    }
}
