import { Stack } from 'aws-cdk-lib';
import { CfnRole } from 'aws-cdk-lib/aws-iam';
import { CfnRoleAlias } from 'aws-cdk-lib/aws-iot';
import { NagRuleCompliance } from 'cdk-nag';
import { statements, text } from '../read.js';
import type { Rule } from '../rule.js';

/** An hour: the credentials of a device whose certificate was revoked stay good until they end. */
const LONGEST_SECONDS = 3600;

export const roleAlias: Rule = {
  id: 'RoleAlias',
  info: 'The role alias gives devices credentials for longer than an hour, or a role that others may assume as well.',
  explanation:
    'Revoking a certificate does not end the credentials that were given for it. And a role that both devices and a service ' +
    'assume can do for devices what only the service was meant to do.',
  check: (node) => {
    if (!(node instanceof CfnRoleAlias)) return NagRuleCompliance.NOT_APPLICABLE;
    const findings: string[] = [];
    const seconds: unknown = Stack.of(node).resolve(node.credentialDurationSeconds) ?? LONGEST_SECONDS;
    if (typeof seconds !== 'number' || seconds > LONGEST_SECONDS) findings.push('CredentialDurationSeconds');
    const arn = text(Stack.of(node).resolve(node.roleArn));
    const role = Stack.of(node)
      .node.findAll()
      .find((other): other is CfnRole => other instanceof CfnRole && text(Stack.of(node).resolve(other.attrArn)) === arn);
    const trusts = role ? statements(role, role.assumeRolePolicyDocument).flatMap(({ services }) => services) : [];
    if (role && trusts.some((service) => service !== 'credentials.iot.amazonaws.com')) findings.push('RoleArn');
    return findings;
  },
};
