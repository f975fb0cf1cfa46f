import { CfnEventInvokeConfig, CfnPermission } from 'aws-cdk-lib/aws-lambda';
import { CfnSubscription } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import { Errors, Throttles } from './alarm.js';
import { allow } from './policy.js';
import type { KeptQueue } from './queue.js';
import { RustFunction, type RustFunctionProps } from './rust-function.js';
import { Schedule, type ScheduleProps } from './schedule.js';

/** What becomes of events that a function was handed asynchronously and failed on. */
export interface Failures {
  readonly queue: KeptQueue;
  /** How often Lambda tries again: 0 to 2. */
  readonly retries: number;
  /** How old an event may become before it is given up: 60 to 21,600 seconds. */
  readonly maximumAgeSeconds: number;
}

/** A function of the fleet: what it is, and who is told when it fails. */
export interface FleetFunctionProps extends RustFunctionProps {
  /** The ARN of the topic that alarms tell. */
  readonly alerts: string;
  /** What it means when the function fails; `more` where that is not any error within five minutes. */
  readonly errors: {
    readonly description: string;
    readonly more?: { evaluationPeriods: number; datapointsToAlarm: number; threshold: number };
  };
  /** What it means when it is not started, where somebody waits for its answer. */
  readonly throttles?: string;
  /** For a function that is invoked asynchronously. */
  readonly failures?: Failures;
  /** When it runs by the clock, by the name of the event. */
  readonly schedules?: Record<string, Pick<ScheduleProps, 'expression' | 'state' | 'input' | 'retries'>>;
  /** The ARNs of topics whose messages it gets, by the name of the event. */
  readonly topics?: Record<string, string>;
}

/** A function with its failure destination, alarms, logs, schedules and topics. */
export class FleetFunction extends RustFunction {
  constructor(scope: Construct, id: string, props: FleetFunctionProps) {
    const { alerts, errors, throttles, failures, schedules = {}, topics = {} } = props;
    const policies = failures && {
      [`${id}FunctionEventInvokeConfigOnFailureSQSPolicy`]: [allow('sqs:SendMessage', failures.queue.arn)],
    };
    super(scope, id, { ...props, ...(policies && { policies }) });
    const { functionName } = this;
    new Errors(this, 'Errors', { functionName, alerts, description: errors.description, ...errors.more });
    if (throttles) new Throttles(this, 'Throttles', { functionName, alerts, description: throttles });
    if (failures) {
      new CfnEventInvokeConfig(this, 'FunctionEventInvokeConfig', {
        functionName,
        qualifier: '$LATEST',
        maximumRetryAttempts: failures.retries,
        maximumEventAgeInSeconds: failures.maximumAgeSeconds,
        destinationConfig: { onFailure: { destination: failures.queue.arn } },
      });
    }
    for (const [event, of] of Object.entries(schedules)) {
      new Schedule(this, `Function${event}`, { name: `${id}Function${event}`, functionArn: this.arn, ...of });
    }
    for (const [event, topicArn] of Object.entries(topics)) {
      new CfnSubscription(this, `Function${event}`, { topicArn, protocol: 'lambda', endpoint: this.arn });
      new CfnPermission(this, `Function${event}Permission`, {
        functionName,
        action: 'lambda:InvokeFunction',
        principal: 'sns.amazonaws.com',
        sourceArn: topicArn,
      });
    }
  }
}
