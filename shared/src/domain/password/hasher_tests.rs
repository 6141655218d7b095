use super::*;

fn hasher() -> Hasher {
    let settings = Argon2Settings {
        memory_kib: 64,
        iterations: 1,
        parallelism: 1,
    };
    Hasher::new(settings, Ids::system()).unwrap()
}

#[tokio::test]
async fn only_the_right_password_matches() {
    let hasher = hasher();
    let right = Password::presented("correct horse").unwrap();
    let hash = hasher.hash(&right).await.unwrap();
    assert!(
        hash.as_str().starts_with("$argon2id$v=19$m=64,t=1,p=1$"),
        "{}",
        hash.as_str()
    );
    assert!(hasher.verify(&right, Some(&hash)).await.unwrap());
    assert!(
        !hasher
            .verify(&Password::presented("Correct horse").unwrap(), Some(&hash))
            .await
            .unwrap()
    );
    assert!(!hasher.verify(&right, None).await.unwrap());
}

#[tokio::test]
async fn hashes_at_once_and_of_any_size_do_not_disturb_each_other() {
    let hasher = hasher();
    let larger = Hasher::new(
        Argon2Settings {
            memory_kib: 256,
            iterations: 1,
            parallelism: 2,
        },
        Ids::system(),
    )
    .unwrap();
    let password = |number: usize| Password::presented(&format!("a password {number}")).unwrap();
    let mut stored = Vec::new();
    for number in 0..8 {
        let by = if number % 2 == 0 { &hasher } else { &larger };
        stored.push(by.hash(&password(number)).await.unwrap());
    }
    let checks = (0..64).map(|number| {
        let (hasher, hash) = (hasher.clone(), stored[number % 8].clone());
        let typed = password(if number < 32 { number % 8 } else { 8 });
        tokio::spawn(async move { hasher.verify(&typed, Some(&hash)).await.unwrap() })
    });
    for (number, check) in checks.collect::<Vec<_>>().into_iter().enumerate() {
        assert_eq!(check.await.unwrap(), number < 32, "{number}");
    }
}

#[tokio::test]
async fn the_dummy_costs_what_a_real_hash_costs() {
    let hasher = hasher();
    let real = hasher
        .hash(&Password::presented("correct horse").unwrap())
        .await
        .unwrap();
    let cost = |hash: &str| hash.split('$').take(4).collect::<Vec<_>>().join("$");
    assert_eq!(cost(hasher.dummy.as_str()), cost(real.as_str()));
    assert_eq!(hasher.dummy.as_str().len(), real.as_str().len());
}

/// The default settings, and what is missing to them: memory in KiB, for two passes.
#[test]
fn a_cheaper_hash_is_made_as_dear_as_a_configured_one() {
    let settings = Argon2Settings {
        memory_kib: 19_456,
        iterations: 2,
        parallelism: 1,
    };
    let hasher = Hasher::new(settings, Ids::system()).unwrap();
    let missing = |hash: &str| {
        let missing = hasher.missing_work(&PasswordHash(hash.to_owned()));
        missing.map(|params| (params.m_cost(), params.t_cost()))
    };
    let argon2 = |params: &str| {
        format!("$argon2id$v=19${params}$c29tZXNhbHRzb21lc2FsdA$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA")
    };
    assert_eq!(missing(&argon2("m=19456,t=2,p=1")), None);
    assert_eq!(missing(&argon2("m=9728,t=2,p=1")), Some((9728, 2)));
    assert_eq!(missing(&argon2("m=19456,t=1,p=4")), Some((9728, 2)));
    assert_eq!(missing(&argon2("m=65536,t=3,p=4")), None, "it is dearer");
    let bcrypt = |cost: &str| format!("$2b${cost}$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW");
    assert_eq!(missing(&bcrypt("05")), Some(((38_912 - 61 * 32) / 2, 2)));
    assert_eq!(missing(&bcrypt("10")), None, "it is dearer");
    assert_eq!(missing("hunter2"), None);
}

/// A request that is given up leaves its hash running, which keeps the turn.
#[tokio::test]
async fn one_hash_is_computed_at_a_time_also_after_its_request_was_given_up() {
    let hasher = hasher();
    let (entered, enter) = tokio::sync::oneshot::channel();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let running = tokio::spawn({
        let hasher = hasher.clone();
        async move {
            let work = move || {
                let _ = entered.send(());
                released
                    .recv()
                    .map_err(|_| HashError::Failed(password_hash::Error::Crypto))
            };
            hasher.in_turn(work).await
        }
    });
    enter.await.unwrap();
    running.abort();
    assert!(running.await.unwrap_err().is_cancelled());
    let password = Password::presented("correct horse").unwrap();
    let mut waiting = Box::pin(hasher.hash(&password));
    assert!(futures_util::poll!(&mut waiting).is_pending());
    assert_eq!(hasher.turn.available_permits(), 0, "its thread goes on");
    release.send(()).unwrap();
    waiting.await.unwrap();
}

