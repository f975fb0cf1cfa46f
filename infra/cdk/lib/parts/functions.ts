/** The functions of the fleet: what each is given and what it may do. */

import { Aws } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { OFTEN } from '../constructs/alarm.js';
import type { Binaries } from '../constructs/binaries.js';
import { FleetFunction } from '../constructs/fleet-function.js';
import { allow, iot, IOT_ARN } from '../constructs/policy.js';
import type { Devices } from './devices.js';
import type { Parameters } from './parameters.js';
import type { Messaging, Tables } from './storage.js';

/** What the functions work with. */
export interface Around {
  readonly binaries: Binaries;
  readonly parameters: Parameters;
  readonly devices: Devices;
  readonly tables: Tables;
  readonly messaging: Messaging;
}

export type Functions = ReturnType<typeof functions>;

/** Reasons for wildcards. */
const ANY_DEVICE = 'Which devices there are is not known at deployment: any of this account and region';
const NO_RESOURCE = 'IAM knows no resource for this action: it can be granted on all or not at all';
const ANY_GROUP = 'Which groups devices join is a parameter and the registry, not known at deployment';
const RELEASES = 'Jobs and groups of releases, whose names begin so';

export function functions(scope: Construct, around: Around) {
  return {
    registration: jitRegistration(scope, around),
    hook: provisioningHook(scope, around),
    telemetry: telemetry(scope, around),
    connectivity: connectivity(scope, around),
    authorizer: deviceAuthorizer(scope, around),
    detection: defenderDetect(scope, around),
    releases: jobOrchestration(scope, around),
  };
}

function jitRegistration(scope: Construct, { binaries, parameters, devices, tables, messaging }: Around) {
  return new FleetFunction(scope, 'JitRegistration', {
    binaries,
    binary: 'jit-registration',
    description: 'Registers and activates a device when its certificate is first seen.',
    // Up to a dozen calls, of which those to AWS IoT's control plane are throttled and tried again.
    timeoutSeconds: 30,
    environment: {
      POLICY_NAME: devices.policy.ref,
      REGISTRATIONS_TABLE: tables.registrations.tableName,
      DEVICES_TABLE: tables.devices.tableName,
      BLOCK_LIST_TABLE: tables.blockList.tableName,
      ALLOW_LIST_TABLE: parameters.ifAllowList(tables.allowList.tableName),
      ALERTS_TOPIC_ARN: messaging.alerts,
      QUARANTINE_QUEUE_URL: messaging.quarantine.url,
      TRUSTED_CAS: parameters.trustedCas,
      THING_GROUPS: parameters.thingGroups,
      THING_TYPES: devices.byModel,
      DEFAULT_THING_TYPE: parameters.ifUnknownModels(devices.plain),
    },
    // Two at a time, so that the control plane's rates are kept: what waits is in the queue, not in retries.
    batches: { Registered: { queue: messaging.registration, size: 5, concurrency: 2 } },
    statements: [
      allow(['iot:DescribeCertificate', 'iot:UpdateCertificate', 'iot:AttachPolicy'], iot('cert/*'), { wide: ANY_DEVICE }),
      allow('iot:AttachThingPrincipal', '*', { wide: NO_RESOURCE }),
      allow('iot:DescribeCACertificate', iot('cacert/*'), { wide: 'CAs are registered after the deployment' }),
      allow(['iot:CreateThing', 'iot:DescribeThing'], iot('thing/*'), { wide: ANY_DEVICE }),
      allow('iot:AddThingToThingGroup', [iot('thing/*'), iot('thinggroup/*')], { wide: ANY_GROUP }),
      allow('dynamodb:GetItem', [tables.blockList.arn, tables.allowList.arn]),
      allow('dynamodb:UpdateItem', [tables.registrations.arn, tables.devices.arn]),
      allow('sns:Publish', messaging.alerts),
      allow('sqs:SendMessage', messaging.quarantine.arn),
    ],
    alerts: messaging.alerts,
    errors: { description: 'Devices may be unable to join - the registration function fails.' },
  });
}

function provisioningHook(scope: Construct, { binaries, parameters, devices, tables, messaging }: Around) {
  return new FleetFunction(scope, 'ProvisioningHook', {
    binaries,
    binary: 'provisioning-hook',
    description: 'Decides whether a device that asks with a claim may be provisioned.',
    // AWS IoT waits no longer.
    timeoutSeconds: 5,
    environment: {
      ALLOW_LIST_TABLE: tables.allowList.tableName,
      BLOCK_LIST_TABLE: tables.blockList.tableName,
      DEVICES_TABLE: tables.devices.tableName,
      THING_TYPES: devices.byModel,
      DEFAULT_THING_TYPE: parameters.ifUnknownModels(devices.plain),
    },
    statements: [
      allow('dynamodb:GetItem', [tables.blockList.arn, tables.allowList.arn]),
      allow('dynamodb:UpdateItem', tables.devices.arn),
    ],
    alerts: messaging.alerts,
    errors: { description: 'Devices may be unable to join - the pre-provisioning hook fails.' },
    throttles: 'Devices with claims are turned away - the hook is invoked more often than the account allows.',
  });
}

