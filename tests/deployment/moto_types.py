"""Resource types that moto's CloudFormation lacks although moto has their services: created by the service's own call.

CloudFormation's properties of these types are the parameters of that call, with the same names. botocore checks them
against the service's API model, so unknown properties and wrong types are errors here.
"""

import json

import boto3
from moto.core.common_models import CloudFormationModel

# Type: its service, the call, what Ref returns (a member of the call's answer), and the parameter, if any, for a
# generated name.
TYPES = {
    "AWS::ApiGatewayV2::Api": ("apigatewayv2", "create_api", "ApiId", None),
    "AWS::ApiGatewayV2::ApiMapping": ("apigatewayv2", "create_api_mapping", "ApiMappingId", None),
    "AWS::ApiGatewayV2::DomainName": ("apigatewayv2", "create_domain_name", "DomainName", None),
    "AWS::ApiGatewayV2::Integration": ("apigatewayv2", "create_integration", "IntegrationId", None),
    "AWS::ApiGatewayV2::Route": ("apigatewayv2", "create_route", "RouteId", None),
    "AWS::ApiGatewayV2::Stage": ("apigatewayv2", "create_stage", "StageName", None),
    "AWS::CloudWatch::Alarm": ("cloudwatch", "put_metric_alarm", None, "AlarmName"),
    "AWS::Lambda::EventInvokeConfig": ("lambda", "put_function_event_invoke_config", "FunctionArn", None),
    "AWS::S3::BucketPolicy": ("s3", "put_bucket_policy", None, "Bucket"),
    "AWS::SNS::Subscription": ("sns", "subscribe", "SubscriptionArn", None),
    "AWS::Scheduler::Schedule": ("scheduler", "create_schedule", None, "Name"),
    "AWS::SecretsManager::RotationSchedule": ("secretsmanager", "rotate_secret", "ARN", None),
    "AWS::SecretsManager::Secret": ("secretsmanager", "create_secret", "ARN", "Name"),
}


def coerced(value, shape):
    """The value as the call takes it: CloudFormation converts text to numbers and booleans where needed."""
    match shape.type_name:
        case "structure":
            return {name: coerced(member, shape.members[name]) if name in shape.members else member
                    for name, member in value.items()}
        case "map":
            return {name: coerced(member, shape.value) for name, member in value.items()}
        case "list":
            return [coerced(member, shape.member) for member in value]
        case "integer" | "long":
            return int(value)
        case "double" | "float":
            return float(value)
        case "boolean":
            return value if isinstance(value, bool) else {"true": True, "false": False}[value]
        case "string":
            return json.dumps(value) if isinstance(value, dict) else value
        case _:
            return value


# Names that differ.
RENAMED = {"RotateImmediatelyOnUpdate": "RotateImmediately", "PolicyDocument": "Policy"}


def make(kind, service, call, identity, name):
    class Resource(CloudFormationModel):
        __module__ = "tests.moto_types"  # moto sorts its models by their module's second name

        @staticmethod
        def cloudformation_type():
            return kind

        @staticmethod
        def cloudformation_name_type():
            return name or ""

        @classmethod
        def create_from_cloudformation_json(cls, resource_name, cloudformation_json, account_id, region_name, **_):
            client = boto3.client(service, region_name)
            operation = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[call])
            properties = {RENAMED.get(key, key): value for key, value in cloudformation_json["Properties"].items()}
            if name:
                properties.setdefault(name, resource_name)
            if generate := properties.pop("GenerateSecretString", None):
                shape = client.meta.service_model.operation_model("GetRandomPassword").input_shape
                properties["SecretString"] = client.get_random_password(**coerced(generate, shape))["RandomPassword"]
            properties = coerced(properties, operation.input_shape)
            resource = cls()
            resource.answer = {**properties, **getattr(client, call)(**properties)}
            resource.physical_resource_id = resource.answer[identity or name]
            return resource

        @classmethod
        def has_cfn_attr(cls, attr):
            return True

        def get_cfn_attribute(self, attr):
            return ATTRIBUTES[kind, attr](self.answer)

        def is_created(self):
            return True

    return Resource


def alarm_arn(answer):
    alarms = boto3.client("cloudwatch").describe_alarms(AlarmNames=[answer["AlarmName"]])
    return alarms["MetricAlarms"][0]["AlarmArn"]


ATTRIBUTES = {
    ("AWS::ApiGatewayV2::Api", "ApiEndpoint"): lambda answer: answer["ApiEndpoint"],
    # moto's answer lacks these two.
    ("AWS::ApiGatewayV2::DomainName", "RegionalDomainName"): lambda _: "d-0.execute-api.eu-central-1.amazonaws.com",
    ("AWS::ApiGatewayV2::DomainName", "RegionalHostedZoneId"): lambda _: "Z1U9ULNL0V5AJ3",
    ("AWS::CloudWatch::Alarm", "Arn"): alarm_arn,
}

# Keeps them alive while moto looks for them.
RESOURCES = [make(kind, *how) for kind, how in TYPES.items()]
