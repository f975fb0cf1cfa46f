/** Findings of the checks that are as they should be, each with its reason. */

import { Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import type { Statement } from './policy.js';

/** Says of findings, named `Rule` or `Rule[Finding]`, why they are as they should be. */
export function acknowledge(scope: IConstruct, reason: string, ...findings: string[]): void {
  Validations.of(scope).acknowledge(...findings.map((id) => ({ id, reason })));
}

/** Says of each wildcard in a role's statements why it is there, by what the statement itself says. */
export function acknowledgeWide(scope: IConstruct, statements: readonly Statement[]): void {
  for (const { wide, resources } of statements) {
    if (wide) {
      const wildcards = resources.filter((resource) => resource.includes('*'));
      acknowledge(scope, wide, ...wildcards.map((resource) => `AwsSolutions-IAM5[Resource::${shown(resource)}]`));
    }
  }
}

/** An ARN as cdk-nag writes it in a finding: what is filled in at deployment stands in angle brackets. */
function shown(arn: string): string {
  return arn.replace(/\$\{Token\[(AWS[.:]+\w+)\.\d+\]\}/g, (_, name: string) => `<${name.replace(/[.:]+/, '::')}>`);
}
