"""An S3 server on this machine, which checks the signature of every request."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import httpx
from moto.server import ThreadedMotoServer

from shop.kit.secret import Secret
from shop.settings import Images

BUCKET, REGION = "shop-images", "eu-central-1"
ALL_OF_S3 = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}


@contextmanager
def s3_server() -> Iterator[Images]:
    """Run the server with a bucket and a user; gives the settings that lead there."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    try:
        client: Any = {"endpoint_url": url, "region_name": REGION, "aws_access_key_id": "root", "aws_secret_access_key": "root"}
        boto3.client("s3", **client).create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        iam = boto3.client("iam", **client)
        iam.create_user(UserName="shop")
        iam.put_user_policy(UserName="shop", PolicyName="s3", PolicyDocument=json.dumps(ALL_OF_S3))
        key = iam.create_access_key(UserName="shop")["AccessKey"]
        httpx.post(f"{url}/moto-api/reset-auth", content=b"0", headers={"Content-Type": "text/plain"}).raise_for_status()
        yield Images(f"s3://{BUCKET}/products", url, REGION, key["AccessKeyId"], Secret(key["SecretAccessKey"]))
    finally:
        httpx.post(f"{url}/moto-api/reset-auth", content=b"inf", headers={"Content-Type": "text/plain"})
        server.stop()
