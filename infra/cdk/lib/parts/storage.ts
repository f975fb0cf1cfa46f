/** Tables, topics and queues. */

import { CfnSubscription, CfnTopic } from 'aws-cdk-lib/aws-sns';
import { CfnQueuePolicy } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { acknowledge } from '../constructs/acknowledge.js';
import { awsOnly } from '../constructs/aws-only.js';
import { KeptQueue, WorkQueue } from '../constructs/queue.js';
import { Table } from '../constructs/table.js';
import type { Parameters } from './parameters.js';

export type Tables = ReturnType<typeof tables>;
export type Messaging = ReturnType<typeof messaging>;

export function tables(scope: Construct) {
  const byThing = { partitionKey: 'thingName' };
  return {
    devices: new Table(scope, 'DevicesTable', byThing),
    latest: new Table(scope, 'LatestTable', byThing),
    history: new Table(scope, 'HistoryTable', { ...byThing, sortKey: 'measured', expires: true }),
    events: new Table(scope, 'EventsTable', { ...byThing, sortKey: 'eventId', expires: true }),
    connectivity: new Table(scope, 'ConnectivityTable', { partitionKey: 'clientId', expires: true }),
    detection: new Table(scope, 'DetectionTable', { ...byThing, sortKey: 'row', expires: true }),
    registrations: new Table(scope, 'RegistrationsTable', { partitionKey: 'certificateId' }),
    keys: new Table(scope, 'KeysTable', { partitionKey: 'kid' }),
    blockList: new Table(scope, 'BlockListTable', { partitionKey: 'entry' }),
    allowList: new Table(scope, 'AllowListTable', { partitionKey: 'serialNumber' }),
    releases: new Table(scope, 'ReleasesTable', { partitionKey: 'releaseId' }),
    firmwareHistory: new Table(scope, 'FirmwareHistoryTable', { ...byThing, sortKey: 'ended' }),
    homes: new Table(scope, 'HomesTable', { partitionKey: 'pk', sortKey: 'sk', expires: true }),
  };
}

export function messaging(scope: Construct, { alertEmail, withAlertEmail }: Parameters) {
  const topic = (id: string) => {
    const made = new CfnTopic(scope, id);
    acknowledge(made, 'No policy lets anybody in but roles of this account, whose SDKs come over TLS', 'AwsSolutions-SNS3');
    return made;
  };
  const forPeople = (id: string) => {
    const made = new KeptQueue(scope, id);
    acknowledge(made, 'Its messages were given up already: people look at them, and no function takes them', 'AwsSolutions-SQS3');
    return made;
  };
  const alerts = topic('AlertsTopic');
  const email = awsOnly(
    new CfnSubscription(scope, 'AlertEmailSubscription', { topicArn: alerts.ref, protocol: 'email', endpoint: alertEmail }),
  );
  email.cfnOptions.condition = withAlertEmail;
  const connectivity = topic('ConnectivityTopic');
  // Violations of behaviors, in the form of Device Defender Detect's alerts.
  const violations = topic('ViolationsTopic');

  // Messages that a rule could not deliver, kept with their payload so that they can be published again.
  const ruleErrorsTopic = topic('RuleErrorsTopic');
  const ruleErrors = forPeople('RuleErrorsQueue');
  new CfnSubscription(scope, 'RuleErrorsSubscription', {
    topicArn: ruleErrorsTopic.ref,
    protocol: 'sqs',
    endpoint: ruleErrors.arn,
    rawMessageDelivery: true,
  });
  new CfnQueuePolicy(scope, 'RuleErrorsQueuePolicy', {
    queues: [ruleErrors.url],
    policyDocument: {
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Principal: { Service: 'sns.amazonaws.com' },
          Action: 'sqs:SendMessage',
          Resource: ruleErrors.arn,
          Condition: { ArnEquals: { 'aws:SourceArn': ruleErrorsTopic.ref } },
        },
      ],
    },
  });

  const deadLetters = new KeptQueue(scope, 'DeadLetterQueue');
  const work = (id: string, visibilitySeconds: number, attempts: number, seconds: number, description: string) =>
    new WorkQueue(scope, id, { deadLetters, visibilitySeconds, attempts, backlog: { seconds, description, alerts: alerts.ref } });
  return {
    alerts: alerts.ref,
    connectivity: connectivity.ref,
    violations: violations.ref,
    ruleErrorsTopic: ruleErrorsTopic.ref,
    ruleErrors,
    deadLetters,
    quarantine: forPeople('QuarantineQueue'),
    registration: work('RegistrationQueue', 180, 100, 600, 'Devices wait for longer than ten minutes to join.'),
    presence: work('PresenceQueue', 60, 300, 300, 'Presence events wait for longer than five minutes.'),
    telemetry: work('TelemetryQueue', 60, 300, 300, 'Readings wait for longer than five minutes.'),
    // The age counts from when a message was sent, and the longest grace period is 900 seconds.
    settle: work('SettleQueue', 60, 300, 1200, 'Announcements wait for longer than five minutes after their grace period.'),
    detection: work(
      'DetectionQueue',
      60,
      300,
      300,
      'What devices do waits for longer than five minutes to be counted - violations may be missed.',
    ),
    // The age counts from when a message was sent, up to six minutes before the period can be judged.
    look: work('LookQueue', 60, 300, 700, 'Periods wait for longer than five minutes to be judged.'),
    jobEvents: work('JobEventsQueue', 180, 100, 600, 'Events of jobs wait for longer than ten minutes - releases go on late.'),
  };
}
