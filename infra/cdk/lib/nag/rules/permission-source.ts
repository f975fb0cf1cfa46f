import { CfnPermission } from 'aws-cdk-lib/aws-lambda';
import { NagRuleCompliance } from 'cdk-nag';
import type { Rule } from '../rule.js';

export const permissionSource: Rule = {
  id: 'PermissionSource',
  info: 'AWS IoT may invoke the function for anybody: nothing names the account and the source.',
  explanation: 'Without `SourceAccount` and `SourceArn` a rule or an authorizer of another account can invoke the function.',
  check: (node) => {
    if (!(node instanceof CfnPermission) || node.principal !== 'iot.amazonaws.com') return NagRuleCompliance.NOT_APPLICABLE;
    return node.sourceAccount && node.sourceArn ? NagRuleCompliance.COMPLIANT : NagRuleCompliance.NON_COMPLIANT;
  },
};
