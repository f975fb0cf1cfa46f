import { CfnTopicRule } from 'aws-cdk-lib/aws-iot';
import { Construct } from 'constructs';
import type { IotRole } from './iot-role.js';
import { iot } from './policy.js';
import type { WorkQueue } from './queue.js';
import type { Table } from './table.js';

/** What is done with a message, and what the rule's role has to be allowed for it. */
export interface Action {
  readonly grants: { readonly action: string; readonly resource: string; readonly wide?: string }[];
  with(roleArn: string): CfnTopicRule.ActionProperty;
}

/** Puts the message into a queue. */
export function toQueue({ arn, url }: WorkQueue): Action {
  return {
    grants: [{ action: 'sqs:SendMessage', resource: arn }],
    with: (roleArn) => ({ sqs: { queueUrl: url, roleArn, useBase64: false } }),
  };
}

/** Puts the message into a table, a column for each of its members. */
export function toTable({ arn, tableName }: Table): Action {
  return {
    grants: [{ action: 'dynamodb:PutItem', resource: arn }],
    with: (roleArn) => ({ dynamoDBv2: { roleArn, putItem: { tableName } } }),
  };
}

/** Publishes the message to a topic, in which the rule fills in `${…}`. */
export function republish(topic: string): Action {
  const wide = 'The rule fills in the name of the device that sent the message';
  return {
    grants: [{ action: 'iot:Publish', resource: iot(`topic/${topic.replace(/\$\{[^}]*\}/g, '*')}`), wide }],
    with: (roleArn) => ({ republish: { roleArn, topic, qos: 1 } }),
  };
}

/** What a rule does. */
export interface TopicRuleProps {
  readonly description: string;
  readonly sql: string;
  readonly actions: Action[];
  /** The role that its actions use; it is allowed what they need. */
  readonly role: IotRole;
  /** The ARN of the topic that is told what an action could not deliver, with the payload. */
  readonly errors: string;
}

/** A rule that always has an error action, so that what an action could not deliver is not lost. */
export class TopicRule extends Construct {
  constructor(scope: Construct, id: string, { description, sql, actions, role, errors }: TopicRuleProps) {
    super(scope, id);
    for (const { action, resource, wide } of actions.flatMap(({ grants }) => grants)) role.grant(action, resource, wide);
    role.grant('sns:Publish', errors);
    new CfnTopicRule(this, 'Resource', {
      topicRulePayload: {
        description,
        awsIotSqlVersion: '2016-03-23',
        sql,
        ruleDisabled: false,
        actions: actions.map((action) => action.with(role.arn)),
        errorAction: { sns: { targetArn: errors, roleArn: role.arn, messageFormat: 'RAW' } },
      },
    });
  }
}
