use super::*;

fn config(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::from_lookup(|name| {
        let given = variables
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| (*value).to_owned());
        given.or_else(|| {
            ["TABLE_NAME", "ISSUER", "AUDIENCE"]
                .contains(&name)
                .then(|| name.to_lowercase())
        })
    })
}

#[test]
fn defaults_are_those_of_the_documentation() {
    let config = config(&[("CLIENT_ID", ""), ("TRUSTED_PROXY", "")]).unwrap();
    assert_eq!(config.tokens.client_id, "mobile");
    assert_eq!(config.tokens.access_token_seconds, 900);
    assert_eq!(config.refresh_idle_seconds, 604_800);
    assert_eq!(config.session_absolute_seconds, 7_776_000);
    assert_eq!(config.refresh_grace_seconds, 30);
    assert_eq!(config.max_sessions_per_user, 20);
    assert_eq!(config.audit_retention_days, 30);
    assert_eq!(config.audit_archive_bucket, None);
    assert_eq!(config.prune_write_units_per_second, 1000);
    assert_eq!(config.trusted_proxy, TrustedProxy::None);
    let limits = Limits {
        login_ip: 60,
        login_guesses: 5,
        login_account: 30,
        login_account_day: 100,
        login_device: 5,
        list: 30,
        revoke: 10,
        logout_all: 5,
        cleanup: 5,
    };
    assert_eq!(config.rate_limits, limits);
    assert_eq!(config.authorizer_max_staleness_seconds, 0);
    assert_eq!(config.log_level, LevelFilter::INFO);
    assert_eq!(config.log_format, LogFormat::Json);
    assert!(config.warm_up);
    assert_eq!(config.signing_keys, None);
    assert_eq!(config.introspection, None);
    assert_eq!(config.password_min_length, 8);
    let expected = Argon2Settings {
        memory_kib: 19_456,
        iterations: 2,
        parallelism: 1,
    };
    assert_eq!(config.argon2, expected);
    assert_eq!(config.timeouts, Timeouts::default());
}

#[test]
fn every_wrong_variable_is_named() {
    let wrong = [
        ("TABLE_NAME", " "),
        ("ACCESS_TOKEN_SECONDS", "15m"),
        ("MAX_SESSIONS_PER_USER", "0"),
        ("TRUSTED_PROXY", "cloudfront"),
        ("LOG_LEVEL", "loud"),
        ("LOG_FORMAT", "prose"),
    ];
    let message = config(&wrong).unwrap_err().to_string();
    for name in [
        "TABLE_NAME is not set",
        "ACCESS_TOKEN_SECONDS is \"15m\"",
        "MAX_SESSIONS_PER_USER is 0",
        "CLOUDFRONT_SECRET must be set",
        "LOG_LEVEL is \"loud\"",
        "LOG_FORMAT is \"prose\"",
    ] {
        assert!(message.contains(name), "{name} in {message}");
    }
}

#[test]
fn no_other_token_can_pass_for_an_access_token() {
    let issuer = ("ISSUER", "https://auth.example.com");
    for audience in ["https://auth.example.com", "https://auth.example.com/device"] {
        let error = config(&[issuer, ("AUDIENCE", audience)]).unwrap_err().to_string();
        assert!(error.contains("AUDIENCE") && error.contains("ISSUER"), "{error}");
    }
    for audience in ["https://api.example.com", "https://auth.example"] {
        config(&[issuer, ("AUDIENCE", audience)]).unwrap();
    }
}

#[test]
fn a_hash_finishes_within_a_request() {
    let argon2 = |memory, passes| config(&[("ARGON2_MEMORY_KIB", memory), ("ARGON2_ITERATIONS", passes)]);
    argon2("262144", "4").unwrap();
    argon2("10485", "100").unwrap();
    for (memory, passes) in [("262144", "5"), ("10486", "100")] {
        let error = argon2(memory, passes).unwrap_err().to_string();
        assert!(
            error.contains("ARGON2_MEMORY_KIB times ARGON2_ITERATIONS is"),
            "{error}"
        );
    }
    assert!(
        argon2("262145", "1")
            .unwrap_err()
            .to_string()
            .contains("ARGON2_MEMORY_KIB is 262145")
    );
}

