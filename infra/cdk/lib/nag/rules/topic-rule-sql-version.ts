import { Stack } from 'aws-cdk-lib';
import { CfnTopicRule } from 'aws-cdk-lib/aws-iot';
import { NagRuleCompliance } from 'cdk-nag';
import type { Rule } from '../rule.js';

export const topicRuleSqlVersion: Rule = {
  id: 'TopicRuleSqlVersion',
  info: 'The topic rule does not name the SQL version 2016-03-23.',
  explanation:
    'Without a version a rule made by CloudFormation has that of 2015-10-08, which knows neither nested queries nor arrays.',
  check: (node) => {
    if (!(node instanceof CfnTopicRule)) return NagRuleCompliance.NOT_APPLICABLE;
    const payload = Stack.of(node).resolve(node.topicRulePayload) as CfnTopicRule.TopicRulePayloadProperty;
    return payload.awsIotSqlVersion === '2016-03-23' ? NagRuleCompliance.COMPLIANT : NagRuleCompliance.NON_COMPLIANT;
  },
};
