//! Email addresses: normalised in one place, so that one mailbox has one account.

use std::fmt;

use icu_normalizer::ComposingNormalizer;

use crate::domain::digest::sha256_hex;

/// The longest address that SMTP carries (RFC 5321 §4.5.3.1.3, less the brackets), in bytes.
pub const MAX_BYTES: usize = 254;

/// A normalised address: trimmed, NFKC, lower-cased, its domain in ASCII (IDNA).
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
        if typed.len() > 4 * MAX_BYTES {
            return Err(NotAnEmail::TooLong);
        }
        let normal = ComposingNormalizer::new_nfkc()
            .normalize(typed.trim())
            .to_lowercase();
        // Lower-casing can leave text that is no longer composed.
        let normal = ComposingNormalizer::new_nfkc().normalize(normal.trim());
        let (local, domain) = normal.rsplit_once('@').ok_or(NotAnEmail::Shape)?;
        let foreign = |c: char| c.is_whitespace() || c.is_control() || c == '@';
        if local.is_empty() || local.len() > 64 || local.contains(foreign) {
            return Err(NotAnEmail::Shape);
        }
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
            ("STRA\u{1e9e}E@example.com", "stra\u{df}e@example.com"),
            ("\u{130}LHAN@example.com", "i\u{307}lhan@example.com"),
            (
                "\u{39f}\u{394}\u{39f}\u{3a3}@example.com",
                "\u{3bf}\u{3b4}\u{3bf}\u{3c2}@example.com",
            ),
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
