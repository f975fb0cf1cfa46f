import { CfnDeletionPolicy } from 'aws-cdk-lib';
import { CfnQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { acknowledge } from './acknowledge.js';
import { Backlog } from './alarm.js';

/** The longest that SQS keeps a message: 14 days. */
const RETENTION_SECONDS = 14 * 24 * 60 * 60;

const TLS_IS_THE_CLIENTS = 'No policy lets anybody in but roles of this account, and AWS services and SDKs, which come over TLS';

/** A queue of messages that people look at. It is kept when the stack is deleted. */
export class KeptQueue extends Construct {
  readonly url: string;
  readonly arn: string;
  readonly queueName: string;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    const queue = new CfnQueue(this, 'Resource', { messageRetentionPeriod: RETENTION_SECONDS, sqsManagedSseEnabled: true });
    queue.cfnOptions.deletionPolicy = CfnDeletionPolicy.RETAIN_EXCEPT_ON_CREATE;
    queue.cfnOptions.updateReplacePolicy = CfnDeletionPolicy.RETAIN;
    acknowledge(this, TLS_IS_THE_CLIENTS, 'AwsSolutions-SQS4');
    this.url = queue.ref;
    this.arn = queue.attrArn;
    this.queueName = queue.attrQueueName;
  }
}

/** How a queue is worked off. */
export interface WorkQueueProps {
  /** Where messages go that failed `attempts` times. */
  readonly deadLetters: KeptQueue;
  readonly attempts: number;
  /** How long a message that was received stays hidden: six times the timeout of the function. */
  readonly visibilitySeconds: number;
  /** How old the oldest message may become before an alarm rings, and what that means. */
  readonly backlog: { readonly seconds: number; readonly description: string; readonly alerts: string };
}

/** A queue that a function works off, its dead letters, and an alarm on its backlog beside it: `TelemetryQueue` and `TelemetryBacklog`. */
export class WorkQueue extends Construct {
  readonly url: string;
  readonly arn: string;
  readonly visibilitySeconds: number;

  constructor(scope: Construct, id: string, { deadLetters, attempts, visibilitySeconds, backlog }: WorkQueueProps) {
    super(scope, id);
    const queue = new CfnQueue(this, 'Resource', {
      visibilityTimeout: visibilitySeconds,
      messageRetentionPeriod: RETENTION_SECONDS,
      sqsManagedSseEnabled: true,
      redrivePolicy: { deadLetterTargetArn: deadLetters.arn, maxReceiveCount: attempts },
    });
    acknowledge(this, TLS_IS_THE_CLIENTS, 'AwsSolutions-SQS4');
    this.url = queue.ref;
    this.arn = queue.attrArn;
    this.visibilitySeconds = visibilitySeconds;
    new Backlog(scope, `${id.replace(/Queue$/, '')}Backlog`, { queueName: queue.attrQueueName, ...backlog });
  }
}
