/** Alarms on what is no function's or queue's own. */

import { Aws } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { Alarm, Arrivals } from '../constructs/alarm.js';
import type { Messaging } from './storage.js';

export function watching(scope: Construct, { alerts, deadLetters, ruleErrors, quarantine }: Messaging) {
  // What lies in this queue stays for two weeks, and an alarm on its depth would ring once in that time: it is the growth that
  // rings. CloudWatch does not count what SQS itself moves there as sent.
  new Alarm(scope, 'DeadLetters', {
    alerts,
    description: 'Messages were given up after every retry. Read them, mend the cause, move them back.',
    metrics: [
      { id: 'growth', expression: 'DIFF(depth)' },
      {
        id: 'depth',
        returnData: false,
        metricStat: {
          metric: {
            namespace: 'AWS/SQS',
            metricName: 'ApproximateNumberOfMessagesVisible',
            dimensions: [{ name: 'QueueName', value: deadLetters.queueName }],
          },
          period: 60,
          stat: 'Maximum',
        },
      },
    ],
  });
  new Arrivals(scope, 'RuleErrors', {
    alerts,
    queueName: ruleErrors.queueName,
    description: 'A rule could not deliver messages. They hold the original payload - publish it again once the cause is mended.',
  });
  new Arrivals(scope, 'Quarantined', {
    alerts,
    queueName: quarantine.queueName,
    description: 'Messages were set aside that can never be handled.',
    period: 300,
  });
  // Of all rules of the account, as the query knows no pattern for names: what neither an action nor an error action delivered.
  new Alarm(scope, 'RuleErrorsLost', {
    alerts,
    description: 'Messages of a rule are lost - its error action failed too.',
    metrics: [
      { id: 'lost', expression: 'SELECT SUM(ErrorActionFailure) FROM SCHEMA("AWS/IoT", ActionType, RuleName)', period: 60 },
    ],
  });
  // A fleet that has sent nothing yet is not silent: the alarm rings when readings that came come no more.
  new Alarm(scope, 'Silence', {
    alerts,
    description: 'No reading of any device has been stored for a quarter of an hour.',
    namespace: 'Drydock',
    metricName: 'Stored',
    dimensions: [
      { name: 'service', value: 'telemetry' },
      { name: 'stack', value: Aws.STACK_NAME },
    ],
    statistic: 'Sum',
    period: 300,
    evaluationPeriods: 3,
    threshold: 1,
    comparisonOperator: 'LessThanThreshold',
    treatMissingData: 'missing',
    insufficientDataActions: [alerts],
  });
}
