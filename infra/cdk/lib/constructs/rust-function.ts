import { Aws, CfnDeletionPolicy } from 'aws-cdk-lib';
import { CfnRole } from 'aws-cdk-lib/aws-iam';
import { CfnEventSourceMapping, CfnFunction } from 'aws-cdk-lib/aws-lambda';
import { CfnLogGroup } from 'aws-cdk-lib/aws-logs';
import { Asset } from 'aws-cdk-lib/aws-s3-assets';
import { Construct } from 'constructs';
import { acknowledgeWide } from './acknowledge.js';
import type { Binaries } from './binaries.js';
import { allow, document, trust, type Statement } from './policy.js';
import type { WorkQueue } from './queue.js';

/** How long logs are kept. */
const LOGS_DAYS = 30;

/** What is particular to a function. */
export interface RustFunctionProps {
  readonly binaries: Binaries;
  /** The binary of the workspace. */
  readonly binary: string;
  readonly description: string;
  /** Where people call it by a name. */
  readonly functionName?: string;
  /** Ten seconds where it is not given. */
  readonly timeoutSeconds?: number;
  readonly environment: Record<string, string>;
  /** What it may do beside writing its log and reading its queues. */
  readonly statements: Statement[];
  /** Policies that come with what it is connected to, by name. */
  readonly policies?: Record<string, Statement[]>;
  /** The queues that it works off, by the name of the event. */
  readonly batches?: Record<string, Batches>;
}

/** How a function works off a queue. */
export interface Batches {
  readonly queue: WorkQueue;
  /** The most messages of a batch. */
  readonly size: number;
  /** The most batches at a time. */
  readonly concurrency: number;
}

/**
 * A function in Rust, `<id>Function`, with a log group and a role of its own, which may do what its statements say, write to
 * that group and take messages from its queues: no managed policy opens all groups and queues of the account.
 */
export class RustFunction extends Construct {
  readonly functionName: string;
  readonly arn: string;

  constructor(scope: Construct, id: string, props: RustFunctionProps) {
    super(scope, id);
    const { timeoutSeconds = 10, batches = {} } = props;
    const logs = new CfnLogGroup(this, 'Logs', { retentionInDays: LOGS_DAYS });
    logs.cfnOptions.deletionPolicy = CfnDeletionPolicy.DELETE;
    logs.cfnOptions.updateReplacePolicy = CfnDeletionPolicy.DELETE;
    const queues = [...new Set(Object.values(batches).map(({ queue }) => queue))];
    const own = [
      allow(['logs:CreateLogStream', 'logs:PutLogEvents'], logs.attrArn),
      ...(queues.length > 0
        ? [
            allow(
              ['sqs:DeleteMessage', 'sqs:GetQueueAttributes', 'sqs:ReceiveMessage'],
              queues.map(({ arn }) => arn),
            ),
          ]
        : []),
    ];
    const role = new CfnRole(this, 'FunctionRole', {
      assumeRolePolicyDocument: trust('lambda.amazonaws.com'),
      policies: [
        { policyName: `${id}FunctionRolePolicy0`, policyDocument: document(...props.statements) },
        { policyName: 'own', policyDocument: document(...own) },
        ...Object.entries(props.policies ?? {}).map(([policyName, of]) => ({ policyName, policyDocument: document(...of) })),
      ],
    });
    acknowledgeWide(role, props.statements);

    const code = new Asset(this, 'Code', { path: props.binaries.folder(this, props.binary) });
    const lambda = new CfnFunction(this, 'Function', {
      description: props.description,
      functionName: props.functionName,
      runtime: 'provided.al2023',
      architectures: ['arm64'],
      handler: 'bootstrap',
      code: { s3Bucket: code.s3BucketName, s3Key: code.s3ObjectKey },
      memorySize: 256,
      timeout: timeoutSeconds,
      role: role.attrArn,
      loggingConfig: { logFormat: 'JSON', logGroup: logs.ref },
      environment: { variables: { STACK: Aws.STACK_NAME, ...props.environment } },
    });
    code.addResourceMetadata(lambda, 'Code');
    this.functionName = lambda.ref;
    this.arn = lambda.attrArn;

    for (const [event, { queue, size, concurrency }] of Object.entries(batches)) {
      if (queue.visibilitySeconds < 6 * timeoutSeconds) {
        throw new Error(`${queue.node.path} hides messages for less than six times the ${timeoutSeconds} s of ${this.node.path}`);
      }
      new CfnEventSourceMapping(this, `Function${event}`, {
        eventSourceArn: queue.arn,
        functionName: lambda.ref,
        batchSize: size,
        functionResponseTypes: ['ReportBatchItemFailures'],
        scalingConfig: { maximumConcurrency: concurrency },
      });
    }
  }
}
