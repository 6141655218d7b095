use super::*;
use crate::template;

#[test]
fn reads_the_routes() {
    let json =
        br#"{"workspace_root": "/repo", "metadata": {"lambda": {"watch": {"concurrency": 4, "router": {
        "/a": [{"method": "GET", "function": "list"}, {"method": "POST", "function": "login"}]}}}}}"#;
    let project = Project::from_metadata(json).unwrap();
    let functions: Vec<_> = project
        .routes
        .iter()
        .map(|r| (r.method.as_str(), r.function.as_str()))
        .collect();
    assert_eq!(functions, [("GET", "list"), ("POST", "login")]);
    assert_eq!(project.root, PathBuf::from("/repo"));
}

#[test]
fn a_workspace_without_routes_is_an_error() {
    let error = Project::from_metadata(br#"{"workspace_root": "/repo", "metadata": null}"#).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("workspace.metadata.lambda.watch.router"),
        "{error}"
    );
}

/// The development server and the deployment have the same routes.
#[tokio::test]
async fn routes_are_those_of_the_template() {
    let project = Project::find().await.unwrap();
    let yaml = std::fs::read_to_string(project.root.join("template.yaml")).unwrap();
    let mut deployed = template::read(&yaml, |root| deployed_routes(&root)).unwrap();
    let mut local = project.routes;
    deployed.sort();
    local.sort();
    assert_eq!(local, deployed);
}

/// Route → integration → function → binary.
fn deployed_routes(root: &template::Node<'_>) -> Result<Vec<Route>, Error> {
    let resources = root.get("Resources")?;
    let mut routes = Vec::new();
    for (_, resource) in resources.entries()? {
        if resource.get("Type")?.text()? != "AWS::ApiGatewayV2::Route" {
            continue;
        }
        let route = resource.get("Properties")?;
        let (method, path) = route.get("RouteKey")?.text()?.split_once(' ').unwrap();
        let integration = route.get("Target")?.argument()?;
        let integration = integration
            .trim_start_matches("integrations/${")
            .trim_end_matches('}');
        let uri = resources
            .get(integration)?
            .get("Properties")?
            .get("IntegrationUri")?
            .argument()?;
        let function = resources.get(uri.trim_end_matches(".Arn"))?;
        let binary = function
            .get("Metadata")?
            .get("BuildProperties")?
            .get("Binary")?
            .text()?;
        routes.push(Route {
            path: path.to_owned(),
            method: method.to_owned(),
            function: binary.to_owned(),
        });
    }
    Ok(routes)
}
