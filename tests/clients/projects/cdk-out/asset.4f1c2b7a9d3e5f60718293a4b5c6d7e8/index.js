"use strict";
const { DynamoDBClient, PutItemCommand } = require("@aws-sdk/client-dynamodb");
const client = new DynamoDBClient({});
exports.handler = async (event) => {
  const item = { id: { S: event.id }, kwh: { N: String(event.kwh) } };
  await client.send(new PutItemCommand({ TableName: process.env.TABLE, Item: item }));
};
