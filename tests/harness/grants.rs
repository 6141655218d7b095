//! What the template permits each function, and whether that covers a call: as much of IAM's evaluation as the
//! template uses.

use std::{fmt, path::Path};

use local::{
    error::Error,
    template::{self, Node},
};

use crate::recorded::Recorded;

/// The policy for sending traces.
const TRACING: &str = "TracingPolicy";

/// A statement of a function's role. Always an Allow: the template has no Deny.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The function's binary.
    pub function: String,
    /// Its `Sid`.
    pub sid: String,
    /// Whether a parameter enables it.
    pub is_optional: bool,
    /// Its actions, no wildcards, with service: `dynamodb:PutItem`.
    pub actions: Vec<String>,
    /// Its resource: `Table.Arn` for `!GetAtt Table.Arn`.
    pub resource: String,
    /// The `dynamodb:LeadingKeys` patterns; each key must match one. Empty if any key is allowed.
    pub keys: Vec<String>,
    /// The `dynamodb:Attributes` that a call may name. Empty if it may name any.
    pub attributes: Vec<String>,
    /// The `dynamodb:ReturnValues` or `dynamodb:Select` that a call may ask for. Empty if it may ask for any.
    pub returns: Vec<String>,
}

/// What a statement's conditions demand.
#[derive(Default)]
struct Conditions {
    keys: Vec<String>,
    attributes: Vec<String>,
    returns: Vec<String>,
}

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.function, self.sid)
    }
}

/// The statements of all functions' roles.
///
/// # Errors
///
/// Names the place in the template that this code does not understand.
pub fn grants() -> Result<Vec<Statement>, Error> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../template.yaml");
    let yaml = std::fs::read_to_string(&path).map_err(|source| Error::File {
        action: "read",
        path,
        source,
    })?;
    template::read(&yaml, |root| {
        let resources = root.get("Resources")?;
        let mut statements = Vec::new();
        for (id, resource) in resources.entries()? {
            match resource.get("Type")?.text()? {
                "AWS::Serverless::Function" => statements.extend(of_function(&resources, &resource)?),
                // A policy that attaches itself to roles would go unnoticed.
                "AWS::IAM::ManagedPolicy" if id == TRACING => only_traces(&resource.get("Properties")?)?,
                kind if kind.starts_with("AWS::IAM::") && kind != "AWS::IAM::Role" => {
                    return Err(resource.error("is a policy that is not understood here"));
                }
                _ => {}
            }
        }
        Ok(statements)
    })
}

fn of_function(resources: &Node<'_>, function: &Node<'_>) -> Result<Vec<Statement>, Error> {
    let binary = function
        .get("Metadata")?
        .get("BuildProperties")?
        .get("Binary")?
        .text()?;
    let role = function.get("Properties")?.get("Role")?;
    let role = role.argument()?.trim_end_matches(".Arn");
    let role = resources.get(role)?.get("Properties")?;
    for (name, property) in role.entries()? {
        match name {
            "AssumeRolePolicyDocument" | "Policies" => {}
            "ManagedPolicyArns" if is_tracing(&property)? => {}
            _ => return Err(property.error("is not understood here")),
        }
    }
    let policies = role.get("Policies")?;
    let mut statements = Vec::new();
    for policy in policies.items()? {
        for node in policy.get("PolicyDocument")?.get("Statement")?.items()? {
            // Optional statements are treated as enabled.
            let switched_on = node.if_true();
            let is_optional = switched_on.is_some();
            statements.push(statement(binary, is_optional, &switched_on.unwrap_or(node))?);
        }
    }
    Ok(statements)
}

/// Whether the managed policies are only the one for sending traces, while tracing is enabled.
fn is_tracing(policies: &Node<'_>) -> Result<bool, Error> {
    let Some(policies) = policies.if_true() else {
        return Ok(false);
    };
    let mut names = Vec::new();
    for policy in policies.items()? {
        names.push(policy.argument()?);
    }
    Ok(names == [TRACING])
}

