import formats from 'ajv-formats'
import { Ajv } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'

const latest = new Ajv2020({ strict: false, logger: false })
const draft7 = new Ajv({ strict: false, logger: false })
for (const ajv of [latest, draft7]) formats.default(ajv)

/** Ajv, which knows tuples as `prefixItems` (2020-12) or as a list of `items` (draft 7). */
export function validator (schema: object): (value: unknown) => true | string {
  const ajv = JSON.stringify(schema).includes('"items":[') ? draft7 : latest
  const validate = ajv.compile(schema)
  return value => validate(value) ? true : ajv.errorsText(validate.errors)
}
