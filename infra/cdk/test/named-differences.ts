/**
 * Where the two templates are meant to differ, and why. Each turns what SAM says into what the CDK is to say, or takes
 * away what the CDK adds; the test fails for one that finds nothing any more.
 */

import type { Fields, Json, Sections } from './canonical.js';

export interface Difference {
  readonly why: string;
  /** Gives back how many places it has found. */
  apply(sam: Sections, cdk: Sections, packages: ReadonlyMap<string, string>): number;
}

export const DIFFERENCES: Record<string, Difference> = {
  'tag of SAM': {
    why: 'SAM says with a tag that it made a function and its role',
    apply: (sam) =>
      each(sam, (properties) => {
        const tags = properties['Tags'];
        if (!Array.isArray(tags)) return false;
        const others = tags.filter((tag) => (tag as Fields)['Key'] !== 'lambda:createdBy');
        if (others.length > 0) properties['Tags'] = others;
        else delete properties['Tags'];
        return others.length < tags.length;
      }),
  },
  'tag of SAM on an API': {
    why: 'SAM says with a tag that it made an API and its stage',
    apply: (sam) =>
      each(sam, (properties, resource) => {
        const isApi = resource['Type'] === 'AWS::ApiGatewayV2::Api';
        if (!isApi && resource['Type'] !== 'AWS::ApiGatewayV2::Stage') return false;
        const [holder, name] = isApi ? [properties['Body'] as Fields, 'tags'] : [properties, 'Tags'];
        if (!JSON.stringify(holder[name] ?? null).includes('httpapi:createdBy')) return false;
        delete holder[name];
        return true;
      }),
  },
  'package of a function': {
    why: 'SAM uploads what `sam build` has made of the `CodeUri`, the CDK an asset; both are the same binary of the workspace',
    apply: (sam, cdk, packages) =>
      each(sam, (properties, resource) => {
        const binary = ((resource['Metadata'] as Fields | undefined)?.['BuildProperties'] as Fields | undefined)?.['Binary'];
        if (binary === undefined || resource['Type'] !== 'AWS::Lambda::Function') return false;
        properties['Code'] = { binary };
        return true;
      }) +
      each(cdk, (properties, resource) => {
        if (resource['Type'] !== 'AWS::Lambda::Function') return false;
        const key = String((properties['Code'] as Fields)['S3Key']);
        properties['Code'] = { binary: packages.get(key) ?? `no asset \`${key}\`` };
        return true;
      }),
  },
  'managed policies': {
    why:
      'SAM gives a function managed policies of AWS that open all log groups and queues of the account; ' +
      "the CDK's may write to its own log group and take messages from its own queues",
    apply: (sam) =>
      each(sam, (properties, resource, id) => {
        const managed = [properties['ManagedPolicyArns'] ?? []].flat().map((arn) => JSON.stringify(arn).replace(/^.*\/|"$/g, ''));
        if (resource['Type'] !== 'AWS::IAM::Role' || managed.length === 0) return false;
        const of = id.slice(0, -'Role'.length);
        const { logs, queues } = usedBy(sam, of);
        // Any other managed policy stays, and differs.
        const known = ['AWSLambdaBasicExecutionRole', ...(queues.length > 0 ? ['AWSLambdaSQSQueueExecutionRole'] : [])];
        if (managed.sort().join() !== known.join()) return false;
        delete properties['ManagedPolicyArns'];
        const taking = ['sqs:DeleteMessage', 'sqs:GetQueueAttributes', 'sqs:ReceiveMessage'];
        const statements: Json[] = [
          { Effect: 'Allow', Action: ['logs:CreateLogStream', 'logs:PutLogEvents'], Resource: { 'Fn::GetAtt': [logs, 'Arn'] } },
          ...(queues.length > 0 ? [{ Effect: 'Allow', Action: taking, Resource: queues }] : []),
        ];
        const own = { PolicyName: 'own', PolicyDocument: { Version: '2012-10-17', Statement: statements } };
        properties['Policies'] = [...((properties['Policies'] as Json[] | undefined) ?? []), own];
        return true;
      }),
  },
  'version of a policy': {
    why: 'SAM leaves the version out of policies that it adds for schedules and failure destinations; nothing in them depends on it',
    apply: (sam) =>
      each(sam, (properties, resource) => {
        if (resource['Type'] !== 'AWS::IAM::Role') return false;
        const policies = (properties['Policies'] ?? []) as { PolicyDocument?: Fields }[];
        const without = policies.filter(({ PolicyDocument }) => PolicyDocument && PolicyDocument['Version'] === undefined);
        for (const { PolicyDocument } of without) if (PolicyDocument) PolicyDocument['Version'] = '2012-10-17';
        return without.length > 0;
      }),
  },
  'bootstrap of the CDK': {
    why: 'the CDK has the stack check that the account is bootstrapped for its assets',
    apply: (_, cdk) => {
      const found = [cdk['Parameters']?.['BootstrapVersion'], cdk['Rules']?.['CheckBootstrapVersion']].filter(Boolean).length;
      delete cdk['Parameters']?.['BootstrapVersion'];
      delete cdk['Rules']?.['CheckBootstrapVersion'];
      return found;
    },
  },
  'metadata of the tools': {
    why: 'how SAM builds a function and where the CDK has a resource from is for those tools; the mark of `drydock up` is compared',
    apply: (sam, cdk) =>
      [sam, cdk]
        .flatMap((template) => Object.values(template['Resources'] ?? {}))
        .filter((resource) => {
          const metadata = resource['Metadata'] as Fields | undefined;
          if (!metadata) return false;
          const mark = metadata['Drydock'];
          if (mark === undefined) delete resource['Metadata'];
          else resource['Metadata'] = { Drydock: mark };
          return Object.keys(metadata).some((key) => key !== 'Drydock');
        }).length,
  },
};

/** Looks at the properties of each resource; gives back how many were of interest. */
function each(template: Sections, look: (properties: Fields, resource: Fields, id: string) => boolean): number {
  const resources = Object.entries(template['Resources'] ?? {});
  return resources.filter(([id, resource]) => look((resource['Properties'] ?? {}) as Fields, resource, id)).length;
}

/** The log group that a function writes to and the queues that it works off, as SAM's template has them. */
function usedBy(sam: Sections, id: string): { logs: string; queues: Json[] } {
  const resources = sam['Resources'] ?? {};
  const logging = ((resources[id]?.['Properties'] as Fields | undefined)?.['LoggingConfig'] as Fields | undefined)?.['LogGroup'];
  const mappings = Object.values(resources).filter(({ Type }) => Type === 'AWS::Lambda::EventSourceMapping');
  const of = mappings
    .map((mapping) => mapping['Properties'] as Fields)
    .filter(({ FunctionName }) => JSON.stringify(FunctionName) === JSON.stringify({ Ref: id }));
  return {
    logs: String((logging as Fields | undefined)?.['Ref']),
    queues: of.map(({ EventSourceArn }) => EventSourceArn ?? null),
  };
}
