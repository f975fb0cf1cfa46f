import type { CfnResource } from 'aws-cdk-lib';
import { NagMessageLevel, NagPack } from 'cdk-nag';
import type { Rule } from './rule.js';
import { authorizerSigning } from './rules/authorizer-signing.js';
import { permissionSource } from './rules/permission-source.js';
import { policyConnect } from './rules/policy-connect.js';
import { policyTopics } from './rules/policy-topics.js';
import { provisioningHook } from './rules/provisioning-hook.js';
import { roleAlias } from './rules/role-alias.js';
import { roleSource } from './rules/role-source.js';
import { roleTooWide } from './rules/role-too-wide.js';
import { topicRuleErrorAction } from './rules/topic-rule-error-action.js';
import { topicRuleSqlVersion } from './rules/topic-rule-sql-version.js';

/** The rules, by name. */
export const RULES: readonly Rule[] = [
  authorizerSigning,
  permissionSource,
  policyConnect,
  policyTopics,
  provisioningHook,
  roleAlias,
  roleSource,
  roleTooWide,
  topicRuleErrorAction,
  topicRuleSqlVersion,
];

/** What cdk-nag does not know of AWS IoT. */
export class IotChecks extends NagPack {
  override readonly name = 'Iot';

  constructor(...given: ConstructorParameters<typeof NagPack>) {
    super(...given);
    this.packName = 'Iot';
  }

  protected override checkResource(node: CfnResource): void {
    for (const { id, info, explanation, check } of RULES) {
      this.applyRule({ ruleSuffixOverride: id, info, explanation, level: NagMessageLevel.ERROR, node, rule: check });
    }
  }
}
