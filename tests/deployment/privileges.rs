//! Least privilege: the template grants each function exactly what its tests make it use.
//!
//! The local engines check no permissions. So this test reruns the others in a separate process, which records each
//! function's AWS calls, and checks these against the template's statements as IAM would. What only AWS can show (that
//! it reads the statements as this test does) is in docs/operations.md.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use tests::{
    Call, Statement, Trail, grants,
    recorded::{self, Recorded},
};

/// Statements used by AWS on the function's behalf, so that no call of the function shows it.
const USED_BY_OTHERS: [(&str, &str); 2] = [
    ("WriteLogs", "Lambda writes the function's output with its role"),
    (
        "ReportFailedRuns",
        "Lambda reports with its role what failed for good",
    ),
];

/// Itself, what only reads sources, and the property, race and fault tests, which take minutes to do what the others do.
const SKIPPED: [&str; 9] = [
    "privileges::",
    "rooms::",
    "registration::",
    "hostile::",
    "replay::",
    "sequences::",
    "races::",
    "faults::",
    "crashes::",
];

/// Each function's calls during all tests.
fn run_all_tests() -> BTreeMap<String, BTreeSet<Recorded>> {
    let file = tempfile::NamedTempFile::new().unwrap();
    let run = Command::new(std::env::current_exe().unwrap())
        .args(SKIPPED.iter().flat_map(|module| ["--skip", module]))
        .args(["--test-threads", "2"])
        .env(recorded::FILE, file.path())
        .output()
        .unwrap();
    assert!(
        run.status.success(),
        "the recorded tests failed:\n{}",
        String::from_utf8_lossy(&run.stdout)
    );
    recorded::read(file.path())
}

/// Permissions that these calls lack, and permissions beyond them.
fn problems(statements: &[Statement], calls: &BTreeMap<String, BTreeSet<Recorded>>) -> Vec<String> {
    let mut problems = Vec::new();
    let mut used = BTreeSet::new();
    for (function, calls) in calls {
        for call in calls {
            let own = statements
                .iter()
                .filter(|statement| statement.function == *function);
            let mut allowing = own.filter(|statement| statement.allows(call)).peekable();
            if allowing.peek().is_none() {
                problems.push(format!("{function} is not allowed {call}"));
            }
            for statement in allowing {
                let grant = |pattern| {
                    (
                        function.as_str(),
                        statement.sid.as_str(),
                        call.action.as_str(),
                        pattern,
                    )
                };
                used.insert(grant(""));
                used.extend(call.attributes.iter().map(|name| grant(name)));
                used.extend(
                    call.keys
                        .iter()
                        .filter_map(|key| statement.pattern_for(key))
                        .map(grant),
                );
            }
        }
    }
    for statement in statements {
        if USED_BY_OTHERS.iter().any(|(sid, _)| *sid == statement.sid) {
            continue;
        }
        for action in &statement.actions {
            let grant = |pattern| {
                (
                    statement.function.as_str(),
                    statement.sid.as_str(),
                    action.as_str(),
                    pattern,
                )
            };
            if !used.contains(&grant("")) {
                problems.push(format!("{statement} grants {action}, which no test makes it use"));
                continue;
            }
            let granted = statement.keys.iter().chain(&statement.attributes);
            for pattern in granted.map(String::as_str) {
                if !used.contains(&grant(pattern)) {
                    problems.push(format!(
                        "{statement} grants {action} on {pattern}, which no test makes it use"
                    ));
                }
            }
        }
    }
    problems
}