function telemetry(scope: Construct, { binaries, parameters, devices, tables, messaging }: Around) {
  const thresholds = [
    `"*": [{"metric": "temperature", "above": 80, "clear": 75}]`,
    `"${devices.charger}": [{"metric": "power", "above": 11500, "clear": 11000}]`,
  ];
  return new FleetFunction(scope, 'Telemetry', {
    binaries,
    binary: 'telemetry',
    description: 'Stores readings, watches thresholds and sets aside what is malformed.',
    environment: {
      LATEST_TABLE: tables.latest.tableName,
      HISTORY_TABLE: tables.history.tableName,
      DEVICES_TABLE: tables.devices.tableName,
      QUARANTINE_QUEUE_URL: messaging.quarantine.url,
      ALERTS_TOPIC_ARN: messaging.alerts,
      HISTORY_DAYS: parameters.historyDays,
      THRESHOLDS: `{${thresholds.join(', ')}}`,
    },
    // However many devices send: the account's concurrency is left to those that somebody waits for.
    batches: { Readings: { queue: messaging.telemetry, size: 10, concurrency: 50 } },
    statements: [
      allow('dynamodb:UpdateItem', [tables.latest.arn, tables.history.arn]),
      allow('dynamodb:GetItem', tables.devices.arn),
      allow('sns:Publish', messaging.alerts),
      allow('sqs:SendMessage', messaging.quarantine.arn),
    ],
    alerts: messaging.alerts,
    errors: { description: 'Readings may be late or lost - the telemetry function fails.', more: OFTEN },
  });
}

function connectivity(scope: Construct, { binaries, parameters, devices, tables, messaging }: Around) {
  return new FleetFunction(scope, 'Connectivity', {
    binaries,
    binary: 'connectivity',
    description: "Follows each device's connectivity and announces who went offline or came back.",
    environment: {
      CONNECTIVITY_TABLE: tables.connectivity.tableName,
      DEVICES_TABLE: tables.devices.tableName,
      BLOCK_LIST_TABLE: tables.blockList.tableName,
      SETTLE_QUEUE_URL: messaging.settle.url,
      QUARANTINE_QUEUE_URL: messaging.quarantine.url,
      ANNOUNCEMENTS_TOPIC_ARN: messaging.connectivity,
      ALERTS_TOPIC_ARN: messaging.alerts,
      GRACE_SECONDS: parameters.graceSeconds,
      GRACE_SECONDS_BY_TYPE: `${devices.switch}=30`,
      FLAP_THRESHOLD: '5',
      FLAP_WINDOW_SECONDS: '600',
      RECONCILED_PAGES: '5',
    },
    batches: {
      Presence: { queue: messaging.presence, size: 10, concurrency: 20 },
      Settle: { queue: messaging.settle, size: 10, concurrency: 10 },
    },
    // What an event would have said that never came, by the fleet index.
    schedules: {
      Reconciliation: {
        expression: parameters.reconciliationRate,
        state: parameters.reconciliation,
        input: '{"command":"reconcile"}',
        retries: 0,
      },
    },
    statements: [
      allow('dynamodb:UpdateItem', tables.connectivity.arn),
      allow('dynamodb:GetItem', [tables.devices.arn, tables.blockList.arn]),
      allow('iot:SearchIndex', iot('index/AWS_Things')),
      allow('iot:UpdateCertificate', iot('cert/*'), { wide: ANY_DEVICE }),
      allow('sns:Publish', [messaging.connectivity, messaging.alerts]),
      allow('sqs:SendMessage', [messaging.settle.arn, messaging.quarantine.arn]),
    ],
    alerts: messaging.alerts,
    errors: { description: 'Announcements may be late - the connectivity function fails.', more: OFTEN },
  });
}

function deviceAuthorizer(scope: Construct, { binaries, parameters, tables, messaging }: Around) {
  return new FleetFunction(scope, 'DeviceAuthorizer', {
    binaries,
    binary: 'device-authorizer',
    description: 'Decides on devices that connect with a signed token.',
    // AWS IoT waits for five seconds.
    timeoutSeconds: 5,
    environment: {
      KEYS_TABLE: tables.keys.tableName,
      BLOCK_LIST_TABLE: tables.blockList.tableName,
      DEVICES_TABLE: tables.devices.tableName,
      AUDIENCE: parameters.tokenAudience,
      IOT_ARN,
      REFRESH_SECONDS: '900',
      KEYS_REMEMBERED_SECONDS: '60',
    },
    statements: [
      allow('dynamodb:GetItem', [tables.keys.arn, tables.blockList.arn, tables.devices.arn]),
      allow('dynamodb:UpdateItem', tables.devices.arn),
    ],
    alerts: messaging.alerts,
    errors: { description: "Devices with tokens may be unable to connect - the authorizer's function fails." },
    throttles: 'Devices with tokens are turned away - the authorizer is invoked more often than the account allows.',
  });
}

