"""Stores a reading, and tells of one that is too hot."""

import json
import os
from decimal import Decimal

import boto3
import iso8601

table = boto3.resource("dynamodb").Table(os.environ["TABLE"])
sqs = boto3.client("sqs")


def store(event, context):
    at = iso8601.parse_date(event["at"])
    celsius = Decimal(str(event["celsius"]))
    table.put_item(Item={"sensor": event["sensor"], "celsius": celsius, "year": at.year, "request": context.aws_request_id})
    if celsius > Decimal(os.environ["HOT_ABOVE"]):
        sqs.send_message(QueueUrl=os.environ["QUEUE_URL"], MessageBody=json.dumps({"hot": event["sensor"]}))
    print(f"stored {event['sensor']}")
    return {"stored": True}
