import { CfnAuthorizer } from 'aws-cdk-lib/aws-iot';
import { NagRuleCompliance } from 'cdk-nag';
import type { Rule } from '../rule.js';

export const authorizerSigning: Rule = {
  id: 'AuthorizerSigning',
  info: 'The custom authorizer takes tokens without a signature.',
  explanation: 'With signing AWS IoT turns away what carries no signature of yours before it invokes the function, which costs.',
  check: (node) => {
    if (!(node instanceof CfnAuthorizer)) return NagRuleCompliance.NOT_APPLICABLE;
    return node.signingDisabled === true ? NagRuleCompliance.NON_COMPLIANT : NagRuleCompliance.COMPLIANT;
  },
};
