"""Creates the stack of `template.yaml` locally, on moto, and reads its resources and outputs back.

The template is transformed as for `sam deploy`: with all defaults, with one's own archive bucket, and with everything
that parameters can enable. This shows that the transform accepts it, that each reference and condition resolves, and
that each resource's properties are accepted. It does not show permissions, quotas and AWS's further checks.
"""

import io
import json
import os
import pathlib
import re
import warnings
import zipfile

import boto3
import moto
from cfnlint.decode.cfn_yaml import load
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

import moto_types

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
REGION = "eu-central-1"
CODE = {"Bucket": "artifacts", "Key": "code.zip"}
# Everything that is off by default.
EVERYTHING = {
    "Architecture": "x86_64",
    "DeletionProtection": "false",
    "Issuer": "https://login.example.com",
    "DomainName": "auth.example.com",
    "CertificateArn": f"arn:aws:acm:{REGION}:123456789012:certificate/00000000-0000-0000-0000-000000000000",
    "HostedZoneId": "(the test's)",
    "AlarmEmail": "operators@example.com",
    "Introspection": "true",
    "AuditArchiveDays": "365",
    "AllowedOrigins": "https://app.example.com",
    "TrustedProxy": "cloudfront",
    "CloudFrontSecret": "a secret of the test",
    "Tracing": "true",
}
# A dashboard search that lists names: its query, with namespace, metric and names.
SEARCH = re.compile(r"""SEARCH\('({(AWS/\w+),\w+} MetricName="(\w+)" \(("[^"]+"(?: OR "[^"]+")*)\))', '\w+', 300\)""")
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/search-expression-syntax.html
MAX_QUERY_LENGTH = 1024
# Metrics shown for each function.
SHOWN = ["Duration", "Errors", "Throttles", "Invocations"]


def transformed(parameters):
    """The packaged template as CloudFormation transforms it, by the same library."""
    template = load(str(ROOT / "template.yaml"))
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = CODE
    for parameter in template["Parameters"].values():
        # As CloudFormation compares them in conditions.
        parameter["Default"] = str(parameter["Default"])
    defaults = {name: parameter["Default"] for name, parameter in template["Parameters"].items()}
    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name=REGION))
    return json.loads(json.dumps(translator.translate(template, {**defaults, **parameters})))


def create(name, parameters, everything=False):
    """Creates the stack, checks that it is complete, and returns its outputs."""
    template = transformed(parameters)
    cloudformation = boto3.client("cloudformation")
    cloudformation.create_stack(
        StackName=name, TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_IAM"],
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
    )
    stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    assert stack["StackStatus"] == "CREATE_COMPLETE", stack
    resources = cloudformation.describe_stack_resources(StackName=name)["StackResources"]
    # moto returns an empty entry for a resource whose condition is false.
    created = {resource["LogicalResourceId"] for resource in resources if resource.get("LogicalResourceId")}
    expected = {key for key, resource in template["Resources"].items() if everything or "Condition" not in resource}
    assert created == expected, f"missing: {expected - created}, too many: {created - expected}"
    print(f"{name}: {len(created)} resources of {len({r['Type'] for r in template['Resources'].values()})} types")
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def check_outputs(outputs, address, issuer):
    """Checks the outputs that people and scripts use, and where they lead."""
    assert outputs["ApiUrl"] == address and outputs["Issuer"] == issuer, outputs
    assert outputs["JwksUrl"] == f"{address}/.well-known/jwks.json", outputs
    table = boto3.client("dynamodb").describe_table(TableName=outputs["TableName"])["Table"]
    assert table["GlobalSecondaryIndexes"][0]["IndexName"] == "gsi1", table
    function = boto3.client("lambda").get_function(FunctionName=outputs["AdminFunctionName"])["Configuration"]
    assert function["Environment"]["Variables"]["ISSUER"] == issuer, function
    boto3.client("secretsmanager").describe_secret(SecretId=outputs["SigningKeysSecretArn"])
    if "IntrospectionSecretArn" in outputs:
        secret = boto3.client("secretsmanager").get_secret_value(SecretId=outputs["IntrospectionSecretArn"])
        assert len(secret["SecretString"]) == 48 and secret["SecretString"].isalnum(), secret
    boto3.client("sns").get_topic_attributes(TopicArn=outputs["AlarmTopicArn"])


