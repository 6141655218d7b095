"""Serves AWS APIs (moto) on a free loopback port until standard input ends. Its first output line is the URL.

Secrets Manager requires an existing rotation function and invokes it: the one made here, `rotate-keys`, does nothing,
since the tests perform its steps themselves.
"""

import logging
import sys

import boto3
from moto.core.models import default_user_config
from moto.server import ThreadedMotoServer

logging.getLogger("werkzeug").setLevel(logging.ERROR)
default_user_config["lambda"] = {"use_docker": False}
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
endpoint = f"http://{host}:{port}"

aws = {"endpoint_url": endpoint, "region_name": "us-east-1", "aws_access_key_id": "x", "aws_secret_access_key": "x"}
role = boto3.client("iam", **aws).create_role(RoleName="rotate-keys", AssumeRolePolicyDocument="{}")
boto3.client("lambda", **aws).create_function(
    FunctionName="rotate-keys", Role=role["Role"]["Arn"], PackageType="Image", Code={"ImageUri": "none"},
)

print(endpoint, flush=True)
sys.stdin.read()
