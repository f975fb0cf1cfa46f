/** What is one in two templates, and what is not. */

import { describe, expect, test } from 'vitest';
import { canonical, type Json } from './canonical.js';

const ARN: Json = { 'Fn::Sub': 'arn:${AWS::Partition}:iot:${AWS::Region}:${Type.Arn}:client/${!iot:ClientId}' };

const SAME: [string, Json, Json][] = [
  [
    'a text that is put together',
    ARN,
    {
      'Fn::Join': [
        '',
        [
          'arn:',
          { Ref: 'AWS::Partition' },
          ':iot:',
          { Ref: 'AWS::Region' },
          ':',
          { 'Fn::GetAtt': ['Type', 'Arn'] },
          ':client/${iot:ClientId}',
        ],
      ],
    },
  ],
  [
    'a text with names of its own',
    { 'Fn::Sub': ['${Here}-${AWS::Region}', { Here: { Ref: 'Topic' } }] },
    { 'Fn::Sub': '${Topic}-${AWS::Region}' },
  ],
  ['an attribute in either form', { 'Fn::GetAtt': 'Queue.Arn' }, { 'Fn::GetAtt': ['Queue', 'Arn'] }],
  ['a number and its text', { Timeout: 10 }, { Timeout: '10' }],
  ['a truth value and its text', { Enabled: true }, { Enabled: 'true' }],
  ['the order of members', { A: 1, B: 2 }, { B: 2, A: 1 }],
  ['texts of JSON', '{"a": 1, "b": [2]}', '{\n  "b": [2],\n  "a": 1\n}'],
  [
    'the order in a policy document',
    { Statement: [{ Action: ['a', 'b'] }, { Action: 'c' }] },
    { Statement: [{ Action: ['c'] }, { Action: ['b', 'a'] }] },
  ],
  ['one statement and a list of it', { Statement: { Action: 'a' } }, { Statement: [{ Action: ['a'] }] }],
  [
    'the order of policies',
    { Policies: [{ PolicyName: 'a' }, { PolicyName: 'b' }] },
    { Policies: [{ PolicyName: 'b' }, { PolicyName: 'a' }] },
  ],
];

const OTHER: [string, Json, Json][] = [
  ['a reference and a text of its name', { Ref: 'Topic' }, 'Topic'],
  ['a reference and a policy variable of its name', { 'Fn::Sub': '${Topic}' }, { 'Fn::Sub': '${!Topic}' }],
  ['a resource and its attribute', { Ref: 'Queue' }, { 'Fn::GetAtt': ['Queue', 'Arn'] }],
  ['the order of a list', { Layers: ['a', 'b'] }, { Layers: ['b', 'a'] }],
  ['an effect', { Statement: [{ Effect: 'Allow' }] }, { Statement: [{ Effect: 'Deny' }] }],
  ['a condition', { Statement: [{ Condition: { Bool: { a: 'true' } } }] }, { Statement: [{}] }],
  ['a condition of the template', { 'Fn::If': ['A', 'x', ''] }, { 'Fn::If': ['B', 'x', ''] }],
  ['a separator', { 'Fn::Join': ['-', ['a', 'b']] }, { 'Fn::Join': ['', ['a', 'b']] }],
];

describe('one', () => {
  test.each(SAME)('%s', (_, left, right) => expect(canonical(left)).toEqual(canonical(right)));
});

describe('not one', () => {
  test.each(OTHER)('%s', (_, left, right) => expect(canonical(left)).not.toEqual(canonical(right)));
});
