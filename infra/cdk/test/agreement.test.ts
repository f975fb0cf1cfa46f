/** The synthesised template and template.yaml mean the same, resource by resource. */

import { describe, expect, test } from 'vitest';
import type { Sections } from './canonical.js';
import { differences } from './compare.js';
import { DIFFERENCES } from './named-differences.js';
import { sam as expanded, synthesised } from './templates.js';

const { template, packages } = synthesised();
const declared = expanded();

/** The differences that have no name, and the names that are needed no longer. */
function unnamed(sam: Sections, cdk: Sections): string[] {
  const [left, right] = [structuredClone(sam), structuredClone(cdk)];
  const found = Object.entries(DIFFERENCES).map(([name, { apply }]) => [name, apply(left, right, packages)] as const);
  const over = found.filter(([, places]) => places === 0).map(([name]) => `the named difference \`${name}\` is found nowhere`);
  return [...differences(left, right), ...over];
}

/** A copy of a template with one thing changed in it. */
function changed(sections: Sections, change: (resources: { [id: string]: any }) => void): Sections {
  const copy = structuredClone(sections);
  change(copy['Resources'] ?? {});
  return copy;
}

test('SAM and CDK agree', () => {
  expect(Object.keys(declared['Resources'] ?? {}).length).toBeGreaterThan(80);
  expect(unnamed(declared, template)).toEqual([]);
});

describe('they disagree where one alone', () => {
  const topic = { Type: 'AWS::SNS::Topic', Properties: {} };
  const ONE_SIDED: [string, (resources: { [id: string]: any }) => void, string][] = [
    ['has a resource more', (all) => (all['Another'] = topic), 'Resources.Another'],
    ['has a resource less', (all) => delete all['SettleQueue'], 'Resources.SettleQueue'],
    ['has a resource of another type', (all) => (all['AlertsTopic'].Type = 'AWS::SQS::Queue'), 'Resources.AlertsTopic.Type'],
    ['keeps no table', (all) => delete all['DevicesTable'].DeletionPolicy, 'Resources.DevicesTable.DeletionPolicy'],
    [
      'marks a resource as one of AWS alone',
      (all) => (all['AlertsTopic'].Metadata = { Drydock: 'aws-only' }),
      'Resources.AlertsTopic.Metadata',
    ],
    [
      'changes a number',
      (all) => (all['TelemetryFunction'].Properties.Timeout = 11),
      'Resources.TelemetryFunction.Properties.Timeout',
    ],
    [
      'allows more',
      (all) =>
        all['TelemetryFunctionRole'].Properties.Policies[0].PolicyDocument.Statement.push({
          Effect: 'Allow',
          Action: '*',
          Resource: '*',
        }),
      'Resources.TelemetryFunctionRole.Properties.Policies[0].PolicyDocument.Statement',
    ],
    [
      'has another managed policy',
      (all) => (all['TelemetryFunctionRole'].Properties.ManagedPolicyArns = ['arn:aws:iam::aws:policy/AdministratorAccess']),
      'Resources.TelemetryFunctionRole.Properties.ManagedPolicyArns',
    ],
    [
      'names another queue',
      (all) => (all['TelemetryFunctionReadings'].Properties.EventSourceArn = { 'Fn::GetAtt': ['PresenceQueue', 'Arn'] }),
      'Resources.TelemetryFunctionReadings.Properties.EventSourceArn',
    ],
    [
      'changes what is provisioned',
      (all) => {
        const of = all['FleetTemplate'].Properties;
        of.TemplateBody = JSON.parse(JSON.stringify(of.TemplateBody).replace('serialNumber', 'serial'));
      },
      'Resources.FleetTemplate.Properties.TemplateBody.Resources.thing',
    ],
  ];
  for (const [what, change, where] of ONE_SIDED) {
    test(what, () => {
      for (const found of [unnamed(changed(declared, change), template), unnamed(declared, changed(template, change))]) {
        expect(found.filter((line) => line.startsWith(where))).not.toEqual([]);
      }
    });
  }
});

test('a package of another binary is a difference', () => {
  const swapped = changed(
    template,
    (all) => (all['TelemetryFunction'].Properties.Code = all['ConnectivityFunction'].Properties.Code),
  );
  expect(unnamed(declared, swapped)).toEqual([
    'Resources.TelemetryFunction.Properties.Code.binary: SAM has "telemetry", CDK "connectivity"',
  ]);
});
