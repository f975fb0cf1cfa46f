//! The actions of a topic rule, under CloudFormation's names.
//!
//! The API's names differ only in the case of their first letter (`DynamoDBv2` → `dynamoDBv2`), so [`Shape::to_api`]
//! needs no table of exceptions. The API's `salesforce` action, DynamoDB's `operation` and IoT Analytics' `channelArn`
//! have no counterpart in CloudFormation.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-iot-topicrule-action.html>

use crate::shape::{Shape, optional, required};

/// One action; exactly one of its keys may be given, which the rule checks.
pub(super) const ACTION: Shape = Shape::Object(&[
    optional(
        "CloudwatchAlarm",
        Shape::Object(&[
            required("AlarmName", Shape::Text),
            required("RoleArn", Shape::Text),
            required("StateReason", Shape::Text),
            required("StateValue", Shape::Text),
        ]),
    ),
    optional(
        "CloudwatchLogs",
        Shape::Object(&[
            optional("BatchMode", Shape::Bool),
            required("LogGroupName", Shape::Text),
            required("RoleArn", Shape::Text),
        ]),
    ),
    optional(
        "CloudwatchMetric",
        Shape::Object(&[
            required("MetricName", Shape::Text),
            required("MetricNamespace", Shape::Text),
            optional("MetricTimestamp", Shape::Text),
            required("MetricUnit", Shape::Text),
            required("MetricValue", Shape::Text),
            required("RoleArn", Shape::Text),
        ]),
    ),
    optional(
        "DynamoDB",
        Shape::Object(&[
            required("HashKeyField", Shape::Text),
            optional("HashKeyType", Shape::Choice(&["NUMBER", "STRING"])),
            required("HashKeyValue", Shape::Text),
            optional("PayloadField", Shape::Text),
            optional("RangeKeyField", Shape::Text),
            optional("RangeKeyType", Shape::Choice(&["NUMBER", "STRING"])),
            optional("RangeKeyValue", Shape::Text),
            required("RoleArn", Shape::Text),
            required("TableName", Shape::Text),
        ]),
    ),
    optional(
        "DynamoDBv2",
        Shape::Object(&[
            optional("PutItem", Shape::Object(&[required("TableName", Shape::Text)])),
            optional("RoleArn", Shape::Text),
        ]),
    ),
    optional(
        "Elasticsearch",
        Shape::Object(&[
            required("Endpoint", Shape::Text),
            required("Id", Shape::Text),
            required("Index", Shape::Text),
            required("RoleArn", Shape::Text),
            required("Type", Shape::Text),
        ]),
    ),
    optional(
        "Firehose",
        Shape::Object(&[
            optional("BatchMode", Shape::Bool),
            required("DeliveryStreamName", Shape::Text),
            required("RoleArn", Shape::Text),
            optional("Separator", Shape::Text),
        ]),
    ),
    optional(
        "Http",
        Shape::Object(&[
            optional(
                "Auth",
                Shape::Object(&[optional(
                    "Sigv4",
                    Shape::Object(&[
                        required("RoleArn", Shape::Text),
                        required("ServiceName", Shape::Text),
                        required("SigningRegion", Shape::Text),
                    ]),
                )]),
            ),
            optional(
                "BatchConfig",
                Shape::Object(&[
                    optional("BatchAcrossTopics", Shape::Bool),
                    optional("MaxBatchOpenMs", Shape::Integer(5, 200)),
                    optional("MaxBatchSize", Shape::Integer(2, 10)),
                    optional("MaxBatchSizeBytes", Shape::Integer(100, 131072)),
                ]),
            ),
            optional("ConfirmationUrl", Shape::Text),
            optional("EnableBatching", Shape::Bool),
            optional(
                "Headers",
                Shape::List(&Shape::Object(&[required("Key", Shape::Text), required("Value", Shape::Text)])),
            ),
            required("Url", Shape::Text),
        ]),
    ),
    optional(
        "InfluxDB",
        Shape::Object(&[
            optional(
                "BatchConfig",
                Shape::Object(&[
                    optional("BatchAcrossTopics", Shape::Bool),
                    optional("MaxBatchOpenMs", Shape::Integer(5, 1000)),
                    optional("MaxBatchSize", Shape::Integer(1, 500)),
                    optional("MaxBatchSizeBytes", Shape::Integer(100, 131072)),
                ]),
            ),
            required("DatabaseName", Shape::Text),
            required("DestinationArn", Shape::Text),
            optional("Organization", Shape::Text),
            required("RoleArn", Shape::Text),
            required("TableName", Shape::Text),
            optional("Tags", Shape::TextMap),
            optional("TimestampUnit", Shape::Choice(&["ms", "ns", "s", "us"])),
        ]),
    ),
    optional(
        "IotAnalytics",
        Shape::Object(&[
            optional("BatchMode", Shape::Bool),
            required("ChannelName", Shape::Text),
            required("RoleArn", Shape::Text),
        ]),
    ),
    optional(
        "IotEvents",
        Shape::Object(&[
            optional("BatchMode", Shape::Bool),
            required("InputName", Shape::Text),
            optional("MessageId", Shape::Text),
            required("RoleArn", Shape::Text),
        ]),
    ),
    optional(
        "IotSiteWise",
        Shape::Object(&[
            required(
                "PutAssetPropertyValueEntries",
                Shape::List(&Shape::Object(&[
                    optional("AssetId", Shape::Text),
                    optional("EntryId", Shape::Text),
                    optional("PropertyAlias", Shape::Text),
                    optional("PropertyId", Shape::Text),
                    required(
                        "PropertyValues",
                        Shape::List(&Shape::Object(&[
                            optional("Quality", Shape::Text),
                            required(
                                "Timestamp",
                                Shape::Object(&[
                                    optional("OffsetInNanos", Shape::Text),
                                    required("TimeInSeconds", Shape::Text),
                                ]),
                            ),
                            required(
                                "Value",
                                Shape::Object(&[
                                    optional("BooleanValue", Shape::Text),
                                    optional("DoubleValue", Shape::Text),
                                    optional("IntegerValue", Shape::Text),
                                    optional("StringValue", Shape::Text),
                                ]),
                            ),
                        ])),
                    ),
                ])),
            ),
            required("RoleArn", Shape::Text),
        ]),
    ),
    optional(
        "Kafka",
        Shape::Object(&[
            required("ClientProperties", Shape::TextMap),
            required("DestinationArn", Shape::Text),
            optional(
                "Headers",
                Shape::List(&Shape::Object(&[required("Key", Shape::Text), required("Value", Shape::Text)])),
            ),
            optional("Key", Shape::Text),
            optional("Partition", Shape::Text),
            required("Topic", Shape::Text),
        ]),
    ),
    optional(
        "Kinesis",
        Shape::Object(&[
            optional("PartitionKey", Shape::Text),
            required("RoleArn", Shape::Text),
            required("StreamName", Shape::Text),
        ]),
    ),
    optional("Lambda", Shape::Object(&[optional("FunctionArn", Shape::Text)])),
    optional(
        "Location",
        Shape::Object(&[
            required("DeviceId", Shape::Text),
            required("Latitude", Shape::Text),
            required("Longitude", Shape::Text),
            required("RoleArn", Shape::Text),
            optional("Timestamp", Shape::Object(&[optional("Unit", Shape::Text), required("Value", Shape::Text)])),
            required("TrackerName", Shape::Text),
        ]),
    ),
    optional(
        "OpenSearch",
        Shape::Object(&[
            required("Endpoint", Shape::Text),
            required("Id", Shape::Text),
            required("Index", Shape::Text),
            required("RoleArn", Shape::Text),
            required("Type", Shape::Text),
        ]),
    ),
    optional(
        "Republish",
        Shape::Object(&[
            optional(
                "Headers",
                Shape::Object(&[
                    optional("ContentType", Shape::Text),
                    optional("CorrelationData", Shape::Text),
                    optional("MessageExpiry", Shape::Text),
                    optional("PayloadFormatIndicator", Shape::Text),
                    optional("ResponseTopic", Shape::Text),
                    optional(
                        "UserProperties",
                        Shape::List(&Shape::Object(&[required("Key", Shape::Text), required("Value", Shape::Text)])),
                    ),
                ]),
            ),
            optional("Qos", Shape::Integer(0, 1)),
            required("RoleArn", Shape::Text),
            required("Topic", Shape::Text),
        ]),
    ),
    optional(
        "S3",
        Shape::Object(&[
            required("BucketName", Shape::Text),
            optional(
                "CannedAcl",
                Shape::Choice(&[
                    "private",
                    "public-read",
                    "public-read-write",
                    "aws-exec-read",
                    "authenticated-read",
                    "bucket-owner-read",
                    "bucket-owner-full-control",
                    "log-delivery-write",
                ]),
            ),
            required("Key", Shape::Text),
            required("RoleArn", Shape::Text),
        ]),
    ),
    optional(
        "Sns",
        Shape::Object(&[
            optional("MessageFormat", Shape::Choice(&["JSON", "RAW"])),
            required("RoleArn", Shape::Text),
            required("TargetArn", Shape::Text),
        ]),
    ),
    optional(
        "Sqs",
        Shape::Object(&[
            required("QueueUrl", Shape::Text),
            required("RoleArn", Shape::Text),
            optional("UseBase64", Shape::Bool),
        ]),
    ),
    optional(
        "StepFunctions",
        Shape::Object(&[
            optional("ExecutionNamePrefix", Shape::Text),
            required("RoleArn", Shape::Text),
            required("StateMachineName", Shape::Text),
        ]),
    ),
    optional(
        "Timestream",
        Shape::Object(&[
            required("DatabaseName", Shape::Text),
            required(
                "Dimensions",
                Shape::List(&Shape::Object(&[required("Name", Shape::Text), required("Value", Shape::Text)])),
            ),
            required("RoleArn", Shape::Text),
            required("TableName", Shape::Text),
            optional("Timestamp", Shape::Object(&[required("Unit", Shape::Text), required("Value", Shape::Text)])),
        ]),
    ),
]);
