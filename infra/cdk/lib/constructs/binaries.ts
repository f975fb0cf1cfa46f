/** Where the executables of the functions come from. */

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Annotations, Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';

/** The workspace that the functions are packages of. */
const WORKSPACE = resolve(fileURLToPath(import.meta.url), '../../../../..');

/** Gives the folder that becomes a function's package: it holds an executable `bootstrap`. */
export interface Binaries {
  folder(scope: Construct, binary: string): string;
}

/**
 * What `-c functions=…` asks for: nothing, and cargo-lambda builds them; `stub`, and nothing is built, for looking at
 * the template; or a folder with `<binary>/bootstrap` in it, as `cargo lambda build` leaves it in `target/lambda`.
 */
export function binaries(scope: Construct): Binaries {
  const asked: unknown = scope.node.tryGetContext('functions');
  if (asked === undefined) return new CargoLambda();
  if (asked === 'stub') return new Stubs();
  return new Built(resolve(String(asked)));
}

/** Builds for Lambda on arm64, by `cargo lambda build`. */
export class CargoLambda implements Binaries {
  constructor(private readonly workspace = WORKSPACE) {}

  folder(scope: Construct, binary: string): string {
    // `cdk list` and `cdk destroy` need no code.
    if (!Stack.of(scope).bundlingRequired) return new Stubs().folder(scope, binary);
    const command = ['lambda', 'build', '--release', '--arm64', '--locked', '--bin', binary];
    try {
      // What it says goes to the standard error: the output is for the template.
      execFileSync('cargo', command, { cwd: this.workspace, stdio: ['ignore', 2, 2] });
    } catch (error) {
      throw new Error(
        `\`cargo ${command.join(' ')}\` failed; is cargo-lambda installed? ` +
          'What is built already is taken by `-c functions=FOLDER`, and `-c functions=stub` builds nothing',
        { cause: error },
      );
    }
    return new Built(join(this.workspace, 'target', 'lambda')).folder(scope, binary);
  }
}

/** Takes what is there. */
class Built implements Binaries {
  constructor(private readonly root: string) {}

  folder(_: Construct, binary: string): string {
    const folder = join(this.root, binary);
    if (!existsSync(join(folder, 'bootstrap'))) {
      throw new Error(
        `\`${folder}\` holds no \`bootstrap\`: build it by \`cargo lambda build --release --arm64 --bin ${binary}\``,
      );
    }
    return folder;
  }
}

/** Writes executables that say that they are none. */
class Stubs implements Binaries {
  private readonly root = mkdtempSync(join(tmpdir(), 'drydock-stubs-'));

  folder(scope: Construct, binary: string): string {
    const folder = join(this.root, binary);
    mkdirSync(folder, { recursive: true });
    const text = `echo 'this is a stub of ${binary}: the app was synthesised without building functions' >&2`;
    writeFileSync(join(folder, 'bootstrap'), `#!/bin/sh\n${text}\nexit 1\n`, { mode: 0o755 });
    Annotations.of(Stack.of(scope)).addWarningV2('drydock:stubs', 'The functions are stubs: this is not to be deployed');
    return folder;
  }
}
