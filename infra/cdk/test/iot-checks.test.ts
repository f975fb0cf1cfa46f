/** Our own checks, each with what it finds and with what it lets pass. */

import { App, Stack } from 'aws-cdk-lib';
import { CfnRole } from 'aws-cdk-lib/aws-iam';
import { CfnAuthorizer, CfnPolicy, CfnProvisioningTemplate, CfnRoleAlias, CfnTopicRule } from 'aws-cdk-lib/aws-iot';
import { CfnPermission } from 'aws-cdk-lib/aws-lambda';
import { describe, expect, test } from 'vitest';
import { allow, document, iot, THING, trust, type Statement } from '../lib/constructs/policy.js';
import { IotChecks, RULES } from '../lib/nag/iot-checks.js';

/** The names of the findings in what is made. */
function findings(make: (stack: Stack) => void): string[] {
  const stack = new Stack(new App(), 'S');
  make(stack);
  return new IotChecks(stack).validateScope(stack).violations.map(({ ruleName }) => ruleName);
}

const policy =
  (...statements: Statement[]) =>
  (stack: Stack) =>
    new CfnPolicy(stack, 'P', { policyDocument: document(...statements) });

const errorAction = {
  sns: { targetArn: 'arn:aws:sns:us-east-1:123456789012:errors', roleArn: 'arn:aws:iam::123456789012:role/r' },
};
const rule = (more: Partial<CfnTopicRule.TopicRulePayloadProperty>) => (stack: Stack) =>
  new CfnTopicRule(stack, 'R', {
    topicRulePayload: { sql: "SELECT * FROM 'a'", actions: [], awsIotSqlVersion: '2016-03-23', errorAction, ...more },
  });

const ours = {
  StringEquals: { 'aws:SourceAccount': '123456789012' },
  ArnLike: { 'aws:SourceArn': 'arn:aws:iot:us-east-1:123456789012:rule/*' },
};
const role =
  (
    condition: Record<string, unknown> | undefined,
    statements: Statement[],
    managedPolicyArns: string[] = [],
    service = 'iot.amazonaws.com',
  ) =>
  (stack: Stack) =>
    new CfnRole(stack, 'Role', {
      assumeRolePolicyDocument: trust(service, condition),
      policies: [{ policyName: 'p', policyDocument: document(...statements) }],
      managedPolicyArns,
    });

const alias = (service: string, credentialDurationSeconds?: number) => (stack: Stack) => {
  const { attrArn } = role(ours, [], [], service)(stack);
  new CfnRoleAlias(stack, 'Alias', { roleArn: attrArn, credentialDurationSeconds });
};

const permission =
  (sources: { sourceAccount?: string; sourceArn?: string }, principal = 'iot.amazonaws.com') =>
  (stack: Stack) =>
    new CfnPermission(stack, 'Permission', { action: 'lambda:InvokeFunction', functionName: 'f', principal, ...sources });

const authorizer = (signingDisabled: boolean) => (stack: Stack) =>
  new CfnAuthorizer(stack, 'A', { authorizerFunctionArn: 'arn:aws:lambda:us-east-1:123456789012:function:f', signingDisabled });

const template = (templateType?: string, targetArn?: string) => (stack: Stack) =>
  new CfnProvisioningTemplate(stack, 'T', {
    templateBody: '{}',
    provisioningRoleArn: 'arn:aws:iam::123456789012:role/r',
    templateType,
    ...(targetArn && { preProvisioningHook: { targetArn } }),
  });

