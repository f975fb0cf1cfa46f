/** The two templates. */

import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { app } from '../lib/app.js';
import type { Sections } from './canonical.js';

const ROOT = resolve(fileURLToPath(import.meta.url), '../../../..');

/** What the CDK uploads: the parts of its manifest that are read here. */
interface Assets {
  readonly files: {
    [hash: string]: { source: { path: string; packaging: string }; destinations: { [id: string]: { objectKey: string } } };
  };
}

/** What the app synthesises without building functions, and which binary each package holds, by its key. */
export function synthesised(): { template: Sections; packages: Map<string, string> } {
  const { app: made, stack } = app({ context: { functions: 'stub' }, outdir: mkdtempSync(join(tmpdir(), 'drydock-cdk-')) });
  const assembly = made.synth();
  const template = assembly.getStackByName(stack.stackName).template as Sections;
  const manifest = JSON.parse(readFileSync(join(assembly.directory, `${stack.stackName}.assets.json`), 'utf8')) as Assets;
  const packages = new Map<string, string>();
  for (const { source, destinations } of Object.values(manifest.files)) {
    if (source.packaging !== 'zip') continue;
    const stub = readFileSync(join(assembly.directory, source.path, 'bootstrap'), 'utf8');
    for (const { objectKey } of Object.values(destinations)) packages.set(objectKey, /stub of ([a-z-]+)/.exec(stub)?.[1] ?? stub);
  }
  return { template, packages };
}

/** What template.yaml means, by the SAM transform. `SAM_PYTHON` is a Python that has it. */
export function sam(): Sections {
  const python = process.env['SAM_PYTHON'] ?? join(ROOT, 'target/tools/sam/bin/python');
  if (!existsSync(python))
    throw new Error(`\`${python}\` is not there: \`.ci/tools\` installs it, or name another by SAM_PYTHON`);
  const text = execFileSync(python, [join(ROOT, 'infra/cdk/test/expand.py'), join(ROOT, 'template.yaml')], {
    maxBuffer: 1 << 26,
  });
  return JSON.parse(text.toString()) as Sections;
}
