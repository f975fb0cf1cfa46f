import { CfnRole } from 'aws-cdk-lib/aws-iam';
import { NagRuleCompliance } from 'cdk-nag';
import { statements } from '../read.js';
import type { Rule } from '../rule.js';

export const roleSource: Rule = {
  id: 'RoleSource',
  info: 'AWS IoT may assume the role for anybody: nothing names the account or the source.',
  explanation: "Without `aws:SourceAccount` and `aws:SourceArn` in its trust policy, somebody else's rule can be given the role.",
  check: (node) => {
    if (!(node instanceof CfnRole)) return NagRuleCompliance.NOT_APPLICABLE;
    const ofIot = statements(node, node.assumeRolePolicyDocument).filter(({ services }) =>
      services.includes('iot.amazonaws.com'),
    );
    if (ofIot.length === 0) return NagRuleCompliance.NOT_APPLICABLE;
    const named = ofIot.every(({ condition }) => /aws:SourceAccount/i.test(condition) && /aws:SourceArn/i.test(condition));
    return named ? NagRuleCompliance.COMPLIANT : NagRuleCompliance.NON_COMPLIANT;
  },
};
