//! What a new password must be: long enough, not one of the most common ones (OWASP ASVS 6.2.4), and not the account's
//! own address.

use shared::{
    domain::{
        email::Email,
        password::{Password, PasswordHash},
    },
    runtime::command::CommandError,
};

use crate::{call::Call, command::Secret};

/// Checks and hashes a new password for the account of this address.
pub(crate) async fn hash(
    call: &Call<'_>,
    password: &Secret,
    email: &Email,
) -> Result<PasswordHash, CommandError> {
    let refuse = |problem: &dyn std::fmt::Display| CommandError::field("password", problem);
    let min_chars = call.state().config.password_min_length;
    let chosen = Password::chosen(&password.0, min_chars).map_err(|error| refuse(&error))?;
    if is_common(&password.0) {
        return Err(refuse(&"is one of the most common passwords: choose another one"));
    }
    if is_of_address(&password.0, email) {
        return Err(refuse(
            &"is the account's address, or its part before the @: choose another one",
        ));
    }
    Ok(call.admin.hasher.hash(&chosen).await?)
}

/// Whether it is among the 99,838 common ones that the crate lists, in this or in small letters.
fn is_common(password: &str) -> bool {
    let common = passwords::analyzer::is_common_password::<&str>;
    common(password) || common(&password.to_lowercase())
}

fn is_of_address(password: &str, email: &Email) -> bool {
    let domain = email.as_str().rsplit_once('@').map_or("", |(_, domain)| domain);
    let is = |typed: &str| Email::parse(typed).is_ok_and(|typed| typed == *email);
    is(password) || is(&format!("{}@{domain}", password.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_common_passwords_are_known_in_any_case() {
        for password in [
            "password1",
            "12345678",
            "iloveyou",
            "qwertyuiop",
            "Football1",
            "SUNSHINE",
            "1q2w3e4r",
            "trustno1",
        ] {
            assert!(is_common(password), "{password}");
        }
        for password in [
            "correct horse battery staple",
            "a new horse",
            "holdfast-97-anchor",
        ] {
            assert!(!is_common(password), "{password}");
        }
    }

    #[test]
    fn an_address_is_no_password_however_it_is_written() {
        let email = Email::parse("Anna.Huber@example.com").unwrap();
        for password in ["anna.huber@example.com", " ANNA.HUBER@Example.com", "Anna.Huber"] {
            assert!(is_of_address(password, &email), "{password}");
        }
        assert!(!is_of_address("anna.huber@example.org", &email));
    }
}
