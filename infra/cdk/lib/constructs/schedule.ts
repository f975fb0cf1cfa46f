import { CfnRole } from 'aws-cdk-lib/aws-iam';
import { CfnSchedule } from 'aws-cdk-lib/aws-scheduler';
import { Construct } from 'constructs';
import { allow, document, trust } from './policy.js';

/** What is invoked when. */
export interface ScheduleProps {
  readonly name: string;
  /** For example `rate(1 minute)`. */
  readonly expression: string;
  /** `ENABLED` or `DISABLED`; enabled where nothing is said. */
  readonly state?: string;
  /** The event, as JSON. */
  readonly input: string;
  readonly functionArn: string;
  /** How often Scheduler tries again; as often as it does by itself where nothing is said. */
  readonly retries?: number;
}

/** Invokes a function by the clock, through a role that may do nothing else. */
export class Schedule extends Construct {
  constructor(scope: Construct, id: string, { name, expression, state, input, functionArn, retries }: ScheduleProps) {
    super(scope, id);
    const role = new CfnRole(this, 'Role', {
      assumeRolePolicyDocument: trust('scheduler.amazonaws.com'),
      policies: [{ policyName: `${name}LambdaPolicy`, policyDocument: document(allow('lambda:InvokeFunction', functionArn)) }],
    });
    new CfnSchedule(this, 'Resource', {
      name,
      scheduleExpression: expression,
      ...(state !== undefined && { state }),
      flexibleTimeWindow: { mode: 'OFF' },
      target: {
        arn: functionArn,
        roleArn: role.attrArn,
        input,
        ...(retries !== undefined && { retryPolicy: { maximumRetryAttempts: retries } }),
      },
    });
  }
}
