//! The template is whole: every function is deployed with what belongs to it, and is given the variables that it reads.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use local::{
    error::Error,
    template::{self, Node},
};
use shared::runtime::config::Config;

/// Functions that no request of the API reaches, and why.
const WITHOUT_A_ROUTE: [(&str, &str); 4] = [
    ("admin", "operators invoke it, and it asks for no password"),
    ("authorizer", "the gateways of the app's other APIs invoke it"),
    ("prune", "the scheduler invokes it"),
    (
        "rotate-keys",
        "Secrets Manager invokes it, and operators in an emergency",
    ),
];

/// How many metrics one alarm takes at most
/// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-limits.html>).
const MAX_METRICS_PER_ALARM: usize = 10;

/// Alarms that a function does without, and why.
const WITHOUT_AN_ALARM: [(&str, &str, &str); 1] = [(
    "prune",
    "Duration",
    "it stops by itself before its time-out, and goes on the next day",
)];

/// Variables that are read but not given, and why.
const NOT_GIVEN: [(&str, &str); 2] = [
    ("SIGNING_KEYS_FILE", "on a developer's machine only"),
    ("WARM_UP", "for measuring only"),
];

/// Variables that only some functions need, and what is in the sources of those that do.
const NEEDED_BY: [(&str, &[&str]); 16] = [
    ("TRUSTED_PROXY", &["http::origin("]),
    ("CLOUDFRONT_SECRET", &["http::origin("]),
    (
        "SIGNING_KEYS_SECRET_ID",
        &["run_signing(", "aws_sdk_secretsmanager"],
    ),
    ("ARGON2_MEMORY_KIB", &["Hasher::new("]),
    ("ARGON2_ITERATIONS", &["Hasher::new("]),
    ("ARGON2_PARALLELISM", &["Hasher::new("]),
    ("RATE_LIMIT_LOGIN_IP", &["limiter.login("]),
    ("RATE_LIMIT_LOGIN_GUESSES", &["limiter.guess("]),
    ("RATE_LIMIT_LOGIN_ACCOUNT", &["limiter.guess("]),
    ("RATE_LIMIT_LIST", &["Rule::List"]),
    ("RATE_LIMIT_REVOKE", &["Rule::Revoke"]),
    ("RATE_LIMIT_CLEANUP", &["Rule::Cleanup"]),
    (
        "AUTHORIZER_MAX_STALENESS_SECONDS",
        &["config.authorizer_max_staleness_seconds"],
    ),
    ("AUDIT_RETENTION_DAYS", &["config.audit_retention_days"]),
    ("AUDIT_ARCHIVE_BUCKET", &["config.audit_archive_bucket"]),
    (
        "PRUNE_WRITE_UNITS_PER_SECOND",
        &["config.prune_write_units_per_second"],
    ),
];

