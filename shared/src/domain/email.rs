//! Email addresses: normalised in one place, so that one mailbox has one account.

use std::fmt;

use icu_casemap::CaseMapper;
use icu_normalizer::{ComposingNormalizer, DecomposingNormalizer};
use icu_properties::{
    CodePointSetData,
    props::{BidiControl, DefaultIgnorableCodePoint},
};

use crate::domain::digest::sha256_hex;

/// The longest address that SMTP carries (RFC 5321 §4.5.3.1.3, less the brackets), in bytes.
pub const MAX_BYTES: usize = 254;

/// An address's identity: its local part in Unicode's `NFKC_Casefold` form, its domain in ASCII (UTS 46). Letter case, Unicode
/// form and characters that nobody sees make no difference.
///
/// `Debug` hides it: addresses are not logged.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Email(String);

/// Why an email address was rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnEmail {
    /// No `@`, nothing before or after it, white space, control characters, or an invalid domain name.
    #[error("must be an email address, such as name@example.com")]
    Shape,
    /// RFC 5322 §3.2.3.
    #[error("must not contain any of ()<>[]:;,\\\" outside quotation marks")]
    Special,
    /// It changes the direction of the text around it, and so what an address seems to be.
    #[error("must not contain characters that change the direction of text")]
    Bidi,
    /// Longer than [`MAX_BYTES`].
    #[error("must be at most 254 characters long")]
    TooLong,
}

impl Email {
    /// Normalises and checks an address as a user typed it.
    ///
    /// # Errors
    ///
    /// Says why the address was rejected.
    pub fn parse(typed: &str) -> Result<Self, NotAnEmail> {
        if typed.len() > 4 * MAX_BYTES || Self::shown(typed).chars().count() > MAX_BYTES {
            return Err(NotAnEmail::TooLong);
        }
        if typed.contains(|c| CodePointSetData::new::<BidiControl>().contains(c)) {
            return Err(NotAnEmail::Bidi);
        }
        // Also the full-width @ is one.
        let compatible = ComposingNormalizer::new_nfkc()
            .normalize(&Self::shown(typed))
            .into_owned();
        let (local, domain) = compatible.trim().rsplit_once('@').ok_or(NotAnEmail::Shape)?;
        let local = nfkc_casefold(local);
        if local.is_empty() || local.len() > 64 {
            return Err(NotAnEmail::Shape);
        }
        check_local(&local)?;
        let domain = idna::domain_to_ascii_strict(domain).map_err(|_| NotAnEmail::Shape)?;
        if domain.is_empty() || domain.starts_with('.') || domain.ends_with('.') {
            return Err(NotAnEmail::Shape);
        }
        let address = format!("{local}@{domain}");
        if address.len() > MAX_BYTES {
            Err(NotAnEmail::TooLong)
        } else {
            Ok(Self(address))
        }
    }

    /// What is stored and shown of an address: as it was typed, without what nobody sees.
    #[must_use]
    pub fn shown(typed: &str) -> String {
        visible(typed.trim()).trim().to_owned()
    }

    /// The normal form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// SHA-256 of the normal form, in hex: identifies an address without revealing it.
    #[must_use]
    pub fn digest(&self) -> String {
        sha256_hex(self.0.as_bytes())
    }
}

/// Without white space and, unless all of it is in quotation marks, without RFC 5322's specials.
fn check_local(local: &str) -> Result<(), NotAnEmail> {
    if local.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(NotAnEmail::Shape);
    }
    let quoted = local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    match quoted {
        Some(inside) if !inside.is_empty() && !inside.contains(['"', '\\']) => Ok(()),
        Some(_) => Err(NotAnEmail::Special),
        None if local.contains('@') => Err(NotAnEmail::Shape),
        None if local.contains(['(', ')', '<', '>', '[', ']', ':', ';', ',', '\\', '"']) => {
            Err(NotAnEmail::Special)
        }
        None => Ok(()),
    }
}