function defenderDetect(scope: Construct, { binaries, tables, messaging }: Around) {
  const atMost = (name: string, metric: string, count: number) =>
    `{"name": "${name}", "metric": "aws:${metric}", "criteria": {"comparisonOperator": "less-than-equals", "value": {"count": ${count}}, ` +
    `"durationSeconds": 300}}`;
  const behaviors = [
    atMost('few-messages', 'num-messages-sent', 100),
    '{"name": "small-messages", "metric": "aws:message-byte-size", "criteria": {"comparisonOperator": "less-than", ' +
      '"value": {"count": 32768}}}',
    atMost('few-connects', 'num-connection-attempts', 20),
    atMost('few-refusals', 'num-authorization-failures', 5),
    '{"name": "no-telnet", "metric": "aws:listening-tcp-ports", "criteria": {"comparisonOperator": "not-in-port-set", ' +
      '"value": {"ports": [23, 2323]}}}',
    '{"name": "few-connections", "metric": "aws:num-established-tcp-connections", "criteria": {"comparisonOperator": ' +
      '"less-than-equals", "value": {"count": 20}}}',
  ];
  return new FleetFunction(scope, 'DefenderDetect', {
    binaries,
    binary: 'defender-detect',
    description: 'Judges the behaviors of devices as Device Defender Detect does, from rules and lifecycle events.',
    environment: {
      DETECTION_TABLE: tables.detection.tableName,
      LOOK_QUEUE_URL: messaging.look.url,
      QUARANTINE_QUEUE_URL: messaging.quarantine.url,
      VIOLATIONS_TOPIC_ARN: messaging.violations,
      SECURITY_PROFILE: `{"securityProfileName": "fleet", "behaviors": [ ${behaviors.join(', ')}]}`,
    },
    // However many devices send: the account's concurrency is left to those that somebody waits for.
    batches: {
      Observed: { queue: messaging.detection, size: 10, concurrency: 20 },
      Look: { queue: messaging.look, size: 10, concurrency: 10 },
    },
    statements: [
      allow('dynamodb:UpdateItem', tables.detection.arn),
      allow('sns:Publish', messaging.violations),
      allow('sqs:SendMessage', [messaging.look.arn, messaging.quarantine.arn]),
    ],
    alerts: messaging.alerts,
    errors: { description: 'Violations may be found late - the function that judges behaviors fails.', more: OFTEN },
  });
}

function jobOrchestration(scope: Construct, { binaries, tables, messaging }: Around) {
  return new FleetFunction(scope, 'JobOrchestration', {
    binaries,
    binary: 'job-orchestration',
    description: 'Brings releases to devices in waves of jobs, stops those that fail and takes them back.',
    // People call it by its name: `drydock release`, `aws lambda invoke`.
    functionName: `${Aws.STACK_NAME}-job-orchestration`,
    // A wave begins with a group that may have to be filled, thing by thing; what does not fit goes on in the next invocation.
    timeoutSeconds: 25,
    environment: {
      RELEASES_TABLE: tables.releases.tableName,
      FIRMWARE_HISTORY_TABLE: tables.firmwareHistory.tableName,
      JOB_EVENTS_QUEUE_URL: messaging.jobEvents.url,
      QUARANTINE_QUEUE_URL: messaging.quarantine.url,
      ALERTS_TOPIC_ARN: messaging.alerts,
      IOT_ARN,
    },
    // A batch looks at its release once, whatever the number of its events; two at a time, so that the control plane's rates are kept.
    batches: { JobEvents: { queue: messaging.jobEvents, size: 10, concurrency: 2 } },
    // What time brings (soaking, timeouts), what an invocation left that died, and what an event would have said that never came.
    schedules: { EveryMinute: { expression: 'rate(1 minute)', input: '{"command":"reconcile"}', retries: 0 } },
    statements: [
      allow(['dynamodb:GetItem', 'dynamodb:Scan', 'dynamodb:UpdateItem'], tables.releases.arn),
      allow('dynamodb:UpdateItem', tables.firmwareHistory.arn),
      allow('iot:CreateJob', [iot('job/release-*'), iot('thinggroup/*'), iot('package/*')], {
        wide: 'Jobs of releases, for whichever groups and packages a release names',
      }),
      allow(['iot:CancelJob', 'iot:DescribeJob', 'iot:ListJobExecutionsForJob'], iot('job/release-*'), { wide: RELEASES }),
      allow('iot:DescribeJobExecution', [iot('job/release-*'), iot('thing/*')], { wide: ANY_DEVICE }),
      allow('iot:ListThingsInThingGroup', iot('thinggroup/*'), { wide: ANY_GROUP }),
      allow('iot:CreateThingGroup', iot('thinggroup/release-*'), { wide: RELEASES }),
      allow('iot:AddThingToThingGroup', [iot('thing/*'), iot('thinggroup/release-*')], { wide: ANY_DEVICE }),
      allow('iot:UpdateEventConfigurations', '*', { wide: NO_RESOURCE }),
      allow('sns:Publish', messaging.alerts),
      allow('sqs:SendMessage', [messaging.jobEvents.arn, messaging.quarantine.arn]),
    ],
    alerts: messaging.alerts,
    errors: { description: 'Releases may stand still - the function that moves them fails.' },
  });
}