/// What an access log of an HTTP API may name, of what ours could want: API Gateway refuses to make a stage with any
/// other (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging-variables.html>).
const LOGGED: [&str; 14] = [
    "$context.error.messageString",
    "$context.error.responseType",
    "$context.httpMethod",
    "$context.identity.sourceIp",
    "$context.integrationErrorMessage",
    "$context.integrationLatency",
    "$context.integrationStatus",
    "$context.protocol",
    "$context.requestId",
    "$context.requestTimeEpoch",
    "$context.responseLatency",
    "$context.responseLength",
    "$context.routeKey",
    "$context.status",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Runs `check` on the template.
fn template(check: impl FnOnce(&Node<'_>) -> Result<(), Error>) {
    let yaml = std::fs::read_to_string(root().join("template.yaml")).unwrap();
    template::read(&yaml, |root| check(&root)).unwrap();
}

/// The folders under `functions/`.
fn folders() -> BTreeSet<String> {
    let folders = std::fs::read_dir(root().join("functions")).unwrap();
    folders
        .map(|folder| folder.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// The functions' logical ids, by their binaries.
fn functions(root: &Node<'_>) -> Result<BTreeMap<String, String>, Error> {
    let mut functions = BTreeMap::new();
    for (id, resource) in root.get("Resources")?.entries()? {
        if resource.get("Type")?.text()? == "AWS::Serverless::Function" {
            let binary = resource
                .get("Metadata")?
                .get("BuildProperties")?
                .get("Binary")?
                .text()?;
            functions.insert(binary.to_owned(), id.to_owned());
        }
    }
    Ok(functions)
}

/// The properties of a resource, which must have this type.
fn properties<'a>(root: &Node<'a>, id: &str, kind: &str) -> Result<Node<'a>, Error> {
    let resource = root.get("Resources")?.get(id)?;
    let found = resource.get("Type")?;
    if found.text()? == kind {
        resource.get("Properties")
    } else {
        Err(found.error(format!("expected {kind}")))
    }
}

#[test]
fn every_function_has_its_own_role_and_log_group() {
    template(|root| {
        let functions = functions(root)?;
        assert_eq!(functions.keys().cloned().collect::<BTreeSet<_>>(), folders());
        for (binary, id) in functions {
            let name = id.strip_suffix("Function").unwrap();
            let function = properties(root, &id, "AWS::Serverless::Function")?;
            assert_eq!(function.get("CodeUri")?.text()?, format!("functions/{binary}/"));
            assert_eq!(function.get("Role")?.argument()?, format!("{name}Role.Arn"));
            assert_eq!(
                function.get("LoggingConfig")?.get("LogGroup")?.argument()?,
                format!("{name}LogGroup")
            );
            properties(root, &format!("{name}Role"), "AWS::IAM::Role")?;
            let group = properties(root, &format!("{name}LogGroup"), "AWS::Logs::LogGroup")?;
            assert_eq!(
                group.get("LogGroupName")?.argument()?,
                format!("/aws/lambda/${{AWS::StackName}}-{binary}")
            );
            group.get("RetentionInDays")?;
        }
        Ok(())
    });
}

#[test]
fn every_function_has_a_route_or_a_reason_for_none() {
    template(|root| {
        let mut without: BTreeSet<_> = folders();
        for (binary, id) in functions(root)? {
            let route = format!("{}Route", id.trim_end_matches("Function"));
            if root.get("Resources")?.find(&route)?.is_some() {
                without.remove(&binary);
            }
        }
        let reasons: BTreeSet<_> = WITHOUT_A_ROUTE
            .iter()
            .map(|(name, _)| (*name).to_owned())
            .collect();
        assert_eq!(without, reasons);
        Ok(())
    });
}

#[test]
fn the_gateway_may_invoke_each_function_for_its_routes() {
    template(|root| {
        let (mut routes, mut permitted) = (BTreeSet::new(), BTreeSet::new());
        for (id, resource) in root.get("Resources")?.entries()? {
            let Some(properties) = resource.find("Properties")? else {
                continue;
            };
            match resource.get("Type")?.text()? {
                "AWS::ApiGatewayV2::Route" => {
                    let target = properties.get("Target")?.argument()?;
                    let integration = target.trim_start_matches("integrations/${").trim_end_matches('}');
                    let integration = self::properties(root, integration, "AWS::ApiGatewayV2::Integration")?;
                    let function = integration.get("IntegrationUri")?.argument()?.to_owned();
                    let key = properties.get("RouteKey")?.text()?.replacen(' ', "", 1);
                    routes.insert((function.trim_end_matches(".Arn").to_owned(), key));
                }
                "AWS::Lambda::Permission" if !id.starts_with("RotateKeys") => {
                    let source = properties.get("SourceArn")?.argument()?;
                    let (_, route) = source.split_once("${HttpApi}/*/").unwrap_or_default();
                    // One path of a resource stands for all: a parameter is a star there.
                    let function = properties.get("FunctionName")?.argument()?.to_owned();
                    permitted.insert((function, route.to_owned()));
                }
                _ => {}
            }
        }
        let covers = |permitted: &str, route: &str| match permitted.split_once('*') {
            Some((before, after)) => route.starts_with(before) && route.ends_with(after),
            None => permitted == route,
        };
        for (function, route) in &routes {
            let is_permitted = permitted
                .iter()
                .any(|(of, what)| of == function && covers(what, route));
            assert!(
                is_permitted,
                "nobody may invoke {function} for {route}: {permitted:?}"
            );
        }
        assert!(routes.len() >= 10, "{routes:?}");
        Ok(())
    });
}

#[test]
fn the_access_log_names_only_what_an_http_api_knows() {
    template(|root| {
        let stage = properties(root, "HttpApiStage", "AWS::ApiGatewayV2::Stage")?;
        let format = stage.get("AccessLogSettings")?.get("Format")?.text()?;
        let is_in_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '.';
        let named = format.split("$context").skip(1).map(|rest| {
            let end = rest.find(|letter| !is_in_name(letter)).unwrap_or(rest.len());
            format!("$context{}", &rest[..end])
        });
        let named: Vec<_> = named.collect();
        assert!(!named.is_empty());
        for name in named {
            assert!(LOGGED.contains(&name.as_str()), "{name}");
        }
        Ok(())
    });
}

/// The metrics of `AWS/Lambda` that alarms watch, each with the logical id of the function.
fn watched(root: &Node<'_>) -> Result<BTreeSet<(String, String)>, Error> {
    let mut watched = BTreeSet::new();
    let mut watch = |metric: &Node<'_>| {
        if metric
            .get("Namespace")?
            .text()
            .is_ok_and(|namespace| namespace == "AWS/Lambda")
        {
            for dimension in metric.get("Dimensions")?.items()? {
                let function = dimension.get("Value")?.argument()?.to_owned();
                watched.insert((function, metric.get("MetricName")?.text()?.to_owned()));
            }
        }
        Ok::<_, Error>(())
    };
    for (id, resource) in root.get("Resources")?.entries()? {
        if resource.get("Type")?.text()? != "AWS::CloudWatch::Alarm" {
            continue;
        }
        let alarm = resource.get("Properties")?;
        match alarm.find("Metrics")? {
            None => watch(&alarm)?,
            Some(metrics) => {
                for metric in evaluated(id, &metrics)? {
                    watch(&metric)?;
                }
            }
        }
    }
    Ok(watched)
}

/// The metrics that the expression of an alarm uses.
fn evaluated<'a>(alarm: &str, metrics: &Node<'a>) -> Result<Vec<Node<'a>>, Error> {
    let (mut found, mut expression) = (Vec::new(), String::new());
    for metric in metrics.items()? {
        match metric.find("MetricStat")? {
            Some(stat) => found.push((metric.get("Id")?.text()?, stat.get("Metric")?)),
            None => expression.push_str(metric.get("Expression")?.text()?),
        }
    }
    assert!(
        found.len() <= MAX_METRICS_PER_ALARM,
        "{alarm} has {} metrics",
        found.len()
    );
    let names = |id: &str| {
        let mut words = expression.split(|letter: char| !letter.is_ascii_alphanumeric());
        words.any(|word| word == id)
    };
    let used = found
        .into_iter()
        .filter(|(id, _)| expression.contains("METRICS()") || names(id));
    Ok(used.map(|(_, metric)| metric).collect())
}

