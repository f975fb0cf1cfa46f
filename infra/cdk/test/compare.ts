/** Says in which resources, parameters, conditions and outputs two templates differ. */

import { canonical, type Json, type Sections } from './canonical.js';

const SECTIONS = ['Parameters', 'Conditions', 'Resources', 'Outputs', 'Rules', 'Mappings'];

/** A line for each difference, such as `Resources.TelemetryFunction.Properties.Timeout: SAM has "10", CDK "12"`. */
export function differences(sam: Sections, cdk: Sections): string[] {
  return SECTIONS.flatMap((section) => below(section, canonical(sam[section] ?? {}), canonical(cdk[section] ?? {})));
}

function below(path: string, sam: Json | undefined, cdk: Json | undefined): string[] {
  if (JSON.stringify(sam) === JSON.stringify(cdk)) return [];
  if (sam === undefined) return [`${path}: only CDK has it: ${shown(cdk)}`];
  if (cdk === undefined) return [`${path}: only SAM has it: ${shown(sam)}`];
  if (isMap(sam) && isMap(cdk)) {
    const keys = [...new Set([...Object.keys(sam), ...Object.keys(cdk)])].sort();
    return keys.flatMap((key) => below(`${path}.${key}`, sam[key], cdk[key]));
  }
  if (Array.isArray(sam) && Array.isArray(cdk)) {
    if (sam.length === cdk.length) return sam.flatMap((item, at) => below(`${path}[${at}]`, item, cdk[at]));
    const only = (list: Json[], other: Json[]) =>
      list.filter((item) => !other.some((of) => JSON.stringify(of) === JSON.stringify(item)));
    return [`${path}: only SAM has ${shown(only(sam, cdk))}, only CDK ${shown(only(cdk, sam))}`];
  }
  return [`${path}: SAM has ${shown(sam)}, CDK ${shown(cdk)}`];
}

function isMap(value: Json): value is { [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function shown(value: Json | undefined): string {
  return JSON.stringify(value);
}
