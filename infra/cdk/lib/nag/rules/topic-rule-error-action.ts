import { Stack } from 'aws-cdk-lib';
import { CfnTopicRule } from 'aws-cdk-lib/aws-iot';
import { NagRuleCompliance } from 'cdk-nag';
import type { Rule } from '../rule.js';

export const topicRuleErrorAction: Rule = {
  id: 'TopicRuleErrorAction',
  info: 'The topic rule has no error action.',
  explanation:
    'What an action cannot deliver is lost without one: AWS IoT tries some actions again for a while, others not at all.',
  check: (node) => {
    if (!(node instanceof CfnTopicRule)) return NagRuleCompliance.NOT_APPLICABLE;
    const payload = Stack.of(node).resolve(node.topicRulePayload) as CfnTopicRule.TopicRulePayloadProperty;
    return payload.errorAction ? NagRuleCompliance.COMPLIANT : NagRuleCompliance.NON_COMPLIANT;
  },
};