const CASES: [string, (stack: Stack) => unknown, string[]][] = [
  ['a rule with an error action', rule({}), []],
  ['a rule without an error action', rule({ errorAction: undefined }), ['Iot-TopicRuleErrorAction']],
  ['a rule without a version of the SQL', rule({ awsIotSqlVersion: undefined }), ['Iot-TopicRuleSqlVersion']],
  ['a rule of the old SQL', rule({ awsIotSqlVersion: '2015-10-08' }), ['Iot-TopicRuleSqlVersion']],

  ['a device that connects under its own name', policy(allow('iot:Connect', iot(`client/${THING}`))), []],
  ['a device that connects under any name', policy(allow('iot:Connect', iot('client/*'))), ['Iot-PolicyConnect[client/*]']],
  [
    'a device that connects under names that begin as its own',
    policy(allow('iot:Connect', iot(`client/${THING}*`))),
    [`Iot-PolicyConnect[client/${THING}*]`],
  ],
  ['a policy that allows everything', policy(allow('iot:*', '*')), ['Iot-PolicyConnect[*]', 'Iot-PolicyTopics[*]']],
  ['an action in capitals', policy(allow('IOT:CONNECT', iot('client/*'))), ['Iot-PolicyConnect[client/*]']],

  ["topics below the device's own name", policy(allow('iot:Publish', iot(`topic/dt/${THING}/*`))), []],
  ['a topic without a wildcard', policy(allow('iot:Publish', iot('topic/all/hello'))), []],
  ['topics of all devices', policy(allow('iot:Publish', iot('topic/dt/*'))), ['Iot-PolicyTopics[topic/dt/*]']],
  [
    'a filter for all devices',
    policy(allow('iot:Subscribe', iot('topicfilter/cmd/+/stop'))),
    ['Iot-PolicyTopics[topicfilter/cmd/+/stop]'],
  ],
  [
    "a wildcard before the device's name",
    policy(allow('iot:Receive', iot(`topic/*/${THING}`))),
    [`Iot-PolicyTopics[topic/*/${THING}]`],
  ],
  [
    'what provisioning needs',
    policy(
      allow('iot:Publish', [iot('topic/$aws/certificates/create/*'), iot('topic/$aws/provisioning-templates/t/provision/*')]),
    ),
    [],
  ],
  [
    'any provisioning template',
    policy(allow('iot:Publish', iot('topic/$aws/provisioning-templates/*'))),
    ['Iot-PolicyTopics[topic/$aws/provisioning-templates/*]'],
  ],
  ['a shadow of any thing, by another action', policy(allow('iot:GetThingShadow', iot('thing/*'))), []],

  ["a rule's role", role(ours, [allow('sns:Publish', 'arn:aws:sns:us-east-1:123456789012:t')]), []],
  ["a rule's role for anybody", role(undefined, []), ['Iot-RoleSource']],
  ["a rule's role for any rule of the account", role({ StringEquals: ours.StringEquals }, []), ['Iot-RoleSource']],
  ["a rule's role for any resource", role(ours, [allow('sns:Publish', '*')]), ['Iot-RoleTooWide[*]']],
  ["a rule's role for all of a service", role(ours, [allow('dynamodb:*', iot('thing/a'))]), ['Iot-RoleTooWide[dynamodb:*]']],
  [
    "a rule's role with a managed policy",
    role(ours, [], ['arn:aws:iam::aws:policy/X']),
    ['Iot-RoleTooWide[arn:aws:iam::aws:policy/X]'],
  ],
  [
    "a device's role for any resource",
    role(undefined, [allow('s3:GetObject', '*')], [], 'credentials.iot.amazonaws.com'),
    ['Iot-RoleTooWide[*]'],
  ],
  ['a role of another service', role(undefined, [allow('s3:*', '*')], [], 'lambda.amazonaws.com'), []],

  ['a role alias', alias('credentials.iot.amazonaws.com'), []],
  ['a role alias of half a day', alias('credentials.iot.amazonaws.com', 43200), ['Iot-RoleAlias[CredentialDurationSeconds]']],
  ["a role alias with a rule's role", alias('iot.amazonaws.com'), ['Iot-RoleAlias[RoleArn]']],

  ['a permission for one rule', permission({ sourceAccount: '123456789012', sourceArn: iot('rule/r') }), []],
  ['a permission for anybody', permission({}), ['Iot-PermissionSource']],
  ['a permission without an account', permission({ sourceArn: iot('rule/r') }), ['Iot-PermissionSource']],
  ['a permission of another service', permission({}, 'sns.amazonaws.com'), []],

  ['an authorizer of signed tokens', authorizer(false), []],
  ['an authorizer of any token', authorizer(true), ['Iot-AuthorizerSigning']],

  ['a template with a hook', template('FLEET_PROVISIONING', 'arn:aws:lambda:us-east-1:123456789012:function:f'), []],
  ['a template without a hook', template('FLEET_PROVISIONING'), ['Iot-ProvisioningHook']],
  ['a template of no type without a hook', template(), ['Iot-ProvisioningHook']],
  ['a template for just-in-time provisioning', template('JITP'), []],
];

describe('our checks', () => {
  test.each(CASES)('%s', (_, make, expected) => {
    expect(findings(make).sort()).toEqual(expected);
  });

  test('each finds something and lets something pass', () => {
    const found = new Set(CASES.flatMap(([, , names]) => names.map((name) => name.replace(/^Iot-|\[.*$/g, ''))));
    expect(RULES.map(({ id }) => id).filter((id) => !found.has(id))).toEqual([]);
  });
});