#[test]
fn every_function_has_alarms() {
    template(|root| {
        let watched = watched(root)?;
        let mut missing = BTreeSet::new();
        for (binary, id) in functions(root)? {
            for metric in ["Errors", "Throttles", "Duration"] {
                if !watched.contains(&(id.clone(), metric.to_owned())) {
                    missing.insert((binary.clone(), metric));
                }
            }
        }
        let reasons: BTreeSet<_> = WITHOUT_AN_ALARM
            .iter()
            .map(|&(name, metric, _)| (name.to_owned(), metric))
            .collect();
        assert_eq!(missing, reasons);
        Ok(())
    });
}

/// The names that `Config` reads, in any configuration.
fn read_variables() -> BTreeSet<String> {
    let names = RefCell::new(BTreeSet::new());
    for proxy in ["none", "cloudfront"] {
        let _ = Config::from_lookup(|name| {
            names.borrow_mut().insert(name.to_owned());
            (name == "TRUSTED_PROXY").then(|| proxy.to_owned())
        });
    }
    names.into_inner()
}

fn given_variables(place: &Node<'_>) -> Result<BTreeSet<String>, Error> {
    let Some(environment) = place.find("Environment")? else {
        return Ok(BTreeSet::new());
    };
    let variables = environment.get("Variables")?;
    Ok(variables
        .entries()?
        .into_iter()
        .map(|(name, _)| name.to_owned())
        .collect())
}

#[test]
fn the_variables_that_are_given_are_those_that_are_read() {
    template(|root| {
        let mut given = given_variables(&root.get("Globals")?.get("Function")?)?;
        for id in functions(root)?.values() {
            given.extend(given_variables(&properties(
                root,
                id,
                "AWS::Serverless::Function",
            )?)?);
        }
        given.extend(NOT_GIVEN.iter().map(|(name, _)| (*name).to_owned()));
        assert_eq!(given, read_variables());
        Ok(())
    });
}

/// The text of all of a function's sources.
fn sources(binary: &str) -> String {
    let files = std::fs::read_dir(root().join("functions").join(binary).join("src")).unwrap();
    files
        .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap())
        .collect()
}

#[test]
fn variables_that_only_some_functions_need_are_given_to_those() {
    template(|root| {
        for (binary, id) in functions(root)? {
            let given = given_variables(&properties(root, &id, "AWS::Serverless::Function")?)?;
            let sources = sources(&binary);
            for (variable, signs) in NEEDED_BY {
                let needed = signs.iter().any(|sign| sources.contains(sign));
                assert_eq!(given.contains(variable), needed, "{binary}: {variable}");
            }
        }
        Ok(())
    });
}
