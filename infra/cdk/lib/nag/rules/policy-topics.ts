import { CfnPolicy } from 'aws-cdk-lib/aws-iot';
import { NagRuleCompliance } from 'cdk-nag';
import { resourceOf, statements } from '../read.js';
import type { Rule } from '../rule.js';

const OF_MESSAGES = ['iot:publish', 'iot:receive', 'iot:subscribe', 'iot:retainpublish', 'iot:*', '*'];
/** What a device asks for a certificate of its own by; the topics are answered to the connection that asked. */
const PROVISIONING = /^topic(filter)?\/\$aws\/(certificates\/create(-from-csr)?|provisioning-templates\/[^/*]+\/provision)\/\*$/;

export const policyTopics: Rule = {
  id: 'PolicyTopics',
  info: 'The IoT policy opens topics of other devices.',
  explanation:
    'A wildcard in a topic whose name says nothing of the device lets each read and write what belongs to all. Put a policy ' +
    'variable, such as ${iot:Connection.Thing.ThingName}, before it.',
  check: (node) => {
    if (!(node instanceof CfnPolicy)) return NagRuleCompliance.NOT_APPLICABLE;
    return statements(node, node.policyDocument)
      .filter(({ effect, actions }) => effect === 'Allow' && actions.some((action) => OF_MESSAGES.includes(action.toLowerCase())))
      .flatMap(({ resources }) => resources.map(resourceOf))
      .filter((resource) => isWide(resource) && !PROVISIONING.test(resource));
  },
};

/** Whether a wildcard, of policies or of MQTT, comes before the first policy variable. */
function isWide(resource: string): boolean {
  const [known = ''] = resource.split('${iot:');
  return known === resource ? /[*?#+]/.test(resource) : /[*?#+]/.test(known);
}
