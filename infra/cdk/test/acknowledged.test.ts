/** What the checks find in the stack, and what is said to it. */

import { CfnResource, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks, type NagPack } from 'cdk-nag';
import type { IConstruct } from 'constructs';
import { expect, test } from 'vitest';
import { app } from '../lib/app.js';
import { IotChecks } from '../lib/nag/iot-checks.js';

const { app: made, stack } = app({ context: { functions: 'stub' } });
const packs: NagPack[] = [new AwsSolutionsChecks(made), new IotChecks(made)];
const METADATA = Validations.ACKNOWLEDGED_RULES_METADATA_KEY;

/** What is left of the findings. */
function violations(): string[] {
  return packs.flatMap((pack) =>
    pack
      .validateScope(stack)
      .violations.flatMap(({ ruleName, violatingResources }) =>
        violatingResources.map(({ constructPath }) => `${constructPath}: ${ruleName}`),
      ),
  );
}

/** Every finding that is acknowledged: where, which, why. */
function acknowledged(): [IConstruct, string, string][] {
  return stack.node.findAll().flatMap((construct) =>
    construct.node.metadata
      .filter(({ type }) => type === METADATA)
      .flatMap(({ data }) => Object.entries(data as Record<string, string>))
      .map(([id, reason]): [IConstruct, string, string] => [construct, id.replace(/^annotation::/i, ''), reason]),
  );
}

test('nothing is left', () => {
  expect(stack.node.findAll().filter((construct) => CfnResource.isCfnResource(construct)).length).toBeGreaterThan(80);
  expect(violations()).toEqual([]);
});

test('each finding that is acknowledged has a reason and is found', () => {
  const all = acknowledged();
  expect(all.length).toBeGreaterThan(20);
  expect(all.filter(([, , reason]) => reason.length < 20)).toEqual([]);
  // Without what was said to them, they are all there: what is not found is not to be acknowledged.
  for (const construct of stack.node.findAll()) {
    const kept = construct.node.metadata.filter(({ type }) => type !== METADATA);
    Object.defineProperty(construct.node, 'metadata', { get: () => kept });
  }
  const found = violations();
  const needless = all.filter(
    ([construct, id]) => !found.some((line) => line.startsWith(construct.node.path) && line.endsWith(`: ${id}`)),
  );
  expect(needless.map(([construct, id]) => `${construct.node.path}: ${id}`)).toEqual([]);
});