fn only_traces(policy: &Node<'_>) -> Result<(), Error> {
    for (name, property) in policy.entries()? {
        if !["Description", "PolicyDocument"].contains(&name) {
            return Err(property.error("is not understood here"));
        }
    }
    for statement in policy.get("PolicyDocument")?.get("Statement")?.items()? {
        for action in statement.get("Action")?.items()? {
            if !["xray:PutTraceSegments", "xray:PutTelemetryRecords"].contains(&action.text()?) {
                return Err(action.error("is more than traces need"));
            }
        }
    }
    Ok(())
}

fn statement(function: &str, is_optional: bool, node: &Node<'_>) -> Result<Statement, Error> {
    for (name, value) in node.entries()? {
        match name {
            "Sid" | "Action" | "Resource" | "Condition" => {}
            "Effect" if value.text()? == "Allow" => {}
            _ => return Err(value.error("is not understood here")),
        }
    }
    let mut actions = Vec::new();
    for action in node.get("Action")?.items()? {
        let text = action.text()?;
        if text.contains(['*', '?']) {
            return Err(action.error("allows more than one action"));
        }
        actions.push(text.to_owned());
    }
    let conditions = match node.find("Condition")? {
        Some(condition) => conditions(&condition)?,
        None => Conditions::default(),
    };
    let resource = node.get("Resource")?;
    let resource = resource.if_true().unwrap_or(resource);
    Ok(Statement {
        function: function.to_owned(),
        sid: node.get("Sid")?.text()?.to_owned(),
        is_optional,
        actions,
        resource: resource.argument()?.to_owned(),
        keys: conditions.keys,
        attributes: conditions.attributes,
        returns: conditions.returns,
    })
}

fn conditions(condition: &Node<'_>) -> Result<Conditions, Error> {
    let mut found = Conditions::default();
    for (operator, operand) in condition.entries()? {
        for (key, values) in operand.entries()? {
            let items = values.items()?;
            let all = items.iter().map(|value| Ok(value.text()?.to_owned()));
            let all = all.collect::<Result<Vec<_>, Error>>()?;
            match (operator, key) {
                ("ForAllValues:StringLike" | "ForAllValues:StringEquals", "dynamodb:LeadingKeys") => {
                    for (pattern, value) in all.iter().zip(&items) {
                        let wild = pattern.contains(['*', '?']);
                        if wild == operator.ends_with("Equals")
                            || pattern.trim_end_matches('*').contains(['*', '?'])
                        {
                            return Err(value.error("is a pattern that is not understood here"));
                        }
                    }
                    found.keys.extend(all);
                }
                ("ForAllValues:StringEquals", "dynamodb:Attributes") => found.attributes = all,
                ("StringEqualsIfExists", "dynamodb:ReturnValues" | "dynamodb:Select") => found.returns = all,
                _ => return Err(operand.error("is a condition that is not understood here")),
            }
        }
    }
    Ok(found)
}

impl Statement {
    /// Whether it allows a function's call.
    #[must_use]
    pub fn allows(&self, call: &Recorded) -> bool {
        let one_of = |allowed: &[String], value: &String| allowed.is_empty() || allowed.contains(value);
        let one_of_ours = |key: &String| self.keys.is_empty() || self.pattern_for(key).is_some();
        self.actions.contains(&call.action)
            && self.resource == call.resource
            && call.keys.iter().all(one_of_ours)
            && call.attributes.iter().all(|name| one_of(&self.attributes, name))
            && one_of(&self.returns, &call.returns)
    }

    /// The pattern that a partition key matches.
    #[must_use]
    pub fn pattern_for(&self, key: &str) -> Option<&str> {
        let matching = |pattern: &&String| match pattern.strip_suffix('*') {
            Some(prefix) => key.starts_with(prefix),
            None => key == pattern.as_str(),
        };
        self.keys.iter().find(matching).map(String::as_str)
    }
}
