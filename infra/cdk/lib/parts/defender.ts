/** Device Defender: what is audited, what is done about findings and violations, and by whom. */

import { Aws } from 'aws-cdk-lib';
import {
  CfnAccountAuditConfiguration,
  CfnMitigationAction,
  CfnPolicy,
  CfnScheduledAudit,
  CfnThingGroup,
} from 'aws-cdk-lib/aws-iot';
import { CfnSubscription, CfnTopic } from 'aws-cdk-lib/aws-sns';
import { CfnQueuePolicy } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { acknowledge } from '../constructs/acknowledge.js';
import { FleetFunction } from '../constructs/fleet-function.js';
import { IotRole } from '../constructs/iot-role.js';
import { allow, iot, IOT_ARN, THING } from '../constructs/policy.js';
import { WorkQueue } from '../constructs/queue.js';
import { Table } from '../constructs/table.js';
import type { Binaries } from '../constructs/binaries.js';
import type { Messaging } from './storage.js';

const NO_RESOURCE = 'IAM knows no resource for this action: it can be granted on all or not at all';
const ANY_DEVICE = 'Which devices there are is not known at deployment: any of this account and region';
const ANY_GROUP = 'Which groups a policy is attached to is not known at deployment';
const REMEDIES = 'Groups of remedies, whose names begin so';

/** The checks that are carried out, under CloudFormation's names and the API's. */
const CHECKS = {
  caCertificateExpiringCheck: 'CA_CERTIFICATE_EXPIRING_CHECK',
  caCertificateKeyQualityCheck: 'CA_CERTIFICATE_KEY_QUALITY_CHECK',
  conflictingClientIdsCheck: 'CONFLICTING_CLIENT_IDS_CHECK',
  deviceCertificateAgeCheck: 'DEVICE_CERTIFICATE_AGE_CHECK',
  deviceCertificateExpiringCheck: 'DEVICE_CERTIFICATE_EXPIRING_CHECK',
  deviceCertificateKeyQualityCheck: 'DEVICE_CERTIFICATE_KEY_QUALITY_CHECK',
  deviceCertificateSharedCheck: 'DEVICE_CERTIFICATE_SHARED_CHECK',
  intermediateCaRevokedForActiveDeviceCertificatesCheck: 'INTERMEDIATE_CA_REVOKED_FOR_ACTIVE_DEVICE_CERTIFICATES_CHECK',
  iotPolicyOverlyPermissiveCheck: 'IOT_POLICY_OVERLY_PERMISSIVE_CHECK',
  ioTPolicyPotentialMisConfigurationCheck: 'IOT_POLICY_POTENTIAL_MISCONFIGURATION_CHECK',
  loggingDisabledCheck: 'LOGGING_DISABLED_CHECK',
  revokedCaCertificateStillActiveCheck: 'REVOKED_CA_CERTIFICATE_STILL_ACTIVE_CHECK',
  revokedDeviceCertificateStillActiveCheck: 'REVOKED_DEVICE_CERTIFICATE_STILL_ACTIVE_CHECK',
};