#[test]
fn text_has_colors_unless_no_color_is_set() {
    let format = |no_color| {
        let variables = [("LOG_FORMAT", "text"), ("NO_COLOR", no_color)];
        config(&variables).unwrap().log_format
    };
    assert_eq!(format(""), LogFormat::Text { allows_colors: true });
    assert_eq!(format("1"), LogFormat::Text { allows_colors: false });
}

#[test]
fn signing_keys_have_one_source() {
    let file = config(&[("SIGNING_KEYS_FILE", "keys.json")])
        .unwrap()
        .signing_keys;
    assert_eq!(file, Some(KeyLocation::File("keys.json".into())));
    let both = [
        ("SIGNING_KEYS_FILE", "keys.json"),
        ("SIGNING_KEYS_SECRET_ID", "keys"),
    ];
    assert!(config(&both).unwrap_err().to_string().contains("both set"));
}

#[test]
fn introspection_has_one_secret_or_two_and_none_shows() {
    let with = |secrets: &str| config(&[("INTROSPECTION_SECRETS", secrets)]);
    let (old, new) = (
        "an-old-secret-of-thirty-two-chars",
        "a-new-secret-of-thirty-two-chars",
    );
    assert_eq!(with("").unwrap().introspection, None);
    let one = with(old).unwrap();
    assert_eq!(
        one.introspection,
        Some(IntrospectionSource::Given(vec![old.to_owned()]))
    );
    assert!(!format!("{one:?}").contains(old));
    let two = with(&format!("{old}, {new}")).unwrap().introspection;
    assert_eq!(
        two,
        Some(IntrospectionSource::Given(vec![old.to_owned(), new.to_owned()]))
    );
    for wrong in [
        "a-secret-of-thirty-one-chars-xx",
        "a secret with spaces of some length",
        &format!("{old},"),
        &format!("{old},{new},{old}"),
    ] {
        let error = with(wrong).unwrap_err().to_string();
        assert!(
            error.contains("INTROSPECTION_SECRETS must be") && !error.contains(wrong),
            "{error}"
        );
    }
    let both = [
        ("INTROSPECTION_SECRETS", old),
        ("INTROSPECTION_SECRET_ID", "secret"),
    ];
    assert!(config(&both).unwrap_err().to_string().contains("both set"));
}

#[test]
fn the_proxy_has_one_secret_or_two() {
    let with = |secret: &str| config(&[("TRUSTED_PROXY", "cloudfront"), ("CLOUDFRONT_SECRET", secret)]);
    let (old, new) = ("the-old-secret-of-cloudfront", "the-new-secret-of-cloudfront");
    for (value, secrets) in [
        (old.to_owned(), vec![old]),
        (format!("{old}, {new}"), vec![old, new]),
    ] {
        let secrets = secrets.into_iter().map(str::to_owned).collect();
        assert_eq!(
            with(&value).unwrap().trusted_proxy,
            TrustedProxy::CloudFront { secrets }
        );
    }
    for wrong in [
        "",
        "too short",
        &format!("{old},"),
        &format!("{old},short"),
        &format!("{old},{new},{old}"),
    ] {
        assert!(
            with(wrong).unwrap_err().to_string().contains("CLOUDFRONT_SECRET"),
            "{wrong}"
        );
    }
}

#[test]
fn the_proxy_secret_does_not_show() {
    let proxy = [
        ("TRUSTED_PROXY", "cloudfront"),
        ("CLOUDFRONT_SECRET", "a secret of some length"),
    ];
    assert!(!format!("{:?}", config(&proxy).unwrap()).contains("a secret"));
}
