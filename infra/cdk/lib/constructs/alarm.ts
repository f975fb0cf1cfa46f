import { CfnAlarm, type CfnAlarmProps } from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';

/** What an alarm says and whom it tells; the rest has defaults, or is CloudFormation's. */
export interface AlarmProps extends Partial<CfnAlarmProps> {
  readonly description: string;
  /** The ARN of the topic that is told. */
  readonly alerts: string;
}

/** An alarm that tells people when something exceeds a threshold; no data is no trouble. */
export class Alarm extends Construct {
  constructor(scope: Construct, id: string, { description, alerts, ...more }: AlarmProps) {
    super(scope, id);
    new CfnAlarm(this, 'Resource', {
      alarmDescription: description,
      evaluationPeriods: 1,
      threshold: 0,
      comparisonOperator: 'GreaterThanThreshold',
      treatMissingData: 'notBreaching',
      alarmActions: [alerts],
      ...more,
    });
  }
}

/** When an alarm on a function rings. */
export interface FunctionAlarmProps extends AlarmProps {
  readonly functionName: string;
}

/** Rings when a function fails. */
export class Errors extends Alarm {
  constructor(scope: Construct, id: string, { functionName, ...more }: FunctionAlarmProps) {
    super(scope, id, { ...ofFunction(functionName, 'Errors'), period: 300, ...more });
  }
}

/** Rings when a function is not started because too many run. */
export class Throttles extends Alarm {
  constructor(scope: Construct, id: string, { functionName, ...more }: FunctionAlarmProps) {
    super(scope, id, { ...ofFunction(functionName, 'Throttles'), period: 60, ...more });
  }
}

/** When an alarm on a queue rings. */
export interface QueueAlarmProps extends AlarmProps {
  readonly queueName: string;
}

/** Rings when the oldest message of a queue has been older than some seconds for five minutes. */
export class Backlog extends Alarm {
  constructor(scope: Construct, id: string, { queueName, seconds, ...more }: QueueAlarmProps & { readonly seconds: number }) {
    super(scope, id, {
      ...ofQueue(queueName, 'ApproximateAgeOfOldestMessage'),
      statistic: 'Maximum',
      period: 60,
      evaluationPeriods: 5,
      threshold: seconds,
      ...more,
    });
  }
}

/** Rings when a message arrives in a queue that should stay empty. */
export class Arrivals extends Alarm {
  constructor(scope: Construct, id: string, { queueName, ...more }: QueueAlarmProps) {
    super(scope, id, { ...ofQueue(queueName, 'NumberOfMessagesSent'), statistic: 'Sum', period: 60, ...more });
  }
}

/** Two of three periods with more than five errors, for functions that work in batches and try again. */
export const OFTEN = { evaluationPeriods: 3, datapointsToAlarm: 2, threshold: 5 };

function ofFunction(functionName: string, metricName: string): Partial<CfnAlarmProps> {
  return { namespace: 'AWS/Lambda', metricName, dimensions: [{ name: 'FunctionName', value: functionName }], statistic: 'Sum' };
}

function ofQueue(queueName: string, metricName: string): Partial<CfnAlarmProps> {
  return { namespace: 'AWS/SQS', metricName, dimensions: [{ name: 'QueueName', value: queueName }] };
}