export function defender(scope: Construct, binaries: Binaries, messaging: Messaging) {
  const audits = new Table(scope, 'AuditsTable', { partitionKey: 'taskId', expires: true });
  const violations = new Table(scope, 'ViolationsTable', { partitionKey: 'thingName', expires: true });
  const plans = new Table(scope, 'ResponsePlansTable', { partitionKey: 'about' });
  const ends = new CfnTopic(scope, 'AuditsTopic');
  acknowledge(ends, 'No policy lets anybody in but roles of this account, whose SDKs come over TLS', 'AwsSolutions-SNS3');
  const ended = told(scope, 'Audits', ends.ref, messaging, 'Audits wait for longer than half an hour to be answered.');
  const violated = told(
    scope,
    'Violations',
    messaging.violations,
    messaging,
    'Violations wait for longer than half an hour to be answered.',
  );

  // Devices in quarantine keep their connection, their jobs and their reports to Device Defender, by which they are put right, and nothing
  // else. The function attaches the policy to the group, as CloudFormation attaches policies to certificates alone.
  const group = new CfnThingGroup(scope, 'QuarantineGroup', {
    thingGroupProperties: { thingGroupDescription: 'Devices that may do nothing but be put right' },
  });
  const policy = new CfnPolicy(scope, 'QuarantinePolicy', {
    policyDocument: {
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Deny',
          Action: ['iot:Publish', 'iot:Receive'],
          Resource: ['dt/*', 'evt/*', 'cmd/*', `$aws/things/${THING}/shadow/*`].map((topic) => iot(`topic/${topic}`)),
        },
      ],
    },
  });

  const common = {
    RESPONSE_PLANS_TABLE: plans.tableName,
    JOB_EVENTS_QUEUE_URL: messaging.jobEvents.url,
    QUARANTINE_QUEUE_URL: messaging.quarantine.url,
    ALERTS_TOPIC_ARN: messaging.alerts,
    IOT_ARN,
  };
  const telling = [
    allow('sns:Publish', messaging.alerts),
    allow('sqs:SendMessage', [messaging.jobEvents.arn, messaging.quarantine.arn]),
  ];
  new FleetFunction(scope, 'DefenderAudit', {
    binaries,
    binary: 'defender-audit',
    description: 'Answers audits - mitigates, suppresses, has devices remedied, and reports.',
    timeoutSeconds: 25,
    environment: { AUDITS_TABLE: audits.tableName, ...common },
    // Two at a time, so that the control plane's rates are kept.
    batches: { Messages: { queue: ended.queue, size: 5, concurrency: 2 } },
    statements: [
      allow('dynamodb:UpdateItem', audits.arn),
      allow('dynamodb:GetItem', plans.arn),
      allow(
        [
          'iot:CreateAuditSuppression',
          'iot:DescribeAuditMitigationActionsTask',
          'iot:ListAuditFindings',
          'iot:ListPrincipalThings',
          'iot:ListThings',
          'iot:StartAuditMitigationActionsTask',
        ],
        '*',
        { wide: NO_RESOURCE },
      ),
      allow('iot:ListTargetsForPolicy', iot('policy/*'), { wide: ANY_GROUP }),
      allow('iot:ListThingsInThingGroup', iot('thinggroup/*'), { wide: ANY_GROUP }),
      allow('iot:CreateThingGroup', iot('thinggroup/remedy-*'), { wide: REMEDIES }),
      allow('iot:AddThingToThingGroup', [iot('thing/*'), iot('thinggroup/remedy-*')], { wide: ANY_DEVICE }),
      ...telling,
    ],
    alerts: messaging.alerts,
    errors: { description: 'Findings of audits may stay unanswered - the function that answers them fails.' },
  });
  new FleetFunction(scope, 'DefenderResponse', {
    binaries,
    binary: 'defender-response',
    description: 'Answers violations - quarantine, remedies, and release.',
    timeoutSeconds: 25,
    environment: {
      VIOLATIONS_TABLE: violations.tableName,
      QUARANTINE_GROUP: group.ref,
      QUARANTINE_POLICY: policy.ref,
      ...common,
    },
    // Two at a time, so that the control plane's rates are kept.
    batches: { Messages: { queue: violated.queue, size: 5, concurrency: 2 } },
    statements: [
      allow(['dynamodb:GetItem', 'dynamodb:UpdateItem'], violations.arn),
      allow('dynamodb:GetItem', plans.arn),
      allow('iot:AttachPolicy', group.attrArn),
      allow('iot:CreateThingGroup', iot('thinggroup/remedy-*'), { wide: REMEDIES }),
      allow('iot:AddThingToThingGroup', [iot('thing/*'), group.attrArn, iot('thinggroup/remedy-*')], { wide: ANY_DEVICE }),
      allow('iot:RemoveThingFromThingGroup', [iot('thing/*'), group.attrArn], { wide: ANY_DEVICE }),
      ...telling,
    ],
    alerts: messaging.alerts,
    errors: { description: 'Devices that do not behave may stay connected - the function that answers violations fails.' },
  });

  // What AWSIoTDeviceDefenderAudit allows: an audit reads whatever there is.
  const auditor = new IotRole(scope, 'AuditRole', {
    description: 'What Device Defender may look at for its audits.',
    policyName: 'audit',
    sources: ['*'],
    statements: [
      allow(
        [
          'cognito-identity:GetIdentityPoolRoles',
          'iam:GenerateServiceLastAccessedDetails',
          'iam:GetPolicy',
          'iam:GetPolicyVersion',
          'iam:GetRole',
          'iam:GetRolePolicy',
          'iam:GetServiceLastAccessedDetails',
          'iam:ListAttachedRolePolicies',
          'iam:ListRolePolicies',
          'iot:DescribeCACertificate',
          'iot:DescribeCertificate',
          'iot:DescribeRoleAlias',
          'iot:GetEffectivePolicies',
          'iot:GetLoggingOptions',
          'iot:GetPolicy',
          'iot:GetV2LoggingOptions',
          'iot:ListCACertificates',
          'iot:ListCertificates',
          'iot:ListPolicies',
          'iot:ListRoleAliases',
        ],
        '*',
        { wide: 'An audit reads whatever there is' },
      ),
    ],
  });
  acknowledge(auditor, 'An audit reads whatever there is', 'Iot-RoleTooWide[*]');
  const alerting = new IotRole(scope, 'DefenderAlertsRole', {
    description: 'What Device Defender may do to tell of audits and violations.',
    policyName: 'alerts',
    sources: ['*'],
    statements: [allow('sns:Publish', [ended.topic, violated.topic])],
  });
  const mitigating = new IotRole(scope, 'MitigationRole', {
    description: 'What mitigation actions may do about findings.',
    policyName: 'mitigation',
    sources: ['*'],
    statements: [
      allow('iot:UpdateCertificate', iot('cert/*'), { wide: ANY_DEVICE }),
      allow('iot:AddThingToThingGroup', [iot('thing/*'), group.attrArn], { wide: ANY_DEVICE }),
      allow('iot:ListPrincipalThings', '*', { wide: NO_RESOURCE }),
    ],
  });
  acknowledge(mitigating, 'IAM knows no resource for ListPrincipalThings', 'Iot-RoleTooWide[*]');

  const configuration = new CfnAccountAuditConfiguration(scope, 'AuditConfiguration', {
    accountId: Aws.ACCOUNT_ID,
    roleArn: auditor.arn,
    auditCheckConfigurations: Object.fromEntries(Object.keys(CHECKS).map((name) => [name, { enabled: true }])),
    auditNotificationTargetConfigurations: { sns: { targetArn: ended.topic, roleArn: alerting.arn, enabled: true } },
  });
  const daily = new CfnScheduledAudit(scope, 'DailyAudit', { frequency: 'DAILY', targetCheckNames: Object.values(CHECKS) });
  daily.addResourceDependency(configuration);

  // What response plans may name: `actions` of a row, by the names that the outputs give.
  const action = (id: string, name: string, actionParams: CfnMitigationAction.ActionParamsProperty) =>
    new CfnMitigationAction(scope, id, {
      actionName: `${Aws.STACK_NAME}-${name}`,
      roleArn: mitigating.arn,
      actionParams,
    });
  const deactivate = action('DeactivateCertificate', 'deactivate-certificate', {
    updateDeviceCertificateParams: { action: 'DEACTIVATE' },
  });
  const quarantine = action('QuarantineThings', 'quarantine', {
    addThingsToThingGroupParams: { thingGroupNames: [group.ref], overrideDynamicGroups: false },
  });
  return { audits, violations, plans, alerting, group, deactivate, quarantine };
}

/** A topic that something is told on, and the queue that a function works it off from. */
function told(scope: Construct, name: string, topic: string, { deadLetters, alerts }: Messaging, late: string) {
  const queue = new WorkQueue(scope, `${name}Queue`, {
    deadLetters,
    visibilitySeconds: 180,
    attempts: 100,
    backlog: { seconds: 1800, description: late, alerts },
  });
  new CfnSubscription(scope, `${name}Subscription`, {
    topicArn: topic,
    protocol: 'sqs',
    endpoint: queue.arn,
    rawMessageDelivery: true,
  });
  new CfnQueuePolicy(scope, `${name}QueuePolicy`, {
    queues: [queue.url],
    policyDocument: {
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Principal: { Service: 'sns.amazonaws.com' },
          Action: 'sqs:SendMessage',
          Resource: queue.arn,
          Condition: { ArnEquals: { 'aws:SourceArn': topic } },
        },
      ],
    },
  });
  return { topic, queue };
}
