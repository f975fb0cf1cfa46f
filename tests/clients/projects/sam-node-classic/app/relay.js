const { DynamoDB } = require("@aws-sdk/client-dynamodb");
const dynamodb = new DynamoDB({});

exports.handler = function (event, context, callback) {
  const mail = JSON.parse(event.Records[0].body);
  const item = { id: { S: mail.id }, left: { BOOL: context.getRemainingTimeInMillis() > 0 } };
  dynamodb.putItem({ TableName: process.env.TABLE, Item: item }).then(() => callback(null, "done"), callback);
};
