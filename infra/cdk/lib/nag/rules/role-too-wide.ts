import { Stack } from 'aws-cdk-lib';
import { CfnRole } from 'aws-cdk-lib/aws-iam';
import { NagRuleCompliance } from 'cdk-nag';
import { statements, text } from '../read.js';
import type { Rule } from '../rule.js';

const SERVICES = ['iot.amazonaws.com', 'credentials.iot.amazonaws.com'];

export const roleTooWide: Rule = {
  id: 'RoleTooWide',
  info: 'A role that rules or devices act under may do more than is named.',
  explanation:
    "Whoever may write a rule, or holds one device's key, acts under this role. Name each action and resource, without " +
    'managed policies, actions with wildcards, or the resource `*`.',
  check: (node) => {
    if (!(node instanceof CfnRole)) return NagRuleCompliance.NOT_APPLICABLE;
    const trusts = statements(node, node.assumeRolePolicyDocument).flatMap(({ services }) => services);
    if (!trusts.some((service) => SERVICES.includes(service))) return NagRuleCompliance.NOT_APPLICABLE;
    const inline = (Stack.of(node).resolve(node.policies) ?? []) as { policyDocument: unknown }[];
    const allowed = inline
      .flatMap(({ policyDocument }) => statements(node, policyDocument))
      .filter(({ effect }) => effect === 'Allow');
    const managed = ((Stack.of(node).resolve(node.managedPolicyArns) ?? []) as unknown[]).map(text);
    return [
      ...allowed.flatMap(({ actions }) => actions).filter((action) => action.includes('*')),
      ...allowed.flatMap(({ resources }) => resources).filter((resource) => resource === '*'),
      ...managed,
    ];
  },
};
