/** Small schemas of which the schemas of bodies consist. */
export type Json = Record<string, unknown>;

/** A reference to one of `schemas`. */
export const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });

export const object = (properties: Record<string, Json>, optional: string[] = []): Json => ({
  type: 'object',
  required: Object.keys(properties).filter((name) => !optional.includes(name)),
  properties,
});
export const count = { type: 'integer', minimum: 0 };
export const time = { type: ['string', 'null'], format: 'date-time' };
