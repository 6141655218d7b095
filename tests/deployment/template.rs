//! The template is complete: every function is deployed with all its resources and the variables that it reads.

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

/// Maximum number of metrics per alarm
/// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-limits.html>).
const MAX_METRICS_PER_ALARM: usize = 10;

/// Alarms that a function lacks, and why.
const WITHOUT_AN_ALARM: [(&str, &str, &str); 1] = [(
    "prune",
    "Duration",
    "it stops by itself before its time-out, and goes on the next day",
)];

/// Variables that are read but not set, and why.
const NOT_GIVEN: [(&str, &str); 5] = [
    ("INTROSPECTION_SECRETS", "on a developer's machine only"),
    ("LOG_FORMAT", "CloudWatch reads JSON, the default"),
    ("SIGNING_KEYS_FILE", "on a developer's machine only"),
    (
        "TIMEOUT_FACTOR",
        "for tests only: a release build does not read it",
    ),
    ("WARM_UP", "for measuring only"),
];

/// The variables useful to us that an HTTP API's access log may name: API Gateway rejects a stage that names unknown
/// ones (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging-variables.html>).
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

/// The names of all functions.
fn names() -> BTreeSet<String> {
    registry::ALL
        .iter()
        .map(|function| function.name.to_owned())
        .collect()
}

/// The functions' logical ids, by binary.
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
        assert_eq!(functions.keys().cloned().collect::<BTreeSet<_>>(), names());
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

/// The routes, each with the logical id of its function: `GET/api/v1/sessions/me`.
fn routes(root: &Node<'_>) -> Result<BTreeSet<(String, String)>, Error> {
    let mut routes = BTreeSet::new();
    for (_, resource) in root.get("Resources")?.entries()? {
        if resource.get("Type")?.text()? == "AWS::ApiGatewayV2::Route" {
            let route = resource.get("Properties")?;
            let target = route.get("Target")?.argument()?;
            let integration = target.trim_start_matches("integrations/${").trim_end_matches('}');
            let integration = properties(root, integration, "AWS::ApiGatewayV2::Integration")?;
            let function = integration.get("IntegrationUri")?.argument()?.to_owned();
            let key = route.get("RouteKey")?.text()?.replacen(' ', "", 1);
            routes.insert((function.trim_end_matches(".Arn").to_owned(), key));
        }
    }
    Ok(routes)
}

#[test]
fn the_routes_are_those_of_the_operations() {
    template(|root| {
        let mut found = BTreeSet::new();
        let binaries: BTreeMap<_, _> = functions(root)?
            .into_iter()
            .map(|(binary, id)| (id, binary))
            .collect();
        for (function, route) in routes(root)? {
            found.insert((binaries[&function].clone(), route));
        }
        let declared: BTreeSet<_> = registry::endpoints()
            .map(|endpoint| {
                let route = endpoint.operation.route;
                (
                    endpoint.function.name.to_owned(),
                    format!("{}{}", route.method, route.path),
                )
            })
            .collect();
        assert_eq!(found, declared);
        Ok(())
    });
}

#[test]
fn the_gateway_may_invoke_each_function_for_its_routes() {
    template(|root| {
        let routes = routes(root)?;
        let mut permitted = BTreeSet::new();
        for (id, resource) in root.get("Resources")?.entries()? {
            if resource.get("Type")?.text()? == "AWS::Lambda::Permission" && !id.starts_with("RotateKeys") {
                let properties = resource.get("Properties")?;
                let source = properties.get("SourceArn")?.argument()?;
                let (_, route) = source.split_once("${HttpApi}/*/").unwrap_or_default();
                // A path parameter is a `*` in the ARN.
                let function = properties.get("FunctionName")?.argument()?.to_owned();
                permitted.insert((function, route.to_owned()));
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

/// The `AWS/Lambda` metrics that alarms watch, each with its function's logical id.
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

/// The metrics that an alarm's expression uses.
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

/// All variables that `Config` can read.
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

#[test]
fn variables_that_only_some_functions_need_are_given_to_those() {
    template(|root| {
        let of_some: BTreeSet<_> = registry::ALL
            .iter()
            .flat_map(|function| function.variables())
            .collect();
        for (binary, id) in functions(root)? {
            let given = given_variables(&properties(root, &id, "AWS::Serverless::Function")?)?;
            let needed = registry::function(&binary).variables();
            for &variable in &of_some {
                assert_eq!(
                    given.contains(variable),
                    needed.contains(variable),
                    "{binary}: {variable}"
                );
            }
        }
        Ok(())
    });
}
