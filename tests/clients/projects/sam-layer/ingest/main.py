import os

import boto3
from tariffs import price

s3 = boto3.client("s3")


def handler(event, context):
    s3.put_object(Bucket=os.environ["BUCKET"], Key=f"{event['meter']}.txt", Body=str(price(event["kwh"])))
