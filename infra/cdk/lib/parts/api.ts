/** The API for apps, voice and partners: API Gateway checks who asks, the function what they may do. */

import { Aws, CfnResource, Fn, type CfnCondition } from 'aws-cdk-lib';
import { CfnApi, CfnStage } from 'aws-cdk-lib/aws-apigatewayv2';
import { CfnPermission } from 'aws-cdk-lib/aws-lambda';
import type { Construct, IConstruct } from 'constructs';
import { acknowledge } from '../constructs/acknowledge.js';
import { FleetFunction } from '../constructs/fleet-function.js';
import { allow, iot } from '../constructs/policy.js';
import type { Around } from './functions.js';

export function api(scope: Construct, { binaries, parameters, tables, messaging }: Around) {
  const { withApi, apiIssuer, apiAudience } = parameters;
  const lambda = new FleetFunction(scope, 'FleetApi', {
    binaries,
    binary: 'fleet-api',
    description: 'Answers apps - homes, their members and their devices.',
    // A request may wait for a device for 20 seconds; API Gateway waits for 30.
    timeoutSeconds: 28,
    environment: { HOMES_TABLE: tables.homes.tableName, CONNECTIVITY_TABLE: tables.connectivity.tableName },
    statements: [
      allow(
        ['dynamodb:ConditionCheckItem', 'dynamodb:DeleteItem', 'dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:UpdateItem'],
        tables.homes.arn,
      ),
      allow('dynamodb:GetItem', tables.connectivity.arn),
      allow(['iot:GetThingShadow', 'iot:UpdateThingShadow'], iot('thing/*'), {
        wide: 'Which devices there are is not known at deployment: any of this account and region',
      }),
    ],
    alerts: messaging.alerts,
    errors: { description: "Apps may get no answers - the API's function fails." },
    throttles: "Apps are turned away - the API's function is invoked more often than the account allows.",
  });
  when(withApi, lambda, tables.homes);

  const ifApi = (value: unknown) => Fn.conditionIf(withApi.logicalId, value, Aws.NO_VALUE);
  const integration = (authorizer: string) => ({
    'x-amazon-apigateway-integration': {
      httpMethod: 'POST',
      type: 'aws_proxy',
      uri: ifApi(`arn:${Aws.PARTITION}:apigateway:${Aws.REGION}:lambda:path/2015-03-31/functions/${lambda.arn}/invocations`),
      payloadFormatVersion: '2.0',
    },
    security: [{ [authorizer]: [] }],
    responses: {},
  });
  const http = new CfnApi(scope, 'FleetApiGateway', {
    body: {
      openapi: '3.0.1',
      info: { version: '1.0', title: `${Aws.STACK_NAME}-fleet-api` },
      paths: {
        '/openapi.json': ifApi({ get: ifApi(integration('NONE')) }),
        '/{proxy+}': ifApi({
          'x-amazon-apigateway-any-method': ifApi({
            ...integration('People'),
            parameters: [{ required: true, name: 'proxy+', in: 'path' }],
          }),
        }),
      },
      components: {
        securitySchemes: {
          People: {
            type: 'oauth2',
            'x-amazon-apigateway-authorizer': {
              jwtConfiguration: { audience: [apiAudience], issuer: apiIssuer },
              identitySource: '$request.header.Authorization',
              type: 'jwt',
            },
          },
        },
      },
    },
  });
  http.overrideLogicalId('FleetApi');
  // SAM asks for the condition again within what has it; so does this, as the two templates are held to each other.
  http.addMetadata('cfn-lint', { config: { ignore_checks: ['W1028'] } });
  const stage = new CfnStage(scope, 'FleetApiApiGatewayDefaultStage', {
    apiId: http.ref,
    stageName: '$default',
    autoDeploy: true,
    defaultRouteSettings: { throttlingBurstLimit: 200, throttlingRateLimit: 100 },
  });
  acknowledge(
    stage,
    "The function logs and counts each request; API Gateway's own log would hold it a second time",
    'AwsSolutions-APIG1',
  );
  const permission = (id: string, route: string) =>
    new CfnPermission(scope, id, {
      action: 'lambda:InvokeFunction',
      functionName: lambda.functionName,
      principal: 'apigateway.amazonaws.com',
      sourceArn: `arn:${Aws.PARTITION}:execute-api:${Aws.REGION}:${Aws.ACCOUNT_ID}:${http.ref}/*/${route}`,
    });
  when(
    withApi,
    http,
    stage,
    permission('FleetApiFunctionDescribedPermission', 'GET/openapi.json'),
    permission('FleetApiFunctionAskedPermission', '*/*'),
  );
  return { url: `https://${http.ref}.execute-api.${Aws.REGION}.${Aws.URL_SUFFIX}` };
}

/** Makes all resources of the constructs under the condition alone. */
function when(condition: CfnCondition, ...constructs: IConstruct[]): void {
  for (const node of constructs.flatMap((construct) => construct.node.findAll())) {
    if (CfnResource.isCfnResource(node)) node.cfnOptions.condition = condition;
  }
}
