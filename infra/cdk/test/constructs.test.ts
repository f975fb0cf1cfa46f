/** What each construct makes, as it is read best: texts put together, `‹Name›` for what is filled in at deployment. */

import { mkdtempSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { app } from '../lib/app.js';
import { binaries, CargoLambda } from '../lib/constructs/binaries.js';
import { FleetFunction, type FleetFunctionProps } from '../lib/constructs/fleet-function.js';
import { IotRole } from '../lib/constructs/iot-role.js';
import { allow } from '../lib/constructs/policy.js';
import { KeptQueue, WorkQueue } from '../lib/constructs/queue.js';
import { Schedule } from '../lib/constructs/schedule.js';
import { Table } from '../lib/constructs/table.js';
import { republish, toQueue, toTable, TopicRule } from '../lib/constructs/topic-rule.js';
import { DrydockStack } from '../lib/stack.js';
import { canonical, type Fields, type Sections } from './canonical.js';
import { synthesised } from './templates.js';

/** A stack of nothing, with names as the real one gives them. */
class Empty extends Stack {
  protected override allocateLogicalId = DrydockStack.prototype['allocateLogicalId'];
}

/** What is synthesised of what is made in an empty stack. */
function resources(make: (stack: Stack) => unknown): Record<string, unknown> {
  const made = new App({ context: { functions: 'stub' } });
  const stack = new Empty(made, 'S');
  make(stack);
  const template = made.synth().getStackByName('S').template as Sections;
  return canonical(template['Resources'] ?? {}) as Fields;
}

async function isAsWritten(name: string, value: unknown): Promise<void> {
  const text = `${typeof value === 'string' ? value : JSON.stringify(value, undefined, 2)}\n`;
  expect(text.split('\n').filter((line) => line.length > 200)).toEqual([]);
  await expect(text).toMatchFileSnapshot(`snapshots/${name}`);
}

const ALERTS = 'arn:aws:sns:us-east-1:123456789012:alerts';

function work(stack: Construct, visibilitySeconds = 60): WorkQueue {
  const deadLetters = new KeptQueue(stack, 'DeadLetterQueue');
  return new WorkQueue(stack, 'TelemetryQueue', {
    deadLetters,
    attempts: 300,
    visibilitySeconds,
    backlog: { seconds: 300, description: 'Readings wait.', alerts: ALERTS },
  });
}

const lambda = (stack: Construct, more: Partial<FleetFunctionProps> = {}) =>
  new FleetFunction(stack, 'Telemetry', {
    binaries: binaries(stack),
    binary: 'telemetry',
    description: 'Stores readings.',
    environment: { LATEST_TABLE: 'latest' },
    statements: [allow('sns:Publish', ALERTS)],
    alerts: ALERTS,
    errors: { description: 'Readings may be lost.' },
    ...more,
  });

/** Code is named by its digest, which changes with nothing that matters here. */
function withoutCode(made: Record<string, unknown>) {
  for (const resource of Object.values(made) as { Type: string; Properties: Fields }[]) {
    if (resource.Type === 'AWS::Lambda::Function') delete resource.Properties['Code'];
  }
  return made;
}

describe('constructs', () => {
  test('a table', async () => {
    await isAsWritten(
      'table.json',
      resources((stack) => new Table(stack, 'HistoryTable', { partitionKey: 'thingName', sortKey: 'measured', expires: true })),
    );
  });

  test('a queue with its dead letters', async () => {
    await isAsWritten(
      'queue.json',
      resources((stack) => work(stack)),
    );
  });

  test('rules with their role', async () => {
    const made = resources((stack) => {
      const role = new IotRole(stack, 'RulesRole', {
        description: 'What the rules may do.',
        policyName: 'rules',
        sources: ['rule/*'],
      });
      const rule = (id: string, action: ReturnType<typeof republish>) =>
        new TopicRule(stack, id, {
          description: id,
          sql: "SELECT * FROM 'dt/+/telemetry'",
          actions: [action],
          role,
          errors: ALERTS,
        });
      rule('ToQueue', toQueue(work(stack)));
      rule('ToTable', toTable(new Table(stack, 'EventsTable', { partitionKey: 'thingName' })));
      rule('Republish', republish('cmd/${topic(2)}/derate'));
      rule('RepublishAgain', republish('cmd/${topic(3)}/derate'));
    });
    await isAsWritten('rules.json', Object.fromEntries(Object.entries(made).filter(([id]) => /^(To|Republish|Rules)/.test(id))));
  });

  test('a function that works off a queue', async () => {
    const made = resources((stack) =>
      lambda(stack, { batches: { Readings: { queue: work(stack), size: 10, concurrency: 50 } } }),
    );
    const own = Object.entries(withoutCode(made)).filter(([id]) => /^Telemetry(Function|Logs|Errors)/.test(id));
    await isAsWritten('function-of-a-queue.json', Object.fromEntries(own));
  });

  test('a function that is invoked asynchronously', async () => {
    const made = resources((stack) => {
      const queue = new KeptQueue(stack, 'FailuresQueue');
      lambda(stack, {
        failures: { queue, retries: 2, maximumAgeSeconds: 3600 },
        throttles: 'It is throttled.',
        topics: { Told: ALERTS },
      });
    });
    await isAsWritten('function-with-failures.json', withoutCode(made));
  });

  test('a schedule', async () => {
    const functionArn = 'arn:aws:lambda:us-east-1:123456789012:function:f';
    await isAsWritten(
      'schedule.json',
      resources(
        (stack) =>
          new Schedule(stack, 'EveryMinute', { name: 'n', expression: 'rate(1 minute)', input: '{}', functionArn, retries: 0 }),
      ),
    );
  });

  test('a queue that hides messages too briefly for its function is refused', () => {
    const make = () =>
      resources((stack) => lambda(stack, { batches: { Readings: { queue: work(stack, 59), size: 10, concurrency: 2 } } }));
    expect(make).toThrow('S/TelemetryQueue hides messages for less than six times the 10 s of S/Telemetry');
  });
});

test('what the stack holds', async () => {
  const lines = Object.entries(synthesised().template['Resources'] ?? {}).map(([id, { Type }]) => `${id}: ${String(Type)}`);
  await isAsWritten('stack.txt', lines.sort().join('\n'));
});

describe('executables', () => {
  /** What CargoLambda gives in a workspace whose cargo is a script. */
  function built(cargo: string): { workspace: string; folder: () => string } {
    const workspace = mkdtempSync(join(tmpdir(), 'drydock-workspace-'));
    writeFileSync(join(workspace, 'cargo'), `#!/bin/sh\n${cargo}\n`, { mode: 0o755 });
    vi.stubEnv('PATH', `${workspace}:${process.env['PATH'] ?? ''}`);
    const made = new Stack(new App(), 'S');
    return { workspace, folder: () => new CargoLambda(workspace).folder(made, 'telemetry') };
  }
  afterEach(() => void vi.unstubAllEnvs());

  test('are built by cargo-lambda', () => {
    const { workspace, folder } = built('mkdir -p target/lambda/telemetry && echo "$@" > target/lambda/telemetry/bootstrap');
    expect(folder()).toBe(join(workspace, 'target/lambda/telemetry'));
    const asked = readFileSync(join(folder(), 'bootstrap'), 'utf8');
    expect(asked).toBe('lambda build --release --arm64 --locked --bin telemetry\n');
  });

  test('that are not built are an error', () => {
    expect(built('exit 101').folder).toThrow('--bin telemetry` failed; is cargo-lambda installed?');
    expect(built('exit 0').folder).toThrow('holds no `bootstrap`');
  });

  const context = (functions: string) => () => app({ context: { functions } });

  test('are taken from a folder', () => {
    const folder = mkdtempSync(join(tmpdir(), 'drydock-built-'));
    for (const binary of new Set(synthesised().packages.values())) {
      mkdirSync(join(folder, binary));
      writeFileSync(join(folder, binary, 'bootstrap'), binary);
    }
    expect(context(folder)).not.toThrow();
  });

  test('have to be in that folder', () => {
    expect(context(tmpdir())).toThrow(
      'holds no `bootstrap`: build it by `cargo lambda build --release --arm64 --bin jit-registration`',
    );
  });

  test('that are stubs bring a warning', () => {
    const { app: made, stack } = app({ context: { functions: 'stub' } });
    const messages = made
      .synth()
      .getStackByName(stack.stackName)
      .messages.map(({ entry }) => String(entry.data));
    expect(messages.join()).toContain('The functions are stubs: this is not to be deployed');
  });
});