#[test]
fn each_function_may_do_what_it_does_and_nothing_else() {
    let problems = problems(&grants().unwrap(), &run_all_tests());
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// No calls show the use of [`USED_BY_OTHERS`], so this pins what each of them grants.
#[test]
fn what_others_use_is_exactly_what_they_need() {
    let grants = grants().unwrap();
    let of = |sid: &str| {
        let own = grants.iter().filter(|statement| statement.sid == sid);
        own.map(|statement| {
            let actions: Vec<_> = statement.actions.iter().map(String::as_str).collect();
            (statement.function.as_str(), actions, statement.resource.as_str())
        })
        .collect::<BTreeSet<_>>()
    };
    let functions: BTreeSet<_> = grants
        .iter()
        .map(|statement| statement.function.as_str())
        .collect();
    let groups: BTreeMap<_, _> = functions.iter().map(|name| (*name, log_group(name))).collect();
    let expected = groups.iter().map(|(name, group)| {
        let actions = vec!["logs:CreateLogStream", "logs:PutLogEvents"];
        (*name, actions, group.as_str())
    });
    assert_eq!(of("WriteLogs"), expected.collect());
    let reports = ("prune", vec!["sqs:SendMessage"], "DeadLetters.Arn");
    assert_eq!(of("ReportFailedRuns"), BTreeSet::from([reports]));
}

/// Which functions may do this on partitions whose keys begin so.
fn may(grants: &[Statement], action: &str, key: &str) -> BTreeSet<String> {
    let call = Recorded {
        action: format!("dynamodb:{action}"),
        resource: "Table.Arn".to_owned(),
        keys: BTreeSet::from([key.to_owned()]),
        attributes: BTreeSet::new(),
        returns: "NONE".to_owned(),
    };
    let allowing = grants.iter().filter(|statement| statement.allows(&call));
    allowing.map(|statement| statement.function.clone()).collect()
}

/// What `docs/security.md` says of the trail, in both directions: who may, and that nobody else may.
#[test]
fn the_trail_is_added_to_and_only_prune_and_admin_delete_from_it() {
    let grants = grants().unwrap();
    let may = |action, key| may(&grants, action, key).into_iter().collect::<Vec<_>>();
    let tell = [
        "admin",
        "login",
        "logout",
        "logout-all",
        "refresh",
        "rename",
        "revoke",
    ];
    assert_eq!(may("PutItem", "TRAIL#"), tell);
    assert_eq!(may("DeleteItem", "TRAIL#"), ["admin", "prune"]);
    assert_eq!(may("UpdateItem", "TRAIL#"), [""; 0]);
    assert_eq!(may("PutItem", "USER#"), ["admin", "login"]);
    assert_eq!(may("UpdateItem", "UNKNOWN#"), [""; 0]);
    assert_eq!(may("DeleteItem", "UNKNOWN#"), [""; 0]);
    let actions = grants.iter().flat_map(|statement| &statement.actions);
    let batches: Vec<_> = actions
        .filter(|action| action.ends_with("BatchWriteItem") || action.contains('*'))
        .collect();
    assert!(batches.is_empty(), "{batches:?}");
}

/// `LogoutAllLogGroup.Arn` of `logout-all`.
fn log_group(function: &str) -> String {
    let words = function
        .split('-')
        .map(|word| word[..1].to_uppercase() + &word[1..]);
    format!("{}LogGroup.Arn", words.collect::<String>())
}

#[tokio::test]
async fn prune_without_an_archive_needs_nothing_of_what_an_archive_adds() {
    let trail = Trail::new().await;
    trail.write(trail.newest()).await;
    trail.service.calls.take();
    assert_eq!(trail.prune().await.events_removed, 1);
    let grants = grants().unwrap();
    let granted = |call: &Recorded| {
        let always = |statement: &&Statement| statement.function == "prune" && !statement.is_optional;
        grants
            .iter()
            .filter(always)
            .any(|statement| statement.allows(call))
    };
    let needed: Vec<_> = trail.service.calls.take().iter().flat_map(Call::needs).collect();
    assert!(needed.len() > 48, "{needed:?}");
    for call in needed {
        assert!(granted(&call), "prune is not allowed {call}");
    }
}

#[test]
fn what_is_missing_and_what_is_too_much_is_found() {
    let statement = Statement {
        function: "list".to_owned(),
        sid: "Read".to_owned(),
        is_optional: false,
        actions: vec!["dynamodb:Query".to_owned()],
        resource: "Table.Arn".to_owned(),
        keys: vec!["USER#*".to_owned(), "KEYS".to_owned()],
        attributes: Vec::new(),
        returns: Vec::new(),
    };
    let found = |function: &str, action: &str, resource: &str, keys: &[&str]| {
        let call = Recorded {
            action: action.to_owned(),
            resource: resource.to_owned(),
            keys: keys.iter().map(|&key| key.to_owned()).collect(),
            attributes: BTreeSet::new(),
            returns: String::new(),
        };
        let calls = BTreeMap::from([(function.to_owned(), BTreeSet::from([call]))]);
        problems(std::slice::from_ref(&statement), &calls)
    };
    let query = "dynamodb:Query";
    assert!(found("list", query, "Table.Arn", &["USER#", "KEYS"]).is_empty());
    let unused = found("list", query, "Table.Arn", &["USER#"]);
    assert_eq!(
        unused,
        ["list: Read grants dynamodb:Query on KEYS, which no test makes it use"]
    );
    for (function, action, resource, keys) in [
        ("login", query, "Table.Arn", ["USER#"]),
        ("list", "dynamodb:GetItem", "Table.Arn", ["USER#"]),
        ("list", query, "${Table.Arn}/index/gsi1", ["USER#"]),
        ("list", query, "Table.Arn", ["EMAIL#"]),
        ("list", query, "Table.Arn", ["KEYS#"]),
    ] {
        let problems = found(function, action, resource, &keys);
        assert!(problems[0].contains("is not allowed"), "{problems:?}");
        assert!(problems[1].contains("which no test makes it use"), "{problems:?}");
    }
}

/// What `docs/security.md` says of `ticket`: it opens sessions, and neither reads nor writes a password.
#[test]
fn ticket_names_no_password_and_gets_nothing_back() {
    let grants = grants().unwrap();
    let allows = |attributes: &[&str], returns: &str| {
        let call = Recorded {
            action: "dynamodb:UpdateItem".to_owned(),
            resource: "Table.Arn".to_owned(),
            keys: BTreeSet::from(["EMAIL#".to_owned()]),
            attributes: attributes.iter().map(|&name| name.to_owned()).collect(),
            returns: returns.to_owned(),
        };
        let mut own = grants.iter().filter(|statement| statement.function == "ticket");
        own.any(|statement| statement.allows(&call))
    };
    let needed = ["pk", "sk", "tickets", "is_active"];
    assert!(allows(&needed, "NONE"));
    for returns in ["ALL_OLD", "ALL_NEW", "UPDATED_OLD", "UPDATED_NEW"] {
        assert!(!allows(&needed, returns), "{returns}");
    }
    for other in ["password_hash", "login_sequence", "user_id", "email"] {
        assert!(!allows(&[&needed[..], &[other]].concat(), "NONE"), "{other}");
    }
    assert_eq!(
        may(&grants, "GetItem", "EMAIL#").into_iter().collect::<Vec<_>>(),
        ["admin", "login"]
    );
}
