//! Hashes from an older system: which of them a login can verify at an acceptable cost.

use argon2::{Algorithm, Params, Version, password_hash::phc};
use bcrypt::HashParts;

use super::{
    hasher::{MAX_LANES, MAX_MEMORY_KIB, MAX_WORK_KIB},
    text::PasswordHash,
};

/// Accepted bcrypt costs: 14 takes a full core about a second, and a small Lambda longer.
const BCRYPT_COSTS: std::ops::RangeInclusive<u32> = 4..=14;
/// A hash value shorter than 128 bits is not worth verifying.
const MIN_OUTPUT_BYTES: usize = 16;

/// Why a password hash was rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAHash {
    /// Of a kind that cannot be verified.
    #[error("must be a bcrypt hash ($2a$, $2b$ or $2y$) or a PHC string of argon2id or argon2i")]
    Unsupported,
    /// A malformed bcrypt hash.
    #[error("is no complete bcrypt hash: $2b$, two digits of cost, $ and 53 characters are expected")]
    MalformedBcrypt,
    /// A malformed PHC string of Argon2.
    #[error(
        "is no complete PHC string of Argon2: $argon2id$v=19$m=…,t=…,p=…$salt$hash is expected, with at least 8 \
         bytes of salt, 16 of hash and no other parameters"
    )]
    MalformedArgon2,
    /// Each login would take too long.
    #[error("is too expensive to verify: the cost of a bcrypt hash must be from 4 to 14")]
    BcryptCost,
    /// Each login would need too much time or memory.
    #[error(
        "is too expensive to verify: Argon2 may use 256 MiB of memory (m=262144), 16 lanes, and 1 GiB in all its \
         passes together (m times t)"
    )]
    Argon2Cost,
}

impl PasswordHash {
    /// A hash from an older system: bcrypt (`$2a$`, `$2b$`, `$2y$`), argon2id or argon2i.
    ///
    /// argon2d is rejected: it was never meant for passwords (RFC 9106 §4).
    ///
    /// # Errors
    ///
    /// If no login could verify it in reasonable time and memory.
    pub fn imported(text: &str) -> Result<Self, NotAHash> {
        if text.starts_with("$2") {
            check_bcrypt(text)?;
        } else if text.starts_with("$argon2") {
            check_argon2(text)?;
        } else {
            return Err(NotAHash::Unsupported);
        }
        Ok(Self(text.to_owned()))
    }

    pub(super) fn is_bcrypt(&self) -> bool {
        self.0.starts_with("$2")
    }
}

fn check_bcrypt(text: &str) -> Result<(), NotAHash> {
    let version = match text.get(..4) {
        Some("$2a$") => bcrypt::Version::TwoA,
        Some("$2b$") => bcrypt::Version::TwoB,
        Some("$2y$") => bcrypt::Version::TwoY,
        // $2x$ marks hashes of a broken implementation, $2$ those from before NUL ended passwords.
        _ => return Err(NotAHash::Unsupported),
    };
    let parts: HashParts = text.parse().map_err(|_| NotAHash::MalformedBcrypt)?;
    if parts.format_for_version(version) != text {
        return Err(NotAHash::MalformedBcrypt);
    }
    if BCRYPT_COSTS.contains(&parts.get_cost()) {
        Ok(())
    } else {
        Err(NotAHash::BcryptCost)
    }
}