/// Unicode's `toNFKC_Casefold` (The Unicode Standard §3.13.3): folding can leave text that is no longer normal, and the
/// other way round, so both are done twice (definition D146).
fn nfkc_casefold(text: &str) -> String {
    let (folding, nfkc) = (CaseMapper::new(), ComposingNormalizer::new_nfkc());
    let canonical = DecomposingNormalizer::new_nfd().normalize(text);
    let once = visible(&nfkc.normalize(&folding.fold_string(&canonical)));
    let twice = nfkc
        .normalize(&folding.fold_string(&DecomposingNormalizer::new_nfkd().normalize(&once)))
        .into_owned();
    visible(&twice)
}

/// Without default-ignorable characters.
fn visible(text: &str) -> String {
    let hidden = CodePointSetData::new::<DefaultIgnorableCodePoint>();
    text.chars().filter(|c| !hidden.contains(*c)).collect()
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_mailbox_has_one_form() {
        for typed in [
            "anna@example.com",
            "  Anna@Example.COM\t",
            "ANNA@EXAMPLE.COM",
            "\u{ff21}nna@example.com",                    // full-width A
            "anna\u{ff20}example.com",                    // full-width @
            "anna\u{fe6b}example.com",                    // small @
            "anna@example\u{3002}com",                    // ideographic full stop
            "anna@\u{ff45}xample.com",                    // full-width e
            "\u{3000}\u{a0}anna@example.com\u{2003}\r\n", // white space of every kind
            "anna@EXAMPLE\u{ff0e}COM",
            "\u{200b}anna@example.com", // what nobody sees
            "\u{feff}an\u{ad}n\u{200d}a\u{3164}@exam\u{200b}ple.com\u{2060}",
        ] {
            assert_eq!(
                Email::parse(typed).unwrap().as_str(),
                "anna@example.com",
                "{typed:?}"
            );
        }
        assert_eq!(
            Email::parse("jos\u{65}\u{301}@B\u{fc}cher.example").unwrap(),
            Email::parse("JOS\u{c9}@xn--bcher-kva.example").unwrap()
        );
    }

    #[test]
    fn letters_are_folded_as_unicode_says_and_no_further() {
        for (typed, normal) in [
            ("\u{fb01}ona@example.com", "fiona@example.com"), // the ligature fi
            ("\u{2460}@example.com", "1@example.com"),        // a circled 1
            ("STRA\u{1e9e}E@example.com", "strasse@example.com"),
            ("stra\u{df}e@example.com", "strasse@example.com"),
            ("\u{130}LHAN@example.com", "i\u{307}lhan@example.com"),
            (
                "\u{39f}\u{394}\u{39f}\u{3a3}@example.com",
                "\u{3bf}\u{3b4}\u{3bf}\u{3c3}@example.com",
            ),
            (
                "\u{3bf}\u{3b4}\u{3bf}\u{3c2}@example.com",
                "\u{3bf}\u{3b4}\u{3bf}\u{3c3}@example.com",
            ),
            ("\u{345}\u{301}a@example.com", "\u{301}\u{3b9}a@example.com"),
            ("anna@stra\u{df}e.example", "anna@xn--strae-oqa.example"), // not strasse.example, which may be another's
            ("anna@XN--STRAE-OQA.example", "anna@xn--strae-oqa.example"),
            ("o'neil+x@sub.example.org", "o'neil+x@sub.example.org"),
            ("a.n.n.a@example.com", "a.n.n.a@example.com"),
        ] {
            assert_eq!(Email::parse(typed).unwrap().as_str(), normal, "{typed:?}");
        }
        // Look-alikes stay distinct: Cyrillic a, and the dotless i of Turkish.
        for other in ["\u{430}nna@example.com", "\u{131}lhan@example.com"] {
            assert!(!Email::parse(other).unwrap().as_str().is_ascii(), "{other:?}");
        }
    }

    #[test]
    fn whatever_letter_it_has_an_address_is_normalised_once_for_all() {
        let mut taken = 0;
        for letter in (0..0x3_0000).step_by(7).filter_map(char::from_u32) {
            for typed in [format!("a{letter}b@example.com"), format!("a@x{letter}.example")] {
                let Ok(once) = Email::parse(&typed) else { continue };
                taken += 1;
                assert_eq!(Email::parse(once.as_str()).as_ref(), Ok(&once), "{typed:?}");
                let (local, domain) = once.as_str().rsplit_once('@').unwrap();
                assert!(
                    domain.is_ascii() && !local.contains(char::is_whitespace),
                    "{typed:?}"
                );
            }
        }
        assert!(taken > 10_000, "{taken}");
    }

    /// Whoever types the stored form, a capitalised or a decomposed one, has the same account.
    #[test]
    fn neither_letter_case_nor_unicode_form_makes_a_difference() {
        let (nfd, nfc) = (DecomposingNormalizer::new_nfd(), ComposingNormalizer::new_nfc());
        let changes = |c: &char| {
            let text = c.to_string();
            text.to_uppercase() != text
                || text.to_lowercase() != text
                || nfd.normalize(&text) != text.as_str()
        };
        let mut taken = 0;
        // Turkish apart: the dotless i has the capital of another letter.
        let letters = (0..0x2_0000).filter_map(char::from_u32).filter(changes);
        for letter in letters.filter(|c| *c != '\u{131}') {
            let typed = format!("a{letter}b@example.com");
            let Ok(email) = Email::parse(&typed) else { continue };
            taken += 1;
            let (upper, lower) = (typed.to_uppercase(), typed.to_lowercase());
            for other in [
                upper.as_str(),
                &lower,
                &nfd.normalize(&typed),
                &nfc.normalize(&upper),
                &Email::shown(&typed),
            ] {
                assert_eq!(
                    Email::parse(other).as_ref(),
                    Ok(&email),
                    "{typed:?} and {other:?}"
                );
            }
        }
        assert!(taken > 10_000, "{taken}");
    }

    #[test]
    fn what_is_shown_is_what_was_typed_without_what_nobody_sees() {
        assert_eq!(
            Email::shown(" \u{200b}Anna@B\u{fc}cher.Example\u{feff} "),
            "Anna@B\u{fc}cher.Example"
        );
        // Composed it would be short enough, but as it is shown it is not.
        let long = format!("{}@example.com", "e\u{301}".repeat(30)) + &"\u{200b}".repeat(10);
        assert_eq!(Email::shown(&long).chars().count(), 72);
        let typed = format!("a@{}example.com", "\u{ff45}\u{301}.".repeat(82));
        assert_eq!(Email::parse(&typed), Err(NotAnEmail::TooLong));
    }

    #[test]
    fn specials_and_turning_characters_are_told() {
        for typed in [
            "a,b@example.com",
            "<anna@example.com",
            "an\u{ff1b}na@example.com",
            "a\"b@example.com",
            "\"\"@example.com",
        ] {
            assert_eq!(Email::parse(typed), Err(NotAnEmail::Special), "{typed:?}");
        }
        for typed in [
            "\u{202e}anna@example.com",
            "anna@example\u{2066}.com",
            "an\u{200f}na@example.com",
        ] {
            assert_eq!(Email::parse(typed), Err(NotAnEmail::Bidi), "{typed:?}");
        }
        assert_eq!(
            Email::parse("\"A,b\"@example.com").unwrap().as_str(),
            "\"a,b\"@example.com"
        );
    }

    #[test]
    fn normalising_twice_changes_nothing() {
        for typed in [
            "\u{130}stanbul@example.com",
            "\u{1e9e}@stra\u{df}e.example",
            "o'neil+x@sub.example.org",
        ] {
            let once = Email::parse(typed).unwrap();
            assert_eq!(Email::parse(once.as_str()).unwrap(), once, "{typed:?}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for typed in [
            "",
            "anna",
            "@example.com",
            "anna@",
            "an na@example.com",
            "anna@exa mple.com",
            "a@b@example.com",
            "anna@.example.com",
            "anna@example..com",
            "anna@example.com.",
            "anna@example\u{3002}com\u{3002}",
            "anna@",
            "anna@com\u{2003}example",
            "an\u{3000}na@example.com",
            "anna\u{ff20}b\u{ff20}example.com",
            "anna@xn--zzzzzzzz.example",
            "\u{3000}@example.com",
            "anna\u{0}@example.com",
            "anna@-x.com",
        ] {
            assert_eq!(Email::parse(typed), Err(NotAnEmail::Shape), "{typed:?}");
        }
        let long = format!("{}@{}.com", "a".repeat(60), ["b"; 100].join("."));
        assert_eq!(Email::parse(&long), Err(NotAnEmail::TooLong));
        assert_eq!(Email::parse(&"a".repeat(100_000)), Err(NotAnEmail::TooLong));
    }
}
