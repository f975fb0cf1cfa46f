import { CfnPolicy } from 'aws-cdk-lib/aws-iot';
import { NagRuleCompliance } from 'cdk-nag';
import { resourceOf, statements } from '../read.js';
import type { Rule } from '../rule.js';

export const policyConnect: Rule = {
  id: 'PolicyConnect',
  info: 'The IoT policy lets a device connect under names that are not its own.',
  explanation:
    'A client that connects under the id of another throws that one off. Name the client by a policy variable, such as ' +
    '${iot:Connection.Thing.ThingName}, or by its whole id.',
  check: (node) => {
    if (!(node instanceof CfnPolicy)) return NagRuleCompliance.NOT_APPLICABLE;
    return statements(node, node.policyDocument)
      .filter(
        ({ effect, actions }) =>
          effect === 'Allow' && actions.some((action) => ['iot:connect', 'iot:*', '*'].includes(action.toLowerCase())),
      )
      .flatMap(({ resources }) => resources.map(resourceOf))
      .filter((resource) => resource.includes('*') || resource.includes('?'));
  },
};
