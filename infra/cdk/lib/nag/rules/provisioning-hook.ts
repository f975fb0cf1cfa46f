import { CfnProvisioningTemplate } from 'aws-cdk-lib/aws-iot';
import { NagRuleCompliance } from 'cdk-nag';
import type { Rule } from '../rule.js';

export const provisioningHook: Rule = {
  id: 'ProvisioningHook',
  info: 'The provisioning template has no hook before provisioning.',
  explanation:
    'Whoever has the claim, which a whole batch of devices shares, gets certificates without end where no hook asks who it is.',
  check: (node) => {
    if (!(node instanceof CfnProvisioningTemplate)) return NagRuleCompliance.NOT_APPLICABLE;
    // Just-in-time provisioning takes no hook: there the CA has signed the device.
    if (node.templateType === 'JITP') return NagRuleCompliance.NOT_APPLICABLE;
    return node.preProvisioningHook ? NagRuleCompliance.COMPLIANT : NagRuleCompliance.NON_COMPLIANT;
  },
};