def searched(metrics):
    """The dashboard's search names by namespace and metric; each query must fit a 40-character stack name."""
    found = {}
    for expression in [metric[0].get("expression", "") for metric in metrics if isinstance(metric[0], dict)]:
        if "{AWS/" not in expression:
            continue
        search = SEARCH.fullmatch(expression)
        assert search, f"a search that this test does not understand: {expression}"
        query, namespace, metric, names = search.groups()
        names = re.findall('"([^"]+)"', names)
        # Function names are cut to 64 characters.
        longer = [64 - len(name) if namespace == "AWS/Lambda" else 40 - len("holdfast") for name in names]
        assert len(query) + sum(longer) <= MAX_QUERY_LENGTH, query
        found.setdefault((namespace, metric), []).extend(names)
    return found


def check_observability(topic):
    """Each alarm notifies the topic of its start and end; one dashboard shows each function and each log."""
    cloudwatch = boto3.client("cloudwatch")
    functions = sorted(function["FunctionName"] for function in boto3.client("lambda").list_functions()["Functions"])
    logs = sorted(group["logGroupName"] for group in boto3.client("logs").describe_log_groups()["logGroups"])
    alarms = cloudwatch.describe_alarms()["MetricAlarms"]
    for alarm in alarms:
        assert alarm["AlarmActions"] == alarm["OKActions"] == [topic], alarm
    dashboard = cloudwatch.list_dashboards()["DashboardEntries"][0]["DashboardName"]
    body = cloudwatch.get_dashboard(DashboardName=dashboard)["DashboardBody"]
    assert "${" not in body.replace("${PROP(", ""), body
    widgets = [widget["properties"] for widget in json.loads(body)["widgets"]]
    found = searched([metric for widget in widgets for metric in widget.get("metrics", [])])
    expected = {("AWS/Logs", "IncomingBytes"): logs, **{("AWS/Lambda", metric): functions for metric in SHOWN}}
    for what in found.keys() | expected.keys():
        names, there = sorted(found.get(what, [])), expected.get(what, [])
        assert names == there, f"{what}: {set(names) ^ set(there) or names}"
    listed = {arn for widget in widgets for arn in widget.get("alarms", [])}
    assert listed == {alarm["AlarmArn"] for alarm in alarms}, listed


def check_own_archive(name, bucket):
    """`prune` gets a bucket from outside the stack, which creates none."""
    function = boto3.client("lambda").get_function(FunctionName=name)["Configuration"]
    assert function["Environment"]["Variables"]["AUDIT_ARCHIVE_BUCKET"] == bucket, function
    assert [bucket["Name"] for bucket in boto3.client("s3").list_buckets()["Buckets"]] == [CODE["Bucket"]]


def main():
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=CODE["Bucket"], CreateBucketConfiguration={"LocationConstraint": REGION})
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("bootstrap", "")
    s3.put_object(**CODE, Body=code.getvalue())
    zone = boto3.client("route53").create_hosted_zone(Name="example.com", CallerReference="test")["HostedZone"]["Id"]

    outputs = create("holdfast", {})
    address = outputs["ApiUrl"]
    assert address.startswith("https://") and address.endswith(f".execute-api.{REGION}.amazonaws.com"), outputs
    check_outputs(outputs, address, issuer=address)
    check_observability(outputs["AlarmTopicArn"])

    outputs = create("holdfast-archive", {"AuditArchiveBucket": "our-archive"})
    check_own_archive(outputs["PruneFunctionName"], "our-archive")

    outputs = create("holdfast-all", {**EVERYTHING, "HostedZoneId": zone.split("/")[-1]}, everything=True)
    check_outputs(outputs, "https://auth.example.com", issuer="https://login.example.com")


if __name__ == "__main__":
    warnings.filterwarnings("error", "Tried to parse")  # a type that neither moto nor moto_types knows
    os.environ["AWS_DEFAULT_REGION"] = REGION
    with moto.mock_aws(config={"lambda": {"use_docker": False}}):
        main()