fn check_argon2(text: &str) -> Result<(), NotAHash> {
    let hash = phc::PasswordHash::new(text).map_err(|_| NotAHash::MalformedArgon2)?;
    match Algorithm::try_from(hash.algorithm.as_str()) {
        Ok(Algorithm::Argon2id | Algorithm::Argon2i) => {}
        Ok(Algorithm::Argon2d) | Err(_) => return Err(NotAHash::Unsupported),
    }
    // Without a version, PHC means 1.0 and the verifier 1.3: no login would succeed.
    let version = hash.version.ok_or(NotAHash::MalformedArgon2)?;
    Version::try_from(version).map_err(|_| NotAHash::MalformedArgon2)?;
    // keyid and data mean that the older system mixed in something we do not have.
    let mut names = hash.params.iter().map(|(name, _)| name);
    if !names.all(|name| matches!(name.as_str(), "m" | "t" | "p")) || hash.params.iter().count() != 3 {
        return Err(NotAHash::MalformedArgon2);
    }
    let params = Params::try_from(&hash).map_err(|_| NotAHash::MalformedArgon2)?;
    let output = hash.hash.as_ref().map_or(0, phc::Output::len);
    if hash.salt.is_none() || output < MIN_OUTPUT_BYTES {
        return Err(NotAHash::MalformedArgon2);
    }
    let work = u64::from(params.m_cost()) * u64::from(params.t_cost());
    if params.m_cost() > MAX_MEMORY_KIB || params.p_cost() > MAX_LANES || work > MAX_WORK_KIB {
        return Err(NotAHash::Argon2Cost);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SALT_AND_HASH: &str = "CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
    const SALT: &str = "c29tZXNhbHRzb21lc2FsdA";
    const OUTPUT: &str = "wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA";

    fn argon2(algorithm: &str, version: &str, params: &str) -> String {
        format!("${algorithm}{version}${params}${SALT}${OUTPUT}")
    }

    #[test]
    fn what_a_login_can_verify_is_taken() {
        for cost in ["04", "10", "14"] {
            for version in ["2a", "2b", "2y"] {
                let text = format!("${version}${cost}${SALT_AND_HASH}");
                assert_eq!(PasswordHash::imported(&text).unwrap().as_str(), text);
            }
        }
        for text in [
            argon2("argon2id", "$v=19", "m=19456,t=2,p=1"),
            argon2("argon2i", "$v=16", "m=65536,t=4,p=1"),
            argon2("argon2id", "$v=19", "m=262144,t=4,p=16"),
        ] {
            assert_eq!(PasswordHash::imported(&text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn malformed_hashes_are_refused() {
        use NotAHash::{MalformedArgon2, MalformedBcrypt, Unsupported};
        let bcrypt = |before: &str| format!("{before}{SALT_AND_HASH}");
        let cases = [
            (String::new(), Unsupported),
            ("hunter2".to_owned(), Unsupported),
            ("$1$abcdefgh$".to_owned(), Unsupported),
            ("$2".to_owned(), Unsupported),
            (bcrypt("$2$10$"), Unsupported),
            (bcrypt("$2x$10$"), Unsupported),
            (bcrypt("$2c$10$"), Unsupported),
            (bcrypt("$2é$10$"), Unsupported),
            (bcrypt("$2b$1$"), MalformedBcrypt),
            (bcrypt("$2b$+5$"), MalformedBcrypt),
            (bcrypt("$2b$ab$"), MalformedBcrypt),
            (bcrypt("$2b$10$."), MalformedBcrypt),
            (format!("{}\n", bcrypt("$2b$10$")), MalformedBcrypt),
            (format!("$2b$10${}", &SALT_AND_HASH[1..]), MalformedBcrypt),
            (format!("$2b$10$!{}", &SALT_AND_HASH[1..]), MalformedBcrypt),
            (format!("$2b$10${}é", &SALT_AND_HASH[2..]), MalformedBcrypt),
            // Unused trailing bits are set in the salt, then in the hash.
            (bcrypt("$2b$10$").replace(".E5Y", "zE5Y"), MalformedBcrypt),
            (bcrypt("$2b$10$").replace("OeW", "OeX"), MalformedBcrypt),
            (argon2("argon2d", "$v=19", "m=19456,t=2,p=1"), Unsupported),
            (argon2("argon2x", "$v=19", "m=19456,t=2,p=1"), Unsupported),
            (argon2("argon2id", "", "m=19456,t=2,p=1"), MalformedArgon2),
            (argon2("argon2id", "$v=18", "m=19456,t=2,p=1"), MalformedArgon2),
            (argon2("argon2id", "$v=19", "m=19456,t=2"), MalformedArgon2),
            (argon2("argon2id", "$v=19", "m=7,t=2,p=1"), MalformedArgon2),
            (argon2("argon2id", "$v=19", "m=19456,t=0,p=1"), MalformedArgon2),
            (argon2("argon2id", "$v=19", "m=19456,t=2,p=0"), MalformedArgon2),
            (
                argon2("argon2id", "$v=19", "m=99999999999,t=2,p=1"),
                MalformedArgon2,
            ),
            (
                argon2("argon2id", "$v=19", "m=19456,t=2,p=1,keyid=Zm9v"),
                MalformedArgon2,
            ),
            (
                argon2("argon2id", "$v=19", "m=19456,m=19456,t=2,p=1"),
                MalformedArgon2,
            ),
            ("$argon2id$v=19$m=19456,t=2,p=1".to_owned(), MalformedArgon2),
            (format!("$argon2id$v=19$m=19456,t=2,p=1${SALT}"), MalformedArgon2),
            (
                format!("$argon2id$v=19$m=19456,t=2,p=1${SALT}$c2hvcnRpc2hoYXNo"),
                MalformedArgon2,
            ),
            (
                format!("$argon2id$v=19$m=19456,t=2,p=1$c2hvcnQ${OUTPUT}"),
                MalformedArgon2,
            ),
        ];
        for (text, reason) in cases {
            assert_eq!(PasswordHash::imported(&text), Err(reason), "{text}");
        }
    }

    #[test]
    fn absurdly_expensive_hashes_are_refused() {
        for cost in ["15", "31", "99", "03"] {
            let text = format!("$2b${cost}${SALT_AND_HASH}");
            assert_eq!(PasswordHash::imported(&text), Err(NotAHash::BcryptCost), "{text}");
        }
        for params in [
            "m=262145,t=1,p=1",
            "m=4194304,t=1,p=1",
            "m=4294967295,t=4294967295,p=1",
            "m=19456,t=54,p=1",
            "m=8,t=4294967295,p=1",
            "m=19456,t=2,p=17",
        ] {
            let text = argon2("argon2id", "$v=19", params);
            assert_eq!(PasswordHash::imported(&text), Err(NotAHash::Argon2Cost), "{text}");
        }
    }
}
