import { SQSClient, SendMessageCommand } from "@aws-sdk/client-sqs";
import ms from "ms";

const sqs = new SQSClient({});

export const handler = async (event, context) => {
  const body = JSON.stringify({ device: event.device, silence: ms("5m"), by: context.invokedFunctionArn });
  await sqs.send(new SendMessageCommand({ QueueUrl: process.env.QUEUE_URL, MessageBody: body }));
  console.log("told", { device: event.device });
};
