//! How people prove who they are.

/// A way to prove who one is, by its name in tokens (RFC 8176 §2, all of its values).
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthMethod {
    /// A face.
    Face,
    /// A fingerprint.
    Fpt,
    /// A place.
    Geo,
    /// A key in hardware, such as a passkey.
    Hwk,
    /// An iris.
    Iris,
    /// Answers that only the owner knows.
    Kba,
    /// A second channel.
    Mca,
    /// Several factors.
    Mfa,
    /// A one-time password.
    Otp,
    /// A PIN or a pattern that unlocks a key.
    Pin,
    /// A key, proved to be held.
    Pop,
    /// A password.
    Pwd,
    /// Signs that the risk is low.
    Rba,
    /// A retina.
    Retina,
    /// A smart card.
    Sc,
    /// A text message to a registered number.
    Sms,
    /// A key in software.
    Swk,
    /// A call to a registered number.
    Tel,
    /// The presence of a person.
    User,
    /// A voice.
    Vbm,
    /// Windows integrated authentication.
    Wia,
}

impl AuthMethod {
    /// All of them.
    pub const ALL: [Self; 21] = [
        Self::Face,
        Self::Fpt,
        Self::Geo,
        Self::Hwk,
        Self::Iris,
        Self::Kba,
        Self::Mca,
        Self::Mfa,
        Self::Otp,
        Self::Pin,
        Self::Pop,
        Self::Pwd,
        Self::Rba,
        Self::Retina,
        Self::Sc,
        Self::Sms,
        Self::Swk,
        Self::Tel,
        Self::User,
        Self::Vbm,
        Self::Wia,
    ];

    /// Its name in tokens.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Face => "face",
            Self::Fpt => "fpt",
            Self::Geo => "geo",
            Self::Hwk => "hwk",
            Self::Iris => "iris",
            Self::Kba => "kba",
            Self::Mca => "mca",
            Self::Mfa => "mfa",
            Self::Otp => "otp",
            Self::Pin => "pin",
            Self::Pop => "pop",
            Self::Pwd => "pwd",
            Self::Rba => "rba",
            Self::Retina => "retina",
            Self::Sc => "sc",
            Self::Sms => "sms",
            Self::Swk => "swk",
            Self::Tel => "tel",
            Self::User => "user",
            Self::Vbm => "vbm",
            Self::Wia => "wia",
        }
    }

    /// The method of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_written_as_rfc_8176_names_them() {
        for method in AuthMethod::ALL {
            assert_eq!(serde_json::to_value(method).unwrap(), method.name());
            assert_eq!(AuthMethod::parse(method.name()), Some(method));
        }
        assert_eq!(AuthMethod::parse("PWD"), None);
    }
}