/// It waits for its turn to hash, as any other does.
#[tokio::test]
async fn without_a_stored_hash_one_is_computed_all_the_same() {
    let hasher = hasher();
    let password = Password::presented("correct horse").unwrap();
    let turn = Arc::clone(&hasher.turn).acquire_owned().await.unwrap();
    let mut unknown = Box::pin(hasher.verify(&password, None));
    assert!(futures_util::poll!(&mut unknown).is_pending());
    drop(turn);
    assert!(!unknown.await.unwrap());
}

#[tokio::test]
async fn an_unreadable_stored_hash_is_an_error_not_a_wrong_password() {
    let stored = PasswordHash("hunter2".to_owned());
    let verdict = hasher()
        .verify(&Password::presented("hunter2").unwrap(), Some(&stored))
        .await;
    assert!(matches!(verdict, Err(HashError::Stored(_))));
}

#[tokio::test]
async fn bcrypt_hashes_of_other_implementations_are_verified() {
    // From crypt_blowfish's own tests, then from Python's bcrypt.
    let long = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    let beyond = format!("{long}chars after 72 are ignored");
    let hash_of_long = "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui";
    for (password, stored) in [
        (
            "U*U",
            "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        ),
        (
            "U*U*",
            "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK",
        ),
        (long, hash_of_long),
        (&beyond, hash_of_long),
        (
            "correct horse battery staple",
            "$2b$05$iX65k7tksf3FNXZbsnxfVeUmEK4OI.M6UOPtKlaU42JMH0kDAQqmu",
        ),
        (
            "pässwörter",
            "$2y$05$CQP/m8qPonOLc88N7R2naOemArDsyu/SO3/LTZrPj3ayWvLIwdftC",
        ),
    ] {
        let stored = PasswordHash::imported(stored).unwrap();
        let verify = async |text: &str| {
            let password = Password::presented(text).unwrap();
            hasher().verify(&password, Some(&stored)).await.unwrap()
        };
        assert!(verify(password).await, "{password}");
        assert!(!verify(&format!("-{password}")).await, "{password}");
        assert!(!verify(&password[1..]).await, "{password}");
        assert!(hasher().is_outdated(&stored));
    }
}

#[tokio::test]
async fn a_nul_neither_ends_a_password_nor_repeats_it() {
    let stored = PasswordHash::imported("$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW");
    let stored = stored.unwrap();
    assert!(
        bcrypt::verify("U*U\0U*U", stored.as_str()).unwrap(),
        "what is guarded against"
    );
    for text in ["U*U\0", "U*U\0U*U", "U*U\0U"] {
        let password = Password::presented(text).unwrap();
        assert!(
            !hasher().verify(&password, Some(&stored)).await.unwrap(),
            "{text:?}"
        );
    }
}

#[tokio::test]
async fn what_differs_from_the_configuration_is_outdated() {
    let hasher = hasher();
    let own = hasher
        .hash(&Password::presented("correct horse").unwrap())
        .await
        .unwrap();
    assert!(!hasher.is_outdated(&own));
    let with = |from: &str, to: &str| PasswordHash(own.0.replace(from, to));
    for stronger in [with("m=64", "m=65"), with("t=1", "t=2"), with("p=1", "p=2")] {
        assert!(hasher.is_outdated(&stronger), "{}", stronger.as_str());
    }
    let mut parts: Vec<_> = own.0.split('$').collect();
    parts[4] = "c2hvcnRzYWx0";
    for weaker in [
        with("m=64", "m=63"),
        with("argon2id", "argon2i"),
        with("v=19", "v=16"),
        with("$v=19", ""),
        PasswordHash(parts.join("$")),
        PasswordHash(own.0[..own.0.len() - 4].to_owned()),
        PasswordHash("hunter2".to_owned()),
    ] {
        assert!(hasher.is_outdated(&weaker), "{}", weaker.as_str());
    }
    let settings = Argon2Settings {
        memory_kib: 64,
        iterations: 2,
        parallelism: 2,
    };
    let raised = Hasher::new(settings, Ids::system()).unwrap();
    for weaker in [with("t=1,p=1", "t=2,p=1"), with("t=1,p=1", "t=1,p=2")] {
        assert!(raised.is_outdated(&weaker), "{}", weaker.as_str());
    }
}
